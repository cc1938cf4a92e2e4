/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the sockets may use together: net.yoke.mem, its pressure, and what one segment is charged.
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

void yoke_mem_enter_pressure(struct sock *sk);
void yoke_mem_leave_pressure(struct sock *sk);

int yoke_mem_init(void);
void yoke_mem_exit(void);

/* Charges @skb's truesize to the send side of @sk (sk_wmem_queued and forward memory). */
static inline void yoke_mem_charge_tx(struct sock *sk, const struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, skb->truesize);
	sk_mem_charge(sk, skb->truesize);
}

/* Takes the charge back and frees @skb. */
void yoke_mem_free_tx(struct sock *sk, struct sk_buff *skb);

/* True if @skb may be charged to the receive side of @sk; false: drop it. */
bool yoke_mem_accept_rx(struct sock *sk, struct sk_buff *skb);

#endif
