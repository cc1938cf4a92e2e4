// SPDX-License-Identifier: GPL-2.0
/*
 * What a stream tells of the IP headers of packets that came: IP_PKTOPTIONS, IPV6_2292PKTOPTIONS, and
 * flow labels that go back as they came (net.ipv6.flowlabel_reflect). As TCP does it.
 */
#include "peer.h"

#define LABEL 0x12345

static const unsigned char hop_by_hop[] = { 0, 0, 1, 4, 0, 0, 0, 0 };	/* PadN */

/* What the option says of this kind: how many bytes, copied to @bytes; -1: nothing. */
static int told(int fd, int level, int type, void *bytes, size_t most)
{
	union { struct cmsghdr head; char room[512]; } control = { 0 };
	socklen_t len = sizeof(control);
	struct msghdr msg = { .msg_control = &control };

	must(getsockopt(fd, level, level == SOL_IP ? IP_PKTOPTIONS : IPV6_2292PKTOPTIONS, &control, &len));
	msg.msg_controllen = len;
	return control_bytes(&msg, level, type, bytes, most);
}

/* The same of a number; -1: nothing. */
static int number(int fd, int level, int type)
{
	int value = -2;

	return told(fd, level, type, &value, sizeof(value)) == sizeof(value) ? value : -1;
}

static struct pair pair_of(int listening, int level, int ttl, int tos)
{
	struct pair p = { .a = stream() };

	must(set_opt(p.a, level, level == SOL_IP ? IP_TTL : IPV6_UNICAST_HOPS, ttl));
	must(set_opt(p.a, level, level == SOL_IP ? IP_TOS : IPV6_TCLASS, tos));
	must(connect_to(p.a, LOOPBACK, local_port(listening)));
	p.b = must(accept(listening, NULL, NULL));
	return p;
}

/* ---- IPv4 -------------------------------------------------------------------- */

FIXTURE(latch4) { };

FIXTURE_SETUP(latch4)
{
	must(setenv("YOKE_IP", "4", 1));
	new_net();
}

FIXTURE_TEARDOWN(latch4) { }

TEST_F(latch4, of_the_ack_that_opened_it)
{
	struct pair p = pair_of(listener(LOOPBACK, 0, 1), SOL_IP, 33, 0x48);
	struct in_pktinfo info = { 0 };

	EXPECT_EQ(-1, number(p.b, SOL_IP, IP_TTL));
	must(set_opt(p.b, SOL_IP, IP_RECVTTL, 1));
	must(set_opt(p.b, SOL_IP, IP_RECVTOS, 1));
	must(set_opt(p.b, SOL_IP, IP_PKTINFO, 1));
	EXPECT_EQ(33, number(p.b, SOL_IP, IP_TTL));
	EXPECT_EQ(0x48, number(p.b, SOL_IP, IP_TOS));
	EXPECT_EQ(sizeof(info), told(p.b, SOL_IP, IP_PKTINFO, &info, sizeof(info)));
	EXPECT_EQ(if_nametoindex("lo"), info.ipi_ifindex);
	EXPECT_EQ(inet_addr(LOOPBACK), info.ipi_addr.s_addr);
	/* Of that only. */
	must(set_opt(p.a, SOL_IP, IP_TTL, 44));
	must(send(p.a, "x", 1, 0));
	EXPECT_TRUE(arrived(p.b, 1));
	EXPECT_EQ(33, number(p.b, SOL_IP, IP_TTL));
}

TEST_F(latch4, of_who_connects_nothing)
{
	struct pair p = pair_of(listener(LOOPBACK, 0, 1), SOL_IP, 33, 0x48);

	must(set_opt(p.a, SOL_IP, IP_RECVTTL, 1));
	must(set_opt(p.a, SOL_IP, IP_RECVTOS, 1));
	EXPECT_EQ(1, number(p.a, SOL_IP, IP_TTL));
	EXPECT_EQ(0, number(p.a, SOL_IP, IP_TOS));
	EXPECT_ERR(ENOPROTOOPT, getsockopt(dgram(), SOL_IP, IP_PKTOPTIONS, &p, &(socklen_t){ 8 }));
}

/* ---- IPv6 -------------------------------------------------------------------- */

FIXTURE(latch6) { int listening; };

FIXTURE_SETUP(latch6)
{
	must(setenv("YOKE_IP", "6", 1));
	new_net();
	self->listening = listener(LOOPBACK, 0, 4);
}

FIXTURE_TEARDOWN(latch6) { }

TEST_F(latch6, of_the_ack_that_opened_it)
{
	struct pair p = pair_of(self->listening, SOL_IPV6, 33, 0x48);
	struct in6_pktinfo info = { 0 };

	EXPECT_EQ(-1, number(p.b, SOL_IPV6, IPV6_HOPLIMIT));
	must(set_opt(p.b, SOL_IPV6, IPV6_RECVHOPLIMIT, 1));
	must(set_opt(p.b, SOL_IPV6, IPV6_RECVTCLASS, 1));
	must(set_opt(p.b, SOL_IPV6, IPV6_RECVPKTINFO, 1));
	EXPECT_EQ(33, number(p.b, SOL_IPV6, IPV6_HOPLIMIT));
	EXPECT_EQ(0x48, number(p.b, SOL_IPV6, IPV6_TCLASS));
	EXPECT_EQ(sizeof(info), told(p.b, SOL_IPV6, IPV6_PKTINFO, &info, sizeof(info)));
	EXPECT_EQ(if_nametoindex("lo"), info.ipi6_ifindex);
	EXPECT_EQ(0, memcmp(&info.ipi6_addr, &in6addr_loopback, 16));
}

/* A socket of IPv6 whose peer is not. */
TEST_F(latch6, of_a_packet_of_ipv4)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	int listening = stream(), a, b;
	struct sockaddr_in to;

	must((bind)(listening, (struct sockaddr *)&any, sizeof(any)));
	must(listen(listening, 1));
	to = addr(LOOPBACK, local_port(listening));
	a = must(socket(oracle() ? AF_INET : AF_YOKE, SOCK_STREAM, 0));
	must(set_opt(a, SOL_IP, IP_TTL, 33));
	must((connect)(a, (struct sockaddr *)&to, sizeof(to)));
	b = must(accept(listening, NULL, NULL));
	must(set_opt(b, SOL_IPV6, IPV6_RECVHOPLIMIT, 1));
	must(set_opt(b, SOL_IPV6, IPV6_RECVTCLASS, 1));
	EXPECT_EQ(33, number(b, SOL_IPV6, IPV6_HOPLIMIT));
	EXPECT_EQ(0, number(b, SOL_IPV6, IPV6_TCLASS));
}

TEST_F(latch6, of_the_syn_if_the_listener_asks)
{
	struct pair p;

	must(set_opt(self->listening, SOL_IPV6, IPV6_RECVHOPLIMIT, 1));
	must(set_opt(self->listening, SOL_IPV6, IPV6_2292HOPLIMIT, 1));
	p = pair_of(self->listening, SOL_IPV6, 33, 0);
	EXPECT_EQ(33, number(p.b, SOL_IPV6, IPV6_HOPLIMIT));
	EXPECT_EQ(33, number(p.b, SOL_IPV6, IPV6_2292HOPLIMIT));
	/* The SYN is that, until something comes. */
	must(set_opt(p.b, SOL_IPV6, IPV6_RECVPKTINFO, 1));
	EXPECT_EQ(20, told(p.b, SOL_IPV6, IPV6_PKTINFO, &p, 0));
	close(p.a);
	EXPECT_EQ(POLLIN | POLLRDHUP, wait_events(p.b, POLLIN | POLLRDHUP));
	EXPECT_EQ(33, number(p.b, SOL_IPV6, IPV6_HOPLIMIT));
}

/* Who has asked is told of the last that came. */
TEST_F(latch6, of_the_last_packet)
{
	struct pair p = pair_of(self->listening, SOL_IPV6, 33, 0);
	int both[] = { p.a, p.b };

	for (int i = 0; i < 2; i++) {
		int to = both[i], from = both[!i];

		must(set_opt(to, SOL_IPV6, IPV6_RECVHOPLIMIT, 1));
		must(set_opt(to, SOL_IPV6, IPV6_RECVTCLASS, 1));
		for (int n = 50; n < 53; n++) {
			must(set_opt(from, SOL_IPV6, IPV6_UNICAST_HOPS, n));
			must(set_opt(from, SOL_IPV6, IPV6_TCLASS, 4 * n));
			must(send(from, "x", 1, 0));
			EXPECT_TRUE(arrived(to, n - 49));
			EXPECT_EQ(n, number(to, SOL_IPV6, IPV6_HOPLIMIT));
			EXPECT_EQ(4 * n, number(to, SOL_IPV6, IPV6_TCLASS));
		}
	}
}

/* A program may be in a call when it comes. */
TEST_F(latch6, of_what_comes_behind_a_call)
{
	struct pair p = pair_of(self->listening, SOL_IPV6, 33, 0);
	struct flow f = { .from = p.a, .to = p.b, .size = 2000000 };

	must(set_opt(p.b, SOL_IPV6, IPV6_RECVHOPLIMIT, 1));
	must(set_opt(p.b, SOL_IPV6, IPV6_RECVHOPOPTS, 1));
	must(set_opt(p.a, SOL_IPV6, IPV6_UNICAST_HOPS, 77));
	must(setsockopt(p.a, SOL_IPV6, IPV6_HOPOPTS, hop_by_hop, sizeof(hop_by_hop)));
	EXPECT_TRUE(carry(&f, 1, 3 * BOUND));
	EXPECT_EQ(77, number(p.b, SOL_IPV6, IPV6_HOPLIMIT));
}

TEST_F(latch6, extension_headers)
{
	struct pair p = pair_of(self->listening, SOL_IPV6, 33, 0);
	unsigned char got[8];

	must(set_opt(p.b, SOL_IPV6, IPV6_RECVHOPOPTS, 1));
	must(setsockopt(p.a, SOL_IPV6, IPV6_HOPOPTS, hop_by_hop, sizeof(hop_by_hop)));
	EXPECT_EQ(-1, told(p.b, SOL_IPV6, IPV6_HOPOPTS, got, 8));
	must(send(p.a, "x", 1, 0));
	EXPECT_TRUE(arrived(p.b, 1));
	EXPECT_EQ(8, told(p.b, SOL_IPV6, IPV6_HOPOPTS, got, 8));
	EXPECT_EQ(0, memcmp(got + 1, hop_by_hop + 1, 7));
	/* What has none puts an end to that. */
	must(setsockopt(p.a, SOL_IPV6, IPV6_HOPOPTS, NULL, 0));
	must(send(p.a, "x", 1, 0));
	EXPECT_TRUE(arrived(p.b, 2));
	EXPECT_EQ(-1, told(p.b, SOL_IPV6, IPV6_HOPOPTS, got, 8));
}

TEST_F(latch6, extension_headers_of_the_syn)
{
	int a = stream(), b;
	unsigned char got[8];

	must(set_opt(self->listening, SOL_IPV6, IPV6_RECVHOPOPTS, 1));
	must(setsockopt(a, SOL_IPV6, IPV6_HOPOPTS, hop_by_hop, sizeof(hop_by_hop)));
	must(connect_to(a, LOOPBACK, local_port(self->listening)));
	b = must(accept(self->listening, NULL, NULL));
	EXPECT_EQ(8, told(b, SOL_IPV6, IPV6_HOPOPTS, got, 8));
	EXPECT_ERR(ENOPROTOOPT, getsockopt(dgram(), SOL_IPV6, IPV6_2292PKTOPTIONS, got,
					   &(socklen_t){ 8 }));
}

/* ---- flow labels (RFC 6437) ---------------------------------------------------- */

/* The label of the next packet from that port with that bit of the header's flags; -1: there was none. */
static int label_from(int seen, int port, int flag)
{
	unsigned char packet[2048];

	while (recv(seen, packet, sizeof(packet), 0) >= 60)
		if (packet[0] >> 4 == 6 && (packet[40] << 8 | packet[41]) == port && packet[53] & flag)
			return ntohl(*(unsigned int *)packet) & 0xfffff;
	return -1;
}

static uint32_t label(const struct packet *p)
{
	return ntohl(((const struct ip6_hdr *)p->b)->ip6_flow) & 0xfffff;
}

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* Connects with a label that nobody had before; or fails to. */
static int connect_labelled(int port, int label)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback,
				   .sin6_port = htons(port), .sin6_flowinfo = htonl(label) };
	int fd = stream();

	lease_label(fd, label);
	return (connect)(fd, (struct sockaddr *)&to, sizeof(to)) ? -1 : fd;
}

static int label_option(int fd, int action, int flags)
{
	struct label_request request = { .dst = in6addr_loopback, .action = action, .flags = flags };

	return setsockopt(fd, SOL_IPV6, FLOWLABEL_MGR, &request, sizeof(request));
}

/* Which label, says the kernel. */
static int label_of(int fd, int flags)
{
	struct label_request request = { .flags = flags };
	socklen_t len = sizeof(request);

	return getsockopt(fd, SOL_IPV6, FLOWLABEL_MGR, &request, &len) ? -1 : (int)ntohl(request.label);
}

static void reflect(const char *what)
{
	must_hold(write_file("/proc/sys/net/ipv6/flowlabel_reflect", what));
}

TEST_F(latch6, labels_come_back)
{
	for (int on = 0; on < 2; on++) {
		int l, port, a, b, seen;

		reflect(on ? "1" : "0");
		l = listener(LOOPBACK, 0, 1);
		port = local_port(l);
		seen = tap("lo");
		a = must(connect_labelled(port, LABEL + on));
		b = must(accept(l, NULL, NULL));
		EXPECT_EQ(on, label_from(seen, port, SYN) == LABEL + on);
		must(send(b, "x", 1, 0));
		EXPECT_TRUE(arrived(a, 1));
		EXPECT_EQ(on, label_from(seen, port, PSH) == LABEL + on);
		EXPECT_EQ(LABEL + on, label_of(b, LABEL_REMOTE));
		EXPECT_EQ(on ? LABEL + on : -1, label_of(b, 0));
		/* Also when the socket has gone: in TIME-WAIT. */
		close(b);
		EXPECT_EQ(on, label_from(seen, port, FIN) == LABEL + on);
		must(recv(a, (char[9]){ 0 }, 9, 0));
		EXPECT_EQ(0, recv(a, (char[9]){ 0 }, 9, 0));
		while (label_from(seen, port, ACK) >= 0)
			;
		close(a);
		EXPECT_TRUE(until(count(TCP_TIME_WAIT, port) == 1));
		EXPECT_EQ(on, label_from(seen, port, ACK) == LABEL + on);
		close(l);
		close(seen);
	}
}

TEST_F(latch6, labels_of_resets)
{
	int port = 4711;

	for (int on = 0; on < 2; on++) {
		int seen = tap("lo");

		reflect(on ? "2" : "1");
		EXPECT_ERR(ECONNREFUSED, connect_labelled(port, LABEL + on));
		EXPECT_EQ(on, label_from(seen, port, RST) == LABEL + on);
		close(seen);
	}
}

/* An answer to a SYN that acknowledges what was never sent is refused with its own label (RFC 9293 §3.10.7.3). */
TEST_F(latch6, label_of_a_refusal)
{
	int wire = stretch_a_wire(OURS);

	for (int on = 0; on < 2; on++) {
		struct them t = { .wire = wire, .theirs = PORT, .label = LABEL + on };
		struct packet p;
		int fd;

		reflect(on ? "1" : "0");
		fd = stream();
		set_nonblock(fd, true);
		EXPECT_ERR(EINPROGRESS, connect_to(fd, THEIRS, PORT));
		t.ours = local_port(fd);
		/* Behind the last one's SYN, which a slow machine may have sent again. */
		ASSERT_TRUE(until(hear_any(wire, &p) && ntohs(tcp(&p)->source) == t.ours));
		ASSERT_EQ(true, !!tcp(&p)->syn);
		say(&t, (struct tcphdr){ .ack = 1, .ack_seq = htonl(end_of(&p) + 1) }, NULL, 0, NULL, 0);
		ASSERT_TRUE(until(hear_any(wire, &p) && tcp(&p)->rst));
		EXPECT_EQ(on, label(&p) == t.label);
		close(fd);
	}
}

TEST_F(latch6, the_option_to_reflect)
{
	int a, b, seen = tap("lo"), port = local_port(self->listening);

	EXPECT_ERR(EPERM, label_option(self->listening, LABEL_GET, LABEL_REFLECT));
	EXPECT_ERR(ESRCH, label_option(self->listening, LABEL_PUT, LABEL_REFLECT));
	must_hold(write_file("/proc/sys/net/ipv6/flowlabel_consistency", "0"));
	EXPECT_ERR(ENOPROTOOPT, label_option(dgram(), LABEL_GET, LABEL_REFLECT));
	EXPECT_OK(label_option(self->listening, LABEL_GET, LABEL_REFLECT));
	a = must(connect_labelled(port, LABEL));
	b = must(accept(self->listening, NULL, NULL));
	EXPECT_EQ(LABEL, label_from(seen, port, SYN));
	EXPECT_EQ(LABEL, label_of(b, 0));
	EXPECT_OK(label_option(b, LABEL_PUT, LABEL_REFLECT));
	EXPECT_ERR(ESRCH, label_option(b, LABEL_PUT, LABEL_REFLECT));
	EXPECT_EQ(-1, label_of(b, 0));
	must(send(b, "x", 1, 0));
	EXPECT_TRUE(arrived(a, 1));
	EXPECT_NE(LABEL, label_from(seen, port, PSH));
}

/* A label that changes is followed by who looks at headers at all. */
TEST_F(latch6, labels_that_change)
{
	struct pair p;
	int seen, port = local_port(self->listening);

	reflect("1");
	p.a = stream();
	must(set_opt(p.a, SOL_IPV6, IPV6_RECVHOPLIMIT, 1));
	must(connect_to(p.a, LOOPBACK, port));
	p.b = must(accept(self->listening, NULL, NULL));
	seen = tap("lo");
	must(send(p.b, "x", 1, 0));
	EXPECT_TRUE(arrived(p.a, 1));
	must(send(p.a, "x", 1, 0));
	EXPECT_TRUE(arrived(p.b, 1));
	EXPECT_GT(label_of(p.a, 0), 0);
	EXPECT_EQ(label_of(p.a, 0), label_from(seen, local_port(p.a), PSH));
}

/* All that a connection sends has one label, which the host makes up, from SYN to TIME-WAIT. */
TEST_F(latch6, one_for_all)
{
	int wire = stretch_a_wire(OURS), l, fd;
	struct them t = { .wire = wire, .ours = PORT, .theirs = 4000, .snd = 1000, .window = 50000 };
	struct tcphdr fin = { .fin = 1, .ack = 1 };
	struct packet first, p;

	/* Unless a timeout looks for another way. */
	must_hold(write_file("/proc/sys/net/core/txrehash", "0"));
	l = listener(ANY, PORT, 1);
	say(&t, (struct tcphdr){ .seq = htonl(t.snd++), .syn = 1 }, NULL, 0, NULL, 0);
	ASSERT_TRUE(until(hear_any(wire, &first)));
	EXPECT_LT(0, label(&first));
	learn(&t, &first);
	acknowledge(&t, NULL, 0);
	fd = must(accept(l, NULL, NULL));
	must(send(fd, "x", 1, 0));
	ASSERT_TRUE(until(hear_any(wire, &p)));
	EXPECT_EQ(label(&first), label(&p));
	learn(&t, &p);
	acknowledge(&t, NULL, 0);
	close(fd);
	ASSERT_TRUE(until(hear_any(wire, &p)));
	EXPECT_EQ(label(&first), label(&p));
	learn(&t, &p);
	fin.seq = htonl(t.snd);
	fin.ack_seq = htonl(t.rcv);
	for (int again = 0; again < 2; again++) {
		say(&t, fin, NULL, 0, NULL, 0);
		ASSERT_TRUE(until(hear_any(wire, &p)));
		EXPECT_EQ(label(&first), label(&p));
		EXPECT_EQ(1, count(TCP_TIME_WAIT, PORT));
	}
}

/* The way by which nothing comes back is left for another, which a label may lead to. */
TEST_F(latch6, another_after_a_timeout)
{
	int wire = stretch_a_wire(OURS);

	for (int on = 0; on < 2; on++) {
		struct packet first, second;
		int fd;

		must_hold(write_file("/proc/sys/net/core/txrehash", on ? "1" : "0"));
		fd = stream();
		set_nonblock(fd, true);
		EXPECT_ERR(EINPROGRESS, connect_to(fd, THEIRS, PORT));
		ASSERT_TRUE(until(hear_any(wire, &first)));
		ASSERT_TRUE(until(hear_any(wire, &second)));
		EXPECT_EQ(tcp(&first)->seq, tcp(&second)->seq);
		EXPECT_EQ(on, label(&first) != label(&second));
		close(fd);
	}
}

/* Who sends the same again and again, by other ways, has no ACK of ours: they leave theirs, too. */
TEST_F(latch6, another_for_acks)
{
	int wire = stretch_a_wire(OURS), l = listener(ANY, PORT, 1);
	struct them t = meet(wire, 4000, 1000, 50000, 0);
	struct packet p;
	uint32_t before;

	must(accept(l, NULL, NULL));
	say_data(&t, t.snd, "x", 1);
	ASSERT_TRUE(until(hear_any(wire, &p)));
	before = label(&p);
	for (t.label = 1; t.label < 4; t.label++) {
		say_data(&t, t.snd, "x", 1);
		ASSERT_TRUE(until(hear_any(wire, &p)));
	}
	EXPECT_NE(before, label(&p));
}

TEST_HARNESS_MAIN
