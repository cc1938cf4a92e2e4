// SPDX-License-Identifier: GPL-2.0
/*
 * The connection table: from a pair of sockets to what it names.
 *
 * One resizable hash table a namespace holds connections, listeners, requests
 * and time-waits, so that one look-up tells what a segment belongs to, and two
 * things of the same pair cannot be. Owns yoke_node.rhash and .hashed.
 *
 * Readers need RCU only; writers take the table's bucket locks inside. What is
 * looked up may be leaving: entries are freed after a grace period, and users
 * check their state under their own lock.
 * RFC 9293 §3.3.1 (a connection is its pair of sockets).
 */
#include "hash.h"

static int hash_compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct yoke_node *node = obj;

	/* One that has left may still be looked at, while it gets another name (yoke_listen_rebind()). */
	return !data_race(yoke_hash_same(&node->pair, arg->key));
}

static const struct rhashtable_params hash_params = {
	.head_offset	= offsetof(struct yoke_node, rhash),
	.key_offset	= offsetof(struct yoke_node, pair),
	.key_len	= sizeof(struct yoke_pair),
	.hashfn		= yoke_hash_pair,
	.obj_cmpfn	= hash_compare,
	.automatic_shrinking = true,
};

int yoke_hash_init(struct yoke_hash *h)
{
	BUILD_BUG_ON(sizeof(struct yoke_pair) != 40);
	atomic_set(&h->devices, 0);
	seqlock_init(&h->moves);
	return rhashtable_init(&h->table, &hash_params);
}

void yoke_hash_exit(struct yoke_hash *h)
{
	rhashtable_destroy(&h->table);
}

int yoke_hash_add(struct yoke_hash *h, struct yoke_node *node)
{
	int err;

	node->hashed = true;	/* before others can see, and remove, it */
	err = rhashtable_lookup_insert_fast(&h->table, &node->rhash, hash_params);
	if (!err && node->kind == YOKE_LISTENER && node->pair.vrf)
		atomic_inc(&h->devices);
	if (!err)
		return 0;
	node->hashed = false;
	return err == -EEXIST ? err : -ENOMEM;
}

int yoke_hash_replace(struct yoke_hash *h, struct yoke_node *old, struct yoke_node *new)
{
	int err;

	new->hashed = true;
	err = rhashtable_replace_fast(&h->table, &old->rhash, &new->rhash, hash_params);
	if (err)
		new->hashed = false;
	else
		old->hashed = false;
	return err;
}

void yoke_hash_del(struct yoke_hash *h, struct yoke_node *node)
{
	if (!node->hashed)
		return;
	node->hashed = false;
	if (node->kind == YOKE_LISTENER && node->pair.vrf)
		atomic_dec(&h->devices);
	rhashtable_remove_fast(&h->table, &node->rhash, hash_params);
}

struct yoke_node *yoke_hash_find(struct yoke_hash *h, const struct yoke_pair *pair)
{
	return rhashtable_lookup(&h->table, pair, hash_params);
}

/* The listener of @key for an address like @laddr, or NULL. */
static struct yoke_node *find_key(struct yoke_hash *h, const struct yoke_pair *key,
				  const struct in6_addr *laddr)
{
	struct yoke_node *node = yoke_hash_find(h, key);

	if (!node || node->kind != YOKE_LISTENER)
		return NULL;
	return node->v6only && ipv6_addr_v4mapped(laddr) ? NULL : node;
}

/* The one that is bound to @dev, if that is not 0, or of @key's VRF. */
static struct yoke_node *find_listener(struct yoke_hash *h, const struct yoke_pair *key, u32 dev,
				       const struct in6_addr *laddr)
{
	struct yoke_pair bound = *key;
	struct yoke_node *node;

	if (unlikely(dev)) {
		bound.vrf = dev;
		node = find_key(h, &bound, laddr);
		if (node)
			return node;
	}
	return find_key(h, key, laddr);
}

static struct yoke_node *find_best(struct yoke_hash *h, const struct yoke_pair *pair, u32 vrf, u32 dev)
{
	struct yoke_pair key = { .laddr = pair->laddr, .lport = pair->lport, .vrf = vrf };
	struct yoke_node *node;

	node = find_listener(h, &key, dev, &pair->laddr);
	if (node)
		return node;
	if (ipv6_addr_v4mapped(&key.laddr)) {
		ipv6_addr_set_v4mapped(htonl(INADDR_ANY), &key.laddr);
		node = find_listener(h, &key, dev, &pair->laddr);
		if (node)
			return node;
	}
	key.laddr = in6addr_any;
	return find_listener(h, &key, dev, &pair->laddr);
}

static struct yoke_node *find_any(struct yoke_hash *h, const struct yoke_pair *pair, u32 dev, bool beyond)
{
	struct yoke_node *node = find_best(h, pair, pair->vrf, atomic_read(&h->devices) ? dev : 0);

	if (unlikely(!node && pair->vrf && beyond))
		node = find_best(h, pair, 0, 0);
	return node;
}

struct yoke_node *yoke_hash_listener(struct yoke_hash *h, const struct yoke_pair *pair, u32 dev,
				     bool beyond)
{
	unsigned int begun = read_seqbegin(&h->moves);
	struct yoke_node *node = find_any(h, pair, dev, beyond);

	if (likely(!read_seqretry(&h->moves, begun)))
		return node;
	/* One was nowhere meanwhile. */
	read_seqlock_excl_bh(&h->moves);
	node = find_any(h, pair, dev, beyond);
	read_sequnlock_excl_bh(&h->moves);
	return node;
}
