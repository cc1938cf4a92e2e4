// SPDX-License-Identifier: GPL-2.0
/*
 * RACK: which of the segments in flight are lost, told by time.
 *
 * Owns: struct yoke_rack. Caller holds the socket lock.
 * RFC 8985 §6.2. Work per ACK is bounded by the segments that change state: the walk of `sent` stops
 * at the first segment that is not lost; and by a bound, as a peer can have all of them found again.
 */
#include <linux/types.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "rack.h"

#define REO_PERSIST		16		/* recoveries, RFC 8985 §6.2 step 4 */
#define WALK			1024		/* segments found lost at once */

void yoke_rack_init(struct yoke_rack *rack, u16 dup_thresh, u16 dup_most, u8 flags)
{
	memset(rack, 0, sizeof(*rack));
	rack->min_us = ~0u;
	rack->reo_mult = 1;
	rack->dup_thresh = dup_thresh;
	rack->dup_most = dup_most;
	rack->flags = flags;
}

void yoke_rack_dsack(struct yoke_rack *rack, const struct yoke_ack *ack)
{
	if (rack->round || rack->flags & YOKE_RACK_STATIC)
		return;
	rack->round = true;
	rack->round_end = ack->snd_nxt;
	rack->reo_persist = REO_PERSIST;
	if (rack->reo_mult < U8_MAX)
		rack->reo_mult++;
}

void yoke_rack_recovered(struct yoke_rack *rack)
{
	if (rack->reo_persist)
		rack->reo_persist--;
	if (!rack->reo_persist)
		rack->reo_mult = 1;
}

static u32 reo_wnd(const struct yoke_rack *rack, const struct yoke_scoreboard *b,
		   const struct yoke_rtt *rtt, u32 mss, bool recovering)
{
	if (!rack->reordering) {
		if (recovering)
			return 0;
		/* DupThresh segments, be they small, or full-sized ones in large buffers. */
		if (!(rack->flags & YOKE_RACK_TIME_ONLY) &&
		    (b->sacked_segs >= rack->dup_thresh || b->sacked > (rack->dup_thresh - 1) * mss))
			return 0;
	}
	if (rtt->min_us == ~0u)
		return 0;
	return min_t(u64, (u64)rack->reo_mult * rtt->min_us / 4, rtt->srtt_us);
}

/*
 * Where the RFC takes the latest of the segments' times, one timer for all, this takes that of the
 * last that could be among them, so that the walk can stop early.
 */
u32 yoke_rack_detect_loss(const struct yoke_rack *rack, struct yoke_scoreboard *b,
			  const struct yoke_rtt *rtt, u32 mss, bool recovering, u32 now_us)
{
	u32 wait = rack->rtt_us + reo_wnd(rack, b, rtt, mss, recovering);
	struct yoke_seg *seg, *next;
	int walk = WALK;

	if (!rack->valid)
		return 0;
	list_for_each_entry_safe(seg, next, &b->sent, node) {
		if (yoke_rack_before(rack->tx_us, seg->tx_us) ||
		    (rack->tx_us == seg->tx_us && !yoke_seq_before(seg->end_seq, rack->end_seq)))
			return 0;		/* sent after the one delivered last */
		if ((s32)(now_us - seg->tx_us) < (s32)wait)
			return max(rack->tx_us + wait - now_us, 1u);
		/* The next ACK goes on, or the timer. */
		if (!walk--)
			return 1;
		yoke_scoreboard_lost(b, seg);
	}
	return 0;
}
