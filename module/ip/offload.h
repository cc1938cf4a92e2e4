/* SPDX-License-Identifier: GPL-2.0 */
/* Large buffers are cut in software, where the device will not do it, and made on the way in (GRO). */
#ifndef YOKE_OFFLOAD_H
#define YOKE_OFFLOAD_H

#include <linux/skbuff.h>

/*
 * What our large buffers say they are. TCP, since the header is TCP's: whatever
 * measures them finds its way. And a bit that only software devices (loopback,
 * veth) promise to take, lest a network card that does TCP, and looks for its
 * IP protocol number, is handed one: SCTP's, which nothing looks at once it has
 * seen TCP's bit or another protocol number.
 */
#define YOKE_GSO_MARK	SKB_GSO_SCTP
#define YOKE_GSO_TYPE4	(SKB_GSO_TCPV4 | YOKE_GSO_MARK)
#define YOKE_GSO_TYPE6	(SKB_GSO_TCPV6 | YOKE_GSO_MARK)

int yoke_offload_init(void);
void yoke_offload_exit(void);

#endif
