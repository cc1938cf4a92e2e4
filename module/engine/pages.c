// SPDX-License-Identifier: GPL-2.0
/*
 * Pages for what programs write.
 *
 * Each task fills a fragment of some pages. One that is full is kept here, by processor, until all
 * who read from it have let go, and is then filled again: a fresh one would cost a search for pages
 * and, on kernels that clear what they give out, a walk through every byte, a third of what a byte
 * costs otherwise. As many are kept as a send buffer fills that holds three windows of a short round
 * trip, and no more; the one that was given last, and so may be in the cache, is taken first.
 *
 * Where memory is short they are given back.
 */
#include <linux/percpu.h>
#include <linux/shrinker.h>
#include "pages.h"

#define YOKE_PAGES_KEPT		96	/* fragments, of up to 32 KiB each */
#define YOKE_PAGES_LEAST	32	/* bytes: with less left a fragment is full */

struct pages {
	spinlock_t lock;	/* against the shrinker, and a writer that was moved away */
	struct page_frag kept[YOKE_PAGES_KEPT];	/* the newest first; there may be empty places */
};

static DEFINE_PER_CPU(struct pages, pages_cpus) = {
	.lock = __SPIN_LOCK_UNLOCKED(pages_cpus.lock),
};
static struct shrinker *pages_shrinker;

/* Nobody reads from it any more, so nobody else can come to. */
static bool pages_unread(const struct page_frag *frag)
{
	return frag->page && page_ref_count(frag->page) == 1;
}

/* Gives the full @frag for one from which nobody reads any more: empty, if there is none. */
static void pages_exchange(struct page_frag *frag)
{
	struct pages *here = raw_cpu_ptr(&pages_cpus);
	struct page_frag *kept = here->kept, taken;
	int i;

	spin_lock(&here->lock);
	for (i = 0; i < YOKE_PAGES_KEPT - 1 && kept[i].page; i++)
		if (pages_unread(&kept[i]) && dev_page_is_reusable(kept[i].page))
			break;
	taken = kept[i];
	memmove(kept + 1, kept, i * sizeof(*kept));
	kept[0] = *frag;
	spin_unlock(&here->lock);

	frag->page = NULL;
	if (!taken.page)
		return;
	if (page_ref_count(taken.page) == 1 && dev_page_is_reusable(taken.page)) {
		*frag = taken;
		frag->offset = 0;
	} else {
		put_page(taken.page);
	}
}

struct page_frag *yoke_pages_get(struct sock *sk)
{
	struct page_frag *frag = sk_page_frag(sk);

	if (frag->page && frag->offset + YOKE_PAGES_LEAST > frag->size &&
	    page_ref_count(frag->page) > 1)
		pages_exchange(frag);
	return sk_page_frag_refill(sk, frag) ? frag : NULL;
}

/* So many pages are kept from which nobody reads, or are given back, the oldest first, and @most of them. */
static unsigned long pages_unread_of_all(unsigned long most, bool give)
{
	unsigned long pages = 0;
	int cpu, i;

	for_each_possible_cpu(cpu) {
		struct pages *there = per_cpu_ptr(&pages_cpus, cpu);

		spin_lock(&there->lock);
		for (i = YOKE_PAGES_KEPT; i-- && pages < most;) {
			if (!pages_unread(&there->kept[i]))
				continue;
			pages += there->kept[i].size >> PAGE_SHIFT;
			if (!give)
				continue;
			put_page(there->kept[i].page);
			there->kept[i].page = NULL;
		}
		spin_unlock(&there->lock);
	}
	return pages;
}

static unsigned long pages_count(struct shrinker *shrinker, struct shrink_control *control)
{
	return pages_unread_of_all(ULONG_MAX, false);
}

static unsigned long pages_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	return pages_unread_of_all(control->nr_to_scan, true) ?: SHRINK_STOP;
}

int yoke_pages_init(void)
{
	pages_shrinker = yoke_compat_shrinker("yoke_pages", pages_count, pages_scan);
	return pages_shrinker ? 0 : -ENOMEM;
}

void yoke_pages_exit(void)
{
	int cpu, i;

	shrinker_free(pages_shrinker);
	for_each_possible_cpu(cpu)
		for (i = 0; i < YOKE_PAGES_KEPT; i++)
			if (per_cpu(pages_cpus, cpu).kept[i].page)
				put_page(per_cpu(pages_cpus, cpu).kept[i].page);
}
