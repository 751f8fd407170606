/* SPDX-License-Identifier: MIT */
/*
 * steppers.h - for tests that put each of the ways to run one instruction to it
 */
#ifndef TESTS_STEPPERS_H
#define TESTS_STEPPERS_H

#include <check.h>

#include "step/stepper.h"

#define STEPPERS 2
extern const struct stepper *const steppers[STEPPERS];

/* Why each does not work here; NULL: it does. */
void steppers_missing(const char *missing[STEPPERS]);

/* Add @test for each, with its index; skipped where that one is @missing. */
void steppers_add(TCase *tcase, const TTest *test, const char *const missing[STEPPERS]);

#endif /* TESTS_STEPPERS_H */
