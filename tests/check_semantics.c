/* SPDX-License-Identifier: MIT */
/*
 * check_semantics.c - what every kind of ring has in common beyond write and read: pause, discard, gather, errno
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kinds.h"
#include "suite.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

/* ---- pause ---- */

START_TEST(pause_here)
{
	struct nrb_ring *ring = kind_ring(_i, NULL);
	struct nrb_reader *reader = reader_make(ring);
	struct nrb_reservation r, refused;
	uint64_t head;

	ck_assert_int_eq(nrb_reserve(ring, &r, 9, 8), 0);
	head = nrb_reserved_head(ring);
	nrb_pause(ring);
	nrb_pause(ring);
	/* What was begun is ended; what comes now is refused, in handlers too; what could not be written is
		 * not lost. */
	ck_assert_int_eq(nrb_write(ring, 9, "nested", 6), -ENOSPC);
	ck_assert_int_eq(nrb_reserve(ring, &refused, 9, 8), -ENOSPC);
	ck_assert_int_eq(nrb_writev(ring, 9, NULL, 0), -ENOSPC);
	ck_assert_int_eq(nrb_write(ring, 9, suite_zeros, PAGE), -EMSGSIZE);
	ck_assert_int_eq(nrb_write(ring, NRB_RECORD_LOST, "", 0), -EINVAL);
	ck_assert_int_eq(nrb_write(ring, NRB_RECORD_PADDING, "", 0), -EINVAL);
	ck_assert(nrb_reserved_head(ring) == head);
	memcpy(r.payload, "outer", 5);
	nrb_commit(ring, &r);
	ck_assert_uint_eq(nrb_lost(ring), 3);
	nrb_resume(ring);
	ck_assert_int_eq(nrb_write(ring, 10, "after", 5), 0);
	ck_assert_uint_eq(nrb_lost(ring), 0);
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	expect_record(reader, 9, 8, "outer");
	expect_lost(reader, 3);
	expect_record(reader, 10, 8, "after");
	expect_end(reader);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* ---- discard ---- */

START_TEST(discard)
{
	struct nrb_ring *ring = kind_ring(_i, NULL);
	struct nrb_reader *reader = reader_make(ring);
	struct nrb_reservation outer, inner;
	int64_t found;

	/* Nothing but padding: bytes, and no record. */
	ck_assert_int_eq(nrb_reserve(ring, &outer, 9, 100), 0);
	nrb_discard(ring, &outer);
	found = nrb_reader_poll(reader, NULL);
	ck_assert_int_gt(found, 100);
	expect_end(reader);
	nrb_reader_release(reader);
	/* An outer and an inner one around and between records that stay; a loss is told all the same. */
	nrb_pause(ring);
	nrb_write(ring, 9, "", 0);
	nrb_resume(ring);
	ck_assert_int_eq(nrb_reserve(ring, &outer, 9, 0), 0);
	ck_assert_int_eq(nrb_write(ring, 10, "one", 3), 0);
	ck_assert_int_eq(nrb_reserve(ring, &inner, 9, 56), 0);
	ck_assert_int_eq(nrb_write(ring, 10, "two", 3), 0);
	nrb_discard(ring, &inner);
	ck_assert_int_eq(nrb_write(ring, 10, "three", 5), 0);
	/* Until the outermost one is ended nothing is visible. */
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 0);
	nrb_discard(ring, &outer);
	ck_assert_uint_eq(nrb_lost(ring), 0);
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	expect_lost(reader, 1);
	expect_record(reader, 10, 8, "one");
	expect_record(reader, 10, 8, "two");
	expect_record(reader, 10, 8, "three");
	expect_end(reader);
	nrb_reader_release(reader);
	if (!(kinds[_i].flags & NRB_OVERWRITE))
		ck_assert(nrb_reader_tail(reader) == nrb_reserved_head(ring));
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* A ring's worth of nothing, many times over: the room comes back. */
START_TEST(discard_all)
{
	struct nrb_ring *ring = kind_ring(_i, NULL);
	struct nrb_reader *reader = reader_make(ring);
	struct nrb_reservation r;
	struct nrb_record record;

	for (unsigned i = 0; i < 1000; i++) {
		require(!nrb_reserve(ring, &r, 9, i % 500));
		nrb_discard(ring, &r);
		if (i % 4)
			continue;
		require(nrb_reader_poll(reader, NULL) > 0);
		require(nrb_reader_next(reader, &record) == 0);
		nrb_reader_release(reader);
	}
	ck_assert_uint_eq(nrb_lost(ring), 0);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* What is released is all that was gone through, in however many polls. */
START_TEST(release)
{
	struct nrb_ring *ring = kind_ring(_i, NULL);
	struct nrb_reader *reader = reader_make(ring);
	const uint32_t trailer = 8 * (uint32_t)__builtin_popcountll(kinds[_i].sample_id);
	uint64_t each = 16 + trailer, given = kinds[_i].flags & NRB_BACKWARD ? 0 - each : each;

	/* There data_tail stays where it is. */
	if (kinds[_i].flags & NRB_OVERWRITE)
		given = 0;

	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(nrb_write(ring, 9, "8 bytes!", 8), 0);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), (int64_t)(4 * each));
	expect_record(reader, 9, 8, "8 bytes!");
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), (int64_t)(3 * each));
	nrb_reader_release(reader);
	ck_assert(nrb_reader_tail(reader) == KIND_START + given);
	for (unsigned i = 0; i < 3; i++)
		expect_record(reader, 9, 8, "8 bytes!");
	ck_assert_int_eq(nrb_write(ring, 10, suite_zeros, 8), 0);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), (int64_t)each);
	/* Those of the poll before, and none of this one. */
	nrb_reader_release(reader);
	ck_assert(nrb_reader_tail(reader) == KIND_START + 4 * given);
	ck_assert_uint_eq(nrb_reader_skip(reader), each);
	ck_assert(nrb_reader_tail(reader) == KIND_START + 5 * given);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 0);
	/* Again from the first that was not released; but of a flight recorder from the oldest. */
	ck_assert_int_eq(nrb_write(ring, 11, suite_zeros, 8), 0);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), (int64_t)each);
	expect_record(reader, 11, 8, "");
	nrb_reader_rewind(reader);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), (int64_t)(given ? each : 6 * each));
	expect_record(reader, given ? 11 : 9, 8, "");
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* ---- gather ---- */

static void check_gathered(struct nrb_ring *ring, struct nrb_reader *reader, uint64_t *seed)
{
	char from[600], *at = from;
	struct iovec part[12];
	int parts = (int)(suite_random(seed) % 12);
	struct nrb_record record;
	uint32_t size = 0;

	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (char)suite_random(seed);
	for (int i = 0; i < parts; i++) {
		part[i].iov_len = suite_random(seed) % (i % 3 ? 9 : 70);
		/* Where nothing is, nothing is looked at. */
		part[i].iov_base = part[i].iov_len ? at : NULL;
		at += part[i].iov_len;
		size += (uint32_t)part[i].iov_len;
	}
	require(!nrb_writev(ring, 9, part, parts));
	require(nrb_reader_poll(reader, NULL) > 0);
	require(nrb_reader_next(reader, &record) == 1);
	require(record.type == 9 && record.size == (size + 7) / 8 * 8);
	require(!memcmp(record.payload, from, size));
	for (uint32_t i = size; i < record.size; i++)
		require(((const char *)record.payload)[i] == 0);
	nrb_reader_release(reader);
}

START_TEST(gather)
{
	struct nrb_ring *ring = kind_ring(_i, NULL);
	struct nrb_reader *reader = reader_make(ring);
	struct iovec part[2] = { { .iov_base = NULL, .iov_len = SIZE_MAX }, { .iov_base = NULL, .iov_len = 1 } };
	uint64_t seed = 5;

	for (unsigned i = 0; i < 500; i++)
		check_gathered(ring, reader, &seed);
	ck_assert_int_eq(nrb_writev(ring, 9, part, 2), -EMSGSIZE);
	ck_assert_int_eq(nrb_writev(ring, 9, part, 1), -EMSGSIZE);
	ck_assert_int_eq(nrb_writev(ring, 9, part, -1), -EMSGSIZE);
	part[0].iov_len = nrb_payload_max(ring);
	ck_assert_int_eq(nrb_writev(ring, 9, part, 2), -EMSGSIZE);
	ck_assert_int_eq(nrb_writev(ring, NRB_RECORD_LOST, NULL, 0), -EINVAL);
	ck_assert_uint_eq(nrb_lost(ring), 0);
	ck_assert_int_eq(nrb_writev(ring, 9, NULL, 0), 0);
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	expect_record(reader, 9, 0, "");
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* ---- details ---- */

START_TEST(kept_errno)
{
	struct nrb_ring *ring = kind_ring(_i, NULL);
	struct nrb_reservation r;
	int error = 4000;

	for (unsigned i = 0; i < 300; i++) {
		errno = ++error;
		(void)nrb_write(ring, 9, suite_zeros, 16);
		require(errno == error);
		(void)nrb_writev(ring, 9, NULL, 0);
		require(errno == error);
		if (!nrb_reserve(ring, &r, 9, 16))
			i % 2 ? nrb_commit(ring, &r) : nrb_discard(ring, &r);
		require(errno == error);
		(void)nrb_write(ring, 9, suite_zeros, SIZE_MAX);
		(void)nrb_write(ring, NRB_RECORD_LOST, "", 0);
		nrb_pause(ring);
		(void)nrb_write(ring, 9, "", 0);
		nrb_resume(ring);
		require(errno == error);
	}
	nrb_destroy(ring);
}
END_TEST

/* In the memory itself: misc is 0 in each header, whatever stood there before. */
START_TEST(misc)
{
	struct nrb_ring *ring = kind_ring(_i, NULL);
	unsigned char *file = map_whole(nrb_fd(ring), NULL);
	struct nrb_reader *reader = reader_make(ring);
	struct nrb_record record;
	unsigned records = 0;

	memset(file + PAGE, 0xff, PAGE);
	nrb_pause(ring);
	nrb_write(ring, 9, "", 0);
	nrb_resume(ring);
	for (unsigned i = 0; i < 20; i++)
		nrb_write(ring, 9, "\377\377\377\377\377\377\377\377", i % 9);
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	for (; nrb_reader_next(reader, &record) == 1; records++) {
		struct nrb_header header;

		memcpy(&header, file + PAGE + record.position % PAGE, sizeof(header));
		ck_assert_uint_eq(header.type, record.type);
		ck_assert_uint_eq(header.misc, 0);
		ck_assert_uint_ge(header.size, 8 + record.size);
	}
	ck_assert_uint_eq(records, 21);
	munmap(file, 2 * PAGE);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* Attributes of an older library, of a newer one, and of none. */
START_TEST(attributes)
{
	struct {
		struct nrb_attr attr;
		uint64_t more[2];
	} newer = { .attr = NRB_ATTR_INIT };
	struct nrb_attr attr = NRB_ATTR_INIT;
	static const struct {
		uint32_t flags;
		uint64_t wakeup;
		int error;
	} table[] = {
		{ 1u << 5, 0, EOPNOTSUPP },
		{ 1u << 31, 0, EOPNOTSUPP },
		{ NRB_WAKE_WATERMARK | NRB_WAKE_RECORDS, 0, EOPNOTSUPP },
		{ NRB_WAKE_WATERMARK, 1 << 20, EMSGSIZE },
		{ NRB_WAKE_WATERMARK, UINT64_MAX, EMSGSIZE },
		{ NRB_WAKE_WATERMARK, (1 << 20) - 1, 0 },
		{ NRB_WAKE_RECORDS, UINT64_MAX, 0 },
	};

	newer.attr.struct_size = sizeof(newer);
	nrb_destroy(nrb_create(&newer.attr));
	newer.more[1] = 1ull << 56;
	ck_assert_ptr_null(nrb_create(&newer.attr));
	ck_assert_int_eq(errno, E2BIG);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nrb_ring *ring;

		attr.flags = table[i].flags;
		attr.wakeup = table[i].wakeup;
		errno = 0;
		ring = nrb_create(&attr);
		ck_assert_msg(!ring == !!table[i].error && errno == table[i].error, "line %zu: %m", i);
		nrb_destroy(ring);
	}
	/* Of the first library, which had neither flags nor what follows: whatever stands there is not looked at. */
	memset((unsigned char *)&attr + offsetof(struct nrb_attr, flags), 0xff,
	       sizeof(attr) - offsetof(struct nrb_attr, flags));
	attr.struct_size = offsetof(struct nrb_attr, flags);
	nrb_destroy(nrb_create(&attr));
	attr.struct_size--;
	ck_assert_ptr_null(nrb_create(&attr));
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("semantics");
	TCase *writing = suite_case(suite, "writing");

	tcase_add_loop_test(writing, pause_here, 0, KINDS);
	tcase_add_loop_test(writing, discard, 0, KINDS);
	tcase_add_loop_test(writing, discard_all, 0, KINDS);
	tcase_add_loop_test(writing, release, 0, KINDS);
	tcase_add_loop_test(writing, gather, 0, KINDS);
	tcase_add_loop_test(writing, kept_errno, 0, KINDS);
	tcase_add_loop_test(writing, misc, 0, KINDS);
	tcase_add_test(writing, attributes);
	return suite;
}
