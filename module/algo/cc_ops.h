/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a congestion control algorithm is made of: the ops table it fills in, the state it works on,
 * and the steps that algorithms share. cc.h is what their users include.
 *
 * An algorithm may be a module of its own: it fills in a struct yoke_cc_ops with .owner =
 * THIS_MODULE and hands it to yoke_cc_register() when it is loaded, to yoke_cc_unregister() when it
 * goes; with MODULE_ALIAS("yoke_cc_NAME") it is loaded when an administrator first names it.
 * selftests/cc_sample is one.
 */
#ifndef YOKE_CC_OPS_H
#define YOKE_CC_OPS_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/minmax.h>

#define YOKE_CC_NAME	16	/* TCP_CA_NAME_MAX */
#define YOKE_CC_PRIV	13	/* u64s an algorithm may keep */
#define YOKE_CC_INIT_SEGS 10	/* RFC 6928 */
#define YOKE_CC_CWND_MAX (1u << 30)	/* RFC 7323 §2.3: the largest window */
#define YOKE_CC_FILLED	(~0u)	/* struct yoke_cc.used: all there was */

struct module;
struct yoke_cc;
struct yoke_rate;
struct yoke_rate_sample;
union tcp_cc_info;

/**
 * struct yoke_cc_ack - what one ACK told, in bytes and microseconds
 * @now_us:	clock
 * @acked:	bytes newly delivered: cumulatively acknowledged or SACKed
 * @in_flight:	bytes in flight before this ACK
 * @rtt_us:	RTT sample, 0 if none
 * @marked:	bytes of @acked that the network marked (ECN)
 *
 * For yoke_cc_ops.control only:
 * @flight:	bytes in flight now
 * @lost:	bytes newly held to be lost
 * @recovery:	in fast recovery now
 * @loss:	in the slow start after a timeout
 * @sample:	the delivery rate this ACK measured (rate.h)
 * @rate:	the connection's; an algorithm that itself limits sending says so there
 */
struct yoke_cc_ack {
	u32	now_us;
	u32	acked;
	u32	in_flight;
	u32	rtt_us;
	u32	marked;

	bool	recovery;
	bool	loss;
	u32	flight;
	u32	lost;
	const struct yoke_rate_sample *sample;
	struct yoke_rate *rate;
};

/* yoke_cc_ops.flags */
enum {
	YOKE_CC_UNRESTRICTED = 1,	/* everybody may choose it */
	YOKE_CC_NEEDS_ECN = 2,		/* asks for ECN, on all packets, with RFC 8257's receiver */
};

/**
 * struct yoke_cc_ops - one algorithm
 *
 * All functions but get_info run under the lock of the socket that @cc is of, mostly in softirq.
 *
 * @name:	as TCP_CONGESTION knows it
 * @flags:	YOKE_CC_*; without any it takes CAP_NET_ADMIN to choose it, until it is made the first
 *		namespace's default or named in net.yoke.allowed_congestion_control
 * @owner:	the module that a socket with this algorithm holds; NULL: Yoke itself
 * @init:	fills in priv; may be NULL
 * @ack:	grows cwnd; called in the open state and in the slow start after a timeout, not in
 *		fast recovery
 * @control:	instead of @ack: sets cwnd, in every state, recovery too; may be NULL
 * @marks:	each ACK, in all states, before the rest: what of @acked was marked; may be NULL
 * @pacing_rate: bytes a second to pace sending at; NULL: unpaced, unless something else asks for it
 * @min_segs:	least number of segments in a large buffer at that rate; NULL: net.yoke.min_tso_segs
 * @ssthresh:	new ssthresh in bytes at a congestion event (at least 2 MSS); with @control it is not
 *		cwnd's
 * @ecn:	the same when packets were marked instead of lost (RFC 3168, RFC 8511); NULL: as
 *		@ssthresh has it
 * @lost:	after a timeout or at the start of a reduction, @rto tells which; may be NULL
 * @undo:	the last congestion event was none: take back what @ssthresh and @lost did to priv
 *		(ssthresh and, without @control, cwnd are restored already); may be NULL
 * @idle:	sending restarts after an idle time; with @control, whenever nothing was in flight for lack
 *		of data; may be NULL
 * @get_info:	TCP_CC_INFO and sock_diag: fills in @info, says in @attr which INET_DIAG_*INFO it is, and
 *		returns its size; 0 if @ext, a mask of 1 << (INET_DIAG_*INFO - 1), does not ask for it;
 *		may be NULL
 */
struct yoke_cc_ops {
	char	name[YOKE_CC_NAME];
	u32	flags;
	struct module *owner;
	void	(*init)(struct yoke_cc *cc);
	void	(*ack)(struct yoke_cc *cc, const struct yoke_cc_ack *ack);
	void	(*control)(struct yoke_cc *cc, const struct yoke_cc_ack *ack);
	void	(*marks)(struct yoke_cc *cc, const struct yoke_cc_ack *ack);
	u64	(*pacing_rate)(const struct yoke_cc *cc);
	u32	(*min_segs)(const struct yoke_cc *cc);
	u32	(*ssthresh)(struct yoke_cc *cc);
	u32	(*ecn)(struct yoke_cc *cc);
	void	(*lost)(struct yoke_cc *cc, bool rto, u32 now_us);
	void	(*undo)(struct yoke_cc *cc);
	void	(*idle)(struct yoke_cc *cc, u32 now_us);
	size_t	(*get_info)(const struct yoke_cc *cc, u32 ext, int *attr, union tcp_cc_info *info);
};

/*
 * Adds @ops to the algorithms of all namespaces. -EINVAL if it lacks a name, ssthresh, or
 * both ack and control, -EEXIST if the name is taken, -ENOMEM. Process context.
 */
int yoke_cc_register(const struct yoke_cc_ops *ops);
/* Takes it away again; from the exit of the module that owns it, when no socket has it any more. */
void yoke_cc_unregister(const struct yoke_cc_ops *ops);

/**
 * struct yoke_cc - the congestion state of one connection; all sizes in bytes
 * @ops:	the algorithm
 * @cwnd:	congestion window
 * @ssthresh:	slow start threshold, ~0 at first
 * @mss:	effective send MSS
 * @credit:	bytes acknowledged towards the next increase in congestion avoidance
 * @used:	the most of @cwnd that was in flight in the last window of data, YOKE_CC_FILLED if it held
 *		back more, or had no room for a segment (yoke_cc_use())
 * @used_seq:	which ends when this is acknowledged
 * @init_segs:	the initial window, in segments
 * @most_segs:	the most that @cwnd may grow to, in segments; 0: whatever
 * @priv:	the algorithm's own
 */
struct yoke_cc {
	const struct yoke_cc_ops *ops;
	u32	cwnd;
	u32	ssthresh;
	u32	mss;
	u32	credit;
	u32	used;
	u32	used_seq;
	u32	init_segs;
	u32	most_segs;
	u64	priv[YOKE_CC_PRIV];
};

static inline bool yoke_cc_in_slow_start(const struct yoke_cc *cc)
{
	return cc->cwnd < cc->ssthresh;
}

/*
 * May an ACK grow cwnd? What was not used is not known to be safe (RFC 7661 §3): in congestion avoidance
 * it must have been filled. In slow start, which doubles it in each round, up to twice what was used is,
 * so that a burst just below cwnd doesn't stop its growth (as Linux).
 */
static inline bool yoke_cc_may_grow(const struct yoke_cc *cc)
{
	return cc->used == YOKE_CC_FILLED ||
	       (yoke_cc_in_slow_start(cc) && cc->cwnd / 2 < cc->used);
}

/* After cwnd may have grown: not beyond what it may be. */
static inline void yoke_cc_limit(struct yoke_cc *cc)
{
	if (unlikely(cc->most_segs))
		cc->cwnd = min_t(u64, cc->cwnd, (u64)cc->most_segs * cc->mss);
}

/* Returns the acknowledged bytes that are left over when ssthresh is reached. */
static inline u32 yoke_cc_slow_start(struct yoke_cc *cc, u32 acked)
{
	u32 limit = min(cc->ssthresh, YOKE_CC_CWND_MAX);
	u32 grow = cc->cwnd < limit ? min(acked, limit - cc->cwnd) : 0;

	cc->cwnd += grow;
	return acked - grow;
}

/* One MSS for every @window bytes acknowledged. */
static inline void yoke_cc_avoid(struct yoke_cc *cc, u32 window, u32 acked)
{
	u32 n;

	window = max(window, cc->mss);
	if (cc->credit >= window) {	/* saved up for a larger window: spend it gently */
		cc->credit = 0;
		cc->cwnd = min(cc->cwnd + cc->mss, YOKE_CC_CWND_MAX);
	}
	cc->credit += min(acked, YOKE_CC_CWND_MAX);
	if (cc->credit < window)
		return;
	n = cc->credit / window;
	cc->credit -= n * window;
	cc->cwnd = min(cc->cwnd + n * cc->mss, YOKE_CC_CWND_MAX);
}

/* Reno (RFC 5681), which others are but for the difference they make. */
static inline void yoke_cc_reno_ack(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
	u32 acked = ack->acked;

	if (!yoke_cc_may_grow(cc))
		return;
	if (yoke_cc_in_slow_start(cc))
		acked = yoke_cc_slow_start(cc, acked);
	if (acked)
		yoke_cc_avoid(cc, cc->cwnd, acked);
}

/*
 * RFC 5681 (4) halves FlightSize; as cwnd does not grow while it isn't used, half of cwnd is the
 * same for a connection that it limits, and does not punish one that paused (as Linux does).
 */
static inline u32 yoke_cc_reno_ssthresh(struct yoke_cc *cc)
{
	return max(cc->cwnd / 2, 2 * cc->mss);
}

#endif
