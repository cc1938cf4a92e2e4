// SPDX-License-Identifier: GPL-2.0
/*
 * What an administrator says of a route: the windows to begin with, timers, the algorithm.
 *
 * Owns: the fields named for it in struct yoke_sock; tells rtt and cc what holds. The route is asked when a
 * connection begins; what it says of MTU, MSS and ECN is read where those are decided.
 * Runs under the socket lock, in process context or BH.
 */
#include <net/dst.h>
#include "metrics.h"
#include "../table/cc_table.h"

/*
 * RTAX_RTO_MIN goes before what the program has set. It bounds how long an ACK of ours may wait, too:
 * the peer is thought to be as patient as we are.
 */
void yoke_metrics_timers(struct sock *sk)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	const struct dst_entry *dst = __sk_dst_get(sk);
	struct yoke_sock *ys = yoke_sk(sk);
	unsigned long rto_min = ys->rto_min ?: usecs_to_jiffies(READ_ONCE(set->rto_min_us));

	if (dst && dst_metric_locked(dst, RTAX_RTO_MIN))
		rto_min = dst_metric_rtt(dst, RTAX_RTO_MIN);
	rto_min = min(rto_min, usecs_to_jiffies(YOKE_RTO_MAX_US));
	yoke_rtt_bound(&ys->rtt, jiffies_to_usecs(rto_min), ys->rtt.rto_max_us);
	ys->delack = clamp_t(unsigned long, rto_min - 1, 1,
			     min_t(int, ys->delack_max ?: YOKE_DELACK, YOKE_DELACK));
}

/* RTAX_CC_ALGO, before what the program has chosen until now; what it chooses later holds unless locked. */
static void metrics_algorithm(struct sock *sk, const struct dst_entry *dst)
{
	u32 key = dst_metric(dst, RTAX_CC_ALGO);
	struct yoke_sock *ys = yoke_sk(sk);
	const struct yoke_cc_ops *ops;

	ys->cc_locked = false;
	if (likely(!key))
		return;
	ops = yoke_cc_table_by_key(key);
	if (!ops)
		return;
	yoke_cc_table_put(ys->cc.ops);
	ys->cc.ops = ops;
	ys->cc_locked = dst_metric_locked(dst, RTAX_CC_ALGO);
}

void yoke_metrics_take(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	struct yoke_sock *ys = yoke_sk(sk);

	if (ys->window_clamp == U32_MAX && dst_metric(dst, RTAX_WINDOW)) {
		ys->window_clamp = dst_metric(dst, RTAX_WINDOW);
		ys->route_clamp = true;
	}
	ys->route_window = dst_metric(dst, RTAX_INITRWND);
	ys->route_quickack = dst_metric(dst, RTAX_QUICKACK);
	yoke_metrics_timers(sk);
	metrics_algorithm(sk, dst);
}

void yoke_metrics_cc_init(struct sock *sk, u8 tries)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	struct yoke_sock *ys = yoke_sk(sk);
	u32 init = 0, most = 0;

	if (likely(dst)) {
		init = dst_metric(dst, RTAX_INITCWND);
		if (dst_metric_locked(dst, RTAX_CWND))
			most = dst_metric(dst, RTAX_CWND);
	}
	yoke_cc_init(&ys->cc, ys->cc.ops, ys->mss, init, most);
	/* RFC 5681 §3.1; once may have been too early (RFC 6928 §2). */
	if (unlikely(tries > 1))
		ys->cc.cwnd = ys->cc.mss;
}
