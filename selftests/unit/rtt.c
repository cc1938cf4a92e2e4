// SPDX-License-Identifier: GPL-2.0
/* module/algo/rtt.c: the formulas of RFC 6298 by hand. */
#include <linux/minmax.h>
#include "rtt.h"
#include "test.h"

static u32 round_trips;

/* One sample in a round trip, which RFC 6298's gains are meant for: all that was sent is acknowledged. */
static void sample(struct yoke_rtt *rtt, u32 rtt_us, u32 now_us)
{
	round_trips++;
	yoke_rtt_sample(rtt, rtt_us, round_trips, round_trips, now_us);
}

TEST(init__rto_is_one_second)
{
	struct yoke_rtt rtt;

	yoke_rtt_init(&rtt);
	EXPECT_EQ(yoke_rtt_rto(&rtt), 1000000);		/* (2.1) */
	EXPECT_EQ(rtt.srtt_us, 0);
	EXPECT_EQ(rtt.min_us, 0xffffffffu);
}

TEST(sample__first)
{
	struct yoke_rtt rtt;

	yoke_rtt_init(&rtt);
	sample(&rtt, 100000, 1);		/* (2.2) */
	EXPECT_EQ(rtt.srtt_us, 100000);
	EXPECT_EQ(rtt.rttvar_us, 50000);
	EXPECT_EQ(rtt.mdev_us, 50000);
	EXPECT_EQ(yoke_rtt_rto(&rtt), 100000 + 4 * 50000);
}

TEST(sample__next_ones)
{
	struct yoke_rtt rtt;

	yoke_rtt_init(&rtt);
	sample(&rtt, 100000, 1);
	sample(&rtt, 200000, 2);		/* (2.3) */
	EXPECT_EQ(rtt.rttvar_us, 62500);		/* 3/4 50000 + 1/4 100000 */
	EXPECT_EQ(rtt.srtt_us, 112500);			/* 7/8 100000 + 1/8 200000 */
	EXPECT_EQ(rtt.rto_us, 362500);
	sample(&rtt, 52500, 3);
	EXPECT_EQ(rtt.rttvar_us, 61875);		/* 3/4 62500 + 1/4 60000 */
	EXPECT_EQ(rtt.srtt_us, 105000);			/* 7/8 112500 + 1/8 52500 */
	EXPECT_EQ(rtt.rto_us, 352500);
}

/*
 * Ten in a round trip, all of them SRTT: RTTVAR falls by a quarter at its end, as by one sample (RFC 6298
 * (2.3)), though each of the ten takes a quarter of RFC 6298's (tcp_rtt_estimator(): rtt_seq).
 */
TEST(sample__many_in_a_round_trip)
{
	u32 end = 0xffffff00, expected = 80000, mdev = 80000;	/* the numbers wrap */
	struct yoke_rtt rtt;

	yoke_rtt_init(&rtt);
	yoke_rtt_sample(&rtt, 160000, end, end, 0);	/* (2.2) */
	for (int i = 0; i < 20; i++) {
		u32 una = end, nxt = end + 1000;

		for (int j = 1; j <= 10; j++) {
			yoke_rtt_sample(&rtt, 160000, una + 100 * j, nxt, 0);
			mdev -= mdev / 4;
			if (j == 1)
				expected -= expected / 4;
			EXPECT_EQ(rtt.mdev_us, mdev);
			EXPECT_EQ(rtt.rttvar_us, expected);
			EXPECT_EQ(rtt.rto_us, 160000 + max(200000u, 4 * expected));
		}
		end = nxt;
	}
	EXPECT_EQ(rtt.srtt_us, 160000);
}

/* It rises with any sample, and stays there for a round trip from then. */
TEST(sample__a_late_one_among_many)
{
	struct yoke_rtt rtt;

	yoke_rtt_init(&rtt);
	yoke_rtt_sample(&rtt, 80000, 0, 1000, 0);
	EXPECT_EQ(rtt.rttvar_us, 40000);
	yoke_rtt_sample(&rtt, 80000, 500, 1500, 0);
	EXPECT_EQ(rtt.mdev_us, 30000);
	EXPECT_EQ(rtt.rttvar_us, 40000);
	yoke_rtt_sample(&rtt, 400000, 900, 1900, 0);	/* 3/4 30000 + 1/4 320000 */
	EXPECT_EQ(rtt.mdev_us, 102500);
	EXPECT_EQ(rtt.rttvar_us, 102500);
	EXPECT_EQ(rtt.srtt_us, 120000);
	yoke_rtt_sample(&rtt, 120000, 1500, 2500, 0);	/* a round trip since 1000 was sent, not 1900 */
	EXPECT_EQ(rtt.rttvar_us, 102500);
	yoke_rtt_sample(&rtt, 120000, 1900, 2900, 0);	/* all, but nothing that was sent since */
	EXPECT_EQ(rtt.rttvar_us, 102500);
	yoke_rtt_sample(&rtt, 120000, 1901, 2901, 0);
	EXPECT_EQ(rtt.rttvar_us, 102500 - 102500 / 4);
	yoke_rtt_sample(&rtt, 120000, 1902, 2902, 0);
	EXPECT_EQ(rtt.rttvar_us, 102500 - 102500 / 4);
	EXPECT_EQ(rtt.rto_us, 120000 + 4 * (102500 - 102500 / 4));
}

TEST(sample__steady_path_settles)
{
	struct yoke_rtt rtt;

	yoke_rtt_init(&rtt);
	sample(&rtt, 900000, 0);
	for (int i = 1; i < 200; i++)
		sample(&rtt, 20000, i * 20000);
	EXPECT(rtt.srtt_us >= 20000 && rtt.srtt_us < 20008);
	EXPECT(rtt.rttvar_us < 16);
}

/* Linux's minimum, on the variation: a peer that delays its ACK by 200 ms must not be timed out. */
TEST(sample__minimum)
{
	struct yoke_rtt rtt;

	yoke_rtt_init(&rtt);
	sample(&rtt, 400, 0);
	EXPECT_EQ(yoke_rtt_rto(&rtt), 200400);
}

TEST(sample__another_minimum)
{
	struct yoke_rtt rtt;

	yoke_rtt_init(&rtt);
	yoke_rtt_bound(&rtt, 20000, YOKE_RTO_MAX_US);
	sample(&rtt, 400, 0);
	EXPECT_EQ(yoke_rtt_rto(&rtt), 20400);
	for (int i = 1; i < 40; i++)
		sample(&rtt, 400, i);
	EXPECT_EQ(yoke_rtt_rto(&rtt), 20400);
	sample(&rtt, 80400, 100);		/* variation far above it */
	EXPECT(yoke_rtt_rto(&rtt) > 80000);
	yoke_rtt_bound(&rtt, ~0u, ~0u);
	sample(&rtt, 400, 200);
	EXPECT_EQ(yoke_rtt_rto(&rtt), YOKE_RTO_MAX_US);
}

TEST(sample__zero_and_absurd)
{
	struct yoke_rtt rtt;

	yoke_rtt_init(&rtt);
	sample(&rtt, 0, 0);
	EXPECT_EQ(rtt.srtt_us, 1);
	sample(&rtt, ~0u, 0);
	EXPECT(rtt.rto_us <= YOKE_RTO_MAX_US);
	for (int i = 0; i < 100; i++)
		sample(&rtt, ~0u, 0);
	EXPECT_EQ(yoke_rtt_rto(&rtt), YOKE_RTO_MAX_US);
}

TEST(sample__keeps_the_minimum_for_a_while)
{
	struct yoke_rtt rtt;

	yoke_rtt_init(&rtt);
	sample(&rtt, 500, 0xfffffff0);		/* the clock wraps */
	sample(&rtt, 900, 100);
	EXPECT_EQ(rtt.min_us, 500);
	sample(&rtt, 900, 0xfffffff0 + YOKE_RTT_MIN_WINDOW_US + 1);
	EXPECT_EQ(rtt.min_us, 900);
	sample(&rtt, 400, 0xfffffff0 + YOKE_RTT_MIN_WINDOW_US + 2);
	EXPECT_EQ(rtt.min_us, 400);
}

TEST(backoff__doubles_up_to_the_maximum)
{
	struct yoke_rtt rtt;
	u32 expected = 1000000;

	yoke_rtt_init(&rtt);
	for (int i = 0; i < 300; i++) {
		EXPECT_EQ(yoke_rtt_rto(&rtt), expected);	/* (5.5) */
		yoke_rtt_backoff(&rtt);
		expected = expected < 60000000 ? expected * 2 : 120000000;
	}
}

TEST(backoff__up_to_another_maximum)
{
	struct yoke_rtt rtt;

	yoke_rtt_init(&rtt);
	yoke_rtt_bound(&rtt, YOKE_RTO_MIN_US, 1500000);
	EXPECT_EQ(yoke_rtt_rto(&rtt), 1000000);
	for (int i = 0; i < 300; i++) {
		yoke_rtt_backoff(&rtt);
		EXPECT_EQ(yoke_rtt_rto(&rtt), 1500000);
	}
	sample(&rtt, 1400000, 0);
	EXPECT_EQ(yoke_rtt_rto(&rtt), 1500000);
	yoke_rtt_renew(&rtt);				/* it stays for the next path */
	EXPECT_EQ(yoke_rtt_rto(&rtt), 1000000);
	yoke_rtt_backoff(&rtt);
	EXPECT_EQ(yoke_rtt_rto(&rtt), 1500000);
	yoke_rtt_bound(&rtt, YOKE_RTO_MIN_US, ~0u);
	EXPECT_EQ(yoke_rtt_rto(&rtt), 2000000);
	for (int i = 0; i < 300; i++)
		yoke_rtt_backoff(&rtt);
	EXPECT_EQ(yoke_rtt_rto(&rtt), YOKE_RTO_MAX_US);
}

/* A route may have no least variation (rto_min 0), and a short path a timeout of microseconds. */
TEST(backoff__of_a_short_timeout_reaches_the_maximum_too)
{
	struct yoke_rtt rtt;
	u32 expected;

	yoke_rtt_init(&rtt);
	yoke_rtt_bound(&rtt, 0, YOKE_RTO_MAX_US);
	for (int i = 0; i < 100; i++)
		sample(&rtt, 1, i);
	expected = yoke_rtt_rto(&rtt);
	for (int i = 0; i < 40; i++) {
		EXPECT_EQ(yoke_rtt_rto(&rtt), expected);
		yoke_rtt_backoff(&rtt);
		expected = expected < YOKE_RTO_MAX_US / 2 ? expected * 2 : YOKE_RTO_MAX_US;
	}
	EXPECT_EQ(yoke_rtt_rto(&rtt), YOKE_RTO_MAX_US);
}

TEST(backoff__ends_with_a_sample)
{
	struct yoke_rtt rtt;

	yoke_rtt_init(&rtt);
	yoke_rtt_backoff(&rtt);
	yoke_rtt_backoff(&rtt);
	sample(&rtt, 100000, 0);
	EXPECT_EQ(yoke_rtt_rto(&rtt), 300000);		/* (5.7) */
}
