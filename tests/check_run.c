/* SPDX-License-Identifier: MIT */
/*
 * check_run.c - the whole harness on targets that lie, crash or hang: does it say so, and in time?
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "inject/context.h"
#include "inject/inject.h"
#include "order.h"
#include "run.h"
#include "suite.h"
#include "targets/ring_target.h"
#include "topology.h"
#include "verdict.h"
#include "writer.h"

/* What chance decides gets so long, on a machine that may be busy with other things. */
#define PATIENCE_NS (60 * NS_PER_S)
/* A run never outlives its duration by more than this. */
#define BOUND_NS (2 * NS_PER_S)
/* Long enough for two rounds; where chance must have its way, there is another run, longer. */
#define SHORT_NS (200 * NS_PER_MS)

static struct options options;
static struct placement placement;
static struct run run;
static struct judgement judgement[RUN_RESULTS_MAX];
static struct run_judgement verdict;

static void begin(uint64_t duration_ns, const struct target *first, const struct target *second)
{
	static struct topology topology;
	char message[256];

	memset(&options, 0, sizeof(options));
	options.target[0] = first;
	options.target[1] = second;
	options.targets = second ? 2 : 1;
	options.tier[0] = TIER_TIMER;
	options.tiers = 1;
	options.duration_ns = duration_ns;
	options.data_size = 1 << 20;
	options.progress = 0.5;
	/* The more is seen. */
	options.slow_motion = 0.9;
	options.min_exposure = 5;
	options.seed = clock_ns();
	ck_assert_int_eq(topology_read(&topology, NULL, message, sizeof(message)), 0);
	ck_assert_int_eq(placement_make(&placement, &topology, PLACEMENT_NEAR, 1, 1), 0);
}

/* Return: whether it ended in time. */
static bool go_timed(void)
{
	struct verdict_limits limits = { .min_exposure = options.min_exposure };
	uint64_t start = clock_ns();
	bool in_time;

	/* What is left of an earlier one would be a leak of the children of this. */
	run_free(&run);
	memset(&run, 0, sizeof(run));
	run.options = &options;
	run.placement = &placement;
	ck_assert_msg(!run_all(&run), "%s", run.message);
	/* What is shorter than a second has the survey beside it, which takes no share of it but its own time. */
	in_time = clock_ns() - start < (options.duration_ns < NS_PER_S ? NS_PER_S : options.duration_ns) + BOUND_NS;
	limits.interrupted = run.stopped_by != 0;
	verdict_run(run.result, run.results, &limits, judgement, &verdict);
	return in_time;
}

static void go(void)
{
	require(go_timed());
}

/* Where this machine or a sanitizer leaves little of a run. */
static uint64_t longer(uint64_t duration_ns)
{
	return duration_ns < 4 * NS_PER_S ? 2 * duration_ns : duration_ns;
}

START_TEST(a_liar_is_found_out)
{
	struct target liar = target_legacy;
	uint64_t end = clock_ns() + PATIENCE_NS, duration = SHORT_NS;

	liar.name = "liar";
	liar.claim = CLAIM_SOUND;
	do {
		begin(duration, &target_legacy, &liar);
		go();
		duration = longer(duration);
	} while ((verdict.verdict != VERDICT_FAIL || !counts_violations(&run.result[1].counts, HEAD_BACKWARD)) &&
		 clock_ns() < end);
	ck_assert_msg(verdict.verdict == VERDICT_FAIL, "%s", verdict.reason);
	ck_assert_uint_gt(counts_violations(&run.result[1].counts, HEAD_BACKWARD), 0);
	ck_assert_uint_eq(counts_violations_except(&run.result[1].counts, liar.expected[TIER_TIMER] | liar.allowed), 0);
	ck_assert_uint_gt(run.result[1].events, 0);
	ck_assert_uint_gt(run.result[1].event[0].strikes_known, 0);
}
END_TEST

/* Without P5: what struck while it published stays invisible until the next write. */
START_TEST(a_record_left_unpublished_is_noticed)
{
	struct target target = target_no_recheck;
	uint64_t end = clock_ns() + PATIENCE_NS, duration = SHORT_NS;

	target.name = "forgetful";
	target.claim = CLAIM_SOUND;
	do {
		begin(duration, &target, NULL);
		go();
		duration = longer(duration);
	} while (!run.result[0].events && clock_ns() < end);
	ck_assert_int_eq(verdict.verdict, VERDICT_FAIL);
	ck_assert_uint_gt(counts_violations(&run.result[0].counts, STUCK_HEAD), 0);
	ck_assert_uint_eq(counts_violations_except(&run.result[0].counts, VIOLATION_BIT(STUCK_HEAD)), 0);
}
END_TEST

START_TEST(a_control_that_never_fails_is_not_caught)
{
	struct target tame = target_fixed;

	tame.name = "tame";
	tame.claim = CLAIM_CONTROL;
	tame.expected[TIER_TIMER] = VIOLATION_BIT(HEAD_BACKWARD);
	begin(SHORT_NS, &tame, &target_fixed);
	go();
	ck_assert_int_eq(verdict.verdict, VERDICT_INCONCLUSIVE);
	ck_assert(!verdict.sight[TIER_TIMER].caught);
}
END_TEST

START_TEST(a_control_that_fails_otherwise_is_an_error)
{
	struct target strange = target_legacy;
	uint64_t end = clock_ns() + PATIENCE_NS, duration = SHORT_NS;

	strange.name = "strange";
	strange.expected[TIER_TIMER] = VIOLATION_BIT(TORN_RECORD);
	strange.allowed = 0;
	do {
		begin(duration, &strange, NULL);
		go();
		duration = longer(duration);
	} while (!run.result[0].events && clock_ns() < end);
	ck_assert_int_eq(verdict.verdict, VERDICT_ERROR);
}
END_TEST

/* A target that goes wrong after the survey has stepped through it: the slices run in other processes. */
static unsigned writes_left;

static int crash_write(struct target_ring *ring, const void *payload, size_t size)
{
	if (!writes_left--)
		raise(SIGSEGV);
	return target_fixed.write(ring, payload, size);
}

static int hang_write(struct target_ring *ring, const void *payload, size_t size)
{
	if (!writes_left--)
		for (;;)
			nrb_cpu_relax();
	return target_fixed.write(ring, payload, size);
}

START_TEST(a_crash_is_told_and_contained)
{
	struct target crash = target_fixed;

	crash.name = "crash";
	crash.write = crash_write;
	writes_left = 20000;
	begin(NS_PER_S, &crash, NULL);
	go();
	ck_assert_int_eq(verdict.verdict, VERDICT_ERROR);
	ck_assert_ptr_nonnull(strstr(verdict.reason, "crash"));
}
END_TEST

/* Publishes its record before it is there, and dies of it: what readers saw until then must not be lost. */
static int tear_and_crash_write(struct target_ring *ring, const void *payload, size_t size)
{
	unsigned char garbage[2048] = { 0 };
	(void)payload;

	if (!writes_left--)
		raise(SIGSEGV);
	return target_fixed.write(ring, garbage, size);
}

START_TEST(what_was_seen_before_a_crash_counts)
{
	struct target torn = target_fixed;

	torn.name = "torn";
	torn.write = tear_and_crash_write;
	/* More than the ring holds: a reader must have taken some. */
	writes_left = 300000;
	begin(NS_PER_S, &torn, NULL);
	go();
	ck_assert_int_eq(verdict.verdict, VERDICT_FAIL);
	ck_assert_uint_gt(counts_violations(&run.result[0].counts, TORN_RECORD), 0);
}
END_TEST

/*
 * Where others have the CPU, one that hangs cannot be told from one that is not let run: then that is said. Or it does
 * not get as far as to hang, in either of the two slices.
 */
START_TEST(a_hang_ends_in_time)
{
	struct target hang = target_fixed;
	uint64_t end = clock_ns() + PATIENCE_NS;
	bool in_time;

	hang.name = "hang";
	hang.write = hang_write;
	do {
		writes_left = 20000;
		begin(2 * SHORT_NS, &hang, NULL);
		in_time = go_timed();
		ck_assert_msg(verdict.verdict == VERDICT_ERROR || strstr(verdict.reason, "too busy") ||
				      run.result[0].counts.records < 2 * 20000,
			      "%s", verdict.reason);
	} while ((!in_time || verdict.verdict != VERDICT_ERROR) && clock_ns() < end);
	ck_assert(in_time);
	ck_assert_int_eq(verdict.verdict, VERDICT_ERROR);
}
END_TEST

/* A timer faster than its handler: the interrupted thread gets no time at all, for ever. */
static void storm_start(struct writer *writer)
{
	const struct itimerspec often = { .it_interval = { .tv_nsec = 1000 }, .it_value = { .tv_nsec = 1000 } };

	timer_settime(writer->timer[1], 0, &often, NULL);
}

START_TEST(a_starved_writer_is_relieved_and_told)
{
	struct slice_result *result = calloc(1, sizeof(*result));
	struct exposure *exposure = calloc(1, sizeof(*exposure));
	struct injector storm = injector_timer;
	uint64_t start = clock_ns();
	const uint32_t stop = 0;

	ck_assert(result && exposure);
	storm.start = storm_start;
	storm.resume = NULL;
	begin(20 * NS_PER_S, &target_fixed, NULL);
	slice_run(&(struct slice_config) { .options = &options,
					   .placement = &placement,
					   .target = &target_fixed,
					   .injector = &storm,
					   .exposure = exposure,
					   .data_size = options.data_size,
					   .duration_ns = options.duration_ns,
					   .stop = &stop },
		  result);
	require(clock_ns() - start < options.duration_ns + BOUND_NS);
	ck_assert_int_eq(result->end, SLICE_STARVED);
	ck_assert_uint_eq(result->counts.disarms, 3);
	ck_assert_ptr_nonnull(strstr(result->message, "disarm"));
	/* In between it wrote, and nothing was lost or torn. */
	ck_assert_uint_gt(result->counts.records, 0);
	ck_assert_uint_eq(counts_violations_except(&result->counts, 0), 0);
	free(exposure);
	free(result);
}
END_TEST

START_TEST(a_signal_stops_it_with_what_there_is)
{
	pid_t self = getpid(), child = fork();

	if (!child) {
		usleep(1200 * 1000);
		kill(self, SIGTERM);
		_exit(0);
	}
	begin(20 * NS_PER_S, &target_legacy, &target_fixed);
	go();
	waitpid(child, NULL, 0);
	ck_assert_int_eq(run.stopped_by, SIGTERM);
	ck_assert_int_eq(verdict.verdict, VERDICT_INCONCLUSIVE);
	ck_assert_uint_gt(run.result[0].counts.records, 0);
	require(run.wall_ns < 1200 * NS_PER_MS + BOUND_NS);
}
END_TEST

START_TEST(refused_writes_are_accounted_for)
{
	uint64_t end = clock_ns() + PATIENCE_NS, duration = SHORT_NS;

	/* The smallest ring, and a base that does not wait: most writes are refused, and LOST records tell it all. */
	do {
		begin(duration, &target_fixed, NULL);
		options.data_size = 4096;
		options.drop = true;
		go();
		duration = longer(duration);
	} while (!run.result[0].counts.lost_records && clock_ns() < end);
	ck_assert_uint_gt(run.result[0].counts.refused[0], 0);
	ck_assert_uint_gt(run.result[0].counts.lost_records, 0);
	ck_assert_uint_eq(counts_violations_except(&run.result[0].counts, 0), 0);
}
END_TEST

/* Every strike into a write is in the map, once, and what readers saw is told of the instruction that was struck. */
START_TEST(the_map_holds_every_strike)
{
	uint64_t end = clock_ns() + PATIENCE_NS, duration = SHORT_NS;
	bool followed;

	do {
		begin(duration, &target_legacy, &target_fixed);
		go();
		duration = longer(duration);
		followed = false;
		for (unsigned i = 0; i < 2; i++) {
			const struct boundaries *map = &run.boundaries[i];
			uint64_t mapped = map->elsewhere[TIER_TIMER], in_write = 0;

			for (unsigned class = 0; class < STRIKE_CLASSES; class ++)
				in_write += run.result[i].counts.by_class[class].in_write;
			for (unsigned slot = 0; slot < BOUNDARIES_MAX; slot++) {
				const struct boundary *boundary = &map->at[slot];

				mapped += boundary->strikes[TIER_TIMER];
				ck_assert(boundary->followed[TIER_TIMER] <= boundary->strikes[TIER_TIMER]);
				ck_assert(!boundary->strikes[TIER_STEP] && !boundary->strikes[TIER_KICK]);
				ck_assert(!boundary->violations || i == 0);
				ck_assert(!boundary->decreasing || boundary->exposed);
				followed |= boundary->violations & VIOLATION_BIT(HEAD_BACKWARD);
			}
			ck_assert_uint_eq(mapped, in_write);
			for (unsigned k = 0; k < run.survey->exposure[i].count; k++)
				ck_assert(boundaries_find(map, run.survey->exposure[i].boundary[k].pc)->exposed);
		}
	} while (!followed && clock_ns() < end);
	ck_assert(followed);
}
END_TEST

START_TEST(a_plan_fills_the_duration)
{
	static const struct {
		uint64_t duration_ms, slice_ms;
		unsigned targets, rounds;
	} cases[] = { { 10000, 1000, 2, 5 }, { 2000, 500, 2, 2 }, { 4000, 1000, 2, 2 }, { 600000, 1000, 2, 300 },
		      { 200, 100, 1, 2 },    { 9000, 900, 2, 5 }, { 3000, 500, 3, 2 } };

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t slice;
		unsigned rounds;

		run_plan(cases[i].duration_ms * NS_PER_MS, cases[i].targets, &slice, &rounds);
		ck_assert_uint_eq(slice, cases[i].slice_ms * NS_PER_MS);
		ck_assert_uint_eq(rounds, cases[i].rounds);
	}
}
END_TEST

START_TEST(stepping_takes_a_fifth_beside_others)
{
	ck_assert_uint_eq(run_step_ns(10 * NS_PER_S, false), 2 * NS_PER_S);
	ck_assert_uint_eq(run_step_ns(10 * NS_PER_S, true), 10 * NS_PER_S);
}
END_TEST

START_TEST(the_survey_knows_the_window)
{
	struct survey *survey = calloc(1, sizeof(*survey));
	unsigned decreasing = 0;

	ck_assert_ptr_nonnull(survey);
	survey_exposure(&target_legacy, &stepper_trap, clock_ns() + PATIENCE_NS / 4, &survey->exposure[0]);
	survey_exposure(&target_fixed, &stepper_trap, clock_ns() + PATIENCE_NS / 4, &survey->exposure[1]);
	ck_assert_uint_gt(survey->exposure[0].count, 0);
	ck_assert_uint_gt(survey->exposure[1].count, 0);
	for (unsigned i = 0; i < survey->exposure[0].count; i++)
		decreasing += survey->exposure[0].boundary[i].decreasing;
	/* Between the decrement of nest and the publish, in the one-call write and in the commit, twice round each. */
	ck_assert_uint_gt(decreasing, 1);
	ck_assert_uint_lt(decreasing, survey->exposure[0].count);
	/* The fixed protocol is exposed there too, and shows nothing. */
	for (unsigned i = 0; i < survey->exposure[1].count; i++)
		ck_assert(!survey->exposure[1].boundary[i].decreasing);
	free(survey);
}
END_TEST

START_TEST(a_signal_costs_something)
{
	uint64_t cost = survey_signal_cost_ns();

	ck_assert_uint_gt(cost, 500);
	ck_assert_uint_lt(cost, 100 * NS_PER_MS);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("run");
	TCase *tcase = suite_case(suite, "run");
	static struct topology topology;
	const char *no_reader = NULL;
	char message[256];

	if (topology_read(&topology, NULL, message, sizeof(message)) || topology.cpus < 2)
		no_reader = "two CPUs are needed";
	suite_add(tcase, a_liar_is_found_out, no_reader);
	suite_add(tcase, a_record_left_unpublished_is_noticed, no_reader);
	suite_add(tcase, a_control_that_never_fails_is_not_caught, no_reader);
	suite_add(tcase, a_control_that_fails_otherwise_is_an_error, no_reader);
	suite_add(tcase, a_crash_is_told_and_contained, no_reader);
	suite_add(tcase, what_was_seen_before_a_crash_counts, no_reader);
	suite_add(tcase, a_hang_ends_in_time, no_reader);
	suite_add(tcase, a_starved_writer_is_relieved_and_told, no_reader);
	suite_add(tcase, a_signal_stops_it_with_what_there_is, no_reader);
	suite_add(tcase, refused_writes_are_accounted_for, no_reader);
	suite_add(tcase, the_map_holds_every_strike, no_reader);
	tcase_add_test(tcase, a_plan_fills_the_duration);
	tcase_add_test(tcase, stepping_takes_a_fifth_beside_others);
	suite_add(tcase, the_survey_knows_the_window, CONTEXT_CAN_STEP ? NULL : "stepping needs x86-64");
	tcase_add_test(tcase, a_signal_costs_something);
	return suite;
}
