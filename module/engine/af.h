/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one door from the engine to what carries segments: IPv4 today; IPv6 and encapsulations are
 * further files in module/ip/.
 */
#ifndef YOKE_AF_H
#define YOKE_AF_H

#include <net/sock.h>
#include "../algo/pair.h"

/* A packet sent for no socket (reset, TIME-WAIT's ACK, SYN-ACK): where to, and how to mark it. */
struct yoke_route {
	struct yoke_pair pair;
	int	oif;
	u32	mark;
	u8	tos;
	u8	ttl;		/* 0: the route's */
};

/**
 * struct yoke_af_ops - a carrier
 * @family:		AF_INET …
 * @header_len:		its header on each packet, bytes
 * @min_mtu:		least MTU it works with
 * @mss_default:	send MSS when the peer names none (RFC 9293 MUST-15)
 *
 * @connect:	finds the route from @sk's local address to @pair->raddr, fills in
 *		@pair->laddr if it is unspecified, keeps route and flow in @sk. Socket
 *		locked, process or BH. 0 or -errno (-ENETUNREACH, -EACCES for broadcast …).
 * @refresh:	the route of an established @sk was lost: find it again. Returns NULL if there is
 *		none now (sk_err_soft says why).
 * @xmit:	hands a segment (transport header at skb->data) to IP for a connected @sk, with @ecn
 *		(YOKE_IP_*) in its header, consumes it. 0 or -errno.
 * @xmit_for:	same for no socket; @sk, may be NULL, only lends its
 *		options. Consumes @skb. 0 or -errno.
 * @mtu_for:	path MTU toward @r->pair, in bytes, the MSS the route wants advertised in @advmss,
 *		and in @ecn whether it is one for ECN; 0 if there is no route.
 * @checksum:	sets up the transport checksum of @skb (field at @offset in the header, protocol
 *		@proto) between @pair's ends.
 * @bind_check:	may @addr (@ifindex: SO_BINDTODEVICE) be bound: 0, -EADDRNOTAVAIL
 */
struct yoke_af_ops {
	u16	family;
	u16	header_len;
	u16	min_mtu;
	u16	mss_default;

	int	(*connect)(struct sock *sk, struct yoke_pair *pair);
	struct dst_entry *(*refresh)(struct sock *sk);
	int	(*xmit)(struct sock *sk, struct sk_buff *skb, u8 ecn);
	int	(*xmit_for)(struct net *net, struct sock *sk, struct sk_buff *skb,
			    const struct yoke_route *r);
	unsigned int (*mtu_for)(struct net *net, struct sock *sk, const struct yoke_route *r,
				u16 *advmss, bool *ecn);
	void	(*checksum)(struct sk_buff *skb, const struct yoke_pair *pair, u8 proto,
			    u16 offset);
	int	(*bind_check)(struct sock *sk, const struct in6_addr *addr);
};

/*
 * What one received packet is to the engine; filled in by the carrier, which has verified lengths
 * and checksum.
 */
struct yoke_rx {
	struct yoke_pair pair;		/* as we see it: local is the destination */
	const struct yoke_af_ops *af;
	int	iif;
	u32	isn;		/* what a SYN that ends a TIME-WAIT must start from, else 0 */
	u8	tos;		/* without its ECN field, */
	u8	ecn;		/* YOKE_IP_* */
	u8	ttl;
};

#endif
