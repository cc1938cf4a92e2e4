// SPDX-License-Identifier: GPL-2.0
/*
 * Generic segmentation and receive offload: one large buffer of the stream
 * type becomes segments as late as possible, on its way into a device that does
 * not take it whole, and segments that follow one another become one buffer as
 * early as possible; so do datagrams for a program that wants it (UDP_GRO).
 *
 * Called by the IP layer for any packet of our protocol number, ours or one
 * that is forwarded from an untrusted guest: nothing in it is believed but what
 * is checked here. Softirq or process context, no locks.
 * RFC 9293 §3.1 (the header).
 */
#include <linux/tcp.h>
#include <net/gro.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include <net/tcp.h>
#include "../engine/dgram.h"
#include "../engine/pace.h"
#include "../engine/queue.h"
#include "offload.h"

static bool leaving;	/* GRO is to hold nothing more that only we can let go */

/* inet_gro_compute_pseudo() or ip6_gro_compute_pseudo(), which kernels declare each in their way. */
typedef typeof(inet_gro_compute_pseudo) gro_pseudo_fn;

/* The pseudo-header of @skb, summed; its own header is @offset bytes behind where its data begin. */
static __sum16 pseudo4_sum(const struct sk_buff *skb, int offset, u8 proto)
{
	const struct iphdr *iph = yoke_gro_network_header(skb);

	return csum_tcpudp_magic(iph->saddr, iph->daddr, skb->len - offset, proto, 0);
}

static __sum16 pseudo6_sum(const struct sk_buff *skb, int offset, u8 proto)
{
	const struct ipv6hdr *hdr = yoke_gro_network_header(skb);

	return csum_ipv6_magic(&hdr->saddr, &hdr->daddr, skb->len - offset, proto, 0);
}

/* --- the stream --- */

/*
 * Each segment's sequence, flags and checksum. @pseudo: sum of the pseudo-header but the length.
 * @cwr_once: CWR is said once (RFC 3168 §6.1.2), and no part of AccECN's counter (RFC 9768 §3.3.4).
 */
static void stream_write_headers(struct sk_buff *segs, unsigned int mss, __wsum pseudo,
				 bool cwr_once)
{
	struct tcphdr first = *tcp_hdr(segs);
	u32 seq = ntohl(first.seq);
	struct sk_buff *skb;

	for (skb = segs; skb; skb = skb->next) {
		struct tcphdr *th = tcp_hdr(skb);
		u32 len = skb_tail_pointer(skb) - skb_transport_header(skb) + skb->data_len;

		th->seq = htonl(seq);
		seq += mss;
		th->fin = first.fin && !skb->next;
		th->psh = first.psh && !skb->next;
		th->cwr = first.cwr && (skb == segs || !cwr_once);
		th->check = ~csum_fold(csum_add(pseudo, (__force __wsum)htonl(len)));
		/* An outer header's checksum, if there is one, builds on this. */
		if (skb->ip_summed == CHECKSUM_PARTIAL)
			gso_reset_checksum(skb, (__force __wsum)~th->check);
		else
			th->check = gso_make_checksum(skb, (__force __wsum)~th->check);
	}
}

/* SO_TIMESTAMPING: the segment with the byte that the sender follows has its marks, a device's too. */
static void stream_pass_stamp(const struct sk_buff *from, struct sk_buff *segs, unsigned int mss)
{
	u8 stamps = skb_shinfo(from)->tx_flags & SKBTX_ANY_TSTAMP;
	struct sk_buff *seg = segs;
	u32 left;

	if (likely(!stamps) || !from->sk || !sk_fullsock(from->sk))
		return;
	/* Whose it is may be anybody: a packet's (AF_PACKET), a guest's. */
	left = skb_shinfo(from)->tskey + (u32)atomic_read(&from->sk->sk_tskey) -
	       ntohl(tcp_hdr(segs)->seq);
	for (; seg->next && left >= mss; seg = seg->next)
		left -= mss;
	skb_shinfo(seg)->tx_flags |= stamps;
	skb_shinfo(seg)->tskey = skb_shinfo(from)->tskey;
}

/* @family: the bit SKB_GSO_TCPV4 or SKB_GSO_TCPV6; @sum_pseudo: sums up its pseudo-header. */
static struct sk_buff *stream_segment(struct sk_buff *skb, netdev_features_t features, int family,
				      __wsum (*sum_pseudo)(struct sk_buff *skb, int proto))
{
	unsigned int len = skb->len, mss = skb_shinfo(skb)->gso_size, header;
	bool cwr_once = skb_shinfo(skb)->gso_type & SKB_GSO_TCP_ECN;
	struct sk_buff *segs;
	__wsum pseudo;

	if (!(skb_shinfo(skb)->gso_type & family) ||
	    !pskb_may_pull(skb, sizeof(struct tcphdr)))
		return ERR_PTR(-EINVAL);
	header = tcp_hdrlen(skb);
	if (header < sizeof(struct tcphdr) || !pskb_may_pull(skb, header) || len <= header + mss)
		return ERR_PTR(-EINVAL);

	if (skb->ip_summed != CHECKSUM_PARTIAL) {
		tcp_hdr(skb)->check = ~csum_fold(sum_pseudo(skb, yoke_stream_protocol));
		skb->csum_start = skb_transport_header(skb) - skb->head;
		skb->csum_offset = offsetof(struct tcphdr, check);
		skb->ip_summed = CHECKSUM_PARTIAL;
	}
	if (skb_checksum_start(skb) != skb_transport_header(skb))
		return ERR_PTR(-EINVAL);

	/* A guest's does not say that it is none of TCP's. */
	skb_shinfo(skb)->gso_type |= YOKE_GSO_MARK;
	if (skb_gso_ok(skb, features | NETIF_F_GSO_ROBUST)) {
		/* The device takes it, but the number of segments was an outsider's. */
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(len - header, mss);
		return NULL;
	}

	/*
	 * No device is asked to sum what may go on to another (yoke_carrier_checksum()). Nor does it get
	 * larger parts of a list of buffers: each is a segment from here on.
	 */
	features &= ~(NETIF_F_CSUM_MASK | NETIF_F_GSO_MASK);

	pseudo = csum_sub(csum_unfold(tcp_hdr(skb)->check), (__force __wsum)htonl(len));
	__skb_pull(skb, header);
	segs = skb_segment(skb, features);
	if (IS_ERR(segs))
		return segs;
	stream_pass_stamp(skb, segs, mss);
	yoke_pace_divide(skb, segs);
	stream_write_headers(segs, mss, pseudo, cwr_once);
	return segs;
}

static struct sk_buff *stream4_segment(struct sk_buff *skb, netdev_features_t features)
{
	return stream_segment(skb, features, SKB_GSO_TCPV4, inet_compute_pseudo);
}

static struct sk_buff *stream6_segment(struct sk_buff *skb, netdev_features_t features)
{
	return stream_segment(skb, features, SKB_GSO_TCPV6, ip6_compute_pseudo);
}

/*
 * May @skb, with header @th, become part of a larger buffer? It only acknowledges and has data, and is
 * none already, as out of a tunnel, whose last segment may be short. The reserved bits are among the
 * flags: one after the other gets a name of its own (AE, RFC 9768).
 */
static bool stream_joins(const struct sk_buff *skb, const struct tcphdr *th)
{
	const __be32 others = TCP_DATA_OFFSET | TCP_FLAG_PSH | TCP_FLAG_FIN | htonl(U16_MAX);

	return !NAPI_GRO_CB(skb)->flush && !READ_ONCE(leaving) && skb_gro_len(skb) && !skb_is_gso(skb) &&
	       (tcp_flag_word(th) & ~others) == TCP_FLAG_ACK;
}

/* Does the segment with @th and @len bytes go on where @p, of the same flow, ends? */
static bool stream_follows(struct sk_buff *p, const struct tcphdr *th, unsigned int len)
{
	const struct tcphdr *first = tcp_hdr(p);

	return !yoke_gro_network_differs(th, first, p) && th->doff == first->doff &&
	       th->ack_seq == first->ack_seq && th->window == first->window &&
	       ntohl(th->seq) == ntohl(first->seq) + skb_gro_len(p) &&
	       len <= skb_shinfo(p)->gso_size && !first->psh && !first->fin &&
	       !memcmp(th + 1, first + 1, tcp_hdrlen(p) - sizeof(*th));
}

/*
 * @skb, its checksum good and its header @th at the GRO offset, joins the segments of its connection
 * that are in @head. What GRO is to deliver now, or NULL.
 */
static struct sk_buff *stream_join(struct list_head *head, struct sk_buff *skb,
				   const struct tcphdr *th)
{
	bool psh = th->psh, fin = th->fin;	/* the header may move when it is joined */
	struct sk_buff *p, *found = NULL;
	unsigned int len;

	skb_gro_pull(skb, th->doff * 4);
	len = skb_gro_len(skb);
	list_for_each_entry(p, head, list) {
		if (!NAPI_GRO_CB(p)->same_flow)
			continue;
		if (tcp_hdr(p)->source == th->source && tcp_hdr(p)->dest == th->dest)
			found = p;
		else
			NAPI_GRO_CB(p)->same_flow = 0;
	}
	if (!stream_joins(skb, th)) {
		NAPI_GRO_CB(skb)->flush = 1;
		return found;
	}
	if (found && stream_follows(found, th, len) && yoke_train_append(found, skb)) {
		tcp_hdr(found)->psh |= psh;
		tcp_hdr(found)->fin |= fin;
		/* The last one of what the peer had to send. */
		return len < skb_shinfo(found)->gso_size || psh || fin ? found : NULL;
	}
	/* The first of others, unless the peer says that there are none: so nobody waits for them. */
	NAPI_GRO_CB(skb)->flush |= psh || fin;
	return found;
}

/* Only with its whole header, and if its checksum is good. Inlined, so that @pseudo is called directly. */
static __always_inline struct sk_buff *stream_receive(struct list_head *head, struct sk_buff *skb,
						      gro_pseudo_fn *pseudo)
{
	unsigned int offset = skb_gro_offset(skb);
	const struct tcphdr *th = skb_gro_header(skb, offset + sizeof(*th), offset);

	if (th && th->doff * 4 >= sizeof(*th))
		th = skb_gro_header(skb, offset + th->doff * 4, offset);
	else
		th = NULL;
	if (th && !skb_gro_checksum_validate(skb, yoke_stream_protocol, pseudo))
		return stream_join(head, skb, th);
	NAPI_GRO_CB(skb)->flush = 1;
	return NULL;
}

static struct sk_buff *stream4_receive(struct list_head *head, struct sk_buff *skb)
{
	return stream_receive(head, skb, inet_gro_compute_pseudo);
}

static struct sk_buff *stream6_receive(struct list_head *head, struct sk_buff *skb)
{
	return stream_receive(head, skb, ip6_gro_compute_pseudo);
}

static int stream4_complete(struct sk_buff *skb, int offset)
{
	yoke_train_depart(skb, offset, offsetof(struct tcphdr, check), YOKE_GSO_TYPE4,
			  pseudo4_sum(skb, offset, yoke_stream_protocol));
	return 0;
}

static int stream6_complete(struct sk_buff *skb, int offset)
{
	yoke_train_depart(skb, offset, offsetof(struct tcphdr, check), YOKE_GSO_TYPE6,
			  pseudo6_sum(skb, offset, yoke_stream_protocol));
	return 0;
}

static const struct net_offload stream4_offload = {
	.callbacks = {
		.gso_segment	= stream4_segment,
		.gro_receive	= stream4_receive,
		.gro_complete	= stream4_complete,
	},
};

static const struct net_offload stream6_offload = {
	.callbacks = {
		.gso_segment	= stream6_segment,
		.gro_receive	= stream6_receive,
		.gro_complete	= stream6_complete,
	},
};

/* --- datagrams --- */

/* What the engine looks for, of a datagram that GRO holds; its addresses are there. */
static struct sk_buff *dgram_receive(struct list_head *head, struct sk_buff *skb,
				     const struct udphdr *uh, struct yoke_rx *rx)
{
	rx->pair.lport = uh->dest;
	rx->pair.rport = uh->source;
	rx->iif = skb->dev->ifindex;
	if (!READ_ONCE(leaving) && yoke_dgram_wants_trains(dev_net(skb->dev), rx))
		return yoke_train_join(head, skb, uh);
	NAPI_GRO_CB(skb)->flush = 1;
	return NULL;
}

/* The header of a datagram whose checksum is good, if somebody may want it in a train; else NULL. */
static __always_inline const struct udphdr *dgram_header(struct sk_buff *skb, gro_pseudo_fn *pseudo)
{
	unsigned int offset = skb_gro_offset(skb);
	const struct udphdr *uh = skb_gro_header(skb, offset + sizeof(*uh), offset);

	if (uh && (!static_branch_unlikely(&yoke_dgram_trains) ||
		   skb_gro_checksum_validate_zero_check(skb, yoke_dgram_protocol, uh->check, pseudo)))
		return NULL;
	return uh;
}

static struct sk_buff *dgram4_receive(struct list_head *head, struct sk_buff *skb)
{
	const struct udphdr *uh = dgram_header(skb, inet_gro_compute_pseudo);
	const struct iphdr *iph = skb_gro_network_header(skb);
	struct yoke_rx rx = { };

	if (!uh) {
		NAPI_GRO_CB(skb)->flush = 1;
		return NULL;
	}
	ipv6_addr_set_v4mapped(iph->daddr, &rx.pair.laddr);
	ipv6_addr_set_v4mapped(iph->saddr, &rx.pair.raddr);
	return dgram_receive(head, skb, uh, &rx);
}

static struct sk_buff *dgram6_receive(struct list_head *head, struct sk_buff *skb)
{
	const struct udphdr *uh = dgram_header(skb, ip6_gro_compute_pseudo);
	const struct ipv6hdr *hdr = skb_gro_network_header(skb);
	struct yoke_rx rx = { };

	if (!uh) {
		NAPI_GRO_CB(skb)->flush = 1;
		return NULL;
	}
	rx.pair.laddr = hdr->daddr;
	rx.pair.raddr = hdr->saddr;
	return dgram_receive(head, skb, uh, &rx);
}

static int dgram_complete(struct sk_buff *skb, int offset, __sum16 pseudo)
{
	struct udphdr *uh = (struct udphdr *)(skb->data + offset);

	uh->len = htons(skb->len - offset);
	yoke_train_depart(skb, offset, offsetof(struct udphdr, check), YOKE_TRAIN_TYPE, pseudo);
	return 0;
}

static int dgram4_complete(struct sk_buff *skb, int offset)
{
	return dgram_complete(skb, offset, pseudo4_sum(skb, offset, yoke_dgram_protocol));
}

static int dgram6_complete(struct sk_buff *skb, int offset)
{
	return dgram_complete(skb, offset, pseudo6_sum(skb, offset, yoke_dgram_protocol));
}

/* As stream_segment(): summed here. */
static struct sk_buff *dgram_segment(struct sk_buff *skb, netdev_features_t features)
{
	return yoke_train_cut(skb, features & ~NETIF_F_CSUM_MASK);
}

static const struct net_offload dgram4_offload = {
	.callbacks = {
		.gso_segment	= dgram_segment,
		.gro_receive	= dgram4_receive,
		.gro_complete	= dgram4_complete,
	},
};

static const struct net_offload dgram6_offload = {
	.callbacks = {
		.gso_segment	= dgram_segment,
		.gro_receive	= dgram6_receive,
		.gro_complete	= dgram6_complete,
	},
};

static bool offload_ipv6(void)
{
	return IS_ENABLED(CONFIG_IPV6) && ipv6_mod_enabled();
}

static void offload_del(const struct net_offload *v4, const struct net_offload *v6, u8 number)
{
	if (offload_ipv6())
		inet6_del_offload(v6, number);
	inet_del_offload(v4, number);
}

static int offload_add(const struct net_offload *v4, const struct net_offload *v6, u8 number,
		       const char *parameter)
{
	if (inet_add_offload(v4, number))
		goto taken;
	if (!offload_ipv6() || !inet6_add_offload(v6, number))
		return 0;
	inet_del_offload(v4, number);
taken:
	pr_err("IP protocol %u already has an offload; load with %s=N\n", number, parameter);
	return -EBUSY;
}

int yoke_offload_init(void)
{
	int err;

	err = offload_add(&stream4_offload, &stream6_offload, yoke_stream_protocol, "stream_proto");
	if (err)
		return err;
	err = offload_add(&dgram4_offload, &dgram6_offload, yoke_dgram_protocol, "dgram_proto");
	if (err)
		offload_del(&stream4_offload, &stream6_offload, yoke_stream_protocol);
	return err;
}

void yoke_offload_exit(void)
{
	/* What is held goes at the end of a poll, or a tick later: IP warns of what it cannot complete. */
	WRITE_ONCE(leaving, true);
	synchronize_net();
	schedule_timeout_uninterruptible(2);
	synchronize_net();
	offload_del(&dgram4_offload, &dgram6_offload, yoke_dgram_protocol);
	offload_del(&stream4_offload, &stream6_offload, yoke_stream_protocol);
}
