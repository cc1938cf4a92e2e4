/* SPDX-License-Identifier: GPL-2.0 */
/* Buffers for what is to be sent. */
#ifndef YOKE_SPARE_H
#define YOKE_SPARE_H

#include <linux/log2.h>
#include <linux/skbuff.h>

/*
 * In front of the data: 100 bytes for our own header and IP's, the rest for devices; one that wants
 * more makes the room itself. As much as half a KiB has, so that no more need be fetched and cleared;
 * where cache lines are long, and what the kernel keeps behind the data with them, as a KiB has.
 */
#define YOKE_HEADROOM							\
	SKB_WITH_OVERHEAD(roundup_pow_of_two(192 + SKB_DATA_ALIGN(sizeof(struct skb_shared_info))))

/* What a buffer is for: to lie in a queue while its clone travels, or to travel itself. */
enum yoke_spare { YOKE_SPARE_QUEUED, YOKE_SPARE_TRAVELS, YOKE_SPARES };

/*
 * An empty buffer, YOKE_HEADROOM bytes reserved; one to be queued has its companion, ready to be its
 * clone. Or NULL.
 */
struct sk_buff *yoke_spare_get(enum yoke_spare what, gfp_t gfp);
/* @skb, of yoke_spare_get(), has done its work and has not travelled. Not in hard interrupts. */
void yoke_spare_put(struct sk_buff *skb);
/* @skb, received, has done its work: it may be one that this host has sent. Softirq or process. */
void yoke_spare_back(struct sk_buff *skb);
/* The module goes: nobody gets or puts any more. */
void yoke_spare_exit(void);

#endif
