/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmarks share: a family to measure, a clock, and a median.
 *
 * They are meant for scripts/vm --icount, where a nanosecond is one guest
 * instruction on the only processor, so that time is cost and repeats exactly.
 */
#ifndef BENCH_H
#define BENCH_H

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/sctp.h>
#include <linux/yoke.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "mark.h"

#define REPEATS 7

struct bench_addr {
	int family, protocol;
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_un un;
	};
};

/* All meet on the loopback, or at $BENCH_TO, but "unix" by an abstract name. */
static inline struct bench_addr bench_addr(int argc, char **argv)
{
	static const struct { const char *name; int family, protocol; } known[] = {
		{ "yoke", AF_YOKE, 0 },
		{ "tcp", AF_INET, 0 },
		{ "mptcp", AF_INET, IPPROTO_MPTCP },
		{ "sctp", AF_INET, IPPROTO_SCTP },
		{ "unix", AF_UNIX, 0 },
		{ NULL, 0, 0 },
	}, *k = known;
	const char *to = getenv("BENCH_TO");
	struct bench_addr a = {
		.len = sizeof(a.in),
		.in = { .sin_family = AF_INET, .sin_port = htons(1981),
			.sin_addr = { inet_addr(to ? to : "127.0.0.1") } },
	};

	while (k->name && (argc != 2 || strcmp(argv[1], k->name)))
		k++;
	if (!k->name)
		errx(2, "usage: %s yoke|tcp|mptcp|sctp|unix", argv[0]);
	a.family = k->family;
	a.protocol = k->protocol;
	if (a.family == AF_UNIX) {
		a.len = sizeof(a.un);
		a.un = (struct sockaddr_un){ AF_UNIX, "\0yoke-bench" };
	}
	return a;
}

/* A socket in the namespace that the file @path names; NULL: in ours. */
static inline int bench_socket_in(const char *path, int family, int type, int protocol)
{
	int ours = open("/proc/self/ns/net", O_RDONLY), there = path ? open(path, O_RDONLY) : ours, fd;

	if (ours < 0 || there < 0 || setns(there, CLONE_NEWNET))
		err(1, "%s", path);
	fd = socket(family, type, protocol);
	if (setns(ours, CLONE_NEWNET))
		err(1, "setns");
	return fd;
}

/* In the namespace $BENCH_AT, if that is set; @shared: one of several at the port. */
static inline int bench_door(const struct bench_addr *a, int shared)
{
	int fd = bench_socket_in(getenv("BENCH_AT"), a->family, SOCK_STREAM, a->protocol), one = 1;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)))
		err(1, "SO_REUSEPORT");
	if (bind(fd, &a->sa, a->len) || listen(fd, 128))
		err(1, "listen");
	return fd;
}

static inline int bench_listen(const struct bench_addr *a)
{
	return bench_door(a, 0);
}

static inline void bench_nodelay(int fd)
{
	int one = 1;

	/* Each takes its own only. */
	setsockopt(fd, SOL_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, &one, sizeof(one));
}

static inline int bench_connect(const struct bench_addr *a)
{
	int fd = socket(a->family, SOCK_STREAM, a->protocol);

	if (fd < 0 || connect(fd, &a->sa, a->len))
		err(1, "connect");
	bench_nodelay(fd);
	return fd;
}

static inline int bench_accept(int door)
{
	int fd = accept(door, NULL, NULL);

	if (fd < 0)
		err(1, "accept");
	bench_nodelay(fd);
	return fd;
}

/* @n connections to @door that nobody uses. */
static inline void bench_idle(const struct bench_addr *a, int door, int n)
{
	struct rlimit most = { 1 << 20, 1 << 20 };	/* what fs.nr_open allows */

	if (setrlimit(RLIMIT_NOFILE, &most))
		err(1, "RLIMIT_NOFILE");
	for (int i = 0; i < n; i++) {
		bench_connect(a);
		bench_accept(door);
	}
}

/* Takes @total bytes off @fd by @take, says so, and once more, until the end. */
static inline void bench_sink(int fd, size_t total, ssize_t (*take)(int fd))
{
	size_t left = total;
	ssize_t n = 1;

	while (n > 0) {
		n = take(fd);
		if (n < 0)
			err(1, "read");
		left -= n;
		if (left)
			continue;
		if (write(fd, "", 1) != 1)
			err(1, "write");
		left = total;
	}
	exit(0);
}

static inline double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Run it once to warm up, then print the median of REPEATS runs, per @unit. */
static inline void bench_report(double (*run)(void *), void *arg, double units)
{
	double took[REPEATS];

	run(arg);
	bench_mark(BENCH_BEGIN);
	for (int i = 0; i < REPEATS; i++)
		took[i] = run(arg);
	bench_mark(BENCH_END);
	qsort(took, REPEATS, sizeof(*took), bench_compare);
	printf("%.4f\n", took[REPEATS / 2] / units);
}

#endif
