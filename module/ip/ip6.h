/* SPDX-License-Identifier: GPL-2.0 */
/* The carrier IPv6: from the engine to IP, and back. */
#ifndef YOKE_IP6_H
#define YOKE_IP6_H

#include <net/ipv6.h>
#include "ip4.h"

#if IS_ENABLED(CONFIG_IPV6)

extern const struct yoke_af_ops yoke_ip6;

/* From now on IPv6, if this kernel has it, hands us the packets of our two protocol numbers. */
int yoke_ip6_init(void);
/* Nothing of ours runs in its receive path any more when this returns. */
void yoke_ip6_exit(void);

/* The carrier to @addr. */
static inline const struct yoke_af_ops *yoke_ip_to(const struct in6_addr *addr)
{
	return ipv6_addr_v4mapped(addr) ? &yoke_ip4 : &yoke_ip6;
}

#else

static inline int yoke_ip6_init(void)
{
	return 0;
}

static inline void yoke_ip6_exit(void)
{
}

static inline const struct yoke_af_ops *yoke_ip_to(const struct in6_addr *addr)
{
	return &yoke_ip4;
}

#endif

#endif
