/* SPDX-License-Identifier: MIT */
/*
 * breakpoints.h - strike at every instruction where the kernel puts the handle: the kernel's counterpart of aim
 */
#ifndef STRESS_KERNEL_BREAKPOINTS_H
#define STRESS_KERNEL_BREAKPOINTS_H

#include "kernel/events.h"
#include "kernel/kernel_result.h"

/* Breakpoints behind the one that strikes, that only take time: readers see what stands there longer. */
#define KERNEL_DELAYS 2

struct kernel_sweep {
	struct kernel_events *events;
	struct kernel_result *sum; /* which functions; goes on where the slice before ended */
	int strike;                /* the event that writes; < 0: none */
	int delay[KERNEL_DELAYS];
	unsigned tries;   /* at this byte */
	uint64_t strikes; /* so far, as the event counts them */
	uint64_t began;   /* as many as there were when it came here */
	bool armed;       /* for the first time */
	bool moved;       /* it is disabled since */
};

/* Bytes to go through: of all functions that put the handle. */
unsigned kernel_sweep_length(const struct kernel_result *sum);

/* Address of byte @at of these. */
uint64_t kernel_sweep_address(const struct kernel_result *sum, unsigned at);

/* Set breakpoints. Context: before anybody reads the ring. Return: 0 or -errno. */
int kernel_sweep_begin(struct kernel_sweep *sweep, struct kernel_events *events, struct kernel_result *sum);

/*
 * kernel_sweep_tend - have the next write struck, once; and now and then go on to the next byte
 *
 * A byte that no instruction begins at is never struck. Context: the writer, between two names. Nothing else may write
 * into the ring from interrupts meanwhile: with those held off the kernel could not disarm.
 */
void kernel_sweep_tend(struct kernel_sweep *sweep);

/* Over all instructions that were struck: how many there are, and how often each was on average. */
unsigned kernel_sweep_instructions(const struct kernel_result *sum, uint64_t *mean);

#endif /* STRESS_KERNEL_BREAKPOINTS_H */
