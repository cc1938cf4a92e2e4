/* SPDX-License-Identifier: GPL-2.0 */
/* Windows, and the buffers behind them. Socket lock held, unless said otherwise. */
#ifndef YOKE_WINDOW_H
#define YOKE_WINDOW_H

#include "conn.h"

/* The largest window to offer over @dst: TCP_WINDOW_CLAMP, @clamp, or else what the route says. */
static inline u32 yoke_conn_clamp(u32 clamp, const struct dst_entry *dst)
{
	return clamp != U32_MAX ? clamp : dst_metric(dst, RTAX_WINDOW) ?: U32_MAX;
}

/*
 * The first window to offer with the receive buffer of @sk, which may be the listener, a whole number of
 * @mss, but at most @segs of them if that is not 0, and the shift that its growth to the namespace's
 * limit, or SO_RCVBUF's if that was not set, will need (RFC 7323 §2.3), 0 unless @scale.
 */
u32 yoke_conn_first_window(const struct sock *sk, u32 clamp, u16 mss, u32 segs, bool scale, u8 *wscale);
/* After RCV.NXT, MSS or buffer sizes are known: the first windows. */
void yoke_conn_init_buffers(struct sock *sk);
/* A send buffer that nobody fixed grows with cwnd: two windows of segments with what these take. Has it? */
bool yoke_conn_tune_sndbuf(struct sock *sk);
/* The program has read: a receive buffer that nobody fixed grows with the speed of reading. */
void yoke_conn_tune_rcvbuf(struct sock *sk);

#endif
