/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers that outsiders must not guess: initial sequence numbers (RFC 6528) and timestamp offsets
 * (RFC 7323 §5.4).
 */
#ifndef YOKE_COOKIE_H
#define YOKE_COOKIE_H

#include <linux/types.h>
#include <linux/siphash.h>

struct yoke_pair;

/*
 * ISN = M + F(local, remote, key): M ticks every 4.096 µs of @now_ns (RFC 9293 MUST-8), F is
 * SipHash (MUST-9).
 */
u32 yoke_cookie_isn(const struct yoke_pair *pair, const siphash_key_t *key, u64 now_ns);

/*
 * A fixed offset for the timestamps of one pair, so that they don't tell the uptime. With the same
 * key it still tells nothing about the ISN.
 */
u32 yoke_cookie_ts_offset(const struct yoke_pair *pair, const siphash_key_t *key);

#endif
