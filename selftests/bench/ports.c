// SPDX-License-Identifier: GPL-2.0
/* ports FAMILY - cost of connect() when other sockets hold 20 000 of the 28 232 ephemeral ports. */
#include <signal.h>
#include "bench.h"

#define PORTS	 20000
#define FIRST	 32768
#define CONNECTS 50

static double run(void *arg)
{
	double took = 0, start;

	for (int i = 0; i < CONNECTS; i++) {
		struct bench_addr *a = arg;
		int fd = socket(a->family, SOCK_STREAM, 0);
		struct linger now = { 1, 0 };

		start = bench_now();
		if (connect(fd, &a->sa, a->len))
			err(1, "connect");
		took += bench_now() - start;
		/* Leaves no TIME-WAIT, which would hold a port, too. */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd);
	}
	return took;
}

int main(int argc, char **argv)
{
	struct rlimit files = { PORTS + 1000, PORTS + 1000 };
	struct bench_addr a = bench_addr(argc, argv), held = a;
	pid_t server;
	int door;

	if (setrlimit(RLIMIT_NOFILE, &files))
		err(1, "setrlimit");
	for (int i = 0; i < PORTS; i++) {
		int fd = socket(a.family, SOCK_STREAM, 0);

		held.in.sin_port = htons(FIRST + i);
		if (fd < 0 || bind(fd, &held.sa, held.len))
			err(1, "bind");
	}
	door = bench_listen(&a);
	server = fork();
	if (!server)
		for (;;)
			close(bench_accept(door));
	bench_report(run, &a, CONNECTS);
	kill(server, SIGTERM);
	return 0;
}
