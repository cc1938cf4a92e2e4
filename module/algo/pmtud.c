// SPDX-License-Identifier: GPL-2.0
/*
 * The search for the path MTU by probes.
 *
 * Owns: struct yoke_pmtud. Caller holds the socket lock.
 * RFC 4821 §7.3 (choosing sizes: halfway), §7.6 (what a probe's fate means), §7.7 (black holes);
 * RFC 8899 §5.2 (PROBE_TIMER: the search begins again).
 */
#include <linux/types.h>
#include <linux/minmax.h>
#include "pair.h"
#include "pmtud.h"

void yoke_pmtud_init(struct yoke_pmtud *p, bool enabled, u16 base, u16 most, u32 now_s)
{
	*p = (struct yoke_pmtud) {
		.low = min(base, most),
		.high = most,
		.enabled = enabled,
		.since_s = now_s,
	};
}

u16 yoke_pmtud_size(struct yoke_pmtud *p, u16 pmtu)
{
	if (!p->enabled)
		return pmtu;
	p->high = min(p->high, pmtu);
	p->low = min(p->low, p->high);
	return p->low;
}

u16 yoke_pmtud_next(struct yoke_pmtud *p, u16 threshold, u32 interval_s, u16 most, u32 now_s)
{
	if (!p->enabled || p->probe)
		return 0;
	if (now_s - p->since_s >= interval_s) {
		p->high = max(p->low, most);
		p->since_s = now_s;
	}
	if (p->high - p->low < max_t(u16, threshold, 1))
		return 0;
	return p->low + (p->high - p->low + 1) / 2;
}

void yoke_pmtud_sent(struct yoke_pmtud *p, u16 size, u32 start, u32 end)
{
	p->probe = size;
	p->start = start;
	p->end = end;
}

bool yoke_pmtud_acked(struct yoke_pmtud *p, u32 una)
{
	if (!p->probe || yoke_seq_before(una, p->end))
		return false;
	p->low = max(p->low, p->probe);
	p->high = max(p->high, p->low);
	p->probe = 0;
	return true;
}

void yoke_pmtud_failed(struct yoke_pmtud *p)
{
	p->high = max_t(u16, p->low, p->probe - 1);
	p->probe = 0;
}

void yoke_pmtud_inconclusive(struct yoke_pmtud *p)
{
	p->probe = 0;
}

void yoke_pmtud_black_hole(struct yoke_pmtud *p, u16 base, u16 floor, u16 most, u32 now_s)
{
	if (!p->enabled) {
		yoke_pmtud_init(p, true, base, most, now_s);
		return;
	}
	p->low = max3((u16)min_t(u16, p->low / 2, base), floor, (u16)1);
	p->high = max(p->high, p->low);
	p->probe = 0;
	p->since_s = now_s;
}
