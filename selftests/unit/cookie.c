// SPDX-License-Identifier: GPL-2.0
/* module/algo/cookie.c: RFC 6528, RFC 9293 MUST-8 and MUST-9. */
#include <string.h>
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
	EXPECT_EQ(sizeof(struct yoke_pair), 16 + 16 + 2 + 2);
}

TEST(isn__is_hash_plus_clock)
{
	struct yoke_pair pair = example();
	u32 hash = siphash(&pair, sizeof(pair), &key);

	EXPECT_EQ(yoke_cookie_isn(&pair, &key, 0), hash);
	EXPECT_EQ(yoke_cookie_isn(&pair, &key, 4096), hash + 1);
}

/* MUST-8: "roughly every 4 microseconds"; here within 3 %. */
TEST(isn__ticks_every_4_us)
{
	struct yoke_pair pair = example();
	u32 ticks = yoke_cookie_isn(&pair, &key, 7000000000ULL) -
		    yoke_cookie_isn(&pair, &key, 6000000000ULL);

	EXPECT(ticks > 250000 * 97 / 100 && ticks <= 250000);
}

/* RFC 9293 §3.4.1: the space is not cycled faster than in about 4.55 hours. */
TEST(isn__cycle)
{
	struct yoke_pair pair = example();
	u64 hours_ns = 4550ULL * 3600 * 1000000;

	EXPECT(yoke_cookie_isn(&pair, &key, hours_ns) != yoke_cookie_isn(&pair, &key, 0));
	EXPECT_EQ(yoke_cookie_isn(&pair, &key, 1ULL << 44), yoke_cookie_isn(&pair, &key, 0));
}

TEST(isn__differs_with_every_part_of_the_pair_and_the_key)
{
	struct yoke_pair pair = example();
	siphash_key_t other = key;
	u32 isn = yoke_cookie_isn(&pair, &key, 0);

	for (int i = 0; i < sizeof(pair); i++) {
		struct yoke_pair changed = pair;

		((u8 *)&changed)[i] ^= 1;
		EXPECT(yoke_cookie_isn(&changed, &key, 0) != isn);
	}
	other.key[1] ^= 1;
	EXPECT(yoke_cookie_isn(&pair, &other, 0) != isn);
}

TEST(ts_offset__is_fixed_and_not_the_isn)
{
	struct yoke_pair pair = example(), other = example();
	u32 offset = yoke_cookie_ts_offset(&pair, &key);

	EXPECT_EQ(yoke_cookie_ts_offset(&pair, &key), offset);
	EXPECT(offset != yoke_cookie_isn(&pair, &key, 0));
	other.rport ^= 1;
	EXPECT(yoke_cookie_ts_offset(&other, &key) != offset);
}
