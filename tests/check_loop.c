/* SPDX-License-Identifier: MIT */
/*
 * check_loop - the library's own read loop: all of it, in order, as long as it is told to; and a writer that waits for
 *              room gets it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "nrb.h"
#include "order.h"
#include "ring.h"
#include "suite.h"

#define RECORDS 20000u

struct taken {
	uint64_t next, end;
	uint64_t looks, idle;
	int status;
};

static struct nrb_ring *make_ring(uint32_t flags)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_ring *ring;

	attr.data_size = 8192;
	attr.flags = flags;
	ring = nrb_create(&attr);
	ck_assert_ptr_nonnull(ring);
	return ring;
}

static void put(struct nrb_ring *ring, uint64_t number)
{
	ck_assert_int_eq(nrb_write(ring, 7, &number, sizeof(number)), 0);
}

/* Numbers in a row; the loop ends at the last one. */
static int take(void *context, const struct nrb_record *record)
{
	struct taken *taken = context;
	uint64_t number;

	if (record->type == NRB_RECORD_LOST)
		return 0;
	memcpy(&number, record->payload, sizeof(number));
	require(number == taken->next);
	taken->next++;
	return taken->next == taken->end ? taken->status : 0;
}

static int count(void *context, int64_t bytes)
{
	struct taken *taken = context;

	taken->looks++;
	taken->idle += !bytes;
	/* Nothing more will come. */
	return taken->idle > 3 ? -ECANCELED : 0;
}

static void *write_all(void *argument)
{
	struct nrb_ring *ring = argument;

	for (uint64_t i = 0; i < RECORDS; i++) {
		unsigned char payload[200] = { 0 };

		memcpy(payload, &i, sizeof(i));
		/* Lossless: what is refused is written again. */
		while (nrb_write(ring, 7, payload, 8 + i % 190))
			sched_yield();
	}
	return NULL;
}

/* Loop index: which latency. A writer who waits for room depends on the loop to give it back. */
START_TEST(lossless)
{
	static const uint64_t latencies[] = { 0, 20000, 200000 };
	struct taken taken = { .end = RECORDS, .status = 42 };
	struct nrb_loop loop = NRB_LOOP_INIT;
	struct nrb_ring *ring = make_ring(0);
	struct nrb_reader *reader = nrb_reader_open(ring);
	pthread_t thread;

	loop.latency_ns = latencies[_i];
	loop.record = take;
	loop.context = &taken;
	ck_assert_int_eq(pthread_create(&thread, NULL, write_all, ring), 0);
	ck_assert_int_eq(nrb_reader_loop(reader, &loop), 42);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(taken.next, RECORDS);
	/* All of it has been given back. */
	ck_assert_uint_eq(nrb_reader_tail(reader), nrb_reader_head(reader));
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

START_TEST(ends_where_it_is_told_to)
{
	struct taken taken = { .end = 3, .status = 1 };
	struct nrb_loop loop = NRB_LOOP_INIT;
	struct nrb_ring *ring = make_ring(0);
	struct nrb_reader *reader = nrb_reader_open(ring);

	for (uint64_t i = 0; i < 5; i++)
		put(ring, i);
	loop.record = take;
	loop.looked = count;
	loop.context = &taken;
	ck_assert_int_eq(nrb_reader_loop(reader, &loop), 1);
	ck_assert_uint_eq(taken.next, 3);
	ck_assert_uint_eq(taken.looks, 0);
	ck_assert_uint_eq(nrb_reader_tail(reader), 3 * 16);
	/* And goes on there. */
	taken.end = 0;
	ck_assert_int_eq(nrb_reader_loop(reader, &loop), -ECANCELED);
	ck_assert_uint_eq(taken.next, 5);
	ck_assert_uint_eq(taken.idle, 4);
	ck_assert_uint_eq(taken.looks, 5);
	ck_assert_uint_eq(nrb_reader_tail(reader), 5 * 16);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* Loop index: the kind of ring. */
START_TEST(every_kind)
{
	static const uint32_t kinds[] = { NRB_OVERWRITE, NRB_BACKWARD, NRB_WAKE_RECORDS, NRB_OVERWRITE | NRB_BACKWARD };
	struct taken taken = { .end = 0 };
	struct nrb_loop loop = NRB_LOOP_INIT;
	struct nrb_ring *ring = make_ring(kinds[_i]);
	struct nrb_reader *reader = nrb_reader_open(ring);

	for (uint64_t i = 0; i < 100; i++)
		put(ring, i);
	loop.record = take;
	loop.looked = count;
	loop.context = &taken;
	ck_assert_int_eq(nrb_reader_loop(reader, &loop), -ECANCELED);
	ck_assert_uint_eq(taken.next, 100);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

START_TEST(refuses)
{
	struct taken taken = { .end = 0 };
	struct nrb_loop loop = NRB_LOOP_INIT;
	struct nrb_ring *ring = make_ring(0);
	struct nrb_reader *reader = nrb_reader_open(ring);

	ck_assert_int_eq(nrb_reader_loop(reader, NULL), -EINVAL);
	loop.struct_size--;
	ck_assert_int_eq(nrb_reader_loop(reader, &loop), -EINVAL);
	loop.struct_size++;
	put(ring, 0);
	put(ring, 1);
	/* A stranger's hand: the second record is none. What stands before it was delivered, and is given back. */
	memset(ring->data + 16, 0, 8);
	loop.record = take;
	loop.context = &taken;
	ck_assert_int_eq(nrb_reader_loop(reader, &loop), -EBADMSG);
	ck_assert_uint_eq(taken.next, 1);
	ck_assert_uint_eq(nrb_reader_tail(reader), 16);
	nrb_store_relaxed(&ring->control->data_head, 1u << 20);
	ck_assert_int_eq(nrb_reader_loop(reader, &loop), -EPROTO);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("loop");
	TCase *tests = suite_case(suite, "loop");

	tcase_add_loop_test(tests, lossless, 0, 3);
	tcase_add_test(tests, ends_where_it_is_told_to);
	tcase_add_loop_test(tests, every_kind, 0, 4);
	tcase_add_test(tests, refuses);
	return suite;
}
