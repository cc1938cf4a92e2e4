// SPDX-License-Identifier: GPL-2.0
/*
 * The way between two sockets of one host that does not lead through IP and the loopback device.
 *
 * Such a segment is the same buffer at both ends; in between, IP and the device look up, count and
 * queue it for others' sake: netfilter, queueing disciplines, taps, BPF, IPsec. While none of these
 * wants it, it goes over one list here straight to the receiver. It has the IP header that it would
 * have had, and is counted where it would have been. yoke_shortcut_open() is asked for every segment,
 * so whoever begins to look sees the next one.
 *
 * When a program sends, the receiver runs at once with BH off, where local_bh_enable() would have run
 * the softirq of the device: the sender's socket is its program's then, no lock is held. What is sent
 * there, or in softirq, waits in the list for its turn, as it does for the device.
 *
 * A list a processor, touched with BH off by that processor, or by the one that takes its tasklet
 * over. net.yoke.shortcut turns it off.
 */
#include <linux/bpf-cgroup.h>
#include <linux/etherdevice.h>
#include <linux/interrupt.h>
#include <linux/kallsyms.h>
#include <linux/netfilter_ipv4.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/raw.h>
#include <net/sch_generic.h>
#include "../table/net.h"
#include "shortcut.h"

#define YOKE_SHORTCUT_BATCH	64	/* segments at a time, as NAPI */

/* So many segments have left over the list, and so many of them have arrived. */
struct shortcut_cpu {
	struct sk_buff_head list;
	struct tasklet_struct tasklet;
	unsigned long	left;
	unsigned long	arrived;
	bool		running;	/* somebody takes from the list until it is empty */
};

static DEFINE_PER_CPU(struct shortcut_cpu, shortcut_cpus);
static int (*shortcut_receive)(struct sk_buff *skb) __read_mostly;

/* --- does anything look? --- */

#ifdef CONFIG_NETFILTER
/*
 * AppArmor's hook is always there, on Debian's kernels, but only looks at packets with a secmark, which
 * another hook must have put there. NULL: it is not there.
 */
static nf_hookfn *blind_hook __read_mostly;

static void shortcut_find_blind_hook(void)
{
	const struct nf_hook_entries *e;
	char name[KSYM_SYMBOL_LEN];
	int i;

	rcu_read_lock();
	e = rcu_dereference(init_net.nf.hooks_ipv4[NF_INET_POST_ROUTING]);
	for (i = 0; e && i < e->num_hook_entries; i++) {
		sprint_symbol_no_offset(name, (unsigned long)e->hooks[i].hook);
		if (!strcmp(name, "apparmor_ip_postroute"))
			blind_hook = e->hooks[i].hook;
	}
	rcu_read_unlock();
}

static bool shortcut_netfilter_looks(const struct net *net)
{
	static const u8 passed[] = { NF_INET_LOCAL_OUT, NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN };
	const struct nf_hook_entries *e;
	int i;

	for (i = 0; i < ARRAY_SIZE(passed); i++)
		if (rcu_access_pointer(net->nf.hooks_ipv4[passed[i]]))
			return true;
	e = rcu_dereference(net->nf.hooks_ipv4[NF_INET_POST_ROUTING]);
	return e && (e->num_hook_entries != 1 || e->hooks[0].hook != blind_hook);
}
#else
static void shortcut_find_blind_hook(void)
{
}

static bool shortcut_netfilter_looks(const struct net *net)
{
	return false;
}
#endif

/* Taps, BPF, filters and queues of the loopback device. */
static bool shortcut_device_looks(struct net *net, struct net_device *lo)
{
	const struct Qdisc *q = rcu_dereference(netdev_get_tx_queue(lo, 0)->qdisc);

	return !netif_running(lo) || !q || q->enqueue || dev_nit_active(lo) ||
	       !list_empty(&lo->ptype_specific) || !hlist_empty(&net->packet.sklist) ||
	       rcu_access_pointer(lo->rx_handler) || rcu_access_pointer(lo->xdp_prog) ||
	       yoke_compat_device_hooked(lo);
}

/* Raw sockets of our protocol, or of one that shares its slot in the table of them. */
static bool shortcut_raw_socket_looks(const struct net *net)
{
	return !hlist_empty(&raw_v4_hashinfo.ht[raw_hashfunc(net, yoke_stream_protocol)]);
}

bool yoke_shortcut_open(struct net *net, struct sk_buff *skb, const struct rtable *rt)
{
	const struct dst_entry *dst = &rt->dst;
	struct net_device *lo = net->loopback_dev;

	return READ_ONCE(yoke_net(net)->set.shortcut) &&
	       rt->rt_flags & RTCF_LOCAL && dst->dev == lo && !dst_xfrm(dst) && !dst->lwtstate &&
	       !skb_is_gso(skb) && !skb_shinfo(skb)->tx_flags && !skb_zcopy(skb) &&
	       skb->len + sizeof(struct iphdr) <= dst_mtu(dst) &&
	       !shortcut_device_looks(net, lo) && !shortcut_netfilter_looks(net) &&
	       !shortcut_raw_socket_looks(net) &&
	       !cgroup_bpf_enabled(CGROUP_INET_EGRESS) && !cgroup_bpf_enabled(CGROUP_INET_INGRESS);
}

/* --- the way --- */

/* As ip_rcv() and what follows it count, and leave the packet. */
static void shortcut_arrive(struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct net_device *lo = skb->dev;
	struct net *net = dev_net(lo);

	__IP_UPD_PO_STATS(net, IPSTATS_MIB_IN, skb->len);
	__IP_INC_STATS(net, IPSTATS_MIB_NOECTPKTS + (iph->tos & INET_ECN_MASK));
	__skb_pull(skb, sizeof(*iph));
	shortcut_receive(skb);
	__IP_INC_STATS(net, IPSTATS_MIB_INDELIVERS);
	dev_put(lo);
}

/* Delivers what is in the list, and what comes into it meanwhile. BH off. */
static void shortcut_run(struct shortcut_cpu *c, bool all)
{
	int batch = YOKE_SHORTCUT_BATCH;
	struct sk_buff *skb;

	c->running = true;
	rcu_read_lock();
	while ((batch-- > 0 || all) && (skb = __skb_dequeue(&c->list))) {
		shortcut_arrive(skb);
		WRITE_ONCE(c->arrived, c->arrived + 1);
	}
	rcu_read_unlock();
	c->running = false;
	if (unlikely(!skb_queue_empty(&c->list)))
		tasklet_schedule(&c->tasklet);
}

static void shortcut_expire(struct tasklet_struct *t)
{
	struct shortcut_cpu *c = from_tasklet(c, t, tasklet);

	/* A processor that has gone does not come back to a list that others still work on. */
	shortcut_run(c, c != this_cpu_ptr(&shortcut_cpus));
}

/* As ip_output() and the loopback device count, and leave the packet. With BH off. */
static void shortcut_leave(struct net *net, struct sk_buff *skb)
{
	struct net_device *lo = net->loopback_dev;
	struct ethhdr *eth;

	yoke_count(net, Shortcuts);
	yoke_compat_ip_count_out(net, skb->len);
	dev_lstats_add(lo, skb->len);
	skb_orphan(skb);
	/* Not any more when it was to leave; when it came, yoke_input_take() says to who asks. */
	skb_set_delivery_time(skb, 0, SKB_CLOCK_REALTIME);
	/* A list that waits for its tasklet is not flushed when a device goes, as the core's are. */
	dev_hold(lo);
	skb->dev = lo;
	skb->skb_iif = lo->ifindex;
	skb->pkt_type = PACKET_HOST;
	skb->protocol = htons(ETH_P_IP);
	eth = __skb_push(skb, ETH_HLEN);
	memset(eth, 0, 2 * ETH_ALEN);
	eth->h_proto = htons(ETH_P_IP);
	skb_reset_mac_header(skb);
	__skb_pull(skb, ETH_HLEN);
}

void yoke_shortcut_send(struct net *net, struct sk_buff *skb)
{
	struct iphdr *iph = ip_hdr(skb);
	/* Else the sender may hold a lock that the receiver wants. */
	bool now = !in_interrupt();
	struct shortcut_cpu *c;

	iph->tot_len = htons(skb->len);
	ip_send_check(iph);
	local_bh_disable();
	shortcut_leave(net, skb);
	c = this_cpu_ptr(&shortcut_cpus);
	__skb_queue_tail(&c->list, skb);
	WRITE_ONCE(c->left, c->left + 1);
	if (now)
		shortcut_run(c, false);
	else if (!c->running)
		tasklet_schedule(&c->tasklet);
	local_bh_enable();
}

/* --- begin and end --- */

void yoke_shortcut_flush(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct shortcut_cpu *c = per_cpu_ptr(&shortcut_cpus, cpu);
		unsigned long left = READ_ONCE(c->left);

		while ((long)(READ_ONCE(c->arrived) - left) < 0)
			schedule_timeout_uninterruptible(1);
	}
}

void yoke_shortcut_init(int (*receive)(struct sk_buff *skb))
{
	int cpu;

	shortcut_receive = receive;
	shortcut_find_blind_hook();
	for_each_possible_cpu(cpu) {
		__skb_queue_head_init(&per_cpu(shortcut_cpus, cpu).list);
		tasklet_setup(&per_cpu(shortcut_cpus, cpu).tasklet, shortcut_expire);
	}
}

void yoke_shortcut_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu(shortcut_cpus, cpu).tasklet);
}
