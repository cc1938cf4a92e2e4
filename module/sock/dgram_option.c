// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options of the datagram type: SOL_UDP's names, numbers, ranges and errors.
 *
 * Owns: cork, trains, segment and no_check6_* of struct yoke_dgram, which are read without a lock.
 * Process context.
 */
#include <net/ip.h>
#include <net/udp.h>
#include "../engine/addr.h"
#include "../engine/dgram.h"
#include "dgram_option.h"
#include "dgram_send.h"

int yoke_dgram_option_set(struct sock *sk, int level, int name, sockptr_t optval, unsigned int len)
{
	struct yoke_dgram *dg = yoke_dg(sk);
	int val;

	if (level != SOL_UDP)
		return yoke_addr_setsockopt(sk, level, name, optval, len);
	if (len < sizeof(int))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	switch (name) {
	case UDP_CORK:
		lock_sock(sk);
		WRITE_ONCE(dg->cork, val != 0);
		if (!val)
			yoke_dgram_send_pending(sk);
		release_sock(sk);
		return 0;
	case UDP_NO_CHECK6_TX:
		WRITE_ONCE(dg->no_check6_tx, val != 0);
		return 0;
	case UDP_NO_CHECK6_RX:
		WRITE_ONCE(dg->no_check6_rx, val != 0);
		return 0;
	case UDP_SEGMENT:
		if (val < 0 || val > USHRT_MAX)
			return -EINVAL;
		WRITE_ONCE(dg->segment, val);
		return 0;
	case UDP_GRO:
		if (val)
			static_branch_enable(&yoke_dgram_trains);
		WRITE_ONCE(dg->trains, val != 0);
		return 0;
	}
	return -ENOPROTOOPT;
}

int yoke_dgram_option_get(struct sock *sk, int level, int name, char __user *optval,
			  int __user *optlen)
{
	const struct yoke_dgram *dg = yoke_dg(sk);
	int val, len;

	if (level != SOL_UDP)
		return yoke_addr_getsockopt(sk, level, name, optval, optlen);
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	switch (name) {
	case UDP_CORK:
		val = READ_ONCE(dg->cork);
		break;
	case UDP_NO_CHECK6_TX:
		val = READ_ONCE(dg->no_check6_tx);
		break;
	case UDP_NO_CHECK6_RX:
		val = READ_ONCE(dg->no_check6_rx);
		break;
	case UDP_SEGMENT:
		val = READ_ONCE(dg->segment);
		break;
	case UDP_GRO:
		val = READ_ONCE(dg->trains);
		break;
	default:
		return -ENOPROTOOPT;
	}
	len = min_t(unsigned int, len, sizeof(int));
	if (put_user(len, optlen) || copy_to_user(optval, &val, len))
		return -EFAULT;
	return 0;
}
