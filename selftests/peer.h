/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A peer on the wire, played by a test: it opens a connection to PORT and says and hears what the
 * test wants, segment by segment.
 */
#ifndef PEER_H
#define PEER_H

#include "wire.h"
#include <stddef.h>

#define PORT 1000

struct them {
	int wire;
	uint16_t ours, theirs;		/* ports */
	uint32_t snd, rcv;		/* their next byte, and the next that they want */
	uint32_t una, last;		/* what was acknowledged of theirs, and the last that came */
	uint16_t window;		/* that they offer */
	uint32_t label;			/* of their flow, over IPv6 */
};

static inline void say(struct them *t, struct tcphdr h, const void *options, size_t olen, const void *data,
		size_t len)
{
	struct packet p;

	h.source = htons(t->theirs);
	h.dest = htons(t->ours);
	h.window = htons(t->window);
	h.doff = (sizeof(h) + olen) / 4;
	begin(&p, ipv6() ? 6 : 4, protocol(true));
	if (ipv6())
		((struct ip6_hdr *)p.b)->ip6_flow |= htonl(t->label);
	else
		((struct iphdr *)p.b)->frag_off = htons(IP_DF);
	append(&p, &h, sizeof(h));
	append(&p, options, olen);
	append(&p, data, len);
	sum_up(&p, protocol(true), offsetof(struct tcphdr, check));
	finish_ip(&p);
	must(write(t->wire, p.b, p.len));
}

static inline void acknowledge(struct them *t, const void *options, size_t olen)
{
	say(t, (struct tcphdr){ .seq = htonl(t->snd), .ack_seq = htonl(t->rcv), .ack = 1 }, options, olen,
	    NULL, 0);
}

static inline void reset(struct them *t)
{
	say(t, (struct tcphdr){ .seq = htonl(t->snd), .rst = 1 }, NULL, 0, NULL, 0);
}

static inline void say_data(struct them *t, uint32_t seq, const void *data, size_t len)
{
	say(t, (struct tcphdr){ .seq = htonl(seq), .ack_seq = htonl(t->rcv), .ack = 1, .psh = 1 }, NULL, 0,
	    data, len);
}

static inline uint32_t end_of(struct packet *p)
{
	struct tcphdr *h = tcp(p);

	return ntohl(h->seq) + h->syn + h->fin + (p->len - p->ip - h->doff * 4);
}

/* The next segment that is there by now, for whomever. */
static inline bool hear_any(int wire, struct packet *p)
{
	while (take(wire, p))
		if (is_segment(p))
			return true;
	return false;
}

static inline void learn(struct them *t, struct packet *p)
{
	if (tcp(p)->syn || (int32_t)(end_of(p) - t->last) > 0)
		t->last = end_of(p);
	if (tcp(p)->syn || ntohl(tcp(p)->seq) == t->rcv)
		t->rcv = end_of(p);
	t->una = ntohl(tcp(p)->ack_seq);
}

/* All for them that is there by now; is there any? What is for others is lost. */
static inline bool hear(struct them *t)
{
	struct packet p;
	bool any = false;

	while (hear_any(t->wire, &p))
		if (ntohs(tcp(&p)->dest) == t->theirs) {
			learn(t, &p);
			any = true;
		}
	return any;
}

/* They open a connection to PORT, without timestamps. */
static inline struct them meet(int wire, uint16_t theirs, uint16_t mss, uint16_t window, uint8_t scale)
{
	unsigned char o[] = { 2, 4, mss >> 8, mss, 1, 3, 3, scale, 4, 2, 1, 1 };
	struct them t = { .wire = wire, .ours = PORT, .theirs = theirs, .snd = 1000, .window = window };

	say(&t, (struct tcphdr){ .seq = htonl(t.snd++), .syn = 1 }, o, sizeof(o), NULL, 0);
	must_hold(until(hear(&t) && t.una == t.snd));
	acknowledge(&t, NULL, 0);
	return t;
}

/* They acknowledge what came in order by now; have they all up to @end? */
static inline bool hear_out(struct them *t, uint32_t end)
{
	hear(t);
	acknowledge(t, NULL, 0);
	return t->rcv == end;
}

#endif /* PEER_H */
