// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket tells of itself: every field of struct tcp_info beside TCP's after the same script,
 * and the options that ask for one number.
 */
#include "yoke_test.h"
#include <stddef.h>

IN_OWN_NET(info)
ON_A_LINK(on_a_link)

#ifndef TCP_TIMESTAMP
#define TCP_TIMESTAMP 24
#endif

/*
 * struct tcp_info of Linux 6.12, each field with what can be compared: that it is the SAME after the
 * same script, that both are zero or neither (ALIKE), or nothing, as it is a time or another
 * algorithm's choice (FREE).
 */
#define FIELDS(X)							\
	X(8, state, SAME) X(8, ca_state, SAME) X(8, retransmits, SAME) X(8, probes, ALIKE)	\
	X(8, backoff, SAME) X(8, options, SAME) X(8, wscales, SAME) X(8, bits, FREE)		\
	X(32, rto, ALIKE) X(32, ato, FREE) X(32, snd_mss, SAME) X(32, rcv_mss, ALIKE)		\
	X(32, unacked, SAME) X(32, sacked, SAME) X(32, lost, SAME) X(32, retrans, SAME)		\
	X(32, fackets, FREE) X(32, last_data_sent, FREE) X(32, last_ack_sent, SAME)		\
	X(32, last_data_recv, FREE) X(32, last_ack_recv, FREE) X(32, pmtu, SAME)		\
	X(32, rcv_ssthresh, ALIKE) X(32, rtt, ALIKE) X(32, rttvar, ALIKE)			\
	X(32, snd_ssthresh, ALIKE) X(32, snd_cwnd, ALIKE) X(32, advmss, SAME)			\
	X(32, reordering, SAME) X(32, rcv_rtt, FREE) X(32, rcv_space, ALIKE)			\
	X(32, total_retrans, SAME) X(64, pacing_rate, FREE) X(64, max_pacing_rate, SAME)	\
	X(64, bytes_acked, SAME) X(64, bytes_received, SAME) X(32, segs_out, ALIKE)		\
	X(32, segs_in, ALIKE) X(32, notsent_bytes, ALIKE) X(32, min_rtt, ALIKE)			\
	X(32, data_segs_in, SAME) X(32, data_segs_out, SAME) X(64, delivery_rate, FREE)		\
	X(64, busy_time, FREE) X(64, rwnd_limited, ALIKE) X(64, sndbuf_limited, ALIKE)		\
	X(32, delivered, SAME) X(32, delivered_ce, SAME) X(64, bytes_sent, SAME)		\
	X(64, bytes_retrans, SAME) X(32, dsack_dups, SAME) X(32, reord_seen, ALIKE)		\
	X(32, rcv_ooopack, SAME) X(32, snd_wnd, ALIKE) X(32, rcv_wnd, ALIKE) X(32, rehash, SAME) \
	X(16, total_rto, SAME) X(16, total_rto_recoveries, SAME) X(32, total_rto_time, ALIKE)

enum { SAME, ALIKE, FREE };

struct full {
#define X(bits, name, how)	uint##bits##_t name;
	FIELDS(X)
#undef X
	char newer[64];
	socklen_t len;
};

static const struct field {
	const char *name;
	unsigned int at, size;
	int how;
} fields[] = {
#define X(bits, name, how)	{ #name, offsetof(struct full, name), bits / 8, how },
	FIELDS(X)
#undef X
};

static struct full info_of(int fd)
{
	struct full i = { .len = offsetof(struct full, len) };

	must(getsockopt(fd, SOL_TCP, TCP_INFO, &i, &i.len));
	return i;
}

static uint64_t get(const struct full *i, const struct field *f)
{
	uint64_t n = 0;

	memcpy(&n, (const char *)i + f->at, f->size);
	return n;
}

/* How many fields differ that should not; says which. Older kernels' TCP has fewer of them. */
static int differences(const char *where, struct full ours, struct full theirs)
{
	unsigned int i, n = 0;

	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		const struct field *f = &fields[i];
		uint64_t a = get(&ours, f), b = get(&theirs, f);

		if (f->at + f->size > theirs.len)
			break;
		if (f->how == FREE || (f->how == SAME ? a == b : !a == !b))
			continue;
		fprintf(stderr, "# %s: %s is %llu, TCP's %llu\n", where, f->name, (unsigned long long)a,
		       (unsigned long long)b);
		n++;
	}
	return n;
}

/* The same over both: ours, then TCP's. */
struct both {
	struct pair p[2];
};

#define EACH(i) (int i = 0; i < 2; i++)

static struct pair small_window_pair(void)
{
	int listening = bound(SOCK_STREAM, LOOPBACK, 0);
	struct pair p;

	must(set_opt(listening, SOL_SOCKET, SO_RCVBUF, 16384));
	must(listen(listening, 1));
	p = pair_through(listening, LOOPBACK);
	close(listening);
	return p;
}

/* Yoke's buffers may grow larger than TCP's, which the window scale would show. */
static void like_buffers(int ns)
{
	enter(ns);
	must_hold(shell("sysctl -qw net.ipv4.tcp_rmem='4096 131072 6291456' && "
			"if [ -e /proc/sys/net/yoke ]; then "
			"sysctl -qw net.yoke.rmem='4096 131072 6291456'; fi"));
}

static struct both both_pairs(struct net *net)
{
	struct both b;

	if (net) {
		like_buffers(net->b);
		like_buffers(net->a);
		/* The first packet on a new cable may be lost. */
		link_pair(*net);
	}
	b.p[0] = net ? link_pair(*net) : stream_pair();
	other_family = host_family();
	b.p[1] = net ? link_pair(*net) : stream_pair();
	other_family = 0;
	for EACH(i) {
		must(set_opt(b.p[i].a, SOL_TCP, TCP_NODELAY, 1));
		must(set_opt(b.p[i].b, SOL_TCP, TCP_NODELAY, 1));
	}
	return b;
}

static int differ(const char *where, struct both b)
{
	char end[64];
	int n;

	snprintf(end, sizeof(end), "%s, opener", where);
	n = differences(end, info_of(b.p[0].a), info_of(b.p[1].a));
	snprintf(end, sizeof(end), "%s, acceptor", where);
	return n + differences(end, info_of(b.p[0].b), info_of(b.p[1].b));
}

/* Some bytes, received and acknowledged. */
static bool say(int from, int to, int len)
{
	char buf[4096] = "";

	return send(from, buf, len, 0) == len && recv(to, buf, len, MSG_WAITALL) == len &&
	       until(outq(from) == 0);
}

TEST_F(on_a_link, before_and_at_the_opening)
{
	int a = stream(), b, la, lb;

	other_family = host_family();
	b = stream();
	lb = listener(LOOPBACK, 0, 7);
	other_family = 0;
	la = listener(LOOPBACK, 0, 7);
	EXPECT_EQ(0, differences("fresh", info_of(a), info_of(b)));
	EXPECT_EQ(0, differences("listener", info_of(la), info_of(lb)));
	EXPECT_EQ(0, differ("connected", both_pairs(&self->net)));
}

TEST_F(on_a_link, a_conversation)
{
	int tries = 5, retrans;
	struct both b;

	/* Where the machine stands still a timeout overtakes an ACK that was delayed: once more. */
	do {
		b = both_pairs(&self->net);
		retrans = 0;
		for EACH(i) {
			int n;

			for (n = 0; n < 5; n++)
				ASSERT_TRUE(say(b.p[i].a, b.p[i].b, 100));
			for (n = 0; n < 3; n++)
				ASSERT_TRUE(say(b.p[i].b, b.p[i].a, 50));
			retrans += info_of(b.p[i].a).total_retrans + info_of(b.p[i].b).total_retrans;
		}
	} while (retrans && --tries);
	EXPECT_EQ(0, differ("talking", b));
	for EACH(i) {
		must(shutdown(b.p[i].a, SHUT_WR));
		must_hold(wait_events(b.p[i].b, POLLRDHUP));
		until(info_of(b.p[i].a).state == TCP_FIN_WAIT2);
	}
	EXPECT_TRUE(until(info_of(b.p[0].a).state == info_of(b.p[1].a).state));
	/* (TCP's acceptor counts the FIN among bytes_received.) */
	EXPECT_EQ(0, differences("half closed", info_of(b.p[0].a), info_of(b.p[1].a)));
}

TEST_F(info, times)
{
	struct pair p = stream_pair();
	struct full a, b;

	EXPECT_GT(1u * BOUND, info_of(p.b).last_data_recv);	/* since it began, when there was none */
	ASSERT_TRUE(say(p.a, p.b, 100));
	usleep(300000);		/* nothing to wait for: it is the time itself */
	a = info_of(p.a);
	b = info_of(p.b);
	EXPECT_LE(290, a.last_data_sent);
	EXPECT_LE(290, b.last_data_recv);
	EXPECT_LE(290, a.last_ack_recv);
	promptly(200, (void)0,
		ASSERT_TRUE(say(p.b, p.a, 100));
		b = info_of(p.b);
	);
	EXPECT_GT(290, b.last_data_sent);
	EXPECT_GT(290, b.last_ack_recv);
	EXPECT_LE(290, b.last_data_recv);
}

/* A socket that may be used again has sent nothing. */
TEST_F(info, after_a_disconnect)
{
	struct pair p = stream_pair();
	struct full i;
	int n;

	for (n = 0; n < 30; n++)
		ASSERT_TRUE(say(p.a, p.b, 4096));
	EXPECT_EQ(30 * 4096, info_of(p.a).bytes_sent);
	must(connect_nowhere(p.a));
	i = info_of(p.a);
	EXPECT_EQ(0, i.bytes_sent);
	EXPECT_EQ(0, i.bytes_acked);
	EXPECT_EQ(0, i.unacked);
	EXPECT_EQ(10, i.snd_cwnd);
}

/* Who does not read limits who writes, and is seen to. */
TEST_F(info, a_closed_window)
{
	static char buf[1 << 18];
	struct full i[2];
	struct both b;

	for EACH(j) {
		struct pair p;

		other_family = j ? host_family() : 0;
		p = b.p[j] = small_window_pair();
		must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 1 << 19));
		EXPECT_EQ(sizeof(buf), send(p.a, buf, sizeof(buf), MSG_DONTWAIT));
	}
	for EACH(j) {
		EXPECT_TRUE(until((i[j] = info_of(b.p[j].a), !i[j].unacked && i[j].rwnd_limited >= 150000)));
		EXPECT_LE(i[j].rwnd_limited, i[j].busy_time);
		EXPECT_EQ(sizeof(buf), i[j].notsent_bytes + i[j].bytes_sent - i[j].bytes_retrans);
		EXPECT_EQ(i[j].bytes_sent - i[j].bytes_retrans, info_of(b.p[j].b).bytes_received);
		EXPECT_EQ(outq(b.p[j].a), i[j].notsent_bytes);
	}
	EXPECT_EQ(i[0].ca_state, i[1].ca_state);
	EXPECT_EQ(!i[0].sndbuf_limited, !i[1].sndbuf_limited);
}

/* A send buffer too small for the path. (TCP sees that rarely, and never in this case.) */
TEST_F(on_a_link, a_small_buffer)
{
	struct both b;
	struct full i;

	b = both_pairs(&self->net);
	NEED_NETEM(self->net.a, "delay 30ms");
	for EACH(j) {
		static char out[600000], in[600000];	/* enough for cwnd to outgrow it */
		int tries = 5;
		pid_t pid;

		other_family = j ? host_family() : 0;
		/* Not by the window; but while a reader stands still that takes all: once more, then. */
		do {
			must(set_opt(b.p[j].a, SOL_SOCKET, SO_SNDBUF, 4608));
			pid = background(send(b.p[j].a, out, sizeof(out), 0));
			EXPECT_EQ(sizeof(in), recv(b.p[j].b, in, sizeof(in), MSG_WAITALL));
			EXPECT_EQ(0, finish(pid));
			i = info_of(b.p[j].a);
		} while (i.busy_time / 10 <= i.rwnd_limited && --tries && (b.p[j] = link_pair(self->net), 1));
		EXPECT_GT(i.busy_time / 10, i.rwnd_limited);
		if (!j && !oracle())
			EXPECT_LT(0, i.sndbuf_limited);
		EXPECT_LT(0, i.busy_time);
		EXPECT_LE(i.sndbuf_limited, i.busy_time);
	}
	other_family = 0;
}

TEST_F(on_a_link, silence)
{
	struct both b = both_pairs(&self->net);
	static char buf[300];
	struct full i, j;

	for EACH(n)
		ASSERT_TRUE(say(b.p[n].a, b.p[n].b, 100));
	NEED_NETEM(self->net.a, "loss 100%");
	for EACH(n)
		must(send(b.p[n].a, buf, 300, 0));
	for EACH(n) {
		EXPECT_TRUE(until((i = info_of(b.p[n].a)).retransmits > 0));
		EXPECT_EQ(i.retransmits, i.backoff);
		EXPECT_EQ(4, i.ca_state);
		EXPECT_EQ(0, i.bytes_retrans % 300);
		EXPECT_EQ(400 + i.bytes_retrans, i.bytes_sent);
		EXPECT_EQ(i.bytes_retrans / 300 + 2, i.data_segs_out);
		EXPECT_EQ(1, i.unacked);
		EXPECT_EQ(1, i.lost);
		EXPECT_EQ(1, i.retrans);
	}
	ASSERT_TRUE(netem(self->net.a, NULL));
	for EACH(n) {
		EXPECT_TRUE(until(outq(b.p[n].a) == 0));
		j = info_of(b.p[n].a);
		EXPECT_EQ(0, j.retransmits);
		EXPECT_EQ(0, j.lost + j.retrans + j.unacked);
		if (j.len > offsetof(struct full, total_rto)) {
			EXPECT_LE(1, j.total_rto);
			EXPECT_LE(1, j.total_rto_recoveries);
			EXPECT_LE(j.total_rto_recoveries, j.total_rto);
			EXPECT_LE(190, j.total_rto_time);
		}
	}
}

/* Every fourth packet overtakes the three before it. */
TEST_F(on_a_link, disorder)
{
	struct both b = both_pairs(&self->net);

	NEED_NETEM(self->net.a, "delay 20ms reorder 100% gap 4");
	for EACH(n) {
		char buf[1000] = "";
		struct full i;
		int m, all = 0;

		/* Unless the machine stands still between the three and the fourth. */
		do {
			for (m = 0; m < 9; m++)
				must(send(b.p[n].a, buf, 100, 0));
			EXPECT_EQ(900, recv(b.p[n].b, buf, 900, MSG_WAITALL));
			EXPECT_TRUE(until(outq(b.p[n].a) == 0));
			i = info_of(b.p[n].b);
			all += 900;
		} while (!i.rcv_ooopack && all < 9000);
		EXPECT_LT(0, i.rcv_ooopack);
		/* What was sent again in vain is only known to be when it, too, has been under way. */
		EXPECT_TRUE(until((i = info_of(b.p[n].a), i.reord_seen + i.dsack_dups > 0)));
		EXPECT_EQ(i.bytes_sent, all + i.bytes_retrans);
		EXPECT_LE(i.dsack_dups, i.total_retrans);
	}
}

/* ---- single numbers ---------------------------------------------------------- */

static int inq_told(int fd, int len)
{
	char buf[64], control[64];
	struct iovec iov = { buf, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int left = -1;

	must(recvmsg(fd, &m, 0));
	control_bytes(&m, SOL_TCP, TCP_CM_INQ, &left, sizeof(left));
	return left;
}

TEST_F(info, inq)
{
	struct pair p = stream_pair();

	EXPECT_EQ(0, get_opt(p.b, SOL_TCP, TCP_INQ));
	EXPECT_ERR(EINVAL, set_opt(p.b, SOL_TCP, TCP_INQ, 2));
	EXPECT_ERR(EINVAL, set_opt(p.b, SOL_TCP, TCP_INQ, -1));
	must(send(p.a, "0123456789", 10, 0));
	ASSERT_TRUE(arrived(p.b, 10));
	EXPECT_EQ(-1, inq_told(p.b, 1));
	must(set_opt(p.b, SOL_TCP, TCP_INQ, 1));
	EXPECT_EQ(1, get_opt(p.b, SOL_TCP, TCP_INQ));
	EXPECT_EQ(6, inq_told(p.b, 3));
	EXPECT_EQ(0, inq_told(p.b, 6));
	must(shutdown(p.a, SHUT_WR));
	must_hold(wait_events(p.b, POLLRDHUP));
	EXPECT_EQ(1, inq_told(p.b, 1));		/* read on: there is the end */
}

/* Writable only while little waits to leave. */
TEST_F(info, notsent_lowat)
{
	struct pair p = stream_pair();
	static char buf[1 << 20];
	struct full i;
	int n;

	EXPECT_EQ(0, get_opt(p.a, SOL_TCP, TCP_NOTSENT_LOWAT));
	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 8192));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 1 << 20));
	must(set_opt(p.a, SOL_TCP, TCP_NOTSENT_LOWAT, 20000));
	EXPECT_EQ(20000, get_opt(p.a, SOL_TCP, TCP_NOTSENT_LOWAT));
	for (n = 0; n < 1000 && send(p.a, buf, 5000, MSG_DONTWAIT) > 0; n++)
		continue;
	EXPECT_GT(1000, n);
	EXPECT_ERR(EAGAIN, send(p.a, buf, 1, MSG_DONTWAIT));
	i = info_of(p.a);
	EXPECT_LE(20000, i.notsent_bytes);
	EXPECT_GT(120000, i.notsent_bytes);
	EXPECT_EQ(0, events(p.a, POLLOUT));
	must(set_opt(p.a, SOL_TCP, TCP_NOTSENT_LOWAT, 1 << 20));
	EXPECT_EQ(POLLOUT, wait_events(p.a, POLLOUT));
	must(set_opt(p.a, SOL_TCP, TCP_NOTSENT_LOWAT, 1));
	EXPECT_EQ(0, events(p.a, POLLOUT));
	while (recv(p.b, buf, sizeof(buf), MSG_DONTWAIT) > 0 || !events(p.a, POLLOUT))
		wait_events(p.b, POLLIN);
	EXPECT_EQ(0, info_of(p.a).notsent_bytes);
}

TEST_F(info, notsent_lowat_of_the_namespace)
{
	struct pair p;
	static char buf[5000];
	int n;

	ASSERT_TRUE(sysctl_own("notsent_lowat", "10000"));
	p = stream_pair();
	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 8192));
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 1 << 20));
	for (n = 0; n < 1000 && send(p.a, buf, sizeof(buf), MSG_DONTWAIT) > 0; n++)
		continue;
	EXPECT_GT(1000, n);
	EXPECT_LE(10000, info_of(p.a).notsent_bytes);
}

TEST_F(info, timestamp)
{
	struct pair p = stream_pair();
	unsigned int a, b;

	a = get_opt(p.a, SOL_TCP, TCP_TIMESTAMP);
	usleep(50000);		/* the time itself */
	b = get_opt(p.a, SOL_TCP, TCP_TIMESTAMP);
	EXPECT_LE(45, b - a);
	EXPECT_GT(5000, b - a);
	EXPECT_ERR(EPERM, set_opt(p.a, SOL_TCP, TCP_TIMESTAMP, 1));
}

TEST_F(info, quickack)
{
	struct pair p = stream_pair();
	int fd = stream(), waits;

	EXPECT_EQ(1, get_opt(fd, SOL_TCP, TCP_QUICKACK));
	EXPECT_EQ(1, get_opt(p.b, SOL_TCP, TCP_QUICKACK));
	/* The ACK waits now, 40 ms or more ... */
	promptly(20, p = stream_pair(),
		must(set_opt(p.b, SOL_TCP, TCP_QUICKACK, 0));
		must(send(p.a, "x", 1, 0));
		ASSERT_TRUE(arrived(p.b, 1));
		waits = outq(p.a);
	);
	EXPECT_EQ(0, get_opt(p.b, SOL_TCP, TCP_QUICKACK));
	EXPECT_EQ(1, waits);
	/* ... and leaves when quick mode is asked for. */
	must(set_opt(p.b, SOL_TCP, TCP_QUICKACK, 1));
	EXPECT_TRUE(until(outq(p.a) == 0));
	EXPECT_EQ(1, get_opt(p.b, SOL_TCP, TCP_QUICKACK));
}

/* Said before there is a connection: the last ACK of the handshake waits for data that carries it. */
TEST_F(info, quickack_of_the_handshake)
{
	int l = listener(LOOPBACK, 0, 16), fd, opened, sent;

	promptly(100, fd = stream(),
		must(set_opt(fd, SOL_TCP, TCP_QUICKACK, 0));
		must(connect_to(fd, LOOPBACK, local_port(l)));
		opened = info_of(fd).segs_out;
		must(send(fd, "x", 1, 0));
		sent = info_of(fd).segs_out;
	);
	EXPECT_EQ(1, opened);
	EXPECT_EQ(2, sent);
	/* Or for a while. */
	fd = stream();
	must(set_opt(fd, SOL_TCP, TCP_QUICKACK, 0));
	must(connect_to(fd, LOOPBACK, local_port(l)));
	EXPECT_TRUE(until(info_of(fd).segs_out == 2));
}

/* Of a listener it is its children's: the ACK of a request waits for the answer. */
TEST_F(info, quickack_of_a_listener)
{
	int l = bound(SOCK_STREAM, LOOPBACK, 0), waits;
	struct pair p;

	must(set_opt(l, SOL_TCP, TCP_QUICKACK, 0));
	must(listen(l, 16));
	EXPECT_EQ(1, get_opt(l, SOL_TCP, TCP_QUICKACK));
	p = pair_through(l, LOOPBACK);
	EXPECT_EQ(1, get_opt(p.b, SOL_TCP, TCP_QUICKACK));
	must(set_opt(l, SOL_TCP, TCP_QUICKACK, 0));
	promptly(20, p = pair_through(l, LOOPBACK),
		must(send(p.a, "x", 1, 0));
		ASSERT_TRUE(arrived(p.b, 1));
		waits = outq(p.a);
	);
	EXPECT_EQ(1, waits);
	EXPECT_EQ(0, get_opt(p.b, SOL_TCP, TCP_QUICKACK));
	EXPECT_TRUE(until(outq(p.a) == 0));
}

TEST_F(info, window_clamp)
{
	struct pair p;
	static char buf[2000];
	int listening = listener(LOOPBACK, 0, 1), fd = stream();

	EXPECT_EQ(0, get_opt(fd, SOL_TCP, TCP_WINDOW_CLAMP));
	must(set_opt(fd, SOL_TCP, TCP_WINDOW_CLAMP, 1));
	EXPECT_LT(1000, get_opt(fd, SOL_TCP, TCP_WINDOW_CLAMP));	/* half the least buffer */
	must(set_opt(fd, SOL_TCP, TCP_WINDOW_CLAMP, 10000));
	EXPECT_EQ(10000, get_opt(fd, SOL_TCP, TCP_WINDOW_CLAMP));
	must(set_opt(fd, SOL_TCP, TCP_WINDOW_CLAMP, 0));
	EXPECT_EQ(0, get_opt(fd, SOL_TCP, TCP_WINDOW_CLAMP));
	must(set_opt(listening, SOL_TCP, TCP_WINDOW_CLAMP, 10000));
	p = pair_through(listening, LOOPBACK);
	EXPECT_LT(0, get_opt(p.a, SOL_TCP, TCP_WINDOW_CLAMP));
	EXPECT_EQ(10000, get_opt(p.b, SOL_TCP, TCP_WINDOW_CLAMP));
	EXPECT_ERR(EINVAL, set_opt(p.b, SOL_TCP, TCP_WINDOW_CLAMP, 0));
	EXPECT_EQ(2000, send(p.a, buf, 2000, 0));
	ASSERT_TRUE(until(outq(p.a) == 0));
	/* (TCP of 6.12 lets a child outgrow it.) */
	if (!oracle())
		EXPECT_GE(10000 + 1024, info_of(p.a).snd_wnd);	/* the header's field has a scale */
}

TEST_F(info, memory_and_cookie)
{
	struct pair p = stream_pair();
	uint32_t mem[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(mem);
	uint64_t a = 0, b = 0;
	static char buf[5000];

	must(set_opt(p.b, SOL_SOCKET, SO_RCVBUF, 30000));
	must(send(p.a, buf, sizeof(buf), 0));
	ASSERT_TRUE(arrived(p.b, 5000));
	must(getsockopt(p.b, SOL_SOCKET, SO_MEMINFO, mem, &len));
	EXPECT_EQ(sizeof(mem), len);
	EXPECT_LE(sizeof(buf), mem[SK_MEMINFO_RMEM_ALLOC]);
	EXPECT_EQ(60000, mem[SK_MEMINFO_RCVBUF]);
	EXPECT_EQ(get_opt(p.b, SOL_SOCKET, SO_SNDBUF), mem[SK_MEMINFO_SNDBUF]);
	EXPECT_EQ(0, mem[SK_MEMINFO_WMEM_QUEUED]);
	EXPECT_EQ(0, mem[SK_MEMINFO_DROPS]);
	len = sizeof(a);
	must(getsockopt(p.a, SOL_SOCKET, SO_COOKIE, &a, &len));
	must(getsockopt(p.b, SOL_SOCKET, SO_COOKIE, &b, &len));
	EXPECT_NE(0, a);
	EXPECT_NE(a, b);
}

TEST_HARNESS_MAIN
