// SPDX-License-Identifier: GPL-2.0
/*
 * ACK compression, behind a gap one ACK for many segments: each deserves its own (RFC 5681 §4.2),
 * but those beyond the third, which tell the sender little more, are held back for a moment and
 * leave as one, as Linux has them.
 *
 * Owns: struct yoke_compress; held_acks, which engine/output.c ends when any ACK leaves.
 * Runs under the socket lock; the timer in softirq takes it, or leaves the ACK to release_cb.
 */
#include "compress.h"
#include "output.h"

#define YOKE_TOLD_AT_ONCE	3	/* duplicate ACKs, RFC 5681 §3.2 */
#define YOKE_RTT_PARTS		20	/* of a round trip that it may take */

void yoke_compress_release(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (!ys->held_acks || sk->sk_state == TCP_CLOSE)
		return;
	yoke_conn_clock(ys);
	yoke_output_ack(sk);
}

static enum hrtimer_restart compress_expire(struct hrtimer *timer)
{
	struct sock *sk = container_of(timer, struct yoke_compress, timer)->sk;

	bh_lock_sock(sk);
	if (sock_owned_by_user(sk))
		set_bit(YOKE_DEFER_ACK, &yoke_sk(sk)->defer);
	else
		yoke_compress_release(sk);
	bh_unlock_sock(sk);
	sock_put(sk);
	return HRTIMER_NORESTART;
}

/* Made at the first gap. Without memory there is none. */
static struct yoke_compress *compress_of(struct sock *sk)
{
	struct yoke_compress *c = yoke_sk(sk)->compress;

	if (likely(c))
		return c;
	c = kzalloc(sizeof(*c), GFP_ATOMIC | __GFP_NOWARN);
	if (!c)
		return NULL;
	c->sk = sk;
	hrtimer_setup(&c->timer, compress_expire, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_SOFT);
	yoke_sk(sk)->compress = c;
	return c;
}

/* How long an ACK may wait, ns: by the shorter of what each direction says of the round trip. */
static u64 compress_delay(const struct yoke_sock *ys, const struct yoke_settings *set)
{
	u32 rtt_us = ys->tune.rtt_us;

	if (!rtt_us || (ys->rtt.srtt_us && ys->rtt.srtt_us < rtt_us))
		rtt_us = ys->rtt.srtt_us;
	return min_t(u64, READ_ONCE(set->comp_sack_delay_ns),
		     (u64)rtt_us * (NSEC_PER_USEC / YOKE_RTT_PARTS));
}

bool yoke_compress_ack(struct sock *sk)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_compress *c;

	if (!ys->use_sack || ys->held_acks >= READ_ONCE(set->comp_sack_nr))
		return false;
	c = compress_of(sk);
	if (!c)
		return false;
	if (c->rcv_nxt != ys->rcv_nxt) {
		c->rcv_nxt = ys->rcv_nxt;
		c->told = 0;
	}
	if (c->told < YOKE_TOLD_AT_ONCE) {
		c->told++;
		return false;
	}
	ys->held_acks++;
	if (!hrtimer_is_queued(&c->timer)) {
		sock_hold(sk);
		hrtimer_start_range_ns(&c->timer, ns_to_ktime(compress_delay(ys, set)),
				       READ_ONCE(set->comp_sack_slack_ns),
				       HRTIMER_MODE_REL_PINNED_SOFT);
	}
	return true;
}
