// SPDX-License-Identifier: GPL-2.0
/* module/algo/ecn.c: RFC 3168 §6.1. */
#include "ecn.h"
#include "test.h"

#define BOTH (YOKE_ECE | YOKE_CWR)

TEST(setting__as_tcp_ecn)
{
	EXPECT_EQ(yoke_ecn_incoming(0), YOKE_ECN_OFF);
	EXPECT_EQ(yoke_ecn_outgoing(0), YOKE_ECN_OFF);
	EXPECT_EQ(yoke_ecn_incoming(1), YOKE_ECN_CLASSIC);
	EXPECT_EQ(yoke_ecn_outgoing(1), YOKE_ECN_CLASSIC);
	EXPECT_EQ(yoke_ecn_incoming(2), YOKE_ECN_CLASSIC);
	EXPECT_EQ(yoke_ecn_outgoing(2), YOKE_ECN_OFF);
}

/* §6.1.1, and RFC 3168's table of what may come. */
TEST(accept__classic)
{
	EXPECT_EQ(yoke_ecn_accept(BOTH, YOKE_IP_NOT_ECT, YOKE_ECN_CLASSIC, false), YOKE_ECN_CLASSIC);
	EXPECT_EQ(yoke_ecn_accept(BOTH, YOKE_IP_NOT_ECT, YOKE_ECN_OFF, false), YOKE_ECN_OFF);
	EXPECT_EQ(yoke_ecn_accept(YOKE_ECE, YOKE_IP_NOT_ECT, YOKE_ECN_CLASSIC, false), YOKE_ECN_OFF);
	EXPECT_EQ(yoke_ecn_accept(YOKE_CWR, YOKE_IP_NOT_ECT, YOKE_ECN_CLASSIC, false), YOKE_ECN_OFF);
	EXPECT_EQ(yoke_ecn_accept(0, YOKE_IP_NOT_ECT, YOKE_ECN_CLASSIC, false), YOKE_ECN_OFF);
	EXPECT_EQ(yoke_ecn_accept(BOTH, YOKE_IP_ECT0, YOKE_ECN_CLASSIC, false), YOKE_ECN_OFF);
	EXPECT_EQ(yoke_ecn_accept(BOTH, YOKE_IP_CE, YOKE_ECN_CLASSIC, true), YOKE_ECN_CLASSIC);
}

static u8 answered(u8 mode, u16 flags, bool synack)
{
	struct yoke_ecn e;

	yoke_ecn_ask(&e, mode);
	yoke_ecn_answered(&e, flags, synack);
	return e.mode;
}

TEST(answered__classic)
{
	EXPECT_EQ(answered(YOKE_ECN_CLASSIC, YOKE_ECE, true), YOKE_ECN_CLASSIC);
	EXPECT_EQ(answered(YOKE_ECN_CLASSIC, BOTH, true), YOKE_ECN_OFF);	/* reflected */
	EXPECT_EQ(answered(YOKE_ECN_CLASSIC, YOKE_CWR, true), YOKE_ECN_OFF);
	EXPECT_EQ(answered(YOKE_ECN_CLASSIC, 0, true), YOKE_ECN_OFF);
	EXPECT_EQ(answered(YOKE_ECN_OFF, YOKE_ECE, true), YOKE_ECN_OFF);
	EXPECT_EQ(answered(YOKE_ECN_CLASSIC, BOTH, false), YOKE_ECN_CLASSIC);
	EXPECT_EQ(answered(YOKE_ECN_CLASSIC, YOKE_ECE, false), YOKE_ECN_OFF);
}

TEST(syn__flags)
{
	struct yoke_ecn e;

	yoke_ecn_ask(&e, YOKE_ECN_CLASSIC);
	EXPECT_EQ(yoke_ecn_syn_flags(&e), BOTH);
	EXPECT_EQ(yoke_ecn_synack_flags(YOKE_ECN_CLASSIC), YOKE_ECE);
	yoke_ecn_ask(&e, YOKE_ECN_OFF);
	EXPECT_EQ(yoke_ecn_syn_flags(&e), 0);
	EXPECT_EQ(yoke_ecn_synack_flags(YOKE_ECN_OFF), 0);
}

/* §6.1.3: a mark is echoed until CWR comes. */
TEST(received__echo)
{
	struct yoke_ecn e;

	yoke_ecn_ask(&e, YOKE_ECN_CLASSIC);
	EXPECT(!yoke_ecn_received(&e, YOKE_IP_NOT_ECT));
	EXPECT(!e.seen);
	EXPECT(!yoke_ecn_received(&e, YOKE_IP_ECT0));
	EXPECT(e.seen);
	EXPECT_EQ(yoke_ecn_flags(&e), 0);
	EXPECT(yoke_ecn_received(&e, YOKE_IP_CE));
	EXPECT_EQ(yoke_ecn_flags(&e), YOKE_ECE);
	EXPECT(!yoke_ecn_received(&e, YOKE_IP_CE));
	EXPECT(!yoke_ecn_received(&e, YOKE_IP_ECT1));
	EXPECT_EQ(yoke_ecn_flags(&e), YOKE_ECE);
	yoke_ecn_reduced(&e);
	EXPECT_EQ(yoke_ecn_flags(&e), 0);
	EXPECT(yoke_ecn_received(&e, YOKE_IP_NOT_ECT));		/* a retransmission, it seems */
	EXPECT(yoke_ecn_received(&e, YOKE_IP_CE));
	EXPECT_EQ(yoke_ecn_flags(&e), YOKE_ECE);
}
