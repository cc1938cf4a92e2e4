/* SPDX-License-Identifier: GPL-2.0 */
/* How large a segment may be. Socket lock held. */
#ifndef YOKE_MSS_H
#define YOKE_MSS_H

#include "conn.h"

#define YOKE_MSS_DEFAULT	536	/* RFC 9293 §3.7.1 */

/* Bytes of headers in front of a data segment's data, SACKs aside. */
static inline unsigned int yoke_mss_headers(const struct yoke_sock *ys)
{
	return ys->af->header_len + ys->options_len + sizeof(struct tcphdr) +
	       (ys->use_ts ? YOKE_TS_SIZE : 0);
}

/*
 * Send MSS from path MTU, the peer's option, TCP_MAXSEG and the options that every segment carries
 * (RFC 9293 MUST-16).
 */
void yoke_mss_sync(struct sock *sk, unsigned int pmtu);
/* The largest packet that route and peer take, in bytes. */
u16 yoke_mss_packet_max(const struct yoke_sock *ys);
/* Packets of full size seem to vanish: smaller ones, and a search for what passes (RFC 4821 §7.7). */
void yoke_mss_black_hole(struct sock *sk);

#endif
