/* SPDX-License-Identifier: MIT */
/*
 * progress.h - the one live line on a terminal
 */
#ifndef STRESS_PROGRESS_H
#define STRESS_PROGRESS_H

#include <stdbool.h>

#include "run.h"

/* Whether standard output is a terminal that a line can be rewritten on. */
bool progress_wanted(const struct options *options);

void progress_tell(const struct run_progress *progress);

/* Make room for what comes. */
void progress_clear(void);

#endif /* STRESS_PROGRESS_H */
