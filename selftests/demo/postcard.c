// SPDX-License-Identifier: GPL-2.0
/*
 * postcard ADDRESS PORT COUNT - sends numbered datagrams, one after the other,
 * and says which came back. A lost one stays lost: that is the lesson.
 */
#include <string.h>

#include "demo.h"

int main(int argc, char **argv)
{
	struct timeval patience = { .tv_usec = 300000 };
	struct sockaddr_in addr;
	char card[32], back[32];
	int fd, count, came = 0;

	if (argc != 4)
		errx(2, "usage: postcard ADDRESS PORT COUNT");
	addr = demo_addr(argv[1], argv[2]);
	count = atoi(argv[3]);

	fd = demo_socket(SOCK_DGRAM);
	if (connect(fd, (void *)&addr, sizeof(addr)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		err(1, "postcard");

	for (int i = 1; i <= count; i++) {
		snprintf(card, sizeof(card), "postcard %d", i);
		if (send(fd, card, sizeof(card), 0) < 0)
			err(1, "postcard: send");
		/* The link may hold one back until the next has passed it. */
		while (recv(fd, back, sizeof(back), 0) == sizeof(back)) {
			printf("%s ", back + strlen("postcard "));
			came++;
			if (!strcmp(card, back))
				break;
		}
	}
	printf(": %d of %d came back\n", came, count);
	return 0;
}
