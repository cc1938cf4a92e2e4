/* SPDX-License-Identifier: GPL-2.0 */
/* TCP_INFO. */
#ifndef YOKE_INFO_H
#define YOKE_INFO_H

#include <net/sock.h>

/* Fills in @info, all of it. Takes the socket lock. */
void yoke_info(struct sock *sk, struct yoke_tcp_info *info);

#endif
