/* SPDX-License-Identifier: MIT */
/*
 * process.h - the processes of a run, one after the other
 */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include "worker.h"

/* What all of them have found; a process that failed is not among them. */
struct measured {
	const struct plan *plan;
	unsigned processes;
	const struct worker_memory *process[STATISTICS_MAX];
	unsigned failed;   /* processes that crashed or had to be killed */
	char message[200]; /* how the last of those ended */
	int stopped_by;    /* a signal: not all were run; 0: none came */
	uint64_t wall_ns;
};

/*
 * measured_run - run the processes of @plan
 * @tell: told how many are done, a few times a second; may be NULL
 *
 * Each one has a time limit. SIGINT, SIGTERM and SIGHUP end the run early; what was measured until then stays.
 *
 * Return: 0, or -errno when none could be started.
 */
int measured_run(struct measured *measured, const struct plan *plan, void (*tell)(unsigned done, unsigned of));
void measured_free(struct measured *measured);

#endif /* BENCH_PROCESS_H */
