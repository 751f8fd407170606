/* SPDX-License-Identifier: MIT */
/*
 * explore.h - strike a write at every instruction boundary, and the nested writes at each of theirs
 *
 * Exhaustive for the compiled code under program order, with an observer who looks after every instruction. Three
 * things make it fast, and none of them leaves anything out:
 *
 *  - A suspended write is data, so that what follows a strike does not need the way to it again.
 *  - What a nested write does depends on the world that it finds and on nothing else: so it is explored once for each
 *    world, and its outcomes, the worlds that it may leave, stand for it wherever that world comes up again.
 *  - A write that goes on after a strike is followed until it meets a state (registers, stack, world) that was followed
 *    before. A strike after an instruction that does not touch the ring meets one at once.
 */
#ifndef STRESS_STEP_EXPLORE_H
#define STRESS_STEP_EXPLORE_H

#include "boundary.h"
#include "step/hash.h"
#include "step/scene.h"
#include "step/stepper.h"
#include "step/step_result.h"

/* What is wanted. */
struct explore_plan {
	const struct stepper *stepper;
	unsigned depth;   /* writes that nest below the outermost: 1 to LEVELS - 1 */
	unsigned strikes; /* on each write: 1 or 2 */
	uint32_t from;    /* boundaries of the outermost write before this one are not struck; 0: all are */
	unsigned accelerations;
	uint64_t deadline_ns;
	const uint32_t *stop; /* shared memory: end early; may be NULL */
};

/* A way to the end of the outermost write, and the world that it ends in. */
struct explore_sample {
	uint64_t number;    /* of ways so far */
	struct witness way; /* its strikes; no violation */
	struct hash world;
};

struct explore_result {
	bool complete;
	uint64_t done; /* boundaries of the outermost write that are through */
	int error;     /* -errno, with message */
	char message[256];
	struct step_counts counts;
	struct explore_sample sample;
	uint64_t found[VIOLATIONS];         /* states in which it showed */
	struct witness witness[VIOLATIONS]; /* the shortest way to each; kept over several calls */
};

/*
 * explore - one scenario of one target
 * @result: zeroed but for witness[], which is improved upon
 * @map: receives what each boundary of the outermost write is; may be NULL
 *
 * Context: a thread that nobody sends signals to, in a process of its own: a target that crashes takes it along.
 */
void explore(const struct target *target, const struct scenario *scenario, const struct explore_plan *plan,
	     struct explore_result *result, struct boundaries *map);

#endif /* STRESS_STEP_EXPLORE_H */
