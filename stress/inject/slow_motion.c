/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "inject/slow_motion.h"

#include <pthread.h>

#include "clock.h"
#include "inject/context.h"
#include "levels.h"
#include "writer.h"

void slow_motion_begin(struct writer *writer, unsigned depth, void *context, uint64_t struck_head, uint64_t now_ns)
{
	struct slow_motion *slow = &writer->slow;
	ucontext_t *frame = context;

	slow->depth = depth;
	slow->steps = 0;
	slow->tainted = 0;
	slow->start_ns = now_ns;
	slow->struck_head = struck_head;
	slow->last_head = writer->target->head(writer->reader);
	slow->mask = frame->uc_sigmask;
	for (unsigned level = 1; level < LEVELS; level++)
		sigaddset(&frame->uc_sigmask, level_signal(level));
	nrb_local_fence();
	nrb_local_store(&slow->state, SLOW_ON);
	context_set_step(frame, true);
}

/* The writer's own look at data_head, after each instruction: how often it really went down. */
static void look(struct writer *writer, struct slow_motion *slow)
{
	uint64_t head = writer->target->head(writer->reader);

	if ((int64_t)(head - slow->last_head) < 0) {
		/* Back to where the strike found it, and nobody struck since: its doing. */
		bool own = head == slow->struck_head && !slow->tainted;

		writer->counts.by_class[own ? STRIKE_SLOW : STRIKE_IN_SLOW].decreases++;
	}
	slow->last_head = head;
}

static void end(struct writer *writer, struct slow_motion *slow)
{
	uint64_t total = clock_ns() - slow->start_ns;

	nrb_local_store(&slow->state, SLOW_OFF);
	writer->counts.slow_ns += total;
	writer->counts.slow_steps += slow->steps;
	/* Inside a handler it lies within what that handler will count as its own time. */
	if (slow->depth)
		writer->nested_slow_ns += total;
}

/* Undo in @frame what slow_motion_begin() did to the frame that it had. */
static void restore(const struct writer *writer, const struct slow_motion *slow, ucontext_t *frame, bool same)
{
	context_set_step(frame, false);
	if (same) {
		frame->uc_sigmask = slow->mask;
	} else if (!nrb_local_load(&writer->depth)) {
		/* The base has nothing blocked. A handler's mask is replaced when it returns. */
		for (unsigned level = 1; level < LEVELS; level++)
			sigdelset(&frame->uc_sigmask, level_signal(level));
	}
}

void slow_motion_trap(struct writer *writer, void *context)
{
	struct slow_motion *slow = &writer->slow;
	ucontext_t *frame = context;
	bool on, same;

	if (!slow_motion_is_on(slow)) {
		restore(writer, slow, frame, false);
		return;
	}
	look(writer, slow);
	slow->steps++;
	on = nrb_local_load(&slow->state) == SLOW_ON;
	/* Another depth: the flag was set where a handler had just begun or was about to end. */
	same = nrb_local_load(&writer->depth) == slow->depth;
	if (!on || !same || slow->steps >= SLOW_MOTION_STEPS) {
		writer->counts.slow_cut += on;
		end(writer, slow);
		restore(writer, slow, frame, same);
	}
}

void slow_motion_settle(struct writer *writer)
{
	sigset_t set;

	if (!slow_motion_is_on(&writer->slow))
		return;
	end(writer, &writer->slow);
	/* The base never runs with them blocked. */
	level_signals(&set, LEVELS - 1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
