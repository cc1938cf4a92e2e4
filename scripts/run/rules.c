// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/yoke.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rules.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

/* One thing that --except names: a side, a range of ports, or a range of addresses. */
struct rule {
	enum { SIDE, PORT, ADDR } kind;
	uint32_t first, last;		/* in the host's order; of a side its call */
};

static struct rule rules[256];
static unsigned int n_rules;

static int parameter(const char *name, int otherwise)
{
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/yoke/parameters/%s", name);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%d", &otherwise) != 1)
			fprintf(stderr, "yoke-run: %s holds no number\n", path);
		fclose(f);
	}
	return otherwise;
}

int rules_family(void)
{
	static int family;

	if (!family)
		family = parameter("family", AF_YOKE);
	return family;
}

static bool parse_number(const char *text, uint32_t max, uint32_t *number)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*number = n;
	return *text >= '0' && *text <= '9' && !*end && n <= max;
}

static bool parse(char *word, struct rule *rule)
{
	char *cut;
	struct in_addr addr;
	uint32_t bits = 32, mask;

	if (!strcmp(word, "listen") || !strcmp(word, "connect")) {
		rule->kind = SIDE;
		rule->first = *word == 'l' ? RULES_LISTEN : RULES_CONNECT;
		return true;
	}
	if (!strchr(word, '.')) {
		rule->kind = PORT;
		cut = strchr(word, '-');
		if (cut)
			*cut++ = 0;
		return parse_number(word, 65535, &rule->first) &&
		       parse_number(cut ? cut : word, 65535, &rule->last) &&
		       rule->first && rule->first <= rule->last;
	}
	rule->kind = ADDR;
	cut = strchr(word, '/');
	if (cut)
		*cut++ = 0;
	if (inet_pton(AF_INET, word, &addr) != 1 || (cut && !parse_number(cut, 32, &bits)))
		return false;
	mask = bits ? ~0U << (32 - bits) : 0;
	rule->first = ntohl(addr.s_addr) & mask;
	rule->last = rule->first | ~mask;
	return true;
}

bool rules_add(const char *text)
{
	unsigned int n = n_rules;
	char *copy = strdup(text), *rest = copy, *word;
	bool good = copy && *copy;

	while (good && (word = strsep(&rest, ",")))
		good = n < sizeof(rules) / sizeof(*rules) && parse(word, &rules[n++]);
	free(copy);
	if (good)
		n_rules = n;
	return good;
}

bool rules_any(void)
{
	return n_rules;
}

bool rules_move(int domain, int type, int protocol, bool datagrams, const char **why)
{
	*why = NULL;
	switch (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) {
	case SOCK_STREAM:
		if (protocol && protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP)
			return false;
		break;
	case SOCK_DGRAM:
		if (!datagrams || (protocol && protocol != IPPROTO_UDP))
			return false;
		break;
	default:
		return false;
	}
	if (domain == AF_INET6)
		*why = "an AF_INET6 socket is left as it is: Yoke speaks IPv4";
	return domain == AF_INET;
}

bool rules_except(enum rules_call call, const struct sockaddr_in *addr)
{
	uint32_t port = 0, ip = 0;
	bool inet = addr && addr->sin_family == AF_INET;

	if (addr && !inet)
		return false;
	if (inet) {
		port = ntohs(addr->sin_port);
		ip = ntohl(addr->sin_addr.s_addr);
	}
	for (unsigned int i = 0; i < n_rules; i++) {
		const struct rule *rule = &rules[i];

		if (rule->kind == SIDE ? rule->first == call :
		    inet && (rule->kind == PORT ? rule->first <= port && port <= rule->last :
						  rule->first <= ip && ip <= rule->last))
			return true;
	}
	return false;
}

/* What a program may have set before it binds or connects. */
static const struct { int level, name; } options[] = {
	{ SOL_SOCKET, SO_REUSEADDR }, { SOL_SOCKET, SO_REUSEPORT }, { SOL_SOCKET, SO_KEEPALIVE },
	{ SOL_SOCKET, SO_LINGER }, { SOL_SOCKET, SO_BROADCAST }, { SOL_SOCKET, SO_DONTROUTE },
	{ SOL_SOCKET, SO_OOBINLINE }, { SOL_SOCKET, SO_PRIORITY }, { SOL_SOCKET, SO_MARK },
	{ SOL_SOCKET, SO_RCVTIMEO }, { SOL_SOCKET, SO_SNDTIMEO }, { SOL_SOCKET, SO_RCVLOWAT },
	{ SOL_SOCKET, SO_SNDBUF }, { SOL_SOCKET, SO_RCVBUF }, { SOL_SOCKET, SO_BINDTODEVICE },
	{ SOL_SOCKET, SO_TIMESTAMP }, { SOL_SOCKET, SO_TIMESTAMPNS },
	{ SOL_SOCKET, SO_MAX_PACING_RATE }, { SOL_SOCKET, SO_ZEROCOPY },
	{ SOL_IP, IP_TOS }, { SOL_IP, IP_TTL }, { SOL_IP, IP_MTU_DISCOVER }, { SOL_IP, IP_RECVERR },
	{ SOL_IP, IP_PKTINFO }, { SOL_IP, IP_FREEBIND }, { SOL_IP, IP_TRANSPARENT },
	{ SOL_IP, IP_BIND_ADDRESS_NO_PORT }, { SOL_IP, IP_RECVTOS }, { SOL_IP, IP_RECVTTL },
	{ SOL_IP, IP_MULTICAST_TTL }, { SOL_IP, IP_MULTICAST_LOOP },
	{ SOL_TCP, TCP_NODELAY }, { SOL_TCP, TCP_CORK }, { SOL_TCP, TCP_MAXSEG },
	{ SOL_TCP, TCP_KEEPIDLE }, { SOL_TCP, TCP_KEEPINTVL }, { SOL_TCP, TCP_KEEPCNT },
	{ SOL_TCP, TCP_SYNCNT }, { SOL_TCP, TCP_LINGER2 }, { SOL_TCP, TCP_DEFER_ACCEPT },
	{ SOL_TCP, TCP_WINDOW_CLAMP }, { SOL_TCP, TCP_USER_TIMEOUT }, { SOL_TCP, TCP_FASTOPEN },
	{ SOL_TCP, TCP_FASTOPEN_CONNECT }, { SOL_TCP, TCP_NOTSENT_LOWAT },
	{ SOL_TCP, TCP_CONGESTION },
};

/* The program's choice is what differs from a socket that nobody has touched. */
static void copy_options(int twin, int fd, int untouched)
{
	for (unsigned int i = 0; i < sizeof(options) / sizeof(*options); i++) {
		int level = options[i].level, name = options[i].name;
		char is[64] = "", was[64] = "";
		socklen_t len = sizeof(is), len_was = sizeof(was);

		if (getsockopt(fd, level, name, is, &len) ||
		    getsockopt(untouched, level, name, was, &len_was) ||
		    (len == len_was && !memcmp(is, was, len)))
			continue;
		if (level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_RCVBUF))
			*(int *)is /= 2;	/* the kernel doubles what it is told */
		setsockopt(twin, level, name, is, len);
	}
}

int rules_twin(int fd)
{
	struct sockaddr_in addr = {};
	socklen_t len = sizeof(int);
	int protocol, type, untouched, twin, err;

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
		return -1;
	if (protocol != parameter("stream_proto", IPPROTO_YOKE_STREAM) &&
	    protocol != parameter("dgram_proto", IPPROTO_YOKE_DGRAM)) {
		errno = ENOTSOCK;
		return -1;
	}
	if (fcntl(fd, F_GETFL) & O_NONBLOCK)
		type |= SOCK_NONBLOCK;
	/* By number: the names may be preload.c's. */
	twin = syscall(SYS_socket, AF_INET, type | SOCK_CLOEXEC, 0);
	if (twin < 0)
		return -1;
	untouched = syscall(SYS_socket, rules_family(), type | SOCK_CLOEXEC, 0);
	if (untouched >= 0) {
		copy_options(twin, fd, untouched);
		close(untouched);
	}
	len = sizeof(addr);
	if (!getsockname(fd, (void *)&addr, &len) && (addr.sin_port || addr.sin_addr.s_addr) &&
	    syscall(SYS_bind, twin, &addr, sizeof(addr))) {
		err = errno;
		close(twin);
		errno = err;
		return -1;
	}
	return twin;
}

void rules_watchers(pid_t pid, int fd, void (*found)(int epoll, struct epoll_event *event))
{
	struct epoll_event event;
	char path[320], line[256];
	struct dirent *entry;
	unsigned int events;
	unsigned long long data;
	int watched;
	DIR *dir;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", pid, entry->d_name);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f)) {
			if (sscanf(line, "tfd: %d events: %x data: %llx", &watched, &events, &data) != 3 ||
			    watched != fd)
				continue;
			event = (struct epoll_event){ .events = events, .data.u64 = data };
			found(atoi(entry->d_name), &event);
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
}
