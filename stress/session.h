/* SPDX-License-Identifier: MIT */
/*
 * session.h - a run in progress: what its parts share (private to run.c and run_step.c)
 */
#ifndef STRESS_SESSION_H
#define STRESS_SESSION_H

#include "child.h"
#include "clock.h"
#include "plugin/contain.h"
#include "run.h"

/* What a process is given beyond its time before it is killed. */
#define SESSION_GRACE_NS (1500 * NS_PER_MS)

/* Memory that the processes of a run share. */
struct shared {
	uint32_t stop;
	struct survey survey;
	struct slice_result slice;
	struct step_result step;
	struct kernel_result kernel;
	struct contained ended;
};

/* The run's own bookkeeping. */
struct session {
	struct run *run;
	struct shared *shared;
	struct children children;
	uint64_t start_ns;
	const char *target_name;
	char kernel_obstacle[256]; /* why there can be no slice of the kernel; empty: there can */
	unsigned target;           /* index of what is running in options->target */
};

/* One more result, for options->target[index] in @tier: nothing counted yet. */
struct target_result *session_add_result(struct session *session, enum tier tier, unsigned index);

/* How long the step tier may take; 0: as long as it does. */
uint64_t session_step_ns(const struct options *options);

/* The step tier: not run in slices, but to its end. Adds results of its own. */
void session_run_step(struct session *session);

/* Whoever interrupts itself does so in a tier of its own, and in no other. */
static inline bool session_is_in_tier(const struct target *target, enum tier tier)
{
	return (target->driver == DRIVER_SELF) == (tier == TIER_KERNEL);
}

#endif /* STRESS_SESSION_H */
