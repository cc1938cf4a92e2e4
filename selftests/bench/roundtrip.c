// SPDX-License-Identifier: GPL-2.0
/*
 * roundtrip FAMILY [IDLE] - cost of one byte to another process and one back, beside IDLE
 * connections that nobody uses, ten thousand to a port at the most.
 */
#include "bench.h"

#define TRIPS 1000
#define TO_A_PORT 10000

static void echo(int fd)
{
	char c;

	while (read(fd, &c, 1) == 1)
		if (write(fd, &c, 1) != 1)
			err(1, "write");
	exit(0);
}

static double run(void *arg)
{
	double start = bench_now();
	int fd = *(int *)arg;
	char c = 0;

	for (int i = 0; i < TRIPS; i++)
		if (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1)
			err(1, "round trip");
	return bench_now() - start;
}

int main(int argc, char **argv)
{
	struct bench_addr a = bench_addr(2, argv);
	int door = bench_listen(&a), fd = bench_connect(&a);
	int there = bench_accept(door);

	for (int left = argc > 2 ? atoi(argv[2]) : 0; left > 0; left -= TO_A_PORT) {
		bench_idle(&a, door, left < TO_A_PORT ? left : TO_A_PORT);
		a.in.sin_port = htons(ntohs(a.in.sin_port) + 1);
		door = bench_listen(&a);
	}
	if (!fork()) {
		close(fd);
		echo(there);
	}
	close(there);
	bench_report(run, &fd, TRIPS);
	return 0;
}
