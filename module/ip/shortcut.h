/* SPDX-License-Identifier: GPL-2.0 */
/* The way between two sockets of one host that does not lead through IP and the loopback device. */
#ifndef YOKE_SHORTCUT_H
#define YOKE_SHORTCUT_H

#include <linux/skbuff.h>
#include <net/route.h>

/* @receive: takes a segment as IP hands it to a protocol. */
void yoke_shortcut_init(int (*receive)(struct sk_buff *skb));
/*
 * What was on the way has arrived: a namespace, or the module, that nobody sends in any more, may go.
 * Process context, sleeps.
 */
void yoke_shortcut_flush(void);
void yoke_shortcut_exit(void);

/*
 * May @skb, a segment without its IP header, take it over @rt? Only if it stays in @net and nothing
 * would look at it, change or delay it on the way through IP. RCU.
 */
bool yoke_shortcut_open(struct net *net, struct sk_buff *skb, const struct rtable *rt);
/*
 * Takes it: @skb has its IP header, without length and checksum, at skb->data, and holds @rt. Consumes
 * @skb. RCU, process or softirq context.
 */
void yoke_shortcut_send(struct net *net, struct sk_buff *skb);

#endif
