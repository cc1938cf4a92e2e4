// SPDX-License-Identifier: GPL-2.0
/*
 * A congestion control algorithm in a module of its own, as small as one can be: a window of twenty
 * segments, whatever happens. It is restricted, as it says nothing else: only an administrator may
 * choose it.
 */
#include <linux/module.h>
#include "cc_ops.h"

#define SEGMENTS 20

static void sample_init(struct yoke_cc *cc)
{
	cc->cwnd = SEGMENTS * cc->mss;
	cc->ssthresh = cc->cwnd;
}

static void sample_ack(struct yoke_cc *cc, const struct yoke_cc_ack *ack)
{
	cc->cwnd = SEGMENTS * cc->mss;
}

static u32 sample_ssthresh(struct yoke_cc *cc)
{
	return SEGMENTS * cc->mss;
}

static const struct yoke_cc_ops sample = {
	.name		= "sample",
	.owner		= THIS_MODULE,
	.init		= sample_init,
	.ack		= sample_ack,
	.ssthresh	= sample_ssthresh,
};

static int __init sample_load(void)
{
	return yoke_cc_register(&sample);
}

static void __exit sample_unload(void)
{
	yoke_cc_unregister(&sample);
}

module_init(sample_load);
module_exit(sample_unload);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Yoke's sample of a congestion control module: a fixed window");
MODULE_ALIAS("yoke_cc_sample");
