/* SPDX-License-Identifier: MIT */
/*
 * twins.h - for tests: a broken target and its sound twin, of one code with a constant in it that tells them apart
 *
 * After NRB_STEPS_SECTION and steps.h. Both claim to be sound, so that nothing stops at the first finding.
 */
#ifndef TESTS_TWINS_H
#define TESTS_TWINS_H

#include "explored.h"

/* target_NAME and target_NAME_twin, of publish_NAME(ring, sound) or reserve_NAME(ring, r, sound). */
#define PUBLISH_TWINS(name)                                                                                            \
	NRB_STEP void name##_broken(struct nrb_ring *ring)                                                             \
	{                                                                                                              \
		publish_##name(ring, false);                                                                           \
	}                                                                                                              \
	NRB_STEP void name##_sound(struct nrb_ring *ring)                                                              \
	{                                                                                                              \
		publish_##name(ring, true);                                                                            \
	}                                                                                                              \
	TWINS(name, nrb_begin, nrb_reserve_space, nrb_reserve_space, name##_broken, name##_sound)

#define RESERVE_TWINS(name)                                                                                            \
	NRB_STEP int name##_broken(struct nrb_ring *ring, struct nrb_reservation *r)                                   \
	{                                                                                                              \
		return reserve_##name(ring, r, false);                                                                 \
	}                                                                                                              \
	NRB_STEP int name##_sound(struct nrb_ring *ring, struct nrb_reservation *r)                                    \
	{                                                                                                              \
		return reserve_##name(ring, r, true);                                                                  \
	}                                                                                                              \
	TWINS(name, nrb_begin, name##_broken, name##_sound, nrb_publish, nrb_publish)

/* Five steps; the others as by default. */
#define TWIN_STEPS(begins, reserves, publishes) TWIN_STEPS_END(begins, reserves, publishes, nrb_end)
#define TWIN_STEPS_END(begins, reserves, publishes, ends)                                                              \
	{                                                                                                              \
		.begin = begins, .reserve = reserves, .copy = nrb_copy, .publish = publishes, .end = ends              \
	}

#define TWINS(name, begins, reserves, reserves_well, publishes, publishes_well)                                        \
	static const struct nrb_steps name##_steps = TWIN_STEPS(begins, reserves, publishes);                          \
	static const struct nrb_steps name##_twin_steps = TWIN_STEPS(begins, reserves_well, publishes_well);           \
	RING_TARGET_WRITE_PATH(name, name##_steps)                                                                     \
	RING_TARGET_WRITE_PATH(name##_twin, name##_twin_steps)                                                         \
	static const struct target target_##name __attribute__((unused)) = STEPPED_TARGET(name);                       \
	static const struct target target_##name##_twin __attribute__((unused)) = STEPPED_TARGET(name##_twin)

#endif /* TESTS_TWINS_H */
