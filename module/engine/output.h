/* SPDX-License-Identifier: GPL-2.0 */
/* Segments are made here and nowhere else. Unless said otherwise the socket lock is held. */
#ifndef YOKE_OUTPUT_H
#define YOKE_OUTPUT_H

#include "queue.h"

/* Bytes a buffer of the write queue should hold: a multiple of MSS, as large as GSO takes. */
unsigned int yoke_output_goal(struct sock *sk);

enum yoke_push {
	YOKE_PUSH_NAGLE,	/* as window, cwnd, Nagle and cork allow */
	YOKE_PUSH_MORE,		/* the program said more follows (MSG_MORE): full segments only */
	YOKE_PUSH_ALL,		/* cork and Nagle are lifted: NODELAY set, uncork, FIN */
};
/* Sends what may be sent: lost segments first, then new ones. */
void yoke_output_push(struct sock *sk, enum yoke_push how);

/* Opens: makes the SYN of connect(2), and the numbers. 0, -ENOBUFS. */
int yoke_output_syn_prepare(struct sock *sk);
/* Bytes of data that the SYN may carry (RFC 7413 §4.2.1), 0 if the server has to be asked first. */
unsigned int yoke_output_syn_room(struct sock *sk);
/*
 * Sends it. @ask: with what Fast Open needs, and the buffer at the head of the write queue if
 * yoke_output_syn_room() let it in; it stays there as if it had not been sent. 0 or -errno of the
 * carrier (the timer will try again).
 */
int yoke_output_syn_send(struct sock *sk, bool ask);
/*
 * The SYN-ACK of a connection that is open with the SYN (RFC 7413), with @answer's cookie if it has
 * one. 0, or -ENOBUFS. BH.
 */
int yoke_output_syn_ack(struct sock *sk, const struct yoke_opt *answer);
/* Queues a FIN behind the data and pushes. */
void yoke_output_fin(struct sock *sk);
/* An ACK now; the one owed is settled. */
void yoke_output_ack(struct sock *sk);
/* An ACK because of a suspicious segment, rate-limited (RFC 5961 §7). */
void yoke_output_challenge(struct sock *sk);
/* A reset for an established connection that the program aborts. */
void yoke_output_reset(struct sock *sk);
/* RTO: the first unacknowledged segment again. REO/fast retransmit goes through push. */
int yoke_output_retransmit_head(struct sock *sk);
/* A tail loss probe (RFC 8985 §7.3). False if there was nothing to probe with. */
bool yoke_output_tlp(struct sock *sk);
/* A zero-window probe (RFC 9293 §3.8.6.1) or (@keepalive) one byte below the window (§3.8.4). */
void yoke_output_probe(struct sock *sk, bool keepalive);
/* The route's MTU has changed: sends what is too large in smaller pieces. */
void yoke_output_mtu(struct sock *sk);
/* The program has read: tell the peer if the window has opened enough (RFC 9293 MUST-39). */
void yoke_output_window_update(struct sock *sk);

/*
 * For no socket. Any context under RCU, no locks.
 * @flags segment toward @rx's sender with the given numbers; @opt may be NULL; @sk may be NULL or
 * lend its options.
 */
void yoke_output_control(struct net *net, struct sock *sk, const struct yoke_rx *rx, u32 mark,
			 u32 seq, u32 ack, u32 wnd, u16 flags, const struct yoke_opt *opt);
/* The reset that answers a segment nobody wants (RFC 9293 §3.5.2 group 1); none for a reset. */
void yoke_output_reset_for(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx);

#endif
