// SPDX-License-Identifier: GPL-2.0
/*
 * A full receive buffer is made to hold what was promised.
 *
 * Memory is charged by what buffers take, windows are given in bytes of text: about half of the
 * memory is thought to be text. A peer that sends tiny segments fills the memory long before its
 * window. Then text of neighbours moves together into buffers of a page, before anything is
 * thrown away (which is text.c's last resort).
 * Owns: collapse_wait, which text.c counts down; works on sk_receive_queue and ooo for text.c, under the
 * socket lock, mostly in BH.
 */
#include "../table/mem.h"
#include "collapse.h"

/*
 * Nearly half of it is not text, or more: a little less than windows are reckoned with. Not what ends
 * with a FIN, which has a number and no byte: nothing may follow it in a buffer, even if a peer sends on.
 */
static bool collapse_is_bloated(const struct sk_buff *skb)
{
	return skb->truesize > skb->len / 4 * 7 && !(yoke_cb(skb)->flags & YOKE_FIN);
}

/* @skb's text from @seq on, behind that of @to, as far as there is room. Returns where it ends. */
static u32 collapse_copy(struct sk_buff *to, struct sk_buff *skb, u32 seq)
{
	u32 offset = seq - yoke_cb(skb)->seg.seq;
	int len = min_t(int, skb->len - offset, skb_tailroom(to));

	skb_copy_bits(skb, offset, skb_put(to, len), len);
	yoke_cb(to)->seg.end_seq = seq + len;
	return seq + len;
}

/* A buffer for @len bytes from @seq on, or for as many of them as go into a page, at the end of @to. */
static struct sk_buff *collapse_new(struct sock *sk, struct sk_buff_head *to, u32 seq, u32 len)
{
	struct sk_buff *skb = alloc_skb(min_t(u32, SKB_MAX_ORDER(0, 0), len),
					GFP_ATOMIC | __GFP_NOWARN);

	if (skb) {
		yoke_cb(skb)->seg.seq = seq;
		yoke_cb(skb)->flags = 0;
		__skb_queue_tail(to, skb);
		skb_set_owner_r(skb, sk);
	}
	return skb;
}

/* How far those at the head of @from that are bloated reach, and one before them that ends at @end. */
static u32 collapse_reach(const struct sk_buff_head *from, u32 end)
{
	const struct sk_buff *skb;

	/* One may lie wholly inside one before it: the last to begin need not be the last to end. */
	skb_queue_walk(from, skb) {
		if (!collapse_is_bloated(skb))
			break;
		if (yoke_seq_after(yoke_cb(skb)->seg.end_seq, end))
			end = yoke_cb(skb)->seg.end_seq;
	}
	return end;
}

/*
 * Moves the buffers of @from, each of which continues the one before or overlaps it, to @to, the
 * bloated ones together. What lies before @seq is not wanted.
 */
static void collapse_run(struct sock *sk, struct sk_buff_head *from, struct sk_buff_head *to,
			 u32 seq)
{
	struct sk_buff *skb, *tail = NULL;
	u32 end = seq;

	while ((skb = __skb_dequeue(from))) {
		struct yoke_cb *cb = yoke_cb(skb);
		u32 start = yoke_seq_after(seq, cb->seg.seq) ? seq : cb->seg.seq;

		if (!yoke_seq_after(cb->seg.end_seq, seq)) {
			consume_skb(skb);
			continue;
		}
		seq = cb->seg.end_seq;
		if (!collapse_is_bloated(skb)) {
			__skb_queue_tail(to, skb);
			tail = NULL;
			continue;
		}
		/* No larger than what goes there, or lone bytes between others would take a page each. */
		if (!yoke_seq_after(end, start))
			end = collapse_reach(from, seq);
		do {
			if (!tail || !skb_tailroom(tail))
				tail = collapse_new(sk, to, start, end - start);
			if (tail)
				start = collapse_copy(tail, skb, start);
		} while (tail && start != seq);
		if (!tail) {
			/* No memory: it overlaps what has been copied of it. */
			__skb_queue_tail(to, skb);
			continue;
		}
		yoke_count(sock_net(sk), Collapsed);
		consume_skb(skb);
	}
}

static void collapse_insert(struct yoke_sock *ys, struct sk_buff *skb)
{
	struct rb_node **p = &ys->ooo.rb_node, *parent = NULL;

	while (*p) {
		parent = *p;
		p = yoke_seq_before(yoke_cb(skb)->seg.seq, yoke_cb(rb_to_skb(parent))->seg.seq) ?
			&parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, &ys->ooo);
}

/* Takes the segments from @node on that follow each other out of the tree. Returns the next one. */
static struct rb_node *collapse_take(struct yoke_sock *ys, struct rb_node *node,
				     struct sk_buff_head *run)
{
	struct sk_buff *skb = rb_to_skb(node);
	u32 end = yoke_cb(skb)->seg.seq;

	while (node && !yoke_seq_after(yoke_cb(skb)->seg.seq, end)) {
		if (yoke_seq_after(yoke_cb(skb)->seg.end_seq, end))
			end = yoke_cb(skb)->seg.end_seq;
		node = rb_next(node);
		rb_erase(&skb->rbnode, &ys->ooo);
		__skb_queue_tail(run, skb);
		if (node)
			skb = rb_to_skb(node);
	}
	return node;
}

/* Returns how many buffers it has looked at. */
static u32 collapse_ooo(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct rb_node *node = rb_first(&ys->ooo);
	u32 seen = 0;
	int alone = 0;

	ys->ooo_last = NULL;
	/* Who sends nothing but lone bytes is not to keep us busy with looking for neighbours. */
	while (node && alone <= sk->sk_rcvbuf >> 3) {
		struct sk_buff_head run, done;
		struct sk_buff *skb;

		__skb_queue_head_init(&run);
		__skb_queue_head_init(&done);
		node = collapse_take(ys, node, &run);
		seen += skb_queue_len(&run);
		skb = skb_peek(&run);
		/* What came in pages, be it several that text.c has joined, takes less when it is copied. */
		if (skb_queue_len(&run) > 1 || skb_is_nonlinear(skb))
			collapse_run(sk, &run, &done, yoke_cb(skb)->seg.seq);
		else
			alone += skb->truesize;
		skb_queue_splice(&run, &done);
		while ((skb = __skb_dequeue(&done)))
			collapse_insert(ys, skb);
	}
	return seen;
}

void yoke_collapse_rcv(struct sock *sk)
{
	int most = READ_ONCE(yoke_net(sock_net(sk))->set.rmem[2]);
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff_head done;
	u32 seen;

	/* A buffer that nobody fixed grows first. */
	if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK) && !READ_ONCE(yoke_mem_pressure) &&
	    sk->sk_rcvbuf < most)
		WRITE_ONCE(sk->sk_rcvbuf, clamp(sk_rmem_alloc_get(sk), sk->sk_rcvbuf, most));
	/*
	 * What cannot be collapsed is not to be looked through for each segment for which text.c gives up
	 * another, but when an eighth as much is new; nor for what does not fit in at all.
	 */
	if (sk_rmem_alloc_get(sk) <= sk->sk_rcvbuf || ys->collapse_wait)
		return;
	seen = collapse_ooo(sk) + skb_queue_len(&sk->sk_receive_queue);
	ys->collapse_wait = 1 + seen / 8;
	if (skb_queue_empty(&sk->sk_receive_queue))
		return;
	__skb_queue_head_init(&done);
	collapse_run(sk, &sk->sk_receive_queue, &done, ys->copied_seq);
	skb_queue_splice(&done, &sk->sk_receive_queue);
}
