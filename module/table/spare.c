// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers for what is to be sent, used again: mostly one is wanted soon after another has been
 * acknowledged, and to fetch, clear and free such a thing costs more than to send it.
 *
 * Most only lay on the queues of their socket: clones of them went out, and have come to their end if
 * the data is no longer shared; so nobody else has written into them. Those without data travel
 * themselves; what came to its end on the host that sent it is wiped. A few a processor, touched with
 * BH off. Charges are the socket's business: a spare is nobody's.
 */
#include <linux/percpu.h>
#include "spare.h"

#define SPARES		8	/* KiB a processor */
#define SPARE_END_MAX	1024	/* bytes before the end of its head: it has not grown */

static DEFINE_PER_CPU(struct {
	unsigned int	n;
	struct sk_buff	*skb[SPARES];
}, spares);

static struct sk_buff *spare_pop(void)
{
	struct sk_buff *skb = NULL;

	local_bh_disable();
	if (likely(this_cpu_read(spares.n)))
		skb = this_cpu_ptr(&spares)->skb[this_cpu_dec_return(spares.n)];
	local_bh_enable();
	return skb;
}

static bool spare_push(struct sk_buff *skb)
{
	bool room;

	local_bh_disable();
	room = this_cpu_read(spares.n) < SPARES;
	if (likely(room))
		this_cpu_ptr(&spares)->skb[this_cpu_inc_return(spares.n) - 1] = skb;
	local_bh_enable();
	return room;
}

struct sk_buff *yoke_spare_get(gfp_t gfp)
{
	struct sk_buff *skb = spare_pop();

	if (likely(skb))
		return skb;
	skb = alloc_skb_fclone(YOKE_HEADROOM, gfp);
	if (skb) {
		skb_reserve(skb, YOKE_HEADROOM);
		skb->ip_summed = CHECKSUM_PARTIAL;
	}
	return skb;
}

/* Is it ours alone, and as large as it was? What is not usual is not kept. */
static bool spare_is_fit(struct sk_buff *skb)
{
	return !skb_cloned(skb) && !skb_shared(skb) && skb->fclone == SKB_FCLONE_ORIG &&
	       !skb_zcopy(skb) && !skb_has_frag_list(skb) && !skb_pfmemalloc(skb) &&
	       !skb->head_frag && !skb_has_extensions(skb) &&
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

/*
 * As spare_clean(), of one that has travelled, as it is in every field that the network may have set.
 */
static void spare_wipe(struct sk_buff *skb)
{
	skb_dst_drop(skb);
	skb_orphan(skb);
	nf_reset_ct(skb);
	memset(skb, 0, offsetof(struct sk_buff, tail));
	skb->fclone = SKB_FCLONE_ORIG;
	skb->mac_header = (typeof(skb->mac_header))~0U;
	skb->transport_header = (typeof(skb->transport_header))~0U;
	skb->ip_summed = CHECKSUM_PARTIAL;
	spare_clean(skb);
}

void yoke_spare_back(struct sk_buff *skb)
{
	if (skb->fclone != SKB_FCLONE_ORIG || skb_is_nonlinear(skb) || !spare_is_fit(skb)) {
		consume_skb(skb);
		return;
	}
	spare_wipe(skb);
	if (!spare_push(skb))
		__kfree_skb(skb);
}

void yoke_spare_exit(void)
{
	struct sk_buff *skb;
	int cpu;

	for_each_possible_cpu(cpu)
		while (per_cpu(spares.n, cpu)) {
			skb = per_cpu(spares.skb[--per_cpu(spares.n, cpu)], cpu);
			kfree_skb(skb);
		}
}
