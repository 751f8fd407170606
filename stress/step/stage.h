/* SPDX-License-Identifier: MIT */
/*
 * stage.h - where writes are stepped: a scene, a stepper, and memory for each level's stack and payload
 */
#ifndef STRESS_STEP_STAGE_H
#define STRESS_STEP_STAGE_H

#include "step/scene.h"
#include "step/stepper.h"
#include "step/world.h"

/* Memory that machines use, shared with a process that steps them. */
struct stage_memory {
	unsigned char stack[LEVELS][MACHINE_STACK_SIZE];
	unsigned char payload[LEVELS][SCENE_PAYLOAD_MAX];
};

struct stage {
	const struct stepper *stepper;
	bool stepping; /* it is open */
	struct scene scene;
	struct stage_memory *memory;
	uint32_t ended; /* a plug-in's code has crashed, or hangs: that violation's bit, told in scene.last */
	int error;      /* -errno: it cannot go on; message says why */
	char message[256];
};

/* One write, suspended. */
struct stage_write {
	struct machine machine;
	unsigned level;
	uint32_t boundary; /* instructions that have run */
	uint32_t repeats;  /* the next instruction is the one before, for so many times */
};

/* Return: 0, or -errno with stage->message: -ENOTSUP and -EPERM when the stepper does not work here. */
int stage_open(struct stage *stage, const struct stepper *stepper, const struct target *target,
	       const struct scenario *scenario);
void stage_close(struct stage *stage);

/* Take all that its writes and its observer remember for a world, as it is now. Return: 0 or -ENOMEM. */
int stage_world(struct stage *stage, struct world *world);

/* What keeps it from going on. The first one stays. */
__attribute__((format(printf, 3, 4))) void stage_fail(struct stage *stage, int error, const char *format, ...);

/* A plug-in's write ends here: CRASH with the @signal, or HANG. Return: the violation's bit. */
uint32_t stage_end(struct stage *stage, const struct stage_write *write, enum violation kind, int signal, uint64_t pc);

/* Begin a write of @level, with the signals of @blocked and those of its own level's handler blocked. */
void stage_begin(struct stage *stage, struct stage_write *write, unsigned level, uint64_t blocked);

/* Run one instruction, and look. Return: violations, a bit each. */
uint32_t stage_step(struct stage *stage, struct stage_write *write);
bool stage_returned(const struct stage *stage, const struct stage_write *write);

/*
 * The write has returned. Of the outermost: all must be at rest now. @taken: receives whether the ring took the record.
 * Return: violations, a bit each.
 */
uint32_t stage_finish(struct stage *stage, const struct stage_write *write, bool *taken);

/*
 * Whether the next level may strike before the write's next instruction: its signal is not blocked, and of an
 * instruction that repeats itself it is the first turn, the second, or the last. stage_masked(): only the former.
 */
bool stage_open_here(const struct stage *stage, const struct stage_write *write);
bool stage_masked(const struct stage *stage, const struct stage_write *write);

/* The lowest level whose signal may strike: usually the next; 0: none. */
unsigned stage_next_level(const struct stage *stage, const struct stage_write *write);

uint64_t stage_pc(const struct stage *stage, const struct stage_write *write);

/* Where @level's stack begins; and what of it the write is using, a multiple of 8 bytes from *@bottom on. */
uintptr_t stage_stack_top(const struct stage *stage, unsigned level);
size_t stage_stack_used(struct stage *stage, const struct stage_write *write, unsigned char **bottom);
/* Put back what a write of @level was using. */
void stage_put_stack(struct stage *stage, unsigned level, const void *stack, size_t used);

#endif /* STRESS_STEP_STAGE_H */
