/* SPDX-License-Identifier: MIT */
/*
 * check_verdict.c - what forged findings are worth: everything but a PASS; and how slices add up to findings
 */
#include <string.h>

#include "judged.h"

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
	TCase *other = suite_case(suite, "other");

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
