// SPDX-License-Identifier: GPL-2.0
/*
 * SO_REUSEPORT: listeners that share an address and a port, and their connections.
 */
#include "yoke_test.h"
#include <linux/bpf.h>
#include <linux/filter.h>
#include <netinet/udp.h>

#define LISTENERS	4
#define MANY_CONNECTIONS 64
/* A listener's backlog: all of them, twice over, should one listener be dealt them all. */
#define ROOM		(2 * MANY_CONNECTIONS)

FIXTURE(group) {
	int fd[LISTENERS];
	int port;
};

static int shared(int port)
{
	int fd = stream();

	must(set_opt(fd, SOL_SOCKET, SO_REUSEPORT, 1));
	must(bind_to(fd, LOOPBACK, port));
	must(listen(fd, ROOM));
	set_nonblock(fd, true);
	return fd;
}

FIXTURE_SETUP(group)
{
	int i;

	new_net();
	self->port = 0;
	for (i = 0; i < LISTENERS; i++) {
		self->fd[i] = shared(self->port);
		self->port = local_port(self->fd[i]);
	}
}

FIXTURE_TEARDOWN(group)
{
}

/* Connections that wait for this listener; takes and closes them. */
static int take(int fd)
{
	int n = 0, child;

	while ((child = accept(fd, NULL, NULL)) >= 0) {
		close_hard(child);
		n++;
	}
	return n;
}

static void connect_many(int port)
{
	int i;

	for (i = 0; i < MANY_CONNECTIONS; i++)
		connected_to(LOOPBACK, port);
}

TEST_F(group, all_get_some)
{
	int i, sum = 0;

	connect_many(self->port);
	for (i = 0; i < LISTENERS; i++) {
		int n = take(self->fd[i]);

		/* Of 64 evenly spread ones the chance of none is 1e-8. */
		EXPECT_LT(0, n);
		sum += n;
	}
	EXPECT_EQ(MANY_CONNECTIONS, sum);
}

TEST_F(group, who_goes_leaves_the_rest)
{
	int i, sum = 0;

	/* The first and one in between: neither takes a connection with it, or stands in the way. */
	must(close(self->fd[0]));
	must(close(self->fd[2]));
	connect_many(self->port);
	sum = take(self->fd[1]);
	EXPECT_LT(0, sum);
	sum += take(self->fd[3]);
	EXPECT_EQ(MANY_CONNECTIONS, sum);

	/* Others join, also one that has left and comes back. */
	self->fd[0] = shared(self->port);
	must(shutdown(self->fd[3], SHUT_RD));
	connect_many(self->port);
	must(listen(self->fd[3], ROOM));
	connect_many(self->port);
	for (i = 0, sum = 0; i < LISTENERS; i++)
		if (i != 2)
			sum += take(self->fd[i]);
	EXPECT_EQ(2 * MANY_CONNECTIONS, sum);

	/* And when all have gone nobody is there. */
	must(close(self->fd[0]));
	must(close(self->fd[1]));
	must(close(self->fd[3]));
	EXPECT_ERR(ECONNREFUSED, connect_to(stream(), LOOPBACK, self->port));
}

TEST_F(group, the_table_shows_them_all)
{
	EXPECT_EQ(LISTENERS, count(TCP_LISTEN, self->port));
	must(close(self->fd[1]));
	EXPECT_EQ(LISTENERS - 1, count(TCP_LISTEN, self->port));
}

TEST_F(group, strangers_stay_out)
{
	int fd = stream(), child;

	EXPECT_ERR(EADDRINUSE, bind_to(fd, LOOPBACK, self->port));
	must(set_opt(fd, SOL_SOCKET, SO_REUSEPORT, 1));
	must(seteuid(1234));
	child = stream();
	must(set_opt(child, SOL_SOCKET, SO_REUSEPORT, 1));
	EXPECT_ERR(EADDRINUSE, bind_to(child, LOOPBACK, self->port));
	must(seteuid(0));
	EXPECT_OK(bind_to(fd, LOOPBACK, self->port));
	/* A child is of its listener's kind, and does not keep the port from others. */
	connected_to(LOOPBACK, self->port);
	for (child = -1; child < 0;)
		for (fd = 0; child < 0 && fd < LISTENERS; fd++)
			child = accept(self->fd[fd], NULL, NULL);
	EXPECT_EQ(1, get_opt(child, SOL_SOCKET, SO_REUSEPORT));
	for (fd = 0; fd < LISTENERS; fd++)
		must(close(self->fd[fd]));
	shared(self->port);
}

/* A classic filter that always says `index`. */
static int choose(int fd, unsigned int index)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, index) };
	struct sock_fprog prog = { ARRAY_SIZE(code), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog));
}

TEST_F(group, a_filter_chooses)
{
	unsigned int i;

	for (i = 0; i < LISTENERS; i++) {
		/* Whichever of them it is given to. */
		EXPECT_OK(choose(self->fd[LISTENERS - 1 - i], i));
		connect_many(self->port);
		EXPECT_EQ(MANY_CONNECTIONS, take(self->fd[i]));
	}
	/* There is none of that number: a hash chooses. */
	EXPECT_OK(choose(self->fd[0], LISTENERS));
	connect_many(self->port);
	EXPECT_LT(0, take(self->fd[0]));
	EXPECT_LT(0, take(self->fd[3]));
}

/* The first bytes that a filter sees are those behind the header: a SYN has none. */
TEST_F(group, a_filter_sees_the_data)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 3),
		BPF_STMT(BPF_RET | BPF_K, 2),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };

	must(setsockopt(self->fd[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)));
	connect_many(self->port);
	EXPECT_EQ(MANY_CONNECTIONS, take(self->fd[3]));
}

TEST_F(group, an_ebpf_program_chooses)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (unsigned long)code, .insn_cnt = ARRAY_SIZE(code),
		.license = (unsigned long)"GPL",
	};
	int prog = syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (prog < 0)
		SKIP(return, "no bpf(2): %s", err_name(errno));
	EXPECT_OK(set_opt(self->fd[3], SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, prog));
	connect_many(self->port);
	EXPECT_EQ(MANY_CONNECTIONS, take(self->fd[1]));
	EXPECT_OK(set_opt(self->fd[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0));
	EXPECT_ERR(ENOENT, set_opt(self->fd[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0));
	connect_many(self->port);
	EXPECT_LT(0, take(self->fd[2]));
}

/* Given before there is a group, it is the group's. */
TEST_F(group, a_filter_from_the_start)
{
	int a = stream(), b;

	EXPECT_ERR(EINVAL, choose(a, 1));	/* not shared yet */
	must(set_opt(a, SOL_SOCKET, SO_REUSEPORT, 1));
	EXPECT_OK(choose(a, 1));
	must(bind_to(a, LOOPBACK, 0));
	must(listen(a, ROOM));
	set_nonblock(a, true);
	b = shared(local_port(a));
	connect_many(local_port(a));
	EXPECT_EQ(MANY_CONNECTIONS, take(b));
	EXPECT_EQ(0, take(a));
}

/* Whether a datagram of IPv6 has to have a checksum says who gets it, not who would by the hash. */
TEST_F(group, unsummed_as_the_chosen_one_says)
{
	int fd[2], port = 0, i, out;
	char buf[10];

	if (!ipv6())
		SKIP(return, "IPv6 only");
	for (i = 0; i < 2; i++) {
		fd[i] = dgram();
		must(set_opt(fd[i], SOL_SOCKET, SO_REUSEPORT, 1));
		must(set_opt(fd[i], SOL_UDP, UDP_NO_CHECK6_RX, i));
		must(bind_to(fd[i], LOOPBACK, port));
		port = local_port(fd[i]);
	}
	must(choose(fd[0], 0));
	for (i = 0; i < 32; i++) {
		out = dgram();
		must(set_opt(out, SOL_UDP, UDP_NO_CHECK6_TX, 1));
		must(send_to(out, buf, 1, LOOPBACK, port));
		must(close(out));
	}
	must(send_to(dgram(), buf, 2, LOOPBACK, port));
	EXPECT_EQ(2, recv(fd[0], buf, sizeof(buf), 0));
}

/* ---- SO_INCOMING_CPU ----------------------------------------------------------- */

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(sched_setaffinity(0, sizeof(set), &set));
}

/* On the loopback what is sent is received on the same processor. */
TEST_F(group, the_processor_it_came_in_on)
{
	struct pair p = stream_pair(), d = dgram_pair(), young;
	char c;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one processor");
	for (int cpu = 1; cpu >= 0; cpu--) {
		run_on(cpu);
		young = stream_pair();
		EXPECT_EQ(cpu, get_opt(young.b, SOL_SOCKET, SO_INCOMING_CPU));
		EXPECT_EQ(1, send(p.a, "x", 1, 0));
		EXPECT_EQ(1, recv(p.b, &c, 1, 0));
		EXPECT_EQ(cpu, get_opt(p.b, SOL_SOCKET, SO_INCOMING_CPU));
		EXPECT_EQ(1, send(d.a, "x", 1, 0));
		EXPECT_EQ(1, recv(d.b, &c, 1, 0));
		EXPECT_EQ(cpu, get_opt(d.b, SOL_SOCKET, SO_INCOMING_CPU));
	}
}

/* Without a peer it is what the program has said. */
TEST_F(group, the_processor_that_was_set)
{
	int fd = bound(SOCK_DGRAM, LOOPBACK, 4000), told;
	char c;

	for (told = -1; told < 1; told++) {
		if (told >= 0)
			must(set_opt(fd, SOL_SOCKET, SO_INCOMING_CPU, told));
		run_on(sysconf(_SC_NPROCESSORS_ONLN) - 1);
		must(send_to(dgram(), "x", 1, LOOPBACK, 4000));
		EXPECT_EQ(1, recv(fd, &c, 1, 0));
		EXPECT_EQ(told, get_opt(fd, SOL_SOCKET, SO_INCOMING_CPU));
	}
}

/* Of a group the one of that processor is chosen. */
TEST_F(group, the_listener_of_the_processor)
{
	if (kernel_before(6, 2))
		SKIP(return, "a group does not look at it before Linux 6.2");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one processor");
	for (int i = 0; i < LISTENERS; i++)
		must(set_opt(self->fd[i], SOL_SOCKET, SO_INCOMING_CPU, i));
	for (int cpu = 0; cpu < 2; cpu++) {
		run_on(cpu);
		connect_many(self->port);
		EXPECT_EQ(MANY_CONNECTIONS, take(self->fd[cpu]));
		EXPECT_EQ(0, take(self->fd[!cpu]));
	}
}

TEST_HARNESS_MAIN
