/* SPDX-License-Identifier: GPL-2.0 */
/* A connection that a SYN asked for, before the handshake is complete. */
#ifndef YOKE_REQUEST_H
#define YOKE_REQUEST_H

#include "ack.h"

/**
 * struct yoke_request - a connection in SYN-RECEIVED that came from LISTEN (RFC 9293 MUST-11),
 * before it is worth a socket
 * @node:	in the connection table; its device is the one that answers leave by, and the child
 *		will be bound to
 * @list:	in &yoke_listener.requests, under its lock; empty once it has left
 * @listener:	the socket it belongs to; alive as long as @list is not empty (the listener drops
 *		its requests first)
 * @refs:	table, timer, and who works on it
 * @txhash:	yoke_request_txhash(), once the SYN-ACK had to be sent again
 * @timer:	SYN-ACK retransmission; @retries how many there were, or would have been if it were not
 *		@acked already, @sent_us when the last one left
 * @acked:	but TCP_DEFER_ACCEPT waits for more; @rtt_us after how long, 0 if that is not known
 * @saved_syn:	for TCP_SAVED_SYN, or NULL
 * @syn:	what the child shall know of the SYN's IP header, or NULL
 * @rx:		the way back: the SYN as the carrier saw it; its options are the request's to free; its mark
 *		is the listener's, or the SYN's if net.ipv4.tcp_fwmark_accept says so
 * @passing:	it lies on the stack, in no table, on no list, without a timer: the SYN is answered
 *		with a cookie, or there is a child at once
 * @cookie:	all that is known comes from a SYN cookie, or went into it
 * @irs @iss @rcv_wnd …: what the child's struct yoke_sock begins with, under the same names
 */
struct yoke_request {
	struct yoke_node node;
	struct list_head list;
	struct sock	*listener;
	refcount_t	refs;
	u32	txhash;
	union {
		struct timer_list timer;
		struct rcu_head	rcu;	/* once nobody holds it */
	};
	struct yoke_rx	rx;
	struct yoke_saved_syn *saved_syn;
	struct sk_buff	*syn;
	u32	irs;
	u32	iss;
	u32	tsval;		/* TS.Recent */
	u32	ts_offset;
	u32	sent_us;
	u32	rtt_us;
	u32	challenge_jiffies;	/* the last ACK that answered a wrong segment */
	u16	wnd;		/* the SYN's window, which has no scale */
	u16	mss;		/* the peer's option, or the default */
	u16	advmss;
	u16	again;		/* how often the SYN-ACK went again */
	u8	retries;
	u8	snd_wscale;
	u8	rcv_wscale;
	bool	use_ts:1,
		use_sack:1,
		use_wscale:1,
		passing:1,
		cookie:1;
	bool	acked;
	u8	ecn_mode:2,
		ecn_again:1,	/* the SYN came more than once, */
		ecn_bare:1;	/* and without ECN's flags */
	int	rcv_wnd;
};

/* The child's sk_txhash: what nobody guesses, and a cookie brings back. */
static inline u32 yoke_request_txhash(const struct yoke_request *req)
{
	return (READ_ONCE(req->txhash) ?: req->iss) ?: 1;	/* its timer may change it */
}

int yoke_request_init(void);
void yoke_request_exit(void);

/*
 * For a request on the stack: puts into @req, which is zero but for @passing and @cookie, what the
 * SYN @s offers and what we make of it. False if there is no way back; else @route is that way, and
 * the caller's, for yoke_request_send_by() or dst_release(). Either way yoke_request_forget() has to
 * follow.
 */
bool yoke_request_fill(struct yoke_request *req, struct sock *sk, struct sk_buff *skb,
		       const struct yoke_segment *s, const struct yoke_rx *rx,
		       struct yoke_route *route);
/* Frees what @req points to, not @req. */
void yoke_request_forget(struct yoke_request *req);
/* A request that can outlive this call, filled likewise. NULL: no way back, or no memory. */
struct yoke_request *yoke_request_new(struct sock *sk, struct sk_buff *skb,
				      const struct yoke_segment *s, const struct yoke_rx *rx,
				      struct yoke_route *route);
/*
 * @req becomes visible; from now on its timer watches over it. False, and it is gone, if its pair
 * is in the table already, or the listener closes.
 */
bool yoke_request_add(struct yoke_request *req);
/* Sends @req's SYN-ACK, or an ACK (@flags), by a route that is looked up for it. */
void yoke_request_send(struct yoke_request *req, u16 flags);
/* The same by @route, which is used up; with @answer's Fast Open cookie, if it is not NULL. */
void yoke_request_send_by(struct yoke_request *req, u16 flags, const struct yoke_opt *answer,
			  struct yoke_route *route);
/* The SYN came again: our answer was lost. Rate-limited as those to suspicious segments. */
void yoke_request_again(struct yoke_request *req);
/*
 * An ACK because of a suspicious segment, rate-limited as those of connections (RFC 5961 §7):
 * a request of a pair whose two ends are the same, forged, would answer itself for ever.
 */
void yoke_request_challenge(struct yoke_request *req);
/*
 * The ACK that completes the handshake is here, and nothing with it: TCP_DEFER_ACCEPT may have it
 * wait for data. False if the time for that is over.
 */
bool yoke_request_defer(struct yoke_request *req);
/* @req ends without a child. False if it has ended before, or become one. */
bool yoke_request_drop(struct yoke_request *req);
/*
 * The child @ys takes @req's place in the table, or, if @req is @passing and has none, a free one.
 * False if @req has ended, or another has the place. Listener's lock held; unless @passing,
 * yoke_request_release() follows when that is let go.
 */
bool yoke_request_replace(struct yoke_request *req, struct yoke_sock *ys);
/* Ends @req's timer, and gives up the references of timer and table. */
void yoke_request_release(struct yoke_request *req);

#endif
