/* SPDX-License-Identifier: MIT */
#include "summary.h"

#include <math.h>
#include <string.h>

/* Round trips that are kept for their median; more do not make it better. */
#define TRIPS_KEPT 4096u

static bool is_at(const struct cell *cell, const struct sample *sample, enum place place)
{
	return sample->ns > 0 && sample->place < PLACES && (!cell_crosses(cell) || sample->place == place);
}

void summary_ns(const struct measured *measured, unsigned cell, enum place place, double *by_process)
{
	const struct plan *plan = measured->plan;
	double values[PLAN_REPETITIONS];

	for (unsigned p = 0; p < measured->processes; p++) {
		unsigned count = 0;

		for (unsigned r = 0; r < plan->repetitions; r++) {
			const struct sample *sample = worker_sample(measured->process[p], cell, r);

			if (is_at(&plan->cell[cell], sample, place))
				values[count++] = sample->ns;
		}
		by_process[p] = median(values, count);
	}
}

/* What @below took in the repetition that @above is of, or just before. */
static struct sample beside(const struct measured *measured, unsigned process, unsigned above, unsigned below,
			    unsigned repetition)
{
	const struct sample *sample = worker_sample(measured->process[process], above, repetition);

	if (above == below || measured->plan->cell[above].reference != (int32_t)below)
		return *worker_sample(measured->process[process], below, repetition);
	return (struct sample) { .ns = sample->reference_ns, .place = sample->reference_place };
}

void summary_ratio(const struct measured *measured, unsigned above, unsigned below, enum place place,
		   double *by_process)
{
	const struct plan *plan = measured->plan;
	double values[PLAN_REPETITIONS];

	for (unsigned p = 0; p < measured->processes; p++) {
		unsigned count = 0;

		for (unsigned r = 0; r < plan->repetitions; r++) {
			const struct sample *x = worker_sample(measured->process[p], above, r);
			const struct sample y = beside(measured, p, above, below, r);

			if (is_at(&plan->cell[above], x, place) && is_at(&plan->cell[below], &y, place))
				values[count++] = x->ns / y.ns;
		}
		by_process[p] = median(values, count);
	}
}

struct estimate summary_ns_estimate(const struct measured *measured, unsigned cell, enum place place)
{
	double by_process[STATISTICS_MAX];

	summary_ns(measured, cell, place, by_process);
	return estimate_make(by_process, measured->processes, CONFIDENCE);
}

struct estimate summary_ratio_estimate(const struct measured *measured, unsigned above, unsigned below,
				       enum place place)
{
	double by_process[STATISTICS_MAX];

	summary_ratio(measured, above, below, place, by_process);
	return estimate_make(by_process, measured->processes, CONFIDENCE);
}

struct cell_counts summary_counts(const struct measured *measured, unsigned cell, enum place place)
{
	const struct plan *plan = measured->plan;
	struct cell_counts counts = { 0 };
	double dropped[STATISTICS_MAX], instructions[STATISTICS_MAX], cycles[STATISTICS_MAX];
	unsigned kept = 0, counted = 0;

	for (unsigned p = 0; p < measured->processes; p++) {
		const struct sample *last = NULL;

		for (unsigned r = 0; r < plan->repetitions; r++) {
			const struct sample *sample = worker_sample(measured->process[p], cell, r);

			counts.discarded += sample->ns > 0 && sample->place >= PLACES;
			if (!is_at(&plan->cell[cell], sample, place))
				continue;
			counts.repetitions++;
			last = sample;
		}
		if (!last)
			continue;
		dropped[kept++] = last->dropped;
		if (isfinite(last->instructions)) {
			instructions[counted] = last->instructions;
			cycles[counted++] = last->cycles;
		}
	}
	counts.dropped = median(dropped, kept);
	counts.instructions = median(instructions, counted);
	counts.cycles = median(cycles, counted);
	return counts;
}

void summary_places(const struct measured *measured, struct place_counts *counts)
{
	const struct plan *plan = measured->plan;
	static double trips[PLACES][TRIPS_KEPT];
	unsigned kept[PLACES] = { 0 };

	memset(counts, 0, sizeof(*counts));
	for (unsigned p = 0; p < measured->processes; p++) {
		for (unsigned i = 0; i < plan->cells * plan->repetitions; i++) {
			const struct sample *sample = &measured->process[p]->sample[i];

			if (!(sample->ns > 0) || sample->place >= PLACES_ALL)
				continue;
			counts->repetitions[sample->place]++;
			if (sample->place < PLACES && kept[sample->place] < TRIPS_KEPT)
				trips[sample->place][kept[sample->place]++] = sample->trip_ns[0];
		}
	}
	for (unsigned place = 0; place < PLACES; place++)
		counts->trip_ns[place] = median(trips[place], kept[place]);
}

void summary_latency(const struct measured *measured, unsigned cell, enum place place, struct histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
	for (unsigned p = 0; p < measured->processes; p++) {
		const struct histogram *one = worker_histogram(measured->process[p], cell, place);

		if (one)
			histogram_merge(histogram, one);
	}
}

int summary_status(const struct measured *measured, unsigned cell)
{
	for (unsigned p = 0; p < measured->processes; p++)
		if (measured->process[p]->status[cell])
			return measured->process[p]->status[cell];
	return 0;
}
