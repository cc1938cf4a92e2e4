// SPDX-License-Identifier: GPL-2.0
/*
 * TCP options, bytes on the wire <-> struct yoke_opt. The only file that knows their layout.
 *
 * Owns: nothing; struct yoke_opt belongs to the caller. Any context.
 * RFC 9293 §3.1 §3.2 (MSS, MUST-4 to MUST-7), RFC 7323 §2.2 (window scale) §3.2 (timestamps),
 * RFC 2018 §2 §3 (SACK), RFC 7413 §4.1.1 (Fast Open), RFC 9768 §3.2.3 (AccECN).
 */
#include <linux/types.h>
#include <linux/minmax.h>
#include <linux/compiler.h>
#include <linux/string.h>
#include "opt.h"

enum {					/* option kinds and their lengths */
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,		LEN_MSS = 4,
	OPT_WSCALE = 3,		LEN_WSCALE = 3,
	OPT_SACK_OK = 4,	LEN_SACK_OK = 2,
	OPT_SACK = 5,		LEN_SACK = 2,	/* and 8 a block */
	OPT_TS = 8,		LEN_TS = 10,
	OPT_COOKIE = 34,	LEN_COOKIE = 2,	/* and the cookie */
	OPT_ACCECN0 = 172,	LEN_ACCECN = 2,	/* and 3 a counter */
	OPT_ACCECN1 = 174,

	LEN_BLOCK = 8,
	LEN_COUNTER = 3,
	LEN_TS_ALIGNED = 12,
};

#define WORD(a, b, c, d)	((u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define WORD_NOP_NOP_TS		WORD(OPT_NOP, OPT_NOP, OPT_TS, LEN_TS)

/* Byte by byte, as headers may lie at any address; compilers make one load or store of it. */
static inline u32 get32(const u8 *p)
{
	return WORD(p[0], p[1], p[2], p[3]);
}

static inline u8 *put32(u8 *p, u32 v)
{
	p[0] = v >> 24;
	p[1] = v >> 16 & 0xff;
	p[2] = v >> 8 & 0xff;
	p[3] = v & 0xff;
	return p + 4;
}

static void parse_ts(const u8 *p, struct yoke_opt *opt)
{
	opt->has_ts = true;
	opt->tsval = get32(p);
	opt->tsecr = get32(p + 4);
}

static void parse_sack(const u8 *p, unsigned int len, struct yoke_opt *opt)
{
	unsigned int i, n = min_t(unsigned int, len / LEN_BLOCK, YOKE_OPT_SACKS);

	for (i = 0; i < n; i++, p += LEN_BLOCK) {
		opt->sack[i].start = get32(p);
		opt->sack[i].end = get32(p + 4);
	}
	opt->nsacks = n;
}

/* An even number of bytes, 4 to 16, or none. */
static void parse_cookie(const u8 *p, unsigned int len, struct yoke_opt *opt)
{
	if (len % 2 || len == 2 || len > YOKE_OPT_COOKIE_MAX)
		return;
	opt->has_cookie = true;
	opt->cookie.len = len;
	memcpy(opt->cookie.val, p, len);
}

/* Whole counters count, whatever follows is padding (RFC 9768 §3.2.3). */
static void parse_accecn(const u8 *p, unsigned int len, u8 order, struct yoke_opt *opt)
{
	unsigned int i, n = min_t(unsigned int, len / LEN_COUNTER, YOKE_OPT_ACCECN);

	for (i = 0; i < n; i++, p += LEN_COUNTER)
		opt->accecn_bytes[i] = p[0] << 16 | p[1] << 8 | p[2];
	opt->accecn = n + 1;
	opt->accecn_order = order;
}

/* One option of @len bytes, kind and length included, at @p. */
static void parse_one(const u8 *p, unsigned int len, bool syn, struct yoke_opt *opt)
{
	switch (p[0]) {
	case OPT_TS:
		if (len == LEN_TS)
			parse_ts(p + 2, opt);
		break;
	case OPT_SACK:
		if (len >= LEN_SACK + LEN_BLOCK && (len - LEN_SACK) % LEN_BLOCK == 0)
			parse_sack(p + 2, len - LEN_SACK, opt);
		break;
	case OPT_ACCECN0:
	case OPT_ACCECN1:
		parse_accecn(p + 2, len - LEN_ACCECN, p[0] == OPT_ACCECN1, opt);
		break;
	case OPT_MSS:
		if (syn && len == LEN_MSS)
			opt->mss = p[2] << 8 | p[3];
		break;
	case OPT_WSCALE:
		if (syn && len == LEN_WSCALE) {
			opt->has_wscale = true;
			opt->wscale = min_t(u8, p[2], YOKE_OPT_WSCALE_MAX);
		}
		break;
	case OPT_SACK_OK:
		if (syn && len == LEN_SACK_OK)
			opt->sack_ok = true;
		break;
	case OPT_COOKIE:
		if (syn)
			parse_cookie(p + 2, len - LEN_COOKIE, opt);
		break;
	}
}

void yoke_opt_parse(const u8 *p, unsigned int len, bool syn, struct yoke_opt *opt)
{
	const u8 *end = p + len;

	opt->tsval = 0;
	opt->tsecr = 0;
	opt->mss = 0;
	opt->wscale = 0;
	opt->nsacks = 0;
	opt->has_ts = false;
	opt->has_wscale = false;
	opt->sack_ok = false;
	opt->has_cookie = false;
	opt->accecn = 0;

	/* What nearly every segment of an established connection begins with, or is all of it. */
	if (len >= LEN_TS_ALIGNED && get32(p) == WORD_NOP_NOP_TS) {
		parse_ts(p + 4, opt);
		p += LEN_TS_ALIGNED;
	}
	while (p < end && p[0] != OPT_END) {
		if (p[0] == OPT_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return;
		parse_one(p, p[1], syn, opt);
		p += p[1];
	}
}

static u8 *put_cookie(u8 *p, const struct yoke_opt_cookie *cookie)
{
	p[0] = OPT_COOKIE;
	p[1] = LEN_COOKIE + cookie->len;
	memcpy(p + 2, cookie->val, cookie->len);
	p += LEN_COOKIE + cookie->len;
	/* Its length is even. */
	if (cookie->len % 4 == 0) {
		*p++ = OPT_NOP;
		*p++ = OPT_NOP;
	}
	return p;
}

/* How many SACK blocks go into a header in which @used bytes are taken. */
static unsigned int sacks_fitting(const struct yoke_opt *opt, unsigned int used)
{
	return min_t(unsigned int, opt->nsacks, (YOKE_OPT_SPACE - used - 4) / LEN_BLOCK);
}

static u8 *write_accecn(u8 *p, unsigned int room, const struct yoke_opt *opt)
{
	unsigned int i, n = opt->accecn - 1, size = yoke_opt_accecn_size(n);

	if (size > room)
		return p;
	for (i = size - LEN_ACCECN - n * LEN_COUNTER; i; i--)
		*p++ = OPT_NOP;
	*p++ = opt->accecn_order ? OPT_ACCECN1 : OPT_ACCECN0;
	*p++ = LEN_ACCECN + n * LEN_COUNTER;
	for (i = 0; i < n; i++) {
		*p++ = opt->accecn_bytes[i] >> 16 & 0xff;
		*p++ = opt->accecn_bytes[i] >> 8 & 0xff;
		*p++ = opt->accecn_bytes[i] & 0xff;
	}
	return p;
}

unsigned int yoke_opt_write(u8 *p, const struct yoke_opt *opt)
{
	u8 *start = p;
	unsigned int i, n;

	if (opt->mss)
		p = put32(p, WORD(OPT_MSS, LEN_MSS, opt->mss >> 8, opt->mss & 0xff));
	if (opt->has_ts) {
		p = put32(p, opt->sack_ok ? WORD(OPT_SACK_OK, LEN_SACK_OK, OPT_TS, LEN_TS) :
					    WORD_NOP_NOP_TS);
		p = put32(p, opt->tsval);
		p = put32(p, opt->tsecr);
	} else if (opt->sack_ok) {
		p = put32(p, WORD(OPT_NOP, OPT_NOP, OPT_SACK_OK, LEN_SACK_OK));
	}
	if (opt->has_wscale)
		p = put32(p, WORD(OPT_NOP, OPT_WSCALE, LEN_WSCALE, opt->wscale));
	if (opt->has_cookie)
		p = put_cookie(p, &opt->cookie);

	n = sacks_fitting(opt, p - start);
	if (n)
		p = put32(p, WORD(OPT_NOP, OPT_NOP, OPT_SACK, LEN_SACK + n * LEN_BLOCK));
	for (i = 0; i < n; i++) {
		p = put32(p, opt->sack[i].start);
		p = put32(p, opt->sack[i].end);
	}
	if (unlikely(opt->accecn))
		p = write_accecn(p, YOKE_OPT_SPACE - (p - start), opt);
	return p - start;
}

unsigned int yoke_opt_size(const struct yoke_opt *opt)
{
	unsigned int n, size = 0;

	if (opt->mss)
		size += LEN_MSS;
	if (opt->has_ts)
		size += LEN_TS_ALIGNED;
	else if (opt->sack_ok)
		size += 4;
	if (opt->has_wscale)
		size += 4;
	if (opt->has_cookie)
		size += (LEN_COOKIE + opt->cookie.len + 3) & ~3;
	n = sacks_fitting(opt, size);
	if (n)
		size += 4 + n * LEN_BLOCK;
	if (unlikely(opt->accecn) &&
	    size + yoke_opt_accecn_size(opt->accecn - 1) <= YOKE_OPT_SPACE)
		size += yoke_opt_accecn_size(opt->accecn - 1);
	return size;
}
