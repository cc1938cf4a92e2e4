// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners that are bound to a device (SO_BINDTODEVICE): each hears what comes by its own, and those of
 * two devices know nothing of each other, though address and port are the same.
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

	if (!new_link(&self->net))
		SKIP(_exit(255), "no veth pair (iproute2? veth module?)");
	enter(self->net.b);
	must(shell("ip link add two type veth peer name two netns /proc/%d/fd/%d", getpid(),
		   self->net.a) ? 0 : -1);
	bring_up("two", "10.0.1.2");
	enter(self->net.a);
	bring_up("two", "10.0.1.1");
	strcpy(to, ip_text(ADDR_B));	/* which has one buffer */
	snprintf(self->by_two, sizeof(self->by_two), "ip route add %s via %s dev two", to,
		 ip_text("10.0.1.2"));
	must(shell("%s", self->by_two) ? 0 : -1);
	enter(self->net.b);
}

FIXTURE_TEARDOWN(devices) { }

static int on(int fd, const char *dev)
{
	must(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, strlen(dev)));
	return fd;
}

/* "": bound to none. */
static int listener_on(const char *dev, const char *ip, bool share)
{
	int fd = on(stream(), dev);

	must(set_opt(fd, SOL_SOCKET, SO_REUSEPORT, share));
	must(bind_to(fd, ip, PORT));
	must(listen(fd, 5));
	return fd;
}

/* From namespace a by that device: the errno, 0 if it stands. */
static int try_by(const FIXTURE_DATA(devices) *self, const char *dev, int *fd)
{
	int err = 0;

	enter(self->net.a);
	*fd = on(stream(), dev);
	set_nonblock(*fd, true);
	if (connect_to(*fd, ADDR_B, PORT) && errno == EINPROGRESS) {
		wait_events(*fd, POLLOUT);
		err = so_error(*fd);
	}
	enter(self->net.b);
	return err;
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
	EXPECT_ERR(EADDRINUSE, bind_to(on(any, "veth"), ADDR_B, PORT));
	EXPECT_OK(bind_to(on(any, "two"), ADDR_B, PORT));
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

/* Nor does what comes by another device end the handshake that began on its own. */
TEST_F_TIMEOUT(devices, a_handshake_stays_on_its_own, 120)
{
	int fd = listener_on("veth", ADDR_B, false), a;

	must(set_opt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 60));
	enter(self->net.a);
	must(shell("ip route del %s dev two", ip_text(ADDR_B)) ? 0 : -1);
	a = stream();
	must(connect_to(a, ADDR_B, PORT));
	must(shell("%s", self->by_two) ? 0 : -1);
	must(send(a, "hello", 5, 0));
	/* TCP's peer is reset, as nobody is there; ours hears nothing. */
	EXPECT_TRUE(until(events(a, POLLERR) || tcp_info(a).tcpi_retransmits));
	EXPECT_EQ(events(fd, POLLIN), 0);
}

/* One that listens already is bound to another device, to none, and to one again. */
TEST_F_TIMEOUT(devices, a_listener_moves, 120)
{
	int fd = listener_on("veth", ADDR_B, false), other = bound(SOCK_DGRAM, ANY, 0);

	on(fd, "two");
	EXPECT_TRUE(leads(self, "two", fd, other));
	EXPECT_TRUE(refused(self, "veth"));
	on(fd, "");
	EXPECT_TRUE(leads(self, "veth", fd, other));
	EXPECT_TRUE(leads(self, "two", fd, other));
	on(fd, "veth");
	EXPECT_TRUE(leads(self, "veth", fd, other));
	EXPECT_TRUE(refused(self, "two"));
}

/* One that moves to where another listens hears there when that has gone: TCP's at once, ours if asked. */
TEST_F_TIMEOUT(devices, a_place_that_was_taken, 120)
{
	int one = listener_on("veth", ADDR_B, false), two = listener_on("two", ADDR_B, false);
	int other = bound(SOCK_DGRAM, ANY, 0);

	on(two, "veth");
	close(one);
	on(two, "veth");
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
			on(fd, "veth");
			on(fd, "");
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
