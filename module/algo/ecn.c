// SPDX-License-Identifier: GPL-2.0
/*
 * Explicit congestion notification: a router marks a packet instead of dropping it, the receiver
 * echoes the mark, the sender reduces its window.
 *
 * Owns: struct yoke_ecn. Caller holds the socket lock, or has a request's alone.
 * RFC 3168 §6.1 (ECN in TCP).
 */
#include <linux/types.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "ecn.h"

/* What net.yoke.ecn means, as net.ipv4.tcp_ecn does. */
static const struct {
	u8 in, out;
} settings[] = {
	{ YOKE_ECN_OFF,		YOKE_ECN_OFF },
	{ YOKE_ECN_CLASSIC,	YOKE_ECN_CLASSIC },
	{ YOKE_ECN_CLASSIC,	YOKE_ECN_OFF },
};

u8 yoke_ecn_incoming(u8 setting)
{
	return settings[min_t(unsigned int, setting, ARRAY_SIZE(settings) - 1)].in;
}

u8 yoke_ecn_outgoing(u8 setting)
{
	return settings[min_t(unsigned int, setting, ARRAY_SIZE(settings) - 1)].out;
}

void yoke_ecn_ask(struct yoke_ecn *e, u8 mode)
{
	memset(e, 0, sizeof(*e));
	e->mode = mode;
}

u16 yoke_ecn_syn_flags(const struct yoke_ecn *e)
{
	return e->mode == YOKE_ECN_CLASSIC ? YOKE_ECE | YOKE_CWR : 0;
}

u16 yoke_ecn_synack_flags(u8 mode)
{
	return mode == YOKE_ECN_CLASSIC ? YOKE_ECE : 0;
}

/* §6.1.1: both flags ask. A SYN must not be ECN-capable; one that is has met a strange middlebox. */
u8 yoke_ecn_accept(u16 flags, u8 ip, u8 most, bool ect_ok)
{
	if ((flags & (YOKE_ECE | YOKE_CWR)) != (YOKE_ECE | YOKE_CWR))
		return YOKE_ECN_OFF;
	if (ip != YOKE_IP_NOT_ECT && !ect_ok)
		return YOKE_ECN_OFF;
	return most;
}

/* §6.1.1: ECE alone agrees; a host that reflects what it does not know sends both. */
void yoke_ecn_answered(struct yoke_ecn *e, u16 flags, bool synack)
{
	u16 want = synack ? YOKE_ECE : YOKE_ECE | YOKE_CWR;

	if ((flags & (YOKE_ECE | YOKE_CWR)) != want)
		e->mode = YOKE_ECN_OFF;
}
