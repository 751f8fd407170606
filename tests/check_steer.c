/* SPDX-License-Identifier: MIT */
#include "inject/steer.h"
#include "suite.h"

#define LEVELS_STEERED 3
#define MS 1000000u

/* A writer that is interrupted as often as @steer says, at @cost_ns each, for @time_ns. Return: the busy share of the
 * second half. */
static double simulate(struct steer *steer, uint64_t cost_ns, uint64_t time_ns)
{
	uint64_t now = 0, busy = 0, late = 0;

	while (now < time_ns) {
		/* One interrupt of one of the levels: the interval runs from the end of the handler. */
		uint64_t gap = steer->interval_ns / LEVELS_STEERED + cost_ns;

		steer_update(steer, gap, cost_ns, 1);
		now += gap;
		if (now > time_ns / 2) {
			busy += cost_ns;
			late += gap;
		}
	}
	return (double)busy / (double)late;
}

START_TEST(follows_the_share_asked_for)
{
	static const double progress[] = { 0.2, 0.5, 0.8 };
	static const uint64_t cost[] = { 8000, 15000, 60000 };

	for (unsigned p = 0; p < 3; p++) {
		for (unsigned c = 0; c < 3; c++) {
			struct steer steer;
			double share;

			steer_init(&steer, LEVELS_STEERED, 0, progress[p]);
			share = simulate(&steer, cost[c], 2000 * (uint64_t)MS);
			if (steer.interval_ns == steer.floor_ns)
				require(share < 1 - progress[p] + 0.05);
			else
				require(share > 1 - progress[p] - 0.1 && share < 1 - progress[p] + 0.1);
		}
	}
}
END_TEST

START_TEST(starts_low_and_is_there_within_a_slice)
{
	struct steer steer;

	steer_init(&steer, LEVELS_STEERED, 0, 0.5);
	ck_assert_uint_ge(steer.interval_ns, 1000 * 1000);
	simulate(&steer, 15000, 300 * MS);
	/* 15 us busy, 15 us free: an interrupt each 30 us, of three levels. */
	ck_assert_uint_gt(steer.interval_ns, 30000);
	ck_assert_uint_lt(steer.interval_ns, 120000);
}
END_TEST

START_TEST(backs_off_when_interrupts_become_dear)
{
	struct steer steer;
	uint64_t before;
	double share;

	steer_init(&steer, LEVELS_STEERED, 0, 0.5);
	simulate(&steer, 10000, 1000 * (uint64_t)MS);
	before = steer.interval_ns;
	share = simulate(&steer, 100000, 4000 * (uint64_t)MS);
	ck_assert_uint_gt(steer.interval_ns, 4 * before);
	require(share < 0.6);
}
END_TEST

START_TEST(never_below_the_floor)
{
	struct steer steer;

	/* Interrupts that cost nothing: nothing but the floor holds the rate. */
	steer_init(&steer, LEVELS_STEERED, 0, 0.5);
	simulate(&steer, 1, 1000 * (uint64_t)MS);
	ck_assert_uint_eq(steer.interval_ns, (uint64_t)STEER_FLOOR_NS * LEVELS_STEERED);
	steer_init(&steer, LEVELS_STEERED, 1000000, 0.5);
	ck_assert_uint_eq(steer.interval_ns, (uint64_t)STEER_FLOOR_NS * LEVELS_STEERED);
	steer_init(&steer, LEVELS_STEERED, 1000000000, 0.5);
	ck_assert_uint_eq(steer.interval_ns, (uint64_t)STEER_FLOOR_NS * LEVELS_STEERED);
}
END_TEST

START_TEST(a_rate_asked_for_is_kept)
{
	struct steer steer;

	steer_init(&steer, LEVELS_STEERED, 1000, 0.5);
	ck_assert_uint_eq(steer.interval_ns, 1000 * 1000);
	simulate(&steer, 500000, 1000 * (uint64_t)MS);
	ck_assert_uint_eq(steer.interval_ns, 1000 * 1000);
}
END_TEST

START_TEST(halving_applies_to_every_rate)
{
	struct steer steer;

	steer_init(&steer, LEVELS_STEERED, 1000, 0.5);
	steer_halve(&steer);
	ck_assert_uint_eq(steer.interval_ns, 2 * 1000 * 1000);
	steer_init(&steer, LEVELS_STEERED, 0, 0.5);
	simulate(&steer, 15000, 1000 * (uint64_t)MS);
	steer_halve(&steer);
	require(steer.following);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("steer");
	TCase *tcase = suite_case(suite, "steer");

	tcase_add_test(tcase, follows_the_share_asked_for);
	tcase_add_test(tcase, starts_low_and_is_there_within_a_slice);
	tcase_add_test(tcase, backs_off_when_interrupts_become_dear);
	tcase_add_test(tcase, never_below_the_floor);
	tcase_add_test(tcase, a_rate_asked_for_is_kept);
	tcase_add_test(tcase, halving_applies_to_every_rate);
	return suite;
}
