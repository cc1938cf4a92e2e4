/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loss recovery: which of the segments sent are in flight, delivered or
 * lost, and how much may be sent meanwhile (RFC 6675 scoreboard, RFC 8985
 * RACK-TLP, RFC 6937 PRR, RFC 6582 NewReno where there is no SACK).
 *
 * Every transmitted, not yet acknowledged segment has one struct yoke_seg;
 * it is on one of two lists or on none:
 *
 *	sent	in flight, ordered by the time of the last transmission (what RACK walks);
 *		without SACK by sequence (the first is what a partial ACK says is missing)
 *	lost	held to be lost, waiting for retransmission, ordered by sequence
 *	-	SACKed
 *
 * The engine keeps the retransmit queue (in sequence order) and tells this file what happens to its
 * segments. All amounts are bytes of sequence space, all times microseconds of a clock that wraps
 * (compare by difference).
 */
#ifndef YOKE_RECOVERY_H
#define YOKE_RECOVERY_H

#include <linux/types.h>
#include <linux/list.h>
#include "cc.h"
#include "rate.h"
#include "rtt.h"

enum yoke_seg_state {
	YOKE_SEG_SENT,
	YOKE_SEG_LOST,
	YOKE_SEG_SACKED,
};

/**
 * struct yoke_seg - one segment of the retransmit queue (lives in skb->cb)
 * @node:	on &yoke_recovery.sent or .lost, or empty if SACKed or never sent
 * @seq:	first sequence number
 * @end_seq:	one past the last (SYN and FIN count)
 * @tx_us:	last transmission
 * @rate:	how fast data was delivered then
 * @state:	enum yoke_seg_state
 * @app_limited: the program limited sending then
 * @retrans:	times retransmitted, saturating
 * @room:	the engine's, which has no other in skb->cb
 */
struct yoke_seg {
	struct list_head node;
	u32	seq;
	u32	end_seq;
	u32	tx_us;
	struct yoke_rate_seg rate;
	u8	state:2,
		app_limited:1;
	u8	retrans;
	u8	room[6];
};

enum yoke_recovery_state {	/* Linux's TCP_CA_*, with its numbers, for tcp_info.tcpi_ca_state */
	YOKE_CA_OPEN,
	YOKE_CA_DISORDER,
	YOKE_CA_CWR,
	YOKE_CA_RECOVERY,
	YOKE_CA_LOSS,
};

/**
 * struct yoke_ack - one acknowledgement on its way through the scoreboard
 *
 * The engine fills in the first group, the calls below the second.
 * @now_us:	clock
 * @ack:	SEG.ACK
 * @prior_una:	SND.UNA before
 * @snd_nxt:	SND.NXT
 * @dup:	a duplicate ACK as RFC 5681 §2 defines it (no data, same
 *		window, same ACK, data outstanding)
 * @sack:	the connection uses SACK
 * @dsack:	the segment reports a duplicate (RFC 2883), @dsack_start/@dsack_end the range
 * @ts_undo:	Eifel (RFC 3522): TSecr is older than the first retransmission
 *		of the episode (yoke_recovery.first_retrans_us)
 * @limited:	cwnd limited sending since the last ACK
 * @more:	there is new data, and the peer's window lets it out
 * @ece:	it echoes marks of congestion (RFC 3168)
 * @delivered:	bytes newly acknowledged or SACKed, @marked by the engine's word so many of them
 * @rtt_us:	RTT of the segment sent last among those never retransmitted
 *		and newly acknowledged or SACKed, 0 if none
 * @rack_rtt_us: the same, with the retransmitted ones that RACK believes
 * @prior_in_flight: bytes in flight before
 * @prior_fack:	highest sequence number delivered before
 * @lost:	bytes newly held to be lost
 * @rate:	the delivery rate
 * @retrans_acked: a retransmitted segment was cumulatively acknowledged
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
	bool	ts_undo;
	bool	limited;
	bool	more;
	bool	ece;

	u32	delivered;
	u32	marked;
	u32	rtt_us;
	u32	rack_rtt_us;
	u32	prior_in_flight;
	u32	prior_fack;
	u32	lost;
	struct yoke_rate_sample rate;
	bool	retrans_acked;
	bool	orig_delivered;
};

enum yoke_frto {	/* RFC 5682: is the timeout spurious? */
	YOKE_FRTO_OFF,
	YOKE_FRTO_FIRST,	/* the head has gone out again; its ACK is awaited */
	YOKE_FRTO_SECOND,	/* new data has gone out; what its ACK says will tell */
};

/**
 * struct yoke_recovery - the scoreboard of one connection
 * @sent:	segments in flight
 * @lost:	segments to retransmit
 * @lost_hint:	where the last segment was put into the middle of @lost, or NULL
 * @in_flight:	bytes of @sent less @reno_sacked (RFC 6675 "pipe")
 * @lost_bytes:	bytes on @lost
 * @sacked:	bytes SACKed above SND.UNA
 * @sacked_segs: segments SACKed above SND.UNA
 * @reno_sacked: without SACK: bytes that duplicate ACKs say have left the network
 * @recover:	recovery point: SND.NXT when recovery, or a reduction for ECN, began
 * @first_retrans_us: time of the first retransmission of this episode (Eifel), valid if
 *		@undo_armed and @undo_retrans >= 0
 * @rack_*:	RFC 8985 §5.2: time, end sequence and RTT of the segment sent last
 *		that was delivered; highest sequence delivered; smallest RTT;
 *		reordering seen; the window's multiplier, how many recoveries it
 *		persists, and the end of the round in which it was raised last
 * @state:	enum yoke_recovery_state
 * @dupacks:	duplicate ACKs in a row, without SACK
 * @newreno:	the connection has no SACK
 * @hold:	without SACK: duplicate ACKs for @recover itself mean nothing (RFC 6582 §3.2 step 1)
 * @frto:	enum yoke_frto
 * @tlp_*:	§7: end_seq of the probe outstanding, whether it was a retransmission
 * @prr_*:	RFC 6937
 * @undo_*:	cwnd (0: marks prove the congestion) and ssthresh to return to when all
 *		retransmissions of the episode prove needless; SND.UNA when it began; bytes
 *		retransmitted and not yet so proven, -1 before the first
 * @reduced:	cwnd was reduced, and nothing beyond @recover is acknowledged yet: marks until then
 *		are of the same congestion (RFC 3168 §6.1.2); @cwr_due: nor has the peer been told
 * @rto_una:	SND.UNA at the last timeout
 * @retrans_total: segments retransmitted over the connection's life
 * @rate:	the delivery rate
 */
struct yoke_recovery {
	struct list_head sent;
	struct list_head lost;
	struct yoke_seg *lost_hint;
	u32	in_flight;
	u32	lost_bytes;
	u32	sacked;
	u32	sacked_segs;
	u32	reno_sacked;
	u32	recover;
	u32	first_retrans_us;

	u32	rack_tx_us;
	u32	rack_end_seq;
	u32	rack_rtt_us;
	u32	rack_min_us;
	u32	rack_fack;
	u32	rack_round_end;
	u8	rack_reo_mult;
	u8	rack_reo_persist;
	bool	rack_round;
	bool	rack_reordering;
	bool	rack_valid;

	u8	state;
	u8	dupacks;
	bool	newreno;
	bool	hold;
	u8	frto;
	bool	tlp_out;
	bool	tlp_retrans;
	bool	undo_armed;
	bool	reduced;
	bool	cwr_due;
	u32	tlp_end_seq;

	u32	prr_delivered;
	u32	prr_out;
	u32	prr_prior_cwnd;

	u32	undo_cwnd;
	u32	undo_ssthresh;
	u32	undo_una;
	s32	undo_retrans;

	u32	rto_una;
	u32	retrans_total;

	struct yoke_rate rate;
};

void yoke_recovery_init(struct yoke_recovery *r);

/* @seg goes out for the first time. */
void yoke_recovery_sent(struct yoke_recovery *r, struct yoke_seg *seg, u32 now_us);
/* @seg, lost or (tail loss probe) still in flight, goes out again. */
void yoke_recovery_resent(struct yoke_recovery *r, struct yoke_seg *seg, u32 now_us);
/*
 * The engine cut @seg (sent before, any state) at @seq: @tail, uninitialised, becomes
 * [@seq, end) in the same state; but without SACK only one segment is ever held to be
 * lost in fast recovery, so there the tail of a lost one is in flight again.
 */
void yoke_recovery_split(struct yoke_recovery *r, struct yoke_seg *seg, struct yoke_seg *tail,
			 u32 seq);

/* One ACK: begin, then for every segment what happened to it, then end. */
void yoke_recovery_ack_begin(struct yoke_recovery *r, struct yoke_ack *ack);
/* @seg is wholly below SEG.ACK: leaves the lists; the engine frees it. */
void yoke_recovery_acked(struct yoke_recovery *r, struct yoke_seg *seg, struct yoke_ack *ack);
/* @seg is acknowledged up to @seq inside it: it is now [@seq, end). Cheaper than splitting. */
void yoke_recovery_trim(struct yoke_recovery *r, struct yoke_seg *seg, u32 seq,
			struct yoke_ack *ack);
/* @seg lies wholly inside a SACK block and was not SACKed before. */
void yoke_recovery_sacked(struct yoke_recovery *r, struct yoke_seg *seg, struct yoke_ack *ack);
/*
 * Detects losses, enters and leaves recovery, undoes needless reductions, and sets cwnd: by @cc's
 * algorithm in the open state, by PRR in recovery. Afterwards the engine sends from
 * yoke_recovery_next() while yoke_recovery_room() lets it, then new data. Returns the microseconds
 * until the RACK reordering timer must call yoke_recovery_reo_timeout(), 0 for none.
 */
u32 yoke_recovery_ack_end(struct yoke_recovery *r, struct yoke_cc *cc, const struct yoke_rtt *rtt,
			  struct yoke_ack *ack);

/* True once after each reduction: the new segment that goes out now is to carry CWR. */
static inline bool yoke_recovery_take_cwr(struct yoke_recovery *r)
{
	bool due = r->cwr_due;

	r->cwr_due = false;
	return due;
}

/* The next segment to retransmit, or NULL; F-RTO may hold back what is lost. */
struct yoke_seg *yoke_recovery_next(const struct yoke_recovery *r);
/* Bytes that cwnd lets out now; limited transmit (RFC 3042) included. */
u32 yoke_recovery_room(const struct yoke_recovery *r, const struct yoke_cc *cc);

/* The reordering timer fired; returns as yoke_recovery_ack_end(). */
u32 yoke_recovery_reo_timeout(struct yoke_recovery *r, struct yoke_cc *cc,
			      const struct yoke_rtt *rtt, u32 snd_una, u32 snd_nxt, u32 now_us);
/*
 * The retransmission timer fired (RFC 6298 (5.4), RFC 5681 §3.1, RFC 8985 §6.3): what is
 * in flight is lost, but for what RACK says was sent too recently; cwnd lets one segment
 * out. ssthresh is reduced only the first time for the same data. With @frto the next two
 * ACKs may tell that the timeout was spurious (RFC 5682). Segments that were SACKed and that the
 * receiver forgot the engine reports through yoke_recovery_unsacked().
 */
void yoke_recovery_rto(struct yoke_recovery *r, struct yoke_cc *cc, u32 snd_una, u32 snd_nxt,
		       u32 now_us, bool frto);
/* What made the recovery begin was no congestion: it ends; what is lost stays so. */
void yoke_recovery_needless(struct yoke_recovery *r, struct yoke_cc *cc);
/* The receiver reneged on @seg (SACKed): it is lost (RFC 2018 §8). */
void yoke_recovery_unsacked(struct yoke_recovery *r, struct yoke_seg *seg);

/*
 * Microseconds to the tail loss probe (RFC 8985 §7.2) or 0 if none is to be scheduled (then the RTO
 * stands alone).
 */
u32 yoke_recovery_pto(const struct yoke_recovery *r, const struct yoke_rtt *rtt, u32 mss,
		      bool sack);
/* A probe went out: new data, or (@retrans) the last segment again; @end_seq is SND.NXT then. */
void yoke_recovery_tlp_sent(struct yoke_recovery *r, u32 end_seq, bool retrans);

#endif
