/* SPDX-License-Identifier: MIT */
/*
 * history.h - histories that are told to the oracle, and what it is expected to find in them
 */
#ifndef TESTS_HISTORY_H
#define TESTS_HISTORY_H

#include <string.h>

#include "oracle.h"
#include "payload.h"
#include "suite.h"

/* Not every suite tells of everything. */
#define HISTORY static inline

#define STREAM 5
#define SIZE 65536u /* of the ring */

enum { LOST = 2, SAMPLE = 9 };

/* ---- a history being told ---- */

static struct oracle_watch watch;
static struct oracle_stream stream;
static struct findings found;
static uint64_t position;

HISTORY void begin(void)
{
	memset(&watch, 0, sizeof(watch));
	memset(&found, 0, sizeof(found));
	oracle_stream_init(&stream, STREAM, SIZE);
	position = 0;
}

/* Since the last expect() exactly these were found, in this order; a list that -1 ends. */
HISTORY void expect_list(int line, const int *kinds)
{
	unsigned count = 0;

	while (kinds[count] >= 0)
		count++;
	for (unsigned i = 0; i < found.count; i++)
		if (i >= count || (int)found.at[i].kind != kinds[i])
			ck_abort_msg("line %d: %s was not expected", line, violation_name(found.at[i].kind));
	if (found.count < count)
		ck_abort_msg("line %d: no %s", line, violation_name((enum violation)kinds[found.count]));
	found.count = 0;
}

#define EXPECT(...) expect_list(__LINE__, (const int[]) { __VA_ARGS__, -1 })
#define EXPECT_NOTHING() expect_list(__LINE__, (const int[]) { -1 })

/* The one finding, with its two numbers. */
#define EXPECT_NUMBERS(kind_, before_, after_)                                                                         \
	do {                                                                                                           \
		ck_assert_uint_eq(found.count, 1);                                                                     \
		ck_assert_str_eq(violation_name(found.at[0].kind), violation_name(kind_));                             \
		ck_assert(found.at[0].before == (uint64_t)(before_) && found.at[0].after == (uint64_t)(after_));       \
		found.count = 0;                                                                                       \
	} while (0)

HISTORY void head(uint64_t tail, uint64_t at)
{
	oracle_head(&watch, tail, at, &found);
}

HISTORY void raw(uint32_t type, const void *payload, uint32_t size)
{
	const struct observed_record record = { .type = type, .size = size, .position = position, .payload = payload };

	oracle_record(&stream, &record, &found);
	position += 8 + size;
}

HISTORY void sample(unsigned level, uint64_t sequence)
{
	unsigned char payload[32];

	payload_fill(payload, sizeof(payload), STREAM, level, sequence);
	raw(SAMPLE, payload, sizeof(payload));
}

HISTORY void torn(unsigned level, uint64_t sequence)
{
	unsigned char payload[32];

	payload_fill(payload, sizeof(payload), STREAM, level, sequence);
	payload[31] ^= 1;
	raw(SAMPLE, payload, sizeof(payload));
}

HISTORY void lost(uint64_t count)
{
	const uint64_t body[2] = { 77, count };

	raw(LOST, body, sizeof(body));
}

HISTORY void batch(void)
{
	oracle_batch(&stream, &found);
}

/* At rest, with everything published; attempts and failures as of level 0. */
HISTORY void rest(uint64_t attempts, uint64_t failed, uint64_t residual)
{
	const struct observed_rest at_rest = { .published_head = position,
					       .reserved_head = position,
					       .attempts = { attempts },
					       .failed = { failed },
					       .residual_lost = residual };

	oracle_rest(&stream, &at_rest, &found);
}

#endif /* TESTS_HISTORY_H */
