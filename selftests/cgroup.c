// SPDX-License-Identifier: GPL-2.0
/*
 * Accepted sockets and control groups: filters are the listener's, memory is charged to who accepts.
 */
#include "yoke_test.h"
#include <linux/bpf.h>
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

/* A program that says no. */
static int load_filter(int type, int where)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = where,
		.insns = (unsigned long)insns,
		.insn_cnt = 2,
		.license = (unsigned long)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
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
