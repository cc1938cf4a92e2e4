// SPDX-License-Identifier: GPL-2.0
/*
 * The calls on a stream socket that is open: receive, poll, ioctl, with TCP's behaviour; and the
 * tables that name all calls.
 *
 * Process context, under the socket lock; poll without it. Owns copied_seq.
 * RFC 9293 §3.9.1 (RECEIVE).
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/yoke.h>
#include <asm/ioctls.h>
#include <linux/sockios.h>
#include <net/busy_poll.h>
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
#include "repair.h"
#include "write.h"
#include "sockopt.h"
#include "stream.h"

#define STATE(sk)	(1 << (sk)->sk_state)

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

/*
 * @n bytes of @skb, from *@seq on, are taken, or looked at: *@seq moves on, over a FIN behind them
 * too.
 */
static void stream_took(struct sock *sk, struct sk_buff *skb, int n, int flags, u32 *seq)
{
	u32 end = *seq + n;

	WRITE_ONCE(*seq, end);
	if (end - yoke_cb(skb)->seg.seq < stream_data_len(skb))
		return;
	if (yoke_cb(skb)->flags & YOKE_FIN)
		WRITE_ONCE(*seq, end + 1);
	if (!(flags & MSG_PEEK))
		stream_eat(sk, skb);
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
	}
	stream_took(sk, skb, n, flags, seq);
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

/* SO_TIMESTAMP, SO_TIMESTAMPING: keeps the last segment with a time, which the call tells of. */
static void stream_stamp(const struct sock *sk, struct sk_buff *skb, struct sk_buff **stamped)
{
	if (likely(!sock_flag(sk, SOCK_RCVTSTAMP) && !READ_ONCE(sk->sk_tsflags)) ||
	    (!skb->tstamp && !skb_hwtstamps(skb)->hwtstamp))
		return;
	consume_skb(*stamped);
	*stamped = skb_get(skb);
}

/* Sleeps until there is something behind @last; as sk_wait_data(). */
static int stream_wait(struct sock *sk, long *timeo, const struct sk_buff *last)
{
	struct yoke_sock *ys = yoke_sk(sk);
	int err;

	yoke_output_quick(sk);
	ys->reading = true;
	err = sk_wait_data(sk, timeo, last);
	ys->reading = false;
	return err;
}

static int stream_recv(struct sock *sk, struct msghdr *msg, size_t len, int flags,
		       struct sk_buff **stamped)
{
	u32 ahead = max(sk_peek_offset(sk, flags), 0);
	struct yoke_sock *ys = yoke_sk(sk);
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	size_t target = sock_rcvlowat(sk, flags & MSG_WAITALL, len), copied = 0;
	u32 begin = ys->copied_seq, peek_seq = begin + ahead;
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
			stream_stamp(sk, skb, stamped);
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
		/* The peer may be waiting for what was read to make room. */
		if (copied && !(flags & MSG_PEEK))
			yoke_output_window_update(sk);
		err = stream_wait(sk, &timeo, skb_peek_tail(&sk->sk_receive_queue));
		if (err < 0)
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
		err = stream_recv(sk, msg, len, flags, &stamped);
	if (err >= 0 && !(flags & MSG_OOB))
		stream_tell_inq(sk, msg);
	release_sock(sk);
	if (unlikely(stamped)) {
		if (err >= 0)
			sock_recv_timestamp(msg, sk, stamped);
		consume_skb(stamped);
	}
	return err;
}

/* What has arrived up to @len bytes: its pages go into @pipe. Returns the bytes, or -errno. */
static int stream_splice(struct sock *sk, struct pipe_inode_info *pipe, size_t len,
			 unsigned int flags)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct sk_buff *skb;
	int done = 0, n = 0;

	while (len && (skb = stream_find(sk, ys->copied_seq))) {
		bool last = yoke_cb(skb)->flags & YOKE_FIN;
		size_t most = len;
		u32 offset;

		if (unlikely(ys->urgent))
			most = yoke_urgent_limit(sk, &ys->copied_seq, len);
		offset = ys->copied_seq - yoke_cb(skb)->seg.seq;
		most = min_t(size_t, most, stream_data_len(skb) - offset);
		n = most ? skb_splice_bits(skb, sk, offset, pipe, most, flags) : 0;
		if (n < 0 || (most && !n))
			break;
		stream_took(sk, skb, n, 0, &ys->copied_seq);
		yoke_urgent_passed(ys);
		done += n;
		len -= n;
		if (n < (int)most || last || yoke_urgent_mark(ys, ys->copied_seq))
			break;
	}
	if (done)
		yoke_output_window_update(sk);
	return done ?: min(n, 0);
}

static ssize_t stream_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
				  size_t len, unsigned int flags)
{
	struct sock *sk = sock->sk;
	ssize_t done = 0;
	int err = 0;
	long timeo;

	if (unlikely(*ppos))
		return -ESPIPE;
	lock_sock(sk);
	timeo = sock_rcvtimeo(sk, sock->file->f_flags & O_NONBLOCK);
	if (sk->sk_state == TCP_LISTEN)
		err = -ENOTCONN;
	while (!err && len) {
		err = stream_splice(sk, pipe, len, flags);
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
			err = stream_stop(sk, true, timeo);
			continue;
		}
		err = stream_stop(sk, false, timeo);
		/* Before an urgent byte lies nothing: that is read otherwise. */
		if (err || stream_find(sk, yoke_sk(sk)->copied_seq))
			break;
		yoke_output_window_update(sk);
		err = stream_wait(sk, &timeo, NULL);
		err = min(err, 0);
	}
	release_sock(sk);
	return done ?: min(err, 0);
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
	inet_set_bit(MC_LOOP, sk);
	inet_assign_bit(MC_ALL, sk, sk->sk_family != AF_INET6);	/* as yoke_addr_choose() has it */
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
	/*
	 * Not that we need it: what is found under RCU is freed after a grace period. But where the
	 * kernel clears what it gives out, the core clears such a socket once, and others twice.
	 */
	.slab_flags		= SLAB_TYPESAFE_BY_RCU,
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
	.sendmsg	= yoke_write,
	YOKE_COMPAT_SENDPAGE_OP(yoke_write_page)
	.splice_read	= stream_splice_read,
	.set_peek_off	= sk_set_peek_off,
	.recvmsg	= stream_recvmsg,
	.mmap		= sock_no_mmap,
	.set_rcvlowat	= stream_set_rcvlowat,
};
