/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Yoke, a loadable transport: what a program has to know.
 *
 * A yoke joins a pair: a connection is a pair of sockets, and a socket is
 * (protocol, IP address, port).
 *
 *	socket(AF_YOKE, SOCK_STREAM, 0)		a reliable byte stream, as TCP
 *	socket(AF_YOKE, SOCK_DGRAM, 0)		plain datagrams, as UDP
 *
 * Everything else keeps the name and the number it has for TCP and UDP:
 * addresses are struct sockaddr_in and sockaddr_in6, options are those of
 * SOL_SOCKET, SOL_IP, SOL_IPV6, SOL_TCP, SOL_UDP, and so are MSG_*, SIOC* and
 * errno.
 *
 * A socket is one of IPv4 or IPv6 (then of both, unless IPV6_V6ONLY) by the
 * first address that it is given, or the first option of SOL_IPV6 that is set;
 * one that listens without an address is of both. IPPROTO_IPIP or IPPROTO_IPV6
 * as the third argument says so beforehand: then it is what AF_INET or AF_INET6
 * makes.
 *
 * socket(2) needs no privilege. It fails with
 *
 *	EAFNOSUPPORT	the module is not loaded, nor installed where modprobe finds it;
 *			or IPPROTO_IPV6, and there is no IPv6
 *	ESOCKTNOSUPPORT	another of socket(2)'s types than these two
 *	EPROTONOSUPPORT	a protocol that is neither the type's nor one of those above
 *	EINVAL		a protocol below 0, or of IPPROTO_MAX or more; a type or a flag that
 *			socket(2) does not know
 *	EPERM		a program of its cgroup's (BPF) forbids it, if it says no other error
 *	EACCES		a security module does
 *
 * and, as with AF_INET, where memory or file descriptors run out.
 */
#ifndef _UAPI_LINUX_YOKE_H
#define _UAPI_LINUX_YOKE_H

/*
 * The socket family: the number of AF_ASH, which Linux never used.
 * The module parameter "family" chooses another one, which programs must then be
 * built for.
 */
#define AF_YOKE			18
#define PF_YOKE			AF_YOKE

/*
 * IP protocol numbers, the two that RFC 3692 keeps for experiments. The module
 * parameters "stream_proto" and "dgram_proto" choose others, from 1 to 254, which
 * nobody else in this kernel has. They may be given as socket()'s third argument;
 * 0 there means the same.
 */
#define IPPROTO_YOKE_STREAM	253	/* header and options of TCP, RFC 9293 */
#define IPPROTO_YOKE_DGRAM	254	/* header of UDP, RFC 768 */

#endif /* _UAPI_LINUX_YOKE_H */
