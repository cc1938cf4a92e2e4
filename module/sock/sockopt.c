// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options of the stream type: SOL_TCP's names, numbers, ranges, units and errors.
 *
 * SOL_SOCKET comes here for what the core grants to TCP only, or refuses to TCP only, and goes on to
 * it. SOL_IP is the host's own.
 * Process context, takes the socket lock. Owns nodelay, cork, user_mss, syn_retries, thin_timeouts,
 * linger2, keep_time, keep_intvl, keep_cnt, user_timeout, window_clamp, tx_delay, rto_min, delack_max,
 * has_labels.
 */
#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/tcp.h>
#include "../engine/addr.h"
#include "../engine/fastopen.h"
#include "../engine/listen.h"
#include "../engine/metrics.h"
#include "../engine/mss.h"
#include "../engine/output.h"
#include "../engine/pace.h"
#include "../engine/send.h"
#include "../table/cc_table.h"
#include "info.h"
#include "read.h"
#include "repair.h"
#include "sockopt.h"

/* A change of Nagle or cork: what was held back may go. */
static void sockopt_push(struct sock *sk)
{
	yoke_conn_clock(yoke_sk(sk));
	yoke_send_push(sk, YOKE_PUSH_ALL);	/* if it may send yet, or still */
}

static int sockopt_set_seconds(u16 *field, int val, int most)
{
	if (val < 1 || val > most)
		return -EINVAL;
	WRITE_ONCE(*field, val);
	return 0;
}

static int sockopt_set_count(u8 *field, int val, int most)
{
	if (val < 1 || val > most)
		return -EINVAL;
	WRITE_ONCE(*field, val);
	return 0;
}

/* An idle time counts from what came last, even if it is new. */
static int sockopt_set_keepidle(struct sock *sk, int val)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u32 idle = (u32)jiffies - ys->last_rcv_jiffies;
	int err = sockopt_set_seconds(&ys->keep_time, val, MAX_TCP_KEEPIDLE);

	if (!err && sock_flag(sk, SOCK_KEEPOPEN) &&
	    !yoke_conn_in(sk, TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT))
		yoke_conn_timer_arm(sk, YOKE_TIMER_KEEP, val * HZ - min_t(u32, idle, val * HZ));
	return err;
}

static int sockopt_set_window_clamp(struct sock *sk, int val)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (!val && sk->sk_state != TCP_CLOSE)
		return -EINVAL;
	ys->route_clamp = false;
	WRITE_ONCE(ys->window_clamp, val ? max_t(int, val, SOCK_MIN_RCVBUF / 2) : U32_MAX);
	return 0;
}

/* TCP_RTO_MAX_MS, to the next jiffy. */
static int sockopt_set_rto_max(struct yoke_sock *ys, int val)
{
	if (val < (int)MSEC_PER_SEC || val > (int)(YOKE_RTO_MAX_US / USEC_PER_MSEC))
		return -EINVAL;
	yoke_rtt_bound(&ys->rtt, ys->rtt.rto_min_us, jiffies_to_usecs(msecs_to_jiffies(val)));
	return 0;
}

/* TCP_RTO_MIN_US, TCP_DELACK_MAX_US: from two jiffies to 200 ms, which is the most of both. */
static int sockopt_set_jiffies(struct sock *sk, u8 *field, int val)
{
	unsigned long t = usecs_to_jiffies(val);

	if (t < TCP_TIMEOUT_MIN || t > TCP_RTO_MIN)
		return -EINVAL;
	*field = t;
	yoke_metrics_timers(sk);
	return 0;
}

/* 0 leaves quick mode; else enters it and settles the ACK that is owed. */
static void sockopt_set_quickack(struct sock *sk, int val)
{
	struct yoke_sock *ys = yoke_sk(sk);

	ys->pingpong = !val;
	ys->quickack = val ? TCP_MAX_QUICKACKS : 0;
	if (!val || !ys->ack_due || !yoke_conn_in(sk, TCPF_ESTABLISHED | TCPF_CLOSE_WAIT))
		return;
	yoke_conn_clock(ys);
	yoke_output_ack(sk);
}

static int sockopt_set_cc(struct sock *sk, const char *name)
{
	struct yoke_sock *ys = yoke_sk(sk);
	const struct yoke_cc_ops *old = ys->cc.ops, *ops;

	if (ys->cc_locked)
		return -EPERM;
	ops = yoke_cc_table_choose(old, name,
				   sockopt_ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN));
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	ys->cc_chosen = true;
	if (ops == old)
		return 0;
	yoke_cc_change(&ys->cc, ops);
	yoke_pace_update(sk);
	yoke_cc_table_put(old);
	return 0;
}

/* TCP_FASTOPEN: how many connections may be open before their handshake is over. */
static int sockopt_set_fastopen(struct sock *sk, int val)
{
	int err;

	if (val < 0 || !yoke_conn_in(sk, TCPF_CLOSE | TCPF_LISTEN))
		return -EINVAL;
	err = yoke_listen_prepare(sk);
	if (!err)
		yoke_fastopen_allow(sk, val);
	return err;
}

/* TCP_FASTOPEN_CONNECT: connect() may wait for the first data to send with the SYN. */
static int sockopt_set_fastopen_connect(struct sock *sk, int val)
{
	if (val < 0 || val > 1)
		return -EINVAL;
	if (!(READ_ONCE(yoke_net(sock_net(sk))->set.fastopen) & YOKE_FASTOPEN_CLIENT))
		return -EOPNOTSUPP;
	if (sk->sk_state != TCP_CLOSE)
		return -EINVAL;
	yoke_sk(sk)->fastopen_connect = val;
	return 0;
}

static int sockopt_set_fastopen_no_cookie(struct sock *sk, int val)
{
	if (val < 0 || val > 1 || !yoke_conn_in(sk, TCPF_CLOSE | TCPF_LISTEN))
		return -EINVAL;
	yoke_sk(sk)->fastopen_no_cookie = val;
	return 0;
}

/* One key, or a second behind it, that was the first one until now. */
static int sockopt_set_fastopen_key(struct sock *sk, sockptr_t optval, unsigned int len)
{
	u8 keys[2 * YOKE_FASTOPEN_KEY];
	int err = 0;

	if (len != YOKE_FASTOPEN_KEY && len != sizeof(keys))
		return -EINVAL;
	if (copy_from_sockptr(keys, optval, len))
		return -EFAULT;
	/* What will not listen any more has no use for them. */
	lock_sock(sk);
	if (yoke_conn_in(sk, TCPF_CLOSE | TCPF_LISTEN)) {
		err = yoke_listen_prepare(sk);
		if (!err)
			yoke_fastopen_set_keys(sock_net(sk), sk, keys, len / YOKE_FASTOPEN_KEY);
	}
	release_sock(sk);
	return err;
}

/* TCP_DEFER_ACCEPT: seconds to and from the number of a SYN-ACK's timeouts that they last. */
static u8 sockopt_timeouts(int seconds)
{
	int timeout = 1, period = 1;
	u8 n = seconds > 0;

	for (; seconds > period && n < U8_MAX; n++) {
		timeout = min(2 * timeout, (int)(TCP_RTO_MAX / HZ));
		period += timeout;
	}
	return n;
}

static int sockopt_timeouts_last(u8 n)
{
	int timeout = 1, period = 0;

	for (; n; n--) {
		period += timeout;
		timeout = min(2 * timeout, (int)(TCP_RTO_MAX / HZ));
	}
	return period;
}

static int sockopt_set_int(struct sock *sk, int name, int val)
{
	struct yoke_sock *ys = yoke_sk(sk);

	switch (name) {
	case TCP_NODELAY:
		ys->nodelay = val != 0;
		if (val)
			sockopt_push(sk);
		return 0;
	case TCP_CORK:
		ys->cork = val != 0;
		if (!val)
			sockopt_push(sk);
		return 0;
	case TCP_MAXSEG:
		if (val && (val < TCP_MIN_MSS || val > MAX_TCP_WINDOW))
			return -EINVAL;
		WRITE_ONCE(ys->user_mss, val);
		return 0;
	case TCP_KEEPIDLE:
		return sockopt_set_keepidle(sk, val);
	case TCP_KEEPINTVL:
		return sockopt_set_seconds(&ys->keep_intvl, val, MAX_TCP_KEEPINTVL);
	case TCP_KEEPCNT:
		return sockopt_set_count(&ys->keep_cnt, val, MAX_TCP_KEEPCNT);
	case TCP_SYNCNT:
		return sockopt_set_count(&ys->syn_retries, val, MAX_TCP_SYNCNT);
	case TCP_LINGER2:
		ys->linger2 = clamp(val, -1, TCP_FIN_TIMEOUT_MAX / HZ);
		return 0;
	case TCP_WINDOW_CLAMP:
		return sockopt_set_window_clamp(sk, val);
	case TCP_QUICKACK:
		sockopt_set_quickack(sk, val);
		return 0;
	case TCP_NOTSENT_LOWAT:
		WRITE_ONCE(ys->notsent_lowat, val);
		sk->sk_write_space(sk);
		return 0;
	case TCP_INQ:
		if (val < 0 || val > 1)
			return -EINVAL;
		ys->tell_inq = val;
		return 0;
	case TCP_REPAIR:
		return yoke_repair_set(sk, val);
	case TCP_REPAIR_QUEUE:
		return yoke_repair_set_queue(sk, val);
	case TCP_QUEUE_SEQ:
		return yoke_repair_set_seq(sk, val);
	case TCP_TIMESTAMP:
		return yoke_repair_set_clock(sk, val);
	case TCP_DEFER_ACCEPT:
		WRITE_ONCE(ys->defer_accept, sockopt_timeouts(val));
		return 0;
	case TCP_SAVE_SYN:		/* 1: from the IP header, 2: from the link's */
		if (val < 0 || val > 2)
			return -EINVAL;
		WRITE_ONCE(ys->save_syn, val);
		return 0;
	case TCP_THIN_LINEAR_TIMEOUTS:
		if (val < 0 || val > 1)
			return -EINVAL;
		ys->thin_timeouts = val;
		return 0;
	case TCP_THIN_DUPACK:		/* RACK does it for all: TCP has kept but the name */
		return val < 0 || val > 1 ? -EINVAL : 0;
	case TCP_TX_DELAY:
		if (val < 0 || val >= 1 << 28)
			return -EINVAL;
		WRITE_ONCE(ys->tx_delay, val);
		return 0;
	case TCP_RTO_MAX_MS:
		return sockopt_set_rto_max(ys, val);
	case TCP_RTO_MIN_US:
		return sockopt_set_jiffies(sk, &ys->rto_min, val);
	case TCP_DELACK_MAX_US:
		return sockopt_set_jiffies(sk, &ys->delack_max, val);
	case TCP_FASTOPEN:
		return sockopt_set_fastopen(sk, val);
	case TCP_FASTOPEN_CONNECT:
		return sockopt_set_fastopen_connect(sk, val);
	case TCP_FASTOPEN_NO_COOKIE:
		return sockopt_set_fastopen_no_cookie(sk, val);
	case TCP_USER_TIMEOUT:
		if (val < 0)
			return -EINVAL;
		WRITE_ONCE(ys->user_timeout, val);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* 0, -EINVAL or -EFAULT. */
static int sockopt_read_int(int *val, sockptr_t optval, unsigned int len)
{
	if (len < sizeof(*val))
		return -EINVAL;
	return copy_from_sockptr(val, optval, sizeof(*val)) ? -EFAULT : 0;
}

static int sockopt_set_tcp(struct sock *sk, int name, sockptr_t optval, unsigned int len)
{
	char cc[YOKE_CC_NAME];
	int val, err;

	if (name == TCP_FASTOPEN_KEY)
		return sockopt_set_fastopen_key(sk, optval, len);
	if (name == TCP_CONGESTION || name == TCP_ULP) {
		if (len < 1)
			return -EINVAL;
		val = strncpy_from_sockptr(cc, optval, min_t(unsigned int, sizeof(cc) - 1, len));
		if (val < 0)
			return -EFAULT;
		cc[val] = '\0';
		/* No upper layer knows this protocol. */
		if (name == TCP_ULP)
			return -ENOENT;
		lock_sock(sk);
		err = sockopt_set_cc(sk, cc);
	} else {
		err = sockopt_read_int(&val, optval, len);
		if (err)
			return err;
		lock_sock(sk);
		if (name == TCP_REPAIR_OPTIONS)
			err = yoke_repair_set_options(sk, optval, len);
		else if (name == TCP_REPAIR_WINDOW)
			err = yoke_repair_set_window(sk, optval, len);
		else
			err = sockopt_set_int(sk, name, val);
	}
	release_sock(sk);
	return err;
}

/* SOL_SOCKET: what the core would refuse, as this is not TCP. */
static int sockopt_set_zerocopy(struct sock *sk, sockptr_t optval, unsigned int len)
{
	int val, err = sockopt_read_int(&val, optval, len);

	if (err)
		return err;
	if (val < 0 || val > 1)
		return -EINVAL;
	lock_sock(sk);
	sock_valbool_flag(sk, SOCK_ZEROCOPY, val);
	release_sock(sk);
	return 0;
}

/* Likewise, from 6.16 on: may a timeout move it to another way (SO_TXREHASH)? */
static int sockopt_set_txrehash(struct sock *sk, sockptr_t optval, unsigned int len)
{
	int val, err = sockopt_read_int(&val, optval, len);

	if (err)
		return err;
	if (val < -1 || val > 1)
		return -EINVAL;
	if ((u8)val == SOCK_TXREHASH_DEFAULT)
		val = READ_ONCE(sock_net(sk)->core.sysctl_txrehash);
	WRITE_ONCE(sk->sk_txrehash, val);
	return 0;
}

void yoke_sockopt_stream_init(struct socket *sock)
{
	yoke_compat_answer_sol_socket(sock);
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);
}

/* What it put into IP's header takes the place of data. */
static int sockopt_set_ip(struct sock *sk, int level, int name, sockptr_t val, unsigned int len)
{
	int err = yoke_addr_setsockopt(sk, level, name, val, len);
	struct yoke_sock *ys = yoke_sk(sk);

	if (!err && level == SOL_IPV6 && name == IPV6_FLOWLABEL_MGR) {
		lock_sock(sk);
		ys->has_labels = true;
		release_sock(sk);
	}
	if (err || yoke_conn_in(sk, TCPF_CLOSE | TCPF_LISTEN))
		return err;
	lock_sock(sk);
	if (!yoke_conn_in(sk, TCPF_CLOSE | TCPF_LISTEN) &&
	    yoke_addr_options_len(sk, ys->af) != ys->options_len) {
		yoke_conn_clock(ys);
		yoke_mss_sync(sk, ys->pmtu);
	}
	release_sock(sk);
	return 0;
}

int yoke_sockopt_stream_set(struct socket *sock, int level, int name, sockptr_t val,
			    unsigned int len)
{
	struct sock *sk = sock->sk;

	switch (level) {
	case SOL_SOCKET:
		if (name == SO_ZEROCOPY)
			return sockopt_set_zerocopy(sk, val, len);
		if (name == SO_TXREHASH)
			return sockopt_set_txrehash(sk, val, len);
		/* It would tell a program the sequence numbers. */
		if (name == SO_ATTACH_FILTER && len >= sizeof(int) &&
		    !sockopt_ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
			return -EPERM;
		return sock_setsockopt(sock, level, name, val, len);
	case SOL_TCP:
		return sockopt_set_tcp(sk, name, val, len);
	case SOL_IP:
		if (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP)
			return -EPROTO;
		fallthrough;
	default:
		return sockopt_set_ip(sk, level, name, val, len);
	}
}

/* --- getsockopt --- */

static int sockopt_get_maxseg(struct sock *sk)
{
	const struct yoke_sock *ys = yoke_sk(sk);

	if (ys->repair)
		return ys->mss_clamp;
	if (!yoke_conn_in(sk, TCPF_CLOSE | TCPF_LISTEN))
		return ys->mss;
	return ys->user_mss ?: TCP_MSS_DEFAULT;
}

/* What the algorithm says of itself; returns how much. */
static int sockopt_cc_info(struct sock *sk, union tcp_cc_info *info)
{
	const struct yoke_cc *cc = &yoke_sk(sk)->cc;
	size_t len;
	int attr;

	memset(info, 0, sizeof(*info));
	len = cc->ops->get_info ? cc->ops->get_info(cc, ~0u, &attr, info) : 0;
	/* What lives on marks has nothing to say without them. */
	if (yoke_conn_needs_ecn(sk) && yoke_sk(sk)->ecn.mode == YOKE_ECN_OFF &&
	    !yoke_conn_in(sk, TCPF_CLOSE | TCPF_LISTEN))
		memset(info, 0, len);
	return len;
}

static int sockopt_get_int(struct sock *sk, int name, int *val)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	const struct yoke_sock *ys = yoke_sk(sk);

	switch (name) {
	case TCP_NODELAY:
		*val = ys->nodelay;
		return 0;
	case TCP_CORK:
		*val = ys->cork;
		return 0;
	case TCP_MAXSEG:
		*val = sockopt_get_maxseg(sk);
		return 0;
	case TCP_KEEPIDLE:
		*val = ys->keep_time ?: READ_ONCE(set->keepalive_time) / HZ;
		return 0;
	case TCP_KEEPINTVL:
		*val = ys->keep_intvl ?: READ_ONCE(set->keepalive_intvl) / HZ;
		return 0;
	case TCP_KEEPCNT:
		*val = ys->keep_cnt ?: READ_ONCE(set->keepalive_probes);
		return 0;
	case TCP_SYNCNT:
		*val = ys->syn_retries ?: READ_ONCE(set->syn_retries);
		return 0;
	case TCP_LINGER2:
		*val = ys->linger2 ?: READ_ONCE(set->fin_timeout) / HZ;
		return 0;
	case TCP_WINDOW_CLAMP:
		*val = ys->window_clamp;
		if (ys->window_clamp == U32_MAX)	/* then the header's field is the limit */
			*val = yoke_conn_in(sk, TCPF_CLOSE | TCPF_LISTEN) ? 0 :
			       U16_MAX << ys->rcv_wscale;
		return 0;
	case TCP_QUICKACK:
		*val = !ys->pingpong;
		return 0;
	case TCP_REPAIR:
		*val = ys->repair;
		return 0;
	case TCP_REPAIR_QUEUE:
		return yoke_repair_get_queue(sk, val);
	case TCP_QUEUE_SEQ:
		return yoke_repair_get_seq(sk, val);
	case TCP_DEFER_ACCEPT:
		*val = sockopt_timeouts_last(ys->defer_accept);
		return 0;
	case TCP_SAVE_SYN:
		*val = ys->save_syn;
		return 0;
	case TCP_FASTOPEN:
		*val = yoke_conn_in(sk, TCPF_CLOSE | TCPF_LISTEN) && ys->listener ?
		       ys->listener->fastopen_max : 0;
		return 0;
	case TCP_FASTOPEN_CONNECT:
		*val = ys->fastopen_connect;
		return 0;
	case TCP_FASTOPEN_NO_COOKIE:
		*val = ys->fastopen_no_cookie;
		return 0;
	case TCP_USER_TIMEOUT:
		*val = ys->user_timeout;
		return 0;
	case TCP_NOTSENT_LOWAT:
		*val = ys->notsent_lowat;
		return 0;
	case TCP_INQ:
		*val = ys->tell_inq;
		return 0;
	case TCP_THIN_LINEAR_TIMEOUTS:
		*val = ys->thin_timeouts;
		return 0;
	case TCP_THIN_DUPACK:
		*val = 0;
		return 0;
	case TCP_TX_DELAY:
		*val = ys->tx_delay;
		return 0;
	case TCP_RTO_MAX_MS:
		*val = jiffies_to_msecs(usecs_to_jiffies(ys->rtt.rto_max_us));
		return 0;
	case TCP_RTO_MIN_US:
		*val = jiffies_to_usecs(ys->rto_min ?: usecs_to_jiffies(READ_ONCE(set->rto_min_us)));
		return 0;
	case TCP_DELACK_MAX_US:
		*val = jiffies_to_usecs(ys->delack_max ?: TCP_DELACK_MAX);
		return 0;
	case TCP_TIMESTAMP:
		yoke_conn_clock(yoke_sk(sk));
		*val = yoke_conn_tsval(ys);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* Gives the program the first @len bytes of @from, and tells how many they are. */
static int sockopt_put(char __user *optval, int __user *optlen, const void *from, int len)
{
	if (put_user(len, optlen) || copy_to_user(optval, from, len))
		return -EFAULT;
	return 0;
}

/* Once, and whole; without room for it the program learns how much it takes. */
static int sockopt_get_saved_syn(struct sock *sk, char __user *optval, int __user *optlen, int len)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_saved_syn *saved;
	int err;

	lock_sock(sk);
	saved = ys->saved_syn;
	if (!saved) {
		err = put_user(0, optlen);
	} else if (len < (int)saved->len) {
		err = put_user(saved->len, optlen) ?: -EINVAL;
	} else {
		err = sockopt_put(optval, optlen, saved->data, saved->len);
		if (!err) {
			kfree(saved);
			ys->saved_syn = NULL;
		}
	}
	release_sock(sk);
	return err;
}

/* All of it or nothing, and the program's length stays. */
static int sockopt_get_repair_window(struct sock *sk, char __user *optval, int len)
{
	struct tcp_repair_window window;
	int err;

	if (len != sizeof(window))
		return -EINVAL;
	lock_sock(sk);
	err = yoke_repair_get_window(sk, &window);
	release_sock(sk);
	if (err)
		return err;
	return copy_to_user(optval, &window, sizeof(window)) ? -EFAULT : 0;
}

/* As much of the struct as the program knows, both ways; its length stays. */
static int sockopt_get_zerocopy(struct sock *sk, char __user *optval, int __user *optlen, int len)
{
	struct tcp_zerocopy_receive zc = { };
	int err;

	if (len < (int)offsetofend(struct tcp_zerocopy_receive, length))
		return -EINVAL;
	if (len > (int)sizeof(zc)) {
		err = check_zeroed_user(optval + sizeof(zc), len - sizeof(zc));
		if (err < 1)
			return err ?: -EINVAL;
		len = sizeof(zc);
		if (put_user(len, optlen))
			return -EFAULT;
	}
	if (copy_from_user(&zc, optval, len))
		return -EFAULT;
	if (zc.reserved || zc.msg_flags & ~2U)	/* TCP_CMSG_TS, which is in no header */
		return -EINVAL;
	lock_sock(sk);
	err = yoke_read_zerocopy(sk, &zc);
	if (!err && len >= (int)offsetofend(struct tcp_zerocopy_receive, err))
		zc.err = sock_error(sk);
	zc.inq = yoke_read_inq(sk);
	release_sock(sk);
	return err ?: copy_to_user(optval, &zc, len) ? -EFAULT : 0;
}

static int sockopt_get_tcp(struct sock *sk, int name, char __user *optval, int __user *optlen)
{
	u8 keys[2 * YOKE_FASTOPEN_KEY];
	char cc[YOKE_CC_NAME] = "";
	struct yoke_tcp_info info;
	union tcp_cc_info cc_info;
	int len, val, err;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	switch (name) {
	case TCP_INFO:
		yoke_info(sk, &info);
		return sockopt_put(optval, optlen, &info, min_t(int, len, sizeof(info)));
	case TCP_CONGESTION:
		lock_sock(sk);
		strscpy_pad(cc, yoke_sk(sk)->cc.ops->name, sizeof(cc));
		release_sock(sk);
		return sockopt_put(optval, optlen, cc, min_t(int, len, sizeof(cc)));
	case TCP_SAVED_SYN:
		return sockopt_get_saved_syn(sk, optval, optlen, len);
	case TCP_REPAIR_WINDOW:
		return sockopt_get_repair_window(sk, optval, len);
	case TCP_ZEROCOPY_RECEIVE:
		return sockopt_get_zerocopy(sk, optval, optlen, len);
	case TCP_ULP:
		return put_user(0, optlen);
	case TCP_CC_INFO:
		lock_sock(sk);
		val = sockopt_cc_info(sk, &cc_info);
		release_sock(sk);
		return sockopt_put(optval, optlen, &cc_info, min(len, val));
	case TCP_FASTOPEN_KEY:
		val = 0;
		lock_sock(sk);
		if (yoke_conn_in(sk, TCPF_CLOSE | TCPF_LISTEN) && yoke_sk(sk)->listener)
			val = yoke_fastopen_get_keys(sock_net(sk), sk, keys);
		release_sock(sk);
		return sockopt_put(optval, optlen, keys, min_t(int, len, val * YOKE_FASTOPEN_KEY));
	}
	lock_sock(sk);
	err = sockopt_get_int(sk, name, &val);
	release_sock(sk);
	return err ?: sockopt_put(optval, optlen, &val, min_t(int, len, sizeof(val)));
}

int yoke_sockopt_stream_get(struct socket *sock, int level, int name, char __user *val,
			    int __user *len)
{
	struct sock *sk = sock->sk;

	switch (level) {
	case SOL_TCP:
		return sockopt_get_tcp(sk, name, val, len);
	default:
		return yoke_addr_getsockopt(sk, level, name, val, len);
	}
}
