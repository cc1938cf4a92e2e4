/* SPDX-License-Identifier: GPL-2.0 */
/* /proc/net/yoke: sockets, ports and counters of a namespace, for everybody to read. */
#ifndef YOKE_DIAG_H
#define YOKE_DIAG_H

#include "../table/net.h"

int yoke_diag_init_net(struct net *net);
void yoke_diag_exit_net(struct net *net);

#endif
