/* SPDX-License-Identifier: MIT */
/*
 * steps_path.h - a way to write that is made of steps (src/steps.h), whatever nrb_write() has become
 */
#ifndef BENCH_STEPS_PATH_H
#define BENCH_STEPS_PATH_H

#include "path.h"
#include "steps.h"

/* NAME_write and NAME_write_around by the steps in @steps. */
#define STEPS_PATH(name, steps)                                                                                        \
	NRB_WRITE_PATH static int name##_write(struct bench_ring *ring, const void *payload, size_t size)              \
	{                                                                                                              \
		return nrb_write_by(&(steps), ring->ring, NRB_RECORD_SAMPLE, payload, size);                           \
	}                                                                                                              \
	NRB_WRITE_PATH static int name##_write_around(struct bench_ring *ring, const void *payload, size_t size,       \
						      void (*within)(void *), void *arg)                               \
	{                                                                                                              \
		struct nrb_reservation r;                                                                              \
		int rc = nrb_reserve_by(&(steps), ring->ring, &r, NRB_RECORD_SAMPLE, size);                            \
                                                                                                                       \
		if (rc)                                                                                                \
			return rc;                                                                                     \
		(steps).copy(ring->ring, &r, payload, size);                                                           \
		within(arg);                                                                                           \
		nrb_commit_by(&(steps), ring->ring, &r);                                                               \
		return 0;                                                                                              \
	}

#endif /* BENCH_STEPS_PATH_H */
