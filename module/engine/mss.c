// SPDX-License-Identifier: GPL-2.0
/*
 * How large a segment may be: for the path, for the peer, and for the program.
 *
 * Owns: mss, options_len, pmtu and pmtud of struct yoke_sock.
 * Runs under the socket lock, in process context or BH.
 * RFC 9293 §3.7.1 (MUST-16), RFC 4821 (the search itself is algo/pmtud.c's).
 */
#include "addr.h"
#include "mss.h"

void yoke_mss_sync(struct sock *sk, unsigned int pmtu)
{
	struct yoke_sock *ys = yoke_sk(sk);
	unsigned int least = ys->af->header_len + sizeof(struct tcphdr), mss;

	/* IP sees to it that ICMP says nothing too small; what an administrator says counts. */
	ys->pmtu = clamp_t(unsigned int, pmtu, least, U16_MAX);
	mss = yoke_pmtud_size(&ys->pmtud, ys->pmtu) - least;
	mss = min_t(unsigned int, mss, ys->mss_clamp);
	if (ys->user_mss)
		mss = min_t(unsigned int, mss, ys->user_mss);
	ys->options_len = yoke_addr_options_len(sk, ys->af);
	mss -= min_t(unsigned int, mss, ys->options_len);
	/*
	 * Two segments have to fit into the peer's window, or each would wait for the ACK of the
	 * one before.
	 */
	if (ys->max_window > YOKE_MSS_DEFAULT)
		mss = min_t(unsigned int, mss, ys->max_window / 2);
	/* A smaller one only serves an attacker. */
	mss = max_t(unsigned int, mss, READ_ONCE(yoke_net(sock_net(sk))->set.min_snd_mss));
	if (ys->use_ts)
		mss -= YOKE_TS_SIZE;
	if (mss == ys->mss)
		return;
	ys->mss = mss;
	yoke_cc_set_mss(&ys->cc, mss);
}

u16 yoke_mss_packet_max(const struct yoke_sock *ys)
{
	u32 mss = ys->user_mss ? min(ys->mss_clamp, ys->user_mss) : ys->mss_clamp;

	return min_t(u32, ys->pmtu, mss + ys->af->header_len + sizeof(struct tcphdr));
}

void yoke_mss_black_hole(struct sock *sk)
{
	const struct yoke_settings *set = &yoke_net(sock_net(sk))->set;
	struct yoke_sock *ys = yoke_sk(sk);
	unsigned int headers = yoke_mss_headers(ys);

	yoke_pmtud_black_hole(&ys->pmtud, min_t(u32, READ_ONCE(set->base_mss) + headers, U16_MAX),
			      min_t(u32, READ_ONCE(set->mtu_probe_floor) + headers, U16_MAX),
			      yoke_mss_packet_max(ys), (u32)ktime_get_seconds());
	yoke_mss_sync(sk, ys->pmtu);
}
