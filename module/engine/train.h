/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trains: datagrams of one size, the last may be shorter, that travel the machine in one buffer,
 * their payloads behind the first one's header (UDP_SEGMENT, UDP_GRO).
 */
#ifndef YOKE_TRAIN_H
#define YOKE_TRAIN_H

#include <linux/skbuff.h>
#include <linux/udp.h>

/*
 * Of a train in &skb_shared_info.gso_type. Hardware that cuts UDP's does not know ours: no card has
 * the second, while what is software has both.
 */
#define YOKE_TRAIN_TYPE		(SKB_GSO_UDP_L4 | SKB_GSO_FRAGLIST)

/* UDP_GRO: how many arrive together at most. */
#define YOKE_TRAIN_JOINED_MAX	64

/* Makes a train of @size bytes a datagram of @skb, which holds @len bytes of them and no header yet. */
static inline void yoke_train_mark(struct sk_buff *skb, unsigned int size, unsigned int len)
{
	skb_shinfo(skb)->gso_size = size;
	skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(len, size);
	skb_shinfo(skb)->gso_type = YOKE_TRAIN_TYPE;
}

/*
 * Cuts @skb, transport header at its data, into datagrams for a device that has @features: a list
 * whose buffers' data begins where @skb's link header does. NULL: that device takes it whole;
 * -EINVAL: it is no train. @skb remains. With NETIF_F_HW_CSUM they are not summed.
 */
struct sk_buff *yoke_train_cut(struct sk_buff *skb, netdev_features_t features);

/*
 * GRO: hangs @skb, its data at the GRO offset, behind @p. False, and nothing has changed, if there is
 * no room or no memory. Softirq.
 */
bool yoke_train_append(struct sk_buff *p, struct sk_buff *skb);
/*
 * GRO: @skb, a datagram whose checksum is known to be good and whose header @uh lies at the GRO
 * offset, joins the train of its flow that is in @head. Returns the train that is complete by that,
 * or NULL. Softirq.
 */
struct sk_buff *yoke_train_join(struct list_head *head, struct sk_buff *skb,
				const struct udphdr *uh);
/*
 * GRO: @skb, joined, sets out as a buffer of gso_type @type. Its header is @offset bytes behind the
 * data's begin and has its checksum at @check_at; @pseudo is the sum of its pseudo-header.
 */
void yoke_train_depart(struct sk_buff *skb, int offset, u16 check_at, int type, __sum16 pseudo);

#endif
