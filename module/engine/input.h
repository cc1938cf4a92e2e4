/* SPDX-License-Identifier: GPL-2.0 */
/* RFC 9293 §3.10.7.3 and .4: a segment arrives at a connection. */
#ifndef YOKE_INPUT_H
#define YOKE_INPUT_H

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

/* @skb, consumed. Socket lock held (BH, or as backlog). Also sk_backlog_rcv. */
int yoke_input(struct sock *sk, struct sk_buff *skb);
/* TS.Recent is not known: whichever timestamp comes next will do. */
void yoke_input_forget_ts(struct yoke_sock *ys);

#endif
