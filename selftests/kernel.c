// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets inside the kernel: a module that is server and client (selftests/kernel_sample), and
 * programs that talk to it.
 */
#include "yoke_test.h"
#include <glob.h>

#define PORT 1981

FIXTURE(kernel) { };

static int unload(void)
{
	return syscall(SYS_delete_module, "yoke_kernel_sample", O_NONBLOCK);
}

/* The one of those built that this kernel takes: 0, or why its client had no success. */
static int load(void)
{
	int err = ENOENT;
	char args[64];
	glob_t found;
	size_t i;

	snprintf(args, sizeof(args), "family=%d port=%d ipv6=%d", family(), PORT, ipv6());
	if (glob("build/*/kernel_sample/yoke_kernel_sample.ko", 0, NULL, &found))
		return ENOENT;
	for (i = 0; i < found.gl_pathc && err; i++) {
		int fd = must(open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC));
		int ret = syscall(SYS_finit_module, fd, args, 0);

		/* One of another kernel's says ENOEXEC: let that not hide what ours said. */
		if (!ret || err == ENOENT || errno != ENOEXEC)
			err = ret ? errno : 0;
		close(fd);
	}
	globfree(&found);
	return err;
}

FIXTURE_SETUP(kernel)
{
	int err;

	new_net();
	err = load();
	if (err == ENOENT)
		SKIP(_exit(255), "no yoke_kernel_sample.ko (make sample)");
	/* Loading it, its client has talked with its server. */
	ASSERT_EQ(0, err) TH_LOG("%s", err_name(err));
}

FIXTURE_TEARDOWN(kernel)
{
	EXPECT_EQ(0, until(unload() == 0 || errno == ENOENT) ? 0 : errno);
}

TEST_F(kernel, it_talks_to_itself)
{
	EXPECT_EQ(1, count(TCP_LISTEN, PORT));
}

TEST_F(kernel, it_talks_to_programs)
{
	struct pair p;
	int i;

	for (i = 0; i < 3; i++) {
		struct flow flow = { .size = 300000 };

		p.a = connected_to(LOOPBACK, PORT);
		flow.from = p.a;
		flow.to = p.a;
		EXPECT_TRUE(carry(&flow, 1, BOUND));
		close(p.a);
	}
}

/* A program that resets, or says nothing, does not disturb the next. */
TEST_F(kernel, it_survives_the_impolite)
{
	int fd = connected_to(LOOPBACK, PORT), other;
	char c = 'x';

	must(send(fd, &c, 1, 0));
	close_hard(fd);
	close(connected_to(LOOPBACK, PORT));
	other = connected_to(LOOPBACK, PORT);
	must(send(other, &c, 1, 0));
	EXPECT_EQ(1, recv(other, &c, 1, 0));
}

TEST_HARNESS_MAIN
