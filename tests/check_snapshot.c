/* SPDX-License-Identifier: MIT */
/*
 * check_snapshot.c - an overwrite ring, written at full speed by a thread with real timer signals, while a reader takes
 * snapshot after snapshot
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "order.h"
#include "payload.h"
#include "stepping.h"
#include "suite.h"
#include "words.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define STREAM 21
#define PAYLOAD_MAX 2000
#define DATA_SIZE 16384
#define RECORDS (SANITIZED ? 100000u : 1000000u)
/* Snapshots that the writer waits for, however the two are scheduled. */
#define SNAPSHOTS 200u

static struct {
	struct nrb_ring *ring;
	uint64_t sequence[LEVELS]; /* the next of each level: the number of those that succeeded */
	uint64_t refused[LEVELS];
	uint64_t seed[LEVELS];
	unsigned snapshots;
	unsigned done;
} storm;

static void write_one(unsigned level)
{
	unsigned char payload[PAYLOAD_MAX];
	uint64_t word = suite_random(&storm.seed[level]);
	size_t size = PAYLOAD_MIN + (word % 16 ? word / 16 % 100 : word / 16 % (PAYLOAD_MAX - PAYLOAD_MIN)) / 8 * 8;

	payload_fill(payload, size, STREAM, level, storm.sequence[level]);
	if (nrb_write(storm.ring, 9, payload, size))
		storm.refused[level]++;
	else
		storm.sequence[level]++;
}

static void strike(int signal)
{
	write_one((unsigned)(signal - SIGRTMIN));
}

static void *write_all(void *argument)
{
	timer_t timer[LEVELS];
	sigset_t levels;

	(void)argument;
	sigemptyset(&levels);
	for (unsigned level = 1; level < LEVELS; level++) {
		struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + (int)level };
		struct itimerspec when = { .it_value.tv_nsec = 1000, .it_interval.tv_nsec = 61000 + 17000 * level };

		sigaddset(&levels, SIGRTMIN + (int)level);
		event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
		if (timer_create(CLOCK_MONOTONIC, &event, &timer[level]) || timer_settime(timer[level], 0, &when, NULL))
			return "no timer";
	}
	for (unsigned i = 0; i < RECORDS || nrb_load_relaxed(&storm.snapshots) < SNAPSHOTS; i++) {
		write_one(0);
		if (i % 4096 == 0)
			sched_yield();
	}
	for (unsigned level = 1; level < LEVELS; level++)
		timer_delete(timer[level]);
	/* What is still pending has come before this returns. */
	pthread_sigmask(SIG_BLOCK, &levels, NULL);
	nrb_store_release(&storm.done, 1);
	return NULL;
}

struct seen {
	uint64_t next[LEVELS];
	bool may_gap[LEVELS]; /* something was missed since this level's last record */
	uint64_t missed;
	uint64_t records, gaps, told;
};

/* All of the last snapshot. Each level goes on where it was, unless it was said that something was missed. */
static void check_snapshot(struct nrb_reader *reader, struct seen *seen)
{
	struct nrb_record record;
	uint64_t sequence;
	unsigned level;
	int rc;

	/* The first one begins with the oldest there is. */
	for (level = 0; level < LEVELS; level++)
		if (!storm.snapshots || nrb_reader_missed(reader) != seen->missed)
			seen->may_gap[level] = true;
	seen->missed = nrb_reader_missed(reader);
	while ((rc = nrb_reader_next(reader, &record)) == 1) {
		if (record.type == NRB_RECORD_LOST) {
			seen->told += ((const struct nrb_lost *)record.payload)->lost;
			continue;
		}
		require(record.type == 9);
		require(payload_verify(record.payload, record.size, STREAM, &level, &sequence));
		require(sequence == seen->next[level] || (seen->may_gap[level] && sequence > seen->next[level]));
		seen->gaps += sequence != seen->next[level];
		seen->may_gap[level] = false;
		seen->next[level] = sequence + 1;
		seen->records++;
	}
	require(rc == 0);
}

static void check_storm(uint32_t flags)
{
	struct sigaction action = { .sa_handler = strike, .sa_flags = SA_RESTART };
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct seen seen = { .records = 0 };
	struct nrb_reader *reader;
	pthread_t thread;
	void *message;
	unsigned done;

	memset(&storm, 0, sizeof(storm));
	for (unsigned level = 0; level < LEVELS; level++)
		storm.seed[level] = 99 + level;
	attr.data_size = DATA_SIZE;
	attr.start = UINT64_MAX - (1 << 20) + 1;
	attr.flags = NRB_OVERWRITE | flags;
	storm.ring = nrb_create(&attr);
	ck_assert_msg(storm.ring, "%m");
	reader = reader_make(storm.ring);
	for (unsigned level = 1; level < LEVELS; level++)
		ck_assert_int_eq(sigaction(SIGRTMIN + (int)level, &action, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_all, NULL), 0);
	do {
		int64_t found;

		/* Before the last snapshot. */
		done = nrb_load_acquire(&storm.done);
		found = nrb_reader_poll(reader, NULL);
		require(found >= 0 && found <= DATA_SIZE);
		check_snapshot(reader, &seen);
		nrb_store_relaxed(&storm.snapshots, storm.snapshots + 1);
		if (!found)
			sched_yield();
		/* Not always as fast as possible: else little is ever missed. */
		if (storm.snapshots % 4 == 0)
			sched_yield();
	} while (!done);
	ck_assert_int_eq(pthread_join(thread, &message), 0);
	ck_assert_msg(!message, "%s", (char *)message);
	/* At rest everything that was written last has been seen. */
	for (unsigned level = 0; level < LEVELS; level++) {
		ck_assert_uint_ge(storm.sequence[level], seen.next[level]);
		ck_assert_uint_eq(storm.refused[level], 0);
	}
	ck_assert_uint_eq(storm.sequence[0], seen.next[0]);
	ck_assert_uint_eq(nrb_lost(storm.ring), 0);
	ck_assert(nrb_reader_head(reader) == nrb_reserved_head(storm.ring));
	suite_note("%u snapshots, %llu records, %llu gaps, %llu bytes missed; %llu records of handlers\n",
		   storm.snapshots, (unsigned long long)seen.records, (unsigned long long)seen.gaps,
		   (unsigned long long)seen.missed,
		   (unsigned long long)(storm.sequence[1] + storm.sequence[2] + storm.sequence[3]));
	nrb_reader_close(reader);
	nrb_destroy(storm.ring);
}

START_TEST(forward)
{
	check_storm(0);
}
END_TEST

START_TEST(backward)
{
	check_storm(NRB_BACKWARD);
}
END_TEST

/* ---- somebody else's hand in it ---- */

#define FEW 6
#define MOMENTS 4

static struct nrb_ring *few_make(uint32_t flags)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_ring *ring;

	attr.flags = flags;
	attr.data_size = (uint64_t)sysconf(_SC_PAGESIZE);
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "nrb_create: %m");
	for (unsigned i = 0; i < FEW; i++)
		ck_assert_int_eq(nrb_write(ring, 9, &i, sizeof(i)), 0);
	return ring;
}

/* One poll by a reader without the writer's page, and who resumes the paused ring within it. */
struct blind {
	struct nrb_ring *ring;
	struct nrb_reader *reader;
	int64_t found;
	unsigned steps, moment;
};

static void blind_poll(void *argument)
{
	struct blind *blind = argument;

	blind->found = nrb_reader_poll(blind->reader, NULL);
}

static void resume_at(void *argument, uint64_t pc)
{
	struct blind *blind = argument;

	(void)pc;
	if (blind->steps++ == blind->moment)
		nrb_resume(blind->ring);
}

static int64_t poll_resumed_at(struct blind *blind, unsigned moment)
{
	blind->steps = 0;
	blind->moment = moment;
	nrb_pause(blind->ring);
	stepping_run(blind_poll, blind, resume_at, blind);
	return blind->found;
}

/* What was copied may be anything then: it is as if nobody had looked, and the next poll finds all of it. */
START_TEST(resumed_within_a_poll)
{
	struct nrb_ring *ring = few_make(_i ? NRB_OVERWRITE | NRB_BACKWARD : NRB_OVERWRITE);
	struct blind blind = { .ring = ring, .reader = nrb_reader_open_fd(nrb_fd(ring)) };
	struct nrb_record record;
	unsigned steps, i;

	ck_assert_ptr_nonnull(blind.reader);
	ck_assert_int_eq(poll_resumed_at(&blind, UINT_MAX), FEW * 16);
	steps = blind.steps;
	for (unsigned moment = 0; moment < MOMENTS; moment++) {
		nrb_reader_skip(blind.reader);
		nrb_reader_rewind(blind.reader);
		/* All of them before the last look at what is paused, which is no further than that from the end. */
		ck_assert_int_eq(poll_resumed_at(&blind, steps / 2 * moment / MOMENTS), -EACCES);
		ck_assert_int_eq(nrb_reader_next(blind.reader, &record), 0);
		ck_assert_uint_eq(nrb_reader_missed(blind.reader), 0);
	}
	nrb_pause(ring);
	ck_assert_int_eq(nrb_reader_poll(blind.reader, NULL), FEW * 16);
	for (i = 0; nrb_reader_next(blind.reader, &record) == 1; i++)
		ck_assert_mem_eq(record.payload, &i, sizeof(i));
	ck_assert_uint_eq(i, FEW);
	nrb_reader_close(blind.reader);
	nrb_destroy(ring);
}
END_TEST

/* A backward ring is not copied: a header may change after the poll that found its record. */
START_TEST(changed_behind_a_poll)
{
	struct nrb_ring *ring = few_make(NRB_BACKWARD);
	struct nrb_reader *reader = reader_make(ring);
	struct nrb_record record;
	unsigned char *file;
	uint64_t last;
	size_t size;

	file = map_whole(nrb_fd(ring), &size);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), FEW * 16);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	/* The oldest lies at the end of the data, the second below it. */
	memset(file + size - 32, 0, 8);
	ck_assert_int_eq(nrb_reader_next(reader, &record), -EBADMSG);
	last = nrb_reader_skip(reader);
	ck_assert_uint_eq(last, (FEW - 1) * 16);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 0);
	munmap(file, size);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tcase = suite_case(suite, "storm"), *hand = suite_case(suite, "somebody else's hand");

	tcase_add_test(tcase, forward);
	tcase_add_test(tcase, backward);
	suite_add_loop(hand, resumed_within_a_poll, 2, stepping_missing(&stepper_trap));
	tcase_add_test(hand, changed_behind_a_poll);
	return suite;
}
