/* SPDX-License-Identifier: MIT */
/*
 * stepping.h - the harness's steppers, for tests: whether they work here, any code run by them, and targets explored
 */
#ifndef TESTS_STEPPING_H
#define TESTS_STEPPING_H

#include <stdint.h>

#include "step/step.h"
#include "targets/ring_target.h"

/* Why @stepper does not work here; NULL: it does. */
const char *stepping_missing(const struct stepper *stepper);

/*
 * stepping_run - call @code(@argument) by the trap flag, and @at_boundary(@context, pc) before each instruction but the
 * first
 *
 * The code runs in this process; its memory is everybody's.
 */
void stepping_run(void (*code)(void *argument), void *argument, void (*at_boundary)(void *context, uint64_t pc),
		  void *context);

/* A target that claims to be sound; of RING_TARGET_WRITE_PATH(name, ...). */
#define STEPPED_TARGET(write_path)                                                                                     \
	{                                                                                                              \
		.name = #write_path, .summary = "", .claim = CLAIM_SOUND, RING_TARGET_COMMON,                          \
		.text = write_path##_text, .write = write_path##_write, .reserve = write_path##_reserve,               \
		.commit = write_path##_commit                                                                          \
	}

/*
 * stepping_target - the step tier's findings about @target, however long that takes
 * @stepper: NULL: the first that works
 *
 * Return: valid until the next call.
 */
const struct step_result *stepping_target(const struct target *target, const struct stepper *stepper, unsigned depth,
					  unsigned strikes);

/* Violations that were found, a bit each. */
uint32_t stepping_found(const struct step_result *result);

/* As stepping_target(), and nothing may be found. */
void stepping_expect_clean(const struct target *target, const struct stepper *stepper, unsigned depth,
			   unsigned strikes);

/*
 * stepping_twins - @broken is caught with one of the violations in @kinds, and that is found again when played; @sound
 * is clean in the scenarios that showed something, which is all that time allows for
 *
 * Return: what was found out about @broken; valid until the next call.
 */
const struct step_result *stepping_twins(const struct target *broken, const struct target *sound,
					 const struct stepper *stepper, unsigned strikes, uint32_t kinds);

#endif /* TESTS_STEPPING_H */
