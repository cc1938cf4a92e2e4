/* SPDX-License-Identifier: GPL-2.0 */
/* A stream socket: its parts, its state, its life and its timer. */
#ifndef YOKE_CONN_H
#define YOKE_CONN_H

#include <linux/hrtimer.h>
#include <linux/llist.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>
#include <net/tcp_states.h>
#include "../algo/ecn.h"
#include "../algo/opt.h"
#include "../algo/pmtud.h"
#include "../algo/recovery.h"
#include "../table/trace.h"
#include "af.h"

#define YOKE_HEADER_MAX	60	/* transport header with all options */
#define YOKE_TS_SIZE	12	/* timestamps, padded */
#define YOKE_DELACK	(HZ / 25)	/* 40 ms; RFC 9293 MUST-58 wants less than 500 */

/* Flags of the header's byte 13 (RFC 9293 §3.1); algo/ecn.h has the others. */
enum {
	YOKE_FIN = 0x01,
	YOKE_SYN = 0x02,
	YOKE_RST = 0x04,
	YOKE_PSH = 0x08,
	YOKE_ACK = 0x10,
	YOKE_URG = 0x20,
};

/* Beside them in yoke_cb.flags, of buffers to send, but never in a header. */
enum {
	YOKE_STAMPED = 0x40,	/* the program hears when the byte that it follows is acknowledged */
	YOKE_EOR = 0x80,	/* MSG_EOR: nothing is appended to it */
};

/**
 * struct yoke_cb - skb->cb of queued segments
 * @seg:	sequence numbers, and for sent ones what recovery keeps
 * @start:	sequence number of the buffer's first byte; lags behind @seg.seq while acknowledged
 *		bytes are not cut off yet
 * @flags:	YOKE_FIN, YOKE_SYN, YOKE_PSH of this segment, YOKE_STAMPED, YOKE_EOR
 * @ecn:	of a received one: the ECN field of its IP header
 */
struct yoke_cb {
	union {
		struct yoke_seg	seg;
		struct {
			u8	before[offsetof(struct yoke_seg, room)];
			u8	flags;
			u8	ecn;
			u32	start;
		};
	};
};

static inline struct yoke_cb *yoke_cb(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct yoke_cb) > sizeof(skb->cb));
	return (struct yoke_cb *)skb->cb;
}

static inline struct sk_buff *yoke_seg_skb(const struct yoke_seg *seg)
{
	return container_of((void *)container_of(seg, struct yoke_cb, seg), struct sk_buff, cb);
}

/* As how many segments @skb came or leaves: GRO has joined them, or GSO will cut them. */
static inline u16 yoke_skb_segs(const struct sk_buff *skb)
{
	return max_t(u16, 1, skb_shinfo(skb)->gso_segs);
}

/* What the one timer of a connection may be set for; of what is due at once the first goes first. */
enum yoke_timer {
	YOKE_TIMER_REO,		/* RACK reordering window, or tail loss probe, which puts off the RTO */
	YOKE_TIMER_RTX,		/* RTO, or the persist timer when nothing is in flight */
	YOKE_TIMER_DELACK,
	YOKE_TIMER_KEEP,	/* keep-alive */
	YOKE_TIMER_MAX
};

/* What sending waits for while there is something to send or to be acknowledged (RFC 4898). */
enum yoke_wait {
	YOKE_WAIT_PATH,		/* the network's business */
	YOKE_WAIT_WINDOW,	/* the peer's */
	YOKE_WAIT_BUFFER,	/* ours: there is no room for what would be sent */
	YOKE_WAIT_MAX,		/* nothing to send: the program's */
};

/*
 * Bits of yoke_sock.defer. The first ones: found by a softirq while a user held the lock, done by
 * release_cb. The others are engine/pace.c's.
 */
enum {
	YOKE_DEFER_TIMER,
	YOKE_DEFER_MTU,
	YOKE_DEFER_PUSH,
	YOKE_DEFER_ACK,
	YOKE_DEFER_FULL,	/* too much is in this host's queues: push when some has left */
	YOKE_DEFER_QUEUED,	/* that push is due: on a list in pace.c */
};

#define YOKE_DEFER_WORK	(BIT(YOKE_DEFER_TIMER) | BIT(YOKE_DEFER_MTU) | BIT(YOKE_DEFER_PUSH) |	\
			 BIT(YOKE_DEFER_ACK))

/**
 * struct yoke_pace - of a connection that is paced
 * @timer:	runs at @next_ns if something waits; then it has a reference
 * @next_ns:	no data leaves before (CLOCK_MONOTONIC)
 * @sk:		whose it is
 */
struct yoke_pace {
	struct hrtimer	timer;
	u64		next_ns;
	struct sock	*sk;
};

/**
 * struct yoke_compress - of a connection that has received something out of order
 * @timer:	sends the ACK that was held back; while it runs it has a reference
 * @sk:		whose it is
 * @rcv_nxt:	RCV.NXT when ACKs for the gap there began,
 * @told:	of which so many left at once
 */
struct yoke_compress {
	struct hrtimer	timer;
	struct sock	*sk;
	u32		rcv_nxt;
	u8		told;
};

/* One of a listener's Fast Open requests that were reset: counts as pending until it @expires. */
struct yoke_fastopen_trap {
	struct list_head list;
	unsigned long	expires;
};

/* The headers of a SYN, for TCP_SAVED_SYN: @len bytes. */
struct yoke_saved_syn {
	u32		len;
	u8		data[];
};

/**
 * struct yoke_listener - the passive half of a socket that is, was or may yet be in LISTEN
 * @lock:	protects the rest; BH off
 * @queue:	established children that accept(2) has not taken, linked by sk_bind_node, for which a
 *		socket of ours has no other use; @queue_end is the last, if there is one
 * @requests:	half-open ones (struct yoke_request), also in the table; @len of them, and @young
 *		whose SYN-ACK was sent once only
 * @cookies_jiffies: when a SYN cookie was sent last, give or take a second, by who is in no group
 * @warned:	the console was told of a flood; without the lock, like the one before
 * @fastopen_max: so many Fast Open requests may be pending, 0 none (TCP_FASTOPEN); without the lock
 * @fastopen_len: so many are, with those in @fastopen_traps, the oldest first
 * @fastopen_keys: TCP_FASTOPEN_KEY
 */
struct yoke_listener {
	spinlock_t	lock;
	struct hlist_head queue;
	struct hlist_node *queue_end;
	struct list_head requests;
	u32		len;
	u32		young;
	u32		cookies_jiffies;
	int		warned;
	u32		fastopen_max;
	u32		fastopen_len;
	struct list_head fastopen_traps;
	struct fastopen_keys fastopen_keys;
};

/**
 * struct yoke_sock - a stream socket
 *
 * Protected by the socket lock unless said otherwise. Sequence variables have RFC 9293 §3.3.1's
 * names; further fields are explained where they stand. Grouped by the file that owns them; a
 * connection that came in through a listener gets its first values from engine/child.c.
 *
 * sock/open.c, the two ends:
 * @inet:	what ip_queue_xmit() and the generic options know; sk_family is AF_INET or AF_INET6,
 *		as in MPTCP
 * @node:	entry in the connection table
 * @owner:	hold on the local port
 * @af:		the carrier
 * @ts_offset:	added to our timestamps
 *
 * sock/write.c and read.c, what the program has written and read:
 * @write_seq:	end of the data the program has written
 * @pushed_seq:	end of the last segment that carries PSH
 * @copied_seq:	next byte for the program
 * @stamps_from: where SOF_TIMESTAMPING_OPT_ID counts from; so is sk_tskey, until that is to begin anew
 *
 * sock/sockopt.c, what the program has set, with nodelay, cork, linger2, keep_time, keep_intvl and
 * user_timeout:
 * @user_mss:	TCP_MAXSEG, 0 if not set
 * @window_clamp: TCP_WINDOW_CLAMP, the largest window to offer
 * @rto_min @delack_max: TCP_RTO_MIN_US, TCP_DELACK_MAX_US, jiffies; 0: the namespace's, 200 ms
 * @defer_accept: TCP_DEFER_ACCEPT, in timeouts of a SYN-ACK
 * @save_syn:	TCP_SAVE_SYN
 * @has_labels:	it has asked for flow labels (IPV6_FLOWLABEL_MGR), and may have some
 *
 * sock/repair.c:
 * @repair_queue: TCP_REPAIR_QUEUE, which queue is being told or asked while @repair is set
 *
 * engine/pace.c, when it may leave:
 * @pace:	NULL until it is paced
 * @pace_node:	in a list of those to push, if YOKE_DEFER_QUEUED
 *
 * engine/output.c and send.c, what has left and what the peer was told:
 * @snd_sml:	end of the last segment sent that was not full (Nagle, after Minshall)
 * @last_sent_us: when data was sent last
 * @advmss:	the MSS option we send
 * @syn_tsval:	our timestamp when the SYN left first
 * @sent:	segments with text; bytes and segments that were retransmitted; duplicates, and marks (ECN),
 *		that the peer reported
 * @challenge_jiffies: when the last challenge ACK left (RFC 5961 §7), 0 for never, or the SYN-ACK that
 *		a SYN of Fast Open asked for again
 *
 * engine/ack.c, what the peer says of it:
 * @delivered:	segments that arrived, the SYN too
 * @max_window:	largest window the peer ever offered (silly window avoidance, RFC 9293 §3.8.6.2.1)
 * @rtt @cc @rec @ecn: see their headers
 * @rtx:	segments sent and not acknowledged, by sequence
 * @seen:	the SACK blocks of its last ACK, not to walk for them again
 * @sack_hint:	the two of @rtx where SACKs were last, the later first, to seek from; or NULL
 *
 * engine/metrics.c, what the administrator says of the route: route_clamp to cc_locked,
 * @delack:	how long an ACK may wait (jiffies)
 *
 * engine/urgent.c:
 * @snd_up:	SND.UP, if @urgent_out
 * @urg_seq:	the peer's urgent byte, @urgent what has become of it, @urg_byte the byte
 *
 * engine/input.c and text.c, what has arrived:
 * @mss_clamp:	the peer's MSS option, or the default
 * @rcv_mss:	guess of the segments the peer sends, for delayed ACKs and windows; @rcv_last the last one
 * @ts_recent:	TS.Recent (RFC 7323 §4.3), @ts_recent_s when it was taken (seconds)
 * @ooo:	segments received beyond RCV.NXT, by sequence; @ooo_last the one that came last
 * @sacks:	what @ooo holds, @nsacks blocks, the latest first
 * @last_rcv_jiffies: when a segment arrived last
 * @got:	segments with text, those beyond RCV.NXT; jiffies when text came last, or the connection began
 *
 * engine/timer.c, what has not been answered:
 * @rto:	timeouts; runs of them, milliseconds these took, our timestamp when this one began
 * @retrans_ts:	our timestamp when the first segment of this episode was retransmitted, or a shut
 *		window first probed; 0: neither. R2 and TCP_USER_TIMEOUT are counted from then
 * @defer:	YOKE_DEFER_* bits, atomic, without the lock
 *
 * engine/mss.c, what fits into a segment:
 * @mss:	send MSS in force: data bytes a segment carries beside its options
 * @options_len: bytes of IP's options or extension headers, which @mss leaves room for
 * @pmtu:	path MTU of the route, that @mss comes from unless @pmtud searches
 * @pmtud:	the search for a better one (RFC 4821)
 *
 * engine/window.c, what the peer may send:
 * @rcv_wup:	RCV.NXT when the last window was advertised
 * @rcv_wnd:	window advertised then, bytes
 * @tune:	receive buffer tuning: bytes copied in the last round trip, and how long that was; least: the
 *		fewest that waited to be read in it; echo: the timestamp measured last; rtt_seq: where the
 *		measurement of a window ends
 *
 * engine/conn.c:
 * @wait:	what sending waits for, since when, and how long for each before (jiffies)
 * @now_us:	clock of the event being handled (yoke_conn_clock)
 * @at:		when each timer event is due (jiffies), valid if its bit is set in @timers
 * @timer_next:	when sk_timer fires
 *
 * engine/rcv.c, listen.c and child.c:
 * @icmp_mtu:	what an ICMP error said the path carries, for yoke_send_mtu()
 * @listener:	made by listen(2), or before by TCP_FASTOPEN; kept as long as the socket
 * @saved_syn:	what TCP_SAVE_SYN kept, until it is read; or NULL
 * @parent:	instead of it, with a reference: whose Fast Open request this is while @fastopen is set
 *
 * At most 2040 bytes on 6.1: the allocator's pointer lies behind it (SLAB_TYPESAFE_BY_RCU), and with that
 * it fills 2048.
 */
struct yoke_sock {
	struct inet_sock	inet;

	/* looked at for every received segment */
	struct yoke_node	node;
	const struct yoke_af_ops *af;
	u32	rcv_nxt;
	u32	rcv_wup;
	u32	rcv_wnd;
	u32	copied_seq;
	u32	snd_una;
	u32	snd_nxt;
	u32	snd_wnd;
	u32	snd_wl1;
	u32	snd_wl2;
	u32	write_seq;
	u32	max_window;
	u32	pushed_seq;
	u32	snd_sml;
	u32	snd_up;
	u32	urg_seq;
	u32	ts_recent;
	u32	ts_recent_s;
	u32	ts_offset;
	u32	window_clamp;
	u32	delivered;
	u64	now_us;
	u64	last_sent_us;

	u16	mss;
	u16	rcv_mss;
	u16	rcv_last;
	u16	advmss;
	u16	mss_clamp;
	u16	user_mss;
	u16	pmtu;
	u16	options_len;
	u16	icmp_mtu;
	u8	snd_wscale;
	u8	rcv_wscale;
	bool	use_ts:1,
		use_sack:1,
		use_wscale:1,
		nodelay:1,
		cork:1,
		ack_due:1,		/* an ACK is owed */
		ack_now:1,		/* and must leave at once */
		fin_received:1,
		fin_queued:1,
		dsack:1,		/* report @dsack_block in the next ACK */
		probe_tail:1,		/* YOKE_TIMER_REO is set for a tail loss probe */
		pingpong:1,		/* the program's answers carry the ACKs */
		reading:1,		/* a program sleeps in recv(2) until there is data */
		short_in:1,		/* the last segment in order was a short one, or pushed */
		short_twice:1,		/* and a short one came after such, before an ACK left */
		tell_inq:1,		/* TCP_INQ */
		urgent_out:1,		/* what is before SND.UP is not acknowledged yet */
		cc_chosen:1,		/* TCP_CONGESTION was set: children get the same */
		fastopen:1,		/* open, but the handshake is not over */
		fastopen_no_cookie:1,	/* TCP_FASTOPEN_NO_COOKIE */
		fastopen_connect:1,	/* TCP_FASTOPEN_CONNECT */
		fastopen_asked:1,	/* our SYN had to do with Fast Open, */
		fastopen_again:1,	/* the first after a pause */
		thin_timeouts:1,	/* TCP_THIN_LINEAR_TIMEOUTS */
		repair:1,		/* TCP_REPAIR */
		syn_deferred:1,		/* in SYN-SENT, but the SYN waits for data */
		syn_data:1,		/* the SYN carried data; after the handshake: and it counted */
		route_clamp:1,		/* @window_clamp is the route's */
		route_window:1,		/* and so was our first window */
		route_quickack:1,	/* the route wants all ACKs at once */
		cc_locked:1,		/* and has the last word on the algorithm */
		has_labels:1;
	u8	urgent;
	u8	urg_byte;
	s16	linger2;		/* TCP_LINGER2, s; 0: the namespace's, < 0 none */
	struct yoke_ecn ecn;
	u8	delack;
	u8	quickack;		/* so many segments are to be ACKed at once */
	u8	probes_out;
	u8	retransmits;		/* timeouts since SND.UNA moved last */
	u8	keep_probes_out;
	u8	syn_retries;		/* TCP_SYNCNT, 0 if not set */
	u8	timers;
	u8	nsacks;
	u8	waits_for;		/* enum yoke_wait */
	u8	held_acks;		/* ACKs in one: engine/compress.c */
	u8	keep_cnt;
	u8	defer_accept;
	u8	save_syn;
	u8	repair_queue;
	u8	rto_min;
	u8	delack_max;
	u32	tx_delay;		/* TCP_TX_DELAY, us */
	u32	notsent_lowat;		/* TCP_NOTSENT_LOWAT, 0: the namespace's */
	u32	stamps_from;

	unsigned long	at[YOKE_TIMER_MAX];
	unsigned long	timer_next;
	unsigned long	defer;
	struct yoke_pace *pace;
	struct yoke_compress *compress;
	struct llist_node pace_node;

	struct yoke_pmtud pmtud;
	struct yoke_rtt	rtt;
	u32	challenge_jiffies;
	struct yoke_cc	cc;
	struct yoke_recovery rec;
	struct sk_buff_head rtx;
	struct rb_root	ooo;
	struct sk_buff	*ooo_last;
	struct sk_buff	*sack_hint[2];
	u32	collapse_wait;		/* buffers to take in before a full receive buffer is collapsed again */
	struct yoke_sack sacks[YOKE_OPT_SACKS];
	struct yoke_sack dsack_block;
	struct yoke_sack seen[YOKE_OPT_SACKS];

	struct {
		u32	space;
		u32	seq;
		u32	least;
		u32	time_us;
		u32	rtt_us;
		u32	rtt_seq;
		u32	rtt_time_us;
		u32	echo;
	} tune;

	u32	iss;
	u32	irs;
	u32	syn_tsval;
	u32	retrans_ts;
	u32	last_rcv_jiffies;
	u16	keep_time, keep_intvl;	/* s; 0: the namespace's */
	u32	user_timeout;		/* ms; 0 none */
	u64	bytes_acked, bytes_received;
	u32	segs_in, segs_out;
	struct {
		u32	segs;
		u32	ooo;
		u32	time;
	} got;
	struct {
		u16	total;
		u16	runs;
		u32	ms;
		u32	since;
	} rto;
	struct {
		u32	spent[YOKE_WAIT_MAX];
		u32	since;
	} wait;
	struct {
		u64	again;
		u32	segs;
		u32	segs_again;
		u32	dsacks;
		u32	marked;
	} sent;

	struct yoke_owner	owner;
	struct yoke_saved_syn	*saved_syn;
	union {
		struct yoke_listener *listener;
		struct sock	*parent;
	};
};

static inline struct yoke_sock *yoke_sk(const struct sock *sk)
{
	return (struct yoke_sock *)sk;
}

static inline struct sock *yoke_node_sk(const struct yoke_node *node)
{
	return (struct sock *)container_of(node, struct yoke_sock, node);
}

/* So many probes, of the peer's window or of the peer, were not answered. */
static inline u8 yoke_conn_probes(const struct yoke_sock *ys)
{
	return ys->probes_out ?: ys->keep_probes_out;
}

/* Is it in one of @states (TCPF_*)? */
static inline bool yoke_conn_in(const struct sock *sk, int states)
{
	return (1 << sk->sk_state) & states;
}

/* Its algorithm wants all of ECN, as RFC 8257 has it. */
static inline bool yoke_conn_needs_ecn(const struct sock *sk)
{
	return READ_ONCE(yoke_sk(sk)->cc.ops)->flags & YOKE_CC_NEEDS_ECN;
}

/* The ECN field on our SYN or SYN-ACK. */
static inline u8 yoke_conn_syn_ecn(const struct sock *sk)
{
	return yoke_conn_needs_ecn(sk) ? YOKE_IP_ECT0 : YOKE_IP_NOT_ECT;
}

/* The protocol of the stream type; module/sock/stream.c defines it. */
extern struct proto yoke_stream_proto;

/* A new stream socket, after sock_init_data(): CLOSED, with the namespace's defaults. */
void yoke_conn_init(struct sock *sk);

/*
 * The one way to another state (TCP_*). Counts and traces; a transition that RFC 9293's diagram lacks
 * warns once. CLOSE takes the socket out of the table, and off a port that only the connection chose.
 * Socket lock held.
 */
void yoke_conn_set_state(struct sock *sk, int state);

/* A listener's Fast Open request, @sk, is over: acknowledged, or ended, perhaps by a reset. */
void yoke_conn_fastopen_end(struct sock *sk, bool reset);

/* Timers. Socket lock held. */

/* @which is due in @delay jiffies (at least one), instead of when it was; not on a CLOSED socket. */
void yoke_conn_timer_arm(struct sock *sk, enum yoke_timer which, unsigned long delay);
void yoke_conn_timer_cancel(struct sock *sk, enum yoke_timer which);
/* sk_timer fires at @at (jiffies); what is due then is said otherwise. */
void yoke_conn_timer_set(struct sock *sk, unsigned long at);
void yoke_conn_timers_stop(struct sock *sk);
/*
 * Restarts what watches over the sent data: RTO and tail loss probe while
 * something is in flight (RFC 6298 (5.1)-(5.3), RFC 8985 §7.2), the persist
 * timer while data waits for a window (RFC 9293 §3.8.6.1), else nothing.
 */
void yoke_conn_timer_rtx(struct sock *sk);
/* New data has joined what is in flight: only the tail loss probe starts anew. */
void yoke_conn_timer_tlp(struct sock *sk);

static inline bool yoke_conn_timer_armed(const struct yoke_sock *ys, enum yoke_timer which)
{
	return ys->timers & BIT(which);
}

/* The program has closed, but there was no memory for the FIN: the timer is to try again. */
static inline bool yoke_conn_owes_fin(const struct sock *sk)
{
	return yoke_conn_in(sk, TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK) &&
	       !yoke_sk(sk)->fin_queued;
}

/* The handshake is on the way, and the program has to wait for it. */
static inline bool yoke_conn_opening(const struct sock *sk)
{
	int state = inet_sk_state_load(sk);

	return state == TCP_SYN_SENT || (state == TCP_SYN_RECV && !yoke_sk(sk)->fastopen);
}

/* Reads the clock for the event that begins. */
static inline void yoke_conn_clock(struct yoke_sock *ys)
{
	ys->now_us = div_u64(ktime_get_ns(), NSEC_PER_USEC);
}

/* Microseconds until pacing lets data go: half an hour, if it is longer, as times are compared. */
static inline u32 yoke_conn_pace_delay(const struct yoke_sock *ys)
{
	u64 now_ns = ys->now_us * NSEC_PER_USEC;

	if (likely(!ys->pace || ys->pace->next_ns <= now_ns))
		return 0;
	return min_t(u64, div_u64(ys->pace->next_ns - now_ns, NSEC_PER_USEC), INT_MAX);
}

/* Our timestamp value now (RFC 7323 §5.4: millisecond ticks). */
static inline u32 yoke_conn_tsval(const struct yoke_sock *ys)
{
	return (u32)div_u64(ys->now_us, USEC_PER_MSEC) + ys->ts_offset;
}

/*
 * Something goes again, or a shut window is probed. R2, TCP_USER_TIMEOUT and Eifel go by when that
 * was done first.
 */
static inline void yoke_conn_note_retrans(struct yoke_sock *ys)
{
	if (!ys->retrans_ts)
		ys->retrans_ts = yoke_conn_tsval(ys) ?: 1;
}

/* Bytes of window the peer sees now: what was advertised less what has arrived since. */
static inline u32 yoke_conn_rcv_window(const struct yoke_sock *ys)
{
	s32 win = ys->rcv_wup + ys->rcv_wnd - ys->rcv_nxt;

	return win < 0 ? 0 : win;
}

/* SND.UNA + SND.WND: the first number that the peer has no room for. */
static inline u32 yoke_conn_snd_end(const struct yoke_sock *ys)
{
	return ys->snd_una + ys->snd_wnd;
}

/*
 * CLOSED, nothing to send any more: wakes everybody; an orphan is
 * destroyed. Socket lock held, BH off.
 */
void yoke_conn_done(struct sock *sk);
/* The same with an error for the program (a reset, a timeout …). */
void yoke_conn_abort(struct sock *sk, int err);
/* Drops all queues, keeps the socket. Socket lock held. */
void yoke_conn_purge(struct sock *sk);
/*
 * CLOSED: forgets the connection that was, so that another can be opened; what the program set
 * stays. Socket lock held.
 */
void yoke_conn_renew(struct sock *sk);
/*
 * Frees what a CLOSED socket that no program has holds, and drops its first reference: an orphan, or a
 * child that nobody has seen.
 */
void yoke_conn_destroy(struct sock *sk);
/* The program has closed it: no more a user's; lets the namespace go. Socket lock held. */
void yoke_conn_orphan(struct sock *sk);
/* If SO_KEEPALIVE holds and the connection stands, (re)starts its timer. Socket lock held. */
void yoke_conn_keepalive(struct sock *sk);
/*
 * A reader who wants @target bytes should be woken: they are there, or no
 * more would fit. No lock needed.
 */
bool yoke_conn_readable(const struct sock *sk, int target);
/* Notes what sending waits for now, and for how long it did for something else. Socket lock held. */
void yoke_conn_note_wait(struct sock *sk);
/* Wakes a writer if there is room now. */
void yoke_conn_write_space(struct sock *sk);

#endif
