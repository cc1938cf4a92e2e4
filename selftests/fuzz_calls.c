// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile program: threads that share a few sockets and make every call on them, with every flag,
 * with numbers that nobody would think of, and with addresses of memory that is not there, is not
 * theirs, or goes away meanwhile; descriptors are closed, opened again and passed on under use, and
 * network namespaces die with them. Again and again they connect two of them properly, or there would
 * be nothing to disturb. Whatever they do: the kernel has nothing to say, and a connection next door
 * goes on.
 *
 * FUZZ_CALLS is how many each of the threads makes (4000), FUZZ_SEED where their courses begin (1).
 */
#include "yoke_test.h"
#include "dice.h"
#include <linux/filter.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define THREADS 4
#define SOCKETS 10

/* ---- what comes of it ------------------------------------------------------------ */

/* Calls that did what they are there for: a program that never gets so far disturbs nobody. */
enum { CONNECTED, ACCEPTED, SENT, RECEIVED, FILE_SENT, SPLICED_IN, SPLICED_OUT, SHUT, SET, GOT, KINDS };
static const char *const kinds[] = { "connect", "accept", "send", "recv", "sendfile", "splice to a socket",
				     "splice from one", "shutdown", "setsockopt", "getsockopt" };
static atomic_long worked[KINDS];

static void note(int kind, bool done)
{
	if (done)
		atomic_fetch_add(&worked[kind], 1);
}

/* ---- what a call may be given --------------------------------------------------- */

static int fds[SOCKETS];		/* any thread's to use, close and open */
static int pipes[2], file;
static unsigned char *memory;		/* a page, a page that may not be there, a hole */

static int any_fd(void)
{
	return fds[dice(SOCKETS)];
}

/* Mostly good for some bytes. */
static void *any_memory(void)
{
	switch (dice(8)) {
	case 0:
		return memory + 4096 - dice(64);	/* runs into what may not be there */
	case 1:
		return memory + 8192 - dice(64);	/* ... and into a hole */
	case 2:
		return (void *)any_of(0, 1, 0x7ffffffff000, -4096, 0x1234567812345678);
	}
	return memory + dice(2000);
}

static size_t any_length(void)
{
	return any_of(0, 1, 2, 3, 4, 8, 15, 16, 27, 28, 100, 1000, 4000, 8192, 65536, 0x7fffffff, -1);
}

static int any_number(void)
{
	return any_of(0, 1, 1, 1, 2, 3, 5, 100, 1000, 65535, 65536, 0x7fffffff, -1, -2, 0x80000000);
}

static int any_flags(void)
{
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	while (dice(4) == 0)
		flags |= 1 << dice(31);
	return flags;
}

/* Where a program may want to go, and where none should. */
static socklen_t any_address(void *where)
{
	static const char *const four[] = { LOOPBACK, ANY, "127.0.0.2", "224.0.0.1", "255.255.255.255" };
	struct sockaddr_in in = addr(four[dice(5)], 5000 + dice(4));
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = in.sin_port };

	switch (dice(6)) {
	case 0:
		six.sin6_addr.s6_addr32[3] = htonl(dice(2));
		memcpy(where, &six, sizeof(six));
		return sizeof(six);
	case 1:
		six.sin6_addr.s6_addr32[2] = htonl(0xffff);
		six.sin6_addr.s6_addr32[3] = in.sin_addr.s_addr;
		memcpy(where, &six, sizeof(six));
		return sizeof(six);
	case 2:
		in.sin_family = any_of(AF_UNSPEC, AF_UNIX, AF_YOKE, 255);
	}
	memcpy(where, &in, sizeof(in));
	return dice(10) ? sizeof(in) : any_length();
}

static void any_message(struct msghdr *m, struct iovec *v, char *control, char *name)
{
	static const int levels[] = { SOL_SOCKET, SOL_IP, SOL_IPV6, SOL_TCP, IPPROTO_UDP };
	struct cmsghdr *c = (struct cmsghdr *)control;
	int i, n = dice(4);

	memset(m, 0, sizeof(*m));
	for (i = 0; i < n; i++)
		v[i] = (struct iovec){ any_memory(), any_length() & (dice(3) ? 0xfff : -1) };
	m->msg_iov = dice(20) ? v : any_memory();
	m->msg_iovlen = dice(20) ? n : any_number();
	if (dice(2) == 0) {
		c->cmsg_level = levels[dice(ARRAY_SIZE(levels))];
		c->cmsg_type = dice(110);
		c->cmsg_len = dice(4) ? CMSG_LEN(any_of(0, 1, 4, 12, 20)) : any_length();
		m->msg_control = dice(10) ? control : any_memory();
		m->msg_controllen = dice(4) ? 64 : any_length();
	}
	if (dice(2) == 0) {
		m->msg_namelen = any_address(name);
		m->msg_name = dice(10) ? name : any_memory();
	}
}

/* ---- the calls -------------------------------------------------------------------- */

/* None of them is to sleep for long, nor to close slowly. */
static void hurry(int fd)
{
	struct timeval soon = { 0, 1000 };
	struct linger at_once = { dice(2), 0 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static int make_socket_of(int type)
{
	int fd = socket(family(), type | SOCK_NONBLOCK, 0);

	hurry(fd);
	return fd;
}

static int make_socket(void)
{
	return make_socket_of(any_of(SOCK_STREAM, SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM));
}

static void replace_any(int fd)
{
	if (fd < 0)
		return;
	dup2(fd, fds[dice(SOCKETS)]);
	close(fd);
}

/* Two that are connected to each other, if nobody comes between; or one, and a listener that others ask. */
static void do_pair(void)
{
	int type = any_of(SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM);
	int a = make_socket_of(type), b = make_socket_of(type), listening = -1;
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(6000 + dice(20000)),
				    .sin6_addr = in6addr_loopback };
	struct sockaddr_in four = addr(LOOPBACK, 6000 + dice(20000));
	struct sockaddr *to = dice(3) ? (struct sockaddr *)&four : (struct sockaddr *)&six;
	socklen_t len = to->sa_family == AF_INET ? sizeof(four) : sizeof(six);

	(bind)(b, to, len);
	if (type == SOCK_STREAM) {
		listening = b;
		listen(listening, 3);
		(connect)(a, to, len);
		if (dice(4)) {
			b = (accept4)(listening, NULL, NULL, SOCK_NONBLOCK);
			note(ACCEPTED, b >= 0);
			hurry(b);
		} else {
			b = dup(listening);
		}
		close(listening);
	} else {
		(connect)(a, to, len);
		(getsockname)(a, to, &len);
		note(CONNECTED, (connect)(b, to, len) == 0);
	}
	replace_any(a);
	replace_any(b);
}

static void do_open(void)
{
	int *fd = &fds[dice(SOCKETS)];

	switch (dice(8)) {
	case 0:
		dup2(any_fd(), *fd);
		break;
	case 1:
		close(*fd);
		*fd = make_socket();
		break;
	case 2: case 3: case 4: case 5:
		do_pair();
		break;
	default:
		if (*fd < 0)
			*fd = make_socket();
	}
}

static void do_connect(void)
{
	char name[128];
	socklen_t len = any_address(name);
	struct linger now = { 1, 0 };
	int fd = any_fd(), other;

	switch (dice(6)) {
	case 0: case 1:
		(bind)(fd, (struct sockaddr *)name, len);
		break;
	case 2: case 3:
		(connect)(fd, (struct sockaddr *)name, len);
		break;
	case 4:
		listen(fd, any_number());
		break;
	case 5:
		other = (accept4)(fd, dice(4) ? NULL : any_memory(), any_memory(),
				  any_of(0, SOCK_NONBLOCK, SOCK_NONBLOCK, -1));
		note(ACCEPTED, other >= 0);
		if (other < 0)
			break;
		if (dice(2))
			setsockopt(other, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		fcntl(other, F_SETFL, O_NONBLOCK);
		replace_any(other);
	}
}

static void do_option(void)
{
	static const int levels[] = { SOL_SOCKET, SOL_IP, SOL_IPV6, SOL_TCP, IPPROTO_UDP, 0x7fffffff };
	static const char *const names[] = { "reno", "cubic", "bbr", "dctcp", "no such", "lo" };
	int level = levels[dice(ARRAY_SIZE(levels))], name = dice(10) ? (int)dice(130) : any_number();
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, dice(100)) };
	struct sock_fprog filter = { 1, code };
	int number = any_number(), fd = any_fd();
	socklen_t len = any_length();

	switch (dice(8)) {
	case 0:
		setsockopt(fd, SOL_TCP, TCP_CONGESTION, names[dice(6)], 4);
		break;
	case 1:
		setsockopt(fd, SOL_SOCKET, any_of(SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF), &filter,
			   sizeof(filter));
		break;
	case 2: case 3: case 4:
		note(SET, setsockopt(fd, level, name, &number, dice(8) ? sizeof(number) : len) == 0);
		break;
	case 5:
		setsockopt(fd, level, name, any_memory(), len);
		break;
	default:
		note(GOT, getsockopt(fd, level, name, any_memory(), dice(10) ? &len : any_memory()) == 0);
	}
	hurry(fd);
}

static void do_data(void)
{
	char control[128], name[128];
	struct mmsghdr many[3];
	struct iovec v[4], w[3][4];
	struct msghdr m;
	loff_t at = 0;
	int i;

	switch (dice(12)) {
	case 0:
		note(SENT, send(any_fd(), any_memory(), any_length(), any_flags()) > 0);
		break;
	case 1:
		note(RECEIVED, recv(any_fd(), any_memory(), any_length(), any_flags()) > 0);
		break;
	case 2: case 3:
		any_message(&m, v, control, name);
		note(SENT, sendmsg(any_fd(), &m, any_flags()) > 0);
		break;
	case 4: case 5:
		any_message(&m, v, control, name);
		note(RECEIVED, (recvmsg)(any_fd(), &m, any_flags()) > 0);
		break;
	case 6:
		for (i = 0; i < 3; i++)
			any_message(&many[i].msg_hdr, w[i], control, name);
		if (dice(2))
			sendmmsg(any_fd(), many, dice(4), any_flags());
		else
			recvmmsg(any_fd(), many, dice(4), any_flags(), NULL);
		break;
	case 7:
		note(FILE_SENT, sendfile(any_fd(), file, &at, any_length()) > 0);
		break;
	case 8:
		note(SPLICED_OUT, splice(any_fd(), NULL, pipes[1], NULL, any_length() & 0xffff,
					 dice(16) | SPLICE_F_NONBLOCK) > 0);
		break;
	case 9:
		if (dice(2))
			splice(file, &at, pipes[1], NULL, any_length() & 0xffff, SPLICE_F_NONBLOCK);
		note(SPLICED_IN, splice(pipes[0], NULL, any_fd(), NULL, any_length() & 0xffff,
					dice(16) | SPLICE_F_NONBLOCK) > 0);
		break;
	case 10:
		mmap(NULL, 4096, PROT_READ, MAP_SHARED, any_fd(), 0);
		ioctl(any_fd(), any_of(SIOCINQ, SIOCOUTQ, SIOCATMARK, SIOCOUTQNSD, SIOCGSTAMP_OLD,
				       SIOCGIFADDR, FIOASYNC, FIONBIO), any_memory());
		fcntl(any_fd(), F_SETFL, O_NONBLOCK);
		break;
	default:
		if (dice(4) == 0)
			note(SHUT, shutdown(any_fd(), dice(4)) == 0);
	}
}

static void do_look(void)
{
	struct pollfd p[2] = { { any_fd(), -1, 0 }, { any_fd(), POLLIN | POLLOUT, 0 } };
	socklen_t len = any_length();

	poll(p, 2, 0);
	if (dice(2))
		(getsockname)(any_fd(), any_memory(), &len);
	else
		(getpeername)(any_fd(), any_memory(), &len);
	if (dice(50) == 0)
		count(0, 0);
}

/* The page between comes, goes, and may be read only. */
static void do_memory(void)
{
	if (dice(2))
		madvise(memory + 4096, 4096, MADV_DONTNEED);
	else
		mprotect(memory + 4096, 4096, any_of(PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE));
}

/* One more namespace, with sockets that talk, and it is gone. */
static void do_namespace(void)
{
	unsigned int i;
	int fd;

	if (unshare(CLONE_NEWNET))
		return;
	bring_up("lo", NULL);
	for (i = 0; i < 2; i++) {
		fd = make_socket();
		bind_to(fd, LOOPBACK, 5000);
		listen(fd, 1);
		replace_any(fd);
	}
}

static void *hostile(void *course)
{
	unsigned long i, calls = from_env("FUZZ_CALLS", 4000);

	dice_begin((uintptr_t)course);
	for (i = 0; i < calls; i++) {
		switch (dice(16)) {
		case 0:
			do_open();
			break;
		case 1: case 2:
			do_connect();
			break;
		case 3: case 4: case 5:
			do_option();
			break;
		case 6:
			do_look();
			break;
		case 7:
			if (dice(2))
				do_memory();
			else if (dice(40) == 0)
				do_namespace();
			break;
		default:
			do_data();
		}
		if (i % 32 == 0)
			must_hold(!unwritten(memory, 4096));
	}
	return NULL;
}

/* ---- them all ---------------------------------------------------------------------- */

IN_OWN_NET(fuzz)

static void wake(int sig)
{
	(void)sig;
}

static long go_wild(unsigned long seed)
{
	struct sigaction wakes = { .sa_handler = wake };
	pthread_t threads[THREADS];
	unsigned long i, idle = 0;

	sigaction(SIGUSR1, &wakes, NULL);
	signal(SIGIO, SIG_IGN);
	signal(SIGURG, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	memory = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(memory + 8192, 4096);
	must(pipe2(pipes, O_NONBLOCK | O_CLOEXEC));
	file = must(memfd_create("fuzz", MFD_CLOEXEC));
	must(ftruncate(file, 100000));
	for (i = 0; i < SOCKETS; i++)
		fds[i] = make_socket();
	for (i = 0; i < THREADS; i++)
		must_hold(!pthread_create(&threads[i], NULL, hostile, (void *)(seed * THREADS + i + 1)));
	/* One may have set the time limits of a call in which another then sleeps. */
	for (i = 0; i < THREADS; i++)
		while (pthread_tryjoin_np(threads[i], NULL)) {
			pthread_kill(threads[i], SIGUSR1);
			usleep(20000);
		}
	for (i = 0; i < KINDS; i++) {
		if (!worked[i])
			fprintf(stderr, "# no %s ever did anything\n", kinds[i]);
		idle += !worked[i];
	}
	return idle ? -1 : 0;
}

TEST_F_TIMEOUT(fuzz, calls, 7200)
{
	unsigned long seed = from_env("FUZZ_SEED", 1);
	struct pair next_door = stream_pair();
	pid_t pid;
	int status;

	TH_LOG("FUZZ_SEED=%lu", seed);
	pid = background(go_wild(seed));
	while (must(waitpid(pid, &status, WNOHANG)) == 0) {
		char c = 'x';

		ASSERT_EQ(1, send(next_door.a, &c, 1, 0));
		ASSERT_NE(0, wait_events(next_door.b, POLLIN));
		ASSERT_EQ(1, recv(next_door.b, &c, 1, 0));
		usleep(1000);
	}
	EXPECT_EQ(0, status);
	EXPECT_TRUE(carry_both_ways(next_door, 100000, BOUND));
}

TEST_HARNESS_MAIN
