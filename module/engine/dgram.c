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
#include <linux/jhash.h>
#include <net/busy_poll.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock_reuseport.h>
#include <net/udp.h>
#include <net/xfrm.h>
#include "../table/trace.h"
#include "addr.h"
#include "dgram.h"

/* --- the table --- */

static bool dgram_is_called(const struct yoke_dgram *dg, const struct yoke_pair *pair)
{
	/*
	 * One that has left the table to be entered under another pair may still be looked at: what comes
	 * at that very moment may find it by either, or by the one while it has no peer yet, as with UDP.
	 */
	return data_race(yoke_hash_same(&dg->pair, pair));
}

static int dgram_compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	return !dgram_is_called(obj, arg->key);
}

static const struct rhashtable_params dgram_params = {
	.head_offset	= offsetof(struct yoke_dgram, rhlist),
	.key_offset	= offsetof(struct yoke_dgram, pair),
	.key_len	= sizeof(struct yoke_pair),
	.hashfn		= yoke_hash_pair,
	.obj_cmpfn	= dgram_compare,
	.automatic_shrinking = true,
};

DEFINE_STATIC_KEY_FALSE(yoke_dgram_trains);

int yoke_dgram_init_net(struct yoke_net *yn)
{
	seqlock_init(&yn->dgram_places);
	return rhltable_init(&yn->dgrams, &dgram_params);
}

void yoke_dgram_exit_net(struct yoke_net *yn)
{
	rhltable_destroy(&yn->dgrams);
}

static void dgram_take_out(struct yoke_net *yn, struct yoke_dgram *dg)
{
	lockdep_assert_held(&yn->dgram_places.lock);
	if (dg->hashed)
		rhltable_remove(&yn->dgrams, &dg->rhlist, dgram_params);
	dg->hashed = false;
}

void yoke_dgram_leave(struct sock *sk)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_dgram *dg = yoke_dg(sk);

	if (!dg->hashed)
		return;
	/*
	 * Who has found it, and is making a group with it, has done so; nobody will after this. No one who
	 * receives need look again: it goes nowhere else.
	 */
	read_seqlock_excl_bh(&yn->dgram_places);
	dgram_take_out(yn, dg);
	read_sequnlock_excl_bh(&yn->dgram_places);
}

/* Is @other bound to just the same as @sk, by the same user, and both for sharing? */
static bool dgram_shares(const struct yoke_dgram *other, const struct sock *sk)
{
	const struct sock *sk2 = &other->inet.sk;

	return sk2 != sk && sk2->sk_reuseport && uid_eq(sk2->sk_uid, sk->sk_uid) &&
	       sk2->sk_bound_dev_if == sk->sk_bound_dev_if &&
	       ipv6_only_sock(sk2) == ipv6_only_sock(sk) &&
	       yoke_hash_same(&other->pair, &yoke_dg(sk)->pair);
}

/* SO_REUSEPORT: who binds what another has bound joins that one's group. */
static int dgram_join_group(struct yoke_net *yn, struct sock *sk)
{
	const struct yoke_dgram *dg = yoke_dg(sk);
	bool any = yoke_port_any(&dg->pair.laddr);
	struct rhlist_head *list, *pos;
	struct yoke_dgram *other;

	lockdep_assert_held(&yn->dgram_places.lock);
	list = rhltable_lookup(&yn->dgrams, &dg->pair, dgram_params);
	rhl_for_each_entry_rcu(other, pos, list, rhlist) {
		struct sock *sk2 = &other->inet.sk;

		if (!dgram_shares(other, sk))
			continue;
		/* It never left them while it had a peer, or is with others who have one. */
		if (rcu_access_pointer(sk->sk_reuseport_cb)) {
			if (rcu_access_pointer(sk->sk_reuseport_cb) ==
			    rcu_access_pointer(sk2->sk_reuseport_cb))
				return 0;
			reuseport_detach_sock(sk);
		}
		return reuseport_add_sock(sk, sk2, any);
	}
	return reuseport_alloc(sk, any);
}

static int dgram_enter_group(struct yoke_net *yn, struct sock *sk)
{
	struct yoke_dgram *dg = yoke_dg(sk);
	int err;

	rcu_read_lock();
	err = dgram_join_group(yn, sk);
	rcu_read_unlock();
	if (err)
		return err;
	err = rhltable_insert(&yn->dgrams, &dg->rhlist, dgram_params);
	/* Who is not in the table is not to be chosen by those that are. */
	if (err)
		reuseport_detach_sock(sk);
	return err;
}

void yoke_dgram_rebind(struct sock *sk)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));

	if (READ_ONCE(sk->sk_bound_dev_if) && !READ_ONCE(yn->dgram_devices))
		WRITE_ONCE(yn->dgram_devices, true);
	yoke_port_rebind(&yoke_dg(sk)->owner);
}

int yoke_dgram_enter(struct sock *sk)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_dgram *dg = yoke_dg(sk);
	struct in6_addr before = dg->pair.laddr;
	struct yoke_pair pair = { .laddr = yoke_addr_local(sk), .lport = htons(dg->inet.inet_num) };
	/* Who comes for the first time was missed nowhere, and is in no list that leads astray. */
	bool moves = dg->pair.lport;
	int err;

	if (sk->sk_state == TCP_ESTABLISHED) {
		pair.raddr = yoke_addr_remote(sk);
		pair.rport = dg->inet.inet_dport;
		if (!pair.rport)
			WRITE_ONCE(yn->dgram_portless, true);
	}
	yoke_dgram_rebind(sk);
	/* First: a bind(2) may hold it for thousands of owners, and no receiver is to wait for that. */
	yoke_port_lock_owner(&dg->owner);
	read_seqlock_excl_bh(&yn->dgram_places);
	if (moves)
		write_seqcount_begin(&yn->dgram_places.seqcount);
	dgram_take_out(yn, dg);
	dg->pair = pair;
	/* connect(2) chose an address: the group is left to those who have none. */
	if (rcu_access_pointer(sk->sk_reuseport_cb) && !ipv6_addr_equal(&before, &dg->pair.laddr))
		reuseport_detach_sock(sk);
	if (sk->sk_reuseport && sk->sk_state != TCP_ESTABLISHED)
		err = dgram_enter_group(yn, sk);
	else
		err = rhltable_insert(&yn->dgrams, &dg->rhlist, dgram_params);
	dg->hashed = !err;
	if (moves)
		write_seqcount_end(&yn->dgram_places.seqcount);
	read_sequnlock_excl_bh(&yn->dgram_places);
	yoke_port_unlock_owner(&dg->owner);
	return err ? -ENOMEM : 0;
}

/*
 * Does @dg, found by @key, take what came as @rx? A list may lead into another while a socket
 * changes its place: each entry is looked at. @v4: it came by IPv4.
 */
static bool dgram_takes(const struct yoke_dgram *dg, const struct yoke_pair *key,
			const struct yoke_rx *rx, bool v4)
{
	const struct sock *sk = &dg->inet.sk;
	int dev = READ_ONCE(sk->sk_bound_dev_if);

	/* A bit that is settled once it is bound; others in its byte are not. */
	if (v4 && data_race((bool)ipv6_only_sock(sk)))
		return false;
	if (!dgram_is_called(dg, key))
		return false;
	/* What is of a VRF is for its own sockets, or by net.yoke.l3mdev_accept for those of none. */
	if (!dev)
		return !rx->sdif || READ_ONCE(yoke_net(sock_net(sk))->set.l3mdev_accept);
	return dev == rx->iif || dev == rx->sdif;
}

/*
 * Of the sockets of that very pair the one bound to the device, else the one that came last: many may
 * share it (SO_REUSEPORT), who are not all looked at where none of their port is bound to a device.
 */
static struct sock *dgram_find_exact(struct yoke_net *yn, const struct yoke_pair *key,
				     const struct yoke_rx *rx, bool v4)
{
	struct rhlist_head *list, *pos;
	struct yoke_dgram *dg, *found = NULL;

	list = rhltable_lookup(&yn->dgrams, key, dgram_params);
	rhl_for_each_entry_rcu(dg, pos, list, rhlist) {
		if (!dgram_takes(dg, key, rx, v4))
			continue;
		if (READ_ONCE(dg->inet.sk.sk_bound_dev_if) || likely(!READ_ONCE(yn->dgram_devices)) ||
		    !yoke_port_has_bound(&dg->owner))
			return &dg->inet.sk;
		if (!found)
			found = dg;
	}
	return found ? &found->inet.sk : NULL;
}

/*
 * The @i-th key that a datagram of @pair may be found by, made of the one before; the most specific is
 * the first, any address of both families the last. False: there is none.
 */
static bool dgram_next_key(struct yoke_pair *key, const struct yoke_pair *pair, int i)
{
	bool v4 = ipv6_addr_v4mapped(&pair->laddr);

	switch (i) {
	case 0:
		*key = *pair;
		return true;
	case 1:
		key->rport = 0;	/* connect(2) named a host, and no port */
		return true;
	case 2:
		memset(&key->raddr, 0, sizeof(key->raddr));
		return true;
	case 3:
		if (v4)
			key->laddr.s6_addr32[3] = htonl(INADDR_ANY);
		else
			key->laddr = in6addr_any;
		return true;
	case 4:
		key->laddr = in6addr_any;
		return v4;
	}
	return false;
}

/* Which of the sockets that share @sk's name: by the group's BPF program or the pair's hash. */
static struct sock *dgram_choose(struct sock *sk, const struct yoke_rx *rx, struct sk_buff *skb)
{
	u32 hash = jhash(&rx->pair, sizeof(rx->pair), net_hash_mix(sock_net(sk)));
	struct sock *chosen;

	chosen = reuseport_select_sock(sk, hash, skb, sizeof(struct udphdr));
	return IS_ERR_OR_NULL(chosen) ? sk : chosen;
}

/* The socket that a datagram of @rx is for; @skb, its header at its data, may be NULL. */
static struct sock *dgram_find_once(struct net *net, const struct yoke_rx *rx, struct sk_buff *skb)
{
	bool v4 = ipv6_addr_v4mapped(&rx->pair.laddr);
	struct yoke_net *yn = yoke_net(net);
	struct yoke_pair key;
	struct sock *sk = NULL;
	int i;

	for (i = 0; !sk && dgram_next_key(&key, &rx->pair, i); i++)
		if (i != 1 || unlikely(READ_ONCE(yn->dgram_portless)))
			sk = dgram_find_exact(yn, &key, rx, v4);
	/* One that is just being connected is chosen by either rule. */
	if (sk && rcu_access_pointer(sk->sk_reuseport_cb) && data_race(sk->sk_state) != TCP_ESTABLISHED)
		sk = dgram_choose(sk, rx, skb);
	return sk;
}

/*
 * As dgram_find_once(), but who changes his place meanwhile is found in the old one or in the new: he is
 * not nowhere, and nobody less specific is taken for him. There may be no end of such changes: the
 * second look keeps them away.
 */
static struct sock *dgram_find_surely(struct net *net, const struct yoke_rx *rx,
				      struct sk_buff *skb)
{
	seqlock_t *places = &yoke_net(net)->dgram_places;
	unsigned int begun = read_seqbegin(places);
	struct sock *sk = dgram_find_once(net, rx, skb);

	if (likely(!read_seqretry(places, begun)))
		return sk;
	read_seqlock_excl_bh(places);
	sk = dgram_find_once(net, rx, skb);
	read_sequnlock_excl_bh(places);
	return sk;
}

struct sock *yoke_dgram_find(struct net *net, const struct yoke_rx *rx)
{
	return dgram_find_surely(net, rx, NULL);
}

bool yoke_dgram_wants_trains(struct net *net, const struct yoke_rx *rx)
{
	const struct sock *sk = dgram_find_once(net, rx, NULL);

	return sk && READ_ONCE(yoke_dg(sk)->trains);
}

/* --- receiving --- */

/* Will IP_PKTINFO, or IPV6_PKTINFO of a v4-mapped address, be told? */
static bool dgram_wants_packet_info(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && inet6_sk(sk)->rxopt.bits.rxinfo)
		return true;
#endif
	return inet_cmsg_flags(inet_sk(sk)) & IP_CMSG_PKTINFO;
}

/*
 * It lies where IP's own notes were; those of IPv6 say it as they are. The device that IP noted first in
 * both stands, a VRF's own, too; of what came from this host the route says where it was to leave.
 */
static void dgram_note_packet_info(const struct sock *sk, struct sk_buff *skb,
				   const struct yoke_rx *rx)
{
	struct in_pktinfo *info = PKTINFO_SKB_CB(skb);

	if (rx->af->family != AF_INET || !dgram_wants_packet_info(sk))
		return;
	if (rx->many)
		info->ipi_spec_dst.s_addr = inet_select_addr(skb->dev, ip_hdr(skb)->saddr,
							     RT_SCOPE_UNIVERSE);
	else
		info->ipi_spec_dst.s_addr = ip_hdr(skb)->daddr;
	if (info->ipi_ifindex == LOOPBACK_IFINDEX || (rx->sdif && skb_rtable(skb)->rt_iif))
		info->ipi_ifindex = rx->iif;
}

/* A datagram was read or forgotten: its memory goes back. */
static void dgram_uncharge(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	unsigned long flags;

	spin_lock_irqsave(&sk->sk_receive_queue.lock, flags);
	sk_mem_uncharge(sk, skb->truesize);
	spin_unlock_irqrestore(&sk->sk_receive_queue.lock, flags);
	atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
}

/* One may cross the limit, or a small one would admit none: beyond INT_MAX, too. */
static bool dgram_queue_is_full(const struct sock *sk)
{
	return (unsigned int)atomic_read(&sk->sk_rmem_alloc) > (unsigned int)READ_ONCE(sk->sk_rcvbuf);
}

/* False, and @skb is left, if there is no memory for it, the socket's own or that of all. */
static bool dgram_enqueue(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	unsigned long flags;

	skb->dev = NULL;
	skb_orphan(skb);
	/* The reader wants the lock, too: who floods him does not hold it only to learn that all is full. */
	if (dgram_queue_is_full(sk))
		goto full;
	spin_lock_irqsave(&queue->lock, flags);
	if (dgram_queue_is_full(sk) || !sk_rmem_schedule(sk, skb, skb->truesize)) {
		spin_unlock_irqrestore(&queue->lock, flags);
		goto full;
	}
	skb->sk = sk;
	skb->destructor = dgram_uncharge;
	atomic_add(skb->truesize, &sk->sk_rmem_alloc);
	sk_mem_charge(sk, skb->truesize);
	sock_skb_set_dropcount(sk, skb);
	__skb_queue_tail(queue, skb);
	spin_unlock_irqrestore(&queue->lock, flags);
	if (!sock_flag(sk, SOCK_DEAD))
		READ_ONCE(sk->sk_data_ready)(sk);
	return true;
full:
	atomic_inc(&sk->sk_drops);
	return false;
}

/* What the program may want to know of IP's header; a route only to turn it round (IP_RETOPTS). */
static void dgram_keep_ipv4(struct sock *sk, struct sk_buff *skb)
{
	if (unlikely(IPCB(skb)->opt.optlen))
		skb_dst_force(skb);
	else
		skb_dst_drop(skb);
	if (inet_get_convert_csum(sk) && udp_hdr(skb)->check)	/* IP_CHECKSUM */
		skb_checksum_try_convert(skb, ip_hdr(skb)->protocol, inet_compute_pseudo);
}

/* IPsec's policies, and @sk's own, which may be NULL; netfilter's notes have done their work then. */
static bool dgram_allowed(struct sock *sk, struct sk_buff *skb, const struct yoke_rx *rx)
{
	if (!xfrm_policy_check(sk, XFRM_POLICY_IN, skb, rx->af->family))
		return false;
	nf_reset_ct(skb);
	return true;
}

static void dgram_deliver_one(struct net *net, struct sock *sk, struct sk_buff *skb,
			      const struct yoke_rx *rx)
{
	/* A program's filter sees the header, as with UDP, and cannot cut it off. */
	if (!dgram_allowed(sk, skb, rx) || sk_filter_trim_cap(sk, skb, sizeof(struct udphdr))) {
		atomic_inc(&sk->sk_drops);
		yoke_count(net, DgramInErrors);
		yoke_drop(net, sk, skb, Filtered);
		return;
	}
	dgram_note_packet_info(sk, skb, rx);
	sk_mark_napi_id(sk, skb);
	/* Without a peer SO_INCOMING_CPU is the program's to set: groups choose, and count, by it. */
	if (data_race(sk->sk_state) == TCP_ESTABLISHED)
		sk_incoming_cpu_update(sk);
	if (rx->af->family == AF_INET)
		dgram_keep_ipv4(sk, skb);
	else
		skb_dst_drop(skb);
	skb_pull_rcsum(skb, sizeof(struct udphdr));
	if (!dgram_enqueue(sk, skb)) {
		yoke_count(net, DgramInErrors);
		yoke_drop(net, sk, skb, DgramRcvbufErrors);
	}
}

/* A train is taken apart for those who did not ask for it whole. */
static void dgram_deliver(struct net *net, struct sock *sk, struct sk_buff *skb,
			  const struct yoke_rx *rx)
{
	struct sk_buff *segs, *next;

	if (!skb_is_gso(skb) || READ_ONCE(yoke_dg(sk)->trains)) {
		dgram_deliver_one(net, sk, skb, rx);
		return;
	}
	/* No tunnel is around it; GRO has left something else there (__skb_gso_segment()). */
	SKB_GSO_CB(skb)->mac_offset = skb_mac_header(skb) - skb->head;
	segs = yoke_train_cut(skb, NETIF_F_SG | NETIF_F_HW_CSUM);
	if (IS_ERR_OR_NULL(segs)) {
		yoke_drop(net, sk, skb, DgramInErrors);
		return;
	}
	consume_skb(skb);
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		__skb_pull(skb, skb_transport_offset(skb));
		dgram_deliver_one(net, sk, skb, rx);
	}
}

/*
 * RFC 8200 §8.1: what comes by IPv6 without a checksum is not to be believed, but by who said so (RFC
 * 6936): by @sk, which may be NULL?
 */
static bool dgram_believes(const struct sock *sk, const struct sk_buff *skb,
			   const struct yoke_rx *rx)
{
	if (likely(udp_hdr(skb)->check) || rx->af->family != AF_INET6)
		return true;
	return sk && READ_ONCE(yoke_dg(sk)->no_check6_rx);
}

/* Does @sk want what came to a group, or to all? */
static bool dgram_wants_one_of_many(struct sock *sk, const struct sk_buff *skb,
				    const struct yoke_rx *rx)
{
	return dgram_believes(sk, skb, rx) && rx->af->dgram_hears(sk, skb, rx);
}

/*
 * struct audience - those who take what came to many: found first, and it is theirs with no lock held
 * @next:	more of them, allocated; the first has its place on the stack
 * @who:	the @n of them; RCU keeps them there
 */
struct audience {
	struct audience *next;
	int n;
	struct yoke_dgram *who[30];
};

static void dgram_missed(struct net *net, struct sock *sk)
{
	atomic_inc(&sk->sk_drops);
	yoke_count(net, DgramRcvbufErrors);
	yoke_count(net, DgramInErrors);
}

/* @dg is one more: what of the audience the next comes to. Without memory @dg misses it. */
static struct audience *dgram_admit(struct net *net, struct audience *last, struct yoke_dgram *dg)
{
	if (last->n == ARRAY_SIZE(last->who)) {
		last->next = kmalloc(sizeof(*last), GFP_ATOMIC | __GFP_NOWARN);
		if (!last->next) {
			dgram_missed(net, &dg->inet.sk);
			return last;
		}
		last = last->next;
		last->next = NULL;
		last->n = 0;
	}
	last->who[last->n++] = dg;
	return last;
}

static void dgram_dismiss(struct audience *all)
{
	struct audience *part, *next;

	for (part = all->next; part; part = next) {
		next = part->next;
		kfree(part);
	}
}

static void dgram_find_all(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx,
			   struct audience *all)
{
	struct yoke_net *yn = yoke_net(net);
	struct rhlist_head *list, *pos;
	bool v4 = ipv6_addr_v4mapped(&rx->pair.laddr);
	struct yoke_pair key, before;
	struct yoke_dgram *dg;
	int i;

	all->next = NULL;
	all->n = 0;
	for (i = 0; dgram_next_key(&key, &rx->pair, i); i++, before = key) {
		/* What came to 0.0.0.0, from :: or without a port has keys alike: nobody hears it twice. */
		if (i && yoke_hash_same(&key, &before))
			continue;
		list = rhltable_lookup(&yn->dgrams, &key, dgram_params);
		rhl_for_each_entry_rcu(dg, pos, list, rhlist)
			if (dgram_takes(dg, &key, rx, v4) &&
			    dgram_wants_one_of_many(&dg->inet.sk, skb, rx))
				all = dgram_admit(net, all, dg);
	}
}

static void dgram_deliver_copies(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx,
				 const struct audience *all)
{
	struct sk_buff *copy;
	int i;

	for (; all; all = all->next) {
		for (i = 0; i < all->n; i++) {
			struct sock *sk = &all->who[i]->inet.sk;

			copy = skb_clone(skb, GFP_ATOMIC);
			if (copy)
				dgram_deliver(net, sk, copy, rx);
			else
				dgram_missed(net, sk);
		}
	}
}

/*
 * To every socket that takes it, if there is one; consumes @skb. Who changes his place meanwhile hears it
 * once, and so do those who stood behind him.
 */
static void dgram_deliver_to_all(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx)
{
	seqlock_t *places = &yoke_net(net)->dgram_places;
	unsigned int begun = read_seqbegin(places);
	struct audience all;

	dgram_find_all(net, skb, rx, &all);
	if (read_seqretry(places, begun)) {
		dgram_dismiss(&all);
		read_seqlock_excl_bh(places);
		dgram_find_all(net, skb, rx, &all);
		read_sequnlock_excl_bh(places);
	}
	dgram_deliver_copies(net, skb, rx, &all);
	if (all.n)
		consume_skb(skb);
	else
		yoke_drop(net, NULL, skb, DgramIgnoredMulti);
	dgram_dismiss(&all);
}

void yoke_dgram_rcv(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx)
{
	struct sock *sk;

	if (rx->many) {
		dgram_deliver_to_all(net, skb, rx);
		return;
	}
	sk = dgram_find_surely(net, rx, skb);
	/* Of a group (SO_REUSEPORT) only the one whom it goes to is asked. */
	if (unlikely(!dgram_believes(sk, skb, rx))) {
		yoke_count(net, DgramInErrors);
		yoke_drop(net, NULL, skb, DgramInCsumErrors);
		return;
	}
	if (sk) {
		dgram_deliver(net, sk, skb, rx);
		return;
	}
	if (!dgram_allowed(NULL, skb, rx)) {
		yoke_drop(net, NULL, skb, Filtered);
		return;
	}
	rx->af->dgram_nobody(skb);
	yoke_drop(net, NULL, skb, DgramNoPorts);
}
