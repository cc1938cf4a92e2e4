/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The buffers of the send side: sk_write_queue (not sent yet) and yoke_sock.rtx (sent, not
 * acknowledged). Socket lock held.
 */
#ifndef YOKE_QUEUE_H
#define YOKE_QUEUE_H

#include "conn.h"

/* In front of the data: transport, network and link headers. */
#define YOKE_HEADROOM	L1_CACHE_ALIGN(128 + MAX_HEADER)

/*
 * A buffer without data, charged to @sk; NULL if there is no memory. Data goes into page fragments.
 */
struct sk_buff *yoke_queue_alloc(struct sock *sk, gfp_t gfp);
/* A buffer for one control segment, not charged, headers only. */
struct sk_buff *yoke_queue_alloc_control(gfp_t gfp);
/*
 * Appends @skb (of yoke_queue_alloc) to the write queue; its sequence numbers start at write_seq.
 */
void yoke_queue_append(struct sock *sk, struct sk_buff *skb);
/* @bytes were added to the fragments of @skb, the tail of the write queue. */
void yoke_queue_grow(struct sock *sk, struct sk_buff *skb, unsigned int bytes);
/*
 * Cuts @skb (on @queue) behind its first @len bytes; what follows becomes a buffer of its own
 * behind it. 0 or -ENOMEM.
 */
int yoke_queue_split(struct sock *sk, struct sk_buff_head *queue, struct sk_buff *skb,
		     unsigned int len);
/*
 * Makes @skb, whose clone may still be under way, ours alone, and cuts off
 * acknowledged bytes. 0 or -ENOMEM.
 */
int yoke_queue_own(struct sock *sk, struct sk_buff *skb);

#endif
