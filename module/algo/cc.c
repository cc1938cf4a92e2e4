// SPDX-License-Identifier: GPL-2.0
/*
 * Congestion control: what all algorithms share, the list of them, and Reno.
 *
 * Owns: struct yoke_cc but for priv, which is the algorithm's. recovery.c writes cwnd and ssthresh
 * too: it decides when, the algorithm how much. Caller holds the socket lock.
 * RFC 5681 §3.1 (slow start, congestion avoidance) §4.1 (restart), RFC 3465 (counting bytes),
 * RFC 6928 (initial window), RFC 2861 and 7661 (an unused window neither grows nor lasts).
 */
#include <linux/types.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "cc_bbr.h"
#include "cc_cubic.h"
#include "cc.h"

const struct yoke_cc_ops *const yoke_cc_builtin[] = {
	&yoke_cc_reno,
	&yoke_cc_cubic,
	&yoke_cc_bbr,
	&yoke_cc_dctcp,
	NULL
};

/*
 * So many segments whatever the MSS, as Linux has it; RFC 6928's bound of 14600 bytes would make it
 * two on jumbo frames.
 */
static u32 initial_window(const struct yoke_cc *cc)
{
	return min_t(u64, (u64)cc->init_segs * cc->mss, YOKE_CC_CWND_MAX);
}

void yoke_cc_init(struct yoke_cc *cc, const struct yoke_cc_ops *ops, u32 mss, u32 init_segs,
		  u32 most_segs)
{
	/* All but the algorithm, which those who find a listener read without its lock. */
	cc->ops = ops;
	memset_startat(cc, 0, cwnd);
	cc->mss = max(mss, 1u);
	cc->ssthresh = ~0u;
	cc->most_segs = most_segs;
	cc->init_segs = min(init_segs ?: YOKE_CC_INIT_SEGS, most_segs ?: ~0u);
	cc->cwnd = initial_window(cc);
	if (ops->init)
		ops->init(cc);
}

void yoke_cc_set_mss(struct yoke_cc *cc, u32 mss)
{
	cc->mss = max(mss, 1u);
	cc->cwnd = max(cc->cwnd, cc->mss);
	/* A reduction may still be on its way there; and less than a segment lets nothing out. */
	cc->ssthresh = max(cc->ssthresh, 2 * cc->mss);
}

void yoke_cc_idle(struct yoke_cc *cc, u32 idle_us, u32 rto_us, u32 now_us)
{
	u32 restart = min(initial_window(cc), cc->cwnd);

	if (cc->ops->idle)
		cc->ops->idle(cc, now_us);
	if (cc->ops->control)
		return;
	if (idle_us <= rto_us || !rto_us)
		return;
	cc->ssthresh = max(cc->ssthresh, cc->cwnd / 4 * 3);	/* what it carried, RFC 2861 */
	for (; idle_us > rto_us && cc->cwnd > restart; idle_us -= rto_us)
		cc->cwnd /= 2;
	cc->cwnd = max(cc->cwnd, restart);
	cc->credit = 0;
}

void yoke_cc_change(struct yoke_cc *cc, const struct yoke_cc_ops *ops)
{
	cc->ops = ops;
	cc->credit = 0;
	memset(cc->priv, 0, sizeof(cc->priv));
	if (ops->init)
		ops->init(cc);
}

const struct yoke_cc_ops yoke_cc_reno = {
	.name		= "reno",
	.flags		= YOKE_CC_UNRESTRICTED,
	.ack		= yoke_cc_reno_ack,
	.ssthresh	= yoke_cc_reno_ssthresh,
};
