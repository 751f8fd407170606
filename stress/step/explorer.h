/* SPDX-License-Identifier: MIT */
/*
 * explorer.h - what the parts of exploring share: explore.c goes through the states, checkpoint.c keeps and restores
 * them, found.c notes what they show
 */
#ifndef STRESS_STEP_EXPLORER_H
#define STRESS_STEP_EXPLORER_H

#include <errno.h>

#include "step/explore.h"
#include "step/stage.h"
#include "step/states.h"
#include "step/world.h"

/* Strikes made so far, in the order in which they were. */
struct path {
	unsigned count;
	struct witness_strike strike[WITNESS_STRIKES];
};

/* A world that a write may leave. */
struct outcome {
	struct world_image *image;
	struct path path; /* the strikes on it and on what nested into it */
	uint64_t head, reserved;
	bool taken;     /* the ring took its record */
	uint32_t kinds; /* violations that showed on the way there, a bit each */
	struct outcome *next;
};

/* What a write of one level does to one world, explored once. */
struct summary {
	struct hash key;
	bool complete;
	uint64_t boundaries;
	uint64_t tuples[LEVELS]; /* [k]: strikes k levels deep into it */
	struct outcome *outcomes;
	struct summary *next;
};

#define SUMMARY_BUCKETS 4096u

/* One write in progress. */
struct write {
	struct stage_write at;
	uint32_t state; /* in states, of the last state followed; 0: it was not struck yet */
	uint32_t kinds; /* violations that showed since it began, in what nested into it as well */
	uint32_t first; /* the state that the last strike led to */
	bool branched;  /* it was struck, or the consumer released: states are kept from there on */
	struct states *states;
	struct summary *summary;
	/* Of the boundaries struck so far, the last: when nothing has changed since, neither has what nests. */
	struct summary *nested;
};

/* A write and the world, to go on from again. */
struct checkpoint {
	struct write write;
	struct path path;
	struct world_image *image;
	size_t stack_used;
	unsigned char stack[MACHINE_STACK_USED];
};

struct explorer {
	const struct explore_plan *plan;
	struct explore_result *result;
	struct boundaries *map;
	struct stage stage;
	struct world world;
	struct path path;
	struct summary *bucket[SUMMARY_BUCKETS];
	bool stopped;
};

/* It is told, and ends it. */
static inline void explorer_out_of_memory(struct explorer *x)
{
	stage_fail(&x->stage, -ENOMEM, "no memory for the states to be told apart: explore less deep (--depth)");
}

/* ---- checkpoint.c ---- */

/* Of a suspended write: its registers, its signal mask, and its stack. */
struct hash checkpoint_hash(struct explorer *x, const struct write *write);
/* Keep the write and the world. Return: false without memory. */
bool checkpoint_keep(struct explorer *x, struct checkpoint *checkpoint, const struct write *write);
void checkpoint_go_back(struct explorer *x, const struct checkpoint *checkpoint, struct write *write);

/* ---- found.c ---- */

/* Violations were seen, a bit each, after the path that was taken. */
void found_violations(struct explorer *x, const struct write *write, uint32_t kinds);
/* A nested write has ended: what it left is one more of its outcomes, unless it is known. */
void found_outcome(struct explorer *x, const struct write *write, unsigned path_before, bool taken);
/* The outermost has ended. One of the ways there is played again by whoever asked, without shortcuts. */
void found_way(struct explorer *x);
/* What follows a strike at a boundary of the outermost write, for the map. @first: the first strike on that write. */
void found_boundary(struct explorer *x, const struct write *write, const struct outcome *outcome, bool first);
/* Before the outermost write's next instruction nothing strikes, if the write itself blocks the signals. */
void found_masked(struct explorer *x, const struct write *write, bool struck);

#endif /* STRESS_STEP_EXPLORER_H */
