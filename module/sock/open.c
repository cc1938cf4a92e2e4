// SPDX-License-Identifier: GPL-2.0
/*
 * A stream socket's ways from CLOSED and back: bind, connect, listen, accept, shutdown, close, with
 * TCP's behaviour (RFC 9293 §3.9.1).
 *
 * Process context, under the socket lock. Owns node.pair before it enters the
 * table; bind(2) itself is AF_INET's or AF_INET6's (engine/addr.c).
 */
#include "../algo/cookie.h"
#include "../engine/addr.h"
#include "../engine/child.h"
#include "../engine/fastopen.h"
#include "../engine/listen.h"
#include "../engine/output.h"
#include "../engine/send.h"
#include "../engine/timewait.h"
#include "../ip/ip6.h"
#include "../table/cgroup.h"
#include "../table/hook.h"
#include "../table/mem.h"
#include "open.h"
#include "repair.h"
#include "sockopt.h"

#define PORT_SHUFFLE	(10 * HZ)	/* Linux's */

static struct yoke_ports *open_ports(const struct sock *sk)
{
	return &yoke_net(sock_net(sk))->ports[YOKE_STREAM_PORTS];
}

/* --- addresses and ports --- */

static void open_set_port(struct sock *sk, u16 port)
{
	inet_sk(sk)->inet_num = port;
	inet_sk(sk)->inet_sport = htons(port);
	yoke_sk(sk)->node.pair.lport = htons(port);
}

/* Each VRF has its own ports, unless what is of one is for sockets of none, too. */
static u32 open_ports_vrf(const struct sock *sk)
{
	return READ_ONCE(yoke_net(sock_net(sk))->set.l3mdev_accept) ? 0 : yoke_addr_vrf(sk);
}

/* proto.get_port, once bind(2) has set the address, or for whoever needs a port. */
int yoke_open_get_port(struct sock *sk, unsigned short num)
{
	struct yoke_sock *ys = yoke_sk(sk);
	int port;

	ys->node.pair.laddr = yoke_addr_local(sk);
	ys->owner.vrf = open_ports_vrf(sk);
	port = yoke_port_bind(open_ports(sk), &ys->owner, num);
	if (port < 0)
		return port;
	open_set_port(sk, port);
	return 0;
}

void yoke_open_put_port(struct sock *sk)
{
	yoke_port_leave(open_ports(sk), &yoke_sk(sk)->owner);
	open_set_port(sk, 0);
}

/* CLOSED, and nothing of the last connection is left but what bind(2) said. */
static void open_forget(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_pair pair;

	/* A port that only the connection chose went with it; what bind(2) got stays. */
	if (!inet_sk(sk)->inet_num)
		open_set_port(sk, 0);
	pair = ys->node.pair;
	/* The pair has no address yet that bind(2) was given without a port (IP_BIND_ADDRESS_NO_PORT). */
	pair.laddr = sk->sk_userlocks & SOCK_BINDADDR_LOCK ? yoke_addr_local(sk) : yoke_addr_any(sk);
	pair.raddr = in6addr_any;
	pair.rport = 0;
	yoke_port_move(&ys->owner, &ys->node.pair, &pair);
	yoke_addr_name(sk, &pair);
	sk_dst_reset(sk);
	yoke_conn_renew(sk);
}

/* --- back to CLOSED --- */

/* States in which the peer must learn by a reset that we are gone. */
static bool open_wants_reset(const struct sock *sk)
{
	const struct yoke_sock *ys = yoke_sk(sk);

	if (yoke_conn_in(sk, TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 |
			     TCPF_SYN_RECV))
		return true;
	/* Our FIN has not left yet. */
	return yoke_conn_in(sk, TCPF_CLOSING | TCPF_LAST_ACK) &&
	       (ys->snd_nxt != ys->write_seq || yoke_conn_owes_fin(sk));
}

/* ABORT of RFC 9293 §3.10.5; the socket may be used again. */
int yoke_open_disconnect(struct sock *sk, int flags)
{
	struct yoke_sock *ys = yoke_sk(sk);

	yoke_conn_clock(ys);
	if (sk->sk_state == TCP_LISTEN) {
		yoke_listen_stop(sk);
	} else if (unlikely(ys->repair)) {
		WRITE_ONCE(sk->sk_err, ECONNABORTED);	/* the connection lives on elsewhere */
	} else if (open_wants_reset(sk)) {
		yoke_output_reset(sk);
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	} else if (sk->sk_state == TCP_SYN_SENT) {
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	}
	yoke_conn_set_state(sk, TCP_CLOSE);
	open_forget(sk);
	sk_set_peek_off(sk, -1);	/* it counts what was there to be read */
	sk_error_report(sk);
	return 0;
}

/* --- the active open --- */

static bool open_is_loopback(const struct in6_addr *addr)
{
	return ipv6_addr_loopback(addr) || ipv6_addr_v4mapped_loopback(addr);
}

/*
 * May a TIME-WAIT of the same pair give way (RFC 6191)? On a port that the program chose, always and
 * at once, as there is no other; on one that we choose once it is over a second old, as
 * net.yoke.tw_reuse has it, 1: yes, 2: on the loopback device.
 */
static bool open_may_reuse(const struct sock *sk)
{
	u8 reuse = READ_ONCE(yoke_net(sock_net(sk))->set.reuse_tw);

	if (inet_sk(sk)->inet_num || reuse == 1)
		return true;
	return reuse == 2 && (sk->sk_bound_dev_if == LOOPBACK_IFINDEX ||
			      open_is_loopback(&yoke_sk(sk)->node.pair.raddr) ||
			      open_is_loopback(&yoke_sk(sk)->node.pair.laddr));
}

/* Takes the pair with local @port: in the table it is ours. -EEXIST: somebody else has it. */
static int open_claim(void *ctx, u16 port)
{
	struct sock *sk = ctx;
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_hash *hash = &yoke_net(sock_net(sk))->stream;
	struct yoke_node *node;
	u32 iss;
	int err;

	ys->iss = 0;
	ys->node.pair.lport = htons(port);
	err = yoke_hash_add(hash, &ys->node);
	if (err != -EEXIST || !open_may_reuse(sk))
		return err;

	rcu_read_lock();
	node = yoke_hash_rival(hash, &ys->node);
	if (node && node->kind == YOKE_TIMEWAIT &&
	    yoke_timewait_recycle(container_of(node, struct yoke_timewait, node),
				  inet_sk(sk)->inet_num, &iss, &ys->ts_recent, &ys->ts_recent_s)) {
		ys->iss = iss;
		err = yoke_hash_add(hash, &ys->node);
	}
	rcu_read_unlock();
	return err;
}

/*
 * Where the ports for this peer begin; elsewhere after a while. How those for two of them lie to one
 * another would else tell whoever has both, today and next week, that it is us (CVE-2022-32296).
 */
static u64 open_port_hash(const struct sock *sk, const siphash_key_t *key)
{
	return siphash_2u64(yoke_cookie_hash(&yoke_sk(sk)->node.pair, key), jiffies / PORT_SHUFFLE, key);
}

/* A place in the table: on the port that bind(2) got, or an ephemeral one. */
static int open_claim_any(struct sock *sk)
{
	struct yoke_ports *ports = open_ports(sk);
	struct yoke_sock *ys = yoke_sk(sk);
	int port = inet_sk(sk)->inet_num;
	int err;

	if (port) {
		err = open_claim(sk, port);
		return err == -EEXIST ? -EADDRNOTAVAIL : err;
	}
	port = yoke_port_choose(ports, &ys->owner, open_port_hash(sk, &ports->key), open_claim, sk);
	if (port < 0)
		return port;
	open_set_port(sk, port);
	return 0;
}

/*
 * The place is ours, but the route was found before @pair had an address or a port of its own. Rules
 * of routing may ask for these: then it is another one, which whoever looks later would find.
 */
static int open_route_again(struct sock *sk, struct yoke_pair *pair)
{
	struct yoke_sock *ys = yoke_sk(sk);
	int err;

	pair->lport = ys->node.pair.lport;
	err = ys->af->connect(sk, pair);
	if (err)
		yoke_hash_del(&yoke_net(sock_net(sk))->stream, &ys->node);
	return err;
}

/* The place and the route are ours: SYN-SENT, with the numbers to begin with, or CLOSED and -errno. */
static int open_syn_sent(struct sock *sk, bool defer)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u64 hash = yoke_cookie_hash(&ys->node.pair, &yoke_net(sock_net(sk))->isn_key);
	int err;

	/* A TIME-WAIT that made room has said where to go on (RFC 6191). */
	if (!ys->iss)
		ys->iss = yoke_cookie_isn(hash, ktime_get_ns());
	ys->ts_offset = yoke_cookie_ts_offset(hash);
	yoke_conn_clock(ys);
	yoke_conn_set_state(sk, TCP_SYN_SENT);
	WRITE_ONCE(sk->sk_err, 0);
	err = yoke_send_syn_prepare(sk);
	if (err)
		goto closed;
	/* TCP_FASTOPEN_CONNECT: the same if data may go with it, or else the server is asked. */
	ys->syn_deferred = defer || (ys->fastopen_connect && yoke_send_syn_room(sk));
	if (!ys->syn_deferred)
		err = yoke_send_syn(sk, ys->fastopen_connect);
	if (!err)
		return 0;
closed:
	yoke_conn_set_state(sk, TCP_CLOSE);
	return err;
}

/* From CLOSED to SYN-SENT, with @uaddr as the peer. @defer: the SYN waits for data. */
static int open_connection(struct sock *sk, yoke_sockaddr *uaddr, int len, bool defer)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_pair pair;
	bool chosen;
	int err;

	err = yoke_addr_choose(sk, ((const struct sockaddr *)uaddr)->sa_family);
	if (!err)
		err = yoke_hook_connect(sk, uaddr, len);
	if (err)
		return err;
	pair = ys->node.pair;
	pair.laddr = yoke_addr_local(sk);
	err = yoke_addr_peer(sk, uaddr, len, &pair);
	if (err)
		return err;
	ys->af = yoke_ip_to(&pair.raddr);
	err = ys->af->connect(sk, &pair);
	if (err)
		return err;
	yoke_addr_name(sk, &pair);
	pair.dev = sk->sk_bound_dev_if;
	yoke_port_move(&ys->owner, &ys->node.pair, &pair);
	if (!inet_sk(sk)->inet_num)
		ys->owner.vrf = open_ports_vrf(sk);
	/* As TCP, which does so for IPv4 only. */
	chosen = ys->af->family == AF_INET &&
		 (!inet_sk(sk)->inet_num || !(sk->sk_userlocks & SOCK_BINDADDR_LOCK));

	err = open_claim_any(sk);
	if (!err && chosen)
		err = open_route_again(sk, &pair);
	if (err)
		goto undo;
	sk_set_txhash(sk);
	if (unlikely(ys->repair)) {
		WRITE_ONCE(sk->sk_err, 0);
		yoke_repair_open(sk);
		return 0;
	}
	err = open_syn_sent(sk, defer);
	if (!err)
		return 0;
undo:
	if (!(sk->sk_userlocks & SOCK_BINDPORT_LOCK))
		yoke_open_put_port(sk);
	open_forget(sk);
	return err;
}

/*
 * Waits while the handshake is on the way. 0 when it is over, one way or the other; else why we
 * gave up.
 */
static int open_wait_handshake(struct sock *sk, long timeo, int busy)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int disconnects = sk->sk_disconnects;

	if (!timeo)
		return busy;
	add_wait_queue(sk_sleep(sk), &wait);
	while (yoke_conn_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV)) {
		release_sock(sk);
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
		lock_sock(sk);
		if (signal_pending(current) || !timeo || disconnects != sk->sk_disconnects)
			break;
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	/* Another thread has let go of it, and what it is now is not ours. */
	if (disconnects != sk->sk_disconnects)
		return -EPIPE;
	if (!yoke_conn_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV))
		return 0;
	return signal_pending(current) ? sock_intr_errno(timeo) : busy;
}

/* The first half of a connect(). 0: the handshake is on the way; -EALREADY: it was before. */
static int open_start(struct socket *sock, yoke_sockaddr *uaddr, int len, bool defer)
{
	int err;

	switch (sock->state) {
	case SS_UNCONNECTED:
		if (sock->sk->sk_state != TCP_CLOSE)
			return -EISCONN;
		if (!uaddr)
			return -EINVAL;
		err = open_connection(sock->sk, uaddr, len, defer);
		if (!err)
			sock->state = SS_CONNECTING;
		return err;
	case SS_CONNECTING:
		return -EALREADY;
	case SS_CONNECTED:
		return -EISCONN;
	default:
		return -EINVAL;
	}
}

int yoke_open_finish(struct socket *sock, int flags, int err)
{
	struct sock *sk = sock->sk;

	if (yoke_conn_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV)) {
		err = open_wait_handshake(sk, sock_sndtimeo(sk, flags & O_NONBLOCK), err);
		if (err)
			return err;
	}
	if (sk->sk_state != TCP_CLOSE) {
		sock->state = SS_CONNECTED;
		return 0;
	}
	err = sock_error(sk) ?: -ECONNABORTED;
	sock->state = SS_UNCONNECTED;
	sk->sk_disconnects++;
	yoke_open_disconnect(sk, flags);
	return err;
}

static int open_connect_locked(struct socket *sock, yoke_sockaddr *uaddr, int len, int flags)
{
	struct sock *sk = sock->sk;
	int err;

	if (uaddr->sa_family == AF_UNSPEC) {
		sk->sk_disconnects++;	/* who sleeps in a call on it goes home */
		yoke_open_disconnect(sk, flags);
		sock->state = SS_UNCONNECTED;
		return 0;
	}
	/* To the program a connection whose SYN waits for its data is open. */
	if (sock->state == SS_CONNECTING && yoke_sk(sk)->syn_deferred)
		return -EISCONN;
	err = open_start(sock, uaddr, len, false);
	if (err && err != -EALREADY)
		return err;
	if (yoke_sk(sk)->syn_deferred)
		return 0;
	return yoke_open_finish(sock, flags, err ?: -EINPROGRESS);
}

int yoke_open_defer(struct socket *sock, yoke_sockaddr *uaddr, int len)
{
	if (uaddr && len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	return open_start(sock, uaddr, len, true);
}

int yoke_open_connect(struct socket *sock, yoke_sockaddr *uaddr, int len, int flags)
{
	int err;

	if (len < (int)sizeof(uaddr->sa_family))
		return -EINVAL;
	lock_sock(sock->sk);
	err = open_connect_locked(sock, uaddr, len, flags);
	release_sock(sock->sk);
	return err;
}

/* --- the passive open --- */

int yoke_open_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = -EINVAL;

	lock_sock(sk);
	if (sock->state != SS_UNCONNECTED || !yoke_conn_in(sk, TCPF_CLOSE | TCPF_LISTEN))
		goto out;
	WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
	err = 0;
	if (sk->sk_state == TCP_LISTEN)
		goto out;
	err = yoke_addr_choose(sk, AF_INET6);
	if (err == -EAFNOSUPPORT)
		err = yoke_addr_choose(sk, AF_INET);
	if (!err && !inet_sk(sk)->inet_num)
		err = yoke_open_get_port(sk, 0);
	if (!err) {
		/* Others who want the port may be reading it. */
		WRITE_ONCE(yoke_sk(sk)->owner.vrf, open_ports_vrf(sk));
		err = yoke_listen_start(sk);
	}
out:
	release_sock(sk);
	return err;
}

/* Waits for a child in the queue of a listener. */
static int open_wait_child(struct sock *sk, long timeo)
{
	DEFINE_WAIT(wait);
	int err;

	for (;;) {
		prepare_to_wait_exclusive(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
		release_sock(sk);
		if (!yoke_child_ready(sk))
			timeo = schedule_timeout(timeo);
		sched_annotate_sleep();
		lock_sock(sk);
		err = 0;
		if (yoke_child_ready(sk))
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

static struct sock *open_take_child(struct sock *sk, int flags)
{
	struct sock *child = NULL;
	long timeo = sock_rcvtimeo(sk, flags & O_NONBLOCK);
	int err = 0;

	lock_sock(sk);
	if (sk->sk_state != TCP_LISTEN)
		err = -EINVAL;
	else if (!yoke_child_ready(sk))
		err = timeo ? open_wait_child(sk, timeo) : -EAGAIN;
	if (!err) {
		child = yoke_child_dequeue(sk);
		if (!child)
			err = -EAGAIN;
	}
	release_sock(sk);
	return err ? ERR_PTR(err) : child;
}

int yoke_open_accept(struct socket *sock, struct socket *newsock, struct proto_accept_arg *arg)
{
	struct sock *child = open_take_child(sock->sk, arg->flags);

	if (IS_ERR(child))
		return PTR_ERR(child);
	arg->is_empty = !yoke_child_ready(sock->sk);
	lock_sock(child);
	yoke_cgroup_charge(child);
	sock_graft(child, newsock);
	yoke_sockopt_stream_init(newsock);
	newsock->state = SS_CONNECTED;
	release_sock(child);
	return 0;
}

/* --- the end --- */

/* The state that closing our direction leads to; true if a FIN must say so. */
static bool open_close_state(struct sock *sk)
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
void yoke_open_shutdown(struct sock *sk, int how)
{
	if (!(how & SEND_SHUTDOWN))
		return;
	if (!yoke_conn_in(sk, TCPF_ESTABLISHED | TCPF_SYN_RECV | TCPF_CLOSE_WAIT))
		return;
	yoke_conn_clock(yoke_sk(sk));
	if (open_close_state(sk))
		yoke_send_fin(sk);
}

/* Throws away what nobody will read. True if there was data. */
static bool open_discard_unread(struct sock *sk)
{
	struct sk_buff *skb;
	u32 unread = 0;

	while ((skb = __skb_dequeue(&sk->sk_receive_queue))) {
		unread += skb->len;
		__kfree_skb(skb);
	}
	return unread;
}

/* SO_LINGER: waits until the peer has acknowledged all, our FIN too. */
static void open_wait_fin_acked(struct sock *sk, long timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	if (!timeout)
		return;
	add_wait_queue(sk_sleep(sk), &wait);
	while (yoke_conn_in(sk, TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK) &&
	       timeout && !signal_pending(current)) {
		release_sock(sk);
		timeout = wait_woken(&wait, TASK_INTERRUPTIBLE, timeout);
		lock_sock(sk);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
}

/* The program lets go of a connection: says so to the peer, politely or not. */
static void open_close_conn(struct sock *sk, long timeout)
{
	bool unread = open_discard_unread(sk);

	if (sk->sk_state == TCP_CLOSE)
		return;
	if (unlikely(yoke_sk(sk)->repair)) {
		yoke_open_disconnect(sk, 0);
	} else if (unread) {
		/* Data is lost, and the peer must know (RFC 2525 §2.17). */
		yoke_count(sock_net(sk), AbortOnClose);
		yoke_output_reset(sk);
		yoke_conn_set_state(sk, TCP_CLOSE);
	} else if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime) {
		yoke_count(sock_net(sk), AbortOnData);
		yoke_open_disconnect(sk, 0);
	} else if (open_close_state(sk)) {
		yoke_send_fin(sk);
	}
	open_wait_fin_acked(sk, timeout);
}

/* The socket has no program any more, and a connection that still has to end. */
static void open_close_orphan(struct sock *sk)
{
	if (sk->sk_state == TCP_FIN_WAIT2) {
		yoke_timewait_left(sk);
	} else if (sk->sk_state != TCP_CLOSE && yoke_mem_is_scarce(sk, 0)) {
		yoke_count(sock_net(sk), AbortOnMemory);
		yoke_output_reset(sk);
		yoke_conn_done(sk);
	}
}

/* proto.close, from inet_release(). */
void yoke_open_close(struct sock *sk, long timeout)
{
	/* An orphan holds none. A kernel's socket may be closed while its namespace goes: that waits for us. */
	struct net *net = maybe_get_net(sock_net(sk));
	bool closed;

	lock_sock(sk);
	sock_hold(sk);
	yoke_conn_clock(yoke_sk(sk));
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	yoke_fastopen_judge_path(sk);
	if (sk->sk_state == TCP_LISTEN)
		yoke_listen_stop(sk);
	else
		open_close_conn(sk, timeout);
	closed = sk->sk_state == TCP_CLOSE;
	yoke_conn_orphan(sk);
	/*
	 * Segments that came meanwhile find an orphan; one of them may end, and destroy, it. None is
	 * left in the backlog when a TIME-WAIT takes over: a reset there would be lost.
	 */
	release_sock(sk);

	local_bh_disable();
	bh_lock_sock(sk);
	yoke_conn_clock(yoke_sk(sk));
	if (closed)
		yoke_conn_destroy(sk);
	else
		open_close_orphan(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
	sock_put(sk);
	if (net)
		put_net(net);
}
