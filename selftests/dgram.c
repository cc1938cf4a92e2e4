// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams: each is sent, lost or received as a whole, with a connection or
 * without.
 */
#include "yoke_test.h"

IN_OWN_NET(dgram)

/* recvmsg() of one datagram: its length (or -1), flags and sender. */
static ssize_t receive(int fd, void *buf, size_t len, int flags, int *msg_flags,
		       struct sockaddr_in *from)
{
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_name = from, .msg_namelen = from ? sizeof(*from) : 0,
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	ssize_t n = recvmsg(fd, &msg, flags);

	if (msg_flags)
		*msg_flags = msg.msg_flags;
	return n;
}

TEST_F(dgram, without_a_connection)
{
	int a = bound(SOCK_DGRAM, LOOPBACK, 0), b = bound(SOCK_DGRAM, LOOPBACK, 0);
	struct sockaddr_in from;
	char buf[16];

	EXPECT_EQ(4, send_to(a, "ping", 4, LOOPBACK, local_port(b)));
	EXPECT_EQ(4, receive(b, buf, sizeof(buf), 0, NULL, &from));
	EXPECT_EQ(0, memcmp(buf, "ping", 4));
	EXPECT_EQ(AF_INET, from.sin_family);
	EXPECT_EQ(local_port(a), ntohs(from.sin_port));
	EXPECT_EQ(inet_addr(LOOPBACK), from.sin_addr.s_addr);
	EXPECT_EQ(4, sendto(b, "pong", 4, 0, (struct sockaddr *)&from, sizeof(from)));
	EXPECT_EQ(4, recv(a, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "pong", 4));
}

TEST_F(dgram, connected)
{
	struct pair p = dgram_pair();
	char buf[16];

	EXPECT_EQ(4, send(p.a, "ping", 4, 0));
	EXPECT_EQ(4, recv(p.b, buf, sizeof(buf), 0));
	EXPECT_EQ(4, write(p.b, "pong", 4));
	EXPECT_EQ(4, read(p.a, buf, sizeof(buf)));
	EXPECT_EQ(local_port(p.b), ntohs(peer(p.a).sin_port));
	/* It may still be told where to send, just this once. */
	EXPECT_EQ(4, send_to(p.a, "self", 4, LOOPBACK, local_port(p.b)));
	EXPECT_EQ(4, recv(p.b, buf, sizeof(buf), 0));
}

TEST_F(dgram, boundaries_are_kept)
{
	struct pair p = dgram_pair();
	size_t sizes[] = { 1, 100, 0, 1400, 5000, 2 }, i;
	char out[5000], in[8000];

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(out, sizes[i], i, 0);
		ASSERT_EQ(sizes[i], send(p.a, out, sizes[i], 0));
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(out, sizes[i], i, 0);
		ASSERT_EQ(sizes[i], recv(p.b, in, sizeof(in), 0));
		EXPECT_EQ(0, memcmp(out, in, sizes[i]));
	}
	EXPECT_ERR(EAGAIN, recv(p.b, in, sizeof(in), MSG_DONTWAIT));
}

TEST_F(dgram, nothing_is_something)
{
	struct pair p = dgram_pair();
	struct sockaddr_in from;
	char c;

	EXPECT_EQ(0, send(p.a, NULL, 0, 0));
	EXPECT_EQ(POLLIN | POLLOUT, events(p.b, POLLIN | POLLOUT));
	EXPECT_EQ(0, inq(p.b));
	EXPECT_EQ(0, receive(p.b, &c, 1, 0, NULL, &from));
	EXPECT_EQ(local_port(p.a), ntohs(from.sin_port));
	EXPECT_ERR(EAGAIN, recv(p.b, &c, 1, MSG_DONTWAIT));
}

TEST_F(dgram, too_long_is_cut_and_flagged)
{
	struct pair p = dgram_pair();
	int flags, i;
	char buf[16];

	for (i = 0; i < 4; i++)
		must(send(p.a, "0123456789", 10, 0));
	EXPECT_EQ(4, receive(p.b, buf, 4, 0, &flags, NULL));
	EXPECT_EQ(MSG_TRUNC, flags & MSG_TRUNC);
	EXPECT_EQ(0, memcmp(buf, "0123", 4));
	/* With the flag it says how long it was; the rest is gone all the same. */
	EXPECT_EQ(10, receive(p.b, buf, 4, MSG_TRUNC, &flags, NULL));
	EXPECT_EQ(MSG_TRUNC, flags & MSG_TRUNC);
	EXPECT_EQ(10, receive(p.b, buf, 16, MSG_TRUNC, &flags, NULL));
	EXPECT_EQ(0, flags & MSG_TRUNC);
	EXPECT_EQ(0, recv(p.b, NULL, 0, 0));
	EXPECT_ERR(EAGAIN, recv(p.b, buf, 4, MSG_DONTWAIT));
}

TEST_F(dgram, peek)
{
	struct pair p = dgram_pair();
	char buf[16] = "";
	int flags;

	must(send(p.a, "first", 6, 0));
	must(send(p.a, "second", 7, 0));
	EXPECT_EQ(6, recv(p.b, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(2, receive(p.b, buf, 2, MSG_PEEK, &flags, NULL));
	EXPECT_EQ(MSG_TRUNC, flags & MSG_TRUNC);
	EXPECT_EQ(6, recv(p.b, NULL, 0, MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(6, recv(p.b, buf, sizeof(buf), 0));
	EXPECT_STREQ("first", buf);
	EXPECT_EQ(7, recv(p.b, buf, sizeof(buf), 0));
	EXPECT_STREQ("second", buf);
}

TEST_F(dgram, sizes_that_ip_can_carry)
{
	/* The length that IPv4's header gives is with that header. */
	const int most = 65535 - 8 - (ipv6() ? 0 : 20);
	static char out[65600], in[65600];
	struct pair p = dgram_pair();

	fill(out, sizeof(out), 1, 0);
	EXPECT_ERR(EMSGSIZE, send(p.a, out, most + 1, 0));
	EXPECT_ERR(EMSGSIZE, send(p.a, out, 65536, 0));
	EXPECT_ERR(EMSGSIZE, send_to(p.a, out, 65600, LOOPBACK, local_port(p.b)));
	EXPECT_EQ(most, send(p.a, out, most, 0));
	EXPECT_EQ(most, recv(p.b, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(out, in, most));
}

TEST_F(dgram, needs_a_destination)
{
	int fd = dgram();
	struct sockaddr_in a = addr(LOOPBACK, 9);

	EXPECT_ERR(EDESTADDRREQ, send(fd, "x", 1, 0));
	EXPECT_ERR(EDESTADDRREQ, write(fd, "x", 1));
	EXPECT_ERR(EINVAL, send_to(fd, "x", 1, LOOPBACK, 0));
	EXPECT_ERR(EINVAL, sendto(fd, "x", 1, 0, (struct sockaddr *)&a, 4));
	a.sin_family = AF_UNIX;
	EXPECT_ERR(ipv6() ? EINVAL : EAFNOSUPPORT,
		   sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a)));
	EXPECT_ERR(ENETUNREACH, send_to(fd, "x", 1, "192.0.2.1", 9));
	EXPECT_ERR(EFAULT, send_to(fd, (void *)8, 100, LOOPBACK, 9));
	/* UDP over IPv6 does not look at it. */
	EXPECT_ERR(ipv6() ? EDESTADDRREQ : EOPNOTSUPP, sendto(fd, "x", 1, MSG_OOB, NULL, 0));
}

/* The kernel calls it MSG_PROBE. */
TEST_F(dgram, a_probe_does_not_leave)
{
	struct pair p = dgram_pair();
	char c[4];

	EXPECT_EQ(0, send(p.a, "", 0, MSG_CONFIRM | MSG_PROXY));
	EXPECT_EQ(1, send(p.a, "p", 1, MSG_CONFIRM | MSG_PROXY));
	EXPECT_EQ(1, send(p.a, "p", 1, MSG_PROXY));
	EXPECT_EQ(1, send(p.a, "p", 1, MSG_PROXY | MSG_MORE));	/* and begins nothing */
	must(send(p.a, "x", 1, MSG_MORE));
	EXPECT_EQ(1, send(p.a, "p", 1, MSG_PROXY | MSG_MORE));
	EXPECT_EQ(1, send(p.a, "p", 1, MSG_PROXY));
	ASSERT_EQ(POLLIN, wait_events(p.b, POLLIN));
	EXPECT_EQ(1, recv(p.b, c, sizeof(c), 0));
	EXPECT_EQ('x', c[0]);
	EXPECT_ERR(EAGAIN, recv(p.b, c, sizeof(c), MSG_DONTWAIT));
}

TEST_F(dgram, names_in_each_state)
{
	int fd = dgram();
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	EXPECT_EQ(AF_INET, local(fd).sin_family);
	EXPECT_EQ(INADDR_ANY, local(fd).sin_addr.s_addr);
	EXPECT_EQ(0, local_port(fd));
	EXPECT_ERR(ENOTCONN, getpeername(fd, (struct sockaddr *)&a, &len));
	EXPECT_OK(connect_to(fd, LOOPBACK, 9));
	EXPECT_EQ(inet_addr(LOOPBACK), local(fd).sin_addr.s_addr);
	EXPECT_NE(0, local_port(fd));
	EXPECT_EQ(9, ntohs(peer(fd).sin_port));
	EXPECT_OK(connect_to(fd, "127.0.0.2", 10));	/* as often as one likes */
	EXPECT_EQ(10, ntohs(peer(fd).sin_port));
	EXPECT_EQ(inet_addr("127.0.0.2"), peer(fd).sin_addr.s_addr);
	EXPECT_OK(connect_nowhere(fd));
	EXPECT_ERR(ENOTCONN, getpeername(fd, (struct sockaddr *)&a, &len));
	EXPECT_EQ(INADDR_ANY, local(fd).sin_addr.s_addr);
	EXPECT_EQ(0, local_port(fd));
	EXPECT_ERR(EDESTADDRREQ, send(fd, "x", 1, 0));
}

/* It is whoever sends from that host. */
TEST_F(dgram, a_peer_without_a_port)
{
	int fd = dgram(), friend = bound(SOCK_DGRAM, LOOPBACK, 0);
	int stranger = bound(SOCK_DGRAM, "127.0.0.2", 0);
	char c;

	EXPECT_OK(connect_to(fd, LOOPBACK, 0));
	must(send_to(stranger, "s", 1, LOOPBACK, local_port(fd)));
	must(send_to(friend, "f", 1, LOOPBACK, local_port(fd)));
	ASSERT_EQ(POLLIN, wait_events(fd, POLLIN));
	EXPECT_EQ(1, recv(fd, &c, 1, 0));
	EXPECT_EQ('f', c);
	EXPECT_ERR(EAGAIN, recv(fd, &c, 1, MSG_DONTWAIT));
}

TEST_F(dgram, nowhere_keeps_a_bound_name)
{
	int fd = bound(SOCK_DGRAM, "127.0.0.3", 4000);

	must(connect_to(fd, "127.0.0.2", 9));
	EXPECT_OK(connect_nowhere(fd));
	EXPECT_EQ(4000, local_port(fd));
	EXPECT_EQ(inet_addr("127.0.0.3"), local(fd).sin_addr.s_addr);
}

TEST_F(dgram, connected_hears_its_peer_only)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, 4000);
	int friend = bound(SOCK_DGRAM, LOOPBACK, 5000), stranger = dgram();
	char buf[16];

	must(connect_to(fd, LOOPBACK, 5000));
	must(send_to(stranger, "psst", 4, LOOPBACK, 4000));
	must(send_to(friend, "hello", 5, LOOPBACK, 4000));
	EXPECT_EQ(5, recv(fd, buf, sizeof(buf), 0));
	EXPECT_ERR(EAGAIN, recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	/* To the stranger nobody lives there. */
	must(connect_to(stranger, LOOPBACK, 4000));
	must(send(stranger, "psst", 4, 0));
	EXPECT_EQ(ECONNREFUSED, error_of(stranger));
	/* Disconnected it listens to all the world again. */
	EXPECT_OK(connect_nowhere(fd));
	must(send(stranger, "psst", 4, 0));
	EXPECT_EQ(4, recv(fd, buf, sizeof(buf), 0));
}

/* Connects @fd again and again, and leaves it without a peer, until @end. */
static pid_t restless(int fd, long end)
{
	return background(({
		while (now_ms() < end) {
			must(connect_to(fd, LOOPBACK, 5000));
			must(connect_nowhere(fd));
		}
		0;
	}));
}

/* Whom it is connected to, and whether at all, changes; that somebody lives there does not. */
TEST_F(dgram, is_there_while_it_connects)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, 4000), peer = bound(SOCK_DGRAM, LOOPBACK, 5000), refused = 0;
	long end = now_ms() + 1000;
	pid_t mover;

	must(connect_to(peer, LOOPBACK, 4000));
	mover = restless(fd, end);
	while (now_ms() < end)
		refused += send(peer, "x", 1, 0) < 0 && errno == ECONNREFUSED;
	EXPECT_EQ(0, finish(mover));
	EXPECT_EQ(0, refused);
}

/* Nor does another, who has the port on any address, get what is for it. */
TEST_F(dgram, is_not_heard_by_others_while_it_connects)
{
	int fd = dgram(), any = dgram(), peer = bound(SOCK_DGRAM, LOOPBACK, 5000), overheard = 0;
	long end = now_ms() + 1000;
	pid_t mover;
	char c;

	must(set_opt(any, SOL_SOCKET, SO_REUSEADDR, 1));
	must(set_opt(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	must(bind_to(any, ANY, 4000));
	must(bind_to(fd, LOOPBACK, 4000));
	mover = restless(fd, end);
	while (now_ms() < end) {
		must(send_to(peer, "x", 1, LOOPBACK, 4000));
		overheard += recv(any, &c, 1, MSG_DONTWAIT) == 1;
	}
	EXPECT_EQ(0, finish(mover));
	EXPECT_EQ(0, overheard);
}

/*
 * Another's change of place is no reason not to hear what came to all; nor is one's own, to hear it twice.
 * The one that moves is the head of the list.
 */
TEST_F(dgram, broadcast_is_heard_while_others_connect)
{
	int out = dgram(), fd[3], i, heard = 1;
	long end = now_ms() + 1000;
	pid_t mover;
	char c;

	IPV4_ONLY("broadcast");
	must(set_opt(out, SOL_SOCKET, SO_BROADCAST, 1));
	for (i = 0; i < 3; i++) {
		fd[i] = dgram();
		must(set_opt(fd[i], SOL_SOCKET, SO_REUSEADDR, 1));
		must(bind_to(fd[i], ANY, 4000));
	}
	mover = restless(fd[2], end);
	while (heard == 1 && now_ms() < end) {
		must(send_to(out, "x", 1, "127.255.255.255", 4000));
		heard = 0;
		if (wait_events(fd[0], POLLIN))
			while (recv(fd[0], &c, 1, MSG_DONTWAIT) == 1)
				heard++;
		while (recv(fd[1], &c, 1, MSG_DONTWAIT) == 1)
			;
	}
	EXPECT_EQ(0, finish(mover));
	EXPECT_EQ(1, heard);
}

/* Its address is no other in between, which might be a neighbour's. */
TEST_F(dgram, neighbours_bind_while_it_connects)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, 4000), neighbour, refused = 0;
	long end = now_ms() + 1000;
	pid_t mover = restless(fd, end);

	while (now_ms() < end) {
		neighbour = dgram();
		refused += bind_to(neighbour, "127.0.0.2", 4000) < 0;
		close(neighbour);
	}
	EXPECT_EQ(0, finish(mover));
	EXPECT_EQ(0, refused);
}

TEST_F(dgram, unreachable_port_is_told_to_the_connected)
{
	int fd = dgram(), hole = bound(SOCK_DGRAM, LOOPBACK, 4000);
	char c;

	close(hole);
	must(connect_to(fd, LOOPBACK, 4000));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(POLLERR | POLLOUT, wait_events(fd, POLLIN | POLLOUT));
	EXPECT_ERR(ECONNREFUSED, recv(fd, &c, 1, 0));
	EXPECT_ERR(EAGAIN, recv(fd, &c, 1, MSG_DONTWAIT));

	EXPECT_EQ(1, send(fd, "x", 1, 0));
	must_hold(wait_events(fd, 0));
	EXPECT_ERR(ECONNREFUSED, send(fd, "x", 1, 0));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(ECONNREFUSED, error_of(fd));
	EXPECT_EQ(0, so_error(fd));
}

TEST_F(dgram, unreachable_port_is_not_told_to_others)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, 0);
	char c;

	EXPECT_EQ(1, send_to(fd, "x", 1, LOOPBACK, 9));
	EXPECT_EQ(0, so_error(fd));
	EXPECT_ERR(EAGAIN, recv(fd, &c, 1, MSG_DONTWAIT));
	EXPECT_EQ(1, send_to(fd, "x", 1, LOOPBACK, 9));
}

TEST_F(dgram, broadcast_wants_permission)
{
	int a = dgram(), b = bound(SOCK_DGRAM, ANY, 4000);

	IPV4_ONLY("broadcast");
	EXPECT_ERR(EACCES, send_to(a, "x", 1, "127.255.255.255", 4000));
	EXPECT_ERR(EACCES, connect_to(a, "127.255.255.255", 4000));
	must(set_opt(a, SOL_SOCKET, SO_BROADCAST, 1));
	EXPECT_EQ(1, send_to(a, "x", 1, "127.255.255.255", 4000));
	EXPECT_TRUE(wait_events(b, POLLIN));
	EXPECT_OK(connect_to(a, "127.255.255.255", 4000));
	EXPECT_EQ(1, send(a, "y", 1, 0));
}

/* Connected before bound to an address before the wildcard. */
TEST_F(dgram, the_most_specific_socket_gets_it)
{
	int any = dgram(), specific = dgram(), conn = dgram(), out;
	char c;

	must(set_opt(any, SOL_SOCKET, SO_REUSEADDR, 1));
	must(set_opt(specific, SOL_SOCKET, SO_REUSEADDR, 1));
	must(set_opt(conn, SOL_SOCKET, SO_REUSEADDR, 1));
	must(bind_to(any, ANY, 4000));
	must(bind_to(specific, LOOPBACK, 4000));
	must(bind_to(conn, LOOPBACK, 4000));
	out = bound(SOCK_DGRAM, LOOPBACK, 5000);
	must(connect_to(conn, LOOPBACK, 5000));

	must(send_to(out, "x", 1, LOOPBACK, 4000));
	EXPECT_EQ(1, recv(conn, &c, 1, 0));
	must(send_to(dgram(), "x", 1, LOOPBACK, 4000));
	EXPECT_EQ(1, recv(specific, &c, 1, 0));
	must(send_to(out, "x", 1, "127.0.0.2", 4000));
	EXPECT_EQ(1, recv(any, &c, 1, 0));
	EXPECT_ERR(EAGAIN, recv(conn, &c, 1, MSG_DONTWAIT));
	EXPECT_ERR(EAGAIN, recv(specific, &c, 1, MSG_DONTWAIT));
}

TEST_F(dgram, queues)
{
	struct pair p = dgram_pair();
	char buf[64];

	EXPECT_EQ(0, inq(p.b));
	EXPECT_EQ(0, outq(p.a));
	must(send(p.a, buf, 10, 0));
	must(send(p.a, buf, 20, 0));
	EXPECT_TRUE(until(inq(p.b) == 10));	/* the next datagram, not the sum */
	must(recv(p.b, buf, sizeof(buf), 0));
	EXPECT_TRUE(until(inq(p.b) == 20));
	must(recv(p.b, buf, sizeof(buf), 0));
	EXPECT_EQ(0, inq(p.b));
}

TEST_F(dgram, poll_and_wake_up)
{
	struct pair p = dgram_pair();
	pid_t pid;
	char c;

	EXPECT_EQ(POLLOUT, events(dgram(), POLLIN | POLLOUT));
	EXPECT_EQ(POLLOUT, events(p.b, POLLIN | POLLOUT));
	pid = background(recv(p.b, &c, 1, 0));
	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	must(send(p.a, "x", 1, 0));
	EXPECT_EQ(0, finish(pid));
	must(send(p.a, "x", 1, 0));
	EXPECT_EQ(POLLIN, wait_events(p.b, POLLIN));
	EXPECT_EQ(POLLIN | POLLOUT, events(p.b, POLLIN | POLLOUT));
	EXPECT_EQ(POLLIN | POLLRDNORM, events(p.b, POLLIN | POLLRDNORM));
}

TEST_F(dgram, time_limit_of_the_reader)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, 0);
	long start = ticks_ms();
	char c;

	set_timeout(fd, SO_RCVTIMEO, 100);
	EXPECT_ERR(EAGAIN, recv(fd, &c, 1, 0));
	EXPECT_LT(50, ticks_ms() - start);
	set_nonblock(fd, true);
	EXPECT_ERR(EAGAIN, recv(fd, &c, 1, 0));
}

TEST_F(dgram, interrupted)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, 0);
	pid_t pid;
	char c;

	catch_signal(0);
	pid = background(recv(fd, &c, 1, 0));
	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	ASSERT_TRUE(hit(pid));
	EXPECT_EQ(EINTR, finish(pid));

	catch_signal(SA_RESTART);
	pid = background(recv(fd, &c, 1, 0));
	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	ASSERT_TRUE(hit(pid));
	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	must(send_to(dgram(), "x", 1, LOOPBACK, local_port(fd)));
	EXPECT_EQ(0, finish(pid));
}

TEST_F(dgram, shut_down)
{
	struct pair p = dgram_pair();
	char c;

	EXPECT_ERR(ENOTCONN, shutdown(dgram(), SHUT_RD));
	EXPECT_ERR(EINVAL, shutdown(p.a, 3));
	EXPECT_OK(shutdown(p.a, SHUT_WR));
	EXPECT_ERR(EPIPE, send(p.a, "x", 1, MSG_NOSIGNAL));
	must(send(p.b, "x", 1, 0));
	EXPECT_EQ(1, recv(p.a, &c, 1, 0));
	EXPECT_OK(shutdown(p.a, SHUT_RD));
	EXPECT_EQ(0, recv(p.a, &c, 1, 0));
	EXPECT_EQ(POLLIN | POLLRDHUP | POLLHUP,
		  events(p.a, POLLIN | POLLRDHUP));
}

TEST_F(dgram, shutdown_wakes_the_reader)
{
	struct pair p = dgram_pair();
	pid_t pid;
	char c;

	pid = background(recv(p.a, &c, 1, 0));
	ASSERT_TRUE(asleep(pid, SYS_recvfrom));
	EXPECT_OK(shutdown(p.a, SHUT_RD));
	EXPECT_EQ(0, finish(pid));
}

TEST_F(dgram, a_full_buffer_drops)
{
	struct pair p = dgram_pair();
	char buf[1000];
	int i, n = 0;

	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 4096));
	for (i = 0; i < 100; i++) {
		memcpy(buf, &i, sizeof(i));
		EXPECT_EQ(sizeof(buf), send(p.a, buf, sizeof(buf), 0));
	}
	while (recv(p.b, buf, sizeof(buf), 0) > 1) {
		EXPECT_EQ(0, memcmp(buf, &n, sizeof(n)));	/* the oldest are kept */
		if (n++ == 0)
			must(send(p.a, "x", 1, 0));	/* there is room again */
	}
	EXPECT_LT(0, n);
	EXPECT_GT(100, n);
}

TEST_F(dgram, many_in_one_call)
{
	struct pair p = dgram_pair();
	char in[8][16], out[8][16];
	struct mmsghdr send_v[8], recv_v[8];
	struct iovec iov[16];
	int i;

	memset(send_v, 0, sizeof(send_v));
	memset(recv_v, 0, sizeof(recv_v));
	for (i = 0; i < 8; i++) {
		memset(out[i], 'a' + i, 16);
		iov[i] = (struct iovec){ out[i], i + 1 };
		iov[8 + i] = (struct iovec){ in[i], 16 };
		send_v[i].msg_hdr.msg_iov = &iov[i];
		send_v[i].msg_hdr.msg_iovlen = 1;
		recv_v[i].msg_hdr.msg_iov = &iov[8 + i];
		recv_v[i].msg_hdr.msg_iovlen = 1;
	}
	EXPECT_EQ(8, sendmmsg(p.a, send_v, 8, 0));
	EXPECT_EQ(8, recvmmsg(p.b, recv_v, 8, 0, NULL));
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(i + 1, recv_v[i].msg_len);
		EXPECT_EQ(0, memcmp(in[i], out[i], i + 1));
	}
}

TEST_F(dgram, gathered_and_scattered)
{
	struct pair p = dgram_pair();
	char a[3] = "abc", b[5] = "defgh", c[4], d[9];
	struct iovec out[] = { { a, 3 }, { b, 5 } }, in[] = { { c, 4 }, { d, 9 } };

	EXPECT_EQ(8, writev(p.a, out, 2));
	EXPECT_EQ(8, readv(p.b, in, 2));
	EXPECT_EQ(0, memcmp(c, "abcd", 4));
	EXPECT_EQ(0, memcmp(d, "efgh", 4));
}

/* Parts joined by MSG_MORE travel as one. */
TEST_F(dgram, more_to_come)
{
	struct pair p = dgram_pair();
	char buf[16] = "";

	EXPECT_EQ(3, send(p.a, "one", 3, MSG_MORE));
	EXPECT_ERR(EAGAIN, recv(p.b, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(3, send(p.a, "two", 3, 0));
	EXPECT_EQ(6, recv(p.b, buf, sizeof(buf), 0));
	EXPECT_STREQ("onetwo", buf);
}

/* A part of nothing behind a long one, which lies in pages, is nothing. */
TEST_F(dgram, an_empty_part)
{
	static char buf[3000];
	struct pair p = dgram_pair();

	EXPECT_EQ(3000, send(p.a, buf, 3000, MSG_MORE));
	EXPECT_EQ(0, send(p.a, "", 0, MSG_MORE));
	EXPECT_EQ(0, send(p.a, "", 0, 0));
	EXPECT_EQ(3000, recv(p.b, buf, sizeof(buf), 0));
}

/* However small they are: they wait for each other, not for the send buffer. */
TEST_F(dgram, a_byte_at_a_time)
{
	static char in[5000], out[5000];
	struct pair p = dgram_pair();
	int i;

	for (i = 0; i < (int)sizeof(out); i++) {
		out[i] = i % 251;
		ASSERT_EQ(1, send(p.a, out + i, 1, MSG_DONTWAIT |
						   (i + 1 < (int)sizeof(out) ? MSG_MORE : 0)));
	}
	ASSERT_EQ(sizeof(in), recv(p.b, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, out, sizeof(in)));
}

/* Nor does what they are joined in wait for them. */
TEST_F(dgram, parts_and_a_small_buffer)
{
	static char buf[9000];
	struct pair p = dgram_pair();

	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 6000));
	EXPECT_EQ(8000, send(p.a, buf, 8000, MSG_MORE | MSG_DONTWAIT));
	EXPECT_EQ(1000, send(p.a, buf, 1000, MSG_DONTWAIT));
	EXPECT_EQ(9000, recv(p.b, buf, sizeof(buf), 0));
}

TEST_F(dgram, closed_with_unread_data)
{
	struct pair p = dgram_pair();

	must(send(p.a, "x", 1, 0));
	close(p.b);
	must(send(p.a, "x", 1, 0));
	EXPECT_EQ(ECONNREFUSED, error_of(p.a));
}

ON_A_LINK(link)

TEST_F(link, checksums_hold)
{
	int a = bound(SOCK_DGRAM, ADDR_A, 4000), b, n;
	char out[3000], in[3000];

	enter(self->net.b);
	b = bound(SOCK_DGRAM, ADDR_B, 5000);
	must(connect_to(b, ADDR_A, 4000));
	enter(self->net.a);
	must(connect_to(a, ADDR_B, 5000));
	/* Odd and even, one fragment and three. */
	for (n = 0; n < 3000; n += 99) {
		fill(out, n, n, 0);
		ASSERT_EQ(n, send(a, out, n, 0));
		ASSERT_TRUE(wait_events(b, POLLIN));
		ASSERT_EQ(n, recv(b, in, sizeof(in), 0));
		EXPECT_EQ(0, memcmp(in, out, n));
		ASSERT_EQ(n, send(b, in, n, 0));
		ASSERT_TRUE(wait_events(a, POLLIN));
		ASSERT_EQ(n, recv(a, in, sizeof(in), 0));
		EXPECT_EQ(0, memcmp(in, out, n));
	}
}

TEST_F(link, damaged_ones_are_dropped)
{
	int a = bound(SOCK_DGRAM, ADDR_A, 0), b, i, n, arrived = 0;
	char out[500], in[500];

	enter(self->net.b);
	b = bound(SOCK_DGRAM, ADDR_B, 5000);
	enter(self->net.a);
	/* The neighbour is found first: else all might wait for that. */
	must(send_to(a, "hello", 5, ADDR_B, 5000));
	EXPECT_EQ(5, recv(b, in, sizeof(in), 0));
	NEED_NETEM(self->net.a, "corrupt 50%");
	fill(out, sizeof(out), 1, 0);
	for (i = 0; i < 60; i++)
		must(send_to(a, out, sizeof(out), ADDR_B, 5000));
	ASSERT_TRUE(netem(self->net.a, NULL));
	/* "end" is sent until it is there: then all the others are, too. */
	do {
		must(send_to(a, "end", 3, ADDR_B, 5000));
		ASSERT_TRUE(wait_events(b, POLLIN));
		while ((n = recv(b, in, sizeof(in), MSG_DONTWAIT)) > 3) {
			EXPECT_EQ(0, memcmp(in, out, sizeof(out)));
			arrived++;
		}
	} while (n != 3);
	EXPECT_LT(0, arrived);
	EXPECT_GT(60, arrived);
}

TEST_F(link, unreachable_port_from_afar)
{
	int fd = dgram();
	char c;

	must(connect_to(fd, ADDR_B, 9));
	must(send(fd, "x", 1, 0));
	EXPECT_ERR(ECONNREFUSED, recv(fd, &c, 1, 0));
}

TEST_F(link, broadcast_reaches_the_neighbour)
{
	int a = dgram(), b;

	IPV4_ONLY("broadcast");
	enter(self->net.b);
	b = bound(SOCK_DGRAM, ANY, 5000);
	EXPECT_ERR(EACCES, send_to(a, "x", 1, "10.0.0.255", 5000));
	must(set_opt(a, SOL_SOCKET, SO_BROADCAST, 1));
	EXPECT_EQ(1, send_to(a, "x", 1, "10.0.0.255", 5000));
	EXPECT_TRUE(wait_events(b, POLLIN));
}

TEST_F(link, a_pmtu_is_honoured)
{
	int fd = dgram();
	char buf[2000] = "";
	const int most = 1500 - 8 - (ipv6() ? 40 : 20);

	must(connect_to(fd, ADDR_B, 9));
	if (ipv6())
		must(set_opt(fd, SOL_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO));
	else
		must(set_opt(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	EXPECT_ERR(EMSGSIZE, send(fd, buf, most + 1, 0));
	EXPECT_EQ(most, send(fd, buf, most, 0));
}

TEST_HARNESS_MAIN
