/* SPDX-License-Identifier: GPL-2.0 */
/* ACK compression: behind a gap, one ACK for many segments. Socket lock held. */
#ifndef YOKE_COMPRESS_H
#define YOKE_COMPRESS_H

#include "conn.h"

/*
 * Something came out of order: may its ACK wait for more of them? Then a timer sends it, if no other
 * ACK has left before.
 */
bool yoke_compress_ack(struct sock *sk);
/* The timer ran out while a program held the lock. */
void yoke_compress_release(struct sock *sk);

#endif
