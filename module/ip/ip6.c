// SPDX-License-Identifier: GPL-2.0
/*
 * The carrier IPv6.
 *
 * Outward: finds the route of a connection and keeps it in the socket (dst and flow), sets up the
 * checksum, hands segments to IP. Inward: takes the packets of our protocol numbers, from behind
 * the extension headers, which are IP's, and the ICMP errors about them, checks lengths and
 * checksum, and calls the engine.
 *
 * Receive: softirq under RCU. Outward: socket locked, or no socket at all.
 * RFC 8200 (IPv6; §8.1: checksum), RFC 4443 (ICMPv6), RFC 8201 (path MTU), RFC 6437 (flow labels),
 * RFC 4291 §2.5.5.2 (v4-mapped addresses are not for the wire).
 */
#include <linux/icmpv6.h>
#include <linux/tcp.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include <net/seg6.h>
#include <net/tcp.h>
#include <net/transp_v6.h>
#include "../engine/addr.h"
#include "../engine/conn.h"
#include "../table/hook.h"
#include "carrier.h"
#include "ip6.h"
#include "options.h"
#include "offload.h"

#define MSS_DEFAULT	(IPV6_MIN_MTU - sizeof(struct ipv6hdr) - sizeof(struct tcphdr))

/* --- the route --- */

static void ip6_flow_of_pair(struct flowi6 *fl6, const struct yoke_pair *pair, u8 proto)
{
	memset(fl6, 0, sizeof(*fl6));
	fl6->flowi6_iif = LOOPBACK_IFINDEX;
	fl6->flowi6_proto = proto;
	fl6->daddr = pair->raddr;
	fl6->saddr = pair->laddr;
	fl6->fl6_dport = pair->rport;
	fl6->fl6_sport = pair->lport;
}

/* The route from @pair's local to its remote end as @sk's options have it, kept in @sk. */
static struct dst_entry *ip6_route_sock(struct sock *sk, const struct yoke_pair *pair)
{
	struct flowi6 *fl6 = &inet_sk(sk)->cork.fl.u.ip6;
	struct ipv6_pinfo *np = inet6_sk(sk);
	struct in6_addr final, *to;
	struct dst_entry *dst;

	ip6_flow_of_pair(fl6, pair, sk->sk_protocol);
	fl6->flowlabel = ip6_make_flowinfo(READ_ONCE(np->tclass), np->flow_label);
	fl6->flowi6_oif = sk->sk_bound_dev_if;
	fl6->flowi6_mark = READ_ONCE(sk->sk_mark);
	fl6->flowi6_uid = sk->sk_uid;
	security_sk_classify_flow(sk, flowi6_to_flowi_common(fl6));
	rcu_read_lock();
	to = yoke_options_hop6(rcu_dereference(np->opt), fl6, &final);
	rcu_read_unlock();
	dst = ip6_dst_lookup_flow(sock_net(sk), sk, fl6, to);
	fl6->daddr = pair->raddr;
	if (IS_ERR(dst))
		return dst;
	yoke_carrier_keep_route(sk, dst, YOKE_GSO_TYPE6);
	np->dst_cookie = rt6_get_cookie((struct rt6_info *)dst);
	return dst;
}

static int ip6_connect(struct sock *sk, struct yoke_pair *pair)
{
	struct dst_entry *dst = ip6_route_sock(sk, pair);

	if (IS_ERR(dst))
		return PTR_ERR(dst);
	pair->laddr = inet_sk(sk)->cork.fl.u.ip6.saddr;
	return 0;
}

static struct dst_entry *ip6_refresh(struct sock *sk)
{
	struct dst_entry *dst = __sk_dst_check(sk, inet6_sk(sk)->dst_cookie);

	if (dst)
		return dst;
	dst = ip6_route_sock(sk, &yoke_sk(sk)->node.pair);
	if (IS_ERR(dst)) {
		WRITE_ONCE(sk->sk_err_soft, -PTR_ERR(dst));
		return NULL;
	}
	return dst;
}

/* The extension headers that a SYN-ACK of @sk has, which may be NULL, as yoke_addr_headers(). Under RCU. */
static struct ipv6_txoptions *ip6_listener_options(const struct sock *sk,
						   struct ipv6_txoptions *space)
{
	return sk && inet6_sk(sk) ? yoke_addr_headers(sk, space) : NULL;
}

/* The flow of a packet for no socket. */
static void ip6_flow_for(struct flowi6 *fl6, struct net *net, struct sock *sk,
			 const struct yoke_route *r)
{
	ip6_flow_of_pair(fl6, &r->pair, yoke_stream_protocol);
	fl6->flowlabel = ip6_make_flowinfo(r->tos, r->flow);
	fl6->flowi6_oif = r->oif;
	fl6->flowi6_mark = r->mark;
	fl6->flowi6_uid = sock_net_uid(net, sk);
	if (sk)
		security_sk_classify_flow(sk, flowi6_to_flowi_common(fl6));
}

/* Under RCU. */
static int ip6_route_for(struct net *net, struct sock *sk, struct yoke_route *r)
{
	struct ipv6_txoptions space;
	struct in6_addr final, *to;
	struct dst_entry *dst;
	struct flowi6 fl6;

	/* Whoever forged such an address is not answered (RFC 9293 MUST-63). */
	if (ipv6_addr_is_multicast(&r->pair.raddr) || ipv6_addr_any(&r->pair.raddr))
		return -ENETUNREACH;
	ip6_flow_for(&fl6, net, sk, r);
	to = yoke_options_hop6(ip6_listener_options(sk, &space), &fl6, &final);
	dst = ip6_dst_lookup_flow(net, sk, &fl6, to);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	r->dst = dst;
	return 0;
}

/* --- outward --- */

static void ip6_checksum(struct sk_buff *skb, const struct yoke_pair *pair, u8 proto, u16 offset)
{
	__sum16 pseudo = csum_ipv6_magic(&pair->laddr, &pair->raddr, skb->len, proto, 0);

	yoke_carrier_checksum(skb, ~csum_unfold(pseudo), offset);
}

static int ip6_send(struct sock *sk, struct sk_buff *skb, u8 ecn)
{
	struct flowi6 *fl6 = &inet_sk(sk)->cork.fl.u.ip6;
	struct ipv6_pinfo *np = inet6_sk(sk);
	struct ipv6_txoptions space;
	struct dst_entry *dst;
	int err;

	/* The packet borrows the socket's route. */
	rcu_read_lock();
	dst = ip6_refresh(sk);
	if (!dst) {
		rcu_read_unlock();
		kfree_skb(skb);
		return -EHOSTUNREACH;
	}
	skb_dst_set_noref(skb, dst);
	fl6->flowlabel = np->flow_label;	/* which may change more often than the route */
	/* IPV6_TCLASS never touches the ECN field of a stream. */
	err = ip6_xmit(sk, skb, fl6, READ_ONCE(sk->sk_mark), yoke_addr_headers(sk, &space),
		       READ_ONCE(np->tclass) | ecn, READ_ONCE(sk->sk_priority));
	rcu_read_unlock();
	return yoke_carrier_errno(err);
}

/* RFC 6437: a label made of the flow, unless the program or the host does not want one. @sk may be NULL. */
static bool ip6_wants_flow_label(struct net *net, const struct sock *sk)
{
	if (sk && inet6_test_bit(AUTOFLOWLABEL_SET, sk))
		return inet6_test_bit(AUTOFLOWLABEL, sk);
	return ip6_default_np_autolabel(net);
}

static int ip6_send_for(struct net *net, struct sock *sk, struct sk_buff *skb,
			const struct yoke_route *r)
{
	struct ipv6_txoptions space, *opt;
	struct dst_entry *dst = r->dst;
	struct ipv6hdr *hdr;
	struct flowi6 fl6;

	ip6_flow_for(&fl6, net, sk, r);
	skb_dst_drop(skb);
	skb_dst_set(skb, dst);
	if (skb_cow_head(skb, sizeof(*hdr) + yoke_af_link_room(dst))) {
		kfree_skb(skb);
		return -ENOMEM;
	}

	opt = ip6_listener_options(sk, &space);
	if (unlikely(opt))
		return yoke_carrier_errno(ip6_xmit(sk, skb, &fl6, r->mark, opt, r->tos,
						   READ_ONCE(sk->sk_priority)));
	hdr = skb_push(skb, sizeof(*hdr));
	skb_reset_network_header(skb);
	ip6_flow_hdr(hdr, r->tos, ip6_make_flowlabel(net, skb, r->flow,
						     ip6_wants_flow_label(net, sk), &fl6));
	hdr->nexthdr = yoke_stream_protocol;
	hdr->hop_limit = r->ttl ?: ip6_dst_hoplimit(dst);
	hdr->saddr = fl6.saddr;
	hdr->daddr = fl6.daddr;
	skb->mark = r->mark;
	skb->priority = sk ? READ_ONCE(sk->sk_priority) : 0;
	memset(skb->cb, 0, sizeof(struct inet6_skb_parm));
	yoke_compat_ip6_count_out(net, skb);
	return yoke_carrier_errno(ip6_local_out(net, skb->sk, skb));
}

/* --- datagrams outward --- */

static int ip6_read_control(struct sock *sk, struct msghdr *msg, struct yoke_dgram_dest *d,
			    struct ipv6_txoptions *opt)
{
	struct ipcm6_cookie cookie = {
		.sockc = d->cookie,
		.hlimit = -1, .tclass = -1, .dontfrag = -1, .opt = opt,
	};
	struct flowi6 fl6 = { .flowi6_oif = d->oif, .flowlabel = d->flow };
	int err;

	err = ip6_datagram_send_ctl(sock_net(sk), sk, msg, &fl6, &cookie);
	if (err)
		return err;
	d->cookie = cookie.sockc;
	d->priority = yoke_compat_priority(&d->cookie, d->priority);
	d->oif = fl6.flowi6_oif;
	d->flow = fl6.flowlabel;
	if (!ipv6_addr_any(&fl6.saddr))
		d->pair.laddr = fl6.saddr;
	d->ttl = cookie.hlimit;
	if (cookie.tclass >= 0)
		d->tos = cookie.tclass;
	if (cookie.dontfrag >= 0)
		d->whole = cookie.dontfrag;
	return 0;
}

static int ip6_dgram_dest(struct sock *sk, struct msghdr *msg, struct yoke_dgram_dest *d)
{
	struct ipv6_txoptions opt = { .tot_len = sizeof(opt) };
	const struct ipv6_pinfo *np = inet6_sk(sk);
	int err;

	d->pair.laddr = np->saddr;
	d->tos = READ_ONCE(np->tclass);
	d->whole = inet6_test_bit(DONTFRAG, sk);
	d->oif = d->oif ?: np->sticky_pktinfo.ipi6_ifindex;
	if (d->control) {
		err = ip6_read_control(sk, msg, d, &opt);
		if (err)
			return err;
		d->connected = false;
	}
	err = yoke_options_take6(sk, d, opt.opt_flen + opt.opt_nflen ? &opt : NULL);
	if (err)
		return err;
	if (!d->connected) {
		err = yoke_hook_send(sk, &d->pair, d->named, d->locked);
		if (err)
			return err;
	}
	if (d->options && ((struct ipv6_txoptions *)d->options)->srcrt)
		d->connected = false;
	if (d->oif)
		return 0;
	if (ipv6_addr_is_multicast(&d->pair.raddr)) {
		d->oif = READ_ONCE(np->mcast_oif);
		d->connected = false;
	} else {
		d->oif = READ_ONCE(np->ucast_oif);
	}
	return 0;
}

static void ip6_flow_of_dest(struct flowi6 *fl6, struct sock *sk, const struct yoke_dgram_dest *d)
{
	ip6_flow_of_pair(fl6, &d->pair, sk->sk_protocol);
	fl6->flowlabel = ip6_make_flowinfo(d->tos, d->flow);
	fl6->flowi6_oif = d->oif;
	fl6->flowi6_mark = d->cookie.mark;
	fl6->flowi6_uid = sk->sk_uid;
	security_sk_classify_flow(sk, flowi6_to_flowi_common(fl6));
}

/* Does @dst lead to device @oif? One that goes lets go of the route. */
static bool ip6_leaves_by(const struct dst_entry *dst, int oif)
{
	bool so;

	rcu_read_lock();
	so = READ_ONCE(dst->dev)->ifindex == oif;
	rcu_read_unlock();
	return so;
}

static struct dst_entry *ip6_dgram_route(struct sock *sk, struct yoke_dgram_dest *d)
{
	struct in6_addr final, *to;
	struct dst_entry *dst;
	struct flowi6 fl6;

	if (d->connected) {
		dst = yoke_carrier_dgram_route(sk, AF_INET6, READ_ONCE(inet6_sk(sk)->dst_cookie));
		/* Of a device that was chosen since (IPV6_PKTINFO, IPV6_UNICAST_IF) it knows nothing. */
		if (dst && (d->oif == READ_ONCE(sk->sk_bound_dev_if) || ip6_leaves_by(dst, d->oif)))
			return dst;
		dst_release(dst);
	}
	ip6_flow_of_dest(&fl6, sk, d);
	to = yoke_options_hop6(d->options, &fl6, &final);
	dst = ip6_dst_lookup_flow(sock_net(sk), sk, &fl6, to);
	if (IS_ERR(dst))
		return dst;
	d->pair.laddr = fl6.saddr;
	if (d->connected) {
		WRITE_ONCE(inet6_sk(sk)->dst_cookie, rt6_get_cookie((struct rt6_info *)dst));
		sk_dst_set(sk, dst_clone(dst));
		/* It may have been connected elsewhere meanwhile: then neither route is kept. */
		if (data_race(!ipv6_addr_equal(&sk->sk_v6_daddr, &d->pair.raddr)))
			sk_dst_reset(sk);
	}
	return dst;
}

static u32 ip6_dgram_mtu(struct sock *sk, const struct yoke_dgram_dest *d,
			 const struct dst_entry *dst)
{
	u32 mtu = inet6_sk(sk)->pmtudisc >= IPV6_PMTUDISC_PROBE ?
		  yoke_af_link_mtu(dst) : dst_mtu(dst);
	u32 most = sizeof(struct ipv6hdr) + IPV6_MAXPLEN, frag_size = READ_ONCE(inet6_sk(sk)->frag_size);

	if (frag_size)		/* IPV6_MTU */
		mtu = min(mtu, frag_size);
	return ip6_sk_ignore_df(sk) && !d->whole && !d->segment ? most : min(mtu, most);
}

static int ip6_dgram_xmit(struct sock *sk, struct sk_buff *skb, const struct yoke_dgram_dest *d)
{
	const struct in6_addr *daddr = &d->pair.raddr;
	struct net *net = sock_net(sk);
	u8 proto = sk->sk_protocol;
	struct ipv6hdr *hdr;
	struct flowi6 fl6;

	ip6_flow_of_dest(&fl6, sk, d);
	if (unlikely(d->options))
		daddr = yoke_options_push6(skb, d->options, &proto, daddr);
	hdr = skb_push(skb, sizeof(*hdr));
	skb_reset_network_header(skb);
	/* IP cuts what is too long, if it may. */
	skb->ignore_df = ip6_sk_ignore_df(sk) && !d->whole;
	ip6_flow_hdr(hdr, d->tos, ip6_make_flowlabel(net, skb, d->flow,
						     ip6_wants_flow_label(net, sk), &fl6));
	hdr->nexthdr = proto;
	hdr->hop_limit = d->ttl >= 0 ? d->ttl :
			 ip6_sk_dst_hoplimit(inet6_sk(sk), &fl6, skb_dst(skb));
	hdr->saddr = d->pair.laddr;
	hdr->daddr = *daddr;
	memset(skb->cb, 0, sizeof(struct inet6_skb_parm));
	yoke_compat_ip6_count_out(net, skb);
	return yoke_carrier_errno(ip6_local_out(net, sk, skb));
}

/* IPV6_RECVPATHMTU (RFC 3542 §11.3): of what is not to be cut the next recvmsg(2) tells how much fits. */
static void ip6_keep_path_mtu(struct sock *sk, const struct yoke_dgram_dest *d, u32 mtu)
{
	struct sk_buff *skb;

	if (!d->whole || likely(!inet6_sk(sk)->rxopt.bits.rxpmtu))
		return;
	skb = alloc_skb(0, GFP_KERNEL);
	if (!skb)
		return;
	*IP6CBMTU(skb) = (struct ip6_mtuinfo) {
		.ip6m_mtu = mtu,
		.ip6m_addr = {
			.sin6_family = AF_INET6,
			.sin6_addr = d->pair.raddr,
			.sin6_scope_id = d->oif,
		},
	};
	kfree_skb(xchg(&inet6_sk(sk)->rxpmtu, skb));
}

static void ip6_dgram_too_long(struct sock *sk, const struct yoke_dgram_dest *d, u32 mtu)
{
	const struct ipv6hdr hdr = { .daddr = d->pair.raddr };

	ip6_keep_path_mtu(sk, d, mtu);
	yoke_carrier_dgram_too_long(sk, d, mtu, &hdr, offsetof(struct ipv6hdr, daddr));
}

/* --- datagrams inward --- */

static void ip6_dgram_nobody(struct sk_buff *skb)
{
	icmpv6_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
}

/* As its membership says, or by IPV6_MULTICAST_ALL if it has none. */
static bool ip6_dgram_hears(struct sock *sk, const struct sk_buff *skb, const struct yoke_rx *rx)
{
	const struct ipv6hdr *hdr = ipv6_hdr(skb);
	const struct ip6_sf_socklist *sources;
	const struct ipv6_mc_socklist *group;
	bool exclude;
	int i;

	for (group = rcu_dereference(inet6_sk(sk)->ipv6_mc_list); group;
	     group = rcu_dereference(group->next))
		if (ipv6_addr_equal(&group->addr, &hdr->daddr))
			break;
	if (!group)
		return inet6_test_bit(MC6_ALL, sk);
	exclude = group->sfmode == MCAST_EXCLUDE;
	sources = rcu_dereference(group->sflist);
	for (i = 0; sources && i < sources->sl_count; i++)
		if (ipv6_addr_equal(&sources->sl_addr[i], &hdr->saddr))
			return !exclude;
	return exclude;
}

static void ip6_queue_error(struct sock *sk, struct sk_buff *skb, int err, __be16 port,
			    const void *quoted)
{
	ipv6_icmp_error(sk, skb, err, port, ntohl(icmp6_hdr(skb)->icmp6_pointer), (u8 *)quoted);
}

const struct yoke_af_ops yoke_ip6 = {
	.family		= AF_INET6,
	.header_len	= sizeof(struct ipv6hdr),
	.mss_default	= MSS_DEFAULT,
	.connect	= ip6_connect,
	.refresh	= ip6_refresh,
	.xmit		= ip6_send,
	.route_for	= ip6_route_for,
	.xmit_for	= ip6_send_for,
	.checksum	= ip6_checksum,
	.dgram_dest	= ip6_dgram_dest,
	.dgram_route	= ip6_dgram_route,
	.dgram_mtu	= ip6_dgram_mtu,
	.dgram_xmit	= ip6_dgram_xmit,
	.dgram_too_long	= ip6_dgram_too_long,
	.dgram_nobody	= ip6_dgram_nobody,
	.dgram_hears	= ip6_dgram_hears,
	.queue_error	= ip6_queue_error,
};

/* --- inward --- */

static void ip6_fill_rx(struct yoke_rx *rx, const struct sk_buff *skb)
{
	const __be16 *ports = (const __be16 *)skb_transport_header(skb);
	const struct ipv6hdr *hdr = ipv6_hdr(skb);

	memset(rx, 0, sizeof(*rx));
	rx->pair.laddr = hdr->daddr;
	rx->pair.raddr = hdr->saddr;
	rx->pair.lport = ports[1];
	rx->pair.rport = ports[0];
	rx->af = &yoke_ip6;
	rx->iif = inet6_iif(skb);
	rx->sdif = inet6_sdif(skb);
	rx->tos = ipv6_get_dsfield(hdr) & ~YOKE_IP_ECN;
	rx->ecn = ipv6_get_dsfield(hdr) & YOKE_IP_ECN;
	rx->ttl = hdr->hop_limit;
	rx->flow = ip6_flowlabel(hdr);
	rx->many = ipv6_addr_is_multicast(&hdr->daddr);
}

/* Addresses that stand for IPv4's in a pair of sockets would lead to a connection of that. */
static bool ip6_disguised(const struct ipv6hdr *hdr)
{
	return ipv6_addr_v4mapped(&hdr->saddr) || ipv6_addr_v4mapped(&hdr->daddr);
}

static int ip6_receive_stream(struct sk_buff *skb)
{
	bool unicast = skb->pkt_type == PACKET_HOST && ipv6_unicast_destination(skb) &&
		       !ip6_disguised(ipv6_hdr(skb));

	return yoke_carrier_segment(skb, unicast, ip6_compute_pseudo, ip6_fill_rx);
}

static int ip6_receive_dgram(struct sk_buff *skb)
{
	if (ip6_disguised(ipv6_hdr(skb))) {
		yoke_drop(dev_net(skb->dev), NULL, skb, DgramInErrors);
		return 0;
	}
	return yoke_carrier_datagram(skb, ip6_compute_pseudo, ip6_fill_rx);
}

/*
 * The quoted header, at @offset our ports, of which IP has made sure: source is local. On its way along
 * a segment list (RFC 8754 §5.4) its destination is but the next stop.
 */
static void ip6_fill_error_rx(struct yoke_rx *rx, struct sk_buff *skb, struct inet6_skb_parm *opt,
			      int offset)
{
	const struct ipv6hdr *hdr = (const struct ipv6hdr *)skb->data;
	const __be16 *ports = (const __be16 *)(skb->data + offset);

	memset(rx, 0, sizeof(*rx));
	rx->pair.laddr = hdr->saddr;
	rx->pair.raddr = *(seg6_get_daddr(skb, opt) ?: &hdr->daddr);
	rx->pair.lport = ports[0];
	rx->pair.rport = ports[1];
	rx->af = &yoke_ip6;
	rx->iif = inet6_iif(skb);
	rx->sdif = inet6_sdif(skb);
	rx->ttl = ipv6_hdr(skb)->hop_limit;
}

static int ip6_stream_error(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
			    int offset, __be32 info)
{
	struct yoke_rx rx;
	u32 mtu = 0;
	int err;

	if (ip6_disguised((const struct ipv6hdr *)skb->data))
		return 0;
	if (type == NDISC_REDIRECT)
		err = 0;
	else
		icmpv6_err_convert(type, code, &err);
	if (type == ICMPV6_PKT_TOOBIG)
		mtu = ntohl(info);
	if (type == ICMPV6_PKT_TOOBIG && mtu < IPV6_MIN_MTU)
		return 0;	/* RFC 8201 §4: no link is such */
	ip6_fill_error_rx(&rx, skb, opt, offset);
	yoke_rcv_error(dev_net(skb->dev), skb, &rx, skb->data + offset, err,
		       type == ICMPV6_DEST_UNREACH && code == ICMPV6_NOROUTE, mtu);
	return 0;
}

/* A connected socket looks for its route anew, so that IPV6_MTU tells it. As in IPv4. */
static void ip6_refresh_locked(struct sock *sk)
{
	const struct ipv6_pinfo *np = inet6_sk(sk);
	struct yoke_dgram_dest d = {
		.pair = yoke_dg(sk)->pair,
		.flow = np->flow_label,
		.tos = READ_ONCE(np->tclass),
		.connected = true,
		.oif = sk->sk_bound_dev_if ?: np->sticky_pktinfo.ipi6_ifindex,
		.cookie.mark = READ_ONCE(sk->sk_mark),
	};
	struct dst_entry *dst;

	if (sk->sk_state != TCP_ESTABLISHED || ipv6_addr_v4mapped(&d.pair.raddr) ||
	    rcu_access_pointer(np->opt))
		return;
	if (!d.oif)
		d.oif = ipv6_addr_is_multicast(&d.pair.raddr) ? READ_ONCE(np->mcast_oif) :
								READ_ONCE(np->ucast_oif);
	dst = ip6_dgram_route(sk, &d);
	if (!IS_ERR(dst))
		dst_release(dst);
}

static void ip6_learn_mtu(struct sock *sk, struct sk_buff *skb, __be32 mtu)
{
	int oif = sk->sk_bound_dev_if ?: l3mdev_master_ifindex(skb->dev);

	ip6_update_pmtu(skb, sock_net(sk), mtu, oif, READ_ONCE(sk->sk_mark), sk->sk_uid);
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		ip6_refresh_locked(sk);
	bh_unlock_sock(sk);
}

static int ip6_dgram_error(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
			   int offset, __be32 info)
{
	bool hard, queued;
	struct yoke_rx rx;
	struct sock *sk;
	int err;

	if (ip6_disguised((const struct ipv6hdr *)skb->data))
		return 0;
	ip6_fill_error_rx(&rx, skb, opt, offset);
	sk = yoke_dgram_find(dev_net(skb->dev), &rx);
	if (!sk)
		return 0;
	if (type == NDISC_REDIRECT) {
		ip6_redirect(skb, sock_net(sk), rx.iif, READ_ONCE(sk->sk_mark), sk->sk_uid);
		return 0;
	}
	hard = icmpv6_err_convert(type, code, &err);
	if (type == ICMPV6_PKT_TOOBIG) {
		if (!ip6_sk_accept_pmtu(sk))
			return 0;
		ip6_learn_mtu(sk, skb, info);
		hard = hard || inet6_sk(sk)->pmtudisc != IPV6_PMTUDISC_DONT;
	}
	queued = inet6_test_bit(RECVERR6, sk);
	if (queued)
		ipv6_icmp_error(sk, skb, err, rx.pair.rport, ntohl(info),
				skb->data + offset + sizeof(struct udphdr));
	yoke_carrier_dgram_error(sk, err, hard, queued);
	return 0;
}

static const struct inet6_protocol stream_protocol = {
	.handler	= ip6_receive_stream,
	.err_handler	= ip6_stream_error,
	/* The engine asks IPsec's policies, knowing the socket. */
	.flags		= INET6_PROTO_NOPOLICY | INET6_PROTO_FINAL,
};

static const struct inet6_protocol dgram_protocol = {
	.handler	= ip6_receive_dgram,
	.err_handler	= ip6_dgram_error,
	.flags		= INET6_PROTO_NOPOLICY | INET6_PROTO_FINAL,
};

int yoke_ip6_init(void)
{
	int err;

	if (!ipv6_mod_enabled())
		return 0;
	err = yoke_carrier_taken(inet6_add_protocol(&stream_protocol, yoke_stream_protocol),
				 "IPv6", yoke_stream_protocol, "stream_proto");
	if (err)
		return err;
	err = yoke_carrier_taken(inet6_add_protocol(&dgram_protocol, yoke_dgram_protocol), "IPv6",
				 yoke_dgram_protocol, "dgram_proto");
	if (err)
		inet6_del_protocol(&stream_protocol, yoke_stream_protocol);
	return err;
}

void yoke_ip6_exit(void)
{
	if (!ipv6_mod_enabled())
		return;
	inet6_del_protocol(&dgram_protocol, yoke_dgram_protocol);
	inet6_del_protocol(&stream_protocol, yoke_stream_protocol);
}
