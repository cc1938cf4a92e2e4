/* SPDX-License-Identifier: GPL-2.0 */
/* How a benchmark tells a profiler outside the machine where what is measured begins and ends. */
#ifndef MARK_H
#define MARK_H

#define BENCH_BEGIN	0x594f4b31
#define BENCH_END	0x594f4b32

/* An instruction that does nothing, and that profile.c knows when it sees it: nopl WHICH(%rax). */
#ifdef __x86_64__
#define bench_mark(which) asm volatile("nopl %c0(%%rax)" : : "i"(which) : "memory")
#else
#define bench_mark(which) ((void)(which))
#endif

#endif
