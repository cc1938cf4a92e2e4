// SPDX-License-Identifier: GPL-2.0
/*
 * A datagram is sent: where it goes, by the socket's options and its own, its parts if it comes in
 * several, and the making of the packet.
 *
 * Owns: pending, pending_len and dest of struct yoke_dgram and, in sk_write_queue, the parts; socket
 * lock. Sending without cork takes no lock, as in UDP. Process context.
 * RFC 768, RFC 1122 §4.1, RFC 8085.
 */
#include <linux/errqueue.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/udp.h>
#include "../engine/dgram.h"
#include "dgram_send.h"

/* What fits into an IP packet. */
#define PAYLOAD_MAX	(IP_MAX_MTU - sizeof(struct iphdr) - sizeof(struct udphdr))
/* Up to here a datagram is one piece of memory; beyond, its data are pages. */
#define LINEAR_MAX	2048

/* Puts an error of our own on the error queue (IP_RECVERR): a header with the address meant is all. */
static void queue_local_error(struct sock *sk, int err, const struct yoke_dgram_dest *d, u32 info)
{
	struct sock_exterr_skb *serr;
	struct sk_buff *skb;
	struct iphdr *iph;

	if (!inet_test_bit(RECVERR, sk))
		return;
	skb = alloc_skb(sizeof(*iph), GFP_KERNEL);
	if (!skb)
		return;
	iph = skb_put_zero(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	iph->daddr = d->daddr;
	serr = SKB_EXT_ERR(skb);
	memset(serr, 0, sizeof(*serr));
	serr->ee.ee_errno = err;
	serr->ee.ee_origin = SO_EE_ORIGIN_LOCAL;
	serr->ee.ee_info = info;
	serr->addr_offset = (u8 *)&iph->daddr - skb_network_header(skb);
	serr->port = d->dport;
	__skb_pull(skb, sizeof(*iph));
	skb_reset_transport_header(skb);
	if (sock_queue_err_skb(sk, skb))
		kfree_skb(skb);
}

static int read_control_ip(struct yoke_dgram_dest *d, const struct cmsghdr *cmsg)
{
	const void *data = CMSG_DATA(cmsg);
	const struct in_pktinfo *info = data;
	int val;

	switch (cmsg->cmsg_type) {
	case IP_PKTINFO:
		if (cmsg->cmsg_len != CMSG_LEN(sizeof(*info)))
			return -EINVAL;
		if (info->ipi_ifindex)
			d->oif = info->ipi_ifindex;
		d->saddr = info->ipi_spec_dst.s_addr;
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

static int read_control(struct sock *sk, struct msghdr *msg, struct yoke_dgram_dest *d)
{
	struct sockcm_cookie cookie = {
		.mark = d->mark,
		.tsflags = READ_ONCE(sk->sk_tsflags),
	};
	struct cmsghdr *cmsg;
	int err;

	err = sock_cmsg_send(sk, msg, &cookie);	/* SOL_SOCKET's, and that all are well formed */
	if (err)
		return err;
	d->mark = cookie.mark;
	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		if (cmsg->cmsg_level != SOL_IP)
			continue;
		err = read_control_ip(d, cmsg);
		if (err)
			return err;
	}
	return 0;
}

/* Where @msg is to go: the address it gives or the peer's, by the socket's options and its own. */
static int read_dest(struct sock *sk, struct msghdr *msg, struct yoke_dgram_dest *d)
{
	DECLARE_SOCKADDR(struct sockaddr_in *, sin, msg->msg_name);
	const struct inet_sock *inet = inet_sk(sk);
	int err;

	memset(d, 0, sizeof(*d));
	if (sin) {
		if (msg->msg_namelen < sizeof(*sin))
			return -EINVAL;
		if (sin->sin_family != AF_INET && sin->sin_family != AF_UNSPEC)
			return -EAFNOSUPPORT;
		d->daddr = sin->sin_addr.s_addr;
		d->dport = sin->sin_port;
		if (!d->dport)
			return -EINVAL;
	} else {
		if (sk->sk_state != TCP_ESTABLISHED)
			return -EDESTADDRREQ;
		d->daddr = inet->inet_daddr;
		d->dport = inet->inet_dport;
		d->connected = true;
	}
	d->saddr = inet->inet_saddr;
	d->oif = READ_ONCE(sk->sk_bound_dev_if);
	d->mark = READ_ONCE(sk->sk_mark);
	d->priority = READ_ONCE(sk->sk_priority);
	d->tos = READ_ONCE(inet->tos);
	if (msg->msg_controllen) {
		err = read_control(sk, msg, d);
		if (err)
			return err;
		d->connected = false;
	}
	d->link = msg->msg_flags & MSG_DONTROUTE || sock_flag(sk, SOCK_LOCALROUTE);
	if (ipv4_is_multicast(d->daddr)) {
		d->oif = d->oif ?: READ_ONCE(inet->mc_index);
		d->saddr = d->saddr ?: READ_ONCE(inet->mc_addr);
		d->connected = false;
	} else if (!d->oif) {
		d->oif = READ_ONCE(inet->uc_index);
	}
	d->connected = d->connected && !d->link;
	return 0;
}

/* The route to @d, with a reference; fills in the addresses that routing chose. */
static struct rtable *find_route(struct sock *sk, struct yoke_dgram_dest *d)
{
	struct rtable *rt;
	struct flowi4 fl4;

	if (d->connected) {
		rt = (struct rtable *)sk_dst_check(sk, 0);
		if (rt)
			return rt;
	}
	memset(&fl4, 0, sizeof(fl4));
	fl4.flowi4_oif = d->oif;
	fl4.flowi4_iif = LOOPBACK_IFINDEX;
	fl4.flowi4_mark = d->mark;
	yoke_flow_set_tos(&fl4, d->tos);
	fl4.flowi4_scope = d->link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	fl4.flowi4_proto = sk->sk_protocol;
	fl4.flowi4_flags = inet_sk_flowi_flags(sk);
	fl4.flowi4_uid = sk->sk_uid;
	fl4.daddr = d->daddr;
	fl4.saddr = d->saddr;
	fl4.fl4_dport = d->dport;
	fl4.fl4_sport = inet_sk(sk)->inet_sport;
	security_sk_classify_flow(sk, flowi4_to_flowi_common(&fl4));
	rt = ip_route_output_flow(sock_net(sk), &fl4, sk);
	if (IS_ERR(rt))
		return rt;
	if (rt->rt_flags & RTCF_BROADCAST && !sock_flag(sk, SOCK_BROADCAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-EACCES);
	}
	d->saddr = fl4.saddr;
	d->daddr = fl4.daddr;
	if (d->connected)
		sk_dst_set(sk, dst_clone(&rt->dst));
	return rt;
}

/*
 * A buffer for @len bytes of data with room for @headers in front, @linear in
 * one piece. Waits until the send buffer has room, unless @flags forbid it.
 */
static struct sk_buff *alloc_data(struct sock *sk, unsigned int headers, size_t len, bool linear,
				  int flags, int *err)
{
	size_t head = linear || len <= LINEAR_MAX ? len : 0;
	struct sk_buff *skb;

	skb = sock_alloc_send_pskb(sk, headers + head, len - head, flags & MSG_DONTWAIT, err,
				   PAGE_ALLOC_COSTLY_ORDER);
	if (!skb)
		return NULL;
	skb_reserve(skb, headers);
	skb_put(skb, head);
	skb->data_len = len - head;
	skb->len += len - head;
	return skb;
}

static unsigned int headers_for(const struct rtable *rt)
{
	return LL_RESERVED_SPACE(rt->dst.dev) + rt->dst.header_len + rt->dst.trailer_len +
	       sizeof(struct iphdr) + sizeof(struct udphdr);
}

static u8 choose_ttl(const struct inet_sock *inet, const struct yoke_dgram_dest *d,
		     const struct rtable *rt)
{
	int uc_ttl = READ_ONCE(inet->uc_ttl);

	if (d->ttl)
		return d->ttl;
	if (rt->rt_type == RTN_MULTICAST)
		return READ_ONCE(inet->mc_ttl);
	return uc_ttl < 0 ? ip4_dst_hoplimit(&rt->dst) : uc_ttl;
}

static void push_udp_header(struct sock *sk, struct sk_buff *skb, const struct yoke_dgram_dest *d)
{
	struct yoke_pair pair = { .lport = inet_sk(sk)->inet_sport, .rport = d->dport };
	struct udphdr *uh = skb_push(skb, sizeof(*uh));

	skb_reset_transport_header(skb);
	uh->source = pair.lport;
	uh->dest = pair.rport;
	uh->len = htons(skb->len);
	uh->check = 0;
	if (sk->sk_no_check_tx)		/* SO_NO_CHECK */
		return;
	ipv6_addr_set_v4mapped(d->saddr, &pair.laddr);
	ipv6_addr_set_v4mapped(d->daddr, &pair.raddr);
	yoke_dg(sk)->af->checksum(skb, &pair, sk->sk_protocol, offsetof(struct udphdr, check));
}

static void push_ip_header(struct sock *sk, struct sk_buff *skb, const struct yoke_dgram_dest *d,
			   struct rtable *rt)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct iphdr *iph = skb_push(skb, sizeof(*iph));
	u8 pmtudisc = READ_ONCE(inet->pmtudisc);
	bool df;

	/* IP cuts what is too long, if it may. */
	df = pmtudisc == IP_PMTUDISC_DO || pmtudisc == IP_PMTUDISC_PROBE ||
	     (skb->len <= dst_mtu(&rt->dst) && ip_dont_fragment(sk, &rt->dst));
	skb_reset_network_header(skb);
	skb->ignore_df = ip_sk_ignore_df(sk);
	*iph = (struct iphdr) {
		.version  = IPVERSION,
		.ihl	  = sizeof(*iph) / 4,
		.tos	  = d->tos,
		.frag_off = df ? htons(IP_DF) : 0,
		.ttl	  = choose_ttl(inet, d, rt),
		.protocol = sk->sk_protocol,
		.saddr	  = d->saddr,
		.daddr	  = d->daddr,
	};
	ip_select_ident(sock_net(sk), skb, sk);
	skb->priority = d->priority;
	skb->mark = d->mark;
}

/* Hands @skb, the data, to IP; consumes it and the route. */
static int transmit(struct sock *sk, struct sk_buff *skb, const struct yoke_dgram_dest *d,
		    struct rtable *rt)
{
	int err;

	skb_dst_set(skb, &rt->dst);
	push_udp_header(sk, skb, d);
	push_ip_header(sk, skb, d, rt);
	memset(skb->cb, 0, sizeof(struct inet_skb_parm));
	err = ip_local_out(sock_net(sk), sk, skb);
	if (err > 0)
		err = net_xmit_errno(err);
	if (!err) {
		yoke_count(sock_net(sk), DgramOutDatagrams);
	} else if (err == -ENOBUFS) {
		/* A full queue is no news for a datagram, unless the program wants to hear it. */
		yoke_count(sock_net(sk), DgramSndbufErrors);
		if (!inet_test_bit(RECVERR, sk))
			err = 0;
	}
	return err;
}

/* May a datagram of @len bytes leave by @rt? */
static int check_size(struct sock *sk, size_t len, const struct yoke_dgram_dest *d,
		      const struct rtable *rt)
{
	u32 mtu = ip_sk_use_pmtu(sk) ? dst_mtu(&rt->dst) : READ_ONCE(rt->dst.dev->mtu);

	if (ip_sk_ignore_df(sk))
		mtu = IP_MAX_MTU;
	if (len <= PAYLOAD_MAX && len + sizeof(struct iphdr) + sizeof(struct udphdr) <= mtu)
		return 0;
	queue_local_error(sk, EMSGSIZE, d, mtu);
	return -EMSGSIZE;
}

static int send_now(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct yoke_dgram_dest d;
	struct sk_buff *skb;
	struct rtable *rt;
	int err;

	err = read_dest(sk, msg, &d);
	if (err)
		return err;
	rt = find_route(sk, &d);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	if (msg->msg_flags & MSG_CONFIRM)
		dst_confirm_neigh(&rt->dst, &d.daddr);
	err = check_size(sk, len, &d, rt);
	if (err)
		goto out;
	skb = alloc_data(sk, headers_for(rt), len, false, msg->msg_flags, &err);
	if (!skb)
		goto out;
	err = skb_copy_datagram_from_iter(skb, 0, &msg->msg_iter, len);
	if (err) {
		kfree_skb(skb);
		goto out;
	}
	return transmit(sk, skb, &d, rt);
out:
	ip_rt_put(rt);
	return err;
}

void yoke_dgram_send_flush(struct sock *sk)
{
	WRITE_ONCE(yoke_dg(sk)->pending, false);
	yoke_dg(sk)->pending_len = 0;
	__skb_queue_purge(&sk->sk_write_queue);
}

int yoke_dgram_send_pending(struct sock *sk)
{
	struct yoke_dgram *dg = yoke_dg(sk);
	struct sk_buff *skb, *part;
	struct rtable *rt;
	void *to;
	int err;

	if (!dg->pending)
		return 0;
	rt = find_route(sk, &dg->dest);
	if (IS_ERR(rt)) {
		err = PTR_ERR(rt);
		goto out;
	}
	err = check_size(sk, dg->pending_len, &dg->dest, rt);
	if (err)
		goto out_route;
	skb = alloc_data(sk, headers_for(rt), dg->pending_len, true, MSG_DONTWAIT, &err);
	if (!skb)
		goto out_route;
	to = skb->data;
	skb_queue_walk(&sk->sk_write_queue, part) {
		skb_copy_bits(part, 0, to, part->len);
		to += part->len;
	}
	yoke_dgram_send_flush(sk);
	return transmit(sk, skb, &dg->dest, rt);

out_route:
	ip_rt_put(rt);
out:
	yoke_dgram_send_flush(sk);
	return err;
}

/* One more part of a datagram that is sent when the last one has come. */
static int send_part(struct sock *sk, struct msghdr *msg, size_t len, bool more)
{
	struct yoke_dgram *dg = yoke_dg(sk);
	struct sk_buff *part;
	int err = 0;

	if (!dg->pending) {
		err = read_dest(sk, msg, &dg->dest);
		if (err)
			return err;
		WRITE_ONCE(dg->pending, true);
	}
	if (dg->pending_len + len > PAYLOAD_MAX) {
		err = -EMSGSIZE;
		goto flush;
	}
	part = alloc_data(sk, 0, len, false, msg->msg_flags, &err);
	if (!part)
		goto flush;
	err = skb_copy_datagram_from_iter(part, 0, &msg->msg_iter, len);
	if (err) {
		kfree_skb(part);
		goto flush;
	}
	__skb_queue_tail(&sk->sk_write_queue, part);
	dg->pending_len += len;
	return more ? 0 : yoke_dgram_send_pending(sk);

flush:
	yoke_dgram_send_flush(sk);
	return err;
}

int yoke_dgram_send_msg(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct yoke_dgram *dg = yoke_dg(sk);
	bool more = READ_ONCE(dg->cork) || msg->msg_flags & MSG_MORE;
	int err;

	if (len > U16_MAX)
		return -EMSGSIZE;
	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (more || READ_ONCE(dg->pending)) {
		lock_sock(sk);
		err = send_part(sk, msg, len, more);
		release_sock(sk);
	} else {
		err = send_now(sk, msg, len);
	}
	return err ?: len;
}
