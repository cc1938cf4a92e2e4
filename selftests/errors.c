// SPDX-License-Identifier: GPL-2.0
/*
 * Every call on a socket in every state, right and wrong, made twice: once on
 * a socket of the host's and once on ours. The answers must be the same.
 */
#include "yoke_test.h"
#include <netinet/udp.h>
#include <linux/errqueue.h>

/* An address where nothing is; the compiler must not know that. */
static void *volatile bad = (void *)8;
#define BAD bad

enum state {
	FRESH, BOUND_TO, LISTENING, CONNECTING, REFUSED, CONNECTED, READABLE,
	PEER_CLOSED, HALF_CLOSED, OVER, RESET, DISCONNECTED,
};

static int connected_with(int peer_fd)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, 0);

	must(connect_to(fd, LOOPBACK, local_port(peer_fd)));
	return fd;
}

/* A non-blocking socket in that state; what it needs besides is left open. */
static int make(int type, enum state state)
{
	bool is_stream = type == SOCK_STREAM;
	struct pair p;
	int fd = -1;

	switch (state) {
	case FRESH:
		/* One of ours without an address is of IPv6 only if it says so. */
		if (ipv6() && family() == AF_YOKE)
			fd = must(socket(AF_YOKE, type | SOCK_CLOEXEC, IPPROTO_IPV6));
		else
			fd = of_type(type);
		break;
	case BOUND_TO:
		fd = bound(type, LOOPBACK, 0);
		break;
	case LISTENING:
		fd = listener(LOOPBACK, 0, 1);
		break;
	case CONNECTING:
		fd = stream();
		set_nonblock(fd, true);
		connect_to(fd, LOOPBACK, local_port(full_listener()));
		break;
	case REFUSED:
		if (is_stream) {
			fd = stream();
			set_nonblock(fd, true);
			connect_to(fd, LOOPBACK, local_port(bound(type, LOOPBACK, 0)));
		} else {
			int hole = bound(type, LOOPBACK, 0);

			fd = connected_with(hole);
			close(hole);
			must(send(fd, "x", 1, 0));
		}
		must_hold(wait_events(fd, 0));
		break;
	default:
		p = is_stream ? stream_pair() : dgram_pair();
		fd = p.a;
		switch (state) {
		case READABLE:
			must(send(p.b, "data", 4, 0));
			must_hold(wait_events(fd, POLLIN));
			break;
		case PEER_CLOSED:
			must(shutdown(p.b, SHUT_WR));
			must(is_stream ? wait_events(fd, POLLIN) : 0);
			break;
		case HALF_CLOSED:
			must(shutdown(fd, SHUT_WR));
			must(is_stream ? wait_events(p.b, POLLIN) : 0);
			break;
		case OVER:
			must(shutdown(fd, SHUT_RDWR));
			must(shutdown(p.b, SHUT_WR));
			must_hold(until(tcp_info(fd).tcpi_state == TCP_CLOSE));
			break;
		case RESET:
			close_hard(p.b);
			if (!is_stream)
				must(send(fd, "x", 1, 0));
			must_hold(wait_events(fd, 0));
			break;
		case DISCONNECTED:
			must(connect_nowhere(fd));
			break;
		default:
			break;
		}
	}
	set_nonblock(fd, true);
	return fd;
}

/* A get that folds what it got into one number: the length and, if asked, the value. */
static long get(int fd, int level, int name, int len, bool value)
{
	unsigned char buf[256] = { 0 };
	socklen_t l = len;

	if (getsockopt(fd, level, name, buf, &l))
		return -1;
	return l * 1000 + (value ? buf[0] : 0);
}

static long name_of(int fd, bool of_peer, int len)
{
	struct sockaddr_in a = { 0 };
	socklen_t l = len;
	int ret = of_peer ? getpeername(fd, (struct sockaddr *)&a, &l)
			  : getsockname(fd, (struct sockaddr *)&a, &l);

	return ret ? -1 : (long)l * 1000 + a.sin_family;
}

static long accept_any(int fd, void *to, int len, int flags)
{
	socklen_t l = len;

	return accept4(fd, to, to ? &l : NULL, flags) < 0 ? -1 : 0;
}

static long connect_as(int fd, int af, const char *ip, int len)
{
	struct sockaddr_in a = addr(ip, 9);

	a.sin_family = af;
	return connect(fd, (struct sockaddr *)&a, len);
}

static long bind_as(int fd, int af, const char *ip, int len)
{
	struct sockaddr_in a = addr(ip, 0);

	a.sin_family = af;
	return bind(fd, (struct sockaddr *)&a, len);
}

static long sendto_as(int fd, int af, const char *ip, int port, int len, int flags)
{
	struct sockaddr_in a = addr(ip, port);

	a.sin_family = af;
	return sendto(fd, "x", 1, flags | MSG_NOSIGNAL, (struct sockaddr *)&a, len);
}

static long sendmsg_of(int fd, size_t iovlen, size_t controllen, int level, int type)
{
	char c = 'x';
	struct iovec iov = { &c, 1 };
	union {
		char buf[64];
		struct cmsghdr h;
	} control = { .h = { CMSG_LEN(4), level, type } };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = iovlen,
		.msg_control = controllen ? &control : NULL,
		.msg_controllen = controllen,
	};

	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

static long recvmsg_of(int fd, size_t iovlen, int flags)
{
	char c;
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = iovlen };
	long ret = recvmsg(fd, &m, flags);

	return ret < 0 ? ret : m.msg_flags * 1000L + ret;
}

static long ioctl_of(int fd, unsigned long request)
{
	int n = -1;

	return ioctl(fd, request, &n) ? -1 : n;
}

/*
 * Calls that give the text of themselves, by number. Not among them is what
 * depends on when an ACK comes (SIOCOUTQ), and mmap(), TCP's zero-copy receive.
 */
enum { BASE = __COUNTER__ + 1 };
#define CALL(expr) case __COUNTER__ - BASE: *what = #expr; return (expr)

static long call(int n, int fd, const char **what)
{
	const int int_len = sizeof(int), addr_len = sizeof(struct sockaddr_in);
	int zero = 0, one = 1, tos = 0x10, big = 1 << 20;
	struct timeval tv = { 0, 0 }, odd_tv = { 0, 1000000 };

	switch (n) {
	CALL(bind(fd, NULL, addr_len));
	CALL(bind(fd, BAD, addr_len));
	CALL(bind(fd, BAD, -1));
	CALL(bind_as(fd, AF_INET, LOOPBACK, 0));
	CALL(bind_as(fd, AF_INET, LOOPBACK, 2));
	CALL(bind_as(fd, AF_INET, LOOPBACK, addr_len - 1));
	CALL(bind_as(fd, AF_INET, LOOPBACK, addr_len));
	CALL(bind_as(fd, AF_INET, "192.0.2.1", addr_len));
	CALL(bind_as(fd, AF_UNSPEC, ANY, addr_len));
	CALL(bind_as(fd, AF_UNSPEC, LOOPBACK, addr_len));
	CALL(bind_as(fd, AF_UNIX, LOOPBACK, addr_len));

	CALL(connect(fd, BAD, addr_len));
	CALL(connect(fd, BAD, -1));
	CALL(connect_as(fd, AF_INET, LOOPBACK, 0));
	CALL(connect_as(fd, AF_INET, LOOPBACK, 1));
	CALL(connect_as(fd, AF_INET, LOOPBACK, 2));
	CALL(connect_as(fd, AF_INET, LOOPBACK, addr_len - 1));
	CALL(connect_as(fd, AF_INET, LOOPBACK, addr_len));
	CALL(connect_as(fd, AF_INET, "192.0.2.1", addr_len));
	CALL(connect_as(fd, AF_INET, "255.255.255.255", addr_len));
	CALL(connect_as(fd, AF_INET, "127.255.255.255", addr_len));
	CALL(connect_as(fd, AF_UNIX, LOOPBACK, addr_len));
	CALL(connect_as(fd, AF_UNSPEC, LOOPBACK, 2));
	CALL(connect_as(fd, AF_UNSPEC, LOOPBACK, addr_len));

	CALL(listen(fd, 0));
	CALL(listen(fd, -1));
	CALL(accept_any(fd, NULL, 0, 0));
	CALL(accept_any(fd, NULL, 0, 1));
	CALL(accept_any(fd, BAD, addr_len, SOCK_CLOEXEC));

	CALL(name_of(fd, false, addr_len));
	CALL(name_of(fd, false, 4));
	CALL(name_of(fd, false, -1));
	CALL(name_of(fd, true, addr_len));
	CALL(name_of(fd, true, 0));
	CALL(name_of(fd, true, -1));
	CALL(getsockname(fd, BAD, (socklen_t *)&(int){ 16 }));
	CALL(getsockname(fd, BAD, BAD));
	CALL(getpeername(fd, BAD, BAD));

	CALL(send(fd, "x", 1, MSG_NOSIGNAL));
	CALL(send(fd, "x", 0, MSG_NOSIGNAL));
	CALL(send(fd, BAD, 100, MSG_NOSIGNAL));
	CALL(send(fd, NULL, 100, MSG_NOSIGNAL));
	CALL(write(fd, BAD, 1));
	CALL(sendto_as(fd, AF_INET, LOOPBACK, 9, addr_len, 0));
	CALL(sendto_as(fd, AF_INET, LOOPBACK, 0, addr_len, 0));
	CALL(sendto_as(fd, AF_INET, LOOPBACK, 9, 2, 0));
	CALL(sendto_as(fd, AF_INET, LOOPBACK, 9, 1, 0));
	CALL(sendto_as(fd, AF_INET, LOOPBACK, 9, -1, 0));
	CALL(sendto_as(fd, AF_INET, "192.0.2.1", 9, addr_len, 0));
	CALL(sendto_as(fd, AF_INET, "127.255.255.255", 9, addr_len, 0));
	CALL(sendto_as(fd, AF_UNSPEC, LOOPBACK, 9, addr_len, 0));
	CALL(sendto_as(fd, AF_UNIX, LOOPBACK, 9, addr_len, 0));
	CALL(sendto(fd, "x", 1, MSG_NOSIGNAL, BAD, addr_len));
	CALL(sendmsg(fd, BAD, MSG_NOSIGNAL));
	CALL(sendmsg_of(fd, 1, 0, 0, 0));
	CALL(sendmsg_of(fd, 0, 0, 0, 0));
	CALL(sendmsg_of(fd, 100000, 0, 0, 0));
	CALL(sendmsg_of(fd, 1, 4, SOL_SOCKET, 0));
	CALL(sendmsg_of(fd, 1, 24, SOL_SOCKET, 9999));
	CALL(sendmsg_of(fd, 1, 24, SOL_IP, 9999));
	CALL(sendmsg_of(fd, 1, 24, SOL_IP, IP_TTL));
	CALL(sendmsg_of(fd, 1, 24, 9999, 1));
	CALL(writev(fd, BAD, 1));
	CALL(sendfile(fd, -1, NULL, 1));

	CALL(recv(fd, &one, 1, 0));
	CALL(recv(fd, &one, 0, 0));
	CALL(recv(fd, BAD, 1, 0));
	CALL(recv(fd, BAD, 0, 0));
	CALL(recv(fd, &one, 1, MSG_PEEK));
	CALL(recv(fd, &one, 1, MSG_TRUNC));
	CALL(recv(fd, &one, 4, MSG_WAITALL));
	CALL(recv(fd, &one, 1, MSG_ERRQUEUE));
	CALL(recvmsg(fd, BAD, 0));
	CALL(recvmsg_of(fd, 1, 0));
	CALL(recvmsg_of(fd, 0, 0));
	CALL(recvmsg_of(fd, 100000, 0));
	CALL(readv(fd, BAD, 1));

	CALL(shutdown(fd, SHUT_RD));
	CALL(shutdown(fd, SHUT_WR));
	CALL(shutdown(fd, SHUT_RDWR));
	CALL(shutdown(fd, 3));
	CALL(shutdown(fd, -1));

	CALL(events(fd, -1));
	CALL(ioctl_of(fd, SIOCINQ));
	CALL(ioctl_of(fd, 0x1234));
	CALL(ioctl(fd, SIOCINQ, BAD));
	CALL(ioctl(fd, SIOCOUTQ, BAD));
	CALL(lseek(fd, 0, SEEK_SET));
	CALL(ftruncate(fd, 0));
	CALL(fcntl(fd, F_GETFL));

	CALL(get(fd, SOL_SOCKET, SO_ERROR, int_len, true));
	CALL(get(fd, SOL_SOCKET, SO_ERROR, 1, true));
	CALL(get(fd, SOL_SOCKET, SO_ERROR, 0, true));
	CALL(get(fd, SOL_SOCKET, SO_ERROR, -1, true));
	CALL(get(fd, SOL_SOCKET, SO_TYPE, int_len, true));
	CALL(get(fd, SOL_SOCKET, SO_ACCEPTCONN, int_len, true));
	CALL(get(fd, SOL_SOCKET, SO_REUSEADDR, int_len, true));
	CALL(get(fd, SOL_SOCKET, SO_BROADCAST, int_len, true));
	CALL(get(fd, SOL_SOCKET, SO_KEEPALIVE, int_len, true));
	CALL(get(fd, SOL_SOCKET, SO_RCVLOWAT, int_len, true));
	CALL(get(fd, SOL_SOCKET, SO_SNDLOWAT, int_len, true));
	CALL(get(fd, SOL_SOCKET, SO_SNDBUF, int_len, false));
	CALL(get(fd, SOL_SOCKET, SO_LINGER, 256, true));
	CALL(get(fd, SOL_SOCKET, SO_RCVTIMEO, 256, true));
	CALL(get(fd, SOL_SOCKET, SO_PEERCRED, 256, false));
	CALL(get(fd, SOL_SOCKET, SO_MARK, 256, true));
	CALL(get(fd, SOL_SOCKET, SO_BINDTODEVICE, 256, true));
	CALL(get(fd, SOL_SOCKET, 9999, int_len, true));
	CALL(getsockopt(fd, SOL_SOCKET, SO_ERROR, BAD, (socklen_t *)&(int){ 4 }));
	CALL(getsockopt(fd, SOL_SOCKET, SO_ERROR, &one, BAD));
	CALL(get(fd, SOL_IP, IP_TTL, int_len, true));
	CALL(get(fd, SOL_IP, IP_TTL, 1, true));
	CALL(get(fd, SOL_IP, IP_TTL, -1, true));
	CALL(get(fd, SOL_IP, IP_TOS, int_len, true));
	CALL(get(fd, SOL_IP, IP_MTU_DISCOVER, int_len, true));
	CALL(get(fd, SOL_IP, IP_MTU, int_len, true));
	CALL(get(fd, SOL_IP, 9999, int_len, true));
	CALL(get(fd, SOL_TCP, TCP_NODELAY, int_len, true));
	CALL(get(fd, SOL_TCP, TCP_NODELAY, 1, true));
	CALL(get(fd, SOL_TCP, TCP_NODELAY, 0, true));
	CALL(get(fd, SOL_TCP, TCP_NODELAY, -1, true));
	CALL(get(fd, SOL_TCP, TCP_CORK, int_len, true));
	CALL(get(fd, SOL_TCP, TCP_MAXSEG, int_len, false));
	CALL(get(fd, SOL_TCP, TCP_KEEPIDLE, int_len, true));
	CALL(get(fd, SOL_TCP, TCP_KEEPINTVL, int_len, true));
	CALL(get(fd, SOL_TCP, TCP_KEEPCNT, int_len, true));
	CALL(get(fd, SOL_TCP, TCP_SYNCNT, int_len, false));
	CALL(get(fd, SOL_TCP, TCP_LINGER2, int_len, true));
	CALL(get(fd, SOL_TCP, TCP_USER_TIMEOUT, int_len, true));
	CALL(get(fd, SOL_TCP, TCP_CONGESTION, 3, false));
	CALL(get(fd, SOL_TCP, TCP_INFO, 100, false));
	CALL(get(fd, SOL_TCP, TCP_INFO, 0, false));
	CALL(get(fd, SOL_TCP, TCP_INFO, -1, false));
	CALL(get(fd, SOL_TCP, 9999, int_len, true));
	CALL(getsockopt(fd, SOL_TCP, TCP_NODELAY, BAD, (socklen_t *)&(int){ 4 }));
	CALL(get(fd, SOL_UDP, 9999, int_len, true));
	CALL(get(fd, 9999, 1, int_len, true));
	CALL(get(fd, -1, 1, int_len, true));

	CALL(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, int_len));
	CALL(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, 1));
	CALL(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, -1));
	CALL(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, BAD, int_len));
	CALL(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, int_len));
	CALL(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, int_len));
	CALL(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, int_len));
	CALL(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, int_len));
	CALL(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &one, int_len));
	CALL(setsockopt(fd, SOL_SOCKET, SO_SNDLOWAT, &one, int_len));
	CALL(setsockopt(fd, SOL_SOCKET, SO_LINGER, &one, int_len));
	CALL(setsockopt(fd, SOL_SOCKET, SO_LINGER, &tv, 8));
	CALL(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	CALL(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &odd_tv, sizeof(tv)));
	CALL(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, 4));
	CALL(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
	CALL(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "nope", 4));
	CALL(setsockopt(fd, SOL_SOCKET, SO_ERROR, &one, int_len));
	CALL(setsockopt(fd, SOL_SOCKET, SO_TYPE, &one, int_len));
	CALL(setsockopt(fd, SOL_SOCKET, 9999, &one, int_len));
	CALL(setsockopt(fd, SOL_IP, IP_TTL, &one, int_len));
	CALL(setsockopt(fd, SOL_IP, IP_TTL, &one, 1));
	CALL(setsockopt(fd, SOL_IP, IP_TTL, &one, 0));
	CALL(setsockopt(fd, SOL_IP, IP_TTL, &big, int_len));
	CALL(setsockopt(fd, SOL_IP, IP_TTL, BAD, int_len));
	CALL(setsockopt(fd, SOL_IP, IP_TOS, &tos, int_len));
	CALL(setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, &one, int_len));
	CALL(setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, &big, int_len));
	CALL(setsockopt(fd, SOL_IP, IP_RECVERR, &one, int_len));
	CALL(setsockopt(fd, SOL_IP, IP_MTU, &one, int_len));
	CALL(setsockopt(fd, SOL_IP, 9999, &one, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_NODELAY, &one, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_NODELAY, &one, 3));
	CALL(setsockopt(fd, SOL_TCP, TCP_NODELAY, &one, 0));
	CALL(setsockopt(fd, SOL_TCP, TCP_NODELAY, BAD, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_CORK, &one, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_MAXSEG, &one, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_MAXSEG, &(int){ 1000 }, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_MAXSEG, &big, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_KEEPIDLE, &one, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_KEEPIDLE, &big, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_KEEPINTVL, &zero, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_KEEPINTVL, &big, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_KEEPCNT, &one, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_KEEPCNT, &big, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_SYNCNT, &zero, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_SYNCNT, &one, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_LINGER2, &one, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_WINDOW_CLAMP, &zero, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_WINDOW_CLAMP, &big, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_QUICKACK, &one, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_USER_TIMEOUT, &one, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_USER_TIMEOUT, &(int){ -1 }, int_len));
	CALL(setsockopt(fd, SOL_TCP, TCP_CONGESTION, "reno", 4));
	CALL(setsockopt(fd, SOL_TCP, TCP_CONGESTION, "nope", 4));
	CALL(setsockopt(fd, SOL_TCP, TCP_CONGESTION, "", 0));
	CALL(setsockopt(fd, SOL_TCP, 9999, &one, int_len));
	CALL(setsockopt(fd, SOL_UDP, UDP_CORK, &one, int_len));
	CALL(setsockopt(fd, SOL_UDP, 9999, &one, int_len));
	CALL(setsockopt(fd, 9999, 1, &one, int_len));
	CALL(setsockopt(fd, -1, 1, &one, int_len));
	}
	*what = NULL;
	return 0;
}
enum { CALLS = __COUNTER__ - BASE };

FIXTURE(errors) { };

FIXTURE_VARIANT(errors) {
	int type;
	enum state state;
};

#define IN_STATE(name, type_, state_) \
	FIXTURE_VARIANT_ADD(errors, name) { .type = type_, .state = state_ }

IN_STATE(stream_fresh,		SOCK_STREAM, FRESH);
IN_STATE(stream_bound,		SOCK_STREAM, BOUND_TO);
IN_STATE(stream_listening,	SOCK_STREAM, LISTENING);
IN_STATE(stream_connecting,	SOCK_STREAM, CONNECTING);
IN_STATE(stream_refused,	SOCK_STREAM, REFUSED);
IN_STATE(stream_connected,	SOCK_STREAM, CONNECTED);
IN_STATE(stream_readable,	SOCK_STREAM, READABLE);
IN_STATE(stream_peer_closed,	SOCK_STREAM, PEER_CLOSED);
IN_STATE(stream_half_closed,	SOCK_STREAM, HALF_CLOSED);
IN_STATE(stream_over,		SOCK_STREAM, OVER);
IN_STATE(stream_reset,		SOCK_STREAM, RESET);
IN_STATE(stream_disconnected,	SOCK_STREAM, DISCONNECTED);
IN_STATE(dgram_fresh,		SOCK_DGRAM, FRESH);
IN_STATE(dgram_bound,		SOCK_DGRAM, BOUND_TO);
IN_STATE(dgram_connected,	SOCK_DGRAM, CONNECTED);
IN_STATE(dgram_readable,	SOCK_DGRAM, READABLE);
IN_STATE(dgram_refused,		SOCK_DGRAM, REFUSED);
IN_STATE(dgram_half_closed,	SOCK_DGRAM, HALF_CLOSED);
IN_STATE(dgram_disconnected,	SOCK_DGRAM, DISCONNECTED);

FIXTURE_SETUP(errors)
{
	if (oracle())
		SKIP(_exit(255), "the host is what ours is compared with");
	new_net();
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(errors)
{
}

static long answer(int af, int type, enum state state, int n, int *err, const char **what)
{
	long ret;
	int fd;

	other_family = af;
	fd = make(type, state);
	other_family = 0;
	errno = 0;
	ret = call(n, fd, what);
	*err = ret == -1 ? errno : 0;
	close_range(3, ~0U, 0);
	return ret;
}

TEST_F(errors, as_the_host_has_them)
{
	int n, host_err, err;
	const char *what;
	long host, ours;

	for (n = 0; n < CALLS; n++) {
		host = answer(host_family(), variant->type, variant->state, n, &host_err, &what);
		ours = answer(0, variant->type, variant->state, n, &err, &what);
		if (!what || host != ours || host_err != err) {
			TH_LOG("%s: host %s (%ld), here %s (%ld)", what,
			       err_name(host_err), host, err_name(err), ours);
			_metadata->passed = 0;
		}
	}
}

IN_OWN_NET(making)

/*
 * socket(2) itself. Few cases, as for each that is unknown the kernel asks
 * modprobe.
 */
TEST_F(making, as_the_host_does_it)
{
	const struct { int type, host, here; } cases[] = {
		{ SOCK_STREAM, 0, 0 },
		{ SOCK_STREAM, IPPROTO_TCP, IPPROTO_YOKE_STREAM },
		{ SOCK_STREAM, IPPROTO_UDP, IPPROTO_YOKE_DGRAM },
		{ SOCK_STREAM, -1, -1 }, { SOCK_STREAM, 1000, 1000 },
		{ SOCK_DGRAM, 0, 0 },
		{ SOCK_DGRAM, IPPROTO_TCP, IPPROTO_YOKE_STREAM },
		{ SOCK_DGRAM, IPPROTO_UDP, IPPROTO_YOKE_DGRAM },
		{ SOCK_DGRAM, 99, 99 },
		{ SOCK_SEQPACKET, 0, 0 }, { SOCK_SEQPACKET, -1, -1 },
		{ 0, 0, 0 }, { 11, 0, 0 }, { 0x100, 0, 0 },
	};
	int i;

	for (i = 0; i < (int)ARRAY_SIZE(cases); i++) {
		int theirs = socket(host_family(), cases[i].type, cases[i].host);
		int their_err = theirs < 0 ? errno : 0;
		int ours = socket(family(), cases[i].type,
				  oracle() ? cases[i].host : cases[i].here);
		int our_err = ours < 0 ? errno : 0;

		EXPECT_EQ(their_err, our_err)
			TH_LOG("type %d protocol %d: host %s, here %s", cases[i].type,
			       cases[i].here, err_name(their_err), err_name(our_err));
	}
}

TEST_F(making, flags)
{
	int fd = must(socket(family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	int pair[2];

	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_ERR(EINVAL, socket(family(), SOCK_STREAM | 0x100, 0));
	EXPECT_ERR(EOPNOTSUPP, socketpair(family(), SOCK_STREAM, 0, pair));
}

TEST_F(making, no_raw_sockets)
{
	if (oracle())
		SKIP(return, "IP has raw sockets");
	EXPECT_ERR(ESOCKTNOSUPPORT, socket(AF_YOKE, SOCK_RAW, 0));
	EXPECT_ERR(ESOCKTNOSUPPORT, socket(AF_YOKE, SOCK_RAW, IPPROTO_YOKE_STREAM));
}

TEST_HARNESS_MAIN
