/* SPDX-License-Identifier: MIT */
/*
 * random.h - all randomness comes from one seed: splitmix64, a stream for each user
 *
 * Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
 */
#ifndef STRESS_RANDOM_H
#define STRESS_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
	uint64_t x = random->state += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* The generator for user number @stream of @seed; streams do not overlap in practice. */
static inline struct random random_stream(uint64_t seed, uint64_t stream)
{
	struct random random = { .state = seed ^ (stream * 0xd1342543de82ef95ull) };

	random.state = random_next(&random);
	return random;
}

/* In [0, @below), @below > 0; the bias of 2^-32 does not matter here. */
static inline uint32_t random_below(struct random *random, uint32_t below)
{
	return (uint32_t)(((random_next(random) >> 32) * below) >> 32);
}

#endif /* STRESS_RANDOM_H */
