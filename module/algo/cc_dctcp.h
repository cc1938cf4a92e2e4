/* SPDX-License-Identifier: GPL-2.0 */
/* DCTCP (RFC 8257). */
#ifndef YOKE_CC_DCTCP_H
#define YOKE_CC_DCTCP_H

#include "cc_ops.h"

extern const struct yoke_cc_ops yoke_cc_dctcp;

#endif
