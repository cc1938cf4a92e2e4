// SPDX-License-Identifier: GPL-2.0
/*
 * server ADDRESS PORT GUESTS - one listening socket, many connections.
 *
 * Each connection gets a process, which numbers every line it hears and says
 * it back. A guest who has said all shuts its half of the connection; the
 * server shuts its half of each when the last guest has. The same port number,
 * as a datagram socket, sends postcards back.
 */
#include <signal.h>

#include "demo.h"

/* Of this pipe nothing is read but its end: every guest has said goodbye. */
static int farewell[2];

static void attend(int conn)
{
	FILE *in = demo_lines(conn, "r"), *out = demo_lines(dup(conn), "w");
	char *line = NULL, none;
	size_t size = 0;
	int n = 0;

	while (getline(&line, &size, in) > 0)
		fprintf(out, "%d. %s", ++n, line);
	if (ferror(in))
		err(1, "server: read");
	close(farewell[1]);
	if (read(farewell[0], &none, 1))
		err(1, "server: pipe");
}

static void send_postcards_back(int box)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char card[64];
	ssize_t n;

	while ((n = recvfrom(box, card, sizeof(card), 0, (void *)&from, &len)) >= 0)
		sendto(box, card, n, 0, (void *)&from, len);
	err(1, "server: recvfrom");
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr;
	int door, box, guests;
	pid_t postman;

	if (argc != 4)
		errx(2, "usage: server ADDRESS PORT GUESTS");
	addr = demo_addr(argv[1], argv[2]);
	guests = atoi(argv[3]);

	box = demo_socket(SOCK_DGRAM);
	if (bind(box, (void *)&addr, sizeof(addr)))
		err(1, "server: datagram port %s", argv[2]);
	postman = fork();
	if (!postman)
		send_postcards_back(box);
	close(box);

	door = demo_socket(SOCK_STREAM);
	if (bind(door, (void *)&addr, sizeof(addr)) || listen(door, guests))
		err(1, "server: stream port %s", argv[2]);
	if (pipe(farewell))
		err(1, "server: pipe");

	for (int i = 0; i < guests; i++) {
		int conn = accept(door, NULL, NULL);

		if (conn < 0)
			err(1, "server: accept");
		if (!fork()) {
			close(door);
			attend(conn);
			return 0;
		}
		close(conn);
	}

	close(farewell[1]);
	for (int i = 0; i < guests; i++)
		wait(NULL);
	kill(postman, SIGTERM);
	return 0;
}
