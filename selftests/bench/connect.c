// SPDX-License-Identifier: GPL-2.0
/*
 * connect FAMILY - cost of a connection: connect, ask, be answered, close.
 */
#include <signal.h>

#include "bench.h"

#define CONNECTIONS 200

static void serve(int door)
{
	char c;

	for (;;) {
		int fd = bench_accept(door);

		if (read(fd, &c, 1) != 1 || write(fd, &c, 1) != 1)
			err(1, "serve");
		close(fd);
	}
}

static double run(void *arg)
{
	double start = bench_now();
	char c = 0;

	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = bench_connect(arg);

		if (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1)
			err(1, "ask");
		if (read(fd, &c, 1))
			err(1, "end");
		close(fd);
	}
	return bench_now() - start;
}

int main(int argc, char **argv)
{
	struct bench_addr a = bench_addr(argc, argv);
	int door = bench_listen(&a);
	pid_t server = fork();

	if (!server)
		serve(door);
	bench_report(run, &a, CONNECTIONS);
	kill(server, SIGTERM);
	wait(NULL);
	return 0;
}
