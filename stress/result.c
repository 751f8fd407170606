/* SPDX-License-Identifier: MIT */
#include "result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

uint64_t counts_violations(const struct counts *counts, enum violation kind)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < STRIKE_CLASSES; i++)
		sum += counts->by_class[i].violations[kind];
	return sum;
}

uint64_t counts_violations_except(const struct counts *counts, uint32_t mask)
{
	uint64_t sum = 0;

	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		if (!(mask & VIOLATION_BIT(kind)))
			sum += counts_violations(counts, kind);
	return sum;
}

void counts_add(struct counts *sum, const struct counts *from)
{
	/* Nothing but counters of 64 bits in there, so that none can be forgotten here. */
	const uint64_t *in = (const uint64_t *)from;
	uint64_t *out = (uint64_t *)sum;

	_Static_assert(sizeof(*sum) % sizeof(uint64_t) == 0, "counters of 64 bits only");
	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		out[i] += in[i];
}

static void add_events(struct target_result *target, const struct slice_result *slice, uint64_t before_ns)
{
	uint64_t kept = slice->events < EVENTS_KEPT ? slice->events : EVENTS_KEPT;

	for (uint64_t i = 0; i < kept && target->events + i < EVENTS_KEPT; i++) {
		target->event[target->events + i] = slice->event[i];
		target->event[target->events + i].time_ns += before_ns;
	}
	target->events += slice->events;
}

void target_result_add(struct target_result *target, const struct slice_result *slice, uint64_t before_ns)
{
	target->slices++;
	counts_add(&target->counts, &slice->counts);
	add_events(target, slice, before_ns);
	if (slice->first_violation_ns != UINT64_MAX && target->first_violation_ns == UINT64_MAX)
		target->first_violation_ns = before_ns + slice->first_violation_ns;
	if (slice->end == SLICE_STARVED)
		target->starved++;
	if (slice->rss_end_kib) {
		if (!target->rss_min_kib || slice->rss_end_kib < target->rss_min_kib)
			target->rss_min_kib = slice->rss_end_kib;
		if (slice->rss_end_kib > target->rss_max_kib)
			target->rss_max_kib = slice->rss_end_kib;
	}
	if (slice->end == SLICE_ERROR || slice->end == SLICE_UNFINISHED)
		target->failed = true;
	if (slice->end == SLICE_SKIP)
		target->skipped = true;
	if (slice->message[0] && !target->message[0])
		snprintf(target->message, sizeof(target->message), "%s", slice->message);
}

void target_result_add_step(struct target_result *target, const struct step_result *step)
{
	target->step = *step;
	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		target->counts.by_class[STRIKE_PLAIN].violations[kind] += step->found[kind];
	target->skipped = step->missing || step->error == -ENOTSUP;
	target->failed = !target->skipped && (step->error || !step->done);
	if (step->message[0])
		snprintf(target->message, sizeof(target->message), "%s%.240s", target->skipped ? "step: " : "",
			 step->message);
}
