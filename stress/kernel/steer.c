/* SPDX-License-Identifier: MIT */
#include "kernel/steer.h"

/* The first try, in no danger on any machine. */
#define PERIOD_FIRST_NS 400000u
/* A gain below this is chance. */
#define GAIN 1.05

void kernel_steer_init(struct kernel_steer *steer, uint64_t rate_hz)
{
	*steer = (struct kernel_steer) { .period_ns = PERIOD_FIRST_NS, .best_ns = PERIOD_FIRST_NS };
	if (!rate_hz)
		return;
	steer->fixed = steer->done = true;
	steer->period_ns = 1000000000u / rate_hz;
	if (steer->period_ns < KERNEL_PERIOD_MIN_NS)
		steer->period_ns = KERNEL_PERIOD_MIN_NS;
	if (steer->period_ns > KERNEL_PERIOD_MAX_NS)
		steer->period_ns = KERNEL_PERIOD_MAX_NS;
}

void kernel_steer_resume(struct kernel_steer *steer, uint64_t period_ns, bool slower)
{
	if (steer->fixed)
		return;
	*steer = (struct kernel_steer) { .period_ns = period_ns, .best_ns = period_ns, .slower = slower };
}

static void slow_down(struct kernel_steer *steer)
{
	steer->done = true;
	if (steer->period_ns <= KERNEL_PERIOD_MAX_NS / 2)
		steer->period_ns *= 2;
	steer->best_ns = steer->period_ns;
}

void kernel_steer_update(struct kernel_steer *steer, uint64_t elapsed_ns, uint64_t strikes, bool advanced,
			 bool throttled)
{
	uint64_t next;
	double hz = elapsed_ns ? (double)strikes * 1e9 / (double)elapsed_ns : 0;

	/* Safety applies to a rate that was asked for as well. */
	if (!advanced || (throttled && !steer->fixed)) {
		slow_down(steer);
		return;
	}
	if (steer->done)
		return;
	if (hz <= steer->best_hz * GAIN) {
		steer->period_ns = steer->best_ns;
		steer->done = true;
		return;
	}
	steer->best_hz = hz;
	steer->best_ns = steer->period_ns;
	next = steer->slower ? steer->period_ns * 2 : steer->period_ns / 2;
	if (next < KERNEL_PERIOD_MIN_NS || next > KERNEL_PERIOD_MAX_NS)
		steer->done = true;
	else
		steer->period_ns = next;
}
