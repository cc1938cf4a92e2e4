/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What one acknowledgement says, handed from the engine through recovery.c to all that learn from it:
 * RACK, the delivery rate, congestion control. Times and amounts as in scoreboard.h.
 */
#ifndef YOKE_ONE_ACK_H
#define YOKE_ONE_ACK_H

#include <linux/types.h>
#include "rate.h"

/**
 * struct yoke_ack - one acknowledgement on its way through the scoreboard
 *
 * The engine fills in the first group (ack_begin()); yoke_recovery_ack_begin() clears the second,
 * and what becomes of each segment adds to it.
 * @now_us:	clock
 * @ack:	SEG.ACK
 * @prior_una:	SND.UNA before
 * @snd_nxt:	SND.NXT
 * @dup:	a duplicate ACK as RFC 5681 §2 defines it (no data, same
 *		window, same ACK, data outstanding)
 * @sack:	the connection uses SACK
 * @dsack:	the segment reports a duplicate (RFC 2883), @dsack_start/@dsack_end the range
 * @dubious:	likewise, but the network may have made it: it tells of a tail loss probe only
 * @ts_undo:	Eifel (RFC 3522): TSecr is older than the timestamp of the episode's first
 *		retransmission (yoke_sock.retrans_ts)
 * @more:	there is new data, and the peer's window lets it out
 * @ece:	it echoes marks of congestion (RFC 3168)
 * @delivered:	bytes newly acknowledged or SACKed
 * @marked:	how many of these arrived with a mark, as the engine reads the peer
 * @rtt_us:	RTT of the segment sent last among those never retransmitted and newly
 *		acknowledged or SACKed, 0 if none. If one of those below SEG.ACK was
 *		retransmitted, none of these counts (Karn), but the timestamp that comes
 *		back may tell (ack_rtt())
 * @rack_rtt_us: the same, with the retransmitted ones that RACK believes
 * @prior_in_flight: bytes in flight before
 * @prior_fack:	highest sequence number delivered before
 * @lost:	bytes newly held to be lost
 * @overtaken:	how many bytes behind @prior_fack the farthest straggler began
 * @rate:	the delivery rate
 * @retrans_acked: a segment retransmitted in this episode was cumulatively acknowledged
 * @ambiguous:	the same, of any episode
 * @orig_delivered: a segment sent before the last timeout, and not again, was delivered
 */
struct yoke_ack {
	u32	now_us;
	u32	ack;
	u32	prior_una;
	u32	snd_nxt;
	u32	dsack_start;
	u32	dsack_end;
	bool	dup;
	bool	sack;
	bool	dsack;
	bool	dubious;
	bool	ts_undo;
	bool	more;
	bool	ece;

	u32	delivered;
	u32	marked;
	u32	rtt_us;
	u32	rack_rtt_us;
	u32	prior_in_flight;
	u32	prior_fack;
	u32	lost;
	u32	overtaken;
	struct yoke_rate_sample rate;
	bool	retrans_acked;
	bool	ambiguous;
	bool	orig_delivered;
};

#endif
