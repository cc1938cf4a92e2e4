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
#include <net/udp.h>
#include "../engine/dgram.h"
#include "datagram.h"
#include "dgram_option.h"
#include "dgram_send.h"

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

static int dgram_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	DECLARE_SOCKADDR(struct sockaddr_in *, sin, msg->msg_name);
	struct inet_sock *inet = inet_sk(sk);
	struct sk_buff *skb;
	size_t size;
	int err;

	if (flags & MSG_ERRQUEUE)
		return inet_recv_error(sk, msg, len);
	msg->msg_namelen = 0;
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
		msg->msg_namelen = sizeof(*sin);
	}
	if (inet_cmsg_flags(inet))
		ip_cmsg_recv_offset(msg, sk, skb, sizeof(struct udphdr), 0);
	err = flags & MSG_TRUNC ? size : min(len, size);
out:
	skb_free_datagram(sk, skb);
	return err;
}

YOKE_COMPAT_RECVMSG(dgram_recvmsg)

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
	.setsockopt	= yoke_dgram_option_set,
	.getsockopt	= yoke_dgram_option_get,
	.sendmsg	= yoke_dgram_send_msg,
	.recvmsg	= YOKE_COMPAT_RECVMSG_OP(dgram_recvmsg),
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
