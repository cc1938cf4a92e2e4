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

	return !yoke_hash_same(&node->pair, arg->key);
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
	rhashtable_remove_fast(&h->table, &node->rhash, hash_params);
}

struct yoke_node *yoke_hash_find(struct yoke_hash *h, const struct yoke_pair *pair)
{
	return rhashtable_lookup(&h->table, pair, hash_params);
}

static struct yoke_node *find_listener(struct yoke_hash *h, const struct yoke_pair *pair)
{
	struct yoke_node *node = yoke_hash_find(h, pair);

	return node && node->kind == YOKE_LISTENER ? node : NULL;
}

static struct yoke_node *find_best(struct yoke_hash *h, const struct yoke_pair *pair, u32 vrf)
{
	struct yoke_pair key = { .laddr = pair->laddr, .lport = pair->lport, .vrf = vrf };
	struct yoke_node *node;

	node = find_listener(h, &key);
	if (node)
		return node;
	if (ipv6_addr_v4mapped(&key.laddr)) {
		ipv6_addr_set_v4mapped(htonl(INADDR_ANY), &key.laddr);
		node = find_listener(h, &key);
		if (node)
			return node;
	}
	key.laddr = in6addr_any;
	node = find_listener(h, &key);
	return node && node->v6only && ipv6_addr_v4mapped(&pair->laddr) ? NULL : node;
}

struct yoke_node *yoke_hash_listener(struct yoke_hash *h, const struct yoke_pair *pair, bool beyond)
{
	struct yoke_node *node = find_best(h, pair, pair->vrf);

	if (unlikely(!node && pair->vrf && beyond))
		node = find_best(h, pair, 0);
	return node;
}
