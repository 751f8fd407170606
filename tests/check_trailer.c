/* SPDX-License-Identifier: MIT */
/*
 * check_trailer.c - sample_id trailers: which fields, in which order, on which records, and what they tell
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))
#define ID 0x1234567890abcdefull

/* In perf's order, which is not that of the bits. */
static const uint64_t fields[] = { NRB_SAMPLE_TID,       NRB_SAMPLE_TIME, NRB_SAMPLE_ID,
				   NRB_SAMPLE_STREAM_ID, NRB_SAMPLE_CPU,  NRB_SAMPLE_IDENTIFIER };

#define FIELDS 6u
#define ALL                                                                                                            \
	(NRB_SAMPLE_TID | NRB_SAMPLE_TIME | NRB_SAMPLE_ID | NRB_SAMPLE_STREAM_ID | NRB_SAMPLE_CPU |                    \
	 NRB_SAMPLE_IDENTIFIER)

static struct nrb_attr attr_with(uint64_t sample_id, uint64_t sample_type, uint32_t flags)
{
	struct nrb_attr attr = NRB_ATTR_INIT;

	attr.data_size = PAGE;
	attr.start = UINT64_MAX - 63;
	attr.id = ID;
	attr.sample_id = sample_id;
	attr.sample_type = sample_type;
	attr.flags = flags;
	return attr;
}

static struct nrb_ring *ring_with(uint64_t sample_id, uint64_t sample_type, uint32_t flags)
{
	struct nrb_attr attr = attr_with(sample_id, sample_type, flags);
	struct nrb_ring *ring = nrb_create(&attr);

	ck_assert_msg(ring, "nrb_create: %m");
	return ring;
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The trailer's words, one by one, as perf's readers take them. */
static void check_words(const struct nrb_record *record, uint64_t sample_id, uint64_t from_ns, uint64_t to_ns)
{
	const uint64_t *word = record->trailer;
	uint32_t pair[2];

	require((const unsigned char *)record->payload + record->size == record->trailer);
	for (unsigned i = 0; i < FIELDS; i++) {
		if (!(sample_id & fields[i]))
			continue;
		memcpy(pair, word, sizeof(pair));
		if (fields[i] == NRB_SAMPLE_TID)
			require(pair[0] == (uint32_t)getpid() && pair[1] == (uint32_t)syscall(SYS_gettid));
		else if (fields[i] == NRB_SAMPLE_TIME)
			require(*word >= from_ns && *word <= to_ns);
		else if (fields[i] == NRB_SAMPLE_CPU)
			require(pair[0] != UINT32_MAX && pair[1] == 0);
		else
			require(*word == ID);
		word++;
	}
}

static void check_told(const struct nrb_sample_id *id, uint64_t sample_id)
{
	require(id->pid == (sample_id & NRB_SAMPLE_TID ? (uint32_t)getpid() : 0));
	require(id->tid == (sample_id & NRB_SAMPLE_TID ? (uint32_t)syscall(SYS_gettid) : 0));
	require(!id->time == !(sample_id & NRB_SAMPLE_TIME));
	require(id->id == (sample_id & NRB_SAMPLE_ID ? ID : 0));
	require(id->stream_id == (sample_id & NRB_SAMPLE_STREAM_ID ? ID : 0));
	require(id->identifier == (sample_id & NRB_SAMPLE_IDENTIFIER ? ID : 0));
	require(id->unused == 0);
}

/* Each choice of fields; a plain record, a SAMPLE, an empty one, a LOST one, in place and copied. */
START_TEST(chosen)
{
	static const uint32_t types[] = { 1, NRB_RECORD_SAMPLE, NRB_RECORD_LOST, 7 };
	static const size_t sizes[] = { 13, 16, 16, 0 };
	const uint32_t ways[] = { 0, NRB_OVERWRITE, NRB_BACKWARD, NRB_OVERWRITE | NRB_BACKWARD };

	for (unsigned choice = 0; choice < 1u << FIELDS; choice++) {
		uint64_t sample_id = 0, from = now_ns(CLOCK_MONOTONIC);
		uint32_t words = (uint32_t)__builtin_popcount(choice);
		struct nrb_reader *reader;
		struct nrb_ring *ring;

		for (unsigned i = 0; i < FIELDS; i++)
			sample_id |= choice >> i & 1 ? fields[i] : 0;
		ring = ring_with(sample_id, 0, ways[_i]);
		reader = reader_make(ring);
		require(nrb_reader_attr(reader).sample_id == sample_id);
		require(!nrb_write(ring, types[0], "thirteen byte", 13));
		require(!nrb_write(ring, types[1], "sixteen bytes !!", 16));
		nrb_pause(ring);
		require(nrb_write(ring, types[0], "", 1) == -ENOSPC);
		nrb_resume(ring);
		require(!nrb_write(ring, types[3], "", 0));
		require(nrb_reader_poll(reader, NULL) == (int64_t)(24 + 24 + 24 + 8 + 4 * 8 * words));
		for (unsigned i = 0; i < 4; i++) {
			struct nrb_sample_id told;
			struct nrb_record record;

			require(nrb_reader_next(reader, &record) == 1);
			require(record.type == types[i] && record.size == (sizes[i] + 7) / 8 * 8);
			if (i < 2)
				require(!memcmp(record.payload, i ? "sixteen bytes !!" : "thirteen byte\0\0\0", 16));
			if (i == 2)
				require(((const struct nrb_lost *)record.payload)->lost == 1);
			require(!record.trailer == !sample_id);
			require(nrb_reader_sample_id(reader, &record, &told) == (sample_id ? 0 : -ENODATA));
			if (!sample_id)
				continue;
			check_words(&record, sample_id, from, now_ns(CLOCK_MONOTONIC));
			check_told(&told, sample_id);
		}
		nrb_reader_close(reader);
		nrb_destroy(ring);
	}
}
END_TEST

/* With a sample_type SAMPLE records have none, and the others do; a SAMPLE that was given up is skipped. */
START_TEST(samples)
{
	struct nrb_ring *ring = ring_with(NRB_SAMPLE_TID | NRB_SAMPLE_TIME, NRB_SAMPLE_TID | NRB_SAMPLE_TIME | 1,
					  _i ? NRB_OVERWRITE : 0);
	struct nrb_reader *reader = reader_make(ring);
	struct nrb_reservation r;
	struct nrb_sample_id told;
	struct nrb_record record;

	ck_assert(nrb_reader_attr(reader).sample_type == (NRB_SAMPLE_TID | NRB_SAMPLE_TIME | 1));
	ck_assert_int_eq(nrb_write(ring, NRB_RECORD_SAMPLE, "", 0), 0);
	ck_assert_int_eq(nrb_reserve(ring, &r, NRB_RECORD_SAMPLE, 0), 0);
	nrb_discard(ring, &r);
	ck_assert_int_eq(nrb_reserve(ring, &r, 1, 8), 0);
	nrb_discard(ring, &r);
	ck_assert_int_eq(nrb_write(ring, 1, "", 0), 0);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 8 + 8 + 32 + 24);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert(record.type == NRB_RECORD_SAMPLE && record.size == 0 && !record.trailer);
	ck_assert_int_eq(nrb_reader_sample_id(reader, &record, &told), -ENODATA);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert(record.type == 1 && record.size == 0 && record.trailer);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 0);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

START_TEST(refusals)
{
	static const struct {
		uint64_t sample_id, sample_type;
		int error;
	} table[] = {
		{ 0, 0, 0 },
		{ ALL, 0, 0 },
		{ ALL, ALL, 0 },
		{ ALL, ALL | 1 | 1ull << 63, 0 },
		{ 0, ALL, 0 },
		{ 1, 0, EPROTOTYPE },
		{ NRB_SAMPLE_TID | 1 << 3, 0, EPROTOTYPE },
		{ 1ull << 63, 0, EPROTOTYPE },
		{ NRB_SAMPLE_TID, NRB_SAMPLE_TIME, EPROTOTYPE },
		{ NRB_SAMPLE_TID, NRB_SAMPLE_TID | NRB_SAMPLE_TIME, EPROTOTYPE },
		{ NRB_SAMPLE_TID | NRB_SAMPLE_TIME, NRB_SAMPLE_TID, EPROTOTYPE },
		{ NRB_SAMPLE_TID, 1, EPROTOTYPE },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nrb_attr attr = attr_with(table[i].sample_id, table[i].sample_type, 0);
		struct nrb_ring *ring;

		errno = 0;
		ring = nrb_create(&attr);
		ck_assert_msg(!ring == !!table[i].error && errno == table[i].error, "line %zu: %m", i);
		nrb_destroy(ring);
	}
}
END_TEST

START_TEST(clocks)
{
	static const clockid_t known[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME,
					   CLOCK_THREAD_CPUTIME_ID };
	struct nrb_attr attr = attr_with(NRB_SAMPLE_TIME, 0, 0);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint64_t from = now_ns(known[i]);
		struct nrb_sample_id told;
		struct nrb_record record;
		struct nrb_reader *reader;
		struct nrb_ring *ring;

		attr.clock = known[i];
		ring = nrb_create(&attr);
		ck_assert_msg(ring, "clock %d: %m", known[i]);
		reader = reader_make(ring);
		ck_assert_int_eq(nrb_reader_attr(reader).clock, known[i]);
		ck_assert_int_eq(nrb_write(ring, 1, "", 0), 0);
		ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
		ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
		ck_assert_int_eq(nrb_reader_sample_id(reader, &record, &told), 0);
		/* Somebody may set that one back. */
		if (known[i] != CLOCK_REALTIME)
			ck_assert(told.time >= from && told.time <= now_ns(known[i]));
		nrb_reader_close(reader);
		nrb_destroy(ring);
	}
	attr.clock = 4711;
	ck_assert_ptr_null(nrb_create(&attr));
	ck_assert_int_eq(errno, ENODEV);
	/* Whoever wants no time needs no clock. */
	attr.sample_id = NRB_SAMPLE_TID;
	nrb_destroy(nrb_create(&attr));
}
END_TEST

/* ---- who and where ---- */

static struct nrb_ring *shared;

static void write_one(int signal)
{
	(void)signal;
	if (nrb_write(shared, 4, "", 0))
		shared = NULL;
}

/* On one CPU after the other, nested by a handler each time. Return: how many CPUs. */
static void *write_around(void *tid)
{
	uintptr_t cpus = 0;
	cpu_set_t allowed, one;

	*(uint32_t *)tid = (uint32_t)syscall(SYS_gettid);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE && cpus < 2; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			continue;
		struct nrb_reservation r;

		if (nrb_reserve(shared, &r, 5, 8))
			return NULL;
		raise(SIGUSR1);
		memcpy(r.payload, &(uint64_t) { (uint64_t)cpu }, 8);
		nrb_commit(shared, &r);
		cpus++;
	}
	return (void *)cpus;
}

START_TEST(who_and_where)
{
	struct nrb_reader *reader;
	struct nrb_sample_id told;
	struct nrb_record record;
	uint64_t cpu = 0, time = 0;
	uint32_t tid = 0;
	pthread_t thread;
	void *cpus;

	shared = ring_with(ALL, 0, _i ? NRB_OVERWRITE : 0);
	reader = reader_make(shared);
	signal(SIGUSR1, write_one);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_around, &tid), 0);
	pthread_join(thread, &cpus);
	ck_assert_ptr_nonnull(shared);
	ck_assert_uint_ge((uintptr_t)cpus, 1);
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	for (uintptr_t i = 0; i < 2 * (uintptr_t)cpus; i++) {
		ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
		ck_assert_uint_eq(record.type, 5 - i % 2);
		if (record.type == 5)
			memcpy(&cpu, record.payload, sizeof(cpu));
		ck_assert_int_eq(nrb_reader_sample_id(reader, &record, &told), 0);
		ck_assert_uint_eq(told.pid, (uint32_t)getpid());
		ck_assert_uint_eq(told.tid, tid);
		ck_assert_uint_eq(told.cpu, cpu);
		ck_assert_uint_ge(told.time, time);
		time = told.time;
	}
	ck_assert_int_eq(nrb_reader_next(reader, &record), 0);
	nrb_reader_close(reader);
	nrb_destroy(shared);
}
END_TEST

START_TEST(largest)
{
	const uint64_t sizes[] = { PAGE, 1 << 20 };

	for (unsigned i = 0; i < 2; i++) {
		struct nrb_attr attr = attr_with(ALL, _i ? ALL : 0, 0);
		uint32_t type = _i ? NRB_RECORD_SAMPLE : 1;
		char payload[NRB_RECORD_MAX] = { 0 };
		struct nrb_reader *reader;
		struct nrb_record record;
		struct nrb_ring *ring;
		size_t max;

		attr.data_size = sizes[i];
		ring = nrb_create(&attr);
		ck_assert_msg(ring, "%m");
		reader = reader_make(ring);
		max = nrb_payload_max(ring);
		/* A LOST record, the header, and a trailer for each. */
		ck_assert_uint_eq(max, sizes[i] == PAGE && PAGE < 65536 ? PAGE - 8 - 24 - 48 - 8 - 48
									: NRB_RECORD_MAX - 8 - 48);
		ck_assert_int_eq(nrb_write(ring, type, payload, max + 1), -EMSGSIZE);
		nrb_pause(ring);
		ck_assert_int_eq(nrb_write(ring, type, payload, max), -ENOSPC);
		nrb_resume(ring);
		ck_assert_int_eq(nrb_write(ring, type, payload, max), 0);
		ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
		ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
		ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
		ck_assert_uint_eq(record.size, max);
		ck_assert(!record.trailer == (_i == 1));
		nrb_reader_close(reader);
		nrb_destroy(ring);
	}
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("trailer");
	TCase *tcase = suite_case(suite, "trailer");

	tcase_add_loop_test(tcase, chosen, 0, 4);
	tcase_add_loop_test(tcase, samples, 0, 2);
	tcase_add_test(tcase, refusals);
	tcase_add_test(tcase, clocks);
	tcase_add_loop_test(tcase, who_and_where, 0, 2);
	tcase_add_loop_test(tcase, largest, 0, 2);
	return suite;
}
