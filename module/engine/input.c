// SPDX-License-Identifier: GPL-2.0
/*
 * A segment arrives: RFC 9293 §3.10.7.3 (SYN-SENT) and §3.10.7.4 (all states that have sequence
 * numbers), step by step; but for the third, security, which is IPsec's and asked in engine/rcv.c.
 *
 * Owns: irs, ts_recent, and the states that segments lead to.
 * Runs under the socket lock: in softirq, or in process context for segments that came while a
 * program held the lock.
 * RFC 5961 (blind resets, SYNs and data), RFC 7323 (PAWS).
 */
#include <net/tcp.h>
#include "fastopen.h"
#include "latch.h"
#include "metrics.h"
#include "mss.h"
#include "output.h"
#include "pace.h"
#include "send.h"
#include "text.h"
#include "timewait.h"
#include "urgent.h"
#include "window.h"
#include "input.h"
#include "../table/mem.h"

#define YOKE_DATA_STATES (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2)

/* --- the handshake, active side --- */

/* What the peer's SYN allows. */
static void input_negotiate(struct sock *sk, const struct yoke_segment *s, u8 ip)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	struct yoke_sock *ys = yoke_sk(sk);

	ys->irs = s->seq;
	WRITE_ONCE(ys->rcv_nxt, s->seq + 1);
	WRITE_ONCE(ys->copied_seq, s->seq + 1);
	ys->rcv_wup = s->seq + 1;
	ys->use_ts = s->opt.has_ts && READ_ONCE(set->timestamps);
	ys->use_sack = s->opt.sack_ok && READ_ONCE(set->sack);
	ys->use_wscale = s->opt.has_wscale && READ_ONCE(set->window_scaling);
	ys->snd_wscale = ys->use_wscale ? s->opt.wscale : 0;
	if (!ys->use_wscale)
		ys->rcv_wscale = 0;
	yoke_ecn_answered(&ys->ecn, s->flags, ip, s->flags & YOKE_ACK, yoke_conn_syn_ecn(sk),
			  &s->opt);
	if (ys->use_ts) {
		ys->ts_recent = s->opt.tsval;
		ys->ts_recent_s = (u32)ktime_get_seconds();
	}
	ys->mss_clamp = s->opt.mss ?: ys->af->mss_default;
	ys->snd_wnd = s->wnd;
	ys->max_window = s->wnd;
	ys->snd_wl1 = s->seq;
	ys->snd_wl2 = s->ack;
	yoke_mss_sync(sk, ys->pmtu);
	yoke_metrics_cc_init(sk, ys->retransmits);
}

/* The connection stands. */
static void input_established(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	bool begun = ys->fastopen;	/* with its SYN */

	yoke_conn_set_state(sk, TCP_ESTABLISHED);
	if (!begun)
		yoke_window_begin(sk);
	yoke_pace_update(sk);
	yoke_conn_keepalive(sk);
	if (!sock_flag(sk, SOCK_DEAD)) {
		sk->sk_state_change(sk);
		sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
	}
	ys->last_sent_us = ys->now_us;
	/* RFC 6298 (5.7): the SYN was lost, and nothing is known of the path. */
	if (!ys->rtt.srtt_us)
		ys->rtt.rto_us = YOKE_RTO_FALLBACK_US;
	ys->rtt.backoff = 0;
}

/* A reset in answer to an ACK of something never sent: <SEQ=SEG.ACK><CTL=RST>. */
static void input_refuse(struct sock *sk, struct sk_buff *skb)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_rx rx = { .pair = ys->node.pair, .af = ys->af, .iif = sk->sk_bound_dev_if,
			      .foreign = inet_test_bit(TRANSPARENT, sk),
			      .mark = READ_ONCE(sk->sk_mark),
			      .flow = yoke_latch_label_back(sk, skb) };

	yoke_output_reset_for(sock_net(sk), skb, &rx);
}

/* Data that went with the SYN, and still heads the write queue as if it had not. */
static struct sk_buff *input_early(const struct sock *sk)
{
	return yoke_sk(sk)->syn_data ? skb_peek(&sk->sk_write_queue) : NULL;
}

/* The SYN-ACK takes this data, or a part; the rest goes again with the first ACK (RFC 7413 §4.2.2). */
static void input_early_acked(struct sock *sk, const struct yoke_segment *s)
{
	struct sk_buff *skb = input_early(sk);
	struct yoke_sock *ys = yoke_sk(sk);
	u32 len = s->ack - ys->snd_nxt;

	if (!skb)
		return;
	if (len < skb->len) {
		ys->sent.again += skb->len - len;
		ys->sent.segs_again++;
		yoke_count(sock_net(sk), RetransSegs);
	}
	if (!len) {
		ys->syn_data = false;
		yoke_count(sock_net(sk), FastOpenActiveFail);
		return;
	}
	if (len < skb->len) {
		/* A copy went with the SYN, no clone: this needs no memory. */
		yoke_cb(skb)->seg.seq = s->ack;
		yoke_queue_own(sk, skb);
	} else {
		__skb_unlink(skb, &sk->sk_write_queue);
		yoke_mem_free_tx(sk, skb);
	}
	WRITE_ONCE(ys->snd_nxt, s->ack);
	yoke_count(sock_net(sk), FastOpenActive);
}

/* Does it echo a timestamp that none of our SYNs had, of an older connection's or a guess? */
static bool input_echoes_other(const struct sock *sk, const struct yoke_segment *s)
{
	const struct yoke_sock *ys = yoke_sk(sk);

	return s->opt.has_ts && s->opt.tsecr && READ_ONCE(yoke_net(sock_net(sk))->set.timestamps) &&
	       !yoke_seq_between(s->opt.tsecr, ys->syn_tsval, yoke_conn_tsval(ys));
}

/*
 * First, second and fourth step of §3.10.7.3: does @s open the connection? If not, what had to be
 * done is done, and @skb consumed.
 */
static bool input_syn_sent_check(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s)
{
	const struct sk_buff *early = input_early(sk);
	struct yoke_sock *ys = yoke_sk(sk);
	u32 most = ys->snd_nxt + (early ? early->len : 0);
	bool ack = s->flags & YOKE_ACK;

	/* Our SYN waits for data (Fast Open): nothing can be an answer to it yet. */
	if (unlikely(ys->syn_deferred)) {
		input_refuse(sk, skb);
		yoke_drop(sock_net(sk), sk, skb, Closed);
		return false;
	}

	/* First, the ACK bit. */
	if (ack && (!yoke_seq_after(s->ack, ys->iss) || yoke_seq_after(s->ack, most))) {
		input_refuse(sk, skb);
		/* An old connection's, which our reset has ended (§3.5.1): the SYN goes again. */
		if (!ys->retransmits)
			yoke_conn_timer_arm(sk, YOKE_TIMER_RTX, TCP_TIMEOUT_MIN);
		yoke_drop(sock_net(sk), sk, skb, InvalidAck);
		return false;
	}
	if (ack && unlikely(input_echoes_other(sk, s))) {
		input_refuse(sk, skb);
		yoke_drop(sock_net(sk), sk, skb, PAWSDrops);
		return false;
	}
	/* Second, the RST bit: it counts only with an ACK that is good. */
	if (s->flags & YOKE_RST && !ack) {
		yoke_drop(sock_net(sk), sk, skb, InvalidRst);
		return false;
	}
	if (s->flags & YOKE_RST) {
		yoke_conn_abort(sk, ECONNREFUSED);
		consume_skb(skb);
		return false;
	}
	/* Fourth, the SYN bit. */
	if (!(s->flags & YOKE_SYN)) {
		yoke_drop(sock_net(sk), sk, skb, InvalidFlags);
		return false;
	}
	return true;
}

/* RFC 9293 §3.10.7.3. */
static void input_syn_sent(struct sock *sk, struct sk_buff *skb, struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);
	bool ack = s->flags & YOKE_ACK, waits;

	if (!input_syn_sent_check(sk, skb, s))
		return;
	input_negotiate(sk, s, yoke_cb(skb)->ecn);
	if (!ack) {
		ys->syn_data = false;
		/* Both have sent a SYN: answer as if it had come first (MUST-10). */
		yoke_conn_set_state(sk, TCP_SYN_RECV);
		yoke_send_retransmit_head(sk);
		consume_skb(skb);
		return;
	}
	yoke_fastopen_learn(sk, s);
	input_early_acked(sk, s);
	yoke_ack_process(sk, s);
	/* TCP_QUICKACK 0, as TCP_DEFER_ACCEPT, here: the first data is to carry it. */
	waits = ys->defer_accept || ys->pingpong;
	ys->pingpong = false;
	input_established(sk);
	ys->ack_due = true;
	ys->ack_now = !waits;
	if (waits)
		yoke_conn_timer_arm(sk, YOKE_TIMER_DELACK, HZ / 5);
	/* By itself, whatever there is to send (RFC 9768 §3.2.2.1). */
	if (ys->ecn.shake)
		yoke_output_ack(sk);
	yoke_text_rcv(sk, skb, s);
}

/* --- the steps of §3.10.7.4 --- */

void yoke_input_forget_ts(struct yoke_sock *ys)
{
	ys->ts_recent = 0;
	ys->ts_recent_s = (u32)ktime_get_seconds() - YOKE_PAWS_SECONDS;
}

/*
 * RFC 7323 §5.3 R1: older than what we have seen. A tick is forgiven, for the clocks of two CPUs,
 * and so is a duplicate ACK that others overtook: it is news of the path, and can do no harm.
 */
static bool input_paws(const struct yoke_sock *ys, const struct yoke_segment *s)
{
	s32 age = ys->ts_recent - s->opt.tsval;

	if (!ys->use_ts || !s->opt.has_ts || age <= 1 ||
	    yoke_ack_ts_outdated(ys->ts_recent, ys->ts_recent_s))
		return false;
	return !(s->seq == s->end_seq && s->seq == ys->rcv_nxt && s->ack == ys->snd_una &&
		 (u32)s->wnd << ys->snd_wscale == ys->snd_wnd &&
		 age <= yoke_rtt_rto(&ys->rtt) / USEC_PER_MSEC);
}

/*
 * Table 6 of RFC 9293; with no window, what begins at RCV.NXT still brings its ACK or RST. So does
 * an ACK from the right edge: its sender has filled the window, and some of that is not here yet; and
 * one from where our last ACK was (as Linux): uIP counts its text only when that is acknowledged.
 * A FIN needs no room: BSD and lwIP send it with text that fills the window (as Linux).
 */
static bool input_acceptable(const struct yoke_sock *ys, const struct yoke_segment *s)
{
	u32 win = yoke_conn_rcv_window(ys), ahead = s->seq - ys->rcv_nxt;
	u32 last = s->end_seq - 1 - ys->rcv_nxt;

	if (!ahead)
		return true;
	if (s->end_seq == s->seq && !(s->flags & YOKE_RST) &&
	    yoke_seq_between(s->seq, ys->rcv_wup, ys->rcv_nxt))
		return true;
	if (!win)
		return false;
	if (ahead < win)
		return true;
	if (s->end_seq == s->seq)
		return ahead == win && !(s->flags & YOKE_RST);
	return last < win || (last == win && s->flags & YOKE_FIN && s->len);
}

/*
 * macOS aborts by a FIN and then a RST of the FIN's number, one below RCV.NXT, and mostly leaves a
 * challenge ACK unanswered: that RST is taken for an exact one (as Linux).
 */
static bool input_is_rst_of_fin(const struct sock *sk, const struct yoke_segment *s)
{
	return s->flags & YOKE_RST && s->seq == yoke_sk(sk)->rcv_nxt - 1 &&
	       yoke_conn_in(sk, TCPF_CLOSE_WAIT | TCPF_CLOSING | TCPF_LAST_ACK);
}

/* The last that came, again: our ACK was lost, or this is a probe of the peer's for it (RFC 8985 §7). */
static bool input_is_again(const struct yoke_sock *ys, const struct yoke_segment *s)
{
	return s->end_seq == ys->rcv_nxt && s->end_seq != s->seq &&
	       (s->flags & (YOKE_SYN | YOKE_RST | YOKE_ACK)) == YOKE_ACK;
}

/* What is below RCV.NXT of @s came twice. */
static void input_twice(struct sock *sk, const struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 end = s->end_seq;

	/* Twice the same: do our ACKs go a way that is not sound? */
	if (s->seq == ys->dsack_block.start && sk_rethink_txhash(sk))
		yoke_count(sock_net(sk), DuplicateDataRehash);
	if (yoke_seq_after(end, ys->rcv_nxt))
		end = ys->rcv_nxt;
	yoke_text_dsack(ys, s->seq, end);
	/* A sender that timed out begins anew, with a segment or two, and needs their ACKs at once. */
	ys->pingpong = false;
	ys->quickack = TCP_MAX_QUICKACKS;
}

/* The first step failed: tells a peer in good faith where we are. */
static void input_out_of_window(struct sock *sk, const struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (s->flags & YOKE_RST)
		return;
	if (s->end_seq != s->seq && !(s->flags & YOKE_SYN)) {
		/* Its ACK was lost, or it sends too much: either way it waits for one. */
		if (yoke_seq_before(s->seq, ys->rcv_nxt))
			input_twice(sk, s);
		yoke_output_ack(sk);
		return;
	}
	/* The SYN-ACK again: so is our answer (RFC 9768 §3.2.2.1). */
	if ((s->flags & (YOKE_SYN | YOKE_ACK)) == (YOKE_SYN | YOKE_ACK) && s->seq == ys->irs &&
	    ys->ecn.mode == YOKE_ECN_ACCURATE)
		ys->ecn.shake = true;
	yoke_output_challenge(sk);
}

/* A reset in the window. RFC 5961 §3.2: only the exact number counts. Consumes @skb. */
static void input_rst(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	bool accepted = ys->fastopen;

	if (s->seq != ys->rcv_nxt) {
		/* Nothing came before it, as behind a box that swallows what it does not know. */
		if (ys->fastopen_asked && !ys->got.segs && sk->sk_state == TCP_ESTABLISHED)
			yoke_fastopen_pause(sk);
		yoke_output_challenge(sk);
		yoke_drop(sock_net(sk), sk, skb, InvalidRst);
		return;
	}
	consume_skb(skb);
	if (unlikely(accepted))
		yoke_conn_fastopen_end(sk, true);
	switch (sk->sk_state) {
	case TCP_SYN_RECV:
		/* A connection that was accepted has not been refused. */
		yoke_conn_abort(sk, accepted ? ECONNRESET : ECONNREFUSED);
		break;
	case TCP_CLOSE_WAIT:
		yoke_conn_abort(sk, EPIPE);
		break;
	default:
		yoke_conn_abort(sk, ECONNRESET);
	}
}

/* RFC 7323 §4.3: the timestamp of the segment that covers the last ACK sent. */
static void input_timestamp(struct yoke_sock *ys, const struct yoke_segment *s)
{
	if (!ys->use_ts || !s->opt.has_ts || yoke_seq_after(s->seq, ys->rcv_wup) ||
	    (yoke_seq_before(s->opt.tsval, ys->ts_recent) &&
	     !yoke_ack_ts_outdated(ys->ts_recent, ys->ts_recent_s)))
		return;
	ys->ts_recent = s->opt.tsval;
	ys->ts_recent_s = (u32)ktime_get_seconds();
}

/* The rest of the fifth step: our FIN is acknowledged. False: the connection has ended. */
static bool input_fin_acked(struct sock *sk)
{
	switch (sk->sk_state) {
	case TCP_FIN_WAIT1:
		yoke_conn_set_state(sk, TCP_FIN_WAIT2);
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
		if (!sock_flag(sk, SOCK_DEAD))
			sk->sk_state_change(sk);
		return true;
	case TCP_CLOSING:
		/* With the peer's FIN again: our ACK of that was lost. */
		if (yoke_sk(sk)->ack_now)
			yoke_output_ack(sk);
		yoke_timewait_enter(sk, false, YOKE_TIMEWAIT_LEN);
		return false;
	case TCP_LAST_ACK:
		yoke_conn_done(sk);
		return false;
	}
	return true;
}

/*
 * Data for a program that has gone, or said that it reads no more (RFC 9293 §3.6.1, RFC 1122: reset).
 */
static bool input_unwanted(const struct sock *sk, const struct yoke_segment *s)
{
	u32 end = s->end_seq - !!(s->flags & YOKE_FIN);

	return s->len && sk->sk_shutdown & RCV_SHUTDOWN &&
	       yoke_conn_in(sk, TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2) &&
	       yoke_seq_after(end, yoke_sk(sk)->rcv_nxt);
}

/* Sends what the segment made possible or due. */
static void input_answer(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (!skb_queue_empty(&sk->sk_write_queue) || !list_empty(&ys->rec.board.lost))
		yoke_send_push(sk, YOKE_PUSH_NAGLE);
	if (ys->ack_now && sk->sk_state != TCP_CLOSE)
		yoke_output_ack(sk);
}

/*
 * An acceptable segment on a connection with ECN. AccECN counts all of them; classic: CWR ends the
 * echo, and a window just cut waits for this ACK.
 */
static void input_ecn(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (ys->ecn.mode == YOKE_ECN_ACCURATE) {
		if (yoke_ecn_count(&ys->ecn, yoke_cb(skb)->ecn, yoke_skb_segs(skb), s->len,
				   ys->ack_due))
			ys->ack_now = true;
		return;
	}
	if (!(s->flags & YOKE_CWR))
		return;
	if (!yoke_conn_needs_ecn(sk))
		yoke_ecn_reduced(&ys->ecn);
	if (s->len)
		ys->ack_now = true;
}

/*
 * The ACK that ends the handshake of a connection that Fast Open opened before: it says how our SYN-ACK
 * was marked (ECN).
 */
static void input_third_ack(struct sock *sk, const struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (unlikely(ys->fastopen))
		yoke_ecn_third_ack(&ys->ecn, s->flags, !s->len && !s->opt.nsacks, yoke_conn_syn_ecn(sk),
				   &s->opt);
}

/* Is it Fast Open's SYN again? Our answer was lost: that goes again, and @skb no further. */
static bool input_fastopen_again(struct sock *sk, struct sk_buff *skb,
				 const struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (likely(!ys->fastopen) || (s->flags & (YOKE_SYN | YOKE_ACK)) != YOKE_SYN ||
	    s->seq != ys->irs)
		return false;
	if (yoke_output_may_answer(sock_net(sk), &ys->challenge_jiffies))
		yoke_send_retransmit_head(sk);
	yoke_drop(sock_net(sk), sk, skb, Duplicates);
	return true;
}

/* Is it a simultaneous open's SYN again, with its ACK? It is tailored to begin at RCV.NXT. */
static bool input_tailor_syn(struct sock *sk, struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (sk->sk_state != TCP_SYN_RECV || !(s->flags & YOKE_SYN) || s->seq != ys->irs)
		return false;
	s->seq++;
	ys->ack_now = true;
	return true;
}

/*
 * First step, "check sequence number", and the timestamp. What is there @again (input_is_again()) lies
 * outside the window, but its ACK still counts. False: @skb is consumed.
 */
static bool input_sequence(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s,
			   bool again)
{
	const struct yoke_sock *ys = yoke_sk(sk);

	if (unlikely(input_paws(ys, s)) && !(s->flags & YOKE_RST)) {
		input_out_of_window(sk, s);
		yoke_drop(sock_net(sk), sk, skb, PAWSDrops);
		return false;
	}
	if (unlikely(!again && !input_acceptable(ys, s))) {
		input_out_of_window(sk, s);
		yoke_drop(sock_net(sk), sk, skb, OutOfWindow);
		return false;
	}
	return true;
}

/* Fifth step: the ACK, and the handshake that it ends. False: @skb is consumed. */
static bool input_ack(struct sock *sk, struct sk_buff *skb, struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (!(s->flags & YOKE_ACK)) {
		yoke_drop(sock_net(sk), sk, skb, InvalidFlags);
		return false;
	}
	if (sk->sk_state == TCP_SYN_RECV) {
		if (!yoke_seq_after(s->ack, ys->snd_una) || yoke_seq_after(s->ack, ys->snd_nxt)) {
			input_refuse(sk, skb);
			yoke_drop(sock_net(sk), sk, skb, InvalidAck);
			return false;
		}
		yoke_ack_process(sk, s);
		/* Not before: ack_window() goes by it, a SYN's window is not scaled. */
		s->flags &= ~YOKE_SYN;
		input_third_ack(sk, s);
		input_established(sk);
	} else if (!yoke_ack_process(sk, s)) {
		yoke_output_challenge(sk);
		yoke_drop(sock_net(sk), sk, skb, InvalidAck);
		return false;
	} else if (unlikely(ys->fastopen) && ys->snd_una != ys->iss) {
		/* In FIN-WAIT-1: the program was quicker than the handshake. */
		input_third_ack(sk, s);
		yoke_conn_fastopen_end(sk, false);
	}
	return true;
}

/* All of @s has come before: an ACK is due, and its own is all that is left of it. */
static void input_again(struct sock *sk, struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);

	input_twice(sk, s);
	yoke_count(sock_net(sk), Duplicates);
	ys->ack_due = true;
	ys->ack_now = true;
	/* Tailored to begin at RCV.NXT. */
	s->seq = s->end_seq;
	s->len = 0;
	s->flags &= ~(YOKE_FIN | YOKE_URG);
}

/*
 * Steps one to five. Returns false if @skb goes no further: it is consumed. An ACK that is owed from
 * before is the timer's.
 */
static bool input_check(struct sock *sk, struct sk_buff *skb, struct yoke_segment *s)
{
	struct yoke_sock *ys = yoke_sk(sk);
	bool again, syn_again;

	if (input_fastopen_again(sk, skb, s))
		return false;
	syn_again = input_tailor_syn(sk, s);
	if (unlikely(input_is_rst_of_fin(sk, s)))
		s->seq = ys->rcv_nxt;
	again = input_is_again(ys, s);
	if (!input_sequence(sk, skb, s, again))
		return false;
	/* Second step: RST. */
	if (unlikely(s->flags & YOKE_RST)) {
		input_rst(sk, skb, s);
		return false;
	}
	/* Fourth step: a SYN inside the window proves nothing (RFC 5961 §4.2). */
	if (unlikely(s->flags & YOKE_SYN && !syn_again)) {
		yoke_output_challenge(sk);
		yoke_drop(sock_net(sk), sk, skb, InvalidSyn);
		return false;
	}
	if (!input_ack(sk, skb, s))
		return false;
	/* What an acceptable segment with a good ACK says beside that. */
	input_timestamp(ys, s);
	ys->last_rcv_jiffies = (u32)jiffies;
	ys->keep_probes_out = 0;
	if (unlikely(again))
		input_again(sk, s);
	else if (ys->ecn.mode)
		input_ecn(sk, skb, s);
	return true;
}

/* Any state but CLOSED. */
static void input_segment(struct sock *sk, struct sk_buff *skb)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_segment s;

	yoke_conn_clock(ys);
	yoke_ack_parse(skb, &s);
	ys->segs_in += yoke_skb_segs(skb);
	if (s.len)
		ys->got.segs += yoke_skb_segs(skb);

	if (unlikely(sk->sk_state == TCP_SYN_SENT)) {
		input_syn_sent(sk, skb, &s);
		input_answer(sk);
		return;
	}
	if (!input_check(sk, skb, &s))
		return;
	if (ys->fin_queued && ys->snd_una == ys->write_seq && !input_fin_acked(sk)) {
		yoke_spare_back(skb);
		return;
	}
	if (unlikely(input_unwanted(sk, &s))) {
		yoke_output_reset(sk);
		yoke_drop(sock_net(sk), sk, skb, AbortOnData);
		yoke_conn_abort(sk, ECONNRESET);
		return;
	}
	/* Sixth, URG; seventh and eighth, text and FIN. */
	if (likely(yoke_conn_in(sk, YOKE_DATA_STATES))) {
		if (unlikely(s.flags & YOKE_URG || (ys->urgent && s.len)))
			yoke_urgent_rcv(sk, skb, s.seq, s.flags & YOKE_URG ? &s.urg : NULL);
		yoke_text_rcv(sk, skb, &s);
	} else if (s.end_seq != s.seq) {
		yoke_drop(sock_net(sk), sk, skb, AfterFin);
	} else {
		yoke_spare_back(skb);
	}
	input_answer(sk);
	/* In close(2)'s backlog more may follow, a reset even: close(2) itself goes on from there. */
	if (unlikely(sk->sk_state == TCP_FIN_WAIT2 && sock_flag(sk, SOCK_DEAD) &&
		     !sock_owned_by_user(sk)))
		yoke_timewait_left(sk);
}

int yoke_input(struct sock *sk, struct sk_buff *skb)
{
	if (unlikely(sk->sk_state == TCP_CLOSE)) {
		yoke_drop(sock_net(sk), sk, skb, Closed);
		return 0;
	}
	input_segment(sk, skb);
	/* What acknowledged data no longer takes, the new has not taken (yoke_mem_keep_tx). */
	sk_mem_reclaim(sk);
	return 0;
}
