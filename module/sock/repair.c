// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_REPAIR: a connection is taken out of one socket and put into another, on another host even, as
 * checkpoint and restore do it (CRIU). Its numbers, queues, options and windows are read, the socket
 * closes without a word; a new one is told the same, connects without a word, and goes on.
 *
 * Process context, under the socket lock. Owns repair and repair_queue, and while the socket is in
 * repair whatever is told.
 * There is no RFC: this is what Linux's TCP does, to the errno.
 */
#include <net/tcp.h>
#include "../engine/input.h"
#include "../engine/mss.h"
#include "../engine/output.h"
#include "../engine/pace.h"
#include "../engine/send.h"
#include "../engine/text.h"
#include "../engine/window.h"
#include "repair.h"

#define REFILL_MOST	(64 * 1024)	/* bytes into the receive queue at a time */

/* --- in and out of repair --- */

/* The peer answers with its window, and what was on the way is sent again or acknowledged. */
static void repair_probe(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (sk->sk_state != TCP_ESTABLISHED)
		return;
	yoke_conn_clock(ys);
	ys->snd_wl1 = ys->rcv_nxt - 1;
	yoke_output_bare(sk, ys->snd_una - 1, YOKE_ACK);
}

int yoke_repair_set(struct sock *sk, int val)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (!sockopt_ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN) ||
	    sk->sk_state == TCP_LISTEN)
		return -EPERM;
	switch (val) {
	case TCP_REPAIR_ON:
		ys->repair = true;
		ys->repair_queue = TCP_NO_QUEUE;
		/* Its port may be a listener's by now. */
		sk->sk_reuse = SK_FORCE_REUSE;
		return 0;
	case TCP_REPAIR_OFF:
	case TCP_REPAIR_OFF_NO_WP:
		ys->repair = false;
		sk->sk_reuse = SK_NO_REUSE;
		if (val == TCP_REPAIR_OFF)
			repair_probe(sk);
		return 0;
	default:
		return -EINVAL;
	}
}

/* --- what is told and asked --- */

int yoke_repair_set_queue(struct sock *sk, int val)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (!ys->repair)
		return -EPERM;
	if (val < 0 || val >= TCP_QUEUES_NR)
		return -EINVAL;
	ys->repair_queue = val;
	return 0;
}

int yoke_repair_get_queue(const struct sock *sk, int *val)
{
	if (!yoke_sk(sk)->repair)
		return -EINVAL;
	*val = yoke_sk(sk)->repair_queue;
	return 0;
}

int yoke_repair_set_seq(struct sock *sk, u32 seq)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (sk->sk_state != TCP_CLOSE)
		return -EPERM;
	switch (ys->repair_queue) {
	case TCP_SEND_QUEUE:
		WRITE_ONCE(ys->write_seq, seq);
		return 0;
	case TCP_RECV_QUEUE:
		/* What was not read is still there. */
		if (ys->rcv_nxt != ys->copied_seq)
			return -EPERM;
		WRITE_ONCE(ys->rcv_nxt, seq);
		WRITE_ONCE(ys->copied_seq, seq);
		return 0;
	default:
		return -EINVAL;
	}
}

int yoke_repair_get_seq(const struct sock *sk, int *val)
{
	const struct yoke_sock *ys = yoke_sk(sk);

	switch (ys->repair_queue) {
	case TCP_SEND_QUEUE:
		*val = ys->write_seq;
		return 0;
	case TCP_RECV_QUEUE:
		*val = ys->rcv_nxt;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Our timestamps go on from @now, lest the peer take them for old ones. */
int yoke_repair_set_clock(struct sock *sk, u32 now)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (!ys->repair)
		return -EPERM;
	yoke_conn_clock(ys);
	ys->ts_offset += now - yoke_conn_tsval(ys);
	return 0;
}

/* One of the options that the two SYNs agreed on. */
static int repair_option(struct yoke_sock *ys, const struct tcp_repair_opt *opt)
{
	u16 theirs = opt->opt_val & U16_MAX, ours = opt->opt_val >> 16;

	switch (opt->opt_code) {
	case TCPOPT_MSS:
		ys->mss_clamp = opt->opt_val;
		return 0;
	case TCPOPT_WINDOW:
		if (theirs > YOKE_OPT_WSCALE_MAX || ours > YOKE_OPT_WSCALE_MAX)
			return -EFBIG;
		ys->snd_wscale = theirs;
		ys->rcv_wscale = ours;
		ys->use_wscale = true;
		return 0;
	case TCPOPT_SACK_PERM:
		if (opt->opt_val)
			return -EINVAL;
		ys->use_sack = true;
		return 0;
	case TCPOPT_TIMESTAMP:
		if (opt->opt_val)
			return -EINVAL;
		ys->use_ts = true;
		return 0;
	default:
		return 0;
	}
}

int yoke_repair_set_options(struct sock *sk, sockptr_t optval, unsigned int len)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct tcp_repair_opt opt;
	size_t at = 0;
	int err = 0;

	if (!ys->repair)
		return -EINVAL;
	if (sk->sk_state != TCP_ESTABLISHED || ys->sent.segs)
		return -EPERM;
	for (; !err && len - at >= sizeof(opt); at += sizeof(opt)) {
		if (copy_from_sockptr_offset(&opt, optval, at, sizeof(opt)))
			err = -EFAULT;
		else
			err = repair_option(ys, &opt);
	}
	yoke_mss_sync(sk, ys->pmtu);
	return err;
}

int yoke_repair_set_window(struct sock *sk, sockptr_t optval, unsigned int len)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct tcp_repair_window window;

	if (!ys->repair)
		return -EPERM;
	if (len != sizeof(window))
		return -EINVAL;
	if (copy_from_sockptr(&window, optval, sizeof(window)))
		return -EFAULT;
	if (window.max_window < window.snd_wnd ||
	    yoke_seq_after(window.snd_wl1, ys->rcv_nxt + window.rcv_wnd) ||
	    yoke_seq_after(window.rcv_wup, ys->rcv_nxt))
		return -EINVAL;
	ys->snd_wl1 = window.snd_wl1;
	ys->snd_wnd = window.snd_wnd;
	ys->max_window = window.max_window;
	ys->rcv_wnd = window.rcv_wnd;
	ys->rcv_wup = window.rcv_wup;
	yoke_mss_sync(sk, ys->pmtu);
	return 0;
}

int yoke_repair_get_window(const struct sock *sk, struct tcp_repair_window *window)
{
	const struct yoke_sock *ys = yoke_sk(sk);

	if (!ys->repair)
		return -EPERM;
	*window = (struct tcp_repair_window) {
		.snd_wl1 = ys->snd_wl1,
		.snd_wnd = ys->snd_wnd,
		.max_window = ys->max_window,
		.rcv_wnd = ys->rcv_wnd,
		.rcv_wup = ys->rcv_wup,
	};
	return 0;
}

/* --- the connection and its queues --- */

void yoke_repair_open(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	yoke_conn_clock(ys);
	yoke_send_open(sk);
	yoke_ecn_start(&ys->ecn, YOKE_ECN_OFF);
	ys->rcv_wscale = 0;		/* until TCP_REPAIR_OPTIONS says otherwise */
	ys->iss = ys->write_seq - 1;
	ys->snd_una = ys->write_seq;
	WRITE_ONCE(ys->snd_nxt, ys->write_seq);
	ys->pushed_seq = ys->write_seq;
	ys->snd_sml = ys->write_seq;
	ys->irs = ys->rcv_nxt - 1;
	ys->rcv_wup = ys->rcv_nxt;
	ys->snd_wl1 = 0;
	ys->snd_wl2 = ys->write_seq;
	yoke_input_forget_ts(ys);
	ys->last_sent_us = ys->now_us;

	yoke_conn_set_state(sk, TCP_ESTABLISHED);
	yoke_window_begin(sk);
	yoke_pace_update(sk);
	yoke_conn_keepalive(sk);
	sk->sk_state_change(sk);
}

int yoke_repair_refill(struct sock *sk, struct msghdr *msg)
{
	int n = min_t(size_t, msg_data_left(msg), REFILL_MOST), err;
	struct sk_buff *skb;

	/* Nor is there anything behind a FIN: readers find no gaps. */
	if (yoke_sk(sk)->repair_queue == TCP_NO_QUEUE || yoke_sk(sk)->fin_received)
		return -EINVAL;
	if (!n)
		return 0;
	skb = alloc_skb_with_frags(0, n, PAGE_ALLOC_COSTLY_ORDER, &err, sk->sk_allocation);
	if (!skb)
		return err;
	skb->data_len = n;
	skb->len = n;
	err = skb_copy_datagram_from_iter(skb, 0, &msg->msg_iter, n);
	if (err) {
		kfree_skb(skb);
		return err;
	}
	err = yoke_text_refill(sk, skb);
	return err ?: n;
}

/* Copies what of @skb is not acknowledged yet; returns the bytes, or -EFAULT. */
static int repair_copy_out(struct sk_buff *skb, struct msghdr *msg)
{
	const struct yoke_cb *cb = yoke_cb(skb);
	u32 acked = cb->seg.seq - cb->start;
	size_t len = skb->len - acked;

	/* A SYN at the front takes a number but no byte. */
	if (cb->flags & YOKE_SYN && acked) {
		acked--;
		len++;
	}
	len = min(len, msg_data_left(msg));
	return skb_copy_datagram_msg(skb, acked, msg, len) ?: len;
}

static int repair_copy_queue(struct sk_buff_head *queue, struct msghdr *msg, int *copied)
{
	struct sk_buff *skb;
	int n;

	skb_queue_walk(queue, skb) {
		n = repair_copy_out(skb, msg);
		if (n < 0)
			return n;
		*copied += n;
	}
	return 0;
}

int yoke_repair_peek(struct sock *sk, struct msghdr *msg, int flags)
{
	struct yoke_sock *ys = yoke_sk(sk);
	int copied = 0, err;

	if (!(flags & MSG_PEEK))
		return -EPERM;
	if (ys->repair_queue != TCP_SEND_QUEUE)
		return -EINVAL;
	err = repair_copy_queue(&ys->rtx, msg, &copied) ?:
	      repair_copy_queue(&sk->sk_write_queue, msg, &copied);
	return err ?: copied;
}
