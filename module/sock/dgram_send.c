// SPDX-License-Identifier: GPL-2.0
/*
 * A datagram is sent: where it goes, by the socket's options and its own, its parts if it comes in
 * several, and the making of the packet.
 *
 * Owns: pending, pending_len and dest of struct yoke_dgram and, in sk_write_queue, the parts; socket
 * lock. Sending without cork takes no lock, as in UDP. Process context.
 * RFC 768, RFC 1122 §4.1, RFC 8085.
 */
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/udp.h>
#include "../engine/addr.h"
#include "../engine/dgram.h"
#include "../ip/ip6.h"
#include "../table/spare.h"
#include "dgram_send.h"

/* Without a spare, a datagram is one piece of memory up to here; beyond, its data are pages. */
#define LINEAR_MAX	2048

#if IS_ENABLED(CONFIG_IPV6)

/* An address of AF_INET6 that sendto(2) was given. */
static int dgram_read_name_ipv6(struct sock *sk, const struct msghdr *msg,
				struct yoke_dgram_dest *d)
{
	DECLARE_SOCKADDR(const struct sockaddr_in6 *, addr, msg->msg_name);
	struct ip6_flowlabel *label;

	if (msg->msg_namelen < SIN6_LEN_RFC2133)
		return -EINVAL;
	d->pair.raddr = addr->sin6_addr;
	d->pair.rport = addr->sin6_port;
	/* The unspecified address is this very host, as in IPv4. */
	if (ipv6_addr_any(&d->pair.raddr)) {
		d->pair.raddr = in6addr_loopback;
		if (ipv6_addr_v4mapped(&inet6_sk(sk)->saddr))
			ipv6_addr_set_v4mapped(htonl(INADDR_LOOPBACK), &d->pair.raddr);
	}
	if (msg->msg_namelen >= (int)sizeof(*addr) &&
	    __ipv6_addr_needs_scope_id(__ipv6_addr_type(&d->pair.raddr)))
		d->oif = addr->sin6_scope_id ?: d->oif;
	if (inet6_test_bit(SNDFLOW, sk)) {
		d->flow = addr->sin6_flowinfo & IPV6_FLOWINFO_MASK;
		label = d->flow & IPV6_FLOWLABEL_MASK ? fl6_sock_lookup(sk, d->flow) : NULL;
		if (IS_ERR(label))
			return -EINVAL;
		fl6_sock_release(label);
	}
	return 0;
}

/* To its peer, with the flow label that connect(2) was given. */
static void dgram_read_peer_ipv6(const struct sock *sk, struct yoke_dgram_dest *d)
{
	if (sk->sk_family == AF_INET6)
		d->flow = inet6_sk(sk)->flow_label;
}

#else

static int dgram_read_name_ipv6(struct sock *sk, const struct msghdr *msg,
				struct yoke_dgram_dest *d)
{
	return -EINVAL;
}

static void dgram_read_peer_ipv6(const struct sock *sk, struct yoke_dgram_dest *d)
{
}

#endif

/* The address that sendto(2) was given. */
static int dgram_read_name(struct sock *sk, const struct msghdr *msg, struct yoke_dgram_dest *d)
{
	DECLARE_SOCKADDR(const struct sockaddr_in *, sin, msg->msg_name);
	bool ipv6 = sk->sk_family == AF_INET6;
	int err;

	if (msg->msg_namelen < (int)sizeof(sin->sin_family) ||
	    (!ipv6 && msg->msg_namelen < (int)sizeof(*sin)))
		return -EINVAL;
	if (!ipv6 || sin->sin_family == AF_INET) {
		if (sin->sin_family != AF_INET && sin->sin_family != AF_UNSPEC)
			return -EAFNOSUPPORT;
		if (msg->msg_namelen < (int)sizeof(*sin))
			return -EINVAL;
		ipv6_addr_set_v4mapped(sin->sin_addr.s_addr, &d->pair.raddr);
		d->pair.rport = sin->sin_port;
	} else {
		err = sin->sin_family == AF_INET6 ? dgram_read_name_ipv6(sk, msg, d) : -EINVAL;
		if (err)
			return err;
	}
	if (ipv6 && ipv6_only_sock(sk) && ipv6_addr_v4mapped(&d->pair.raddr))
		return -ENETUNREACH;
	return d->pair.rport ? 0 : -EINVAL;
}

/* Does @msg say where to go? AF_UNSPEC does not, on a socket of AF_INET6. */
static bool dgram_has_name(const struct sock *sk, const struct msghdr *msg)
{
	DECLARE_SOCKADDR(const struct sockaddr *, addr, msg->msg_name);

	return addr && !(sk->sk_family == AF_INET6 && addr->sa_family == AF_UNSPEC &&
			 msg->msg_namelen >= (int)sizeof(addr->sa_family));
}

/* UDP's control messages; of others, that they are there. */
static int dgram_read_control(struct msghdr *msg, struct yoke_dgram_dest *d)
{
	struct cmsghdr *cmsg;

	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		if (cmsg->cmsg_level != SOL_UDP) {
			d->control = true;
			continue;
		}
		if (cmsg->cmsg_type != UDP_SEGMENT || cmsg->cmsg_len != CMSG_LEN(sizeof(u16)))
			return -EINVAL;
		d->segment = *(const u16 *)CMSG_DATA(cmsg);
	}
	return 0;
}

/*
 * Where @msg is to go: the address it gives or the peer's, by the socket's options and its own. @locked:
 * the socket is.
 */
static int dgram_read_dest(struct sock *sk, struct msghdr *msg, struct yoke_dgram_dest *d,
			   bool locked)
{
	int err;

	memset(d, 0, sizeof(*d));
	d->ttl = -1;
	d->oif = READ_ONCE(sk->sk_bound_dev_if);
	d->cookie.mark = READ_ONCE(sk->sk_mark);
	d->cookie.tsflags = READ_ONCE(sk->sk_tsflags);
	d->segment = READ_ONCE(yoke_dg(sk)->segment);
	d->priority = READ_ONCE(sk->sk_priority);
	yoke_compat_begin_priority(&d->cookie, d->priority);
	d->pair.lport = inet_sk(sk)->inet_sport;
	d->named = dgram_has_name(sk, msg);
	d->locked = locked;
	if (d->named) {
		err = dgram_read_name(sk, msg, d);
		if (err)
			return err;
	} else {
		if (sk->sk_state != TCP_ESTABLISHED)
			return -EDESTADDRREQ;
		d->pair.raddr = yoke_addr_remote(sk);
		d->pair.rport = inet_sk(sk)->inet_dport;
		d->connected = true;
		dgram_read_peer_ipv6(sk, d);
	}
	d->af = yoke_ip_to(&d->pair.raddr);
	/* Nothing is urgent in a datagram; to IPv6 UDP does not say so. */
	if (msg->msg_flags & MSG_OOB && d->af->family == AF_INET)
		return -EOPNOTSUPP;
	err = dgram_read_control(msg, d);
	if (err)
		return err;
	return d->af->dgram_dest(sk, msg, d);
}

/* Appends @len bytes of pages to @skb, to be written. False if there is no memory. */
static bool dgram_append_pages(struct sock *sk, struct sk_buff *skb, size_t len)
{
	struct page_frag *frag = sk_page_frag(sk);
	int i = skb_shinfo(skb)->nr_frags;
	size_t n;

	/* Its own it may not fill without the lock; and the task may be in the midst of filling its. */
	if (frag == &sk->sk_frag)
		return false;
	for (; len; len -= n) {
		if (i == MAX_SKB_FRAGS ||
		    !skb_page_frag_refill(min(len, PAGE_SIZE), frag, sk->sk_allocation))
			return false;
		n = min_t(size_t, len, frag->size - frag->offset);
		get_page(frag->page);
		skb_fill_page_desc(skb, i++, frag->page, frag->offset, n);
		frag->offset += n;
		skb_len_add(skb, n);
	}
	return true;
}

/*
 * A buffer that was used before, for @len bytes behind @headers, with its data in the buffer itself
 * or, if that is too small, in pages. NULL: the slow way knows what is to be done.
 */
static struct sk_buff *dgram_alloc_spare(struct sock *sk, unsigned int headers, size_t len)
{
	struct sk_buff *skb;

	if (headers > YOKE_HEADROOM || READ_ONCE(sk->sk_err) ||
	    READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
	    sk_wmem_alloc_get(sk) >= READ_ONCE(sk->sk_sndbuf))
		return NULL;
	skb = yoke_spare_get(YOKE_SPARE_TRAVELS, sk->sk_allocation);
	if (!skb)
		return NULL;
	skb_push(skb, YOKE_HEADROOM - headers);
	__skb_trim(skb, 0);
	if (len <= skb_tailroom(skb)) {
		__skb_put(skb, len);
	} else if (!dgram_append_pages(sk, skb, len)) {
		yoke_spare_put(skb);
		return NULL;
	}
	skb_set_owner_w(skb, sk);
	return skb;
}

/*
 * A buffer for @len bytes of data with room for @headers in front, @linear in
 * one piece. Waits until the send buffer has room, unless @flags forbid it.
 */
static struct sk_buff *dgram_alloc_data(struct sock *sk, unsigned int headers, size_t len,
					bool linear, int flags, int *err)
{
	size_t head = linear || len <= LINEAR_MAX ? len : 0;
	struct sk_buff *skb;

	skb = linear ? NULL : dgram_alloc_spare(sk, headers, len);
	if (skb)
		return skb;
	skb = sock_alloc_send_pskb(sk, headers + head, len - head, flags & MSG_DONTWAIT, err,
				   PAGE_ALLOC_COSTLY_ORDER);
	if (!skb)
		return NULL;
	skb_reserve(skb, headers);
	skb_put(skb, head);
	skb->data_len = len - head;
	skb->len += len - head;
	return skb;
}

static unsigned int dgram_headers_for(const struct yoke_dgram_dest *d, const struct dst_entry *dst)
{
	return yoke_af_link_room(dst) + dst->trailer_len +
	       d->af->header_len + d->options_len + sizeof(struct udphdr);
}

/* Is its checksum left out? SO_NO_CHECK is IPv4's, UDP_NO_CHECK6_TX IPv6's. */
static bool dgram_unsummed(const struct sock *sk, const struct yoke_dgram_dest *d)
{
	return d->af->family == AF_INET ? sk->sk_no_check_tx : READ_ONCE(yoke_dg(sk)->no_check6_tx);
}

static void dgram_push_header(struct sock *sk, struct sk_buff *skb, const struct yoke_dgram_dest *d)
{
	struct udphdr *uh = skb_push(skb, sizeof(*uh));

	skb_reset_transport_header(skb);
	uh->source = d->pair.lport;
	uh->dest = d->pair.rport;
	uh->len = htons(skb->len);
	uh->check = 0;
	skb->ip_summed = CHECKSUM_NONE;
	if (!dgram_unsummed(sk, d))
		d->af->checksum(skb, &d->pair, sk->sk_protocol, offsetof(struct udphdr, check));
}

/* Hands @skb, the data, to IP; consumes it and the route. */
static int dgram_transmit(struct sock *sk, struct sk_buff *skb, const struct yoke_dgram_dest *d,
			  struct dst_entry *dst)
{
	int err;

	skb_dst_set(skb, dst);
	if (d->segment && skb->len > d->segment)
		yoke_train_mark(skb, d->segment, skb->len);
	dgram_push_header(sk, skb, d);
	skb->priority = d->priority;
	skb->mark = d->cookie.mark;
	if (d->cookie.transmit_time)
		yoke_set_transmit_time(skb, sk, d->cookie.transmit_time);
	yoke_setup_tx_timestamp(skb, &d->cookie);
	err = d->af->dgram_xmit(sk, skb, d);
	if (!err) {
		yoke_count(sock_net(sk), DgramOutDatagrams);
	} else if (err == -ENOBUFS && !yoke_addr_recverr(sk, d->af)) {
		/* A full queue is no news for a datagram, unless the program wants to hear it. */
		yoke_count(sock_net(sk), DgramSndbufErrors);
		err = 0;
	}
	return err;
}

/* What fits into an IP packet; the length that IPv6's header gives is without it. */
static unsigned int dgram_payload_max(const struct yoke_dgram_dest *d)
{
	return U16_MAX - sizeof(struct udphdr) - d->options_len -
	       (d->af->family == AF_INET ? d->af->header_len : 0);
}

/* May a train of @len bytes leave by @dst? None of its datagrams may be cut, nor go unsummed. */
static int dgram_check_train(struct sock *sk, size_t len, const struct yoke_dgram_dest *d,
			     const struct dst_entry *dst, u32 mtu)
{
	if (d->af->header_len + d->options_len + sizeof(struct udphdr) +
	    min_t(size_t, len, d->segment) > mtu)
		return -EMSGSIZE;
	if (len > (size_t)d->segment * UDP_MAX_SEGMENTS || dgram_unsummed(sk, d))
		return -EINVAL;
	if (dst_xfrm(dst))
		return -EIO;
	return 0;
}

/* Does a datagram of @len bytes fit into @mtu? */
static int dgram_check_fits(struct sock *sk, size_t len, const struct yoke_dgram_dest *d, u32 mtu)
{
	if (len + sizeof(struct udphdr) + d->af->header_len + d->options_len <= mtu)
		return 0;
	d->af->dgram_too_long(sk, d, mtu - min_t(u32, mtu, d->options_len));
	return -EMSGSIZE;
}

/* May a datagram of @len bytes leave by @dst? */
static int dgram_check_size(struct sock *sk, size_t len, const struct yoke_dgram_dest *d,
			    const struct dst_entry *dst)
{
	u32 mtu = d->af->dgram_mtu(sk, d, dst);

	if (d->segment && len <= dgram_payload_max(d))
		return dgram_check_train(sk, len, d, dst, mtu);
	return dgram_check_fits(sk, len, d, mtu);
}

static int dgram_send_now(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct yoke_dgram_dest d;
	struct sk_buff *skb;
	struct dst_entry *dst;
	int err;

	err = dgram_read_dest(sk, msg, &d, false);
	if (err)
		goto out;
	dst = d.af->dgram_route(sk, &d);
	if (IS_ERR(dst)) {
		err = PTR_ERR(dst);
		goto out;
	}
	if (msg->msg_flags & MSG_CONFIRM)
		dst_confirm_neigh(dst, d.af->family == AF_INET ? (void *)&d.pair.raddr.s6_addr32[3] :
						  &d.pair.raddr);
	/* That is all, of a probe. */
	if (msg->msg_flags & MSG_PROBE)
		goto out_route;
	err = dgram_check_size(sk, len, &d, dst);
	if (err)
		goto out_route;
	skb = dgram_alloc_data(sk, dgram_headers_for(&d, dst), len, false, msg->msg_flags, &err);
	if (!skb)
		goto out_route;
	err = skb_copy_datagram_from_iter(skb, 0, &msg->msg_iter, len);
	if (err) {
		kfree_skb(skb);
		goto out_route;
	}
	err = dgram_transmit(sk, skb, &d, dst);
	goto out;

out_route:
	dst_release(dst);
out:
	kfree(d.options);
	return err;
}

void yoke_dgram_send_flush(struct sock *sk)
{
	WRITE_ONCE(yoke_dg(sk)->pending, false);
	yoke_dg(sk)->pending_len = 0;
	kfree(yoke_dg(sk)->dest.options);
	yoke_dg(sk)->dest.options = NULL;
	__skb_queue_purge(&sk->sk_write_queue);
}

int yoke_dgram_send_pending(struct sock *sk)
{
	struct yoke_dgram *dg = yoke_dg(sk);
	struct sk_buff *skb, *part;
	struct dst_entry *dst;
	unsigned int headers;
	void *to;
	int err;

	if (!dg->pending)
		return 0;
	dst = dg->dest.af->dgram_route(sk, &dg->dest);
	if (IS_ERR(dst)) {
		err = PTR_ERR(dst);
		goto out;
	}
	err = dgram_check_size(sk, dg->pending_len, &dg->dest, dst);
	if (err)
		goto out_route;
	headers = dgram_headers_for(&dg->dest, dst);
	/* The parts waited for the room; they go when it is made. */
	skb = sock_wmalloc(sk, headers + dg->pending_len, true, sk->sk_allocation);
	err = -ENOBUFS;
	if (!skb)
		goto out_route;
	skb_reserve(skb, headers);
	to = skb_put(skb, dg->pending_len);
	skb_queue_walk(&sk->sk_write_queue, part) {
		skb_copy_bits(part, 0, to, part->len);
		to += part->len;
	}
	err = dgram_transmit(sk, skb, &dg->dest, dst);
	goto out;

out_route:
	dst_release(dst);
out:
	yoke_dgram_send_flush(sk);
	return err;
}

void yoke_dgram_send_eof(struct socket *sock)
{
	struct sock *sk = sock->sk;

	lock_sock(sk);
	if (!yoke_dg(sk)->cork)
		yoke_dgram_send_pending(sk);
	release_sock(sk);
}

/* The first part says where to; an error that the way there has is told at once. */
static int dgram_begin_parts(struct sock *sk, struct msghdr *msg)
{
	struct yoke_dgram *dg = yoke_dg(sk);
	struct dst_entry *dst;
	int err;

	err = dgram_read_dest(sk, msg, &dg->dest, true);
	if (err)
		goto flush;
	dst = dg->dest.af->dgram_route(sk, &dg->dest);
	if (IS_ERR(dst)) {
		err = PTR_ERR(dst);
		goto flush;
	}
	dg->pending_mtu = dg->dest.af->dgram_mtu(sk, &dg->dest, dst);
	dst_release(dst);
	/* Until the last part comes the socket may be connected elsewhere: its route will not do then. */
	dg->dest.connected = false;
	WRITE_ONCE(dg->pending, true);
	return 0;

flush:
	yoke_dgram_send_flush(sk);
	return err;
}

/*
 * A buffer for a part of @len bytes. The first waits for room, others would wait for what lies before them:
 * as in UDP, they may have as much again.
 */
static struct sk_buff *dgram_alloc_part(struct sock *sk, size_t len, int flags, int *err)
{
	if (skb_queue_empty(&sk->sk_write_queue))
		return dgram_alloc_data(sk, 0, max_t(size_t, len, LINEAR_MAX), len <= LINEAR_MAX,
					flags, err);
	*err = -ENOBUFS;
	if (sk_wmem_alloc_get(sk) / 2 > READ_ONCE(sk->sk_sndbuf))
		return NULL;
	return sock_wmalloc(sk, max_t(size_t, len, LINEAR_MAX), true, sk->sk_allocation);
}

/* Appends @len bytes to the last part or, if they do not fit, as one more. Small ones share a buffer. */
static int dgram_append_part(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct sk_buff *part = skb_peek_tail(&sk->sk_write_queue);
	int err;

	if (part && !len)
		return 0;
	if (!part || skb_tailroom(part) < len) {
		part = dgram_alloc_part(sk, len, msg->msg_flags, &err);
		if (!part)
			return err;
		__skb_queue_tail(&sk->sk_write_queue, part);
		if (skb_is_nonlinear(part))
			return skb_copy_datagram_from_iter(part, 0, &msg->msg_iter, len);
		__skb_trim(part, 0);
	}
	return copy_from_iter_full(skb_put(part, len), len, &msg->msg_iter) ? 0 : -EFAULT;
}

/* One more part of a datagram that is sent when the last one has come. */
static int dgram_send_part(struct sock *sk, struct msghdr *msg, size_t len, bool more)
{
	struct yoke_dgram *dg = yoke_dg(sk);
	int err;

	/* A probe is no part. */
	if (msg->msg_flags & MSG_PROBE)
		return more ? 0 : yoke_dgram_send_pending(sk);
	if (!dg->pending) {
		err = dgram_begin_parts(sk, msg);
		if (err)
			return err;
	}
	/* Told of the part that is too much: clearing UDP_CORK tells of nothing. */
	if (dg->pending_len + len > dgram_payload_max(&dg->dest))
		err = -EMSGSIZE;
	else if (!dg->dest.segment)
		err = dgram_check_fits(sk, dg->pending_len + len, &dg->dest, dg->pending_mtu);
	else
		err = 0;
	if (!err)
		err = dgram_append_part(sk, msg, len);
	if (err) {
		yoke_dgram_send_flush(sk);
		return err;
	}
	dg->pending_len += len;
	return more ? 0 : yoke_dgram_send_pending(sk);
}

int yoke_dgram_send_msg(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct yoke_dgram *dg = yoke_dg(sk);
	/* That a page follows only the kernel says (sendfile), whose memory the message is in then. */
	bool more = READ_ONCE(dg->cork) || msg->msg_flags & MSG_MORE ||
		    (yoke_compat_page_follows(msg->msg_flags) && iov_iter_is_kvec(&msg->msg_iter));
	int err;

	if (len > U16_MAX)
		return -EMSGSIZE;
	if (msg->msg_flags & MSG_OOB && sk->sk_family == AF_INET)
		return -EOPNOTSUPP;
	if ((more && !(msg->msg_flags & MSG_PROBE)) || READ_ONCE(dg->pending)) {
		lock_sock(sk);
		err = dgram_send_part(sk, msg, len, more);
		release_sock(sk);
	} else {
		err = dgram_send_now(sk, msg, len);
	}
	/* No memory, or no room in the send buffer. */
	if (err == -ENOBUFS || (err && test_bit(SOCK_NOSPACE, &sk->sk_socket->flags)))
		yoke_count(sock_net(sk), DgramSndbufErrors);
	return err ?: len;
}
