// SPDX-License-Identifier: GPL-2.0
/* module/algo/rate.c: draft-cheng-iccrg-delivery-rate-estimation-00. */
#include <linux/string.h>
#include "rate.h"
#include "test.h"

#define RTT	10000u

/* A segment and when it left. */
struct sent {
	struct yoke_rate_seg seg;
	u32	tx_us;
	bool	limited;
};

static struct sent send(struct yoke_rate *rate, u32 now, bool idle)
{
	struct sent s = { .tx_us = now };

	s.limited = yoke_rate_sent(rate, &s.seg, idle, now);
	return s;
}

static void deliver(struct yoke_rate *rate, struct yoke_rate_sample *rs, const struct sent *s)
{
	yoke_rate_delivered(rate, rs, &s->seg, s->tx_us, s->limited);
}

TEST(rate__steady)
{
	struct yoke_rate rate = { };
	struct yoke_rate_sample rs;
	struct sent s[40];

	/* A segment of 1000 bytes a millisecond, RTT 10 ms: a million bytes a second. */
	for (u32 i = 0; i < 40; i++) {
		if (i >= 10) {
			memset(&rs, 0, sizeof(rs));
			deliver(&rate, &rs, &s[i - 10]);
			yoke_rate_end(&rate, &rs, 1000, RTT, 1000 * i);
			EXPECT(rs.valid);
			/* While the pipe fills, since the beginning. */
			EXPECT_EQ(rs.interval_us, i < 20 ? 1000 * i : RTT);
			EXPECT_EQ(rs.delivered, i < 20 ? 1000 * (i - 9) : 10000);
		}
		s[i] = send(&rate, 1000 * i, i == 0);
	}
	EXPECT_EQ(rate.delivered, 30000);
	EXPECT_EQ(rate.bytes, 10000);
	EXPECT_EQ(rate.interval_us, RTT);
}

/* §3.1.3: the ACKs come in a bunch, but the segments had left one by one. */
TEST(rate__compressed_acks_do_not_speed_it_up)
{
	struct yoke_rate rate = { };
	struct yoke_rate_sample rs = { };
	struct sent first = send(&rate, 0, true), second;

	deliver(&rate, &rs, &first);
	yoke_rate_end(&rate, &rs, 1000, RTT, RTT);
	second = send(&rate, RTT + 50000, false);
	memset(&rs, 0, sizeof(rs));
	deliver(&rate, &rs, &second);
	yoke_rate_end(&rate, &rs, 1000, RTT, 2 * RTT + 50000);
	/* From being delivered to being delivered 60 ms, of sending 60 ms: the longer counts. */
	EXPECT_EQ(rs.interval_us, 60000);
	EXPECT_EQ(rs.delivered, 1000);
}

TEST(rate__sending_took_longer)
{
	struct yoke_rate rate = { .delivered_us = 95000, .first_us = 0 };
	struct yoke_rate_sample rs = { };
	struct sent s = send(&rate, 100000, false);

	deliver(&rate, &rs, &s);
	yoke_rate_end(&rate, &rs, 3000, RTT, 110000);
	EXPECT_EQ(rs.send_us, 100000);
	EXPECT_EQ(rs.interval_us, 100000);	/* not 15000 */
}

TEST(rate__the_segment_sent_last_counts)
{
	struct yoke_rate rate = { };
	struct yoke_rate_sample rs = { };
	struct sent a = send(&rate, 0, true), b;

	rate.delivered = 5000;
	b = send(&rate, 500, false);
	deliver(&rate, &rs, &b);
	deliver(&rate, &rs, &a);
	EXPECT_EQ(rs.prior_delivered, 5000);
	EXPECT_EQ(rate.first_us, 500);
	memset(&rs, 0, sizeof(rs));
	rate.first_us = 0;
	deliver(&rate, &rs, &a);
	deliver(&rate, &rs, &b);
	EXPECT_EQ(rs.prior_delivered, 5000);
}

/* §3.3: an interval below the round trip is none; nor is one without a segment. */
TEST(rate__too_short_is_no_sample)
{
	struct yoke_rate rate = { };
	struct yoke_rate_sample rs = { };
	struct sent s = send(&rate, 0, true);

	deliver(&rate, &rs, &s);
	yoke_rate_end(&rate, &rs, 1000, RTT, RTT - 1);
	EXPECT(rs.valid);
	EXPECT_EQ(rs.interval_us, 0);
	EXPECT_EQ(rate.interval_us, 0);
	memset(&rs, 0, sizeof(rs));
	yoke_rate_end(&rate, &rs, 0, RTT, 5 * RTT);
	EXPECT(!rs.valid);
	EXPECT_EQ(rate.delivered_us, RTT - 1);
}

/* §3.4: the bubble lasts until all that was in flight then is delivered. */
TEST(rate__application_limited)
{
	struct yoke_rate rate = { };
	struct yoke_rate_sample rs = { };
	struct sent a, b, c;

	a = send(&rate, 0, true);
	yoke_rate_app_limited(&rate, 1000);
	EXPECT_EQ(rate.app_limited, 1000);
	EXPECT(!a.limited);
	b = send(&rate, 100, false);
	EXPECT(b.limited);
	deliver(&rate, &rs, &a);
	yoke_rate_end(&rate, &rs, 1000, RTT, RTT);
	EXPECT(!rs.app_limited);
	EXPECT(rate.app_limited);		/* just delivered: not beyond yet */
	memset(&rs, 0, sizeof(rs));
	deliver(&rate, &rs, &b);
	yoke_rate_end(&rate, &rs, 1000, RTT, RTT + 100);
	EXPECT(rs.app_limited);
	EXPECT(!rate.app_limited);
	c = send(&rate, RTT + 200, false);
	EXPECT(!c.limited);
	/* Zero means that it isn't, so a bubble at zero is at one. */
	rate.delivered = 0;
	yoke_rate_app_limited(&rate, 0);
	EXPECT_EQ(rate.app_limited, 1);
}

/* What the program limited is shown only if it is more than was seen. */
TEST(rate__limited_samples_only_raise_what_is_shown)
{
	struct yoke_rate rate = { .bytes = 10000, .interval_us = 10000 };
	struct yoke_rate_sample rs = { .valid = true, .app_limited = true };

	yoke_rate_end(&rate, &rs, 5000, RTT, RTT);
	EXPECT_EQ(rs.interval_us, RTT);
	EXPECT_EQ(rate.bytes, 10000);
	EXPECT(!rate.limited);
	rs = (struct yoke_rate_sample){ .valid = true, .app_limited = true, .prior_us = RTT };
	yoke_rate_end(&rate, &rs, 15000, RTT, 2 * RTT);
	EXPECT_EQ(rate.bytes, 20000);
	EXPECT(rate.limited);
	rs = (struct yoke_rate_sample){ .valid = true, .prior_delivered = 20000, .prior_us = 2 * RTT };
	yoke_rate_end(&rate, &rs, 100, RTT, 3 * RTT);
	EXPECT_EQ(rate.bytes, 100);		/* the path itself: less is news too */
	EXPECT(!rate.limited);
}

TEST(rate__clock_and_count_wrap)
{
	struct yoke_rate rate = { .delivered = 0xffffff00u };
	struct yoke_rate_sample rs = { };
	struct sent s = send(&rate, 0xfffffff0u, true);

	yoke_rate_app_limited(&rate, 0x50);
	deliver(&rate, &rs, &s);
	yoke_rate_end(&rate, &rs, 1000, RTT, RTT - 0x10);
	EXPECT_EQ(rs.interval_us, RTT);
	EXPECT_EQ(rs.delivered, 1000);
	EXPECT_EQ(rate.delivered, 1000 - 0x100);
	EXPECT(!rate.app_limited);
}
