// SPDX-License-Identifier: GPL-2.0
/*
 * Many processes at once: what is right for one must stay right for all, and
 * the kernel must not say a word.
 */
#include "yoke_test.h"
#include "dice.h"
#include <sys/mman.h>

IN_OWN_NET(stress)

#define CHILDREN 6
#define SPAN 1500		/* ms of storm */

/* Children that each do the same thing for a while; true if all said it went well. */
#define all_children(call) ({						\
	pid_t pids_[CHILDREN];						\
	bool well_ = true;						\
	int child;							\
									\
	for (child = 0; child < CHILDREN; child++) {			\
		dice_begin(child);					\
		pids_[child] = background(call);			\
	}								\
	for (child = 0; child < CHILDREN; child++) {			\
		int err_ = finish(pids_[child]);			\
									\
		if (err_)						\
			fprintf(stderr, "# child %d: %s\n", child,	\
				err_name(err_));			\
		well_ = well_ && !err_;					\
	}								\
	well_; })

/* Accepts, echoes, and ends well or rudely. */
static void serve_echo(int l)
{
	char buf[4000];
	ssize_t n;
	int fd;

	while ((fd = accept(l, NULL, NULL)) >= 0) {
		while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
			if (send(fd, buf, n, MSG_NOSIGNAL) != n)
				break;
		if (dice(8) == 0)
			close_hard(fd);
		else
			close(fd);
	}
}

/* One visit: -1 with EPROTO if what came back is not what was sent. */
static int visit(int port, uint64_t seed)
{
	char out[4000], in[4000];
	size_t len = 1 + dice(sizeof(out));
	int fd = stream(), how = dice(10);

	if (connect_to(fd, LOOPBACK, port)) {
		int err = errno;

		close(fd);
		return err == ECONNRESET ? 0 : (errno = err, -1);
	}
	fill(out, len, seed, 0);
	if (how && send(fd, out, len, MSG_NOSIGNAL) != (ssize_t)len)
		return -1;
	if (how > 1) {
		if (recv(fd, in, len, MSG_WAITALL) != (ssize_t)len)
			return -1;
		if (memcmp(in, out, len))
			return errno = EPROTO, -1;
	}
	if (how == 2)
		close_hard(fd);
	else if (how == 3)
		connect_nowhere(fd), close(fd);
	else
		close(fd);
	return 0;
}

static int visits(int port, int child)
{
	long end = now_ms() + SPAN;
	int i;

	for (i = 0; now_ms() < end; i++)
		if (visit(port, child * 1000 + i))
			return -1;
	return 0;
}

/* Clients and servers come and go; in the end nothing is left but TIME-WAITs. */
TEST_F(stress, storm_of_connections)
{
	int l = listener(LOOPBACK, 4000, 64), i;
	pid_t servers[3];

	for (i = 0; i < 3; i++)
		servers[i] = background((dice_begin(i), serve_echo(l), 0));
	close(l);
	EXPECT_TRUE(all_children(visits(4000, child)));
	for (i = 0; i < 3; i++) {
		kill(servers[i], SIGKILL);
		waitpid(servers[i], NULL, 0);
	}
	EXPECT_TRUE(until(count(0, 0) == count(TCP_TIME_WAIT, 0)));
}

/* Clients who are killed in the middle of it all. */
TEST_F(stress, storm_of_deaths)
{
	int l = listener(LOOPBACK, 4000, 64), i;
	pid_t server = background((serve_echo(l), 0));
	long end = now_ms() + SPAN;

	close(l);
	for (i = 0; now_ms() < end; i++) {
		pid_t pid;

		dice_begin(i);
		pid = background(visits(4000, i));
		usleep(dice(5000));	/* any moment is as good as another */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	EXPECT_TRUE(until(count(0, 0) == count(TCP_TIME_WAIT, 0)));
}

/* Bind and let go of the same few ports: never two at a time on one. */
static int grab(int *owners)
{
	long end = now_ms() + SPAN;

	while (now_ms() < end) {
		int port = dice(4), fd = stream();

		if (dice(2)) {
			if (bind_to(fd, LOOPBACK, 0))
				return -1;
			port = local_port(fd) - 4000;
		} else if (bind_to(fd, LOOPBACK, 4000 + port)) {
			if (errno != EADDRINUSE)
				return -1;
			close(fd);
			continue;
		}
		if (__atomic_add_fetch(&owners[port], 1, __ATOMIC_SEQ_CST) != 1)
			return errno = EPROTO, -1;
		if (dice(4) == 0)
			must(listen(fd, 1));
		__atomic_sub_fetch(&owners[port], 1, __ATOMIC_SEQ_CST);
		close(fd);
	}
	return 0;
}

TEST_F(stress, one_port_one_owner)
{
	int *owners = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	/* More ports than children, so that 0 always finds one. */
	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "4000 4015"));
	EXPECT_TRUE(all_children(grab(owners)));
	EXPECT_EQ(0, count(0, 0));
}

/* All connect to one listener from few ports: no pair may be made twice. */
static int hold(int port, int n)
{
	while (n--) {
		int fd = stream();
		char c;

		if (connect_to(fd, LOOPBACK, port))
			return -1;
		must(send(fd, "x", 1, 0));
		must(recv(fd, &c, 1, 0));
	}
	return 0;
}

TEST_F(stress, every_pair_once)
{
	enum { EACH = 20, ALL = CHILDREN * EACH };
	int l = listener(LOOPBACK, 4000, ALL), i, twice = 0;
	bool seen[ALL] = { 0 };
	pid_t pids[CHILDREN];

	/* Exactly as many ports as connections. */
	ASSERT_TRUE(sysctl_ip("ip_local_port_range", "40000 40119"));
	for (i = 0; i < CHILDREN; i++)
		pids[i] = background(hold(4000, EACH));
	for (i = 0; i < ALL; i++) {
		int fd, port;

		ASSERT_TRUE(wait_events(l, POLLIN));
		fd = must(accept(l, NULL, NULL));
		port = ntohs(peer(fd).sin_port) - 40000;
		ASSERT_TRUE(port >= 0 && port < ALL);
		twice += seen[port];
		seen[port] = true;
		must(send(fd, "x", 1, 0));
	}
	EXPECT_EQ(0, twice);
	for (i = 0; i < CHILDREN; i++)
		EXPECT_EQ(0, finish(pids[i]));
}

/* Several writers and readers on one connection: no byte is lost or doubled. */
static int read_some(int fd, long *sum)
{
	unsigned char buf[700];
	ssize_t n;

	while ((n = recv(fd, buf, 1 + dice(sizeof(buf)), 0)) > 0)
		__atomic_add_fetch(sum, n, __ATOMIC_SEQ_CST);
	return n;
}

static int write_known(int fd, long *sum)
{
	char buf[1000];
	int i;

	for (i = 0; i < 60; i++) {
		ssize_t n = send(fd, buf, 1 + dice(sizeof(buf)), 0);

		if (n < 0)
			return -1;
		__atomic_add_fetch(sum, n, __ATOMIC_SEQ_CST);
	}
	return 0;
}

TEST_F(stress, many_hands_on_one_connection)
{
	struct pair p = stream_pair();
	long *sums = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t readers[3];
	int i;

	memset(sums, 0, 4096);
	for (i = 0; i < 3; i++)
		readers[i] = background((dice_begin(10 + i), read_some(p.b, &sums[0])));
	EXPECT_TRUE(all_children(write_known(p.a, &sums[1])));
	must(shutdown(p.a, SHUT_WR));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, finish(readers[i]));	/* each sees the end */
	EXPECT_EQ(sums[1], sums[0]);
	EXPECT_LT(10000, sums[0]);
}

/* Sets, on any of these, what changes nothing about what arrives. */
static int set_options(int l, struct pair p)
{
	static const struct { int level, name, least, sides; } o[] = {
		{ SOL_SOCKET, SO_RCVLOWAT, 1, 200 },	/* accepted sockets would have the listener's */
		{ SOL_SOCKET, SO_RCVBUF, 50000, 10000 }, { SOL_SOCKET, SO_SNDBUF, 50000, 10000 },
		{ SOL_SOCKET, SO_KEEPALIVE, 0, 2 }, { SOL_SOCKET, SO_PRIORITY, 0, 6 },
		{ SOL_SOCKET, SO_MARK, 0, 10000 },
		{ SOL_TCP, TCP_NODELAY, 0, 2 }, { SOL_TCP, TCP_CORK, 0, 2 },
		{ SOL_TCP, TCP_QUICKACK, 0, 2 }, { SOL_TCP, TCP_NOTSENT_LOWAT, 100000, 2 },
		{ SOL_TCP, TCP_USER_TIMEOUT, 60000, 2 }, { SOL_TCP, TCP_LINGER2, 1, 60 },
		{ SOL_TCP, TCP_KEEPIDLE, 100, 2 }, { SOL_TCP, TCP_SYNCNT, 5, 2 },
	};
	int fds[] = { p.a, p.b, l };
	long end = now_ms() + SPAN;

	while (now_ms() < end) {
		int i = dice(ARRAY_SIZE(o)), fd = fds[dice(i ? 3 : 2)];

		if (set_opt(fd, o[i].level, o[i].name, o[i].least + dice(o[i].sides)))
			return -1;
	}
	return 0;
}

/* A listener and both ends of a connection are at work while their options are set. */
TEST_F(stress, options_under_use)
{
	int l = listener(LOOPBACK, 4000, 64);
	pid_t server = background((serve_echo(l), 0));
	struct pair p = stream_pair();

	EXPECT_TRUE(all_children(child == 0 ? (carry_both_ways(p, 8 << 20, BOUND) ? 0 : -1) :
				 child < 3 ? set_options(l, p) : visits(4000, child)));
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

/* Transfers under a rain of signals, with restarts and without. */
TEST_F(stress, rain_of_signals)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };
	struct itimerval often = { { 0, 700 }, { 0, 700 } };
	struct pair p = stream_pair();
	uint64_t in = HASH_START, out = HASH_START;
	int i, sent = 0, got = 0, size = 300000;
	char buf[5000];
	pid_t writer;
	ssize_t n;

	for (i = 0; i < size; i += sizeof(buf)) {
		fill(buf, sizeof(buf), 1, i);
		in = hash(in, buf, sizeof(buf));
	}
	sa.sa_handler = note_signal;
	must(pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK));
	signal(SIGALRM, SIG_IGN);
	writer = must(fork());
	if (writer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal_pipe[1] = must(open("/dev/null", O_WRONLY));
		must(sigaction(SIGALRM, &sa, NULL));
		must(setitimer(ITIMER_REAL, &often, NULL));
		while (sent < size) {
			fill(buf, sizeof(buf), 1, sent);
			n = send(p.a, buf, sizeof(buf), 0);
			if (n < 0 && errno != EINTR)
				_exit(errno);
			sent += n > 0 ? n : 0;
		}
		_exit(0);
	}
	signal_pipe[1] = must(open("/dev/null", O_WRONLY));
	sa.sa_flags = SA_RESTART;
	must(sigaction(SIGALRM, &sa, NULL));
	must(setitimer(ITIMER_REAL, &often, NULL));
	while (got < size) {
		n = recv(p.b, buf, 1 + (got * 7) % sizeof(buf), 0);
		ASSERT_LT(0, n);
		out = hash(out, buf, n);
		got += n;
	}
	EXPECT_EQ(in, out);
	must(setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL));
	EXPECT_EQ(0, finish(writer));
}

/* Someone shuts the socket that others are asleep in, in every call that sleeps. */
TEST_F(stress, shut_under_the_sleepers)
{
	int i;

	for (i = 0; i < 10; i++) {
		struct pair p = stream_pair();
		int l = listener(LOOPBACK, 0, 1);
		char c;
		pid_t reader = background(recv(p.b, &c, 1, 0));
		pid_t poller = background(wait_events(p.b, POLLIN) ? 0 : -1);
		pid_t accepter = background(accept4(l, NULL, NULL, 0));

		ASSERT_TRUE(asleep(reader, SYS_recvfrom));
		ASSERT_TRUE(asleep(poller, SYS_poll));
		ASSERT_TRUE(asleep(accepter, SYS_accept4));
		must(shutdown(p.b, SHUT_RDWR));
		must(shutdown(l, SHUT_RDWR));
		EXPECT_EQ(0, finish(reader));
		EXPECT_EQ(0, finish(poller));
		EXPECT_EQ(EINVAL, finish(accepter));
		close(p.a);
		close(p.b);
		close(l);
	}
}

/* Everybody sends datagrams to everybody: none is changed, and all senders are known. */
static int scatter(int child, int n)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, 5000 + child), i;
	struct sockaddr_in from;
	char buf[100], want[100];

	set_nonblock(fd, true);
	for (i = 0; i < n; i++) {
		socklen_t len = sizeof(from);

		fill(buf, sizeof(buf), child, 0);
		if (send_to(fd, buf, sizeof(buf), LOOPBACK, 5000 + dice(CHILDREN)) < 0 &&
		    errno != ECONNREFUSED)
			return -1;
		while (recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len) > 0) {
			fill(want, sizeof(want), ntohs(from.sin_port) - 5000, 0);
			if (memcmp(buf, want, sizeof(buf)))
				return errno = EPROTO, -1;
		}
		if (errno != EAGAIN)
			return -1;
		if (dice(50) == 0) {	/* and one is gone and back, now and then */
			close(fd);
			fd = bound(SOCK_DGRAM, LOOPBACK, 5000 + child);
			set_nonblock(fd, true);
		}
	}
	return 0;
}

TEST_F(stress, datagrams_criss_cross)
{
	EXPECT_TRUE(all_children(scatter(child, 600)));
}

/* Says the same for ever. */
static int repeat(int port)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, port);
	char buf[100];

	fill(buf, sizeof(buf), port, 0);
	while (send_to(fd, buf, sizeof(buf), LOOPBACK, 5000) > 0)
		;
	return -1;
}

/* So many arrive, and each says what its sender does: how many are not this one's? */
static int others_of(int fd, int n, int port)
{
	struct sockaddr_in from;
	char buf[100], want[100];
	int i, others = 0;

	for (i = 0; i < n; i++) {
		socklen_t len = sizeof(from);

		must(recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len));
		others += ntohs(from.sin_port) != port;
		fill(want, sizeof(want), ntohs(from.sin_port), 0);
		must_hold(!memcmp(buf, want, sizeof(buf)));
	}
	return others;
}

/* One has a peer and then has none, while many send to it: it hears the peer alone, and then all again. */
TEST_F(stress, a_peer_for_a_moment)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, 5000), i;
	long end = now_ms() + SPAN;
	pid_t senders[CHILDREN];

	set_timeout(fd, SO_RCVTIMEO, BOUND);
	must(set_opt(fd, SOL_SOCKET, SO_RCVBUF, 0));	/* for five */
	for (i = 0; i < CHILDREN; i++)
		senders[i] = background(repeat(5001 + i));
	while (now_ms() < end) {
		int peer = 5001 + dice(CHILDREN);

		must(connect_to(fd, LOOPBACK, peer));
		/* Those five, and what each processor was about to put there, be it much later. */
		ASSERT_GE(9, others_of(fd, 50, peer));
		must(connect_nowhere(fd));
		ASSERT_TRUE(until(others_of(fd, 10, peer) > 4));
	}
	for (i = 0; i < CHILDREN; i++)
		kill(senders[i], SIGKILL);
}

/*
 * The tables are read while all that they show comes and goes. A table that grows meanwhile may show an
 * entry twice; the next look is right again.
 */
static int look(void)
{
	long end = now_ms() + SPAN;

	while (now_ms() < end)
		if (!until(count(TCP_LISTEN, 4000) == 1))
			return errno = EPROTO, -1;
	return 0;
}

TEST_F(stress, tables_in_a_storm)
{
	int l = listener(LOOPBACK, 4000, 64);
	pid_t server = background((serve_echo(l), 0));

	EXPECT_TRUE(all_children(child < 2 ? look() : visits(4000, child)));
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

/* Namespaces die with their wires, in the middle of a transfer. */
TEST_F(stress, dying_in_the_middle)
{
	int i;

	for (i = 0; i < 3; i++) {
		pid_t pid = must(fork());

		if (pid == 0) {
			struct net net;
			struct pair p;
			struct flow f;

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (!new_link(&net))
				_exit(0);
			p = link_pair(net);
			f = (struct flow){ .from = p.a, .to = p.b, .size = 8 << 20 };
			flow_send(&f, 1);
			flow_recv(&f);
			flow_send(&f, 1);
			_exit(0);
		}
		EXPECT_EQ(0, finish(pid));
	}
}

TEST_HARNESS_MAIN
