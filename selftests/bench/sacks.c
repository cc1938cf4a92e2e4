// SPDX-License-Identifier: GPL-2.0
/*
 * sacks FAMILY - cost of a dear ACK: a peer, that takes small segments, has SACKed every other one of
 * very many, and now each of its blocks names one at the other end of them all.
 */
#include "../peer.h"
#include "bench.h"

#define MSS	100
#define SEGS	10000
#define SNDBUF	(64 << 20)
#define ACKS	200

static struct them them;
static uint32_t start;		/* SND.UNA */

/* An ACK of nothing but three segments. */
static void sack(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t o[] = { htonl(0x0101051a), htonl(a), htonl(a + MSS), htonl(b), htonl(b + MSS),
			 htonl(c), htonl(c + MSS) };

	them.rcv = start;
	acknowledge(&them, o, sizeof(o));
	sched_yield();		/* to ksoftirqd, if that has it */
	hear(&them);
}

static double run(__attribute__((unused)) void *arg)
{
	double begin = bench_now();
	uint32_t i, at;

	for (i = 0; i < ACKS; i++) {
		at = start + MSS * (1 + 2 * i);
		sack(at + MSS * SEGS / 4, at + MSS * SEGS * 3 / 4, at + MSS * SEGS / 2);
	}
	return bench_now() - begin;
}

int main(int argc, char **argv)
{
	struct bench_addr a = bench_addr(argc, argv);
	static char data[MSS * SEGS];
	int listening, fd, size = SNDBUF;
	uint32_t at;

	if (a.family == AF_UNIX)	/* sends no ACKs */
		return 0;
	setenv("YOKE_ORACLE", a.family == AF_YOKE ? "0" : "1", 1);
	new_net();
	listening = listener(ANY, PORT, 1);
	them = meet(stretch_a_wire(OURS), 5000, MSS, 65535, 7);
	start = them.rcv;
	fd = must(accept(listening, NULL, NULL));
	must(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)));
	/* What is in flight at once grows with what is acknowledged. */
	for (;; start += sizeof(data)) {
		must(send(fd, data, sizeof(data), 0));
		hear(&them);
		if (them.last - start == sizeof(data))
			break;
		must_hold(until(hear_out(&them, start + sizeof(data))));
	}
	for (at = them.last - MSS; at - start > 6 * MSS; at -= 6 * MSS)
		sack(at, at - 2 * MSS, at - 4 * MSS);
	bench_report(run, NULL, ACKS);
	return 0;
}
