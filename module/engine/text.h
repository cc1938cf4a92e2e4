/* SPDX-License-Identifier: GPL-2.0 */
/* RFC 9293 §3.10.7.4, seventh and eighth step: the text of a segment, and its FIN. */
#ifndef YOKE_TEXT_H
#define YOKE_TEXT_H

#include "ack.h"

/* Seventh step: the text of @s, and its FIN's place in it; consumed. Socket lock held, BH or backlog. */
void yoke_text_rcv(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s);
/* The text of the SYN @s that opened @sk (RFC 7413), consumed. Socket lock held, BH. */
void yoke_text_rcv_syn(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s);
/*
 * Appends @skb, data only and consumed, to the receive queue as if it had come just now. 0, or
 * -ENOBUFS. Socket lock held.
 */
int yoke_text_refill(struct sock *sk, struct sk_buff *skb);
/* [start, end) came twice: the next ACK says so (RFC 2883). */
void yoke_text_dsack(struct yoke_sock *ys, u32 start, u32 end);

#endif
