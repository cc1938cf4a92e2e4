// SPDX-License-Identifier: GPL-2.0
/*
 * client ADDRESS PORT - says each line of its input, prints each answer.
 *
 * At the end of input it says goodbye by shutting its half of the connection,
 * and listens on until the server has said goodbye too.
 */
#include "demo.h"

int main(int argc, char **argv)
{
	struct sockaddr_in addr;
	char *line = NULL;
	size_t size = 0;
	FILE *in, *out;
	int fd;

	if (argc != 3)
		errx(2, "usage: client ADDRESS PORT");
	addr = demo_addr(argv[1], argv[2]);

	fd = demo_socket(SOCK_STREAM);
	if (connect(fd, (void *)&addr, sizeof(addr)))
		err(1, "client: connect");
	in = demo_lines(fd, "r");
	out = demo_lines(dup(fd), "w");

	if (fork()) {
		while (getline(&line, &size, stdin) > 0)
			fputs(line, out);
		shutdown(fd, SHUT_WR);
		wait(NULL);
		return 0;
	}
	while (getline(&line, &size, in) > 0)
		if (printf("%s", line) < 0 || fflush(stdout))
			err(1, "client: stdout");
	return ferror(in) ? 1 : 0;
}
