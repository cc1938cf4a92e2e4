// SPDX-License-Identifier: GPL-2.0
/*
 * The scoreboard of what was sent and is not acknowledged yet: every byte is counted where its
 * segment is.
 *
 * Owns: struct yoke_scoreboard; node, seq, end_seq, tx_us, state and retrans of struct yoke_seg.
 * Caller holds the socket lock.
 * RFC 6675 §4 (pipe); RFC 5681 §3.2 (without SACK, what duplicate ACKs say).
 */
#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "pair.h"
#include "scoreboard.h"

#define LOST_WALK		64

void yoke_scoreboard_init(struct yoke_scoreboard *b)
{
	memset(b, 0, sizeof(*b));
	INIT_LIST_HEAD(&b->sent);
	INIT_LIST_HEAD(&b->lost);
}

/* --- lost --- */

static void leave_lost(struct yoke_scoreboard *b, struct yoke_seg *seg)
{
	if (b->lost_hint == seg)
		b->lost_hint = NULL;
	b->lost_bytes -= min(yoke_seg_len(seg), b->lost_bytes);
}

static inline u32 seq_distance(const struct yoke_seg *a, const struct yoke_seg *b)
{
	return yoke_seq_before(a->seq, b->seq) ? b->seq - a->seq : a->seq - b->seq;
}

/*
 * Puts @seg into `lost` by sequence: mostly at one of its ends, else beside the last
 * one that was put into the middle. The walk is bounded, so a peer that reports losses
 * in a wild order spoils the order of retransmission but for the first, not our time.
 */
static void insert_lost(struct yoke_scoreboard *b, struct yoke_seg *seg)
{
	struct yoke_seg *pos, *last;
	int walk = LOST_WALK;

	seg->state = YOKE_SEG_LOST;
	b->lost_bytes += yoke_seg_len(seg);
	pos = yoke_scoreboard_first(&b->lost);
	if (!pos || yoke_seq_before(seg->seq, pos->seq)) {
		list_add(&seg->node, &b->lost);
		return;
	}
	last = list_last_entry(&b->lost, struct yoke_seg, node);
	if (yoke_seq_before(last->seq, seg->seq)) {
		list_add_tail(&seg->node, &b->lost);
		return;
	}
	/* From the nearest of first, last and hint, back before @seg, then on to the last such. */
	if (seq_distance(last, seg) < seq_distance(pos, seg))
		pos = last;
	if (b->lost_hint && seq_distance(b->lost_hint, seg) < seq_distance(pos, seg))
		pos = b->lost_hint;
	for (; walk && yoke_seq_after(pos->seq, seg->seq); walk--)
		pos = list_prev_entry(pos, node);
	for (; walk && yoke_seq_before(list_next_entry(pos, node)->seq, seg->seq); walk--)
		pos = list_next_entry(pos, node);
	list_add(&seg->node, &pos->node);
	b->lost_hint = seg;
}

/* --- sent --- */

static inline void leave_sent(struct yoke_scoreboard *b, struct yoke_seg *seg)
{
	if (unlikely(b->sent_hint == seg))
		b->sent_hint = NULL;
	yoke_scoreboard_leave_flight(b, yoke_seg_len(seg));
}

void yoke_scoreboard_lost(struct yoke_scoreboard *b, struct yoke_seg *seg)
{
	list_del(&seg->node);
	leave_sent(b, seg);
	insert_lost(b, seg);
}

/*
 * What is to follow @seg in `sent`: the end. Without SACK that is in order of sequence: fast recovery
 * resends what is first there, a timeout what mostly is last, with only the new data of F-RTO
 * behind it; and what a path no longer carries lies between what it does, but comes in order itself.
 */
static struct list_head *place_in_sent(struct yoke_scoreboard *b, const struct yoke_seg *seg)
{
	struct yoke_seg *pos, *last;

	if (!b->newreno || list_empty(&b->sent))
		return &b->sent;
	if (yoke_seq_before(seg->seq, yoke_scoreboard_first(&b->sent)->seq))
		return b->sent.next;
	last = list_last_entry(&b->sent, struct yoke_seg, node);
	pos = last;
	if (b->sent_hint && seq_distance(b->sent_hint, seg) < seq_distance(pos, seg))
		pos = b->sent_hint;
	/* Back before @seg, then on to the last such. */
	while (yoke_seq_after(pos->seq, seg->seq))
		pos = list_prev_entry(pos, node);
	while (pos != last && yoke_seq_before(list_next_entry(pos, node)->seq, seg->seq))
		pos = list_next_entry(pos, node);
	return pos->node.next;
}

void yoke_scoreboard_resent(struct yoke_scoreboard *b, struct yoke_seg *seg, u32 now_us)
{
	if (seg->state == YOKE_SEG_LOST) {
		leave_lost(b, seg);
		b->in_flight += yoke_seg_len(seg);
		seg->state = YOKE_SEG_SENT;
	}
	list_del(&seg->node);
	if (b->sent_hint == seg)
		b->sent_hint = NULL;
	list_add_tail(&seg->node, place_in_sent(b, seg));
	if (b->newreno)
		b->sent_hint = seg;
	seg->tx_us = now_us;
	if (seg->retrans < U8_MAX)
		seg->retrans++;
}

void yoke_scoreboard_found(struct yoke_scoreboard *b, struct yoke_seg *seg)
{
	leave_lost(b, seg);
	b->in_flight += yoke_seg_len(seg);
	seg->state = YOKE_SEG_SENT;
	list_move(&seg->node, &b->sent);
}

/*
 * It was sent before what is on `sent`; without SACK, after a timeout, `sent` is what has been
 * retransmitted since, and lower.
 */
void yoke_scoreboard_found_all(struct yoke_scoreboard *b)
{
	struct yoke_seg *seg;

	list_for_each_entry(seg, &b->lost, node)
		seg->state = YOKE_SEG_SENT;
	if (b->newreno && !list_empty(&b->lost))
		list_splice_tail_init(&b->lost, place_in_sent(b, yoke_scoreboard_first(&b->lost)));
	else
		list_splice_init(&b->lost, &b->sent);
	b->in_flight += b->lost_bytes;
	b->lost_bytes = 0;
	b->lost_hint = NULL;
}

void yoke_scoreboard_split(struct yoke_scoreboard *b, struct yoke_seg *seg, struct yoke_seg *tail,
			   u32 seq)
{
	tail->seq = seq;
	tail->end_seq = seg->end_seq;
	tail->tx_us = seg->tx_us;
	tail->rate = seg->rate;
	tail->state = seg->state;
	tail->app_limited = seg->app_limited;
	tail->retrans = seg->retrans;
	seg->end_seq = seq;
	if (seg->state == YOKE_SEG_SACKED) {
		INIT_LIST_HEAD(&tail->node);
		b->sacked_segs++;
	} else {
		list_add(&tail->node, &seg->node);
	}
}

/* --- delivered --- */

static void leave_sacked(struct yoke_scoreboard *b, struct yoke_seg *seg)
{
	b->sacked -= min(yoke_seg_len(seg), b->sacked);
	b->sacked_segs -= min(1u, b->sacked_segs);
}

bool yoke_scoreboard_acked(struct yoke_scoreboard *b, struct yoke_seg *seg)
{
	if (unlikely(seg->state == YOKE_SEG_SACKED)) {
		leave_sacked(b, seg);
		return false;
	}
	if (likely(seg->state == YOKE_SEG_SENT))
		leave_sent(b, seg);
	else
		leave_lost(b, seg);
	list_del_init(&seg->node);
	return true;
}

bool yoke_scoreboard_trim(struct yoke_scoreboard *b, struct yoke_seg *seg, u32 len)
{
	seg->seq += len;
	switch (seg->state) {
	case YOKE_SEG_SACKED:
		b->sacked -= min(len, b->sacked);
		return false;
	case YOKE_SEG_SENT:
		yoke_scoreboard_leave_flight(b, len);
		break;
	case YOKE_SEG_LOST:
		b->lost_bytes -= min(len, b->lost_bytes);
		break;
	}
	return true;
}

void yoke_scoreboard_sacked(struct yoke_scoreboard *b, struct yoke_seg *seg)
{
	u32 len = yoke_seg_len(seg);

	if (seg->state == YOKE_SEG_SENT)
		leave_sent(b, seg);
	else
		leave_lost(b, seg);
	list_del_init(&seg->node);
	seg->state = YOKE_SEG_SACKED;
	b->sacked += len;
	b->sacked_segs++;
}

void yoke_scoreboard_unsacked(struct yoke_scoreboard *b, struct yoke_seg *seg)
{
	leave_sacked(b, seg);
	insert_lost(b, seg);
}

u32 yoke_scoreboard_dup(struct yoke_scoreboard *b, u32 len)
{
	len = min(len, b->in_flight);
	b->reno_sacked += len;
	b->in_flight -= len;
	return len;
}

u32 yoke_scoreboard_undup(struct yoke_scoreboard *b, u32 len)
{
	len = min(len, b->reno_sacked);
	b->reno_sacked -= len;
	b->in_flight += len;
	return len;
}
