// SPDX-License-Identifier: GPL-2.0
/*
 * TIME-WAIT, and FIN-WAIT-2 of a connection whose program has gone: small objects that answer for
 * the pair until it is safe to use again.
 *
 * Owns: struct yoke_timewait. Found under RCU; whoever sets @dead takes it out of the table; freed
 * after a grace period.
 * Runs in softirq (segments, timer) and, on entry and recycling, in process context.
 * RFC 9293 §3.10.7.4 (TIME-WAIT), §3.6.1; RFC 6191 (reuse by timestamps);
 * RFC 1337; RFC 7323 §5 (PAWS).
 */
#include "addr.h"
#include "output.h"
#include "timewait.h"

#define YOKE_ISN_STEP	65537u	/* beyond any window the old connection could have had unscaled */

static struct kmem_cache *yoke_timewait_cache;

static void timewait_free(struct rcu_head *rcu)
{
	kmem_cache_free(yoke_timewait_cache, container_of(rcu, struct yoke_timewait, rcu));
}

static void timewait_put(struct yoke_timewait *tw)
{
	if (refcount_dec_and_test(&tw->refs))
		call_rcu(&tw->rcu, timewait_free);
}

/* Out of the table, whose reference is the caller's now; false if somebody else was first. */
static bool timewait_unhash(struct yoke_timewait *tw)
{
	struct yoke_net *yn = yoke_net(tw->net);
	bool dead;

	spin_lock_bh(&tw->lock);
	dead = tw->dead;
	tw->dead = true;
	spin_unlock_bh(&tw->lock);
	if (dead)
		return false;
	yoke_hash_del(&yn->stream, &tw->node);
	yoke_port_leave(&yn->ports[YOKE_STREAM_PORTS], &tw->owner);
	atomic_dec(&yn->timewaits);
	return true;
}

void yoke_timewait_kill(struct yoke_timewait *tw)
{
	if (!timewait_unhash(tw))
		return;
	/* Before the last reference may go, and with it the timer's place. */
	if (timer_delete(&tw->timer))
		timewait_put(tw);
	timewait_put(tw);
}

static void timewait_expire(struct timer_list *t)
{
	struct yoke_timewait *tw = container_of(t, struct yoke_timewait, timer);

	if (timewait_unhash(tw))
		timewait_put(tw);
	timewait_put(tw);
}

void yoke_timewait_enter(struct sock *sk, bool fin_wait2, unsigned long timeout)
{
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_timewait *tw = NULL;
	int err;

	if (atomic_inc_return(&yn->timewaits) <= READ_ONCE(yn->set.max_tw_buckets))
		tw = kmem_cache_zalloc(yoke_timewait_cache, GFP_ATOMIC);
	if (!tw)
		goto none;

	tw->node.pair = ys->node.pair;
	tw->node.kind = YOKE_TIMEWAIT;
	tw->owner.pair = &tw->node.pair;
	tw->net = sock_net(sk);
	spin_lock_init(&tw->lock);
	refcount_set(&tw->refs, 2);
	tw->snd_nxt = ys->snd_nxt;
	tw->rcv_nxt = ys->rcv_nxt;
	tw->rcv_wnd = yoke_conn_rcv_window(ys) >> ys->rcv_wscale;
	tw->rcv_wscale = ys->rcv_wscale;
	tw->ts_recent = ys->ts_recent;
	tw->ts_recent_s = ys->ts_recent_s;
	tw->ts_offset = ys->ts_offset;
	tw->use_ts = ys->use_ts;
	tw->mark = READ_ONCE(sk->sk_mark);
	tw->tos = yoke_addr_tos(sk, ys->af);
	tw->foreign = inet_test_bit(TRANSPARENT, sk);
	tw->flow = yoke_addr_flow(sk, ys->af);
	tw->txhash = sk->sk_txhash;
	tw->fin_wait2 = fin_wait2;
	timer_setup(&tw->timer, timewait_expire, TIMER_PINNED);

	yoke_port_join(&tw->owner, &ys->owner);
	tw->owner.sk = NULL;
	/*
	 * A backlog's FIN comes here as a process, which may be held up for longer than the timer takes:
	 * it fires on this processor, and not before BH is on.
	 */
	local_bh_disable();
	mod_timer(&tw->timer, jiffies + timeout);
	err = yoke_hash_replace(&yn->stream, &ys->node, &tw->node);
	local_bh_enable();
	if (err) {
		/* Not while the connection has its place there: without one nobody would find this. */
		yoke_timewait_kill(tw);
		goto overflow;
	}
	yoke_count(sock_net(sk), TimeWaits);
	yoke_conn_done(sk);
	return;
none:
	atomic_dec(&yn->timewaits);
overflow:
	yoke_count(sock_net(sk), TimeWaitOverflow);
	yoke_conn_done(sk);
}

void yoke_timewait_left(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	int wait = ys->linger2 * HZ ?: READ_ONCE(yoke_net(sock_net(sk))->set.fin_timeout);
	int rto = usecs_to_jiffies(yoke_rtt_rto(&ys->rtt));

	if (ys->linger2 < 0) {
		yoke_count(sock_net(sk), AbortOnLinger);
		yoke_output_reset(sk);
		yoke_conn_done(sk);
		return;
	}
	/* At least three and a half RTOs: the FIN may be lost twice. */
	yoke_timewait_enter(sk, true, max(wait, rto * 7 / 2));
}

/* What it answers with: its numbers, its window, its clock. */
static void timewait_ack(struct yoke_timewait *tw, const struct sk_buff *skb,
			 const struct yoke_rx *rx)
{
	struct yoke_opt opt = {
		.has_ts = tw->use_ts,
		.tsval = (u32)div_u64(ktime_get_ns(), NSEC_PER_MSEC) + tw->ts_offset,
		.tsecr = tw->ts_recent,
	};
	struct yoke_control says = {
		.seq = tw->snd_nxt, .ack = tw->rcv_nxt, .wnd = tw->rcv_wnd, .flags = YOKE_ACK, .opt = &opt,
	};

	yoke_output_answer(tw->net, skb, rx, tw->mark, tw->txhash, &says);
}

/* RFC 5961 §7: one ACK per limit for segments that prove nothing. */
static void timewait_challenge(struct yoke_timewait *tw, const struct sk_buff *skb,
			       const struct yoke_rx *rx)
{
	if (yoke_net_may_answer(tw->net, &tw->challenge_jiffies))
		timewait_ack(tw, skb, rx);
}

/* A segment of another incarnation? (RFC 7323 §5.3 R1) */
static bool timewait_paws(const struct yoke_timewait *tw, const struct yoke_segment *s)
{
	return tw->use_ts && s->opt.has_ts && yoke_seq_before(s->opt.tsval, tw->ts_recent) &&
	       !yoke_ack_ts_outdated(tw->ts_recent, tw->ts_recent_s);
}

/*
 * RFC 9293 MUST-13's exception: a SYN beyond all old numbers, or with a newer timestamp, may open
 * the pair again, if somebody listens: for nobody's sake it ends no TIME-WAIT.
 */
static bool timewait_reopens(const struct yoke_timewait *tw, const struct yoke_segment *s,
			     const struct yoke_rx *rx)
{
	if (tw->fin_wait2 ||
	    (s->flags & (YOKE_SYN | YOKE_RST | YOKE_ACK | YOKE_FIN)) != YOKE_SYN ||
	    !yoke_hash_listener(&yoke_net(tw->net)->stream, &tw->node.pair,
				rx->iif, rx->sdif))
		return false;
	return yoke_seq_after(s->seq, tw->rcv_nxt) ||
	       (tw->use_ts && s->opt.has_ts && yoke_seq_after(s->opt.tsval, tw->ts_recent));
}

/*
 * FIN-WAIT-2 without a program: waits for the FIN; data for nobody is answered with a reset.
 * Returns true if done with.
 */
static bool timewait_fin_wait2(struct yoke_timewait *tw, const struct yoke_segment *s,
			       struct sk_buff *skb, const struct yoke_rx *rx)
{
	if (yoke_seq_after(s->seq, tw->rcv_nxt) || s->end_seq == tw->rcv_nxt ||
	    !yoke_seq_after(s->end_seq, tw->rcv_nxt)) {
		if (s->end_seq != s->seq)
			timewait_ack(tw, skb, rx);
		yoke_spare_back(skb);
		return false;
	}
	if (!(s->flags & YOKE_FIN) || s->end_seq != tw->rcv_nxt + 1) {
		yoke_output_reset_for(tw->net, skb, rx);
		yoke_drop(tw->net, NULL, skb, AbortOnData);
		return true;
	}
	tw->rcv_nxt = s->end_seq;
	tw->fin_wait2 = false;
	if (s->opt.has_ts) {
		tw->ts_recent = s->opt.tsval;
		tw->ts_recent_s = (u32)ktime_get_seconds();
	}
	mod_timer_pending(&tw->timer, jiffies + YOKE_TIMEWAIT_LEN);
	timewait_ack(tw, skb, rx);
	yoke_spare_back(skb);
	return false;
}

/* The first step failed: says where we are to whom that may help. */
static void timewait_out_of_window(struct yoke_timewait *tw, const struct yoke_segment *s,
				   struct sk_buff *skb, const struct yoke_rx *rx, bool paws)
{
	if (s->flags & YOKE_RST)
		return;
	/* The peer's FIN again: our ACK was lost, wait from now (§3.10.7.4, eighth step). */
	if (!paws && s->flags & YOKE_FIN && s->end_seq == tw->rcv_nxt && !tw->fin_wait2) {
		mod_timer_pending(&tw->timer, jiffies + YOKE_TIMEWAIT_LEN);
		timewait_ack(tw, skb, rx);
	} else {
		timewait_challenge(tw, skb, rx);
	}
}

/* Handles the segment under the lock, and consumes it. Returns true if @tw has come to its end. */
static bool timewait_segment(struct yoke_timewait *tw, const struct yoke_segment *s,
			     struct sk_buff *skb, const struct yoke_rx *rx)
{
	u32 edge = tw->rcv_nxt + (tw->rcv_wnd << tw->rcv_wscale);
	bool paws = timewait_paws(tw, s);

	/* First, the sequence number; then RST, SYN, ACK, FIN. */
	if (paws || !(s->seq == tw->rcv_nxt ||
		      (yoke_seq_before(s->seq, edge) &&
		       yoke_seq_after(s->end_seq, tw->rcv_nxt)))) {
		timewait_out_of_window(tw, s, skb, rx, paws);
		if (paws)
			yoke_drop(tw->net, NULL, skb, PAWSDrops);
		else
			yoke_drop(tw->net, NULL, skb, OutOfWindow);
		return false;
	}
	if (s->flags & YOKE_RST) {
		if (s->seq != tw->rcv_nxt) {
			timewait_challenge(tw, skb, rx);
			yoke_drop(tw->net, NULL, skb, InvalidRst);
			return false;
		}
		consume_skb(skb);
		/* RFC 1337: a reset may be as old as anything else; Linux's users choose. */
		return tw->fin_wait2 || !READ_ONCE(yoke_net(tw->net)->set.rfc1337);
	}
	if (s->flags & YOKE_SYN) {
		timewait_challenge(tw, skb, rx);
		yoke_drop(tw->net, NULL, skb, InvalidSyn);
		return false;
	}
	if (!(s->flags & YOKE_ACK)) {
		yoke_drop(tw->net, NULL, skb, InvalidFlags);
		return false;
	}
	if (tw->fin_wait2)
		return timewait_fin_wait2(tw, s, skb, rx);
	if (s->end_seq != s->seq)
		timewait_ack(tw, skb, rx);
	yoke_spare_back(skb);
	return false;
}

enum yoke_timewait_verdict yoke_timewait_rcv(struct yoke_timewait *tw, struct sk_buff *skb,
					     struct yoke_rx *rx)
{
	struct yoke_segment s;
	bool end;

	yoke_ack_parse(skb, &s);
	spin_lock(&tw->lock);
	/* Where its timer was there may be its RCU head by now. */
	if (unlikely(tw->dead)) {
		spin_unlock(&tw->lock);
		return YOKE_TW_GONE;
	}
	if (timewait_reopens(tw, &s, rx) && !timewait_paws(tw, &s)) {
		rx->isn = tw->snd_nxt + YOKE_ISN_STEP ?: 1;
		spin_unlock(&tw->lock);
		yoke_count(tw->net, TimeWaitRecycled);
		yoke_timewait_kill(tw);
		return YOKE_TW_SYN;
	}
	rx->flow = tw->flow;
	rx->tos = tw->tos;
	rx->pair.dev = tw->node.pair.dev;
	rx->mark = tw->mark;
	rx->foreign = tw->foreign;
	end = timewait_segment(tw, &s, skb, rx);
	spin_unlock(&tw->lock);
	if (end)
		yoke_timewait_kill(tw);
	return YOKE_TW_DONE;
}

bool yoke_timewait_recycle(struct yoke_timewait *tw, bool fresh, u32 *write_seq, u32 *ts_recent,
			   u32 *ts_recent_s)
{
	bool safe;

	spin_lock_bh(&tw->lock);
	safe = !tw->dead && tw->use_ts &&
	       (fresh || (!tw->fin_wait2 && (u32)ktime_get_seconds() - tw->ts_recent_s > 1));
	*write_seq = tw->snd_nxt + YOKE_ISN_STEP ?: 1;
	*ts_recent = tw->ts_recent;
	*ts_recent_s = tw->ts_recent_s;
	spin_unlock_bh(&tw->lock);
	if (!safe)
		return false;
	yoke_count(tw->net, TimeWaitRecycled);
	yoke_timewait_kill(tw);
	return true;
}

int yoke_timewait_init(void)
{
	yoke_timewait_cache = KMEM_CACHE(yoke_timewait, SLAB_ACCOUNT);
	return yoke_timewait_cache ? 0 : -ENOMEM;
}

void yoke_timewait_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(yoke_timewait_cache);
}
