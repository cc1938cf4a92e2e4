/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the demo programs share: how they make a socket and name an address.
 * With YOKE_ORACLE=1 they speak the host's own TCP and UDP, for comparison.
 */
#ifndef DEMO_H
#define DEMO_H

#include <arpa/inet.h>
#include <err.h>
#include <linux/yoke.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static inline int demo_socket(int type)
{
	const char *oracle = getenv("YOKE_ORACLE");
	int fd = socket(oracle && *oracle == '1' ? AF_INET : AF_YOKE, type, 0);

	if (fd < 0)
		err(1, "socket: is yoke.ko loaded?");
	return fd;
}

static inline struct sockaddr_in demo_addr(const char *ip, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };

	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		errx(1, "%s is not an IPv4 address", ip);
	return a;
}

/* A stream to read and write a line at a time, each line sent at once. */
static inline FILE *demo_lines(int fd, const char *mode)
{
	FILE *f = fdopen(fd, mode);
	int one = 1;

	if (!f || setvbuf(f, NULL, _IOLBF, BUFSIZ))
		err(1, "fdopen");
	setsockopt(fd, SOL_TCP, TCP_NODELAY, &one, sizeof(one));
	return f;
}

#endif
