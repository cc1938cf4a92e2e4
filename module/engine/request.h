/* SPDX-License-Identifier: GPL-2.0 */
/* A connection that a SYN asked for, before the handshake is complete. */
#ifndef YOKE_REQUEST_H
#define YOKE_REQUEST_H

#include "ack.h"

/**
 * struct yoke_request - a connection in SYN-RECEIVED that came from LISTEN (RFC 9293 MUST-11),
 * before it is worth a socket
 * @node:	in the connection table
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
 * What the SYN @s offers, and what we make of it, in @req, which is zero but for @passing and @cookie. False if
 * there is no way back; else that is in @route, for yoke_request_send_by() or dst_release().
 * Either way it needs yoke_request_forget(), as it frees what @req points to.
 */
bool yoke_request_fill(struct yoke_request *req, struct sock *sk, struct sk_buff *skb,
		       const struct yoke_segment *s, const struct yoke_rx *rx,
		       struct yoke_route *route);
void yoke_request_forget(struct yoke_request *req);
/* The same, made: NULL if there is no memory, too. */
struct yoke_request *yoke_request_new(struct sock *sk, struct sk_buff *skb,
				      const struct yoke_segment *s, const struct yoke_rx *rx,
				      struct yoke_route *route);
/*
 * It becomes visible; from now on its timer watches over it. False, and it is gone, if its pair is
 * in the table already, or the listener closes.
 */
bool yoke_request_add(struct yoke_request *req);
/* A SYN-ACK, or an ACK, of its. */
void yoke_request_send(struct yoke_request *req, u16 flags);
/* The same by @route, which is used up; @answer: with its Fast Open cookie, or NULL. */
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
/* It ends without a child. False if it has ended, or become one, before. */
bool yoke_request_drop(struct yoke_request *req);
/*
 * A child takes its place in the table; a cookie holds none. False if that is no more, or another
 * has it. Listener's lock held; yoke_request_release() follows without it, but for cookies.
 */
bool yoke_request_replace(struct yoke_request *req, struct yoke_sock *ys);
void yoke_request_release(struct yoke_request *req);

#endif
