// SPDX-License-Identifier: GPL-2.0
/*
 * idle FAMILY - memory of one end of a connection that says nothing: what all
 * slab caches of the kernel grew by, a thousand connections long.
 */
#include "bench.h"

#define CONNECTIONS 1000

/* Bytes in use in every slab cache. Wants root. */
static double slab_bytes(void)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	unsigned long objects, size;
	double sum = 0;
	char line[512];

	if (!f)
		err(1, "/proc/slabinfo");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %lu %*u %lu", &objects, &size) == 2)
			sum += (double)objects * size;
	fclose(f);
	return sum;
}

int main(int argc, char **argv)
{
	struct rlimit files = { 4096, 4096 };
	struct bench_addr a = bench_addr(argc, argv);
	int door = bench_listen(&a);
	double before;

	if (setrlimit(RLIMIT_NOFILE, &files))
		err(1, "setrlimit");
	/* The first of each kind pay for what is made once. */
	for (int i = 0; i < 100; i++) {
		bench_connect(&a);
		bench_accept(door);
	}
	before = slab_bytes();
	for (int i = 0; i < CONNECTIONS; i++) {
		bench_connect(&a);
		bench_accept(door);
	}
	printf("%.0f\n", (slab_bytes() - before) / (2 * CONNECTIONS));
	return 0;
}
