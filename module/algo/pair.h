/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pair of sockets that names a connection (RFC 9293 §3.3.1), and
 * sequence space arithmetic (§3.4).
 */
#ifndef YOKE_PAIR_H
#define YOKE_PAIR_H

#include <linux/types.h>
#include <linux/in6.h>

/**
 * struct yoke_pair - local and remote socket of one connection
 * @laddr:	local address, IPv4 ones v4-mapped (::ffff:a.b.c.d)
 * @raddr:	remote address, likewise; all zero in a listener
 * @lport:	local port, network byte order
 * @rport:	remote port, network byte order; 0 in a listener
 * @dev:	the device, or VRF, that the local socket is bound to; 0: none
 *
 * No holes: all but @dev is hashed as bytes.
 */
struct yoke_pair {
	struct in6_addr	laddr;
	struct in6_addr	raddr;
	__be16		lport;
	__be16		rport;
	int		dev;
};

static inline bool yoke_seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

#define yoke_seq_after(a, b)	yoke_seq_before(b, a)

/* lo <= seq <= hi, modulo 2^32 */
static inline bool yoke_seq_between(u32 seq, u32 lo, u32 hi)
{
	return hi - lo >= seq - lo;
}

#endif
