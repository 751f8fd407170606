/* SPDX-License-Identifier: MIT */
/*
 * open_rings.h - the rings of a process: each is opened once, and its pages stay warm
 */
#ifndef BENCH_OPEN_RINGS_H
#define BENCH_OPEN_RINGS_H

#include "contestant.h"
#include "plan.h"

#define OPEN_RINGS (PLAN_CONTESTANTS * 4u + PLAN_WRITERS)

struct open_ring {
	const struct contestant *contestant; /* NULL: this place is free */
	struct bench_attr attr;
	unsigned number; /* of several that are alike */
	struct bench_ring *ring;
};

struct open_rings {
	struct open_ring open[OPEN_RINGS];
};

/*
 * open_rings_get - the rings that @cell is measured with
 * @ring: receives cell->writers of them
 *
 * Opens what is not open yet. Rings of other sizes are closed first, and so are slots for other payloads: memory is
 * not endless. Others stay open, for all payloads.
 *
 * Return: 0 or -errno.
 */
int open_rings_get(struct open_rings *rings, const struct plan *plan, const struct cell *cell,
		   struct bench_ring **ring);

void open_rings_close(struct open_rings *rings);

#endif /* BENCH_OPEN_RINGS_H */
