// SPDX-License-Identifier: GPL-2.0
/*
 * Every socket option by number, set and got with values of all kinds on sockets in three states:
 * twice, on an AF_INET or AF_INET6 socket and on ours. The answers must be the same, or explained()
 * says why not.
 *
 * Writes build/options-KERNEL.txt: each option that either of the two knows, and how it stands.
 */
#include "yoke_test.h"
#include <limits.h>
#include <netinet/udp.h>

enum state { CLOSED, LISTENING, CONNECTED, STATES };

static const char *const state_names[] = { "closed", "listening", "connected" };

/* ---- the options ------------------------------------------------------------ */

struct level {
	int level, most;
	const char *name;
	const char *const *options;
};

#define N(name) [name] = #name

static const char *const socket_options[] = {
	N(SO_DEBUG), N(SO_REUSEADDR), N(SO_TYPE), N(SO_ERROR), N(SO_DONTROUTE), N(SO_BROADCAST),
	N(SO_SNDBUF), N(SO_RCVBUF), N(SO_KEEPALIVE), N(SO_OOBINLINE), N(SO_NO_CHECK),
	N(SO_PRIORITY), N(SO_LINGER), [14] = "SO_BSDCOMPAT", N(SO_REUSEPORT), N(SO_PASSCRED),
	N(SO_PEERCRED), N(SO_RCVLOWAT), N(SO_SNDLOWAT), [20] = "SO_RCVTIMEO", [21] = "SO_SNDTIMEO",
	N(SO_BINDTODEVICE), N(SO_ATTACH_FILTER), N(SO_DETACH_FILTER), N(SO_PEERNAME),
	[29] = "SO_TIMESTAMP", N(SO_ACCEPTCONN), N(SO_PEERSEC), N(SO_SNDBUFFORCE),
	N(SO_RCVBUFFORCE), N(SO_PASSSEC), [35] = "SO_TIMESTAMPNS", N(SO_MARK),
	[37] = "SO_TIMESTAMPING", N(SO_PROTOCOL), N(SO_DOMAIN), N(SO_RXQ_OVFL), N(SO_WIFI_STATUS),
	N(SO_PEEK_OFF), N(SO_NOFCS), N(SO_LOCK_FILTER), N(SO_SELECT_ERR_QUEUE), N(SO_BUSY_POLL),
	N(SO_MAX_PACING_RATE), N(SO_BPF_EXTENSIONS), N(SO_INCOMING_CPU), N(SO_ATTACH_BPF),
	N(SO_ATTACH_REUSEPORT_CBPF), N(SO_ATTACH_REUSEPORT_EBPF), N(SO_CNX_ADVICE), N(SO_MEMINFO),
	N(SO_INCOMING_NAPI_ID), N(SO_COOKIE), N(SO_PEERGROUPS), N(SO_ZEROCOPY), N(SO_TXTIME),
	N(SO_BINDTOIFINDEX), [63] = "SO_TIMESTAMP_NEW", [64] = "SO_TIMESTAMPNS_NEW",
	[65] = "SO_TIMESTAMPING_NEW", [66] = "SO_RCVTIMEO_NEW", [67] = "SO_SNDTIMEO_NEW",
	N(SO_DETACH_REUSEPORT_BPF), [69] = "SO_PREFER_BUSY_POLL", [70] = "SO_BUSY_POLL_BUDGET",
	[71] = "SO_NETNS_COOKIE", [72] = "SO_BUF_LOCK", [73] = "SO_RESERVE_MEM",
	[74] = "SO_TXREHASH", [75] = "SO_RCVMARK", [76] = "SO_PASSPIDFD", [77] = "SO_PEERPIDFD",
	[80] = "SO_DEVMEM_DONTNEED",
	[90] = NULL,
};

static const char *const ip_options[] = {
	N(IP_TOS), N(IP_TTL), N(IP_HDRINCL), N(IP_OPTIONS), N(IP_ROUTER_ALERT), N(IP_RECVOPTS),
	N(IP_RETOPTS), N(IP_PKTINFO), N(IP_PKTOPTIONS), N(IP_MTU_DISCOVER), N(IP_RECVERR),
	N(IP_RECVTTL), N(IP_RECVTOS), N(IP_MTU), N(IP_FREEBIND), N(IP_IPSEC_POLICY),
	N(IP_XFRM_POLICY), N(IP_PASSSEC), N(IP_TRANSPARENT), N(IP_ORIGDSTADDR), N(IP_MINTTL),
	N(IP_NODEFRAG), N(IP_CHECKSUM), N(IP_BIND_ADDRESS_NO_PORT), N(IP_RECVFRAGSIZE),
	[26] = "IP_RECVERR_RFC4884", N(IP_MULTICAST_IF), N(IP_MULTICAST_TTL), N(IP_MULTICAST_LOOP),
	N(IP_ADD_MEMBERSHIP), N(IP_DROP_MEMBERSHIP), N(IP_UNBLOCK_SOURCE), N(IP_BLOCK_SOURCE),
	N(IP_ADD_SOURCE_MEMBERSHIP), N(IP_DROP_SOURCE_MEMBERSHIP), N(IP_MSFILTER),
	N(MCAST_JOIN_GROUP), N(MCAST_BLOCK_SOURCE), N(MCAST_UNBLOCK_SOURCE), N(MCAST_LEAVE_GROUP),
	N(MCAST_JOIN_SOURCE_GROUP), N(MCAST_LEAVE_SOURCE_GROUP), N(MCAST_MSFILTER),
	N(IP_MULTICAST_ALL), N(IP_UNICAST_IF), [51] = "IP_LOCAL_PORT_RANGE", [52] = "IP_PROTOCOL",
	[60] = NULL,
};

static const char *const ipv6_options[] = {
	N(IPV6_ADDRFORM), N(IPV6_2292PKTINFO), N(IPV6_2292HOPOPTS), N(IPV6_2292DSTOPTS),
	N(IPV6_2292RTHDR), N(IPV6_2292PKTOPTIONS), N(IPV6_CHECKSUM), N(IPV6_2292HOPLIMIT),
	N(IPV6_NEXTHOP), N(IPV6_AUTHHDR), [11] = "IPV6_FLOWINFO", N(IPV6_UNICAST_HOPS),
	N(IPV6_MULTICAST_IF), N(IPV6_MULTICAST_HOPS), N(IPV6_MULTICAST_LOOP), N(IPV6_JOIN_GROUP),
	N(IPV6_LEAVE_GROUP), N(IPV6_ROUTER_ALERT), N(IPV6_MTU_DISCOVER), N(IPV6_MTU),
	N(IPV6_RECVERR), N(IPV6_V6ONLY), N(IPV6_JOIN_ANYCAST), N(IPV6_LEAVE_ANYCAST),
	N(IPV6_MULTICAST_ALL), N(IPV6_ROUTER_ALERT_ISOLATE), [31] = "IPV6_RECVERR_RFC4884",
	[32] = "IPV6_FLOWLABEL_MGR", [33] = "IPV6_FLOWINFO_SEND", N(IPV6_IPSEC_POLICY),
	N(IPV6_XFRM_POLICY), N(IPV6_HDRINCL), N(MCAST_JOIN_GROUP), N(MCAST_BLOCK_SOURCE),
	N(MCAST_UNBLOCK_SOURCE), N(MCAST_LEAVE_GROUP), N(MCAST_JOIN_SOURCE_GROUP),
	N(MCAST_LEAVE_SOURCE_GROUP), N(MCAST_MSFILTER), N(IPV6_RECVPKTINFO), N(IPV6_PKTINFO),
	N(IPV6_RECVHOPLIMIT), N(IPV6_HOPLIMIT), N(IPV6_RECVHOPOPTS), N(IPV6_HOPOPTS),
	N(IPV6_RTHDRDSTOPTS), N(IPV6_RECVRTHDR), N(IPV6_RTHDR), N(IPV6_RECVDSTOPTS),
	N(IPV6_DSTOPTS), N(IPV6_RECVPATHMTU), N(IPV6_PATHMTU), N(IPV6_DONTFRAG),
	[63] = "IPV6_USE_MIN_MTU", N(IPV6_RECVTCLASS), N(IPV6_TCLASS), N(IPV6_AUTOFLOWLABEL),
	N(IPV6_ADDR_PREFERENCES), N(IPV6_MINHOPCOUNT), N(IPV6_ORIGDSTADDR), N(IPV6_TRANSPARENT),
	N(IPV6_UNICAST_IF), N(IPV6_RECVFRAGSIZE), N(IPV6_FREEBIND), [85] = NULL,
};

static const char *const tcp_options[] = {
	N(TCP_NODELAY), N(TCP_MAXSEG), N(TCP_CORK), N(TCP_KEEPIDLE), N(TCP_KEEPINTVL),
	N(TCP_KEEPCNT), N(TCP_SYNCNT), N(TCP_LINGER2), N(TCP_DEFER_ACCEPT), N(TCP_WINDOW_CLAMP),
	N(TCP_INFO), N(TCP_QUICKACK), N(TCP_CONGESTION), N(TCP_MD5SIG),
	[16] = "TCP_THIN_LINEAR_TIMEOUTS", [17] = "TCP_THIN_DUPACK", N(TCP_USER_TIMEOUT),
	N(TCP_REPAIR), N(TCP_REPAIR_QUEUE), N(TCP_QUEUE_SEQ), N(TCP_REPAIR_OPTIONS),
	N(TCP_FASTOPEN), N(TCP_TIMESTAMP), N(TCP_NOTSENT_LOWAT), N(TCP_CC_INFO), N(TCP_SAVE_SYN),
	N(TCP_SAVED_SYN), N(TCP_REPAIR_WINDOW), N(TCP_FASTOPEN_CONNECT), N(TCP_ULP),
	N(TCP_MD5SIG_EXT), N(TCP_FASTOPEN_KEY), N(TCP_FASTOPEN_NO_COOKIE),
	N(TCP_ZEROCOPY_RECEIVE), N(TCP_INQ), N(TCP_TX_DELAY), [38] = "TCP_AO_ADD_KEY",
	[39] = "TCP_AO_DEL_KEY", [40] = "TCP_AO_INFO", [41] = "TCP_AO_GET_KEYS",
	[42] = "TCP_AO_REPAIR", [43] = "TCP_IS_MPTCP", [44] = "TCP_RTO_MAX_MS",
	[45] = "TCP_RTO_MIN_US", [46] = "TCP_DELACK_MAX_US", [50] = NULL,
};

static const char *const udp_options[] = {
	[UDP_CORK] = "UDP_CORK", [UDP_ENCAP] = "UDP_ENCAP", [101] = "UDP_NO_CHECK6_TX",
	[102] = "UDP_NO_CHECK6_RX", [103] = "UDP_SEGMENT", [104] = "UDP_GRO", [110] = NULL,
};

#define LEVEL(level, options) { level, ARRAY_SIZE(options), #level, options }

static const struct level stream_levels[] = {
	LEVEL(SOL_SOCKET, socket_options), LEVEL(SOL_IP, ip_options), LEVEL(SOL_TCP, tcp_options),
	LEVEL(SOL_UDP, udp_options),
};

static const struct level dgram_levels[] = {
	LEVEL(SOL_SOCKET, socket_options), LEVEL(SOL_IP, ip_options), LEVEL(SOL_UDP, udp_options),
	LEVEL(SOL_TCP, tcp_options),
};

/* What is not asked over IPv4 already. */
static const struct level ipv6_levels[] = {
	LEVEL(SOL_IPV6, ipv6_options), LEVEL(SOL_IP, ip_options),
};

/* ---- the differences that stay ---------------------------------------------- */

struct why {
	int type, level, option;
	bool values;		/* only what was got may differ, not whether it was */
	const char *why;
	int until;		/* not from this kernel on: 1000 * major + minor; 0: always */
};

static const struct why explanations[] = {
	{ 0, SOL_SOCKET, SO_PROTOCOL, true, "Yoke's protocol has a number of its own" },
	{ 0, SOL_SOCKET, SO_COOKIE, true, "each socket has its own" },
	{ 0, SOL_SOCKET, SO_MEMINFO, true, "buffers are not charged alike" },
	{ 0, SOL_SOCKET, SO_INCOMING_CPU, true, "wherever the packet came in" },
	{ 0, SOL_SOCKET, SO_PEERNAME, true, "the port is another" },
	{ SOCK_STREAM, SOL_SOCKET, 80, false, "a device's memory is TCP's only, says the core" },
	{ 0, SOL_IP, 52, true, "of all but raw sockets it gives the port, which is another" },
	{ 0, SOL_IPV6, IPV6_ADDRFORM, false, "it would become a socket of TCP's or UDP's" },
	{ SOCK_STREAM, SOL_SOCKET, SO_SNDBUF, true, "it grows by itself, with another window" },
	{ SOCK_STREAM, SOL_SOCKET, SO_RCVLOWAT, true, "the most is half of net.yoke.rmem's" },
	{ SOCK_STREAM, SOL_SOCKET, SO_ZEROCOPY, false,
	  "before Linux 6.4 the core answers, and knows no protocol but its own" },
	{ SOCK_STREAM, SOL_SOCKET, SO_PEEK_OFF, false, "TCP has it from Linux 6.9 on, Yoke always", 6009 },
	{ SOCK_STREAM, SOL_SOCKET, 74, false, "the core grants its value to TCP only" },
	{ SOCK_STREAM, SOL_TCP, TCP_TX_DELAY, false,
	  "TCP refuses what it cannot do from Linux 6.19 on, Yoke always", 6019 },
	{ SOCK_STREAM, SOL_TCP, 44, false, "TCP has it from Linux 6.15 on, Yoke always", 6015 },
	{ SOCK_STREAM, SOL_TCP, 45, false, "TCP has it from Linux 6.15 on, Yoke always", 6015 },
	{ SOCK_STREAM, SOL_TCP, 46, false, "TCP has it from Linux 6.15 on, Yoke always", 6015 },
	{ SOCK_STREAM, SOL_SOCKET, 37, false, "the core asks TCP sockets only what state they are in" },
	{ SOCK_STREAM, SOL_SOCKET, 65, false, "the core asks TCP sockets only what state they are in" },
	{ SOCK_STREAM, SOL_IPV6, 80, false, "IP6T_SO_ORIGINAL_DST: conntrack knows TCP only" },
	{ SOCK_DGRAM, SOL_SOCKET, SO_ZEROCOPY, false, "datagrams are copied" },
	{ SOCK_DGRAM, SOL_UDP, 10, false, "UDP-Lite's" },
	{ SOCK_DGRAM, SOL_UDP, 11, false, "UDP-Lite's" },
	{ SOCK_DGRAM, SOL_UDP, UDP_ENCAP, false, "no tunnels" },
	{ SOCK_STREAM, SOL_TCP, TCP_MAXSEG, true, "of a connection: half of the largest window" },
	{ SOCK_STREAM, SOL_TCP, TCP_INFO, true, "info.c compares its fields" },
	{ SOCK_STREAM, SOL_TCP, TCP_TIMESTAMP, true, "a clock" },
	{ SOCK_STREAM, SOL_TCP, TCP_SYNCNT, true, "net.yoke.syn_retries is 7 (RFC 9293), TCP's is 6" },
	{ SOCK_STREAM, SOL_TCP, TCP_WINDOW_CLAMP, true, "TCP's default follows its buffer" },
	{ SOCK_STREAM, SOL_TCP, TCP_MD5SIG, false, "no signatures; RFC 2385 is obsolete" },
	{ SOCK_STREAM, SOL_TCP, TCP_MD5SIG_EXT, false, "no signatures; RFC 2385 is obsolete" },
	{ SOCK_STREAM, SOL_TCP, 43, false, "no MPTCP" },
	{ SOCK_STREAM, SOL_TCP, 38, false, "no signatures" },
	{ SOCK_STREAM, SOL_TCP, 39, false, "no signatures" },
	{ SOCK_STREAM, SOL_TCP, 40, false, "no signatures" },
	{ SOCK_STREAM, SOL_TCP, 41, false, "no signatures" },
	{ SOCK_STREAM, SOL_TCP, 42, false, "no signatures" },
};

static const struct why *explained(int type, int level, int option)
{
	int i;

	for (i = 0; i < (int)ARRAY_SIZE(explanations); i++)
		if ((!explanations[i].until ||
		     kernel_before(explanations[i].until / 1000, explanations[i].until % 1000)) &&
		    (!explanations[i].type || explanations[i].type == type) &&
		    explanations[i].level == level && explanations[i].option == option)
			return &explanations[i];
	return NULL;
}

/* ---- asking ------------------------------------------------------------------ */

/* Nothing is there; the compiler must not know that. */
static void *volatile bad = (void *)8;

struct answer {
	int err, len;
	unsigned char value[64];
};

struct asked {
	char what[80];
	struct answer answer;
};

#define ASKED 64

static struct asked *note(struct asked *a, long ret, const char *fmt, long n)
{
	a->answer.err = ret ? errno : 0;
	snprintf(a->what, sizeof(a->what), fmt, n);
	return a + 1;
}

static struct asked *get(struct asked *a, int fd, int level, int option, int len)
{
	socklen_t l = len;
	long ret;

	memset(&a->answer, 0, sizeof(a->answer));
	ret = getsockopt(fd, level, option, a->answer.value, &l);
	must_hold(!unwritten(a->answer.value, sizeof(a->answer.value)));
	a->answer.len = l;
	return note(a, ret, "get of %ld bytes", len);
}

static struct asked *set(struct asked *a, int fd, int level, int option, long value, int len)
{
	struct { int value; char more[252]; } v = { value, { 0 } };

	memset(&a->answer, 0, sizeof(a->answer));
	a = note(a, setsockopt(fd, level, option, &v, len), len == sizeof(int) ? "set %ld" :
		 "set 1 in an odd number of bytes", value);
	return a;
}

static const int values[] = {
	0, 1, 2, 3, 7, -1, 63, 64, 87, 88, 100, 127, 128, 255, 256, 536, 1000, 32767, 32768, 65535,
	65536, 1 << 20, INT_MAX, INT_MIN,
};
static const int lengths[] = { 0, 1, 2, 3, 8, 12, 16, 256 };

/* All questions about one option, to a new socket. */
static int ask(struct asked *asked, int fd, int level, int option)
{
	struct asked *a = asked;
	int i;

	for (i = 0; i < (int)ARRAY_SIZE(lengths); i++)
		a = get(a, fd, level, option, lengths[i] > 64 ? 64 : lengths[i]);
	a = get(a, fd, level, option, sizeof(int));
	a = get(a, fd, level, option, -1);
	memset(&a->answer, 0, sizeof(a->answer));
	a = note(a, getsockopt(fd, level, option, bad, &(socklen_t){ 4 }), "get to nowhere", 0);
	memset(&a->answer, 0, sizeof(a->answer));
	a = note(a, setsockopt(fd, level, option, bad, 4), "set from nowhere", 0);
	for (i = 0; i < (int)ARRAY_SIZE(lengths); i++)
		a = set(a, fd, level, option, 1, lengths[i] == 256 ? 255 : lengths[i]);
	for (i = 0; i < (int)ARRAY_SIZE(values) && a - asked < ASKED - 2; i++) {
		a = set(a, fd, level, option, values[i], sizeof(int));
		/* Whether it was taken, and as what: with the next. */
		if (!a[-1].answer.err) {
			struct asked got;

			get(&got, fd, level, option, sizeof(int));
			a[-1].answer.len = got.answer.len;
			memcpy(a[-1].answer.value, got.answer.value, sizeof(got.answer.value));
		}
	}
	return a - asked;
}

static int socket_in(int af, int type, enum state state)
{
	int fd;

	other_family = af;
	if (state == CLOSED && !af && ipv6())	/* it would have no family yet */
		fd = must(socket(AF_YOKE, type | SOCK_CLOEXEC, IPPROTO_IPV6));
	else if (state == CLOSED)
		fd = of_type(type);
	else if (state == LISTENING)
		fd = listener(LOOPBACK, 0, 1);
	else
		fd = type == SOCK_STREAM ? stream_pair().a : dgram_pair().a;
	other_family = 0;
	return fd;
}

static void leave_at_once(int fd)
{
	struct linger at_once = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static bool known(const struct asked *asked, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (asked[i].answer.err != ENOPROTOOPT && asked[i].answer.err != EOPNOTSUPP &&
		    asked[i].answer.err != EFAULT && asked[i].answer.err != EINVAL)
			return true;
	return false;
}

/* ---- the test ----------------------------------------------------------------- */

FIXTURE(options) {
	FILE *table;
};

FIXTURE_VARIANT(options) {
	int type;
	const char *name, *ip;
	const struct level *levels;
	int n;
};

FIXTURE_VARIANT_ADD(options, stream) { .type = SOCK_STREAM, .name = "stream", .ip = "4",
	.levels = stream_levels, .n = ARRAY_SIZE(stream_levels) };
FIXTURE_VARIANT_ADD(options, dgram) { .type = SOCK_DGRAM, .name = "dgram", .ip = "4",
	.levels = dgram_levels, .n = ARRAY_SIZE(dgram_levels) };
FIXTURE_VARIANT_ADD(options, stream6) { .type = SOCK_STREAM, .name = "stream6", .ip = "6",
	.levels = ipv6_levels, .n = ARRAY_SIZE(ipv6_levels) };
FIXTURE_VARIANT_ADD(options, dgram6) { .type = SOCK_DGRAM, .name = "dgram6", .ip = "6",
	.levels = ipv6_levels, .n = ARRAY_SIZE(ipv6_levels) };

FIXTURE_SETUP(options)
{
	struct utsname u;
	char path[512];

	must(setenv("YOKE_IP", variant->ip, 1));
	new_net();
	/* Names that mean nothing are no names of modules. */
	write_file("/proc/sys/kernel/modprobe", "\n");
	must(uname(&u));
	snprintf(path, sizeof(path), "build/options-%s-%s.txt", u.release, variant->name);
	self->table = oracle() ? NULL : fopen(path, "w");
	if (self->table)
		setlinebuf(self->table);
}

FIXTURE_TEARDOWN(options)
{
	write_file("/proc/sys/kernel/modprobe", "/sbin/modprobe\n");
	if (self->table)
		fclose(self->table);
}

static bool differ(const struct answer *a, const struct answer *b, bool values)
{
	if (a->err != b->err)
		return true;
	return !values && (a->len != b->len || memcmp(a->value, b->value, sizeof(a->value)));
}

TEST_F_TIMEOUT(options, as_the_host_has_them, 600)
{
	static struct asked host[ASKED], ours[ASKED];
	int l, option, state, i, n, fd;

	if (oracle())
		SKIP(return, "it would be compared with itself");
	for (l = 0; l < variant->n; l++)
	for (option = 0; option < variant->levels[l].most; option++) {
		const struct level *level = &variant->levels[l];
		const struct why *why = explained(variant->type, level->level, option);
		const char *name = level->options[option] ?: "";
		bool knows_host = false, knows_ours = false, same = true;

		for (state = CLOSED; state < STATES; state++) {
			int shown = 0;

			if (state == LISTENING && variant->type == SOCK_DGRAM)
				continue;
			n = ask(host, socket_in(host_family(), variant->type, state), level->level, option);
			close_range((self->table ? fileno(self->table) : 2) + 1, ~0U, 0);
			fd = socket_in(0, variant->type, state);
			ask(ours, fd, level->level, option);
			/* Or a FIN that an option delays has the socket outlive us, as TCP's would. */
			leave_at_once(fd);
			close_range((self->table ? fileno(self->table) : 2) + 1, ~0U, 0);
			knows_host |= known(host, n);
			knows_ours |= known(ours, n);
			for (i = 0; i < n; i++) {
				if (!differ(&host[i].answer, &ours[i].answer, why && why->values))
					continue;
				same = false;
				if (why && !why->values)
					continue;
				_metadata->passed = 0;
				if (shown++ < 3)
					TH_LOG("%s %d %s, %s, %s: host %s %d:%d, here %s %d:%d",
					       level->name, option, name, state_names[state],
					       host[i].what, err_name(host[i].answer.err),
					       host[i].answer.len, *(int *)host[i].answer.value,
					       err_name(ours[i].answer.err), ours[i].answer.len,
					       *(int *)ours[i].answer.value);
			}
		}
		if (self->table && (knows_host || knows_ours))
			fprintf(self->table, "%-10s %3d %-24s %-6s %s\n", level->name, option, name,
				same ? "same" : !knows_ours ? "no" : "other",
				!same && why ? why->why : "");
	}
}

TEST_HARNESS_MAIN
