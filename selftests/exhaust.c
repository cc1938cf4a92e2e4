// SPDX-License-Identifier: GPL-2.0
/*
 * Those who take all there is: ports, places in the queue, orphans; peers that have data cut into
 * splinters, that send or take a byte at a time. What they get is bounded, legitimate work goes on
 * meanwhile, and when they have gone all is as it was before.
 */
#include "peer.h"

/* ---- how much is taken --------------------------------------------------------- */

/* Sockets of all states, and requests. */
static int sockets(void)
{
	return must(table(SOCK_STREAM, NULL, 0));
}

/* Somebody else's connection, through this listener of theirs, carries what it should. */
static bool others_work(int listening)
{
	static char in[20000], out[20000];
	struct pair p = pair_through(listening, LOOPBACK);
	bool ok;

	set_timeout(p.b, SO_RCVTIMEO, BOUND);
	fill(in, sizeof(in), p.a, 0);
	ok = send(p.a, in, sizeof(in), 0) == sizeof(in) &&
	     recv(p.b, out, sizeof(out), MSG_WAITALL) == sizeof(out) && !memcmp(in, out, sizeof(in));
	close_hard(p.a);
	close(p.b);
	return ok;
}

/* ---- who is there ----------------------------------------------------------- */

FIXTURE(exhaust) { int wire, victim, others; };

FIXTURE_SETUP(exhaust)
{
	new_net();
	self->wire = stretch_a_wire(OURS);
	self->victim = listener(ANY, PORT, 128);
	self->others = listener(LOOPBACK, PORT + 1, 8);
}

/* All is as it was before. */
FIXTURE_TEARDOWN(exhaust)
{
	EXPECT_TRUE(others_work(self->others));
	/* An orphan whose handshake took two seconds, as the machine stood still, tries three times as long. */
	EXPECT_TRUE(within(3 * BOUND, sockets() == 2));
}

/* Whoever comes next through this listener. */
static int next(int listening)
{
	must_hold(wait_events(listening, POLLIN) == POLLIN);
	return must(accept4(listening, NULL, NULL, SOCK_CLOEXEC));
}

/* ---- peers that are no kernel's --------------------------------------------------- */

/*
 * SACKs of every other @piece have the sender cut what it sent, and each piece takes a buffer
 * (CVE-2019-11478); but no segment is cut, which a receiver takes whole. TCP's bound: all that is queued
 * takes no more than twice the send buffer and four of the largest buffers.
 */
static void sack_pieces(struct __test_metadata *_metadata, FIXTURE_DATA(exhaust) *self, uint16_t mss,
			uint32_t piece)
{
	enum { SNDBUF = 1 << 17, MOST = 2 * (SNDBUF + 2 * (65536 + 4096)), A_BUFFER = 1500 };
	static char data[60000];
	struct them t = meet(self->wire, 5000 + piece, mss, 65535, 7);
	int fd = next(self->victim), most = 0, now, limit;
	uint32_t start = t.rcv, sent, at, i;

	must(set_opt(fd, SOL_SOCKET, SO_SNDBUF, SNDBUF / 2));
	/* What is in flight at once grows with what they acknowledge, if no timeout takes it back. */
	for (i = 0;; i++, start += sent) {
		sent = must(send(fd, data, sizeof(data), MSG_DONTWAIT));
		if (i >= 3 && within(100, (hear(&t), t.last - start >= sent / 2)))
			break;
		ASSERT_GT(20, i);
		ASSERT_TRUE(until(hear_out(&t, start + sent)));
	}
	limit = piece == mss ? MOST : meminfo(fd, SK_MEMINFO_WMEM_QUEUED) + sent / mss * A_BUFFER;
	for (at = t.last, i = 0; at - start > 8 * piece; i++) {
		uint32_t o[7] = { htonl(0x0101051a) };
		int j;

		for (j = 0; j < 3; j++, at -= 2 * piece) {
			o[1 + 2 * j] = htonl(at - piece);
			o[2 + 2 * j] = htonl(at);
		}
		t.rcv = start;		/* nothing comes in order, that is what they say */
		acknowledge(&t, o, sizeof(o));
		hear(&t);
		now = meminfo(fd, SK_MEMINFO_WMEM_QUEUED);
		most = now > most ? now : most;
		if (i % 1024 == 0)
			EXPECT_TRUE(others_work(self->others));
	}
	TH_LOG("%u bytes in flight, %u ACKs, at most %d bytes of memory", t.last - start, i, most);
	EXPECT_LT(most, limit);
	/* And yet all arrives, and is forgotten. */
	t.rcv = t.last;
	EXPECT_TRUE(until(hear_out(&t, start + sent)));
	EXPECT_TRUE(until(meminfo(fd, SK_MEMINFO_WMEM_QUEUED) == 0));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_TRUE(until(hear_out(&t, start + sent + 1)));
	reset(&t);
	EXPECT_EQ(ECONNRESET, error_of(fd));
	close(fd);
}

TEST_F(exhaust, sacks_of_single_bytes)
{
	sack_pieces(_metadata, self, 1460, 1);
}

TEST_F(exhaust, sacks_of_small_segments)
{
	sack_pieces(_metadata, self, 60, 60);
}

/* Lone bytes, each in a buffer of hundreds: with gaps between them, then in order. */
TEST_F(exhaust, lone_bytes)
{
	enum { ALL = 6000 };
	static unsigned char data[ALL], got[ALL];
	int fd, most = 0, now, limit, had = 0;
	struct them t;
	uint32_t start, i;
	long end;

	must(set_opt(self->victim, SOL_SOCKET, SO_RCVBUF, 1 << 16));
	t = meet(self->wire, 5000, 1460, 65535, 7);
	fd = next(self->victim);
	limit = get_opt(fd, SOL_SOCKET, SO_RCVBUF);
	fill(data, ALL, 1, 0);
	start = t.snd;
	for (i = 1; i < ALL + ALL / 2; i++) {
		/* First every other one, then each. */
		uint32_t at = i < ALL / 2 ? 2 * i : i - ALL / 2;

		say_data(&t, start + at, data + at, 1);
		hear(&t);
		now = meminfo(fd, SK_MEMINFO_RMEM_ALLOC);
		most = now > most ? now : most;
		if (i % 2000 == 1)
			EXPECT_TRUE(others_work(self->others));
	}
	TH_LOG("at most %d bytes of memory, of %d", most, limit);
	/* One buffer may cross the limit, of a page and what describes it. */
	EXPECT_LT(most, limit + 8192);
	/* What the kernel has no room for, or lost while it was busy, it has not acknowledged. */
	set_timeout(fd, SO_RCVTIMEO, 200);
	for (end = now_ms() + BOUND; had < ALL && now_ms() < end;) {
		long n;

		hear(&t);
		i = t.una - start;
		if (i < ALL)
			say_data(&t, t.una, data + i, ALL - i < 1000 ? ALL - i : 1000);
		n = recv(fd, got + had, ALL - had, 0);
		had += n > 0 ? n : 0;
	}
	ASSERT_EQ(ALL, had);
	ASSERT_TRUE(until((hear(&t), t.una == start + ALL)));
	EXPECT_EQ(0, memcmp(got, data, ALL));
	EXPECT_EQ(0, meminfo(fd, SK_MEMINFO_RMEM_ALLOC));
	t.snd = t.una;
	reset(&t);
	EXPECT_EQ(ECONNRESET, error_of(fd));
	close(fd);
}

/* Many who ask for much and take a byte at a time, in segments as small as may be. */
TEST_F(exhaust, tiny_windows)
{
	enum { PEERS = 64 };
	static struct them t[PEERS];
	static char data[1 << 20];
	int fds[PEERS], i, n = 0;
	struct packet p;

	must(set_opt(self->victim, SOL_SOCKET, SO_SNDBUF, 1 << 16));
	for (i = 0; i < PEERS; i++) {
		t[i] = meet(self->wire, 5000 + i, 1, 1, 0);
		fds[i] = next(self->victim);
		while (send(fds[i], data, sizeof(data), MSG_DONTWAIT) > 0)
			;
	}
	while (n < 50 * PEERS && until(hear_any(self->wire, &p))) {
		i = ntohs(tcp(&p)->dest) - 5000;
		learn(&t[i], &p);
		acknowledge(&t[i], NULL, 0);
		/* What they do not take, the program cannot have more memory for. */
		EXPECT_GT(2 * get_opt(fds[i], SOL_SOCKET, SO_SNDBUF),
			  meminfo(fds[i], SK_MEMINFO_WMEM_QUEUED));
		n++;
	}
	EXPECT_EQ(50 * PEERS, n);
	EXPECT_TRUE(others_work(self->others));
	for (i = 0; i < PEERS; i++) {
		EXPECT_LT(0, outq(fds[i]));
		/* One who means it after all gets the rest. */
		t[i].window = 65535;
		if (i == 0)
			EXPECT_TRUE(until((hear_out(&t[i], 0), outq(fds[i]) == 0)));
		reset(&t[i]);
		EXPECT_EQ(ECONNRESET, error_of(fds[i]));
		close(fds[i]);
	}
}

/* Many who ask, take nothing of the answer and fall silent; the programs have gone. */
TEST_F_TIMEOUT(exhaust, orphans, 60)
{
	enum { PEERS = 400 };
	static char data[15000];
	int i, fd;

	ASSERT_TRUE(sysctl_own("orphan_retries", "2"));
	for (i = 0; i < PEERS; i++) {
		meet(self->wire, 5000 + i, 1460, 1000, 0);
		fd = next(self->victim);
		EXPECT_EQ(sizeof(data), send(fd, data, sizeof(data), MSG_DONTWAIT));
		must(close(fd));
		if (i == PEERS / 2)
			EXPECT_TRUE(others_work(self->others));
	}
	/* Teardown waits for their end. */
	EXPECT_LT(2, sockets());
}

IN_OWN_NET(memory)

/*
 * All hold more than net.yoke.mem: each may still hold wmem's and rmem's least, so that it goes on; what a
 * closed one has to send is not kept.
 */
TEST_F(memory, of_all)
{
	int setting = first_sysctl("mem");
	struct pair much = stream_pair(), little = stream_pair();
	char old[64] = "", data[1 << 16] = "";

	if (setting < 0)
		SKIP(return, "the first namespace is out of reach");
	must(set_opt(much.a, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 24));
	while (send(much.a, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	must(pread(setting, old, sizeof(old) - 1, 0));
	must(pwrite(setting, "1 1 1", 5, 0));
	EXPECT_TRUE(carry_both_ways(little, 100000, BOUND));
	close(much.a);
	must(pwrite(setting, old, strlen(old), 0));
	EXPECT_EQ(1, counter("TCPAbortOnMemory"));
	EXPECT_TRUE(until(events(much.b, 0) & POLLERR));
	EXPECT_EQ(ECONNRESET, so_error(much.b));
}

/* ---- neighbours -------------------------------------------------------------------- */

/* All ports of the range towards one destination: others are still reached, and by the same ports. */
TEST_F_TIMEOUT(exhaust, every_port, 120)
{
	enum { PORTS = 2000 };
	static int fds[2 * PORTS + 2];
	int n, err;

	want_files(2 * PORTS + 100);
	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "20000 21999"));
	for (n = 0; n <= 2 * PORTS; n += 2) {
		fds[n] = stream();
		errno = 0;
		err = connect_to(fds[n], LOOPBACK, PORT) ? errno : 0;
		if (err)
			break;
		fds[n + 1] = next(self->victim);
	}
	EXPECT_EQ(EADDRNOTAVAIL, err);
	EXPECT_EQ(2 * PORTS, n);
	EXPECT_TRUE(others_work(self->others));
	/* The socket that failed is as good as new. */
	EXPECT_OK(connect_to(fds[n], LOOPBACK, PORT + 1));
	fds[n + 1] = next(self->others);
	/* One that goes makes room for one. */
	close_hard(fds[0]);
	close(fds[1]);
	fds[0] = connected_to(LOOPBACK, PORT);
	fds[1] = next(self->victim);
	EXPECT_ERR(EADDRNOTAVAIL, connect_to(stream(), LOOPBACK, PORT));
	for (; n >= 0; n -= 2) {
		close_hard(fds[n]);
		close(fds[n + 1]);
	}
}

/* Far more than the queue takes, and nobody accepts. */
TEST_F(exhaust, full_backlog)
{
	enum { BACKLOG = 4, CROWD = 300 };
	int fds[CROWD], i, n;

	must(listen(self->victim, BACKLOG));
	for (i = 0; i < CROWD; i++) {
		fds[i] = stream();
		set_nonblock(fds[i], true);
		EXPECT_ERR(EINPROGRESS, connect_to(fds[i], LOOPBACK, PORT));
		if (i % 100 == 0)
			EXPECT_TRUE(others_work(self->others));
	}
	/* The queue holds one more than was asked for. */
	EXPECT_TRUE(until(count(TCP_ESTABLISHED, PORT) >= 2 * (BACKLOG + 1)));
	EXPECT_GE(BACKLOG + 1, count(TCP_SYN_RECV, PORT));
	/* Of some, the client alone holds them for established. */
	EXPECT_GE(4 * (BACKLOG + 1), count(TCP_ESTABLISHED, PORT));
	/* Those who still knock are let in by and by; who gives up leaves nothing. */
	for (n = 0; n < BACKLOG + 2; n++)
		close_hard(next(self->victim));
	for (i = 0; i < CROWD; i++)
		close_hard(fds[i]);
	set_nonblock(self->victim, true);
	while ((n = accept4(self->victim, NULL, NULL, 0)) >= 0)
		close(n);
	set_nonblock(self->victim, false);
	EXPECT_TRUE(others_work(self->victim));
}

TEST_HARNESS_MAIN
