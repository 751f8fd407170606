/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "boundary.h"
#include "suite.h"

#define FIRST 0x555555554000u

static struct boundaries map, other;

static void clear(void)
{
	memset(&map, 0, sizeof(map));
	memset(&other, 0, sizeof(other));
}

static unsigned taken(const struct boundaries *of)
{
	unsigned count = 0;

	for (unsigned i = 0; i < BOUNDARIES_MAX; i++)
		count += of->at[i].pc != 0;
	return count;
}

START_TEST(one_slot_for_each_program_counter)
{
	for (unsigned round = 0; round < 3; round++)
		for (uint64_t pc = FIRST; pc < FIRST + 500; pc++) {
			struct boundary *boundary = boundaries_get(&map, pc);

			require(boundary && boundary->pc == pc);
			require(boundary->strikes[TIER_STEP] == round);
			boundary->strikes[TIER_STEP]++;
			require(boundaries_find(&map, pc) == boundary);
		}
	ck_assert_uint_eq(map.count, 500);
	ck_assert_uint_eq(taken(&map), 500);
	ck_assert_ptr_null(boundaries_find(&map, FIRST + 500));
	ck_assert_uint_eq(taken(&map), 500);
}
END_TEST

START_TEST(unknown_is_elsewhere)
{
	ck_assert_ptr_null(boundaries_get(&map, 0));
	ck_assert_ptr_null(boundaries_find(&map, 0));
	boundaries_strike(&map, 0, TIER_KICK);
	boundaries_followed(&map, 0, TIER_KICK, VIOLATION_BIT(OVERRUN), true);
	ck_assert_uint_eq(map.elsewhere[TIER_KICK], 1);
	ck_assert_uint_eq(map.count, 0);
}
END_TEST

START_TEST(full_tables_say_so)
{
	uint64_t pc = FIRST;

	while (boundaries_get(&map, pc))
		pc += 3;
	require(map.count == taken(&map));
	ck_assert_uint_ge(map.count, BOUNDARIES_MAX / 2);
	/* What is in there still is, and the rest is counted. */
	for (uint64_t known = FIRST; known < pc; known += 3)
		require(boundaries_get(&map, known)->pc == known);
	boundaries_strike(&map, pc, TIER_TIMER);
	boundaries_strike(&map, FIRST, TIER_TIMER);
	ck_assert_uint_eq(map.elsewhere[TIER_TIMER], 1);
	ck_assert_uint_eq(boundaries_find(&map, FIRST)->strikes[TIER_TIMER], 1);
}
END_TEST

START_TEST(what_followed_is_told_by_tier_and_kind)
{
	const struct boundary *boundary;

	boundaries_strike(&map, FIRST, TIER_AIM);
	boundaries_strike(&map, FIRST, TIER_AIM);
	boundaries_strike(&map, FIRST, TIER_TIMER);
	boundaries_followed(&map, FIRST, TIER_AIM, VIOLATION_BIT(HEAD_BACKWARD), true);
	boundaries_followed(&map, FIRST, TIER_AIM, VIOLATION_BIT(HEAD_BELOW_TAIL), false);
	/* Nothing struck there that anybody counted. */
	boundaries_followed(&map, FIRST + 1, TIER_AIM, VIOLATION_BIT(OVERRUN), true);
	boundary = boundaries_find(&map, FIRST);
	ck_assert_uint_eq(boundary->strikes[TIER_AIM], 2);
	ck_assert_uint_eq(boundary->strikes[TIER_TIMER], 1);
	ck_assert_uint_eq(boundary->followed[TIER_AIM], 1);
	ck_assert_uint_eq(boundary->followed[TIER_TIMER], 0);
	ck_assert_uint_eq(boundary->violations, VIOLATION_BIT(HEAD_BACKWARD) | VIOLATION_BIT(HEAD_BELOW_TAIL));
	ck_assert_uint_eq(map.count, 1);
}
END_TEST

START_TEST(sums_of_two)
{
	boundaries_strike(&map, FIRST, TIER_STEP);
	boundaries_strike(&other, FIRST, TIER_STEP);
	boundaries_strike(&other, FIRST + 4, TIER_TIMER);
	boundaries_followed(&other, FIRST + 4, TIER_TIMER, VIOLATION_BIT(TORN_RECORD), true);
	boundaries_get(&other, FIRST + 4)->exposed = true;
	boundaries_get(&other, FIRST)->masked = true;
	boundaries_get(&map, FIRST)->decreasing = true;
	boundaries_strike(&other, 0, TIER_KICK);
	boundaries_merge(&map, &other);
	boundaries_merge(&map, &other);
	ck_assert_uint_eq(map.count, 2);
	ck_assert_uint_eq(map.elsewhere[TIER_KICK], 2);
	ck_assert_uint_eq(boundaries_find(&map, FIRST)->strikes[TIER_STEP], 3);
	ck_assert(boundaries_find(&map, FIRST)->decreasing && boundaries_find(&map, FIRST)->masked);
	ck_assert(!boundaries_find(&map, FIRST)->exposed && boundaries_find(&map, FIRST + 4)->exposed);
	ck_assert_uint_eq(boundaries_find(&map, FIRST + 4)->followed[TIER_TIMER], 2);
	ck_assert_uint_eq(boundaries_find(&map, FIRST + 4)->violations, VIOLATION_BIT(TORN_RECORD));
}
END_TEST

START_TEST(a_sum_without_room_loses_no_strike)
{
	uint64_t strikes = 0;

	for (uint64_t pc = FIRST; boundaries_get(&map, pc); pc++)
		;
	for (uint64_t pc = 0x7f0000000000; pc < 0x7f0000000010; pc++)
		boundaries_strike(&other, pc, TIER_STEP);
	boundaries_merge(&map, &other);
	for (unsigned i = 0; i < BOUNDARIES_MAX; i++)
		strikes += map.at[i].strikes[TIER_STEP];
	ck_assert_uint_eq(strikes + map.elsewhere[TIER_STEP], 16);
}
END_TEST

/* ---- threads, and a handler that nests into them ---- */

#define PCS 1000u
#define ROUNDS 100u

static unsigned nested_at;

static void on_signal(int signal)
{
	(void)signal;
	boundaries_strike(&map, FIRST + nested_at++ % PCS, TIER_KICK);
}

static void *strike_all(void *argument)
{
	(void)argument;
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < PCS; i++)
			boundaries_strike(&map, FIRST + i, TIER_TIMER);
	return NULL;
}

START_TEST(nested_and_beside_each_other)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	const struct itimerspec when = { .it_value = { .tv_nsec = 20000 }, .it_interval = { .tv_nsec = 20000 } };
	pthread_t thread;
	sigset_t set;
	timer_t timer;

	nested_at = 0;
	sigaction(SIGRTMIN, &action, NULL);
	ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	/* The other thread has it blocked, so that all of them nest into this one. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	ck_assert_int_eq(pthread_create(&thread, NULL, strike_all, NULL), 0);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	timer_settime(timer, 0, &when, NULL);
	strike_all(NULL);
	timer_delete(timer);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(map.count, PCS);
	ck_assert_uint_eq(taken(&map), PCS);
	for (unsigned i = 0; i < PCS; i++)
		require(boundaries_find(&map, FIRST + i)->strikes[TIER_TIMER] == 2 * ROUNDS);
	suite_note("%u strikes nested\n", nested_at);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("boundary");
	TCase *tcase = suite_case(suite, "table");

	tcase_add_checked_fixture(tcase, clear, NULL);
	tcase_add_test(tcase, one_slot_for_each_program_counter);
	tcase_add_test(tcase, unknown_is_elsewhere);
	tcase_add_test(tcase, full_tables_say_so);
	tcase_add_test(tcase, what_followed_is_told_by_tier_and_kind);
	tcase_add_test(tcase, sums_of_two);
	tcase_add_test(tcase, a_sum_without_room_loses_no_strike);
	tcase_add_test(tcase, nested_and_beside_each_other);
	return suite;
}
