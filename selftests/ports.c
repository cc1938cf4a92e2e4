// SPDX-License-Identifier: GPL-2.0
/*
 * Ports: who may have which, which are free, and what the kernel picks.
 */
#include "yoke_test.h"

IN_OWN_NET(ports)

static void be_nobody(bool nobody)
{
	must(seteuid(nobody ? 65534 : 0));
}

TEST_F(ports, bind_names_a_socket)
{
	int fd = stream();

	EXPECT_OK(bind_to(fd, "127.0.0.5", 4000));
	EXPECT_EQ(4000, local_port(fd));
	EXPECT_EQ(inet_addr("127.0.0.5"), local(fd).sin_addr.s_addr);
	EXPECT_ERR(EINVAL, bind_to(fd, "127.0.0.5", 4001));	/* once */
	EXPECT_EQ(4000, local_port(fd));
}

/* The address of a bind(2) that leaves the port to connect(2) is not the last connection's to take away. */
TEST_F(ports, an_address_without_a_port_stays)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	int fd = stream();

	set_opt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	EXPECT_OK(bind_to(fd, "127.0.0.5", 0));
	EXPECT_EQ(0, local_port(fd));
	EXPECT_OK(connect(fd, &nobody, sizeof(nobody)));
	EXPECT_EQ(inet_addr("127.0.0.5"), local(fd).sin_addr.s_addr);
}

TEST_F(ports, bind_wants_an_address)
{
	struct sockaddr_in a = addr(ANY, 4000);
	struct sockaddr *sa = (struct sockaddr *)&a;
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, i;

	for (i = 0; i < 2; i++) {
		int fd = of_type(types[i]);

		EXPECT_ERR(EINVAL, bind(fd, sa, 0));
		EXPECT_ERR(EINVAL, bind(fd, sa, 2));
		EXPECT_ERR(EINVAL, bind(fd, sa, sizeof(a) - 1));
		EXPECT_ERR(EINVAL, bind(fd, sa, 1000));
		EXPECT_ERR(EFAULT, bind(fd, (struct sockaddr *)8, sizeof(a)));
		a.sin_family = AF_UNIX;
		EXPECT_ERR(EAFNOSUPPORT, bind(fd, sa, sizeof(a)));
		a.sin_family = 99;
		EXPECT_ERR(EAFNOSUPPORT, bind(fd, sa, sizeof(a)));
		/* An old habit that IPv4 still serves: no family, any address. */
		a.sin_family = AF_UNSPEC;
		if (!ipv6())
			EXPECT_ERR(0, bind(fd, sa, sizeof(a)));
		close(fd);
		a.sin_addr.s_addr = inet_addr(LOOPBACK);
		if (!ipv6())
			EXPECT_ERR(EAFNOSUPPORT, bind(of_type(types[i]), sa, sizeof(a)));
		a = addr(ANY, 4000);
	}
}

TEST_F(ports, only_addresses_of_this_host)
{
	EXPECT_ERR(EADDRNOTAVAIL, bind_to(stream(), "192.0.2.1", 4000));
	EXPECT_ERR(EADDRNOTAVAIL, bind_to(dgram(), "192.0.2.1", 4000));
	EXPECT_ERR(EADDRNOTAVAIL, bind_to(stream(), "192.0.2.1", 0));
	EXPECT_ERR(EADDRNOTAVAIL, bind_to(dgram(), "192.0.2.1", 0));
	/* Every address of 127/8 is, and a broadcast may be listened to. */
	EXPECT_OK(bind_to(stream(), "127.1.2.3", 4000));
	if (!ipv6())
		EXPECT_OK(bind_to(dgram(), "255.255.255.255", 4000));
}

TEST_F(ports, low_ports_are_privileged)
{
	be_nobody(true);
	EXPECT_ERR(EACCES, bind_to(stream(), LOOPBACK, 80));
	EXPECT_ERR(EACCES, bind_to(dgram(), LOOPBACK, 80));
	EXPECT_ERR(EACCES, bind_to(stream(), ANY, 1023));
	EXPECT_OK(bind_to(stream(), ANY, 1024));
	be_nobody(false);
	EXPECT_OK(bind_to(stream(), LOOPBACK, 80));
	EXPECT_OK(bind_to(dgram(), LOOPBACK, 80));
}

TEST_F(ports, the_host_says_what_is_low)
{
	ASSERT_TRUE(sysctl_ip("ip_unprivileged_port_start", "80"));
	be_nobody(true);
	EXPECT_ERR(EACCES, bind_to(stream(), LOOPBACK, 79));
	EXPECT_OK(bind_to(stream(), LOOPBACK, 80));
	EXPECT_OK(bind_to(dgram(), LOOPBACK, 80));
	be_nobody(false);
	ASSERT_TRUE(sysctl_ip("ip_unprivileged_port_start", "5000"));
	be_nobody(true);
	EXPECT_ERR(EACCES, bind_to(stream(), LOOPBACK, 4999));
	EXPECT_ERR(EACCES, bind_to(dgram(), LOOPBACK, 4999));
	be_nobody(false);
}

TEST_F(ports, a_port_is_taken_once)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, i, fd;

	for (i = 0; i < 2; i++) {
		fd = bound(types[i], LOOPBACK, 4000);
		EXPECT_ERR(EADDRINUSE, bind_to(of_type(types[i]), LOOPBACK, 4000));
		EXPECT_OK(bind_to(of_type(types[i]), LOOPBACK, 4001));
		EXPECT_OK(bind_to(of_type(types[i]), "127.0.0.2", 4000));
		close(fd);
		EXPECT_OK(bind_to(of_type(types[i]), LOOPBACK, 4000));
	}
}

TEST_F(ports, the_wildcard_is_every_address)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, i;

	for (i = 0; i < 2; i++) {
		bound(types[i], ANY, 4000);
		EXPECT_ERR(EADDRINUSE, bind_to(of_type(types[i]), LOOPBACK, 4000));
		EXPECT_ERR(EADDRINUSE, bind_to(of_type(types[i]), ANY, 4000));

		bound(types[i], LOOPBACK, 5000);
		EXPECT_ERR(EADDRINUSE, bind_to(of_type(types[i]), ANY, 5000));
	}
}

TEST_F(ports, streams_and_datagrams_do_not_meet)
{
	int s = listener(ANY, 4000, 1), d = bound(SOCK_DGRAM, ANY, 4000), i;

	EXPECT_EQ(local_port(s), local_port(d));
	EXPECT_OK(connect_to(stream(), LOOPBACK, 4000));
	EXPECT_EQ(1, send_to(dgram(), "x", 1, LOOPBACK, 4000));
	EXPECT_TRUE(wait_events(d, POLLIN));

	/* Every stream port of the range gone, the datagram ports are all there. */
	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40003"));
	for (i = 0; i < 4; i++)
		must(bind_to(stream(), ANY, 0));
	EXPECT_ERR(EADDRINUSE, bind_to(stream(), ANY, 0));
	EXPECT_OK(bind_to(dgram(), ANY, 0));
}

/* ... and TCP's are another space again. */
TEST_F(ports, apart_from_the_hosts_own)
{
	int other = oracle() ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(host_family(), other, 0);

	ASSERT_EQ(0, bind_to(fd, ANY, 4000));
	EXPECT_OK(bind_to(stream(), ANY, 4000));
}

TEST_F(ports, zero_is_for_the_kernel_to_pick)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, i, n;

	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40009"));
	for (i = 0; i < 2; i++) {
		bool seen[10] = { 0 };

		for (n = 0; n < 10; n++) {
			int port = local_port(bound(types[i], LOOPBACK, 0)) - 40000;

			ASSERT_TRUE(port >= 0 && port < 10);
			EXPECT_FALSE(seen[port]);
			seen[port] = true;
		}
		EXPECT_ERR(EADDRINUSE, bind_to(of_type(types[i]), LOOPBACK, 0));
		EXPECT_OK(bind_to(of_type(types[i]), LOOPBACK, 40010));
	}
}

/* RFC 6056: an outsider must not be able to tell the next one. */
TEST_F(ports, picked_ports_do_not_count_up)
{
	int i, last = 0, in_a_row = 0;

	for (i = 0; i < 16; i++) {
		int port = local_port(bound(SOCK_STREAM, ANY, 0));

		in_a_row += abs(port - last) <= 2;
		last = port;
	}
	EXPECT_GT(8, in_a_row);
}

TEST_F(ports, reserved_ones_are_not_picked)
{
	int i;

	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40005"));
	ASSERT_TRUE(sysctl_ip("ip_local_reserved_ports", "40001-40004"));
	for (i = 0; i < 2; i++) {
		int port = local_port(bound(SOCK_STREAM, ANY, 0));

		EXPECT_TRUE(port == 40000 || port == 40005);
	}
	EXPECT_ERR(EADDRINUSE, bind_to(stream(), ANY, 0));
	EXPECT_OK(bind_to(stream(), ANY, 40002));	/* by name they may be had */
}

TEST_F(ports, reserved_ones_are_not_connected_from)
{
	int l = listener(LOOPBACK, 4000, 8), fd;

	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40003"));
	ASSERT_TRUE(sysctl_ip("ip_local_reserved_ports", "40001-40003"));
	fd = connected_to(LOOPBACK, local_port(l));
	EXPECT_EQ(40000, local_port(fd));
	EXPECT_ERR(EADDRNOTAVAIL, connect_to(stream(), LOOPBACK, local_port(l)));
}

TEST_F(ports, connect_takes_one_in_the_range)
{
	int l = listener(LOOPBACK, 4000, 8), i, port;

	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40007"));
	for (i = 0; i < 8; i++) {
		port = local_port(connected_to(LOOPBACK, local_port(l)));
		EXPECT_TRUE(port >= 40000 && port <= 40007);
	}
}

TEST_F(ports, a_datagram_takes_one_in_the_range)
{
	int fd = dgram(), port;

	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40007"));
	EXPECT_EQ(0, local_port(fd));
	EXPECT_EQ(1, send_to(fd, "x", 1, LOOPBACK, 9));
	port = local_port(fd);
	EXPECT_TRUE(port >= 40000 && port <= 40007);
	EXPECT_EQ(1, send_to(fd, "x", 1, LOOPBACK, 10));
	EXPECT_EQ(port, local_port(fd));	/* and keeps it */
}

/* The pair must be new, not the port: it wears out per peer. */
TEST_F(ports, connect_runs_out)
{
	int l = listener(LOOPBACK, 4000, 8), m = listener(LOOPBACK, 4001, 8), i;

	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40001"));
	for (i = 0; i < 2; i++)
		EXPECT_OK(connect_to(stream(), LOOPBACK, local_port(l)));
	EXPECT_ERR(EADDRNOTAVAIL, connect_to(stream(), LOOPBACK, local_port(l)));

	for (i = 0; i < 2; i++)
		EXPECT_OK(connect_to(stream(), LOOPBACK, local_port(m)));
	EXPECT_ERR(EADDRNOTAVAIL, connect_to(stream(), LOOPBACK, local_port(m)));
}

TEST_F(ports, many_connections_on_few_ports)
{
	enum { PORTS = 4, PEERS = 12, ALL = PORTS * PEERS };
	struct pair p[ALL];
	int i, j, n = 0;

	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40003"));
	for (i = 0; i < PEERS; i++) {
		int l = listener(LOOPBACK, 4000 + i, PORTS);

		for (j = 0; j < PORTS; j++)
			p[n++] = pair_through(l, LOOPBACK);
	}
	EXPECT_EQ(2 * ALL, count(TCP_ESTABLISHED, 0));
	for (i = 0; i < ALL; i++)
		must(send(p[i].a, &i, sizeof(i), 0));
	for (i = 0; i < ALL; i++) {
		EXPECT_EQ(sizeof(j), recv(p[i].b, &j, sizeof(j), MSG_WAITALL));
		EXPECT_EQ(i, j);
	}
}

TEST_F(ports, a_closed_one_is_free_at_once)
{
	int i;

	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40000"));
	for (i = 0; i < 300; i++) {
		int fd = bound(SOCK_STREAM, ANY, i & 1 ? 0 : 40000);

		EXPECT_EQ(40000, local_port(fd));
		close(fd);
	}
}

/* A failed attempt gives back the port that was picked for it. */
TEST_F(ports, a_refused_connect_gives_it_back)
{
	int fd = stream(), hole = bound(SOCK_STREAM, LOOPBACK, 4000), i;

	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40001"));
	for (i = 0; i < 20; i++)
		EXPECT_ERR(ECONNREFUSED, connect_to(i & 1 ? fd : stream(), LOOPBACK,
						    local_port(hole)));
}

/*
 * SO_REUSEADDR, all of it: may B have port 4000 when A has it? Expected is what
 * the rule says: the addresses do not meet, or both want to share and A is not
 * listening.
 */
TEST_F(ports, reuseaddr)
{
	const char *addrs[] = { ANY, LOOPBACK, "127.0.0.2" };
	int bits, i, j;

	for (bits = 0; bits < 8; bits++)
		for (i = 0; i < 3; i++)
			for (j = 0; j < 3; j++) {
				bool reuse_a = bits & 1, reuse_b = bits & 2;
				bool listening = bits & 4;
				bool meet = i == j || i == 0 || j == 0;
				bool allowed = !meet || (reuse_a && reuse_b && !listening);
				int a = stream(), b = stream(), err;

				must(set_opt(a, SOL_SOCKET, SO_REUSEADDR, reuse_a));
				must(set_opt(b, SOL_SOCKET, SO_REUSEADDR, reuse_b));
				must(bind_to(a, addrs[i], 4000));
				if (listening)
					must(listen(a, 1));
				err = bind_to(b, addrs[j], 4000) ? errno : 0;
				EXPECT_EQ(allowed ? 0 : EADDRINUSE, err)
					TH_LOG("a: %s%s%s, b: %s%s", addrs[i],
					       reuse_a ? " reuse" : "",
					       listening ? " listening" : "",
					       addrs[j], reuse_b ? " reuse" : "");
				close(a);
				close(b);
			}
}

/* Two may share a bound port, but only one may listen on it. */
TEST_F(ports, reuseaddr_is_not_for_two_listeners)
{
	int a = stream(), b = stream();

	must(set_opt(a, SOL_SOCKET, SO_REUSEADDR, 1));
	must(set_opt(b, SOL_SOCKET, SO_REUSEADDR, 1));
	must(bind_to(a, LOOPBACK, 4000));
	must(bind_to(b, LOOPBACK, 4000));
	EXPECT_OK(listen(a, 1));
	EXPECT_ERR(EADDRINUSE, listen(b, 1));
	close(a);
	EXPECT_OK(listen(b, 1));
}

TEST_F(ports, reuseaddr_for_datagrams_shares_the_port)
{
	int a = dgram(), b = dgram(), c = dgram();

	must(set_opt(a, SOL_SOCKET, SO_REUSEADDR, 1));
	must(set_opt(b, SOL_SOCKET, SO_REUSEADDR, 1));
	EXPECT_OK(bind_to(a, LOOPBACK, 4000));
	EXPECT_OK(bind_to(b, LOOPBACK, 4000));
	EXPECT_ERR(EADDRINUSE, bind_to(c, LOOPBACK, 4000));
}

/* TCP looks at what the others wanted when they bound; UDP at what they want now. */
TEST_F(ports, sharing_is_settled_by_bind)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, options[] = { SO_REUSEADDR, SO_REUSEPORT }, i, j;

	for (i = 0; i < 2; i++)
		for (j = 0; j < 2; j++) {
			int a = of_type(types[i]), b = of_type(types[i]);

			must(set_opt(a, SOL_SOCKET, options[j], 1));
			must(bind_to(a, LOOPBACK, 4000));
			must(set_opt(a, SOL_SOCKET, options[j], 0));
			must(set_opt(b, SOL_SOCKET, options[j], 1));
			EXPECT_ERR(i ? EADDRINUSE : 0, bind_to(b, LOOPBACK, 4000));
			/* Who has bound and listens later is not robbed of it. */
			if (types[i] == SOCK_STREAM && options[j] == SO_REUSEADDR)
				EXPECT_ERR(EADDRINUSE, listen(b, 1));
			close(a);
			close(b);
		}
}

/* However many addresses a port is bound at, each is taken once, for listening, too. */
TEST_F(ports, an_address_among_many)
{
	enum { ADDRESSES = 150 };
	char ip[ADDRESSES][16];
	int fd[ADDRESSES], i;

	IPV4_ONLY("it has one loopback");
	for (i = 0; i < ADDRESSES; i++) {
		snprintf(ip[i], sizeof(ip[i]), "127.0.0.%d", i + 1);
		fd[i] = stream();
		must(set_opt(fd[i], SOL_SOCKET, SO_REUSEADDR, i % 2));
		EXPECT_OK(bind_to(fd[i], ip[i], 4000));
	}
	for (i = 0; i < ADDRESSES; i++) {
		int other = stream();

		must(set_opt(other, SOL_SOCKET, SO_REUSEADDR, 1));
		EXPECT_ERR(i % 2 ? 0 : EADDRINUSE, bind_to(other, ip[i], 4000));
		EXPECT_OK(listen(fd[i], 1));
		if (i % 2)
			EXPECT_ERR(EADDRINUSE, listen(other, 1));
		close(other);
	}
	EXPECT_ERR(EADDRINUSE, bind_to(stream(), ANY, 4000));
	EXPECT_ERR(EADDRINUSE, bind_to(stream(), ip[ADDRESSES - 1], 4000));
	close(fd[ADDRESSES - 1]);
	EXPECT_OK(listen(bound(SOCK_STREAM, ip[ADDRESSES - 1], 4000), 1));
}

/* A server's port while its connections live on and after they have gone. */
static int used_port(bool reuse, bool time_wait)
{
	int l = stream();
	struct pair p;

	must(set_opt(l, SOL_SOCKET, SO_REUSEADDR, reuse));
	must(bind_to(l, LOOPBACK, 4000));
	must(listen(l, 1));
	p = pair_through(l, LOOPBACK);
	close(l);
	if (time_wait) {
		close(p.b);	/* the first to close is the one that waits */
		must_hold(wait_events(p.a, POLLIN));
		close(p.a);
		if (!until(count(TCP_TIME_WAIT, 4000) == 1))
			abort();
	}
	return 4000;
}

static int try_bind(bool reuse, int port)
{
	int fd = stream();

	must(set_opt(fd, SOL_SOCKET, SO_REUSEADDR, reuse));
	return bind_to(fd, LOOPBACK, port) ?: listen(fd, 1);
}

TEST_F(ports, time_wait_holds_the_port)
{
	EXPECT_ERR(EADDRINUSE, try_bind(false, used_port(true, true)));
}

TEST_F(ports, time_wait_lets_go_of_a_shared_port)
{
	EXPECT_OK(try_bind(true, used_port(true, true)));
	EXPECT_OK(connect_to(stream(), LOOPBACK, 4000));
}

TEST_F(ports, time_wait_of_one_who_did_not_share)
{
	EXPECT_ERR(EADDRINUSE, try_bind(true, used_port(false, true)));
}

TEST_F(ports, connections_hold_the_port)
{
	EXPECT_ERR(EADDRINUSE, try_bind(false, used_port(true, false)));
	EXPECT_OK(try_bind(true, 4000));
}

TEST_F(ports, connections_of_one_who_did_not_share)
{
	EXPECT_ERR(EADDRINUSE, try_bind(true, used_port(false, false)));
}

/* A port that connect() picked is nobody's name: bind() may not have it ... */
TEST_F(ports, a_picked_port_is_taken)
{
	int l = listener(LOOPBACK, 4000, 1), fd = connected_to(LOOPBACK, local_port(l));

	EXPECT_ERR(EADDRINUSE, bind_to(stream(), LOOPBACK, local_port(fd)));
	EXPECT_OK(bind_to(stream(), "127.0.0.2", local_port(fd)));
}

/* ... and connect() may not have one that bind() has. */
TEST_F(ports, connect_does_not_pick_a_bound_port)
{
	int l = listener(LOOPBACK, 4000, 4), i;

	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40003"));
	bound(SOCK_STREAM, LOOPBACK, 40001);
	bound(SOCK_STREAM, ANY, 40002);
	for (i = 0; i < 2; i++) {
		int port = local_port(connected_to(LOOPBACK, local_port(l)));

		EXPECT_TRUE(port == 40000 || port == 40003);
	}
	EXPECT_ERR(EADDRNOTAVAIL, connect_to(stream(), LOOPBACK, local_port(l)));
}

/* ---- options that say otherwise ------------------------------------------------ */

#define LOCAL_PORT_RANGE	51		/* IP_LOCAL_PORT_RANGE, of Linux 6.3 */

static int set_ip_opt(int fd, int v4, int v6, int value)
{
	return ipv6() ? set_opt(fd, SOL_IPV6, v6, value) : set_opt(fd, SOL_IP, v4, value);
}

TEST_F(ports, a_socket_has_a_range_of_its_own)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, l = listener(LOOPBACK, 4000, 8), i, j, fd;

	if (set_opt(stream(), SOL_IP, LOCAL_PORT_RANGE, 0))
		SKIP(return, "no IP_LOCAL_PORT_RANGE before Linux 6.3");
	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40007"));
	EXPECT_ERR(EINVAL, set_opt(stream(), SOL_IP, LOCAL_PORT_RANGE, 40002 << 16 | 40003));
	for (i = 0; i < 2; i++) {
		for (j = 0; j < 2; j++) {
			fd = of_type(types[i]);
			must(set_opt(fd, SOL_IP, LOCAL_PORT_RANGE, 40003 << 16 | 40002));
			EXPECT_OK(bind_to(fd, LOOPBACK, 0));
			EXPECT_TRUE(local_port(fd) == 40002 || local_port(fd) == 40003);
		}
		fd = of_type(types[i]);
		must(set_opt(fd, SOL_IP, LOCAL_PORT_RANGE, 40003 << 16 | 40002));
		EXPECT_ERR(EADDRINUSE, bind_to(fd, LOOPBACK, 0));
	}
	fd = stream();
	must(set_opt(fd, SOL_IP, LOCAL_PORT_RANGE, 40005 << 16 | 40005));
	EXPECT_OK(connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_EQ(40005, local_port(fd));
	fd = stream();
	must(set_opt(fd, SOL_IP, LOCAL_PORT_RANGE, 40005 << 16 | 40005));
	EXPECT_ERR(EADDRNOTAVAIL, connect_to(fd, LOOPBACK, local_port(l)));
}

TEST_F(ports, foreign_addresses_if_asked_for)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, i, fd;

	for (i = 0; i < 2; i++) {
		fd = of_type(types[i]);
		be_nobody(true);
		EXPECT_ERR(EPERM, set_ip_opt(fd, IP_TRANSPARENT, IPV6_TRANSPARENT, 1));
		EXPECT_OK(set_ip_opt(fd, IP_FREEBIND, IPV6_FREEBIND, 1));
		EXPECT_OK(bind_to(fd, "192.0.2.1", 4000));
		be_nobody(false);
		close(fd);
		fd = of_type(types[i]);
		EXPECT_OK(set_ip_opt(fd, IP_TRANSPARENT, IPV6_TRANSPARENT, 1));
		EXPECT_OK(bind_to(fd, "192.0.2.1", 4000));
		if (!i)
			EXPECT_OK(listen(fd, 1));
		close(fd);
	}
}

/*
 * Namespace a speaks for 10.0.0.77, as a proxy does: what comes for that address is taken in, though it
 * is none of the host's.
 */
#define OTHER	"10.0.0.77"

FIXTURE(proxy) { struct net net; };

FIXTURE_SETUP(proxy)
{
	const char *ip = ip_text(OTHER);

	NEED_LINK(&self->net, _exit(255));
	must_hold(shell("ip link set veth address 02:00:00:00:00:0a"));
	must_hold(shell("ip -%c rule add iif veth lookup 100", ipv6() ? '6' : '4'));
	must_hold(shell("ip -%c route add local %s dev lo table 100", ipv6() ? '6' : '4', ip));
	enter(self->net.b);
	must_hold(shell("ip neigh replace %s lladdr 02:00:00:00:00:0a dev veth", ip));
	enter(self->net.a);
}

FIXTURE_TEARDOWN(proxy) { }

static int proxy(int type)
{
	int fd = of_type(type);

	must(set_ip_opt(fd, IP_TRANSPARENT, IPV6_TRANSPARENT, 1));
	must(bind_to(fd, OTHER, 4001));
	return fd;
}

TEST_F_TIMEOUT(proxy, datagrams, 120)
{
	int fd = proxy(SOCK_DGRAM), other;

	enter(self->net.b);
	other = bound(SOCK_DGRAM, ADDR_B, 4000);
	EXPECT_EQ(1, send_to(fd, "x", 1, ADDR_B, 4000));
	EXPECT_EQ(POLLIN, wait_events(other, POLLIN));
	EXPECT_EQ(1, send_to(other, "y", 1, OTHER, 4001));
	EXPECT_EQ(POLLIN, wait_events(fd, POLLIN));
}

TEST_F_TIMEOUT(proxy, connects, 120)
{
	int fd = proxy(SOCK_STREAM), l, other;
	char c;

	enter(self->net.b);
	l = listener(ADDR_B, 4000, 1);
	set_timeout(fd, SO_SNDTIMEO, 20000);
	ASSERT_EQ(0, connect_to(fd, ADDR_B, 4000));
	other = must(accept(l, NULL, NULL));
	EXPECT_EQ(inet_addr(OTHER), peer(other).sin_addr.s_addr);
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(1, recv(other, &c, 1, 0));
	EXPECT_EQ(1, send(other, "y", 1, 0));
	EXPECT_EQ(1, recv(fd, &c, 1, 0));
	/* The peer's FIN is answered when nothing but a TIME-WAIT is left here. */
	close(fd);
	EXPECT_EQ(0, recv(other, &c, 1, 0));
	close(other);
	EXPECT_TRUE(until(count(TCP_LAST_ACK, 4000) == 0 && count(TCP_CLOSING, 4000) == 0));
	enter(self->net.a);
	EXPECT_EQ(1, count(TCP_TIME_WAIT, 4001));
}

TEST_F_TIMEOUT(proxy, listens, 120)
{
	int fd = proxy(SOCK_STREAM), other, accepted;

	must(listen(fd, 1));
	enter(self->net.b);
	other = stream();
	set_timeout(other, SO_SNDTIMEO, 20000);
	ASSERT_EQ(0, connect_to(other, OTHER, 4001));
	accepted = must(accept(fd, NULL, NULL));
	EXPECT_EQ(inet_addr(OTHER), local(accepted).sin_addr.s_addr);
	EXPECT_TRUE(carry_both_ways(((struct pair){ other, accepted }), 50000, 3 * BOUND));
}

TEST_HARNESS_MAIN
