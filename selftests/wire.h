/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A wire whose other end is ours: a TUN device, and packets of both versions of IP made by hand, for
 * peers that no kernel would be.
 */
#ifndef WIRE_H
#define WIRE_H

#include "yoke_test.h"
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#define OURS	"10.9.0.1"	/* the kernel's */
#define THEIRS	"10.9.0.2"	/* the peer's; over IPv6, fd00:: before them */
#define ROOM	4096

struct packet {
	int version;
	size_t ip, len;			/* bytes of IP's header, and of all */
	unsigned char b[ROOM + 128];
};

static inline struct tcphdr *tcp(struct packet *p)
{
	return (struct tcphdr *)(p->b + p->ip);
}

static inline uint8_t protocol(bool stream)
{
	if (oracle())
		return stream ? IPPROTO_TCP : IPPROTO_UDP;
	return stream ? IPPROTO_YOKE_STREAM : IPPROTO_YOKE_DGRAM;
}

static inline uint32_t add_up(const void *data, size_t len, uint32_t sum)
{
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	return len % 2 ? sum + (p[len - 1] << 8) : sum;
}

static inline uint16_t folded(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* Begins a packet of this protocol between the two, in either direction. */
static inline void begin(struct packet *p, int version, uint8_t proto)
{
	memset(p, 0, sizeof(*p));
	p->version = version;
	if (version == 4) {
		struct iphdr *h = (struct iphdr *)p->b;

		*h = (struct iphdr){
			.version = 4, .ihl = 5, .ttl = 64, .protocol = proto,
			.saddr = inet_addr(THEIRS), .daddr = inet_addr(OURS),
		};
		p->ip = sizeof(*h);
	} else {
		struct ip6_hdr *h = (struct ip6_hdr *)p->b;

		h->ip6_flow = htonl(6U << 28);
		h->ip6_nxt = proto;
		h->ip6_hlim = 64;
		h->ip6_src = (struct in6_addr){ .s6_addr32 = { htonl(0xfd000000), 0, 0, inet_addr(THEIRS) } };
		h->ip6_dst = (struct in6_addr){ .s6_addr32 = { htonl(0xfd000000), 0, 0, inet_addr(OURS) } };
		p->ip = sizeof(*h);
	}
	p->len = p->ip;
}

static inline void append(struct packet *p, const void *data, size_t len)
{
	if (p->len + len > ROOM)
		len = ROOM - p->len;
	if (data)
		memcpy(p->b + p->len, data, len);
	p->len += len;
}

/* IP's lengths and checksum. */
static inline void finish_ip(struct packet *p)
{
	if (p->version == 4) {
		struct iphdr *h = (struct iphdr *)p->b;

		h->tot_len = htons(p->len);
		h->check = 0;
		h->check = folded(add_up(h, h->ihl * 4, 0));
	} else {
		((struct ip6_hdr *)p->b)->ip6_plen = htons(p->len - sizeof(struct ip6_hdr));
	}
}

/* The checksum at @at of what stands behind IP's header. */
static inline void sum_up(struct packet *p, uint8_t proto, size_t at)
{
	uint16_t *check = (uint16_t *)(p->b + p->ip + at);
	uint32_t sum = p->len - p->ip + proto;

	if (p->len < p->ip + at + 2)
		return;
	*check = 0;
	sum += p->version == 4 ? add_up(p->b + 12, 8, 0) : add_up(p->b + 8, 32, 0);
	*check = folded(add_up(p->b + p->ip, p->len - p->ip, sum));
}

/* A device in this namespace, whose other end is returned. */
static inline int open_tun(const char *name, int flags)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI | flags };
	int fd;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (access("/dev/net/tun", F_OK))
		must_hold(shell("modprobe tun"));
	fd = must(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
	must(ioctl(fd, TUNSETIFF, &ifr));
	return fd;
}

/* With addresses, and room for a window of small segments. */
static inline int stretch_a_wire(const char *ip)
{
	int fd = open_tun("wire", IFF_NAPI);

	must_hold(shell("ip addr add %s/24 dev wire && ip addr add fd00::%s/64 dev wire nodad && "
			"ip link set wire txqueuelen 20000 up", ip, ip));
	return fd;
}

static inline bool is_segment(const struct packet *p)
{
	return p->b[p->version == 4 ? 9 : 6] == protocol(true) && p->len >= p->ip + sizeof(struct tcphdr);
}

/* The next packet of the kernel's that is there by now. */
static inline bool take(int wire, struct packet *p)
{
	ssize_t n = read(wire, p->b, ROOM);

	if (n <= 0)
		return false;
	p->len = n;
	p->version = p->b[0] >> 4;
	p->ip = p->version == 4 ? (p->b[0] & 15) * 4 : sizeof(struct ip6_hdr);
	must_hold(!is_segment(p) || !unwritten(p->b + p->ip, tcp(p)->doff * 4));
	return true;
}

/* Hears all that passes this device, from IP's header on. */
static inline int tap(const char *dev)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(dev) };
	int fd = must(socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL)));

	must((bind)(fd, (struct sockaddr *)&ll, sizeof(ll)));
	return fd;
}

/* ---- flow labels (RFC 6437) ---------------------------------------------------- */

/* What <linux/in6.h> has, which does not go with <netinet/in.h>. */
#define FLOWLABEL_MGR	32
#define FLOWINFO_SEND	33
#define RECV_FLOWINFO	11
#define LABEL_GET	0
#define LABEL_PUT	1
#define LABEL_CREATE	1	/* flags */
#define LABEL_REFLECT	4
#define LABEL_REMOTE	8

struct label_request {
	struct in6_addr dst;
	unsigned int label;
	unsigned char action, share;
	unsigned short flags, expires, linger;
	unsigned int pad;
};

/* This one, for what the socket sends to ourselves with the label in the address. */
static inline void lease_label(int fd, int label)
{
	struct label_request lease = { .dst = in6addr_loopback, .label = htonl(label), .share = 1,
				       .flags = LABEL_CREATE };

	must(set_opt(fd, SOL_IPV6, FLOWINFO_SEND, 1));
	must(setsockopt(fd, SOL_IPV6, FLOWLABEL_MGR, &lease, sizeof(lease)));
}

#endif /* WIRE_H */
