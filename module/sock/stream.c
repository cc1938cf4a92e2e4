// SPDX-License-Identifier: GPL-2.0
/*
 * The calls on a stream socket that is open: send, receive, poll, ioctl, with TCP's behaviour; and
 * the tables that name all calls.
 *
 * Process context, under the socket lock; poll without it. Owns copied_seq and pushed_seq.
 * RFC 9293 §3.9.1 (SEND, RECEIVE), §3.8.3 (PSH).
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/yoke.h>
#include <asm/ioctls.h>
#include <linux/sockios.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include "../engine/addr.h"
#include "../engine/fastopen.h"
#include "../engine/listen.h"
#include "../engine/output.h"
#include "../engine/rcv.h"
#include "../engine/send.h"
#include "../engine/timer.h"
#include "../engine/urgent.h"
#include "../ip/ip4.h"
#include "../table/mem.h"
#include "open.h"
#include "sockopt.h"
#include "stream.h"

#define STATE(sk)	(1 << (sk)->sk_state)

/* --- sending --- */

static void stream_push(struct sock *sk, enum yoke_push how)
{
	yoke_conn_clock(yoke_sk(sk));
	yoke_send_push(sk, how);
}

/*
 * All that is written so far should reach the reader now: says so in the last segment (RFC 9293
 * §3.9.1.2, MUST-60).
 */
static void stream_mark_push(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb)
		yoke_cb(skb)->flags |= YOKE_PSH;
	ys->pushed_seq = ys->write_seq;
}

/* So much is unpushed that the peer's buffer could fill before its reader wakes. */
static bool stream_push_is_due(const struct yoke_sock *ys)
{
	return yoke_seq_after(ys->write_seq, ys->pushed_seq + (ys->max_window >> 1));
}

/*
 * The buffer to append to: the last one while it has room, or a new one. NULL: there is no memory
 * for it.
 */
static struct sk_buff *stream_tail(struct sock *sk, unsigned int goal)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb && skb->len < goal)
		return skb;
	if (!sk_stream_memory_free(sk))
		return NULL;
	skb = yoke_queue_alloc(sk, sk->sk_allocation);
	if (skb)
		yoke_queue_append(sk, skb);
	return skb;
}

/*
 * Copies what fits into one fragment of @skb. Returns the bytes, 0 if @skb takes no more, -ENOBUFS
 * or -EFAULT.
 */
static int stream_copy_in(struct sock *sk, struct sk_buff *skb, struct msghdr *msg,
			  unsigned int goal)
{
	struct page_frag *pfrag = sk_page_frag(sk);
	int i = skb_shinfo(skb)->nr_frags;
	unsigned int copy;
	bool merge;

	if (!sk_page_frag_refill(sk, pfrag))
		return -ENOBUFS;
	merge = skb_can_coalesce(skb, i, pfrag->page, pfrag->offset);
	if (!merge && i >= MAX_SKB_FRAGS)
		return 0;
	copy = min_t(size_t, msg_data_left(msg), min(goal - skb->len, pfrag->size - pfrag->offset));
	if (!sk_wmem_schedule(sk, copy))
		return -ENOBUFS;
	if (!copy_from_iter_full(page_address(pfrag->page) + pfrag->offset, copy, &msg->msg_iter))
		return -EFAULT;

	if (merge) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], copy);
	} else {
		get_page(pfrag->page);
		skb_fill_page_desc(skb, i, pfrag->page, pfrag->offset, copy);
	}
	pfrag->offset += copy;
	yoke_queue_grow(sk, skb, copy);
	return copy;
}

/* An append failed: the buffer made for it does not stay behind. */
static void stream_drop_empty(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb && !skb->len && !yoke_cb(skb)->flags) {
		__skb_unlink(skb, &sk->sk_write_queue);
		yoke_mem_free_tx(sk, skb);
	}
}

/*
 * One step of writing. Returns the bytes taken, -ENOBUFS if memory must be
 * waited for, or another error.
 */
static int stream_write(struct sock *sk, struct msghdr *msg)
{
	unsigned int goal = yoke_send_goal(sk);
	struct sk_buff *skb;
	int n;

	skb = stream_tail(sk, goal);
	if (!skb)
		return -ENOBUFS;
	n = stream_copy_in(sk, skb, msg, goal);
	if (!n) {
		/* No fragment left: this one is complete, whatever its length. */
		if (!sk_stream_memory_free(sk))
			return -ENOBUFS;
		skb = yoke_queue_alloc(sk, sk->sk_allocation);
		if (!skb)
			return -ENOBUFS;
		yoke_queue_append(sk, skb);
		n = stream_copy_in(sk, skb, msg, goal);
	}
	if (n <= 0)
		return n;
	yoke_cb(skb)->flags &= ~YOKE_PSH;
	/* No segment leaves before it is known where the urgent data ends. */
	if (skb->len < goal || msg->msg_flags & MSG_OOB)
		return n;
	if (stream_push_is_due(yoke_sk(sk))) {
		stream_mark_push(sk);
		stream_push(sk, YOKE_PUSH_ALL);
	} else if (skb == skb_peek(&sk->sk_write_queue)) {
		stream_push(sk, YOKE_PUSH_NAGLE);
	}
	return n;
}

/*
 * MSG_FASTOPEN, which connects, or the first write after a connect() that waited for it: the SYN
 * takes along what it may. *@copied: so many bytes. 0 when the connection stands, or -errno.
 */
static int stream_fastopen(struct sock *sk, struct msghdr *msg, int *copied)
{
	struct yoke_sock *ys = yoke_sk(sk);
	yoke_sockaddr *addr = (yoke_sockaddr *)msg->msg_name;
	unsigned int room;
	struct sk_buff *skb;
	int n, err;

	if (!(READ_ONCE(yoke_net(sock_net(sk))->set.fastopen) & YOKE_FASTOPEN_CLIENT) ||
	    (addr && msg->msg_namelen >= (int)sizeof(addr->sa_family) &&
	     addr->sa_family == AF_UNSPEC))
		return -EOPNOTSUPP;
	if (!ys->syn_deferred) {
		err = yoke_open_defer(sk->sk_socket, addr, msg->msg_namelen);
		if (err)
			return err;
	}
	ys->syn_deferred = false;
	room = min_t(size_t, yoke_send_syn_room(sk), msg_data_left(msg));
	skb = room ? yoke_queue_alloc(sk, sk->sk_allocation) : NULL;
	if (skb) {
		yoke_queue_append(sk, skb);
		n = stream_copy_in(sk, skb, msg, room);
		if (n > 0)
			*copied = n;
		stream_drop_empty(sk);
	}
	err = yoke_send_syn_send(sk, true);
	if (err) {
		yoke_open_disconnect(sk, 0);
		sk->sk_socket->state = SS_UNCONNECTED;
		return err;
	}
	return yoke_open_finish(sk->sk_socket, msg->msg_flags & MSG_DONTWAIT ? O_NONBLOCK : 0);
}

static int stream_may_send(struct sock *sk, struct msghdr *msg, long *timeo)
{
	struct sockcm_cookie cookie;
	int err;

	if (STATE(sk) & ~(TCPF_ESTABLISHED | TCPF_CLOSE_WAIT) && !yoke_sk(sk)->fastopen) {
		err = sk_stream_wait_connect(sk, timeo);
		if (err)
			return sk_stream_error(sk, msg->msg_flags, err);
	}
	if (!msg->msg_controllen)
		return 0;
	sockcm_init(&cookie, sk);
	return sock_cmsg_send(sk, msg, &cookie);
}

/*
 * The program comes back with data when there was none left to send, nor was the path full: what is
 * measured on it until then says nothing of the path.
 */
static void stream_check_limited(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (ys->write_seq - ys->snd_nxt < ys->mss && sk_wmem_alloc_get(sk) < (int)SKB_TRUESIZE(1) &&
	    ys->rec.board.in_flight < ys->cc.cwnd && !ys->rec.board.lost_bytes)
		yoke_rate_app_limited(&ys->rec.rate, ys->rec.board.in_flight);
}

static int stream_send(struct sock *sk, struct msghdr *msg)
{
	int flags = msg->msg_flags, copied = 0, err;
	long timeo = sock_sndtimeo(sk, flags & MSG_DONTWAIT);

	if (unlikely(flags & MSG_FASTOPEN || yoke_sk(sk)->syn_deferred)) {
		err = stream_fastopen(sk, msg, &copied);
		if (err)
			return err == -EINPROGRESS && copied ? copied : sk_stream_error(sk, flags, err);
	}
	err = stream_may_send(sk, msg, &timeo);
	if (err)
		return copied ?: err;
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	stream_check_limited(sk);
	while (msg_data_left(msg) || !copied) {
		err = -EPIPE;
		if (sk->sk_err || (sk->sk_shutdown & SEND_SHUTDOWN))
			break;
		err = 0;
		if (!msg_data_left(msg))
			break;
		err = stream_write(sk, msg);
		if (err > 0) {
			copied += err;
			err = 0;
			continue;
		}
		if (err != -ENOBUFS)
			break;
		stream_drop_empty(sk);
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		if (copied && flags & MSG_OOB)
			yoke_urgent_write(yoke_sk(sk));
		if (copied)
			stream_push(sk, YOKE_PUSH_NAGLE);
		err = sk_stream_wait_memory(sk, &timeo);
		if (err)
			break;
	}
	stream_drop_empty(sk);
	if (copied) {
		if (!(flags & MSG_MORE) || stream_push_is_due(yoke_sk(sk)))
			stream_mark_push(sk);
		if (flags & MSG_OOB)
			yoke_urgent_write(yoke_sk(sk));
		stream_push(sk, flags & MSG_MORE ? YOKE_PUSH_MORE : YOKE_PUSH_NAGLE);
		return copied;
	}
	if (!err)
		return 0;
	/*
	 * Nothing was queued, so nothing will be acknowledged and wake the writer: look again who
	 * may write.
	 */
	if (skb_queue_empty(&sk->sk_write_queue) && err == -EAGAIN)
		sk->sk_write_space(sk);
	return sk_stream_error(sk, flags, err);
}

static int stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t size)
{
	int n;

	lock_sock(sock->sk);
	n = stream_send(sock->sk, msg);
	release_sock(sock->sk);
	return n;
}

/* --- receiving --- */

static u32 stream_data_len(const struct sk_buff *skb)
{
	const struct yoke_cb *cb = yoke_cb(skb);

	return cb->seg.end_seq - cb->seg.seq - !!(cb->flags & YOKE_FIN);
}

/* The received segment that @seq is in, its FIN counted; NULL: not here yet. */
static struct sk_buff *stream_find(struct sock *sk, u32 seq)
{
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb)
		if (yoke_seq_before(seq, yoke_cb(skb)->seg.end_seq))
			return skb;
	return NULL;
}

static void stream_eat(struct sock *sk, struct sk_buff *skb)
{
	__skb_unlink(skb, &sk->sk_receive_queue);
	consume_skb(skb);
}

/* Copies from the segment @seq is in and moves *@seq on. Returns the bytes, or -EFAULT. */
static int stream_copy_out(struct sock *sk, struct sk_buff *skb, struct msghdr *msg,
			   size_t want, int flags, u32 *seq)
{
	u32 offset = *seq - yoke_cb(skb)->seg.seq, len = stream_data_len(skb);
	int n = 0;

	if (offset < len) {
		n = min_t(size_t, want, len - offset);
		if (!(flags & MSG_TRUNC) && skb_copy_datagram_msg(skb, offset, msg, n))
			return -EFAULT;
		WRITE_ONCE(*seq, *seq + n);
		offset += n;
	}
	if (offset < len)
		return n;
	if (yoke_cb(skb)->flags & YOKE_FIN)
		WRITE_ONCE(*seq, *seq + 1);
	if (!(flags & MSG_PEEK))
		stream_eat(sk, skb);
	return n;
}

/* Nothing to copy: is that the end of the call? 1: yes, as it stands; -errno: yes, so; 0: wait. */
static int stream_stop(struct sock *sk, bool some, long timeo)
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

static void stream_window_update(struct sock *sk)
{
	yoke_conn_clock(yoke_sk(sk));
	yoke_output_window_update(sk);
}

static int stream_recv(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct yoke_sock *ys = yoke_sk(sk);
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	size_t target = sock_rcvlowat(sk, flags & MSG_WAITALL, len), copied = 0;
	u32 peek_seq = ys->copied_seq, begin = peek_seq;
	u32 *seq = flags & MSG_PEEK ? &peek_seq : &ys->copied_seq;
	struct sk_buff *skb;
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
		skb = stream_find(sk, *seq);
		if (skb) {
			bool last = yoke_cb(skb)->flags & YOKE_FIN;
			size_t want = len - copied;

			if (unlikely(ys->urgent))
				want = yoke_urgent_limit(sk, seq, want);
			n = stream_copy_out(sk, skb, msg, want, flags, seq);
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
		if (copied >= target && !READ_ONCE(sk->sk_backlog.tail))
			break;
		err = stream_stop(sk, copied, timeo);
		if (err)
			break;
		if (copied >= target) {
			sk_flush_backlog(sk);
			continue;
		}
		if (!(flags & MSG_PEEK))
			stream_window_update(sk);
		err = sk_wait_data(sk, &timeo, skb_peek_tail(&sk->sk_receive_queue));
		if (err < 0)
			break;
		/* Another thread has read meanwhile what we peeked at. */
		if ((flags & MSG_PEEK) && ys->copied_seq != begin)
			begin = peek_seq = ys->copied_seq;
	} while (copied < len);

	if (!(flags & MSG_PEEK)) {
		yoke_conn_clock(ys);
		yoke_conn_tune_rcvbuf(sk);
		yoke_output_window_update(sk);
	}
	return copied ?: min(err, 0);
}

/* TCP_INQ: how much more there is, or that the end of the stream is. */
static void stream_tell_inq(struct sock *sk, struct msghdr *msg)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	int n;

	if (likely(!ys->tell_inq && !msg->msg_get_inq))
		return;
	n = max_t(int, READ_ONCE(ys->rcv_nxt) - READ_ONCE(ys->copied_seq), 0);
	if (!n && sock_flag(sk, SOCK_DONE))
		n = 1;
	if (msg->msg_get_inq)
		msg->msg_inq = n;
	if (ys->tell_inq)
		put_cmsg(msg, SOL_TCP, TCP_CM_INQ, sizeof(n), &n);
}

static int stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct sock *sk = sock->sk;
	int err;

	if (unlikely(flags & MSG_ERRQUEUE))
		return inet_recv_error(sk, msg, len);
	lock_sock(sk);
	if (sk->sk_state == TCP_LISTEN)
		err = -ENOTCONN;
	else if (flags & MSG_OOB)
		err = yoke_urgent_read(sk, msg, len, flags);
	else
		err = stream_recv(sk, msg, len, flags);
	if (err >= 0 && !(flags & MSG_OOB))
		stream_tell_inq(sk, msg);
	release_sock(sk);
	return err;
}

/* --- waiting, asking --- */

/* Room for a writer? If not, he is to be woken. */
static bool stream_is_writable(struct sock *sk)
{
	if (__sk_stream_is_writeable(sk, 1))
		return true;
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/* Room that was made before the flags could be seen: the waker has not looked for us. */
	smp_mb__after_atomic();
	return __sk_stream_is_writeable(sk, 1);
}

static __poll_t stream_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct sock *sk = sock->sk;
	const struct yoke_sock *ys = yoke_sk(sk);
	__poll_t mask = 0;
	int state, target;
	u8 shutdown;

	sock_poll_wait(file, sock, wait);
	state = inet_sk_state_load(sk);
	if (state == TCP_LISTEN)
		return yoke_listen_ready(sk) ? EPOLLIN | EPOLLRDNORM : 0;

	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown == SHUTDOWN_MASK || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (!yoke_conn_opening(sk)) {
		target = sock_rcvlowat(sk, 0, INT_MAX);
		/* The urgent byte itself is not there to be read. */
		if (yoke_urgent_mark(ys, READ_ONCE(ys->copied_seq)) &&
		    !sock_flag(sk, SOCK_URGINLINE))
			target++;
		if (yoke_conn_readable(sk, target))
			mask |= EPOLLIN | EPOLLRDNORM;
		if (unlikely(READ_ONCE(ys->urgent) == YOKE_URGENT_HERE))
			mask |= EPOLLPRI;
		if ((shutdown & SEND_SHUTDOWN) || stream_is_writable(sk))
			mask |= EPOLLOUT | EPOLLWRNORM;
	}
	/* The first data goes with the SYN. */
	if (state == TCP_SYN_SENT && ys->syn_deferred)
		mask |= EPOLLOUT | EPOLLWRNORM;
	/* An error is reported after the state it led to. */
	smp_rmb();
	if (READ_ONCE(sk->sk_err) || !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}

static int stream_readable_bytes(struct sock *sk)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	int n;

	if (STATE(sk) & (TCPF_SYN_SENT | TCPF_SYN_RECV))
		return 0;
	if (ys->urgent && !sock_flag(sk, SOCK_URGINLINE) &&
	    !yoke_seq_before(ys->urg_seq, ys->copied_seq) &&
	    yoke_seq_before(ys->urg_seq, ys->rcv_nxt))
		return ys->urg_seq - ys->copied_seq;
	n = ys->rcv_nxt - ys->copied_seq;
	/* The FIN has a number, but is no byte. */
	return n > 0 && ys->fin_received ? n - 1 : n;
}

static int stream_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct sock *sk = sock->sk;
	const struct yoke_sock *ys = yoke_sk(sk);
	bool opening;
	int n = 0;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ && cmd != SIOCOUTQNSD && cmd != SIOCATMARK)
		return inet_ioctl(sock, cmd, arg);
	lock_sock(sk);
	opening = STATE(sk) & (TCPF_SYN_SENT | TCPF_SYN_RECV);
	if (sk->sk_state == TCP_LISTEN && cmd != SIOCATMARK)
		n = -EINVAL;
	else if (cmd == SIOCATMARK)
		n = yoke_urgent_mark(ys, ys->copied_seq);
	else if (cmd == SIOCINQ)
		n = stream_readable_bytes(sk);
	else if (cmd == SIOCOUTQ && !opening)
		n = ys->write_seq - ys->snd_una;
	else if (cmd == SIOCOUTQNSD && !opening)
		n = ys->write_seq - ys->snd_nxt;
	release_sock(sk);
	return n < 0 ? n : put_user(n, (int __user *)arg);
}

/* TCP_NOTSENT_LOWAT: who writes more than that ahead of what has left waits. */
static bool stream_memory_free(const struct sock *sk, int wake)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	u32 notsent = READ_ONCE(ys->write_seq) - READ_ONCE(ys->snd_nxt);
	u32 lowat = READ_ONCE(ys->notsent_lowat) ?:
		    READ_ONCE(yoke_net(sock_net(sk))->set.notsent_lowat);

	return notsent << wake < lowat;
}

static int stream_set_rcvlowat(struct sock *sk, int val)
{
	int most = sk->sk_userlocks & SOCK_RCVBUF_LOCK ? sk->sk_rcvbuf >> 1 :
		   READ_ONCE(yoke_net(sock_net(sk))->set.rmem[2]) >> 1;

	val = min(val, most);
	WRITE_ONCE(sk->sk_rcvlowat, val ?: 1);
	/* What has arrived may be enough now. */
	if (yoke_conn_readable(sk, sk->sk_rcvlowat))
		sk->sk_data_ready(sk);
	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		return 0;
	val <<= 1;
	if (val > sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, val);
	return 0;
}

/* --- the socket type --- */

static int stream_init(struct sock *sk)
{
	yoke_conn_init(sk);
	yoke_timer_init(sk);
	inet_sk(sk)->uc_ttl = -1;
	inet_sk(sk)->mc_ttl = 1;
	inet_sk(sk)->pmtudisc = READ_ONCE(sock_net(sk)->ipv4.sysctl_ip_no_pmtu_disc) ?
				IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
	sk->sk_backlog_rcv = yoke_rcv_backlog;
	yoke_sk(sk)->af = &yoke_ip4;	/* until its peer is known */
	yoke_sk(sk)->node.pair.laddr = yoke_addr_any(sk);
	return 0;
}

static void stream_keepalive(struct sock *sk, int on)
{
	yoke_timer_keepalive(sk, on);
}

static int stream_rmem_least = PAGE_SIZE, stream_wmem_least = PAGE_SIZE;

struct proto yoke_stream_proto = {
	.name			= "YOKE",
	.owner			= THIS_MODULE,
	.init			= stream_init,
	.close			= yoke_open_close,
	.disconnect		= yoke_open_disconnect,
	.shutdown		= yoke_open_shutdown,
	.keepalive		= stream_keepalive,
	.get_port		= yoke_open_get_port,
	.put_port		= yoke_open_put_port,
	.release_cb		= yoke_timer_release,
	.enter_memory_pressure	= yoke_mem_enter_pressure,
	.leave_memory_pressure	= yoke_mem_leave_pressure,
	.stream_memory_free	= stream_memory_free,
	.memory_allocated	= &yoke_mem_allocated,
	.memory_pressure	= &yoke_mem_pressure,
	.sockets_allocated	= &yoke_mem_sockets,
	.sysctl_mem		= yoke_mem_limits,
	.sysctl_rmem		= &stream_rmem_least,
	.sysctl_wmem		= &stream_wmem_least,
	.max_header		= YOKE_HEADER_MAX + MAX_HEADER,
	.obj_size		= sizeof(struct yoke_sock),
	.no_autobind		= true,
};

YOKE_COMPAT_ACCEPT(yoke_open_accept)

const struct proto_ops yoke_stream_ops = {
	.family		= PF_YOKE,
	.owner		= THIS_MODULE,
	.release	= yoke_addr_release,
	.bind		= yoke_addr_bind,
	.connect	= yoke_open_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= YOKE_COMPAT_OP(yoke_open_accept),
	.getname	= yoke_addr_getname,
	.poll		= stream_poll,
	.ioctl		= stream_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= yoke_open_listen,
	.shutdown	= inet_shutdown,
	.setsockopt	= yoke_sockopt_stream_set,
	.getsockopt	= yoke_sockopt_stream_get,
	.sendmsg	= stream_sendmsg,
	.recvmsg	= stream_recvmsg,
	.mmap		= sock_no_mmap,
	.set_rcvlowat	= stream_set_rcvlowat,
};
