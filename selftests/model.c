// SPDX-License-Identifier: GPL-2.0
/*
 * The model of ports, sockets and connections, one statement a test. Whoever
 * reads only this file knows what Yoke promises; the other files are details.
 */
#include "yoke_test.h"

IN_OWN_NET(model)
ON_A_LINK(wire)

/* A server process: whoever connects to its port is told who it is. */
static pid_t serve(int port, char name)
{
	int l = listener(LOOPBACK, port, 4), fd;
	pid_t pid = must(fork());

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while ((fd = accept(l, NULL, NULL)) >= 0) {
			send(fd, &name, 1, MSG_NOSIGNAL);
			close(fd);
		}
		_exit(0);
	}
	close(l);
	return pid;
}

static char ask(int port)
{
	int fd = connected_to(LOOPBACK, port);
	char c = 0;

	must(recv(fd, &c, 1, 0));
	close(fd);
	return c;
}

/* "A port is a process's data path." */
TEST_F(model, a_port_leads_to_one_process)
{
	pid_t alice = serve(4000, 'A'), bob = serve(4001, 'B');

	EXPECT_EQ('A', ask(4000));
	EXPECT_EQ('B', ask(4001));
	EXPECT_EQ('A', ask(4000));

	kill(alice, SIGKILL);	/* the process gone, the path is closed */
	waitpid(alice, NULL, 0);
	EXPECT_ERR(ECONNREFUSED, connect_to(stream(), LOOPBACK, 4000));
	EXPECT_EQ('B', ask(4001));
	kill(bob, SIGKILL);
}

/* "IP is unreliable": what a plain datagram goes through. */
TEST_F(wire, ip_is_unreliable)
{
	enum { N = 200 };
	int a = bound(SOCK_DGRAM, ADDR_A, 0), b, i, n, got = 0, late = 0, twice = 0;
	int seen[N] = { 0 }, last = -1;
	bool over = false;

	enter(self->net.b);
	b = bound(SOCK_DGRAM, ADDR_B, 5000);
	enter(self->net.a);
	/* The neighbour is found first: who asks three times in vain throws away what waits. */
	must(send_to(a, "here", 4, ADDR_B, 5000));
	must(recv(b, &n, sizeof(n), 0));
	NEED_NETEM(self->net.a, "delay 10ms reorder 70% loss 20% duplicate 20%");
	for (i = 0; i < N; i++)
		must(send_to(a, &i, sizeof(i), ADDR_B, 5000));
	do {	/* one more, until it is there and then nothing for 50 ms */
		struct pollfd p = { b, POLLIN, 0 };

		i = N;
		must(send_to(a, &i, sizeof(i), ADDR_B, 5000));
		while (poll(&p, 1, 50) && recv(b, &n, sizeof(n), 0) > 0) {
			if (n == N) {
				over = true;
				continue;
			}
			twice += seen[n];
			got += !seen[n]++;
			late += n < last;
			last = n;
		}
	} while (!over);
	EXPECT_GT(N, got);	/* lost */
	EXPECT_LT(0, late);	/* overtaken */
	EXPECT_LT(0, twice);	/* doubled */
}

/* "... and the transport makes it reliable": the same wire, and nothing is amiss. */
TEST_F(wire, the_stream_is_reliable)
{
	struct pair p = link_pair(self->net);

	NEED_NETEM(self->net.a, "delay 5ms reorder 70% loss 5% duplicate 5%");
	NEED_NETEM(self->net.b, "delay 5ms reorder 70% loss 5% duplicate 5%");
	EXPECT_TRUE(carry_both_ways(p, 60000, 2 * BOUND));
}

/* "Open, exchange, close." */
TEST_F(model, open_exchange_close)
{
	int l = listener(LOOPBACK, 4000, 1), fd = stream(), b, port;
	char buf[8] = "";

	EXPECT_EQ(1, count(TCP_LISTEN, 4000));
	EXPECT_EQ(1, count(0, 0));

	EXPECT_OK(connect_to(fd, LOOPBACK, 4000));	/* open */
	port = local_port(fd);
	b = must(accept(l, NULL, NULL));
	EXPECT_EQ(TCP_ESTABLISHED, state(fd));
	EXPECT_EQ(TCP_ESTABLISHED, state(b));

	EXPECT_EQ(4, send(fd, "ping", 4, 0));		/* exchange */
	EXPECT_EQ(4, recv(b, buf, 8, 0));
	EXPECT_STREQ("ping", buf);
	EXPECT_EQ(4, send(b, "pong", 4, 0));
	EXPECT_EQ(4, recv(fd, buf, 8, 0));
	EXPECT_STREQ("pong", buf);

	EXPECT_OK(close(fd));				/* close */
	EXPECT_EQ(0, recv(b, buf, 8, 0));
	EXPECT_EQ(TCP_CLOSE_WAIT, state(b));
	EXPECT_OK(close(b));
	EXPECT_TRUE(until(count(0, port) == 1));
	EXPECT_EQ(1, count(TCP_TIME_WAIT, port));	/* a trace, for a while */
}

/* "A socket is protocol, address and port": to differ in one is to be another. */
TEST_F(model, a_socket_is_protocol_address_and_port)
{
	int s = bound(SOCK_STREAM, LOOPBACK, 4000);

	EXPECT_ERR(EADDRINUSE, bind_to(stream(), LOOPBACK, 4000));
	EXPECT_OK(bind_to(dgram(), LOOPBACK, 4000));
	EXPECT_OK(bind_to(stream(), "127.0.0.2", 4000));
	EXPECT_OK(bind_to(stream(), LOOPBACK, 4001));
	EXPECT_EQ(4000, local_port(s));
}

/* The same number in both protocols at once, and neither hears the other. */
TEST_F(model, protocols_do_not_hear_each_other)
{
	int l = listener(LOOPBACK, 4000, 1), d = bound(SOCK_DGRAM, LOOPBACK, 4000);
	struct pair p = pair_through(l, LOOPBACK);
	char c;

	must(send_to(dgram(), "d", 1, LOOPBACK, 4000));
	must(send(p.a, "s", 1, 0));
	EXPECT_EQ(1, recv(d, &c, 1, 0));
	EXPECT_EQ('d', c);
	EXPECT_EQ(1, recv(p.b, &c, 1, 0));
	EXPECT_EQ('s', c);
	EXPECT_ERR(EAGAIN, recv(d, &c, 1, MSG_DONTWAIT));
	EXPECT_ERR(EAGAIN, recv(p.b, &c, 1, MSG_DONTWAIT));
	EXPECT_EQ(0, events(l, POLLIN));
}

/* Connect from one socket to another, both named by us. */
static int join(const char *from, int from_port, const char *to, int to_port)
{
	int fd = stream();

	must(set_opt(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	must(bind_to(fd, from, from_port));
	return connect_to(fd, to, to_port);
}

/* "A connection is a pair of sockets": there is no second one of the same pair. */
TEST_F(model, a_pair_is_unique)
{
	listener(LOOPBACK, 5000, 4);
	EXPECT_OK(join(LOOPBACK, 4000, LOOPBACK, 5000));
	EXPECT_ERR(EADDRNOTAVAIL, join(LOOPBACK, 4000, LOOPBACK, 5000));
}

/* ... and one that differs in any one of the four parts is another. */
TEST_F(model, a_pair_has_four_parts)
{
	listener(LOOPBACK, 5000, 4);
	listener("127.0.0.2", 5000, 4);
	listener(LOOPBACK, 5001, 4);
	EXPECT_OK(join(LOOPBACK, 4000, LOOPBACK, 5000));
	EXPECT_OK(join("127.0.0.2", 4000, LOOPBACK, 5000));
	EXPECT_OK(join(LOOPBACK, 4001, LOOPBACK, 5000));
	EXPECT_OK(join(LOOPBACK, 4000, "127.0.0.2", 5000));
	EXPECT_OK(join(LOOPBACK, 4000, LOOPBACK, 5001));
	EXPECT_EQ(10, count(TCP_ESTABLISHED, 0));
}

/* Both ends of a connection see the same pair, each from its side. */
TEST_F(model, a_pair_has_two_sides)
{
	struct pair p = stream_pair();

	EXPECT_EQ(local(p.a).sin_port, peer(p.b).sin_port);
	EXPECT_EQ(local(p.a).sin_addr.s_addr, peer(p.b).sin_addr.s_addr);
	EXPECT_EQ(local(p.b).sin_port, peer(p.a).sin_port);
	EXPECT_EQ(local(p.b).sin_addr.s_addr, peer(p.a).sin_addr.s_addr);
}

/* "One socket in many connections": the server's side. */
TEST_F(model, one_listening_port_serves_many)
{
	enum { N = 20 };
	int l = listener(LOOPBACK, 4000, N), i, j;
	struct pair p[N];

	for (i = 0; i < N; i++) {
		p[i] = pair_through(l, LOOPBACK);
		EXPECT_EQ(4000, local_port(p[i].b));
	}
	EXPECT_EQ(2 * N, count(TCP_ESTABLISHED, 4000));
	EXPECT_EQ(1, count(TCP_LISTEN, 4000));
	for (i = 0; i < N; i++)
		must(send(p[i].a, &i, sizeof(i), 0));
	for (i = N - 1; i >= 0; i--) {
		EXPECT_EQ(sizeof(j), recv(p[i].b, &j, sizeof(j), 0));
		EXPECT_EQ(i, j);
	}
}

/* ... and the client's: a port the kernel picks may be picked again. */
TEST_F(model, one_ephemeral_port_reaches_many)
{
	enum { N = 10 };
	int i, fd[N];
	char c;

	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40000"));
	for (i = 0; i < N; i++) {
		struct pair p = pair_through(listener(LOOPBACK, 4000 + i, 1), LOOPBACK);

		fd[i] = p.a;
		EXPECT_EQ(40000, local_port(p.a));
		c = i;
		must(send(p.b, &c, 1, 0));
	}
	EXPECT_EQ(2 * N, count(TCP_ESTABLISHED, 40000));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(1, recv(fd[i], &c, 1, 0));
		EXPECT_EQ(i, c);
	}
}

/* "Datagrams need no connection": one socket, any peer, each message by itself. */
TEST_F(model, datagrams_without_a_connection)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, 4000), i;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char c;

	for (i = 0; i < 5; i++) {
		int other = bound(SOCK_DGRAM, LOOPBACK, 5000 + i);

		c = i;
		must(send_to(other, &c, 1, LOOPBACK, 4000));
		EXPECT_EQ(1, recvfrom(fd, &c, 1, 0, (struct sockaddr *)&from, &len));
		EXPECT_EQ(i, c);
		EXPECT_EQ(5000 + i, ntohs(from.sin_port));
		must(sendto(fd, &c, 1, 0, (struct sockaddr *)&from, len));
		EXPECT_EQ(1, recv(other, &c, 1, 0));
	}
	EXPECT_EQ(0, count(0, 0));	/* not a single connection was made */
}

/* What is kept per socket: a listener is found by its address and port ... */
TEST_F(model, a_listener_is_found_by_address_and_port)
{
	int one = listener(LOOPBACK, 4000, 1), two = listener("127.0.0.2", 4000, 1);
	int three = listener(LOOPBACK, 4001, 1);

	EXPECT_OK(connect_to(stream(), "127.0.0.2", 4000));
	EXPECT_EQ(0, events(one, POLLIN));
	EXPECT_EQ(POLLIN, wait_events(two, POLLIN));
	EXPECT_EQ(0, events(three, POLLIN));
	EXPECT_ERR(ECONNREFUSED, connect_to(stream(), "127.0.0.3", 4000));
	EXPECT_ERR(ECONNREFUSED, connect_to(stream(), "127.0.0.2", 4001));
}

/* ... the most specific one there is (which needs two that may share a port). */
TEST_F(model, the_most_specific_listener_is_found)
{
	int any = stream(), specific = stream();

	if (set_opt(any, SOL_SOCKET, SO_REUSEPORT, 1))
		SKIP(return, "no SO_REUSEPORT: no two listeners can share a port");
	must(set_opt(specific, SOL_SOCKET, SO_REUSEPORT, 1));
	must(bind_to(any, ANY, 4000));
	must(bind_to(specific, LOOPBACK, 4000));
	must(listen(any, 1));
	must(listen(specific, 1));
	must(connect_to(stream(), LOOPBACK, 4000));
	EXPECT_EQ(POLLIN, wait_events(specific, POLLIN));
	EXPECT_EQ(0, events(any, POLLIN));
	must(connect_to(stream(), "127.0.0.2", 4000));
	EXPECT_EQ(POLLIN, wait_events(any, POLLIN));
}

TEST_F(model, the_most_specific_datagram_socket_is_found)
{
	int any = dgram(), specific = dgram(), conn = dgram();
	int friend = bound(SOCK_DGRAM, LOOPBACK, 5000);
	char c;

	must(set_opt(any, SOL_SOCKET, SO_REUSEADDR, 1));
	must(set_opt(specific, SOL_SOCKET, SO_REUSEADDR, 1));
	must(set_opt(conn, SOL_SOCKET, SO_REUSEADDR, 1));
	must(bind_to(conn, LOOPBACK, 4000));
	must(connect_to(conn, LOOPBACK, 5000));
	must(bind_to(specific, LOOPBACK, 4000));
	must(bind_to(any, ANY, 4000));

	must(send_to(friend, "1", 1, LOOPBACK, 4000));
	EXPECT_EQ(1, recv(conn, &c, 1, 0));
	must(send_to(dgram(), "2", 1, LOOPBACK, 4000));
	EXPECT_EQ(1, recv(specific, &c, 1, 0));
	must(send_to(dgram(), "3", 1, "127.0.0.2", 4000));
	EXPECT_EQ(1, recv(any, &c, 1, 0));
}

/* ... and a connection is found by its pair, before any listener is. */
TEST_F(model, a_connection_is_found_by_its_pair)
{
	const char *ip[] = { "127.0.0.1", "127.0.0.2" };
	int l = listener(ANY, 5000, 16), m = listener(ANY, 5001, 16);
	struct pair p[16];
	int i, j, n = 0;

	/* Every pair of two values for each of the four parts. */
	for (i = 0; i < 16; i++) {
		p[i].a = stream();
		must(set_opt(p[i].a, SOL_SOCKET, SO_REUSEADDR, 1));
		must(bind_to(p[i].a, ip[i & 1], 4000 + (i >> 1 & 1)));
		must(connect_to(p[i].a, ip[i >> 2 & 1], 5000 + (i >> 3)));
		p[i].b = must(accept(i >> 3 ? m : l, NULL, NULL));
	}
	for (i = 0; i < 16; i++) {
		j = 100 + i;
		must(send(p[i].a, &i, sizeof(i), 0));
		must(send(p[i].b, &j, sizeof(j), 0));
	}
	for (i = 0; i < 16; i++) {
		must(recv(p[i].b, &j, sizeof(j), 0));
		n += i == j;
		must(recv(p[i].a, &j, sizeof(j), 0));
		n += 100 + i == j;
	}
	EXPECT_EQ(32, n);
	EXPECT_EQ(0, events(l, POLLIN) | events(m, POLLIN));
}

/* A connection outlives the listener that it came from. */
TEST_F(model, a_connection_stands_by_itself)
{
	int l = listener(LOOPBACK, 4000, 1);
	struct pair p = pair_through(l, LOOPBACK);

	close(l);
	EXPECT_TRUE(carry_both_ways(p, 1000, BOUND));
	EXPECT_ERR(ECONNREFUSED, connect_to(stream(), LOOPBACK, 4000));
}

TEST_HARNESS_MAIN
