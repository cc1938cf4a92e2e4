/* SPDX-License-Identifier: GPL-2.0 */
/* Demultiplexing: from a packet to whoever wants it. Called by the carriers. */
#ifndef YOKE_RCV_H
#define YOKE_RCV_H

#include "af.h"

/*
 * A stream segment, consumed. Transport header set and all of it linear, checksum verified, softirq
 * under RCU.
 */
void yoke_rcv_segment(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx);

/*
 * sk_backlog_rcv: a segment that came while a program held @sk. The connection's; or, if that has
 * ended meanwhile, whoever's the pair is now. Consumed. Socket owned.
 */
int yoke_rcv_backlog(struct sock *sk, struct sk_buff *skb);

/*
 * An ICMP error about a stream segment of ours. @hdr is the quoted transport header's
 * first eight bytes, @rx->pair the quoted addresses and ports as we would see them. @err
 * is the errno, @no_way if a router knows none; @mtu not 0: packet too big. @err 0: a redirect.
 */
void yoke_rcv_error(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx,
		    const void *hdr, int err, bool no_way, u32 mtu);

#endif
