// SPDX-License-Identifier: GPL-2.0
/*
 * A sender made of the pure files, against a link that loses, reorders, duplicates and marks and a receiver
 * with or without SACK, over a grid of all that and many seeds. After every event it checks that
 *
 *	- the scoreboard's counters are the sums over its lists, every byte outstanding is on exactly
 *	  one of them, and the lists are in order,
 *	- nothing is sent beyond cwnd but for a probe, and on a link that keeps order no more is in the
 *	  network than the sender believes,
 *
 * and at the end that all data arrived, in bounded time. The clock and the sequence numbers wrap in
 * the middle of every run.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include "pair.h"
#include "recovery.h"
#include "test.h"

#define MSS		1000u
#define CLOCK_START	(0xffffffffu - 300000)	/* the u32 clock wraps after 0.3 s */
#define SEQ_START	(0xffffffffu - 50 * MSS)
#define DELACK_US	40000u
#define TIME_LIMIT_US	7200000000ull
#define RANGES		1024

struct path {
	u32	rtt_us;
	u32	loss;		/* all of these in parts per thousand */
	u32	ack_loss;
	u32	reorder;
	u32	dup;
	u32	renege;
	u32	mark;		/* what is not ECN-capable is lost instead (RFC 3168 §5) */
	u32	mark_at;	/* bytes in the bottleneck above which all is marked, 0: never */
	u32	rate;		/* bytes per millisecond, 0: a segment per microsecond */
	u32	queue;		/* bytes the bottleneck holds, 0: unlimited */
	u32	bytes;		/* to transfer */
	u32	gso;		/* largest buffer in segments */
	bool	sack;
	bool	ts;
	bool	dsack;
	const struct yoke_cc_ops *cc;	/* NULL: Reno */
};

enum kind { EV_DATA, EV_ACK, EV_RTX, EV_REO, EV_DELACK, EV_PACE };

struct event {
	u64	at;
	u64	order;
	enum kind kind;
	u32	gen;		/* of a timer */
	u32	seq, end, ts;	/* data; ts: its TSval, or the ACK's TSecr */
	u32	ack;
	u32	nsacks;
	bool	dsack;
	bool	ect, ce, cwr;	/* data */
	bool	ece;
	struct { u32 start, end; } sack[4];
};

/* A buffer of the retransmit queue. */
struct buf {
	struct list_head queue;
	struct yoke_seg seg;
};

struct range {
	u32	start, end;
	u64	stamp;
};

struct world {
	const struct path *p;
	u64	now;
	u64	rnd;
	u64	order;
	struct event *heap;
	u32	nheap, heap_size;
	u64	link_free;	/* when the bottleneck is idle again */
	u64	back_free;	/* and the way back */
	u64	waits, waited;	/* in the bottleneck's queue: segments, microseconds together */
	u32	in_net;		/* bytes of data on the way */
	u64	events;

	/* sender */
	struct yoke_recovery r;
	struct yoke_cc cc;
	struct yoke_rtt rtt;
	struct list_head rtx;
	u32	una, nxt, end;
	u32	rtx_gen, reo_gen;
	bool	rtx_armed, rtx_is_tlp;
	bool	sent_now;	/* something that cwnd must allow, in this event */
	u64	pace_until;	/* nanoseconds: paced, nothing leaves before */
	bool	pace_armed;

	/* receiver */
	u32	rcv_nxt;
	struct range ooo[RANGES];
	u32	nooo;
	u32	ts_recent, last_ack_sent;
	u32	unacked_segs;
	u32	delack_gen;
	u64	delivered;
	bool	echo;

	/* figures */
	u32	retrans, rtos, tlps, recoveries, undos, marks;
};

static u32 roll(struct world *w, u32 n)
{
	w->rnd ^= w->rnd >> 12;
	w->rnd ^= w->rnd << 25;
	w->rnd ^= w->rnd >> 27;
	return (u32)((w->rnd * 0x2545f4914f6cdd1dull) >> 33) % n;
}

static bool chance(struct world *w, u32 per_mille)
{
	return per_mille && roll(w, 1000) < per_mille;
}

static u32 clock_us(const struct world *w)
{
	return CLOCK_START + (u32)w->now;
}

/* --- events, a binary heap --- */

static bool earlier(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void post(struct world *w, struct event ev)
{
	u32 i = w->nheap++;

	if (w->nheap > w->heap_size) {
		w->heap_size = w->heap_size ? 2 * w->heap_size : 256;
		w->heap = realloc(w->heap, w->heap_size * sizeof(*w->heap));
	}
	ev.order = w->order++;
	for (; i && earlier(&ev, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = ev;
}

static struct event take(struct world *w)
{
	struct event top = w->heap[0], last = w->heap[--w->nheap];
	u32 i = 0, child;

	while ((child = 2 * i + 1) < w->nheap) {
		if (child + 1 < w->nheap && earlier(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!earlier(&w->heap[child], &last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return top;
}

/* --- the link --- */

/*
 * A FIFO each way, that of data being the bottleneck, of at least a microsecond a packet, so that no two
 * ACKs share their time; then the chances of the path.
 */
static void cross(struct world *w, struct event ev, u32 loss)
{
	bool data = ev.kind == EV_DATA;
	u32 rate = w->p->rate ?: 1000 * MSS;
	u64 *free = data ? &w->link_free : &w->back_free;
	u64 backlog = *free > w->now ? *free - w->now : 0, start;
	u32 copies = 1 + chance(w, w->p->dup);

	if (data && w->p->queue && backlog * rate / 1000 > w->p->queue)
		return;
	if (data && ((w->p->mark_at && backlog * rate / 1000 > w->p->mark_at) || chance(w, w->p->mark))) {
		if (!ev.ect)
			return;
		ev.ce = true;
		w->marks++;
	}
	if (data) {
		w->waits++;
		w->waited += backlog;
	}
	start = w->now + backlog + (data ? max((ev.end - ev.seq) * 1000 / rate, 1u) : 1);
	*free = start;
	if (chance(w, loss))
		return;
	while (copies--) {
		ev.at = start + w->p->rtt_us / 2;
		if (chance(w, w->p->reorder))
			ev.at += 1 + roll(w, w->p->rtt_us);
		if (data)
			w->in_net += ev.end - ev.seq;
		post(w, ev);
	}
}

/* --- the sender: an engine in miniature --- */

static void arm(struct world *w, enum kind kind, u32 *gen, u64 delay)
{
	post(w, (struct event){ .kind = kind, .at = w->now + delay, .gen = ++*gen });
}

static void arm_rtx(struct world *w)
{
	u32 pto = yoke_recovery_pto(&w->r, &w->rtt, MSS, w->p->sack);

	w->rtx_gen++;
	w->rtx_armed = w->una != w->nxt;
	w->rtx_is_tlp = pto != 0;
	if (w->rtx_armed)
		arm(w, EV_RTX, &w->rtx_gen, pto ?: yoke_rtt_rto(&w->rtt));
}

/* Must what is to be sent wait for its turn? */
static bool paced(struct world *w)
{
	if (w->pace_until <= w->now * 1000)
		return false;
	if (!w->pace_armed)
		post(w, (struct event){ .kind = EV_PACE, .at = w->pace_until / 1000 + 1 });
	w->pace_armed = true;
	return true;
}

static void transmit(struct world *w, const struct yoke_seg *seg)
{
	bool ecn = (w->p->mark || w->p->mark_at) && !seg->retrans;	/* RFC 3168 §6.1.5 */
	u32 seq, end;

	if (w->cc.ops->pacing_rate)
		w->pace_until = max(w->pace_until, w->now * 1000) +
				(seg->end_seq - seg->seq) * 1000000000ull / w->cc.ops->pacing_rate(&w->cc);

	for (seq = seg->seq; seq != seg->end_seq; seq = end) {
		end = seq + min(MSS, seg->end_seq - seq);
		cross(w, (struct event){ .kind = EV_DATA, .seq = seq, .end = end,
					 .ts = clock_us(w) / 1000, .ect = ecn,
					 .cwr = ecn && yoke_recovery_take_cwr(&w->r) }, w->p->loss);
	}
}

static struct buf *buf_of(struct yoke_seg *seg)
{
	return list_entry(seg, struct buf, seg);
}

static void split(struct world *w, struct buf *b, u32 seq)
{
	struct buf *tail = malloc(sizeof(*tail));

	yoke_recovery_split(&w->r, &b->seg, &tail->seg, seq);
	list_add(&tail->queue, &b->queue);
}

static void send_new(struct world *w, u32 len)
{
	struct buf *b = malloc(sizeof(*b));

	b->seg.seq = w->nxt;
	b->seg.end_seq = w->nxt += len;
	list_add_tail(&b->queue, &w->rtx);
	yoke_recovery_sent(&w->r, &b->seg, clock_us(w));
	w->sent_now = true;
	transmit(w, &b->seg);
}

static void resend(struct world *w, struct yoke_seg *seg)
{
	yoke_recovery_resent(&w->r, seg, clock_us(w));
	w->retrans++;
	w->sent_now = true;
	transmit(w, seg);
}

static void push(struct world *w)
{
	struct yoke_seg *seg;
	bool sent = false;
	u32 room, len;

	while ((seg = yoke_recovery_next(&w->r))) {
		if (paced(w))
			return;
		room = yoke_recovery_room(&w->r, &w->cc);
		len = seg->end_seq - seg->seq;
		if (room < min(MSS, len)) {
			yoke_cc_use(&w->cc, YOKE_CC_FILLED, w->una, w->nxt);
			return;		/* nothing new, however small, before what is lost */
		}
		if (len > room)
			split(w, buf_of(seg), seg->seq + room - room % MSS);
		resend(w, seg);
		if (!w->rtx_armed)
			arm_rtx(w);
	}
	while (w->nxt != w->end) {
		if (paced(w))
			break;
		room = yoke_recovery_room(&w->r, &w->cc);
		len = min(w->end - w->nxt, w->p->gso * MSS);
		if (w->cc.ops->min_segs)	/* a millisecond's worth, as the engine has it */
			len = min(len, max_t(u32, w->cc.ops->pacing_rate(&w->cc) / 1024 / MSS,
					     w->cc.ops->min_segs(&w->cc)) * MSS);
		if (room < min(MSS, len))
			break;
		if (len > room)
			len = room - room % MSS;
		send_new(w, len);
		sent = true;
		if (!w->rtx_armed || w->rtx_is_tlp)
			arm_rtx(w);
	}
	if (yoke_recovery_room(&w->r, &w->cc) < MSS)
		yoke_cc_use(&w->cc, YOKE_CC_FILLED, w->una, w->nxt);
	else if (sent)
		yoke_cc_use(&w->cc, w->r.board.in_flight, w->una, w->nxt);
}

static void clean(struct world *w, struct yoke_ack *ack)
{
	while (!list_empty(&w->rtx)) {
		struct buf *b = list_first_entry(&w->rtx, struct buf, queue);

		if (yoke_seq_after(b->seg.end_seq, ack->ack)) {
			if (yoke_seq_after(ack->ack, b->seg.seq))
				yoke_recovery_trim(&w->r, &b->seg, ack->ack, ack);
			break;
		}
		yoke_recovery_acked(&w->r, &b->seg, ack);
		list_del(&b->queue);
		free(b);
	}
}

static void mark_sacked(struct world *w, u32 start, u32 end, struct yoke_ack *ack)
{
	struct buf *b, *next;

	list_for_each_entry_safe(b, next, &w->rtx, queue) {
		if (!yoke_seq_before(b->seg.seq, end))
			break;
		if (!yoke_seq_after(b->seg.end_seq, start) || b->seg.state == YOKE_SEG_SACKED)
			continue;
		if (yoke_seq_before(b->seg.seq, start)) {
			split(w, b, start);
			next = list_next_entry(b, queue);
			continue;
		}
		if (yoke_seq_after(b->seg.end_seq, end)) {
			split(w, b, end);
			next = list_next_entry(b, queue);
		}
		yoke_recovery_sacked(&w->r, &b->seg, ack);
	}
}

static void on_ack(struct world *w, const struct event *ev)
{
	bool was_episode = w->r.state >= YOKE_CA_RECOVERY, was_armed = w->r.undo_armed;
	u32 wait, i;
	struct yoke_ack ack = {
		.now_us = clock_us(w),
		.ack = ev->ack,
		.prior_una = w->una,
		.snd_nxt = w->nxt,
		.sack = w->p->sack,
		.dsack = ev->dsack,
		.dsack_start = ev->sack[0].start,
		.dsack_end = ev->sack[0].end,
		.more = w->nxt != w->end,
		.ece = ev->ece,
		.dup = ev->ack == w->una,
		.ts_undo = w->p->ts && w->r.undo_armed && w->r.undo_retrans >= 0 &&
			   (s32)(ev->ts - w->r.first_retrans_us / 1000) < 0,
	};

	if (yoke_seq_before(ev->ack, w->una) || (w->una == w->nxt && !ev->dsack))
		return;
	yoke_recovery_ack_begin(&w->r, &ack);
	w->una = ev->ack;
	clean(w, &ack);
	for (i = ev->dsack; i < ev->nsacks; i++)
		if (yoke_seq_after(ev->sack[i].start, w->una))
			mark_sacked(w, ev->sack[i].start, ev->sack[i].end, &ack);
	if (!ack.rtt_us && w->p->ts && ack.delivered)	/* RFC 7323 §4.1 */
		ack.rtt_us = max((clock_us(w) / 1000 - ev->ts) * 1000, 1000u);
	if (ack.rtt_us)
		yoke_rtt_sample(&w->rtt, ack.rtt_us, w->una, w->nxt, ack.now_us);
	ack.marked = ack.ece ? ack.delivered : 0;
	wait = yoke_recovery_ack_end(&w->r, &w->cc, &w->rtt, &ack);
	w->recoveries += !was_episode && w->r.state == YOKE_CA_RECOVERY;
	w->undos += was_armed && !w->r.undo_armed;
	w->reo_gen++;
	if (wait)
		arm(w, EV_REO, &w->reo_gen, wait);
	if (ack.prior_una != w->una)
		arm_rtx(w);
	push(w);
}

static void on_reo(struct world *w)
{
	u32 wait = yoke_recovery_reo_timeout(&w->r, &w->cc, &w->rtt, w->una, w->nxt, clock_us(w));

	if (wait)
		arm(w, EV_REO, &w->reo_gen, wait);
	push(w);
}

static void on_tlp(struct world *w)
{
	struct buf *last = list_entry(w->rtx.prev, struct buf, queue);
	u32 len;

	w->tlps++;
	if (w->nxt != w->end) {
		len = min(MSS, w->end - w->nxt);
		send_new(w, len);
		yoke_recovery_tlp_sent(&w->r, w->nxt, false);
	} else if (last->seg.state == YOKE_SEG_SENT) {
		len = last->seg.end_seq - last->seg.seq;
		if (len > MSS) {
			split(w, last, last->seg.end_seq - (len % MSS ?: MSS));
			last = list_entry(w->rtx.prev, struct buf, queue);
		}
		resend(w, &last->seg);
		yoke_recovery_tlp_sent(&w->r, w->nxt, true);
	}
	w->sent_now = false;
	arm_rtx(w);
}

static void on_rtx(struct world *w)
{
	struct buf *b;

	w->rtx_armed = false;
	if (w->una == w->nxt)
		return;
	if (w->rtx_is_tlp) {
		if (yoke_recovery_pto(&w->r, &w->rtt, MSS, w->p->sack))
			on_tlp(w);
		else
			arm_rtx(w);
		return;
	}
	w->rtos++;
	b = list_first_entry(&w->rtx, struct buf, queue);
	if (b->seg.state == YOKE_SEG_SACKED)	/* only a reneging receiver leaves it so */
		list_for_each_entry(b, &w->rtx, queue)
			yoke_recovery_unsacked(&w->r, &b->seg);
	yoke_recovery_rto(&w->r, &w->cc, w->una, w->nxt, clock_us(w), true);
	yoke_rtt_backoff(&w->rtt);
	w->reo_gen++;
	push(w);
	arm_rtx(w);
}

/* --- the receiver --- */

static void send_ack(struct world *w, u32 dup_start, u32 dup_end)
{
	struct event ev = { .kind = EV_ACK, .ack = w->rcv_nxt, .ts = w->ts_recent, .ece = w->echo };
	u32 most = w->p->ts ? 3 : 4, i, best;
	u64 below = ~0ull;

	w->unacked_segs = 0;
	w->delack_gen++;
	w->last_ack_sent = w->rcv_nxt;
	if (w->p->sack && w->p->dsack && dup_start != dup_end) {
		ev.dsack = true;
		ev.sack[0].start = dup_start;
		ev.sack[ev.nsacks++].end = dup_end;
	}
	/* The most recently changed ranges first (RFC 2018 §4). */
	while (w->p->sack && ev.nsacks < most) {
		for (best = RANGES, i = 0; i < w->nooo; i++)
			if (w->ooo[i].stamp < below &&
			    (best == RANGES || w->ooo[i].stamp > w->ooo[best].stamp))
				best = i;
		if (best == RANGES)
			break;
		below = w->ooo[best].stamp;
		ev.sack[ev.nsacks].start = w->ooo[best].start;
		ev.sack[ev.nsacks++].end = w->ooo[best].end;
	}
	cross(w, ev, w->p->ack_loss);
}

/* Merges [start, end) into the out-of-order ranges. */
static void store(struct world *w, u32 start, u32 end)
{
	u32 i, n = 0;

	for (i = 0; i < w->nooo; i++) {
		struct range *o = &w->ooo[i];

		if (yoke_seq_before(o->end, start) || yoke_seq_after(o->start, end)) {
			w->ooo[n++] = *o;
			continue;
		}
		if (yoke_seq_before(o->start, start))
			start = o->start;
		if (yoke_seq_after(o->end, end))
			end = o->end;
	}
	if (n == RANGES)
		abort();
	w->ooo[n++] = (struct range){ start, end, w->order++ };
	w->nooo = n;
}

static bool have(const struct world *w, u32 start, u32 end)
{
	if (!yoke_seq_after(end, w->rcv_nxt))
		return true;
	for (u32 i = 0; i < w->nooo; i++)
		if (!yoke_seq_before(start, w->ooo[i].start) &&
		    !yoke_seq_after(end, w->ooo[i].end))
			return true;
	return false;
}

static void advance(struct world *w, u32 end)
{
	u32 i, n = 0;

	w->delivered += end - w->rcv_nxt;
	w->rcv_nxt = end;
	for (i = 0; i < w->nooo; i++) {
		if (!yoke_seq_after(w->ooo[i].start, w->rcv_nxt) &&
		    yoke_seq_after(w->ooo[i].end, w->rcv_nxt)) {
			w->delivered += w->ooo[i].end - w->rcv_nxt;
			w->rcv_nxt = w->ooo[i].end;
		} else if (yoke_seq_after(w->ooo[i].end, w->rcv_nxt)) {
			w->ooo[n++] = w->ooo[i];
		}
	}
	w->nooo = n;
}

static void on_data(struct world *w, const struct event *ev)
{
	bool gap = w->nooo > 0;

	w->in_net -= ev->end - ev->seq;
	w->echo = ev->ce || (w->echo && !ev->cwr);	/* RFC 3168 §6.1.3 */
	if (!yoke_seq_after(ev->seq, w->last_ack_sent) && (s32)(ev->ts - w->ts_recent) >= 0)
		w->ts_recent = ev->ts;
	if (have(w, ev->seq, ev->end)) {
		send_ack(w, ev->seq, ev->end);
		return;
	}
	if (yoke_seq_after(ev->seq, w->rcv_nxt)) {
		store(w, ev->seq, ev->end);
		if (chance(w, w->p->renege))
			w->nooo = 0;
		send_ack(w, 0, 0);
		return;
	}
	advance(w, ev->end);
	if (gap || ++w->unacked_segs >= 2)
		send_ack(w, 0, 0);
	else
		arm(w, EV_DELACK, &w->delack_gen, DELACK_US);
}

/* --- the invariants --- */

static bool check(struct world *w, const char *what, bool ok)
{
	const struct yoke_recovery *r = &w->r;

	if (ok)
		return true;
	printf("# t=%llu us: %s: state %d in_flight %u lost %u sacked %u reno %u cwnd %u ssthresh %u una +%u nxt +%u\n",
	       (unsigned long long)w->now, what, r->state, r->board.in_flight, r->board.lost_bytes, r->board.sacked,
	       r->board.reno_sacked, w->cc.cwnd, w->cc.ssthresh, w->una - SEQ_START,
	       w->nxt - SEQ_START);
	return false;
}

static bool check_lists(struct world *w)
{
	u32 sent = 0, lost = 0, sacked = 0, nsacked = 0, n = 0, listed = 0, seq = w->una;
	struct yoke_seg *s, *prev = NULL;
	struct buf *b;
	bool ok = true;

	list_for_each_entry(b, &w->rtx, queue) {
		ok &= check(w, "a hole in the retransmit queue", b->seg.seq == seq);
		seq = b->seg.end_seq;
		n += b->seg.state != YOKE_SEG_SACKED;
		if (b->seg.state == YOKE_SEG_SACKED) {
			sacked += b->seg.end_seq - b->seg.seq;
			nsacked++;
		}
	}
	ok &= check(w, "the retransmit queue doesn't end at SND.NXT", seq == w->nxt);
	list_for_each_entry(s, &w->r.board.sent, node) {
		ok &= check(w, "state on sent", s->state == YOKE_SEG_SENT);
		if (prev && !w->p->sack)
			ok &= check(w, "sent not by sequence", yoke_seq_after(s->seq, prev->seq));
		prev = s;
		sent += s->end_seq - s->seq;
		listed++;
	}
	prev = NULL;
	list_for_each_entry(s, &w->r.board.lost, node) {
		ok &= check(w, "state on lost", s->state == YOKE_SEG_LOST);
		/* A bounded search; only a receiver that forgets takes it beyond its bound. */
		if (prev && !w->p->renege)
			ok &= check(w, "lost not by sequence", yoke_seq_after(s->seq, prev->seq));
		prev = s;
		lost += s->end_seq - s->seq;
		listed++;
	}
	ok &= check(w, "segments on lists", listed == n);
	ok &= check(w, "in_flight", sent == w->r.board.in_flight + w->r.board.reno_sacked);
	ok &= check(w, "lost_bytes", lost == w->r.board.lost_bytes);
	ok &= check(w, "sacked", sacked == w->r.board.sacked && nsacked == w->r.board.sacked_segs);
	return ok;
}

static bool check_world(struct world *w)
{
	const struct path *p = w->p;
	bool ok = check_lists(w);

	ok &= check(w, "sent beyond cwnd", !w->sent_now || w->r.board.in_flight <= w->cc.cwnd);
	/*
	 * RFC 6937: above ssthresh what goes out is in proportion to what was delivered (without
	 * SACK each partial ACK lets another segment out, RFC 6582).
	 */
	if (p->sack && w->sent_now && w->r.state == YOKE_CA_RECOVERY &&
	    w->r.board.in_flight > w->cc.ssthresh && !w->cc.ops->control)
		ok &= check(w, "more sent than PRR allows",
			    w->r.prr.out <= (u64)w->r.prr.delivered * w->cc.ssthresh /
					    w->r.prr.prior_cwnd + MSS);
	ok &= check(w, "cwnd below one segment", w->cc.cwnd >= MSS || w->r.board.in_flight);
	ok &= check(w, "ssthresh below two segments", w->cc.ssthresh >= 2 * MSS);
	/* Timers may strike data that only waits in a queue. */
	if (p->sack && !p->reorder && !p->dup && !p->renege && !w->rtos && !w->tlps)
		ok &= check(w, "more in the network than known", w->in_net <= w->r.board.in_flight);
	ok &= check(w, "no timer runs", w->una == w->nxt || w->rtx_armed);
	ok &= check(w, "time", w->now < TIME_LIMIT_US);
	return ok;
}

/* --- a run --- */

struct result {
	bool	ok;
	u64	us;
	u32	retrans, rtos, tlps, recoveries, undos, marks;
	u64	wait_us;	/* mean of a segment in the queue */
};

static void start(struct world *w, const struct path *p, u64 seed)
{
	memset(w, 0, sizeof(*w));
	w->p = p;
	w->rnd = seed * 0x9e3779b97f4a7c15ull + 1;
	yoke_recovery_init(&w->r, 3, 300, 1);
	yoke_rtt_init(&w->rtt);
	yoke_cc_init(&w->cc, p->cc ?: &yoke_cc_reno, MSS, 0, 0);
	INIT_LIST_HEAD(&w->rtx);
	w->una = w->nxt = w->rcv_nxt = w->last_ack_sent = SEQ_START;
	w->end = SEQ_START + p->bytes;
	w->ts_recent = clock_us(w) / 1000;
	yoke_rtt_sample(&w->rtt, p->rtt_us, w->una, w->nxt, clock_us(w));	/* of the handshake */
	push(w);
}

static void stop(struct world *w)
{
	struct buf *b, *next;

	list_for_each_entry_safe(b, next, &w->rtx, queue)
		free(b);
	free(w->heap);
}

static struct result run(const struct path *p, u64 seed)
{
	static struct world world;
	struct world *w = &world;
	struct result res = { .ok = true };

	start(w, p, seed);
	while (w->una != w->end && res.ok) {
		struct event ev = take(w);

		w->now = ev.at;
		w->events++;
		w->sent_now = false;
		switch (ev.kind) {
		case EV_DATA:
			on_data(w, &ev);
			break;
		case EV_ACK:
			on_ack(w, &ev);
			break;
		case EV_RTX:
			if (ev.gen == w->rtx_gen)
				on_rtx(w);
			break;
		case EV_REO:
			if (ev.gen == w->reo_gen)
				on_reo(w);
			break;
		case EV_PACE:
			w->pace_armed = false;
			push(w);
			break;
		case EV_DELACK:
			if (ev.gen == w->delack_gen)
				send_ack(w, 0, 0);
			break;
		}
		res.ok = check_world(w);
	}
	res.ok = res.ok && check(w, "not all was delivered", w->delivered == p->bytes);
	if (!res.ok)
		printf("# seed %llu rtt %u loss %u ack_loss %u reorder %u dup %u renege %u gso %u sack %d ts %d\n",
		       (unsigned long long)seed, p->rtt_us, p->loss, p->ack_loss, p->reorder, p->dup,
		       p->renege, p->gso, p->sack, p->ts);
	res.us = w->now;
	res.wait_us = w->waited / max_t(u64, w->waits, 1);
	res.retrans = w->retrans;
	res.rtos = w->rtos;
	res.tlps = w->tlps;
	res.recoveries = w->recoveries;
	res.undos = w->undos;
	res.marks = w->marks;
	stop(w);
	return res;
}

/* The sum of @seeds runs, and a line about them. */
static struct result runs(const struct path *p, u32 seeds)
{
	struct result sum = { .ok = true };

	for (u32 seed = 1; seed <= seeds && sum.ok; seed++) {
		struct result one = run(p, seed);

		sum.ok = one.ok;
		sum.us += one.us;
		sum.wait_us += one.wait_us;
		sum.retrans += one.retrans;
		sum.rtos += one.rtos;
		sum.tlps += one.tlps;
		sum.recoveries += one.recoveries;
		sum.undos += one.undos;
		sum.marks += one.marks;
	}
	if (getenv("SIM_VERBOSE"))
		printf("# rtt %6u loss %3u reorder %3u dup %2u gso %2u %s%s%s: %8.1f ms %5.1f retrans %4.1f rto %4.1f tlp %4.1f recoveries %4.1f undone\n",
		       p->rtt_us, p->loss, p->reorder, p->dup, p->gso, p->sack ? "sack" : "reno",
		       p->ts ? "+ts" : "", p->dsack ? "+dsack" : "", sum.us / 1e3 / seeds,
		       1.0 * sum.retrans / seeds, 1.0 * sum.rtos / seeds, 1.0 * sum.tlps / seeds,
		       1.0 * sum.recoveries / seeds, 1.0 * sum.undos / seeds);
	return sum;
}

static const u32 rtts[] = { 1000, 20000, 100000 };
static const u32 losses[] = { 0, 1, 10, 50, 200 };
static const u32 reorders[] = { 0, 50, 250 };
static const u32 gsos[] = { 1, 16 };

#define FOR_EACH(v, array)	for (u32 v##_ = 0, v; \
	v##_ < sizeof(array) / sizeof(*(array)) && (v = (array)[v##_], 1); v##_++)

static void grid(struct path p, u32 seeds)
{
	u64 total = 0;

	p.bytes = 200 * MSS + 300;
	FOR_EACH(rtt, rtts)
	FOR_EACH(loss, losses)
	FOR_EACH(reorder, reorders)
	FOR_EACH(gso, gsos) {
		struct result sum;

		p.rtt_us = rtt;
		p.loss = p.ack_loss = loss;
		p.reorder = reorder;
		p.gso = gso;
		sum = runs(&p, seeds);
		EXPECT(sum.ok);
		if (!sum.ok)
			return;
		total += seeds;
	}
	printf("# %llu runs\n", (unsigned long long)total);
}

TEST(sim__clean_link_needs_no_retransmission)
{
	FOR_EACH(rtt, rtts)
	FOR_EACH(gso, gsos)
	for (int sack = 0; sack < 2; sack++) {
		struct path p = { .rtt_us = rtt, .gso = gso, .sack = sack, .bytes = 500 * MSS };
		struct result sum = runs(&p, 1);

		EXPECT(sum.ok);
		EXPECT_EQ(sum.retrans, 0);
		EXPECT_EQ(sum.rtos, 0);
	}
}

TEST(sim__grid_without_sack)
{
	grid((struct path){ }, 8);
}

TEST(sim__grid_without_sack_duplicates)
{
	grid((struct path){ .dup = 20, .ts = true }, 8);
}

TEST(sim__grid_sack)
{
	grid((struct path){ .sack = true }, 8);
}

TEST(sim__grid_sack_timestamps_dsack)
{
	grid((struct path){ .sack = true, .dsack = true, .ts = true }, 8);
}

TEST(sim__grid_sack_dsack_duplicates)
{
	grid((struct path){ .sack = true, .dsack = true, .dup = 20 }, 8);
}

TEST(sim__grid_reneging_receiver)
{
	grid((struct path){ .sack = true, .dsack = true, .renege = 20 }, 4);
}

TEST(sim__grid_cubic)
{
	grid((struct path){ .sack = true, .dsack = true, .ts = true, .cc = &yoke_cc_cubic }, 8);
}

TEST(sim__grid_cubic_marks)
{
	grid((struct path){ .sack = true, .dsack = true, .ts = true, .mark = 20, .cc = &yoke_cc_cubic }, 4);
}

TEST(sim__grid_reno_marks_without_sack)
{
	grid((struct path){ .mark = 20 }, 4);
}

/*
 * A link that marks at a short queue and could hold a long one: it is kept short and full, and nothing
 * is lost, nor sent again.
 */
TEST(sim__marks_take_the_place_of_losses)
{
	for (u32 i = 0; i < 2; i++) {
		struct path p = { .rtt_us = 40000, .rate = 2500, .queue = 1000 * MSS, .mark_at = 60 * MSS,
				  .sack = true, .dsack = true, .ts = true, .gso = 2, .bytes = 20000 * MSS,
				  .cc = i ? &yoke_cc_cubic : &yoke_cc_reno };
		double least = 3.0 * p.bytes / p.rate / 1000;
		struct result marked = runs(&p, 3), full;

		p.mark_at = 0;
		full = runs(&p, 3);
		EXPECT(marked.ok && full.ok);
		printf("# 20 Mbit/s 40 ms, %s: marked %.2f s, waits %.1f ms, %u marks; not: %.2f s, waits %.1f ms\n",
		       p.cc->name, marked.us / 3e6, marked.wait_us / 3e3, marked.marks, full.us / 3e6,
		       full.wait_us / 3e3);
		EXPECT_EQ(marked.retrans, 0);
		EXPECT(marked.marks);
		EXPECT(marked.wait_us < full.wait_us / 4);
		EXPECT(marked.us / 1e6 < 1.1 * least);
	}
}

TEST(sim__grid_bbr)
{
	grid((struct path){ .sack = true, .dsack = true, .ts = true, .cc = &yoke_cc_bbr }, 8);
}

TEST(sim__grid_bbr_without_sack)
{
	grid((struct path){ .cc = &yoke_cc_bbr }, 4);
}

/*
 * BBR on a bottleneck: losses that are nobody's fault don't slow it down (Reno they do), and where
 * the queue is long it leaves it empty (CUBIC fills it).
 */
TEST(sim__bbr_fills_a_lossy_pipe)
{
	FOR_EACH(loss, ((u32[]){ 0, 1, 10, 30 })) {
		struct path p = { .rtt_us = 40000, .rate = 2500, .queue = 100 * MSS, .loss = loss,
				  .sack = true, .dsack = true, .ts = true, .gso = 16,
				  .bytes = 20000 * MSS };
		struct result reno = runs(&p, 3), bbr;
		double least = 3.0 * p.bytes / p.rate / (1 - loss / 1000.0) / 1000;

		p.cc = &yoke_cc_bbr;
		bbr = runs(&p, 3);
		EXPECT(reno.ok && bbr.ok);
		printf("# 20 Mbit/s 40 ms, loss %u/1000: reno %6.2f s, bbr %5.2f s, least %5.2f s\n", loss,
		       reno.us / 3e6, bbr.us / 3e6, least / 3);
		EXPECT(bbr.us / 1e6 < 1.15 * least);
		if (loss >= 10)
			EXPECT(bbr.us < reno.us / 3);
	}
}

TEST(sim__bbr_keeps_the_queue_short)
{
	struct path p = { .rtt_us = 40000, .rate = 2500, .queue = 1000 * MSS, .sack = true,
			  .dsack = true, .ts = true, .gso = 16, .bytes = 20000 * MSS };
	struct result cubic, bbr;

	p.cc = &yoke_cc_cubic;
	cubic = runs(&p, 3);
	p.cc = &yoke_cc_bbr;
	bbr = runs(&p, 3);
	EXPECT(cubic.ok && bbr.ok);
	printf("# 20 Mbit/s 40 ms, queue 400 ms: cubic waits %.1f ms, bbr %.1f ms\n",
	       cubic.wait_us / 3e3, bbr.wait_us / 3e3);
	EXPECT(bbr.wait_us < 3 * p.rtt_us / 4);
	EXPECT(bbr.wait_us < cubic.wait_us / 3);
	EXPECT(bbr.us < cubic.us + cubic.us / 10);
}

/* On a long path a rare loss costs Reno hundreds of rounds; that is what CUBIC is for. */
TEST(sim__cubic_against_reno)
{
	static const u32 queues[] = { 60, 625, 2500 };

	FOR_EACH(queue, queues)
	FOR_EACH(loss, ((u32[]){ 0, 1, 5 })) {
		struct path p = { .rtt_us = 100000, .rate = 12500, .queue = queue * MSS, .loss = loss,
				  .sack = true, .dsack = true, .ts = true, .gso = 16,
				  .bytes = 8000 * MSS };
		struct result reno = runs(&p, 3), cubic;

		p.cc = &yoke_cc_cubic;
		cubic = runs(&p, 3);
		EXPECT(reno.ok && cubic.ok);
		printf("# 100 Mbit/s 100 ms, queue %4u, loss %u/1000: reno %5.2f s, cubic %5.2f s\n", queue,
		       loss, reno.us / 3e6, cubic.us / 3e6);
		EXPECT(cubic.us <= reno.us + reno.us / 20);
	}
}

/* What the grids don't meet: all mixed, with a bottleneck and its queue. */
TEST(sim__random_paths)
{
	struct world dice = { .rnd = 42 };
	u32 n = getenv("SIM_RUNS") ? atoi(getenv("SIM_RUNS")) : 2000;

	for (u32 i = 0; i < n; i++) {
		struct path p = {
			.rtt_us = 100 << roll(&dice, 12),
			.loss = chance(&dice, 500) ? roll(&dice, 100) : 0,
			.ack_loss = chance(&dice, 500) ? roll(&dice, 300) : 0,
			.reorder = chance(&dice, 500) ? roll(&dice, 300) : 0,
			.dup = chance(&dice, 300) ? roll(&dice, 100) : 0,
			.renege = chance(&dice, 200) ? roll(&dice, 50) : 0,
			.mark = chance(&dice, 300) ? roll(&dice, 100) : 0,
			.bytes = 1 + roll(&dice, 400 * MSS),
			.gso = 1 + roll(&dice, 44),
			.sack = chance(&dice, 700),
			.ts = chance(&dice, 500),
			.dsack = chance(&dice, 700),
			.cc = yoke_cc_builtin[roll(&dice, 4)],
		};

		if (chance(&dice, 600)) {
			p.rate = 100 << roll(&dice, 8);
			p.queue = MSS * (1 + roll(&dice, 100));
		}
		if (!run(&p, i).ok) {
			EXPECT(!"every path");
			return;
		}
	}
	printf("# %u runs\n", n);
}
