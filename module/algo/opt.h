/* SPDX-License-Identifier: GPL-2.0 */
/* TCP options: bytes on the wire <-> one plain struct (RFC 9293 §3.1, 7323, 2018, 7413). */
#ifndef YOKE_OPT_H
#define YOKE_OPT_H

#include <linux/types.h>

#define YOKE_OPT_SPACE		40	/* bytes of options a header can hold */
#define YOKE_OPT_SACKS		4	/* SACK blocks that fit into it */
#define YOKE_OPT_ACCECN		3	/* counters of an AccECN option */
#define YOKE_OPT_WSCALE_MAX	14	/* RFC 7323 §2.3 */
#define YOKE_OPT_COOKIE_MAX	16	/* RFC 7413 §4.1.1 */

/** struct yoke_opt_cookie - a Fast Open cookie; of length 0 it asks for one */
struct yoke_opt_cookie {
	u8	len;
	u8	val[YOKE_OPT_COOKIE_MAX];
};

/** struct yoke_sack - one SACK block, [start, end) in sequence space */
struct yoke_sack {
	u32	start;
	u32	end;
};

/**
 * struct yoke_opt - what the options of one segment say
 * @tsval:	TSval, valid if @has_ts
 * @tsecr:	TSecr, valid if @has_ts (0 in a segment without ACK)
 * @mss:	MSS in bytes, 0 if the option is absent
 * @wscale:	shift count, valid if @has_wscale, at most YOKE_OPT_WSCALE_MAX
 * @nsacks:	number of entries used in @sack
 * @has_ts:	timestamps option present
 * @has_wscale:	window scale option present
 * @sack_ok:	SACK-permitted option present
 * @has_cookie:	Fast Open option present; what @cookie says is valid
 * @sack:	SACK blocks in the order of the wire, host byte order
 * @accecn:	AccECN option (RFC 9768 §3.2.3): 0 absent, else one more than the counters it has
 * @accecn_order: its order, 0 or 1
 * @accecn_bytes: the counters, 24 bits each, in the order of the wire
 */
struct yoke_opt {
	u32	tsval;
	u32	tsecr;
	u16	mss;
	u8	wscale;
	u8	nsacks;
	bool	has_ts;
	bool	has_wscale;
	bool	sack_ok;
	bool	has_cookie;
	struct yoke_opt_cookie cookie;
	u8	accecn;
	u8	accecn_order;
	u32	accecn_bytes[YOKE_OPT_ACCECN];
	struct yoke_sack sack[YOKE_OPT_SACKS];
};

/*
 * Reads @len option bytes at @p. MSS, window scale, SACK-permitted and Fast Open count on SYN
 * segments only (@syn). Unknown kinds are skipped (RFC 9293 MUST-6), known ones of a wrong length too, as Linux
 * does; a length below 2 or beyond the end ends the parse, what came before it stands (MUST-7).
 * Everything but sack[], @cookie and accecn_bytes[] is initialised in @opt.
 */
void yoke_opt_parse(const u8 *p, unsigned int len, bool syn, struct yoke_opt *opt);

/*
 * Writes @opt at @p in Linux's order and padding (SYN: MSS, SACK-permitted+TS or NOP NOP TS,
 * NOP WS, Fast Open; else: NOP NOP TS, NOP NOP SACK; AccECN at the end) and returns the bytes
 * written: a multiple of 4, at most YOKE_OPT_SPACE (SACK blocks and AccECN options that don't fit
 * are left out). @p has room for YOKE_OPT_SPACE.
 */
unsigned int yoke_opt_write(u8 *p, const struct yoke_opt *opt);

/* The bytes an AccECN option with so many counters takes up, padded. */
static inline unsigned int yoke_opt_accecn_size(unsigned int counters)
{
	return (2 + 3 * counters + 3) & ~3u;
}

/* The bytes yoke_opt_write() would write. */
unsigned int yoke_opt_size(const struct yoke_opt *opt);

#endif
