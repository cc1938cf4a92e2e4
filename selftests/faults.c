// SPDX-License-Identifier: GPL-2.0
/*
 * No memory. In every call of a connection's life, and of a datagram's, the first allocation fails,
 * then the second, and so on until the call needs no more: each time it must give an errno that
 * says so, and lose nothing, for the same call made again succeeds and every byte arrives. Then
 * what comes in is not given memory, at random: that is a bad network, and no more.
 *
 * It takes a kernel with fault injection (make check-debug).
 */
#include "yoke_test.h"
#include <linux/filter.h>

#define PIECE 20000
#define DEBUG "/sys/kernel/debug/"

/* ---- failing ---------------------------------------------------------------- */

static int nth = -1;	/* of this thread: which of its allocations or copies fails next */

static bool faults_possible(void)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
	char path[64];
	unsigned int i;

	nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth < 0)
		return false;
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), DEBUG "%s/verbose", kinds[i]);
		must_hold(write_file(path, "0"));
	}
	/* Those that may sleep as well, and single pages. */
	must_hold(write_file(DEBUG "failslab/ignore-gfp-wait", "N"));
	must_hold(write_file(DEBUG "failslab/cache-filter", "N"));	/* starve()'s */
	must_hold(write_file(DEBUG "fail_page_alloc/ignore-gfp-wait", "N"));
	must_hold(write_file(DEBUG "fail_page_alloc/min-order", "0"));
	return true;
}

static void fail(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	must(pwrite(nth, text, len, 0));
}

/* No more failing. How many before the one that we asked for there would have been; 0: it came. */
static unsigned int left(void)
{
	char text[16] = "";
	unsigned int n = 1;

	/* Reading needs a copy as well: if that fails, that was the one. */
	if (pread(nth, text, sizeof(text) - 1, 0) > 0)
		n = atoi(text);
	while (pwrite(nth, "0", 1, 0) < 0)
		;
	return n;
}

/* What a call may say for want of memory, or of a place that it can copy to. */
static bool says_no_memory(int err)
{
	switch (err) {
	case ENOMEM: case ENOBUFS: case EFAULT: case ENFILE:
		return true;
	case EADDRINUSE: case EADDRNOTAVAIL:	/* TCP's bind() and connect() do */
		return oracle();
	}
	return false;
}

/* ---- a life, in steps -------------------------------------------------------- */

struct life {
	int listening, a, b, pipe[2], file, port;
	size_t in_pipe;
	size_t sent, got, piece;	/* all that went in and came out; of this step, what is done */
	bool lost;			/* a datagram that could not be copied is gone, as UDP's */
	uint64_t in, out;
};

/* Each makes one step, or what is left of it; -1 if it must be called again. */
struct step {
	const char *name;
	long (*go)(struct life *l);
};

/* Writes PIECE bytes by @write; what was written stays so. */
static long send_all(struct life *l, ssize_t (*write)(struct life *l, const char *buf, size_t n))
{
	static char buf[PIECE];
	ssize_t n;

	while (l->piece < PIECE) {
		fill(buf, PIECE - l->piece, 1, l->sent);
		n = write(l, buf, PIECE - l->piece);
		if (n < 0)
			return -1;
		l->in = hash(l->in, buf, n);
		l->sent += n;
		l->piece += n;
	}
	return 0;
}

static long step_socket(struct life *l)
{
	return l->a = socket(family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long step_options(struct life *l)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0x40000);
	struct sock_fprog filter = { 1, &all };

	if (setsockopt(l->a, SOL_TCP, TCP_CONGESTION, "cubic", 5) ||
	    setsockopt(l->a, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
	    set_opt(l->a, SOL_SOCKET, SO_DETACH_FILTER, 0) ||
	    setsockopt(l->a, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3))
		return -1;
	return set_opt(l->a, SOL_TCP, TCP_NODELAY, 1);
}

static long step_bind(struct life *l)
{
	return bind_to(l->a, LOOPBACK, 0);
}

static long step_listen(struct life *l)
{
	if (listen(l->a, 5))
		return -1;
	l->listening = l->a;
	l->a = -1;
	return 0;
}

static long step_connect(struct life *l)
{
	return connect_to(l->a, LOOPBACK, l->port);
}

static long step_accept(struct life *l)
{
	return l->b = accept4(l->listening, NULL, NULL, SOCK_CLOEXEC);
}

static long step_inline(struct life *l)
{
	return set_opt(l->b, SOL_SOCKET, SO_OOBINLINE, 1);
}

static ssize_t by_send(struct life *l, const char *buf, size_t n)
{
	return send(l->a, buf, n, 0);
}

static long step_send(struct life *l)
{
	return send_all(l, by_send);
}

static ssize_t by_pieces(struct life *l, const char *buf, size_t n)
{
	struct iovec v[3] = { { (void *)buf, 1 }, { (void *)buf, 0 }, { (void *)(buf + 1), n - 1 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = n > 1 ? 3 : 1 };

	return sendmsg(l->a, &m, MSG_EOR);
}

static long step_sendmsg(struct life *l)
{
	return send_all(l, by_pieces);
}

static ssize_t by_oob(struct life *l, const char *buf, size_t n)
{
	return send(l->a, buf, n > 1000 ? 1000 : n, MSG_OOB);
}

static long step_oob(struct life *l)
{
	return send_all(l, by_oob);
}

static ssize_t by_pinning(struct life *l, const char *buf, size_t n)
{
	/* The pages must stay as they are until they are acknowledged. */
	static char pages[16][PIECE];
	static unsigned int next;
	char *page = pages[next++ % 16];

	memcpy(page, buf, n);
	return send(l->a, page, n, MSG_ZEROCOPY);
}

static long step_zerocopy(struct life *l)
{
	if (set_opt(l->a, SOL_SOCKET, SO_ZEROCOPY, 1)) {
		/* Over Yoke that comes with Linux 6.4. */
		return errno == EOPNOTSUPP || errno == ENOTSUP ? 0 : -1;
	}
	return send_all(l, by_pinning);
}

static ssize_t by_sendfile(struct life *l, const char *buf, size_t n)
{
	off_t at = l->sent;	/* the file has it all */

	(void)buf;
	return sendfile(l->a, l->file, &at, n);
}

static long step_sendfile(struct life *l)
{
	return send_all(l, by_sendfile);
}

static ssize_t by_splice(struct life *l, const char *buf, size_t n)
{
	ssize_t moved;

	if (!l->in_pipe) {
		moved = write(l->pipe[1], buf, n > 4096 ? 4096 : n);
		if (moved < 0)
			return -1;
		l->in_pipe = moved;
	}
	moved = splice(l->pipe[0], NULL, l->a, NULL, l->in_pipe, 0);
	if (moved > 0)
		l->in_pipe -= moved;
	return moved;
}

static long step_splice(struct life *l)
{
	return send_all(l, by_splice);
}

static long step_recv(struct life *l)
{
	char buf[8192];
	ssize_t n;

	while (l->got < l->sent) {
		n = recv(l->b, buf, sizeof(buf), 0);
		if (n < 0)
			return -1;
		l->out = hash(l->out, buf, n);
		l->got += n;
	}
	return 0;
}

static long step_info(struct life *l)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	struct sockaddr_in in;
	int n;

	if (getsockopt(l->a, SOL_TCP, TCP_INFO, &info, &len))
		return -1;
	len = sizeof(in);
	if (getpeername(l->a, (struct sockaddr *)&in, &len))
		return -1;
	return ioctl(l->a, SIOCOUTQ, &n);
}

static long step_error_queue(struct life *l)
{
	struct pollfd p = { .fd = l->a };
	char control[512];
	struct msghdr m = { 0 };

	while (poll(&p, 1, 0) == 1 && p.revents & POLLERR) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		if (recvmsg(l->a, &m, MSG_ERRQUEUE) < 0)
			return errno == EAGAIN ? 0 : -1;
	}
	return 0;
}

static long step_table(struct life *l)
{
	char buf[65536];
	int fd = open(oracle() ? "/proc/net/tcp" : "/proc/net/yoke/stream", O_RDONLY | O_CLOEXEC), err;
	ssize_t n;

	(void)l;
	if (fd < 0)
		return -1;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	err = errno;
	close(fd);
	errno = err;
	return n;
}

static long step_shutdown(struct life *l)
{
	return shutdown(l->a, SHUT_WR);
}

static long step_end(struct life *l)
{
	char c;

	return recv(l->b, &c, 1, 0);
}

static long step_close(struct life *l)
{
	int *fds[] = { &l->a, &l->b, &l->listening };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	return 0;
}

/* ---- a datagram's -------------------------------------------------------------- */

static long step_dgram(struct life *l)
{
	return l->a = socket(family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static long step_receiver(struct life *l)
{
	if (l->b < 0)
		l->b = socket(family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (l->b < 0)
		return -1;
	if (bind_to(l->b, LOOPBACK, 0) && errno != EINVAL)	/* it has its port already */
		return -1;
	return set_opt(l->b, SOL_IP, IP_PKTINFO, 1);
}

static long step_dgram_connect(struct life *l)
{
	if (!connect_to(l->a, LOOPBACK, l->port))
		return 0;
	if (errno == EAGAIN)	/* no port of its own choice, as UDP says it */
		errno = ENOBUFS;
	return -1;
}

static long step_dgram_send(struct life *l)
{
	static char buf[30000];

	/* A datagram that was refused did not go: one that went is here. */
	fill(buf, sizeof(buf), 1, l->sent);
	if (send(l->a, buf, sizeof(buf), 0) < 0)
		return -1;
	l->in = hash(l->in, buf, sizeof(buf));
	l->sent += sizeof(buf);
	return 0;
}

static long step_dgram_cork(struct life *l)
{
	char c[100];

	fill(c, sizeof(c), 1, l->sent);
	if (l->piece == 0) {
		if (send(l->a, c, 50, MSG_MORE) < 0)
			return -1;
		l->piece = 50;
	}
	if (send(l->a, c + l->piece, sizeof(c) - l->piece, 0) < 0) {
		l->piece = 0;	/* an error drops what waited, as with UDP */
		return -1;
	}
	l->in = hash(l->in, c, sizeof(c));
	l->sent += sizeof(c);
	return 0;
}

static long step_dgram_recv(struct life *l)
{
	char buf[30000], control[256];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t n;

	while (l->got < l->sent && !l->lost) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		n = recvmsg(l->b, &m, 0);
		if (n < 0) {
			l->lost = true;
			return -1;
		}
		l->out = hash(l->out, buf, n);
		l->got += n;
	}
	return 0;
}

static long step_group(struct life *l)
{
	struct ip_mreqn group = { { htonl(0xe0010203) }, { htonl(INADDR_LOOPBACK) }, 0 };

	return setsockopt(l->b, SOL_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
}

/* ---- every allocation of every step -------------------------------------------- */

#define STREAM_LIFE(step)							\
	step(socket, step_socket) step(options, step_options) step(bind, step_bind) \
	step(listen, step_listen) step(client, step_socket)			\
	step(connect, step_connect) step(accept, step_accept) step(inline, step_inline) \
	step(send, step_send) step(sendmsg, step_sendmsg) step(oob, step_oob)	\
	step(recv, step_recv) step(zerocopy, step_zerocopy)			\
	step(sendfile, step_sendfile) step(splice, step_splice) step(recv_more, step_recv) \
	step(info, step_info) step(error_queue, step_error_queue) step(table, step_table) \
	step(shutdown, step_shutdown) step(end, step_end) step(close, step_close)

#define DGRAM_LIFE(step)							\
	step(socket, step_dgram) step(receiver, step_receiver)			\
	step(connect, step_dgram_connect) step(send, step_dgram_send)		\
	step(cork, step_dgram_cork) step(recv, step_dgram_recv)			\
	step(join, step_group) step(close, step_close)

#define AS_STEP(name, go) { #name, go },
static const struct step stream_life[] = { STREAM_LIFE(AS_STEP) { } };
static const struct step dgram_life[] = { DGRAM_LIFE(AS_STEP) { } };

/*
 * Yoke uses the buffers of what was acknowledged again, some for each processor (table/spare): with
 * those at hand no allocation could fail. A connection whose peer does not read takes them, and holds
 * them.
 */
static struct pair hoard;

static void open_hoard(void)
{
	char data[4096] = "";

	stay();
	hoard = stream_pair();
	while (send(hoard.a, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	must(set_opt(hoard.a, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 28));
}

static void take_spares(void)
{
	int i;

	for (i = 0; i < 32; i++)
		must(send(hoard.a, "", 1, MSG_DONTWAIT | MSG_EOR));
}

static struct life born(void)
{
	struct life l = { .listening = -1, .a = -1, .b = -1, .in = HASH_START, .out = HASH_START };
	static char all[8 * PIECE];

	fill(all, sizeof(all), 1, 0);
	l.file = must(memfd_create("faults", MFD_CLOEXEC));
	must(write(l.file, all, sizeof(all)));
	must(pipe2(l.pipe, O_CLOEXEC));
	return l;
}

/* What a step needs, and no fault is to hit. */
static void prepare(struct life *l)
{
	l->piece = 0;
	if (l->listening >= 0) {
		l->port = local_port(l->listening);
		set_timeout(l->listening, SO_RCVTIMEO, BOUND);
	}
	if (l->b >= 0) {
		set_timeout(l->b, SO_RCVTIMEO, BOUND);
		l->port = local_port(l->b);
	}
}

/*
 * A life, in which the @n-th allocation of step @faulty fails. Says what is not as it should be,
 * if anything; *@more: there was such an allocation.
 */
static const char *live(const struct step *step, const char *faulty, unsigned int n, bool *more)
{
	struct life l = born();
	static char wrong[160];
	long ret = 0;
	int err = 0;

	for (wrong[0] = 0; step->name && ret >= 0; step++) {
		prepare(&l);
		if (strcmp(step->name, faulty) == 0) {
			take_spares();
			fail(n);
			ret = step->go(&l);
			err = errno;
			*more = left() == 0;
			if (ret >= 0 || !*more || !says_no_memory(err))
				continue;
		}
		ret = step->go(&l);
		err = errno;
	}
	if (ret < 0)
		snprintf(wrong, sizeof(wrong), "allocation %u of %s failed, and then %s: %s", n, faulty,
			 step[-1].name, err_name(err));
	else if (!l.lost && (l.got != l.sent || l.in != l.out))
		snprintf(wrong, sizeof(wrong), "allocation %u of %s failed: %zu bytes sent, %zu came, hash %s",
			 n, faulty, l.sent, l.got, l.in == l.out ? "alike" : "different");
	step_close(&l);
	close(l.file);
	close(l.pipe[0]);
	close(l.pipe[1]);
	return wrong;
}

FIXTURE(life) { };
FIXTURE_VARIANT(life) { const struct step *steps; const char *faulty; };
FIXTURE_SETUP(life) { new_net(); }
FIXTURE_TEARDOWN(life) { }

#define OF_STREAM(name, go) FIXTURE_VARIANT_ADD(life, stream_##name) { stream_life, #name };
#define OF_DGRAM(name, go) FIXTURE_VARIANT_ADD(life, dgram_##name) { dgram_life, #name };
STREAM_LIFE(OF_STREAM)
DGRAM_LIFE(OF_DGRAM)

TEST_F_TIMEOUT(life, every_allocation, 900)
{
	bool more = true;
	unsigned int n;

	if (!faults_possible())
		SKIP(return, "no fault injection in this kernel: make check-debug");
	open_hoard();
	for (n = 1; more && n < 3000; n++) {
		const char *wrong = live(variant->steps, variant->faulty, n, &more);

		EXPECT_EQ(0, wrong[0])
			TH_LOG("%s", wrong);
	}
	EXPECT_FALSE(more);
	TH_LOG("%u allocations and copies", n - 2);
	close_hard(hoard.a);
	close(hoard.b);
	EXPECT_TRUE(until(count(TCP_ESTABLISHED, 0) + count(TCP_LISTEN, 0) == 0));
}

/* ---- what comes in --------------------------------------------------------------- */

IN_OWN_NET(inward)

/* Buffers of packets, and objects of ours, at random; not those of the guest's own files. */
static bool starve(int percent)
{
	static const char *const caches[] = {
		"skbuff_head_cache", "skbuff_fclone_cache", "YOKE", "yoke_request", "yoke_timewait",
		"TCP", "request_sock_TCP", "tw_sock_TCP",
	};
	char path[96], text[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caches); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/failslab", caches[i]);
		write_file(path, "1");	/* one of the other protocol's may not be there */
	}
	snprintf(text, sizeof(text), "%d", percent);
	return write_file(DEBUG "failslab/cache-filter", "Y") &&
	       write_file(DEBUG "failslab/times", "-1") &&
	       write_file(DEBUG "failslab/probability", text);
}

/* All bytes of a stream, through errors that say no memory. */
static bool feed(struct pair p, size_t size)
{
	struct flow f = { .from = p.a, .to = p.b, .size = size };
	long end = now_ms() + 7 * BOUND;

	while (!f.ended && now_ms() < end) {
		struct pollfd ready = { .fd = p.b, .events = POLLIN };

		if (!f.shut && !flow_send(&f, 1) && !says_no_memory(errno))
			return false;
		if (!flow_recv(&f) && !says_no_memory(errno))
			return false;
		poll(&ready, 1, 10);
	}
	return f.ended && f.got == size && f.hash_in == f.hash_out;
}

/* A tenth of all buffers is not to be had: what is lost comes again, and nothing goes wrong. */
TEST_F_TIMEOUT(inward, is_a_bad_network, 900)
{
	int i, listening, made = 0, whole = 0;

	if (!faults_possible())
		SKIP(return, "no fault injection in this kernel: make check-debug");
	listening = listener(LOOPBACK, 0, 10);
	for (i = 0; i < 40; i++) {
		int a = stream(), b, err;

		must_hold(starve(10));
		err = connect_to(a, LOOPBACK, local_port(listening)) ? errno : 0;
		EXPECT_TRUE(!err || says_no_memory(err))
			TH_LOG("connect: %s", err_name(err));
		if (!err) {
			b = accept(listening, NULL, NULL);
			EXPECT_TRUE(b >= 0 || says_no_memory(errno))
				TH_LOG("accept: %s", err_name(errno));
			made += b >= 0;
			whole += b >= 0 && feed((struct pair){ a, b }, 200000);
			close(b);
		}
		must_hold(starve(0));
		close(a);
	}
	EXPECT_LT(20, made);
	EXPECT_EQ(made, whole);
	EXPECT_TRUE(until(count(TCP_ESTABLISHED, 0) == 0));
}

/* ---- the module itself -------------------------------------------------------------- */

FIXTURE(module) { int ko; };
FIXTURE_TEARDOWN(module) { }

FIXTURE_SETUP(module)
{
	self->ko = open("build/debug/yoke.ko", O_RDONLY | O_CLOEXEC);
	if (self->ko < 0)
		SKIP(_exit(255), "no build/debug/yoke.ko");
	if (!faults_possible())
		SKIP(_exit(255), "no fault injection in this kernel: make check-debug");
}

static long load(int ko)
{
	return syscall(SYS_finit_module, ko, "", 0);
}

static long unload(void)
{
	return syscall(SYS_delete_module, "yoke", O_NONBLOCK);
}

/* It is not loaded, or it is, and goes again. */
TEST_F_TIMEOUT(module, loading, 3600)
{
	bool more = true;
	unsigned int n;

	ASSERT_TRUE(until(unload() == 0));
	for (n = 1; more && n < 5000; n++) {
		long ret;
		int err;

		fail(n);
		ret = load(self->ko);
		err = errno;
		more = left() == 0;
		EXPECT_TRUE(ret == 0 || (more && says_no_memory(err)))
			TH_LOG("allocation %u: %s", n, err_name(err));
		if (ret == 0)
			EXPECT_OK(unload());
	}
	EXPECT_FALSE(more);
	TH_LOG("%u allocations and copies", n - 2);
	EXPECT_OK(load(self->ko));
}

/* It goes, at the latest when asked again. */
TEST_F_TIMEOUT(module, unloading, 3600)
{
	bool more = true;
	unsigned int n;

	for (n = 1; more && n < 5000; n++) {
		long ret;
		int err;

		fail(n);
		ret = unload();
		err = errno;
		more = left() == 0;
		EXPECT_TRUE(ret == 0 || (more && says_no_memory(err)))
			TH_LOG("allocation %u: %s", n, err_name(err));
		if (ret)
			EXPECT_OK(unload());
		EXPECT_OK(load(self->ko));
	}
	EXPECT_FALSE(more);
	TH_LOG("%u allocations and copies", n - 2);
}

/* What the kernel said since we last looked. */
static const char *kernel_said(int kmsg)
{
	static char text[1 << 16];
	size_t len = 0;
	ssize_t n;

	while ((n = read(kmsg, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	text[len] = 0;
	return text;
}

/*
 * There is no new namespace, or it has all that it needs. Each subsystem has its part in making one,
 * and for want of memory some of the host's say EEXIST, ENODEV, EAFNOSUPPORT or EINVAL: by the stack of
 * what failed, in the kernel's log, we know whose it was.
 */
TEST_F_TIMEOUT(module, namespaces, 3600)
{
	int kmsg = must(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	unsigned int n, all_ours = 0;
	bool more = true;

	must_hold(write_file(DEBUG "failslab/verbose", "2"));
	must_hold(write_file(DEBUG "fail_page_alloc/verbose", "2"));
	for (n = 1; more && n < 5000; n++) {
		bool ours, theirs;
		const char *said;
		int ret, err;

		must(lseek(kmsg, 0, SEEK_END));
		fail(n);
		ret = unshare(CLONE_NEWNET);
		err = errno;
		more = left() == 0;
		said = kernel_said(kmsg);
		ours = strstr(said, "; main_init_net");	/* not the guess "; ? yoke_…" */
		theirs = strstr(said, "FAULT_INJECTION") && !ours;
		all_ours += ours;
		EXPECT_TRUE(ret == 0 || (more && (theirs || says_no_memory(err))))
			TH_LOG("allocation %u: %s", n, err_name(err));
		if (ret == 0) {
			bring_up("lo", NULL);
			EXPECT_TRUE(carry_both_ways(stream_pair(), 1000, BOUND));
		}
	}
	EXPECT_FALSE(more);
	EXPECT_LT(0, all_ours);
	TH_LOG("%u allocations and copies, %u of them Yoke's", n - 2, all_ours);
	close(kmsg);
}

TEST_HARNESS_MAIN
