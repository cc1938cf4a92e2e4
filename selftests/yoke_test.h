/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests share: sockets of Yoke (or, with YOKE_ORACLE=1, of the host's
 * own TCP and UDP), ready-made pairs, waiting with a bound, byte streams told
 * apart by hash, the kernel's socket tables, and networks of our own.
 *
 * The rule of the house: no sleep stands for an event. A test waits for what
 * it wants to see (poll, until(), asleep()) and gives up after BOUND ms.
 */
#ifndef YOKE_TEST_H
#define YOKE_TEST_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <linux/yoke.h>
#include <kselftest_harness.h>

static inline unsigned long from_env(const char *name, unsigned long otherwise)
{
	const char *s = getenv(name);

	return s ? strtoul(s, NULL, 0) : otherwise;
}

/* How many times slower than a stock kernel this one is, that checks itself: so much longer are bounds. */
static inline int slowness(void)
{
	return from_env("YOKE_SLOW", 1);
}

/*
 * ms; nothing here takes longer, be it that the machine stands still for two seconds amid a round trip:
 * the next timeouts are then after six and twelve (RFC 6298 §2.2, §5.5).
 */
#define BOUND (20000 * slowness())
#define LOOPBACK "127.0.0.1"
#define ANY "0.0.0.0"

/* ---- saying what went wrong ---------------------------------------------- */

static inline const char *err_name(int err)
{
	return err ? strerrorname_np(err) ?: "?" : "success";
}

/* A step that every test takes for granted: its value, or the end of the test. */
#define must(call) ({							\
	long must_ = (call);						\
	if (must_ == -1) {						\
		fprintf(stderr, "# %s:%d: %s: %s\n", __FILE__,		\
			__LINE__, #call, err_name(errno));		\
		abort();						\
	}								\
	must_; })

/* The same of what has to be so; errno tells why not, where that was a call's. */
#define must_hold(cond) do {						\
	if (!(cond)) {							\
		fprintf(stderr, "# %s:%d: not so: %s (%s)\n", __FILE__,	\
			__LINE__, #cond, err_name(errno));		\
		abort();						\
	}								\
} while (0)

/* The call fails with this errno; 0: it succeeds. The test goes on either way. */
#define EXPECT_ERR(err, call) do {					\
	errno = 0;							\
	long seen_ = (call);						\
	int seen_err_ = seen_ == -1 ? errno : 0;			\
	if (seen_err_ != (err)) {					\
		TH_LOG("%s: expected %s, got %s (%ld)", #call,		\
		       err_name(err), err_name(seen_err_), seen_);	\
		_metadata->passed = 0;					\
	}								\
} while (0)

#define EXPECT_OK(call) EXPECT_ERR(0, call)

static inline bool kernel_before(int major, int minor)
{
	struct utsname u;
	int a = 0, b = 0;

	must(uname(&u));
	sscanf(u.release, "%d.%d", &a, &b);
	return a < major || (a == major && b < minor);
}

/* ---- the socket under test ----------------------------------------------- */

static inline bool oracle(void)
{
	const char *s = getenv("YOKE_ORACLE");

	return s && strcmp(s, "1") == 0;
}

/* Not 0: make sockets of this family instead, to compare the two. */
static int other_family;

/* YOKE_IP=6: the same over IPv6. */
static inline bool ipv6(void)
{
	const char *s = getenv("YOKE_IP");

	return s && strcmp(s, "6") == 0;
}

/* What IPv6 does not have, or has in other words. */
#define IPV4_ONLY(why)							\
	if (ipv6())							\
		SKIP(return, "not with IPv6: " why)

/* The host's own. */
static inline int host_family(void)
{
	return ipv6() ? AF_INET6 : AF_INET;
}

static inline int family(void)
{
	return other_family ?: oracle() ? host_family() : AF_YOKE;
}

/*
 * Tests speak of addresses of IPv4. Over IPv6, on the way into the kernel and out of it, 127.0.0.1
 * is ::1, 0.0.0.0 is ::, 224.x.y.z is ff12::224.x.y.z, any other a.b.c.d is fd00::a.b.c.d, and each
 * of the two families is the other.
 */
static inline struct in6_addr to_ipv6(struct in_addr addr)
{
	struct in6_addr six = { .s6_addr32[3] = addr.s_addr };

	if (addr.s_addr == htonl(INADDR_LOOPBACK))
		return in6addr_loopback;
	if (IN_MULTICAST(ntohl(addr.s_addr)))
		six.s6_addr32[0] = htonl(0xff120000);
	else if (addr.s_addr)
		six.s6_addr32[0] = htonl(0xfd000000);
	return six;
}

/* The address that the kernel sees, as text. */
static inline const char *ip_text(const char *ip)
{
	static char buf[INET6_ADDRSTRLEN];
	struct in6_addr six = to_ipv6((struct in_addr){ inet_addr(ip) });

	return ipv6() ? inet_ntop(AF_INET6, &six, buf, sizeof(buf)) : ip;
}

static inline uint32_t from_ipv6(uint32_t last)
{
	return last == htonl(1) ? htonl(INADDR_LOOPBACK) : last;
}

static inline sa_family_t other_version(sa_family_t af)
{
	return af == AF_INET ? AF_INET6 : af == AF_INET6 ? AF_INET : af;
}

/* What the kernel gets for @sa: that itself, or *@six. */
static inline const struct sockaddr *into(const struct sockaddr *sa, socklen_t *len,
					  struct sockaddr_in6 *six)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

	if (!ipv6() || (uintptr_t)sa < 4096 || *len > sizeof(*in))
		return sa;
	memset(six, 0, sizeof(*six));
	six->sin6_family = other_version(in->sin_family);
	six->sin6_port = in->sin_port;
	six->sin6_addr = to_ipv6(in->sin_addr);
	if (*len >= sizeof(*in) - 1)	/* whole, or a byte less than that */
		*len = *len == sizeof(*in) ? sizeof(*six) : 23;
	return (const struct sockaddr *)six;
}

/* The program has @room bytes at @sa for what the kernel said. */
static inline void out_of(const struct sockaddr_in6 *six, socklen_t said, struct sockaddr *sa,
			  socklen_t *len)
{
	struct sockaddr_in in = { 0 };

	if (said >= sizeof(*six) && six->sin6_family == AF_INET6) {
		in.sin_family = AF_INET;
		in.sin_addr.s_addr = from_ipv6(six->sin6_addr.s6_addr32[3]);
		in.sin_port = six->sin6_port;
		said = sizeof(in);
	} else {
		memcpy(&in, six, sizeof(in));
		if (in.sin_addr.s_addr || in.sin_port)	/* a socket without a family has none */
			in.sin_family = other_version(in.sin_family);
	}
	memcpy(sa, &in, *len < said ? *len : said < sizeof(in) ? said : sizeof(in));
	*len = said;
}

static inline int bind_ip(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in6 six;

	sa = into(sa, &len, &six);
	return bind(fd, sa, len);
}

static inline int connect_ip(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in6 six;

	sa = into(sa, &len, &six);
	return connect(fd, sa, len);
}

static inline ssize_t sendto_ip(int fd, const void *buf, size_t n, int flags,
				const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in6 six;

	sa = into(sa, &len, &six);
	return sendto(fd, buf, n, flags, sa, len);
}

/* call: with &six and &said. */
#define TOLD(sa, len, call) ({						\
	struct sockaddr_in6 six = { 0 };				\
	socklen_t said = sizeof(six);					\
	long ret_ = (call);						\
	if (ret_ >= 0)							\
		out_of(&six, said, sa, len);				\
	ret_; })

static inline bool translates(const void *sa, const socklen_t *len)
{
	return ipv6() && (uintptr_t)sa >= 4096 && (uintptr_t)len >= 4096 && (int)*len >= 0;
}

static inline int getsockname_ip(int fd, struct sockaddr *sa, socklen_t *len)
{
	if (!translates(sa, len))
		return getsockname(fd, sa, len);
	return TOLD(sa, len, getsockname(fd, (struct sockaddr *)&six, &said));
}

static inline int getpeername_ip(int fd, struct sockaddr *sa, socklen_t *len)
{
	if (!translates(sa, len))
		return getpeername(fd, sa, len);
	return TOLD(sa, len, getpeername(fd, (struct sockaddr *)&six, &said));
}

static inline int accept4_ip(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	if (!translates(sa, len))
		return accept4(fd, sa, len, flags);
	return TOLD(sa, len, accept4(fd, (struct sockaddr *)&six, &said, flags));
}

static inline ssize_t recvfrom_ip(int fd, void *buf, size_t n, int flags, struct sockaddr *sa,
				  socklen_t *len)
{
	if (!translates(sa, len))
		return recvfrom(fd, buf, n, flags, sa, len);
	return TOLD(sa, len, recvfrom(fd, buf, n, flags, (struct sockaddr *)&six, &said));
}

/* Only its name is another. */
static inline ssize_t recvmsg_ip(int fd, struct msghdr *msg, int flags)
{
	struct sockaddr_in6 six = { 0 };
	struct msghdr m;
	ssize_t n;

	if (!ipv6() || (uintptr_t)msg < 4096 || !msg->msg_name)
		return recvmsg(fd, msg, flags);
	m = *msg;
	m.msg_name = &six;
	m.msg_namelen = sizeof(six);
	n = recvmsg(fd, &m, flags);
	if (n < 0)
		return n;
	out_of(&six, m.msg_namelen, msg->msg_name, &msg->msg_namelen);
	msg->msg_controllen = m.msg_controllen;
	msg->msg_flags = m.msg_flags;
	return n;
}

#define bind(fd, sa, len)			bind_ip(fd, sa, len)
#define connect(fd, sa, len)			connect_ip(fd, sa, len)
#define sendto(fd, buf, n, flags, sa, len)	sendto_ip(fd, buf, n, flags, sa, len)
#define getsockname(fd, sa, len)		getsockname_ip(fd, sa, len)
#define getpeername(fd, sa, len)		getpeername_ip(fd, sa, len)
#define accept(fd, sa, len)			accept4_ip(fd, sa, len, 0)
#define accept4(fd, sa, len, flags)		accept4_ip(fd, sa, len, flags)
#define recvfrom(fd, buf, n, flags, sa, len)	recvfrom_ip(fd, buf, n, flags, sa, len)
#define recvmsg(fd, msg, flags)			recvmsg_ip(fd, msg, flags)

static inline int stream(void)
{
	return must(socket(family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static inline int dgram(void)
{
	return must(socket(family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static inline int of_type(int type)
{
	return type == SOCK_STREAM ? stream() : dgram();
}

static inline struct sockaddr_in addr(const char *ip, int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = inet_addr(ip),
	};
}

static inline int bind_to(int fd, const char *ip, int port)
{
	struct sockaddr_in a = addr(ip, port);

	return bind(fd, (struct sockaddr *)&a, sizeof(a));
}

static inline int connect_to(int fd, const char *ip, int port)
{
	struct sockaddr_in a = addr(ip, port);

	return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static inline int connect_nowhere(int fd)
{
	struct sockaddr a = { .sa_family = AF_UNSPEC };

	return connect(fd, &a, sizeof(a));
}

static inline ssize_t send_to(int fd, const void *buf, size_t len,
			      const char *ip, int port)
{
	struct sockaddr_in a = addr(ip, port);

	return sendto(fd, buf, len, 0, (struct sockaddr *)&a, sizeof(a));
}

static inline struct sockaddr_in local(int fd)
{
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof(a);

	must(getsockname(fd, (struct sockaddr *)&a, &len));
	return a;
}

static inline struct sockaddr_in peer(int fd)
{
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof(a);

	must(getpeername(fd, (struct sockaddr *)&a, &len));
	return a;
}

static inline int local_port(int fd)
{
	return ntohs(local(fd).sin_port);
}

/* The control message of that kind, or NULL. */
static inline struct cmsghdr *control_message(struct msghdr *msg, int level, int type)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	while (cmsg && (cmsg->cmsg_level != level || cmsg->cmsg_type != type))
		cmsg = CMSG_NXTHDR(msg, cmsg);
	return cmsg;
}

/* The same, copied as far as there is room: how long it is; -1: there is none. */
static inline int control_bytes(struct msghdr *msg, int level, int type, void *bytes, size_t most)
{
	struct cmsghdr *cmsg = control_message(msg, level, type);
	size_t len;

	if (!cmsg)
		return -1;
	len = cmsg->cmsg_len - CMSG_LEN(0);
	memcpy(bytes, CMSG_DATA(cmsg), len < most ? len : most);
	return len;
}

static inline int set_opt(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

static inline int get_opt(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	must(getsockopt(fd, level, name, &value, &len));
	return value;
}

/* Bound to that device; "": to none. */
static inline int on_device(int fd, const char *dev)
{
	must(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, strlen(dev)));
	return fd;
}

/* SO_ERROR, which reading clears. */
static inline int so_error(int fd)
{
	return get_opt(fd, SOL_SOCKET, SO_ERROR);
}

static inline struct tcp_info tcp_info(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	must(getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len));
	return info;
}

/* What the C library's struct lacks: by where it is in the kernel's, which never changes. */
enum { PACING_RATE = 104, MAX_PACING_RATE = 112, BYTES_RECEIVED = 128, DATA_SEGS_OUT = 156, DELIVERY_RATE = 160 };

static inline uint64_t info_u64(int fd, size_t at)
{
	char info[512] = "";
	socklen_t len = sizeof(info);
	uint64_t value;

	must(getsockopt(fd, SOL_TCP, TCP_INFO, info, &len));
	memcpy(&value, info + at, sizeof(value));
	return value;
}

/* tcpi_data_segs_out */
static inline int segments_out(int fd)
{
	return (uint32_t)info_u64(fd, DATA_SEGS_OUT);
}

static inline void set_timeout(int fd, int name, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	must(setsockopt(fd, SOL_SOCKET, name, &tv, sizeof(tv)));
}

/* So many may be open. */
static inline void want_files(unsigned int n)
{
	struct rlimit r = { n, n };

	must(setrlimit(RLIMIT_NOFILE, &r));
}

static inline void set_nonblock(int fd, bool on)
{
	int flags = must(fcntl(fd, F_GETFL));

	must(fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

static inline int inq(int fd)
{
	int n = -1;

	must(ioctl(fd, SIOCINQ, &n));
	return n;
}

static inline int outq(int fd)
{
	int n = -1;

	must(ioctl(fd, SIOCOUTQ, &n));
	return n;
}

/* What the socket takes of it in bytes, SK_MEMINFO_*. */
static inline int meminfo(int fd, int what)
{
	uint32_t m[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(m);

	must(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, m, &len));
	return m[what];
}

/* Wait until so many bytes can be read; true if they came, and no more. */
#define arrived(fd, n) (until(inq(fd) >= (n)) && inq(fd) == (n))

/* ---- ready-made sockets -------------------------------------------------- */

static inline int bound(int type, const char *ip, int port)
{
	int fd = of_type(type);

	must(bind_to(fd, ip, port));
	return fd;
}

static inline int listener(const char *ip, int port, int backlog)
{
	int fd = bound(SOCK_STREAM, ip, port);

	must(listen(fd, backlog));
	return fd;
}

static inline int connected_to(const char *ip, int port)
{
	int fd = stream();

	must(connect_to(fd, ip, port));
	return fd;
}

/* The two ends of a connection (b was accepted) or two joined datagram sockets. */
struct pair {
	int a, b;
};

static inline struct pair pair_through(int listening, const char *ip)
{
	struct pair p;

	p.a = connected_to(ip, local_port(listening));
	p.b = must(accept4(listening, NULL, NULL, SOCK_CLOEXEC));
	return p;
}

static inline struct pair stream_pair(void)
{
	int listening = listener(LOOPBACK, 0, 1);
	struct pair p = pair_through(listening, LOOPBACK);

	close(listening);
	return p;
}

static inline struct pair dgram_pair(void)
{
	struct pair p = {
		bound(SOCK_DGRAM, LOOPBACK, 0), bound(SOCK_DGRAM, LOOPBACK, 0)
	};

	must(connect_to(p.a, LOOPBACK, local_port(p.b)));
	must(connect_to(p.b, LOOPBACK, local_port(p.a)));
	return p;
}

/* close() that sends a reset at once. */
static inline void close_hard(int fd)
{
	struct linger now = { 1, 0 };

	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	must(close(fd));
}

/* ---- waiting ------------------------------------------------------------- */

static inline long ms_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static inline long now_ms(void)
{
	return ms_of(CLOCK_MONOTONIC);
}

/* The clock that timers go by: a busy guest's ticks are late, and by the other one limits pass early. */
static inline long ticks_ms(void)
{
	return ms_of(CLOCK_MONOTONIC_COARSE);
}

/* What poll() says at once; a signal may come in between. */
static inline int events(int fd, int mask)
{
	struct pollfd p = { .fd = fd, .events = mask };
	int n;

	while ((n = poll(&p, 1, 0)) == -1 && errno == EINTR)
		;
	return must(n) ? p.revents : 0;
}

/* What poll() says when it says something; 0 when the bound passed. */
static inline int wait_events(int fd, int mask)
{
	struct pollfd p = { .fd = fd, .events = mask };

	return must(poll(&p, 1, BOUND)) ? p.revents : 0;
}

/*
 * A listener whose accept queue is full: it drops every further SYN, so that
 * a connect() to it hangs until somebody accepts.
 */
static inline int full_listener(void)
{
	int fd = listener(LOOPBACK, 0, 0);

	connected_to(LOOPBACK, local_port(fd));
	/* The end of the handshake may be behind connect(2). */
	must_hold(wait_events(fd, POLLIN));
	return fd;
}

/* Stay on this processor, where packets on the loopback are handled in their order. */
static inline void stay(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(must(sched_getcpu()), &cpus);
	must(sched_setaffinity(0, sizeof(cpus), &cpus));
}

/* What we sent on the loopback before has arrived, if ever it will. Needs stay(). */
static inline bool settled(void)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, 0);
	bool here;

	must(send_to(fd, "x", 1, LOOPBACK, local_port(fd)));
	here = wait_events(fd, POLLIN) == POLLIN;
	close(fd);
	return here;
}

/* Connects without waiting for ever: the errno, 0 if it stands. */
static inline int try_connect(int fd, const char *ip, int port)
{
	set_nonblock(fd, true);
	if (!connect_to(fd, ip, port))
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	return wait_events(fd, POLLOUT) ? so_error(fd) : ETIMEDOUT;
}

/* The error that is on its way to this socket. */
static inline int error_of(int fd)
{
	wait_events(fd, 0);
	return so_error(fd);
}

/* Look again and again until it is true, this many milliseconds at most; its last value. */
#define within(ms, cond) ({						\
	long end_ = now_ms() + (ms);					\
	bool true_;							\
	while (!(true_ = (cond)) && now_ms() < end_)			\
		usleep(1000);						\
	true_; })
#define until(cond) within(BOUND, cond)

/* Steps whose outcome stands for so long only: a machine that stood still meanwhile takes them again. */
#define promptly(ms, prepare, ...) do {					\
	int tries_ = 20;						\
	long start_;							\
									\
	do {								\
		prepare;						\
		start_ = now_ms();					\
		__VA_ARGS__						\
	} while (now_ms() - start_ > (ms) && --tries_);			\
} while (0)

/*
 * Make a call in a process of its own, which may block. finish() gives the
 * errno that it ended with, 0 for success, -1 if it never came back.
 */
#define background(call) ({						\
	pid_t pid_ = must(fork());					\
	if (pid_ == 0) {						\
		prctl(PR_SET_PDEATHSIG, SIGKILL);			\
		errno = 0;						\
		_exit((call) == -1 ? errno ?: 255 : 0);			\
	}								\
	pid_; })

#ifndef SYS_poll
#define SYS_poll SYS_ppoll	/* what poll(3) calls where it is younger */
#endif

/* Is that process asleep in this system call? */
static inline bool asleep_now(pid_t pid, long nr)
{
	char path[64], buf[256] = "", state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		fclose(f);
	}
	if (state != 'S')
		return false;
	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	f = fopen(path, "r");
	if (!f)
		return true;	/* kernel without it: "asleep" must do */
	if (!fgets(buf, sizeof(buf), f))
		buf[0] = 0;
	fclose(f);
#ifdef SYS_socketcall	/* by which a C library may make any of a socket's */
	if (strtol(buf, NULL, 10) == SYS_socketcall)
		return true;
#endif
	return strtol(buf, NULL, 10) == nr;
}

static inline bool asleep(pid_t pid, long nr)
{
	return until(asleep_now(pid, nr));
}

static inline int finish(pid_t pid)
{
	int status = 0;
	bool over = until(waitpid(pid, &status, WNOHANG) == pid);

	if (!over) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int signal_pipe[2];

static inline void note_signal(int sig)
{
	must(write(signal_pipe[1], &sig, 1));
}

/* Catch SIGUSR1, here and in children, with sigaction() flags such as SA_RESTART. */
static inline void catch_signal(int flags)
{
	struct sigaction sa = { .sa_handler = note_signal, .sa_flags = flags };

	must(pipe2(signal_pipe, O_CLOEXEC));
	must(sigaction(SIGUSR1, &sa, NULL));
}

/* Send it to a child and wait until its handler ran. */
static inline bool hit(pid_t pid)
{
	char c;

	must(kill(pid, SIGUSR1));
	return wait_events(signal_pipe[0], POLLIN) &&
	       read(signal_pipe[0], &c, 1) == 1;
}

/* ---- memory that nobody wrote ------------------------------------------------ */

/*
 * Does what the kernel said hold what scripts/vm --poison has in memory that was not written yet, or
 * is not in use any more: slabs, pages, and the stack of a debug kernel?
 */
static inline bool unwritten(const void *said, size_t len)
{
	const unsigned char *p = said;
	size_t i, alike = 1;

	for (i = 1; i < len && alike < 4; i++)
		alike = p[i] == p[i - 1] && memchr("\x5a\x6b\xaa\xfe", p[i], 4) ? alike + 1 : 1;
	return alike == 4;
}

/* ---- byte streams --------------------------------------------------------- */

#define HASH_START 0xcbf29ce484222325ULL

/* FNV-1a. */
static inline uint64_t hash(uint64_t h, const void *buf, size_t len)
{
	const unsigned char *p = buf;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

/* The bytes of stream `seed` from position `pos` on: never twice the same. */
static inline void fill(void *buf, size_t len, uint64_t seed, uint64_t pos)
{
	unsigned char *p = buf;
	uint64_t x;

	for (; len--; pos++) {
		x = (pos + seed * 0x1000193) * 0x9e3779b97f4a7c15ULL;
		*p++ = (x ^ x >> 31) >> 24;
	}
}

/* One direction of a connection: `size` bytes and then the end of the stream. */
struct flow {
	int from, to;
	size_t size;
	size_t sent, got;
	uint64_t hash_in, hash_out;
	bool shut, ended;
};

/* Send what goes now; false on any error but "not now". */
static inline bool flow_send(struct flow *f, uint64_t seed)
{
	char buf[16384];
	size_t want;
	ssize_t n;

	if (!f->hash_in)
		f->hash_in = HASH_START;
	while (f->sent < f->size) {
		want = f->size - f->sent;
		if (want > sizeof(buf))
			want = sizeof(buf);
		fill(buf, want, seed, f->sent);
		n = send(f->from, buf, want, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN;
		f->hash_in = hash(f->hash_in, buf, n);
		f->sent += n;
	}
	f->shut = true;
	return shutdown(f->from, SHUT_WR) == 0;
}

static inline bool flow_recv(struct flow *f)
{
	char buf[16384];
	ssize_t n;

	if (!f->hash_out)
		f->hash_out = HASH_START;
	while ((n = recv(f->to, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		f->hash_out = hash(f->hash_out, buf, n);
		f->got += n;
	}
	f->ended = n == 0;
	return n == 0 || errno == EAGAIN;
}

/*
 * Move all flows on at once until each receiver saw the end of its stream. True
 * if every one of them then had exactly the bytes that went in.
 */
static inline bool carry(struct flow *flows, int n, int ms)
{
	struct pollfd p[2 * n];
	long end = now_ms() + ms;
	int i, busy;

	do {
		for (i = busy = 0; i < n; i++) {
			struct flow *f = &flows[i];

			if (!f->shut && !flow_send(f, i + 1)) {
				fprintf(stderr, "# flow %d: send after %zu of %zu: %s\n",
					i, f->sent, f->size, err_name(errno));
				return false;
			}
			if (!f->ended && !flow_recv(f)) {
				fprintf(stderr, "# flow %d: recv after %zu of %zu: %s\n",
					i, f->got, f->size, err_name(errno));
				return false;
			}
			busy += !f->ended;
			p[2 * i] = (struct pollfd){ f->shut ? -1 : f->from, POLLOUT, 0 };
			p[2 * i + 1] = (struct pollfd){ f->ended ? -1 : f->to, POLLIN, 0 };
		}
		if (!busy)
			break;
		if (now_ms() >= end) {
			fprintf(stderr, "# %d of %d flows not over after %d ms\n",
				busy, n, ms);
			return false;
		}
		must(poll(p, 2 * n, 100));
	} while (1);

	for (i = 0; i < n; i++) {
		struct flow *f = &flows[i];

		if (f->got != f->size || f->hash_in != f->hash_out) {
			fprintf(stderr, "# flow %d: %zu bytes in (hash %llx), %zu out (hash %llx)\n",
				i, f->sent, (unsigned long long)f->hash_in,
				f->got, (unsigned long long)f->hash_out);
			return false;
		}
	}
	return true;
}

static inline bool carry_both_ways(struct pair p, size_t size, int ms)
{
	struct flow flows[] = {
		{ .from = p.a, .to = p.b, .size = size },
		{ .from = p.b, .to = p.a, .size = size },
	};

	return carry(flows, 2, ms);
}

/* ---- the kernel's tables --------------------------------------------------- */

#define MANY 4096			/* rows; no test has so many */

struct row {
	uint32_t laddr, raddr;		/* network order */
	int lport, rport;
	int state;
	unsigned int txq, rxq, uid;
	unsigned long inode;
};

/* Reads a table of either version of IP, after the @n rows there are already. */
static inline int read_table(const char *path, struct row *rows, int n, int max)
{
	FILE *f = fopen(path, "r");
	char line[512];

	if (!f)
		return n;
	while (fgets(line, sizeof(line), f)) {
		char laddr[33], raddr[33];
		struct row r;

		if (sscanf(line, " %*d: %32[0-9A-F]:%x %32[0-9A-F]:%x %x %x:%x %*x:%*x %*x %u %*u %lu",
			   laddr, &r.lport, raddr, &r.rport, &r.state,
			   &r.txq, &r.rxq, &r.uid, &r.inode) == 9) {
			r.laddr = from_ipv6(strtoul(laddr + strlen(laddr) - 8, NULL, 16));
			r.raddr = from_ipv6(strtoul(raddr + strlen(raddr) - 8, NULL, 16));
			if (n < max)
				rows[n] = r;
			n++;
		}
	}
	fclose(f);
	return n;
}

/* Sockets of our network namespace: how many there are, and the first `max` of them. */
static inline int table(int type, struct row *rows, int max)
{
	const char *dir = oracle() ? "/proc/net" : "/proc/net/yoke", *name;
	char path[64], path6[64];

	if (oracle())
		name = type == SOCK_STREAM ? "tcp" : "udp";
	else
		name = type == SOCK_STREAM ? "stream" : "dgram";
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(path6, sizeof(path6), "%s/%s6", dir, name);
	if (access(path, R_OK))
		return -1;
	return read_table(path6, rows, read_table(path, rows, 0, max), max);
}

/* How many streams there are: in this state (0: any), with this port at either end (0: any). */
static inline int count(int state, int port)
{
	static struct row rows[MANY];
	int i, n = must(table(SOCK_STREAM, rows, MANY)), found = 0;

	for (i = 0; i < n && i < MANY; i++)
		found += (!state || rows[i].state == state) &&
			 (!port || rows[i].lport == port || rows[i].rport == port);
	return found;
}

/* This socket's line; false if it has none. */
static inline bool row_of(int fd, int type, struct row *row)
{
	static struct row rows[MANY];
	int i, n = must(table(type, rows, MANY));
	struct stat st;

	must(fstat(fd, &st));
	for (i = 0; i < n && i < MANY; i++)
		if (rows[i].inode == st.st_ino) {
			*row = rows[i];
			return true;
		}
	return false;
}

/* Its state as the table has it (TCP_ESTABLISHED …); TCP_CLOSE when it is not there. */
static inline int state(int fd)
{
	struct row row;

	return row_of(fd, SOCK_STREAM, &row) ? row.state : TCP_CLOSE;
}

/*
 * A counter of streams, by the name that /proc/net/snmp or netstat gives TCP's; or, of ours alone, by
 * its own. -1: there is none.
 */
static inline long counter(const char *name)
{
	const char *const files[] = { oracle() ? "/proc/net/snmp" : "/proc/net/yoke/snmp", "/proc/net/netstat" };
	char names[8192], values[8192], *n, *v, *at_n, *at_v;
	long found = -1;
	FILE *f;
	int i;

	if (!oracle() && strncmp(name, "TCP", 3) == 0)
		name += 3;
	for (i = 0; i <= oracle() && found < 0; i++) {
		f = fopen(files[i], "r");
		while (f && !oracle() && found < 0 && fscanf(f, "%127s %127s", names, values) == 2)
			if (strcmp(names, name) == 0)
				found = atol(values);
		/* A line of names, one of values. */
		while (f && oracle() && fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f)) {
			n = strncmp(names, "Tcp", 3) ? NULL : strtok_r(names, " \n", &at_n);
			v = strtok_r(values, " \n", &at_v);
			for (; n && v; n = strtok_r(NULL, " \n", &at_n), v = strtok_r(NULL, " \n", &at_v))
				if (strcmp(n, name) == 0)
					found = atol(v);
		}
		if (f)
			fclose(f);
	}
	return found;
}

/* ---- networks of our own ---------------------------------------------------- */

static inline bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A sysctl of the host's IPv4 ("ip_local_port_range"). */
static inline bool sysctl_ip(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	return write_file(path, value);
}

/* A sysctl of the protocol under test ("syn_retries"). */
static inline const char *sysctl_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), oracle() ? "/proc/sys/net/ipv4/tcp_%s"
					      : "/proc/sys/net/yoke/%s", name);
	return path;
}

static inline bool sysctl_own(const char *name, const char *value)
{
	return write_file(sysctl_path(name), value);
}

/* Our network namespace, for enter(). */
static inline int this_net(void)
{
	return must(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
}

static inline void enter(int ns)
{
	must(setns(ns, CLONE_NEWNET));
}

/* One that only the first namespace has, or may set: its file, or -1. */
static inline int first_sysctl(const char *name)
{
	int own = this_net(), i, first, fd = -1;

	/* In a process namespace of our own the machine's /proc lies below. */
	for (i = 0; i < 2 && fd < 0; i++) {
		if (i && (unshare(CLONE_NEWNS) || umount2("/proc", MNT_DETACH)))
			break;
		first = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
		if (first < 0 || setns(first, CLONE_NEWNET))
			continue;
		fd = open(sysctl_path(name), O_RDWR | O_CLOEXEC);
		enter(own);
		close(first);
	}
	close(own);
	return fd;
}

/* Over IPv6, give the device of this number what stands for an address, and wait until it holds. */
static inline void add_ipv6(int ifindex, const char *ip)
{
	struct { struct in6_addr addr; uint32_t prefix; int ifindex; } how = {
		to_ipv6((struct in_addr){ inet_addr(ip) }), 120, ifindex
	};
	int fd = must(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	must(ioctl(fd, SIOCSIFADDR, &how));
	must_hold(until(bind_to(fd, ip, 0) == 0));
	close(fd);
}

/* Give a device an address (a.b.c.d/24, or leave it NULL) and switch it on. */
static inline void bring_up(const char *dev, const char *ip)
{
	int fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	struct ifreq ifr = { 0 };
	struct sockaddr_in *sin = (struct sockaddr_in *)&ifr.ifr_addr;

	strncpy(ifr.ifr_name, dev, IFNAMSIZ - 1);
	if (ip) {
		*sin = addr(ip, 0);
		must(ioctl(fd, SIOCSIFADDR, &ifr));
		*sin = addr("255.255.255.0", 0);
		must(ioctl(fd, SIOCSIFNETMASK, &ifr));
	}
	ifr.ifr_flags = IFF_UP;
	must(ioctl(fd, SIOCSIFFLAGS, &ifr));
	if (ip && ipv6())
		add_ipv6(if_nametoindex(dev), ip);
	close(fd);
}

/* A new network namespace for this process, with nothing but a loopback. */
static inline void new_net(void)
{
	static const char *const loopbacks[] = {
		"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.1.2.3"
	};
	unsigned int i;

	must(unshare(CLONE_NEWNET));
	bring_up("lo", NULL);
	if (!ipv6())
		return;
	must_hold(write_file("/proc/sys/net/ipv6/conf/default/accept_dad", "0"));
	for (i = 0; i < sizeof(loopbacks) / sizeof(*loopbacks); i++)
		add_ipv6(if_nametoindex("lo"), loopbacks[i]);
}

/* A fixture of which each test has a network of its own. */
#define IN_OWN_NET(name)						\
	FIXTURE(name) { };						\
	FIXTURE_SETUP(name) { new_net(); }				\
	FIXTURE_TEARDOWN(name) { }

/*
 *	namespace a                      namespace b
 *	10.0.0.1/24 (veth) ------------- 10.0.0.2/24 (veth)
 */
#define ADDR_A "10.0.0.1"
#define ADDR_B "10.0.0.2"

struct net {
	int a, b;	/* namespaces, for enter() */
};

/* Run a shell command in our namespace; quiet, as its status says it all. */
__attribute__((format(printf, 1, 2)))
static inline bool shell(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd) - 16, fmt, ap);
	va_end(ap);
	strcat(cmd, " >/dev/null 2>&1");
	return system(cmd) == 0;
}

/*
 * Does this device of our namespace carry? Of who had no peer when it came up that is told by a work
 * item, before which it throws away what is to leave. Who asks waits for the lock that is held meanwhile.
 */
static inline bool carries(const char *dev)
{
	struct { struct nlmsghdr head; struct ifinfomsg link; } ask = {
		.head = { .nlmsg_len = sizeof(ask), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST },
		.link = { .ifi_index = if_nametoindex(dev) },
	};
	static union { typeof(ask) is; char room[16384]; } told;
	int fd = must(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)), left;
	struct rtattr *a = IFLA_RTA(&told.is.link);
	bool up = false;

	must(send(fd, &ask, sizeof(ask), 0));
	left = must(recv(fd, &told, sizeof(told), 0)) - sizeof(ask);
	close(fd);
	for (; told.is.head.nlmsg_type == RTM_NEWLINK && RTA_OK(a, left); a = RTA_NEXT(a, left))
		up |= a->rta_type == IFLA_OPERSTATE && *(uint8_t *)RTA_DATA(a) == 6;	/* IF_OPER_UP */
	return up;
}

/* Two namespaces and a cable; we are left in a. False without iproute2 or veth. */
static inline bool new_link(struct net *net)
{
	new_net();
	net->a = this_net();
	new_net();
	net->b = this_net();
	if (!shell("ip link add veth type veth peer name veth netns /proc/%d/fd/%d",
		   getpid(), net->a))
		return false;
	bring_up("veth", ADDR_B);
	enter(net->a);
	bring_up("veth", ADDR_A);
	enter(net->b);
	must_hold(until(carries("veth")));
	enter(net->a);
	return true;
}

/*
 * What the wire does to packets leaving namespace `ns`, or NULL: no more of
 * that. False without netem. (It damages headers, and data of datagrams; where
 * the data of a segment is, it does not look.)
 */
static inline bool netem(int ns, const char *how)
{
	int back = this_net();
	bool ok;

	enter(ns);
	ok = how ? shell("tc qdisc add dev veth root netem limit 10000 %s", how)
		 : shell("tc qdisc del dev veth root");
	enter(back);
	close(back);
	return ok;
}

/* A connection over the cable: p.a lives in namespace a, p.b in namespace b. */
static inline struct pair link_pair(struct net net)
{
	struct pair p;
	int listening;

	enter(net.b);
	listening = listener(ADDR_B, 0, 1);
	enter(net.a);
	p.a = connected_to(ADDR_B, local_port(listening));
	p.b = must(accept4(listening, NULL, NULL, SOCK_CLOEXEC));
	close(listening);
	return p;
}

/*
 * Such a connection by the link of that device, from fe80::a, always the same port, to fe80::b. We are in
 * namespace b.
 */
static inline struct pair pair_by_link(struct net net, int listening, const char *dev)
{
	struct sockaddr_in6 from = { .sin6_family = AF_INET6, .sin6_port = htons(2000) };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(local_port(listening)) };
	struct pair p;

	must_hold(shell("ip -6 addr replace fe80::b/64 dev %s nodad", dev));
	enter(net.a);
	must_hold(shell("ip link set %s up && ip -6 addr replace fe80::a/64 dev %s nodad", dev, dev));
	must(inet_pton(AF_INET6, "fe80::a", &from.sin6_addr));
	must(inet_pton(AF_INET6, "fe80::b", &to.sin6_addr));
	from.sin6_scope_id = to.sin6_scope_id = if_nametoindex(dev);
	p.a = stream();
	must(bind(p.a, (void *)&from, sizeof(from)));
	set_nonblock(p.a, true);
	must_hold(!connect(p.a, (void *)&to, sizeof(to)) || errno == EINPROGRESS);
	must_hold(wait_events(p.a, POLLOUT));
	must_hold(so_error(p.a) == 0);
	enter(net.b);
	must_hold(wait_events(listening, POLLIN));
	p.b = must(accept(listening, NULL, NULL));
	return p;
}

/* Such a link, or the test is skipped, by a return, or from a fixture's setup by _exit(255). */
#define NEED_LINK(net, leave)						\
	if (!new_link(net))						\
		SKIP(leave, "no veth pair (iproute2? veth module?)")

/* A fixture of which each test has two namespaces and a cable (or is skipped). */
#define ON_A_LINK(name)							\
	FIXTURE(name) { struct net net; };				\
	FIXTURE_SETUP(name)						\
	{								\
		NEED_LINK(&self->net, _exit(255));			\
	}								\
	FIXTURE_TEARDOWN(name) { }

#define NEED_NETEM(ns, how)						\
	if (!netem(ns, how))						\
		SKIP(return, "no netem (iproute2? sch_netem module?)")

#undef TEST_HARNESS_MAIN
#define TEST_HARNESS_MAIN						\
	int main(int argc, char **argv)					\
	{								\
		struct __fixture_metadata *f;				\
		struct __test_metadata *t;				\
									\
		for (f = __fixture_list; f; f = f->next)		\
			for (t = f->tests; t; t = t->next)		\
				t->timeout *= 2 * slowness();		\
		return test_harness_run(argc, argv);			\
	}

#endif /* YOKE_TEST_H */
