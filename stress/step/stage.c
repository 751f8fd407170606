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
#include "step/marks.h"

/* A write that takes more instructions than this is taken for one that never ends. */
#define STEPS_MAX (1u << 18)
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
	if (!target->regions) {
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
	scene_close(&stage->scene);
	if (stage->memory)
		munmap(stage->memory, sizeof(*stage->memory));
	stage->memory = NULL;
}

int stage_world(struct stage *stage, struct world *world)
{
	struct scene *scene = &stage->scene;
	struct target_region region[WORLD_REGIONS];
	unsigned regions = scene->target->regions(scene->ring, scene->reader, region);

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
	uint32_t size = level ? scenario->nested_size : scenario->size;
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

uint32_t stage_step(struct stage *stage, struct stage_write *write)
{
	const char *target = stage->scene.target->name, *scenario = stage->scene.scenario->name;
	uint64_t pc = stage_pc(stage, write);
	int rc = stage->stepper->step(&write->machine);

	write->boundary++;
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
	(void)stage;
	return !stage_next_level(write);
}

unsigned stage_next_level(const struct stage_write *write)
{
	for (unsigned level = write->level + 1; level < LEVELS; level++)
		if (!(write->machine.blocked & 1ull << (level_signal(level) - 1)))
			return level;
	return 0;
}

bool stage_open_here(const struct stage *stage, const struct stage_write *write)
{
	if (stage_masked(stage, write))
		return false;
	return write->repeats < 2 || stage->stepper->repeats_left(&write->machine) <= 1;
}
