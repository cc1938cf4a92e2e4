// SPDX-License-Identifier: GPL-2.0
/*
 * The handshake under attack. The wire is a TUN device: what the test writes to it the kernel
 * receives, from whatever address; what the kernel sends can be read.
 */
#include "yoke_test.h"
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <pthread.h>
#include <sys/mount.h>
#include <linux/if_tun.h>

#define SERVER	"10.7.0.1"
#define CLIENT "10.7.0.2"			/* the other end of the wire */
#define PORT	4000

static int wire;

FIXTURE(handshake) { };

FIXTURE_SETUP(handshake)
{
	struct ifreq ifr = { .ifr_name = "wire", .ifr_flags = IFF_TUN | IFF_NO_PI };

	new_net();
	if (access("/dev/net/tun", F_OK))
		must(system("modprobe tun"));
	wire = must(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
	must(ioctl(wire, TUNSETIFF, &ifr));
	must(system("ip link set wire txqueuelen 10000"));
	bring_up("wire", SERVER);
}

FIXTURE_TEARDOWN(handshake)
{
}

/* ---- segments ------------------------------------------------------------ */

struct segment {
	struct tcphdr tcp;
	unsigned char options[40];
};

static uint16_t sum(const void *data, size_t len, uint32_t start)
{
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < len; i++)
		start += i & 1 ? p[i] : p[i] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return start;
}

static int wire_proto(void)
{
	return oracle() ? IPPROTO_TCP : IPPROTO_YOKE_STREAM;
}

/* IP's header of @len bytes from @from to the server, and the sum of the pseudo header. Returns its length. */
static size_t write_header(unsigned char *packet, uint32_t from, size_t len, uint16_t *pseudo)
{
	struct ip6_hdr *six = (struct ip6_hdr *)packet;
	struct iphdr *ip = (struct iphdr *)packet;

	if (ipv6()) {
		memset(six, 0, sizeof(*six));
		six->ip6_vfc = 6 << 4;
		six->ip6_plen = htons(len);
		six->ip6_nxt = wire_proto();
		six->ip6_hlim = 64;
		six->ip6_src = to_ipv6((struct in_addr){ from });
		six->ip6_dst = to_ipv6((struct in_addr){ inet_addr(SERVER) });
		*pseudo = sum(&six->ip6_src, 32, wire_proto() + len);
		return sizeof(*six);
	}
	*ip = (struct iphdr){
		.version = 4, .ihl = 5, .ttl = 64, .protocol = wire_proto(),
		.tot_len = htons(sizeof(*ip) + len),
		.saddr = from, .daddr = inet_addr(SERVER),
	};
	ip->check = htons(~sum(ip, sizeof(*ip), 0));
	*pseudo = sum(&ip->saddr, 8, wire_proto() + len);
	return sizeof(*ip);
}

/* Finish a segment to the server, whose options are already in place, and put it on the wire. */
static bool inject(struct segment *s, uint32_t from, int port, uint32_t seq, uint32_t ack,
		   size_t options)
{
	unsigned char packet[sizeof(struct ip6_hdr) + sizeof(*s)];
	size_t len = sizeof(s->tcp) + options, head;
	uint16_t pseudo;

	head = write_header(packet, from, len, &pseudo);
	s->tcp.source = htons(port);
	s->tcp.dest = htons(PORT);
	s->tcp.seq = htonl(seq);
	s->tcp.ack_seq = htonl(ack);
	s->tcp.doff = len / 4;
	s->tcp.window = htons(65535);
	s->tcp.check = 0;
	s->tcp.check = htons(~sum(&s->tcp, len, pseudo));
	memcpy(packet + head, s, len);
	return write(wire, packet, head + len) == (ssize_t)(head + len);
}

/* The next segment that the kernel sent; false if there is none. */
static bool take(struct segment *s)
{
	size_t head = ipv6() ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);
	unsigned char buf[2048];
	ssize_t n;

	while ((n = read(wire, buf, sizeof(buf))) > 0) {
		if (buf[0] >> 4 != (ipv6() ? 6 : 4) || buf[ipv6() ? 6 : 9] != wire_proto())
			continue;
		n -= head;
		memcpy(s, buf + head, n < (ssize_t)sizeof(*s) ? (size_t)n : sizeof(*s));
		return true;
	}
	return false;
}

/* The next one for this port. */
static bool take_for(struct segment *s, int port)
{
	return until(take(s) && ntohs(s->tcp.dest) == port);
}

/* ---- a segment that comes while the request becomes a connection ---------- */

#define RACES 1500

static struct {
	pthread_barrier_t start, done;
	uint32_t seq, ack;
	int port;
} race;

static void *race_reset(void *arg)
{
	struct segment s = { .tcp.rst = 1 };
	int i;

	for (i = 0; i < RACES / slowness(); i++) {
		pthread_barrier_wait(&race.start);
		s.tcp.rst = 1;
		inject(&s, inet_addr(CLIENT), race.port, race.seq, 0, 0);
		pthread_barrier_wait(&race.done);
	}
	return arg;
}

/*
 * The last ACK of the handshake and a reset, on two processors at once: whichever wins, no
 * connection stands in the end.
 */
TEST_F(handshake, reset_meets_the_last_ack)
{
	int l = listener(SERVER, PORT, 16), i, fd, stayed = 0, accepted = 0;
	struct segment s;
	pthread_t thread;

	must(pthread_barrier_init(&race.start, NULL, 2));
	must(pthread_barrier_init(&race.done, NULL, 2));
	must(pthread_create(&thread, NULL, race_reset, NULL));
	set_nonblock(l, true);
	for (i = 0; i < RACES / slowness(); i++) {
		race.port = 10000 + i;
		race.seq = 1000 * i + 1;
		memset(&s, 0, sizeof(s));
		s.tcp.syn = 1;
		ASSERT_TRUE(inject(&s, inet_addr(CLIENT), race.port, race.seq - 1, 0, 0));
		ASSERT_TRUE(take_for(&s, race.port));
		race.ack = ntohl(s.tcp.seq) + 1;

		memset(&s, 0, sizeof(s));
		s.tcp.ack = 1;
		pthread_barrier_wait(&race.start);
		/* Not always the same distance between the two. */
		for (volatile int wait = i % 50 * 40; wait > 0; wait--)
			;
		inject(&s, inet_addr(CLIENT), race.port, race.seq, race.ack, 0);
		pthread_barrier_wait(&race.done);
		while (take(&s))
			;
		fd = accept(l, NULL, NULL);
		if (fd < 0)
			continue;
		accepted++;
		stayed += state(fd) != TCP_CLOSE;
		close_hard(fd);
	}
	must(pthread_join(thread, NULL));
	TH_LOG("%d of %d became connections first", accepted, RACES / slowness());
	EXPECT_GT(accepted, 0);
	EXPECT_EQ(0, stayed);
}

/* ---- a SYN flood ----------------------------------------------------------- */

#define FLOODED_FOR 40			/* real clients */

/* SYNs from ever other places, until we are killed. */
static void flood(void)
{
	uint32_t i = 0;

	for (;; i++) {
		struct segment s = { .tcp.syn = 1 };

		inject(&s, htonl(ntohl(inet_addr(CLIENT)) + i % 200), 1024 + i / 200 % 60000,
		       i * 2654435761u, 0, 0);
		/* What the kernel answers is let be. */
		while (read(wire, &s, sizeof(s)) > 0)
			;
	}
}

/*
 * Under a flood of many times the backlog all real clients get in, and keep their window scale,
 * SACK and timestamps.
 */
TEST_F(handshake, flood)
{
	int l = listener(SERVER, PORT, 8), i, wanted = TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK |
							TCPI_OPT_WSCALE;
	pid_t flooder = background((flood(), 0));
	struct tcp_info a, b;
	socklen_t len;

	ASSERT_TRUE(until(counter("SyncookiesSent") > 1000 / slowness()));
	for (i = 0; i < FLOODED_FOR; i++) {
		struct pair p = pair_through(l, SERVER);

		len = sizeof(a);
		must(getsockopt(p.a, SOL_TCP, TCP_INFO, &a, &len));
		len = sizeof(b);
		must(getsockopt(p.b, SOL_TCP, TCP_INFO, &b, &len));
		EXPECT_EQ(wanted, a.tcpi_options & wanted);
		EXPECT_EQ(wanted, b.tcpi_options & wanted);
		EXPECT_EQ(a.tcpi_snd_wscale + 0, b.tcpi_rcv_wscale + 0);
		EXPECT_EQ(a.tcpi_rcv_wscale + 0, b.tcpi_snd_wscale + 0);
		EXPECT_TRUE(carry_both_ways(p, 5000, BOUND));
		close_hard(p.a);
		close_hard(p.b);
	}
	TH_LOG("%ld cookies sent, %ld came back", counter("SyncookiesSent"),
	       counter("SyncookiesRecv"));
	EXPECT_GE(counter("SyncookiesRecv"), FLOODED_FOR / 2);
	EXPECT_LE(count(TCP_SYN_RECV, PORT), 9);
	kill(flooder, SIGKILL);
	waitpid(flooder, NULL, 0);
}

/* ---- orphans ------------------------------------------------------------------ */

/* A sysctl that only the first namespace has: its file, or -1. */
static int first_sysctl(const char *name)
{
	int own = must(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)), i, first, fd = -1;
	char path[128];

	snprintf(path, sizeof(path), oracle() ? "/proc/sys/net/ipv4/tcp_%s"
					      : "/proc/sys/net/yoke/%s", name);
	/* In a process namespace of our own the machine's /proc lies below. */
	for (i = 0; i < 2 && fd < 0; i++) {
		if (i && (unshare(CLONE_NEWNS) || umount2("/proc", MNT_DETACH)))
			break;
		first = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
		if (first < 0 || setns(first, CLONE_NEWNET))
			continue;
		fd = open(path, O_RDWR | O_CLOEXEC);
		must(setns(own, CLONE_NEWNET));
		close(first);
	}
	close(own);
	return fd;
}

/* TCP's of all namespaces, dead ones too: what ran before has left some. Yoke's die with theirs. */
static int orphans(void)
{
	FILE *f = oracle() ? fopen("/proc/net/sockstat", "r") : NULL;
	char line[256];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "TCP: inuse %*d orphan %d", &n);
	if (f)
		fclose(f);
	return n;
}

/* Programs that go before their data has: past net.yoke.max_orphans their connections are reset. */
TEST_F(handshake, too_many_orphans)
{
	int setting = first_sysctl("max_orphans"), l, fd, i, before, ended = 0, resets = 0;
	char old[32] = "", limit[32], data[1 << 16] = "";
	struct pair p;

	if (setting < 0)
		SKIP(return, "the first namespace is out of reach");
	must(pread(setting, old, sizeof(old) - 1, 0));
	must(pwrite(setting, limit, snprintf(limit, sizeof(limit), "%d", 4 + orphans()), 0));
	fd = stream();
	must(set_opt(fd, SOL_SOCKET, SO_RCVBUF, 4096));
	must(bind_to(fd, LOOPBACK, PORT));
	must(listen(fd, 16));
	l = fd;
	before = counter("TCPAbortOnMemory");
	for (i = 0; i < 60 && resets < 3; i++) {
		p = pair_through(l, LOOPBACK);
		/* More than the peer's window takes, and the peer does not read. */
		while (send(p.a, data, sizeof(data), MSG_DONTWAIT) > 0)
			;
		must(close(p.a));
		ended = counter("TCPAbortOnMemory") - before;
		/* TCP looks up how many there are every 100 ms. */
		if (oracle())
			usleep(30000);
		resets += events(p.b, POLLIN) & POLLERR && so_error(p.b) == ECONNRESET;
	}
	must(pwrite(setting, old, strlen(old), 0));
	TH_LOG("%d connections, %d ended, %d resets seen", i, ended, resets);
	EXPECT_EQ(3, resets);
	EXPECT_LE(3, ended);
	EXPECT_GE(i, 4 + 3);
	/*
	 * Those that stay meet the limit again when they are due to send, and then make room; if that is
	 * while the next one is being ended, both go.
	 */
	if (!oracle())
		EXPECT_GE(4, i - ended);
}

TEST_HARNESS_MAIN
