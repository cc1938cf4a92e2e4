// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU's emulation that tells which code of the guest's modules ever ran: a block is
 * translated when it is about to run first, so nothing is counted, and nothing slowed.
 *
 *	-plugin cover.so,out=FILE	appends lines "address bytes"
 */
#include "plugin.h"

#define MODULES 0xffffffffa0000000	/* where x86-64 has them, and beyond */

static FILE *out;

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	uint64_t at = qemu_plugin_tb_vaddr(tb), size = 0;

	if (at < MODULES)
		return;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++)
		size += qemu_plugin_insn_size(qemu_plugin_tb_get_insn(tb, i));
	fprintf(out, "%" PRIx64 " %" PRIu64 "\n", at, size);
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	out = plugin_output(argc, argv);
	if (!out)
		return -1;
	setlinebuf(out);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
