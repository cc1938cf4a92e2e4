// SPDX-License-Identifier: GPL-2.0
/*
 * accept FAMILY THREADS - cost of a connection that is accepted and closed, where each of THREADS
 * accepts at a listener of its own (SO_REUSEPORT), and as many ask.
 */
#include <pthread.h>
#include <signal.h>

#include "bench.h"

#define CONNECTIONS 1000	/* of each that asks */

static struct bench_addr addr;
static int threads;

static void *serve(void *door)
{
	for (;;)
		close(bench_accept((long)door));
	return NULL;
}

static void *ask(void *unused)
{
	char c;

	(void)unused;
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = bench_connect(&addr);

		if (read(fd, &c, 1))
			err(1, "end");
		close(fd);
	}
	return NULL;
}

static double run(void *unused)
{
	double start = bench_now();
	pthread_t asking[threads];

	(void)unused;
	for (int i = 0; i < threads; i++)
		if (pthread_create(&asking[i], NULL, ask, NULL))
			errx(1, "no thread");
	for (int i = 0; i < threads; i++)
		pthread_join(asking[i], NULL);
	return bench_now() - start;
}

int main(int argc, char **argv)
{
	pthread_t serving;
	pid_t server;
	int doors[16];

	addr = bench_addr(2, argv);
	threads = argc > 2 ? atoi(argv[2]) : 1;
	if (threads < 1 || threads > 16)
		errx(2, "1 to 16 threads");
	for (int i = 0; i < threads; i++)
		doors[i] = bench_door(&addr, 1);
	server = fork();
	if (!server) {
		for (int i = 0; i < threads; i++)
			if (pthread_create(&serving, NULL, serve, (void *)(long)doors[i]))
				errx(1, "no thread");
		pause();
	}
	for (int i = 0; i < threads; i++)
		close(doors[i]);
	bench_report(run, NULL, (double)threads * CONNECTIONS);
	kill(server, SIGTERM);
	wait(NULL);
	return 0;
}
