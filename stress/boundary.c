/* SPDX-License-Identifier: MIT */
/*
 * boundary.c - an open hash table that only grows: a slot that was claimed for a program counter stays its own
 */
#include "boundary.h"

#include <stddef.h>

#include "order.h"

/* Nothing is added beyond seven eighths, so that what is sought for is found, or found missing, within a few steps. */
#define FILLED_MAX (BOUNDARIES_MAX / 8 * 7)

_Static_assert((BOUNDARIES_MAX & (BOUNDARIES_MAX - 1)) == 0, "a power of two");

/* Where the search for @pc begins. Neighbouring instructions are a few bytes apart: Fibonacci hashing spreads them. */
static unsigned first_slot(uint64_t pc)
{
	return (unsigned)((pc * 0x9e3779b97f4a7c15u) >> 32) % BOUNDARIES_MAX;
}

struct boundary *boundaries_get(struct boundaries *map, uint64_t pc)
{
	unsigned slot = first_slot(pc);

	if (!pc)
		return NULL;
	for (unsigned probes = 0; probes < BOUNDARIES_MAX; probes++, slot = (slot + 1) % BOUNDARIES_MAX) {
		struct boundary *boundary = &map->at[slot];
		uint64_t known = nrb_load_relaxed(&boundary->pc);

		if (known == pc)
			return boundary;
		if (known)
			continue;
		if (nrb_load_relaxed(&map->count) >= FILLED_MAX)
			return NULL;
		/* Once for each program counter, so it may as well hold against other CPUs too: several writers count
		 * in one table. All that matters is the number itself, so no order is needed. */
		if (nrb_cas_relaxed(&boundary->pc, &known, pc)) {
			nrb_add_relaxed(&map->count, 1);
			return boundary;
		}
		/* Somebody nested in here and took it; for the same one, as like as not. */
		if (known == pc)
			return boundary;
	}
	return NULL;
}

const struct boundary *boundaries_find(const struct boundaries *map, uint64_t pc)
{
	unsigned slot = first_slot(pc);

	for (unsigned probes = 0; pc && probes < BOUNDARIES_MAX; probes++, slot = (slot + 1) % BOUNDARIES_MAX) {
		uint64_t known = nrb_load_relaxed(&map->at[slot].pc);

		if (known == pc)
			return &map->at[slot];
		if (!known)
			break;
	}
	return NULL;
}

void boundaries_strike(struct boundaries *map, uint64_t pc, enum tier tier)
{
	struct boundary *boundary = boundaries_get(map, pc);

	nrb_add_relaxed(boundary ? &boundary->strikes[tier] : &map->elsewhere[tier], 1);
}

void boundaries_followed(struct boundaries *map, uint64_t pc, enum tier tier, uint32_t kinds, bool first)
{
	struct boundary *boundary = (struct boundary *)boundaries_find(map, pc);
	uint32_t seen;

	if (!boundary)
		return;
	if (first)
		nrb_add_relaxed(&boundary->followed[tier], 1);
	seen = nrb_load_relaxed(&boundary->violations);
	/* Bounded: each failure means that another kind was added. */
	while ((seen & kinds) != kinds && !nrb_cas_relaxed(&boundary->violations, &seen, seen | kinds))
		;
}

void boundaries_merge(struct boundaries *into, const struct boundaries *from)
{
	for (unsigned tier = 0; tier < TIERS; tier++)
		into->elsewhere[tier] += from->elsewhere[tier];
	for (unsigned i = 0; i < BOUNDARIES_MAX; i++) {
		const struct boundary *source = &from->at[i];
		struct boundary *sum = boundaries_get(into, source->pc);

		for (unsigned tier = 0; tier < TIERS && source->pc; tier++) {
			if (!sum) {
				into->elsewhere[tier] += source->strikes[tier];
				continue;
			}
			sum->strikes[tier] += source->strikes[tier];
			sum->followed[tier] += source->followed[tier];
		}
		if (!sum)
			continue;
		sum->violations |= source->violations;
		sum->exposed |= source->exposed;
		sum->decreasing |= source->decreasing;
		sum->masked |= source->masked;
	}
}
