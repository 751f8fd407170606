/* SPDX-License-Identifier: MIT */
/*
 * summary.h - what all processes found, cell by cell and place by place (pure)
 */
#ifndef BENCH_SUMMARY_H
#define BENCH_SUMMARY_H

#include "process.h"

/*
 * summary_ns - ns a record of @cell at @place: the median of each process's repetitions, NaN where it has none
 * summary_ratio - the same of the ratio of @above to @below, repetition by repetition
 * @by_process: receives measured->processes values
 *
 * @place is that of @above, or of @below where that alone crosses cores; where both do, they have to have been there
 * both. A repetition that was discarded, see enum place, is in none of them.
 */
void summary_ns(const struct measured *measured, unsigned cell, enum place place, double *by_process);
void summary_ratio(const struct measured *measured, unsigned above, unsigned below, enum place place,
		   double *by_process);

/* The same, as a median and an interval. */
struct estimate summary_ns_estimate(const struct measured *measured, unsigned cell, enum place place);
struct estimate summary_ratio_estimate(const struct measured *measured, unsigned above, unsigned below,
				       enum place place);

struct cell_counts {
	unsigned repetitions; /* that count, at this place */
	unsigned discarded;   /* of the cell, at whatever place */
	double dropped;       /* medians; NaN: not known */
	double instructions, cycles;
};

struct cell_counts summary_counts(const struct measured *measured, unsigned cell, enum place place);

/* What was between CPUs in all of the run. */
struct place_counts {
	unsigned repetitions[PLACES_ALL]; /* by enum place, with those that are discarded */
	double trip_ns[PLACES];           /* median round trip; NaN: none */
};

void summary_places(const struct measured *measured, struct place_counts *counts);

/* All latencies of @cell at @place. */
void summary_latency(const struct measured *measured, unsigned cell, enum place place, struct histogram *histogram);

/* Why @cell was not measured: the first -errno of a process, or 0. */
int summary_status(const struct measured *measured, unsigned cell);

#endif /* BENCH_SUMMARY_H */
