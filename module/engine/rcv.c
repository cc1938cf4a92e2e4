// SPDX-License-Identifier: GPL-2.0
/*
 * Demultiplexing: a packet finds the pair of sockets that it names, or the listener, or nobody.
 *
 * Softirq under RCU, which keeps alive whatever the table returns. A connection's segment is
 * handled under its lock at once, or left in its backlog for the program that holds the lock.
 * RFC 9293 §3.10.7 (which state's rules apply), §3.10.7.1 (CLOSED: a reset); RFC 5927 (ICMP errors
 * must quote numbers in flight).
 */
#include <linux/filter.h>
#include <net/xfrm.h>
#include "input.h"
#include "listen.h"
#include "output.h"
#include "rcv.h"
#include "timewait.h"

#define YOKE_BACKLOG_SPARE	(64 * 1024)

/* False, and @skb is left, if the connection has come to its end since it was looked up. */
static bool yoke_rcv_conn(struct sock *sk, struct sk_buff *skb)
{
	bool owned;

	bh_lock_sock_nested(sk);
	owned = sock_owned_by_user(sk);
	if (!owned && sk->sk_state == TCP_CLOSE) {
		bh_unlock_sock(sk);
		return false;
	}
	/* Nothing of IP's is needed further on; the route's reference would not outlive this. */
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb->dev = NULL;
	if (!owned) {
		yoke_input(sk, skb);
	} else if (sk_add_backlog(sk, skb, READ_ONCE(sk->sk_rcvbuf) + READ_ONCE(sk->sk_sndbuf) +
					    YOKE_BACKLOG_SPARE)) {
		yoke_count(sock_net(sk), MemDrops);
		kfree_skb(skb);
	}
	bh_unlock_sock(sk);
	return true;
}

/* SO_BINDTODEVICE: a socket hears that device only. */
static bool yoke_rcv_device(const struct sock *sk, const struct yoke_rx *rx)
{
	int dev = READ_ONCE(sk->sk_bound_dev_if);

	return !dev || dev == rx->iif;
}

/*
 * May @sk have @skb? Asks IPsec's policies and the program's own filter, which may cut data off,
 * but not the header.
 */
static bool yoke_rcv_allowed(struct sock *sk, struct sk_buff *skb)
{
	return xfrm4_policy_check(sk, XFRM_POLICY_IN, skb) &&
	       !sk_filter_trim_cap(sk, skb, tcp_hdrlen(skb));
}

void yoke_rcv_segment(struct net *net, struct sk_buff *skb, const struct yoke_rx *packet)
{
	struct yoke_net *yn = yoke_net(net);
	struct yoke_node *node;
	struct yoke_rx rx;
	struct sock *sk;

	if (unlikely(READ_ONCE(yn->dying)))
		goto drop;
	node = yoke_hash_find(&yn->stream, &packet->pair);
	if (likely(node && node->kind == YOKE_CONN)) {
		sk = yoke_node_sk(node);
		if (!yoke_rcv_device(sk, packet) || !yoke_rcv_allowed(sk, skb))
			goto drop;
		if (yoke_rcv_conn(sk, skb))
			return;
		/* A TIME-WAIT may have taken its place, which a reset must not miss. */
		node = yoke_hash_find(&yn->stream, &packet->pair);
		if (node && node->kind == YOKE_CONN)
			goto drop;
	}

	rx = *packet;
	if (node && node->kind == YOKE_REQUEST) {
		struct yoke_request *req = container_of(node, struct yoke_request, node);

		if (!yoke_rcv_allowed(req->listener, skb))
			goto drop;
		nf_reset_ct(skb);
		yoke_listen_request_rcv(net, req, skb, &rx);
		return;
	}
	if (node && node->kind == YOKE_TIMEWAIT) {
		if (!xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb))
			goto drop;
		if (yoke_timewait_rcv(container_of(node, struct yoke_timewait, node), skb, &rx) ==
		    YOKE_TW_DONE)
			return;
	}
	node = yoke_hash_listener(&yn->stream, &rx.pair);
	if (node && yoke_rcv_device(yoke_node_sk(node), &rx)) {
		sk = yoke_node_sk(node);
		if (!yoke_rcv_allowed(sk, skb))
			goto drop;
		nf_reset_ct(skb);
		yoke_listen_rcv(sk, skb, &rx);
		return;
	}
	if (xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb)) {
		yoke_count(net, NoSocket);
		yoke_output_reset_for(net, skb, &rx);
	}
drop:
	kfree_skb(skb);
}

/* An ICMP error for a connection whose lock is ours. */
static void yoke_rcv_conn_error(struct sock *sk, u32 seq, int err, bool hard, u32 mtu)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (sk->sk_state == TCP_CLOSE || !yoke_seq_between(seq, ys->snd_una, ys->snd_nxt))
		return;
	if (mtu) {
		ys->icmp_mtu = min_t(u32, mtu, U16_MAX);
		if (!sock_owned_by_user(sk))
			yoke_output_mtu(sk);
		else
			set_bit(YOKE_DEFER_MTU, &ys->defer);
		return;
	}
	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV)) {
		if (hard && !sock_owned_by_user(sk))
			yoke_conn_abort(sk, err);
		else
			WRITE_ONCE(sk->sk_err_soft, err);
		return;
	}
	/*
	 * RFC 9293 MUST-56, RFC 5927 §5: an established connection is not torn down by what anybody
	 * can forge.
	 */
	if (inet_test_bit(RECVERR, sk) && !sock_owned_by_user(sk)) {
		WRITE_ONCE(sk->sk_err, err);
		sk_error_report(sk);
	} else {
		WRITE_ONCE(sk->sk_err_soft, err);
	}
}

void yoke_rcv_error(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx,
		    const void *hdr, int err, bool hard, u32 mtu)
{
	const struct tcphdr *th = hdr;
	struct yoke_net *yn = yoke_net(net);
	struct yoke_node *node;
	struct sock *sk;

	if (unlikely(READ_ONCE(yn->dying)))
		return;
	node = yoke_hash_find(&yn->stream, &rx->pair);
	/* A request or TIME-WAIT learns the same from its timer. */
	if (!node || node->kind != YOKE_CONN)
		return;
	sk = yoke_node_sk(node);
	bh_lock_sock(sk);
	yoke_rcv_conn_error(sk, ntohl(th->seq), err, hard, mtu);
	bh_unlock_sock(sk);
}
