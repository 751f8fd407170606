/* SPDX-License-Identifier: MIT */
/*
 * check_payload.c - payloads tell whose they are, and show every damage
 */
#include <string.h>

#include "payload.h"
#include "suite.h"
#include "words.h"

#define STREAM 7

static const size_t sizes[] = { 16, 24, 32, 40, 64, 128, 200, 1024 };

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

START_TEST(round_trip)
{
	static const uint64_t sequences[] = { 0, 1, 255, 1ull << 32, UINT64_MAX };
	unsigned char payload[65520];

	for (size_t s = 0; s <= SIZES; s++)
		for (unsigned level = 0; level < LEVELS; level++)
			for (size_t q = 0; q < 5; q++) {
				size_t size = s < SIZES ? sizes[s] : sizeof(payload);
				unsigned level_seen = LEVELS;
				uint64_t sequence_seen = 42;

				memset(payload, 0xa5, sizeof(payload));
				payload_fill(payload, size, STREAM, level, sequences[q]);
				ck_assert(payload_verify(payload, size, STREAM, &level_seen, &sequence_seen));
				ck_assert_uint_eq(level_seen, level);
				ck_assert(sequence_seen == sequences[q]);
				/* Nothing behind the end was touched. */
				ck_assert(size == sizeof(payload) || payload[size] == 0xa5);
			}
}
END_TEST

START_TEST(every_bit_counts)
{
	unsigned char payload[1024];
	uint64_t sequence;
	unsigned level;

	for (size_t s = 0; s < SIZES; s++)
		for (unsigned from = 0; from < LEVELS; from++) {
			payload_fill(payload, sizes[s], STREAM, from, 1000 + from);
			for (size_t bit = 0; bit < 8 * sizes[s]; bit++) {
				payload[bit / 8] ^= (unsigned char)(1u << bit % 8);
				if (payload_verify(payload, sizes[s], STREAM, &level, &sequence))
					ck_abort_msg("%zu bytes, bit %zu", sizes[s], bit);
				payload[bit / 8] ^= (unsigned char)(1u << bit % 8);
			}
			ck_assert(payload_verify(payload, sizes[s], STREAM, &level, &sequence));
		}
}
END_TEST

/* What a torn record looks like: some words are those of an older record in the same place, or were never written. */
START_TEST(torn)
{
	unsigned char old[64], young[64], mixed[64];
	uint64_t sequence;
	unsigned level;

	payload_fill(old, sizeof(old), STREAM, 1, 1000);
	payload_fill(young, sizeof(young), STREAM, 1, 1001);
	for (unsigned mask = 1; mask < 255; mask++) {
		for (size_t word = 0; word < 8; word++)
			memcpy(mixed + 8 * word, (mask >> word & 1 ? old : young) + 8 * word, 8);
		ck_assert_msg(!payload_verify(mixed, sizeof(mixed), STREAM, &level, &sequence), "mix %#x", mask);
		for (size_t word = 0; word < 8; word++)
			if (mask >> word & 1)
				memset(mixed + 8 * word, 0, 8);
			else
				memcpy(mixed + 8 * word, young + 8 * word, 8);
		ck_assert_msg(!payload_verify(mixed, sizeof(mixed), STREAM, &level, &sequence), "zeros %#x", mask);
	}
}
END_TEST

START_TEST(foreign)
{
	unsigned char payload[64];
	uint64_t sequence;
	unsigned level;

	payload_fill(payload, sizeof(payload), STREAM, 2, 5);
	ck_assert(payload_verify(payload, sizeof(payload), STREAM, &level, &sequence));
	/* Another ring's; cut short; not of a size that is ever written. */
	ck_assert(!payload_verify(payload, sizeof(payload), STREAM + 1, &level, &sequence));
	for (size_t size = 0; size < sizeof(payload); size++)
		ck_assert_msg(!payload_verify(payload, size, STREAM, &level, &sequence), "%zu bytes", size);
	memset(payload, 0, sizeof(payload));
	ck_assert(!payload_verify(payload, sizeof(payload), STREAM, &level, &sequence));
	ck_assert(!payload_verify(payload, sizeof(payload), 0, &level, &sequence));
	memset(payload, 0xff, sizeof(payload));
	ck_assert(!payload_verify(payload, sizeof(payload), STREAM, &level, &sequence));
	/* A lane that nobody has. */
	payload_fill(payload, sizeof(payload), STREAM, LANES, 5);
	ck_assert(!payload_verify(payload, sizeof(payload), STREAM, &level, &sequence));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("payload");
	TCase *all = suite_case(suite, "payload");

	tcase_add_test(all, round_trip);
	tcase_add_test(all, every_bit_counts);
	tcase_add_test(all, torn);
	tcase_add_test(all, foreign);
	return suite;
}
