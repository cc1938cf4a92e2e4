// SPDX-License-Identifier: GPL-2.0
/*
 * When data leaves: at SO_MAX_PACING_RATE or at the algorithm's rate, by a timer or by fq; how much
 * of it waits in this host's queues meanwhile; and in how large pieces it does.
 */
#include "peer.h"
#include <linux/inet_diag.h>
#include <linux/net_tstamp.h>

#define RATE (1 << 20)			/* bytes a second */

static void set_rate(int fd, unsigned int rate)
{
	must(setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)));
}

static int set_cc(int fd, const char *name)
{
	return setsockopt(fd, SOL_TCP, TCP_CONGESTION, name, strlen(name));
}

/* How long it takes to carry so much from a to b, in ms; 0 if it failed. */
static long carried(struct pair p, size_t size)
{
	struct flow f = { .from = p.a, .to = p.b, .size = size };
	long start = now_ms();

	return carry(&f, 1, 7 * BOUND) ? now_ms() - start + 1 : 0;
}

/* A number that `tc -s qdisc show dev veth` says of the qdisc: "backlog", "throttled" … */
static long tc_number(const char *name)
{
	char line[512], key[64];
	FILE *f = popen("tc -s qdisc show dev veth 2>/dev/null", "r");
	long value = -1;

	snprintf(key, sizeof(key), "%s ", name);
	while (f && fgets(line, sizeof(line), f)) {
		char *at = strstr(line, key), unit = 0;

		if (!at)
			continue;
		if (sscanf(at + strlen(key), "%ld%c", &value, &unit) == 2 && unit == 'K')
			value *= 1024;
	}
	if (f)
		pclose(f);
	return value;
}

ON_A_LINK(pace);

TEST_F(pace, by_a_timer)
{
	struct pair p;
	long ms;

	/* A second, less what goes first; a busy guest may take longer. */
	promptly(5000, p = link_pair(self->net),
		set_rate(p.a, RATE);
		ms = carried(p, RATE);
		EXPECT_GT(ms, 800);
	);
	EXPECT_LT(ms, 5000);
	EXPECT_EQ(RATE, info_u64(p.a, MAX_PACING_RATE));
	EXPECT_LE(info_u64(p.a, PACING_RATE), (uint64_t)RATE);
}

TEST_F(pace, by_fq)
{
	struct pair p;
	long ms;

	if (!shell("tc qdisc add dev veth root fq"))
		SKIP(return, "no fq");
	promptly(5000, p = link_pair(self->net),
		set_rate(p.a, RATE);
		ms = carried(p, RATE);
		EXPECT_GT(ms, 800);
	);
	EXPECT_LT(ms, 5000);
	EXPECT_GT(tc_number("throttled"), 10);	/* it was fq that waited */
}

/* A rate at which each ACK would take an eighth of a second. */
TEST_F(pace, not_of_acks)
{
	struct pair p, back;
	long ms;

	enter(self->net.a);
	if (!shell("tc qdisc add dev veth root fq"))
		SKIP(return, "no fq");
	promptly(3000, p = link_pair(self->net),
		set_rate(p.a, 512);
		back.a = p.b;
		back.b = p.a;
		ms = carried(back, 4 * RATE);
		EXPECT_GT(ms, 0);
	);
	EXPECT_LT(ms, 3000 * slowness());
}

/* A rate at which a segment takes longer than a retransmission timeout. */
TEST_F(pace, slower_than_the_timers)
{
	struct pair p = link_pair(self->net);
	char buf[32768] = "";
	int tries = 5, sent_again;
	long ms;

	must(send(p.a, buf, sizeof(buf), 0));	/* more than goes unpaced */
	ASSERT_EQ((ssize_t)sizeof(buf), recv(p.b, buf, sizeof(buf), MSG_WAITALL));
	set_rate(p.a, 4096);
	/* Where the machine stands still a timeout may overtake a delayed ACK. */
	do {
		sent_again = tcp_info(p.a).tcpi_total_retrans;
		ms = now_ms();
		must(send(p.a, buf, 8192, 0));
		ASSERT_EQ(8192, recv(p.b, buf, 8192, MSG_WAITALL));
		must(send(p.a, buf, 100, 0));	/* when that has taken its two seconds, or half of it */
		ASSERT_EQ(100, recv(p.b, buf, 100, MSG_WAITALL));
		ms = now_ms() - ms;
		EXPECT_GT(ms, 900);
		sent_again = tcp_info(p.a).tcpi_total_retrans - sent_again;
	} while ((sent_again || ms >= 8000) && --tries);
	EXPECT_LT(ms, 8000);
	EXPECT_EQ(0, sent_again);
}

TEST_F(pace, closing_does_not_wait_for_it)
{
	struct pair p = link_pair(self->net);
	char buf[65536] = "";

	set_rate(p.a, 1 << 16);
	must(send(p.a, buf, sizeof(buf), 0));
	close(p.a);				/* the rest follows, and then the end */
	EXPECT_EQ((ssize_t)sizeof(buf), recv(p.b, buf, sizeof(buf), MSG_WAITALL));
	EXPECT_EQ(0, recv(p.b, buf, 1, 0));
	close(p.b);

	p = link_pair(self->net);
	set_rate(p.a, 1 << 12);
	must(send(p.a, buf, sizeof(buf), 0));
	close_hard(p.a);
	must_hold(wait_events(p.b, POLLRDHUP));
	EXPECT_EQ(ECONNRESET, so_error(p.b));
}

/* BBR asks for it by itself, and tells what it knows. */
TEST_F(pace, bbr)
{
	struct pair p = link_pair(self->net);
	union tcp_cc_info info = { 0 };
	socklen_t len = sizeof(info);
	int tries = 5;

	if (set_cc(p.a, "bbr"))
		SKIP(return, "no bbr");
	NEED_NETEM(self->net.b, "delay 20ms");
	EXPECT_GT(carried(p, 1 << 20), 0);
	/* The last sample tells of a machine that stood still meanwhile. */
	while (info_u64(p.a, DELIVERY_RATE) <= 100000 && --tries) {
		p = link_pair(self->net);
		must(set_cc(p.a, "bbr"));
		EXPECT_GT(carried(p, 1 << 20), 0);
	}
	must(getsockopt(p.a, SOL_TCP, TCP_CC_INFO, &info, &len));
	EXPECT_EQ(sizeof(info.bbr), len);
	EXPECT_GT(info.bbr.bbr_bw_lo, 100000);
	/* Of which the cable has no part, and the handshake did not know of. */
	EXPECT_LT(info.bbr.bbr_min_rtt, 100000);
	EXPECT_GE(info.bbr.bbr_pacing_gain, 80);
	EXPECT_GT(info_u64(p.a, PACING_RATE), 100000);
	EXPECT_LT(info_u64(p.a, PACING_RATE), ~0ull);
	EXPECT_GT(info_u64(p.a, DELIVERY_RATE), 100000);
	EXPECT_LT(info_u64(p.a, DELIVERY_RATE), 1ull << 32);
}

TEST_F(pace, bbr_through_loss_and_fq)
{
	struct pair p;

	if (!shell("tc qdisc add dev veth root fq"))
		SKIP(return, "no fq");
	NEED_NETEM(self->net.b, "delay 10ms");
	p = link_pair(self->net);
	if (set_cc(p.a, "bbr") || set_cc(p.b, "bbr"))
		SKIP(return, "no bbr");
	EXPECT_TRUE(carry_both_ways(p, 1 << 20, 7 * BOUND));
	EXPECT_TRUE(shell("tc qdisc del dev veth root"));
	NEED_NETEM(self->net.a, "delay 10ms loss 2%");
	p = link_pair(self->net);
	set_cc(p.a, "bbr");
	set_cc(p.b, "bbr");
	EXPECT_TRUE(carry_both_ways(p, 1 << 20, 7 * BOUND));
}

/* TCP_NOTSENT_LOWAT: what the pace lets go makes room, long before anybody acknowledges it. */
TEST_F(pace, what_left_makes_room)
{
	static char buf[60000];
	struct pair p;
	int sent = 0;
	ssize_t n;

	NEED_NETEM(self->net.b, "delay 1s");
	must_hold(shell("ip link set veth gso_max_segs 8"));	/* what is taken beyond the mark is little */
	p = link_pair(self->net);
	/* It waits for no window, nor for a timeout. */
	must(send(p.a, buf, sizeof(buf), 0));
	must(recv(p.b, buf, sizeof(buf), MSG_WAITALL));
	ASSERT_TRUE(until(outq(p.a) == 0));
	set_rate(p.a, 1 << 17);
	must(set_opt(p.a, SOL_TCP, TCP_NOTSENT_LOWAT, 1));
	while ((n = send(p.a, buf, 8000, MSG_DONTWAIT)) > 0)
		sent += n;
	ASSERT_EQ(EAGAIN, errno);
	EXPECT_EQ(POLLOUT, wait_events(p.a, POLLOUT));
	EXPECT_EQ(sent, outq(p.a));
}

/* What is written little by little, and never waits, takes a long path as it takes a short one. */
TEST_F(pace, small_writes_on_a_long_path)
{
	static char buf[1 << 16];
	const int all = 1000000;
	int got = 0, took;
	struct pair p;
	long start;

	NEED_NETEM(self->net.b, "delay 100ms");
	p = link_pair(self->net);
	must(set_opt(p.a, SOL_TCP, TCP_NODELAY, 1));
	start = now_ms();
	while (got < all && now_ms() - start < 30000) {
		while (send(p.a, buf, 100, MSG_DONTWAIT) > 0)
			;
		took = recv(p.b, buf, sizeof(buf), MSG_DONTWAIT);
		if (took > 0)
			got += took;
		else
			usleep(1000);
	}
	EXPECT_LE(all, got);
	/* Some ten round trips, and not one for each fifty of them. */
	EXPECT_LT(now_ms() - start, 8000 * slowness());
}

/* Two megabytes, written at once, go by a slow link with a long queue: the most that stood in it; -1: no tbf. */
static long most_queued(struct __test_metadata *_metadata, struct net net)
{
	static char buf[2 << 20];
	struct pair p = link_pair(net);
	long backlog, most = 0;
	pid_t reader;
	int status;

	if (!shell("tc qdisc add dev veth root tbf rate 8mbit burst 5k limit 10m"))
		return -1;
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUFFORCE, 4 << 20));
	/* While tc tells, somebody reads on, or a window that closes empties the queue. */
	reader = background(recv(p.b, buf, sizeof(buf), MSG_WAITALL) == (ssize_t)sizeof(buf) ? 0 : -1);
	EXPECT_EQ((ssize_t)sizeof(buf), send(p.a, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_TRUE(until((backlog = tc_number("backlog"), most = backlog > most ? backlog : most,
			   waitpid(reader, &status, WNOHANG) == reader)));
	EXPECT_EQ(0, status);
	EXPECT_GT(most, 0);
	TH_LOG("at most %ld bytes in the queue", most);
	return most;
}

/* This socket's part of a queue is bounded, and all arrives. */
TEST_F(pace, small_queues)
{
	long most;

	ASSERT_TRUE(sysctl_own("limit_output_bytes", "65536"));
	most = most_queued(_metadata, self->net);
	if (most < 0)
		SKIP(return, "no tbf");
	/* By truesize: one buffer of 64 KiB may cross the limit, or two if the limit is less. */
	EXPECT_LT(most, 4 * 65536);
}

/* On a long path pieces are small: it is two of these, whatever was written at once. */
TEST_F(pace, small_queues_of_a_long_path)
{
	long most;

	NEED_NETEM(self->net.b, "delay 20ms");
	most = most_queued(_metadata, self->net);
	if (most < 0)
		SKIP(return, "no tbf");
	EXPECT_LT(most, 16384);		/* TCP: 6144 */
}

/* While something is in the queues below, what is written little by little gathers, TCP_NODELAY or not. */
TEST_F(pace, small_writes_gather)
{
	static char buf[1 << 18];
	struct pair p;
	int i, sent;

	p = link_pair(self->net);
	must(set_opt(p.a, SOL_TCP, TCP_NODELAY, 1));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUFFORCE, 4 * sizeof(buf)));
	for (i = 0; i < 8; i++) {	/* so that cwnd is out of the way */
		ASSERT_EQ((ssize_t)sizeof(buf), send(p.a, buf, sizeof(buf), MSG_DONTWAIT));
		ASSERT_EQ((ssize_t)sizeof(buf), recv(p.b, buf, sizeof(buf), MSG_WAITALL));
	}
	if (!shell("tc qdisc add dev veth root tbf rate 1mbit burst 5k limit 10m"))
		SKIP(return, "no tbf");
	must(send(p.a, buf, 15000, MSG_DONTWAIT));
	sent = segments_out(p.a);
	for (i = 0; i < 100; i++)
		must(send(p.a, buf, 10, MSG_DONTWAIT));
	EXPECT_GT(10, segments_out(p.a) - sent);
	EXPECT_EQ(16000, recv(p.b, buf, 16000, MSG_WAITALL));
}

/* What is in the queue when its socket and its namespace go. */
TEST_F(pace, what_is_left_in_a_queue)
{
	struct pair p;
	char buf[65536] = "";
	int i;

	if (!shell("tc qdisc add dev veth root pfifo"))
		SKIP(return, "no pfifo");
	for (i = 0; i < 3; i++) {
		p = link_pair(self->net);
		if (!shell("tc qdisc replace dev veth root tbf rate 1kbit burst 2k limit 10m"))
			SKIP(return, "no tbf");
		must(send(p.a, buf, sizeof(buf), MSG_DONTWAIT));
		if (i == 0)
			close_hard(p.a);
		else
			close(p.a);
		close_hard(p.b);
		if (i < 2)
			ASSERT_TRUE(shell("tc qdisc replace dev veth root pfifo"));
	}
	close(self->net.a);
	new_net();
	ASSERT_TRUE(until(table(SOCK_STREAM, NULL, 0) == 0));
}

/* How many of how many small ACKs draw something. */
static void small_acks(struct __test_metadata *_metadata, int wire, int door, int port, int *acks,
		       int *answered)
{
	enum { MSS = 1460, STEP = 2 * MSS, NARROW = 20 * MSS, WIDE = 400 * MSS };
	static char data[WIDE];
	struct them t = meet(wire, port, MSS, 65535, 7);
	int fd = must(accept(door, NULL, NULL)), i;
	uint32_t end;

	must(set_cc(fd, "reno"));	/* no HyStart */
	must(set_opt(fd, SOL_SOCKET, SO_SNDBUFFORCE, 4 << 20));
	for (i = 0, end = t.rcv; i < 3; i++) {
		end += WIDE;
		must(send(fd, data, WIDE, MSG_DONTWAIT));
		ASSERT_TRUE(until(hear_out(&t, end)));
	}
	t.window = (NARROW + 127) >> 7;	/* who acknowledges something new may say so */
	end++;
	must(send(fd, data, 1, 0));
	ASSERT_TRUE(until(hear_out(&t, end)));
	must(send(fd, data, WIDE, MSG_DONTWAIT));
	within(100, (hear(&t), t.last - end > NARROW - MSS));
	*acks = *answered = 0;
	for (t.rcv = end, end += WIDE; t.last != end; ++*acks) {
		t.rcv += STEP;
		/* A window that a timeout has shut takes less. */
		if (!within(100, (hear(&t), (int32_t)(t.last - t.rcv) >= 0)))
			t.rcv = t.last;
		acknowledge(&t, NULL, 0);
		*answered += hear(&t);
	}
	TH_LOG("%d of %d ACKs drew something", *answered, *acks);
	reset(&t);
	close(fd);
}

/*
 * A buffer costs the host about the same however much is in it: on a path that is fast, what a small
 * ACK makes room for waits for the next ones, up to a third of the window. The path is fast as long as
 * cwnd is what many segments made it, and round trips are those of few; of a machine that stands still
 * amid one neither is left, so that another connection may try.
 */
TEST(room_gathers)
{
	int door, wire, acks, answered, tries = 0;

	new_net();
	wire = stretch_a_wire(OURS);
	door = listener(ANY, PORT, 1);
	do {
		small_acks(_metadata, wire, door, 5000 + tries, &acks, &answered);
	} while (4 * answered >= 3 * acks && ++tries < 5);
	/* A third, where TCP on a busy host has two. */
	EXPECT_LT(4 * answered, 3 * acks);
}

/* TCP_TX_DELAY: all that it sends leaves so much later, and the round trip is longer by it. */
TEST_F(pace, tx_delay)
{
	struct pair p;
	char c = 0;
	long start, took;

	enter(self->net.a);
	if (!shell("tc qdisc add dev veth root fq"))
		SKIP(return, "no fq");
	p = link_pair(self->net);
	EXPECT_EQ(0, get_opt(p.a, SOL_TCP, TCP_TX_DELAY));
	EXPECT_OK(set_opt(p.a, SOL_TCP, TCP_TX_DELAY, 300000));
	EXPECT_EQ(300000, get_opt(p.a, SOL_TCP, TCP_TX_DELAY));
	start = now_ms();
	EXPECT_EQ(1, send(p.a, "x", 1, 0));
	EXPECT_EQ(1, recv(p.b, &c, 1, 0));
	EXPECT_GE(now_ms() - start, 300);
	promptly(250, start = now_ms(),
		EXPECT_EQ(1, send(p.b, "y", 1, 0));
		EXPECT_EQ(1, recv(p.a, &c, 1, 0));
		took = now_ms() - start;
	);
	EXPECT_LE(took, 250);
	EXPECT_EQ(1, send(p.a, "x", 1, 0));
	EXPECT_EQ(1, recv(p.b, &c, 1, 0));
	EXPECT_TRUE(until(outq(p.a) == 0));
	EXPECT_GE(tcp_info(p.a).tcpi_rtt, 30000);
	/* What waits for that is no queue that is too long: some ten rounds, and not twenty-three. */
	took = carried(p, 3000000);
	EXPECT_GT(took, 0);
	EXPECT_LT(took, 6000 * slowness());
}

/* SCM_TXTIME: fq keeps the datagram until then. */
TEST_F(pace, a_time_to_leave)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(uint64_t))]; } control = {
		.head = { CMSG_LEN(sizeof(uint64_t)), SOL_SOCKET, SCM_TXTIME }
	};
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct sock_txtime clock = { .clockid = CLOCK_MONOTONIC };
	int in, out = dgram();
	long start;
	uint64_t at;
	char c;

	if (!shell("tc qdisc add dev veth root fq"))
		SKIP(return, "no fq");
	enter(self->net.b);
	in = bound(SOCK_DGRAM, ADDR_B, 4000);
	enter(self->net.a);
	must(connect_to(out, ADDR_B, 4000));
	must(setsockopt(out, SOL_SOCKET, SO_TXTIME, &clock, sizeof(clock)));
	start = now_ms();
	at = (start + 300) * 1000000ull;
	memcpy(CMSG_DATA(&control.head), &at, sizeof(at));
	EXPECT_EQ(1, sendmsg(out, &msg, 0));
	EXPECT_EQ(1, recv(in, &c, 1, 0));
	EXPECT_GE(now_ms() - start, 300);
}

TEST_HARNESS_MAIN
