// SPDX-License-Identifier: GPL-2.0
/*
 * The calls on a datagram socket: its life, receiving, and what socket(2) gets, with UDP's
 * behaviour.
 *
 * Much of a datagram socket is the same for any inet protocol, so that the calls are those of
 * AF_INET (inet_bind() …) over the struct proto below. What makes it ours: the port space, the
 * table, the wire.
 *
 * Process context. owner: socket lock.
 * RFC 768, RFC 1122 §4.1.
 */
#include <asm/ioctls.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock_reuseport.h>
#include <net/transp_v6.h>
#include <net/udp.h>
#include "../engine/addr.h"
#include "../engine/dgram.h"
#include "../table/hook.h"
#include "../table/mem.h"
#include "../table/spare.h"
#include "dgram.h"
#include "dgram_option.h"
#include "dgram_send.h"

/* --- a socket's life --- */

static int dgram_init(struct sock *sk)
{
	sk->sk_destruct = yoke_addr_destruct;
	sock_set_flag(sk, SOCK_RCU_FREE);
	yoke_addr_init(sk);
	atomic_set(&inet_sk(sk)->inet_id, 0);
	return 0;
}

/* Gives the port back and makes the socket unreachable. */
static void dgram_unhash(struct sock *sk)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_dgram *dg = yoke_dg(sk);

	yoke_dgram_leave(sk);
	/* Only now: until then another may have joined it to a group. */
	if (rcu_access_pointer(sk->sk_reuseport_cb))
		reuseport_detach_sock(sk);
	yoke_port_leave(&yn->ports[YOKE_DGRAM_PORTS], &dg->owner);
	dg->inet.inet_num = 0;
}

/* bind(2) or the first use wants a port: @num or, if that is 0, any. The address is set. */
static int dgram_get_port(struct sock *sk, unsigned short num)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_dgram *dg = yoke_dg(sk);
	int port, err;

	dg->pair.laddr = yoke_addr_local(sk);
	dg->owner.sk = sk;
	dg->owner.pair = &dg->pair;
	port = yoke_port_bind(&yn->ports[YOKE_DGRAM_PORTS], &dg->owner, num);
	if (port < 0)
		return port;
	dg->inet.inet_num = port;
	err = yoke_dgram_enter(sk);
	if (err)
		dgram_unhash(sk);
	return err;
}

static int dgram_disconnect_locked(struct sock *sk, int flags)
{
	__udp_disconnect(sk, flags);	/* calls dgram_unhash() unless bind(2) chose the port */
	return inet_sk(sk)->inet_num ? yoke_dgram_enter(sk) : 0;
}

static int dgram_disconnect(struct sock *sk, int flags)
{
	int err;

	lock_sock(sk);
	err = dgram_disconnect_locked(sk, flags);
	release_sock(sk);
	return err;
}

/* proto.pre_connect, from inet_dgram_connect(), if a program may want to be asked. */
static int dgram_pre_connect(struct sock *sk, yoke_sockaddr *addr, int len)
{
	int err;

	lock_sock(sk);
	err = yoke_hook_connect(sk, addr, len);
	release_sock(sk);
	return err;
}

static int dgram_connect(struct sock *sk, yoke_sockaddr *addr, int len)
{
	int err;

	lock_sock(sk);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		err = __ip6_datagram_connect(sk, addr, len);
	else
#endif
		err = __ip4_datagram_connect(sk, addr, len);
	/* Another thread's disconnect may have taken the port: the next use gets one, and a place for it. */
	if (!err && inet_sk(sk)->inet_num) {
		err = yoke_dgram_enter(sk);
		if (err)
			dgram_disconnect_locked(sk, 0);
	} else {
		yoke_dgram_rebind(sk);	/* the link that a failed one names stays, as UDP's */
	}
	release_sock(sk);
	return err;
}

static void dgram_destroy(struct sock *sk)
{
	lock_sock(sk);
	yoke_dgram_send_flush(sk);
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

/* --- receiving --- */

static int dgram_tell_name_ipv4(const struct sk_buff *skb, struct sockaddr_in *sin)
{
	sin->sin_family = AF_INET;
	sin->sin_port = udp_hdr(skb)->source;
	sin->sin_addr.s_addr = ip_hdr(skb)->saddr;
	memset(sin->sin_zero, 0, sizeof(sin->sin_zero));
	return sizeof(*sin);
}

#if IS_ENABLED(CONFIG_IPV6)

/* Where @skb came from, as a socket of AF_INET6 sees it. */
static int dgram_tell_name_ipv6(const struct sk_buff *skb, struct sockaddr_in6 *sin6)
{
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = udp_hdr(skb)->source;
	sin6->sin6_flowinfo = 0;
	sin6->sin6_scope_id = 0;
	if (skb->protocol == htons(ETH_P_IP)) {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &sin6->sin6_addr);
	} else {
		sin6->sin6_addr = ipv6_hdr(skb)->saddr;
		sin6->sin6_scope_id = ipv6_iface_scope_id(&sin6->sin6_addr, inet6_iif(skb));
	}
	return sizeof(*sin6);
}

/* IPV6_PKTINFO of a packet of IPv4 (RFC 3542 §6.1, with a v4-mapped address). */
static void dgram_tell_info_mapped(struct sk_buff *skb, struct msghdr *msg)
{
	struct in6_pktinfo info = { .ipi6_ifindex = PKTINFO_SKB_CB(skb)->ipi_ifindex };

	ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &info.ipi6_addr);
	put_cmsg(msg, SOL_IPV6, IPV6_PKTINFO, sizeof(info), &info);
}

/* True if @skb is IPv6's, and all is told. */
static bool dgram_tell_packet_ipv6(struct sock *sk, struct sk_buff *skb, struct msghdr *msg)
{
	if (sk->sk_family != AF_INET6)
		return false;
	if (skb->protocol == htons(ETH_P_IPV6)) {
		if (inet6_sk(sk)->rxopt.all)
			ip6_datagram_recv_ctl(sk, msg, skb);
		return true;
	}
	if (inet6_sk(sk)->rxopt.bits.rxinfo)
		dgram_tell_info_mapped(skb, msg);
	return false;
}

/* What was too long for IPV6_DONTFRAG is told of, where it was to go and how much fits. False: none was. */
static bool dgram_tell_path_mtu(struct sock *sk, struct msghdr *msg)
{
	struct ip6_mtuinfo info;
	struct sk_buff *skb;

	if (!yoke_addr_is_ipv6(sk) || likely(!READ_ONCE(inet6_sk(sk)->rxpmtu)) ||
	    !inet6_sk(sk)->rxopt.bits.rxpmtu)
		return false;
	skb = xchg(&inet6_sk(sk)->rxpmtu, NULL);
	if (!skb)
		return false;
	info = *IP6CBMTU(skb);
	kfree_skb(skb);
	if (msg->msg_name) {
		memcpy(msg->msg_name, &info.ip6m_addr, sizeof(info.ip6m_addr));
		msg->msg_namelen = sizeof(info.ip6m_addr);
	}
	put_cmsg(msg, SOL_IPV6, IPV6_PATHMTU, sizeof(info), &info);
	return true;
}

#else

static bool dgram_tell_path_mtu(struct sock *sk, struct msghdr *msg)
{
	return false;
}

static int dgram_tell_name_ipv6(const struct sk_buff *skb, struct sockaddr_in6 *sin6)
{
	return 0;
}

static bool dgram_tell_packet_ipv6(struct sock *sk, struct sk_buff *skb, struct msghdr *msg)
{
	return false;
}

#endif

static int dgram_tell_name(const struct sock *sk, const struct sk_buff *skb, void *name)
{
	if (sk->sk_family == AF_INET6)
		return dgram_tell_name_ipv6(skb, name);
	return dgram_tell_name_ipv4(skb, name);
}

/* What the program wants to know of the packet, and where in a train (UDP_GRO) a datagram ends. */
static void dgram_tell_packet(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, int off)
{
	int size = skb_shinfo(skb)->gso_size;

	if (READ_ONCE(yoke_dg(sk)->trains) && skb_is_gso(skb))
		put_cmsg(msg, SOL_UDP, UDP_GRO, sizeof(size), &size);
	if (!dgram_tell_packet_ipv6(sk, skb, msg) && inet_cmsg_flags(inet_sk(sk)))
		ip_cmsg_recv_offset(msg, sk, skb, sizeof(struct udphdr), off);
}

static int dgram_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct sk_buff *skb;
	int size, copied, off, err;

	if (flags & MSG_ERRQUEUE)
		return inet_recv_error(sk, msg, len);
	msg->msg_namelen = 0;
	if (unlikely(dgram_tell_path_mtu(sk, msg)))
		return 0;
	off = flags & MSG_PEEK ? READ_ONCE(sk->sk_peek_off) : 0;
	skb = __skb_recv_datagram(sk, &sk->sk_receive_queue, flags, &off, &err);
	if (!skb)
		return err;

	size = skb->len;
	copied = min_t(size_t, len, size - off);
	if (off + copied < size)
		msg->msg_flags |= MSG_TRUNC;
	err = skb_copy_datagram_msg(skb, off, msg, copied);
	if (err) {
		if (!(flags & MSG_PEEK)) {
			atomic_inc(&sk->sk_drops);
			yoke_count(sock_net(sk), DgramInErrors);
		}
		goto out;
	}
	/* Delivered to a user (RFC 4113). */
	if (!(flags & MSG_PEEK))
		yoke_count(sock_net(sk), DgramInDatagrams);
	sock_recv_cmsgs(msg, sk, skb);
	if (msg->msg_name) {
		msg->msg_namelen = dgram_tell_name(sk, skb, msg->msg_name);
		yoke_hook_receive(sk, msg->msg_name);
	}
	dgram_tell_packet(sk, skb, msg, off);
	err = flags & MSG_TRUNC ? size : copied;
	/* SO_PEEK_OFF: a look moves on, a read takes away what was before. */
	if (READ_ONCE(sk->sk_peek_off) >= 0)
		sk_peek_offset_bwd(sk, flags & MSG_PEEK ? -err : err);
out:
	yoke_spare_back(skb);
	return err;
}

YOKE_COMPAT_RECVMSG(dgram_recvmsg)

/* --- what socket(2) sees --- */

/* The family of the first address is the socket's, before generic code gives it a port. */
static int dgram_choose_family(struct sock *sk, sa_family_t family)
{
	int err;

	if (likely(!yoke_addr_undecided(sk)))
		return 0;
	lock_sock(sk);
	err = yoke_addr_choose(sk, family);
	release_sock(sk);
	return err;
}

static int dgram_connect_to(struct socket *sock, yoke_sockaddr *uaddr, int len, int flags)
{
	int err = 0;

	if (len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	if (uaddr->sa_family != AF_UNSPEC)
		err = dgram_choose_family(sock->sk, uaddr->sa_family);
	return err ?: inet_dgram_connect(sock, uaddr, len, flags);
}

static int dgram_send(struct socket *sock, struct msghdr *msg, size_t len)
{
	const struct sockaddr *addr = msg->msg_name;
	int err = 0;

	if (addr && msg->msg_namelen >= (int)sizeof(addr->sa_family))
		err = dgram_choose_family(sock->sk, addr->sa_family);
	if (err)
		return err;
	/* It fails. A port would be one of both families, and the socket is of none. */
	if (unlikely(yoke_addr_undecided(sock->sk)))
		return yoke_dgram_send_msg(sock->sk, msg, len);
	return inet_sendmsg(sock, msg, len);
}

struct proto yoke_dgram_proto = {
	.name		= "YOKE-DGRAM",
	.owner		= THIS_MODULE,
	.obj_size	= sizeof(struct yoke_dgram),
	.memory_allocated = &yoke_mem_dgram_allocated,
	.sysctl_mem	= yoke_mem_dgram_limits,
	.sysctl_rmem	= &yoke_mem_dgram_least,
	.sysctl_wmem	= &yoke_mem_dgram_least,
	.init		= dgram_init,
	.destroy	= dgram_destroy,
	.close		= dgram_close,
	.pre_connect	= dgram_pre_connect,
	.connect	= dgram_connect,
	.disconnect	= dgram_disconnect,
	.ioctl		= dgram_ioctl,
	.setsockopt	= yoke_dgram_option_set,
	.getsockopt	= yoke_dgram_option_get,
	.sendmsg	= yoke_dgram_send_msg,
	.recvmsg	= YOKE_COMPAT_RECVMSG_OP(dgram_recvmsg),
	.rehash		= yoke_dgram_rebind,
	.get_port	= dgram_get_port,
	.put_port	= dgram_unhash,
	.unhash		= dgram_unhash,
};

const struct proto_ops yoke_dgram_ops = {
	.family		= PF_INET,
	.owner		= THIS_MODULE,
	.release	= yoke_addr_release,
	.bind		= yoke_addr_bind,
	.connect	= dgram_connect_to,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= yoke_addr_getname,
	.poll		= datagram_poll,
	.ioctl		= yoke_addr_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= sock_no_listen,
	.shutdown	= inet_shutdown,
	.setsockopt	= sock_common_setsockopt,
	.getsockopt	= sock_common_getsockopt,
	.sendmsg	= dgram_send,
	.recvmsg	= inet_recvmsg,
	.mmap		= sock_no_mmap,
	YOKE_COMPAT_SPLICE_EOF_OP(yoke_dgram_send_eof)
	.set_peek_off	= sk_set_peek_off,
};
