/* SPDX-License-Identifier: GPL-2.0 */
/* The carrier IPv4: from the engine to IP, and back. */
#ifndef YOKE_IP4_H
#define YOKE_IP4_H

#include "../engine/af.h"

extern const struct yoke_af_ops yoke_ip4;

/* From now on IP hands us the packets of our two protocol numbers. */
int yoke_ip4_init(void);
/* Nothing of ours runs in the receive path any more when this returns. */
void yoke_ip4_exit(void);

#endif
