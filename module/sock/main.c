// SPDX-License-Identifier: GPL-2.0
/*
 * The module: its parameters, socket(2), what comes and goes with a network
 * namespace, load and unload.
 *
 * Whatever makes Yoke reachable is registered last and taken away first:
 * socket(2) by the family number, packets by the IP protocol numbers. A
 * live socket holds the module, so that unload meets TIME-WAITs at most.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bpf-cgroup.h>
#include <linux/module.h>
#include <linux/yoke.h>
#include "../engine/addr.h"
#include "../engine/dgram.h"
#include "../engine/fastopen.h"
#include "../engine/request.h"
#include "../engine/pace.h"
#include "../engine/pages.h"
#include "../engine/timewait.h"
#include "../ip/ip6.h"
#include "../ip/offload.h"
#include "../ip/shortcut.h"
#include "../table/cc_table.h"
#include "../table/mem.h"
#include "../table/spare.h"
#include "dgram.h"
#include "diag.h"
#include "sockopt.h"
#include "stream.h"
#include "sysctl.h"

static int family = PF_YOKE;
module_param(family, int, 0444);
MODULE_PARM_DESC(family, "socket family number (18)");

module_param_named(stream_proto, yoke_stream_protocol, byte, 0444);
MODULE_PARM_DESC(stream_proto, "IP protocol number of the stream type (253)");

module_param_named(dgram_proto, yoke_dgram_protocol, byte, 0444);
MODULE_PARM_DESC(dgram_proto, "IP protocol number of the datagram type (254)");

static int main_create(struct net *net, struct socket *sock, int protocol, int kern)
{
	const struct proto_ops *ops;
	sa_family_t addresses = AF_UNSPEC;
	struct proto *prot;
	struct sock *sk;
	u8 number;
	int err;

	if (protocol < 0 || protocol >= IPPROTO_MAX)
		return -EINVAL;
	switch (sock->type) {
	case SOCK_STREAM:
		ops = &yoke_stream_ops;
		prot = &yoke_stream_proto;
		number = yoke_stream_protocol;
		yoke_sockopt_stream_init(sock);
		break;
	case SOCK_DGRAM:
		ops = &yoke_dgram_ops;
		prot = &yoke_dgram_proto;
		number = yoke_dgram_protocol;
		/* For io_uring: that all was copied it tells by itself. */
		set_bit(SOCK_SUPPORT_ZC, &sock->flags);
		break;
	default:
		return -ESOCKTNOSUPPORT;
	}
	/* The family of its addresses: the one of the first of them, or AF_INET's or AF_INET6's. */
	if (protocol == IPPROTO_IPV6)
		addresses = AF_INET6;
	else if (protocol == IPPROTO_IPIP)
		addresses = AF_INET;
	else if (protocol && protocol != number)
		return -EPROTONOSUPPORT;

	/*
	 * The generic code behind IP options, error queues and BPF wants an address family it knows
	 * (MPTCP does the same).
	 */
	sk = sk_alloc(net, PF_INET, GFP_KERNEL, prot, kern);
	if (!sk)
		return -ENOBUFS;
	sock->ops = ops;
	sock_init_data(sock, sk);
	sk->sk_protocol = number;
	sk->sk_txrehash = READ_ONCE(net->core.sysctl_txrehash);
	err = addresses ? yoke_addr_choose(sk, addresses) : 0;
	if (!err)
		err = prot->init(sk);
	if (err) {
		sock_orphan(sk);
		sock->sk = NULL;
		sock_put(sk);
		return err;
	}
	/* A cgroup's program may forbid it, or bind it to a device ("ip vrf exec"). */
	if (!kern)
		err = BPF_CGROUP_RUN_PROG_INET_SOCK(sk);
	if (err) {
		prot->close(sk, 0);
		sock->sk = NULL;
	}
	return err;
}

static struct net_proto_family yoke_main_family = {
	.create	= main_create,
	.owner	= THIS_MODULE,
};

static int __net_init main_init_net(struct net *net)
{
	int err;

	err = yoke_net_init(net);
	if (err)
		goto err_net;
	yoke_cc_table_init_net(net);
	yoke_fastopen_init_net(yoke_net(net));
	err = yoke_dgram_init_net(yoke_net(net));
	if (err)
		goto err_dgram;
	err = yoke_sysctl_init_net(net);
	if (err)
		goto err_sysctl;
	err = yoke_diag_init_net(net);
	if (err)
		goto err_diag;
	return 0;

err_diag:
	yoke_sysctl_exit_net(net);
err_sysctl:
	yoke_dgram_exit_net(yoke_net(net));
err_dgram:
	yoke_cc_table_exit_net(net);
	yoke_fastopen_exit_net(yoke_net(net));
	yoke_net_exit(net);
err_net:
	return err;
}

static void main_end(struct sock *sk)
{
	lock_sock(sk);
	local_bh_disable();
	if (sk->sk_state != TCP_CLOSE)
		yoke_conn_abort(sk, ECONNABORTED);
	local_bh_enable();
	release_sock(sk);
	sk_stop_timer_sync(sk, &sk->sk_timer);
}

/*
 * Ends what it meets of a dying namespace's TIME-WAITs and connections, or only of @orphans, in one walk:
 * to begin anew for each would be to pass the empty places of all before it. True if the walk had to
 * rest: who follows one that was taken out meanwhile may have been passed over.
 */
static bool main_sweep(struct yoke_hash *hash, bool orphans)
{
	bool rested = false, ended = false;
	struct rhashtable_iter iter;
	struct yoke_node *node;

	rhashtable_walk_enter(&hash->table, &iter);
	rhashtable_walk_start(&iter);
	while ((node = rhashtable_walk_next(&iter))) {
		struct sock *sk = NULL;

		if (IS_ERR(node))
			continue;	/* the table is being resized: the walk began anew */
		if (node->kind == YOKE_TIMEWAIT) {
			yoke_timewait_kill(container_of(node, struct yoke_timewait, node));
			ended = true;
		} else if (node->kind == YOKE_CONN &&
			   (!orphans || sock_flag(yoke_node_sk(node), SOCK_DEAD)) &&
			   refcount_inc_not_zero(&yoke_node_sk(node)->sk_refcnt)) {
			sk = yoke_node_sk(node);
		}
		/* Not when it has ended nothing: the last walk passes nobody over. */
		if (!sk && !(ended && need_resched()))
			continue;
		rhashtable_walk_stop(&iter);
		if (sk) {
			main_end(sk);
			sock_put(sk);
		}
		cond_resched();
		rested = true;
		ended = false;
		rhashtable_walk_start(&iter);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	return rested;
}

/* Programs have closed their sockets, or the namespace would live; what they left behind ends here. */
static void main_kill(struct net *net, bool orphans)
{
	while (main_sweep(&yoke_net(net)->stream, orphans))
		;
}

/*
 * Nothing is received any more: the devices go next, after a grace period. What connections have in
 * their queues others wait for, who were loaded after us and so exit before us (conntrack). What the
 * kernel's own users have open they close in their exits.
 */
static void __net_exit main_pre_exit(struct net *net)
{
	WRITE_ONCE(yoke_net(net)->dying, true);
	main_kill(net, true);
}

static void __net_exit main_exit_nets(struct list_head *nets)
{
	struct net *net;

	list_for_each_entry(net, nets, exit_list) {
		yoke_diag_exit_net(net);
		yoke_sysctl_exit_net(net);
		/* What a packet that was under way at the first time has made since. */
		main_kill(net, false);
	}
	/*
	 * A timer or packet that was ending a connection, already out of the table, has finished
	 * with the namespace.
	 */
	synchronize_net();
	yoke_shortcut_flush();
	list_for_each_entry(net, nets, exit_list) {
		yoke_dgram_exit_net(yoke_net(net));
		yoke_cc_table_exit_net(net);
		yoke_fastopen_exit_net(yoke_net(net));
		yoke_net_exit(net);
	}
}

static struct pernet_operations yoke_main_net_ops = {
	.init		= main_init_net,
	.pre_exit	= main_pre_exit,
	.exit_batch	= main_exit_nets,
	.id		= &yoke_net_id,
	.size		= sizeof(struct yoke_net),
};

static int __init main_check_parameters(void)
{
	if (family <= 0 || family >= NPROTO) {
		pr_err("family %d is not between 1 and %d\n", family, NPROTO - 1);
		return -EINVAL;
	}
	if (!yoke_stream_protocol || yoke_stream_protocol == IPPROTO_RAW ||
	    !yoke_dgram_protocol || yoke_dgram_protocol == IPPROTO_RAW) {
		pr_err("stream_proto and dgram_proto must be between 1 and 254\n");
		return -EINVAL;
	}
	if (yoke_stream_protocol == yoke_dgram_protocol) {
		pr_err("stream_proto and dgram_proto are both %u; they must differ\n",
		       yoke_stream_protocol);
		return -EINVAL;
	}
	return 0;
}

static int __init main_register_family(void)
{
	int err;

	yoke_main_family.family = family;
	err = sock_register(&yoke_main_family);
	if (err == -EEXIST)
		pr_err("family %d is already registered; load with family=N\n", family);
	return err;
}

static int __init main_init(void)
{
	int err;

	err = main_check_parameters();
	if (err)
		return err;
	err = yoke_mem_init();
	if (err)
		goto err_mem;
	err = yoke_pages_init();
	if (err)
		goto err_pages;
	err = yoke_cc_table_init();
	if (err)
		goto err_cc;
	err = yoke_request_init();
	if (err)
		goto err_request;
	err = yoke_timewait_init();
	if (err)
		goto err_timewait;
	yoke_pace_init();
	yoke_stream_proto.per_cpu_fw_alloc = yoke_mem_fw_alloc;
	yoke_dgram_proto.per_cpu_fw_alloc = yoke_mem_dgram_fw_alloc;
	err = proto_register(&yoke_stream_proto, 1);
	if (err)
		goto err_stream;
	err = proto_register(&yoke_dgram_proto, 1);
	if (err)
		goto err_dgram;
	err = register_pernet_subsys(&yoke_main_net_ops);
	if (err)
		goto err_nets;
	err = yoke_offload_init();
	if (err)
		goto err_offload;
	err = yoke_ip4_init();
	if (err)
		goto err_ip4;
	err = yoke_ip6_init();
	if (err)
		goto err_ip6;
	err = main_register_family();
	if (err)
		goto err_family;
	return 0;

err_family:
	yoke_ip6_exit();
err_ip6:
	yoke_ip4_exit();
err_ip4:
	yoke_offload_exit();
err_offload:
	unregister_pernet_subsys(&yoke_main_net_ops);
err_nets:
	rcu_barrier();
	proto_unregister(&yoke_dgram_proto);
err_dgram:
	proto_unregister(&yoke_stream_proto);
err_stream:
	yoke_pace_exit();
	yoke_shortcut_exit();
	yoke_timewait_exit();
err_timewait:
	yoke_request_exit();
err_request:
	yoke_cc_table_exit();
err_cc:
	yoke_pages_exit();
err_pages:
	yoke_mem_exit();
err_mem:
	yoke_spare_exit();
	return err;
}

static void __exit main_exit(void)
{
	sock_unregister(family);
	yoke_ip6_exit();
	yoke_ip4_exit();
	yoke_offload_exit();
	unregister_pernet_subsys(&yoke_main_net_ops);
	/*
	 * Sockets, requests and TIME-WAITs are freed after a grace period,
	 * by our code into our caches.
	 */
	rcu_barrier();
	proto_unregister(&yoke_dgram_proto);
	proto_unregister(&yoke_stream_proto);
	yoke_pace_exit();
	yoke_shortcut_exit();
	yoke_timewait_exit();
	yoke_request_exit();
	yoke_cc_table_exit();
	yoke_pages_exit();
	yoke_mem_exit();
	yoke_spare_exit();
}

module_init(main_init);
module_exit(main_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Yoke, a TCP-class transport in a socket family of its own");
MODULE_ALIAS_NETPROTO(PF_YOKE);
