/* SPDX-License-Identifier: GPL-2.0 */
/* Opening and closing a stream socket: the calls of struct proto_ops and struct proto. */
#ifndef YOKE_OPEN_H
#define YOKE_OPEN_H

#include "../engine/conn.h"

/*
 * proto_ops.connect, takes the socket lock. 0: the handshake is over, or waits for data (Fast Open), or
 * @uaddr was AF_UNSPEC, and the socket is CLOSED again. -EINPROGRESS and -EALREADY with O_NONBLOCK or
 * after SO_SNDTIMEO; -EISCONN, -EINVAL, -EAFNOSUPPORT; -EPERM, a cgroup's program; what the route and the
 * port say (-ENETUNREACH, -EADDRNOTAVAIL …); how the attempt ended (-ECONNREFUSED, -ETIMEDOUT …); a
 * signal's, if one ended the wait; -EPIPE, if another thread did, by AF_UNSPEC.
 */
int yoke_open_connect(struct socket *sock, yoke_sockaddr *uaddr, int len, int flags);
/*
 * The first half of a connect() whose SYN waits for data (Fast Open), and the second, when it has
 * left: waits as connect() does, or if it may not and has to, gives @err. 0 or -errno; -EALREADY:
 * it has left before. Socket locked.
 */
int yoke_open_defer(struct socket *sock, yoke_sockaddr *uaddr, int len);
int yoke_open_finish(struct socket *sock, int flags, int err);
/*
 * proto_ops.listen, takes the socket lock: on a port of its own choice if bind(2) chose none; once more
 * it only changes the backlog. 0, -EINVAL (there is a connection), -EADDRINUSE, -ENOBUFS, -ENOMEM.
 */
int yoke_open_listen(struct socket *sock, int backlog);
/* proto_ops.accept, takes the socket lock. 0, -EINVAL (not listening), -EAGAIN, or a signal's. */
int yoke_open_accept(struct socket *sock, struct socket *newsock, struct proto_accept_arg *arg);
/*
 * proto.get_port: port @num, or any if it is 0, for the address that bind(2) has set. 0,
 * -EADDRINUSE, -ENOMEM. proto.put_port gives it back. Socket locked.
 */
int yoke_open_get_port(struct sock *sk, unsigned short num);
void yoke_open_put_port(struct sock *sk);
/* proto.disconnect: RFC 9293's ABORT; the socket may be opened again. Always 0. Socket locked. */
int yoke_open_disconnect(struct sock *sk, int flags);
/* proto.shutdown, socket locked, and proto.close, from inet_shutdown() and inet_release(). */
void yoke_open_shutdown(struct sock *sk, int how);
void yoke_open_close(struct sock *sk, long timeout);

#endif
