// SPDX-License-Identifier: GPL-2.0
/*
 * An open connection: moving bytes, waiting for them, and the ways to end it.
 */
#include "yoke_test.h"

IN_OWN_NET(stream)

/* ---- moving bytes --------------------------------------------------------- */

TEST_F(stream, every_call_that_sends_and_receives)
{
	struct pair p = stream_pair();
	char in[16] = "", x[2], y[4];
	struct iovec out_v[] = { { "ab", 2 }, { "", 0 }, { "cdef", 4 } };
	struct iovec in_v[] = { { x, 2 }, { y, 4 } };
	struct msghdr out_m = { .msg_iov = out_v, .msg_iovlen = 3 };
	struct msghdr in_m = { .msg_iov = in_v, .msg_iovlen = 2 };

	EXPECT_EQ(6, send(p.a, "abcdef", 6, 0));
	EXPECT_EQ(6, recv(p.b, in, sizeof(in), 0));
	EXPECT_STREQ("abcdef", in);
	EXPECT_EQ(6, write(p.a, "bcdefg", 6));
	EXPECT_EQ(6, read(p.b, in, sizeof(in)));
	EXPECT_STREQ("bcdefg", in);
	EXPECT_EQ(6, sendto(p.a, "cdefgh", 6, 0, NULL, 0));
	EXPECT_EQ(6, recvfrom(p.b, in, sizeof(in), 0, NULL, NULL));
	EXPECT_STREQ("cdefgh", in);
	EXPECT_EQ(6, writev(p.a, out_v, 3));
	EXPECT_EQ(6, readv(p.b, in_v, 2));
	EXPECT_EQ(0, memcmp(x, "ab", 2) | memcmp(y, "cdef", 4));
	EXPECT_EQ(6, sendmsg(p.a, &out_m, 0));
	EXPECT_EQ(6, recvmsg(p.b, &in_m, 0));
	EXPECT_EQ(0, memcmp(x, "ab", 2) | memcmp(y, "cdef", 4));
	EXPECT_EQ(0, in_m.msg_flags);
	EXPECT_EQ(0, in_m.msg_controllen);
}

TEST_F(stream, many_messages_in_one_call)
{
	struct pair p = stream_pair();
	struct iovec iov[] = { { "one", 3 }, { "two", 3 }, { "three", 5 } };
	struct mmsghdr m[3] = { 0 };
	char buf[16] = "", part[3][4];
	int i;

	for (i = 0; i < 3; i++) {
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	EXPECT_EQ(3, sendmmsg(p.a, m, 3, 0));
	EXPECT_EQ(5, m[2].msg_len);
	EXPECT_EQ(11, recv(p.b, buf, 11, MSG_WAITALL));
	EXPECT_STREQ("onetwothree", buf);

	must(send(p.a, "onetwothree", 11, 0));
	EXPECT_TRUE(arrived(p.b, 11));
	for (i = 0; i < 3; i++)
		iov[i] = (struct iovec){ part[i], 4 };
	EXPECT_EQ(3, recvmmsg(p.b, m, 3, MSG_DONTWAIT, NULL));
	EXPECT_EQ(4, m[0].msg_len);
	EXPECT_EQ(4, m[1].msg_len);
	EXPECT_EQ(3, m[2].msg_len);
	EXPECT_EQ(0, memcmp(part[1], "woth", 4));
}

TEST_F(stream, no_boundaries)
{
	struct pair p = stream_pair();
	char buf[8] = "";

	must(send(p.a, "ab", 2, 0));
	must(send(p.a, "cd", 2, 0));
	EXPECT_EQ(3, recv(p.b, buf, 3, MSG_WAITALL));
	EXPECT_EQ(1, recv(p.b, buf + 3, 4, 0));
	EXPECT_STREQ("abcd", buf);
}

TEST_F(stream, nothing_is_nothing)
{
	struct pair p = stream_pair();
	char c;

	EXPECT_EQ(0, send(p.a, NULL, 0, 0));
	EXPECT_ERR(EAGAIN, recv(p.b, NULL, 0, MSG_DONTWAIT));
	EXPECT_ERR(EAGAIN, recv(p.b, &c, 1, MSG_DONTWAIT));
	EXPECT_EQ(POLLOUT, events(p.b, POLLIN | POLLOUT));
}

/* A stream has one sender: recvfrom() names nobody, sendto() asks nobody. */
TEST_F(stream, addresses_are_not_looked_at)
{
	struct pair p = stream_pair();
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char c;

	EXPECT_EQ(1, send_to(p.a, "x", 1, "192.0.2.1", 9));
	EXPECT_EQ(1, recvfrom(p.b, &c, 1, 0, (struct sockaddr *)&from, &len));
	EXPECT_EQ(0, len);
}

TEST_F(stream, much_both_ways_at_once)
{
	EXPECT_TRUE(carry_both_ways(stream_pair(), 1 << 20, BOUND));
}

TEST_F(stream, byte_by_byte)
{
	struct pair p = stream_pair();
	uint64_t in = HASH_START, out = HASH_START;
	unsigned char c;
	int i;

	for (i = 0; i < 2000; i++) {
		fill(&c, 1, 1, i);
		in = hash(in, &c, 1);
		must(send(p.a, &c, 1, 0));
	}
	for (i = 0; i < 2000; i++) {
		ASSERT_EQ(1, recv(p.b, &c, 1, 0));
		out = hash(out, &c, 1);
	}
	EXPECT_EQ(in, out);
}

TEST_F(stream, request_and_response)
{
	struct pair p = stream_pair();
	char buf[100];
	int i;

	for (i = 0; i < 300; i++) {
		ASSERT_EQ(100, send(p.a, buf, 100, 0));
		ASSERT_EQ(100, recv(p.b, buf, 100, MSG_WAITALL));
		ASSERT_EQ(50, send(p.b, buf, 50, 0));
		ASSERT_EQ(50, recv(p.a, buf, 50, MSG_WAITALL));
	}
}

TEST_F(stream, from_a_file)
{
	struct pair p = stream_pair();
	int file = must(memfd_create("file", 0)), len = 50000, sent = 0;
	char *buf = malloc(len), *in = malloc(len);
	off_t at = 0;

	fill(buf, len, 1, 0);
	ASSERT_EQ(len, write(file, buf, len));
	while (sent < len) {
		ssize_t n = sendfile(p.a, file, &at, len - sent);

		ASSERT_LT(0, n);
		sent += n;
	}
	EXPECT_EQ(len, recv(p.b, in, len, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, in, len));
}

TEST_F(stream, through_a_pipe)
{
	struct pair p = stream_pair();
	int pipe_in[2], pipe_out[2], n, got = 0;
	char out[3000], in[3000];

	must(pipe(pipe_in));
	must(pipe(pipe_out));
	fill(out, sizeof(out), 1, 0);
	ASSERT_EQ(sizeof(out), write(pipe_in[1], out, sizeof(out)));
	EXPECT_EQ(sizeof(out), splice(pipe_in[0], NULL, p.a, NULL, sizeof(out), 0));
	while (got < (int)sizeof(in)) {
		n = splice(p.b, NULL, pipe_out[1], NULL, sizeof(in) - got, 0);
		ASSERT_LT(0, n);
		ASSERT_EQ(n, read(pipe_out[0], in + got, n));
		got += n;
	}
	EXPECT_EQ(0, memcmp(in, out, sizeof(in)));
	set_nonblock(p.b, true);
	EXPECT_ERR(EAGAIN, splice(p.b, NULL, pipe_out[1], NULL, 1, 0));
	must(shutdown(p.a, SHUT_WR));
	must_hold(wait_events(p.b, POLLIN));
	EXPECT_EQ(0, splice(p.b, NULL, pipe_out[1], NULL, 1, 0));
}

TEST_F(stream, bad_memory)
{
	struct pair p = stream_pair();
	char c;

	EXPECT_ERR(EFAULT, send(p.a, (void *)8, 10, 0));
	must(send(p.a, "x", 1, 0));
	must_hold(wait_events(p.b, POLLIN));
	EXPECT_ERR(EFAULT, recv(p.b, (void *)8, 10, 0));
	EXPECT_EQ(1, recv(p.b, &c, 1, MSG_DONTWAIT));	/* was not lost by it */
	EXPECT_EQ('x', c);
}

/* ---- flags ------------------------------------------------------------------ */

TEST_F(stream, peek)
{
	struct pair p = stream_pair();
	char buf[16] = "";

	must(send(p.a, "abc", 3, 0));
	must(send(p.a, "def", 3, 0));
	must_hold(wait_events(p.b, POLLIN));
	EXPECT_EQ(2, recv(p.b, buf, 2, MSG_PEEK));
	EXPECT_EQ(6, recv(p.b, buf, 6, MSG_PEEK | MSG_WAITALL));
	EXPECT_STREQ("abcdef", buf);
	EXPECT_TRUE(arrived(p.b, 6));
	EXPECT_EQ(6, recv(p.b, buf, sizeof(buf), 0));
	EXPECT_STREQ("abcdef", buf);
	EXPECT_ERR(EAGAIN, recv(p.b, buf, 1, MSG_PEEK | MSG_DONTWAIT));
	must(shutdown(p.a, SHUT_WR));
	EXPECT_EQ(0, recv(p.b, buf, 1, MSG_PEEK));
}

TEST_F(stream, waitall_waits_for_all)
{
	struct pair p = stream_pair();
	char buf[10];
	pid_t pid = background(recv(p.b, buf, 10, MSG_WAITALL) == 10 ? 0 : -1);

	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	must(send(p.a, "0123", 4, 0));
	ASSERT_TRUE(until(inq(p.b) == 0));	/* taken, and not enough */
	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	must(send(p.a, "456789", 6, 0));
	EXPECT_EQ(0, finish(pid));
}

TEST_F(stream, waitall_ends_with_the_stream)
{
	struct pair p = stream_pair();
	char buf[10];

	must(send(p.a, "0123", 4, 0));
	must(shutdown(p.a, SHUT_WR));
	EXPECT_EQ(4, recv(p.b, buf, 10, MSG_WAITALL));
	EXPECT_EQ(0, recv(p.b, buf, 10, MSG_WAITALL));
}

TEST_F(stream, dontwait)
{
	struct pair p = stream_pair();
	char buf[10];

	EXPECT_ERR(EAGAIN, recv(p.b, buf, 10, MSG_DONTWAIT));
	EXPECT_ERR(EAGAIN, recv(p.b, buf, 10, MSG_DONTWAIT | MSG_WAITALL));
	must(send(p.a, "0123", 4, 0));
	must_hold(wait_events(p.b, POLLIN));
	EXPECT_EQ(4, recv(p.b, buf, 10, MSG_DONTWAIT | MSG_WAITALL));
}

TEST_F(stream, trunc_throws_away)
{
	struct pair p = stream_pair();
	char buf[8] = "";

	must(send(p.a, "abcdef", 6, 0));
	must_hold(wait_events(p.b, POLLIN));
	EXPECT_EQ(4, recv(p.b, NULL, 4, MSG_TRUNC));
	EXPECT_EQ(2, recv(p.b, buf, 8, 0));
	EXPECT_STREQ("ef", buf);
}

/* What a program holds back leaves after 200 ms. */
#define HELD 100

TEST_F(stream, more_holds_back)
{
	struct pair p;
	char buf[8] = "";
	int came, waits;

	promptly(HELD, p = stream_pair(),
		must(send(p.a, "abc", 3, MSG_MORE));
		came = inq(p.b);
		waits = outq(p.a);
	);
	EXPECT_EQ(0, came);
	EXPECT_EQ(3, waits);
	must(send(p.a, "def", 3, 0));
	EXPECT_TRUE(arrived(p.b, 6));
	EXPECT_EQ(6, recv(p.b, buf, 8, 0));
	EXPECT_STREQ("abcdef", buf);
	must(send(p.a, "ghi", 3, MSG_MORE));	/* not for ever, though */
	EXPECT_TRUE(wait_events(p.b, POLLIN));
}

TEST_F(stream, cork_holds_back)
{
	struct pair p;
	char buf[8] = "";
	int came;

	promptly(HELD, p = stream_pair(),
		must(set_opt(p.a, SOL_TCP, TCP_CORK, 1));
		must(send(p.a, "abc", 3, 0));
		must(send(p.a, "def", 3, 0));
		came = inq(p.b);
	);
	EXPECT_EQ(1, get_opt(p.a, SOL_TCP, TCP_CORK));
	EXPECT_EQ(0, came);
	must(set_opt(p.a, SOL_TCP, TCP_CORK, 0));
	EXPECT_TRUE(arrived(p.b, 6));
	EXPECT_EQ(6, recv(p.b, buf, 8, 0));
	EXPECT_STREQ("abcdef", buf);
}

TEST_F(stream, nodelay_lets_the_cork_out)
{
	struct pair p;
	int came;

	promptly(HELD, p = stream_pair(),
		must(set_opt(p.a, SOL_TCP, TCP_CORK, 1));
		must(send(p.a, "abc", 3, 0));
		came = inq(p.b);
	);
	EXPECT_EQ(0, came);
	must(set_opt(p.a, SOL_TCP, TCP_NODELAY, 1));
	EXPECT_TRUE(arrived(p.b, 3));
}

TEST_F(stream, nodelay_does_not_wait_for_acks)
{
	struct pair p = stream_pair();
	int i;

	must(set_opt(p.a, SOL_TCP, TCP_NODELAY, 1));
	for (i = 1; i <= 10; i++) {
		must(send(p.a, "x", 1, 0));
		EXPECT_TRUE(arrived(p.b, i));
	}
}

TEST_F(stream, writing_to_the_dead_says_epipe)
{
	struct pair p = stream_pair();

	must(shutdown(p.a, SHUT_WR));
	EXPECT_ERR(EPIPE, send(p.a, "x", 1, MSG_NOSIGNAL));
}

TEST_F_SIGNAL(stream, writing_to_the_dead_raises_sigpipe, SIGPIPE)
{
	struct pair p = stream_pair();

	must(shutdown(p.a, SHUT_WR));
	send(p.a, "x", 1, 0);
}

/* ---- queues, buffers, windows -------------------------------------------------- */

TEST_F(stream, queues)
{
	struct pair p = stream_pair();
	struct row row;
	char buf[100];

	EXPECT_EQ(0, inq(p.b));
	EXPECT_EQ(0, outq(p.a));
	must(send(p.a, buf, 100, 0));
	EXPECT_TRUE(arrived(p.b, 100));
	ASSERT_TRUE(row_of(p.b, SOCK_STREAM, &row));
	EXPECT_EQ(100, row.rxq);
	must(recv(p.b, buf, 60, 0));
	EXPECT_EQ(40, inq(p.b));
	EXPECT_TRUE(until(outq(p.a) == 0));
	must(recv(p.b, buf, 40, 0));
	must(shutdown(p.a, SHUT_WR));
	EXPECT_EQ(0, inq(p.b));		/* a FIN is no byte */
}

/* Send until no more goes in, and until nothing moves any more. */
static size_t stuff(struct flow *f)
{
	int before;

	do {
		before = outq(f->from);
		if (!flow_send(f, 1))
			abort();
	} while (events(f->from, POLLOUT) || outq(f->from) != before);
	return f->sent;
}

TEST_F(stream, a_closed_window_opens_again)
{
	struct pair p = stream_pair();
	struct flow f = { .from = p.a, .to = p.b, .size = 8 << 20 };
	size_t in;

	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 16384));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 65536));
	in = stuff(&f);
	EXPECT_LT(1000, in);
	EXPECT_GT(f.size, in);
	EXPECT_ERR(EAGAIN, send(p.a, "x", 1, MSG_DONTWAIT));
	EXPECT_EQ(0, events(p.a, POLLOUT));
	EXPECT_LT(0, outq(p.a));
	EXPECT_TRUE(until((int)in == inq(p.b) + outq(p.a)));

	f.size = in + 50000;
	EXPECT_TRUE(carry(&f, 1, BOUND));
}

TEST_F(stream, a_blocked_writer_wakes_up)
{
	struct pair p = stream_pair();
	struct flow f = { .from = p.a, .to = p.b, .size = 8 << 20 };
	char buf[4096];
	pid_t pid;

	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 16384));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 65536));
	stuff(&f);
	pid = background(send(p.a, "x", 1, 0));
	ASSERT_TRUE(asleep(pid, SYS_sendto));
	while (asleep_now(pid, SYS_sendto))
		if (recv(p.b, buf, sizeof(buf), MSG_DONTWAIT) < 0)
			must_hold(wait_events(p.b, POLLIN));
	EXPECT_EQ(0, finish(pid));
}

TEST_F(stream, time_limits)
{
	struct pair p = stream_pair();
	struct flow f = { .from = p.a, .to = p.b, .size = 8 << 20 };
	long start;
	char c;

	set_timeout(p.b, SO_RCVTIMEO, 100);
	start = ticks_ms();
	EXPECT_ERR(EAGAIN, recv(p.b, &c, 1, 0));
	EXPECT_LT(50, ticks_ms() - start);

	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 16384));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 65536));
	stuff(&f);
	set_timeout(p.a, SO_SNDTIMEO, 100);
	start = ticks_ms();
	EXPECT_ERR(EAGAIN, send(p.a, &c, 1, 0));
	EXPECT_LT(50, ticks_ms() - start);
}

TEST_F(stream, buffer_sizes)
{
	int fd = stream();

	must(set_opt(fd, SOL_SOCKET, SO_RCVBUF, 20000));
	must(set_opt(fd, SOL_SOCKET, SO_SNDBUF, 30000));
	EXPECT_EQ(40000, get_opt(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(60000, get_opt(fd, SOL_SOCKET, SO_SNDBUF));
	must(set_opt(fd, SOL_SOCKET, SO_RCVBUF, 0));	/* there is a least one */
	must(set_opt(fd, SOL_SOCKET, SO_SNDBUF, 0));
	EXPECT_LT(1000, get_opt(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_LT(1000, get_opt(fd, SOL_SOCKET, SO_SNDBUF));
}

TEST_F(stream, the_smallest_buffers_do)
{
	int l = stream();
	struct pair p;

	must(set_opt(l, SOL_SOCKET, SO_RCVBUF, 0));
	must(set_opt(l, SOL_SOCKET, SO_SNDBUF, 0));
	must(listen(l, 1));
	p = pair_through(l, LOOPBACK);
	must(set_opt(p.a, SOL_SOCKET, SO_RCVBUF, 0));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 0));
	EXPECT_TRUE(carry_both_ways(p, 20000, BOUND));
}

TEST_F(stream, low_water_mark)
{
	struct pair p = stream_pair();
	char buf[20];
	pid_t pid;

	EXPECT_EQ(1, get_opt(p.b, SOL_SOCKET, SO_RCVLOWAT));
	must(set_opt(p.b, SOL_SOCKET, SO_RCVLOWAT, 10));
	EXPECT_EQ(10, get_opt(p.b, SOL_SOCKET, SO_RCVLOWAT));
	pid = background(recv(p.b, buf, 20, 0) == 10 ? 0 : -1);
	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	must(send(p.a, buf, 9, 0));
	EXPECT_TRUE(arrived(p.b, 9));
	EXPECT_EQ(0, events(p.b, POLLIN));
	must(send(p.a, buf, 1, 0));
	EXPECT_EQ(0, finish(pid));
	must(send(p.a, buf, 10, 0));
	EXPECT_EQ(POLLIN, wait_events(p.b, POLLIN));
}

/* ---- options -------------------------------------------------------------------- */

TEST_F(stream, what_it_is)
{
	int fd = stream(), d = dgram(), l = listener(LOOPBACK, 0, 1);

	/* Of the addresses: the kernel answers this without asking a module. */
	EXPECT_EQ(oracle() ? host_family() : AF_INET, get_opt(fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(oracle() ? host_family() : AF_INET, get_opt(d, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(SOCK_STREAM, get_opt(fd, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(SOCK_DGRAM, get_opt(d, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(oracle() ? IPPROTO_TCP : IPPROTO_YOKE_STREAM,
		  get_opt(fd, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(oracle() ? IPPROTO_UDP : IPPROTO_YOKE_DGRAM,
		  get_opt(d, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(0, get_opt(fd, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(1, get_opt(l, SOL_SOCKET, SO_ACCEPTCONN));
}

TEST_F(stream, nodelay)
{
	int fd = stream();

	EXPECT_EQ(0, get_opt(fd, SOL_TCP, TCP_NODELAY));
	EXPECT_OK(set_opt(fd, SOL_TCP, TCP_NODELAY, 7));
	EXPECT_EQ(1, get_opt(fd, SOL_TCP, TCP_NODELAY));
	EXPECT_OK(set_opt(fd, SOL_TCP, TCP_NODELAY, 0));
	EXPECT_EQ(0, get_opt(fd, SOL_TCP, TCP_NODELAY));
	EXPECT_ERR(EINVAL, setsockopt(fd, SOL_TCP, TCP_NODELAY, "", 1));
	EXPECT_ERR(EFAULT, setsockopt(fd, SOL_TCP, TCP_NODELAY, (void *)8, 4));
	EXPECT_ERR(ENOPROTOOPT, set_opt(fd, SOL_TCP, 9999, 1));
	EXPECT_ERR(ENOPROTOOPT, set_opt(fd, 9999, 1, 1));
}

TEST_F(stream, maxseg)
{
	int l = listener(LOOPBACK, 0, 1), fd = stream(), b;

	EXPECT_EQ(536, get_opt(fd, SOL_TCP, TCP_MAXSEG));
	EXPECT_ERR(EINVAL, set_opt(fd, SOL_TCP, TCP_MAXSEG, 87));
	EXPECT_ERR(EINVAL, set_opt(fd, SOL_TCP, TCP_MAXSEG, 32768));
	EXPECT_ERR(EINVAL, set_opt(fd, SOL_TCP, TCP_MAXSEG, -1));
	EXPECT_OK(set_opt(fd, SOL_TCP, TCP_MAXSEG, 500));
	EXPECT_EQ(500, get_opt(fd, SOL_TCP, TCP_MAXSEG));
	must(connect_to(fd, LOOPBACK, local_port(l)));
	b = must(accept(l, NULL, NULL));
	EXPECT_GE(500, get_opt(fd, SOL_TCP, TCP_MAXSEG));
	EXPECT_GE(500, get_opt(b, SOL_TCP, TCP_MAXSEG));	/* he was told */
	EXPECT_LT(400, get_opt(b, SOL_TCP, TCP_MAXSEG));
	EXPECT_TRUE(carry_both_ways((struct pair){ fd, b }, 50000, BOUND));
}

TEST_F(stream, options_are_handed_down)
{
	int l = listener(LOOPBACK, 0, 1);
	struct pair p;

	must(set_opt(l, SOL_TCP, TCP_NODELAY, 1));
	must(set_opt(l, SOL_SOCKET, SO_KEEPALIVE, 1));
	must(set_opt(l, SOL_SOCKET, SO_REUSEADDR, 1));
	must(set_opt(l, SOL_SOCKET, SO_RCVBUF, 20000));
	must(set_opt(l, SOL_IP, IP_TOS, 0x10));
	p = pair_through(l, LOOPBACK);
	EXPECT_EQ(1, get_opt(p.b, SOL_TCP, TCP_NODELAY));
	EXPECT_EQ(1, get_opt(p.b, SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_EQ(1, get_opt(p.b, SOL_SOCKET, SO_REUSEADDR));
	EXPECT_EQ(40000, get_opt(p.b, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(0x10, get_opt(p.b, SOL_IP, IP_TOS));
	EXPECT_EQ(0, get_opt(p.a, SOL_TCP, TCP_NODELAY));
}

/* ---- waiting ---------------------------------------------------------------------- */

#define ALL_IN (POLLIN | POLLOUT | POLLRDHUP)

TEST_F(stream, poll_in_every_state)
{
	int fd = stream(), l = listener(LOOPBACK, 0, 4);
	struct pair p;

	EXPECT_EQ(POLLOUT | POLLHUP, events(fd, ALL_IN));
	EXPECT_EQ(0, events(l, ALL_IN));
	must(connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_EQ(POLLIN, wait_events(l, ALL_IN));
	p = (struct pair){ fd, must(accept(l, NULL, NULL)) };
	EXPECT_EQ(0, events(l, ALL_IN));
	EXPECT_EQ(POLLOUT, events(p.a, ALL_IN));
	EXPECT_EQ(POLLOUT, events(p.b, ALL_IN));
	must(send(p.a, "x", 1, 0));
	EXPECT_TRUE(arrived(p.b, 1));
	EXPECT_EQ(POLLIN | POLLOUT, events(p.b, ALL_IN));
	EXPECT_EQ(POLLIN | POLLRDNORM, events(p.b, POLLIN | POLLRDNORM | POLLPRI));

	must(shutdown(p.a, SHUT_WR));		/* fin-wait-2 and close-wait */
	EXPECT_TRUE(until(state(p.a) == TCP_FIN_WAIT2));
	EXPECT_TRUE(until(state(p.b) == TCP_CLOSE_WAIT));
	EXPECT_EQ(POLLOUT, events(p.a, ALL_IN));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, events(p.b, ALL_IN));

	must(shutdown(p.b, SHUT_WR));		/* over in both directions */
	must_hold(wait_events(p.a, POLLIN));
	EXPECT_TRUE(until(state(p.b) == TCP_CLOSE));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP, events(p.a, ALL_IN));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP, events(p.b, ALL_IN));

	p = stream_pair();
	must(shutdown(p.b, SHUT_RD));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, events(p.b, ALL_IN));

	p = stream_pair();
	close_hard(p.a);
	must_hold(wait_events(p.b, 0));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR,
		  events(p.b, ALL_IN));
	EXPECT_EQ(ECONNRESET, so_error(p.b));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP, events(p.b, ALL_IN));
}

/* One who sleeps in poll() is woken by data, by the end and by a reset. */
TEST_F(stream, poll_wakes_up)
{
	int i;

	for (i = 0; i < 3; i++) {
		struct pair p = stream_pair();
		pid_t pid = background(wait_events(p.b, POLLIN) ? 0 : -1);

		ASSERT_TRUE(asleep(pid, SYS_poll));
		if (i == 0)
			must(send(p.a, "x", 1, 0));
		else if (i == 1)
			must(shutdown(p.a, SHUT_WR));
		else
			must(connect_nowhere(p.a));
		EXPECT_EQ(0, finish(pid));
	}
}

TEST_F(stream, read_wakes_up)
{
	int i, expected[] = { 0, 0, ECONNRESET };
	char c;

	for (i = 0; i < 3; i++) {
		struct pair p = stream_pair();
		pid_t pid = background(recv(p.b, &c, 1, 0));

		ASSERT_TRUE(asleep(pid, SYS_recvfrom));
		if (i == 0)
			must(send(p.a, "x", 1, 0));
		else if (i == 1)
			must(shutdown(p.a, SHUT_WR));
		else
			must(connect_nowhere(p.a));
		EXPECT_EQ(expected[i], finish(pid));
	}
}

TEST_F(stream, own_shutdown_wakes_up)
{
	struct pair p = stream_pair();
	char c;
	pid_t pid = background(recv(p.b, &c, 1, 0));

	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	must(shutdown(p.b, SHUT_RD));
	EXPECT_EQ(0, finish(pid));
}

static int epoll_of(int fd, int mask)
{
	int ep = must(epoll_create1(EPOLL_CLOEXEC));
	struct epoll_event e = { .events = mask };

	must(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	return ep;
}

static int epoll_soon(int ep)
{
	struct epoll_event e = { 0 };

	return must(epoll_wait(ep, &e, 1, BOUND)) ? e.events : 0;
}

static int epoll_now(int ep)
{
	struct epoll_event e = { 0 };

	return must(epoll_wait(ep, &e, 1, 0)) ? e.events : 0;
}

TEST_F(stream, epoll_level)
{
	struct pair p = stream_pair();
	int ep = epoll_of(p.b, EPOLLIN);
	char c;

	EXPECT_EQ(0, epoll_now(ep));
	must(send(p.a, "xy", 2, 0));
	EXPECT_EQ(EPOLLIN, epoll_soon(ep));
	EXPECT_EQ(EPOLLIN, epoll_soon(ep));
	must(recv(p.b, &c, 1, 0));
	EXPECT_EQ(EPOLLIN, epoll_soon(ep));
	must(recv(p.b, &c, 1, 0));
	EXPECT_EQ(0, epoll_now(ep));
	close(p.a);
	EXPECT_EQ(EPOLLIN, epoll_soon(ep));
}

TEST_F(stream, epoll_edge)
{
	struct pair p = stream_pair();
	int ep = epoll_of(p.b, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	char c;

	EXPECT_EQ(EPOLLOUT, epoll_soon(ep));
	EXPECT_EQ(0, epoll_now(ep));
	must(send(p.a, "xy", 2, 0));
	EXPECT_EQ(EPOLLIN | EPOLLOUT, epoll_soon(ep));
	EXPECT_EQ(0, epoll_now(ep));		/* told once, though not read */
	must(recv(p.b, &c, 1, 0));
	EXPECT_EQ(0, epoll_now(ep));
	must(send(p.a, "z", 1, 0));		/* and again for more */
	EXPECT_EQ(EPOLLIN | EPOLLOUT, epoll_soon(ep));
	must(shutdown(p.a, SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLOUT | EPOLLRDHUP, epoll_soon(ep));
	EXPECT_EQ(0, epoll_now(ep));
}

TEST_F(stream, epoll_edge_of_room)
{
	struct pair p = stream_pair();
	struct flow f = { .from = p.a, .to = p.b, .size = 8 << 20 };
	struct epoll_event e;
	char buf[4096];
	int ep;

	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 16384));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 65536));
	stuff(&f);
	ep = epoll_of(p.a, EPOLLOUT | EPOLLET);
	EXPECT_EQ(0, epoll_now(ep));
	while (recv(p.b, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	/* The window opens: the sender goes on, and so may the writer. */
	f.ended = false;
	do {
		ASSERT_TRUE(flow_recv(&f));
	} while (!epoll_wait(ep, &e, 1, 10));
	EXPECT_EQ(EPOLLOUT, e.events);
	EXPECT_LT(0, send(p.a, "x", 1, MSG_DONTWAIT));
}

TEST_F(stream, epoll_of_a_listener)
{
	int l = listener(LOOPBACK, 0, 4), ep = epoll_of(l, EPOLLIN | EPOLLET);

	EXPECT_EQ(0, epoll_now(ep));
	connected_to(LOOPBACK, local_port(l));
	EXPECT_EQ(EPOLLIN, epoll_soon(ep));
	EXPECT_EQ(0, epoll_now(ep));
	connected_to(LOOPBACK, local_port(l));
	EXPECT_EQ(EPOLLIN, epoll_soon(ep));
}

TEST_F(stream, interrupted)
{
	struct pair p = stream_pair();
	char buf[10];
	pid_t pid;

	catch_signal(0);
	pid = background(recv(p.b, buf, 10, 0));
	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	ASSERT_TRUE(hit(pid));
	EXPECT_EQ(EINTR, finish(pid));

	/* What was read by then is not lost. */
	pid = background(recv(p.b, buf, 10, MSG_WAITALL) == 4 ? 0 : -1);
	must(send(p.a, "0123", 4, 0));
	ASSERT_TRUE(until(inq(p.b) == 0));
	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	ASSERT_TRUE(hit(pid));
	EXPECT_EQ(0, finish(pid));
}

TEST_F(stream, restarted)
{
	struct pair p = stream_pair();
	char buf[10];
	pid_t pid;

	catch_signal(SA_RESTART);
	pid = background(recv(p.b, buf, 10, 0));
	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	ASSERT_TRUE(hit(pid));
	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	must(send(p.a, "0123", 4, 0));
	EXPECT_EQ(0, finish(pid));
}

/* Another thread lets go of the connection: who sleeps in a call does not go on with the next one. */
TEST_F(stream, disconnected_by_another)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	struct pair p = stream_pair();
	struct flow f = { .from = p.a, .to = p.b, .size = 8 << 20 };
	pid_t reader, writer;
	int err;
	char c;

	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 16384));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 65536));
	stuff(&f);
	reader = background(recv(p.a, &c, 1, 0));
	writer = background(send(p.a, "x", 1, MSG_NOSIGNAL));
	ASSERT_TRUE(asleep(reader, SYS_recvfrom));
	ASSERT_TRUE(asleep(writer, SYS_sendto));
	must(connect(p.a, &nobody, sizeof(nobody)));
	EXPECT_EQ(EPIPE, finish(reader));
	err = finish(writer);	/* the socket's error goes before its own */
	EXPECT_TRUE(err == EPIPE || err == ECONNRESET);
	EXPECT_EQ(TCP_CLOSE, state(p.a));
}

TEST_F(stream, with_a_limit_it_is_not_restarted)
{
	struct pair p = stream_pair();
	char buf[10];
	pid_t pid;

	catch_signal(SA_RESTART);
	set_timeout(p.b, SO_RCVTIMEO, BOUND);
	pid = background(recv(p.b, buf, 10, 0));
	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	ASSERT_TRUE(hit(pid));
	EXPECT_EQ(EINTR, finish(pid));
}

TEST_F(stream, a_writer_is_interrupted)
{
	struct pair p = stream_pair();
	struct flow f = { .from = p.a, .to = p.b, .size = 8 << 20 };
	pid_t pid;

	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 16384));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 65536));
	stuff(&f);
	catch_signal(0);
	pid = background(send(p.a, "x", 1, 0));
	ASSERT_TRUE(asleep(pid, SYS_sendto));
	ASSERT_TRUE(hit(pid));
	EXPECT_EQ(EINTR, finish(pid));
}

/* ---- ends -------------------------------------------------------------------------- */

TEST_F(stream, half_closed)
{
	struct pair p = stream_pair();
	struct flow f = { .from = p.b, .to = p.a, .size = 100000 };
	char c;

	must(send(p.a, "x", 1, 0));
	EXPECT_OK(shutdown(p.a, SHUT_WR));
	EXPECT_EQ(1, recv(p.b, &c, 1, 0));
	EXPECT_EQ(0, recv(p.b, &c, 1, 0));
	EXPECT_EQ(0, recv(p.b, &c, 1, 0));
	EXPECT_EQ(TCP_CLOSE_WAIT, state(p.b));
	EXPECT_TRUE(until(state(p.a) == TCP_FIN_WAIT2));
	EXPECT_TRUE(carry(&f, 1, BOUND));	/* this direction lives on */
}

/* F_SETSIG says so where the peer has closed the other half. */
TEST_F(stream, a_signal_for_the_end)
{
	struct timespec bound = { .tv_sec = BOUND / 1000 };
	struct pair p = stream_pair();
	siginfo_t si = { };
	sigset_t set;
	char c;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	must(fcntl(p.a, F_SETOWN, getpid()));
	must(fcntl(p.a, F_SETSIG, SIGRTMIN));
	must(fcntl(p.a, F_SETFL, O_ASYNC));
	must(shutdown(p.a, SHUT_WR));
	EXPECT_EQ(0, recv(p.b, &c, 1, 0));
	close(p.b);
	while (sigtimedwait(&set, &si, &bound) == SIGRTMIN && si.si_code != POLL_HUP)
		;
	EXPECT_EQ(POLL_HUP, si.si_code);
}

TEST_F(stream, shut_for_reading)
{
	struct pair p = stream_pair();
	char c;

	EXPECT_OK(shutdown(p.b, SHUT_RD));
	EXPECT_EQ(0, recv(p.b, &c, 1, 0));
	EXPECT_EQ(1, send(p.a, "x", 1, 0));	/* the peer is not told, */
	EXPECT_TRUE(arrived(p.b, 1));		/* and what comes, comes */
	EXPECT_EQ(1, recv(p.b, &c, 1, 0));
	EXPECT_EQ(0, recv(p.b, &c, 1, 0));
	EXPECT_EQ(1, send(p.b, "y", 1, 0));
	EXPECT_EQ(1, recv(p.a, &c, 1, 0));
}

TEST_F(stream, shutdown_in_wrong_states)
{
	struct pair p = stream_pair();

	EXPECT_ERR(ENOTCONN, shutdown(stream(), SHUT_RDWR));
	EXPECT_ERR(ENOTCONN, shutdown(bound(SOCK_STREAM, LOOPBACK, 0), SHUT_WR));
	EXPECT_ERR(EINVAL, shutdown(p.a, 3));
	EXPECT_ERR(EINVAL, shutdown(p.a, -1));
	EXPECT_OK(shutdown(p.a, SHUT_RDWR));
	EXPECT_OK(shutdown(p.a, SHUT_RDWR));
	must_hold(wait_events(p.b, POLLIN));
	EXPECT_OK(shutdown(p.b, SHUT_WR));
	EXPECT_TRUE(until(state(p.b) == TCP_CLOSE));
	EXPECT_ERR(ENOTCONN, shutdown(p.b, SHUT_WR));	/* it is over */
}

TEST_F(stream, close_in_order)
{
	struct pair p = stream_pair();
	int port = local_port(p.a);
	char c;

	close(p.a);
	EXPECT_TRUE(until(count(TCP_FIN_WAIT2, port) == 1));
	EXPECT_EQ(0, recv(p.b, &c, 1, 0));
	EXPECT_EQ(TCP_CLOSE_WAIT, state(p.b));
	EXPECT_EQ(0, so_error(p.b));
	close(p.b);
	/* Who closed first waits, the other is gone. */
	EXPECT_TRUE(until(count(0, port) == 1));
	EXPECT_EQ(1, count(TCP_TIME_WAIT, port));
}

TEST_F(stream, closed_with_data_on_the_way)
{
	struct pair p = stream_pair();
	struct flow f = { .from = p.a, .to = p.b, .size = 8 << 20 };

	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 16384));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 65536));
	stuff(&f);
	close(p.a);
	EXPECT_EQ(1, count(TCP_FIN_WAIT1, 0));	/* it goes on by itself */
	f.size = f.sent;
	f.shut = true;
	EXPECT_TRUE(carry(&f, 1, BOUND));
}

TEST_F(stream, closed_with_unread_data_is_a_reset)
{
	struct pair p = stream_pair();
	char c;

	must(send(p.a, "x", 1, 0));
	must_hold(wait_events(p.b, POLLIN));
	close(p.b);
	EXPECT_EQ(POLLERR, wait_events(p.a, 0) & POLLERR);
	EXPECT_ERR(ECONNRESET, recv(p.a, &c, 1, 0));
	EXPECT_EQ(0, recv(p.a, &c, 1, 0));
	EXPECT_ERR(EPIPE, send(p.a, "x", 1, MSG_NOSIGNAL));
	EXPECT_TRUE(until(count(0, 0) == 0));	/* nobody waits after a reset */
}

TEST_F(stream, fin_and_reset_are_told_apart)
{
	struct pair p = stream_pair(), q = stream_pair();
	char c;

	close(p.a);
	close_hard(q.a);
	EXPECT_EQ(0, recv(p.b, &c, 1, 0));
	EXPECT_EQ(1, send(p.b, "x", 1, MSG_NOSIGNAL));	/* nobody there: RST */
	must_hold(wait_events(p.b, 0));
	must_hold(wait_events(q.b, 0));
	EXPECT_ERR(EPIPE, send(p.b, "x", 1, MSG_NOSIGNAL));
	EXPECT_ERR(ECONNRESET, send(q.b, "x", 1, MSG_NOSIGNAL));
	EXPECT_ERR(EPIPE, send(q.b, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(0, recv(q.b, &c, 1, 0));
}

/* What arrived before the reset is there to be read. */
TEST_F(stream, a_reset_does_not_take_data_away)
{
	struct pair p = stream_pair();
	char buf[4];

	must(send(p.a, "x", 1, 0));
	close_hard(p.a);
	must_hold(wait_events(p.b, 0));
	EXPECT_EQ(1, inq(p.b));
	EXPECT_EQ(1, recv(p.b, buf, 4, 0));
	EXPECT_ERR(ECONNRESET, recv(p.b, buf, 4, 0));
	EXPECT_EQ(0, recv(p.b, buf, 4, 0));
}

TEST_F(stream, linger_zero_resets)
{
	struct pair p = stream_pair();
	char c;

	close_hard(p.a);
	EXPECT_ERR(ECONNRESET, recv(p.b, &c, 1, 0));
	EXPECT_TRUE(until(count(0, 0) == 0));
}

TEST_F(stream, linger_waits)
{
	struct pair p = stream_pair();
	struct linger linger = { 1, 1 };
	struct flow f = { .from = p.a, .to = p.b, .size = 8 << 20 };
	socklen_t len = sizeof(linger);
	long start, took;

	must(setsockopt(p.a, SOL_SOCKET, SO_LINGER, &linger, len));
	must(getsockopt(p.a, SOL_SOCKET, SO_LINGER, &linger, &len));
	EXPECT_EQ(1, linger.l_onoff);
	EXPECT_EQ(1, linger.l_linger);
	/* Not when everything is delivered ... */
	promptly(800, p = stream_pair(),
		must(setsockopt(p.a, SOL_SOCKET, SO_LINGER, &linger, len));
		must(send(p.a, "x", 1, 0));
		start = now_ms();
		close(p.a);
		took = now_ms() - start;
	);
	EXPECT_GT(900, took);

	/* ... but when something is left, as long as was asked. */
	p = stream_pair();
	f.from = p.a;
	f.to = p.b;
	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 16384));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 65536));
	stuff(&f);
	must(setsockopt(p.a, SOL_SOCKET, SO_LINGER, &linger, len));
	start = ticks_ms();
	EXPECT_OK(close(p.a));
	EXPECT_LT(900, ticks_ms() - start);
}

TEST_F(stream, both_close_at_once)
{
	struct pair p = stream_pair();

	must(shutdown(p.a, SHUT_WR));
	must(shutdown(p.b, SHUT_WR));
	close(p.b);
	close(p.a);
	EXPECT_TRUE(until(count(0, 0) == count(TCP_TIME_WAIT, 0)));
	EXPECT_LE(1, count(TCP_TIME_WAIT, 0));
}

TEST_F(stream, an_orphan_does_not_wait_for_ever)
{
	struct pair p;
	bool waits;
	int port;

	ASSERT_TRUE(sysctl_own("fin_timeout", "1"));
	promptly(500, p = stream_pair(),
		port = local_port(p.a);
		close(p.a);
		waits = within(400, count(TCP_FIN_WAIT2, port) == 1);
	);
	EXPECT_TRUE(waits);
	EXPECT_TRUE(until(count(TCP_FIN_WAIT2, port) == 0));
	EXPECT_EQ(0, count(TCP_TIME_WAIT, port));
	EXPECT_EQ(TCP_CLOSE_WAIT, state(p.b));
	must(send(p.b, "x", 1, 0));
	EXPECT_TRUE(until(state(p.b) == TCP_CLOSE));
	EXPECT_EQ(EPIPE, so_error(p.b));
}

/* A program may waive FIN-WAIT-2, not only shorten it: whoever still sends is told at once. */
TEST_F(stream, linger2_below_zero_resets)
{
	struct pair p = stream_pair();
	int before = counter("TCPAbortOnLinger"), port = local_port(p.a);

	must(shutdown(p.a, SHUT_WR));
	ASSERT_TRUE(until(state(p.a) == TCP_FIN_WAIT2));
	must(set_opt(p.a, SOL_TCP, TCP_LINGER2, -5));
	EXPECT_EQ(-1, get_opt(p.a, SOL_TCP, TCP_LINGER2));
	close(p.a);
	EXPECT_EQ(EPIPE, error_of(p.b));	/* its FIN came before */
	EXPECT_EQ(0, count(0, port));
	EXPECT_EQ(before + 1, counter("TCPAbortOnLinger"));
}

/* Past net.yoke.max_tw_buckets nobody remembers a connection: it is closed. */
TEST_F(stream, not_all_may_wait)
{
	int before = counter("TCPTimeWaitOverflow"), i, ports[3];
	struct pair p;

	ASSERT_TRUE(sysctl_own("max_tw_buckets", "2"));
	for (i = 0; i < 3; i++) {
		p = stream_pair();
		ports[i] = local_port(p.a);
		close(p.a);
		ASSERT_TRUE(until(state(p.b) == TCP_CLOSE_WAIT));
		close(p.b);
		EXPECT_TRUE(until(count(TCP_LAST_ACK, 0) + count(TCP_FIN_WAIT2, 0) == 0));
	}
	EXPECT_EQ(2, count(TCP_TIME_WAIT, 0));
	EXPECT_EQ(0, count(0, ports[2]));
	EXPECT_EQ(before + 1, counter("TCPTimeWaitOverflow"));
}

/* An idle time counts from what came last, even if it is set while the old one runs. */
TEST_F(stream, keepidle_of_a_live_connection)
{
	struct pair p = { -1, -1 };
	int before;
	long start;
	char c;

	/* The probe is due when what comes next is a second old, not what was set. */
	promptly(900, close(p.a); close(p.b); p = stream_pair(),
		must(set_opt(p.a, SOL_SOCKET, SO_KEEPALIVE, 1));
		must(set_opt(p.a, SOL_TCP, TCP_KEEPIDLE, 1));
		usleep(300000);
		before = counter("TCPKeepAlive");
		start = ticks_ms();
		must(send(p.b, "x", 1, 0));
	);
	EXPECT_EQ(1, recv(p.a, &c, 1, 0));
	EXPECT_TRUE(until(counter("TCPKeepAlive") > before));
	EXPECT_LE(990, ticks_ms() - start);
	EXPECT_EQ(TCP_ESTABLISHED, state(p.b));
}

/* It may be over when it is set. */
TEST_F(stream, keepidle_of_an_idle_connection)
{
	struct pair p = { -1, -1 };
	bool probed;
	int before;

	promptly(900, close(p.a); close(p.b); p = stream_pair();
		must(set_opt(p.a, SOL_SOCKET, SO_KEEPALIVE, 1)); usleep(1500000),
		before = counter("TCPKeepAlive");
		must(set_opt(p.a, SOL_TCP, TCP_KEEPIDLE, 1));
		probed = within(800, counter("TCPKeepAlive") > before);
	);
	EXPECT_TRUE(probed);
}

/* Probes begin where SO_KEEPALIVE comes last, on a connection that stands. */
TEST_F(stream, keepalive_of_a_live_connection)
{
	int before = counter("TCPKeepAlive");
	struct pair p = stream_pair();

	must(set_opt(p.a, SOL_TCP, TCP_KEEPIDLE, 1));
	must(set_opt(p.a, SOL_SOCKET, SO_KEEPALIVE, 1));
	EXPECT_TRUE(until(counter("TCPKeepAlive") > before));
	EXPECT_EQ(TCP_ESTABLISHED, state(p.b));
}

/* A program that says so time and again does not put off the probes. */
TEST_F(stream, keepalive_again_and_again)
{
	int before = counter("TCPKeepAlive"), i;
	struct pair p = stream_pair();

	must(set_opt(p.a, SOL_TCP, TCP_KEEPIDLE, 1));
	for (i = 0; i < 100 && counter("TCPKeepAlive") == before; i++) {
		must(set_opt(p.a, SOL_SOCKET, SO_KEEPALIVE, 1));
		usleep(100000);
	}
	EXPECT_LT(before, counter("TCPKeepAlive"));
}

TEST_F(stream, the_last_descriptor_counts)
{
	struct pair p = stream_pair();
	int twin = dup(p.a);
	char c;

	close(p.a);
	EXPECT_EQ(1, send(twin, "x", 1, 0));
	EXPECT_EQ(1, recv(p.b, &c, 1, 0));
	EXPECT_EQ(TCP_ESTABLISHED, state(twin));
	close(twin);
	EXPECT_EQ(0, recv(p.b, &c, 1, 0));
}

TEST_F(stream, a_dead_process_closes)
{
	struct pair p = stream_pair();
	pid_t pid = background(0);
	char c;

	EXPECT_EQ(0, finish(pid));
	EXPECT_EQ(TCP_ESTABLISHED, state(p.b));	/* we still have it */
	pid = background((close(p.b), recv(p.a, &c, 1, 0)));
	close(p.a);
	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	must(kill(pid, SIGKILL));
	EXPECT_EQ(0, recv(p.b, &c, 1, 0));
	EXPECT_EQ(-1, finish(pid));
}

ON_A_LINK(link)

/* FINs that cross go through CLOSING; both ends wait then. */
TEST_F(link, simultaneous_close)
{
	struct pair p;
	int port, after;

	NEED_NETEM(self->net.a, "delay 300ms");
	NEED_NETEM(self->net.b, "delay 300ms");
	promptly(250, p = link_pair(self->net),
		must(shutdown(p.a, SHUT_WR));
		must(shutdown(p.b, SHUT_WR));
		after = state(p.a);
	);
	port = local_port(p.a);
	EXPECT_EQ(TCP_FIN_WAIT1, after);
	ASSERT_TRUE(until(state(p.a) == TCP_CLOSING));
	close(p.a);
	close(p.b);
	EXPECT_TRUE(until(count(TCP_TIME_WAIT, port) == 1));
	enter(self->net.b);
	EXPECT_TRUE(until(count(TCP_TIME_WAIT, port) == 1));
}

TEST_F(link, the_mss_fits_the_wire)
{
	struct pair p = link_pair(self->net);

	EXPECT_GE(1460, get_opt(p.a, SOL_TCP, TCP_MAXSEG));
	EXPECT_LE(1400, get_opt(p.a, SOL_TCP, TCP_MAXSEG));
	EXPECT_TRUE(carry_both_ways(p, 300000, BOUND));
}

TEST_HARNESS_MAIN
