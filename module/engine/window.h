/* SPDX-License-Identifier: GPL-2.0 */
/* The window that the peer is offered, and the buffers. Socket lock held, unless said otherwise. */
#ifndef YOKE_WINDOW_H
#define YOKE_WINDOW_H

#include "conn.h"

/* The largest window to offer over @dst: TCP_WINDOW_CLAMP, @clamp, or else what the route says. */
static inline u32 yoke_window_clamp(u32 clamp, const struct dst_entry *dst)
{
	return clamp != U32_MAX ? clamp : dst_metric(dst, RTAX_WINDOW) ?: U32_MAX;
}

/*
 * The first window to offer with the receive buffer of @sk, which may be the listener, a whole number of
 * @mss, but at most @segs of them if that is not 0, and the shift that its growth to the namespace's
 * limit, or SO_RCVBUF's if that was not set, will need (RFC 7323 §2.3), 0 unless @scale.
 */
u32 yoke_window_first(const struct sock *sk, u32 clamp, u16 mss, u32 segs, bool scale, u8 *wscale);
/* RCV.NXT, MSS and buffers of a connection that begins are known: what its windows go by at first. */
void yoke_window_begin(struct sock *sk);
/* A send buffer that nobody fixed grows with cwnd: two windows of segments with what these take. Has it? */
bool yoke_window_tune_sndbuf(struct sock *sk);
/*
 * The window to advertise in a segment that leaves now, scaled down as the header has it. Never takes
 * back what was given (RFC 9293 SHLD-14).
 */
u16 yoke_window_advertise(struct sock *sk);
/* An ACK now would say that room is short; one sent when the program has read need not. */
bool yoke_window_offers_less(const struct sock *sk);
/*
 * The program has read: a receive buffer that nobody fixed grows with its speed. True if the peer has
 * to hear of it: the window has opened enough (RFC 9293 MUST-39), or there is no more to read, and no
 * answer that would carry the ACK. yoke_conn_clock() goes before.
 */
bool yoke_window_read(struct sock *sk);

#endif
