/* SPDX-License-Identifier: GPL-2.0 */
#include <stdlib.h>

#define kmalloc(size, gfp)	malloc(size)
#define kfree(p)		free(p)
