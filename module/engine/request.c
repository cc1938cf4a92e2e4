// SPDX-License-Identifier: GPL-2.0
/*
 * SYN-RECEIVED before it is worth a socket: what a SYN asked for, and its SYN-ACK until somebody
 * acknowledges it.
 *
 * Owns: struct yoke_request, and of a listener the list of them. Whoever takes a request off the
 * list, under the listener's lock, ends it.
 * Softirq under RCU.
 * RFC 9293 §3.8.3 (R1, R2); RFC 6298 (5.7) for SYN-ACKs; RFC 5961 §7 (limit of the ACKs).
 */
#include "output.h"
#include "latch.h"
#include "request.h"
#include "window.h"
#include "../algo/cookie.h"

static struct kmem_cache *yoke_request_cache;

void yoke_request_forget(struct yoke_request *req)
{
	kfree(req->saved_syn);
	kfree(req->rx.options);
	kfree_skb(req->syn);
}

static void request_free(struct rcu_head *rcu)
{
	struct yoke_request *req = container_of(rcu, struct yoke_request, rcu);

	yoke_request_forget(req);
	kmem_cache_free(yoke_request_cache, req);
}

static void request_put(struct yoke_request *req)
{
	if (!refcount_dec_and_test(&req->refs))
		return;
	sock_put(req->listener);
	call_rcu(&req->rcu, request_free);
}

/*
 * Off the listener's list; true for the one who did it, and now has to see to table and timer.
 * Listener's lock held.
 */
static bool request_unlink(struct yoke_request *req)
{
	struct yoke_listener *l = yoke_sk(req->listener)->listener;

	if (list_empty(&req->list))
		return false;
	list_del_init(&req->list);
	l->len--;
	l->young -= !req->retries;
	return true;
}

void yoke_request_release(struct yoke_request *req)
{
	if (timer_delete(&req->timer))
		request_put(req);
	request_put(req);
}

bool yoke_request_drop(struct yoke_request *req)
{
	struct yoke_listener *l = yoke_sk(req->listener)->listener;
	struct net *net = sock_net(req->listener);
	bool mine;

	spin_lock_bh(&l->lock);
	mine = request_unlink(req);
	spin_unlock_bh(&l->lock);
	if (!mine)
		return false;
	yoke_count(net, AttemptFails);
	yoke_hash_del(&yoke_net(net)->stream, &req->node);
	yoke_request_release(req);
	return true;
}

static u32 request_tsval(const struct yoke_request *req)
{
	u32 now = (u32)div_u64(ktime_get_ns(), NSEC_PER_MSEC);

	if (req->cookie) {
		struct yoke_cookie_options o = {
			.has_wscale = req->use_wscale,
			.wscale = req->snd_wscale,
			.sack_ok = req->use_sack,
			.ecn_ok = req->ecn_mode != YOKE_ECN_OFF,
		};

		now = yoke_cookie_ts(now, &o);
	}
	return now + req->ts_offset;
}

void yoke_request_send_by(struct yoke_request *req, u16 flags, const struct yoke_opt *answer,
			  struct yoke_route *route)
{
	struct net *net = sock_net(req->listener);
	struct yoke_opt opt = {
		.has_ts = req->use_ts,
		.tsval = request_tsval(req),
		.tsecr = req->tsval,
	};
	struct yoke_control says = {
		.seq = req->iss, .ack = req->irs + 1, .wnd = req->rcv_wnd, .flags = flags, .opt = &opt,
		/* In a flood all processors would count one socket's references (as TCP has it). */
		.owner = req->cookie ? NULL : req->listener,
	};

	if (flags & YOKE_SYN) {
		opt.mss = req->advmss;
		opt.sack_ok = req->use_sack;
		opt.has_wscale = req->use_wscale;
		opt.wscale = req->rcv_wscale;
		if (answer && answer->has_cookie) {
			opt.has_cookie = true;
			opt.cookie = answer->cookie;
		}
		says.flags |= yoke_ecn_synack_flags(req->ecn_mode, req->rx.ecn, req->retries);
		if (READ_ONCE(yoke_net(sock_net(req->listener))->set.ecn_option))
			yoke_ecn_synack_option(req->ecn_mode, req->retries + req->ecn_again, &opt);
		req->sent_us = (u32)div_u64(ktime_get_ns(), NSEC_PER_USEC);
	} else {
		says.seq++;
		says.wnd >>= req->rcv_wscale;
		if (req->ecn_mode == YOKE_ECN_ACCURATE) {
			struct yoke_ecn ecn;

			yoke_ecn_start(&ecn, req->ecn_mode);
			says.flags |= yoke_ecn_flags(&ecn, true);
		}
	}
	route->txhash = yoke_request_txhash(req);
	yoke_output_control(net, req->listener, route, &says);
}

void yoke_request_send(struct yoke_request *req, u16 flags)
{
	struct yoke_route route;

	if (!yoke_output_route(&route, sock_net(req->listener), req->listener, &req->rx))
		yoke_request_send_by(req, flags, NULL, &route);
}

/*
 * How often a SYN-ACK is repeated. Half of the queue is for the young: while the old ones fill more
 * than that, they end the sooner the fewer the young are (as Linux).
 */
static int request_limit(const struct sock *sk)
{
	const struct yoke_listener *l = yoke_sk(sk)->listener;
	int limit = READ_ONCE(yoke_sk(sk)->syn_retries) ?:
		    READ_ONCE(yoke_net(sock_net(sk))->set.synack_retries);
	u32 len = READ_ONCE(l->len), young = 2 * READ_ONCE(l->young);

	if (2 * len <= max(8U, READ_ONCE(sk->sk_max_ack_backlog)))
		return limit;
	for (; limit > 2 && len >= young; young *= 2)
		limit--;
	return limit;
}

/*
 * Its SYN-ACK is sent once more; false if it has ended. The timer is set under the lock: who ends
 * it after this finds the timer pending.
 */
static bool request_age(struct yoke_request *req)
{
	unsigned long most = usecs_to_jiffies(READ_ONCE(yoke_sk(req->listener)->rtt.rto_max_us));
	struct yoke_listener *l = yoke_sk(req->listener)->listener;
	bool linked;

	spin_lock_bh(&l->lock);
	linked = !list_empty(&req->list);
	if (linked) {
		if (!req->retries++)
			l->young--;
		mod_timer(&req->timer, jiffies + min(HZ * 1UL << min_t(u8, req->retries, 7), most));
	}
	spin_unlock_bh(&l->lock);
	return linked;
}

static void request_count_again(struct yoke_request *req)
{
	struct net *net = sock_net(req->listener);

	/* The timer, and whose SYN comes again, may both be here: then it is one less. */
	data_race(req->again++);
	yoke_count(net, RetransSegs);
	yoke_count(net, SynRetrans);
}

/* SYN-ACK again, or the end; of one that was acknowledged, once more when its time is nearly over. */
static void request_expire(struct timer_list *t)
{
	struct yoke_request *req = container_of(t, struct yoke_request, timer);
	struct sock *sk = req->listener;
	struct net *net = sock_net(sk);
	u8 defer = req->acked ? READ_ONCE(yoke_sk(sk)->defer_accept) : 0;

	rcu_read_lock();
	if (list_empty_careful(&req->list))
		goto put;
	if (req->retries >= max_t(int, request_limit(sk), defer)) {
		yoke_count(net, ReqTimeouts);
		yoke_request_drop(req);
		goto put;
	}
	if (!request_age(req))
		goto put;
	if (req->retries >= defer) {
		request_count_again(req);
		if (READ_ONCE(sk->sk_txrehash) == SOCK_TXREHASH_ENABLED)
			WRITE_ONCE(req->txhash, net_tx_rndhash());
		yoke_request_send(req, YOKE_SYN | YOKE_ACK);
	}
	rcu_read_unlock();
	return;
put:
	rcu_read_unlock();
	request_put(req);
}

bool yoke_request_defer(struct yoke_request *req)
{
	if (req->retries >= READ_ONCE(yoke_sk(req->listener)->defer_accept))
		return false;
	if (!req->acked && !req->retries && !req->ecn_again) {
		u32 now = (u32)div_u64(ktime_get_ns(), NSEC_PER_USEC);

		req->rtt_us = max_t(s32, now - req->sent_us, 1);
	}
	req->acked = true;
	return true;
}

/* NULL: it is not wanted, or there is no memory. */
static struct yoke_saved_syn *request_save(const struct sock *sk, const struct sk_buff *skb)
{
	u8 save = READ_ONCE(yoke_sk(sk)->save_syn);
	u32 len = skb_network_header_len(skb) + tcp_hdrlen(skb);
	const u8 *from = skb_network_header(skb);
	struct yoke_saved_syn *saved;

	if (likely(!save))
		return NULL;
	if (save > 1 && skb_mac_header_was_set(skb)) {
		len += skb_network_header(skb) - skb_mac_header(skb);
		from = skb_mac_header(skb);
	}
	saved = kmalloc(struct_size(saved, data, len), GFP_ATOMIC | __GFP_NOWARN);
	if (!saved)
		return NULL;
	saved->len = len;
	memcpy(saved->data, from, len);
	return saved;
}

/* What of ECN the SYN @s asked for and we grant; the way back is by @dst. */
static u8 request_ecn(const struct yoke_request *req, const struct sock *sk,
		      const struct yoke_settings *set, const struct yoke_segment *s,
		      const struct dst_entry *dst)
{
	/* The listener's algorithm does, or that which the route names. */
	bool needs_ecn = yoke_conn_needs_ecn(sk) || dst_feature(dst, DST_FEATURE_ECN_CA);
	u8 ecn = yoke_ecn_incoming(READ_ONCE(set->ecn));

	if (needs_ecn || dst_feature(dst, DST_FEATURE_ECN_MASK))
		ecn = max_t(u8, ecn, YOKE_ECN_CLASSIC);
	if (req->cookie)	/* it has one bit for ECN */
		ecn = min_t(u8, ecn, YOKE_ECN_CLASSIC);
	/* The ACK that brings a cookie back may carry data, and be ECN-capable. */
	return yoke_ecn_accept(s->flags, req->rx.ecn, ecn,
			       needs_ecn || (req->cookie && s->flags & YOKE_ACK));
}

bool yoke_request_fill(struct yoke_request *req, struct sock *sk, struct sk_buff *skb,
		       const struct yoke_segment *s, const struct yoke_rx *rx, struct yoke_route *route)
{
	struct net *net = sock_net(sk);
	struct yoke_net *yn = yoke_net(net);
	const struct yoke_settings *set = &yn->set;
	/* Without its lock: a program may be setting these. */
	u32 window_clamp = READ_ONCE(yoke_sk(sk)->window_clamp);
	u16 user_mss = READ_ONCE(yoke_sk(sk)->user_mss);
	bool options;
	u64 hash;

	req->rx = *rx;
	req->rx.mark = inet_request_mark(sk, skb);
	if (rx->af->options_back)
		req->rx.options = rx->af->options_back(net, skb);
	if (yoke_output_route(route, net, sk, &req->rx))
		return false;
	req->advmss = min_t(u32, dst_metric_advmss(route->dst), U16_MAX);
	if (user_mss)
		req->advmss = min(req->advmss, user_mss);
	req->node.pair = rx->pair;
	req->node.pair.dev = route->oif;
	req->node.kind = YOKE_REQUEST;
	INIT_LIST_HEAD(&req->list);
	req->listener = sk;
	req->irs = s->seq;
	req->tsval = s->opt.tsval;
	req->wnd = s->wnd;
	req->mss = s->opt.mss ?: rx->af->mss_default;
	req->use_ts = s->opt.has_ts && READ_ONCE(set->timestamps);
	/* A cookie remembers options in its timestamp, or not at all, and is the ISN itself. */
	options = req->use_ts || !req->cookie;
	if (options)
		hash = yoke_cookie_hash(&rx->pair, &yn->isn_key);
	if (req->use_ts)
		req->ts_offset = yoke_cookie_ts_offset(hash);
	if (!req->cookie)
		req->iss = rx->isn ?: yoke_cookie_isn(hash, ktime_get_ns());
	req->use_sack = options && s->opt.sack_ok && READ_ONCE(set->sack);
	req->use_wscale = options && s->opt.has_wscale && READ_ONCE(set->window_scaling);
	if (options)
		req->ecn_mode = request_ecn(req, sk, set, s, route->dst);
	req->snd_wscale = req->use_wscale ? s->opt.wscale : 0;
	req->rcv_wnd = yoke_window_first(sk, yoke_window_clamp(window_clamp, route->dst),
					 req->advmss, dst_metric(route->dst, RTAX_INITRWND),
					 req->use_wscale, &req->rcv_wscale);
	if (!req->cookie) {
		req->saved_syn = request_save(sk, skb);
		req->syn = yoke_latch_syn(sk, skb);
	}
	return true;
}

struct yoke_request *yoke_request_new(struct sock *sk, struct sk_buff *skb,
				      const struct yoke_segment *s, const struct yoke_rx *rx,
				      struct yoke_route *route)
{
	struct yoke_request *req;

	req = kmem_cache_zalloc(yoke_request_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!req)
		return NULL;
	if (!yoke_request_fill(req, sk, skb, s, rx, route))
		goto forget;
	if (!refcount_inc_not_zero(&sk->sk_refcnt)) {
		dst_release(route->dst);
		goto forget;
	}
	refcount_set(&req->refs, 2);
	timer_setup(&req->timer, request_expire, 0);
	return req;
forget:
	yoke_request_forget(req);
	kmem_cache_free(yoke_request_cache, req);
	return NULL;
}

bool yoke_request_add(struct yoke_request *req)
{
	struct yoke_listener *l = yoke_sk(req->listener)->listener;
	struct yoke_net *yn = yoke_net(sock_net(req->listener));
	bool added = false;

	spin_lock_bh(&l->lock);
	if (req->listener->sk_state == TCP_LISTEN && !yoke_hash_add(&yn->stream, &req->node)) {
		list_add_tail(&req->list, &l->requests);
		l->len++;
		l->young++;
		mod_timer(&req->timer, jiffies + HZ);
		added = true;
	}
	spin_unlock_bh(&l->lock);
	if (!added) {
		refcount_set(&req->refs, 1);
		request_put(req);
	}
	return added;
}

bool yoke_request_replace(struct yoke_request *req, struct yoke_sock *ys)
{
	struct yoke_hash *hash = &yoke_net(sock_net(req->listener))->stream;

	if (req->passing)
		return !yoke_hash_add(hash, &ys->node);
	if (!request_unlink(req))
		return false;
	/* The same pair in the same table with no memory to allocate: it cannot fail. */
	yoke_hash_replace(hash, &req->node, &ys->node);
	return true;
}

void yoke_request_again(struct yoke_request *req)
{
	struct net *net = sock_net(req->listener);

	if (!yoke_output_may_answer(net, &req->challenge_jiffies))
		return;
	request_count_again(req);
	yoke_request_send(req, YOKE_SYN | YOKE_ACK);
}

void yoke_request_challenge(struct yoke_request *req)
{
	struct net *net = sock_net(req->listener);

	if (!yoke_output_may_answer(net, &req->challenge_jiffies) || !yoke_net_may_challenge(net))
		return;
	yoke_count(net, ChallengeAcks);
	yoke_request_send(req, YOKE_ACK);
}

int yoke_request_init(void)
{
	yoke_request_cache = KMEM_CACHE(yoke_request, SLAB_ACCOUNT);
	return yoke_request_cache ? 0 : -ENOMEM;
}

void yoke_request_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(yoke_request_cache);
}
