// SPDX-License-Identifier: GPL-2.0
/*
 * Delivery rate: the sample that one ACK makes.
 *
 * Owns: struct yoke_rate, struct yoke_rate_seg. Caller holds the socket lock.
 * draft-cheng-iccrg-delivery-rate-estimation-00 §3.2, §3.3.
 *
 * The interval is the longer one of sending and of being acknowledged: ACKs that come in a bunch
 * make neither faster than it was.
 */
#include <linux/types.h>
#include <linux/minmax.h>
#include "pair.h"
#include "rate.h"

void yoke_rate_end(struct yoke_rate *rate, struct yoke_rate_sample *rs, u32 bytes, u32 min_rtt_us,
		   u32 now_us)
{
	u32 interval;

	rate->delivered += bytes;
	if (rate->app_limited && yoke_seq_after(rate->delivered, rate->app_limited))
		rate->app_limited = 0;
	if (bytes)
		rate->delivered_us = now_us;
	rs->interval_us = 0;
	if (!rs->valid)
		return;
	rs->delivered = rate->delivered - rs->prior_delivered;
	interval = max(rs->send_us, now_us - rs->prior_us);
	/*
	 * Shorter than a round trip, which it has to be: of a segment that was retransmitted, while
	 * it was the original that arrived.
	 */
	if (!interval || interval < min_rtt_us)
		return;
	rs->interval_us = interval;
	/* A program that sends little says little about the path, unless it's more than was known. */
	if (rs->app_limited && rate->interval_us &&
	    (u64)rs->delivered * rate->interval_us < (u64)rate->bytes * interval)
		return;
	rate->bytes = rs->delivered;
	rate->interval_us = interval;
	rate->limited = rs->app_limited;
}
