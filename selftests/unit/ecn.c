// SPDX-License-Identifier: GPL-2.0
/* module/algo/ecn.c: RFC 3168 §6.1, RFC 9768 §3. */
#include <linux/string.h>
#include "ecn.h"
#include "opt.h"
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
	for (u8 i = 3; i <= 5; i++)
		EXPECT_EQ(yoke_ecn_incoming(i), YOKE_ECN_ACCURATE);
	EXPECT_EQ(yoke_ecn_outgoing(3), YOKE_ECN_ACCURATE);
	EXPECT_EQ(yoke_ecn_outgoing(4), YOKE_ECN_CLASSIC);
	EXPECT_EQ(yoke_ecn_outgoing(5), YOKE_ECN_OFF);
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

static const struct yoke_opt none;

static u8 answered(u8 mode, u16 flags, bool synack)
{
	struct yoke_ecn e;

	yoke_ecn_start(&e, mode);
	yoke_ecn_answered(&e, flags, YOKE_IP_NOT_ECT, synack, YOKE_IP_NOT_ECT, &none);
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

	yoke_ecn_start(&e, YOKE_ECN_CLASSIC);
	EXPECT_EQ(yoke_ecn_syn_flags(&e, 0, true), BOTH);
	EXPECT_EQ(yoke_ecn_synack_flags(YOKE_ECN_CLASSIC, YOKE_IP_NOT_ECT, 0), YOKE_ECE);
	yoke_ecn_start(&e, YOKE_ECN_OFF);
	EXPECT_EQ(yoke_ecn_syn_flags(&e, 0, true), 0);
	EXPECT_EQ(yoke_ecn_synack_flags(YOKE_ECN_OFF, YOKE_IP_NOT_ECT, 0), 0);
}

/* §6.1.3: a mark is echoed until CWR comes. */
TEST(received__echo)
{
	struct yoke_ecn e;

	yoke_ecn_start(&e, YOKE_ECN_CLASSIC);
	EXPECT(!yoke_ecn_received(&e, YOKE_IP_NOT_ECT));
	EXPECT(!e.seen);
	EXPECT(!yoke_ecn_received(&e, YOKE_IP_ECT0));
	EXPECT(e.seen);
	EXPECT_EQ(yoke_ecn_flags(&e, false), 0);
	EXPECT(yoke_ecn_received(&e, YOKE_IP_CE));
	EXPECT_EQ(yoke_ecn_flags(&e, false), YOKE_ECE);
	EXPECT(!yoke_ecn_received(&e, YOKE_IP_CE));
	EXPECT(!yoke_ecn_received(&e, YOKE_IP_ECT1));
	EXPECT_EQ(yoke_ecn_flags(&e, false), YOKE_ECE);
	yoke_ecn_reduced(&e);
	EXPECT_EQ(yoke_ecn_flags(&e, false), 0);
	EXPECT(yoke_ecn_received(&e, YOKE_IP_NOT_ECT));		/* a retransmission, it seems */
	EXPECT(yoke_ecn_received(&e, YOKE_IP_CE));
	EXPECT_EQ(yoke_ecn_flags(&e, false), YOKE_ECE);
}

/* --- AccECN --- */

#define ACE(n) ((n) << 6)

/* §3.1.2, §3.1.3: what does not ask for classic ECN, or nothing, asks for this. */
TEST(accept__accurate)
{
	for (unsigned int ace = 0; ace < 8; ace++) {
		u8 want = ace == 0 ? YOKE_ECN_OFF : ace == 3 ? YOKE_ECN_CLASSIC : YOKE_ECN_ACCURATE;

		EXPECT_EQ(yoke_ecn_accept(ACE(ace), YOKE_IP_NOT_ECT, YOKE_ECN_ACCURATE, false), want);
	}
	EXPECT_EQ(yoke_ecn_accept(ACE(7), YOKE_IP_CE, YOKE_ECN_ACCURATE, false), YOKE_ECN_ACCURATE);
	/* A host that knows no more than classic ECN. */
	EXPECT_EQ(yoke_ecn_accept(ACE(7), YOKE_IP_NOT_ECT, YOKE_ECN_CLASSIC, false), YOKE_ECN_CLASSIC);
}

/* Table 2. */
TEST(answered__accurate)
{
	static const u8 want[8] = { YOKE_ECN_OFF, YOKE_ECN_CLASSIC, YOKE_ECN_ACCURATE, YOKE_ECN_ACCURATE,
				    YOKE_ECN_ACCURATE, YOKE_ECN_ACCURATE, YOKE_ECN_ACCURATE, YOKE_ECN_OFF };

	for (unsigned int ace = 0; ace < 8; ace++)
		EXPECT_EQ(answered(YOKE_ECN_ACCURATE, ACE(ace), true), want[ace]);
	EXPECT_EQ(answered(YOKE_ECN_ACCURATE, ACE(7), false), YOKE_ECN_ACCURATE);
	EXPECT_EQ(answered(YOKE_ECN_ACCURATE, ACE(3), false), YOKE_ECN_CLASSIC);
}

/* §3.2.2.3: a SYN that left without ECT and arrived with it, and the like. */
TEST(answered__mangled)
{
	struct { u8 sent; unsigned int ace; bool bad; } t[] = {
		{ YOKE_IP_NOT_ECT, 2, false }, { YOKE_IP_NOT_ECT, 3, true }, { YOKE_IP_NOT_ECT, 4, true },
		{ YOKE_IP_NOT_ECT, 6, true },  { YOKE_IP_NOT_ECT, 5, false },
		{ YOKE_IP_ECT0, 4, false },    { YOKE_IP_ECT0, 6, false },   { YOKE_IP_ECT0, 2, true },
		{ YOKE_IP_ECT0, 3, true },
	};

	for (unsigned int i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct yoke_ecn e;

		yoke_ecn_start(&e, YOKE_ECN_ACCURATE);
		yoke_ecn_answered(&e, ACE(t[i].ace), YOKE_IP_NOT_ECT, true, t[i].sent, &none);
		EXPECT_EQ(e.mode, YOKE_ECN_ACCURATE);
		EXPECT_EQ(e.no_ect, t[i].bad);
	}
}

/* §3.1.4.1, §3.2.3.2.2: twice with, then without. */
TEST(syn__falls_back)
{
	struct yoke_ecn e;

	yoke_ecn_start(&e, YOKE_ECN_ACCURATE);
	EXPECT_EQ(yoke_ecn_syn_flags(&e, 0, true), ACE(7));
	EXPECT_EQ(yoke_ecn_syn_flags(&e, 1, true), ACE(7));
	EXPECT_EQ(yoke_ecn_syn_flags(&e, 2, true), 0);
	EXPECT_EQ(yoke_ecn_syn_flags(&e, 2, false), ACE(7));
	EXPECT_EQ(yoke_ecn_synack_flags(YOKE_ECN_ACCURATE, YOKE_IP_CE, 1), ACE(6));
	EXPECT_EQ(yoke_ecn_synack_flags(YOKE_ECN_ACCURATE, YOKE_IP_CE, 2), 0);
}

/* Tables 2 and 3. */
TEST(handshake__tells_the_field)
{
	static const u8 ace[4] = { [YOKE_IP_NOT_ECT] = 2, [YOKE_IP_ECT1] = 3, [YOKE_IP_ECT0] = 4,
				   [YOKE_IP_CE] = 6 };

	for (u8 ip = 0; ip < 4; ip++) {
		struct yoke_ecn e;

		EXPECT_EQ(yoke_ecn_synack_flags(YOKE_ECN_ACCURATE, ip, 0), ACE(ace[ip]));
		yoke_ecn_start(&e, YOKE_ECN_ACCURATE);
		yoke_ecn_answered(&e, ACE(2), ip, true, YOKE_IP_NOT_ECT, &none);
		EXPECT_EQ(yoke_ecn_flags(&e, false), ACE(ip == YOKE_IP_CE ? 6 : 5));
		EXPECT_EQ(yoke_ecn_flags(&e, true), ACE(ace[ip]));
		EXPECT_EQ(yoke_ecn_flags(&e, true), ACE(ip == YOKE_IP_CE ? 6 : 5));
	}
}

/* Table 4. */
TEST(third_ack__all_values)
{
	for (unsigned int ace = 0; ace < 8; ace++) {
		struct yoke_ecn e;
		u32 bytes;

		yoke_ecn_start(&e, YOKE_ECN_ACCURATE);
		yoke_ecn_third_ack(&e, ACE(ace), true, YOKE_IP_ECT0, &none);
		EXPECT_EQ(e.deaf, ace == 0);
		EXPECT_EQ(e.no_ect, ace == 0 || ace == 2 || ace == 3);
		/* s.cep is 5, or 6 if the SYN-ACK was marked. */
		EXPECT_EQ(yoke_ecn_marks(&e, ACE(6), &none, 1, 1000, &bytes), ace == 0 || ace == 6 ? 0 : 1);
	}
}

/* §3.2.2.2: the difference modulo 8; §3.2.2.5.2: the safest case when it may have gone round. */
TEST(marks__ace_alone)
{
	struct yoke_ecn e;
	u32 bytes;

	yoke_ecn_start(&e, YOKE_ECN_ACCURATE);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(5), &none, 2, 1000, &bytes), 0);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(7), &none, 2, 1000, &bytes), 2);
	EXPECT_EQ(bytes, 2000);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(1), &none, 7, 1000, &bytes), 2);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(1), &none, 7, 1000, &bytes), 0);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(2), &none, 8, 1000, &bytes), 1);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(3), &none, 9, 1000, &bytes), 9);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(3), &none, 20, 1000, &bytes), 16);
}

static struct yoke_opt option(u32 e0b, u32 ceb)
{
	struct yoke_opt opt = { .accecn = 3, .accecn_bytes = { e0b, ceb } };

	return opt;
}

/* The option says which of them it was; an old one says nothing; counters go round at 2^24. */
TEST(marks__with_the_option)
{
	struct yoke_ecn e;
	struct yoke_opt opt;
	u32 bytes;

	yoke_ecn_start(&e, YOKE_ECN_ACCURATE);
	opt = option(1, 1000);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(6), &opt, 20, 1000, &bytes), 1);
	EXPECT_EQ(bytes, 1000);
	opt = option(1, 10000);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(7), &opt, 20, 1000, &bytes), 9);
	EXPECT_EQ(bytes, 9000);
	opt = option(1, 9000);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(7), &opt, 2, 1000, &bytes), 0);
	EXPECT_EQ(bytes, 0);
	opt = option(1, 10000);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(7), &opt, 2, 1000, &bytes), 0);
	EXPECT(!e.no_ect);
	e.s_ceb = 0xfffff0;
	opt = option(1, 984);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(0), &opt, 2, 1000, &bytes), 1);
	EXPECT_EQ(bytes, 1000);
	/* §3.2.3.2.5: bytes without packets are somebody's mangling. */
	opt = option(1, 1984);
	yoke_ecn_marks(&e, ACE(0), &opt, 2, 1000, &bytes);
	EXPECT(e.no_ect);
}

/* One came where the option had no room: its bytes, which come later, are neither mangled nor news. */
TEST(marks__before_the_option)
{
	struct yoke_opt opt = option(1, 1000);
	struct yoke_ecn e;
	u32 bytes;

	yoke_ecn_start(&e, YOKE_ECN_ACCURATE);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(6), &none, 2, 1000, &bytes), 1);
	EXPECT_EQ(bytes, 1000);
	EXPECT_EQ(yoke_ecn_marks(&e, ACE(6), &opt, 2, 1000, &bytes), 0);
	EXPECT_EQ(bytes, 0);
	EXPECT(!e.no_ect);
	/* The next are. */
	opt = option(1, 2000);
	yoke_ecn_marks(&e, ACE(6), &opt, 2, 1000, &bytes);
	EXPECT_EQ(bytes, 1000);
	EXPECT(e.no_ect);
}

/* §3.2.2.5.1 */
TEST(count__acks_at_once)
{
	struct yoke_ecn e;

	yoke_ecn_start(&e, YOKE_ECN_ACCURATE);
	EXPECT(!yoke_ecn_count(&e, YOKE_IP_ECT0, 1, 1000, false));
	EXPECT(yoke_ecn_count(&e, YOKE_IP_CE, 1, 1000, false));		/* a change to CE */
	EXPECT_EQ(yoke_ecn_flags(&e, true), ACE(6));
	EXPECT(!yoke_ecn_count(&e, YOKE_IP_CE, 1, 1000, false));
	EXPECT(yoke_ecn_count(&e, YOKE_IP_CE, 1, 1000, true));		/* the second since */
	EXPECT_EQ(yoke_ecn_flags(&e, true), ACE(0));
	EXPECT(!yoke_ecn_count(&e, YOKE_IP_ECT0, 1, 1000, false));	/* not from CE */
	for (int i = 0; i < 2; i++)					/* ACKs: the third */
		EXPECT(!yoke_ecn_count(&e, YOKE_IP_CE, 1, 0, false));
	EXPECT(yoke_ecn_count(&e, YOKE_IP_CE, 1, 0, false));
}

/* §3.2.3.3 */
TEST(option__what_has_changed)
{
	struct yoke_opt opt = { 0 };
	struct yoke_ecn e;

	yoke_ecn_start(&e, YOKE_ECN_ACCURATE);
	yoke_ecn_option(&e, &opt, 40, 2);		/* the handshake's */
	EXPECT_EQ(opt.accecn, 2);
	EXPECT_EQ(opt.accecn_bytes[0], 1);
	opt.accecn = 0;
	yoke_ecn_option(&e, &opt, 40, 2);
	EXPECT_EQ(opt.accecn, 0);
	yoke_ecn_count(&e, YOKE_IP_ECT0, 1, 1000, false);
	yoke_ecn_option(&e, &opt, 4, 2);		/* no room */
	EXPECT_EQ(opt.accecn, 0);
	yoke_ecn_option(&e, &opt, 8, 0);
	EXPECT_EQ(opt.accecn, 0);
	yoke_ecn_option(&e, &opt, 8, 2);
	EXPECT_EQ(opt.accecn, 2);
	EXPECT_EQ(opt.accecn_order, 0);
	EXPECT_EQ(opt.accecn_bytes[0], 1001);
	yoke_ecn_count(&e, YOKE_IP_CE, 1, 500, false);
	opt.accecn = 0;
	yoke_ecn_option(&e, &opt, 8, 1);
	EXPECT_EQ(opt.accecn, 3);
	EXPECT_EQ(opt.accecn_bytes[1], 500);
	yoke_ecn_count(&e, YOKE_IP_CE, 1, 500, false);
	yoke_ecn_count(&e, YOKE_IP_ECT1, 1, 7, false);
	opt.accecn = 0;
	yoke_ecn_option(&e, &opt, 8, 2);		/* all three, or nothing */
	EXPECT_EQ(opt.accecn, 0);
	yoke_ecn_option(&e, &opt, 12, 2);
	EXPECT_EQ(opt.accecn, 4);
	EXPECT_EQ(opt.accecn_bytes[2], 8);
	yoke_ecn_start(&e, YOKE_ECN_ACCURATE);
	yoke_ecn_count(&e, YOKE_IP_ECT1, 1, 7, false);
	yoke_ecn_option(&e, &opt, 12, 2);
	EXPECT_EQ(opt.accecn, 2);
	EXPECT_EQ(opt.accecn_order, 1);
	EXPECT_EQ(opt.accecn_bytes[0], 8);
}

/* §3.1.5 */
TEST(conflict__two_kinds_of_syn)
{
	EXPECT(yoke_ecn_conflict(YOKE_ECN_ACCURATE, BOTH, YOKE_ECN_ACCURATE));
	EXPECT(yoke_ecn_conflict(YOKE_ECN_CLASSIC, ACE(7), YOKE_ECN_ACCURATE));
	EXPECT(!yoke_ecn_conflict(YOKE_ECN_ACCURATE, 0, YOKE_ECN_ACCURATE));
	EXPECT(!yoke_ecn_conflict(YOKE_ECN_ACCURATE, ACE(7), YOKE_ECN_ACCURATE));
	EXPECT(!yoke_ecn_conflict(YOKE_ECN_CLASSIC, BOTH, YOKE_ECN_ACCURATE));
	EXPECT(!yoke_ecn_conflict(YOKE_ECN_OFF, BOTH, YOKE_ECN_ACCURATE));
	EXPECT(!yoke_ecn_conflict(YOKE_ECN_CLASSIC, ACE(7), YOKE_ECN_CLASSIC));
}
