// SPDX-License-Identifier: GPL-2.0
/*
 * What the carriers IPv4 and IPv6 have in common: keeping a route, the transport checksum, whether
 * a header is whole, the error queue.
 *
 * Owns: the route, the GSO type and the limits of large buffers in struct sock.
 * RFC 9293 §3.1 (header, checksum).
 */
#include <linux/errqueue.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/tcp.h>
#include <net/xfrm.h>
#include "../engine/addr.h"
#include "carrier.h"

/*
 * Large buffers are always allowed, software cuts them where the device does not, unless IPsec will
 * change them.
 */
void yoke_carrier_keep_route(struct sock *sk, struct dst_entry *dst, int gso_type)
{
	const struct net_device *dev;
	u32 size;

	/* A device that goes lets go of the route, and is freed after a grace period. */
	rcu_read_lock();
	dev = READ_ONCE(dst->dev);
	sk->sk_gso_type = gso_type;
	sk->sk_route_caps = dev->features;
	sk->sk_gso_max_segs = 1;
	if (sk->sk_gso_disabled || (dst->header_len && !xfrm_dst_offload_ok(dst))) {
		sk->sk_route_caps &= ~NETIF_F_GSO_MASK;
	} else {
		sk->sk_route_caps |= NETIF_F_GSO | NETIF_F_GSO_SOFTWARE | NETIF_F_SG |
				     NETIF_F_HW_CSUM;
		/* An administrator may have set next to nothing. */
		size = clamp_t(u32, READ_ONCE(dev->gso_max_size), MAX_TCP_HEADER + 1, IP_MAX_MTU + 1);
		sk->sk_gso_max_size = size - (MAX_TCP_HEADER + 1);
		sk->sk_gso_max_segs = max_t(u32, READ_ONCE(dev->gso_max_segs), 1);
	}
	rcu_read_unlock();
	sk_dst_set(sk, dst);
}

/*
 * Does @skb stay on this host? A device that would sum it may hand it on to one that sums TCP's and UDP's
 * only, as a bridge does, a veth, a guest's: IP's core takes ours for those by where the field is
 * (skb_csum_hwoffload_help()), and nobody sums it. Nor do all cards that say they sum any bytes: mlx5's and
 * atlantic's go by the protocol.
 */
static bool carrier_stays_here(const struct sk_buff *skb)
{
	const struct dst_entry *dst = skb_dst(skb);

	if (!dst && skb->sk)
		dst = rcu_dereference(skb->sk->sk_dst_cache);
	return dst && (dst->dev->flags & IFF_LOOPBACK);
}

void yoke_carrier_checksum(struct sk_buff *skb, __wsum pseudo, u16 offset)
{
	__sum16 *check = (__sum16 *)(skb->data + offset);
	bool offload;

	/* A large buffer is summed when it is cut. */
	rcu_read_lock();
	offload = skb_is_gso(skb) || carrier_stays_here(skb);
	rcu_read_unlock();
	if (offload) {
		*check = ~csum_fold(pseudo);
		skb->csum_start = skb->data - skb->head;
		skb->csum_offset = offset;
		skb->ip_summed = CHECKSUM_PARTIAL;
		return;
	}
	/* Whoever owns its pages may still write into them (sendfile): what is summed is what leaves. */
	if (unlikely(skb_has_shared_frag(skb)) && !__skb_linearize(skb))
		check = (__sum16 *)(skb->data + offset);
	*check = 0;
	*check = csum_fold(skb_checksum(skb, 0, skb->len, pseudo)) ?: CSUM_MANGLED_0;
	skb->ip_summed = CHECKSUM_NONE;
}

bool yoke_carrier_pull(struct sk_buff *skb)
{
	if (!pskb_may_pull(skb, sizeof(struct tcphdr)))
		return false;
	return tcp_hdrlen(skb) >= sizeof(struct tcphdr) && pskb_may_pull(skb, tcp_hdrlen(skb));
}

void yoke_carrier_dgram_too_long(struct sock *sk, const struct yoke_dgram_dest *d, u32 mtu,
				 const void *hdr, u16 daddr_at)
{
	struct sock_exterr_skb *serr;
	struct sk_buff *skb;

	if (!yoke_addr_recverr(sk, d->af))
		return;
	skb = alloc_skb(d->af->header_len, GFP_KERNEL);
	if (!skb)
		return;
	skb->protocol = d->af->family == AF_INET ? htons(ETH_P_IP) : htons(ETH_P_IPV6);
	skb_reset_network_header(skb);
	skb_put_data(skb, hdr, d->af->header_len);
	__skb_pull(skb, d->af->header_len);
	skb_reset_transport_header(skb);
	serr = SKB_EXT_ERR(skb);
	memset(serr, 0, sizeof(*serr));
	serr->ee.ee_errno = EMSGSIZE;
	serr->ee.ee_origin = SO_EE_ORIGIN_LOCAL;
	serr->ee.ee_info = mtu;
	serr->addr_offset = daddr_at;
	serr->port = d->pair.rport;
	if (sock_queue_err_skb(sk, skb))
		kfree_skb(skb);
}

void yoke_carrier_dgram_error(struct sock *sk, int err, bool hard, bool queued)
{
	/* Who sends to many hears of errors only if it asked to (RFC 1122 §4.1.3.3). */
	if (!queued && (!hard || sk->sk_state != TCP_ESTABLISHED))
		return;
	WRITE_ONCE(sk->sk_err, err);
	sk_error_report(sk);
}

int yoke_carrier_taken(int ret, const char *ip, u8 number, const char *parameter)
{
	if (!ret)
		return 0;
	pr_err("%s protocol %u is taken; load with %s=N\n", ip, number, parameter);
	return -EBUSY;
}
