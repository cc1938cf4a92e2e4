/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The smallest harness that will do: TEST(function__case) { ... EXPECT_EQ(got, expected); }, run in
 * the order of the file, TAP on stdout. A failed expectation is printed and the test goes on. Inside
 * a kernel each is a case of KUnit, which has the same habits.
 */
#ifndef YOKE_UNIT_TEST_H
#define YOKE_UNIT_TEST_H

#ifdef __KERNEL__

#include <kunit/test.h>

#define TEST(name)	static void name(struct kunit *test_)

#define EXPECT(cond)	KUNIT_EXPECT_TRUE(current->kunit_test, cond)

#define EXPECT_EQ(got, expected)					\
	KUNIT_EXPECT_EQ(current->kunit_test, (long long)(got), (long long)(expected))

static int test_say(struct kunit *test)
{
	kunit_log(KERN_INFO, test, KUNIT_SUBTEST_INDENT "# RUN %s ...", test->name);
	return 0;
}

#define TEST_SUITE(suite, ...)						\
	static struct kunit_case test_cases[] = { __VA_ARGS__ {} };	\
	static struct kunit_suite test_suite = {			\
		.name = "yoke_" #suite, .init = test_say, .test_cases = test_cases,	\
	};								\
	kunit_test_suite(test_suite);					\
	MODULE_LICENSE("GPL");						\
	MODULE_DESCRIPTION("Yoke's unit tests: " #suite)

#else

#include <stdbool.h>
#include <stdio.h>

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

static struct test *test_first, **test_last = &test_first;
static bool test_failed;

static inline void test_add(struct test *t)
{
	*test_last = t;
	test_last = &t->next;
}

#define TEST(name)							\
	static void name(void);						\
	__attribute__((constructor)) static void name##_add(void)	\
	{								\
		static struct test t = { #name, name, NULL };		\
									\
		test_add(&t);						\
	}								\
	static void name(void)

#define EXPECT(cond)							\
	do {								\
		if (!(cond)) {						\
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			test_failed = true;				\
		}							\
	} while (0)

#define EXPECT_EQ(got, expected)					\
	do {								\
		long long got_ = (got), expected_ = (expected);		\
									\
		if (got_ != expected_) {				\
			printf("# %s:%d: %s is %lld, not %s (%lld)\n", __FILE__, \
			       __LINE__, #got, got_, #expected, expected_); \
			test_failed = true;				\
		}							\
	} while (0)

int main(void)
{
	int n = 0, failures = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n");
	for (struct test *t = test_first; t; t = t->next) {
		test_failed = false;
		printf("# RUN %s ...\n", t->name);
		t->run();
		printf("%s %d %s\n", test_failed ? "not ok" : "ok", ++n, t->name);
		failures += test_failed;
	}
	printf("1..%d\n", n);
	return failures != 0;
}

#endif
#endif
