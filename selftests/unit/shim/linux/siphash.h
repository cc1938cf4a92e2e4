/* SPDX-License-Identifier: GPL-2.0 */
/* SipHash-2-4 (Aumasson, Bernstein 2012) with the kernel's interface; cookie.c tests its vectors. */
#ifndef SHIM_SIPHASH_H
#define SHIM_SIPHASH_H

#include <linux/types.h>
#include <string.h>

typedef struct {
	u64 key[2];
} siphash_key_t;

static inline u64 shim_rol(u64 v, int n)
{
	return v << n | v >> (64 - n);
}

static inline void shim_sip_rounds(u64 v[4], int n)
{
	while (n--) {
		v[0] += v[1];
		v[1] = shim_rol(v[1], 13) ^ v[0];
		v[0] = shim_rol(v[0], 32);
		v[2] += v[3];
		v[3] = shim_rol(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = shim_rol(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = shim_rol(v[1], 17) ^ v[2];
		v[2] = shim_rol(v[2], 32);
	}
}

static inline u64 siphash(const void *data, size_t len, const siphash_key_t *key)
{
	u64 v[4] = {
		key->key[0] ^ 0x736f6d6570736575ULL,
		key->key[1] ^ 0x646f72616e646f6dULL,
		key->key[0] ^ 0x6c7967656e657261ULL,
		key->key[1] ^ 0x7465646279746573ULL,
	};
	const u8 *p = data;
	size_t left = len;
	u64 word;
	bool last = false;

	while (!last) {
		last = left < 8;
		word = last ? (u64)len << 56 : 0;
		for (size_t i = 0; i < (last ? left : 8); i++)
			word |= (u64)p[i] << (8 * i);
		v[3] ^= word;
		shim_sip_rounds(v, 2);
		v[0] ^= word;
		p += 8;
		left -= 8;
	}
	v[2] ^= 0xff;
	shim_sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static inline u64 siphash_2u64(u64 a, u64 b, const siphash_key_t *key)
{
	return siphash((u64[2]){ a, b }, 16, key);
}

static inline u64 siphash_3u32(u32 a, u32 b, u32 c, const siphash_key_t *key)
{
	return siphash((u32[3]){ a, b, c }, 12, key);
}

#endif
