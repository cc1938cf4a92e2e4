// SPDX-License-Identifier: GPL-2.0
/*
 * Both versions of IP on one socket: its family is that of the first address, v4-mapped addresses,
 * IPV6_V6ONLY, ports across the versions, scopes.
 *
 * The oracle has to be told AF_INET6 or AF_INET; ours is told by the first address.
 */
#include "yoke_test.h"

#define PORT 4000
#define MAPPED_LOOPBACK "::ffff:127.0.0.1"
#define LINK_A "fe80::a"
#define LINK_B "fe80::b"

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static bool is_ipv6(const char *ip)
{
	return strchr(ip, ':');
}

static union address any_addr(const char *ip, int port, int scope)
{
	union address a = { 0 };

	a.sa.sa_family = is_ipv6(ip) ? AF_INET6 : AF_INET;
	if (is_ipv6(ip)) {
		must(inet_pton(AF_INET6, ip, &a.in6.sin6_addr));
		a.in6.sin6_port = htons(port);
		a.in6.sin6_scope_id = scope;
	} else {
		must(inet_pton(AF_INET, ip, &a.in.sin_addr));
		a.in.sin_port = htons(port);
	}
	return a;
}

static socklen_t size_of(const union address *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

/* A socket that will be given addresses of this family. */
static int for_family(int af, int type)
{
	return must(socket(oracle() ? af : AF_YOKE, type | SOCK_CLOEXEC, 0));
}

static int for_ip(const char *ip, int type)
{
	return for_family(is_ipv6(ip) ? AF_INET6 : AF_INET, type);
}

static int bind_at(int fd, const char *ip, int port, int scope)
{
	union address a = any_addr(ip, port, scope);

	return bind(fd, &a.sa, size_of(&a));
}

static int connect_at(int fd, const char *ip, int port, int scope)
{
	union address a = any_addr(ip, port, scope);

	return connect(fd, &a.sa, size_of(&a));
}

static int send_at(int fd, const char *ip, int port, int scope)
{
	union address a = any_addr(ip, port, scope);

	return sendto(fd, "x", 1, MSG_DONTWAIT, &a.sa, size_of(&a));
}

static int bound_at(int type, const char *ip, int port)
{
	int fd = for_ip(ip, type);

	must(bind_at(fd, ip, port, 0));
	return fd;
}

static int listening_at(const char *ip, int port)
{
	int fd = bound_at(SOCK_STREAM, ip, port);

	must(listen(fd, 8));
	return fd;
}

static const char *text(const union address *a)
{
	static char said[2][INET6_ADDRSTRLEN];
	static int turn;
	char *to = said[turn ^= 1];

	if (a->sa.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &a->in6.sin6_addr, to, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET, &a->in.sin_addr, to, INET6_ADDRSTRLEN);
	return to;
}

static union address name_of(int fd, bool of_peer)
{
	union address a = { 0 };
	socklen_t len = sizeof(a);

	must((of_peer ? getpeername : getsockname)(fd, &a.sa, &len));
	return a;
}

#define EXPECT_NAME(fd, of_peer, ip) do {				\
	union address name_ = name_of(fd, of_peer);			\
	EXPECT_STREQ(ip, text(&name_));					\
} while (0)

static int accepted(int l)
{
	return must(accept4(l, NULL, NULL, SOCK_CLOEXEC));
}

static bool heard(int fd, const char *from)
{
	union address a = { 0 };
	socklen_t len = sizeof(a);
	char c;

	return wait_events(fd, POLLIN) && recvfrom(fd, &c, 1, 0, &a.sa, &len) == 1 &&
	       len == size_of(&a) && strcmp(text(&a), from) == 0;
}

IN_OWN_NET(dual)

TEST_F(dual, the_first_address_makes_the_family)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, i, fd;

	for (i = 0; i < 2; i++) {
		fd = bound_at(types[i], "::1", PORT);
		EXPECT_EQ(AF_INET6, get_opt(fd, SOL_SOCKET, SO_DOMAIN));
		EXPECT_NAME(fd, false, "::1");
		EXPECT_ERR(types[i] == SOCK_STREAM ? EINVAL : EAFNOSUPPORT,
			   connect_at(fd, "127.0.0.1", PORT, 0));
		close(fd);

		fd = bound_at(types[i], "127.0.0.1", PORT);
		EXPECT_EQ(AF_INET, get_opt(fd, SOL_SOCKET, SO_DOMAIN));
		EXPECT_NAME(fd, false, "127.0.0.1");
		EXPECT_ERR(EAFNOSUPPORT, connect_at(fd, "::1", PORT, 0));
		close(fd);

		fd = for_family(AF_INET6, types[i]);
		EXPECT_ERR(types[i] == SOCK_STREAM ? ECONNREFUSED : 0,
			   connect_at(fd, "::1", PORT, 0));
		EXPECT_EQ(AF_INET6, get_opt(fd, SOL_SOCKET, SO_DOMAIN));
		close(fd);
	}
	fd = for_family(AF_INET6, SOCK_DGRAM);
	EXPECT_EQ(1, send_at(fd, "::1", PORT, 0));
	EXPECT_EQ(AF_INET6, get_opt(fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_NAME(fd, false, "::");
}

/* As AF_INET6 and AF_INET, also where no address comes first. */
TEST_F(dual, the_protocol_may_say_the_family)
{
	int six, four;

	if (oracle())
		SKIP(return, "TCP's families are its sockets'");
	six = must(socket(AF_YOKE, SOCK_STREAM, IPPROTO_IPV6));
	four = must(socket(AF_YOKE, SOCK_STREAM, IPPROTO_IPIP));
	EXPECT_NAME(six, false, "::");
	EXPECT_NAME(four, false, "0.0.0.0");
	EXPECT_EQ(AF_INET6, get_opt(six, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(AF_INET, get_opt(four, SOL_SOCKET, SO_DOMAIN));
	EXPECT_ERR(EAFNOSUPPORT, bind_at(four, "::1", PORT, 0));
	EXPECT_ERR(EINVAL, bind_at(six, "127.0.0.1", PORT, 0));
	EXPECT_OK(listen(four, 1));
	EXPECT_NAME(four, false, "0.0.0.0");
}

TEST_F(dual, a_stream_over_ipv6)
{
	int l = listening_at("::1", PORT), a = for_family(AF_INET6, SOCK_STREAM), b;

	must(connect_at(a, "::1", PORT, 0));
	b = accepted(l);
	EXPECT_NAME(a, true, "::1");
	EXPECT_NAME(b, false, "::1");
	EXPECT_NAME(b, true, "::1");
	EXPECT_EQ(name_of(a, false).in6.sin6_port, name_of(b, true).in6.sin6_port);
	/* Both have their ports. */
	EXPECT_ERR(EINVAL, set_opt(a, SOL_IPV6, IPV6_V6ONLY, 1));
	EXPECT_ERR(EINVAL, set_opt(b, SOL_IPV6, IPV6_V6ONLY, 1));
	EXPECT_TRUE(carry_both_ways((struct pair){ a, b }, 3 << 20, BOUND));
}

/* Who listens on all addresses of both versions sees peers of IPv4 with mapped addresses. */
static void expect_both(struct __test_metadata *_metadata, int l, const char *local)
{
	int port = ntohs(name_of(l, false).in6.sin6_port), a, b;

	EXPECT_NAME(l, false, "::");
	a = for_family(AF_INET, SOCK_STREAM);
	must(connect_at(a, "127.0.0.1", port, 0));
	b = accepted(l);
	EXPECT_EQ(AF_INET6, get_opt(b, SOL_SOCKET, SO_DOMAIN));
	EXPECT_NAME(b, true, MAPPED_LOOPBACK);
	EXPECT_NAME(b, false, MAPPED_LOOPBACK);
	EXPECT_NAME(a, true, "127.0.0.1");
	EXPECT_TRUE(carry_both_ways((struct pair){ a, b }, 1 << 20, BOUND));
	close(a);
	close(b);
	a = for_family(AF_INET6, SOCK_STREAM);
	must(connect_at(a, local, port, 0));
	b = accepted(l);
	EXPECT_NAME(b, true, local);
	EXPECT_TRUE(carry_both_ways((struct pair){ a, b }, 1 << 20, BOUND));
}

TEST_F(dual, any_address_is_of_both)
{
	expect_both(_metadata, listening_at("::", PORT), "::1");
}

TEST_F(dual, an_unbound_listener_is_of_both)
{
	int l = for_family(AF_INET6, SOCK_STREAM);

	must(listen(l, 8));
	expect_both(_metadata, l, "::1");
}

/* An option has its meaning on its own level only. */
TEST_F(dual, levels)
{
	struct ipv6_mreq group = { .ipv6mr_interface = 1 };

	EXPECT_ERR(ENOPROTOOPT, setsockopt(for_family(AF_INET6, SOCK_STREAM), IPPROTO_UDP,
					   IPV6_ADD_MEMBERSHIP, &group, sizeof(group)));
}

TEST_F(dual, mapped_addresses_are_ipv4)
{
	int l = listening_at("127.0.0.1", PORT), a = for_family(AF_INET6, SOCK_STREAM), b, d, e;

	must(connect_at(a, MAPPED_LOOPBACK, PORT, 0));
	b = accepted(l);
	EXPECT_NAME(a, true, MAPPED_LOOPBACK);
	EXPECT_NAME(a, false, MAPPED_LOOPBACK);
	EXPECT_NAME(b, true, "127.0.0.1");
	EXPECT_TRUE(carry_both_ways((struct pair){ a, b }, 1 << 20, BOUND));

	d = bound_at(SOCK_DGRAM, "127.0.0.1", PORT);
	e = bound_at(SOCK_DGRAM, "::", PORT + 1);
	EXPECT_EQ(1, send_at(e, MAPPED_LOOPBACK, PORT, 0));
	EXPECT_TRUE(heard(d, "127.0.0.1"));
	EXPECT_EQ(1, send_at(d, "127.0.0.1", PORT + 1, 0));
	EXPECT_TRUE(heard(e, MAPPED_LOOPBACK));
	must(connect_at(e, MAPPED_LOOPBACK, PORT, 0));
	EXPECT_ERR(EOPNOTSUPP, send(e, "x", 1, MSG_OOB));
	EXPECT_NAME(e, true, MAPPED_LOOPBACK);
	EXPECT_NAME(e, false, MAPPED_LOOPBACK);
	EXPECT_EQ(1, send(e, "x", 1, 0));
	EXPECT_TRUE(heard(d, "127.0.0.1"));
}

/* Sends one byte to IPv4's PORT, from where IPV6_PKTINFO, of that length, says. */
static ssize_t send_from(int fd, const char *from, size_t len)
{
	union address to = any_addr(MAPPED_LOOPBACK, PORT, 0);
	struct in6_pktinfo info = { .ipi6_ifindex = if_nametoindex("lo") };
	char control[CMSG_SPACE(sizeof(info))] = "";
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to.in6), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = CMSG_SPACE(len),
	};

	must(inet_pton(AF_INET6, from, &info.ipi6_addr));
	*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){ CMSG_LEN(len), SOL_IPV6, IPV6_PKTINFO };
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &info, len);
	return sendmsg(fd, &msg, 0);
}

TEST_F(dual, packet_info_of_mapped_addresses)
{
	int four = bound_at(SOCK_DGRAM, "127.0.0.1", PORT), both = bound_at(SOCK_DGRAM, "::", PORT + 1);
	struct in6_pktinfo info;
	char control[256], c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control, .msg_controllen = sizeof(control) };
	char told[INET6_ADDRSTRLEN];

	must(set_opt(both, SOL_IPV6, IPV6_RECVPKTINFO, 1));
	must(send_at(four, "127.0.0.2", PORT + 1, 0));
	ASSERT_EQ(1, recvmsg(both, &msg, 0));
	ASSERT_EQ(sizeof(info), control_bytes(&msg, SOL_IPV6, IPV6_PKTINFO, &info, sizeof(info)));
	EXPECT_STREQ("::ffff:127.0.0.2", inet_ntop(AF_INET6, &info.ipi6_addr, told, sizeof(told)));
	EXPECT_EQ(if_nametoindex("lo"), info.ipi6_ifindex);

	EXPECT_EQ(1, send_from(both, "::ffff:127.0.0.3", sizeof(info)));
	EXPECT_TRUE(heard(four, "127.0.0.3"));
	EXPECT_ERR(EINVAL, send_from(both, "::ffff:127.0.0.3", sizeof(info) - 1));
	EXPECT_ERR(EINVAL, send_from(both, "::1", sizeof(info)));
	EXPECT_ERR(EAGAIN, recv(four, &c, 1, MSG_DONTWAIT));
}

TEST_F(dual, datagrams_over_ipv6)
{
	int a = bound_at(SOCK_DGRAM, "::1", PORT), b = bound_at(SOCK_DGRAM, "::", PORT + 1);
	static char long_one[60000], got[60001];

	EXPECT_EQ(1, send_at(a, "::1", PORT + 1, 0));
	EXPECT_TRUE(heard(b, "::1"));
	EXPECT_EQ(1, send_at(b, "::1", PORT, 0));
	EXPECT_TRUE(heard(a, "::1"));
	must(connect_at(a, "::1", PORT + 1, 0));
	fill(long_one, sizeof(long_one), 1, 0);
	EXPECT_EQ(sizeof(long_one), send(a, long_one, sizeof(long_one), 0));
	EXPECT_EQ(sizeof(long_one), recv(b, got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp(got, long_one, sizeof(long_one)));
	EXPECT_ERR(EMSGSIZE, send(a, got, 65528, 0));
	/* Nobody there. */
	must(connect_at(a, "::1", PORT + 2, 0));
	EXPECT_EQ(1, send(a, "x", 1, 0));
	EXPECT_EQ(ECONNREFUSED, error_of(a));
}

/* Who sends without an address has no port by that which both versions would lead to. */
TEST_F(dual, no_address_no_port)
{
	int a = for_family(AF_INET, SOCK_DGRAM), b = for_family(AF_INET6, SOCK_DGRAM);
	int port;
	char c;

	EXPECT_ERR(EDESTADDRREQ, send(a, "x", 1, 0));
	EXPECT_EQ(1, send_at(a, "127.0.0.1", PORT, 0));
	port = ntohs(name_of(a, false).in.sin_port);
	EXPECT_EQ(1, send_at(b, "::1", port, 0));
	EXPECT_EQ(1, send_at(a, "127.0.0.1", port, 0));	/* comes after it */
	EXPECT_TRUE(heard(a, "127.0.0.1"));
	EXPECT_ERR(EAGAIN, recv(a, &c, 1, MSG_DONTWAIT));
}

TEST_F(dual, v6only)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, i, fd, other;

	for (i = 0; i < 2; i++) {
		fd = for_family(AF_INET6, types[i]);
		must(set_opt(fd, SOL_IPV6, IPV6_V6ONLY, 1));
		EXPECT_EQ(1, get_opt(fd, SOL_IPV6, IPV6_V6ONLY));
		EXPECT_ERR(EINVAL, bind_at(fd, MAPPED_LOOPBACK, PORT, 0));
		EXPECT_ERR(ENETUNREACH, connect_at(fd, MAPPED_LOOPBACK, PORT, 0));
		close(fd);

		fd = for_family(AF_INET6, types[i]);
		must(set_opt(fd, SOL_IPV6, IPV6_V6ONLY, 1));
		must(bind_at(fd, "::", PORT, 0));
		EXPECT_ERR(EINVAL, set_opt(fd, SOL_IPV6, IPV6_V6ONLY, 0));
		/* IPv4 has the port to itself. */
		other = for_family(AF_INET, types[i]);
		EXPECT_OK(bind_at(other, "0.0.0.0", PORT, 0));
		close(other);
		if (types[i] == SOCK_STREAM) {
			must(listen(fd, 1));
			EXPECT_ERR(ECONNREFUSED, connect_at(for_family(AF_INET, SOCK_STREAM),
							    "127.0.0.1", PORT, 0));
			EXPECT_OK(connect_at(for_family(AF_INET6, SOCK_STREAM), "::1", PORT, 0));
		} else {
			EXPECT_ERR(ENETUNREACH, send_at(fd, MAPPED_LOOPBACK, PORT, 0));
			other = for_family(AF_INET, SOCK_DGRAM);
			must(connect_at(other, "127.0.0.1", PORT, 0));
			EXPECT_EQ(1, send(other, "x", 1, 0));
			EXPECT_EQ(ECONNREFUSED, error_of(other));
		}
		close(fd);
	}
}

/* Who may have a port beside whom: an address of its own, or another version of IP. */
TEST_F(dual, ports_across_versions)
{
	static const struct { const char *first; bool only; const char *second; bool only2; int err; } cases[] = {
		{ "::", false, "0.0.0.0", false, EADDRINUSE },
		{ "::", false, "127.0.0.1", false, EADDRINUSE },
		{ "::", false, "::1", false, EADDRINUSE },
		{ "::", false, "::", true, EADDRINUSE },
		{ "::", true, "0.0.0.0", false, 0 },
		{ "::", true, "127.0.0.1", false, 0 },
		{ "::", true, "::1", false, EADDRINUSE },
		{ "0.0.0.0", false, "::", false, EADDRINUSE },
		{ "0.0.0.0", false, "::", true, 0 },
		{ "0.0.0.0", false, "::1", false, 0 },
		{ "127.0.0.1", false, "::", false, EADDRINUSE },
		{ "127.0.0.1", false, "::1", false, 0 },
		{ "127.0.0.1", false, MAPPED_LOOPBACK, false, EADDRINUSE },
		{ "::1", false, "0.0.0.0", false, 0 },
		{ "::1", false, "::1", false, EADDRINUSE },
		{ MAPPED_LOOPBACK, false, "0.0.0.0", false, EADDRINUSE },
		{ "::ffff:0.0.0.0", false, "127.0.0.1", false, EADDRINUSE },
		{ "::ffff:0.0.0.0", false, "::1", false, 0 },
	};
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, i, t;

	for (t = 0; t < 2; t++) {
		for (i = 0; i < (int)ARRAY_SIZE(cases); i++) {
			int a = for_ip(cases[i].first, types[t]), b = for_ip(cases[i].second, types[t]);
			int err;

			if (cases[i].only)
				must(set_opt(a, SOL_IPV6, IPV6_V6ONLY, 1));
			if (cases[i].only2)
				must(set_opt(b, SOL_IPV6, IPV6_V6ONLY, 1));
			must(bind_at(a, cases[i].first, PORT, 0));
			err = bind_at(b, cases[i].second, PORT, 0) ? errno : 0;
			EXPECT_EQ(cases[i].err, err)
				TH_LOG("type %d: %s%s, then %s%s: %s", types[t], cases[i].first,
				       cases[i].only ? " only" : "", cases[i].second,
				       cases[i].only2 ? " only" : "", err_name(err));
			close(a);
			close(b);
		}
	}
}

/* The listener on the address itself, then that on all of IPv4's, then that on all. */
TEST_F(dual, the_closest_listener)
{
	int six = for_family(AF_INET6, SOCK_STREAM), four = listening_at("0.0.0.0", PORT), a;

	must(set_opt(six, SOL_IPV6, IPV6_V6ONLY, 1));
	must(bind_at(six, "::", PORT, 0));
	must(listen(six, 8));
	a = for_family(AF_INET, SOCK_STREAM);
	must(connect_at(a, "127.0.0.1", PORT, 0));
	EXPECT_NAME(accepted(four), true, "127.0.0.1");
	a = for_family(AF_INET6, SOCK_STREAM);
	must(connect_at(a, "::1", PORT, 0));
	EXPECT_NAME(accepted(six), true, "::1");
}

TEST_F(dual, what_an_address_must_be)
{
	union address a = any_addr("::1", PORT, 0);
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, i, fd;

	for (i = 0; i < 2; i++) {
		fd = for_family(AF_INET6, types[i]);
		EXPECT_ERR(EINVAL, connect(fd, &a.sa, 23));
		EXPECT_ERR(EINVAL, connect_at(fd, "fe80::1", PORT, 0));
		EXPECT_ERR(ENETUNREACH, connect_at(fd, "2001:db8::1", PORT, 0));
		if (types[i] == SOCK_STREAM)
			EXPECT_ERR(ENETUNREACH, connect_at(fd, "ff02::1", PORT, 0));
		close(fd);
		fd = for_family(AF_INET6, types[i]);
		EXPECT_ERR(EINVAL, bind(fd, &a.sa, 23));
		EXPECT_ERR(EADDRNOTAVAIL, bind_at(fd, "2001:db8::1", PORT, 0));
		EXPECT_ERR(EINVAL, bind_at(fd, "fe80::1", PORT, 0));
		if (types[i] == SOCK_STREAM)
			EXPECT_ERR(EINVAL, bind_at(fd, "ff02::1", PORT, 1));
		EXPECT_OK(bind(fd, &a.sa, 24));		/* without a scope, as RFC 2133 had it */
		EXPECT_ERR(EINVAL, bind_at(fd, "::1", PORT + 1, 0));
		/* From an address of the one version there is no way to the other. */
		EXPECT_ERR(ENETUNREACH, connect_at(fd, MAPPED_LOOPBACK, PORT, 0));
		close(fd);
		fd = bound_at(types[i], MAPPED_LOOPBACK, PORT);
		EXPECT_ERR(EAFNOSUPPORT, connect_at(fd, "::1", PORT, 0));
		close(fd);
	}
}

/* The unspecified address is this host. */
TEST_F(dual, to_the_unspecified)
{
	int l = listening_at("::", PORT), a = for_family(AF_INET6, SOCK_STREAM);
	int d = bound_at(SOCK_DGRAM, "::", PORT), e = for_family(AF_INET6, SOCK_DGRAM);

	must(connect_at(a, "::", PORT, 0));
	EXPECT_NAME(a, true, "::1");
	EXPECT_NAME(accepted(l), true, "::1");
	EXPECT_EQ(1, send_at(e, "::", PORT, 0));
	EXPECT_TRUE(heard(d, "::1"));
}

/* A disconnected socket may go to the other version's addresses, v4-mapped. */
TEST_F(dual, again_by_the_other_version)
{
	int l = listening_at("::", PORT), fd = for_family(AF_INET6, SOCK_STREAM), i;

	for (i = 0; i < 2; i++) {
		must(connect_at(fd, i ? MAPPED_LOOPBACK : "::1", PORT, 0));
		EXPECT_NAME(fd, true, i ? MAPPED_LOOPBACK : "::1");
		EXPECT_NAME(accepted(l), true, i ? MAPPED_LOOPBACK : "::1");
		must(connect_nowhere(fd));
		EXPECT_NAME(fd, false, "::");
	}
}

TEST_F(dual, options)
{
	int l = for_family(AF_INET6, SOCK_STREAM), a = for_family(AF_INET6, SOCK_STREAM), b;
	int four = bound_at(SOCK_STREAM, "127.0.0.1", 0);

	must(set_opt(l, SOL_IPV6, IPV6_TCLASS, 0x40));
	must(set_opt(l, SOL_IPV6, IPV6_UNICAST_HOPS, 9));
	must(set_opt(l, SOL_IPV6, IPV6_RECVERR, 1));
	must(set_opt(l, SOL_IP, IP_TOS, 0x20));
	must(bind_at(l, "::", PORT, 0));
	must(listen(l, 1));
	must(connect_at(a, "::1", PORT, 0));
	b = accepted(l);
	EXPECT_EQ(0x40, get_opt(b, SOL_IPV6, IPV6_TCLASS));
	EXPECT_EQ(9, get_opt(b, SOL_IPV6, IPV6_UNICAST_HOPS));
	EXPECT_EQ(1, get_opt(b, SOL_IPV6, IPV6_RECVERR));
	EXPECT_EQ(0x20, get_opt(b, SOL_IP, IP_TOS));
	EXPECT_LT(1280, get_opt(b, SOL_IPV6, IPV6_MTU));
	EXPECT_ERR(ENOPROTOOPT, set_opt(four, SOL_IPV6, IPV6_TCLASS, 0x40));
	EXPECT_ERR(ENOPROTOOPT, set_opt(a, SOL_IPV6, 999, 1));
	EXPECT_ERR(EINVAL, set_opt(a, SOL_IPV6, IPV6_TCLASS, 256));
}

static void link_local(const char *ip, const char *dev)
{
	must_hold(shell("ip -6 addr add %s/64 dev %s nodad", ip, dev));
}

ON_A_LINK(dual_link)

TEST_F(dual_link, scopes)
{
	struct net net = self->net;
	int l, a, b, d, e, scope_a, scope_b;

	enter(net.b);
	link_local(LINK_B, "veth");
	scope_b = if_nametoindex("veth");
	l = listening_at("::", PORT);
	d = bound_at(SOCK_DGRAM, "::", PORT);
	enter(net.a);
	link_local(LINK_A, "veth");
	scope_a = if_nametoindex("veth");

	a = for_family(AF_INET6, SOCK_STREAM);
	EXPECT_ERR(EINVAL, connect_at(a, LINK_B, PORT, 0));
	EXPECT_OK(bind_at(a, LINK_A, 0, scope_a));
	EXPECT_ERR(EINVAL, connect_at(a, LINK_B, PORT, scope_a + 1));
	EXPECT_OK(connect_at(a, LINK_B, PORT, scope_a));
	EXPECT_EQ(scope_a, name_of(a, true).in6.sin6_scope_id);
	b = accepted(l);
	EXPECT_NAME(b, true, LINK_A);
	EXPECT_EQ(scope_b, name_of(b, true).in6.sin6_scope_id);
	EXPECT_TRUE(carry_both_ways((struct pair){ a, b }, 1 << 20, BOUND));

	e = for_family(AF_INET6, SOCK_DGRAM);
	EXPECT_EQ(1, send_at(e, LINK_B, PORT, scope_a));
	EXPECT_TRUE(heard(d, LINK_A));
	EXPECT_ERR(EINVAL, connect_at(e, LINK_B, PORT, 0));
	EXPECT_OK(connect_at(e, LINK_B, PORT, scope_a));
	EXPECT_EQ(1, send(e, "x", 1, 0));
	EXPECT_TRUE(heard(d, LINK_A));
}

TEST_HARNESS_MAIN
