// SPDX-License-Identifier: GPL-2.0
/*
 * IPsec's policies of accepted sockets: those that the program set for the listener.
 *
 * As with TCP each has copies of its own. What TCP calls for this is not exported; it is made of parts
 * that are.
 * Owns: sk_policy of accepted sockets, until a program sets it. Softirq under RCU.
 */
#include <net/xfrm.h>
#include "policy.h"

#ifdef CONFIG_XFRM
/* As xfrm_policy.c has its socket policies: of its list it has the reference it was made with. */
static struct xfrm_policy *policy_copy(const struct xfrm_policy *old, int dir)
{
	struct net *net = read_pnet(&old->xp_net);
	struct xfrm_policy *new;

	/* The label that a security module gave it can be copied there only. */
	new = old->security ? NULL : xfrm_policy_alloc(net, GFP_ATOMIC | __GFP_NOWARN);
	if (!new)
		return NULL;
	new->selector = old->selector;
	new->lft = old->lft;
	new->curlft = old->curlft;
	new->mark = old->mark;
	new->if_id = old->if_id;
	new->action = old->action;
	new->flags = old->flags;
	new->index = old->index;
	new->type = old->type;
	new->family = old->family;
	new->xfrm_nr = old->xfrm_nr;
	memcpy(new->xfrm_vec, old->xfrm_vec, old->xfrm_nr * sizeof(*old->xfrm_vec));
	dir += XFRM_POLICY_MAX;
	spin_lock_bh(&net->xfrm.xfrm_policy_lock);
	list_add(&new->walk.all, &net->xfrm.policy_all);
	WRITE_ONCE(net->xfrm.policy_count[dir], net->xfrm.policy_count[dir] + 1);
	spin_unlock_bh(&net->xfrm.xfrm_policy_lock);
	return new;
}

int yoke_policy_inherit(struct sock *child, const struct sock *sk)
{
	const struct xfrm_policy *old;
	struct xfrm_policy *new;
	int dir;

	for (dir = XFRM_POLICY_IN; dir <= XFRM_POLICY_OUT; dir++) {
		old = rcu_dereference(sk->sk_policy[dir]);
		if (likely(!old))
			continue;
		new = policy_copy(old, dir);
		if (!new)
			return -ENOBUFS;
		rcu_assign_pointer(child->sk_policy[dir], new);
	}
	return 0;
}
#else
int yoke_policy_inherit(struct sock *child, const struct sock *sk)
{
	return 0;
}
#endif
