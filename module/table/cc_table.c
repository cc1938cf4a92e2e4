// SPDX-License-Identifier: GPL-2.0
/*
 * The table of congestion control algorithms, the default of each namespace, and who may choose
 * what: as TCP's, whose errors it gives.
 *
 * Writers have the lock, readers RCU. An algorithm is used under a hold on its module, or under
 * RCU: yoke_cc_unregister(), which comes when nobody has a hold, waits for the latter.
 * Softirq for _default(), _clone(), _by_key() and _put(), else process context.
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/jhash.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include "cc_table.h"

/**
 * struct cc_entry - one algorithm in the table
 * @node:	in @entries
 * @ops:	the algorithm
 * @key:	what a route that wants it says: as tcp_register_congestion_control() has it of TCP's
 * @allowed:	everybody may choose it
 */
struct cc_entry {
	struct list_head node;
	const struct yoke_cc_ops *ops;
	u32	key;
	bool	allowed;
};

static LIST_HEAD(entries);
static DEFINE_SPINLOCK(lock);

/* Under RCU or the lock. */
static struct cc_entry *cc_find(const char *name)
{
	struct cc_entry *e;

	list_for_each_entry_rcu(e, &entries, node, lockdep_is_held(&lock))
		if (!strcmp(e->ops->name, name))
			return e;
	return NULL;
}

/* An administrator's word may load it. Under RCU, which it may leave for a while. */
static struct cc_entry *cc_find_or_load(const char *name)
{
	struct cc_entry *e = cc_find(name);

	if (e || !capable(CAP_NET_ADMIN))
		return e;
	rcu_read_unlock();
	request_module("yoke_cc_%s", name);
	rcu_read_lock();
	return cc_find(name);
}

int yoke_cc_register(const struct yoke_cc_ops *ops)
{
	struct cc_entry *e;
	int err = 0;

	if (!ops->name[0] || strnlen(ops->name, YOKE_CC_NAME) == YOKE_CC_NAME ||
	    strchr(ops->name, ' ') || !(ops->ack || ops->control) || !ops->ssthresh)
		return -EINVAL;
	e = kmalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	e->ops = ops;
	e->key = jhash(ops->name, YOKE_CC_NAME, strlen(ops->name));
	e->allowed = ops->flags & YOKE_CC_UNRESTRICTED;
	spin_lock(&lock);
	if (cc_find(ops->name))
		err = -EEXIST;
	else
		list_add_tail_rcu(&e->node, &entries);
	spin_unlock(&lock);
	if (err)
		kfree(e);
	return err;
}
EXPORT_SYMBOL_GPL(yoke_cc_register);

void yoke_cc_unregister(const struct yoke_cc_ops *ops)
{
	struct cc_entry *e;

	spin_lock(&lock);
	e = cc_find(ops->name);
	if (e && e->ops == ops)
		list_del_rcu(&e->node);
	else
		e = NULL;
	spin_unlock(&lock);
	synchronize_rcu();
	kfree(e);
}
EXPORT_SYMBOL_GPL(yoke_cc_unregister);

const struct yoke_cc_ops *yoke_cc_table_clone(const struct net *net, const struct yoke_cc_ops *ops)
{
	return try_module_get(ops->owner) ? ops : yoke_cc_table_default(net);
}

const struct yoke_cc_ops *yoke_cc_table_default(const struct net *net)
{
	const struct yoke_cc_ops *ops;

	rcu_read_lock();
	ops = READ_ONCE(yoke_net(net)->cc);
	if (unlikely(!try_module_get(ops->owner)))
		ops = &yoke_cc_reno;
	rcu_read_unlock();
	return ops;
}

const struct yoke_cc_ops *yoke_cc_table_choose(const struct yoke_cc_ops *ops, const char *name,
					       bool admin)
{
	struct cc_entry *e;

	rcu_read_lock();
	e = cc_find_or_load(name);
	if (!e)
		ops = ERR_PTR(-ENOENT);
	else if (e->ops == ops)
		;
	else if (!READ_ONCE(e->allowed) && !admin)
		ops = ERR_PTR(-EPERM);
	else if (!try_module_get(e->ops->owner))
		ops = ERR_PTR(-EBUSY);
	else
		ops = e->ops;
	rcu_read_unlock();
	return ops;
}

const struct yoke_cc_ops *yoke_cc_table_by_key(u32 key)
{
	const struct yoke_cc_ops *ops = NULL;
	struct cc_entry *e;

	rcu_read_lock();
	list_for_each_entry_rcu(e, &entries, node)
		if (e->key == key && try_module_get(e->ops->owner)) {
			ops = e->ops;
			break;
		}
	rcu_read_unlock();
	return ops;
}

void yoke_cc_table_put(const struct yoke_cc_ops *ops)
{
	module_put(ops->owner);
}

void yoke_cc_table_get_default(const struct net *net, char *name)
{
	rcu_read_lock();
	strscpy_pad(name, READ_ONCE(yoke_net(net)->cc)->name, YOKE_CC_NAME);
	rcu_read_unlock();
}

int yoke_cc_table_set_default(struct net *net, const char *name)
{
	struct cc_entry *e;
	int err = 0;

	rcu_read_lock();
	e = cc_find_or_load(name);
	if (!e) {
		err = -ENOENT;
	} else if (!net_eq(net, &init_net) && !READ_ONCE(e->allowed)) {
		err = -EPERM;
	} else if (!try_module_get(e->ops->owner)) {
		err = -EBUSY;
	} else {
		yoke_cc_table_put(xchg(&yoke_net(net)->cc, e->ops));
		WRITE_ONCE(e->allowed, true);
	}
	rcu_read_unlock();
	return err;
}

void yoke_cc_table_list(char *names, size_t size, bool allowed)
{
	struct cc_entry *e;
	size_t n = 0;

	names[0] = '\0';
	rcu_read_lock();
	list_for_each_entry_rcu(e, &entries, node)
		if (!allowed || READ_ONCE(e->allowed))
			n += scnprintf(names + n, size - n, "%s%s", n ? " " : "", e->ops->name);
	rcu_read_unlock();
}

int yoke_cc_table_allow(char *names)
{
	char *wanted = kstrdup(names, GFP_USER), *rest = names, *name;
	struct cc_entry *e;
	int err = 0;

	if (!wanted)
		return -ENOMEM;
	spin_lock(&lock);
	/* All of them or none. */
	while (!err && (name = strsep(&rest, " ")) && *name)
		err = cc_find(name) ? 0 : -ENOENT;
	if (!err) {
		list_for_each_entry(e, &entries, node)
			WRITE_ONCE(e->allowed, false);
		rest = wanted;
		while ((name = strsep(&rest, " ")) && *name)
			WRITE_ONCE(cc_find(name)->allowed, true);
	}
	spin_unlock(&lock);
	kfree(wanted);
	return err;
}

/* A namespace begins with the first one's default, and that with Linux's. */
void yoke_cc_table_init_net(struct net *net)
{
	yoke_net(net)->cc = net_eq(net, &init_net) ? &yoke_cc_cubic :
						     yoke_cc_table_default(&init_net);
}

void yoke_cc_table_exit_net(struct net *net)
{
	yoke_cc_table_put(yoke_net(net)->cc);
}

int yoke_cc_table_init(void)
{
	const struct yoke_cc_ops *const *ops;
	int err;

	for (ops = yoke_cc_builtin; *ops; ops++) {
		err = yoke_cc_register(*ops);
		if (err) {
			yoke_cc_table_exit();
			return err;
		}
	}
	return 0;
}

/* Modules that have registered one hold us: only our own are left. */
void yoke_cc_table_exit(void)
{
	struct cc_entry *e, *next;

	list_for_each_entry_safe(e, next, &entries, node) {
		list_del(&e->node);
		kfree(e);
	}
}
