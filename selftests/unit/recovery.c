// SPDX-License-Identifier: GPL-2.0
/*
 * module/algo/scoreboard.c, rack.c and recovery.c: what RFC 8985, 6937, 6582, 3042, 5681, 3522 and
 * 2883 prescribe, on small examples. sim.c holds them against lossy links.
 */
#include <linux/string.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include "pair.h"
#include "recovery.h"
#include "test.h"

#define MSS	1000u
#define RTT	100000u
#define ISN	0xfffff000u		/* sequence numbers wrap in the first segments */
#define T0	0xffffff00u		/* and the clock too */
#define SEGS	64

/* A connection of segments of one MSS; segment i is [ISN + i * MSS, ISN + (i + 1) * MSS). */
struct conn {
	struct yoke_recovery r;
	struct yoke_cc cc;
	struct yoke_rtt rtt;
	struct yoke_seg seg[SEGS];
	bool	gone[SEGS];
	u32	una, nxt;		/* in segments */
	bool	sack;
	bool	dsack, dubious, ts_undo, ece;	/* of the next ACK */
	bool	more;
	u32	dsack_start, dsack_end;	/* in segments */
	struct yoke_ack ack;		/* the last one */
};

static u32 seq(u32 i)
{
	return ISN + i * MSS;
}

/* Fills in @c, whose address the lists keep. */
static void conn_init(struct conn *c, bool sack, u32 cwnd)
{
	memset(c, 0, sizeof(*c));
	yoke_recovery_init(&c->r, 3, 300, 1);
	yoke_cc_init(&c->cc, &yoke_cc_reno, MSS, 0, 0);
	c->cc.cwnd = cwnd * MSS;
	c->cc.ssthresh = cwnd * MSS;
	c->cc.used = YOKE_CC_FILLED;
	yoke_rtt_init(&c->rtt);
	yoke_rtt_sample(&c->rtt, RTT, seq(0), seq(0), T0);
	c->sack = sack;
}

static void send(struct conn *c, u32 n, u32 at)
{
	for (; n; n--, c->nxt++) {
		c->seg[c->nxt].seq = seq(c->nxt);
		c->seg[c->nxt].end_seq = seq(c->nxt + 1);
		yoke_recovery_sent(&c->r, &c->seg[c->nxt], T0 + at);
	}
}

/* It has sent so many segments, all at T0. */
static void conn_sent(struct conn *c, bool sack, u32 cwnd, u32 segs)
{
	conn_init(c, sack, cwnd);
	send(c, segs, 0);
}

/* An ACK for all below segment @una, with segments [start, end) SACKed if end is not 0. */
static u32 ack_sack(struct conn *c, u32 una, u32 start, u32 end, u32 at)
{
	struct yoke_ack *a = &c->ack;

	memset(a, 0xa5, sizeof(*a));
	a->now_us = T0 + at;
	a->ack = seq(una);
	a->prior_una = seq(c->una);
	a->snd_nxt = seq(c->nxt);
	a->sack = c->sack;
	a->dup = una == c->una && una != c->nxt;
	a->dsack = c->dsack;
	a->dubious = c->dubious;
	a->dsack_start = seq(c->dsack_start);
	a->dsack_end = seq(c->dsack_end);
	a->ts_undo = c->ts_undo;
	a->more = c->more;
	a->ece = c->ece;
	c->dsack = c->dubious = c->ts_undo = c->ece = false;
	yoke_recovery_ack_begin(&c->r, a);
	for (; c->una < una; c->una++) {
		yoke_recovery_acked(&c->r, &c->seg[c->una], a);
		c->gone[c->una] = true;
	}
	for (; start < end; start++)
		if (c->seg[start].state != YOKE_SEG_SACKED)
			yoke_recovery_sacked(&c->r, &c->seg[start], a);
	if (a->rtt_us)
		yoke_rtt_sample(&c->rtt, a->rtt_us, a->ack, a->snd_nxt, a->now_us);
	return yoke_recovery_ack_end(&c->r, &c->cc, &c->rtt, a);
}

static u32 ack(struct conn *c, u32 una, u32 at)
{
	return ack_sack(c, una, 0, 0, at);
}

/* Resends what may be; returns how many segments, and in *first which was the first. */
static u32 resend(struct conn *c, u32 at, u32 *first)
{
	struct yoke_seg *s;
	u32 n = 0;

	while ((s = yoke_recovery_next(&c->r)) && yoke_recovery_room(&c->r, &c->cc) >= MSS) {
		if (!n++ && first)
			*first = (s->seq - ISN) / MSS;
		yoke_recovery_resent(&c->r, s, T0 + at);
	}
	return n;
}

static u32 room(const struct conn *c)
{
	return yoke_recovery_room(&c->r, &c->cc) / MSS;
}

static u32 lost_segs(const struct conn *c)
{
	return c->r.board.lost_bytes / MSS;
}

#define EXPECT_COUNTS(c, flight, lost, sack) do {	\
	EXPECT_EQ((c)->r.board.in_flight, (flight) * MSS);	\
	EXPECT_EQ((c)->r.board.lost_bytes, (lost) * MSS);	\
	EXPECT_EQ((c)->r.board.sacked, (sack) * MSS);		\
	EXPECT_EQ((c)->r.board.sacked_segs, (sack));		\
} while (0)

/* --- the scoreboard --- */

TEST(sent__counts)
{
	struct conn c;

	conn_init(&c, true, 10);
	EXPECT_EQ(room(&c), 10);
	send(&c, 4, 0);
	EXPECT_COUNTS(&c, 4, 0, 0);
	EXPECT_EQ(room(&c), 6);
	EXPECT(!yoke_recovery_next(&c.r));
}

TEST(acked__in_order)
{
	struct conn c;

	conn_sent(&c, true, 10, 4);
	EXPECT_EQ(ack(&c, 2, RTT), 0);
	EXPECT_COUNTS(&c, 2, 0, 0);
	EXPECT_EQ(c.ack.delivered, 2 * MSS);
	EXPECT_EQ(c.ack.rtt_us, RTT);
	EXPECT_EQ(c.ack.prior_in_flight, 4 * MSS);
	EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
	ack(&c, 4, RTT + 5);
	EXPECT_COUNTS(&c, 0, 0, 0);
	EXPECT(list_empty(&c.r.board.sent));
}

TEST(acked__rtt_is_of_the_segment_sent_last)
{
	struct conn c;

	conn_sent(&c, true, 10, 1);
	send(&c, 1, 30000);
	ack(&c, 2, RTT + 30000);
	EXPECT_EQ(c.ack.rtt_us, RTT);
}

TEST(acked__no_rtt_of_a_retransmitted_segment)
{
	struct conn c;

	conn_sent(&c, true, 10, 1);
	yoke_recovery_resent(&c.r, &c.seg[0], T0 + 50000);
	ack(&c, 1, RTT);
	EXPECT_EQ(c.ack.rtt_us, 0);			/* Karn */
	EXPECT_EQ(c.ack.delivered, MSS);
}

TEST(acked__no_rtt_of_what_waited_for_a_retransmission)
{
	struct conn c;

	conn_sent(&c, true, 10, 4);
	yoke_recovery_resent(&c.r, &c.seg[0], T0 + 50000);
	send(&c, 2, 60000);
	ack(&c, 3, RTT + 50000);
	EXPECT_EQ(c.ack.rtt_us, 0);
	/* What is SACKed above it did not. */
	yoke_recovery_resent(&c.r, &c.seg[3], T0 + 70000);
	ack_sack(&c, 4, 5, 6, RTT + 60000);
	EXPECT_EQ(c.ack.rtt_us, RTT);
}

TEST(trim__keeps_the_rest)
{
	struct conn c;
	struct yoke_ack a = { .now_us = T0 + RTT, .ack = ISN + 3 * MSS, .prior_una = ISN,
			      .snd_nxt = ISN + 8 * MSS, .sack = true };

	conn_init(&c, true, 10);
	c.seg[0].seq = ISN;
	c.seg[0].end_seq = ISN + 8 * MSS;
	yoke_recovery_sent(&c.r, &c.seg[0], T0);
	yoke_recovery_ack_begin(&c.r, &a);
	yoke_recovery_trim(&c.r, &c.seg[0], a.ack, &a);
	EXPECT_EQ(c.seg[0].seq, a.ack);
	EXPECT_COUNTS(&c, 5, 0, 0);
	EXPECT_EQ(a.delivered, 3 * MSS);
	EXPECT_EQ(a.rtt_us, RTT);
	/* What does not lie inside changes nothing. */
	yoke_recovery_trim(&c.r, &c.seg[0], ISN, &a);
	yoke_recovery_trim(&c.r, &c.seg[0], ISN + 8 * MSS, &a);
	EXPECT_COUNTS(&c, 5, 0, 0);
}

TEST(split__in_every_state)
{
	struct conn c;
	struct yoke_seg tail[3];

	conn_init(&c, true, 10);
	for (int i = 0; i < 3; i++) {
		c.seg[i].seq = ISN + i * 4 * MSS;
		c.seg[i].end_seq = c.seg[i].seq + 4 * MSS;
		yoke_recovery_sent(&c.r, &c.seg[i], T0);
	}
	c.una = 0;
	c.nxt = 12;
	c.ack = (struct yoke_ack){ .now_us = T0 + RTT, .ack = ISN, .prior_una = ISN,
				   .snd_nxt = seq(12), .sack = true };
	yoke_recovery_ack_begin(&c.r, &c.ack);
	yoke_recovery_sacked(&c.r, &c.seg[1], &c.ack);
	yoke_recovery_ack_end(&c.r, &c.cc, &c.rtt, &c.ack);	/* 0 is lost, 2 in flight */
	EXPECT_EQ(c.r.board.lost_bytes, 4 * MSS);
	for (int i = 0; i < 3; i++) {
		yoke_recovery_split(&c.r, &c.seg[i], &tail[i], c.seg[i].seq + MSS);
		EXPECT_EQ(c.seg[i].end_seq - c.seg[i].seq, MSS);
		EXPECT_EQ(tail[i].end_seq - tail[i].seq, 3 * MSS);
		EXPECT_EQ(tail[i].state, c.seg[i].state);
	}
	EXPECT_EQ(c.r.board.in_flight, 4 * MSS);
	EXPECT_EQ(c.r.board.lost_bytes, 4 * MSS);
	EXPECT_EQ(c.r.board.sacked, 4 * MSS);
	EXPECT_EQ(c.r.board.sacked_segs, 2);
	EXPECT(list_empty(&tail[1].node));
	EXPECT(c.seg[0].node.next == &tail[0].node);
	EXPECT(c.seg[2].node.next == &tail[2].node);
}

TEST(sacked__twice_counts_once)
{
	struct conn c;

	conn_sent(&c, true, 10, 3);
	ack_sack(&c, 0, 1, 2, RTT);
	yoke_recovery_sacked(&c.r, &c.seg[1], &c.ack);
	EXPECT_COUNTS(&c, 2, 0, 1);
	ack(&c, 3, RTT);
	EXPECT_EQ(c.ack.delivered, 2 * MSS);		/* the SACKed one was before */
	EXPECT_COUNTS(&c, 0, 0, 0);
}

TEST(unsacked__is_lost)
{
	struct conn c;

	conn_sent(&c, true, 10, 3);
	ack_sack(&c, 0, 0, 2, RTT);
	for (int i = 0; i < 3; i++)
		yoke_recovery_unsacked(&c.r, &c.seg[i]);	/* 2 was not SACKed */
	EXPECT_COUNTS(&c, 1, 2, 0);
	EXPECT(yoke_recovery_next(&c.r) == &c.seg[0]);
}

/* Whatever order losses come in, the lowest is resent first, and short lists are wholly ordered. */
TEST(lost__is_ordered_by_sequence)
{
	static const u8 order[] = { 5, 1, 9, 3, 7, 0, 2, 8, 4, 6 };
	struct conn c;

	conn_sent(&c, true, 20, 11);
	ack_sack(&c, 0, 0, 10, RTT);
	for (int i = 0; i < 10; i++)
		yoke_recovery_unsacked(&c.r, &c.seg[order[i]]);
	for (int i = 0; i < 10; i++) {
		EXPECT(yoke_recovery_next(&c.r) == &c.seg[i]);
		yoke_recovery_resent(&c.r, &c.seg[i], T0);
	}
	EXPECT(!yoke_recovery_next(&c.r));
	EXPECT_COUNTS(&c, 11, 0, 0);
}

/* --- limited transmit, RFC 3042 --- */

TEST(room__first_two_duplicates_let_one_new_segment_out_each)
{
	for (int sack = 0; sack < 2; sack++) {
		struct conn c;

		conn_sent(&c, sack, 10, 10);
		EXPECT_EQ(room(&c), 0);
		ack_sack(&c, 0, 1, sack ? 2 : 0, RTT / 2);
		EXPECT_EQ(room(&c), 1);
		send(&c, 1, RTT / 2);
		ack_sack(&c, 0, 2, sack ? 3 : 0, RTT / 2);
		EXPECT_EQ(room(&c), 1);
		EXPECT_EQ(c.cc.cwnd, 10 * MSS);
		EXPECT_EQ(c.r.state, YOKE_CA_DISORDER);
	}
}

/* --- NewReno, RFC 6582 --- */

TEST(newreno__third_duplicate_resends_the_first_segment)
{
	struct conn c;
	u32 first;

	conn_sent(&c, false, 10, 10);
	ack(&c, 0, RTT);
	ack(&c, 0, RTT);
	EXPECT_EQ(lost_segs(&c), 0);
	ack(&c, 0, RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
	EXPECT_EQ(c.cc.ssthresh, 5 * MSS);
	EXPECT_EQ(resend(&c, RTT, &first), 1);
	EXPECT_EQ(first, 0);
	EXPECT_EQ(c.r.recover, seq(10));
}

TEST(newreno__partial_ack_resends_the_next_hole)
{
	struct conn c;
	u32 first;

	conn_sent(&c, false, 10, 10);
	for (int i = 0; i < 3; i++)
		ack(&c, 0, RTT);
	resend(&c, RTT, NULL);
	ack(&c, 2, 2 * RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
	EXPECT_EQ(lost_segs(&c), 1);
	/* One of the two filled the hole, the other had been a duplicate ACK. */
	EXPECT_EQ(c.r.board.reno_sacked, 2 * MSS);
	EXPECT_EQ(c.r.board.in_flight, (7 - 2) * MSS);
	EXPECT_EQ(resend(&c, 2 * RTT, &first), 1);
	EXPECT_EQ(first, 2);
	ack(&c, 10, 3 * RTT);
	EXPECT(c.r.state < YOKE_CA_RECOVERY);
	EXPECT_EQ(c.cc.cwnd, 5 * MSS);			/* step 3 (2): ssthresh */
	EXPECT_EQ(c.r.board.in_flight, 0);
	EXPECT_EQ(c.r.board.reno_sacked, 0);
}

/* ACKs for single bytes of what was resent already are not worth a segment each. */
TEST(newreno__partial_ack_inside_the_resent_segment)
{
	struct conn c;

	conn_sent(&c, false, 10, 10);
	for (int i = 0; i < 3; i++)
		ack(&c, 0, RTT);
	resend(&c, RTT, NULL);
	for (u32 byte = 1; byte < 5; byte++) {
		c.ack.prior_una = seq(0) + byte - 1;
		c.ack.ack = seq(0) + byte;
		c.ack.dup = false;
		yoke_recovery_ack_begin(&c.r, &c.ack);
		yoke_recovery_trim(&c.r, &c.seg[0], c.ack.ack, &c.ack);
		yoke_recovery_ack_end(&c.r, &c.cc, &c.rtt, &c.ack);
		EXPECT_EQ(c.r.board.lost_bytes, 0);
	}
}

/* One segment of a large buffer is lost, not the buffer. */
TEST(newreno__of_a_large_buffer_one_segment_is_resent)
{
	struct conn c;
	struct yoke_seg *s, tail;

	conn_init(&c, false, 10);
	c.seg[0].seq = ISN;
	c.seg[0].end_seq = ISN + 10 * MSS;
	yoke_recovery_sent(&c.r, &c.seg[0], T0);
	c.nxt = 10;
	for (int i = 0; i < 3; i++)
		ack(&c, 0, RTT);
	s = yoke_recovery_next(&c.r);
	EXPECT(s == &c.seg[0]);
	EXPECT_EQ(room(&c), 1);
	yoke_recovery_split(&c.r, s, &tail, s->seq + MSS);
	yoke_recovery_resent(&c.r, s, T0 + RTT);
	EXPECT(!yoke_recovery_next(&c.r));
	EXPECT_EQ(c.r.board.lost_bytes, 0);
	EXPECT_EQ(c.r.board.in_flight + c.r.board.reno_sacked, 10 * MSS);
	EXPECT_EQ(room(&c), 0);
	EXPECT(list_first_entry(&c.r.board.sent, struct yoke_seg, node) == s);
}

/* However much room the duplicate ACKs made, a partial ACK is worth one segment. */
TEST(newreno__partial_ack_resends_one_segment_of_a_large_buffer)
{
	struct conn c;
	struct yoke_seg *s;

	conn_sent(&c, false, 20, 1);
	c.seg[1].seq = seq(1);
	c.seg[1].end_seq = seq(20);
	yoke_recovery_sent(&c.r, &c.seg[1], T0);
	c.nxt = 20;
	for (int i = 0; i < 18; i++)
		ack(&c, 0, RTT);
	resend(&c, RTT, NULL);
	ack(&c, 1, 2 * RTT);
	s = yoke_recovery_next(&c.r);
	EXPECT(s == &c.seg[1]);
	EXPECT_EQ(yoke_recovery_room(&c.r, &c.cc), MSS);
}

/* §3.2 step 1: after all up to recover is acknowledged, late duplicates don't start it again. */
TEST(newreno__no_fast_retransmit_for_recover_itself)
{
	struct conn c;

	conn_sent(&c, false, 10, 10);
	for (int i = 0; i < 3; i++)
		ack(&c, 0, RTT);
	resend(&c, RTT, NULL);
	ack(&c, 10, 2 * RTT);
	send(&c, 5, 2 * RTT);
	for (int i = 0; i < 6; i++)
		ack(&c, 10, 2 * RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_DISORDER);
	EXPECT_EQ(lost_segs(&c), 0);
	ack(&c, 11, 3 * RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
	for (int i = 0; i < 3; i++)
		ack(&c, 11, 3 * RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
}

/* Where the first was lost for its size (RFC 4821 §7.6), the rest of its duplicates says no more. */
TEST(newreno__no_congestion_is_none_by_one_more_duplicate)
{
	struct conn c;
	u32 i, first;

	conn_sent(&c, false, 10, 10);
	for (i = 1; i <= 3; i++)
		ack(&c, 0, RTT + i);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
	yoke_recovery_needless(&c.r, &c.cc);
	EXPECT_EQ(resend(&c, RTT + 4, &first), 1);
	EXPECT_EQ(first, 0);
	for (; i <= 9; i++) {
		ack(&c, 0, RTT + 1 + i);
		EXPECT_EQ(c.r.state, YOKE_CA_DISORDER);
		EXPECT_EQ(lost_segs(&c), 0);
	}
	EXPECT_EQ(c.cc.cwnd, 10 * MSS);
	ack(&c, 10, 2 * RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
	EXPECT_EQ(c.cc.ssthresh, 10 * MSS);
	EXPECT_EQ(c.r.board.in_flight, 0);
}

TEST(newreno__more_duplicates_than_segments)
{
	struct conn c;

	conn_sent(&c, false, 10, 3);
	for (int i = 0; i < 300; i++)
		ack(&c, 0, RTT);
	EXPECT_EQ(c.r.board.in_flight, 0);
	EXPECT_EQ(c.r.board.reno_sacked, 2 * MSS);
	EXPECT_EQ(c.r.board.lost_bytes, MSS);
	ack(&c, 3, RTT);
	EXPECT_EQ(c.r.board.in_flight + c.r.board.reno_sacked + c.r.board.lost_bytes, 0);
}

/* --- RACK, RFC 8985 --- */

TEST(rack__three_sacked_segments_reveal_a_loss)
{
	struct conn c;
	u32 first;

	conn_sent(&c, true, 10, 10);
	ack_sack(&c, 0, 1, 2, RTT);
	ack_sack(&c, 0, 2, 3, RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_DISORDER);
	ack_sack(&c, 0, 3, 4, RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
	EXPECT_COUNTS(&c, 6, 1, 3);
	EXPECT_EQ(resend(&c, RTT, &first), 1);
	EXPECT_EQ(first, 0);
	EXPECT_EQ(c.r.recover, seq(10));
	ack(&c, 10, 2 * RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
	EXPECT_EQ(c.cc.cwnd, 5 * MSS);
}

TEST(rack__fewer_wait_for_the_reordering_window)
{
	struct conn c;
	u32 wait;

	conn_sent(&c, true, 10, 10);
	wait = ack_sack(&c, 0, 1, 2, RTT);
	EXPECT_EQ(wait, RTT / 4);			/* min_RTT / 4 */
	wait = yoke_recovery_reo_timeout(&c.r, &c.cc, &c.rtt, seq(0), seq(10), T0 + RTT + wait - 1);
	EXPECT_EQ(wait, 1);
	EXPECT_EQ(lost_segs(&c), 0);
	wait = yoke_recovery_reo_timeout(&c.r, &c.cc, &c.rtt, seq(0), seq(10), T0 + RTT + RTT / 4);
	EXPECT_EQ(wait, 0);
	EXPECT_EQ(lost_segs(&c), 1);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
	EXPECT_EQ(resend(&c, RTT + RTT / 4, NULL), 1);
}

/* Once in recovery there is no more waiting (step 4). */
TEST(rack__no_window_in_recovery)
{
	struct conn c;

	conn_sent(&c, true, 10, 3);
	send(&c, 3, 1000);
	ack_sack(&c, 0, 1, 2, RTT);
	yoke_recovery_reo_timeout(&c.r, &c.cc, &c.rtt, seq(0), seq(6), T0 + RTT + RTT / 4);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
	EXPECT_EQ(lost_segs(&c), 1);
	ack_sack(&c, 0, 5, 6, RTT + RTT / 4 + 10);
	EXPECT_EQ(c.r.board.sacked_segs, 2);
	EXPECT_EQ(lost_segs(&c), 4);
}

/* What was sent after the segment delivered last may still be on its way. */
TEST(rack__not_what_was_sent_later)
{
	struct conn c;

	conn_sent(&c, true, 10, 5);
	send(&c, 5, 1000);
	ack_sack(&c, 0, 2, 5, RTT + 500);
	EXPECT_COUNTS(&c, 5, 2, 3);
}

/* Of segments sent at the same time the lower was sent first (§6.2 step 2). */
TEST(rack__ties_go_by_sequence)
{
	struct conn c;

	conn_sent(&c, true, 10, 8);
	ack_sack(&c, 0, 3, 6, RTT);
	EXPECT_COUNTS(&c, 2, 3, 3);
	EXPECT(c.seg[6].state == YOKE_SEG_SENT && c.seg[7].state == YOKE_SEG_SENT);
}

TEST(rack__a_lost_retransmission_is_found)
{
	struct conn c;
	u32 first;

	conn_sent(&c, true, 10, 10);
	ack_sack(&c, 0, 1, 4, RTT);
	resend(&c, RTT, NULL);
	send(&c, 1, RTT + 10);
	ack_sack(&c, 0, 4, 10, RTT + 20);
	EXPECT_EQ(lost_segs(&c), 0);
	ack_sack(&c, 0, 10, 11, 2 * RTT + 10);		/* sent after the retransmission */
	EXPECT_EQ(lost_segs(&c), 1);
	EXPECT_EQ(resend(&c, 2 * RTT + 10, &first), 1);
	EXPECT_EQ(first, 0);
	EXPECT_EQ(c.seg[0].retrans, 2);
	EXPECT_EQ(c.cc.ssthresh, 5 * MSS);		/* one reduction for one episode */
}

/* Step 2: an ACK sooner than any RTT after a retransmission is for the original. */
TEST(rack__a_retransmission_acknowledged_too_soon_tells_nothing)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	ack_sack(&c, 0, 1, 4, RTT);
	resend(&c, RTT, NULL);
	ack(&c, 4, RTT + 10);
	EXPECT_EQ(c.r.rack.tx_us, T0);
	EXPECT_EQ(c.r.rack.end_seq, seq(4));
}

TEST(rack__reordering_is_seen)
{
	struct conn c;
	u32 wait;

	conn_sent(&c, true, 10, 10);
	ack_sack(&c, 0, 2, 4, RTT);
	EXPECT(!c.r.rack.reordering);
	ack_sack(&c, 0, 1, 2, RTT);			/* below what was SACKed, never resent */
	EXPECT(c.r.rack.reordering);
	/* From now on three SACKed segments are no proof. */
	wait = ack_sack(&c, 0, 4, 6, RTT);
	EXPECT_EQ(lost_segs(&c), 0);
	EXPECT_EQ(wait, RTT / 4);
}

/* One ACK may report several blocks, in any order: that is no reordering. */
TEST(rack__blocks_of_one_ack_are_no_reordering)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	c.ack = (struct yoke_ack){ .now_us = T0 + RTT, .ack = seq(0), .prior_una = seq(0),
				   .snd_nxt = seq(10), .sack = true };
	yoke_recovery_ack_begin(&c.r, &c.ack);
	yoke_recovery_sacked(&c.r, &c.seg[8], &c.ack);
	yoke_recovery_sacked(&c.r, &c.seg[3], &c.ack);
	EXPECT(!c.r.rack.reordering);
}

/* Step 4: each round with a DSACK widens the window by min_RTT/4; 16 recoveries without one reset. */
TEST(rack__dsacks_widen_the_window)
{
	struct conn c;

	conn_init(&c, true, 20);
	c.r.rack.reordering = true;
	send(&c, 10, 0);
	c.dsack = true;
	ack(&c, 1, RTT);
	EXPECT_EQ(c.r.rack.reo_mult, 2);
	c.dsack = true;
	ack(&c, 2, RTT);				/* the same round */
	EXPECT_EQ(c.r.rack.reo_mult, 2);
	send(&c, 2, RTT);
	c.dsack = true;
	ack(&c, 10, RTT);				/* the next one */
	EXPECT_EQ(c.r.rack.reo_mult, 3);
	EXPECT_EQ(ack_sack(&c, 10, 11, 12, 2 * RTT), 3 * RTT / 4);
}

/* A round is over though nothing is amiss any more, however much is sent until the next DSACK. */
TEST(rack__the_round_of_a_dsack_does_not_come_round)
{
	const u32 len = 1u << 29;
	struct conn c;

	conn_sent(&c, true, 20, 1);
	c.dsack = true;
	ack(&c, 1, RTT);
	EXPECT_EQ(c.r.rack.reo_mult, 2);
	for (u32 i = 0; i < 6; i++) {
		struct yoke_seg s = { .seq = seq(1) + i * len, .end_seq = seq(1) + (i + 1) * len };
		u32 at = (2 * i + 1) * RTT;

		yoke_recovery_sent(&c.r, &s, T0 + at);
		c.ack = (struct yoke_ack){ .now_us = T0 + at + RTT, .ack = s.end_seq, .prior_una = s.seq,
					   .snd_nxt = s.end_seq, .sack = true, .dsack = i == 5 };
		yoke_recovery_ack_begin(&c.r, &c.ack);
		yoke_recovery_acked(&c.r, &s, &c.ack);
		yoke_recovery_ack_end(&c.r, &c.cc, &c.rtt, &c.ack);
	}
	EXPECT_EQ(c.r.rack.reo_mult, 3);
}

TEST(rack__the_window_is_at_most_srtt)
{
	struct conn c;

	conn_init(&c, true, 20);
	c.r.rack.reordering = true;
	c.r.rack.reo_mult = 200;
	send(&c, 10, 0);
	EXPECT_EQ(ack_sack(&c, 0, 5, 6, RTT), RTT);
}

TEST(rack__sixteen_recoveries_without_dsack_reset_the_window)
{
	struct conn c;

	conn_sent(&c, true, 20, 1);
	c.dsack = true;
	ack(&c, 1, RTT);
	EXPECT_EQ(c.r.rack.reo_mult, 2);
	for (int i = 0; i < 16; i++) {
		u32 at = (i + 2) * 3 * RTT;

		EXPECT_EQ(c.r.rack.reo_mult, 2);
		c.una = c.nxt = 0;
		c.r.rack.round = false;
		send(&c, 5, at);
		ack_sack(&c, 0, 1, 5, at + RTT);
		EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
		resend(&c, at + RTT, NULL);
		ack(&c, 5, at + 2 * RTT);
		EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
	}
	EXPECT_EQ(c.r.rack.reo_mult, 1);
}

/* Times wrap after 71 minutes; what was delivered before an idle time must not count after it. */
TEST(rack__forgets_over_an_idle_time)
{
	struct conn c;

	conn_sent(&c, true, 10, 1);
	ack(&c, 1, RTT);
	send(&c, 5, 0x90000000u);
	EXPECT_EQ(ack(&c, 2, 0x90000000u + RTT), 0);
	EXPECT_EQ(lost_segs(&c), 0);
	EXPECT_EQ(c.r.rack.tx_us, T0 + 0x90000000u);
}

/* The clock has gone on by 40 minutes with data in flight: a timeout takes all of it, not one a time. */
TEST(rack__forgets_over_a_leap)
{
	const u32 leap = 0x90000000u;
	struct conn c;

	conn_sent(&c, true, 10, 10);
	ack(&c, 2, RTT);
	EXPECT(c.r.rack.valid);
	yoke_recovery_rto(&c.r, &c.cc, seq(2), seq(10), T0 + leap, false);
	EXPECT_COUNTS(&c, 0, 8, 0);

	/* Or it is all acknowledged: what is sent now counts as soon as it is delivered. */
	conn_sent(&c, true, 10, 5);
	ack(&c, 2, RTT);
	send(&c, 5, leap);
	ack(&c, 5, leap);
	ack(&c, 7, leap + RTT);
	EXPECT_EQ(c.r.rack.tx_us, T0 + leap);
}

/* --- PRR, RFC 6937 --- */

/* One loss in a window of 20: one segment goes out for every two delivered (§4, figure "PRR"). */
TEST(prr__half_of_what_is_delivered)
{
	struct conn c;
	u32 sent = 0;

	conn_sent(&c, true, 20, 20);
	ack_sack(&c, 0, 1, 4, RTT);			/* delivers 3 */
	sent += resend(&c, RTT, NULL);
	for (u32 i = 4; i < 20; i++) {
		u32 n;

		ack_sack(&c, 0, i, i + 1, RTT);
		n = room(&c);
		EXPECT(n <= 1);
		send(&c, n, RTT);
		sent += n;
		if (c.r.board.in_flight > c.cc.ssthresh)
			EXPECT_EQ(sent, i / 2);
	}
	EXPECT_EQ(c.r.board.in_flight, 10 * MSS);		/* ssthresh is met, not undercut */
	ack(&c, 20, 2 * RTT);
	EXPECT_EQ(c.cc.cwnd, 10 * MSS);
}

/* Most of a window of 20 is lost: slow start from what is left up to ssthresh (PRR-SSRB). */
TEST(prr__slow_start_bound)
{
	struct conn c;
	u32 before;

	conn_sent(&c, true, 20, 20);
	ack_sack(&c, 0, 17, 20, RTT);
	EXPECT_COUNTS(&c, 0, 17, 3);
	before = resend(&c, RTT, NULL);
	EXPECT(before >= 1 && before <= 3);		/* no burst: at most what was delivered */
	ack(&c, 1, 2 * RTT);
	EXPECT_EQ(room(&c), 2);				/* one for it and one more */
	EXPECT(c.cc.cwnd <= c.cc.ssthresh);
}

/* An ACK that advances SND.UNA lets one more out, but not if it reveals more losses (RFC 6937 §3.1). */
TEST(prr__conservative_bound_while_losses_are_found)
{
	for (int more = 0; more < 2; more++) {
		struct conn c;

		conn_sent(&c, true, 20, 10);
		send(&c, 10, 10);
		ack_sack(&c, 0, 6, 10, RTT);
		EXPECT_EQ(lost_segs(&c), 6);
		EXPECT_EQ(resend(&c, RTT, NULL), 1);
		c.cc.ssthresh = 19 * MSS;
		ack_sack(&c, 1, more ? 15 : 10, more ? 16 : 11, RTT + 20);
		EXPECT_EQ(lost_segs(&c), more ? 10 : 5);
		/* Six delivered, one sent. */
		EXPECT_EQ(room(&c), more ? 5 : 6);
	}
}

/* What an ACK that delivers nothing finds lost must not be sent in a burst. */
TEST(prr__no_burst_without_delivery)
{
	struct conn c;

	conn_sent(&c, true, 20, 20);
	ack_sack(&c, 0, 1, 4, RTT);
	resend(&c, RTT, NULL);
	c.r.rack.tx_us = T0 + 10;			/* all are found lost by the next ACK */
	c.r.rack.end_seq = seq(20);
	ack(&c, 0, RTT + 1000);
	EXPECT(lost_segs(&c) >= 16);
	EXPECT(room(&c) <= 2);
}

/* An algorithm that has a window of its own knows no ssthresh, which the next would take for one. */
TEST(prr__the_algorithm_changes_meanwhile)
{
	struct conn c;

	conn_init(&c, true, 10);
	yoke_cc_init(&c.cc, &yoke_cc_bbr, MSS, 0, 0);
	send(&c, 10, 0);
	ack_sack(&c, 0, 1, 4, RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
	yoke_cc_change(&c.cc, &yoke_cc_reno);
	resend(&c, RTT, NULL);
	ack(&c, 10, 2 * RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
	EXPECT(c.cc.cwnd <= 20 * MSS);
}

/* --- undo --- */

TEST(undo__eifel)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	ack_sack(&c, 0, 1, 4, RTT);
	resend(&c, RTT, NULL);
	EXPECT_EQ(c.cc.ssthresh, 5 * MSS);
	c.ts_undo = true;				/* the ACK is for the original */
	ack(&c, 4, RTT + 1000);
	EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
	EXPECT(c.cc.cwnd >= 10 * MSS);
	EXPECT_EQ(c.cc.ssthresh, 10 * MSS);
	EXPECT(c.r.rack.reordering);
	EXPECT_EQ(lost_segs(&c), 0);
}

TEST(undo__not_by_an_ack_for_something_else)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	ack_sack(&c, 0, 2, 5, RTT);			/* 0 and 1 are lost */
	c.r.rack.reordering = true;
	EXPECT_EQ(lost_segs(&c), 2);
	yoke_recovery_resent(&c.r, &c.seg[1], T0 + RTT);
	c.ts_undo = true;
	ack(&c, 1, RTT + 10);				/* 0 was never resent */
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
}

TEST(undo__not_before_anything_was_resent)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	ack_sack(&c, 0, 1, 4, RTT);
	c.ts_undo = c.dsack = true;
	c.dsack_start = 0;
	c.dsack_end = 1;
	ack(&c, 0, RTT + 1);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
}

/* Nor by an ACK for what an earlier episode resent. */
TEST(undo__not_by_an_earlier_retransmission)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	yoke_recovery_resent(&c.r, &c.seg[0], T0 + 10);
	ack_sack(&c, 0, 2, 5, RTT + 10);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
	c.ts_undo = true;
	ack(&c, 1, RTT + 20);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
}

/* Even when this one has resent something too: its time is of the first that it resent. */
TEST(undo__not_by_a_retransmission_before_the_first)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	yoke_recovery_resent(&c.r, &c.seg[0], T0 + 10);
	ack_sack(&c, 0, 2, 5, RTT + 10);
	EXPECT(yoke_recovery_fresh(&c.r));
	EXPECT_EQ(resend(&c, RTT + 10, NULL), 1);
	EXPECT(!yoke_recovery_fresh(&c.r));
	c.ts_undo = true;
	ack(&c, 1, RTT + 20);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
}

TEST(undo__all_retransmissions_were_duplicates)
{
	struct conn c;

	conn_sent(&c, true, 20, 10);
	ack_sack(&c, 0, 2, 6, RTT);
	EXPECT_EQ(resend(&c, RTT, NULL), 2);
	ack(&c, 10, RTT + 1000);
	EXPECT_EQ(c.cc.cwnd, 10 * MSS);
	for (u32 i = 0; i < 2; i++) {
		EXPECT_EQ(c.cc.ssthresh, 10 * MSS);
		c.dsack = true;
		c.dsack_start = i;
		c.dsack_end = i + 1;
		ack(&c, 10, 2 * RTT + i);
	}
	EXPECT_EQ(c.cc.ssthresh, 20 * MSS);
	EXPECT_EQ(c.cc.cwnd, 20 * MSS);
}

TEST(undo__a_dsack_of_before_is_no_proof)
{
	struct conn c;

	conn_sent(&c, true, 10, 12);
	ack(&c, 2, RTT / 2);
	ack_sack(&c, 2, 3, 6, RTT);
	resend(&c, RTT, NULL);
	c.dsack = true;
	c.dsack_start = 0;
	c.dsack_end = 2;
	ack(&c, 2, RTT + 1);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
}

/* RFC 3522 with a spurious timeout: what was held to be lost is in flight again, cwnd restored. */
TEST(undo__spurious_timeout)
{
	for (int sack = 0; sack < 2; sack++) {
		struct conn c;

		conn_sent(&c, sack, 10, 10);
		yoke_recovery_rto(&c.r, &c.cc, seq(0), seq(10), T0 + 3 * RTT, false);
		EXPECT_EQ(resend(&c, 3 * RTT, NULL), 1);
		c.ts_undo = true;
		ack(&c, 1, 3 * RTT + 10);
		EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
		EXPECT_EQ(c.r.board.in_flight, 9 * MSS);
		EXPECT_EQ(lost_segs(&c), 0);
		EXPECT(c.cc.cwnd >= 10 * MSS);
		EXPECT_EQ(c.cc.ssthresh, 10 * MSS);
	}
}

/* --- timeout --- */

TEST(rto__all_is_lost_and_one_segment_goes_out)
{
	for (int sack = 0; sack < 2; sack++) {
		struct conn c;
		u32 first;

		conn_sent(&c, sack, 10, 10);
		yoke_recovery_rto(&c.r, &c.cc, seq(0), seq(10), T0 + 3 * RTT, false);
		EXPECT_COUNTS(&c, 0, 10, 0);
		EXPECT_EQ(c.r.state, YOKE_CA_LOSS);
		EXPECT_EQ(c.cc.cwnd, MSS);			/* RFC 5681 §3.1: LW */
		EXPECT_EQ(c.cc.ssthresh, 5 * MSS);
		EXPECT_EQ(resend(&c, 3 * RTT, &first), 1);
		EXPECT_EQ(first, 0);
		ack(&c, 1, 4 * RTT);
		EXPECT_EQ(c.cc.cwnd, 2 * MSS);			/* slow start */
		EXPECT_EQ(resend(&c, 4 * RTT, &first), 2);
		EXPECT_EQ(first, 1);
		ack(&c, 10, 5 * RTT);
		EXPECT(c.r.state < YOKE_CA_RECOVERY);
		EXPECT_EQ(c.r.board.in_flight, 0);
	}
}

/* RFC 5681 §3.1: "ssthresh is held constant" when the same segment is timed out again. */
TEST(rto__again_for_the_same_data)
{
	struct conn c;

	conn_sent(&c, true, 20, 20);
	for (int i = 1; i < 4; i++) {
		yoke_recovery_rto(&c.r, &c.cc, seq(0), seq(20), T0 + 3 * i * RTT, false);
		EXPECT_EQ(c.cc.ssthresh, 10 * MSS);
		EXPECT_EQ(c.cc.cwnd, MSS);
		resend(&c, 3 * i * RTT, NULL);
	}
	ack(&c, 8, 12 * RTT);
	yoke_recovery_rto(&c.r, &c.cc, seq(8), seq(20), T0 + 15 * RTT, false);
	EXPECT(c.cc.ssthresh < 10 * MSS);			/* other data: a new event */
}

/* RFC 8985 §6.3: what was sent less than an RTT ago is not held lost. */
TEST(rto__spares_what_was_sent_lately)
{
	struct conn c;

	conn_sent(&c, true, 10, 4);
	ack(&c, 1, RTT);
	send(&c, 2, 3 * RTT - 10);
	yoke_recovery_rto(&c.r, &c.cc, seq(1), seq(6), T0 + 3 * RTT, false);
	EXPECT_COUNTS(&c, 2, 3, 0);
	EXPECT_EQ(room(&c), 1);
}

/* Nor what a pacing queue has yet to let go: its time is to come. */
TEST(rto__spares_what_has_not_left)
{
	struct conn c;

	conn_sent(&c, true, 10, 4);
	ack(&c, 1, RTT);
	send(&c, 2, 3 * RTT + 10);
	yoke_recovery_rto(&c.r, &c.cc, seq(1), seq(6), T0 + 3 * RTT, false);
	EXPECT_COUNTS(&c, 2, 3, 0);
}

TEST(rto__the_first_is_lost_however_late_it_was_sent)
{
	struct conn c;

	conn_sent(&c, true, 10, 2);
	ack(&c, 1, RTT);
	send(&c, 2, 3 * RTT - 20);
	yoke_recovery_resent(&c.r, &c.seg[1], T0 + 3 * RTT - 10);
	yoke_recovery_rto(&c.r, &c.cc, seq(1), seq(4), T0 + 3 * RTT, false);
	EXPECT_COUNTS(&c, 2, 1, 0);
	EXPECT(yoke_recovery_next(&c.r) == &c.seg[1]);
}

TEST(rto__sacked_segments_stay)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	ack_sack(&c, 0, 4, 5, RTT);
	yoke_recovery_rto(&c.r, &c.cc, seq(0), seq(10), T0 + 4 * RTT, false);
	EXPECT_COUNTS(&c, 0, 9, 1);
}

/* --- larger than the path --- */

/* RFC 1191 §6.4: what did not fit goes again within the window as it is, and slow start goes on. */
TEST(too_large__is_no_congestion)
{
	struct conn c;
	u32 i, first;

	conn_init(&c, true, 10);
	c.cc.ssthresh = ~0u;
	send(&c, 8, 0);
	for (i = 0; i < 8; i++)
		yoke_recovery_too_large(&c.r, &c.seg[i], seq(c.nxt));
	EXPECT_COUNTS(&c, 0, 8, 0);
	EXPECT_EQ(resend(&c, 1000, &first), 8);
	EXPECT_EQ(first, 0);
	ack(&c, 4, RTT + 1000);
	EXPECT_COUNTS(&c, 4, 0, 0);
	ack(&c, 8, RTT + 1000);
	EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
	EXPECT_EQ(c.cc.ssthresh, ~0u);
	EXPECT(c.cc.cwnd >= 10 * MSS);
}

/* Without SACK, in fast recovery: one, the first, as partial ACKs bring the others. */
TEST(too_large__in_fast_recovery)
{
	struct conn c;
	u32 i, first;

	conn_sent(&c, false, 10, 10);
	for (i = 0; i < 3; i++)
		ack(&c, 0, RTT);
	EXPECT_EQ(resend(&c, RTT, NULL), 1);
	for (i = 0; i < 10; i++)
		yoke_recovery_too_large(&c.r, &c.seg[i], seq(c.nxt));
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
	EXPECT_EQ(lost_segs(&c), 1);
	EXPECT_EQ(resend(&c, RTT + 1000, &first), 1);
	EXPECT_EQ(first, 0);
}

/* Without SACK `sent` is in order, though every other one is sent again, and some of these twice. */
TEST(too_large__between_small_ones)
{
	struct conn c;
	struct yoke_seg *s;
	u32 i, next = 3;

	conn_init(&c, false, 40);
	c.cc.ssthresh = ~0u;
	send(&c, 40, 0);
	ack(&c, 1, RTT);
	for (i = 1; i < 40; i += 2)
		yoke_recovery_too_large(&c.r, &c.seg[i], seq(c.nxt));
	EXPECT_EQ(resend(&c, RTT + 1000, NULL), 20);
	/* What was put there last is sent again, is acknowledged, and others go meanwhile. */
	yoke_recovery_resent(&c.r, &c.seg[39], T0 + RTT + 2000);
	for (i = 1; i < 20; i += 2)
		yoke_recovery_too_large(&c.r, &c.seg[i], seq(c.nxt));
	EXPECT_EQ(resend(&c, RTT + 3000, NULL), 10);
	yoke_recovery_too_large(&c.r, &c.seg[19], seq(c.nxt));
	ack(&c, next, 2 * RTT);
	resend(&c, 2 * RTT, NULL);
	list_for_each_entry(s, &c.r.board.sent, node)
		EXPECT_EQ(s->seq, seq(next++));
	EXPECT_EQ(next, 40);
}

/* --- F-RTO, RFC 5682 --- */

/* Ten segments, a timeout, the head resent and acknowledged. */
static void timed_out(struct conn *c, bool sack, bool more)
{
	conn_init(c, sack, 10);
	c->more = more;
	send(c, 10, 0);
	yoke_recovery_rto(&c->r, &c->cc, seq(0), seq(10), T0 + 3 * RTT, true);
	EXPECT_EQ(resend(c, 3 * RTT, NULL), 1);
	ack(c, 1, 3 * RTT + 10);
}

/* §2.1 step 2b, then 3b: the originals arrive one after the other. */
TEST(frto__spurious)
{
	for (int sack = 0; sack < 2; sack++) {
		struct conn c;

		timed_out(&c, sack, true);
		EXPECT_EQ(c.r.state, YOKE_CA_LOSS);
		EXPECT(!yoke_recovery_next(&c.r));		/* new data instead, two segments */
		EXPECT_EQ(room(&c), 2);
		send(&c, 2, 3 * RTT + 10);
		ack(&c, 2, 3 * RTT + 20);
		EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
		EXPECT_EQ(lost_segs(&c), 0);
		EXPECT_EQ(c.r.board.in_flight, 10 * MSS);
		EXPECT_EQ(c.cc.ssthresh, 10 * MSS);
		EXPECT(c.cc.cwnd >= 10 * MSS);
	}
}

/* Step 3b with SACK (§3.1): an original is SACKed where one before it is late. */
TEST(frto__spurious_by_sack)
{
	struct conn c;

	timed_out(&c, true, true);
	send(&c, 2, 3 * RTT + 10);
	ack_sack(&c, 1, 2, 3, 3 * RTT + 20);
	EXPECT_EQ(c.r.state <= YOKE_CA_DISORDER, true);
	EXPECT_EQ(c.cc.ssthresh, 10 * MSS);
}

/* Step 3a: only the new data arrives, so that the rest is lost indeed. */
TEST(frto__real)
{
	for (int sack = 0; sack < 2; sack++) {
		struct conn c;
		u32 first;

		timed_out(&c, sack, true);
		send(&c, 2, 3 * RTT + 10);
		ack_sack(&c, 1, sack ? 10 : 0, sack ? 11 : 0, 4 * RTT);
		EXPECT_EQ(c.r.state, YOKE_CA_LOSS);
		EXPECT_EQ(c.cc.ssthresh, 5 * MSS);
		EXPECT(resend(&c, 4 * RTT, &first) >= 1);
		EXPECT_EQ(first, 1);
		EXPECT(c.cc.cwnd <= 4 * MSS);
	}
}

/* Step 2a: a duplicate ACK, or nothing new to send: the ordinary way. */
TEST(frto__cannot_tell)
{
	struct conn c;
	u32 first;

	timed_out(&c, true, false);
	EXPECT_EQ(resend(&c, 3 * RTT + 10, &first), 2);
	EXPECT_EQ(first, 1);

	conn_init(&c, true, 10);
	c.more = true;
	send(&c, 10, 0);
	yoke_recovery_rto(&c.r, &c.cc, seq(0), seq(10), T0 + 3 * RTT, true);
	resend(&c, 3 * RTT, NULL);
	ack_sack(&c, 0, 5, 6, 3 * RTT + 10);
	ack(&c, 1, 4 * RTT);
	EXPECT(yoke_recovery_next(&c.r));
}

/* Step 2b: there is something new, but it may not go, as Nagle has it: what is lost does. */
TEST(frto__nothing_new_went)
{
	struct conn c;
	u32 first;

	timed_out(&c, true, true);
	EXPECT(!yoke_recovery_next(&c.r));
	EXPECT(yoke_recovery_frto_starved(&c.r, seq(c.nxt)));
	EXPECT_EQ(resend(&c, 3 * RTT + 10, &first), 2);
	EXPECT_EQ(first, 1);
	EXPECT_EQ(c.r.state, YOKE_CA_LOSS);

	timed_out(&c, true, true);
	send(&c, 1, 3 * RTT + 10);
	EXPECT(!yoke_recovery_frto_starved(&c.r, seq(c.nxt)));
	EXPECT(!yoke_recovery_next(&c.r));
}

/* Step 1: not in the recovery of an earlier timeout, whose retransmissions would be taken for originals. */
TEST(frto__not_again)
{
	struct conn c;

	timed_out(&c, true, true);
	yoke_recovery_rto(&c.r, &c.cc, seq(1), seq(10), T0 + 9 * RTT, true);
	EXPECT(yoke_recovery_next(&c.r));
	resend(&c, 9 * RTT, NULL);
	ack(&c, 2, 10 * RTT);
	EXPECT(yoke_recovery_next(&c.r));
}

/* Without SACK as many duplicates count as a threshold may be. */
TEST(newreno__a_large_threshold)
{
	struct conn c;
	int i;

	conn_init(&c, false, 10);
	yoke_recovery_init(&c.r, 300, 300, 1);
	send(&c, 10, 0);
	for (i = 0; i < 299; i++)
		ack(&c, 0, RTT + i);
	EXPECT_EQ(c.r.state, YOKE_CA_DISORDER);
	ack(&c, 0, RTT + i);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
}

/* The loss was none of congestion, but the same ACK told of marks: those reduce the window. */
TEST(needless__but_marked)
{
	for (int marked = 0; marked < 2; marked++) {
		struct conn c;

		conn_sent(&c, true, 20, 20);
		c.ece = marked;
		ack_sack(&c, 0, 1, 4, RTT);
		EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
		yoke_recovery_needless(&c.r, &c.cc);
		EXPECT_EQ(resend(&c, RTT, NULL), 1);
		ack(&c, 20, 2 * RTT);
		EXPECT_EQ(c.r.state, marked ? YOKE_CA_CWR : YOKE_CA_OPEN);
		send(&c, 1, 2 * RTT);
		ack(&c, 21, 3 * RTT);
		EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
		EXPECT_EQ(c.cc.cwnd < 20 * MSS, marked);
	}
}

/* --- tail loss probe, RFC 8985 §7 --- */

TEST(pto__two_srtt)
{
	struct conn c;

	conn_init(&c, true, 10);
	EXPECT_EQ(yoke_recovery_pto(&c.r, &c.rtt, MSS, true), 0);	/* nothing in flight */
	send(&c, 3, 0);
	EXPECT_EQ(yoke_recovery_pto(&c.r, &c.rtt, MSS, true), 2 * RTT + 2000);
	EXPECT_EQ(yoke_recovery_pto(&c.r, &c.rtt, MSS, false), 0);	/* SACK is required */
}

TEST(pto__one_segment_waits_for_a_delayed_ack)
{
	struct conn c;

	conn_init(&c, true, 10);
	yoke_rtt_init(&c.rtt);
	yoke_rtt_sample(&c.rtt, 10000, seq(0), seq(0), T0);
	send(&c, 1, 0);
	/* 2 SRTT + 200 ms, but not beyond the RTO of SRTT + 200 ms. */
	EXPECT_EQ(yoke_recovery_pto(&c.r, &c.rtt, MSS, true), 210000);
}

TEST(pto__two_short_segments_are_two)
{
	struct conn c;

	conn_init(&c, true, 10);
	for (u32 i = 0; i < 2; i++) {
		c.seg[i].seq = ISN + i * 100;
		c.seg[i].end_seq = c.seg[i].seq + 100;
		yoke_recovery_sent(&c.r, &c.seg[i], T0);
	}
	EXPECT_EQ(yoke_recovery_pto(&c.r, &c.rtt, MSS, true), 2 * RTT + 2000);
}

TEST(pto__a_peer_is_as_patient_as_we)
{
	struct conn c;

	conn_init(&c, true, 10);
	yoke_rtt_init(&c.rtt);
	yoke_rtt_bound(&c.rtt, 20000, YOKE_RTO_MAX_US);
	yoke_rtt_sample(&c.rtt, 100000, seq(0), seq(0), T0);
	send(&c, 1, 0);
	EXPECT_EQ(yoke_recovery_pto(&c.r, &c.rtt, MSS, true), 220000);
}

TEST(pto__one_second_without_srtt)
{
	struct conn c;

	conn_init(&c, true, 10);
	yoke_rtt_init(&c.rtt);
	send(&c, 2, 0);
	EXPECT_EQ(yoke_recovery_pto(&c.r, &c.rtt, MSS, true), 1000000);
}

TEST(pto__only_in_the_open_state_and_once)
{
	struct conn c;

	conn_sent(&c, true, 10, 5);
	yoke_recovery_tlp_sent(&c.r, seq(5), true);
	EXPECT_EQ(yoke_recovery_pto(&c.r, &c.rtt, MSS, true), 0);
	c.r.tlp_out = false;
	ack_sack(&c, 0, 1, 2, RTT);
	EXPECT_EQ(yoke_recovery_pto(&c.r, &c.rtt, MSS, true), 0);
}

static void tail_probe(struct conn *c)
{
	conn_init(c, true, 10);
	send(c, 10, 0);
	ack(c, 9, RTT);
	yoke_recovery_resent(&c->r, &c->seg[9], T0 + 3 * RTT);
	yoke_recovery_tlp_sent(&c->r, seq(10), true);
	EXPECT_EQ(c->r.board.in_flight, MSS);
}

/* §7.4.2 case 3: the probe filled a hole that congestion made. */
TEST(tlp__repaired_a_loss)
{
	struct conn c;
	u32 cwnd;

	tail_probe(&c);
	ack(&c, 10, 4 * RTT);
	EXPECT_EQ(c.cc.ssthresh, 10 * MSS);		/* not known yet: a duplicate may follow */
	send(&c, 1, 4 * RTT);
	cwnd = c.cc.cwnd;
	ack(&c, 11, 5 * RTT);
	EXPECT(!c.r.tlp_out);
	EXPECT_EQ(c.cc.ssthresh, cwnd / 2);
	EXPECT(c.cc.cwnd <= cwnd / 2 + MSS);
	EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
}

/* fq, that was to keep them for five seconds, is not there any more. */
TEST(rack__delivered_before_its_time)
{
	struct conn c;

	conn_init(&c, true, 10);
	send(&c, 3, 5000000);
	ack_sack(&c, 0, 1, 3, 1000);
	EXPECT_EQ(c.ack.rtt_us, 0);
	EXPECT_EQ(c.rtt.srtt_us, RTT);
	EXPECT_COUNTS(&c, 1, 0, 2);
}

/* Cases 1 and 2: both the original and the probe arrived. */
TEST(tlp__was_needless)
{
	for (int dsack = 0; dsack < 3; dsack++) {
		struct conn c;

		tail_probe(&c);
		ack(&c, 10, 3 * RTT + 10);
		if (!dsack)	/* a duplicate ACK is one only while something is outstanding */
			send(&c, 1, 3 * RTT + 20);
		if (dsack) {
			c.dsack = dsack == 1;
			c.dubious = dsack == 2;	/* the network doubled something before */
			c.dsack_start = 9;
			c.dsack_end = 10;
		}
		ack(&c, 10, 4 * RTT);
		EXPECT(!c.r.tlp_out);
		if (dsack)
			send(&c, 1, 4 * RTT);
		ack(&c, 11, 5 * RTT);
		EXPECT_EQ(c.cc.ssthresh, 10 * MSS);
		EXPECT_EQ(c.r.rack.reo_mult, 1);	/* a probe's DSACK is not about reordering */
	}
}

TEST(tlp__of_new_data_tells_nothing)
{
	struct conn c;

	conn_sent(&c, true, 10, 3);
	send(&c, 1, 2 * RTT);
	yoke_recovery_tlp_sent(&c.r, seq(4), false);
	ack(&c, 4, 3 * RTT);
	EXPECT(!c.r.tlp_out);
	EXPECT_EQ(c.cc.ssthresh, 10 * MSS);
}

/* §7.1: the probe turns a lost tail into a recovery without a timeout. */
TEST(tlp__its_sack_starts_recovery)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	ack(&c, 5, RTT);
	yoke_recovery_resent(&c.r, &c.seg[9], T0 + 3 * RTT);
	yoke_recovery_tlp_sent(&c.r, seq(10), true);
	ack_sack(&c, 5, 9, 10, 4 * RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
	EXPECT_COUNTS(&c, 0, 4, 1);
	EXPECT(!c.r.tlp_out);
}

/* --- ECN: RFC 3168 §6.1.2, the reduction spread by RFC 6937 --- */

static u32 ack_ece(struct conn *c, u32 una, u32 at)
{
	c->ece = true;
	return ack(c, una, at);
}

TEST(ecn__one_reduction_a_window)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	EXPECT(!yoke_recovery_take_cwr(&c.r));
	ack_ece(&c, 1, RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_CWR);
	EXPECT_EQ(c.cc.ssthresh, 5 * MSS);
	EXPECT(yoke_recovery_take_cwr(&c.r));
	EXPECT(!yoke_recovery_take_cwr(&c.r));
	/* RFC 6937: about one segment out for two in, and not a second reduction. */
	for (u32 i = 2, sent = 0; i <= 10; i++) {
		u32 n = room(&c);

		send(&c, n, RTT + i);
		sent += n;
		ack_ece(&c, i, RTT + i);
		EXPECT_EQ(c.cc.ssthresh, 5 * MSS);
		EXPECT_EQ(c.r.state, YOKE_CA_CWR);
		EXPECT(sent <= (i + 1) / 2);
	}
	EXPECT(!yoke_recovery_take_cwr(&c.r));
	/* Beyond SND.NXT of then: the first answer to what carried CWR. */
	ack(&c, 11, 2 * RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
	EXPECT_EQ(c.cc.cwnd, 5 * MSS);
}

TEST(ecn__marks_of_the_next_window_reduce_again)
{
	struct conn c;

	conn_sent(&c, true, 16, 16);
	ack_ece(&c, 8, RTT);
	EXPECT_EQ(c.cc.ssthresh, 8 * MSS);
	send(&c, room(&c), RTT);
	ack_ece(&c, 16, RTT + 1);
	EXPECT_EQ(c.cc.ssthresh, 8 * MSS);
	ack_ece(&c, 17, 2 * RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_CWR);
	EXPECT_EQ(c.cc.ssthresh, 4 * MSS);
	EXPECT(yoke_recovery_take_cwr(&c.r));
}

/* §6.1.2: no increase by an ACK that echoes a mark, in any state. */
TEST(ecn__no_growth)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	yoke_recovery_rto(&c.r, &c.cc, seq(0), seq(10), T0 + 10 * RTT, false);
	EXPECT_EQ(resend(&c, 10 * RTT, NULL), 1);
	ack_ece(&c, 1, 11 * RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_LOSS);
	EXPECT_EQ(c.cc.cwnd, MSS);
	EXPECT_EQ(resend(&c, 11 * RTT, NULL), 1);
	ack(&c, 2, 12 * RTT);
	EXPECT_EQ(c.cc.cwnd, 2 * MSS);
}

TEST(ecn__a_loss_after_marks_is_the_same_congestion)
{
	struct conn c;
	u32 first = 99;

	conn_sent(&c, true, 10, 10);
	ack_ece(&c, 1, RTT);
	yoke_recovery_take_cwr(&c.r);
	ack_sack(&c, 1, 2, 5, RTT + 1);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
	EXPECT_EQ(c.cc.ssthresh, 5 * MSS);
	EXPECT(!yoke_recovery_take_cwr(&c.r));
	EXPECT_EQ(lost_segs(&c), 1);
	EXPECT(resend(&c, RTT + 1, &first) == 1 && first == 1);
	ack(&c, 10, 2 * RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_OPEN);
	EXPECT_EQ(c.cc.cwnd, 5 * MSS);
}

/* RFC 4015 takes back what was needless; marks prove that it was not. */
TEST(ecn__not_undone)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	ack_sack(&c, 0, 1, 4, RTT);
	EXPECT_EQ(c.r.state, YOKE_CA_RECOVERY);
	resend(&c, RTT, NULL);
	c.ts_undo = true;
	ack_ece(&c, 4, RTT + 10);
	EXPECT_EQ(c.cc.ssthresh, 5 * MSS);
	EXPECT(c.cc.cwnd <= 5 * MSS);
	EXPECT(yoke_recovery_take_cwr(&c.r));
}

/* A needless reduction that is taken back is not told either. */
TEST(ecn__undo_withdraws_cwr)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	ack_sack(&c, 0, 1, 4, RTT);
	resend(&c, RTT, NULL);
	c.ts_undo = true;
	ack(&c, 4, RTT + 10);
	EXPECT_EQ(c.cc.ssthresh, 10 * MSS);
	EXPECT(!yoke_recovery_take_cwr(&c.r));
}

static u32 gentle_ecn(struct yoke_cc *cc)
{
	return cc->cwnd - cc->mss;
}

static void gentle_ack(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
}

static const struct yoke_cc_ops gentle = {
	.name		= "gentle",
	.ack		= gentle_ack,
	.ecn		= gentle_ecn,
};

TEST(ecn__the_algorithm_decides_how_much)
{
	struct conn c;

	conn_init(&c, true, 10);
	c.cc.ops = &gentle;
	send(&c, 10, 0);
	ack_ece(&c, 1, RTT);
	EXPECT_EQ(c.cc.ssthresh, 9 * MSS);
}

TEST(ecn__a_timeout_after_marks_does_not_reduce_twice)
{
	struct conn c;

	conn_sent(&c, true, 10, 10);
	ack_ece(&c, 1, RTT);
	yoke_recovery_rto(&c.r, &c.cc, seq(1), seq(10), T0 + 10 * RTT, false);
	EXPECT_EQ(c.cc.ssthresh, 5 * MSS);
	EXPECT_EQ(c.r.state, YOKE_CA_LOSS);
	EXPECT(yoke_recovery_take_cwr(&c.r));
}
