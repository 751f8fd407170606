/* SPDX-License-Identifier: MIT */
/*
 * check_contestants - what the benchmark measures does what it is measured for: records go in and come out, whole, in
 *                     order, once; a full ring says so; nested writes nest
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "clock.h"
#include "contestant.h"
#include "order.h"
#include "suite.h"

#define DATA_SIZE 4096u
#define PAYLOAD_MAX 248u
#define RECORDS 4000u
#define RECORDS_ACROSS 10000u
#define DEEPEST 3u
/* Nothing here waits for as long, unless it waits for ever. */
#define PATIENCE_NS (60 * NS_PER_S)

static const struct contestant *at(int number)
{
	return contestant_table[number];
}

static int count(void)
{
	int contestants = 0;

	while (contestant_table[contestants])
		contestants++;
	return contestants;
}

/* Whether it can be tried here: quick, without processes of its own. */
static bool is_here(const struct contestant *contestant)
{
	return !strstr(contestant->name, "lttng") && (!contestant->absent || !contestant->absent());
}

static bool is_consumed(const struct contestant *contestant)
{
	return is_here(contestant) && contestant->take;
}

/* In a mode that it has. */
static struct bench_attr attr_for(const struct contestant *contestant)
{
	const struct bench_attr attr = {
		.data_size = DATA_SIZE,
		.payload_max = PAYLOAD_MAX,
		.overwrite = contestant->traits & CONTESTANT_KEEPS_NOT,
		.stamped = contestant->traits & CONTESTANT_STAMPED,
	};

	return attr;
}

static void attach(const struct contestant *contestant, struct bench_ring *ring)
{
	if (contestant->attach)
		require(!contestant->attach(ring));
}

static void detach(const struct contestant *contestant, struct bench_ring *ring)
{
	if (contestant->detach)
		contestant->detach(ring);
}

static struct bench_ring *open_one(const struct contestant *contestant)
{
	const struct bench_attr attr = attr_for(contestant);
	struct bench_ring *ring = contestant->open(&attr);

	ck_assert_msg(ring, "%s: %s", contestant->name, strerror(errno));
	attach(contestant, ring);
	return ring;
}

static void close_one(const struct contestant *contestant, struct bench_ring *ring)
{
	detach(contestant, ring);
	contestant->close(ring);
}

/* ---- records that tell which they are ---- */

static size_t size_of(uint64_t number)
{
	return (size_t)(number * 7919 % (PAYLOAD_MAX + 1));
}

static size_t compose(unsigned char *payload, uint64_t number)
{
	size_t size = size_of(number);

	for (size_t i = 0; i < size; i++)
		payload[i] = (unsigned char)(number * 31 + i * 7 + (number >> 8) + 1);
	return size;
}

static int write_one(const struct contestant *contestant, struct bench_ring *ring, uint64_t number)
{
	unsigned char payload[PAYLOAD_MAX];

	return contestant->write(ring, payload, compose(payload, number));
}

/* Rings round sizes up to 8, and fill with zeros. */
static void verify(const struct contestant *contestant, uint64_t number, const unsigned char *payload, size_t size)
{
	static const unsigned char zeros[8];
	unsigned char expected[PAYLOAD_MAX];
	size_t given = compose(expected, number);

	if (size != given && size != ((given + 7) & ~(size_t)7))
		ck_abort_msg("%s: record %llu has %zu bytes, not %zu", contestant->name, (unsigned long long)number,
			     size, given);
	if (memcmp(payload, expected, given) != 0 || memcmp(payload + given, zeros, size - given) != 0)
		ck_abort_msg("%s: record %llu is not as it was written", contestant->name, (unsigned long long)number);
}

/* Read up to @most records, which begin with *@number. */
static unsigned read_some(const struct contestant *contestant, struct bench_ring *ring, uint64_t *number, unsigned most)
{
	const void *payload;
	unsigned records;
	size_t size;

	for (records = 0; records < most && contestant->next(ring, &payload, &size) == 1; records++)
		verify(contestant, (*number)++, payload, size);
	if (records)
		contestant->release(ring);
	return records;
}

/* ---- */

START_TEST(table_is_sound)
{
	const struct contestant *c = at(_i);

	ck_assert_ptr_eq(contestant_find(c->name), c);
	ck_assert_ptr_nonnull(c->summary);
	if (c->absent && c->absent()) {
		/* It says what to do. */
		ck_assert_ptr_nonnull(strstr(c->absent(), "install"));
		return;
	}
	ck_assert(c->open && c->close && c->write);
	ck_assert_int_eq(!c->take, !c->next);
	ck_assert_int_eq(!c->next, !c->release);
	ck_assert_int_eq(!c->take, !!(c->traits & CONTESTANT_KEEPS_NOT));
	if (c->traits & CONTESTANT_KEEPS_NOT)
		ck_assert(c->traits & CONTESTANT_OVERWRITES);
	if (c->traits & CONTESTANT_STAMPED)
		ck_assert(c->traits & CONTESTANT_STAMPS);
	if (c->traits & CONTESTANT_PATH)
		ck_assert(c->write_around && c->traits & CONTESTANT_NESTS);
}
END_TEST

START_TEST(nobody_else_is_found)
{
	ck_assert_ptr_null(contestant_find("no-such"));
}
END_TEST

/* It can be opened in the modes that it claims, and in no other. */
START_TEST(modes_are_those_claimed)
{
	const struct contestant *c = at(_i);

	if (!is_here(c))
		return;
	for (int mode = 0; mode < 4; mode++) {
		const struct bench_attr attr = {
			.data_size = DATA_SIZE, .payload_max = PAYLOAD_MAX, .overwrite = mode & 1, .stamped = mode & 2
		};
		bool refused = (attr.overwrite && !(c->traits & CONTESTANT_OVERWRITES)) ||
			       (!attr.overwrite && c->traits & CONTESTANT_KEEPS_NOT) ||
			       (attr.stamped && !(c->traits & CONTESTANT_STAMPS)) ||
			       (!attr.stamped && c->traits & CONTESTANT_STAMPED);
		struct bench_ring *ring = c->open(&attr);

		ck_assert_msg(refused == !ring, "%s: overwrite %d, stamped %d", c->name, attr.overwrite, attr.stamped);
		if (!ring) {
			ck_assert_int_eq(errno, EOPNOTSUPP);
			continue;
		}
		attach(c, ring);
		/* Several times round, where nothing is refused. */
		for (uint64_t number = 0; number < RECORDS && attr.overwrite; number++)
			require(!write_one(c, ring, number));
		if (!attr.overwrite) {
			uint64_t number = 1;

			require(!write_one(c, ring, 1));
			ck_assert_uint_eq(read_some(c, ring, &number, 2), 1);
		}
		close_one(c, ring);
	}
}
END_TEST

/* Full again and again: each record that was taken comes out, none that was refused. */
START_TEST(records_come_out_as_they_went_in)
{
	const struct contestant *c = at(_i);
	uint64_t written = 0, read = 0, random = 1;
	unsigned refused = 0;
	struct bench_ring *ring;
	int rc;

	if (!is_consumed(c))
		return;
	ring = open_one(c);
	while (written < RECORDS) {
		rc = write_one(c, ring, written);
		if (!rc) {
			written++;
			continue;
		}
		ck_assert_int_eq(rc, -ENOSPC);
		refused++;
		ck_assert_uint_gt(read_some(c, ring, &read, 1 + (unsigned)(suite_random(&random) % 20)), 0);
		ck_assert_uint_le(read, written);
	}
	while (read_some(c, ring, &read, 7))
		;
	ck_assert_uint_eq(read, written);
	ck_assert_uint_gt(refused, RECORDS * PAYLOAD_MAX / 2 / DATA_SIZE / 2);
	close_one(c, ring);
}
END_TEST

/* Records of one size, until there is no room. Return: how many. */
static unsigned fill(const struct contestant *c, struct bench_ring *ring)
{
	static const unsigned char payload[120];
	unsigned records = 0;
	int rc;

	for (rc = 0; !rc; records += !rc) {
		rc = c->write(ring, payload, sizeof(payload));
		require(records <= DATA_SIZE / sizeof(payload));
	}
	ck_assert_int_eq(rc, -ENOSPC);
	return records;
}

START_TEST(take_gives_all_room_back)
{
	const struct contestant *c = at(_i);
	struct bench_ring *ring;
	unsigned records;
	uint64_t taken;

	if (!is_consumed(c))
		return;
	ring = open_one(c);
	ck_assert_uint_eq(c->take(ring, 0), 0);
	records = fill(c, ring);
	ck_assert_uint_gt(records, c->traits & CONTESTANT_SLOTS ? 2 : DATA_SIZE / 160);
	for (int again = 0; again < 10; again++) {
		/* More than there is. */
		ck_assert_uint_eq(c->take(ring, DATA_SIZE + 1), 0);
		ck_assert_int_eq(write_one(c, ring, 1), -ENOSPC);
		taken = c->take(ring, DATA_SIZE / 2);
		ck_assert_uint_ge(taken, DATA_SIZE / 2);
		ck_assert_uint_le(taken, DATA_SIZE);
		ck_assert_uint_eq(c->take(ring, 1), 0);
		/* LOST records, one for each time it was full, take room as well. */
		ck_assert_uint_ge(fill(c, ring) + 1, records);
	}
	close_one(c, ring);
}
END_TEST

/* ---- nested ---- */

struct nest {
	const struct contestant *contestant;
	struct bench_ring *ring;
	uint64_t number; /* of the next record */
	unsigned deeper; /* how many more are to nest */
	bool hidden;     /* nothing is published before the outermost is done */
};

static void nest_around(void *argument)
{
	struct nest *nest = argument;
	unsigned char payload[PAYLOAD_MAX];
	size_t size = compose(payload, nest->number++), found;
	const void *next;

	if (nest->deeper) {
		nest->deeper--;
		require(!nest->contestant->write_around(nest->ring, payload, size, nest_around, nest));
	} else {
		require(!nest->contestant->write(nest->ring, payload, size));
	}
	if (nest->hidden)
		require(!nest->contestant->next(nest->ring, &next, &found));
}

START_TEST(nested_writes_nest)
{
	const struct contestant *c = at(_i);
	struct nest nest = { .contestant = c };
	unsigned char payload[PAYLOAD_MAX];
	uint64_t read = 0;
	size_t size;

	if (!is_here(c) || !(c->traits & CONTESTANT_NESTS))
		return;
	ck_assert_ptr_nonnull(c->write_around);
	nest.ring = open_one(c);
	/* Where signals wait, the next one comes when the record is done. */
	nest.hidden = is_consumed(c) && strcmp(c->name, "mask") != 0;
	for (unsigned round = 0; round < RECORDS / DEEPEST; round++) {
		nest.deeper = round % DEEPEST;
		size = compose(payload, nest.number++);
		require(!c->write_around(nest.ring, payload, size, nest_around, &nest));
		if (is_consumed(c))
			ck_assert_uint_eq(read_some(c, nest.ring, &read, RECORDS), 2 + round % DEEPEST);
	}
	close_one(c, nest.ring);
}
END_TEST

/* ---- from one thread to another ---- */

struct writing {
	const struct contestant *contestant;
	struct bench_ring *ring;
	uint64_t end_ns;
	uint32_t done; /* 1: all written; 2: not */
};

static void *write_all(void *argument)
{
	struct writing *writing = argument;
	uint32_t done = 1;

	attach(writing->contestant, writing->ring);
	for (uint64_t number = 0; number < RECORDS_ACROSS;) {
		if (!write_one(writing->contestant, writing->ring, number)) {
			number++;
		} else if (clock_ns() > writing->end_ns) {
			done = 2;
			break;
		} else {
			sched_yield();
		}
	}
	detach(writing->contestant, writing->ring);
	nrb_store_release(&writing->done, done);
	return NULL;
}

START_TEST(records_go_across)
{
	struct writing writing = { .contestant = at(_i), .end_ns = clock_ns() + PATIENCE_NS };
	const struct bench_attr attr = attr_for(writing.contestant);
	pthread_t thread;
	uint64_t read = 0;
	uint32_t done;

	if (!is_consumed(writing.contestant))
		return;
	writing.ring = writing.contestant->open(&attr);
	ck_assert_ptr_nonnull(writing.ring);
	attach(writing.contestant, writing.ring);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_all, &writing), 0);
	do {
		done = nrb_load_acquire(&writing.done);
		if (!read_some(writing.contestant, writing.ring, &read, 40))
			sched_yield();
	} while (!done);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	while (read_some(writing.contestant, writing.ring, &read, 40))
		;
	ck_assert_int_eq(done, 1);
	ck_assert_uint_eq(read, RECORDS_ACROSS);
	detach(writing.contestant, writing.ring);
	writing.contestant->close(writing.ring);
}
END_TEST

/* What the loop has read and what is left when it ends are all of them. */
START_TEST(loop_reads_them_all)
{
	struct writing writing = { .contestant = at(_i), .end_ns = clock_ns() + PATIENCE_NS };
	const struct bench_attr attr = attr_for(writing.contestant);
	const void *payload;
	pthread_t thread;
	int64_t read;
	size_t size;

	if (!is_here(writing.contestant) || !writing.contestant->loop)
		return;
	writing.ring = writing.contestant->open(&attr);
	ck_assert_ptr_nonnull(writing.ring);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_all, &writing), 0);
	read = writing.contestant->loop(writing.ring, 100000, &writing.done);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(writing.done, 1);
	ck_assert_int_gt(read, 0);
	while (writing.contestant->next(writing.ring, &payload, &size) == 1)
		read++;
	ck_assert_int_eq(read, RECORDS_ACROSS);
	writing.contestant->close(writing.ring);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("contestants");
	TCase *table = suite_case(suite, "table"), *rings = suite_case(suite, "rings");

	suite_add_loop(table, table_is_sound, count(), NULL);
	tcase_add_test(table, nobody_else_is_found);
	suite_add_loop(rings, modes_are_those_claimed, count(), NULL);
	suite_add_loop(rings, records_come_out_as_they_went_in, count(), NULL);
	suite_add_loop(rings, take_gives_all_room_back, count(), NULL);
	suite_add_loop(rings, nested_writes_nest, count(), NULL);
	suite_add_loop(rings, records_go_across, count(), NULL);
	suite_add_loop(rings, loop_reads_them_all, count(), NULL);
	return suite;
}
