/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The smallest harness that will do: TEST(function__case) { ... EXPECT_EQ(got, expected); }, run in
 * the order of the file, TAP on stdout. A failed expectation is printed and the test goes on.
 */
#ifndef YOKE_UNIT_TEST_H
#define YOKE_UNIT_TEST_H

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
		t->run();
		printf("%s %d %s\n", test_failed ? "not ok" : "ok", ++n, t->name);
		failures += test_failed;
	}
	printf("1..%d\n", n);
	return failures != 0;
}

#endif
