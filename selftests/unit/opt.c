// SPDX-License-Identifier: GPL-2.0
/* module/algo/opt.c: expected bytes from RFC 9293 §3.2, RFC 7323, RFC 2018 and Linux's captures. */
#include <linux/slab.h>
#include <linux/string.h>
#include "opt.h"
#include "test.h"

/* Parses a copy that ends where the allocation does, so that ASan or KASAN sees one byte too many. */
static struct yoke_opt parse(const void *bytes, unsigned int len, bool syn)
{
	struct yoke_opt opt;
	u8 *copy = kmalloc(len ?: 1, GFP_KERNEL);

	memset(&opt, 0xa5, sizeof(opt));
	memcpy(copy, bytes, len);
	yoke_opt_parse(copy, len, syn, &opt);
	kfree(copy);
	return opt;
}

#define PARSE(syn, ...) \
	parse((const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }), syn)

TEST(parse__nothing)
{
	struct yoke_opt opt = parse("", 0, true);

	EXPECT(!opt.has_ts && !opt.has_wscale && !opt.sack_ok);
	EXPECT_EQ(opt.mss, 0);
	EXPECT_EQ(opt.nsacks, 0);
}

TEST(parse__syn_of_linux)
{
	struct yoke_opt opt = PARSE(true, 2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0,
				    1, 3, 3, 7);

	EXPECT_EQ(opt.mss, 1460);
	EXPECT(opt.sack_ok);
	EXPECT(opt.has_ts);
	EXPECT_EQ(opt.tsval, 0x01020304);
	EXPECT_EQ(opt.tsecr, 0);
	EXPECT(opt.has_wscale);
	EXPECT_EQ(opt.wscale, 7);
}

TEST(parse__syn_options_count_on_syn_only)
{
	struct yoke_opt opt = PARSE(false, 2, 4, 5, 0xb4, 4, 2, 3, 3, 7, 1, 1, 1);

	EXPECT_EQ(opt.mss, 0);
	EXPECT(!opt.sack_ok && !opt.has_wscale);
}

TEST(parse__aligned_ts)
{
	struct yoke_opt opt = PARSE(false, 1, 1, 8, 10, 0xff, 0xfe, 0xfd, 0xfc, 9, 8, 7, 6);

	EXPECT(opt.has_ts);
	EXPECT_EQ(opt.tsval, 0xfffefdfc);
	EXPECT_EQ(opt.tsecr, 0x09080706);
}

TEST(parse__aligned_ts_then_sack)
{
	struct yoke_opt opt = PARSE(false, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2,
				    1, 1, 5, 18, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0);

	EXPECT_EQ(opt.tsval, 1);
	EXPECT_EQ(opt.tsecr, 2);
	EXPECT_EQ(opt.nsacks, 2);
	EXPECT_EQ(opt.sack[0].start, 0x100);
	EXPECT_EQ(opt.sack[0].end, 0x200);
	EXPECT_EQ(opt.sack[1].start, 0x300);
	EXPECT_EQ(opt.sack[1].end, 0x400);
}

TEST(parse__unaligned_ts)
{
	struct yoke_opt opt = PARSE(false, 8, 10, 0, 0, 0, 5, 0, 0, 0, 6, 1, 1);

	EXPECT(opt.has_ts);
	EXPECT_EQ(opt.tsval, 5);
	EXPECT_EQ(opt.tsecr, 6);
}

TEST(parse__four_sacks)
{
	u8 bytes[34] = { 5, 34 };
	struct yoke_opt opt;

	for (int i = 2; i < 34; i++)
		bytes[i] = i;
	opt = parse(bytes, sizeof(bytes), false);
	EXPECT_EQ(opt.nsacks, 4);
	EXPECT_EQ(opt.sack[3].end, 0x1e1f2021);
}

TEST(parse__unknown_kind_is_skipped)
{
	struct yoke_opt opt = PARSE(true, 253, 6, 1, 2, 3, 4, 2, 4, 2, 0);

	EXPECT_EQ(opt.mss, 512);
}

TEST(parse__end_of_options_ends)
{
	struct yoke_opt opt = PARSE(true, 0, 2, 4, 2, 0, 0, 0, 0);

	EXPECT_EQ(opt.mss, 0);
}

TEST(parse__length_zero_ends_the_parse)
{
	struct yoke_opt opt = PARSE(true, 2, 4, 2, 0, 77, 0, 3, 3, 7, 0, 0, 0);

	EXPECT_EQ(opt.mss, 512);
	EXPECT(!opt.has_wscale);
}

TEST(parse__length_one_ends_the_parse)
{
	struct yoke_opt opt = PARSE(true, 77, 1, 2, 4, 2, 0, 0, 0);

	EXPECT_EQ(opt.mss, 0);
}

TEST(parse__length_beyond_the_end)
{
	struct yoke_opt opt = PARSE(true, 2, 4, 2, 0, 8, 10, 1, 1);

	EXPECT_EQ(opt.mss, 512);
	EXPECT(!opt.has_ts);
}

TEST(parse__kind_without_length)
{
	struct yoke_opt opt = PARSE(true, 1, 1, 1, 2);

	EXPECT_EQ(opt.mss, 0);
}

TEST(parse__wrong_length_of_known_kind_is_skipped)
{
	struct yoke_opt opt = PARSE(true, 2, 3, 2, 8, 9, 0, 0, 0, 0, 0, 0, 0, 5, 9, 1, 1, 1, 1, 1, 1, 1,
				    4, 3, 1, 3, 4, 7, 7, 5, 2, 2, 4, 4, 0);

	EXPECT_EQ(opt.mss, 1024);
	EXPECT(!opt.has_ts && !opt.sack_ok && !opt.has_wscale);
	EXPECT_EQ(opt.nsacks, 0);
}

TEST(parse__wscale_above_14_is_14)
{
	struct yoke_opt opt = PARSE(true, 3, 3, 200, 0);

	EXPECT_EQ(opt.wscale, 14);
}

/* Numerical Recipes' generator, of which the upper bits are random enough. */
static unsigned int roll(u32 *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

/* Any bytes of any length, read within their bounds; the sanitizers are the judge. */
TEST(parse__random_bytes)
{
	u8 bytes[YOKE_OPT_SPACE];
	u32 seed = 1;

	for (int run = 0; run < 200000; run++) {
		unsigned int len = roll(&seed) % (YOKE_OPT_SPACE + 1);
		struct yoke_opt opt;

		for (unsigned int i = 0; i < len; i++)
			bytes[i] = roll(&seed) % 4 ? roll(&seed) % 11 : roll(&seed);
		opt = parse(bytes, len, run & 1);
		if (opt.nsacks > YOKE_OPT_SACKS || opt.wscale > YOKE_OPT_WSCALE_MAX)
			EXPECT(!"in range");
	}
}

static void expect_written(const struct yoke_opt *opt, const u8 *bytes, unsigned int len)
{
	u8 buf[YOKE_OPT_SPACE];

	memset(buf, 0xee, sizeof(buf));
	EXPECT_EQ(yoke_opt_size(opt), len);
	EXPECT_EQ(yoke_opt_write(buf, opt), len);
	EXPECT(!memcmp(buf, bytes, len));
	EXPECT(len == sizeof(buf) || buf[len] == 0xee);
}

#define EXPECT_WRITTEN(opt, ...) \
	expect_written(opt, (const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))

TEST(write__nothing)
{
	struct yoke_opt opt = { };

	EXPECT_EQ(yoke_opt_size(&opt), 0);
}

TEST(write__syn_in_order_of_linux)
{
	struct yoke_opt opt = { .mss = 1460, .sack_ok = true, .has_ts = true, .tsval = 0x01020304,
				.has_wscale = true, .wscale = 7 };

	EXPECT_WRITTEN(&opt, 2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7);
}

TEST(write__syn_without_ts)
{
	struct yoke_opt opt = { .mss = 536, .sack_ok = true };

	EXPECT_WRITTEN(&opt, 2, 4, 2, 0x18, 1, 1, 4, 2);
}

TEST(write__syn_without_sack)
{
	struct yoke_opt opt = { .mss = 536, .has_ts = true, .tsval = 1, .tsecr = 2 };

	EXPECT_WRITTEN(&opt, 2, 4, 2, 0x18, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2);
}

TEST(write__ts_and_sack)
{
	struct yoke_opt opt = { .has_ts = true, .tsval = 1, .tsecr = 2, .nsacks = 1,
				.sack = { { 0x01020304, 0x05060708 } } };

	EXPECT_WRITTEN(&opt, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2,
		       1, 1, 5, 10, 1, 2, 3, 4, 5, 6, 7, 8);
}

TEST(write__as_many_sacks_as_fit)
{
	struct yoke_opt opt = { .nsacks = 4 }, back;
	u8 buf[YOKE_OPT_SPACE];

	EXPECT_EQ(yoke_opt_size(&opt), 4 + 4 * 8);
	opt.has_ts = true;
	EXPECT_EQ(yoke_opt_size(&opt), 12 + 4 + 3 * 8);
	back = parse(buf, yoke_opt_write(buf, &opt), false);
	EXPECT_EQ(back.nsacks, 3);
}

TEST(write__what_parse_reads)
{
	u8 buf[YOKE_OPT_SPACE];

	for (int bits = 0; bits < 32; bits++) {
		struct yoke_opt back, opt = {
			.mss = bits & 1 ? 0x1234 : 0,
			.has_ts = bits & 2, .tsval = bits & 2 ? 77 : 0, .tsecr = bits & 2 ? 88 : 0,
			.sack_ok = bits & 4,
			.has_wscale = bits & 8, .wscale = bits & 8 ? 14 : 0,
			.nsacks = bits & 16 ? 1 : 0, .sack = { { 5, 6 } },
		};
		unsigned int len = yoke_opt_write(buf, &opt);

		EXPECT_EQ(len % 4, 0);
		EXPECT_EQ(len, yoke_opt_size(&opt));
		back = parse(buf, len, true);
		EXPECT(!memcmp(&back, &opt, offsetof(struct yoke_opt, sack_ok) + 1));
		EXPECT(!opt.nsacks || !memcmp(back.sack, opt.sack, sizeof(opt.sack[0])));
	}
}

/* RFC 7413 §4.1.1: kind 34, an even length of 4 to 16 or none, on a SYN. */
TEST(cookie__parse)
{
	struct yoke_opt opt = PARSE(true, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1);

	EXPECT(opt.has_cookie);
	EXPECT_EQ(opt.cookie.len, 8);
	EXPECT(memcmp(opt.cookie.val, "\1\2\3\4\5\6\7\10", 8) == 0);
	opt = PARSE(true, 34, 2, 1, 1);
	EXPECT(opt.has_cookie);
	EXPECT_EQ(opt.cookie.len, 0);
	opt = PARSE(false, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1);
	EXPECT(!opt.has_cookie);
	for (u8 len = 1; len <= 20; len++) {
		u8 bytes[24] = { 34, 2 + len };

		opt = parse(bytes, 2 + len, true);
		EXPECT_EQ(opt.has_cookie, len % 2 == 0 && len >= 4 && len <= 16);
	}
}

TEST(cookie__write)
{
	static const u8 want[] = { 2, 4, 5, 0xb4, 1, 3, 3, 7,
				   34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1 };
	struct yoke_opt opt = {
		.mss = 1460, .has_wscale = true, .wscale = 7, .has_cookie = true,
		.cookie = { 8, { 1, 2, 3, 4, 5, 6, 7, 8 } },
	};
	u8 out[YOKE_OPT_SPACE];

	EXPECT_EQ(yoke_opt_write(out, &opt), sizeof(want));
	EXPECT_EQ(yoke_opt_size(&opt), sizeof(want));
	EXPECT(memcmp(out, want, sizeof(want)) == 0);
	opt.cookie.len = 0;
	EXPECT_EQ(yoke_opt_write(out, &opt), 12);
	EXPECT_EQ(yoke_opt_size(&opt), 12);
	EXPECT(memcmp(out + 8, "\42\2\1\1", 4) == 0);
	opt.cookie.len = 14;
	EXPECT_EQ(yoke_opt_write(out, &opt), 24);
	EXPECT_EQ(yoke_opt_size(&opt), 24);
}

/* RFC 9768 §3.2.3: whole counters of any length count, the rest is padding. */
TEST(parse__accecn)
{
	struct yoke_opt opt = PARSE(false, 172, 11, 0, 0, 1, 1, 2, 3, 0xff, 0xff, 0xff, 0);

	EXPECT_EQ(opt.accecn, 4);
	EXPECT_EQ(opt.accecn_order, 0);
	EXPECT_EQ(opt.accecn_bytes[0], 1);
	EXPECT_EQ(opt.accecn_bytes[1], 0x010203);
	EXPECT_EQ(opt.accecn_bytes[2], 0xffffff);
	opt = PARSE(false, 1, 1, 174, 6, 0, 0, 9, 77);
	EXPECT_EQ(opt.accecn, 2);
	EXPECT_EQ(opt.accecn_order, 1);
	EXPECT_EQ(opt.accecn_bytes[0], 9);
	opt = PARSE(false, 172, 2, 1, 1);
	EXPECT_EQ(opt.accecn, 1);
	opt = PARSE(false, 174, 14, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0);
	EXPECT_EQ(opt.accecn, 4);
	opt = PARSE(false, 1, 1, 1, 1);
	EXPECT_EQ(opt.accecn, 0);
}

TEST(write__accecn)
{
	struct yoke_opt opt = { .accecn = 3, .accecn_order = 1, .accecn_bytes = { 0x010203, 4 } };
	static const u8 want[] = { 174, 8, 1, 2, 3, 0, 0, 4 };
	u8 p[YOKE_OPT_SPACE];

	EXPECT_EQ(yoke_opt_size(&opt), 8);
	EXPECT_EQ(yoke_opt_write(p, &opt), 8);
	EXPECT(!memcmp(p, want, 8));
	opt.accecn = 2;
	EXPECT_EQ(yoke_opt_write(p, &opt), 8);
	EXPECT(p[0] == 1 && p[1] == 1 && p[2] == 1 && p[3] == 174 && p[4] == 5);
	/* Three SACK blocks and timestamps leave no room: SACK has precedence (§3.2.3.3). */
	opt.has_ts = true;
	opt.nsacks = 3;
	EXPECT_EQ(yoke_opt_size(&opt), 40);
	EXPECT_EQ(yoke_opt_write(p, &opt), 40);
}
