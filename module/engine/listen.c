// SPDX-License-Identifier: GPL-2.0
/*
 * The passive open: a SYN becomes a request, the handshake's last ACK turns the request into a
 * child socket, accept(2) takes the child.
 *
 * Owns: struct yoke_listener, struct yoke_request. A listener is never locked for a
 * segment: requests are found in the connection table like everything else, and its
 * lists have a spinlock. Whoever takes a request off the list (under that lock) ends it.
 * Softirq under RCU; yoke_listen_start(), _stop() and _dequeue() in process context.
 * RFC 9293 §3.10.7.2 (LISTEN), §3.10.7.4 for SYN-RECEIVED, MUST-11; RFC 6298 (5.7) for SYN-ACKs;
 * RFC 5961.
 */
#include <net/xfrm.h>
#include "input.h"
#include "listen.h"
#include "output.h"
#include "../algo/cookie.h"
#include "../table/cc_table.h"
#include "../table/mem.h"

static struct kmem_cache *yoke_request_cache;

/* --- requests --- */

static void yoke_request_free(struct rcu_head *rcu)
{
	kmem_cache_free(yoke_request_cache, container_of(rcu, struct yoke_request, rcu));
}

static void yoke_request_put(struct yoke_request *req)
{
	if (!refcount_dec_and_test(&req->refs))
		return;
	sock_put(req->listener);
	call_rcu(&req->rcu, yoke_request_free);
}

/*
 * Off the listener's list; true for the one who did it, and now has to see to table and timer.
 * Listener's lock held.
 */
static bool yoke_request_unlink(struct yoke_request *req)
{
	if (list_empty(&req->list))
		return false;
	list_del_init(&req->list);
	yoke_sk(req->listener)->listener.young--;
	return true;
}

/* The request ends without a child. False if it has ended, or become one, before. */
static bool yoke_request_drop(struct yoke_request *req)
{
	struct yoke_listener *l = &yoke_sk(req->listener)->listener;
	struct net *net = sock_net(req->listener);
	bool mine;

	spin_lock_bh(&l->lock);
	mine = yoke_request_unlink(req);
	spin_unlock_bh(&l->lock);
	if (!mine)
		return false;
	yoke_count(net, AttemptFails);
	yoke_hash_del(&yoke_net(net)->stream, &req->node);
	if (timer_delete(&req->timer))
		yoke_request_put(req);
	yoke_request_put(req);
	return true;
}

static u32 yoke_request_tsval(const struct yoke_request *req)
{
	return (u32)div_u64(ktime_get_ns(), NSEC_PER_MSEC) + req->ts_offset;
}

static void yoke_request_send(struct yoke_request *req, u8 flags)
{
	struct yoke_opt opt = {
		.has_ts = req->use_ts,
		.tsval = yoke_request_tsval(req),
		.tsecr = req->tsval,
	};
	u32 seq = req->iss, wnd = req->rcv_wnd;

	if (flags & YOKE_SYN) {
		opt.mss = req->advmss;
		opt.sack_ok = req->use_sack;
		opt.has_wscale = req->use_wscale;
		opt.wscale = req->rcv_wscale;
		req->sent_us = (u32)div_u64(ktime_get_ns(), NSEC_PER_USEC);
	} else {
		seq++;
		wnd >>= req->rcv_wscale;
	}
	yoke_output_control(sock_net(req->listener), req->listener, &req->rx, req->mark, seq,
			    req->irs + 1, wnd, flags, &opt);
}

/* SYN-ACK again, or the end. */
static void yoke_request_expire(struct timer_list *t)
{
	struct yoke_request *req = container_of(t, struct yoke_request, timer);
	struct sock *sk = req->listener;
	struct net *net = sock_net(sk);
	u8 limit = yoke_sk(sk)->syn_retries ?: READ_ONCE(yoke_net(net)->set.synack_retries);

	rcu_read_lock();
	if (list_empty_careful(&req->list))
		goto put;
	if (req->retries >= limit) {
		yoke_count(net, ReqTimeouts);
		yoke_request_drop(req);
		goto put;
	}
	req->retries++;
	yoke_count(net, RetransSegs);
	yoke_request_send(req, YOKE_SYN | YOKE_ACK);
	mod_timer(&req->timer, jiffies + min_t(unsigned long, HZ << req->retries, 120 * HZ));
	rcu_read_unlock();
	return;
put:
	rcu_read_unlock();
	yoke_request_put(req);
}

/* What the SYN offers, and what we make of it. NULL if there is no memory or no way back. */
static struct yoke_request *yoke_request_new(struct sock *sk, const struct sk_buff *skb,
					     const struct yoke_segment *s,
					     const struct yoke_rx *rx)
{
	struct net *net = sock_net(sk);
	struct yoke_net *yn = yoke_net(net);
	const struct yoke_settings *set = &yn->set;
	struct yoke_route route = {
		.pair = rx->pair,
		.oif = rx->iif,
		.mark = skb->mark,
		.tos = rx->tos,
	};
	struct yoke_request *req;

	req = kmem_cache_zalloc(yoke_request_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!req)
		return NULL;
	if (!rx->af->mtu_for(net, sk, &route, &req->advmss) ||
	    !refcount_inc_not_zero(&sk->sk_refcnt)) {
		kmem_cache_free(yoke_request_cache, req);
		return NULL;
	}
	if (yoke_sk(sk)->user_mss)
		req->advmss = min(req->advmss, yoke_sk(sk)->user_mss);
	req->node.pair = rx->pair;
	req->node.kind = YOKE_REQUEST;
	INIT_LIST_HEAD(&req->list);
	req->listener = sk;
	refcount_set(&req->refs, 2);
	timer_setup(&req->timer, yoke_request_expire, 0);
	req->rx = *rx;
	req->mark = skb->mark;
	req->irs = s->seq;
	req->iss = rx->isn ?: yoke_cookie_isn(&rx->pair, &yn->isn_key, ktime_get_ns());
	req->ts_offset = yoke_cookie_ts_offset(&rx->pair, &yn->ts_key);
	req->tsval = s->opt.tsval;
	req->wnd = s->wnd;
	req->mss = s->opt.mss ?: rx->af->mss_default;
	req->use_ts = s->opt.has_ts && READ_ONCE(set->timestamps);
	req->use_sack = s->opt.sack_ok && READ_ONCE(set->sack);
	req->use_wscale = s->opt.has_wscale && READ_ONCE(set->window_scaling);
	req->snd_wscale = req->use_wscale ? s->opt.wscale : 0;
	req->rcv_wnd = yoke_conn_first_window(net, READ_ONCE(sk->sk_rcvbuf),
					      yoke_sk(sk)->window_clamp, req->advmss,
					      req->use_wscale, &req->rcv_wscale);
	return req;
}

/* The request becomes visible; from now on its timer watches over it. */
static bool yoke_request_add(struct yoke_request *req)
{
	struct yoke_listener *l = &yoke_sk(req->listener)->listener;
	struct yoke_net *yn = yoke_net(sock_net(req->listener));
	bool added = false;

	spin_lock_bh(&l->lock);
	if (req->listener->sk_state == TCP_LISTEN && !yoke_hash_add(&yn->stream, &req->node)) {
		list_add_tail(&req->list, &l->requests);
		l->young++;
		mod_timer(&req->timer, jiffies + HZ);
		added = true;
	}
	spin_unlock_bh(&l->lock);
	return added;
}

/* --- a segment for the listener: §3.10.7.2 --- */

void yoke_listen_rcv(struct sock *sk, struct sk_buff *skb, const struct yoke_rx *rx)
{
	struct yoke_listener *l = &yoke_sk(sk)->listener;
	struct net *net = sock_net(sk);
	struct yoke_request *req;
	struct yoke_segment s;

	yoke_ack_parse(skb, &s);
	/* First RST, second ACK, third SYN. */
	if (s.flags & YOKE_RST) {
		yoke_drop(net, sk, skb, InvalidRst);
		return;
	}
	if (smp_load_acquire(&sk->sk_state) != TCP_LISTEN) {
		yoke_drop(net, sk, skb, Closed);
		return;
	}
	if (s.flags & YOKE_ACK) {
		yoke_output_reset_for(net, skb, rx);
		yoke_drop(net, sk, skb, NoSocket);
		return;
	}
	/* A SYN that also ends the connection is no one's honest segment. */
	if ((s.flags & (YOKE_SYN | YOKE_FIN)) != YOKE_SYN) {
		yoke_drop(net, sk, skb, InvalidFlags);
		return;
	}
	if (sk_acceptq_is_full(sk)) {
		yoke_count(net, ListenOverflows);
		goto full;
	}
	if (READ_ONCE(l->young) > max_t(u32, READ_ONCE(sk->sk_max_ack_backlog), 1) ||
	    READ_ONCE(l->young) >= READ_ONCE(yoke_net(net)->set.max_syn_backlog))
		goto full;
	req = yoke_request_new(sk, skb, &s, rx);
	if (!req)
		goto full;
	if (!yoke_request_add(req)) {
		/* Another CPU has the same SYN, or the listener closes. */
		refcount_set(&req->refs, 1);
		yoke_request_put(req);
		yoke_drop(net, sk, skb, Closed);
		return;
	}
	yoke_request_send(req, YOKE_SYN | YOKE_ACK);
	consume_skb(skb);
	return;
full:
	yoke_drop(net, sk, skb, ListenDrops);
}

/* --- a segment for a request: §3.10.7.4 in SYN-RECEIVED --- */

/* What a program set on the listener holds for its children. */
static void yoke_listen_inherit(struct sock *child, const struct sock *sk)
{
	const struct yoke_sock *from = yoke_sk(sk);
	struct yoke_sock *to = yoke_sk(child);
	static const enum sock_flags flags[] = {
		SOCK_LINGER, SOCK_KEEPOPEN, SOCK_LOCALROUTE, SOCK_URGINLINE, SOCK_RCVTSTAMP,
		SOCK_RCVTSTAMPNS,
	};
	int i;

	child->sk_type = sk->sk_type;
	child->sk_protocol = sk->sk_protocol;
	child->sk_uid = sk->sk_uid;
	child->sk_reuse = sk->sk_reuse;
	child->sk_bound_dev_if = sk->sk_bound_dev_if;
	child->sk_mark = sk->sk_mark;
	child->sk_priority = sk->sk_priority;
	child->sk_sndbuf = sk->sk_sndbuf;
	child->sk_rcvbuf = sk->sk_rcvbuf;
	child->sk_userlocks = sk->sk_userlocks & (SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK);
	child->sk_lingertime = sk->sk_lingertime;
	child->sk_rcvlowat = sk->sk_rcvlowat;
	child->sk_rcvtimeo = sk->sk_rcvtimeo;
	child->sk_sndtimeo = sk->sk_sndtimeo;
	child->sk_max_pacing_rate = sk->sk_max_pacing_rate;
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		sock_valbool_flag(child, flags[i], sock_flag(sk, flags[i]));

	to->inet.tos = from->inet.tos;
	to->inet.uc_ttl = from->inet.uc_ttl;
	to->inet.pmtudisc = from->inet.pmtudisc;
	inet_assign_bit(RECVERR, child, inet_test_bit(RECVERR, sk));
	inet_assign_bit(TRANSPARENT, child, inet_test_bit(TRANSPARENT, sk));
	to->nodelay = from->nodelay;
	to->cork = from->cork;
	to->user_mss = from->user_mss;
	to->window_clamp = from->window_clamp;
	to->syn_retries = from->syn_retries;
	to->keep_time = from->keep_time;
	to->keep_intvl = from->keep_intvl;
	to->keep_cnt = from->keep_cnt;
	to->user_timeout = from->user_timeout;
	to->linger2 = from->linger2;
	if (from->cc_chosen) {
		yoke_cc_table_put(to->cc.ops);
		to->cc.ops = yoke_cc_table_clone(sock_net(sk), READ_ONCE(from->cc.ops));
		to->cc_chosen = true;
	}
}

/* The numbers of the handshake. */
static void yoke_listen_numbers(struct sock *child, const struct yoke_request *req)
{
	struct yoke_sock *ys = yoke_sk(child);

	ys->iss = req->iss;
	ys->irs = req->irs;
	ys->snd_una = req->iss + 1;
	ys->snd_nxt = req->iss + 1;
	ys->write_seq = req->iss + 1;
	ys->pushed_seq = req->iss + 1;
	ys->snd_sml = req->iss;
	ys->snd_wl1 = req->irs;
	ys->snd_wl2 = req->iss;
	ys->snd_wnd = req->wnd;
	ys->max_window = req->wnd;
	ys->rcv_nxt = req->irs + 1;
	ys->rcv_wup = req->irs + 1;
	ys->copied_seq = req->irs + 1;
	ys->rcv_wnd = req->rcv_wnd;
	ys->snd_wscale = req->snd_wscale;
	ys->rcv_wscale = req->rcv_wscale;
	ys->use_ts = req->use_ts;
	ys->use_sack = req->use_sack;
	ys->use_wscale = req->use_wscale;
	ys->ts_recent = req->tsval;
	ys->ts_recent_s = (u32)ktime_get_seconds();
	ys->ts_offset = req->ts_offset;
	ys->advmss = req->advmss;
	ys->rcv_mss = req->rx.af->mss_default;
	ys->mss_clamp = req->mss;
}

/* A socket for the request, in no table yet. NULL without memory or route. */
static struct sock *yoke_listen_child(struct sock *sk, const struct yoke_request *req)
{
	struct yoke_sock *ys;
	struct dst_entry *dst;
	struct sock *child;

	child = sk_alloc(sock_net(sk), sk->sk_family, GFP_ATOMIC | __GFP_NOWARN, sk->sk_prot,
			 sk->sk_kern_sock);
	if (!child)
		return NULL;
	sock_init_data(NULL, child);
	child->sk_prot->init(child);
	yoke_listen_inherit(child, sk);
	security_sk_clone(sk, child);
	ys = yoke_sk(child);
	ys->af = req->rx.af;
	ys->node.pair = req->node.pair;
	yoke_conn_clock(ys);
	yoke_listen_numbers(child, req);
	if (ys->af->connect(child, &ys->node.pair))
		goto no_route;
	dst = __sk_dst_get(child);
	yoke_conn_sync_mss(child, dst_mtu(dst));
	yoke_cc_init(&ys->cc, ys->cc.ops, ys->mss);
	/* Never retransmitted: the SYN-ACK's round trip counts (RFC 6298, Karn). */
	if (!req->retries)
		yoke_rtt_sample(&ys->rtt, max_t(u32, (u32)ys->now_us - req->sent_us, 1),
				(u32)ys->now_us);
	else
		ys->rtt.rto_us = YOKE_RTO_FALLBACK_US;
	ys->last_sent_us = (u32)ys->now_us;
	return child;

no_route:
	yoke_conn_destroy(child);
	return NULL;
}

/*
 * The child takes the request's place and waits for accept(2). False if the request is no more, or
 * there is no room.
 */
static bool yoke_listen_enqueue(struct sock *sk, struct yoke_request *req, struct sock *child)
{
	struct yoke_listener *l = &yoke_sk(sk)->listener;
	struct yoke_sock *ys = yoke_sk(child);
	bool done = false;

	spin_lock_bh(&l->lock);
	if (sk->sk_state == TCP_LISTEN && !sk_acceptq_is_full(sk) && yoke_request_unlink(req)) {
		yoke_port_join(&ys->owner, &yoke_sk(sk)->owner);
		ys->owner.sk = child;
		yoke_conn_set_state(child, TCP_ESTABLISHED);
		/* The same pair in the same table with no memory to allocate: it cannot fail. */
		yoke_hash_replace(&yoke_net(sock_net(sk))->stream, &req->node, &ys->node);
		list_add_tail(&ys->accept_node, &l->queue);
		sk_acceptq_added(sk);
		done = true;
	}
	spin_unlock_bh(&l->lock);
	return done;
}

/*
 * The handshake is complete. Consumes @skb, which may carry data; false, and it is left, if the
 * request is no more.
 */
static bool yoke_listen_complete(struct net *net, struct yoke_request *req, struct sk_buff *skb)
{
	struct sock *sk = req->listener, *child;

	if (sk_acceptq_is_full(sk)) {
		yoke_count(net, ListenOverflows);
		/* Silence makes the peer send again, when there may be room. */
		if (READ_ONCE(yoke_net(net)->set.abort_on_overflow)) {
			yoke_output_reset_for(net, skb, &req->rx);
			yoke_request_drop(req);
		}
		goto drop;
	}
	child = yoke_listen_child(sk, req);
	if (!child)
		goto drop;
	/* Before the table shows it to others. */
	bh_lock_sock_nested(child);
	if (!yoke_listen_enqueue(sk, req, child)) {
		bh_unlock_sock(child);
		yoke_conn_destroy(child);
		if (list_empty_careful(&req->list))
			return false;
		goto drop;
	}
	if (timer_delete(&req->timer))
		yoke_request_put(req);
	yoke_request_put(req);
	yoke_count(net, PassiveOpens);

	skb_dst_drop(skb);
	skb->dev = NULL;
	yoke_conn_init_buffers(child);
	yoke_conn_keepalive(child);
	yoke_input(child, skb);
	bh_unlock_sock(child);
	sk->sk_data_ready(sk);
	return true;
drop:
	yoke_drop(net, sk, skb, ListenDrops);
	return true;
}

/*
 * An ACK because of a suspicious segment, rate-limited as those of connections (RFC 5961 §7):
 * a request of a pair whose two ends are the same, forged, would answer itself for ever.
 */
static void yoke_request_challenge(struct net *net, struct yoke_request *req)
{
	u32 now = jiffies;

	if (req->challenge_jiffies &&
	    now - req->challenge_jiffies < READ_ONCE(yoke_net(net)->set.invalid_ratelimit))
		return;
	req->challenge_jiffies = now ?: 1;
	yoke_count(net, ChallengeAcks);
	yoke_request_send(req, YOKE_ACK);
}

bool yoke_listen_request_rcv(struct net *net, struct yoke_request *req, struct sk_buff *skb,
			     const struct yoke_rx *rx)
{
	enum yoke_mib_index why;
	u32 rcv_nxt = req->irs + 1;
	struct yoke_segment s;
	bool paws;

	yoke_ack_parse(skb, &s);
	paws = req->use_ts && s.opt.has_ts && yoke_seq_before(s.opt.tsval, req->tsval);
	/* The SYN again: our answer was lost. */
	if ((s.flags & (YOKE_SYN | YOKE_ACK | YOKE_RST)) == YOKE_SYN && s.seq == req->irs &&
	    !paws) {
		yoke_request_send(req, YOKE_SYN | YOKE_ACK);
		consume_skb(skb);
		return true;
	}
	/* First, the sequence number. */
	if (paws || s.seq - rcv_nxt >= max(req->rcv_wnd, 1)) {
		if (!(s.flags & YOKE_RST))
			yoke_request_challenge(net, req);
		why = paws ? YOKE_MIB_PAWSDrops : YOKE_MIB_OutOfWindow;
		goto drop;
	}
	/* Second, RST: back to LISTEN, and nobody is told (MUST-11). */
	if (s.flags & YOKE_RST && s.seq == rcv_nxt) {
		if (!yoke_request_drop(req))
			return false;
		consume_skb(skb);
		return true;
	}
	/* Fourth, SYN: RFC 5961 §4.2. */
	if (s.flags & (YOKE_RST | YOKE_SYN)) {
		yoke_request_challenge(net, req);
		why = s.flags & YOKE_RST ? YOKE_MIB_InvalidRst : YOKE_MIB_InvalidSyn;
		goto drop;
	}
	/* Fifth, the ACK: of our SYN, or of something never sent. */
	why = YOKE_MIB_InvalidFlags;
	if (!(s.flags & YOKE_ACK))
		goto drop;
	why = YOKE_MIB_InvalidAck;
	if (s.ack != req->iss + 1) {
		yoke_output_reset_for(net, skb, rx);
		goto drop;
	}
	return yoke_listen_complete(net, req, skb);
drop:
	yoke_trace_drop(net, req->listener, skb, why);
	return true;
}

/* --- listen(2), accept(2), close(2) --- */

int yoke_listen_start(struct sock *sk)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_sock *ys = yoke_sk(sk);
	int err;

	if (!yoke_port_may_listen(&yn->ports[YOKE_STREAM_PORTS], &ys->owner))
		return -EADDRINUSE;
	memset(&ys->node.pair.raddr, 0, sizeof(ys->node.pair.raddr));
	ys->node.pair.rport = 0;
	ys->node.kind = YOKE_LISTENER;
	sk->sk_ack_backlog = 0;
	yoke_conn_set_state(sk, TCP_LISTEN);
	err = yoke_hash_add(&yn->stream, &ys->node);
	if (err) {
		ys->node.kind = YOKE_CONN;
		yoke_conn_set_state(sk, TCP_CLOSE);
		return err == -EEXIST ? -EADDRINUSE : err;
	}
	return 0;
}

/* Nobody will accept it: the peer is told. */
static void yoke_listen_reset(struct sock *child)
{
	sock_hold(child);
	local_bh_disable();
	bh_lock_sock(child);
	yoke_conn_orphan(child);
	if (child->sk_state != TCP_CLOSE) {
		yoke_conn_clock(yoke_sk(child));
		yoke_output_reset(child);
		yoke_conn_abort(child, ECONNRESET);
	} else {
		yoke_conn_destroy(child);
	}
	bh_unlock_sock(child);
	local_bh_enable();
	sock_put(child);
}

void yoke_listen_stop(struct sock *sk)
{
	struct yoke_listener *l = &yoke_sk(sk)->listener;
	struct yoke_request *req;
	struct sock *child;

	/*
	 * Nothing joins the lists, and no child our port, after this: both happen under the lock,
	 * in LISTEN only.
	 */
	spin_lock_bh(&l->lock);
	yoke_conn_set_state(sk, TCP_CLOSE);
	spin_unlock_bh(&l->lock);
	yoke_sk(sk)->node.kind = YOKE_CONN;
	for (;;) {
		rcu_read_lock();
		spin_lock_bh(&l->lock);
		req = list_first_entry_or_null(&l->requests, struct yoke_request, list);
		spin_unlock_bh(&l->lock);
		if (req)
			yoke_request_drop(req);
		rcu_read_unlock();
		if (!req)
			break;
	}
	while ((child = yoke_listen_dequeue(sk))) {
		yoke_listen_reset(child);
		cond_resched();
	}
}

struct sock *yoke_listen_dequeue(struct sock *sk)
{
	struct yoke_listener *l = &yoke_sk(sk)->listener;
	struct yoke_sock *ys;

	spin_lock_bh(&l->lock);
	ys = list_first_entry_or_null(&l->queue, struct yoke_sock, accept_node);
	if (ys) {
		list_del_init(&ys->accept_node);
		sk_acceptq_removed(sk);
	}
	spin_unlock_bh(&l->lock);
	return ys ? (struct sock *)ys : NULL;
}

int yoke_listen_init(void)
{
	yoke_request_cache = KMEM_CACHE(yoke_request, 0);
	return yoke_request_cache ? 0 : -ENOMEM;
}

void yoke_listen_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(yoke_request_cache);
}
