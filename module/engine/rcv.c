// SPDX-License-Identifier: GPL-2.0
/*
 * Demultiplexing: a packet finds the pair of sockets that it names, or the listener, or nobody.
 *
 * Softirq under RCU, which keeps alive whatever the table returns. A connection's segment is
 * handled under its lock at once, or left in its backlog for the program that holds the lock.
 * RFC 9293 §3.10.7 (which state's rules apply), §3.10.7.1 (CLOSED: a reset); RFC 5927 (ICMP errors
 * must quote numbers in flight); RFC 5082 (what has come from afar is not for all).
 */
#include <linux/filter.h>
#include <net/l3mdev.h>
#include <net/sock_reuseport.h>
#include <net/xfrm.h>
#include "../algo/cookie.h"
#include "addr.h"
#include "input.h"
#include "latch.h"
#include "listen.h"
#include "output.h"
#include "rcv.h"
#include "send.h"
#include "timer.h"
#include "timewait.h"

#define YOKE_BACKLOG_SPARE	(64 * 1024)
/* Since it was looked up a connection may have ended, and its program have listened on the socket. */
#define YOKE_RCV_ENDED		(TCPF_CLOSE | TCPF_LISTEN)

/* With what the program wants to know of packets. Socket locked. */
static int rcv_input(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *packet = yoke_latch_hold(sk, skb);
	int ret = yoke_input(sk, skb);

	if (unlikely(packet))
		yoke_latch_take(sk, packet);
	return ret;
}

/*
 * How many bytes may wait for the program to let go of the socket. Each buffer may be as large as an int
 * holds; the sum needs more.
 */
static u32 rcv_backlog_limit(const struct sock *sk)
{
	return min_t(u64, (u64)READ_ONCE(sk->sk_rcvbuf) + READ_ONCE(sk->sk_sndbuf) + YOKE_BACKLOG_SPARE,
		     UINT_MAX);
}

static bool rcv_backlog(struct sock *sk, struct sk_buff *skb)
{
	/* An ACK of this host's has lost its size (yoke_output_transmit()). */
	skb->truesize = max_t(unsigned int, skb->truesize, SKB_TRUESIZE(skb_end_offset(skb)));
	return !sk_add_backlog(sk, skb, rcv_backlog_limit(sk));
}

/* False, and @skb is left, if the connection has come to its end since it was looked up. */
static bool rcv_conn(struct sock *sk, struct sk_buff *skb, u8 ecn)
{
	bool owned;

	bh_lock_sock_nested(sk);
	owned = sock_owned_by_user(sk);
	if (!owned && yoke_conn_in(sk, YOKE_RCV_ENDED)) {
		bh_unlock_sock(sk);
		return false;
	}
	yoke_input_take(sk, skb, ecn);
	if (!owned)
		rcv_input(sk, skb);
	else if (!rcv_backlog(sk, skb))
		yoke_drop(sock_net(sk), sk, skb, MemDrops);
	bh_unlock_sock(sk);
	return true;
}

/* IPsec's policies; what comes out of a backlog was asked before it went in. */
static bool rcv_policy(struct sock *sk, struct sk_buff *skb, const struct yoke_rx *rx)
{
	return !skb->dev || xfrm_policy_check(sk, XFRM_POLICY_IN, skb, rx->af->family);
}

/*
 * May @sk have @skb? Asks how far it has come, IPsec's policies and the program's own filter, which may
 * cut data off, but not the header.
 */
static bool rcv_allowed(struct sock *sk, struct sk_buff *skb, const struct yoke_rx *rx)
{
	return rx->ttl >= yoke_addr_min_ttl(sk, rx->af) && rcv_policy(sk, skb, rx) &&
	       !sk_filter_trim_cap(sk, skb, tcp_hdrlen(skb));
}

/* Answers in the name of the listener @sk have the flow label of what they answer only if it says so. */
static void rcv_flow(const struct sock *sk, struct yoke_rx *rx)
{
	if (rx->flow && !yoke_latch_reflects(sk))
		rx->flow = 0;
}

enum yoke_rcv_verdict {
	YOKE_RCV_DONE,		/* consumed */
	YOKE_RCV_FILTERED,
	YOKE_RCV_AGAIN,		/* what the pair named has just become something else */
	YOKE_RCV_NOBODY,	/* a listener may want it */
};

/* A segment whose very pair is in the table. */
static enum yoke_rcv_verdict rcv_node(struct net *net, struct yoke_node *node,
				      struct sk_buff *skb, struct yoke_rx *rx)
{
	struct yoke_request *req;
	struct sock *sk;

	switch (node->kind) {
	case YOKE_CONN:
		sk = yoke_node_sk(node);
		if (!rcv_allowed(sk, skb, rx))
			return YOKE_RCV_FILTERED;
		return rcv_conn(sk, skb, rx->ecn) ? YOKE_RCV_DONE : YOKE_RCV_AGAIN;
	case YOKE_REQUEST:
		req = container_of(node, struct yoke_request, node);
		rx->pair.dev = req->node.pair.dev;
		rx->mark = req->rx.mark;
		rx->foreign = req->rx.foreign;
		rcv_flow(req->listener, rx);
		if (!rcv_allowed(req->listener, skb, rx))
			return YOKE_RCV_FILTERED;
		nf_reset_ct(skb);
		return yoke_listen_request_rcv(net, req, skb, rx) ? YOKE_RCV_DONE : YOKE_RCV_AGAIN;
	case YOKE_TIMEWAIT:
		if (!rcv_policy(NULL, skb, rx))
			return YOKE_RCV_FILTERED;
		switch (yoke_timewait_rcv(container_of(node, struct yoke_timewait, node), skb, rx)) {
		case YOKE_TW_DONE:
			return YOKE_RCV_DONE;
		case YOKE_TW_GONE:
			return YOKE_RCV_AGAIN;
		case YOKE_TW_SYN:
			break;
		}
		return YOKE_RCV_NOBODY;
	default:
		return YOKE_RCV_NOBODY;
	}
}

/* SO_REUSEPORT: one of the listeners of that pair, as the program's filter says or by a hash. */
static struct sock *rcv_choose(struct yoke_net *yn, struct sock *sk, struct sk_buff *skb,
			       const struct yoke_rx *rx)
{
	const siphash_key_t *key = &yn->ports[YOKE_STREAM_PORTS].key;
	struct sock *other = NULL;

	if (rcu_access_pointer(sk->sk_reuseport_cb))
		other = reuseport_select_sock(sk, (u32)yoke_cookie_hash(&rx->pair, key), skb, tcp_hdrlen(skb));
	return IS_ERR_OR_NULL(other) ? sk : other;
}

/* A segment whose pair nobody has: a listener's, if there is one. */
static enum yoke_rcv_verdict rcv_listener(struct yoke_net *yn, struct sk_buff *skb,
					  struct yoke_rx *rx)
{
	struct yoke_node *node = yoke_hash_listener(&yn->stream, &rx->pair, rx->iif, rx->sdif);
	struct sock *sk;

	if (!node)
		return YOKE_RCV_NOBODY;
	sk = rcv_choose(yn, yoke_node_sk(node), skb, rx);
	rx->pair.dev = READ_ONCE(sk->sk_bound_dev_if);
	/* It is just moving to another device, or out of its group: the SYN comes again. */
	if (unlikely(!yoke_hash_hears(&yn->stream, rx->pair.dev, rx->iif, rx->sdif)))
		return YOKE_RCV_FILTERED;
	rx->mark = READ_ONCE(sk->sk_mark);
	rx->foreign = inet_test_bit(TRANSPARENT, sk);
	rcv_flow(sk, rx);
	if (!rcv_allowed(sk, skb, rx))
		return YOKE_RCV_FILTERED;
	nf_reset_ct(skb);
	yoke_listen_rcv(sk, skb, rx);
	return YOKE_RCV_DONE;
}

/* A segment for nobody: its sender is told by a reset. */
static enum yoke_rcv_verdict rcv_nobody(struct net *net, struct sk_buff *skb,
					struct yoke_rx *rx)
{
	if (!rcv_policy(NULL, skb, rx))
		return YOKE_RCV_FILTERED;
	if (!yoke_latch_reflects_resets(net))
		rx->flow = 0;
	yoke_output_reset_for(net, skb, rx);
	yoke_drop(net, NULL, skb, NoSocket);
	return YOKE_RCV_DONE;
}

void yoke_rcv_segment(struct net *net, struct sk_buff *skb, const struct yoke_rx *packet)
{
	enum yoke_rcv_verdict verdict = YOKE_RCV_AGAIN;
	struct yoke_net *yn = yoke_net(net);
	struct yoke_rx rx = *packet;
	struct yoke_node *node;
	int i;

	if (unlikely(READ_ONCE(yn->dying))) {
		yoke_drop(net, NULL, skb, Closed);
		return;
	}
	/*
	 * A request becomes a connection, a connection a TIME-WAIT: a segment that comes at that
	 * moment goes to what is there now. More often than these two in turn is not to be waited for.
	 */
	for (i = 0; verdict == YOKE_RCV_AGAIN && i < 3; i++) {
		node = yoke_hash_find(&yn->stream, &rx.pair, rx.iif, rx.sdif);
		verdict = node ? rcv_node(net, node, skb, &rx) : YOKE_RCV_NOBODY;
	}
	if (likely(verdict == YOKE_RCV_DONE))
		return;
	if (verdict == YOKE_RCV_NOBODY)
		verdict = rcv_listener(yn, skb, &rx);
	if (verdict == YOKE_RCV_NOBODY)
		verdict = rcv_nobody(net, skb, &rx);
	if (verdict == YOKE_RCV_FILTERED)
		yoke_drop(net, NULL, skb, Filtered);
	else if (verdict == YOKE_RCV_AGAIN)
		yoke_drop(net, NULL, skb, Closed);
}

int yoke_rcv_backlog(struct sock *sk, struct sk_buff *skb)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_rx rx = {
		.pair = ys->node.pair,
		.af = ys->af,
		.ecn = yoke_cb(skb)->ecn,
		.ttl = U8_MAX,		/* asked before, too */
	};
	int dev, vrf;

	if (likely(!yoke_conn_in(sk, YOKE_RCV_ENDED)))
		return rcv_input(sk, skb);
	/* The program may have made the socket forget what pair it was. */
	if (sk->sk_state == TCP_LISTEN || tcp_hdr(skb)->dest != rx.pair.lport ||
	    tcp_hdr(skb)->source != rx.pair.rport) {
		yoke_drop(sock_net(sk), sk, skb, Closed);
		return 0;
	}
	/* By what it was bound to, or else it would not be here. */
	dev = rx.pair.dev ?: skb->skb_iif;
	vrf = l3mdev_master_ifindex_by_index(sock_net(sk), dev);
	rx.iif = vrf ?: dev;
	rx.sdif = vrf ? dev : 0;
	local_bh_disable();
	rcu_read_lock();
	yoke_rcv_segment(sock_net(sk), skb, &rx);
	rcu_read_unlock();
	local_bh_enable();
	return 0;
}

/* RFC 1122 §4.2.3.9: IP is told of a better first hop by who has the route. */
static void rcv_redirect(struct sock *sk, struct sk_buff *skb)
{
	struct dst_entry *dst = yoke_sk(sk)->af->refresh(sk);

	if (dst)
		dst->ops->redirect(dst, sk, skb);
}

/* An ICMP error @skb for a connection whose lock is ours. */
static void rcv_conn_error(struct sock *sk, struct sk_buff *skb, const struct tcphdr *th, int err,
			   bool no_way, u32 mtu)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 seq = ntohl(th->seq);

	/* While the SYN waits for data nothing has left that it could be about. */
	if (yoke_conn_in(sk, YOKE_RCV_ENDED) || ys->syn_deferred)
		return;
	if (!yoke_seq_between(seq, ys->snd_una, ys->snd_nxt)) {
		yoke_count(sock_net(sk), OutOfWindowIcmps);
		return;
	}
	if (!err) {
		if (!sock_owned_by_user(sk))
			rcv_redirect(sk, skb);
		return;
	}
	if (mtu) {
		ys->icmp_mtu = min_t(u32, mtu, U16_MAX);
		if (!sock_owned_by_user(sk))
			yoke_send_mtu(sk);
		else
			set_bit(YOKE_DEFER_MTU, &ys->defer);
		return;
	}
	/* Any of them ends an attempt (RFC 5461 §4.1, as in Linux); what Fast Open had accepted is none. */
	if (yoke_conn_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV) &&
	    !(ys->fastopen && READ_ONCE(sk->sk_socket))) {
		/* Who said so is of interest, as to "traceroute -M tcpconn". */
		if (yoke_addr_recverr(sk, ys->af))
			ys->af->queue_error(sk, skb, err, ys->node.pair.rport, th);
		if (!sock_owned_by_user(sk))
			yoke_conn_abort(sk, err);
		else
			WRITE_ONCE(sk->sk_err_soft, err);
		return;
	}
	/*
	 * RFC 9293 MUST-56, RFC 5927 §5: an established connection is not torn down by what anybody
	 * can forge.
	 */
	if (yoke_addr_recverr(sk, ys->af) && !sock_owned_by_user(sk)) {
		WRITE_ONCE(sk->sk_err, err);
		sk_error_report(sk);
	} else {
		WRITE_ONCE(sk->sk_err_soft, err);
	}
	if (no_way && !sock_owned_by_user(sk))
		yoke_timer_no_way(sk, seq);
}

void yoke_rcv_error(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx,
		    const void *hdr, int err, bool no_way, u32 mtu)
{
	const struct tcphdr *th = hdr;
	struct yoke_net *yn = yoke_net(net);
	struct yoke_request *req;
	struct yoke_node *node;
	struct sock *sk;

	if (unlikely(READ_ONCE(yn->dying)))
		return;
	node = yoke_hash_find(&yn->stream, &rx->pair, rx->iif, rx->sdif);
	/* A SYN's forged source: others may have the place of its request. */
	if (node && node->kind == YOKE_REQUEST && no_way) {
		req = container_of(node, struct yoke_request, node);
		if (ntohl(th->seq) == req->iss && yoke_request_drop(req))
			yoke_count(net, ListenDrops);
		return;
	}
	/* What else there is learns the same from its timer. */
	if (!node || node->kind != YOKE_CONN)
		return;
	sk = yoke_node_sk(node);
	if (rx->ttl < yoke_addr_min_ttl(sk, rx->af))
		return;
	bh_lock_sock(sk);
	rcv_conn_error(sk, skb, th, err, no_way, mtu);
	bh_unlock_sock(sk);
}
