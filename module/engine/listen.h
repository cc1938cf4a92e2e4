/* SPDX-License-Identifier: GPL-2.0 */
/* Listeners: what comes to one, or to one of its requests, and the calls on it. */
#ifndef YOKE_LISTEN_H
#define YOKE_LISTEN_H

#include "request.h"

/* Gives @sk what only listeners have, before listen(2) perhaps. 0, -ENOBUFS. Socket locked. */
int yoke_listen_prepare(struct sock *sk);
/*
 * listen(2) on a bound socket: 0, -EADDRINUSE, -ENOBUFS, -ENOMEM. Socket locked. A second call only changes
 * the backlog (the caller does that).
 */
int yoke_listen_start(struct sock *sk);
/* proto.rehash: @sk hears from now on by the device that it has just been bound to. Socket locked. */
void yoke_listen_rebind(struct sock *sk);
/*
 * close(2) or shutdown(2) of a listener: requests vanish, children not yet accepted are reset.
 * Socket locked.
 */
void yoke_listen_stop(struct sock *sk);

/* A segment for a listener (no lock held, RCU), consumed. */
void yoke_listen_rcv(struct sock *sk, struct sk_buff *skb, const struct yoke_rx *rx);
/*
 * A segment for a request (RCU), consumed; but false, and it is left, if the request has just ended
 * or become a connection: look again.
 */
bool yoke_listen_request_rcv(struct net *net, struct yoke_request *req, struct sk_buff *skb,
			     const struct yoke_rx *rx);

#endif
