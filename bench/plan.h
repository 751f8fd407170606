/* SPDX-License-Identifier: MIT */
/*
 * plan.h - what is measured: cells, each a contestant in one mode with one size of payload and ring
 *
 * Cells of the same payload and ring make a group, and are measured in turn, a repetition each, in an order that chance
 * decides anew each time. Those with the same reference follow one another, and it is measured again in between: so
 * each repetition has one of its reference beside it, moments apart.
 *
 * Plain data: the process that measures finds it in memory that it shares with who asked.
 */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "mode.h"
#include "placement.h"
#include "probe.h"
#include "statistics.h"

#define PLAN_CELLS 2048u
#define PLAN_CONTESTANTS 64u
#define PLAN_PAYLOADS 16u
#define PLAN_SIZES 16u
#define PLAN_WRITERS 64u
#define PLAN_DEPTH 16u
#define PLAN_REPETITIONS 1000u
#define PLAN_REFERENCE "limit-publish"

struct cell {
	uint32_t contestant; /* in contestant_table */
	uint32_t mode;
	uint32_t payload; /* bytes */
	uint32_t writers;
	uint32_t depth;     /* of MODE_NESTED: writes within the outermost */
	uint32_t group;     /* from 0; groups follow one another */
	int32_t reference;  /* cell that its ratio is to; itself: it has none but 1 */
	uint64_t data_size; /* bytes of the ring */
};

struct plan {
	uint32_t cells, groups;
	uint32_t processes;
	uint32_t repetitions; /* of each cell in each process, at most */
	uint64_t time_ns;     /* of one */
	uint64_t budget_ns;   /* of one process: groups share it, and do fewer repetitions where it does not suffice */
	uint64_t loop_ns;     /* what a loop may make a published record wait */
	uint64_t interval_ns; /* MODE_LATENCY: a record is due each */
	uint64_t seed;
	uint32_t stamped;                       /* rings that can be are opened with time stamps */
	uint32_t slow_contestant, slow_percent; /* planted; percent 0: nothing is */
	uint32_t cpus;
	uint32_t cpu[PLACEMENT_MAX]; /* [0] writes, [1] reads; several writers: from the first on */
	struct cell cell[PLAN_CELLS];
};

/* What to measure of everything that there is. */
struct plan_wish {
	uint32_t contestants, modes, payloads, sizes;
	uint32_t contestant[PLAN_CONTESTANTS];
	uint32_t mode[MODES];
	uint32_t payload[PLAN_PAYLOADS];
	uint64_t size[PLAN_SIZES];
	uint32_t writers; /* 1, 2, 4, ... up to so many */
	uint32_t depth;   /* 0, 1, ... up to so deep */
};

/*
 * plan_fill - the cells of a wish
 * @plan: has cpus; receives cells and groups
 * @wish: each contestant in each mode that it can be measured in, with each payload and size
 *
 * What needs a second CPU is left out where there is none. PLAN_REFERENCE is added to what is wished.
 *
 * Return: 0, or -E2BIG: more than PLAN_CELLS.
 */
int plan_fill(struct plan *plan, const struct plan_wish *wish);

/* The cells that make up a run nobody asked anything in particular of. @sizes of wish: the first. */
int plan_fill_default(struct plan *plan, const struct plan_wish *wish);

/* Which cell that is, or -1. */
int plan_find(const struct plan *plan, const struct cell *wanted);

/* Whether it takes two CPUs or more. */
static inline bool cell_crosses(const struct cell *cell)
{
	return mode_table[cell->mode].reader || cell->writers > 1;
}

#endif /* BENCH_PLAN_H */
