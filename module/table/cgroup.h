/* SPDX-License-Identifier: GPL-2.0 */
/* The cgroups of sockets that nobody created by a call. */
#ifndef YOKE_CGROUP_H
#define YOKE_CGROUP_H

#include <net/sock.h>

/* @child, new and nobody else's yet, joins the cgroup of @sk, for its filters and classes. Any context. */
void yoke_cgroup_inherit(struct sock *child, struct sock *sk);
/*
 * The memory of @sk, locked, is from now on that of the caller's memory cgroup, also what it has
 * already; if that is more than the cgroup may have, it stays where it is. Process context.
 */
void yoke_cgroup_charge(struct sock *sk);

#endif
