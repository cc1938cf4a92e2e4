// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners and connections that are bound to a device (SO_BINDTODEVICE): each hears what comes by its
 * own, and those of two devices know nothing of each other, though address and port are the same.
 *
 *	namespace a                      namespace b
 *	10.0.0.1/24 (veth) ------------- 10.0.0.2/24 (veth)
 *	10.0.1.1/24 (two) -------------- 10.0.1.2/24 (two), which leads to 10.0.0.2, too
 */
#include "yoke_test.h"

#define PORT	1981

FIXTURE(devices) {
	struct net net;
	char by_two[128];	/* the command that leads a to 10.0.0.2 by that device */
};

FIXTURE_SETUP(devices)
{
	char to[INET6_ADDRSTRLEN];

	NEED_LINK(&self->net, _exit(255));
	enter(self->net.b);
	must_hold(shell("ip link add two type veth peer name two netns /proc/%d/fd/%d", getpid(),
			self->net.a));
	bring_up("two", "10.0.1.2");
	enter(self->net.a);
	bring_up("two", "10.0.1.1");
	strcpy(to, ip_text(ADDR_B));	/* which has one buffer */
	snprintf(self->by_two, sizeof(self->by_two), "ip route add %s via %s dev two", to,
		 ip_text("10.0.1.2"));
	must_hold(shell("%s", self->by_two));
	enter(self->net.b);
}

FIXTURE_TEARDOWN(devices) { }

static int listener_on(const char *dev, const char *ip, bool share)
{
	int fd = on_device(stream(), dev);

	must(set_opt(fd, SOL_SOCKET, SO_REUSEPORT, share));
	must(bind_to(fd, ip, PORT));
	must(listen(fd, 5));
	return fd;
}

/* @fd, of namespace a, connects: the errno, 0 if it stands. We are left in b. */
static int try(const FIXTURE_DATA(devices) *self, int fd)
{
	int err;

	enter(self->net.a);
	err = try_connect(fd, ADDR_B, PORT);
	enter(self->net.b);
	return err;
}

/* From namespace a by that device. */
static int try_by(const FIXTURE_DATA(devices) *self, const char *dev, int *fd)
{
	enter(self->net.a);
	*fd = on_device(stream(), dev);
	return try(self, *fd);
}

/* The same, from ADDR_A and that port, whichever the device. */
static int from_a(const FIXTURE_DATA(devices) *self, const char *dev, int port)
{
	int fd;

	enter(self->net.a);
	fd = on_device(stream(), dev);
	must(set_opt(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	must(bind_to(fd, ADDR_A, port));
	return fd;
}

/* Who is bound to nothing in a goes by that device. */
static void lead_by(const FIXTURE_DATA(devices) *self, bool two)
{
	enter(self->net.a);
	must_hold(two ? shell("%s", self->by_two)
		      : shell("ip route del %s dev two", ip_text(ADDR_B)));
	enter(self->net.b);
}

/* The second device leads b back to ADDR_A, too. */
static void lead_back(void)
{
	char to[INET6_ADDRSTRLEN];

	strcpy(to, ip_text(ADDR_A));
	must_hold(shell("ip route add %s via %s dev two", to, ip_text("10.0.1.1")));
}

static bool says(int from, int to, const char *what)
{
	char buf[8];
	int n = strlen(what);

	return send(from, what, n, 0) == n && arrived(to, n) && recv(to, buf, n, 0) == n &&
	       !memcmp(buf, what, n);
}

/* Who comes by @dev comes to @to, and to none other. */
static bool leads(const FIXTURE_DATA(devices) *self, const char *dev, int to, int other)
{
	int a, b, err = try_by(self, dev, &a);
	bool right;

	if (err || !wait_events(to, POLLIN))
		return false;
	b = must(accept(to, NULL, NULL));
	right = !events(other, POLLIN) && send(b, "hello", 5, 0) == 5 && arrived(a, 5);
	close_hard(a);
	close(b);
	return right;
}

static bool refused(const FIXTURE_DATA(devices) *self, const char *dev)
{
	int a, err = try_by(self, dev, &a);

	close(a);
	return err == ECONNREFUSED;
}

TEST_F_TIMEOUT(devices, each_hears_its_own, 120)
{
	int one = listener_on("veth", ADDR_B, false), two = listener_on("two", ADDR_B, false);
	int idle = bound(SOCK_DGRAM, ANY, 0);

	for (int i = 0; i < 2; i++) {
		EXPECT_TRUE(leads(self, "veth", one, two));
		EXPECT_TRUE(leads(self, "two", two, one));
	}
	close(one);
	EXPECT_TRUE(refused(self, "veth"));
	EXPECT_TRUE(leads(self, "two", two, idle));
	one = listener_on("veth", ADDR_B, false);
	EXPECT_TRUE(leads(self, "veth", one, two));
}

TEST_F_TIMEOUT(devices, an_address_hides_no_other_device, 120)
{
	int one = listener_on("veth", ADDR_B, false), two = listener_on("two", ANY, false);

	EXPECT_TRUE(leads(self, "veth", one, two));
	EXPECT_TRUE(leads(self, "two", two, one));
}

TEST_F_TIMEOUT(devices, none_conflicts_with_each, 120)
{
	int one = listener_on("veth", ADDR_B, false), any = stream();

	EXPECT_ERR(EADDRINUSE, bind_to(any, ADDR_B, PORT));
	EXPECT_ERR(EADDRINUSE, bind_to(on_device(any, "veth"), ADDR_B, PORT));
	EXPECT_OK(bind_to(on_device(any, "two"), ADDR_B, PORT));
	close(any);
	close(one);
}

/*
 * Of those that share a port, the device's own are before those of any, the address before both. (TCP
 * does not weigh those that share, but takes the newest, over IPv6 the oldest: so that is the device's.)
 */
TEST_F_TIMEOUT(devices, the_bound_are_first, 120)
{
	static const char *const any[] = { ADDR_B, ANY };
	int idle = bound(SOCK_DGRAM, ANY, 0);

	for (int i = 0; i < 2; i++) {
		int one = ipv6() ? listener_on("veth", ADDR_B, true) : -1;
		int none = listener_on("", any[i], true);

		if (!ipv6())
			one = listener_on("veth", ADDR_B, true);
		EXPECT_TRUE(leads(self, "veth", one, none));
		EXPECT_TRUE(leads(self, "two", none, one));
		close(one);
		EXPECT_TRUE(leads(self, "veth", none, idle));
		close(none);
	}
}

TEST_F_TIMEOUT(devices, the_address_is_before_the_device, 120)
{
	int one = listener_on("veth", ANY, true), none = listener_on("", ADDR_B, true);

	EXPECT_TRUE(leads(self, "veth", none, one));
	EXPECT_TRUE(leads(self, "two", none, one));
}

/* Listeners that share are a group by device. */
TEST_F_TIMEOUT(devices, groups_are_of_one_device, 120)
{
	int one[2], two, came[2] = { 0 }, a;

	two = listener_on("two", ADDR_B, true);
	for (int i = 0; i < 2; i++)
		one[i] = listener_on("veth", ADDR_B, true);
	for (int i = 0; i < 16; i++) {
		ASSERT_EQ(try_by(self, "veth", &a), 0);
		ASSERT_TRUE(until(events(one[0], POLLIN) || events(one[1], POLLIN)));
		for (int j = 0; j < 2; j++)
			if (events(one[j], POLLIN)) {
				close(must(accept(one[j], NULL, NULL)));
				came[j]++;
			}
		close(a);
	}
	EXPECT_EQ(came[0] + came[1], 16);
	EXPECT_TRUE(came[0] && came[1]);
	EXPECT_EQ(events(two, POLLIN), 0);
	/* The first of the group goes, the others stay. */
	close(one[0]);
	EXPECT_TRUE(leads(self, "veth", one[1], two));
}

/* Nor does what comes by another device end the handshake that began on its own: nobody is there. */
TEST_F_TIMEOUT(devices, a_handshake_stays_on_its_own, 120)
{
	int fd = listener_on("veth", ADDR_B, false), a;

	must(set_opt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 60));
	lead_by(self, false);
	EXPECT_EQ(try_by(self, "", &a), 0);
	lead_by(self, true);
	must(send(a, "hello", 5, 0));
	EXPECT_EQ(error_of(a), ECONNRESET);
	EXPECT_EQ(events(fd, POLLIN), 0);
}

/* Nor is it a connection's. */
TEST_F_TIMEOUT(devices, a_connection_stays_on_its_own, 120)
{
	int fd = listener_on("veth", ADDR_B, false), a, b;

	lead_by(self, false);
	EXPECT_EQ(try_by(self, "", &a), 0);
	b = must(accept(fd, NULL, NULL));
	lead_by(self, true);
	must(send(a, "hello", 5, 0));
	EXPECT_EQ(error_of(a), ECONNRESET);
	EXPECT_EQ(state(b), TCP_ESTABLISHED);
	EXPECT_EQ(inq(b), 0);
}

/* Nor that of one that its program has left. */
TEST_F_TIMEOUT(devices, an_end_stays_on_its_own, 120)
{
	int fd = listener_on("veth", ADDR_B, false), a;

	lead_by(self, false);
	EXPECT_EQ(try_by(self, "", &a), 0);
	close(must(accept(fd, NULL, NULL)));
	ASSERT_TRUE(until(count(TCP_FIN_WAIT2, PORT) == 1));
	lead_by(self, true);
	must(shutdown(a, SHUT_WR));
	EXPECT_TRUE(until(so_error(a) == ECONNRESET));
	EXPECT_EQ(count(TCP_FIN_WAIT2, PORT), 1);
	EXPECT_EQ(count(TCP_TIME_WAIT, PORT), 0);
}

/* What hears by which device follows the program. */
TEST_F_TIMEOUT(devices, a_connection_moves, 120)
{
	int fd = listener_on("", ADDR_B, false), a, b;

	lead_back();
	EXPECT_EQ(try_by(self, "", &a), 0);
	b = must(accept(fd, NULL, NULL));
	on_device(b, "two");
	EXPECT_TRUE(says(a, b, "two"));
	EXPECT_TRUE(says(b, a, "two"));
	lead_by(self, false);
	on_device(b, "");
	EXPECT_TRUE(says(a, b, "any"));
	on_device(b, "two");
	must(send(a, "veth", 4, 0));
	EXPECT_EQ(error_of(a), ECONNRESET);
	EXPECT_EQ(inq(b), 0);
}

/* Two devices' connections may have one name, in either host; nor is there a TIME-WAIT in the way. */
TEST_F_TIMEOUT(devices, connections_of_one_name, 120)
{
	static const char *const devices[] = { "veth", "two" };
	int listening[2], a[2], b[2];

	lead_back();
	for (int i = 0; i < 2; i++)
		listening[i] = listener_on(devices[i], ADDR_B, false);
	for (int i = 0; i < 2; i++) {
		a[i] = from_a(self, devices[i], 2000);
		ASSERT_EQ(try(self, a[i]), 0);
		b[i] = must(accept(listening[i], NULL, NULL));
		EXPECT_EQ(get_opt(b[i], SOL_SOCKET, SO_BINDTOIFINDEX), (int)if_nametoindex(devices[i]));
	}
	for (int i = 0; i < 2; i++) {
		EXPECT_TRUE(says(a[i], b[i], devices[i]));
		EXPECT_TRUE(says(b[i], a[i], devices[i]));
	}
	close(b[0]);
	EXPECT_TRUE(wait_events(a[0], POLLIN));
	close(a[0]);
	ASSERT_TRUE(until(count(TCP_TIME_WAIT, PORT) == 1));
	EXPECT_TRUE(says(a[1], b[1], "still"));
	close_hard(a[1]);
	EXPECT_TRUE(wait_events(b[1], POLLERR));
	close(b[1]);
	a[1] = from_a(self, "two", 2000);
	ASSERT_EQ(try(self, a[1]), 0);
	b[1] = must(accept(listening[1], NULL, NULL));
	EXPECT_TRUE(says(a[1], b[1], "again"));
	EXPECT_EQ(count(TCP_TIME_WAIT, PORT), 1);
}

/* Nor are those one that are between the same addresses of two links (RFC 4007), whoever listens. */
TEST_F_TIMEOUT(devices, links_with_the_same_addresses, 120)
{
	static const char *const devices[] = { "veth", "two" };
	struct pair p[2];
	int listening;

	if (!ipv6())
		SKIP(return, "only IPv6 has such addresses");
	listening = listener_on("", ANY, false);
	for (int i = 0; i < 2; i++) {
		p[i] = pair_by_link(self->net, listening, devices[i]);
		EXPECT_EQ(get_opt(p[i].b, SOL_SOCKET, SO_BINDTOIFINDEX), (int)if_nametoindex(devices[i]));
	}
	for (int i = 0; i < 2; i++) {
		EXPECT_TRUE(says(p[i].a, p[i].b, devices[i]));
		EXPECT_TRUE(says(p[i].b, p[i].a, devices[i]));
	}
}

/* One that listens already is bound to another device, to none, and to one again. */
TEST_F_TIMEOUT(devices, a_listener_moves, 120)
{
	int fd = listener_on("veth", ADDR_B, false), other = bound(SOCK_DGRAM, ANY, 0);

	on_device(fd, "two");
	EXPECT_TRUE(leads(self, "two", fd, other));
	EXPECT_TRUE(refused(self, "veth"));
	on_device(fd, "");
	EXPECT_TRUE(leads(self, "veth", fd, other));
	EXPECT_TRUE(leads(self, "two", fd, other));
	on_device(fd, "veth");
	EXPECT_TRUE(leads(self, "veth", fd, other));
	EXPECT_TRUE(refused(self, "two"));
}

/* One that moves to where another listens hears there when that has gone: TCP's at once, ours if asked. */
TEST_F_TIMEOUT(devices, a_place_that_was_taken, 120)
{
	int one = listener_on("veth", ADDR_B, false), two = listener_on("two", ADDR_B, false);
	int other = bound(SOCK_DGRAM, ANY, 0);

	on_device(two, "veth");
	close(one);
	on_device(two, "veth");
	EXPECT_TRUE(leads(self, "veth", two, other));
}

/* Bound to the device that all come by, and to none again, it is there for them all the time. */
TEST_F(devices, is_there_while_it_is_bound_anew)
{
	int fd = listener_on("", ANY, false), a, b, refused = 0;
	long end = now_ms() + 1000;
	pid_t mover;

	set_nonblock(fd, true);
	mover = background(({
		while (now_ms() < end) {
			on_device(fd, "veth");
			on_device(fd, "");
		}
		0;
	}));
	while (now_ms() < end) {
		refused += try_by(self, "veth", &a) == ECONNREFUSED;
		while ((b = accept(fd, NULL, NULL)) >= 0)
			close_hard(b);
		close_hard(a);
	}
	EXPECT_EQ(0, finish(mover));
	EXPECT_EQ(0, refused);
}

TEST_HARNESS_MAIN
