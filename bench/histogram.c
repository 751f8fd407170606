/* SPDX-License-Identifier: MIT */
#include "histogram.h"

#include <math.h>

#define PARTS_SHIFT 5u

static unsigned bucket_of(uint64_t ns)
{
	unsigned shift, bucket;

	if (ns < HISTOGRAM_PARTS)
		return (unsigned)ns;
	shift = 63u - (unsigned)__builtin_clzll(ns) - PARTS_SHIFT;
	bucket = (shift + 1) * HISTOGRAM_PARTS + (unsigned)(ns >> shift) - HISTOGRAM_PARTS;
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The last time that is counted in @bucket. */
static uint64_t bucket_end(unsigned bucket)
{
	unsigned shift;

	if (bucket < HISTOGRAM_PARTS)
		return bucket;
	shift = bucket / HISTOGRAM_PARTS - 1;
	return ((uint64_t)(bucket % HISTOGRAM_PARTS + HISTOGRAM_PARTS + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
	histogram->bucket[bucket_of(ns)]++;
	histogram->count++;
	if (ns > histogram->max)
		histogram->max = ns;
}

void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		histogram->bucket[i] += other->bucket[i];
	histogram->count += other->count;
	if (other->max > histogram->max)
		histogram->max = other->max;
}

uint64_t histogram_percentile(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)ceil(share * (double)histogram->count), seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->bucket[i];
		if (seen && seen >= wanted)
			return bucket_end(i) < histogram->max ? bucket_end(i) : histogram->max;
	}
	return histogram->max;
}
