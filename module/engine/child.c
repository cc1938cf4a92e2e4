// SPDX-License-Identifier: GPL-2.0
/*
 * A request becomes a socket: the child, what it has from the listener and from the handshake, and
 * the queue where it waits for accept(2).
 *
 * Owns: the accept queue of struct yoke_listener.
 * Softirq under RCU, no lock of the listener's but its lists'; yoke_child_dequeue() in process
 * context.
 * RFC 9293 §3.10.7.4 (SYN-RECEIVED becomes ESTABLISHED); RFC 6298 (5.7); RFC 7413 §4.2.2.
 */
#include <linux/filter.h>
#include "addr.h"
#include "child.h"
#include "fastopen.h"
#include "input.h"
#include "latch.h"
#include "metrics.h"
#include "mss.h"
#include "output.h"
#include "pace.h"
#include "send.h"
#include "text.h"
#include "window.h"
#include "../table/cc_table.h"
#include "../table/cgroup.h"
#include "../table/policy.h"

static void child_inherit_filter(struct sock *child, const struct sock *sk)
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
static void child_inherit(struct sock *child, const struct sock *sk)
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
	child->sk_clockid = sk->sk_clockid;
	child->sk_txrehash = READ_ONCE(sk->sk_txrehash);
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
	to->pingpong = from->pingpong;
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
	child_inherit_filter(child, sk);
	if (to->cc_chosen) {
		yoke_cc_table_put(to->cc.ops);
		to->cc.ops = yoke_cc_table_clone(sock_net(sk), READ_ONCE(from->cc.ops));
	}
}

/* The numbers of the handshake. */
static void child_numbers(struct sock *child, const struct yoke_request *req)
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
	ys->segs_in = 1;	/* the SYN */
	ys->sent.segs_again = data_race(req->again);
}

/* A socket for the request, which @skb completes, in no table yet. NULL without memory or route. */
static struct sock *child_new(struct sock *sk, const struct yoke_request *req,
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
	child_inherit(child, sk);
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
	child_numbers(child, req);
	if (ys->af->connect(child, &ys->node.pair))
		goto no_route;
	yoke_addr_name(child, &ys->node.pair);
	inet_sk(child)->inet_num = ntohs(ys->node.pair.lport);
	yoke_metrics_take(child);
	yoke_mss_sync(child, dst_mtu(__sk_dst_get(child)));
	/* What TCP_DEFER_ACCEPT waited for was not lost. */
	yoke_metrics_cc_init(child, req->rtt_us ? 0 : req->retries);
	/* Never retransmitted: the SYN-ACK's round trip counts (RFC 6298, Karn), where it is known. */
	if (req->rtt_us)
		yoke_rtt_sample(&ys->rtt, req->rtt_us, ys->snd_una, ys->snd_nxt, (u32)ys->now_us);
	else if (!req->retries && !req->ecn_again && !req->passing)
		/* It may just be sent again, later than now: that is no round trip of an hour. */
		yoke_rtt_sample(&ys->rtt, max_t(s32, (u32)ys->now_us - req->sent_us, 1),
				ys->snd_una, ys->snd_nxt, (u32)ys->now_us);
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
static bool child_enqueue(struct sock *sk, struct yoke_request *req, struct sock *child,
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

struct sock *yoke_child_dequeue(struct sock *sk)
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

/*
 * A child in @state, locked, has taken the place of @req, and @skb. NULL, and @skb is left, without
 * memory, a way back or room, or if the request is no more.
 */
static struct sock *child_open(struct sock *sk, struct yoke_request *req, struct sk_buff *skb,
			       u8 ecn, int state)
{
	struct sock *child = child_new(sk, req, skb);

	if (!child)
		return NULL;
	/* Before the table shows it to others. */
	bh_lock_sock_nested(child);
	if (!child_enqueue(sk, req, child, state)) {
		bh_unlock_sock(child);
		yoke_conn_destroy(child);
		return NULL;
	}
	yoke_count(sock_net(sk), PassiveOpens);
	yoke_input_take(child, skb, ecn);
	yoke_window_begin(child);
	yoke_conn_keepalive(child);
	return child;
}

/*
 * The SYN-ACK may have gone more than once: what is echoed says when the one did that came (Karn). Not
 * behind an ACK for which TCP_DEFER_ACCEPT had no use: that acknowledges nothing new (RFC 7323 §4.1).
 */
static void child_rtt(struct sock *child, const struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(child);
	u32 rtt_us = yoke_ack_echo_us(ys, s);

	if (ys->rtt.srtt_us || !rtt_us)
		return;
	yoke_rtt_sample(&ys->rtt, rtt_us, ys->snd_una, ys->snd_nxt, (u32)ys->now_us);
	yoke_pace_update(child);
}

bool yoke_child_complete(struct net *net, struct yoke_request *req, struct sk_buff *skb, u8 ecn)
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
	child = child_open(sk, req, skb, ecn, TCP_ESTABLISHED);
	if (!child) {
		if (!req->passing && list_empty_careful(&req->list))
			return false;
		goto drop;
	}
	yoke_ack_parse(skb, &s);
	if (!req->passing) {
		if (!req->acked)
			child_rtt(child, &s);
		yoke_request_release(req);
	}
	yoke_sk(child)->delivered = 1;		/* the SYN-ACK */
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

bool yoke_child_fastopen(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s,
			 const struct yoke_rx *rx, struct yoke_opt *answer)
{
	struct yoke_request req = { .passing = true };
	struct sock *child = NULL;
	struct yoke_route route;

	if (yoke_request_fill(&req, sk, skb, s, rx, &route)) {
		dst_release(route.dst);
		child = child_open(sk, &req, skb, rx->ecn, TCP_SYN_RECV);
	}
	yoke_request_forget(&req);
	if (!child) {
		yoke_count(sock_net(sk), FastOpenPassiveFail);
		return false;
	}
	yoke_fastopen_begin(child, sk);
	yoke_count(sock_net(sk), FastOpenPassive);

	yoke_text_rcv_syn(child, skb, s);
	if (yoke_send_syn_ack(child, answer))
		yoke_conn_abort(child, ENOBUFS);
	bh_unlock_sock(child);
	sk->sk_data_ready(sk);
	return true;
}
