/* SPDX-License-Identifier: MIT */
/*
 * check_open.c - what a reader refuses to open, and what it keeps of what it has opened
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "stepping.h"
#include "suite.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

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

Suite *suite_make(void)
{
	Suite *suite = suite_create("open");
	TCase *opening = suite_case(suite, "opening");

	tcase_add_unchecked_fixture(opening, scratch_make, scratch_remove);
	tcase_add_test(opening, no_ring);
	tcase_add_test(opening, contradictions);
	tcase_add_test(opening, positions);
	tcase_add_test(opening, descriptors);
	suite_add(opening, open_while_in_use, stepping_missing(&stepper_trap));
	return suite;
}
