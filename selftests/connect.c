// SPDX-License-Identifier: GPL-2.0
/*
 * Opening connections: connect, listen, accept, and what they say when it does
 * not work.
 */
#include "yoke_test.h"

IN_OWN_NET(connect)

TEST_F(connect, blocking)
{
	int l = listener(LOOPBACK, 0, 1);
	struct pair p = pair_through(l, LOOPBACK);

	EXPECT_EQ(local_port(l), local_port(p.b));
	EXPECT_EQ(local_port(p.a), ntohs(peer(p.b).sin_port));
	EXPECT_EQ(local_port(p.b), ntohs(peer(p.a).sin_port));
	EXPECT_EQ(inet_addr(LOOPBACK), local(p.a).sin_addr.s_addr);
	EXPECT_EQ(inet_addr(LOOPBACK), peer(p.a).sin_addr.s_addr);
	EXPECT_EQ(AF_INET, local(p.a).sin_family);
	EXPECT_EQ(AF_INET, peer(p.b).sin_family);
	EXPECT_EQ(TCP_ESTABLISHED, state(p.a));
	EXPECT_EQ(TCP_ESTABLISHED, state(p.b));
	EXPECT_TRUE(carry_both_ways(p, 5000, BOUND));
}

TEST_F(connect, to_a_connected_socket)
{
	struct pair p = stream_pair();

	EXPECT_ERR(EISCONN, connect_to(p.a, LOOPBACK, 9));
	EXPECT_ERR(EISCONN, connect_to(p.b, LOOPBACK, 9));
	EXPECT_ERR(EINVAL, bind_to(p.a, LOOPBACK, 0));
	EXPECT_TRUE(carry_both_ways(p, 100, BOUND));
}

TEST_F(connect, nonblocking)
{
	int l = listener(LOOPBACK, 0, 1), fd = stream();
	int port = local_port(l);

	set_nonblock(fd, true);
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, port));
	EXPECT_EQ(POLLOUT, wait_events(fd, POLLIN | POLLOUT));
	EXPECT_EQ(0, so_error(fd));
	/* The first call after it came about still tells so, the next do not. */
	EXPECT_ERR(0, connect_to(fd, LOOPBACK, port));
	EXPECT_ERR(EISCONN, connect_to(fd, LOOPBACK, port));
}

/* As connect(), and then it sends. */
TEST_F(connect, fastopen_again)
{
	int l = listener(LOOPBACK, 0, 1), fd = stream();
	struct sockaddr_in to = addr(LOOPBACK, local_port(l));
	struct sockaddr *sa = (struct sockaddr *)&to;

	set_nonblock(fd, true);
	EXPECT_ERR(EINPROGRESS, sendto(fd, "x", 1, MSG_FASTOPEN, sa, sizeof(to)));
	EXPECT_EQ(POLLOUT, wait_events(fd, POLLIN | POLLOUT));
	EXPECT_EQ(1, sendto(fd, "x", 1, MSG_FASTOPEN, sa, sizeof(to)));
	EXPECT_ERR(EISCONN, sendto(fd, "x", 1, MSG_FASTOPEN, sa, sizeof(to)));
}

TEST_F(connect, nonblocking_takes_its_time)
{
	int l = full_listener(), fd = stream();
	int port = local_port(l);

	set_nonblock(fd, true);
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, port));
	EXPECT_ERR(EALREADY, connect_to(fd, LOOPBACK, port));
	EXPECT_EQ(TCP_SYN_SENT, state(fd));
	EXPECT_EQ(0, events(fd, POLLIN | POLLOUT));
	EXPECT_ERR(EAGAIN, recv(fd, &port, 1, 0));
	EXPECT_ERR(EAGAIN, send(fd, "x", 1, 0));
	EXPECT_EQ(0, so_error(fd));

	must(accept(l, NULL, NULL));	/* room for our next SYN */
	EXPECT_EQ(POLLOUT, wait_events(fd, POLLIN | POLLOUT));
	EXPECT_EQ(TCP_ESTABLISHED, state(fd));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
}

TEST_F(connect, refused)
{
	int fd = stream(), l = bound(SOCK_STREAM, LOOPBACK, 0);

	EXPECT_ERR(ECONNREFUSED, connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_EQ(0, so_error(fd));
	EXPECT_EQ(TCP_CLOSE, state(fd));
	EXPECT_ERR(ECONNREFUSED, connect_to(fd, LOOPBACK, 0));

	must(listen(l, 1));
	EXPECT_OK(connect_to(fd, LOOPBACK, local_port(l)));
}

TEST_F(connect, refused_nonblocking)
{
	int fd = stream(), hole = bound(SOCK_STREAM, LOOPBACK, 0);

	set_nonblock(fd, true);
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, local_port(hole)));
	EXPECT_EQ(POLLERR | POLLHUP | POLLIN | POLLOUT,
		  wait_events(fd, POLLIN | POLLOUT));
	EXPECT_EQ(ECONNREFUSED, so_error(fd));
	EXPECT_EQ(0, so_error(fd));
}

/* The pending error may as well come out of the next connect(), once. */
TEST_F(connect, refused_tells_the_next_call)
{
	int fd = stream(), l = bound(SOCK_STREAM, LOOPBACK, 0);

	set_nonblock(fd, true);
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, local_port(l)));
	must_hold(wait_events(fd, POLLOUT));
	must(listen(l, 1));
	EXPECT_ERR(ECONNREFUSED, connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_EQ(POLLOUT, wait_events(fd, POLLIN | POLLOUT));
}

TEST_F(connect, nowhere_disconnects)
{
	int l = listener(LOOPBACK, 0, 4);
	struct pair p = pair_through(l, LOOPBACK);
	char c;

	EXPECT_OK(connect_nowhere(p.a));
	EXPECT_EQ(TCP_CLOSE, state(p.a));
	EXPECT_EQ(ECONNRESET, so_error(p.a));
	EXPECT_ERR(EPIPE, send(p.a, "x", 1, MSG_NOSIGNAL));
	EXPECT_ERR(ECONNRESET, recv(p.b, &c, 1, 0));

	EXPECT_OK(connect_to(p.a, LOOPBACK, local_port(l)));
	p.b = must(accept(l, NULL, NULL));
	EXPECT_TRUE(carry_both_ways(p, 5000, BOUND));
}

TEST_F(connect, nowhere_keeps_a_bound_port)
{
	int l = listener(LOOPBACK, 0, 4), fd = bound(SOCK_STREAM, LOOPBACK, 4000);

	must(connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_OK(connect_nowhere(fd));
	EXPECT_EQ(4000, local_port(fd));
	EXPECT_EQ(inet_addr(LOOPBACK), local(fd).sin_addr.s_addr);
	EXPECT_OK(connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_EQ(4000, local_port(fd));
}

/* Nor is one lost that bind(2) chose, as long as there was no connection. */
TEST_F(connect, nowhere_keeps_a_chosen_port)
{
	int l = listener(LOOPBACK, 0, 4), fd = bound(SOCK_STREAM, LOOPBACK, 0), port = local_port(fd);

	EXPECT_OK(connect_nowhere(fd));
	EXPECT_EQ(port, local_port(fd));
	EXPECT_ERR(EINVAL, bind_to(fd, LOOPBACK, 0));
	EXPECT_ERR(EADDRINUSE, bind_to(stream(), LOOPBACK, port));
	EXPECT_OK(connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_EQ(port, local_port(fd));
	/* Now it goes with the connection. */
	EXPECT_OK(connect_nowhere(fd));
	EXPECT_OK(bind_to(fd, LOOPBACK, 0));
}

TEST_F(connect, nowhere_gives_up_an_attempt)
{
	int l = full_listener(), fd = stream();

	set_nonblock(fd, true);
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_OK(connect_nowhere(fd));
	EXPECT_EQ(TCP_CLOSE, state(fd));
	EXPECT_EQ(0, count(TCP_SYN_SENT, 0));
}

TEST_F(connect, nowhere_from_nowhere)
{
	int fd = stream();

	EXPECT_OK(connect_nowhere(fd));
	EXPECT_OK(connect_nowhere(fd));
}

/* A SYN that meets itself is a simultaneous open. */
TEST_F(connect, to_itself)
{
	int fd = bound(SOCK_STREAM, LOOPBACK, 4000);
	char buf[8] = "";

	EXPECT_OK(connect_to(fd, LOOPBACK, 4000));
	EXPECT_EQ(4000, ntohs(peer(fd).sin_port));
	EXPECT_EQ(TCP_ESTABLISHED, state(fd));
	EXPECT_EQ(5, send(fd, "hello", 5, 0));
	EXPECT_EQ(5, recv(fd, buf, sizeof(buf), 0));
	EXPECT_STREQ("hello", buf);
	EXPECT_OK(shutdown(fd, SHUT_WR));
	EXPECT_EQ(0, recv(fd, buf, sizeof(buf), 0));
}

TEST_F(connect, timeout_of_the_caller)
{
	int l = full_listener(), fd = stream();
	long start = ticks_ms();

	set_timeout(fd, SO_SNDTIMEO, 100);
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_LT(50, ticks_ms() - start);
	EXPECT_ERR(EALREADY, connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_EQ(TCP_SYN_SENT, state(fd));
}

TEST_F(connect, timeout_of_the_protocol)
{
	int l = full_listener(), fd = stream();
	long start = ticks_ms();

	ASSERT_TRUE(sysctl_own("syn_retries", "1"));
	EXPECT_ERR(ETIMEDOUT, connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_LE(1900, ticks_ms() - start);	/* 1 s, one retry, 1 s or more */
	EXPECT_EQ(TCP_CLOSE, state(fd));
	EXPECT_EQ(0, so_error(fd));
}

TEST_F(connect, interrupted)
{
	int l = full_listener(), fd = stream();
	pid_t pid;

	catch_signal(0);
	pid = background(connect_to(fd, LOOPBACK, local_port(l)));
	ASSERT_TRUE(asleep(pid, SYS_connect));
	ASSERT_TRUE(hit(pid));
	EXPECT_EQ(EINTR, finish(pid));
	EXPECT_EQ(TCP_SYN_SENT, state(fd));	/* it goes on without the caller */
}

TEST_F(connect, restarted)
{
	int l = full_listener(), fd = stream();
	pid_t pid;

	catch_signal(SA_RESTART);
	pid = background(connect_to(fd, LOOPBACK, local_port(l)));
	ASSERT_TRUE(asleep(pid, SYS_connect));
	ASSERT_TRUE(hit(pid));
	ASSERT_TRUE(asleep(pid, SYS_connect));
	must(accept(l, NULL, NULL));
	EXPECT_EQ(0, finish(pid));
	EXPECT_EQ(TCP_ESTABLISHED, state(fd));
}

TEST_F(connect, accept_interrupted)
{
	int l = listener(LOOPBACK, 0, 1);
	pid_t pid;

	catch_signal(0);
	pid = background(accept4(l, NULL, NULL, 0));
	ASSERT_TRUE(asleep(pid, SYS_accept4));
	ASSERT_TRUE(hit(pid));
	EXPECT_EQ(EINTR, finish(pid));
}

TEST_F(connect, accept_restarted)
{
	int l = listener(LOOPBACK, 0, 1);
	pid_t pid;

	catch_signal(SA_RESTART);
	pid = background(accept4(l, NULL, NULL, 0));
	ASSERT_TRUE(asleep(pid, SYS_accept4));
	ASSERT_TRUE(hit(pid));
	ASSERT_TRUE(asleep(pid, SYS_accept4));
	connected_to(LOOPBACK, local_port(l));
	EXPECT_EQ(0, finish(pid));
}

/* With a time limit there is nothing to restart to. */
TEST_F(connect, accept_with_a_limit_is_not_restarted)
{
	int l = listener(LOOPBACK, 0, 1);
	pid_t pid;

	catch_signal(SA_RESTART);
	set_timeout(l, SO_RCVTIMEO, BOUND);
	pid = background(accept4(l, NULL, NULL, 0));
	ASSERT_TRUE(asleep(pid, SYS_accept4));
	ASSERT_TRUE(hit(pid));
	EXPECT_EQ(EINTR, finish(pid));
}

TEST_F(connect, accept_wakes_up)
{
	int l = listener(LOOPBACK, 0, 1);
	pid_t pid = background(accept4(l, NULL, NULL, 0));

	ASSERT_TRUE(asleep(pid, SYS_accept4));
	connected_to(LOOPBACK, local_port(l));
	EXPECT_EQ(0, finish(pid));
}

TEST_F(connect, accept_flags)
{
	int l = listener(LOOPBACK, 0, 4), port = local_port(l), fd;

	connected_to(LOOPBACK, port);
	connected_to(LOOPBACK, port);
	set_nonblock(l, true);		/* is not handed down */
	fd = must(accept4(l, NULL, NULL, 0));
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	fd = must(accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_ERR(EAGAIN, accept4(l, NULL, NULL, 0));
	EXPECT_ERR(EINVAL, accept4(l, NULL, NULL, 1));
}

TEST_F(connect, accept_gives_up_in_time)
{
	int l = listener(LOOPBACK, 0, 1);
	long start = ticks_ms();

	set_timeout(l, SO_RCVTIMEO, 100);
	EXPECT_ERR(EAGAIN, accept(l, NULL, NULL));
	EXPECT_LT(50, ticks_ms() - start);
}

TEST_F(connect, accept_tells_the_address)
{
	int l = listener(LOOPBACK, 0, 4), fd = connected_to(LOOPBACK, local_port(l));
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	must(accept(l, (struct sockaddr *)&a, &len));
	EXPECT_EQ(sizeof(a), len);
	EXPECT_EQ(AF_INET, a.sin_family);
	EXPECT_EQ(local(fd).sin_port, a.sin_port);
	EXPECT_EQ(inet_addr(LOOPBACK), a.sin_addr.s_addr);

	/* Too little room: cut off, with the length it should have had. */
	connected_to(LOOPBACK, local_port(l));
	memset(&a, 0xff, sizeof(a));
	len = 4;
	must(accept(l, (struct sockaddr *)&a, &len));
	EXPECT_EQ(sizeof(a), len);
	EXPECT_EQ(AF_INET, a.sin_family);
	EXPECT_EQ(0xffffffff, a.sin_addr.s_addr);
}

/* Of what is set on a listener its children have all but the priority. */
TEST_F(connect, accepted_with_no_priority)
{
	int l = listener(LOOPBACK, 0, 1), fd;

	must(set_opt(l, SOL_SOCKET, SO_PRIORITY, 5));
	must(set_opt(l, SOL_SOCKET, SO_RCVLOWAT, 7));
	connected_to(LOOPBACK, local_port(l));
	fd = must(accept(l, NULL, NULL));
	EXPECT_EQ(0, get_opt(fd, SOL_SOCKET, SO_PRIORITY));
	EXPECT_EQ(7, get_opt(fd, SOL_SOCKET, SO_RCVLOWAT));
}

TEST_F(connect, accept_wants_a_listener)
{
	struct pair p = stream_pair();
	int fd = stream();

	EXPECT_ERR(EINVAL, accept(fd, NULL, NULL));
	EXPECT_ERR(EINVAL, accept(p.a, NULL, NULL));
	EXPECT_ERR(EINVAL, accept(bound(SOCK_STREAM, LOOPBACK, 0), NULL, NULL));
	EXPECT_ERR(EOPNOTSUPP, accept(dgram(), NULL, NULL));
}

/* Connections come out in the order in which they were made. */
TEST_F(connect, accept_in_order)
{
	int l = listener(LOOPBACK, 0, 8), port = local_port(l), made[8], i;

	for (i = 0; i < 8; i++)
		made[i] = connected_to(LOOPBACK, port);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(local_port(made[i]),
			  ntohs(peer(must(accept(l, NULL, NULL))).sin_port));
}

TEST_F(connect, backlog_is_a_limit)
{
	int l = listener(LOOPBACK, 0, 2), port = local_port(l), i, fd;

	/* One more than the backlog waits for accept(). */
	for (i = 0; i < 3; i++)
		connected_to(LOOPBACK, port);
	fd = stream();
	set_nonblock(fd, true);
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, port));
	EXPECT_EQ(0, events(fd, POLLOUT));
	EXPECT_EQ(TCP_SYN_SENT, state(fd));

	must(accept(l, NULL, NULL));
	EXPECT_EQ(POLLOUT, wait_events(fd, POLLOUT));
}

TEST_F(connect, listen_twice_changes_the_backlog)
{
	int l = listener(LOOPBACK, 0, 0), port = local_port(l), i;

	EXPECT_OK(listen(l, 4));
	EXPECT_EQ(port, local_port(l));
	for (i = 0; i < 5; i++) {
		int fd = stream();

		set_nonblock(fd, true);
		EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, port));
		EXPECT_EQ(TCP_ESTABLISHED, state(fd));
	}
	EXPECT_OK(listen(l, -1));	/* as large as can be */
}

TEST_F(connect, listen_wants_a_free_stream)
{
	struct pair p = stream_pair();

	EXPECT_ERR(EINVAL, listen(p.a, 1));
	EXPECT_ERR(EINVAL, listen(p.b, 1));
	EXPECT_ERR(EOPNOTSUPP, listen(dgram(), 1));
}

TEST_F(connect, listen_takes_a_port_by_itself)
{
	int l = stream();

	EXPECT_OK(listen(l, 1));
	EXPECT_NE(0, local_port(l));
	EXPECT_EQ(INADDR_ANY, local(l).sin_addr.s_addr);
	EXPECT_OK(connect_to(stream(), LOOPBACK, local_port(l)));
}

TEST_F(connect, a_listener_does_not_connect)
{
	int l = listener(LOOPBACK, 0, 1), other = listener(LOOPBACK, 0, 1);
	char c;

	EXPECT_ERR(EISCONN, connect_to(l, LOOPBACK, local_port(other)));
	EXPECT_ERR(ENOTCONN, recv(l, &c, 1, 0));
	EXPECT_ERR(EPIPE, send(l, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(TCP_LISTEN, state(l));
}

TEST_F(connect, shutdown_stops_a_listener)
{
	int port = 4000, l = listener(LOOPBACK, port, 1);

	EXPECT_OK(shutdown(l, SHUT_WR));	/* means nothing to it */
	EXPECT_EQ(TCP_LISTEN, state(l));
	EXPECT_OK(connect_to(stream(), LOOPBACK, port));

	EXPECT_OK(shutdown(l, SHUT_RD));
	EXPECT_EQ(TCP_CLOSE, state(l));
	EXPECT_ERR(EINVAL, accept(l, NULL, NULL));
	EXPECT_ERR(ECONNREFUSED, connect_to(stream(), LOOPBACK, port));

	EXPECT_OK(listen(l, 1));
	EXPECT_EQ(port, local_port(l));
	EXPECT_OK(connect_to(stream(), LOOPBACK, port));
}

TEST_F(connect, shutdown_wakes_accept)
{
	int l = listener(LOOPBACK, 0, 1);
	pid_t pid = background(accept4(l, NULL, NULL, 0));

	ASSERT_TRUE(asleep(pid, SYS_accept4));
	EXPECT_OK(shutdown(l, SHUT_RDWR));
	EXPECT_EQ(EINVAL, finish(pid));
}

TEST_F(connect, names_in_each_state)
{
	int l = listener(LOOPBACK, 0, 1), full = full_listener(), fd = stream();
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	struct pair p;

	EXPECT_EQ(AF_INET, local(fd).sin_family);
	EXPECT_EQ(INADDR_ANY, local(fd).sin_addr.s_addr);
	EXPECT_EQ(0, local_port(fd));
	EXPECT_ERR(ENOTCONN, getpeername(fd, (struct sockaddr *)&a, &len));

	must(bind_to(fd, ANY, 4000));
	EXPECT_EQ(INADDR_ANY, local(fd).sin_addr.s_addr);
	EXPECT_EQ(4000, local_port(fd));
	EXPECT_ERR(ENOTCONN, getpeername(fd, (struct sockaddr *)&a, &len));
	EXPECT_ERR(ENOTCONN, getpeername(l, (struct sockaddr *)&a, &len));

	set_nonblock(fd, true);		/* connecting: half a name */
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, local_port(full)));
	EXPECT_EQ(inet_addr(LOOPBACK), local(fd).sin_addr.s_addr);
	EXPECT_ERR(ENOTCONN, getpeername(fd, (struct sockaddr *)&a, &len));

	p = pair_through(l, LOOPBACK);
	EXPECT_OK(shutdown(p.b, SHUT_WR));
	EXPECT_EQ(local_port(l), ntohs(peer(p.a).sin_port));	/* close-wait */
	EXPECT_EQ(local_port(p.a), ntohs(peer(p.b).sin_port));	/* fin-wait-2 */

	close_hard(p.b);
	must_hold(wait_events(p.a, POLLERR));
	EXPECT_EQ(0, events(p.a, POLLIN) & POLLNVAL);
	EXPECT_ERR(ENOTCONN, getpeername(p.a, (struct sockaddr *)&a, &len));
}

TEST_F(connect, to_any_is_to_this_host)
{
	int l = listener(ANY, 0, 1);
	struct pair p = pair_through(l, ANY);

	EXPECT_EQ(inet_addr(LOOPBACK), peer(p.a).sin_addr.s_addr);
	EXPECT_EQ(inet_addr(LOOPBACK), local(p.a).sin_addr.s_addr);
	EXPECT_EQ(inet_addr(LOOPBACK), local(p.b).sin_addr.s_addr);
}

TEST_F(connect, only_to_one_host)
{
	EXPECT_ERR(ENETUNREACH, connect_to(stream(), "255.255.255.255", 9));
	EXPECT_ERR(ENETUNREACH, connect_to(stream(), "127.255.255.255", 9));
	EXPECT_ERR(ENETUNREACH, connect_to(stream(), "224.0.0.1", 9));
	EXPECT_ERR(ENETUNREACH, connect_to(stream(), "192.0.2.1", 9));
}

TEST_F(connect, wants_an_address)
{
	struct sockaddr_in a = addr(LOOPBACK, 9);
	int fd = stream();

	EXPECT_ERR(EINVAL, connect(fd, (struct sockaddr *)&a, 1));
	EXPECT_ERR(EINVAL, connect(fd, (struct sockaddr *)&a, 8));
	EXPECT_ERR(EINVAL, connect(fd, (struct sockaddr *)&a, 1000));
	EXPECT_ERR(EFAULT, connect(fd, (struct sockaddr *)8, sizeof(a)));
	a.sin_family = AF_UNIX;
	EXPECT_ERR(EAFNOSUPPORT, connect(fd, (struct sockaddr *)&a, sizeof(a)));
}

/* The handshake is the kernel's affair, accept() only hands out its result. */
TEST_F(connect, exchange_before_accept)
{
	int l = listener(LOOPBACK, 0, 1), fd = connected_to(LOOPBACK, local_port(l)), b;
	char buf[8] = "";

	EXPECT_EQ(TCP_ESTABLISHED, state(fd));
	EXPECT_EQ(5, send(fd, "early", 5, 0));
	close(fd);
	b = must(accept(l, NULL, NULL));
	EXPECT_EQ(TCP_CLOSE_WAIT, state(b));
	EXPECT_EQ(5, recv(b, buf, sizeof(buf), MSG_WAITALL));
	EXPECT_STREQ("early", buf);
	EXPECT_EQ(0, recv(b, buf, sizeof(buf), 0));
}

TEST_F(connect, reset_before_accept)
{
	int l = listener(LOOPBACK, 0, 1), b;
	char c;

	close_hard(connected_to(LOOPBACK, local_port(l)));
	b = must(accept(l, NULL, NULL));
	EXPECT_ERR(ECONNRESET, recv(b, &c, 1, 0));
	EXPECT_EQ(0, recv(b, &c, 1, 0));
}

TEST_F(connect, a_dying_listener_resets_whom_nobody_accepted)
{
	int l = listener(LOOPBACK, 0, 4), waiting = connected_to(LOOPBACK, local_port(l));
	struct pair p;
	char c;

	p.a = waiting;
	p.b = must(accept(l, NULL, NULL));
	waiting = connected_to(LOOPBACK, local_port(l));
	close(l);
	EXPECT_ERR(ECONNRESET, recv(waiting, &c, 1, 0));
	EXPECT_TRUE(carry_both_ways(p, 1000, BOUND));	/* he is none the worse */
}

TEST_F(connect, closed_while_connecting)
{
	int l = full_listener(), fd = stream();

	set_nonblock(fd, true);
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_EQ(1, count(TCP_SYN_SENT, 0));
	close(fd);
	EXPECT_EQ(0, count(TCP_SYN_SENT, 0));
}

TEST_F(connect, many_times_in_a_row)
{
	int l = listener(LOOPBACK, 0, 4), i;

	for (i = 0; i < 200; i++) {
		struct pair p = pair_through(l, LOOPBACK);

		must(send(p.a, &i, sizeof(i), 0));
		must(recv(p.b, &i, sizeof(i), MSG_WAITALL));
		close_hard(p.a);
		close(p.b);
	}
	EXPECT_EQ(1, count(0, 0));	/* the listener */
}

ON_A_LINK(link)

/* One in each namespace, which do not wait. */
static struct pair link_sockets(struct net net)
{
	struct pair p;

	enter(net.a);
	p.a = bound(SOCK_STREAM, ADDR_A, 0);
	enter(net.b);
	p.b = bound(SOCK_STREAM, ADDR_B, 0);
	set_nonblock(p.a, true);
	set_nonblock(p.b, true);
	return p;
}

/* Both ends call, neither listens, and the SYNs cross on the wire. */
TEST_F(link, simultaneous_open)
{
	struct pair p;

	NEED_NETEM(self->net.a, "delay 300ms");
	NEED_NETEM(self->net.b, "delay 300ms");
	promptly(250, p = link_sockets(self->net),
		EXPECT_ERR(EINPROGRESS, connect_to(p.a, ADDR_B, local_port(p.b)));
		EXPECT_ERR(EINPROGRESS, connect_to(p.b, ADDR_A, local_port(p.a)));
	);
	EXPECT_EQ(POLLOUT, wait_events(p.a, POLLIN | POLLOUT));
	EXPECT_EQ(POLLOUT, wait_events(p.b, POLLIN | POLLOUT));
	EXPECT_EQ(1, count(TCP_ESTABLISHED, local_port(p.b)));
	EXPECT_TRUE(carry_both_ways(p, 1000, BOUND));
}

TEST_F(link, refused_from_afar)
{
	EXPECT_ERR(ECONNREFUSED, connect_to(stream(), ADDR_B, 9));
}

TEST_F(link, nobody_there)
{
	EXPECT_ERR(ENETUNREACH, connect_to(stream(), "192.0.2.1", 9));
	EXPECT_ERR(EHOSTUNREACH, connect_to(stream(), "10.0.0.99", 9));
	if (!ipv6())		/* to all of them */
		EXPECT_ERR(ENETUNREACH, connect_to(stream(), "10.0.0.255", 9));
}

TEST_F(link, the_route_gives_the_address)
{
	struct pair p = link_pair(self->net);

	EXPECT_EQ(inet_addr(ADDR_A), local(p.a).sin_addr.s_addr);
	EXPECT_EQ(inet_addr(ADDR_A), peer(p.b).sin_addr.s_addr);
}

/* A second cable between the two: an answer leaves by the route, not by the way that the SYN came. */
TEST_F(link, the_way_back_is_another)
{
	static const char own[] = "10.0.1.1";
	int listening, fd;

	if (!shell("ip link add other type veth peer name other netns /proc/%d/fd/%d",
		   getpid(), self->net.b))
		SKIP(return, "no second veth pair");
	/* No neighbour is told of the address by the wrong cable. */
	must_hold(write_file("/proc/sys/net/ipv4/conf/all/arp_ignore", "1"));
	must_hold(write_file("/proc/sys/net/ipv4/conf/all/arp_announce", "2"));
	bring_up("other", own);
	enter(self->net.b);
	bring_up("other", "10.0.1.2");
	listening = listener(ADDR_B, 0, 1);
	enter(self->net.a);
	ASSERT_TRUE(until(carries("other")));
	fd = bound(SOCK_STREAM, own, 0);
	set_timeout(fd, SO_SNDTIMEO, 20000);
	EXPECT_OK(connect_to(fd, ADDR_B, local_port(listening)));
	EXPECT_EQ(POLLIN, wait_events(listening, POLLIN));
	fd = bound(SOCK_STREAM, own, 0);
	set_timeout(fd, SO_SNDTIMEO, 20000);
	EXPECT_ERR(ECONNREFUSED, connect_to(fd, ADDR_B, 9));
}

TEST_HARNESS_MAIN
