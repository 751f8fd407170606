/* SPDX-License-Identifier: MIT */
/*
 * counters.h - what the CPU itself counts, of the calling thread in user space, where it can be asked
 */
#ifndef BENCH_COUNTERS_H
#define BENCH_COUNTERS_H

#include <stdint.h>

struct counters {
	int fd[2]; /* instructions, which leads, and cycles; -1: none */
};

struct counted {
	double instructions, cycles; /* NaN: not known */
};

/* Return: 0, or -errno of perf_event_open(2): -ENOENT where there are none, -EACCES where we may not. */
int counters_open(struct counters *counters);
void counters_close(struct counters *counters);

void counters_start(const struct counters *counters);
/* Since counters_start(); NaN of all when others had the counters for a part of that time. */
struct counted counters_stop(const struct counters *counters);

/* Why there are none, from what counters_open() gave. */
const char *counters_explain(int error);

#endif /* BENCH_COUNTERS_H */
