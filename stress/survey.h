/* SPDX-License-Identifier: MIT */
/*
 * survey.h - what must be known of machine and targets before the first slice
 */
#ifndef STRESS_SURVEY_H
#define STRESS_SURVEY_H

#include "exposure.h"
#include "options.h"
#include "report/report.h"
#include "step/stepper.h"

struct survey {
	bool done; /* it ran to its end */
	struct survey_summary summary;
	struct exposure exposure[OPTIONS_TARGETS]; /* of options->target[], in this order */
	char obstacle[TIERS][200];                 /* why a tier cannot exist here; empty: it can */
};

/*
 * survey_run - find out
 * @options: the targets
 * @cpu: where writers will run; the calling thread is pinned there
 * @survey: receives it; in memory shared with the caller, since this is meant for a process of its own
 *
 * Strikes each target's write at every boundary. Bounded in time; what was not reached is not counted as exposed, which
 * only weakens what is claimed later.
 */
void survey_run(const struct options *options, unsigned cpu, struct survey *survey);

/* How much of a run's time the search for one target's exposed boundaries may take (pure). */
uint64_t survey_target_ns(const struct options *options);

/* The parts: of @target alone, until @deadline_ns; and the cost of a timer signal. */
void survey_exposure(const struct target *target, const struct stepper *stepper, uint64_t deadline_ns,
		     struct exposure *exposure);
uint64_t survey_signal_cost_ns(void);

#endif /* STRESS_SURVEY_H */
