// SPDX-License-Identifier: GPL-2.0
/*
 * What a stream remembers of the IP headers of packets that came; it has no messages to tell it with:
 * for IP_PKTOPTIONS and IPV6_2292PKTOPTIONS, and for flow labels that go back as they came.
 *
 * Owns: mc_index, mc_ttl and rcv_tos of connections in struct inet_sock; mcast_oif, mcast_hops,
 * rcv_flowinfo and pktoptions of theirs in struct ipv6_pinfo, and its flow_label when that is reflected.
 * Socket locked, or known to nobody else yet.
 * RFC 2292 §6 (of TCP), RFC 6437 §2.
 */
#include <net/ipv6.h>
#include <net/route.h>
#include <net/transp_v6.h>
#include <net/xfrm.h>
#include "ack.h"
#include "latch.h"

#if IS_ENABLED(CONFIG_IPV6)

/* A copy of @skb for a socket that is of IPv6 and came by it. NULL: there is no memory. */
static struct sk_buff *latch_clone(struct sk_buff *skb)
{
	struct sk_buff *packet;

	/* Until it is queued a segment has IP's notes beside ours. */
	BUILD_BUG_ON(sizeof(struct inet6_skb_parm) > offsetof(struct yoke_cb, flags));
	packet = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);
	/* It lasts as long as the socket, a route and what IPsec knows only as long as its namespace. */
	if (packet) {
		skb_dst_drop(packet);
		secpath_reset(packet);
	}
	return packet;
}

static bool latch_applies(const struct sock *sk, const struct sk_buff *skb)
{
	return sk->sk_family == AF_INET6 && skb->protocol == htons(ETH_P_IPV6);
}

struct sk_buff *yoke_latch_hold(const struct sock *sk, struct sk_buff *skb)
{
	if (!latch_applies(sk, skb) || likely(!inet6_sk(sk)->rxopt.all))
		return NULL;
	return latch_clone(skb);
}

/* Whether the program asked for anything that @packet has: extension headers, a flow label. */
static bool latch_asked(const struct sock *sk, const struct sk_buff *packet)
{
	const struct ipv6_pinfo *np = inet6_sk(sk);
	const struct inet6_skb_parm *has = IP6CB(packet);

	if (has->flags & IP6SKB_HOPBYHOP && (np->rxopt.bits.hopopts || np->rxopt.bits.ohopopts))
		return true;
	if (has->srcrt && (np->rxopt.bits.srcrt || np->rxopt.bits.osrcrt))
		return true;
	if ((has->dst0 || has->dst1) && (np->rxopt.bits.dstopts || np->rxopt.bits.odstopts))
		return true;
	return np->rxopt.bits.rxflow && ip6_flowinfo(ipv6_hdr(packet));
}

/* @packet belongs to @sk from now on, or nothing does. Consumed. */
static void latch_keep(struct sock *sk, struct sk_buff *packet)
{
	if (packet && !sk_rmem_schedule(sk, packet, packet->truesize)) {
		kfree_skb(packet);
		packet = NULL;
	}
	if (packet)
		skb_set_owner_r(packet, sk);
	kfree_skb(xchg(&inet6_sk(sk)->pktoptions, packet));
}

static void latch_label(struct sock *sk, const struct sk_buff *packet)
{
	if (inet6_test_bit(REPFLOW, sk))
		inet6_sk(sk)->flow_label = ip6_flowlabel(ipv6_hdr(packet));
}

void yoke_latch_take(struct sock *sk, struct sk_buff *packet)
{
	struct ipv6_pinfo *np = inet6_sk(sk);
	struct yoke_segment s;

	yoke_ack_parse(packet, &s);
	/* Only what came in order and is heard. */
	if (s.end_seq != yoke_sk(sk)->rcv_nxt || sk->sk_state == TCP_CLOSE) {
		consume_skb(packet);
		return;
	}
	if (np->rxopt.bits.rxinfo || np->rxopt.bits.rxoinfo)
		WRITE_ONCE(np->mcast_oif, inet6_iif(packet));
	if (np->rxopt.bits.rxhlim || np->rxopt.bits.rxohlim)
		np->mcast_hops = ipv6_hdr(packet)->hop_limit;
	if (np->rxopt.bits.rxflow || np->rxopt.bits.rxtclass)
		np->rcv_flowinfo = ip6_flowinfo(ipv6_hdr(packet));
	latch_label(sk, packet);
	if (!latch_asked(sk, packet)) {
		consume_skb(packet);
		packet = NULL;
	}
	latch_keep(sk, packet);
}

struct sk_buff *yoke_latch_syn(const struct sock *sk, struct sk_buff *skb)
{
	const struct ipv6_pinfo *np;

	if (!latch_applies(sk, skb))
		return NULL;
	np = inet6_sk(sk);
	if (likely(!np->rxopt.all) ||
	    !(latch_asked(sk, skb) || np->rxopt.bits.rxinfo ||
	      np->rxopt.bits.rxoinfo || np->rxopt.bits.rxhlim || np->rxopt.bits.rxohlim))
		return NULL;
	return latch_clone(skb);
}

static void latch_begin_ipv6(struct sock *child, const struct sk_buff *skb)
{
	struct ipv6_pinfo *np = inet6_sk(child);

	if (child->sk_family != AF_INET6)
		return;
	if (skb->protocol != htons(ETH_P_IPV6)) {
		np->mcast_oif = inet_iif(skb);
		np->mcast_hops = ip_hdr(skb)->ttl;
		return;
	}
	np->mcast_oif = inet6_iif(skb);
	np->mcast_hops = ipv6_hdr(skb)->hop_limit;
	np->rcv_flowinfo = ip6_flowinfo(ipv6_hdr(skb));
	latch_label(child, skb);
}

bool yoke_latch_reflects(const struct sock *sk)
{
	return sk->sk_family == AF_INET6 && inet6_test_bit(REPFLOW, sk);
}

__be32 yoke_latch_label_back(const struct sock *sk, const struct sk_buff *skb)
{
	return latch_applies(sk, skb) && inet6_test_bit(REPFLOW, sk) ?
	       ip6_flowlabel(ipv6_hdr(skb)) : 0;
}

bool yoke_latch_reflects_resets(const struct net *net)
{
	return READ_ONCE(net->ipv6.sysctl.flowlabel_reflect) & FLOWLABEL_REFLECT_TCP_RESET;
}

#else

struct sk_buff *yoke_latch_hold(const struct sock *sk, struct sk_buff *skb)
{
	return NULL;
}

void yoke_latch_take(struct sock *sk, struct sk_buff *packet)
{
}

struct sk_buff *yoke_latch_syn(const struct sock *sk, struct sk_buff *skb)
{
	return NULL;
}

static void latch_keep(struct sock *sk, struct sk_buff *packet)
{
}

static void latch_begin_ipv6(struct sock *child, const struct sk_buff *skb)
{
}

bool yoke_latch_reflects(const struct sock *sk)
{
	return false;
}

__be32 yoke_latch_label_back(const struct sock *sk, const struct sk_buff *skb)
{
	return 0;
}

bool yoke_latch_reflects_resets(const struct net *net)
{
	return false;
}

#endif

void yoke_latch_begin(struct sock *child, const struct sk_buff *skb)
{
	struct inet_sock *inet = inet_sk(child);

	if (skb->protocol == htons(ETH_P_IP)) {
		inet->mc_index = inet_iif(skb);
		inet->mc_ttl = ip_hdr(skb)->ttl;
		inet->rcv_tos = ip_hdr(skb)->tos;
	}
	latch_begin_ipv6(child, skb);
}

void yoke_latch_begin_syn(struct sock *child, struct sk_buff **syn)
{
	struct sk_buff *packet = *syn;

	if (likely(!packet))
		return;
	*syn = NULL;
	latch_keep(child, packet);
}
