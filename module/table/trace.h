/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints, events/yoke in tracefs: a connection's state, its retransmissions, its windows at
 * each ACK, and every received packet that is thrown away, with the counter that tells why.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM yoke

#ifndef YOKE_TRACE_H

#include <linux/tracepoint.h>
#include <net/sock.h>
#include <net/tcp_states.h>
#include "net.h"

/*
 * A received packet that goes no further: counted in @name of YOKE_MIB_LIST, traced under that
 * name, freed. @sk is whose it was, or NULL. What has done its work is consume_skb()'s.
 */
#define yoke_drop(net, sk, skb, name)	yoke_trace_drop(net, sk, skb, YOKE_MIB_##name)

void yoke_trace_drop(struct net *net, const struct sock *sk, struct sk_buff *skb,
		     enum yoke_mib_index why);

/* One end of a connection, for %pISpc. */
static inline void yoke_trace_end(void *to, const struct in6_addr *addr, __be16 port)
{
	struct sockaddr_in *in = to;
	struct sockaddr_in6 *in6 = to;

	memset(to, 0, sizeof(*in6));
	if (ipv6_addr_v4mapped(addr)) {
		in->sin_family = AF_INET;
		in->sin_port = port;
		in->sin_addr.s_addr = addr->s6_addr32[3];
	} else {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		in6->sin6_addr = *addr;
	}
}

static inline void yoke_trace_ends(void *local, void *remote, const struct yoke_pair *pair)
{
	yoke_trace_end(local, &pair->laddr, pair->lport);
	yoke_trace_end(remote, &pair->raddr, pair->rport);
}

#endif

#if !defined(YOKE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define YOKE_TRACE_H

#define YOKE_TRACE_PAIR							\
	__array(__u8, local, sizeof(struct sockaddr_in6))		\
	__array(__u8, remote, sizeof(struct sockaddr_in6))

/* TCP_ESTABLISHED … have numbers that every observer knows; names are for people. */
#define yoke_trace_state(state)						\
	__print_symbolic(state,						\
		{ TCP_ESTABLISHED, "ESTABLISHED" }, { TCP_SYN_SENT, "SYN-SENT" },	\
		{ TCP_SYN_RECV, "SYN-RECEIVED" }, { TCP_FIN_WAIT1, "FIN-WAIT-1" },	\
		{ TCP_FIN_WAIT2, "FIN-WAIT-2" }, { TCP_TIME_WAIT, "TIME-WAIT" },	\
		{ TCP_CLOSE, "CLOSED" }, { TCP_CLOSE_WAIT, "CLOSE-WAIT" },		\
		{ TCP_LAST_ACK, "LAST-ACK" }, { TCP_LISTEN, "LISTEN" },			\
		{ TCP_CLOSING, "CLOSING" })

#undef yoke_trace_enum
#undef yoke_trace_name
#define yoke_trace_enum(name)	TRACE_DEFINE_ENUM(YOKE_MIB_##name);
#define yoke_trace_name(name)	{ YOKE_MIB_##name, #name },

YOKE_MIB_LIST(yoke_trace_enum)

TRACE_DEFINE_ENUM(TCP_ESTABLISHED);
TRACE_DEFINE_ENUM(TCP_SYN_SENT);
TRACE_DEFINE_ENUM(TCP_SYN_RECV);
TRACE_DEFINE_ENUM(TCP_FIN_WAIT1);
TRACE_DEFINE_ENUM(TCP_FIN_WAIT2);
TRACE_DEFINE_ENUM(TCP_TIME_WAIT);
TRACE_DEFINE_ENUM(TCP_CLOSE);
TRACE_DEFINE_ENUM(TCP_CLOSE_WAIT);
TRACE_DEFINE_ENUM(TCP_LAST_ACK);
TRACE_DEFINE_ENUM(TCP_LISTEN);
TRACE_DEFINE_ENUM(TCP_CLOSING);

TRACE_EVENT(yoke_state,

	TP_PROTO(const struct yoke_pair *pair, int from, int to),

	TP_ARGS(pair, from, to),

	TP_STRUCT__entry(
		YOKE_TRACE_PAIR
		__field(u8, from)
		__field(u8, to)
	),

	TP_fast_assign(
		yoke_trace_ends(__entry->local, __entry->remote, pair);
		__entry->from = from;
		__entry->to = to;
	),

	TP_printk("local=%pISpc remote=%pISpc from=%s to=%s", __entry->local, __entry->remote,
		  yoke_trace_state(__entry->from), yoke_trace_state(__entry->to))
);

TRACE_EVENT(yoke_retransmit,

	TP_PROTO(const struct yoke_pair *pair, int state, u32 seq, u32 len),

	TP_ARGS(pair, state, seq, len),

	TP_STRUCT__entry(
		YOKE_TRACE_PAIR
		__field(u32, seq)
		__field(u32, len)
		__field(u8, state)
	),

	TP_fast_assign(
		yoke_trace_ends(__entry->local, __entry->remote, pair);
		__entry->seq = seq;
		__entry->len = len;
		__entry->state = state;
	),

	TP_printk("local=%pISpc remote=%pISpc state=%s seq=%u len=%u", __entry->local,
		  __entry->remote, yoke_trace_state(__entry->state), __entry->seq, __entry->len)
);

/* Windows in bytes, the round-trip time in microseconds. */
TRACE_EVENT(yoke_probe,

	TP_PROTO(const struct yoke_pair *pair, u32 snd_una, u32 snd_nxt, u32 snd_wnd, u32 rcv_wnd,
		 u32 cwnd, u32 ssthresh, u32 mss, u32 srtt, u8 recovery),

	TP_ARGS(pair, snd_una, snd_nxt, snd_wnd, rcv_wnd, cwnd, ssthresh, mss, srtt, recovery),

	TP_STRUCT__entry(
		YOKE_TRACE_PAIR
		__field(u32, snd_una)
		__field(u32, snd_nxt)
		__field(u32, snd_wnd)
		__field(u32, rcv_wnd)
		__field(u32, cwnd)
		__field(u32, ssthresh)
		__field(u32, mss)
		__field(u32, srtt)
		__field(u8, recovery)
	),

	TP_fast_assign(
		yoke_trace_ends(__entry->local, __entry->remote, pair);
		__entry->snd_una = snd_una;
		__entry->snd_nxt = snd_nxt;
		__entry->snd_wnd = snd_wnd;
		__entry->rcv_wnd = rcv_wnd;
		__entry->cwnd = cwnd;
		__entry->ssthresh = ssthresh;
		__entry->mss = mss;
		__entry->srtt = srtt;
		__entry->recovery = recovery;
	),

	TP_printk("local=%pISpc remote=%pISpc snd_una=%u snd_nxt=%u snd_wnd=%u rcv_wnd=%u cwnd=%u ssthresh=%u mss=%u srtt=%u recovery=%s",
		  __entry->local, __entry->remote, __entry->snd_una, __entry->snd_nxt,
		  __entry->snd_wnd, __entry->rcv_wnd, __entry->cwnd, __entry->ssthresh, __entry->mss,
		  __entry->srtt,
		  __print_symbolic(__entry->recovery, { 0, "open" }, { 1, "disorder" },
				   { 2, "cwr" }, { 3, "recovery" }, { 4, "loss" }))
);

TRACE_EVENT(yoke_drop,

	TP_PROTO(const struct yoke_pair *pair, int state, u32 len, enum yoke_mib_index why),

	TP_ARGS(pair, state, len, why),

	TP_STRUCT__entry(
		YOKE_TRACE_PAIR
		__field(u32, len)
		__field(u8, state)
		__field(u8, why)
	),

	TP_fast_assign(
		yoke_trace_ends(__entry->local, __entry->remote, pair);
		__entry->len = len;
		__entry->state = state;
		__entry->why = why;
	),

	TP_printk("local=%pISpc remote=%pISpc state=%s len=%u why=%s", __entry->local,
		  __entry->remote, yoke_trace_state(__entry->state), __entry->len,
		  __print_symbolic(__entry->why,
				   YOKE_MIB_LIST(yoke_trace_name) { YOKE_MIB_MAX, "?" }))
);

#endif

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH table
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
