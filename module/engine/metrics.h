/* SPDX-License-Identifier: GPL-2.0 */
/* What an administrator says of a route (ip-route(8): initcwnd, rto_min …). */
#ifndef YOKE_METRICS_H
#define YOKE_METRICS_H

#include "conn.h"

/* The route of a connection that begins is known. Socket lock held, or nobody else knows @sk. */
void yoke_metrics_take(struct sock *sk);
/* The program has set TCP_RTO_MIN_US or TCP_DELACK_MAX_US. Socket lock held. */
void yoke_metrics_timers(struct sock *sk);
/*
 * Congestion control begins, or begins anew, with the MSS in force; our SYN had to be sent again @tries
 * times.
 */
void yoke_metrics_cc_init(struct sock *sk, u8 tries);

#endif
