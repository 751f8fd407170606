/* SPDX-License-Identifier: MIT */
/*
 * steer.h - how often to interrupt, so that the interrupted code still gets its share (pure)
 *
 * A timer faster than its handler leaves the interrupted thread no time at all, for ever. So the rate follows what is
 * measured: start low, double while there is plenty of room, then follow.
 */
#ifndef STRESS_STEER_H
#define STRESS_STEER_H

#include <stdbool.h>
#include <stdint.h>

/* The levels together are never asked for a shorter mean interval than this. */
#define STEER_FLOOR_NS 20000u

struct steer {
	uint64_t interval_ns; /* mean, of each level */
	uint64_t floor_ns;    /* of each level */
	uint32_t allowed_ppm; /* share of the writer's time that interrupts may take, in millionths */
	bool fixed;           /* the rate was asked for */
	bool following;       /* past the doubling */
	uint64_t window_elapsed_ns, window_busy_ns, window_strikes;
};

/* @levels: how many timers share the floor. @rate_hz: of each level; 0: steered. @progress: share left to the base */
void steer_init(struct steer *steer, unsigned levels, uint64_t rate_hz, double progress);

/*
 * steer_update - account for a stretch of time, and set interval_ns anew when a window is full
 * @elapsed_ns: time that passed, slow motion taken out
 * @busy_ns: of this in handlers, their entry and exit included
 * @strikes: interrupts in it
 */
void steer_update(struct steer *steer, uint64_t elapsed_ns, uint64_t busy_ns, uint64_t strikes);

/* Half the rate, for good measure after a starvation. Applies to an asked rate too. */
void steer_halve(struct steer *steer);

#endif /* STRESS_STEER_H */
