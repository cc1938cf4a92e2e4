// SPDX-License-Identifier: GPL-2.0
/*
 * The calls on a stream socket that is open: poll, ioctl, with TCP's behaviour; and the tables that
 * name all calls.
 *
 * Process context, under the socket lock; poll without it.
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/yoke.h>
#include <asm/ioctls.h>
#include <linux/sockios.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include "../engine/addr.h"
#include "../engine/child.h"
#include "../engine/listen.h"
#include "../engine/rcv.h"
#include "../engine/timer.h"
#include "../engine/urgent.h"
#include "../ip/ip4.h"
#include "../table/mem.h"
#include "open.h"
#include "read.h"
#include "write.h"
#include "sockopt.h"
#include "stream.h"

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
		return yoke_child_ready(sk) ? EPOLLIN | EPOLLRDNORM : 0;

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

/* proto.ioctl: from yoke_addr_ioctl(), and from io_uring (SOCKET_URING_OP_SIOCINQ, since Linux 6.7). */
static int stream_ioctl(struct sock *sk, int cmd, yoke_ioctl_arg arg)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	bool opening;
	int n = 0, err = 0;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ && cmd != SIOCOUTQNSD && cmd != SIOCATMARK)
		return -ENOIOCTLCMD;
	lock_sock(sk);
	opening = yoke_conn_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV);
	if (sk->sk_state == TCP_LISTEN && cmd != SIOCATMARK)
		err = -EINVAL;
	else if (cmd == SIOCATMARK)
		n = yoke_urgent_mark(ys, ys->copied_seq);
	else if (cmd == SIOCINQ)
		n = yoke_read_bytes(sk);
	else if (cmd == SIOCOUTQ && !opening)
		n = ys->write_seq - ys->snd_una;
	else if (cmd == SIOCOUTQNSD && !opening)
		n = ys->write_seq - ys->snd_nxt;
	release_sock(sk);
	return err ?: yoke_ioctl_put(arg, n);
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
	yoke_addr_init(sk);
	sk->sk_backlog_rcv = yoke_rcv_backlog;
	yoke_sk(sk)->af = &yoke_ip4;	/* until its peer is known */
	yoke_sk(sk)->node.pair.laddr = yoke_addr_any(sk);
	return 0;
}

static void stream_keepalive(struct sock *sk, int on)
{
	bool was_on = sock_flag(sk, SOCK_KEEPOPEN);

	sock_valbool_flag(sk, SOCK_KEEPOPEN, on);	/* as the core does, but only afterwards */
	/* Said again it does not put off the probe that is due. */
	if (!on || !was_on)
		yoke_timer_keepalive(sk, on);
}

static int stream_rmem_least = PAGE_SIZE, stream_wmem_least = PAGE_SIZE;

struct proto yoke_stream_proto = {
	.name			= "YOKE",
	.owner			= THIS_MODULE,
	.init			= stream_init,
	.close			= yoke_open_close,
	.disconnect		= yoke_open_disconnect,
	.ioctl			= stream_ioctl,
	.shutdown		= yoke_open_shutdown,
	.keepalive		= stream_keepalive,
	.rehash			= yoke_listen_rebind,
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
	.ioctl		= yoke_addr_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= yoke_open_listen,
	.shutdown	= inet_shutdown,
	.setsockopt	= yoke_sockopt_stream_set,
	.getsockopt	= yoke_sockopt_stream_get,
	.sendmsg	= yoke_write,
	YOKE_COMPAT_SENDPAGE_OP(yoke_write_page)
	YOKE_COMPAT_SPLICE_EOF_OP(yoke_write_eof)
	.splice_read	= yoke_read_splice,
	.set_peek_off	= sk_set_peek_off,
	.recvmsg	= yoke_read,
	.mmap		= yoke_read_mmap,
	.set_rcvlowat	= stream_set_rcvlowat,
};
