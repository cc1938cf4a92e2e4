// SPDX-License-Identifier: GPL-2.0
/*
 * The carrier IPv4.
 *
 * Outward: finds the route of a connection and keeps it in the socket (dst and
 * flow, the fields of struct inet_sock that IP reads, the GSO limits), sets up
 * the checksum, hands segments to IP. Inward: takes the packets of our protocol
 * numbers and the ICMP errors about them, checks lengths and checksum, and
 * calls the engine.
 *
 * Receive: softirq under RCU. Outward: socket locked, or no socket at all.
 * RFC 1122 §3.2.2, §4.2.3.9 and RFC 5461 (ICMP errors), RFC 1191 (path MTU),
 * RFC 9293 §3.1 (checksum).
 */
#include <linux/icmp.h>
#include <linux/tcp.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/protocol.h>
#include <net/route.h>
#include <net/tcp.h>
#include <net/xfrm.h>
#include "../engine/conn.h"
#include "../engine/dgram.h"
#include "../engine/rcv.h"
#include "../table/trace.h"
#include "ip4.h"
#include "offload.h"

/* --- the route --- */

static __be32 ip4_addr(const struct in6_addr *addr)
{
	return ipv6_addr_v4mapped(addr) ? addr->s6_addr32[3] : htonl(INADDR_ANY);
}

/* The flow from @pair's local to its remote end, as @sk's options have it. */
static void flow_of_sock(struct flowi4 *fl4, struct sock *sk, const struct yoke_pair *pair)
{
	const struct inet_sock *inet = inet_sk(sk);

	memset(fl4, 0, sizeof(*fl4));
	fl4->flowi4_oif = sk->sk_bound_dev_if;
	fl4->flowi4_iif = LOOPBACK_IFINDEX;
	fl4->flowi4_mark = READ_ONCE(sk->sk_mark);
	yoke_flow_set_tos(fl4, READ_ONCE(inet->tos));
	fl4->flowi4_scope = sock_flag(sk, SOCK_LOCALROUTE) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	fl4->flowi4_proto = sk->sk_protocol;
	fl4->flowi4_flags = inet_sk_flowi_flags(sk);
	fl4->flowi4_uid = sk->sk_uid;
	fl4->daddr = ip4_addr(&pair->raddr);
	fl4->saddr = ip4_addr(&pair->laddr);
	fl4->fl4_dport = pair->rport;
	fl4->fl4_sport = pair->lport;
	security_sk_classify_flow(sk, flowi4_to_flowi_common(fl4));
}

/*
 * Keeps @rt in @sk, with what follows from it for large buffers: always allowed,
 * software cuts them where the device does not, unless IPsec will change them.
 */
static void keep_route(struct sock *sk, struct rtable *rt)
{
	struct dst_entry *dst = &rt->dst;
	const struct net_device *dev = dst->dev;

	sk->sk_gso_type = YOKE_GSO_TYPE;
	sk->sk_route_caps = dev->features;
	sk->sk_gso_max_segs = 1;
	if (sk->sk_gso_disabled || (dst->header_len && !xfrm_dst_offload_ok(dst))) {
		sk->sk_route_caps &= ~NETIF_F_GSO_MASK;
	} else {
		sk->sk_route_caps |= NETIF_F_GSO | NETIF_F_GSO_SOFTWARE | NETIF_F_SG |
				     NETIF_F_HW_CSUM;
		sk->sk_gso_max_size = min_t(u32, READ_ONCE(dev->gso_max_size), IP_MAX_MTU + 1) -
				      (MAX_TCP_HEADER + 1);
		sk->sk_gso_max_segs = max_t(u32, READ_ONCE(dev->gso_max_segs), 1);
	}
	sk_dst_set(sk, dst);
}

static int ip4_connect(struct sock *sk, struct yoke_pair *pair)
{
	struct inet_sock *inet = inet_sk(sk);
	struct flowi4 *fl4 = &inet->cork.fl.u.ip4;
	struct rtable *rt;

	flow_of_sock(fl4, sk, pair);
	rt = ip_route_output_flow(sock_net(sk), fl4, sk);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	/* A stream has one peer. */
	if (rt->rt_flags & (RTCF_MULTICAST | RTCF_BROADCAST)) {
		ip_rt_put(rt);
		return -ENETUNREACH;
	}

	/* Routing chose the source, and the destination if that was 0.0.0.0. */
	ipv6_addr_set_v4mapped(fl4->saddr, &pair->laddr);
	ipv6_addr_set_v4mapped(fl4->daddr, &pair->raddr);
	inet->inet_saddr = fl4->saddr;
	inet->inet_rcv_saddr = fl4->saddr;
	inet->inet_daddr = fl4->daddr;
	inet->inet_dport = pair->rport;
	if (pair->lport)
		inet->inet_sport = pair->lport;
	atomic_set(&inet->inet_id, get_random_u16());
	keep_route(sk, rt);
	return 0;
}

static struct dst_entry *ip4_refresh(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	struct flowi4 *fl4 = &inet->cork.fl.u.ip4;
	struct dst_entry *dst = __sk_dst_check(sk, 0);
	struct yoke_pair pair = { .lport = inet->inet_sport, .rport = inet->inet_dport };
	struct rtable *rt;

	if (dst)
		return dst;
	ipv6_addr_set_v4mapped(inet->inet_saddr, &pair.laddr);
	ipv6_addr_set_v4mapped(inet->inet_daddr, &pair.raddr);
	flow_of_sock(fl4, sk, &pair);
	rt = ip_route_output_flow(sock_net(sk), fl4, sk);
	if (IS_ERR(rt)) {
		WRITE_ONCE(sk->sk_err_soft, -PTR_ERR(rt));
		return NULL;
	}
	keep_route(sk, rt);
	return &rt->dst;
}

/* The route of a packet for no socket, and its flow; the caller puts the route. */
static struct rtable *route_for(struct net *net, struct sock *sk, const struct yoke_route *r,
				struct flowi4 *fl4)
{
	struct rtable *rt;

	memset(fl4, 0, sizeof(*fl4));
	fl4->flowi4_oif = r->oif;
	fl4->flowi4_iif = LOOPBACK_IFINDEX;
	fl4->flowi4_mark = r->mark;
	yoke_flow_set_tos(fl4, r->tos);
	fl4->flowi4_scope = RT_SCOPE_UNIVERSE;
	fl4->flowi4_proto = yoke_stream_protocol;
	fl4->flowi4_flags = sk ? inet_sk_flowi_flags(sk) : 0;
	fl4->flowi4_uid = sock_net_uid(net, sk);
	fl4->daddr = ip4_addr(&r->pair.raddr);
	fl4->saddr = ip4_addr(&r->pair.laddr);
	fl4->fl4_dport = r->pair.rport;
	fl4->fl4_sport = r->pair.lport;
	rt = ip_route_output_flow(net, fl4, sk);
	/* Whoever forged such a source is not answered (RFC 9293 MUST-63). */
	if (!IS_ERR(rt) && rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-ENETUNREACH);
	}
	return rt;
}

static unsigned int ip4_mtu_for(struct net *net, struct sock *sk, const struct yoke_route *r,
				u16 *advmss, bool *ecn)
{
	struct flowi4 fl4;
	struct rtable *rt = route_for(net, sk, r, &fl4);
	unsigned int mtu;

	if (IS_ERR(rt))
		return 0;
	/* RFC 9293 MUST-63: nobody is to be answered at such an address. */
	if (rt->rt_flags & (RTCF_MULTICAST | RTCF_BROADCAST)) {
		ip_rt_put(rt);
		return 0;
	}
	mtu = dst_mtu(&rt->dst);
	*advmss = min_t(u32, dst_metric_advmss(&rt->dst), U16_MAX);
	*ecn = dst_feature(&rt->dst, DST_FEATURE_ECN_MASK);
	ip_rt_put(rt);
	return mtu;
}

static int ip4_bind_check(struct sock *sk, const struct in6_addr *addr)
{
	struct net *net = sock_net(sk);
	u32 table = l3mdev_fib_table_by_index(net, sk->sk_bound_dev_if) ?: RT_TABLE_LOCAL;
	__be32 ip = ip4_addr(addr);

	/* As TCP: a multicast or broadcast address can be bound, though nothing will arrive. */
	if (inet_addr_valid_or_nonlocal(net, inet_sk(sk), ip, inet_addr_type_table(net, ip, table)))
		return 0;
	return -EADDRNOTAVAIL;
}

/* --- outward --- */

/* Does the device that @skb will leave by sum up any bytes, whatever protocol they are? */
static bool device_checksums(const struct sk_buff *skb)
{
	const struct dst_entry *dst = skb_dst(skb);

	if (!dst && skb->sk)
		dst = rcu_dereference(skb->sk->sk_dst_cache);
	return dst && (dst->dev->features & NETIF_F_HW_CSUM);
}

static void ip4_checksum(struct sk_buff *skb, const struct yoke_pair *pair, u8 proto, u16 offset)
{
	__be32 saddr = ip4_addr(&pair->laddr), daddr = ip4_addr(&pair->raddr);
	__sum16 *check = (__sum16 *)(skb->data + offset);
	bool offload;

	/* A large buffer is summed when it is cut. */
	rcu_read_lock();
	offload = skb_is_gso(skb) || device_checksums(skb);
	rcu_read_unlock();
	if (offload) {
		*check = ~csum_tcpudp_magic(saddr, daddr, skb->len, proto, 0);
		skb->csum_start = skb->data - skb->head;
		skb->csum_offset = offset;
		skb->ip_summed = CHECKSUM_PARTIAL;
		return;
	}
	*check = 0;
	*check = csum_tcpudp_magic(saddr, daddr, skb->len, proto,
				   skb_checksum(skb, 0, skb->len, 0)) ?: CSUM_MANGLED_0;
	skb->ip_summed = CHECKSUM_NONE;
}

/* A queueing discipline's word for the packet's fate, as an errno. */
static int xmit_errno(int ret)
{
	return ret > 0 ? net_xmit_errno(ret) : ret;
}

static int ip4_xmit(struct sock *sk, struct sk_buff *skb, u8 ecn)
{
	/* IP reads its own notes there, not the engine's. */
	memset(skb->cb, 0, sizeof(struct inet_skb_parm));
	/* IP_TOS never touches the ECN field of a stream. */
	return xmit_errno(__ip_queue_xmit(sk, skb, &inet_sk(sk)->cork.fl,
					  READ_ONCE(inet_sk(sk)->tos) | ecn));
}

static int ip4_xmit_for(struct net *net, struct sock *sk, struct sk_buff *skb,
			const struct yoke_route *r)
{
	struct flowi4 fl4;
	struct rtable *rt = route_for(net, sk, r, &fl4);
	struct iphdr *iph;

	if (IS_ERR(rt)) {
		kfree_skb(skb);
		return PTR_ERR(rt);
	}
	skb_dst_drop(skb);
	skb_dst_set(skb, &rt->dst);
	if (skb_cow_head(skb, sizeof(*iph) + LL_RESERVED_SPACE(rt->dst.dev) + rt->dst.header_len)) {
		kfree_skb(skb);
		return -ENOMEM;
	}

	iph = skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	/* Too small to be fragmented, so that it needs no identification. */
	*iph = (struct iphdr) {
		.version  = IPVERSION,
		.ihl	  = sizeof(*iph) / 4,
		.tos	  = r->tos,
		.frag_off = htons(IP_DF),
		.ttl	  = r->ttl ?: ip4_dst_hoplimit(&rt->dst),
		.protocol = fl4.flowi4_proto,
		.saddr	  = fl4.saddr,
		.daddr	  = fl4.daddr,
	};
	skb->mark = r->mark;
	skb->priority = sk ? READ_ONCE(sk->sk_priority) : 0;
	memset(skb->cb, 0, sizeof(struct inet_skb_parm));
	return xmit_errno(ip_local_out(net, skb->sk, skb));
}

const struct yoke_af_ops yoke_ip4 = {
	.family		= AF_INET,
	.header_len	= sizeof(struct iphdr),
	.min_mtu	= IPV4_MIN_MTU,
	.mss_default	= TCP_MSS_DEFAULT,
	.connect	= ip4_connect,
	.refresh	= ip4_refresh,
	.xmit		= ip4_xmit,
	.xmit_for	= ip4_xmit_for,
	.mtu_for	= ip4_mtu_for,
	.checksum	= ip4_checksum,
	.bind_check	= ip4_bind_check,
};

/* --- inward --- */

/* What @skb's IP header and the @ports, source and destination, say. */
static void fill_rx(struct yoke_rx *rx, const struct sk_buff *skb, const __be16 *ports)
{
	const struct iphdr *iph = ip_hdr(skb);

	memset(rx, 0, sizeof(*rx));
	ipv6_addr_set_v4mapped(iph->daddr, &rx->pair.laddr);
	ipv6_addr_set_v4mapped(iph->saddr, &rx->pair.raddr);
	rx->pair.lport = ports[1];
	rx->pair.rport = ports[0];
	rx->af = &yoke_ip4;
	rx->iif = inet_iif(skb);
	rx->tos = iph->tos & ~YOKE_IP_ECN;
	rx->ecn = iph->tos & YOKE_IP_ECN;
	rx->ttl = iph->ttl;
}

/* The header is whole and linear. */
static bool pull_stream_header(struct sk_buff *skb)
{
	if (!pskb_may_pull(skb, sizeof(struct tcphdr)))
		return false;
	return tcp_hdrlen(skb) >= sizeof(struct tcphdr) && pskb_may_pull(skb, tcp_hdrlen(skb));
}

static int receive_stream(struct sk_buff *skb)
{
	struct net *net = dev_net(skb->dev);
	struct yoke_rx rx;

	/* A stream has one peer: nothing that came to many (RFC 9293 MUST-57). */
	if (skb->pkt_type != PACKET_HOST ||
	    skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		yoke_drop(net, NULL, skb, NotUnicast);
		return 0;
	}
	yoke_count(net, InSegs);
	if (!pull_stream_header(skb)) {
		yoke_drop(net, NULL, skb, InErrs);
		return 0;
	}
	if (skb_checksum_validate(skb, ip_hdr(skb)->protocol, inet_compute_pseudo)) {
		yoke_count(net, InErrs);
		yoke_drop(net, NULL, skb, InCsumErrors);
		return 0;
	}
	fill_rx(&rx, skb, (const __be16 *)skb_transport_header(skb));
	yoke_rcv_segment(net, skb, &rx);
	return 0;
}

static int receive_dgram(struct sk_buff *skb)
{
	struct net *net = dev_net(skb->dev);
	struct yoke_rx rx;

	if (!pskb_may_pull(skb, sizeof(struct udphdr))) {
		yoke_drop(net, NULL, skb, DgramInErrors);
		return 0;
	}
	fill_rx(&rx, skb, (const __be16 *)skb_transport_header(skb));
	yoke_dgram_rcv(net, skb, &rx);
	return 0;
}

/* What an ICMP error is to a program: the errno, 0 for none, and whether it is there to stay. */
static int icmp_errno(int type, int code, bool *hard)
{
	*hard = false;
	switch (type) {
	case ICMP_DEST_UNREACH:
		if (code > NR_ICMP_UNREACH)
			return 0;
		*hard = icmp_err_convert[code].fatal;
		return icmp_err_convert[code].errno;
	case ICMP_TIME_EXCEEDED:
		return EHOSTUNREACH;
	case ICMP_PARAMETERPROB:
		*hard = true;
		return EPROTO;
	}
	return 0;
}

/* The quoted header, of which IP has made sure of eight bytes: our packet, so source is local. */
static const __be16 *fill_error_rx(struct yoke_rx *rx, const struct sk_buff *skb)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const __be16 *ports = (const __be16 *)(skb->data + iph->ihl * 4);

	memset(rx, 0, sizeof(*rx));
	ipv6_addr_set_v4mapped(iph->saddr, &rx->pair.laddr);
	ipv6_addr_set_v4mapped(iph->daddr, &rx->pair.raddr);
	rx->pair.lport = ports[0];
	rx->pair.rport = ports[1];
	rx->af = &yoke_ip4;
	rx->iif = inet_iif(skb);
	rx->tos = iph->tos & ~YOKE_IP_ECN;
	rx->ecn = iph->tos & YOKE_IP_ECN;
	rx->ttl = iph->ttl;
	return ports;
}

static int stream_error(struct sk_buff *skb, u32 info)
{
	int type = icmp_hdr(skb)->type, code = icmp_hdr(skb)->code, err;
	struct yoke_rx rx;
	const void *hdr;
	u32 mtu = 0;
	bool hard;

	err = icmp_errno(type, code, &hard);
	if (!err)
		return 0;
	if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED)
		mtu = max_t(u32, info, IPV4_MIN_MTU);
	hdr = fill_error_rx(&rx, skb);
	/* While a connection is being opened, any of them ends it (RFC 5461 §4.1, as in Linux). */
	yoke_rcv_error(dev_net(skb->dev), skb, &rx, hdr, err, !mtu, mtu);
	return 0;
}

static int dgram_error(struct sk_buff *skb, u32 info)
{
	int type = icmp_hdr(skb)->type, code = icmp_hdr(skb)->code, err;
	struct yoke_rx rx;
	bool hard;

	err = icmp_errno(type, code, &hard);
	if (!err && type != ICMP_REDIRECT)
		return 0;
	fill_error_rx(&rx, skb);
	yoke_dgram_error(dev_net(skb->dev), skb, &rx, type, code, err, hard, info);
	return 0;
}

static const struct net_protocol stream_protocol = {
	.handler	= receive_stream,
	.err_handler	= stream_error,
	.no_policy	= 1,	/* the engine asks, knowing the socket */
	.icmp_strict_tag_validation = 1,
};

static const struct net_protocol dgram_protocol = {
	.handler	= receive_dgram,
	.err_handler	= dgram_error,
};

static int register_protocol(const struct net_protocol *prot, u8 number, const char *parameter)
{
	if (!inet_add_protocol(prot, number))
		return 0;
	pr_err("IP protocol %u is taken; load with %s=N\n", number, parameter);
	return -EBUSY;
}

int yoke_ip4_init(void)
{
	int err;

	err = register_protocol(&stream_protocol, yoke_stream_protocol, "stream_proto");
	if (err)
		return err;
	err = register_protocol(&dgram_protocol, yoke_dgram_protocol, "dgram_proto");
	if (err)
		inet_del_protocol(&stream_protocol, yoke_stream_protocol);
	return err;
}

void yoke_ip4_exit(void)
{
	inet_del_protocol(&dgram_protocol, yoke_dgram_protocol);
	inet_del_protocol(&stream_protocol, yoke_stream_protocol);
}
