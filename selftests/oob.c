// SPDX-License-Identifier: GPL-2.0
/*
 * Urgent data: MSG_OOB, the mark, and who is told of it.
 */
#include "yoke_test.h"
#include "dice.h"
#include <sys/select.h>

IN_OWN_NET(oob)

static bool at_mark(int fd)
{
	return must(sockatmark(fd));
}

/* Send it all and wait until it is there, in this pair's whole life so many bytes. */
static bool give(struct pair p, const char *text, int flags)
{
	uint64_t before = info_u64(p.b, BYTES_RECEIVED);
	size_t len = strlen(text);

	return send(p.a, text, len, flags) == (ssize_t)len &&
	       until(info_u64(p.b, BYTES_RECEIVED) == before + len);
}

TEST_F(oob, the_last_byte_is_read_apart)
{
	struct pair p = stream_pair();
	char buf[16] = "", c = 0, control[64];
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int left = 0;

	must(set_opt(p.b, SOL_TCP, TCP_INQ, 1));
	EXPECT_ERR(EINVAL, recv(p.b, &c, 1, MSG_OOB));
	ASSERT_TRUE(give(p, "ab!", MSG_OOB));
	EXPECT_EQ(1, recv(p.b, &c, 1, MSG_OOB | MSG_PEEK));
	EXPECT_EQ('!', c);
	c = 0;
	EXPECT_EQ(1, recvmsg(p.b, &m, MSG_OOB));
	EXPECT_EQ('!', c);
	EXPECT_EQ(MSG_OOB, m.msg_flags & MSG_OOB);
	EXPECT_EQ(sizeof(left), control_bytes(&m, SOL_TCP, TCP_CM_INQ, &left, sizeof(left)));
	EXPECT_EQ(3, left);
	EXPECT_ERR(EINVAL, recv(p.b, &c, 1, MSG_OOB));
	ASSERT_TRUE(give(p, "cd", 0));
	EXPECT_EQ(2, recv(p.b, buf, sizeof(buf), 0));
	EXPECT_STREQ("ab", buf);
	EXPECT_TRUE(at_mark(p.b));
	EXPECT_EQ(2, recv(p.b, buf, sizeof(buf), 0));
	EXPECT_STREQ("cd", buf);
	EXPECT_FALSE(at_mark(p.b));
	EXPECT_ERR(EINVAL, recv(p.b, &c, 1, MSG_OOB));
}

TEST_F(oob, no_room_is_truncation)
{
	struct pair p = stream_pair();
	struct msghdr m = { 0 };
	char c;

	ASSERT_TRUE(give(p, "!", MSG_OOB));
	EXPECT_EQ(0, recvmsg(p.b, &m, MSG_OOB | MSG_PEEK));
	EXPECT_EQ(MSG_OOB | MSG_TRUNC, m.msg_flags);
	EXPECT_EQ(1, recv(p.b, NULL, 10, MSG_OOB | MSG_TRUNC | MSG_PEEK));
	EXPECT_ERR(EFAULT, recv(p.b, (void *)8, 1, MSG_OOB | MSG_PEEK));
	EXPECT_EQ(1, recv(p.b, &c, 1, MSG_OOB));
}

TEST_F(oob, in_line)
{
	struct pair p = stream_pair();
	char buf[16] = "";

	must(set_opt(p.b, SOL_SOCKET, SO_OOBINLINE, 1));
	ASSERT_TRUE(give(p, "ab!", MSG_OOB));
	ASSERT_TRUE(give(p, "cd", 0));
	EXPECT_ERR(EINVAL, recv(p.b, buf, 1, MSG_OOB));
	EXPECT_EQ(5, inq(p.b));
	EXPECT_EQ(2, recv(p.b, buf, 5, MSG_WAITALL));
	EXPECT_STREQ("ab", buf);
	EXPECT_TRUE(at_mark(p.b));
	EXPECT_EQ(3, recv(p.b, buf, sizeof(buf), 0));
	EXPECT_STREQ("!cd", buf);
	EXPECT_FALSE(at_mark(p.b));
}

TEST_F(oob, a_child_keeps_it_in_line)
{
	int listening = listener(LOOPBACK, 0, 1);
	struct pair p;
	char buf[8] = "";

	must(set_opt(listening, SOL_SOCKET, SO_OOBINLINE, 1));
	p = pair_through(listening, LOOPBACK);
	ASSERT_TRUE(give(p, "!", MSG_OOB));
	EXPECT_EQ(1, recv(p.b, buf, sizeof(buf), MSG_DONTWAIT));
}

/* At the mark there is nothing to read but apart. */
TEST_F(oob, poll_select_epoll)
{
	struct timeval now = { 0 };
	struct pair p = stream_pair();
	struct epoll_event e = { .events = EPOLLPRI };
	int ep = must(epoll_create1(0));
	fd_set in, except;
	char c;

	must(epoll_ctl(ep, EPOLL_CTL_ADD, p.b, &e));
	EXPECT_EQ(0, events(p.b, POLLIN | POLLPRI));
	ASSERT_TRUE(give(p, "!", MSG_OOB));
	EXPECT_EQ(POLLPRI, events(p.b, POLLIN | POLLPRI));
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, BOUND));
	EXPECT_EQ(EPOLLPRI, e.events);
	FD_ZERO(&in);
	FD_ZERO(&except);
	FD_SET(p.b, &in);
	FD_SET(p.b, &except);
	EXPECT_EQ(1, select(p.b + 1, &in, NULL, &except, &now));
	EXPECT_TRUE(FD_ISSET(p.b, &except) && !FD_ISSET(p.b, &in));
	EXPECT_EQ(1, recv(p.b, &c, 1, MSG_OOB));
	EXPECT_EQ(0, events(p.b, POLLIN | POLLPRI));
	ASSERT_TRUE(give(p, "x", 0));
	EXPECT_EQ(POLLIN, events(p.b, POLLIN | POLLPRI));
	EXPECT_EQ(1, recv(p.b, &c, 1, 0));
	EXPECT_EQ('x', c);

	/* Who reads on without it has missed it. */
	ASSERT_TRUE(give(p, "!", MSG_OOB));
	EXPECT_ERR(EAGAIN, recv(p.b, &c, 1, MSG_DONTWAIT));
	EXPECT_ERR(EINVAL, recv(p.b, &c, 1, MSG_OOB));
}

TEST_F(oob, sigurg)
{
	struct pair p = stream_pair();
	struct sigaction sa = { .sa_handler = note_signal };
	int sig = 0;

	must(pipe2(signal_pipe, O_CLOEXEC));
	must(sigaction(SIGURG, &sa, NULL));
	must(fcntl(p.b, F_SETOWN, getpid()));
	ASSERT_TRUE(give(p, "plain", 0));
	EXPECT_EQ(0, events(signal_pipe[0], POLLIN));
	ASSERT_TRUE(give(p, "!", MSG_OOB));
	EXPECT_TRUE(until(events(signal_pipe[0], POLLIN)));
	must(read(signal_pipe[0], &sig, 1));
	EXPECT_EQ(SIGURG, sig);
}

/* The receiver hears of urgent data for which it has no room yet. */
TEST_F(oob, announced_before_it_comes)
{
	struct pair p = stream_pair();
	struct flow f = { .from = p.a, .to = p.b, .size = 8 << 20 };
	struct sigaction sa = { .sa_handler = note_signal };
	static char buf[16384];
	int before;
	char c;

	must(pipe2(signal_pipe, O_CLOEXEC));
	must(sigaction(SIGURG, &sa, NULL));
	must(fcntl(p.b, F_SETOWN, getpid()));
	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 8192));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 65536));
	do {
		before = outq(p.a);
		ASSERT_TRUE(flow_send(&f, 1));
	} while (events(p.a, POLLOUT) || outq(p.a) != before);
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 1 << 20));
	must(send(p.a, "!", 1, MSG_OOB));
	ASSERT_TRUE(until(events(signal_pipe[0], POLLIN)));
	EXPECT_ERR(EAGAIN, recv(p.b, &c, 1, MSG_OOB));
	EXPECT_EQ(0, events(p.b, POLLPRI));
	for (; f.got < f.sent; f.got += before) {
		before = recv(p.b, buf, sizeof(buf), 0);
		ASSERT_LT(0, before);
	}
	EXPECT_EQ(f.sent, f.got);
	EXPECT_TRUE(at_mark(p.b));
	ASSERT_TRUE(wait_events(p.b, POLLPRI));
	EXPECT_EQ(1, recv(p.b, &c, 1, MSG_OOB));
	EXPECT_EQ('!', c);
}

/* An urgent byte goes at once, whatever Nagle or the cork would hold back. */
TEST_F(oob, waits_for_nobody)
{
	struct pair p;
	int came;

	/* A cork holds for 200 ms. */
	promptly(100, p = stream_pair(),
		must(set_opt(p.a, SOL_TCP, TCP_CORK, 1));
		must(send(p.a, "held", 4, 0));
		came = inq(p.b);
	);
	EXPECT_EQ(0, came);
	must(send(p.a, "!", 1, MSG_OOB | MSG_MORE));
	EXPECT_TRUE(until(events(p.b, POLLPRI)));
	EXPECT_EQ(4, inq(p.b));
}

/* A writer that was asleep when another thread let go of the connection leaves the next one alone. */
TEST_F(oob, not_of_the_next_connection)
{
	static char big[1 << 20];
	int l = listener(LOOPBACK, 0, 1);
	struct pair p = pair_through(l, LOOPBACK);
	pid_t writer;
	char c;

	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 8192));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 65536));
	writer = background(send(p.a, big, sizeof(big), MSG_OOB | MSG_NOSIGNAL));
	ASSERT_TRUE(asleep(writer, SYS_sendto));
	must(connect_nowhere(p.a));
	finish(writer);
	error_of(p.a);
	must(connect_to(p.a, LOOPBACK, local_port(l)));
	p.b = must(accept(l, NULL, NULL));
	must(send(p.a, "x", 1, 0));
	EXPECT_EQ(1, recv(p.b, &c, 1, 0));
	EXPECT_EQ(0, events(p.b, POLLPRI));
}

/* splice(2) takes what lies before an urgent byte, and stops there. */
TEST_F(oob, splice_ends_before_it)
{
	struct pair p = stream_pair();
	int pipes[2];
	char buf[10];

	must(pipe(pipes));
	must(send(p.a, "abc", 3, 0));
	must(send(p.a, "d", 1, MSG_OOB));
	must(send(p.a, "efg", 3, 0));
	ASSERT_TRUE(until(info_u64(p.b, BYTES_RECEIVED) == 7));
	EXPECT_EQ(3, splice(p.b, NULL, pipes[1], NULL, sizeof(buf), SPLICE_F_NONBLOCK));
	EXPECT_EQ(3, read(pipes[0], buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp("abc", buf, 3));
	EXPECT_TRUE(at_mark(p.b));
	EXPECT_EQ(1, recv(p.b, buf, 1, MSG_OOB));
	EXPECT_EQ('d', buf[0]);
	EXPECT_EQ(3, recv(p.b, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp("efg", buf, 3));
}

TEST_F(oob, after_the_end)
{
	struct pair p = stream_pair(), q = stream_pair();
	char c;

	ASSERT_TRUE(give(p, "!", MSG_OOB));
	must(shutdown(p.a, SHUT_WR));
	must_hold(wait_events(p.b, POLLRDHUP));
	EXPECT_EQ(1, recv(p.b, &c, 1, MSG_OOB));
	EXPECT_EQ(0, recv(p.b, &c, 1, 0));
	EXPECT_ERR(EINVAL, recv(p.b, &c, 1, MSG_OOB));
	EXPECT_ERR(EPIPE, send(p.a, "!", 1, MSG_OOB | MSG_NOSIGNAL));

	ASSERT_TRUE(give(q, "!", MSG_OOB));
	close_hard(q.a);
	must_hold(wait_events(q.b, POLLHUP));
	EXPECT_ERR(ENOTCONN, recv(q.b, &c, 1, MSG_OOB));
	must(connect_nowhere(q.b));
	EXPECT_FALSE(at_mark(q.b));
	EXPECT_ERR(EINVAL, recv(q.b, &c, 1, MSG_OOB));
}

TEST_F(oob, not_connected)
{
	int listening = listener(LOOPBACK, 0, 1), fd = stream();
	char c;

	EXPECT_ERR(ENOTCONN, recv(listening, &c, 1, MSG_OOB));
	EXPECT_ERR(EINVAL, recv(fd, &c, 1, MSG_OOB));
	EXPECT_ERR(EPIPE, send(fd, &c, 1, MSG_OOB | MSG_NOSIGNAL));
	EXPECT_FALSE(at_mark(fd));
	EXPECT_FALSE(at_mark(listening));
}

/* net.*.stdurg: the pointer names the urgent byte itself, as RFC 1122 had it. */
TEST_F(oob, stdurg)
{
	struct pair p = stream_pair();
	char buf[8] = "", c;

	ASSERT_TRUE(sysctl_own("stdurg", "1"));
	ASSERT_TRUE(give(p, "ab", MSG_OOB));
	EXPECT_ERR(EAGAIN, recv(p.b, &c, 1, MSG_OOB));
	ASSERT_TRUE(give(p, "cd", 0));
	EXPECT_EQ(1, recv(p.b, &c, 1, MSG_OOB));
	EXPECT_EQ('c', c);
	EXPECT_EQ(2, recv(p.b, buf, 8, 0));
	EXPECT_STREQ("ab", buf);
	EXPECT_EQ(1, recv(p.b, buf, 8, 0));
	EXPECT_EQ('d', buf[0]);
}

/* Much data with marks in it: whole, and each mark where it was made. */
TEST_F(oob, marks_in_a_large_stream)
{
	enum { CHUNK = 70000, CHUNKS = 8 };
	struct pair p = stream_pair();
	static char out[CHUNK], in[CHUNK];
	int i, n, got;
	pid_t pid;

	must(set_opt(p.b, SOL_SOCKET, SO_OOBINLINE, 1));
	pid = background(({
		int j, bad = 0;

		for (j = 0; j < CHUNKS; j++) {
			fill(out, CHUNK, 1, j * CHUNK);
			bad |= send(p.a, out, CHUNK, MSG_OOB) != CHUNK;
			/* The next mark would take the place of this one. */
			bad |= recv(p.a, out, 1, 0) != 1;
		}
		bad ? -1 : 0;
	}));
	for (i = 0; i < CHUNKS; i++) {
		/* Up to the mark, which is before the chunk's last byte, and then that byte. */
		for (got = 0; got < CHUNK; got += n) {
			n = recv(p.b, in + got, CHUNK - got, 0);
			ASSERT_LT(0, n);
			if (got + n < CHUNK - 1)
				continue;
			if (got + n == CHUNK - 1) {
				EXPECT_TRUE(at_mark(p.b));
			} else {
				EXPECT_EQ(CHUNK - 1, got);
			}
		}
		fill(out, CHUNK, 1, i * CHUNK);
		EXPECT_EQ(0, memcmp(in, out, CHUNK));
		must(send(p.b, "+", 1, 0));
	}
	EXPECT_EQ(0, finish(pid));
}

/* ---- a walk through all cases, at TCP's side --------------------------------- */

/* What one step did, in words, so that two families can be compared. */
static void step(struct pair p, uint64_t *total, char *say, size_t size)
{
	static const int flags[] = {
		0, 0, MSG_PEEK, MSG_OOB, MSG_OOB | MSG_PEEK, MSG_WAITALL, MSG_TRUNC,
	};
	char buf[64] = "";
	unsigned int what = dice(10), n = dice(6), i;
	int flag = flags[dice(sizeof(flags) / sizeof(*flags))], got;

	if (what < 4) {		/* send */
		for (i = 0; i <= n; i++)
			buf[i] = 'a' + (*total + i) % 26;
		flag = what < 2 ? MSG_OOB : 0;
		*total += must(send(p.a, buf, n + 1, flag));
		snprintf(say, size, "send %u%s: %s", n + 1, flag ? " urgent" : "",
			 until(info_u64(p.b, BYTES_RECEIVED) == *total) ? "there" : "lost");
	} else if (what == 4) {
		must(set_opt(p.b, SOL_SOCKET, SO_OOBINLINE, n & 1));
		snprintf(say, size, "in line %u", n & 1);
	} else {
		errno = 0;
		got = recv(p.b, buf, n, flag | MSG_DONTWAIT);
		snprintf(say, size, "recv %u, flags %#x: %d '%s' %s", n, flag, got, buf,
			 got < 0 ? err_name(errno) : "");
	}
	snprintf(say + strlen(say), size - strlen(say), "; then inq %d mark %d poll %#x", inq(p.b),
		 at_mark(p.b), events(p.b, POLLIN | POLLPRI));
}

TEST_F(oob, walk)
{
	enum { WALKS = 100, STEPS = 50 };
	int i, walk;

	for (walk = 0; walk < WALKS; walk++) {
		uint64_t total[2] = { 0 }, before;
		struct pair ours = stream_pair(), theirs;
		char say[2][256];

		other_family = host_family();
		theirs = stream_pair();
		other_family = 0;
		must(set_opt(ours.a, SOL_TCP, TCP_NODELAY, 1));
		must(set_opt(theirs.a, SOL_TCP, TCP_NODELAY, 1));
		dice_begin(walk);
		for (i = 0; i < STEPS; i++) {
			before = dice_state;
			step(ours, &total[0], say[0], sizeof(say[0]));
			dice_state = before;
			step(theirs, &total[1], say[1], sizeof(say[1]));
			EXPECT_STREQ(say[1], say[0]) {
				TH_LOG("walk %d, step %d", walk, i);
				return;
			}
		}
		close(ours.a);
		close(ours.b);
		close(theirs.a);
		close(theirs.b);
	}
}

TEST_HARNESS_MAIN
