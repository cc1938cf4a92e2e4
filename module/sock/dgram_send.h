/* SPDX-License-Identifier: GPL-2.0 */
/* Sending on a datagram socket. */
#ifndef YOKE_DGRAM_SEND_H
#define YOKE_DGRAM_SEND_H

struct msghdr;
struct sock;
struct socket;

/* sendmsg(2): @len, or what UDP's fails with. Takes the socket lock for a datagram in parts only. */
int yoke_dgram_send_msg(struct sock *sk, struct msghdr *msg, size_t len);
/* Sends what MSG_MORE or UDP_CORK held back; 0 or -errno. Socket lock held. */
int yoke_dgram_send_pending(struct sock *sk);
/* proto_ops.splice_eof: sends it, unless UDP_CORK did. */
void yoke_dgram_send_eof(struct socket *sock);
/* Forgets it. Socket lock held. */
void yoke_dgram_send_flush(struct sock *sk);

#endif
