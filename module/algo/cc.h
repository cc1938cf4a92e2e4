/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Congestion control: the window of one connection, the list of algorithms,
 * and Reno (RFC 5681), the ground form of them.
 */
#ifndef YOKE_CC_H
#define YOKE_CC_H

#include "cc_bbr.h"
#include "cc_cubic.h"
#include "cc_dctcp.h"
#include "cc_ops.h"
#include "pair.h"

extern const struct yoke_cc_ops yoke_cc_reno;

/* Those that need no module of their own; a NULL ends them. */
extern const struct yoke_cc_ops *const yoke_cc_builtin[];

/*
 * cwnd = @init_segs segments, 0: ten (RFC 6928), and never more than @most_segs, 0: no limit; ssthresh
 * unlimited.
 */
void yoke_cc_init(struct yoke_cc *cc, const struct yoke_cc_ops *ops, u32 mss, u32 init_segs,
		  u32 most_segs);
/*
 * The effective MSS changed: cwnd and ssthresh stay the same number of bytes, but at least one segment
 * and two.
 */
void yoke_cc_set_mss(struct yoke_cc *cc, u32 mss);
/*
 * After @idle_us without sending, cwnd decays by half for each RTO, to no less than the restart
 * window (RFC 5681 §4.1, RFC 2861); with an @rto_us of 0 it stays, and the algorithm is told only;
 * so it is with one that controls cwnd itself.
 */
void yoke_cc_idle(struct yoke_cc *cc, u32 idle_us, u32 rto_us, u32 now_us);
/*
 * So much of cwnd is in use now that something has left, or YOKE_CC_FILLED: the most of it counts until
 * all that was sent by then is acknowledged. Pacing and small queues use cwnd bit by bit.
 */
static inline void yoke_cc_use(struct yoke_cc *cc, u32 used, u32 snd_una, u32 snd_nxt)
{
	if (used < cc->used && yoke_seq_before(snd_una, cc->used_seq))
		return;
	cc->used = used;
	cc->used_seq = snd_nxt;
}

/* @cc goes on with another algorithm, which knows nothing of the past but cwnd and ssthresh. */
void yoke_cc_change(struct yoke_cc *cc, const struct yoke_cc_ops *ops);

#endif
