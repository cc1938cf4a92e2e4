// SPDX-License-Identifier: GPL-2.0
/*
 * The port space of one protocol in one namespace: who owns which port, and
 * the choice of a free one.
 *
 * A port in use is an object in a hash table and a bit in a map; the object is
 * made by its first owner and goes with its last. It leaves the table under
 * its own lock and is marked dead, so whoever finds it under RCU, takes the
 * lock and sees it alive may add to it. Owns yoke_port, yoke_ports and the
 * hold (all but sk and pair) of a yoke_owner.
 *
 * A port may have half a million owners, a server's connections. What each said when he came is
 * summed up in the port, so that who wants to share it, as they all do, need not ask each of them.
 *
 * Locks: yoke_port.lock, BH off, innermost but for the tables' own and, in yoke_dgram_enter(),
 * yoke_net.dgram_places.
 * The rules of conflict are those of Linux TCP's and UDP's bind(2).
 * RFC 6056 (choice of ephemeral ports).
 */
#include <linux/bitmap.h>
#include <linux/random.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include "port.h"

#define PORTS	65536

/* Which ephemeral ports a search visits: those nobody has, or those somebody has. */
enum want {
	WANT_FREE,
	WANT_USED,
};

/* Takes port @num for @owner: the port number, -EEXIST for "next one", or an error that ends it. */
typedef int visit_fn(struct yoke_ports *ports, struct yoke_owner *owner, u16 num, void *arg);

static const struct rhashtable_params port_params = {
	.head_offset	= offsetof(struct yoke_port, rhash),
	.key_offset	= offsetof(struct yoke_port, num),
	.key_len	= sizeof_field(struct yoke_port, num),
	.automatic_shrinking = true,
};

int yoke_port_init_net(struct yoke_ports *ports, bool dgram)
{
	int err;

	ports->dgram = dgram;
	get_random_bytes(&ports->key, sizeof(ports->key));
	memset(ports->next, 0, sizeof(ports->next));
	ports->used = bitmap_zalloc(PORTS, GFP_KERNEL);
	if (!ports->used)
		return -ENOMEM;
	err = rhashtable_init(&ports->table, &port_params);
	if (err)
		bitmap_free(ports->used);
	return err;
}

void yoke_port_exit_net(struct yoke_ports *ports)
{
	rhashtable_destroy(&ports->table);
	bitmap_free(ports->used);
}

/*
 * sparse cannot follow a lock that is held unless an error is returned: __release() and __acquire()
 * tell it that these functions leave it as they found it.
 */

/* A new port, locked and in the table, or an error; -EEXIST if another was faster. */
static struct yoke_port *port_create(struct yoke_ports *ports, u16 num)
{
	struct yoke_port *port = kzalloc(sizeof(*port), GFP_ATOMIC | __GFP_ACCOUNT);
	int err;

	if (!port)
		return ERR_PTR(-ENOMEM);
	port->num = num;
	port->reuse = true;
	port->reuseport = true;
	spin_lock_init(&port->lock);
	spin_lock_bh(&port->lock);
	err = rhashtable_lookup_insert_fast(&ports->table, &port->rhash, port_params);
	if (err) {
		spin_unlock_bh(&port->lock);
		kfree(port);
		return ERR_PTR(err == -EEXIST ? err : -ENOMEM);
	}
	set_bit(num, ports->used);
	__release(&port->lock);
	return port;
}

/* Port @num, locked; without owners if it was free. */
static struct yoke_port *port_lock(struct yoke_ports *ports, u16 num)
{
	struct yoke_port *port;

	rcu_read_lock();
	do {
		port = rhashtable_lookup(&ports->table, &num, port_params);
		if (!port) {
			port = port_create(ports, num);
			continue;
		}
		spin_lock_bh(&port->lock);
		if (port->dead) {
			spin_unlock_bh(&port->lock);
			port = ERR_PTR(-EEXIST);
			continue;
		}
		__release(&port->lock);
	} while (port == ERR_PTR(-EEXIST));
	rcu_read_unlock();
	return port;
}

static void port_unlock(struct yoke_ports *ports, struct yoke_port *port)
{
	bool dead = hlist_empty(&port->owners);

	__acquire(&port->lock);
	if (dead) {
		port->dead = true;
		/* In this order: who makes the port anew sets the bit only after this removal. */
		clear_bit(port->num, ports->used);
		rhashtable_remove_fast(&ports->table, &port->rhash, port_params);
	}
	spin_unlock_bh(&port->lock);
	if (dead)
		kfree_rcu(port, rcu);
}

#define ANY_ADDRESS	BIT_ULL(0)

static u64 port_address_bit(const struct in6_addr *addr)
{
	return yoke_port_any(addr) ? ANY_ADDRESS : BIT_ULL(1 + ipv6_addr_hash(addr) % 63);
}

/* What @owner, who comes, says of himself. */
static void port_sum_up(struct yoke_port *port, const struct yoke_owner *owner)
{
	u64 bit = port_address_bit(&owner->pair->laddr);
	const struct sock *sk = owner->sk;

	port->again |= port->addresses & bit;
	port->addresses |= bit;
	if (!sk) {
		port->reuse &= owner->reuse;
		port->reuseport &= owner->reuseport;
		return;
	}
	if (!port->n)
		port->uid = sk->sk_uid;
	port->reuse &= !!sk->sk_reuse;
	port->reuseport &= sk->sk_reuseport && uid_eq(port->uid, sk->sk_uid);
}

static void port_count_bound(struct yoke_port *port, struct yoke_owner *owner, bool bound)
{
	lockdep_assert_held(&port->lock);
	WRITE_ONCE(port->bound, port->bound + bound - owner->bound);
	owner->bound = bound;
}

static bool port_is_bound(const struct yoke_owner *owner)
{
	return owner->sk && READ_ONCE(owner->sk->sk_bound_dev_if);
}

/* Behind @of, or first of all if that is NULL: whoever looks for a conflict meets a listener early. */
static void port_add_owner(struct yoke_port *port, struct yoke_owner *owner, struct yoke_owner *of)
{
	lockdep_assert_held(&port->lock);
	port_sum_up(port, owner);
	if (of)
		hlist_add_behind(&owner->node, &of->node);
	else
		hlist_add_head(&owner->node, &port->owners);
	port->n++;
	port_count_bound(port, owner, port_is_bound(owner));
	WRITE_ONCE(owner->port, port);
}

/* Does an owner of any address whatever mean @addr, too? */
static bool port_any_means(const struct yoke_owner *owner, const struct in6_addr *addr)
{
	bool v6only = owner->sk ? ipv6_only_sock(owner->sk) : owner->v6only;

	return ipv6_addr_any(&owner->pair->laddr) && !(v6only && ipv6_addr_v4mapped(addr));
}

static bool port_addresses_overlap(const struct yoke_owner *owner, const struct yoke_owner *other)
{
	const struct in6_addr *a = &owner->pair->laddr, *b = &other->pair->laddr;

	if (ipv6_addr_equal(a, b) || port_any_means(owner, b) || port_any_means(other, a))
		return true;
	return (yoke_port_any_ipv4(a) && ipv6_addr_v4mapped(b)) || (yoke_port_any_ipv4(b) && ipv6_addr_v4mapped(a));
}

/* SO_REUSEPORT is between sockets of one user; what a TIME-WAIT's user was no longer matters. */
static bool port_share(const struct sock *sk, const struct yoke_owner *other)
{
	if (!sk->sk_reuseport)
		return false;
	if (!other->sk)
		return other->reuseport;
	return other->sk->sk_reuseport && uid_eq(sk->sk_uid, other->sk->sk_uid);
}

static bool port_share_address(const struct yoke_ports *ports, const struct sock *sk,
			       const struct yoke_owner *other)
{
	if (!sk->sk_reuse)
		return false;
	/* TCP_REPAIR: the connection had it before whoever has it now. */
	if (sk->sk_reuse == SK_FORCE_REUSE)
		return true;
	if (!other->sk)
		return other->reuse;
	return other->sk->sk_reuse && (ports->dgram || !other->listens);
}

/* Does @owner's claim to the port conflict with @other's? @strict: we choose it, so don't share. */
static bool port_owners_conflict(const struct yoke_ports *ports, const struct yoke_owner *owner,
				 const struct yoke_owner *other, bool strict)
{
	int dev = READ_ONCE(owner->sk->sk_bound_dev_if);
	int other_dev = other->sk ? READ_ONCE(other->sk->sk_bound_dev_if) : other->pair->dev;

	if (other == owner || !port_addresses_overlap(owner, other))
		return false;
	if (READ_ONCE(owner->vrf) != READ_ONCE(other->vrf) || (dev && other_dev && dev != other_dev))
		return false;
	return strict || !(port_share_address(ports, owner->sk, other) ||
			   port_share(owner->sk, other));
}

/* Might somebody else have an address that @owner, of the port already or not, wants, too? */
static bool port_may_overlap(const struct yoke_port *port, const struct yoke_owner *owner)
{
	u64 others = port->addresses, bit = port_address_bit(&owner->pair->laddr);

	if (owner->port)
		others = (others & ~bit) | port->again;
	return bit == ANY_ADDRESS ? others : others & (bit | ANY_ADDRESS);
}

/*
 * Do all share the port with @owner, by what they said when they came? As TCP, which asks no later, either,
 * but at listen(2), whether somebody has given up SO_REUSEADDR since; UDP always asks.
 */
static bool port_all_share(const struct yoke_ports *ports, const struct yoke_port *port,
			   const struct yoke_owner *owner)
{
	const struct sock *sk = owner->sk;

	if (ports->dgram)
		return false;
	if (sk->sk_reuse == SK_FORCE_REUSE)
		return true;
	if (sk->sk_reuse && port->reuse && !port->listeners && !owner->port)
		return true;
	return sk->sk_reuseport && port->reuseport && uid_eq(port->uid, sk->sk_uid);
}

static bool port_conflicts(const struct yoke_ports *ports, const struct yoke_port *port,
			   const struct yoke_owner *owner, bool strict)
{
	const struct yoke_owner *other;

	lockdep_assert_held(&port->lock);
	if (!port_may_overlap(port, owner) || (!strict && port_all_share(ports, port, owner)))
		return false;
	hlist_for_each_entry(other, &port->owners, node)
		if (port_owners_conflict(ports, owner, other, strict))
			return true;
	return false;
}

static int port_bind(struct yoke_ports *ports, struct yoke_owner *owner, u16 num, bool strict)
{
	struct yoke_port *port = port_lock(ports, num);
	int err = -EADDRINUSE;

	if (IS_ERR(port))
		return PTR_ERR(port);
	if (!port_conflicts(ports, port, owner, strict)) {
		port->shared = false;
		port_add_owner(port, owner, NULL);
		err = num;
	}
	port_unlock(ports, port);
	return err;
}

/* The next wanted port from @from to @high that is not reserved; 0 if there is none. */
static u16 port_next(const struct yoke_ports *ports, struct net *net, u32 from, u32 high,
		     enum want want)
{
	for (; from <= high; from++) {
		if (want == WANT_FREE)
			from = find_next_zero_bit(ports->used, high + 1, from);
		else
			from = find_next_bit(ports->used, high + 1, from);
		if (from <= high && from && !inet_is_local_reserved_port(net, from))
			return from;
	}
	return 0;
}

/*
 * Walks the wanted ephemeral ports once around, from @offset into their range,
 * until @visit returns other than -EEXIST, which is returned. -EADDRINUSE when
 * none is left.
 */
static int port_walk(struct yoke_ports *ports, struct yoke_owner *owner, u32 offset,
		     enum want want, visit_fn *visit, void *arg)
{
	struct net *net = sock_net(owner->sk);
	int low, high, half, err;
	u32 start, from, to;
	u16 num;

	inet_sk_get_local_port_range(owner->sk, &low, &high);
	start = low + offset % (high - low + 1);
	for (half = 0; half < 2; half++) {
		from = half ? low : start;
		to = half ? start - 1 : high;
		while ((num = port_next(ports, net, from, to, want))) {
			err = visit(ports, owner, num, arg);
			if (err != -EEXIST)
				return err;
			from = num + 1;
			cond_resched();
		}
	}
	return -EADDRINUSE;
}

static int port_visit_bind(struct yoke_ports *ports, struct yoke_owner *owner, u16 num, void *arg)
{
	int err = port_bind(ports, owner, num, true);

	return err == -EADDRINUSE ? -EEXIST : err;
}

int yoke_port_bind(struct yoke_ports *ports, struct yoke_owner *owner, u16 num)
{
	u32 offset;
	int err;

	if (num)
		return port_bind(ports, owner, num, false);

	/* A port in use will do if it is so on other addresses only. */
	offset = get_random_u32();
	err = port_walk(ports, owner, offset, WANT_FREE, port_visit_bind, NULL);
	if (err == -EADDRINUSE)
		err = port_walk(ports, owner, offset, WANT_USED, port_visit_bind, NULL);
	return err;
}

bool yoke_port_listen(struct yoke_ports *ports, struct yoke_owner *owner)
{
	struct yoke_port *port = owner->port;
	bool may;

	if (!port)
		return false;
	spin_lock_bh(&port->lock);
	may = !port_conflicts(ports, port, owner, false);
	if (may) {
		port->shared = false;
		owner->listens = true;
		port->listeners++;
	}
	spin_unlock_bh(&port->lock);
	return may;
}

static void port_stop_listening(struct yoke_port *port, struct yoke_owner *owner)
{
	lockdep_assert_held(&port->lock);
	port->listeners -= owner->listens;
	owner->listens = false;
}

void yoke_port_unlisten(struct yoke_owner *owner)
{
	struct yoke_port *port = owner->port;

	if (!port)
		return;
	spin_lock_bh(&port->lock);
	port_stop_listening(port, owner);
	spin_unlock_bh(&port->lock);
}

void yoke_port_rebind(struct yoke_owner *owner)
{
	struct yoke_port *port = owner->port;

	if (!port || owner->bound == port_is_bound(owner))
		return;
	spin_lock_bh(&port->lock);
	port_count_bound(port, owner, port_is_bound(owner));
	spin_unlock_bh(&port->lock);
}

void yoke_port_lock_owner(struct yoke_owner *owner)
{
	spin_lock_bh(&owner->port->lock);
}

void yoke_port_unlock_owner(struct yoke_owner *owner)
{
	spin_unlock_bh(&owner->port->lock);
}

void yoke_port_move(struct yoke_owner *owner, struct yoke_pair *pair, const struct yoke_pair *to)
{
	if (!owner->port) {
		*pair = *to;
		return;
	}
	yoke_port_lock_owner(owner);
	*pair = *to;
	yoke_port_unlock_owner(owner);
}

bool yoke_port_has_bound(const struct yoke_owner *owner)
{
	const struct yoke_port *port = READ_ONCE(owner->port);

	return port && READ_ONCE(port->bound);
}

struct attempt {
	int	(*try)(void *ctx, u16 port);
	void	*ctx;
};

/* Tries without the lock, but owning the port: @try may make a TIME-WAIT leave this very port. */
static int port_visit_connect(struct yoke_ports *ports, struct yoke_owner *owner, u16 num,
			      void *arg)
{
	const struct attempt *attempt = arg;
	struct yoke_port *port = port_lock(ports, num);
	bool ours = false;
	int err;

	if (IS_ERR(port))
		return PTR_ERR(port);
	if (hlist_empty(&port->owners))
		port->shared = true;
	if (port->shared) {
		port_add_owner(port, owner, NULL);
		ours = true;
	}
	port_unlock(ports, port);
	if (!ours)
		return -EEXIST;

	err = attempt->try(attempt->ctx, num);
	if (!err)
		return num;
	yoke_port_leave(ports, owner);
	return err;
}

int yoke_port_choose(struct yoke_ports *ports, struct yoke_owner *owner, u64 hash,
		     int (*try)(void *ctx, u16 port), void *ctx)
{
	struct attempt attempt = { .try = try, .ctx = ctx };
	atomic_t *next = &ports->next[(hash >> 32) % YOKE_PORT_COUNTERS];
	u32 offset;
	int err;

	/*
	 * Counted apart (RFC 6056 §3.3.4), and in random steps (§3.3.5), lest a peer count our connections
	 * to others.
	 */
	offset = (u32)hash + atomic_add_return(1 + (get_random_u32() & 7), next);
	err = port_walk(ports, owner, offset, WANT_FREE, port_visit_connect, &attempt);
	if (err == -EADDRINUSE)
		err = port_walk(ports, owner, offset, WANT_USED, port_visit_connect, &attempt);
	return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
}

void yoke_port_join(struct yoke_owner *owner, struct yoke_owner *of)
{
	struct yoke_port *port;

	rcu_read_lock();
	port = READ_ONCE(of->port);
	if (port) {
		spin_lock_bh(&port->lock);
		if (!port->dead) {
			owner->vrf = READ_ONCE(of->vrf);
			if (!owner->sk && of->sk) {
				owner->reuse = of->sk->sk_reuse;
				owner->reuseport = of->sk->sk_reuseport;
				owner->v6only = ipv6_only_sock(of->sk);
			}
			/* It may have left since. */
			port_add_owner(port, owner, READ_ONCE(of->port) == port ? of : NULL);
		}
		spin_unlock_bh(&port->lock);
	}
	rcu_read_unlock();
}

void yoke_port_leave(struct yoke_ports *ports, struct yoke_owner *owner)
{
	struct yoke_port *port = owner->port;

	if (!port)
		return;
	spin_lock_bh(&port->lock);
	__release(&port->lock);
	port_stop_listening(port, owner);
	port_count_bound(port, owner, false);
	hlist_del_init(&owner->node);
	port->n--;
	WRITE_ONCE(owner->port, NULL);
	port_unlock(ports, port);
}
