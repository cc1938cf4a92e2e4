/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Explicit congestion notification: what two ends agree on, what a receiver tells the sender of
 * the marks it found, and what goes into the headers (RFC 3168, RFC 9768).
 */
#ifndef YOKE_ECN_H
#define YOKE_ECN_H

#include <linux/types.h>

struct yoke_opt;

/* Header flags, beside those of engine/conn.h (RFC 9293 §3.1, RFC 9768 §3.2.2). */
enum {
	YOKE_ECE = 0x040,
	YOKE_CWR = 0x080,
	YOKE_AE	 = 0x100,
	YOKE_ACE = YOKE_AE | YOKE_CWR | YOKE_ECE,
};

/* The ECN field of the IP header (RFC 3168 §5). */
enum {
	YOKE_IP_NOT_ECT,
	YOKE_IP_ECT1,
	YOKE_IP_ECT0,
	YOKE_IP_CE,
	YOKE_IP_ECN = 3,	/* its mask */
};

enum yoke_ecn_mode {
	YOKE_ECN_OFF,
	YOKE_ECN_CLASSIC,	/* RFC 3168: one signal a round trip */
	YOKE_ECN_ACCURATE,	/* RFC 9768: marks are counted */
};

/**
 * struct yoke_ecn - one end of a connection
 * @mode:	enum yoke_ecn_mode: what our SYN asked for, and once it is answered what holds
 * @echo:	classic: a mark was seen, and CWR has not come yet: all ACKs say so
 * @seen:	the peer's packets were found to be ECN-capable
 *
 * AccECN, with RFC 9768's names and initial values:
 * @syn_ip:	the IP header's field on the peer's SYN or SYN-ACK
 * @shake:	the next ACK without data tells the peer that (§3.2.2.1)
 * @last_ip:	the field of the packet before
 * @no_ect:	the path mangles the field: our packets are not ECN-capable any more (§3.2.2.3)
 * @deaf:	the peer's ACE means nothing (§3.2.2.4); @no_opt: nor do its options
 * @due:	a byte counter has changed since the last option, @due_ce: that of marks, or another
 *		than before
 * @cep:	r.cep, marks received, @told: as the last segment told it
 * @s_cep:	s.cep, marks that the peer told of; both modulo 256
 * @ahead:	so many of them where there was no option, so that @s_ceb has yet to grow by their bytes
 * @bytes:	r.e1b, r.e0b, r.ceb, by field
 * @s_ceb:	s.ceb, modulo 2^24
 */
struct yoke_ecn {
	u8	mode:2,
		echo:1,
		seen:1,
		syn_ip:2,
		last_ip:2;
	u8	shake:1,
		no_ect:1,
		deaf:1,
		no_opt:1,
		due:1,
		due_ce:1;
	u8	cep;
	u8	told;
	u8	s_cep;
	u8	ahead;
	u32	bytes[3];
	u32	s_ceb;
};

/* --- the handshake --- */

/* The modes that net.yoke.ecn (as net.ipv4.tcp_ecn) allows a peer's SYN, and has our SYN ask for. */
u8 yoke_ecn_incoming(u8 setting);
u8 yoke_ecn_outgoing(u8 setting);

/* A connection begins in @mode, or with a SYN that asks for it. */
void yoke_ecn_start(struct yoke_ecn *e, u8 mode);
/* The flags of our SYN, which was sent @retries times before; @fallback: then without, some time. */
u16 yoke_ecn_syn_flags(const struct yoke_ecn *e, u8 retries, bool fallback);
/* The flags of a SYN-ACK that answers a SYN with @ip, sent @retries times before. */
u16 yoke_ecn_synack_flags(u8 mode, u8 ip, u8 retries);
/* The option of such a SYN-ACK. */
void yoke_ecn_synack_option(u8 mode, u8 retries, struct yoke_opt *opt);
/*
 * The mode to agree to when a SYN with @flags and @ip in its IP header arrives, at most @most.
 * @ect_ok: an ECN-capable SYN is no sign of a broken path (RFC 8257 §3.5).
 */
u8 yoke_ecn_accept(u16 flags, u8 ip, u8 most, bool ect_ok);
/* The peer's SYN came again, and asks for another kind of ECN: reset (RFC 9768 §3.1.5). */
bool yoke_ecn_conflict(u8 mode, u16 flags, u8 most);
/*
 * The answer to our SYN, which left with @sent_ip: a SYN-ACK, or a SYN if both ends open at the
 * same time.
 */
void yoke_ecn_answered(struct yoke_ecn *e, u16 flags, u8 ip, bool synack, u8 sent_ip,
		       const struct yoke_opt *opt);
/* The ACK of our SYN-ACK, which left with @sent_ip; @pure: without data or SACK (§3.2.2.1). */
void yoke_ecn_third_ack(struct yoke_ecn *e, u16 flags, bool pure, u8 sent_ip,
			const struct yoke_opt *opt);

/* --- receiving --- */

/*
 * Classic: a segment with data that fits into the window came with @ip. Returns true if the peer's
 * window may be so small that it needs its ACKs at once.
 */
static inline bool yoke_ecn_received(struct yoke_ecn *e, u8 ip)
{
	bool first = ip == YOKE_IP_CE && !e->echo;

	/* Retransmissions are not ECN-capable (RFC 3168 §6.1.5), so this may be one. */
	if (ip == YOKE_IP_NOT_ECT)
		return e->seen;
	e->seen = true;
	e->echo |= first;
	return first;
}

/*
 * The same for RFC 8257 §3.2, whose echo follows the marks, packet by packet, and does not wait for
 * CWR. Returns true if the echo is about to change: what is not acknowledged yet came before.
 */
static inline bool yoke_ecn_turns(const struct yoke_ecn *e, u8 ip)
{
	return (ip == YOKE_IP_CE) != e->echo;
}

static inline void yoke_ecn_follow(struct yoke_ecn *e, u8 ip)
{
	e->seen |= ip != YOKE_IP_NOT_ECT;
	e->echo = ip == YOKE_IP_CE;
}

/* The peer has reduced its window (RFC 3168 §6.1.3). What it marked before is told. */
static inline void yoke_ecn_reduced(struct yoke_ecn *e)
{
	e->echo = false;
}

/*
 * AccECN: an acceptable packet, of @segs segments and @len bytes of data, came with @ip. @owed: data
 * is not acknowledged yet. Returns true if an ACK must leave at once (§3.2.2.5.1).
 */
bool yoke_ecn_count(struct yoke_ecn *e, u8 ip, unsigned int segs, u32 len, bool owed);
/*
 * AccECN: a segment with @flags and @opt, of data whose @segs segments of @mss it newly acknowledges.
 * Returns how many of them were marked, and in @bytes how many bytes that is.
 */
u32 yoke_ecn_marks(struct yoke_ecn *e, u16 flags, const struct yoke_opt *opt, u32 segs, u32 mss,
		   u32 *bytes);

/* --- sending --- */

/* The AccECN counter, or what our first ACK has in its place. */
u16 yoke_ecn_ace(struct yoke_ecn *e, bool pure);
/* Flags of any segment of an established connection; @pure: it has neither data nor SACK. */
static inline u16 yoke_ecn_flags(struct yoke_ecn *e, bool pure)
{
	if (e->mode == YOKE_ECN_ACCURATE)
		return yoke_ecn_ace(e, pure);
	return e->echo ? YOKE_ECE : 0;
}

/*
 * The option, if it is due as net.yoke.ecn_option has it (1: for marks, 2: for all bytes) and @room
 * bytes hold it.
 */
void yoke_ecn_option(struct yoke_ecn *e, struct yoke_opt *opt, unsigned int room, u8 setting);

#endif
