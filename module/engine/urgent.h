/* SPDX-License-Identifier: GPL-2.0 */
/* Urgent data: a mark in the stream, and the byte before which it stands (RFC 6093). */
#ifndef YOKE_URGENT_H
#define YOKE_URGENT_H

#include "conn.h"

/* What has become of the urgent byte that the peer announced: yoke_sock.urgent. */
enum {
	YOKE_URGENT_NONE,
	YOKE_URGENT_NOTYET,	/* announced, not here */
	YOKE_URGENT_HERE,
	YOKE_URGENT_READ,	/* by MSG_OOB; the mark stands until the stream is read beyond it */
};

/* What the program has written up to now is urgent. Socket lock held, as for all that follows. */
static inline void yoke_urgent_write(struct yoke_sock *ys)
{
	ys->snd_up = ys->write_seq;
	ys->urgent_out = true;
}

/* SND.UNA has moved. */
static inline void yoke_urgent_acked(struct yoke_sock *ys)
{
	if (unlikely(ys->urgent_out) && !yoke_seq_before(ys->snd_una, ys->snd_up))
		ys->urgent_out = false;
}

/* The urgent pointer of a segment that begins at @seq; 0: it has none. */
u16 yoke_urgent_pointer(const struct yoke_sock *ys, u32 seq);

/*
 * The sixth step of RFC 9293 §3.10.7.4, for each segment. @skb has its header, its text begins at
 * @seq; @pointer is its urgent pointer if it has URG, else NULL.
 */
void yoke_urgent_rcv(struct sock *sk, const struct sk_buff *skb, u32 seq, const u16 *pointer);

/* MSG_OOB: the urgent byte. 1, 0 at the end of the stream, or -errno. */
int yoke_urgent_read(struct sock *sk, struct msghdr *msg, size_t len, int flags);
/*
 * The stream is read from *@seq on: how many of @len bytes may be read before the mark. The urgent
 * byte, unless it is in line, is skipped.
 */
size_t yoke_urgent_limit(const struct sock *sk, u32 *seq, size_t len);

/* Does the mark stand before the byte with this number? No lock needed. */
static inline bool yoke_urgent_mark(const struct yoke_sock *ys, u32 seq)
{
	return unlikely(READ_ONCE(ys->urgent)) && READ_ONCE(ys->urg_seq) == seq;
}

/* The program has read on. */
static inline void yoke_urgent_passed(struct yoke_sock *ys)
{
	if (unlikely(ys->urgent) && yoke_seq_after(ys->copied_seq, ys->urg_seq))
		WRITE_ONCE(ys->urgent, YOKE_URGENT_NONE);
}

#endif
