// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_REPAIR: a connection moves from one socket to another in the middle of a transfer, with data
 * unread, unacknowledged and unsent, as checkpoint and restore (CRIU) move it; and what each of the
 * options says in the wrong state.
 */
#include "yoke_test.h"

#define MOST (1 << 20)

static const int both_queues[] = { TCP_RECV_QUEUE, TCP_SEND_QUEUE };

/* ---- a connection on paper ----------------------------------------------------- */

struct queue {
	uint32_t seq;		/* of its first byte */
	int len, unsent;
	char data[MOST];
};

struct saved {
	struct sockaddr_in local, peer;
	struct queue in, out;
	int mss, clock, options, snd_wscale, rcv_wscale;
	struct tcp_repair_window window;
};

static void select_queue(int fd, int queue)
{
	must(set_opt(fd, SOL_TCP, TCP_REPAIR_QUEUE, queue));
}

static void save_queue(int fd, int queue, struct queue *q)
{
	select_queue(fd, queue);
	q->seq = get_opt(fd, SOL_TCP, TCP_QUEUE_SEQ) - q->len;
	if (q->len)
		must_hold(recv(fd, q->data, sizeof(q->data), MSG_PEEK) == q->len);
}

static void save(int fd, struct saved *s)
{
	socklen_t len = sizeof(s->window);
	struct tcp_info info;

	s->local = local(fd);
	s->peer = peer(fd);
	must(set_opt(fd, SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON));
	s->in.len = inq(fd);
	s->in.unsent = 0;
	s->out.len = outq(fd);
	must(ioctl(fd, SIOCOUTQNSD, &s->out.unsent));
	save_queue(fd, TCP_RECV_QUEUE, &s->in);
	save_queue(fd, TCP_SEND_QUEUE, &s->out);
	info = tcp_info(fd);
	s->options = info.tcpi_options;
	s->snd_wscale = info.tcpi_snd_wscale;
	s->rcv_wscale = info.tcpi_rcv_wscale;
	s->mss = get_opt(fd, SOL_TCP, TCP_MAXSEG);
	s->clock = get_opt(fd, SOL_TCP, TCP_TIMESTAMP);
	must(getsockopt(fd, SOL_TCP, TCP_REPAIR_WINDOW, &s->window, &len));
}

/* In pieces, as either side takes them. */
static void refill(int fd, const char *data, int len)
{
	int n;

	for (; len; data += n, len -= n)
		n = must(send(fd, data, len < 32768 ? len : 32768, 0));
}

static void restore_options(int fd, const struct saved *s)
{
	struct tcp_repair_opt opts[4] = { { .opt_code = 2, .opt_val = s->mss } };
	int n = 1;

	if (s->options & TCPI_OPT_WSCALE)
		opts[n++] = (struct tcp_repair_opt){ 3, s->snd_wscale | s->rcv_wscale << 16 };
	if (s->options & TCPI_OPT_SACK)
		opts[n++] = (struct tcp_repair_opt){ 4, 0 };
	if (s->options & TCPI_OPT_TIMESTAMPS)
		opts[n++] = (struct tcp_repair_opt){ 8, 0 };
	must(setsockopt(fd, SOL_TCP, TCP_REPAIR_OPTIONS, opts, n * sizeof(*opts)));
	must(set_opt(fd, SOL_TCP, TCP_TIMESTAMP, s->clock));
}

/* A new socket with that connection. */
static int restore(const struct saved *s)
{
	int fd = stream(), sent = s->out.len - s->out.unsent;

	must(set_opt(fd, SOL_SOCKET, SO_RCVBUFFORCE, 4 * MOST));
	must(set_opt(fd, SOL_SOCKET, SO_SNDBUFFORCE, 4 * MOST));
	must(set_opt(fd, SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON));
	select_queue(fd, TCP_RECV_QUEUE);
	must(set_opt(fd, SOL_TCP, TCP_QUEUE_SEQ, s->in.seq));
	select_queue(fd, TCP_SEND_QUEUE);
	must(set_opt(fd, SOL_TCP, TCP_QUEUE_SEQ, s->out.seq));
	must(bind(fd, (struct sockaddr *)&s->local, sizeof(s->local)));
	must(connect(fd, (struct sockaddr *)&s->peer, sizeof(s->peer)));
	restore_options(fd, s);
	select_queue(fd, TCP_RECV_QUEUE);
	refill(fd, s->in.data, s->in.len);
	select_queue(fd, TCP_SEND_QUEUE);
	refill(fd, s->out.data, sent);
	/* What never left is written as by any program. */
	must(set_opt(fd, SOL_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP));
	refill(fd, s->out.data + sent, s->out.unsent);
	must(set_opt(fd, SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON));
	must(setsockopt(fd, SOL_TCP, TCP_REPAIR_WINDOW, &s->window, sizeof(s->window)));
	must(set_opt(fd, SOL_TCP, TCP_REPAIR, TCP_REPAIR_OFF));
	return fd;
}

/* ---- a transfer that can be stopped ---------------------------------------------- */

struct half {
	int seed;
	size_t sent, got;
	bool wrong;
};

/* At most so many bytes, or as many as go at once. */
static void say(int fd, struct half *h, size_t most)
{
	char buf[4096];
	ssize_t n = 0;

	for (; most && n >= 0; most -= n > 0 ? n : 0) {
		size_t want = most < sizeof(buf) ? most : sizeof(buf);

		fill(buf, want, h->seed, h->sent);
		n = send(fd, buf, want, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			h->wrong = true;
		h->sent += n > 0 ? n : 0;
	}
}

static void hear(int fd, struct half *h, size_t most)
{
	char buf[4096], want[4096];
	ssize_t n = 0;

	for (; most; most -= n) {
		n = recv(fd, buf, most < sizeof(buf) ? most : sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			h->wrong = true;
		if (n <= 0)
			return;
		fill(want, n, h->seed, h->got);
		if (memcmp(buf, want, n))
			h->wrong = true;
		h->got += n;
	}
}

/* Is all that was said heard, as it was said? */
static bool all_heard(int fd, struct half *h)
{
	hear(fd, h, MOST);
	return h->got == h->sent || h->wrong;
}

ON_A_LINK(repair)

FIXTURE_VARIANT(repair) { bool elsewhere; };
FIXTURE_VARIANT_ADD(repair, here) { .elsewhere = false };
FIXTURE_VARIANT_ADD(repair, elsewhere) { .elsewhere = true };

/* The cable's end leaves namespace a, with its address, for a new one, where we are left. */
static void take_cable(void)
{
	int back = this_net(), ns;

	new_net();
	ns = this_net();
	enter(back);
	must_hold(shell("ip link set veth netns /proc/%d/fd/%d", getpid(), ns));
	enter(ns);
	bring_up("veth", ADDR_A);
	shell("tc qdisc del dev veth root");
	close(back);
}

TEST_F_TIMEOUT(repair, a_connection_moves, 120)
{
	static struct saved s;
	struct pair p = link_pair(self->net);
	struct half there = { .seed = 1 }, back = { .seed = 2 };
	char c;

	/* Some has come and gone both ways. */
	say(p.a, &there, 100000);
	say(p.b, &back, 100000);
	ASSERT_TRUE(until((hear(p.b, &there, MOST), there.got >= there.sent / 2)));
	ASSERT_TRUE(until((hear(p.a, &back, back.sent / 2), back.got >= back.sent / 2)));
	ASSERT_TRUE(until((all_heard(p.b, &there))));
	ASSERT_TRUE(until(!outq(p.a)));
	say(p.b, &back, 30000);
	ASSERT_TRUE(until(inq(p.a) >= 30000));
	/* Now nothing comes through: some data is under way, and more of it waits. */
	NEED_NETEM(self->net.a, "loss 100%");
	NEED_NETEM(self->net.b, "loss 100%");
	say(p.a, &there, 300000);
	say(p.b, &back, 300000);

	save(p.a, &s);
	EXPECT_GT(s.in.len, 0);
	EXPECT_GT(s.out.unsent, 0);
	EXPECT_GT(s.out.len, s.out.unsent);
	must(close(p.a));
	if (variant->elsewhere)
		take_cable();
	else
		must_hold(netem(self->net.a, NULL));
	p.a = restore(&s);
	/* Before, what it sends again would have met nobody, who resets. */
	must_hold(netem(self->net.b, NULL));
	EXPECT_EQ(peer(p.a).sin_port, s.peer.sin_port);
	EXPECT_EQ(state(p.a), TCP_ESTABLISHED);

	/* Its peer has noticed nothing, and nothing is missing. */
	EXPECT_TRUE(until((all_heard(p.b, &there), all_heard(p.a, &back))));
	say(p.a, &there, 100000);
	say(p.b, &back, 100000);
	EXPECT_TRUE(until((all_heard(p.b, &there), all_heard(p.a, &back))));
	EXPECT_TRUE(until((all_heard(p.b, &there))));
	EXPECT_FALSE(there.wrong);
	EXPECT_FALSE(back.wrong);
	EXPECT_EQ(there.got, there.sent);
	EXPECT_EQ(back.got, back.sent);
	must(shutdown(p.a, SHUT_WR));
	EXPECT_EQ(recv(p.b, &c, 1, 0), 0);
	must(shutdown(p.b, SHUT_WR));
	EXPECT_EQ(recv(p.a, &c, 1, 0), 0);
}

/* ---- each in the wrong state ------------------------------------------------------- */

IN_OWN_NET(repair_errors)

static int as_nobody(int fd)
{
	must(setuid(65534));
	return set_opt(fd, SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON);
}

static int as_nobody_at_home(void)
{
	must(setuid(65534));
	must(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	return set_opt(stream(), SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON);
}

TEST_F(repair_errors, who_may)
{
	EXPECT_EQ(finish(background(as_nobody(stream()))), EPERM);
	EXPECT_EQ(finish(background(as_nobody_at_home())), 0);
	EXPECT_ERR(EPERM, set_opt(listener(LOOPBACK, 0, 1), SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON));
}

TEST_F(repair_errors, not_in_repair)
{
	int fd = stream_pair().a, val;
	struct tcp_repair_window window;
	struct tcp_repair_opt opt = { 0 };
	socklen_t len = sizeof(val);

	EXPECT_EQ(get_opt(fd, SOL_TCP, TCP_REPAIR), 0);
	EXPECT_ERR(EPERM, set_opt(fd, SOL_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE));
	EXPECT_ERR(EINVAL, getsockopt(fd, SOL_TCP, TCP_REPAIR_QUEUE, &val, &len));
	EXPECT_ERR(EPERM, set_opt(fd, SOL_TCP, TCP_QUEUE_SEQ, 1));
	EXPECT_ERR(EINVAL, getsockopt(fd, SOL_TCP, TCP_QUEUE_SEQ, &val, &len));
	EXPECT_ERR(EINVAL, set_opt(stream(), SOL_TCP, TCP_QUEUE_SEQ, 1));
	EXPECT_ERR(EINVAL, setsockopt(fd, SOL_TCP, TCP_REPAIR_OPTIONS, &opt, sizeof(opt)));
	EXPECT_ERR(EPERM, setsockopt(fd, SOL_TCP, TCP_REPAIR_WINDOW, &window, sizeof(window)));
	len = sizeof(window);
	EXPECT_ERR(EPERM, getsockopt(fd, SOL_TCP, TCP_REPAIR_WINDOW, &window, &len));
	EXPECT_ERR(EPERM, set_opt(fd, SOL_TCP, TCP_TIMESTAMP, 1));
}

TEST_F(repair_errors, values)
{
	struct tcp_repair_opt opt = { 3, 15 };
	struct tcp_repair_window window;
	struct pair p = stream_pair();
	socklen_t len = sizeof(window);
	int other, waiting;

	must(set_opt(p.a, SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON));
	EXPECT_EQ(get_opt(p.a, SOL_TCP, TCP_REPAIR), 1);
	EXPECT_ERR(EINVAL, set_opt(p.a, SOL_TCP, TCP_REPAIR, 2));
	EXPECT_EQ(get_opt(p.a, SOL_TCP, TCP_REPAIR_QUEUE), TCP_NO_QUEUE);
	EXPECT_ERR(EINVAL, set_opt(p.a, SOL_TCP, TCP_REPAIR_QUEUE, 3));
	EXPECT_ERR(EINVAL, set_opt(p.a, SOL_TCP, TCP_REPAIR_QUEUE, -1));
	EXPECT_ERR(EFBIG, setsockopt(p.a, SOL_TCP, TCP_REPAIR_OPTIONS, &opt, sizeof(opt)));
	opt.opt_val = 15 << 16;
	EXPECT_ERR(EFBIG, setsockopt(p.a, SOL_TCP, TCP_REPAIR_OPTIONS, &opt, sizeof(opt)));
	opt = (struct tcp_repair_opt){ 4, 1 };
	EXPECT_ERR(EINVAL, setsockopt(p.a, SOL_TCP, TCP_REPAIR_OPTIONS, &opt, sizeof(opt)));
	opt = (struct tcp_repair_opt){ 77, 1 };
	EXPECT_OK(setsockopt(p.a, SOL_TCP, TCP_REPAIR_OPTIONS, &opt, sizeof(opt)));

	must(getsockopt(p.a, SOL_TCP, TCP_REPAIR_WINDOW, &window, &len));
	EXPECT_ERR(EINVAL, setsockopt(p.a, SOL_TCP, TCP_REPAIR_WINDOW, &window, sizeof(window) - 1));
	EXPECT_OK(setsockopt(p.a, SOL_TCP, TCP_REPAIR_WINDOW, &window, sizeof(window)));
	window.rcv_wup++;
	EXPECT_ERR(EINVAL, setsockopt(p.a, SOL_TCP, TCP_REPAIR_WINDOW, &window, sizeof(window)));
	window.rcv_wup--;
	window.snd_wl1 += window.rcv_wnd + 2;
	EXPECT_ERR(EINVAL, setsockopt(p.a, SOL_TCP, TCP_REPAIR_WINDOW, &window, sizeof(window)));
	window.snd_wl1 -= window.rcv_wnd + 2;
	window.snd_wnd = window.max_window + 1;
	EXPECT_ERR(EINVAL, setsockopt(p.a, SOL_TCP, TCP_REPAIR_WINDOW, &window, sizeof(window)));

	/* However much that makes waiting. */
	other = stream();
	must(set_opt(other, SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON));
	select_queue(other, TCP_SEND_QUEUE);
	must(set_opt(other, SOL_TCP, TCP_QUEUE_SEQ, -EFAULT));
	EXPECT_OK(ioctl(other, SIOCOUTQ, &waiting));

	/* What has sent data has its options. */
	must(set_opt(p.b, SOL_TCP, TCP_REPAIR, TCP_REPAIR_OFF));
	must(send(p.b, "x", 1, 0));
	must(set_opt(p.b, SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON));
	EXPECT_ERR(EPERM, setsockopt(p.b, SOL_TCP, TCP_REPAIR_OPTIONS, &opt, sizeof(opt)));
	EXPECT_ERR(EPERM, set_opt(p.b, SOL_TCP, TCP_QUEUE_SEQ, 1));
}

/* In repair data is looked at, queue by queue, and written into either. */
TEST_F(repair_errors, queues)
{
	struct pair p = stream_pair();
	char buf[8];

	must(send(p.b, "heard", 5, 0));
	ASSERT_TRUE(arrived(p.a, 5));
	must(set_opt(p.a, SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON));
	EXPECT_ERR(EPERM, recv(p.a, buf, sizeof(buf), 0));
	EXPECT_ERR(EINVAL, recv(p.a, buf, sizeof(buf), MSG_PEEK));
	EXPECT_ERR(EINVAL, send(p.a, "x", 1, 0));
	for (unsigned int i = 0; i < ARRAY_SIZE(both_queues); i++) {
		select_queue(p.a, both_queues[i]);
		EXPECT_EQ(get_opt(p.a, SOL_TCP, TCP_REPAIR_QUEUE), both_queues[i]);
		EXPECT_ERR(EPERM, recv(p.a, buf, sizeof(buf), 0));
	}
	select_queue(p.a, TCP_RECV_QUEUE);
	EXPECT_EQ(recv(p.a, buf, sizeof(buf), MSG_PEEK), 5);
	EXPECT_EQ(memcmp(buf, "heard", 5), 0);
	EXPECT_EQ(send(p.a, "!", 1, 0), 1);
	EXPECT_EQ(recv(p.a, buf, sizeof(buf), MSG_PEEK), 6);
	select_queue(p.a, TCP_SEND_QUEUE);
	EXPECT_EQ(recv(p.a, buf, sizeof(buf), MSG_PEEK), 0);
	/* To be acknowledged, though it never left. */
	EXPECT_EQ(send(p.a, "said", 4, 0), 4);
	EXPECT_EQ(outq(p.a), 4);
	EXPECT_EQ(recv(p.a, buf, sizeof(buf), MSG_PEEK), 4);
	EXPECT_EQ(memcmp(buf, "said", 4), 0);
}

/* Whatever is written there, a reader is not caught behind the end. */
TEST_F(repair_errors, behind_the_end)
{
	struct pair p = stream_pair();
	char c;

	must(shutdown(p.b, SHUT_WR));
	ASSERT_TRUE(until(state(p.a) == TCP_CLOSE_WAIT));
	must(set_opt(p.a, SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON));
	select_queue(p.a, TCP_RECV_QUEUE);
	send(p.a, "x", 1, 0);
	EXPECT_EQ(0, recv(p.a, &c, 1, MSG_PEEK));
}

/* A socket in repair closes without a word; another takes its place beside a listener. */
TEST_F(repair_errors, silence)
{
	int listening = listener(LOOPBACK, 0, 1), port = local_port(listening), fd;
	struct pair p = pair_through(listening, LOOPBACK);
	static struct saved s;

	save(p.b, &s);
	must(close(p.b));
	EXPECT_EQ(state(p.a), TCP_ESTABLISHED);
	EXPECT_EQ(so_error(p.a), 0);
	fd = restore(&s);
	EXPECT_EQ(local_port(fd), port);
	must(send(p.a, "there", 5, 0));
	EXPECT_TRUE(arrived(fd, 5));
	must(send(fd, "back", 4, 0));
	EXPECT_TRUE(arrived(p.a, 4));
	/* The place is taken. */
	must(set_opt(fd, SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON));
	fd = stream();
	must(set_opt(fd, SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON));
	must(bind(fd, (struct sockaddr *)&s.local, sizeof(s.local)));
	EXPECT_ERR(EADDRNOTAVAIL, connect(fd, (struct sockaddr *)&s.peer, sizeof(s.peer)));
}

/* AF_UNSPEC disconnects one in repair without a word, too; it can be used again. */
TEST_F(repair_errors, disconnect)
{
	struct pair p = stream_pair();

	must(set_opt(p.a, SOL_TCP, TCP_REPAIR, TCP_REPAIR_ON));
	must(connect_nowhere(p.a));
	EXPECT_EQ(so_error(p.a), ECONNABORTED);
	EXPECT_EQ(state(p.b), TCP_ESTABLISHED);
	EXPECT_EQ(get_opt(p.a, SOL_TCP, TCP_REPAIR), 1);
}

TEST_HARNESS_MAIN
