// SPDX-License-Identifier: GPL-2.0
/*
 * The passive open: a SYN becomes a request, is answered with a cookie, or opens at once, and the
 * handshake's last ACK turns request or cookie into a child; listen(2) and its end.
 *
 * Owns: struct yoke_listener, but for its requests, its accept queue and Fast Open's part. A
 * listener is never locked for a segment: its lists have a spinlock.
 * Softirq under RCU; yoke_listen_start() and _stop() in process context.
 * RFC 9293 §3.10.7.2 (LISTEN), §3.10.7.4 for SYN-RECEIVED, MUST-11; RFC 5961; RFC 4987 §3.6 (SYN
 * cookies).
 */
#include <net/sock_reuseport.h>
#include "child.h"
#include "fastopen.h"
#include "listen.h"
#include "output.h"
#include "../algo/cookie.h"

/* --- SYN cookies, for a listener with too many requests: RFC 4987 §3.6 --- */

/* Counts minutes since the machine began. */
static u32 listen_cookie_count(void)
{
	return (u32)ktime_get_seconds() / YOKE_COOKIE_SECONDS;
}

/*
 * When cookies were sent last: of SO_REUSEPORT the group's, as who comes or goes makes others answer
 * for what one has sent. RCU.
 */
static u32 *listen_cookies_sent(const struct sock *sk)
{
	struct sock_reuseport *group = rcu_dereference(sk->sk_reuseport_cb);

	return group ? &group->synq_overflow_ts : &yoke_sk(sk)->listener->cookies_jiffies;
}

/* Whoever sends no cookies need not let others try to guess one. */
static bool listen_sent_cookies(const struct sock *sk)
{
	u32 last = READ_ONCE(*listen_cookies_sent(sk));

	return READ_ONCE(yoke_net(sock_net(sk))->set.syncookies) && last &&
	       (u32)jiffies - last <= YOKE_COOKIE_AGE * YOKE_COOKIE_SECONDS * HZ;
}

/* The MSS in the cookie that @s, an ACK, brings back; 0 if it is none of ours. */
static u16 listen_cookie_mss(const struct yoke_net *yn, const struct yoke_segment *s,
			     const struct yoke_rx *rx)
{
	return yoke_cookie_syn_mss(&rx->pair, yn->cookie_keys, s->seq - 1,
				   listen_cookie_count(), s->ack - 1);
}

/* More requests than the program said it would wait for. */
static bool listen_flooded(const struct sock *sk)
{
	return READ_ONCE(yoke_sk(sk)->listener->len) > READ_ONCE(sk->sk_max_ack_backlog);
}

/* Says so once a listener, and counts. */
static void listen_warn(struct sock *sk, u8 cookies)
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
static bool listen_cookie_send(struct sock *sk, struct sk_buff *skb,
			       const struct yoke_segment *s, const struct yoke_rx *rx)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_request req = { .passing = true, .cookie = true };
	struct yoke_route route;
	u32 *sent = listen_cookies_sent(sk);
	u32 now = (u32)jiffies, last = READ_ONCE(*sent);
	bool way = yoke_request_fill(&req, sk, skb, s, rx, &route);

	if (!way)
		goto out;
	if (!last || now - last > HZ)
		WRITE_ONCE(*sent, now ?: 1);
	yoke_count(sock_net(sk), SyncookiesSent);
	req.iss = yoke_cookie_syn(&rx->pair, yn->cookie_keys, s->seq, listen_cookie_count(),
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
static bool listen_cookie_check(struct sock *sk, struct yoke_segment *s,
				const struct yoke_rx *rx)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_cookie_options o = { 0 };

	if (!listen_sent_cookies(sk))
		return false;
	s->opt.mss = listen_cookie_mss(yn, s, rx);
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
static bool listen_cookie_rcv(struct sock *sk, struct sk_buff *skb, struct yoke_segment *s,
			      const struct yoke_rx *rx)
{
	struct yoke_request req = { .passing = true, .cookie = true };
	struct yoke_route route;

	if (s->flags & YOKE_SYN || !listen_cookie_check(sk, s, rx))
		return false;
	if (yoke_request_fill(&req, sk, skb, s, rx, &route)) {
		dst_release(route.dst);
		req.iss = s->ack - 1;
		yoke_child_complete(sock_net(sk), &req, skb, rx->ecn);
	} else {
		yoke_drop(sock_net(sk), sk, skb, ListenDrops);
	}
	yoke_request_forget(&req);
	return true;
}

/* --- a segment for a request: §3.10.7.4 in SYN-RECEIVED --- */

/*
 * @s is the SYN of @req again: our answer was lost. One that asks for another kind of ECN is refused
 * (RFC 9768 §3.1.5).
 */
static void listen_syn_again(struct net *net, struct yoke_request *req, struct sk_buff *skb,
			     const struct yoke_segment *s, const struct yoke_rx *rx)
{
	if (yoke_ecn_conflict(req->ecn_mode, s->flags,
			      yoke_ecn_incoming(READ_ONCE(yoke_net(net)->set.ecn)))) {
		yoke_output_reset_for(net, skb, rx);
		yoke_request_drop(req);
		return;
	}
	req->rx.ecn = rx->ecn;
	req->ecn_again = true;
	req->ecn_bare |= req->ecn_mode == YOKE_ECN_ACCURATE && !(s->flags & YOKE_ACE);
	yoke_request_again(req);
}

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
	/* The SYN again, before the other checks: its number is outside the window. */
	if ((s.flags & (YOKE_SYN | YOKE_ACK | YOKE_RST)) == YOKE_SYN && s.seq == req->irs &&
	    !paws) {
		listen_syn_again(net, req, skb, &s, rx);
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
		if (listen_sent_cookies(req->listener) &&
		    listen_cookie_mss(yoke_net(net), &s, rx)) {
			yoke_request_drop(req);
			return false;
		}
		yoke_output_reset_for(net, skb, rx);
		goto drop;
	}
	why = YOKE_MIB_DeferAcceptDrop;
	if (s.end_seq == rcv_nxt && yoke_request_defer(req))
		goto drop;
	return yoke_child_complete(net, req, skb, rx->ecn);
drop:
	yoke_trace_drop(net, req->listener, skb, why);
	return true;
}

/* --- a segment for the listener: §3.10.7.2 --- */

/*
 * May this SYN have a request? Else it is dropped, or *@cookie: it is answered with a cookie. A
 * TIME-WAIT that gives way vouches for its peer.
 */
static bool listen_admit(struct sock *sk, const struct yoke_rx *rx, bool *cookie)
{
	const struct yoke_listener *l = yoke_sk(sk)->listener;
	struct net *net = sock_net(sk);
	u8 cookies = READ_ONCE(yoke_net(net)->set.syncookies);
	int most = READ_ONCE(yoke_net(net)->set.max_syn_backlog);

	*cookie = false;
	if (!rx->isn && (cookies == 2 || listen_flooded(sk))) {
		listen_warn(sk, cookies);
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

/* May a SYN with data do without a cookie, as the way back says? */
static bool listen_trusts(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s,
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
		if (listen_cookie_rcv(sk, skb, &s, rx))
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
	if (!listen_admit(sk, rx, &cookie))
		goto full;
	if (cookie) {
		if (!listen_cookie_send(sk, skb, &s, rx))
			goto full;
		yoke_spare_back(skb);
		return;
	}
	if (yoke_fastopen_judge(sk, &rx->pair, listen_trusts(sk, skb, &s, rx), &s, &answer) &&
	    yoke_child_fastopen(sk, skb, &s, rx, &answer))
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

/* --- listen(2), close(2) --- */

int yoke_listen_prepare(struct sock *sk)
{
	struct yoke_listener *l;

	if (yoke_sk(sk)->listener)
		return 0;
	l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);
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

static int listen_join(struct sock *sk, struct yoke_hash *hash)
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
static void listen_leave(struct sock *sk, struct yoke_hash *hash)
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
static void listen_reset(struct sock *child)
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
static void listen_end(struct sock *sk)
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
	while ((child = yoke_child_dequeue(sk))) {
		listen_reset(child);
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
	ys->pingpong = false;		/* TCP_QUICKACK 0 is its children's, if said of a listener */
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
	      listen_join(sk, &yn->stream) : -EADDRINUSE;
	/* Who had found it when it listened before may have joined its lists: to him it does again. */
	if (err)
		listen_end(sk);
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
	sent = READ_ONCE(*listen_cookies_sent(sk));
	listen_leave(sk, hash);
	WRITE_ONCE(pair->dev, sk->sk_bound_dev_if);
	if (listen_join(sk, hash))
		WRITE_ONCE(pair->dev, -1);	/* no device's: the same may be tried again */
	/* Its cookies come back to it, in whatever group it is now. */
	last = listen_cookies_sent(sk);
	if (sent && (!READ_ONCE(*last) || (s32)(sent - READ_ONCE(*last)) > 0))
		WRITE_ONCE(*last, sent);
	rcu_read_unlock();
	write_sequnlock_bh(&hash->moves);
}

void yoke_listen_stop(struct sock *sk)
{
	listen_leave(sk, &yoke_net(sock_net(sk))->stream);
	listen_end(sk);
}
