/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "measure.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "order.h"

#define PAYLOAD_LIMIT 4096u
/* Records between two looks at the clock. */
#define BURST 1024u

enum { READER_READY = 1, READER_FAILED };

/* One repetition in progress. */
struct repetition {
	const struct target *target;
	const struct bench_setup *setup;
	struct target_ring *ring;
	struct target_reader *reader;
	_Alignas(64) uint32_t ready;
	uint32_t stop;
};

static int pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/* Take note of what is published; once it is half a ring, give it back unread. */
static void give_back(const struct repetition *repetition)
{
	const struct target *target = repetition->target;
	uint64_t head;

	if (target->poll(repetition->reader, &head) > (int64_t)(repetition->setup->data_size / 2))
		target->skip(repetition->reader);
}

static void *poll_on(void *argument)
{
	struct repetition *repetition = argument;
	int rc = pin(repetition->setup->reader_cpu);

	nrb_store_relaxed(&repetition->ready, rc ? READER_FAILED : READER_READY);
	while (!rc && !nrb_load_relaxed(&repetition->stop))
		give_back(repetition);
	return NULL;
}

/* Write until the time is over. Return: ns per record. */
static double write_on(const struct repetition *repetition)
{
	const struct target *target = repetition->target;
	uint64_t start = clock_ns(), now = start, records = 0;
	static unsigned char payload[PAYLOAD_LIMIT];
	bool alone = repetition->setup->mode == MODE_ALONE;
	uint32_t size = repetition->setup->payload;

	while (now - start < repetition->setup->duration_ns) {
		for (unsigned i = 0; i < BURST; i++) {
			while (target->write(repetition->ring, payload, size)) {
				/* Full: a refused write is not counted, but its time is. */
				if (alone)
					give_back(repetition);
				else
					nrb_cpu_relax();
			}
		}
		records += BURST;
		now = clock_ns();
	}
	return (double)(now - start) / (double)records;
}

/* Measure with the reader's thread beside. Return: ns per record, or -errno. */
static double measure_polled(struct repetition *repetition)
{
	pthread_t thread;
	double result;
	int rc = pthread_create(&thread, NULL, poll_on, repetition);

	if (rc)
		return -rc;
	while (!nrb_load_relaxed(&repetition->ready))
		sched_yield();
	result = write_on(repetition);
	nrb_store_relaxed(&repetition->stop, 1);
	pthread_join(thread, NULL);
	return repetition->ready == READER_FAILED ? -EINVAL : result;
}

double bench_measure(const struct target *target, const struct bench_setup *setup)
{
	const struct target_attr attr = { .data_size = setup->data_size };
	struct repetition repetition = { .target = target, .setup = setup };
	double result = -ENOMEM;
	int rc;

	if (setup->payload > PAYLOAD_LIMIT)
		return -EMSGSIZE;
	repetition.ring = target->open(&attr);
	repetition.reader = repetition.ring ? target->reader_open(repetition.ring) : NULL;
	if (repetition.reader) {
		rc = pin(setup->writer_cpu);
		if (rc)
			result = rc;
		else
			result = setup->mode == MODE_ALONE ? write_on(&repetition) : measure_polled(&repetition);
		target->reader_close(repetition.reader);
	}
	if (repetition.ring)
		target->close(repetition.ring);
	return result;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double bench_median(double *values, unsigned count)
{
	qsort(values, count, sizeof(values[0]), compare);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}
