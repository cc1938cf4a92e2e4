// SPDX-License-Identifier: GPL-2.0
/*
 * The window that the peer is offered, and the buffers, which grow with what is read and sent.
 *
 * Owns: rcv_wup, rcv_wnd, tune; sk_sndbuf and sk_rcvbuf, where the program has not fixed them.
 * Runs under the socket lock, in process context or BH, unless said otherwise.
 * RFC 9293 §3.8.6; RFC 7323 §2.
 */
#include "mss.h"
#include "window.h"
#include "../table/mem.h"

#define YOKE_PRESSURE_SEGS	4
#define YOKE_QUICKACKS		16	/* a sender in slow start needs its ACKs at once */

#define YOKE_SHORT_ROUND_US	100	/* at native speed: some 200 KB of loopback, which stay in the cache */
#define YOKE_SHORT_BUFFER	(1 << 20)	/* what it comes to there */

u32 yoke_window_first(const struct sock *sk, u32 clamp, u16 mss, u32 segs, bool scale, u8 *wscale)
{
	u32 space = min_t(u32, READ_ONCE(sk->sk_rcvbuf) / 2, clamp), most;

	*wscale = 0;
	if (scale) {
		most = max_t(u32, space, READ_ONCE(yoke_net(sock_net(sk))->set.rmem[2]));
		/*
		 * SO_RCVBUF may still be as large as the host allows; who has set it before has done so, and
		 * perhaps to less than the grain of that scale.
		 */
		if (!data_race(sk->sk_userlocks & SOCK_RCVBUF_LOCK))
			most = max_t(u32, most, READ_ONCE(sysctl_rmem_max));
		most = min(most, clamp);
		while (most > U16_MAX && *wscale < YOKE_OPT_WSCALE_MAX) {
			most >>= 1;
			(*wscale)++;
		}
	}
	space = min_t(u32, space, U16_MAX);
	/* A route that carries headers only has none, where min_adv_mss is 0. */
	mss = max_t(u16, mss, 1);
	if (space > mss)
		space = rounddown(space, mss);
	return segs ? min_t(u64, space, (u64)segs * mss) : space;
}

bool yoke_window_tune_sndbuf(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	/* What the peer takes at once, and not what half of a small first window allows. */
	u32 per_mss = max(ys->mss, ys->mss_clamp) + SKB_TRUESIZE(YOKE_HEADER_MAX + MAX_HEADER);
	u64 windows = 2 * (u64)max(ys->cc.cwnd, YOKE_CC_INIT_SEGS * ys->cc.mss), want;
	u32 text = ys->write_seq - ys->snd_una, queued = sk->sk_wmem_queued;

	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK || READ_ONCE(yoke_mem_pressure))
		return false;
	want = div_u64(windows, ys->cc.mss) * per_mss;
	/* Short segments take more: the buffer would be full before cwnd is, and neither ever grow. */
	if (text && queued > sk->sk_sndbuf / 2)
		want = max(want, div_u64(windows * queued, text));
	want = min_t(u64, want, READ_ONCE(yoke_net(sock_net(sk))->set.wmem[2]));
	if (want <= sk->sk_sndbuf)
		return false;
	WRITE_ONCE(sk->sk_sndbuf, want);
	return true;
}

void yoke_window_begin(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	/* Rather too small a guess: it grows with the first that is larger. */
	ys->rcv_mss = min3(ys->mss, ys->advmss, (u16)YOKE_MSS_DEFAULT);
	ys->tune.seq = ys->copied_seq;
	ys->tune.space = min_t(u32, ys->rcv_wnd, YOKE_CC_INIT_SEGS * ys->advmss);
	ys->tune.least = U32_MAX;
	ys->tune.time_us = (u32)ys->now_us;
	ys->tune.rtt_seq = ys->rcv_nxt + ys->rcv_wnd;
	ys->tune.rtt_time_us = (u32)ys->now_us;
	ys->last_rcv_jiffies = (u32)jiffies;
	ys->got.time = (u32)jiffies;
	ys->quickack = ys->pingpong ? 0 : YOKE_QUICKACKS;
	if (READ_ONCE(yoke_net(sock_net(sk))->set.mtu_probing) > 1)
		yoke_mss_black_hole(sk);	/* until the search says otherwise */
	yoke_window_tune_sndbuf(sk);
}

/* --- the window to offer --- */

/* Memory is charged by truesize: about half of it is payload (Linux's tcp_adv_win_scale 1). */
static int window_space(const struct sock *sk, int bytes)
{
	return bytes < 0 ? 0 : bytes / 2;
}

/*
 * The most that could ever be offered: half the buffer, what the header can say, TCP_WINDOW_CLAMP.
 */
static u32 window_full(const struct sock *sk)
{
	const struct yoke_sock *ys = yoke_sk(sk);

	return min3((u32)window_space(sk, READ_ONCE(sk->sk_rcvbuf)),
		    (u32)U16_MAX << ys->rcv_wscale, ys->window_clamp);
}

/* What could be offered now, if nothing had been yet. Inlined, as every segment asks. */
static __always_inline u32 window_offer(const struct sock *sk, u32 full)
{
	/* Segments come to the backlog without the lock; the core of sockets counts them plainly. */
	int backlog = data_race(sk->sk_backlog.len);
	int space = window_space(sk, READ_ONCE(sk->sk_rcvbuf) - sk_rmem_alloc_get(sk) - backlog);
	u32 win = min_t(u32, space, full);

	if (win < full / 16 || win < min_t(u32, yoke_sk(sk)->rcv_mss, full))
		return 0;
	/* When memory is short, a slow reader's peer may send only as much as keeps ACKs going. */
	if (unlikely(READ_ONCE(yoke_mem_pressure)) && win < full / 2)
		win = min_t(u32, win, YOKE_PRESSURE_SEGS * yoke_sk(sk)->advmss);
	return win;
}

bool yoke_window_offers_less(const struct sock *sk)
{
	return window_offer(sk, window_full(sk)) < yoke_sk(sk)->rcv_wnd;
}

u16 yoke_window_advertise(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 cur = yoke_conn_rcv_window(ys), full = window_full(sk);
	u32 win = window_offer(sk, full);

	/*
	 * RFC 9293 MUST-39: the right edge moves by an MSS or half the buffer, or not at all; and the
	 * route's "initrwnd" holds until something has come.
	 */
	if (win < cur + min_t(u32, ys->rcv_mss, full / 2) ||
	    (unlikely(ys->route_window) && !ys->bytes_received))
		win = cur;
	win = ALIGN(win, 1U << ys->rcv_wscale);
	win = min_t(u32, win >> ys->rcv_wscale, U16_MAX);
	if (unlikely(!win && ys->rcv_wnd))
		yoke_count(sock_net(sk), ToZeroWindowAdv);
	else if (unlikely(win && !ys->rcv_wnd))
		yoke_count(sock_net(sk), FromZeroWindowAdv);
	ys->rcv_wnd = win << ys->rcv_wscale;
	ys->rcv_wup = ys->rcv_nxt;
	return win;
}

/* The program has read: a receive buffer that nobody fixed grows with the speed of reading. */
static void window_tune_rcvbuf(struct sock *sk)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	struct yoke_sock *ys = yoke_sk(sk);
	u32 copied = ys->copied_seq - ys->tune.seq, waiting = ys->rcv_nxt - ys->copied_seq;
	u32 rtt = max_t(u32, ys->tune.rtt_us, YOKE_SHORT_ROUND_US);
	u64 want;

	ys->tune.least = min(ys->tune.least, waiting);
	/* Once a round trip; before the first is measured there is nothing to go by. */
	if (!ys->tune.rtt_us || (u32)ys->now_us - ys->tune.time_us < rtt)
		return;
	/* What always waits to be read is the program's delay, and no larger buffer helps that. */
	copied -= min(copied, ys->tune.least);
	if (copied > ys->tune.space) {
		/*
		 * What the sender in slow start needs in the round after next; half of it is overhead. Of
		 * short rounds there are many, and a buffer that is larger than it must be leaves the cache.
		 */
		want = 4 * (u64)copied;
		/* Under load rounds are longer than the shortest: at first half a window in one is enough. */
		if (rtt == YOKE_SHORT_ROUND_US)
			want = max(want / 2, min_t(u64, want, YOKE_SHORT_BUFFER));
		if (ys->tune.space && rtt > USEC_PER_MSEC)
			want += 2 * div_u64(want * (copied - ys->tune.space), ys->tune.space);
		want = min_t(u64, want, READ_ONCE(set->rmem[2]));
		if (READ_ONCE(set->moderate_rcvbuf) && !(sk->sk_userlocks & SOCK_RCVBUF_LOCK) &&
		    want > sk->sk_rcvbuf)
			WRITE_ONCE(sk->sk_rcvbuf, want);
		ys->tune.space = copied;
	}
	ys->tune.seq = ys->copied_seq;
	ys->tune.least = waiting;
	ys->tune.time_us = (u32)ys->now_us;
}

/*
 * The program has read: must the ACK that is due leave now? Yes, if it is for a second full segment and
 * text_ack_due() left it to the reader. Yes, if the last segment was short and all is read: the peer may
 * hold its next short one back for this ACK (RFC 9293 §3.7.4). But where the program mostly answers
 * (pingpong) the answer carries it, unless two short ones came without an ACK: they may fill the peer's
 * cwnd.
 */
static bool window_ack_awaited(const struct yoke_sock *ys)
{
	return ys->ack_due &&
	       (ys->rcv_nxt - ys->rcv_wup > ys->rcv_mss ||
		(ys->short_in && (!ys->pingpong || ys->short_twice) && !ys->quickack &&
		 ys->copied_seq == ys->rcv_nxt));
}

bool yoke_window_read(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 cur = yoke_conn_rcv_window(ys), full;

	window_tune_rcvbuf(sk);
	if (!yoke_conn_in(sk, TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2))
		return false;
	if (window_ack_awaited(ys))
		return true;
	full = window_full(sk);
	if (2 * cur > full)
		return false;
	/* Worth a segment of its own only if the window at least doubles. */
	return window_offer(sk, full) >= 2 * max_t(u32, cur, min_t(u32, ys->rcv_mss, full / 2));
}
