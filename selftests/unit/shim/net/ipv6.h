/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_IPV6_H
#define SHIM_IPV6_H

#include <linux/types.h>
#include <netinet/in.h>

static inline bool ipv6_addr_v4mapped(const struct in6_addr *a)
{
	return IN6_IS_ADDR_V4MAPPED(a);
}

#endif
