// SPDX-License-Identifier: GPL-2.0
/*
 * Windows, and the buffers behind them: how large they are at first, and how they grow.
 *
 * Owns: tune of struct yoke_sock, and sk_sndbuf and sk_rcvbuf where the program has not set them.
 * Runs under the socket lock, in process context or BH, unless said otherwise.
 */
#include "mss.h"
#include "window.h"
#include "../table/mem.h"

#define YOKE_QUICKACKS		16	/* a sender in slow start needs its ACKs at once */

#define YOKE_SHORT_ROUND_US	100	/* at native speed: some 200 KB of loopback, which stay in the cache */
#define YOKE_SHORT_BUFFER	(1 << 20)	/* what it comes to there */

u32 yoke_conn_first_window(const struct sock *sk, u32 clamp, u16 mss, u32 segs, bool scale, u8 *wscale)
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

bool yoke_conn_tune_sndbuf(struct sock *sk)
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

void yoke_conn_init_buffers(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	/* Rather too small a guess: it grows with the first that is larger. */
	ys->rcv_mss = min3(ys->mss, ys->advmss, (u16)YOKE_MSS_DEFAULT);
	ys->tune.seq = ys->copied_seq;
	ys->tune.space = min_t(u32, ys->rcv_wnd, YOKE_CC_INIT_SEGS * ys->advmss);
	ys->tune.time_us = (u32)ys->now_us;
	ys->tune.rtt_seq = ys->rcv_nxt + ys->rcv_wnd;
	ys->tune.rtt_time_us = (u32)ys->now_us;
	ys->last_rcv_jiffies = (u32)jiffies;
	ys->got.jiffies = (u32)jiffies;
	ys->quickack = YOKE_QUICKACKS;
	if (READ_ONCE(yoke_net(sock_net(sk))->set.mtu_probing) > 1)
		yoke_conn_black_hole(sk);	/* until the search says otherwise */
	yoke_conn_tune_sndbuf(sk);
}

void yoke_conn_tune_rcvbuf(struct sock *sk)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	struct yoke_sock *ys = yoke_sk(sk);
	u32 copied = ys->copied_seq - ys->tune.seq, waiting = ys->rcv_nxt - ys->copied_seq;
	u32 rtt = max_t(u32, ys->tune.rtt_us, YOKE_SHORT_ROUND_US);
	u64 want;

	/* Once a round trip; before the first is measured there is nothing to go by. */
	if (!ys->tune.rtt_us || (u32)ys->now_us - ys->tune.time_us < rtt)
		return;
	/* What waits to be read is the program's delay, and no larger buffer helps that. */
	copied -= min(copied, waiting);
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
	ys->tune.time_us = (u32)ys->now_us;
}
