/* SPDX-License-Identifier: MIT */
/*
 * check_statistics.c - the benchmark's medians, intervals and percentiles, of figures that are made up
 */
#include <math.h>
#include <string.h>

#include "histogram.h"
#include "statistics.h"
#include "suite.h"

#define PROCESSES 10u

/* ---- statistics ---- */

START_TEST(medians)
{
	double odd[] = { 3, 1, 2 }, even[] = { 4, 1, 3, 2 };

	ck_assert(median(odd, 3) == 2);
	ck_assert(median(even, 4) == 2.5);
	ck_assert(isnan(median(odd, 0)));
}
END_TEST

START_TEST(constant)
{
	const double values[] = { 2, 2, 2, 2, 2 };
	struct estimate estimate = estimate_make(values, 5, CONFIDENCE);

	ck_assert(estimate.value == 2 && estimate.low == 2 && estimate.high == 2);
	ck_assert_uint_eq(estimate.count, 5);
}
END_TEST

/* Too few processes, or none that have a value. */
START_TEST(few)
{
	const double values[] = { 1, NAN, 2, 3, NAN };
	struct estimate estimate = estimate_make(values, 5, CONFIDENCE);

	ck_assert(estimate.value == 2);
	ck_assert_uint_eq(estimate.count, 3);
	ck_assert(isnan(estimate.low) && isnan(estimate.high));
	estimate = estimate_make(values + 4, 1, CONFIDENCE);
	ck_assert(isnan(estimate.value));
	ck_assert_uint_eq(estimate.count, 0);
}
END_TEST

/* Sums of uniform numbers about @center, about @spread wide: as much like what is measured as is needed here. */
static void draw(double *values, unsigned count, double center, double spread, uint64_t *state)
{
	for (unsigned i = 0; i < count; i++) {
		double sum = 0;

		for (unsigned j = 0; j < 4; j++)
			sum += (double)(suite_random(state) >> 11) / 0x1p53 - 0.5;
		values[i] = center * (1 + spread * sum);
	}
}

/* In 95 of 100 cases, about: an interval over ten is a little too narrow. */
START_TEST(holds_the_truth)
{
	uint64_t state = 0x1234;
	unsigned held = 0;
	double values[PROCESSES];

	for (unsigned i = 0; i < 200; i++) {
		struct estimate estimate;

		draw(values, PROCESSES, 1.5, 0.05, &state);
		estimate = estimate_make(values, PROCESSES, CONFIDENCE);
		require(estimate.low <= estimate.value && estimate.value <= estimate.high);
		held += estimate.low <= 1.5 && 1.5 <= estimate.high;
	}
	ck_assert_uint_ge(held, 176);
	ck_assert_uint_lt(held, 200);
}
END_TEST

START_TEST(same_again)
{
	uint64_t state = 1;
	double values[PROCESSES];
	struct estimate a, b;

	draw(values, PROCESSES, 1, 0.1, &state);
	a = estimate_make(values, PROCESSES, CONFIDENCE);
	b = estimate_make(values, PROCESSES, CONFIDENCE);
	ck_assert(a.value == b.value && a.low == b.low && a.high == b.high && a.low < a.high);
}
END_TEST

/* Ten percent are found where processes are 2 % apart; nothing is found where there is nothing. */
START_TEST(planted)
{
	uint64_t state = 7;
	unsigned found = 0, found_nothing = 0;
	double then[PROCESSES], now[PROCESSES];

	for (unsigned i = 0; i < 50; i++) {
		struct estimate change;

		draw(then, PROCESSES, 3, 0.02, &state);
		draw(now, PROCESSES, 3.3, 0.02, &state);
		change = estimate_quotient(now, PROCESSES, then, PROCESSES, 1 - 0.05 / 100);
		found += estimate_differs(&change, 0.02);
		draw(now, PROCESSES, 3, 0.02, &state);
		change = estimate_quotient(now, PROCESSES, then, PROCESSES, 1 - 0.05 / 100);
		found_nothing += !estimate_differs(&change, 0.02);
	}
	ck_assert_uint_eq(found, 50);
	ck_assert_uint_eq(found_nothing, 50);
}
END_TEST

/* Beyond its interval, but less than is called a change. */
START_TEST(tolerated)
{
	struct estimate change = { .value = 1.025, .low = 1.008, .high = 1.042, .count = 10 };

	ck_assert(!estimate_differs(&change, 0.02));
	ck_assert(estimate_differs(&change, 0.01));
	change = (struct estimate) { .value = 0.9, .low = 0.85, .high = 1.01, .count = 10 };
	ck_assert(!estimate_differs(&change, 0.02));
	change.high = 0.995;
	ck_assert(!estimate_differs(&change, 0.02));
	change.high = 0.97;
	ck_assert(estimate_differs(&change, 0.02));
	change.low = change.high = NAN;
	ck_assert(!estimate_differs(&change, 0.02));
}
END_TEST

/* ---- histogram ---- */

START_TEST(exact_below_32)
{
	static struct histogram histogram;

	for (uint64_t ns = 0; ns < 32; ns++)
		histogram_add(&histogram, ns);
	ck_assert_uint_eq(histogram_percentile(&histogram, 0.5), 15);
	ck_assert_uint_eq(histogram_percentile(&histogram, 1), 31);
	ck_assert_uint_eq(histogram.count, 32);
}
END_TEST

/* Each power of two, what is next to it, and what lies between: within 3 %, never below. */
START_TEST(within_3_percent)
{
	for (unsigned shift = 5; shift < 40; shift++) {
		for (unsigned part = 0; part < 3; part++) {
			static struct histogram histogram;
			uint64_t ns = (1ull << shift) + ((1ull << shift) / 3) * part - (part == 0), told;

			memset(&histogram, 0, sizeof(histogram));
			histogram_add(&histogram, ns);
			histogram_add(&histogram, ns * 2);
			told = histogram_percentile(&histogram, 0.5);
			require(told >= ns && (double)told <= (double)ns * 1.033);
		}
	}
}
END_TEST

START_TEST(percentiles)
{
	static struct histogram histogram, other;

	for (unsigned i = 0; i < 990; i++)
		histogram_add(&histogram, 20);
	for (unsigned i = 0; i < 10; i++)
		histogram_add(&other, 1000000);
	histogram_add(&other, UINT64_MAX);
	histogram_merge(&histogram, &other);
	ck_assert_uint_eq(histogram.count, 1001);
	ck_assert_uint_eq(histogram_percentile(&histogram, 0.98), 20);
	ck_assert(histogram_percentile(&histogram, 0.995) >= 1000000);
	ck_assert(histogram_percentile(&histogram, 0.995) <= 1033000);
	ck_assert_uint_eq(histogram.max, UINT64_MAX);
	memset(&histogram, 0, sizeof(histogram));
	ck_assert_uint_eq(histogram_percentile(&histogram, 0.5), 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("statistics");
	TCase *statistics = suite_case(suite, "statistics"), *histogram = suite_case(suite, "histogram");

	tcase_add_test(statistics, medians);
	tcase_add_test(statistics, constant);
	tcase_add_test(statistics, few);
	tcase_add_test(statistics, holds_the_truth);
	tcase_add_test(statistics, same_again);
	tcase_add_test(statistics, planted);
	tcase_add_test(statistics, tolerated);
	tcase_add_test(histogram, exact_below_32);
	tcase_add_test(histogram, within_3_percent);
	tcase_add_test(histogram, percentiles);
	return suite;
}
