/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is left of a connection in TIME-WAIT, or in FIN-WAIT-2 without a program: a small object
 * instead of a socket.
 */
#ifndef YOKE_TIMEWAIT_H
#define YOKE_TIMEWAIT_H

#include "ack.h"

#define YOKE_TIMEWAIT_LEN	(60 * HZ)	/* Linux's; RFC 9293's 2 MSL would be 4 minutes */

/**
 * struct yoke_timewait - see above
 * @node:	in the connection table
 * @owner:	hold on the local port
 * @net:	the namespace; it kills us before it dies
 * @timer:	the end
 * @rcu:	when @timer is over, for the end
 * @refs:	one for the table, one for the timer
 * @lock:	protects what follows; BH off
 * @snd_nxt @rcv_nxt @ts_recent …: the connection's, under the same names
 * @rcv_wnd:	as in the header, scaled down
 * @fin_wait2:	in FIN-WAIT-2, not yet in TIME-WAIT
 * @dead:	somebody takes it out of the table
 * @foreign:	its socket was IP_TRANSPARENT's
 * @flow:	its flow label, 0: what the host makes of @txhash, its sk_txhash
 */
struct yoke_timewait {
	struct yoke_node node;
	struct yoke_owner owner;
	struct net	*net;
	union {
		struct timer_list timer;
		struct rcu_head	rcu;
	};
	refcount_t	refs;
	spinlock_t	lock;
	u32	snd_nxt;
	u32	rcv_nxt;
	u32	ts_recent;
	u32	ts_recent_s;
	u32	ts_offset;
	u32	challenge_jiffies;
	u32	mark;
	__be32	flow;
	u32	txhash;
	u16	rcv_wnd;
	u8	tos;
	u8	rcv_wscale : 4;
	bool	fin_wait2 : 1;
	bool	dead : 1;
	bool	use_ts : 1;
	bool	foreign : 1;
};

int yoke_timewait_init(void);
void yoke_timewait_exit(void);

/*
 * @sk's connection lives on in TIME-WAIT or, if @fin_wait2, in FIN-WAIT-2 for
 * @timeout jiffies without it: takes its place in the table and on its
 * port. @sk is CLOSED afterwards (yoke_conn_done()). Socket locked.
 */
void yoke_timewait_enter(struct sock *sk, bool fin_wait2, unsigned long timeout);

/*
 * @sk is in FIN-WAIT-2 and its program has gone: waits for the peer's FIN as long as
 * TCP_LINGER2 or net.yoke.fin_timeout allow, and without the socket. Socket locked, BH off.
 */
void yoke_timewait_left(struct sock *sk);

enum yoke_timewait_verdict {
	YOKE_TW_DONE,		/* consumed, answered if need be */
	/*
	 * An acceptable new SYN: the entry is gone, look for a listener; @rx->isn is beyond the
	 * old numbers.
	 */
	YOKE_TW_SYN,
	YOKE_TW_GONE,		/* somebody has just ended it: there may be something else now */
};
/* A segment for it (RCU). Consumes @skb only with YOKE_TW_DONE. */
enum yoke_timewait_verdict yoke_timewait_rcv(struct yoke_timewait *tw, struct sk_buff *skb,
					     struct yoke_rx *rx);
/*
 * connect(2) wants the pair: true, and gone, if timestamps make that safe (RFC 6191). @fresh: though
 * the last one came just now, or the peer's FIN is still to come. RCU.
 */
bool yoke_timewait_recycle(struct yoke_timewait *tw, bool fresh, u32 *write_seq, u32 *ts_recent,
			   u32 *ts_recent_s);
/* The namespace dies. */
void yoke_timewait_kill(struct yoke_timewait *tw);

#endif
