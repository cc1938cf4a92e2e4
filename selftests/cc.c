// SPDX-License-Identifier: GPL-2.0
/*
 * The choice of congestion control: by socket, by namespace, by an administrator; and an algorithm
 * that comes and goes as a module (selftests/cc_sample; over TCP, its vegas).
 */
#include "yoke_test.h"
#include <glob.h>
#include <linux/inet_diag.h>

#define NAME 16

static const char *cc_of(int fd)
{
	static char name[NAME + 1];
	socklen_t len = NAME;

	memset(name, 0, sizeof(name));
	must(getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	return name;
}

static int set_cc(int fd, const char *name)
{
	return setsockopt(fd, SOL_TCP, TCP_CONGESTION, name, strlen(name));
}

/* A sysctl of the protocol under test, without its newline. */
static const char *sysctl_text(const char *name)
{
	static char text[1024];
	FILE *f = fopen(sysctl_path(name), "r");

	if (!f || !fgets(text, sizeof(text), f))
		text[0] = 0;
	text[strcspn(text, "\n")] = 0;
	if (f)
		fclose(f);
	return text;
}

static bool named(const char *list, const char *name)
{
	char padded[1100], word[NAME + 3];

	snprintf(padded, sizeof(padded), " %s ", list);
	snprintf(word, sizeof(word), " %s ", name);
	return strstr(padded, word);
}

/* A call without any capability, as a process of its own: its errno. */
#define unprivileged(call) finish(background(({				\
	must(setgid(65534));						\
	must(setuid(65534));						\
	(call); })))

/* ---- a module with an algorithm ----------------------------------------------- */

static const char *module_name(void)
{
	return oracle() ? "tcp_vegas" : "yoke_cc_sample";
}

static const char *algorithm(void)
{
	return oracle() ? "vegas" : "sample";
}

static int unload(void)
{
	return syscall(SYS_delete_module, module_name(), O_NONBLOCK);
}

/* The one of those built that this kernel takes. */
static bool load_sample(void)
{
	bool loaded = false;
	glob_t found;
	size_t i;

	if (glob("build/*/cc_sample/yoke_cc_sample.ko", 0, NULL, &found))
		return false;
	for (i = 0; i < found.gl_pathc && !loaded; i++) {
		int fd = must(open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC));

		loaded = !syscall(SYS_finit_module, fd, "", 0) || errno == EEXIST;
		close(fd);
	}
	globfree(&found);
	return loaded;
}

static bool load(void)
{
	return oracle() ? shell("modprobe tcp_vegas") : load_sample();
}

#define NEED_MODULE()							\
	if (!load())							\
		SKIP(return, "no %s.ko (make sample)", module_name())

/* Sockets give up what they hold a grace period after they are closed. */
#define unloaded() until(unload() == 0 || errno == ENOENT)

IN_OWN_NET(cc);

TEST_F(cc, cubic_is_the_default)
{
	int fd = stream();

	EXPECT_STREQ("cubic", cc_of(fd));
	EXPECT_STREQ("cubic", sysctl_text("congestion_control"));
}

TEST_F(cc, set_and_get)
{
	int fd = stream();
	char name[NAME];
	socklen_t len = 3;

	EXPECT_OK(set_cc(fd, "reno"));
	EXPECT_STREQ("reno", cc_of(fd));
	EXPECT_OK(set_cc(fd, "reno"));
	memset(name, 'x', sizeof(name));
	EXPECT_OK(getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	EXPECT_EQ(3, len);
	EXPECT_EQ(0, memcmp(name, "renx", 4));
	/* The text ends where the program says, or at its NUL. */
	EXPECT_OK(setsockopt(fd, SOL_TCP, TCP_CONGESTION, "cubical", 5));
	EXPECT_STREQ("cubic", cc_of(fd));
	EXPECT_OK(setsockopt(fd, SOL_TCP, TCP_CONGESTION, "reno\0xyz", 8));
	EXPECT_STREQ("reno", cc_of(fd));
}

TEST_F(cc, errors)
{
	int fd = stream();

	EXPECT_ERR(ENOENT, set_cc(fd, "nonesuch"));
	EXPECT_ERR(ENOENT, set_cc(fd, "cubicubicubicubicubic"));
	EXPECT_ERR(ENOENT, set_cc(fd, "Reno"));
	EXPECT_ERR(ENOENT, set_cc(fd, "reno "));
	EXPECT_ERR(ENOENT, setsockopt(fd, SOL_TCP, TCP_CONGESTION, "", 1));
	EXPECT_ERR(EINVAL, setsockopt(fd, SOL_TCP, TCP_CONGESTION, "reno", 0));
	EXPECT_ERR(EFAULT, setsockopt(fd, SOL_TCP, TCP_CONGESTION, NULL, 4));
	EXPECT_STREQ("cubic", cc_of(fd));
}

TEST_F(cc, a_live_connection_changes)
{
	struct pair p = stream_pair();
	int i;

	for (i = 0; i < 6; i++) {
		EXPECT_OK(set_cc(p.a, i % 2 ? "cubic" : "reno"));
		EXPECT_STREQ(i % 2 ? "cubic" : "reno", cc_of(p.a));
		ASSERT_EQ(5, send(p.a, "hello", 5, 0));
		ASSERT_TRUE(arrived(p.b, 5 * (i + 1)));
	}
}

TEST_F(cc, the_namespace_has_a_default)
{
	int before = stream(), after, first = this_net();

	ASSERT_TRUE(sysctl_own("congestion_control", "reno"));
	EXPECT_STREQ("reno", sysctl_text("congestion_control"));
	after = stream();
	EXPECT_STREQ("reno", cc_of(after));
	EXPECT_STREQ("cubic", cc_of(before));
	EXPECT_FALSE(sysctl_own("congestion_control", "nonesuch"));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_STREQ("reno", sysctl_text("congestion_control"));
	/* Another begins with the first one's, not with ours. */
	new_net();
	EXPECT_STREQ("cubic", sysctl_text("congestion_control"));
	EXPECT_STREQ("cubic", cc_of(stream()));
	enter(first);
	EXPECT_STREQ("reno", cc_of(stream()));
}

TEST_F(cc, lists_of_names)
{
	EXPECT_EQ(0, strncmp(sysctl_text("available_congestion_control"), "reno cubic", 10));
	EXPECT_TRUE(named(sysctl_text("allowed_congestion_control"), "reno"));
	EXPECT_TRUE(named(sysctl_text("allowed_congestion_control"), "cubic"));
	/* One list for all namespaces, and this is not the first. */
	EXPECT_FALSE(sysctl_own("available_congestion_control", "reno"));
	EXPECT_FALSE(sysctl_own("allowed_congestion_control", "reno"));
	EXPECT_TRUE(named(sysctl_text("allowed_congestion_control"), "cubic"));
}

TEST_F(cc, children_have_what_was_set_on_the_listener)
{
	int listening = listener(LOOPBACK, 0, 2);
	struct pair p;

	/* Set by nobody, it is the namespace's, as it is now. */
	ASSERT_TRUE(sysctl_own("congestion_control", "reno"));
	p = pair_through(listening, LOOPBACK);
	EXPECT_STREQ("cubic", cc_of(listening));
	EXPECT_STREQ("reno", cc_of(p.b));
	/* Set, if only to what it was. */
	ASSERT_EQ(0, set_cc(listening, "cubic"));
	p = pair_through(listening, LOOPBACK);
	EXPECT_STREQ("cubic", cc_of(p.b));
}

TEST_F(cc, info_of_those_that_have_none)
{
	struct pair p = stream_pair();
	union tcp_cc_info info;
	socklen_t len = sizeof(info);

	EXPECT_OK(getsockopt(p.a, SOL_TCP, TCP_CC_INFO, &info, &len));
	EXPECT_EQ(0, len);
	EXPECT_ERR(EFAULT, getsockopt(p.a, SOL_TCP, TCP_CC_INFO, &info, NULL));
}

TEST_F(cc, info_of_dctcp)
{
	union tcp_cc_info info;
	socklen_t len;
	struct pair p;
	int ecn;

	for (ecn = 0; ecn < 2; ecn++) {
		ASSERT_TRUE(sysctl_own("ecn", ecn ? "1" : "0"));
		p = stream_pair();
		must(set_cc(p.a, "dctcp"));
		len = sizeof(info);
		must(getsockopt(p.a, SOL_TCP, TCP_CC_INFO, &info, &len));
		ASSERT_EQ(sizeof(info.dctcp), len);
		/* It is Reno without ECN; RFC 8257 §3.3: DCTCP.Alpha begins at 1. */
		EXPECT_EQ(ecn, info.dctcp.dctcp_enabled);
		EXPECT_EQ(ecn << 10, info.dctcp.dctcp_alpha);
	}
}

TEST_F(cc, the_allowed_may_be_chosen_by_everybody)
{
	int fd = stream();

	EXPECT_EQ(0, unprivileged(set_cc(fd, "reno")));
	EXPECT_STREQ("reno", cc_of(fd));
}

/* All of the names, or none. */
TEST_F(cc, what_is_allowed_is_the_first_namespaces_to_set)
{
	int setting = first_sysctl("allowed_congestion_control"), fd = stream();
	char old[1024] = "";

	if (setting < 0)
		SKIP(return, "the first namespace is out of reach");
	must(pread(setting, old, sizeof(old) - 1, 0));
	EXPECT_ERR(ENOENT, pwrite(setting, "reno nonesuch", 13, 0));
	EXPECT_TRUE(named(sysctl_text("allowed_congestion_control"), "cubic"));
	EXPECT_OK(pwrite(setting, "reno", 4, 0));
	EXPECT_STREQ("reno", sysctl_text("allowed_congestion_control"));
	EXPECT_EQ(0, unprivileged(set_cc(fd, "reno")));
	EXPECT_EQ(EPERM, unprivileged(set_cc(fd, "cubic")));
	EXPECT_OK(set_cc(fd, "cubic"));
	must(pwrite(setting, old, strlen(old), 0));
}

TEST_F(cc, the_others_take_an_administrator)
{
	int fd = stream();

	NEED_MODULE();
	EXPECT_TRUE(named(sysctl_text("available_congestion_control"), algorithm()));
	EXPECT_FALSE(named(sysctl_text("allowed_congestion_control"), algorithm()));
	EXPECT_EQ(EPERM, unprivileged(set_cc(fd, algorithm())));
	EXPECT_OK(set_cc(fd, algorithm()));
	/* Nothing changes: nobody is asked. */
	EXPECT_EQ(0, unprivileged(set_cc(fd, algorithm())));
	close(fd);
	EXPECT_TRUE(unloaded());
}

TEST_F(cc, a_module_carries_and_stays_while_it_is_used)
{
	struct pair p = stream_pair();
	int other = stream(), listening;

	NEED_MODULE();
	ASSERT_EQ(0, set_cc(p.a, algorithm()));
	EXPECT_STREQ(algorithm(), cc_of(p.a));
	ASSERT_EQ(0, set_cc(other, algorithm()));
	EXPECT_ERR(EAGAIN, unload());
	EXPECT_TRUE(carry_both_ways(p, 1 << 20, 4 * BOUND));
	EXPECT_ERR(EAGAIN, unload());
	/* One goes, one changes its mind; a listener and its child hold it too. */
	close(p.a);
	close(p.b);
	listening = listener(LOOPBACK, 0, 1);
	ASSERT_EQ(0, set_cc(listening, algorithm()));
	ASSERT_EQ(0, set_cc(other, "reno"));
	EXPECT_ERR(EAGAIN, unload());
	p = pair_through(listening, LOOPBACK);
	close(listening);
	EXPECT_STREQ(algorithm(), cc_of(p.b));
	EXPECT_ERR(EAGAIN, unload());
	close(p.b);
	/* (Its peer too: TCP's FIN-WAIT-2 now and then is a whole socket, for a minute.) */
	close(p.a);
	EXPECT_TRUE(unloaded());
	EXPECT_FALSE(named(sysctl_text("available_congestion_control"), algorithm()));
	EXPECT_ERR(ENOENT, unload());
}

TEST_F_TIMEOUT(cc, a_module_comes_and_goes_under_choice, 120)	/* some grace periods each time */
{
	int fd = stream(), i;

	NEED_MODULE();
	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(unloaded());
		/* (An administrator's choice would load it, if it were installed.) */
		EXPECT_EQ(ENOENT, unprivileged(set_cc(fd, algorithm())));
		ASSERT_TRUE(load());
		EXPECT_OK(set_cc(fd, algorithm()));
		EXPECT_OK(set_cc(fd, "cubic"));
	}
	EXPECT_TRUE(unloaded());
}

/* TCP keeps a hold on the module that it refuses: one that no other test unloads. */
TEST_F(cc, a_restricted_default_is_the_first_namespaces_to_set)
{
	const char *restricted = oracle() ? "westwood" : algorithm();

	if (!(oracle() ? shell("modprobe tcp_westwood") : load()))
		SKIP(return, "no such module");
	EXPECT_FALSE(sysctl_own("congestion_control", restricted));
	EXPECT_EQ(EPERM, errno);
	EXPECT_TRUE(oracle() || unloaded());
}

TEST_HARNESS_MAIN
