/* SPDX-License-Identifier: GPL-2.0 */
/* net.yoke.*: the settings of a namespace. */
#ifndef YOKE_SYSCTL_H
#define YOKE_SYSCTL_H

#include "../table/net.h"

int yoke_sysctl_init_net(struct net *net);
void yoke_sysctl_exit_net(struct net *net);

#endif
