// SPDX-License-Identifier: GPL-2.0
/*
 * net.yoke.*, one set a network namespace.
 *
 * Most names are that of a net.ipv4.tcp_* sibling without the "tcp_", with its
 * unit and mostly its limits. The engine reads the values without a lock. What
 * all namespaces share, mem, dgram_mem and max_orphans, is in the first one only,
 * which alone may write allowed_congestion_control.
 * Process context.
 */
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <net/tcp.h>
#include "../engine/fastopen.h"
#include "../table/cc_table.h"
#include "../table/mem.h"
#include "sysctl.h"

static int byte_max = U8_MAX, u16_max = U16_MAX;
static int rmem_min = 4096;		/* less would never open a window */
static int mss_min = 48, mss_max = U16_MAX - 52;
static int syn_retries_max = MAX_TCP_SYNCNT;
static int ecn_max = 5;
static int rto_max_ms_max = YOKE_RTO_MAX_US / USEC_PER_MSEC;

/* .data is an offset into struct yoke_settings here, an address in the table of a namespace. */
#define YOKE_SYSCTL(name, handler, min, max) {				\
	.procname	= #name,					\
	.data		= (void *)offsetof(struct yoke_settings, name),	\
	.maxlen		= sizeof_field(struct yoke_settings, name),	\
	.mode		= 0644,						\
	.proc_handler	= handler,					\
	.extra1		= min,						\
	.extra2		= max,						\
}

#define YOKE_SYSCTL_COUNT(name, min, max)	YOKE_SYSCTL(name, proc_dointvec_minmax, min, max)
#define YOKE_SYSCTL_SECONDS(name)		YOKE_SYSCTL(name, proc_dointvec_jiffies, NULL, NULL)
#define YOKE_SYSCTL_BYTE(name)			YOKE_SYSCTL(name, proc_dou8vec_minmax, NULL, NULL)

/* Names are kept where they belong, and copied for reading and writing. */
static int sysctl_string(const struct ctl_table *table, int write, char *text, size_t size,
			 void *buffer, size_t *lenp, loff_t *ppos)
{
	struct ctl_table copy = { .procname = table->procname, .data = text, .maxlen = size };

	return proc_dostring(&copy, write, buffer, lenp, ppos);
}

static int sysctl_cc(yoke_ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	struct net *net = table->extra1;
	char name[YOKE_CC_NAME];
	int err;

	yoke_cc_table_get_default(net, name);
	err = sysctl_string(table, write, name, sizeof(name), buffer, lenp, ppos);
	return err || !write ? err : yoke_cc_table_set_default(net, name);
}

static int sysctl_cc_names(yoke_ctl_table *table, int write, void *buffer, size_t *lenp, loff_t *ppos,
			   bool allowed)
{
	char *names = kmalloc(YOKE_CC_NAMES, GFP_USER);
	int err;

	if (!names)
		return -ENOMEM;
	yoke_cc_table_list(names, YOKE_CC_NAMES, allowed);
	err = sysctl_string(table, write, names, YOKE_CC_NAMES, buffer, lenp, ppos);
	if (write && !err)
		err = yoke_cc_table_allow(names);
	kfree(names);
	return err;
}

static int sysctl_cc_available(yoke_ctl_table *table, int write, void *buffer, size_t *lenp,
			       loff_t *ppos)
{
	return sysctl_cc_names(table, write, buffer, lenp, ppos, false);
}

static int sysctl_cc_allowed(yoke_ctl_table *table, int write, void *buffer, size_t *lenp,
			     loff_t *ppos)
{
	return sysctl_cc_names(table, write, buffer, lenp, ppos, true);
}

/* Keys as Linux writes them: four little-endian words a key, the second key behind a comma. */
static int sysctl_fastopen_key(yoke_ctl_table *table, int write, void *buffer, size_t *lenp,
			       loff_t *ppos)
{
	struct net *net = table->extra1;
	__le32 keys[2][4] = { };
	char text[2 * 36];
	u32 w[4];
	char *s;
	int i, j, n, err, len = 0;

	n = yoke_fastopen_get_keys(net, NULL, (u8 *)keys) ?: 1;
	for (i = 0; i < n; i++)
		len += scnprintf(text + len, sizeof(text) - len, "%s%08x-%08x-%08x-%08x",
				 i ? "," : "", le32_to_cpu(keys[i][0]), le32_to_cpu(keys[i][1]),
				 le32_to_cpu(keys[i][2]), le32_to_cpu(keys[i][3]));
	err = sysctl_string(table, write, text, sizeof(text), buffer, lenp, ppos);
	if (err || !write)
		return err;
	for (n = 0, s = text; s && n < 2; n++) {
		if (sscanf(s, "%x-%x-%x-%x", &w[0], &w[1], &w[2], &w[3]) != 4)
			return -EINVAL;
		for (j = 0; j < 4; j++)
			keys[n][j] = cpu_to_le32(w[j]);
		s = strchr(s, ',');
		s += !!s;
	}
	yoke_fastopen_set_keys(net, NULL, (u8 *)keys, n);
	return 0;
}

/* Whoever sets the time of pauses has the count of failures begin anew. */
static int sysctl_fastopen_pause(yoke_ctl_table *table, int write, void *buffer, size_t *lenp,
				 loff_t *ppos)
{
	struct net *net = table->extra1;
	struct ctl_table copy = {
		.procname = table->procname,
		.data = &yoke_net(net)->set.fastopen_blackhole_timeout_sec,
		.maxlen = sizeof(int),
		.extra1 = SYSCTL_ZERO,
	};
	int err = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);

	if (write && !err)
		yoke_fastopen_resume(net);
	return err;
}

static const struct ctl_table yoke_sysctl_template[] = {
	YOKE_SYSCTL_COUNT(rmem, &rmem_min, NULL),
	YOKE_SYSCTL_COUNT(wmem, SYSCTL_ONE, NULL),
	YOKE_SYSCTL_COUNT(syn_retries, SYSCTL_ONE, &syn_retries_max),
	YOKE_SYSCTL_COUNT(synack_retries, SYSCTL_ZERO, &byte_max),
	YOKE_SYSCTL_COUNT(retries1, SYSCTL_ZERO, &byte_max),
	YOKE_SYSCTL_COUNT(retries2, SYSCTL_ZERO, &byte_max),
	YOKE_SYSCTL_COUNT(orphan_retries, SYSCTL_ZERO, &byte_max),
	YOKE_SYSCTL_COUNT(rto_min_us, SYSCTL_ONE, NULL),
	YOKE_SYSCTL_COUNT(rto_max_ms, SYSCTL_ONE_THOUSAND, &rto_max_ms_max),
	YOKE_SYSCTL_SECONDS(fin_timeout),
	YOKE_SYSCTL_SECONDS(keepalive_time),
	YOKE_SYSCTL_SECONDS(keepalive_intvl),
	YOKE_SYSCTL_COUNT(keepalive_probes, SYSCTL_ZERO, &byte_max),
	YOKE_SYSCTL_BYTE(mtu_probing),
	YOKE_SYSCTL_COUNT(base_mss, &mss_min, &mss_max),
	YOKE_SYSCTL_COUNT(mtu_probe_floor, &mss_min, &mss_max),
	YOKE_SYSCTL_COUNT(min_snd_mss, &mss_min, &mss_max),
	YOKE_SYSCTL_COUNT(probe_threshold, SYSCTL_ZERO, &mss_max),
	YOKE_SYSCTL_COUNT(probe_interval, SYSCTL_ZERO, NULL),
	YOKE_SYSCTL_COUNT(max_syn_backlog, NULL, NULL),
	YOKE_SYSCTL_COUNT(max_tw_buckets, NULL, NULL),
	YOKE_SYSCTL_BYTE(syncookies),
	YOKE_SYSCTL_BYTE(window_scaling),
	YOKE_SYSCTL_BYTE(timestamps),
	YOKE_SYSCTL_BYTE(sack),
	YOKE_SYSCTL_BYTE(frto),
	YOKE_SYSCTL_COUNT(reordering, SYSCTL_ONE, &u16_max),
	YOKE_SYSCTL_COUNT(max_reordering, SYSCTL_ONE, &u16_max),
	YOKE_SYSCTL_BYTE(recovery),
	YOKE_SYSCTL_BYTE(comp_sack_nr),
	YOKE_SYSCTL(comp_sack_delay_ns, proc_doulongvec_minmax, NULL, NULL),
	YOKE_SYSCTL(comp_sack_slack_ns, proc_doulongvec_minmax, NULL, NULL),
	YOKE_SYSCTL_BYTE(abort_on_overflow),
	YOKE_SYSCTL_BYTE(moderate_rcvbuf),
	YOKE_SYSCTL_BYTE(slow_start_after_idle),
	YOKE_SYSCTL_BYTE(rfc1337),
	{
		.procname	= "tw_reuse",	/* a macro of the kernel's, and so no field's name */
		.data		= (void *)offsetof(struct yoke_settings, reuse_tw),
		.maxlen		= sizeof(u8),
		.mode		= 0644,
		.proc_handler	= proc_dou8vec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_TWO,
	},
	YOKE_SYSCTL_BYTE(dsack),
	YOKE_SYSCTL(early_retrans, proc_dou8vec_minmax, SYSCTL_ZERO, SYSCTL_FOUR),
	YOKE_SYSCTL_BYTE(thin_linear_timeouts),
	YOKE_SYSCTL(reflect_tos, proc_dou8vec_minmax, SYSCTL_ZERO, SYSCTL_ONE),
	YOKE_SYSCTL_BYTE(stdurg),
	YOKE_SYSCTL(ecn, proc_dou8vec_minmax, SYSCTL_ZERO, &ecn_max),
	YOKE_SYSCTL(ecn_fallback, proc_dou8vec_minmax, SYSCTL_ZERO, SYSCTL_ONE),
	YOKE_SYSCTL(min_tso_segs, proc_dou8vec_minmax, SYSCTL_ONE, NULL),
	YOKE_SYSCTL_BYTE(tso_rtt_log),
	YOKE_SYSCTL(autocorking, proc_dou8vec_minmax, SYSCTL_ZERO, SYSCTL_ONE),
	YOKE_SYSCTL_COUNT(pacing_ss_ratio, SYSCTL_ZERO, SYSCTL_ONE_THOUSAND),
	YOKE_SYSCTL_COUNT(pacing_ca_ratio, SYSCTL_ZERO, SYSCTL_ONE_THOUSAND),
	YOKE_SYSCTL_COUNT(limit_output_bytes, NULL, NULL),
	YOKE_SYSCTL(notsent_lowat, proc_douintvec, NULL, NULL),
	YOKE_SYSCTL(l3mdev_accept, proc_dou8vec_minmax, SYSCTL_ZERO, SYSCTL_ONE),
	YOKE_SYSCTL(shortcut, proc_dou8vec_minmax, SYSCTL_ZERO, SYSCTL_ONE),
	YOKE_SYSCTL(ecn_option, proc_dou8vec_minmax, SYSCTL_ZERO, SYSCTL_TWO),
	YOKE_SYSCTL(invalid_ratelimit, proc_dointvec_ms_jiffies, NULL, NULL),
	YOKE_SYSCTL_COUNT(challenge_ack_limit, NULL, NULL),
	YOKE_SYSCTL(fastopen, proc_dointvec, NULL, NULL),
};

/* What all namespaces share, in the first one's table. */
static const struct ctl_table yoke_sysctl_mem[] = {
	{
		.procname	= "mem",
		.data		= yoke_mem_limits,
		.maxlen		= sizeof(yoke_mem_limits),
		.mode		= 0644,
		.proc_handler	= proc_doulongvec_minmax,
	}, {
		.procname	= "dgram_mem",
		.data		= yoke_mem_dgram_limits,
		.maxlen		= sizeof(yoke_mem_dgram_limits),
		.mode		= 0644,
		.proc_handler	= proc_doulongvec_minmax,
	}, {
		.procname	= "max_orphans",
		.data		= &yoke_mem_max_orphans,
		.maxlen		= sizeof(yoke_mem_max_orphans),
		.mode		= 0644,
		.proc_handler	= proc_dointvec,
	},
};

/* Not settings, but what others keep; .extra1 is the namespace. */
static const struct ctl_table yoke_sysctl_others[] = {
	{
		.procname	= "fastopen_key",
		.mode		= 0600,
		.proc_handler	= sysctl_fastopen_key,
	}, {
		.procname	= "fastopen_blackhole_timeout_sec",
		.mode		= 0644,
		.proc_handler	= sysctl_fastopen_pause,
	}, {
		.procname	= "congestion_control",
		.mode		= 0644,
		.proc_handler	= sysctl_cc,
	}, {
		.procname	= "available_congestion_control",
		.mode		= 0444,
		.proc_handler	= sysctl_cc_available,
	}, {
		.procname	= "allowed_congestion_control",
		.mode		= 0644,
		.proc_handler	= sysctl_cc_allowed,
	},
};

int yoke_sysctl_init_net(struct net *net)
{
	struct yoke_net *yn = yoke_net(net);
	size_t i, n = ARRAY_SIZE(yoke_sysctl_template);
	struct ctl_table *table;

	/* One more for the empty entry that older kernels look for at the end. */
	table = kcalloc(n + ARRAY_SIZE(yoke_sysctl_others) + ARRAY_SIZE(yoke_sysctl_mem) + 1,
			sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		table[i] = yoke_sysctl_template[i];
		table[i].data = (char *)&yn->set + (size_t)table[i].data;
	}
	for (i = 0; i < ARRAY_SIZE(yoke_sysctl_others); i++) {
		table[n] = yoke_sysctl_others[i];
		table[n].extra1 = net;
		/* Who may choose what is one list for all: the first namespace's to write. */
		if (table[n].proc_handler == sysctl_cc_allowed && !net_eq(net, &init_net))
			table[n].mode = 0444;
		n++;
	}
	for (i = 0; i < ARRAY_SIZE(yoke_sysctl_mem) && net_eq(net, &init_net); i++)
		table[n++] = yoke_sysctl_mem[i];

	yn->sysctl = register_net_sysctl_sz(net, "net/yoke", table, n);
	if (yn->sysctl)
		return 0;
	kfree(table);
	return -ENOMEM;
}

void yoke_sysctl_exit_net(struct net *net)
{
	struct yoke_net *yn = yoke_net(net);
	const struct ctl_table *table = yn->sysctl->ctl_table_arg;

	unregister_net_sysctl_table(yn->sysctl);
	kfree(table);
}
