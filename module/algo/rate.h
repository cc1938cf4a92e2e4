/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Delivery rate: how fast data reaches the peer, measured by each ACK
 * (draft-cheng-iccrg-delivery-rate-estimation-00). All amounts are bytes, modulo 2^32 where they
 * count up; times are microseconds of a clock that wraps.
 */
#ifndef YOKE_RATE_H
#define YOKE_RATE_H

#include <linux/types.h>
#include <linux/compiler.h>

/**
 * struct yoke_rate_seg - what a segment takes along: the connection when it was sent last
 * @delivered:	struct yoke_rate's
 * @delivered_us: struct yoke_rate's
 * @first_us:	struct yoke_rate's
 */
struct yoke_rate_seg {
	u32	delivered;
	u32	delivered_us;
	u32	first_us;
};

/**
 * struct yoke_rate - one connection (§3.2, C.*)
 * @delivered:	bytes delivered so far
 * @delivered_us: when @delivered was raised last
 * @first_us:	when the segment was sent that was delivered last
 * @app_limited: @delivered at which the bubble has passed that the program left for lack of data, 0
 *		for none
 * @bytes:	the last sample for those who ask, delivered in
 * @interval_us: this time; 0 before the first
 * @limited:	and the program limited it
 */
struct yoke_rate {
	u32	delivered;
	u32	delivered_us;
	u32	first_us;
	u32	app_limited;
	u32	bytes;
	u32	interval_us;
	bool	limited;
};

/**
 * struct yoke_rate_sample - one ACK (§3.2, rs.*)
 * @prior_delivered: bytes delivered before the segment was sent, of those now delivered that was
 *		sent last
 * @prior_us:	when they had been
 * @send_us:	how long sending took from the segment delivered last then to this one
 * @delivered:	bytes delivered since @prior_us
 * @interval_us: in this time; 0: there is no sample
 * @app_limited: the segment left while the program limited sending
 * @valid:	the first three hold
 */
struct yoke_rate_sample {
	u32	prior_delivered;
	u32	prior_us;
	u32	send_us;
	u32	delivered;
	u32	interval_us;
	bool	app_limited;
	bool	valid;
};

/*
 * A segment goes out, at first or again (§3.2.1); @idle: nothing else is outstanding. Returns whether
 * the program limits sending, to be kept with @seg.
 */
static inline bool yoke_rate_sent(struct yoke_rate *rate, struct yoke_rate_seg *seg, bool idle,
				  u32 now_us)
{
	if (idle) {
		rate->first_us = now_us;
		rate->delivered_us = now_us;
	}
	seg->delivered = rate->delivered;
	seg->delivered_us = rate->delivered_us;
	seg->first_us = rate->first_us;
	return rate->app_limited;
}

/* A segment sent at @tx_us is delivered, in part at least (§3.2.2): the one sent last counts. */
static inline void yoke_rate_delivered(struct yoke_rate *rate, struct yoke_rate_sample *rs,
				       const struct yoke_rate_seg *seg, u32 tx_us, bool app_limited)
{
	if (rs->valid && (s32)(tx_us - rate->first_us) <= 0)
		return;
	rs->valid = true;
	rs->prior_delivered = seg->delivered;
	rs->prior_us = seg->delivered_us;
	rs->send_us = tx_us - seg->first_us;
	rs->app_limited = app_limited;
	rate->first_us = tx_us;
}

/* All that an ACK delivered, @bytes, has been reported: makes the sample (§3.2.2). */
void yoke_rate_end(struct yoke_rate *rate, struct yoke_rate_sample *rs, u32 bytes, u32 min_rtt_us,
		   u32 now_us);

/* There is less to send than the path would carry (§3.4). @in_flight: bytes. */
static inline void yoke_rate_app_limited(struct yoke_rate *rate, u32 in_flight)
{
	rate->app_limited = rate->delivered + in_flight ?: 1;
}

#endif
