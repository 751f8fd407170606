/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "step/stage.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "levels.h"
#include "plugin/contain.h"
#include "step/marks.h"

/* A write that takes more instructions than this is taken for one that never ends. */
#define STEPS_MAX (1u << 18)
/* Of a plug-in's that is to be told of soon. */
#define STEPS_MAX_PLUGIN (1u << 15)
/* Above a machine's first frame: what code that looks at its caller may touch. */
#define STACK_ABOVE 256u

static const struct target *written; /* by write_in_place() */

/* The code that is stepped where a scenario writes in place; same arguments as a target's write. */
static int write_in_place(struct target_ring *ring, const void *payload, size_t size)
{
	struct target_reservation reservation;
	int rc = written->reserve(ring, &reservation, size);

	if (rc)
		return rc;
	memcpy(reservation.payload, payload, size);
	written->commit(ring, &reservation);
	return 0;
}

void stage_fail(struct stage *stage, int error, const char *format, ...)
{
	va_list args;

	if (stage->error)
		return;
	stage->error = error;
	va_start(args, format);
	vsnprintf(stage->message, sizeof(stage->message), format, args);
	va_end(args);
}

int stage_open(struct stage *stage, const struct stepper *stepper, const struct target *target,
	       const struct scenario *scenario)
{
	char message[192];
	int rc;

	memset(stage, 0, sizeof(*stage));
	stage->stepper = stepper;
	written = target;
	if (target->driver != DRIVER_HARNESS) {
		stage_fail(stage, -ENOTSUP, "%s is interrupted by its own environment, so it cannot be stepped",
			   target->name);
		return -ENOTSUP;
	}
	if (!target->regions && !target->file) {
		stage_fail(stage, -ENOTSUP,
			   "%s does not tell what memory its state is made of, so it cannot be stepped", target->name);
		return -ENOTSUP;
	}
	if (target->in_thread && stepper == &stepper_ptrace) {
		stage_fail(stage, -ENOTSUP,
			   "%s keeps something in its thread's own memory, so another process cannot step it",
			   target->name);
		return -ENOTSUP;
	}
	stage->memory = mmap(NULL, sizeof(*stage->memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stage->memory == MAP_FAILED) {
		stage->memory = NULL;
		stage_fail(stage, -ENOMEM, "no memory for stacks");
		return -ENOMEM;
	}
	if (target->file)
		contain_watch();
	rc = scene_open(&stage->scene, target, scenario);
	if (rc) {
		stage_fail(stage, rc, "%s, %s: cannot make a ring: %s", target->name, scenario->name, strerror(-rc));
		return rc;
	}
	/* Last: it may fork, and what there is by then is shared. */
	rc = stepper->open(message, sizeof(message));
	stage->stepping = !rc;
	if (rc)
		stage_fail(stage, rc, "%s", message);
	return rc;
}

void stage_close(struct stage *stage)
{
	if (stage->stepping)
		stage->stepper->close();
	/* What is closed in the middle of a write could go wrong once more. Its process is about to end. */
	if (!stage->ended || stage->scene.target->regions)
		scene_close(&stage->scene);
	if (stage->scene.target && stage->scene.target->file)
		contain_watch_end();
	if (stage->memory)
		munmap(stage->memory, sizeof(*stage->memory));
	stage->memory = NULL;
}

int stage_world(struct stage *stage, struct world *world)
{
	struct scene *scene = &stage->scene;
	struct target_region region[WORLD_REGIONS];
	unsigned regions = scene->target->regions ? scene->target->regions(scene->ring, scene->reader, region) : 0;

	region[regions++] = (struct target_region) { .address = &scene->observer, .size = sizeof(scene->observer) };
	return world_open(world, region, regions);
}

uintptr_t stage_stack_top(const struct stage *stage, unsigned level)
{
	return (uintptr_t)stage->memory->stack[level] + MACHINE_STACK_SIZE - STACK_ABOVE;
}

size_t stage_stack_used(struct stage *stage, const struct stage_write *write, unsigned char **bottom)
{
	uint64_t top = stage_stack_top(stage, write->level);
	uint64_t sp = stage->stepper->sp(&write->machine) & ~7ull;

	if (sp > top || top - sp > MACHINE_STACK_USED) {
		stage_fail(stage, -EFBIG, "%s: a write uses more than %d bytes of stack", stage->scene.target->name,
			   MACHINE_STACK_USED);
		sp = top;
	}
	*bottom = (unsigned char *)(uintptr_t)sp;
	forget_marks(*bottom, top - sp);
	return top - sp;
}

void stage_put_stack(struct stage *stage, unsigned level, const void *stack, size_t used)
{
	unsigned char *top = (unsigned char *)stage_stack_top(stage, level);

	forget_marks(top - MACHINE_STACK_USED, MACHINE_STACK_USED);
	memcpy(top - used, stack, used);
}

void stage_begin(struct stage *stage, struct stage_write *write, unsigned level, uint64_t blocked)
{
	const struct scenario *scenario = stage->scene.scenario;
	bool in_place = !level && scenario->in_place && stage->scene.target->reserve;
	uint32_t size = target_payload(stage->scene.target, level ? scenario->nested_size : scenario->size);
	unsigned char *payload = stage->memory->payload[level];
	struct machine_call call = {
		.function = in_place ? (uintptr_t)write_in_place : (uintptr_t)stage->scene.target->write,
		.argument = { (uintptr_t)stage->scene.ring, (uintptr_t)payload, size },
		.stack_top = stage_stack_top(stage, level),
	};
	sigset_t levels;

	/* As the handler of that level would: it blocks the levels up to its own. */
	level_signals(&levels, level);
	memcpy(&call.blocked, &levels, sizeof(call.blocked));
	call.blocked |= blocked;
	scene_fill(&stage->scene, level, payload, size);
	write->level = level;
	write->boundary = 0;
	write->repeats = 0;
	/* The same leftovers each time, so that the same states look the same. */
	forget_marks(stage->memory->stack[level], MACHINE_STACK_SIZE);
	memset((unsigned char *)call.stack_top - MACHINE_STACK_USED, 0, MACHINE_STACK_USED + STACK_ABOVE);
	stage->stepper->begin(&write->machine, &call);
}

uint64_t stage_pc(const struct stage *stage, const struct stage_write *write)
{
	return stage->stepper->pc(&write->machine);
}

uint32_t stage_end(struct stage *stage, const struct stage_write *write, enum violation kind, int signal, uint64_t pc)
{
	struct findings *last = &stage->scene.last;

	last->count = 1;
	last->at[0] = (struct finding) { .kind = kind, .before = (uint64_t)signal, .after = pc };
	stage->ended = VIOLATION_BIT(kind);
	stage_fail(stage, kind == CRASH ? -EFAULT : -ETIME, "%s, %s: a write of level %u ended after %u instructions",
		   stage->scene.target->name, stage->scene.scenario->name, write->level, write->boundary);
	return stage->ended;
}

uint32_t stage_step(struct stage *stage, struct stage_write *write)
{
	const char *target = stage->scene.target->name, *scenario = stage->scene.scenario->name;
	uint64_t pc = stage_pc(stage, write);
	int rc = stage->stepper->step(&write->machine);

	write->boundary++;
	if (stage->scene.target->file && rc)
		return stage_end(stage, write, rc == CONTAIN_TICK ? HANG : CRASH, rc == CONTAIN_TICK ? 0 : rc, pc);
	if (stage->scene.target->file && write->boundary > STEPS_MAX_PLUGIN)
		return stage_end(stage, write, HANG, 0, pc);
	if (rc) {
		stage_fail(stage, -EFAULT, "%s, %s: signal %d (%s) in instruction %u of a write of level %u, at 0x%llx",
			   target, scenario, rc, strsignal(rc), write->boundary, write->level, (unsigned long long)pc);
		return 0;
	}
	if (write->boundary > STEPS_MAX)
		stage_fail(stage, -ETIME, "%s, %s: a write of level %u does not come to an end", target, scenario,
			   write->level);
	write->repeats = pc == stage_pc(stage, write) ? write->repeats + 1 : 0;
	return scene_look(&stage->scene);
}

bool stage_returned(const struct stage *stage, const struct stage_write *write)
{
	return stage->stepper->returned(&write->machine);
}

uint32_t stage_finish(struct stage *stage, const struct stage_write *write, bool *taken)
{
	int rc = stage->stepper->result(&write->machine);
	uint32_t kinds;

	if (rc && rc != -ENOSPC)
		stage_fail(stage, -EIO, "%s, %s: a write of level %u gave %d", stage->scene.target->name,
			   stage->scene.scenario->name, write->level, rc);
	*taken = !rc;
	kinds = scene_written(&stage->scene, write->level, rc);
	return write->level ? kinds : kinds | scene_rest(&stage->scene);
}

bool stage_masked(const struct stage *stage, const struct stage_write *write)
{
	return !stage_next_level(stage, write);
}

unsigned stage_next_level(const struct stage *stage, const struct stage_write *write)
{
	unsigned levels = stage->scene.target->max_depth;

	/* A depth of 1 is told by who blocks signals: its own mask keeps them out. */
	levels = levels > 1 && levels < LEVELS ? levels : LEVELS;
	for (unsigned level = write->level + 1; level < levels; level++)
		if (!(write->machine.blocked & 1ull << (level_signal(level) - 1)))
			return level;
	return 0;
}

/* The bounds of this program's image, as the linker tells them. */
extern const char __executable_start[], end[];

static bool lies_in(uint64_t pc, const void *start, const void *stop)
{
	return pc - (uintptr_t)start < (uintptr_t)stop - (uintptr_t)start;
}

/* Of a plug-in: its own code, and what it calls in libraries unless that is not wanted; what is around it is ours. */
static bool may_strike_at(const struct target *target, uint64_t pc)
{
	if (!target->file)
		return true;
	for (const struct text_range *range = target->text; range->start; range++)
		if (lies_in(pc, range->start, range->end))
			return true;
	return !target->own_code && !lies_in(pc, __executable_start, end);
}

bool stage_open_here(const struct stage *stage, const struct stage_write *write)
{
	if (stage_masked(stage, write) || !may_strike_at(stage->scene.target, stage_pc(stage, write)))
		return false;
	return write->repeats < 2 || stage->stepper->repeats_left(&write->machine) <= 1;
}
