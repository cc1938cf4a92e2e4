// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a stream socket: its birth, its state (RFC 9293 §3.3.2), its one timer, its end.
 *
 * Owns: sk_state, timers, and what is named for it in struct yoke_sock.
 * Runs under the socket lock, unless said otherwise; the last reference is dropped under
 * it too, which is safe because a socket is freed only after a grace period
 * (SOCK_RCU_FREE) and every caller either holds a reference or is under RCU.
 */
#include <net/inet_common.h>
#include <net/xfrm.h>
#include "addr.h"
#include "conn.h"
#include "../table/cc_table.h"
#include "../table/mem.h"

#define YOKE_FASTOPEN_TRAP	(60 * HZ)	/* Linux's */

#define BIT_OF(state)	(1 << TCP_##state)

/*
 * RFC 9293 figure 5, as selftests/states models it. Every state may fall to CLOSE: reset, timeout,
 * abort, or TIME-WAIT, which is a smaller object's state (timewait.c) and no socket's.
 */
static const u16 transitions[TCP_MAX_STATES] = {
	[TCP_CLOSE]	  = BIT_OF(LISTEN) | BIT_OF(SYN_SENT) | BIT_OF(SYN_RECV) |
			    BIT_OF(ESTABLISHED),
	[TCP_LISTEN]	  = BIT_OF(CLOSE),
	[TCP_SYN_SENT]	  = BIT_OF(SYN_RECV) | BIT_OF(ESTABLISHED),
	[TCP_SYN_RECV]	  = BIT_OF(ESTABLISHED) | BIT_OF(FIN_WAIT1),
	[TCP_ESTABLISHED] = BIT_OF(FIN_WAIT1) | BIT_OF(CLOSE_WAIT),
	[TCP_FIN_WAIT1]	  = BIT_OF(FIN_WAIT2) | BIT_OF(CLOSING),
	[TCP_CLOSE_WAIT]  = BIT_OF(LAST_ACK),
};

#define YOKE_COUNTED	(TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)	/* CurrEstab's (RFC 4022) */

/* Out of the table, and off a port that only the connection chose. */
static void conn_unhash(struct sock *sk)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_sock *ys = yoke_sk(sk);

	yoke_hash_del(&yn->stream, &ys->node);
	if (!(sk->sk_userlocks & SOCK_BINDPORT_LOCK)) {
		yoke_port_leave(&yn->ports[YOKE_STREAM_PORTS], &ys->owner);
		ys->inet.inet_num = 0;
	}
}

/*
 * A Fast Open request of the listener is over. One that a reset ended counts for a minute more: who
 * sends SYNs from others' addresses has them answered so (RFC 7413 §5.1).
 */
void yoke_conn_fastopen_end(struct sock *sk, bool reset)
{
	struct yoke_fastopen_trap *trap = NULL;
	struct yoke_sock *ys = yoke_sk(sk);
	struct sock *parent = ys->parent;
	struct yoke_listener *l = yoke_sk(parent)->listener;

	ys->fastopen = false;
	ys->parent = NULL;
	if (reset)
		trap = kmalloc(sizeof(*trap), GFP_ATOMIC | __GFP_NOWARN);
	spin_lock_bh(&l->lock);
	if (trap && parent->sk_state == TCP_LISTEN) {
		trap->expires = jiffies + YOKE_FASTOPEN_TRAP;
		list_add_tail(&trap->list, &l->fastopen_traps);
		trap = NULL;
	} else {
		l->fastopen_len--;
	}
	spin_unlock_bh(&l->lock);
	kfree(trap);
	sock_put(parent);
}

void yoke_conn_set_state(struct sock *sk, int state)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	struct net *net = sock_net(sk);
	int old = sk->sk_state;

	if (state == old)
		return;
	WARN_ONCE(state != TCP_CLOSE && !(transitions[old] & (1 << state)),
		  "yoke: no way from state %d to %d\n", old, state);

	if (((1 << state) & YOKE_COUNTED) && !((1 << old) & YOKE_COUNTED))
		yoke_count(net, CurrEstab);
	else if (!((1 << state) & YOKE_COUNTED) && ((1 << old) & YOKE_COUNTED))
		yoke_count_add(net, CurrEstab, -1);

	/* A program that closes has not ended the handshake. */
	if (ys->fastopen && state != TCP_FIN_WAIT1)
		yoke_conn_fastopen_end(sk, false);
	if (state == TCP_CLOSE) {
		if (old == TCP_SYN_SENT || old == TCP_SYN_RECV)
			yoke_count(net, AttemptFails);
		else if (old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT)
			yoke_count(net, EstabResets);
		conn_unhash(sk);
	}
	trace_yoke_state(&ys->node.pair, old, state);
	/* Those who look without the lock (poll, listen's children) find all that came before. */
	smp_store_release(&sk->sk_state, state);
}

/* sk_write_space: there may be room again (the core's sk_stream_write_space() is not exported). */
static void conn_wake_writer(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	struct socket_wq *wq;

	if (!sock || !__sk_stream_is_writeable(sk, 1))
		return;
	clear_bit(SOCK_NOSPACE, &sock->flags);
	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	if (wq && wq->fasync_list && !(sk->sk_shutdown & SEND_SHUTDOWN))
		sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}

/* The last reference is gone, and a grace period over. */
static void conn_destruct(struct sock *sk)
{
	kfree(yoke_sk(sk)->pace);
	kfree(yoke_sk(sk)->compress);
	kfree(yoke_sk(sk)->saved_syn);
	kfree_sensitive(yoke_sk(sk)->listener);
	yoke_addr_destruct(sk);
}

static void conn_init_recovery(struct sock *sk)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;

	yoke_recovery_init(&yoke_sk(sk)->rec, READ_ONCE(set->reordering),
			   READ_ONCE(set->max_reordering), READ_ONCE(set->recovery));
}

void yoke_conn_init(struct sock *sk)
{
	struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	struct yoke_sock *ys = yoke_sk(sk);

	skb_queue_head_init(&ys->rtx);
	ys->ooo = RB_ROOT;
	ys->owner.sk = sk;
	ys->owner.pair = &ys->node.pair;
	ys->node.kind = YOKE_CONN;
	yoke_rtt_init(&ys->rtt);
	yoke_rtt_bound(&ys->rtt, YOKE_RTO_MIN_US, READ_ONCE(set->rto_max_ms) * USEC_PER_MSEC);
	conn_init_recovery(sk);
	ys->cc.ops = yoke_cc_table_default(sock_net(sk));
	ys->mss_clamp = U16_MAX;
	ys->window_clamp = U32_MAX;
	ys->pmtu = U16_MAX;
	ys->waits_for = YOKE_WAIT_MAX;

	sk->sk_sndbuf = READ_ONCE(set->wmem[1]);
	sk->sk_rcvbuf = READ_ONCE(set->rmem[1]);
	sk->sk_destruct = conn_destruct;
	sk->sk_write_space = conn_wake_writer;
	sock_set_flag(sk, SOCK_USE_WRITE_QUEUE);
	sock_set_flag(sk, SOCK_RCU_FREE);
	sk_sockets_allocated_inc(sk);
}

void yoke_conn_keepalive(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (sock_flag(sk, SOCK_KEEPOPEN) &&
	    !yoke_conn_in(sk, TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT))
		yoke_conn_timer_arm(sk, YOKE_TIMER_KEEP,
				    ys->keep_time * HZ ?:
				    READ_ONCE(yoke_net(sock_net(sk))->set.keepalive_time));
}

/*
 * Not sk_reset_timer(), which takes its reference only afterwards: where the program owns the socket
 * the timer does not wait for us, and might drop the last one before.
 */
void yoke_conn_timer_set(struct sock *sk, unsigned long at)
{
	yoke_sk(sk)->timer_next = at;
	sock_hold(sk);
	if (mod_timer(&sk->sk_timer, at))
		__sock_put(sk);		/* it was pending, and had one */
}

void yoke_conn_timer_arm(struct sock *sk, enum yoke_timer which, unsigned long delay)
{
	struct yoke_sock *ys = yoke_sk(sk);
	unsigned long at = jiffies + max(delay, 1UL);

	if (sk->sk_state == TCP_CLOSE)
		return;
	ys->at[which] = at;
	ys->timers |= BIT(which);
	/*
	 * A timer that fires too early finds nothing due and goes to sleep again: cheaper than
	 * moving it for each packet.
	 */
	if (!timer_pending(&sk->sk_timer) || time_before(at, ys->timer_next))
		yoke_conn_timer_set(sk, at);
}

void yoke_conn_timer_cancel(struct sock *sk, enum yoke_timer which)
{
	yoke_sk(sk)->timers &= ~BIT(which);
}

void yoke_conn_timers_stop(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	ys->timers = 0;
	sk_stop_timer(sk, &sk->sk_timer);
	if (ys->pace && hrtimer_try_to_cancel(&ys->pace->timer) == 1)
		__sock_put(sk);
	if (ys->compress && hrtimer_try_to_cancel(&ys->compress->timer) == 1)
		__sock_put(sk);
}

/* Drops what is to be sent, and sent again. */
static void conn_purge_tx(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&ys->rtx) ?: __skb_dequeue(&sk->sk_write_queue)))
		yoke_mem_free_tx(sk, skb);
	memset(ys->sack_hint, 0, sizeof(ys->sack_hint));
	/* What was learnt of the path may still be asked for (TCP_INFO). */
	yoke_scoreboard_init(&ys->rec.board);
}

void yoke_conn_purge(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct rb_node *p;

	conn_purge_tx(sk);
	while ((p = rb_first(&ys->ooo))) {
		rb_erase(p, &ys->ooo);
		consume_skb(rb_to_skb(p));
	}
	ys->ooo_last = NULL;
	__skb_queue_purge(&sk->sk_receive_queue);
}

void yoke_conn_renew(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	yoke_conn_timers_stop(sk);
	yoke_conn_purge(sk);
	WRITE_ONCE(sk->sk_err_soft, 0);
	if (ys->pace)
		ys->pace->next_ns = 0;
	yoke_rtt_renew(&ys->rtt);
	conn_init_recovery(sk);
	yoke_cc_init(&ys->cc, ys->cc.ops, ys->mss, 0, 0);
	/* Nothing has left, nor waits to. */
	ys->iss = ys->write_seq - 1;
	ys->snd_una = ys->write_seq;
	WRITE_ONCE(ys->snd_nxt, ys->write_seq);
	ys->mss_clamp = U16_MAX;
	ys->snd_wnd = 0;
	ys->max_window = 0;
	ys->ts_recent = 0;
	ys->ts_recent_s = 0;
	ys->retrans_ts = 0;
	ys->use_ts = false;
	ys->use_sack = false;
	ys->use_wscale = false;
	ys->ack_due = false;
	ys->ack_now = false;
	ys->fin_received = false;
	ys->fin_queued = false;
	ys->dsack = false;
	ys->probe_tail = false;
	ys->fastopen_asked = false;
	ys->fastopen_again = false;
	ys->syn_deferred = false;
	ys->syn_data = false;
	ys->urgent_out = false;
	ys->urgent = 0;
	ys->nsacks = 0;
	ys->held_acks = 0;
	ys->collapse_wait = 0;
	yoke_ecn_start(&ys->ecn, YOKE_ECN_OFF);
	ys->quickack = 0;
	ys->pingpong = false;
	ys->probes_out = 0;
	ys->retransmits = 0;
	ys->keep_probes_out = 0;
	ys->challenge_jiffies = 0;
	ys->waits_for = YOKE_WAIT_MAX;
	memset(&ys->got, 0, sizeof(ys->got));
	memset(&ys->sent, 0, sizeof(ys->sent));
	memset(&ys->rto, 0, sizeof(ys->rto));
	memset(&ys->wait, 0, sizeof(ys->wait));
	atomic_set(&sk->sk_tskey, 0);
	ys->bytes_acked = 0;
	ys->delivered = 0;
	ys->bytes_received = 0;
	ys->segs_in = 0;
	ys->segs_out = 0;
	memset(ys->seen, 0, sizeof(ys->seen));
	memset(&ys->pmtud, 0, sizeof(ys->pmtud));
	memset(&ys->tune, 0, sizeof(ys->tune));
	if (ys->route_clamp)
		ys->window_clamp = U32_MAX;
	ys->route_clamp = false;
	kfree(ys->saved_syn);
	ys->saved_syn = NULL;
	WRITE_ONCE(ys->copied_seq, ys->rcv_nxt);
	WRITE_ONCE(sk->sk_shutdown, 0);
	sock_reset_flag(sk, SOCK_DONE);
}

void yoke_conn_done(struct sock *sk)
{
	yoke_conn_set_state(sk, TCP_CLOSE);
	yoke_conn_timers_stop(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (sock_flag(sk, SOCK_DEAD))
		yoke_conn_destroy(sk);
	else
		sk->sk_state_change(sk);
}

void yoke_conn_abort(struct sock *sk, int err)
{
	bool dead = sock_flag(sk, SOCK_DEAD);

	WRITE_ONCE(sk->sk_err, err);
	smp_wmb();	/* pairs with poll's: who sees that it is over sees why */
	conn_purge_tx(sk);
	yoke_conn_note_wait(sk);
	yoke_conn_done(sk);
	/* Only now: whom it wakes finds what the error led to, too. */
	if (!dead)
		sk_error_report(sk);
}

void yoke_conn_destroy(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	/*
	 * The error queue is emptied below, and takes nothing more (sock_queue_err_skb()): a copy of what
	 * is stamped later has a route and a conntrack of the namespace, which does not wait for us.
	 */
	WRITE_ONCE(sk->sk_rcvbuf, 0);
	yoke_conn_timers_stop(sk);
	sk->sk_userlocks &= ~SOCK_BINDPORT_LOCK;
	conn_unhash(sk);
	yoke_conn_purge(sk);
	yoke_cc_table_put(ys->cc.ops);
	ys->cc.ops = &yoke_cc_reno;
	sk_stream_kill_queues(sk);
	xfrm_sk_free_policy(sk);
	/* IPv6's routes are the namespace's, which does not wait for what is still in some device's queue. */
	sk_dst_reset(sk);
	sk_sockets_allocated_dec(sk);
	if (sock_flag(sk, SOCK_DEAD))
		yoke_mem_orphan(-1);
	else	/* a child that no program has seen: inet_sock_destruct() wants to know */
		sock_set_flag(sk, SOCK_DEAD);
	sock_put(sk);
}

void yoke_conn_orphan(struct sock *sk)
{
	sock_orphan(sk);
	yoke_mem_orphan(1);
	/*
	 * The namespace may die now; it takes us with it (module/sock/main.c). Flow labels go with the
	 * memory only, and are looked for in their namespace after that: it has to wait for these.
	 */
	if (likely(!yoke_sk(sk)->has_labels))
		yoke_compat_release_net(sk);
}

bool yoke_conn_readable(const struct sock *sk, int target)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	s32 avail = READ_ONCE(ys->rcv_nxt) - READ_ONCE(ys->copied_seq);

	if (avail <= 0)
		return false;
	if (avail >= target || READ_ONCE(yoke_mem_pressure) ||
	    sk_rmem_alloc_get(sk) > READ_ONCE(sk->sk_rcvbuf))
		return true;
	/* A window that moves meanwhile is looked at again when what moves it has arrived, or was read. */
	return data_race(yoke_conn_rcv_window(ys) <= ys->rcv_mss);
}

/* Is there no room for the next segment in the peer's window, though there is in ours? */
static bool conn_window_full(const struct sock *sk)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	const struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
	u32 len;

	if (!skb)
		return false;
	len = min_t(u32, skb->len, ys->mss);
	return (s32)(yoke_conn_snd_end(ys) - yoke_cb(skb)->seg.seq) < (s32)len &&
	       yoke_recovery_room(&ys->rec, &ys->cc) >= len;
}

void yoke_conn_note_wait(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	enum yoke_wait wait = YOKE_WAIT_PATH;

	if (skb_queue_empty(&sk->sk_write_queue) && skb_queue_empty(&ys->rtx))
		wait = YOKE_WAIT_MAX;
	else if (conn_window_full(sk))
		wait = YOKE_WAIT_WINDOW;
	else if (skb_queue_empty(&sk->sk_write_queue) && sk->sk_socket &&
		 test_bit(SOCK_NOSPACE, &sk->sk_socket->flags) && !yoke_cc_may_grow(&ys->cc))
		wait = YOKE_WAIT_BUFFER;
	if (likely(wait == ys->waits_for))
		return;
	if (ys->waits_for != YOKE_WAIT_MAX)
		ys->wait.spent[ys->waits_for] += (u32)jiffies - ys->wait.since;
	ys->wait.since = (u32)jiffies;
	ys->waits_for = wait;
}

void yoke_conn_write_space(struct sock *sk)
{
	/* The room is there before this asks who waits; who waits says so before it looks for room (poll). */
	smp_mb();
	if (sk->sk_socket && test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		sk->sk_write_space(sk);
}

void yoke_conn_timer_tlp(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	unsigned long pto = 0;
	long rto = ys->at[YOKE_TIMER_RTX] - jiffies;

	if (yoke_conn_timer_armed(ys, YOKE_TIMER_REO) && !ys->probe_tail)
		return;
	/* While Fast Open's SYN-ACK is out, that is what goes again. */
	if (READ_ONCE(yoke_net(sock_net(sk))->set.early_retrans) >= 3 && likely(ys->snd_una != ys->iss))
		pto = usecs_to_jiffies(yoke_recovery_pto(&ys->rec, &ys->rtt, ys->mss, ys->use_sack));
	if (pto)
		pto += usecs_to_jiffies(yoke_conn_pace_delay(ys));
	/* Never later than the timeout, in whose place it goes then (RFC 8985 §7.2). */
	ys->probe_tail = pto && rto > 0;
	if (ys->probe_tail)
		yoke_conn_timer_arm(sk, YOKE_TIMER_REO, min_t(unsigned long, pto, rto));
	else
		yoke_conn_timer_cancel(sk, YOKE_TIMER_REO);
}

/* The retransmission timeout, or what is left of the user timeout while nothing is answered. */
static unsigned long conn_timeout(const struct yoke_sock *ys)
{
	unsigned long rto = usecs_to_jiffies(yoke_rtt_rto(&ys->rtt) + yoke_conn_pace_delay(ys));
	s32 left;

	if (!ys->user_timeout || !ys->retrans_ts ||
	    (!ys->retransmits && !ys->probes_out && ys->snd_wnd))
		return rto;
	left = ys->user_timeout - (yoke_conn_tsval(ys) - ys->retrans_ts);
	return min(rto, msecs_to_jiffies(max(left, 0)));
}

void yoke_conn_timer_rtx(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	unsigned long timeout = conn_timeout(ys);

	if (!skb_queue_empty(&ys->rtx)) {
		yoke_conn_timer_arm(sk, YOKE_TIMER_RTX, timeout);
		yoke_conn_timer_tlp(sk);
		return;
	}
	if (ys->probe_tail)
		yoke_conn_timer_cancel(sk, YOKE_TIMER_REO);
	ys->probe_tail = false;
	if (!skb_queue_empty(&sk->sk_write_queue))
		yoke_conn_timer_arm(sk, YOKE_TIMER_RTX, timeout);
	else if (!yoke_conn_owes_fin(sk))	/* or it runs, and is not to be put off */
		yoke_conn_timer_cancel(sk, YOKE_TIMER_RTX);
}
