/* SPDX-License-Identifier: GPL-2.0 */
/* What the header of a datagram carries beside addresses: options of IPv4, extension headers of IPv6. */
#ifndef YOKE_OPTIONS_H
#define YOKE_OPTIONS_H

#include <net/ipv6.h>
#include "../engine/dgram.h"

/* Where a packet to @to goes first: to the first stop of a source route, or there. Under RCU. */
static inline __be32 yoke_options_hop(const struct ip_options_rcu *opt, __be32 to)
{
	return opt && opt->opt.srr ? opt->opt.faddr : to;
}

/*
 * What came as options of @skb, as an answer carries it (@options_back of struct yoke_af_ops): the
 * source route back, and room for the way's addresses and times.
 */
struct ip_options_rcu *yoke_options_back(struct net *net, const struct sk_buff *skb);
/* IP_RETOPTS: the @len bytes at @data are the options of @d. 0, -EINVAL, -ENOMEM. */
int yoke_options_read(struct net *net, struct yoke_dgram_dest *d, const void *data, size_t len);
/* @d has the options of @sk, unless it has its own. 0 or -ENOMEM. */
int yoke_options_take(struct sock *sk, struct yoke_dgram_dest *d);
/* Writes @opt behind the header of @skb, which is going to @daddr. */
void yoke_options_write(struct sk_buff *skb, const struct ip_options *opt, __be32 daddr);

#if IS_ENABLED(CONFIG_IPV6)

/*
 * @d has the extension headers of @opt, those of the control messages, or else of @sk, and of its flow
 * label. 0, -ENOMEM, -EINVAL.
 */
int yoke_options_take6(struct sock *sk, struct yoke_dgram_dest *d, struct ipv6_txoptions *opt);
/*
 * A routing header sends @fl6 to its first stop. Returns @final, where it was to go, for
 * ip6_dst_lookup_flow(); NULL without one. @opt may be NULL.
 */
struct in6_addr *yoke_options_hop6(const struct ipv6_txoptions *opt, struct flowi6 *fl6,
				   struct in6_addr *final);
/*
 * Puts the headers of @opt in front of @skb, whose first is @proto: so is theirs afterwards. Returns
 * the packet's destination, @daddr or the first stop on the way there.
 */
const struct in6_addr *yoke_options_push6(struct sk_buff *skb, struct ipv6_txoptions *opt, u8 *proto,
					  const struct in6_addr *daddr);

#endif

#endif
