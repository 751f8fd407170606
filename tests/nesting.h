/* SPDX-License-Identifier: MIT */
/*
 * nesting.h - one write that is struck at a chosen instruction boundary, and all such runs of a scenario
 *
 * The write is single-stepped. At one boundary another write is made, which may itself be stepped and struck, and after
 * every step an observer looks: data_head never goes back, and what it covers is complete. In the end everything must
 * be there, in order and accounted for (stress/oracle.h says what that means).
 */
#ifndef TESTS_NESTING_H
#define TESTS_NESTING_H

#include <stdbool.h>
#include <stdint.h>

#include "oracle.h"
#include "targets/target.h"

#define NEST_STREAM 11
#define NEST_DATA_SIZE 4096u
/* Just below 2^64, so that positions wrap in the middle of it all. */
#define NEST_START (UINT64_MAX - 63)
/* More boundaries than any build of the write path has. */
#define NEST_BOUNDARIES 16384

struct nest_run;

/* What is written: the interrupted write, into a ring in a given state. */
struct nest_scenario {
	const char *name;
	void (*prepare)(struct nest_run *run);
	size_t size;        /* payload of the interrupted write, in bytes */
	size_t nested_size; /* and of those that interrupt it */
	bool in_place;      /* by reserve and commit */
	unsigned refused;   /* how many of the stepped and striking writes may be refused */
};

struct nest_run {
	const struct target *target;
	const struct nest_scenario *scenario;
	struct target_ring *ring;
	struct target_reader *reader;
	unsigned strike[2]; /* the boundary to strike at in the write of level 0, and of level 1; 0: none */
	unsigned step[2];   /* boundaries passed */
	bool struck[2];
	int profile; /* the level whose accesses to the ring are to be found; -1: none */
	struct oracle_watch watch;
	struct oracle_stream stream;
	uint64_t seen; /* data_head up to which records have been looked at */
	struct observed_rest rest;
	uint64_t zero_lost; /* LOST records that say 0 */
	unsigned violations[VIOLATIONS];
	struct finding first;
	unsigned first_step; /* of level 0 */
};

/* The boundaries of the write of level 0, or of the one that strikes it at @strike0, nearest to an access first. */
struct nest_order {
	unsigned count;    /* boundaries */
	unsigned accesses; /* so many of them stand right before one, or at the end; they are the first */
	unsigned at[NEST_BOUNDARIES];
};

/* What an enumeration came to. */
struct nest_sum {
	unsigned runs;
	unsigned with[VIOLATIONS]; /* runs that showed this */
	uint64_t zero_lost;
};

/*
 * Write a record of @level. @stepped: let somebody strike it, or find out its accesses. Context: thread, or the handler
 * at a boundary.
 */
void nest_write(struct nest_run *run, unsigned level, size_t size, bool in_place, bool stepped);

/* Look at data_head, and at the records that are new below it; nothing is released. Context: as nest_write(). */
void nest_observe(struct nest_run *run);

/*
 * nest_once - the whole story once: the write of level 0 stepped, struck at @strike0, and what strikes it at @strike1
 * @strike0, @strike1: boundaries, from 1; 0: none
 * @profiled: the level whose accesses to the ring are to be found; -1: none
 *
 * The test fails when there is no such boundary, or when more writes are refused than the scenario allows.
 */
struct nest_run nest_once(const struct target *target, const struct nest_scenario *scenario, unsigned strike0,
			  unsigned strike1, int profiled);

/* The boundaries of the write of level 0 or, when @strike0 is not 0, of the one that strikes it there. */
void nest_order(const struct target *target, const struct nest_scenario *scenario, unsigned strike0,
		struct nest_order *order);

/* A run more. The test fails when a sound target shows a violation. */
void nest_sum_add(struct nest_sum *sum, const struct nest_run *run);

/* Strike before each access to the ring's memory, and at all other boundaries, nearest first, for @budget_ns more. */
struct nest_sum nest_enumerate(const struct target *target, const struct nest_scenario *scenario, uint64_t budget_ns);

uint64_t nest_now_ns(void);

#endif /* TESTS_NESTING_H */
