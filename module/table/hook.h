/* SPDX-License-Identifier: GPL-2.0 */
/* The programs (BPF) by which a cgroup has a say in the addresses of its sockets. */
#ifndef YOKE_HOOK_H
#define YOKE_HOOK_H

#include <net/sock.h>
#include "../algo/pair.h"

/*
 * connect(2): may @sk go to @addr, which may become another? 0, or -EPERM or what else the program says;
 * -EINVAL and -EAFNOSUPPORT as TCP's or UDP's. Process context, socket locked.
 */
int yoke_hook_connect(struct sock *sk, yoke_sockaddr *addr, int len);
/*
 * A datagram is to go from and to the addresses of @pair, which both may become others. @named: by an
 * address of its own, and not to the peer, which no program changes. @locked: the socket is. As above;
 * -EINVAL: to no port; -EOPNOTSUPP: an address of IPv6 became one of IPv4. Process context.
 */
int yoke_hook_send(struct sock *sk, struct yoke_pair *pair, bool named, bool locked);
/* @name, where a datagram came from, is told to the program and may become another. Not locked. */
void yoke_hook_receive(struct sock *sk, void *name);

#endif
