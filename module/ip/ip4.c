// SPDX-License-Identifier: GPL-2.0
/*
 * The carrier IPv4.
 *
 * Outward: finds the route of a connection and keeps it in the socket (dst and
 * flow), sets up the checksum, hands segments to IP. Inward: takes the packets of our protocol
 * numbers and the ICMP errors about them, checks lengths and checksum, and
 * calls the engine.
 *
 * Receive: softirq under RCU. Outward: socket locked, or no socket at all.
 * RFC 1122 §3.2.2, §4.2.3.9 and RFC 5461 (ICMP errors), RFC 1191 (path MTU),
 * RFC 9293 §3.1 (checksum).
 */
#include <linux/icmp.h>
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <linux/tcp.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include <net/route.h>
#include <net/tcp.h>
#include "../engine/conn.h"
#include "../table/hook.h"
#include "carrier.h"
#include "ip4.h"
#include "offload.h"
#include "options.h"
#include "shortcut.h"

/* --- the route --- */

static __be32 ip4_addr(const struct in6_addr *addr)
{
	return ipv6_addr_v4mapped(addr) ? addr->s6_addr32[3] : htonl(INADDR_ANY);
}

/* The flow from @pair's local to its remote end, as @sk's options have it. */
static void ip4_flow_of_sock(struct flowi4 *fl4, struct sock *sk, const struct yoke_pair *pair)
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

/* By a source route, if it has one. */
static void ip4_flow_of_stream(struct flowi4 *fl4, struct sock *sk, const struct yoke_pair *pair)
{
	ip4_flow_of_sock(fl4, sk, pair);
	rcu_read_lock();
	fl4->daddr = yoke_options_hop(rcu_dereference(inet_sk(sk)->inet_opt), fl4->daddr);
	rcu_read_unlock();
}

static int ip4_connect(struct sock *sk, struct yoke_pair *pair)
{
	struct inet_sock *inet = inet_sk(sk);
	struct flowi4 *fl4 = &inet->cork.fl.u.ip4;
	struct rtable *rt;
	bool routed;

	ip4_flow_of_stream(fl4, sk, pair);
	routed = fl4->daddr != ip4_addr(&pair->raddr);
	if (routed && !ip4_addr(&pair->raddr))
		return -EINVAL;
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
	if (!routed)
		ipv6_addr_set_v4mapped(fl4->daddr, &pair->raddr);
	atomic_set(&inet->inet_id, get_random_u16());
	yoke_carrier_keep_route(sk, &rt->dst, YOKE_GSO_TYPE4);
	return 0;
}

static struct dst_entry *ip4_refresh(struct sock *sk)
{
	struct flowi4 *fl4 = &inet_sk(sk)->cork.fl.u.ip4;
	struct dst_entry *dst = __sk_dst_check(sk, 0);
	struct rtable *rt;

	if (dst)
		return dst;
	ip4_flow_of_stream(fl4, sk, &yoke_sk(sk)->node.pair);
	rt = ip_route_output_flow(sock_net(sk), fl4, sk);
	if (IS_ERR(rt)) {
		WRITE_ONCE(sk->sk_err_soft, -PTR_ERR(rt));
		return NULL;
	}
	yoke_carrier_keep_route(sk, &rt->dst, YOKE_GSO_TYPE4);
	return &rt->dst;
}

/* The flow of a packet for no socket. */
static void ip4_flow_for(struct flowi4 *fl4, struct net *net, struct sock *sk,
			 const struct yoke_route *r)
{
	memset(fl4, 0, sizeof(*fl4));
	fl4->flowi4_oif = r->oif;
	fl4->flowi4_iif = LOOPBACK_IFINDEX;
	fl4->flowi4_mark = r->mark;
	yoke_flow_set_tos(fl4, r->tos);
	fl4->flowi4_scope = RT_SCOPE_UNIVERSE;
	fl4->flowi4_proto = yoke_stream_protocol;
	fl4->flowi4_flags = r->foreign ? FLOWI_FLAG_ANYSRC : sk ? inet_sk_flowi_flags(sk) : 0;
	fl4->flowi4_uid = sock_net_uid(net, sk);
	fl4->daddr = yoke_options_hop(r->options, ip4_addr(&r->pair.raddr));
	fl4->saddr = ip4_addr(&r->pair.laddr);
	fl4->fl4_dport = r->pair.rport;
	fl4->fl4_sport = r->pair.lport;
	if (sk)
		security_sk_classify_flow(sk, flowi4_to_flowi_common(fl4));
}

static int ip4_route_for(struct net *net, struct sock *sk, struct yoke_route *r)
{
	struct flowi4 fl4;
	struct rtable *rt;

	ip4_flow_for(&fl4, net, sk, r);
	rt = ip_route_output_flow(net, &fl4, sk);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	/* Whoever forged such a source is not answered (RFC 9293 MUST-63). */
	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST) ||
	    (r->options && r->options->opt.is_strictroute && rt->rt_uses_gateway)) {
		ip_rt_put(rt);
		return -ENETUNREACH;
	}
	r->dst = &rt->dst;
	return 0;
}

/* --- outward --- */

static void ip4_checksum(struct sk_buff *skb, const struct yoke_pair *pair, u8 proto, u16 offset)
{
	yoke_carrier_checksum(skb, csum_tcpudp_nofold(ip4_addr(&pair->laddr), ip4_addr(&pair->raddr),
						      skb->len, proto, 0), offset);
}

/*
 * An IP header for @skb, to be sent over @rt, with room for @options_len bytes: too small to be
 * fragmented, so that it needs no identification.
 */
static void ip4_push_header(struct sk_buff *skb, const struct rtable *rt, __be32 saddr, __be32 daddr,
			    u8 tos, u8 ttl, unsigned int options_len)
{
	struct iphdr *iph = skb_push(skb, sizeof(*iph) + options_len);

	skb_reset_network_header(skb);
	*iph = (struct iphdr) {
		.version  = IPVERSION,
		.ihl	  = (sizeof(*iph) + options_len) / 4,
		.tos	  = tos,
		.frag_off = htons(IP_DF),
		.ttl	  = ttl ?: ip4_dst_hoplimit(&rt->dst),
		.protocol = yoke_stream_protocol,
		.saddr	  = saddr,
		.daddr	  = daddr,
	};
}

/* Sends @skb to a socket of this host without IP, if nothing minds; else false, and it is left. */
static bool ip4_send_short(struct sock *sk, struct sk_buff *skb, u8 tos)
{
	struct inet_sock *inet = inet_sk(sk);
	const struct flowi4 *flow = &inet->cork.fl.u.ip4;
	struct net *net = sock_net(sk);
	struct dst_entry *dst;
	bool open;

	rcu_read_lock();
	dst = rcu_dereference(sk->sk_dst_cache);
	open = dst && yoke_shortcut_open(net, skb, dst_rtable(dst)) &&
	       !rcu_access_pointer(inet->inet_opt) && !sk->sk_bound_dev_if &&
	       __sk_dst_check(sk, 0) == dst && dst_hold_safe(dst);
	if (open) {
		ip4_push_header(skb, dst_rtable(dst), flow->saddr, flow->daddr, tos,
				max_t(int, inet->uc_ttl, 0), 0);
		skb_dst_set(skb, dst);
		skb->priority = READ_ONCE(sk->sk_priority);
		skb->mark = READ_ONCE(sk->sk_mark);
		yoke_shortcut_send(net, skb);
	}
	rcu_read_unlock();
	return open;
}

static int ip4_send(struct sock *sk, struct sk_buff *skb, u8 ecn)
{
	/* IP_TOS never touches the ECN field of a stream. */
	u8 tos = READ_ONCE(inet_sk(sk)->tos) | ecn;

	/* IP reads its own notes there, not the engine's. */
	memset(skb->cb, 0, sizeof(struct inet_skb_parm));
	if (ip4_send_short(sk, skb, tos))
		return 0;
	return yoke_carrier_errno(__ip_queue_xmit(sk, skb, &inet_sk(sk)->cork.fl, tos));
}

static int ip4_send_for(struct net *net, struct sock *sk, struct sk_buff *skb,
			const struct yoke_route *r)
{
	unsigned int options_len = r->options ? r->options->opt.optlen : 0;
	__be32 to = yoke_options_hop(r->options, ip4_addr(&r->pair.raddr));
	struct rtable *rt = dst_rtable(r->dst);
	bool open;

	skb_dst_drop(skb);
	skb_dst_set(skb, r->dst);
	if (skb_cow_head(skb, sizeof(struct iphdr) + options_len + yoke_af_link_room(r->dst))) {
		kfree_skb(skb);
		return -ENOMEM;
	}

	rcu_read_lock();
	open = !options_len && yoke_shortcut_open(net, skb, rt);
	ip4_push_header(skb, rt, ip4_addr(&r->pair.laddr), to, r->tos, r->ttl, options_len);
	skb->mark = r->mark;
	skb->priority = sk ? READ_ONCE(sk->sk_priority) : 0;
	memset(skb->cb, 0, sizeof(struct inet_skb_parm));
	if (unlikely(options_len))
		yoke_options_write(skb, &r->options->opt, ip4_addr(&r->pair.raddr));
	if (open)
		yoke_shortcut_send(net, skb);
	rcu_read_unlock();
	return open ? 0 : yoke_carrier_errno(ip_local_out(net, skb->sk, skb));
}

/* --- datagrams outward --- */

/* IPV6_PKTINFO will do for a v4-mapped address. */
static int ip4_read_control_ipv6(struct yoke_dgram_dest *d, const struct cmsghdr *cmsg)
{
	const struct in6_pktinfo *info = CMSG_DATA(cmsg);

	if (cmsg->cmsg_type != IPV6_PKTINFO)
		return 0;
	if (cmsg->cmsg_len < CMSG_LEN(sizeof(*info)) || !ipv6_addr_v4mapped(&info->ipi6_addr))
		return -EINVAL;
	if (info->ipi6_ifindex)
		d->oif = info->ipi6_ifindex;
	d->pair.laddr = info->ipi6_addr;
	return 0;
}

static int ip4_read_control_ip(struct net *net, struct yoke_dgram_dest *d,
			       const struct cmsghdr *cmsg)
{
	const void *data = CMSG_DATA(cmsg);
	const struct in_pktinfo *info = data;
	int val;

	switch (cmsg->cmsg_type) {
	case IP_RETOPTS:
		return yoke_options_read(net, d, data, cmsg->cmsg_len - sizeof(*cmsg));
	case IP_PKTINFO:
		if (cmsg->cmsg_len != CMSG_LEN(sizeof(*info)))
			return -EINVAL;
		if (info->ipi_ifindex)
			d->oif = info->ipi_ifindex;
		ipv6_addr_set_v4mapped(info->ipi_spec_dst.s_addr, &d->pair.laddr);
		return 0;
	case IP_TTL:
		if (cmsg->cmsg_len != CMSG_LEN(sizeof(int)))
			return -EINVAL;
		val = *(const int *)data;
		if (val < 1 || val > 255)
			return -EINVAL;
		d->ttl = val;
		return 0;
	case IP_TOS:
		if (cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
			val = *(const int *)data;
		else if (cmsg->cmsg_len == CMSG_LEN(sizeof(u8)))
			val = *(const u8 *)data;
		else
			return -EINVAL;
		if (val < 0 || val > 255)
			return -EINVAL;
		d->tos = val;
		d->priority = rt_tos2priority(val);
		return 0;
	}
	return -EINVAL;
}

static int ip4_read_control(struct sock *sk, struct msghdr *msg, struct yoke_dgram_dest *d)
{
	struct cmsghdr *cmsg;
	int err;

	/* SOL_SOCKET's, and that all are well formed. */
	err = sock_cmsg_send(sk, msg, &d->cookie);
	if (err)
		return err;
	d->priority = yoke_compat_priority(&d->cookie, d->priority);
	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		if (cmsg->cmsg_level == SOL_IP)
			err = ip4_read_control_ip(sock_net(sk), d, cmsg);
		else if (cmsg->cmsg_level == SOL_IPV6 && sk->sk_family == AF_INET6)
			err = ip4_read_control_ipv6(d, cmsg);
		if (err)
			return err;
	}
	return 0;
}

/* The device: of a VRF as a whole, what goes to many leaves by the one that is chosen for that. */
static void ip4_choose_device(struct sock *sk, struct yoke_dgram_dest *d, __be32 daddr)
{
	const struct inet_sock *inet = inet_sk(sk);
	int uc_index = READ_ONCE(inet->uc_index);
	struct net *net = sock_net(sk);

	if (ipv4_is_multicast(daddr)) {
		if (!d->oif || netif_index_is_l3_master(net, d->oif))
			d->oif = READ_ONCE(inet->mc_index);
		if (!ip4_addr(&d->pair.laddr))
			ipv6_addr_set_v4mapped(READ_ONCE(inet->mc_addr), &d->pair.laddr);
		d->connected = false;
	} else if (!d->oif || (ipv4_is_lbcast(daddr) && uc_index &&
			       d->oif == l3mdev_master_ifindex_by_index(net, uc_index))) {
		d->oif = uc_index;
	}
}

static int ip4_dgram_dest(struct sock *sk, struct msghdr *msg, struct yoke_dgram_dest *d)
{
	const struct inet_sock *inet = inet_sk(sk);
	const struct ip_options *opt;
	int err;

	ipv6_addr_set_v4mapped(inet->inet_saddr, &d->pair.laddr);
	d->tos = READ_ONCE(inet->tos);
	if (d->control) {
		err = ip4_read_control(sk, msg, d);
		if (err)
			return err;
		d->connected = false;
	}
	err = yoke_options_take(sk, d);
	if (err)
		return err;
	if (!d->connected) {
		err = yoke_hook_send(sk, &d->pair, d->named, d->locked);
		if (err)
			return err;
	}
	opt = d->options;
	if (opt && opt->srr) {
		if (!ip4_addr(&d->pair.raddr))
			return -EINVAL;
		d->connected = false;
	}
	d->link = msg->msg_flags & MSG_DONTROUTE || sock_flag(sk, SOCK_LOCALROUTE) ||
		  (opt && opt->is_strictroute);
	ip4_choose_device(sk, d, ip4_addr(&d->pair.raddr));
	d->connected = d->connected && !d->link;
	return 0;
}

static struct dst_entry *ip4_dgram_route(struct sock *sk, struct yoke_dgram_dest *d)
{
	const struct ip_options *opt = d->options;
	struct dst_entry *dst;
	struct rtable *rt;
	struct flowi4 fl4;

	if (d->connected) {
		dst = yoke_carrier_dgram_route(sk, AF_INET, 0);
		if (dst)
			return dst;
	}
	ip4_flow_of_sock(&fl4, sk, &d->pair);
	fl4.flowi4_oif = d->oif;
	fl4.flowi4_mark = d->cookie.mark;
	yoke_flow_set_tos(&fl4, d->tos);
	fl4.flowi4_scope = d->link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	if (opt && opt->srr)
		fl4.daddr = opt->faddr;
	rt = ip_route_output_flow(sock_net(sk), &fl4, sk);
	if (IS_ERR(rt))
		return ERR_CAST(rt);
	if (rt->rt_flags & RTCF_BROADCAST && !sock_flag(sk, SOCK_BROADCAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-EACCES);
	}
	ipv6_addr_set_v4mapped(fl4.saddr, &d->pair.laddr);
	if (!opt || !opt->srr)
		ipv6_addr_set_v4mapped(fl4.daddr, &d->pair.raddr);
	if (d->connected)
		sk_dst_set(sk, dst_clone(&rt->dst));
	return &rt->dst;
}

static u32 ip4_dgram_mtu(struct sock *sk, const struct yoke_dgram_dest *d,
			 const struct dst_entry *dst)
{
	u32 mtu = ip_sk_use_pmtu(sk) ? dst_mtu(dst) : yoke_af_link_mtu(dst);

	return ip_sk_ignore_df(sk) && !d->segment ? IP_MAX_MTU : min_t(u32, mtu, IP_MAX_MTU);
}

static u8 ip4_choose_ttl(const struct inet_sock *inet, const struct yoke_dgram_dest *d,
			 const struct rtable *rt)
{
	int uc_ttl = READ_ONCE(inet->uc_ttl);

	if (d->ttl >= 0)
		return d->ttl;
	if (rt->rt_type == RTN_MULTICAST)
		return READ_ONCE(inet->mc_ttl);
	return uc_ttl < 0 ? ip4_dst_hoplimit(&rt->dst) : uc_ttl;
}

static int ip4_dgram_xmit(struct sock *sk, struct sk_buff *skb, const struct yoke_dgram_dest *d)
{
	const struct inet_sock *inet = inet_sk(sk);
	const struct ip_options *opt = d->options;
	struct rtable *rt = skb_rtable(skb);
	struct iphdr *iph = skb_push(skb, sizeof(*iph) + d->options_len);
	unsigned int len = skb->len;
	u8 pmtudisc = READ_ONCE(inet->pmtudisc);
	bool df;

	if (skb_is_gso(skb))
		len = sizeof(*iph) + d->options_len + sizeof(struct udphdr) + skb_shinfo(skb)->gso_size;
	/* IP cuts what is too long, if it may. */
	df = pmtudisc == IP_PMTUDISC_DO || pmtudisc == IP_PMTUDISC_PROBE ||
	     (len <= dst_mtu(&rt->dst) && ip_dont_fragment(sk, &rt->dst));
	skb_reset_network_header(skb);
	skb->ignore_df = ip_sk_ignore_df(sk);
	*iph = (struct iphdr) {
		.version  = IPVERSION,
		.ihl	  = (sizeof(*iph) + d->options_len) / 4,
		.tos	  = d->tos,
		.frag_off = df ? htons(IP_DF) : 0,
		.ttl	  = ip4_choose_ttl(inet, d, rt),
		.protocol = sk->sk_protocol,
		.saddr	  = ip4_addr(&d->pair.laddr),
		.daddr	  = opt && opt->srr ? opt->faddr : ip4_addr(&d->pair.raddr),
	};
	ip_select_ident_segs(sock_net(sk), skb, sk, skb_shinfo(skb)->gso_segs ?: 1);
	memset(skb->cb, 0, sizeof(struct inet_skb_parm));
	if (unlikely(opt))
		yoke_options_write(skb, opt, ip4_addr(&d->pair.raddr));
	return yoke_carrier_errno(ip_local_out(sock_net(sk), sk, skb));
}

static void ip4_dgram_too_long(struct sock *sk, const struct yoke_dgram_dest *d, u32 mtu)
{
	const struct iphdr iph = { .daddr = ip4_addr(&d->pair.raddr) };

	yoke_carrier_dgram_too_long(sk, d, mtu, &iph, offsetof(struct iphdr, daddr));
}

/* --- datagrams inward --- */

static void ip4_dgram_nobody(struct sk_buff *skb)
{
	icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
}

/* As its membership says, or by IP_MULTICAST_ALL if it has none; a broadcast is for all. */
static bool ip4_dgram_hears(struct sock *sk, const struct sk_buff *skb, const struct yoke_rx *rx)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct ip_mc_socklist *group;
	struct ip_sf_socklist *sources;
	bool exclude;
	int i;

	if (!ipv4_is_multicast(iph->daddr))
		return true;
	for (group = rcu_dereference(inet_sk(sk)->mc_list); group;
	     group = rcu_dereference(group->next_rcu))
		if (group->multi.imr_multiaddr.s_addr == iph->daddr &&
		    (group->multi.imr_ifindex == rx->iif ||
		     (rx->sdif && group->multi.imr_ifindex == rx->sdif)))
			break;
	if (!group)
		return inet_test_bit(MC_ALL, sk);
	exclude = group->sfmode == MCAST_EXCLUDE;
	sources = rcu_dereference(group->sflist);
	for (i = 0; sources && i < sources->sl_count; i++)
		if (sources->sl_addr[i] == iph->saddr)
			return !exclude;
	return exclude;
}

static void ip4_queue_error(struct sock *sk, struct sk_buff *skb, int err, __be16 port,
			    const void *quoted)
{
	const struct icmphdr *icmp = icmp_hdr(skb);
	u32 pointer = icmp->type == ICMP_PARAMETERPROB ? ntohl(icmp->un.gateway) >> 24 : 0;

	ip_icmp_error(sk, skb, err, port, pointer, (u8 *)quoted);
}

const struct yoke_af_ops yoke_ip4 = {
	.family		= AF_INET,
	.header_len	= sizeof(struct iphdr),
	.mss_default	= TCP_MSS_DEFAULT,
	.connect	= ip4_connect,
	.refresh	= ip4_refresh,
	.xmit		= ip4_send,
	.route_for	= ip4_route_for,
	.xmit_for	= ip4_send_for,
	.options_back	= yoke_options_back,
	.checksum	= ip4_checksum,
	.dgram_dest	= ip4_dgram_dest,
	.dgram_route	= ip4_dgram_route,
	.dgram_mtu	= ip4_dgram_mtu,
	.dgram_xmit	= ip4_dgram_xmit,
	.dgram_too_long	= ip4_dgram_too_long,
	.dgram_nobody	= ip4_dgram_nobody,
	.dgram_hears	= ip4_dgram_hears,
	.queue_error	= ip4_queue_error,
};

/* --- inward --- */

/* Did it come to many? */
static bool ip4_came_to_many(const struct sk_buff *skb)
{
	return skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST);
}

/* What the header says that came with @skb or is quoted in it; which of its addresses is ours differs. */
static void ip4_fill_ends(struct yoke_rx *rx, const struct sk_buff *skb, const struct iphdr *iph,
			  __be32 laddr, __be32 raddr)
{
	memset(rx, 0, sizeof(*rx));
	ipv6_addr_set_v4mapped(laddr, &rx->pair.laddr);
	ipv6_addr_set_v4mapped(raddr, &rx->pair.raddr);
	rx->af = &yoke_ip4;
	rx->iif = inet_iif(skb);
	rx->sdif = inet_sdif(skb);
	rx->tos = iph->tos & ~YOKE_IP_ECN;
	rx->ecn = iph->tos & YOKE_IP_ECN;
	rx->ttl = iph->ttl;
}

static void ip4_fill_rx(struct yoke_rx *rx, const struct sk_buff *skb)
{
	const __be16 *ports = (const __be16 *)skb_transport_header(skb);
	const struct iphdr *iph = ip_hdr(skb);

	ip4_fill_ends(rx, skb, iph, iph->daddr, iph->saddr);
	rx->pair.lport = ports[1];
	rx->pair.rport = ports[0];
	rx->many = ip4_came_to_many(skb);
}

static int ip4_receive_stream(struct sk_buff *skb)
{
	bool unicast = skb->pkt_type == PACKET_HOST && !ip4_came_to_many(skb);

	return yoke_carrier_segment(skb, unicast, inet_compute_pseudo, ip4_fill_rx);
}

static int ip4_receive_dgram(struct sk_buff *skb)
{
	return yoke_carrier_datagram(skb, inet_compute_pseudo, ip4_fill_rx);
}

/* What an ICMP error is to a program: the errno, 0 for none, and whether it is there to stay. */
static int ip4_icmp_errno(int type, int code, bool *hard)
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
static const __be16 *ip4_fill_error_rx(struct yoke_rx *rx, const struct sk_buff *skb)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const __be16 *ports = (const __be16 *)(skb->data + iph->ihl * 4);

	ip4_fill_ends(rx, skb, iph, iph->saddr, iph->daddr);
	rx->pair.lport = ports[0];
	rx->pair.rport = ports[1];
	return ports;
}

static int ip4_stream_error(struct sk_buff *skb, u32 info)
{
	int type = icmp_hdr(skb)->type, code = icmp_hdr(skb)->code, err;
	struct yoke_rx rx;
	const void *hdr;
	u32 mtu = 0;
	bool hard;

	err = ip4_icmp_errno(type, code, &hard);
	if (!err && type != ICMP_REDIRECT)
		return 0;
	if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED)
		mtu = max_t(u32, info, IPV4_MIN_MTU);
	hdr = ip4_fill_error_rx(&rx, skb);
	yoke_rcv_error(dev_net(skb->dev), skb, &rx, hdr, err,
		       type == ICMP_DEST_UNREACH && code <= ICMP_HOST_UNREACH, mtu);
	return 0;
}

/* The route that a connected socket keeps, found again if it is stale, with a reference; or NULL. */
static struct dst_entry *ip4_route_locked(struct sock *sk)
{
	struct dst_entry *dst = yoke_carrier_dgram_route(sk, AF_INET, 0);
	struct rtable *rt;
	struct flowi4 fl4;

	if (dst)
		return dst;
	ip4_flow_of_sock(&fl4, sk, &yoke_dg(sk)->pair);
	if (!fl4.flowi4_oif)
		fl4.flowi4_oif = READ_ONCE(inet_sk(sk)->uc_index);
	rt = ip_route_output_flow(sock_net(sk), &fl4, sk);
	if (IS_ERR(rt))
		return NULL;
	sk_dst_set(sk, dst_clone(&rt->dst));
	return &rt->dst;
}

/*
 * A connected socket's own route, by its mark and options, learns the path MTU, and so does IP_MTU. Not
 * while a program connects it elsewhere: who sends looks for a route himself.
 */
static void ip4_learn_mtu(struct sock *sk, struct sk_buff *skb, u32 mtu)
{
	struct dst_entry *dst = NULL;

	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk) && sk->sk_state == TCP_ESTABLISHED)
		dst = ip4_route_locked(sk);
	if (dst) {
		dst->ops->update_pmtu(dst, sk, NULL, mtu, true);
		dst_release(dst);
		dst_release(ip4_route_locked(sk));
	} else {
		ipv4_update_pmtu(skb, sock_net(sk), mtu, sk->sk_bound_dev_if, sk->sk_protocol);
	}
	bh_unlock_sock(sk);
}

static int ip4_dgram_error(struct sk_buff *skb, u32 info)
{
	int type = icmp_hdr(skb)->type, code = icmp_hdr(skb)->code, err;
	bool hard, queued;
	struct yoke_rx rx;
	const void *hdr;
	struct sock *sk;

	err = ip4_icmp_errno(type, code, &hard);
	if (!err && type != ICMP_REDIRECT)
		return 0;
	hdr = ip4_fill_error_rx(&rx, skb);
	sk = yoke_dgram_find(dev_net(skb->dev), &rx);
	if (!sk)
		return 0;
	if (type == ICMP_REDIRECT) {
		ipv4_redirect(skb, sock_net(sk), sk->sk_bound_dev_if, sk->sk_protocol);
		return 0;
	}
	if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED) {
		if (ip_sk_accept_pmtu(sk))
			ip4_learn_mtu(sk, skb, info);
		if (READ_ONCE(inet_sk(sk)->pmtudisc) == IP_PMTUDISC_DONT)
			return 0;
		hard = true;
	}
	queued = inet_test_bit(RECVERR, sk);
	if (queued)
		ip_icmp_error(sk, skb, err, rx.pair.rport, info, (u8 *)hdr + sizeof(struct udphdr));
	yoke_carrier_dgram_error(sk, err, hard, queued);
	return 0;
}

static const struct net_protocol stream_protocol = {
	.handler	= ip4_receive_stream,
	.err_handler	= ip4_stream_error,
	.no_policy	= 1,	/* the engine asks, knowing the socket */
	.icmp_strict_tag_validation = 1,
};

static const struct net_protocol dgram_protocol = {
	.handler	= ip4_receive_dgram,
	.err_handler	= ip4_dgram_error,
	.no_policy	= 1,
};

int yoke_ip4_init(void)
{
	int err;

	yoke_shortcut_init(ip4_receive_stream);
	err = yoke_carrier_taken(inet_add_protocol(&stream_protocol, yoke_stream_protocol), "IP",
				 yoke_stream_protocol, "stream_proto");
	if (err)
		return err;
	err = yoke_carrier_taken(inet_add_protocol(&dgram_protocol, yoke_dgram_protocol), "IP",
				 yoke_dgram_protocol, "dgram_proto");
	if (err)
		inet_del_protocol(&stream_protocol, yoke_stream_protocol);
	return err;
}

void yoke_ip4_exit(void)
{
	inet_del_protocol(&dgram_protocol, yoke_dgram_protocol);
	inet_del_protocol(&stream_protocol, yoke_stream_protocol);
}
