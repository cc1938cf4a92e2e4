// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options of the datagram type: SOL_UDP's names, numbers, ranges and errors.
 *
 * Owns: cork of struct yoke_dgram. Process context; read without a lock.
 */
#include <net/ip.h>
#include <net/udp.h>
#include "../engine/addr.h"
#include "../engine/dgram.h"
#include "dgram_option.h"
#include "dgram_send.h"

int yoke_dgram_option_set(struct sock *sk, int level, int name, sockptr_t optval, unsigned int len)
{
	int val, err = 0;

	if (level == SOL_IP && name == IP_OPTIONS)	/* our header has no room for them yet */
		return -ENOPROTOOPT;
	if (level != SOL_UDP)
		return yoke_addr_setsockopt(sk, level, name, optval, len);
	if (len < sizeof(int))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	if (name != UDP_CORK)
		return -ENOPROTOOPT;
	lock_sock(sk);
	WRITE_ONCE(yoke_dg(sk)->cork, val != 0);
	if (!val)
		err = yoke_dgram_send_pending(sk);
	release_sock(sk);
	return err;
}

int yoke_dgram_option_get(struct sock *sk, int level, int name, char __user *optval,
			  int __user *optlen)
{
	int val, len;

	if (level != SOL_UDP)
		return yoke_addr_getsockopt(sk, level, name, optval, optlen);
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (name != UDP_CORK)
		return -ENOPROTOOPT;
	val = READ_ONCE(yoke_dg(sk)->cork);
	len = min_t(unsigned int, len, sizeof(int));
	if (put_user(len, optlen) || copy_to_user(optval, &val, len))
		return -EFAULT;
	return 0;
}
