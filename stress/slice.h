/* SPDX-License-Identifier: MIT */
/*
 * slice.h - a stretch of stress on one target
 */
#ifndef STRESS_SLICE_H
#define STRESS_SLICE_H

#include <stdint.h>

#include "boundary.h"
#include "exposure.h"
#include "options.h"
#include "placement.h"
#include "result.h"
#include "targets/target.h"

struct injector;

/* All that a slice needs to know; it changes none of it but @stop, which may be set from outside. */
struct slice_config {
	const struct options *options;
	const struct placement *placement;
	const struct target *target;
	const struct injector *injector;
	const struct exposure *exposure; /* of this target */
	struct boundaries *boundaries;   /* of this target, in shared memory: what struck where; NULL: not wanted */
	uint64_t signal_cost_ns;         /* entry and exit of one interrupt */
	bool slow_motion;                /* available, and asked for */
	uint64_t seed;                   /* of this slice */
	uint64_t start;                  /* position of the first byte */
	uint64_t data_size;              /* of each ring, bytes */
	bool tight;                      /* the consumer keeps the ring almost full */
	bool drop;                       /* the base does not wait for room */
	uint64_t duration_ns;
	const uint32_t *stop; /* shared memory: end early */
};

/*
 * slice_run - run it
 *
 * Meant for a process of its own: sets signal handlers, starts and joins threads, and says everything in @result, which
 * lies in memory shared with the caller. Bounded: ends @config->duration_ns after its start, plus a second at most.
 */
void slice_run(const struct slice_config *config, struct slice_result *result);

#endif /* STRESS_SLICE_H */
