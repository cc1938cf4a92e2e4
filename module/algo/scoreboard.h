/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The scoreboard: which of the segments sent are in flight, delivered or lost (RFC 6675).
 *
 * Every transmitted, not yet acknowledged segment has one struct yoke_seg;
 * it is on one of two lists or on none:
 *
 *	sent	in flight, ordered by the time of the last transmission (what RACK walks);
 *		without SACK by sequence (the first is what a partial ACK says is missing)
 *	lost	held to be lost, waiting for retransmission, ordered by sequence
 *	-	SACKed
 *
 * All amounts are bytes of sequence space, all times microseconds of a clock that wraps (compare by
 * difference).
 */
#ifndef YOKE_SCOREBOARD_H
#define YOKE_SCOREBOARD_H

#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include "rate.h"

enum yoke_seg_state {
	YOKE_SEG_SENT,
	YOKE_SEG_LOST,
	YOKE_SEG_SACKED,
};

/**
 * struct yoke_seg - one segment of the retransmit queue (lives in skb->cb)
 * @node:	on &yoke_scoreboard.sent or .lost, or empty if never sent; of a SACKed one @node.next is what
 *		yoke_scoreboard_run() says
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

/**
 * struct yoke_scoreboard - that of one connection
 * @sent:	segments in flight
 * @lost:	segments to retransmit
 * @lost_hint:	where the last segment was put into the middle of @lost, or NULL
 * @sent_hint:	without SACK: the last that was sent again, if it is still on @sent, or NULL
 * @in_flight:	bytes of @sent less @reno_sacked (RFC 6675 "pipe")
 * @lost_bytes:	bytes on @lost
 * @sacked:	bytes SACKed above SND.UNA
 * @sacked_segs: segments SACKed above SND.UNA
 * @reno_sacked: without SACK: bytes that duplicate ACKs say have left the network
 * @newreno:	the connection has no SACK
 */
struct yoke_scoreboard {
	struct list_head sent;
	struct list_head lost;
	struct yoke_seg *lost_hint;
	struct yoke_seg *sent_hint;
	u32	in_flight;
	u32	lost_bytes;
	u32	sacked;
	u32	sacked_segs;
	u32	reno_sacked;
	bool	newreno;
};

void yoke_scoreboard_init(struct yoke_scoreboard *b);

static inline u32 yoke_seg_len(const struct yoke_seg *seg)
{
	return seg->end_seq - seg->seq;
}

static inline struct yoke_seg *yoke_scoreboard_first(const struct list_head *list)
{
	return list_empty(list) ? NULL : list_first_entry(list, struct yoke_seg, node);
}

/* @seg goes out for the first time. */
static inline void yoke_scoreboard_sent(struct yoke_scoreboard *b, struct yoke_seg *seg, u32 now_us)
{
	seg->state = YOKE_SEG_SENT;
	seg->retrans = 0;
	seg->tx_us = now_us;
	list_add_tail(&seg->node, &b->sent);
	b->in_flight += yoke_seg_len(seg);
}

/* @len bytes are no longer on `sent`; keeps in_flight + reno_sacked = sum of `sent`. */
static inline void yoke_scoreboard_leave_flight(struct yoke_scoreboard *b, u32 len)
{
	if (unlikely(len > b->in_flight)) {
		b->reno_sacked -= min(len - b->in_flight, b->reno_sacked);
		len = b->in_flight;
	}
	b->in_flight -= len;
}

/* @seg, lost or in flight, goes out again. */
void yoke_scoreboard_resent(struct yoke_scoreboard *b, struct yoke_seg *seg, u32 now_us);
/* @seg was cut at @seq: @tail, uninitialised, becomes [@seq, end) in the same state. */
void yoke_scoreboard_split(struct yoke_scoreboard *b, struct yoke_seg *seg, struct yoke_seg *tail,
			   u32 seq);
/* @seg is acknowledged, and leaves the lists. Returns whether that is news: it was not SACKed. */
bool yoke_scoreboard_acked(struct yoke_scoreboard *b, struct yoke_seg *seg);
/* The first @len bytes of @seg, not all, are acknowledged. Returns whether that is news. */
bool yoke_scoreboard_trim(struct yoke_scoreboard *b, struct yoke_seg *seg, u32 len);
/* @seg is SACKed, and was not. */
void yoke_scoreboard_sacked(struct yoke_scoreboard *b, struct yoke_seg *seg);
/* @seg is SACKed, and so are all behind it up to this one, which may be itself, as far as was noted. */
static inline struct yoke_seg *yoke_scoreboard_run(const struct yoke_seg *seg)
{
	return list_entry(seg->node.next, struct yoke_seg, node);
}

static inline void yoke_scoreboard_note_run(struct yoke_seg *seg, struct yoke_seg *last)
{
	seg->node.next = &last->node;
}

/* @seg is not SACKed any more, but lost; nor may one be of which that was noted. */
void yoke_scoreboard_unsacked(struct yoke_scoreboard *b, struct yoke_seg *seg);
/* @seg is not in flight any more, but lost. */
void yoke_scoreboard_lost(struct yoke_scoreboard *b, struct yoke_seg *seg);
/* @seg is not lost any more, but in flight: the next to be found lost. */
void yoke_scoreboard_found(struct yoke_scoreboard *b, struct yoke_seg *seg);
/* All that is held to be lost is in flight after all. */
void yoke_scoreboard_found_all(struct yoke_scoreboard *b);
/* Without SACK: a duplicate ACK says that @len bytes have left the network; how many could have. */
u32 yoke_scoreboard_dup(struct yoke_scoreboard *b, u32 len);
/* Without SACK: @len of those bytes, at most all, are acknowledged or in flight; how many were. */
u32 yoke_scoreboard_undup(struct yoke_scoreboard *b, u32 len);

#endif
