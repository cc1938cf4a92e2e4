/* SPDX-License-Identifier: GPL-2.0 */
/* BBR, version 1 (draft-cardwell-iccrg-bbr-congestion-control-00). */
#ifndef YOKE_CC_BBR_H
#define YOKE_CC_BBR_H

#include "cc_ops.h"

extern const struct yoke_cc_ops yoke_cc_bbr;

#endif
