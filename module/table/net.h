/* SPDX-License-Identifier: GPL-2.0 */
/* What Yoke keeps per network namespace: the tables, the counters, the settings. */
#ifndef YOKE_NET_H
#define YOKE_NET_H

#include <linux/percpu.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include "hash.h"
#include "port.h"

struct yoke_cc_ops;

/*
 * Counters, shown in /proc/net/yoke/snmp under these names; SNMP's where it has one. Those of
 * packets thrown away are reasons, too, in the tracepoint yoke_drop.
 */
#define YOKE_MIB_LIST(X)								\
	X(ActiveOpens) X(PassiveOpens) X(AttemptFails) X(EstabResets) X(CurrEstab)	\
	X(InSegs) X(OutSegs) X(Shortcuts) X(RetransSegs) X(InErrs) X(InCsumErrors) X(OutRsts)	\
	X(ListenOverflows) X(ListenDrops) X(ReqTimeouts) X(DeferAcceptDrop)		\
	X(ReqQFullDoCookies) X(ReqQFullDrop)						\
	X(FastOpenActive) X(FastOpenActiveFail)						\
	X(FastOpenPassive) X(FastOpenPassiveFail) X(FastOpenPassiveAltKey)		\
	X(FastOpenListenOverflow) X(FastOpenCookieReqd) X(FastOpenBlackhole)		\
	X(SyncookiesSent) X(SyncookiesRecv) X(SyncookiesFailed)				\
	X(OutOfWindow) X(PAWSDrops) X(ChallengeAcks) X(ACKSkippedChallenge)		\
	X(DelayedAcks) X(AckCompressed) X(AutoCorking)					\
	X(InvalidAck) X(InvalidRst) X(InvalidSyn) X(InvalidFlags)			\
	X(Duplicates) X(AfterFin) X(Closed) X(Filtered) X(NotUnicast)			\
	X(Timeouts) X(TimeoutRehash) X(DuplicateDataRehash) X(TLPs) X(Recoveries)	\
	X(Probes) X(KeepAlive) X(DeliveredCE)						\
	X(SynRetrans) X(DSACKRecv) X(OutOfWindowIcmps) X(ToZeroWindowAdv) X(FromZeroWindowAdv) \
	X(OfoQueued) X(OfoPruned) X(Collapsed) X(MemDrops)			\
	X(AbortOnData) X(AbortOnClose) X(AbortOnLinger) X(AbortOnTimeout)		\
	X(AbortOnMemory)								\
	X(TimeWaits) X(TimeWaitRecycled) X(TimeWaitOverflow) X(NoSocket)		\
	X(DgramInDatagrams) X(DgramOutDatagrams) X(DgramNoPorts) X(DgramInErrors)	\
	X(DgramInCsumErrors) X(DgramRcvbufErrors) X(DgramSndbufErrors)		\
	X(DgramIgnoredMulti)

enum yoke_mib_index {
#define X(name)	YOKE_MIB_##name,
	YOKE_MIB_LIST(X)
#undef X
	YOKE_MIB_MAX
};

struct yoke_mib {
	unsigned long	count[YOKE_MIB_MAX];
};

/* Keys of Fast Open cookies: the first makes them, those of both are good; there are @n. */
struct fastopen_keys {
	siphash_key_t	key[2];
	u8		n;
};

/**
 * struct yoke_fastopen_net - Fast Open's part of a namespace (module/engine/fastopen.c)
 * @lock:	protects the rest; BH off
 * @paths:	cookies of servers, made when the first one comes
 * @failed:	when the path failed last (jiffies), after @failures; read without the lock, and without
 *		it @failures begin anew
 */
struct yoke_fastopen_net {
	spinlock_t	lock;
	struct fastopen_keys keys;
	struct yoke_fastopen_path *paths;
	unsigned long	failed;
	u32		failures;
};

/*
 * Settings, one per net.yoke.* name of module/sock/sysctl.c; times in the unit of the
 * net.ipv4.tcp_* sibling.
 */
struct yoke_settings {
	int	rmem[3];		/* bytes: least, default, most */
	int	wmem[3];
	int	syn_retries;
	int	synack_retries;
	int	retries1;
	int	retries2;
	int	orphan_retries;
	int	rto_min_us;
	int	rto_max_ms;
	int	fin_timeout;		/* jiffies */
	int	keepalive_time;		/* jiffies */
	int	keepalive_intvl;	/* jiffies */
	int	keepalive_probes;
	int	base_mss;		/* bytes, as the next */
	int	mtu_probe_floor;
	int	min_snd_mss;
	int	probe_threshold;
	int	probe_interval;		/* seconds */
	int	max_syn_backlog;
	int	max_tw_buckets;
	int	reordering;		/* segments, as the next */
	int	max_reordering;
	u8	recovery;		/* YOKE_RACK_* */
	u8	comp_sack_nr;		/* ACKs that become one, */
	unsigned long comp_sack_delay_ns;	/* for so long at most, */
	unsigned long comp_sack_slack_ns;	/* give or take */
	u8	syncookies;		/* 1: for the flooded, 2: always */
	u8	window_scaling;
	u8	timestamps;
	u8	sack;
	u8	frto;
	u8	mtu_probing;
	u8	abort_on_overflow;
	u8	moderate_rcvbuf;
	u8	slow_start_after_idle;
	u8	rfc1337;
	u8	reuse_tw;		/* tw_reuse is a macro of the kernel's */
	u8	dsack;
	u8	early_retrans;		/* 3, 4: tail loss probes */
	u8	thin_linear_timeouts;
	u8	reflect_tos;
	u8	stdurg;
	u8	ecn;
	u8	ecn_fallback;
	u8	min_tso_segs;
	u8	tso_rtt_log;
	u8	autocorking;
	int	pacing_ss_ratio;	/* percent of cwnd / RTT */
	int	pacing_ca_ratio;
	int	limit_output_bytes;
	unsigned int notsent_lowat;	/* bytes */
	u8	ecn_option;
	u8	shortcut;
	u8	l3mdev_accept;
	int	invalid_ratelimit;	/* jiffies between challenge ACKs of one connection */
	int	fastopen;		/* YOKE_FASTOPEN_* bits */
	int	fastopen_blackhole_timeout_sec;
	int	challenge_ack_limit;	/* challenge ACKs a second, of all together */
};

/**
 * struct yoke_net - one namespace; what each packet reads is not in a cache line with what each
 * connection or socket writes (a table's number of entries, @timewaits)
 * @stream:	connections, listeners, requests, time-waits by pair
 * @dgrams:	datagram sockets by pair (module/engine/dgram.c)
 * @dgram_places: who enters, changes place in or leaves @dgrams and the groups of SO_REUSEPORT: one at a
 *		time, BH off; a reader learns whether somebody changed place, and so was nowhere, meanwhile.
 *		Taken inside a port's lock, where both are
 * @dgram_devices: one of @dgrams is, or was, bound to a device: which of those alike is not all the same
 * @dgram_portless: one of @dgrams has, or had, a peer without a port, which is any port of its host
 * @ports:	the port spaces of the stream and the datagram type
 * @isn_key:	RFC 6528's secret, which the timestamps' offsets and Fast Open's table go by too
 * @cookie_keys: those of SYN cookies
 * @fastopen:	see there
 * @timewaits:	number of struct yoke_timewait
 * @challenge_second: the second that @challenges more challenge ACKs may leave in; no lock, a few
 *		too many do no harm
 * @set:	the settings
 * @cc:		the congestion control of new sockets (table/cc_table.c)
 * @sysctl:	their registration
 * @mib:	the counters
 * @dying:	set before the devices go (pernet pre_exit): receivers under RCU turn back
 */
struct yoke_net {
	struct yoke_hash stream;
	struct rhltable	dgrams ____cacheline_aligned_in_smp;
	seqlock_t	dgram_places;
	bool		dgram_devices;
	bool		dgram_portless;
	struct yoke_ports ports[2] ____cacheline_aligned_in_smp;
	siphash_key_t	isn_key;
	siphash_key_t	cookie_keys[2];
	struct yoke_fastopen_net fastopen;
	atomic_t	timewaits;
	u32		challenge_second;
	u32		challenges;
	struct yoke_settings set ____cacheline_aligned_in_smp;
	const struct yoke_cc_ops *cc;
	struct ctl_table_header *sysctl;
	struct yoke_mib __percpu *mib;
	bool		dying;
};

enum { YOKE_STREAM_PORTS, YOKE_DGRAM_PORTS };

/* Wire protocol numbers (module parameters stream_proto, dgram_proto). */
extern u8 yoke_stream_protocol;
extern u8 yoke_dgram_protocol;

extern unsigned int yoke_net_id;

/* As net_generic(), whose rcu_read_lock() is two calls on kernels that preempt: this is in every path. */
static inline struct yoke_net *yoke_net(const struct net *net)
{
	struct yoke_net *yn;

	rcu_read_lock_sched();
	yn = rcu_dereference_sched(net->gen)->ptr[yoke_net_id];
	rcu_read_unlock_sched();
	return yn;
}

#define yoke_count(net, name)		this_cpu_inc(yoke_net(net)->mib->count[YOKE_MIB_##name])
#define yoke_count_add(net, name, n)	this_cpu_add(yoke_net(net)->mib->count[YOKE_MIB_##name], n)

/*
 * The tables, keys, counters and default settings of a namespace; sysctl,
 * /proc and datagrams add theirs.
 */
int yoke_net_init(struct net *net);
void yoke_net_exit(struct net *net);
/*
 * May what is perhaps anybody's, in any number, be answered? Once in net.yoke.invalid_ratelimit;
 * @last: when this one's was answered last (jiffies), 0 for never, noted here.
 */
bool yoke_net_may_answer(struct net *net, u32 *last);
/*
 * May another challenge ACK leave (RFC 5961 §7)? How many may in a second is drawn by lot, so that
 * nobody learns from his own what was sent to others (CVE-2016-5696).
 */
bool yoke_net_may_challenge(struct net *net);
/* Sum of one counter over all CPUs. */
unsigned long yoke_net_sum(const struct net *net, enum yoke_mib_index i);

#endif
