/* SPDX-License-Identifier: GPL-2.0 */
/* A received segment, parsed; and what its acknowledgement does to the retransmit queue. */
#ifndef YOKE_ACK_H
#define YOKE_ACK_H

#include "conn.h"

/**
 * struct yoke_segment - one received segment, parsed once; called s, as seg is one that is queued
 * @seq:	SEG.SEQ
 * @end_seq:	one past its last, SYN and FIN counted
 * @ack:	SEG.ACK, valid with YOKE_ACK in @flags
 * @wnd:	the window field, unscaled
 * @len:	bytes of data
 * @urg:	urgent pointer
 * @flags:	YOKE_*
 * @opt:	options
 */
struct yoke_segment {
	u32	seq;
	u32	end_seq;
	u32	ack;
	u16	wnd;
	u16	urg;
	u32	len;
	u16	flags;
	struct yoke_opt opt;
};

#define YOKE_PAWS_SECONDS	(24 * 86400)

/*
 * RFC 7323 §5.5: after so long a silence TS.Recent, of @ts_recent_s, says nothing any more; nor
 * does 0, which some send with their SYN, and then begin anywhere (as Linux).
 */
static inline bool yoke_ack_ts_outdated(u32 ts_recent, u32 ts_recent_s)
{
	return !ts_recent || (u32)ktime_get_seconds() - ts_recent_s >= YOKE_PAWS_SECONDS;
}

/* The header of @skb (transport header set, pulled in and checked by the carrier). */
void yoke_ack_parse(const struct sk_buff *skb, struct yoke_segment *s);

/*
 * The fifth step of RFC 9293 §3.10.7.4, but for the states: SND.UNA,
 * window, scoreboard, RTT, cwnd; frees what is acknowledged and arms
 * timers; the caller runs yoke_send_push() then. Socket lock held.
 * Returns false if the segment is to be dropped and answered with an ACK:
 * it acknowledges what was never sent, or is far too old (RFC 5961 §5.2).
 */
bool yoke_ack_process(struct sock *sk, const struct yoke_segment *s);

/* The round trip that the timestamp echoed by @s tells of, us; 0 where it tells of none. Socket lock held. */
u32 yoke_ack_echo_us(const struct yoke_sock *ys, const struct yoke_segment *s);

/*
 * The fate of the path MTU probe under way (RFC 4821 §7.6), after an ACK, or a timer in place of one;
 * recovery was in @prior_state before.
 */
void yoke_ack_mtu_probe(struct sock *sk, u8 prior_state);

#endif
