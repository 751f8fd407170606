/* SPDX-License-Identifier: MIT */
/*
 * beside.c - repetitions in which another CPU takes part: a reader, or more writers
 *
 * Its thread lives as long as the repetition. First it answers a probe, then it does its part until it is told to stop,
 * then it answers another: see probe.h.
 */
#define _GNU_SOURCE
#include "repetition.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "order.h"

#define PACE_NS NS_PER_MS
/* Records between two releases by who goes through each. */
#define BATCH 64u

enum { STATE_STARTING, STATE_READY, STATE_FAILED };
enum { GO_WRITE = 1, GO_HOME };

struct beside {
	struct repetition *repetition;
	unsigned cpu;
	unsigned number; /* of the ring */
	pthread_t thread;
	struct writing writing; /* of a further writer */
	int error;
	bool disturbed;
	_Alignas(64) uint32_t state;
	uint32_t go;   /* a further writer may go on, or home */
	uint32_t done; /* it has */
	_Alignas(64) uint32_t stop;
	struct probe probe;
};

/* ---- the reader ---- */

static void take_on(struct beside *beside, uint64_t least, const struct timespec *pace)
{
	const struct repetition *repetition = beside->repetition;

	while (!nrb_load_relaxed(&beside->stop)) {
		repetition->contestant->take(repetition->ring[0], least);
		if (pace)
			nanosleep(pace, NULL);
	}
}

/* Every record is gone through; its first byte is looked at, as who reads it would. */
static void read_on(struct beside *beside)
{
	const struct contestant *contestant = beside->repetition->contestant;
	struct bench_ring *ring = beside->repetition->ring[0];
	volatile unsigned char seen;
	const void *payload;
	size_t size;

	while (!nrb_load_relaxed(&beside->stop)) {
		for (unsigned i = 0; i < BATCH && contestant->next(ring, &payload, &size) == 1; i++)
			seen = *(const unsigned char *)payload;
		contestant->release(ring);
	}
	(void)seen;
}

static void read_beside(struct beside *beside)
{
	const struct repetition *repetition = beside->repetition;
	const struct timespec pace = { .tv_nsec = PACE_NS };
	int64_t rc;

	switch ((enum bench_mode)repetition->cell->mode) {
	case MODE_LOOP:
		rc = repetition->contestant->loop(repetition->ring[0], repetition->plan->loop_ns, &beside->stop);
		beside->error = rc < 0 ? (int)rc : 0;
		break;
	case MODE_PACED: take_on(beside, 1, &pace); break;
	case MODE_LATENCY: latency_read(repetition, &beside->stop, repetition->histogram); break;
	case MODE_LOSSLESS:
	case MODE_DROPPING: read_on(beside); break;
	default: take_on(beside, repetition->cell->data_size / 2, NULL); break;
	}
}

static void *reader_thread(void *argument)
{
	struct beside *beside = argument;
	struct repetition *repetition = beside->repetition;
	int rc = pin_to(beside->cpu) ? -ENODEV : ring_attach(repetition, repetition->ring[0]);
	long before;

	beside->error = rc;
	nrb_store_release(&beside->state, rc ? STATE_FAILED : STATE_READY);
	if (rc)
		return NULL;
	probe_answer(&beside->probe);
	before = preemptions();
	read_beside(beside);
	beside->disturbed = preemptions() != before;
	probe_answer(&beside->probe);
	ring_detach(repetition, repetition->ring[0]);
	return NULL;
}

/* ---- both sides ---- */

/* Return: 0 or -errno; then there is no thread. */
static int start(struct beside *beside, void *(*body)(void *))
{
	int rc = -pthread_create(&beside->thread, NULL, body, beside);

	if (rc)
		return rc;
	while (nrb_load_acquire(&beside->state) == STATE_STARTING)
		sched_yield();
	if (nrb_load_acquire(&beside->state) == STATE_READY)
		return 0;
	pthread_join(beside->thread, NULL);
	return beside->error;
}

static void note_place(struct repetition *repetition, double before, double after, bool disturbed)
{
	struct sample *sample = &repetition->sample;

	repetition->disturbed |= disturbed;
	sample->trip_ns[0] = before;
	sample->trip_ns[1] = after;
	sample->place = probe_place(before);
	if (probe_place(after) != probe_place(before))
		sample->place = PLACE_MIXED;
}

int repetition_run_beside(struct repetition *repetition)
{
	struct beside beside = { .repetition = repetition, .cpu = repetition->plan->cpu[1] };
	double before, after;
	int rc = start(&beside, reader_thread);

	if (rc)
		return rc;
	before = probe_ask(&beside.probe);
	if (repetition->cell->mode == MODE_LATENCY)
		rc = latency_write(repetition, repetition->ring[0]);
	else
		rc = repetition_write(repetition);
	nrb_store_release(&beside.stop, 1);
	after = probe_ask(&beside.probe);
	pthread_join(beside.thread, NULL);
	note_place(repetition, before, after, beside.disturbed);
	/* A latency is what it is, whoever was to blame. */
	if (repetition->cell->mode == MODE_LATENCY)
		repetition->disturbed = false;
	if (repetition->cell->mode == MODE_LATENCY)
		repetition->sample.ns = (double)histogram_percentile(repetition->histogram, 0.5);
	return rc ? rc : beside.error;
}

/* ---- several writers ---- */

static void *writer_thread(void *argument)
{
	struct beside *beside = argument;
	struct repetition *repetition = beside->repetition;
	struct bench_ring *ring = repetition->ring[beside->number];
	int rc = pin_to(beside->cpu) ? -ENODEV : ring_attach(repetition, ring);
	long before;

	beside->error = rc;
	nrb_store_release(&beside->state, rc ? STATE_FAILED : STATE_READY);
	if (rc)
		return NULL;
	probe_answer(&beside->probe);
	while (!nrb_load_acquire(&beside->go))
		;
	beside->error = nrb_load_relaxed(&beside->go) == GO_HOME ? -ECANCELED : 0;
	if (!beside->error)
		beside->error = writing_run(&beside->writing, lead_in_ns(repetition));
	beside->writing.records = beside->writing.elapsed_ns = 0;
	before = preemptions();
	if (!beside->error)
		beside->error = writing_run(&beside->writing, repetition->time_ns);
	beside->disturbed = preemptions() != before;
	nrb_store_release(&beside->done, 1);
	probe_answer(&beside->probe);
	ring_detach(repetition, ring);
	return NULL;
}

/* All writers from now on; the calling thread is the first of them. Return: 0 or -errno. */
static int write_together(struct repetition *repetition, struct beside *others, unsigned count)
{
	struct writing writing = writing_of(repetition, repetition->ring[0]), lead_in = writing;
	double rate;
	long before;
	int rc = 0;

	if (!repetition->burst) {
		rc = writing_find_burst(&lead_in);
		repetition->burst = writing.burst = lead_in.burst;
	}
	for (unsigned i = 0; i < count; i++) {
		others[i].writing = writing_of(repetition, repetition->ring[i + 1]);
		nrb_store_release(&others[i].go, GO_WRITE);
	}
	if (!rc)
		rc = writing_run(&lead_in, lead_in_ns(repetition));
	before = preemptions();
	if (!rc)
		rc = writing_run(&writing, repetition->time_ns);
	repetition->disturbed = preemptions() != before;
	/* Each one's rate, and so the rate of all. */
	rate = (double)writing.records / (double)writing.elapsed_ns;
	for (unsigned i = 0; i < count; i++) {
		while (!nrb_load_acquire(&others[i].done))
			sched_yield();
		rc = rc ? rc : others[i].error;
		if (!rc)
			rate += (double)others[i].writing.records / (double)others[i].writing.elapsed_ns;
	}
	repetition->sample.ns = (count + 1) / rate;
	return rc;
}

/* Probes between the first writer and each other; the nearest is what tells. */
static double probe_all(struct beside *others, unsigned count)
{
	double nearest = INFINITY;

	for (unsigned i = 0; i < count; i++) {
		double trip = probe_ask(&others[i].probe);

		if (trip < nearest)
			nearest = trip;
	}
	return nearest;
}

int repetition_run_writers(struct repetition *repetition)
{
	const unsigned count = repetition->cell->writers - 1;
	struct beside *others = aligned_alloc(_Alignof(struct beside), count * sizeof(*others));
	double before, after;
	bool disturbed = false;
	unsigned started = 0;
	int rc = others ? ring_attach(repetition, repetition->ring[0]) : -ENOMEM;

	if (rc) {
		free(others);
		return rc;
	}
	for (; started < count && !rc; started++) {
		others[started] = (struct beside) { .repetition = repetition,
						    .cpu = repetition->plan->cpu[started + 1],
						    .number = started + 1 };
		rc = start(&others[started], writer_thread);
	}
	started -= rc != 0;
	before = rc ? -1 : probe_all(others, count);
	if (!rc)
		rc = write_together(repetition, others, count);
	else
		for (unsigned i = 0; i < started; i++)
			nrb_store_release(&others[i].go, GO_HOME);
	after = probe_all(others, started);
	for (unsigned i = 0; i < started; i++) {
		pthread_join(others[i].thread, NULL);
		disturbed |= others[i].disturbed;
	}
	ring_detach(repetition, repetition->ring[0]);
	note_place(repetition, before, after, disturbed);
	if (repetition->disturbed)
		repetition->sample.place = PLACE_DISTURBED;
	free(others);
	return rc;
}
