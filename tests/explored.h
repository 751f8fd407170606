/* SPDX-License-Identifier: MIT */
/*
 * explored.h - targets put through the step tier, for tests
 */
#ifndef TESTS_EXPLORED_H
#define TESTS_EXPLORED_H

#include <stdint.h>

#include "step/step.h"
#include "targets/ring_target.h"

/* A target that claims to be sound; of RING_TARGET_WRITE_PATH(name, ...). */
#define STEPPED_TARGET(write_path)                                                                                     \
	{                                                                                                              \
		.name = #write_path, .summary = "", .claim = CLAIM_SOUND, RING_TARGET_COMMON,                          \
		.text = write_path##_text, .write = write_path##_write, .reserve = write_path##_reserve,               \
		.commit = write_path##_commit                                                                          \
	}

/*
 * explored_target - the step tier's findings about @target, however long that takes
 * @stepper: NULL: the first that works
 *
 * Return: valid until the next call.
 */
const struct step_result *explored_target(const struct target *target, const struct stepper *stepper, unsigned depth,
					  unsigned strikes);

/* Violations that were found, a bit each. */
uint32_t explored_found(const struct step_result *result);

/* As explored_target(), and nothing may be found. */
void explored_expect_clean(const struct target *target, const struct stepper *stepper, unsigned depth,
			   unsigned strikes);

/*
 * explored_twins - @broken is caught with one of the violations in @kinds, and that is found again when played; @sound
 * is clean in the scenarios that showed something, which is all that time allows for. With one strike on each write,
 * and unless NRB_CHECK=full, none is tried after the first that shows it.
 *
 * Return: what was found out about @broken; valid until the next call.
 */
const struct step_result *explored_twins(const struct target *broken, const struct target *sound,
					 const struct stepper *stepper, unsigned strikes, uint32_t kinds);

#endif /* TESTS_EXPLORED_H */
