/* SPDX-License-Identifier: GPL-2.0 */
/* What a stream remembers of the IP headers of packets that came. */
#ifndef YOKE_LATCH_H
#define YOKE_LATCH_H

#include "conn.h"

/*
 * @skb is about to be handled by @sk, which may want to know what its header says: NULL, or a copy of
 * it for yoke_latch_take() afterwards. Socket locked.
 */
struct sk_buff *yoke_latch_hold(const struct sock *sk, struct sk_buff *skb);
/* @packet has been handled. Consumed. Socket locked. */
void yoke_latch_take(struct sock *sk, struct sk_buff *packet);

/* A copy of @skb, a SYN, for the child it may become of the listener @sk; or NULL. Softirq. */
struct sk_buff *yoke_latch_syn(const struct sock *sk, struct sk_buff *skb);
/* @skb makes @child, which has inherited and has no route yet. */
void yoke_latch_begin(struct sock *child, const struct sk_buff *skb);
/* *@syn, of yoke_latch_syn(), is its. Socket locked. */
void yoke_latch_begin_syn(struct sock *child, struct sk_buff **syn);

/* Do @sk's packets go out with the flow label of those that came? */
bool yoke_latch_reflects(const struct sock *sk);
/* And resets of what is for nobody? */
bool yoke_latch_reflects_resets(const struct net *net);
/* The flow label of an answer to @skb that goes for @sk, but not @sk's way; 0: what the host makes of it. */
__be32 yoke_latch_label_back(const struct sock *sk, const struct sk_buff *skb);

#endif
