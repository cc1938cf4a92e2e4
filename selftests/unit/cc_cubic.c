// SPDX-License-Identifier: GPL-2.0
/* module/algo/cc_cubic.c: the formulas of RFC 9438 in floating point, and RFC 9406's rules. */
#include <math.h>
#include "cc.h"
#include "cc_cubic.h"
#include "test.h"

#define MSS	1000u
#define C	0.4
#define B	0.7

static u32 now_us;

static struct yoke_cc cubic(u32 segs)
{
	struct yoke_cc cc;

	yoke_cc_init(&cc, &yoke_cc_cubic, MSS, 0, 0);
	cc.cwnd = segs * MSS;
	now_us = 0xffffffffu - 3000000;		/* the clock wraps soon */
	return cc;
}

static void ack(struct yoke_cc *cc, u32 rtt_us, bool limited)
{
	struct yoke_cc_ack event = { .now_us = now_us, .acked = MSS, .in_flight = cc->cwnd,
				     .rtt_us = rtt_us };

	if (!limited)
		event.in_flight = MSS;
	cc->used = limited ? YOKE_CC_FILLED : MSS;
	cc->ops->ack(cc, &event);
}

/* One window of ACKs, evenly spread over @rtt_us. */
static void round_of_acks(struct yoke_cc *cc, u32 rtt_us)
{
	u32 start = now_us, n = cc->cwnd / MSS;

	for (u32 i = 1; i <= n; i++) {
		now_us = start + (u64)rtt_us * i / n;
		ack(cc, rtt_us, true);
	}
}

/* Until the first round that ends after @seconds. */
static void run(struct yoke_cc *cc, u32 rtt_us, double seconds)
{
	for (u32 start = now_us; now_us - start < seconds * 1e6;)
		round_of_acks(cc, rtt_us);
}

/* A loss, and the recovery from it. */
static void lose(struct yoke_cc *cc)
{
	cc->ssthresh = cc->ops->ssthresh(cc);
	cc->ops->lost(cc, false, now_us);
	cc->cwnd = cc->ssthresh;
	cc->credit = 0;
}

static double segs(const struct yoke_cc *cc)
{
	return (double)cc->cwnd / MSS;
}

#define EXPECT_NEAR(got, expected, percent) do {				\
	double got__ = (got), expected__ = (expected);				\
										\
	if (fabs(got__ - expected__) > expected__ * (percent) / 100) {		\
		printf("# %s:%d: %s is %g, not about %g\n", __FILE__, __LINE__,	\
		       #got, got__, expected__);				\
		test_failed = true;						\
	}									\
} while (0)

TEST(ssthresh__seven_tenths_but_two_segments)
{
	struct yoke_cc cc = cubic(100);

	EXPECT_EQ(cc.ops->ssthresh(&cc), 70 * MSS);		/* §4.6 */
	cc.cwnd = 2 * MSS;
	EXPECT_EQ(cc.ops->ssthresh(&cc), 2 * MSS);
}

/* §4.6 counts in segments, and so does what may be sent: less than a whole one is none. */
TEST(ssthresh__to_the_nearest_segment)
{
	static const u32 of[] = { 3, 4, 6, 7, 8, 9, 11 }, want[] = { 2, 3, 4, 5, 6, 6, 8 };

	for (int i = 0; i < sizeof(of) / sizeof(*of); i++) {
		struct yoke_cc cc = cubic(of[i]);

		EXPECT_EQ(cc.ops->ssthresh(&cc), want[i] * MSS);
	}
}

/* §4.2: concave up to W_max at K, flat there, convex beyond. */
TEST(ack__follows_the_curve)
{
	struct yoke_cc cc = cubic(1000);
	double k = cbrt(1000 * (1 - B) / C);
	static const double at[] = { 1, 3, 6, 9, 12, 15, 20 };
	double from = 0;

	lose(&cc);
	for (int i = 0; i < sizeof(at) / sizeof(*at); i++) {
		run(&cc, 100000, at[i] - from);
		from = at[i];
		EXPECT_NEAR(segs(&cc), 1000 + C * pow(at[i] - k, 3), 2);
	}
}

TEST(ack__growth_does_not_depend_on_the_rtt)
{
	static const u32 rtt[] = { 20000, 50000, 200000 };
	double k = cbrt(1000 * (1 - B) / C);

	for (int i = 0; i < 3; i++) {
		struct yoke_cc cc = cubic(1000);

		lose(&cc);
		run(&cc, rtt[i], 4);
		EXPECT_NEAR(segs(&cc), 1000 + C * pow(4 - k, 3), 6);
	}
}

/* §4.3: on short paths it is no slower than Reno: alpha = 9/17 up to cwnd_prior, then 1 a round. */
TEST(ack__reno_friendly_on_a_short_path)
{
	struct yoke_cc cc = cubic(20);
	double rounds = (20 - 14) / (9 / 17.0);

	lose(&cc);
	EXPECT_EQ(cc.cwnd, 14 * MSS);
	for (int i = 0; i < 11; i++)
		round_of_acks(&cc, 1000);
	EXPECT_NEAR(segs(&cc), 20, 8);
	for (int i = 11; i < 100; i++)
		round_of_acks(&cc, 1000);
	EXPECT_NEAR(segs(&cc), 20 + 100 - rounds, 8);
}

/* §4.7: a second loss below the first one's window says that another flow wants room. */
TEST(ssthresh__fast_convergence)
{
	struct yoke_cc cc = cubic(1000);
	double w_max = 900 * (1 + B) / 2;

	lose(&cc);
	cc.cwnd = 900 * MSS;
	lose(&cc);
	run(&cc, 100000, cbrt((w_max - 630) / C));
	EXPECT_NEAR(segs(&cc), w_max, 2);
	run(&cc, 100000, 5);
	EXPECT_NEAR(segs(&cc), w_max + C * 125, 4);
}

TEST(ack__at_most_half_a_window_more_in_a_round)
{
	struct yoke_cc cc = cubic(100);
	u32 before;

	lose(&cc);
	run(&cc, 100000, 1);
	now_us += 600 * 1000000u;		/* the curve is far above by now */
	ack(&cc, 100000, true);
	before = cc.cwnd;
	round_of_acks(&cc, 100000);
	EXPECT(cc.cwnd <= before * 3 / 2 + MSS);
	EXPECT(cc.cwnd >= before * 5 / 4);
}

/* §4.2: t leaves out the time in which the application limited cwnd. */
TEST(ack__time_of_the_application_is_not_the_curves)
{
	struct yoke_cc cc = cubic(1000);
	double k = cbrt(1000 * (1 - B) / C);

	lose(&cc);
	run(&cc, 100000, 3);
	for (int i = 0; i < 6000; i++) {
		now_us += 10000;
		ack(&cc, 100000, false);
	}
	run(&cc, 100000, 3);
	EXPECT_NEAR(segs(&cc), 1000 + C * pow(6 - k, 3), 2);
}

TEST(idle__is_not_the_curves)
{
	struct yoke_cc cc = cubic(1000);
	double k = cbrt(1000 * (1 - B) / C);

	lose(&cc);
	run(&cc, 100000, 3);
	now_us += 60000000;
	cc.ops->idle(&cc, now_us);
	run(&cc, 100000, 3);
	EXPECT_NEAR(segs(&cc), 1000 + C * pow(6 - k, 3), 2);
}

/* §4.8: after a timeout the curve starts flat at the window in which congestion avoidance starts. */
TEST(lost__timeout)
{
	struct yoke_cc cc = cubic(1000);

	cc.ssthresh = cc.ops->ssthresh(&cc);
	cc.ops->lost(&cc, true, now_us);
	cc.cwnd = MSS;
	while (yoke_cc_in_slow_start(&cc))
		round_of_acks(&cc, 100000);
	EXPECT_NEAR(segs(&cc), 700, 6);
	run(&cc, 100000, 1);
	EXPECT(segs(&cc) >= 700 && segs(&cc) < 700 * pow(1.06, 11));
}

TEST(undo__goes_on_where_it_was)
{
	struct yoke_cc cc = cubic(1000);
	double k = cbrt(1000 * (1 - B) / C);
	u32 cwnd, ssthresh;

	lose(&cc);
	run(&cc, 100000, 12);
	cwnd = cc.cwnd;
	ssthresh = cc.ssthresh;
	lose(&cc);
	cc.cwnd = cwnd;
	cc.ssthresh = ssthresh;
	cc.ops->undo(&cc);
	run(&cc, 100000, 3);
	EXPECT_NEAR(segs(&cc), 1000 + C * pow(15 - k, 3), 2);
}

TEST(ack__large_numbers)
{
	struct yoke_cc cc = cubic(100);

	cc.ssthresh = MSS;
	for (int i = 0; i < 2000; i++) {
		struct yoke_cc_ack event = { .now_us = now_us += 2000000000u, .acked = ~0u,
					     .in_flight = ~0u, .rtt_us = ~0u };

		cc.used = YOKE_CC_FILLED;
		cc.ops->ack(&cc, &event);
		if (i % 100 == 99)
			lose(&cc);
	}
	EXPECT(cc.cwnd <= YOKE_CC_CWND_MAX && cc.cwnd >= 2 * MSS);
}

/* --- HyStart++ --- */

TEST(hystart__steady_rtt_is_slow_start)
{
	struct yoke_cc cc = cubic(10);

	for (int i = 0; i < 6; i++)
		round_of_acks(&cc, 50000);
	EXPECT_EQ(cc.cwnd, 640 * MSS);
	EXPECT_EQ(cc.ssthresh, ~0u);
}

/* §4.2: an RTT that has grown by an eighth: a quarter of the growth for five rounds, then the end. */
TEST(hystart__a_growing_rtt_ends_it)
{
	struct yoke_cc cc = cubic(20);
	double expected;

	for (int i = 0; i < 3; i++)
		round_of_acks(&cc, 50000);
	EXPECT_EQ(cc.cwnd, 160 * MSS);
	round_of_acks(&cc, 57000);
	expected = segs(&cc);
	EXPECT(expected > 160 && expected < 220);	/* CSS from the eighth sample on */
	for (int i = 0; i < 3; i++) {
		round_of_acks(&cc, 57000);
		expected *= 1.25;
		EXPECT_NEAR(segs(&cc), expected, 3);
		EXPECT_EQ(cc.ssthresh, ~0u);
	}
	round_of_acks(&cc, 57000);
	round_of_acks(&cc, 57000);
	EXPECT(cc.ssthresh != ~0u);
	EXPECT(!yoke_cc_in_slow_start(&cc));
}

/* §4.3: at least 4 ms, at most 16 ms. */
TEST(hystart__thresholds)
{
	static const struct {
		u32 before, after;
		bool css;
	} cases[] = {
		{ 10000, 13900, false }, { 10000, 14000, true },
		{ 80000, 89900, false }, { 80000, 90000, true },
		{ 400000, 415900, false }, { 400000, 416000, true },
	};

	for (int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct yoke_cc cc = cubic(20);

		round_of_acks(&cc, cases[i].before);
		round_of_acks(&cc, cases[i].before);
		round_of_acks(&cc, cases[i].after);
		round_of_acks(&cc, cases[i].after);
		EXPECT_EQ(cc.cwnd < 300 * MSS, cases[i].css);
	}
}

/* A jitter: RTT falls back below the one CSS began with, slow start is resumed. */
TEST(hystart__resumes_after_a_jitter)
{
	struct yoke_cc cc = cubic(20);
	u32 before;

	round_of_acks(&cc, 50000);
	round_of_acks(&cc, 50000);
	round_of_acks(&cc, 70000);
	round_of_acks(&cc, 50000);
	before = cc.cwnd;
	round_of_acks(&cc, 50000);
	EXPECT_NEAR((double)cc.cwnd / before, 2, 1);
	EXPECT_EQ(cc.ssthresh, ~0u);
}

TEST(hystart__only_in_the_first_slow_start)
{
	struct yoke_cc cc = cubic(1000);

	cc.ssthresh = cc.ops->ssthresh(&cc);
	cc.ops->lost(&cc, true, now_us);
	cc.cwnd = 20 * MSS;
	round_of_acks(&cc, 50000);
	round_of_acks(&cc, 80000);
	round_of_acks(&cc, 120000);
	EXPECT_EQ(cc.cwnd, 160 * MSS);
}
