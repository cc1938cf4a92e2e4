/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Proportional rate reduction (RFC 6937): a reduction of cwnd is spread over the round trip that
 * follows, so that data goes on leaving while cwnd comes down. All amounts are bytes.
 */
#ifndef YOKE_PRR_H
#define YOKE_PRR_H

#include <linux/types.h>

/**
 * struct yoke_prr - one reduction, with the RFC's names
 * @delivered:	delivered since it began
 * @out:	sent since it began
 * @prior_cwnd:	cwnd when it began: RecoverFS, by the name of the variable that it is made of
 */
struct yoke_prr {
	u32	delivered;
	u32	out;
	u32	prior_cwnd;
};

/* A reduction begins. @cwnd: the one that is to be reduced. */
void yoke_prr_begin(struct yoke_prr *prr, u32 cwnd);

/* @len bytes go out, in a reduction or not. */
static inline void yoke_prr_sent(struct yoke_prr *prr, u32 len)
{
	prr->out += len;
}

/*
 * An ACK delivered @delivered, made SND.UNA @advanced, and told of losses or not (@newly_lost):
 * how much may go out on it, beside the @pipe that is in flight.
 */
u32 yoke_prr_sndcnt(struct yoke_prr *prr, u32 ssthresh, u32 mss, u32 pipe, u32 delivered,
		    bool advanced, bool newly_lost);

#endif
