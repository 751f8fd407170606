/* SPDX-License-Identifier: MIT */
/*
 * check_bench.c - what the benchmark plans, and what it makes of figures that are made up: summaries and comparisons
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "asked.h"
#include "contestant.h"
#include "report/reports.h"
#include "suite.h"

#define PROCESSES 10u
#define REPETITIONS 5u

/* ---- plans ---- */

static uint32_t number_of(const char *name)
{
	for (uint32_t i = 0; contestant_table[i]; i++)
		if (!strcmp(contestant_table[i]->name, name))
			return i;
	ck_abort_msg("there is no %s", name);
}

static const struct plan_wish wished = {
	.contestants = 1,
	.modes = 1,
	.payloads = 1,
	.sizes = 1,
	.payload = { 40 },
	.size = { 1 << 20 },
	.writers = 4,
};

static struct plan *plan_of(const char *contestant, enum bench_mode mode, uint32_t cpus)
{
	static struct plan plan;
	struct plan_wish wish = wished;

	memset(&plan, 0, sizeof(plan));
	plan.cpus = cpus;
	plan.repetitions = REPETITIONS;
	wish.contestant[0] = number_of(contestant);
	wish.mode[0] = mode;
	wish.depth = 2;
	ck_assert_int_eq(plan_fill(&plan, &wish), 0);
	return &plan;
}

/* Whoever names no limit gets it all the same. */
START_TEST(adds_the_reference)
{
	struct plan *plan = plan_of("fixed", MODE_ALONE, 1);

	ck_assert_uint_eq(plan->cells, 2);
	ck_assert_uint_eq(plan->groups, 1);
	ck_assert_int_eq(plan->cell[0].reference, 1);
	ck_assert_int_eq(plan->cell[1].reference, 1);
	ck_assert_str_eq(contestant_table[plan->cell[1].contestant]->name, PLAN_REFERENCE);
}
END_TEST

START_TEST(needs_two_cpus)
{
	ck_assert_uint_eq(plan_of("fixed", MODE_POLLED, 1)->cells, 0);
	ck_assert_uint_eq(plan_of("fixed", MODE_POLLED, 2)->cells, 2);
	ck_assert_uint_eq(plan_of("fixed", MODE_WRITERS, 1)->cells, 1);
}
END_TEST

/* 1, 2 and 3 writers on three CPUs, each to one writer of the same; depths to the limit alone. */
START_TEST(writers_and_depths)
{
	struct plan *plan = plan_of("fixed", MODE_WRITERS, 3);

	ck_assert_uint_eq(plan->cells, 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(plan->cell[i].writers, i + 1);
		ck_assert_int_eq(plan->cell[i].reference, 0);
	}
	plan = plan_of("fixed", MODE_NESTED, 1);
	ck_assert_uint_eq(plan->cells, 4);
	ck_assert_uint_eq(plan->cell[plan->cell[3].reference].mode, MODE_ALONE);
}
END_TEST

START_TEST(too_many)
{
	static struct plan plan;
	struct plan_wish wish = wished;

	plan.cpus = 64;
	wish.contestant[0] = number_of("fixed");
	wish.modes = 1;
	wish.mode[0] = MODE_NESTED;
	wish.depth = PLAN_DEPTH;
	wish.payloads = PLAN_PAYLOADS;
	wish.sizes = PLAN_SIZES;
	for (uint32_t i = 0; i < PLAN_PAYLOADS; i++)
		wish.payload[i] = 8 * (i + 1);
	for (uint32_t i = 0; i < PLAN_SIZES; i++)
		wish.size[i] = 1ull << (16 + i);
	ck_assert_int_eq(plan_fill(&plan, &wish), -E2BIG);
}
END_TEST

START_TEST(places)
{
	ck_assert_int_eq(probe_place(47), PLACE_NEAR);
	ck_assert_int_eq(probe_place(107), PLACE_CACHE);
	ck_assert_int_eq(probe_place(495), PLACE_FAR);
	ck_assert_int_eq(probe_place(-1), PLACE_MIXED);
	for (unsigned mode = 0; mode < MODES; mode++)
		ck_assert_int_eq(mode_find(mode_table[mode].name, strlen(mode_table[mode].name)), (int)mode);
	ck_assert_int_eq(mode_find("pol", 3), MODES);
}
END_TEST

/* ---- what processes found ---- */

/* Processes of @plan with nothing in them. */
static void forge(struct measured *measured, const struct plan *plan)
{
	*measured = (struct measured) { .plan = plan, .processes = PROCESSES };
	for (unsigned p = 0; p < PROCESSES; p++) {
		struct worker_memory *memory = calloc(1, worker_bytes(plan));

		ck_assert_ptr_nonnull(memory);
		memory->plan = *plan;
		measured->process[p] = memory;
	}
}

static void forget(struct measured *measured)
{
	for (unsigned p = 0; p < measured->processes; p++)
		free((void *)measured->process[p]);
}

/* Each repetition has a speed of its own, which both cells of it share: the ratio is exact all the same. */
static void fill(const struct measured *measured, enum place place, double ratio)
{
	for (unsigned p = 0; p < PROCESSES; p++) {
		for (unsigned r = 0; r < REPETITIONS; r++) {
			double speed = 1 + p * 0.1 + r * r;

			*worker_sample(measured->process[p], 0, r) = (struct sample) {
				.ns = ratio * speed, .place = place, .reference_ns = speed, .reference_place = place
			};
			*worker_sample(measured->process[p], 1, r) = (struct sample) { .ns = speed, .place = place };
		}
	}
}

START_TEST(pairs_repetitions)
{
	struct measured measured;
	struct estimate ratio;

	forge(&measured, plan_of("fixed", MODE_POLLED, 2));
	fill(&measured, PLACE_CACHE, 2.5);
	ratio = summary_ratio_estimate(&measured, 0, 1, PLACE_CACHE);
	ck_assert(fabs(ratio.value - 2.5) < 1e-9 && fabs(ratio.low - 2.5) < 1e-9);
	ck_assert(isnan(summary_ratio_estimate(&measured, 0, 1, PLACE_FAR).value));
	ck_assert(isnan(summary_ns_estimate(&measured, 0, PLACE_NEAR).value));
	forget(&measured);
}
END_TEST

/* Where CPUs moved while it was measured, or one of the two was measured elsewhere, there is no ratio. */
START_TEST(discards_mixed)
{
	struct measured measured;
	struct place_counts counts;

	forge(&measured, plan_of("fixed", MODE_POLLED, 2));
	fill(&measured, PLACE_CACHE, 2.5);
	for (unsigned p = 0; p < PROCESSES; p++) {
		*worker_sample(measured.process[p], 0, 0) = (struct sample) { .ns = 1e6, .place = PLACE_MIXED };
		*worker_sample(measured.process[p], 0, 2) = (struct sample) { .ns = 1e6, .place = PLACE_DISTURBED };
		*worker_sample(measured.process[p], 1, 1) = (struct sample) { .ns = 1e-6, .place = PLACE_FAR };
		worker_sample(measured.process[p], 0, 1)->reference_place = PLACE_FAR;
		worker_sample(measured.process[p], 0, 1)->reference_ns = 1e-6;
	}
	ck_assert(fabs(summary_ratio_estimate(&measured, 0, 1, PLACE_CACHE).value - 2.5) < 1e-9);
	ck_assert_uint_eq(summary_counts(&measured, 0, PLACE_CACHE).repetitions, PROCESSES * (REPETITIONS - 2));
	ck_assert_uint_eq(summary_counts(&measured, 0, PLACE_CACHE).discarded, 2 * PROCESSES);
	summary_places(&measured, &counts);
	ck_assert_uint_eq(counts.repetitions[PLACE_MIXED], PROCESSES);
	ck_assert_uint_eq(counts.repetitions[PLACE_DISTURBED], PROCESSES);
	ck_assert_uint_eq(counts.repetitions[PLACE_FAR], PROCESSES);
	forget(&measured);
}
END_TEST

START_TEST(tells_failures)
{
	struct measured measured;

	forge(&measured, plan_of("fixed", MODE_ALONE, 1));
	ck_assert_int_eq(summary_status(&measured, 0), 0);
	((struct worker_memory *)measured.process[3])->status[0] = -EOPNOTSUPP;
	ck_assert_int_eq(summary_status(&measured, 0), -EOPNOTSUPP);
	forget(&measured);
}
END_TEST

/* A latency's histograms, of all processes and this place alone. */
START_TEST(merges_latencies)
{
	static struct histogram histogram;
	struct measured measured;

	forge(&measured, plan_of("fixed", MODE_LATENCY, 2));
	for (unsigned p = 0; p < PROCESSES; p++) {
		histogram_add(worker_histogram(measured.process[p], 1, PLACE_NEAR), 30);
		histogram_add(worker_histogram(measured.process[p], 1, PLACE_FAR), 3000);
	}
	ck_assert_ptr_null(worker_histogram(measured.process[0], 1, PLACE_MIXED));
	summary_latency(&measured, 1, PLACE_NEAR, &histogram);
	ck_assert_uint_eq(histogram.count, PROCESSES);
	ck_assert_uint_eq(histogram.max, 30);
	summary_latency(&measured, 0, PLACE_NEAR, &histogram);
	ck_assert_uint_eq(histogram.count, 0);
	forget(&measured);
}
END_TEST

/* ---- then and now ---- */

static json_t *earlier_of(double ratio)
{
	json_t *values = json_array(), *result;

	for (unsigned p = 0; p < PROCESSES; p++)
		json_array_append_new(values, json_real(ratio * (1 + 0.001 * p)));
	result = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:o}", "contestant", "fixed", "mode", "alone", "place",
			   "one", "payload_bytes", 40, "data_size_bytes", 1 << 20, "writers", 1, "depth", 0,
			   "ratio_by_process", values);
	return json_pack("{s:s, s:{s:s}, s:[o]}", "program", "nrb-bench", "environment", "started", "then", "results",
			 result);
}

START_TEST(compares)
{
	struct comparison comparison;
	struct measured measured;
	json_t *earlier = earlier_of(2);

	forge(&measured, plan_of("fixed", MODE_ALONE, 1));
	fill(&measured, PLACE_ONE, 2.2);
	ck_assert_int_eq(comparison_make(&comparison, earlier, &measured, 0.02), 0);
	ck_assert_uint_eq(comparison.count, 1);
	ck_assert_uint_eq(comparison.differences, 1);
	ck_assert(fabs(comparison.compared[0].change.value - 1.1) < 0.01);
	ck_assert_str_eq(comparison.started, "then");
	ck_assert_str_eq(comparison.revision, "unknown");
	comparison_free(&comparison);
	/* The same again is no difference, nor is less than is tolerated. */
	fill(&measured, PLACE_ONE, 2.02);
	ck_assert_int_eq(comparison_make(&comparison, earlier, &measured, 0.02), 0);
	ck_assert_uint_eq(comparison.differences, 0);
	comparison_free(&comparison);
	json_decref(earlier);
	forget(&measured);
}
END_TEST

/* What the earlier run did not have is not compared. */
START_TEST(compares_nothing)
{
	struct comparison comparison;
	struct measured measured;
	json_t *earlier = earlier_of(2);

	forge(&measured, plan_of("fixed", MODE_POLLED, 2));
	fill(&measured, PLACE_CACHE, 2.2);
	ck_assert_int_eq(comparison_make(&comparison, earlier, &measured, 0.02), 0);
	ck_assert_uint_eq(comparison.count, 0);
	ck_assert_uint_eq(comparison.differences, 0);
	comparison_free(&comparison);
	json_decref(earlier);
	forget(&measured);
}
END_TEST

/* A ratio that is asked, and one of rates: the other way round. */
START_TEST(asked_ratios)
{
	static struct plan plan;
	struct plan_wish wish = wished;
	struct measured measured;
	unsigned above, below, rows = 0;

	memset(&plan, 0, sizeof(plan));
	plan.cpus = 2;
	plan.repetitions = REPETITIONS;
	wish.contestant[0] = number_of("fixed");
	wish.mode[0] = MODE_LOSSLESS;
	ck_assert_int_eq(plan_fill(&plan, &wish), 0);
	forge(&measured, &plan);
	fill(&measured, PLACE_CACHE, 4);
	for (const struct asked *asked = asked_table; asked->name; asked++, rows++) {
		struct asked of_fixed = *asked;

		if (strcmp(asked->name, "lossless_rate_to_limit"))
			continue;
		of_fixed.above.contestant = "fixed";
		ck_assert_int_eq(asked_cells(&of_fixed, &plan, 40, 1 << 20, &above, &below), 0);
		ck_assert(fabs(asked_estimate(&of_fixed, &measured, above, below, PLACE_CACHE).value - 0.25) < 1e-9);
		ck_assert_int_eq(asked_cells(&of_fixed, &plan, 8, 1 << 20, &above, &below), -ENOENT);
		of_fixed.above.contestant = "nobody";
		ck_assert_int_eq(asked_cells(&of_fixed, &plan, 40, 1 << 20, &above, &below), -EPROTO);
	}
	ck_assert_uint_ge(rows, 13);
	forget(&measured);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("bench");
	TCase *plan = suite_case(suite, "plan"), *summary = suite_case(suite, "summary");
	TCase *compare = suite_case(suite, "compare");

	tcase_add_test(plan, adds_the_reference);
	tcase_add_test(plan, needs_two_cpus);
	tcase_add_test(plan, writers_and_depths);
	tcase_add_test(plan, too_many);
	tcase_add_test(plan, places);
	tcase_add_test(summary, pairs_repetitions);
	tcase_add_test(summary, discards_mixed);
	tcase_add_test(summary, tells_failures);
	tcase_add_test(summary, merges_latencies);
	tcase_add_test(compare, compares);
	tcase_add_test(compare, compares_nothing);
	tcase_add_test(compare, asked_ratios);
	return suite;
}
