// SPDX-License-Identifier: GPL-2.0
/*
 * Round-trip time estimation and the retransmission timeout.
 *
 * Owns: struct yoke_rtt. Caller holds the socket lock.
 * RFC 6298 §2 (estimator) §5 (backoff), RFC 8985 §6.2 step 1 (minimum RTT).
 */
#include <linux/types.h>
#include <linux/minmax.h>
#include "rtt.h"

#define BACKOFF_MAX	27	/* 1 us << 27 is above YOKE_RTO_MAX_US */

void yoke_rtt_init(struct yoke_rtt *rtt)
{
	rtt->srtt_us = 0;
	rtt->rttvar_us = 0;
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

void yoke_rtt_sample(struct yoke_rtt *rtt, u32 rtt_us, u32 now_us)
{
	s32 err;

	rtt_us = clamp(rtt_us, 1u, YOKE_RTO_MAX_US);
	sample_min(rtt, rtt_us, now_us);

	if (!rtt->srtt_us) {					/* (2.2) */
		rtt->srtt_us = rtt_us;
		rtt->rttvar_us = rtt_us / 2;
	} else {						/* (2.3), alpha 1/8, beta 1/4 */
		err = rtt_us - rtt->srtt_us;
		rtt->rttvar_us += ((err < 0 ? -err : err) - (s32)rtt->rttvar_us) / 4;
		rtt->srtt_us += err / 8;
	}
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
