/* SPDX-License-Identifier: MIT */
/*
 * step.h - the step tier: a target explored in all scenarios, deeper with each pass
 */
#ifndef STRESS_STEP_STEP_H
#define STRESS_STEP_STEP_H

#include "boundary.h"
#include "step/step_result.h"
#include "step/stepper.h"
#include "targets/target.h"

struct step_config {
	const struct target *target;
	const struct stepper *stepper; /* NULL: the first that works */
	unsigned depth;                /* 1 to LEVELS - 1 */
	unsigned strikes;              /* on each write: 1 or 2 */
	unsigned left_out;             /* accelerations that are not to be used; 0: none */
	uint64_t duration_ns;          /* ends earlier when it is through */
	bool exhaustive;               /* a control: to the end, caught or not */
	bool forks;                    /* a plug-in: each way in a process of its own */
	const uint32_t *stop;          /* shared memory: end early */
};

/*
 * step_run - explore it
 * @result: in memory shared with the caller, filled as it goes
 * @map: receives what each boundary is
 *
 * A control is explored at depth 1 in full, and then until it is caught; a sound target in full. Whatever is found is
 * played once more, from the beginning and without any shortcut, before it is believed.
 *
 * Context: a process of its own, without other threads.
 */
void step_run(const struct step_config *config, struct step_result *result, struct boundaries *map);

struct contained;

/* A plug-in's process ended although nothing was struck, by what the harness called itself: that is what was found. */
void step_take_end(struct step_result *result, const struct contained *ended);

#endif /* STRESS_STEP_STEP_H */
