/* SPDX-License-Identifier: MIT */
/*
 * step_result.h - what the step tier finds out about one target, as plain data
 */
#ifndef STRESS_STEP_STEP_RESULT_H
#define STRESS_STEP_STEP_RESULT_H

#include "step/witness.h"

/* Accelerations, to be judged one by one. */
#define EXPLORE_SUMMARIES 1u /* a nested write is explored once for each world */
#define EXPLORE_STATES 2u    /* states are followed once */
#define EXPLORE_FAST (EXPLORE_SUMMARIES | EXPLORE_STATES)

/* What was done; sums of it as well. */
struct step_counts {
	uint64_t boundaries;     /* of the outermost writes, not struck */
	uint64_t masked;         /* of these, where the write's own signal mask lets nothing strike */
	uint64_t tuples[LEVELS]; /* strikes (i1), (i1, i2), ..., by depth, that were tried or stand for; [0] unused */
	uint64_t twice;          /* pairs of strikes on the outermost write, where each may be struck twice */
	uint64_t strikes;        /* nested writes run */
	uint64_t taken;          /* of all writes run, those that the ring took */
	uint64_t steps;          /* instructions run */
	uint64_t states;         /* told apart */
	uint64_t ns;
};

/* All scenarios, to a depth, with so many strikes on each write. */
struct step_pass {
	uint8_t depth, strikes;
	uint16_t scenarios;     /* in full */
	uint32_t partial_done;  /* of the scenario that time ran out in: boundaries that were struck */
	uint32_t partial_total; /* of how many */
	struct step_counts counts;
};

/* (1, 1), (2, 1), (1, 2), (3, 1), (2, 2): pairs of strikes one level less deep. */
#define STEP_PASSES 5

struct step_result {
	bool done;      /* it ran to its end, or until it was told to stop */
	bool confirmed; /* what was found was found again when played without shortcuts */
	bool missing;   /* stepping does not work here; message says why */
	int error;      /* -errno with message */
	char message[256];
	char stepper[16];
	uint32_t scenarios; /* that there are */
	uint32_t passes;    /* that were planned */
	uint32_t scenario;  /* which is being gone through */
	struct step_pass pass[STEP_PASSES];
	uint64_t found[VIOLATIONS]; /* states that showed it */
	struct witness witness[VIOLATIONS];
};

#endif /* STRESS_STEP_STEP_RESULT_H */
