// SPDX-License-Identifier: GPL-2.0
/*
 * What Yoke keeps per network namespace: made, given its defaults, and freed.
 *
 * The defaults are those of the net.ipv4.tcp_* settings of the same name, but where README.md says
 * what TCP's are; where TCP takes them from the size of the machine, so do we. A new namespace takes
 * its buffer sizes from the first one, as with TCP.
 * Process context, but for the limits of answers. RFC 6528 (the secret of initial sequence numbers).
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/swap.h>
#include <linux/yoke.h>
#include "mem.h"
#include "net.h"

unsigned int yoke_net_id __read_mostly;
u8 yoke_stream_protocol __read_mostly = IPPROTO_YOKE_STREAM;
u8 yoke_dgram_protocol __read_mostly = IPPROTO_YOKE_DGRAM;

static void net_buffer_defaults(struct yoke_settings *set)
{
	/*
	 * One socket may have 1/128 of the memory that buffers can use, and as much as a path of
	 * 100 ms and 1 Gbit/s needs, overhead included; TCP stops at 6 and 4 MiB.
	 */
	unsigned long share = nr_free_buffer_pages() << (PAGE_SHIFT - 7);

	set->wmem[0] = PAGE_SIZE;
	set->wmem[1] = 16 << 10;
	set->wmem[2] = clamp(share, 64UL << 10, 32UL << 20);
	set->rmem[0] = PAGE_SIZE;
	set->rmem[1] = 128 << 10;
	set->rmem[2] = clamp(share, 128UL << 10, 32UL << 20);
}

static void net_settings_init(struct yoke_settings *set)
{
	net_buffer_defaults(set);
	set->syn_retries = 7;		/* 255 s: RFC 9293 MUST-23 wants 180 s, Linux gives 127 s */
	set->synack_retries = 5;
	set->retries1 = 3;
	set->retries2 = 15;
	set->orphan_retries = 0;
	set->rto_min_us = 200000;
	set->rto_max_ms = 120000;
	set->fin_timeout = 60 * HZ;
	set->keepalive_time = 7200 * HZ;
	set->keepalive_intvl = 75 * HZ;
	set->keepalive_probes = 9;
	set->max_syn_backlog = max(yoke_mem_slots() / 128, 128UL);
	set->max_tw_buckets = yoke_mem_slots() / 2;
	set->syncookies = 1;
	set->window_scaling = 1;
	set->timestamps = 1;
	set->sack = 1;
	set->frto = 2;
	set->reordering = 3;		/* DupThresh, RFC 5681 §3.2 */
	set->max_reordering = 300;
	set->recovery = 1;
	set->comp_sack_nr = 44;
	set->comp_sack_delay_ns = NSEC_PER_MSEC;
	set->comp_sack_slack_ns = 100 * NSEC_PER_USEC;
	set->base_mss = 1024;
	set->mtu_probe_floor = 48;
	set->probe_threshold = 8;
	set->probe_interval = 600;
	set->abort_on_overflow = 0;
	set->moderate_rcvbuf = 1;
	set->slow_start_after_idle = 1;
	set->rfc1337 = 0;
	set->reuse_tw = 2;
	set->dsack = 1;
	set->early_retrans = 3;
	set->min_snd_mss = 48;
	set->stdurg = 0;
	set->ecn = 2;
	set->ecn_fallback = 1;
	set->min_tso_segs = 2;
	set->tso_rtt_log = 9;
	set->autocorking = 1;
	set->pacing_ss_ratio = 200;
	set->pacing_ca_ratio = 120;
	set->limit_output_bytes = 1 << 20;
	set->notsent_lowat = UINT_MAX;
	set->ecn_option = 2;
	set->shortcut = 1;
	set->invalid_ratelimit = HZ / 2;
	set->challenge_ack_limit = INT_MAX;
	set->fastopen = 1;
}

int yoke_net_init(struct net *net)
{
	struct yoke_net *yn = yoke_net(net);
	int err = -ENOMEM;

	net_settings_init(&yn->set);
	if (!net_eq(net, &init_net)) {
		const struct yoke_settings *first = &yoke_net(&init_net)->set;

		memcpy(yn->set.rmem, first->rmem, sizeof(first->rmem));
		memcpy(yn->set.wmem, first->wmem, sizeof(first->wmem));
	}
	get_random_bytes(&yn->isn_key, sizeof(yn->isn_key));
	get_random_bytes(yn->cookie_keys, sizeof(yn->cookie_keys));
	atomic_set(&yn->timewaits, 0);

	yn->mib = alloc_percpu(struct yoke_mib);
	if (!yn->mib)
		return -ENOMEM;
	err = yoke_hash_init(&yn->stream, net, &yn->set.l3mdev_accept);
	if (err)
		goto err_hash;
	err = yoke_port_init_net(&yn->ports[YOKE_STREAM_PORTS], false);
	if (err)
		goto err_stream_ports;
	err = yoke_port_init_net(&yn->ports[YOKE_DGRAM_PORTS], true);
	if (err)
		goto err_dgram_ports;
	return 0;

err_dgram_ports:
	yoke_port_exit_net(&yn->ports[YOKE_STREAM_PORTS]);
err_stream_ports:
	yoke_hash_exit(&yn->stream);
err_hash:
	free_percpu(yn->mib);
	return err;
}

void yoke_net_exit(struct net *net)
{
	struct yoke_net *yn = yoke_net(net);

	yoke_port_exit_net(&yn->ports[YOKE_DGRAM_PORTS]);
	yoke_port_exit_net(&yn->ports[YOKE_STREAM_PORTS]);
	yoke_hash_exit(&yn->stream);
	free_percpu(yn->mib);
}

bool yoke_net_may_answer(struct net *net, u32 *last)
{
	/* Less than none is none: who is never answered takes us for dead. */
	u32 limit = max(READ_ONCE(yoke_net(net)->set.invalid_ratelimit), 0), now = (u32)jiffies;

	if (*last && now - *last < limit)
		return false;
	*last = now ?: 1;
	return true;
}

bool yoke_net_may_challenge(struct net *net)
{
	struct yoke_net *yn = yoke_net(net);
	u32 limit = READ_ONCE(yn->set.challenge_ack_limit), now = (u32)(jiffies / HZ), left;

	if (limit == INT_MAX)
		return true;
	if (now != READ_ONCE(yn->challenge_second)) {
		WRITE_ONCE(yn->challenge_second, now);
		WRITE_ONCE(yn->challenges,
			   DIV_ROUND_UP(limit, 2) + reciprocal_scale(get_random_u32(), limit));
	}
	left = READ_ONCE(yn->challenges);
	if (left)
		WRITE_ONCE(yn->challenges, left - 1);
	return left;
}

unsigned long yoke_net_sum(const struct net *net, enum yoke_mib_index i)
{
	struct yoke_net *yn = yoke_net(net);
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(yn->mib, cpu)->count[i];
	return sum;
}
