/* SPDX-License-Identifier: MIT */
/*
 * check_kernel_tier.c - what of the kernel tier needs no ring: symbols, versions, steering, and what it is worth
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "forged.h"
#include "kernel/breakpoints.h"
#include "kernel/family.h"
#include "kernel/steer.h"
#include "kernel/version.h"
#include "suite.h"
#include "text_asserts.h"
#include "verdict.h"

static struct kernel_result sum;

/* ---- the kernel's symbols ---- */

static int read_symbols(const char *text)
{
	FILE *list = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	int rc;

	ck_assert_ptr_nonnull(list);
	memset(&sum, 0, sizeof(sum));
	rc = family_read(list, &sum);
	fclose(list);
	return rc;
}

START_TEST(symbols)
{
	ck_assert_int_eq(read_symbols("ffffffff81000300 T perf_output_end\n"
				      "ffffffff81000000 t perf_output_put_handle.isra.0\n"
				      "ffffffff81000100 T perf_output_begin\n"
				      "ffffffff81000350 T perf_event_comm\n"
				      "ffffffff81000200 D perf_output_begin_data\n"
				      "ffffffff81000280 t __perf_output_begin.constprop.0\n"),
			 0);
	ck_assert_uint_eq(sum.functions, 4);
	ck_assert_ptr_null(family_find(&sum, 0xffffffff80ffffffu));
	ck_assert_ptr_null(family_find(&sum, 0xffffffff81000350u));
	ck_assert_ptr_null(family_find(&sum, 0xffffffff81000200u));
	ck_assert_str_eq(family_find(&sum, 0xffffffff810000ffu)->name, "perf_output_put_handle.isra.0");
	ck_assert(family_find(&sum, 0xffffffff81000000u)->handle);
	ck_assert(!family_find(&sum, 0xffffffff81000340u)->handle);
	ck_assert_uint_eq(kernel_sweep_length(&sum), 0x100);
	ck_assert_uint_eq(kernel_sweep_address(&sum, 0xff), 0xffffffff810000ffu);
	ck_assert_uint_eq(kernel_sweep_address(&sum, 0x100), 0);
	/* Inlined: then the one that ends an output has it. */
	ck_assert_int_eq(read_symbols("ffffffff81000300 T perf_output_end\nffffffff81000400 T perf_output_begin\n"), 0);
	ck_assert(family_find(&sum, 0xffffffff81000300u)->handle);
	ck_assert(!family_find(&sum, 0xffffffff81000400u)->handle);
	ck_assert_int_eq(read_symbols("0000000000000000 T perf_output_end\n0000000000000000 T printk\n"), -EACCES);
	ck_assert_int_eq(read_symbols("ffffffff81000300 T printk\n"), -ENOENT);
	ck_assert_int_eq(read_symbols("no list\n"), -EACCES);
}
END_TEST

START_TEST(instructions)
{
	uint64_t mean;

	read_symbols("ffffffff81000000 t perf_output_put_handle\nffffffff81000100 T perf_output_end\n");
	ck_assert_uint_eq(kernel_sweep_instructions(&sum, &mean), 0);
	ck_assert_uint_eq(mean, 0);
	sum.function[0].swept[0] = 10;
	sum.function[0].swept[5] = 20;
	/* It publishes nothing. */
	sum.function[1].swept[0] = 1000;
	ck_assert_uint_eq(kernel_sweep_instructions(&sum, &mean), 2);
	ck_assert_uint_eq(mean, 15);
}
END_TEST

/* ---- versions ---- */

START_TEST(versions)
{
	static const char *const fixed[] = { "6.18.44", "6.1.0-56-amd64", "5.2",     "5.2.0-rc7",  "5.10.0",
					     "10.0",    "5.1.13",         "4.19.54", "4.19.310-x", "4.14.129",
					     "4.9.183", "4.4.183",        "3.16.75", "unheard of", "" };
	static const char *const older[] = { "5.1.12",          "5.1",      "5.0.21",  "4.20.17", "4.19.53",
					     "4.19.0-5-amd64",  "4.14.128", "4.9.182", "4.4.182", "3.16.74",
					     "3.10.0-1160.el7", "2.6.32" };

	for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		ck_assert_msg(kernel_age_of(fixed[i]) == KERNEL_HAS_FIX, "%s", fixed[i]);
	for (unsigned i = 0; i < sizeof(older) / sizeof(older[0]); i++)
		ck_assert_msg(kernel_age_of(older[i]) == KERNEL_LACKS_FIX, "%s", older[i]);
}
END_TEST

/* ---- steering ---- */

START_TEST(steering)
{
	struct kernel_steer steer;
	uint64_t first;

	/* More for each halving, then less. */
	kernel_steer_init(&steer, 0);
	first = steer.period_ns;
	kernel_steer_update(&steer, NS_PER_S, 100, true, false);
	ck_assert_uint_eq(steer.period_ns, first / 2);
	kernel_steer_update(&steer, NS_PER_S, 200, true, false);
	ck_assert_uint_eq(steer.period_ns, first / 4);
	kernel_steer_update(&steer, NS_PER_S, 150, true, false);
	ck_assert_uint_eq(steer.period_ns, first / 2);
	kernel_steer_update(&steer, NS_PER_S, 1000, true, false);
	ck_assert_uint_eq(steer.period_ns, first / 2);
	/* Held back, or the writer starved: slower, for good, and with an end to it. */
	kernel_steer_update(&steer, NS_PER_S, 1000, true, true);
	ck_assert_uint_eq(steer.period_ns, first);
	for (unsigned i = 0; i < 40; i++)
		kernel_steer_update(&steer, NS_PER_S, 0, false, false);
	ck_assert_uint_le(steer.period_ns, KERNEL_PERIOD_MAX_NS);
	/* Better and better: there is a limit. */
	kernel_steer_init(&steer, 0);
	for (uint64_t i = 1; i < 40; i++)
		kernel_steer_update(&steer, NS_PER_S, i * 1000, true, false);
	ck_assert_uint_ge(steer.period_ns, KERNEL_PERIOD_MIN_NS);
	/* Asked for. */
	kernel_steer_init(&steer, 1000);
	ck_assert_uint_eq(steer.period_ns, NS_PER_MS);
	kernel_steer_update(&steer, NS_PER_S, 5, true, true);
	ck_assert_uint_eq(steer.period_ns, NS_PER_MS);
	kernel_steer_init(&steer, 1000000000u);
	ck_assert_uint_eq(steer.period_ns, KERNEL_PERIOD_MIN_NS);
}
END_TEST

/* ---- what it is worth ---- */

static struct target_result results[2];
static struct judgement judgements[2];
static struct run_judgement run;

/* legacy, seen to go back 40 times of 10,000 strikes into a write; and the kernel, struck @nested times. */
static void judge(uint64_t seen, uint64_t nested, uint64_t swept)
{
	const struct verdict_limits limits = { .min_exposure = 5 };

	memset(results, 0, sizeof(results));
	results[0].name = "legacy";
	results[0].claim = CLAIM_CONTROL;
	results[0].tier = TIER_TIMER;
	results[0].expected = VIOLATION_BIT(HEAD_BACKWARD);
	results[0].allowed = VIOLATION_BIT(HEAD_BELOW_TAIL);
	results[0].boundaries = 4;
	results[0].counts.by_class[STRIKE_PLAIN] =
		(struct class_counts) { .in_write = 10000, .exposed = 400, .decreasing = 400, .seen = seen };
	results[0].counts.by_class[STRIKE_PLAIN].violations[HEAD_BACKWARD] = seen;
	results[1].name = "kernel";
	results[1].claim = CLAIM_SOUND;
	results[1].tier = TIER_KERNEL;
	results[1].boundaries_complete = true;
	results[1].counts.by_class[STRIKE_PLAIN].exposed = nested;
	results[1].counts.by_class[STRIKE_SLOW].exposed = swept;
	verdict_run(results, 2, &limits, judgements, &run);
}

START_TEST(verdicts)
{
	judge(40, 100000, 0);
	ck_assert_int_eq(run.verdict, VERDICT_PASS);
	/* Not more than 40 in 10,000, and not much less. */
	ck_assert_double_le(run.sight[TIER_KERNEL].share_plain, 0.004);
	ck_assert_double_ge(run.sight[TIER_KERNEL].share_plain, 0.003);
	ck_assert_double_le(judgements[1].exposure, 400);
	ck_assert(strstr(run.strength, "kernel (kernel): 0 violations at 100,000 interrupts inside its writes"));
	ck_assert(strstr(run.strength, "rate is below 1 in 1"));
	/* Weak, and said to be. */
	judge(40, 2000, 0);
	ck_assert_int_eq(run.verdict, VERDICT_PASS);
	ck_assert(strstr(run.strength, "which is weak"));
	judge(40, 1000, 0);
	ck_assert_int_eq(run.verdict, VERDICT_INCONCLUSIVE);
	ck_assert(strstr(run.reason, "too weak: of 1,000 nested writes"));
	judge(40, 0, 0);
	ck_assert_int_eq(run.verdict, VERDICT_INCONCLUSIVE);
	ck_assert(strstr(run.reason, "nothing nested"));
	/* Breakpoints know where they strike. */
	judge(40, 0, 1000);
	ck_assert_int_eq(run.verdict, VERDICT_PASS);
	ck_assert(strstr(run.strength, "1,000 by breakpoint"));
	/* Nobody has seen the control go wrong. */
	judge(0, 100000, 0);
	ck_assert_int_eq(run.verdict, VERDICT_INCONCLUSIVE);
	ck_assert_int_eq(judgements[1].verdict, VERDICT_INCONCLUSIVE);
	/* What is seen outranks everything. */
	judge(0, 10, 0);
	results[1].counts.by_class[STRIKE_PLAIN].violations[HEAD_BACKWARD] = 2;
	verdict_run(results, 2, &(struct verdict_limits) { .min_exposure = 5 }, judgements, &run);
	ck_assert_int_eq(run.verdict, VERDICT_FAIL);
	ck_assert(strstr(run.reason, "kernel: its ring showed 2 violations"));
}
END_TEST

/* ---- what is told of it ---- */

START_TEST(told)
{
	struct text_style style = { .color = false };
	struct forged f;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	forge_kernel(&f);
	report_text(&f.report, out, &style);
	fclose(out);
	assert_has(text, "\nkernel ");
	assert_has(text, "Linux 4.19.0-5-amd64   4 forward, 1 backward");
	assert_has(text, "rings of 4,096 to 1,048,576 bytes");
	assert_has(text, "1.0 M records/s and 20,000 samples/s of 3 clocks, the first each 100 us (steered)");
	assert_has(text, "10,000 samples/s inside its writes:");
	assert_has(text, "perf_output_put_handle (publishes) 800/s (+0xc 4,000, +0x9 3,000, +0x6 2,000, ...)");
	assert_has(text, "perf_output_begin 9,200/s\n");
	assert_has(text, "breakpoints struck 15,000 times at 5 instructions");
	assert_has(text, "by its version (4.19.0-5-amd64) it lacks the fix, which came with 5.2.0, 5.1.13, 4.19.54");
	assert_has(text, "the kernel held a clock back 7 times");
	assert_has(text, "its events do not count what they lose");
	assert_lacks(text, "was reached: run longer");
	free(text);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("kernel_tier");
	TCase *tcase = suite_case(suite, "pure");

	tcase_add_test(tcase, symbols);
	tcase_add_test(tcase, instructions);
	tcase_add_test(tcase, versions);
	tcase_add_test(tcase, steering);
	tcase_add_test(tcase, verdicts);
	tcase_add_test(tcase, told);
	return suite;
}
