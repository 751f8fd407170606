/* SPDX-License-Identifier: MIT */
/*
 * target_path.h - a way to write that is put under stress as a target (stress/targets): the very code that is, called
 *
 * What stands there in its place is a jump through the target's table.
 */
#ifndef BENCH_TARGET_PATH_H
#define BENCH_TARGET_PATH_H

#include "../limits/copy.h"
#include "path.h"
#include "targets/ring_target.h"

/* NAME_write and NAME_write_around by struct target @target. */
#define TARGET_PATH(name, target)                                                                                      \
	static int name##_write(struct bench_ring *ring, const void *payload, size_t size)                             \
	{                                                                                                              \
		return (target).write((struct target_ring *)ring->ring, payload, size);                                \
	}                                                                                                              \
	static int name##_write_around(struct bench_ring *ring, const void *payload, size_t size,                      \
				       void (*within)(void *), void *arg)                                              \
	{                                                                                                              \
		struct target_reservation r;                                                                           \
		int rc = (target).reserve((struct target_ring *)ring->ring, &r, size);                                 \
                                                                                                                       \
		if (rc)                                                                                                \
			return rc;                                                                                     \
		limit_copy(r.payload, payload, size);                                                                  \
		within(arg);                                                                                           \
		(target).commit((struct target_ring *)ring->ring, &r);                                                 \
		return 0;                                                                                              \
	}

#endif /* BENCH_TARGET_PATH_H */
