/* SPDX-License-Identifier: GPL-2.0 */
/* The datagram type: ports and boundaries, no connection (RFC 768). */
#ifndef YOKE_DGRAM_H
#define YOKE_DGRAM_H

#include <linux/udp.h>
#include <net/inet_sock.h>
#include "../table/net.h"
#include "af.h"
#include "train.h"

/**
 * struct yoke_dgram_dest - where one datagram goes, and how
 * @pair:	from and to; the local address may be unspecified: the route's choice
 * @af:		the carrier
 * @flow:	IPv6: flow label
 * @tos:	of the IP header
 * @ttl:	likewise, -1: the socket's
 * @named:	to the address that came with it
 * @locked:	the socket is, by who finds this out
 * @connected:	to the socket's peer with the socket's options: its route will do
 * @link:	neighbours only (MSG_DONTROUTE)
 * @whole:	IPv6: not to be fragmented (IPV6_DONTFRAG)
 * @oif:	device, 0: any
 * @control:	there are control messages that are not UDP's
 * @priority:	for queueing
 * @segment:	UDP_SEGMENT: a train of datagrams of so many bytes, 0: one datagram
 * @options:	struct ip_options or ipv6_txoptions for its header, to be freed; NULL: none
 * @options_len: how long that makes it, bytes
 * @cookie:	mark for routing, time to leave, and timestamps that are asked for
 */
struct yoke_dgram_dest {
	struct yoke_pair pair;
	const struct yoke_af_ops *af;
	__be32	flow;
	s16	ttl;
	u8	tos;
	bool	named;
	bool	locked;
	bool	connected;
	bool	link;
	bool	whole;
	bool	control;
	int	oif;
	u32	priority;
	u16	segment;
	u16	options_len;
	void	*options;
	struct sockcm_cookie cookie;
};

/**
 * struct yoke_dgram - a datagram socket
 * @inet:	first, as in every inet socket
 * @rhlist:	in &yoke_net.dgrams, keyed by @pair
 * @pair:	local and (connected) remote socket; stable while hashed
 * @owner:	hold on the local port
 * @hashed:	it is in the table
 * @cork:	UDP_CORK: all that is sent is one datagram, until this is cleared
 * @trains:	UDP_GRO: it takes trains as they are
 * @no_check6_tx: UDP_NO_CHECK6_TX: no checksum over IPv6
 * @no_check6_rx: UDP_NO_CHECK6_RX: none is wanted either
 * @segment:	UDP_SEGMENT
 * @pending:	a datagram is being put together: its parts are in sk_write_queue
 * @pending_len: its length
 * @pending_mtu: what the way lets pass, found when it was begun
 * @dest:	and where it will go
 */
struct yoke_dgram {
	struct inet_sock inet;
	struct rhlist_head rhlist;
	struct yoke_pair pair;
	struct yoke_owner owner;
	bool	hashed;
	bool	cork;
	bool	trains;
	bool	no_check6_tx;
	bool	no_check6_rx;
	bool	pending;
	u16	segment;
	u32	pending_len;
	u32	pending_mtu;
	struct yoke_dgram_dest dest;
};

static inline struct yoke_dgram *yoke_dg(const struct sock *sk)
{
	return (struct yoke_dgram *)sk;
}

/* Some socket has, or had, UDP_GRO on: before, nobody looks for it. */
DECLARE_STATIC_KEY_FALSE(yoke_dgram_trains);

int yoke_dgram_init_net(struct yoke_net *yn);
void yoke_dgram_exit_net(struct yoke_net *yn);

/*
 * Puts @sk in the table to where its names, which have changed, belong, and in the group of those
 * that share them by SO_REUSEPORT. -ENOMEM: then it is in it no more. Socket lock held.
 */
int yoke_dgram_enter(struct sock *sk);
void yoke_dgram_leave(struct sock *sk);
/* SO_BINDTODEVICE: its device is another now. */
void yoke_dgram_rebind(struct sock *sk);

/*
 * A datagram, consumed. Transport header at skb->data and pulled; the carrier has verified length and
 * checksum, if there is one. Softirq under RCU.
 */
void yoke_dgram_rcv(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx);
/* GRO: is the datagram of @rx for a socket that takes trains? Softirq under RCU. */
bool yoke_dgram_wants_trains(struct net *net, const struct yoke_rx *rx);
/* The socket that an ICMP error about a datagram is for, or NULL. Softirq under RCU. */
struct sock *yoke_dgram_find(struct net *net, const struct yoke_rx *rx);

#endif
