// SPDX-License-Identifier: GPL-2.0
/*
 * For tests of what takes days: to the whole kernel ktime_get_seconds() is ahead by the parameter
 * `seconds`, which may be written at any time.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static unsigned long seconds;
module_param(seconds, ulong, 0644);

static int later(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	regs_set_return_value(regs, regs_return_value(regs) + READ_ONCE(seconds));
	return 0;
}
NOKPROBE_SYMBOL(later);

static struct kretprobe probe = {
	.kp.symbol_name	= "ktime_get_seconds",
	.handler	= later,
	.maxactive	= 64,
};

static int __init yoke_later_init(void)
{
	return register_kretprobe(&probe);
}

static void __exit yoke_later_exit(void)
{
	unregister_kretprobe(&probe);
}

module_init(yoke_later_init);
module_exit(yoke_later_exit);
MODULE_DESCRIPTION("Yoke's tests: later");
MODULE_LICENSE("GPL");
