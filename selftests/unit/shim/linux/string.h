/* SPDX-License-Identifier: GPL-2.0 */
#include <stddef.h>
#include <string.h>

/* All of *@obj from @member on. */
#define memset_startat(obj, v, member)							\
	memset((char *)(obj) + offsetof(typeof(*(obj)), member), v,			\
	       sizeof(*(obj)) - offsetof(typeof(*(obj)), member))
