// SPDX-License-Identifier: GPL-2.0
/*
 * Trains of datagrams: many sent by one call (UDP_SEGMENT), many received by
 * one (UDP_GRO).
 */
#include "yoke_test.h"
#include <linux/ethtool.h>
#include <netinet/udp.h>

IN_OWN_NET(train)

/* Sends with UDP_SEGMENT in a control message of its own. */
static ssize_t send_train(int fd, const void *buf, size_t len, uint16_t size)
{
	union {
		char space[CMSG_SPACE(sizeof(size))];
		struct cmsghdr cmsg;
	} control = { .cmsg = { CMSG_LEN(sizeof(size)), SOL_UDP, UDP_SEGMENT } };
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.cmsg), &size, sizeof(size));
	return sendmsg(fd, &msg, 0);
}

/* Receives; in *size what UDP_GRO said, -1: nothing. */
static ssize_t receive_train(int fd, void *buf, size_t len, int flags, int *size)
{
	char control[64];
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &msg, flags);

	*size = -1;
	if (n >= 0)
		control_bytes(&msg, SOL_UDP, UDP_GRO, size, sizeof(*size));
	return n;
}

/* Do datagrams of `size` arrive that are `total` bytes of stream `seed`? */
static bool cut_right(int fd, size_t total, size_t size, int seed)
{
	char in[65536], want[65536];
	size_t pos = 0, n;

	fill(want, total, seed, 0);
	while (pos < total) {
		n = total - pos < size ? total - pos : size;
		if (!wait_events(fd, POLLIN) ||
		    recv(fd, in, sizeof(in), 0) != (ssize_t)n || memcmp(in, want + pos, n))
			return false;
		pos += n;
	}
	return recv(fd, in, sizeof(in), MSG_DONTWAIT) == -1;
}

TEST_F(train, options)
{
	int fd = dgram(), bad[] = { -1, 65536, INT_MAX, INT_MIN }, good[] = { 0, 1, 1400, 65535 };
	socklen_t len;
	uint32_t i;
	char c;

	EXPECT_EQ(0, get_opt(fd, SOL_UDP, UDP_SEGMENT));
	EXPECT_EQ(0, get_opt(fd, SOL_UDP, UDP_GRO));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_ERR(EINVAL, set_opt(fd, SOL_UDP, UDP_SEGMENT, bad[i]));
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_OK(set_opt(fd, SOL_UDP, UDP_SEGMENT, good[i]));
		EXPECT_EQ(good[i], get_opt(fd, SOL_UDP, UDP_SEGMENT));
	}
	EXPECT_OK(set_opt(fd, SOL_UDP, UDP_GRO, 7));
	EXPECT_EQ(1, get_opt(fd, SOL_UDP, UDP_GRO));
	EXPECT_OK(set_opt(fd, SOL_UDP, UDP_GRO, 0));
	EXPECT_EQ(0, get_opt(fd, SOL_UDP, UDP_GRO));
	for (i = UDP_NO_CHECK6_TX; i <= UDP_NO_CHECK6_RX; i++) {
		EXPECT_EQ(0, get_opt(fd, SOL_UDP, i));
		EXPECT_OK(set_opt(fd, SOL_UDP, i, 5));
		EXPECT_EQ(1, get_opt(fd, SOL_UDP, i));
	}
	EXPECT_ERR(EINVAL, setsockopt(fd, SOL_UDP, UDP_GRO, &i, 3));
	EXPECT_ERR(EFAULT, setsockopt(fd, SOL_UDP, UDP_GRO, (void *)8, 4));
	EXPECT_ERR(ENOPROTOOPT, set_opt(fd, SOL_UDP, 99, 1));
	len = sizeof(i);
	EXPECT_ERR(ENOPROTOOPT, getsockopt(fd, SOL_UDP, 99, &i, &len));
	len = -1;
	EXPECT_ERR(EINVAL, getsockopt(fd, SOL_UDP, UDP_GRO, &i, &len));
	len = 1;
	EXPECT_OK(getsockopt(fd, SOL_UDP, UDP_SEGMENT, &c, &len));
	EXPECT_EQ(1, len);
}

TEST_F(train, is_cut)
{
	struct { size_t total, size; } t[] = {
		{ 1, 1 }, { 10, 1 }, { 10, 3 }, { 2000, 1000 }, { 5000, 1400 }, { 63 * 1000 + 1, 1000 },
		{ 60000, 9000 }, { 1400, 1400 }, { 1399, 1400 }, { 5, 60000 },
	};
	struct pair p = dgram_pair();
	char out[65536];
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		fill(out, t[i].total, i, 0);
		ASSERT_EQ(t[i].total, send_train(p.a, out, t[i].total, t[i].size));
		EXPECT_TRUE(cut_right(p.b, t[i].total, t[i].size, i));
		/* The same by the option. */
		must(set_opt(p.a, SOL_UDP, UDP_SEGMENT, t[i].size));
		ASSERT_EQ(t[i].total, send(p.a, out, t[i].total, 0));
		EXPECT_TRUE(cut_right(p.b, t[i].total, t[i].size, i));
		must(set_opt(p.a, SOL_UDP, UDP_SEGMENT, 0));
	}
	EXPECT_EQ(0, send_train(p.a, out, 0, 10));
	EXPECT_EQ(0, recv(p.b, out, sizeof(out), 0));
}

TEST_F(train, message_goes_before_option)
{
	struct pair p = dgram_pair();
	char out[100];

	fill(out, sizeof(out), 0, 0);
	must(set_opt(p.a, SOL_UDP, UDP_SEGMENT, 10));
	EXPECT_EQ(100, send_train(p.a, out, 100, 30));
	EXPECT_TRUE(cut_right(p.b, 100, 30, 0));
	EXPECT_EQ(100, send_train(p.a, out, 100, 0));
	EXPECT_TRUE(cut_right(p.b, 100, 100, 0));
}

TEST_F(train, too_many)
{
	struct pair p = dgram_pair();
	char out[65536] = "";

	EXPECT_ERR(EINVAL, send_train(p.a, out, 1000, 1));
	EXPECT_ERR(EINVAL, send_train(p.a, out, 65507, 10));
	/* Nor more than IP carries: IPv6's length is without its header. */
	EXPECT_ERR(EMSGSIZE, send_train(p.a, out, ipv6() ? 65528 : 65508, 1400));
	EXPECT_ERR(EAGAIN, recv(p.b, out, sizeof(out), MSG_DONTWAIT));
}

TEST_F(train, wants_a_checksum)
{
	struct pair p = dgram_pair();
	int level = ipv6() ? SOL_UDP : SOL_SOCKET, name = ipv6() ? UDP_NO_CHECK6_TX : SO_NO_CHECK;
	char out[100];

	must(set_opt(p.a, level, name, 1));
	EXPECT_ERR(EINVAL, send_train(p.a, out, 100, 30));
	EXPECT_ERR(EINVAL, send_train(p.a, out, 20, 30));
	must(set_opt(p.a, level, name, 0));
	EXPECT_EQ(100, send_train(p.a, out, 100, 30));
}

TEST_F(train, malformed_message)
{
	struct pair p = dgram_pair();
	struct {
		struct cmsghdr cmsg;
		uint32_t value;
	} control = { { CMSG_LEN(4), SOL_UDP, UDP_SEGMENT }, 10 };
	struct iovec iov = { "0123456789", 10 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	EXPECT_ERR(EINVAL, sendmsg(p.a, &msg, 0));
	control.cmsg.cmsg_type = UDP_GRO;
	EXPECT_ERR(EINVAL, sendmsg(p.a, &msg, 0));
	control.cmsg.cmsg_len = 2;
	EXPECT_ERR(EINVAL, sendmsg(p.a, &msg, 0));
}

/* What was put together from parts is cut as well. */
TEST_F(train, in_parts)
{
	struct pair p = dgram_pair();
	char out[1000];

	fill(out, sizeof(out), 0, 0);
	must(set_opt(p.a, SOL_UDP, UDP_SEGMENT, 300));
	EXPECT_EQ(450, send(p.a, out, 450, MSG_MORE));
	EXPECT_EQ(550, send(p.a, out + 450, 550, 0));
	EXPECT_TRUE(cut_right(p.b, 1000, 300, 0));
	must(set_opt(p.a, SOL_UDP, UDP_CORK, 1));
	EXPECT_EQ(1000, send(p.a, out, 1000, 0));
	EXPECT_ERR(EAGAIN, recv(p.b, out, sizeof(out), MSG_DONTWAIT));
	EXPECT_OK(set_opt(p.a, SOL_UDP, UDP_CORK, 0));
	EXPECT_TRUE(cut_right(p.b, 1000, 300, 0));
}

TEST_F(train, arrives_whole)
{
	struct pair p = dgram_pair();
	char out[60000], in[65536];
	int size;

	must(set_opt(p.b, SOL_UDP, UDP_GRO, 1));
	fill(out, sizeof(out), 1, 0);
	EXPECT_EQ(50000, send_train(p.a, out, 50000, 1400));
	EXPECT_EQ(50000, receive_train(p.b, in, sizeof(in), 0, &size));
	EXPECT_EQ(1400, size);
	EXPECT_EQ(0, memcmp(in, out, 50000));
	/* A datagram is no train. */
	EXPECT_EQ(100, send_train(p.a, out, 100, 1400));
	EXPECT_EQ(100, receive_train(p.b, in, sizeof(in), 0, &size));
	EXPECT_EQ(-1, size);
	/* As with datagrams, what does not fit is lost. */
	EXPECT_EQ(5000, send_train(p.a, out, 5000, 1000));
	EXPECT_EQ(1500, receive_train(p.b, in, 1500, MSG_PEEK, &size));
	EXPECT_EQ(1000, size);
	EXPECT_EQ(5000, receive_train(p.b, in, 1500, MSG_TRUNC, &size));
	EXPECT_EQ(0, memcmp(in, out, 1500));
	EXPECT_ERR(EAGAIN, recv(p.b, in, sizeof(in), MSG_DONTWAIT));
	/* What waits was whole when it came. */
	EXPECT_EQ(5000, send_train(p.a, out, 5000, 1000));
	must(set_opt(p.b, SOL_UDP, UDP_GRO, 0));
	EXPECT_EQ(5000, receive_train(p.b, in, sizeof(in), 0, &size));
	EXPECT_EQ(-1, size);
}

TEST_F(train, to_many)
{
	int a = bound(SOCK_DGRAM, LOOPBACK, 0), whole = dgram(), cut = dgram(), size;
	char out[3000], in[4000];

	IPV4_ONLY("it has no broadcasts");
	must(set_opt(whole, SOL_SOCKET, SO_REUSEADDR, 1));
	must(set_opt(cut, SOL_SOCKET, SO_REUSEADDR, 1));
	must(bind_to(whole, ANY, 4000));
	must(bind_to(cut, ANY, 4000));
	must(set_opt(whole, SOL_UDP, UDP_GRO, 1));
	must(set_opt(a, SOL_SOCKET, SO_BROADCAST, 1));
	must(connect_to(a, "127.255.255.255", 4000));
	fill(out, sizeof(out), 0, 0);
	EXPECT_EQ(3000, send_train(a, out, 3000, 1000));
	EXPECT_EQ(3000, receive_train(whole, in, sizeof(in), 0, &size));
	EXPECT_EQ(1000, size);
	EXPECT_EQ(0, memcmp(in, out, sizeof(out)));
	EXPECT_TRUE(cut_right(cut, 3000, 1000, 0));
}

TEST_F(train, takes_memory_once)
{
	struct pair p = dgram_pair();
	char out[60000] = "", in[2000];
	int i, n = 0;

	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 20000));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(60000, send_train(p.a, out, 60000, 1000));
	while (recv(p.b, in, sizeof(in), MSG_DONTWAIT) > 0)
		n++;
	EXPECT_LT(5, n);
	EXPECT_GT(200, n);
	/* And nothing is left of it. */
	EXPECT_EQ(0, outq(p.a));
	EXPECT_EQ(1000, send(p.a, out, 1000, 0));
	EXPECT_EQ(1000, recv(p.b, in, sizeof(in), 0));
}

ON_A_LINK(rail)

/* A sender in namespace a, a receiver in b. */
static struct pair dgram_link(struct net net)
{
	struct pair p;

	enter(net.b);
	p.b = bound(SOCK_DGRAM, ADDR_B, 5000);
	enter(net.a);
	p.a = bound(SOCK_DGRAM, ADDR_A, 4000);
	must(connect_to(p.a, ADDR_B, 5000));
	return p;
}

static bool set_feature(uint32_t cmd, uint32_t on)
{
	struct ethtool_value value = { .cmd = cmd, .data = on };
	struct ifreq ifr = { .ifr_name = "veth" };
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0)), err;

	ifr.ifr_data = (char *)&value;
	err = ioctl(fd, SIOCETHTOOL, &ifr);
	close(fd);
	return !err;
}

/* The device sums, or does not; takes trains, or does not; has one piece of memory, or more. */
TEST_F(rail, is_cut_for_the_device)
{
	struct pair p = dgram_link(self->net);
	char out[60000];
	int i;

	for (i = 0; i < 8; i++) {
		must_hold(set_feature(ETHTOOL_SGSO, !(i & 1)));
		must_hold(set_feature(ETHTOOL_SSG, !(i & 2)));
		fill(out, sizeof(out), i, 0);
		EXPECT_EQ(60000, send_train(p.a, out, 60000, 1400));
		EXPECT_TRUE(cut_right(p.b, 60000, 1400, i));
		EXPECT_EQ(1501, send_train(p.a, out, 1501, 500));
		EXPECT_TRUE(cut_right(p.b, 1501, 500, i));
	}
}

TEST_F(rail, no_longer_than_the_path)
{
	struct pair p = dgram_link(self->net);
	int fits = ipv6() ? 1452 : 1472;
	char out[6000] = "";

	EXPECT_EQ(6000, send_train(p.a, out, 6000, fits));
	EXPECT_ERR(EMSGSIZE, send_train(p.a, out, 6000, fits + 1));
	EXPECT_ERR(EMSGSIZE, send_train(p.a, out, fits + 1, fits + 1));
	EXPECT_EQ(fits, send_train(p.a, out, fits, fits + 1));
}

/*
 * One by one they are sent, and the device joins what is there when it looks: which they are is not
 * ours to say, but nothing is lost, added or changed. Until it has happened.
 */
TEST_F(rail, joined_on_the_way)
{
	struct pair p = dgram_link(self->net);
	char out[16][1000], in[65536], want[65536];
	int i, k, size, joined = 0, trains = 0;
	long end = now_ms() + 3 * BOUND;

	must(set_opt(p.b, SOL_UDP, UDP_GRO, 1));
	enter(self->net.b);
	if (!set_feature(ETHTOOL_SGRO, 1))
		SKIP(return, "veth has no GRO");
	enter(self->net.a);
	/* veth looks at what could have come as one anyway only if that cannot be. */
	must_hold(set_feature(ETHTOOL_STSO, 0));
	/* Of the first sixteen each leaves at once, of those that soon follow all together. */
	NEED_NETEM(self->net.a, "slot 500ms 500ms packets 16");
	while (!joined && now_ms() < end) {
		struct mmsghdr v[16] = { 0 };
		struct iovec iov[16];
		int pos = 0, n;

		for (i = 0; i < 16; i++) {
			fill(out[i], sizeof(out[i]), trains * 16 + i, 0);
			memcpy(want + 1000 * i, out[i], 1000);
			iov[i] = (struct iovec){ out[i], 1000 };
			v[i].msg_hdr.msg_iov = &iov[i];
			v[i].msg_hdr.msg_iovlen = 1;
		}
		ASSERT_EQ(16, sendmmsg(p.a, v, 16, 0));
		while (pos < 16000) {
			ASSERT_TRUE(wait_events(p.b, POLLIN));
			n = receive_train(p.b, in, sizeof(in), 0, &size);
			ASSERT_LT(0, n);
			k = size == -1 ? n : size;
			ASSERT_EQ(1000, k);
			ASSERT_GE(16000, pos + n);
			ASSERT_EQ(0, memcmp(in, want + pos, n));
			joined += n > 1000;
			pos += n;
		}
		trains++;
	}
	EXPECT_LT(0, joined);
}

/* What was cut and joined on its way takes the memory that it fills: or a window promises too much. */
TEST_F(rail, weighs_what_it_is)
{
	struct pair p = link_pair(self->net);
	char out[10000] = "";

	enter(self->net.b);
	if (!set_feature(ETHTOOL_SGRO, 1))
		SKIP(return, "veth has no GRO");
	enter(self->net.a);
	must_hold(set_feature(ETHTOOL_STSO, 0));
	ASSERT_EQ(10000, send(p.a, out, sizeof(out), 0));
	ASSERT_TRUE(arrived(p.b, 10000));
	EXPECT_GT(15000, meminfo(p.b, SK_MEMINFO_RMEM_ALLOC));
}

TEST_HARNESS_MAIN
