/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RACK: a segment is lost when one that was sent later, by more than the network may reorder, has
 * been delivered (RFC 8985 §5, §6). Times and amounts as in scoreboard.h.
 */
#ifndef YOKE_RACK_H
#define YOKE_RACK_H

#include "one_ack.h"
#include "pair.h"
#include "rtt.h"
#include "scoreboard.h"

/* What users may choose, by the bits of net.ipv4.tcp_recovery. */
enum {
	YOKE_RACK_STATIC    = 2,	/* DSACKs do not widen the reordering window */
	YOKE_RACK_TIME_ONLY = 4,	/* however many overtake one, it takes that time */
};

/**
 * struct yoke_rack - RFC 8985 §5.2
 * @tx_us:	last transmission of the segment sent last that was delivered,
 * @end_seq:	one past its last number,
 * @rtt_us:	and its RTT
 * @min_us:	smallest RTT
 * @fack:	highest sequence number delivered
 * @round_end:	end of the round in which @reo_mult was raised last, if @round
 * @reo_mult:	the reordering window, in quarters of @min_us,
 * @reo_persist: and for how many more recoveries
 * @dup_thresh:	how many segments must overtake one to prove it lost: DupThresh, or as many as were
 *		seen to overtake one that was not, but at most @dup_most
 * @flags:	YOKE_RACK_*
 * @reordering:	it was seen
 * @valid:	@tx_us and @end_seq hold
 */
struct yoke_rack {
	u32	tx_us;
	u32	end_seq;
	u32	rtt_us;
	u32	min_us;
	u32	fack;
	u32	round_end;
	u16	dup_thresh;
	u16	dup_most;
	u8	flags;
	u8	reo_mult;
	u8	reo_persist;
	bool	round:1,
		reordering:1,
		valid:1;
};

void yoke_rack_init(struct yoke_rack *rack, u16 dup_thresh, u16 dup_most, u8 flags);

/* Times wrap as sequence numbers do. */
static inline bool yoke_rack_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

/*
 * @seg, up to @end_seq, is newly delivered (§6.2 steps 2 and 3). If it was retransmitted, and it may
 * be the original that arrived, its number counts, but not its time.
 */
static inline void yoke_rack_delivered(struct yoke_rack *rack, const struct yoke_seg *seg,
				       u32 end_seq, struct yoke_ack *ack)
{
	u32 rtt_us = max_t(s32, ack->now_us - seg->tx_us, 1);

	if (yoke_seq_after(end_seq, rack->fack))
		rack->fack = end_seq;
	if (unlikely(seg->retrans)) {
		if (rtt_us < rack->min_us)	/* step 2: it may be the original that arrived */
			return;
	} else if (unlikely(yoke_seq_before(end_seq, ack->prior_fack))) {
		rack->reordering = true;	/* step 3 */
		ack->overtaken = max(ack->overtaken, ack->prior_fack - seg->seq);
	}
	if (!ack->rack_rtt_us || rtt_us < ack->rack_rtt_us)
		ack->rack_rtt_us = rtt_us;
	if (!rack->valid || yoke_rack_before(rack->tx_us, seg->tx_us) ||
	    (rack->tx_us == seg->tx_us && yoke_seq_before(rack->end_seq, end_seq))) {
		rack->tx_us = seg->tx_us;
		rack->end_seq = end_seq;
		rack->valid = true;
	}
}

/*
 * A segment delivered was sent before now. If it seems not so, the clock has gone half a round since (a
 * virtual machine was stopped), and that time is no measure of what is sent now.
 */
static inline void yoke_rack_expire(struct yoke_rack *rack, u32 now_us)
{
	if (unlikely(yoke_rack_before(now_us, rack->tx_us)))
		rack->valid = false;
}

/* So many segments overtook one that was not lost. */
static inline void yoke_rack_overtaken(struct yoke_rack *rack, u32 segs)
{
	rack->dup_thresh = max_t(u32, rack->dup_thresh, min_t(u32, segs, rack->dup_most));
}

/* Step 4: a retransmission was needless, the window too small. */
void yoke_rack_dsack(struct yoke_rack *rack, const struct yoke_ack *ack);
/* A recovery ended, and not with a DSACK: after some of these the window is as wide as at first. */
void yoke_rack_recovered(struct yoke_rack *rack);
/*
 * Step 5: moves what is lost on @b to `lost`. Microseconds until a segment that was sent before the
 * one delivered last is to be held lost too, 0 if there is none. @recovering: in fast recovery, or
 * after a timeout.
 */
u32 yoke_rack_detect_loss(const struct yoke_rack *rack, struct yoke_scoreboard *b,
			  const struct yoke_rtt *rtt, u32 mss, bool recovering, u32 now_us);

#endif
