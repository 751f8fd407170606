/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include "clock.h"
#include "order.h"
#include "statistics.h"

#define SERIES 32u
#define TRIPS 8u /* of a series: the clock is looked at before and after them */
#define ASK_NS (200 * NS_PER_MS)
#define ANSWER_NS (300 * NS_PER_MS)
/* Spins between two looks at the clock. */
#define PATIENCE 4096u

/*
 * Wait until the ball is @wanted. No pause within the loop: it would be part of what is measured.
 *
 * The ball carries no data; acquire and release only keep each trip behind the one before.
 */
static bool wait_for(const struct probe *probe, uint32_t wanted, uint64_t deadline)
{
	for (unsigned spins = 0; nrb_load_acquire(&probe->ball) != wanted; spins++)
		if (spins % PATIENCE == PATIENCE - 1 && clock_ns() > deadline)
			return false;
	return true;
}

double probe_ask(struct probe *probe)
{
	uint64_t deadline = clock_ns() + ASK_NS;
	double series[SERIES];
	uint32_t ball = 0;

	nrb_store_release(&probe->ball, 0);
	for (unsigned i = 0; i < SERIES; i++) {
		uint64_t start = clock_ns();

		for (unsigned trip = 0; trip < TRIPS; trip++, ball += 2) {
			nrb_store_release(&probe->ball, ball + 1);
			if (!wait_for(probe, ball + 2, deadline))
				return -1;
		}
		series[i] = (double)(clock_ns() - start) / TRIPS;
	}
	return median(series, SERIES);
}

void probe_answer(struct probe *probe)
{
	uint64_t deadline = clock_ns() + ANSWER_NS;

	for (uint32_t ball = 0; ball < SERIES * TRIPS * 2; ball += 2) {
		if (!wait_for(probe, ball + 1, deadline))
			return;
		nrb_store_release(&probe->ball, ball + 2);
	}
}

enum place probe_place(double round_trip_ns)
{
	if (round_trip_ns <= 0)
		return PLACE_MIXED;
	if (round_trip_ns < PROBE_CACHE_NS)
		return PLACE_NEAR;
	return round_trip_ns < PROBE_FAR_NS ? PLACE_CACHE : PLACE_FAR;
}

const char *place_name(enum place place)
{
	static const char *const names[] = { "one", "near", "cache", "far", "mixed", "disturbed" };

	return names[place];
}

const char *place_text(enum place place)
{
	static const char *const texts[] = { "one CPU", "one core", "one last-level cache", "CPUs further apart",
					     "mixed",   "disturbed" };

	return texts[place];
}
