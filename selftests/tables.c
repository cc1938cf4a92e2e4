// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc/net/yoke shows: that its tables and counters tell what happened.
 */
#include "yoke_test.h"

IN_OWN_NET(tables)

TEST_F(tables, a_listener)
{
	int l = listener("127.0.0.3", 4001, 5);
	struct row row;

	ASSERT_TRUE(row_of(l, SOCK_STREAM, &row));
	EXPECT_EQ(TCP_LISTEN, row.state);
	EXPECT_EQ(4001, row.lport);
	EXPECT_EQ(inet_addr("127.0.0.3"), row.laddr);
	EXPECT_EQ(0, row.rport);
	EXPECT_EQ(0, row.raddr);
	EXPECT_EQ(0, row.rxq);
	EXPECT_EQ(geteuid(), row.uid);
	connected_to("127.0.0.3", 4001);
	connected_to("127.0.0.3", 4001);
	EXPECT_TRUE(until(row_of(l, SOCK_STREAM, &row) && row.rxq == 2));
}

TEST_F(tables, a_connection)
{
	struct pair p = stream_pair();
	struct row a, b;

	must(send(p.b, "12345", 5, 0));
	EXPECT_TRUE(arrived(p.a, 5));
	ASSERT_TRUE(row_of(p.a, SOCK_STREAM, &a));
	ASSERT_TRUE(row_of(p.b, SOCK_STREAM, &b));
	EXPECT_EQ(TCP_ESTABLISHED, a.state);
	EXPECT_EQ(local_port(p.a), a.lport);
	EXPECT_EQ(local_port(p.b), a.rport);
	EXPECT_EQ(inet_addr(LOOPBACK), a.laddr);
	EXPECT_EQ(inet_addr(LOOPBACK), a.raddr);
	EXPECT_EQ(5, a.rxq);
	EXPECT_EQ(a.lport, b.rport);
	EXPECT_EQ(a.rport, b.lport);
}

TEST_F(tables, a_socket_without_a_port_is_not_there)
{
	stream();
	dgram();
	EXPECT_EQ(0, count(0, 0));
	EXPECT_EQ(0, table(SOCK_DGRAM, NULL, 0));
}

TEST_F(tables, a_datagram_socket)
{
	int d = bound(SOCK_DGRAM, "127.0.0.4", 4002);
	struct pair p = dgram_pair();
	struct row row;

	ASSERT_TRUE(row_of(d, SOCK_DGRAM, &row));
	EXPECT_EQ(TCP_CLOSE, row.state);	/* so is the custom for unconnected ones */
	EXPECT_EQ(4002, row.lport);
	EXPECT_EQ(inet_addr("127.0.0.4"), row.laddr);
	EXPECT_EQ(0, row.rport);
	ASSERT_TRUE(row_of(p.a, SOCK_DGRAM, &row));
	EXPECT_EQ(TCP_ESTABLISHED, row.state);
	EXPECT_EQ(local_port(p.b), row.rport);
	EXPECT_EQ(3, table(SOCK_DGRAM, NULL, 0));
	close(d);
	EXPECT_TRUE(until(table(SOCK_DGRAM, NULL, 0) == 2));
}

TEST_F(tables, a_half_open_request)
{
	int l = full_listener(), fd = stream();
	struct row row;

	set_nonblock(fd, true);
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, local_port(l)));
	ASSERT_TRUE(row_of(fd, SOCK_STREAM, &row));
	EXPECT_EQ(TCP_SYN_SENT, row.state);
	EXPECT_EQ(local_port(l), row.rport);
}

/* More than fit a page, or are made at once: each is there once. */
TEST_F(tables, many)
{
	enum { ALL = 5000, FIRST = 4000 };
	static struct row rows[2 * ALL];
	static bool seen[ALL];
	int i, n, twice = 0, there = 0;

	want_files(ALL + 100);
	for (i = 0; i < ALL; i++)
		listener(LOOPBACK, FIRST + i, 1);
	n = table(SOCK_STREAM, rows, 2 * ALL);
	EXPECT_EQ(ALL, n);
	for (i = 0; i < n; i++) {
		int port = rows[i].lport - FIRST;

		ASSERT_TRUE(port >= 0 && port < ALL);
		twice += seen[port];
		there += !seen[port];
		seen[port] = true;
	}
	EXPECT_EQ(0, twice);
	EXPECT_EQ(ALL, there);
}

static int read_for_ever(const char *path)
{
	static char buf[1 << 20];
	int fd;

	for (;;) {
		fd = must(open(path, O_RDONLY));
		while (read(fd, buf, sizeof(buf)) > 0)
			;
		close(fd);
	}
	return 0;
}

/* Wherever in a long file its reader is. */
TEST_F(tables, a_reader_can_be_killed)
{
	enum { ALL = 5000, FIRST = 4000 };
	int i, status;
	pid_t pid;

	if (oracle())
		SKIP(return, "the host has no table of ports");
	want_files(ALL + 100);
	for (i = 0; i < ALL; i++)
		bound(SOCK_STREAM, LOOPBACK, FIRST + i);
	for (i = 0; i < 20; i++) {
		pid = background(read_for_ever("/proc/net/yoke/ports"));
		usleep(20000 + 100 * i);
		must(kill(pid, SIGKILL));
		ASSERT_TRUE(until(waitpid(pid, &status, WNOHANG) == pid));
	}
}

TEST_F(tables, the_ports)
{
	const char *local = ipv6() ? "fd00::7f00:3" : "127.0.0.3", *any = ipv6() ? "::" : ANY;
	char type[16], ip[64];
	int port, owners, found = 0;
	FILE *f;

	if (oracle())
		SKIP(return, "the host has no table of ports");
	listener("127.0.0.3", 4001, 1);
	connected_to("127.0.0.3", 4001);
	bound(SOCK_DGRAM, ANY, 4001);
	f = fopen("/proc/net/yoke/ports", "r");
	ASSERT_NE(NULL, f);
	while (fscanf(f, "%15s %d %63s %d", type, &port, ip, &owners) == 4) {
		if (!strcmp(type, "stream") && port == 4001) {
			EXPECT_STREQ(local, ip);
			/* Whoever waits for accept() has it, too. */
			EXPECT_LE(1, owners);
			found++;
		} else if (!strcmp(type, "dgram") && port == 4001) {
			EXPECT_STREQ(any, ip);
			EXPECT_EQ(1, owners);
			found++;
		}
	}
	EXPECT_EQ(2, found);
	fclose(f);
}

TEST_F(tables, counters_of_opens_and_ends)
{
	struct pair p = stream_pair();

	EXPECT_EQ(1, counter("ActiveOpens"));
	EXPECT_EQ(1, counter("PassiveOpens"));
	EXPECT_EQ(2, counter("CurrEstab"));
	EXPECT_EQ(0, counter("AttemptFails"));
	EXPECT_EQ(0, counter("OutRsts"));

	EXPECT_ERR(ECONNREFUSED, connect_to(stream(), LOOPBACK, 9));
	EXPECT_EQ(2, counter("ActiveOpens"));
	EXPECT_EQ(1, counter("AttemptFails"));
	EXPECT_EQ(1, counter("OutRsts"));

	EXPECT_EQ(0, counter("EstabResets"));
	close_hard(p.a);
	must_hold(wait_events(p.b, 0));
	EXPECT_EQ(2, counter("OutRsts"));
	EXPECT_LE(1, counter("EstabResets"));
	EXPECT_TRUE(until(counter("CurrEstab") == 0));
}

TEST_F(tables, counters_of_segments)
{
	struct pair p = stream_pair();
	long in = counter("InSegs"), out = counter("OutSegs");

	EXPECT_LE(3, in);		/* the handshake */
	EXPECT_LE(3, out);
	must(send(p.a, "x", 1, 0));
	EXPECT_TRUE(arrived(p.b, 1));
	EXPECT_LT(in, counter("InSegs"));
	EXPECT_LT(out, counter("OutSegs"));
	EXPECT_EQ(0, counter("InErrs"));
	EXPECT_EQ(0, counter("InCsumErrors"));
}

ON_A_LINK(link)

/* Send bytes, one by one, until this counter moves. */
#define COUNTED(fd, name) until(send(fd, "x", 1, 0) == 1 && counter(name) > 0)

TEST_F(link, what_is_lost_is_sent_and_counted_again)
{
	struct pair p = link_pair(self->net);

	NEED_NETEM(self->net.a, "loss 50%");
	EXPECT_TRUE(COUNTED(p.a, "RetransSegs"));
	EXPECT_EQ(0, counter("InCsumErrors"));
}

TEST_F(link, damage_is_counted)
{
	struct pair p = link_pair(self->net);

	must(set_opt(p.a, SOL_TCP, TCP_NODELAY, 1));
	NEED_NETEM(self->net.a, "corrupt 50%");
	enter(self->net.b);
	EXPECT_TRUE(COUNTED(p.a, "InCsumErrors"));
}

TEST_HARNESS_MAIN
