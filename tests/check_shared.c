/* SPDX-License-Identifier: MIT */
/*
 * check_shared.c - two threads write into one ring, where its target says that they may
 *
 * Our own ring has one writing thread. Behind a lock, with signals blocked, it may be shared all the same; without one
 * it may not, and that must be seen.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "levels.h"
#include "oracle.h"
#include "order.h"
#include "payload.h"
#include "run.h"
#include "suite.h"
#include "targets/ring_target.h"
#include "topology.h"
#include "verdict.h"

/* What chance decides gets so long, on a machine that may be busy with other things. */
#define PATIENCE_NS (60 * NS_PER_S)
#define STREAM 0x5eed

static struct options options;
static struct placement placement;
static struct run run;
static struct run_judgement verdict;

static void go(const struct target *target, unsigned writers)
{
	struct verdict_limits limits = { .min_exposure = 5 };
	struct judgement judgement[RUN_RESULTS_MAX];
	struct topology topology;
	char message[256];

	options = (struct options) { .target = { target }, .targets = 1, .tier = { TIER_TIMER }, .tiers = 1 };
	options.duration_ns = 300 * NS_PER_MS;
	options.data_size = 1 << 16;
	options.progress = 0.5;
	options.min_exposure = limits.min_exposure;
	options.seed = clock_ns();
	ck_assert_int_eq(topology_read(&topology, NULL, message, sizeof(message)), 0);
	ck_assert_int_eq(placement_make(&placement, &topology, PLACEMENT_NEAR, writers, 1), 0);
	run_free(&run);
	memset(&run, 0, sizeof(run));
	run.options = &options;
	run.placement = &placement;
	ck_assert_msg(!run_all(&run), "%s", run.message);
	verdict_run(run.result, run.results, &limits, judgement, &verdict);
}

/* ---- what may be shared ---- */

static pthread_spinlock_t lock;

static struct target_ring *open_locked(const struct target_attr *attr)
{
	pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
	return target_fixed.open(attr);
}

/* Signals first, or a handler would wait for what it interrupted. */
static int write_locked(struct target_ring *ring, const void *payload, size_t size)
{
	sigset_t levels, old;
	int rc;

	level_signals(&levels, LEVELS - 1);
	pthread_sigmask(SIG_BLOCK, &levels, &old);
	pthread_spin_lock(&lock);
	rc = target_fixed.write(ring, payload, size);
	pthread_spin_unlock(&lock);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

static struct target shared_target(const char *name)
{
	struct target target = target_fixed;

	target.name = name;
	target.shared = true;
	target.reserve = NULL;
	target.commit = NULL;
	target.attach = NULL;
	target.detach = NULL;
	return target;
}

/* Each record of either comes once, and none is told to be missing. */
START_TEST(both_are_read_to_the_end)
{
	struct target locked = shared_target("locked");
	uint64_t end = clock_ns() + PATIENCE_NS;
	const struct counts *counts;

	locked.open = open_locked;
	locked.write = write_locked;
	locked.masks_signals = true;
	do {
		go(&locked, 1 + (unsigned)_i);
		counts = &run.result[0].counts;
		ck_assert_uint_eq(counts_violations_except(counts, 0), 0);
		ck_assert_msg(!run.result[0].failed, "%s", run.result[0].message);
	} while ((!counts->shared_records || counts->shared_records == counts->records) && clock_ns() < end);
	ck_assert(run.result[0].shared);
	ck_assert_uint_gt(counts->shared_records, 0);
	ck_assert_uint_lt(counts->shared_records, counts->records);
	ck_assert_uint_eq(counts->records_read - counts->lost_records, counts->records);
}
END_TEST

/* A ring that is good for one thread and its handlers, and said to be good for two. */
START_TEST(a_wrong_claim_is_found_out)
{
	struct target wrong = shared_target("wrong");
	uint64_t end = clock_ns() + PATIENCE_NS;

	do
		go(&wrong, 1);
	while (!counts_violations_except(&run.result[0].counts, 0) && clock_ns() < end);
	ck_assert_int_eq(verdict.verdict, VERDICT_FAIL);
	ck_assert_uint_gt(run.result[0].events, 0);
}
END_TEST

/* ---- what cannot be told ---- */

static uint64_t late_head(const struct target_reader *reader)
{
	return target_fixed.head(reader) - 8;
}

static uint64_t late_reserved(const struct target_ring *ring)
{
	return target_fixed.reserved_head(ring) - 8;
}

/* A head that is made up of records counted lags behind the tail: that is none of the ring's, nor a time to be told. */
START_TEST(what_is_not_judged_leaves_no_time)
{
	struct target late = target_fixed;

	late.name = "late";
	late.checks = 0;
	late.head = late_head;
	late.reserved_head = late_reserved;
	go(&late, 1);
	ck_assert_msg(!run.result[0].failed, "%s", run.result[0].message);
	ck_assert_uint_gt(run.result[0].counts.records_read, 0);
	ck_assert_uint_eq(run.result[0].events, 0);
	ck_assert_uint_eq(run.result[0].first_violation_ns, UINT64_MAX);
}
END_TEST

/* ---- what it is worth ---- */

static struct target_result result[2];
static struct judgement judged[2];

static void judge(uint64_t met)
{
	struct class_counts *control = &result[0].counts.by_class[STRIKE_PLAIN];
	struct verdict_limits limits = { .min_exposure = 5 };

	memset(result, 0, sizeof(result));
	result[0].name = "control";
	result[0].claim = CLAIM_CONTROL;
	result[0].tier = result[1].tier = TIER_TIMER;
	result[0].expected = VIOLATION_BIT(HEAD_BACKWARD);
	control->violations[HEAD_BACKWARD] = control->seen = control->decreasing = 1000;
	result[1].name = "shared";
	result[1].claim = CLAIM_SOUND;
	result[1].shared = true;
	result[1].counts.by_class[STRIKE_PLAIN].exposed = 1000;
	result[1].counts.met = met;
	verdict_run(result, 2, &limits, judged, &verdict);
}

START_TEST(threads_that_never_met_prove_nothing)
{
	judge(4);
	ck_assert_int_eq(verdict.verdict, VERDICT_INCONCLUSIVE);
	ck_assert_msg(strstr(verdict.reason, "hardly met: 4 interrupts"), "%s", verdict.reason);
	judge(5);
	ck_assert_msg(verdict.verdict == VERDICT_PASS, "%s", verdict.reason);
}
END_TEST

/* ---- whose record it is ---- */

static void show(struct oracle_stream *stream, unsigned lane, uint64_t sequence, struct findings *findings)
{
	unsigned char payload[PAYLOAD_MIN + 8];
	struct observed_record record = { .type = 9, .size = sizeof(payload), .payload = payload };

	payload_fill(payload, sizeof(payload), STREAM, lane, sequence);
	oracle_record(stream, &record, findings);
}

START_TEST(each_thread_has_its_own_numbers)
{
	struct observed_rest rest = { .attempts = { 1 } };
	struct findings findings = { .count = 0 };
	struct oracle_stream stream;

	oracle_stream_init(&stream, STREAM, 1 << 16);
	show(&stream, 0, 0, &findings);
	for (unsigned lane = LEVELS; lane < LANES; lane++) {
		for (unsigned sequence = 0; sequence < lane; sequence++)
			show(&stream, lane, sequence, &findings);
		rest.attempts[lane] = lane;
	}
	oracle_rest(&stream, &rest, &findings);
	ck_assert_uint_eq(findings.count, 0);
	/* One that is missing is not made up for by the other's. */
	show(&stream, LEVELS, LEVELS + 1, &findings);
	oracle_batch(&stream, &findings);
	ck_assert(findings.count == 1 && findings.at[0].kind == SEQUENCE_GAP);
	show(&stream, LANES - 1, 0, &findings);
	ck_assert(findings.count == 2 && findings.at[1].kind == SEQUENCE_REPEAT);
	show(&stream, LANES, 0, &findings);
	ck_assert(findings.count == 3 && findings.at[2].kind == TORN_RECORD);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("shared");
	TCase *tcase = suite_case(suite, "shared");
	struct topology topology;
	const char *no_reader = NULL;
	char message[256];

	if (topology_read(&topology, NULL, message, sizeof(message)) || topology.cpus < 2)
		no_reader = "two CPUs are needed";
	tcase_add_test(tcase, each_thread_has_its_own_numbers);
	tcase_add_test(tcase, threads_that_never_met_prove_nothing);
	suite_add(tcase, a_wrong_claim_is_found_out, no_reader);
	suite_add(tcase, what_is_not_judged_leaves_no_time, no_reader);
	suite_add_loop(tcase, both_are_read_to_the_end, 2, no_reader);
	return suite;
}
