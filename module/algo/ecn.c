// SPDX-License-Identifier: GPL-2.0
/*
 * Explicit congestion notification: a router marks a packet instead of dropping it, the receiver
 * echoes the mark (classic ECN) or counts the marks (AccECN), the sender reduces its window.
 *
 * Owns: struct yoke_ecn. Caller holds the socket lock, or has a request's alone.
 * RFC 3168 §6.1 (ECN in TCP), RFC 9768 §3 (AccECN; all sections below are its, if not said otherwise).
 */
#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "opt.h"
#include "ecn.h"

#define CEP_INIT	5u		/* §3.2.1 */
#define ACE_MASK	7u
#define ACE_SHIFT	6
#define MASK24		0xffffffu

static inline unsigned int ace_of(u16 flags)
{
	return flags >> ACE_SHIFT & ACE_MASK;
}

/* Tables 2 and 3: how an ACE field tells an IP header's field. */
static const u8 shake_of_ip[] = {
	[YOKE_IP_NOT_ECT] = 2,
	[YOKE_IP_ECT1]	  = 3,
	[YOKE_IP_ECT0]	  = 4,
	[YOKE_IP_CE]	  = 6,
};

/* What net.yoke.ecn means, as net.ipv4.tcp_ecn does. */
static const struct {
	u8 in, out;
} settings[] = {
	{ YOKE_ECN_OFF,		YOKE_ECN_OFF },
	{ YOKE_ECN_CLASSIC,	YOKE_ECN_CLASSIC },
	{ YOKE_ECN_CLASSIC,	YOKE_ECN_OFF },
	{ YOKE_ECN_ACCURATE,	YOKE_ECN_ACCURATE },
	{ YOKE_ECN_ACCURATE,	YOKE_ECN_CLASSIC },
	{ YOKE_ECN_ACCURATE,	YOKE_ECN_OFF },
};

u8 yoke_ecn_incoming(u8 setting)
{
	return settings[min_t(unsigned int, setting, ARRAY_SIZE(settings) - 1)].in;
}

u8 yoke_ecn_outgoing(u8 setting)
{
	return settings[min_t(unsigned int, setting, ARRAY_SIZE(settings) - 1)].out;
}

void yoke_ecn_start(struct yoke_ecn *e, u8 mode)
{
	memset(e, 0, sizeof(*e));
	e->mode = mode;
	e->cep = CEP_INIT;
	e->told = CEP_INIT;
	e->s_cep = CEP_INIT;
	e->bytes[YOKE_IP_ECT1 - 1] = 1;
	e->bytes[YOKE_IP_ECT0 - 1] = 1;
	e->due = true;
	e->due_ce = true;		/* the handshake's option tests the path, §3.2.3.2.1 */
}

/* --- the handshake --- */

/* RFC 3168 §6.1.1.1 falls back at once, RFC 9768 §3.1.4.1 at the second repetition. */
u16 yoke_ecn_syn_flags(const struct yoke_ecn *e, u8 retries, bool fallback)
{
	if (e->mode == YOKE_ECN_ACCURATE)
		return fallback && retries > 1 ? 0 : YOKE_ACE;
	if (e->mode == YOKE_ECN_CLASSIC)
		return fallback && retries ? 0 : YOKE_ECE | YOKE_CWR;
	return 0;
}

/* §3.2.3.2.2: when it was lost twice, perhaps something does not like it. */
u16 yoke_ecn_synack_flags(u8 mode, u8 ip, u8 retries)
{
	if (mode == YOKE_ECN_ACCURATE)
		return retries > 1 ? 0 : shake_of_ip[ip & YOKE_IP_ECN] << ACE_SHIFT;
	return mode == YOKE_ECN_CLASSIC ? YOKE_ECE : 0;
}

void yoke_ecn_synack_option(u8 mode, u8 retries, struct yoke_opt *opt)
{
	if (mode != YOKE_ECN_ACCURATE || retries)
		return;
	opt->accecn = 1 + YOKE_OPT_ACCECN;
	opt->accecn_order = 0;
	opt->accecn_bytes[0] = 1;
	opt->accecn_bytes[1] = 0;
	opt->accecn_bytes[2] = 1;
}

u8 yoke_ecn_accept(u16 flags, u8 ip, u8 most, bool ect_ok)
{
	bool classic = (flags & YOKE_ACE) == (YOKE_ECE | YOKE_CWR);

	/* §3.1.3: whatever does not ask for classic ECN asks for this. */
	if (most == YOKE_ECN_ACCURATE && flags & YOKE_ACE && !classic)
		return YOKE_ECN_ACCURATE;
	/* RFC 3168 §6.1.1: both flags ask. */
	if ((flags & (YOKE_ECE | YOKE_CWR)) != (YOKE_ECE | YOKE_CWR))
		return YOKE_ECN_OFF;
	/* Its SYN must not be ECN-capable; one that is has met a strange middlebox. */
	if (ip != YOKE_IP_NOT_ECT && classic && !ect_ok)
		return YOKE_ECN_OFF;
	return min_t(u8, most, YOKE_ECN_CLASSIC);
}

bool yoke_ecn_conflict(u8 mode, u16 flags, u8 most)
{
	u16 asks = flags & YOKE_ACE;

	if (most != YOKE_ECN_ACCURATE || !asks)
		return false;
	if (mode == YOKE_ECN_ACCURATE)
		return asks == (YOKE_ECE | YOKE_CWR);
	return mode == YOKE_ECN_CLASSIC && asks != (YOKE_ECE | YOKE_CWR);
}

/*
 * §3.2.2.3: a packet that left with @sent and was found with what @ace tells has been tampered with,
 * but for a mark. Returns true if it was marked.
 */
static bool check_path(struct yoke_ecn *e, unsigned int ace, u8 sent)
{
	bool marked = ace == shake_of_ip[YOKE_IP_CE];

	if (ace != shake_of_ip[sent] && !(marked && sent != YOKE_IP_NOT_ECT))
		e->no_ect = true;
	return marked;
}

/* §3.2.3.2.4: counters that do not begin with zero must not arrive as zero. */
static void check_option(struct yoke_ecn *e, const struct yoke_opt *opt)
{
	if ((opt->accecn > 1 && !opt->accecn_bytes[0]) ||
	    (opt->accecn > 3 && !opt->accecn_bytes[2]))
		e->no_opt = true;
}

/* Table 2. */
static void accurate_answered(struct yoke_ecn *e, unsigned int ace, u8 sent_ip)
{
	switch (ace) {
	case 0:			/* no ECN */
	case 7:			/* reflected by a host that does not know it */
		e->mode = YOKE_ECN_OFF;
		return;
	case 1:
		e->mode = YOKE_ECN_CLASSIC;
		return;
	case 5:			/* reserved: as if the SYN had arrived as it was */
		break;
	default:
		check_path(e, ace, sent_ip);
	}
	e->shake = true;
}

void yoke_ecn_answered(struct yoke_ecn *e, u16 flags, u8 ip, bool synack, u8 sent_ip,
		       const struct yoke_opt *opt)
{
	e->syn_ip = ip;
	if (!synack) {
		e->mode = yoke_ecn_accept(flags, ip, e->mode, false);
	} else if (e->mode == YOKE_ECN_ACCURATE) {
		accurate_answered(e, ace_of(flags), sent_ip);
		check_option(e, opt);
		/* Counted once, however often it comes (§3.2.2.2). */
		if (ip == YOKE_IP_CE)
			e->cep++;
	} else if ((flags & (YOKE_ECE | YOKE_CWR)) != YOKE_ECE) {
		/* RFC 3168 §6.1.1: who reflects what it does not know sends both. */
		e->mode = YOKE_ECN_OFF;
	}
}

/* Table 4. */
void yoke_ecn_third_ack(struct yoke_ecn *e, u16 flags, bool pure, u8 sent_ip,
			const struct yoke_opt *opt)
{
	unsigned int ace = ace_of(flags);

	if (e->mode != YOKE_ECN_ACCURATE)
		return;
	check_option(e, opt);
	if (!pure)
		return;
	if (!ace) {
		e->no_ect = true;
		e->deaf = true;
	} else if (ace != 1 && ace != 5 && ace != 7 && check_path(e, ace, sent_ip)) {
		e->s_cep++;
	}
}

/* --- receiving --- */

bool yoke_ecn_count(struct yoke_ecn *e, u8 ip, unsigned int segs, u32 len, bool owed)
{
	bool ce = ip == YOKE_IP_CE, turned = ce && e->last_ip != YOKE_IP_CE;

	if (len && ip != YOKE_IP_NOT_ECT) {
		e->bytes[ip - 1] += len;
		e->due = true;
		e->due_ce |= ce || ip != e->last_ip;
	}
	e->seen |= ip != YOKE_IP_NOT_ECT;
	e->last_ip = ip;
	if (!ce)
		return false;
	e->cep += segs;
	return (len && turned) || (u8)(e->cep - e->told) >= (len || owed ? 2 : 3);
}

/* The count of marked bytes grew by how much; 0 if nothing says that it did. */
static u32 bytes_marked(struct yoke_ecn *e, const struct yoke_opt *opt)
{
	u32 more;

	/* The second counter in either order; one that is left out has not changed. */
	if (opt->accecn <= 2)
		return 0;
	more = (opt->accecn_bytes[1] - e->s_ceb) & MASK24;
	if (more >> 23)			/* an older one: ACKs were reordered */
		return 0;
	e->s_ceb += more;
	return more;
}

u32 yoke_ecn_marks(struct yoke_ecn *e, u16 flags, const struct yoke_opt *opt, u32 segs, u32 mss,
		   u32 *bytes)
{
	u32 marks = (ace_of(flags) - e->s_cep) & ACE_MASK, known = marks + e->ahead, grown;

	*bytes = 0;
	if (e->deaf)
		return 0;
	if (opt->accecn && !e->no_opt) {
		grown = bytes_marked(e, opt);
		/* §3.2.3.2.5: marked bytes without a marked packet, and no room for eight. */
		if (grown && !known && segs <= ACE_MASK)
			e->no_ect = true;
		if ((u64)known * mss < grown)
			marks += ((grown + mss - 1) / mss - known + ACE_MASK) & ~ACE_MASK;
		*bytes = grown - min_t(u64, grown, (u64)e->ahead * mss);
		if (grown)
			e->ahead = 0;
	} else {
		/* §3.2.2.5.2: the counter may have gone round; then the safest case. */
		if (segs > ACE_MASK)
			marks = segs - ((segs - marks) & ACE_MASK);
		*bytes = min_t(u64, (u64)marks * mss, ~0u);
	}
	if (opt->accecn <= 2 || e->no_opt)
		e->ahead = min(e->ahead + marks, 255u);
	e->s_cep += marks;
	return marks;
}

/* --- sending --- */

u16 yoke_ecn_ace(struct yoke_ecn *e, bool pure)
{
	unsigned int ace = e->cep & ACE_MASK;

	if (unlikely(e->shake) && pure) {
		e->shake = false;
		ace = shake_of_ip[e->syn_ip];
	}
	e->told = e->cep;
	return ace << ACE_SHIFT;
}

/* §3.2.3.3: all counters that ever changed, the one that is there for ECT first. */
void yoke_ecn_option(struct yoke_ecn *e, struct yoke_opt *opt, unsigned int room, u8 setting)
{
	u32 e1b = e->bytes[YOKE_IP_ECT1 - 1], e0b = e->bytes[YOKE_IP_ECT0 - 1];
	bool order = e1b != 1 && e0b == 1;
	unsigned int n;

	if (!setting || !e->due || (setting == 1 && !e->due_ce))
		return;
	n = e1b != 1 && e0b != 1 ? 3 : e->bytes[YOKE_IP_CE - 1] ? 2 : 1;
	if (yoke_opt_accecn_size(n) > room)
		return;
	opt->accecn = n + 1;
	opt->accecn_order = order;
	opt->accecn_bytes[0] = (order ? e1b : e0b) & MASK24;
	opt->accecn_bytes[1] = e->bytes[YOKE_IP_CE - 1] & MASK24;
	opt->accecn_bytes[2] = (order ? e0b : e1b) & MASK24;
	e->due = false;
	e->due_ce = false;
}
