/* SPDX-License-Identifier: MIT */
/*
 * child.h - the parts of a run, each in a process of its own: so one may crash, hang or be killed, and the run goes on
 */
#ifndef STRESS_CHILD_H
#define STRESS_CHILD_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct children {
	uint32_t *stop;              /* in memory that they share: set to 1 when they are to end early */
	void (*tell)(void *context); /* called a few times a second while one runs */
	void *context;
	int stopped_by; /* the signal that ends the run; 0: none came */
	/* Filled by children_open(): */
	sigset_t signals;  /* that are waited for */
	sigset_t original; /* the mask before */
};

/* Block SIGCHLD, and what ends a run: SIGINT, SIGTERM and SIGHUP, unless they were ignored by who started us. */
void children_open(struct children *children);

/*
 * child_start - start a process for one part of the run
 *
 * It never outlives its parent, and does not see what ends a run: the parent does, and tells through shared memory.
 *
 * Return: its pid; 0 in the child; or -errno.
 */
pid_t child_start(struct children *children);

/*
 * child_wait - wait for @child, for @patience_ns; then kill it
 *
 * Return: its wait status; -ETIME when it had to be killed; or -errno.
 */
int child_wait(struct children *children, pid_t child, uint64_t patience_ns);

/* How a process ended that left no result. @status: as child_wait() gave it, or child_start()'s error. */
void child_explain(char *message, size_t size, int status);

#endif /* STRESS_CHILD_H */
