/* SPDX-License-Identifier: MIT */
/*
 * replay.h - a witness played again, and told as a story: writers on the left, what a reader sees on the right
 */
#ifndef STRESS_REPLAY_H
#define STRESS_REPLAY_H

#include <stdio.h>

#include "step/stepper.h"
#include "witness_file.h"

/*
 * replay_file - tell all of @path
 * @stepper: NULL: the first that works
 *
 * Return: 0 when each violation showed again; else -errno after a message on standard error.
 */
int replay_file(const char *path, const struct stepper *stepper, FILE *out);

#endif /* STRESS_REPLAY_H */
