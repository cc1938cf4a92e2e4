/* SPDX-License-Identifier: GPL-2.0 */
/* What a program reads from a stream. */
#ifndef YOKE_READ_H
#define YOKE_READ_H

#include "../engine/conn.h"

/* proto_ops.recvmsg, .splice_read, .mmap. */
int yoke_read(struct socket *sock, struct msghdr *msg, size_t len, int flags);
ssize_t yoke_read_splice(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe, size_t len,
			 unsigned int flags);
int yoke_read_mmap(struct file *file, struct socket *sock, struct vm_area_struct *vma);

/* Socket locked: how many bytes a read would give, those before an urgent one. */
int yoke_read_bytes(struct sock *sk);
/* TCP_INQ: how much more there is, or 1 if that is the end of the stream. */
int yoke_read_inq(const struct sock *sk);
/*
 * TCP_ZEROCOPY_RECEIVE but for the fields err and inq. 0, or -errno: -EINVAL (address), -ENOTCONN
 * (listening), -EIO (the end), -EFAULT. Socket locked.
 */
int yoke_read_zerocopy(struct sock *sk, struct tcp_zerocopy_receive *zc);

#endif
