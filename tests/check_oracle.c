/* SPDX-License-Identifier: MIT */
/*
 * check_oracle.c - forged histories, good and bad, for every name in words.h
 */
#include <stdbool.h>

#include "history.h"

/* ---- data_head ---- */

/* Positions at which histories begin, so that they cross 0, 2^32, 2^63 and 2^64. */
static const uint64_t bases[] = { 0, (1ull << 32) - 96, (1ull << 63) - 96, UINT64_MAX - 95 };

#define BASES 4

START_TEST(heads_that_advance)
{
	uint64_t base = bases[_i];

	begin();
	head(base, base);
	head(base, base);
	for (uint64_t i = 0; i < 400; i += 8) {
		head(base + i / 2, base + i);
		head(base + i, base + i);
	}
	/* By nearly half of all positions. */
	head(base, base + INT64_MAX - 7);
	EXPECT_NOTHING();
}
END_TEST

START_TEST(head_backward)
{
	uint64_t base = bases[_i];

	begin();
	head(base, base + 192);
	head(base, base + 64);
	EXPECT_NUMBERS(HEAD_BACKWARD, base + 192, base + 64);
	/* Once: what comes after is judged by what was seen last. */
	head(base, base + 64);
	head(base, base + 128);
	head(base, base + 200);
	EXPECT_NOTHING();
	/* Every one of several; the smallest there can be. */
	head(base, base + 199);
	head(base, base + 200);
	head(base, base + 192);
	EXPECT(HEAD_BACKWARD, HEAD_BACKWARD);
	/* The first load has nothing before it. */
	begin();
	head(base, base);
	EXPECT_NOTHING();
	head(base - 8, base - 8);
	EXPECT(HEAD_BACKWARD);
}
END_TEST

START_TEST(head_below_tail)
{
	uint64_t base = bases[_i];

	begin();
	head(base + 128, base + 120);
	EXPECT_NUMBERS(HEAD_BELOW_TAIL, base + 128, base + 120);
	/* An episode counts once, however often it is looked at, */
	head(base + 128, base + 120);
	head(base + 128, base + 122);
	head(base + 136, base + 127);
	EXPECT_NOTHING();
	/* and the next one again. */
	head(base + 136, base + 136);
	EXPECT_NOTHING();
	head(base + 144, base + 136);
	EXPECT(HEAD_BELOW_TAIL);
	/* As legacy shows it: back below what was consumed. */
	begin();
	head(base, base + 128);
	head(base + 128, base + 128);
	head(base + 128, base + 64);
	EXPECT(HEAD_BACKWARD, HEAD_BELOW_TAIL);
	head(base + 128, base + 128);
	EXPECT_NOTHING();
}
END_TEST

START_TEST(overrun)
{
	uint64_t base = bases[_i];

	begin();
	oracle_fill(&stream, base, base, &found);
	oracle_fill(&stream, base + SIZE - 8, base, &found);
	oracle_fill(&stream, base + SIZE, base, &found);
	EXPECT_NOTHING();
	oracle_fill(&stream, base + SIZE + 8, base, &found);
	EXPECT_NUMBERS(OVERRUN, base, base + SIZE + 8);
	oracle_fill(&stream, base + INT64_MAX, base, &found);
	EXPECT(OVERRUN);
	/* A head behind the tail has its own name. */
	oracle_fill(&stream, base - 8, base, &found);
	EXPECT_NOTHING();
}
END_TEST

/* ---- records ---- */

START_TEST(good_stream)
{
	begin();
	for (uint64_t i = 0; i < 100; i++) {
		sample(0, i);
		if (i % 2)
			sample(1, i / 2);
		if (i % 4 == 3)
			sample(3, i / 4);
		batch();
	}
	rest(175, 0, 0);
	EXPECT_NOTHING();
	ck_assert(stream.records == 175 && stream.received[0] == 100 && stream.received[1] == 50);
	ck_assert(stream.received[2] == 0 && stream.received[3] == 25);
	ck_assert(stream.next[0] == 100 && stream.gaps == 0 && stream.lost_records == 0 && !stream.resynced);
}
END_TEST

START_TEST(torn_record)
{
	static const unsigned char zeros[64];
	unsigned char payload[32];

	begin();
	sample(0, 0);
	torn(0, 1);
	EXPECT_NUMBERS(TORN_RECORD, 40, SAMPLE);
	/* It is the one that is missing: no gap on top of it, now or at the end. */
	sample(0, 2);
	batch();
	rest(3, 0, 0);
	EXPECT_NOTHING();
	ck_assert(stream.torn == 1 && stream.records == 2);
	/* Of another ring; never filled; cut short; too short for anything. */
	payload_fill(payload, sizeof(payload), STREAM + 1, 0, 3);
	raw(SAMPLE, payload, sizeof(payload));
	raw(SAMPLE, zeros, sizeof(zeros));
	payload_fill(payload, sizeof(payload), STREAM, 0, 3);
	raw(SAMPLE, payload, 24);
	raw(SAMPLE, payload, 8);
	raw(SAMPLE, payload, 0);
	EXPECT(TORN_RECORD, TORN_RECORD, TORN_RECORD, TORN_RECORD);
	ck_assert_uint_eq(stream.torn, 6);
}
END_TEST

START_TEST(bad_record)
{
	unsigned char payload[32];

	begin();
	payload_fill(payload, sizeof(payload), STREAM, 0, 0);
	raw(0, payload, sizeof(payload));
	EXPECT_NUMBERS(BAD_RECORD, 0, 0);
	raw(UINT32_MAX, payload, sizeof(payload));
	EXPECT_NUMBERS(BAD_RECORD, 40, UINT32_MAX);
	/* A LOST record of another size. */
	raw(LOST, payload, 8);
	raw(LOST, payload, 24);
	EXPECT(BAD_RECORD, BAD_RECORD);
	ck_assert(stream.lost == 0 && stream.lost_records == 0 && stream.records == 0);
	/* What the ring's own reader could not go through. */
	oracle_bad_record(&stream, 4096, 0x123456789, &found);
	EXPECT_NUMBERS(BAD_RECORD, 4096, 0x123456789);
	ck_assert(stream.resynced);
}
END_TEST

START_TEST(sequence_gap)
{
	begin();
	sample(0, 0);
	sample(0, 2);
	EXPECT_NOTHING();
	batch();
	EXPECT_NUMBERS(SEQUENCE_GAP, 0, 1);
	/* Told once; at rest as well. */
	sample(0, 3);
	batch();
	rest(4, 0, 0);
	EXPECT_NOTHING();
	/* A second one is told for itself. */
	sample(0, 7);
	batch();
	EXPECT_NUMBERS(SEQUENCE_GAP, 1, 4);
	/* The very first record of a level, missing. */
	begin();
	sample(2, 1);
	batch();
	EXPECT(SEQUENCE_GAP);
	/* Two levels at once are two numbers, but one finding. */
	begin();
	sample(1, 1);
	sample(2, 2);
	batch();
	EXPECT_NUMBERS(SEQUENCE_GAP, 0, 3);
	/* More missing than LOST accounts for. */
	begin();
	lost(2);
	sample(0, 3);
	batch();
	EXPECT_NUMBERS(SEQUENCE_GAP, 2, 3);
}
END_TEST

/* What never comes, with nothing of its level after it, shows only at rest. */
START_TEST(sequence_gap_at_the_end)
{
	begin();
	sample(0, 0);
	batch();
	rest(2, 0, 0);
	EXPECT_NUMBERS(SEQUENCE_GAP, 2, 1);
	/* A loss that was told must not hide a record that vanished. */
	begin();
	sample(0, 0);
	lost(1);
	sample(0, 2);
	batch();
	rest(4, 1, 0);
	EXPECT_NUMBERS(SEQUENCE_GAP, 3, 2);
	begin();
	rest(1, 0, 0);
	EXPECT(SEQUENCE_GAP);
}
END_TEST

START_TEST(sequence_repeat)
{
	begin();
	sample(1, 0);
	sample(1, 0);
	EXPECT_NUMBERS(SEQUENCE_REPEAT, 1, 0);
	sample(1, 1);
	EXPECT_NOTHING();
	/* Late is as bad, and each one counts. */
	sample(1, 4);
	sample(1, 2);
	sample(1, 3);
	EXPECT(SEQUENCE_REPEAT, SEQUENCE_REPEAT);
	/* Other levels have their own numbers. */
	begin();
	sample(0, 0);
	sample(1, 0);
	sample(2, 0);
	sample(3, 0);
	EXPECT_NOTHING();
}
END_TEST

START_TEST(sequences_wrap)
{
	begin();
	stream.next[0] = UINT64_MAX - 1;
	sample(0, UINT64_MAX - 1);
	sample(0, UINT64_MAX);
	sample(0, 0);
	sample(0, 1);
	batch();
	EXPECT_NOTHING();
	sample(0, UINT64_MAX);
	EXPECT_NUMBERS(SEQUENCE_REPEAT, 2, UINT64_MAX);
}
END_TEST

/* ---- losses ---- */

START_TEST(losses_that_are_legal)
{
	/* Told before the next record. */
	begin();
	sample(0, 0);
	lost(3);
	sample(0, 4);
	batch();
	rest(5, 3, 0);
	EXPECT_NOTHING();
	ck_assert(stream.lost == 3 && stream.lost_records == 1 && stream.gaps == 3);

	/* LOST with 0: a nested writer took the count first, and stands behind. In one batch, so out of order. */
	begin();
	sample(0, 0);
	lost(0);
	sample(0, 3);
	lost(2);
	sample(1, 0);
	batch();
	rest(5, 2, 0);
	EXPECT_NOTHING();

	/* After the last write that succeeded, nothing in the ring tells: only the ring's own counter. */
	begin();
	sample(0, 0);
	batch();
	rest(4, 3, 3);
	EXPECT_NOTHING();

	/* Told before the gap shows, batches apart: whoever was refused has not written since. */
	begin();
	sample(1, 0);
	lost(2);
	sample(0, 0);
	batch();
	sample(0, 1);
	batch();
	EXPECT_NOTHING();
	sample(1, 3);
	batch();
	rest(6, 2, 0);
	EXPECT_NOTHING();

	/* Nothing but losses. */
	begin();
	rest(7, 7, 7);
	EXPECT_NOTHING();
}
END_TEST

START_TEST(lost_mismatch)
{
	/* Too little told, and too much. */
	begin();
	lost(2);
	sample(0, 3);
	batch();
	found.count = 0;
	rest(4, 3, 0);
	EXPECT_NUMBERS(LOST_MISMATCH, 3, 2);
	begin();
	lost(4);
	sample(0, 3);
	batch();
	rest(4, 3, 0);
	EXPECT_NUMBERS(LOST_MISMATCH, 3, 4);
	/* The residual counts. */
	begin();
	sample(0, 0);
	batch();
	rest(3, 2, 1);
	EXPECT_NUMBERS(LOST_MISMATCH, 2, 1);
	begin();
	sample(0, 0);
	batch();
	rest(1, 0, 1);
	EXPECT_NUMBERS(LOST_MISMATCH, 0, 1);
	/* Records missing as well: two findings. */
	begin();
	sample(0, 0);
	batch();
	rest(5, 1, 0);
	EXPECT(LOST_MISMATCH, SEQUENCE_GAP);
}
END_TEST

/* Attempts and failures are summed over levels. */
START_TEST(all_levels_count)
{
	struct observed_rest at_rest = { .attempts = { 1, 2, 3, 4 }, .failed = { 1, 1, 1, 1 } };

	begin();
	lost(3);
	sample(1, 1);
	sample(2, 0);
	sample(2, 2);
	for (unsigned i = 1; i < 4; i++)
		sample(3, i);
	batch();
	at_rest.residual_lost = 1;
	oracle_rest(&stream, &at_rest, &found);
	EXPECT_NOTHING();
	for (unsigned level = 0; level < LANES; level++) {
		at_rest.failed[level]++;
		at_rest.attempts[level]++;
		oracle_rest(&stream, &at_rest, &found);
		EXPECT_NUMBERS(LOST_MISMATCH, 5, 4);
		at_rest.failed[level]--;
		oracle_rest(&stream, &at_rest, &found);
		EXPECT_NUMBERS(SEQUENCE_GAP, 7, 6);
		at_rest.attempts[level]--;
	}
}
END_TEST

START_TEST(stuck_head)
{
	struct observed_rest at_rest = {
		.published_head = 4096, .reserved_head = 4136, .attempts = { 9 }, .failed = { 5 }, .residual_lost = 1
	};

	begin();
	oracle_rest(&stream, &at_rest, &found);
	/* Alone: what it hides is missing everywhere else, too. */
	EXPECT_NUMBERS(STUCK_HEAD, 4136, 4096);
	/* Ahead is as wrong as behind, and it is told even when nothing else can be. */
	at_rest.published_head = 4144;
	stream.resynced = true;
	oracle_rest(&stream, &at_rest, &found);
	EXPECT_NUMBERS(STUCK_HEAD, 4136, 4144);
}
END_TEST

/* After a part was skipped nobody knows what was in it: headers and payloads are judged on, numbers not. */
START_TEST(resynced)
{
	begin();
	sample(0, 0);
	sample(0, 1);
	oracle_bad_record(&stream, position, 0, &found);
	EXPECT(BAD_RECORD);
	sample(0, 50);
	batch();
	sample(0, 3);
	sample(1, 7);
	batch();
	rest(1000, 100, 0);
	EXPECT_NOTHING();
	torn(0, 51);
	EXPECT(TORN_RECORD);
	oracle_bad_record(&stream, position, 0, &found);
	EXPECT(BAD_RECORD);
}
END_TEST

START_TEST(names)
{
	static const char *const words[] = { "head_backward", "head_below_tail", "torn_record", "bad_record",
					     "sequence_gap",  "sequence_repeat", "overrun",     "lost_mismatch",
					     "stuck_head",    "missed_wakeup",   "crash",       "hang" };

	ck_assert_uint_eq(VIOLATIONS, sizeof(words) / sizeof(words[0]));
	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		ck_assert_str_eq(violation_name(kind), words[kind]);
	ck_assert_str_eq(tier_name(TIER_STEP), "step");
	ck_assert_str_eq(tier_name(TIER_AIM), "aim");
	ck_assert_str_eq(tier_name(TIER_TIMER), "timer");
	ck_assert_str_eq(tier_name(TIER_KICK), "kick");
	ck_assert_str_eq(claim_name(CLAIM_SOUND), "sound");
	ck_assert_str_eq(claim_name(CLAIM_CONTROL), "control");
	ck_assert_str_eq(strike_class_name(STRIKE_PLAIN), "plain");
	ck_assert_str_eq(strike_class_name(STRIKE_SLOW), "slow");
	ck_assert_str_eq(strike_class_name(STRIKE_IN_SLOW), "in_slow");
	ck_assert_str_eq(verdict_name(VERDICT_PASS), "PASS");
	ck_assert_str_eq(verdict_name(VERDICT_FAIL), "FAIL");
	ck_assert_str_eq(verdict_name(VERDICT_ERROR), "ERROR");
	ck_assert_str_eq(verdict_name(VERDICT_INCONCLUSIVE), "INCONCLUSIVE");
	ck_assert_str_eq(verdict_name(VERDICT_SKIP), "SKIP");
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("oracle");
	TCase *heads = suite_case(suite, "heads");
	TCase *records = suite_case(suite, "records");
	TCase *end = suite_case(suite, "rest");

	tcase_add_loop_test(heads, heads_that_advance, 0, BASES);
	tcase_add_loop_test(heads, head_backward, 0, BASES);
	tcase_add_loop_test(heads, head_below_tail, 0, BASES);
	tcase_add_loop_test(heads, overrun, 0, BASES);
	tcase_add_test(records, good_stream);
	tcase_add_test(records, torn_record);
	tcase_add_test(records, bad_record);
	tcase_add_test(records, sequence_gap);
	tcase_add_test(records, sequence_repeat);
	tcase_add_test(records, sequences_wrap);
	tcase_add_test(end, sequence_gap_at_the_end);
	tcase_add_test(end, losses_that_are_legal);
	tcase_add_test(end, lost_mismatch);
	tcase_add_test(end, all_levels_count);
	tcase_add_test(end, stuck_head);
	tcase_add_test(end, resynced);
	tcase_add_test(end, names);
	return suite;
}
