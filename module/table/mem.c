// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of all stream sockets together, and of all datagram sockets.
 *
 * The core charges buffers to these variables through struct proto and the
 * sk_mem_* calls; we give it the limits, which follow the size of the machine
 * as net.ipv4.tcp_mem does, and say when pressure begins and ends. The flag is
 * advisory and written without a lock. Pages, not bytes.
 */
#include <linux/mm.h>
#include <linux/swap.h>
#include "mem.h"
#include "spare.h"

/*
 * Orphans that one processor counts by itself: nearer to the limit than so many of each processor,
 * whoever closes a socket has to ask them all.
 */
#define ORPHANS_BATCH	8

atomic_long_t yoke_mem_allocated;
int __percpu *yoke_mem_fw_alloc;
struct percpu_counter yoke_mem_sockets;
unsigned long yoke_mem_pressure;
long yoke_mem_limits[3] __read_mostly;
static struct percpu_counter yoke_mem_orphans;
int yoke_mem_max_orphans __read_mostly;
atomic_long_t yoke_mem_dgram_allocated;
int __percpu *yoke_mem_dgram_fw_alloc;
long yoke_mem_dgram_limits[3] __read_mostly;
int yoke_mem_dgram_least = PAGE_SIZE;

void yoke_mem_enter_pressure(struct sock *sk)
{
	if (!READ_ONCE(yoke_mem_pressure))
		WRITE_ONCE(yoke_mem_pressure, 1);
}

void yoke_mem_leave_pressure(struct sock *sk)
{
	if (READ_ONCE(yoke_mem_pressure))
		WRITE_ONCE(yoke_mem_pressure, 0);
}

static void mem_set_limits(long *limits, long pressure)
{
	limits[0] = pressure / 4 * 3;
	limits[1] = pressure;
	limits[2] = limits[0] * 2;
}

unsigned long yoke_mem_slots(void)
{
	return clamp(totalram_pages() >> (17 - PAGE_SHIFT), 1024UL, 512UL << 10);
}

int yoke_mem_init(void)
{
	int err = -ENOMEM;

	mem_set_limits(yoke_mem_limits, max(nr_free_buffer_pages() / 16, 128UL));
	mem_set_limits(yoke_mem_dgram_limits, max(nr_free_buffer_pages() / 8, 128UL));
	yoke_mem_fw_alloc = alloc_percpu(int);
	if (!yoke_mem_fw_alloc)
		goto err_stream;
	yoke_mem_dgram_fw_alloc = alloc_percpu(int);
	if (!yoke_mem_dgram_fw_alloc)
		goto err_dgram;
	err = percpu_counter_init(&yoke_mem_sockets, 0, GFP_KERNEL);
	if (err)
		goto err_sockets;
	err = percpu_counter_init(&yoke_mem_orphans, 0, GFP_KERNEL);
	if (err)
		goto err_orphans;
	yoke_mem_max_orphans = yoke_mem_slots() / 2;
	return 0;

err_orphans:
	percpu_counter_destroy(&yoke_mem_sockets);
err_sockets:
	free_percpu(yoke_mem_dgram_fw_alloc);
err_dgram:
	free_percpu(yoke_mem_fw_alloc);
err_stream:
	return err;
}

void yoke_mem_exit(void)
{
	percpu_counter_destroy(&yoke_mem_orphans);
	percpu_counter_destroy(&yoke_mem_sockets);
	free_percpu(yoke_mem_dgram_fw_alloc);
	free_percpu(yoke_mem_fw_alloc);
}

void yoke_mem_free_tx(struct sock *sk, struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, -skb->truesize);
	sk_mem_uncharge(sk, skb->truesize);
	yoke_spare_put(skb);
}

void yoke_mem_keep_tx(struct sock *sk, struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, -skb->truesize);
	sk_forward_alloc_add(sk, skb->truesize);
	yoke_spare_put(skb);
}

void yoke_mem_orphan(int n)
{
	percpu_counter_add_batch(&yoke_mem_orphans, n, ORPHANS_BATCH);
}

bool yoke_mem_is_scarce(struct sock *sk, int shift)
{
	bool many = __percpu_counter_compare(&yoke_mem_orphans,
					     READ_ONCE(yoke_mem_max_orphans) >> shift,
					     ORPHANS_BATCH) > 0;
	bool full = sk->sk_wmem_queued > SOCK_MIN_SNDBUF &&
		    atomic_long_read(&yoke_mem_allocated) > READ_ONCE(yoke_mem_limits[2]);

	if (many)
		net_info_ratelimited("too many orphaned sockets\n");
	if (full)
		net_info_ratelimited("out of memory -- consider tuning net.yoke.mem\n");
	return many || full;
}

bool yoke_mem_accept_rx(struct sock *sk, struct sk_buff *skb)
{
	/* One buffer may cross the limit, or a small limit would admit none: beyond INT_MAX, too. */
	unsigned int used = atomic_read(&sk->sk_rmem_alloc);

	return used <= (unsigned int)READ_ONCE(sk->sk_rcvbuf) &&
	       sk_rmem_schedule(sk, skb, skb->truesize);
}
