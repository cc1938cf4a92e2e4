/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which sockets are moved to Yoke, and which of these are moved back once it is known where they
 * lead. What the supervisor (yoke-run.c) and the preloaded object (preload.c) share.
 */
#ifndef RULES_H
#define RULES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/epoll.h>

enum rules_call { RULES_BIND, RULES_CONNECT, RULES_LISTEN };

/* The module's parameters say what its numbers are; else linux/yoke.h. */
int rules_family(void);

/* Adds what --except says; false, with nothing added, when it makes no sense. */
bool rules_add(const char *text);
bool rules_any(void);

/* Is this a socket for Yoke? And the protocol that makes Yoke's one of that domain. */
bool rules_move(int domain, int type, int protocol, bool datagrams);
int rules_protocol(int domain);

union rules_addr {
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Does a rule keep from Yoke what is about to make this call? addr is NULL for listen(). */
bool rules_except(enum rules_call call, const union rules_addr *addr);

/*
 * A TCP or UDP socket that can take the place of the Yoke socket fd: with its options and its
 * address. -1 and errno: ENOTSOCK when fd is none of Yoke's, and whatever bind() says.
 */
int rules_twin(int fd);

/*
 * An epoll instance loses what is replaced: calls back for each of the process's that watches the
 * number fd, to have it watch what stands there now. To be called while the old socket still lives.
 */
void rules_watchers(pid_t pid, int fd, void (*found)(int epoll, struct epoll_event *event));

#endif
