// SPDX-License-Identifier: GPL-2.0
/*
 * One acknowledgement: what it says of the retransmit queue, the window, the round-trip time and
 * the congestion window. Parses segments, too, for all who receive any.
 *
 * Owns: snd_una, snd_wnd, snd_wl1, snd_wl2, max_window, seen, bytes_acked, and empties rtx.
 * Runs under the socket lock, mostly in BH.
 * RFC 9293 §3.10.7.4 step 5, RFC 5961 §5.2 (old ACKs), RFC 2018/2883 (SACK,
 * D-SACK), RFC 7323 §4.1 (RTTM).
 */
#include "queue.h"
#include "urgent.h"
#include "ack.h"
#include "mss.h"
#include "pace.h"
#include "window.h"
#include "../table/mem.h"

#define SACK_WALK		32	/* buffers to pass on the way to what a block names */

void yoke_ack_parse(const struct sk_buff *skb, struct yoke_segment *s)
{
	const struct tcphdr *th = tcp_hdr(skb);
	unsigned int size = th->doff * 4;

	s->seq = ntohl(th->seq);
	s->ack = ntohl(th->ack_seq);
	s->wnd = ntohs(th->window);
	s->urg = ntohs(th->urg_ptr);
	/* All twelve bits behind the offset. */
	s->flags = ntohs(((const __be16 *)th)[6]) & 0xfff;
	s->len = skb->len - size;
	s->end_seq = s->seq + s->len + !!(s->flags & YOKE_SYN) + !!(s->flags & YOKE_FIN);
	yoke_opt_parse((const u8 *)(th + 1), size - sizeof(*th), s->flags & YOKE_SYN, &s->opt);
}

/*
 * RFC 9293 §3.10.7.4: the window of the newest segment counts; also that of an old number, sent
 * again, if its ACK is new. Else, when both ends retransmit, SND.UNA would move with the window
 * that was there, which then reaches beyond what the peer has room for. Returns true if the window
 * changed.
 */
static bool ack_window(struct sock *sk, const struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 wnd = s->wnd;

	if (!(s->flags & YOKE_SYN))
		wnd <<= ys->snd_wscale;
	if (!yoke_seq_after(s->ack, ys->snd_una) && !yoke_seq_before(ys->snd_wl1, s->seq) &&
	    !(ys->snd_wl1 == s->seq && !yoke_seq_after(ys->snd_wl2, s->ack)))
		return false;
	if (yoke_seq_before(ys->snd_wl1, s->seq))
		ys->snd_wl1 = s->seq;
	ys->snd_wl2 = s->ack;
	if (wnd == ys->snd_wnd)
		return false;
	ys->snd_wnd = wnd;
	if (wnd > ys->max_window) {
		ys->max_window = wnd;
		yoke_mss_sync(sk, ys->pmtu);
	}
	return true;
}

/*
 * Is there room in the window for a segment that is worth sending, from @una on (RFC 9293
 * §3.8.6.2.1)? A window that opens by less, and shuts again, is as good as shut.
 */
static bool ack_window_opens(const struct yoke_sock *ys, u32 una)
{
	return ys->snd_wnd >= min3(ys->write_seq - una, (u32)ys->mss, max(ys->max_window / 2, 1U));
}

/* SOF_TIMESTAMPING_TX_ACK: the byte that the program follows has arrived. */
static void ack_stamp(struct sock *sk, struct sk_buff *skb, const struct yoke_ack *ack)
{
	u32 seq;

	if (likely(!(yoke_cb(skb)->flags & YOKE_STAMPED)))
		return;
	seq = yoke_queue_stamp_seq(sk, skb);
	if (!yoke_seq_before(seq, ack->prior_una) && yoke_seq_before(seq, ack->ack))
		yoke_compat_tell_acked(skb, sk);
}

/* How many segments @seg went out in; a FIN behind text took none. */
static u32 ack_segs(const struct yoke_sock *ys, const struct yoke_seg *seg)
{
	u32 len = yoke_seg_len(seg) - !!(yoke_cb(yoke_seg_skb(seg))->flags & YOKE_FIN);

	return likely(len <= ys->mss) ? 1 : DIV_ROUND_UP(len, ys->mss);
}

/* SEG.ACK lies inside @seg. */
static void ack_trim(struct yoke_sock *ys, struct yoke_seg *seg, struct yoke_ack *ack)
{
	u32 segs = ack_segs(ys, seg);

	yoke_recovery_trim(&ys->rec, seg, ack->ack, ack);
	if (seg->state != YOKE_SEG_SACKED)
		ys->delivered += segs - ack_segs(ys, seg);
}

/* Frees what lies below SEG.ACK. */
static void ack_clean(struct sock *sk, struct yoke_ack *ack)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb;

	while ((skb = skb_peek(&ys->rtx))) {
		struct yoke_seg *seg = &yoke_cb(skb)->seg;

		ack_stamp(sk, skb, ack);
		if (yoke_seq_after(seg->end_seq, ack->ack)) {
			if (yoke_seq_after(ack->ack, seg->seq))
				ack_trim(ys, seg, ack);
			break;
		}
		if (likely(seg->state != YOKE_SEG_SACKED))
			ys->delivered += ack_segs(ys, seg);
		yoke_recovery_acked(&ys->rec, seg, ack);
		if (ys->sack_hint[0] == skb)
			ys->sack_hint[0] = NULL;
		if (ys->sack_hint[1] == skb)
			ys->sack_hint[1] = NULL;
		__skb_unlink(skb, &ys->rtx);
		yoke_mem_keep_tx(sk, skb);
	}
}

/* Is @skb nearer to @seq than @other? */
static bool ack_nearer(struct sk_buff *skb, struct sk_buff *other, u32 seq)
{
	return abs((s32)(yoke_cb(skb)->seg.seq - seq)) < abs((s32)(yoke_cb(other)->seg.seq - seq));
}

/*
 * The first segment of the retransmit queue that ends beyond @seq, or NULL. The search begins at
 * the nearest of both ends and the last two places where SACKs were (two, as blocks about
 * retransmissions and about new data come by turns): an ACK must not cost a walk of the whole
 * window, however its blocks jump about. ERR_PTR if it is too far; the next ACK that says the same
 * goes on from there.
 */
static struct sk_buff *ack_seek(struct yoke_sock *ys, u32 seq)
{
	struct sk_buff *skb = skb_peek(&ys->rtx), *last = skb_peek_tail(&ys->rtx);
	int i, walk = SACK_WALK;

	if (!skb || !yoke_seq_after(yoke_cb(last)->seg.end_seq, seq))
		return NULL;
	if (ack_nearer(last, skb, seq))
		skb = last;
	for (i = 0; i < ARRAY_SIZE(ys->sack_hint); i++)
		if (ys->sack_hint[i] && ack_nearer(ys->sack_hint[i], skb, seq))
			skb = ys->sack_hint[i];
	if (skb != ys->sack_hint[0])
		ys->sack_hint[1] = ys->sack_hint[0];
	for (; walk && yoke_seq_after(yoke_cb(skb)->seg.seq, seq) &&
	       !skb_queue_is_first(&ys->rtx, skb); walk--)
		skb = skb_queue_prev(&ys->rtx, skb);
	for (; walk && !yoke_seq_after(yoke_cb(skb)->seg.end_seq, seq); walk--)
		skb = skb_queue_next(&ys->rtx, skb);
	ys->sack_hint[0] = skb;
	return walk ? skb : ERR_PTR(-E2BIG);
}

/*
 * @skb went out as several segments: the boundary between two of them at @seq, or the next, @up or
 * down. A receiver keeps and reports segments whole: a block that ends inside one is not worth
 * cutting a buffer there.
 */
static u32 ack_boundary(const struct yoke_sock *ys, struct sk_buff *skb, u32 seq, bool up)
{
	u32 size = skb_shinfo(skb)->gso_size ?: ys->mss, over = (seq - yoke_cb(skb)->start) % size;

	return seq - over + (up && over ? size : 0);
}

static bool ack_may_cut(struct sock *sk, struct sk_buff *skb)
{
	return !yoke_queue_is_splintered(sk) && !yoke_queue_own(sk, skb);
}

/*
 * @skb is SACKed: the last of the SACKed segments that follow it without a gap. All that are
 * passed remember it, so that no later block that names them walks them one by one.
 */
static struct sk_buff *ack_pass(struct yoke_sock *ys, struct sk_buff *skb)
{
	struct sk_buff *last = skb, *next;

	for (;;) {
		next = yoke_seg_skb(yoke_scoreboard_run(&yoke_cb(last)->seg));
		if (next == last) {
			if (skb_queue_is_last(&ys->rtx, last) ||
			    yoke_cb(last->next)->seg.state != YOKE_SEG_SACKED)
				break;
			next = last->next;
		}
		last = next;
	}
	for (; skb != last; skb = next) {
		next = yoke_seg_skb(yoke_scoreboard_run(&yoke_cb(skb)->seg));
		if (next == skb)
			next = skb->next;
		yoke_scoreboard_note_run(&yoke_cb(skb)->seg, &yoke_cb(last)->seg);
	}
	return last;
}

/*
 * Marks the segments of the retransmit queue that lie in @block; a buffer that lies half in it is cut
 * first. False if there was no memory for that, it is too far to walk, or the block has but a part of a
 * segment: when it grows, that is looked at again.
 */
static bool ack_sack_block(struct sock *sk, const struct yoke_sack *block,
			   struct yoke_ack *ack)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb = ack_seek(ys, block->start), *next;
	bool whole = true;

	if (IS_ERR_OR_NULL(skb))
		return !skb;
	skb_queue_walk_from_safe(&ys->rtx, skb, next) {
		struct yoke_seg *seg = &yoke_cb(skb)->seg;
		u32 from = seg->seq, to = seg->end_seq;

		if (!yoke_seq_before(from, block->end))
			break;
		ys->sack_hint[0] = skb;
		if (seg->state == YOKE_SEG_SACKED) {
			skb = ack_pass(ys, skb);
			ys->sack_hint[0] = skb;
			next = skb->next;
			continue;
		}
		if (yoke_seq_before(from, block->start)) {
			from = ack_boundary(ys, skb, block->start, true);
			whole &= from == block->start;
		}
		if (yoke_seq_after(to, block->end)) {
			to = ack_boundary(ys, skb, block->end, false);
			whole &= to == block->end;
		}
		if (!yoke_seq_before(from, to))
			continue;
		if (from != seg->seq) {
			/* The tail of this one; it is looked at next. */
			if (!ack_may_cut(sk, skb) ||
			    yoke_queue_split(sk, &ys->rtx, skb, from - seg->seq))
				return false;
			next = skb->next;
			continue;
		}
		if (to != seg->end_seq) {
			/* Only a FIN sticks out, or there is no memory to cut. */
			if (!ack_may_cut(sk, skb) || to - from >= skb->len ||
			    yoke_queue_split(sk, &ys->rtx, skb, to - from))
				return false;
			next = skb->next;
		}
		ys->delivered += ack_segs(ys, seg);
		yoke_recovery_sacked(&ys->rec, seg, ack);
	}
	return whole;
}

/*
 * What never went again the network has doubled (RFC 3708 §3), and what no window held is nobody's: such
 * D-SACKs prove nothing (as Linux). But of a probe, which did go again, the next is told as ever.
 */
static void ack_weigh_dsack(struct sock *sk, struct yoke_ack *ack)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 len = ack->dsack_end - ack->dsack_start;

	yoke_count(sock_net(sk), DSACKRecv);
	ack->dsack = false;
	if (len > ys->max_window)
		return;
	ys->sent.dsacks += DIV_ROUND_UP(len, ys->mss);
	ack->dsack = ys->sent.dsacks <= ys->sent.segs_again;
	ack->dubious = !ack->dsack;
}

/* The first block may report a duplicate (RFC 2883 §4). Returns how many blocks it takes up. */
static int ack_dsack(const struct yoke_opt *opt, struct yoke_ack *ack)
{
	const struct yoke_sack *b = opt->sack;

	if (!yoke_seq_before(b[0].start, b[0].end))
		return 0;
	if (yoke_seq_before(b[0].start, ack->ack)) {
		ack->dsack = true;
	} else if (opt->nsacks > 1 && !yoke_seq_before(b[0].start, b[1].start) &&
		   !yoke_seq_after(b[0].end, b[1].end)) {
		ack->dsack = true;
	}
	if (ack->dsack) {
		ack->dsack_start = b[0].start;
		ack->dsack_end = b[0].end;
	}
	return ack->dsack;
}

/* What @block says that @seen, of an earlier ACK, did not: mostly it has grown at one end. */
static void ack_sack_less(struct yoke_sack *block, const struct yoke_sack *seen)
{
	if (seen->start == seen->end)
		return;
	if (!yoke_seq_before(block->start, seen->start) && yoke_seq_before(block->start, seen->end))
		block->start = seen->end;
	if (!yoke_seq_after(block->end, seen->end) && yoke_seq_after(block->end, seen->start))
		block->end = seen->start;
}

static void ack_sack(struct sock *sk, const struct yoke_opt *opt, struct yoke_ack *ack)
{
	struct yoke_sack done[YOKE_OPT_SACKS] = { };
	struct yoke_sock *ys = yoke_sk(sk);
	int i, j, n = 0;

	/* Where nothing is SACKed any more these numbers may have come round. */
	if (!ys->rec.board.sacked)
		memset(ys->seen, 0, sizeof(ys->seen));
	i = ack_dsack(opt, ack);
	if (unlikely(ack->dsack))
		ack_weigh_dsack(sk, ack);
	for (; i < opt->nsacks; i++) {
		struct yoke_sack block = opt->sack[i];

		if (!yoke_seq_before(block.start, block.end) ||
		    !yoke_seq_after(block.start, ack->ack) ||
		    yoke_seq_after(block.end, ys->snd_nxt))
			continue;
		for (j = 0; j < YOKE_OPT_SACKS && yoke_seq_before(block.start, block.end); j++)
			ack_sack_less(&block, &ys->seen[j]);
		if (!yoke_seq_before(block.start, block.end) ||
		    ack_sack_block(sk, &block, ack))
			done[n++] = opt->sack[i];
	}
	memcpy(ys->seen, done, sizeof(done));
}

u32 yoke_ack_echo_us(const struct yoke_sock *ys, const struct yoke_segment *s)
{
	u32 ticks;

	if (!ys->use_ts || !s->opt.has_ts || !s->opt.tsecr)
		return 0;
	ticks = yoke_conn_tsval(ys) - s->opt.tsecr;
	return ticks < YOKE_RTO_MAX_US / USEC_PER_MSEC ? max(ticks, 1U) * USEC_PER_MSEC : 0;
}

/*
 * RTT: of the segment itself or, if that was retransmitted, from its timestamp: only of an ACK that
 * moves SND.UNA, as others echo what came before the gap (RFC 7323 §4.1).
 */
static void ack_rtt(struct yoke_sock *ys, const struct yoke_segment *s, struct yoke_ack *ack)
{
	if (!ack->rtt_us && ack->ack != ack->prior_una)
		ack->rtt_us = yoke_ack_echo_us(ys, s);
	if (ack->rtt_us)
		yoke_rtt_sample(&ys->rtt, ack->rtt_us, ys->snd_una, ys->snd_nxt, ack->now_us);
}

void yoke_ack_mtu_probe(struct sock *sk, u8 prior_state)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (yoke_pmtud_acked(&ys->pmtud, ys->snd_una)) {
		yoke_mss_sync(sk, ys->pmtu);
	} else if (ys->rec.state == YOKE_CA_RECOVERY && prior_state <= YOKE_CA_DISORDER &&
		   ys->snd_una == ys->pmtud.start &&
		   ys->rec.board.lost_bytes <= ys->pmtud.end - ys->pmtud.start) {
		/* It alone is lost: for its size, not for congestion. */
		yoke_pmtud_failed(&ys->pmtud);
		yoke_recovery_needless(&ys->rec, &ys->cc);
	}
}

/* What the peer tells of marks on the @segs newly delivered: that there were some, or how many. */
static void ack_ecn(struct sock *sk, const struct yoke_segment *s, u32 segs, struct yoke_ack *ack)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 bytes = ack->delivered;
	bool told = s->flags & YOKE_ECE;

	if (ys->ecn.mode == YOKE_ECN_ACCURATE) {
		/*
		 * Of two that acknowledge nothing new only the timestamp says which is the newer, if it is
		 * one that will be kept (RFC 7323 §4.3), so that the next is held against it; and one that
		 * acknowledges our SYN only may be the handshake's again, and tell of the SYN-ACK.
		 */
		if (!ack->delivered && s->ack == ack->prior_una &&
		    (s->ack == ys->iss + 1 || !ys->use_ts || !s->opt.has_ts ||
		     yoke_seq_after(s->seq, ys->rcv_wup) ||
		     !yoke_seq_after(s->opt.tsval, ys->ts_recent)))
			return;
		segs = yoke_ecn_marks(&ys->ecn, s->flags, &s->opt, segs, ys->mss, &bytes);
		told = segs;
	}
	if (!told)
		return;
	ack->ece = true;
	ack->marked = min(bytes, ack->delivered);
	ys->sent.marked += segs;
	yoke_count_add(sock_net(sk), DeliveredCE, segs);
}

/* What @s itself says, while SND.UNA and the scoreboard are as before; @dup as in struct yoke_ack. */
static void ack_begin(struct sock *sk, const struct yoke_segment *s, bool dup,
		      struct yoke_ack *ack)
{
	struct yoke_sock *ys = yoke_sk(sk);

	ack->now_us = (u32)ys->now_us;
	ack->ack = s->ack;
	ack->prior_una = ys->snd_una;
	ack->snd_nxt = ys->snd_nxt;
	ack->dup = dup;
	ack->sack = ys->use_sack;
	ack->dsack = false;
	ack->dubious = false;
	ack->ts_undo = ys->use_ts && s->opt.has_ts && s->opt.tsecr && ys->retrans_ts &&
		       yoke_seq_before(s->opt.tsecr, ys->retrans_ts);
	ack->more = !skb_queue_empty(&sk->sk_write_queue) &&
		    yoke_seq_after(yoke_conn_snd_end(ys), ys->snd_nxt);
	ack->ece = false;
	yoke_recovery_ack_begin(&ys->rec, ack);
}

/* SND.UNA moves: what it passes has arrived. */
static void ack_advance(struct sock *sk, struct yoke_ack *ack)
{
	struct yoke_sock *ys = yoke_sk(sk);

	/* So the next hop is there (RFC 4861 §7.3.1): that needs no asking. */
	sk_dst_confirm(sk);
	ys->snd_una = ack->ack;
	yoke_urgent_acked(ys);
	ys->bytes_acked += ack->ack - ack->prior_una;
	ys->retransmits = 0;
	if (unlikely(ys->rto.since)) {
		ys->rto.ms += yoke_conn_tsval(ys) - ys->rto.since;
		ys->rto.since = 0;
	}
	ack_clean(sk, ack);
}

/* The timers after an ACK: RACK looks again after @wait us, if not 0; @advanced: SND.UNA has moved. */
static void ack_arm_timers(struct sock *sk, u32 wait, bool advanced)
{
	struct yoke_sock *ys = yoke_sk(sk);

	/* First: where RACK waits no longer, the timer is the tail loss probe's again. */
	if (unlikely(wait)) {
		ys->probe_tail = false;
		yoke_conn_timer_arm(sk, YOKE_TIMER_REO, usecs_to_jiffies(wait));
	} else if (!ys->probe_tail) {
		yoke_conn_timer_cancel(sk, YOKE_TIMER_REO);
	}
	if (advanced)
		yoke_conn_timer_rtx(sk);
}

/* What was acknowledged has left the send buffer: a writer may go on. */
static void ack_make_room(struct sock *sk)
{
	if (sk->sk_socket && test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		yoke_window_tune_sndbuf(sk);
	yoke_conn_write_space(sk);
	yoke_conn_note_wait(sk);
}

bool yoke_ack_process(struct sock *sk, const struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 prior_una = ys->snd_una, delivered = ys->delivered, wait;
	u8 prior_state = ys->rec.state;
	bool shut = ys->rtt.backoff && !ack_window_opens(ys, prior_una);
	bool window_changed, outstanding, dup;
	struct yoke_ack ack;

	if (yoke_seq_after(s->ack, ys->snd_nxt))
		return false;
	if (yoke_seq_before(s->ack, prior_una))
		/* An old one may still carry data; an ACK of what was never sent is a guess. */
		return !yoke_seq_before(s->ack, prior_una - (u32)min_t(u64, ys->max_window, ys->bytes_acked));

	/* Something works again. */
	if (unlikely(READ_ONCE(sk->sk_err_soft)))
		WRITE_ONCE(sk->sk_err_soft, 0);
	ys->probes_out = 0;
	window_changed = ack_window(sk, s);
	outstanding = !skb_queue_empty(&ys->rtx) || ys->rec.tlp_out;
	/* Data that waited for the window waits no longer. */
	if (unlikely(ys->retrans_ts) && !outstanding && ack_window_opens(ys, s->ack))
		ys->retrans_ts = 0;
	/* And the timeout of what goes now is not the long one of the probes. */
	if (unlikely(shut) && ack_window_opens(ys, s->ack)) {
		ys->rtt.backoff = 0;
		yoke_conn_timer_rtx(sk);
	}
	/* With nothing outstanding only a D-SACK has something to say. */
	if (!outstanding && !s->opt.nsacks)
		return true;

	dup = s->ack == prior_una && !window_changed && s->end_seq == s->seq && outstanding;
	ack_begin(sk, s, dup, &ack);
	if (s->ack != prior_una)
		ack_advance(sk, &ack);
	if (ys->use_sack && unlikely(s->opt.nsacks))
		ack_sack(sk, &s->opt, &ack);
	ack_rtt(ys, s, &ack);
	/* What ends the handshake tells of the SYN-ACK, though the program may have closed already. */
	if (ys->ecn.mode && !(s->flags & YOKE_SYN) && sk->sk_state != TCP_SYN_RECV && !ys->fastopen)
		ack_ecn(sk, s, ys->delivered - delivered, &ack);
	wait = yoke_recovery_ack_end(&ys->rec, &ys->cc, &ys->rtt, &ack);
	yoke_pace_update(sk);
	if (unlikely(ys->pmtud.probe))
		yoke_ack_mtu_probe(sk, prior_state);
	trace_yoke_probe(&ys->node.pair, ys->snd_una, ys->snd_nxt, ys->snd_wnd,
			 yoke_conn_rcv_window(ys), ys->cc.cwnd, ys->cc.ssthresh, ys->mss,
			 ys->rtt.srtt_us, ys->rec.state);

	/*
	 * With nothing in flight it is over, in whatever state that leaves recovery. Where reordering never
	 * ends, the state is never that of rest: a timeout hours later is not to count from here.
	 */
	if (outstanding && (ys->rec.state < YOKE_CA_RECOVERY || skb_queue_empty(&ys->rtx)))
		ys->retrans_ts = 0;
	ack_arm_timers(sk, wait, s->ack != prior_una);
	if (s->ack != prior_una)
		ack_make_room(sk);
	return true;
}
