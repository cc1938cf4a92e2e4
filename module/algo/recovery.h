/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loss recovery: when what was lost is sent again, and how much may be sent meanwhile (RFC 8985
 * §7 tail loss probes, RFC 6582 NewReno where there is no SACK).
 *
 * The engine keeps the retransmit queue (in sequence order) and tells this file what happens to its
 * segments. Times and amounts as in scoreboard.h.
 */
#ifndef YOKE_RECOVERY_H
#define YOKE_RECOVERY_H

#include <linux/types.h>
#include "cc.h"
#include "one_ack.h"
#include "prr.h"
#include "rack.h"
#include "rate.h"
#include "rtt.h"
#include "scoreboard.h"

enum yoke_recovery_state {	/* Linux's TCP_CA_*, with its numbers, for tcp_info.tcpi_ca_state */
	YOKE_CA_OPEN,
	YOKE_CA_DISORDER,
	YOKE_CA_CWR,
	YOKE_CA_RECOVERY,
	YOKE_CA_LOSS,
};

enum yoke_frto {	/* RFC 5682: is the timeout spurious? */
	YOKE_FRTO_OFF,
	YOKE_FRTO_FIRST,	/* the head has gone out again; its ACK is awaited */
	YOKE_FRTO_SECOND,	/* new data has gone out; what its ACK says will tell */
};

/**
 * struct yoke_recovery - that of one connection
 * @board:	the scoreboard
 * @rack:	what of it is lost
 * @recover:	recovery point: SND.NXT when recovery, or a reduction for ECN, began
 * @first_retrans_us: time of the first retransmission of this episode (Eifel), valid if
 *		@undo_armed and @undo_retrans >= 0
 * @state:	enum yoke_recovery_state
 * @dupacks:	duplicate ACKs in a row, without SACK
 * @hold:	without SACK: duplicate ACKs for @recover itself mean nothing (RFC 6582 §3.2 step 1)
 * @frto:	enum yoke_frto
 * @tlp_*:	a tail loss probe is outstanding (RFC 8985 §7); whether it was a retransmission;
 *		SND.NXT when it left
 * @prr:	the reduction under way, or the last one
 * @undo_armed:	the reduction is taken back if all retransmissions of the episode prove needless
 * @undo_cwnd:	cwnd to return to, 0: none, as marks prove the congestion
 * @undo_ssthresh: ssthresh to return to
 * @undo_una:	SND.UNA when the episode began
 * @undo_retrans: bytes retransmitted in it and not yet proven needless, -1 before the first
 * @reduced:	cwnd was reduced, and nothing beyond @recover is acknowledged yet: marks until then
 *		are of the same congestion (RFC 3168 §6.1.2); @cwr_due: nor has the peer been told
 * @rto_una:	SND.UNA at the last timeout
 * @rate:	the delivery rate
 */
struct yoke_recovery {
	struct yoke_scoreboard board;
	struct yoke_rack rack;
	u32	recover;
	u32	first_retrans_us;

	u16	dupacks;
	u8	state;
	u8	frto;
	bool	hold:1,
		tlp_out:1,
		tlp_retrans:1,
		undo_armed:1,
		reduced:1,
		cwr_due:1;
	u32	tlp_end_seq;

	struct yoke_prr prr;

	u32	undo_cwnd;
	u32	undo_ssthresh;
	u32	undo_una;
	s32	undo_retrans;

	u32	rto_una;

	struct yoke_rate rate;
};

/* @dup_thresh, @dup_most, @flags: as in struct yoke_rack. */
void yoke_recovery_init(struct yoke_recovery *r, u16 dup_thresh, u16 dup_most, u8 flags);

/* @seg goes out for the first time. */
void yoke_recovery_sent(struct yoke_recovery *r, struct yoke_seg *seg, u32 now_us);
/* @seg went out before anybody kept account: when, and how often, is not known. */
void yoke_recovery_restored(struct yoke_recovery *r, struct yoke_seg *seg, u32 now_us);
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

/* A recovery has begun in which nothing was retransmitted yet. */
static inline bool yoke_recovery_fresh(const struct yoke_recovery *r)
{
	return r->undo_armed && r->undo_retrans < 0;
}

/* True once after each reduction: the new segment that goes out now is to carry CWR. */
static inline bool yoke_recovery_take_cwr(struct yoke_recovery *r)
{
	bool due = r->cwr_due;

	r->cwr_due = false;
	return due;
}

/* The next segment to retransmit, or NULL; F-RTO may hold back what is lost. */
struct yoke_seg *yoke_recovery_next(const struct yoke_recovery *r);
/* F-RTO wanted new data to go, and none could (RFC 5682 §2.1 step 2b): it holds back nothing. */
static inline bool yoke_recovery_frto_starved(struct yoke_recovery *r, u32 snd_nxt)
{
	if (likely(r->frto != YOKE_FRTO_SECOND) || snd_nxt != r->recover)
		return false;
	r->frto = YOKE_FRTO_OFF;
	return true;
}

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
/*
 * @seg, in flight, is of larger segments than the path carries: lost, but not by congestion (RFC 1191
 * §6.4). It goes again as after a timeout, with the window as it is.
 */
void yoke_recovery_too_large(struct yoke_recovery *r, struct yoke_seg *seg, u32 snd_nxt);
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
