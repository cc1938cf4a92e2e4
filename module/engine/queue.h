/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The buffers of the send side: sk_write_queue (not sent yet) and yoke_sock.rtx (sent, not
 * acknowledged). Socket lock held.
 */
#ifndef YOKE_QUEUE_H
#define YOKE_QUEUE_H

#include "../table/spare.h"
#include "conn.h"

/*
 * A buffer without data, charged to @sk; NULL if there is no memory. Data goes into page fragments.
 */
struct sk_buff *yoke_queue_alloc(struct sock *sk, gfp_t gfp);
/*
 * Appends @skb (of yoke_queue_alloc) to the write queue; its sequence numbers start at write_seq.
 */
void yoke_queue_append(struct sock *sk, struct sk_buff *skb);
/* @bytes of data are charged to @sk, for a buffer whose truesize has them. */
void yoke_queue_charge(struct sock *sk, unsigned int bytes);
/* @bytes were added to the fragments of @skb, the tail of the write queue, and charged. */
void yoke_queue_grow(struct sock *sk, struct sk_buff *skb, unsigned int bytes);
/*
 * Cuts @skb (on @queue) behind its first @len bytes; what follows becomes a buffer of its own
 * behind it. 0 or -ENOMEM.
 */
int yoke_queue_split(struct sock *sk, struct sk_buff_head *queue, struct sk_buff *skb,
		     unsigned int len);
/*
 * What was sent takes so much more memory than the program was granted that it is cut no further but
 * where nothing would be sent otherwise: a peer decides by its SACKs how small the pieces are, and
 * each is a buffer (CVE-2019-11478). The bound is TCP's.
 */
static inline bool yoke_queue_is_splintered(const struct sock *sk)
{
	return sk->sk_wmem_queued / 2 > READ_ONCE(sk->sk_sndbuf) + 2 * SKB_TRUESIZE(GSO_LEGACY_MAX_SIZE);
}

/*
 * Makes @skb, whose clone may still be under way, ours alone, and cuts off
 * acknowledged bytes. 0 or -ENOMEM.
 */
int yoke_queue_own(struct sock *sk, struct sk_buff *skb);

/*
 * The byte of a buffer that SO_TIMESTAMPING follows, and what the program knows it by: its distance
 * from where the counting began (SOF_TIMESTAMPING_OPT_ID).
 */
static inline u32 yoke_queue_stamp_key(const struct sock *sk, u32 seq)
{
	return seq - yoke_sk(sk)->stamps_from;
}

static inline u32 yoke_queue_stamp_seq(const struct sock *sk, const struct sk_buff *skb)
{
	return skb_shinfo(skb)->tskey + yoke_sk(sk)->stamps_from;
}

/* The counting begins with what is written next. What is queued is the same bytes still. */
void yoke_queue_count_stamps(struct sock *sk);

#endif
