/* SPDX-License-Identifier: MIT */
/*
 * trap.h - SIGTRAP, which two things share: the trap flag of slow motion, and breakpoints
 */
#ifndef STRESS_TRAP_H
#define STRESS_TRAP_H

/* Install the handler. Context: thread, before others exist. Return: 0 or -errno. */
int trap_prepare(void);

#endif /* STRESS_TRAP_H */
