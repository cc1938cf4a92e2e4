// SPDX-License-Identifier: GPL-2.0
/*
 * sendfile FAMILY [splice|zerocopy] - cost of a byte from a file in memory to a process that reads it,
 * or that splices it away; or of one sent with MSG_ZEROCOPY.
 */
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "bench.h"
#include <linux/errqueue.h>

#define ROUNDS	64
#define SIZE	(1 << 18)

static char buf[65536];
static char *mapped;
static int file;

static ssize_t take(int fd)
{
	return read(fd, buf, sizeof(buf));
}

/* Both ends of the pipe are ours: what is in it goes away. */
static int ends[2], away;

static ssize_t take_spliced(int fd)
{
	ssize_t n = splice(fd, NULL, ends[1], NULL, sizeof(buf), 0);

	if (n > 0 && splice(ends[0], NULL, away, NULL, n, 0) != n)
		err(1, "splice");
	return n;
}

/* Until we were told of the last call that its memory is ours again. */
static void reap(int fd)
{
	char room[CMSG_SPACE(sizeof(struct sock_extended_err)) + 64];
	struct msghdr m = { .msg_control = room, .msg_controllen = sizeof(room) };
	struct pollfd p = { fd, 0, 0 };

	if (poll(&p, 1, -1) < 0 || recvmsg(fd, &m, MSG_ERRQUEUE) < 0)
		err(1, "error queue");
}

static double run_zerocopy(void *arg)
{
	double start = bench_now();
	int fd = *(int *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (send(fd, mapped, SIZE, MSG_ZEROCOPY) != SIZE)
			err(1, "send");
		reap(fd);
	}
	if (read(fd, buf, 1) != 1)
		err(1, "read");
	return bench_now() - start;
}

static double run(void *arg)
{
	double start = bench_now();
	int fd = *(int *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		off_t at = 0;

		while (at < SIZE)
			if (sendfile(fd, file, &at, SIZE - at) <= 0)
				err(1, "sendfile");
	}
	if (read(fd, buf, 1) != 1)
		err(1, "read");
	return bench_now() - start;
}

int main(int argc, char **argv)
{
	struct bench_addr a = bench_addr(2, argv);
	int door = bench_listen(&a), fd = bench_connect(&a), one = 1;
	const char *how = argc > 2 ? argv[2] : "";

	file = memfd_create("bench", 0);
	for (int i = 0; i < SIZE; i += sizeof(buf))
		if (write(file, buf, sizeof(buf)) != sizeof(buf))
			err(1, "file");
	if (!fork()) {
		close(fd);
		away = open("/dev/null", O_WRONLY);
		if (away < 0 || pipe(ends))
			err(1, "pipe");
		bench_sink(bench_accept(door), (size_t)ROUNDS * SIZE, !strcmp(how, "splice") ? take_spliced : take);
	}
	close(door);
	mapped = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, file, 0);
	/* Before 6.4 the kernel lets TCP alone set it. */
	if (!strcmp(how, "zerocopy") && setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		return 0;
	bench_report(strcmp(how, "zerocopy") ? run : run_zerocopy, &fd, (double)ROUNDS * SIZE);
	return 0;
}
