// SPDX-License-Identifier: GPL-2.0
/*
 * Pages for what programs write.
 *
 * Each task fills a fragment of some pages. One that is full is kept here, by processor, until all
 * who read from it have let go, and is then filled again: a fresh one would cost a search for pages
 * and, on kernels that clear what they give out, a walk through every byte, a third of what a byte
 * costs otherwise. So many are kept, and no more.
 *
 * Process context; a ring is touched with preemption off.
 */
#include <linux/percpu.h>
#include "pages.h"

#define YOKE_PAGES_KEPT		4	/* fragments, of up to 32 KiB each */
#define YOKE_PAGES_LEAST	32	/* bytes: with less left a fragment is full */

struct pages_ring {
	struct page_frag kept[YOKE_PAGES_KEPT];
	unsigned int	oldest;
};

static DEFINE_PER_CPU(struct pages_ring, pages_rings);

/* Gives the full @frag for the one that was given first: empty, if somebody still reads from that. */
static void pages_exchange(struct page_frag *frag)
{
	struct pages_ring *ring = get_cpu_ptr(&pages_rings);
	struct page_frag first = ring->kept[ring->oldest];

	ring->kept[ring->oldest] = *frag;
	ring->oldest = (ring->oldest + 1) % YOKE_PAGES_KEPT;
	put_cpu_ptr(&pages_rings);

	frag->page = NULL;
	if (!first.page)
		return;
	if (page_ref_count(first.page) == 1 && dev_page_is_reusable(first.page)) {
		*frag = first;
		frag->offset = 0;
	} else {
		put_page(first.page);
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

	for_each_possible_cpu(cpu) {
		struct pages_ring *ring = per_cpu_ptr(&pages_rings, cpu);

		for (i = 0; i < YOKE_PAGES_KEPT; i++)
			if (ring->kept[i].page)
				put_page(ring->kept[i].page);
	}
}
