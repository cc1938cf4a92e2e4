/* SPDX-License-Identifier: GPL-2.0 */
/* Dice that fall the same way again (xorshift64): each process and thread has a course of its own. */
#ifndef DICE_H
#define DICE_H

#include <stdbool.h>
#include <stdint.h>

static __thread uint64_t dice_state = 1;	/* 0 would stay 0 */

static inline void dice_begin(uint64_t course)
{
	dice_state = course * 0x9e3779b97f4a7c15ULL ?: 1;
}

/* From 0 up to @sides; of 0, any number. */
static inline uint32_t dice(uint32_t sides)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return sides ? (dice_state >> 16) % sides : dice_state >> 16;
}

static inline bool one_in(uint32_t n)
{
	return dice(n) == 0;
}

#define any_of(...) ({							\
	static const int64_t those_[] = { __VA_ARGS__ };		\
	those_[dice(sizeof(those_) / sizeof(*those_))]; })

#endif /* DICE_H */
