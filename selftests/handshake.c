// SPDX-License-Identifier: GPL-2.0
/*
 * The handshake under attack. The wire is a TUN device: what the test writes to it the kernel
 * receives, from whatever address; what the kernel sends can be read.
 */
#include "wire.h"
#include <linux/filter.h>
#include <pthread.h>
#include <stddef.h>

#define PORT	4000

static int wire;

FIXTURE(handshake) { };

FIXTURE_SETUP(handshake)
{
	new_net();
	wire = open_tun("wire", 0);	/* without NAPI who writes receives, on its processor */
	must_hold(shell("ip link set wire txqueuelen 10000"));
	bring_up("wire", OURS);
}

FIXTURE_TEARDOWN(handshake)
{
}

/* ---- segments ------------------------------------------------------------ */

/* A segment from there to the server. */
static bool inject(uint32_t from, int port, struct tcphdr h, uint32_t seq, uint32_t ack)
{
	struct packet p;

	h.source = htons(port);
	h.dest = htons(PORT);
	h.seq = htonl(seq);
	h.ack_seq = htonl(ack);
	h.doff = sizeof(h) / 4;
	h.window = htons(65535);
	begin(&p, ipv6() ? 6 : 4, protocol(true));
	if (ipv6())
		((struct ip6_hdr *)p.b)->ip6_src = to_ipv6((struct in_addr){ from });
	else
		((struct iphdr *)p.b)->saddr = from;
	append(&p, &h, sizeof(h));
	sum_up(&p, protocol(true), offsetof(struct tcphdr, check));
	finish_ip(&p);
	return write(wire, p.b, p.len) == (ssize_t)p.len;
}

/* The next one for this port. */
static bool take_for(struct packet *p, int port)
{
	return until(take(wire, p) && is_segment(p) && ntohs(tcp(p)->dest) == port);
}

/* ---- a segment that comes while the request becomes a connection ---------- */

#define RACES 1500

static struct {
	pthread_barrier_t start, done;
	uint32_t seq, ack;
	int port;
} race;

static void *race_reset(void *races)
{
	long i;

	for (i = 0; i < (long)races; i++) {
		pthread_barrier_wait(&race.start);
		inject(inet_addr(THEIRS), race.port, (struct tcphdr){ .rst = 1 }, race.seq, 0);
		pthread_barrier_wait(&race.done);
	}
	return NULL;
}

static pthread_t begin_races(long races)
{
	pthread_t thread;

	must_hold(!pthread_barrier_init(&race.start, NULL, 2));
	must_hold(!pthread_barrier_init(&race.done, NULL, 2));
	must_hold(!pthread_create(&thread, NULL, race_reset, (void *)races));
	return thread;
}

/* Not always the same distance between the two. */
static void fall_behind(int i)
{
	for (volatile int wait = i % 50 * 40; wait > 0; wait--)
		;
}

/*
 * The last ACK of the handshake and a reset, on two processors at once: whichever wins, no
 * connection stands in the end.
 */
TEST_F(handshake, reset_meets_the_last_ack)
{
	int l = listener(OURS, PORT, 16), i, fd, stayed = 0, accepted = 0;
	pthread_t thread = begin_races(RACES / slowness());
	struct packet p;

	set_nonblock(l, true);
	for (i = 0; i < RACES / slowness(); i++) {
		race.port = 10000 + i;
		race.seq = 1000 * i + 1;
		ASSERT_TRUE(inject(inet_addr(THEIRS), race.port, (struct tcphdr){ .syn = 1 },
				   race.seq - 1, 0));
		ASSERT_TRUE(take_for(&p, race.port));
		race.ack = ntohl(tcp(&p)->seq) + 1;
		pthread_barrier_wait(&race.start);
		fall_behind(i);
		inject(inet_addr(THEIRS), race.port, (struct tcphdr){ .ack = 1 }, race.seq, race.ack);
		pthread_barrier_wait(&race.done);
		while (take(wire, &p))
			;
		fd = accept(l, NULL, NULL);
		if (fd < 0)
			continue;
		accepted++;
		stayed += state(fd) != TCP_CLOSE;
		close_hard(fd);
	}
	must_hold(!pthread_join(thread, NULL));
	TH_LOG("%d of %d became connections first", accepted, RACES / slowness());
	EXPECT_GT(accepted, 0);
	EXPECT_EQ(0, stayed);
}

#define LOOKS		300
#define SLOW_RACES	(300 / slowness())

/*
 * A reset of a connection whose program's filter takes its time, while the program lets go of the
 * connection and listens on the same socket: it is not the listener's.
 */
TEST_F(handshake, reset_meets_a_new_listener)
{
	struct sock_filter code[LOOKS + 1];
	struct sock_fprog slow = { LOOKS + 1, code };
	pthread_t thread = begin_races(SLOW_RACES);
	struct packet p;
	int i, fd;

	for (i = 0; i < LOOKS; i++)		/* at all headers, for where the data begins */
		code[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PAY_OFFSET);
	code[LOOKS] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0x40000);
	for (i = 0; i < SLOW_RACES; i++) {
		race.port = 10000 + i;
		race.seq = 1000 * i + 1;
		fd = bound(SOCK_STREAM, OURS, PORT);
		set_nonblock(fd, true);
		EXPECT_ERR(EINPROGRESS, connect_to(fd, THEIRS, race.port));
		ASSERT_TRUE(take_for(&p, race.port));
		inject(inet_addr(THEIRS), race.port, (struct tcphdr){ .syn = 1, .ack = 1 }, race.seq - 1,
		       ntohl(tcp(&p)->seq) + 1);
		must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &slow, sizeof(slow)));
		pthread_barrier_wait(&race.start);
		fall_behind(i);
		connect_nowhere(fd);
		must(listen(fd, 1));
		pthread_barrier_wait(&race.done);
		ASSERT_EQ(TCP_LISTEN, state(fd));
		while (take(wire, &p))
			;
		close(fd);
	}
	must_hold(!pthread_join(thread, NULL));
}

/* ---- a SYN flood ----------------------------------------------------------- */

#define FLOODED_FOR 40			/* real clients */

/* SYNs from ever other places, until we are killed. */
static void flood(void)
{
	struct packet p;
	uint32_t i = 0;

	for (;; i++) {
		inject(htonl(ntohl(inet_addr(THEIRS)) + i % 200), 1024 + i / 200 % 60000,
		       (struct tcphdr){ .syn = 1 }, i * 2654435761u, 0);
		/* What the kernel answers is let be. */
		while (take(wire, &p))
			;
	}
}

/*
 * Under a flood of many times the backlog all real clients get in, and keep their window scale,
 * SACK and timestamps.
 */
TEST_F(handshake, flood)
{
	int l = listener(OURS, PORT, 8), i, wanted = TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK |
							TCPI_OPT_WSCALE;
	pid_t flooder = background((flood(), 0));
	struct tcp_info a, b;

	ASSERT_TRUE(until(counter("SyncookiesSent") > 1000 / slowness()));
	for (i = 0; i < FLOODED_FOR; i++) {
		struct pair p = pair_through(l, OURS);

		a = tcp_info(p.a);
		b = tcp_info(p.b);
		EXPECT_EQ(wanted, a.tcpi_options & wanted);
		EXPECT_EQ(wanted, b.tcpi_options & wanted);
		EXPECT_EQ(a.tcpi_snd_wscale + 0, b.tcpi_rcv_wscale + 0);
		EXPECT_EQ(a.tcpi_rcv_wscale + 0, b.tcpi_snd_wscale + 0);
		EXPECT_TRUE(carry_both_ways(p, 5000, BOUND));
		close_hard(p.a);
		close_hard(p.b);
	}
	TH_LOG("%ld cookies sent, %ld came back", counter("SyncookiesSent"),
	       counter("SyncookiesRecv"));
	EXPECT_GE(counter("SyncookiesRecv"), FLOODED_FOR / 2);
	EXPECT_LE(count(TCP_SYN_RECV, PORT), 9);
	kill(flooder, SIGKILL);
	waitpid(flooder, NULL, 0);
}

/* ---- orphans ------------------------------------------------------------------ */

/* TCP's of all namespaces, dead ones too: what ran before has left some. Yoke's die with theirs. */
static int orphans(void)
{
	FILE *f = oracle() ? fopen("/proc/net/sockstat", "r") : NULL;
	char line[256];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "TCP: inuse %*d orphan %d", &n);
	if (f)
		fclose(f);
	return n;
}

/* Programs that go before their data has: past net.yoke.max_orphans their connections are reset. */
TEST_F(handshake, too_many_orphans)
{
	int setting = first_sysctl("max_orphans"), l, fd, i, before, ended = 0, resets = 0;
	char old[32] = "", limit[32], data[1 << 16] = "";
	struct pair p;

	if (setting < 0)
		SKIP(return, "the first namespace is out of reach");
	must(pread(setting, old, sizeof(old) - 1, 0));
	must(pwrite(setting, limit, snprintf(limit, sizeof(limit), "%d", 4 + orphans()), 0));
	fd = stream();
	must(set_opt(fd, SOL_SOCKET, SO_RCVBUF, 4096));
	must(bind_to(fd, LOOPBACK, PORT));
	must(listen(fd, 16));
	l = fd;
	before = counter("TCPAbortOnMemory");
	for (i = 0; i < 60 && resets < 3; i++) {
		p = pair_through(l, LOOPBACK);
		/* More than the peer's window takes, and the peer does not read. */
		while (send(p.a, data, sizeof(data), MSG_DONTWAIT) > 0)
			;
		must(close(p.a));
		ended = counter("TCPAbortOnMemory") - before;
		/* TCP looks up how many there are every 100 ms. */
		if (oracle())
			usleep(30000);
		resets += events(p.b, POLLIN) & POLLERR && so_error(p.b) == ECONNRESET;
	}
	must(pwrite(setting, old, strlen(old), 0));
	TH_LOG("%d connections, %d ended, %d resets seen", i, ended, resets);
	EXPECT_EQ(3, resets);
	EXPECT_LE(3, ended);
	EXPECT_GE(i, 4 + 3);
	/*
	 * Those that stay meet the limit again when they are due to send, and then make room; if that is
	 * while the next one is being ended, both go.
	 */
	if (!oracle())
		EXPECT_GE(4, i - ended);
}

TEST_HARNESS_MAIN
