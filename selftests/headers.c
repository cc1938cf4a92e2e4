// SPDX-License-Identifier: GPL-2.0
/*
 * What a program has IP put into its header: options of IPv4 (RFC 791 §3.1), extension headers of IPv6
 * (RFC 8200 §4). The same over TCP and UDP.
 */
#include "wire.h"
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#define STOP "127.0.0.2"

/* Record the route, with room for three addresses. */
static const unsigned char record[] = { IPOPT_RR, 15, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
static const unsigned char nops[] = { IPOPT_NOP, IPOPT_NOP, IPOPT_NOP, IPOPT_NOP };
/* Through 127.0.0.2. */
static const unsigned char route[] = { IPOPT_NOP, IPOPT_LSRR, 7, 4, 127, 0, 0, 2 };

/* Enter the time, with room for three. */
static const unsigned char stamps[] = { IPOPT_TS, 16, 5, IPOPT_TS_TSONLY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

static int set_bytes(int fd, int level, int name, const void *bytes, int len)
{
	return setsockopt(fd, level, name, bytes, len);
}

/* One datagram with a control message of this kind, or without. */
static int send_with(int fd, int port, int level, int type, const void *bytes, size_t len)
{
	struct sockaddr_storage to = { 0 };
	union { struct cmsghdr head; char room[256]; } control = { 0 };
	struct sockaddr_in sin = addr(LOOPBACK, port);
	struct iovec iov = { "hello", 5 };
	struct msghdr msg = { .msg_name = &to, .msg_iov = &iov, .msg_iovlen = 1 };

	if (ipv6()) {
		*(struct sockaddr_in6 *)&to = (struct sockaddr_in6){
			.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback };
		msg.msg_namelen = sizeof(struct sockaddr_in6);
	} else {
		memcpy(&to, &sin, sizeof(sin));
		msg.msg_namelen = sizeof(sin);
	}
	if (bytes) {
		control.head.cmsg_level = level;
		control.head.cmsg_type = type;
		control.head.cmsg_len = CMSG_LEN(len);
		memcpy(CMSG_DATA(&control.head), bytes, len);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(len);
	}
	return sendmsg(fd, &msg, 0);
}

/* Reads a datagram; -1, or how long that control message is, which is copied to @bytes. */
static int recv_with(int fd, int level, int type, void *bytes, size_t most)
{
	char data[64], control[1024];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control, .msg_controllen = sizeof(control) };

	wait_events(fd, POLLIN);
	if (recvmsg(fd, &msg, MSG_DONTWAIT) < 0)
		return -2;
	return control_bytes(&msg, level, type, bytes, most);
}

static void set_mtu(int mtu)
{
	must_hold(shell("ip link set lo mtu %d", mtu));
}

/* ---- IPv4 -------------------------------------------------------------------- */

FIXTURE(options4) { int a, b, port; };

FIXTURE_SETUP(options4)
{
	must(setenv("YOKE_IP", "4", 1));
	new_net();
	must_hold(write_file("/proc/sys/net/ipv4/conf/all/accept_source_route", "1"));
	must_hold(write_file("/proc/sys/net/ipv4/conf/lo/accept_source_route", "1"));
	/* From one address of the loopback to the other. */
	must_hold(write_file("/proc/sys/net/ipv4/conf/lo/route_localnet", "1"));
	must_hold(write_file("/proc/sys/net/ipv4/conf/lo/accept_local", "1"));
	self->a = bound(SOCK_DGRAM, LOOPBACK, 0);
	self->b = bound(SOCK_DGRAM, LOOPBACK, 0);
	self->port = local_port(self->b);
	must(set_opt(self->b, SOL_IP, IP_RECVOPTS, 1));
}

FIXTURE_TEARDOWN(options4) { }

TEST_F(options4, get_and_set)
{
	unsigned char got[64];
	socklen_t len = sizeof(got);
	int fds[] = { stream(), dgram() };

	for (int i = 0; i < 2; i++) {
		len = sizeof(got);
		EXPECT_OK(getsockopt(fds[i], SOL_IP, IP_OPTIONS, got, &len));
		EXPECT_EQ(len, 0);
		EXPECT_OK(set_bytes(fds[i], SOL_IP, IP_OPTIONS, route, sizeof(route)));
		len = sizeof(got);
		EXPECT_OK(getsockopt(fds[i], SOL_IP, IP_OPTIONS, got, &len));
		EXPECT_EQ(len, sizeof(route));
		EXPECT_EQ(0, memcmp(got, route, sizeof(route)));
		EXPECT_ERR(EINVAL, set_bytes(fds[i], SOL_IP, IP_OPTIONS, got, 44));
		EXPECT_ERR(EINVAL, set_bytes(fds[i], SOL_IP, IP_OPTIONS, "\x07\x01\x04", 4));
		EXPECT_OK(set_bytes(fds[i], SOL_IP, IP_OPTIONS, NULL, 0));
		len = sizeof(got);
		EXPECT_OK(getsockopt(fds[i], SOL_IP, IP_OPTIONS, got, &len));
		EXPECT_EQ(len, 0);
	}
}

TEST_F(options4, datagrams_have_the_socket_s)
{
	unsigned char got[64] = { 0 };

	EXPECT_EQ(5, send_with(self->a, self->port, 0, 0, NULL, 0));
	EXPECT_EQ(-1, recv_with(self->b, SOL_IP, IP_RECVOPTS, got, sizeof(got)));
	EXPECT_OK(set_bytes(self->a, SOL_IP, IP_OPTIONS, record, sizeof(record)));
	EXPECT_EQ(5, send_with(self->a, self->port, 0, 0, NULL, 0));
	EXPECT_EQ((int)sizeof(record), recv_with(self->b, SOL_IP, IP_RECVOPTS, got, sizeof(got)));
	EXPECT_EQ(got[0], IPOPT_RR);
	/* The sender has entered its address, and whoever it came to. */
	EXPECT_EQ(got[2], 12);
	EXPECT_EQ(0, memcmp(got + 3, "\x7f\0\0\1\x7f\0\0\1\0\0\0", 11));
}

/* Milliseconds since midnight UT. */
static bool is_now(const unsigned char *stamp)
{
	uint32_t day = 86400000, now = time(NULL) % 86400 * 1000, told;

	memcpy(&told, stamp, 4);
	return (now + day - ntohl(told) % day + 20000) % day < 40000;
}

TEST_F(options4, times_are_entered)
{
	static const unsigned char with_address[] = { IPOPT_TS, 20, 5, IPOPT_TS_TSANDADDR, [19] = 0 };
	unsigned char got[64] = { 0 };

	EXPECT_OK(set_bytes(self->a, SOL_IP, IP_OPTIONS, stamps, sizeof(stamps)));
	EXPECT_EQ(5, send_with(self->a, self->port, 0, 0, NULL, 0));
	ASSERT_EQ((int)sizeof(stamps), recv_with(self->b, SOL_IP, IP_RECVOPTS, got, sizeof(got)));
	/* The sender has entered its time, and whoever it came to. */
	EXPECT_EQ(13, got[2]);
	EXPECT_TRUE(is_now(got + 4));
	EXPECT_TRUE(is_now(got + 8));
	EXPECT_OK(set_bytes(self->a, SOL_IP, IP_OPTIONS, with_address, sizeof(with_address)));
	EXPECT_EQ(5, send_with(self->a, self->port, 0, 0, NULL, 0));
	ASSERT_EQ((int)sizeof(with_address), recv_with(self->b, SOL_IP, IP_RECVOPTS, got, sizeof(got)));
	EXPECT_EQ(21, got[2]);
	EXPECT_EQ(0, memcmp(got + 4, "\x7f\0\0\1", 4));
	EXPECT_TRUE(is_now(got + 8));
	EXPECT_EQ(0, memcmp(got + 12, "\x7f\0\0\1", 4));
	EXPECT_TRUE(is_now(got + 16));
}

/* A listener answers with what came, and enters its own. */
TEST_F(options4, the_answer_to_a_syn_has_times)
{
	int listening = listener(LOOPBACK, 0, 1), seen = tap("lo"), fd = stream();
	unsigned char packet[2048] = { 0 };
	struct tcphdr *th = (struct tcphdr *)(packet + 20 + sizeof(stamps));

	EXPECT_OK(set_bytes(fd, SOL_IP, IP_OPTIONS, stamps, sizeof(stamps)));
	must(connect_to(fd, LOOPBACK, local_port(listening)));
	while (recv(seen, packet, sizeof(packet), 0) > 0 && !(packet[0] == 0x49 && th->syn && th->ack))
		;
	ASSERT_TRUE(packet[0] == 0x49 && th->syn && th->ack);
	EXPECT_EQ(IPOPT_TS, packet[20]);
	EXPECT_EQ(17, packet[22]);
	for (int i = 24; i < 36; i += 4)
		EXPECT_TRUE(is_now(packet + i));
}

TEST_F(options4, a_datagram_has_its_own)
{
	unsigned char got[64] = { 0 };

	EXPECT_OK(set_bytes(self->a, SOL_IP, IP_OPTIONS, record, sizeof(record)));
	EXPECT_EQ(5, send_with(self->a, self->port, SOL_IP, IP_RETOPTS, nops, sizeof(nops)));
	EXPECT_EQ(4, recv_with(self->b, SOL_IP, IP_RECVOPTS, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(got, nops, 4));
	EXPECT_EQ(5, send_with(self->a, self->port, 0, 0, NULL, 0));
	EXPECT_EQ((int)sizeof(record), recv_with(self->b, SOL_IP, IP_RECVOPTS, got, sizeof(got)));
	EXPECT_EQ(5, send_with(self->a, self->port, SOL_IP, IP_RETOPTS, "", 0));
	EXPECT_EQ(-1, recv_with(self->b, SOL_IP, IP_RECVOPTS, got, sizeof(got)));
	EXPECT_ERR(EINVAL, send_with(self->a, self->port, SOL_IP, IP_RETOPTS, "\x07\x01\x04", 4));
}

/* What came, turned round, is what an answer has. */
TEST_F(options4, answers_have_what_came)
{
	unsigned char got[64] = { 0 };
	int len;

	EXPECT_OK(set_bytes(self->a, SOL_IP, IP_OPTIONS, record, sizeof(record)));
	must(set_opt(self->b, SOL_IP, IP_RECVOPTS, 0));
	must(set_opt(self->b, SOL_IP, IP_RETOPTS, 1));
	must(set_opt(self->a, SOL_IP, IP_RECVOPTS, 1));
	EXPECT_EQ(5, send_with(self->a, self->port, 0, 0, NULL, 0));
	len = recv_with(self->b, SOL_IP, IP_RETOPTS, got, sizeof(got));
	EXPECT_EQ(len, (int)sizeof(record));
	EXPECT_EQ(5, send_with(self->b, local_port(self->a), SOL_IP, IP_RETOPTS, got, len));
	EXPECT_EQ(len, recv_with(self->a, SOL_IP, IP_RECVOPTS, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(got, "\7\17\20\x7f\0\0\1\x7f\0\0\1\x7f\0\0\1", 15));
}

TEST_F(options4, a_datagram_takes_the_route)
{
	unsigned char got[64], packet[128];
	struct ip *ip = (struct ip *)packet;
	int seen = tap("lo");

	EXPECT_OK(set_bytes(self->a, SOL_IP, IP_OPTIONS, route, sizeof(route)));
	EXPECT_EQ(5, send_with(self->a, self->port, 0, 0, NULL, 0));
	EXPECT_EQ(8, recv_with(self->b, SOL_IP, IP_RECVOPTS, got, sizeof(got)));
	EXPECT_GT(recv(seen, packet, sizeof(packet), 0), 28);
	EXPECT_EQ((int)ip->ip_hl, 7);
	EXPECT_EQ(ip->ip_dst.s_addr, inet_addr(STOP));
	EXPECT_EQ(0, memcmp(packet + 20, "\1\x83\7\4\x7f\0\0\1", 8));
}

TEST_F(options4, parts_trains_and_pieces)
{
	static char data[9000];
	unsigned char got[64];
	int size = 1000;

	EXPECT_OK(set_bytes(self->a, SOL_IP, IP_OPTIONS, record, sizeof(record)));
	must(connect_to(self->a, LOOPBACK, self->port));
	EXPECT_EQ(3, send(self->a, "hel", 3, MSG_MORE));
	EXPECT_EQ(2, send(self->a, "lo", 2, 0));
	EXPECT_EQ((int)sizeof(record), recv_with(self->b, SOL_IP, IP_RECVOPTS, got, sizeof(got)));
	set_mtu(1500);
	EXPECT_EQ(9000, send(self->a, data, 9000, 0));
	must_hold(wait_events(self->b, POLLIN));
	EXPECT_EQ(9000, recv(self->b, data, sizeof(data), MSG_DONTWAIT));
	must(set_opt(self->a, SOL_UDP, UDP_SEGMENT, size));
	EXPECT_EQ(9000, send(self->a, data, 9000, 0));
	for (int i = 0; i < 9; i++) {
		must_hold(wait_events(self->b, POLLIN));
		EXPECT_EQ(size, recv(self->b, data, sizeof(data), MSG_DONTWAIT));
	}
	/* 1500 less 20, 16 and 8. */
	EXPECT_ERR(EINVAL, set_opt(self->a, SOL_UDP, UDP_SEGMENT, -1));
	must(set_opt(self->a, SOL_UDP, UDP_SEGMENT, 1457));
	EXPECT_EQ(-1, send(self->a, data, 9000, 0));
	must(set_opt(self->a, SOL_UDP, UDP_SEGMENT, 1456));
	EXPECT_EQ(9000, send(self->a, data, 9000, 0));
}

/* As a stream's data makes room for them. */
TEST_F_TIMEOUT(options4, a_stream_has_them, 120)
{
	int listening = listener(LOOPBACK, 0, 1), plain, seen, n, sent = 0;
	static unsigned char packet[70000];
	struct ip *ip = (struct ip *)packet;
	struct pair p;

	set_mtu(1500);
	p = pair_through(listening, LOOPBACK);
	plain = tcp_info(p.a).tcpi_snd_mss;
	close_hard(p.a);
	p.a = stream();
	EXPECT_OK(set_bytes(p.a, SOL_IP, IP_OPTIONS, record, sizeof(record)));
	must(connect_to(p.a, LOOPBACK, local_port(listening)));
	p.b = must(accept(listening, NULL, NULL));
	EXPECT_EQ(tcp_info(p.a).tcpi_snd_mss, plain - (int)sizeof(record));
	/* And while it stands. */
	EXPECT_OK(set_bytes(p.a, SOL_IP, IP_OPTIONS, NULL, 0));
	EXPECT_EQ(tcp_info(p.a).tcpi_snd_mss, plain);
	EXPECT_OK(set_bytes(p.a, SOL_IP, IP_OPTIONS, record, sizeof(record)));
	EXPECT_EQ(tcp_info(p.a).tcpi_snd_mss, plain - (int)sizeof(record));
	seen = tap("lo");
	must(set_opt(seen, SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20));
	EXPECT_TRUE(carry_both_ways(p, 200000, 7 * BOUND));
	while ((n = recv(seen, packet, sizeof(packet), 0)) > 0) {
		struct tcphdr *th = (struct tcphdr *)(packet + ip->ip_hl * 4);

		if (ip->ip_v != 4 || ntohs(th->dest) != local_port(listening))
			continue;
		EXPECT_EQ((int)ip->ip_hl, (20 + (int)sizeof(record)) / 4);
		sent++;
	}
	EXPECT_GT(sent, 10);
}

TEST_F(options4, a_stream_takes_the_route)
{
	int listening = listener(LOOPBACK, 0, 1), fd = stream(), b;
	unsigned char packet[128];
	struct ip *ip = (struct ip *)packet;
	int seen = tap("lo");

	EXPECT_OK(set_bytes(fd, SOL_IP, IP_OPTIONS, route, sizeof(route)));
	set_timeout(fd, SO_SNDTIMEO, 20000);
	EXPECT_OK(connect_to(fd, LOOPBACK, local_port(listening)));
	b = must(accept(listening, NULL, NULL));
	EXPECT_EQ(peer(fd).sin_addr.s_addr, inet_addr(LOOPBACK));
	EXPECT_TRUE(carry_both_ways(((struct pair){ fd, b }), 50000, 3 * BOUND));
	EXPECT_GT(recv(seen, packet, sizeof(packet), 0), 28);
	EXPECT_EQ(ip->ip_dst.s_addr, inet_addr(STOP));
	EXPECT_EQ(0, memcmp(packet + 20, "\1\x83\7\4\x7f\0\0\1", 8));
}

/* ---- IPv6 -------------------------------------------------------------------- */

/* An option that nobody knows (RFC 4727 §3.2); who looks at it goes on (RFC 8200 §4.2). */
static const unsigned char unknown[] = { 0, 1, 0x1e, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

/* To its destination (filled in by the kernel) through that stop (RFC 8754 §2). */
struct segments {
	unsigned char next, len, type, left, last, flags;
	unsigned short tag;
	struct in6_addr segment[2];
};

static struct segments through(void)
{
	return (struct segments){
		.len = 4, .type = 4, .left = 1, .last = 1,
		.segment[1] = to_ipv6((struct in_addr){ inet_addr(STOP) }),
	};
}

FIXTURE(headers6) { int a, b, port; };

FIXTURE_SETUP(headers6)
{
	must(setenv("YOKE_IP", "6", 1));
	new_net();
	must_hold(write_file("/proc/sys/net/ipv6/conf/all/seg6_enabled", "1"));
	must_hold(write_file("/proc/sys/net/ipv6/conf/lo/seg6_enabled", "1"));
	self->a = bound(SOCK_DGRAM, LOOPBACK, 0);
	self->b = bound(SOCK_DGRAM, LOOPBACK, 0);
	self->port = local_port(self->b);
	must(set_opt(self->b, SOL_IPV6, IPV6_RECVHOPOPTS, 1));
	must(set_opt(self->b, SOL_IPV6, IPV6_RECVDSTOPTS, 1));
	must(set_opt(self->b, SOL_IPV6, IPV6_RECVRTHDR, 1));
}

FIXTURE_TEARDOWN(headers6) { }

static const int kinds[] = { IPV6_HOPOPTS, IPV6_DSTOPTS };

TEST_F(headers6, get_and_set)
{
	static const int names[] = { IPV6_HOPOPTS, IPV6_DSTOPTS, IPV6_RTHDRDSTOPTS };
	int fds[] = { stream(), dgram() };
	unsigned char got[64];
	socklen_t len;

	for (int i = 0; i < 6; i++) {
		int fd = fds[i % 2], name = names[i / 2];

		EXPECT_OK(set_bytes(fd, SOL_IPV6, name, unknown, sizeof(unknown)));
		len = sizeof(got);
		EXPECT_OK(getsockopt(fd, SOL_IPV6, name, got, &len));
		EXPECT_EQ(len, sizeof(unknown));
		EXPECT_EQ(0, memcmp(got, unknown, sizeof(unknown)));
		EXPECT_ERR(EINVAL, set_bytes(fd, SOL_IPV6, name, unknown, 8));
		EXPECT_OK(set_bytes(fd, SOL_IPV6, name, NULL, 0));
		len = sizeof(got);
		EXPECT_OK(getsockopt(fd, SOL_IPV6, name, got, &len));
		EXPECT_EQ(len, 0);
	}
}

TEST_F(headers6, datagrams_have_the_socket_s)
{
	unsigned char got[64];

	for (int i = 0; i < 2; i++) {
		EXPECT_OK(set_bytes(self->a, SOL_IPV6, kinds[i], unknown, sizeof(unknown)));
		EXPECT_EQ(5, send_with(self->a, self->port, 0, 0, NULL, 0));
		EXPECT_EQ(16, recv_with(self->b, SOL_IPV6, kinds[i], got, sizeof(got)));
		EXPECT_EQ(0, memcmp(got + 1, unknown + 1, 15));
		EXPECT_OK(set_bytes(self->a, SOL_IPV6, kinds[i], NULL, 0));
		EXPECT_EQ(5, send_with(self->a, self->port, 0, 0, NULL, 0));
		EXPECT_EQ(-1, recv_with(self->b, SOL_IPV6, kinds[i], got, sizeof(got)));
	}
}

TEST_F(headers6, a_datagram_has_its_own)
{
	unsigned char got[64];

	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(5, send_with(self->a, self->port, SOL_IPV6, kinds[i], unknown, sizeof(unknown)));
		EXPECT_EQ(16, recv_with(self->b, SOL_IPV6, kinds[i], got, sizeof(got)));
		EXPECT_EQ(0, memcmp(got + 1, unknown + 1, 15));
		EXPECT_EQ(5, send_with(self->a, self->port, 0, 0, NULL, 0));
		EXPECT_EQ(-1, recv_with(self->b, SOL_IPV6, kinds[i], got, sizeof(got)));
		EXPECT_ERR(EINVAL, send_with(self->a, self->port, SOL_IPV6, kinds[i], unknown, 8));
	}
}

TEST_F(headers6, a_datagram_takes_the_route)
{
	struct segments route6 = through(), got = { 0 };
	unsigned char packet[256];
	struct ip6_hdr *ip = (struct ip6_hdr *)packet;
	int seen = tap("lo");

	if (set_bytes(self->a, SOL_IPV6, IPV6_RTHDR, &route6, sizeof(route6)))
		SKIP(return, "no segment routing in this kernel");
	EXPECT_OK(set_bytes(self->a, SOL_IPV6, IPV6_RTHDRDSTOPTS, unknown, sizeof(unknown)));
	EXPECT_EQ(5, send_with(self->a, self->port, 0, 0, NULL, 0));
	EXPECT_EQ((int)sizeof(got), recv_with(self->b, SOL_IPV6, IPV6_RTHDR, &got, sizeof(got)));
	EXPECT_EQ(got.left, 0);
	EXPECT_EQ(0, memcmp(&got.segment[0], &in6addr_loopback, 16));
	EXPECT_EQ(0, memcmp(&got.segment[1], &route6.segment[1], 16));
	EXPECT_GT(recv(seen, packet, sizeof(packet), 0), 40);
	EXPECT_EQ(0, memcmp(&ip->ip6_dst, &route6.segment[1], 16));
	EXPECT_EQ(ip->ip6_nxt, IPPROTO_DSTOPTS);
	EXPECT_EQ(packet[40], IPPROTO_ROUTING);
}

TEST_F(headers6, parts_and_pieces)
{
	static char data[9000];
	unsigned char got[64];

	EXPECT_OK(set_bytes(self->a, SOL_IPV6, IPV6_HOPOPTS, unknown, sizeof(unknown)));
	EXPECT_OK(set_bytes(self->a, SOL_IPV6, IPV6_DSTOPTS, unknown, sizeof(unknown)));
	must(connect_to(self->a, LOOPBACK, self->port));
	EXPECT_EQ(3, send(self->a, "hel", 3, MSG_MORE));
	EXPECT_EQ(2, send(self->a, "lo", 2, 0));
	EXPECT_EQ(16, recv_with(self->b, SOL_IPV6, IPV6_DSTOPTS, got, sizeof(got)));
	set_mtu(1500);
	EXPECT_EQ(9000, send(self->a, data, 9000, 0));
	must_hold(wait_events(self->b, POLLIN));
	EXPECT_EQ(9000, recv(self->b, data, sizeof(data), MSG_DONTWAIT));
}

TEST_F_TIMEOUT(headers6, a_stream_has_them, 120)
{
	int listening = listener(LOOPBACK, 0, 1), plain;
	struct pair p;

	set_mtu(1500);
	p = pair_through(listening, LOOPBACK);
	plain = tcp_info(p.a).tcpi_snd_mss;
	close_hard(p.a);
	/* Who accepts has the listener's. */
	EXPECT_OK(set_bytes(listening, SOL_IPV6, IPV6_HOPOPTS, unknown, sizeof(unknown)));
	p.a = stream();
	EXPECT_OK(set_bytes(p.a, SOL_IPV6, IPV6_HOPOPTS, unknown, sizeof(unknown)));
	EXPECT_OK(set_bytes(p.a, SOL_IPV6, IPV6_DSTOPTS, unknown, sizeof(unknown)));
	must(connect_to(p.a, LOOPBACK, local_port(listening)));
	p.b = must(accept(listening, NULL, NULL));
	EXPECT_EQ(tcp_info(p.a).tcpi_snd_mss, plain - 32);
	EXPECT_EQ(tcp_info(p.b).tcpi_snd_mss, plain - 16);
	EXPECT_OK(set_bytes(p.a, SOL_IPV6, IPV6_DSTOPTS, NULL, 0));
	EXPECT_EQ(tcp_info(p.a).tcpi_snd_mss, plain - 16);
	EXPECT_TRUE(carry_both_ways(p, 200000, 7 * BOUND));
}

/* What is for in front of a routing header goes with one only (RFC 3542 §9.2), and has no length. */
TEST_F(headers6, a_stream_without_a_route)
{
	int listening = listener(LOOPBACK, 0, 1), fd = stream(), b;

	set_mtu(1500);
	EXPECT_OK(set_bytes(listening, SOL_IPV6, IPV6_RTHDRDSTOPTS, unknown, sizeof(unknown)));
	EXPECT_OK(set_bytes(fd, SOL_IPV6, IPV6_RTHDRDSTOPTS, unknown, sizeof(unknown)));
	set_timeout(fd, SO_SNDTIMEO, 5000);
	ASSERT_EQ(0, connect_to(fd, LOOPBACK, local_port(listening)));
	b = must(accept(listening, NULL, NULL));
	EXPECT_EQ(tcp_info(fd).tcpi_snd_mss, tcp_info(b).tcpi_snd_mss);
	EXPECT_TRUE(carry_both_ways(((struct pair){ fd, b }), 50000, BOUND));
}

TEST_F(headers6, a_stream_takes_the_route)
{
	int listening = listener(LOOPBACK, 0, 1), fd = stream(), b, seen = tap("lo");
	struct segments route6 = through();
	unsigned char packet[256];
	struct ip6_hdr *ip = (struct ip6_hdr *)packet;

	if (set_bytes(fd, SOL_IPV6, IPV6_RTHDR, &route6, sizeof(route6)))
		SKIP(return, "no segment routing in this kernel");
	set_timeout(fd, SO_SNDTIMEO, 20000);
	EXPECT_OK(connect_to(fd, LOOPBACK, local_port(listening)));
	b = must(accept(listening, NULL, NULL));
	EXPECT_EQ(peer(fd).sin_addr.s_addr, inet_addr(LOOPBACK));
	EXPECT_TRUE(carry_both_ways(((struct pair){ fd, b }), 50000, 3 * BOUND));
	EXPECT_GT(recv(seen, packet, sizeof(packet), 0), 40);
	EXPECT_EQ(0, memcmp(&ip->ip6_dst, &route6.segment[1], 16));
	EXPECT_EQ(ip->ip6_nxt, IPPROTO_ROUTING);
}

/* ---- flow labels (RFC 6437) ---------------------------------------------------- */

/* The label of the next packet to that port; -1: there was none. */
static int label_to(int seen, int port)
{
	unsigned char packet[2048];

	while (recv(seen, packet, sizeof(packet), 0) >= 44)
		if (packet[0] >> 4 == 6 && (packet[42] << 8 | packet[43]) == port)
			return ntohl(*(unsigned int *)packet) & 0xfffff;
	return -1;
}

TEST_F(headers6, labels_of_the_host)
{
	int listening = listener(LOOPBACK, 0, 4), seen = tap("lo"), fd;

	for (int wanted = 1; wanted >= 0; wanted--) {
		must(set_opt(self->a, SOL_IPV6, IPV6_AUTOFLOWLABEL, wanted));
		EXPECT_EQ(5, send_with(self->a, self->port, 0, 0, NULL, 0));
		EXPECT_EQ(wanted, label_to(seen, self->port) > 0);
		fd = stream();
		must(set_opt(fd, SOL_IPV6, IPV6_AUTOFLOWLABEL, wanted));
		must(set_opt(listening, SOL_IPV6, IPV6_AUTOFLOWLABEL, wanted));
		must(connect_to(fd, LOOPBACK, local_port(listening)));
		EXPECT_EQ(wanted, label_to(seen, local_port(listening)) > 0);
		EXPECT_EQ(wanted, label_to(seen, local_port(fd)) > 0);
		close(fd);
	}
}

/* Leased from the kernel, and named by the address. */
TEST_F(headers6, labels_of_the_program)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	int listening = listener(LOOPBACK, 0, 4), seen = tap("lo"), fds[] = { dgram(), stream() }, i;
	unsigned int got = 0;

	must(set_opt(self->b, SOL_IPV6, RECV_FLOWINFO, 1));
	for (i = 0; i < 2; i++) {
		int fd = fds[i], label = 0x12345 + i;	/* its own */

		lease_label(fd, label);
		to.sin6_port = htons(i ? local_port(listening) : self->port);
		to.sin6_flowinfo = htonl(0x54321);
		EXPECT_ERR(EINVAL, (connect)(fd, (struct sockaddr *)&to, sizeof(to)));
		if (!i)
			EXPECT_ERR(EINVAL, (sendto)(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)));
		to.sin6_flowinfo = htonl(label);
		if (!i) {
			EXPECT_EQ(1, (sendto)(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)));
			EXPECT_EQ(4, recv_with(self->b, SOL_IPV6, RECV_FLOWINFO, &got, sizeof(got)));
			EXPECT_EQ(ntohl(got), label);
			EXPECT_EQ(label, label_to(seen, self->port));
		}
		EXPECT_OK((connect)(fd, (struct sockaddr *)&to, sizeof(to)));
		if (!i)
			EXPECT_EQ(5, send(fd, "hello", 5, 0));
		EXPECT_EQ(label, label_to(seen, ntohs(to.sin6_port)));
		if (!i) {
			EXPECT_EQ(4, recv_with(self->b, SOL_IPV6, RECV_FLOWINFO, &got, sizeof(got)));
			EXPECT_EQ(ntohl(got), label);
		}
		close(fd);
	}
}

TEST_HARNESS_MAIN
