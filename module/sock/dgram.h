/* SPDX-License-Identifier: GPL-2.0 */
/* The calls on datagram sockets. */
#ifndef YOKE_SOCK_DGRAM_H
#define YOKE_SOCK_DGRAM_H

#include <net/sock.h>

extern struct proto yoke_dgram_proto;
extern const struct proto_ops yoke_dgram_ops;

#endif
