/* SPDX-License-Identifier: MIT */
/*
 * strike.c - what every signal that stands for an interrupt does, whoever sent it
 */
#define _GNU_SOURCE
#include <errno.h>

#include "clock.h"
#include "inject/context.h"
#include "levels.h"
#include "payload.h"
#include "writer.h"

/* Payload bytes of the records that handlers write. */
#define SHORT_MAX 64u
#define LONG_MIN 256u
#define LONG_MAX 2048u
#define SEVERAL_MAX 4u

/* One handler in so many waits between reserve and commit, so that deeper levels find it there. */
#define LINGER_ONE_IN 8u
#define LINGER_NS (200 * NS_PER_US)

/* Strikes that expose nothing, as far as is known, go on in slow motion so many times less often. */
#define SLOW_ELSEWHERE 32

/* Until the next level has struck, or the time is up. */
static void linger(struct writer *writer, unsigned level)
{
	uint64_t strikes = nrb_local_load(&writer->log.count);
	uint64_t end = clock_ns() + LINGER_NS;

	(void)level;
	while (nrb_local_load(&writer->log.count) == strikes && clock_ns() < end)
		nrb_cpu_relax();
}

static uint32_t draw_size(struct writer *writer, unsigned level, uint32_t min, uint32_t max)
{
	max = max < writer->payload_max ? max : writer->payload_max;
	min = min < max ? min : PAYLOAD_MIN;
	return (min + random_below(&writer->random[level], max - min + 1)) & ~7u;
}

/* One short record, a long one, or several. Return: whether the ring took any. */
static bool write_nested(struct writer *writer, unsigned level)
{
	struct random *random = &writer->random[level];
	/* Nobody strikes a handler that waits where only code that runs into something is struck. */
	void (*pause)(struct writer *, unsigned) = writer->injector->aims ? NULL : linger;
	unsigned several;
	bool taken = false;

	if (writer->target->reserve && level < LEVELS - 1 && !random_below(random, LINGER_ONE_IN)) {
		nrb_local_add(&writer->counts.lingered, pause != NULL);
		return writer_write_in_place(writer, level, draw_size(writer, level, PAYLOAD_MIN, LONG_MAX), pause);
	}
	switch (random_below(random, 4)) {
	case 0: return writer_write(writer, level, draw_size(writer, level, LONG_MIN, LONG_MAX));
	case 1:
		several = 2 + random_below(random, SEVERAL_MAX - 1);
		for (unsigned i = 0; i < several; i++)
			taken |= writer_write(writer, level, draw_size(writer, level, PAYLOAD_MIN, SHORT_MAX));
		return taken;
	default: return writer_write(writer, level, draw_size(writer, level, PAYLOAD_MIN, SHORT_MAX));
	}
}

/*
 * Whether the interrupted write is to go on in slow motion.
 *
 * Slow motion is for what a reader would otherwise be too slow to see, and costs a hundred times what it shows; so it
 * goes to strikes at exposed boundaries, and to a few of the others, in case something is transient that the survey
 * did not think of. Where boundaries are unknown every strike into a write is as good as any other.
 */
static bool draw_slow(struct writer *writer, unsigned level, bool exposed)
{
	double share = writer->config->options->slow_motion;

	if (!writer->config->slow_motion)
		return false;
	if (!exposed)
		share /= SLOW_ELSEWHERE;
	return random_below(&writer->random[level], 1u << 24) < share * (1u << 24);
}

/* What the survey knows of the instruction that was struck; unknown: any strike into a write may matter. */
static struct exposure_boundary find_boundary(const struct writer *writer, uint64_t interrupted, uint64_t pc,
					      bool *exposed)
{
	static const struct exposure_boundary unknown = { .decreasing = true };
	const struct exposure *exposure = writer->config->exposure;
	const struct exposure_boundary *boundary = NULL;

	if (!exposure->count && (!exposure->complete || writer->target->file))
		boundary = interrupted ? &unknown : NULL;
	else if (interrupted == 1)
		/* A nested writer that is struck leaves publishing to the outermost one: nothing is exposed there. */
		boundary = exposure_find(exposure, pc);
	*exposed = boundary != NULL;
	return boundary ? *boundary : (struct exposure_boundary) { .pc = 0 };
}

/*
 * Interrupts that strike together run one after the other: what the earlier ones did belongs to the last, the one that
 * knows the interrupted instruction. Return: whether the ring took a record of this one, or of those before it.
 */
static bool join_stacked(struct writer *writer, unsigned depth, struct strike *strike, bool taken)
{
	struct stacked *stacked = &writer->stacked[depth];
	const void *handler = writer->injector->entry;
	bool entry = handler && strike->pc == (uint64_t)(uintptr_t)handler;

	if (nrb_local_load(&stacked->any)) {
		strike->head_before = nrb_local_load(&stacked->head);
		taken |= nrb_local_load(&stacked->taken);
	}
	nrb_local_store(&stacked->head, strike->head_before);
	nrb_local_store(&stacked->taken, taken);
	nrb_local_store(&stacked->any, entry);
	return taken;
}

/* The time of the handlers that interrupted nobody's handler, and of what they interrupted, to the steering. */
static void settle_time(struct writer *writer, uint64_t entered_ns, uint64_t nested_slow_before, uint64_t now)
{
	uint64_t nested_slow = writer->nested_slow_ns - nested_slow_before;
	uint64_t busy = now - entered_ns - nested_slow + writer->config->signal_cost_ns;
	uint64_t slow = writer->counts.slow_ns - writer->steered_slow_ns;
	uint64_t elapsed = now - writer->steered_ns;

	writer->counts.handler_ns += busy;
	writer->steered_ns = now;
	writer->steered_slow_ns = writer->counts.slow_ns;
	steer_update(&writer->steer, elapsed > slow ? elapsed - slow : 0, busy, 1);
}

/* The bounds of this program's image, as the linker tells them. */
extern const char __executable_start[], end[];

static bool lies_in(uint64_t pc, const void *start, const void *stop)
{
	return pc - (uintptr_t)start < (uintptr_t)stop - (uintptr_t)start;
}

/*
 * Whether the instruction at @pc, struck while a write was in progress, is that write's: its own text, or what it calls
 * in other libraries. The rest of this program is the harness: handlers that were about to write, or had. They call
 * these libraries as well, but with signals blocked, which the base never has.
 */
static bool is_of_write(const struct writer *writer, uint64_t pc, const ucontext_t *context)
{
	for (const struct text_range *range = writer->target->text; range && range->start; range++)
		if (lies_in(pc, range->start, range->end))
			return true;
	return !lies_in(pc, __executable_start, end) && !sigismember(&context->uc_sigmask, level_signal(1));
}

/* Count a strike into a write at the instruction that it struck, or elsewhere. Return: whether it was the former. */
static bool map_strike(const struct writer *writer, const struct strike *strike, const ucontext_t *context)
{
	bool mapped = is_of_write(writer, strike->pc, context);

	if (!writer->config->boundaries || strike->depth <= 1)
		return false;
	boundaries_strike(writer->config->boundaries, mapped ? strike->pc : 0, writer->injector->tier);
	return mapped;
}

/* Count a strike whose nested writes are done. Handlers nest here too: what they add, they add in full. */
static void count_strike(struct writer *writer, const struct strike *strike, const struct exposure_boundary *boundary)
{
	struct class_counts *counts = &writer->counts.by_class[strike->class];

	nrb_local_add(&counts->strikes, 1);
	nrb_local_add(&counts->in_write, strike->depth > 1);
	nrb_local_add(&counts->exposed, strike->exposed);
	nrb_local_add(&counts->decreasing, strike->exposed && boundary->decreasing);
	nrb_local_add(&writer->counts.strikes_by_level[strike->level], 1);
	nrb_local_add(&writer->counts.strikes_by_depth[strike->depth], 1);
}

void inject_strike(struct writer *writer, unsigned level, void *context)
{
	uint64_t entered = clock_ns(), nested_slow = writer->nested_slow_ns;
	uint64_t interrupted = nrb_local_load(&writer->in_write); /* writes that this one finds in progress */
	unsigned depth = (unsigned)nrb_local_load(&writer->depth);
	bool in_slow = context_steps(context) || slow_motion_is_on(&writer->slow);
	struct strike strike = { .time_ns = entered - writer->start_ns,
				 .pc = context_pc(context),
				 .level = (uint8_t)level,
				 .depth = (uint8_t)(interrupted + 1),
				 .class = in_slow ? STRIKE_IN_SLOW : STRIKE_PLAIN };
	struct exposure_boundary boundary;
	int saved = errno;
	bool exposed;
	uint64_t now;

	if (interrupted && writer->other && nrb_load_relaxed(&writer->other->in_write))
		nrb_local_add(&writer->counts.met, 1);
	nrb_local_store(&writer->struck_pc[depth % LEVELS], strike.pc);
	nrb_local_store(&writer->depth, depth + 1);
	nrb_local_fence();
	boundary = find_boundary(writer, interrupted, strike.pc, &exposed);
	strike.head_before = writer->target->reserved_head(writer->ring);
	/* A nested write that was refused exposes nothing. */
	strike.exposed = join_stacked(writer, depth, &strike, write_nested(writer, level)) && exposed;
	strike.head_after = writer->target->reserved_head(writer->ring);
	/* Unless one that nests into this handler has claimed it first. */
	if (!in_slow && interrupted && draw_slow(writer, level, exposed) && slow_motion_claim(&writer->slow))
		strike.class = STRIKE_SLOW;
	count_strike(writer, &strike, &boundary);
	strike.mapped = map_strike(writer, &strike, context);
	strike_log_add(&writer->log, &strike);
	if (in_slow)
		writer->slow.tainted = 1;

	now = clock_ns();
	if (!depth)
		settle_time(writer, entered, nested_slow, now);
	if (writer->injector->resume)
		writer->injector->resume(writer, level);
	if (strike.class == STRIKE_SLOW)
		slow_motion_begin(writer, depth, context, strike.head_before, now);
	nrb_local_fence();
	nrb_local_store(&writer->depth, depth);
	errno = saved;
}
