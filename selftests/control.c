// SPDX-License-Identifier: GPL-2.0
/*
 * What goes beside a datagram: control messages in and out, the error queue,
 * timestamps, the path's MTU; and who gets it when several could.
 */
#include "yoke_test.h"
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <netinet/udp.h>

IN_OWN_NET(control)

/* What IPv4 and IPv6 each have a name for. */
#define IP(four, six) (ipv6() ? (six) : (four))
#define LEVEL IP(SOL_IP, SOL_IPV6)
#define RECVERR IP(IP_RECVERR, IPV6_RECVERR)
#define TTL IP(IP_TTL, IPV6_HOPLIMIT)
#define TOS IP(IP_TOS, IPV6_TCLASS)

/* A datagram and what came with it. */
struct got {
	char data[2048];
	char control[512];
	struct sockaddr_in from;
	struct iovec iov;
	struct msghdr msg;
	ssize_t len;
};

static struct got *get(int fd, int flags)
{
	static struct got g;

	memset(&g, 0, sizeof(g));
	g.iov = (struct iovec){ g.data, sizeof(g.data) };
	g.msg = (struct msghdr){
		.msg_name = &g.from, .msg_namelen = sizeof(g.from), .msg_iov = &g.iov, .msg_iovlen = 1,
		.msg_control = g.control, .msg_controllen = sizeof(g.control),
	};
	g.len = recvmsg(fd, &g.msg, flags);
	return &g;
}

/* The data of that control message, or NULL. */
static void *part(struct got *g, int level, int type)
{
	struct cmsghdr *cmsg = control_message(&g->msg, level, type);

	return cmsg ? CMSG_DATA(cmsg) : NULL;
}

static int number(struct got *g, int level, int type)
{
	int *value = part(g, level, type);

	return value ? *value : -1;
}

/* The traffic class, which IPv4 tells in one byte. */
static int tos(struct got *g)
{
	uint8_t *value = part(g, SOL_IP, IP_TOS);

	return ipv6() ? number(g, SOL_IPV6, IPV6_TCLASS) : value ? *value : -1;
}

/* Is this address, in the words of IPv4, one that the kernel told? */
static bool is_ip(const void *told, const char *ip)
{
	struct in_addr four = { inet_addr(ip) };
	struct in6_addr six = to_ipv6(four);

	return !memcmp(told, IP((void *)&four, (void *)&six), IP(sizeof(four), sizeof(six)));
}

static bool is_name(const void *told, const char *ip)
{
	const struct sockaddr_in *in = told;
	const struct sockaddr_in6 *in6 = told;

	return in->sin_family == IP(AF_INET, AF_INET6) &&
	       is_ip(IP((void *)&in->sin_addr, (void *)&in6->sin6_addr), ip);
}

/* Sends one byte with one control message. */
static ssize_t put(int fd, const char *ip, int port, int level, int type, const void *data, size_t len)
{
	char control[CMSG_SPACE(64)] = "";
	struct sockaddr_in to = addr(ip, port);
	socklen_t to_len = sizeof(to);
	struct sockaddr_in6 six;
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_name = (void *)into((struct sockaddr *)&to, &to_len, &six),
		.msg_namelen = to_len, .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = CMSG_SPACE(len),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	*cmsg = (struct cmsghdr){ CMSG_LEN(len), level, type };
	memcpy(CMSG_DATA(cmsg), data, len);
	return sendmsg(fd, &msg, 0);
}

static ssize_t put_int(int fd, const char *ip, int port, int level, int type, int value)
{
	return put(fd, ip, port, level, type, &value, sizeof(value));
}

TEST_F(control, what_came_with_it)
{
	int in = bound(SOCK_DGRAM, ANY, 4000), out = bound(SOCK_DGRAM, LOOPBACK, 5000);
	int wanted[] = { IP(IP_PKTINFO, IPV6_RECVPKTINFO), IP(IP_RECVTTL, IPV6_RECVHOPLIMIT),
			 IP(IP_RECVTOS, IPV6_RECVTCLASS), IP(IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR) };
	struct in6_pktinfo *info6;
	struct in_pktinfo *info;
	struct sockaddr_in *to;
	struct got *g;
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		must(set_opt(in, LEVEL, wanted[i], 1));
	must(set_opt(out, LEVEL, IP(IP_TTL, IPV6_UNICAST_HOPS), 33));
	must(set_opt(out, LEVEL, TOS, 0x48));
	must(send_to(out, "hello", 5, "127.0.0.2", 4000));
	g = get(in, 0);
	ASSERT_EQ(5, g->len);
	EXPECT_EQ(33, number(g, LEVEL, TTL));
	EXPECT_EQ(0x48, tos(g));
	if (ipv6()) {
		info6 = part(g, SOL_IPV6, IPV6_PKTINFO);
		ASSERT_NE(NULL, info6);
		EXPECT_TRUE(is_ip(&info6->ipi6_addr, "127.0.0.2"));
		EXPECT_EQ(if_nametoindex("lo"), info6->ipi6_ifindex);
	} else {
		info = part(g, SOL_IP, IP_PKTINFO);
		ASSERT_NE(NULL, info);
		EXPECT_TRUE(is_ip(&info->ipi_addr, "127.0.0.2"));
		EXPECT_TRUE(is_ip(&info->ipi_spec_dst, "127.0.0.2"));
		EXPECT_EQ((int)if_nametoindex("lo"), info->ipi_ifindex);
	}
	to = part(g, LEVEL, IP(IP_ORIGDSTADDR, IPV6_ORIGDSTADDR));
	ASSERT_NE(NULL, to);
	EXPECT_TRUE(is_name(to, "127.0.0.2"));
	EXPECT_EQ(4000, ntohs(to->sin_port));
	EXPECT_EQ(5000, ntohs(g->from.sin_port));
	/* Nothing of it was asked for: nothing comes. */
	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		must(set_opt(in, LEVEL, wanted[i], 0));
	must(send_to(out, "hello", 5, "127.0.0.2", 4000));
	EXPECT_EQ(0, get(in, 0)->msg.msg_controllen);
}

/* From an address of choice, by a device of choice. */
static ssize_t put_from(int fd, const char *to, const char *from, int device)
{
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = inet_addr(from), .ipi_ifindex = device };
	struct in6_pktinfo info6 = { to_ipv6(info.ipi_spec_dst), device };

	if (ipv6())
		return put(fd, to, 4000, SOL_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
	return put(fd, to, 4000, SOL_IP, IP_PKTINFO, &info, sizeof(info));
}

TEST_F(control, sent_with_its_own)
{
	int in = bound(SOCK_DGRAM, ANY, 4000), out = dgram(), i;
	int bad[] = { 256, IP(-1, -2) };

	must(set_opt(in, LEVEL, IP(IP_RECVTTL, IPV6_RECVHOPLIMIT), 1));
	must(set_opt(in, LEVEL, IP(IP_RECVTOS, IPV6_RECVTCLASS), 1));
	EXPECT_EQ(1, put_int(out, LOOPBACK, 4000, LEVEL, TTL, 77));
	EXPECT_EQ(77, number(get(in, 0), LEVEL, TTL));
	EXPECT_EQ(1, put_int(out, LOOPBACK, 4000, LEVEL, TOS, 0x88));
	EXPECT_EQ(0x88, tos(get(in, 0)));
	/* IPv4's may be of the size that it has on the wire. */
	if (!ipv6()) {
		EXPECT_EQ(1, put(out, LOOPBACK, 4000, SOL_IP, IP_TOS, "\x48", 1));
		EXPECT_EQ(0x48, tos(get(in, 0)));
	}
	EXPECT_ERR(EINVAL, put(out, LOOPBACK, 4000, LEVEL, TOS, "\x48", 2));
	for (i = 0; i < 2; i++) {
		EXPECT_ERR(EINVAL, put_int(out, LOOPBACK, 4000, LEVEL, TTL, bad[i]));
		EXPECT_ERR(EINVAL, put_int(out, LOOPBACK, 4000, LEVEL, TOS, bad[i]));
	}
	/* It gets no further than this host. */
	EXPECT_ERR(IP(EINVAL, 0), put_int(out, LOOPBACK, 4000, LEVEL, TTL, 0));
	if (ipv6())
		EXPECT_EQ(0, number(get(in, 0), LEVEL, TTL));
	EXPECT_ERR(EINVAL, put_int(out, LOOPBACK, 4000, LEVEL, IP(IP_RECVTOS, IPV6_RECVTCLASS), 1));
	EXPECT_ERR(EINVAL, put_int(out, LOOPBACK, 4000, LEVEL, IP(IP_PKTINFO, IPV6_PKTINFO), 0));
	EXPECT_EQ(1, put_from(out, LOOPBACK, "127.0.0.3", 0));
	EXPECT_EQ(inet_addr("127.0.0.3"), get(in, 0)->from.sin_addr.s_addr);
	EXPECT_ERR(IP(ENETUNREACH, EINVAL), put_from(out, LOOPBACK, "192.0.2.1", 0));
	EXPECT_ERR(ENODEV, put_from(out, "192.0.2.1", ANY, 99));
	/* What is not ours is left alone. */
	EXPECT_EQ(1, put_int(out, LOOPBACK, 4000, SOL_TCP, 1, 1));
	EXPECT_EQ(1, get(in, 0)->len);
	EXPECT_ERR(EINVAL, put_int(out, LOOPBACK, 4000, SOL_SOCKET, SO_ERROR, 1));
	EXPECT_ERR(EAGAIN, get(in, MSG_DONTWAIT)->len);
}

TEST_F(control, mark_of_its_own)
{
	int in = bound(SOCK_DGRAM, LOOPBACK, 4000), out = dgram();

	must_hold(shell("ip -%d rule add pref 1 lookup local && "
			"ip -%d rule add pref 0 fwmark 7 prohibit && "
			"ip -%d rule del pref 0 lookup local", IP(4, 6), IP(4, 6), IP(4, 6)));
	EXPECT_EQ(1, send_to(out, "x", 1, LOOPBACK, 4000));
	EXPECT_ERR(EACCES, put_int(out, LOOPBACK, 4000, SOL_SOCKET, SO_MARK, 7));
	EXPECT_EQ(1, put_int(out, LOOPBACK, 4000, SOL_SOCKET, SO_MARK, 6));
	close(in);
}

TEST_F(control, lost_ones_are_counted)
{
	struct pair p = dgram_pair();
	struct got *g;
	char buf[1000] = "";
	int i, n = 0;

	must(set_opt(p.b, SOL_SOCKET, SO_RXQ_OVFL, 1));
	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 1));
	stay();
	for (i = 0; i < 50; i++)
		must(send(p.a, buf, sizeof(buf), 0));
	must_hold(settled());
	while (recv(p.b, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		n++;
	EXPECT_LT(0, n);
	must(send(p.a, buf, 1, 0));
	g = get(p.b, 0);
	EXPECT_EQ(50 - n, number(g, SOL_SOCKET, SO_RXQ_OVFL));
}

TEST_F(control, times_of_arrival)
{
	struct { int name, type; } t[] = {
		{ SO_TIMESTAMP, SO_TIMESTAMP }, { SO_TIMESTAMPNS, SO_TIMESTAMPNS },
	};
	struct pair p = dgram_pair();
	struct timespec *ts, now;
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		must(set_opt(p.b, SOL_SOCKET, t[i].name, 1));
		must(send(p.a, "x", 1, 0));
		ts = part(get(p.b, 0), SOL_SOCKET, t[i].type);
		ASSERT_NE(NULL, ts);
		clock_gettime(CLOCK_REALTIME, &now);
		EXPECT_GE(2 * BOUND / 1000, now.tv_sec - ts->tv_sec);
		must(set_opt(p.b, SOL_SOCKET, t[i].name, 0));
	}
	must(set_opt(p.b, SOL_SOCKET, SO_TIMESTAMPING,
		     SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE));
	/* The kernel takes the time once somebody wants it, from soon after that on. */
	ASSERT_TRUE(until((must(send(p.a, "x", 1, 0)),
			   ts = part(get(p.b, 0), SOL_SOCKET, SO_TIMESTAMPING))));
	EXPECT_NE(0, ts->tv_sec);
}

/* When they left, by the error queue, each with its number. */
TEST_F(control, times_of_leaving)
{
	struct pair p = dgram_pair();
	struct sock_extended_err *ee;
	struct timespec *ts;
	struct got *g;
	int i;

	must(set_opt(p.a, SOL_SOCKET, SO_TIMESTAMPING,
		     SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
		     SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_CMSG));
	for (i = 0; i < 3; i++) {
		must(send(p.a, "hello", 5, i == 1 ? MSG_MORE : 0));
		if (i == 1)
			must(send(p.a, "hello", 5, 0));
		EXPECT_EQ(POLLERR, wait_events(p.a, 0));
		g = get(p.a, MSG_ERRQUEUE);
		ASSERT_LE(0, g->len);
		EXPECT_EQ(MSG_ERRQUEUE, g->msg.msg_flags & MSG_ERRQUEUE);
		ts = part(g, SOL_SOCKET, SO_TIMESTAMPING);
		ASSERT_NE(NULL, ts);
		EXPECT_NE(0, ts->tv_sec);
		ee = part(g, LEVEL, RECVERR);
		ASSERT_NE(NULL, ee);
		EXPECT_EQ(ENOMSG, ee->ee_errno);
		EXPECT_EQ(SO_EE_ORIGIN_TIMESTAMPING, ee->ee_origin);
		EXPECT_EQ(i, ee->ee_data);
	}
	EXPECT_ERR(EAGAIN, get(p.a, MSG_ERRQUEUE | MSG_DONTWAIT)->len);
	/* Asked for by one datagram only. */
	must(set_opt(p.a, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_SOFTWARE));
	must(send(p.a, "x", 1, 0));
	EXPECT_EQ(1, put_int(p.a, LOOPBACK, local_port(p.b), SOL_SOCKET, SO_TIMESTAMPING,
			     SOF_TIMESTAMPING_TX_SOFTWARE));
	must_hold(wait_events(p.a, 0));
	EXPECT_LE(0, get(p.a, MSG_ERRQUEUE)->len);
	EXPECT_ERR(EAGAIN, get(p.a, MSG_ERRQUEUE | MSG_DONTWAIT)->len);
}

/* Of IPv4 or IPv6: @g came with the error that @by told by an ICMP message of unreachability. */
static void expect_unreachable(struct __test_metadata *_metadata, struct got *g, int err, int code,
			       const char *by)
{
	struct sock_extended_err *ee = part(g, LEVEL, RECVERR);

	ASSERT_NE(NULL, ee);
	EXPECT_EQ(err, (int)ee->ee_errno);
	EXPECT_EQ(IP(SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6), ee->ee_origin);
	EXPECT_EQ(IP(3, 1), ee->ee_type);	/* RFC 792, RFC 4443 §3.1 */
	EXPECT_EQ(code, ee->ee_code);
	EXPECT_TRUE(is_name(SO_EE_OFFENDER(ee), by));
}

TEST_F(control, errors_are_queued)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, 5000), i;
	struct in6_pktinfo *info6;
	struct in_pktinfo *info;
	struct got *g;

	must(set_opt(fd, LEVEL, RECVERR, 1));
	must(set_opt(fd, LEVEL, IP(IP_PKTINFO, IPV6_RECVPKTINFO), 1));
	EXPECT_EQ(1, get_opt(fd, LEVEL, RECVERR));
	for (i = 0; i < 2; i++) {
		if (i)
			must(connect_to(fd, LOOPBACK, 4000));
		must(send_to(fd, "hello", 5, LOOPBACK, 4000));
		EXPECT_EQ(POLLERR, wait_events(fd, 0));
		g = get(fd, MSG_ERRQUEUE);
		ASSERT_EQ(5, g->len);
		EXPECT_EQ(0, memcmp(g->data, "hello", 5));
		EXPECT_EQ(4000, ntohs(g->from.sin_port));	/* whom it was for */
		EXPECT_EQ(inet_addr(LOOPBACK), g->from.sin_addr.s_addr);
		expect_unreachable(_metadata, g, ECONNREFUSED, IP(3, 4), LOOPBACK);	/* no such port */
		info = part(g, LEVEL, IP(IP_PKTINFO, IPV6_PKTINFO));
		info6 = (void *)info;
		ASSERT_NE(NULL, info);
		EXPECT_EQ((int)if_nametoindex("lo"), IP(info->ipi_ifindex, (int)info6->ipi6_ifindex));
		/* Its error stands until it is asked for; the queue is empty. */
		EXPECT_ERR(EAGAIN, get(fd, MSG_ERRQUEUE)->len);
		EXPECT_EQ(0, so_error(fd));
	}
	/* Two errors: the second takes the first's place. */
	must(send_to(fd, "a", 1, LOOPBACK, 4000));
	must_hold(wait_events(fd, 0));
	EXPECT_ERR(ECONNREFUSED, send_to(fd, "b", 1, LOOPBACK, 4000));
	must(send_to(fd, "c", 1, LOOPBACK, 4000));
	must_hold(until(so_error(fd)));
	EXPECT_EQ('a', get(fd, MSG_ERRQUEUE)->data[0]);
	/* What is read tells of the next. */
	EXPECT_EQ(ECONNREFUSED, so_error(fd));
	EXPECT_EQ('c', get(fd, MSG_ERRQUEUE)->data[0]);
	EXPECT_EQ(0, so_error(fd));
	/* Off, it forgets. */
	must(send_to(fd, "d", 1, LOOPBACK, 4000));
	must_hold(wait_events(fd, 0));
	must(set_opt(fd, LEVEL, RECVERR, 0));
	EXPECT_ERR(EAGAIN, get(fd, MSG_ERRQUEUE)->len);
}

TEST_F(control, own_errors_are_queued)
{
	int fd = dgram();
	struct sock_extended_err *ee;
	char buf[60000] = "";
	struct got *g;

	must(set_opt(fd, LEVEL, RECVERR, 1));
	must(set_opt(fd, LEVEL, IP(IP_MTU_DISCOVER, IPV6_MTU_DISCOVER), IP_PMTUDISC_DO));
	must_hold(shell("ip link set lo mtu 1500"));
	must(connect_to(fd, LOOPBACK, 4000));
	EXPECT_ERR(EMSGSIZE, send(fd, buf, 2000, 0));
	g = get(fd, MSG_ERRQUEUE);
	ASSERT_EQ(0, g->len);
	ee = part(g, LEVEL, RECVERR);
	ASSERT_NE(NULL, ee);
	EXPECT_EQ(EMSGSIZE, ee->ee_errno);
	EXPECT_EQ(SO_EE_ORIGIN_LOCAL, ee->ee_origin);
	EXPECT_EQ(1500, ee->ee_info);
	EXPECT_EQ(4000, ntohs(g->from.sin_port));
	EXPECT_EQ(0, so_error(fd));
}

/* SO_PEEK_OFF: looks that go on where the last one ended. */
TEST_F(control, peek_by_and_by)
{
	struct pair p = dgram_pair();
	char buf[16] = "";

	EXPECT_EQ(-1, get_opt(p.b, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_OK(set_opt(p.b, SOL_SOCKET, SO_PEEK_OFF, 0));
	must(send(p.a, "abcdef", 6, 0));
	must(send(p.a, "ghi", 3, 0));
	EXPECT_EQ(2, recv(p.b, buf, 2, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "ab", 2));
	EXPECT_EQ(2, get_opt(p.b, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_EQ(2, recv(p.b, buf, 2, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "cd", 2));
	EXPECT_EQ(2, recv(p.b, buf, 8, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "ef", 2));
	EXPECT_EQ(3, recv(p.b, buf, 8, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "ghi", 3));
	EXPECT_EQ(9, get_opt(p.b, SOL_SOCKET, SO_PEEK_OFF));
	/* A read takes from the front, and the place is now nearer to it. */
	EXPECT_EQ(6, recv(p.b, buf, 8, 0));
	EXPECT_EQ(0, memcmp(buf, "abcdef", 6));
	EXPECT_EQ(3, get_opt(p.b, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_ERR(EAGAIN, recv(p.b, buf, 8, MSG_PEEK | MSG_DONTWAIT));
	EXPECT_OK(set_opt(p.b, SOL_SOCKET, SO_PEEK_OFF, 1));
	EXPECT_EQ(2, recv(p.b, buf, 8, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "hi", 2));
	EXPECT_OK(set_opt(p.b, SOL_SOCKET, SO_PEEK_OFF, -1));
	EXPECT_EQ(3, recv(p.b, buf, 8, MSG_PEEK));
	EXPECT_EQ(3, recv(p.b, buf, 8, 0));
}

/* Corked, an error of the way is told when the way is chosen. */
TEST_F(control, cork)
{
	struct pair p = dgram_pair();
	struct sockaddr_in to;
	int fd = dgram();
	char buf[65536] = "";

	EXPECT_EQ(0, get_opt(p.a, SOL_UDP, UDP_CORK));
	EXPECT_OK(set_opt(p.a, SOL_UDP, UDP_CORK, 5));
	EXPECT_EQ(1, get_opt(p.a, SOL_UDP, UDP_CORK));
	EXPECT_EQ(2, send(p.a, "ab", 2, 0));
	EXPECT_EQ(0, send(p.a, "", 0, 0));
	EXPECT_EQ(3, send_to(p.a, "cde", 3, "127.0.0.99", 9));	/* where to was said */
	EXPECT_ERR(EAGAIN, recv(p.b, buf, 9, MSG_DONTWAIT));
	EXPECT_OK(set_opt(p.a, SOL_UDP, UDP_CORK, 0));
	EXPECT_EQ(5, recv(p.b, buf, 9, 0));
	EXPECT_EQ(0, memcmp(buf, "abcde", 5));
	/* Too long together: all of it is gone. */
	EXPECT_EQ(60000, send(p.a, buf, 60000, MSG_MORE));
	EXPECT_ERR(EMSGSIZE, send(p.a, buf, 6000, MSG_MORE));
	EXPECT_EQ(1, send(p.a, "x", 1, 0));
	EXPECT_EQ(1, recv(p.b, buf, 9, 0));
	EXPECT_ERR(EAGAIN, recv(p.b, buf, 9, MSG_DONTWAIT));
	to = addr("192.0.2.1", 9);
	EXPECT_ERR(ENETUNREACH, sendto(fd, "x", 1, MSG_MORE, (struct sockaddr *)&to, sizeof(to)));
	to = addr("127.255.255.255", 9);
	if (!ipv6())
		EXPECT_ERR(EACCES, sendto(fd, "x", 1, MSG_MORE, (struct sockaddr *)&to, sizeof(to)));
	EXPECT_ERR(EDESTADDRREQ, send(fd, "x", 1, MSG_MORE));
}

/* Sends a byte to port 4000: which of `n` sockets gets it, having read it? -1: none. */
static int who_gets(int out, char byte, const int *in, int n)
{
	struct pollfd p[n];
	int i;

	for (i = 0; i < n; i++)
		p[i] = (struct pollfd){ in[i], POLLIN, 0 };
	must(send_to(out, &byte, 1, LOOPBACK, 4000));
	must(poll(p, n, BOUND));
	for (i = 0; i < n; i++)
		if (p[i].revents & POLLIN && recv(in[i], &byte, 1, 0) == 1)
			return i;
	return -1;
}

/* SO_REUSEPORT: each of a group gets its share, always from the same peers. */
TEST_F(control, shared_port)
{
	int in[4], out[64], i, k, many = 0;
	char where[64];

	for (i = 0; i < 4; i++) {
		in[i] = dgram();
		must(set_opt(in[i], SOL_SOCKET, SO_REUSEPORT, 1));
		must(bind_to(in[i], LOOPBACK, 4000));
	}
	for (k = 0; k < 64; k++) {
		out[k] = bound(SOCK_DGRAM, LOOPBACK, 0);
		where[k] = who_gets(out[k], 0, in, 4);
		EXPECT_EQ(where[k], who_gets(out[k], 0, in, 4));
	}
	for (i = 0; i < 4; i++)
		many += !!memchr(where, i, 64);
	EXPECT_LE(2, many);
	/* One leaves, the others go on. */
	close(in[0]);
	for (k = 0; k < 64; k++)
		EXPECT_LE(0, who_gets(out[k], 0, in + 1, 3));
	/* Who has a peer is no longer for all. */
	must(connect_to(in[1], LOOPBACK, local_port(out[0])));
	EXPECT_EQ(0, who_gets(out[0], 0, in + 1, 3));
	for (k = 1; k < 64; k++)
		EXPECT_LE(1, who_gets(out[k], 0, in + 1, 3));
	/* Without it, it is one of them again, or (UDP) no more: in any case not lost. */
	must(connect_nowhere(in[1]));
	for (k = 0; k < 64; k++)
		EXPECT_LE(0, who_gets(out[k], 0, in + 1, 3));
}

/* Two that have peers, then a third without, then one of the two without: all can be reached. */
TEST_F(control, shared_port_with_peers)
{
	int in[3], out[2], i;

	for (i = 0; i < 3; i++) {
		in[i] = dgram();
		must(set_opt(in[i], SOL_SOCKET, SO_REUSEPORT, 1));
	}
	for (i = 0; i < 2; i++) {
		must(bind_to(in[i], LOOPBACK, 4000));
		out[i] = bound(SOCK_DGRAM, LOOPBACK, 0);
	}
	for (i = 0; i < 2; i++)
		must(connect_to(in[i], LOOPBACK, local_port(out[i])));
	must(bind_to(in[2], LOOPBACK, 4000));
	EXPECT_OK(connect_nowhere(in[0]));
	EXPECT_LE(0, who_gets(out[0], 0, in, 3));
	close(in[2]);
	if (!oracle())	/* UDP has forgotten where it was */
		EXPECT_EQ(0, who_gets(out[0], 0, in, 2));
}

TEST_F(control, shared_by_program)
{
	/* The first byte of the data says which. */
	struct sock_filter code[] = {
		{ BPF_LD | BPF_B | BPF_ABS, 0, 0, 0 },
		{ BPF_RET | BPF_A, 0, 0, 0 },
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };
	int in[3], out = dgram(), i, k;

	for (i = 0; i < 3; i++) {
		in[i] = dgram();
		EXPECT_ERR(EINVAL, setsockopt(in[i], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
					      sizeof(program)));
		must(set_opt(in[i], SOL_SOCKET, SO_REUSEPORT, 1));
		if (i == 0)
			EXPECT_OK(setsockopt(in[i], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
					     sizeof(program)));
		must(bind_to(in[i], LOOPBACK, 4000));
	}
	for (k = 0; k < 12; k++)
		EXPECT_EQ(k % 3, who_gets(out, k % 3, in, 3));
	/* A number that nobody has is none. */
	EXPECT_LE(0, who_gets(out, 9, in, 3));
}

/* What ifconfig(8) and route(8) ask a socket for is about its own version of IP. */
TEST_F(control, ioctl_of_its_version)
{
	struct {
		struct in6_addr addr;
		unsigned int prefix;
		int device;
	} add = { .addr = { { { 0xfd, [15] = 5 } } }, .prefix = 128, .device = 1 };
	struct ifreq lo = { .ifr_name = "lo" };
	int fds[] = { stream(), dgram() }, i;

	for (i = 0; i < 2; i++) {
		must(bind_to(fds[i], LOOPBACK, 0));
		if (!ipv6()) {
			EXPECT_OK(ioctl(fds[i], SIOCGIFADDR, &lo));
			continue;
		}
		EXPECT_ERR(ENOTTY, ioctl(fds[i], SIOCGIFADDR, &lo));
		EXPECT_OK(ioctl(fds[i], SIOCSIFADDR, &add));
		EXPECT_ERR(EEXIST, ioctl(fds[i], SIOCSIFADDR, &add));
		EXPECT_OK(ioctl(fds[i], SIOCDIFADDR, &add));
	}
}

/* A filter on the socket sees the header, and can cut. */
TEST_F(control, filter)
{
	struct sock_filter code[] = {
		{ BPF_LD | BPF_B | BPF_ABS, 0, 0, 8 },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 'x' },
		{ BPF_RET | BPF_K, 0, 0, 10 },
		{ BPF_RET | BPF_K, 0, 0, 0 },
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };
	struct pair p = dgram_pair();
	char buf[16];

	must(setsockopt(p.b, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
	must(send(p.a, "abc", 3, 0));
	must(send(p.a, "xyz", 3, 0));
	EXPECT_EQ(2, recv(p.b, buf, sizeof(buf), 0));
	EXPECT_ERR(EAGAIN, recv(p.b, buf, sizeof(buf), MSG_DONTWAIT));
}

/* Memory is what counts, and what all use together has its limit. */
TEST_F(control, memory_comes_back)
{
	struct pair p = dgram_pair();
	char buf[5000] = "";
	int i;

	stay();
	for (i = 0; i < 10; i++)
		must(send(p.a, buf, i * 500, 0));
	must(recv(p.b, buf, sizeof(buf), MSG_PEEK));
	must_hold(settled());
	EXPECT_LT(22500, meminfo(p.b, SK_MEMINFO_RMEM_ALLOC));
	for (i = 0; i < 10; i++)
		must(recv(p.b, buf, sizeof(buf), 0));
	if (!oracle())	/* UDP gives it back by and by */
		EXPECT_EQ(0, meminfo(p.b, SK_MEMINFO_RMEM_ALLOC) + meminfo(p.b, SK_MEMINFO_FWD_ALLOC));
}

ON_A_LINK(path)

TEST_F(path, device_of_choice)
{
	int in = bound(SOCK_DGRAM, ANY, 4000), bound_dev = dgram(), out = dgram();
	char c;

	on_device(bound_dev, "veth");
	must(bind_to(bound_dev, ANY, 5000));
	stay();
	must(send_to(out, "x", 1, LOOPBACK, 5000));
	must_hold(settled());
	EXPECT_ERR(EAGAIN, recv(bound_dev, &c, 1, MSG_DONTWAIT));
	enter(self->net.b);
	must(send_to(dgram(), "x", 1, ADDR_A, 5000));
	EXPECT_EQ(1, recv(bound_dev, &c, 1, 0));
	must(send_to(dgram(), "x", 1, ADDR_A, 4000));
	EXPECT_EQ(1, recv(in, &c, 1, 0));
	EXPECT_EQ(1, send_to(bound_dev, "x", 1, ADDR_B, 4000));
	EXPECT_EQ(0, so_error(in));
}

/* Why a stream did not open, with IP_RECVERR: who said so, and of what (traceroute -M tcpconn). */
TEST_F(path, who_refused_a_stream)
{
	uint16_t ports[2];
	int fd = stream();
	struct got *g;

	must(set_opt(fd, LEVEL, RECVERR, 1));
	EXPECT_ERR(EHOSTUNREACH, connect_to(fd, "10.0.0.99", 4000));
	g = get(fd, MSG_ERRQUEUE);
	ASSERT_LE((int)sizeof(ports), g->len);
	memcpy(ports, g->data, sizeof(ports));
	EXPECT_EQ(4000, ntohs(ports[1]));
	EXPECT_EQ(4000, ntohs(g->from.sin_port));
	EXPECT_EQ(inet_addr("10.0.0.99"), g->from.sin_addr.s_addr);
	expect_unreachable(_metadata, g, EHOSTUNREACH, IP(1, 3), ADDR_A);		/* no such host */
	EXPECT_ERR(EAGAIN, get(fd, MSG_ERRQUEUE)->len);
	/* Who has not asked hears but that it failed. */
	if (!oracle()) {
		fd = stream();
		EXPECT_ERR(EHOSTUNREACH, connect_to(fd, "10.0.0.99", 4000));
		EXPECT_ERR(EAGAIN, get(fd, MSG_ERRQUEUE)->len);
	}
}

/* What was begun for one peer goes there, and the next one's way is its own. */
TEST_F(path, cork_and_connect)
{
	int here = bound(SOCK_DGRAM, LOOPBACK, 4000), there, fd = dgram();
	char buf[8];

	enter(self->net.b);
	there = bound(SOCK_DGRAM, ADDR_B, 4000);
	enter(self->net.a);
	must(bind_to(fd, ADDR_A, 0));
	must(connect_to(fd, LOOPBACK, 4000));
	must(send(fd, "ab", 2, MSG_MORE));
	must(connect_to(fd, ADDR_B, 4000));
	must(send(fd, "c", 1, 0));
	must(send(fd, "d", 1, 0));
	EXPECT_TRUE(wait_events(there, POLLIN));
	EXPECT_EQ(1, recv(there, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_TRUE(wait_events(here, POLLIN));
	EXPECT_EQ(3, recv(here, buf, sizeof(buf), MSG_DONTWAIT));	/* left before */
}

/* IP_MTU, and each way to deal with it. */
TEST_F(path, mtu)
{
	struct { int how; bool passes; } t[] = {
		{ IP_PMTUDISC_DONT, true }, { IP_PMTUDISC_WANT, true }, { IP_PMTUDISC_DO, false },
		{ IP_PMTUDISC_PROBE, false }, { IP_PMTUDISC_INTERFACE, false }, { IP_PMTUDISC_OMIT, true },
	};
	int fd = dgram(), name = IP(IP_MTU_DISCOVER, IPV6_MTU_DISCOVER), in, v, fits = IP(1472, 1452);
	socklen_t len = sizeof(v);
	char buf[3000] = "";
	uint32_t i;

	EXPECT_ERR(ENOTCONN, getsockopt(fd, LEVEL, IP(IP_MTU, IPV6_MTU), &v, &len));
	enter(self->net.b);
	in = bound(SOCK_DGRAM, ADDR_B, 4000);
	enter(self->net.a);
	must(connect_to(fd, ADDR_B, 4000));
	EXPECT_EQ(1500, get_opt(fd, LEVEL, IP(IP_MTU, IPV6_MTU)));
	EXPECT_EQ(IP_PMTUDISC_WANT, get_opt(fd, LEVEL, name));
	EXPECT_ERR(EINVAL, set_opt(fd, LEVEL, name, 6));
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		EXPECT_OK(set_opt(fd, LEVEL, name, t[i].how));
		EXPECT_EQ(t[i].how, get_opt(fd, LEVEL, name));
		EXPECT_EQ(fits, send(fd, buf, fits, 0));
		EXPECT_EQ(fits, recv(in, buf, sizeof(buf), 0));
		EXPECT_ERR(t[i].passes ? 0 : EMSGSIZE, send(fd, buf, 3000, 0));
		if (t[i].passes)
			EXPECT_EQ(3000, recv(in, buf, sizeof(buf), 0));
		/* In parts: the one that is too much tells. */
		must(send(fd, buf, 1000, MSG_MORE));
		EXPECT_ERR(t[i].passes ? 0 : EMSGSIZE, send(fd, buf, 1999, MSG_MORE));
		EXPECT_EQ(1, send(fd, buf, 1, 0));
		EXPECT_EQ(t[i].passes ? 3000 : 1, recv(in, buf, sizeof(buf), 0));
	}
}

/* IPV6_DONTFRAG (RFC 3542 §11.2), of the socket, or of one datagram. */
TEST_F(path, whole_or_not_at_all)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control = {
		.head = { CMSG_LEN(sizeof(int)), SOL_IPV6, IPV6_DONTFRAG }
	};
	char buf[3000] = "";
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
	int fd = dgram(), in, whole, one;

	if (!ipv6())
		SKIP(return, "an option of IPv6");
	enter(self->net.b);
	in = bound(SOCK_DGRAM, ADDR_B, 4000);
	enter(self->net.a);
	must(connect_to(fd, ADDR_B, 4000));
	for (whole = 0; whole < 2; whole++) {
		must(set_opt(fd, SOL_IPV6, IPV6_DONTFRAG, whole));
		for (one = -1; one < 2; one++) {
			msg.msg_controllen = one < 0 ? 0 : sizeof(control);
			memcpy(CMSG_DATA(&control.head), &one, sizeof(one));
			if (one < 0 ? whole : one) {
				EXPECT_ERR(EMSGSIZE, sendmsg(fd, &msg, 0));
			} else {
				EXPECT_OK(sendmsg(fd, &msg, 0));
				EXPECT_EQ(3000, recv(in, buf, sizeof(buf), 0));
			}
		}
	}
}

/* RFC 3542 §11.3 */
TEST_F(path, mtu_of_what_is_not_cut)
{
	int fd = dgram();
	char buf[2000] = "";
	struct ip6_mtuinfo *info;

	if (!ipv6())
		SKIP(return, "IPv4 has no such message");
	must(set_opt(fd, SOL_IPV6, IPV6_DONTFRAG, 1));
	EXPECT_ERR(EMSGSIZE, send_to(fd, buf, sizeof(buf), ADDR_B, 4000));
	EXPECT_ERR(EAGAIN, get(fd, MSG_DONTWAIT)->len);
	must(set_opt(fd, SOL_IPV6, IPV6_RECVPATHMTU, 1));
	EXPECT_ERR(EMSGSIZE, send_to(fd, buf, sizeof(buf), ADDR_B, 4000));
	info = part(get(fd, MSG_DONTWAIT), SOL_IPV6, IPV6_PATHMTU);
	ASSERT_NE(NULL, info);
	EXPECT_EQ(1500, info->ip6m_mtu);
	EXPECT_TRUE(is_name(&info->ip6m_addr, ADDR_B));
	EXPECT_ERR(EAGAIN, get(fd, MSG_DONTWAIT)->len);
}

TEST_F(path, checksum_or_none)
{
	int fd = dgram(), in;
	char buf[100];

	enter(self->net.b);
	in = bound(SOCK_DGRAM, ADDR_B, 4000);
	enter(self->net.a);
	EXPECT_EQ(0, get_opt(fd, SOL_SOCKET, SO_NO_CHECK));
	must(set_opt(fd, SOL_SOCKET, SO_NO_CHECK, 1));
	EXPECT_EQ(1, get_opt(fd, SOL_SOCKET, SO_NO_CHECK));
	must(send_to(fd, buf, 100, ADDR_B, 4000));
	EXPECT_EQ(100, recv(in, buf, sizeof(buf), 0));
	if (!ipv6())
		return;
	/* IPv6 has none itself: without one it arrives only where that is wanted (RFC 6936). */
	must(set_opt(fd, SOL_UDP, UDP_NO_CHECK6_TX, 1));
	must(send_to(fd, buf, 100, ADDR_B, 4000));
	must(send_to(dgram(), buf, 50, ADDR_B, 4000));
	EXPECT_EQ(50, recv(in, buf, sizeof(buf), 0));
	must(set_opt(in, SOL_UDP, UDP_NO_CHECK6_RX, 1));
	must(send_to(fd, buf, 100, ADDR_B, 4000));
	EXPECT_EQ(100, recv(in, buf, sizeof(buf), 0));
}

TEST_HARNESS_MAIN
