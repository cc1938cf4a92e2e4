// SPDX-License-Identifier: GPL-2.0
/* module/algo/pmtud.c: RFC 4821's search on paths of every size. */
#include "pmtud.h"
#include "test.h"

#define THRESHOLD	8
#define INTERVAL	600

/* Probes until the search ends; the path carries @path. Returns how many probes it took. */
static int search(struct yoke_pmtud *p, u16 path, u16 most, u32 now_s)
{
	u32 seq = 0xfffff000u;
	int n = 0;
	u16 size;

	while ((size = yoke_pmtud_next(p, THRESHOLD, INTERVAL, most, now_s))) {
		EXPECT(size > p->low && size <= p->high);
		yoke_pmtud_sent(p, size, seq, seq + size);
		EXPECT_EQ(yoke_pmtud_next(p, THRESHOLD, INTERVAL, most, now_s), 0);	/* one at a time */
		EXPECT(!yoke_pmtud_acked(p, seq + size - 1));
		if (size <= path) {
			EXPECT(yoke_pmtud_acked(p, seq + size));
			EXPECT_EQ(p->low, size);
		} else {
			yoke_pmtud_failed(p);
		}
		seq += size;
		if (++n > 16)
			break;
	}
	return n;
}

TEST(search__finds_any_path)
{
	for (u32 path = 600; path <= 9000; path += 7) {
		struct yoke_pmtud p;

		yoke_pmtud_init(&p, true, 576, 9000, 1);
		EXPECT(search(&p, path, 9000, 1) <= 14);	/* log2 of the span */
		EXPECT(p.low <= path && p.low + THRESHOLD >= path);
		EXPECT_EQ(yoke_pmtud_size(&p, 9000), p.low);
	}
}

TEST(disabled__the_route_says)
{
	struct yoke_pmtud p;

	yoke_pmtud_init(&p, false, 576, 1500, 1);
	EXPECT_EQ(yoke_pmtud_size(&p, 1400), 1400);
	EXPECT_EQ(yoke_pmtud_next(&p, THRESHOLD, INTERVAL, 1500, 5000), 0);
}

/* What the route or ICMP says is an upper bound (RFC 4821 §7.2). */
TEST(size__bounded_by_the_route)
{
	struct yoke_pmtud p;

	yoke_pmtud_init(&p, true, 1024, 9000, 1);
	EXPECT_EQ(yoke_pmtud_size(&p, 1500), 1024);
	search(&p, 9000, 1500, 1);
	EXPECT(p.low > 1500 - THRESHOLD && p.low <= 1500);
	EXPECT_EQ(yoke_pmtud_size(&p, 800), 800);
	EXPECT_EQ(yoke_pmtud_next(&p, THRESHOLD, INTERVAL, 800, 1), 0);
}

TEST(next__begins_again)
{
	struct yoke_pmtud p;

	yoke_pmtud_init(&p, true, 1024, 9000, 1);
	search(&p, 1500, 9000, 1);
	EXPECT_EQ(yoke_pmtud_next(&p, THRESHOLD, INTERVAL, 9000, INTERVAL), 0);
	search(&p, 4000, 9000, 1 + INTERVAL);
	EXPECT(p.low + THRESHOLD >= 4000);
}

/* RFC 4821 §7.7: first the search from the base, then half of it, never below the floor. */
TEST(black_hole__smaller_and_smaller)
{
	struct yoke_pmtud p;

	yoke_pmtud_init(&p, false, 1024, 1500, 1);
	yoke_pmtud_black_hole(&p, 1024, 100, 1500, 2);
	EXPECT_EQ(yoke_pmtud_size(&p, 1500), 1024);
	yoke_pmtud_black_hole(&p, 1024, 100, 1500, 3);
	EXPECT_EQ(yoke_pmtud_size(&p, 1500), 512);
	for (int i = 0; i < 10; i++)
		yoke_pmtud_black_hole(&p, 1024, 100, 1500, 4);
	EXPECT_EQ(yoke_pmtud_size(&p, 1500), 100);
	search(&p, 1500, 1500, 4);
	EXPECT(p.low + THRESHOLD >= 1500);
}
