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
		away = open("/dev/null", O_WRONLY);
		if (away < 0 || pipe(ends))
			err(1, "pipe");
		bench_sink(bench_accept(door), (size_t)ROUNDS * SIZE, argc > 2 ? take_spliced : take);
	}
	close(door);
	bench_report(run, &fd, (double)ROUNDS * SIZE);
	return 0;
}
