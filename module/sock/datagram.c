// SPDX-License-Identifier: GPL-2.0
/*
 * The calls on a datagram socket: its life, sending, receiving, options, with UDP's behaviour.
 *
 * Much of a datagram socket is the same for any inet protocol, so that the calls are those of
 * AF_INET (inet_bind() …) over the struct proto below. What makes it ours: the port space, the
 * table, the wire.
 *
 * Process context. owner, dest and the parts of a corked datagram: socket lock. Sending without
 * cork takes no lock, as in UDP.
 * RFC 768, RFC 1122 §4.1, RFC 8085.
 */
#include <asm/ioctls.h>
#include <linux/errqueue.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/udp.h>
#include "../engine/dgram.h"
#include "datagram.h"

/* What fits into an IP packet. */
#define PAYLOAD_MAX	(IP_MAX_MTU - sizeof(struct iphdr) - sizeof(struct udphdr))
/* Up to here a datagram is one piece of memory; beyond, its data are pages. */
#define LINEAR_MAX	2048

/* --- a socket's life --- */

static int dgram_init(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	bool no_pmtu = READ_ONCE(sock_net(sk)->ipv4.sysctl_ip_no_pmtu_disc);

	sk->sk_destruct = inet_sock_destruct;
	sock_set_flag(sk, SOCK_RCU_FREE);
	inet->uc_ttl = -1;
	inet->mc_ttl = 1;
	inet_set_bit(MC_LOOP, sk);
	inet_set_bit(MC_ALL, sk);
	inet->pmtudisc = no_pmtu ? IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
	atomic_set(&inet->inet_id, 0);
	return 0;
}

/* Gives the port back and makes the socket unreachable. */
static void dgram_unhash(struct sock *sk)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_dgram *dg = yoke_dg(sk);

	yoke_dgram_leave(sk);
	yoke_port_leave(&yn->ports[YOKE_DGRAM_PORTS], &dg->owner);
	dg->inet.inet_num = 0;
}

/* bind(2) or the first use wants a port: @num or, if that is 0, any. inet_rcv_saddr is set. */
static int dgram_get_port(struct sock *sk, unsigned short num)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_dgram *dg = yoke_dg(sk);
	int port, err;

	ipv6_addr_set_v4mapped(dg->inet.inet_rcv_saddr, &dg->pair.laddr);
	dg->owner.sk = sk;
	dg->owner.addr = &dg->pair.laddr;
	port = yoke_port_bind(&yn->ports[YOKE_DGRAM_PORTS], &dg->owner, num);
	if (port < 0)
		return port;
	dg->inet.inet_num = port;
	err = yoke_dgram_enter(sk);
	if (err)
		dgram_unhash(sk);
	return err;
}

static int disconnect_locked(struct sock *sk, int flags)
{
	__udp_disconnect(sk, flags);	/* calls dgram_unhash() unless bind(2) chose the port */
	return inet_sk(sk)->inet_num ? yoke_dgram_enter(sk) : 0;
}

static int dgram_disconnect(struct sock *sk, int flags)
{
	int err;

	lock_sock(sk);
	err = disconnect_locked(sk, flags);
	release_sock(sk);
	return err;
}

static int dgram_connect(struct sock *sk, yoke_sockaddr *addr, int len)
{
	int err;

	lock_sock(sk);
	err = __ip4_datagram_connect(sk, addr, len);
	if (!err) {
		err = yoke_dgram_enter(sk);
		if (err)
			disconnect_locked(sk, 0);
	}
	release_sock(sk);
	return err;
}

static void dgram_flush(struct sock *sk)
{
	WRITE_ONCE(yoke_dg(sk)->pending, false);
	yoke_dg(sk)->pending_len = 0;
	__skb_queue_purge(&sk->sk_write_queue);
}

static void dgram_destroy(struct sock *sk)
{
	lock_sock(sk);
	dgram_flush(sk);
	release_sock(sk);
}

static void dgram_close(struct sock *sk, long timeout)
{
	sk_common_release(sk);
}

static int dgram_ioctl(struct sock *sk, int cmd, yoke_ioctl_arg arg)
{
	struct sk_buff *skb;
	int amount = 0;

	switch (cmd) {
	case SIOCOUTQ:
		return yoke_ioctl_put(arg, sk_wmem_alloc_get(sk));
	case SIOCINQ:
		spin_lock_bh(&sk->sk_receive_queue.lock);
		skb = skb_peek(&sk->sk_receive_queue);
		if (skb)
			amount = skb->len;
		spin_unlock_bh(&sk->sk_receive_queue.lock);
		return yoke_ioctl_put(arg, amount);
	}
	return -ENOIOCTLCMD;
}

/* --- sending --- */

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

/* Sends what MSG_MORE or UDP_CORK held back. */
static int push_pending(struct sock *sk)
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
	dgram_flush(sk);
	return transmit(sk, skb, &dg->dest, rt);

out_route:
	ip_rt_put(rt);
out:
	dgram_flush(sk);
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
	return more ? 0 : push_pending(sk);

flush:
	dgram_flush(sk);
	return err;
}

static int dgram_sendmsg(struct sock *sk, struct msghdr *msg, size_t len)
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

/* --- receiving --- */

static int dgram_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len)
{
	DECLARE_SOCKADDR(struct sockaddr_in *, sin, msg->msg_name);
	struct inet_sock *inet = inet_sk(sk);
	struct sk_buff *skb;
	size_t size;
	int err;

	if (flags & MSG_ERRQUEUE)
		return inet_recv_error(sk, msg, len, addr_len);
	skb = skb_recv_datagram(sk, flags, &err);
	if (!skb)
		return err;

	size = skb->len;
	if (len < size)
		msg->msg_flags |= MSG_TRUNC;
	err = skb_copy_datagram_msg(skb, 0, msg, min(len, size));
	if (err)
		goto out;
	sock_recv_cmsgs(msg, sk, skb);
	if (sin) {
		sin->sin_family = AF_INET;
		sin->sin_port = udp_hdr(skb)->source;
		sin->sin_addr.s_addr = ip_hdr(skb)->saddr;
		memset(sin->sin_zero, 0, sizeof(sin->sin_zero));
		*addr_len = sizeof(*sin);
	}
	if (inet_cmsg_flags(inet))
		ip_cmsg_recv_offset(msg, sk, skb, sizeof(struct udphdr), 0);
	err = flags & MSG_TRUNC ? size : min(len, size);
out:
	skb_free_datagram(sk, skb);
	return err;
}

/* --- options --- */

static int dgram_setsockopt(struct sock *sk, int level, int name, sockptr_t optval,
			    unsigned int len)
{
	int val, err = 0;

	if (level == SOL_IP && name == IP_OPTIONS)	/* our header has no room for them yet */
		return -ENOPROTOOPT;
	if (level != SOL_UDP)
		return ip_setsockopt(sk, level, name, optval, len);
	if (len < sizeof(int))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	if (name != UDP_CORK)
		return -ENOPROTOOPT;
	lock_sock(sk);
	WRITE_ONCE(yoke_dg(sk)->cork, val != 0);
	if (!val)
		err = push_pending(sk);
	release_sock(sk);
	return err;
}

static int dgram_getsockopt(struct sock *sk, int level, int name, char __user *optval,
			    int __user *optlen)
{
	int val, len;

	if (level != SOL_UDP)
		return ip_getsockopt(sk, level, name, optval, optlen);
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (name != UDP_CORK)
		return -ENOPROTOOPT;
	val = READ_ONCE(yoke_dg(sk)->cork);
	len = min_t(unsigned int, len, sizeof(int));
	if (put_user(len, optlen) || copy_to_user(optval, &val, len))
		return -EFAULT;
	return 0;
}

/* --- what socket(2) sees --- */

struct proto yoke_dgram_proto = {
	.name		= "YOKE-DGRAM",
	.owner		= THIS_MODULE,
	.obj_size	= sizeof(struct yoke_dgram),
	.init		= dgram_init,
	.destroy	= dgram_destroy,
	.close		= dgram_close,
	.connect	= dgram_connect,
	.disconnect	= dgram_disconnect,
	.ioctl		= dgram_ioctl,
	.setsockopt	= dgram_setsockopt,
	.getsockopt	= dgram_getsockopt,
	.sendmsg	= dgram_sendmsg,
	.recvmsg	= dgram_recvmsg,
	.get_port	= dgram_get_port,
	.put_port	= dgram_unhash,
	.unhash		= dgram_unhash,
};

const struct proto_ops yoke_dgram_ops = {
	.family		= PF_INET,
	.owner		= THIS_MODULE,
	.release	= inet_release,
	.bind		= inet_bind,
	.connect	= inet_dgram_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= inet_getname,
	.poll		= datagram_poll,
	.ioctl		= inet_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= sock_no_listen,
	.shutdown	= inet_shutdown,
	.setsockopt	= sock_common_setsockopt,
	.getsockopt	= sock_common_getsockopt,
	.sendmsg	= inet_sendmsg,
	.recvmsg	= inet_recvmsg,
	.mmap		= sock_no_mmap,
};
