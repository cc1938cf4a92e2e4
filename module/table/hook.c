// SPDX-License-Identifier: GPL-2.0
/*
 * The programs (BPF) by which a cgroup has a say in the addresses of its sockets.
 *
 * Those for connect(2), and for each datagram without a connection; generic code asks those for
 * bind(2) and getsockname(2). They are asked where TCP and UDP ask them, with the socket locked.
 * Process context. Owns nothing.
 */
#include <linux/bpf-cgroup.h>
#include <net/ipv6.h>
#include "hook.h"

/* A macro: what it asks about is not even named in kernels without such programs. */
#define hook_ask(sk, addr, type, source)						\
	(cgroup_bpf_enabled(type) ? yoke_compat_hook(sk, addr, sizeof(*(addr)), type, source) : 0)

int yoke_hook_connect(struct sock *sk, yoke_sockaddr *addr, int len)
{
	bool ipv6 = sk->sk_family == AF_INET6;

	/* UDP's of AF_INET6 take addresses of AF_INET. */
	if (ipv6 && sk->sk_type == SOCK_DGRAM && addr->sa_family == AF_INET) {
		if (ipv6_only_sock(sk))
			return -EAFNOSUPPORT;
		ipv6 = false;
	}
	/* A program sees, and writes, the whole of it. */
	if (ipv6)
		return len < SIN6_LEN_RFC2133 ? -EINVAL :
		       hook_ask(sk, (struct sockaddr_in6 *)addr, CGROUP_INET6_CONNECT, NULL);
	return len < (int)sizeof(struct sockaddr_in) ? -EINVAL :
	       hook_ask(sk, (struct sockaddr_in *)addr, CGROUP_INET4_CONNECT, NULL);
}

static int hook_send_ipv4(struct sock *sk, struct yoke_pair *pair, bool named)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = pair->rport,
		.sin_addr.s_addr = pair->raddr.s6_addr32[3],
	};
	int err = hook_ask(sk, named ? &addr : NULL, CGROUP_UDP4_SENDMSG, &pair->laddr.s6_addr32[3]);

	if (err || !named)
		return err;
	pair->rport = addr.sin_port;
	pair->raddr.s6_addr32[3] = addr.sin_addr.s_addr;
	return 0;
}

static int hook_send_ipv6(struct sock *sk, struct yoke_pair *pair, bool named)
{
	struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_port = pair->rport,
		.sin6_addr = pair->raddr,
	};
	int err = hook_ask(sk, named ? &addr : NULL, CGROUP_UDP6_SENDMSG, &pair->laddr);

	if (err || !named)
		return err;
	/* The carrier has been chosen. UDP fails likewise, but with ENOTSUPP, which is not for programs. */
	if (ipv6_addr_v4mapped(&addr.sin6_addr))
		return -EOPNOTSUPP;
	pair->rport = addr.sin6_port;
	pair->raddr = addr.sin6_addr;
	if (ipv6_addr_any(&pair->raddr))
		pair->raddr = in6addr_loopback;
	return 0;
}

int yoke_hook_send(struct sock *sk, struct yoke_pair *pair, bool named, bool locked)
{
	int err;

	if (!cgroup_bpf_enabled(CGROUP_UDP4_SENDMSG) && !cgroup_bpf_enabled(CGROUP_UDP6_SENDMSG))
		return 0;
	if (!locked)
		lock_sock(sk);
	err = ipv6_addr_v4mapped(&pair->raddr) ? hook_send_ipv4(sk, pair, named) :
						 hook_send_ipv6(sk, pair, named);
	if (!locked)
		release_sock(sk);
	return err ?: (pair->rport ? 0 : -EINVAL);
}

void yoke_hook_receive(struct sock *sk, void *name)
{
	if (!cgroup_bpf_enabled(CGROUP_UDP4_RECVMSG) && !cgroup_bpf_enabled(CGROUP_UDP6_RECVMSG))
		return;
	lock_sock(sk);
	if (sk->sk_family == AF_INET6)
		hook_ask(sk, (struct sockaddr_in6 *)name, CGROUP_UDP6_RECVMSG, NULL);
	else
		hook_ask(sk, (struct sockaddr_in *)name, CGROUP_UDP4_RECVMSG, NULL);
	release_sock(sk);
}
