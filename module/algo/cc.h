/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Congestion control: the ops table every algorithm fills in, and Reno (RFC 5681), the ground form
 * of it.
 */
#ifndef YOKE_CC_H
#define YOKE_CC_H

#include <linux/types.h>

#define YOKE_CC_NAME	16	/* TCP_CA_NAME_MAX */
#define YOKE_CC_PRIV	13	/* u64s an algorithm may keep */
#define YOKE_CC_INIT_SEGS 10	/* RFC 6928 */
#define YOKE_CC_CWND_MAX (1u << 30)	/* RFC 7323 §2.3: the largest window */

struct yoke_cc;

/**
 * struct yoke_cc_ack - what one ACK told, in bytes and microseconds
 * @now_us:	clock
 * @acked:	bytes newly delivered: cumulatively acknowledged or SACKed
 * @in_flight:	bytes in flight before this ACK
 * @rtt_us:	RTT sample, 0 if none
 * @limited:	cwnd, not the application, limited sending (RFC 7661: grow only then)
 */
struct yoke_cc_ack {
	u32	now_us;
	u32	acked;
	u32	in_flight;
	u32	rtt_us;
	bool	limited;
};

/**
 * struct yoke_cc_ops - one algorithm
 * @name:	as TCP_CONGESTION knows it
 * @init:	fills in priv; may be NULL
 * @ack:	grows cwnd; called in the open state and in the slow start after a timeout, not in
 *		fast recovery
 * @ssthresh:	new ssthresh in bytes at a congestion event (at least 2 MSS)
 * @lost:	after a timeout or at the start of recovery, @rto tells which; may be NULL
 * @undo:	the last congestion event was none: take back what @ssthresh and @lost did to priv
 *		(cwnd and ssthresh are restored already); may be NULL
 * @idle:	sending restarts after an idle time; may be NULL
 */
struct yoke_cc_ops {
	char	name[YOKE_CC_NAME];
	void	(*init)(struct yoke_cc *cc);
	void	(*ack)(struct yoke_cc *cc, const struct yoke_cc_ack *ack);
	u32	(*ssthresh)(struct yoke_cc *cc);
	void	(*lost)(struct yoke_cc *cc, bool rto, u32 now_us);
	void	(*undo)(struct yoke_cc *cc);
	void	(*idle)(struct yoke_cc *cc, u32 now_us);
};

/**
 * struct yoke_cc - the congestion state of one connection; all sizes in bytes
 * @ops:	the algorithm
 * @cwnd:	congestion window
 * @ssthresh:	slow start threshold, ~0 at first
 * @mss:	effective send MSS
 * @credit:	bytes acknowledged towards the next increase in congestion avoidance
 * @priv:	the algorithm's own
 */
struct yoke_cc {
	const struct yoke_cc_ops *ops;
	u32	cwnd;
	u32	ssthresh;
	u32	mss;
	u32	credit;
	u64	priv[YOKE_CC_PRIV];
};

extern const struct yoke_cc_ops yoke_cc_reno;

/* cwnd = ten segments (RFC 6928), ssthresh unlimited. */
void yoke_cc_init(struct yoke_cc *cc, const struct yoke_cc_ops *ops, u32 mss);
/* The effective MSS changed: cwnd stays the same number of bytes, but at least one segment. */
void yoke_cc_set_mss(struct yoke_cc *cc, u32 mss);
/*
 * After @idle_us without sending, cwnd decays by half for each RTO, to no less than the restart
 * window (RFC 5681 §4.1, RFC 2861).
 */
void yoke_cc_idle(struct yoke_cc *cc, u32 idle_us, u32 rto_us, u32 now_us);
/* The algorithm of that name, or NULL. */
const struct yoke_cc_ops *yoke_cc_find(const char *name);

/* For algorithms: may this ACK grow cwnd, slow start's share of it, congestion avoidance's. */
bool yoke_cc_may_grow(const struct yoke_cc *cc, const struct yoke_cc_ack *ack);
/* Returns the acknowledged bytes that are left over when ssthresh is reached. */
u32 yoke_cc_slow_start(struct yoke_cc *cc, u32 acked);
/* One MSS for every @window bytes acknowledged. */
void yoke_cc_avoid(struct yoke_cc *cc, u32 window, u32 acked);

static inline bool yoke_cc_in_slow_start(const struct yoke_cc *cc)
{
	return cc->cwnd < cc->ssthresh;
}

#endif
