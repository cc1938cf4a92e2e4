// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU's emulation that counts the guest's instructions by block of code, from one
 * bench_mark(BENCH_BEGIN) to the next bench_mark(BENCH_END); scripts/profile says whose they are.
 *
 *	-plugin profile.so,out=FILE	appends a line "begin" and lines "address instructions" for each
 *
 * One processor: nothing is locked.
 */
#include <stdlib.h>

#include "mark.h"
#include "plugin.h"

#define BLOCKS (1 << 20)

static struct block { uint64_t at, count; } *blocks[BLOCKS];
static size_t nblocks;
static FILE *out;

static void begin(unsigned int cpu, void *data)
{
	for (size_t i = 0; i < nblocks; i++)
		blocks[i]->count = 0;
}

static void end(unsigned int cpu, void *data)
{
	fputs("begin\n", out);
	for (size_t i = 0; i < nblocks; i++)
		if (blocks[i]->count)
			fprintf(out, "%" PRIx64 " %" PRIu64 "\n", blocks[i]->at, blocks[i]->count);
	fflush(out);
}

/* A block is counted when it begins, whole; few are left half way. */
static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);
	struct block *b = calloc(1, sizeof(*b));

	if (!b || nblocks == BLOCKS)
		abort();
	blocks[nblocks++] = b;
	b->at = qemu_plugin_tb_vaddr(tb);
	qemu_plugin_register_vcpu_tb_exec_inline(tb, 0, &b->count, n);
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		static const uint8_t nopl[] = { 0x0f, 0x1f, 0x80 };
		const uint8_t *code = qemu_plugin_insn_data(insn);
		uint32_t which;

		if (qemu_plugin_insn_size(insn) != 7 || memcmp(code, nopl, sizeof(nopl)))
			continue;
		memcpy(&which, code + sizeof(nopl), sizeof(which));
		if (which == BENCH_BEGIN)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, begin, 0, NULL);
		else if (which == BENCH_END)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, end, 0, NULL);
	}
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	out = plugin_output(argc, argv);
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
