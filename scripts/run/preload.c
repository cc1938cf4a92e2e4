// SPDX-License-Identifier: GPL-2.0
/*
 * yoke-run without seccomp: stands before the C library's socket(), and with
 * rules before bind(), connect() and listen(). yoke-run says what to do in the
 * environment. It sees what calls these functions by name; a program that is
 * statically linked, or makes the system calls itself as Go does, it does not.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rules.h"

/* The C library's own, which this object's hide. */
#define real(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static bool datagrams, quiet;

__attribute__((constructor)) static void from_environment(void)
{
	const char *except = getenv("YOKE_RUN_EXCEPT");
	const char *d = getenv("YOKE_RUN_DATAGRAMS"), *q = getenv("YOKE_RUN_QUIET");

	if (except)
		rules_add(except);
	datagrams = d && *d;
	quiet = q && *q;
}

int socket(int domain, int type, int protocol)
{
	static bool told;
	int fd;

	if (rules_move(domain, type, protocol, datagrams)) {
		fd = real(socket)(rules_family(), type, rules_protocol(domain));
		if (fd >= 0 || errno != EAFNOSUPPORT)
			return fd;
		if (!told && !quiet)
			fprintf(stderr, "yoke-run: a socket is left as it is: yoke.ko is not loaded\n");
		told = true;
	}
	return real(socket)(domain, type, protocol);
}

static __thread int replaced;

static void watch(int epoll, struct epoll_event *event)
{
	epoll_ctl(epoll, EPOLL_CTL_ADD, replaced, event);
}

static int keep_from_yoke(int fd, enum rules_call call, const struct sockaddr *addr, socklen_t len)
{
	union rules_addr where = {};
	int twin, old, flags;

	if (addr && len < sizeof(where.in))
		return 0;
	if (addr)
		memcpy(&where, addr, len < sizeof(where) ? len : sizeof(where));
	if (!rules_except(call, addr ? &where : NULL))
		return 0;
	twin = rules_twin(fd);
	if (twin < 0)
		return errno == ENOTSOCK || errno == EBADF ? 0 : -1;
	old = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	flags = fcntl(fd, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0;
	replaced = dup3(twin, fd, flags);
	if (replaced >= 0)
		rules_watchers(getpid(), fd, watch);
	close(old);
	close(twin);
	return replaced < 0 ? -1 : 0;
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return keep_from_yoke(fd, RULES_BIND, addr, len) ? -1 : real(bind)(fd, addr, len);
}

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return keep_from_yoke(fd, RULES_CONNECT, addr, len) ? -1 : real(connect)(fd, addr, len);
}

int listen(int fd, int backlog)
{
	return keep_from_yoke(fd, RULES_LISTEN, NULL, 0) ? -1 : real(listen)(fd, backlog);
}
