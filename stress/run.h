/* SPDX-License-Identifier: MIT */
/*
 * run.h - a whole run: slices of all targets in turn, each in a process of its own
 */
#ifndef STRESS_RUN_H
#define STRESS_RUN_H

#include "boundary.h"
#include "options.h"
#include "placement.h"
#include "result.h"
#include "survey.h"

/* A run in progress, as told to whoever shows progress. */
struct run_progress {
	const char *target;
	uint64_t elapsed_ns, duration_ns;
	uint64_t violations[OPTIONS_TARGETS]; /* so far, by target */
};

struct run {
	const struct options *options;
	const struct placement *placement;
	void (*progress)(const struct run_progress *progress); /* NULL: nobody wants to know */
	/* Filled by run_all(): */
	struct survey *survey;
	struct target_result *result;  /* options->targets of them */
	struct boundaries *boundaries; /* of options->target[], in this order; over all slices and tiers */
	uint64_t slice_ns;
	uint64_t wall_ns;
	int stopped_by;    /* the signal that ended it; 0: none */
	char message[256]; /* why it could not be run */
};

/*
 * run_all - run it
 *
 * Blocks SIGINT, SIGTERM and SIGHUP, which end the run early with what there is, and leaves them blocked.
 *
 * Return: 0, or -errno with @run->message.
 */
int run_all(struct run *run);

/* How long each slice is, and how many rounds of all targets there are: 1 s, or a duration's fair part (pure). */
void run_plan(uint64_t duration_ns, unsigned targets, uint64_t *slice_ns, unsigned *rounds);

void run_free(struct run *run);

#endif /* STRESS_RUN_H */
