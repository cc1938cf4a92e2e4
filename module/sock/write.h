/* SPDX-License-Identifier: GPL-2.0 */
/* What a program writes into a stream. */
#ifndef YOKE_WRITE_H
#define YOKE_WRITE_H

#include <linux/net.h>

/* proto_ops.sendmsg, and .sendpage, .splice_eof where kernels have them. */
int yoke_write(struct socket *sock, struct msghdr *msg, size_t size);
YOKE_COMPAT_DECLARE_SENDPAGE(yoke_write_page)
void yoke_write_eof(struct socket *sock);

#endif
