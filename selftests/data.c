// SPDX-License-Identifier: GPL-2.0
/*
 * Ways for data in and out that do not copy, or tell more than the data: MSG_ZEROCOPY, splice and
 * sendfile, MSG_EOR, SO_TIMESTAMPING and the error queue, SO_PEEK_OFF, vectors of all shapes, and
 * descriptors that travel.
 */
#include "yoke_test.h"
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define BIG (1 << 20)
#define VECTORS 1024		/* UIO_MAXIOV */

IN_OWN_NET(data)
ON_A_LINK(link)

/* Reads until `size` bytes have come, or the end; their hash. */
static uint64_t drain(int fd, size_t size)
{
	uint64_t h = HASH_START;
	char buf[65536];
	ssize_t n;

	while (size && (n = recv(fd, buf, size < sizeof(buf) ? size : sizeof(buf), 0)) > 0) {
		h = hash(h, buf, n);
		size -= n;
	}
	return size ? 0 : h;
}

/* Such a read in a process of its own; finish() says whether it had what the hash says. */
static pid_t background_drain(int fd, size_t size, uint64_t expected)
{
	return background(drain(fd, size) == expected ? 0 : (errno = EBADMSG, -1));
}

/* ---- the error queue ------------------------------------------------------- */

struct told {
	struct sock_extended_err err;
	struct scm_timestamping ts;
	bool has_ts;
	int len;
};

/* The next thing that the error queue tells; false if the bound passes without. */
static bool told(int fd, struct told *t)
{
	char control[512], buf[2048];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	memset(t, 0, sizeof(*t));
	if (!until((t->len = recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT)) >= 0))
		return false;
	t->has_ts = control_bytes(&msg, SOL_SOCKET, SCM_TIMESTAMPING, &t->ts, sizeof(t->ts)) > 0;
	control_bytes(&msg, ipv6() ? SOL_IPV6 : SOL_IP, ipv6() ? IPV6_RECVERR : IP_RECVERR, &t->err,
		      sizeof(t->err));
	return true;
}

/* ---- MSG_ZEROCOPY ---------------------------------------------------------- */

#define NEED_ZEROCOPY(fd)						\
	if (set_opt(fd, SOL_SOCKET, SO_ZEROCOPY, 1)) {			\
		EXPECT_EQ(EOPNOTSUPP, errno);				\
		EXPECT_TRUE(kernel_before(6, 4) && !oracle());		\
		SKIP(return, "before 6.4 the core answers SO_ZEROCOPY, for TCP only"); \
	}

/* All `calls` calls have been told of, once each. */
static bool all_told(int fd, unsigned int calls)
{
	static bool seen[1000];
	unsigned int n = 0, i;
	struct told t;

	memset(seen, 0, sizeof(seen));
	while (n < calls && told(fd, &t)) {
		if (t.err.ee_origin != SO_EE_ORIGIN_ZEROCOPY || t.err.ee_errno ||
		    t.err.ee_info > t.err.ee_data || t.err.ee_data >= calls)
			return false;
		for (i = t.err.ee_info; i <= t.err.ee_data; i++, n++) {
			if (seen[i])
				return false;
			seen[i] = true;
		}
	}
	return n == calls && recv(fd, &t, 1, MSG_ERRQUEUE | MSG_DONTWAIT) == -1 &&
	       errno == EAGAIN;
}

static void zerocopy(struct __test_metadata *_metadata, struct pair p)
{
	char *from = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t sent = 0, sizes[] = { 1, 4096, 100, 65536, 300000, 4097, 10 };
	unsigned int calls = 0;
	pid_t reader;

	NEED_ZEROCOPY(p.a);
	EXPECT_EQ(1, get_opt(p.a, SOL_SOCKET, SO_ZEROCOPY));
	fill(from, BIG, 1, 0);
	reader = background_drain(p.b, BIG, hash(HASH_START, from, BIG));
	while (sent < BIG) {
		size_t want = sizes[calls % ARRAY_SIZE(sizes)];
		ssize_t n;

		if (want > BIG - sent)
			want = BIG - sent;
		n = send(p.a, from + sent, want, MSG_ZEROCOPY);
		ASSERT_LT(0, n) TH_LOG("%s", err_name(errno));
		sent += n;
		calls++;
	}
	EXPECT_EQ(0, finish(reader));
	EXPECT_TRUE(wait_events(p.a, 0) & POLLERR);
	EXPECT_TRUE(all_told(p.a, calls));
	EXPECT_EQ(0, events(p.a, 0) & POLLERR);
	munmap(from, BIG);
}

TEST_F(data, zerocopy)
{
	zerocopy(_metadata, stream_pair());
}

/* What all of these lose is data: who asks for a neighbour gives up when he has asked three times. */
#define LOSSY_PAIR(how) ({						\
	struct pair pair_ = link_pair(self->net);			\
									\
	NEED_NETEM(self->net.a, how);					\
	pair_; })

TEST_F(link, zerocopy_across_a_bad_one)
{
	zerocopy(_metadata, LOSSY_PAIR("loss 2% delay 1ms"));
}

TEST_F(data, zerocopy_among_copies)
{
	struct pair p = stream_pair();
	char *from = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t reader;
	int i;

	NEED_ZEROCOPY(p.a);
	fill(from, BIG, 1, 0);
	set_opt(p.a, SOL_TCP, TCP_CORK, 1);
	reader = background_drain(p.b, 64000, hash(HASH_START, from, 64000));
	for (i = 0; i < 64; i++)
		must(send(p.a, from + 1000 * i, 1000, i % 3 ? MSG_ZEROCOPY : 0));
	set_opt(p.a, SOL_TCP, TCP_CORK, 0);
	EXPECT_EQ(0, finish(reader));
	EXPECT_TRUE(all_told(p.a, 64 - 22));
}

TEST_F(data, zerocopy_that_fails)
{
	struct pair p = stream_pair();
	static char page[4096];
	struct told t;

	NEED_ZEROCOPY(p.a);
	EXPECT_ERR(EINVAL, set_opt(p.a, SOL_SOCKET, SO_ZEROCOPY, 2));
	EXPECT_ERR(EINVAL, set_opt(p.a, SOL_SOCKET, SO_ZEROCOPY, -1));
	EXPECT_ERR(EINVAL, setsockopt(p.a, SOL_SOCKET, SO_ZEROCOPY, page, 3));
	EXPECT_ERR(EFAULT, send(p.a, (void *)8, 4096, MSG_ZEROCOPY));
	/* What failed has no number. */
	EXPECT_EQ(4096, send(p.a, page, 4096, MSG_ZEROCOPY));
	must(recv(p.b, page, 4096, MSG_WAITALL));
	EXPECT_TRUE(told(p.a, &t));
	EXPECT_EQ(0, (int)t.err.ee_info);
	EXPECT_EQ(0, (int)t.err.ee_data);
	/* Nor has nothing. */
	EXPECT_EQ(0, send(p.a, page, 0, MSG_ZEROCOPY));
	EXPECT_ERR(EAGAIN, recv(p.a, page, 1, MSG_ERRQUEUE));
	/* Not asked for by the option, it is a send like others. */
	set_opt(p.a, SOL_SOCKET, SO_ZEROCOPY, 0);
	EXPECT_EQ(4096, send(p.a, page, 4096, MSG_ZEROCOPY));
	must(recv(p.b, page, 4096, MSG_WAITALL));
	EXPECT_ERR(EAGAIN, recv(p.a, page, 1, MSG_ERRQUEUE));
}

TEST_F(data, zerocopy_of_what_is_never_read)
{
	struct pair p = stream_pair();
	static char page[65536];
	int calls = 0;

	NEED_ZEROCOPY(p.a);
	while (send(p.a, page, sizeof(page), MSG_ZEROCOPY | MSG_DONTWAIT) > 0)
		calls++;
	EXPECT_ERR(EAGAIN, send(p.a, page, sizeof(page), MSG_ZEROCOPY | MSG_DONTWAIT));
	/* A reset lets all pages go. */
	close_hard(p.b);
	EXPECT_TRUE(all_told(p.a, calls));
}

/* ---- splice, sendfile ------------------------------------------------------ */

static char *map_of(int fd, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int file_of(size_t size)
{
	int fd = must(memfd_create("data", MFD_CLOEXEC));
	char *map;

	must(ftruncate(fd, size));
	map = map_of(fd, size);
	fill(map, size, 1, 0);
	munmap(map, size);
	return fd;
}

static uint64_t hash_of(size_t size)
{
	char *buf = malloc(size);
	uint64_t h;

	fill(buf, size, 1, 0);
	h = hash(HASH_START, buf, size);
	free(buf);
	return h;
}

static void sendfiles(struct __test_metadata *_metadata, struct pair p)
{
	size_t sizes[] = { 1, 5000, 65536, 100001, 700000 };
	int file = file_of(BIG), i = 0;
	off_t at = 0;
	pid_t reader = background_drain(p.b, BIG, hash_of(BIG));

	while (at < BIG)
		ASSERT_LT(0, sendfile(p.a, file, &at, sizes[i++ % ARRAY_SIZE(sizes)]));
	EXPECT_EQ(0, finish(reader));
}

TEST_F(data, sendfile)
{
	sendfiles(_metadata, stream_pair());
}

TEST_F(link, sendfile_across_a_bad_one)
{
	sendfiles(_metadata, LOSSY_PAIR("loss 2% delay 1ms"));
}

/* A page that a program keeps writing into arrives all the same: as it was at some time, and summed so. */
TEST_F(link, sendfile_of_a_page_that_changes)
{
	struct pair p = LOSSY_PAIR("delay 20ms");
	int file = file_of(100);
	char *page = map_of(file, 100);

	must(sendfile(p.a, file, NULL, 100));
	EXPECT_TRUE(until((page[50]++, events(p.b, POLLIN))));
}

/* The tail of a file does not wait for more. */
TEST_F(data, sendfile_leaves_at_once)
{
	struct pair p = stream_pair();
	int file = file_of(BIG);
	off_t at = 0;

	must(sendfile(p.a, file, &at, 10001));
	EXPECT_TRUE(arrived(p.b, 10001));
}

/* Nor the end of one that is shorter than it was said to be. */
TEST_F(data, sendfile_of_a_short_file)
{
	struct pair s = stream_pair(), d = dgram_pair();
	int file = file_of(1000), unsent = -1;
	char buf[2000];
	off_t at = 0;

	must(sendfile(s.a, file, &at, 5000));
	must(ioctl(s.a, SIOCOUTQNSD, &unsent));
	EXPECT_EQ(0, unsent);
	at = 0;
	must(sendfile(d.a, file, &at, 5000));
	ASSERT_EQ(POLLIN, wait_events(d.b, POLLIN));
	EXPECT_EQ(1000, recv(d.b, buf, sizeof(buf), 0));
}

/* Linux's own mark between the pages of a file, which a program can set, too: it holds nothing back. */
TEST_F(data, page_mark_of_a_program)
{
	struct pair s = stream_pair(), d = dgram_pair();
	const int page_follows = 0x20000;
	char buf[10];

	EXPECT_EQ(5, send(s.a, "hello", 5, page_follows));
	ASSERT_EQ(POLLIN, wait_events(s.b, POLLIN));
	EXPECT_EQ(5, recv(s.b, buf, sizeof(buf), 0));
	EXPECT_EQ(5, send(d.a, "hello", 5, page_follows));
	ASSERT_EQ(POLLIN, wait_events(d.b, POLLIN));
	EXPECT_EQ(5, recv(d.b, buf, sizeof(buf), 0));
}

TEST_F(data, sendfile_in_wrong_states)
{
	struct pair p = stream_pair();
	int file = file_of(4096);
	off_t at = 0;

	signal(SIGPIPE, SIG_IGN);
	EXPECT_ERR(EPIPE, sendfile(stream(), file, &at, 100));
	EXPECT_ERR(EPIPE, sendfile(listener(LOOPBACK, 0, 1), file, &at, 100));
	must(shutdown(p.a, SHUT_WR));
	EXPECT_ERR(EPIPE, sendfile(p.a, file, &at, 100));
	EXPECT_EQ(0, (int)at);
	set_nonblock(p.b, true);
	while (sendfile(p.b, file, (at = 0, &at), 4096) > 0)
		;
	EXPECT_EQ(EAGAIN, errno);
}

/* Through pipes in and out again, with pages that are held at both ends. */
static void splices(struct __test_metadata *_metadata, struct pair p)
{
	int in[2], out[2];
	uint64_t h = HASH_START;
	size_t got = 0;
	pid_t writer;
	ssize_t n;

	must(pipe(in));
	must(pipe(out));
	writer = must(fork());
	if (!writer) {
		int file = file_of(BIG);
		loff_t at = 0;

		while (at < BIG) {
			long left = must(splice(file, &at, in[1], NULL, 60000, 0));

			while (left)
				left -= must(splice(in[0], NULL, p.a, NULL, left, SPLICE_F_MORE));
		}
		must(shutdown(p.a, SHUT_WR));
		_exit(0);
	}
	close(p.a);
	while ((n = splice(p.b, NULL, out[1], NULL, 50000, 0)) > 0) {
		got += n;
		while (n) {
			char buf[4096];
			ssize_t m = must(read(out[0], buf, sizeof(buf)));

			h = hash(h, buf, m);
			n -= m;
		}
	}
	EXPECT_EQ(0, n) TH_LOG("%s", err_name(errno));
	EXPECT_EQ(BIG, (int)got);
	EXPECT_EQ(hash_of(BIG), h);
	EXPECT_EQ(0, finish(writer));
}

TEST_F(data, splice)
{
	splices(_metadata, stream_pair());
}

TEST_F(link, splice_across_a_bad_one)
{
	splices(_metadata, LOSSY_PAIR("loss 2% delay 1ms"));
}

/* Pieces of which each has said that more follows leave, too, when they fill the send buffer. */
TEST_F(data, splice_of_many_pieces)
{
	const int pieces = 200, size = 100;
	struct pair p = stream_pair();
	char piece[100];
	pid_t reader;
	int in[2], i;

	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 1));
	must(pipe2(in, O_DIRECT));
	must(fcntl(in[1], F_SETPIPE_SZ, BIG));
	for (i = 0; i < pieces; i++) {
		fill(piece, size, 1, i * size);
		must(write(in[1], piece, size));
	}
	reader = background_drain(p.b, pieces * size, hash_of(pieces * size));
	for (i = pieces * size; i; )
		i -= must(splice(in[0], NULL, p.a, NULL, i, 0));
	EXPECT_EQ(0, finish(reader));
}

TEST_F(data, splice_out_in_odd_moments)
{
	struct pair p = stream_pair(), q = stream_pair();
	int out[2], fd = listener(LOOPBACK, 0, 1);
	char buf[16];
	pid_t waiting;

	must(pipe(out));
	EXPECT_ERR(ENOTCONN, splice(fd, NULL, out[1], NULL, 100, 0));
	EXPECT_ERR(ENOTCONN, splice(stream(), NULL, out[1], NULL, 100, 0));
	set_nonblock(p.b, true);
	EXPECT_ERR(EAGAIN, splice(p.b, NULL, out[1], NULL, 100, 0));
	set_nonblock(p.b, false);
	set_timeout(p.b, SO_RCVTIMEO, 50);
	EXPECT_ERR(EAGAIN, splice(p.b, NULL, out[1], NULL, 100, 0));
	set_timeout(p.b, SO_RCVTIMEO, 0);

	/* One that waits wakes, and does not wait for more than there is. */
	waiting = background(splice(p.b, NULL, out[1], NULL, 100, 0) == 5 ? 0 : (errno = EBADMSG, -1));
	EXPECT_TRUE(asleep(waiting, __NR_splice));
	must(send(p.a, "hello", 5, 0));
	EXPECT_EQ(0, finish(waiting));
	EXPECT_EQ(5, read(out[0], buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));

	/* In parts; then the end, again and again. */
	must(send(p.a, "goodbye", 7, 0));
	must(shutdown(p.a, SHUT_WR));
	must_hold(arrived(p.b, 7));
	EXPECT_EQ(4, splice(p.b, NULL, out[1], NULL, 4, 0));
	EXPECT_EQ(3, inq(p.b));
	EXPECT_EQ(3, splice(p.b, NULL, out[1], NULL, 4, 0));
	EXPECT_EQ(0, splice(p.b, NULL, out[1], NULL, 4, 0));
	EXPECT_EQ(0, splice(p.b, NULL, out[1], NULL, 4, 0));
	EXPECT_EQ(7, read(out[0], buf, sizeof(buf)));

	must(send(q.a, "lost", 4, 0));
	close_hard(q.b);
	must_hold(wait_events(q.a, 0));
	EXPECT_ERR(ECONNRESET, splice(q.a, NULL, out[1], NULL, 4, 0));
}

/* ---- records, vectors ------------------------------------------------------ */

TEST_F(data, what_ends_a_record_is_not_appended_to)
{
	struct pair p;
	int i, before;

	for (i = 0; i < 2; i++) {
		/* A cork holds for 200 ms. */
		promptly(100, p = stream_pair(),
			before = segments_out(p.a);
			set_opt(p.a, SOL_TCP, TCP_CORK, 1);
			must(send(p.a, "1234567890", 10, i ? MSG_EOR : 0));
			must(send(p.a, "1234567890", 10, 0));
			set_opt(p.a, SOL_TCP, TCP_CORK, 0);
		);
		EXPECT_TRUE(arrived(p.b, 20));
		EXPECT_EQ(i ? 2 : 1, segments_out(p.a) - before);
		EXPECT_EQ(20, (int)must(recv(p.b, (char[20]){ 0 }, 20, 0)));
	}
}

TEST_F(data, vectors_of_all_shapes)
{
	struct pair p = stream_pair();
	struct iovec out[VECTORS + 1], in[VECTORS];
	static char from[VECTORS * 8], to[VECTORS * 8];
	size_t a = 0, b = 0;
	int i;

	fill(from, sizeof(from), 1, 0);
	for (i = 0; i < VECTORS; i++) {
		out[i] = (struct iovec){ from + a, i % 8 };
		in[i] = (struct iovec){ to + b, (i + 3) % 8 };
		a += i % 8;
		b += (i + 3) % 8;
	}
	EXPECT_EQ((ssize_t)a, writev(p.a, out, VECTORS));
	EXPECT_TRUE(arrived(p.b, (int)a));
	EXPECT_EQ((ssize_t)(a < b ? a : b), readv(p.b, in, VECTORS));
	EXPECT_EQ(0, memcmp(from, to, a < b ? a : b));
	out[VECTORS] = out[0];
	EXPECT_ERR(EINVAL, writev(p.a, out, VECTORS + 1));
	EXPECT_EQ(0, writev(p.a, out, 0));
	EXPECT_EQ(0, writev(p.a, out, 1));	/* of length 0 */
	/* One bad pointer among good ones: nothing goes. */
	out[0] = (struct iovec){ from, 5 };
	out[1] = (struct iovec){ (void *)8, 5 };
	EXPECT_ERR(EFAULT, writev(p.a, out, 2));
}

/* ---- when things happened -------------------------------------------------- */

TEST_F(data, times_of_what_was_sent)
{
	static const int kinds[] = { SCM_TSTAMP_SCHED, SCM_TSTAMP_SND, SCM_TSTAMP_ACK };
	struct pair p = stream_pair();
	int i, k, flags = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE |
			  SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE |
			  SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
	unsigned int at[] = { 999, 1499, 1500 };
	static char buf[2000];
	struct told t;

	must(send(p.a, buf, 77, 0));		/* not counted */
	must(recv(p.b, buf, 77, MSG_WAITALL));
	must_hold(until(outq(p.a) == 0));
	must(set_opt(p.a, SOL_SOCKET, SO_TIMESTAMPING, flags));
	for (i = 0; i < 3; i++) {
		must(send(p.a, buf, i ? at[i] - at[i - 1] : 1000, 0));
		for (k = 0; k < 3; k++) {
			ASSERT_TRUE(told(p.a, &t));
			EXPECT_EQ(SO_EE_ORIGIN_TIMESTAMPING, t.err.ee_origin);
			EXPECT_EQ(ENOMSG, (int)t.err.ee_errno);
			EXPECT_EQ(kinds[k], (int)t.err.ee_info);
			EXPECT_EQ(at[i], t.err.ee_data);
			EXPECT_TRUE(t.has_ts && t.ts.ts[0].tv_sec);
			EXPECT_EQ(0, t.len);
		}
	}
	EXPECT_ERR(EAGAIN, recv(p.a, buf, 1, MSG_ERRQUEUE));
}

/* Switched off and on again, they are counted anew; what is still on its way is told nevertheless. */
TEST_F(data, times_counted_anew)
{
	int i, flags = SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE |
		       SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
	struct pair p = stream_pair();
	char buf[16] = { 0 };
	struct told t;

	for (i = 0; i < 2; i++) {
		must(set_opt(p.a, SOL_SOCKET, SO_TIMESTAMPING, 0));
		must(set_opt(p.a, SOL_SOCKET, SO_TIMESTAMPING, flags));
		must(send(p.a, buf, 10 - i, 0));
		ASSERT_TRUE(told(p.a, &t));
		EXPECT_EQ(SCM_TSTAMP_ACK, (int)t.err.ee_info);
		EXPECT_EQ(9 - i, (int)t.err.ee_data);
		must_hold(until(outq(p.a) == 0));
	}
}

/* As much as the send buffer takes: all of that has left by then. */
TEST_F(data, times_of_a_full_buffer)
{
	int flags = SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE |
		    SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
	struct pair p = stream_pair();
	static char buf[400000];
	struct told t;
	ssize_t n;

	if (oracle() && kernel_before(7, 3))
		SKIP(return, "of the kernels here only 7.3's TCP does");
	must(set_opt(p.a, SOL_SOCKET, SO_SNDBUF, 16000));
	must(set_opt(p.a, SOL_SOCKET, SO_TIMESTAMPING, flags));
	n = must(send(p.a, buf, sizeof(buf), MSG_DONTWAIT));
	ASSERT_LT(n, (ssize_t)sizeof(buf));
	ASSERT_TRUE(told(p.a, &t));
	EXPECT_EQ(SCM_TSTAMP_ACK, (int)t.err.ee_info);
	EXPECT_EQ(n - 1, (ssize_t)t.err.ee_data);
}

/* One call's alone, and with the packet itself. */
TEST_F(data, times_of_one_call)
{
	struct pair p = stream_pair();
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { "hello", 5 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	struct told t;

	must(set_opt(p.a, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_SOFTWARE));
	must(send(p.a, "quiet", 5, 0));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SO_TIMESTAMPING;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	*(int *)CMSG_DATA(c) = SOF_TIMESTAMPING_TX_ACK;
	EXPECT_EQ(5, sendmsg(p.a, &msg, 0));
	ASSERT_TRUE(told(p.a, &t));
	EXPECT_EQ(SCM_TSTAMP_ACK, (int)t.err.ee_info);
	EXPECT_TRUE(t.has_ts && t.ts.ts[0].tv_sec);
	EXPECT_EQ(5, t.len);
	EXPECT_ERR(EAGAIN, recv(p.a, control, 1, MSG_ERRQUEUE));
	*(int *)CMSG_DATA(c) = SOF_TIMESTAMPING_OPT_ID;
	EXPECT_ERR(EINVAL, sendmsg(p.a, &msg, 0));
}

/* Of a large write, cut into many segments, the last byte counts. */
static void times_of_a_large_write(struct __test_metadata *_metadata, struct pair p, bool departure)
{
	int flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK |
		    SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
		    SOF_TIMESTAMPING_OPT_TSONLY;
	static char buf[200000];
	bool sent = false;
	pid_t reader;
	struct told t;

	must(set_opt(p.a, SOL_SOCKET, SO_TIMESTAMPING, flags));
	reader = background_drain(p.b, sizeof(buf), hash(HASH_START, buf, sizeof(buf)));
	must_hold(send(p.a, buf, sizeof(buf), 0) == sizeof(buf));
	/* Each time that it is sent is told; that it has arrived, once, and last. */
	do {
		ASSERT_TRUE(told(p.a, &t));
		EXPECT_EQ(sizeof(buf) - 1, t.err.ee_data);
		sent |= t.err.ee_info == SCM_TSTAMP_SND;
	} while (t.err.ee_info != SCM_TSTAMP_ACK);
	EXPECT_TRUE(sent || !departure);
	EXPECT_EQ(0, finish(reader));
}

TEST_F(link, times_of_a_large_write)
{
	times_of_a_large_write(_metadata, link_pair(self->net), true);
}

TEST_F(link, times_of_a_large_write_that_is_cut_below)
{
	must_hold(shell("ethtool -K veth tso off"));
	times_of_a_large_write(_metadata, link_pair(self->net), true);
}

TEST_F(link, times_of_a_large_write_with_losses)
{
	/* netem takes our buffers from the socket (skb_orphan_partial()): no word of departures. */
	times_of_a_large_write(_metadata, LOSSY_PAIR("loss 5% delay 1ms"), oracle());
}

/* The clock that packets are stamped by: time()'s is up to a tick behind it. */
static long seconds_now(void)
{
	struct timespec now;

	must(clock_gettime(CLOCK_REALTIME, &now));
	return now.tv_sec;
}

/* The time that a call of recvmsg tells; 0 if none. */
static long time_told(int fd, int want)
{
	char control[256], buf[100];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control, .msg_controllen = sizeof(control) };
	long told = 0;

	must(recvmsg(fd, &msg, 0));
	control_bytes(&msg, SOL_SOCKET, want, &told, sizeof(told));	/* seconds come first */
	return told;
}

TEST_F(data, times_of_what_came)
{
	static const struct { int option, value, type; } ways[] = {
		{ SO_TIMESTAMP, 1, SCM_TIMESTAMP },
		{ SO_TIMESTAMPNS, 1, SCM_TIMESTAMPNS },
		{ SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE,
		  SCM_TIMESTAMPING },
	};
	int i;

	for (i = 0; i < (int)ARRAY_SIZE(ways); i++) {
		struct pair p = stream_pair();
		long before = seconds_now(), t = 0;

		must(set_opt(p.b, SOL_SOCKET, ways[i].option, ways[i].value));
		/* Stamping may be switched on a moment later. */
		EXPECT_TRUE(until((must(send(p.a, "x", 1, 0)), t = time_told(p.b, ways[i].type))));
		EXPECT_LE(before, t);
		EXPECT_GE(seconds_now(), t);
		must(set_opt(p.b, SOL_SOCKET, ways[i].option, 0));
		must(send(p.a, "x", 1, 0));
		EXPECT_EQ(0, time_told(p.b, ways[i].type));
	}
}

/* Where the program has room for one of two messages, it is the time's. */
TEST_F(data, time_before_what_is_left)
{
	char control[CMSG_SPACE(sizeof(struct timespec))], buf[1];
	struct iovec iov = { buf, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct pair p = stream_pair();

	must(set_opt(p.b, SOL_SOCKET, SO_TIMESTAMPNS, 1));
	must(set_opt(p.b, SOL_TCP, TCP_INQ, 1));
	/* Stamping may be switched on a moment later. */
	EXPECT_TRUE(until((must(send(p.a, "x", 1, 0)),
			   msg.msg_control = control, msg.msg_controllen = sizeof(control),
			   must(recvmsg(p.b, &msg, 0)),
			   control_message(&msg, SOL_SOCKET, SCM_TIMESTAMPNS))));
	EXPECT_EQ(MSG_CTRUNC, msg.msg_flags & MSG_CTRUNC);
}

/* What completes the handshake has a time, too. */
TEST_F(data, time_of_what_opens_the_connection)
{
	int listening = listener(LOOPBACK, 0, 8);
	long before = seconds_now(), t = 0;
	struct pair p;

	must(set_opt(listening, SOL_SOCKET, SO_TIMESTAMP, 1));
	must(set_opt(listening, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1));
	/* Stamping may be switched on a moment later. */
	EXPECT_TRUE(until((p.a = connected_to(LOOPBACK, local_port(listening)),
			   must(send(p.a, "x", 1, 0)),
			   p.b = must(accept(listening, NULL, NULL)),
			   t = time_told(p.b, SCM_TIMESTAMP))));
	EXPECT_LE(before, t);
}

/* ---- peeking further on ---------------------------------------------------- */

TEST_F(data, peek_offset)
{
	struct pair p = stream_pair();
	char buf[16];

	if (oracle() && kernel_before(6, 9))
		SKIP(return, "TCP has it from 6.9 on");
	EXPECT_EQ(-1, get_opt(p.b, SOL_SOCKET, SO_PEEK_OFF));
	must(set_opt(p.b, SOL_SOCKET, SO_PEEK_OFF, 0));
	must(send(p.a, "abcdefgh", 8, 0));
	must_hold(arrived(p.b, 8));
	EXPECT_EQ(3, recv(p.b, buf, 3, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "abc", 3));
	EXPECT_EQ(3, recv(p.b, buf, 3, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "def", 3));
	/* Reading moves it back. */
	EXPECT_EQ(4, recv(p.b, buf, 4, 0));
	EXPECT_EQ(2, get_opt(p.b, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_EQ(2, recv(p.b, buf, 9, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "gh", 2));
	EXPECT_ERR(EAGAIN, recv(p.b, buf, 9, MSG_PEEK | MSG_DONTWAIT));
	EXPECT_EQ(4, recv(p.b, buf, 9, 0));
}

/* It is of the stream that was: the next one is seen from its beginning. */
TEST_F(data, peek_offset_of_another_connection)
{
	int l = listener(LOOPBACK, 0, 4);
	struct pair p = pair_through(l, LOOPBACK);
	char buf[16];

	if (oracle() && kernel_before(6, 9))
		SKIP(return, "TCP has it from 6.9 on");
	must(set_opt(p.a, SOL_SOCKET, SO_PEEK_OFF, 0));
	must(send(p.b, "abcdefgh", 8, 0));
	must_hold(arrived(p.a, 8));
	EXPECT_EQ(8, recv(p.a, buf, 9, MSG_PEEK));
	EXPECT_OK(connect_nowhere(p.a));
	EXPECT_EQ(-1, get_opt(p.a, SOL_SOCKET, SO_PEEK_OFF));
	must(connect_to(p.a, LOOPBACK, local_port(l)));
	p.b = must(accept(l, NULL, NULL));
	must(send(p.b, "new", 3, 0));
	must_hold(arrived(p.a, 3));
	EXPECT_EQ(3, recv(p.a, buf, 9, MSG_PEEK | MSG_DONTWAIT));
}

/* What is spliced away is taken as what is read. */
TEST_F(data, peek_offset_and_splice)
{
	struct pair p = stream_pair();
	char buf[16];
	int out[2];

	if (oracle())
		SKIP(return, "TCP's stays where it was");
	must(pipe(out));
	must(set_opt(p.b, SOL_SOCKET, SO_PEEK_OFF, 0));
	must(send(p.a, "abcdefgh", 8, 0));
	must_hold(arrived(p.b, 8));
	EXPECT_EQ(4, recv(p.b, buf, 4, MSG_PEEK));
	EXPECT_EQ(3, splice(p.b, NULL, out[1], NULL, 3, 0));
	EXPECT_EQ(1, get_opt(p.b, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_EQ(4, recv(p.b, buf, 9, MSG_PEEK | MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(buf, "efgh", 4));
}

/* ---- descriptors that travel ----------------------------------------------- */

TEST_F(data, a_socket_is_passed_on)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, buf[8];
	struct iovec iov = { buf, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	struct pair p = stream_pair();
	int un[2], fd;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, un));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &p.a, sizeof(int));
	must(sendmsg(un[0], &msg, 0));
	must(close(p.a));
	must(recvmsg(un[1], &msg, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	EXPECT_EQ(4, send(fd, "here", 4, 0));
	EXPECT_EQ(4, recv(p.b, buf, 8, 0));
	/* A stream carries no descriptors: it lets them lie. */
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	EXPECT_EQ(1, sendmsg(fd, &msg, 0));
	EXPECT_EQ(1, recv(p.b, buf, 8, 0));
	/* The last one to let go closes. */
	must(close(fd));
	EXPECT_EQ(0, recv(p.b, buf, 8, 0));
}

/* What one descriptor does another of the same socket sees: they share all but close-on-exec. */
TEST_F(data, duplicates)
{
	struct pair p = stream_pair();
	int other = must(dup(p.a));
	char buf[8];
	pid_t child;

	set_nonblock(other, true);
	EXPECT_ERR(EAGAIN, recv(p.a, buf, 8, 0));
	child = must(fork());
	if (!child) {
		must(send(p.a, "child", 5, 0));
		must(shutdown(p.a, SHUT_WR));
		_exit(0);
	}
	EXPECT_EQ(0, finish(child));
	EXPECT_EQ(5, recv(p.b, buf, 8, MSG_WAITALL));
	EXPECT_EQ(0, recv(p.b, buf, 8, 0));
	signal(SIGPIPE, SIG_IGN);
	EXPECT_ERR(EPIPE, send(other, "x", 1, 0));
}

/* ---- TCP_ZEROCOPY_RECEIVE -------------------------------------------------- */

/* As <linux/tcp.h> has it; the C library knows its beginning only. */
struct receive {
	uint64_t address;
	uint32_t length, hint, inq;
	int32_t err;
	uint64_t copy;
	int32_t room;
	uint32_t flags;
	uint64_t control, control_len;
	uint32_t msg_flags, reserved;
};

static int receive_len(int fd, struct receive *r, socklen_t len)
{
	return getsockopt(fd, SOL_TCP, TCP_ZEROCOPY_RECEIVE, r, &len);
}

#define receive(fd, r) receive_len(fd, r, sizeof(struct receive))

static char *area(int fd, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	must_hold(at != MAP_FAILED);
	return at;
}

/* What is not mapped is to be read: so goes about it whoever uses the call. */
TEST_F(data, zerocopy_receive)
{
	struct pair p = stream_pair();
	const size_t size = 1 << 16;
	uint64_t expected = HASH_START, h = HASH_START;
	char *at = area(p.b, size), buf[8192];
	struct receive r;
	pid_t writer;

	for (int i = 0; i < BIG; i += sizeof(buf)) {
		fill(buf, sizeof(buf), 1, i);
		expected = hash(expected, buf, sizeof(buf));
	}
	writer = background(({
		for (int i = 0; i < BIG; i += sizeof(buf)) {
			fill(buf, sizeof(buf), 1, i);
			must(send(p.a, buf, sizeof(buf), 0));
		}
		shutdown(p.a, SHUT_WR); }));
	for (;;) {
		must_hold(wait_events(p.b, POLLIN));
		r = (struct receive) { .address = (uintptr_t)at, .length = size };
		if (receive(p.b, &r))
			break;
		h = hash(h, at, r.length);
		while (r.hint) {
			ssize_t n = recv(p.b, buf, r.hint < sizeof(buf) ? r.hint : sizeof(buf), 0);

			ASSERT_GT(n, 0);
			h = hash(h, buf, n);
			r.hint -= n;
		}
	}
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(expected, h);
	EXPECT_EQ(0, finish(writer));
}

/* ... or copied, where there is room for all. */
TEST_F(data, zerocopy_receive_copies)
{
	struct pair p = stream_pair();
	char *at = area(p.b, 1 << 16), buf[4096] = "";
	struct receive r = { .address = (uintptr_t)at, .length = 1 << 16, .copy = (uintptr_t)buf };

	EXPECT_OK(receive(p.b, &r));
	EXPECT_EQ(0, r.length + r.hint + r.inq + r.room);
	EXPECT_EQ(5, send(p.a, "hello", 5, 0));
	EXPECT_TRUE(wait_events(p.b, POLLIN));
	r = (struct receive) { .address = (uintptr_t)at, .length = 1 << 16, .copy = (uintptr_t)buf,
			       .room = 4 };
	EXPECT_OK(receive(p.b, &r));
	EXPECT_EQ(0, r.length + r.room);
	EXPECT_EQ(5, r.hint);
	EXPECT_EQ(5, r.inq);
	r.room = sizeof(buf);
	EXPECT_OK(receive(p.b, &r));
	EXPECT_EQ(5, r.room);
	EXPECT_EQ(0, r.length + r.hint + r.inq);
	EXPECT_STREQ("hello", buf);
	/* What is no area will do for what is to be copied, or for less than a page. */
	EXPECT_EQ(5, send(p.a, "again", 5, 0));
	EXPECT_TRUE(wait_events(p.b, POLLIN));
	r = (struct receive) { .copy = (uintptr_t)buf, .room = sizeof(buf) };
	EXPECT_OK(receive(p.b, &r));
	EXPECT_EQ(5, r.room);
	EXPECT_STREQ("again", buf);
	/* The end, and an error. */
	close_hard(p.a);
	EXPECT_TRUE(wait_events(p.b, POLLERR));
	r = (struct receive) { .address = (uintptr_t)at };
	if (receive(p.b, &r) == 0) {
		EXPECT_EQ(ECONNRESET, -r.err);
	} else {
		EXPECT_EQ(EIO, errno);
	}
}

TEST_F(data, zerocopy_receive_refuses)
{
	struct pair p = stream_pair();
	int listening = listener(LOOPBACK, 0, 1);
	char *at = area(p.b, 1 << 16), buf[32768] = "";
	struct { struct receive r; uint32_t more; } longer = { };
	struct receive r = { .address = (uintptr_t)at + 1 };
	pid_t reader;

	EXPECT_ERR(EPERM, (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, p.b, 0) == MAP_FAILED) ?
			  -1 : 0);
	EXPECT_ERR(EACCES, mprotect(at, 4096, PROT_READ | PROT_WRITE));
	EXPECT_ERR(EINVAL, receive(p.b, &r));
	r.address = (uintptr_t)at;
	EXPECT_ERR(ENOTCONN, receive(listening, &r));
	EXPECT_ERR(EINVAL, receive_len(p.b, &r, 11));
	EXPECT_OK(receive_len(p.b, &r, 12));
	EXPECT_OK(receive_len(p.b, &longer.r, sizeof(longer)));
	longer.more = 1;
	EXPECT_ERR(EINVAL, receive_len(p.b, &longer.r, sizeof(longer)));
	r.reserved = 1;
	EXPECT_ERR(EINVAL, receive(p.b, &r));
	r.reserved = 0;
	r.msg_flags = 1;
	EXPECT_ERR(EINVAL, receive(p.b, &r));
	/* With pages to map, where to must be an area. */
	EXPECT_EQ(sizeof(buf), send(p.a, buf, sizeof(buf), 0));
	EXPECT_TRUE(until(inq(p.b) == sizeof(buf)));
	r = (struct receive) { .length = 1 << 16 };
	EXPECT_ERR(EINVAL, receive(p.b, &r));
	r = (struct receive) { .address = (uintptr_t)mmap(NULL, 4096, PROT_READ,
							  MAP_ANONYMOUS | MAP_PRIVATE, -1, 0) };
	EXPECT_ERR(EINVAL, receive(p.b, &r));
	/* Nothing is where nothing was mapped. */
	reader = must(fork());
	if (!reader)
		_exit(*(volatile char *)(at + (1 << 15)));
	EXPECT_EQ(-1, finish(reader));
}

/* A filter on a stream sees its sequence numbers: that takes a privilege. */
TEST_F(data, filter_for_the_privileged)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0x40000);
	struct sock_fprog program = { 1, &all };
	int fd = stream();

	if (!oracle() && kernel_before(6, 4))
		SKIP(return, "the core answers, and asks of TCP only");
	EXPECT_EQ(EPERM, finish(background(({
		must(setgid(65534));
		must(setuid(65534));
		setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	}))));
	EXPECT_OK(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
}

/* A control message that needs a privilege is as wrong as any other. */
TEST_F(data, control_for_the_privileged)
{
	char c = 'x';
	struct iovec iov = { &c, 1 };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr h;
	} control = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SO_MARK } };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct pair p = stream_pair();

	EXPECT_EQ(EINVAL, finish(background(({
		must(setgid(65534));
		must(setuid(65534));
		sendmsg(p.a, &m, MSG_NOSIGNAL);
	}))));
	EXPECT_EQ(1, sendmsg(p.a, &m, 0));
}

/* SO_TXREHASH: whether what is not answered goes another way. From 6.16 on the core knows TCP's only. */
TEST_F(data, another_way_or_not)
{
	const int txrehash = 74;
	int fd = stream();

	EXPECT_OK(set_opt(fd, SOL_SOCKET, txrehash, 0));
	EXPECT_OK(set_opt(fd, SOL_SOCKET, txrehash, 1));
	EXPECT_OK(set_opt(fd, SOL_SOCKET, txrehash, -1));
	EXPECT_ERR(EINVAL, set_opt(fd, SOL_SOCKET, txrehash, 2));
}

TEST_HARNESS_MAIN
