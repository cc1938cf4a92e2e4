// SPDX-License-Identifier: GPL-2.0
/*
 * bulk FAMILY - cost of a byte: 64 KiB writes to a process that reads them.
 */
#include "bench.h"

#define WRITES	256
#define SIZE	65536

static char buf[SIZE];

static ssize_t take(int fd)
{
	return read(fd, buf, SIZE);
}

/* From the first write until the reader says that it has all. */
static double run(void *arg)
{
	double start = bench_now();
	int fd = *(int *)arg;

	for (int i = 0; i < WRITES; i++)
		if (write(fd, buf, SIZE) != SIZE)
			err(1, "write");
	if (read(fd, buf, 1) != 1)
		err(1, "read");
	return bench_now() - start;
}

int main(int argc, char **argv)
{
	struct bench_addr a = bench_addr(argc, argv);
	int door = bench_listen(&a), fd = bench_connect(&a);

	if (!fork()) {
		close(fd);
		bench_sink(bench_accept(door), (size_t)WRITES * SIZE, take);
	}
	close(door);
	bench_report(run, &fd, (double)WRITES * SIZE);
	return 0;
}
