// SPDX-License-Identifier: GPL-2.0
/*
 * What a stream socket tells of itself: TCP_INFO, in TCP's fields and units.
 *
 * Process context, takes the socket lock; owns nothing. RFC 4898 (what sending waits for).
 */
#include <net/tcp.h>
#include "../engine/conn.h"
#include "info.h"

/* What is on its way, in segments. */
static void info_flight(const struct yoke_sock *ys, struct yoke_tcp_info *info)
{
	u32 mss = max_t(u32, ys->mss, 1), len, n;
	const struct sk_buff *skb;

	skb_queue_walk(&ys->rtx, skb) {
		const struct yoke_seg *seg = &yoke_cb(skb)->seg;

		/* A FIN behind text took none. */
		len = seg->end_seq - seg->seq - !!(yoke_cb(skb)->flags & YOKE_FIN);
		n = max_t(u32, DIV_ROUND_UP(len, mss), 1);
		info->tcpi_unacked += n;
		if (seg->state == YOKE_SEG_SACKED) {
			info->tcpi_sacked += n;
			continue;
		}
		if (seg->state == YOKE_SEG_LOST || (seg->retrans && ys->rec.state >= YOKE_CA_RECOVERY))
			info->tcpi_lost += n;
		if (seg->state == YOKE_SEG_SENT && seg->retrans)
			info->tcpi_retrans += n;
	}
	info->tcpi_sacked += DIV_ROUND_UP(ys->rec.board.reno_sacked, mss);
}

/* Bytes of text sent, again or not: neither SYN nor FIN is one. */
static u64 info_sent(const struct yoke_sock *ys)
{
	u64 numbers = ys->bytes_acked + (ys->snd_nxt - ys->snd_una);
	u32 syn = (u32)numbers - (ys->snd_nxt - ys->iss - 1);
	u32 fin = ys->fin_queued && ys->snd_nxt == ys->write_seq;

	return ys->mss ? numbers - syn - fin + ys->sent.again : 0;
}

/* Times in which there was something to send, by what it waited for. */
static void info_waits(const struct yoke_sock *ys, struct yoke_tcp_info *info)
{
	u64 us[YOKE_WAIT_MAX];
	int i;

	for (i = 0; i < YOKE_WAIT_MAX; i++) {
		u32 spent = ys->wait.spent[i];

		if (i == ys->waits_for)
			spent += (u32)jiffies - ys->wait.since;
		us[i] = (u64)spent * (USEC_PER_SEC / HZ);
		info->tcpi_busy_time += us[i];
	}
	info->tcpi_rwnd_limited = us[YOKE_WAIT_WINDOW];
	info->tcpi_sndbuf_limited = us[YOKE_WAIT_BUFFER];
}

static void info_options(const struct yoke_sock *ys, struct yoke_tcp_info *info)
{
	if (ys->use_ts)
		info->tcpi_options |= TCPI_OPT_TIMESTAMPS;
	if (ys->use_sack)
		info->tcpi_options |= TCPI_OPT_SACK;
	if (ys->use_wscale) {
		info->tcpi_options |= TCPI_OPT_WSCALE;
		info->tcpi_snd_wscale = ys->snd_wscale;
		info->tcpi_rcv_wscale = ys->rcv_wscale;
	}
	/* Ours counts once acknowledged (or input_early_acked() forgets it), the peer's once taken. */
	if (ys->syn_data && (ys->bytes_acked || ys->bytes_received))
		info->tcpi_options |= TCPI_OPT_SYN_DATA;
	if (ys->ecn.mode)
		info->tcpi_options |= TCPI_OPT_ECN;
	if (ys->ecn.seen)
		info->tcpi_options |= TCPI_OPT_ECN_SEEN;
}

static void info_send(const struct yoke_sock *ys, struct yoke_tcp_info *info)
{
	const struct yoke_recovery *rec = &ys->rec;
	u32 mss = max_t(u32, ys->mss, 1);

	info->tcpi_ca_state = rec->state;
	info->tcpi_retransmits = ys->retransmits;
	info->tcpi_backoff = ys->rtt.backoff;
	info->tcpi_probes = yoke_conn_probes(ys);
	info->tcpi_rto = yoke_rtt_rto(&ys->rtt);
	info->tcpi_rtt = ys->rtt.srtt_us;
	info->tcpi_rttvar = ys->rtt.srtt_us ? ys->rtt.mdev_us : YOKE_RTO_INIT_US / 4;
	info->tcpi_min_rtt = ys->rtt.min_us;
	info->tcpi_snd_mss = ys->mss;
	info->tcpi_advmss = ys->advmss - (ys->use_ts ? TCPOLEN_TSTAMP_ALIGNED : 0);
	info->tcpi_pmtu = ys->pmtu;
	info->tcpi_snd_cwnd = max_t(u32, ys->cc.cwnd / mss, 1);
	info->tcpi_snd_ssthresh = ys->cc.ssthresh > INT_MAX ? INT_MAX : ys->cc.ssthresh / mss;
	info->tcpi_total_retrans = ys->sent.segs_again;
	info->tcpi_reordering = rec->rack.dup_thresh;
	info->tcpi_reord_seen = rec->rack.reordering;
	if (!ys->mss) {		/* has not been open yet: what it would begin with */
		info->tcpi_snd_mss = TCP_MSS_DEFAULT;
		info->tcpi_pmtu = 0;
		info->tcpi_snd_cwnd = YOKE_CC_INIT_SEGS;
		info->tcpi_snd_ssthresh = INT_MAX;
	}
	info->tcpi_notsent_bytes = max_t(int, 0, ys->write_seq - ys->snd_nxt);
	info->tcpi_bytes_acked = ys->bytes_acked;
	info->tcpi_segs_out = ys->segs_out;
	info->tcpi_snd_wnd = ys->snd_wnd;
	info->tcpi_data_segs_out = ys->sent.segs;
	info->tcpi_bytes_sent = info_sent(ys);
	info->tcpi_bytes_retrans = ys->sent.again;
	info->tcpi_dsack_dups = ys->sent.dsacks;
	info->tcpi_delivered = ys->delivered;
	info->tcpi_delivered_ce = ys->sent.marked;
	info->tcpi_total_rto = ys->rto.total;
	if (READ_ONCE(ys->inet.sk.sk_txrehash) == SOCK_TXREHASH_ENABLED)
		info->tcpi_rehash = ys->rto.total;
	info->tcpi_total_rto_recoveries = ys->rto.runs;
	info->tcpi_total_rto_time = ys->rto.ms;
	if (ys->rto.since)
		info->tcpi_total_rto_time += yoke_conn_tsval(ys) - ys->rto.since;
	if (rec->rate.interval_us)
		info->tcpi_delivery_rate = div_u64((u64)rec->rate.bytes * USEC_PER_SEC,
						   rec->rate.interval_us);
	info->tcpi_delivery_rate_app_limited = rec->rate.limited;
	info->tcpi_last_data_sent = div_u64(ys->now_us - ys->last_sent_us, USEC_PER_MSEC);
}

static void info_receive(const struct yoke_sock *ys, struct yoke_tcp_info *info)
{
	info->tcpi_rcv_mss = ys->rcv_mss;
	info->tcpi_rcv_ssthresh = ys->rcv_wnd;
	info->tcpi_rcv_rtt = ys->tune.rtt_us;
	info->tcpi_rcv_space = ys->tune.space;
	info->tcpi_bytes_received = ys->bytes_received;
	info->tcpi_segs_in = ys->segs_in;
	info->tcpi_data_segs_in = ys->got.segs;
	info->tcpi_rcv_ooopack = ys->got.ooo;
	info->tcpi_rcv_wnd = yoke_conn_rcv_window(ys);
	info->tcpi_ato = jiffies_to_usecs(YOKE_DELACK);
	info->tcpi_last_data_recv = jiffies_to_msecs((u32)jiffies - ys->got.time);
	info->tcpi_last_ack_recv = jiffies_to_msecs((u32)jiffies - ys->last_rcv_jiffies);
}

void yoke_info(struct sock *sk, struct yoke_tcp_info *info)
{
	struct yoke_sock *ys = yoke_sk(sk);

	memset(info, 0, sizeof(*info));
	lock_sock(sk);
	info->tcpi_state = sk->sk_state;
	info->tcpi_pacing_rate = READ_ONCE(sk->sk_pacing_rate);
	info->tcpi_max_pacing_rate = READ_ONCE(sk->sk_max_pacing_rate);
	if (sk->sk_state == TCP_LISTEN) {
		/* In a listener these two mean: children ready, and how many there may be. */
		info->tcpi_unacked = READ_ONCE(sk->sk_ack_backlog);
		info->tcpi_sacked = READ_ONCE(sk->sk_max_ack_backlog);
		info->tcpi_snd_cwnd = YOKE_CC_INIT_SEGS;
		info->tcpi_reordering = ys->rec.rack.dup_thresh;
	} else {
		yoke_conn_clock(ys);
		info_options(ys, info);
		info_send(ys, info);
		info_flight(ys, info);
		info_waits(ys, info);
		info_receive(ys, info);
	}
	release_sock(sk);
}
