// SPDX-License-Identifier: GPL-2.0
/*
 * synflood FAMILY - cost of a SYN that nobody follows up: of the look-ups, and the cookie that answers
 * it. What as many cost whose checksum is wrong, their sending above all, is taken off.
 *
 * The SYNs come from 198.18.0.0/16; BENCH_TO is an address of this host. The answers should go by a
 * router, as those of a flood do, on a device that swallows them.
 */
#include "../wire.h"
#include "bench.h"

#define SYNS 2000

static struct {
	struct iphdr ip;
	struct tcphdr tcp;
} packet;

static uint16_t checksum(void)
{
	uint32_t pseudo = add_up(&packet.ip.saddr, 8, packet.ip.protocol + sizeof(packet.tcp));

	return folded(add_up(&packet.tcp, sizeof(packet.tcp), pseudo));
}

static double send_syns(int fd, bool good)
{
	const struct sockaddr_in dst = { .sin_family = AF_INET, .sin_addr = { packet.ip.daddr } };
	double start = bench_now();
	static uint32_t n;

	for (int i = 0; i < SYNS; i++, n++) {
		packet.ip.saddr = htonl(0xc6120100 + n % 60000);
		packet.tcp.source = htons(1024 + n % 60001);
		packet.tcp.seq = htonl(n * 2654435761u);
		packet.tcp.check = 0;
		packet.tcp.check = checksum() ^ (good ? 0 : 0xff);
		if (sendto(fd, &packet, sizeof(packet), 0, (void *)&dst, sizeof(dst)) < 0)
			err(1, "sendto");
	}
	return bench_now() - start;
}

static double run(void *arg)
{
	int fd = *(int *)arg;
	double took = send_syns(fd, true);

	return took - send_syns(fd, false);
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
