/* SPDX-License-Identifier: GPL-2.0 */
/* The calls on a stream socket. */
#ifndef YOKE_STREAM_H
#define YOKE_STREAM_H

#include "../engine/conn.h"

extern const struct proto_ops yoke_stream_ops;
/* A child from the accept queue or a fresh socket gets these from socket(2)'s create. */
int yoke_stream_create(struct net *net, struct socket *sock, int kern);

#endif
