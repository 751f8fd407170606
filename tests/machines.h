/* SPDX-License-Identifier: MIT */
/*
 * machines.h - code of the tests' own, run by the steppers: machines, all memory that they touch, and what they run
 */
#ifndef TESTS_MACHINES_H
#define TESTS_MACHINES_H

#include <stdint.h>

#include "step/machine.h"
#include "step/stepper.h"

#define MACHINES 3

/* In memory that a stepped process shares. */
struct machine_memory {
	unsigned char stack[MACHINES][MACHINE_STACK_SIZE];
	uint64_t in[4], out[4];
};

extern struct machine_memory *machine_memory;
extern struct machine machines[MACHINES];

/* Open @stepper and make their memory, or the test fails. */
void machines_open(const struct stepper *stepper);

/* Have machine @i call @function(in, out, 16). */
void machine_begin(const struct stepper *stepper, unsigned i, uintptr_t function);

/* At most @steps of it. Return: those that there were. */
unsigned machine_run(const struct stepper *stepper, unsigned i, unsigned steps);

#ifdef __x86_64__

/*
 * test_keep(in, out, n): vector registers, flags and general ones are given values, stay alone for a while, and are
 * told. test_spoil: the same registers get other values. test_rep: the instruction that repeats itself.
 */
void test_keep(void);
void test_spoil(void);
void test_rep(void);
void test_read_null(void);
void test_for_ever(void);
void test_ill(void);

#endif

#endif /* TESTS_MACHINES_H */
