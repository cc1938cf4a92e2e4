/* SPDX-License-Identifier: GPL-2.0 */
/* CUBIC (RFC 9438) with HyStart++ (RFC 9406). */
#ifndef YOKE_CC_CUBIC_H
#define YOKE_CC_CUBIC_H

#include "cc_ops.h"

extern const struct yoke_cc_ops yoke_cc_cubic;

#endif
