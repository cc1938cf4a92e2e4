/* SPDX-License-Identifier: GPL-2.0 */
/* The children of a listener: from the handshake's last segment to accept(2). */
#ifndef YOKE_CHILD_H
#define YOKE_CHILD_H

#include "request.h"

/*
 * The handshake of @req is complete: @skb, whose IP header had @ecn, is its last ACK, and may carry
 * data. A child in ESTABLISHED takes it; without room, memory or a way back @skb is dropped. Consumes
 * @skb; but false, and it is left, if @req is no more: look again. RCU, BH off, no lock held.
 */
bool yoke_child_complete(struct net *net, struct yoke_request *req, struct sk_buff *skb, u8 ecn);
/*
 * Fast Open: @skb, the SYN @s, opens the connection. A child in SYN-RECEIVED, which may be accepted,
 * read from and written to, takes it, and its SYN-ACK brings the cookie of @answer. Consumes @skb;
 * but false, and it is left, if that cannot be: then it is a SYN like others. RCU, BH off, no lock
 * held.
 */
bool yoke_child_fastopen(struct sock *sk, struct sk_buff *skb, const struct yoke_segment *s,
			 const struct yoke_rx *rx, struct yoke_opt *answer);
/* Takes the first child off the queue, or NULL. Socket locked. */
struct sock *yoke_child_dequeue(struct sock *sk);
/* Is there one? */
static inline bool yoke_child_ready(const struct sock *sk)
{
	return !hlist_empty(&yoke_sk(sk)->listener->queue);
}

#endif
