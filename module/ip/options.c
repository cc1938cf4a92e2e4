// SPDX-License-Identifier: GPL-2.0
/*
 * What the header of a datagram carries beside addresses: options of IPv4, extension headers of IPv6.
 * (Those of a stream are the socket's always, and IP writes them, but for answers before there is one.)
 *
 * Owns: options and options_len of struct yoke_dgram_dest, memory of their own; whoever made the
 * struct frees them. Process context, but for yoke_options_back(); what is said of a socket is read
 * under RCU.
 * RFC 791 §3.1, RFC 1122 §4.2.3.8, RFC 8200 §4, RFC 8754 §4.1.
 */
#include <net/ip.h>
#include <linux/seg6.h>
#include "options.h"

/* --- IPv4 --- */

static int options_keep(struct yoke_dgram_dest *d, struct ip_options *opt)
{
	kfree(d->options);
	d->options = opt;
	d->options_len = opt->optlen;
	return 0;
}

int yoke_options_read(struct net *net, struct yoke_dgram_dest *d, const void *data, size_t len)
{
	struct ip_options *opt;

	len = min_t(size_t, len, MAX_IPOPTLEN);
	opt = kzalloc(sizeof(*opt) + MAX_IPOPTLEN, GFP_KERNEL);
	if (!opt)
		return -ENOMEM;
	memcpy(opt->__data, data, len);		/* and IPOPT_END up to whole words */
	opt->optlen = ALIGN(len, 4);
	if (ip_options_compile(net, opt, NULL)) {
		kfree(opt);
		return -EINVAL;
	}
	return options_keep(d, opt);
}

int yoke_options_take(struct sock *sk, struct yoke_dgram_dest *d)
{
	const struct ip_options_rcu *from;
	struct ip_options *opt = NULL;

	if (d->options || likely(!rcu_access_pointer(inet_sk(sk)->inet_opt)))
		return 0;
	rcu_read_lock();
	from = rcu_dereference(inet_sk(sk)->inet_opt);
	if (from)
		opt = kmemdup(&from->opt, sizeof(*opt) + from->opt.optlen, GFP_ATOMIC);
	rcu_read_unlock();
	if (!opt)
		return from ? -ENOMEM : 0;
	return options_keep(d, opt);
}

/*
 * The stops that @route names as passed, last one first, in @to: the way back (RFC 1122 §3.2.1.8).
 * Returns what is behind it, which is @to if there were none.
 */
static u8 *options_turn_round(u8 *to, const u8 *route, const __be32 *from)
{
	const int first = 3;
	int at = min(route[IPOPT_OFFSET] - 1, (int)route[IPOPT_OLEN]) - 4;
	u8 *end = to + first;

	for (; at >= first; at -= 4) {
		/* RFC 1812 §5.2.4.1: some begin it with the source itself. */
		if (at == first && !memcmp(route + at, from, 4))
			break;
		memcpy(end, route + at, 4);
		end += 4;
	}
	if (end == to + first)
		return to;
	to[IPOPT_OPTVAL] = route[IPOPT_OPTVAL];
	to[IPOPT_OLEN] = end - to;
	to[IPOPT_OFFSET] = IPOPT_MINOFF;
	return end;
}

static u8 *options_answer(u8 *to, const u8 *option, const struct iphdr *iph)
{
	switch (option[IPOPT_OPTVAL]) {
	case IPOPT_LSRR:
	case IPOPT_SSRR:
		return options_turn_round(to, option, &iph->saddr);
	case IPOPT_TIMESTAMP:
		/* Other kinds of it only a program may send that has the right to. */
		if ((option[3] & 15) > IPOPT_TS_TSANDADDR && (option[3] & 15) != IPOPT_TS_PRESPEC)
			return to;
		fallthrough;
	case IPOPT_RR:
		memcpy(to, option, option[IPOPT_OLEN]);
		return to + option[IPOPT_OLEN];
	}
	return to;
}

struct ip_options_rcu *yoke_options_back(struct net *net, const struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);
	/* Not as far as it says itself: packet filters may have written into it since IP looked. */
	const u8 *at = (const u8 *)(iph + 1), *end = skb_transport_header(skb);
	struct ip_options_rcu *back;
	u8 *to;

	if (likely(at >= end))
		return NULL;
	back = kzalloc(sizeof(*back) + MAX_IPOPTLEN, GFP_ATOMIC | __GFP_NOWARN);
	if (!back)
		return NULL;
	to = back->opt.__data;
	/* Nor are the options' own lengths those that IP has seen. */
	while (end - at >= 4 && *at != IPOPT_END) {
		unsigned int len = *at == IPOPT_NOOP ? 1 : at[IPOPT_OLEN];

		if (!len || len > end - at)
			break;
		to = options_answer(to, at, iph);
		at += len;
	}
	back->opt.optlen = ALIGN(to - back->opt.__data, 4);
	if (back->opt.optlen && !ip_options_compile(net, &back->opt, NULL))
		return back;
	kfree(back);
	return NULL;
}

/* Milliseconds since midnight UT (RFC 791 §3.1); inet_current_timestamp() is not for modules any more. */
static __be32 options_time_of_day(void)
{
	u32 ms;

	div_u64_rem(div_u64(ktime_get_real_ns(), NSEC_PER_MSEC), 24 * 60 * 60 * MSEC_PER_SEC, &ms);
	return htonl(ms);
}

/*
 * A route leaves its last place to the destination. Where this host is to enter itself the pointer,
 * counted from 1, has gone on already.
 */
void yoke_options_write(struct sk_buff *skb, const struct ip_options *opt, __be32 daddr)
{
	u8 *hdr = skb_network_header(skb);

	memcpy(&IPCB(skb)->opt, opt, sizeof(*opt));
	memcpy(hdr + sizeof(struct iphdr), opt->__data, opt->optlen);
	if (opt->srr)
		memcpy(hdr + opt->srr + hdr[opt->srr + 1] - 4, &daddr, 4);
	if (opt->rr_needaddr)
		memcpy(hdr + opt->rr + hdr[opt->rr + 2] - 1 - 4, &ip_hdr(skb)->saddr, 4);
	if (opt->ts_needaddr)
		memcpy(hdr + opt->ts + hdr[opt->ts + 2] - 1 - 8, &ip_hdr(skb)->saddr, 4);
	if (opt->ts_needtime) {
		__be32 now = options_time_of_day();

		memcpy(hdr + opt->ts + hdr[opt->ts + 2] - 1 - 4, &now, 4);
	}
}

#if IS_ENABLED(CONFIG_IPV6)

/* --- IPv6 --- */

/* Copies @from to *@at, which goes on behind it. */
static void *options_move_in(const void *from, unsigned int len, u8 **at)
{
	void *to = *at;

	if (!from)
		return NULL;
	memcpy(to, from, len);
	*at += ALIGN(len, 8);
	return to;
}

#define LEN(hdr) ((hdr) ? ipv6_optlen(hdr) : 0)

/* @opt and all that it points to in one piece of memory. */
static struct ipv6_txoptions *options_copy(const struct ipv6_txoptions *opt)
{
	struct ipv6_txoptions *copy;
	u8 *at;

	copy = kzalloc(ALIGN(sizeof(*copy), 8) + LEN(opt->hopopt) + LEN(opt->dst0opt) +
		       LEN(opt->srcrt) + LEN(opt->dst1opt), GFP_KERNEL);
	if (!copy)
		return NULL;
	at = (u8 *)copy + ALIGN(sizeof(*copy), 8);
	copy->opt_flen = opt->opt_flen;
	copy->opt_nflen = opt->opt_nflen;
	copy->hopopt = options_move_in(opt->hopopt, LEN(opt->hopopt), &at);
	copy->dst0opt = options_move_in(opt->dst0opt, LEN(opt->dst0opt), &at);
	copy->srcrt = options_move_in(opt->srcrt, LEN(opt->srcrt), &at);
	copy->dst1opt = options_move_in(opt->dst1opt, LEN(opt->dst1opt), &at);
	return copy;
}

int yoke_options_take6(struct sock *sk, struct yoke_dgram_dest *d, struct ipv6_txoptions *opt)
{
	struct ipv6_txoptions *own = opt ? NULL : txopt_get(inet6_sk(sk));
	struct ipv6_txoptions merged = { 0 }, fixed = { 0 };
	struct ip6_flowlabel *label = NULL;
	int err = 0;

	if (d->flow & IPV6_FLOWLABEL_MASK) {
		label = fl6_sock_lookup(sk, d->flow);
		/* connect(2) and sendto(2) have asked; a control message may say another. */
		if (IS_ERR(label)) {
			if (d->control) {
				txopt_put(own);
				return -EINVAL;
			}
			label = NULL;
		}
	}
	opt = opt ?: own;
	if (label)
		opt = fl6_merge_options(&merged, label, opt);
	opt = ipv6_fixup_options(&fixed, opt);
	if (opt && opt->srcrt && opt->srcrt->type == IPV6_SRCRT_TYPE_4 &&
	    sr_has_hmac((struct ipv6_sr_hdr *)opt->srcrt)) {
		err = -EINVAL;		/* only IP can sign it */
	} else if (opt && opt->opt_flen + opt->opt_nflen) {
		d->options_len = opt->opt_flen + opt->opt_nflen;
		d->options = options_copy(opt);
		err = d->options ? 0 : -ENOMEM;
	}
	fl6_sock_release(label);
	txopt_put(own);
	return err;
}

/* The stops of a routing header, of which the next is number @next. */
static struct in6_addr *options_stops(struct ipv6_rt_hdr *hdr, int *next)
{
	struct ipv6_sr_hdr *sr = (struct ipv6_sr_hdr *)hdr;

	*next = 0;
	if (hdr->type != IPV6_SRCRT_TYPE_4)
		return ((struct rt0_hdr *)hdr)->addr;
	*next = sr->segments_left;
	return sr->segments;
}

struct in6_addr *yoke_options_hop6(const struct ipv6_txoptions *opt, struct flowi6 *fl6,
				   struct in6_addr *final)
{
	const struct in6_addr *stop;
	int next;

	if (!opt || !opt->srcrt)
		return NULL;
	*final = fl6->daddr;
	stop = options_stops(opt->srcrt, &next);
	fl6->daddr = stop[next];
	return final;
}

static void options_push(struct sk_buff *skb, const struct ipv6_opt_hdr *opt, u8 type, u8 *proto)
{
	struct ipv6_opt_hdr *hdr;

	if (!opt)
		return;
	hdr = skb_push(skb, ipv6_optlen(opt));
	memcpy(hdr, opt, ipv6_optlen(opt));
	hdr->nexthdr = *proto;
	*proto = type;
}

/*
 * The first stop is the packet's destination, and the destination the last stop: the first of a segment
 * list (RFC 8754 §2), which runs backwards, else the last.
 */
static const struct in6_addr *options_push_route(struct sk_buff *skb, struct ipv6_rt_hdr *route,
						 u8 *proto, const struct in6_addr *daddr)
{
	struct ipv6_rt_hdr *hdr = skb_push(skb, ipv6_optlen(route));
	int hops = route->hdrlen / 2, next;
	struct in6_addr *from, *to;

	memcpy(hdr, route, ipv6_optlen(route));
	hdr->nexthdr = *proto;
	*proto = NEXTHDR_ROUTING;
	from = options_stops(route, &next);
	to = options_stops(hdr, &next);
	if (route->type == IPV6_SRCRT_TYPE_4) {
		to[0] = *daddr;
	} else {
		memmove(to, to + 1, (hops - 1) * sizeof(*to));
		to[hops - 1] = *daddr;
	}
	return &from[next];
}

const struct in6_addr *yoke_options_push6(struct sk_buff *skb, struct ipv6_txoptions *opt, u8 *proto,
					  const struct in6_addr *daddr)
{
	options_push(skb, opt->dst1opt, NEXTHDR_DEST, proto);
	if (opt->srcrt) {
		daddr = options_push_route(skb, opt->srcrt, proto, daddr);
		options_push(skb, opt->dst0opt, NEXTHDR_DEST, proto);
	}
	options_push(skb, opt->hopopt, NEXTHDR_HOP, proto);
	return daddr;
}

#endif
