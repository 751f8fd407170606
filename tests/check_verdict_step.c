/* SPDX-License-Identifier: MIT */
/*
 * check_verdict_step.c - what forged findings of the step tier are worth, alone and beside another tier
 */
#include <string.h>

#include "judged.h"

#define SCENARIOS 14

/* ---- a run being forged ---- */

static struct target_result *add_target(const char *name, enum claim claim, enum tier tier)
{
	struct target_result *r = add_result(name, claim, tier);

	if (claim == CLAIM_CONTROL) {
		r->expected = VIOLATION_BIT(HEAD_BACKWARD);
		r->allowed = VIOLATION_BIT(HEAD_BELOW_TAIL);
	}
	return r;
}

/* In a tier that samples: enough of everything, and nothing seen. */
static struct target_result *add_sampled(const char *name, enum claim claim, enum tier tier)
{
	struct target_result *r = add_target(name, claim, tier);

	r->slices = 1;
	r->boundaries = 5;
	for (unsigned depth = 1; depth <= LEVELS; depth++)
		r->counts.strikes_by_depth[depth] = 1000;
	r->counts.lost_records = 1;
	r->counts.by_class[STRIKE_SLOW] = (struct class_counts) { .exposed = 1000, .decreases = 1000 };
	return r;
}

static void see(struct target_result *r)
{
	r->counts.by_class[STRIKE_SLOW].seen = 960;
	r->counts.by_class[STRIKE_SLOW].violations[HEAD_BACKWARD] = 960;
}

/* Through @full scenarios of each of three passes. */
static struct target_result *add_stepped(const char *name, enum claim claim, uint16_t first, uint16_t second,
					 uint16_t third)
{
	struct target_result *r = add_target(name, claim, TIER_STEP);
	const struct step_pass passes[] = {
		{ .depth = 1, .strikes = 1, .scenarios = first, .counts = { .tuples = { 0, 1349 } } },
		{ .depth = 2, .strikes = 1, .scenarios = second, .counts = { .tuples = { 0, 1349, 119774 } } },
		{ .depth = 1, .strikes = 2, .scenarios = third, .counts = { .twice = 65966 } },
	};

	r->step.done = r->step.confirmed = true;
	r->step.scenarios = SCENARIOS;
	r->step.passes = 3;
	memcpy(r->step.pass, passes, sizeof(passes));
	for (unsigned i = 0; i < r->step.passes; i++)
		r->step.pass[i].counts.steps = r->step.pass[i].counts.taken = r->step.pass[i].scenarios ? 5000 : 0;
	return r;
}

/* As target_result_add_step() counts it. */
static void find(struct target_result *r, enum violation kind, uint64_t states)
{
	r->step.found[kind] = states;
	r->step.witness[kind].known = true;
	r->counts.by_class[STRIKE_PLAIN].violations[kind] = states;
}

static struct target_result *add_caught_stepping(void)
{
	struct target_result *r = add_stepped("legacy", CLAIM_CONTROL, 1, 0, 0);

	find(r, HEAD_BACKWARD, 1);
	return r;
}

/* ---- sound targets ---- */

START_TEST(complete)
{
	begin();
	add_caught_stepping();
	add_stepped("fixed", CLAIM_SOUND, SCENARIOS, SCENARIOS, SCENARIOS);
	EXPECT(VERDICT_PASS);
	ck_assert_str_eq(run.strength,
			 "fixed: 0 violations, struck at all 1,349 boundaries in 14 ring states, all 119,774 "
			 "nested pairs, all 65,966 pairs in one write");
	ck_assert(judgements[0].caught && judgements[1].bound == 0);
	/* Where signals are blocked nothing can strike, and that is said. */
	results[1].step.pass[0].counts.masked = 1606;
	EXPECT(VERDICT_PASS);
	EXPECT_IN(run.strength, "all 1,349 boundaries where signals are not blocked in 14 ring states");
}
END_TEST

/* As far as it went; and what was not even begun. */
START_TEST(incomplete)
{
	begin();
	add_caught_stepping();
	add_stepped("fixed", CLAIM_SOUND, SCENARIOS, 10, 0);
	EXPECT(VERDICT_PASS);
	ck_assert_str_eq(run.strength,
			 "fixed: 0 violations, struck at all 1,349 boundaries in 14 ring states, 119,774 "
			 "nested pairs (10 of 14 ring states), no pairs in one write: there was no time for "
			 "more");
	begin();
	add_caught_stepping();
	add_stepped("fixed", CLAIM_SOUND, 9, 0, 0);
	EXPECT(VERDICT_PASS);
	EXPECT_IN(run.strength, "struck at 1,349 boundaries (9 of 14 ring states), no nested pairs, no pairs");
	EXPECT_NOT_IN(run.strength, " all ");
}
END_TEST

START_TEST(nothing_gone_through)
{
	begin();
	add_caught_stepping();
	add_stepped("fixed", CLAIM_SOUND, 0, 0, 0);
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "no time");
	EXPECT_IN(run.reason, "--duration");
	/* A part of the first scenario is no more than that. */
	results[1].step.pass[0].counts.steps = 50;
	results[1].step.pass[0].partial_done = 3;
	EXPECT(VERDICT_INCONCLUSIVE);
}
END_TEST

START_TEST(violated)
{
	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		begin();
		add_caught_stepping();
		find(add_stepped("fixed", CLAIM_SOUND, 1, 0, 0), kind, 1);
		EXPECT(VERDICT_FAIL);
		EXPECT_IN(run.reason, "fixed");
		EXPECT_IN(run.reason, "in 1 state");
	}
	/* Not even a control is needed, nor time, nor that it ended by itself. */
	begin();
	find(add_stepped("fixed", CLAIM_SOUND, 0, 0, 0), STUCK_HEAD, 3);
	limits.interrupted = true;
	EXPECT(VERDICT_FAIL);
	EXPECT_IN(run.reason, "in 3 states");
}
END_TEST

/* What does not show again without shortcuts is the engine's fault: an alarm, but not about the target. */
START_TEST(refuted)
{
	struct target_result *r;

	begin();
	add_caught_stepping();
	r = add_stepped("fixed", CLAIM_SOUND, 1, 0, 0);
	find(r, TORN_RECORD, 1);
	r->failed = true;
	r->step.confirmed = false;
	strcpy(r->message, "it did not show again");
	EXPECT(VERDICT_ERROR);
	EXPECT_IN(run.reason, "did not show again");
	/* It took the process along before anybody could play it: what was seen before that stands. */
	r->step.done = false;
	EXPECT(VERDICT_FAIL);
}
END_TEST

START_TEST(failed_or_missing)
{
	struct target_result *r;

	begin();
	add_caught_stepping();
	r = add_stepped("fixed", CLAIM_SOUND, SCENARIOS, SCENARIOS, SCENARIOS);
	r->failed = true;
	strcpy(r->message, "it crashed with signal 11");
	EXPECT(VERDICT_ERROR);
	EXPECT_IN(run.reason, "signal 11");
	begin();
	for (unsigned i = 0; i < 2; i++) {
		r = add_target(i ? "fixed" : "legacy", i ? CLAIM_SOUND : CLAIM_CONTROL, TIER_STEP);
		r->skipped = true;
		r->step.missing = true;
		r->step.done = true;
		/* Planned before it was known that it cannot be. */
		r->step.passes = 3;
		r->step.scenarios = i ? SCENARIOS : 0;
		strcpy(r->message, "step: not here");
	}
	EXPECT(VERDICT_SKIP);
	EXPECT_IN(run.reason, "step: not here");
}
END_TEST

/* ---- controls ---- */

/* Stepping is exact: what it does not see in all states is not there, or it is blind. */
START_TEST(not_caught)
{
	begin();
	add_stepped("legacy", CLAIM_CONTROL, SCENARIOS, SCENARIOS, SCENARIOS);
	add_stepped("fixed", CLAIM_SOUND, SCENARIOS, SCENARIOS, SCENARIOS);
	EXPECT(VERDICT_ERROR);
	EXPECT_IN(run.reason, "legacy");
	EXPECT_IN(run.reason, "every boundary");
	ck_assert(!judgements[0].caught && judgements[1].verdict == VERDICT_INCONCLUSIVE);
	/* Some of it was left out: in that it may be. */
	results[0].step.pass[2].scenarios--;
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "in the time there was");
	/* Only what comes along with it. */
	find(&results[0], HEAD_BELOW_TAIL, 5);
	EXPECT(VERDICT_INCONCLUSIVE);
	/* One of two is not enough. */
	add_caught_stepping();
	EXPECT(VERDICT_INCONCLUSIVE);
}
END_TEST

START_TEST(caught_by_another_name)
{
	begin();
	find(add_stepped("legacy", CLAIM_CONTROL, 1, 0, 0), TORN_RECORD, 1);
	add_stepped("fixed", CLAIM_SOUND, SCENARIOS, SCENARIOS, SCENARIOS);
	EXPECT(VERDICT_ERROR);
	EXPECT_IN(run.reason, "legacy");
	EXPECT_IN(run.reason, "not known for");
	/* By its own name as well: that changes nothing. */
	find(&results[0], HEAD_BACKWARD, 1);
	EXPECT(VERDICT_ERROR);
	ck_assert(judgements[0].caught);
}
END_TEST

START_TEST(no_control)
{
	begin();
	add_stepped("fixed", CLAIM_SOUND, SCENARIOS, SCENARIOS, SCENARIOS);
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "no control was caught in the step tier");
}
END_TEST

START_TEST(who_refuses_all_was_not_tried)
{
	struct target_result *r;

	begin();
	add_caught_stepping();
	r = add_stepped("fixed", CLAIM_SOUND, SCENARIOS, SCENARIOS, SCENARIOS);
	for (unsigned i = 0; i < r->step.passes; i++)
		r->step.pass[i].counts.taken = 0;
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "refused every write");
	r->step.pass[1].counts.taken = 1;
	EXPECT(VERDICT_PASS);
}
END_TEST

START_TEST(only_controls)
{
	begin();
	add_caught_stepping();
	EXPECT(VERDICT_PASS);
	EXPECT_IN(run.strength, "no sound target");
}
END_TEST

/* ---- beside another tier ---- */

/* The best of step tiers says nothing of readers that are blind. */
START_TEST(a_blind_timer_tier_is_not_hidden)
{
	begin();
	add_caught_stepping();
	add_stepped("fixed", CLAIM_SOUND, SCENARIOS, SCENARIOS, SCENARIOS);
	add_sampled("legacy", CLAIM_CONTROL, TIER_TIMER);
	add_sampled("fixed", CLAIM_SOUND, TIER_TIMER);
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "legacy (timer) was not caught");
	ck_assert(judgements[0].verdict == VERDICT_PASS && judgements[1].verdict == VERDICT_PASS);
	ck_assert(judgements[3].verdict == VERDICT_INCONCLUSIVE && judgements[3].bound == 0);
	/* Nor one whose control was caught and whose target was hardly struck. */
	see(&results[2]);
	memset(results[3].counts.by_class, 0, sizeof(results[3].counts.by_class));
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "fixed (timer)");
	EXPECT_IN(run.reason, "too few");
}
END_TEST

START_TEST(a_blind_step_tier_is_not_hidden)
{
	begin();
	add_stepped("legacy", CLAIM_CONTROL, 3, 0, 0);
	add_stepped("fixed", CLAIM_SOUND, SCENARIOS, SCENARIOS, SCENARIOS);
	see(add_sampled("legacy", CLAIM_CONTROL, TIER_TIMER));
	add_sampled("fixed", CLAIM_SOUND, TIER_TIMER);
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "legacy (step) was not caught");
	ck_assert(judgements[3].verdict == VERDICT_PASS && judgements[3].bound > 0);
	/* And if it had the time: it is broken. */
	results[0].step = results[1].step;
	EXPECT(VERDICT_ERROR);
	EXPECT_IN(run.reason, "legacy (step)");
	/* Nor a sound target's that it had no time for. */
	find(&results[0], HEAD_BACKWARD, 1);
	memset(results[1].step.pass, 0, sizeof(results[1].step.pass));
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "fixed (step)");
}
END_TEST

START_TEST(both_see)
{
	begin();
	add_caught_stepping();
	add_stepped("fixed", CLAIM_SOUND, SCENARIOS, SCENARIOS, SCENARIOS);
	see(add_sampled("legacy", CLAIM_CONTROL, TIER_TIMER));
	add_sampled("fixed", CLAIM_SOUND, TIER_TIMER);
	EXPECT(VERDICT_PASS);
	EXPECT_IN(run.strength, "fixed (step): 0 violations, struck at all 1,349 boundaries in 14 ring states");
	EXPECT_IN(run.strength, "; fixed (timer): 0 violations at 1,000 exposed boundaries");
	/* What stepping found outranks what the timer did not. */
	find(&results[1], OVERRUN, 1);
	EXPECT(VERDICT_FAIL);
	EXPECT_IN(run.reason, "fixed (step)");
}
END_TEST

START_TEST(interrupted)
{
	begin();
	limits.interrupted = true;
	add_caught_stepping();
	add_stepped("fixed", CLAIM_SOUND, SCENARIOS, 3, 0);
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "stopped before its time");
	ck_assert(judgements[1].verdict == VERDICT_PASS);
	/* Before the control was caught: not the harness's fault. */
	memset(&results[0].counts, 0, sizeof(results[0].counts));
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "stopped before its time");
}
END_TEST

/* ---- the line that tells the strength ---- */

static const char *const names[] = { "t00", "t01", "t02", "t03", "t04", "t05", "t06", "t07",
				     "t08", "t09", "t10", "t11", "t12", "t13", "t14" };
#define NAMES (sizeof(names) / sizeof(names[0]))

/* Fifteen sound targets and a control in all four tiers: no word is cut, and what is told is the least of each tier. */
START_TEST(many_targets)
{
	begin();
	for (unsigned tier = 0; tier < TIER_KERNEL; tier++) {
		if (tier == TIER_STEP)
			add_caught_stepping();
		else
			see(add_sampled("legacy", CLAIM_CONTROL, tier));
		for (unsigned i = 0; i < NAMES && tier == TIER_STEP; i++)
			add_stepped(names[i], CLAIM_SOUND, SCENARIOS, i == 7 ? 2 : SCENARIOS, 0);
		for (unsigned i = 0; i < NAMES && tier != TIER_STEP; i++)
			add_sampled(names[i], CLAIM_SOUND, tier)->counts.by_class[STRIKE_SLOW].exposed =
				i == 7 + tier ? 500 : 1000;
	}
	/* Nothing can strike it in there, so it is not what a tier's evidence hangs on. */
	results[20].masked = true;
	results[20].counts.by_class[STRIKE_SLOW].exposed = 0;
	EXPECT(VERDICT_PASS);
	EXPECT_IN(run.strength, "15 sound targets (step): 0 violations, the least evidence for t07 (step): ");
	EXPECT_IN(run.strength, "119,774 nested pairs (2 of 14 ring states)");
	EXPECT_IN(run.strength, "; 15 sound targets (aim): 0 violations, the least evidence for t08 (aim): ");
	EXPECT_IN(run.strength, "; 15 sound targets (timer): 0 violations, the least evidence for t09 (timer): ");
	EXPECT_IN(run.strength, "; 15 sound targets (kick): 0 violations, the least evidence for t10 (kick): ");
	EXPECT_IN(run.strength, " at 500 exposed boundaries");
	EXPECT_NOT_IN(run.strength, "t03");
	ck_assert_uint_lt(strlen(run.strength), 1600);
	ck_assert_str_eq(run.strength + strlen(run.strength) - strlen("confidence"), "confidence");
}
END_TEST

/* As many as are told one by one, with long names and everything that can be said: all of it fits. */
START_TEST(a_long_line)
{
	static const char name[] = "a-target-with-a-name-that-is-as-long-as-names-can-reasonably-be-in-a-line";

	begin();
	for (unsigned tier = 0; tier < TIER_KERNEL; tier++) {
		if (tier == TIER_STEP)
			add_caught_stepping();
		else
			see(add_sampled("legacy", CLAIM_CONTROL, tier));
		for (unsigned i = 0; i < 3 && tier == TIER_STEP; i++)
			add_stepped(name, CLAIM_SOUND, SCENARIOS, 2, 0);
		for (unsigned i = 0; i < 3 && tier != TIER_STEP; i++) {
			struct target_result *r = add_sampled(name, CLAIM_SOUND, tier);

			r->counts.lost_records = 0;
			memset(r->counts.strikes_by_depth, 0, sizeof(r->counts.strikes_by_depth));
		}
	}
	EXPECT(VERDICT_PASS);
	EXPECT_NOT_IN(run.strength, "and more");
	EXPECT_IN(run.strength, "(kick)");
	ck_assert_str_eq(run.strength + strlen(run.strength) - strlen("at depth 4"), "at depth 4");
}
END_TEST

/* ---- from what step_run() leaves to what is judged ---- */

START_TEST(what_stepping_leaves)
{
	static struct step_result step;
	struct target_result *r;

	begin();
	memset(&step, 0, sizeof(step));
	step.done = step.confirmed = true;
	step.found[STUCK_HEAD] = 3;
	r = add_target("fixed", CLAIM_SOUND, TIER_STEP);
	target_result_add_step(r, &step);
	ck_assert_uint_eq(counts_violations(&r->counts, STUCK_HEAD), 3);
	ck_assert(!r->failed && !r->skipped && !r->message[0]);
	/* Nowhere to be had. */
	step.missing = true;
	step.error = -1;
	strcpy(step.message, "no trap flag");
	target_result_add_step(r, &step);
	ck_assert(r->skipped && !r->failed);
	ck_assert_str_eq(r->message, "step: no trap flag");
	/* Broken. */
	step.missing = false;
	target_result_add_step(r, &step);
	ck_assert(!r->skipped && r->failed);
	ck_assert_str_eq(r->message, "no trap flag");
	/* Dead. */
	step.error = 0;
	step.done = false;
	target_result_add_step(r, &step);
	ck_assert(r->failed);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("verdict_step");
	TCase *alone = suite_case(suite, "alone"), *beside = suite_case(suite, "beside");

	tcase_add_test(alone, complete);
	tcase_add_test(alone, incomplete);
	tcase_add_test(alone, nothing_gone_through);
	tcase_add_test(alone, violated);
	tcase_add_test(alone, refuted);
	tcase_add_test(alone, failed_or_missing);
	tcase_add_test(alone, not_caught);
	tcase_add_test(alone, caught_by_another_name);
	tcase_add_test(alone, no_control);
	tcase_add_test(alone, who_refuses_all_was_not_tried);
	tcase_add_test(alone, only_controls);
	tcase_add_test(alone, interrupted);
	tcase_add_test(alone, what_stepping_leaves);
	tcase_add_test(beside, a_blind_timer_tier_is_not_hidden);
	tcase_add_test(beside, a_blind_step_tier_is_not_hidden);
	tcase_add_test(beside, both_see);
	tcase_add_test(beside, many_targets);
	tcase_add_test(beside, a_long_line);
	return suite;
}
