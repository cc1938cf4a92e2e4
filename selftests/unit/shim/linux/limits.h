/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LIMITS_H
#define SHIM_LIMITS_H

#include_next <linux/limits.h>

#define U8_MAX	((u8)~0)
#define U16_MAX	((u16)~0)
#define U32_MAX	((u32)~0)
#define S32_MAX	((s32)(~0u >> 1))

#endif
