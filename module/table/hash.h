/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connection table: whatever a pair of sockets names, found without
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
 * @pair:	the key; a listener's remote half is zero; does not change while in the table
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
 * @devices: how many listeners are bound to a device or VRF: without any, no segment is asked by which
 *	it came
 * @moves: of listeners to another device: one at a time, BH off
 */
struct yoke_hash {
	struct rhashtable table;
	atomic_t	devices;
	seqlock_t	moves;
};

/*
 * For tables keyed by a struct yoke_pair: rhashtable's hashfn, keyed by the table's random seed, which
 * changes when a chain grows too long. Pairs of IPv4 are told by three words, also those whose remote
 * half is zero.
 */
static inline u32 yoke_hash_pair(const void *data, u32 len, u32 seed)
{
	const struct yoke_pair *pair = data;
	u32 ports = ((__force u32)pair->lport << 16) | (__force u32)pair->rport;

	if (ipv6_addr_v4mapped(&pair->laddr))
		return jhash_3words((__force u32)pair->laddr.s6_addr32[3],
				    (__force u32)pair->raddr.s6_addr32[3], ports, seed ^ pair->vrf);
	return jhash2(data, sizeof(*pair) / sizeof(u32), seed);
}

static inline bool yoke_hash_same(const struct yoke_pair *a, const struct yoke_pair *b)
{
	return a->lport == b->lport && a->rport == b->rport && a->vrf == b->vrf &&
	       ipv6_addr_equal(&a->laddr, &b->laddr) && ipv6_addr_equal(&a->raddr, &b->raddr);
}

int yoke_hash_init(struct yoke_hash *h);
/* Empty by now. */
void yoke_hash_exit(struct yoke_hash *h);

/* Any context. 0, -EEXIST if the pair is there already, -ENOMEM. */
int yoke_hash_add(struct yoke_hash *h, struct yoke_node *node);
/*
 * @new takes the place of @old (same pair) with no moment in between. Any context; the caller alone
 * may remove @old.
 */
int yoke_hash_replace(struct yoke_hash *h, struct yoke_node *old, struct yoke_node *new);
/* No effect if it is not there. */
void yoke_hash_del(struct yoke_hash *h, struct yoke_node *node);

/* Under rcu_read_lock(): the entry of exactly that pair, or NULL. */
struct yoke_node *yoke_hash_find(struct yoke_hash *h, const struct yoke_pair *pair);
/*
 * Under rcu_read_lock(): the listener that fits best: the address itself, then any of its family,
 * then any at all; of each first the one bound to @dev, by which the segment came. @beyond: for what is
 * of a VRF that has none, one of no VRF will do.
 */
struct yoke_node *yoke_hash_listener(struct yoke_hash *h, const struct yoke_pair *pair, u32 dev,
				     bool beyond);

#endif
