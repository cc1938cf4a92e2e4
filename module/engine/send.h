/* SPDX-License-Identifier: GPL-2.0 */
/* What is sent, and when. The socket lock is held. */
#ifndef YOKE_SEND_H
#define YOKE_SEND_H

#include "queue.h"

/* Bytes a buffer of the write queue should hold: a multiple of MSS, as large as GSO takes. */
unsigned int yoke_send_goal(struct sock *sk);

enum yoke_push {
	YOKE_PUSH_NAGLE,	/* as window, cwnd, Nagle and cork allow */
	YOKE_PUSH_MORE,		/* the program said more follows (MSG_MORE): full segments only */
	YOKE_PUSH_ALL,		/* cork and Nagle are lifted: NODELAY set, uncork, FIN */
};
/* Sends what may be sent: lost segments first, then new ones. */
void yoke_send_push(struct sock *sk, enum yoke_push how);

/* What an active open starts from: MSS, congestion control, the window to offer. */
void yoke_send_open(struct sock *sk);
/* Opens: makes the SYN of connect(2), and the numbers. 0, -ENOBUFS. */
int yoke_send_syn_prepare(struct sock *sk);
/* Bytes of data that the SYN may carry (RFC 7413 §4.2.1), 0 if the server has to be asked first. */
unsigned int yoke_send_syn_room(struct sock *sk);
/*
 * Sends it. @ask: with what Fast Open needs, and the buffer at the head of the write queue if
 * yoke_send_syn_room() let it in; it stays there as if it had not been sent. 0, -ECONNREFUSED.
 */
int yoke_send_syn(struct sock *sk, bool ask);
/*
 * The SYN-ACK of a connection that is open with the SYN (RFC 7413), with @answer's cookie if it has
 * one. 0, or -ENOBUFS. BH.
 */
int yoke_send_syn_ack(struct sock *sk, const struct yoke_opt *answer);
/* Queues a FIN behind the data and pushes. */
void yoke_send_fin(struct sock *sk);
/*
 * The first unacknowledged segment again: a timeout's, or a SYN that was not heard. What recovery
 * finds lost goes by yoke_send_push(). 0 or -errno.
 */
int yoke_send_retransmit_head(struct sock *sk);
/* A tail loss probe (RFC 8985 §7.3). False if there was nothing to probe with. */
bool yoke_send_tlp(struct sock *sk);
/* A zero-window probe (RFC 9293 §3.8.6.1) or (@keepalive) one byte below the window (§3.8.4). */
void yoke_send_probe(struct sock *sk, bool keepalive);
/* The route's MTU has changed: sends what is too large in smaller pieces. */
void yoke_send_mtu(struct sock *sk);

#endif
