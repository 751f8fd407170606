/* SPDX-License-Identifier: MIT */
/*
 * stepper.h - ways to run one instruction of a machine, as tables of functions; a file each
 *
 * One at a time in a process. What the machines use must be memory that exists, and is shared, before open.
 */
#ifndef STRESS_STEP_STEPPER_H
#define STRESS_STEP_STEPPER_H

#include <stdbool.h>

#include "step/machine.h"

struct stepper {
	const char *name;
	/* Return: 0; or -errno with a reason in @message: it does not work here. */
	int (*open)(char *message, size_t size);
	/* Suspend @machine before the first instruction of @call. */
	void (*begin)(struct machine *machine, const struct machine_call *call);
	/* Run one instruction. Return: 0, or the signal that it raised: CONTAIN_TICK when it does not come back. */
	int (*step)(struct machine *machine);
	uint64_t (*pc)(const struct machine *machine);
	uint64_t (*sp)(const struct machine *machine);
	/* Whether the call has returned. */
	bool (*returned)(const struct machine *machine);
	/* What it returned. */
	int (*result)(const struct machine *machine);
	/* Turns that the instruction about to run has left, where it is one that repeats itself; only asked then. */
	uint64_t (*repeats_left)(const struct machine *machine);
	void (*close)(void);
};

/* By the trap flag, within this process: x86-64. */
extern const struct stepper stepper_trap;
/* By ptrace, in a process of its own: any architecture whose registers ptrace.c knows. */
extern const struct stepper stepper_ptrace;

/* The first that works here. Return: NULL with the reason in @message. */
const struct stepper *stepper_choose(char *message, size_t size);

/* Where calls return to. Never runs. */
void stepper_landing(void);

#endif /* STRESS_STEP_STEPPER_H */
