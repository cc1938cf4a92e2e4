// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile network. Behind a TUN device lives a peer that knows the protocol: it opens connections
 * and answers those that are opened to it, numbers its bytes and acknowledges ours; then it damages
 * what it made, field by field, in IP's header, in ours, in the options, cuts it into fragments,
 * tells of errors that nobody had, and sends it all, while a program reads, writes and closes.
 * Some comes from a virtual machine, which says how it is to be cut and summed up, and some goes on
 * to devices that cut it or have it cut for them.
 * Whatever comes: the kernel has nothing to say, and a connection next door goes on.
 *
 * FUZZ_PACKETS is how many (20000), FUZZ_SEED the course, which is printed (1).
 */
#include "wire.h"
#include "dice.h"
#include <linux/virtio_net.h>
#include <netinet/udp.h>
#include <stddef.h>

#define LISTENING	1000
#define DATAGRAMS	1001

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5	/* since Linux 6.2 */
#endif

/* ---- the peer -------------------------------------------------------------------- */

struct connection {
	bool used;
	int version;
	uint16_t theirs, ours;		/* ports */
	uint32_t snd, rcv;		/* the peer's next byte, and the kernel's */
	uint32_t una;			/* the first of the peer's that the kernel lacks */
	uint32_t acked;			/* up to where the peer says that it has the kernel's */
	uint32_t time;			/* the last timestamp that came */
	bool stamps;
	bool asked;			/* the kernel opens it */
	bool open;			/* both know of it */
	bool loses;			/* says that it lacks much */
};

static struct connection peers[24];
static struct packet last;		/* that came from the kernel: errors quote it */
static int tun, machine;		/* the other ends of the wire, and of a virtual machine's */
static unsigned long came, went;

static struct connection *peer_of(int version, uint16_t theirs, uint16_t ours)
{
	struct connection *c;

	for (c = peers; c < peers + ARRAY_SIZE(peers); c++)
		if (c->used && c->version == version && c->theirs == theirs && c->ours == ours)
			return c;
	return NULL;
}

/* A connection of the peer's: the one that was there is forgotten. */
static void new_peer(struct connection *c, int version, uint16_t theirs, uint16_t ours)
{
	*c = (struct connection){
		.used = true, .version = version, .theirs = theirs, .ours = ours,
		.snd = dice(0), .stamps = one_in(2), .loses = one_in(3),
	};
}

/* Learns from what the kernel sent. */
static void learn(struct packet *p)
{
	struct tcphdr *h = tcp(p);
	struct connection *c;
	size_t i, head = h->doff * 4;
	uint32_t end;

	c = peer_of(p->version, ntohs(h->dest), ntohs(h->source));
	if (!c && h->syn && !h->ack) {
		c = &peers[dice(ARRAY_SIZE(peers))];
		new_peer(c, p->version, ntohs(h->dest), ntohs(h->source));
	}
	if (!c)
		return;
	if (h->rst) {
		c->used = one_in(4);	/* now and then it talks on */
		return;
	}
	if (h->ack)
		c->una = ntohl(h->ack_seq);
	end = ntohl(h->seq) + h->syn + h->fin + (p->len - p->ip - head);
	if (h->syn) {
		c->rcv = end;
		c->acked = ntohl(h->seq) + 1;
		c->asked = !h->ack;
		c->open = h->ack;
	} else if ((int32_t)(end - c->rcv) > 0) {
		c->rcv = end;
	}
	for (i = sizeof(*h); i + 10 <= head; i++)
		if (p->b[p->ip + i] == TCPOPT_TIMESTAMP && p->b[p->ip + i + 1] == 10)
			memcpy(&c->time, p->b + p->ip + i + 2, 4);
}

/* Takes all that the kernel sent. */
static void listen_to_kernel(void)
{
	struct packet p;

	while (take(tun, &p)) {
		came++;
		if (!is_segment(&p))
			continue;
		last = p;
		learn(&p);
	}
}

static void append_noise(struct packet *p, size_t len)
{
	while (len-- && p->len < ROOM)
		p->b[p->len++] = dice(256);
}

/* The options of a segment: those that belong there, or noise. */
static void append_options(struct packet *p, struct connection *c)
{
	unsigned char o[64] = { 0 };
	uint32_t now = htonl(now_ms());
	size_t n = 0, i;

	if (tcp(p)->syn) {
		memcpy(o + n, "\2\4", 2);
		o[n + 2] = any_of(0, 2, 5, 255);
		o[n + 3] = dice(256);
		memcpy(o + n + 4, "\1\3\3", 3);
		o[n + 7] = any_of(0, 7, 14, 200);
		memcpy(o + n + 8, "\4\2\1\1", 4);
		n += 12;
		if (one_in(4)) {	/* Fast Open: asks for a cookie, or shows one */
			size_t len = any_of(0, 4, 8, 16);

			o[n] = 34;
			o[n + 1] = 2 + len;
			for (i = 0; i < len; i++)
				o[n + 2 + i] = dice(256);
			n += 2 + len;
		}
	}
	if (c->stamps && n + 12 <= 40) {
		memcpy(o + n, "\1\1\10\12", 4);
		memcpy(o + n + 4, &now, 4);
		memcpy(o + n + 8, &c->time, 4);
		n += 12;
	}
	if (!tcp(p)->syn && one_in(3)) {
		uint32_t blocks = 1 + dice(3), edge = c->acked + dice(3000);

		if (n + 2 + 8 * blocks <= 40) {
			o[n] = 5;
			o[n + 1] = 2 + 8 * blocks;
			n += 2;
			for (i = 0; i < blocks * 2; i++, n += 4) {
				uint32_t wire = htonl(edge);

				memcpy(o + n, &wire, 4);
				edge += any_of(1, 500, 1448, 0x7fffffff);
			}
		}
	}
	while (one_in(8) && n < 40)
		o[n++] = dice(256);
	while (n % 4)
		o[n++] = any_of(0, 1);
	if (n > 40)
		n = 40;
	append(p, o, n);
	tcp(p)->doff = (sizeof(struct tcphdr) + n) / 4;
}

/* Up to where the peer has what the kernel sent, it says. */
static uint32_t some_ack(struct connection *c)
{
	uint32_t out = c->rcv - c->acked;

	if (one_in(10))
		return c->rcv - any_of(1, -1, 1448, 20000, 0x80000000);
	if (!c->loses || one_in(20))
		c->acked = c->rcv;
	else if (one_in(5) && out < 0x80000000)
		c->acked += dice(out + 1);
	return c->acked;
}

/* A segment that a peer might send now. */
static void make_segment(struct packet *p, struct connection *c)
{
	struct tcphdr h = {
		.source = htons(c->theirs), .dest = htons(c->ours),
		.window = htons(any_of(0, 1, 500, 8000, 65535)),
	};
	size_t data = 0;

	if (c->open && one_in(10))
		c->snd = c->una;	/* again what did not arrive */
	if (!c->open && !one_in(8)) {
		h.syn = 1;
		h.ack = c->open = c->asked;
		data = one_in(3) ? dice(500) : 0;
	} else {
		h.ack = 1;
		switch (dice(40)) {
		case 0:
			h.syn = 1;
			h.ack = one_in(2);
			break;
		case 1:
			h.fin = one_in(3);
			break;
		case 2:
			h.rst = one_in(4);
			break;
		case 3 ... 22:
			h.psh = one_in(2);
			h.urg = one_in(10);
			h.urg_ptr = htons(dice(2000));
			data = dice(1400);
			break;
		}
	}
	h.res2 = one_in(5) ? dice(4) : 0;	/* ECE and CWR */
	h.seq = htonl(c->snd + (one_in(4) ? any_of(0, 1, -1, 1400, -1400, 60000) : 0));
	h.ack_seq = htonl(some_ack(c));
	begin(p, c->version, protocol(true));
	append(p, &h, sizeof(h));
	append_options(p, c);
	append_noise(p, data);
	/* Of what came with a SYN the kernel takes nothing, as a rule. */
	if (ntohl(h.seq) == c->snd)
		c->snd += h.syn ?: data + h.fin;
}

static void make_datagram(struct packet *p)
{
	struct udphdr h = { .source = htons(dice(65536)), .dest = htons(DATAGRAMS) };
	size_t data = dice(1400);

	begin(p, any_of(4, 6), protocol(false));
	h.len = htons(one_in(4) ? dice(65536) : sizeof(h) + data);
	append(p, &h, sizeof(h));
	append_noise(p, data);
}

/* An error about the last that the kernel sent, or about what looks like it. */
static void make_error(struct packet *p)
{
	struct packet quoted = last;

	begin(p, last.version ?: 4, last.version == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (one_in(3) && quoted.len)
		quoted.b[dice(quoted.len > 60 ? 60 : quoted.len)] ^= 1 << dice(8);
	p->b[p->len++] = p->version == 6 ? any_of(1, 2, 3, 4, 137) : any_of(3, 4, 5, 11, 12);
	p->b[p->len++] = dice(16);
	p->len += 2;
	append(p, &(uint32_t){ htonl(any_of(0, 68, 500, 1280, 1400, 65536)) }, 4);
	append(p, quoted.b, one_in(3) ? dice(quoted.len + 1) : quoted.len);
}

/* ---- damage ------------------------------------------------------------------------- */

static void damage(struct packet *p)
{
	struct tcphdr *h = tcp(p);
	size_t n;

	switch (dice(10)) {
	case 0: case 1:		/* anywhere in our header and its options */
		n = p->len - p->ip < 60 ? p->len - p->ip : 60;
		p->b[p->ip + dice(n)] ^= 1 << dice(8);
		break;
	case 2:
		h->doff = dice(16);
		break;
	case 3:
		h->seq = htonl(dice(0));
		break;
	case 4:
		h->ack_seq = htonl(dice(0));
		break;
	case 5:			/* all flags at once */
		p->b[p->ip + 13] = dice(256);
		break;
	case 6:			/* it ends early */
		p->len = p->ip + dice(p->len - p->ip + 1);
		break;
	case 7:			/* every option is noise */
		for (n = sizeof(*h); n < 60 && p->ip + n < p->len; n++)
			p->b[p->ip + n] = dice(256);
		break;
	case 8:
		h->source = htons(any_of(0, 1, LISTENING, 65535));
		h->dest = htons(any_of(0, LISTENING, DATAGRAMS, 65535));
		break;
	case 9:			/* from whom nobody should be */
		if (p->version == 4)
			((struct iphdr *)p->b)->saddr = htonl(any_of(0, 0x0a090001, 0x7f000001,
								    0xe0000001, 0xffffffff));
		else
			((struct ip6_hdr *)p->b)->ip6_src.s6_addr32[dice(4)] = htonl(any_of(
				0, 1, 0xffff, 0xff020000));
		break;
	}
}

/* To a device of those that pass_on() made. */
static void lead_on(struct packet *p)
{
	uint32_t to = htonl(0x0a080001 + dice(2));

	if (p->version == 4)
		((struct iphdr *)p->b)->daddr = to;
	else
		((struct ip6_hdr *)p->b)->ip6_dst.s6_addr32[3] = to;
}

static void damage_ip(struct packet *p)
{
	if (p->version == 4 && one_in(2)) {
		p->b[1] = dice(256);			/* TOS */
		p->b[8] = any_of(0, 1, 255);		/* TTL */
	} else {
		p->b[dice(p->ip)] ^= 1 << dice(8);
	}
}

/* What a virtual machine says of its packet: most is true. */
static struct virtio_net_hdr say_how_to_cut(const struct packet *p)
{
	bool stream = p->b[p->version == 4 ? 9 : 6] != protocol(false);
	uint32_t tcp = p->version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;

	return (struct virtio_net_hdr){
		.flags = one_in(8) ? dice(256) : VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = one_in(8) ? dice(256) : stream ? tcp : VIRTIO_NET_HDR_GSO_UDP_L4,
		.gso_size = any_of(0, 1, 8, 100, 536, 1400, 65535),
		.hdr_len = one_in(8) ? dice(200) : p->ip + 20,
		.csum_start = one_in(8) ? dice(200) : p->ip,
		.csum_offset = one_in(8) ? dice(200) : stream ? offsetof(struct tcphdr, check)
							       : offsetof(struct udphdr, check),
	};
}

static void put(const struct packet *p)
{
	struct virtio_net_hdr how = say_how_to_cut(p);
	struct iovec iov[] = { { &how, sizeof(how) }, { (void *)p->b, p->len } };
	bool cut = one_in(4);

	went++;
	must_hold(writev(cut ? machine : tun, iov + !cut, 1 + cut) >= 0 || errno == EINVAL ||
		  errno == EMSGSIZE);
}

/* Two fragments, which may overlap, in either order. */
static void put_in_pieces(struct packet *p)
{
	size_t cut = p->ip + dice((p->len - p->ip) / 8 + 1) * 8, from = cut - (one_in(4) ? 8 : 0);
	struct packet one = *p, two = *p;
	uint16_t id = dice(65536);

	if (p->version != 4 || cut <= p->ip + 8 || cut >= p->len) {
		put(p);
		return;
	}
	one.len = cut;
	((struct iphdr *)one.b)->id = ((struct iphdr *)two.b)->id = id;
	((struct iphdr *)one.b)->frag_off = htons(IP_MF);
	memmove(two.b + two.ip, p->b + from, p->len - from);
	two.len = two.ip + p->len - from;
	((struct iphdr *)two.b)->frag_off = htons((from - p->ip) / 8);
	finish_ip(&one);
	finish_ip(&two);
	if (one_in(2)) {
		put(&one);
		put(&two);
	} else {
		put(&two);
		put(&one);
	}
}

/*
 * Behind a gap comes what a receiver has to sort, more than its buffer holds: in a row, beside, over and
 * inside one another, next to nothing each, FINs with more behind them. At last the gap may be closed.
 */
static void crowd_behind_a_gap(struct connection *c)
{
	uint32_t span = any_of(60, 300, 3000, 30000), fins = any_of(2, 10, 100), left = 20 + dice(150);
	uint32_t gap = c->snd, at = 0, data;
	struct tcphdr h = {
		.source = htons(c->theirs), .dest = htons(c->ours),
		.ack = 1, .ack_seq = htonl(c->rcv), .window = htons(8000),
	};
	struct packet p;

	for (; left; left--) {
		if (one_in(4))
			at = 1 + dice(span);
		if (left == 1 && one_in(4))
			at = 0;
		data = one_in(10) ? dice(1400) : dice(4);
		h.seq = htonl(gap + at);
		h.fin = one_in(fins);
		begin(&p, c->version, protocol(true));
		append(&p, &h, sizeof(h));
		append_options(&p, c);
		append_noise(&p, data);
		sum_up(&p, protocol(true), offsetof(struct tcphdr, check));
		finish_ip(&p);
		put(&p);
		at += data + h.fin;
	}
}

static void send_something(void)
{
	struct connection *c = &peers[dice(ARRAY_SIZE(peers))];
	struct packet p;
	uint8_t proto = protocol(true);
	size_t at = offsetof(struct tcphdr, check);

	if (c->open && one_in(100)) {
		crowd_behind_a_gap(c);
		return;
	}
	if (one_in(30)) {
		make_error(&p);
		proto = p.version == 6 ? IPPROTO_ICMPV6 : 0;
		at = 2;
	} else if (one_in(20)) {
		make_datagram(&p);
		proto = protocol(false);
		at = offsetof(struct udphdr, check);
	} else {
		if (!c->used)
			new_peer(c, any_of(4, 6), 1024 + dice(60000), LISTENING);
		make_segment(&p, c);
		if (one_in(6))
			damage(&p);
	}
	if (one_in(8))
		lead_on(&p);
	if (p.version == 4 && proto == 0) {	/* ICMP has no pseudo-header */
		*(uint16_t *)(p.b + p.ip + at) = 0;
		*(uint16_t *)(p.b + p.ip + at) = folded(add_up(p.b + p.ip, p.len - p.ip, 0));
	} else if (!one_in(30)) {
		sum_up(&p, proto, at);
	}
	finish_ip(&p);
	if (one_in(20))
		damage_ip(&p);
	if (one_in(20))
		put_in_pieces(&p);
	else
		put(&p);
	if (one_in(20))
		put(&p);	/* once more */
}

/* ---- the program ----------------------------------------------------------------------- */

static int listening, datagrams, fds[32];

static void open_one(int *fd)
{
	struct sockaddr_in6 a = {
		.sin6_family = AF_INET6, .sin6_port = htons(1 + dice(60000)),
		.sin6_addr.s6_addr32 = { htonl(0xfd000000), 0, 0, inet_addr(THEIRS) },
	};
	bool six = one_in(2);

	*fd = must(socket(!oracle() ? AF_YOKE : six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	if (six)
		sendto(*fd, "", one_in(2), MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof(a));
	else
		connect_to(*fd, THEIRS, 1 + dice(60000));
}

/* Who comes takes @fd's place. */
static void accept_one(int *fd)
{
	int one = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
	int room = any_of(0, 5000, 10000, 20000, 100000);

	if (one < 0)
		return;
	close(*fd);
	*fd = one;
	setsockopt(listening, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));	/* the next ones' */
}

static void use(int *fd)
{
	static char buf[20000];
	struct { int level, name, value; } o[] = {
		{ SOL_TCP, TCP_NODELAY, dice(2) }, { SOL_TCP, TCP_CORK, dice(2) },
		{ SOL_TCP, TCP_QUICKACK, dice(2) }, { SOL_TCP, TCP_WINDOW_CLAMP, dice(100000) },
		{ SOL_TCP, TCP_MAXSEG, dice(1500) }, { SOL_TCP, TCP_USER_TIMEOUT, dice(500) },
		{ SOL_SOCKET, SO_RCVBUF, dice(100000) }, { SOL_SOCKET, SO_SNDBUF, dice(100000) },
		{ SOL_SOCKET, SO_KEEPALIVE, dice(2) }, { SOL_SOCKET, SO_OOBINLINE, dice(2) },
		{ SOL_IP, IP_RECVERR, dice(2) }, { SOL_SOCKET, SO_RCVLOWAT, dice(5000) },
	};
	uint32_t i = dice(ARRAY_SIZE(o));
	struct linger now = { 1, 0 };
	struct tcp_info info;
	socklen_t len = sizeof(info);

	switch (dice(40)) {
	case 0 ... 11:
		recv(*fd, buf, dice(sizeof(buf)), MSG_DONTWAIT | any_of(0, 0, MSG_PEEK, MSG_OOB,
									MSG_TRUNC, MSG_ERRQUEUE));
		break;
	case 12 ... 23:
		send(*fd, buf, dice(sizeof(buf)), MSG_DONTWAIT | MSG_NOSIGNAL |
						  any_of(0, 0, MSG_OOB, MSG_MORE, MSG_EOR));
		break;
	case 24 ... 31:
		setsockopt(*fd, o[i].level, o[i].name, &o[i].value, sizeof(int));
		break;
	case 32 ... 35:
		getsockopt(*fd, SOL_TCP, TCP_INFO, &info, &len);
		break;
	case 36:
		shutdown(*fd, dice(3));
		break;
	case 37:
		if (one_in(4))
			setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(*fd);
		*fd = -1;
		break;
	}
	events(*fd < 0 ? datagrams : *fd, POLLIN | POLLOUT);
	recv(datagrams, buf, sizeof(buf), MSG_DONTWAIT);
}

/* ---- both ---------------------------------------------------------------------------------- */

IN_OWN_NET(fuzz)

/* A router for others, by one device that cuts what it is given, and one that has it cut. */
static void pass_on(void)
{
	machine = open_tun("machine", IFF_NAPI | IFF_VNET_HDR);
	must_hold(shell("ip link set machine up && sysctl -qw net.ipv4.ip_forward=1 "
			"net.ipv6.conf.all.forwarding=1 &&"
			"for i in 1 2; do ip link add away$i type dummy && ip link set away$i up &&"
			" ip route add 10.8.0.$i dev away$i && ip route add fd00::10.8.0.$i dev away$i || exit; done &&"
			"ethtool -K away2 tso off tx-udp-segmentation off"));
}

/* What some of the packets should come to. */
static const char *const reached[] = {
	"ActiveOpens", "PassiveOpens", "FastOpenPassive", "OfoQueued", "Collapsed", "OfoPruned", "MemDrops",
	"Recoveries", "TLPs", "Timeouts", "Probes", "DSACKRecv", "ChallengeAcks", "AbortOnData",
};

TEST_F_TIMEOUT(fuzz, packets, 7200)
{
	unsigned long n, packets = from_env("FUZZ_PACKETS", 20000), i;

	dice_begin(from_env("FUZZ_SEED", 1));
	tun = stretch_a_wire(OURS);
	pass_on();
	/* Fast Open, and both ways of ECN. */
	sysctl_own("fastopen", "0x607");
	sysctl_own("ecn", "1");
	TH_LOG("FUZZ_SEED=%lu FUZZ_PACKETS=%lu", from_env("FUZZ_SEED", 1), packets);
	listening = oracle() ? must(socket(AF_INET6, SOCK_STREAM, 0)) : stream();
	datagrams = oracle() ? must(socket(AF_INET6, SOCK_DGRAM, 0)) : dgram();
	for (i = 0; i < 2; i++) {
		struct sockaddr_in6 any = { .sin6_family = AF_INET6,
					    .sin6_port = htons(i ? DATAGRAMS : LISTENING) };

		must((bind)(i ? datagrams : listening, (struct sockaddr *)&any, sizeof(any)));
	}
	must(listen(listening, 20));
	set_nonblock(listening, true);
	memset(fds, -1, sizeof(fds));

	for (n = 1; went < packets; n++) {
		int *fd = &fds[dice(ARRAY_SIZE(fds))];

		send_something();
		listen_to_kernel();
		if (n % 3)
			continue;
		accept_one(fd);
		if (*fd >= 0)
			use(fd);
		else if (one_in(8))
			open_one(fd);
		if (n % 5000 == 0)
			ASSERT_TRUE(carry_both_ways(stream_pair(), 100000, BOUND));
	}
	TH_LOG("%lu packets went to the kernel, %lu came from it", went, came);
	EXPECT_TRUE(carry_both_ways(stream_pair(), 100000, BOUND));
	/* It did not only throw away. */
	EXPECT_LT(packets / 10, came);
	for (i = 0; i < ARRAY_SIZE(reached) && !oracle(); i++)
		EXPECT_LT(0, counter(reached[i]))
			TH_LOG("nothing for %s", reached[i]);
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

/* ---- a man in the middle ------------------------------------------------------------------- */

#define HELD 8

struct letter {
	int to;
	size_t len;
	unsigned char b[ROOM];
};

/* False: it does not arrive. One bit: every checksum finds that. */
static bool meddle(struct letter *l)
{
	switch (dice(40)) {
	case 0:
		return false;
	case 1:
		l->b[dice(l->len)] ^= 1 << dice(8);
		break;
	case 2:
		l->len = dice(l->len) + 1;
		break;
	}
	return true;
}

/* What is no packet any more, the kernel refuses. */
static void hand_over(const struct letter *l)
{
	if (l->len && write(l->to, l->b, l->len) > 0)
		went++;
}

/* Passes on from each wire to the other: damaged, late, twice, or not at all. */
__attribute__((noreturn)) static void stand_between(int one, int other)
{
	struct pollfd p[2] = { { one, POLLIN, 0 }, { other, POLLIN, 0 } };
	static struct letter held[HELD], now, later;
	int i;

	for (;;) {
		if (poll(p, 2, 5) <= 0)		/* nothing else to do: what was held */
			for (i = 0; i < HELD; i++) {
				hand_over(&held[i]);
				held[i].len = 0;
			}
		for (i = 0; i < 2; i++) {
			ssize_t n = read(p[i].fd, now.b, ROOM);

			now.len = n;
			now.to = p[!i].fd;
			if (n <= 0 || !meddle(&now))
				continue;
			if (one_in(10)) {
				struct letter *place = &held[dice(HELD)];

				later = *place;
				*place = now;
				now = later;
			}
			hand_over(&now);
			if (one_in(30))
				hand_over(&now);
		}
	}
}

TEST_F_TIMEOUT(fuzz, middle, 7200)
{
	struct net net;
	int wires[2], i;
	pid_t man;

	dice_begin(from_env("FUZZ_SEED", 1));
	TH_LOG("FUZZ_SEED=%lu", from_env("FUZZ_SEED", 1));
	wires[0] = stretch_a_wire(ADDR_A);
	net.a = this_net();
	new_net();
	wires[1] = stretch_a_wire(ADDR_B);
	net.b = this_net();
	man = background((stand_between(wires[0], wires[1]), 0));
	for (i = from_env("FUZZ_PACKETS", 20000) / 2000; i; i--) {
		struct pair p = link_pair(net);

		EXPECT_TRUE(carry_both_ways(p, 100000, 7 * BOUND));
		close(p.a);
		close(p.b);
	}
	kill(man, SIGKILL);
}

TEST_HARNESS_MAIN
