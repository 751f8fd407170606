/* SPDX-License-Identifier: MIT */
/*
 * check_reader.c - the reading side: consumers that come and go, and pages that lie
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "order.h"
#include "payload.h"
#include "suite.h"
#include "words.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))
#define STREAM 3

static const uint64_t starts[] = { 0, (1ull << 32) - 64, UINT64_MAX - 63, UINT64_MAX - 4095 };

#define STARTS ((int)(sizeof(starts) / sizeof(starts[0])))

/* ---- consumers that come and go ---- */

static void expect_record(struct nrb_reader *reader, const unsigned char payload[16])
{
	struct nrb_record record;

	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert(record.type == 9 && record.size == 16);
	ck_assert_int_eq(memcmp(record.payload, payload, 16), 0);
}

START_TEST(resume)
{
	struct nrb_ring *ring = ring_make(PAGE, starts[_i]);
	struct nrb_reader *reader;
	struct nrb_record record;
	unsigned char payload[16];

	for (unsigned i = 0; i < 10; i++) {
		payload_fill(payload, 16, STREAM, 0, i);
		ck_assert_int_eq(nrb_write(ring, 9, payload, 16), 0);
	}
	/* Each consumer releases three records and looks at one more. */
	for (unsigned consumer = 0; consumer < 3; consumer++) {
		reader = reader_make(ring);
		ck_assert_int_eq(nrb_reader_poll(reader, NULL), (10 - 3 * consumer) * 24);
		for (unsigned i = 3 * consumer; i < 3 * consumer + 4; i++) {
			if (i == 3 * consumer + 3)
				nrb_reader_release(reader);
			payload_fill(payload, 16, STREAM, 0, i);
			expect_record(reader, payload);
		}
		nrb_reader_close(reader);
	}
	reader = reader_make(ring);
	/* Before a poll nothing is known to be there. */
	ck_assert_int_eq(nrb_reader_next(reader, &record), 0);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 24);
	expect_record(reader, payload);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 0);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

#define MANY (SANITIZED ? 500000u : 2000000u)

/* The other process: everything, in order, until MANY records have come. Return: its exit status. */
static int read_many(const char *path, uint64_t *lost)
{
	struct nrb_reader *reader = nrb_reader_open_path(path);
	uint64_t expected = 0, sequence;
	struct nrb_record record;
	unsigned level;
	int rc;

	if (!reader)
		return 2;
	while (expected < MANY) {
		int64_t found = nrb_reader_poll(reader, NULL);

		if (found < 0)
			return 3;
		if (!found)
			sched_yield();
		while ((rc = nrb_reader_next(reader, &record)) == 1) {
			if (record.type == NRB_RECORD_LOST) {
				*lost += ((const struct nrb_lost *)record.payload)->lost;
				continue;
			}
			if (record.type != 9 || !payload_verify(record.payload, record.size, STREAM, &level, &sequence))
				return 4;
			if (level != expected % LEVELS || sequence != expected)
				return 5;
			expected++;
		}
		if (rc)
			return 6;
		nrb_reader_release(reader);
	}
	nrb_reader_close(reader);
	return 0;
}

/* What a signal handler of the writer does meanwhile is for check_explore; this is about two CPUs and two mappings. */
START_TEST(another_process)
{
	uint64_t *lost = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct nrb_attr attr = NRB_ATTR_INIT;
	unsigned char payload[64];
	struct nrb_ring *ring;
	uint64_t failed = 0;
	int status;
	pid_t pid;

	attr.path = scratch_path("shared");
	attr.data_size = 65536;
	attr.start = UINT64_MAX - (1 << 20) + 1;
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "%m");
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid)
		_exit(read_many(attr.path, lost));
	for (uint64_t i = 0; i < MANY; i++) {
		size_t size = 16 + i % 7 * 8;

		payload_fill(payload, size, STREAM, i % LEVELS, i);
		while (nrb_write(ring, 9, payload, size)) {
			failed++;
			if (failed % 256 == 0)
				ck_assert_msg(!waitpid(pid, &status, WNOHANG), "the reader ended early: %#x", status);
			sched_yield();
		}
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "the reader's status: %#x", status);
	ck_assert_uint_eq(*lost + nrb_lost(ring), failed);
	nrb_destroy(ring);
}
END_TEST

/* ---- pages that lie ---- */

/* A ring of one page with 8 records of 24 bytes, an own mapping of its file, and a reader that has polled. */
struct liar {
	struct nrb_ring *ring;
	struct nrb_reader *reader;
	struct nrb_control *control;
	unsigned char *data;
};

static struct liar liar_make(uint64_t start)
{
	struct liar liar = { .ring = ring_make(PAGE, start) };

	liar.reader = reader_make(liar.ring);
	liar.control = (struct nrb_control *)map_whole(nrb_fd(liar.ring), NULL);
	liar.data = (unsigned char *)liar.control + PAGE;
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(nrb_write(liar.ring, 9, "sixteen bytes !!", 16), 0);
	ck_assert_int_eq(nrb_reader_poll(liar.reader, NULL), 8 * 24);
	return liar;
}

static void liar_free(struct liar *liar)
{
	munmap(liar->control, 2 * PAGE);
	nrb_reader_close(liar->reader);
	nrb_destroy(liar->ring);
}

/* Over the header of record number @index. */
static void scribble(struct liar *liar, uint64_t start, unsigned index, uint32_t type, uint16_t size)
{
	struct nrb_header header = { .type = type, .size = size };
	uint64_t at = (start + 24 * index) % PAGE;

	/* 8-byte units, so never cut by the end of the ring. */
	memcpy(liar->data + at, &header, sizeof(header));
}

START_TEST(headers)
{
	static const struct {
		uint32_t type;
		uint16_t size;
	} table[] = {
		{ 9, 0 },  { 9, 1 },     { 9, 4 },     { 9, 7 },    { 9, 9 },    { 9, 12 },  { 9, 23 },
		{ 9, 25 }, { 9, 65535 }, { 9, 65528 }, { 9, 4096 }, { 9, 4088 }, { 9, 128 }, { 9, 5 * 24 + 8 },
		{ 2, 8 },  { 2, 16 },    { 2, 32 },    { 2, 0 },    { 2, 25 },   { 0, 0 },   { UINT32_MAX, 65535 },
	};
	uint64_t start = starts[_i];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct liar liar = liar_make(start);
		struct nrb_record record;

		scribble(&liar, start, 3, table[i].type, table[i].size);
		for (unsigned before = 0; before < 3; before++)
			ck_assert_int_eq(nrb_reader_next(liar.reader, &record), 1);
		for (unsigned again = 0; again < 2; again++) {
			ck_assert_msg(nrb_reader_next(liar.reader, &record) == -EBADMSG, "type %u, size %u",
				      table[i].type, table[i].size);
			ck_assert(record.position == start + 3 * 24);
		}
		/* Not stuck: what was there is given up, and what comes after is read. */
		ck_assert_uint_eq(nrb_reader_skip(liar.reader), 5 * 24);
		ck_assert(nrb_reader_tail(liar.reader) == start + 8 * 24);
		ck_assert_int_eq(nrb_reader_next(liar.reader, &record), 0);
		ck_assert_int_eq(nrb_write(liar.ring, 9, "good", 4), 0);
		ck_assert_int_eq(nrb_reader_poll(liar.reader, NULL), 16);
		ck_assert_int_eq(nrb_reader_next(liar.reader, &record), 1);
		ck_assert_int_eq(memcmp(record.payload, "good\0\0\0", 8), 0);
		liar_free(&liar);
	}
}
END_TEST

/* Odd, but nothing that must be refused: an exact fit, no payload, any type, a LOST record of 0. */
START_TEST(odd_but_legal)
{
	struct liar liar = liar_make(starts[_i]);
	struct nrb_record record;
	const uint64_t none = 0;

	scribble(&liar, starts[_i], 0, UINT32_MAX, 8);
	scribble(&liar, starts[_i], 1, NRB_RECORD_LOST, 24);
	memcpy(liar.data + (starts[_i] + 24 + 16) % PAGE, &none, sizeof(none));
	memset(liar.data + (starts[_i] + 8) % PAGE, 0, 8);
	((struct nrb_header *)(liar.data + (starts[_i] + 8) % PAGE))->size = 16;
	scribble(&liar, starts[_i], 2, 1, 6 * 24);
	ck_assert_int_eq(nrb_reader_next(liar.reader, &record), 1);
	ck_assert(record.type == UINT32_MAX && record.size == 0);
	ck_assert_int_eq(nrb_reader_next(liar.reader, &record), 1);
	ck_assert(record.type == 0 && record.size == 8);
	ck_assert_int_eq(nrb_reader_next(liar.reader, &record), 1);
	ck_assert(record.type == NRB_RECORD_LOST && ((const struct nrb_lost *)record.payload)->lost == 0);
	ck_assert_int_eq(nrb_reader_next(liar.reader, &record), 1);
	ck_assert(record.type == 1 && record.size == 6 * 24 - 8);
	ck_assert_int_eq(nrb_reader_next(liar.reader, &record), 0);
	liar_free(&liar);
}
END_TEST

/* A data_head that no writer stores: refused and told, with what was found before still readable, and mended later. */
START_TEST(heads)
{
	static const int64_t offsets[] = {
		/* From what was read and not yet released: behind it, */
		40,
		24,
		0,
		-8,
		-4096,
		-4104,
		INT64_MIN,
		INT64_MIN + 8,
		/* too far ahead of what was released, */
		4096,
		4104,
		8192,
		65536,
		1ll << 32,
		INT64_MAX - 7,
		/* no multiple of 8. */
		49,
		52,
		4087,
		50 + 64,
		-1,
		7,
	};
	uint64_t start = starts[_i];
	struct liar liar = liar_make(start);
	uint64_t head = nrb_reader_head(liar.reader), seen;
	struct nrb_record record;

	if (PAGE != 4096)
		return;
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(nrb_reader_next(liar.reader, &record), 1);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		uint64_t lie = start + (uint64_t)offsets[i];

		nrb_store_release(&liar.control->data_head, lie);
		seen = 42;
		ck_assert_msg(nrb_reader_poll(liar.reader, &seen) == -EPROTO, "data_head %lld off",
			      (long long)offsets[i]);
		ck_assert(seen == lie);
		ck_assert(nrb_reader_tail(liar.reader) == start);
	}
	ck_assert_int_eq(nrb_reader_next(liar.reader, &record), 1);
	nrb_store_release(&liar.control->data_head, head);
	ck_assert_int_eq(nrb_reader_poll(liar.reader, NULL), 5 * 24);
	/* The outermost ones that can be true. */
	nrb_store_release(&liar.control->data_head, start + 72);
	ck_assert_int_eq(nrb_reader_poll(liar.reader, NULL), 0);
	nrb_store_release(&liar.control->data_head, start + 4088);
	ck_assert_int_eq(nrb_reader_poll(liar.reader, NULL), 4088 - 72);
	liar_free(&liar);
}
END_TEST

/* Read all that next gives, every byte of it, and see that it lies within the two mappings of the ring. */
static unsigned devour(struct nrb_reader *reader, const unsigned char **base)
{
	struct nrb_record record;
	unsigned records = 0, sum = 0;
	int rc;

	while ((rc = nrb_reader_next(reader, &record)) == 1) {
		const unsigned char *payload = record.payload;

		/* The first record of all is a good one, at the start of the ring. */
		if (!*base)
			*base = payload - 8;
		require(payload - 8 == *base + record.position % PAGE);
		require(payload + record.size <= *base + 2 * PAGE);
		for (uint32_t i = 0; i < record.size; i++)
			sum += payload[i];
		/* Each has a header, so this many fit and no more. */
		require(++records < PAGE / 8);
	}
	require(rc == 0 || rc == -EBADMSG);
	return sum;
}

START_TEST(garbage)
{
	struct liar liar = liar_make(0);
	const unsigned char *base = NULL;
	uint64_t seed = 4711;
	unsigned sum = 0;

	sum += devour(liar.reader, &base);
	for (unsigned round = 0; round < 3000; round++) {
		uint64_t tail = nrb_reader_tail(liar.reader);
		int64_t found;

		/* All random; or sizes that are at least multiples of 8, so that there is something to go through. */
		for (uint64_t i = 0; i < PAGE; i += 8) {
			uint64_t word = suite_random(&seed);

			if (round % 2)
				word = (word & 0x0078ffff00000009) | (word % 4 ? 1ull << 51 : 0);
			memcpy(liar.data + i, &word, 8);
		}
		nrb_store_release(&liar.control->data_head, tail + suite_random(&seed) % (PAGE / 8 + 2) * 8);
		found = nrb_reader_poll(liar.reader, NULL);
		require(found == -EPROTO || (found >= 0 && found < (int64_t)PAGE));
		sum += devour(liar.reader, &base);
		nrb_reader_skip(liar.reader);
	}
	suite_note("garbage: checksum %u\n", sum);
	liar_free(&liar);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("reader");
	TCase *consumers = suite_case(suite, "consumers");
	TCase *lies = suite_case(suite, "lies");

	tcase_add_unchecked_fixture(consumers, scratch_make, scratch_remove);
	tcase_add_loop_test(consumers, resume, 0, STARTS);
	tcase_add_test(consumers, another_process);
	tcase_add_loop_test(lies, headers, 0, STARTS);
	tcase_add_loop_test(lies, odd_but_legal, 0, STARTS);
	tcase_add_loop_test(lies, heads, 0, STARTS);
	tcase_add_test(lies, garbage);
	return suite;
}
