/* SPDX-License-Identifier: GPL-2.0 */
/* Pages for what programs write. */
#ifndef YOKE_PAGES_H
#define YOKE_PAGES_H

#include <net/sock.h>

/*
 * The fragment that @sk writes into, with room for some bytes at least, which the caller counts into
 * .offset. Socket lock held, process context. NULL: there is no memory, and @sk is told to wait.
 */
struct page_frag *yoke_pages_get(struct sock *sk);
/* 0, or -ENOMEM. */
int yoke_pages_init(void);
/* Nobody writes any more. */
void yoke_pages_exit(void);

#endif
