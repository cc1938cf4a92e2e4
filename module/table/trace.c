// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints, and the one way to drop what was received.
 *
 * Any context, no locks.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#define CREATE_TRACE_POINTS
#include "trace.h"

/* The pair of sockets that a received packet names, its headers where IP left them. */
static void trace_pair(const struct sock *sk, const struct sk_buff *skb,
		       struct yoke_pair *pair)
{
	const __be16 *ports = (const __be16 *)skb_transport_header(skb);

	/* Moved together with others in a queue of @sk, it has none (engine/collapse.c). */
	if (!skb_transport_header_was_set(skb)) {
#if IS_ENABLED(CONFIG_IPV6)
		pair->laddr = sk->sk_v6_rcv_saddr;
		pair->raddr = sk->sk_v6_daddr;
		if (sk->sk_family == AF_INET)
#endif
		{
			ipv6_addr_set_v4mapped(inet_sk(sk)->inet_rcv_saddr, &pair->laddr);
			ipv6_addr_set_v4mapped(inet_sk(sk)->inet_daddr, &pair->raddr);
		}
		pair->lport = inet_sk(sk)->inet_sport;
		pair->rport = inet_sk(sk)->inet_dport;
		return;
	}
	if (skb->protocol == htons(ETH_P_IPV6)) {
		pair->laddr = ipv6_hdr(skb)->daddr;
		pair->raddr = ipv6_hdr(skb)->saddr;
	} else {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &pair->laddr);
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &pair->raddr);
	}
	pair->lport = 0;
	pair->rport = 0;
	/* A packet too short for ports is dropped, too. */
	if (skb_transport_header(skb) + 2 * sizeof(*ports) <= skb_tail_pointer(skb)) {
		pair->lport = ports[1];
		pair->rport = ports[0];
	}
}

void yoke_trace_drop(struct net *net, const struct sock *sk, struct sk_buff *skb,
		     enum yoke_mib_index why)
{
	this_cpu_inc(yoke_net(net)->mib->count[why]);
	if (trace_yoke_drop_enabled()) {
		struct yoke_pair pair;

		trace_pair(sk, skb, &pair);
		trace_yoke_drop(&pair, sk ? sk->sk_state : TCP_CLOSE, skb->len, why);
	}
	kfree_skb(skb);
}
