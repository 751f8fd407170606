/* SPDX-License-Identifier: MIT */
/*
 * stepping.h - the harness's steppers, for tests: whether they work here, and any code run by them
 */
#ifndef TESTS_STEPPING_H
#define TESTS_STEPPING_H

#include <stdint.h>

#include "step/stepper.h"

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

#endif /* TESTS_STEPPING_H */
