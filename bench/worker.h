/* SPDX-License-Identifier: MIT */
/*
 * worker.h - a process that measures, and what it shares with the one that asked
 *
 * The program executes itself anew for each: so addresses are chosen anew, which one process cannot do, and what they
 * happen to be decides over a few percent.
 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include "plan.h"
#include "repetition.h"

#define WORKER_MAGIC 0x6e72622d776f726bull

struct worker_memory {
	uint64_t magic;
	uint64_t bytes;   /* of all this */
	uint32_t stop;    /* 1: end early */
	uint32_t done;    /* the worker has come to its end */
	uint32_t number;  /* of the process, from 0 */
	int32_t counters; /* 0, or why there are no hardware counters: -errno */
	struct plan plan;
	int32_t status[PLAN_CELLS]; /* 0, or why a cell was not measured: -errno */
	/* cells * repetitions samples, then cells * PLACES histograms where a cell is of MODE_LATENCY. */
	struct sample sample[];
};

/* Bytes of a worker_memory for @plan. */
size_t worker_bytes(const struct plan *plan);

static inline struct sample *worker_sample(const struct worker_memory *memory, unsigned cell, unsigned repetition)
{
	return (struct sample *)&memory->sample[(size_t)cell * memory->plan.repetitions + repetition];
}

/* NULL: the cell has none. */
struct histogram *worker_histogram(const struct worker_memory *memory, unsigned cell, enum place place);

/*
 * worker_run - measure the plan that lies behind descriptor @fd
 *
 * Context: the re-executed process. Return: its exit status, 0 or 2.
 */
int worker_run(int fd);

/*
 * worker_steady - one cell in this process, without a pause until @time_ns have passed: for perf stat and perf record
 *
 * Return: 0 or -errno. @sample receives the whole of it.
 */
int worker_steady(const struct plan *plan, unsigned cell, uint64_t time_ns, struct sample *sample);

#endif /* BENCH_WORKER_H */
