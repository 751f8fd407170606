/* SPDX-License-Identifier: MIT */
/*
 * check_blunt.c - the harness, blunted in one place after another, never says PASS
 *
 * Short runs of the whole, in which something that a PASS rests on is missing: it must be noticed by itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "inject/context.h"
#include "inject/inject.h"
#include "order.h"
#include "run.h"
#include "step/stepper.h"
#include "suite.h"
#include "targets/ring_target.h"
#include "topology.h"
#include "verdict.h"
#include "writer.h"

static struct options options;
static struct placement placement;
static struct run run;
static struct judgement judgement[RUN_RESULTS_MAX];
static struct run_judgement verdict;

/* A run of both, as the command line would have it with these tiers. */
static void begin(const struct target *control, const struct target *sound, unsigned tiers, const enum tier *tier)
{
	static struct topology topology;
	char message[256];

	memset(&options, 0, sizeof(options));
	options.target[0] = control;
	options.target[1] = sound;
	options.targets = 2;
	memcpy(options.tier, tier, tiers * sizeof(*tier));
	options.tiers = tiers;
	options.tiers_asked = true;
	options.depth = options.strikes = 1;
	options.duration_ns = 200 * NS_PER_MS;
	options.data_size = 1 << 20;
	options.progress = 0.5;
	options.slow_motion = 0.5;
	options.min_exposure = 5;
	options.seed = clock_ns();
	ck_assert_int_eq(topology_read(&topology, NULL, message, sizeof(message)), 0);
	if (tiers > 1 || tier[0] != TIER_STEP)
		ck_assert_int_eq(placement_make(&placement, &topology, PLACEMENT_NEAR, 1, 1), 0);
}

static void go(void)
{
	struct verdict_limits limits = { .min_exposure = options.min_exposure };

	run_free(&run);
	memset(&run, 0, sizeof(run));
	run.options = &options;
	run.placement = &placement;
	ck_assert_msg(!run_all(&run), "%s", run.message);
	verdict_run(run.result, run.results, &limits, judgement, &verdict);
}

/* The same, for a minute until no slice was kept from its end by a machine that is busy. */
static void go_to_the_end(void)
{
	uint64_t end = clock_ns() + 60 * NS_PER_S;

	do
		go();
	while ((run.result[0].failed || run.result[1].failed) && clock_ns() < end);
}

/* Noticed: it cannot tell, or is broken; but nothing was violated, and nothing proved. */
static void expect_noticed(void)
{
	ck_assert_msg(verdict.verdict == VERDICT_INCONCLUSIVE || verdict.verdict == VERDICT_ERROR, "%s: %s%s",
		      verdict_name(verdict.verdict), verdict.reason, verdict.strength);
}

static const enum tier timer_only[] = { TIER_TIMER };
static const enum tier kick_only[] = { TIER_KICK };
static const enum tier step_only[] = { TIER_STEP };
static const enum tier default_tiers[] = { TIER_STEP, TIER_TIMER };

/* ---- who looks ---- */

/* Where the ring began: all that whoever sleeps has ever seen. One ring in a process at a time. */
static uint64_t began;
static uint32_t asleep;

static struct target_ring *open_noting(const struct target_attr *attr)
{
	began = attr->start;
	return target_fixed.open(attr);
}

/* Fast asleep while the writer runs, and awake when it is at rest: all that was written is there then. */
static int fall_asleep(struct target_ring *ring)
{
	(void)ring;
	nrb_store_relaxed(&asleep, 1);
	return 0;
}

static void wake_up(struct target_ring *ring)
{
	(void)ring;
	nrb_store_relaxed(&asleep, 0);
}

/* The writer looks for itself. Who was awake before it looked is asked again: it may have been kept from looking until
 * the writer ran, and what it saw then would be taken back. */
static uint64_t sleepy_head(const struct target_reader *reader)
{
	uint64_t head = target_fixed.head(reader);

	return nrb_load_relaxed(&asleep) && !this_writer ? began : head;
}

static int64_t sleepy_poll(struct target_reader *reader, uint64_t *head)
{
	if (!nrb_load_relaxed(&asleep)) {
		int64_t found = target_fixed.poll(reader, head);

		if (!nrb_load_relaxed(&asleep))
			return found;
	}
	*head = began;
	return 0;
}

static struct target with_sleepy_readers(const struct target *target)
{
	struct target sleepy = *target;

	sleepy.open = open_noting;
	sleepy.attach = fall_asleep;
	sleepy.detach = wake_up;
	sleepy.head = sleepy_head;
	sleepy.poll = sleepy_poll;
	return sleepy;
}

START_TEST(readers_asleep)
{
	struct target control = with_sleepy_readers(&target_legacy), sound = with_sleepy_readers(&target_fixed);
	uint64_t end = clock_ns() + 60 * NS_PER_S;

	/* On a busy machine nothing may have been written, or nobody have come to look. */
	do {
		begin(&control, &sound, 1, timer_only);
		go_to_the_end();
		ck_assert_int_eq(verdict.verdict, VERDICT_INCONCLUSIVE);
		ck_assert(!verdict.sight[TIER_TIMER].caught);
		ck_assert_uint_eq(counts_violations_except(&run.result[1].counts, 0), 0);
	} while ((!run.result[0].counts.polls || !run.result[0].counts.records) && clock_ns() < end);
	ck_assert_uint_gt(run.result[0].counts.polls, 0);
	ck_assert_uint_gt(run.result[0].counts.records, 0);
}
END_TEST

/* Those of the sound target alone: its silence is theirs. The control's readers are as they should be. */
START_TEST(readers_of_one_target_asleep)
{
	struct target sound = with_sleepy_readers(&target_fixed);

	begin(&target_legacy, &sound, 1, timer_only);
	/* A full ring refuses what nests, so that hardly anything is exposed. */
	options.data_size = 4096;
	go();
	expect_noticed();
	ck_assert_uint_eq(counts_violations_except(&run.result[1].counts, 0), 0);
}
END_TEST

/* ---- what the oracle is fed ---- */

/* A consumer that is told each time that there is nothing to read. */
static int64_t poll_nothing(struct target_reader *reader, uint64_t *head)
{
	target_fixed.poll(reader, head);
	return 0;
}

static struct target never_read(const struct target *target)
{
	struct target unread = *target;

	unread.poll = poll_nothing;
	return unread;
}

/* Records were written, and none was ever seen: when all is at rest that does not add up, whoever is to blame. */
START_TEST(a_consumer_without_records)
{
	struct target control = never_read(&target_legacy), sound = never_read(&target_fixed);
	uint64_t end = clock_ns() + 60 * NS_PER_S;

	/* As above. */
	do {
		begin(&control, &sound, 1, timer_only);
		go_to_the_end();
	} while (!run.result[0].counts.records && clock_ns() < end);
	ck_assert_int_gt(verdict.verdict, VERDICT_INCONCLUSIVE);
	ck_assert_int_eq(judgement[0].verdict, VERDICT_ERROR);
	ck_assert_int_ne(judgement[1].verdict, VERDICT_PASS);
}
END_TEST

/* A ring into which nothing ever goes: all of it adds up, and shows nothing. One in a process at a time. */
static uint64_t refused;

static struct target_ring *open_closed(const struct target_attr *attr)
{
	nrb_store_relaxed(&refused, 0);
	return target_fixed.open(attr);
}

static int refuse_write(struct target_ring *ring, const void *payload, size_t size)
{
	(void)ring;
	(void)payload;
	(void)size;
	nrb_add_relaxed(&refused, 1);
	return -ENOSPC;
}

static uint64_t refused_writes(const struct target_ring *ring)
{
	(void)ring;
	return nrb_load_relaxed(&refused);
}

static unsigned closed_regions(struct target_ring *ring, struct target_reader *reader, struct target_region *region)
{
	unsigned count = target_fixed.regions(ring, reader, region);

	region[count] = (struct target_region) { .address = &refused, .size = sizeof(refused) };
	return count + 1;
}

static struct target refusing(const struct target *target)
{
	struct target closed = *target;

	closed.open = open_closed;
	closed.write = refuse_write;
	closed.reserve = NULL;
	closed.commit = NULL;
	closed.lost = refused_writes;
	closed.regions = closed_regions;
	return closed;
}

START_TEST(an_oracle_fed_nothing)
{
	struct target control = refusing(&target_legacy), sound = refusing(&target_fixed);

	begin(&control, &sound, 1, timer_only);
	go_to_the_end();
	ck_assert_msg(verdict.verdict == VERDICT_INCONCLUSIVE, "%s", verdict.reason);
	ck_assert_uint_eq(run.result[0].counts.records, 0);
	/* And with a control that can be caught. */
	begin(&target_legacy, &sound, 1, timer_only);
	go_to_the_end();
	ck_assert_msg(verdict.verdict == VERDICT_INCONCLUSIVE, "%s", verdict.reason);
	ck_assert_int_eq(judgement[1].verdict, VERDICT_INCONCLUSIVE);
}
END_TEST

/* The step tier's observer looks at a ring to which nothing happens: it goes through all of it and catches nothing. */
START_TEST(an_observer_who_sees_nothing)
{
	struct target control = refusing(&target_legacy), sound = refusing(&target_fixed);

	begin(&control, &sound, 1, step_only);
	options.stepper = &stepper_trap;
	go();
	expect_noticed();
	ck_assert(!verdict.sight[TIER_STEP].caught);
	ck_assert_int_ne(judgement[1].verdict, VERDICT_PASS);
}
END_TEST

/* What is called broken behaves, in every state there is: so this harness is not one that would see it break. */
START_TEST(a_control_that_stepping_does_not_catch)
{
	struct target tame = target_fixed;

	tame.name = "tame";
	tame.claim = CLAIM_CONTROL;
	tame.expected[TIER_STEP] = VIOLATION_BIT(HEAD_BACKWARD);
	begin(&tame, &target_fixed, 1, step_only);
	go();
	expect_noticed();
	ck_assert(!verdict.sight[TIER_STEP].caught);
}
END_TEST

/* ---- what interrupts ---- */

static void start_nothing(struct writer *writer)
{
	(void)writer;
}

/* Slices of both, as run.c has them, by timers that nobody ever arms. */
static void run_unarmed(const struct target *target, struct target_result *sum)
{
	struct slice_result *result = calloc(1, sizeof(*result));
	struct exposure *exposure = calloc(1, sizeof(*exposure));
	struct boundaries *boundaries = calloc(1, sizeof(*boundaries));
	struct injector unarmed = injector_timer;
	const uint32_t stop = 0;

	ck_assert(result && exposure && boundaries);
	unarmed.start = start_nothing;
	unarmed.resume = NULL;
	slice_run(&(struct slice_config) { .options = &options,
					   .placement = &placement,
					   .target = target,
					   .injector = &unarmed,
					   .exposure = exposure,
					   .boundaries = boundaries,
					   .data_size = options.data_size,
					   .duration_ns = 200 * NS_PER_MS,
					   .stop = &stop },
		  result);
	*sum = (struct target_result) { .name = target->name,
					.claim = target->claim,
					.tier = TIER_TIMER,
					.expected = target->expected[TIER_TIMER],
					.allowed = target->allowed,
					.first_violation_ns = UINT64_MAX };
	target_result_add(sum, result, 0);
	ck_assert_uint_eq(sum->counts.by_class[STRIKE_PLAIN].strikes, 0);
	free(boundaries);
	free(exposure);
	free(result);
}

START_TEST(no_timers)
{
	static struct target_result results[2];
	const struct verdict_limits limits = { .min_exposure = 5 };

	begin(&target_legacy, &target_fixed, 1, timer_only);
	run_unarmed(&target_legacy, &results[0]);
	run_unarmed(&target_fixed, &results[1]);
	verdict_run(results, 2, &limits, judgement, &verdict);
	ck_assert_int_eq(verdict.verdict, VERDICT_INCONCLUSIVE);
	ck_assert(!verdict.sight[TIER_TIMER].caught);
	/* Nor would it be enough that another run had caught the control. */
	results[0].counts.by_class[STRIKE_SLOW] = (struct class_counts) { .decreases = 1000, .seen = 1000 };
	results[0].counts.by_class[STRIKE_SLOW].violations[HEAD_BACKWARD] = 1000;
	verdict_run(results, 2, &limits, judgement, &verdict);
	ck_assert_int_eq(verdict.verdict, VERDICT_INCONCLUSIVE);
	ck_assert(verdict.sight[TIER_TIMER].caught);
}
END_TEST

/* Once a second: in slices as short as these hardly ever. */
START_TEST(a_rate_of_one)
{
	begin(&target_legacy, &target_fixed, 1, _i ? kick_only : timer_only);
	options.rate_hz = 1;
	go_to_the_end();
	ck_assert_int_eq(verdict.verdict, VERDICT_INCONCLUSIVE);
}
END_TEST

/* The tiers of a run without options: stepping is as good as ever, and does not make up for it. */
START_TEST(a_rate_of_one_beside_stepping)
{
	uint64_t end = clock_ns() + 60 * NS_PER_S, duration = NS_PER_S;

	for (;; duration *= 2) {
		begin(&target_legacy, &target_fixed, 2, default_tiers);
		options.duration_ns = duration;
		options.rate_hz = 1;
		go();
		ck_assert_msg(verdict.verdict == VERDICT_INCONCLUSIVE, "%s: %s%s", verdict_name(verdict.verdict),
			      verdict.reason, verdict.strength);
		/* On a busy machine stepping may not have had the time to be any good. */
		if ((judgement[0].verdict == VERDICT_PASS && judgement[1].verdict == VERDICT_PASS) || clock_ns() > end)
			break;
	}
	ck_assert_int_eq(judgement[1].verdict, VERDICT_PASS);
	ck_assert(verdict.sight[TIER_STEP].caught);
	ck_assert_int_eq(judgement[3].verdict, VERDICT_INCONCLUSIVE);
	ck_assert_ptr_nonnull(strstr(verdict.reason, "timer"));
}
END_TEST

START_TEST(too_little_exposure)
{
	begin(&target_legacy, &target_fixed, 1, timer_only);
	options.min_exposure = 1e9;
	go_to_the_end();
	ck_assert_int_eq(verdict.verdict, VERDICT_INCONCLUSIVE);
	ck_assert_int_eq(judgement[1].verdict, VERDICT_INCONCLUSIVE);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("blunt");
	TCase *tcase = suite_case(suite, "blunt");
	static struct topology topology;
	const char *no_reader = NULL, *no_step = CONTEXT_CAN_STEP ? NULL : "stepping needs x86-64";
	char message[256];

	if (topology_read(&topology, NULL, message, sizeof(message)) || topology.cpus < 2)
		no_reader = "two CPUs are needed";
	suite_add(tcase, readers_asleep, no_reader);
	suite_add(tcase, readers_of_one_target_asleep, no_reader);
	suite_add(tcase, a_consumer_without_records, no_reader);
	suite_add(tcase, an_oracle_fed_nothing, no_reader);
	suite_add(tcase, no_timers, no_reader);
	if (no_reader)
		suite_add(tcase, a_rate_of_one, no_reader);
	else
		tcase_add_loop_test(tcase, a_rate_of_one, 0, 2);
	suite_add(tcase, a_rate_of_one_beside_stepping, no_reader ? no_reader : no_step);
	suite_add(tcase, too_little_exposure, no_reader);
	suite_add(tcase, an_observer_who_sees_nothing, no_step);
	suite_add(tcase, a_control_that_stepping_does_not_catch, no_step);
	return suite;
}
