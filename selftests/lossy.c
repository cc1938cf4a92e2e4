// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes in order over a wire that is not: a grid of loss, reordering,
 * duplication and damage, and many connections at once.
 */
#include "yoke_test.h"

FIXTURE(lossy) {
	struct net net;
};

FIXTURE_VARIANT(lossy) {
	const char *wire;
	size_t size;		/* bytes each way */
	bool alone;		/* each segment is a packet of its own */
	bool cut;		/* the wire loses large buffers whole, the device cuts what is left */
};

#define WIRE(name, how, bytes) \
	FIXTURE_VARIANT_ADD(lossy, name) { .wire = how, .size = bytes, .alone = true }
#define WIRE_OF_BURSTS(name, how, bytes) \
	FIXTURE_VARIANT_ADD(lossy, name) { .wire = how, .size = bytes }
#define WIRE_THAT_CUTS(name, how, bytes) \
	FIXTURE_VARIANT_ADD(lossy, name) { .wire = how, .size = bytes, .cut = true }

WIRE_OF_BURSTS(clean,	"delay 1ms", 500000);
WIRE_OF_BURSTS(bursts,	"delay 4ms reorder 75% loss 3% duplicate 10%", 200000);
WIRE(loss_1,		"delay 1ms loss 1%", 200000);
WIRE(loss_5,		"delay 1ms loss 5%", 60000);
WIRE(loss_10,		"delay 1ms loss 10%", 12000);
WIRE(reorder,		"delay 4ms reorder 75%", 200000);
WIRE(duplicate,		"delay 1ms duplicate 20%", 200000);
WIRE(corrupt,		"delay 1ms corrupt 10%", 60000);
WIRE(loss_reorder,	"delay 4ms reorder 75% loss 3%", 60000);
WIRE(loss_duplicate,	"delay 1ms loss 3% duplicate 20%", 60000);
WIRE(reorder_duplicate,	"delay 4ms reorder 75% duplicate 20%", 100000);
WIRE_THAT_CUTS(cut,	"delay 5ms 1ms loss 3%", 400000);
WIRE(everything,	"delay 4ms reorder 75% loss 3% duplicate 10% corrupt 5%", 16000);

/*
 * A damaged ARP packet teaches a wrong address that stays for half a minute, and who asks three times, as
 * for IPv6's neighbours, may have lost all three: they know each other.
 */
static bool meet(struct net net)
{
	bool ok;

	enter(net.b);
	ok = shell("ip link set veth address 02:00:00:00:00:0b") &&
	     shell("ip neigh replace %s lladdr 02:00:00:00:00:0a dev veth", ip_text(ADDR_A));
	enter(net.a);
	return ok && shell("ip link set veth address 02:00:00:00:00:0a") &&
	       shell("ip neigh replace %s lladdr 02:00:00:00:00:0b dev veth", ip_text(ADDR_B));
}

FIXTURE_SETUP(lossy)
{
	NEED_LINK(&self->net, _exit(255));
	must_hold(meet(self->net));
	/* Each segment a packet of its own, to be lost or late by itself. */
	if (variant->alone) {
		must_hold(shell("ip link set veth gso_max_segs 1"));
		enter(self->net.b);
		must_hold(shell("ip link set veth gso_max_segs 1"));
		enter(self->net.a);
	}
	if (variant->cut) {
		if (!shell("ethtool -K veth tso off gso off"))
			SKIP(_exit(255), "no ethtool");
		enter(self->net.b);
		must_hold(shell("ethtool -K veth tso off gso off"));
		enter(self->net.a);
	}
	if (!netem(self->net.a, variant->wire) || !netem(self->net.b, variant->wire))
		SKIP(_exit(255), "no netem (iproute2? sch_netem module?)");
}

FIXTURE_TEARDOWN(lossy)
{
}

/* Opened, used and closed in order on the bad wire, with nothing left behind. */
TEST_F_TIMEOUT(lossy, both_ways, 60)
{
	struct pair p = link_pair(self->net);

	EXPECT_TRUE(carry_both_ways(p, variant->size, 6 * BOUND));
	EXPECT_EQ(0, so_error(p.a));
	EXPECT_EQ(0, so_error(p.b));
	close(p.a);
	close(p.b);
	/* A FIN may be lost five times: one close in some thousand takes longer than BOUND, TCP's too. */
	EXPECT_TRUE(within(6 * BOUND, count(0, 0) == count(TCP_TIME_WAIT, 0)));
}

ON_A_LINK(crowd)

/* Forty connections share one wire and one listener, each with its own bytes. */
TEST_F_TIMEOUT(crowd, at_once, 60)
{
	enum { N = 40 };
	struct flow f[2 * N] = { 0 };
	int i, l;

	must_hold(meet(self->net));
	NEED_NETEM(self->net.a, "delay 2ms reorder 80% loss 1%");
	NEED_NETEM(self->net.b, "delay 2ms reorder 80% loss 1%");
	enter(self->net.b);
	l = listener(ADDR_B, 5000, N);
	enter(self->net.a);
	for (i = 0; i < N; i++) {
		int fd = stream();

		set_nonblock(fd, true);
		must_hold(!connect_to(fd, ADDR_B, 5000) || errno == EINPROGRESS);
		f[2 * i].from = f[2 * i + 1].to = fd;
		f[2 * i].size = f[2 * i + 1].size = 8000;
	}
	/* They arrive in any order, so each end is told apart by its port. */
	for (i = 0; i < N; i++) {
		int fd, port, j;

		ASSERT_TRUE(wait_events(l, POLLIN));
		fd = must(accept(l, NULL, NULL));
		port = peer(fd).sin_port;
		for (j = 0; j < N && local(f[2 * j].from).sin_port != port; j++)
			;
		ASSERT_GT(N, j);
		f[2 * j].to = f[2 * j + 1].from = fd;
	}
	EXPECT_TRUE(carry(f, 2 * N, 6 * BOUND));
}

/* A wire that is cut and mended: what was sent meanwhile arrives in the end. */
TEST_F(crowd, after_a_silence)
{
	struct pair p = link_pair(self->net);
	struct flow f = { .from = p.a, .to = p.b, .size = 20000 };

	NEED_NETEM(self->net.a, "loss 100%");
	ASSERT_TRUE(flow_send(&f, 1));
	EXPECT_EQ(0, events(p.b, POLLIN));
	EXPECT_EQ(20000, outq(p.a) - (state(p.a) == TCP_FIN_WAIT1));
	ASSERT_TRUE(netem(self->net.a, NULL));
	EXPECT_TRUE(carry(&f, 1, BOUND));
}

TEST_HARNESS_MAIN
