/* SPDX-License-Identifier: MIT */
/*
 * check_verdict.c - what forged findings are worth
 */
#include <stdbool.h>
#include <string.h>

#include "suite.h"
#include "verdict.h"

#define MOST 8

/* ---- a run being forged ---- */

static struct target_result results[MOST];
static struct judgement judgements[MOST];
static struct run_judgement run;
static struct verdict_limits limits;
static size_t count;

static void begin(void)
{
	memset(results, 0, sizeof(results));
	count = 0;
	limits = (struct verdict_limits) { .min_exposure = 100 };
}

static struct target_result *add(const char *name, enum claim claim, enum tier tier)
{
	struct target_result *r = &results[count++];

	r->name = name;
	r->claim = claim;
	r->tier = tier;
	r->slices = 1;
	r->boundaries = 5;
	r->first_violation_ns = UINT64_MAX;
	for (unsigned depth = 1; depth <= LEVELS; depth++)
		r->counts.strikes_by_depth[depth] = 1000;
	return r;
}

static struct class_counts *class_of(struct target_result *r, enum strike_class class)
{
	return &r->counts.by_class[class];
}

/* A control that is caught: readers saw 2 of 1,000 plain decreases, and 960 of 1,000 in slow motion. */
static struct target_result *add_caught(enum tier tier)
{
	struct target_result *r = add("legacy", CLAIM_CONTROL, tier);

	r->expected = VIOLATION_BIT(HEAD_BACKWARD);
	r->allowed = VIOLATION_BIT(HEAD_BELOW_TAIL);
	*class_of(r, STRIKE_PLAIN) = (struct class_counts) {
		.strikes = 9000, .in_write = 4000, .exposed = 1500, .decreasing = 1000, .seen = 2
	};
	*class_of(r, STRIKE_SLOW) = (struct class_counts) {
		.strikes = 9000, .in_write = 4000, .exposed = 1500, .decreasing = 1100, .decreases = 1000, .seen = 960
	};
	class_of(r, STRIKE_PLAIN)->violations[HEAD_BACKWARD] = 2;
	class_of(r, STRIKE_SLOW)->violations[HEAD_BACKWARD] = 961;
	class_of(r, STRIKE_SLOW)->violations[HEAD_BELOW_TAIL] = 30;
	return r;
}

/* The same, seen by nobody. */
static struct target_result *add_blind(enum tier tier)
{
	struct target_result *r = add_caught(tier);

	for (unsigned class = 0; class < STRIKE_CLASSES; class ++) {
		memset(class_of(r, class)->violations, 0, sizeof(class_of(r, class)->violations));
		class_of(r, class)->seen = 0;
	}
	return r;
}

/* A sound target, clean, struck 1,500 times in either way. */
static struct target_result *add_clean(const char *name, enum tier tier)
{
	struct target_result *r = add(name, CLAIM_SOUND, tier);

	class_of(r, STRIKE_PLAIN)->exposed = 1500;
	class_of(r, STRIKE_SLOW)->exposed = 1000;
	return r;
}

static enum verdict judge(void)
{
	/* Whatever was there before must not matter. */
	memset(judgements, 0xa5, sizeof(judgements));
	memset(&run, 0xa5, sizeof(run));
	verdict_run(results, count, &limits, judgements, &run);
	/* A reason for all but a PASS, and a strength for a PASS. */
	ck_assert_int_eq(!run.reason[0], run.verdict == VERDICT_PASS);
	ck_assert_int_eq(!run.strength[0], run.verdict != VERDICT_PASS);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(!judgements[i].reason[0], judgements[i].verdict == VERDICT_PASS);
	return run.verdict;
}

#define EXPECT(verdict) ck_assert_str_eq(verdict_name(judge()), verdict_name(verdict))
#define EXPECT_IN(text, part) ck_assert_msg(strstr(text, part), "\"%s\" is not in: %s", part, text)
#define EXPECT_NOT_IN(text, part) ck_assert_msg(!strstr(text, part), "\"%s\" is in: %s", part, text)

static bool near(double a, double b)
{
	return a - b < 1e-9 && b - a < 1e-9;
}

/* ---- PASS, and how strong it is ---- */

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

/* ---- everything else ---- */

START_TEST(fail)
{
	/* Any violation, in any class. */
	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		for (unsigned class = 0; class < STRIKE_CLASSES; class ++) {
			begin();
			add_caught(TIER_TIMER);
			class_of(add_clean("fixed", TIER_TIMER), class)->violations[kind] = 1;
			EXPECT(VERDICT_FAIL);
			EXPECT_IN(run.reason, "fixed");
			EXPECT_IN(run.reason, "1 violation");
			ck_assert(judgements[1].bound == 0 && judgements[0].verdict == VERDICT_PASS);
		}
}
END_TEST

/* FAIL outranks all: what was seen was seen, whatever else went wrong. */
START_TEST(fail_outranks_all)
{
	struct target_result *bad;

	begin();
	add_blind(TIER_TIMER);
	add_clean("other", TIER_TIMER)->failed = true;
	add_clean("third", TIER_TIMER)->skipped = true;
	bad = add_clean("fixed", TIER_TIMER);
	bad->failed = true;
	bad->starved = 1;
	bad->skipped = true;
	class_of(bad, STRIKE_PLAIN)->violations[TORN_RECORD] = 1;
	strcpy(results[1].message, "no");
	strcpy(results[2].message, "no");
	strcpy(bad->message, "no");
	limits.interrupted = true;
	EXPECT(VERDICT_FAIL);
	EXPECT_IN(run.reason, "fixed");
}
END_TEST

START_TEST(not_caught)
{
	struct target_result *control;

	begin();
	control = add_blind(TIER_TIMER);
	add_clean("fixed", TIER_TIMER);
	EXPECT(VERDICT_INCONCLUSIVE);
	ck_assert(judgements[0].verdict == VERDICT_INCONCLUSIVE && judgements[1].verdict == VERDICT_INCONCLUSIVE);
	ck_assert(!run.sight[TIER_TIMER].caught && !judgements[0].caught && judgements[1].bound == 0);
	/* Seen only where it was struck in slow motion: proves nothing about anything. */
	class_of(control, STRIKE_IN_SLOW)->violations[HEAD_BACKWARD] = 50;
	EXPECT(VERDICT_INCONCLUSIVE);
	ck_assert(!judgements[0].caught);
	/* Seen failing, but not in the way it is known for. */
	class_of(control, STRIKE_SLOW)->violations[HEAD_BELOW_TAIL] = 50;
	EXPECT(VERDICT_INCONCLUSIVE);
	ck_assert(!judgements[0].caught);
	/* One is enough; in either class. */
	class_of(control, STRIKE_PLAIN)->violations[HEAD_BACKWARD] = 1;
	judge();
	ck_assert(judgements[0].caught && judgements[0].verdict == VERDICT_PASS);
	/* One control of two is not enough for a PASS. */
	begin();
	add_caught(TIER_TIMER);
	add_blind(TIER_TIMER);
	add_clean("fixed", TIER_TIMER);
	EXPECT(VERDICT_INCONCLUSIVE);
	ck_assert(judgements[2].verdict == VERDICT_PASS);
}
END_TEST

START_TEST(control_out_of_character)
{
	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		if (kind == HEAD_BACKWARD || kind == HEAD_BELOW_TAIL)
			continue;
		for (unsigned class = 0; class < STRIKE_CLASSES; class ++) {
			begin();
			class_of(add_caught(TIER_TIMER), class)->violations[kind] = 1;
			add_clean("fixed", TIER_TIMER);
			EXPECT(VERDICT_ERROR);
			EXPECT_IN(run.reason, "legacy");
		}
	}
}
END_TEST

/* What another tier sees must not make up for what this one does not. */
START_TEST(blind_tier)
{
	begin();
	add_caught(TIER_AIM);
	add_clean("fixed", TIER_AIM);
	add_blind(TIER_TIMER);
	add_clean("fixed", TIER_TIMER);
	EXPECT(VERDICT_INCONCLUSIVE);
	ck_assert(judgements[1].verdict == VERDICT_PASS && judgements[1].bound > 0);
	ck_assert(judgements[3].verdict == VERDICT_INCONCLUSIVE && judgements[3].bound == 0);
	EXPECT_NOT_IN(judgements[3].reason, "aim");
	EXPECT_IN(judgements[3].reason, "timer");
	/* Nor a tier in which no control was run. */
	begin();
	add_caught(TIER_AIM);
	add_clean("fixed", TIER_AIM);
	add_clean("fixed", TIER_TIMER);
	EXPECT(VERDICT_INCONCLUSIVE);
	begin();
	add_clean("fixed", TIER_TIMER);
	EXPECT(VERDICT_INCONCLUSIVE);
	/* Both see: both are told. */
	begin();
	add_caught(TIER_AIM);
	add_clean("first", TIER_AIM);
	add_caught(TIER_TIMER);
	add_clean("second", TIER_TIMER);
	EXPECT(VERDICT_PASS);
	EXPECT_IN(run.strength, "first (aim)");
	EXPECT_IN(run.strength, "second (timer)");
}
END_TEST

START_TEST(troubles)
{
	static const unsigned who[] = { 0, 1 };

	for (unsigned i = 0; i < 2; i++) {
		begin();
		add_caught(TIER_TIMER);
		add_clean("fixed", TIER_TIMER);
		results[who[i]].starved = 1;
		strcpy(results[who[i]].message, "disarmed 3 times");
		EXPECT(VERDICT_INCONCLUSIVE);
		EXPECT_IN(run.reason, "disarmed 3 times");
		results[who[i]].starved = 0;
		results[who[i]].skipped = true;
		EXPECT(VERDICT_SKIP);
		EXPECT_IN(run.reason, "disarmed 3 times");
		results[who[i]].skipped = false;
		results[who[i]].failed = true;
		EXPECT(VERDICT_ERROR);
		EXPECT_IN(run.reason, "disarmed 3 times");
		/* Worst first: failed, starved, skipped. */
		results[who[i]].starved = 2;
		results[who[i]].skipped = true;
		EXPECT(VERDICT_ERROR);
		results[who[i]].failed = false;
		EXPECT(VERDICT_INCONCLUSIVE);
	}
	/* Out of character and starved as well: the harness is broken, and that comes first. */
	begin();
	class_of(add_caught(TIER_TIMER), STRIKE_SLOW)->violations[OVERRUN] = 1;
	results[0].starved = 1;
	EXPECT(VERDICT_ERROR);
	/* Everything skipped. */
	begin();
	add("legacy", CLAIM_CONTROL, TIER_TIMER)->skipped = true;
	results[0].expected = VIOLATION_BIT(HEAD_BACKWARD);
	add("fixed", CLAIM_SOUND, TIER_TIMER)->skipped = true;
	strcpy(results[0].message, "one CPU");
	strcpy(results[1].message, "one CPU");
	EXPECT(VERDICT_SKIP);
	EXPECT_IN(run.reason, "one CPU");
}
END_TEST

START_TEST(interrupted)
{
	begin();
	limits.interrupted = true;
	add_caught(TIER_TIMER);
	add_clean("fixed", TIER_TIMER);
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "stopped before its time");
	/* What was found out until then about each target stands. */
	ck_assert(judgements[0].verdict == VERDICT_PASS && judgements[1].verdict == VERDICT_PASS);
	results[1].failed = true;
	strcpy(results[1].message, "no timers left");
	EXPECT(VERDICT_ERROR);
	EXPECT_IN(run.reason, "no timers left");
}
END_TEST

START_TEST(nothing_run)
{
	begin();
	EXPECT(VERDICT_INCONCLUSIVE);
	EXPECT_IN(run.reason, "nothing");
	limits.interrupted = true;
	EXPECT(VERDICT_INCONCLUSIVE);
}
END_TEST

START_TEST(ranks)
{
	ck_assert(VERDICT_PASS < VERDICT_SKIP && VERDICT_SKIP < VERDICT_INCONCLUSIVE);
	ck_assert(VERDICT_INCONCLUSIVE < VERDICT_ERROR && VERDICT_ERROR < VERDICT_FAIL);
	ck_assert_int_eq(verdict_exit_status(VERDICT_PASS, 77), 0);
	ck_assert_int_eq(verdict_exit_status(VERDICT_FAIL, 77), 1);
	ck_assert_int_eq(verdict_exit_status(VERDICT_ERROR, 77), 2);
	ck_assert_int_eq(verdict_exit_status(VERDICT_INCONCLUSIVE, 77), 3);
	ck_assert_int_eq(verdict_exit_status(VERDICT_SKIP, 77), 77);
	ck_assert_int_eq(verdict_exit_status(VERDICT_SKIP, 4), 4);
	ck_assert_int_eq(verdict_exit_status(VERDICT_SKIP, 0), 0);
	ck_assert_int_eq(verdict_exit_status(VERDICT_PASS, 4), 0);
	ck_assert_int_eq(verdict_exit_status(VERDICT_INCONCLUSIVE, 4), 3);
}
END_TEST

/* ---- slices add up to what is judged ---- */

START_TEST(slices)
{
	static struct slice_result slice;
	struct target_result *r;

	begin();
	r = add_caught(TIER_TIMER);
	memset(&slice, 0, sizeof(slice));
	slice.end = SLICE_DONE;
	slice.first_violation_ns = UINT64_MAX;
	slice.counts.records = 10;
	slice.counts.polls = 7;
	slice.counts.by_class[STRIKE_SLOW].violations[MISSED_WAKEUP] = 1;
	slice.rss_end_kib = 500;
	target_result_add(r, &slice, 0);
	ck_assert(r->first_violation_ns == UINT64_MAX && r->counts.records == 10 && r->counts.polls == 7);
	ck_assert_uint_eq(counts_violations(&r->counts, HEAD_BACKWARD), 963);
	ck_assert_uint_eq(counts_violations(&r->counts, MISSED_WAKEUP), 1);
	ck_assert_uint_eq(counts_violations_except(&r->counts, VIOLATION_BIT(HEAD_BACKWARD)), 31);
	/* The second slice, a second later: events are kept in order, up to their number, and timed end to end. */
	slice.first_violation_ns = 5;
	slice.events = EVENTS_KEPT - 30;
	slice.event[0] = (struct event) { .kind = TORN_RECORD, .time_ns = 5 };
	slice.rss_end_kib = 400;
	target_result_add(r, &slice, 1000000000);
	target_result_add(r, &slice, 2000000000);
	ck_assert(r->first_violation_ns == 1000000005 && r->event[0].time_ns == 1000000005);
	ck_assert_uint_eq(r->events, 2 * (EVENTS_KEPT - 30));
	ck_assert(r->event[EVENTS_KEPT - 30].time_ns == 2000000005 && r->event[EVENTS_KEPT - 30].kind == TORN_RECORD);
	ck_assert(r->rss_min_kib == 400 && r->rss_max_kib == 500);
	ck_assert(!r->starved && !r->failed && !r->skipped && r->slices == 4);
	/* How slices end. */
	slice.end = SLICE_STARVED;
	strcpy(slice.message, "first");
	target_result_add(r, &slice, 0);
	ck_assert(r->starved == 1 && !r->failed && !r->skipped);
	slice.end = SLICE_SKIP;
	strcpy(slice.message, "second");
	target_result_add(r, &slice, 0);
	ck_assert(r->skipped && !r->failed);
	ck_assert_str_eq(r->message, "first");
	slice.end = SLICE_UNFINISHED;
	target_result_add(r, &slice, 0);
	ck_assert(r->failed);
	r->failed = false;
	slice.end = SLICE_ERROR;
	target_result_add(r, &slice, 0);
	ck_assert(r->failed);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("verdict");
	TCase *good = suite_case(suite, "pass");
	TCase *other = suite_case(suite, "other");

	tcase_add_test(good, pass);
	tcase_add_test(good, struck_in_slow_counts_nowhere);
	tcase_add_test(good, shares);
	tcase_add_test(good, few_at_depth);
	tcase_add_test(good, exposure_needed);
	tcase_add_test(good, masked_needs_no_exposure);
	tcase_add_test(good, only_controls);
	tcase_add_test(good, control_that_cannot_show);
	tcase_add_test(good, only_controls_that_cannot_show);
	tcase_add_test(other, fail);
	tcase_add_test(other, fail_outranks_all);
	tcase_add_test(other, not_caught);
	tcase_add_test(other, control_out_of_character);
	tcase_add_test(other, blind_tier);
	tcase_add_test(other, troubles);
	tcase_add_test(other, interrupted);
	tcase_add_test(other, nothing_run);
	tcase_add_test(other, ranks);
	tcase_add_test(other, slices);
	return suite;
}
