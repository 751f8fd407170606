/* SPDX-License-Identifier: MIT */
/*
 * scenario.h - the list of states that a ring is put into
 */
#ifndef STRESS_STEP_SCENARIO_H
#define STRESS_STEP_SCENARIO_H

#include "step/scene.h"

extern const struct scenario scenarios[];
extern const unsigned scenario_count;

/* Return: NULL when there is none. */
const struct scenario *scenario_find(const char *name);

#endif /* STRESS_STEP_SCENARIO_H */
