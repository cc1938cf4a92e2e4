// SPDX-License-Identifier: GPL-2.0
/*
 * One datagram to many: multicast groups, who joins them and hears what, where
 * it leaves, how far it goes; broadcasts to every socket of a port.
 */
#include "yoke_test.h"
#include <netinet/udp.h>

#define GROUP "239.1.2.3"
#define OTHER "239.1.2.4"

/* What IPv4 and IPv6 each have a name for. */
#define IP(four, six) (ipv6() ? (six) : (four))
#define LEVEL IP(SOL_IP, SOL_IPV6)
#define ALL IP(IP_MULTICAST_ALL, IPV6_MULTICAST_ALL)
#define LOOP IP(IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP)
#define HOPS IP(IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS)

/* A device that goes nowhere, for groups of this machine: with IPv6, lo hears of none. */
#define HERE IP("lo", "here")

static void make_here(void)
{
	if (ipv6())
		must_hold(shell("ip link add here type dummy && ip link set here up"));
}

FIXTURE(group) { };
FIXTURE_SETUP(group)
{
	new_net();
	make_here();
}
FIXTURE_TEARDOWN(group) { }

static int member(int port)
{
	int fd = dgram();

	must(set_opt(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	must(bind_to(fd, ANY, port));
	return fd;
}

/* In or out of a group, on a device. */
static int membership(int fd, bool in, const char *ip, const char *dev)
{
	struct ip_mreqn mreq = {
		.imr_multiaddr.s_addr = inet_addr(ip), .imr_ifindex = if_nametoindex(dev),
	};
	struct ipv6_mreq mreq6 = { to_ipv6(mreq.imr_multiaddr), if_nametoindex(dev) };

	if (ipv6())
		return setsockopt(fd, SOL_IPV6, in ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP,
				  &mreq6, sizeof(mreq6));
	return setsockopt(fd, SOL_IP, in ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &mreq, sizeof(mreq));
}

static int join(int fd, const char *ip, const char *dev)
{
	return membership(fd, true, ip, dev);
}

static int leave(int fd, const char *ip, const char *dev)
{
	return membership(fd, false, ip, dev);
}

/* By sources, on the loopback: one of MCAST_*, which both versions have. */
static int source(int fd, int name, const char *ip, const char *from)
{
	struct group_source_req req = { .gsr_interface = if_nametoindex(HERE) };
	struct sockaddr_in group = addr(ip, 0), source = addr(from, 0);
	socklen_t len;

	memcpy(&req.gsr_group, &group, sizeof(group));
	memcpy(&req.gsr_source, &source, sizeof(source));
	len = sizeof(group);
	into((struct sockaddr *)&group, &len, (struct sockaddr_in6 *)&req.gsr_group);
	len = sizeof(source);
	into((struct sockaddr *)&source, &len, (struct sockaddr_in6 *)&req.gsr_source);
	return setsockopt(fd, LEVEL, name, &req, sizeof(req));
}

/* What is sent to groups leaves by `dev`. */
static int leave_by(int fd, const char *dev)
{
	struct ip_mreqn mreq = { .imr_ifindex = if_nametoindex(dev) };

	if (ipv6())
		return set_opt(fd, SOL_IPV6, IPV6_MULTICAST_IF, mreq.imr_ifindex);
	return setsockopt(fd, SOL_IP, IP_MULTICAST_IF, &mreq, sizeof(mreq));
}

/* A sender whose datagrams to groups do. */
static int sender(const char *ip, const char *dev)
{
	int fd = bound(SOCK_DGRAM, ip, 0);

	stay();
	must(leave_by(fd, dev));
	return fd;
}

/* What of "a", "b" … has come? */
static const char *heard(int fd)
{
	static char text[16];
	int n = 0;

	must_hold(settled());
	while (n < 15 && recv(fd, text + n, 1, MSG_DONTWAIT) == 1)
		n++;
	text[n] = 0;
	return text;
}

TEST_F(group, members_hear_it)
{
	int a = member(4000), b = member(4000), c = member(4001), out = sender("127.0.0.2", HERE);

	must(join(a, GROUP, HERE));
	must(join(b, GROUP, HERE));
	must(join(c, GROUP, HERE));
	EXPECT_EQ(1, send_to(out, "a", 1, GROUP, 4000));
	EXPECT_STREQ("a", heard(a));
	EXPECT_STREQ("a", heard(b));
	EXPECT_STREQ("", heard(c));
	EXPECT_OK(leave(a, GROUP, HERE));
	must(set_opt(a, LEVEL, ALL, 0));
	EXPECT_EQ(1, send_to(out, "b", 1, GROUP, 4000));
	EXPECT_STREQ("", heard(a));
	EXPECT_STREQ("b", heard(b));
	/* The last one who leaves turns out the light. */
	close(b);
	EXPECT_OK(leave(c, GROUP, HERE));
	must(set_opt(a, LEVEL, ALL, 1));
	EXPECT_EQ(1, send_to(out, "c", 1, GROUP, 4000));
	EXPECT_STREQ("", heard(a));
}

/* RFC 6936: of those who hear, only who said so hears what has no checksum. */
TEST_F(group, without_a_checksum)
{
	int a = member(4000), b = member(4000), out = sender("127.0.0.2", HERE);

	if (!ipv6())
		SKIP(return, "IPv4 may have none");
	must(join(a, GROUP, HERE));
	must(join(b, GROUP, HERE));
	must(set_opt(out, SOL_UDP, UDP_NO_CHECK6_TX, 1));
	for (int i = 0; i < 2; i++) {
		must(set_opt(i ? a : b, SOL_UDP, UDP_NO_CHECK6_RX, 1));
		must(set_opt(i ? b : a, SOL_UDP, UDP_NO_CHECK6_RX, 0));
		EXPECT_EQ(1, send_to(out, "a", 1, GROUP, 4000));
		EXPECT_STREQ(i ? "a" : "", heard(a));
		EXPECT_STREQ(i ? "" : "a", heard(b));
	}
}

TEST_F(group, joining_errors)
{
	int fd = member(4000);

	EXPECT_ERR(EINVAL, join(fd, "10.0.0.1", HERE));
	EXPECT_ERR(EADDRNOTAVAIL, leave(fd, GROUP, HERE));
	EXPECT_OK(join(fd, GROUP, HERE));
	EXPECT_ERR(EADDRINUSE, join(fd, GROUP, HERE));
	EXPECT_OK(leave(fd, GROUP, HERE));
	EXPECT_ERR(EADDRNOTAVAIL, leave(fd, GROUP, HERE));
	EXPECT_ERR(EINVAL, setsockopt(fd, LEVEL, IP(IP_ADD_MEMBERSHIP, IPV6_ADD_MEMBERSHIP), &fd, sizeof(fd)));
	if (ipv6())
		return;
	/* There are so many, and no more (net.ipv4.igmp_max_memberships). */
	EXPECT_TRUE(sysctl_ip("igmp_max_memberships", "1"));
	EXPECT_OK(join(fd, GROUP, HERE));
	EXPECT_ERR(ENOBUFS, join(fd, OTHER, HERE));
}

/* IP_MULTICAST_ALL: who is in no group hears what others have joined. */
TEST_F(group, all_or_those_joined)
{
	int in = member(4000), all = member(4000), own = member(4000), out = sender("127.0.0.2", HERE);

	must(join(in, GROUP, HERE));
	EXPECT_EQ(1, get_opt(all, LEVEL, ALL));
	EXPECT_OK(set_opt(own, LEVEL, ALL, 0));
	EXPECT_EQ(0, get_opt(own, LEVEL, ALL));
	must(send_to(out, "a", 1, GROUP, 4000));
	EXPECT_STREQ("a", heard(all));
	EXPECT_STREQ("", heard(own));
	must(join(own, OTHER, HERE));
	must(send_to(out, "b", 1, OTHER, 4000));
	EXPECT_STREQ("b", heard(own));
	EXPECT_STREQ("ab", heard(in));
	EXPECT_ERR(IP(EINVAL, 0), set_opt(own, LEVEL, ALL, 2));
}

/* A socket bound to a group is for that group only. */
TEST_F(group, bound_to_it)
{
	int a = dgram(), any = member(4000), out = sender("127.0.0.2", HERE);

	must(set_opt(a, SOL_SOCKET, SO_REUSEADDR, 1));
	if (ipv6())	/* RFC 4007: which link's group it is */
		on_device(a, HERE);
	EXPECT_OK(bind_to(a, GROUP, 4000));
	must(join(a, GROUP, HERE));
	must(join(any, OTHER, HERE));
	must(send_to(out, "a", 1, GROUP, 4000));
	must(send_to(out, "b", 1, OTHER, 4000));
	must(send_to(out, "c", 1, LOOPBACK, 4000));
	EXPECT_STREQ("a", heard(a));
	EXPECT_STREQ("abc", heard(any));
	if (ipv6())
		return;
	/* It has no address to send from, so that one is chosen. */
	must(set_opt(a, LEVEL, HOPS, 0));
	EXPECT_EQ(1, send_to(a, "x", 1, LOOPBACK, 4000));
}

TEST_F(group, connected_to_it)
{
	int in = member(4000), out = dgram();

	stay();
	must(join(in, GROUP, HERE));
	must(leave_by(out, HERE));
	EXPECT_OK(connect_to(out, GROUP, 4000));
	EXPECT_EQ(1, send(out, "a", 1, 0));
	EXPECT_STREQ("a", heard(in));
	/* The answer is none of the group's. */
	must(send_to(in, "b", 1, LOOPBACK, local_port(out)));
	EXPECT_STREQ("", heard(out));
}

TEST_F(group, sources)
{
	int in = member(4000), a = sender("127.0.0.2", HERE), b = sender("127.0.0.3", HERE);

	must(set_opt(in, LEVEL, ALL, 0));
	EXPECT_ERR(EINVAL, source(in, MCAST_BLOCK_SOURCE, GROUP, "127.0.0.2"));
	EXPECT_OK(source(in, MCAST_JOIN_SOURCE_GROUP, GROUP, "127.0.0.2"));
	must(send_to(a, "a", 1, GROUP, 4000));
	must(send_to(b, "b", 1, GROUP, 4000));
	EXPECT_STREQ("a", heard(in));
	EXPECT_OK(source(in, MCAST_JOIN_SOURCE_GROUP, GROUP, "127.0.0.3"));
	must(send_to(a, "a", 1, GROUP, 4000));
	must(send_to(b, "b", 1, GROUP, 4000));
	EXPECT_STREQ("ab", heard(in));
	EXPECT_ERR(EADDRNOTAVAIL, source(in, MCAST_JOIN_SOURCE_GROUP, GROUP, "127.0.0.3"));
	EXPECT_OK(source(in, MCAST_LEAVE_SOURCE_GROUP, GROUP, "127.0.0.2"));
	must(send_to(a, "a", 1, GROUP, 4000));
	EXPECT_STREQ("", heard(in));
	EXPECT_OK(source(in, MCAST_LEAVE_SOURCE_GROUP, GROUP, "127.0.0.3"));
	/* The other way round: all but. */
	must(join(in, GROUP, HERE));
	EXPECT_OK(source(in, MCAST_BLOCK_SOURCE, GROUP, "127.0.0.2"));
	must(send_to(a, "a", 1, GROUP, 4000));
	must(send_to(b, "b", 1, GROUP, 4000));
	EXPECT_STREQ("b", heard(in));
	EXPECT_OK(source(in, MCAST_UNBLOCK_SOURCE, GROUP, "127.0.0.2"));
	must(send_to(a, "a", 1, GROUP, 4000));
	EXPECT_STREQ("a", heard(in));
}

TEST_F(group, options)
{
	int fd = dgram(), i, bad_ttl[] = { -2, 256 }, ttl[] = { 0, 1, 255 };
	struct in_addr address = { 0 };
	socklen_t len = sizeof(address);

	EXPECT_EQ(1, get_opt(fd, LEVEL, HOPS));
	EXPECT_EQ(1, get_opt(fd, LEVEL, LOOP));
	for (i = 0; i < 2; i++)
		EXPECT_ERR(EINVAL, set_opt(fd, LEVEL, HOPS, bad_ttl[i]));
	for (i = 0; i < 3; i++) {
		EXPECT_OK(set_opt(fd, LEVEL, HOPS, ttl[i]));
		EXPECT_EQ(ttl[i], get_opt(fd, LEVEL, HOPS));
	}
	EXPECT_OK(set_opt(fd, LEVEL, LOOP, 0));
	EXPECT_EQ(0, get_opt(fd, LEVEL, LOOP));
	if (ipv6()) {
		EXPECT_ERR(ENODEV, set_opt(fd, SOL_IPV6, IPV6_MULTICAST_IF, 99));
		EXPECT_OK(leave_by(fd, HERE));
		EXPECT_EQ((int)if_nametoindex(HERE), get_opt(fd, SOL_IPV6, IPV6_MULTICAST_IF));
		return;
	}
	address.s_addr = inet_addr("192.0.2.9");
	EXPECT_ERR(EADDRNOTAVAIL, setsockopt(fd, SOL_IP, IP_MULTICAST_IF, &address, sizeof(address)));
	address.s_addr = inet_addr(LOOPBACK);
	EXPECT_OK(setsockopt(fd, SOL_IP, IP_MULTICAST_IF, &address, sizeof(address)));
	address.s_addr = 0;
	EXPECT_OK(getsockopt(fd, SOL_IP, IP_MULTICAST_IF, &address, &len));
	EXPECT_EQ(inet_addr(LOOPBACK), address.s_addr);
}

TEST_F(group, broadcast_to_all)
{
	int a = member(4000), b = member(4000), c = member(4001), d = dgram(), out = dgram();

	IPV4_ONLY("it has no broadcasts");
	stay();
	/* As IP's broadcast does: also to who has just this address. */
	must(set_opt(d, SOL_SOCKET, SO_REUSEADDR, 1));
	must(bind_to(d, "127.255.255.255", 4000));
	must(set_opt(out, SOL_SOCKET, SO_BROADCAST, 1));
	EXPECT_EQ(1, send_to(out, "a", 1, "127.255.255.255", 4000));
	EXPECT_STREQ("a", heard(a));
	EXPECT_STREQ("a", heard(b));
	EXPECT_STREQ("", heard(c));
	EXPECT_STREQ("a", heard(d));
	EXPECT_EQ(1, send_to(out, "b", 1, LOOPBACK, 4000));
	EXPECT_STREQ("", heard(d));
}

TEST_F(group, a_crowd_hears_it)
{
	int fd[200], i, out = sender("127.0.0.2", HERE);

	for (i = 0; i < 200; i++) {
		fd[i] = member(4000);
		must(join(fd[i], GROUP, HERE));
	}
	EXPECT_EQ(1, send_to(out, "a", 1, GROUP, 4000));
	for (i = 0; i < 200; i++)
		EXPECT_STREQ("a", heard(fd[i]));
}

/* Each has its own copy of each. */
TEST_F(group, copies_are_independent)
{
	int a = member(4000), b = member(4000), out = sender("127.0.0.2", HERE), n = 0;
	char buf[3000], in[3000];

	must(join(a, GROUP, HERE));
	must(set_opt(b, SOL_SOCKET, SO_RCVBUF, 1));
	fill(buf, sizeof(buf), 1, 0);
	for (n = 0; n < 5; n++)
		must(send_to(out, buf, sizeof(buf), GROUP, 4000));
	must_hold(settled());
	for (n = 0; n < 5; n++) {
		ASSERT_EQ(3000, recv(a, in, sizeof(in), 0));
		EXPECT_EQ(0, memcmp(in, buf, sizeof(buf)));
		memset(in, 0, sizeof(in));
	}
	EXPECT_EQ(3000, recv(b, in, sizeof(in), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(in, buf, sizeof(buf)));
	while (recv(b, in, sizeof(in), MSG_DONTWAIT) > 0)
		n++;
	EXPECT_GT(9, n);
}

ON_A_LINK(lan)

TEST_F(lan, loop_and_ttl)
{
	int out = sender(ADDR_A, "veth"), here = member(4000), there;
	char c;

	must(join(here, GROUP, "veth"));
	enter(self->net.b);
	there = member(4000);
	must(join(there, GROUP, "veth"));
	EXPECT_EQ(1, send_to(out, "a", 1, GROUP, 4000));
	EXPECT_EQ(1, recv(there, &c, 1, 0));
	EXPECT_STREQ("a", heard(here));
	/* Not to this machine. */
	must(set_opt(out, LEVEL, LOOP, 0));
	EXPECT_EQ(1, send_to(out, "b", 1, GROUP, 4000));
	EXPECT_EQ(1, recv(there, &c, 1, 0));
	EXPECT_EQ('b', c);
	EXPECT_STREQ("", heard(here));
	/* Only to this machine. */
	must(set_opt(out, LEVEL, LOOP, 1));
	must(set_opt(out, LEVEL, HOPS, 0));
	EXPECT_EQ(1, send_to(out, "c", 1, GROUP, 4000));
	must(set_opt(out, LEVEL, HOPS, 1));
	EXPECT_EQ(1, send_to(out, "d", 1, GROUP, 4000));
	EXPECT_EQ(1, recv(there, &c, 1, 0));
	EXPECT_EQ('d', c);
	EXPECT_STREQ("cd", heard(here));
}

/* A membership is of a device. */
TEST_F(lan, by_device)
{
	int here, veth = sender(ADDR_A, "veth"), in = member(4000);

	make_here();
	here = sender("127.0.0.2", HERE);
	must(set_opt(in, LEVEL, ALL, 0));
	must(join(in, GROUP, "veth"));
	must(join(member(5000), GROUP, HERE));
	must(send_to(here, "a", 1, GROUP, 4000));
	EXPECT_STREQ(IP("", "a"), heard(in));	/* of IPv6's groups only the address counts */
	must(send_to(veth, "b", 1, GROUP, 4000));
	EXPECT_STREQ("b", heard(in));
}

TEST_F(lan, nobody_complains)
{
	int fd = dgram();

	/* RFC 1122 §3.2.2, RFC 4443 §2.4: no ICMP error about a multicast. */
	must(leave_by(fd, "veth"));
	must(set_opt(fd, LEVEL, IP(IP_RECVERR, IPV6_RECVERR), 1));
	must(send_to(fd, "a", 1, GROUP, 4000));
	/* What is sent next is answered, and so would this have been. */
	must(send_to(fd, "b", 1, ADDR_B, 4000));
	EXPECT_EQ(ECONNREFUSED, error_of(fd));
	EXPECT_EQ(0, so_error(fd));
}

TEST_HARNESS_MAIN
