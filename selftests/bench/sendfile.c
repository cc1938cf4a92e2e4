// SPDX-License-Identifier: GPL-2.0
/*
 * sendfile FAMILY [splice] - cost of a byte from a file in memory to a process that reads it, or that
 * splices it away.
 */
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "bench.h"

#define ROUNDS	64
#define SIZE	(1 << 18)

static char buf[65536];
static int file;

/* Both ends of the pipe are ours: what is in it goes to @null. */
static ssize_t splice_away(int fd, int pipe[2], int null)
{
	ssize_t n = splice(fd, NULL, pipe[1], NULL, sizeof(buf), 0);

	if (n > 0 && splice(pipe[0], NULL, null, NULL, n, 0) != n)
		err(1, "splice");
	return n;
}

static void sink(int fd, int spliced)
{
	int null = open("/dev/null", O_WRONLY), ends[2];
	size_t left = (size_t)ROUNDS * SIZE;
	ssize_t n = 1;

	if (pipe(ends))
		err(1, "pipe");
	while (n > 0) {
		n = spliced ? splice_away(fd, ends, null) : read(fd, buf, sizeof(buf));
		if (n < 0)
			err(1, "read");
		left -= n;
		if (left)
			continue;
		if (write(fd, "", 1) != 1)
			err(1, "write");
		left = (size_t)ROUNDS * SIZE;
	}
	exit(0);
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
	int door = bench_listen(&a), fd = bench_connect(&a);

	file = memfd_create("bench", 0);
	for (int i = 0; i < SIZE; i += sizeof(buf))
		if (write(file, buf, sizeof(buf)) != sizeof(buf))
			err(1, "file");
	if (!fork()) {
		close(fd);
		sink(bench_accept(door), argc > 2);
	}
	close(door);
	bench_report(run, &fd, (double)ROUNDS * SIZE);
	return 0;
}
