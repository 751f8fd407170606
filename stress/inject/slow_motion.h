/* SPDX-License-Identifier: MIT */
/*
 * slow_motion.h - let an interrupted write go on one instruction at a time
 *
 * Same instructions, same order, some ten microseconds apart, as a hypervisor or firmware pausing the CPU would make
 * them: so readers see a decrease that otherwise lasts a nanosecond. The code under test is not touched.
 *
 * While it lasts the levels' signals are blocked, through the same frame that carries the trap flag: interrupts come
 * faster than instructions then, and each makes a write that it struck go round once more, so that it would stay in
 * slow motion for ever. One that strikes all the same is a class of its own.
 */
#ifndef STRESS_SLOW_MOTION_H
#define STRESS_SLOW_MOTION_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "order.h"

struct writer;

/* No write takes more steps than this in slow motion; beyond, it goes on at full speed. */
#define SLOW_MOTION_STEPS 64

enum slow_state {
	SLOW_OFF,
	SLOW_CLAIMED, /* about to begin: nobody else may */
	SLOW_ON,      /* code is being stepped */
	SLOW_ENDED    /* its write has returned; the next trap clears the flag */
};

/* A writer's slow motion: one at a time, since nothing interrupts it. */
struct slow_motion {
	uint64_t state; /* enum slow_state */
	uint32_t depth; /* handlers in progress where it goes on; 0: the base */
	uint32_t steps;
	uint32_t tainted; /* another interrupt struck: what follows is no longer the first one's doing */
	uint64_t start_ns;
	uint64_t struck_head; /* reserved head when the interrupt struck: what a decrease brings data_head back to */
	uint64_t last_head;   /* data_head at the last step */
	sigset_t mask;        /* signals that the stepped code had blocked before */
};

/* A SIGTRAP of the trap flag. Context: its handler, on the writer. */
void slow_motion_trap(struct writer *writer, void *context);

/* Whether slow motion is on, or just over. Context: writer. */
static inline bool slow_motion_is_on(const struct slow_motion *slow)
{
	return nrb_local_load(&slow->state) >= SLOW_ON;
}

/* Claim it, against handlers that nest. Return: false when another has it. Context: handler. */
static inline bool slow_motion_claim(struct slow_motion *slow)
{
	uint64_t off = SLOW_OFF;

	return nrb_local_cas(&slow->state, &off, SLOW_CLAIMED);
}

/*
 * slow_motion_begin - have the interrupted code stepped; it was claimed before
 * @depth: handlers in progress there
 * @context: its registers, in the frame that the calling handler returns to
 * @struck_head: see struct slow_motion
 *
 * Context: signal handler, near its end.
 */
void slow_motion_begin(struct writer *writer, unsigned depth, void *context, uint64_t struck_head, uint64_t now_ns);

/*
 * slow_motion_settle - end slow motion that has lost its flag
 *
 * An interrupt that strikes in the first or last instructions of another's handler may set the flag in a frame from
 * which nothing is stepped. By the time that the base gets here its write has returned.
 *
 * Context: the base, outside any write.
 */
void slow_motion_settle(struct writer *writer);

/* A write has returned. Context: the code at @depth; a few instructions only, since it may be stepped. */
static inline void slow_motion_write_returned(struct slow_motion *slow, uint64_t depth)
{
	if (nrb_local_load(&slow->state) == SLOW_ON && slow->depth == depth)
		nrb_local_store(&slow->state, SLOW_ENDED);
}

#endif /* STRESS_SLOW_MOTION_H */
