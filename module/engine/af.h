/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one door from the engine to what carries segments: IPv4, IPv6; encapsulations are further files
 * in module/ip/.
 */
#ifndef YOKE_AF_H
#define YOKE_AF_H

#include <linux/netdevice.h>
#include <net/dst.h>
#include <net/sock.h>
#include "../algo/pair.h"

struct ip_options_rcu;
struct yoke_af_ops;
struct yoke_dgram_dest;
struct yoke_rx;

/*
 * The way of a packet sent for no socket (reset, TIME-WAIT's ACK, SYN-ACK): where to, and how to mark
 * it. @dst: the route, with a reference, if it has been looked up.
 */
struct yoke_route {
	struct yoke_pair pair;
	const struct yoke_af_ops *af;
	struct dst_entry *dst;
	int	oif;
	u32	mark;
	__be32	flow;		/* flow label, 0: what the host makes of @txhash */
	u32	txhash;		/* as sk_txhash; 0: of addresses and ports */
	u8	tos;
	u8	ttl;		/* 0: the route's */
	bool	foreign;	/* from an address that is none of ours */
	const struct ip_options_rcu *options;	/* of its IP header, or NULL */
};

/**
 * struct yoke_af_ops - a carrier
 * @family:		AF_INET …
 * @header_len:		its header on each packet, bytes
 * @mss_default:	send MSS when the peer names none (RFC 9293 MUST-15)
 *
 * @connect:	finds the route from @sk's local address to @pair->raddr, fills in
 *		@pair->laddr if it is unspecified, keeps route and flow in @sk. Socket
 *		locked, process or BH. 0 or -errno (-ENETUNREACH, -EACCES for broadcast …).
 * @refresh:	the route of an established @sk was lost: find it again. Returns NULL if there is
 *		none now (sk_err_soft says why).
 * @xmit:	hands a segment (transport header at skb->data) to IP for a connected @sk, with @ecn
 *		(YOKE_IP_*) in its header, consumes it. 0 or -errno.
 * @route_for:	looks @r->dst up. @sk, may be NULL, only lends its options. 0 or -errno.
 * @xmit_for:	sends for no socket, by @r->dst, whose reference goes along. Consumes @skb. 0 or -errno.
 * @options_back: what the IP header of an answer to @skb carries: its source route turned round, for
 *		one. The caller frees it. NULL: nothing, or there is no memory. Softirq or BH off.
 * @checksum:	sets up the transport checksum of @skb (field at @offset in the header, protocol
 *		@proto) between @pair's ends.
 *
 * Of datagrams, process context, without a lock:
 *
 * @dgram_dest:	completes @d, which has both addresses, by @sk's options and the control messages of
 *		@msg. 0 or -errno; @d->options is the caller's to free either way.
 * @dgram_route: the route to @d, with a reference; fills in the addresses that routing chose.
 *		ERR_PTR(-errno).
 * @dgram_mtu:	the longest packet that may leave by @dst, bytes.
 * @dgram_xmit:	hands a datagram (transport header at skb->data, route in it) to IP, consumes it. 0 or
 *		-errno.
 * @dgram_too_long: tells @sk's error queue, if it wants to hear it, that no more than @mtu bytes fit.
 *
 * And in softirq under RCU:
 *
 * @dgram_nobody: tells the sender of @skb that nobody has its port.
 * @dgram_hears: does @sk want what came to the group that @skb names?
 * @queue_error: puts the ICMP message @skb, which quotes @quoted and what is behind it, into @sk's error
 *		queue (IP_RECVERR), as an @err of its peer's @port.
 */
struct yoke_af_ops {
	u16	family;
	u16	header_len;
	u16	mss_default;

	int	(*connect)(struct sock *sk, struct yoke_pair *pair);
	struct dst_entry *(*refresh)(struct sock *sk);
	int	(*xmit)(struct sock *sk, struct sk_buff *skb, u8 ecn);
	int	(*route_for)(struct net *net, struct sock *sk, struct yoke_route *r);
	int	(*xmit_for)(struct net *net, struct sock *sk, struct sk_buff *skb,
			    const struct yoke_route *r);
	struct ip_options_rcu *(*options_back)(struct net *net, const struct sk_buff *skb);
	void	(*checksum)(struct sk_buff *skb, const struct yoke_pair *pair, u8 proto,
			    u16 offset);

	int	(*dgram_dest)(struct sock *sk, struct msghdr *msg, struct yoke_dgram_dest *d);
	struct dst_entry *(*dgram_route)(struct sock *sk, struct yoke_dgram_dest *d);
	u32	(*dgram_mtu)(struct sock *sk, const struct yoke_dgram_dest *d,
			     const struct dst_entry *dst);
	int	(*dgram_xmit)(struct sock *sk, struct sk_buff *skb,
			      const struct yoke_dgram_dest *d);
	void	(*dgram_too_long)(struct sock *sk, const struct yoke_dgram_dest *d, u32 mtu);
	void	(*dgram_nobody)(struct sk_buff *skb);
	bool	(*dgram_hears)(struct sock *sk, const struct sk_buff *skb,
			       const struct yoke_rx *rx);
	void	(*queue_error)(struct sock *sk, struct sk_buff *skb, int err, __be16 port,
			       const void *quoted);
};

/* Is @af IPv6? Never in a kernel without, where what is said of that is left out. */
static inline bool yoke_af_is_ipv6(const struct yoke_af_ops *af)
{
	return IS_ENABLED(CONFIG_IPV6) && af->family == AF_INET6;
}

/*
 * Of the device that the route @dst leads to: the room for what it, and IPsec, put in front of a
 * packet, and its MTU. One that goes lets go of the route, and is freed after a grace period.
 */
static inline unsigned int yoke_af_link_room(const struct dst_entry *dst)
{
	const struct net_device *dev;
	unsigned int room;

	rcu_read_lock();
	dev = READ_ONCE(dst->dev);
	room = LL_RESERVED_SPACE(dev) + dst->header_len;
	rcu_read_unlock();
	return room;
}

static inline u32 yoke_af_link_mtu(const struct dst_entry *dst)
{
	const struct net_device *dev;
	u32 mtu;

	rcu_read_lock();
	dev = READ_ONCE(dst->dev);
	mtu = READ_ONCE(dev->mtu);
	rcu_read_unlock();
	return mtu;
}

/*
 * What one received packet is to the engine; filled in by the carrier, which has verified lengths
 * and checksum.
 */
struct yoke_rx {
	struct yoke_pair pair;		/* as we see it: local is the destination; @dev: its receiver's */
	const struct yoke_af_ops *af;
	struct ip_options_rcu *options;	/* of the answers to it; NULL, until somebody asks */
	int	iif;
	int	sdif;		/* if it came by a device of a VRF: that, and @iif is the VRF's */
	u32	mark;		/* its receiver's, SO_MARK */
	u32	isn;		/* what a SYN that ends a TIME-WAIT must start from, else 0 */
	u8	tos;		/* without its ECN field, */
	u8	ecn;		/* YOKE_IP_* */
	u8	ttl;
	bool	many:1,		/* it came to a group, or to all */
		foreign:1;	/* its receiver speaks for others (IP_TRANSPARENT) */
	__be32	flow;		/* its flow label, unless answers to it have none of it */
};

/* The device that it came by, and no VRF. */
static inline int yoke_rx_dev(const struct yoke_rx *rx)
{
	return rx->sdif ?: rx->iif;
}

/* The VRF, 0: none. */
static inline int yoke_rx_vrf(const struct yoke_rx *rx)
{
	return rx->sdif ? rx->iif : 0;
}

#endif
