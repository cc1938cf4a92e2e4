/* SPDX-License-Identifier: GPL-2.0 */
/* setsockopt(2) and getsockopt(2) of a datagram socket, all levels but SOL_SOCKET. */
#ifndef YOKE_DGRAM_OPTION_H
#define YOKE_DGRAM_OPTION_H

#include <linux/sockptr.h>

struct sock;

int yoke_dgram_option_set(struct sock *sk, int level, int name, sockptr_t optval, unsigned int len);
int yoke_dgram_option_get(struct sock *sk, int level, int name, char __user *optval,
			  int __user *optlen);

#endif
