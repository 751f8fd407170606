/* SPDX-License-Identifier: MIT */
/*
 * check_loop - the library's own read loop: all of it, in order, as long as it is told to; and a writer that waits for
 *              room gets it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

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

/* A stranger's hand, between two looks. */
static int forge_head(void *context, const struct nrb_record *record)
{
	struct nrb_ring *ring = context;

	(void)record;
	nrb_store_relaxed(&ring->control->data_head, 1u << 20);
	return 0;
}

/* What was delivered at a look before the one that failed is given back, too. */
START_TEST(fails_later)
{
	struct nrb_loop loop = NRB_LOOP_INIT;
	struct nrb_ring *ring = make_ring(0);
	struct nrb_reader *reader = nrb_reader_open(ring);

	put(ring, 0);
	loop.record = forge_head;
	loop.context = ring;
	ck_assert_int_eq(nrb_reader_loop(reader, &loop), -EPROTO);
	ck_assert_uint_eq(nrb_reader_tail(reader), 16);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* ---- what comes in drops ---- */

struct drops {
	struct nrb_ring *ring;
	struct nrb_reader *reader;
	unsigned records;
};

/* There is always something to be found, and a quarter of the ring is far. */
static int put_drop(void *context, int64_t bytes)
{
	struct drops *drops = context;

	(void)bytes;
	if (nrb_reader_tail(drops->reader))
		return 1;
	put(drops->ring, drops->records++);
	return 0;
}

START_TEST(given_back_in_time)
{
	struct drops drops = { .ring = make_ring(0) };
	struct nrb_loop loop = NRB_LOOP_INIT;

	drops.reader = nrb_reader_open(drops.ring);
	loop.latency_ns = 100000;
	loop.looked = put_drop;
	loop.context = &drops;
	ck_assert_int_eq(nrb_reader_loop(drops.reader, &loop), 1);
	ck_assert_uint_lt(drops.records, 8192 / 4 / 16);
	nrb_reader_close(drops.reader);
	nrb_destroy(drops.ring);
}
END_TEST

/* ---- signals ---- */

#define SIGNALS 5u

static unsigned caught;

static void on_signal(int signal)
{
	(void)signal;
	nrb_local_store(&caught, nrb_local_load(&caught) + 1);
}

static int until_caught(void *context, int64_t bytes)
{
	(void)context;
	(void)bytes;
	return nrb_local_load(&caught) >= SIGNALS;
}

static void *interrupt(void *thread)
{
	const struct timespec interval = { .tv_nsec = 20000000 };

	/* Two that come to a thread that does not get to run are one. */
	while (nrb_load_relaxed(&caught) < SIGNALS) {
		nanosleep(&interval, NULL);
		pthread_kill(*(pthread_t *)thread, SIGUSR1);
	}
	return NULL;
}

/* Loop index: the kind of ring. A signal ends a pause, and does not turn what is left of it into a busy wait. */
START_TEST(interrupted)
{
	static const uint32_t kinds[] = { 0, NRB_WAKE_RECORDS };
	struct sigaction action = { .sa_handler = on_signal };
	struct nrb_loop loop = NRB_LOOP_INIT;
	struct nrb_ring *ring = make_ring(kinds[_i]);
	struct nrb_reader *reader = nrb_reader_open(ring);
	struct timespec before, after;
	pthread_t self = pthread_self(), thread;

	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	loop.latency_ns = 100000000;
	loop.looked = until_caught;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	ck_assert_int_eq(pthread_create(&thread, NULL, interrupt, &self), 0);
	ck_assert_int_eq(nrb_reader_loop(reader, &loop), 1);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	pthread_join(thread, NULL);
	/* Of some 100 ms; awake it is for 60 us a look. */
	ck_assert_int_lt((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec, 20000000);
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
	tcase_add_test(tests, fails_later);
	tcase_add_test(tests, given_back_in_time);
	tcase_add_loop_test(tests, interrupted, 0, 2);
	return suite;
}
