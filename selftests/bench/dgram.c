// SPDX-License-Identifier: GPL-2.0
/*
 * dgram FAMILY SIZE [N] - cost of a datagram of that many bytes, sent and received, N with one call
 * (UDP_SEGMENT, UDP_GRO).
 */
#include <netinet/udp.h>

#include "bench.h"

#define DATAGRAMS 1000

static char buf[65536];
static int size, to, from;	/* size: of all that goes with a call */

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

	int each = argc > 2 ? atoi(argv[2]) : 0, n = argc > 3 ? atoi(argv[3]) : 1, one = 1;

	size = each * n;
	if (size < 1 || size > 65000)
		errx(2, "usage: %s FAMILY SIZE [N]", argv[0]);
	to = socket(a.family, SOCK_DGRAM, 0);
	from = socket(a.family, SOCK_DGRAM, 0);
	if (to < 0 || from < 0 || bind(from, &a.sa, a.len) || connect(to, &a.sa, a.len))
		err(1, "socket");
	if (n > 1 && (setsockopt(to, SOL_UDP, UDP_SEGMENT, &each, sizeof(each)) ||
		      setsockopt(from, SOL_UDP, UDP_GRO, &one, sizeof(one))))
		err(1, "UDP_SEGMENT, UDP_GRO");
	bench_report(run, NULL, DATAGRAMS * n);
	return 0;
}
