/* SPDX-License-Identifier: MIT */
/*
 * check_verdict_pass.c - what it takes to PASS, and how strong that evidence is
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "judged.h"

static bool near(double a, double b)
{
	return a - b < 1e-9 && b - a < 1e-9;
}

START_TEST(pass)
{
	begin();
	add_caught(TIER_TIMER);
	add_clean("fixed", TIER_TIMER);
	EXPECT(VERDICT_PASS);
	ck_assert(run.sight[TIER_TIMER].caught && judgements[0].caught && !judgements[1].caught);
	ck_assert(near(run.sight[TIER_TIMER].share_plain, 0.0006620076879657067) &&
		  near(run.sight[TIER_TIMER].share_slow, 0.9485032459465843));
	ck_assert(!run.sight[TIER_STEP].caught && !run.sight[TIER_AIM].caught && !run.sight[TIER_KICK].caught);
	/* Wilson's lower ends of 2 and 960 in 1,000; 1,500 and 1,000 strikes weighed by them; the rule of three. */
	ck_assert(near(judgements[1].exposure, 949.4962574785329));
	ck_assert(near(judgements[1].bound, 3.0 / 949.4962574785329));
	ck_assert(judgements[0].bound == 0);
	EXPECT_IN(run.strength, "fixed: 0 violations at 2,500 exposed boundaries (1,000 in slow motion");
	EXPECT_IN(run.strength, "readers see at least 95 %");
	EXPECT_IN(run.strength, "below 1 in 316 at 95 %");
	EXPECT_NOT_IN(run.strength, "depth");
	/* Its boundaries are not known, those of the control are: the two cannot be compared. */
	results[1].boundaries = 0;
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "could not be found out");
	/* Known of neither: then these are interrupted writes and nothing more. */
	results[0].boundaries = 0;
	EXPECT(VERDICT_PASS);
	EXPECT_IN(run.strength, "2,500 interrupted writes");
}
END_TEST

/* What struck in slow motion lies outside of every rate and bound. */
START_TEST(struck_in_slow_counts_nowhere)
{
	begin();
	add_caught(TIER_TIMER);
	add_clean("fixed", TIER_TIMER);
	for (unsigned i = 0; i < 2; i++)
		*class_of(&results[i], STRIKE_IN_SLOW) = (struct class_counts) {
			.strikes = 5000, .in_write = 5000, .exposed = 5000, .decreasing = 5000, .decreases = 5000
		};
	EXPECT(VERDICT_PASS);
	ck_assert(near(judgements[1].exposure, 949.4962574785329));
	ck_assert(near(run.sight[TIER_TIMER].share_slow, 0.9485032459465843));
}
END_TEST

START_TEST(shares)
{
	/* Two controls make one sight. */
	begin();
	add_caught(TIER_TIMER);
	class_of(add_caught(TIER_TIMER), STRIKE_SLOW)->seen = 240;
	EXPECT(VERDICT_PASS);
	ck_assert(near(run.sight[TIER_TIMER].share_slow, 0.5818564808505539));
	/* Never more than all: one decrease may be seen twice. */
	begin();
	class_of(add_caught(TIER_TIMER), STRIKE_SLOW)->seen = 1200;
	EXPECT(VERDICT_PASS);
	ck_assert(near(run.sight[TIER_TIMER].share_slow, 0.997301277809715));
	/* Without slow motion the plain share alone weighs, and too little is left. */
	begin();
	memset(class_of(add_caught(TIER_TIMER), STRIKE_SLOW), 0, sizeof(struct class_counts));
	memset(class_of(add_clean("fixed", TIER_TIMER), STRIKE_SLOW), 0, sizeof(struct class_counts));
	EXPECT(VERDICT_INCONCLUSIVE);
	ck_assert(run.sight[TIER_TIMER].share_slow == 0 && near(judgements[1].exposure, 0.9930115319485601));
	/* With a hundred thousand times as many it is enough. */
	class_of(&results[1], STRIKE_PLAIN)->exposed = 200000;
	EXPECT(VERDICT_PASS);
	ck_assert(near(judgements[1].bound, 3 / 132.40153759314134));
	EXPECT_IN(run.strength, "none in slow motion; readers see at least 0.066 %");
	EXPECT_IN(run.strength, "below 1 in 44 ");
}
END_TEST

START_TEST(few_at_depth)
{
	begin();
	add_caught(TIER_TIMER);
	add_clean("fixed", TIER_TIMER);
	results[1].counts.strikes_by_depth[4] = 9;
	EXPECT(VERDICT_PASS);
	EXPECT_IN(run.strength, "only 9 interrupts at depth 4");
	EXPECT_NOT_IN(run.strength, "depth 3");
	results[1].counts.strikes_by_depth[3] = 1;
	results[1].counts.strikes_by_depth[4] = 0;
	EXPECT(VERDICT_PASS);
	EXPECT_IN(run.strength, "only 1 interrupt at depth 3");
	EXPECT_IN(run.strength, "only 0 interrupts at depth 4");
	/* Enough is enough, and what the control reached is not asked. */
	results[1].counts.strikes_by_depth[3] = 10;
	results[1].counts.strikes_by_depth[4] = 10;
	results[0].counts.strikes_by_depth[4] = 0;
	EXPECT(VERDICT_PASS);
	EXPECT_NOT_IN(run.strength, "depth");
}
END_TEST

/* Whose writes block the signals cannot be struck inside them, and need not be. */
START_TEST(masked_needs_no_exposure)
{
	begin();
	add_caught(TIER_TIMER);
	add_clean("mask", TIER_TIMER);
	results[1].masked = true;
	for (unsigned class = 0; class < STRIKE_CLASSES; class += 1)
		memset(class_of(&results[1], class), 0, sizeof(struct class_counts));
	EXPECT(VERDICT_PASS);
	EXPECT_IN(run.strength, "mask: 0 violations; its writes block signals");
	EXPECT_NOT_IN(run.strength, "rate below");
	/* But what is seen is seen, and a control must have been. */
	class_of(&results[1], STRIKE_PLAIN)->violations[TORN_RECORD] = 1;
	EXPECT(VERDICT_FAIL);
	begin();
	add_clean("mask", TIER_TIMER);
	results[0].masked = true;
	EXPECT(VERDICT_INCONCLUSIVE);
}
END_TEST

START_TEST(exposure_needed)
{
	begin();
	add_caught(TIER_TIMER);
	add_clean("fixed", TIER_TIMER);
	limits.min_exposure = 949.9962574785329;
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "949.5");
	limits.min_exposure = 948.9962574785329;
	EXPECT(VERDICT_PASS);
	/* Strikes that nobody could have seen are worth nothing. */
	memset(results[1].counts.by_class, 0, sizeof(results[1].counts.by_class));
	EXPECT(VERDICT_INCONCLUSIVE);
	ck_assert(judgements[1].bound == 0);
	limits.min_exposure = 0;
	EXPECT(VERDICT_PASS);
	ck_assert(judgements[1].bound == 0);
	EXPECT_IN(run.strength, "too few for a bound");
	EXPECT_NOT_IN(run.strength, "95 %");
}
END_TEST

START_TEST(only_controls)
{
	begin();
	add_caught(TIER_TIMER);
	EXPECT(VERDICT_PASS);
	EXPECT_IN(run.strength, "no sound target was run");
	begin();
	add_blind(TIER_TIMER);
	EXPECT(VERDICT_INCONCLUSIVE);
}
END_TEST

/* What was asked for had nothing to strike at: nothing was tried of it, unless another tier did. */
START_TEST(nothing_to_strike_at)
{
	struct target_result *idle;

	begin();
	add_caught(TIER_AIM);
	idle = add_clean("queue", TIER_AIM);
	idle->idle = true;
	snprintf(idle->message, sizeof(idle->message), "nothing to aim at");
	EXPECT(VERDICT_SKIP);
	EXPECT_IN(run.reason, "nothing to aim at");
	add_caught(TIER_TIMER);
	add_clean("queue", TIER_TIMER);
	EXPECT(VERDICT_PASS);
}
END_TEST

/* A control that this tier cannot show proves nothing there; with nothing else there is no evidence at all. */
START_TEST(control_that_cannot_show)
{
	begin();
	add_caught(TIER_TIMER);
	add_clean("fixed", TIER_TIMER);
	add("no-recheck", CLAIM_CONTROL, TIER_TIMER);
	EXPECT(VERDICT_PASS);
	ck_assert(!judgements[2].caught);
	begin();
	add("no-recheck", CLAIM_CONTROL, TIER_TIMER);
	add_clean("fixed", TIER_TIMER);
	EXPECT(VERDICT_INCONCLUSIVE);
}
END_TEST

START_TEST(only_controls_that_cannot_show)
{
	begin();
	add("no-recheck", CLAIM_CONTROL, TIER_TIMER);
	EXPECT(VERDICT_INCONCLUSIVE);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("verdict_pass");
	TCase *good = suite_case(suite, "pass");

	tcase_add_test(good, pass);
	tcase_add_test(good, struck_in_slow_counts_nowhere);
	tcase_add_test(good, shares);
	tcase_add_test(good, few_at_depth);
	tcase_add_test(good, exposure_needed);
	tcase_add_test(good, masked_needs_no_exposure);
	tcase_add_test(good, only_controls);
	tcase_add_test(good, nothing_to_strike_at);
	tcase_add_test(good, control_that_cannot_show);
	tcase_add_test(good, only_controls_that_cannot_show);
	return suite;
}
