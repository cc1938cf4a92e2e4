/* SPDX-License-Identifier: GPL-2.0 */
/* RFC 9293 §3.10.7.3 and .4: a segment arrives at a connection. */
#ifndef YOKE_INPUT_H
#define YOKE_INPUT_H

#include <net/busy_poll.h>
#include <net/xfrm.h>
#include "ack.h"

/*
 * @skb is going to be a connection's: nothing of IP's is needed further on, and it may lie there for as
 * long as the program likes. Routes and IPsec's states hold devices, which would wait for that.
 */
static inline void yoke_input_strip(struct sk_buff *skb)
{
	skb_dst_drop(skb);
	secpath_reset(skb);
	nf_reset_ct(skb);
	skb->dev = NULL;
}

/* @skb, with @ecn in its IP header, is @sk's now, and says where and when it came. Socket locked. */
static inline void yoke_input_take(struct sock *sk, struct sk_buff *skb, u8 ecn)
{
	sk_mark_napi_id(sk, skb);
	sk_incoming_cpu_update(sk);
	yoke_input_strip(skb);
	yoke_cb(skb)->ecn = ecn;
	/* By a device it has been stamped. Who asks for it just now may not have this one's. */
	if (unlikely(data_race(sk->sk_flags) & SK_FLAGS_TIMESTAMP && !skb->tstamp))
		__net_timestamp(skb);
}

/* A segment arrives: @skb, consumed. Always 0. Socket lock held (BH, or as backlog). */
int yoke_input(struct sock *sk, struct sk_buff *skb);
/* TS.Recent is not known: whichever timestamp comes next will do. */
void yoke_input_forget_ts(struct yoke_sock *ys);

#endif
