// SPDX-License-Identifier: GPL-2.0
/*
 * Pages for what programs write.
 *
 * Each task fills a fragment of some pages. One that is full is kept here, by processor, until all
 * who read from it have let go, and is then filled again: a fresh one would cost a search for pages
 * and, on kernels that clear what they give out, a walk through every byte, a third of what a byte
 * costs otherwise. As many are kept as a send buffer of medium size fills, and no more; the one that
 * was given last, and so may be in the cache, is taken first.
 *
 * Process context; they are touched with preemption off.
 */
#include <linux/percpu.h>
#include "pages.h"

#define YOKE_PAGES_KEPT		64	/* fragments, of up to 32 KiB each */
#define YOKE_PAGES_LEAST	32	/* bytes: with less left a fragment is full */

/* The newest first; behind the oldest there may be empty places. */
struct pages {
	struct page_frag kept[YOKE_PAGES_KEPT];
};

static DEFINE_PER_CPU(struct pages, pages_cpus);

/* Gives the full @frag for one from which nobody reads any more: empty, if there is none. */
static void pages_exchange(struct page_frag *frag)
{
	struct page_frag *kept = get_cpu_ptr(&pages_cpus)->kept, taken;
	int i;

	for (i = 0; i < YOKE_PAGES_KEPT - 1 && kept[i].page; i++)
		if (page_ref_count(kept[i].page) == 1)
			break;
	taken = kept[i];
	memmove(kept + 1, kept, i * sizeof(*kept));
	kept[0] = *frag;
	put_cpu_ptr(&pages_cpus);

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

void yoke_pages_exit(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu)
		for (i = 0; i < YOKE_PAGES_KEPT; i++)
			if (per_cpu(pages_cpus, cpu).kept[i].page)
				put_page(per_cpu(pages_cpus, cpu).kept[i].page);
}
