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
	/*
	 * Nagle and cork hold nothing back: NODELAY set, uncork, FIN; half of the peer's largest window
	 * written without PSH; the override timeout (yoke_send_probe()).
	 */
	YOKE_PUSH_ALL,
};
/* Sends what may be sent: lost segments first, then new ones. */
void yoke_send_push(struct sock *sk, enum yoke_push how);

/* What an active open starts from: MSS, congestion control, the window to offer. */
void yoke_send_open(struct sock *sk);
/*
 * The SYN of connect(2) takes its place in the retransmit queue, and SND.UNA, SND.NXT follow from ISS;
 * nothing is sent yet. 0, -ENOBUFS.
 */
int yoke_send_syn_prepare(struct sock *sk);
/* Bytes of data that the SYN may carry (RFC 7413 §4.2.1), 0 if the server has to be asked first. */
unsigned int yoke_send_syn_room(struct sock *sk);
/*
 * Sends that SYN. @ask: with what Fast Open needs, and the buffer at the head of the write queue if
 * yoke_send_syn_room() let it in; it stays there as if it had not been sent. 0, -ECONNREFUSED.
 */
int yoke_send_syn(struct sock *sk, bool ask);
/*
 * The SYN-ACK of a connection that is open with the SYN (RFC 7413), with @answer's cookie if it has
 * one. 0, or -ENOBUFS. BH.
 */
int yoke_send_syn_ack(struct sock *sk, const struct yoke_opt *answer);
/* Queues a FIN behind the data and pushes. Without memory for it the timer tries again. */
void yoke_send_fin(struct sock *sk);
/*
 * The first unacknowledged segment again: a timeout's, or a SYN that was not heard. What recovery
 * finds lost goes by yoke_send_push(). 0 or -errno.
 */
int yoke_send_retransmit_head(struct sock *sk);
/* A tail loss probe (RFC 8985 §7.3). False if none was sent: nothing to probe with, or no memory. */
bool yoke_send_tlp(struct sock *sk);
/*
 * A zero-window probe (RFC 9293 §3.8.6.1) or @keepalive probe (§3.8.4): no data, and a number that is
 * acknowledged already, which the peer has to answer. Where a window is open, but smaller than a segment,
 * for which we otherwise wait, data that fits into it instead (§3.8.6.2.1, the override timeout).
 */
void yoke_send_probe(struct sock *sk, bool keepalive);
/*
 * ICMP says that the path carries only yoke_sock.icmp_mtu bytes: the route learns it, and what is in
 * flight and too large goes again in smaller pieces.
 */
void yoke_send_mtu(struct sock *sk);

#endif
