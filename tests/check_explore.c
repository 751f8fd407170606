/* SPDX-License-Identifier: MIT */
/*
 * check_explore.c - every target, explored by the step tier: the controls fail as they are known to, by name, and the
 * sound ones do not
 *
 * With NRB_CHECK=full all boundaries of all scenarios are struck once, whatever that takes (under a sanitizer, a
 * control's only until it is caught), and a sound target's deeper and twice for as long as the time given goes. Without
 * it that is so of legacy, late-inc and fixed; the others' are struck until they are caught, or for as long as the time
 * given goes. How far that was is told on standard error.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "step/explore.h"
#include "step/play.h"
#include "step/scenario.h"
#include "step/step.h"
#include "stepping.h"
#include "suite.h"
#include "targets/ring_target.h"

/* What must come to its end does so long before, even on a busy machine; below a case's timeout. */
#define PATIENCE_NS (100 * NS_PER_S)
/* For what goes deeper than that: of what is to be believed most, and of another sound one. */
#define BUDGET_FIXED_NS ((suite_full() ? 500 : 200) * NS_PER_MS)
#define BUDGET_NS (100 * NS_PER_MS)
/* For the others, unless NRB_CHECK=full is set; without it the controls that belong to one mode alone are left out. */
#define BUDGET_OTHERS_NS (100 * NS_PER_MS)
/* Most controls show in that time; for those that do not, it grows. */
#define BUDGET_CONTROLS_NS (30 * NS_PER_MS)

static struct step_result result;
static struct boundaries map;
/* Controls are shown, and no more than that. */
static bool hasty;

static void run_step(const struct target *target, unsigned depth, unsigned strikes, uint64_t duration_ns)
{
	const struct step_config config = {
		.target = target, .depth = depth, .strikes = strikes, .duration_ns = duration_ns
	};

	memset(&result, 0, sizeof(result));
	memset(&map, 0, sizeof(map));
	step_run(&config, &result, &map);
	ck_assert_msg(!result.error, "%s: %s", target->name, result.message);
	ck_assert(result.done && result.confirmed && !result.missing);
	ck_assert_uint_eq(result.scenarios, scenario_count);
}

/* Return: violations that were found, a bit each; nothing but what the target is known for. */
static uint32_t judge(const struct target *target)
{
	uint32_t known = target->expected[TIER_STEP] | target->allowed, kinds = 0;

	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		const struct witness *witness = &result.witness[kind];

		ck_assert_int_eq(witness->known, result.found[kind] != 0);
		if (!witness->known)
			continue;
		kinds |= VIOLATION_BIT(kind);
		if (!(known & VIOLATION_BIT(kind)))
			ck_abort_msg("%s, %s: %s, after %u strikes, the first at instruction %u", target->name,
				     scenarios[witness->scenario].name, violation_name(kind), witness->count,
				     witness->strike[0].boundary);
	}
	return kinds;
}

/* As much of a pass as there was time for. */
static void tell(const struct target *target)
{
	for (unsigned i = 0; i < result.passes; i++) {
		const struct step_pass *pass = &result.pass[i];

		if (!pass->counts.steps)
			continue;
		suite_note("%s: depth %u, %u strikes on each write: %u of %u scenarios, %llu steps, %llu states\n",
			   target->name, pass->depth, pass->strikes, pass->scenarios, scenario_count,
			   (unsigned long long)pass->counts.steps, (unsigned long long)pass->counts.states);
	}
}

/* What holds of a pass that came to its end, with one strike on each write. */
static void check_counts(const struct target *target, const struct step_pass *pass)
{
	const struct step_counts *counts = &pass->counts;

	ck_assert_msg(pass->scenarios == scenario_count, "%s: only %u scenarios", target->name, pass->scenarios);
	ck_assert_uint_eq(pass->partial_done + pass->partial_total, 0);
	ck_assert(counts->boundaries && counts->strikes && counts->states && counts->steps >= counts->boundaries);
	/* Each was struck but for what is masked, and for most turns of an instruction that repeats itself. */
	ck_assert_uint_le(counts->tuples[1] + counts->masked, counts->boundaries);
	ck_assert_uint_ge(counts->tuples[1] + counts->masked, counts->boundaries / 2);
	ck_assert_int_eq(counts->masked != 0, target->masks_signals);
}

/* ---- what a map tells, of all scenarios or of some ---- */

/* How many boundaries are like that, and of how many. */
struct tally {
	unsigned exposed, decreasing, masked, violating, struck;
};

static struct tally count_map(void)
{
	struct tally tally = { .exposed = 0 };

	for (unsigned i = 0; i < BOUNDARIES_MAX; i++) {
		const struct boundary *boundary = &map.at[i];

		tally.exposed += boundary->exposed;
		tally.decreasing += boundary->decreasing;
		tally.masked += boundary->masked;
		tally.violating += boundary->violations != 0;
		tally.struck += boundary->strikes[TIER_STEP] != 0;
		/* data_head goes down only where what is stored is older. */
		ck_assert(!boundary->decreasing || boundary->exposed);
		ck_assert(!boundary->followed[TIER_STEP] || boundary->violations);
	}
	return tally;
}

static void check_map_of_fixed(void)
{
	struct tally tally = count_map();

	ck_assert_uint_gt(tally.exposed, 0);
	ck_assert_uint_lt(tally.exposed, tally.struck);
	ck_assert_uint_eq(tally.decreasing + tally.violating + tally.masked, 0);
	ck_assert_uint_eq(map.elsewhere[TIER_STEP], 0);
}

static void check_map_of_legacy(void)
{
	struct tally tally = count_map();

	ck_assert_uint_gt(tally.decreasing, 0);
	ck_assert_uint_lt(tally.decreasing, tally.exposed);
	ck_assert_uint_eq(tally.violating, tally.decreasing);
	ck_assert_uint_lt(tally.violating, tally.struck / 2);
}

/* ---- the targets ---- */

static bool is_for_here(const struct target *target)
{
	return target->driver == DRIVER_HARNESS;
}

static bool is_of_a_mode(const struct target *target)
{
	return target->open != target_legacy.open && target != &target_fixed;
}

START_TEST(controls)
{
	const struct target *target = target_table[_i];
	uint32_t expected = target->expected[TIER_STEP];

	if (!is_for_here(target) || target->claim != CLAIM_CONTROL || (is_of_a_mode(target) && !suite_full()))
		return;
	/* What these two show is counted; of the others it is enough that they are caught. */
	hasty = SANITIZED || (target != &target_legacy && target != &target_late_inc && !suite_full());
	for (uint64_t budget = hasty ? BUDGET_CONTROLS_NS : PATIENCE_NS; budget <= PATIENCE_NS; budget *= 3) {
		run_step(target, 1, 2, budget);
		/* What is lost in a restartable sequence alone, steps do not get to, however long. */
		if (judge(target) & expected || !expected)
			break;
	}
	if (expected)
		ck_assert_msg(judge(target) & expected, "%s: not caught", target->name);
	else
		ck_assert_msg(target->bare && !judge(target), "%s: what is this?", target->name);
	if (!hasty)
		check_counts(target, &result.pass[0]);
	if (!hasty && target == &target_legacy)
		check_map_of_legacy();
	tell(target);
}
END_TEST

START_TEST(sound_ones)
{
	const struct target *target = target_table[_i];

	if (!is_for_here(target) || target->claim != CLAIM_SOUND)
		return;
	if (target != &target_fixed && !suite_full()) {
		run_step(target, 1, 1, BUDGET_OTHERS_NS);
		ck_assert_uint_eq(judge(target), 0);
		return;
	}
	run_step(target, 1, 1, PATIENCE_NS);
	ck_assert_uint_eq(judge(target), 0);
	check_counts(target, &result.pass[0]);
	if (target == &target_fixed)
		check_map_of_fixed();
	run_step(target, 2, 2, target == &target_fixed ? BUDGET_FIXED_NS : BUDGET_NS);
	ck_assert_uint_eq(judge(target), 0);
	for (unsigned i = 0; i < BOUNDARIES_MAX; i++)
		ck_assert(!map.at[i].decreasing && !map.at[i].violations);
	tell(target);
}
END_TEST

/* Time that is up ends it soon, and that is no error; what was done is told. */
START_TEST(ends_on_time)
{
	uint64_t start = clock_ns();

	run_step(&target_fixed, 3, 2, 50 * NS_PER_MS);
	require(clock_ns() - start < 2 * NS_PER_S);
	ck_assert_uint_eq(result.passes, 5);
	ck_assert_uint_lt(result.pass[4].scenarios, scenario_count);
	ck_assert_uint_eq(judge(&target_fixed), 0);
}
END_TEST

START_TEST(ends_when_told_to)
{
	const uint32_t stop = 1;
	const struct step_config config = {
		.target = &target_fixed, .depth = 1, .strikes = 1, .duration_ns = PATIENCE_NS, .stop = &stop
	};

	memset(&result, 0, sizeof(result));
	step_run(&config, &result, &map);
	ck_assert(result.done && !result.error);
	ck_assert_uint_eq(result.pass[0].scenarios, 0);
}
END_TEST

/* A control is caught and that is it; unless it is to be gone through all the same. */
START_TEST(to_the_end)
{
	struct step_config config = { .target = &target_legacy, .depth = 1, .strikes = 2, .duration_ns = PATIENCE_NS };
	uint64_t start = clock_ns();

	memset(&result, 0, sizeof(result));
	step_run(&config, &result, NULL);
	ck_assert(result.done && !result.error && result.confirmed);
	ck_assert_uint_eq(result.pass[0].scenarios, scenario_count);
	ck_assert_uint_eq(result.pass[1].counts.steps, 0);
	config.exhaustive = true;
	/* What the first pass took, and a little for the second to begin in; more, if the machine has got slower. */
	for (config.duration_ns = (clock_ns() - start) * 5 / 4; !result.pass[1].counts.steps; config.duration_ns *= 2) {
		ck_assert_uint_lt(config.duration_ns, PATIENCE_NS);
		memset(&result, 0, sizeof(result));
		step_run(&config, &result, NULL);
		ck_assert(result.done && !result.error && result.confirmed);
	}
}
END_TEST

/* Neither the one nor the other: what is asked for is used, and what does not exist is told. */
static int open_nowhere(char *message, size_t size)
{
	snprintf(message, size, "nowhere");
	return -1;
}

START_TEST(steppers_that_are_asked_for)
{
	static const struct stepper nowhere = { .name = "nowhere", .open = open_nowhere };
	struct step_config config = { .target = &target_legacy, .stepper = &stepper_ptrace, .depth = 1, .strikes = 1 };

	if (!stepping_missing(&stepper_ptrace)) {
		/* Until it is long enough for the first scenario, which shows it. */
		for (config.duration_ns = NS_PER_S / 4; !result.found[HEAD_BACKWARD]; config.duration_ns *= 2) {
			ck_assert_uint_lt(config.duration_ns, PATIENCE_NS);
			memset(&result, 0, sizeof(result));
			step_run(&config, &result, NULL);
			ck_assert_msg(!result.error && !result.missing, "%s", result.message);
		}
		ck_assert_str_eq(result.stepper, "ptrace");
	}
	config.stepper = &nowhere;
	memset(&result, 0, sizeof(result));
	step_run(&config, &result, NULL);
	ck_assert(result.done && result.missing && !result.confirmed);
	ck_assert_int_ne(result.error, 0);
	ck_assert(result.message[0]);
}
END_TEST

/* Where the target cannot write in place, it writes. */
START_TEST(a_target_without_reserve)
{
	struct target target = target_legacy;

	target.reserve = NULL;
	target.commit = NULL;
	run_step(&target, 1, 1, PATIENCE_NS);
	ck_assert(judge(&target) & VIOLATION_BIT(HEAD_BACKWARD));
}
END_TEST

/* ---- the map, where the record fits, in both ways of writing ---- */

static void explore_both_ways(const struct target *target, unsigned strikes)
{
	struct explore_result *explored = calloc(1, sizeof(*explored));
	const struct explore_plan plan = { .stepper = &stepper_trap,
					   .depth = 1,
					   .strikes = strikes,
					   .accelerations = EXPLORE_FAST,
					   .deadline_ns = clock_ns() + PATIENCE_NS };

	ck_assert_ptr_nonnull(explored);
	memset(&map, 0, sizeof(map));
	for (unsigned i = 0; i < 2; i++) {
		explore(target, &scenarios[i], &plan, explored, &map);
		ck_assert_msg(explored->complete, "%s", explored->message);
	}
	ck_assert_int_eq(target->claim == CLAIM_CONTROL, explored->found[HEAD_BACKWARD] != 0);
	free(explored);
}

START_TEST(map_of_fixed)
{
	explore_both_ways(&target_fixed, 1);
	check_map_of_fixed();
}
END_TEST

START_TEST(map_of_legacy)
{
	explore_both_ways(&target_legacy, 1);
	check_map_of_legacy();
}
END_TEST

START_TEST(map_of_late_inc)
{
	explore_both_ways(&target_late_inc, 2);
	ck_assert_uint_gt(count_map().exposed, 0);
}
END_TEST

/* ---- writes that block signals ---- */

static bool in_text(const struct target *target, uint64_t pc)
{
	for (const struct text_range *range = target->text; range->start; range++)
		if (pc >= (uintptr_t)range->start && pc < (uintptr_t)range->end)
			return true;
	return false;
}

struct masked {
	unsigned boundary[2048], count;
	uint32_t last;
};

static void note_step(const struct play_event *event, void *context)
{
	struct masked *masked = context;
	const struct boundary *boundary = boundaries_find(&map, event->pc);

	if (event->what != PLAY_STEP || !boundary || !boundary->masked || boundary->strikes[TIER_STEP])
		return;
	if (masked->count < sizeof(masked->boundary) / sizeof(masked->boundary[0]))
		masked->boundary[masked->count++] = event->boundary;
}

/* One scenario, with its map. */
static struct step_counts explore_mask(const char *name, unsigned strikes)
{
	const struct explore_plan plan = { .stepper = &stepper_trap,
					   .depth = 1,
					   .strikes = strikes,
					   .accelerations = EXPLORE_FAST,
					   .deadline_ns = clock_ns() + PATIENCE_NS };
	static struct explore_result explored;

	memset(&explored, 0, sizeof(explored));
	memset(&map, 0, sizeof(map));
	explore(&target_mask, scenario_find(name), &plan, &explored, &map);
	ck_assert_msg(explored.complete, "%s", explored.message);
	return explored.counts;
}

START_TEST(nothing_strikes_where_signals_are_blocked)
{
	static struct masked masked;
	struct witness witness = { .count = 0 };
	struct play_result played;
	unsigned within = 0;

	/* One way through it: a refused write takes some of the same instructions with signals let through. */
	ck_assert_uint_gt(explore_mask("empty", 1).masked, 0);
	for (unsigned i = 0; i < BOUNDARIES_MAX; i++) {
		const struct boundary *boundary = &map.at[i];

		/* What its path calls elsewhere, it calls on both sides of the mask. */
		if (!boundary->masked || !in_text(&target_mask, boundary->pc))
			continue;
		ck_assert_uint_eq(boundary->strikes[TIER_STEP], 0);
		ck_assert(!boundary->exposed);
		within++;
	}
	ck_assert_uint_gt(within, 5);
	play(&target_mask, &scenarios[0], &stepper_trap, &witness, note_step, &masked, &played);
	ck_assert_msg(!played.error && !played.kinds, "%s", played.message);
	ck_assert_uint_gt(masked.count, 5);
	for (unsigned i = 0; i < masked.count; i += 1 + masked.count / 16) {
		witness.count = 1;
		witness.strike[0].boundary = masked.boundary[i];
		play(&target_mask, &scenarios[0], &stepper_trap, &witness, NULL, NULL, &played);
		ck_assert_msg(!played.error && !played.kinds, "%s", played.message);
		ck_assert_uint_eq(played.struck, 0);
	}
}
END_TEST

/* A pass counts the boundaries that are masked once, however often a struck write comes by again. */
START_TEST(masked_are_counted_once)
{
	struct step_counts once = explore_mask("full", 1), twice = explore_mask("full", 2);

	ck_assert_uint_gt(once.masked, 0);
	ck_assert_uint_eq(twice.masked, once.masked);
	ck_assert_uint_le(twice.masked + twice.tuples[1], twice.boundaries);
}
END_TEST

static int targets(void)
{
	int count = 0;

	while (target_table[count])
		count++;
	return count;
}

Suite *suite_make(void)
{
	Suite *suite = suite_create("explore");
	TCase *all = suite_case(suite, "targets");
	TCase *maps = suite_case(suite, "maps");
	const char *missing = stepping_missing(&stepper_trap);

	if (missing) {
		suite_add(all, controls, missing);
		suite_add(all, sound_ones, missing);
	} else {
		tcase_add_loop_test(all, controls, 0, targets());
		tcase_add_loop_test(all, sound_ones, 0, targets());
	}
	suite_add(all, ends_on_time, missing);
	suite_add(all, ends_when_told_to, missing);
	suite_add(all, to_the_end, SANITIZED ? "this build's instructions are too many to step to the end" : missing);
	suite_add(all, steppers_that_are_asked_for, missing);
	suite_add(all, a_target_without_reserve, missing);
	suite_add(maps, map_of_fixed, missing);
	suite_add(maps, map_of_legacy, missing);
	suite_add(maps, map_of_late_inc, missing);
	suite_add(maps, nothing_strikes_where_signals_are_blocked, missing);
	suite_add(maps, masked_are_counted_once, missing);
	return suite;
}
