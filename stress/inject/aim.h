/* SPDX-License-Identifier: MIT */
/*
 * aim.h - a hardware breakpoint on the instructions at which an interrupt matters
 */
#ifndef STRESS_AIM_H
#define STRESS_AIM_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "words.h"

struct writer;

/* A writer's breakpoint. */
struct aim {
	uint32_t open;     /* there is one */
	int fd;            /* of its perf event */
	bool off;          /* since it has struck the base's write */
	unsigned at;       /* index of the boundary on which it stands */
	uint64_t hits;     /* there */
	uint64_t moved_ns; /* when it was put there */
	/* The write that level k struck last, and how often: by number within its own level, from 1. */
	uint64_t struck[LEVELS];
	unsigned strikes[LEVELS];
};

/* A SIGTRAP with TRAP_PERF. Context: its handler, on the writer. */
void aim_trap(struct writer *writer, siginfo_t *info, void *context);

#endif /* STRESS_AIM_H */
