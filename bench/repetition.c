/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "repetition.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#define DRAINS 64u

int pin_to(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

long preemptions(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) ? 0 : usage.ru_nivcsw;
}

/* What an earlier repetition has left. */
static void drain(const struct repetition *repetition)
{
	const struct contestant *contestant = repetition->contestant;

	if (!contestant->take || contestant->traits & CONTESTANT_KEEPS_NOT || repetition->cell->mode == MODE_OVERWRITE)
		return;
	for (unsigned i = 0; i < repetition->cell->writers; i++)
		for (unsigned drains = 0; drains < DRAINS && contestant->take(repetition->ring[i], 1); drains++)
			;
}

int repetition_write(struct repetition *repetition)
{
	struct writing writing = writing_of(repetition, repetition->ring[0]), lead_in = writing;
	struct counted counted;
	long before;
	int rc = 0;

	if (!repetition->burst) {
		rc = writing_find_burst(&lead_in);
		repetition->burst = writing.burst = lead_in.burst;
	}
	if (!rc)
		rc = writing_run(&lead_in, lead_in_ns(repetition));
	if (rc)
		return rc;
	before = preemptions();
	counters_start(repetition->counters);
	rc = writing_run(&writing, repetition->time_ns);
	counted = counters_stop(repetition->counters);
	repetition->disturbed = preemptions() != before;
	if (!rc)
		sample_fill(&repetition->sample, &writing, &counted);
	return rc;
}

int repetition_run(struct repetition *repetition)
{
	int rc;

	repetition->sample = (struct sample) { .instructions = NAN, .cycles = NAN, .place = PLACE_ONE };
	drain(repetition);
	repetition->disturbed = false;
	if (repetition->cell->writers > 1)
		return repetition_run_writers(repetition);
	rc = ring_attach(repetition, repetition->ring[0]);
	if (rc)
		return rc;
	rc = mode_table[repetition->cell->mode].reader ? repetition_run_beside(repetition)
						       : repetition_write(repetition);
	ring_detach(repetition, repetition->ring[0]);
	if (repetition->disturbed)
		repetition->sample.place = PLACE_DISTURBED;
	return rc;
}
