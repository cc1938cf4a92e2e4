// SPDX-License-Identifier: GPL-2.0
/*
 * What a connection achieves on a path; scripts/recovery makes the paths.
 *
 *	path FAMILY sink			takes what comes to port 1981, for ever
 *	path FAMILY bulk ADDR SECONDS [trace]	sends as much as it can: "goodput" in bytes a second of
 *						what was acknowledged; trace: its cwnd all the while
 *	path FAMILY short ADDR BYTES COUNT	so many flows, one after the other: "took" milliseconds
 *						each from connect() until the other end has closed
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include "bench.h"

#define SAMPLE_NS	5e6

static char buf[65536];

static void sink(const struct bench_addr *a)
{
	int door = bench_listen(a);

	signal(SIGCHLD, SIG_IGN);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int fd = bench_accept(door);

		if (!fork()) {
			close(door);
			while (read(fd, buf, sizeof(buf)) > 0)
				;
			exit(0);
		}
		close(fd);
	}
}

static unsigned int cwnd(int fd)
{
	struct tcp_info i = { 0 };
	socklen_t len = sizeof(i);

	if (getsockopt(fd, SOL_TCP, TCP_INFO, &i, &len))
		err(1, "TCP_INFO");
	return i.tcpi_snd_cwnd;
}

static void bulk(const struct bench_addr *a, double seconds, int trace)
{
	int fd = bench_connect(a);
	double start = bench_now(), end = start + seconds * 1e9, next = start, now;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	ssize_t sent = 0, n;
	int queued;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((now = bench_now()) < end) {
		if (poll(&p, 1, 5) > 0) {
			n = write(fd, buf, sizeof(buf));
			if (n < 0)
				err(1, "write");
			sent += n;
		}
		if (trace && now >= next) {
			printf("cwnd %.3f %u\n", (now - start) / 1e9, cwnd(fd));
			next += SAMPLE_NS;
		}
	}
	if (ioctl(fd, SIOCOUTQ, &queued))
		err(1, "SIOCOUTQ");
	printf("goodput %.0f\n", (sent - queued) / seconds);
}

static void brief(const struct bench_addr *a, size_t bytes, int count)
{
	while (count--) {
		double start = bench_now();
		int fd = bench_connect(a);

		for (size_t left = bytes; left; ) {
			ssize_t n = write(fd, buf, left < sizeof(buf) ? left : sizeof(buf));

			if (n < 0)
				err(1, "write");
			left -= n;
		}
		shutdown(fd, SHUT_WR);
		if (read(fd, buf, 1))
			err(1, "read");
		close(fd);
		printf("took %.3f\n", (bench_now() - start) / 1e6);
	}
}

int main(int argc, char **argv)
{
	struct bench_addr a = bench_addr(2, argv);
	const char *what = argc > 2 ? argv[2] : "";

	if (argc == 3 && !strcmp(what, "sink")) {
		a.in.sin_addr.s_addr = htonl(INADDR_ANY);
		sink(&a);
	}
	if (argc < 5 || inet_pton(AF_INET, argv[3], &a.in.sin_addr) != 1)
		errx(2, "usage: see %s", __FILE__);
	if (!strcmp(what, "bulk"))
		bulk(&a, atof(argv[4]), argc > 5);
	else if (!strcmp(what, "short") && argc == 6)
		brief(&a, atol(argv[4]), atoi(argv[5]));
	else
		errx(2, "usage: see %s", __FILE__);
	return 0;
}
