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
	struct in6_addr addr;		/* IPv4's are v4-mapped */
	unsigned int bits;
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

static struct in6_addr mapped(struct in_addr addr)
{
	return (struct in6_addr){ .s6_addr32 = { 0, 0, htonl(0xffff), addr.s_addr } };
}

static bool within(const struct in6_addr *addr, const struct rule *rule)
{
	for (unsigned int bit = 0; bit < rule->bits; bit++)
		if ((addr->s6_addr[bit / 8] ^ rule->addr.s6_addr[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static bool parse(char *word, struct rule *rule)
{
	char *cut;
	struct in_addr addr;
	bool v6 = strchr(word, ':');
	uint32_t bits = v6 ? 128 : 32;

	if (!strcmp(word, "listen") || !strcmp(word, "connect")) {
		rule->kind = SIDE;
		rule->first = *word == 'l' ? RULES_LISTEN : RULES_CONNECT;
		return true;
	}
	if (!v6 && !strchr(word, '.')) {
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
	if (cut && !parse_number(cut, bits, &bits))
		return false;
	rule->bits = bits;
	if (v6)
		return inet_pton(AF_INET6, word, &rule->addr) == 1;
	if (inet_pton(AF_INET, word, &addr) != 1)
		return false;
	rule->bits += 96;
	rule->addr = mapped(addr);
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

int rules_protocol(int domain)
{
	return domain == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

bool rules_move(int domain, int type, int protocol, bool datagrams)
{
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
	return domain == AF_INET || domain == AF_INET6;
}

bool rules_except(enum rules_call call, const union rules_addr *addr)
{
	struct in6_addr ip = {};
	uint32_t port = 0;

	if (addr && addr->in.sin_family == AF_INET)
		ip = mapped(addr->in.sin_addr);
	else if (addr && addr->in.sin_family == AF_INET6)
		ip = addr->in6.sin6_addr;
	else if (addr)
		return false;
	if (addr)
		port = ntohs(addr->in.sin_port);	/* in both at the same place */
	for (unsigned int i = 0; i < n_rules; i++) {
		const struct rule *rule = &rules[i];

		if (rule->kind == SIDE ? rule->first == call :
		    addr && (rule->kind == PORT ? rule->first <= port && port <= rule->last :
						  within(&ip, rule)))
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
	{ SOL_IPV6, IPV6_V6ONLY }, { SOL_IPV6, IPV6_TCLASS }, { SOL_IPV6, IPV6_UNICAST_HOPS },
	{ SOL_IPV6, IPV6_MULTICAST_HOPS }, { SOL_IPV6, IPV6_MULTICAST_LOOP },
	{ SOL_IPV6, IPV6_MTU_DISCOVER }, { SOL_IPV6, IPV6_RECVERR }, { SOL_IPV6, IPV6_RECVPKTINFO },
	{ SOL_IPV6, IPV6_RECVTCLASS }, { SOL_IPV6, IPV6_RECVHOPLIMIT },
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
	union rules_addr addr = {}, none = {};
	socklen_t len = sizeof(int);
	int protocol, type, domain, untouched, twin, err;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) ||
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
	twin = syscall(SYS_socket, domain, type | SOCK_CLOEXEC, 0);
	if (twin < 0)
		return -1;
	untouched = syscall(SYS_socket, rules_family(), type | SOCK_CLOEXEC, rules_protocol(domain));
	if (untouched >= 0) {
		copy_options(twin, fd, untouched);
		close(untouched);
	}
	len = sizeof(addr);
	none.in.sin_family = domain;
	if (!getsockname(fd, (void *)&addr, &len) && memcmp(&addr, &none, sizeof(none)) &&
	    syscall(SYS_bind, twin, &addr, len)) {
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
