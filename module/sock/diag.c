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
 * As many lines as LINES_AT_ONCE are made in one go, so that a table that is being resized can be
 * begun anew; of a longer one that is resized meanwhile, some are missed and some seen twice.
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
#define LINES_AT_ONCE	2048	/* which an open file keeps, until they are read */

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
		/* Nothing in flight, and yet the retransmission timer: it probes a closed window. */
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
		   told(yoke_conn_probes(ys)), (u64)sock_i_ino(sk), refcount_read(&sk->sk_refcnt), sk,
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
	return ipv6_addr_any(a) || (yoke_port_any_ipv4(a) && !ipv6_addr_any(b));
}

static bool diag_port(struct seq_file *m, const char *type, struct yoke_port *port)
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
		return false;
	seq_printf(m, "%-6s %5u ", type, port->num);
	if (ipv6_addr_v4mapped(&addr))
		seq_printf(m, "%pI4 %u\n", &addr.s6_addr32[3], n);
	else
		seq_printf(m, "%pI6c %u\n", &addr, n);
	return true;
}

static bool diag_stream_port(struct seq_file *m, int line, void *entry, bool ipv6)
{
	return diag_port(m, "stream", entry);
}

static bool diag_dgram_port(struct seq_file *m, int line, void *entry, bool ipv6)
{
	return diag_port(m, "dgram", entry);
}

/**
 * struct diag_file - what a file tells
 * @name:	its name
 * @width:	of a line; 0: @show ends it itself
 * @ipv6:	for @show
 * @dgram:	the columns of datagrams
 * @tables:	by where they are in struct yoke_net; show says something of an entry, or returns false
 */
struct diag_file {
	const char	*name;
	int		width;
	bool		ipv6;
	bool		dgram;
	struct diag_table {
		size_t	at;
		bool	(*show)(struct seq_file *m, int line, void *entry, bool ipv6);
	} tables[2];
};

#define STREAMS	{ offsetof(struct yoke_net, stream.table), diag_stream }
#define DGRAMS	{ offsetof(struct yoke_net, dgrams.ht), diag_dgram }

static const struct diag_file diag_files[] = {
	{ "stream", STREAM_WIDTH, false, false, { STREAMS } },
	{ "dgram", DGRAM_WIDTH, false, true, { DGRAMS } },
	{ "stream6", STREAM_WIDTH + IPV6_WIDTH, true, false, { STREAMS } },
	{ "dgram6", DGRAM_WIDTH + IPV6_WIDTH, true, true, { DGRAMS } },
	{ "ports", .tables = {
		{ offsetof(struct yoke_net, ports[YOKE_STREAM_PORTS].table), diag_stream_port },
		{ offsetof(struct yoke_net, ports[YOKE_DGRAM_PORTS].table), diag_dgram_port },
	} },
};

/* How far a file is read: in which of its tables, where (as struct rhashtable_iter has it), to what line. */
struct diag_place {
	unsigned int	table;
	unsigned int	slot;
	unsigned int	skip;
	int		line;
};

/* @next: behind what was shown last, which may have to be shown again from @from on. */
struct diag_reader {
	struct seq_net_private	net;
	struct diag_place	from;
	struct diag_place	next;
};

static const struct diag_file *diag_which(const struct seq_file *m)
{
	return pde_data(file_inode(m->file));
}

static const struct diag_table *diag_table_at(const struct seq_file *m, const struct diag_place *place)
{
	const struct diag_table *t = diag_which(m)->tables;

	return place->table < ARRAY_SIZE(diag_which(m)->tables) && t[place->table].show ?
	       &t[place->table] : NULL;
}

/* Shows what comes at @place, and moves it behind that. True: all was seen, and nothing twice. */
static bool diag_walk(struct seq_file *m, struct diag_place *place)
{
	const struct diag_table *t = diag_table_at(m, place);
	const struct diag_file *f = diag_which(m);
	int end = place->line + LINES_AT_ONCE;
	struct rhashtable_iter iter;
	bool whole = true;
	void *entry;

	rhashtable_walk_enter((void *)yoke_net(seq_file_net(m)) + t->at, &iter);
	iter.slot = place->slot;
	iter.skip = place->skip;
	if (rhashtable_walk_start_check(&iter))
		whole = false;
	while (place->line < end && !seq_has_overflowed(m) && !fatal_signal_pending(current)) {
		entry = rhashtable_walk_next(&iter);
		if (IS_ERR(entry)) {
			whole = false;	/* what has moved meanwhile is seen in both places */
			continue;
		}
		if (!entry) {
			iter.slot = 0;
			iter.skip = 0;
			place->table++;
			break;
		}
		if (f->width)
			seq_setwidth(m, f->width);
		if (t->show(m, place->line, entry, f->ipv6)) {
			place->line++;
			if (f->width)
				seq_pad(m, '\n');
		}
		if (need_resched()) {
			rhashtable_walk_stop(&iter);
			cond_resched();
			if (rhashtable_walk_start_check(&iter))
				whole = false;
		}
	}
	place->slot = iter.slot;
	place->skip = iter.skip;
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	return whole;
}

static void diag_columns(struct seq_file *m, const struct diag_file *f)
{
	seq_setwidth(m, f->width);
	if (f->dgram)
		seq_putc(m, ' ');
	if (f->ipv6)
		seq_printf(m, "  sl  %-37s %-36s ", "local_address", "remote_address");
	else
		seq_puts(m, "  sl  local_address rem_address   ");
	seq_puts(m, "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
	if (f->dgram)
		seq_puts(m, " ref pointer drops");
	seq_pad(m, '\n');
}

static void *diag_start(struct seq_file *m, loff_t *pos)
{
	struct diag_reader *r = m->private;

	if (!*pos)
		memset(&r->from, 0, sizeof(r->from));
	return diag_table_at(m, &r->from) ? r : NULL;
}

static void *diag_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct diag_reader *r = v;

	++*pos;
	r->from = r->next;
	return diag_table_at(m, &r->from) ? r : NULL;
}

static void diag_stop(struct seq_file *m, void *v)
{
}

/* While the table is being resized it is tried again, as that is soon over. */
static int diag_show(struct seq_file *m, void *v)
{
	struct diag_reader *r = v;
	bool first = !r->from.slot && !r->from.skip;
	int tries = HZ;
	size_t begin;

	if (!r->from.line && diag_which(m)->width)
		diag_columns(m, diag_which(m));
	begin = m->count;
	r->next = r->from;
	while (!diag_walk(m, &r->next) && first && !seq_has_overflowed(m) && tries-- &&
	       !fatal_signal_pending(current)) {
		m->count = begin;
		r->next = r->from;
		schedule_timeout_uninterruptible(1);
	}
	/* Or the core would ask for the next record for ever: who is to end has got no further. */
	return fatal_signal_pending(current) ? -EINTR : 0;
}

static const struct seq_operations diag_ops = {
	.start	= diag_start,
	.next	= diag_next,
	.stop	= diag_stop,
	.show	= diag_show,
};

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
	const struct diag_file *f;

	if (!dir)
		return -ENOMEM;
	for (f = diag_files; f < diag_files + ARRAY_SIZE(diag_files); f++)
		if (!proc_create_net_data(f->name, 0444, dir, &diag_ops, sizeof(struct diag_reader),
					  (void *)f))
			goto fail;
	if (proc_create_net_single("snmp", 0444, dir, diag_show_snmp, NULL))
		return 0;
fail:
	yoke_diag_exit_net(net);
	return -ENOMEM;
}

void yoke_diag_exit_net(struct net *net)
{
	remove_proc_subtree("yoke", net->proc_net);
}
