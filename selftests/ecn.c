// SPDX-License-Identifier: GPL-2.0
/*
 * A bottleneck that marks packets instead of dropping them: a bulk transfer slows down for the
 * marks, loses nothing, and keeps the wire busy.
 */
#include "yoke_test.h"

/* A slow kernel's wire is as many times slower: no queue forms before one that its sender cannot fill. */
#define RATE_KBIT (10000 / slowness())
#define SIZE 1500000			/* 1.2 s at 10 Mbit/s */

FIXTURE(marks) {
	struct net net;
};

FIXTURE_VARIANT(marks) {
	const char *setting;		/* sysctl ecn, at both ends */
	bool ecn;
	bool alone;			/* each segment is a packet of its own */
	const char *cc;			/* TCP_CONGESTION */
};

FIXTURE_VARIANT_ADD(marks, classic) { .setting = "1", .ecn = true, .alone = true };
FIXTURE_VARIANT_ADD(marks, classic_large_buffers) { .setting = "1", .ecn = true };
FIXTURE_VARIANT_ADD(marks, accurate) { .setting = "3", .ecn = true, .alone = true };
FIXTURE_VARIANT_ADD(marks, accurate_large_buffers) { .setting = "3", .ecn = true };
FIXTURE_VARIANT_ADD(marks, dctcp_accurate) {
	.setting = "3", .ecn = true, .alone = true, .cc = "dctcp" };
FIXTURE_VARIANT_ADD(marks, dctcp) { .setting = "0", .ecn = true, .alone = true, .cc = "dctcp" };
FIXTURE_VARIANT_ADD(marks, off) { .setting = "0", .alone = true };

/* Behind the delay no packet is its sender's any more: else TCP would not fill a queue of its own. */
static bool bottleneck(void)
{
	return shell("tc qdisc add dev veth root handle 1: netem delay 10ms limit 10000") &&
	       shell("tc qdisc add dev veth parent 1:1 handle 2: tbf rate %dkbit burst 5kb"
		     " latency 500ms", RATE_KBIT) &&
	       shell("tc qdisc add dev veth parent 2:1 fq_codel ecn target 5ms interval 50ms");
}

FIXTURE_SETUP(marks)
{
	if (ipv6() && (variant->cc || !variant->ecn || !variant->alone))
		SKIP(_exit(255), "IPv6 has other marks, but they mean the same");
	NEED_LINK(&self->net, _exit(255));
	if (!bottleneck())
		SKIP(_exit(255), "no fq_codel (iproute2? sch_netem, sch_tbf, sch_fq_codel modules?)");
	if (variant->alone)
		must_hold(shell("ip link set veth gso_max_segs 1"));
	if (!sysctl_own("ecn", variant->setting))
		SKIP(_exit(255), "no AccECN");
	enter(self->net.b);
	must_hold(sysctl_own("ecn", variant->setting));
	enter(self->net.a);
}

FIXTURE_TEARDOWN(marks)
{
}

/* A number that tc tells of the bottleneck's queue. */
static int told(const char *what)
{
	char cmd[128];
	int n = -1;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "tc -s qdisc show dev veth parent 2:1 | grep -o '%s [0-9]*' |"
		 " head -1 | cut -d' ' -f2", what);
	f = popen(cmd, "r");
	if (f && fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		pclose(f);
	return n;
}

static int with_cc(int fd, const char *cc)
{
	if (cc)
		must(setsockopt(fd, SOL_TCP, TCP_CONGESTION, cc, strlen(cc)));
	return fd;
}

static struct pair pair_with(struct net net, const char *cc)
{
	struct pair p;
	int l;

	enter(net.b);
	l = with_cc(bound(SOCK_STREAM, ADDR_B, 0), cc);
	must(listen(l, 1));
	enter(net.a);
	p.a = with_cc(stream(), cc);
	must(connect_to(p.a, ADDR_B, local_port(l)));
	p.b = must(accept4(l, NULL, NULL, SOCK_CLOEXEC));
	close(l);
	return p;
}

TEST_F_TIMEOUT(marks, bulk, 120)
{
	struct tcp_info info;
	int dropped, tries = 10;

	/*
	 * A processor that the host takes away for some ms has others overtake what it carries; that is
	 * sent again, is not ECT then (RFC 3168 §6.1.5), and may be dropped: so once more.
	 */
	do {
		struct pair p = pair_with(self->net, variant->cc);
		struct flow f = { .from = p.a, .to = p.b, .size = SIZE };
		long start = now_ms();

		dropped = told("dropped");
		ASSERT_TRUE(carry(&f, 1, 4 * BOUND));
		info = tcp_info(p.a);
		dropped = told("dropped") - dropped;
		TH_LOG("%ld ms (%d at full rate), %d marks, %d drops, %u sent again", now_ms() - start,
		       SIZE / (RATE_KBIT / 8), told("ecn_mark"), dropped, info.tcpi_total_retrans);
	} while (variant->ecn && dropped && --tries);
	EXPECT_EQ(variant->ecn, !!(info.tcpi_options & TCPI_OPT_ECN));
	if (!variant->ecn) {
		EXPECT_EQ(0, told("ecn_mark"));
		EXPECT_LT(0, told("dropped"));
		return;
	}
	EXPECT_LT(0, told("ecn_mark"));
	EXPECT_EQ(0, dropped);
}

TEST_HARNESS_MAIN
