/* SPDX-License-Identifier: GPL-2.0 */
/* What happens when a connection's timer fires. */
#ifndef YOKE_TIMER_H
#define YOKE_TIMER_H

#include "conn.h"

/* Sets up sk_timer of a new socket. */
void yoke_timer_init(struct sock *sk);
/* proto.release_cb: runs what a softirq left because a user held the lock. */
void yoke_timer_release(struct sock *sk);
/* A router has no way for the segment @seq (RFC 6069). Socket locked and not owned, BH off. */
void yoke_timer_no_way(struct sock *sk, u32 seq);
/* SO_KEEPALIVE changed. Socket locked. */
void yoke_timer_keepalive(struct sock *sk, bool on);

#endif
