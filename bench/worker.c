/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "open_rings.h"
#include "order.h"
#include "random.h"

/* Rounds that are made even when the time is over, as long as it is not over by far. */
#define ROUNDS_MIN 2u
/* A latency's repetition is longer: its records are few. */
#define LATENCY_TIMES 8u
/* A reference that is older is measured again: neighbours on the same core come and go faster than a round does. */
#define FRESH_NS (20 * NS_PER_MS)
/* Of a repetition that has to be discarded. */
#define TRIES 4u
/* For opening rings, and where budgets are tiny. */
#define GRACE_NS (500 * NS_PER_MS)

struct worker {
	struct worker_memory *memory;
	struct open_rings rings;
	struct counters counters;
	struct random random;
	struct histogram histogram;
	uint32_t burst[PLAN_CELLS];
	uint64_t last_ns[PLAN_CELLS]; /* when a cell was measured last, and what came of it */
	struct sample last[PLAN_CELLS];
	uint32_t order[PLAN_CELLS];
	unsigned cells; /* of the group, in order */
	uint64_t end;   /* nothing is begun any more: a busy machine takes its time for each of us */
	unsigned char payload[4096];
};

static const uint32_t *stop_of_process;

static unsigned histograms_before(const struct plan *plan, unsigned cell)
{
	unsigned count = 0;

	for (unsigned i = 0; i < cell; i++)
		count += plan->cell[i].mode == MODE_LATENCY ? PLACES : 0;
	return count;
}

size_t worker_bytes(const struct plan *plan)
{
	return sizeof(struct worker_memory) + sizeof(struct sample) * plan->cells * plan->repetitions +
	       sizeof(struct histogram) * histograms_before(plan, plan->cells);
}

struct histogram *worker_histogram(const struct worker_memory *memory, unsigned cell, enum place place)
{
	const struct plan *plan = &memory->plan;
	const struct sample *end = &memory->sample[(size_t)plan->cells * plan->repetitions];

	if (plan->cell[cell].mode != MODE_LATENCY || place >= PLACES)
		return NULL;
	return (struct histogram *)(void *)end + histograms_before(plan, cell) + place;
}

static bool is_stopped(const struct worker *worker)
{
	return nrb_load_relaxed(&worker->memory->stop) || (worker->end && clock_ns() > worker->end);
}

/* One repetition of @cell; a cell that cannot be measured is not tried again. */
static int measure(struct worker *worker, unsigned index, uint64_t time_ns, struct sample *sample)
{
	const struct plan *plan = &worker->memory->plan;
	const struct cell *cell = &plan->cell[index];
	struct bench_ring *ring[PLAN_WRITERS];
	struct repetition repetition = {
		.contestant = contestant_table[cell->contestant],
		.cell = cell,
		.plan = plan,
		.ring = ring,
		.payload = worker->payload,
		.counters = &worker->counters,
		.stop = &worker->memory->stop,
		.time_ns = cell->mode == MODE_LATENCY ? time_ns * LATENCY_TIMES : time_ns,
		.burst = worker->burst[index],
		.histogram = &worker->histogram,
	};
	int rc = open_rings_get(&worker->rings, plan, cell, ring);

	worker->histogram = (struct histogram) { 0 };
	if (!rc)
		rc = repetition_run(&repetition);
	worker->burst[index] = repetition.burst;
	if (!rc && sample)
		*sample = repetition.sample;
	return rc;
}

/* One that has to be discarded is made again, a few times; what is left then is told to be that. */
static int measure_well(struct worker *worker, unsigned index, uint64_t deadline)
{
	struct sample *sample = &worker->last[index];

	for (unsigned tries = 0; tries < TRIES; tries++) {
		int rc = measure(worker, index, worker->memory->plan.time_ns, sample);

		worker->last_ns[index] = clock_ns();
		if (rc)
			return rc;
		if (sample->place < PLACES || is_stopped(worker) || clock_ns() > deadline)
			break;
	}
	return 0;
}

/* What the reference of cell @index takes at this time; its own failure shows when it is its turn. */
static const struct sample *fresh_reference(struct worker *worker, unsigned index, uint64_t deadline)
{
	unsigned reference = (unsigned)worker->memory->plan.cell[index].reference;
	const struct sample *sample = &worker->last[reference];

	if (clock_ns() - worker->last_ns[reference] > FRESH_NS || sample->place >= PLACES || !(sample->ns > 0))
		measure_well(worker, reference, deadline);
	return sample;
}

static void measure_and_note(struct worker *worker, unsigned index, unsigned round, uint64_t deadline)
{
	struct worker_memory *memory = worker->memory;
	const bool refers = memory->plan.cell[index].reference != (int32_t)index;
	const struct sample *reference = refers ? fresh_reference(worker, index, deadline) : NULL;
	struct sample *sample = worker_sample(memory, index, round);
	struct histogram *histogram;

	memory->status[index] = measure_well(worker, index, deadline);
	if (memory->status[index])
		return;
	*sample = worker->last[index];
	if (reference) {
		sample->reference_ns = reference->ns;
		sample->reference_place = reference->place;
	}
	histogram = worker_histogram(memory, index, (enum place)sample->place);
	if (histogram)
		histogram_merge(histogram, &worker->histogram);
}

static void swap(uint32_t *a, uint32_t *b)
{
	uint32_t kept = *a;

	*a = *b;
	*b = kept;
}

/* Cells of one reference follow one another, in an order that is another each time; and so do references. */
static void shuffle(struct worker *worker)
{
	const struct cell *cell = worker->memory->plan.cell;
	uint32_t *order = worker->order;

	for (unsigned i = worker->cells; i > 1; i--)
		swap(&order[i - 1], &order[random_below(&worker->random, i)]);
	for (unsigned done = 0; done < worker->cells;) {
		int32_t reference = cell[order[done]].reference;

		for (unsigned i = done; i < worker->cells; i++)
			if (cell[order[i]].reference == reference)
				swap(&order[done++], &order[i]);
	}
}

static void measure_group(struct worker *worker, unsigned group, uint64_t deadline)
{
	struct worker_memory *memory = worker->memory;
	const struct plan *plan = &memory->plan;

	worker->cells = 0;
	for (unsigned i = 0; i < plan->cells; i++)
		if (plan->cell[i].group == group)
			worker->order[worker->cells++] = i;
	/* Opened, warm, and how long a burst is: nothing is noted of the first round. */
	for (unsigned i = 0; i < worker->cells && !is_stopped(worker); i++)
		memory->status[worker->order[i]] = measure(worker, worker->order[i], plan->time_ns / 4, NULL);
	for (unsigned round = 0; round < plan->repetitions; round++) {
		if (round >= ROUNDS_MIN && clock_ns() > deadline)
			return;
		shuffle(worker);
		for (unsigned i = 0; i < worker->cells && !is_stopped(worker); i++)
			if (!memory->status[worker->order[i]])
				measure_and_note(worker, worker->order[i], round, deadline);
	}
}

/* Groups from 0 on whose rings are as large as the first one's. */
static unsigned groups_alike(const struct plan *plan)
{
	unsigned alike = plan->groups;

	for (unsigned i = 0; i < plan->cells; i++)
		if (plan->cell[i].data_size != plan->cell[0].data_size && plan->cell[i].group < alike)
			alike = plan->cell[i].group;
	return alike;
}

static void measure_all(struct worker *worker)
{
	const struct plan *plan = &worker->memory->plan;
	const uint64_t cell_ns = plan->budget_ns / (plan->cells ? plan->cells : 1);
	unsigned before = 0, alike = groups_alike(plan);
	uint64_t start = clock_ns();

	worker->end = start + plan->budget_ns / 4 * 5 + GRACE_NS;
	for (unsigned i = 0; i < plan->groups && !is_stopped(worker); i++) {
		/* Another one first in each process: where there is no time for all, none goes without. */
		unsigned group = i < alike ? (i + worker->memory->number) % alike : i;

		for (unsigned c = 0; c < plan->cells; c++)
			before += plan->cell[c].group == group;
		measure_group(worker, group, start + cell_ns * before);
	}
}

/* What the payload is made of is nobody's choice, and the same each time. */
static void prepare(struct worker *worker)
{
	const struct plan *plan = &worker->memory->plan;

	worker->random = random_stream(plan->seed, worker->memory->number);
	for (unsigned i = 0; i < sizeof(worker->payload); i++)
		worker->payload[i] = (unsigned char)random_next(&worker->random);
	worker->memory->counters = counters_open(&worker->counters);
}

/* The parent hears it, too; but a terminal tells all of us, and whoever does not end by itself is killed. */
static void on_end(int number)
{
	(void)number;
	nrb_store_relaxed((uint32_t *)stop_of_process, 1);
}

static void hear_of_the_end(struct worker_memory *memory)
{
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_end, .sa_flags = SA_RESTART };
	sigset_t set;

	stop_of_process = &memory->stop;
	sigemptyset(&set);
	for (unsigned i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		struct sigaction old;

		if (!sigaction(ending[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(ending[i], &action, NULL);
		sigaddset(&set, ending[i]);
	}
	/* They came blocked from who started us; what a contestant starts shall be stopped by them. */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static struct worker_memory *map_memory(int fd)
{
	struct worker_memory *memory;
	struct stat file;

	if (fstat(fd, &file) || (size_t)file.st_size < sizeof(*memory))
		return NULL;
	memory = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return NULL;
	return memory->magic == WORKER_MAGIC && memory->bytes == (uint64_t)file.st_size ? memory : NULL;
}

int worker_run(int fd)
{
	static struct worker worker;

	worker.memory = map_memory(fd);
	if (!worker.memory) {
		fprintf(stderr, "nrb-bench: --process is for its own use\n");
		return 2;
	}
	close(fd);
	hear_of_the_end(worker.memory);
	if (pin_to(worker.memory->plan.cpu[0])) {
		for (unsigned i = 0; i < worker.memory->plan.cells; i++)
			worker.memory->status[i] = -ENODEV;
		return 0;
	}
	prepare(&worker);
	measure_all(&worker);
	open_rings_close(&worker.rings);
	counters_close(&worker.counters);
	nrb_store_release(&worker.memory->done, 1);
	return 0;
}

int worker_steady(const struct plan *plan, unsigned cell, uint64_t time_ns, struct sample *sample)
{
	static struct worker worker;
	int rc;

	worker.memory = calloc(1, worker_bytes(plan));
	if (!worker.memory)
		return -ENOMEM;
	worker.memory->plan = *plan;
	prepare(&worker);
	rc = pin_to(plan->cpu[0]) ? -ENODEV : measure(&worker, cell, plan->time_ns, NULL);
	if (!rc)
		rc = measure(&worker, cell, time_ns, sample);
	open_rings_close(&worker.rings);
	counters_close(&worker.counters);
	free(worker.memory);
	return rc;
}
