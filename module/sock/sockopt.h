/* SPDX-License-Identifier: GPL-2.0 */
/* Options of the stream type. */
#ifndef YOKE_SOCKOPT_H
#define YOKE_SOCKOPT_H

#include <linux/net.h>
#include <linux/sockptr.h>

/* A new stream socket: what the core is to leave to us, and may ask of it. */
void yoke_sockopt_stream_init(struct socket *sock);
/* proto_ops.setsockopt and .getsockopt of the stream type; getting SOL_SOCKET is the core's. */
int yoke_sockopt_stream_set(struct socket *sock, int level, int name, sockptr_t val,
			    unsigned int len);
int yoke_sockopt_stream_get(struct socket *sock, int level, int name, char __user *val,
			    int __user *len);

#endif
