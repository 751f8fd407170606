/* SPDX-License-Identifier: MIT */
/*
 * text_kernel.c - the kernel tier in the text report: what wrote, what struck where, and what weakens it
 */
#include "report/text.h"

#include <string.h>

#include "kernel/breakpoints.h"
#include "kernel/version.h"
#include "number.h"

/* Places told of each function; --verbose tells all. */
#define PLACES_TOLD 3

static const struct target_result *find_result(const struct report *report)
{
	for (size_t i = 0; i < report->count && report->kernel; i++)
		if (report->results[i].tier == TIER_KERNEL)
			return &report->results[i];
	return NULL;
}

void text_kernel_tier(const struct report *report, FILE *out)
{
	const struct kernel_result *kernel = report->kernel;
	const struct target_result *result = find_result(report);
	struct line line = { .at = 0 };

	line_add(&line, "%s in slices of %s   Linux %s   %u forward, %u backward   rings of %s to %s bytes   ",
		 number_duration(result ? result->slices * report->slice_ns : 0).text,
		 number_duration(report->slice_ns).text, kernel->release, kernel->forward, kernel->backward,
		 number_grouped(kernel->size_min).text, number_grouped(kernel->size_max).text);
	line_add(&line, "%s records/s and %s samples/s of %u clocks%s, the first each %s%s",
		 number_short(per_second(kernel->comm_records, kernel->elapsed_ns)).text,
		 number_short(per_second(kernel->samples, kernel->elapsed_ns)).text, kernel->clocks,
		 kernel->counters ? " and a hardware counter" : "", number_duration(kernel->period_ns).text,
		 report->options->rate_hz ? " (asked for)" : " (steered)");
	line_put(&line, out, tier_name(TIER_KERNEL), 7, 3);
}

/* The @rank-th most frequent offset of @counts, from 0; KERNEL_OFFSETS: there are no more. */
static unsigned find_place(const uint32_t *counts, unsigned rank)
{
	bool taken[KERNEL_OFFSETS] = { false };

	for (;; rank--) {
		unsigned best = KERNEL_OFFSETS;

		for (unsigned i = 0; i < KERNEL_OFFSETS; i++)
			if (counts[i] && !taken[i] && (best == KERNEL_OFFSETS || counts[i] > counts[best]))
				best = i;
		if (best == KERNEL_OFFSETS || !rank)
			return best;
		taken[best] = true;
	}
}

static void add_places(struct line *line, const uint32_t *counts, bool all)
{
	unsigned place, rank = 0;

	for (; (all || rank < PLACES_TOLD) && (place = find_place(counts, rank)) != KERNEL_OFFSETS; rank++)
		line_add(line, "%s+0x%x %s", rank ? ", " : " (", place, number_grouped(counts[place]).text);
	if (rank)
		line_add(line, "%s)", find_place(counts, rank) != KERNEL_OFFSETS ? ", ..." : "");
}

static void put_functions(const struct kernel_result *kernel, bool all, FILE *out)
{
	struct line line = { .at = 0 };

	line_add(&line, "%s samples/s inside its writes: ",
		 number_short(per_second(kernel->in_family, kernel->elapsed_ns)).text);
	for (unsigned i = 0; i < kernel->functions; i++) {
		const struct kernel_function *function = &kernel->function[i];

		if (!function->hits)
			continue;
		line_add(&line, "  %s%s %s/s", function->name, function->handle ? " (publishes)" : "",
			 number_short(per_second(function->hits, kernel->elapsed_ns)).text);
		if (function->handle || all)
			add_places(&line, function->at, all);
	}
	line_put(&line, out, "  kernel: ", 10, 2);
}

static void put_sweep(const struct kernel_result *kernel, bool all, FILE *out)
{
	struct line line = { .at = 0 };
	uint64_t mean;
	unsigned instructions = kernel_sweep_instructions(kernel, &mean);

	line_add(&line, "breakpoints struck %s times at %u instructions", number_grouped(kernel->sweep_hits).text,
		 instructions);
	for (unsigned i = 0; i < kernel->functions; i++) {
		if (!kernel->function[i].handle)
			continue;
		line_add(&line, "  %s", kernel->function[i].name);
		add_places(&line, kernel->function[i].swept, all);
	}
	if (!kernel->sweeps)
		line_add(&line, "  byte %u of %u was reached: run longer (--duration)", kernel->sweep_at,
			 kernel_sweep_length(kernel));
	line_put(&line, out, "  kernel: ", 10, 2);
}

static void put_age(const struct kernel_result *kernel, const struct target_result *result, FILE *out)
{
	struct line line = { .at = 0 };
	bool clean = !counts_violations_except(&result->counts, 0);

	if (kernel->age == KERNEL_HAS_FIX && clean)
		return;
	if (kernel->age == KERNEL_HAS_FIX) {
		line_add(&line, "by its version (%s) it has the fix; what was measured outranks that", kernel->release);
	} else {
		line_add(&line, "by its version (%s) it lacks the fix, which came with ", kernel->release);
		for (size_t i = 0; i < kernel_fixed_count; i++)
			line_add(&line, "%s%u.%u.%u", i ? ", " : "", kernel_fixed_in[i].major, kernel_fixed_in[i].minor,
				 kernel_fixed_in[i].patch);
		line_add(&line, "; %s",
			 clean ? "what was measured outranks that, but may not have been enough" : "and it shows");
	}
	line_put(&line, out, "  kernel: ", 10, 1);
}

static void put_weaknesses(const struct kernel_result *kernel, FILE *out)
{
	struct line line = { .at = 0 };

	if (kernel->throttles) {
		line_add(&line,
			 "the kernel held a clock back %s time%s, so that less was tried than it seems: a lower "
			 "--rate, or "
			 "a higher kernel.perf_event_max_sample_rate",
			 number_grouped(kernel->throttles).text, plural(kernel->throttles));
		line_put(&line, out, "  kernel: ", 10, 1);
	}
	if (kernel->elapsed_ns && !kernel->lost_told) {
		line_add(&line,
			 "its events do not count what they lose (Linux 6.0 and later do): lost_mismatch is not told");
		line_put(&line, out, "  kernel: ", 10, 1);
	}
}

void text_kernel(const struct report *report, bool all, FILE *out)
{
	const struct kernel_result *kernel = report->kernel;
	const struct target_result *result = find_result(report);

	if (!result || result->skipped)
		return;
	put_functions(kernel, all, out);
	if (kernel->swept)
		put_sweep(kernel, all, out);
	put_age(kernel, result, out);
	put_weaknesses(kernel, out);
}
