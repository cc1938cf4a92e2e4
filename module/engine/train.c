// SPDX-License-Identifier: GPL-2.0
/*
 * Trains: datagrams of one size in one buffer, cut as late as possible on their way out, joined as
 * early as possible on their way in.
 *
 * The IP layer has them cut for any packet of our protocol number, ours or one that is forwarded
 * from an untrusted guest: nothing in it is believed but what is checked here. What is joined hangs
 * as a list behind the first datagram, each in its own buffer. Softirq or process context, no locks.
 * RFC 768 (the header).
 */
#include <net/gro.h>
#include <net/ip.h>
#include "train.h"

/* --- cutting --- */

/*
 * Each datagram's length and checksum. The first's header, of which all have a copy, is the
 * train's; its checksum that of the pseudo-header so far.
 */
static void train_write_headers(struct sk_buff *segs)
{
	struct udphdr first = *udp_hdr(segs);
	struct sk_buff *skb;

	for (skb = segs; skb; skb = skb->next) {
		struct udphdr *uh = udp_hdr(skb);

		uh->len = htons(skb_tail_pointer(skb) - skb_transport_header(skb) + skb->data_len);
		uh->check = csum16_add(csum16_sub(first.check, first.len), uh->len);
		if (skb->ip_summed == CHECKSUM_PARTIAL)
			gso_reset_checksum(skb, (__force __wsum)~uh->check);
		else
			uh->check = gso_make_checksum(skb, (__force __wsum)~uh->check) ?:
				    CSUM_MANGLED_0;
	}
}

struct sk_buff *yoke_train_cut(struct sk_buff *skb, netdev_features_t features)
{
	unsigned int size = skb_shinfo(skb)->gso_size;
	struct sk_buff *segs;

	if (!(skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4) || !size ||
	    !pskb_may_pull(skb, sizeof(struct udphdr)) || skb->len <= sizeof(struct udphdr) + size)
		return ERR_PTR(-EINVAL);
	if (skb->ip_summed != CHECKSUM_PARTIAL ||
	    skb_checksum_start(skb) != skb_transport_header(skb))
		return ERR_PTR(-EINVAL);
	/* A guest's does not say that it is none of UDP's. */
	skb_shinfo(skb)->gso_type |= YOKE_TRAIN_TYPE;
	if (skb_gso_ok(skb, features | NETIF_F_GSO_ROBUST)) {
		/* The device takes it, but the number of datagrams was an outsider's. */
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(skb->len - sizeof(struct udphdr), size);
		return NULL;
	}
	/* No larger parts of a list of buffers: each is a datagram from here on. */
	features &= ~NETIF_F_GSO_MASK;

	__skb_pull(skb, sizeof(struct udphdr));
	segs = skb_segment(skb, features);
	if (IS_ERR_OR_NULL(segs))
		return segs ?: ERR_PTR(-EINVAL);
	/* Who asked when the train left hears of its first datagram. */
	skb_shinfo(segs)->tskey = skb_shinfo(skb)->tskey;
	skb_shinfo(segs)->tx_flags |= skb_shinfo(skb)->tx_flags & SKBTX_ANY_TSTAMP;
	train_write_headers(segs);
	return segs;
}

/* --- joining --- */

/* The header stays where the memory is, in front of the data. */
bool yoke_train_append(struct sk_buff *p, struct sk_buff *skb)
{
	struct sk_buff *last = NAPI_GRO_CB(p)->last;
	unsigned int len = skb_gro_len(skb);
	bool stolen;
	int more;

	/* Pages of programs are copied, if at all, out of the first buffer only (skb_orphan_frags_rx()). */
	if (p->len + len > IP_MAX_MTU || skb_zcopy(p) || skb_zcopy(skb) ||
	    NAPI_GRO_CB(p)->count >= YOKE_TRAIN_JOINED_MAX ||
	    !pskb_may_pull(skb, skb_gro_offset(skb)))
		return false;
	__skb_pull(skb, skb_gro_offset(skb));
	/* A sender on this machine was charged for each, not for the train. */
	skb_orphan(skb);
	skb_orphan(p);
	NAPI_GRO_CB(p)->count++;
	NAPI_GRO_CB(skb)->same_flow = 1;
	skb_shinfo(p)->flags |= skb_shinfo(skb)->flags & SKBFL_SHARED_FRAG;
	/*
	 * Pages may follow, but skb_segment() has no answer to a head that holds more than one datagram,
	 * unless it is the first.
	 */
	if ((last == p || len > skb_tailroom(last)) && skb_try_coalesce(last, skb, &stolen, &more)) {
		/* Only its pages are left of it: a driver may fill the rest anew (napi_gro_frags()). */
		NAPI_GRO_CB(skb)->free = stolen ? NAPI_GRO_FREE_STOLEN_HEAD : NAPI_GRO_FREE;
		if (!stolen)
			pskb_trim(skb, 0);
		if (last == p)
			return true;
	} else {
		if (last == p)
			skb_shinfo(p)->frag_list = skb;
		else
			last->next = skb;
		NAPI_GRO_CB(p)->last = skb;
		__skb_header_release(skb);
		more = skb->truesize;
	}
	p->len += len;
	p->data_len += len;
	p->truesize += more;
	return true;
}

struct sk_buff *yoke_train_join(struct list_head *head, struct sk_buff *skb,
				const struct udphdr *uh)
{
	u16 len = ntohs(uh->len);
	struct sk_buff *p;

	/* Not what is padded, and nothing without a checksum, which cutting would add. */
	if (!uh->check || len <= sizeof(*uh) || len != skb_gro_len(skb)) {
		NAPI_GRO_CB(skb)->flush = 1;
		return NULL;
	}
	skb_gro_pull(skb, sizeof(*uh));
	list_for_each_entry(p, head, list) {
		const struct udphdr *first = udp_hdr(p);

		if (!NAPI_GRO_CB(p)->same_flow)
			continue;
		if (first->source != uh->source || first->dest != uh->dest) {
			NAPI_GRO_CB(p)->same_flow = 0;
			continue;
		}
		/* A longer one, or one in another IP header, begins the next train. */
		if (len > ntohs(first->len) || yoke_gro_network_differs(uh, first, p))
			return p;
		/* A shorter one is the last. */
		if (NAPI_GRO_CB(skb)->flush || !yoke_train_append(p, skb) || len < ntohs(first->len))
			return p;
		return NULL;
	}
	return NULL;
}

void yoke_train_depart(struct sk_buff *skb, int offset, u16 check_at, int type, __sum16 pseudo)
{
	*(__sum16 *)(skb->data + offset + check_at) = ~pseudo;
	skb->csum_start = skb->data + offset - skb->head;
	skb->csum_offset = check_at;
	skb->ip_summed = CHECKSUM_PARTIAL;
	/* In a tunnel: what measures segments, and the headers in front of each, looks there. */
	if (skb->encapsulation)
		skb->inner_transport_header = skb->transport_header;
	skb_shinfo(skb)->gso_segs = NAPI_GRO_CB(skb)->count;
	skb_shinfo(skb)->gso_type |= type;
}
