// SPDX-License-Identifier: GPL-2.0
/*
 * What tracepoints tell: of states, retransmissions, windows, and of what is thrown away. The same
 * connection is asked by other means (TCP_INFO, the counters), and the two must agree.
 */
#include "wire.h"

#define TRACEFS "/sys/kernel/tracing/"

static bool tracing(bool on)
{
	return write_file(TRACEFS "events/yoke/enable", on ? "1" : "0");
}

static bool tracing_shrinkers(bool on)
{
	return write_file(TRACEFS "events/vmscan/mm_shrink_slab_end/enable", on ? "1" : "0");
}

FIXTURE(trace) { struct net net; };

FIXTURE_SETUP(trace)
{
	if (oracle())
		SKIP(_exit(255), "the host's transport has tracepoints of its own");
	NEED_LINK(&self->net, _exit(255));
	if (!tracing(true))
		SKIP(_exit(255), "no tracefs at " TRACEFS);
	ASSERT_TRUE(write_file(TRACEFS "trace", ""));
}

FIXTURE_TEARDOWN(trace)
{
	tracing(false);
	tracing_shrinkers(false);
}

/* How many events with all these words there are, and the last of them. */
static char last[512];

static int events_with(const char *a, const char *b, const char *c)
{
	FILE *f = fopen(TRACEFS "trace", "r");
	char line[512];
	int n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (line[0] == '#' || !strstr(line, a) || !strstr(line, b) || !strstr(line, c))
			continue;
		strcpy(last, line);
		n++;
	}
	if (f)
		fclose(f);
	return n;
}

/* The number behind "name=" in the last event found. */
static long long value(const char *name)
{
	char key[32], *at;

	snprintf(key, sizeof(key), " %s=", name);
	at = strstr(last, key);
	return at ? strtoll(at + strlen(key), NULL, 10) : -1;
}

/* "local=10.0.0.1:80 remote=10.0.0.2:1234 ": how events name a pair. */
static const char *pair_text(struct sockaddr_in here, struct sockaddr_in there)
{
	static char text[4][160];
	static int i;
	struct sockaddr_in ends[] = { here, there };
	char ip[2][INET6_ADDRSTRLEN];
	char *t = text[i++ % 4];

	for (int j = 0; j < 2; j++) {
		struct in6_addr six = to_ipv6(ends[j].sin_addr);

		inet_ntop(host_family(), ipv6() ? (void *)&six : (void *)&ends[j].sin_addr, ip[j],
			  sizeof(ip[j]));
	}
	snprintf(t, sizeof(text[0]), ipv6() ? "local=[%s]:%d remote=[%s]:%d " : "local=%s:%d remote=%s:%d ",
		 ip[0], ntohs(ends[0].sin_port), ip[1], ntohs(ends[1].sin_port));
	return t;
}

static const char *pair_of(int fd)
{
	return pair_text(local(fd), peer(fd));
}

TEST_F(trace, the_states_of_a_connection)
{
	struct pair p = link_pair(self->net);
	const char *a = pair_of(p.a), *b = pair_of(p.b);
	char c;

	must(shutdown(p.a, SHUT_WR));
	EXPECT_EQ(0, read(p.b, &c, 1));
	must(shutdown(p.b, SHUT_WR));
	EXPECT_EQ(0, read(p.a, &c, 1));
	EXPECT_TRUE(until(events_with("yoke_state", b, "from=LAST-ACK to=CLOSED") == 1));
	EXPECT_EQ(1, events_with("yoke_state", a, "from=CLOSED to=SYN-SENT"));
	EXPECT_EQ(1, events_with("yoke_state", a, "from=SYN-SENT to=ESTABLISHED"));
	EXPECT_EQ(1, events_with("yoke_state", b, "from=CLOSED to=ESTABLISHED"));
	EXPECT_EQ(1, events_with("yoke_state", a, "from=ESTABLISHED to=FIN-WAIT-1"));
	EXPECT_EQ(1, events_with("yoke_state", b, "from=ESTABLISHED to=CLOSE-WAIT"));
	EXPECT_EQ(1, events_with("yoke_state", a, "from=FIN-WAIT-1 to=FIN-WAIT-2"));
	EXPECT_EQ(1, events_with("yoke_state", b, "from=CLOSE-WAIT to=LAST-ACK"));
	EXPECT_EQ(1, events_with("yoke_state", a, "from=FIN-WAIT-2 to=CLOSED"));
	EXPECT_EQ(5, events_with("yoke_state", a, ""));
	EXPECT_EQ(4, events_with("yoke_state", b, ""));
}

TEST_F(trace, windows_are_those_of_tcp_info)
{
	struct pair p = link_pair(self->net);
	const char *a = pair_of(p.a);
	static char buf[100000];
	struct tcp_info info;
	uint32_t mss;

	must(send(p.a, buf, sizeof(buf), 0));
	EXPECT_EQ(sizeof(buf), recv(p.b, buf, sizeof(buf), MSG_WAITALL));
	EXPECT_TRUE(until(outq(p.a) == 0));
	info = tcp_info(p.a);
	ASSERT_LT(2, events_with("yoke_probe", a, ""));
	mss = value("mss");
	EXPECT_EQ(info.tcpi_snd_mss, mss);
	EXPECT_EQ(info.tcpi_snd_cwnd, value("cwnd") / mss);
	EXPECT_EQ(info.tcpi_rtt, value("srtt"));
	EXPECT_EQ(value("snd_una"), value("snd_nxt"));
	EXPECT_LT(0, value("snd_wnd"));
	EXPECT_LT(0, value("rcv_wnd"));
	EXPECT_TRUE(strstr(last, "recovery=open"));
}

TEST_F(trace, a_retransmission)
{
	struct pair p = link_pair(self->net);
	const char *a = pair_of(p.a);
	long long seq;
	char buf[16];

	NEED_NETEM(self->net.a, "loss 100%");
	must(send(p.a, "lost!", 5, 0));
	ASSERT_TRUE(until(events_with("yoke_retransmit", a, "state=ESTABLISHED") > 0));
	EXPECT_EQ(5, value("len"));
	seq = value("seq");
	must(shutdown(p.a, SHUT_WR));
	EXPECT_TRUE(until(events_with("yoke_retransmit", a, "state=FIN-WAIT-1") > 0));
	EXPECT_EQ(seq, value("seq"));
	/* Unless one is sent between the two looks. */
	EXPECT_TRUE(until(events_with("yoke_retransmit", a, "") == counter("RetransSegs")));
	ASSERT_TRUE(netem(self->net.a, NULL));
	EXPECT_EQ(5, recv(p.b, buf, sizeof(buf), 0));
	/* Five bytes and the FIN. */
	EXPECT_TRUE(until(events_with("yoke_probe", a, "") > 0 &&
			  value("snd_una") == (uint32_t)(seq + 6)));
	EXPECT_EQ(value("snd_nxt"), value("snd_una"));
}

/* A segment by hand, checksum and all, from this namespace's port 9. */
static void forge(int port, uint32_t seq, int flags, bool good_checksum)
{
	struct tcphdr th = { .source = htons(9), .dest = htons(port), .seq = htonl(seq), .doff = 5 };
	int raw = must(socket(host_family(), SOCK_RAW | SOCK_CLOEXEC, IPPROTO_YOKE_STREAM)), i;
	uint32_t sum = IPPROTO_YOKE_STREAM + sizeof(th);

	for (i = 0; i < 2; i++) {
		struct in_addr end = { inet_addr(i ? ADDR_B : ADDR_A) };
		struct in6_addr six = to_ipv6(end);

		sum = ipv6() ? add_up(&six, sizeof(six), sum) : add_up(&end, sizeof(end), sum);
	}
	((uint8_t *)&th)[13] = flags;
	th.check = folded(add_up(&th, sizeof(th), sum)) ^ (good_checksum ? 0 : 0x5555);
	must(bind_to(raw, ADDR_A, 0));
	must(connect_to(raw, ADDR_B, 0));
	must(send(raw, &th, sizeof(th), 0));
	close(raw);
}

TEST_F(trace, drops_have_reasons)
{
	static const char * const reasons[] = {
		"InCsumErrors", "NoSocket", "InvalidFlags", "InvalidRst", "DgramNoPorts",
	};
	int fd, listening, port;
	unsigned int i;
	const char *at;
	char here[64];

	snprintf(here, sizeof(here), "local=%s%s", ipv6() ? "[" : "", ip_text(ADDR_B));
	enter(self->net.b);
	listening = listener(ADDR_B, 0, 1);
	port = local_port(listening);
	enter(self->net.a);
	at = pair_text(addr(ADDR_B, port), addr(ADDR_A, 9));
	forge(port, 1, 0x02, false);
	ASSERT_TRUE(until(events_with("yoke_drop", at, "why=InCsumErrors") == 1));
	EXPECT_EQ(20, value("len"));
	forge(port, 1, 0x03, true);
	EXPECT_TRUE(until(events_with("yoke_drop", at, "why=InvalidFlags") == 1));
	forge(port, 1, 0x04, true);
	EXPECT_TRUE(until(events_with("yoke_drop", at, "why=InvalidRst") == 1));
	forge(port, 1, 0x10, true);
	EXPECT_TRUE(until(events_with("yoke_drop", at, "why=NoSocket") == 1));
	fd = dgram();
	must(send_to(fd, "x", 1, ADDR_B, port));
	EXPECT_TRUE(until(events_with("yoke_drop", here, "why=DgramNoPorts") == 1));

	/* Each is counted under the same name. (The answers to some were dropped in a.) */
	enter(self->net.b);
	for (i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		char why[64];

		snprintf(why, sizeof(why), "why=%s\n", reasons[i]);
		EXPECT_EQ(counter(reasons[i]), events_with("yoke_drop", here, why));
	}
	EXPECT_EQ(1, counter("InErrs"));
}

/* What has done its work is no drop. */
TEST_F(trace, peace_drops_nothing)
{
	struct pair p = link_pair(self->net);

	EXPECT_TRUE(carry_both_ways(p, 100000, BOUND));
	EXPECT_TRUE(until(state(p.b) != TCP_ESTABLISHED));
	if (events_with("yoke_drop", "", ""))
		TH_LOG("%s", last);
	EXPECT_EQ(0, events_with("yoke_drop", "", ""));
}

TEST_F(trace, off_is_silent)
{
	struct pair p;

	ASSERT_TRUE(tracing(false));
	ASSERT_TRUE(write_file(TRACEFS "trace", ""));
	p = link_pair(self->net);
	EXPECT_TRUE(carry_both_ways(p, 10000, BOUND));
	EXPECT_EQ(0, events_with("yoke_", "", ""));
}

/* Pages that were written through are kept for the next who writes, and given back when memory is wanted. */
TEST_F(trace, kept_pages_are_given_back)
{
	struct pair p = link_pair(self->net);

	ASSERT_TRUE(tracing_shrinkers(true));
	EXPECT_TRUE(carry_both_ways(p, 1 << 20, BOUND));
	EXPECT_TRUE(until(outq(p.a) == 0 && outq(p.b) == 0));
	must_hold(write_file("/proc/sys/vm/drop_caches", "2"));
	EXPECT_LT(0, events_with("mm_shrink_slab_end: pages_scan", "[yoke]", ""));
	ASSERT_TRUE(write_file(TRACEFS "trace", ""));
	must_hold(write_file("/proc/sys/vm/drop_caches", "2"));
	EXPECT_EQ(0, events_with("mm_shrink_slab_end: pages_scan", "[yoke]", ""));
}

TEST_HARNESS_MAIN
