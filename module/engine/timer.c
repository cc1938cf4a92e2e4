// SPDX-License-Identifier: GPL-2.0
/*
 * A connection's timer fires: retransmission and zero-window probes, tail loss probes, delayed
 * ACKs, keep-alive.
 *
 * Owns: retransmits, probes_out, keep_probes_out. In softirq with the socket
 * lock; if a program holds it, it does the work when it lets go (release_cb).
 * RFC 9293 §3.8.1, §3.8.3 (R1, R2), §3.8.4, §3.8.6.1; RFC 6298 §5; RFC 8985
 * §6.2 step 5, §7.3; RFC 5482; RFC 6069 (backoff and lost ways).
 */
#include <net/tcp.h>
#include "ack.h"
#include "compress.h"
#include "fastopen.h"
#include "mss.h"
#include "output.h"
#include "pace.h"
#include "send.h"
#include "timer.h"
#include "../table/mem.h"

#define YOKE_MSL_US	(60 * USEC_PER_SEC)	/* as long as TIME-WAIT */

/* Gives up: the program is told of the softer error that came before, if there was one. */
static void timer_give_up(struct sock *sk)
{
	yoke_count(sock_net(sk), AbortOnTimeout);
	yoke_conn_abort(sk, READ_ONCE(sk->sk_err_soft) ?: ETIMEDOUT);
}

/*
 * How often an orphan tries, as Linux: not at all after an ICMP error, when the timeout has grown to
 * its limit.
 */
static int timer_orphan_retries(const struct sock *sk, bool alive)
{
	int retries = READ_ONCE(yoke_net(sock_net(sk))->set.orphan_retries);

	if (READ_ONCE(sk->sk_err_soft) && !alive)
		return 0;
	return retries ?: alive ? 8 : 0;
}

static bool timer_alive(const struct sock *sk)
{
	return yoke_rtt_rto(&yoke_sk(sk)->rtt) < yoke_sk(sk)->rtt.rto_max_us;
}

/*
 * An orphan is due to send again. If there are too many orphans, it ends: sooner if it has been
 * silent for long, or an ICMP error was about it. @reset: the peer is told; it is anyway if it may
 * still be waiting for us.
 */
static bool timer_orphan_is_too_dear(struct sock *sk, bool reset)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u64 idle = ys->now_us - ys->last_sent_us;
	int shift = (idle > 2 * ys->rtt.rto_max_us || !reset) + !!READ_ONCE(sk->sk_err_soft);

	if (!yoke_mem_is_scarce(sk, shift))
		return false;
	if (reset || idle <= YOKE_MSL_US || (!ys->snd_wnd && skb_queue_empty(&ys->rtx)))
		yoke_output_reset(sk);
	yoke_count(sock_net(sk), AbortOnMemory);
	yoke_conn_done(sk);
	return true;
}

/* Has as much time passed since the first as @tries take, each twice as long as the one before? */
static bool timer_lasted(const struct yoke_sock *ys, int tries)
{
	u64 us = 0;

	for (; tries > 0; tries--)
		us += min_t(u64, (u64)YOKE_RTO_MIN_US << min(tries, 16), ys->rtt.rto_max_us);
	return yoke_conn_tsval(ys) - ys->retrans_ts >= div_u64(us, USEC_PER_MSEC);
}

/*
 * Is TCP_USER_TIMEOUT over? That the peer answers, with a window that is shut, is no progress: the
 * time runs for data that waits for a window, too.
 */
static bool timer_user_timeout(const struct yoke_sock *ys, u8 tries)
{
	return ys->user_timeout && (tries || !ys->snd_wnd) && ys->retrans_ts &&
	       yoke_conn_tsval(ys) - ys->retrans_ts >= ys->user_timeout;
}

/* R2 in tries: so many without an answer are enough. */
static int timer_limit(const struct sock *sk)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	const struct yoke_sock *ys = yoke_sk(sk);

	if (ys->fastopen)
		/* No further than tries are counted. */
		return ys->syn_retries ?: min_t(int, READ_ONCE(set->synack_retries) + 1, U8_MAX);
	if (yoke_conn_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV))
		return ys->syn_retries ?: READ_ONCE(set->syn_retries);
	if (ys->user_timeout)
		return INT_MAX;		/* that alone decides */
	if (sock_flag(sk, SOCK_DEAD))
		return timer_orphan_retries(sk, timer_alive(sk));
	return READ_ONCE(set->retries2);
}

/* Has the peer been silent for too long? */
static bool timer_hopeless(const struct sock *sk, u8 tries)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	int limit;

	if (timer_user_timeout(ys, tries))
		return true;
	/* What was not even tried twice is not hopeless, as Linux, though the setting be 0. */
	limit = max(timer_limit(sk), 1);
	if (tries < limit)
		return false;
	/*
	 * R2 is a time (RFC 9293 §3.8.3): tries that came soon after each other, without a way or by a
	 * shorter timeout than is usual, are not enough before that has passed.
	 */
	return (tries <= ys->rtt.backoff && ys->rtt.rto_us >= YOKE_RTO_MIN_US) ||
	       timer_lasted(ys, limit);
}

/* The receiver has thrown away what it SACKed (RFC 2018 §8): it is to be sent again. */
static void timer_renege(struct yoke_sock *ys)
{
	struct sk_buff *skb = skb_peek(&ys->rtx);

	if (yoke_cb(skb)->seg.state != YOKE_SEG_SACKED)
		return;
	skb_queue_walk(&ys->rtx, skb)
		if (yoke_cb(skb)->seg.state == YOKE_SEG_SACKED)
			yoke_recovery_unsacked(&ys->rec, &yoke_cb(skb)->seg);
	memset(ys->seen, 0, sizeof(ys->seen));
}

/* Is the third timeout in a row, or the last, one of a connection that began with Fast Open? */
static void timer_suspect_path(struct sock *sk, bool hopeless)
{
	const struct yoke_sock *ys = yoke_sk(sk);

	if (likely(!ys->fastopen_asked && !ys->syn_data) || ys->fastopen)
		return;
	if (ys->retransmits == 2 || (ys->retransmits < 2 && hopeless))
		yoke_fastopen_pause(sk);
}

/*
 * TCP_THIN_LINEAR_TIMEOUTS, or net.yoke.thin_linear_timeouts: a stream of a few small segments, which
 * are too few to tell of a loss, does not back off at once. Probes of a window do (RFC 9293 §3.8.6.1).
 */
static bool timer_thin(const struct sock *sk)
{
	const struct yoke_sock *ys = yoke_sk(sk);

	return (ys->thin_timeouts ||
		READ_ONCE(yoke_net(sock_net(sk))->set.thin_linear_timeouts)) &&
	       sk->sk_state == TCP_ESTABLISHED && ys->snd_wnd &&
	       ys->retransmits <= TCP_THIN_LINEAR_RETRIES && ys->cc.ssthresh != U32_MAX &&
	       ys->snd_nxt - ys->snd_una < 4 * ys->mss;
}

/*
 * Does what is in flight go again as a probe of the window? So it is if the window was shut over it;
 * and a peer that answers probes is waited for (RFC 9293 MUST-35, MUST-37, SHLD-17).
 */
static bool timer_is_probe(const struct sock *sk)
{
	return !yoke_sk(sk)->snd_wnd && !sock_flag(sk, SOCK_DEAD) &&
	       !yoke_conn_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV);
}

/* RFC 6298 (5.4) to (5.6). */
static void timer_retransmit(struct sock *sk)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	struct yoke_sock *ys = yoke_sk(sk);
	u8 *tries = timer_is_probe(sk) ? &ys->probes_out : &ys->retransmits;
	bool hopeless;

	if (sock_flag(sk, SOCK_DEAD) &&
	    timer_orphan_is_too_dear(sk, timer_alive(sk) ||
				     !timer_hopeless(sk, ys->retransmits)))
		return;
	hopeless = timer_hopeless(sk, *tries);
	timer_suspect_path(sk, hopeless);
	if (hopeless) {
		timer_give_up(sk);
		return;
	}
	yoke_count(sock_net(sk), Timeouts);
	timer_renege(ys);
	if (!ys->rto.since) {
		ys->rto.runs++;
		ys->rto.since = yoke_conn_tsval(ys) ?: 1;
	}
	ys->rto.total++;
	/* The network may have another path, which is sound: a new hash may lead there. */
	if (sk_rethink_txhash(sk))
		yoke_count(sock_net(sk), TimeoutRehash);
	if (*tries < U8_MAX)
		(*tries)++;
	/* R1: perhaps the route is to blame (RFC 9293 MUST-20). */
	if (ys->retransmits == READ_ONCE(set->retries1))
		__sk_dst_reset(sk);
	/* That a SYN is not answered is not for its size. */
	if (ys->retransmits >= READ_ONCE(set->retries1) && READ_ONCE(set->mtu_probing) &&
	    !yoke_conn_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV) && !ys->fastopen)
		yoke_mss_black_hole(sk);
	yoke_recovery_rto(&ys->rec, &ys->cc, ys->snd_una, ys->snd_nxt, (u32)ys->now_us,
			  READ_ONCE(set->frto));
	if (!timer_thin(sk))
		yoke_rtt_backoff(&ys->rtt);
	yoke_conn_note_retrans(ys);
	yoke_send_retransmit_head(sk);
	yoke_conn_timer_rtx(sk);
}

/*
 * A router had no route for what went at the last timeout: that is no congestion, and no reason to
 * wait longer for the next. With a timeout of two minutes one would learn two minutes late that
 * the route is back.
 */
void yoke_timer_no_way(struct sock *sk, u32 seq)
{
	struct yoke_sock *ys = yoke_sk(sk);
	const struct sk_buff *skb = skb_peek(&ys->rtx);
	s32 left;

	if (!skb || seq != ys->snd_una || !ys->retransmits || !ys->rtt.backoff)
		return;
	yoke_conn_clock(ys);
	ys->rtt.backoff--;
	left = yoke_rtt_rto(&ys->rtt) - ((u32)ys->now_us - yoke_cb(skb)->seg.tx_us);
	/* Never later than before: a user timeout may be sooner. */
	if (left <= 0)
		timer_retransmit(sk);
	else if (time_before(jiffies + usecs_to_jiffies(left), ys->at[YOKE_TIMER_RTX]))
		yoke_conn_timer_arm(sk, YOKE_TIMER_RTX, usecs_to_jiffies(left));
}

/*
 * A peer that answers probes is waited for (RFC 9293 MUST-37), but by an orphan only until probes
 * have become as rare as they may (as Linux), or one whose program never reads would hold it for
 * ever.
 */
static bool timer_orphan_is_stuck(const struct sock *sk)
{
	return sock_flag(sk, SOCK_DEAD) && !timer_alive(sk) &&
	       yoke_sk(sk)->rtt.backoff >= max(timer_orphan_retries(sk, false), 1);
}

/*
 * Nothing in flight, but something to send: a closed window, or good
 * manners that have waited long enough.
 */
static void timer_persist(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	/* Only its own pace holds it, which may be slower than the longest timer: nobody has to answer. */
	if ((s32)(yoke_conn_snd_end(ys) - ys->snd_nxt) > 0 && yoke_pace_wait(sk)) {
		if (!sock_flag(sk, SOCK_DEAD) || !timer_orphan_is_too_dear(sk, true))
			yoke_conn_timer_rtx(sk);
		return;
	}
	if (timer_hopeless(sk, ys->probes_out) || timer_orphan_is_stuck(sk)) {
		timer_give_up(sk);
		return;
	}
	if (sock_flag(sk, SOCK_DEAD) && timer_orphan_is_too_dear(sk, true))
		return;
	yoke_conn_note_retrans(ys);
	if (ys->probes_out < U8_MAX)
		ys->probes_out++;
	yoke_send_probe(sk, false);
	if (!skb_queue_empty(&ys->rtx))
		return;		/* it was a probe with data, watched over as such */
	yoke_rtt_backoff(&ys->rtt);
	yoke_conn_timer_rtx(sk);
}

static void timer_rtx(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (!skb_queue_empty(&ys->rtx))
		timer_retransmit(sk);
	else if (!skb_queue_empty(&sk->sk_write_queue))
		timer_persist(sk);
	else if (yoke_conn_owes_fin(sk))
		yoke_send_fin(sk);
}

/* RACK's reordering window is over, or it is time for a tail loss probe. */
static void timer_reo(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u8 prior_state = ys->rec.state;
	u32 wait;

	if (ys->probe_tail) {
		ys->probe_tail = false;
		/* What came since it was armed may have made it RACK's or the RTO's matter (RFC 8985 §7.3). */
		if (!skb_queue_empty(&ys->rtx) &&
		    yoke_recovery_pto(&ys->rec, &ys->rtt, ys->mss, ys->use_sack) &&
		    yoke_send_tlp(sk))
			yoke_conn_timer_rtx(sk);
		return;
	}
	wait = yoke_recovery_reo_timeout(&ys->rec, &ys->cc, &ys->rtt, ys->snd_una, ys->snd_nxt,
					 (u32)ys->now_us);
	if (unlikely(ys->pmtud.probe))
		yoke_ack_mtu_probe(sk, prior_state);
	if (wait)
		yoke_conn_timer_arm(sk, YOKE_TIMER_REO, usecs_to_jiffies(wait));
	yoke_send_push(sk, YOKE_PUSH_NAGLE);
}

static void timer_delack(struct sock *sk)
{
	if (!yoke_sk(sk)->ack_due)
		return;
	yoke_sk(sk)->pingpong = false;		/* no answer came */
	yoke_count(sock_net(sk), DelayedAcks);
	yoke_output_ack(sk);
}

/* RFC 9293 §3.8.4: probes only an idle connection. */
static void timer_keep(struct sock *sk)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	struct yoke_sock *ys = yoke_sk(sk);
	u32 time = ys->keep_time * HZ ?: READ_ONCE(set->keepalive_time);
	u32 idle = (u32)jiffies - ys->last_rcv_jiffies;
	u8 limit = ys->keep_cnt ?: READ_ONCE(set->keepalive_probes);

	if (!sock_flag(sk, SOCK_KEEPOPEN))
		return;
	if (!skb_queue_empty(&ys->rtx) || !skb_queue_empty(&sk->sk_write_queue)) {
		yoke_conn_keepalive(sk);
		return;
	}
	if (idle < time) {
		ys->keep_probes_out = 0;
		yoke_conn_timer_arm(sk, YOKE_TIMER_KEEP, time - idle);
		return;
	}
	if (ys->user_timeout ? ys->keep_probes_out && idle >= msecs_to_jiffies(ys->user_timeout) :
			       ys->keep_probes_out >= limit) {
		yoke_output_reset(sk);
		timer_give_up(sk);
		return;
	}
	ys->keep_probes_out++;
	yoke_count(sock_net(sk), KeepAlive);
	yoke_send_probe(sk, true);
	yoke_conn_timer_arm(sk, YOKE_TIMER_KEEP, ys->keep_intvl * HZ ?: READ_ONCE(set->keepalive_intvl));
}

static void (* const yoke_timer_events[YOKE_TIMER_MAX])(struct sock *sk) = {
	[YOKE_TIMER_DELACK] = timer_delack,
	[YOKE_TIMER_REO]    = timer_reo,
	[YOKE_TIMER_RTX]    = timer_rtx,
	[YOKE_TIMER_KEEP]   = timer_keep,
};

/* Does what is due and sets the timer for what comes next. */
static void timer_run(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	unsigned long next = 0;
	bool more = false;
	int i;

	yoke_conn_clock(ys);
	for (i = 0; i < YOKE_TIMER_MAX; i++) {
		if (sk->sk_state == TCP_CLOSE)
			return;
		if (!(ys->timers & BIT(i)) || time_before(jiffies, ys->at[i]))
			continue;
		ys->timers &= ~BIT(i);
		yoke_timer_events[i](sk);
	}
	if (sk->sk_state == TCP_CLOSE)
		return;
	for (i = 0; i < YOKE_TIMER_MAX; i++) {
		if (!(ys->timers & BIT(i)) || (more && !time_before(ys->at[i], next)))
			continue;
		next = ys->at[i];
		more = true;
	}
	if (more && (!timer_pending(&sk->sk_timer) || ys->timer_next != next))
		yoke_conn_timer_set(sk, next);
}

static void timer_expire(struct timer_list *t)
{
	struct sock *sk = container_of(t, struct sock, sk_timer);

	bh_lock_sock(sk);
	if (sock_owned_by_user(sk))
		set_bit(YOKE_DEFER_TIMER, &yoke_sk(sk)->defer);
	else
		timer_run(sk);
	bh_unlock_sock(sk);
	sock_put(sk);
}

void yoke_timer_release(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (likely(!(READ_ONCE(ys->defer) & YOKE_DEFER_WORK)))
		return;
	if (test_and_clear_bit(YOKE_DEFER_TIMER, &ys->defer) && sk->sk_state != TCP_CLOSE)
		timer_run(sk);
	if (test_and_clear_bit(YOKE_DEFER_MTU, &ys->defer) && sk->sk_state != TCP_CLOSE)
		yoke_send_mtu(sk);
	if (test_and_clear_bit(YOKE_DEFER_ACK, &ys->defer))
		yoke_compress_release(sk);
	if (test_and_clear_bit(YOKE_DEFER_PUSH, &ys->defer) && sk->sk_state != TCP_CLOSE) {
		yoke_conn_clock(ys);
		yoke_send_push(sk, YOKE_PUSH_NAGLE);
	}
}

void yoke_timer_init(struct sock *sk)
{
	timer_setup(&sk->sk_timer, timer_expire, 0);
}

void yoke_timer_keepalive(struct sock *sk, bool on)
{
	if (on)
		yoke_conn_keepalive(sk);
	else
		yoke_conn_timer_cancel(sk, YOKE_TIMER_KEEP);
}
