/* SPDX-License-Identifier: MIT */
#include "steer.h"

#include <string.h>

/* A window is full with this many strikes in this time at least, or after so long in any case. */
#define WINDOW_STRIKES 16
#define WINDOW_MIN_NS 5000000u
#define WINDOW_MAX_NS 50000000u

#define START_INTERVAL_NS 3000000u
#define CEILING_NS 100000000u

void steer_init(struct steer *steer, unsigned levels, uint64_t rate_hz, double progress)
{
	memset(steer, 0, sizeof(*steer));
	steer->floor_ns = (uint64_t)STEER_FLOOR_NS * levels;
	steer->allowed_ppm = (uint32_t)((1 - progress) * 1e6);
	steer->fixed = rate_hz != 0;
	steer->interval_ns = rate_hz ? 1000000000u / rate_hz : START_INTERVAL_NS;
	if (steer->interval_ns < steer->floor_ns)
		steer->interval_ns = steer->floor_ns;
}

static uint64_t clamp(uint64_t value, uint64_t min, uint64_t max)
{
	if (value < min)
		return min;
	return value > max ? max : value;
}

void steer_update(struct steer *steer, uint64_t elapsed_ns, uint64_t busy_ns, uint64_t strikes)
{
	uint64_t share_ppm, factor_permille;

	if (steer->fixed)
		return;
	steer->window_elapsed_ns += elapsed_ns;
	steer->window_busy_ns += busy_ns;
	steer->window_strikes += strikes;
	if (steer->window_elapsed_ns < WINDOW_MAX_NS &&
	    (steer->window_strikes < WINDOW_STRIKES || steer->window_elapsed_ns < WINDOW_MIN_NS))
		return;
	share_ppm = steer->window_busy_ns * 1000000u / steer->window_elapsed_ns;
	steer->window_elapsed_ns = steer->window_busy_ns = steer->window_strikes = 0;
	if (!steer->following && share_ppm < steer->allowed_ppm / 2) {
		steer->interval_ns = clamp(steer->interval_ns / 2, steer->floor_ns, CEILING_NS);
		return;
	}
	steer->following = true;
	/* Time taken goes with the rate, so the interval is scaled by how far off it was; bounded, since one window is
	 * a noisy measure. */
	factor_permille = share_ppm * 1000u / (steer->allowed_ppm ? steer->allowed_ppm : 1);
	factor_permille = clamp(factor_permille, 830, 1200);
	/* At least one step up, so that a tiny interval cannot get stuck by rounding. */
	steer->interval_ns = clamp(steer->interval_ns * factor_permille / 1000 + (factor_permille > 1000),
				   steer->floor_ns, CEILING_NS);
}

void steer_halve(struct steer *steer)
{
	steer->interval_ns = clamp(steer->interval_ns * 2, steer->floor_ns, CEILING_NS);
	steer->following = true;
}
