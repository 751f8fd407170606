/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - counts of times from 1 ns to 18 minutes, each known to 3 % (pure)
 *
 * Log-linear: each power of two is divided into 32 equal parts; below 32 ns each nanosecond has its own.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_PARTS 32u
#define HISTOGRAM_BUCKETS (36u * HISTOGRAM_PARTS)

struct histogram {
	uint64_t max; /* ns, exact */
	uint64_t count;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* What is longer than the last bucket is counted there. */
void histogram_add(struct histogram *histogram, uint64_t ns);
void histogram_merge(struct histogram *histogram, const struct histogram *other);

/* The largest time, ns, that no more than 1 - @share of all exceed: 0.99 is the 99th percentile. 0 of none. */
uint64_t histogram_percentile(const struct histogram *histogram, double share);

#endif /* BENCH_HISTOGRAM_H */
