// SPDX-License-Identifier: GPL-2.0
/*
 * The text of a segment, and its FIN: RFC 9293 §3.10.7.4, seventh and eighth step. What is in order goes
 * to who reads, the rest waits for what is missing.
 *
 * Owns: rcv_nxt, ooo, sacks, sk_receive_queue's tail, what is known of the peer's segments, and which
 * ACKs are due. Under the socket lock, as engine/input.c, which has found the segment acceptable.
 * RFC 2018/2883 (what to SACK), RFC 5681 §4.2 (when to ACK).
 */
#include <net/tcp.h>
#include "collapse.h"
#include "compress.h"
#include "output.h"
#include "text.h"
#include "timewait.h"
#include "urgent.h"
#include "window.h"
#include "../table/mem.h"

#define YOKE_ECN_QUICKACKS 2		/* segments that are ACKed at once after a mark */

/* --- what is received out of order, and what to say of it --- */

/* [start, end) lies beyond RCV.NXT: it heads the blocks, merged with those it touches (RFC 2018 §4). */
static void text_sack_add(struct yoke_sock *ys, u32 start, u32 end)
{
	int i, kept = 0;
	struct yoke_sack old[YOKE_OPT_SACKS];

	if (!ys->use_sack)
		return;
	for (i = 0; i < ys->nsacks; i++) {
		struct yoke_sack *b = &ys->sacks[i];

		if (yoke_seq_after(start, b->end) || yoke_seq_before(end, b->start)) {
			old[kept++] = *b;
			continue;
		}
		start = yoke_seq_before(b->start, start) ? b->start : start;
		end = yoke_seq_after(b->end, end) ? b->end : end;
	}
	ys->sacks[0].start = start;
	ys->sacks[0].end = end;
	kept = min(kept, YOKE_OPT_SACKS - 1);
	memcpy(&ys->sacks[1], old, kept * sizeof(*old));
	ys->nsacks = kept + 1;
}

/* RCV.NXT has moved: blocks below it are history. */
static void text_sack_clean(struct yoke_sock *ys)
{
	int i, kept = 0;

	if (RB_EMPTY_ROOT(&ys->ooo)) {
		ys->nsacks = 0;
		return;
	}
	for (i = 0; i < ys->nsacks; i++)
		if (yoke_seq_after(ys->sacks[i].start, ys->rcv_nxt))
			ys->sacks[kept++] = ys->sacks[i];
	ys->nsacks = kept;
}

void yoke_text_dsack(struct yoke_sock *ys, u32 start, u32 end)
{
	if (!ys->use_sack || !yoke_seq_before(start, end) ||
	    !READ_ONCE(yoke_net(sock_net((struct sock *)ys))->set.dsack))
		return;
	ys->dsack = true;
	ys->dsack_block.start = start;
	ys->dsack_block.end = end;
}

/* Tries to append @skb's data to @tail, whose end it continues. */
static bool text_merge(struct sock *sk, struct sk_buff *tail, struct sk_buff *skb)
{
	bool stolen;
	int delta;

	if (yoke_cb(tail)->seg.end_seq != yoke_cb(skb)->seg.seq ||
	    yoke_cb(tail)->flags & YOKE_FIN ||
	    !skb_try_coalesce(tail, skb, &stolen, &delta))
		return false;
	yoke_cb(tail)->seg.end_seq = yoke_cb(skb)->seg.end_seq;
	yoke_cb(tail)->flags |= yoke_cb(skb)->flags;
	/* SO_TIMESTAMP tells of what came last; of a device's own times there may be no other. */
	if (skb->tstamp || skb_hwtstamps(skb)->hwtstamp) {
		tail->tstamp = skb->tstamp;
		skb_hwtstamps(tail)->hwtstamp = skb_hwtstamps(skb)->hwtstamp;
	}
	atomic_add(delta, &sk->sk_rmem_alloc);
	sk_mem_charge(sk, delta);
	kfree_skb_partial(skb, stolen);
	return true;
}

/* Gives up what lies farthest beyond RCV.NXT, so that what comes in order finds room. */
static bool text_prune(struct sock *sk, u32 before)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct rb_node *last = rb_last(&ys->ooo);

	if (!last || !yoke_seq_after(yoke_cb(rb_to_skb(last))->seg.seq, before))
		return false;
	do {
		rb_erase(last, &ys->ooo);
		yoke_drop(sock_net(sk), sk, rb_to_skb(last), OfoPruned);
		last = rb_last(&ys->ooo);
	} while (last && atomic_read(&sk->sk_rmem_alloc) > sk->sk_rcvbuf / 2 &&
		 yoke_seq_after(yoke_cb(rb_to_skb(last))->seg.seq, before));
	ys->ooo_last = NULL;
	/* What was SACKed may have gone: say nothing rather than something false. */
	ys->nsacks = 0;
	return true;
}

/* @skb did not fit: does it when buffers are collapsed, or those farthest on given up? */
static bool text_make_room(struct sock *sk, struct sk_buff *skb)
{
	yoke_collapse_rcv(sk);
	/* Above net.yoke.mem, as with TCP, who has read all gets the next segment nevertheless. */
	return yoke_mem_accept_rx(sk, skb) ||
	       (text_prune(sk, yoke_cb(skb)->seg.seq) && yoke_mem_accept_rx(sk, skb)) ||
	       (skb_queue_empty(&sk->sk_receive_queue) &&
		!yoke_seq_after(yoke_cb(skb)->seg.seq, yoke_sk(sk)->rcv_nxt));
}

/* May @skb be kept? If not, who reads is woken. */
static bool text_room(struct sock *sk, struct sk_buff *skb)
{
	if (unlikely(!yoke_mem_accept_rx(sk, skb)) && !text_make_room(sk, skb)) {
		/* Only who reads makes room, though there is less than he waits for (SO_RCVLOWAT). */
		if (!sock_flag(sk, SOCK_DEAD))
			sk->sk_data_ready(sk);
		return false;
	}
	if (unlikely(yoke_sk(sk)->collapse_wait))
		yoke_sk(sk)->collapse_wait--;
	return true;
}

/* @skb, its header off, lies beyond RCV.NXT. Consumes it. */
static void text_queue_ooo(struct sock *sk, struct sk_buff *skb)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_seg *seg = &yoke_cb(skb)->seg;
	struct rb_node **p = &ys->ooo.rb_node, *parent = NULL;

	yoke_count(sock_net(sk), OfoQueued);
	if (!text_room(sk, skb)) {
		yoke_drop(sock_net(sk), sk, skb, MemDrops);
		return;
	}
	ys->got.ooo += yoke_skb_segs(skb);
	text_sack_add(ys, seg->seq, seg->end_seq);
	if (ys->ooo_last && text_merge(sk, ys->ooo_last, skb))
		return;

	while (*p) {
		struct yoke_seg *at;

		parent = *p;
		at = &yoke_cb(rb_to_skb(parent))->seg;
		if (!yoke_seq_before(seg->seq, at->seq) &&
		    !yoke_seq_after(seg->end_seq, at->end_seq)) {
			yoke_text_dsack(ys, seg->seq, seg->end_seq);
			yoke_drop(sock_net(sk), sk, skb, Duplicates);
			return;
		}
		p = yoke_seq_before(seg->seq, at->seq) ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, &ys->ooo);
	skb_set_owner_r(skb, sk);
	ys->ooo_last = skb;
}

/* --- what is received in order --- */

/* Eighth step: the FIN in order. RCV.NXT is beyond it. */
static void text_fin(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	ys->fin_received = true;
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	sock_set_flag(sk, SOCK_DONE);
	switch (sk->sk_state) {
	case TCP_ESTABLISHED:
		/* Our FIN is mostly about to follow, and carries the ACK. */
		ys->quickack = 0;
		ys->pingpong = true;
		yoke_conn_set_state(sk, TCP_CLOSE_WAIT);
		break;
	case TCP_FIN_WAIT1:
		ys->ack_now = true;
		yoke_conn_set_state(sk, TCP_CLOSING);
		break;
	case TCP_FIN_WAIT2:
		/* The ACK goes out before the socket is left behind. */
		yoke_output_ack(sk);
		yoke_timewait_enter(sk, false, YOKE_TIMEWAIT_LEN);
		break;
	}
	if (!sock_flag(sk, SOCK_DEAD)) {
		sk->sk_state_change(sk);
		sk_wake_async(sk, SOCK_WAKE_WAITD, sk->sk_shutdown == SHUTDOWN_MASK ? POLL_HUP : POLL_IN);
	}
}

/*
 * Appends @skb, which begins at or below RCV.NXT and ends above it, to the
 * receive queue. Consumes it. @owned: it has been charged to @sk.
 */
static void text_append(struct sock *sk, struct sk_buff *skb, bool owned)
{
	struct sk_buff *tail = skb_peek_tail(&sk->sk_receive_queue);
	struct yoke_sock *ys = yoke_sk(sk);
	u32 end_seq = yoke_cb(skb)->seg.end_seq;
	bool fin = yoke_cb(skb)->flags & YOKE_FIN;
	u32 fresh = end_seq - ys->rcv_nxt - fin;

	ys->bytes_received += fresh;
	WRITE_ONCE(ys->rcv_nxt, end_seq);
	/* Only its FIN is new: its text may all be read, and close(2) would find it unread. */
	if (!fresh) {
		yoke_spare_back(skb);
	} else if (!tail || !text_merge(sk, tail, skb)) {
		__skb_queue_tail(&sk->sk_receive_queue, skb);
		/* What waited behind a gap is charged, and stays so: given back, the memory might not be had again. */
		if (!owned)
			skb_set_owner_r(skb, sk);
	}
	if (fin)
		text_fin(sk);
}

/* The gap has closed: what waited behind it follows. */
static void text_drain(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct rb_node *p;

	while ((p = rb_first(&ys->ooo))) {
		struct sk_buff *skb = rb_to_skb(p);
		struct yoke_seg *seg = &yoke_cb(skb)->seg;

		if (yoke_seq_after(seg->seq, ys->rcv_nxt))
			break;
		rb_erase(p, &ys->ooo);
		if (ys->ooo_last == skb)
			ys->ooo_last = NULL;
		if (yoke_seq_after(seg->end_seq, ys->rcv_nxt) && !ys->fin_received)
			text_append(sk, skb, true);
		else
			yoke_drop(sock_net(sk), sk, skb, Duplicates);
	}
	text_sack_clean(ys);
}

/* A shorter round trip counts at once, a longer one, if at all, by and by, while nothing is unread. */
static void text_rtt_sample(struct yoke_sock *ys, u32 rtt, bool longer)
{
	if (!ys->tune.rtt_us || rtt < ys->tune.rtt_us)
		ys->tune.rtt_us = rtt;
	else if (longer && ys->rcv_nxt == ys->copied_seq)
		ys->tune.rtt_us += (rtt - ys->tune.rtt_us) / 8;
}

/*
 * The round trip as the receiver sees it: from an ACK until data comes that echoes its timestamp; or
 * where nothing is echoed, be there timestamps in the SYNs or not, for a whole window to arrive. Idle
 * times look like long ones, and so do a slow reader's.
 *
 * An echo may tell nothing, too: of an ACK long ago, where later ones lose their timestamps on the way,
 * or of none, where a box changes them. But no window takes less than a round trip.
 */
static void text_rtt(struct yoke_sock *ys, const struct yoke_segment *s, bool full)
{
	bool echoes = ys->use_ts && s->opt.tsecr;
	u32 rtt, now = (u32)ys->now_us;

	if (echoes && full && s->opt.tsecr != ys->tune.echo) {
		ys->tune.echo = s->opt.tsecr;
		rtt = yoke_conn_tsval(ys) - s->opt.tsecr;
		/* Of less than a tick our own segments know more. */
		if (rtt <= 1)
			text_rtt_sample(ys, clamp_t(u32, ys->rtt.min_us, 1, USEC_PER_MSEC), true);
		else if (rtt <= YOKE_RTO_MAX_US / USEC_PER_MSEC)
			text_rtt_sample(ys, rtt * USEC_PER_MSEC, true);
	}
	if (!yoke_seq_after(ys->rcv_nxt, ys->tune.rtt_seq))
		return;
	rtt = max(now - ys->tune.rtt_time_us, 1U);
	ys->tune.rtt_seq = ys->rcv_nxt + ys->rcv_wnd;
	ys->tune.rtt_time_us = now;
	/* Within two ticks a sound echo, which knows better, may have been the same all the time. */
	text_rtt_sample(ys, echoes ? max_t(u32, rtt, 2 * USEC_PER_MSEC) : rtt, !echoes);
}

/* How large the peer's segments are, and how long its round trips: for windows and ACKs. */
static void text_measure(struct sock *sk, const struct sk_buff *skb,
			 const struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 size = skb_shinfo(skb)->gso_size ?: skb->len, idle = (u32)jiffies - ys->got.time;

	/* The first, or the first for long: who sends is in slow start, and needs its ACKs at once. */
	if (!ys->pingpong &&
	    unlikely(!ys->bytes_received ||
		     (idle && idle > usecs_to_jiffies(yoke_rtt_rto(&ys->rtt)))))
		ys->quickack = max_t(u8, ys->quickack, TCP_MAX_QUICKACKS);
	ys->got.time = (u32)jiffies;
	/* Where the path carries less than it did, two in a row are alike, and no end of anything. */
	if (size > ys->rcv_mss ||
	    (size == ys->rcv_last && size >= TCP_MIN_MSS && !(s->flags & (YOKE_PSH | YOKE_FIN))))
		ys->rcv_mss = min_t(u32, size, ys->advmss);
	ys->rcv_last = min_t(u32, size, U16_MAX);
	/* One of full length may end what the peer has to say, too. */
	ys->short_twice = ys->ack_due && ys->short_in && size < ys->rcv_mss;
	ys->short_in = size < ys->rcv_mss || s->flags & YOKE_PSH;
	text_rtt(ys, s, size >= ys->rcv_mss);
}

/*
 * RFC 5681 §4.2: an ACK for every second full segment, at once while there is a gap, and after 40 ms
 * (yoke_sock.delack) at the latest.
 */
static void text_ack_due(struct sock *sk, bool pushed)
{
	struct yoke_sock *ys = yoke_sk(sk);
	/*
	 * More than one full segment; unless the window is short by what a program has yet to
	 * read, and it has enough to read: then its reading sends the ACK.
	 */
	bool second = ys->rcv_nxt - ys->rcv_wup > ys->rcv_mss &&
		      (ys->rcv_nxt - ys->copied_seq < READ_ONCE(sk->sk_rcvlowat) ||
		       !yoke_window_offers_less(sk));

	ys->ack_due = true;
	/*
	 * A quick ACK waits for a program that sleeps until just this comes (@pushed): that answers,
	 * and the answer carries the ACK, or it sleeps again, and yoke_output_quick() sends it.
	 */
	if (second || !RB_EMPTY_ROOT(&ys->ooo) ||
	    (ys->quickack && !(pushed && ys->reading)) || ys->route_quickack)
		ys->ack_now = true;
	else if (ys->quickack)
		yoke_conn_timer_arm(sk, YOKE_TIMER_DELACK, 1);
	else if (!yoke_conn_timer_armed(ys, YOKE_TIMER_DELACK))
		yoke_conn_timer_arm(sk, YOKE_TIMER_DELACK, ys->delack);
}

/* A segment that is in the window came with @ip. RCV.NXT is still that of before. */
static void text_mark(struct sock *sk, u8 ip)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (likely(!yoke_conn_needs_ecn(sk))) {
		if (yoke_ecn_received(&ys->ecn, ip))
			ys->quickack = max_t(u8, ys->quickack, YOKE_ECN_QUICKACKS);
	} else if (yoke_ecn_turns(&ys->ecn, ip)) {
		if (ys->ack_due)
			yoke_output_ack(sk);
		yoke_ecn_follow(&ys->ecn, ip);
		ys->ack_now = true;
	}
}

/*
 * Tailors @skb, its header off, to the window (RFC 9293 §3.10.7.4): what sticks out on the right is
 * cut off, and comes again, with the FIN behind it. False if nothing is left, or it could not be cut.
 */
static bool text_tailor(struct yoke_sock *ys, struct sk_buff *skb)
{
	u32 edge = ys->rcv_nxt + yoke_conn_rcv_window(ys);
	struct yoke_cb *cb = yoke_cb(skb);

	if (yoke_seq_after(cb->seg.seq + skb->len, edge) && skb->len) {
		u32 keep = yoke_seq_after(edge, cb->seg.seq) ? edge - cb->seg.seq : 0;

		ys->ack_now = true;
		if (!keep || (keep < skb->len && pskb_trim(skb, keep)))
			return false;
		cb->seg.end_seq = edge;
		cb->flags &= ~YOKE_FIN;
	}
	return true;
}

void yoke_text_rcv(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_cb *cb = yoke_cb(skb);
	bool gap;

	if (!s->len && !(s->flags & YOKE_FIN)) {
		yoke_spare_back(skb);
		return;
	}
	__skb_pull(skb, tcp_hdrlen(skb));
	cb->seg.seq = s->seq + !!(s->flags & YOKE_SYN);
	cb->seg.end_seq = s->end_seq;
	cb->flags = s->flags & YOKE_FIN;

	if (!text_tailor(ys, skb)) {
		yoke_drop(sock_net(sk), sk, skb, OutOfWindow);
		return;
	}
	if (!yoke_seq_after(cb->seg.end_seq, ys->rcv_nxt)) {
		yoke_drop(sock_net(sk), sk, skb, Duplicates);
		return;
	}
	if (ys->ecn.mode == YOKE_ECN_CLASSIC)
		text_mark(sk, cb->ecn);
	if (yoke_seq_after(cb->seg.seq, ys->rcv_nxt)) {
		text_queue_ooo(sk, skb);
		ys->ack_due = true;
		if (ys->dsack || ys->quickack || ys->route_quickack || !yoke_compress_ack(sk))
			ys->ack_now = true;
		return;
	}
	if (skb->len && !text_room(sk, skb)) {
		/* RFC 9293 MUST-62 sends the ACK all the same: nothing has moved. */
		ys->ack_now = true;
		yoke_drop(sock_net(sk), sk, skb, MemDrops);
		return;
	}
	if (yoke_seq_before(cb->seg.seq, ys->rcv_nxt))
		yoke_text_dsack(ys, cb->seg.seq, ys->rcv_nxt);
	gap = !RB_EMPTY_ROOT(&ys->ooo);
	text_measure(sk, skb, s);
	text_append(sk, skb, false);
	if (unlikely(gap))
		text_drain(sk);
	text_ack_due(sk, s->flags & YOKE_PSH);
	if (gap)
		ys->ack_now = true;
	/* SO_RCVLOWAT: a reader sleeps until there is as much as it wants, or the end. */
	if (!sock_flag(sk, SOCK_DEAD) &&
	    (yoke_conn_readable(sk, sk->sk_rcvlowat) || sock_flag(sk, SOCK_DONE)))
		sk->sk_data_ready(sk);
}

void yoke_text_rcv_syn(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);

	ys->syn_data = s->len;
	ys->got.segs = !!s->len;
	yoke_text_rcv(sk, skb, s);
	ys->rcv_wup = ys->rcv_nxt;
}

int yoke_text_refill(struct sock *sk, struct sk_buff *skb)
{
	struct yoke_cb *cb = yoke_cb(skb);

	if (!text_room(sk, skb)) {
		kfree_skb(skb);
		return -ENOBUFS;
	}
	cb->seg.seq = yoke_sk(sk)->rcv_nxt;
	cb->seg.end_seq = cb->seg.seq + skb->len;
	cb->flags = 0;
	text_append(sk, skb, false);
	return 0;
}
