/* SPDX-License-Identifier: MIT */
/*
 * check_report.c - forged runs through every report format
 */
#define _GNU_SOURCE
#include "suite.h"

#include <jansson.h>
#include <stdlib.h>

#include "forged.h"
#include "text_asserts.h"

static char *print_text(const struct report *report, const struct text_style *style)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	report_text(report, out, style);
	fclose(out);
	return text;
}

static char *print_json(const struct report *report)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	ck_assert_int_eq(report_json(report, out), 0);
	fclose(out);
	return text;
}

static char *print_ktap(const struct report *report)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	report_ktap(report, out);
	fclose(out);
	return text;
}

/* ---- text ---- */

START_TEST(text_pass)
{
	struct text_style style = { .color = false };
	struct forged f;
	char *text;

	forge_pass(&f);
	text = print_text(&f.report, &style);
	assert_has(text, "nrb-stress 0.1   2 CPUs, one L3   Linux 6.18   seed 0x8f3a19c2   gcc 12.2 -O2\n");
	assert_has(text, "timer  5.0 s a target in slices of 1.0 s   cpu0 writes, cpu1 reads   3 levels   ");
	assert_has(text, "interrupts/s (steered)\n");
	assert_has(text, "in window  ");
	assert_has(text, "2 / 1,930  913 / 954        0      0  KNOWN BAD, caught\n");
	assert_has(text, "sound, clean\n");
	assert_has(text, "legacy: data_head went backwards 915 times, by 16 to 4,096 bytes; first after 3.1 ms,");
	assert_has(text, "interrupted at");
	assert_has(text, "0.3 % of nested writes refused");
	assert_lacks(text, "\033");
	assert_lacks(text, "replay");
	assert_begins(last_line(text), "PASS   fixed: 0 violations at 2,884 ");
	free(text);
}
END_TEST

START_TEST(text_fail)
{
	struct text_style style = { .color = true };
	struct forged f;
	char *text;

	forge_fail(&f);
	text = print_text(&f.report, &style);
	assert_has(text, "\033[31msound, VIOLATED\033[m\n");
	assert_has(text, "\033[32mKNOWN BAD, caught\033[m\n");
	assert_has(text, "torn_record 1   sequence_gap 1\n");
	assert_has(text, "torn_record after 3.1 ms, ring 0, reader 0, slow interrupt: at 0xfffffffffffffff8,");
	assert_has(text, "150 more were counted\n");
	assert_has(text, "replay: stress/stress --seed=0x8f3a19c2 --duration=10 '--cpus=0 \xff'\\''1'\n");
	assert_has(last_line(text), "\033[1m\033[31mFAIL\033[m   fixed, which claims to be sound, showed 2 violations");
	free(text);
}
END_TEST

START_TEST(text_words)
{
	struct text_style plain = { .color = false }, quiet = { .quiet = true };
	struct forged f;
	char *text;

	forge_inconclusive(&f);
	text = print_text(&f.report, &plain);
	assert_has(text, "KNOWN BAD, not caught\n");
	assert_has(text, "clean, INCONCLUSIVE\n");
	assert_has(text, "no slow motion here: no trap flag");
	free(text);

	forge_error(&f);
	text = print_text(&f.report, &plain);
	assert_has(text, " ERROR\n");
	assert_has(text, " SKIP\n");
	assert_has(last_line(text), "ERROR   fixed: timer_create: raise RLIMIT_SIGPENDING\n");
	free(text);

	forge_no_boundaries(&f);
	text = print_text(&f.report, &plain);
	assert_has(text, "in write");
	assert_lacks(text, "in window");
	assert_has(text, "(asked for 1,000,000 a level, cut to 16,666)");
	assert_has(text, "the hypervisor took 20.0 ms");
	free(text);

	forge_interrupted(&f);
	text = print_text(&f.report, &quiet);
	ck_assert_str_eq(text, "INCONCLUSIVE   interrupted by SIGINT after 10.0 s: stopped before its time\n");
	free(text);

	forge_skip(&f);
	text = print_text(&f.report, &plain);
	assert_has(last_line(text), "SKIP   one CPU: nobody could watch the writer\n");
	free(text);
}
END_TEST

START_TEST(text_of_the_map)
{
	struct text_style style = { .map = true }, plain = { .map = false };
	struct forged f;
	char *text;

	forge_pass(&f);
	text = print_text(&f.report, &style);
	assert_has(text, "map of legacy: ");
	assert_has(text, "map of fixed: ");
	assert_has(text, " struck in what it calls; 11,000 ");
	assert_has(text, "    timer\n");
	assert_lacks(text, "   step");
	assert_has(text, "   2,884  exposed, decreasing\n");
	assert_has(text, "   2,884  exposed\n");
	assert_has(text, "  915 followed by head_backward\n");
	assert_has(text, "   .  not reached, masked\n");
	assert_has(text, "called from there\n");
	assert_begins(last_line(text), "PASS ");
	free(text);
	text = print_text(&f.report, &plain);
	assert_lacks(text, "map of");
	free(text);
	forge_skip(&f);
	text = print_text(&f.report, &style);
	assert_lacks(text, "map of");
	free(text);
}
END_TEST

/* A line for each tier; what keeps one away stands there once; names tell the tier. */
START_TEST(text_tiers)
{
	struct text_style style = { .color = false };
	struct forged f;
	char *text;

	forge_tiers(&f);
	text = print_text(&f.report, &style);
	assert_has(text, "\naim    SKIP: no permission\n");
	assert_has(text, "\ntimer  5.0 s a target in slices of 1.0 s   cpu0 writes, cpu1 reads   ");
	assert_has(text, "\nlegacy  timer  ");
	assert_has(text, "\nfixed   aim  ");
	assert_has(text, "  legacy (timer): data_head went backwards 915 times");
	assert_lacks(text, "\n  SKIP: ");
	assert_begins(last_line(text), "SKIP   aim: no permission\n");
	free(text);
	text = print_ktap(&f.report);
	assert_has(text, "\nok 1 timer.legacy\n");
	assert_has(text, "\nok 4 aim.fixed # SKIP aim: no permission\n");
	free(text);
}
END_TEST

/* Stepping has a table of its own, and tells the way to what it found. */
START_TEST(text_stepped_runs)
{
	struct text_style style = { .color = false }, verbose = { .verbose = true };
	struct forged f;
	char *text;

	forge_step_pass(&f);
	text = print_text(&f.report, &style);
	assert_has(text, "\nstep   to depth 2   14 ring states   by the trap flag\n       520 k instructions and "
			 "10,000 strikes in 6.0 s ");
	assert_has(text, "\ntarget  boundaries  nested pairs   twice  instructions  ");
	assert_has(text, "\nlegacy       1,349             -       -       130,000  1.5 s  KNOWN BAD, caught\n");
	assert_has(text, "\nfixed        1,349       119,774  65,966       390,000  4.5 s  sound, clean\n");
	assert_has(text, "  legacy: head_backward in 11 states\n    head_backward: ring state \"empty\", ");
	assert_has(text, "level 0 struck after 73 instructions");
	assert_lacks(text, "interrupts");
	assert_lacks(text, "slow motion");
	assert_lacks(text, "--witness");
	ck_assert_str_eq(last_line(text),
			 "PASS   fixed: 0 violations, struck at all 1,349 boundaries in 14 ring states, "
			 "all 119,774 nested pairs, all 65,966 pairs in one write\n");
	free(text);
	text = print_text(&f.report, &verbose);
	assert_lacks(text, "timer");
	free(text);

	forge_step_partial(&f);
	text = print_text(&f.report, &style);
	assert_has(text, "\ntimer  5.0 s a target in slices of 1.0 s   ");
	assert_has(text, "  119,774 (10/14)      -  ");
	assert_has(text, "  legacy (step): head_backward in 11 states");
	assert_has(text, "  legacy (timer): data_head went backwards 915 times");
	assert_begins(last_line(text),
		      "PASS   fixed (step): 0 violations, struck at all 1,349 boundaries in 14 ring states, "
		      "119,774 nested pairs (10 of 14 ring states), no pairs in one write: there was no "
		      "time for more; fixed (timer): 0 violations at 2,884 ");
	free(text);

	forge_step_fail(&f);
	text = print_text(&f.report, &style);
	assert_has(text, "  sound, VIOLATED\n");
	assert_has(text, "  fixed: torn_record in 11 states\n    torn_record: ring state \"empty\", ");
	assert_has(text, "--witness=FILE keeps these ways");
	assert_has(last_line(text), "FAIL   fixed, which claims to be sound, showed violations in 11 states\n");
	free(text);

	forge_step_blind(&f);
	text = print_text(&f.report, &style);
	assert_has(text, " ERROR\n");
	assert_begins(last_line(text), "ERROR   legacy was not caught, although it was struck at every boundary");
	free(text);

	forge_step_missing(&f);
	text = print_text(&f.report, &style);
	assert_has(text, "\nstep   not here: no trap flag, and no ptrace\n");
	free(text);
}
END_TEST

/* Whatever a run holds, each form of it ends with the verdict's line, and verbose tells each event. */
START_TEST(text_any)
{
	struct text_style style = { .color = _i & 1, .quiet = _i & 2, .verbose = _i & 4, .map = _i & 8 };

	for (size_t i = 0; i < FORGES; i++) {
		struct forged f;
		char *text;

		/* A map takes long, as it reads what debuggers do: each run has one in two of the styles. */
		if (style.map && i % 4 != (size_t)_i % 4)
			continue;
		forges[i](&f);
		text = print_text(&f.report, &style);
		assert_has(last_line(text), verdict_name(f.run.verdict));
		if (style.quiet)
			ck_assert_ptr_eq(last_line(text), text);
		else if (style.verbose && f.report.count && f.result[f.report.count - 1].tier != TIER_STEP)
			assert_has(text, "    memory      5,120 to 5,124 KiB");
		free(text);
	}
}
END_TEST

/* ---- JSON ---- */

START_TEST(json_content)
{
	struct forged f;
	json_t *root, *legacy_result, *event;
	char *text;

	forge_pass(&f);
	text = print_json(&f.report);
	root = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(root);
	ck_assert_int_eq(json_integer_value(json_object_get(root, "format_version")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(root, "verdict")), "PASS");
	ck_assert(json_is_null(json_object_get(root, "reason")));
	ck_assert(json_is_null(json_object_get(root, "interrupted_by")));
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(root, "options"), "seed")), "0x8f3a19c2");
	legacy_result = json_array_get(json_object_get(root, "targets"), LEGACY);
	ck_assert_int_eq(
		json_integer_value(json_object_get(json_object_get(legacy_result, "violations"), "head_backward")),
		915);
	event = json_array_get(json_object_get(legacy_result, "events"), 1);
	ck_assert_str_eq(json_string_value(json_object_get(event, "after")), "0xfffffffffffff008");
	event = json_array_get(json_object_get(event, "strikes"), 0);
	assert_function(json_string_value(json_object_get(event, "function")), "forged_function+0x1");
	event = json_array_get(json_object_get(root, "maps"), LEGACY);
	ck_assert_str_eq(json_string_value(json_object_get(event, "target")), "legacy");
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(event, "elsewhere"), "timer")), 11000);
	ck_assert_uint_ge(json_array_size(json_object_get(event, "boundaries")), 3);
	ck_assert(json_is_null(
		json_object_get(json_array_get(json_object_get(root, "targets"), FIXED), "first_violation_ns")));
	json_decref(root);
	free(text);
}
END_TEST

static const json_t *member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	ck_assert_msg(value != NULL, "no %s", name);
	return value;
}

static json_int_t number_of(const json_t *object, const char *name)
{
	return json_integer_value(member(object, name));
}

START_TEST(json_steps)
{
	const json_t *targets, *step, *pass, *witness, *strike;
	struct forged f;
	json_t *root;
	char *text;

	forge_step_pass(&f);
	text = print_json(&f.report);
	root = json_loads(text, 0, NULL);
	ck_assert(json_is_null(member(member(root, "options"), "duration_ns")));
	ck_assert_int_eq(number_of(member(root, "options"), "depth"), 2);
	ck_assert_str_eq(json_string_value(member(member(root, "options"), "stepper")), "trap");
	ck_assert(json_is_true(member(member(root, "options"), "exhaustive")));
	ck_assert(json_is_null(member(json_array_get(member(root, "tiers"), 0), "slow_share_seen")));
	targets = member(root, "targets");
	ck_assert(json_is_null(member(member(json_array_get(targets, FIXED), "judgement"), "exposure")));
	step = member(json_array_get(targets, FIXED), "step");
	ck_assert_str_eq(json_string_value(member(step, "stepper")), "trap");
	ck_assert(json_is_true(member(step, "confirmed")));
	ck_assert_uint_eq(json_array_size(member(step, "passes")), 3);
	ck_assert_uint_eq(json_array_size(member(step, "witnesses")), 0);
	pass = json_array_get(member(step, "passes"), 1);
	ck_assert_int_eq(number_of(pass, "depth"), 2);
	ck_assert_int_eq(number_of(pass, "scenarios"), 14);
	ck_assert_int_eq(json_integer_value(json_array_get(member(member(pass, "counts"), "tuples_by_depth"), 1)),
			 119774);
	step = member(json_array_get(targets, LEGACY), "step");
	ck_assert_int_eq(number_of(member(step, "found"), "head_backward"), 11);
	witness = json_array_get(member(step, "witnesses"), 0);
	ck_assert_str_eq(json_string_value(member(witness, "kind")), "head_backward");
	ck_assert_str_eq(json_string_value(member(witness, "scenario")), "empty");
	ck_assert_str_eq(json_string_value(member(witness, "before")), "0x30");
	ck_assert_uint_eq(json_array_size(member(witness, "strikes")), 2);
	strike = json_array_get(member(witness, "strikes"), 0);
	ck_assert_int_eq(number_of(strike, "boundary"), 73);
	assert_function(json_string_value(member(strike, "function")), "forged_function+0x1");
	json_decref(root);
	free(text);

	forge_step_missing(&f);
	text = print_json(&f.report);
	root = json_loads(text, 0, NULL);
	ck_assert_str_eq(json_string_value(member(root, "step_missing")), "step: no trap flag, and no ptrace");
	ck_assert(json_is_null(member(json_array_get(member(root, "targets"), FIXED), "step")));
	json_decref(root);
	free(text);
}
END_TEST

START_TEST(json_any)
{
	struct forged f;
	json_t *root;
	char *text;

	forges[_i](&f);
	text = print_json(&f.report);
	root = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(root);
	ck_assert_str_eq(json_string_value(json_object_get(root, "verdict")), verdict_name(f.run.verdict));
	assert_lacks(text, ": -1");
	json_decref(root);
	free(text);
}
END_TEST

/* ---- KTAP ---- */

START_TEST(ktap_content)
{
	struct forged f;
	char *text;

	forge_pass(&f);
	text = print_ktap(&f.report);
	assert_begins(text, "KTAP version 1\n1..3\n    KTAP version 1\n    # Subtest: timer.legacy\n    1..10\n");
	assert_has(text, "    # legacy is known bad and was caught: 915 times\n    ok 1 head_backward\n");
	assert_has(text, "\nok 1 timer.legacy\n");
	assert_has(text, "    1..11\n    ok 1 head_backward\n");
	assert_has(text, "    ok 11 exposure\nok 2 timer.fixed\n");
	assert_has(text, "\nok 3 verdict\n");
	assert_lacks(text, "not ok");
	free(text);

	forge_fail(&f);
	text = print_ktap(&f.report);
	assert_has(text, "    not ok 3 torn_record\n");
	assert_has(text, "\nnot ok 2 timer.fixed\n");
	assert_has(text, "\nok 1 timer.legacy\n");
	free(text);

	forge_inconclusive(&f);
	text = print_ktap(&f.report);
	assert_has(text, "    not ok 1 head_backward\n");
	assert_has(text, "\nnot ok 1 timer.legacy\n");
	assert_has(text, "    not ok 11 exposure\n");
	free(text);

	forge_skip(&f);
	text = print_ktap(&f.report);
	ck_assert_str_eq(text, "KTAP version 1\n1..1\nok 1 verdict # SKIP one CPU: nobody could watch the writer\n");
	free(text);

	forge_error(&f);
	text = print_ktap(&f.report);
	assert_has(text, "\nok 1 timer.legacy # SKIP not here\n");
	assert_has(text, "    # fixed: timer_create: raise RLIMIT_SIGPENDING\n    not ok 11 exposure\n");
	free(text);

	forge_interrupted(&f);
	text = print_ktap(&f.report);
	assert_has(text, "\nnot ok 3 verdict\n");
	free(text);
}
END_TEST

START_TEST(ktap_steps)
{
	struct forged f;
	char *text;

	forge_step_pass(&f);
	text = print_ktap(&f.report);
	assert_begins(text, "KTAP version 1\n1..3\n    KTAP version 1\n    # Subtest: step.legacy\n    1..10\n");
	assert_has(text, "    # depth 1, 1 strike on a write: 14 of 14 ring states, 130,000 instructions\n"
			 "    ok 10 coverage\nok 1 step.legacy\n");
	assert_has(text, "    # depth 1, 2 strikes on a write: 14 of 14 ring states, 130,000 instructions\n"
			 "    ok 11 coverage\nok 2 step.fixed\n");
	assert_lacks(text, "exposure");
	assert_lacks(text, "not ok");
	free(text);

	forge_step_partial(&f);
	text = print_ktap(&f.report);
	assert_has(text, "    # depth 2, 1 strike on a write: 10 of 14 ring states, ");
	assert_has(text,
		   "    # depth 1, 2 strikes on a write: 0 of 14 ring states, 0 instructions\n    ok 11 coverage\n");
	assert_has(text, "\nok 4 timer.fixed\n");
	free(text);

	forge_step_fail(&f);
	text = print_ktap(&f.report);
	assert_has(text, "    not ok 3 torn_record\n");
	assert_has(text, "    ok 11 coverage\n# fixed, which claims to be sound, showed violations in 11 states\n"
			 "not ok 2 step.fixed\n");
	free(text);

	forge_step_blind(&f);
	text = print_ktap(&f.report);
	assert_has(text, "    not ok 1 head_backward\n");
	assert_has(text, "    not ok 10 coverage\n");
	assert_has(text, "\nnot ok 1 step.legacy\n");
	/* Without a control that was caught the other's silence is worth nothing. */
	assert_has(text, "    not ok 11 coverage\n");
	assert_has(text, "\nnot ok 2 step.fixed\n");
	free(text);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("report");
	TCase *text = suite_case(suite, "text"), *json = suite_case(suite, "json"), *ktap = suite_case(suite, "ktap");

	tcase_add_test(text, text_pass);
	tcase_add_test(text, text_fail);
	tcase_add_test(text, text_words);
	tcase_add_test(text, text_of_the_map);
	tcase_add_test(text, text_tiers);
	tcase_add_test(text, text_stepped_runs);
	tcase_add_loop_test(text, text_any, 0, 16);
	tcase_add_test(json, json_content);
	tcase_add_test(json, json_steps);
	tcase_add_loop_test(json, json_any, 0, FORGES);
	tcase_add_test(ktap, ktap_content);
	tcase_add_test(ktap, ktap_steps);
	return suite;
}
