/* SPDX-License-Identifier: MIT */
/*
 * statistics.h - medians, and how far they can be trusted (pure)
 *
 * Repetitions of one process share its address layout and its minutes, so they are no independent witnesses; processes
 * are. So each process gives one value, and intervals are bootstrapped over the processes.
 */
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

/* The most processes of a run. */
#define STATISTICS_MAX 256

/* What is told with an interval, in how many cases of a hundred it holds the value. */
#define CONFIDENCE 0.95

/* With fewer processes resampling says next to nothing, and there is no interval. */
#define INTERVAL_MIN 4u

struct estimate {
	double value;     /* NaN: there is none */
	double low, high; /* of the interval; NaN: too few processes for one */
	unsigned count;   /* processes that gave a value */
};

/* The median of @count values, which it sorts; NaN of none. */
double median(double *values, unsigned count);

/*
 * estimate_make - the median of what each process found, and an interval
 * @values: one of each process, @count of them, STATISTICS_MAX at most; NaN where it has none
 * @confidence: of the interval, such as CONFIDENCE
 *
 * The same values give the same interval: the resampling's randomness is its own.
 */
struct estimate estimate_make(const double *values, unsigned count, double confidence);

/* The same of the quotient of two medians, of processes that have nothing to do with each other: two runs. */
struct estimate estimate_quotient(const double *above, unsigned aboves, const double *below, unsigned belows,
				  double confidence);

/* Whether @quotient differs from 1: by more than @tolerance, such as 0.05, and all of its interval by half of that. */
bool estimate_differs(const struct estimate *quotient, double tolerance);

#endif /* BENCH_STATISTICS_H */
