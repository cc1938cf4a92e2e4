/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels. The build includes this file before every
 * source file, and no other file tests the version: the code reads as if for
 * one kernel, the newest, and older ones are taught the same words here.
 */
#ifndef YOKE_COMPAT_H
#define YOKE_COMPAT_H

#include <linux/version.h>

#endif
