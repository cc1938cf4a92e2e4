/* SPDX-License-Identifier: GPL-2.0 */
/* Fast Open (RFC 7413): data in the SYN for those who have shown a cookie. */
#ifndef YOKE_FASTOPEN_H
#define YOKE_FASTOPEN_H

#include "ack.h"

#define YOKE_FASTOPEN_KEY	16	/* bytes of a key */

enum {				/* bits of net.yoke.fastopen, TCP's */
	YOKE_FASTOPEN_CLIENT = 0x1,
	YOKE_FASTOPEN_SERVER = 0x2,
	YOKE_FASTOPEN_CLIENT_NO_COOKIE = 0x4,
	YOKE_FASTOPEN_SERVER_NO_COOKIE = 0x200,
	YOKE_FASTOPEN_ALL_LISTENERS = 0x400,
};

void yoke_fastopen_init_net(struct yoke_net *yn);
void yoke_fastopen_exit_net(struct yoke_net *yn);

/* --- keys: those of @sk, or with NULL of @net; process context --- */

/* One or two keys, one behind the other. @sk has a listener. */
void yoke_fastopen_set_keys(struct net *net, struct sock *sk, const u8 *keys, int n);
/* Returns how many there are. */
int yoke_fastopen_get_keys(struct net *net, struct sock *sk, u8 *keys);

/* --- the active side: socket locked --- */

/*
 * May @sk's SYN carry data? *@cookie is what the SYN shall say then, of length 0 if it asks for a
 * cookie; *@option: it says so at all. *@mss: what the server takes, or 0.
 */
bool yoke_fastopen_client(struct sock *sk, struct yoke_opt_cookie *cookie, bool *option, u16 *mss);
/* The SYN-ACK @s may bring a cookie. */
void yoke_fastopen_learn(struct sock *sk, const struct yoke_segment *s);

/*
 * Does something on the path swallow what has to do with Fast Open? After each failure that looks so
 * no SYN of the namespace does for net.yoke.fastopen_blackhole_timeout_sec, and twice as long
 * after the next, up to 64 times.
 */
void yoke_fastopen_pause(struct sock *sk);
/* The program closes @sk: what has arrived says whether it was such a failure, or none. */
void yoke_fastopen_judge_path(struct sock *sk);
/* Forgets the failures. */
void yoke_fastopen_resume(struct net *net);

/* --- the passive side --- */

/* TCP_FASTOPEN: so many may be pending; the namespace gets a key if it has none. */
void yoke_fastopen_allow(struct sock *sk, int most);
/*
 * May the SYN @s for the listener @sk open its connection at once? @trusted: by its route it may do so
 * without a cookie. *@answer is what its SYN-ACK shall say (has_cookie, and the cookie). Softirq.
 */
bool yoke_fastopen_judge(struct sock *sk, const struct yoke_pair *pair, bool trusted,
			 const struct yoke_segment *s, struct yoke_opt *answer);
/* @child, locked and just put into SYN-RECEIVED, counts as pending until it leaves that state. */
void yoke_fastopen_begin(struct sock *child, struct sock *sk);

#endif
