/* SPDX-License-Identifier: GPL-2.0 */
/* What the carriers IPv4 and IPv6 have in common. */
#ifndef YOKE_CARRIER_H
#define YOKE_CARRIER_H

#include <linux/skbuff.h>
#include <linux/udp.h>
#include "../engine/dgram.h"
#include "../engine/rcv.h"
#include "../table/trace.h"

/*
 * Keeps the route @dst, whose reference it takes over, in @sk, with what follows from it for large
 * buffers, which call themselves @gso_type. Socket locked.
 */
void yoke_carrier_keep_route(struct sock *sk, struct dst_entry *dst, int gso_type);
/*
 * Sets up the checksum at @offset in the header of @skb, whose memory may be another afterwards.
 * @pseudo: sum of the pseudo-header.
 */
void yoke_carrier_checksum(struct sk_buff *skb, __wsum pseudo, u16 offset);
/* The transport header of a segment is whole and linear. */
bool yoke_carrier_pull(struct sk_buff *skb);

/* What registering protocol @number of @ip came to, @ret: 0, or -EBUSY and a word of advice. */
int yoke_carrier_taken(int ret, const char *ip, u8 number, const char *parameter);

/* A queueing discipline's word for the packet's fate, as an errno. */
static inline int yoke_carrier_errno(int ret)
{
	return ret > 0 ? net_xmit_errno(ret) : ret;
}

/* What IP made of a packet that came. */
typedef __wsum yoke_pseudo_fn(struct sk_buff *skb, int proto);
typedef void yoke_fill_fn(struct yoke_rx *rx, const struct sk_buff *skb);

/*
 * @dgram_too_long of struct yoke_af_ops. @hdr: a header of the carrier's that names the destination,
 * @daddr_at bytes into it. Process context.
 */
void yoke_carrier_dgram_too_long(struct sock *sk, const struct yoke_dgram_dest *d, u32 mtu,
				 const void *hdr, u16 daddr_at);
/*
 * ICMP says @err of a datagram: tells @sk, if it is connected and the error @hard, or IP has @queued it,
 * as the program wants to know it all.
 */
void yoke_carrier_dgram_error(struct sock *sk, int err, bool hard, bool queued);

/*
 * The route that a connected datagram socket keeps, with a reference, if it is one of @family: another
 * thread may be connecting it by the other. NULL: none that holds.
 */
static inline struct dst_entry *yoke_carrier_dgram_route(struct sock *sk, u16 family, u32 cookie)
{
	struct dst_entry *dst = sk_dst_check(sk, cookie);

	if (likely(!dst || dst->ops->family == family))
		return dst;
	dst_release(dst);
	return NULL;
}

/* As yoke_carrier_segment(). There may be no checksum: who it is for decides whether it needs one. */
static __always_inline int yoke_carrier_datagram(struct sk_buff *skb, yoke_pseudo_fn *pseudo,
						 yoke_fill_fn *fill)
{
	struct net *net = dev_net(skb->dev);
	struct yoke_rx rx;
	unsigned int len;

	if (!pskb_may_pull(skb, sizeof(struct udphdr)))
		goto bad;
	len = ntohs(udp_hdr(skb)->len);
	if (len < sizeof(struct udphdr) || len > skb->len || pskb_trim_rcsum(skb, len))
		goto bad;
	fill(&rx, skb);
	if (skb_checksum_validate_zero_check(skb, yoke_dgram_protocol, udp_hdr(skb)->check, pseudo)) {
		yoke_count(net, DgramInErrors);
		yoke_drop(net, NULL, skb, DgramInCsumErrors);
		return 0;
	}
	yoke_dgram_rcv(net, skb, &rx);
	return 0;
bad:
	yoke_drop(net, NULL, skb, DgramInErrors);
	return 0;
}

/*
 * A segment arrives: lengths and checksum. @unicast: it came to us alone (RFC 9293 MUST-57: a stream
 * has one peer). Softirq under RCU. Inlined, so that what is given to it is called directly.
 */
static __always_inline int yoke_carrier_segment(struct sk_buff *skb, bool unicast,
						yoke_pseudo_fn *pseudo, yoke_fill_fn *fill)
{
	struct net *net = dev_net(skb->dev);
	struct yoke_rx rx;

	if (!unicast) {
		yoke_drop(net, NULL, skb, NotUnicast);
		return 0;
	}
	yoke_count(net, InSegs);
	if (!yoke_carrier_pull(skb)) {
		yoke_drop(net, NULL, skb, InErrs);
		return 0;
	}
	if (skb_checksum_validate(skb, yoke_stream_protocol, pseudo)) {
		yoke_count(net, InErrs);
		yoke_drop(net, NULL, skb, InCsumErrors);
		return 0;
	}
	fill(&rx, skb);
	yoke_rcv_segment(net, skb, &rx);
	return 0;
}

#endif
