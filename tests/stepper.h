/* SPDX-License-Identifier: MIT */
/*
 * stepper.h - run code one instruction at a time, and do something at each boundary between two
 *
 * By the trap flag of x86-64: the CPU raises SIGTRAP after every instruction, and the signal's handler is what runs at
 * the boundary, exactly as an interrupt would. The code itself is unchanged. One thread at a time.
 */
#ifndef TESTS_STEPPER_H
#define TESTS_STEPPER_H

#include <stdint.h>

/* Why there is no stepping here; NULL: there is. */
const char *stepper_missing(void);

/*
 * stepper_run - call @code(@argument), and @at_boundary(@context, pc) after each of its instructions
 *
 * A few instructions before and after the call are stepped as well. @at_boundary runs in a signal handler. It may step
 * code of its own by another stepper_run().
 */
void stepper_run(void (*code)(void *argument), void *argument, void (*at_boundary)(void *context, uint64_t pc),
		 void *context);

#endif /* TESTS_STEPPER_H */
