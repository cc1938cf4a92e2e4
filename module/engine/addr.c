// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket is called: its address family, and its names where generic code reads them.
 *
 * Owns: sk_family, and the addresses in struct inet_sock, sock_common and ipv6_pinfo once bind(2)
 * is over. The engine goes by pairs of sockets and needs none of it. struct ipv6_pinfo is made when a
 * socket becomes one of IPv6, or is asked for an option of SOL_IPV6, so that others pay nothing.
 *
 * Socket locked, process context, unless said otherwise. sk_family is read without the lock: it
 * changes once, from AF_INET to AF_INET6, after all that the latter stands for is there.
 * RFC 3493 (v4-mapped addresses, IPV6_V6ONLY), RFC 4007 (scopes).
 */
#include <net/inet_common.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/transp_v6.h>
#include "addr.h"

static struct in6_addr addr_mapped(__be32 addr)
{
	struct in6_addr mapped;

	ipv6_addr_set_v4mapped(addr, &mapped);
	return mapped;
}

#if IS_ENABLED(CONFIG_IPV6)

bool yoke_addr_undecided(const struct sock *sk)
{
	return !yoke_addr_is_ipv6(sk) && ipv6_addr_any(&sk->sk_v6_rcv_saddr);
}

/* Makes struct ipv6_pinfo, with what a socket of AF_INET6 begins with. */
static int addr_extend(struct sock *sk, gfp_t gfp)
{
	struct net *net = sock_net(sk);
	struct ipv6_pinfo *np;

	if (!ipv6_mod_enabled())
		return -EAFNOSUPPORT;
	if (inet_sk(sk)->pinet6)
		return 0;
	np = kzalloc(sizeof(*np), gfp);
	if (!np)
		return -ENOBUFS;
	np->hop_limit = -1;
	np->mcast_hops = IPV6_DEFAULT_MCASTHOPS;
	np->pmtudisc = IPV6_PMTUDISC_WANT;
	/* Who sees it without the lock finds it filled in. */
	smp_store_release(&inet_sk(sk)->pinet6, np);
	inet6_set_bit(MC6_LOOP, sk);
	inet6_set_bit(MC6_ALL, sk);
	inet6_assign_bit(REPFLOW, sk, net->ipv6.sysctl.flowlabel_reflect &
				      FLOWLABEL_REFLECT_ESTABLISHED);
	sk->sk_ipv6only = net->ipv6.sysctl.bindv6only;
	return 0;
}

int yoke_addr_choose(struct sock *sk, sa_family_t family)
{
	int err;

	if (!yoke_addr_undecided(sk))
		return 0;
	switch (family) {
	case AF_INET6:
		err = addr_extend(sk, GFP_KERNEL_ACCOUNT);
		if (err)
			return err;
		/* Linux's of AF_INET6 hear only those groups of IPv4 that they have joined. */
		inet_clear_bit(MC_ALL, sk);
		/* who sees this finds pinet6 */
		smp_store_release(&sk->sk_family, AF_INET6);
		return 0;
	case AF_INET:
	case AF_UNSPEC:		/* to bind(2) and sendto(2) the same */
		sk->sk_v6_rcv_saddr = addr_mapped(htonl(INADDR_ANY));
		sk->sk_ipv6only = false;	/* until now it may have been asked as one of IPv6 */
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

int yoke_addr_inherit(struct sock *child, const struct sock *sk)
{
	const struct ipv6_pinfo *from = inet6_sk(sk);
	struct ipv6_txoptions *opt;
	struct ipv6_pinfo *to;
	int err;

	if (sk->sk_family != AF_INET6) {
		child->sk_v6_rcv_saddr = addr_mapped(htonl(INADDR_ANY));
		return 0;
	}
	err = addr_extend(child, GFP_ATOMIC | __GFP_NOWARN);
	if (err)
		return -ENOBUFS;
	child->sk_family = AF_INET6;
	child->sk_ipv6only = sk->sk_ipv6only;
	to = inet6_sk(child);
	to->hop_limit = from->hop_limit;
	to->tclass = from->tclass;
	to->pmtudisc = from->pmtudisc;
	to->frag_size = from->frag_size;
	to->srcprefs = from->srcprefs;
	to->min_hopcount = from->min_hopcount;
	to->ucast_oif = from->ucast_oif;
	to->rxopt.all = from->rxopt.all;
	inet6_assign_bit(RECVERR6, child, inet6_test_bit(RECVERR6, sk));
	inet6_assign_bit(SNDFLOW, child, inet6_test_bit(SNDFLOW, sk));
	inet6_assign_bit(REPFLOW, child, inet6_test_bit(REPFLOW, sk));
	inet6_assign_bit(AUTOFLOWLABEL, child, inet6_test_bit(AUTOFLOWLABEL, sk));
	inet6_assign_bit(AUTOFLOWLABEL_SET, child, inet6_test_bit(AUTOFLOWLABEL_SET, sk));
	opt = txopt_get(from);
	if (unlikely(opt)) {
		RCU_INIT_POINTER(to->opt, ipv6_dup_options(child, opt));
		err = rcu_access_pointer(to->opt) ? 0 : -ENOBUFS;
		txopt_put(opt);
	}
	return err;
}

void yoke_addr_destruct(struct sock *sk)
{
	struct ipv6_pinfo *np = inet_sk(sk)->pinet6;

	if (!np) {
		inet_sock_destruct(sk);
		return;
	}
	inet6_sock_destruct(sk);	/* what hangs on np, and the rest */
	kfree(np);
}

struct in6_addr yoke_addr_any(const struct sock *sk)
{
	if (sk->sk_family == AF_INET6 || yoke_addr_undecided(sk))
		return in6addr_any;
	return addr_mapped(htonl(INADDR_ANY));
}

struct in6_addr yoke_addr_local(const struct sock *sk)
{
	if (sk->sk_family == AF_INET6 || yoke_addr_undecided(sk))
		return sk->sk_v6_rcv_saddr;
	return addr_mapped(inet_sk(sk)->inet_rcv_saddr);
}

struct in6_addr yoke_addr_remote(const struct sock *sk)
{
	if (sk->sk_family == AF_INET6)
		return sk->sk_v6_daddr;
	return addr_mapped(inet_sk(sk)->inet_daddr);
}

/* What stands for @addr where only an IPv4 address has room. */
static __be32 addr_short(const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return addr->s6_addr32[3];
	return ipv6_addr_any(addr) ? htonl(INADDR_ANY) : LOOPBACK4_IPV6;
}

static void addr_name_ipv6(struct sock *sk, const struct yoke_pair *pair)
{
	if (sk->sk_family != AF_INET6)
		return;
	sk->sk_v6_rcv_saddr = pair->laddr;
	inet6_sk(sk)->saddr = pair->laddr;
	sk->sk_v6_daddr = pair->raddr;
}

/* RFC 4007 §6: what is of one link only needs to be told which. */
static int addr_scope(struct sock *sk, const struct sockaddr_in6 *addr, int len)
{
	if (!__ipv6_addr_needs_scope_id(__ipv6_addr_type(&addr->sin6_addr)))
		return 0;
	if (len >= (int)sizeof(*addr) && addr->sin6_scope_id) {
		if (!sk_dev_equal_l3scope(sk, addr->sin6_scope_id))
			return -EINVAL;
		WRITE_ONCE(sk->sk_bound_dev_if, addr->sin6_scope_id);
	}
	return sk->sk_bound_dev_if ? 0 : -EINVAL;
}

/* IPV6_FLOWINFO_SEND: the address says which of the socket's flow labels. */
static int addr_flow(struct sock *sk, const struct sockaddr_in6 *addr)
{
	__be32 flow = inet6_test_bit(SNDFLOW, sk) ? addr->sin6_flowinfo & IPV6_FLOWINFO_MASK : 0;
	struct ip6_flowlabel *label;

	if (flow & IPV6_FLOWLABEL_MASK) {
		label = fl6_sock_lookup(sk, flow);
		if (IS_ERR(label))
			return -EINVAL;
		fl6_sock_release(label);
	}
	IP6_ECN_flow_init(flow);
	inet6_sk(sk)->flow_label = flow;
	return 0;
}

static int addr_peer_ipv6(struct sock *sk, const struct sockaddr_in6 *addr, int len,
			  struct yoke_pair *pair)
{
	int err;

	if (len < SIN6_LEN_RFC2133)
		return -EINVAL;
	if (addr->sin6_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (ipv6_addr_is_multicast(&addr->sin6_addr))
		return -ENETUNREACH;
	if (ipv6_addr_v4mapped(&addr->sin6_addr) && ipv6_only_sock(sk))
		return -ENETUNREACH;
	err = addr_flow(sk, addr);
	if (!err)
		err = addr_scope(sk, addr, len);
	if (err)
		return err;
	pair->raddr = addr->sin6_addr;
	pair->rport = addr->sin6_port;
	/* The unspecified address is this very host, as in IPv4. */
	if (!ipv6_addr_any(&pair->raddr))
		return 0;
	if (ipv6_addr_v4mapped(&pair->laddr))
		pair->raddr = addr_mapped(htonl(INADDR_LOOPBACK));
	else
		pair->raddr = in6addr_loopback;
	return 0;
}

static int addr_bind(struct socket *sock, yoke_sockaddr *uaddr, int len)
{
	if (sock->sk->sk_family == AF_INET6)
		return inet6_bind(sock, uaddr, len);
	return inet_bind(sock, uaddr, len);
}

int yoke_addr_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	if (yoke_addr_is_ipv6(sock->sk))
		return inet6_getname(sock, uaddr, peer);
	return inet_getname(sock, uaddr, peer);
}

int yoke_addr_release(struct socket *sock)
{
	if (sock->sk && inet_sk(sock->sk)->pinet6)	/* it may have joined groups */
		return inet6_release(sock);
	return inet_release(sock);
}

int yoke_addr_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	if (sock->sk->sk_family == AF_INET6)
		return inet6_ioctl(sock, cmd, arg);
	return inet_ioctl(sock, cmd, arg);
}

/*
 * IPV6_FLOWLABEL_MGR with IPV6_FL_F_REFLECT, which generic code grants to TCP only. 1: it is something
 * else.
 */
static int addr_reflect(struct sock *sk, sockptr_t val, unsigned int len)
{
	struct in6_flowlabel_req req;
	int err = 1;

	if (sk->sk_type != SOCK_STREAM || len < sizeof(req) || copy_from_sockptr(&req, val, sizeof(req)) ||
	    !(req.flr_flags & IPV6_FL_F_REFLECT))
		return 1;
	lock_sock(sk);
	if (req.flr_action == IPV6_FL_A_GET) {
		err = sock_net(sk)->ipv6.sysctl.flowlabel_consistency ? -EPERM : 0;
		if (!err)
			inet6_set_bit(REPFLOW, sk);
	} else if (req.flr_action == IPV6_FL_A_PUT) {
		err = inet6_test_bit(REPFLOW, sk) ? 0 : -ESRCH;
		if (!err)
			inet6_sk(sk)->flow_label = 0;
		inet6_assign_bit(REPFLOW, sk, false);
	}
	release_sock(sk);
	return err;
}

int yoke_addr_setsockopt(struct sock *sk, int level, int name, sockptr_t val, unsigned int len)
{
	int err = 0;

	if (level == SOL_IPV6 && yoke_addr_undecided(sk)) {
		lock_sock(sk);
		err = yoke_addr_choose(sk, AF_INET6);
		release_sock(sk);
	}
	if (err == -ENOBUFS)
		return err;
	/* Whichever answers refuses the levels that it does not know as TCP does. */
	if (level != SOL_IPV6 || !yoke_addr_is_ipv6(sk))
		return ip_setsockopt(sk, level, name, val, len);
	switch (name) {
	case IPV6_ADDRFORM:		/* to be a socket of TCP's or UDP's */
		return -ENOPROTOOPT;
	case IPV6_ADD_MEMBERSHIP:
	case IPV6_DROP_MEMBERSHIP:
		if (sk->sk_type == SOCK_STREAM && len >= sizeof(struct ipv6_mreq))
			return -EPROTO;
		break;
	case IPV6_FLOWLABEL_MGR:
		err = addr_reflect(sk, val, len);
		if (err <= 0)
			return err;
		break;
	}
	return ipv6_setsockopt(sk, level, name, val, len);
}

int yoke_addr_getsockopt(struct sock *sk, int level, int name, char __user *val, int __user *len)
{
	int err = 0;

	if (level == SOL_IPV6 && yoke_addr_undecided(sk)) {
		lock_sock(sk);
		if (yoke_addr_undecided(sk))
			err = addr_extend(sk, GFP_KERNEL_ACCOUNT);
		release_sock(sk);
	}
	if (err == -ENOBUFS)
		return err;
	if (level == SOL_IP || !inet_sk(sk)->pinet6)
		return ip_getsockopt(sk, level, name, val, len);
	return ipv6_getsockopt(sk, level, name, val, len);
}

#else /* CONFIG_IPV6 */

bool yoke_addr_undecided(const struct sock *sk)
{
	return false;
}

int yoke_addr_choose(struct sock *sk, sa_family_t family)
{
	return family == AF_INET6 ? -EAFNOSUPPORT : 0;
}

int yoke_addr_inherit(struct sock *child, const struct sock *sk)
{
	return 0;
}

void yoke_addr_destruct(struct sock *sk)
{
	inet_sock_destruct(sk);
}

struct in6_addr yoke_addr_any(const struct sock *sk)
{
	return addr_mapped(htonl(INADDR_ANY));
}

struct in6_addr yoke_addr_local(const struct sock *sk)
{
	return addr_mapped(inet_sk(sk)->inet_rcv_saddr);
}

struct in6_addr yoke_addr_remote(const struct sock *sk)
{
	return addr_mapped(inet_sk(sk)->inet_daddr);
}

static __be32 addr_short(const struct in6_addr *addr)
{
	return addr->s6_addr32[3];
}

static void addr_name_ipv6(struct sock *sk, const struct yoke_pair *pair)
{
}

static int addr_peer_ipv6(struct sock *sk, const struct sockaddr_in6 *addr, int len,
			  struct yoke_pair *pair)
{
	return -EAFNOSUPPORT;
}

static int addr_bind(struct socket *sock, yoke_sockaddr *uaddr, int len)
{
	return inet_bind(sock, uaddr, len);
}

int yoke_addr_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	return inet_getname(sock, uaddr, peer);
}

int yoke_addr_release(struct socket *sock)
{
	return inet_release(sock);
}

int yoke_addr_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	return inet_ioctl(sock, cmd, arg);
}

int yoke_addr_setsockopt(struct sock *sk, int level, int name, sockptr_t val, unsigned int len)
{
	return ip_setsockopt(sk, level, name, val, len);
}

int yoke_addr_getsockopt(struct sock *sk, int level, int name, char __user *val, int __user *len)
{
	return ip_getsockopt(sk, level, name, val, len);
}

#endif /* CONFIG_IPV6 */

void yoke_addr_init(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	bool no_pmtu = READ_ONCE(sock_net(sk)->ipv4.sysctl_ip_no_pmtu_disc);

	inet->uc_ttl = -1;
	inet->mc_ttl = 1;
	inet_set_bit(MC_LOOP, sk);
	inet_assign_bit(MC_ALL, sk, sk->sk_family != AF_INET6);	/* as yoke_addr_choose() has it */
	inet->pmtudisc = no_pmtu ? IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
}

void yoke_addr_name(struct sock *sk, const struct yoke_pair *pair)
{
	struct inet_sock *inet = inet_sk(sk);

	inet->inet_saddr = addr_short(&pair->laddr);
	inet->inet_rcv_saddr = inet->inet_saddr;
	inet->inet_daddr = addr_short(&pair->raddr);
	inet->inet_dport = pair->rport;
	if (pair->lport)
		inet->inet_sport = pair->lport;
	addr_name_ipv6(sk, pair);
}

int yoke_addr_peer(struct sock *sk, const yoke_sockaddr *uaddr, int len, struct yoke_pair *pair)
{
	const struct sockaddr_in *addr = (const struct sockaddr_in *)uaddr;

	if (sk->sk_family == AF_INET6)
		return addr_peer_ipv6(sk, (const struct sockaddr_in6 *)uaddr, len, pair);
	if (len < (int)sizeof(*addr))
		return -EINVAL;
	if (addr->sin_family != AF_INET)
		return -EAFNOSUPPORT;
	pair->raddr = addr_mapped(addr->sin_addr.s_addr);
	pair->rport = addr->sin_port;
	return 0;
}

int yoke_addr_take_options(struct sock *child, const struct ip_options_rcu *options)
{
	struct ip_options_rcu *own;

	if (likely(!options))
		return 0;
	own = kmemdup(options, sizeof(*own) + options->opt.optlen, GFP_ATOMIC | __GFP_NOWARN);
	RCU_INIT_POINTER(inet_sk(child)->inet_opt, own);
	return own ? 0 : -ENOBUFS;
}

unsigned int yoke_addr_options_len(const struct sock *sk, const struct yoke_af_ops *af)
{
	const struct ip_options_rcu *opt;
	unsigned int len = 0;

	rcu_read_lock();
	if (af->family == AF_INET) {
		opt = rcu_dereference(inet_sk(sk)->inet_opt);
		len = opt ? opt->opt.optlen : 0;
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (af->family == AF_INET6) {
		struct ipv6_txoptions space, *headers = yoke_addr_headers(sk, &space);

		len = headers ? headers->opt_nflen + headers->opt_flen : 0;
	}
#endif
	rcu_read_unlock();
	return len;
}

u32 yoke_addr_vrf(const struct sock *sk)
{
	return l3mdev_master_ifindex_by_index(sock_net(sk), READ_ONCE(sk->sk_bound_dev_if));
}

int yoke_addr_bind(struct socket *sock, yoke_sockaddr *uaddr, int len)
{
	const struct sockaddr *addr = (const struct sockaddr *)uaddr;
	int err;

	if (len < (int)sizeof(addr->sa_family))
		return -EINVAL;
	lock_sock(sock->sk);
	err = yoke_addr_choose(sock->sk, addr->sa_family);
	release_sock(sock->sk);
	return err ?: addr_bind(sock, uaddr, len);
}
