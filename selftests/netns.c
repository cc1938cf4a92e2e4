// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces: each has its own ports, sockets and tables, and takes
 * them along when it dies.
 */
#include "yoke_test.h"

/* Two namespaces that have nothing to do with each other; tests start in a. */
FIXTURE(netns) {
	int a, b;
};

FIXTURE_SETUP(netns)
{
	new_net();
	self->b = this_net();
	new_net();
	self->a = this_net();
}

FIXTURE_TEARDOWN(netns)
{
}

TEST_F(netns, ports_are_its_own)
{
	int a = bound(SOCK_STREAM, ANY, 4000), d = bound(SOCK_DGRAM, ANY, 4000);

	enter(self->b);
	EXPECT_OK(bind_to(stream(), ANY, 4000));
	EXPECT_OK(bind_to(dgram(), ANY, 4000));
	EXPECT_EQ(local_port(a), local_port(d));
}

TEST_F(netns, listeners_are_not_seen_from_outside)
{
	int l = listener(ANY, 4000, 1);

	enter(self->b);
	EXPECT_ERR(ECONNREFUSED, connect_to(stream(), LOOPBACK, 4000));
	enter(self->a);
	EXPECT_OK(connect_to(stream(), LOOPBACK, 4000));
	EXPECT_EQ(POLLIN, wait_events(l, POLLIN));
}

TEST_F(netns, datagrams_do_not_cross)
{
	int fd = bound(SOCK_DGRAM, ANY, 4000), other;
	char c;

	enter(self->b);
	other = dgram();
	must(connect_to(other, LOOPBACK, 4000));
	must(send(other, "x", 1, 0));
	EXPECT_EQ(ECONNREFUSED, error_of(other));
	EXPECT_ERR(EAGAIN, recv(fd, &c, 1, MSG_DONTWAIT));
}

/* The same pair of names in two namespaces is two connections. */
TEST_F(netns, equal_pairs_do_not_meet)
{
	struct pair p[2];
	int ns[] = { self->a, self->b }, i;
	char c;

	for (i = 0; i < 2; i++) {
		int l, fd;

		enter(ns[i]);
		l = listener(LOOPBACK, 5000, 1);
		fd = bound(SOCK_STREAM, LOOPBACK, 4000);
		must(connect_to(fd, LOOPBACK, 5000));
		p[i] = (struct pair){ fd, must(accept(l, NULL, NULL)) };
	}
	must(send(p[0].a, "0", 1, 0));
	must(send(p[1].a, "1", 1, 0));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(1, recv(p[i].b, &c, 1, 0));
		EXPECT_EQ('0' + i, c);
	}
	close_hard(p[0].a);
	EXPECT_ERR(ECONNRESET, recv(p[0].b, &c, 1, 0));
	EXPECT_ERR(EAGAIN, recv(p[1].b, &c, 1, MSG_DONTWAIT));
}

/* A socket stays where it was made, wherever its process goes. */
TEST_F(netns, a_socket_stays_at_home)
{
	int l = listener(LOOPBACK, 4000, 1), fd = stream();

	enter(self->b);
	EXPECT_OK(connect_to(fd, LOOPBACK, 4000));
	EXPECT_TRUE(wait_events(l, POLLIN));
	EXPECT_EQ(0, count(0, 0));
	enter(self->a);
	EXPECT_EQ(3, count(0, 0));
}

TEST_F(netns, tables_are_its_own)
{
	struct pair p = stream_pair();

	must(bind_to(dgram(), LOOPBACK, 4000));
	EXPECT_EQ(2, count(TCP_ESTABLISHED, 0));
	EXPECT_EQ(1, table(SOCK_DGRAM, NULL, 0));
	enter(self->b);
	EXPECT_EQ(0, count(0, 0));
	EXPECT_EQ(0, table(SOCK_DGRAM, NULL, 0));
	EXPECT_TRUE(carry_both_ways(p, 1000, BOUND));
}

TEST_F(netns, settings_are_its_own)
{
	char c[16] = "";
	int fd;

	ASSERT_TRUE(sysctl_own("syn_retries", "3"));
	enter(self->b);
	ASSERT_TRUE(sysctl_own("syn_retries", "4"));
	enter(self->a);
	fd = must(open(oracle() ? "/proc/sys/net/ipv4/tcp_syn_retries"
				: "/proc/sys/net/yoke/syn_retries", O_RDONLY));
	must(read(fd, c, sizeof(c)));
	EXPECT_EQ('3', c[0]);
}

/* An open socket keeps its namespace alive: all goes on without anyone inside. */
TEST_F(netns, sockets_outlive_the_process_that_lived_there)
{
	struct pair p;

	new_net();		/* nobody but us knows this one */
	p = stream_pair();
	enter(self->a);
	EXPECT_TRUE(carry_both_ways(p, 50000, BOUND));
}

/*
 * A namespace in which nobody is any more dies, with all that closed sockets
 * left there. It has died when the cable into it is gone from our side, too.
 */
TEST_F_TIMEOUT(netns, a_dying_one_takes_its_connections_along, 60)
{
	struct flow f = { .size = 1 << 20 };
	struct net net;
	struct pair p;
	int fd;

	NEED_LINK(&net, return);
	enter(net.b);
	p = stream_pair();	/* leaves a TIME-WAIT */
	close(p.a);
	close(p.b);
	EXPECT_EQ(1, count(TCP_TIME_WAIT, 0));
	p = stream_pair();	/* FIN-WAIT-1, with data in both queues */
	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 16384));
	f.from = p.a;
	must_hold(flow_send(&f, 1));
	close(p.a);
	fd = stream();		/* SYN-SENT */
	set_nonblock(fd, true);
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, local_port(full_listener())));
	bound(SOCK_DGRAM, LOOPBACK, 4000);

	enter(net.a);
	EXPECT_NE(0, if_nametoindex("veth"));
	close(net.b);
	close_range(net.a + 1, ~0U, 0);
	/* All that die do so one after the other, in many grace periods each. */
	EXPECT_TRUE(within(4 * BOUND, if_nametoindex("veth") == 0));
}

/*
 * What it sent waits in a device outside of it, and holds a socket of it, long after it has died. (TCP's
 * namespace dies only then.)
 */
TEST_F_TIMEOUT(netns, what_a_dead_one_sent_is_still_under_way, 60)
{
	struct net net;
	static char text[10000];
	int listening, fd;

	NEED_LINK(&net, return);
	if (!shell("ip link add low type veth peer name low netns /proc/%d/fd/%d", getpid(), self->a) ||
	    !shell("ip link set low up && ip link add high link low netns /proc/%d/fd/%d type macvlan",
		   getpid(), net.b))
		SKIP(return, "no macvlan (iproute2? macvlan module?)");
	enter(self->a);
	bring_up("low", "10.9.0.2");
	listening = listener("10.9.0.2", 0, 1);
	enter(net.b);
	bring_up("high", "10.9.0.1");
	fd = connected_to("10.9.0.2", local_port(listening));
	enter(net.a);
	if (!shell("tc qdisc add dev low root tbf rate 8bit burst 1600 limit 100000"))
		SKIP(return, "no tbf (iproute2? sch_tbf module?)");
	set_nonblock(fd, true);
	must(send(fd, text, sizeof(text), 0));
	EXPECT_TRUE(until(shell("tc -s qdisc show dev low | grep 'backlog [1-9]'")));

	close(net.b);
	close_range(net.a + 1, ~0U, 0);
	EXPECT_TRUE(oracle() || within(4 * BOUND, if_nametoindex("veth") == 0));
	/* They die one after the other: the next one when nothing is left of this. */
	new_net();
	fd = this_net();
	enter(net.a);
	must_hold(shell("ip link add later type veth peer name later netns /proc/%d/fd/%d", getpid(), fd));
	close(fd);
	EXPECT_TRUE(within(4 * BOUND, if_nametoindex("later") == 0));
	/* It is thrown away: the socket's memory goes, and all that it held. */
	EXPECT_TRUE(shell("tc qdisc del dev low root"));
	EXPECT_TRUE(within(4 * BOUND, if_nametoindex("veth") == 0));
}

/* A peer whose namespace dies says goodbye, if only by silence: no crash, no hang. */
TEST_F(netns, a_dying_neighbour)
{
	struct net net;
	struct pair p;
	char c;

	NEED_LINK(&net, return);
	p = link_pair(net);
	must(send(p.a, "x", 1, 0));
	must_hold(wait_events(p.b, POLLIN));
	close(net.b);
	close(p.b);		/* unread data: a reset */
	EXPECT_ERR(ECONNRESET, recv(p.a, &c, 1, 0));
}

TEST_HARNESS_MAIN
