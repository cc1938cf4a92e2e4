/* SPDX-License-Identifier: GPL-2.0 */
/* Segments are made here and nowhere else. Unless said otherwise the socket lock is held. */
#ifndef YOKE_OUTPUT_H
#define YOKE_OUTPUT_H

#include "queue.h"

/* Data bytes a segment carries right now, beside all of its options. */
unsigned int yoke_output_mss(const struct yoke_sock *ys);
/*
 * Puts the header in front of @skb, a buffer nobody else keeps, and hands it to IP. @fresh: it was
 * not sent before. @cookie: for a SYN's Fast Open option, or NULL. 0 or -errno.
 */
int yoke_output_transmit(struct sock *sk, struct sk_buff *skb, u32 seq, u16 flags, bool fresh,
			 const struct yoke_opt_cookie *cookie);
/* The same for a clone of @skb, which stays queued until it is acknowledged. */
int yoke_output_queued(struct sock *sk, struct sk_buff *skb, const struct yoke_opt_cookie *cookie);
/* A segment without data. */
void yoke_output_bare(struct sock *sk, u32 seq, u8 flags);
/* An ACK now; the one owed is settled. */
void yoke_output_ack(struct sock *sk);
/* An ACK because of a suspicious segment, rate-limited (RFC 5961 §7). */
void yoke_output_challenge(struct sock *sk);
/* A reset for an established connection that the program aborts. */
void yoke_output_reset(struct sock *sk);
/* The program has read: an ACK if the peer has to hear of it (yoke_window_read()). */
void yoke_output_window_update(struct sock *sk);
/* The program goes to sleep: an ACK that waited to go with its answer leaves. */
void yoke_output_quick(struct sock *sk);

/* For no socket. Any context under RCU, no locks. */

/* As yoke_net_may_answer(); counts, as ACKSkippedChallenge, what is not to be answered. */
bool yoke_output_may_answer(struct net *net, u32 *last);

/* What a segment without data says. */
struct yoke_control {
	u32 seq, ack;
	u32 wnd;			/* as it goes into the header, but no more than fits */
	u16 flags;
	const struct yoke_opt *opt;	/* or NULL */
	struct sock *owner;		/* whose the packet is, or NULL */
};

/*
 * Looks up the way to @rx's sender, by @rx->mark, with @sk's options, if that is not NULL. 0, or
 * -errno if there is none. Whoever does not send by it has to release @route->dst.
 */
int yoke_output_route(struct yoke_route *route, struct net *net, struct sock *sk,
		      const struct yoke_rx *rx);
/*
 * Sends a segment that says @says by @route, whose dst it takes over. @sk, which may be NULL, is the
 * socket that IP takes for the sender.
 */
void yoke_output_control(struct net *net, struct sock *sk, const struct yoke_route *route,
			 const struct yoke_control *says);
/*
 * The same, but first looks up the way back to the sender of @skb, without a socket's options; nothing
 * is sent if there is none. @mark and @txhash as in struct yoke_route.
 */
void yoke_output_answer(struct net *net, const struct sk_buff *skb, const struct yoke_rx *rx, u32 mark,
			u32 txhash, const struct yoke_control *says);
/* The reset that answers a segment nobody wants (RFC 9293 §3.5.2 group 1); none for a reset. */
void yoke_output_reset_for(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx);

#endif
