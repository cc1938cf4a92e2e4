// SPDX-License-Identifier: GPL-2.0
/*
 * BBR: measures the path's bandwidth and its shortest round trip, paces at the one, and keeps twice
 * the product of both in flight. A loss alone is no reason to slow down.
 *
 * Owns: yoke_cc.priv of connections with this algorithm. Caller holds the socket lock.
 * draft-cardwell-iccrg-bbr-congestion-control-00; and what Linux's first version has beyond it:
 * a margin below the bandwidth, room for ACKs that come in bunches, and the search for a policer.
 *
 * Rates are in units of 64 bytes a second, so that 32 bits take them; gains in 1/256.
 */
#include <linux/types.h>
#include <linux/inet_diag.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "pair.h"
#include "rate.h"
#include "cc_bbr.h"

#define RATE_SHIFT	6
#define GAIN_ONE	256u
#define GAIN_HIGH	739u		/* 2/ln(2): doubles the rate in a round, §4.3.2.1 */
#define GAIN_DRAIN	88u		/* its inverse, §4.3.2.3 */
#define GAIN_CWND	512u		/* §4.2.3.2: room for delayed ACKs */

#define BW_ROUNDS	10u		/* BtlBwFilterLen, §4.1.1.3 */
#define RTT_WINDOW_US	10000000u	/* RTpropFilterLen, §4.1.2.3 */
#define PROBE_RTT_US	200000u		/* ProbeRTTDuration, §4.3.5 */
#define MIN_SEGS	4u		/* BBRMinPipeCwnd, §4.2.3.1 */
#define FULL_BW_ROUNDS	3		/* without a quarter more: the pipe is full, §4.3.2.2 */
#define CYCLE		8		/* §4.3.4 */
#define SLOW_RATE	150000u		/* bytes a second: below it single segments, as Linux */
#define BURST_MAX	65536u

#define EXTRA_ROUNDS	5		/* half of the window in which ACKs' bunching is remembered */
#define EXTRA_MAX_US	100000u		/* and how much of it counts */
#define EPOCH_MAX	(1u << 30)

#define POLICED_ROUNDS	4		/* an interval is at least so long, */
#define POLICED_MAX	16		/* and at most */
#define POLICED_USE	48		/* how long its rate is believed */
#define POLICED_LOSS	50u		/* of 256 bytes delivered so many are lost too */
#define POLICED_DIFF	500u		/* two intervals are alike if they differ by no more bytes/s */

enum mode { STARTUP, DRAIN, PROBE_BW, PROBE_RTT };

struct estimate {
	u32	round;
	u32	rate;
};

/**
 * struct bbr - yoke_cc.priv
 * @best:	the largest rates of the last BW_ROUNDS, the second and third being younger (§4.1.1.3)
 * @pacing:	pacing rate
 * @min_rtt_us:	RTprop (§4.1.2), ~0 before the first sample
 * @min_rtt_stamp_us: when it was seen last
 * @probe_done_us: when PROBE_RTT may end, if @probing
 * @round:	round trips so far (§4.1.1.2)
 * @round_end:	bytes delivered at the end of this one
 * @phase_us:	when the phase of PROBE_BW's cycle began
 * @prior_cwnd:	cwnd before recovery or PROBE_RTT
 * @full_rate:	rate to beat in STARTUP
 * @extra:	bytes that bunches of ACKs brought more than the rate allows, largest of the last two
 *		windows of EXTRA_ROUNDS,
 * @epoch_us:	in the bunch that began then
 * @epoch_acked: with so many bytes up to now
 * @policed_rate: the rate of a policer, if @policed
 * @policed_delivered: bytes delivered when the interval of sampling it began
 * @policed_us:	and the time
 * @policed_lost: bytes lost since
 * @extra_rounds: rounds in this window of @extra
 * @policed_rounds: rounds of sampling or using
 * @mode:	where in figure 4.3.1 we are
 * @phase:	of PROBE_BW's cycle
 * @full_rounds: rounds without more than @full_rate
 * @full:	the pipe was found to be full
 * @seen_rtt:	@pacing comes from a sample of the RTT
 * @round_start: this ACK begins a round
 * @restarting:	nothing was in flight; until something is delivered
 * @conserve:	the first round of recovery: no more goes out than arrives (§4.2.3.4)
 * @recovering:	in recovery, or in the slow start after a timeout
 * @in_loss:	the latter
 * @probing:	in PROBE_RTT with few segments in flight
 * @probed_round: for a round
 * @sampling:	looking for a policer
 * @policed:	found one
 */
struct bbr {
	struct estimate best[3];
	u32	pacing;
	u32	min_rtt_us;
	u32	min_rtt_stamp_us;
	u32	probe_done_us;
	u32	round;
	u32	round_end;
	u32	phase_us;
	u32	prior_cwnd;
	u32	full_rate;
	u32	extra[2];
	u32	epoch_us;
	u32	epoch_acked;
	u32	policed_rate;
	u32	policed_delivered;
	u32	policed_us;
	u32	policed_lost;
	u8	extra_rounds;
	u8	policed_rounds;
	u8	mode:2,
		phase:3,
		full_rounds:2,
		full:1;
	u8	seen_rtt:1,
		round_start:1,
		restarting:1,
		conserve:1,
		recovering:1,
		in_loss:1,
		probing:1,
		probed_round:1;
	u8	sampling:1,
		policed:1;
};

_Static_assert(sizeof(struct bbr) <= sizeof(((struct yoke_cc *)0)->priv), "priv is too small");

static struct bbr *bbr(struct yoke_cc *cc)
{
	return (struct bbr *)cc->priv;
}

static const struct bbr *bbr_const(const struct yoke_cc *cc)
{
	return (const struct bbr *)cc->priv;
}

/* --- What is measured --- */

static u32 rate_of(u32 bytes, u32 us)
{
	return min_t(u64, div_u64(((u64)bytes * 1000000) >> RATE_SHIFT, max(us, 1u)), U32_MAX);
}

static u64 bytes_per_second(u32 rate)
{
	return (u64)rate << RATE_SHIFT;
}

/* The bandwidth to go by: the filter's, or the policer's if there is one. */
static u32 rate(const struct bbr *b)
{
	return b->policed ? b->policed_rate : b->best[0].rate;
}

/* What @gain of @rate delivers in the shortest round trip (§4.2.3.2, BBRInflight). */
static u32 inflight(const struct yoke_cc *cc, u32 rate, u32 gain)
{
	const struct bbr *b = bbr_const(cc);
	u64 bdp;

	if (b->min_rtt_us == ~0u)		/* nothing is known */
		return YOKE_CC_INIT_SEGS * cc->mss;
	bdp = div_u64(bytes_per_second(rate) * min(b->min_rtt_us, 1u << 25), 1000000);
	return min_t(u64, bdp * gain / GAIN_ONE, YOKE_CC_CWND_MAX);
}

/* The largest of a window of rounds in three values, after Kathleen Nichols. */
static void filter(struct estimate best[3], u32 round, u32 rate)
{
	struct estimate new = { round, rate };

	if (rate >= best[0].rate || round - best[2].round > BW_ROUNDS) {
		best[0] = new;
		best[1] = new;
		best[2] = new;
		return;
	}
	if (rate >= best[1].rate) {
		best[1] = new;
		best[2] = new;
	} else if (rate >= best[2].rate) {
		best[2] = new;
	}
	if (round - best[0].round > BW_ROUNDS) {
		/* The best is too old: the next takes its place. */
		best[0] = best[1];
		best[1] = best[2];
		best[2] = new;
		if (round - best[0].round > BW_ROUNDS) {
			best[0] = best[1];
			best[1] = best[2];
		}
	} else if (best[1].round == best[0].round && round - best[0].round > BW_ROUNDS / 4) {
		/* So that, when it is, there is one that is younger. */
		best[1] = new;
		best[2] = new;
	} else if (best[2].round == best[1].round && round - best[0].round > BW_ROUNDS / 2) {
		best[2] = new;
	}
}

/* --- A policer: many losses, at one rate, for long; then that rate is the bandwidth --- */

static void policer_interval(struct bbr *b, const struct yoke_cc_ack *ack)
{
	b->policed_us = ack->now_us;
	b->policed_delivered = ack->rate->delivered;
	b->policed_lost = 0;
	b->policed_rounds = 0;
}

static void policer_forget(struct bbr *b)
{
	b->policed_rate = 0;
	b->policed = false;
	b->sampling = false;
}

/* An interval with losses is over, which had this rate. Two alike make a policer. */
static void policer_found(struct bbr *b, const struct yoke_cc_ack *ack, u32 found)
{
	u32 before = b->policed_rate, diff = found > before ? found - before : before - found;

	if (before && (diff <= before / 8 || bytes_per_second(diff) <= POLICED_DIFF)) {
		b->policed_rate = (found / 2 + before / 2);
		b->policed = true;
		b->policed_rounds = 0;
		return;
	}
	b->policed_rate = found;
	policer_interval(b, ack);
}

static void reset_mode(struct yoke_cc *cc, u32 now_us);

static void policer_sample(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
	struct bbr *b = bbr(cc);
	u32 bytes, us;

	b->policed_lost += min(ack->lost, EPOCH_MAX);
	if (b->policed) {
		if (b->mode == PROBE_BW && b->round_start && ++b->policed_rounds >= POLICED_USE) {
			policer_forget(b);
			policer_interval(b, ack);
			reset_mode(cc, ack->now_us);
		}
		return;
	}
	/* An interval begins and ends with a loss: a policer lets bursts through before. */
	if (!b->sampling) {
		if (!ack->lost)
			return;
		policer_interval(b, ack);
		b->sampling = true;
	}
	if (ack->sample->app_limited) {
		policer_forget(b);
		policer_interval(b, ack);
		return;
	}
	if (b->round_start)
		b->policed_rounds++;
	if (b->policed_rounds < POLICED_ROUNDS)
		return;
	if (b->policed_rounds > POLICED_MAX) {
		policer_forget(b);
		policer_interval(b, ack);
		return;
	}
	bytes = ack->rate->delivered - b->policed_delivered;
	if (!ack->lost || !bytes || ((u64)b->policed_lost << 8) < (u64)POLICED_LOSS * bytes)
		return;
	us = ack->now_us - b->policed_us;
	if (us >= 1000)
		policer_found(b, ack, rate_of(bytes, us));
}

/* --- The model: bandwidth, round trip, where in its phases the connection is --- */

/* §4.1.1: rounds and bandwidth. */
static void update_rate(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
	const struct yoke_rate_sample *rs = ack->sample;
	struct bbr *b = bbr(cc);
	u32 seen;

	b->round_start = false;
	if (!rs->valid || !rs->interval_us)
		return;
	if (!yoke_seq_before(rs->prior_delivered, b->round_end)) {
		b->round_end = ack->rate->delivered;
		b->round++;
		b->round_start = true;
		b->conserve = false;
	}
	policer_sample(cc, ack);
	seen = rate_of(rs->delivered, rs->interval_us);
	/* A sample that the program limited shows only that the path has at least as much. */
	if (!rs->app_limited || seen >= b->best[0].rate)
		filter(b->best, b->round, seen);
}

/* Wifi and the like hold ACKs back, and pass many at once: so much more must be in flight. */
static void update_extra(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
	struct bbr *b = bbr(cc);
	u64 expected;
	u32 extra;

	if (!ack->acked || !ack->sample->interval_us)
		return;
	if (b->round_start && ++b->extra_rounds > EXTRA_ROUNDS) {
		b->extra_rounds = 0;
		b->extra[1] = b->extra[0];
		b->extra[0] = 0;
	}
	expected = div_u64(bytes_per_second(rate(b)) * min(ack->now_us - b->epoch_us, 1u << 24),
			   1000000);
	if (b->epoch_acked <= expected || b->epoch_acked + ack->acked > EPOCH_MAX) {
		b->epoch_us = ack->now_us;
		b->epoch_acked = 0;
		expected = 0;
	}
	b->epoch_acked += min(ack->acked, EPOCH_MAX);
	extra = min_t(u64, b->epoch_acked - min_t(u64, expected, b->epoch_acked), cc->cwnd);
	b->extra[0] = max(b->extra[0], extra);
}

static void advance_phase(struct bbr *b, u32 now_us)
{
	b->phase++;
	b->phase_us = now_us;
}

static u32 phase_gain(const struct bbr *b)
{
	if (b->policed)
		return GAIN_ONE;
	return b->phase == 0 ? GAIN_ONE * 5 / 4 : b->phase == 1 ? GAIN_ONE * 3 / 4 : GAIN_ONE;
}

static u32 pacing_gain(const struct bbr *b)
{
	return b->mode == STARTUP ? GAIN_HIGH : b->mode == DRAIN ? GAIN_DRAIN :
	       b->mode == PROBE_BW ? phase_gain(b) : GAIN_ONE;
}

static u32 cwnd_gain(const struct bbr *b)
{
	return b->mode == PROBE_BW ? GAIN_CWND : b->mode == PROBE_RTT ? GAIN_ONE : GAIN_HIGH;
}

/*
 * §4.3.4.2: into the cycle anywhere but where it drains, as connections that began together should
 * not probe together. Microseconds are dice enough.
 */
static void enter_probe_bw(struct bbr *b, u32 now_us)
{
	u32 dice = (now_us * 2654435769u) >> 16;

	b->mode = PROBE_BW;
	b->phase = CYCLE - 1 - dice % (CYCLE - 1);
	advance_phase(b, now_us);
}

static void reset_mode(struct yoke_cc *cc, u32 now_us)
{
	if (bbr(cc)->full)
		enter_probe_bw(bbr(cc), now_us);
	else
		bbr(cc)->mode = STARTUP;
}

static void leave_probe_rtt(struct yoke_cc *cc, u32 now_us)
{
	struct bbr *b = bbr(cc);

	/* Idle for an hour it has been over for long, though the clock has gone half round. */
	if (!b->probing || now_us + PROBE_RTT_US - b->probe_done_us <= PROBE_RTT_US)
		return;
	b->min_rtt_stamp_us = now_us;
	cc->cwnd = max(cc->cwnd, b->prior_cwnd);
	reset_mode(cc, now_us);
}

/*
 * §4.3.4.3: a phase lasts for a round trip, the high one until it filled the pipe, the low one no
 * longer than it takes to empty it.
 */
static void update_phase(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
	struct bbr *b = bbr(cc);
	bool over = ack->now_us - b->phase_us > b->min_rtt_us;
	u32 gain = phase_gain(b);

	if (b->mode != PROBE_BW)
		return;
	if (gain > GAIN_ONE)
		over = over && (ack->lost ||
				ack->in_flight >= inflight(cc, b->best[0].rate, gain));
	else if (gain < GAIN_ONE)
		over = over || ack->in_flight <= inflight(cc, b->best[0].rate, GAIN_ONE);
	if (over)
		advance_phase(b, ack->now_us);
}

/* §4.3.2.2: STARTUP ends when three rounds have not brought a quarter more. */
static void check_full(struct bbr *b, const struct yoke_cc_ack *ack)
{
	if (b->full || !b->round_start || ack->sample->app_limited)
		return;
	if (b->best[0].rate >= (u64)b->full_rate * 5 / 4) {
		b->full_rate = b->best[0].rate;
		b->full_rounds = 0;
		return;
	}
	b->full = ++b->full_rounds >= FULL_BW_ROUNDS;
}

/* §4.3.3 */
static void check_drain(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
	struct bbr *b = bbr(cc);
	u32 bdp = inflight(cc, b->best[0].rate, GAIN_ONE);

	if (b->mode == STARTUP && b->full) {
		b->mode = DRAIN;
		cc->ssthresh = max(bdp, 2 * cc->mss);	/* for those who look */
	}
	if (b->mode == DRAIN && ack->flight <= bdp)
		enter_probe_bw(b, ack->now_us);
}

static void save_cwnd(struct yoke_cc *cc)
{
	struct bbr *b = bbr(cc);

	if (!b->recovering && b->mode != PROBE_RTT)
		b->prior_cwnd = cc->cwnd;
	else
		b->prior_cwnd = max(b->prior_cwnd, cc->cwnd);
}

/*
 * §4.3.5: only on an empty queue is a round trip as short as the path; so now and then hardly
 * anything is sent.
 */
static void update_min_rtt(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
	struct bbr *b = bbr(cc);
	bool expired = b->seen_rtt && ack->now_us - b->min_rtt_stamp_us > RTT_WINDOW_US;
	bool lone = ack->acked < cc->mss;	/* its ACK may have been delayed */

	if (ack->rtt_us && (ack->rtt_us < b->min_rtt_us || (expired && !lone))) {
		b->min_rtt_us = ack->rtt_us;
		b->min_rtt_stamp_us = ack->now_us;
	}
	if (expired && !b->restarting && b->mode != PROBE_RTT) {
		save_cwnd(cc);
		b->mode = PROBE_RTT;
		b->probing = false;
	}
	if (b->mode == PROBE_RTT) {
		yoke_rate_app_limited(ack->rate, ack->flight);
		if (!b->probing && ack->flight <= MIN_SEGS * cc->mss) {
			b->probing = true;
			b->probe_done_us = ack->now_us + PROBE_RTT_US;
			b->probed_round = false;
			b->round_end = ack->rate->delivered;
		} else if (b->probing) {
			b->probed_round |= b->round_start;
			if (b->probed_round)
				leave_probe_rtt(cc, ack->now_us);
		}
	}
	if (ack->acked)
		b->restarting = false;
}

/* --- What is done: pacing rate and window --- */

/* §4.2.1: up at once, down only when the pipe is known to be full. */
static void set_pacing(struct yoke_cc *cc, u32 gain)
{
	struct bbr *b = bbr(cc);
	u32 new = min_t(u64, div_u64((u64)rate(b) * gain / GAIN_ONE * 99, 100), U32_MAX);

	if (b->full || new > b->pacing)
		b->pacing = new;
}

static void pacing_from_rtt(struct yoke_cc *cc, u32 rtt_us)
{
	bbr(cc)->pacing = min_t(u64, (u64)rate_of(cc->cwnd, rtt_us) * GAIN_HIGH / GAIN_ONE, U32_MAX);
}

static u32 bbr_min_segs(const struct yoke_cc *cc)
{
	return bytes_per_second(bbr_const(cc)->pacing) < SLOW_RATE ? 1 : 2;
}

/* §4.2.3.2: what large buffers, made and received, need beyond. */
static u32 quanta(const struct yoke_cc *cc)
{
	const struct bbr *b = bbr_const(cc);
	u32 burst = min_t(u64, bytes_per_second(b->pacing) >> 10, BURST_MAX);
	u32 extra = 3 * max(burst, bbr_min_segs(cc) * cc->mss);

	return b->mode == PROBE_BW && b->phase == 0 ? extra + 2 * cc->mss : extra;
}

/* §4.2.3.4, as Linux: in the first round of recovery what arrives goes out, then as ever. */
static void follow_recovery(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
	struct bbr *b = bbr(cc);
	bool recovering = ack->recovery || ack->loss;

	if (ack->lost)
		cc->cwnd = cc->cwnd > ack->lost + cc->mss ? cc->cwnd - ack->lost : cc->mss;
	if (ack->recovery && (!b->recovering || b->in_loss)) {
		b->conserve = true;
		b->round_end = ack->rate->delivered;
		cc->cwnd = max(ack->flight + ack->acked, cc->mss);
	} else if (b->recovering && !recovering) {
		cc->cwnd = max(cc->cwnd, b->prior_cwnd);
		b->conserve = false;
	}
	b->recovering = recovering;
	b->in_loss = ack->loss;
}

/* §4.2.3.3 to §4.2.3.6 */
static void set_cwnd(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
	struct bbr *b = bbr(cc);
	u64 target = inflight(cc, rate(b), cwnd_gain(b));

	if (ack->acked) {
		follow_recovery(cc, ack);
		if (b->full)
			target += min_t(u64, max(b->extra[0], b->extra[1]),
					div_u64(bytes_per_second(rate(b)) * EXTRA_MAX_US, 1000000));
		target = min_t(u64, target + quanta(cc), YOKE_CC_CWND_MAX);
		if (b->conserve)
			cc->cwnd = max(cc->cwnd, ack->flight + ack->acked);
		else if (b->full)
			cc->cwnd = min_t(u64, (u64)cc->cwnd + ack->acked, target);
		else if (cc->cwnd < target || ack->rate->delivered < YOKE_CC_INIT_SEGS * cc->mss)
			cc->cwnd += ack->acked;
		if (!b->conserve)
			cc->cwnd = max(cc->cwnd, MIN_SEGS * cc->mss);
		cc->cwnd = min(cc->cwnd, YOKE_CC_CWND_MAX);
	}
	if (b->mode == PROBE_RTT)
		cc->cwnd = min(cc->cwnd, MIN_SEGS * cc->mss);
}

/* --- The ops --- */

static void bbr_init(struct yoke_cc *cc)
{
	struct bbr *b = bbr(cc);

	memset(cc->priv, 0, sizeof(cc->priv));
	b->min_rtt_us = ~0u;
	pacing_from_rtt(cc, 1000);		/* §4.2.1: until an RTT is known */
}

/* §3.5: BBRUpdateOnACK */
static void bbr_control(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
	struct bbr *b = bbr(cc);

	if (!b->seen_rtt && ack->rtt_us) {
		/* The clock begins here: before, it may have stood anywhere. */
		b->seen_rtt = true;
		b->min_rtt_stamp_us = ack->now_us;
		b->epoch_us = ack->now_us;
		b->round_end = ack->rate->delivered;
		pacing_from_rtt(cc, ack->rtt_us);
	}
	update_rate(cc, ack);
	update_extra(cc, ack);
	update_phase(cc, ack);
	check_full(b, ack);
	check_drain(cc, ack);
	update_min_rtt(cc, ack);
	set_pacing(cc, pacing_gain(b));
	set_cwnd(cc, ack);
}

/*
 * At least a segment a second: one timeout after the other makes samples of next to nothing, and a
 * rate that followed them would keep the path from ever showing more.
 */
static u64 bbr_pacing_rate(const struct yoke_cc *cc)
{
	return max_t(u64, bytes_per_second(bbr_const(cc)->pacing), cc->mss);
}

/* cwnd does not follow it; it is where recovery takes cwnd from our hands. */
static u32 bbr_ssthresh(struct yoke_cc *cc)
{
	save_cwnd(cc);
	return cc->ssthresh;
}

/* After a timeout the pipe must show again how much it takes. */
static void bbr_lost(struct yoke_cc *cc, bool rto, u32 now_us)
{
	struct bbr *b = bbr(cc);

	if (!rto)
		return;
	b->recovering = true;
	b->in_loss = true;
	b->full_rate = 0;
}

static void bbr_undo(struct yoke_cc *cc)
{
	struct bbr *b = bbr(cc);

	b->full_rate = 0;
	b->full_rounds = 0;
	policer_forget(b);
}

/* §4.3.4.4: at the rate of the path, not in a burst, as the queue should stay empty. */
static void bbr_idle(struct yoke_cc *cc, u32 now_us)
{
	struct bbr *b = bbr(cc);

	b->restarting = true;
	b->epoch_us = now_us;
	b->epoch_acked = 0;
	if (b->mode == PROBE_BW)
		set_pacing(cc, GAIN_ONE);
	else if (b->mode == PROBE_RTT)
		leave_probe_rtt(cc, now_us);
}

static size_t bbr_get_info(const struct yoke_cc *cc, u32 ext, int *attr, union tcp_cc_info *info)
{
	const struct bbr *b = bbr_const(cc);
	u64 bw = bytes_per_second(rate(b));

	if (!(ext & (1 << (INET_DIAG_BBRINFO - 1) | 1 << (INET_DIAG_VEGASINFO - 1))))
		return 0;
	*attr = INET_DIAG_BBRINFO;
	info->bbr = (struct tcp_bbr_info) {
		.bbr_bw_lo	 = (u32)bw,
		.bbr_bw_hi	 = (u32)(bw >> 32),
		.bbr_min_rtt	 = b->min_rtt_us,
		.bbr_pacing_gain = pacing_gain(b),
		.bbr_cwnd_gain	 = cwnd_gain(b),
	};
	return sizeof(info->bbr);
}

const struct yoke_cc_ops yoke_cc_bbr = {
	.name		= "bbr",
	.flags		= YOKE_CC_UNRESTRICTED,
	.init		= bbr_init,
	.control	= bbr_control,
	.pacing_rate	= bbr_pacing_rate,
	.min_segs	= bbr_min_segs,
	.ssthresh	= bbr_ssthresh,
	.lost		= bbr_lost,
	.undo		= bbr_undo,
	.idle		= bbr_idle,
	.get_info	= bbr_get_info,
};
