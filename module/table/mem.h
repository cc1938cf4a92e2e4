/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the sockets may use together: net.yoke.mem, its pressure, what one segment is charged, how
 * many orphans there may be; and net.yoke.dgram_mem.
 */
#ifndef YOKE_MEM_H
#define YOKE_MEM_H

#include <net/sock.h>

/*
 * Fields of struct proto: the pages in use by all stream sockets, their limits {low, pressure,
 * high}, and whether we are above "pressure".
 */
extern atomic_long_t yoke_mem_allocated;
extern int __percpu *yoke_mem_fw_alloc;
extern struct percpu_counter yoke_mem_sockets;
extern unsigned long yoke_mem_pressure;
extern long yoke_mem_limits[3];

/* net.yoke.max_orphans: of sockets whose program has gone, in all namespaces. One more, or (-1) less. */
extern int yoke_mem_max_orphans;
void yoke_mem_orphan(int n);

void yoke_mem_enter_pressure(struct sock *sk);
void yoke_mem_leave_pressure(struct sock *sk);

/* Likewise of the datagram sockets, as net.ipv4.udp_mem; there is no pressure. Bytes: the least. */
extern atomic_long_t yoke_mem_dgram_allocated;
extern int __percpu *yoke_mem_dgram_fw_alloc;
extern long yoke_mem_dgram_limits[3];
extern int yoke_mem_dgram_least;

/* The size TCP's connection table would have, by which it sets limits: a slot for each 128 KiB. */
unsigned long yoke_mem_slots(void);

int yoke_mem_init(void);
void yoke_mem_exit(void);

/* Charges @skb's truesize to the send side of @sk (sk_wmem_queued and forward memory). */
static inline void yoke_mem_charge_tx(struct sock *sk, const struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, skb->truesize);
	sk_mem_charge(sk, skb->truesize);
}

/* How much of @bytes that may be: above net.yoke.mem, up to wmem's least, so that each goes on. */
static inline int yoke_mem_room_tx(struct sock *sk, int bytes)
{
	if (likely(sk_wmem_schedule(sk, bytes)))
		return bytes;
	return clamp(sk_get_wmem0(sk, sk->sk_prot) - READ_ONCE(sk->sk_wmem_queued), 0, bytes);
}

/* Takes the charge back and frees @skb. */
void yoke_mem_free_tx(struct sock *sk, struct sk_buff *skb);
/* The same, but the pages stay with @sk until sk_mem_reclaim(): soon they may be wanted again. */
void yoke_mem_keep_tx(struct sock *sk, struct sk_buff *skb);

/*
 * What nobody waits for must not starve the living: too many orphans, of which @sk is one that
 * counts for 1 << @shift, or no memory for what it holds. Tells the console, once in a while.
 */
bool yoke_mem_is_scarce(struct sock *sk, int shift);

/* True if @skb may be charged to the receive side of @sk; false: drop it. */
bool yoke_mem_accept_rx(struct sock *sk, struct sk_buff *skb);

#endif
