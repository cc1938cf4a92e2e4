/* SPDX-License-Identifier: GPL-2.0 */
/* Round-trip time and the retransmission timeout (RFC 6298). All times are microseconds. */
#ifndef YOKE_RTT_H
#define YOKE_RTT_H

#include <linux/types.h>

#define YOKE_RTO_INIT_US	1000000u	/* RFC 6298 (2.1) */
#define YOKE_RTO_FALLBACK_US	3000000u	/* (5.7): after a lost SYN without a sample */
#define YOKE_RTO_MIN_US		200000u		/* Linux's; (2.4) would have 1 s */
#define YOKE_RTO_MAX_US		120000000u	/* (2.5): at least 60 s */
#define YOKE_RTT_MIN_WINDOW_US	300000000u	/* how long a smallest RTT is believed */

/**
 * struct yoke_rtt - the estimator of one connection
 * @srtt_us:	smoothed RTT, 0 before the first sample
 * @mdev_us:	its variation, RFC 6298's RTTVAR
 * @rttvar_us:	the most of @mdev_us lately, for @rto_us: it falls once a round trip, by a quarter at most
 * @rttvar_seq:	when this is acknowledged, a round trip has passed since @rttvar_us was set
 * @rto_us:	timeout without backoff
 * @min_us:	smallest RTT of the last YOKE_RTT_MIN_WINDOW_US, ~0 before the first sample
 * @min_stamp_us: when @min_us was taken
 * @rto_min_us:	least variation that counts for @rto_us, YOKE_RTO_MIN_US unless somebody says otherwise
 * @rto_max_us:	the longest timeout, with its backoff; likewise
 * @backoff:	number of doublings of @rto_us in force (5.5)
 */
struct yoke_rtt {
	u32	srtt_us;
	u32	mdev_us;
	u32	rttvar_us;
	u32	rttvar_seq;
	u32	rto_us;
	u32	min_us;
	u32	min_stamp_us;
	u32	rto_min_us;
	u32	rto_max_us;
	u8	backoff;
};

/* Nothing is known of the path, and nobody has said anything. */
void yoke_rtt_init(struct yoke_rtt *rtt);
/* Another path: @rto_max_us stays. */
void yoke_rtt_renew(struct yoke_rtt *rtt);
/* @rto_min_us counts from the next sample on, @rto_max_us at once; neither is above YOKE_RTO_MAX_US. */
void yoke_rtt_bound(struct yoke_rtt *rtt, u32 rto_min_us, u32 rto_max_us);
/*
 * One valid sample (Karn: never of a retransmitted segment unless timestamps tell); ends the
 * backoff (5.7). @snd_una: with what it acknowledges.
 */
void yoke_rtt_sample(struct yoke_rtt *rtt, u32 rtt_us, u32 snd_una, u32 snd_nxt, u32 now_us);
void yoke_rtt_backoff(struct yoke_rtt *rtt);
/* The timeout to arm: rto_us << backoff, at most rto_max_us. */
u32 yoke_rtt_rto(const struct yoke_rtt *rtt);

#endif
