// SPDX-License-Identifier: GPL-2.0
/*
 * What IP learns of the next hop through a stream. A router says that another is nearer (RFC 792,
 * RFC 4861 §8): that is believed if the packet it quotes is one in flight (RFC 1122 §4.2.3.9, RFC 5927
 * §4.1). Text that is acknowledged says that the next hop is there (RFC 4861 §7.3.1).
 *
 *	a 10.0.0.1 -------- 10.0.0.2 (first hop)  b  10.9.0.1 (peer)
 *	                    10.0.0.3 (the nearer one)
 */
#include "wire.h"
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#define PEER "10.9.0.1"
#define PEER6 "fd00::a09:1"	/* to_ipv6(PEER) */

FIXTURE(redirect) {
	struct net net;
	struct pair p;
	int seen;		/* in b: what comes */
	unsigned char quoted[68];
};

FIXTURE_VARIANT(redirect) { const char *ip; };
FIXTURE_VARIANT_ADD(redirect, ipv4) { .ip = "4" };
FIXTURE_VARIANT_ADD(redirect, ipv6) { .ip = "6" };

static int header_len(void)
{
	return ipv6() ? 40 : 20;
}

/* The last packet of this protocol that came, to be quoted; false: there was none. */
static bool remember(FIXTURE_DATA(redirect) *self, int protocol)
{
	unsigned char packet[2048];
	bool found = false;

	while (recv(self->seen, packet, sizeof(packet), 0) > 0) {
		if (packet[ipv6() ? 6 : 9] != protocol)
			continue;
		memcpy(self->quoted, packet, sizeof(self->quoted));
		found = true;
	}
	return found;
}

FIXTURE_SETUP(redirect)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET };
	char c;
	int listening;

	must(setenv("YOKE_IP", variant->ip, 1));
	NEED_LINK(&self->net, _exit(255));
	must_hold(shell("sysctl -w net.ipv4.conf.all.accept_redirects=1 "
			"net.ipv4.conf.veth.accept_redirects=1 "
			"net.ipv6.conf.veth.accept_redirects=1"));
	must_hold(shell(ipv6() ? "ip route add " PEER6 " via fe80::b dev veth src fd00::a00:1"
			       : "ip route add " PEER " via " ADDR_B));
	enter(self->net.b);
	if (ipv6())
		must_hold(shell("ip addr add " PEER6 "/128 dev lo nodad && "
				"ip addr add fe80::b/64 dev veth nodad && "
				"ip addr add fe80::c/64 dev veth nodad"));
	else
		must_hold(shell("ip addr add " PEER "/32 dev lo && ip addr add 10.0.0.3/24 dev veth"));
	listening = listener(PEER, 0, 1);
	self->seen = must(socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	ll.sll_protocol = htons(ipv6() ? ETH_P_IPV6 : ETH_P_IP);
	ll.sll_ifindex = if_nametoindex("veth");
	must((bind)(self->seen, (struct sockaddr *)&ll, sizeof(ll)));
	enter(self->net.a);
	/* The cable may take a while to carry, and who asks for a neighbour gives up after three times. */
	must_hold(until(shell(ipv6() ? "ping -c 1 -W 1 fe80::c%%veth" : "ping -c 1 -W 1 10.0.0.3")));
	self->p.a = connected_to(PEER, local_port(listening));
	self->p.b = must(accept(listening, NULL, NULL));
	must(send(self->p.a, "x", 1, 0));
	must_hold(until(inq(self->p.b) == 1 && outq(self->p.a) == 0));
	must(recv(self->p.b, &c, 1, 0));
	must_hold(remember(self, oracle() ? IPPROTO_TCP : IPPROTO_YOKE_STREAM));
}

FIXTURE_TEARDOWN(redirect) { }

/* b says so, quoting a packet with this number. */
static void redirect(struct net *net, unsigned char *quoted, uint32_t seq)
{
	int len = header_len() + 8, fd, hops = 255;

	seq = htonl(seq);
	memcpy(quoted + header_len() + 4, &seq, 4);
	enter(net->b);
	if (ipv6()) {
		struct sockaddr_in6 from = { .sin6_family = AF_INET6,
					     .sin6_scope_id = if_nametoindex("veth") };
		struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
		struct {
			struct icmp6_hdr icmp;
			struct in6_addr target, dst;
			unsigned char type, len, reserved[6], quoted[48];
		} m = { .icmp.icmp6_type = 137, .type = 4, .len = 7 };

		must(inet_pton(AF_INET6, "fe80::b", &from.sin6_addr));
		must(inet_pton(AF_INET6, "fe80::c", &m.target));
		must(inet_pton(AF_INET6, PEER6, &m.dst));
		to.sin6_addr = to_ipv6((struct in_addr){ inet_addr(ADDR_A) });
		memcpy(m.quoted, quoted, len);
		fd = must(socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6));
		must((bind)(fd, (struct sockaddr *)&from, sizeof(from)));
		must(setsockopt(fd, SOL_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)));
		must((sendto)(fd, &m, sizeof(m), 0, (struct sockaddr *)&to, sizeof(to)));
	} else {
		struct sockaddr_in from = addr(ADDR_B, 0), to = addr(ADDR_A, 0);
		struct {
			struct icmphdr icmp;
			unsigned char quoted[28];
		} m = { .icmp = { .type = ICMP_REDIRECT, .code = ICMP_REDIR_HOST,
				  .un.gateway = inet_addr("10.0.0.3") } };

		memcpy(m.quoted, quoted, len);
		m.icmp.checksum = folded(add_up(&m, sizeof(m), 0));
		fd = must(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
		must((bind)(fd, (struct sockaddr *)&from, sizeof(from)));
		must((sendto)(fd, &m, sizeof(m), 0, (struct sockaddr *)&to, sizeof(to)));
	}
	close(fd);
	enter(net->a);
}

static bool redirected(void)
{
	return shell(ipv6() ? "ip route get " PEER6 " | grep -q 'via fe80::c'"
			    : "ip route get " PEER " | grep -q 'via 10.0.0.3'");
}

static bool talk(struct pair p)
{
	char c;

	return send(p.a, "x", 1, 0) == 1 && recv(p.b, &c, 1, 0) == 1 && send(p.b, "y", 1, 0) == 1 &&
	       recv(p.a, &c, 1, 0) == 1;
}

TEST_F(redirect, is_obeyed)
{
	uint32_t seq, next;

	memcpy(&seq, self->quoted + header_len() + 4, 4);
	seq = ntohl(seq);
	/* Of something never sent. */
	for (int i = 0; i < 3; i++)
		redirect(&self->net, self->quoted, seq + 1000000);
	EXPECT_TRUE(talk(self->p));
	EXPECT_FALSE(redirected());
	next = seq + 2;
	/*
	 * All is acknowledged, but that is where it stands. As long as the link settles TCP may have no
	 * route to be told of but behind what it has just sent.
	 */
	EXPECT_TRUE(until(({ talk(self->p); redirect(&self->net, self->quoted, ++next); redirected(); })));
	EXPECT_TRUE(talk(self->p));
	EXPECT_TRUE(carry_both_ways(self->p, 100000, BOUND));
}

TEST_F(redirect, about_a_datagram)
{
	int fd = dgram();

	must(send_to(fd, "x", 1, PEER, 9));
	ASSERT_TRUE(until(remember(self, oracle() ? IPPROTO_UDP : IPPROTO_YOKE_DGRAM)));
	EXPECT_TRUE(until(({ redirect(&self->net, self->quoted, 0); redirected(); })));
}

/* Has a asked b whether this address is there, since the last time we looked? */
static bool asked(int seen, const char *ip)
{
	struct sockaddr_ll from = { 0 };
	socklen_t len = sizeof(from);
	unsigned char packet[2048], target[16];
	bool found = false;

	must(inet_pton(ipv6() ? AF_INET6 : AF_INET, ip, target));
	while (recvfrom(seen, packet, sizeof(packet), 0, (struct sockaddr *)&from, &len) > 0) {
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		if (ipv6())
			found |= packet[6] == IPPROTO_ICMPV6 && packet[40] == ND_NEIGHBOR_SOLICIT &&
				 !memcmp(packet + 48, target, 16);
		else
			found |= packet[7] == 1 && !memcmp(packet + 24, target, 4);	/* ARP: a request */
	}
	return found;
}

TEST_F(redirect, who_passes_on_what_is_acknowledged_is_not_asked)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP) };
	const char *hop = ipv6() ? "fe80::b" : ADDR_B;

	if (!ipv6()) {
		enter(self->net.b);
		ll.sll_ifindex = if_nametoindex("veth");
		must((bind)(self->seen, (struct sockaddr *)&ll, sizeof(ll)));
		enter(self->net.a);
	}
	must_hold(shell("ip neigh change %s dev veth nud stale", hop));
	asked(self->seen, hop);
	EXPECT_TRUE(until(talk(self->p) && shell("ip neigh show %s dev veth | grep REACHABLE", hop)));
	EXPECT_FALSE(asked(self->seen, hop));
}

TEST_HARNESS_MAIN
