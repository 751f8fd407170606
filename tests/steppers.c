/* SPDX-License-Identifier: MIT */
#include "steppers.h"

#include "stepping.h"
#include "suite.h"

const struct stepper *const steppers[STEPPERS] = { &stepper_trap, &stepper_ptrace };

void steppers_missing(const char *missing[STEPPERS])
{
	for (int i = 0; i < STEPPERS; i++)
		missing[i] = stepping_missing(steppers[i]);
}

void steppers_add(TCase *tcase, const TTest *test, const char *const missing[STEPPERS])
{
	for (int i = 0; i < STEPPERS; i++) {
		if (missing[i])
			suite_add(tcase, test, missing[i]);
		else
			tcase_add_loop_test(tcase, test, i, i + 1);
	}
}
