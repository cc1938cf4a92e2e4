// SPDX-License-Identifier: GPL-2.0
/*
 * DCTCP: for networks whose switches mark at a short queue. The window is reduced by as much as
 * there is congestion: by half the share of bytes that were marked. Without marks, after losses,
 * and with a peer that knows no ECN it is Reno.
 *
 * Owns: yoke_cc.priv of connections with this algorithm. Caller holds the socket lock.
 * RFC 8257 §3.3 (alpha), §3.4 (losses); its receiver is in ecn.h.
 */
#include <linux/types.h>
#include <linux/inet_diag.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include "cc_dctcp.h"

#define ALPHA_ONE	1024u
#define G_SHIFT		4		/* g = 1/16, §4.2 */

/**
 * struct dctcp - yoke_cc.priv
 * @alpha:	estimate of the share of bytes that are marked, in ALPHA_ONE
 * @left:	bytes that are left of the observation window, a window of data
 * @acked:	bytes delivered in it,
 * @marked:	and how many of them with a mark
 */
struct dctcp {
	u32	alpha;
	u32	left;
	u32	acked;
	u32	marked;
};

static struct dctcp *dctcp(struct yoke_cc *cc)
{
	_Static_assert(sizeof(struct dctcp) <= sizeof(cc->priv), "DCTCP does not fit into priv");
	return (struct dctcp *)cc->priv;
}

static void dctcp_init(struct yoke_cc *cc)
{
	/* §3.3: at first all is held to be marked, so that the first mark halves the window. */
	dctcp(cc)->alpha = ALPHA_ONE;
}

/* §3.3 steps 2 to 7. */
static void dctcp_marks(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
	struct dctcp *d = dctcp(cc);
	u32 share;

	d->acked += ack->acked;
	d->marked += ack->marked;
	if (ack->acked < d->left) {
		d->left -= ack->acked;
		return;
	}
	share = div_u64((u64)d->marked * ALPHA_ONE, max(d->acked, 1u));
	/* What is left of it after the shift vanishes too, else alpha never would. */
	d->alpha -= d->alpha >> G_SHIFT ?: d->alpha;
	d->alpha = min(d->alpha + (share >> G_SHIFT), ALPHA_ONE);
	d->acked = 0;
	d->marked = 0;
	d->left = ack->in_flight - min(ack->acked, ack->in_flight);
}

/* Step 9. */
static u32 dctcp_ecn(struct yoke_cc *cc)
{
	u32 less = (u64)cc->cwnd * dctcp(cc)->alpha / (2 * ALPHA_ONE);

	return max(cc->cwnd - less, 2 * cc->mss);
}

static size_t dctcp_get_info(const struct yoke_cc *cc, u32 ext, int *attr, union tcp_cc_info *info)
{
	const struct dctcp *d = (const struct dctcp *)cc->priv;

	if (!(ext & (1 << (INET_DIAG_DCTCPINFO - 1) | 1 << (INET_DIAG_VEGASINFO - 1))))
		return 0;
	*attr = INET_DIAG_DCTCPINFO;
	info->dctcp = (struct tcp_dctcp_info) {
		.dctcp_enabled	= 1,
		.dctcp_alpha	= d->alpha,
		.dctcp_ab_ecn	= d->marked,
		.dctcp_ab_tot	= d->acked,
	};
	return sizeof(info->dctcp);
}

const struct yoke_cc_ops yoke_cc_dctcp = {
	.name		= "dctcp",
	.flags		= YOKE_CC_NEEDS_ECN,
	.init		= dctcp_init,
	.ack		= yoke_cc_reno_ack,
	.marks		= dctcp_marks,
	.ssthresh	= yoke_cc_reno_ssthresh,
	.ecn		= dctcp_ecn,
	.get_info	= dctcp_get_info,
};
