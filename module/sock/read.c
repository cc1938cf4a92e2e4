// SPDX-License-Identifier: GPL-2.0
/*
 * What a program reads from a stream: copied, its pages handed on (splice), or by TCP's call that maps
 * them (TCP_ZEROCOPY_RECEIVE).
 *
 * Process context, under the socket lock. Owns copied_seq.
 * RFC 9293 §3.9.1 (RECEIVE).
 */
#include <linux/mm.h>
#include <linux/uio.h>
#include <net/busy_poll.h>
#include <net/inet_common.h>
#include "../engine/output.h"
#include "../engine/urgent.h"
#include "read.h"
#include "repair.h"

int yoke_read_bytes(struct sock *sk)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	int n;

	if (yoke_conn_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV))
		return 0;
	if (ys->urgent && !sock_flag(sk, SOCK_URGINLINE) &&
	    !yoke_seq_before(ys->urg_seq, ys->copied_seq) &&
	    yoke_seq_before(ys->urg_seq, ys->rcv_nxt))
		return ys->urg_seq - ys->copied_seq;
	n = ys->rcv_nxt - ys->copied_seq;
	/* The FIN has a number, but is no byte. */
	return n > 0 && ys->fin_received ? n - 1 : n;
}

/* Bytes of text: a FIN has a number, but is none. */
static u32 read_len(const struct sk_buff *skb)
{
	const struct yoke_cb *cb = yoke_cb(skb);

	return cb->seg.end_seq - cb->seg.seq - !!(cb->flags & YOKE_FIN);
}

/* The received segment that @seq is in, its FIN counted, from @skb on; NULL: not here yet. */
static struct sk_buff *read_find_from(struct sock *sk, struct sk_buff *skb, u32 seq)
{
	skb_queue_walk_from(&sk->sk_receive_queue, skb)
		if (yoke_seq_before(seq, yoke_cb(skb)->seg.end_seq))
			return skb;
	return NULL;
}

static struct sk_buff *read_find(struct sock *sk, u32 seq)
{
	return read_find_from(sk, sk->sk_receive_queue.next, seq);
}

static void read_eat(struct sock *sk, struct sk_buff *skb)
{
	__skb_unlink(skb, &sk->sk_receive_queue);
	consume_skb(skb);
}

/*
 * @n bytes of @skb, from *@seq on, are taken, or looked at: *@seq moves on, over a FIN behind them
 * too.
 */
static void read_took(struct sock *sk, struct sk_buff *skb, int n, int flags, u32 *seq)
{
	u32 end = *seq + n;

	WRITE_ONCE(*seq, end);
	if (end - yoke_cb(skb)->seg.seq < read_len(skb))
		return;
	if (yoke_cb(skb)->flags & YOKE_FIN)
		WRITE_ONCE(*seq, end + 1);
	if (!(flags & MSG_PEEK))
		read_eat(sk, skb);
}

/* Copies from the segment @seq is in and moves *@seq on. Returns the bytes, or -EFAULT. */
static int read_copy(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, size_t want,
		     int flags, u32 *seq)
{
	u32 offset = *seq - yoke_cb(skb)->seg.seq, len = read_len(skb);
	int n = 0;

	if (offset < len) {
		n = min_t(size_t, want, len - offset);
		if (!(flags & MSG_TRUNC) && skb_copy_datagram_msg(skb, offset, msg, n))
			return -EFAULT;
	}
	read_took(sk, skb, n, flags, seq);
	return n;
}

/* Nothing to copy: is that the end of the call? 1: yes, as it stands; -errno: yes, so; 0: wait. */
static int read_stop(struct sock *sk, bool some, long timeo)
{
	if (some)
		return !timeo || sk->sk_err || sk->sk_state == TCP_CLOSE ||
		       (sk->sk_shutdown & RCV_SHUTDOWN) || signal_pending(current);
	if (sock_flag(sk, SOCK_DONE))
		return 1;
	if (sk->sk_err)
		return sock_error(sk);
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return 1;
	if (sk->sk_state == TCP_CLOSE)
		return -ENOTCONN;
	if (!timeo)
		return -EAGAIN;
	return signal_pending(current) ? sock_intr_errno(timeo) : 0;
}

/* SO_TIMESTAMP, SO_TIMESTAMPING: keeps the last segment with a time, which the call tells of. */
static void read_stamp(const struct sock *sk, struct sk_buff *skb, struct sk_buff **stamped)
{
	if (likely(!sock_flag(sk, SOCK_RCVTSTAMP) && !READ_ONCE(sk->sk_tsflags)) ||
	    (!skb->tstamp && !skb_hwtstamps(skb)->hwtstamp))
		return;
	consume_skb(*stamped);
	*stamped = skb_get(skb);
}

/* Sleeps until there is something behind @last; as sk_wait_data(). */
static int read_wait(struct sock *sk, long *timeo, const struct sk_buff *last)
{
	struct yoke_sock *ys = yoke_sk(sk);
	int err;

	yoke_output_quick(sk);
	ys->reading = true;
	err = sk_wait_data(sk, timeo, last);
	ys->reading = false;
	return err;
}

/*
 * Nothing to copy after @copied bytes of at least @target: sleeps for more, if the call is not over. 1: it
 * is, as it stands; -errno: it is, so; 0: there may be more.
 */
static int read_more(struct sock *sk, size_t copied, size_t target, int flags, long *timeo)
{
	int err;

	if (copied >= target && !READ_ONCE(sk->sk_backlog.tail))
		return 1;
	err = read_stop(sk, copied, *timeo);
	if (err)
		return err;
	if (copied >= target) {
		sk_flush_backlog(sk);
		return 0;
	}
	/* The peer may be waiting for what was read to make room. */
	if (copied && !(flags & MSG_PEEK))
		yoke_output_window_update(sk);
	err = read_wait(sk, timeo, skb_peek_tail(&sk->sk_receive_queue));
	return min(err, 0);
}

/* Up to @len bytes, read or only looked at (MSG_PEEK). Returns how many, or -errno; @stamped: read_stamp(). */
static int read_into(struct sock *sk, struct msghdr *msg, size_t len, int flags,
		     struct sk_buff **stamped)
{
	u32 ahead = max(sk_peek_offset(sk, flags), 0);
	struct yoke_sock *ys = yoke_sk(sk);
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	size_t target = sock_rcvlowat(sk, flags & MSG_WAITALL, len), copied = 0;
	u32 begin = ys->copied_seq, peek_seq = begin + ahead;
	u32 *seq = flags & MSG_PEEK ? &peek_seq : &ys->copied_seq;
	struct sk_buff *skb, *peeked = NULL;
	int err = 0, n;

	do {
		/* What is before the mark and what is behind it are read apart. */
		if (yoke_urgent_mark(ys, *seq)) {
			if (copied)
				break;
			if (signal_pending(current)) {
				err = timeo ? sock_intr_errno(timeo) : -EAGAIN;
				break;
			}
		}
		/* A peek goes on where it was, or a long one would pass all that it has seen each time. */
		skb = peeked ? read_find_from(sk, peeked, *seq) : read_find(sk, *seq);
		peeked = flags & MSG_PEEK ? skb : NULL;
		if (skb) {
			bool last = yoke_cb(skb)->flags & YOKE_FIN;
			size_t want = len - copied;

			if (unlikely(ys->urgent))
				want = yoke_urgent_limit(sk, seq, want);
			read_stamp(sk, skb, stamped);
			n = read_copy(sk, skb, msg, want, flags, seq);
			if (n < 0) {
				err = n;
				break;
			}
			copied += n;
			yoke_urgent_passed(ys);
			if (last && copied < len)
				break;
			continue;
		}
		err = read_more(sk, copied, target, flags, &timeo);
		if (err)
			break;
		/* Another thread has read meanwhile what we peeked at. */
		if ((flags & MSG_PEEK) && ys->copied_seq != begin) {
			begin = ys->copied_seq;
			peek_seq = begin + ahead;
		}
	} while (copied < len);

	if (flags & MSG_PEEK) {
		sk_peek_offset_fwd(sk, copied);
	} else {
		sk_peek_offset_bwd(sk, copied);
		if (copied)
			yoke_output_window_update(sk);
	}
	return copied ?: min(err, 0);
}

int yoke_read_inq(const struct sock *sk)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	int n = max_t(int, READ_ONCE(ys->rcv_nxt) - READ_ONCE(ys->copied_seq), 0);

	return n || !sock_flag(sk, SOCK_DONE) ? n : 1;
}

static void read_tell_inq(struct sock *sk, struct msghdr *msg)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	int n;

	if (likely(!ys->tell_inq && !msg->msg_get_inq))
		return;
	n = yoke_read_inq(sk);
	if (msg->msg_get_inq)
		msg->msg_inq = n;
	if (ys->tell_inq)
		put_cmsg(msg, SOL_TCP, TCP_CM_INQ, sizeof(n), &n);
}

int yoke_read(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct yoke_sock *ys = yoke_sk(sock->sk);
	struct sk_buff *stamped = NULL;
	struct sock *sk = sock->sk;
	int err;

	if (unlikely(flags & MSG_ERRQUEUE))
		return inet_recv_error(sk, msg, len);
	if (sk_can_busy_loop(sk) && sk->sk_state == TCP_ESTABLISHED &&
	    skb_queue_empty_lockless(&sk->sk_receive_queue))
		sk_busy_loop(sk, flags & MSG_DONTWAIT);
	lock_sock(sk);
	if (sk->sk_state == TCP_LISTEN)
		err = -ENOTCONN;
	else if (flags & MSG_OOB)
		err = yoke_urgent_read(sk, msg, len, flags);
	else if (unlikely(ys->repair) &&
		 !(ys->repair_queue == TCP_RECV_QUEUE && flags & MSG_PEEK))
		err = yoke_repair_peek(sk, msg, flags);
	else
		err = read_into(sk, msg, len, flags, &stamped);
	/* As from TCP the time first: there may be room for one of the two only. */
	if (unlikely(stamped)) {
		if (err >= 0)
			sock_recv_timestamp(msg, sk, stamped);
		consume_skb(stamped);	/* the socket gets its memory back: locked */
	}
	if (err >= 0)
		read_tell_inq(sk, msg);
	release_sock(sk);
	return err;
}

/* What has arrived up to @len bytes: its pages go into @pipe. Returns the bytes, or -errno. */
static int read_splice_some(struct sock *sk, struct pipe_inode_info *pipe, size_t len,
			    unsigned int flags)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb;
	int done = 0, n = 0;

	while (len && !yoke_urgent_mark(ys, ys->copied_seq) && (skb = read_find(sk, ys->copied_seq))) {
		bool last = yoke_cb(skb)->flags & YOKE_FIN;
		size_t most = len;
		u32 offset;

		if (unlikely(ys->urgent))
			most = yoke_urgent_limit(sk, &ys->copied_seq, len);
		offset = ys->copied_seq - yoke_cb(skb)->seg.seq;
		most = min_t(size_t, most, read_len(skb) - offset);
		n = most ? skb_splice_bits(skb, sk, offset, pipe, most, flags) : 0;
		if (n < 0 || (most && !n))
			break;
		read_took(sk, skb, n, 0, &ys->copied_seq);
		yoke_urgent_passed(ys);
		done += n;
		len -= n;
		if (n < (int)most || last)
			break;
	}
	if (done) {
		sk_peek_offset_bwd(sk, done);
		yoke_output_window_update(sk);
	}
	return done ?: min(n, 0);
}

ssize_t yoke_read_splice(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			 size_t len, unsigned int flags)
{
	struct sock *sk = sock->sk;
	ssize_t done = 0;
	int err = 0;
	long timeo;

	lock_sock(sk);
	timeo = sock_rcvtimeo(sk, sock->file->f_flags & O_NONBLOCK);
	if (sk->sk_state == TCP_LISTEN)
		err = -ENOTCONN;
	while (!err && len) {
		err = read_splice_some(sk, pipe, len, flags);
		if (err < 0)
			break;
		done += err;
		len -= err;
		if (done) {
			/* What is there is better than what may come. */
			if (!err || !len || !timeo)
				break;
			release_sock(sk);
			lock_sock(sk);
			err = read_stop(sk, true, timeo);
			continue;
		}
		err = read_stop(sk, false, timeo);
		/* Before an urgent byte lies nothing: that is read otherwise. */
		if (err || read_find(sk, yoke_sk(sk)->copied_seq))
			break;
		yoke_output_window_update(sk);
		err = read_wait(sk, &timeo, NULL);
		err = min(err, 0);
	}
	release_sock(sk);
	return done ?: min(err, 0);
}

/* --- TCP_ZEROCOPY_RECEIVE --- */

/*
 * TCP maps what came as whole pages, from a card that parts headers from data. None does so for Yoke:
 * the program is told to read it all, or has it copied where it said, and the area stays empty.
 */
static const struct vm_operations_struct read_area_ops = { };

int yoke_read_mmap(struct file *file, struct socket *sock, struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EPERM;
	vm_flags_clear(vma, VM_MAYWRITE | VM_MAYEXEC);
	vma->vm_ops = &read_area_ops;
	return 0;
}

static bool read_is_area(unsigned long address)
{
	struct vm_area_struct *vma;
	bool ours;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, address);
	ours = vma && vma->vm_ops == &read_area_ops;
	mmap_read_unlock(current->mm);
	return ours;
}

int yoke_read_zerocopy(struct sock *sk, struct tcp_zerocopy_receive *zc)
{
	int room = zc->copybuf_len, inq = yoke_read_bytes(sk), n;
	u64 area = zc->address, copy = zc->copybuf_address;
	struct sk_buff *stamped = NULL;
	struct msghdr msg = { };

	zc->copybuf_len = 0;
	zc->msg_flags = 0;
	if (area != (unsigned long)area || !PAGE_ALIGNED(area))
		return -EINVAL;
	if (sk->sk_state == TCP_LISTEN)
		return -ENOTCONN;
	if (inq >= (int)PAGE_SIZE && inq > room && !read_is_area(area))
		return -EINVAL;
	zc->length = 0;
	zc->recv_skip_hint = inq;
	if (!inq)
		return sock_flag(sk, SOCK_DONE) ? -EIO : 0;
	if (room <= 0 || (inq < (int)PAGE_SIZE && inq > room))	/* of less than a page all or nothing */
		return 0;
	n = min(room, inq);
	if (copy != (unsigned long)copy)
		return -EINVAL;
	if (!access_ok((void __user *)copy, n))
		return -EFAULT;
	iov_iter_ubuf(&msg.msg_iter, ITER_DEST, (void __user *)copy, n);
	n = read_into(sk, &msg, n, MSG_DONTWAIT, &stamped);
	consume_skb(stamped);
	if (n < 0)
		return n;
	zc->copybuf_len = n;
	zc->recv_skip_hint -= n;
	return 0;
}
