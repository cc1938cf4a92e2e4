// SPDX-License-Identifier: GPL-2.0
/*
 * synflood FAMILY - cost of a SYN that nobody follows up, its sending and the cookie that answers it.
 *
 * BENCH_TO is an address on a device that swallows what it is to send: the SYNs come from elsewhere
 * in its subnet, where the answers go.
 */
#include <netinet/ip.h>

#include "bench.h"

#define SYNS 2000

static struct {
	struct iphdr ip;
	struct tcphdr tcp;
} packet;

static uint32_t sum_of(const void *p, int words)
{
	const uint16_t *at = p;
	uint32_t sum = 0;

	while (words--)
		sum += *at++;
	return sum;
}

static uint16_t checksum(void)
{
	uint32_t sum = sum_of(&packet.ip.saddr, 4) + sum_of(&packet.tcp, sizeof(packet.tcp) / 2) +
		       htons(packet.ip.protocol) + htons(sizeof(packet.tcp));

	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

static double run(void *arg)
{
	const struct sockaddr_in dst = { .sin_family = AF_INET, .sin_addr = { packet.ip.daddr } };
	double start = bench_now();
	static uint32_t n;

	for (int i = 0; i < SYNS; i++, n++) {
		packet.ip.saddr = htonl((ntohl(packet.ip.daddr) & 0xffff0000) + 256 + n % 60000);
		packet.tcp.source = htons(1024 + n % 60001);
		packet.tcp.seq = htonl(n * 2654435761u);
		packet.tcp.check = 0;
		packet.tcp.check = checksum();
		if (sendto(*(int *)arg, &packet, sizeof(packet), 0, (void *)&dst, sizeof(dst)) < 0)
			err(1, "sendto");
	}
	return bench_now() - start;
}

int main(int argc, char **argv)
{
	struct bench_addr a = bench_addr(argc, argv);
	int wire = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

	if (a.family == AF_UNIX)	/* knows no SYN */
		return 0;
	if (wire < 0)
		err(1, "raw socket");
	listen(bench_listen(&a), 8);
	packet.ip = (struct iphdr){
		.version = 4, .ihl = 5, .ttl = 64, .daddr = a.in.sin_addr.s_addr,
		.protocol = a.family == AF_YOKE ? IPPROTO_YOKE_STREAM : IPPROTO_TCP,
	};
	packet.tcp = (struct tcphdr){ .dest = a.in.sin_port, .doff = 5, .syn = 1, .window = 65535 };
	bench_report(run, &wire, SYNS);
	return 0;
}
