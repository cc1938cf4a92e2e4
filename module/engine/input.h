/* SPDX-License-Identifier: GPL-2.0 */
/* RFC 9293 §3.10.7.3 and .4: a segment arrives at a connection. */
#ifndef YOKE_INPUT_H
#define YOKE_INPUT_H

#include "ack.h"

/* @skb, consumed. Socket lock held (BH, or as backlog). Also sk_backlog_rcv. */
int yoke_input(struct sock *sk, struct sk_buff *skb);
/* The text of the SYN @s that opened @sk (RFC 7413), consumed. Socket lock held, BH. */
void yoke_input_syn_data(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s);
/*
 * Appends @skb, data only and consumed, to the receive queue as if it had come just now. 0, or
 * -ENOBUFS. Socket lock held.
 */
int yoke_input_refill(struct sock *sk, struct sk_buff *skb);
/* TS.Recent is not known: whichever timestamp comes next will do. */
void yoke_input_forget_ts(struct yoke_sock *ys);

#endif
