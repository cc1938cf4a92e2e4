// SPDX-License-Identifier: GPL-2.0
/*
 * The shortcut between two sockets of one host: whoever looks at packets sees them all the same, from
 * the moment on that he looks, and whoever counts them finds as many.
 */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include "yoke_test.h"

IN_OWN_NET(shortcut)

#define SIZE 1000			/* of what is said, bytes: none else sends such packets here */

/* The first number behind @name in @path, a table of names and numbers; after @skip others. */
static long number(const char *path, const char *name, int skip)
{
	char line[1024], *at;
	FILE *f = fopen(path, "r");
	long value = -1;

	if (!f)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), f)) {
		at = strtok(line, " \t\n");
		if (!at || strcmp(at, name))
			continue;
		for (int i = 0; i <= skip && at; i++)
			at = strtok(NULL, " \t\n");
		value = at ? atol(at) : -1;
	}
	fclose(f);
	return value;
}

/* Segments that took it. TCP has none. */
static long taken(void)
{
	return oracle() ? 0 : counter("Shortcuts");
}

static bool say(struct pair p)
{
	char out[SIZE] = "", in[SIZE];

	return send(p.a, out, SIZE, 0) == SIZE && recv(p.b, in, SIZE, MSG_WAITALL) == SIZE &&
	       until(outq(p.a) == 0);
}

/* Something is said: did it take the shortcut? */
static bool short_now(struct pair p)
{
	long before = taken();

	must_hold(say(p));
	return oracle() || taken() > before;
}

static bool long_now(struct pair p)
{
	long before = taken();

	must_hold(say(p));
	return taken() == before;
}

/* @tap gets what is said. */
static bool tapped(int tap, struct pair p)
{
	char buf[2048];
	ssize_t n;

	must_hold(say(p));
	do
		n = recv(tap, buf, sizeof(buf), 0);
	while (n >= 0 && n < SIZE);
	return n > SIZE && buf[9] == (oracle() ? IPPROTO_TCP : (char)IPPROTO_YOKE_STREAM);
}

TEST_F(shortcut, nobody_looks)
{
	long before = taken();
	struct pair p = stream_pair();

	/* The handshake, too: SYN, SYN-ACK and ACK. */
	if (!oracle())
		EXPECT_LE(before + 3, taken());
	EXPECT_TRUE(short_now(p));
	EXPECT_EQ(0, close(p.a));
	EXPECT_EQ(0, close(p.b));
}

TEST_F(shortcut, the_setting)
{
	struct pair p = stream_pair();

	if (oracle())
		SKIP(return, "TCP has none");
	ASSERT_TRUE(sysctl_own("shortcut", "0"));
	EXPECT_TRUE(long_now(p));
	ASSERT_TRUE(sysctl_own("shortcut", "1"));
	EXPECT_TRUE(short_now(p));
	EXPECT_FALSE(sysctl_own("shortcut", "2"));
}

/* A connection stands; then somebody looks, and looks away again. */
static void looked_at(struct __test_metadata *_metadata, int family, int type, int protocol)
{
	struct pair p = stream_pair();
	int fd = must(socket(family, type | SOCK_CLOEXEC, protocol));

	set_timeout(fd, SO_RCVTIMEO, BOUND);
	EXPECT_TRUE(tapped(fd, p));
	EXPECT_TRUE(long_now(p));
	close(fd);
	EXPECT_TRUE(until(short_now(p)));
}

TEST_F(shortcut, a_tap_on_all)
{
	looked_at(_metadata, AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
}

TEST_F(shortcut, a_tap_on_ip)
{
	looked_at(_metadata, AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
}

TEST_F(shortcut, a_raw_socket)
{
	looked_at(_metadata, AF_INET, SOCK_RAW, oracle() ? IPPROTO_TCP : IPPROTO_YOKE_STREAM);
}

TEST_F(shortcut, a_queue)
{
	struct pair p = stream_pair();
	char buf[SIZE] = "";

	if (!shell("tc qdisc add dev lo root netem loss 100%%"))
		SKIP(return, "no netem");
	must(send(p.a, buf, SIZE, 0));
	EXPECT_TRUE(until(outq(p.a) == SIZE));
	EXPECT_EQ(0, inq(p.b));
	ASSERT_TRUE(shell("tc qdisc replace dev lo root netem delay 1ms"));
	EXPECT_EQ(SIZE, recv(p.b, buf, SIZE, MSG_WAITALL));
	EXPECT_TRUE(long_now(p));
	ASSERT_TRUE(shell("tc qdisc del dev lo root"));
	EXPECT_TRUE(until(short_now(p)));
}

TEST_F(shortcut, a_classifier)
{
	struct pair p = stream_pair();

	if (!shell("tc qdisc add dev lo clsact && "
		   "tc filter add dev lo egress matchall action pass"))
		SKIP(return, "no classifiers");
	EXPECT_TRUE(long_now(p));
	ASSERT_TRUE(shell("tc qdisc del dev lo clsact"));
	EXPECT_TRUE(until(short_now(p)));
}

TEST_F(shortcut, netfilter)
{
	struct pair p = stream_pair();

	/* It is in every namespace at once, so that no rules need be made. */
	if (!shell("modprobe iptable_filter forward=0"))
		SKIP(return, "no iptables");
	EXPECT_TRUE(long_now(p));
	ASSERT_TRUE(shell("modprobe -r iptable_filter"));
	EXPECT_TRUE(until(short_now(p)));
}

/* What a conversation adds to what IP and the device count. */
static void counted(long *counts)
{
	struct pair p;
	int i, pass;

	for (pass = -1; pass <= 1; pass += 2) {
		char names[1024], values[1024], *n, *v, *at_n, *at_v;
		FILE *f;

		if (pass > 0) {
			p = stream_pair();
			for (i = 0; i < 4; i++)
				must_hold(say(p));
		}
		f = fopen("/proc/net/snmp", "r");
		must_hold(f && fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f));
		n = strtok_r(names, " \n", &at_n);
		v = strtok_r(values, " \n", &at_v);
		for (i = 0; i < 2; i++)
			counts[i] += pass * number("/proc/net/dev", "lo:", i);
		for (; n && v; n = strtok_r(NULL, " \n", &at_n), v = strtok_r(NULL, " \n", &at_v))
			if (!strcmp(n, "InReceives") || !strcmp(n, "InDelivers") ||
			    !strcmp(n, "OutRequests"))
				counts[i++] += pass * atol(v);
		fclose(f);
	}
}

TEST_F(shortcut, others_count_the_same)
{
	long with[5] = { 0 }, without[5] = { 0 };

	if (oracle())
		SKIP(return, "TCP has none");
	counted(with);
	ASSERT_TRUE(sysctl_own("shortcut", "0"));
	counted(without);
	for (int i = 0; i < 5; i++) {
		EXPECT_LT(0, with[i]);
		EXPECT_EQ(without[i], with[i]);
	}
}

TEST_HARNESS_MAIN
