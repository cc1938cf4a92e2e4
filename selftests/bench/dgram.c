// SPDX-License-Identifier: GPL-2.0
/* dgram FAMILY SIZE - cost of a datagram of that many bytes, sent and received. */
#include "bench.h"

#define DATAGRAMS 1000

static char buf[65536];
static int size, to, from;

static double run(void *arg)
{
	double start = bench_now();

	(void)arg;
	for (int i = 0; i < DATAGRAMS; i++)
		if (send(to, buf, size, 0) != size || recv(from, buf, sizeof(buf), 0) != size)
			err(1, "datagram");
	return bench_now() - start;
}

int main(int argc, char **argv)
{
	struct bench_addr a = bench_addr(2, argv);

	size = argc == 3 ? atoi(argv[2]) : 0;
	if (size < 1 || size > 60000)
		errx(2, "usage: %s FAMILY SIZE", argv[0]);
	to = socket(a.family, SOCK_DGRAM, 0);
	from = socket(a.family, SOCK_DGRAM, 0);
	if (to < 0 || from < 0 || bind(from, &a.sa, a.len) || connect(to, &a.sa, a.len))
		err(1, "socket");
	bench_report(run, NULL, DATAGRAMS);
	return 0;
}
