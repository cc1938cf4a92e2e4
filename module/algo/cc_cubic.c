// SPDX-License-Identifier: GPL-2.0
/*
 * CUBIC: after a loss cwnd follows a cubic curve in time, flat where the loss was, and steeper the
 * farther from there; in the first slow start HyStart++ looks for the path's capacity in the RTT.
 *
 * Owns: yoke_cc.priv of connections with this algorithm. Caller holds the socket lock.
 * RFC 9438 §4 (CUBIC), RFC 9406 §4 (HyStart++).
 *
 * Windows are bytes; the curve's time is in ticks of 1/1024 s, so that its cube needs shifts only.
 */
#include <linux/types.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "cc_cubic.h"

#define TICK_SHIFT	10
#define TICKS_MAX	((1u << 18) - 1)	/* C * t^3 fits into 64 bits */
#define C_SCALED	410u			/* C = 0.4, times 1024 */
#define RECALC_US	31250u			/* as Linux: 32 a second, or when cwnd changed */

#define HY_MIN_THRESH_US	4000u		/* RFC 9406 §4.3 */
#define HY_MAX_THRESH_US	16000u
#define HY_DIVISOR		8
#define HY_SAMPLES		8
#define HY_CSS_GROWTH		4
#define HY_CSS_ROUNDS		5

/**
 * struct curve - where cwnd is going (RFC 9438 §4.1.2)
 * @t_us:	how long it has been going; without the time in which the application limited it
 * @w_max:	window before the last reduction, 0 if unknown
 * @origin:	window at the flat part
 * @k:		ticks from the start to there
 * @est:	what Reno would have by now (W_est)
 */
struct curve {
	u64	t_us;
	u32	w_max;
	u32	origin;
	u32	k;
	u32	est;
};

/**
 * struct cubic - yoke_cc.priv
 * @curve:	the curve
 * @prior:	the one before the last reduction, for when that was needless
 * @cwnd_prior:	cwnd before the last reduction
 * @est_credit:	bytes acknowledged towards the next segment of @curve.est
 * @rtt_us:	smallest RTT, 0 before the first sample
 * @last_us:	the last ACK
 * @recalc_us:	curve time of the last recalculation, modulo 2^32,
 * @recalc_cwnd: cwnd then,
 * @window:	and the outcome: bytes to be acknowledged for one more segment
 * @hy_last:	HyStart++: smallest RTT of the last round,
 * @hy_min:	of this round,
 * @hy_css:	and of that in which CSS (conservative slow start) began, 0 outside CSS
 * @hy_left:	bytes that are left of the round
 * @hy_samples:	RTT samples in the round
 * @hy_rounds:	rounds in CSS
 * @running:	@curve has begun
 * @prior_running: @prior had
 */
struct cubic {
	struct curve curve;
	struct curve prior;
	u32	cwnd_prior;
	u32	est_credit;
	u32	rtt_us;
	u32	last_us;
	u32	recalc_us;
	u32	recalc_cwnd;
	u32	window;
	u32	hy_last;
	u32	hy_min;
	u32	hy_css;
	u32	hy_left;
	u8	hy_samples;
	u8	hy_rounds;
	bool	running;
	bool	prior_running;
};

_Static_assert(sizeof(struct cubic) <= sizeof(((struct yoke_cc *)0)->priv), "priv is too small");

static struct cubic *cubic(struct yoke_cc *cc)
{
	return (struct cubic *)cc->priv;
}

/* --- HyStart++, RFC 9406 §4.2 --- */

static void hystart_reset(struct cubic *c)
{
	c->hy_last = ~0u;
	c->hy_min = ~0u;
	c->hy_css = 0;
	c->hy_left = 0;
	c->hy_samples = 0;
	c->hy_rounds = 0;
}

/* What is outstanding when a round begins is what it lasts for. Returns true when CSS is over. */
static bool hystart_round(struct cubic *c, const struct yoke_cc_ack *ack)
{
	if (c->hy_left > ack->acked) {
		c->hy_left -= ack->acked;
		return false;
	}
	c->hy_left = ack->in_flight;
	c->hy_last = c->hy_min;
	c->hy_min = ~0u;
	c->hy_samples = 0;
	return c->hy_css && ++c->hy_rounds >= HY_CSS_ROUNDS;
}

/* Into CSS when the round's RTT has grown by an eighth, out of it when that was passing jitter. */
static void hystart_sample(struct cubic *c, u32 rtt_us)
{
	u32 thresh;

	c->hy_min = min(c->hy_min, rtt_us);
	if (c->hy_samples < HY_SAMPLES)
		c->hy_samples++;
	if (c->hy_samples < HY_SAMPLES)
		return;
	if (c->hy_css) {
		if (c->hy_min < c->hy_css)
			c->hy_css = 0;
		return;
	}
	if (c->hy_last == ~0u)
		return;
	thresh = clamp(c->hy_last / HY_DIVISOR, HY_MIN_THRESH_US, HY_MAX_THRESH_US);
	if (c->hy_min >= c->hy_last + thresh) {
		c->hy_css = c->hy_min;
		c->hy_rounds = 0;
	}
}

/* Returns the acknowledged bytes that are left for congestion avoidance. */
static u32 slow_start(struct yoke_cc *cc, struct cubic *c, const struct yoke_cc_ack *ack)
{
	u32 acked = ack->acked;

	if (cc->ssthresh != ~0u)	/* not the first: ssthresh knows better */
		return yoke_cc_slow_start(cc, acked);
	if (ack->rtt_us)
		hystart_sample(c, ack->rtt_us);
	yoke_cc_slow_start(cc, c->hy_css ? acked / HY_CSS_GROWTH : acked);
	if (hystart_round(c, ack))
		cc->ssthresh = cc->cwnd;
	return 0;
}

/* --- CUBIC, RFC 9438 §4 --- */

static u32 cube_root(u64 x)
{
	u64 root = 0, bit;
	int shift;

	for (shift = 63; shift >= 0; shift -= 3) {
		root <<= 1;
		bit = 3 * root * (root + 1) + 1;
		if (x >> shift >= bit) {
			x -= bit << shift;
			root++;
		}
	}
	return root;
}

/* Figure 2: K = cbrt((W_max - cwnd_epoch) / C); past W_max, or without one, it begins flat. */
static void begin(const struct yoke_cc *cc, struct cubic *c)
{
	struct curve *v = &c->curve;

	c->running = true;
	c->est_credit = 0;
	c->recalc_cwnd = 0;
	v->t_us = 0;
	v->est = cc->cwnd;
	if (v->w_max > cc->cwnd) {
		/* (bytes / MSS) / 0.4 s^3, in ticks^3: times 5/2 and 2^30 */
		v->k = cube_root(div_u64((u64)(v->w_max - cc->cwnd) * 5 << 29, cc->mss));
		v->origin = v->w_max;
	} else {
		v->k = 0;
		v->origin = cc->cwnd;
	}
}

/* Figure 1: W_cubic(t) = C * (t - K)^3 + W_max. */
static u32 w_cubic(const struct curve *v, u32 mss, u32 ticks)
{
	u64 s = min(ticks > v->k ? ticks - v->k : v->k - ticks, TICKS_MAX);
	u64 segs = (C_SCALED * s * s * s) >> (3 * TICK_SHIFT);		/* times 1024 */
	u32 delta = min_t(u64, segs * mss >> 10, YOKE_CC_CWND_MAX);

	if (ticks > v->k)
		return min(v->origin + delta, YOKE_CC_CWND_MAX);
	return v->origin > delta ? v->origin - delta : 0;
}

/*
 * §4.3: what Reno with the same average window would have, growing by alpha = 3 (1 - B) / (1 + B).
 * Returns true if that is more now.
 */
static bool estimate(const struct yoke_cc *cc, struct cubic *c, u32 acked)
{
	u32 per = c->curve.est < c->cwnd_prior ? cc->cwnd / 9 * 17 : cc->cwnd;
	u32 n;

	per = max(per, cc->mss);
	c->est_credit += min(acked, YOKE_CC_CWND_MAX);
	if (c->est_credit < per)
		return false;
	n = c->est_credit / per;
	c->est_credit -= n * per;
	c->curve.est = min_t(u64, c->curve.est + (u64)n * cc->mss, YOKE_CC_CWND_MAX);
	return true;
}

/* How many bytes must be acknowledged for the next segment: §4.4, §4.5. */
static void recalculate(const struct yoke_cc *cc, struct cubic *c)
{
	u32 cwnd = cc->cwnd, target, ticks;
	struct curve *v = &c->curve;

	ticks = min_t(u64, div_u64((v->t_us + c->rtt_us) << TICK_SHIFT, 1000000), S32_MAX);
	target = w_cubic(v, cc->mss, ticks);
	target = max(min(target, cwnd + cwnd / 2), v->est);
	if (target > cwnd)
		c->window = min_t(u64, div_u64((u64)cwnd * cc->mss, target - cwnd),
				  YOKE_CC_CWND_MAX);
	else
		c->window = YOKE_CC_CWND_MAX;
	/* At least two ACKed segments for one; while W_max is unknown at most twenty, as Linux. */
	c->window = max(c->window, 2 * cc->mss);
	if (!v->w_max)
		c->window = min(c->window, 20 * cc->mss);
	c->recalc_us = v->t_us;
	c->recalc_cwnd = cwnd;
}

static void cubic_init(struct yoke_cc *cc)
{
	memset(cc->priv, 0, sizeof(cc->priv));
	hystart_reset(cubic(cc));
}

static void cubic_ack(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
	struct cubic *c = cubic(cc);
	u32 elapsed = ack->now_us - c->last_us, acked = ack->acked;

	c->last_us = ack->now_us;
	if (ack->rtt_us && (!c->rtt_us || ack->rtt_us < c->rtt_us))
		c->rtt_us = ack->rtt_us;
	if (!yoke_cc_may_grow(cc))
		return;
	if (yoke_cc_in_slow_start(cc)) {
		acked = slow_start(cc, c, ack);
		if (!acked)
			return;
	}
	if (!c->running)
		begin(cc, c);
	else
		c->curve.t_us += elapsed;
	if (estimate(cc, c, acked) || cc->cwnd != c->recalc_cwnd ||
	    (u32)c->curve.t_us - c->recalc_us >= RECALC_US)
		recalculate(cc, c);
	yoke_cc_avoid(cc, c->window, acked);
}

/*
 * §4.6: multiplicative decrease by B = 0.7, to the nearest whole segment, as what is left of one lets
 * nothing out; §4.7: fast convergence leaves room for new flows.
 */
static u32 cubic_ssthresh(struct yoke_cc *cc)
{
	u32 segs = (cc->cwnd / 10 * 7 + cc->mss / 2) / cc->mss;
	struct cubic *c = cubic(cc);

	c->prior = c->curve;
	c->prior_running = c->running;
	c->cwnd_prior = cc->cwnd;
	c->curve.w_max = cc->cwnd < c->curve.w_max ? cc->cwnd / 20 * 17 : cc->cwnd;
	c->running = false;
	return max(segs, 2u) * cc->mss;
}

/* §4.8: after a timeout nothing is known; the curve begins at its flat. */
static void cubic_lost(struct yoke_cc *cc, bool rto, u32 now_us)
{
	struct cubic *c = cubic(cc);

	if (!rto)
		return;
	c->curve.w_max = 0;
	c->running = false;
}

/* §4.9: as if it had not been. */
static void cubic_undo(struct yoke_cc *cc)
{
	struct cubic *c = cubic(cc);

	c->curve = c->prior;
	c->running = c->prior_running;
	c->recalc_cwnd = 0;
}

static void cubic_idle(struct yoke_cc *cc, u32 now_us)
{
	struct cubic *c = cubic(cc);

	c->last_us = now_us;		/* the idle time is not the curve's */
	hystart_reset(c);
}

const struct yoke_cc_ops yoke_cc_cubic = {
	.name		= "cubic",
	.flags		= YOKE_CC_UNRESTRICTED,
	.init		= cubic_init,
	.ack		= cubic_ack,
	.ssthresh	= cubic_ssthresh,
	.lost		= cubic_lost,
	.undo		= cubic_undo,
	.idle		= cubic_idle,
};
