/* SPDX-License-Identifier: MIT */
/*
 * steer.h - how often clocks interrupt the kernel (pure)
 *
 * More is not better: clocks that are too fast find each other and not the writer, leave it no time, and are held back
 * by the kernel. So the period is halved, or doubled, for as long as more interrupts strike inside a write for it.
 */
#ifndef STRESS_KERNEL_STEER_H
#define STRESS_KERNEL_STEER_H

#include <stdbool.h>
#include <stdint.h>

#define KERNEL_PERIOD_MIN_NS 50000u
#define KERNEL_PERIOD_MAX_NS 10000000u

struct kernel_steer {
	uint64_t period_ns; /* of the first clock; the others' are longer */
	uint64_t best_ns;
	double best_hz; /* strikes inside a write a second, with that */
	bool slower;    /* which way is tried */
	bool done;      /* it stays */
	bool fixed;     /* it was asked for */
};

/* @rate_hz: interrupts a second that were asked for; 0: steered. */
void kernel_steer_init(struct kernel_steer *steer, uint64_t rate_hz);

/* Go on from @period_ns, once more, faster or @slower. Nothing changes where a rate was asked for. */
void kernel_steer_resume(struct kernel_steer *steer, uint64_t period_ns, bool slower);

/*
 * kernel_steer_update - after @elapsed_ns of the writer's processor time with @strikes inside a write
 * @advanced: the writer got somewhere
 * @throttled: the kernel held clocks back
 */
void kernel_steer_update(struct kernel_steer *steer, uint64_t elapsed_ns, uint64_t strikes, bool advanced,
			 bool throttled);

#endif /* STRESS_KERNEL_STEER_H */
