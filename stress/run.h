/* SPDX-License-Identifier: MIT */
/*
 * run.h - a whole run: slices of all targets in all tiers in turn, each in a process of its own
 */
#ifndef STRESS_RUN_H
#define STRESS_RUN_H

#include "boundary.h"
#include "kernel/kernel_result.h"
#include "options.h"
#include "placement.h"
#include "result.h"
#include "survey.h"

/* One for each target in each tier. */
#define RUN_RESULTS_MAX (OPTIONS_TARGETS * TIERS)

/* A run in progress, as told to whoever shows progress. */
struct run_progress {
	const char *target;
	uint64_t elapsed_ns, duration_ns;
	uint64_t violations[OPTIONS_TARGETS]; /* so far, by target, all tiers */
};

struct run {
	const struct options *options;
	const struct placement *placement;
	void (*progress)(const struct run_progress *progress); /* NULL: nobody wants to know */
	/* Filled by run_all(): */
	struct survey *survey;
	struct target_result *result; /* @results of them: tier by tier, in each the targets in their order */
	unsigned results;
	struct kernel_result *kernel;  /* what its tier found out */
	struct boundaries *boundaries; /* of options->target[], in this order; over all slices and tiers */
	uint64_t slice_ns;             /* length of a slice as planned; 0: there are none */
	uint64_t target_ns;            /* of all slices of one target in one tier */
	uint64_t wall_ns;
	int stopped_by;         /* the signal that ended it; 0: none */
	char step_missing[256]; /* why there is no step tier, where nobody asked for it; empty: there is */
	char message[256];      /* why it could not be run */
};

/*
 * run_all - run it
 *
 * Blocks SIGINT, SIGTERM and SIGHUP, which end the run early with what there is, and leaves them blocked.
 *
 * Return: 0, or -errno with @run->message.
 */
int run_all(struct run *run);

/* What the step tier may take of a run (pure): all of it alone, else a fifth. Others get what it leaves. */
uint64_t run_step_ns(uint64_t duration_ns, bool alone);

/*
 * run_plan - how long each slice is, and how many rounds there are: 1 s, or a duration's fair part (pure)
 * @slots: slices in a round, one for each target in each tier; at least 1
 */
void run_plan(uint64_t duration_ns, unsigned slots, uint64_t *slice_ns, unsigned *rounds);

void run_free(struct run *run);

#endif /* STRESS_RUN_H */
