// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/yoke of a network namespace:
 *
 *	stream	connections, listeners, requests and TIME-WAITs in /proc/net/tcp's columns
 *	dgram	datagram sockets in /proc/net/udp's columns
 *	stream6	those with an address of IPv6, or any of both versions, in /proc/net/tcp6's columns
 *	dgram6	likewise, in /proc/net/udp6's
 *	ports	each bound port: type, number, address, how many sockets own it
 *	snmp	the counters
 *
 * Everything is read without locks (RCU), but for the owners of a port: a line may
 * be a moment out of date, and never is wrong about what it belongs to.
 * Each file is made in one go, so that a table that is being resized can be begun anew.
 */
#include <linux/proc_fs.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <net/ip.h>
#include <net/sock_reuseport.h>
#include "../engine/dgram.h"
#include "../engine/listen.h"
#include "../engine/timewait.h"
#include "diag.h"

/* It only informs: those who write it under their locks need not mark that. */
#define told(expr)	data_race(expr)

#define STREAM_WIDTH	149
#define DGRAM_WIDTH	127
#define IPV6_WIDTH	48	/* so much wider are its addresses */
#define OWNERS_MOST	100	/* of a port that are looked at: whose it is waits for that */

/* What kind of timer is pending, in /proc/net/tcp's numbers, and when. */
struct diag_timer {
	int		kind;
	unsigned long	at;
};

static bool diag_is_ipv6(const struct yoke_pair *pair)
{
	return !ipv6_addr_v4mapped(&pair->laddr);
}

/* An address as /proc/net/tcp or /proc/net/tcp6 prints it. */
static void diag_addr(struct seq_file *m, const struct in6_addr *addr, __be16 port, bool ipv6)
{
	int i;

	for (i = ipv6 ? 0 : 3; i < 4; i++)
		seq_printf(m, "%08X", (__force u32)addr->s6_addr32[i]);
	seq_printf(m, ":%04X ", ntohs(port));
}

static void diag_begin(struct seq_file *m, int line, const struct yoke_pair *pair, int state,
		       u32 tx, u32 rx)
{
	bool ipv6 = diag_is_ipv6(pair);

	seq_printf(m, "%4d: ", line);
	diag_addr(m, &pair->laddr, pair->lport, ipv6);
	diag_addr(m, &pair->raddr, pair->rport, ipv6);
	seq_printf(m, "%02X %08X:%08X", state, tx, rx);
}

static struct diag_timer diag_pending(const struct yoke_sock *ys)
{
	static const u8 kinds[YOKE_TIMER_MAX] = {
		[YOKE_TIMER_RTX] = 1, [YOKE_TIMER_REO] = 1, [YOKE_TIMER_KEEP] = 2,
	};
	struct diag_timer t = { .at = jiffies };
	int i;

	for (i = 0; i < YOKE_TIMER_MAX; i++) {
		if (!kinds[i] || !told(yoke_conn_timer_armed(ys, i)))
			continue;
		t.kind = kinds[i];
		t.at = told(ys->at[i]);
		/*
		 * Nothing in flight, and yet the retransmission timer: it probes a closed window.
		 */
		if (i == YOKE_TIMER_RTX && told(ys->snd_una == ys->snd_nxt))
			t.kind = 4;
		break;
	}
	return t;
}

static clock_t diag_left(unsigned long at)
{
	long left = at - jiffies;

	return jiffies_to_clock_t(max(left, 0L));
}

static void diag_sock(struct seq_file *m, int line, struct sock *sk)
{
	const struct yoke_sock *ys = yoke_sk(sk);
	int state = inet_sk_state_load(sk);
	struct diag_timer t = diag_pending(ys);
	u32 mss = max_t(u32, told(ys->mss), 1), rx, threshold;

	if (state == TCP_LISTEN)
		rx = READ_ONCE(sk->sk_ack_backlog);
	else
		rx = max_t(int, told(ys->rcv_nxt - ys->copied_seq), 0);
	threshold = told(ys->cc.ssthresh);
	threshold = threshold > INT_MAX ? -1 : threshold / mss;

	diag_begin(m, line, &ys->node.pair, state,
		   told(ys->write_seq - ys->snd_una), rx);
	seq_printf(m, " %02X:%08lX %08X %5u %8d %llu %d %pK %lu %lu %u %u %d",
		   t.kind, (unsigned long)diag_left(t.at), told(ys->retransmits),
		   from_kuid_munged(seq_user_ns(m), READ_ONCE(sk->sk_uid)),
		   told(ys->probes_out), (u64)sock_i_ino(sk), refcount_read(&sk->sk_refcnt), sk,
		   (unsigned long)jiffies_to_clock_t(usecs_to_jiffies(told(yoke_rtt_rto(&ys->rtt)))),
		   (unsigned long)jiffies_to_clock_t(HZ / 25), told(ys->quickack) ? 2 : 0,
		   told(ys->cc.cwnd) / mss, state == TCP_LISTEN ? 0 : (int)threshold);
}

static void diag_request(struct seq_file *m, int line, const struct yoke_request *req)
{
	diag_begin(m, line, &req->node.pair, TCP_SYN_RECV, 0, 0);
	seq_printf(m, " %02X:%08lX %08X %5u %8d %u %d %pK", 1,
		   (unsigned long)diag_left(told(req->timer.expires)), told(req->retries),
		   from_kuid_munged(seq_user_ns(m), READ_ONCE(req->listener->sk_uid)),
		   0, 0, 0, req);
}

static void diag_timewait(struct seq_file *m, int line, const struct yoke_timewait *tw)
{
	diag_begin(m, line, &tw->node.pair, told((bool)tw->fin_wait2) ? TCP_FIN_WAIT2 : TCP_TIME_WAIT, 0, 0);
	seq_printf(m, " %02X:%08lX %08X %5d %8d %d %d %pK", 3,
		   (unsigned long)diag_left(told(tw->timer.expires)), 0, 0, 0, 0,
		   refcount_read(&tw->refs), tw);
}

/* Of the listeners that share a pair (SO_REUSEPORT) the table has @sk only: the others' lines. */
static void diag_group(struct seq_file *m, int line, struct sock *sk)
{
	const struct sock_reuseport *group = rcu_dereference(sk->sk_reuseport_cb);
	int i, n = group ? READ_ONCE(group->num_socks) : 0;

	/* Pairs with reuseport_add_sock(): behind the last there is whoever was there once, and is freed. */
	smp_rmb();
	for (i = 0; i < n; i++) {
		if (group->socks[i] == sk)
			continue;
		diag_sock(m, line, group->socks[i]);
		seq_pad(m, '\n');
		seq_setwidth(m, STREAM_WIDTH);
	}
}

static bool diag_stream(struct seq_file *m, int line, void *entry, bool ipv6)
{
	struct yoke_node *node = entry;

	if (diag_is_ipv6(&node->pair) != ipv6)
		return false;
	switch (node->kind) {
	case YOKE_LISTENER:
		diag_group(m, line, yoke_node_sk(node));
		fallthrough;
	case YOKE_CONN:
		diag_sock(m, line, yoke_node_sk(node));
		break;
	case YOKE_REQUEST:
		diag_request(m, line, container_of(node, struct yoke_request, node));
		break;
	case YOKE_TIMEWAIT:
		diag_timewait(m, line, container_of(node, struct yoke_timewait, node));
		break;
	}
	return true;
}

static bool diag_dgram(struct seq_file *m, int line, void *entry, bool ipv6)
{
	struct yoke_dgram *dg = entry;
	struct sock *sk = &dg->inet.sk;

	if (diag_is_ipv6(&dg->pair) != ipv6)
		return false;
	seq_putc(m, ' ');
	diag_begin(m, line, &dg->pair, told(sk->sk_state), sk_wmem_alloc_get(sk), sk_rmem_alloc_get(sk));
	seq_printf(m, " %02X:%08lX %08X %5u %8d %llu %d %pK %u", 0, 0UL, 0,
		   from_kuid_munged(seq_user_ns(m), READ_ONCE(sk->sk_uid)), 0, (u64)sock_i_ino(sk),
		   refcount_read(&sk->sk_refcnt), sk, atomic_read(&sk->sk_drops));
	return true;
}

/* Does @a include @b? */
static bool diag_wider(const struct in6_addr *a, const struct in6_addr *b)
{
	return ipv6_addr_any(a) || (ipv6_addr_v4mapped(a) && !a->s6_addr32[3] && !ipv6_addr_any(b));
}

static void diag_port(struct seq_file *m, const char *type, struct yoke_port *port)
{
	struct yoke_owner *owner;
	struct in6_addr addr;
	unsigned int n, i = 0;

	spin_lock_bh(&port->lock);
	n = port->n;
	hlist_for_each_entry(owner, &port->owners, node) {
		/* The widest of them stands for all; a listener is before those it has accepted. */
		if (!i || diag_wider(&owner->pair->laddr, &addr))
			addr = owner->pair->laddr;
		if (++i == OWNERS_MOST)
			break;
	}
	spin_unlock_bh(&port->lock);
	if (!n)
		return;
	seq_printf(m, "%-6s %5u ", type, port->num);
	if (ipv6_addr_v4mapped(&addr))
		seq_printf(m, "%pI4 %u\n", &addr.s6_addr32[3], n);
	else
		seq_printf(m, "%pI6c %u\n", &addr, n);
}

static bool diag_stream_port(struct seq_file *m, int line, void *entry, bool ipv6)
{
	diag_port(m, "stream", entry);
	return true;
}

static bool diag_dgram_port(struct seq_file *m, int line, void *entry, bool ipv6)
{
	diag_port(m, "dgram", entry);
	return true;
}

typedef bool diag_show_fn(struct seq_file *m, int line, void *entry, bool ipv6);

/* True: all was seen, and nothing twice. */
static bool diag_walk_once(struct seq_file *m, struct rhashtable *table, int width, bool ipv6,
			   diag_show_fn *show)
{
	struct rhashtable_iter iter;
	bool whole = true;
	int line = 0;
	void *entry;

	rhashtable_walk_enter(table, &iter);
	if (rhashtable_walk_start_check(&iter))
		whole = false;
	while (!seq_has_overflowed(m) && !fatal_signal_pending(current) &&
	       (entry = rhashtable_walk_next(&iter))) {
		if (IS_ERR(entry)) {
			whole = false;	/* what has moved meanwhile is seen in both places */
			continue;
		}
		if (width)
			seq_setwidth(m, width);
		if (show(m, line, entry, ipv6)) {
			line++;
			if (width)
				seq_pad(m, '\n');
		}
		if (need_resched()) {
			rhashtable_walk_stop(&iter);
			cond_resched();
			if (rhashtable_walk_start_check(&iter))
				whole = false;
		}
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	return whole;
}

/*
 * Calls @show, which says something or returns false, for each entry of @table; a line of @width, 0:
 * it ends its line itself. While the table is being resized it is tried again, as that is soon over.
 */
static void diag_walk(struct seq_file *m, struct rhashtable *table, int width, bool ipv6,
		      diag_show_fn *show)
{
	size_t begin = m->count;
	int tries = HZ;

	while (!diag_walk_once(m, table, width, ipv6, show) && !seq_has_overflowed(m) && tries-- &&
	       !fatal_signal_pending(current)) {
		m->count = begin;
		schedule_timeout_uninterruptible(1);
	}
}

static void diag_columns(struct seq_file *m, bool ipv6)
{
	if (ipv6)
		seq_printf(m, "  sl  %-37s %-36s ", "local_address", "remote_address");
	else
		seq_puts(m, "  sl  local_address rem_address   ");
	seq_puts(m, "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
}

static int diag_show_streams(struct seq_file *m, bool ipv6)
{
	int width = STREAM_WIDTH + ipv6 * IPV6_WIDTH;

	seq_setwidth(m, width);
	diag_columns(m, ipv6);
	seq_pad(m, '\n');
	diag_walk(m, &yoke_net(seq_file_single_net(m))->stream.table, width, ipv6, diag_stream);
	return 0;
}

static int diag_show_dgrams(struct seq_file *m, bool ipv6)
{
	int width = DGRAM_WIDTH + ipv6 * IPV6_WIDTH;

	seq_setwidth(m, width);
	seq_putc(m, ' ');
	diag_columns(m, ipv6);
	seq_puts(m, " ref pointer drops");
	seq_pad(m, '\n');
	diag_walk(m, &yoke_net(seq_file_single_net(m))->dgrams.ht, width, ipv6, diag_dgram);
	return 0;
}

static int diag_show_stream(struct seq_file *m, void *v)
{
	return diag_show_streams(m, false);
}

static int diag_show_stream6(struct seq_file *m, void *v)
{
	return diag_show_streams(m, true);
}

static int diag_show_dgram(struct seq_file *m, void *v)
{
	return diag_show_dgrams(m, false);
}

static int diag_show_dgram6(struct seq_file *m, void *v)
{
	return diag_show_dgrams(m, true);
}

static int diag_show_ports(struct seq_file *m, void *v)
{
	struct yoke_net *yn = yoke_net(seq_file_single_net(m));

	diag_walk(m, &yn->ports[YOKE_STREAM_PORTS].table, 0, false, diag_stream_port);
	diag_walk(m, &yn->ports[YOKE_DGRAM_PORTS].table, 0, false, diag_dgram_port);
	return 0;
}

static int diag_show_snmp(struct seq_file *m, void *v)
{
	static const char * const names[YOKE_MIB_MAX] = {
#define X(name)	[YOKE_MIB_##name] = #name,
		YOKE_MIB_LIST(X)
#undef X
	};
	int i;

	for (i = 0; i < YOKE_MIB_MAX; i++)
		seq_printf(m, "%s %lu\n", names[i], yoke_net_sum(seq_file_single_net(m), i));
	return 0;
}

int yoke_diag_init_net(struct net *net)
{
	struct proc_dir_entry *dir = proc_net_mkdir(net, "yoke", net->proc_net);

	if (!dir)
		return -ENOMEM;
	if (proc_create_net_single("stream", 0444, dir, diag_show_stream, NULL) &&
	    proc_create_net_single("dgram", 0444, dir, diag_show_dgram, NULL) &&
	    proc_create_net_single("stream6", 0444, dir, diag_show_stream6, NULL) &&
	    proc_create_net_single("dgram6", 0444, dir, diag_show_dgram6, NULL) &&
	    proc_create_net_single("ports", 0444, dir, diag_show_ports, NULL) &&
	    proc_create_net_single("snmp", 0444, dir, diag_show_snmp, NULL))
		return 0;
	yoke_diag_exit_net(net);
	return -ENOMEM;
}

void yoke_diag_exit_net(struct net *net)
{
	remove_proc_subtree("yoke", net->proc_net);
}
