/* SPDX-License-Identifier: MIT */
/*
 * check_change.c - what --compare makes of two runs that are made up: the machine changes, neighbours come and go, and
 *                  one contestant becomes slower or none does
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "contestant.h"
#include "report/reports.h"
#include "suite.h"

#define PROCESSES 10u
#define REPETITIONS 1u
/* All made up from the same seeds each time, so that what passes once always does. */
#define TRIALS (suite_full() ? 200u : 60u)
#define TOLERANCE 0.05

/* Limits come last: the others are held against them as well, but nothing is said of them. */
static const char *const names[] = { "write", "fixed", "legacy", "fixed-lock", "limit-publish", "memcpy-publish" };
static const uint32_t payloads[] = { 8, 40, 120 };
#define NAMES (sizeof(names) / sizeof(names[0]))
#define JUDGED (NAMES - 2)
#define SIZES (sizeof(payloads) / sizeof(payloads[0]))

static struct plan plan;
static struct measured measured;

static uint32_t number_of(const char *name)
{
	for (uint32_t i = 0; contestant_table[i]; i++)
		if (!strcmp(contestant_table[i]->name, name))
			return i;
	ck_abort_msg("there is no %s", name);
}

/* The first @contestants of them, alone. */
static void plan_make(unsigned contestants)
{
	struct plan_wish wish = { .contestants = contestants, .modes = 1, .payloads = SIZES, .sizes = 1, .writers = 1 };

	memset(&plan, 0, sizeof(plan));
	plan.cpus = 1;
	plan.repetitions = REPETITIONS;
	wish.mode[0] = MODE_ALONE;
	wish.size[0] = 1 << 20;
	for (unsigned i = 0; i < contestants; i++)
		wish.contestant[i] = number_of(names[i]);
	memcpy(wish.payload, payloads, sizeof(payloads));
	ck_assert_int_eq(plan_fill(&plan, &wish), 0);
	measured = (struct measured) { .plan = &plan, .processes = PROCESSES };
	for (unsigned p = 0; p < PROCESSES; p++) {
		struct worker_memory *memory = calloc(1, worker_bytes(&plan));

		ck_assert_ptr_nonnull(memory);
		memory->plan = plan;
		measured.process[p] = memory;
	}
}

static void plan_forget(void)
{
	for (unsigned p = 0; p < PROCESSES; p++)
		free((void *)measured.process[p]);
}

/* In [0, 1). */
static double uniform(uint64_t *state)
{
	return (double)(suite_random(state) >> 11) / 0x1p53;
}

/* As good as normally distributed, with a standard deviation of @spread. */
static double normal(uint64_t *state, double spread)
{
	double sum = 0;

	for (unsigned i = 0; i < 12; i++)
		sum += uniform(state) - 0.5;
	return spread * sum;
}

/* One run: what all of it has in common, and what each contestant adds. */
struct forgery {
	double machine;   /* factor to all times */
	double uneven;    /* standard deviation of what it is to one contestant */
	double noise;     /* the same of a process */
	double slowed;    /* factor, to ... */
	int contestant;   /* ... this one, as in contestant_table; -1: none */
	uint32_t payload; /* ... with this size; 0: all */
};

/* A neighbour slows down three processes of ten by up to half, and each cell of them by as much as it likes. */
static void forge(const struct forgery *forgery, uint64_t *state)
{
	double busy[PROCESSES], uneven[PLAN_CONTESTANTS];

	for (unsigned p = 0; p < PROCESSES; p++)
		busy[p] = uniform(state) < 0.3 ? 0.5 * uniform(state) : 0;
	for (unsigned i = 0; i < PLAN_CONTESTANTS; i++)
		uneven[i] = normal(state, forgery->uneven);
	for (unsigned i = 0; i < plan.cells; i++) {
		const struct cell *cell = &plan.cell[i];
		double ns = (10 + cell->payload / 8.0 + cell->contestant) * forgery->machine *
			    exp(uneven[cell->contestant]);

		if (forgery->contestant == (int)cell->contestant &&
		    (!forgery->payload || forgery->payload == cell->payload))
			ns *= forgery->slowed;
		for (unsigned p = 0; p < PROCESSES; p++) {
			double of_process = ns * exp(normal(state, forgery->noise)) * (1 + busy[p] * uniform(state));

			*worker_sample(measured.process[p], i, 0) = (struct sample) {
				.ns = of_process, .place = PLACE_ONE, .reference_ns = 10, .reference_place = PLACE_ONE
			};
		}
	}
}

static json_t *numbers(const double *values)
{
	json_t *array = json_array();

	for (unsigned p = 0; p < PROCESSES; p++)
		json_array_append_new(array, json_real(values[p]));
	return array;
}

/* What was forged, as a report that was written earlier. */
static json_t *as_earlier(void)
{
	json_t *results = json_array();

	for (unsigned i = 0; i < plan.cells; i++) {
		const struct cell *cell = &plan.cell[i];
		double ns[PROCESSES], ratio[PROCESSES];

		summary_ns(&measured, i, PLACE_ONE, ns);
		summary_ratio(&measured, i, (unsigned)cell->reference, PLACE_ONE, ratio);
		json_array_append_new(results,
				      json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:o, s:o}", "contestant",
						contestant_table[cell->contestant]->name, "mode", "alone", "place",
						"one", "payload_bytes", (int)cell->payload, "data_size_bytes", 1 << 20,
						"writers", (int)cell->writers, "depth", 0, "ns_by_process", numbers(ns),
						"ratio_by_process", numbers(ratio)));
	}
	return json_pack("{s:s, s:o}", "program", "nrb-bench", "results", results);
}

/* Two runs. The caller frees @comparison. */
static void compare(struct comparison *comparison, const struct forgery *then, const struct forgery *now,
		    uint64_t *state)
{
	json_t *earlier;

	forge(then, state);
	earlier = as_earlier();
	ck_assert_ptr_nonnull(earlier);
	forge(now, state);
	ck_assert_int_eq(comparison_make(comparison, earlier, &measured, TOLERANCE), 0);
	json_decref(earlier);
}

/* Whether @contestant is said to be slower. */
static bool is_found(const struct comparison *comparison, int contestant)
{
	for (unsigned i = 0; i < comparison->count; i++) {
		const struct compared *compared = &comparison->compared[i];

		if (compared->differs && (int)plan.cell[compared->cell].contestant == contestant &&
		    compared->change.value > 1)
			return true;
	}
	return false;
}

struct outcome {
	unsigned found, false_alarms; /* trials */
};

/* Each contestant in turn becomes slower by @percent, while the machine changes by some percent for all. */
static struct outcome try_out(double percent, double uneven, uint64_t seed)
{
	struct outcome outcome = { 0, 0 };
	uint64_t state = seed;

	for (unsigned trial = 0; trial < TRIALS; trial++) {
		struct forgery then = { .machine = 1, .uneven = uneven, .noise = 0.02, .contestant = -1 }, now = then;
		struct comparison comparison;
		unsigned found;

		now.machine = exp(normal(&state, 0.05));
		now.contestant = percent > 0 ? (int)number_of(names[trial % JUDGED]) : -1;
		now.slowed = 1 + percent / 100;
		compare(&comparison, &then, &now, &state);
		require(comparison.count >= JUDGED);
		found = is_found(&comparison, now.contestant);
		outcome.found += found;
		outcome.false_alarms += comparison.differences > found;
		comparison_free(&comparison);
	}
	suite_note("%.0f %%: found in %u of %u, false alarms in %u\n", percent, outcome.found, TRIALS,
		   outcome.false_alarms);
	return outcome;
}

/* Nothing is planted: in one trial of twenty at most anything is called a difference. */
START_TEST(no_false_alarms)
{
	plan_make(NAMES);
	ck_assert_uint_le(try_out(0, 0.008, 0x5eed).false_alarms, TRIALS / 20);
	plan_forget();
}
END_TEST

/* Each drifts by 4 %: a spread over five others is a poor one, but without it three of four trials were alarms. */
START_TEST(spread_of_others)
{
	plan_make(NAMES);
	ck_assert_uint_le(try_out(0, 0.03, 0xbad).false_alarms, TRIALS / 2);
	plan_forget();
}
END_TEST

/* Ten percent: found in 95 of 100, and no one else is accused. */
START_TEST(finds_ten_percent)
{
	struct outcome outcome;

	plan_make(NAMES);
	outcome = try_out(10, 0.008, 0xfeed);
	ck_assert_uint_ge(outcome.found, TRIALS * 95 / 100);
	ck_assert_uint_le(outcome.false_alarms, TRIALS / 20);
	plan_forget();
}
END_TEST

static const struct forgery quiet = { .machine = 1, .uneven = 0.003, .noise = 0.005, .contestant = -1 };

/* What all of them share is told once, and of nobody in particular. */
START_TEST(told_once)
{
	struct comparison comparison;
	struct forgery now = quiet;
	uint64_t state = 3;

	plan_make(NAMES);
	now.machine = 1.3;
	compare(&comparison, &quiet, &now, &state);
	ck_assert_uint_eq(comparison.differences, 0);
	ck_assert_uint_eq(comparison.count, JUDGED);
	ck_assert_uint_eq(comparison.blocks, 1);
	ck_assert(comparison.all[0].differs);
	ck_assert_uint_eq(comparison.all[0].contestants, NAMES);
	ck_assert(fabs(comparison.all[0].change.value - 1.3) < 0.03);
	comparison_free(&comparison);
	plan_forget();
}
END_TEST

/* Sizes that agree make one line; one that does not is told by itself. */
START_TEST(sizes)
{
	struct comparison comparison;
	struct forgery now = quiet;
	uint64_t state = 4;
	unsigned found = 0;

	plan_make(NAMES);
	now.contestant = (int)number_of("fixed");
	now.slowed = 1.2;
	compare(&comparison, &quiet, &now, &state);
	ck_assert_uint_eq(comparison.differences, 1);
	ck_assert(!comparison.all[0].differs);
	for (unsigned i = 0; i < comparison.count; i++)
		require(comparison.compared[i].payloads == SIZES && comparison.compared[i].apart);
	comparison_free(&comparison);
	now.payload = 40;
	compare(&comparison, &quiet, &now, &state);
	ck_assert_uint_eq(comparison.differences, 1);
	for (unsigned i = 0; i < comparison.count; i++) {
		const struct compared *compared = &comparison.compared[i];

		if (!compared->differs)
			continue;
		found++;
		ck_assert_uint_eq(compared->payloads, 1);
		ck_assert_uint_eq(plan.cell[compared->cell].payload, 40);
		ck_assert(fabs(compared->change.value - 1.2) < 0.03);
	}
	ck_assert_uint_eq(found, 1);
	comparison_free(&comparison);
	plan_forget();
}
END_TEST

/* Two of six changed: the spread of the others is robust to another one. */
START_TEST(two_at_once)
{
	double then[NAMES * PROCESSES], now[NAMES * PROCESSES];
	struct change_block block = { NAMES, 1, { PROCESSES, PROCESSES }, { then, now } };
	struct change apart[NAMES], common;
	uint64_t state = 5;

	for (unsigned i = 0; i < NAMES * PROCESSES; i++) {
		then[i] = 10 * exp(normal(&state, 0.005));
		now[i] = 10 * exp(normal(&state, 0.005)) * (i < 2 * PROCESSES ? 1.1 : 1);
	}
	ck_assert_int_eq(change_apart(&block, 0, 1, apart, &common), 0);
	for (unsigned row = 0; row < NAMES; row++) {
		struct estimate change = change_estimate(&apart[row], PROCESSES, 0.99);

		ck_assert_int_eq(change.low > 1.02, row < 2);
	}
}
END_TEST

/* With three contestants nobody can tell what changed for all: ratios as they are, and that is told. */
START_TEST(too_few_others)
{
	struct comparison comparison;
	struct forgery now = quiet;
	uint64_t state = 6;

	plan_make(2);
	ck_assert_uint_eq(plan.cells, 3 * SIZES);
	now.machine = 1.3;
	compare(&comparison, &quiet, &now, &state);
	ck_assert_uint_eq(comparison.count, 2 * SIZES);
	ck_assert_uint_eq(comparison.blocks, 1);
	ck_assert(isnan(comparison.all[0].change.low));
	for (unsigned i = 0; i < comparison.count; i++)
		require(!comparison.compared[i].apart && comparison.compared[i].payloads == 1);
	comparison_free(&comparison);
	plan_forget();
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("change");
	TCase *simulated = suite_case(suite, "simulated"), *told = suite_case(suite, "told");

	tcase_add_test(simulated, no_false_alarms);
	tcase_add_test(simulated, spread_of_others);
	tcase_add_test(simulated, finds_ten_percent);
	tcase_add_test(told, told_once);
	tcase_add_test(told, sizes);
	tcase_add_test(told, two_at_once);
	tcase_add_test(told, too_few_others);
	return suite;
}
