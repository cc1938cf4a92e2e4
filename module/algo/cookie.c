// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers that outsiders must not guess, made by a keyed hash of the pair of sockets.
 *
 * Owns: nothing; the key is the caller's and lasts as long as the module. Any context.
 * RFC 6528 §3 (ISN), RFC 9293 §3.4.1, RFC 7323 §5.4 (timestamp offset).
 *
 * One SipHash gives 64 bits that are independent of one another: the lower half makes the ISN, the
 * upper half the timestamp offset.
 */
#include <linux/types.h>
#include <linux/siphash.h>
#include "pair.h"
#include "cookie.h"

#define TICK_SHIFT	12	/* 4096 ns: "roughly every 4 microseconds" without a division */

static u64 hash(const struct yoke_pair *pair, const siphash_key_t *key)
{
	return siphash(pair, sizeof(*pair), key);
}

u32 yoke_cookie_isn(const struct yoke_pair *pair, const siphash_key_t *key, u64 now_ns)
{
	return (u32)hash(pair, key) + (u32)(now_ns >> TICK_SHIFT);
}

u32 yoke_cookie_ts_offset(const struct yoke_pair *pair, const siphash_key_t *key)
{
	return hash(pair, key) >> 32;
}
