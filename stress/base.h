/* SPDX-License-Identifier: MIT */
/*
 * base.h - what a writer's thread does by itself: it writes at full speed, and is there to be interrupted
 */
#ifndef STRESS_BASE_H
#define STRESS_BASE_H

#include "writer.h"

/* The thread. @argument: its struct writer. */
void *base_main(void *argument);

#endif /* STRESS_BASE_H */
