/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connection table: whatever a pair of sockets and a device name, found without
 * locks (RCU). One per namespace.
 */
#ifndef YOKE_HASH_H
#define YOKE_HASH_H

#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/seqlock.h>
#include <net/ipv6.h>
#include "../algo/pair.h"

enum yoke_kind {
	YOKE_CONN,
	YOKE_LISTENER,
	YOKE_REQUEST,
	YOKE_TIMEWAIT,
};

/**
 * struct yoke_node - an entry
 * @rhash:	the table's
 * @pair:	the key; a listener's remote half is zero; does not change while in the table, but for
 *		the device of what is no listener
 * @kind:	enum yoke_kind: what it is embedded in
 * @hashed:	it is in the table
 * @v6only:	a listener on any address takes none of IPv4 (IPV6_V6ONLY)
 */
struct yoke_node {
	struct rhash_head rhash;
	struct yoke_pair pair;
	u8		kind;
	bool		hashed;
	bool		v6only;
};

/*
 * struct yoke_hash - the entries by pair
 * @net:	whose it is
 * @l3mdev_accept: net.yoke.l3mdev_accept
 * @devices: how many listeners are bound to a device or VRF: without any, no segment is asked by which
 *	it came
 * @moves: of listeners to another device: one at a time, BH off
 */
struct yoke_hash {
	struct rhashtable table;
	struct net	*net;
	const u8	*l3mdev_accept;
	atomic_t	devices;
	seqlock_t	moves;
};

/*
 * For tables keyed by a struct yoke_pair: rhashtable's hashfn, keyed by the table's random seed, which
 * changes when a chain grows too long. Pairs of IPv4 are told by three words, also those whose remote
 * half is zero. Devices do not count here.
 */
static inline u32 yoke_hash_pair(const void *data, u32 len, u32 seed)
{
	const struct yoke_pair *pair = data;
	u32 ports = ((__force u32)pair->lport << 16) | (__force u32)pair->rport;

	if (ipv6_addr_v4mapped(&pair->laddr))
		return jhash_3words((__force u32)pair->laddr.s6_addr32[3],
				    (__force u32)pair->raddr.s6_addr32[3], ports, seed);
	return jhash2(data, offsetof(struct yoke_pair, dev) / sizeof(u32), seed);
}

static inline bool yoke_hash_same(const struct yoke_pair *a, const struct yoke_pair *b)
{
	return a->lport == b->lport && a->rport == b->rport &&
	       ipv6_addr_equal(&a->laddr, &b->laddr) && ipv6_addr_equal(&a->raddr, &b->raddr);
}

int yoke_hash_init(struct yoke_hash *h, struct net *net, const u8 *l3mdev_accept);
/* Empty by now. */
void yoke_hash_exit(struct yoke_hash *h);

/*
 * Any context. 0, -ENOMEM, or -EEXIST if there is one already that hears what comes to that pair
 * by @node's device; of listeners, one of that very device.
 */
int yoke_hash_add(struct yoke_hash *h, struct yoke_node *node);
/* Under rcu_read_lock(): that one, or NULL. */
struct yoke_node *yoke_hash_rival(struct yoke_hash *h, const struct yoke_node *node);
/*
 * @new takes the place of @old (same pair) with no moment in between. Any context; the caller alone
 * may remove @old.
 */
int yoke_hash_replace(struct yoke_hash *h, struct yoke_node *old, struct yoke_node *new);
/* No effect if it is not there. */
void yoke_hash_del(struct yoke_hash *h, struct yoke_node *node);

/*
 * Does who is bound to @dev, 0: to none, hear what comes by @iif, or by the device @sdif of the VRF
 * @iif? What is of a VRF is for its own sockets; those of none have it if net.yoke.l3mdev_accept
 * says so.
 */
bool yoke_hash_hears(const struct yoke_hash *h, int dev, int iif, int sdif);
/* Under rcu_read_lock(): the entry of exactly @pair's sockets that hears that, or NULL. */
struct yoke_node *yoke_hash_find(struct yoke_hash *h, const struct yoke_pair *pair, int iif,
				 int sdif);
/*
 * Under rcu_read_lock(): the listener that fits best: the address itself, then any of its family,
 * then any at all; of each first the one bound to the device, then to the VRF, then to none.
 */
struct yoke_node *yoke_hash_listener(struct yoke_hash *h, const struct yoke_pair *pair, int iif,
				     int sdif);

#endif
