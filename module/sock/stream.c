// SPDX-License-Identifier: GPL-2.0
/*
 * The calls on a stream socket, with TCP's behaviour (RFC 9293 §3.9.1): open, send, receive, close, abort, and what Linux adds.
 *
 * Process context, under the socket lock. Owns copied_seq, pushed_seq, port_locked, addr_locked, and the addresses in struct inet_sock,
 * which generic code (getsockname, IP options) reads; the engine goes by node.pair.
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/yoke.h>
#include <asm/ioctls.h>
#include <linux/sockios.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include "../algo/cookie.h"
#include "../engine/input.h"
#include "../engine/listen.h"
#include "../engine/output.h"
#include "../engine/queue.h"
#include "../engine/timer.h"
#include "../engine/timewait.h"
#include "../ip/ip4.h"
#include "../table/mem.h"
#include "sockopt.h"
#include "stream.h"

#define STATE(sk)	(1 << (sk)->sk_state)

static struct yoke_ports *stream_ports(const struct sock *sk)
{
	return &yoke_net(sock_net(sk))->ports[YOKE_STREAM_PORTS];
}

/* --- addresses and ports --- */

static void stream_set_local(struct sock *sk, __be32 addr)
{
	inet_sk(sk)->inet_rcv_saddr = addr;
	inet_sk(sk)->inet_saddr = addr;
	ipv6_addr_set_v4mapped(addr, &yoke_sk(sk)->node.pair.laddr);
}

static void stream_set_remote(struct sock *sk, __be32 addr, __be16 port)
{
	struct yoke_sock *ys = yoke_sk(sk);

	inet_sk(sk)->inet_daddr = addr;
	inet_sk(sk)->inet_dport = port;
	ys->node.pair.rport = port;
	if (port)
		ipv6_addr_set_v4mapped(addr, &ys->node.pair.raddr);
	else
		ys->node.pair.raddr = in6addr_any;
}

static void stream_set_port(struct sock *sk, u16 port)
{
	inet_sk(sk)->inet_num = port;
	inet_sk(sk)->inet_sport = htons(port);
	yoke_sk(sk)->node.pair.lport = htons(port);
}

/* CLOSED, and nothing of the last connection is left but what bind(2) said. */
static void stream_forget(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (!ys->port_locked) {
		yoke_port_leave(stream_ports(sk), &ys->owner);
		stream_set_port(sk, 0);
	}
	if (!ys->addr_locked)
		stream_set_local(sk, htonl(INADDR_ANY));
	stream_set_remote(sk, 0, 0);
	sk_dst_reset(sk);
}

static int stream_autobind(struct sock *sk)
{
	int port;

	if (inet_sk(sk)->inet_num)
		return 0;
	port = yoke_port_bind(stream_ports(sk), &yoke_sk(sk)->owner, 0);
	if (port < 0)
		return port;
	stream_set_port(sk, port);
	return 0;
}

static int stream_bind_locked(struct sock *sk, const struct sockaddr_in *addr)
{
	struct inet_sock *inet = inet_sk(sk);
	struct yoke_sock *ys = yoke_sk(sk);
	int port = ntohs(addr->sin_port);

	if (sk->sk_state != TCP_CLOSE || inet->inet_num)
		return -EINVAL;
	stream_set_local(sk, addr->sin_addr.s_addr);
	port = yoke_port_bind(stream_ports(sk), &ys->owner, port);
	if (port < 0) {
		stream_set_local(sk, htonl(INADDR_ANY));
		return port;
	}
	stream_set_port(sk, port);
	stream_set_remote(sk, 0, 0);
	ys->port_locked = true;
	ys->addr_locked = addr->sin_addr.s_addr != htonl(INADDR_ANY);
	sk_dst_reset(sk);
	return 0;
}

static int stream_bind(struct socket *sock, yoke_sockaddr *uaddr, int len)
{
	const struct sockaddr_in *addr = (struct sockaddr_in *)uaddr;
	struct sock *sk = sock->sk;
	struct net *net = sock_net(sk);
	struct in6_addr mapped;
	int err;

	if (len < (int)sizeof(*addr))
		return -EINVAL;
	/* AF_UNSPEC with the unspecified address: old programs do it, and TCP lets them. */
	if (addr->sin_family != AF_INET &&
	    (addr->sin_family != AF_UNSPEC || addr->sin_addr.s_addr != htonl(INADDR_ANY)))
		return -EAFNOSUPPORT;
	ipv6_addr_set_v4mapped(addr->sin_addr.s_addr, &mapped);
	err = yoke_sk(sk)->af->bind_check(sk, &mapped);
	if (err)
		return err;
	if (addr->sin_port && inet_port_requires_bind_service(net, ntohs(addr->sin_port)) &&
	    !ns_capable(net->user_ns, CAP_NET_BIND_SERVICE))
		return -EACCES;

	lock_sock(sk);
	err = stream_bind_locked(sk, addr);
	release_sock(sk);
	return err;
}

/* --- the active open --- */

/* Takes the pair with local @port: in the table it is ours. -EEXIST: somebody else has it. */
static int stream_claim(void *ctx, u16 port)
{
	struct sock *sk = ctx;
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_hash *hash = &yoke_net(sock_net(sk))->stream;
	struct yoke_node *node;
	int err;

	ys->node.pair.lport = htons(port);
	err = yoke_hash_add(hash, &ys->node);
	if (err != -EEXIST)
		return err;

	rcu_read_lock();
	node = yoke_hash_find(hash, &ys->node.pair);
	if (node && node->kind == YOKE_TIMEWAIT &&
	    yoke_timewait_recycle(container_of(node, struct yoke_timewait, node),
				  &ys->write_seq, &ys->ts_recent, &ys->ts_recent_s))
		err = yoke_hash_add(hash, &ys->node);
	rcu_read_unlock();
	return err;
}

/* A place in the table: on the port that bind(2) got, or an ephemeral one. */
static int stream_claim_any(struct sock *sk)
{
	struct yoke_ports *ports = stream_ports(sk);
	struct yoke_sock *ys = yoke_sk(sk);
	int port = inet_sk(sk)->inet_num;
	int err;

	if (port) {
		err = stream_claim(sk, port);
		return err == -EEXIST ? -EADDRNOTAVAIL : err;
	}
	port = yoke_port_choose(ports, &ys->owner, (u32)siphash(&ys->node.pair, sizeof(ys->node.pair), &ports->key),
				stream_claim, sk);
	if (port < 0)
		return port;
	stream_set_port(sk, port);
	return 0;
}

static int stream_start(struct sock *sk, const yoke_sockaddr *uaddr, int len)
{
	const struct sockaddr_in *addr = (const struct sockaddr_in *)uaddr;
	struct yoke_net *yn = yoke_net(sock_net(sk));
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_pair pair;
	int err;

	if (len < (int)sizeof(*addr))
		return -EINVAL;
	if (addr->sin_family != AF_INET)
		return -EAFNOSUPPORT;

	pair = ys->node.pair;
	ipv6_addr_set_v4mapped(addr->sin_addr.s_addr, &pair.raddr);
	pair.rport = addr->sin_port;
	err = ys->af->connect(sk, &pair);
	if (err)
		return err;
	stream_set_local(sk, pair.laddr.s6_addr32[3]);
	stream_set_remote(sk, pair.raddr.s6_addr32[3], pair.rport);
	ys->node.pair = pair;

	ys->write_seq = 0;
	ys->ts_recent = 0;
	ys->ts_recent_s = 0;
	err = stream_claim_any(sk);
	if (err)
		goto undo;
	/* A TIME-WAIT that made room has said where to go on (RFC 6191). */
	if (!ys->write_seq)
		ys->write_seq = yoke_cookie_isn(&ys->node.pair, &yn->isn_key, ktime_get_ns());
	ys->ts_offset = yoke_cookie_ts_offset(&ys->node.pair, &yn->ts_key);
	yoke_conn_clock(ys);
	yoke_conn_set_state(sk, TCP_SYN_SENT);
	WRITE_ONCE(sk->sk_err, 0);
	sk->sk_shutdown = 0;
	sock_reset_flag(sk, SOCK_DONE);
	err = yoke_output_syn(sk);
	/* Other errors are the network's: the timer tries again. */
	if (err != -ECONNREFUSED && err != -ENOBUFS && err != -ENOMEM)
		return 0;
	yoke_conn_set_state(sk, TCP_CLOSE);
	yoke_conn_timers_stop(sk);
	yoke_conn_purge(sk);
undo:
	stream_forget(sk);
	return err;
}

/* Waits while the handshake is on the way. 0 when it is over, one way or the other; else why we gave up. */
static int stream_wait_open(struct sock *sk, long timeo, int busy)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	if (!timeo)
		return busy;
	add_wait_queue(sk_sleep(sk), &wait);
	while (STATE(sk) & (TCPF_SYN_SENT | TCPF_SYN_RECV)) {
		release_sock(sk);
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
		lock_sock(sk);
		if (signal_pending(current) || !timeo)
			break;
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	if (!(STATE(sk) & (TCPF_SYN_SENT | TCPF_SYN_RECV)))
		return 0;
	return signal_pending(current) ? sock_intr_errno(timeo) : busy;
}

static int stream_disconnect(struct sock *sk, int flags);

static int stream_connect_locked(struct socket *sock, yoke_sockaddr *uaddr, int len, int flags)
{
	struct sock *sk = sock->sk;
	int err = -EINPROGRESS;

	if (uaddr->sa_family == AF_UNSPEC) {
		err = stream_disconnect(sk, flags);
		sock->state = err ? SS_DISCONNECTING : SS_UNCONNECTED;
		return err;
	}
	switch (sock->state) {
	case SS_UNCONNECTED:
		if (sk->sk_state != TCP_CLOSE)
			return -EISCONN;
		err = stream_start(sk, uaddr, len);
		if (err)
			return err;
		sock->state = SS_CONNECTING;
		err = -EINPROGRESS;
		break;
	case SS_CONNECTING:
		err = -EALREADY;
		break;
	case SS_CONNECTED:
		return -EISCONN;
	default:
		return -EINVAL;
	}

	if (STATE(sk) & (TCPF_SYN_SENT | TCPF_SYN_RECV)) {
		err = stream_wait_open(sk, sock_sndtimeo(sk, flags & O_NONBLOCK), err);
		if (err)
			return err;
	}
	if (sk->sk_state != TCP_CLOSE) {
		sock->state = SS_CONNECTED;
		return 0;
	}
	err = sock_error(sk) ?: -ECONNABORTED;
	sock->state = SS_UNCONNECTED;
	if (stream_disconnect(sk, flags))
		sock->state = SS_DISCONNECTING;
	return err;
}

static int stream_connect(struct socket *sock, yoke_sockaddr *uaddr, int len, int flags)
{
	int err;

	if (len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	lock_sock(sock->sk);
	err = stream_connect_locked(sock, uaddr, len, flags);
	release_sock(sock->sk);
	return err;
}

/* --- the passive open --- */

static int stream_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = -EINVAL;

	lock_sock(sk);
	if (sock->state != SS_UNCONNECTED || !(STATE(sk) & (TCPF_CLOSE | TCPF_LISTEN)))
		goto out;
	WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
	err = 0;
	if (sk->sk_state == TCP_LISTEN)
		goto out;
	err = stream_autobind(sk);
	if (!err)
		err = yoke_listen_start(sk);
out:
	release_sock(sk);
	return err;
}

/* Waits for a child in the queue of a listener. */
static int stream_wait_child(struct sock *sk, long timeo)
{
	DEFINE_WAIT(wait);
	int err;

	for (;;) {
		prepare_to_wait_exclusive(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
		release_sock(sk);
		if (!yoke_listen_ready(sk))
			timeo = schedule_timeout(timeo);
		sched_annotate_sleep();
		lock_sock(sk);
		err = 0;
		if (yoke_listen_ready(sk))
			break;
		err = -EINVAL;
		if (sk->sk_state != TCP_LISTEN)
			break;
		err = sock_intr_errno(timeo);
		if (signal_pending(current))
			break;
		err = -EAGAIN;
		if (!timeo)
			break;
	}
	finish_wait(sk_sleep(sk), &wait);
	return err;
}

static struct sock *stream_take_child(struct sock *sk, int flags)
{
	struct sock *child = NULL;
	long timeo = sock_rcvtimeo(sk, flags & O_NONBLOCK);
	int err = 0;

	lock_sock(sk);
	if (sk->sk_state != TCP_LISTEN)
		err = -EINVAL;
	else if (!yoke_listen_ready(sk))
		err = timeo ? stream_wait_child(sk, timeo) : -EAGAIN;
	if (!err) {
		child = yoke_listen_dequeue(sk);
		if (!child)
			err = -EAGAIN;
	}
	release_sock(sk);
	return err ? ERR_PTR(err) : child;
}

static int stream_accept(struct socket *sock, struct socket *newsock, struct proto_accept_arg *arg)
{
	struct sock *child = stream_take_child(sock->sk, arg->flags);

	if (IS_ERR(child))
		return PTR_ERR(child);
	lock_sock(child);
	sock_graft(child, newsock);
	newsock->state = SS_CONNECTED;
	release_sock(child);
	return 0;
}
YOKE_COMPAT_ACCEPT(stream_accept)

/* --- sending --- */

static void stream_push(struct sock *sk, enum yoke_push how)
{
	yoke_conn_clock(yoke_sk(sk));
	yoke_output_push(sk, how);
}

/* All that is written so far should reach the reader now: says so in the last segment (RFC 9293 §3.9.1.2, MUST-60). */
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

/* The buffer to append to: the last one while it has room, or a new one. NULL: there is no memory for it. */
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

/* Copies what fits into one fragment of @skb. Returns the bytes, 0 if @skb takes no more, -ENOBUFS or -EFAULT. */
static int stream_copy_in(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, unsigned int goal)
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

/* One step of writing. Returns the bytes taken, -ENOBUFS if memory must be waited for, or another error. */
static int stream_write(struct sock *sk, struct msghdr *msg)
{
	unsigned int goal = yoke_output_goal(sk);
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
	if (skb->len < goal)
		return n;
	if (stream_push_is_due(yoke_sk(sk))) {
		stream_mark_push(sk);
		stream_push(sk, YOKE_PUSH_ALL);
	} else if (skb == skb_peek(&sk->sk_write_queue)) {
		stream_push(sk, YOKE_PUSH_NAGLE);
	}
	return n;
}

static int stream_may_send(struct sock *sk, struct msghdr *msg, long *timeo)
{
	struct sockcm_cookie cookie;
	int err;

	if (msg->msg_flags & (MSG_OOB | MSG_FASTOPEN))
		return -EOPNOTSUPP;
	if (msg->msg_controllen) {
		sockcm_init(&cookie, sk);
		err = sock_cmsg_send(sk, msg, &cookie);
		if (err)
			return err;
	}
	if (STATE(sk) & ~(TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) {
		err = sk_stream_wait_connect(sk, timeo);
		if (err)
			return sk_stream_error(sk, msg->msg_flags, err);
	}
	return 0;
}

static int stream_send(struct sock *sk, struct msghdr *msg)
{
	int flags = msg->msg_flags, copied = 0, err;
	long timeo = sock_sndtimeo(sk, flags & MSG_DONTWAIT);

	err = stream_may_send(sk, msg, &timeo);
	if (err)
		return err;
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
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
		stream_push(sk, flags & MSG_MORE ? YOKE_PUSH_MORE : YOKE_PUSH_NAGLE);
		return copied;
	}
	if (!err)
		return 0;
	/* Nothing was queued, so nothing will be acknowledged and wake the writer: look again who may write. */
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
static int stream_copy_out(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, size_t want, int flags, u32 *seq)
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
		return !timeo || sk->sk_err || sk->sk_state == TCP_CLOSE || (sk->sk_shutdown & RCV_SHUTDOWN) ||
		       signal_pending(current);
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
	u32 peek_seq = ys->copied_seq;
	u32 *seq = flags & MSG_PEEK ? &peek_seq : &ys->copied_seq;
	struct sk_buff *skb;
	int err = 0, n;

	do {
		skb = stream_find(sk, *seq);
		if (skb) {
			bool last = yoke_cb(skb)->flags & YOKE_FIN;

			n = stream_copy_out(sk, skb, msg, len - copied, flags, seq);
			if (n < 0) {
				err = n;
				break;
			}
			copied += n;
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
		if ((flags & MSG_PEEK) && peek_seq - copied != ys->copied_seq)
			peek_seq = ys->copied_seq;
	} while (copied < len);

	if (!(flags & MSG_PEEK)) {
		yoke_conn_clock(ys);
		yoke_conn_tune_rcvbuf(sk);
		yoke_output_window_update(sk);
	}
	return copied ?: min(err, 0);
}

static int stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct sock *sk = sock->sk;
	int err, addr_len = 0;

	if (unlikely(flags & MSG_ERRQUEUE)) {
		err = inet_recv_error(sk, msg, len, &addr_len);
		if (err >= 0)
			msg->msg_namelen = addr_len;
		return err;
	}
	lock_sock(sk);
	if (sk->sk_state == TCP_LISTEN)
		err = -ENOTCONN;
	else if (flags & MSG_OOB)
		err = -EINVAL;	/* there never is urgent data */
	else
		err = stream_recv(sk, msg, len, flags);
	release_sock(sk);
	return err;
}

/* --- waiting, asking --- */

static bool stream_is_readable(const struct sock *sk, int target)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	s32 avail = READ_ONCE(ys->rcv_nxt) - READ_ONCE(ys->copied_seq);

	if (avail <= 0)
		return false;
	/* Less than asked for must do when no more would fit. */
	return avail >= target || READ_ONCE(yoke_mem_pressure) ||
	       yoke_conn_rcv_window(ys) <= READ_ONCE(ys->rcv_mss);
}

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
	__poll_t mask = 0;
	u8 shutdown;
	int state;

	sock_poll_wait(file, sock, wait);
	state = smp_load_acquire(&sk->sk_state);
	if (state == TCP_LISTEN)
		return yoke_listen_ready(sk) ? EPOLLIN | EPOLLRDNORM : 0;

	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown == SHUTDOWN_MASK || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (state != TCP_SYN_SENT && state != TCP_SYN_RECV) {
		if (stream_is_readable(sk, sock_rcvlowat(sk, 0, INT_MAX)))
			mask |= EPOLLIN | EPOLLRDNORM;
		if ((shutdown & SEND_SHUTDOWN) || stream_is_writable(sk))
			mask |= EPOLLOUT | EPOLLWRNORM;
	}
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
	else if (cmd == SIOCINQ)
		n = stream_readable_bytes(sk);
	else if (cmd == SIOCOUTQ && !opening)
		n = ys->write_seq - ys->snd_una;
	else if (cmd == SIOCOUTQNSD && !opening)
		n = ys->write_seq - ys->snd_nxt;
	release_sock(sk);
	return n < 0 ? n : put_user(n, (int __user *)arg);
}

static int stream_set_rcvlowat(struct sock *sk, int val)
{
	int most = sk->sk_userlocks & SOCK_RCVBUF_LOCK ? sk->sk_rcvbuf >> 1 :
		   READ_ONCE(yoke_net(sock_net(sk))->set.rmem[2]) >> 1;

	val = min(val, most);
	WRITE_ONCE(sk->sk_rcvlowat, val ?: 1);
	/* What has arrived may be enough now. */
	if (stream_is_readable(sk, sk->sk_rcvlowat))
		sk->sk_data_ready(sk);
	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		return 0;
	val <<= 1;
	if (val > sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, val);
	return 0;
}

/* --- the end --- */

/* The state that closing our direction leads to; true if a FIN must say so. */
static bool stream_close_state(struct sock *sk)
{
	switch (sk->sk_state) {
	case TCP_SYN_SENT:
		yoke_conn_set_state(sk, TCP_CLOSE);
		return false;
	case TCP_SYN_RECV:
	case TCP_ESTABLISHED:
		yoke_conn_set_state(sk, TCP_FIN_WAIT1);
		return true;
	case TCP_CLOSE_WAIT:
		yoke_conn_set_state(sk, TCP_LAST_ACK);
		return true;
	default:
		return false;
	}
}

/* proto.shutdown, from inet_shutdown(). */
static void stream_shutdown(struct sock *sk, int how)
{
	if (!(how & SEND_SHUTDOWN))
		return;
	if (!(STATE(sk) & (TCPF_ESTABLISHED | TCPF_SYN_RECV | TCPF_CLOSE_WAIT)))
		return;
	yoke_conn_clock(yoke_sk(sk));
	if (stream_close_state(sk))
		yoke_output_fin(sk);
}

/* States in which the peer must learn by a reset that we are gone. */
static bool stream_wants_reset(const struct sock *sk)
{
	const struct yoke_sock *ys = yoke_sk(sk);

	if (STATE(sk) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | TCPF_SYN_RECV))
		return true;
	/* Our FIN has not left yet. */
	return (STATE(sk) & (TCPF_CLOSING | TCPF_LAST_ACK)) && ys->snd_nxt != ys->write_seq;
}

/* ABORT of RFC 9293 §3.10.5; the socket may be used again. */
static int stream_disconnect(struct sock *sk, int flags)
{
	struct yoke_sock *ys = yoke_sk(sk);

	yoke_conn_clock(ys);
	if (sk->sk_state == TCP_LISTEN) {
		yoke_conn_set_state(sk, TCP_CLOSE);
		yoke_listen_stop(sk);
	} else if (stream_wants_reset(sk)) {
		yoke_output_reset(sk);
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	} else if (sk->sk_state == TCP_SYN_SENT) {
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	}
	yoke_conn_set_state(sk, TCP_CLOSE);
	yoke_conn_timers_stop(sk);
	yoke_conn_purge(sk);
	ys->copied_seq = ys->rcv_nxt;
	stream_forget(sk);
	sk->sk_shutdown = 0;
	sock_reset_flag(sk, SOCK_DONE);
	sk_error_report(sk);
	return 0;
}

/* Throws away what nobody will read. True if there was data. */
static bool stream_discard_unread(struct sock *sk)
{
	struct sk_buff *skb;
	u32 unread = 0;

	while ((skb = __skb_dequeue(&sk->sk_receive_queue))) {
		unread += stream_data_len(skb);
		__kfree_skb(skb);
	}
	return unread;
}

/* The program lets go of a connection: says so to the peer, politely or not. */
static void stream_close_conn(struct sock *sk, long timeout)
{
	bool unread = stream_discard_unread(sk);

	if (sk->sk_state == TCP_CLOSE)
		return;
	if (unread) {
		/* Data is lost, and the peer must know (RFC 2525 §2.17). */
		yoke_count(sock_net(sk), AbortOnData);
		yoke_output_reset(sk);
		yoke_conn_set_state(sk, TCP_CLOSE);
	} else if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime) {
		yoke_count(sock_net(sk), AbortOnData);
		stream_disconnect(sk, 0);
	} else if (stream_close_state(sk)) {
		yoke_output_fin(sk);
	}
	sk_stream_wait_close(sk, timeout);
}

/* FIN-WAIT-2 of a closed socket lasts so long: the peer may never send its FIN. */
static void stream_close_fin_wait2(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 rto = usecs_to_jiffies(yoke_rtt_rto(&ys->rtt));
	int linger = ys->linger2 ?: READ_ONCE(yoke_net(sock_net(sk))->set.fin_timeout);

	if (ys->linger2 < 0) {
		yoke_count(sock_net(sk), AbortOnData);
		yoke_output_reset(sk);
		yoke_conn_done(sk);
	} else {
		/* At least three and a half RTOs. */
		yoke_timewait_enter(sk, TCP_FIN_WAIT2, max_t(u32, linger, (rto << 2) - (rto >> 1)));
	}
}

/* proto.close, from inet_release(). */
static void stream_close(struct sock *sk, long timeout)
{
	struct net *net = get_net(sock_net(sk));	/* an orphan holds none */
	bool closed;

	lock_sock(sk);
	sock_hold(sk);
	yoke_conn_clock(yoke_sk(sk));
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (sk->sk_state == TCP_LISTEN) {
		yoke_conn_set_state(sk, TCP_CLOSE);
		yoke_listen_stop(sk);
	} else {
		stream_close_conn(sk, timeout);
	}
	closed = sk->sk_state == TCP_CLOSE;
	yoke_conn_orphan(sk);
	/* Segments that came meanwhile find an orphan; one of them may end, and destroy, it. */
	sk_flush_backlog(sk);

	local_bh_disable();
	yoke_conn_clock(yoke_sk(sk));
	if (closed)
		yoke_conn_destroy(sk);
	else if (sk->sk_state == TCP_FIN_WAIT2)
		stream_close_fin_wait2(sk);
	local_bh_enable();
	release_sock(sk);
	sock_put(sk);
	put_net(net);
}

/* --- the socket type --- */

static int stream_init(struct sock *sk)
{
	yoke_conn_init(sk);
	yoke_timer_init(sk);
	inet_sk(sk)->uc_ttl = -1;
	inet_sk(sk)->mc_ttl = 1;
	inet_sk(sk)->pmtudisc = READ_ONCE(sock_net(sk)->ipv4.sysctl_ip_no_pmtu_disc) ? IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
	sk->sk_backlog_rcv = yoke_input;
	sk->sk_write_space = yoke_conn_write_space;
	yoke_sk(sk)->af = &yoke_ip4;
	stream_set_local(sk, htonl(INADDR_ANY));
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
	.close			= stream_close,
	.disconnect		= stream_disconnect,
	.shutdown		= stream_shutdown,
	.keepalive		= stream_keepalive,
	.release_cb		= yoke_timer_release,
	.enter_memory_pressure	= yoke_mem_enter_pressure,
	.leave_memory_pressure	= yoke_mem_leave_pressure,
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

const struct proto_ops yoke_stream_ops = {
	.family		= PF_YOKE,
	.owner		= THIS_MODULE,
	.release	= inet_release,
	.bind		= stream_bind,
	.connect	= stream_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= YOKE_COMPAT_OP(stream_accept),
	.getname	= inet_getname,
	.poll		= stream_poll,
	.ioctl		= stream_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= stream_listen,
	.shutdown	= inet_shutdown,
	.setsockopt	= yoke_sockopt_stream_set,
	.getsockopt	= yoke_sockopt_stream_get,
	.sendmsg	= stream_sendmsg,
	.recvmsg	= stream_recvmsg,
	.mmap		= sock_no_mmap,
	.set_rcvlowat	= stream_set_rcvlowat,
};
