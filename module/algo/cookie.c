// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers that outsiders must not guess, made by a keyed hash of the pair of sockets.
 *
 * Owns: nothing; the keys are the caller's and last as long as the namespace. Any context.
 * RFC 6528 §3 (ISN), RFC 9293 §3.4.1, RFC 7323 §5.4 (timestamp offset), RFC 4987 §3.6, appendix A
 * (SYN cookies), RFC 7413 §4.1.2.
 *
 * One SipHash gives 64 bits that are independent of one another: the lower half makes the ISN, the
 * upper half the timestamp offset.
 */
#include <linux/kernel.h>
#include <linux/types.h>
#include <linux/siphash.h>
#include <net/ipv6.h>
#include "pair.h"
#include "cookie.h"

#define TICK_SHIFT	12	/* 4096 ns: "roughly every 4 microseconds" without a division */

u64 yoke_cookie_hash(const struct yoke_pair *pair, const siphash_key_t *key)
{
	u32 ports = (__force u32)pair->lport << 16 | (__force u32)pair->rport;

	if (!ipv6_addr_v4mapped(&pair->laddr))
		return siphash(pair, offsetof(struct yoke_pair, dev), key);
	return siphash_3u32((__force u32)pair->laddr.s6_addr32[3], (__force u32)pair->raddr.s6_addr32[3],
			    ports, key);
}

u32 yoke_cookie_isn(u64 hash, u64 now_ns)
{
	return (u32)hash + (u32)(now_ns >> TICK_SHIFT);
}

u32 yoke_cookie_ts_offset(u64 hash)
{
	return hash >> 32;
}

u64 yoke_cookie_fastopen(const struct yoke_pair *pair, const siphash_key_t *key)
{
	struct {
		struct in6_addr raddr, laddr;
	} in = { pair->raddr, pair->laddr };

	return siphash(&in, sizeof(in), key);
}

/* --- SYN cookies --- */

/*
 * cookie = H + IRS + count << 24 + (H1(H, count) + MSS index) % 2^24, where H is a hash of the pair with
 * the first key, H1 one with the second. The two hide the rest; IRS keeps the numbers of one pair growing
 * as the peer's do.
 */
#define COUNT_SHIFT	24
#define LOW_BITS	((1u << COUNT_SHIFT) - 1)

/*
 * The default, and what comes of common MTUs: 1280 and 1500 with IPv6, PPPoE, 1500, 9000. Each one
 * more makes guessing a cookie easier.
 */
static const u16 mss_table[] = { 536, 1220, 1300, 1420, 1440, 1460, 8940 };

static u32 syn_low(u64 hash, const siphash_key_t keys[2], u32 count)
{
	return (u32)siphash_2u64(hash, count, &keys[1]);
}

u32 yoke_cookie_syn(const struct yoke_pair *pair, const siphash_key_t keys[2], u32 irs, u32 count,
		    u16 *mss)
{
	u64 hash = yoke_cookie_hash(pair, &keys[0]);
	u32 i = ARRAY_SIZE(mss_table) - 1;

	while (i && mss_table[i] > *mss)
		i--;
	*mss = mss_table[i];
	return (u32)hash + irs + (count << COUNT_SHIFT) + ((syn_low(hash, keys, count) + i) & LOW_BITS);
}

u16 yoke_cookie_syn_mss(const struct yoke_pair *pair, const siphash_key_t keys[2], u32 irs,
			u32 count, u32 cookie)
{
	u64 hash = yoke_cookie_hash(pair, &keys[0]);
	u32 age, i;

	cookie -= (u32)hash + irs;
	age = (count - (cookie >> COUNT_SHIFT)) & 0xff;
	if (age >= YOKE_COOKIE_AGE)
		return 0;
	i = (cookie - syn_low(hash, keys, count - age)) & LOW_BITS;
	return i < ARRAY_SIZE(mss_table) ? mss_table[i] : 0;
}

enum {				/* the low bits of a SYN-ACK's timestamp, as Linux has them */
	TS_WSCALE = 0xf,	/* all set: no window scaling */
	TS_SACK = 0x10,
	TS_ECN = 0x20,
	TS_BITS = 0x3f,
};

u32 yoke_cookie_ts(u32 now, const struct yoke_cookie_options *o)
{
	u32 bits = o->has_wscale ? o->wscale : TS_WSCALE, ts;

	bits |= (o->sack_ok ? TS_SACK : 0) | (o->ecn_ok ? TS_ECN : 0);
	ts = (now & ~TS_BITS) | bits;
	/* The clock must not go back after it. */
	return yoke_seq_after(ts, now) ? ts - (TS_BITS + 1) : ts;
}

void yoke_cookie_ts_options(u32 ts, struct yoke_cookie_options *o)
{
	o->wscale = ts & TS_WSCALE;
	o->has_wscale = o->wscale != TS_WSCALE;
	o->sack_ok = ts & TS_SACK;
	o->ecn_ok = ts & TS_ECN;
}
