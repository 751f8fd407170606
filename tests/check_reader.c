/* SPDX-License-Identifier: MIT */
/*
 * check_reader.c - the reading side: what it refuses to open, consumers that come and go, and pages that lie
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "order.h"
#include "payload.h"
#include "stepping.h"
#include "suite.h"
#include "words.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))
#define STREAM 3

static const uint64_t starts[] = { 0, (1ull << 32) - 64, UINT64_MAX - 63, UINT64_MAX - 4095 };

#define STARTS ((int)(sizeof(starts) / sizeof(starts[0])))

/* ---- opening ---- */

static void refused(const char *path, int expected)
{
	struct nrb_reader *reader;

	errno = 0;
	reader = nrb_reader_open_path(path);
	ck_assert_msg(!reader, "%s: a reader where %s was expected", path, strerrorname_np(expected));
	ck_assert_msg(errno == expected, "%s: %s where %s was expected", path, strerrorname_np(errno),
		      strerrorname_np(expected));
}

static void make_file(const char *path, const char *content, off_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	if (size)
		ck_assert_int_eq(ftruncate(fd, size), 0);
	close(fd);
}

START_TEST(no_ring)
{
	refused("/dev/null", EMEDIUMTYPE);
	refused("/dev/zero", EMEDIUMTYPE);
	make_file(scratch_path("empty"), "", 0);
	refused(scratch_path("empty"), EMEDIUMTYPE);
	make_file(scratch_path("text"), "Call me Ishmael.\n", 0);
	refused(scratch_path("text"), EMEDIUMTYPE);
	make_file(scratch_path("long"), "Call me Ishmael.\n", (off_t)(17 * PAGE));
	refused(scratch_path("long"), EMEDIUMTYPE);
	refused(scratch_path("missing"), ENOENT);
	refused(scratch_path(""), EISDIR);
	ck_assert_ptr_null(nrb_reader_open_fd(-1));
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

/* A ring's file of 16 data pages with head and tail as given. @writer: its .writer file instead of it. */
static struct nrb_control *make_ring_file(const char *path, uint64_t tail, uint64_t head, size_t *size)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_control *control;
	struct nrb_ring *ring;

	attr.path = path;
	attr.data_size = 16 * PAGE;
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "%s: %m", path);
	control = (struct nrb_control *)map_whole(nrb_fd(ring), size);
	nrb_destroy(ring);
	control->data_tail = tail;
	control->data_head = head;
	return control;
}

START_TEST(contradictions)
{
	const char *path = scratch_path("ring"), *writer = scratch_path("ring.writer");
	struct nrb_control *control = make_ring_file(path, 0, 0, NULL);
	const uint64_t sizes[] = { 0,         8,         PAGE / 2,   PAGE,      8 * PAGE, 16 * PAGE - 1, 16 * PAGE + 8,
				   17 * PAGE, 32 * PAGE, 1ull << 63, UINT64_MAX };
	const uint64_t offsets[] = { 0, 8, PAGE - 8, 2 * PAGE, 1ull << 63, UINT64_MAX };
	struct nrb_reader *reader = nrb_reader_open_path(path);

	ck_assert_msg(reader, "%m");
	nrb_reader_close(reader);
	refused(writer, EMEDIUMTYPE);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		control->data_size = sizes[i];
		refused(path, EBADMSG);
	}
	control->data_size = 16 * PAGE;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		control->data_offset = offsets[i];
		refused(path, EBADMSG);
	}
	control->data_offset = PAGE;
	/* Not complete yet. */
	control->magic = 0;
	refused(path, EMEDIUMTYPE);
	control->magic = NRB_CONTROL_MAGIC;
	/* Of a newer library, whatever else it says; each bit that we have no name for. */
	for (uint32_t flag = NRB_WAKE_RECORDS << 1; flag; flag <<= 1) {
		control->flags = flag | NRB_OVERWRITE;
		refused(path, EOPNOTSUPP);
	}
	control->sample_id = 1;
	control->flags = 0x80000000u;
	refused(path, EOPNOTSUPP);
	control->sample_id = 0;
	control->flags = 0;
	/* Cut short, grown, and so short that it is a ring no more. */
	ck_assert_int_eq(truncate(path, (off_t)(9 * PAGE)), 0);
	refused(path, EBADMSG);
	ck_assert_int_eq(truncate(path, (off_t)(17 * PAGE - 1)), 0);
	refused(path, EBADMSG);
	ck_assert_int_eq(truncate(path, (off_t)(18 * PAGE)), 0);
	refused(path, EBADMSG);
	ck_assert_int_eq(truncate(path, (off_t)(17 * PAGE)), 0);
	reader = nrb_reader_open_path(path);
	ck_assert_msg(reader, "%m");
	nrb_reader_close(reader);
	ck_assert_int_eq(truncate(path, (off_t)PAGE), 0);
	refused(path, EMEDIUMTYPE);
}
END_TEST

START_TEST(positions)
{
	const char *path = scratch_path("positions");
	const uint64_t size = 16 * PAGE;
	struct nrb_control *control = make_ring_file(path, 0, 0, NULL);
	const struct {
		uint64_t tail, head;
		bool valid;
	} table[] = {
		{ 0, size - 8, true },
		{ 64, 64, true },
		{ UINT64_MAX - 7, 8, true },
		{ UINT64_MAX - 7, size - 16, true },
		{ 0, size, false },
		{ 0, size + 8, false },
		{ 8, 0, false },
		{ UINT64_MAX - 7, size - 8, false },
		{ 0, 1ull << 63, false },
		{ 0, UINT64_MAX - 7, false },
		{ 0, 4, false },
		{ 4, 8, false },
		{ 4, 4, false },
		{ 1, 1, false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nrb_reader *reader;

		control->data_tail = table[i].tail;
		control->data_head = table[i].head;
		if (!table[i].valid) {
			refused(path, EPROTO);
			continue;
		}
		reader = nrb_reader_open_path(path);
		ck_assert_msg(reader, "case %zu: %m", i);
		ck_assert(nrb_reader_tail(reader) == table[i].tail && nrb_reader_head(reader) == table[i].head);
		ck_assert_int_eq(nrb_reader_poll(reader, NULL), (int64_t)(table[i].head - table[i].tail));
		nrb_reader_close(reader);
	}
}
END_TEST

/* A failure to open is to leave nothing open; and the descriptor given stays the caller's. */
START_TEST(descriptors)
{
	const char *path = scratch_path("text");
	struct nrb_ring *ring = ring_make(PAGE, 0);
	int lowest = dup(nrb_fd(ring)), now;

	close(lowest);
	make_file(path, "Call me Ishmael.\n", (off_t)(4 * PAGE));
	refused(path, EMEDIUMTYPE);
	nrb_reader_close(reader_make(ring));
	now = dup(nrb_fd(ring));
	ck_assert_int_eq(now, lowest);
	/* A reader keeps its mapping: neither the ring nor the descriptor is needed any more. */
	ck_assert_int_eq(nrb_write(ring, 9, "12345678", 8), 0);
	struct nrb_reader *reader = nrb_reader_open_fd(now);
	struct nrb_record record;

	ck_assert_msg(reader, "%m");
	close(now);
	nrb_destroy(ring);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 16);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_int_eq(memcmp(record.payload, "12345678", 8), 0);
	nrb_reader_release(reader);
	nrb_reader_close(reader);
}
END_TEST

/* The ring moves on by more than its size at each instruction of an opening. */
struct mover {
	struct nrb_ring *ring;
	struct nrb_reader *consumer;
	uint64_t moves;
};

static void move_on(void *context, uint64_t pc)
{
	struct mover *mover = context;
	struct nrb_record record;

	(void)pc;
	for (unsigned i = 0; i < 3; i++) {
		static const unsigned char payload[32768];

		/* In a handler: no assertions, which are not made for it. */
		if (nrb_write(mover->ring, 9, payload, PAGE / 2 - 16) || nrb_reader_poll(mover->consumer, NULL) < 0)
			return;
		while (nrb_reader_next(mover->consumer, &record) == 1)
			;
		nrb_reader_release(mover->consumer);
	}
	mover->moves++;
}

static struct nrb_reader *opened;

static void open_stepped(void *argument)
{
	opened = nrb_reader_open(argument);
}

/* Somebody who only wants to watch opens the ring while it is in use: that is no contradiction to complain about. */
START_TEST(open_while_in_use)
{
	struct mover mover = { .ring = ring_make(PAGE, UINT64_MAX - 63) };

	mover.consumer = reader_make(mover.ring);
	stepping_run(open_stepped, mover.ring, move_on, &mover);
	ck_assert_msg(opened, "%m after %llu moves", (unsigned long long)mover.moves);
	ck_assert_uint_gt(mover.moves, 100);
	ck_assert(nrb_reader_head(opened) == nrb_reserved_head(mover.ring));
	nrb_reader_close(opened);
	nrb_reader_close(mover.consumer);
	nrb_destroy(mover.ring);
}
END_TEST

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
	TCase *opening = suite_case(suite, "opening");
	TCase *consumers = suite_case(suite, "consumers");
	TCase *lies = suite_case(suite, "lies");

	tcase_add_unchecked_fixture(opening, scratch_make, scratch_remove);
	tcase_add_test(opening, no_ring);
	tcase_add_test(opening, contradictions);
	tcase_add_test(opening, positions);
	tcase_add_test(opening, descriptors);
	suite_add(opening, open_while_in_use, stepping_missing(&stepper_trap));
	tcase_add_unchecked_fixture(consumers, scratch_make, scratch_remove);
	tcase_add_loop_test(consumers, resume, 0, STARTS);
	tcase_add_test(consumers, another_process);
	tcase_add_loop_test(lies, headers, 0, STARTS);
	tcase_add_loop_test(lies, odd_but_legal, 0, STARTS);
	tcase_add_loop_test(lies, heads, 0, STARTS);
	tcase_add_test(lies, garbage);
	return suite;
}
