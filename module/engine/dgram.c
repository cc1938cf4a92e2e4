// SPDX-License-Identifier: GPL-2.0
/*
 * A datagram arrives: the table of datagram sockets, the way to the one (or the many) it is for,
 * and ICMP's word of one that did not.
 *
 * Owns: pair, rhlist and hashed of struct yoke_dgram. A socket is found under RCU by its pair, the
 * remote half zero if it is not connected; SOCK_RCU_FREE keeps it there, and its queue has its own
 * lock. Softirq under RCU; yoke_dgram_enter() and _leave() in process context, socket lock held.
 * RFC 768, RFC 1122 §4.1.
 */
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/udp.h>
#include "../table/trace.h"
#include "dgram.h"

/* --- the table --- */

static const struct rhashtable_params dgram_params = {
	.head_offset	= offsetof(struct yoke_dgram, rhlist),
	.key_offset	= offsetof(struct yoke_dgram, pair),
	.key_len	= sizeof(struct yoke_pair),
	.automatic_shrinking = true,
};

int yoke_dgram_init_net(struct yoke_net *yn)
{
	return rhltable_init(&yn->dgrams, &dgram_params);
}

void yoke_dgram_exit_net(struct yoke_net *yn)
{
	rhltable_destroy(&yn->dgrams);
}

void yoke_dgram_leave(struct sock *sk)
{
	struct yoke_dgram *dg = yoke_dg(sk);

	if (dg->hashed)
		rhltable_remove(&yoke_net(sock_net(sk))->dgrams, &dg->rhlist, dgram_params);
	dg->hashed = false;
}

int yoke_dgram_enter(struct sock *sk)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_dgram *dg = yoke_dg(sk);
	int err;

	yoke_dgram_leave(sk);
	memset(&dg->pair, 0, sizeof(dg->pair));
	ipv6_addr_set_v4mapped(dg->inet.inet_rcv_saddr, &dg->pair.laddr);
	dg->pair.lport = htons(dg->inet.inet_num);
	if (sk->sk_state == TCP_ESTABLISHED) {
		ipv6_addr_set_v4mapped(dg->inet.inet_daddr, &dg->pair.raddr);
		dg->pair.rport = dg->inet.inet_dport;
	}
	err = rhltable_insert(&yn->dgrams, &dg->rhlist, dgram_params);
	dg->hashed = !err;
	return err ? -ENOMEM : 0;
}

/* A list may lead into another while a socket changes its place: each entry is looked at. */
static bool takes(const struct yoke_dgram *dg, const struct yoke_pair *key, int iif)
{
	int dev = READ_ONCE(dg->inet.sk.sk_bound_dev_if);

	return !memcmp(&dg->pair, key, sizeof(*key)) && (!dev || dev == iif);
}

/* Of the sockets of that very pair the one bound to the device, else the one that came last. */
static struct sock *find_exact(struct yoke_net *yn, const struct yoke_pair *key, int iif)
{
	struct rhlist_head *list, *pos;
	struct yoke_dgram *dg, *found = NULL;

	list = rhltable_lookup(&yn->dgrams, key, dgram_params);
	rhl_for_each_entry_rcu(dg, pos, list, rhlist) {
		if (!takes(dg, key, iif))
			continue;
		if (READ_ONCE(dg->inet.sk.sk_bound_dev_if))
			return &dg->inet.sk;
		if (!found)
			found = dg;
	}
	return found ? &found->inet.sk : NULL;
}

/* The keys a datagram may be found by, the most specific first. */
#define KEYS	3

static void fill_keys(struct yoke_pair *keys, const struct yoke_pair *pair)
{
	keys[0] = *pair;
	keys[1] = (struct yoke_pair) { .laddr = pair->laddr, .lport = pair->lport };
	keys[2] = (struct yoke_pair) { .lport = pair->lport };
	ipv6_addr_set_v4mapped(htonl(INADDR_ANY), &keys[2].laddr);
}

static struct sock *find(struct yoke_net *yn, const struct yoke_rx *rx)
{
	struct yoke_pair keys[KEYS];
	struct sock *sk = NULL;
	int i;

	fill_keys(keys, &rx->pair);
	for (i = 0; i < KEYS && !sk; i++)
		sk = find_exact(yn, &keys[i], rx->iif);
	return sk;
}

/* --- receiving --- */

/* What IP_PKTINFO will tell lies where IP's own notes were. */
static void note_packet_info(const struct sock *sk, struct sk_buff *skb, const struct yoke_rx *rx)
{
	struct in_pktinfo *info = PKTINFO_SKB_CB(skb);
	const struct rtable *rt = skb_rtable(skb);

	if (!(inet_cmsg_flags(inet_sk(sk)) & IP_CMSG_PKTINFO))
		return;
	if (rt && rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST))
		info->ipi_spec_dst.s_addr = inet_select_addr(skb->dev, ip_hdr(skb)->saddr,
							     RT_SCOPE_UNIVERSE);
	else
		info->ipi_spec_dst.s_addr = ip_hdr(skb)->daddr;
	info->ipi_ifindex = rx->iif;
}

static void deliver(struct net *net, struct sock *sk, struct sk_buff *skb, const struct yoke_rx *rx)
{
	/* A program's filter sees the header, as with UDP, and cannot cut it off. */
	if (sk_filter_trim_cap(sk, skb, sizeof(struct udphdr))) {
		atomic_inc(&sk->sk_drops);
		yoke_count(net, DgramInErrors);
		yoke_drop(net, sk, skb, Filtered);
		return;
	}
	note_packet_info(sk, skb, rx);
	skb_dst_drop(skb);
	__skb_pull(skb, sizeof(struct udphdr));
	if (__sock_queue_rcv_skb(sk, skb)) {
		yoke_count(net, DgramInErrors);
		yoke_drop(net, sk, skb, DgramRcvbufErrors);
		return;
	}
	yoke_count(net, DgramInDatagrams);
}

/*
 * Does @sk want what comes to the group of @iph: as its membership says, or by
 * IP_MULTICAST_ALL if it has none?
 */
static bool hears_group(struct sock *sk, const struct iphdr *iph, int iif)
{
	struct ip_mc_socklist *group;
	struct ip_sf_socklist *sources;
	bool exclude;
	int i;

	if (!ipv4_is_multicast(iph->daddr))
		return true;
	for (group = rcu_dereference(inet_sk(sk)->mc_list); group;
	     group = rcu_dereference(group->next_rcu))
		if (group->multi.imr_multiaddr.s_addr == iph->daddr &&
		    group->multi.imr_ifindex == iif)
			break;
	if (!group)
		return inet_test_bit(MC_ALL, sk);
	exclude = group->sfmode == MCAST_EXCLUDE;
	sources = rcu_dereference(group->sflist);
	for (i = 0; sources && i < sources->sl_count; i++)
		if (sources->sl_addr[i] == iph->saddr)
			return !exclude;
	return exclude;
}

/* To every socket that takes it; consumes @skb. */
static void deliver_to_all(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx)
{
	struct yoke_net *yn = yoke_net(net);
	struct yoke_pair keys[KEYS];
	struct rhlist_head *list, *pos;
	struct yoke_dgram *dg;
	struct sk_buff *copy;
	int i;

	fill_keys(keys, &rx->pair);
	for (i = 0; i < KEYS; i++) {
		list = rhltable_lookup(&yn->dgrams, &keys[i], dgram_params);
		rhl_for_each_entry_rcu(dg, pos, list, rhlist) {
			if (!takes(dg, &keys[i], rx->iif) ||
			    !hears_group(&dg->inet.sk, ip_hdr(skb), rx->iif))
				continue;
			copy = skb_clone(skb, GFP_ATOMIC);
			if (copy)
				deliver(net, &dg->inet.sk, copy, rx);
		}
	}
	consume_skb(skb);
}

/* Drops what is no datagram. */
static bool check_datagram(struct net *net, struct sk_buff *skb)
{
	unsigned int len = ntohs(udp_hdr(skb)->len);

	if (len < sizeof(struct udphdr) || len > skb->len || pskb_trim_rcsum(skb, len)) {
		yoke_drop(net, NULL, skb, DgramInErrors);
		return false;
	}
	/* A checksum of zero says that there is none. */
	if (!skb_checksum_validate_zero_check(skb, ip_hdr(skb)->protocol, udp_hdr(skb)->check,
					      inet_compute_pseudo))
		return true;
	yoke_count(net, DgramInErrors);
	yoke_drop(net, NULL, skb, DgramInCsumErrors);
	return false;
}

void yoke_dgram_rcv(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx)
{
	struct sock *sk;

	if (!check_datagram(net, skb))
		return;
	if (skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		deliver_to_all(net, skb, rx);
		return;
	}
	sk = find(yoke_net(net), rx);
	if (sk) {
		deliver(net, sk, skb, rx);
		return;
	}
	icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
	yoke_drop(net, NULL, skb, DgramNoPorts);
}

/* --- errors --- */

/* Puts what ICMP said of a datagram, from @payload on, on the error queue (IP_RECVERR). */
static void queue_icmp_error(struct sock *sk, struct sk_buff *skb, int err, __be16 port, u32 info,
			     const u8 *payload)
{
	struct sock_exterr_skb *serr;
	const struct iphdr *quoted;

	skb = skb_clone(skb, GFP_ATOMIC);
	if (!skb)
		return;
	quoted = (const struct iphdr *)(icmp_hdr(skb) + 1);
	serr = SKB_EXT_ERR(skb);
	memset(serr, 0, sizeof(*serr));
	serr->ee.ee_errno = err;
	serr->ee.ee_origin = SO_EE_ORIGIN_ICMP;
	serr->ee.ee_type = icmp_hdr(skb)->type;
	serr->ee.ee_code = icmp_hdr(skb)->code;
	serr->ee.ee_info = info;
	serr->addr_offset = (u8 *)&quoted->daddr - skb_network_header(skb);
	serr->port = port;
	if (skb_pull(skb, payload - skb->data)) {
		skb_reset_transport_header(skb);
		if (!sock_queue_err_skb(sk, skb))
			return;
	}
	kfree_skb(skb);
}

void yoke_dgram_error(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx, int type,
		      int code, int err, bool hard, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const u8 *payload = skb->data + iph->ihl * 4 + sizeof(struct udphdr);
	struct sock *sk = find(yoke_net(net), rx);

	if (!sk)
		return;
	if (type == ICMP_REDIRECT) {
		ipv4_redirect(skb, net, sk->sk_bound_dev_if, sk->sk_protocol);
		return;
	}
	if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED) {
		ipv4_update_pmtu(skb, net, info, sk->sk_bound_dev_if, sk->sk_protocol);
		if (READ_ONCE(inet_sk(sk)->pmtudisc) == IP_PMTUDISC_DONT)
			return;
		hard = true;
	}
	/* Who sends to many hears of errors only if it asked to (RFC 1122 §4.1.3.3). */
	if (inet_test_bit(RECVERR, sk))
		queue_icmp_error(sk, skb, err, rx->pair.rport, info, payload);
	else if (!hard || sk->sk_state != TCP_ESTABLISHED)
		return;
	WRITE_ONCE(sk->sk_err, err);
	sk_error_report(sk);
}
