/* SPDX-License-Identifier: MIT */
/*
 * hash.h - 128 bits that stand for a state: two states with the same are taken as one
 *
 * Multiply and fold, in two lanes. With a million states the chance that any two collide is about 1 in 10^26.
 */
#ifndef STRESS_STEP_HASH_H
#define STRESS_STEP_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hash {
	uint64_t a, b;
};

#define HASH_INIT ((struct hash) { 0x243f6a8885a308d3u, 0x13198a2e03707344u }) /* digits of pi */

static inline uint64_t hash_fold(uint64_t x, uint64_t y)
{
	unsigned __int128 product = (unsigned __int128)x * y;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline void hash_words(struct hash *hash, uint64_t x, uint64_t y)
{
	uint64_t a = hash->a, b = hash->b;

	hash->a = hash_fold(a ^ x ^ 0xa4093822299f31d0u, y ^ 0x9e3779b97f4a7c15u) ^ b;
	hash->b = hash_fold(b ^ y ^ 0x082efa98ec4e6c89u, x ^ 0xd1b54a32d192ed03u) + a;
}

/* @size is a multiple of 8. */
static inline void hash_bytes(struct hash *hash, const void *bytes, size_t size)
{
	const char *at = bytes;
	uint64_t pair[2];

	for (; size >= sizeof(pair); size -= sizeof(pair), at += sizeof(pair)) {
		memcpy(pair, at, sizeof(pair));
		hash_words(hash, pair[0], pair[1]);
	}
	if (size) {
		memcpy(pair, at, sizeof(pair[0]));
		hash_words(hash, pair[0], ~size);
	}
}

static inline bool hash_same(struct hash x, struct hash y)
{
	return x.a == y.a && x.b == y.b;
}

#endif /* STRESS_STEP_HASH_H */
