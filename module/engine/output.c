// SPDX-License-Identifier: GPL-2.0
/*
 * The sole maker of segments: the header and its options (RFC 9293 §3.1); and those that carry no
 * data.
 *
 * Owns: who has been told what (ack_due …).
 * Runs under the socket lock, in process context or BH, but for the last part: segments that belong
 * to no socket.
 * MSS and options: RFC 9293 §3.7.1, RFC 7323. Resets: §3.5.2.
 */
#include <net/ip.h>
#include <net/ipv6.h>
#include "addr.h"
#include "output.h"
#include "pace.h"
#include "urgent.h"
#include "window.h"

unsigned int yoke_output_mss(const struct yoke_sock *ys)
{
	unsigned int mss = ys->mss;

	if (ys->nsacks || ys->dsack)
		mss -= 4 + 8 * min(ys->nsacks + ys->dsack, ys->use_ts ? 3 : 4);
	return mss;
}

/*
 * The header of RFC 9293 §3.1 in front of @skb, with @opt's options, if it is not NULL; window,
 * urgent pointer and checksum are the caller's. Inlined, as every segment passes here.
 */
static __always_inline struct tcphdr *output_header(struct sk_buff *skb,
						    const struct yoke_pair *pair, u32 seq,
						    u32 ack, u16 flags,
						    const struct yoke_opt *opt)
{
	unsigned int size = sizeof(struct tcphdr) + (opt ? yoke_opt_size(opt) : 0);
	struct tcphdr *th = skb_push(skb, size);

	skb_reset_transport_header(skb);
	if (opt)
		yoke_opt_write((u8 *)(th + 1), opt);
	th->source = pair->lport;
	th->dest = pair->rport;
	th->seq = htonl(seq);
	th->ack_seq = htonl(ack);
	/* Offset, reserved bits and flags. */
	*(((__be16 *)th) + 6) = htons(((size >> 2) << 12) | flags);
	th->check = 0;
	return th;
}

/* Options of a segment with @flags. */
static void output_options(struct sock *sk, u16 flags, struct yoke_opt *opt)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	struct yoke_sock *ys = yoke_sk(sk);
	bool answer = flags & YOKE_ACK;

	opt->mss = 0;
	opt->has_cookie = false;
	opt->nsacks = 0;
	opt->has_wscale = false;
	opt->sack_ok = false;
	opt->accecn = 0;
	opt->has_ts = ys->use_ts;
	if (flags & YOKE_SYN) {
		opt->mss = ys->advmss;
		opt->has_ts = answer ? ys->use_ts : READ_ONCE(set->timestamps);
		opt->sack_ok = answer ? ys->use_sack : READ_ONCE(set->sack);
		opt->has_wscale = answer ? ys->use_wscale : READ_ONCE(set->window_scaling);
		opt->wscale = ys->rcv_wscale;
	} else if (unlikely(ys->nsacks || ys->dsack) && !(flags & YOKE_RST)) {
		unsigned int room = opt->has_ts ? 3 : 4, n = 0;

		if (ys->dsack)
			opt->sack[n++] = ys->dsack_block;
		while (n < room && n - ys->dsack < ys->nsacks) {
			opt->sack[n] = ys->sacks[n - ys->dsack];
			n++;
		}
		opt->nsacks = n;
		ys->dsack = false;
	}
	if (opt->has_ts) {
		opt->tsval = yoke_conn_tsval(ys);
		opt->tsecr = answer ? ys->ts_recent : 0;
	}
}

/* AccECN's option goes where it takes no place from data (RFC 9768 §3.2.3.3). */
static void output_accecn(struct sock *sk, unsigned int len, u16 flags, struct yoke_opt *opt)
{
	struct yoke_sock *ys = yoke_sk(sk);
	unsigned int size = yoke_opt_size(opt), room = ys->mss + (ys->use_ts ? YOKE_TS_SIZE : 0) - size;

	if (len > room || flags & (YOKE_SYN | YOKE_RST))
		return;
	yoke_ecn_option(&ys->ecn, opt, min(YOKE_OPT_SPACE - size, len ? room - len : YOKE_OPT_SPACE),
			READ_ONCE(yoke_net(sock_net(sk))->set.ecn_option));
}

/* The ACK that was owed is on its way. */
static void output_ack_left(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	ys->ack_due = false;
	ys->ack_now = false;
	if (ys->quickack)
		ys->quickack--;
	if (unlikely(ys->held_acks)) {
		yoke_count_add(sock_net(sk), AckCompressed, ys->held_acks);
		ys->held_acks = 0;
	}
	yoke_conn_timer_cancel(sk, YOKE_TIMER_DELACK);
}

/*
 * ECN's flags for a segment with @flags, and in @ip the field of its IP header: only data that is
 * sent for the first time (@fresh) is ECN-capable, and tells that the window was reduced (RFC 3168
 * §6.1.2, §6.1.4 to §6.1.6); all is with an algorithm that needs it (RFC 8257 §3.5).
 */
static u16 output_ecn(struct sock *sk, struct sk_buff *skb, u16 flags, bool fresh, u8 *ip)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u16 more;

	if (unlikely(yoke_conn_needs_ecn(sk)))
		*ip = YOKE_IP_ECT0;
	if (flags & YOKE_SYN) {
		if (flags & YOKE_ACK)
			return yoke_ecn_synack_flags(ys->ecn.mode, ys->ecn.syn_ip, 0);
		/* Perhaps something on the path does not like the flags (§6.1.1.1). */
		return yoke_ecn_syn_flags(&ys->ecn, ys->retransmits,
					  READ_ONCE(yoke_net(sock_net(sk))->set.ecn_fallback));
	}
	more = yoke_ecn_flags(&ys->ecn, !skb->len && !ys->nsacks && !ys->dsack);
	if (unlikely(ys->ecn.no_ect)) {
		*ip = YOKE_IP_NOT_ECT;
	} else if (fresh && skb->len) {
		*ip = YOKE_IP_ECT0;
		/* AccECN has another use for that flag (RFC 9768 §3.1.5). */
		if (ys->ecn.mode == YOKE_ECN_CLASSIC && yoke_recovery_take_cwr(&ys->rec)) {
			more |= YOKE_CWR;
			/* In the first segment of a large buffer only. */
			skb_shinfo(skb)->gso_type |= SKB_GSO_TCP_ECN;
		}
	}
	return more;
}

/* How many segments the text of @skb, from @seq on, is to leave as, and of which size. */
static void output_cut(struct sock *sk, struct sk_buff *skb, u32 seq)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	unsigned int len = skb->len, mss = 0;

	if (len) {
		mss = yoke_output_mss(ys);
		if (unlikely(ys->pmtud.probe) && seq == ys->pmtud.start)
			mss = len;
	}
	if (len > mss) {
		skb_shinfo(skb)->gso_size = mss;
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(len, mss);
		skb_shinfo(skb)->gso_type = sk->sk_gso_type;
	} else {
		/* It was one, perhaps: of a FIN, too, all text may be acknowledged. */
		skb_gso_reset(skb);
	}
}

/*
 * @skb, with @len bytes of text, leaves: it is counted, and what it tells is no longer owed. What only
 * went before is not among RFC 4022's OutSegs.
 */
static void output_left(struct sock *sk, const struct sk_buff *skb, unsigned int len,
			u16 flags, bool fresh)
{
	struct yoke_sock *ys = yoke_sk(sk);
	u16 segs = yoke_skb_segs(skb);

	ys->segs_out += segs;
	if (fresh || !(len || flags & (YOKE_SYN | YOKE_FIN)))
		yoke_count_add(sock_net(sk), OutSegs, segs);
	if (len) {
		ys->sent.segs += segs;
		/* It answers text that came just now: by turns, and the answers carry the ACKs. */
		if (ys->bytes_received && (u32)jiffies - ys->got.time < YOKE_DELACK) {
			ys->quickack = 0;
			ys->pingpong = true;
		}
	}
	if (flags & YOKE_ACK)
		output_ack_left(sk);
}

int yoke_output_transmit(struct sock *sk, struct sk_buff *skb, u32 seq, u16 flags, bool fresh,
			 const struct yoke_opt_cookie *cookie)
{
	struct yoke_sock *ys = yoke_sk(sk);
	struct yoke_opt opt;
	u16 urgent = yoke_urgent_pointer(ys, seq);
	u8 ecn = YOKE_IP_NOT_ECT;
	unsigned int len = skb->len;
	struct tcphdr *th;

	if (urgent)
		flags |= YOKE_URG;
	output_cut(sk, skb, seq);
	if (ys->ecn.mode)
		flags |= output_ecn(sk, skb, flags, fresh, &ecn);
	output_options(sk, flags, &opt);
	if (unlikely(cookie)) {
		opt.has_cookie = true;
		opt.cookie = *cookie;
	}
	if (unlikely(ys->ecn.mode == YOKE_ECN_ACCURATE))
		output_accecn(sk, len, flags, &opt);
	th = output_header(skb, &ys->node.pair, seq, flags & YOKE_ACK ? ys->rcv_nxt : 0, flags,
			   &opt);
	if (flags & YOKE_SYN)
		th->window = htons(min_t(u32, ys->rcv_wnd, U16_MAX));
	else
		th->window = htons(yoke_window_advertise(sk));
	th->urg_ptr = htons(urgent);

	if (unlikely(ys->tx_delay))
		yoke_pace_delay(sk, skb);
	if (len || flags & (YOKE_SYN | YOKE_FIN)) {
		yoke_pace_charge(sk, skb);
	} else {
		/* ACKs in a queue are not to hold back text (as Linux): it is charged as two bytes. */
		skb_set_tcp_pure_ack(skb);
		skb_set_owner_w(skb, sk);
	}
	skb_set_dst_pending_confirm(skb, READ_ONCE(sk->sk_dst_pending_confirm));
	ys->af->checksum(skb, &ys->node.pair, sk->sk_protocol, offsetof(struct tcphdr, check));
	output_left(sk, skb, len, flags, fresh);

	memset(skb->cb, 0, sizeof(skb->cb));
	return ys->af->xmit(sk, skb, ecn);
}

/* Flags that a buffer of the queues goes out with. */
static u8 output_flags(const struct sock *sk, const struct sk_buff *skb)
{
	u8 flags = yoke_cb(skb)->flags & (YOKE_FIN | YOKE_SYN | YOKE_PSH);

	return sk->sk_state == TCP_SYN_SENT ? flags : flags | YOKE_ACK;
}

int yoke_output_queued(struct sock *sk, struct sk_buff *skb, const struct yoke_opt_cookie *cookie)
{
	struct sk_buff *clone = skb_clone(skb, sk_gfp_mask(sk, GFP_ATOMIC));

	if (!clone)
		return -ENOMEM;
	if (skb->len || yoke_cb(skb)->flags & YOKE_SYN)
		yoke_sk(sk)->last_sent_us = yoke_sk(sk)->now_us;
	yoke_pace_sent(sk, clone);
	return yoke_output_transmit(sk, clone, yoke_cb(skb)->start, output_flags(sk, skb),
				    !yoke_cb(skb)->seg.retrans, cookie);
}

void yoke_output_bare(struct sock *sk, u32 seq, u8 flags)
{
	gfp_t gfp = sk_gfp_mask(sk, GFP_ATOMIC | __GFP_NOWARN);
	struct sk_buff *skb = yoke_spare_get(YOKE_SPARE_TRAVELS, gfp);

	if (skb) {
		yoke_pace_bare(sk, skb);
		yoke_output_transmit(sk, skb, seq, flags, false, NULL);
	} else if (flags & YOKE_ACK) {
		yoke_sk(sk)->ack_due = true;	/* the timer tries again */
		yoke_conn_timer_arm(sk, YOKE_TIMER_DELACK, HZ / 5);
	}
}

/*
 * The number of a segment without data: SND.NXT, unless the peer has taken its window back from there,
 * by more than the scale rounds off. It hears nothing beyond (RFC 9293 §3.10.7.4, MUST-34).
 */
static u32 output_seq(const struct yoke_sock *ys)
{
	u32 end = yoke_conn_snd_end(ys);
	s32 beyond = ys->snd_nxt - end;

	if (likely(beyond <= 1 << ys->snd_wscale))
		return ys->snd_nxt;
	return end;
}

void yoke_output_ack(struct sock *sk)
{
	if (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_SYN_SENT)
		return;
	yoke_output_bare(sk, output_seq(yoke_sk(sk)), YOKE_ACK);
}

void yoke_output_window_update(struct sock *sk)
{
	yoke_conn_clock(yoke_sk(sk));
	if (yoke_window_read(sk))
		yoke_output_ack(sk);
}

void yoke_output_quick(struct sock *sk)
{
	struct yoke_sock *ys = yoke_sk(sk);

	if (likely(!ys->ack_due || !ys->quickack))
		return;
	yoke_conn_clock(ys);
	yoke_output_ack(sk);
}

bool yoke_output_may_answer(struct net *net, u32 *last)
{
	if (yoke_net_may_answer(net, last))
		return true;
	yoke_count(net, ACKSkippedChallenge);
	return false;
}

void yoke_output_challenge(struct sock *sk)
{
	struct net *net = sock_net(sk);

	if (!yoke_output_may_answer(net, &yoke_sk(sk)->challenge_jiffies) ||
	    !yoke_net_may_challenge(net))
		return;
	yoke_count(net, ChallengeAcks);
	yoke_output_ack(sk);
}

void yoke_output_reset(struct sock *sk)
{
	yoke_count(sock_net(sk), OutRsts);
	yoke_output_bare(sk, output_seq(yoke_sk(sk)), YOKE_RST | YOKE_ACK);
}

/* --- for no socket --- */

/*
 * The device that an answer has to leave by, 0: any that leads there. It need not be the one by
 * which the segment came, but for addresses of one link (RFC 4007 §6), a VRF, or SO_BINDTODEVICE.
 */
static int output_device(const struct yoke_rx *rx)
{
	if (ipv6_addr_type(&rx->pair.raddr) & IPV6_ADDR_LINKLOCAL)
		return yoke_rx_dev(rx);
	return rx->pair.dev ?: yoke_rx_vrf(rx);
}

int yoke_output_route(struct yoke_route *route, struct net *net, struct sock *sk,
		      const struct yoke_rx *rx)
{
	*route = (struct yoke_route) {
		.pair = rx->pair,
		.af = rx->af,
		.oif = output_device(rx),
		.mark = rx->mark,
		.flow = rx->flow,
		.tos = rx->tos,
		.foreign = rx->foreign,
		.options = rx->options,
	};
	if (sk) {
		if (!READ_ONCE(yoke_net(net)->set.reflect_tos))
			route->tos = yoke_addr_tos(sk, rx->af);
		if (yoke_conn_needs_ecn(sk))
			route->tos |= YOKE_IP_ECT0;
		route->ttl = yoke_addr_ttl(sk, rx->af);
	}
	return rx->af->route_for(net, sk, route);
}

void yoke_output_control(struct net *net, struct sock *sk, const struct yoke_route *route,
			 const struct yoke_control *says)
{
	struct sk_buff *skb = yoke_spare_get(YOKE_SPARE_TRAVELS, GFP_ATOMIC | __GFP_NOWARN);
	struct tcphdr *th;

	if (!skb) {
		dst_release(route->dst);
		return;
	}
	th = output_header(skb, &route->pair, says->seq, says->ack, says->flags, says->opt);
	th->window = htons(min_t(u32, says->wnd, U16_MAX));
	th->urg_ptr = 0;
	route->af->checksum(skb, &route->pair, yoke_stream_protocol, offsetof(struct tcphdr, check));
	/*
	 * Netfilter and a cgroup's programs (BPF) ask whose it is, unless that socket is gone.
	 * Charged to it, too: IPsec, which makes segments longer, takes any owner for one who was
	 * charged.
	 */
	if (says->owner && refcount_inc_not_zero(&says->owner->sk_refcnt)) {
		skb_set_owner_w(skb, says->owner);
		sock_put(says->owner);
	}
	if (route->txhash)
		skb_set_hash(skb, route->txhash, PKT_HASH_TYPE_L4);
	yoke_count(net, OutSegs);
	route->af->xmit_for(net, sk, skb, route);
}

void yoke_output_answer(struct net *net, const struct sk_buff *skb, const struct yoke_rx *rx, u32 mark,
			u32 txhash, const struct yoke_control *says)
{
	struct yoke_rx back = *rx;
	struct yoke_route route;

	back.mark = mark;
	if (rx->af->options_back)
		back.options = rx->af->options_back(net, skb);
	if (!yoke_output_route(&route, net, NULL, &back)) {
		route.txhash = txhash;
		yoke_output_control(net, NULL, &route, says);
	}
	kfree(back.options);
}

/* A reset for no socket has the mark of what it answers if fwmark_reflect says so, else its receiver's. */
static u32 output_mark(const struct net *net, const struct sk_buff *skb, const struct yoke_rx *rx)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (rx->af->family == AF_INET6)
		return IP6_REPLY_MARK(net, skb->mark) ?: rx->mark;
#endif
	return IP4_REPLY_MARK(net, skb->mark) ?: rx->mark;
}

void yoke_output_reset_for(struct net *net, struct sk_buff *skb, const struct yoke_rx *rx)
{
	const struct tcphdr *th = tcp_hdr(skb);
	u32 len = skb->len - th->doff * 4 + th->syn + th->fin;
	struct yoke_control says = { .flags = YOKE_RST };

	if (th->rst)
		return;
	if (th->ack) {
		says.seq = ntohl(th->ack_seq);
	} else {
		says.ack = ntohl(th->seq) + len;
		says.flags |= YOKE_ACK;
	}
	yoke_count(net, OutRsts);
	yoke_output_answer(net, skb, rx, output_mark(net, skb, rx), 0, &says);
}
