// SPDX-License-Identifier: GPL-2.0
/*
 * When data may leave. Pacing: at sk_pacing_rate, by fq if that has the socket, else by a timer of
 * our own if the algorithm or SO_MAX_PACING_RATE asks for it. Small queues: what has not left this
 * host yet is of no use there, but delays others and is measured as the path's.
 *
 * Owns: struct yoke_pace, sk_pacing_rate, YOKE_DEFER_FULL and _QUEUED. Both end in a kick, in
 * softirq: release_cb pushes, at once or when the program lets go. A buffer in a queue holds the
 * socket by its charge (sk_wmem_alloc), and so does a socket on a list here, by one byte.
 * Destructor in any context but hard interrupts.
 */
#include <linux/interrupt.h>
#include <linux/llist.h>
#include "pace.h"

/* Those whose buffers have left, by processor. */
struct pace_cpu {
	struct llist_head list;
	struct tasklet_struct tasklet;
};

static DEFINE_PER_CPU(struct pace_cpu, pace_cpus);

static void pace_kick(struct sock *sk)
{
	bh_lock_sock(sk);
	set_bit(YOKE_DEFER_PUSH, &yoke_sk(sk)->defer);
	if (!sock_owned_by_user(sk))
		sk->sk_prot->release_cb(sk);
	bh_unlock_sock(sk);
}

/* --- pacing --- */

static enum hrtimer_restart pace_expire(struct hrtimer *timer)
{
	struct sock *sk = container_of(timer, struct yoke_pace, timer)->sk;

	pace_kick(sk);
	sock_put(sk);
	return HRTIMER_NORESTART;
}

/* Made when pacing begins. Without memory there is none. */
static struct yoke_pace *pace_of(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_pace *pace = ys->pace;

	if (likely(pace))
		return pace;
	pace = kmalloc(sizeof(*pace), GFP_ATOMIC | __GFP_NOWARN);
	if (!pace)
		return NULL;
	pace->sk = sk;
	pace->next_ns = 0;
	hrtimer_setup(&pace->timer, pace_expire, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_SOFT);
	ys->pace = pace;
	return pace;
}

/*
 * As TCP: twice what cwnd and RTT make in slow start, 1.2 times in congestion avoidance, where the
 * algorithm has no rate of its own.
 */
void yoke_pace_update(struct sock *sk)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	struct yoke_sock *ys = yoke_sk(sk);
	const struct yoke_cc *cc = &ys->cc;
	u64 rate;

	if (unlikely(cc->ops->pacing_rate)) {
		if (sk->sk_pacing_status == SK_PACING_NONE)
			cmpxchg(&sk->sk_pacing_status, SK_PACING_NONE, SK_PACING_NEEDED);
		rate = cc->ops->pacing_rate(cc);
	} else {
		u32 percent = cc->cwnd < cc->ssthresh / 2 ? READ_ONCE(set->pacing_ss_ratio) :
							    READ_ONCE(set->pacing_ca_ratio);

		if (unlikely(!ys->rtt.srtt_us))
			return;
		rate = max(cc->cwnd, ys->snd_nxt - ys->snd_una);
		rate = div_u64(rate * percent * (USEC_PER_SEC / 100), ys->rtt.srtt_us);
	}
	WRITE_ONCE(sk->sk_pacing_rate, min_t(u64, rate, READ_ONCE(sk->sk_max_pacing_rate)));
}

bool yoke_pace_hold(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_pace *pace = ys->pace;

	if (!pace || pace->next_ns <= ys->now_us * NSEC_PER_USEC)
		return false;
	if (!hrtimer_is_queued(&pace->timer)) {
		sock_hold(sk);
		hrtimer_start(&pace->timer, ns_to_ktime(pace->next_ns),
			      HRTIMER_MODE_ABS_PINNED_SOFT);
	}
	return true;
}

void yoke_pace_depart(struct sock *sk, struct sk_buff *skb)
{
	unsigned long rate = READ_ONCE(sk->sk_pacing_rate);
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_pace *pace = pace_of(sk);
	u64 prior, len_ns, sent = ys->bytes_acked + (ys->snd_nxt - ys->snd_una);

	if (!pace)
		return;
	prior = pace->next_ns;
	pace->next_ns = max_t(u64, prior, ys->now_us * NSEC_PER_USEC);
	skb_set_delivery_time(skb, ns_to_ktime(pace->next_ns), SKB_CLOCK_MONOTONIC);
	/* As fq, it lets the first ten segments go; and rests for time that was lost, up to half. */
	if (!rate || rate == ~0ul || sent < YOKE_CC_INIT_SEGS * ys->mss)
		return;
	len_ns = div64_ul((u64)skb->len * NSEC_PER_SEC, rate);
	len_ns -= min_t(u64, len_ns / 2, pace->next_ns - prior);
	pace->next_ns += len_ns;
}

void yoke_pace_delay(const struct sock *sk, struct sk_buff *skb)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	u64 at = max_t(u64, skb->tstamp, ys->now_us * NSEC_PER_USEC);

	at += (u64)READ_ONCE(ys->tx_delay) * NSEC_PER_USEC;
	skb_set_delivery_time(skb, ns_to_ktime(at), SKB_CLOCK_MONOTONIC);
}

unsigned int yoke_pace_burst(const struct sock *sk, unsigned int mss)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	const struct yoke_sock *ys = yoke_sk(sk);
	const struct yoke_cc *cc = &ys->cc;
	u64 bytes = READ_ONCE(sk->sk_pacing_rate) >> READ_ONCE(sk->sk_pacing_shift);
	u32 segs, least, shift = ys->rtt.min_us >> min_t(u8, READ_ONCE(set->tso_rtt_log), 31);

	/* On a short path large buffers do no harm. */
	if (shift < 32)
		bytes += sk->sk_gso_max_size >> shift;
	least = cc->ops->min_segs ? cc->ops->min_segs(cc) : READ_ONCE(set->min_tso_segs);
	bytes = max(bytes, (u64)least * mss);
	/* But no more than IP's header can say. */
	segs = (u32)min_t(u64, bytes, sk->sk_gso_max_size) / mss;
	segs = clamp_t(u32, segs, 1, max_t(u32, READ_ONCE(sk->sk_gso_max_segs), 1));
	return segs * mss;
}

/* --- small queues --- */

/* A buffer has left the device, or was dropped on the way there. */
static void pace_left(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct yoke_sock *ys = yoke_sk(sk);
	struct pace_cpu *c;

	WARN_ON_ONCE(refcount_sub_and_test(skb->truesize - 1, &sk->sk_wmem_alloc));
	/* Pairs with yoke_pace_full(): the charge is off before the bit is looked at. */
	smp_mb__after_atomic();
	if (likely(!test_bit(YOKE_DEFER_FULL, &ys->defer)) ||
	    !test_and_clear_bit(YOKE_DEFER_FULL, &ys->defer) ||
	    test_and_set_bit(YOKE_DEFER_QUEUED, &ys->defer)) {
		sk_free(sk);
		return;
	}
	c = get_cpu_ptr(&pace_cpus);
	if (llist_add(&ys->pace_node, &c->list))
		tasklet_schedule(&c->tasklet);
	put_cpu_ptr(&pace_cpus);
}

static void pace_run(struct tasklet_struct *t)
{
	struct pace_cpu *c = from_tasklet(c, t, tasklet);
	struct yoke_sock *ys, *next;

	llist_for_each_entry_safe(ys, next, llist_del_all(&c->list), pace_node) {
		struct sock *sk = (struct sock *)ys;

		clear_bit_unlock(YOKE_DEFER_QUEUED, &ys->defer);
		pace_kick(sk);
		sk_free(sk);
	}
}

bool yoke_pace_full(struct sock *sk, const struct sk_buff *skb, unsigned int len, bool again)
{
	struct yoke_sock *ys = yoke_sk(sk);
	unsigned long rate = READ_ONCE(sk->sk_pacing_rate);
	unsigned long limit = rate >> READ_ONCE(sk->sk_pacing_shift);

	limit = max_t(unsigned long, limit, 2 * (skb->truesize - skb->len + len));
	if (sk->sk_pacing_status == SK_PACING_NONE)
		limit = min_t(unsigned long, limit,
			      READ_ONCE(yoke_net(sock_net(sk))->set.limit_output_bytes));
	limit <<= again;
	/* What fq keeps for TCP_TX_DELAY is on its way: twice its length is charged; a second of 2^20 us. */
	if (unlikely(ys->tx_delay))
		limit += min_t(u64, ((u64)min_t(u64, rate, U32_MAX) * ys->tx_delay) >> 19, INT_MAX);
	if (likely(refcount_read(&sk->sk_wmem_alloc) <= limit))
		return false;
	/* With so little on its way a device that is slow to tell would be left idle. */
	if (skb_queue_len(&ys->rtx) <= 1)
		return false;
	set_bit(YOKE_DEFER_FULL, &ys->defer);
	smp_mb__after_atomic();		/* pairs with pace_left() */
	return refcount_read(&sk->sk_wmem_alloc) > limit;
}

bool yoke_pace_corks(struct sock *sk, const struct sk_buff *skb)
{
	struct yoke_sock *ys = yoke_sk(sk);

	/* Devices free late: what is acknowledged, and only still there, holds up nobody's next request. */
	if (skb_queue_empty(&ys->rtx) || !READ_ONCE(yoke_net(sock_net(sk))->set.autocorking))
		return false;
	if (!test_and_set_bit(YOKE_DEFER_FULL, &ys->defer))
		yoke_count(sock_net(sk), AutoCorking);
	smp_mb__after_atomic();		/* pairs with pace_left() */
	return refcount_read(&sk->sk_wmem_alloc) > skb->truesize;
}

/*
 * Is the clone of @skb that has its companion on its way? The one that SO_TIMESTAMPING puts on the error
 * queue when a part of @skb is acknowledged is the socket's, too, but goes nowhere.
 */
static bool pace_is_here(const struct sock *sk, const struct sk_buff *skb)
{
	const struct sk_buff_fclones *both = container_of(skb, struct sk_buff_fclones, skb1);
	void (*end)(struct sk_buff *skb);

	if (likely(!skb_fclone_busy(sk, skb)))
		return false;
	end = READ_ONCE(both->skb2.destructor);
	return end == pace_left || end == sock_wfree;
}

bool yoke_pace_still_here(struct sock *sk, const struct sk_buff *skb)
{
	if (likely(!pace_is_here(sk, skb)))
		return false;
	set_bit(YOKE_DEFER_FULL, &yoke_sk(sk)->defer);
	smp_mb__after_atomic();		/* pairs with pace_left() */
	return pace_is_here(sk, skb);
}

void yoke_pace_charge(struct sock *sk, struct sk_buff *skb)
{
	skb_orphan(skb);
	skb->sk = sk;
	skb->destructor = pace_left;
	skb_set_hash_from_sk(skb, sk);
	refcount_add(skb->truesize, &sk->sk_wmem_alloc);
}

void yoke_pace_divide(struct sk_buff *skb, struct sk_buff *segs)
{
	struct sock *sk = skb->sk;
	int more = -(int)skb->truesize;
	struct sk_buff *seg;

	if (skb->destructor != pace_left)
		return;
	for (seg = segs; seg; seg = seg->next) {
		seg->sk = sk;
		seg->destructor = pace_left;
		more += seg->truesize;
	}
	skb->sk = NULL;
	skb->destructor = NULL;
	if (more >= 0)
		refcount_add(more, &sk->sk_wmem_alloc);
	else
		WARN_ON_ONCE(refcount_sub_and_test(-more, &sk->sk_wmem_alloc));
}

void yoke_pace_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		init_llist_head(&per_cpu(pace_cpus, cpu).list);
		tasklet_setup(&per_cpu(pace_cpus, cpu).tasklet, pace_run);
	}
}

/* No socket is left: what was on the lists has been freed by the tasklet, which may still end. */
void yoke_pace_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu(pace_cpus, cpu).tasklet);
}
