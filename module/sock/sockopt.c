// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options of the stream type: SOL_TCP's names, numbers, ranges, units and errors.
 *
 * SOL_SOCKET never comes here: the core answers it, as for TCP. SOL_IP is the host's own.
 * Process context, takes the socket lock. Owns nodelay, cork, user_mss, syn_retries,
 * linger2, keep_time, keep_intvl, keep_cnt, user_timeout, window_clamp.
 */
#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/tcp.h>
#include "../engine/addr.h"
#include "../engine/fastopen.h"
#include "../engine/listen.h"
#include "../engine/output.h"
#include "../engine/pace.h"
#include "../engine/send.h"
#include "../engine/timer.h"
#include "../table/cc_table.h"
#include "sockopt.h"

#define STATE(sk)	(1 << (sk)->sk_state)

/* A change of Nagle or cork: what was held back may go. */
static void sockopt_push(struct sock *sk)
{
	if (!(STATE(sk) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 | TCPF_CLOSING |
			   TCPF_LAST_ACK)))
		return;
	yoke_conn_clock(yoke_sk(sk));
	yoke_send_push(sk, YOKE_PUSH_ALL);
}

static int sockopt_set_seconds(u32 *field, int val, int most)
{
	if (val < 1 || val > most)
		return -EINVAL;
	WRITE_ONCE(*field, val * HZ);
	return 0;
}

static int sockopt_set_count(u8 *field, int val, int most)
{
	if (val < 1 || val > most)
		return -EINVAL;
	WRITE_ONCE(*field, val);
	return 0;
}

/* A new idle time counts from now. */
static int sockopt_set_keepidle(struct sock *sk, int val)
{
	int err = sockopt_set_seconds(&yoke_sk(sk)->keep_time, val, MAX_TCP_KEEPIDLE);

	if (!err && sock_flag(sk, SOCK_KEEPOPEN) && !(STATE(sk) & (TCPF_CLOSE | TCPF_LISTEN)))
		yoke_timer_keepalive(sk, true);
	return err;
}

static void sockopt_set_linger2(struct yoke_sock *ys, int val)
{
	if (val < 0)
		ys->linger2 = -1;
	else
		ys->linger2 = min(val, TCP_FIN_TIMEOUT_MAX / HZ) * HZ;
}

static int sockopt_set_window_clamp(struct sock *sk, int val)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (val) {
		ys->window_clamp = max_t(int, val, SOCK_MIN_RCVBUF / 2);
		return 0;
	}
	if (sk->sk_state != TCP_CLOSE)
		return -EINVAL;
	ys->window_clamp = U32_MAX;
	return 0;
}

/* 0 leaves quick mode; else enters it and settles the ACK that is owed. */
static void sockopt_set_quickack(struct sock *sk, int val)
{
	struct yoke_sock *ys = yoke_sk(sk);

	ys->pingpong = !val;
	ys->quickack = val ? TCP_MAX_QUICKACKS : 0;
	if (!val || !ys->ack_due || !(STATE(sk) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		return;
	yoke_conn_clock(ys);
	yoke_output_ack(sk);
}

static int sockopt_set_cc(struct sock *sk, const char *name)
{
	struct yoke_sock *ys = yoke_sk(sk);
	const struct yoke_cc_ops *old = ys->cc.ops, *ops;

	ops = yoke_cc_table_choose(old, name,
				   sockopt_ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN));
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	ys->cc_chosen = true;
	if (ops == old)
		return 0;
	yoke_cc_change(&ys->cc, ops);
	yoke_pace_update(sk);
	yoke_cc_table_put(old);
	return 0;
}

/* TCP_FASTOPEN: how many connections may be open before their handshake is over. */
static int sockopt_set_fastopen(struct sock *sk, int val)
{
	int err;

	if (val < 0 || !(STATE(sk) & (TCPF_CLOSE | TCPF_LISTEN)))
		return -EINVAL;
	err = yoke_listen_prepare(sk);
	if (!err)
		yoke_fastopen_allow(sk, val);
	return err;
}

/* TCP_FASTOPEN_CONNECT: connect() may wait for the first data to send with the SYN. */
static int sockopt_set_fastopen_connect(struct sock *sk, int val)
{
	if (val < 0 || val > 1)
		return -EINVAL;
	if (!(READ_ONCE(yoke_net(sock_net(sk))->set.fastopen) & YOKE_FASTOPEN_CLIENT))
		return -EOPNOTSUPP;
	if (sk->sk_state != TCP_CLOSE)
		return -EINVAL;
	yoke_sk(sk)->fastopen_connect = val;
	return 0;
}

static int sockopt_set_fastopen_no_cookie(struct sock *sk, int val)
{
	if (val < 0 || val > 1 || !(STATE(sk) & (TCPF_CLOSE | TCPF_LISTEN)))
		return -EINVAL;
	yoke_sk(sk)->fastopen_no_cookie = val;
	return 0;
}

/* One key, or a second behind it, that was the first one until now. */
static int sockopt_set_fastopen_key(struct sock *sk, sockptr_t optval, unsigned int len)
{
	u8 keys[2 * YOKE_FASTOPEN_KEY];
	int err = -EINVAL;

	if (len != YOKE_FASTOPEN_KEY && len != sizeof(keys))
		return -EINVAL;
	if (copy_from_sockptr(keys, optval, len))
		return -EFAULT;
	lock_sock(sk);
	if (STATE(sk) & (TCPF_CLOSE | TCPF_LISTEN))
		err = yoke_listen_prepare(sk);
	if (!err)
		yoke_fastopen_set_keys(sock_net(sk), sk, keys, len / YOKE_FASTOPEN_KEY);
	release_sock(sk);
	return err;
}

/* TCP_DEFER_ACCEPT: seconds to and from the number of a SYN-ACK's timeouts that they last. */
static u8 sockopt_timeouts(int seconds)
{
	int timeout = 1, period = 1;
	u8 n = seconds > 0;

	for (; seconds > period && n < U8_MAX; n++) {
		timeout = min(2 * timeout, (int)(TCP_RTO_MAX / HZ));
		period += timeout;
	}
	return n;
}

static int sockopt_timeouts_last(u8 n)
{
	int timeout = 1, period = 0;

	for (; n; n--) {
		period += timeout;
		timeout = min(2 * timeout, (int)(TCP_RTO_MAX / HZ));
	}
	return period;
}

static int sockopt_set_int(struct sock *sk, int name, int val)
{
	struct yoke_sock *ys = yoke_sk(sk);

	switch (name) {
	case TCP_NODELAY:
		ys->nodelay = val != 0;
		if (val)
			sockopt_push(sk);
		return 0;
	case TCP_CORK:
		ys->cork = val != 0;
		if (!val)
			sockopt_push(sk);
		return 0;
	case TCP_MAXSEG:
		if (val && (val < TCP_MIN_MSS || val > MAX_TCP_WINDOW))
			return -EINVAL;
		ys->user_mss = val;
		return 0;
	case TCP_KEEPIDLE:
		return sockopt_set_keepidle(sk, val);
	case TCP_KEEPINTVL:
		return sockopt_set_seconds(&ys->keep_intvl, val, MAX_TCP_KEEPINTVL);
	case TCP_KEEPCNT:
		return sockopt_set_count(&ys->keep_cnt, val, MAX_TCP_KEEPCNT);
	case TCP_SYNCNT:
		return sockopt_set_count(&ys->syn_retries, val, MAX_TCP_SYNCNT);
	case TCP_LINGER2:
		sockopt_set_linger2(ys, val);
		return 0;
	case TCP_WINDOW_CLAMP:
		return sockopt_set_window_clamp(sk, val);
	case TCP_QUICKACK:
		sockopt_set_quickack(sk, val);
		return 0;
	case TCP_NOTSENT_LOWAT:
		WRITE_ONCE(ys->notsent_lowat, val);
		sk->sk_write_space(sk);
		return 0;
	case TCP_INQ:
		if (val < 0 || val > 1)
			return -EINVAL;
		ys->tell_inq = val;
		return 0;
	case TCP_TIMESTAMP:
		return -EPERM;		/* only to repair a connection */
	case TCP_DEFER_ACCEPT:
		WRITE_ONCE(ys->defer_accept, sockopt_timeouts(val));
		return 0;
	case TCP_SAVE_SYN:		/* 1: from the IP header, 2: from the link's */
		if (val < 0 || val > 2)
			return -EINVAL;
		WRITE_ONCE(ys->save_syn, val);
		return 0;
	case TCP_FASTOPEN:
		return sockopt_set_fastopen(sk, val);
	case TCP_FASTOPEN_CONNECT:
		return sockopt_set_fastopen_connect(sk, val);
	case TCP_FASTOPEN_NO_COOKIE:
		return sockopt_set_fastopen_no_cookie(sk, val);
	case TCP_USER_TIMEOUT:
		if (val < 0)
			return -EINVAL;
		WRITE_ONCE(ys->user_timeout, val);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int sockopt_set_tcp(struct sock *sk, int name, sockptr_t optval, unsigned int len)
{
	char cc[YOKE_CC_NAME];
	int val, err;

	if (name == TCP_FASTOPEN_KEY)
		return sockopt_set_fastopen_key(sk, optval, len);
	if (name == TCP_CONGESTION) {
		if (len < 1)
			return -EINVAL;
		val = strncpy_from_sockptr(cc, optval, min_t(unsigned int, sizeof(cc) - 1, len));
		if (val < 0)
			return -EFAULT;
		cc[val] = '\0';
		lock_sock(sk);
		err = sockopt_set_cc(sk, cc);
	} else {
		if (len < sizeof(int))
			return -EINVAL;
		if (copy_from_sockptr(&val, optval, sizeof(val)))
			return -EFAULT;
		lock_sock(sk);
		err = sockopt_set_int(sk, name, val);
	}
	release_sock(sk);
	return err;
}

int yoke_sockopt_stream_set(struct socket *sock, int level, int name, sockptr_t val,
			    unsigned int len)
{
	struct sock *sk = sock->sk;

	switch (level) {
	case SOL_TCP:
		return sockopt_set_tcp(sk, name, val, len);
	case SOL_IP:
		if (name == IP_OPTIONS)		/* the segments' size does not allow for them yet */
			return -ENOPROTOOPT;
		fallthrough;
	default:
		return yoke_addr_setsockopt(sk, level, name, val, len);
	}
}

/* --- struct tcp_info --- */

/* What is on its way, in segments. */
static void sockopt_info_flight(const struct yoke_sock *ys, struct yoke_tcp_info *info)
{
	u32 mss = max_t(u32, ys->mss, 1), n;
	const struct sk_buff *skb;

	skb_queue_walk(&ys->rtx, skb) {
		const struct yoke_seg *seg = &yoke_cb(skb)->seg;

		n = DIV_ROUND_UP(seg->end_seq - seg->seq, mss);
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
static u64 sockopt_info_sent(const struct yoke_sock *ys)
{
	u64 numbers = ys->bytes_acked + (ys->snd_nxt - ys->snd_una);
	u32 syn = (u32)numbers - (ys->snd_nxt - ys->iss - 1);
	u32 fin = ys->fin_queued && ys->snd_nxt == ys->write_seq;

	return ys->mss ? numbers - syn - fin + ys->put.again : 0;
}

/* Times in which there was something to send, by what it waited for. */
static void sockopt_info_waits(const struct yoke_sock *ys, struct yoke_tcp_info *info)
{
	u64 us[YOKE_WAIT_MAX];
	int i;

	for (i = 0; i < YOKE_WAIT_MAX; i++) {
		u32 spent = ys->wait.spent[i];

		if (i == ys->waits)
			spent += (u32)jiffies - ys->wait.since;
		us[i] = (u64)spent * (USEC_PER_SEC / HZ);
		info->tcpi_busy_time += us[i];
	}
	info->tcpi_rwnd_limited = us[YOKE_WAIT_WINDOW];
	info->tcpi_sndbuf_limited = us[YOKE_WAIT_BUFFER];
}

static void sockopt_info_options(const struct yoke_sock *ys, struct yoke_tcp_info *info)
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
	if (ys->syn_data)
		info->tcpi_options |= TCPI_OPT_SYN_DATA;
	if (ys->ecn.mode)
		info->tcpi_options |= TCPI_OPT_ECN;
	if (ys->ecn.seen)
		info->tcpi_options |= TCPI_OPT_ECN_SEEN;
}

static void sockopt_info_send(const struct yoke_sock *ys, struct yoke_tcp_info *info)
{
	const struct yoke_recovery *rec = &ys->rec;
	u32 mss = max_t(u32, ys->mss, 1);

	info->tcpi_ca_state = rec->state;
	info->tcpi_retransmits = ys->retransmits;
	info->tcpi_backoff = ys->rtt.backoff;
	info->tcpi_probes = ys->probes_out;
	info->tcpi_rto = yoke_rtt_rto(&ys->rtt);
	info->tcpi_rtt = ys->rtt.srtt_us;
	info->tcpi_rttvar = ys->rtt.srtt_us ? ys->rtt.rttvar_us : YOKE_RTO_INIT_US / 4;
	info->tcpi_min_rtt = ys->rtt.min_us;
	info->tcpi_snd_mss = ys->mss;
	info->tcpi_advmss = ys->advmss - (ys->use_ts ? TCPOLEN_TSTAMP_ALIGNED : 0);
	info->tcpi_pmtu = ys->pmtu;
	info->tcpi_snd_cwnd = max_t(u32, ys->cc.cwnd / mss, 1);
	info->tcpi_snd_ssthresh = ys->cc.ssthresh > INT_MAX ? INT_MAX : ys->cc.ssthresh / mss;
	info->tcpi_total_retrans = rec->retrans_total;
	info->tcpi_reordering = 3 * max_t(u32, rec->rack.reo_mult, 1);
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
	info->tcpi_data_segs_out = ys->put.segs;
	info->tcpi_bytes_sent = sockopt_info_sent(ys);
	info->tcpi_bytes_retrans = ys->put.again;
	info->tcpi_dsack_dups = ys->dsacks;
	info->tcpi_total_rto = ys->rto.total;
	info->tcpi_total_rto_recoveries = ys->rto.runs;
	info->tcpi_total_rto_time = ys->rto.ms;
	if (ys->rto.since)
		info->tcpi_total_rto_time += yoke_conn_tsval(ys) - ys->rto.since;
	if (rec->rate.interval_us)
		info->tcpi_delivery_rate = div_u64((u64)rec->rate.bytes * USEC_PER_SEC,
						   rec->rate.interval_us);
	info->tcpi_delivery_rate_app_limited = rec->rate.limited;
	info->tcpi_last_data_sent = ((u32)ys->now_us - ys->last_sent_us) / USEC_PER_MSEC;
}

static void sockopt_info_receive(const struct yoke_sock *ys, struct yoke_tcp_info *info)
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
	info->tcpi_last_data_recv = jiffies_to_msecs((u32)jiffies - ys->got.jiffies);
	info->tcpi_last_ack_recv = jiffies_to_msecs((u32)jiffies - ys->last_rcv_jiffies);
}

static void sockopt_info(struct sock *sk, struct yoke_tcp_info *info)
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
		info->tcpi_reordering = 3;
	} else {
		yoke_conn_clock(ys);
		sockopt_info_options(ys, info);
		sockopt_info_send(ys, info);
		sockopt_info_flight(ys, info);
		sockopt_info_waits(ys, info);
		sockopt_info_receive(ys, info);
	}
	release_sock(sk);
}

/* --- getsockopt --- */

static int sockopt_get_linger2(struct sock *sk)
{
	int val = yoke_sk(sk)->linger2;

	if (val < 0)
		return val;
	return (val ?: READ_ONCE(yoke_net(sock_net(sk))->set.fin_timeout)) / HZ;
}

static int sockopt_get_maxseg(struct sock *sk)
{
	const struct yoke_sock *ys = yoke_sk(sk);

	if (!(STATE(sk) & (TCPF_CLOSE | TCPF_LISTEN)))
		return ys->mss;
	return ys->user_mss ?: TCP_MSS_DEFAULT;
}

/* What the algorithm says of itself; returns how much. */
static int sockopt_cc_info(struct sock *sk, union tcp_cc_info *info)
{
	const struct yoke_cc *cc = &yoke_sk(sk)->cc;
	int attr;

	memset(info, 0, sizeof(*info));
	return cc->ops->get_info ? cc->ops->get_info(cc, ~0u, &attr, info) : 0;
}

static int sockopt_get_int(struct sock *sk, int name, int *val)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	const struct yoke_sock *ys = yoke_sk(sk);

	switch (name) {
	case TCP_NODELAY:
		*val = ys->nodelay;
		return 0;
	case TCP_CORK:
		*val = ys->cork;
		return 0;
	case TCP_MAXSEG:
		*val = sockopt_get_maxseg(sk);
		return 0;
	case TCP_KEEPIDLE:
		*val = (ys->keep_time ?: READ_ONCE(set->keepalive_time)) / HZ;
		return 0;
	case TCP_KEEPINTVL:
		*val = (ys->keep_intvl ?: READ_ONCE(set->keepalive_intvl)) / HZ;
		return 0;
	case TCP_KEEPCNT:
		*val = ys->keep_cnt ?: READ_ONCE(set->keepalive_probes);
		return 0;
	case TCP_SYNCNT:
		*val = ys->syn_retries ?: READ_ONCE(set->syn_retries);
		return 0;
	case TCP_LINGER2:
		*val = sockopt_get_linger2(sk);
		return 0;
	case TCP_WINDOW_CLAMP:
		*val = ys->window_clamp;
		if (ys->window_clamp == U32_MAX)	/* then the header's field is the limit */
			*val = STATE(sk) & (TCPF_CLOSE | TCPF_LISTEN) ? 0 : U16_MAX << ys->rcv_wscale;
		return 0;
	case TCP_QUICKACK:
		*val = !ys->pingpong;
		return 0;
	case TCP_DEFER_ACCEPT:
		*val = sockopt_timeouts_last(ys->defer_accept);
		return 0;
	case TCP_SAVE_SYN:
		*val = ys->save_syn;
		return 0;
	case TCP_FASTOPEN:
		*val = STATE(sk) & (TCPF_CLOSE | TCPF_LISTEN) && ys->listener ?
		       ys->listener->fastopen_max : 0;
		return 0;
	case TCP_FASTOPEN_CONNECT:
		*val = ys->fastopen_connect;
		return 0;
	case TCP_FASTOPEN_NO_COOKIE:
		*val = ys->fastopen_no_cookie;
		return 0;
	case TCP_USER_TIMEOUT:
		*val = ys->user_timeout;
		return 0;
	case TCP_NOTSENT_LOWAT:
		*val = ys->notsent_lowat;
		return 0;
	case TCP_INQ:
		*val = ys->tell_inq;
		return 0;
	case TCP_TIMESTAMP:
		yoke_conn_clock(yoke_sk(sk));
		*val = yoke_conn_tsval(ys);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* Gives the program at most @len bytes of @from, and tells how many. */
static int sockopt_put(char __user *optval, int __user *optlen, const void *from, int len)
{
	if (put_user(len, optlen) || copy_to_user(optval, from, len))
		return -EFAULT;
	return 0;
}

/* Once, and whole; without room for it the program learns how much it takes. */
static int sockopt_get_saved_syn(struct sock *sk, char __user *optval, int __user *optlen, int len)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_saved_syn *saved = NULL;
	int err, need = 0;

	lock_sock(sk);
	if (ys->saved_syn)
		need = ys->saved_syn->len;
	if (len >= need)
		swap(saved, ys->saved_syn);
	release_sock(sk);
	if (!saved)
		return put_user(need, optlen) ? -EFAULT : len < need ? -EINVAL : 0;
	err = sockopt_put(optval, optlen, saved->data, need);
	kfree(saved);
	return err;
}

static int sockopt_get_tcp(struct sock *sk, int name, char __user *optval, int __user *optlen)
{
	u8 keys[2 * YOKE_FASTOPEN_KEY];
	int n = 0;
	char cc[YOKE_CC_NAME] = "";
	struct yoke_tcp_info info;
	union tcp_cc_info cc_info;
	int len, val, err;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	switch (name) {
	case TCP_INFO:
		sockopt_info(sk, &info);
		return sockopt_put(optval, optlen, &info, min_t(int, len, sizeof(info)));
	case TCP_CONGESTION:
		lock_sock(sk);
		strscpy_pad(cc, yoke_sk(sk)->cc.ops->name, sizeof(cc));
		release_sock(sk);
		return sockopt_put(optval, optlen, cc, min_t(int, len, sizeof(cc)));
	case TCP_SAVED_SYN:
		return sockopt_get_saved_syn(sk, optval, optlen, len);
	case TCP_CC_INFO:
		lock_sock(sk);
		val = sockopt_cc_info(sk, &cc_info);
		release_sock(sk);
		return sockopt_put(optval, optlen, &cc_info, min(len, val));
	}
	if (name == TCP_FASTOPEN_KEY) {
		lock_sock(sk);
		if (STATE(sk) & (TCPF_CLOSE | TCPF_LISTEN) && yoke_sk(sk)->listener)
			n = yoke_fastopen_get_keys(sock_net(sk), sk, keys);
		release_sock(sk);
		return sockopt_put(optval, optlen, keys, min_t(int, len, n * YOKE_FASTOPEN_KEY));
	}
	lock_sock(sk);
	err = sockopt_get_int(sk, name, &val);
	release_sock(sk);
	return err ?: sockopt_put(optval, optlen, &val, min_t(int, len, sizeof(val)));
}

int yoke_sockopt_stream_get(struct socket *sock, int level, int name, char __user *val,
			    int __user *len)
{
	struct sock *sk = sock->sk;

	switch (level) {
	case SOL_TCP:
		return sockopt_get_tcp(sk, name, val, len);
	default:
		return yoke_addr_getsockopt(sk, level, name, val, len);
	}
}
