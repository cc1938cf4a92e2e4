/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The congestion control algorithms that can be chosen: Yoke's own and those of other modules. Who
 * has one holds its module.
 */
#ifndef YOKE_CC_TABLE_H
#define YOKE_CC_TABLE_H

#include "../algo/cc.h"
#include "net.h"

#define YOKE_CC_NAMES	1024	/* TCP_CA_BUF_MAX: room for the names of all */

/* What a new socket of @net gets; with a hold. */
const struct yoke_cc_ops *yoke_cc_table_default(const struct net *net);
/* What the child of a socket with @ops, which that socket may change meanwhile, gets. RCU. */
const struct yoke_cc_ops *yoke_cc_table_clone(const struct net *net, const struct yoke_cc_ops *ops);
/*
 * Instead of @ops the one called @name. The same if it has that name, one with a hold if not, or
 * ERR_PTR: -ENOENT, -EPERM (not everybody's, and not @admin), -EBUSY (it is being unloaded).
 */
const struct yoke_cc_ops *yoke_cc_table_choose(const struct yoke_cc_ops *ops, const char *name,
					       bool admin);
/*
 * The one that a route names ("congctl"), which keeps TCP's @key of the name; with a hold. NULL: we
 * have none of that name, or it is being unloaded.
 */
const struct yoke_cc_ops *yoke_cc_table_by_key(u32 key);
void yoke_cc_table_put(const struct yoke_cc_ops *ops);

/* net.yoke.congestion_control */
void yoke_cc_table_get_default(const struct net *net, char *name);
int yoke_cc_table_set_default(struct net *net, const char *name);
/* net.yoke.available_congestion_control or, @allowed, allowed_congestion_control: a line of names. */
void yoke_cc_table_list(char *names, size_t size, bool allowed);
/* Everybody may choose those in @names, which is cut up, and no others. 0 or -errno. */
int yoke_cc_table_allow(char *names);

void yoke_cc_table_init_net(struct net *net);
void yoke_cc_table_exit_net(struct net *net);
int yoke_cc_table_init(void);
void yoke_cc_table_exit(void);

#endif
