// SPDX-License-Identifier: GPL-2.0
/*
 * Loss recovery: when cwnd is cut and when that is taken back; what goes out again when RACK, or
 * without SACK duplicate ACKs, or a timeout say that it is lost; tail loss probes.
 *
 * Owns: struct yoke_recovery but for its parts; writes cwnd and ssthresh of struct yoke_cc at
 * congestion events. Caller holds the socket lock.
 * RFC 8985 §7 (TLP), 6582 (NewReno), 5682 (F-RTO), 3042 (limited transmit: what SACKs and
 * duplicate ACKs take out of in_flight, new data may replace), 5681 and 6298 (timeout), 3522, 3708
 * and 4015 (needless reductions), 3168 §6.1.2 (reductions for ECN).
 */
#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "pair.h"
#include "recovery.h"

#define TLP_SLACK_US		2000u		/* timers and schedulers are late */

void yoke_recovery_init(struct yoke_recovery *r, u16 dup_thresh, u16 dup_most, u8 flags)
{
	memset(r, 0, sizeof(*r));
	yoke_scoreboard_init(&r->board);
	yoke_rack_init(&r->rack, dup_thresh, dup_most, flags);
	r->undo_retrans = -1;
}

/* --- What goes out --- */

void yoke_recovery_sent(struct yoke_recovery *r, struct yoke_seg *seg, u32 now_us)
{
	bool idle = list_empty(&r->board.sent);

	/* What was delivered long ago says nothing of what is sent now; and its time may wrap. */
	if (idle)
		r->rack.valid = false;
	seg->app_limited = yoke_rate_sent(&r->rate, &seg->rate,
					  idle && !r->board.lost_bytes && !r->board.sacked, now_us);
	yoke_scoreboard_sent(&r->board, seg, now_us);
	yoke_prr_sent(&r->prr, yoke_seg_len(seg));
}

void yoke_recovery_restored(struct yoke_recovery *r, struct yoke_seg *seg, u32 now_us)
{
	yoke_recovery_sent(r, seg, now_us);
	/* Karn's rule: its ACK says nothing of the round trip. */
	seg->retrans = 1;
}

void yoke_recovery_resent(struct yoke_recovery *r, struct yoke_seg *seg, u32 now_us)
{
	u32 len = yoke_seg_len(seg);

	if (seg->state == YOKE_SEG_SACKED)
		return;
	yoke_scoreboard_resent(&r->board, seg, now_us);
	if (list_is_singular(&r->board.sent))
		r->rack.valid = false;
	if (r->undo_armed) {
		if (r->undo_retrans < 0) {
			r->undo_retrans = 0;
			r->first_retrans_us = now_us;
		}
		r->undo_retrans += min_t(u32, len, S32_MAX - r->undo_retrans);
	}
	seg->app_limited = yoke_rate_sent(&r->rate, &seg->rate, false, now_us);
	yoke_prr_sent(&r->prr, len);
}

void yoke_recovery_split(struct yoke_recovery *r, struct yoke_seg *seg, struct yoke_seg *tail,
			 u32 seq)
{
	yoke_scoreboard_split(&r->board, seg, tail, seq);
	if (tail->state == YOKE_SEG_LOST && r->board.newreno && r->state == YOKE_CA_RECOVERY)
		yoke_scoreboard_found(&r->board, tail);
}

/* --- One ACK --- */

void yoke_recovery_ack_begin(struct yoke_recovery *r, struct yoke_ack *ack)
{
	ack->delivered = 0;
	ack->marked = 0;
	ack->rtt_us = 0;
	ack->rack_rtt_us = 0;
	ack->lost = 0;
	ack->overtaken = 0;
	ack->rate.valid = false;
	ack->prior_in_flight = r->board.in_flight;
	ack->retrans_acked = false;
	ack->ambiguous = false;
	ack->orig_delivered = false;
	yoke_rack_expire(&r->rack, ack->now_us);
	r->board.newreno = !ack->sack;
	if (!r->board.sacked)
		r->rack.fack = ack->prior_una;
	ack->prior_fack = r->rack.fack;
}

/* Was @seg retransmitted in this episode, and not only in one before? */
static inline bool in_episode(const struct yoke_recovery *r, const struct yoke_seg *seg)
{
	return seg->retrans && r->undo_retrans >= 0 &&
	       !yoke_rack_before(seg->tx_us, r->first_retrans_us);
}

/* @len bytes of @seg up to @end_seq are newly delivered. */
static inline void deliver(struct yoke_recovery *r, const struct yoke_seg *seg, u32 len,
			   u32 end_seq, struct yoke_ack *ack)
{
	u32 rtt_us;

	ack->delivered += len;
	yoke_rate_delivered(&r->rate, &ack->rate, &seg->rate, seg->tx_us, seg->app_limited);
	yoke_rack_delivered(&r->rack, seg, end_seq, ack);
	if (unlikely(seg->retrans))
		return;
	if (r->frto && !yoke_seq_after(end_seq, r->recover))
		ack->orig_delivered = true;
	/* That is when fq was to let it go. If fq has been taken away since, it went earlier. */
	if (unlikely(yoke_rack_before(ack->now_us, seg->tx_us)))
		return;
	rtt_us = max(ack->now_us - seg->tx_us, 1u);
	if (!ack->rtt_us || rtt_us < ack->rtt_us)
		ack->rtt_us = rtt_us;
}

/*
 * The same, below SEG.ACK. If one of the segments there was retransmitted, none tells the round trip
 * (Karn): the others may have waited for it at the peer.
 */
static inline void deliver_acked(struct yoke_recovery *r, const struct yoke_seg *seg, u32 len,
				 u32 end_seq, struct yoke_ack *ack)
{
	ack->retrans_acked |= in_episode(r, seg);
	ack->ambiguous |= !!seg->retrans;
	deliver(r, seg, len, end_seq, ack);
	if (unlikely(ack->ambiguous))
		ack->rtt_us = 0;
}

void yoke_recovery_acked(struct yoke_recovery *r, struct yoke_seg *seg, struct yoke_ack *ack)
{
	if (yoke_scoreboard_acked(&r->board, seg))
		deliver_acked(r, seg, yoke_seg_len(seg), seg->end_seq, ack);
}

void yoke_recovery_trim(struct yoke_recovery *r, struct yoke_seg *seg, u32 seq,
			struct yoke_ack *ack)
{
	u32 len = seq - seg->seq;

	if (len >= yoke_seg_len(seg))	/* not inside: the caller's mistake must not corrupt sums */
		return;
	if (yoke_scoreboard_trim(&r->board, seg, len))
		deliver_acked(r, seg, len, seq, ack);
}

void yoke_recovery_sacked(struct yoke_recovery *r, struct yoke_seg *seg, struct yoke_ack *ack)
{
	if (seg->state == YOKE_SEG_SACKED)
		return;
	yoke_scoreboard_sacked(&r->board, seg);
	deliver(r, seg, yoke_seg_len(seg), seg->end_seq, ack);
}

void yoke_recovery_unsacked(struct yoke_recovery *r, struct yoke_seg *seg)
{
	if (seg->state == YOKE_SEG_SACKED)
		yoke_scoreboard_unsacked(&r->board, seg);
}

/* --- RACK --- */

static u32 rack_detect_loss(struct yoke_recovery *r, const struct yoke_cc *cc,
			    const struct yoke_rtt *rtt, u32 now_us)
{
	return yoke_rack_detect_loss(&r->rack, &r->board, rtt, cc->mss, r->state >= YOKE_CA_RECOVERY,
				     now_us);
}

/* DSACKs say that the reordering window was too small, but for what answers a probe. */
static void rack_process_dsack(struct yoke_recovery *r, const struct yoke_ack *ack)
{
	if (r->rack.round && !yoke_seq_before(ack->ack, r->rack.round_end))
		r->rack.round = false;
	if (ack->dsack && !(r->tlp_out && r->tlp_retrans && ack->dsack_end == r->tlp_end_seq))
		yoke_rack_dsack(&r->rack, ack);
}

/* --- NewReno, RFC 6582, for connections without SACK --- */

/* Duplicate ACKs mean segments that left the network; new data acknowledged takes them back. */
static void newreno_count(struct yoke_recovery *r, const struct yoke_cc *cc, struct yoke_ack *ack)
{
	u32 n;

	if (ack->ack != ack->prior_una) {
		/* One segment filled the hole, the others are those of the duplicate ACKs. */
		n = ack->delivered > cc->mss ? ack->delivered - cc->mss : 0;
		ack->delivered -= yoke_scoreboard_undup(&r->board, n);
		r->dupacks = 0;
		if (r->state <= YOKE_CA_CWR) {
			yoke_scoreboard_undup(&r->board, ~0u);
			r->hold = false;
		}
	} else if (ack->dup && !r->hold) {
		ack->delivered += yoke_scoreboard_dup(&r->board, cc->mss);
		if (r->dupacks < U16_MAX)	/* as far as dup_thresh may go */
			r->dupacks++;
	}
}

/*
 * §3.2 steps 1 and 3: DupThresh duplicates, or a partial ACK, say that the
 * first segment is missing; not if it was resent since, so that ACKs for
 * single bytes don't make us send a segment each.
 */
static void newreno_detect_loss(struct yoke_recovery *r, const struct yoke_ack *ack)
{
	struct yoke_seg *seg = yoke_scoreboard_first(&r->board.sent);
	bool missing;

	if (!seg || !list_empty(&r->board.lost))
		return;
	if (r->state == YOKE_CA_RECOVERY)
		missing = ack->ack != ack->prior_una &&
			  (r->undo_retrans < 0 || yoke_rack_before(seg->tx_us, r->first_retrans_us));
	else
		missing = r->state <= YOKE_CA_CWR && r->dupacks >= r->rack.dup_thresh;
	if (missing)
		yoke_scoreboard_lost(&r->board, seg);
}

/*
 * In fast recovery without SACK `lost` holds one buffer, of which one segment
 * is lost; what the rest of it adds to in_flight until the engine has split it.
 */
static u32 newreno_surplus(const struct yoke_recovery *r, const struct yoke_cc *cc)
{
	if (!r->board.newreno || r->state != YOKE_CA_RECOVERY || r->board.lost_bytes <= cc->mss)
		return 0;
	return r->board.lost_bytes - cc->mss;
}

/* --- Congestion events: reduction, its end, its undoing --- */

static void arm_undo(struct yoke_recovery *r, const struct yoke_cc *cc, u32 una)
{
	r->undo_armed = true;
	r->undo_cwnd = cc->cwnd;
	r->undo_ssthresh = cc->ssthresh;
	r->undo_una = una;
	r->undo_retrans = -1;
}

static inline void note_reduction(struct yoke_recovery *r, u32 snd_nxt)
{
	r->recover = snd_nxt;
	r->reduced = true;
	r->cwr_due = true;
}

/* One reduction for the window that is outstanding; PRR spreads it over a round trip. */
static void reduce(struct yoke_recovery *r, struct yoke_cc *cc, bool ecn, u32 snd_nxt, u32 now_us)
{
	yoke_prr_begin(&r->prr, cc->cwnd);
	note_reduction(r, snd_nxt);
	r->tlp_out = false;
	cc->credit = 0;
	cc->ssthresh = ecn && cc->ops->ecn ? cc->ops->ecn(cc) : cc->ops->ssthresh(cc);
	if (cc->ops->lost)
		cc->ops->lost(cc, false, now_us);
}

static void enter_recovery(struct yoke_recovery *r, struct yoke_cc *cc, u32 una, u32 snd_nxt,
			   u32 now_us)
{
	bool reduced = r->state == YOKE_CA_CWR;		/* marks came before the loss: once is enough */

	arm_undo(r, cc, una);
	if (reduced)
		r->undo_cwnd = 0;
	else
		reduce(r, cc, false, snd_nxt, now_us);
	r->tlp_out = false;
	r->state = YOKE_CA_RECOVERY;
}

/* RFC 3168 §6.1.2: marks are congestion as losses are, but nothing is to be sent again. */
static void enter_cwr(struct yoke_recovery *r, struct yoke_cc *cc, const struct yoke_ack *ack)
{
	r->undo_armed = false;
	reduce(r, cc, true, ack->snd_nxt, ack->now_us);
	r->state = YOKE_CA_CWR;
}

/* Between the reduction's beginning and its end cwnd is what is in flight and what PRR lets out. */
static void prr_update(struct yoke_recovery *r, struct yoke_cc *cc, u32 delivered, bool advanced,
		       bool newly_lost)
{
	u32 pipe = r->board.in_flight + newreno_surplus(r, cc);

	if (!delivered && !newly_lost)
		return;
	cc->cwnd = pipe + yoke_prr_sndcnt(&r->prr, cc->ssthresh, cc->mss, pipe, delivered, advanced,
					  newly_lost);
	if (r->board.newreno && newly_lost)	/* RFC 6582's answer to a partial ACK */
		cc->cwnd = max(cc->cwnd, pipe + cc->mss);
}

static inline bool in_reduction(const struct yoke_recovery *r)
{
	return r->state == YOKE_CA_CWR || r->state == YOKE_CA_RECOVERY;
}

/* RFC 6937 §3.1. There is no ssthresh yet if the reduction began under an algorithm that has none. */
static void to_ssthresh(struct yoke_cc *cc)
{
	if (!cc->ops->control && cc->ssthresh != ~0u)
		cc->cwnd = cc->ssthresh;
}

/* All that was outstanding when the episode began is delivered. */
static void leave_recovery(struct yoke_recovery *r, struct yoke_cc *cc, const struct yoke_ack *ack)
{
	if (r->state == YOKE_CA_RECOVERY)
		to_ssthresh(cc);
	yoke_scoreboard_undup(&r->board, ~0u);
	r->dupacks = 0;
	/* RFC 6582 §3.2 step 1, §4: no fast retransmit before more than `recover` is ACKed. */
	r->hold = r->board.newreno && ack->ack == r->recover;
	r->frto = YOKE_FRTO_OFF;
	r->state = YOKE_CA_OPEN;
	if (!ack->dsack)
		yoke_rack_recovered(&r->rack);
}

/* What answers CWR is acknowledged: marks from now on are new ones. */
static void leave_cwr(struct yoke_recovery *r, struct yoke_cc *cc)
{
	to_ssthresh(cc);
	r->state = YOKE_CA_OPEN;
}

/* RFC 4015 §3: the reduction was needless, and is taken back. */
static void restore(struct yoke_recovery *r, struct yoke_cc *cc)
{
	r->undo_armed = false;
	if (!r->undo_cwnd)
		return;
	r->reduced = false;
	r->cwr_due = false;
	if (!cc->ops->control)
		cc->cwnd = max(cc->cwnd, r->undo_cwnd);
	cc->ssthresh = max(cc->ssthresh, r->undo_ssthresh);
	if (cc->ops->undo)
		cc->ops->undo(cc);
}

void yoke_recovery_needless(struct yoke_recovery *r, struct yoke_cc *cc)
{
	/* Marks that came with it prove congestion all the same: the reduction goes on, for these. */
	r->state = r->undo_cwnd ? YOKE_CA_DISORDER : YOKE_CA_CWR;
	/* Without SACK those duplicate ACKs that are still to come say the same of it again. */
	r->hold = r->board.newreno;
	r->dupacks = 0;
	restore(r, cc);
}

void yoke_recovery_too_large(struct yoke_recovery *r, struct yoke_seg *seg, u32 snd_nxt)
{
	/* Without SACK fast recovery knows of one loss at a time. */
	if (seg->state != YOKE_SEG_SENT ||
	    (r->board.newreno && r->state == YOKE_CA_RECOVERY && !list_empty(&r->board.lost)))
		return;
	yoke_scoreboard_lost(&r->board, seg);
	if (r->state >= YOKE_CA_RECOVERY)
		return;
	r->state = YOKE_CA_LOSS;
	r->recover = snd_nxt;
	r->undo_armed = false;
	r->frto = YOKE_FRTO_OFF;
	r->tlp_out = false;
}

/* Nothing was lost: what is held to be so is in flight, and the reduction is taken back. */
static void undo(struct yoke_recovery *r, struct yoke_cc *cc, const struct yoke_ack *ack)
{
	yoke_scoreboard_found_all(&r->board);
	/* The originals were late rather than lost. */
	if (r->state == YOKE_CA_RECOVERY)
		r->rack.reordering = true;
	if (r->state >= YOKE_CA_RECOVERY)
		leave_recovery(r, cc, ack);
	restore(r, cc);
}

/* Has this ACK proven that nothing needed to be retransmitted? */
static bool may_undo(struct yoke_recovery *r, const struct yoke_ack *ack)
{
	if (!r->undo_armed || r->undo_retrans < 0)
		return false;
	/* RFC 3522 §3.2 step 5: the ACK for a retransmitted segment was caused by the original. */
	if (r->state >= YOKE_CA_RECOVERY && ack->retrans_acked && ack->ts_undo)
		return true;
	/* RFC 3708 §2: each retransmission arrived twice. */
	if (ack->dsack && yoke_seq_after(ack->dsack_end, r->undo_una)) {
		r->undo_retrans -= min_t(u32, ack->dsack_end - ack->dsack_start, r->undo_retrans);
		return r->undo_retrans == 0;
	}
	return false;
}

/*
 * RFC 5682 §2.1 and §3.1: after a timeout, the ACK of the retransmitted head lets new data out
 * instead of more retransmissions. If the next one then delivers what was sent before the timeout
 * and never again, the originals are still arriving, and nothing was lost.
 */
static void frto_process_ack(struct yoke_recovery *r, struct yoke_cc *cc,
			     const struct yoke_ack *ack)
{
	bool advanced = ack->ack != ack->prior_una;

	if (!advanced && !ack->dup && !ack->delivered)
		return;				/* no news of the path */
	if (r->frto == YOKE_FRTO_SECOND && ack->orig_delivered) {	/* step 3b */
		undo(r, cc, ack);
	} else if (r->frto == YOKE_FRTO_FIRST && advanced && ack->more &&
		   yoke_seq_before(ack->ack, r->recover)) {		/* step 2b */
		r->frto = YOKE_FRTO_SECOND;
		cc->cwnd = r->board.in_flight + 2 * cc->mss;
	} else {							/* steps 2a, 3a */
		if (r->frto == YOKE_FRTO_SECOND)
			cc->cwnd = min(cc->cwnd, 3 * cc->mss);
		r->frto = YOKE_FRTO_OFF;
	}
}

/* RFC 8985 §7.4.2: what the ACK says about the outstanding tail loss probe. */
static void tlp_process_ack(struct yoke_recovery *r, struct yoke_cc *cc,
			    const struct yoke_ack *ack)
{
	if (!r->tlp_out || yoke_seq_before(ack->ack, r->tlp_end_seq))
		return;
	if (!r->tlp_retrans ||					/* new data: nothing to find out */
	    ((ack->dsack || ack->dubious) &&
	     ack->dsack_end == r->tlp_end_seq) ||		/* the original arrived too */
	    (ack->dup && !ack->delivered)) {			/* likewise, without DSACK */
		r->tlp_out = false;
	} else if (ack->ack != r->tlp_end_seq) {		/* it repaired a loss */
		r->tlp_out = false;
		note_reduction(r, ack->snd_nxt);
		cc->ssthresh = cc->ops->ssthresh(cc);
		if (!cc->ops->control)
			cc->cwnd = min(cc->cwnd, cc->ssthresh);
		if (cc->ops->lost)
			cc->ops->lost(cc, false, ack->now_us);
	}
}

/* The algorithm's turn: outside of recovery, which is PRR's, or if it wants so always. */
static void adapt(struct yoke_recovery *r, struct yoke_cc *cc, const struct yoke_ack *ack)
{
	struct yoke_cc_ack event = {
		.now_us = ack->now_us,
		.acked = ack->delivered,
		.in_flight = ack->prior_in_flight,
		.rtt_us = ack->rtt_us,
		.marked = ack->marked,
	};

	if (!cc->ops->control) {
		cc->ops->ack(cc, &event);
		yoke_cc_limit(cc);
		return;
	}
	event.flight = r->board.in_flight;
	event.lost = ack->lost;
	event.recovery = r->state == YOKE_CA_RECOVERY;
	event.loss = r->state == YOKE_CA_LOSS;
	event.sample = &ack->rate;
	event.rate = &r->rate;
	cc->ops->control(cc, &event);
	yoke_cc_limit(cc);
}

static noinline void tell_marks(struct yoke_recovery *r, struct yoke_cc *cc,
				const struct yoke_ack *ack)
{
	struct yoke_cc_ack event = {
		.now_us = ack->now_us,
		.acked = ack->delivered,
		.in_flight = ack->prior_in_flight,
		.marked = ack->marked,
	};

	cc->ops->marks(cc, &event);
}

/* An ACK that tells more than that everything goes well, or that comes while it doesn't. */
static noinline u32 ack_end_slow(struct yoke_recovery *r, struct yoke_cc *cc,
				 const struct yoke_rtt *rtt, struct yoke_ack *ack)
{
	bool advanced = ack->ack != ack->prior_una, reducing = in_reduction(r);
	u32 lost_before, timeout = 0;
	u16 dupacks = r->dupacks;

	rack_process_dsack(r, ack);
	if (!ack->sack)
		newreno_count(r, cc, ack);

	if (r->reduced && yoke_seq_after(ack->ack, r->recover))
		r->reduced = false;
	if (ack->ece)
		r->undo_cwnd = 0;
	if (unlikely(ack->overtaken))
		yoke_rack_overtaken(&r->rack, (ack->overtaken + cc->mss - 1) / cc->mss);
	if (may_undo(r, ack)) {
		undo(r, cc, ack);
		if (!ack->sack)
			yoke_rack_overtaken(&r->rack, dupacks + 1);
	} else if (r->frto) {
		frto_process_ack(r, cc, ack);
	}
	if (r->state >= YOKE_CA_RECOVERY && !yoke_seq_before(ack->ack, r->recover))
		leave_recovery(r, cc, ack);
	else if (r->state == YOKE_CA_CWR && !r->reduced)
		leave_cwr(r, cc);

	lost_before = r->board.lost_bytes;
	if (ack->sack)
		timeout = rack_detect_loss(r, cc, rtt, ack->now_us);
	else
		newreno_detect_loss(r, ack);

	if (r->state <= YOKE_CA_CWR) {
		if (r->board.lost_bytes)
			enter_recovery(r, cc, ack->ack, ack->snd_nxt, ack->now_us);
		else if (ack->ece && !r->reduced)
			enter_cwr(r, cc, ack);
		else if (r->state != YOKE_CA_CWR)
			r->state = r->board.sacked || r->board.reno_sacked || r->hold ? YOKE_CA_DISORDER :
									    YOKE_CA_OPEN;
	}
	if (ack->ece)
		r->undo_cwnd = 0;
	tlp_process_ack(r, cc, ack);
	ack->lost = r->board.lost_bytes - min(lost_before, r->board.lost_bytes);
	yoke_rate_end(&r->rate, &ack->rate, ack->delivered, rtt->min_us, ack->now_us);

	if (cc->ops->control)
		adapt(r, cc, ack);
	else if (in_reduction(r))
		prr_update(r, cc, ack->delivered, advanced, ack->lost);
	else if (!reducing && !ack->ece && r->frto != YOKE_FRTO_SECOND && ack->delivered &&
		 (advanced || r->rack.reordering))
		adapt(r, cc, ack);
	return timeout;
}

u32 yoke_recovery_ack_end(struct yoke_recovery *r, struct yoke_cc *cc, const struct yoke_rtt *rtt,
			  struct yoke_ack *ack)
{
	r->rack.min_us = rtt->min_us;			/* RFC 8985 §6.2 step 1 */
	if (ack->rack_rtt_us)
		r->rack.rtt_us = ack->rack_rtt_us;
	if (unlikely(cc->ops->marks && ack->delivered))
		tell_marks(r, cc, ack);
	/* While a round lasts, each ACK has to be held against its end, or that number comes round. */
	if (likely(r->state == YOKE_CA_OPEN && !r->board.sacked && !r->board.lost_bytes && !r->tlp_out &&
		   !r->reduced && !r->rack.round && !ack->dup && !ack->dsack && !ack->ece)) {
		if (ack->delivered) {
			yoke_rate_end(&r->rate, &ack->rate, ack->delivered, rtt->min_us,
				      ack->now_us);
			adapt(r, cc, ack);
		}
		return 0;
	}
	return ack_end_slow(r, cc, rtt, ack);
}

/* --- Sending --- */

struct yoke_seg *yoke_recovery_next(const struct yoke_recovery *r)
{
	return r->frto == YOKE_FRTO_SECOND ? NULL : yoke_scoreboard_first(&r->board.lost);
}

u32 yoke_recovery_room(const struct yoke_recovery *r, const struct yoke_cc *cc)
{
	u32 pipe = r->board.in_flight + newreno_surplus(r, cc);
	u32 room = cc->cwnd > pipe ? cc->cwnd - pipe : 0;

	/* Without SACK, one segment a partial ACK. */
	if (r->board.newreno && r->state == YOKE_CA_RECOVERY && r->board.lost_bytes)
		return min(room, cc->mss);
	return room;
}

/* --- Timers --- */

u32 yoke_recovery_reo_timeout(struct yoke_recovery *r, struct yoke_cc *cc,
			      const struct yoke_rtt *rtt, u32 snd_una, u32 snd_nxt, u32 now_us)
{
	u32 lost_before = r->board.lost_bytes;
	u32 timeout = rack_detect_loss(r, cc, rtt, now_us);

	if (r->board.lost_bytes == lost_before)
		return timeout;
	if (r->state <= YOKE_CA_CWR)
		enter_recovery(r, cc, snd_una, snd_nxt, now_us);
	/* The timer stands for the ACK that didn't come: one segment may go out. */
	if (r->state == YOKE_CA_RECOVERY && !cc->ops->control)
		prr_update(r, cc, cc->mss, false, true);
	return timeout;
}

void yoke_recovery_rto(struct yoke_recovery *r, struct yoke_cc *cc, u32 snd_una, u32 snd_nxt,
		       u32 now_us, bool frto)
{
	struct yoke_seg *seg, *next;

	/* RFC 5682 §2.1 step 1: not where an earlier recovery's segments may still be acknowledged. */
	r->frto = frto && (r->state <= YOKE_CA_DISORDER || !yoke_seq_before(snd_una, r->recover)) ?
		  YOKE_FRTO_FIRST : YOKE_FRTO_OFF;
	/* RFC 5681 §3.1 (4): one reduction for one window, however often it is timed out. */
	if (r->state <= YOKE_CA_DISORDER || !yoke_seq_before(snd_una, r->recover) ||
	    (r->state == YOKE_CA_LOSS && snd_una != r->rto_una)) {
		arm_undo(r, cc, snd_una);
		cc->ssthresh = cc->ops->ssthresh(cc);
	}
	yoke_scoreboard_undup(&r->board, ~0u);
	r->dupacks = 0;

	/* RFC 8985 §6.3: the first, and what was sent long enough ago. */
	yoke_rack_expire(&r->rack, now_us);
	list_for_each_entry_safe(seg, next, &r->board.sent, node)
		if (r->board.newreno || !r->rack.valid || seg->seq == snd_una ||
		    !yoke_rack_before(now_us - r->rack.rtt_us, seg->tx_us))
			yoke_scoreboard_lost(&r->board, seg);

	r->rto_una = snd_una;
	note_reduction(r, snd_nxt);
	r->state = YOKE_CA_LOSS;
	r->hold = false;
	r->tlp_out = false;
	cc->credit = 0;
	cc->cwnd = r->board.in_flight + cc->mss;
	yoke_cc_use(cc, YOKE_CC_FILLED, snd_una, snd_nxt);
	if (cc->ops->lost)
		cc->ops->lost(cc, true, now_us);
}

/* --- Tail loss probe, RFC 8985 §7 --- */

u32 yoke_recovery_pto(const struct yoke_recovery *r, const struct yoke_rtt *rtt, u32 mss, bool sack)
{
	u32 pto;

	if (!sack || (r->state != YOKE_CA_OPEN && r->state != YOKE_CA_CWR) || r->board.lost_bytes ||
	    r->board.sacked || r->tlp_out || !r->board.in_flight)
		return 0;
	if (!rtt->srtt_us)
		pto = YOKE_RTO_INIT_US;
	else if (r->board.in_flight <= mss && list_is_singular(&r->board.sent))
		pto = 2 * rtt->srtt_us + rtt->rto_min_us;	/* max_ack_delay */
	else
		pto = 2 * rtt->srtt_us + TLP_SLACK_US;
	return min(pto, yoke_rtt_rto(rtt));
}

void yoke_recovery_tlp_sent(struct yoke_recovery *r, u32 end_seq, bool retrans)
{
	r->tlp_out = true;
	r->tlp_retrans = retrans;
	r->tlp_end_seq = end_seq;
}
