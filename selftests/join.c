// SPDX-License-Identifier: GPL-2.0
/*
 * Segments that a device joins on their way in (GRO): fewer buffers arrive than segments, and nothing
 * else is different.
 */
#include "peer.h"
#include <netinet/udp.h>

#define SIZE (1 << 21)

/* How many packets IP has received in our namespace. */
static long packets(void)
{
	char line[1024], *at = NULL;
	FILE *f = fopen(ipv6() ? "/proc/thread-self/net/snmp6" : "/proc/thread-self/net/snmp", "r");
	long n = -1;

	while (f && n < 0 && fgets(line, sizeof(line), f)) {
		if (ipv6())
			sscanf(line, "Ip6InReceives %ld", &n);
		else if (!at)
			at = strstr(line, "InReceives");	/* the names, then the figures */
		else
			sscanf(line, "Ip: %*d %*d %ld", &n);
	}
	if (f)
		fclose(f);
	return n;
}

ON_A_LINK(join)

/* From a, where segments leave one by one, to b, whose device joins them. */
static bool joins(struct net net)
{
	bool ok;

	enter(net.b);
	ok = shell("ethtool -K veth gro on");
	enter(net.a);
	/* veth looks at what could have come as one anyway only if that cannot be. */
	return ok && shell("ethtool -K veth tso off");
}

#define NEED_GRO(net)							\
	if (!joins(net))						\
		SKIP(return, "veth has no GRO (ethtool?)")

static bool carry_one_way(struct pair p, size_t size)
{
	struct flow flow = { .from = p.a, .to = p.b, .size = size };

	return carry(&flow, 1, 2 * BOUND);
}

TEST_F(join, fewer_arrive)
{
	struct pair p;
	long before;

	NEED_GRO(self->net);
	p = link_pair(self->net);
	enter(self->net.b);
	before = packets();
	EXPECT_TRUE(carry_one_way(p, SIZE));
	EXPECT_GT(SIZE / 1500, packets() - before);
}

/* Each by itself, if the device is not to join them: so the one before has measured what it says. */
TEST_F(join, as_many_arrive)
{
	struct pair p;
	long before;

	NEED_GRO(self->net);
	enter(self->net.b);
	must_hold(shell("ethtool -K veth gro off"));
	enter(self->net.a);
	p = link_pair(self->net);
	enter(self->net.b);
	before = packets();
	EXPECT_TRUE(carry_one_way(p, SIZE));
	EXPECT_LT(SIZE / 1500, packets() - before);
}

TEST_F(join, across_a_bad_one)
{
	struct pair p;

	NEED_GRO(self->net);
	p = link_pair(self->net);
	NEED_NETEM(self->net.a, "delay 2ms loss 2% duplicate 2% reorder 75%");
	EXPECT_TRUE(carry_both_ways(p, 100000, 3 * BOUND));
}

/* What is joined sticks out of the window: it is cut. */
TEST_F(join, into_a_small_buffer)
{
	struct pair p;

	NEED_GRO(self->net);
	p = link_pair(self->net);
	NEED_NETEM(self->net.a, "delay 2ms loss 1%");
	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 6000));
	EXPECT_TRUE(carry_one_way(p, 50000));
}

/* Looked at first, in pieces that do not end where a segment does. */
TEST_F(join, read_in_pieces)
{
	struct pair p;
	char out[60000], in[777], again[777];
	size_t got = 0;
	ssize_t n;

	NEED_GRO(self->net);
	p = link_pair(self->net);
	fill(out, sizeof(out), 1, 0);
	ASSERT_EQ((ssize_t)sizeof(out), send(p.a, out, sizeof(out), 0));
	while (got < sizeof(out)) {
		n = recv(p.b, in, sizeof(in), MSG_PEEK);
		ASSERT_LT(0, n);
		ASSERT_EQ(n, recv(p.b, again, n, 0));
		ASSERT_EQ(0, memcmp(in, again, n));
		ASSERT_EQ(0, memcmp(in, out + got, n));
		got += n;
	}
}

TEST_F(join, spliced)
{
	char out[50000], in[50000];
	struct pair p;
	int ends[2];
	size_t got = 0;
	ssize_t n;

	NEED_GRO(self->net);
	p = link_pair(self->net);
	must(pipe(ends));
	fill(out, sizeof(out), 2, 0);
	ASSERT_EQ((ssize_t)sizeof(out), send(p.a, out, sizeof(out), 0));
	while (got < sizeof(out)) {
		n = splice(p.b, NULL, ends[1], NULL, 5000, 0);
		ASSERT_LT(0, n);
		ASSERT_EQ(n, read(ends[0], in + got, n));
		got += n;
	}
	EXPECT_EQ(0, memcmp(in, out, sizeof(out)));
}

/* Behind b, which passes on what comes, lies @c, by a device that wants segments: who listens there. */
static int listener_behind(struct net net, int *c)
{
	int listening;

	new_net();
	*c = must(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
	must_hold(shell("ip link add last type veth peer name last netns /proc/%d/fd/%d", getpid(),
			net.b));
	bring_up("last", "10.1.0.2");
	must_hold(shell("ip route add default via 10.1.0.1"));
	listening = listener("10.1.0.2", 0, 1);
	enter(net.b);
	bring_up("last", "10.1.0.1");
	enter(*c);
	must_hold(until(carries("last")));
	enter(net.b);
	must_hold(shell("sysctl -qw net.ipv4.ip_forward=1 && ethtool -K last tso off"));
	return listening;
}

static struct pair pair_with(int listening, int a)
{
	struct pair p;

	enter(a);
	p.a = connected_to("10.1.0.2", local_port(listening));
	p.b = must(accept(listening, NULL, NULL));
	return p;
}

/* b passes on to c what its device has joined, through one that wants it in segments again. */
TEST_F(join, forwarded)
{
	long joined, cut;
	int c, listening;

	IPV4_ONLY("one router is enough");
	NEED_GRO(self->net);
	must_hold(shell("ip route add default via " ADDR_B));
	listening = listener_behind(self->net, &c);
	joined = packets();

	EXPECT_TRUE(carry_one_way(pair_with(listening, self->net.a), SIZE));
	enter(self->net.b);
	joined = packets() - joined;
	enter(c);
	cut = packets();
	/* The ACKs, too, are counted, one for every two segments, and are not joined. */
	EXPECT_GT(SIZE / 1500 * 5 / 4, joined);
	EXPECT_LT(SIZE / 1500, cut);
}

/* A VLAN between a and b, whose tag is in the packets. */
static bool tagged(struct net net)
{
	const char *add = "ip link add link veth name tag type vlan id 7";

	enter(net.b);
	if (!shell("%s", add))
		return false;
	bring_up("tag", "10.2.0.2");
	enter(net.a);
	if (!shell("ethtool -K veth txvlan off && %s", add))
		return false;
	bring_up("tag", "10.2.0.1");
	return true;
}

/* The same, where a tag is in front of the IP header: what is cut again has the checksum that it had. */
TEST_F(join, forwarded_out_of_a_vlan)
{
	int c, listening;

	IPV4_ONLY("one router is enough");
	NEED_GRO(self->net);
	if (!tagged(self->net))
		SKIP(return, "no VLAN (8021q module?)");
	must_hold(shell("ip route add default via 10.2.0.2"));
	listening = listener_behind(self->net, &c);
	must_hold(shell("ethtool -K last tx off"));		/* or nobody would look at it */
	EXPECT_TRUE(carry_one_way(pair_with(listening, self->net.a), SIZE));
	enter(c);
	EXPECT_EQ(0, counter("InCsumErrors"));
}

/* How many of ours passed, and how many of them without a checksum, which a device was to sum up. */
static int passed(int tap, int *unsummed)
{
	char buf[2000], control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	const uint8_t *number = (uint8_t *)buf + (ipv6() ? 6 : 9);
	struct iovec iov = { buf, sizeof(buf) };
	struct tpacket_auxdata aux;
	int n = 0;

	*unsummed = 0;
	for (;;) {
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				      .msg_controllen = sizeof(control) };

		if (recvmsg(tap, &msg, MSG_DONTWAIT) < 0)
			return n;
		if (*number != protocol(true) && *number != protocol(false))
			continue;
		memcpy(&aux, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(aux));
		*unsummed += aux.tp_status & TP_STATUS_CSUMNOTREADY;
		n++;
	}
}

/*
 * A device that could sum any bytes may hand on to one that only knows TCP and UDP, which takes ours for
 * those: they leave summed, one by one or cut from a large buffer.
 */
TEST_F(join, what_leaves_is_summed)
{
	int ear, fd, unsummed;
	struct pair p;

	if (oracle())
		SKIP(return, "every device knows TCP and UDP");
	enter(self->net.a);
	if (!shell("ethtool -K veth tx on tso off gso off tx-udp-segmentation off"))
		SKIP(return, "no ethtool?");
	enter(self->net.b);
	ear = tap("veth");
	must(set_opt(ear, SOL_PACKET, PACKET_AUXDATA, 1));
	must(set_opt(ear, SOL_SOCKET, SO_RCVBUF, 1 << 20));
	p = link_pair(self->net);
	EXPECT_TRUE(carry_one_way(p, 1 << 17));
	EXPECT_TRUE(carry_one_way((struct pair) { p.b, p.a }, 3));
	EXPECT_LT(80, passed(ear, &unsummed));
	EXPECT_EQ(0, unsummed);
	enter(self->net.a);
	fd = dgram();
	must(send_to(fd, "hello", 5, ADDR_B, 4000));
	if (set_opt(fd, SOL_UDP, UDP_SEGMENT, 2) == 0)
		must(send_to(fd, "hello", 5, ADDR_B, 4000));
	EXPECT_LT(0, passed(ear, &unsummed));
	EXPECT_EQ(0, unsummed);
}

/* ---- segments made by hand ------------------------------------------------------ */

#define LEN 100				/* of each, bytes */

FIXTURE(held) {
	int fd;
	struct them peer;
};

/* GRO holds what comes by the wire for a while, whoever polls meanwhile. */
static bool hold(void)
{
	return shell("unshare --mount sh -c 'mount -t sysfs sysfs /sys &&"
		     " echo 10000000000 >/sys/class/net/wire/gro_flush_timeout'");
}

FIXTURE_SETUP(held)
{
	int wire, listening;

	new_net();
	wire = stretch_a_wire(OURS);
	must_hold(hold());
	listening = listener(ANY, PORT, 1);
	self->peer = meet(wire, 5000, 1460, 60000, 0);
	self->fd = must(accept(listening, NULL, NULL));
}

FIXTURE_TEARDOWN(held)
{
}

/* How many packets three segments become, the second of which is special. */
static long three(struct them *t, struct tcphdr special, const char *data)
{
	struct tcphdr h = { .ack = 1, .ack_seq = htonl(t->rcv) };
	long before = packets();
	int i;

	special.ack = 1;
	special.ack_seq = h.ack_seq;
	for (i = 0; i < 3; i++) {
		struct tcphdr this = i == 1 ? special : h;

		this.psh = i == 2;	/* waits no longer */
		this.seq = htonl(t->snd + i * LEN);
		say(t, this, NULL, 0, data + i * LEN, LEN);
	}
	t->snd += 3 * LEN;
	must_hold(until((hear(t), t->una == t->snd)));
	return packets() - before;
}

TEST_F(held, and_joined)
{
	char out[3 * LEN], in[sizeof(out)];
	long n = 0;

	fill(out, sizeof(out), 1, 0);
	/*
	 * Now and then a message of IPv6's own is counted, too; and what GRO holds it does not hold into the
	 * next jiffy, if something comes.
	 */
	for (int i = 0; n != 1 && i < 100; i++) {
		n = three(&self->peer, (struct tcphdr){ 0 }, out);
		EXPECT_EQ((ssize_t)sizeof(in), recv(self->fd, in, sizeof(in), 0));
		EXPECT_EQ(0, memcmp(out, in, sizeof(in)));
	}
	EXPECT_EQ(1, n);
}

/* What is urgent is not joined with what is not, on either side: the mark stays where it was. */
TEST_F(held, but_not_what_is_urgent)
{
	char out[3 * LEN], in[sizeof(out)], mark;

	fill(out, sizeof(out), 2, 0);
	EXPECT_LE(3, three(&self->peer, (struct tcphdr){ .urg = 1, .urg_ptr = htons(1) }, out));
	EXPECT_EQ(POLLPRI, wait_events(self->fd, POLLPRI));
	EXPECT_EQ(1, recv(self->fd, &mark, 1, MSG_OOB));
	EXPECT_EQ(out[LEN], mark);
	EXPECT_EQ(LEN, recv(self->fd, in, sizeof(in), 0));
	EXPECT_EQ(2 * LEN - 1, recv(self->fd, in + LEN + 1, sizeof(in) - LEN - 1, 0));
	in[LEN] = mark;
	EXPECT_EQ(0, memcmp(out, in, sizeof(in)));
}

/* Nor what says something of its own, of ECN for one: ECE and CWR, as <netinet/tcp.h> has them. */
TEST_F(held, but_not_flags)
{
	char out[3 * LEN], in[sizeof(out)];

	fill(out, sizeof(out), 3, 0);
	EXPECT_LT(1, three(&self->peer, (struct tcphdr){ .res2 = 1 }, out));
	EXPECT_LT(1, three(&self->peer, (struct tcphdr){ .res2 = 2 }, out));
	EXPECT_LT(1, three(&self->peer, (struct tcphdr){ .res1 = 1 }, out));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ((ssize_t)sizeof(in), recv(self->fd, in, sizeof(in), MSG_WAITALL));
		EXPECT_EQ(0, memcmp(out, in, sizeof(in)));
	}
}

/* One of @len bytes, for the port after the stream's. */
static void say_datagram(struct them *t, const char *data, size_t len)
{
	struct udphdr h = { .source = htons(t->theirs), .dest = htons(PORT + 1) };
	struct packet p;

	h.len = htons(sizeof(h) + len);
	begin(&p, ipv6() ? 6 : 4, protocol(false));
	append(&p, &h, sizeof(h));
	append(&p, data, len);
	sum_up(&p, protocol(false), offsetof(struct udphdr, check));
	finish_ip(&p);
	must(write(t->wire, p.b, p.len));
}

/*
 * One more, with which comes what has been held for longer than a tick: how many of the small ones do. Some
 * may have come together, when trains were still wanted.
 */
static int small_ones(struct them *t, int fd)
{
	char in[512];
	ssize_t len;
	int n = 0;

	say_datagram(t, "one more", 8);
	while ((len = recv(fd, in, sizeof(in), MSG_DONTWAIT)) > 0)
		n += len / 10;
	return n;
}

/*
 * So small that several fit behind each other into what the device got for one, they are joined for a
 * socket that wants a train, which by the time it arrives does not any more.
 */
TEST_F(held, and_cut_again)
{
	int fd = bound(SOCK_DGRAM, ANY, PORT + 1), i, n = 0;

	must(set_opt(fd, SOL_UDP, UDP_GRO, 1));
	for (i = 0; i < 40; i++)
		say_datagram(&self->peer, "0123456789", 10);
	must(set_opt(fd, SOL_UDP, UDP_GRO, 0));
	EXPECT_TRUE(until((n += small_ones(&self->peer, fd)) >= 40));
	EXPECT_EQ(40, n);
}

#define SHORT 10

/* A segment that only passes through here, in a tunnel. */
static void say_in_a_tunnel(int wire, int i, bool last)
{
	struct tcphdr h = { .source = htons(5000), .dest = htons(PORT), .seq = htonl(1000 + i * SHORT),
			    .ack = 1, .psh = last, .doff = sizeof(h) / 4 };
	struct packet p, outer;

	begin(&p, 4, protocol(true));
	((struct iphdr *)p.b)->frag_off = htons(IP_DF);
	append(&p, &h, sizeof(h));
	append(&p, "0123456789", SHORT);
	sum_up(&p, protocol(true), offsetof(struct tcphdr, check));
	finish_ip(&p);
	begin(&outer, 4, IPPROTO_IPIP);
	((struct iphdr *)outer.b)->frag_off = htons(IP_DF);
	((struct iphdr *)outer.b)->daddr = inet_addr("10.1.0.2");
	append(&outer, p.b, p.len);
	finish_ip(&outer);
	must(write(wire, outer.b, outer.len));
}

/* A tunnel goes through here: what was joined in it is measured, and leaves in segments again. */
TEST_F(held, and_passed_on_in_a_tunnel)
{
	int out = open_tun("out", 0), i, n;
	struct packet p;
	long before;

	IPV4_ONLY("one router is enough");
	bring_up("out", "10.1.0.1");
	must_hold(sysctl_ip("ip_forward", "1"));
	do {
		before = packets();
		for (i = 0; i < 3; i++)
			say_in_a_tunnel(self->peer.wire, i, i == 2);
		for (n = 0; n < 3 && until(take(out, &p)); )
			n += p.version == 4 && p.b[9] == IPPROTO_IPIP && p.len == 2 * p.ip + 20 + SHORT;
		ASSERT_EQ(3, n);
	} while (packets() - before != 1);	/* GRO does not hold it into the next jiffy */
}

TEST_HARNESS_MAIN
