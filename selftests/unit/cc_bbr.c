// SPDX-License-Identifier: GPL-2.0
/* module/algo/cc_bbr.c: draft-cardwell-iccrg-bbr-congestion-control-00. */
#include <linux/string.h>
#include <linux/inet_diag.h>
#include "cc_bbr.h"
#include "cc.h"
#include "rate.h"
#include "test.h"

#define MSS	1000u
#define RTT	20000u

#define STEP	2000u		/* microseconds */
#define STEPS	32768

/*
 * A path as a fluid: in each step what window and pacing allow goes into the queue of a bottleneck,
 * which passes @bw bytes a millisecond, and comes back as an ACK after the RTT.
 */
struct fluid {
	struct yoke_cc cc;
	struct yoke_rate rate;
	u32	now;
	u32	bw;
	u32	rtt_us;			/* with an empty queue */
	u32	n;			/* steps so far */
	u32	sent[STEPS];		/* up to each: sent, */
	u32	passed[STEPS];		/* passed by the bottleneck, */
	u32	delivered[STEPS];	/* and acknowledged */
};

static void start(struct fluid *p, u32 bw)
{
	memset(p, 0, sizeof(*p));
	yoke_cc_init(&p->cc, &yoke_cc_bbr, MSS, 0, 0);
	p->bw = bw;
	p->rtt_us = RTT;
	p->now = 0xfff00000u;
}

/* An ACK of @acked bytes whose sample spans @interval and @delivered; as bare as it may be. */
static void sample(struct fluid *p, u32 acked, u32 delivered, u32 interval, u32 rtt_us, u32 lost,
		   bool limited)
{
	struct yoke_rate_sample rs = {
		.prior_delivered = p->rate.delivered + acked - delivered,
		.delivered = delivered,
		.interval_us = interval,
		.app_limited = limited,
		.valid = true,
	};
	struct yoke_cc_ack event = {
		.now_us = p->now,
		.acked = acked,
		.in_flight = p->sent[p->n] - p->rate.delivered,
		.rtt_us = rtt_us,
		.lost = lost,
		.sample = &rs,
		.rate = &p->rate,
	};

	p->rate.delivered += acked;
	event.flight = p->sent[p->n] > p->rate.delivered ? p->sent[p->n] - p->rate.delivered : 0;
	p->cc.ops->control(&p->cc, &event);
}

/* One for a whole round. */
static void ack(struct fluid *p, u32 acked, u32 rtt_us, u32 lost, bool limited)
{
	sample(p, acked, acked, rtt_us, rtt_us, lost, limited);
}

static void step(struct fluid *p)
{
	u32 n = p->n, back = p->rtt_us / STEP, done, acked, at, flight, room, paced;

	p->now += STEP;
	done = n + 1 >= back ? p->passed[n + 1 - back] : 0;
	acked = done > p->rate.delivered ? done - p->rate.delivered : 0;
	if (acked) {
		for (at = n; at && p->sent[at - 1] >= done; at--)
			;
		/* The last byte left in step @at, when so much was delivered. */
		sample(p, acked, done - p->delivered[at], (n - at + 1) * STEP,
		       (n - at + 1) * STEP, 0, false);
	}
	flight = p->sent[n] - p->rate.delivered;
	room = p->cc.cwnd > flight ? p->cc.cwnd - flight : 0;
	paced = p->cc.ops->pacing_rate(&p->cc) * STEP / 1000000;
	p->n = ++n;
	p->sent[n] = p->sent[n - 1] + (room < paced ? room : paced);
	p->delivered[n] = p->rate.delivered;
	p->passed[n] = p->passed[n - 1] + p->bw * STEP / 1000;
	if (p->passed[n] > p->sent[n])
		p->passed[n] = p->sent[n];
}

static void round_trip(struct fluid *p)
{
	for (u32 i = 0; i < p->rtt_us / STEP; i++)
		step(p);
}

static struct tcp_bbr_info info(const struct fluid *p)
{
	union tcp_cc_info info = { };
	int attr = 0;

	EXPECT_EQ(p->cc.ops->get_info(&p->cc, ~0u, &attr, &info), sizeof(info.bbr));
	EXPECT_EQ(attr, INET_DIAG_BBRINFO);
	return info.bbr;
}

TEST(bbr__startup_doubles_and_ends_when_the_pipe_is_full)
{
	static struct fluid p;
	u32 rounds;

	start(&p, 5000);		/* 40 Mbit/s, BDP 100 segments */
	for (rounds = 0; rounds < 100 && info(&p).bbr_pacing_gain > 700; rounds++)
		round_trip(&p);
	/* From 10 to 100 segments by doubling, then three rounds, up to thrice as long, without more. */
	EXPECT(rounds >= 8 && rounds <= 20);
	EXPECT_EQ(info(&p).bbr_pacing_gain, 88);	/* §4.3.3: drain */
	EXPECT_EQ(info(&p).bbr_min_rtt, RTT);
	/* In units of 64 bytes a second. */
	EXPECT(info(&p).bbr_bw_lo <= 5000000 && info(&p).bbr_bw_lo > 5000000 - 64);
}

static void settle(struct fluid *p, u32 bw)
{
	start(p, bw);
	for (int i = 0; i < 200 && info(p).bbr_cwnd_gain != 512; i++)
		round_trip(p);
}

TEST(bbr__cycle_probes_drains_and_cruises)
{
	u32 seen[3] = { }, n = 80;
	static struct fluid p;

	settle(&p, 5000);
	for (u32 i = 0; i < n; i++) {
		u32 gain = info(&p).bbr_pacing_gain;

		EXPECT(gain == 320 || gain == 192 || gain == 256);	/* 5/4, 3/4, 1: §4.3.4 */
		seen[gain == 320 ? 0 : gain == 192 ? 1 : 2]++;
		EXPECT_EQ(info(&p).bbr_cwnd_gain, 512);
		round_trip(&p);
	}
	/* One round of eight each, six in between; draining may end early, probing last longer. */
	EXPECT(seen[0] >= n / 8 - 2 && seen[0] <= n / 4);
	EXPECT(seen[1] >= 2 && seen[1] <= n / 4);
	EXPECT(seen[2] >= n / 2);
	EXPECT(p.cc.cwnd >= 2 * 100 * MSS && p.cc.cwnd < 3 * 100 * MSS);
}

TEST(bbr__paces_a_hundredth_below)
{
	static struct fluid p;
	u64 rate;

	settle(&p, 5000);
	while (info(&p).bbr_pacing_gain != 256)
		round_trip(&p);
	rate = p.cc.ops->pacing_rate(&p.cc);
	EXPECT(rate > 4940000 && rate <= 4950000);
}

TEST(bbr__finds_more_and_less_bandwidth)
{
	static struct fluid p;

	settle(&p, 5000);
	p.bw = 10000;
	for (int i = 0; i < 60; i++)
		round_trip(&p);
	EXPECT(info(&p).bbr_bw_lo > 9800000);
	p.bw = 2500;
	for (int i = 0; i < 100; i++)	/* ten rounds with the queue that now is: 160 ms each */
		round_trip(&p);
	EXPECT(info(&p).bbr_bw_lo < 2600000);
}

TEST(bbr__what_the_program_limits_does_not_lower_the_bandwidth)
{
	static struct fluid p;
	u32 before;

	settle(&p, 5000);
	before = info(&p).bbr_bw_lo;
	for (int i = 0; i < 50; i++) {
		p.now += RTT;
		ack(&p, 2 * MSS, RTT, 0, true);
	}
	EXPECT_EQ(info(&p).bbr_bw_lo, before);
	ack(&p, 200 * MSS, RTT, 0, true);	/* more is more */
	EXPECT(info(&p).bbr_bw_lo > before);
}

TEST(bbr__probes_the_round_trip_after_ten_seconds)
{
	static struct fluid p;
	u32 rounds, cwnd, low;

	settle(&p, 5000);
	cwnd = p.cc.cwnd;
	p.rtt_us = 2 * RTT;			/* another path */
	for (rounds = 0; rounds < 1000 && p.cc.cwnd > 4 * MSS; rounds++)
		round_trip(&p);
	/* From when it was seen last, in settle(), somewhat less than 10 s at 40 ms a round. */
	EXPECT(rounds > 200 && rounds <= 260);
	EXPECT_EQ(p.cc.cwnd, 4 * MSS);		/* §4.3.5 */
	for (low = 0; low < 100 && p.cc.cwnd == 4 * MSS; low++)
		round_trip(&p);
	EXPECT(low * p.rtt_us >= 160000 && low * p.rtt_us <= 300000);
	EXPECT(p.cc.cwnd >= cwnd / 10 * 9);
	EXPECT_EQ(info(&p).bbr_min_rtt, 2 * RTT);
}

/* Of a lost SYN that went again, say: no round trip has been measured yet that could be too old. */
TEST(bbr__no_probe_before_the_first_round_trip)
{
	static struct fluid p;

	start(&p, 5000);
	sample(&p, MSS, MSS, RTT, 0, 0, false);
	EXPECT(p.cc.cwnd >= YOKE_CC_INIT_SEGS * MSS);
	ack(&p, MSS, RTT, 0, false);
	EXPECT(p.cc.cwnd >= YOKE_CC_INIT_SEGS * MSS);
}

TEST(bbr__recovery_conserves_then_restores)
{
	static struct fluid p;
	u32 cwnd;
	struct yoke_rate_sample rs = { };
	struct yoke_cc_ack event = { .sample = &rs, .recovery = true };

	settle(&p, 5000);
	cwnd = p.cc.cwnd;
	event.rate = &p.rate;
	event.now_us = p.now;
	event.acked = MSS;
	event.lost = 3 * MSS;
	event.flight = 50 * MSS;
	EXPECT_EQ(p.cc.ops->ssthresh(&p.cc), p.cc.ssthresh);
	p.cc.ops->control(&p.cc, &event);
	EXPECT_EQ(p.cc.cwnd, 51 * MSS);		/* what arrived goes out, §4.2.3.4 */
	event.lost = 0;
	p.cc.ops->control(&p.cc, &event);
	EXPECT_EQ(p.cc.cwnd, 51 * MSS);
	event.recovery = false;
	p.cc.ops->control(&p.cc, &event);
	EXPECT(p.cc.cwnd >= cwnd / 10 * 9);
}

TEST(bbr__after_a_timeout_one_segment_then_as_before)
{
	static struct fluid p;
	u32 cwnd;

	settle(&p, 5000);
	cwnd = p.cc.cwnd;
	p.cc.ops->ssthresh(&p.cc);
	p.cc.cwnd = MSS;			/* as yoke_recovery_rto() does */
	p.cc.ops->lost(&p.cc, true, p.now);
	ack(&p, MSS, RTT, 0, true);		/* not in loss any more */
	EXPECT(p.cc.cwnd >= cwnd / 10 * 9);
	EXPECT(info(&p).bbr_bw_lo > 4900000);	/* nothing is forgotten */
}

TEST(bbr__idle_restarts_at_the_rate_of_the_path)
{
	static struct fluid p;

	settle(&p, 5000);
	while (info(&p).bbr_pacing_gain != 320)
		round_trip(&p);
	EXPECT(p.cc.ops->pacing_rate(&p.cc) > 6000000);
	p.now += 15000000;
	yoke_cc_idle(&p.cc, 15000000, 200000, p.now);
	EXPECT(p.cc.ops->pacing_rate(&p.cc) < 5000000);
	EXPECT(p.cc.cwnd > 100 * MSS);		/* §4.3.4.4: no slow start */
	round_trip(&p);
	EXPECT(p.cc.cwnd > 4 * MSS);		/* nor a probe of the RTT: it has just been idle */
}

/* The clock goes half round in 36 minutes; an idle time of that length is not before its beginning. */
TEST(bbr__a_probe_of_the_round_trip_ends_while_idle)
{
	static struct fluid p;
	u32 cwnd;

	settle(&p, 5000);
	cwnd = p.cc.cwnd;
	p.rtt_us = 2 * RTT;
	for (int i = 0; i < 1000 && p.cc.cwnd > 4 * MSS; i++)
		round_trip(&p);
	round_trip(&p);
	round_trip(&p);
	EXPECT_EQ(p.cc.cwnd, 4 * MSS);
	p.now += 3000000000u;
	yoke_cc_idle(&p.cc, 3000000000u, 200000, p.now);
	EXPECT(p.cc.cwnd >= cwnd / 10 * 9);
}

/* As Linux: two intervals alike, of at least four rounds with a fifth lost, are a policer's. */
TEST(bbr__policer_is_found_and_believed)
{
	static struct fluid p;

	settle(&p, 5000);
	for (int i = 0; i < 12; i++) {
		p.now += RTT;
		ack(&p, 50 * MSS, RTT, 15 * MSS, false);
	}
	EXPECT(info(&p).bbr_bw_lo > 2300000 && info(&p).bbr_bw_lo < 2900000);
	EXPECT_EQ(info(&p).bbr_pacing_gain, 256);	/* no use in probing */
	for (int i = 0; i < 60; i++) {
		p.now += RTT;
		ack(&p, 100 * MSS, RTT, 0, false);
	}
	EXPECT(info(&p).bbr_bw_lo > 4900000);		/* looked again */
}

TEST(bbr__few_losses_are_no_policer)
{
	static struct fluid p;

	settle(&p, 5000);
	for (int i = 0; i < 40; i++) {
		p.now += RTT;
		ack(&p, 50 * MSS, RTT, 5 * MSS, false);
		if (i < 10)
			EXPECT(info(&p).bbr_bw_lo > 4900000);
	}
}

TEST(bbr__bunched_acks_widen_the_window)
{
	static struct fluid p;
	u32 cwnd;

	settle(&p, 5000);
	cwnd = p.cc.cwnd;
	for (int i = 0; i < 20; i++) {		/* silence, then 40 ms' worth at once */
		p.now += 39000;
		ack(&p, MSS, RTT, 0, true);
		p.now += 1000;
		ack(&p, 199 * MSS, 40000, 0, false);
	}
	EXPECT(p.cc.cwnd > cwnd + 50 * MSS);
}

TEST(bbr__slow_paths_get_small_buffers)
{
	static struct fluid p;

	settle(&p, 5000);
	EXPECT_EQ(p.cc.ops->min_segs(&p.cc), 2);
	settle(&p, 50);
	EXPECT_EQ(p.cc.ops->min_segs(&p.cc), 1);
}

/* Ten samples of a byte in two minutes each, and it still sends. */
TEST(bbr__timeouts_do_not_stop_it)
{
	static struct fluid p;

	settle(&p, 5000);
	for (int i = 0; i < 30; i++) {
		p.now += 120000000;
		ack(&p, 1, 120000000, 0, false);
	}
	EXPECT_EQ(p.cc.ops->pacing_rate(&p.cc), MSS);
}

TEST(bbr__hostile_numbers)
{
	static struct fluid p;
	u32 x = 1;

	start(&p, 1);
	for (int i = 0; i < 100000; i++) {
		struct yoke_rate_sample rs;
		struct yoke_cc_ack event;

		for (u32 *w = (u32 *)&rs; w < (u32 *)(&rs + 1); w++) {
			x = x * 1664525 + 1013904223;
			*w = x >> 8 & (x >> 31 ? 0xffff : 0xffffff);
		}
		rs.app_limited = x >> 30 & 1;
		rs.valid = x >> 29 & 1;
		event = (struct yoke_cc_ack){
			.now_us = p.now += x >> 12, .acked = rs.delivered & 0x3fffffff,
			.in_flight = rs.prior_us & 0x3fffffff, .flight = rs.send_us & 0x3fffffff,
			.lost = x & 8 ? rs.prior_delivered & 0x3fffffff : 0,
			.rtt_us = rs.interval_us, .recovery = x & 16, .loss = !(x & 48),
			.sample = &rs, .rate = &p.rate,
		};
		p.rate.delivered += event.acked;
		if (!(x & 0x700))
			p.cc.ops->idle(&p.cc, p.now);
		if (!(x & 0x3800))
			p.cc.ops->lost(&p.cc, x & 1, p.now);
		p.cc.ops->control(&p.cc, &event);
		EXPECT(p.cc.cwnd >= MSS && p.cc.cwnd <= YOKE_CC_CWND_MAX);
		EXPECT(p.cc.ops->pacing_rate(&p.cc) > 0);
		if (p.cc.cwnd < MSS || p.cc.cwnd > YOKE_CC_CWND_MAX)
			break;
	}
}
