/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Explicit congestion notification: what two ends agree on, what a receiver tells the sender of
 * the marks it found, and what goes into the headers (RFC 3168).
 */
#ifndef YOKE_ECN_H
#define YOKE_ECN_H

#include <linux/types.h>

/* Header flags, beside those of engine/conn.h (RFC 9293 §3.1). */
enum {
	YOKE_ECE = 0x040,
	YOKE_CWR = 0x080,
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
	YOKE_ECN_MODES
};

/**
 * struct yoke_ecn - one end of a connection
 * @mode:	enum yoke_ecn_mode: what our SYN asked for, and once it is answered what holds
 * @echo:	a mark was seen, and CWR has not come yet: all ACKs say so
 * @seen:	the peer's packets were found to be ECN-capable
 */
struct yoke_ecn {
	u8	mode:2,
		echo:1,
		seen:1;
};

/* The modes that net.yoke.ecn (as net.ipv4.tcp_ecn) allows a peer's SYN, and has our SYN ask for. */
u8 yoke_ecn_incoming(u8 setting);
u8 yoke_ecn_outgoing(u8 setting);

/* A connection begins: our SYN asks for @mode. */
void yoke_ecn_ask(struct yoke_ecn *e, u8 mode);
/* The flags of our SYN. */
u16 yoke_ecn_syn_flags(const struct yoke_ecn *e);
/* The flags of a SYN-ACK. */
u16 yoke_ecn_synack_flags(u8 mode);
/*
 * The mode to agree to when a SYN with @flags and @ip in its IP header arrives, at most @most.
 * @ect_ok: an ECN-capable SYN is no sign of a broken path (RFC 8257 §3.5).
 */
u8 yoke_ecn_accept(u16 flags, u8 ip, u8 most, bool ect_ok);
/* The answer to our SYN: a SYN-ACK, or a SYN if both ends open at the same time. */
void yoke_ecn_answered(struct yoke_ecn *e, u16 flags, bool synack);

/*
 * A segment with data that fits into the window came with @ip. Returns true if the peer's window
 * may be so small that it needs its ACKs at once.
 */
static inline bool yoke_ecn_received(struct yoke_ecn *e, u8 ip)
{
	bool first = ip == YOKE_IP_CE && !e->echo;

	/* Retransmissions are not ECN-capable (§6.1.5), so this may be one. */
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

/* The peer has reduced its window (§6.1.3). What it marked before is told. */
static inline void yoke_ecn_reduced(struct yoke_ecn *e)
{
	e->echo = false;
}

/* Flags of any segment of an established connection. */
static inline u16 yoke_ecn_flags(const struct yoke_ecn *e)
{
	return e->echo ? YOKE_ECE : 0;
}

#endif
