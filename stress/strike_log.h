/* SPDX-License-Identifier: MIT */
/*
 * strike_log.h - the last interrupts of a writer, for readers that want to know what struck before what they saw
 *
 * Written by the writer's handlers, which nest; read from other CPUs without stopping them. Each entry is guarded by
 * its number: 0 while it is being written.
 */
#ifndef STRESS_STRIKE_LOG_H
#define STRESS_STRIKE_LOG_H

#include "order.h"
#include "result.h"

#define STRIKE_LOG_ENTRIES 64u

struct strike_log {
	uint64_t count; /* strikes so far; written by the writer's handlers */
	struct strike entry[STRIKE_LOG_ENTRIES];
	/* Written by readers: the highest number that one of them has seen a decrease after. */
	_Alignas(64) uint64_t seen;
	uint64_t blamed; /* and any violation at all */
};

/* Word by word, since the other side may be at it as well. */
static inline void strike_copy(struct strike *to, const struct strike *from)
{
	const uint64_t *in = (const uint64_t *)from;
	uint64_t *out = (uint64_t *)to;

	_Static_assert(sizeof(*to) % sizeof(uint64_t) == 0, "whole words");
	for (unsigned i = 0; i < sizeof(*to) / sizeof(uint64_t); i++)
		nrb_store_relaxed(&out[i], nrb_load_relaxed(&in[i]));
}

/* Context: handler, nested. Gives @strike its number. */
static inline void strike_log_add(struct strike_log *log, struct strike *strike)
{
	uint64_t number = nrb_local_add(&log->count, 1) + 1;
	struct strike *entry = &log->entry[number % STRIKE_LOG_ENTRIES];

	nrb_store_relaxed(&entry->number, 0);
	/* log:E  pairs with log:F: whoever sees a part of the new content also sees the 0 before it. */
	nrb_fence_release();
	strike->number = 0;
	strike_copy(entry, strike);
	strike->number = number;
	/* log:G  pairs with log:H: with the number comes the whole entry. */
	nrb_store_release(&entry->number, number);
}

/* Copy entry @number. Return: false when it is gone, or being replaced. Context: any thread. */
static inline bool strike_log_get(const struct strike_log *log, uint64_t number, struct strike *strike)
{
	const struct strike *entry = &log->entry[number % STRIKE_LOG_ENTRIES];

	/* log:H  pairs with log:G. */
	if (!number || nrb_load_acquire(&entry->number) != number)
		return false;
	strike_copy(strike, entry);
	/* log:F  pairs with log:E: if any of what was copied is newer, the number is no longer the same. */
	nrb_fence_acquire();
	if (nrb_load_relaxed(&entry->number) != number)
		return false;
	strike->number = number;
	return true;
}

/* Raise *@highest, a claim of a log, to @number. Return: true for the first who does; older ones count as claimed. */
static inline bool strike_claim(uint64_t *highest, uint64_t number)
{
	uint64_t claimed = nrb_load_relaxed(highest);

	while (claimed < number)
		if (nrb_cas_relaxed(highest, &claimed, number))
			return true;
	return false;
}

/* Claim strike @number as seen to be followed by a decrease. Context: any thread. */
static inline bool strike_log_claim(struct strike_log *log, uint64_t number)
{
	return strike_claim(&log->seen, number);
}

#endif /* STRESS_STRIKE_LOG_H */
