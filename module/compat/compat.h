/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels. The build includes this file before every
 * source file, and no other file tests the version: the code reads as if for
 * one kernel, the newest, and older ones are taught the same words here.
 */
#ifndef YOKE_COMPAT_H
#define YOKE_COMPAT_H

/* Before any header can settle it. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bpf-cgroup.h>
#include <linux/errqueue.h>
#include <linux/shrinker.h>
#include <linux/tcp.h>
#include <linux/version.h>
#include <linux/uaccess.h>
#include <net/inet_dscp.h>
#include <net/gro.h>
#include <net/inet_common.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/tcp.h>

/* 6.12: unaligned access is no architecture's own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* 6.5: GSO left linux/skbuff.h. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include <net/gso.h>
#endif

/* 6.10: so did references to fragments. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#include <linux/skbuff_ref.h>
#endif

/* 6.6: the one-bit options of an inet socket became atomic flags. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define YOKE_INET_BIND_ADDRESS_NO_PORT	bind_address_no_port
#define YOKE_INET_FREEBIND		freebind
#define YOKE_INET_MC_ALL		mc_all
#define YOKE_INET_MC_LOOP		mc_loop
#define YOKE_INET_RECVERR		recverr
#define YOKE_INET_TRANSPARENT		transparent

#define inet_test_bit(nr, sk)		(inet_sk(sk)->YOKE_INET_##nr)
#define inet_set_bit(nr, sk)		(inet_sk(sk)->YOKE_INET_##nr = 1)
#define inet_clear_bit(nr, sk)		(inet_sk(sk)->YOKE_INET_##nr = 0)
#define inet_assign_bit(nr, sk, val)	(inet_sk(sk)->YOKE_INET_##nr = !!(val))

static inline unsigned long inet_cmsg_flags(const struct inet_sock *inet)
{
	return READ_ONCE(inet->cmsg_flags);
}
#endif

/* 6.7: those of an IPv6 socket, too. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#include <linux/ipv6.h>
#define YOKE_INET6_AUTOFLOWLABEL	autoflowlabel
#define YOKE_INET6_AUTOFLOWLABEL_SET	autoflowlabel_set
#define YOKE_INET6_DONTFRAG		dontfrag
#define YOKE_INET6_MC6_ALL		mc_all
#define YOKE_INET6_MC6_LOOP		mc_loop
#define YOKE_INET6_RECVERR6		recverr
#define YOKE_INET6_REPFLOW		repflow
#define YOKE_INET6_SNDFLOW		sndflow

#define inet6_test_bit(nr, sk)		(inet6_sk(sk)->YOKE_INET6_##nr)
#define inet6_set_bit(nr, sk)		(inet6_sk(sk)->YOKE_INET6_##nr = 1)
#define inet6_assign_bit(nr, sk, val)	(inet6_sk(sk)->YOKE_INET6_##nr = !!(val))
#endif

/* 6.3: a mapping's flags are not for everybody to write. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#include <linux/mm.h>

static inline void vm_flags_clear(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* What a child has of its listener's options, beside those that are fields of their own. */
static inline void yoke_compat_inherit_inet(struct sock *child, const struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	inet_sk(child)->inet_flags |= inet_sk(sk)->inet_flags & IP_CMSG_ALL;
#else
	inet_sk(child)->cmsg_flags = inet_sk(sk)->cmsg_flags;
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	inet_sk(child)->local_port_range = inet_sk(sk)->local_port_range;
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	inet_sk(child)->local_port_range.lo = inet_sk(sk)->local_port_range.lo;
	inet_sk(child)->local_port_range.hi = inet_sk(sk)->local_port_range.hi;
#endif
}

/* 6.5: struct proto.ioctl fills in an int of the kernel's instead of the program's. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
typedef int *yoke_ioctl_arg;

static inline int yoke_ioctl_put(yoke_ioctl_arg arg, int val)
{
	*arg = val;
	return 0;
}
#else
typedef unsigned long yoke_ioctl_arg;

static inline int yoke_ioctl_put(yoke_ioctl_arg arg, int val)
{
	return put_user(val, (int __user *)arg);
}
#endif

/* 6.8: the whole DSCP chooses a route; 6.18: under that name. */
static inline void yoke_flow_set_tos(struct flowi4 *fl4, u8 tos)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	fl4->flowi4_dscp = inet_dsfield_to_dscp(tos);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	fl4->flowi4_tos = tos & INET_DSCP_MASK;
#else
	fl4->flowi4_tos = tos & IPTOS_RT_MASK;
#endif
}

/* 6.15: whether an ACK is to be told of stands where TCP has its notes, so they are there for once. */
static inline void yoke_compat_tell_acked(struct sk_buff *skb, struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	struct tcp_skb_cb *notes = TCP_SKB_CB(skb), ours = *notes;

	notes->txstamp_ack = TSTAMP_ACK_SK;
	__skb_tstamp_tx(skb, NULL, NULL, sk, SCM_TSTAMP_ACK);
	*notes = ours;
#else
	__skb_tstamp_tx(skb, NULL, NULL, sk, SCM_TSTAMP_ACK);
#endif
}

/* 6.19: an address that comes from a program has a type of its own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
typedef struct sockaddr_unsized yoke_sockaddr;
#else
typedef struct sockaddr yoke_sockaddr;
#endif

/*
 * 6.7: a cgroup's program may make an address shorter (AF_UNIX). @source: the address to send from,
 * or NULL.
 */
#ifdef CONFIG_CGROUP_BPF
static inline int yoke_compat_hook(struct sock *sk, void *addr, int len,
				   enum cgroup_bpf_attach_type type, void *source)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return __cgroup_bpf_run_filter_sock_addr(sk, addr, &len, type, source, NULL);
#else
	return __cgroup_bpf_run_filter_sock_addr(sk, addr, type, source, NULL);
#endif
}
#else
#define yoke_compat_hook(sk, addr, len, type, source)	0
#endif

/* 6.10: accept got its arguments in a struct. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
struct proto_accept_arg {
	int	flags;
	int	is_empty;
	bool	kern;
};

#define YOKE_COMPAT_ACCEPT(fn)								\
static int fn##_split(struct socket *sock, struct socket *newsock, int flags, bool kern)	\
{											\
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };			\
											\
	return fn(sock, newsock, &arg);							\
}
#define YOKE_COMPAT_OP(fn)		fn##_split
#else
#define YOKE_COMPAT_ACCEPT(fn)
#define YOKE_COMPAT_OP(fn)		fn
#endif

/* 7.1: who receives says in the message itself how long the sender's address is. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
static inline int yoke_compat_recv_error(struct sock *sk, struct msghdr *msg, int len)
{
	int namelen = 0, err = inet_recv_error(sk, msg, len, &namelen);

	if (err >= 0)
		msg->msg_namelen = namelen;
	return err;
}
#define inet_recv_error		yoke_compat_recv_error

#define YOKE_COMPAT_RECVMSG(fn)								\
static int fn##_split(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *namelen)	\
{											\
	int err = fn(sk, msg, len, flags);						\
											\
	*namelen = msg->msg_namelen;							\
	return err;									\
}
#define YOKE_COMPAT_RECVMSG_OP(fn)	fn##_split
#else
#define YOKE_COMPAT_RECVMSG(fn)
#define YOKE_COMPAT_RECVMSG_OP(fn)	fn
#endif

/* 6.10: whether the IP headers of two packets keep these apart is asked when they are compared. */
static inline bool yoke_gro_network_differs(const void *transport, const void *first,
					    struct sk_buff *p)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	return NAPI_GRO_CB(p)->flush || gro_receive_network_flush(transport, first, p);
#else
	if (NAPI_GRO_CB(p)->flush_id != 1 || NAPI_GRO_CB(p)->count != 1 ||
	    !NAPI_GRO_CB(p)->is_atomic)
		return NAPI_GRO_CB(p)->flush || NAPI_GRO_CB(p)->flush_id;
	NAPI_GRO_CB(p)->is_atomic = false;
	return NAPI_GRO_CB(p)->flush;
#endif
}

/*
 * 6.10: the IP header of what GRO has joined, the innermost one, is no longer where the buffer has its
 * network header: there may be a VLAN's tag, or a tunnel's header.
 */
static inline void *yoke_gro_network_header(const struct sk_buff *skb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	return skb->data + NAPI_GRO_CB(skb)->network_offsets[skb->encapsulation];
#else
	return skb_network_header(skb);
#endif
}

/* 6.13: what a datagram's own control messages say of timestamps is passed on as one. */
static inline void yoke_setup_tx_timestamp(struct sk_buff *skb, const struct sockcm_cookie *cookie)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	skb_setup_tx_timestamp(skb, cookie);
#else
	skb_setup_tx_timestamp(skb, cookie->tsflags);
#endif
}

/* 6.14: they may say its priority (SO_PRIORITY), too, which is @priority before. */
static inline void yoke_compat_begin_priority(struct sockcm_cookie *cookie, u32 priority)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	cookie->priority = priority;
#endif
}

static inline u32 yoke_compat_priority(const struct sockcm_cookie *cookie, u32 priority)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	return cookie->priority;
#else
	return priority;
#endif
}

/* 6.15 */
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS		44
#define TCP_RTO_MIN_US		45
#define TCP_DELACK_MAX_US	46
#endif

/* 6.11: with the clock that it is of (SO_TXTIME). */
static inline void yoke_set_transmit_time(struct sk_buff *skb, const struct sock *sk, u64 time)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	skb_set_delivery_type_by_clockid(skb, time, sk->sk_clockid);
#else
	skb->tstamp = time;
#endif
}

/* 6.6: sysctl tables are registered with their size. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define register_net_sysctl_sz(net, path, table, size)	register_net_sysctl(net, path, table)
#endif

/* 6.4: a socket may answer SOL_SOCKET itself; before, only MPTCP's do. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define yoke_compat_answer_sol_socket(sock)	set_bit(SOCK_CUSTOM_SOCKOPT, &(sock)->flags)
#else
#define yoke_compat_answer_sol_socket(sock)	do { } while (0)
#endif

/* 6.5: pages to be sent come in a message; before, one at a time by a call of its own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define YOKE_COMPAT_DECLARE_SENDPAGE(fn)
#define YOKE_COMPAT_SENDPAGE(fn, message)
#define YOKE_COMPAT_SENDPAGE_OP(fn)
#define yoke_compat_splices(msg)	((msg)->msg_flags & MSG_SPLICE_PAGES)
#define yoke_compat_page_follows(flags)	false
#else
#include <linux/skbuff.h>
#include <linux/uio.h>
#define yoke_compat_splices(msg)	false
#define yoke_compat_page_follows(flags)	((flags) & MSG_SENDPAGE_NOTLAST)
#define YOKE_COMPAT_DECLARE_SENDPAGE(fn)						\
ssize_t fn(struct socket *sock, struct page *page, int offset, size_t size, int flags);
#define YOKE_COMPAT_SENDPAGE(fn, message)						\
ssize_t fn(struct socket *sock, struct page *page, int offset, size_t size, int flags)	\
{											\
	struct bio_vec bvec = { .bv_page = page, .bv_len = size, .bv_offset = offset };	\
	struct msghdr msg = { .msg_flags = flags & ~MSG_ZEROCOPY };			\
											\
	if (flags & MSG_SENDPAGE_NOTLAST)						\
		msg.msg_flags |= MSG_MORE;						\
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &bvec, 1, size);			\
	return message(sock, &msg, true);						\
}
#define YOKE_COMPAT_SENDPAGE_OP(fn)	.sendpage = fn,

/* @iter is one piece of one page, as above. */
static inline ssize_t yoke_compat_splice_from_iter(struct sk_buff *skb, struct iov_iter *iter,
						   ssize_t most)
{
	struct page *page = iter->bvec->bv_page;
	int offset = iter->bvec->bv_offset + iter->iov_offset, i = skb_shinfo(skb)->nr_frags;
	size_t len = min_t(size_t, most, iov_iter_count(iter));

	if (skb_can_coalesce(skb, i, page, offset)) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], len);
	} else if (i < MAX_SKB_FRAGS) {
		/* Nobody would let go of it among pages that io_uring holds. */
		skb_zcopy_downgrade_managed(skb);
		get_page(page);
		skb_fill_page_desc_noacc(skb, i, page, offset, len);
	} else {
		return -EMSGSIZE;
	}
	skb_len_add(skb, len);
	iov_iter_advance(iter, len);
	return len;
}
#define skb_splice_from_iter	yoke_compat_splice_from_iter
#endif

/* 6.5, and 6.1 in the end: who said that more comes tells when there is no more. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0) ||				\
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 176) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0))
#define YOKE_COMPAT_SPLICE_EOF_OP(fn)	.splice_eof = fn,
#else
#define YOKE_COMPAT_SPLICE_EOF_OP(fn)
#endif

/* 6.17: and without flags of allocation, which nothing used. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define skb_splice_from_iter(skb, iter, most)	skb_splice_from_iter(skb, iter, most, GFP_KERNEL)
#endif

/* 6.13: what is to be stamped is told with the rest of what a message's cookie says. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define yoke_compat_tx_timestamp(sk, cookie, flags)	sock_tx_timestamp(sk, cookie, flags)
#else
#define yoke_compat_tx_timestamp(sk, cookie, flags)					\
	sock_tx_timestamp(sk, (cookie)->tsflags, flags)
#endif

/* 6.16: pages may be a device's. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define yoke_compat_zerocopy(sk, size, uarg)	msg_zerocopy_realloc(sk, size, uarg, false)
#else
#define yoke_compat_zerocopy(sk, size, uarg)	msg_zerocopy_realloc(sk, size, uarg)
#define skb_zerocopy_iter_stream(sk, skb, msg, len, uarg, binding)			\
	skb_zerocopy_iter_stream(sk, skb, msg, len, uarg)
#endif

/* 6.6: what classifies at a device is called tcx. Does it, or netfilter, see its packets? */
static inline bool yoke_compat_device_hooked(const struct net_device *dev)
{
	bool hooked = false;

#ifdef CONFIG_NET_XGRESS
	hooked |= rcu_access_pointer(dev->tcx_ingress) || rcu_access_pointer(dev->tcx_egress);
#elif defined(CONFIG_NET_CLS_ACT)
	hooked |= rcu_access_pointer(dev->miniq_ingress) || rcu_access_pointer(dev->miniq_egress);
#endif
#ifdef CONFIG_NETFILTER_INGRESS
	hooked |= !!rcu_access_pointer(dev->nf_hooks_ingress);
#endif
#ifdef CONFIG_NETFILTER_EGRESS
	hooked |= !!rcu_access_pointer(dev->nf_hooks_egress);
#endif
	return hooked;
}

/* 6.8: packets asked of IP and those it sends are counted apart. */
static inline void yoke_compat_ip_count_out(struct net *net, unsigned int len)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	IP_INC_STATS(net, IPSTATS_MIB_OUTREQUESTS);
#endif
	IP_UPD_PO_STATS(net, IPSTATS_MIB_OUT, len);
}

#if IS_ENABLED(CONFIG_IPV6)
#include <net/ip6_fib.h>
#include <net/ipv6.h>

static inline void yoke_compat_ip6_count_out(struct net *net, const struct sk_buff *skb)
{
	struct inet6_dev *idev;

	/* A device that goes lets go of the route, and what it counted in is freed after a grace period. */
	rcu_read_lock();
	idev = ip6_dst_idev(skb_dst(skb));
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	IP6_INC_STATS(net, idev, IPSTATS_MIB_OUTREQUESTS);
#else
	IP6_UPD_PO_STATS(net, idev, IPSTATS_MIB_OUT, skb->len);
#endif
	rcu_read_unlock();
}
#endif

/* 6.10: a route of an entry, by name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define dst_rtable(dst)		((struct rtable *)(dst))
#endif

/* 6.13: a timer and what it does are set up in one. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#include <linux/hrtimer.h>
static inline void yoke_compat_hrtimer_setup(struct hrtimer *timer,
					     enum hrtimer_restart (*function)(struct hrtimer *),
					     clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#define hrtimer_setup	yoke_compat_hrtimer_setup
#endif

/* 6.7: the kernel allocates a shrinker. NULL: no memory. */
static inline struct shrinker *
yoke_compat_shrinker(const char *name,
		     unsigned long (*count)(struct shrinker *shrinker, struct shrink_control *control),
		     unsigned long (*scan)(struct shrinker *shrinker, struct shrink_control *control))
{
	struct shrinker *shrinker;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	shrinker = shrinker_alloc(0, "%s", name);
#else
	shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);
#endif
	if (!shrinker)
		return NULL;
	shrinker->seeks = DEFAULT_SEEKS;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	shrinker_register(shrinker);
#else
	if (register_shrinker(shrinker, "%s", name)) {
		kfree(shrinker);
		return NULL;
	}
#endif
	return shrinker;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline void shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#endif

/* 6.11: a time of delivery names its clock; before, it said whether that is the monotonic one. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define SKB_CLOCK_REALTIME	false
#define SKB_CLOCK_MONOTONIC	true
#endif

/* 6.11: a handler does not change its table. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define yoke_ctl_table	const struct ctl_table
#else
#define yoke_ctl_table	struct ctl_table
#endif

/* 6.2, 6.7: struct tcp_info grew; programs get the whole from every kernel. */
struct yoke_tcp_info {
	struct tcp_info;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	__u32	tcpi_rcv_wnd;
	__u32	tcpi_rehash;
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	__u16	tcpi_total_rto;
	__u16	tcpi_total_rto_recoveries;
	__u32	tcpi_total_rto_time;
#endif
};

/* 6.2: what ICMP says of a module's packets, too, IP puts on an error queue. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#include <linux/icmp.h>
#include <net/ipv6.h>
#include <net/ping.h>

static inline void yoke_compat_icmp_error(struct sock *sk, struct sk_buff *icmp, int err, __be16 port,
					  u32 info, u8 *payload)
{
	const struct icmphdr *hdr = icmp_hdr(icmp);
	struct sk_buff *skb = skb_clone(icmp, GFP_ATOMIC);
	struct sock_exterr_skb *serr;

	if (!skb)
		return;
	serr = SKB_EXT_ERR(skb);
	/* IP's own notes stay in front: by which device the error came, for one. */
	memset_startat(serr, 0, ee);
	serr->ee.ee_errno = err;
	serr->ee.ee_origin = SO_EE_ORIGIN_ICMP;
	serr->ee.ee_type = hdr->type;
	serr->ee.ee_code = hdr->code;
	serr->ee.ee_info = info;
	serr->addr_offset = (u8 *)&((const struct iphdr *)(hdr + 1))->daddr - skb_network_header(skb);
	serr->port = port;
	__skb_pull(skb, payload - skb->data);
	if (inet_sk(sk)->recverr_rfc4884 &&
	    (hdr->type == ICMP_DEST_UNREACH || hdr->type == ICMP_TIME_EXCEEDED ||
	     hdr->type == ICMP_PARAMETERPROB))
		ip_icmp_error_rfc4884(skb, &serr->ee.ee_rfc4884, sizeof(*hdr),
				      hdr->un.reserved[1] * sizeof(u32));
	skb_reset_transport_header(skb);
	if (sock_queue_err_skb(sk, skb))
		kfree_skb(skb);
}

#define ip_icmp_error		yoke_compat_icmp_error
#define ipv6_icmp_error(...)	pingv6_ops.ipv6_icmp_error(__VA_ARGS__)
#endif

/* 6.2: timers are deleted under their own name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define timer_delete(t)		del_timer(t)
#endif

/*
 * 6.13.6, and 6.6 and 6.12 in the end: a socket that does not keep its namespace alive keeps the
 * bare struct net, which __sk_destruct() lets go of.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 6) ||						\
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 43) &&					\
	 LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)) ||					\
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 103) &&					\
	 LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0))
#define YOKE_COMPAT_NET_PASSIVE
#endif

/*
 * A socket that no program owns any more does not keep its namespace alive. No kernel has a
 * function for it; the counters and trackers are those of sk_alloc() and __sk_destruct().
 */
static inline void yoke_compat_release_net(struct sock *sk)
{
	struct net *net = sock_net(sk);

	if (!sk->sk_net_refcnt)
		return;
	sk->sk_net_refcnt = 0;
	sock_inuse_add(net, -1);
#ifdef YOKE_COMPAT_NET_PASSIVE
	net_passive_inc(net);
#endif
	put_net_track(net, &sk->ns_tracker);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	__netns_tracker_alloc(net, &sk->ns_tracker, false, GFP_ATOMIC);
#endif
}

#endif
