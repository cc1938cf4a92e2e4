// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring: accept and receive once and again, send with and without copies, connect, poll, splice,
 * cancel.
 */
#include "yoke_test.h"
#include <liburing.h>
#include <sys/mman.h>

#define BIG (1 << 20)

FIXTURE(uring) {
	struct io_uring ring;
};

FIXTURE_SETUP(uring)
{
	int err;

	new_net();
	err = io_uring_queue_init(64, &self->ring, 0);
	if (err)
		SKIP(_exit(255), "no io_uring: %s", err_name(-err));
}

FIXTURE_TEARDOWN(uring)
{
	io_uring_queue_exit(&self->ring);
}

/* The next thing that is done; its flags are IORING_CQE_F_*. */
static struct io_uring_cqe done(struct io_uring *ring)
{
	struct __kernel_timespec limit = { .tv_sec = BOUND / 1000 };
	struct io_uring_cqe *cqe, copy = { .res = -ETIME };

	if (io_uring_wait_cqe_timeout(ring, &cqe, &limit))
		return copy;
	copy = *cqe;
	io_uring_cqe_seen(ring, cqe);
	return copy;
}

static int result(struct io_uring *ring)
{
	io_uring_submit(ring);
	return done(ring).res;
}

TEST_F(uring, a_conversation)
{
	int listening = listener(LOOPBACK, 0, 1), a = stream(), b;
	struct sockaddr_in named = local(listening);
	struct io_uring *ring = &self->ring;
	socklen_t len = sizeof(named);
	const struct sockaddr *to;
	struct msghdr msg = { 0 };
	struct sockaddr_in6 six;
	struct iovec iov;
	char buf[8];

	to = into((struct sockaddr *)&named, &len, &six);
	io_uring_prep_connect(io_uring_get_sqe(ring), a, to, len);
	EXPECT_EQ(0, result(ring));
	io_uring_prep_accept(io_uring_get_sqe(ring), listening, NULL, NULL, SOCK_CLOEXEC);
	b = result(ring);
	ASSERT_LE(0, b);

	/* A receive that waits. */
	io_uring_prep_recv(io_uring_get_sqe(ring), b, buf, 5, MSG_WAITALL);
	io_uring_submit(ring);
	must(send(a, "he", 2, 0));
	must(send(a, "llo", 3, 0));
	EXPECT_EQ(5, done(ring).res);
	EXPECT_EQ(0, memcmp(buf, "hello", 5));

	iov = (struct iovec){ "yoke", 4 };
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	io_uring_prep_sendmsg(io_uring_get_sqe(ring), b, &msg, 0);
	EXPECT_EQ(4, result(ring));
	io_uring_prep_poll_add(io_uring_get_sqe(ring), a, POLLIN);
	EXPECT_EQ(POLLIN, result(ring) & POLLIN);
	iov = (struct iovec){ buf, 8 };
	io_uring_prep_recvmsg(io_uring_get_sqe(ring), a, &msg, 0);
	EXPECT_EQ(4, result(ring));

	io_uring_prep_shutdown(io_uring_get_sqe(ring), a, SHUT_WR);
	EXPECT_EQ(0, result(ring));
	io_uring_prep_recv(io_uring_get_sqe(ring), b, buf, 8, 0);
	EXPECT_EQ(0, result(ring));
	io_uring_prep_send(io_uring_get_sqe(ring), a, "x", 1, MSG_NOSIGNAL);
	EXPECT_EQ(-EPIPE, result(ring));
	((struct sockaddr_in *)to)->sin_port = 0;	/* of both it is there */
	io_uring_prep_connect(io_uring_get_sqe(ring), a, to, len);
	EXPECT_EQ(-EISCONN, result(ring));
	io_uring_prep_connect(io_uring_get_sqe(ring), stream(), to, len);
	EXPECT_EQ(-ECONNREFUSED, result(ring));
	io_uring_prep_close(io_uring_get_sqe(ring), a);
	EXPECT_EQ(0, result(ring));
}

TEST_F(uring, accept_again_and_again)
{
	int listening = listener(LOOPBACK, 0, 16), i;
	struct io_uring *ring = &self->ring;
	struct io_uring_cqe cqe;

	io_uring_prep_multishot_accept(io_uring_get_sqe(ring), listening, NULL, NULL, SOCK_CLOEXEC);
	io_uring_submit(ring);
	for (i = 0; i < 16; i++) {
		int a = connected_to(LOOPBACK, local_port(listening));
		char c;

		cqe = done(ring);
		ASSERT_LE(0, cqe.res);
		EXPECT_TRUE(cqe.flags & IORING_CQE_F_MORE);
		must(send(a, "x", 1, 0));
		EXPECT_EQ(1, recv(cqe.res, &c, 1, 0));
	}
	/* It ends when nobody can come any more. */
	must(shutdown(listening, SHUT_RD));
	cqe = done(ring);
	EXPECT_EQ(-EINVAL, cqe.res);
	EXPECT_FALSE(cqe.flags & IORING_CQE_F_MORE);
}

#define BUFFERS 16
#define BUFFER 64

TEST_F(uring, receive_again_and_again)
{
	static char buffers[BUFFERS * BUFFER];
	struct io_uring *ring = &self->ring;
	struct pair p = stream_pair();
	struct io_uring_sqe *sqe;
	struct io_uring_cqe cqe;
	int i;

	io_uring_prep_provide_buffers(io_uring_get_sqe(ring), buffers, BUFFER, BUFFERS, 7, 0);
	EXPECT_EQ(0, result(ring));
	sqe = io_uring_get_sqe(ring);
	io_uring_prep_recv_multishot(sqe, p.b, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = 7;
	io_uring_submit(ring);
	for (i = 0; i < BUFFERS / 2; i++) {
		char *got;

		must(send(p.a, &i, sizeof(i), 0));
		cqe = done(ring);
		ASSERT_EQ((int)sizeof(i), cqe.res);
		EXPECT_TRUE(cqe.flags & IORING_CQE_F_MORE);
		got = buffers + (cqe.flags >> IORING_CQE_BUFFER_SHIFT) * BUFFER;
		EXPECT_EQ(0, memcmp(got, &i, sizeof(i)));
	}
	must(shutdown(p.a, SHUT_WR));
	cqe = done(ring);
	EXPECT_EQ(0, cqe.res);
	EXPECT_FALSE(cqe.flags & IORING_CQE_F_MORE);
}

/* Pages of the program's, told of by a second completion when they are free. */
static void send_zc(struct __test_metadata *_metadata, struct io_uring *ring, struct pair p,
		    bool registered)
{
	char *from = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t sent = 0, got = 0, sizes[] = { 65536, 1, 4096, 100000, 4097 };
	static char buf[65536];
	struct iovec iov = { from, BIG };
	uint64_t h = HASH_START;
	int pending = 0, i = 0;
	ssize_t n;

	fill(from, BIG, 1, 0);
	if (registered)
		ASSERT_EQ(0, io_uring_register_buffers(ring, &iov, 1));
	while (got < BIG) {
		size_t want = sizes[i++ % ARRAY_SIZE(sizes)];
		struct io_uring_cqe cqe;

		if (want > BIG - sent)
			want = BIG - sent;
		if (want) {
			if (registered)
				io_uring_prep_send_zc_fixed(io_uring_get_sqe(ring), p.a, from + sent,
							    want, 0, 0, 0);
			else
				io_uring_prep_send_zc(io_uring_get_sqe(ring), p.a, from + sent,
						      want, 0, 0);
			io_uring_submit(ring);
			do {
				cqe = done(ring);
				pending -= !!(cqe.flags & IORING_CQE_F_NOTIF);
			} while (cqe.flags & IORING_CQE_F_NOTIF);
			ASSERT_LT(0, cqe.res) TH_LOG("%s", err_name(-cqe.res));
			pending += !!(cqe.flags & IORING_CQE_F_MORE);
			sent += cqe.res;
		}
		while (got < sent && (n = recv(p.b, buf, sizeof(buf), 0)) > 0) {
			h = hash(h, buf, n);
			got += n;
		}
	}
	EXPECT_EQ(hash(HASH_START, from, BIG), h);
	while (pending) {
		struct io_uring_cqe cqe = done(ring);

		ASSERT_TRUE(cqe.flags & IORING_CQE_F_NOTIF);
		pending--;
	}
}

TEST_F(uring, send_without_copies)
{
	send_zc(_metadata, &self->ring, stream_pair(), false);
}

TEST_F(uring, send_registered_buffers_without_copies)
{
	send_zc(_metadata, &self->ring, stream_pair(), true);
}

/* Copied or not: the program hears when its pages are free. */
static void send_dgram_zc(struct __test_metadata *_metadata, struct io_uring *ring, bool registered)
{
	static char from[60000] __attribute__((aligned(4096))), buf[sizeof(from)];
	struct iovec iov = { from, sizeof(from) };
	struct pair p = dgram_pair();
	struct io_uring_cqe cqe;
	size_t n;

	fill(from, sizeof(from), 1, 0);
	if (registered)
		ASSERT_EQ(0, io_uring_register_buffers(ring, &iov, 1));
	for (n = 1; n < sizeof(from); n *= 7) {
		if (registered)
			io_uring_prep_send_zc_fixed(io_uring_get_sqe(ring), p.a, from + 1, n, 0, 0, 0);
		else
			io_uring_prep_send_zc(io_uring_get_sqe(ring), p.a, from + 1, n, 0, 0);
		io_uring_submit(ring);
		cqe = done(ring);
		ASSERT_EQ((int)n, cqe.res) TH_LOG("%s", err_name(-cqe.res));
		ASSERT_TRUE(cqe.flags & IORING_CQE_F_MORE);
		EXPECT_EQ((ssize_t)n, recv(p.b, buf, sizeof(buf), 0));
		EXPECT_EQ(0, memcmp(from + 1, buf, n));
		cqe = done(ring);
		EXPECT_TRUE(cqe.flags & IORING_CQE_F_NOTIF);
	}
}

TEST_F(uring, send_datagrams_without_copies)
{
	send_dgram_zc(_metadata, &self->ring, false);
}

TEST_F(uring, send_datagrams_of_registered_buffers)
{
	send_dgram_zc(_metadata, &self->ring, true);
}

TEST_F(uring, splice)
{
	struct io_uring *ring = &self->ring;
	struct pair p = stream_pair();
	int pipes[2];
	char buf[8];

	must(pipe(pipes));
	io_uring_prep_splice(io_uring_get_sqe(ring), p.b, -1, pipes[1], -1, 100, 0);
	io_uring_submit(ring);
	must(send(p.a, "hello", 5, 0));
	EXPECT_EQ(5, done(ring).res);
	io_uring_prep_splice(io_uring_get_sqe(ring), pipes[0], -1, p.b, -1, 5, 0);
	EXPECT_EQ(5, result(ring));
	EXPECT_EQ(5, recv(p.a, buf, 5, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));
}

/* enum io_uring_socket_op of linux/io_uring.h, which may be older; it lies where a file's offset would. */
#define OP_SIOCINQ 0
#define OP_SIOCOUTQ 1

static int ask_socket(struct io_uring *ring, int fd, int what)
{
	io_uring_prep_rw(IORING_OP_URING_CMD, io_uring_get_sqe(ring), fd, NULL, 0, what);
	return result(ring);
}

TEST_F(uring, how_much_there_is)
{
	struct io_uring *ring = &self->ring;
	struct pair p = stream_pair();

	if (ask_socket(ring, must(socket(AF_INET, SOCK_STREAM, 0)), OP_SIOCINQ) == -EOPNOTSUPP)
		SKIP(return, "before Linux 6.7 sockets take no commands");
	EXPECT_EQ(0, ask_socket(ring, p.b, OP_SIOCINQ));
	must(send(p.a, "hello", 5, 0));
	EXPECT_TRUE(arrived(p.b, 5));
	EXPECT_EQ(5, ask_socket(ring, p.b, OP_SIOCINQ));
	EXPECT_TRUE(until(!ask_socket(ring, p.a, OP_SIOCOUTQ)));
}

TEST_F(uring, what_waits_is_cancelled)
{
	struct io_uring *ring = &self->ring;
	struct pair p = stream_pair();
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	int i, seen = 0;
	char buf[8];

	io_uring_prep_recv(sqe, p.b, buf, 8, 0);
	io_uring_sqe_set_data64(sqe, 1);
	io_uring_submit(ring);
	sqe = io_uring_get_sqe(ring);
	io_uring_prep_cancel64(sqe, 1, 0);
	io_uring_sqe_set_data64(sqe, 2);
	io_uring_submit(ring);
	for (i = 0; i < 2; i++) {
		struct io_uring_cqe cqe = done(ring);

		EXPECT_EQ(cqe.user_data == 1 ? -ECANCELED : 0, cqe.res);
		seen |= cqe.user_data;
	}
	EXPECT_EQ(3, seen);
	/* And a limit of time. */
	sqe = io_uring_get_sqe(ring);
	io_uring_prep_recv(sqe, p.b, buf, 8, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_sqe_set_data64(sqe, 1);
	sqe = io_uring_get_sqe(ring);
	io_uring_prep_link_timeout(sqe, &(struct __kernel_timespec){ .tv_nsec = 50000000 }, 0);
	io_uring_sqe_set_data64(sqe, 2);
	io_uring_submit(ring);
	for (i = 0; i < 2; i++) {
		struct io_uring_cqe cqe = done(ring);

		EXPECT_EQ(cqe.user_data == 1 ? -ECANCELED : -ETIME, cqe.res);
	}
}

TEST_HARNESS_MAIN
