/* SPDX-License-Identifier: MIT */
/*
 * forked.h - every way in a process of its own: for a target whose memory is not known, so that no state of it can be
 * kept and put back
 *
 * Slower than explore.h, and without its shortcuts: each way is played from its beginning. Nothing that a target does
 * there, to itself or to the process, reaches the next way.
 */
#ifndef STRESS_STEP_FORKED_H
#define STRESS_STEP_FORKED_H

#include "boundary.h"
#include "exposure.h"
#include "step/step.h"

/* A way is soon played; code that hangs where no look finds it, since it blocks signals, is given so long. */
#define FORKED_WAY_NS 10000000000ull

/*
 * forked_run - strike at each boundary of a write, in each scenario; then at each of the nested writes
 * @result: its passes are planned here, since twice on one write is not tried
 *
 * Context: a process of its own, without other threads.
 */
void forked_run(const struct step_config *config, const struct stepper *stepper, uint64_t deadline_ns,
		struct step_result *result, struct boundaries *map);

/* Which boundaries of a write into an empty ring are exposed, as far as there is time. */
void forked_survey(const struct target *target, const struct stepper *stepper, uint64_t deadline_ns,
		   struct exposure *exposure);

#endif /* STRESS_STEP_FORKED_H */
