/* SPDX-License-Identifier: GPL-2.0 */
/* TCP_REPAIR: a connection is taken out of one socket and put into another. Socket locked. */
#ifndef YOKE_REPAIR_H
#define YOKE_REPAIR_H

#include "../engine/conn.h"

/*
 * setsockopt: what TCP does and fails with. TCP_REPAIR (-EPERM, -EINVAL), TCP_REPAIR_QUEUE (-EPERM,
 * -EINVAL), TCP_QUEUE_SEQ (-EPERM, -EINVAL), TCP_TIMESTAMP (-EPERM; milliseconds), TCP_REPAIR_OPTIONS
 * (-EINVAL, -EPERM, -EFBIG, -EFAULT) and TCP_REPAIR_WINDOW (-EPERM, -EINVAL, -EFAULT).
 */
int yoke_repair_set(struct sock *sk, int val);
int yoke_repair_set_queue(struct sock *sk, int val);
int yoke_repair_set_seq(struct sock *sk, u32 seq);
int yoke_repair_set_clock(struct sock *sk, u32 now);
int yoke_repair_set_options(struct sock *sk, sockptr_t optval, unsigned int len);
int yoke_repair_set_window(struct sock *sk, sockptr_t optval, unsigned int len);

/* getsockopt: -EINVAL, -EPERM. */
int yoke_repair_get_queue(const struct sock *sk, int *val);
int yoke_repair_get_seq(const struct sock *sk, int *val);
int yoke_repair_get_window(const struct sock *sk, struct tcp_repair_window *window);

/*
 * connect(2): the pair is in the table, the route known; the connection stands, with the numbers of
 * TCP_QUEUE_SEQ, and nobody was asked.
 */
void yoke_repair_open(struct sock *sk);
/* sendmsg(2) into any but the send queue. The bytes, -EINVAL, -ENOBUFS, -EFAULT. */
int yoke_repair_refill(struct sock *sk, struct msghdr *msg);
/* recvmsg(2) of any but a look at the receive queue. The bytes, -EPERM, -EINVAL, -EFAULT. */
int yoke_repair_peek(struct sock *sk, struct msghdr *msg, int flags);

#endif
