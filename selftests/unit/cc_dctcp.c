// SPDX-License-Identifier: GPL-2.0
/* module/algo/cc_dctcp.c: RFC 8257 §3.3. */
#include <linux/inet_diag.h>
#include "cc.h"
#include "test.h"

#define MSS 1000u

static void window(struct yoke_cc *cc, u32 bytes, u32 marked)
{
	struct yoke_cc_ack ack = { };

	for (u32 at = 0; at < bytes; at += MSS) {
		ack.in_flight = bytes;
		ack.acked = MSS;
		ack.marked = at < marked ? MSS : 0;
		cc->ops->marks(cc, &ack);
	}
}

static u32 alpha(const struct yoke_cc *cc)
{
	union tcp_cc_info info;
	int attr = 0;

	EXPECT_EQ(cc->ops->get_info(cc, ~0u, &attr, &info), sizeof(info.dctcp));
	EXPECT_EQ(attr, INET_DIAG_DCTCPINFO);
	return info.dctcp.dctcp_alpha;
}

static struct yoke_cc start(u32 segs)
{
	struct yoke_cc cc;

	yoke_cc_init(&cc, &yoke_cc_dctcp, MSS, 0, 0);
	cc.cwnd = segs * MSS;
	return cc;
}

/* "the sender SHOULD initialize alpha to 1": the first mark halves. */
TEST(alpha__starts_at_one)
{
	struct yoke_cc cc = start(20);

	EXPECT_EQ(alpha(&cc), 1024);
	EXPECT_EQ(cc.ops->ecn(&cc), 10 * MSS);
	EXPECT_EQ(cc.ops->ssthresh(&cc), 10 * MSS);
}

/* alpha = alpha * (1 - g) + g * M with g = 1/16, once a window. */
TEST(alpha__is_the_moving_average)
{
	struct yoke_cc cc = start(20);

	for (int i = 0; i < 200; i++)
		window(&cc, 20 * MSS, 0);
	EXPECT_EQ(alpha(&cc), 0);
	EXPECT_EQ(cc.ops->ecn(&cc), 20 * MSS);
	window(&cc, 20 * MSS, 20 * MSS);
	window(&cc, 20 * MSS, 20 * MSS);
	window(&cc, 20 * MSS, 20 * MSS);
	/* Windows of observation need not begin with ours: two whole ones at the least. */
	EXPECT(alpha(&cc) >= 64 + 60 && alpha(&cc) <= 64 + 60 + 57);
	for (int i = 0; i < 400; i++)
		window(&cc, 20 * MSS, 5 * MSS);
	EXPECT(alpha(&cc) >= 200 && alpha(&cc) <= 256);		/* M = 1/4, less what shifts lose */
	for (int i = 0; i < 400; i++)
		window(&cc, 20 * MSS, 20 * MSS);
	EXPECT(alpha(&cc) > 1000 && alpha(&cc) <= 1024);
}

/* cwnd = cwnd * (1 - alpha / 2), at least two segments. */
TEST(ecn__reduces_by_half_of_alpha)
{
	struct yoke_cc cc = start(100);

	for (int i = 0; i < 400; i++)
		window(&cc, 100 * MSS, 20 * MSS);
	EXPECT(cc.ops->ecn(&cc) > 89 * MSS && cc.ops->ecn(&cc) < 93 * MSS);
	EXPECT_EQ(cc.ops->ssthresh(&cc), 50 * MSS);		/* §3.4: a loss is a loss */
	cc.cwnd = 2 * MSS;
	EXPECT_EQ(cc.ops->ecn(&cc), 2 * MSS);
}
