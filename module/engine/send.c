// SPDX-License-Identifier: GPL-2.0
/*
 * What may be sent now, and in what pieces: lost data again, new data, SYN and FIN, probes.
 *
 * Owns: snd_nxt, snd_sml, advmss, and moves buffers from the write queue to rtx.
 * Runs under the socket lock, in process context or BH.
 * RFC 9293 §3.7, §3.8: windows, silly ones (§3.8.6.2), Nagle (§3.7.4, after Minshall), probes
 * (§3.8.4, §3.8.6.1); RFC 8985 §7.3 (tail loss probes); RFC 4821 §7.4 (the search for the path MTU);
 * RFC 7413 §4.2 (Fast Open).
 */
#include "addr.h"
#include "fastopen.h"
#include "metrics.h"
#include "mss.h"
#include "output.h"
#include "pace.h"
#include "send.h"
#include "window.h"
#include "../table/mem.h"

#define YOKE_SEARCH_CWND	11	/* MSS: below, a lost probe costs too much (as Linux) */
#define YOKE_SEARCH_MORE	4	/* MSS behind a probe, for three duplicate ACKs */
#define YOKE_DEFER_DIVISOR	3	/* part of the window (Linux's tcp_tso_win_divisor) */
#define YOKE_DEFER_SHIFT	13	/* part of a second: 122 us */
#define YOKE_DEFER_RECENT_US	1000
#define YOKE_SEND_STATES	(TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 |	\
				 TCPF_CLOSING | TCPF_LAST_ACK)

/* May data leave? In SYN-RECEIVED, too, if Fast Open brought it about. */
static bool send_may(const struct sock *sk)
{
	return yoke_conn_in(sk, YOKE_SEND_STATES) || yoke_sk(sk)->fastopen;
}

/* --- sizes --- */

/*
 * May a buffer of several segments go? Not while there is an urgent pointer, which is relative to
 * each segment's own number.
 */
static bool send_may_gso(const struct sock *sk)
{
	return sk_can_gso(sk) && !yoke_sk(sk)->urgent_out;
}

unsigned int yoke_send_goal(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	unsigned int mss = yoke_output_mss(ys), segs;

	if (!sk_can_gso(sk))
		return mss;
	segs = sk->sk_gso_max_size - min_t(unsigned int, sk->sk_gso_max_size, 1 + YOKE_HEADROOM);
	segs = min_t(unsigned int, segs / mss, READ_ONCE(sk->sk_gso_max_segs));
	/* No more than half of the peer's window at once, or the pipe stalls. */
	segs = min_t(unsigned int, segs, max(ys->max_window, 2U) / 2 / mss);
	/* A path MTU probe is cut from one buffer. */
	if (unlikely(ys->pmtud.enabled))
		segs = max(segs, DIV_ROUND_UP(yoke_mss_packet_max(ys), mss));
	return max(segs, 1U) * mss;
}

/* The route may carry more than it did, or be another: nobody says so (RFC 1191 §6.3, RFC 8201 §4). */
static unsigned int send_mss(struct sock *sk, const struct dst_entry *dst)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (dst && unlikely(min_t(u32, dst_mtu(dst), U16_MAX) != ys->pmtu)) {
		/* A route that has ended leads to blackhole_netdev, whose MTU of 68 says nothing of the path. */
		dst = ys->af->refresh(sk);
		if (dst)
			yoke_mss_sync(sk, dst_mtu(dst));
	}
	return yoke_output_mss(ys);
}

/* So many bytes of cwnd are in use, or YOKE_CC_FILLED. */
static void send_use(struct yoke_sock *ys, u32 used)
{
	yoke_cc_use(&ys->cc, used, ys->snd_una, ys->snd_nxt);
}

/* --- retransmission --- */

/* One buffer of the retransmit queue goes again, as a whole if it may. 0 or -errno. */
static int send_retransmit(struct sock *sk, struct sk_buff *skb)
{
	struct yoke_sock *ys = yoke_sk(sk);
	unsigned int mss = yoke_output_mss(ys);
	u32 time = yoke_pace_time(ys), segs;
	int err;

	/* Not a second time into a queue that it has not left yet. */
	if (yoke_pace_still_here(sk, skb))
		return -EAGAIN;
	err = yoke_queue_own(sk, skb);
	if (err)
		return err;
	/*
	 * Beyond a window that was taken back only the first segment may go, as a probe (RFC 9293
	 * SHLD-15, -17).
	 */
	if (!yoke_seq_before(yoke_cb(skb)->seg.seq, yoke_conn_snd_end(ys)) &&
	    yoke_cb(skb)->seg.seq != ys->snd_una)
		return -EAGAIN;
	if (skb->len > mss && !send_may_gso(sk)) {
		err = yoke_queue_split(sk, &ys->rtx, skb, mss);
		if (err)
			return err;
	}
	if (unlikely(ys->pmtud.probe) && !yoke_seq_after(yoke_cb(skb)->seg.seq, ys->pmtud.start))
		yoke_pmtud_inconclusive(&ys->pmtud);
	/* One may begin with the ACK that ends another, or without any: each episode has its own first. */
	if (yoke_recovery_fresh(&ys->rec)) {
		ys->retrans_ts = 0;
		if (ys->rec.state == YOKE_CA_RECOVERY)
			yoke_count(sock_net(sk), Recoveries);
	}
	yoke_recovery_resent(&ys->rec, &yoke_cb(skb)->seg, time);
	err = yoke_output_queued(sk, skb, NULL);
	yoke_conn_note_retrans(ys);
	ys->sent.again += skb->len;
	segs = max_t(u32, 1, DIV_ROUND_UP(skb->len, mss));
	ys->sent.segs_again += segs;
	yoke_count_add(sock_net(sk), RetransSegs, segs);
	if (unlikely(yoke_cb(skb)->flags & YOKE_SYN))
		yoke_count(sock_net(sk), SynRetrans);
	trace_yoke_retransmit(&ys->node.pair, sk->sk_state, yoke_cb(skb)->seg.seq, skb->len);
	return err;
}

int yoke_send_retransmit_head(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb = skb_peek(&ys->rtx);
	unsigned int mss = send_mss(sk, ys->af->refresh(sk));
	int err;

	if (!skb)
		return 0;
	err = yoke_queue_own(sk, skb);
	if (err)
		return err;
	if (skb->len > mss) {
		err = yoke_queue_split(sk, &ys->rtx, skb, mss);
		if (err)
			return err;
	}
	return send_retransmit(sk, skb);
}

/* What is in flight in segments larger than they may be now goes again. */
static void send_smaller(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb;

	/* What SACKs take of the next ones says nothing of these. */
	skb_queue_walk(&ys->rtx, skb)
		if ((skb_shinfo(skb)->gso_size ?: skb->len) > ys->mss)
			yoke_recovery_too_large(&ys->rec, &yoke_cb(skb)->seg, ys->snd_nxt);
	yoke_send_push(sk, YOKE_PUSH_NAGLE);
}

void yoke_send_mtu(struct sock *sk)
{
	struct dst_entry *dst = yoke_sk(sk)->af->refresh(sk);
	unsigned int old = yoke_sk(sk)->pmtu;

	if (!dst || !yoke_addr_pmtu(sk, yoke_sk(sk)->af))
		return;
	/* The route learns it first, for others and for its ageing; that may replace the route. */
	dst->ops->update_pmtu(dst, sk, NULL, yoke_sk(sk)->icmp_mtu, true);
	dst = yoke_sk(sk)->af->refresh(sk);
	if (!dst)
		return;
	yoke_conn_clock(yoke_sk(sk));
	yoke_mss_sync(sk, dst_mtu(dst));
	if (yoke_sk(sk)->pmtu >= old)
		return;
	/* What did not fit was dropped: no loss to slow down for (RFC 1191 §6.4). */
	if (send_may(sk))
		send_smaller(sk);
	else if (sk->sk_state == TCP_SYN_SENT && yoke_sk(sk)->syn_data)
		yoke_send_retransmit_head(sk);	/* the SYN, and not what went with it */
}

/* Those that recovery holds to be lost go again, as far as cwnd lets them. */
static void send_lost(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	unsigned int mss = send_mss(sk, ys->af->refresh(sk)), burst = yoke_pace_burst(sk, mss);
	struct yoke_seg *seg;

	while ((seg = yoke_recovery_next(&ys->rec))) {
		struct sk_buff *skb = yoke_seg_skb(seg);
		u32 room = yoke_recovery_room(&ys->rec, &ys->cc);

		if (room < min_t(u32, mss, seg->end_seq - seg->seq)) {
			send_use(ys, YOKE_CC_FILLED);
			break;
		}
		room = min(max(room - room % mss, mss), burst);
		if (yoke_pace_wait(sk) || yoke_pace_full(sk, skb, skb->len, true) ||
		    yoke_pace_still_here(sk, skb))
			break;
		/* Only without its acknowledged bytes is its length what is left to send. */
		if (yoke_queue_own(sk, skb))
			break;
		if (skb->len > room &&
		    ((yoke_queue_is_splintered(sk) && !skb_queue_is_first(&ys->rtx, skb)) ||
		     yoke_queue_split(sk, &ys->rtx, skb, room)))
			break;
		send_retransmit(sk, skb);
		/* It may not go, or there is no memory to cut it: nor would the next attempt succeed. */
		if (seg->state == YOKE_SEG_LOST)
			break;
		/* The first one's timer starts with it, or recovery on a long path ends in a timeout. */
		if (skb_queue_is_first(&ys->rtx, skb) || !yoke_conn_timer_armed(ys, YOKE_TIMER_RTX))
			yoke_conn_timer_rtx(sk);
	}
}

/* --- new data --- */

/* May the last, not full piece of @skb wait for more (Nagle, cork)? */
static bool send_hold(const struct sock *sk, const struct sk_buff *skb, enum yoke_push how)
{
	const struct yoke_sock *ys = yoke_sk(sk);

	if (yoke_cb(skb)->flags & YOKE_FIN || !skb_queue_is_last(&sk->sk_write_queue, skb) ||
	    how == YOKE_PUSH_ALL || ys->urgent_out)
		return false;
	if (ys->cork || how == YOKE_PUSH_MORE)
		return true;
	/* Minshall: hold it while an earlier small segment is unacknowledged. */
	return !ys->nodelay && yoke_seq_after(ys->snd_sml, ys->snd_una) &&
	       !yoke_seq_after(ys->snd_sml, ys->snd_nxt);
}

/*
 * There is more to send than the @most bytes that may go now. A buffer costs the host about the
 * same however much is in it: is it better to wait until ACKs make room for more? It is if they do
 * so in a moment, at this rate, and are due, as the first in flight left more than half a round
 * trip ago. But not with a good part of the window at hand, nor while the window shrinks; nor when
 * the last has left long ago: perhaps the peer waits for more before it acknowledges (as Linux).
 */
static bool send_defer(const struct sock *sk, u32 most)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	const struct yoke_seg *first = yoke_scoreboard_first(&ys->rec.board.sent);

	return first && ys->rec.state < YOKE_CA_CWR &&
	       ys->now_us - ys->last_sent_us <= YOKE_DEFER_RECENT_US &&
	       most < READ_ONCE(sk->sk_pacing_rate) >> YOKE_DEFER_SHIFT &&
	       most < min(ys->cc.cwnd, ys->snd_wnd) / YOKE_DEFER_DIVISOR &&
	       (s32)((u32)ys->now_us - first->tx_us - ys->rtt.srtt_us / 2) > 0;
}

/* Bytes of @skb to send now, 0 for a lone FIN; -1 if nothing may go. */
static int send_allowed(struct sock *sk, const struct sk_buff *skb,
			enum yoke_push how, unsigned int mss)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 room = yoke_recovery_room(&ys->rec, &ys->cc);
	s32 window = yoke_conn_snd_end(ys) - yoke_cb(skb)->seg.seq;
	unsigned int len = skb->len, burst = mss, most;

	if (!room || room < min(len, mss) || window <= 0)
		return -1;
	if (len > mss && send_may_gso(sk))
		burst = yoke_pace_burst(sk, mss);
	most = min3((u32)window, room, burst);
	if (len <= most) {
		if (len % mss && send_hold(sk, skb, how))
			len -= len % mss;
		if (!len && skb->len)
			return -1;
		return len;
	}
	if (most >= mss) {
		if (most < burst && send_defer(sk, most)) {
			if (most == room)
				send_use(ys, YOKE_CC_FILLED);
			return -1;
		}
		return most - most % mss;
	}
	/*
	 * RFC 9293 §3.8.6.2.1 (3): less than a segment goes only into a
	 * window that was never much larger.
	 */
	if (!ys->rec.board.in_flight && most >= ys->max_window / 2)
		return most;
	return -1;
}

/*
 * Only @len bytes of @skb, the head of the write queue, go now. A FIN behind them may be just beyond
 * the window: then it stays, too. 0 or -ENOMEM.
 */
static int send_cut(struct sock *sk, struct sk_buff *skb, unsigned int len)
{
	if (len == skb->len && !yoke_seq_after(yoke_cb(skb)->seg.end_seq, yoke_conn_snd_end(yoke_sk(sk))))
		return 0;
	return yoke_queue_split(sk, &sk->sk_write_queue, skb, len);
}

/* @skb, the head of the write queue, leaves for the first time. */
static void send_first(struct sock *sk, struct sk_buff *skb)
{
	struct yoke_sock *ys = yoke_sk(sk);

	__skb_unlink(skb, &sk->sk_write_queue);
	__skb_queue_tail(&ys->rtx, skb);
	WRITE_ONCE(ys->snd_nxt, yoke_cb(skb)->seg.end_seq);
	yoke_recovery_sent(&ys->rec, &yoke_cb(skb)->seg, yoke_pace_time(ys));
	/* A failure is a loss like any other: the timer repairs it. */
	yoke_output_queued(sk, skb, NULL);
	/* What left makes room, where TCP_NOTSENT_LOWAT counts it, long before its ACK. */
	yoke_conn_write_space(sk);
}

/*
 * Sends one segment that is larger than the path is known to carry, if it is time to search (RFC
 * 4821 §7.4): enough data follows it to tell its loss from a silence.
 */
static bool send_search(struct sock *sk, unsigned int mss)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
	struct yoke_sock *ys = yoke_sk(sk);
	u32 need, start;
	u16 size, len;

	/* Nor while SACKs of ours would make it larger than it is to be. */
	if (ys->rec.state != YOKE_CA_OPEN || ys->cc.cwnd < YOKE_SEARCH_CWND * mss || !skb ||
	    ys->nsacks || ys->dsack)
		return false;
	size = yoke_pmtud_next(&ys->pmtud, READ_ONCE(set->probe_threshold),
			       READ_ONCE(set->probe_interval), yoke_mss_packet_max(ys),
			       (u32)ktime_get_seconds());
	if (!size)
		return false;
	len = size - yoke_mss_headers(ys);
	need = len + YOKE_SEARCH_MORE * mss;
	start = yoke_cb(skb)->seg.seq;
	if (skb->len < len || ys->write_seq - start < need ||
	    (s32)(yoke_conn_snd_end(ys) - start) < (s32)need ||
	    yoke_recovery_room(&ys->rec, &ys->cc) < need)
		return false;
	if (skb->len > len && yoke_queue_split(sk, &sk->sk_write_queue, skb, len))
		return false;
	yoke_pmtud_sent(&ys->pmtud, size, start, start + len);
	send_first(sk, skb);
	return true;
}

static void send_new(struct sock *sk, enum yoke_push how)
{
	struct yoke_sock *ys = yoke_sk(sk);
	unsigned int mss = send_mss(sk, __sk_dst_get(sk));	/* IP looks whether that still holds */
	bool idle = skb_queue_empty(&ys->rtx), sent = false;
	struct sk_buff *skb;
	int len;

	if (unlikely(ys->pmtud.enabled) && !yoke_pace_wait(sk))
		sent = send_search(sk, mss);
	while ((skb = skb_peek(&sk->sk_write_queue))) {
		struct yoke_cb *cb = yoke_cb(skb);

		len = send_allowed(sk, skb, how, mss);
		if (len < 0)
			break;
		if (yoke_pace_wait(sk) || yoke_pace_full(sk, skb, len, false))
			break;
		if (send_cut(sk, skb, len))
			break;
		if (skb_queue_is_last(&sk->sk_write_queue, skb) && skb->len)
			cb->flags |= YOKE_PSH;
		if (skb->len % mss)
			ys->snd_sml = cb->seg.end_seq;

		send_first(sk, skb);
		sent = true;
	}
	/* A window that is full is used, whether or not more would have gone. */
	if (yoke_recovery_room(&ys->rec, &ys->cc) < mss)
		send_use(ys, YOKE_CC_FILLED);
	else if (sent)
		send_use(ys, ys->rec.board.in_flight);
	/* RFC 6298 (5.1): a timer that runs is not put off by what is new. */
	if (sent && (idle || !yoke_conn_timer_armed(ys, YOKE_TIMER_RTX)))
		yoke_conn_timer_rtx(sk);
	else if (sent)
		yoke_conn_timer_tlp(sk);
}

/* TCP_REPAIR: what is written has left long ago, by another socket of the same name. */
static void send_restored(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&sk->sk_write_queue))) {
		__skb_queue_tail(&ys->rtx, skb);
		WRITE_ONCE(ys->snd_nxt, yoke_cb(skb)->seg.end_seq);
		yoke_recovery_restored(&ys->rec, &yoke_cb(skb)->seg, (u32)ys->now_us);
	}
	send_use(ys, ys->rec.board.in_flight);
	if (!yoke_conn_timer_armed(ys, YOKE_TIMER_RTX))
		yoke_conn_timer_rtx(sk);
}

void yoke_send_push(struct sock *sk, enum yoke_push how)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (!send_may(sk))
		return;
	if (unlikely(ys->repair) && ys->repair_queue == TCP_SEND_QUEUE) {
		send_restored(sk);
		return;
	}
	if (!list_empty(&ys->rec.board.lost))
		send_lost(sk);
	/* What is lost goes before what is new, however small that is. */
	if (skb_queue_empty(&sk->sk_write_queue) || yoke_recovery_next(&ys->rec)) {
		yoke_conn_note_wait(sk);
		return;
	}
	if (skb_queue_empty(&ys->rtx)) {
		u32 idle = min_t(u64, ys->now_us - ys->last_sent_us, U32_MAX);
		u32 rto = yoke_rtt_rto(&ys->rtt);

		/* A control() counts only a lack of data: all may have been ACKed at once. */
		if (ys->cc.ops->control ? ys->rec.rate.app_limited : idle > rto) {
			if (!READ_ONCE(yoke_net(sock_net(sk))->set.slow_start_after_idle))
				rto = 0;
			yoke_cc_idle(&ys->cc, idle, rto, (u32)ys->now_us);
			yoke_pace_update(sk);
		}
	}
	send_new(sk, how);
	/* Nagle, a cork or what is left of the peer's window kept it: what is lost goes, then. */
	if (unlikely(yoke_recovery_frto_starved(&ys->rec, ys->snd_nxt)))
		send_lost(sk);
	/* Data that waits with nothing in flight: only a probe can find out that the window opened. */
	if (skb_queue_empty(&ys->rtx) && !skb_queue_empty(&sk->sk_write_queue) &&
	    !yoke_conn_timer_armed(ys, YOKE_TIMER_RTX))
		yoke_conn_timer_rtx(sk);
	yoke_conn_note_wait(sk);
}

/* --- opening and closing --- */

/* The SYN takes its place in sequence space and the retransmit queue. NULL: no memory. */
static struct sk_buff *send_queue_syn(struct sock *sk, gfp_t gfp)
{
	struct sk_buff *skb = yoke_queue_alloc(sk, gfp);
	struct yoke_sock *ys = yoke_sk(sk);

	if (!skb)
		return NULL;
	yoke_mem_charge_tx(sk, skb);
	yoke_cb(skb)->flags = YOKE_SYN;
	yoke_cb(skb)->start = ys->iss;
	yoke_cb(skb)->seg.seq = ys->iss;
	yoke_cb(skb)->seg.end_seq = ys->iss + 1;
	__skb_queue_tail(&ys->rtx, skb);
	ys->snd_una = ys->iss;
	ys->snd_nxt = ys->iss + 1;
	ys->write_seq = ys->iss + 1;
	ys->pushed_seq = ys->write_seq;
	ys->snd_sml = ys->iss;
	return skb;
}

int yoke_send_syn_ack(struct sock *sk, const struct yoke_opt *answer)
{
	struct sk_buff *skb = send_queue_syn(sk, GFP_ATOMIC | __GFP_NOWARN);
	struct yoke_sock *ys = yoke_sk(sk);

	if (!skb)
		return -ENOBUFS;
	yoke_recovery_sent(&ys->rec, &yoke_cb(skb)->seg, (u32)ys->now_us);
	yoke_output_queued(sk, skb, answer->has_cookie ? &answer->cookie : NULL);
	yoke_conn_timer_arm(sk, YOKE_TIMER_RTX, usecs_to_jiffies(yoke_rtt_rto(&ys->rtt)));
	return 0;
}

void yoke_send_open(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct dst_entry *dst = __sk_dst_get(sk);
	struct net *net = sock_net(sk);

	ys->mss_clamp = ys->af->mss_default;
	yoke_metrics_take(sk);
	yoke_mss_sync(sk, dst_mtu(dst));
	yoke_metrics_cc_init(sk, 0);
	ys->advmss = dst_metric_advmss(dst);
	if (ys->user_mss)
		ys->advmss = min(ys->advmss, ys->user_mss);
	ys->rcv_mss = ys->af->mss_default;
	ys->rcv_wnd = yoke_window_first(sk, ys->window_clamp, ys->advmss,
					dst_metric(dst, RTAX_INITRWND),
					READ_ONCE(yoke_net(net)->set.window_scaling),
					&ys->rcv_wscale);
}

int yoke_send_syn_prepare(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u8 ecn = yoke_ecn_outgoing(READ_ONCE(yoke_net(sock_net(sk))->set.ecn));

	yoke_conn_clock(ys);
	yoke_send_open(sk);
	if (dst_feature(__sk_dst_get(sk), RTAX_FEATURE_ECN) || yoke_conn_needs_ecn(sk))
		ecn = max_t(u8, ecn, YOKE_ECN_CLASSIC);
	yoke_ecn_start(&ys->ecn, ecn);
	ys->rcv_nxt = 0;
	ys->rcv_wup = 0;
	ys->copied_seq = 0;

	return send_queue_syn(sk, sk->sk_allocation) ? 0 : -ENOBUFS;
}

unsigned int yoke_send_syn_room(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_opt_cookie cookie;
	bool option;
	u16 mss;

	if (!yoke_fastopen_client(sk, &cookie, &option, &mss))
		return 0;
	/* An MSS that this server never told is taken to be as large as ours. */
	ys->mss_clamp = mss ?: ys->advmss;
	yoke_mss_sync(sk, ys->pmtu);
	return max_t(int, ys->mss - YOKE_OPT_SPACE, 0);
}

/* The SYN with the data of @data, a copy: that may have to be sent again before this one has left. */
static int send_syn_with(struct sock *sk, struct sk_buff *data,
			 const struct yoke_opt_cookie *cookie)
{
	struct sk_buff *copy = skb_copy(data, sk_gfp_mask(sk, GFP_ATOMIC));

	if (!copy)
		return -ENOMEM;
	yoke_sk(sk)->syn_data = true;
	return yoke_output_transmit(sk, copy, yoke_sk(sk)->iss, YOKE_SYN, true, cookie);
}

int yoke_send_syn(struct sock *sk, bool ask)
{
	struct sk_buff *data = skb_peek(&sk->sk_write_queue);
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_opt_cookie cookie;
	bool option = false;
	int err = -ENOMEM;
	u16 mss;

	yoke_conn_clock(ys);
	ys->last_sent_us = ys->now_us;
	ys->syn_tsval = yoke_conn_tsval(ys);
	yoke_recovery_sent(&ys->rec, &yoke_cb(skb_peek(&ys->rtx))->seg, (u32)ys->now_us);
	if (ask && yoke_fastopen_client(sk, &cookie, &option, &mss) && data)
		err = send_syn_with(sk, data, option ? &cookie : NULL);
	ys->fastopen_asked = option;
	if (!ys->syn_data)
		err = yoke_output_queued(sk, skb_peek(&ys->rtx), option ? &cookie : NULL);
	yoke_count(sock_net(sk), ActiveOpens);
	yoke_conn_timer_arm(sk, YOKE_TIMER_RTX, usecs_to_jiffies(yoke_rtt_rto(&ys->rtt)));
	/* Only a refusal ends the attempt at once; what a filter or congestion took is sent again. */
	return err == -ECONNREFUSED ? err : 0;
}

void yoke_send_fin(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	yoke_conn_clock(ys);
	if (!skb) {
		skb = yoke_queue_alloc(sk, GFP_ATOMIC);
		if (!skb) {
			/* The timer tries again. */
			if (!yoke_conn_timer_armed(ys, YOKE_TIMER_RTX))
				yoke_conn_timer_arm(sk, YOKE_TIMER_RTX, HZ / 5);
			return;
		}
		yoke_queue_append(sk, skb);
	}
	yoke_cb(skb)->flags |= YOKE_FIN;
	yoke_cb(skb)->seg.end_seq++;
	ys->write_seq++;
	ys->fin_queued = true;
	yoke_send_push(sk, YOKE_PUSH_ALL);
}

/* --- probes --- */

bool yoke_send_tlp(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
	unsigned int mss = yoke_output_mss(ys);
	s32 window = yoke_conn_snd_end(ys) - ys->snd_nxt;

	/* New data first, one segment beyond cwnd (RFC 8985 §7.3). */
	if (skb && window > 0 && (u32)window >= min_t(u32, skb->len, mss)) {
		if (send_cut(sk, skb, min(skb->len, mss)))
			return false;
		send_first(sk, skb);
		yoke_recovery_tlp_sent(&ys->rec, ys->snd_nxt, false);
		yoke_count(sock_net(sk), TLPs);
		return true;
	}
	skb = skb_peek_tail(&ys->rtx);
	if (!skb || yoke_cb(skb)->seg.state != YOKE_SEG_SENT || yoke_queue_own(sk, skb))
		return false;
	/* Otherwise the last segment again. */
	if (skb->len > mss) {
		unsigned int rest = skb->len % mss ?: mss;

		if (yoke_queue_split(sk, &ys->rtx, skb, skb->len - rest))
			return false;
		skb = skb_peek_tail(&ys->rtx);
	}
	if (send_retransmit(sk, skb))
		return false;
	yoke_recovery_tlp_sent(&ys->rec, ys->snd_nxt, true);
	yoke_count(sock_net(sk), TLPs);
	return true;
}

void yoke_send_probe(struct sock *sk, bool keepalive)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
	s32 window = yoke_conn_snd_end(ys) - ys->snd_nxt;

	yoke_count(sock_net(sk), Probes);
	if (!keepalive && skb && window > 0) {
		/*
		 * The window is open, but not wide enough for good manners: the override timeout of
		 * RFC 9293 §3.8.6.2.1 (4).
		 */
		if (skb->len > window && yoke_queue_split(sk, &sk->sk_write_queue, skb, window))
			return;
		yoke_send_push(sk, YOKE_PUSH_ALL);
		return;
	}
	/* That there is urgent data the peer may know before there is room for it (MUST-66). */
	if (ys->urgent_out && ys->snd_up - ys->snd_una <= U16_MAX)
		yoke_output_bare(sk, ys->snd_una, YOKE_ACK);
	/* An old number makes the peer answer with its window. */
	yoke_output_bare(sk, ys->snd_una - 1, YOKE_ACK);
}
