// SPDX-License-Identifier: GPL-2.0
/*
 * Round-trip time estimation and the retransmission timeout.
 *
 * Owns: struct yoke_rtt. Caller holds the socket lock.
 * RFC 6298 §2 (estimator) §5 (backoff), RFC 7323 §4.2 (many samples in a round trip), RFC 8985 §6.2
 * step 1 (minimum RTT).
 */
#include <linux/types.h>
#include <linux/minmax.h>
#include "pair.h"
#include "rtt.h"

#define BACKOFF_MAX	27	/* 1 us << 27 is above YOKE_RTO_MAX_US */

void yoke_rtt_init(struct yoke_rtt *rtt)
{
	rtt->srtt_us = 0;
	rtt->mdev_us = 0;
	rtt->rttvar_us = 0;
	rtt->rttvar_seq = 0;
	rtt->rto_us = YOKE_RTO_INIT_US;
	rtt->min_us = ~0u;
	rtt->min_stamp_us = 0;
	rtt->rto_min_us = YOKE_RTO_MIN_US;
	rtt->rto_max_us = YOKE_RTO_MAX_US;
	rtt->backoff = 0;
}

void yoke_rtt_renew(struct yoke_rtt *rtt)
{
	u32 rto_max_us = rtt->rto_max_us;

	yoke_rtt_init(rtt);
	rtt->rto_max_us = rto_max_us;
}

void yoke_rtt_bound(struct yoke_rtt *rtt, u32 rto_min_us, u32 rto_max_us)
{
	rtt->rto_min_us = min(rto_min_us, YOKE_RTO_MAX_US);
	rtt->rto_max_us = min(rto_max_us, YOKE_RTO_MAX_US);
}

static void sample_min(struct yoke_rtt *rtt, u32 rtt_us, u32 now_us)
{
	if (rtt_us <= rtt->min_us || now_us - rtt->min_stamp_us > YOKE_RTT_MIN_WINDOW_US) {
		rtt->min_us = rtt_us;
		rtt->min_stamp_us = now_us;
	}
}

/*
 * The gains of (2.3) are meant for one sample in a round trip. With more, the variation would be forgotten
 * within that (RFC 7323 §4.2): what (2.3) makes of each sample counts at once if it is more, and as Linux
 * does it, if it is less only when a round trip has passed, and then no less than one sample could make it.
 */
static void sample_var(struct yoke_rtt *rtt, u32 snd_una, u32 snd_nxt)
{
	if (rtt->mdev_us < rtt->rttvar_us) {
		if (!yoke_seq_after(snd_una, rtt->rttvar_seq))
			return;
		rtt->rttvar_us = max(rtt->mdev_us, rtt->rttvar_us - rtt->rttvar_us / 4);
	} else {
		rtt->rttvar_us = rtt->mdev_us;
	}
	rtt->rttvar_seq = snd_nxt;
}

void yoke_rtt_sample(struct yoke_rtt *rtt, u32 rtt_us, u32 snd_una, u32 snd_nxt, u32 now_us)
{
	s32 err;

	rtt_us = clamp(rtt_us, 1u, YOKE_RTO_MAX_US);
	sample_min(rtt, rtt_us, now_us);

	if (!rtt->srtt_us) {					/* (2.2) */
		rtt->srtt_us = rtt_us;
		rtt->mdev_us = rtt_us / 2;
	} else {						/* (2.3), alpha 1/8, beta 1/4 */
		err = rtt_us - rtt->srtt_us;
		rtt->mdev_us += ((err < 0 ? -err : err) - (s32)rtt->mdev_us) / 4;
		rtt->srtt_us += err / 8;
	}
	sample_var(rtt, snd_una, snd_nxt);
	/*
	 * (2.4) wants RTO itself rounded up to its minimum; as Linux does, the variation is, so
	 * that a peer that delays its ACKs by 200 ms never causes a timeout on however long a path.
	 */
	rtt->rto_us = min(rtt->srtt_us + max(rtt->rto_min_us, 4 * rtt->rttvar_us),
			  rtt->rto_max_us);
	rtt->backoff = 0;					/* (5.7) */
}

void yoke_rtt_backoff(struct yoke_rtt *rtt)
{
	if (rtt->backoff < BACKOFF_MAX)
		rtt->backoff++;					/* (5.5) */
}

u32 yoke_rtt_rto(const struct yoke_rtt *rtt)
{
	return min_t(u64, (u64)rtt->rto_us << rtt->backoff, rtt->rto_max_us);
}
