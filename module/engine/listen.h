/* SPDX-License-Identifier: GPL-2.0 */
/* The passive open: SYN -> request -> child -> accept queue. */
#ifndef YOKE_LISTEN_H
#define YOKE_LISTEN_H

#include "ack.h"

/**
 * struct yoke_request - a connection in SYN-RECEIVED that came from LISTEN (RFC 9293 MUST-11),
 * before it is worth a socket
 * @node:	in the connection table
 * @list:	in &yoke_listener.requests, under its lock; empty once it has left
 * @listener:	the socket it belongs to; alive as long as @list is not empty (the listener drops
 *		its requests first)
 * @refs:	table, timer, and who works on it
 * @timer:	SYN-ACK retransmission; @retries how many there were,
 *		@sent_us when the last one left
 * @rx:		the way back: the SYN as the carrier saw it, and with @mark its mark
 * @irs @iss @rcv_wnd …: what the child's struct yoke_sock begins with, under the same names
 */
struct yoke_request {
	struct yoke_node node;
	struct list_head list;
	struct sock	*listener;
	refcount_t	refs;
	struct timer_list timer;
	struct yoke_rx	rx;
	struct rcu_head	rcu;
	u32	irs;
	u32	iss;
	u32	tsval;		/* TS.Recent */
	u32	ts_offset;
	u32	mark;
	u32	sent_us;
	u32	challenge_jiffies;	/* the last ACK that answered a wrong segment */
	u32	wnd;		/* the SYN's window */
	u16	mss;		/* the peer's option, or the default */
	u16	advmss;
	u8	retries;
	u8	snd_wscale;
	u8	rcv_wscale;
	bool	use_ts:1,
		use_sack:1,
		use_wscale:1;
	int	rcv_wnd;
};

int yoke_listen_init(void);
void yoke_listen_exit(void);

/*
 * listen(2) on a bound socket: 0, -EADDRINUSE. Socket locked. A second call only changes the
 * backlog (the caller does that).
 */
int yoke_listen_start(struct sock *sk);
/*
 * close(2) or shutdown(2) of a listener: requests vanish, children not yet accepted are reset.
 * Socket locked.
 */
void yoke_listen_stop(struct sock *sk);
/* Takes the first child off the queue, or NULL. Socket locked. */
struct sock *yoke_listen_dequeue(struct sock *sk);
static inline bool yoke_listen_ready(const struct sock *sk)
{
	return !list_empty_careful(&yoke_sk(sk)->listener.queue);
}

/* A segment for a listener (no lock held, RCU), consumed. */
void yoke_listen_rcv(struct sock *sk, struct sk_buff *skb, const struct yoke_rx *rx);
/*
 * A segment for a request (RCU), consumed; but false, and it is left, if the request has just ended
 * or become a connection: look again.
 */
bool yoke_listen_request_rcv(struct net *net, struct yoke_request *req, struct sk_buff *skb,
			     const struct yoke_rx *rx);

#endif
