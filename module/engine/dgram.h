/* SPDX-License-Identifier: GPL-2.0 */
/* The datagram type: ports and boundaries, no connection (RFC 768). */
#ifndef YOKE_DGRAM_H
#define YOKE_DGRAM_H

#include <linux/udp.h>
#include <net/inet_sock.h>
#include "../table/net.h"
#include "af.h"

/**
 * struct yoke_dgram - a datagram socket
 * @inet:	first, as in every inet socket
 * @rhlist:	in &yoke_net.dgrams, keyed by @pair
 * @pair:	local and (connected) remote socket; stable while hashed
 * @owner:	hold on the local port
 * @af:		the carrier
 * @hashed:	it is in the table
 * @port_locked: bind(2) chose the port: disconnecting keeps it
 */
struct yoke_dgram {
	struct inet_sock inet;
	struct rhlist_head rhlist;
	struct yoke_pair pair;
	struct yoke_owner owner;
	const struct yoke_af_ops *af;
	bool	hashed;
	bool	port_locked;
	bool	addr_locked;
};

static inline struct yoke_dgram *yoke_dg(const struct sock *sk)
{
	return (struct yoke_dgram *)sk;
}

extern struct proto yoke_dgram_proto;
extern const struct proto_ops yoke_dgram_ops;

int yoke_dgram_init_net(struct yoke_net *yn);
void yoke_dgram_exit_net(struct yoke_net *yn);

/* A datagram, consumed. Transport header set and pulled; length and checksum are checked here. Softirq under RCU. */
void yoke_dgram_rcv(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx);
/* An ICMP error about a datagram of ours; arguments as yoke_rcv_error(). */
void yoke_dgram_error(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx, int type, int code, int err, bool hard, u32 info);

#endif
