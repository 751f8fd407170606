/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - the kernel that this machine runs, as a target: it writes its own ring and interrupts itself
 *
 * A thread's prctl(PR_SET_NAME) has the kernel write COMM records, with interrupts on; clocks interrupt it, and their
 * samples go into the same ring. The interrupted instruction, which a sample tells, proves that one write struck
 * another.
 */
#ifndef STRESS_KERNEL_H
#define STRESS_KERNEL_H

#include <stddef.h>

#include "kernel/kernel_result.h"
#include "result.h"
#include "slice.h"
#include "targets/target.h"

/* Its name, its claim, and what can be told of it; none of its functions is there. */
extern const struct target kernel_target;

/* Whether it is one of the targets; and whether no other is judged. */
bool kernel_is_named(const struct options *options);
bool kernel_is_alone(const struct options *options);

/*
 * kernel_prepare - what must be known before the first slice
 * @result: receives the functions, and what the version says; its other fields stay as they are
 * @breakpoints: these were asked for
 * @reason: receives why there can be no slice, and what would help
 *
 * Context: thread, before any child is started.
 *
 * Return: 0, or -errno with @reason.
 */
int kernel_prepare(struct kernel_result *result, bool breakpoints, char *reason, size_t size);

/*
 * kernel_slice_run - one slice: a ring for each writer that is placed, and its readers
 * @round: which: it chooses between forward and backward rings, and their sizes
 * @result: as slice_run() fills it
 * @sum: adds to it; in memory shared with the caller
 *
 * Meant for a process of its own, as slice_run(). Bounded: ends @config->duration_ns after its start, plus a second.
 */
void kernel_slice_run(const struct slice_config *config, unsigned round, struct slice_result *result,
		      struct kernel_result *sum);

#endif /* STRESS_KERNEL_H */
