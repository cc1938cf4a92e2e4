// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers for what is to be sent, used again: mostly one is wanted soon after another has been
 * acknowledged, and to fetch, clear and free such a thing costs more than to send it.
 *
 * Most only lay on the queues of their socket: clones of them went out, and have come to their end if
 * the data is no longer shared; so nobody else has written into them. Datagrams, and segments without
 * data, travel themselves; what comes to its end on the host that sent it, or is just like those, is
 * wiped. A few a processor, touched with BH off. Charges are the socket's business: a spare is nobody's.
 */
#include <linux/percpu.h>
#include "spare.h"

#define SPARE_MAX	8	/* of a kind and a processor: less than 16 KiB */
#define SPARE_END_MAX	1024	/* bytes before the end of its head: it has not grown */

struct spares {
	unsigned int	n;
	struct sk_buff	*skb[SPARE_MAX];
};

static DEFINE_PER_CPU(struct spares[YOKE_SPARES], spares);

static struct sk_buff *spare_pop(enum yoke_spare what)
{
	struct sk_buff *skb = NULL;
	struct spares *s;

	local_bh_disable();
	s = this_cpu_ptr(&spares[what]);
	if (likely(s->n))
		skb = s->skb[--s->n];
	local_bh_enable();
	return skb;
}

static bool spare_push(struct sk_buff *skb)
{
	struct spares *s;
	bool room;

	local_bh_disable();
	s = this_cpu_ptr(&spares[skb->fclone == SKB_FCLONE_ORIG ? YOKE_SPARE_QUEUED :
								   YOKE_SPARE_TRAVELS]);
	room = s->n < SPARE_MAX;
	if (likely(room))
		s->skb[s->n++] = skb;
	local_bh_enable();
	return room;
}

struct sk_buff *yoke_spare_get(enum yoke_spare what, gfp_t gfp)
{
	struct sk_buff *skb = spare_pop(what);

	if (likely(skb))
		return skb;
	skb = what == YOKE_SPARE_QUEUED ? alloc_skb_fclone(YOKE_HEADROOM, gfp) :
					  alloc_skb(YOKE_HEADROOM, gfp);
	if (skb) {
		skb_reserve(skb, YOKE_HEADROOM);
		skb->ip_summed = CHECKSUM_PARTIAL;
	}
	return skb;
}

/* Is it ours alone, and as large as it was? What is not usual is not kept. */
static bool spare_is_fit(struct sk_buff *skb)
{
	return !skb_cloned(skb) && !skb_shared(skb) && skb->fclone != SKB_FCLONE_CLONE &&
	       !skb_zcopy(skb) && !skb_has_frag_list(skb) && !skb_pfmemalloc(skb) &&
	       !skb->head_frag && !skb->pp_recycle && !skb->nohdr && !skb_has_extensions(skb) &&
	       skb_end_offset(skb) >= YOKE_HEADROOM && skb_end_offset(skb) <= SPARE_END_MAX;
}

/* As it was when it was made, but for what whoever gets it sets anyway. */
static void spare_clean(struct sk_buff *skb)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	int i;

	for (i = 0; i < shinfo->nr_frags; i++)
		skb_frag_unref(skb, i);
	memset(shinfo, 0, offsetof(struct skb_shared_info, dataref));
	skb->cloned = 0;
	skb->len = 0;
	skb->data_len = 0;
	skb->truesize = SKB_TRUESIZE(skb_end_offset(skb));
	skb->data = skb->head + YOKE_HEADROOM;
	skb_reset_tail_pointer(skb);
}

void yoke_spare_put(struct sk_buff *skb)
{
	if (!spare_is_fit(skb)) {
		consume_skb(skb);
		return;
	}
	spare_clean(skb);
	if (!spare_push(skb))
		__kfree_skb(skb);
}

/* As spare_clean(), of one that has travelled, and in every field that the network may have set. */
static void spare_wipe(struct sk_buff *skb)
{
	u8 fclone = skb->fclone;

	skb_dst_drop(skb);
	skb_orphan(skb);
	nf_reset_ct(skb);
	memset(skb, 0, offsetof(struct sk_buff, tail));
	skb->fclone = fclone;
	skb->mac_header = (typeof(skb->mac_header))~0U;
	skb->transport_header = (typeof(skb->transport_header))~0U;
	skb->ip_summed = CHECKSUM_PARTIAL;
	spare_clean(skb);
}

void yoke_spare_back(struct sk_buff *skb)
{
	if (!spare_is_fit(skb)) {
		consume_skb(skb);
		return;
	}
	spare_wipe(skb);
	if (!spare_push(skb))
		__kfree_skb(skb);
}

void yoke_spare_exit(void)
{
	enum yoke_spare what;
	struct spares *s;
	int cpu;

	for_each_possible_cpu(cpu)
		for (what = 0; what < YOKE_SPARES; what++) {
			s = &per_cpu(spares[what], cpu);
			while (s->n)
				kfree_skb(s->skb[--s->n]);
		}
}
