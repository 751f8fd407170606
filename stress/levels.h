/* SPDX-License-Identifier: MIT */
/*
 * levels.h - which signals stand for the interrupts of each level: known to those who send them, and to those who must
 * keep them out
 */
#ifndef STRESS_LEVELS_H
#define STRESS_LEVELS_H

#include <signal.h>

/* The signal of a level, 1 to LEVELS - 1. */
static inline int level_signal(unsigned level)
{
	return SIGRTMIN + (int)level;
}

/*
 * The signals of levels up to and including @level, and no other. Built up from nothing: a full set would hold SIGTRAP,
 * and a trap under a mask kills the process.
 */
static inline void level_signals(sigset_t *set, unsigned level)
{
	sigemptyset(set);
	for (unsigned k = 1; k <= level; k++)
		sigaddset(set, level_signal(k));
}

#endif /* STRESS_LEVELS_H */
