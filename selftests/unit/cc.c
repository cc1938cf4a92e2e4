// SPDX-License-Identifier: GPL-2.0
/* module/algo/cc.c: RFC 5681, 6928, 2861, 7661. */
#include "cc.h"
#include "test.h"

#define MSS	1000u

static struct yoke_cc reno(u32 cwnd, u32 ssthresh)
{
	struct yoke_cc cc;

	yoke_cc_init(&cc, &yoke_cc_reno, MSS, 0, 0);
	cc.cwnd = cwnd;
	cc.ssthresh = ssthresh;
	cc.used = YOKE_CC_FILLED;
	return cc;
}

static void ack(struct yoke_cc *cc, u32 acked)
{
	struct yoke_cc_ack event = { .acked = acked, .in_flight = cc->cwnd };

	cc->ops->ack(cc, &event);
}

TEST(init__ten_segments)
{
	struct yoke_cc cc;

	yoke_cc_init(&cc, &yoke_cc_reno, 1460, 0, 0);
	EXPECT_EQ(cc.cwnd, 14600);		/* RFC 6928 (1) */
	EXPECT_EQ(cc.ssthresh, ~0u);
	EXPECT(yoke_cc_in_slow_start(&cc));
}

TEST(init__as_many_segments_as_the_route_says)
{
	struct yoke_cc cc;

	yoke_cc_init(&cc, &yoke_cc_reno, MSS, 3, 0);
	EXPECT_EQ(cc.cwnd, 3 * MSS);
	yoke_cc_init(&cc, &yoke_cc_reno, MSS, 30, 20);
	EXPECT_EQ(cc.cwnd, 20 * MSS);
	yoke_cc_init(&cc, &yoke_cc_reno, MSS, 0, 4);
	EXPECT_EQ(cc.cwnd, 4 * MSS);
	yoke_cc_init(&cc, &yoke_cc_reno, MSS, ~0u, 0);
	EXPECT_EQ(cc.cwnd, 1u << 30);			/* RFC 7323 §2.3: no window is larger */
	yoke_cc_init(&cc, &yoke_cc_reno, 0, ~0u, ~0u);
	EXPECT_EQ(cc.cwnd, 1u << 30);
}

TEST(limit__by_the_segment)
{
	struct yoke_cc cc;

	yoke_cc_init(&cc, &yoke_cc_reno, MSS, 0, 20);
	cc.cwnd = 19 * MSS + 1;
	yoke_cc_limit(&cc);
	EXPECT_EQ(cc.cwnd, 19 * MSS + 1);
	cc.cwnd = 21 * MSS;
	yoke_cc_limit(&cc);
	EXPECT_EQ(cc.cwnd, 20 * MSS);
	cc.most_segs = ~0u;
	yoke_cc_limit(&cc);
	EXPECT_EQ(cc.cwnd, 20 * MSS);
	cc.most_segs = 0;
	cc.cwnd = YOKE_CC_CWND_MAX;
	yoke_cc_limit(&cc);
	EXPECT_EQ(cc.cwnd, YOKE_CC_CWND_MAX);
}

TEST(set_mss__keeps_the_bytes_but_one_segment)
{
	struct yoke_cc cc = reno(3000, 5000);

	yoke_cc_set_mss(&cc, 500);
	EXPECT_EQ(cc.cwnd, 3000);
	EXPECT_EQ(cc.ssthresh, 5000);
	yoke_cc_set_mss(&cc, 9000);
	EXPECT_EQ(cc.cwnd, 9000);
	/* Where a reduction that is under way ends: less than a segment would never let one out. */
	EXPECT_EQ(cc.ssthresh, 18000);
	yoke_cc_set_mss(&cc, 0);
	EXPECT(cc.mss > 0);
}

TEST(change__keeps_the_window_forgets_the_rest)
{
	struct yoke_cc cc = reno(20 * MSS, 10 * MSS);

	cc.credit = 5;
	cc.priv[YOKE_CC_PRIV - 1] = 1;
	yoke_cc_change(&cc, &yoke_cc_reno);
	EXPECT_EQ(cc.cwnd, 20 * MSS);
	EXPECT_EQ(cc.ssthresh, 10 * MSS);
	EXPECT_EQ(cc.credit, 0);
	EXPECT_EQ(cc.priv[YOKE_CC_PRIV - 1], 0);
}

TEST(builtin__reno_first)
{
	EXPECT(yoke_cc_builtin[0] == &yoke_cc_reno);	/* the order is net.yoke.available_…'s */
	for (int i = 0; yoke_cc_builtin[i]; i++)
		EXPECT((yoke_cc_builtin[i]->ack || yoke_cc_builtin[i]->control) &&
		       yoke_cc_builtin[i]->ssthresh);
}

TEST(reno_ack__slow_start_doubles_in_a_round)
{
	struct yoke_cc cc = reno(10 * MSS, ~0u);

	for (int i = 0; i < 10; i++)
		ack(&cc, MSS);
	EXPECT_EQ(cc.cwnd, 20 * MSS);
	ack(&cc, 20 * MSS);			/* a stretch ACK counts in full */
	EXPECT_EQ(cc.cwnd, 40 * MSS);
}

TEST(reno_ack__slow_start_ends_at_ssthresh)
{
	struct yoke_cc cc = reno(10 * MSS, 12 * MSS);

	ack(&cc, 2 * MSS);
	EXPECT_EQ(cc.cwnd, 12 * MSS);
	ack(&cc, 11 * MSS);
	EXPECT_EQ(cc.cwnd, 12 * MSS);
	ack(&cc, 1 * MSS);
	EXPECT_EQ(cc.cwnd, 13 * MSS);
}

TEST(reno_ack__what_slow_start_leaves_counts_for_avoidance)
{
	struct yoke_cc cc = reno(10 * MSS, 12 * MSS);

	ack(&cc, 14 * MSS);
	EXPECT_EQ(cc.cwnd, 13 * MSS);
}

TEST(reno_ack__avoidance_adds_one_segment_in_a_round)
{
	struct yoke_cc cc = reno(20 * MSS, 10 * MSS);

	for (int i = 0; i < 20; i++)
		ack(&cc, MSS);
	EXPECT_EQ(cc.cwnd, 21 * MSS);
	for (int i = 0; i < 21; i++)
		ack(&cc, MSS);
	EXPECT_EQ(cc.cwnd, 22 * MSS);
}

TEST(reno_ack__an_unused_window_does_not_grow)
{
	struct yoke_cc cc = reno(20 * MSS, 10 * MSS);

	cc.used = 19 * MSS;
	ack(&cc, 20 * MSS);
	EXPECT_EQ(cc.cwnd, 20 * MSS);
	EXPECT_EQ(cc.credit, 0);
	cc.used = YOKE_CC_FILLED;
	ack(&cc, 20 * MSS);
	EXPECT_EQ(cc.cwnd, 21 * MSS);
}

/* Eight of ten segments, ACKed one by one: each may grow cwnd, while that is less than 2 * 8. */
TEST(reno_ack__slow_start_to_twice_what_was_used)
{
	struct yoke_cc cc = reno(10 * MSS, ~0u);

	yoke_cc_use(&cc, 8 * MSS, 0, 8 * MSS);
	for (int i = 1; i <= 8; i++) {
		ack(&cc, MSS);
		EXPECT_EQ(cc.cwnd, min(10 + i, 16) * MSS);
	}
	cc.cwnd = 16 * MSS - 1;				/* 2 * 8000 is more, if only by a byte */
	ack(&cc, MSS);
	EXPECT_EQ(cc.cwnd, 17 * MSS - 1);
	/* Not in congestion avoidance. */
	cc.ssthresh = cc.cwnd = 10 * MSS;
	ack(&cc, 100 * MSS);
	EXPECT_EQ(cc.cwnd, 10 * MSS);
}

/* What Linux's tcp_cwnd_validate() keeps, by hand: at which SND.UNA and SND.NXT so much was used. */
TEST(use__the_most_until_that_is_acknowledged)
{
	struct yoke_cc cc;
	u32 iss = 0xfffff000;				/* the numbers wrap */

	yoke_cc_init(&cc, &yoke_cc_reno, MSS, 0, 0);
	EXPECT(!yoke_cc_may_grow(&cc));			/* nothing has left */
	yoke_cc_use(&cc, 3 * MSS, iss, iss + 3 * MSS);
	EXPECT_EQ(cc.used, 3 * MSS);
	EXPECT(!yoke_cc_may_grow(&cc));			/* ten segments, not less than twice three */
	yoke_cc_use(&cc, 6 * MSS, iss, iss + 6 * MSS);
	EXPECT_EQ(cc.used, 6 * MSS);
	EXPECT(yoke_cc_may_grow(&cc));
	yoke_cc_use(&cc, 2 * MSS, iss + 5 * MSS, iss + 7 * MSS);
	EXPECT_EQ(cc.used, 6 * MSS);			/* still */
	yoke_cc_use(&cc, 2 * MSS, iss + 6 * MSS, iss + 8 * MSS);
	EXPECT_EQ(cc.used, 2 * MSS);			/* all that was sent by then has arrived */
	EXPECT(!yoke_cc_may_grow(&cc));

	cc.ssthresh = cc.cwnd;
	yoke_cc_use(&cc, YOKE_CC_FILLED, iss + 7 * MSS, iss + 9 * MSS);
	EXPECT(yoke_cc_may_grow(&cc));
	yoke_cc_use(&cc, MSS, iss + 8 * MSS, iss + 10 * MSS);
	EXPECT(yoke_cc_may_grow(&cc));
	yoke_cc_use(&cc, YOKE_CC_FILLED, iss + 8 * MSS, iss + 11 * MSS);
	yoke_cc_use(&cc, MSS, iss + 10 * MSS, iss + 11 * MSS);
	EXPECT(yoke_cc_may_grow(&cc));			/* again, and from there on */
	yoke_cc_use(&cc, MSS, iss + 11 * MSS, iss + 12 * MSS);
	EXPECT(!yoke_cc_may_grow(&cc));
}

TEST(reno_ack__never_overflows)
{
	struct yoke_cc cc = reno(YOKE_CC_CWND_MAX - MSS, ~0u);

	for (int i = 0; i < 10; i++)
		ack(&cc, ~0u);
	EXPECT_EQ(cc.cwnd, YOKE_CC_CWND_MAX);
	cc.ssthresh = MSS;
	for (int i = 0; i < 10; i++)
		ack(&cc, ~0u);
	EXPECT_EQ(cc.cwnd, YOKE_CC_CWND_MAX);
}

TEST(reno_ssthresh__half_but_two_segments)
{
	struct yoke_cc cc = reno(20 * MSS, ~0u);

	EXPECT_EQ(cc.ops->ssthresh(&cc), 10 * MSS);
	cc.cwnd = 3 * MSS;
	EXPECT_EQ(cc.ops->ssthresh(&cc), 2 * MSS);	/* RFC 5681 (4) */
}

TEST(idle__not_within_one_rto)
{
	struct yoke_cc cc = reno(40 * MSS, 20 * MSS);

	yoke_cc_idle(&cc, 200000, 200000, 0);
	EXPECT_EQ(cc.cwnd, 40 * MSS);
	EXPECT_EQ(cc.ssthresh, 20 * MSS);
}

TEST(idle__halves_for_each_rto_to_the_restart_window)
{
	struct yoke_cc cc = reno(80 * MSS, 20 * MSS);

	yoke_cc_idle(&cc, 500000, 200000, 0);
	EXPECT_EQ(cc.cwnd, 20 * MSS);
	EXPECT_EQ(cc.ssthresh, 60 * MSS);		/* RFC 2861: 3/4 of cwnd */
	yoke_cc_idle(&cc, ~0u, 200000, 0);
	EXPECT_EQ(cc.cwnd, 10 * MSS);			/* RFC 5681 §4.1: RW = min(IW, cwnd) */
}

TEST(idle__not_below_the_restart_window)
{
	struct yoke_cc cc = reno(15 * MSS, 12 * MSS);

	yoke_cc_idle(&cc, 300000, 200000, 0);
	EXPECT_EQ(cc.cwnd, 10 * MSS);
}

TEST(idle__does_not_raise_a_small_window)
{
	struct yoke_cc cc = reno(4 * MSS, 3 * MSS);

	yoke_cc_idle(&cc, ~0u, 200000, 0);
	EXPECT_EQ(cc.cwnd, 4 * MSS);
}

TEST(idle__without_a_loss_slow_start_goes_on)
{
	struct yoke_cc cc = reno(40 * MSS, ~0u);

	yoke_cc_idle(&cc, 300000, 200000, 0);
	EXPECT_EQ(cc.cwnd, 20 * MSS);
	EXPECT_EQ(cc.ssthresh, ~0u);
}

TEST(idle__to_the_initial_window_of_the_route)
{
	struct yoke_cc cc;

	yoke_cc_init(&cc, &yoke_cc_reno, MSS, 4, 0);
	cc.cwnd = 80 * MSS;
	yoke_cc_idle(&cc, ~0u, 200000, 0);
	EXPECT_EQ(cc.cwnd, 4 * MSS);
}
