// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets and control groups: accepted ones have their listener's filters, and memory that is charged to
 * who accepts; a group's programs have a say in who calls, binds and sends, and where to.
 */
#include "yoke_test.h"
#include <linux/bpf.h>
#include <netinet/udp.h>
#include <sys/mount.h>

#define SIZE	60000

FIXTURE(cgroup) {
	char	root[32];
	char	ours[40];
};

FIXTURE_VARIANT(cgroup) {
	bool early;
};

FIXTURE_VARIANT_ADD(cgroup, data_before_accept) { .early = true };
FIXTURE_VARIANT_ADD(cgroup, data_after_accept) { .early = false };

static bool write_to(const char *dir, const char *name, const char *text)
{
	char path[80];
	bool done;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) > 0;
	close(fd);
	return done;
}

#define join(dir) ASSERT_TRUE(write_to(dir, "cgroup.procs", "0"))

/* A group beside the root's, in which we are not. */
FIXTURE_SETUP(cgroup)
{
	strcpy(self->root, "/tmp/cgroup.XXXXXX");
	ASSERT_TRUE(mkdtemp(self->root));
	if (mount("none", self->root, "cgroup2", 0, NULL))
		SKIP(return, "no cgroup2");
	snprintf(self->ours, sizeof(self->ours), "%s/yoke", self->root);
	if (!write_to(self->root, "cgroup.subtree_control", "+memory"))
		SKIP(return, "no memory controller");
	ASSERT_EQ(0, mkdir(self->ours, 0755));
}

FIXTURE_TEARDOWN(cgroup)
{
	write_to(self->root, "cgroup.procs", "0");
	rmdir(self->ours);
	umount2(self->root, MNT_DETACH);
	rmdir(self->root);
}

/* A program that makes the port of an address @port, if that is not 0, and says yes or no. */
static int load_program(int type, int where, int port, bool yes)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = htons(port) },
		{ .code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_2,
		  .off = offsetof(struct bpf_sock_addr, user_port) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = yes },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int first = port ? 0 : 2;
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = where,
		.insns = (unsigned long)(insns + first),
		.insn_cnt = ARRAY_SIZE(insns) - first,
		.license = (unsigned long)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int load_filter(int type, int where)
{
	return load_program(type, where, 0, false);
}

static int filter(int cmd, const char *dir, int prog, int where)
{
	int fd = must(open(dir, O_RDONLY | O_CLOEXEC)), err;
	union bpf_attr attr = {
		.target_fd = fd,
		.attach_bpf_fd = prog,
		.attach_type = where,
	};

	err = syscall(SYS_bpf, cmd, &attr, sizeof(attr));
	close(fd);
	return err;
}

TEST_F(cgroup, filter_of_the_listener)
{
	int prog = load_filter(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS), listening;
	struct pollfd poll_a;
	struct pair p;

	if (prog < 0)
		SKIP(return, "no BPF: %s", err_name(errno));
	join(self->ours);
	listening = listener(LOOPBACK, 0, 1);
	join(self->root);
	p = pair_through(listening, LOOPBACK);
	ASSERT_EQ(0, filter(BPF_PROG_ATTACH, self->ours, prog, BPF_CGROUP_INET_EGRESS));
	must(send(p.b, "x", 1, 0));
	poll_a = (struct pollfd) { .fd = p.a, .events = POLLIN };
	EXPECT_EQ(0, poll(&poll_a, 1, 300));
	ASSERT_EQ(0, filter(BPF_PROG_DETACH, self->ours, prog, BPF_CGROUP_INET_EGRESS));
	EXPECT_TRUE(arrived(p.a, 1));
	close(p.a);
	close(p.b);
	close(listening);
}

TEST_F(cgroup, who_may_have_a_socket)
{
	int prog = load_filter(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE);

	if (prog < 0)
		SKIP(return, "no BPF: %s", err_name(errno));
	ASSERT_EQ(0, filter(BPF_PROG_ATTACH, self->ours, prog, BPF_CGROUP_INET_SOCK_CREATE));
	join(self->ours);
	EXPECT_ERR(EPERM, socket(family(), SOCK_STREAM, 0));
	EXPECT_ERR(EPERM, socket(family(), SOCK_DGRAM, 0));
	join(self->root);
	ASSERT_EQ(0, filter(BPF_PROG_DETACH, self->ours, prog, BPF_CGROUP_INET_SOCK_CREATE));
	must(close(must(socket(family(), SOCK_STREAM, 0))));
}

/* What is done to a socket of the group, which programs that are attached to @where are asked about. */
#define asked(prog, where, call) ({							\
	int program = must(prog), told;							\
											\
	must(filter(BPF_PROG_ATTACH, self->ours, program, where));			\
	told = (call) < 0 ? errno : 0;							\
	must(filter(BPF_PROG_DETACH, self->ours, program, where));			\
	close(program);									\
	told;										\
})

#define no(where) load_filter(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, where)
#define instead(where, port) load_program(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, where, port, true)
#define either(name) (ipv6() ? BPF_CGROUP_INET6_##name : BPF_CGROUP_INET4_##name)
#define either_udp(name) (ipv6() ? BPF_CGROUP_UDP6_##name : BPF_CGROUP_UDP4_##name)

static bool have_programs(int where)
{
	int prog = no(where);

	if (prog >= 0)
		close(prog);
	return prog >= 0;
}

/* A socket of the group. */
static int of_group(const FIXTURE_DATA(cgroup) *self, int type)
{
	int fd;

	must_hold(write_to(self->ours, "cgroup.procs", "0"));
	fd = of_type(type);
	must_hold(write_to(self->root, "cgroup.procs", "0"));
	return fd;
}

/* A SYN that the group's filter throws away is lost as on the wire. */
TEST_F(cgroup, filter_of_who_connects)
{
	int prog = load_filter(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS);
	int listening = listener(LOOPBACK, 0, 1), fd = of_group(self, SOCK_STREAM);

	if (prog < 0)
		SKIP(return, "no BPF: %s", err_name(errno));
	set_nonblock(fd, true);
	ASSERT_EQ(0, filter(BPF_PROG_ATTACH, self->ours, prog, BPF_CGROUP_INET_EGRESS));
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, local_port(listening)));
	ASSERT_EQ(0, filter(BPF_PROG_DETACH, self->ours, prog, BPF_CGROUP_INET_EGRESS));
	EXPECT_EQ(POLLOUT, wait_events(fd, POLLOUT));
	close(fd);
	close(listening);
}

/* And so is a SYN-ACK: it is its listener's. */
TEST_F(cgroup, filter_of_who_listens)
{
	int prog = load_filter(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS);
	int listening, fd = of_type(SOCK_STREAM);
	struct pollfd opened = { .fd = fd, .events = POLLOUT };

	if (prog < 0)
		SKIP(return, "no BPF: %s", err_name(errno));
	join(self->ours);
	listening = listener(LOOPBACK, 0, 1);
	join(self->root);
	set_nonblock(fd, true);
	ASSERT_EQ(0, filter(BPF_PROG_ATTACH, self->ours, prog, BPF_CGROUP_INET_EGRESS));
	EXPECT_ERR(EINPROGRESS, connect_to(fd, LOOPBACK, local_port(listening)));
	EXPECT_EQ(0, poll(&opened, 1, 300));
	ASSERT_EQ(0, filter(BPF_PROG_DETACH, self->ours, prog, BPF_CGROUP_INET_EGRESS));
	EXPECT_EQ(POLLOUT, wait_events(fd, POLLOUT));
	close(fd);
	close(listening);
}

TEST_F(cgroup, connect_is_asked)
{
	int to[] = { listener(LOOPBACK, 0, 5), bound(SOCK_DGRAM, LOOPBACK, 0) }, fd, where = either(CONNECT);

	if (!have_programs(where))
		SKIP(return, "no BPF: %s", err_name(errno));
	for (int i = 0; i < 2; i++) {
		int type = i ? SOCK_DGRAM : SOCK_STREAM, port = local_port(to[i]);

		fd = of_group(self, type);
		EXPECT_EQ(EPERM, asked(no(where), where, connect_to(fd, LOOPBACK, port)));
		/* And the socket is as it was; another address is taken. */
		EXPECT_EQ(0, asked(instead(where, port), where, connect_to(fd, LOOPBACK, 1)));
		EXPECT_EQ(port, ntohs(peer(fd).sin_port));
		close(fd);
		/* Who is not in the group is not asked. */
		fd = of_type(type);
		EXPECT_EQ(0, asked(no(where), where, connect_to(fd, LOOPBACK, port)));
		close(fd);
	}
}

TEST_F(cgroup, datagrams_are_asked)
{
	int to = bound(SOCK_DGRAM, LOOPBACK, 0), port = local_port(to), where = either_udp(SENDMSG);
	int fd = of_group(self, SOCK_DGRAM);
	char buf[8];

	if (!have_programs(where))
		SKIP(return, "no BPF: %s", err_name(errno));
	EXPECT_EQ(EPERM, asked(no(where), where, send_to(fd, "x", 1, LOOPBACK, port)));
	EXPECT_EQ(0, asked(instead(where, port), where, send_to(fd, "ab", 2, LOOPBACK, 1)));
	ASSERT_TRUE(wait_events(to, POLLIN));
	EXPECT_EQ(2, recv(to, buf, sizeof(buf), MSG_DONTWAIT));
	/* One that comes in parts is asked about once. */
	must(set_opt(fd, SOL_UDP, UDP_CORK, 1));
	EXPECT_EQ(EPERM, asked(no(where), where, send_to(fd, "x", 1, LOOPBACK, port)));
	EXPECT_EQ(0, asked(instead(where, port), where, send_to(fd, "ab", 2, LOOPBACK, 1)));
	EXPECT_EQ(0, asked(no(where), where, send(fd, "c", 1, 0)));
	must(set_opt(fd, SOL_UDP, UDP_CORK, 0));
	ASSERT_TRUE(wait_events(to, POLLIN));
	EXPECT_EQ(3, recv(to, buf, sizeof(buf), MSG_DONTWAIT));
	/* To its peer it may go: connect(2) was asked. */
	must(connect_to(fd, LOOPBACK, port));
	EXPECT_EQ(0, asked(no(where), where, send(fd, "x", 1, 0)));
	close(fd);
	close(to);
}

TEST_F(cgroup, senders_are_renamed)
{
	int where = either_udp(RECVMSG), fd = of_group(self, SOCK_DGRAM), from = dgram();
	struct sockaddr_in name;
	socklen_t len = sizeof(name);
	char buf[8];

	if (!have_programs(either(CONNECT)))
		SKIP(return, "no BPF: %s", err_name(errno));
	must(bind_to(fd, LOOPBACK, 0));
	must(send_to(from, "x", 1, LOOPBACK, local_port(fd)));
	ASSERT_TRUE(wait_events(fd, POLLIN));
	EXPECT_EQ(0, asked(instead(where, 7), where,
			   recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&name, &len)));
	EXPECT_EQ(7, ntohs(name.sin_port));
	close(fd);
	close(from);
}

/* Those that generic code asks. */
TEST_F(cgroup, names_and_options_are_asked)
{
	int where = either(BIND), after = either(POST_BIND), fd, value;
	socklen_t len = sizeof(value);

	if (!have_programs(where))
		SKIP(return, "no BPF: %s", err_name(errno));
	for (int i = 0; i < 2; i++) {
		fd = of_group(self, i ? SOCK_DGRAM : SOCK_STREAM);
		EXPECT_EQ(EPERM, asked(no(where), where, bind_to(fd, LOOPBACK, 1981)));
		EXPECT_EQ(EPERM, asked(load_filter(BPF_PROG_TYPE_CGROUP_SOCK, after), after,
				       bind_to(fd, LOOPBACK, 1981)));
		EXPECT_EQ(0, asked(instead(where, 1982), where, bind_to(fd, LOOPBACK, 1981)));
		EXPECT_EQ(1982, local_port(fd));
		where = either(GETSOCKNAME);
		EXPECT_EQ(0, asked(instead(where, 7), where, local_port(fd) == 7 ? 0 : -1));
		where = BPF_CGROUP_SETSOCKOPT;
		EXPECT_EQ(EPERM, asked(load_filter(BPF_PROG_TYPE_CGROUP_SOCKOPT, where), where,
				       set_opt(fd, SOL_SOCKET, SO_RCVBUF, 10000)));
		where = BPF_CGROUP_GETSOCKOPT;
		EXPECT_EQ(EPERM, asked(load_filter(BPF_PROG_TYPE_CGROUP_SOCKOPT, where), where,
				       getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &len)));
		where = either(BIND);
		close(fd);
	}
}

/* Bytes of sockets' memory in this group. */
static long sock_memory(const char *dir)
{
	char path[80], line[80];
	long bytes = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/memory.stat", dir);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "sock %ld", &bytes) == 1)
			break;
	if (f)
		fclose(f);
	return bytes;
}

TEST_F(cgroup, memory_of_who_accepts)
{
	static char data[SIZE], got[SIZE];
	int listening = listener(LOOPBACK, 0, 1);
	struct pair p = { .a = connected_to(LOOPBACK, local_port(listening)) };

	if (variant->early)
		must(send(p.a, data, sizeof(data), 0));
	join(self->ours);
	EXPECT_EQ(0, sock_memory(self->ours));
	p.b = must(accept4(listening, NULL, NULL, SOCK_CLOEXEC));
	join(self->root);
	if (!variant->early)
		must(send(p.a, data, sizeof(data), 0));
	ASSERT_TRUE(arrived(p.b, SIZE));
	EXPECT_TRUE(until(sock_memory(self->ours) >= SIZE));
	must(recv(p.b, got, sizeof(got), MSG_WAITALL));
	close(p.a);
	close(p.b);
	EXPECT_TRUE(until(sock_memory(self->ours) == 0));
	close(listening);
}

TEST_HARNESS_MAIN
