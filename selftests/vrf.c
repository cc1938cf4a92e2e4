// SPDX-License-Identifier: GPL-2.0
/*
 * VRFs: what comes in by a device of one is for the sockets bound to it (or to that device), and for
 * nobody else, unless net.yoke.l3mdev_accept lets those that are bound to nothing have it; two VRFs
 * may have the same address and port.
 *
 *	namespace a                      namespace b
 *	10.0.0.1/24 (veth) ------------- 10.0.0.2/24 (veth, of the VRF red)
 *	                                 10.0.0.2/24 (the VRF blue itself)
 */
#include "yoke_test.h"

#define PORT 1981

FIXTURE(vrf) { struct net net; };

static bool add_vrf(const char *name, int number)
{
	return shell("ip link add %s type vrf table %d", name, number) &&
	       shell("ip link set %s up", name);
}

/* A device that enters a VRF loses its addresses of IPv6. */
static void give_address(const char *dev, const char *ip)
{
	if (ipv6())
		must_hold(shell("ip -6 addr replace %s/120 dev %s nodad", ip_text(ip), dev));
	else
		must_hold(shell("ip addr replace %s/24 dev %s", ip, dev));
}

FIXTURE_SETUP(vrf)
{
	NEED_LINK(&self->net, _exit(255));
	enter(self->net.b);
	if (!add_vrf("red", 10) || !add_vrf("blue", 20))
		SKIP(_exit(255), "no VRF (vrf module?)");
	must_hold(shell("ip link set veth master red"));
	give_address("veth", ADDR_B);
	give_address("blue", ADDR_B);
}

FIXTURE_TEARDOWN(vrf) { }

/* net.yoke.l3mdev_accept; TCP and UDP have one each. */
static void accept_all(void)
{
	must_hold(sysctl_own("l3mdev_accept", "1"));
	if (oracle())
		must_hold(sysctl_ip("udp_l3mdev_accept", "1"));
}

static int listener_on(const char *dev, const char *ip)
{
	int fd = on_device(stream(), dev);

	must(bind_to(fd, ip, PORT));
	must(listen(fd, 5));
	return fd;
}

/* From namespace a: the errno, 0 if it stands. */
static int try_from(int ns, int *fd)
{
	int back = this_net(), err;

	enter(ns);
	*fd = stream();
	err = try_connect(*fd, ADDR_B, PORT);
	enter(back);
	close(back);
	return err;
}

/* Two ends talk, and end. */
static bool talk(int a, int b)
{
	char buf[8];

	return send(a, "hello", 5, 0) == 5 && arrived(b, 5) && recv(b, buf, 8, 0) == 5 &&
	       send(b, "yes", 3, 0) == 3 && arrived(a, 3) && !shutdown(a, SHUT_WR) &&
	       recv(b, buf, 8, 0) == 0;
}

TEST_F_TIMEOUT(vrf, a_listener_of_it_hears, 120)
{
	static const char *const devices[] = { "red", "veth" };
	int listening, a, b;

	for (unsigned int i = 0; i < ARRAY_SIZE(devices); i++) {
		listening = listener_on(devices[i], i ? ANY : ADDR_B);
		EXPECT_EQ(try_from(self->net.a, &a), 0);
		b = accept(listening, NULL, NULL);
		EXPECT_TRUE(talk(a, b));
		close(a);
		close(b);
		close(listening);
		EXPECT_EQ(try_from(self->net.a, &a), ECONNREFUSED);
		close(a);
	}
}

TEST_F_TIMEOUT(vrf, others_do_not, 120)
{
	int listening[] = { listener_on("", ANY), listener_on("blue", ANY) }, a;

	EXPECT_EQ(try_from(self->net.a, &a), ECONNREFUSED);
	EXPECT_EQ(events(listening[0], POLLIN), 0);
	EXPECT_EQ(events(listening[1], POLLIN), 0);
}

TEST_F_TIMEOUT(vrf, accept_lets_the_unbound_hear, 120)
{
	int listening, a, b;

	accept_all();
	listening = listener_on("", ANY);
	EXPECT_EQ(try_from(self->net.a, &a), 0);
	b = must(accept(listening, NULL, NULL));
	/* What came of it belongs to the VRF. */
	EXPECT_EQ(get_opt(b, SOL_SOCKET, SO_BINDTOIFINDEX), (int)if_nametoindex("red"));
	EXPECT_TRUE(talk(a, b));
}

TEST_F_TIMEOUT(vrf, the_bound_is_first, 120)
{
	int unbound, red, a, b;

	accept_all();
	red = on_device(stream(), "red");
	must(set_opt(red, SOL_SOCKET, SO_REUSEADDR, 1));
	must(bind_to(red, ADDR_B, PORT));
	must(listen(red, 5));
	unbound = on_device(stream(), "blue");
	must(bind_to(unbound, ADDR_B, PORT));
	must(listen(unbound, 5));
	EXPECT_EQ(try_from(self->net.a, &a), 0);
	b = must(accept(red, NULL, NULL));
	EXPECT_EQ(events(unbound, POLLIN), 0);
	EXPECT_TRUE(talk(a, b));
}

/* The same address and port in each: none knows of the other. */
TEST_F_TIMEOUT(vrf, two_have_one_address, 120)
{
	int red = listener_on("red", ADDR_B), blue = listener_on("blue", ADDR_B);
	int unbound = listener_on("", ANY), a, b, c, d;

	EXPECT_EQ(try_from(self->net.a, &a), 0);
	b = must(accept(red, NULL, NULL));
	EXPECT_EQ(events(blue, POLLIN), 0);

	c = on_device(stream(), "blue");
	must(connect_to(c, ADDR_B, PORT));
	d = must(accept(blue, NULL, NULL));
	EXPECT_EQ(events(red, POLLIN), 0);
	EXPECT_EQ(events(unbound, POLLIN), 0);
	EXPECT_TRUE(talk(a, b));
	EXPECT_TRUE(talk(c, d));
	/* And once more beside those in TIME-WAIT. */
	close(c);
	close(d);
	c = on_device(stream(), "blue");
	must(connect_to(c, ADDR_B, PORT));
	d = must(accept(blue, NULL, NULL));
	EXPECT_TRUE(talk(c, d));
}

TEST_F_TIMEOUT(vrf, connects_out_of_it, 120)
{
	int listening, a, b;

	enter(self->net.a);
	listening = listener(ADDR_A, PORT, 1);
	enter(self->net.b);
	a = on_device(stream(), "red");
	must(connect_to(a, ADDR_A, PORT));
	b = must(accept(listening, NULL, NULL));
	EXPECT_TRUE(talk(a, b));
}

/* A peer of one link is answered by that link's device, as the VRF itself leads to none. */
TEST_F_TIMEOUT(vrf, of_one_link, 120)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	static const char *const devices[] = { "red", "veth" };
	int listening, a, b;

	if (!ipv6())
		SKIP(return, "only IPv6 has such addresses");
	must(inet_pton(AF_INET6, "fe80::b", &to.sin6_addr));
	must_hold(shell("ip -6 addr replace fe80::b/64 dev veth nodad"));
	for (unsigned int i = 0; i < ARRAY_SIZE(devices); i++) {
		listening = listener_on(devices[i], ANY);
		enter(self->net.a);
		must_hold(shell("ip -6 addr replace fe80::a/64 dev veth nodad"));
		to.sin6_scope_id = if_nametoindex("veth");
		a = stream();
		set_nonblock(a, true);
		EXPECT_TRUE(!connect(a, (void *)&to, sizeof(to)) || errno == EINPROGRESS);
		EXPECT_TRUE(wait_events(a, POLLOUT));
		EXPECT_EQ(so_error(a), 0);
		enter(self->net.b);
		b = must(accept(listening, NULL, NULL));
		EXPECT_EQ(get_opt(b, SOL_SOCKET, SO_BINDTOIFINDEX), (int)if_nametoindex("veth"));
		EXPECT_TRUE(talk(a, b));
		close(a);
		close(b);
		close(listening);
	}
}

/* Two of its devices lead to links where the same addresses are. */
TEST_F_TIMEOUT(vrf, two_links_of_it, 120)
{
	static const char *const devices[] = { "veth", "two" };
	struct pair p[2];
	int listening;

	if (!ipv6())
		SKIP(return, "only IPv6 has such addresses");
	must_hold(shell("ip link add two type veth peer name two netns /proc/%d/fd/%d", getpid(),
			self->net.a));
	must_hold(shell("ip link set two master red up"));
	listening = listener_on("red", ANY);
	for (int i = 0; i < 2; i++) {
		p[i] = pair_by_link(self->net, listening, devices[i]);
		EXPECT_EQ(get_opt(p[i].b, SOL_SOCKET, SO_BINDTOIFINDEX), (int)if_nametoindex(devices[i]));
	}
	for (int i = 0; i < 2; i++)
		EXPECT_TRUE(talk(p[i].a, p[i].b));
}

/* A connection moves from the VRF to its device; out of it, it hears nothing. */
TEST_F_TIMEOUT(vrf, a_connection_leaves, 120)
{
	int listening = listener_on("red", ADDR_B), a, b;

	EXPECT_EQ(try_from(self->net.a, &a), 0);
	b = must(accept(listening, NULL, NULL));
	on_device(b, "veth");
	must(send(a, "hello", 5, 0));
	EXPECT_TRUE(arrived(b, 5));
	on_device(b, "");
	must(send(a, "hello", 5, 0));
	EXPECT_EQ(error_of(a), ECONNRESET);
	EXPECT_EQ(inq(b), 5);
	close(a);
	/* But for what net.yoke.l3mdev_accept grants. */
	accept_all();
	EXPECT_EQ(try_from(self->net.a, &a), 0);
	b = must(accept(listening, NULL, NULL));
	on_device(b, "");
	must(send(a, "hello", 5, 0));
	EXPECT_TRUE(arrived(b, 5));
	on_device(b, "blue");
	must(send(a, "hello", 5, 0));
	EXPECT_EQ(error_of(a), ECONNRESET);
}

/* A datagram from namespace a: its sender. */
static int datagram_from(int ns)
{
	int back = this_net(), fd;

	enter(ns);
	fd = dgram();
	must(connect_to(fd, ADDR_B, PORT));
	must(send(fd, "hello", 5, 0));
	enter(back);
	close(back);
	return fd;
}

static int dgram_on(const char *dev)
{
	int fd = on_device(dgram(), dev);

	/* UDP's ports are the same in all VRFs. */
	must(set_opt(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	must(bind_to(fd, ANY, PORT));
	return fd;
}

TEST_F_TIMEOUT(vrf, datagrams, 120)
{
	int blue = dgram_on("blue"), unbound = dgram_on(""), red, a;
	char buf[8];

	a = datagram_from(self->net.a);
	EXPECT_EQ(error_of(a), ECONNREFUSED);
	close(a);
	accept_all();
	a = datagram_from(self->net.a);
	EXPECT_TRUE(wait_events(unbound, POLLIN));
	EXPECT_EQ(recv(unbound, buf, sizeof(buf), MSG_DONTWAIT), 5);
	close(a);
	red = dgram_on("red");
	a = datagram_from(self->net.a);
	EXPECT_TRUE(wait_events(red, POLLIN));
	EXPECT_EQ(recv(red, buf, sizeof(buf), MSG_DONTWAIT), 5);
	close(red);
	close(a);
	red = dgram_on("veth");
	a = datagram_from(self->net.a);
	EXPECT_TRUE(wait_events(red, POLLIN));
	EXPECT_EQ(recv(red, buf, sizeof(buf), MSG_DONTWAIT), 5);
	EXPECT_EQ(events(unbound, POLLIN), 0);
	EXPECT_EQ(events(blue, POLLIN), 0);
}

/* A program of the whole VRF hears by which of its devices, and says so of what goes to all. */
TEST_F_TIMEOUT(vrf, device_of_a_datagram, 120)
{
	int red = dgram_on("red"), a, veth = if_nametoindex("veth");
	char control[128], buf[8];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control, .msg_controllen = sizeof(control) };
	struct in6_pktinfo info6 = { };
	struct in_pktinfo info = { };

	must(set_opt(red, ipv6() ? SOL_IPV6 : SOL_IP, ipv6() ? IPV6_RECVPKTINFO : IP_PKTINFO, 1));
	a = datagram_from(self->net.a);
	must(recvmsg(red, &msg, 0));
	control_bytes(&msg, SOL_IP, IP_PKTINFO, &info, sizeof(info));
	control_bytes(&msg, SOL_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
	EXPECT_EQ(veth, ipv6() ? (int)info6.ipi6_ifindex : info.ipi_ifindex);
	if (ipv6())
		return;
	must(set_opt(red, SOL_SOCKET, SO_BROADCAST, 1));
	must(set_opt(red, SOL_IP, IP_UNICAST_IF, htonl(veth)));
	enter(self->net.a);
	a = dgram_on("");
	must(send_to(red, "x", 1, "255.255.255.255", PORT));
	EXPECT_EQ(1, recv(a, buf, sizeof(buf), 0));
}

TEST_HARNESS_MAIN
