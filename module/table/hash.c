// SPDX-License-Identifier: GPL-2.0
/*
 * The connection table: from a pair of sockets, and the device, to what they name.
 *
 * One resizable hash table a namespace holds connections, listeners, requests
 * and time-waits, so that one look-up tells what a segment belongs to, and two
 * things of the same pair cannot be, unless they are bound to two devices.
 * Owns yoke_node.rhash and .hashed.
 *
 * Readers need RCU only; writers take the table's bucket locks inside. What is
 * looked up may be leaving: entries are freed after a grace period, and users
 * check their state under their own lock.
 * RFC 9293 §3.3.1 (a connection is its pair of sockets).
 */
#include <net/l3mdev.h>
#include "hash.h"

/*
 * struct hash_key - what is looked for
 * @listener:	the one that is bound to @iif, 0: to none; else what hears that
 */
struct hash_key {
	const struct yoke_pair *pair;
	int	iif;
	int	sdif;
	bool	listener;
};

/* There may be listeners of one address on many a device, and each is looked for by its own. */
static u32 hash_of_key(const void *data, u32 len, u32 seed)
{
	const struct hash_key *key = data;

	return yoke_hash_pair(key->pair, len, key->listener ? seed ^ key->iif : seed);
}

static u32 hash_of_node(const void *data, u32 len, u32 seed)
{
	const struct yoke_node *node = data;

	return yoke_hash_pair(&node->pair, len,
			      node->kind == YOKE_LISTENER ? seed ^ node->pair.dev : seed);
}

bool yoke_hash_hears(const struct yoke_hash *h, int dev, int iif, int sdif)
{
	if (!dev)
		return likely(!sdif) || READ_ONCE(*h->l3mdev_accept);
	return dev == iif || dev == sdif;
}

static int hash_compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct yoke_hash *h = container_of(arg->ht, struct yoke_hash, table);
	const struct hash_key *key = arg->key;
	const struct yoke_node *node = obj;
	int dev = READ_ONCE(node->pair.dev);

	/* One that has left may still be looked at, while it gets another name (yoke_listen_rebind()). */
	if (!data_race(yoke_hash_same(&node->pair, key->pair)))
		return 1;
	return key->listener ? dev != key->iif : !yoke_hash_hears(h, dev, key->iif, key->sdif);
}

static const struct rhashtable_params hash_params = {
	.head_offset	= offsetof(struct yoke_node, rhash),
	.hashfn		= hash_of_key,
	.obj_hashfn	= hash_of_node,
	.obj_cmpfn	= hash_compare,
	.automatic_shrinking = true,
};

/* What @node is in the way of. */
static struct hash_key hash_node_key(const struct yoke_hash *h, const struct yoke_node *node)
{
	bool listener = node->kind == YOKE_LISTENER;
	int dev = node->pair.dev;

	return (struct hash_key) {
		.pair = &node->pair,
		.iif = dev,
		.sdif = listener ? 0 : l3mdev_master_ifindex_by_index(h->net, dev),
		.listener = listener,
	};
}

int yoke_hash_init(struct yoke_hash *h, struct net *net, const u8 *l3mdev_accept)
{
	BUILD_BUG_ON(offsetof(struct yoke_pair, dev) != 36);
	h->net = net;
	h->l3mdev_accept = l3mdev_accept;
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
	struct hash_key key = hash_node_key(h, node);
	int err;

	node->hashed = true;	/* before others can see, and remove, it */
	err = rhashtable_lookup_insert_key(&h->table, &key, &node->rhash, hash_params);
	if (!err && key.listener && key.iif)
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
	if (node->kind == YOKE_LISTENER && node->pair.dev)
		atomic_dec(&h->devices);
	rhashtable_remove_fast(&h->table, &node->rhash, hash_params);
}

struct yoke_node *yoke_hash_rival(struct yoke_hash *h, const struct yoke_node *node)
{
	struct hash_key key = hash_node_key(h, node);

	return rhashtable_lookup(&h->table, &key, hash_params);
}

struct yoke_node *yoke_hash_find(struct yoke_hash *h, const struct yoke_pair *pair, int iif,
				 int sdif)
{
	struct hash_key key = { .pair = pair, .iif = iif, .sdif = sdif };

	return rhashtable_lookup(&h->table, &key, hash_params);
}

/* The listener of @pair that is bound to @dev, for an address like @laddr; or NULL. */
static struct yoke_node *hash_find_bound(struct yoke_hash *h, const struct yoke_pair *pair, int dev,
					 const struct in6_addr *laddr)
{
	struct hash_key key = { .pair = pair, .iif = dev, .listener = true };
	struct yoke_node *node = rhashtable_lookup(&h->table, &key, hash_params);

	if (!node || node->kind != YOKE_LISTENER)
		return NULL;
	return node->v6only && ipv6_addr_v4mapped(laddr) ? NULL : node;
}

static struct yoke_node *hash_find_listener(struct yoke_hash *h, const struct yoke_pair *pair,
					    int iif, int sdif, const struct in6_addr *laddr)
{
	struct yoke_node *node = NULL;

	if (unlikely(atomic_read(&h->devices))) {
		if (sdif)
			node = hash_find_bound(h, pair, sdif, laddr);
		if (!node)
			node = hash_find_bound(h, pair, iif, laddr);
	}
	if (!node && yoke_hash_hears(h, 0, iif, sdif))
		node = hash_find_bound(h, pair, 0, laddr);
	return node;
}

static struct yoke_node *hash_find_best(struct yoke_hash *h, const struct yoke_pair *pair, int iif,
					int sdif)
{
	struct yoke_pair any = { .laddr = pair->laddr, .lport = pair->lport };
	struct yoke_node *node;

	node = hash_find_listener(h, &any, iif, sdif, &pair->laddr);
	if (node)
		return node;
	if (ipv6_addr_v4mapped(&any.laddr)) {
		ipv6_addr_set_v4mapped(htonl(INADDR_ANY), &any.laddr);
		node = hash_find_listener(h, &any, iif, sdif, &pair->laddr);
		if (node)
			return node;
	}
	any.laddr = in6addr_any;
	return hash_find_listener(h, &any, iif, sdif, &pair->laddr);
}

struct yoke_node *yoke_hash_listener(struct yoke_hash *h, const struct yoke_pair *pair, int iif,
				     int sdif)
{
	unsigned int begun = read_seqbegin(&h->moves);
	struct yoke_node *node = hash_find_best(h, pair, iif, sdif);

	if (likely(!read_seqretry(&h->moves, begun)))
		return node;
	/* One was nowhere meanwhile. */
	read_seqlock_excl_bh(&h->moves);
	node = hash_find_best(h, pair, iif, sdif);
	read_sequnlock_excl_bh(&h->moves);
	return node;
}
