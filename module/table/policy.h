/* SPDX-License-Identifier: GPL-2.0 */
/* IPsec's policies of sockets that nobody created by a call. */
#ifndef YOKE_POLICY_H
#define YOKE_POLICY_H

#include <net/sock.h>

/*
 * What IPsec is to do with @sk's packets (IP_XFRM_POLICY, IPV6_XFRM_POLICY) it does with those of @child,
 * which is new and nobody else's yet. 0 or -ENOBUFS. Under RCU.
 */
int yoke_policy_inherit(struct sock *child, const struct sock *sk);

#endif
