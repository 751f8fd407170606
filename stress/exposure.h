/* SPDX-License-Identifier: MIT */
/*
 * exposure.h - at which instructions of a target's write path an interrupt matters
 *
 * A boundary, told by the program counter about to be executed, is exposed if, when a nested write that succeeds
 * strikes there, the interrupted writer's next store to data_head is smaller than the reserved head after the strike.
 * The fixed protocol has such boundaries too: there the nested writer did not publish, and nobody sees a decrease.
 */
#ifndef STRESS_EXPOSURE_H
#define STRESS_EXPOSURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boundary.h"

#define EXPOSURE_MAX 512

struct exposure_boundary {
	uint64_t pc;
	bool decreasing; /* data_head really goes down after a strike here */
	bool landing;    /* where code goes on that was struck somewhere in a sequence: nothing to aim at */
};

struct exposure {
	unsigned count; /* 0: not known */
	unsigned aims;  /* what stands behind count, up to here: not exposed, but a strike there breaks the target */
	bool complete;  /* the search ended by itself, not for lack of time or room */
	struct exposure_boundary boundary[EXPOSURE_MAX];
};

/* Boundaries to aim at, in turn. */
struct exposure_list {
	const struct exposure_boundary *boundary;
	unsigned count;
};

/* Where an interrupt on purpose is worth it: all that is known to be exposed, or to break the target. */
static inline struct exposure_list exposure_aims(const struct exposure *exposure)
{
	return (struct exposure_list) { .boundary = exposure->boundary,
					.count = exposure->aims > exposure->count ? exposure->aims : exposure->count };
}

/* Add what @map knows to be exposed, or to break the target. */
void exposure_take(struct exposure *exposure, const struct boundaries *map);
/* Where nothing of @map is worth it, as in a ring without a data_head: all that a strike can reach. */
void exposure_aim_anywhere(struct exposure *exposure, const struct boundaries *map);
/* Where code begins anew when a strike comes: a strike found at @pc counts as one at an exposed boundary. */
void exposure_add(struct exposure *exposure, uint64_t pc);
/* What @bare, the same code without that, is harmed by is to be aimed at. */
void exposure_aim_at(struct exposure *exposure, const struct exposure *bare);
/* Tell @map what is known. */
void exposure_give(const struct exposure *exposure, struct boundaries *map);

static inline const struct exposure_boundary *exposure_find(const struct exposure *exposure, uint64_t pc)
{
	/* A few dozen at most, and once an interrupt: no need for anything clever. */
	for (unsigned i = 0; i < exposure->count; i++)
		if (exposure->boundary[i].pc == pc)
			return &exposure->boundary[i];
	return NULL;
}

#endif /* STRESS_EXPOSURE_H */
