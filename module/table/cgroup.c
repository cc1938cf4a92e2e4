// SPDX-License-Identifier: GPL-2.0
/*
 * The cgroups of accepted sockets: sk_alloc() with BH off knows none, and gives the root.
 *
 * As with TCP the cgroup, by whose filters and classes packets go, is the listener's, and the memory
 * is charged to who accepts. What TCP calls for this is not exported; it is made of parts that are.
 * Owns: sk_cgrp_data and sk_memcg of accepted sockets, each set once.
 */
#include <linux/cgroup.h>
#include <linux/memcontrol.h>
#include "cgroup.h"

/* With BH off, but in no softirq, memory has a cgroup: that of the task, a peer or anybody. */
static void cgroup_forget_memory(struct sock *sk)
{
#ifdef CONFIG_MEMCG
	if (likely(!sk->sk_memcg))
		return;
	css_put(&sk->sk_memcg->css);
	sk->sk_memcg = NULL;
#endif
}

#ifdef CONFIG_SOCK_CGROUP_DATA
void yoke_cgroup_inherit(struct sock *child, struct sock *sk)
{
	struct cgroup *old = sock_cgroup_ptr(&child->sk_cgrp_data);
	struct cgroup *new = sock_cgroup_ptr(&sk->sk_cgrp_data);

	cgroup_forget_memory(child);
	/* It may be dying already, but our listener holds it. */
	css_get(&new->self);
	cgroup_bpf_get(new);
	child->sk_cgrp_data = sk->sk_cgrp_data;
	cgroup_bpf_put(old);
	css_put(&old->self);
}
#else
void yoke_cgroup_inherit(struct sock *child, struct sock *sk)
{
	cgroup_forget_memory(child);
}
#endif

#ifdef CONFIG_MEMCG
/* The caller's, with a reference; NULL if it is the root, or charges no sockets (cgroup v1). */
static struct mem_cgroup *cgroup_caller(void)
{
	struct mem_cgroup *memcg;

	rcu_read_lock();
	memcg = mem_cgroup_from_task(current);
	if (!cgroup_subsys_on_dfl(memory_cgrp_subsys) || !parent_mem_cgroup(memcg) ||
	    !css_tryget(&memcg->css))
		memcg = NULL;
	rcu_read_unlock();
	return memcg;
}

void yoke_cgroup_charge(struct sock *sk)
{
	int bytes = sk->sk_forward_alloc + sk_rmem_alloc_get(sk) + sk->sk_wmem_queued;
	struct mem_cgroup *memcg;

	if (!mem_cgroup_sockets_enabled || sk->sk_memcg)
		return;
	memcg = cgroup_caller();
	if (!memcg)
		return;
	/* What it has it gets once more, in the cgroup, and gives back outside of it. */
	sk->sk_memcg = memcg;
	if (!bytes)
		return;
	if (__sk_mem_schedule(sk, bytes, SK_MEM_RECV)) {
		sk->sk_memcg = NULL;
		__sk_mem_reclaim(sk, bytes);
		sk->sk_memcg = memcg;
	} else {
		sk->sk_memcg = NULL;
		css_put(&memcg->css);
	}
}
#else
void yoke_cgroup_charge(struct sock *sk)
{
}
#endif
