/* SPDX-License-Identifier: MIT */
/*
 * check_oracle_modes.c - forged histories of rings that are overwritten, and of readers that sleep
 */
#include "history.h"

/* ---- what was overwritten unread ---- */

START_TEST(missed_records_are_no_gap)
{
	begin();
	sample(0, 0);
	sample(1, 0);
	oracle_missed(&stream);
	sample(0, 7);
	sample(0, 8);
	sample(1, 1);
	batch();
	EXPECT_NOTHING();
	ck_assert_uint_eq(stream.missed, 6);
	ck_assert_uint_eq(stream.gaps, 0);
}
END_TEST

/* Only up to the next record of its level. */
START_TEST(a_gap_behind_what_was_missed)
{
	begin();
	oracle_missed(&stream);
	sample(0, 7);
	sample(0, 9);
	batch();
	EXPECT_NUMBERS(SEQUENCE_GAP, 0, 1);
	sample(1, 3);
	sample(1, 3);
	EXPECT_NUMBERS(SEQUENCE_REPEAT, 4, 3);
}
END_TEST

START_TEST(missed_at_the_end)
{
	begin();
	sample(0, 0);
	oracle_missed(&stream);
	/* Ten of them may have been among what was overwritten. */
	rest(11, 0, 0);
	EXPECT_NOTHING();
	begin();
	oracle_missed(&stream);
	sample(0, 4);
	/* But nothing was missed since the fifth. */
	rest(6, 0, 0);
	EXPECT_NUMBERS(SEQUENCE_GAP, 6, 5);
	begin();
	oracle_missed(&stream);
	sample(0, 4);
	rest(5, 0, 0);
	EXPECT_NOTHING();
}
END_TEST

/* ---- readers that sleep ---- */

#define WATERMARK 256u

static struct oracle_wake wake;

static void awaited(uint64_t wakeups, uint64_t at)
{
	oracle_awaited(&wake, WATERMARK, wakeups, at, &found);
}

static const uint64_t starts[] = { 0, (1ull << 32) - 96, (1ull << 63) - 96, UINT64_MAX - 95 };

START_TEST(woken_in_time)
{
	uint64_t at = starts[_i], wakeups = 0;

	begin();
	wake = (struct oracle_wake) { .head = at };
	for (unsigned i = 0; i < 100; i++) {
		awaited(wakeups, at);
		/* As much as may lie there unread. */
		awaited(wakeups, at + WATERMARK);
		at += WATERMARK + 8;
		oracle_look(&wake, ++wakeups, at);
	}
	/* More often than need be. */
	awaited(wakeups + 3, at + 8);
	EXPECT_NOTHING();
}
END_TEST

START_TEST(not_woken)
{
	uint64_t at = starts[_i];

	begin();
	wake = (struct oracle_wake) { .head = at };
	awaited(0, at + WATERMARK + 8);
	EXPECT_NUMBERS(MISSED_WAKEUP, at, at + WATERMARK + 8);
	/* Told once. */
	awaited(0, at + WATERMARK + 8);
	EXPECT_NOTHING();
}
END_TEST

/* Who was woken looked, and found nothing yet. */
START_TEST(woken_too_early)
{
	uint64_t at = starts[_i];

	begin();
	wake = (struct oracle_wake) { .head = at };
	oracle_look(&wake, 1, at);
	awaited(1, at + WATERMARK + 8);
	EXPECT_NUMBERS(MISSED_WAKEUP, at, at + WATERMARK + 8);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("oracle_modes");
	TCase *overwritten = suite_case(suite, "overwritten");
	TCase *asleep = suite_case(suite, "asleep");

	tcase_add_test(overwritten, missed_records_are_no_gap);
	tcase_add_test(overwritten, a_gap_behind_what_was_missed);
	tcase_add_test(overwritten, missed_at_the_end);
	tcase_add_loop_test(asleep, woken_in_time, 0, 4);
	tcase_add_loop_test(asleep, not_woken, 0, 4);
	tcase_add_loop_test(asleep, woken_too_early, 0, 4);
	return suite;
}
