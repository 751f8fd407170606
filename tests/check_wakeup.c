/* SPDX-License-Identifier: MIT */
/*
 * check_wakeup.c - when the eventfd becomes readable, when it does not, and whether a write that is interrupted
 * anywhere still wakes the reader
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "confined.h"
#include "stepping.h"
#include "suite.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

static const uint64_t starts[] = { 0, (1ull << 32) - 64, UINT64_MAX - 63, UINT64_MAX - 4095 };

#define STARTS ((int)(sizeof(starts) / sizeof(starts[0])))

struct woken {
	struct nrb_ring *ring;
	struct nrb_reader *reader;
	int fd;
	uint64_t count; /* of the eventfd, all in all */
};

static struct woken woken_make(uint32_t flags, uint64_t wakeup, uint64_t start)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct woken woken = { .count = 0 };

	attr.data_size = PAGE;
	attr.start = start;
	attr.flags = flags;
	attr.wakeup = wakeup;
	woken.ring = nrb_create(&attr);
	ck_assert_msg(woken.ring, "nrb_create: %m");
	woken.reader = reader_make(woken.ring);
	woken.fd = nrb_wakeup_fd(woken.ring);
	ck_assert_int_ge(woken.fd, 0);
	return woken;
}

static void woken_free(struct woken *woken)
{
	nrb_reader_close(woken->reader);
	nrb_destroy(woken->ring);
}

/* How often the eventfd was written to since the last call; each write adds one. */
static uint64_t wakes(struct woken *woken)
{
	uint64_t count = 0;

	if (read(woken->fd, &count, sizeof(count)) < 0)
		require(errno == EAGAIN);
	woken->count += count;
	require(nrb_wakeups(woken->ring) == woken->count);
	return count;
}

static void drain(struct woken *woken)
{
	struct nrb_record record;

	require(nrb_reader_poll(woken->reader, NULL) >= 0);
	while (nrb_reader_next(woken->reader, &record) == 1)
		;
	nrb_reader_release(woken->reader);
}

/* Plain, backward, overwrite, both. */
static uint32_t ways(int i)
{
	return (i & 1 ? NRB_BACKWARD : 0) | (i & 2 ? NRB_OVERWRITE : 0);
}

static void check_watermark(uint32_t flags, uint64_t start, uint64_t wakeup)
{
	struct woken woken = woken_make(NRB_WAKE_WATERMARK | flags, wakeup, start);
	const uint64_t watermark = wakeup ? wakeup : PAGE / 2;
	uint64_t since = 0, seed = 7, written = 0, woke = 0;

	ck_assert_uint_eq(nrb_reader_attr(woken.reader).wakeup, watermark);
	for (unsigned i = 0; i < 3000; i++) {
		size_t size = suite_random(&seed) % 200;

		require(!nrb_write(woken.ring, 9, "", 0));
		since += 8;
		woke += since > watermark;
		require(wakes(&woken) == (since > watermark));
		since = since > watermark ? 0 : since;
		require(!nrb_write(woken.ring, 9, (char[200]) { 0 }, size));
		since += 8 + (size + 7) / 8 * 8;
		written += 16 + (size + 7) / 8 * 8;
		woke += since > watermark;
		require(wakes(&woken) == (since > watermark));
		since = since > watermark ? 0 : since;
		drain(&woken);
	}
	/* Not one per record, unless it was asked for. */
	ck_assert_uint_le(woke, written / (watermark + 1));
	ck_assert_uint_gt(woke, 0);
	woken_free(&woken);
}

START_TEST(watermark)
{
	const uint64_t marks[] = { 0, 1, 7, 8, 9, 100, 1000, PAGE - 1 };

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		check_watermark(ways(_i % 4), starts[_i / 4], marks[i]);
}
END_TEST

START_TEST(records)
{
	static const uint64_t every[] = { 0, 1, 2, 3, 7, 64 };

	for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
		struct woken woken = woken_make(NRB_WAKE_RECORDS | ways(_i % 4), every[i], starts[_i / 4]);
		uint64_t n = every[i] ? every[i] : 1;

		for (uint64_t record = 1; record <= 200; record++) {
			require(!nrb_write(woken.ring, 9, suite_zeros, record % 3 * 8));
			require(wakes(&woken) == (record % n == 0));
			drain(&woken);
		}
		woken_free(&woken);
	}
}
END_TEST

/* Another descriptor in place of the ring's: the reader goes by that one, and holds no more than before. */
START_TEST(another_descriptor)
{
	struct woken woken = woken_make(NRB_WAKE_RECORDS, 1, 0);
	const int other = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	const unsigned before = open_descriptors();

	ck_assert_int_ge(other, 0);
	ck_assert_int_eq(nrb_reader_set_wakeup_fd(woken.reader, other), 0);
	ck_assert_uint_eq(open_descriptors(), before);
	ck_assert_int_eq(nrb_write(woken.ring, 9, "12345678", 8), 0);
	/* It is readable once, and then the ring's own is of no account. */
	ck_assert_int_eq(nrb_reader_wait(woken.reader, -1, NULL), 16);
	nrb_reader_skip(woken.reader);
	ck_assert_int_eq(nrb_reader_wait(woken.reader, 0, NULL), 0);
	ck_assert_uint_eq(wakes(&woken), 1);
	close(other);
	woken_free(&woken);
}
END_TEST

START_TEST(none)
{
	struct nrb_ring *ring = ring_make(PAGE, 0);
	struct nrb_reader *reader = reader_make(ring);

	ck_assert_int_eq(nrb_wakeup_fd(ring), -EOPNOTSUPP);
	ck_assert_int_eq(nrb_reader_wakeup_fd(reader), -EOPNOTSUPP);
	ck_assert_int_eq(nrb_reader_set_wakeup_fd(reader, -1), -EBADF);
	for (unsigned i = 0; i < 1000; i++)
		nrb_write(ring, 9, suite_zeros, 8);
	ck_assert_uint_eq(nrb_wakeups(ring), 0);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* Full below the watermark, or before so many records: the reader, who alone can empty it, would sleep for ever. */
START_TEST(full)
{
	static const struct {
		uint32_t flags;
		uint64_t wakeup;
	} table[] = { { NRB_WAKE_WATERMARK, 4088 }, { NRB_WAKE_RECORDS, 1000 }, { NRB_WAKE_RECORDS, UINT64_MAX } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct woken woken = woken_make(table[i].flags | (_i % 2 ? NRB_BACKWARD : 0),
						table[i].wakeup + (i ? 0 : PAGE - 4096), starts[_i / 2]);
		char payload[992] = { 0 };

		for (unsigned lap = 0; lap < 3; lap++) {
			while (!nrb_write(woken.ring, 9, payload, sizeof(payload)))
				ck_assert_uint_eq(wakes(&woken), 0);
			ck_assert_uint_eq(wakes(&woken), 1);
			/* Once: of nothing new nobody is told. */
			for (unsigned again = 0; again < 10; again++) {
				ck_assert_int_eq(nrb_write(woken.ring, 9, payload, sizeof(payload)), -ENOSPC);
				ck_assert_uint_eq(wakes(&woken), 0);
			}
			drain(&woken);
		}
		woken_free(&woken);
	}
}
END_TEST

/* What nests reserves and commits within a write: the wakeup comes once, when all of it is published. */
START_TEST(nested)
{
	struct woken woken = woken_make((_i % 2 ? NRB_WAKE_RECORDS : NRB_WAKE_WATERMARK) | ways(_i / 2),
					_i % 2 ? 3 : 100, UINT64_MAX - 63);
	struct nrb_reservation outer, inner;
	uint64_t before = nrb_reader_head(woken.reader);

	ck_assert_int_eq(nrb_reserve(woken.ring, &outer, 9, 0), 0);
	ck_assert_int_eq(nrb_reserve(woken.ring, &inner, 9, 200), 0);
	ck_assert_int_eq(nrb_write(woken.ring, 9, suite_zeros, 100), 0);
	ck_assert_uint_eq(wakes(&woken), 0);
	nrb_commit(woken.ring, &inner);
	ck_assert_uint_eq(wakes(&woken), 0);
	ck_assert(nrb_reader_head(woken.reader) == before);
	nrb_commit(woken.ring, &outer);
	ck_assert_uint_eq(wakes(&woken), 1);
	ck_assert(nrb_reader_head(woken.reader) == nrb_reserved_head(woken.ring));
	woken_free(&woken);
}
END_TEST

/* ---- a nested write at every instruction ---- */

static struct {
	struct woken woken;
	uint64_t boundary, strike; /* how many so far, and at which the nested writes come */
	unsigned writes;
	uint64_t woken_before;
	bool early;
} step;

static void write_stepped(void *argument)
{
	(void)argument;
	/* In the plain way of speaking it succeeds, or is refused: then it tells of what nested. */
	(void)nrb_write(step.woken.ring, 9, "sixteen bytes !!", 16);
}

static void nest(void *context, uint64_t pc)
{
	(void)context;
	(void)pc;
	/* Told before there was anything to be read. */
	if (nrb_wakeups(step.woken.ring) != step.woken_before &&
	    nrb_reader_head(step.woken.reader) == nrb_reader_tail(step.woken.reader))
		step.early = true;
	if (step.boundary++ != step.strike)
		return;
	for (unsigned i = 0; i < step.writes; i++)
		if (nrb_write(step.woken.ring, 9, "8 bytes!", 8))
			step.early = true;
}

/* Bytes that nobody was told of: an honest wakeup leaves no more than the watermark. */
static void check_strikes(uint32_t flags, uint64_t wakeup, unsigned writes)
{
	uint64_t last = 1, n = 0, before;

	step.woken = woken_make(flags, wakeup, UINT64_MAX - 63);
	step.writes = writes;
	for (step.strike = 0; step.strike < last; step.strike++) {
		step.boundary = 0;
		step.early = false;
		step.woken_before = nrb_wakeups(step.woken.ring);
		before = n;
		stepping_run(write_stepped, NULL, nest, NULL);
		last = step.boundary;
		/* A write that wakes nobody may be shorter than the one before, and over before the strike. */
		n += 1 + (step.strike < step.boundary ? writes : 0);
		require(!step.early);
		if (flags & NRB_WAKE_RECORDS) {
			uint64_t due = n / wakeup - before / wakeup, got = wakes(&step.woken);

			/* One for both if both are due; one more if it came as this write began or ended. */
			ck_assert_msg(!due == !got && got <= due + 1, "boundary %llu: %llu wakeups where %llu are due",
				      (unsigned long long)step.strike, (unsigned long long)got,
				      (unsigned long long)due);
			drain(&step.woken);
			continue;
		}
		if (wakes(&step.woken))
			drain(&step.woken);
		require(nrb_reader_head(step.woken.reader) - nrb_reader_tail(step.woken.reader) <= wakeup);
	}
	suite_note("struck at each of %llu boundaries\n", (unsigned long long)last);
	ck_assert_uint_gt(last, 50);
	woken_free(&step.woken);
}

START_TEST(strikes)
{
	check_strikes(NRB_WAKE_RECORDS, 3, 1);
	/* Each strike brings one about by itself. */
	if (suite_full())
		check_strikes(NRB_WAKE_RECORDS, 3, 3);
	check_strikes(NRB_WAKE_WATERMARK, 40, 2);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("wakeup");
	TCase *when = suite_case(suite, "when"), *interrupted = suite_case(suite, "interrupted");

	tcase_add_loop_test(when, watermark, 0, 4 * STARTS);
	tcase_add_loop_test(when, records, 0, 4 * STARTS);
	tcase_add_test(when, another_descriptor);
	tcase_add_test(when, none);
	tcase_add_loop_test(when, full, 0, 2 * STARTS);
	tcase_add_loop_test(when, nested, 0, 8);
	suite_add(interrupted, strikes,
		  COUNTED || SANITIZED ? "this build's instructions are too many to stop at each"
				       : stepping_missing(&stepper_trap));
	return suite;
}
