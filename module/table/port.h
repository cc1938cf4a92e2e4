/* SPDX-License-Identifier: GPL-2.0 */
/* Ports: who owns which one in a namespace, and the choice of an ephemeral one (RFC 6056). */
#ifndef YOKE_PORT_H
#define YOKE_PORT_H

#include <linux/rhashtable.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include "../algo/pair.h"

/**
 * struct yoke_port - a port in use
 * @rhash:	in &yoke_ports.table
 * @num:	host byte order
 * @shared:	only connections that chose it by themselves own it, so that
 *		another may choose it too
 * @dead:	left the table; look up again
 * @reuse:	all who have come had SO_REUSEADDR, as they did
 * @reuseport:	all who have come had SO_REUSEPORT, and were of one user, @uid
 * @listeners:	how many of @owners listen
 * @addresses:	a bit for each that they came with, by its hash, the lowest for any address
 * @again:	those of these that a second one came with
 * @lock:	protects all of this; taken with BH off
 * @owners:	list of struct yoke_owner; who joined one comes behind him
 * @n:		how many they are
 * @bound:	how many of them are bound to a device; read without the lock, too
 */
struct yoke_port {
	struct rhash_head rhash;
	u16		num;
	bool		shared;
	bool		dead;
	bool		reuse;
	bool		reuseport;
	kuid_t		uid;
	unsigned int	listeners;
	u64		addresses;
	u64		again;
	spinlock_t	lock;
	struct hlist_head owners;
	unsigned int	n;
	unsigned int	bound;
	struct rcu_head	rcu;
};

/**
 * struct yoke_owner - a socket's (or TIME-WAIT's) hold on a port
 * @node:	in &yoke_port.owners
 * @port:	NULL while it holds none
 * @sk:		the socket, NULL for a TIME-WAIT
 * @pair:	its owner's; whose @laddr it is bound to, unspecified for any
 * @vrf:	the VRF whose ports are others than those of the rest, 0: it has the rest's
 * @listens:	of a socket: it has the port as a listener; under the port's lock, as all these
 * @bound:	of a socket: it counts in &yoke_port.bound
 * @reuse:	of a TIME-WAIT: its socket's SO_REUSEADDR; yoke_port_join() takes it
 * @reuseport:	likewise
 * @v6only:	likewise, IPV6_V6ONLY
 */
struct yoke_owner {
	struct hlist_node node;
	struct yoke_port *port;
	struct sock	*sk;
	const struct yoke_pair *pair;
	u32	vrf;
	bool	listens:1,
		bound:1,
		reuse:1,
		reuseport:1,
		v6only:1;
};

#define YOKE_PORT_COUNTERS	256

/**
 * struct yoke_ports - the port space of one protocol in one namespace
 * @table:	struct yoke_port by number
 * @used:	bit per port that is in @table, so that a free one is found at any fill
 * @key:	secret of RFC 6056's hash
 * @next:	one of them, by the destination, grows with each port chosen, so that a new choice goes
 *		on behind the last (RFC 6056 §3.3.4, §3.3.5)
 * @dgram:	the datagram space: no TIME-WAIT, a reuse bind may share with any reuse bind
 */
struct yoke_ports {
	struct rhashtable table;
	unsigned long	*used;
	siphash_key_t	key;
	atomic_t	next[YOKE_PORT_COUNTERS];
	bool		dgram;
};

/* Is @addr, a local one, any of IPv4; or any whatever? */
static inline bool yoke_port_any_ipv4(const struct in6_addr *addr)
{
	return ipv6_addr_v4mapped(addr) && !addr->s6_addr32[3];
}

static inline bool yoke_port_any(const struct in6_addr *addr)
{
	return ipv6_addr_any(addr) || yoke_port_any_ipv4(addr);
}

int yoke_port_init_net(struct yoke_ports *ports, bool dgram);
void yoke_port_exit_net(struct yoke_ports *ports);

/*
 * bind(2): @owner gets port @num, or a free ephemeral one if it is 0, if that conflicts with no
 * other owner (addresses overlap, unless both have SO_REUSEADDR and neither listens, or both
 * SO_REUSEPORT and the same user). @owner->sk and ->pair are set. Process context, socket locked.
 * Returns the port number or -EADDRINUSE, -ENOMEM.
 */
int yoke_port_bind(struct yoke_ports *ports, struct yoke_owner *owner, u16 num);

/*
 * May @owner's port still be used by a listener (listen(2) after a shared bind)? True if no other
 * owner conflicts now: from here on it is one, until yoke_port_unlisten().
 */
bool yoke_port_listen(struct yoke_ports *ports, struct yoke_owner *owner);
void yoke_port_unlisten(struct yoke_owner *owner);

/* @owner's socket is bound to another device now, or to none. Socket locked. */
void yoke_port_rebind(struct yoke_owner *owner);
/*
 * Between the two nobody who binds the port that @owner has looks at its owners' addresses. BH off; socket
 * locked.
 */
void yoke_port_lock_owner(struct yoke_owner *owner) __acquires(&owner->port->lock);
void yoke_port_unlock_owner(struct yoke_owner *owner) __releases(&owner->port->lock);
/*
 * @pair, @owner's, becomes @to. Whoever binds @owner's port meanwhile, if it has one, sees the old local
 * address or the new one, not half of each. Socket locked.
 */
void yoke_port_move(struct yoke_owner *owner, struct yoke_pair *pair, const struct yoke_pair *to);
/* Under RCU: may anybody who has @owner's port be bound to a device? */
bool yoke_port_has_bound(const struct yoke_owner *owner);

/*
 * connect(2) without bind: tries ephemeral ports, first free ones from the bitmap, then those
 * shared by connections, in an order that @hash (RFC 6056 §3.3.4: keyed, of the destination)
 * starts, until @try(@ctx, port) returns 0. @try returns -EEXIST for "next one";
 * any other error ends the search. Returns the port number, -EADDRNOTAVAIL when none is left, or
 * @try's error.
 */
int yoke_port_choose(struct yoke_ports *ports, struct yoke_owner *owner, u64 hash,
		     int (*try)(void *ctx, u16 port), void *ctx);

/*
 * @owner joins the port of @of (an accepted connection its listener's; a TIME-WAIT
 * its connection's). Any context; @of's struct yoke_port must stay: its socket is
 * locked, or RCU is held. Holds none afterwards if @of holds none by then.
 */
void yoke_port_join(struct yoke_owner *owner, struct yoke_owner *of);
/* @owner lets go of its port, if it holds one. Any context. */
void yoke_port_leave(struct yoke_ports *ports, struct yoke_owner *owner);

#endif
