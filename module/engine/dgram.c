// SPDX-License-Identifier: GPL-2.0
/*
 * A datagram arrives: the table of datagram sockets, and the way to the one (or the many) it is for.
 *
 * Owns: pair, rhlist and hashed of struct yoke_dgram. A socket is found under RCU by its pair, the
 * remote half zero if it is not connected; SOCK_RCU_FREE keeps it there. Its queue's lock holds for
 * its memory too, which no other lock could: a datagram is freed anywhere. Softirq under RCU;
 * yoke_dgram_enter() and _leave() in process context, socket lock held.
 * RFC 768, RFC 1122 §4.1.
 */
#include <linux/filter.h>
#include <linux/inetdevice.h>
#include <net/busy_poll.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/udp.h>
#include "../table/trace.h"
#include "addr.h"
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
	dg->pair.laddr = yoke_addr_local(sk);
	dg->pair.lport = htons(dg->inet.inet_num);
	if (sk->sk_state == TCP_ESTABLISHED) {
		dg->pair.raddr = yoke_addr_remote(sk);
		dg->pair.rport = dg->inet.inet_dport;
	}
	err = rhltable_insert(&yn->dgrams, &dg->rhlist, dgram_params);
	dg->hashed = !err;
	return err ? -ENOMEM : 0;
}

/*
 * Does @dg, found by @key, take what came by @iif? A list may lead into another while a socket
 * changes its place: each entry is looked at. @v4: it came by IPv4.
 */
static bool takes(const struct yoke_dgram *dg, const struct yoke_pair *key, int iif, bool v4)
{
	const struct sock *sk = &dg->inet.sk;
	int dev = READ_ONCE(sk->sk_bound_dev_if);

	if (v4 && ipv6_only_sock(sk))
		return false;
	return !memcmp(&dg->pair, key, sizeof(*key)) && (!dev || dev == iif);
}

/* Of the sockets of that very pair the one bound to the device, else the one that came last. */
static struct sock *find_exact(struct yoke_net *yn, const struct yoke_pair *key, int iif, bool v4)
{
	struct rhlist_head *list, *pos;
	struct yoke_dgram *dg, *found = NULL;

	list = rhltable_lookup(&yn->dgrams, key, dgram_params);
	rhl_for_each_entry_rcu(dg, pos, list, rhlist) {
		if (!takes(dg, key, iif, v4))
			continue;
		if (READ_ONCE(dg->inet.sk.sk_bound_dev_if))
			return &dg->inet.sk;
		if (!found)
			found = dg;
	}
	return found ? &found->inet.sk : NULL;
}

/* The keys a datagram may be found by, the most specific first. */
#define KEYS	4

/* Returns how many there are; the last of them is any address of both families. */
static int fill_keys(struct yoke_pair *keys, const struct yoke_pair *pair)
{
	int n = 2;

	keys[0] = *pair;
	keys[1] = (struct yoke_pair) { .laddr = pair->laddr, .lport = pair->lport };
	if (ipv6_addr_v4mapped(&pair->laddr)) {
		keys[n] = (struct yoke_pair) { .lport = pair->lport };
		ipv6_addr_set_v4mapped(htonl(INADDR_ANY), &keys[n++].laddr);
	}
	keys[n++] = (struct yoke_pair) { .lport = pair->lport };
	return n;
}

struct sock *yoke_dgram_find(struct net *net, const struct yoke_rx *rx)
{
	bool v4 = ipv6_addr_v4mapped(&rx->pair.laddr);
	struct yoke_net *yn = yoke_net(net);
	struct yoke_pair keys[KEYS];
	struct sock *sk = NULL;
	int i, n;

	n = fill_keys(keys, &rx->pair);
	for (i = 0; i < n && !sk; i++)
		sk = find_exact(yn, &keys[i], rx->iif, v4);
	return sk;
}

/* --- receiving --- */

/* Will IP_PKTINFO, or IPV6_PKTINFO of a v4-mapped address, be told? */
static bool wants_packet_info(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && inet6_sk(sk)->rxopt.bits.rxinfo)
		return true;
#endif
	return inet_cmsg_flags(inet_sk(sk)) & IP_CMSG_PKTINFO;
}

/* It lies where IP's own notes were; those of IPv6 say it as they are. */
static void note_packet_info(const struct sock *sk, struct sk_buff *skb, const struct yoke_rx *rx)
{
	struct in_pktinfo *info = PKTINFO_SKB_CB(skb);

	if (rx->af->family != AF_INET || !wants_packet_info(sk))
		return;
	if (rx->many)
		info->ipi_spec_dst.s_addr = inet_select_addr(skb->dev, ip_hdr(skb)->saddr,
							     RT_SCOPE_UNIVERSE);
	else
		info->ipi_spec_dst.s_addr = ip_hdr(skb)->daddr;
	info->ipi_ifindex = rx->iif;
}

/* A datagram was read or forgotten: its memory goes back. */
static void uncharge(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	unsigned long flags;

	spin_lock_irqsave(&sk->sk_receive_queue.lock, flags);
	sk_mem_uncharge(sk, skb->truesize);
	spin_unlock_irqrestore(&sk->sk_receive_queue.lock, flags);
	atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
}

/* False, and @skb is left, if there is no memory for it, the socket's own or that of all. */
static bool enqueue(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	unsigned long flags;

	skb->dev = NULL;
	skb_orphan(skb);
	spin_lock_irqsave(&queue->lock, flags);
	/* One may cross the limit, or a small one would admit none. */
	if (atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf) ||
	    !sk_rmem_schedule(sk, skb, skb->truesize)) {
		spin_unlock_irqrestore(&queue->lock, flags);
		atomic_inc(&sk->sk_drops);
		return false;
	}
	skb->sk = sk;
	skb->destructor = uncharge;
	atomic_add(skb->truesize, &sk->sk_rmem_alloc);
	sk_mem_charge(sk, skb->truesize);
	sock_skb_set_dropcount(sk, skb);
	__skb_queue_tail(queue, skb);
	spin_unlock_irqrestore(&queue->lock, flags);
	if (!sock_flag(sk, SOCK_DEAD))
		READ_ONCE(sk->sk_data_ready)(sk);
	return true;
}

/* What the program may want to know of IP's header; a route only to turn it round (IP_RETOPTS). */
static void keep_ipv4(struct sock *sk, struct sk_buff *skb)
{
	if (unlikely(IPCB(skb)->opt.optlen))
		skb_dst_force(skb);
	else
		skb_dst_drop(skb);
	if (inet_get_convert_csum(sk) && udp_hdr(skb)->check)	/* IP_CHECKSUM */
		skb_checksum_try_convert(skb, ip_hdr(skb)->protocol, inet_compute_pseudo);
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
	sk_mark_napi_id(sk, skb);
	sk_incoming_cpu_update(sk);
	if (rx->af->family == AF_INET)
		keep_ipv4(sk, skb);
	else
		skb_dst_drop(skb);
	skb_pull_rcsum(skb, sizeof(struct udphdr));
	if (!enqueue(sk, skb)) {
		yoke_count(net, DgramInErrors);
		yoke_drop(net, sk, skb, DgramRcvbufErrors);
		return;
	}
	yoke_count(net, DgramInDatagrams);
}

/* To every socket that takes it; consumes @skb. */
static void deliver_to_all(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx)
{
	struct yoke_net *yn = yoke_net(net);
	struct yoke_pair keys[KEYS];
	struct rhlist_head *list, *pos;
	bool v4 = ipv6_addr_v4mapped(&rx->pair.laddr);
	struct yoke_dgram *dg;
	struct sk_buff *copy;
	int i, n;

	n = fill_keys(keys, &rx->pair);
	for (i = 0; i < n; i++) {
		list = rhltable_lookup(&yn->dgrams, &keys[i], dgram_params);
		rhl_for_each_entry_rcu(dg, pos, list, rhlist) {
			if (!takes(dg, &keys[i], rx->iif, v4) ||
			    !rx->af->dgram_hears(&dg->inet.sk, skb, rx->iif))
				continue;
			copy = skb_clone(skb, GFP_ATOMIC);
			if (copy)
				deliver(net, &dg->inet.sk, copy, rx);
		}
	}
	consume_skb(skb);
}

void yoke_dgram_rcv(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx)
{
	struct sock *sk;

	if (rx->many) {
		deliver_to_all(net, skb, rx);
		return;
	}
	sk = yoke_dgram_find(net, rx);
	if (sk) {
		deliver(net, sk, skb, rx);
		return;
	}
	rx->af->dgram_nobody(skb);
	yoke_drop(net, NULL, skb, DgramNoPorts);
}
