/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "watchdog.h"

#include <stdio.h>

#include "clock.h"
#include "inject/inject.h"

#define PERIOD_NS (5 * NS_PER_MS)

/* Processor time that a writer may use up without advancing. Slow motion of one write takes a few milliseconds at most,
 * and the time while something else has the CPU does not count. */
#define STARVED_NS (100 * NS_PER_MS)

#define DISARMS_MAX 3u

/* What is remembered of a writer between two looks. */
struct watched {
	uint64_t progress;
	uint64_t cpu_ns; /* processor time when it last advanced */
	bool disarmed;
	unsigned disarms;
};

/* Return: whether the writer had to be disarmed for the last time. */
static bool look_after(struct writer *writer, struct watched *watched)
{
	uint64_t progress = nrb_load_relaxed(&writer->progress);
	uint64_t cpu_ns = clock_read(writer->cpu_clock);

	if (progress != watched->progress) {
		watched->progress = progress;
		watched->cpu_ns = cpu_ns;
		if (watched->disarmed)
			/* Only the writer arms: from another core the timer's interrupt would move there. */
			nrb_store_relaxed(&writer->rearm, 1);
		watched->disarmed = false;
		return false;
	}
	if (watched->disarmed) {
		/* Again: a handler that was about to arm its timer may have done so. */
		writer->injector->disarm(writer);
		return false;
	}
	if (cpu_ns - watched->cpu_ns < STARVED_NS)
		return false;
	writer->injector->disarm(writer);
	watched->disarmed = true;
	watched->cpu_ns = cpu_ns;
	return ++watched->disarms >= DISARMS_MAX;
}

enum slice_end watchdog_run(const struct slice_config *config, struct writer *writers, unsigned count,
			    uint64_t start_ns, char *message, unsigned size)
{
	struct watched watched[WRITERS_MAX] = { 0 };
	const struct timespec period = clock_timespec(PERIOD_NS);
	enum slice_end end = SLICE_DONE;

	while (end == SLICE_DONE && clock_ns() - start_ns < config->duration_ns) {
		nanosleep(&period, NULL);
		if (nrb_load_relaxed(config->stop))
			end = SLICE_STOPPED;
		for (unsigned i = 0; i < count && end == SLICE_DONE; i++) {
			if (nrb_load_relaxed(&writers[i].finished))
				return SLICE_DONE; /* it could not run, and says why */
			if (!look_after(&writers[i], &watched[i]))
				continue;
			end = SLICE_STARVED;
			snprintf(message, size,
				 "interrupts left writer %u no time, even at a quarter of the rate: disarmed %u times",
				 i, DISARMS_MAX);
		}
	}
	for (unsigned i = 0; i < count; i++)
		/* The writer counts everything else, but knows nothing of this. */
		nrb_add_relaxed(&writers[i].counts.disarms, watched[i].disarms);
	return end;
}
