// SPDX-License-Identifier: GPL-2.0
/*
 * The search for the path MTU where nobody says what it is (RFC 4821): a path that swallows large
 * packets without a word, and one that carries more than was known. And a route that says it.
 */
#include "yoke_test.h"

#define PATH	1023		/* what the narrow path carries, IP header included */
#define HEADERS	(20 + 20 + 12)

FIXTURE(pmtu) {
	struct net net;
};

FIXTURE_VARIANT(pmtu) {
	const char *probing;	/* net.yoke.mtu_probing */
	const char *base;	/* net.yoke.base_mss */
	bool narrow;		/* packets larger than PATH vanish */
	int least, most;	/* what the send MSS may be in the end, over IPv4 */
};

#define SEARCH(name, ...) FIXTURE_VARIANT_ADD(pmtu, name) { __VA_ARGS__ }

/* The search begins when the same data has timed out again and again; its first try is too large too. */
SEARCH(black_hole,	.probing = "1", .base = "1024", .narrow = true, .least = 400, .most = PATH - HEADERS);
SEARCH(narrow,		.probing = "2", .base = "600", .narrow = true, .least = 700,
			.most = PATH - HEADERS);
SEARCH(wide,		.probing = "2", .base = "600", .least = 1200, .most = 1500 - HEADERS);
SEARCH(off,		.probing = "0", .base = "600", .least = 1500 - HEADERS, .most = 1500 - HEADERS);

FIXTURE_SETUP(pmtu)
{
	NEED_LINK(&self->net, _exit(255));
	must_hold(shell("ip link set veth gso_max_segs 1"));
	must_hold(sysctl_own("mtu_probing", variant->probing));
	must_hold(sysctl_own("base_mss", variant->base));
	if (!variant->narrow)
		return;
	enter(self->net.b);
	/* Bit 10 of the length, which in IPv6 is that without the header: all of 1024 to 2047. */
	if (!shell("tc qdisc add dev veth ingress && tc filter add dev veth parent ffff: protocol %s "
		   "u32 match u16 0x0400 0x0400 at %d action drop", ipv6() ? "ipv6" : "ip", ipv6() ? 4 : 2))
		SKIP(_exit(255), "no tc filter (sch_ingress, cls_u32, act_gact modules?)");
	enter(self->net.a);
}

FIXTURE_TEARDOWN(pmtu)
{
}

TEST_F_TIMEOUT(pmtu, finds_what_passes, 60)
{
	struct pair p = link_pair(self->net);
	/* A size is tried with data, when there is enough of it behind: time is not what is tested. */
	struct flow f = { .from = p.a, .to = p.b, .size = variant->narrow ? 1500000 : 12000000 };

	int least = variant->least, most = variant->most;

	/* Its header is 20 bytes longer, but does not count for the narrow path. */
	if (ipv6() && variant->narrow) {
		most += 20;
	} else if (ipv6()) {
		least -= 20;
		most -= 20;
	}
	EXPECT_TRUE(carry(&f, 1, 6 * BOUND));
	EXPECT_LE(least, tcp_info(p.a).tcpi_snd_mss);
	EXPECT_GE(most, tcp_info(p.a).tcpi_snd_mss);
}

ON_A_LINK(route)

/* Less than any link of IPv6 has, but an administrator's word: IP sends nothing longer. */
TEST_F_TIMEOUT(route, mtu_of_its_own, 60)
{
	struct flow f = { .size = 200000 };
	struct pair p;

	must_hold(shell("ip route replace %s dev veth mtu 1000", ip_text(ADDR_B)));
	p = link_pair(self->net);
	f.from = p.a;
	f.to = p.b;
	EXPECT_TRUE(carry(&f, 1, BOUND));
	EXPECT_EQ(1000 - HEADERS - (ipv6() ? 20 : 0), tcp_info(p.a).tcpi_snd_mss);
}

/* What the socket has of a route that another replaced has lost its device, and with it the MTU. */
TEST_F_TIMEOUT(route, that_ended_has_no_mtu, 60)
{
	static char buf[20000];
	struct pair p;
	int mss = 0;

	must_hold(sysctl_own("mtu_probing", "2"));
	must_hold(shell("ip route replace %s dev veth", ip_text(ADDR_B)));
	p = link_pair(self->net);
	/* It loses it when nobody reads it any more: in one of these rounds. */
	for (int i = 0; i < 10; i++) {
		must(send(p.a, buf, sizeof(buf), 0));
		EXPECT_EQ(sizeof(buf), recv(p.b, buf, sizeof(buf), MSG_WAITALL));
		EXPECT_LE(mss, tcp_info(p.a).tcpi_snd_mss);
		mss = tcp_info(p.a).tcpi_snd_mss;
		must_hold(shell("ip route replace %s dev veth hoplimit %d", ip_text(ADDR_B), 64 + i % 2));
	}
}

TEST_HARNESS_MAIN
