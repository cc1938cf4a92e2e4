/* SPDX-License-Identifier: GPL-2.0 */
/* A full receive buffer is made to hold what was promised. */
#ifndef YOKE_COLLAPSE_H
#define YOKE_COLLAPSE_H

#include "conn.h"

/*
 * The receive buffer is full, though the peer kept to its window: room is made without losing
 * anything, if that is possible. Socket lock held.
 */
void yoke_collapse_rcv(struct sock *sk);

#endif
