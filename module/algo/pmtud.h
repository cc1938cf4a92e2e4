/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packetization layer path MTU discovery (RFC 4821, RFC 8899): the search for the largest packet
 * that the path carries, by packets of data that may be lost, where ICMP says nothing.
 */
#ifndef YOKE_PMTUD_H
#define YOKE_PMTUD_H

#include <linux/types.h>

/**
 * struct yoke_pmtud - the search on one connection; sizes are those of whole packets, in bytes
 * @low:	known to pass
 * @high:	may pass; a route or ICMP may lower it
 * @probe:	size of the probe under way, 0 if there is none
 * @enabled:	searching: @low, not the route, says how large packets are
 * @start:	first sequence number of the probe
 * @end:	one past its last
 * @since_s:	when the search began, or found its end, last
 */
struct yoke_pmtud {
	u16	low;
	u16	high;
	u16	probe;
	bool	enabled;
	u32	start;
	u32	end;
	u32	since_s;
};

/* A new connection: @base is known to pass, nothing above @most can. */
void yoke_pmtud_init(struct yoke_pmtud *p, bool enabled, u16 base, u16 most, u32 now_s);
/* How large packets are now, where the route carries @pmtu. */
u16 yoke_pmtud_size(struct yoke_pmtud *p, u16 pmtu);
/*
 * The size to probe next, 0 if the search is over: @low and @high are less than @threshold apart.
 * After @interval_s seconds it begins again, up to @most.
 */
u16 yoke_pmtud_next(struct yoke_pmtud *p, u16 threshold, u32 interval_s, u16 most, u32 now_s);
/* A probe of @size bytes left, its data [@start, @end). */
void yoke_pmtud_sent(struct yoke_pmtud *p, u16 size, u32 start, u32 end);
/* All below @una has been acknowledged; true if the probe was among it: packets may grow. */
bool yoke_pmtud_acked(struct yoke_pmtud *p, u32 una);
/* The probe was lost and what followed was not: packets of its size don't pass. */
void yoke_pmtud_failed(struct yoke_pmtud *p);
/* It, or something before it, is sent again: what becomes of it says nothing of its size. */
void yoke_pmtud_inconclusive(struct yoke_pmtud *p);
/*
 * The same data has timed out again and again: packets of the size in use may vanish without a word
 * (RFC 4821 §7.7). Begins the search between @base and @most, or halves what was known to pass, to
 * @base at most and @floor at least.
 */
void yoke_pmtud_black_hole(struct yoke_pmtud *p, u16 base, u16 floor, u16 most, u32 now_s);

#endif
