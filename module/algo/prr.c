// SPDX-License-Identifier: GPL-2.0
/*
 * Proportional rate reduction: how much each ACK of a recovery lets out.
 *
 * Owns: struct yoke_prr. Caller holds the socket lock.
 * RFC 6937 §3.1, with the conservative bound as long as more is found lost, the slow start bound
 * else.
 */
#include <linux/types.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include "prr.h"

void yoke_prr_begin(struct yoke_prr *prr, u32 cwnd)
{
	prr->prior_cwnd = max(cwnd, 1u);
	prr->delivered = 0;
	prr->out = 0;
}

u32 yoke_prr_sndcnt(struct yoke_prr *prr, u32 ssthresh, u32 mss, u32 pipe, u32 delivered,
		    bool advanced, bool newly_lost)
{
	s64 sndcnt;

	prr->delivered += delivered;
	sndcnt = (s64)prr->delivered - prr->out;
	if (pipe > ssthresh) {
		sndcnt = div_u64((u64)prr->delivered * ssthresh + prr->prior_cwnd - 1,
				 prr->prior_cwnd);
		sndcnt -= prr->out;
	} else {
		/* Bytes for segments: where the RFC lets one out, it is to be a whole one. */
		if (delivered || !pipe)
			sndcnt = max3(sndcnt, (s64)delivered, (s64)mss);
		if (advanced && !newly_lost)
			sndcnt += mss;
		sndcnt = min(sndcnt, (s64)ssthresh - pipe);
	}
	if (!prr->out)		/* the fast retransmit itself */
		sndcnt = max(sndcnt, (s64)mss);
	return max_t(s64, sndcnt, 0);
}
