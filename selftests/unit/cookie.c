// SPDX-License-Identifier: GPL-2.0
/* module/algo/cookie.c: RFC 6528, RFC 9293 MUST-8 and MUST-9, RFC 4987 §3.6. */
#include <linux/string.h>
#include "pair.h"
#include "cookie.h"
#include "test.h"

static const siphash_key_t key = { { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL } };

static struct yoke_pair example(void)
{
	struct yoke_pair pair;

	for (int i = 0; i < sizeof(pair); i++)
		((u8 *)&pair)[i] = i;
	return pair;
}

static struct yoke_pair example4(void)
{
	struct yoke_pair pair = example();

	memset(&pair.laddr, 0, 10);
	memset(&pair.laddr.s6_addr[10], 0xff, 2);
	memcpy(&pair.raddr, &pair.laddr, 12);
	return pair;
}

/* The vectors of the SipHash paper and its reference code: key 00 01 .. 0f, input 00 01 .. */
TEST(siphash__vectors)
{
	u8 in[15];

	for (int i = 0; i < sizeof(in); i++)
		in[i] = i;
	EXPECT_EQ(siphash(in, 0, &key), 0x726fdb47dd0e0e31ULL);
	EXPECT_EQ(siphash(in, 1, &key), 0x74f839c593dc67fdULL);
	EXPECT_EQ(siphash(in, 7, &key), 0xab0200f58b01d137ULL);
	EXPECT_EQ(siphash(in, 8, &key), 0x93f5f5799a932462ULL);
	EXPECT_EQ(siphash(in, 15, &key), 0xa129ca6149be45e5ULL);
}

TEST(pair__has_no_holes)
{
	EXPECT_EQ(sizeof(struct yoke_pair), 16 + 16 + 2 + 2 + 4);
}

static u32 isn_of(const struct yoke_pair *pair, const siphash_key_t *k, u64 now_ns)
{
	return yoke_cookie_isn(yoke_cookie_hash(pair, k), now_ns);
}

TEST(isn__is_hash_plus_clock)
{
	struct yoke_pair pair = example();
	u32 hash = siphash(&pair, offsetof(struct yoke_pair, dev), &key);

	EXPECT_EQ(isn_of(&pair, &key, 0), hash);
	EXPECT_EQ(isn_of(&pair, &key, 4096), hash + 1);
}

/* MUST-8: "roughly every 4 microseconds"; here within 3 %. */
TEST(isn__ticks_every_4_us)
{
	struct yoke_pair pair = example();
	u32 ticks = isn_of(&pair, &key, 7000000000ULL) -
		    isn_of(&pair, &key, 6000000000ULL);

	EXPECT(ticks > 250000 * 97 / 100 && ticks <= 250000);
}

/* RFC 9293 §3.4.1: the space is not cycled faster than in about 4.55 hours. */
TEST(isn__cycle)
{
	struct yoke_pair pair = example();
	u64 hours_ns = 4550ULL * 3600 * 1000000;

	EXPECT(isn_of(&pair, &key, hours_ns) != isn_of(&pair, &key, 0));
	EXPECT_EQ(isn_of(&pair, &key, 1ULL << 44), isn_of(&pair, &key, 0));
}

/* What of @pair is not the same in all of its family makes another ISN, but for the device. */
static void expect_each_part_matters(struct yoke_pair pair, int common)
{
	siphash_key_t other = key;
	u32 isn = isn_of(&pair, &key, 0);

	for (int i = 0; i < sizeof(pair); i++) {
		struct yoke_pair changed = pair;

		((u8 *)&changed)[i] ^= 1;
		if (i >= offsetof(struct yoke_pair, dev))
			EXPECT_EQ(isn_of(&changed, &key, 0), isn);
		else if (i >= 32 || i % 16 >= common)
			EXPECT(isn_of(&changed, &key, 0) != isn);
	}
	other.key[1] ^= 1;
	EXPECT(isn_of(&pair, &other, 0) != isn);
}

TEST(isn__differs_with_every_part_of_the_pair_and_the_key)
{
	expect_each_part_matters(example(), 0);
	expect_each_part_matters(example4(), 12);
}

TEST(ts_offset__is_fixed_and_not_the_isn)
{
	struct yoke_pair pair = example(), other = example();
	u32 offset = yoke_cookie_ts_offset(yoke_cookie_hash(&pair, &key));

	EXPECT_EQ(yoke_cookie_ts_offset(yoke_cookie_hash(&pair, &key)), offset);
	EXPECT(offset != isn_of(&pair, &key, 0));
	other.rport ^= 1;
	EXPECT(yoke_cookie_ts_offset(yoke_cookie_hash(&other, &key)) != offset);
}

/* --- SYN cookies --- */

static const siphash_key_t keys[2] = {
	{ { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL } },
	{ { 0x1716151413121110ULL, 0x1f1e1d1c1b1a1918ULL } },
};

TEST(syn__brings_the_mss_back)
{
	struct yoke_pair pair = example();
	static const struct {
		u16 mss, kept;
	} cases[] = {
		{ 0, 536 }, { 1, 536 }, { 536, 536 }, { 1219, 536 }, { 1220, 1220 },
		{ 1300, 1300 }, { 1400, 1300 }, { 1440, 1440 }, { 1452, 1440 }, { 1459, 1440 },
		{ 1460, 1460 }, { 8939, 1460 }, { 8960, 8940 }, { 65535, 8940 },
	};

	for (int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		u16 mss = cases[i].mss;
		u32 cookie = yoke_cookie_syn(&pair, keys, 77 * i, 1000, &mss);

		EXPECT_EQ(mss, cases[i].kept);
		EXPECT_EQ(yoke_cookie_syn_mss(&pair, keys, 77 * i, 1000, cookie), cases[i].kept);
	}
}

/* "stale (older than a minute or two)": this minute's and the last one's are good. */
TEST(syn__grows_old)
{
	struct yoke_pair pair = example();
	u16 mss = 1460;

	for (u32 count = 254; count < 260; count++) {
		u32 cookie = yoke_cookie_syn(&pair, keys, 5, count, &mss);

		EXPECT_EQ(yoke_cookie_syn_mss(&pair, keys, 5, count, cookie), 1460);
		EXPECT_EQ(yoke_cookie_syn_mss(&pair, keys, 5, count + 1, cookie), 1460);
		EXPECT_EQ(yoke_cookie_syn_mss(&pair, keys, 5, count + 2, cookie), 0);
		EXPECT_EQ(yoke_cookie_syn_mss(&pair, keys, 5, count - 1, cookie), 0);
		/* The count in the cookie wraps, the hashed one does not. */
		EXPECT_EQ(yoke_cookie_syn_mss(&pair, keys, 5, count + 256, cookie), 0);
	}
}

TEST(syn__is_of_its_pair_number_and_keys)
{
	struct yoke_pair pair = example();
	siphash_key_t others[2];
	u16 mss = 1460;
	u32 cookie = yoke_cookie_syn(&pair, keys, 5, 9, &mss);

	for (int i = 0; i < offsetof(struct yoke_pair, dev); i++) {
		struct yoke_pair changed = pair;

		((u8 *)&changed)[i] ^= 1;
		EXPECT_EQ(yoke_cookie_syn_mss(&changed, keys, 5, 9, cookie), 0);
	}
	/* A number next to it only picks another MSS, for a peer that wants it so. */
	EXPECT_EQ(yoke_cookie_syn_mss(&pair, keys, 5 + 100, 9, cookie), 0);
	EXPECT_EQ(yoke_cookie_syn_mss(&pair, keys, 5 - 100, 9, cookie), 0);
	for (int i = 0; i < 2; i++) {
		memcpy(others, keys, sizeof(keys));
		others[i].key[1] ^= 1;
		EXPECT_EQ(yoke_cookie_syn_mss(&pair, others, 5, 9, cookie), 0);
	}
}

/* Of 2^24 guesses of one minute only as many are good as there are MSS values, and twice that. */
TEST(syn__is_hard_to_guess)
{
	struct yoke_pair pair = example();
	u32 good = 0;

	for (u32 i = 0; i < 1u << 20; i++)
		good += yoke_cookie_syn_mss(&pair, keys, 5, 9, i * 4093) != 0;
	EXPECT(good <= 2);
}

TEST(syn__ts_carries_the_options)
{
	for (u32 bits = 0; bits < 1 << 7; bits++) {
		struct yoke_cookie_options o = {
			.wscale = bits & 0xf, .has_wscale = (bits & 0xf) < 15,
			.sack_ok = bits & 0x10, .ecn_ok = bits & 0x20,
		}, back;
		u32 now = 0xffffffe0u + bits, ts = yoke_cookie_ts(now, &o);

		/* Not of the future, and not of long ago. */
		EXPECT(now - ts < 64);
		yoke_cookie_ts_options(ts, &back);
		EXPECT_EQ(back.has_wscale, o.has_wscale);
		if (o.has_wscale)
			EXPECT_EQ(back.wscale, o.wscale);
		EXPECT_EQ(back.sack_ok, o.sack_ok);
		EXPECT_EQ(back.ecn_ok, o.ecn_ok);
	}
}

/* The layout is Linux's, which captures and other tools know: wscale 7, SACK, no ECN. */
TEST(syn__ts_layout)
{
	struct yoke_cookie_options o = { .wscale = 7, .has_wscale = true, .sack_ok = true };

	EXPECT_EQ(yoke_cookie_ts(1000, &o), 960 + 0x17);
	EXPECT_EQ(yoke_cookie_ts(963, &o), 896 + 0x17);
}

TEST(fastopen__is_of_the_two_addresses)
{
	struct yoke_pair pair = example(), other;
	siphash_key_t key2 = key;
	u64 cookie = yoke_cookie_fastopen(&pair, &key);

	for (int i = 0; i < 32; i++) {
		other = pair;
		((u8 *)&other)[i] ^= 1;
		EXPECT(yoke_cookie_fastopen(&other, &key) != cookie);
	}
	other = pair;
	other.rport ^= 1;
	other.lport ^= 1;
	EXPECT_EQ(yoke_cookie_fastopen(&other, &key), cookie);
	key2.key[1] ^= 1;
	EXPECT(yoke_cookie_fastopen(&pair, &key2) != cookie);
}
