/* SPDX-License-Identifier: MIT */
/*
 * boundary.h - what struck at each instruction of a target's write path, and what followed
 *
 * A boundary is told by the program counter about to be executed. One table a target, in memory shared between the
 * processes of a run: no pointers in there. Threads and the handlers that nest into them count in it side by side.
 */
#ifndef STRESS_BOUNDARY_H
#define STRESS_BOUNDARY_H

#include <stdbool.h>
#include <stdint.h>

#include "words.h"

/* Slots of a table, a power of two. A write path has a few hundred instructions, with a sanitizer's checks some two
 * thousand; what does not fit is counted as elsewhere. */
#define BOUNDARIES_MAX 4096

struct boundary {
	uint64_t pc; /* 0: the slot is free */
	uint64_t strikes[TIERS];
	uint64_t followed[TIERS]; /* strikes after which a violation was seen */
	uint32_t violations;      /* VIOLATION_BITs seen after strikes here */
	bool exposed;             /* see exposure.h */
	bool decreasing;          /* data_head really goes down after a strike here */
	bool masked;              /* signals are blocked here: nothing but a step can strike */
};

struct boundaries {
	unsigned count;            /* slots taken */
	uint64_t elsewhere[TIERS]; /* strikes at program counters outside the write path, or for want of room */
	struct boundary at[BOUNDARIES_MAX];
};

/*
 * boundaries_get - the boundary at @pc; it is added when it is new
 *
 * Context: any thread of any process that shares @map, and signal handlers. Bounded.
 *
 * Return: NULL when there is no room, or @pc is 0.
 */
struct boundary *boundaries_get(struct boundaries *map, uint64_t pc);

/* The same without adding: NULL when it is not there. */
const struct boundary *boundaries_find(const struct boundaries *map, uint64_t pc);

/* Count a strike of @tier at @pc, or elsewhere. Context: as boundaries_get(). */
void boundaries_strike(struct boundaries *map, uint64_t pc, enum tier tier);

/* Of those counted, one was followed by violations: the VIOLATION_BITs in @kinds. @first: of this strike. What struck
 * elsewhere stays there. Context: as boundaries_get(). */
void boundaries_followed(struct boundaries *map, uint64_t pc, enum tier tier, uint32_t kinds, bool first);

/* Add @from to @into. Context: thread; nobody else is at @into. */
void boundaries_merge(struct boundaries *into, const struct boundaries *from);

#endif /* STRESS_BOUNDARY_H */
