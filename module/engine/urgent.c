// SPDX-License-Identifier: GPL-2.0
/*
 * Urgent data, as programs know it from TCP: the last byte of what was sent urgently can be read
 * apart from the stream, in which it leaves a mark.
 *
 * Owns: snd_up, urgent_out, urg_seq, urgent, urg_byte. Under the socket lock; who asks where the
 * mark is needs none.
 * RFC 9293 §3.8.5, §3.10.7.4 (sixth step); RFC 6093: the pointer names the byte after the urgent
 * one, as everybody does it, not that byte itself (RFC 1122; net.yoke.stdurg).
 */
#include "urgent.h"

u16 yoke_urgent_pointer(const struct yoke_sock *ys, u32 seq)
{
	u32 ahead = ys->snd_up - seq;

	if (likely(!ys->urgent_out) || !yoke_seq_before(seq, ys->snd_up))
		return 0;
	if (ahead <= U16_MAX)
		return ahead;
	/* Too far for the field: the newest segment says "somewhere ahead", older ones nothing. */
	return yoke_seq_after(seq + U16_MAX, ys->snd_nxt) ? U16_MAX : 0;
}

/* The urgent byte before was not read apart, and is next in the stream: now it never will be. */
static void urgent_skip(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);

	if (!ys->urgent || sock_flag(sk, SOCK_URGINLINE) || ys->urg_seq != ys->copied_seq ||
	    ys->copied_seq == ys->rcv_nxt)
		return;
	WRITE_ONCE(ys->copied_seq, ys->copied_seq + 1);
	if (skb && !yoke_seq_before(ys->copied_seq, yoke_cb(skb)->seg.end_seq)) {
		__skb_unlink(skb, &sk->sk_receive_queue);
		consume_skb(skb);
	}
}

/* The peer says that the byte @seq is urgent. */
static void urgent_announced(struct sock *sk, u32 seq)
{
	struct yoke_sock *ys = yoke_sk(sk);

	/* Old news, be it read or not. */
	if (yoke_seq_after(ys->copied_seq, seq) || yoke_seq_before(seq, ys->rcv_nxt) ||
	    (ys->urgent && !yoke_seq_after(seq, ys->urg_seq)))
		return;
	sk_send_sigurg(sk);
	urgent_skip(sk);
	WRITE_ONCE(ys->urg_seq, seq);
	WRITE_ONCE(ys->urgent, YOKE_URGENT_NOTYET);
}

void yoke_urgent_rcv(struct sock *sk, const struct sk_buff *skb, u32 seq, const u16 *pointer)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 at;

	if (pointer)
		urgent_announced(sk, seq + *pointer -
				 (*pointer && !READ_ONCE(yoke_net(sock_net(sk))->set.stdurg)));
	if (ys->urgent != YOKE_URGENT_NOTYET)
		return;
	at = ys->urg_seq - seq;
	if (at >= skb->len - tcp_hdrlen(skb) ||
	    skb_copy_bits(skb, tcp_hdrlen(skb) + at, &ys->urg_byte, 1))
		return;
	WRITE_ONCE(ys->urgent, YOKE_URGENT_HERE);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}

int yoke_urgent_read(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (sock_flag(sk, SOCK_URGINLINE) || ys->urgent == YOKE_URGENT_NONE ||
	    ys->urgent == YOKE_URGENT_READ)
		return -EINVAL;
	if (sk->sk_state == TCP_CLOSE && !sock_flag(sk, SOCK_DONE))
		return -ENOTCONN;
	if (ys->urgent == YOKE_URGENT_NOTYET)
		return sk->sk_state == TCP_CLOSE || sk->sk_shutdown & RCV_SHUTDOWN ? 0 : -EAGAIN;

	if (!(flags & MSG_PEEK))
		WRITE_ONCE(ys->urgent, YOKE_URGENT_READ);
	msg->msg_flags |= MSG_OOB;
	if (!len) {
		msg->msg_flags |= MSG_TRUNC;
		return 0;
	}
	if (!(flags & MSG_TRUNC) && memcpy_to_msg(msg, &ys->urg_byte, 1))
		return -EFAULT;
	return 1;
}

size_t yoke_urgent_limit(const struct sock *sk, u32 *seq, size_t len)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	u32 ahead = ys->urg_seq - *seq;

	if (!ys->urgent || ahead >= len)
		return len;
	if (ahead)
		return ahead;
	if (!sock_flag(sk, SOCK_URGINLINE))
		WRITE_ONCE(*seq, *seq + 1);
	return len;
}
