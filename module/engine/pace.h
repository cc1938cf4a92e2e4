/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When data may leave: at the pacing rate, and not while much of it is still in this host's queues.
 * Socket lock held unless said otherwise.
 */
#ifndef YOKE_PACE_H
#define YOKE_PACE_H

#include "conn.h"

/* cwnd, RTT or the algorithm have changed: sk_pacing_rate follows. */
void yoke_pace_update(struct sock *sk);

/* The slow path of yoke_pace_wait(): call that. */
bool yoke_pace_hold(struct sock *sk);

/* Must data wait for its turn? Then a timer pushes it. */
static inline bool yoke_pace_wait(struct sock *sk)
{
	/* Pairs with the core's cmpxchg(): what comes with the status is seen too. */
	return unlikely(smp_load_acquire(&sk->sk_pacing_status) == SK_PACING_NEEDED) &&
	       yoke_pace_hold(sk);
}

/* The slow path of yoke_pace_sent(): call that. */
void yoke_pace_depart(struct sock *sk, struct sk_buff *skb);

/*
 * A segment with data goes to IP: stamps it with its time of departure for fq, and books it. First
 * yoke_pace_time(), which recovery wants to know, then this.
 */
static inline void yoke_pace_sent(struct sock *sk, struct sk_buff *skb)
{
	if (unlikely(READ_ONCE(sk->sk_pacing_status) != SK_PACING_NONE))
		yoke_pace_depart(sk, skb);
}

/* A segment without data leaves now: what says no time fq holds to the rate, which is that of data. */
static inline void yoke_pace_bare(const struct sock *sk, struct sk_buff *skb)
{
	if (unlikely(READ_ONCE(sk->sk_pacing_status) == SK_PACING_FQ))
		skb_set_delivery_time(skb, ns_to_ktime(yoke_sk(sk)->now_us * NSEC_PER_USEC),
				      SKB_CLOCK_MONOTONIC);
}

/* The time (microseconds) at which what is sent now leaves: fq may keep it for a while. */
static inline u32 yoke_pace_time(const struct yoke_sock *ys)
{
	u32 now = (u32)ys->now_us;

	if (likely(READ_ONCE(ys->inet.sk.sk_pacing_status) != SK_PACING_FQ))
		return now;
	return now + yoke_conn_pace_delay(ys);
}

/* Bytes a large buffer should have, so that it takes the path a millisecond or so. */
unsigned int yoke_pace_burst(const struct sock *sk, unsigned int mss);

/*
 * Is so much of ours in qdisc and device that @len bytes of @skb have to wait (TCP small queues)?
 * Then a push comes when some of it has left. @again: it is a retransmission, for which there is
 * more room.
 */
bool yoke_pace_full(struct sock *sk, const struct sk_buff *skb, unsigned int len, bool again);
/*
 * May @skb, the end of what is written, wait for more while something else is still there (Linux's
 * tcp_autocorking)? Then likewise.
 */
bool yoke_pace_corks(struct sock *sk, const struct sk_buff *skb);
/* Is @skb itself still there, sent, but not gone? Then likewise. */
bool yoke_pace_still_here(struct sock *sk, const struct sk_buff *skb);
/* Charges @skb, which goes to IP, to @sk, until it has left the device. */
void yoke_pace_charge(struct sock *sk, struct sk_buff *skb);
/*
 * @skb, which may be so charged, was cut into @segs: now each of them is, for what it is. Any context,
 * no lock.
 */
void yoke_pace_divide(struct sk_buff *skb, struct sk_buff *segs);

/* At load; and at unload, when no socket is left. */
void yoke_pace_init(void);
void yoke_pace_exit(void);

/* TCP_TX_DELAY: @skb is to leave later than it would, where fq has the device. */
void yoke_pace_delay(const struct sock *sk, struct sk_buff *skb);

#endif
