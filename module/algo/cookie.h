/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers that outsiders must not guess: initial sequence numbers (RFC 6528), timestamp offsets
 * (RFC 7323 §5.4), SYN cookies (RFC 4987 §3.6),
 * Fast Open cookies (RFC 7413 §4.1.2).
 */
#ifndef YOKE_COOKIE_H
#define YOKE_COOKIE_H

#include <linux/types.h>
#include <linux/siphash.h>

struct yoke_pair;

/* SipHash of a pair, whose halves are independent of each other. */
u64 yoke_cookie_hash(const struct yoke_pair *pair, const siphash_key_t *key);

/*
 * ISN = M + F(local, remote, key): M ticks every 4.096 µs of @now_ns (RFC 9293 MUST-8), F is
 * that hash (MUST-9).
 */
u32 yoke_cookie_isn(u64 hash, u64 now_ns);

/*
 * A fixed offset for the timestamps of one pair, so that they don't tell the uptime; nor does it
 * tell anything about the ISN.
 */
u32 yoke_cookie_ts_offset(u64 hash);

/* A Fast Open cookie (RFC 7413 §4.1.2): the client's address and ours, whatever their ports. */
u64 yoke_cookie_fastopen(const struct yoke_pair *pair, const siphash_key_t *key);

#define YOKE_COOKIE_SECONDS	60	/* the count of SYN cookies goes on by one */
#define YOKE_COOKIE_AGE		2	/* counts that a SYN cookie is good for */

/*
 * A SYN cookie: an initial sequence number that remembers the SYN with number @irs for us. Says
 * @count, in units of YOKE_COOKIE_SECONDS, and *@mss, rounded down to one that fits in.
 */
u32 yoke_cookie_syn(const struct yoke_pair *pair, const siphash_key_t keys[2], u32 irs, u32 count,
		    u16 *mss);
/* The MSS in @cookie; 0 if we have not made it, or too long ago. */
u16 yoke_cookie_syn_mss(const struct yoke_pair *pair, const siphash_key_t keys[2], u32 irs,
			u32 count, u32 cookie);

/**
 * struct yoke_cookie_options - what beside the MSS a SYN cookie has to remember
 * @wscale:	the peer's shift, valid if @has_wscale
 *
 * The timestamp of the SYN-ACK carries them in its low bits, and the peer's echo brings them back.
 */
struct yoke_cookie_options {
	u8	wscale;
	bool	has_wscale;
	bool	sack_ok;
	bool	ecn_ok;
};

/* A timestamp with @o in it, at most 63 ticks older than @now. */
u32 yoke_cookie_ts(u32 now, const struct yoke_cookie_options *o);
void yoke_cookie_ts_options(u32 ts, struct yoke_cookie_options *o);

#endif
