/* SPDX-License-Identifier: MIT */
/*
 * forged.h - runs that never were, one for each way in which a run can end
 */
#ifndef TESTS_FORGED_H
#define TESTS_FORGED_H

#include <stddef.h>

#include "report/report.h"

/* Places in struct forged's result and judgement. */
#define LEGACY 0
#define FIXED 1

/* A run, complete enough for any format. report points into the rest, so it must stay where it was forged. */
struct forged {
	const char *name;
	struct options options;
	struct environment environment;
	struct topology topology;
	struct placement placement;
	struct survey_summary survey;
	struct target_result result[4];
	struct judgement judgement[4];
	struct boundaries boundaries[2];
	struct run_judgement run;
	struct report report;
	char *argv[5];
};

void forge_pass(struct forged *f);
void forge_fail(struct forged *f);
void forge_inconclusive(struct forged *f);
void forge_skip(struct forged *f);
void forge_error(struct forged *f);
void forge_interrupted(struct forged *f);
void forge_no_boundaries(struct forged *f);
/* Every counter at its limit, every kind seen, strikes from nowhere. */
void forge_huge(struct forged *f);

/* Two tiers, of which one cannot exist on that machine. */
void forge_tiers(struct forged *f);

/* The step tier: alone, and all of it done; beside a timer tier, with less time than it needs. */
void forge_step_pass(struct forged *f);
void forge_step_partial(struct forged *f);
/* A sound target that stepping violates; a control that it does not catch, though nothing was left out. */
void forge_step_fail(struct forged *f);
void forge_step_blind(struct forged *f);
/* No way to step, and nobody asked for it. */
void forge_step_missing(struct forged *f);

/* The kernel tier, with all that can be told of it. */
void forge_kernel(struct forged *f);

/* All of them; NULL ends them. */
extern void (*const forges[])(struct forged *f);
#define FORGES 15

/* Where the forged strikes hit: a known function, whose code nobody runs. */
void forged_function(void);

#endif /* TESTS_FORGED_H */
