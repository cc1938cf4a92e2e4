// SPDX-License-Identifier: GPL-2.0
/*
 * streams FAMILY COUNT - cost of a byte in so many connections at once: 4 KiB in each in turn, to a
 * process that reads whichever is ready.
 */
#include <sys/epoll.h>
#include "bench.h"

#define SIZE	4096
#define TOTAL	(8 << 20)

static char buf[SIZE];
static int count, fds[1024], back[2];

static void sink(int *ends)
{
	int poll = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN };
	ssize_t left = TOTAL, n;

	for (int i = 0; i < count; i++) {
		e.data.fd = ends[i];
		if (epoll_ctl(poll, EPOLL_CTL_ADD, ends[i], &e))
			err(1, "epoll_ctl");
	}
	while (epoll_wait(poll, &e, 1, -1) == 1) {
		n = read(e.data.fd, buf, SIZE);
		if (n <= 0)
			exit(0);
		left -= n;
		if (left)
			continue;
		if (write(back[1], "", 1) != 1)
			err(1, "write");
		left = TOTAL;
	}
}

static double run(void *arg)
{
	double start = bench_now();

	for (int sent = 0; sent < TOTAL; sent += SIZE)
		if (write(fds[sent / SIZE % count], buf, SIZE) != SIZE)
			err(1, "write");
	if (read(back[0], arg, 1) != 1)
		err(1, "read");
	return bench_now() - start;
}

int main(int argc, char **argv)
{
	struct rlimit files = { 4096, 4096 };
	struct bench_addr a = bench_addr(2, argv);
	int door = bench_listen(&a), ends[1024];
	char c;

	count = argc == 3 ? atoi(argv[2]) : 0;
	if (count < 1 || count > 1024)
		errx(2, "usage: %s FAMILY COUNT", argv[0]);
	if (setrlimit(RLIMIT_NOFILE, &files) || pipe(back))
		err(1, "files");
	for (int i = 0; i < count; i++) {
		fds[i] = bench_connect(&a);
		ends[i] = bench_accept(door);
	}
	if (!fork()) {
		for (int i = 0; i < count; i++)
			close(fds[i]);
		sink(ends);
	}
	for (int i = 0; i < count; i++)
		close(ends[i]);
	bench_report(run, &c, TOTAL);
	return 0;
}
