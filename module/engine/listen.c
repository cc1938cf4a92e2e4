// SPDX-License-Identifier: GPL-2.0
/*
 * The passive open: a SYN becomes a request or is answered with a cookie, the handshake's last ACK
 * turns either into a child socket, accept(2) takes the child.
 *
 * Owns: struct yoke_listener, but for its requests and Fast Open's part. A listener is never locked for a
 * segment: its lists have a spinlock.
 * Softirq under RCU; yoke_listen_start(), _stop() and _dequeue() in process context.
 * RFC 9293 §3.10.7.2 (LISTEN), §3.10.7.4 for SYN-RECEIVED, MUST-11; RFC 6298 (5.7) for SYN-ACKs;
 * RFC 5961; RFC 4987 §3.6 (SYN cookies); RFC 7413 §4.2.2.
 */
#include <linux/filter.h>
#include <net/sock_reuseport.h>
#include "addr.h"
#include "fastopen.h"
#include "input.h"
#include "latch.h"
#include "listen.h"
#include "metrics.h"
#include "pace.h"
#include "output.h"
#include "send.h"
#include "text.h"
#include "../algo/cookie.h"
#include "../table/cc_table.h"
#include "../table/cgroup.h"
#include "../table/mem.h"
#include "../table/policy.h"

/* --- the child: a request that has become a socket --- */

static void yoke_listen_inherit_filter(struct sock *child, const struct sock *sk)
{
	struct sk_filter *filter;

	rcu_read_lock();
	filter = rcu_dereference(sk->sk_filter);
	if (filter && refcount_inc_not_zero(&filter->refcnt)) {
		/* As sk_filter_charge(), which is not exported. */
		atomic_add(bpf_prog_size(filter->prog->len), &child->sk_omem_alloc);
		rcu_assign_pointer(child->sk_filter, filter);
	}
	rcu_read_unlock();
}

/* What a program set on the listener holds for its children. */
static void yoke_listen_inherit(struct sock *child, const struct sock *sk)
{
	const struct yoke_sock *from = yoke_sk(sk);
	struct yoke_sock *to = yoke_sk(child);
	static const enum sock_flags flags[] = {
		SOCK_LINGER, SOCK_KEEPOPEN, SOCK_LOCALROUTE, SOCK_URGINLINE, SOCK_DBG,
		SOCK_BROADCAST, SOCK_RCVTSTAMP, SOCK_RCVTSTAMPNS, SOCK_TSTAMP_NEW, SOCK_TIMESTAMP,
		SOCK_TIMESTAMPING_RX_SOFTWARE, SOCK_RXQ_OVFL, SOCK_WIFI_STATUS,
		SOCK_FILTER_LOCKED, SOCK_SELECT_ERR_QUEUE, SOCK_TXTIME, SOCK_ZEROCOPY, SOCK_RCVMARK,
	};
	int i;

	/* What a program is just setting is still what it was, or already what it will be. */
	kcsan_disable_current();
	child->sk_type = sk->sk_type;
	child->sk_protocol = sk->sk_protocol;
	child->sk_uid = sk->sk_uid;
	child->sk_reuse = sk->sk_reuse;
	child->sk_reuseport = sk->sk_reuseport;
	child->sk_no_check_tx = sk->sk_no_check_tx;
	child->sk_tsflags = sk->sk_tsflags;
	child->sk_txrehash = READ_ONCE(sk->sk_txrehash);
	child->sk_priority = sk->sk_priority;
	child->sk_sndbuf = sk->sk_sndbuf;
	child->sk_rcvbuf = sk->sk_rcvbuf;
	child->sk_userlocks = sk->sk_userlocks & (SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK);
	child->sk_lingertime = sk->sk_lingertime;
	child->sk_rcvlowat = sk->sk_rcvlowat;
	child->sk_rcvtimeo = sk->sk_rcvtimeo;
	child->sk_sndtimeo = sk->sk_sndtimeo;
	child->sk_max_pacing_rate = sk->sk_max_pacing_rate;
	child->sk_pacing_rate = min(child->sk_pacing_rate, sk->sk_max_pacing_rate);
	child->sk_pacing_status = READ_ONCE(sk->sk_pacing_status);
#ifdef CONFIG_NET_RX_BUSY_POLL
	child->sk_ll_usec = sk->sk_ll_usec;
	child->sk_prefer_busy_poll = sk->sk_prefer_busy_poll;
	child->sk_busy_poll_budget = sk->sk_busy_poll_budget;
#endif
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		sock_valbool_flag(child, flags[i], sock_flag(sk, flags[i]));
	to->inet.tos = from->inet.tos;
	to->inet.uc_ttl = from->inet.uc_ttl;
	to->inet.min_ttl = from->inet.min_ttl;
	to->inet.mc_ttl = from->inet.mc_ttl;
	to->inet.mc_index = from->inet.mc_index;
	to->inet.uc_index = from->inet.uc_index;
	to->inet.pmtudisc = from->inet.pmtudisc;
	yoke_compat_inherit_inet(child, sk);
	inet_assign_bit(FREEBIND, child, inet_test_bit(FREEBIND, sk));
	inet_assign_bit(BIND_ADDRESS_NO_PORT, child, inet_test_bit(BIND_ADDRESS_NO_PORT, sk));
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
	to->notsent_lowat = from->notsent_lowat;
	to->tell_inq = from->tell_inq;
	to->thin_timeouts = from->thin_timeouts;
	to->tx_delay = from->tx_delay;
	to->linger2 = from->linger2;
	to->rto_min = from->rto_min;
	to->delack_max = from->delack_max;
	yoke_rtt_bound(&to->rtt, to->rtt.rto_min_us, READ_ONCE(from->rtt.rto_max_us));
	to->save_syn = from->save_syn;
	to->cc_chosen = from->cc_chosen;
	kcsan_enable_current();

	if (child->sk_flags & SK_FLAGS_TIMESTAMP)
		net_enable_timestamp();		/* which its end will undo */
	yoke_listen_inherit_filter(child, sk);
	if (to->cc_chosen) {
		yoke_cc_table_put(to->cc.ops);
		to->cc.ops = yoke_cc_table_clone(sock_net(sk), READ_ONCE(from->cc.ops));
	}
}

/* The numbers of the handshake. */
static void yoke_listen_numbers(struct sock *child, const struct yoke_request *req)
{
	struct yoke_sock *ys = yoke_sk(child);

	child->sk_txhash = yoke_request_txhash(req);
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
	yoke_ecn_start(&ys->ecn, req->ecn_mode);
	ys->ecn.syn_ip = req->rx.ecn;
	/* RFC 9768 §3.1.5: then the peer may not have agreed. */
	ys->ecn.no_ect = req->ecn_bare || (req->retries > 1 && !req->rtt_us &&
					   req->ecn_mode == YOKE_ECN_ACCURATE);
	ys->ts_recent = req->tsval;
	ys->ts_recent_s = (u32)ktime_get_seconds();
	ys->ts_offset = req->ts_offset;
	ys->advmss = req->advmss;
	ys->rcv_mss = req->rx.af->mss_default;
	ys->mss_clamp = req->mss;
}

/* A socket for the request, which @skb completes, in no table yet. NULL without memory or route. */
static struct sock *yoke_listen_child(struct sock *sk, const struct yoke_request *req,
				      const struct sk_buff *skb)
{
	/* A bit that never changes; others in its byte do. */
	bool kern = data_race((bool)sk->sk_kern_sock);
	struct yoke_sock *ys;
	struct sock *child;

	/* A listener that closes on another CPU has let its namespace go, which may die. */
	if (!maybe_get_net(sock_net(sk)))
		return NULL;
	child = sk_alloc(sock_net(sk), AF_INET, GFP_ATOMIC | __GFP_NOWARN, sk->sk_prot, kern);
	put_net(sock_net(sk));
	if (!child)
		return NULL;
	sock_init_data(NULL, child);
	child->sk_prot->init(child);
	if (yoke_addr_inherit(child, sk) || yoke_addr_take_options(child, req->rx.options) ||
	    yoke_policy_inherit(child, sk))
		goto no_route;
	yoke_listen_inherit(child, sk);
	yoke_latch_begin(child, skb);
	security_sk_clone(sk, child);
	yoke_cgroup_inherit(child, sk);
	ys = yoke_sk(child);
	child->sk_mark = req->rx.mark;
	ys->af = req->rx.af;
	if (READ_ONCE(yoke_net(sock_net(sk))->set.reflect_tos))
		yoke_addr_set_tos(child, ys->af, req->rx.tos);
	ys->node.pair = req->node.pair;
	child->sk_bound_dev_if = req->node.pair.dev;
	yoke_conn_clock(ys);
	yoke_listen_numbers(child, req);
	if (ys->af->connect(child, &ys->node.pair))
		goto no_route;
	yoke_addr_name(child, &ys->node.pair);
	yoke_metrics_take(child);
	yoke_conn_sync_mss(child, dst_mtu(__sk_dst_get(child)));
	/* What TCP_DEFER_ACCEPT waited for was not lost. */
	yoke_metrics_cc_init(child, req->rtt_us ? 0 : req->retries);
	/* Never retransmitted: the SYN-ACK's round trip counts (RFC 6298, Karn), where it is known. */
	if (req->rtt_us)
		yoke_rtt_sample(&ys->rtt, req->rtt_us, (u32)ys->now_us);
	else if (!req->retries && !req->ecn_again && !req->passing)
		/* It may just be sent again, later than now: that is no round trip of an hour. */
		yoke_rtt_sample(&ys->rtt, max_t(s32, (u32)ys->now_us - req->sent_us, 1),
				(u32)ys->now_us);
	else if (req->retries)
		ys->rtt.rto_us = YOKE_RTO_FALLBACK_US;
	ys->last_sent_us = ys->now_us;
	yoke_pace_update(child);
	return child;

no_route:
	yoke_conn_destroy(child);
	return NULL;
}

/*
 * The child takes the request's place and waits for accept(2). False if the request is no more, or
 * there is no room. The child is locked: whoever finds it now waits.
 */
static bool yoke_listen_enqueue(struct sock *sk, struct yoke_request *req, struct sock *child,
				int state)
{
	struct yoke_listener *l = yoke_sk(sk)->listener;
	struct yoke_sock *ys = yoke_sk(child);
	bool done = false;

	spin_lock_bh(&l->lock);
	if (sk->sk_state == TCP_LISTEN && !sk_acceptq_is_full(sk) &&
	    yoke_request_replace(req, ys)) {
		yoke_port_join(&ys->owner, &yoke_sk(sk)->owner);
		ys->owner.sk = child;
		yoke_conn_set_state(child, state);
		if (hlist_empty(&l->queue))
			hlist_add_head(&child->sk_bind_node, &l->queue);
		else
			hlist_add_behind(&child->sk_bind_node, l->queue_end);
		l->queue_end = &child->sk_bind_node;
		sk_acceptq_added(sk);
		swap(ys->saved_syn, req->saved_syn);
		yoke_latch_begin_syn(child, &req->syn);
		done = true;
	}
	spin_unlock_bh(&l->lock);
	return done;
}

/*
 * The handshake is complete. Consumes @skb, which may carry data; false, and it is left, if the
 * request is no more.
 */
static bool yoke_listen_complete(struct net *net, struct yoke_request *req, struct sk_buff *skb,
				 u8 ecn)
{
	struct sock *sk = req->listener, *child;
	struct yoke_segment s;

	if (sk_acceptq_is_full(sk)) {
		yoke_count(net, ListenOverflows);
		/* Silence makes the peer send again, when there may be room. */
		if (READ_ONCE(yoke_net(net)->set.abort_on_overflow)) {
			yoke_output_reset_for(net, skb, &req->rx);
			if (!req->passing)
				yoke_request_drop(req);
		}
		goto drop;
	}
	child = yoke_listen_child(sk, req, skb);
	if (!child)
		goto drop;
	/* Before the table shows it to others. */
	bh_lock_sock_nested(child);
	if (!yoke_listen_enqueue(sk, req, child, TCP_ESTABLISHED)) {
		bh_unlock_sock(child);
		yoke_conn_destroy(child);
		if (!req->passing && list_empty_careful(&req->list))
			return false;
		goto drop;
	}
	if (!req->passing)
		yoke_request_release(req);
	yoke_count(net, PassiveOpens);

	yoke_input_take(child, skb, ecn);
	yoke_conn_init_buffers(child);
	yoke_conn_keepalive(child);
	yoke_ack_parse(skb, &s);
	yoke_ecn_third_ack(&yoke_sk(child)->ecn, s.flags, !s.len && !s.opt.nsacks,
			   yoke_conn_syn_ecn(sk), &s.opt);
	yoke_input(child, skb);
	bh_unlock_sock(child);
	sk->sk_data_ready(sk);
	return true;
drop:
	yoke_drop(net, sk, skb, ListenDrops);
	return true;
}

/* --- SYN cookies, for a listener with too many requests: RFC 4987 §3.6 --- */

/* Counts minutes since the machine began. */
static u32 yoke_listen_cookie_count(void)
{
	return (u32)ktime_get_seconds() / YOKE_COOKIE_SECONDS;
}

/*
 * When cookies were sent last: of SO_REUSEPORT the group's, as who comes or goes makes others answer
 * for what one has sent. RCU.
 */
static u32 *yoke_listen_cookies_sent(const struct sock *sk)
{
	struct sock_reuseport *group = rcu_dereference(sk->sk_reuseport_cb);

	return group ? &group->synq_overflow_ts : &yoke_sk(sk)->listener->cookies_jiffies;
}

/* Whoever sends no cookies need not let others try to guess one. */
static bool yoke_listen_sent_cookies(const struct sock *sk)
{
	u32 last = READ_ONCE(*yoke_listen_cookies_sent(sk));

	return READ_ONCE(yoke_net(sock_net(sk))->set.syncookies) && last &&
	       (u32)jiffies - last <= YOKE_COOKIE_AGE * YOKE_COOKIE_SECONDS * HZ;
}

/* The MSS in the cookie that @s, an ACK, brings back; 0 if it is none of ours. */
static u16 yoke_listen_cookie_mss(const struct yoke_net *yn, const struct yoke_segment *s,
				  const struct yoke_rx *rx)
{
	return yoke_cookie_syn_mss(&rx->pair, yn->cookie_keys, s->seq - 1,
				   yoke_listen_cookie_count(), s->ack - 1);
}

/* More requests than the program said it would wait for. */
static bool yoke_listen_flooded(const struct sock *sk)
{
	return READ_ONCE(yoke_sk(sk)->listener->len) > READ_ONCE(sk->sk_max_ack_backlog);
}

/* Says so once a listener, and counts. */
static void yoke_listen_warn(struct sock *sk, u8 cookies)
{
	struct yoke_listener *l = yoke_sk(sk)->listener;

	if (cookies)
		yoke_count(sock_net(sk), ReqQFullDoCookies);
	else
		yoke_count(sock_net(sk), ReqQFullDrop);
	if (cookies != 2 && !READ_ONCE(l->warned) && !xchg(&l->warned, 1))
		net_info_ratelimited("Possible SYN flooding on port %d. %s.\n", inet_sk(sk)->inet_num,
				     cookies ? "Sending cookies" : "Dropping request");
}

/* Answers a SYN and remembers nothing but that cookies are about. False if there is no way back. */
static bool yoke_listen_cookie_send(struct sock *sk, struct sk_buff *skb,
				    const struct yoke_segment *s, const struct yoke_rx *rx)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_request req = { .passing = true, .cookie = true };
	struct yoke_route route;
	u32 *sent = yoke_listen_cookies_sent(sk);
	u32 now = (u32)jiffies, last = READ_ONCE(*sent);
	bool way = yoke_request_fill(&req, sk, skb, s, rx, &route);

	if (!way)
		goto out;
	if (!last || now - last > HZ)
		WRITE_ONCE(*sent, now ?: 1);
	yoke_count(sock_net(sk), SyncookiesSent);
	req.iss = yoke_cookie_syn(&rx->pair, yn->cookie_keys, s->seq, yoke_listen_cookie_count(),
				  &req.mss);
	yoke_request_send_by(&req, YOKE_SYN | YOKE_ACK, NULL, &route);
out:
	yoke_request_forget(&req);
	return way;
}

/*
 * Does @s, an ACK, bring back a cookie of ours? Then *@s is made into the SYN that the cookie
 * remembers, though with the ACK's timestamp and window.
 */
static bool yoke_listen_cookie_check(struct sock *sk, struct yoke_segment *s,
				     const struct yoke_rx *rx)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_cookie_options o = { 0 };

	if (!yoke_listen_sent_cookies(sk))
		return false;
	s->opt.mss = yoke_listen_cookie_mss(yn, s, rx);
	if (!s->opt.mss) {
		yoke_count(sock_net(sk), SyncookiesFailed);
		return false;
	}
	yoke_count(sock_net(sk), SyncookiesRecv);
	s->seq--;
	if (s->opt.has_ts)
		yoke_cookie_ts_options(s->opt.tsecr -
				       yoke_cookie_ts_offset(yoke_cookie_hash(&rx->pair, &yn->isn_key)),
				       &o);
	s->opt.has_wscale = o.has_wscale;
	s->opt.wscale = o.wscale;
	s->opt.sack_ok = o.sack_ok;
	s->flags &= ~(YOKE_ECE | YOKE_CWR);
	if (o.ecn_ok)
		s->flags |= YOKE_ECE | YOKE_CWR;
	s->wnd = min_t(u32, (u32)s->wnd << (o.has_wscale ? o.wscale : 0), U16_MAX);
	/* What we could not have offered was not in a cookie of ours. */
	return !(s->opt.has_ts && !READ_ONCE(yn->set.timestamps)) &&
	       !(o.has_wscale && !READ_ONCE(yn->set.window_scaling)) &&
	       !(o.sack_ok && !READ_ONCE(yn->set.sack));
}

/* An ACK that may open a connection which only a cookie knows of: true if so, and @skb consumed. */
static bool yoke_listen_cookie_rcv(struct sock *sk, struct sk_buff *skb, struct yoke_segment *s,
				   const struct yoke_rx *rx)
{
	struct yoke_request req = { .passing = true, .cookie = true };
	struct yoke_route route;

	if (s->flags & YOKE_SYN || !yoke_listen_cookie_check(sk, s, rx))
		return false;
	if (yoke_request_fill(&req, sk, skb, s, rx, &route)) {
		dst_release(route.dst);
		req.iss = s->ack - 1;
		yoke_listen_complete(sock_net(sk), &req, skb, rx->ecn);
	} else {
		yoke_drop(sock_net(sk), sk, skb, ListenDrops);
	}
	yoke_request_forget(&req);
	return true;
}

/* --- Fast Open: RFC 7413 §4.2.2 --- */

/* May a SYN with data do without a cookie, as the way back says? */
static bool yoke_listen_trusts(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s,
			       const struct yoke_rx *rx)
{
	struct yoke_route route;
	struct yoke_rx back;
	bool trusts;

	if (likely(!s->len && !s->opt.has_cookie) || !READ_ONCE(yoke_sk(sk)->listener->fastopen_max))
		return false;
	back = *rx;
	back.mark = inet_request_mark(sk, skb);
	if (yoke_output_route(&route, sock_net(sk), sk, &back))
		return false;
	trusts = dst_metric(route.dst, RTAX_FASTOPEN_NO_COOKIE);
	dst_release(route.dst);
	return trusts;
}

/*
 * The SYN opens the connection: a child in SYN-RECEIVED, which may be accepted, read from and written
 * to. False, and @skb is left, if that cannot be: then it is a SYN like others.
 */
static bool yoke_listen_fastopen(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s,
				 const struct yoke_rx *rx, struct yoke_opt *answer)
{
	struct yoke_request req = { .passing = true };
	struct sock *child = NULL;
	struct yoke_route route;

	if (yoke_request_fill(&req, sk, skb, s, rx, &route)) {
		dst_release(route.dst);
		child = yoke_listen_child(sk, &req, skb);
	}
	if (!child)
		goto fail;
	/* Before the table shows it to others. */
	bh_lock_sock_nested(child);
	if (!yoke_listen_enqueue(sk, &req, child, TCP_SYN_RECV)) {
		bh_unlock_sock(child);
		yoke_conn_destroy(child);
		goto fail;
	}
	yoke_fastopen_begin(child, sk);
	yoke_count(sock_net(sk), PassiveOpens);
	yoke_count(sock_net(sk), FastOpenPassive);

	yoke_input_take(child, skb, rx->ecn);
	yoke_conn_init_buffers(child);
	yoke_conn_keepalive(child);
	yoke_text_rcv_syn(child, skb, s);
	if (yoke_send_syn_ack(child, answer))
		yoke_conn_abort(child, ENOBUFS);
	bh_unlock_sock(child);
	sk->sk_data_ready(sk);
	yoke_request_forget(&req);
	return true;
fail:
	yoke_request_forget(&req);
	yoke_count(sock_net(sk), FastOpenPassiveFail);
	return false;
}

/* --- a segment for a request: §3.10.7.4 in SYN-RECEIVED --- */

bool yoke_listen_request_rcv(struct net *net, struct yoke_request *req, struct sk_buff *skb,
			     const struct yoke_rx *rx)
{
	enum yoke_mib_index why;
	u32 rcv_nxt = req->irs + 1;
	struct yoke_segment s;
	bool paws;

	yoke_ack_parse(skb, &s);
	/* 0 says nothing (as Linux): some begin elsewhere behind the SYN. */
	paws = req->use_ts && req->tsval && s.opt.has_ts &&
	       yoke_seq_before(s.opt.tsval, req->tsval);
	/* The SYN again: our answer was lost. */
	if ((s.flags & (YOKE_SYN | YOKE_ACK | YOKE_RST)) == YOKE_SYN && s.seq == req->irs &&
	    !paws) {
		if (yoke_ecn_conflict(req->ecn_mode, s.flags,
				      yoke_ecn_incoming(READ_ONCE(yoke_net(net)->set.ecn)))) {
			yoke_output_reset_for(net, skb, rx);
			yoke_request_drop(req);
			consume_skb(skb);
			return true;
		}
		req->rx.ecn = rx->ecn;
		req->ecn_again = true;
		req->ecn_bare |= req->ecn_mode == YOKE_ECN_ACCURATE && !(s.flags & YOKE_ACE);
		yoke_request_again(req);
		consume_skb(skb);
		return true;
	}
	/* First, the sequence number. */
	if (paws || s.seq - rcv_nxt >= max(req->rcv_wnd, 1)) {
		if (!(s.flags & YOKE_RST))
			yoke_request_challenge(req);
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
		yoke_request_challenge(req);
		why = s.flags & YOKE_RST ? YOKE_MIB_InvalidRst : YOKE_MIB_InvalidSyn;
		goto drop;
	}
	/* Fifth, the ACK: of our SYN, or of something never sent. */
	why = YOKE_MIB_InvalidFlags;
	if (!(s.flags & YOKE_ACK))
		goto drop;
	why = YOKE_MIB_InvalidAck;
	if (s.ack != req->iss + 1) {
		/* A cookie answered the first SYN, and another became this request before it was back. */
		if (yoke_listen_sent_cookies(req->listener) &&
		    yoke_listen_cookie_mss(yoke_net(net), &s, rx)) {
			yoke_request_drop(req);
			return false;
		}
		yoke_output_reset_for(net, skb, rx);
		goto drop;
	}
	why = YOKE_MIB_DeferAcceptDrop;
	if (s.end_seq == rcv_nxt && yoke_request_defer(req))
		goto drop;
	return yoke_listen_complete(net, req, skb, rx->ecn);
drop:
	yoke_trace_drop(net, req->listener, skb, why);
	return true;
}

/* --- a segment for the listener: §3.10.7.2 --- */

/*
 * May this SYN have a request? Else it is dropped, or *@cookie: it is answered with a cookie. A
 * TIME-WAIT that gives way vouches for its peer.
 */
static bool yoke_listen_admit(struct sock *sk, const struct yoke_rx *rx, bool *cookie)
{
	const struct yoke_listener *l = yoke_sk(sk)->listener;
	struct net *net = sock_net(sk);
	u8 cookies = READ_ONCE(yoke_net(net)->set.syncookies);
	int most = READ_ONCE(yoke_net(net)->set.max_syn_backlog);

	*cookie = false;
	if (!rx->isn && (cookies == 2 || yoke_listen_flooded(sk))) {
		yoke_listen_warn(sk, cookies);
		if (!cookies)
			return false;
		*cookie = true;
	}
	if (sk_acceptq_is_full(sk)) {
		yoke_count(net, ListenOverflows);
		return false;
	}
	/* As Linux: the last quarter is for peers that are known to live, and we know none. */
	return cookies || rx->isn || (int)READ_ONCE(l->len) <= most - most / 4;
}

void yoke_listen_rcv(struct sock *sk, struct sk_buff *skb, const struct yoke_rx *rx)
{
	struct net *net = sock_net(sk);
	struct yoke_request *req;
	struct yoke_route route;
	struct yoke_segment s;
	struct yoke_opt answer;
	bool cookie;

	yoke_ack_parse(skb, &s);
	/* First RST, second ACK, third SYN. */
	if (s.flags & YOKE_RST) {
		yoke_drop(net, sk, skb, InvalidRst);
		return;
	}
	/* Pairs with yoke_conn_set_state(): then its lists are there. */
	if (smp_load_acquire(&sk->sk_state) != TCP_LISTEN) {
		yoke_drop(net, sk, skb, Closed);
		return;
	}
	if (s.flags & YOKE_ACK) {
		if (yoke_listen_cookie_rcv(sk, skb, &s, rx))
			return;
		yoke_output_reset_for(net, skb, rx);
		yoke_drop(net, sk, skb, NoSocket);
		return;
	}
	/* A SYN that also ends the connection is no one's honest segment. */
	if ((s.flags & (YOKE_SYN | YOKE_FIN)) != YOKE_SYN) {
		yoke_drop(net, sk, skb, InvalidFlags);
		return;
	}
	if (!yoke_listen_admit(sk, rx, &cookie))
		goto full;
	if (cookie) {
		if (!yoke_listen_cookie_send(sk, skb, &s, rx))
			goto full;
		yoke_spare_back(skb);
		return;
	}
	if (yoke_fastopen_judge(sk, &rx->pair, yoke_listen_trusts(sk, skb, &s, rx), &s, &answer) &&
	    yoke_listen_fastopen(sk, skb, &s, rx, &answer))
		return;
	req = yoke_request_new(sk, skb, &s, rx, &route);
	if (!req)
		goto full;
	if (!yoke_request_add(req)) {
		/* Another CPU has the same SYN, or the listener closes. */
		dst_release(route.dst);
		yoke_drop(net, sk, skb, Closed);
		return;
	}
	yoke_request_send_by(req, YOKE_SYN | YOKE_ACK, &answer, &route);
	yoke_spare_back(skb);
	return;
full:
	yoke_drop(net, sk, skb, ListenDrops);
}

/* --- listen(2), accept(2), close(2) --- */

int yoke_listen_prepare(struct sock *sk)
{
	struct yoke_listener *l;

	if (yoke_sk(sk)->listener)
		return 0;
	l = kzalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return -ENOBUFS;
	spin_lock_init(&l->lock);
	INIT_LIST_HEAD(&l->requests);
	INIT_LIST_HEAD(&l->fastopen_traps);
	yoke_sk(sk)->listener = l;
	return 0;
}

/*
 * SO_REUSEPORT: the listeners of one pair are a group. The table has one of them, through which
 * yoke_rcv_segment() finds the others. Protects what groups there are, and who is in the table.
 */
static DEFINE_SPINLOCK(yoke_listen_groups);

static int yoke_listen_join(struct sock *sk, struct yoke_hash *hash)
{
	struct yoke_node *node = &yoke_sk(sk)->node;
	struct sock *head = NULL;
	int err;

	spin_lock_bh(&yoke_listen_groups);
	err = sk->sk_reuseport ? reuseport_alloc(sk, false) : 0;
	if (!err)
		err = yoke_hash_add(hash, node);
	if (err == -EEXIST && sk->sk_reuseport) {
		rcu_read_lock();
		node = yoke_hash_rival(hash, node);
		if (node && node->kind == YOKE_LISTENER)
			head = yoke_node_sk(node);
		/* That they may share the port has been asked before. */
		if (head && head->sk_reuseport && uid_eq(head->sk_uid, sk->sk_uid) &&
		    head->sk_bound_dev_if == sk->sk_bound_dev_if &&
		    ipv6_only_sock(head) == ipv6_only_sock(sk))
			err = reuseport_add_sock(sk, head, false);
		rcu_read_unlock();
	}
	spin_unlock_bh(&yoke_listen_groups);
	return err == -EEXIST ? -EADDRINUSE : err;
}

/* Another takes its place in the table, with no moment in between when a SYN finds nobody. */
static void yoke_listen_leave(struct sock *sk, struct yoke_hash *hash)
{
	struct yoke_node *node = &yoke_sk(sk)->node;
	struct sock_reuseport *group;
	int i;

	spin_lock_bh(&yoke_listen_groups);
	rcu_read_lock();
	group = rcu_dereference(sk->sk_reuseport_cb);
	for (i = 0; group && node->hashed && i < group->num_socks; i++)
		if (group->socks[i] != sk)
			yoke_hash_replace(hash, node, &yoke_sk(group->socks[i])->node);
	/* The last one: who listens from now on does not join it. */
	yoke_hash_del(hash, node);
	rcu_read_unlock();
	if (group)
		reuseport_detach_sock(sk);
	spin_unlock_bh(&yoke_listen_groups);
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

/* It is in no place any more: CLOSED, its requests vanish, its children are reset. */
static void yoke_listen_end(struct sock *sk)
{
	struct yoke_listener *l = yoke_sk(sk)->listener;
	struct yoke_fastopen_trap *trap, *next;
	struct yoke_request *req;
	struct sock *child;

	/*
	 * Nothing joins the lists, and no child our port, after this: both happen under the lock,
	 * in LISTEN only.
	 */
	spin_lock_bh(&l->lock);
	yoke_conn_set_state(sk, TCP_CLOSE);
	list_for_each_entry_safe(trap, next, &l->fastopen_traps, list) {
		list_del(&trap->list);
		kfree(trap);
		l->fastopen_len--;
	}
	spin_unlock_bh(&l->lock);
	yoke_port_unlisten(&yoke_sk(sk)->owner);
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
		cond_resched();
	}
	while ((child = yoke_listen_dequeue(sk))) {
		yoke_listen_reset(child);
		cond_resched();
	}
}

int yoke_listen_start(struct sock *sk)
{
	const int bits = YOKE_FASTOPEN_SERVER | YOKE_FASTOPEN_ALL_LISTENERS;
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_sock *ys = yoke_sk(sk);
	int err;

	err = yoke_listen_prepare(sk);
	if (err)
		return err;
	ys->listener->warned = 0;
	ys->listener->cookies_jiffies = 0;
	memset(&ys->node.pair.raddr, 0, sizeof(ys->node.pair.raddr));
	ys->node.pair.rport = 0;
	ys->node.pair.dev = sk->sk_bound_dev_if;
	ys->node.kind = YOKE_LISTENER;
	ys->node.v6only = ipv6_only_sock(sk);
	sk->sk_ack_backlog = 0;
	if ((READ_ONCE(yn->set.fastopen) & bits) == bits && !ys->listener->fastopen_max)
		yoke_fastopen_allow(sk, READ_ONCE(sk->sk_max_ack_backlog));
	/* Before the table shows it to others. */
	yoke_conn_set_state(sk, TCP_LISTEN);
	err = yoke_port_listen(&yn->ports[YOKE_STREAM_PORTS], &ys->owner) ?
	      yoke_listen_join(sk, &yn->stream) : -EADDRINUSE;
	/* Who had found it when it listened before may have joined its lists: to him it does again. */
	if (err)
		yoke_listen_end(sk);
	return err;
}

/* If another listens there already, it is in no place, and hears nothing. */
void yoke_listen_rebind(struct sock *sk)
{
	struct yoke_hash *hash = &yoke_net(sock_net(sk))->stream;
	struct yoke_pair *pair = &yoke_sk(sk)->node.pair;
	u32 sent, *last;

	if (sk->sk_state != TCP_LISTEN) {
		WRITE_ONCE(pair->dev, sk->sk_bound_dev_if);	/* in its place */
		return;
	}
	if (pair->dev == sk->sk_bound_dev_if)
		return;
	/* Who looks for a listener meanwhile looks again: it has not gone. */
	write_seqlock_bh(&hash->moves);
	rcu_read_lock();
	sent = READ_ONCE(*yoke_listen_cookies_sent(sk));
	yoke_listen_leave(sk, hash);
	WRITE_ONCE(pair->dev, sk->sk_bound_dev_if);
	if (yoke_listen_join(sk, hash))
		WRITE_ONCE(pair->dev, -1);	/* no device's: the same may be tried again */
	/* Its cookies come back to it, in whatever group it is now. */
	last = yoke_listen_cookies_sent(sk);
	if (sent && (!READ_ONCE(*last) || (s32)(sent - READ_ONCE(*last)) > 0))
		WRITE_ONCE(*last, sent);
	rcu_read_unlock();
	write_sequnlock_bh(&hash->moves);
}

void yoke_listen_stop(struct sock *sk)
{
	yoke_listen_leave(sk, &yoke_net(sock_net(sk))->stream);
	yoke_listen_end(sk);
}

struct sock *yoke_listen_dequeue(struct sock *sk)
{
	struct yoke_listener *l = yoke_sk(sk)->listener;
	struct sock *child;

	spin_lock_bh(&l->lock);
	child = hlist_entry_safe(l->queue.first, struct sock, sk_bind_node);
	if (child) {
		hlist_del_init(&child->sk_bind_node);
		sk_acceptq_removed(sk);
	}
	spin_unlock_bh(&l->lock);
	return child;
}
