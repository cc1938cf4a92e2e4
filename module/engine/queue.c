// SPDX-License-Identifier: GPL-2.0
/*
 * The buffers of the send side: made, filled, cut, charged to the socket.
 *
 * A buffer's linear part holds headers only, the data lies in page fragments, up to
 * what GSO takes. It stays on its queue until it is acknowledged; clones of it travel.
 * Whatever changes the data or the fragment list must own them first (yoke_queue_own).
 */
#include "queue.h"
#include "../table/mem.h"

struct sk_buff *yoke_queue_alloc(struct sock *sk, gfp_t gfp)
{
	struct sk_buff *skb = yoke_spare_get(YOKE_SPARE_QUEUED, gfp);

	if (!skb)
		return NULL;
	/* The first may be had above net.yoke.mem, too, or nothing would ever go. */
	if (!sk_wmem_schedule(sk, skb->truesize) && sk->sk_wmem_queued) {
		yoke_spare_put(skb);
		return NULL;
	}
	INIT_LIST_HEAD(&yoke_cb(skb)->seg.node);
	yoke_cb(skb)->flags = 0;
	return skb;
}

void yoke_queue_append(struct sock *sk, struct sk_buff *skb)
{
	struct yoke_cb *cb = yoke_cb(skb);

	cb->start = yoke_sk(sk)->write_seq;
	cb->seg.seq = cb->start;
	cb->seg.end_seq = cb->start;
	__skb_queue_tail(&sk->sk_write_queue, skb);
	yoke_mem_charge_tx(sk, skb);
}

void yoke_queue_charge(struct sock *sk, unsigned int bytes)
{
	sk_wmem_queued_add(sk, bytes);
	sk_mem_charge(sk, bytes);
}

void yoke_queue_grow(struct sock *sk, struct sk_buff *skb, unsigned int bytes)
{
	yoke_cb(skb)->seg.end_seq += bytes;
	WRITE_ONCE(yoke_sk(sk)->write_seq, yoke_sk(sk)->write_seq + bytes);
}

/* @skb's truesize was @old. */
static void queue_recharge(struct sock *sk, const struct sk_buff *skb, int old)
{
	int delta = (int)skb->truesize - old;

	if (!delta)
		return;
	sk_wmem_queued_add(sk, delta);
	if (delta > 0)
		sk_mem_charge(sk, delta);
	else
		sk_mem_uncharge(sk, -delta);
}

/* Drops the first @len bytes of @skb's fragments. */
static void queue_cut(struct sk_buff *skb, unsigned int len)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	unsigned int left = len;
	int i, kept = 0;

	for (i = 0; i < shinfo->nr_frags; i++) {
		unsigned int size = skb_frag_size(&shinfo->frags[i]);

		if (size <= left) {
			skb_frag_unref(skb, i);
			left -= size;
			continue;
		}
		shinfo->frags[kept] = shinfo->frags[i];
		skb_frag_off_add(&shinfo->frags[kept], left);
		skb_frag_size_sub(&shinfo->frags[kept], left);
		left = 0;
		kept++;
	}
	shinfo->nr_frags = kept;
	skb->data_len -= len;
	skb->len -= len;
	skb->truesize -= len;
}

int yoke_queue_own(struct sock *sk, struct sk_buff *skb)
{
	struct yoke_cb *cb = yoke_cb(skb);
	unsigned int acked = cb->seg.seq - cb->start;
	int old = skb->truesize;

	if (skb_cloned(skb) && skb_unclone(skb, GFP_ATOMIC))
		return -ENOMEM;
	if (acked) {
		/* A SYN at the front takes a number but no byte. */
		if (cb->flags & YOKE_SYN) {
			cb->flags &= ~YOKE_SYN;
			acked--;
		}
		queue_cut(skb, acked);
		cb->start = cb->seg.seq;
	}
	queue_recharge(sk, skb, old);
	return 0;
}

/* @tail was cut off @skb: whichever has the byte that SO_TIMESTAMPING follows goes on with that. */
static void queue_split_stamp(const struct sock *sk, struct sk_buff *skb, struct sk_buff *tail)
{
	struct skb_shared_info *from = skb_shinfo(skb), *to = skb_shinfo(tail);

	if (likely(!(from->tx_flags & SKBTX_ANY_TSTAMP) && !(yoke_cb(skb)->flags & YOKE_STAMPED)))
		return;
	if (yoke_seq_before(yoke_queue_stamp_seq(sk, skb), yoke_cb(tail)->start))
		return;
	to->tx_flags |= from->tx_flags & SKBTX_ANY_TSTAMP;
	from->tx_flags &= ~SKBTX_ANY_TSTAMP;
	to->tskey = from->tskey;
	yoke_cb(tail)->flags |= yoke_cb(skb)->flags & YOKE_STAMPED;
	yoke_cb(skb)->flags &= ~YOKE_STAMPED;
}

static void queue_shift_stamps(const struct sk_buff_head *queue, u32 by)
{
	struct sk_buff *skb;

	/* A clone under way shares it. */
	skb_queue_walk(queue, skb)
		WRITE_ONCE(skb_shinfo(skb)->tskey, skb_shinfo(skb)->tskey + by);
}

void yoke_queue_count_stamps(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 by = ys->stamps_from - ys->write_seq;

	queue_shift_stamps(&ys->rtx, by);
	queue_shift_stamps(&sk->sk_write_queue, by);
	ys->stamps_from = ys->write_seq;
	atomic_set(&sk->sk_tskey, ys->write_seq ?: 1);
}

int yoke_queue_split(struct sock *sk, struct sk_buff_head *queue, struct sk_buff *skb,
		     unsigned int len)
{
	struct yoke_cb *cb = yoke_cb(skb), *tcb;
	struct sk_buff *tail;
	unsigned int moved;

	if (yoke_queue_own(sk, skb) || WARN_ON_ONCE(len > skb->len))
		return -ENOMEM;
	tail = yoke_spare_get(YOKE_SPARE_QUEUED, GFP_ATOMIC);
	if (!tail)
		return -ENOMEM;
	/* It is made above net.yoke.mem, too, but counts there: pieces may be as many as a peer likes. */
	sk_wmem_schedule(sk, tail->truesize);
	moved = skb->len - len;
	skb_split(skb, tail, len);
	tail->truesize += moved;
	skb->truesize -= moved;
	sk_wmem_queued_add(sk, tail->truesize - moved);
	sk_mem_charge(sk, tail->truesize - moved);

	tcb = yoke_cb(tail);
	tcb->flags = cb->flags & (YOKE_FIN | YOKE_PSH | YOKE_EOR);
	cb->flags &= ~(YOKE_FIN | YOKE_PSH | YOKE_EOR);
	tcb->start = cb->start + len;
	queue_split_stamp(sk, skb, tail);
	if (queue == &yoke_sk(sk)->rtx) {
		skb_shinfo(tail)->gso_size = skb_shinfo(skb)->gso_size;
		yoke_recovery_split(&yoke_sk(sk)->rec, &cb->seg, &tcb->seg, tcb->start);
	} else {
		INIT_LIST_HEAD(&tcb->seg.node);
		tcb->seg.seq = tcb->start;
		tcb->seg.end_seq = cb->seg.end_seq;
		cb->seg.end_seq = tcb->start;
	}
	__skb_queue_after(queue, skb, tail);
	return 0;
}
