// SPDX-License-Identifier: GPL-2.0
/*
 * open FAMILY IDLE - cost of connect(2) while IDLE ports of the range are in use for the same peer.
 */
#include "bench.h"

#define CONNECTIONS 50

static int door;

static double run(void *arg)
{
	const struct bench_addr *a = arg;
	double took = 0;

	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = socket(a->family, SOCK_STREAM, a->protocol);
		double start = bench_now();

		if (connect(fd, &a->sa, a->len))
			err(1, "connect");
		took += bench_now() - start;
		close(bench_accept(door));
		close(fd);
	}
	return took;
}

int main(int argc, char **argv)
{
	struct bench_addr a = bench_addr(2, argv);

	door = bench_listen(&a);
	bench_idle(&a, door, argc > 2 ? atoi(argv[2]) : 0);
	bench_report(run, &a, CONNECTIONS);
	return 0;
}
