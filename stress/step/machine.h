/* SPDX-License-Identifier: MIT */
/*
 * machine.h - a write that is suspended between two of its instructions, as plain data
 *
 * So it can be kept, compared, and gone on with more than once: what is tried after a boundary does not need the way to
 * it again. A machine's memory is its stack alone; what it shares with others is the world (world.h).
 */
#ifndef STRESS_STEP_MACHINE_H
#define STRESS_STEP_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* General registers, as the stepper numbers them; enough for every architecture that Linux has. */
#define MACHINE_REGISTERS 40
/* Floating point and vector registers: AVX-512 takes 2,696 bytes. */
#define MACHINE_VECTOR_SIZE 4096
/* Each level's writes have a stack of their own, so that a nested one never reaches into what it interrupted. */
#define MACHINE_STACK_SIZE (64u << 10)
/* The most of it that a suspended write may be using: a sanitizer's frames are large. */
#define MACHINE_STACK_USED 8192

struct machine {
	uint64_t registers[MACHINE_REGISTERS];
	uint64_t blocked; /* signals, a bit each from signal 1 on */
	uint32_t vector_size;
	_Alignas(64) unsigned char vector[MACHINE_VECTOR_SIZE];
};

/* What a machine is made to do: function(arguments), on a stack that ends at @stack_top, until it returns. */
struct machine_call {
	uintptr_t function;
	uintptr_t argument[3];
	uintptr_t stack_top; /* aligned to 64 bytes */
	uint64_t blocked;    /* signals */
};

#endif /* STRESS_STEP_MACHINE_H */
