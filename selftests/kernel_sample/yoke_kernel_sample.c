// SPDX-License-Identifier: GPL-2.0
/*
 * Stream sockets inside the kernel: a server that sends back whatever it gets, and a client that
 * talks to it once while the module loads. Only family= tells which protocol it is: Yoke's, or TCP.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/nsproxy.h>
#include <linux/tcp.h>
#include <linux/yoke.h>
#include <net/net_namespace.h>
#include <net/sock.h>

static int family = AF_YOKE;
module_param(family, int, 0444);
MODULE_PARM_DESC(family, "socket family number");

static ushort port = 1981;
module_param(port, ushort, 0444);
MODULE_PARM_DESC(port, "of the loopback address, where the server listens");

static bool ipv6;
module_param(ipv6, bool, 0444);
MODULE_PARM_DESC(ipv6, "that is ::1, instead of 127.0.0.1");

/* Family and port are in the same place in both. */
union address {
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

static struct socket *listener;
static struct task_struct *server;

static union address server_address(void)
{
	union address addr = { };

	if (ipv6) {
		addr.ipv6.sin6_family = AF_INET6;
		addr.ipv6.sin6_addr = in6addr_loopback;
		addr.ipv6.sin6_port = htons(port);
	} else {
		addr.ipv4.sin_family = AF_INET;
		addr.ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		addr.ipv4.sin_port = htons(port);
	}
	return addr;
}

static int address_len(void)
{
	return ipv6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static int receive(struct socket *sock, void *to, size_t len, int flags)
{
	struct kvec vec = { .iov_base = to, .iov_len = len };
	struct msghdr msg = { };

	return kernel_recvmsg(sock, &msg, &vec, 1, len, flags);
}

static int send_all(struct socket *sock, const void *from, size_t len)
{
	while (len) {
		struct kvec vec = { .iov_base = (void *)from, .iov_len = len };
		struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
		int n = kernel_sendmsg(sock, &msg, &vec, 1, len);

		if (n <= 0)
			return n ?: -EPIPE;
		from += n;
		len -= n;
	}
	return 0;
}

/* --- the server: one connection after the other, until the listener is shut down --- */

static void echo(struct socket *sock)
{
	char *buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	int n;

	while (buf && (n = receive(sock, buf, PAGE_SIZE, 0)) > 0)
		if (send_all(sock, buf, n))
			break;
	kfree(buf);
}

static int serve(void *unused)
{
	struct socket *sock;

	while (!kernel_accept(listener, &sock, 0)) {
		echo(sock);
		kernel_sock_shutdown(sock, SHUT_RDWR);
		sock_release(sock);
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

/* --- the client --- */

static int converse(struct socket *sock)
{
	static const char said[] = "Good evening.";
	union address peer = { };
	char heard[sizeof(said)];
	int err, one = 1;

	err = sock->ops->setsockopt(sock, SOL_TCP, TCP_NODELAY, KERNEL_SOCKPTR(&one), sizeof(one));
	if (err)
		return err;
	err = kernel_getpeername(sock, (struct sockaddr *)&peer);
	if (err < 0)
		return err;
	if (err != address_len() || peer.ipv4.sin_family != (ipv6 ? AF_INET6 : AF_INET) ||
	    peer.ipv4.sin_port != htons(port))
		return -EBADMSG;
	err = send_all(sock, said, sizeof(said));
	if (err)
		return err;
	err = receive(sock, heard, sizeof(heard), MSG_WAITALL);
	if (err != sizeof(heard) || memcmp(heard, said, sizeof(said)))
		return err < 0 ? err : -EBADMSG;
	/* Nothing more comes, and then the end. */
	err = receive(sock, heard, sizeof(heard), MSG_DONTWAIT);
	if (err != -EAGAIN)
		return err < 0 ? err : -EBADMSG;
	err = kernel_sock_shutdown(sock, SHUT_WR);
	if (err)
		return err;
	err = receive(sock, heard, sizeof(heard), 0);
	return err > 0 ? -EBADMSG : err;
}

static int call_server(struct net *net)
{
	union address addr = server_address();
	struct socket *sock;
	int err;

	err = sock_create_kern(net, family, SOCK_STREAM, 0, &sock);
	if (err)
		return err;
	err = kernel_connect(sock, (void *)&addr, address_len(), 0);
	if (!err)
		err = converse(sock);
	sock_release(sock);
	return err;
}

/* --- load and unload --- */

static void stop_server(void)
{
	kernel_sock_shutdown(listener, SHUT_RDWR);
	kthread_stop(server);
	sock_release(listener);
}

static int __init sample_load(void)
{
	struct net *net = current->nsproxy->net_ns;
	union address addr = server_address();
	int err;

	err = sock_create_kern(net, family, SOCK_STREAM, 0, &listener);
	if (err)
		return err;
	err = kernel_bind(listener, (void *)&addr, address_len()) ?: kernel_listen(listener, 8);
	if (err)
		goto err_listener;
	server = kthread_run(serve, NULL, "yoke_kernel_sample");
	if (IS_ERR(server)) {
		err = PTR_ERR(server);
		goto err_listener;
	}
	err = call_server(net);
	if (err)
		stop_server();
	return err;

err_listener:
	sock_release(listener);
	return err;
}

static void __exit sample_unload(void)
{
	stop_server();
}

module_init(sample_load);
module_exit(sample_unload);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Yoke's sample of sockets inside the kernel: an echo server and its client");
