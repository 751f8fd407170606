/* SPDX-License-Identifier: MIT */
/*
 * check_overwrite.c - flight recorders: what is kept, what snapshots give, and what a reader is told of the rest
 *
 * Where the records lie is kept in a log of the test's own, in bytes since the ring's start, whichever way it goes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control.h"
#include "order.h"
#include "suite.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))
#define RECORDS 500

static const uint64_t starts[] = { 0, (1ull << 32) - 64, UINT64_MAX - 63, UINT64_MAX - 4095, 1ull << 63 };

#define STARTS ((int)(sizeof(starts) / sizeof(starts[0])))

struct tape {
	struct nrb_ring *ring;
	uint64_t start;
	bool backward;
	uint64_t begin[RECORDS + 1]; /* of each record, and behind it where it ends, in bytes since the start */
	size_t size[RECORDS];
	unsigned records;
};

static struct nrb_ring *recorder(uint32_t flags, uint64_t start, const char *path)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_ring *ring;

	attr.data_size = PAGE;
	attr.start = start;
	attr.flags = NRB_OVERWRITE | flags;
	attr.path = path;
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "nrb_create: %m");
	return ring;
}

static struct tape tape_make(uint64_t start, bool backward)
{
	return (struct tape) { .ring = recorder(backward ? NRB_BACKWARD : 0, start, NULL),
			       .start = start,
			       .backward = backward };
}

/* Bytes since the start. */
static uint64_t distance(const struct tape *tape, uint64_t position)
{
	return tape->backward ? tape->start - position : position - tape->start;
}

static unsigned char byte_of(unsigned record, size_t i)
{
	return (unsigned char)(record * 37 + i * 11 + (i >> 8));
}

/* Its type tells which it is, its content too. */
static void tape_write(struct tape *tape, size_t size)
{
	unsigned char payload[NRB_RECORD_MAX];
	unsigned record = tape->records++;

	for (size_t i = 0; i < size; i++)
		payload[i] = byte_of(record, i);
	require(nrb_write(tape->ring, 16 + record, payload, size) == 0);
	tape->size[record] = size;
	tape->begin[record + 1] = distance(tape, nrb_reserved_head(tape->ring));
	require(tape->begin[record + 1] == tape->begin[record] + 8 + (size + 7) / 8 * 8);
}

static bool is_whole(const struct nrb_record *record, const struct tape *tape)
{
	const unsigned char *payload = record->payload;
	unsigned number = record->type - 16;

	if (number >= tape->records || record->size != (tape->size[number] + 7) / 8 * 8)
		return false;
	for (size_t i = 0; i < record->size; i++)
		if (payload[i] != (i < tape->size[number] ? byte_of(number, i) : 0))
			return false;
	return true;
}

/* The first record that begins @distance from the start or later. */
static unsigned first_from(const struct tape *tape, uint64_t distance)
{
	unsigned record = 0;

	while (tape->begin[record] < distance)
		record++;
	return record;
}

/* The first record that a snapshot must have at the latest: forward one part of 64 may be given up with the oldest. */
static unsigned latest_first(const struct tape *tape, uint64_t oldest)
{
	const uint64_t part = PAGE / 64;

	if (tape->backward)
		return first_from(tape, oldest);
	return first_from(tape, ((tape->start + oldest + part - 1) & ~(part - 1)) - tape->start);
}

/* Take a snapshot that begins at record number @next if it is still there. Return: the first one given. */
static unsigned tape_read(const struct tape *tape, struct nrb_reader *reader, unsigned next)
{
	const uint64_t all = tape->begin[tape->records], oldest = all > PAGE ? all - PAGE : 0;
	const bool rewound = !next;
	uint64_t missed = nrb_reader_missed(reader);
	struct nrb_record record;
	int64_t found = nrb_reader_poll(reader, NULL);
	unsigned first;

	ck_assert_msg(found >= 0, "poll: %s", strerrorname_np((int)-found));
	first = first_from(tape, all - (uint64_t)found);
	require(tape->begin[first] == all - (uint64_t)found);
	if (tape->begin[next] >= oldest)
		require(first == next);
	require(tape->begin[first] >= oldest);
	require(first >= next);
	if (first > next)
		require(first <= latest_first(tape, oldest));
	/* Polling again before the end is reached finds what is left. */
	require(nrb_reader_poll(reader, NULL) == found);
	for (unsigned i = first; i < tape->records; i++) {
		require(nrb_reader_next(reader, &record) == 1);
		require(record.type == 16 + i);
		require(distance(tape, record.position) == tape->begin[tape->backward ? i + 1 : i]);
		require(is_whole(&record, tape));
		if (i + 1 < tape->records)
			require(nrb_reader_poll(reader, NULL) == (int64_t)(all - tape->begin[i + 1]));
	}
	require(nrb_reader_next(reader, &record) == 0);
	missed = nrb_reader_missed(reader) - missed;
	/* Who begins with the oldest has missed nothing. */
	require(missed == (rewound ? 0 : tape->begin[first] - tape->begin[next]));
	return first;
}

/* Sizes in turn; the last is a length that is drawn each time. */
static const size_t sizes[] = { 0, 1, 8, 24, 50, 55, 56, 57, 63, 64, 120, 500, 1000, 2024, 2032, 2040, 4000, SIZE_MAX };

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static size_t draw(const struct tape *tape, size_t size, uint64_t *seed)
{
	size_t max = nrb_payload_max(tape->ring);

	if (size == SIZE_MAX)
		size = suite_random(seed) % 4 ? suite_random(seed) % 100 : suite_random(seed) % (max + 1);
	return size < max ? size : max;
}

static void check_kept(uint64_t start, bool backward, size_t size, unsigned pause)
{
	struct tape tape = tape_make(start, backward);
	struct nrb_reader *follower = reader_make(tape.ring), *late;
	uint64_t seed = 1 + size + pause;
	unsigned next = 0;

	while (tape.records + pause <= RECORDS) {
		for (unsigned i = suite_random(&seed) % pause + 1; i; i--)
			tape_write(&tape, draw(&tape, size, &seed));
		tape_read(&tape, follower, next);
		next = tape.records;
		late = reader_make(tape.ring);
		tape_read(&tape, late, 0);
		nrb_reader_rewind(late);
		tape_read(&tape, late, 0);
		nrb_reader_close(late);
	}
	ck_assert_uint_eq(nrb_lost(tape.ring), 0);
	nrb_reader_close(follower);
	nrb_destroy(tape.ring);
}

START_TEST(kept)
{
	for (size_t i = 0; i < SIZES; i++) {
		check_kept(starts[_i / 2], _i % 2, sizes[i], 20);
		check_kept(starts[_i / 2], _i % 2, sizes[i], 170);
	}
}
END_TEST

START_TEST(largest)
{
	struct tape tape = tape_make(starts[_i / 2], _i % 2);
	struct nrb_reader *reader = reader_make(tape.ring);

	ck_assert_int_eq(nrb_write(tape.ring, 16, suite_zeros, nrb_payload_max(tape.ring) + 1), -EMSGSIZE);
	for (unsigned i = 0; i < 200; i++) {
		tape_write(&tape, nrb_payload_max(tape.ring));
		/* The only one that can be there is. */
		ck_assert_uint_eq(tape_read(&tape, reader, i), i);
	}
	nrb_reader_close(reader);
	nrb_destroy(tape.ring);
}
END_TEST

/* ---- the mark ---- */

/*
 * The writer stands in the middle of its copy: @reserved bytes are taken and half of them overwritten. The one reader
 * goes by its reservations; the other by data_head alone, which is what a paused ring allows.
 */
static void check_mark(uint64_t start, bool backward)
{
	struct tape tape = tape_make(start, backward);
	struct nrb_reader *reader = reader_make(tape.ring), *blind = nrb_reader_open_fd(nrb_fd(tape.ring));
	struct nrb_reservation r;
	struct nrb_record record;
	unsigned whole = 0, broken = 0;
	uint64_t oldest;

	ck_assert_msg(blind, "%m");
	for (unsigned i = 0; i < 40; i++)
		tape_write(&tape, 88);
	ck_assert_int_eq(nrb_reserve(tape.ring, &r, 9, 1000), 0);
	memset((unsigned char *)r.payload + 500, 0xee, 500);
	oldest = distance(&tape, nrb_reserved_head(tape.ring)) - PAGE;
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	while (nrb_reader_next(reader, &record) == 1) {
		require(is_whole(&record, &tape));
		whole++;
	}
	ck_assert_uint_ge(whole, 40 - latest_first(&tape, oldest));
	ck_assert_uint_le(whole, 40 - first_from(&tape, oldest));
	nrb_pause(tape.ring);
	ck_assert_int_gt(nrb_reader_poll(blind, NULL), 0);
	while (nrb_reader_next(blind, &record) == 1)
		broken += !is_whole(&record, &tape);
	broken += nrb_reader_next(blind, &record) == -EBADMSG;
	ck_assert_uint_gt(broken, 0);
	nrb_resume(tape.ring);
	memset(r.payload, 0xee, 1000);
	nrb_commit(tape.ring, &r);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 1008);
	nrb_reader_close(blind);
	nrb_reader_close(reader);
	nrb_destroy(tape.ring);
}

START_TEST(mark)
{
	check_mark(starts[_i / 2], _i % 2);
}
END_TEST

/* Handlers that write a whole lap: what they interrupted is still being written, and must not be overwritten. */
START_TEST(nested_lap)
{
	struct tape tape = tape_make(starts[_i / 2], _i % 2);
	struct nrb_reader *reader = reader_make(tape.ring);
	struct nrb_reservation outer;
	struct nrb_record record;
	unsigned given = 0, refused = 0, number;
	uint64_t told = 0;

	tape_write(&tape, 16);
	ck_assert_int_eq(nrb_reserve(tape.ring, &outer, 16 + tape.records, 200), 0);
	number = tape.records++;
	tape.size[number] = 200;
	tape.begin[number + 1] = distance(&tape, nrb_reserved_head(tape.ring));
	for (unsigned i = 0; i < 100; i++) {
		if (tape.begin[tape.records] + 108 - tape.begin[number] <= PAGE)
			tape_write(&tape, 96);
		else
			refused += nrb_write(tape.ring, 9, suite_zeros, 96) == -ENOSPC;
	}
	ck_assert_uint_eq(refused, 100 - (tape.records - number - 1));
	for (unsigned i = 0; i < 200; i++)
		((unsigned char *)outer.payload)[i] = byte_of(number, i);
	nrb_commit(tape.ring, &outer);
	ck_assert_uint_eq(nrb_lost(tape.ring), refused);
	nrb_reader_rewind(reader);
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	while (nrb_reader_next(reader, &record) == 1) {
		require(is_whole(&record, &tape));
		given++;
	}
	ck_assert_uint_ge(given, tape.records - number - 1);
	/* Told in band as ever, before the next record. */
	ck_assert_int_eq(nrb_write(tape.ring, 9, "", 0), 0);
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_uint_eq(record.type, NRB_RECORD_LOST);
	told = ((const struct nrb_lost *)record.payload)->lost;
	ck_assert_uint_eq(told, refused);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_uint_eq(record.type, 9);
	nrb_reader_close(reader);
	nrb_destroy(tape.ring);
}
END_TEST

/* ---- ways to open ---- */

static unsigned count_all(struct nrb_reader *reader)
{
	struct nrb_record record;
	unsigned records = 0;
	int64_t found = nrb_reader_poll(reader, NULL);

	ck_assert_msg(found >= 0, "poll: %s", strerrorname_np((int)-found));
	while (nrb_reader_next(reader, &record) == 1)
		records++;
	return records;
}

START_TEST(opening)
{
	const char *path = scratch_path("recorder");
	struct nrb_ring *ring = recorder(_i % 2 ? NRB_BACKWARD : 0, starts[_i / 2], path);
	struct nrb_ring *other = recorder(_i % 2 ? NRB_BACKWARD : 0, starts[_i / 2], NULL);
	struct nrb_reader *blind = nrb_reader_open_fd(nrb_fd(ring)), *reader;

	ck_assert_msg(blind, "%m");
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(nrb_write(ring, 9, suite_zeros, 16), 0);
	/* Without the writer's page only while it is paused, and what was found is not undone. */
	ck_assert_int_eq(nrb_reader_poll(blind, NULL), -EACCES);
	ck_assert_int_eq(nrb_reader_pause(blind), 0);
	ck_assert_int_eq(nrb_write(ring, 9, suite_zeros, 16), -ENOSPC);
	ck_assert_uint_eq(count_all(blind), 10);
	ck_assert_int_eq(nrb_reader_resume(blind), 0);
	ck_assert_int_eq(nrb_reader_poll(blind, NULL), -EACCES);
	nrb_reader_close(blind);
	reader = nrb_reader_open_fds(nrb_fd(ring), nrb_writer_fd(ring));
	ck_assert_msg(reader, "%m");
	ck_assert_uint_eq(count_all(reader), 10);
	ck_assert_uint_eq(count_all(reader), 0);
	nrb_reader_close(reader);
	reader = nrb_reader_open_path(path);
	ck_assert_msg(reader, "%m");
	ck_assert_uint_eq(count_all(reader), 10);
	nrb_reader_close(reader);
	/* Another ring that was made alike. */
	ck_assert_ptr_null(nrb_reader_open_fds(nrb_fd(ring), nrb_writer_fd(other)));
	ck_assert_int_eq(errno, ESTALE);
	ck_assert_ptr_null(nrb_reader_open_fds(nrb_fd(ring), nrb_fd(ring)));
	ck_assert_int_eq(errno, ESTALE);
	ck_assert_int_eq(unlink(scratch_path("recorder.writer")), 0);
	reader = nrb_reader_open_path(path);
	ck_assert_msg(reader, "%m");
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), -EACCES);
	nrb_reader_close(reader);
	nrb_destroy(other);
	nrb_destroy(ring);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

static void leave(struct tape *tape, struct nrb_reader *reader, void *file)
{
	munmap(file, 2 * PAGE);
	nrb_reader_close(reader);
	nrb_destroy(tape->ring);
}

/* Who can write the control page can store any data_head: nothing is read beyond what there is. */
START_TEST(heads)
{
	static const int64_t ahead[] = { 8, 4096, 8192, 1 << 20, 1ll << 40, INT64_MAX - 7, -8, INT64_MIN, 4, 1 };
	struct tape tape = tape_make(starts[_i / 2], _i % 2);
	struct nrb_reader *reader = reader_make(tape.ring);
	struct nrb_control *control = (struct nrb_control *)map_whole(nrb_fd(tape.ring), NULL);
	uint64_t head;

	for (unsigned i = 0; i < 100; i++)
		tape_write(&tape, 100);
	tape_read(&tape, reader, 0);
	head = nrb_reader_head(reader);
	for (size_t i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
		uint64_t lie = tape.backward ? head - (uint64_t)ahead[i] : head + (uint64_t)ahead[i];

		nrb_store_release(&control->data_head, lie);
		ck_assert_msg(nrb_reader_poll(reader, NULL) == -EPROTO, "data_head %lld ahead", (long long)ahead[i]);
		ck_assert_uint_eq(nrb_reader_skip(reader), 0);
	}
	nrb_store_release(&control->data_head, head);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 0);
	tape_write(&tape, 100);
	tape_read(&tape, reader, 100);
	leave(&tape, reader, control);
}
END_TEST

/* A record that is none: the others are given, it is told where, and skipping goes on behind it. */
START_TEST(damage)
{
	struct tape tape = tape_make(starts[_i / 2], _i % 2);
	struct nrb_reader *reader = reader_make(tape.ring);
	unsigned char *file = map_whole(nrb_fd(tape.ring), NULL);
	const struct nrb_header nonsense = { .type = 9, .size = 12 };
	struct nrb_record record;
	uint64_t bad;

	for (unsigned i = 0; i < 10; i++)
		tape_write(&tape, 24);
	bad = tape.backward ? tape.start - tape.begin[6] : tape.start + tape.begin[5];
	memcpy(file + PAGE + bad % PAGE, &nonsense, sizeof(nonsense));
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 10 * 32);
	for (unsigned i = tape.backward ? 6 : 0; i < (tape.backward ? 10u : 5u); i++) {
		ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
		ck_assert_uint_eq(record.type, 16 + i);
	}
	for (unsigned again = 0; again < 2; again++) {
		ck_assert_int_eq(nrb_reader_next(reader, &record), -EBADMSG);
		ck_assert(record.position == bad);
		ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	}
	/* Backward, what was written before it lies behind it. */
	ck_assert_uint_eq(nrb_reader_skip(reader), tape.backward ? 6 * 32 : 5 * 32);
	ck_assert_uint_eq(nrb_reader_missed(reader), 0);
	tape_write(&tape, 24);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 32);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_uint_eq(record.type, 26);
	leave(&tape, reader, file);
}
END_TEST

/* Where reading begins is no record: there is something to be read all the same, else nobody would come and see. */
START_TEST(damaged_first)
{
	struct tape tape = tape_make(starts[_i / 2], _i % 2);
	struct nrb_reader *reader = reader_make(tape.ring);
	unsigned char *file = map_whole(nrb_fd(tape.ring), NULL);
	struct nrb_record record;
	uint64_t first;

	for (unsigned i = 0; i < 3; i++)
		tape_write(&tape, 24);
	first = tape.backward ? nrb_reader_head(reader) : tape.start;
	memset(file + PAGE + first % PAGE, 0, sizeof(struct nrb_header));
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	ck_assert(nrb_reader_next(reader, &record) == -EBADMSG && record.position == first);
	ck_assert_uint_eq(nrb_reader_skip(reader), 3 * 32);
	leave(&tape, reader, file);
}
END_TEST

/* After laps: each byte was given, skipped for what is no record, or missed since it was overwritten. */
START_TEST(damage_among_overwritten)
{
	const uint64_t size = 32;
	struct tape tape = tape_make(starts[_i / 2], _i % 2);
	struct nrb_reader *reader = reader_make(tape.ring);
	unsigned char *file = map_whole(nrb_fd(tape.ring), NULL);
	struct nrb_record record;
	uint64_t given = 0, bad, skipped;
	int rc;

	/* From here on it counts what it misses. */
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 0);
	for (unsigned i = 0; i < RECORDS; i++)
		tape_write(&tape, size - sizeof(struct nrb_header));
	bad = tape.backward ? nrb_reader_head(reader) + 40 * size : nrb_reader_head(reader) - 40 * size;
	memset(file + PAGE + bad % PAGE, 0, sizeof(struct nrb_header));
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	while ((rc = nrb_reader_next(reader, &record)) == 1)
		given += size;
	ck_assert(rc == -EBADMSG && record.position == bad);
	skipped = nrb_reader_skip(reader);
	ck_assert_uint_ge(skipped, 40 * size);
	ck_assert_uint_ge(nrb_reader_missed(reader), RECORDS * size - PAGE);
	ck_assert_uint_eq(given + skipped + nrb_reader_missed(reader), RECORDS * size);
	leave(&tape, reader, file);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("overwrite");
	TCase *records = suite_case(suite, "records"), *pages = suite_case(suite, "pages");

	tcase_add_loop_test(records, kept, 0, 2 * STARTS);
	tcase_add_loop_test(records, largest, 0, 2 * STARTS);
	tcase_add_loop_test(records, mark, 0, 2 * STARTS);
	tcase_add_loop_test(records, nested_lap, 0, 2 * STARTS);
	tcase_add_unchecked_fixture(pages, scratch_make, scratch_remove);
	tcase_add_loop_test(pages, opening, 0, 2 * STARTS);
	tcase_add_loop_test(pages, heads, 0, 2 * STARTS);
	tcase_add_loop_test(pages, damage, 0, 2 * STARTS);
	tcase_add_loop_test(pages, damaged_first, 0, 2 * STARTS);
	tcase_add_loop_test(pages, damage_among_overwritten, 0, 2 * STARTS);
	return suite;
}
