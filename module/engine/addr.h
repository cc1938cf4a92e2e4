/* SPDX-License-Identifier: GPL-2.0 */
/* What a socket is called: its address family, and its names where generic code reads them. */
#ifndef YOKE_ADDR_H
#define YOKE_ADDR_H

#include <linux/ipv6.h>
#include <net/inet_sock.h>
#include <net/ip6_route.h>
#include "af.h"

/*
 * Is @sk one of AF_INET6? For those without its lock: it may just become one, and then has what belongs
 * to it.
 */
static inline bool yoke_addr_is_ipv6(const struct sock *sk)
{
	return smp_load_acquire(&sk->sk_family) == AF_INET6;	/* pairs with yoke_addr_choose() */
}

/*
 * A socket of protocol 0 takes the family of the first address it is given, or becomes one of
 * AF_INET6 by the first option of SOL_IPV6 that it is set. Until then it is one of AF_INET to generic
 * code, and its local address is unspecified even of family.
 */
bool yoke_addr_undecided(const struct sock *sk);
/*
 * The first address is of @family, AF_INET6 or AF_INET (AF_UNSPEC is that, too): if @sk is
 * undecided, it is no more. 0, -EAFNOSUPPORT (or there is no IPv6 here), -ENOBUFS. Socket locked.
 */
int yoke_addr_choose(struct sock *sk, sa_family_t family);
/* A new socket: what the options of SOL_IP begin with, as on AF_INET's, or AF_INET6's if it is one. */
void yoke_addr_init(struct sock *sk);
/* @child is of @sk's family and inherits what SOL_IPV6 says there. 0, -ENOBUFS. Softirq. */
int yoke_addr_inherit(struct sock *child, const struct sock *sk);
/* inet_sock_destruct(), and what an IPv6 socket has more; for sk_destruct. */
void yoke_addr_destruct(struct sock *sk);

/* The unspecified address of @sk's family, which is that of both if it may be either. */
struct in6_addr yoke_addr_any(const struct sock *sk);
/* Its local address and its peer's, as generic code has them (bind(2), connect(2) of datagrams). */
struct in6_addr yoke_addr_local(const struct sock *sk);
struct in6_addr yoke_addr_remote(const struct sock *sk);
/* Tells generic code @pair's addresses and remote port. */
void yoke_addr_name(struct sock *sk, const struct yoke_pair *pair);
/*
 * Where connect(2) to @uaddr goes, in @pair; a link-local address binds @sk to its device. 0,
 * or what TCP fails with: -EINVAL, -EAFNOSUPPORT, -ENETUNREACH. Socket locked, not undecided.
 */
int yoke_addr_peer(struct sock *sk, const yoke_sockaddr *uaddr, int len, struct yoke_pair *pair);

/* The VRF that @sk is bound to, itself or by a device of it; 0: none. */
u32 yoke_addr_vrf(const struct sock *sk);

/* proto_ops.bind, .getname and .release: AF_INET's or AF_INET6's. proto.get_port gets the port. */
int yoke_addr_bind(struct socket *sock, yoke_sockaddr *uaddr, int len);
int yoke_addr_getname(struct socket *sock, struct sockaddr *uaddr, int peer);
int yoke_addr_release(struct socket *sock);
/* proto_ops.ioctl, likewise: addresses and routes are IPv4's, or IPv6's. */
int yoke_addr_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);

/* Options of SOL_IP, and of SOL_IPV6 unless @sk is of AF_INET; other levels as TCP refuses them. */
int yoke_addr_setsockopt(struct sock *sk, int level, int name, sockptr_t val, unsigned int len);
int yoke_addr_getsockopt(struct sock *sk, int level, int name, char __user *val, int __user *len);

/* What the program set for packets of the carrier @af. */
static inline u8 yoke_addr_tos(const struct sock *sk, const struct yoke_af_ops *af)
{
	if (yoke_af_is_ipv6(af))
		return READ_ONCE(inet6_sk(sk)->tclass);
	return READ_ONCE(inet_sk(sk)->tos);
}

static inline __be32 yoke_addr_flow(const struct sock *sk, const struct yoke_af_ops *af)
{
	if (yoke_af_is_ipv6(af))
		return inet6_sk(sk)->flow_label & IPV6_FLOWLABEL_MASK;
	return 0;
}

static inline void yoke_addr_set_tos(struct sock *sk, const struct yoke_af_ops *af, u8 tos)
{
	if (yoke_af_is_ipv6(af)) {
		WRITE_ONCE(inet6_sk(sk)->tclass, tos);
		return;
	}
	WRITE_ONCE(inet_sk(sk)->tos, tos);
}

#if IS_ENABLED(CONFIG_IPV6)
/*
 * The extension headers of @sk's packets, in @space if not where they are; NULL: none. What is for in
 * front of a routing header is there only with one (RFC 3542 §9.2), but IP would count it. Under RCU.
 */
static inline struct ipv6_txoptions *yoke_addr_headers(const struct sock *sk, struct ipv6_txoptions *space)
{
	return ipv6_fixup_options(space, rcu_dereference(inet6_sk(sk)->opt));
}
#endif

/* @child, not yet connected, has the IP options @options, if not NULL. 0, -ENOBUFS. Softirq. */
int yoke_addr_take_options(struct sock *child, const struct ip_options_rcu *options);
/* Bytes that @sk's IP options, or extension headers, take in each packet of @af. Any context. */
unsigned int yoke_addr_options_len(const struct sock *sk, const struct yoke_af_ops *af);

/* Hop limit, 0: the route's. */
static inline u8 yoke_addr_ttl(const struct sock *sk, const struct yoke_af_ops *af)
{
	if (yoke_af_is_ipv6(af))
		return max_t(int, inet6_sk(sk)->hop_limit, 0);
	return max_t(int, READ_ONCE(inet_sk(sk)->uc_ttl), 0);
}

/* The least TTL or hop limit of what @sk hears: IP_MINTTL, IPV6_MINHOPCOUNT (RFC 5082). */
static inline u8 yoke_addr_min_ttl(const struct sock *sk, const struct yoke_af_ops *af)
{
	if (yoke_af_is_ipv6(af))
		return READ_ONCE(inet6_sk(sk)->min_hopcount);
	return READ_ONCE(inet_sk(sk)->min_ttl);
}

/* Does @sk want to learn the path MTU? Routers may cut packets of IPv4. */
static inline bool yoke_addr_pmtu(const struct sock *sk, const struct yoke_af_ops *af)
{
	if (yoke_af_is_ipv6(af))
		return ip6_sk_accept_pmtu(sk);
	return READ_ONCE(inet_sk(sk)->pmtudisc) != IP_PMTUDISC_DONT;
}

/* IP_RECVERR, IPV6_RECVERR. */
static inline bool yoke_addr_recverr(const struct sock *sk, const struct yoke_af_ops *af)
{
	if (yoke_af_is_ipv6(af))
		return inet6_test_bit(RECVERR6, sk);
	return inet_test_bit(RECVERR, sk);
}

#endif
