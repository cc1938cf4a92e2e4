// SPDX-License-Identifier: GPL-2.0
/*
 * IPsec in transport mode, as the administrator wants it between two hosts: what goes is protected,
 * what comes without is refused, and what may not go does not.
 */
#include <linux/xfrm.h>
#include "wire.h"

ON_A_LINK(ipsec)

#define ADDRESS(a) (ipv6() ? "fd00::" a : a)

/* What goes from one to the other is protected; for namespace's own side, @in or out. */
static bool policy(bool in, const char *from, const char *to)
{
	return shell("ip xfrm policy add src %s dst %s dir %s"
		     " tmpl src %s dst %s proto esp mode transport", from, to, in ? "in" : "out", from, to);
}

/* The key of one direction, known at both ends. */
static bool key(const char *from, const char *to, int spi)
{
	return shell("ip xfrm state add src %s dst %s proto esp spi %d mode transport"
		     " auth 'hmac(sha256)' 0x%064d enc 'ecb(cipher_null)' ''", from, to, spi, spi);
}

/* In this namespace, that of @own. */
static bool protect(const char *own, const char *peer)
{
	return key(ADDRESS(ADDR_A), ADDRESS(ADDR_B), 1) && key(ADDRESS(ADDR_B), ADDRESS(ADDR_A), 2) &&
	       policy(false, own, peer) && policy(true, peer, own);
}

#define NEED_IPSEC(net)								\
	enter((net).b);								\
	if (!protect(ADDRESS(ADDR_B), ADDRESS(ADDR_A)))				\
		SKIP(return, "no IPsec (iproute2? esp4, esp6?)");		\
	enter((net).a);								\
	must_hold(protect(ADDRESS(ADDR_A), ADDRESS(ADDR_B)))

/* How many packets of that protocol it heard, of all that are there by now, which are gone then. */
static void heard(int fd, int *esp, int *ours)
{
	unsigned char p[65536];

	*esp = *ours = 0;
	while (recv(fd, p, sizeof(p), 0) >= 0) {
		int proto = p[0] >> 4 == 4 ? p[9] : p[0] >> 4 == 6 ? p[6] : -1;

		*esp += proto == IPPROTO_ESP;
		*ours += proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
			 proto == IPPROTO_YOKE_STREAM || proto == IPPROTO_YOKE_DGRAM;
	}
}

static long refused(void)
{
	char line[128];
	FILE *f = fopen("/proc/thread-self/net/xfrm_stat", "r");
	long n = -1;

	while (f && n < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "XfrmInTmplMismatch %ld", &n);
	if (f)
		fclose(f);
	return n;
}

TEST_F_TIMEOUT(ipsec, streams_are_protected, 90)	/* modules are loaded, too */
{
	int seen, esp, ours;
	struct pair p;

	NEED_IPSEC(self->net);
	seen = tap("veth");
	p = link_pair(self->net);
	EXPECT_TRUE(carry_both_ways(p, 100000, 2 * BOUND));
	/* What it adds to segments is the socket's no longer than they are, ACKs among them. */
	EXPECT_TRUE(until(!meminfo(p.a, SK_MEMINFO_WMEM_ALLOC) && !meminfo(p.b, SK_MEMINFO_WMEM_ALLOC)));
	close(p.a);
	close(p.b);
	heard(seen, &esp, &ours);
	EXPECT_LT(50, esp);
	EXPECT_EQ(0, ours);
}

TEST_F(ipsec, datagrams_are_protected)
{
	int seen, esp, ours, a, b;
	char c;

	NEED_IPSEC(self->net);
	seen = tap("veth");
	enter(self->net.b);
	b = bound(SOCK_DGRAM, ADDR_B, 0);
	enter(self->net.a);
	a = dgram();
	must(connect_to(a, ADDR_B, local_port(b)));
	EXPECT_EQ(1, send(a, "x", 1, 0));
	EXPECT_EQ(1, recv(b, &c, 1, 0));
	heard(seen, &esp, &ours);
	EXPECT_LT(0, esp);
	EXPECT_EQ(0, ours);
}

/* Leaves for b, which wants all in ESP, where a sends in the clear. False: there is no IPsec. */
static bool only_b_protects(struct net net)
{
	struct pair p = link_pair(net);		/* so the two know where they live */

	close(p.a);
	close(p.b);
	enter(net.b);
	return protect(ADDRESS(ADDR_B), ADDRESS(ADDR_A));
}

TEST_F(ipsec, in_the_clear_is_refused)
{
	int l, fd, d;
	long before;

	if (!only_b_protects(self->net))
		SKIP(return, "no IPsec (iproute2? esp4, esp6?)");
	l = listener(ADDR_B, 0, 1);
	d = bound(SOCK_DGRAM, ADDR_B, 0);
	before = refused();
	enter(self->net.a);
	fd = stream();
	set_nonblock(fd, true);
	EXPECT_ERR(EINPROGRESS, connect_to(fd, ADDR_B, local_port(l)));
	enter(self->net.b);
	EXPECT_TRUE(until(refused() > before));
	set_nonblock(l, true);
	EXPECT_ERR(EAGAIN, accept(l, NULL, NULL));
	before = refused();
	enter(self->net.a);
	must(connect_to(fd = dgram(), ADDR_B, local_port(d)));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	enter(self->net.b);
	EXPECT_TRUE(until(refused() > before));
	EXPECT_ERR(EAGAIN, recv(d, (char[1]){ 0 }, 1, MSG_DONTWAIT));
}

/* As a key exchange has it: what the program sets for a listener holds for whom it accepts. */
TEST_F(ipsec, exempt_by_the_program)
{
	struct xfrm_userpolicy_info exempt = {
		.sel.family = ipv6() ? AF_INET6 : AF_INET, .action = XFRM_POLICY_ALLOW,
	};
	int l, fd;
	char c;

	if (!only_b_protects(self->net))
		SKIP(return, "no IPsec (iproute2? esp4, esp6?)");
	l = listener(ADDR_B, 0, 1);
	for (exempt.dir = XFRM_POLICY_IN; exempt.dir <= XFRM_POLICY_OUT; exempt.dir++)
		must(setsockopt(l, ipv6() ? SOL_IPV6 : SOL_IP, ipv6() ? IPV6_XFRM_POLICY : IP_XFRM_POLICY,
				&exempt, sizeof(exempt)));
	enter(self->net.a);
	must(connect_to(fd = stream(), ADDR_B, local_port(l)));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	enter(self->net.b);
	EXPECT_EQ(1, recv(must(accept(l, NULL, NULL)), &c, 1, 0));
}

TEST_F(ipsec, what_may_not_go)
{
	int d = dgram();

	if (!shell("ip xfrm policy add src %s dst %s dir out action block", ADDRESS(ADDR_A), ADDRESS(ADDR_B)))
		SKIP(return, "no IPsec (iproute2?)");
	EXPECT_ERR(EPERM, connect_to(stream(), ADDR_B, 1));
	EXPECT_ERR(EPERM, connect_to(d, ADDR_B, 1));
}

TEST_HARNESS_MAIN
