// SPDX-License-Identifier: GPL-2.0
/*
 * The machine changes under those who talk: processors go and come, the clock jumps, devices, routes
 * and addresses vanish and are made again. Who holds a socket is told what TCP tells, and each byte
 * that goes in comes out.
 */
#include "yoke_test.h"
#include <sys/mman.h>

/* ---- a talk that lasts ---------------------------------------------------- */

/* A stream both ways, without an end as yet, and datagrams. */
struct talk {
	struct pair stream, dgram;
	struct flow flow[2];
	uint64_t datagrams;
};

static struct talk talk(struct pair stream, struct pair dgram)
{
	/* What waits to be sent fits where it is received, so that no window closes for long. */
	must(set_opt(stream.a, SOL_SOCKET, SO_SNDBUF, 50000));
	must(set_opt(stream.b, SOL_SOCKET, SO_SNDBUF, 50000));
	return (struct talk){
		.stream = stream, .dgram = dgram,
		.flow = { { .from = stream.a, .to = stream.b, .size = SIZE_MAX },
			  { .from = stream.b, .to = stream.a, .size = SIZE_MAX } },
	};
}

static struct talk talk_over(struct net net)
{
	struct pair stream = link_pair(net), dgram;

	dgram.a = bound(SOCK_DGRAM, ADDR_A, 0);
	enter(net.b);
	dgram.b = bound(SOCK_DGRAM, ADDR_B, 0);
	must(connect_to(dgram.b, ADDR_A, local_port(dgram.a)));
	enter(net.a);
	must(connect_to(dgram.a, ADDR_B, local_port(dgram.b)));
	return talk(stream, dgram);
}

/* What goes now, and fills the buffers; false on an error. */
static bool streams_move(struct talk *t)
{
	return flow_send(&t->flow[0], 1) && flow_recv(&t->flow[0]) &&
	       flow_send(&t->flow[1], 2) && flow_recv(&t->flow[1]);
}

static bool datagram_crosses(int from, int to, uint64_t number)
{
	char out[1000], in[1001];

	while (recv(to, in, sizeof(in), MSG_DONTWAIT) >= 0)
		;	/* late ones */
	fill(out, sizeof(out), 3, number * sizeof(out));
	return send(from, out, sizeof(out), 0) == sizeof(out) &&
	       poll(&(struct pollfd){ to, POLLIN, 0 }, 1, 100) == 1 &&
	       recv(to, in, sizeof(in), MSG_DONTWAIT) == sizeof(out) && !memcmp(in, out, sizeof(out));
}

/* Both streams bring some more, and a datagram crosses each way. */
static bool goes_on(struct talk *t)
{
	size_t enough[] = { t->flow[0].got + 100000, t->flow[1].got + 100000 };
	bool well = true;

	return until(!(well = streams_move(t)) ||
		     (t->flow[0].got >= enough[0] && t->flow[1].got >= enough[1])) && well &&
	       until(datagram_crosses(t->dgram.a, t->dgram.b, t->datagrams++)) &&
	       until(datagram_crosses(t->dgram.b, t->dgram.a, t->datagrams++));
}

/* It ends, and all that was sent arrived, and nothing else. */
static bool ends_well(struct talk *t)
{
	t->flow[0].size = t->flow[0].sent;
	t->flow[1].size = t->flow[1].sent;
	return carry(t->flow, 2, BOUND) && !so_error(t->stream.a) && !so_error(t->stream.b);
}

/* ---- the network changes -------------------------------------------------- */

/*
 * Commands in namespace a, for the shell: $A and $B are the ends' addresses, $LEN their prefixes'
 * length, $SPARE another in the same network, $HERE and $THERE the ends' in a second one, $B_NET is b's
 * namespace, and $AT_B begins a command in that.
 */
FIXTURE(change) { struct net net; };

FIXTURE_VARIANT(change) {
	const char *begins, *ends;
	bool silent;		/* nothing goes until it ends */
	int err, err6;		/* of a datagram sent meanwhile */
};

#define CHANGE(name, ...)	FIXTURE_VARIANT_ADD(change, name) { __VA_ARGS__ }

CHANGE(lower_mtu,
       .begins = "ip link set veth mtu 1280; $AT_B ip link set veth mtu 1280",
       .ends = "ip link set veth mtu 1500; $AT_B ip link set veth mtu 1500");
CHANGE(higher_mtu,
       .begins = "ip link set veth mtu 9000; $AT_B ip link set veth mtu 9000",
       .ends = "ip link set veth mtu 1500; $AT_B ip link set veth mtu 1500");
CHANGE(other_device,		/* and it goes, with the route */
       .begins = "ip link add other type veth peer name other netns $B_NET &&"
		 "ip addr add $HERE/$LEN dev other && ip link set other up &&"
		 "$AT_B ip addr add $THERE/$LEN dev other && $AT_B ip link set other up &&"
		 "ip route add $B via $THERE dev other",
       .ends = "ip link del other");
CHANGE(other_source,
       .begins = "ip addr add $SPARE/$LEN dev veth && ip route add $B dev veth src $SPARE",
       .ends = "ip route del $B && ip addr del $SPARE/$LEN dev veth");
CHANGE(blackhole, .silent = true, .err = EINVAL, .err6 = EINVAL,
       .begins = "ip route add blackhole $B", .ends = "ip route del blackhole $B");
CHANGE(unreachable, .silent = true, .err = EHOSTUNREACH, .err6 = EHOSTUNREACH,
       .begins = "ip route add unreachable $B", .ends = "ip route del unreachable $B");
CHANGE(prohibit, .silent = true, .err = EACCES, .err6 = EACCES,
       .begins = "ip route add prohibit $B", .ends = "ip route del prohibit $B");
CHANGE(no_address, .silent = true, .err = ENETUNREACH, .err6 = ENETUNREACH,
       .begins = "ip addr del $A/$LEN dev veth", .ends = "ip addr add $A/$LEN dev veth");
CHANGE(no_address_there, .silent = true,
       .begins = "$AT_B ip addr del $B/$LEN dev veth", .ends = "$AT_B ip addr add $B/$LEN dev veth");
CHANGE(link_down, .silent = true, .err = ENETUNREACH, .err6 = ENETUNREACH,
       .begins = "ip link set veth down",
       .ends = "ip link set veth up && ip addr replace $A/$LEN dev veth");
CHANGE(link_down_there, .silent = true,
       .begins = "$AT_B ip link set veth down",
       .ends = "$AT_B ip link set veth up && $AT_B ip addr replace $B/$LEN dev veth");
CHANGE(no_device, .silent = true, .err = ENETUNREACH, .err6 = ENETUNREACH,
       .begins = "ip link del veth",
       .ends = "ip link add veth type veth peer name veth netns $B_NET &&"
	       "ip addr add $A/$LEN dev veth && ip link set veth up &&"
	       "$AT_B ip addr add $B/$LEN dev veth && $AT_B ip link set veth up");

FIXTURE_SETUP(change)
{
	char net[64], at[96];

	NEED_LINK(&self->net, _exit(255));
	snprintf(net, sizeof(net), "/proc/%d/fd/%d", getpid(), self->net.b);
	snprintf(at, sizeof(at), "nsenter --net=%s", net);
	setenv("B_NET", net, 1);
	setenv("AT_B", at, 1);
	setenv("A", ip_text(ADDR_A), 1);
	setenv("B", ip_text(ADDR_B), 1);
	setenv("SPARE", ip_text("10.0.0.3"), 1);
	setenv("HERE", ip_text("10.0.1.1"), 1);
	setenv("THERE", ip_text("10.0.1.2"), 1);
	setenv("LEN", ipv6() ? "120" : "24", 1);
}

FIXTURE_TEARDOWN(change) { }

TEST_F_TIMEOUT(change, amid_a_talk, 90)
{
	int err = ipv6() ? variant->err6 : variant->err, mss, i;
	struct talk t = talk_over(self->net);
	struct tcp_info now;

	ASSERT_TRUE(goes_on(&t));
	mss = tcp_info(t.stream.a).tcpi_snd_mss;
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(shell("%s", variant->begins));
		if (variant->silent) {
			EXPECT_ERR(err, send(t.dgram.a, "x", 1, 0));
			EXPECT_TRUE(until(streams_move(&t) && (now = tcp_info(t.stream.a),
					  now.tcpi_retransmits + now.tcpi_probes > 0)));
			EXPECT_EQ(0, events(t.stream.a, 0) | events(t.stream.b, 0));
		} else {
			ASSERT_TRUE(goes_on(&t));
		}
		ASSERT_TRUE(shell("%s", variant->ends));
		ASSERT_TRUE(goes_on(&t));
		EXPECT_EQ(mss, tcp_info(t.stream.a).tcpi_snd_mss);
	}
	EXPECT_TRUE(ends_well(&t));
}

/* ---- a device goes -------------------------------------------------------- */

ON_A_LINK(device)

/* With packets in its queues, and all that may know it: it waits for none of them. */
TEST_F(device, goes_while_in_use)
{
	int late, full, bound_to_it = dgram(), member = bound(SOCK_DGRAM, ANY, 0), i;
	struct talk t = talk_over(self->net), gone = talk_over(self->net);
	struct group_req group = { .gr_interface = if_nametoindex("veth") };
	struct sockaddr_in to = addr("224.0.0.9", 0);
	struct sockaddr_in6 six;
	socklen_t len = sizeof(to);
	long moved;

	memcpy(&group.gr_group, into((struct sockaddr *)&to, &len, &six), len);
	must(setsockopt(member, ipv6() ? SOL_IPV6 : SOL_IP, MCAST_JOIN_GROUP, &group, sizeof(group)));
	on_device(bound_to_it, "veth");
	must(connect_to(bound_to_it, ADDR_B, local_port(t.dgram.b)));
	must(send(bound_to_it, "x", 1, 0));
	ASSERT_TRUE(goes_on(&t));
	ASSERT_TRUE(goes_on(&gone));
	EXPECT_TRUE(ends_well(&gone));
	close(gone.stream.a);		/* a TIME-WAIT */
	close(gone.stream.b);
	enter(self->net.b);
	full = listener(ADDR_B, 0, 0);
	enter(self->net.a);
	connected_to(ADDR_B, local_port(full));
	NEED_NETEM(self->net.a, "delay 100s");	/* nothing of it comes out before the device goes */
	NEED_NETEM(self->net.b, "delay 100s");
	late = stream();		/* SYN-SENT, and on the way */
	set_nonblock(late, true);
	EXPECT_ERR(EINPROGRESS, connect_to(late, ADDR_B, local_port(full)));
	moved = now_ms();
	ASSERT_TRUE(streams_move(&t));
	for (i = 0; i < 10; i++)
		must(send(t.dgram.a, "x", 1, 0));
	/* Time for the device to go, and for a retransmission to find that it has. */
	must(set_opt(t.stream.a, IPPROTO_TCP, TCP_USER_TIMEOUT, 4000 * slowness()));

	EXPECT_EQ(0, finish(background(shell("ip link del veth") ? 0 : -1)));
	moved = now_ms() - moved;

	EXPECT_ERR(ENETUNREACH, send(t.dgram.a, "x", 1, 0));
	EXPECT_ERR(ENETUNREACH, send(bound_to_it, "x", 1, 0));
	EXPECT_ERR(ENETUNREACH, connect_to(stream(), ADDR_B, 4000));
	EXPECT_ERR(EADDRNOTAVAIL, bind_to(stream(), ADDR_A, 0));
	i = error_of(t.stream.a);
	/* If the device takes its time, none may be due before the limit is. */
	EXPECT_TRUE(i == ENETUNREACH || (i == ETIMEDOUT && moved > 1000 * slowness()));
	EXPECT_TRUE(until(so_error(late) == ENETUNREACH));
}

/* ---- processors go -------------------------------------------------------- */

#define PROCESSOR "/sys/devices/system/cpu/cpu1/online"
#define CHILDREN 4

/* On this processor, if it is there. */
static void go_to(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* Streams there are, and the pages they are charged; TCP's pages are those of all namespaces. */
static long stream_memory(int *sockets)
{
	const char *want = oracle() ? ipv6() ? "TCPv6" : "TCP" : "YOKE";
	FILE *f = fopen("/proc/net/protocols", "r");
	char line[256], name[32];
	long pages = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %*d %d %ld", name, sockets, &pages) == 3 && !strcmp(name, want))
			break;
	if (f)
		fclose(f);
	return pages;
}

FIXTURE(processor) { struct net net; };

FIXTURE_SETUP(processor)
{
	if (!write_file(PROCESSOR, "1"))
		SKIP(_exit(255), "no second processor that can go (CONFIG_HOTPLUG_CPU?)");
	NEED_LINK(&self->net, _exit(255));
}

FIXTURE_TEARDOWN(processor)
{
	write_file(PROCESSOR, "1");
}

struct shared {
	int rounds;
	bool over;
};

/* Now on the one, now on the other, a talk that lasts, and short ones. */
static int talk_here_and_there(struct shared *s, int child, struct net net)
{
	struct talk t = child & 1 ? talk(stream_pair(), dgram_pair()) : talk_over(net);
	struct pair p;

	if (child & 2)
		must(set_opt(t.stream.a, SOL_SOCKET, SO_MAX_PACING_RATE, 4 << 20));
	for (int i = child; !__atomic_load_n(&s->over, __ATOMIC_SEQ_CST); i++) {
		go_to(i & 1);
		p = stream_pair();
		if (!goes_on(&t) || !carry_both_ways(p, 10000, BOUND))
			return errno = EPROTO, -1;
		close(p.a);
		close(p.b);
		__atomic_add_fetch(&s->rounds, 1, __ATOMIC_SEQ_CST);
	}
	return ends_well(&t) ? 0 : (errno = EPROTO, -1);
}

/*
 * The second one goes and comes, under all kinds of work: all that it held has an heir, and nothing waits
 * for it to come back; what it counted stays counted.
 */
TEST_F_TIMEOUT(processor, goes_and_comes, 90)
{
	struct shared *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i, sockets, seen;
	pid_t pids[CHILDREN];
	long before = stream_memory(&sockets), sent;

	EXPECT_EQ(0, sockets);
	for (i = 0; i < CHILDREN; i++)
		pids[i] = background(talk_here_and_there(s, i, self->net));
	for (i = 0; i < 11; i++) {
		seen = __atomic_load_n(&s->rounds, __ATOMIC_SEQ_CST);
		ASSERT_TRUE(until(__atomic_load_n(&s->rounds, __ATOMIC_SEQ_CST) > seen + CHILDREN / 2));
		ASSERT_TRUE(write_file(PROCESSOR, i & 1 ? "1" : "0"));
	}
	__atomic_store_n(&s->over, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < CHILDREN; i++)
		EXPECT_EQ(0, finish(pids[i]));
	EXPECT_LT(CHILDREN, count(TCP_TIME_WAIT, 0));
	EXPECT_TRUE(until(count(0, 0) == count(TCP_TIME_WAIT, 0)));
	/* The core keeps up to 256 pages in hand on each processor. */
	EXPECT_TRUE(until(stream_memory(&sockets) <= before + 2 * 256 && sockets == 0));
	sent = counter("OutSegs");
	ASSERT_TRUE(write_file(PROCESSOR, "1"));
	EXPECT_EQ(sent, counter("OutSegs"));
}

/* A retransmission, paced data and the end of FIN-WAIT-2 are due there when it goes. */
TEST_F(processor, leaves_its_timers_behind)
{
	struct pair lost = link_pair(self->net), paced = link_pair(self->net), half = link_pair(self->net);
	struct flow f[] = { { .from = lost.a, .to = lost.b, .size = 10000 },
			    { .from = paced.a, .to = paced.b, .size = 60000 } };
	int half_port;

	go_to(1);
	must(set_opt(paced.a, SOL_SOCKET, SO_MAX_PACING_RATE, 100000));
	must(set_opt(half.a, IPPROTO_TCP, TCP_LINGER2, 1));
	half_port = local_port(half.a);
	must(shutdown(half.a, SHUT_WR));
	ASSERT_TRUE(until(state(half.a) == TCP_FIN_WAIT2));
	close(half.a);
	NEED_NETEM(self->net.a, "loss 100%");
	ASSERT_TRUE(flow_send(&f[0], 1) && flow_send(&f[1], 2));
	ASSERT_TRUE(write_file(PROCESSOR, "0"));
	ASSERT_TRUE(netem(self->net.a, NULL));
	EXPECT_TRUE(carry(f, 2, BOUND));
	EXPECT_TRUE(until(count(TCP_FIN_WAIT2, half_port) == 0));
}

/* ---- the clock jumps ------------------------------------------------------ */

#define DAY 86400L

FIXTURE(clock) {
	struct net net;
	long true_s;		/* what the clock says beyond the monotonic one */
};

static long seconds(clockid_t id)
{
	struct timespec ts;

	must(clock_gettime(id, &ts));
	return ts.tv_sec;
}

static bool set_clock(long ahead)
{
	struct timespec ts;

	must(clock_gettime(CLOCK_MONOTONIC, &ts));
	ts.tv_sec += ahead;
	return clock_settime(CLOCK_REALTIME, &ts) == 0;
}

FIXTURE_SETUP(clock)
{
	self->true_s = seconds(CLOCK_REALTIME) - seconds(CLOCK_MONOTONIC);
	if (!set_clock(self->true_s))
		SKIP(_exit(255), "the clock cannot be set");
	NEED_LINK(&self->net, _exit(255));
}

FIXTURE_TEARDOWN(clock)
{
	set_clock(self->true_s);
}

static const long jumps[] = { DAY, -DAY, 10 * 365 * DAY, -2 * 365 * DAY };

/* What runs by the monotonic clock does not care. */
TEST_F_TIMEOUT(clock, nobody_takes_notice, 60)
{
	struct pair lost = link_pair(self->net), waiting = link_pair(self->net), short_lived;
	struct talk t = talk_over(self->net);
	unsigned int i;
	char c;

	short_lived = link_pair(self->net);
	close(short_lived.a);
	close(short_lived.b);
	ASSERT_TRUE(until(count(TCP_TIME_WAIT, 0) == 1));
	must(set_opt(waiting.a, SOL_SOCKET, SO_KEEPALIVE, 1));
	set_timeout(waiting.b, SO_RCVTIMEO, 1000);
	must(set_opt(lost.a, IPPROTO_TCP, TCP_USER_TIMEOUT, 10 * BOUND));
	for (i = 0; i < ARRAY_SIZE(jumps); i++) {
		pid_t reader;

		ASSERT_TRUE(goes_on(&t));
		NEED_NETEM(self->net.a, "loss 100%");
		must(send(lost.a, "x", 1, 0));
		ASSERT_TRUE(streams_move(&t));
		/* Once more, if its second passes unseen. */
		do {
			reader = background(recv(waiting.b, &c, 1, 0));
		} while (!within(500, asleep_now(reader, SYS_recvfrom)) && finish(reader) == EAGAIN);
		ASSERT_TRUE(set_clock(self->true_s + jumps[i]));
		EXPECT_EQ(EAGAIN, finish(reader));
		EXPECT_EQ(0, events(lost.a, 0) | events(waiting.a, 0));
		ASSERT_TRUE(netem(self->net.a, NULL));
		EXPECT_TRUE(arrived(lost.b, (int)i + 1));
		EXPECT_EQ(1, count(TCP_TIME_WAIT, 0));
		ASSERT_TRUE(goes_on(&t));
		EXPECT_GT(BOUND * 1000u, tcp_info(t.stream.a).tcpi_rtt);
		EXPECT_GT(10u * BOUND, tcp_info(t.stream.a).tcpi_last_data_recv);
	}
	EXPECT_TRUE(ends_well(&t));
}

/* When @fd's next bytes came, seconds; 0: nobody says. */
static long stamp(int fd)
{
	char buf[100], control[CMSG_SPACE(sizeof(struct timeval))];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct timeval tv = { 0 };

	must_hold(wait_events(fd, POLLIN));
	must(recvmsg(fd, &msg, 0));
	control_bytes(&msg, SOL_SOCKET, SO_TIMESTAMP, &tv, sizeof(tv));
	return tv.tv_sec;
}

TEST_F(clock, timestamps_follow)
{
	struct talk t = talk_over(self->net);
	struct pair p[] = { t.stream, t.dgram };
	unsigned int i, j;

	must(set_opt(t.stream.b, SOL_SOCKET, SO_TIMESTAMP, 1));
	must(set_opt(t.dgram.b, SOL_SOCKET, SO_TIMESTAMP, 1));
	/* Stamping may be switched on a moment later. */
	ASSERT_TRUE(until((must(send(t.stream.a, "x", 1, 0)), stamp(t.stream.b))));
	for (i = 0; i < ARRAY_SIZE(jumps); i++) {
		ASSERT_TRUE(set_clock(self->true_s + jumps[i]));
		for (j = 0; j < ARRAY_SIZE(p); j++) {
			must(send(p[j].a, "x", 1, 0));
			EXPECT_GT(BOUND / 1000, labs(stamp(p[j].b) - seconds(CLOCK_REALTIME)));
		}
	}
}

TEST_HARNESS_MAIN
