/* SPDX-License-Identifier: MIT */
/*
 * check_nesting.c - a nested write at every instruction boundary of a write
 *
 * Where not every boundary can be tried in the time given (-O0, sanitizers, pairs of boundaries), those right before an
 * access to the ring's memory are, and then those next to them; between two accesses all boundaries are alike to a
 * nested writer. How many were tried is told on standard error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nesting.h"
#include "payload.h"
#include "stepper.h"
#include "suite.h"
#include "targets/ring_target.h"
#define NRB_STEPS_SECTION nrb_path_nesting
#include "steps.h"

/* The time that one enumeration may take once every access has been struck. */
#define BUDGET_NS 400000000ull
#define BUDGET_PAIRS_NS 1200000000ull
/* Pairs that are tried whatever the time. */
#define PAIRS_LEAST 64

/* ---- scenarios ---- */

/* Records of level 0, @room bytes short of full. */
static void fill_but(struct nest_run *run, uint64_t room)
{
	for (uint64_t left = NEST_DATA_SIZE - 8 - room; left;) {
		uint64_t record = left > 1000 ? 408 : left > 408 ? left / 16 * 8 : left;

		nest_write(run, 0, record - 8, false, false);
		left -= record;
	}
}

static void prepare_full(struct nest_run *run)
{
	fill_but(run, 0);
}

/* Room for what nests, with the loss of the write that it interrupts, but not for that one. */
static void prepare_room_for_nested(struct nest_run *run)
{
	fill_but(run, 48);
}

/* Room for one of the two: whoever reserves first. */
static void prepare_room_for_one(struct nest_run *run)
{
	fill_but(run, 40);
}

static void release_all(struct nest_run *run)
{
	nest_observe(run);
	run->target->release(run->reader);
}

static void prepare_lost(struct nest_run *run)
{
	fill_but(run, 0);
	for (unsigned i = 0; i < 3; i++)
		nest_write(run, 0, 16, false, false);
	release_all(run);
}

/* With a loss to be told, and room for one write with its LOST record. */
static void prepare_lost_and_room_for_one(struct nest_run *run)
{
	prepare_lost(run);
	/* Uses up the loss, so lose again. */
	fill_but(run, 24 + 40 + 24);
	nest_write(run, 0, 200, false, false);
}

static const struct nest_scenario small = { .name = "small record", .size = 16, .nested_size = 16 };
static const struct nest_scenario scenarios[] = {
	{ .name = "record of 72 bytes", .size = 64, .nested_size = 40 },
	{ .name = "reserve and commit", .size = 24, .nested_size = 16, .in_place = true },
	{ .name = "refused, nested fits",
	  .prepare = prepare_room_for_nested,
	  .size = 64,
	  .nested_size = 16,
	  .refused = 1 },
	{ .name = "room for one", .prepare = prepare_room_for_one, .size = 32, .nested_size = 32, .refused = 1 },
	{ .name = "full", .prepare = prepare_full, .size = 16, .nested_size = 16, .refused = 2 },
	{ .name = "loss to be told", .prepare = prepare_lost, .size = 16, .nested_size = 16 },
	{ .name = "loss and room for one",
	  .prepare = prepare_lost_and_room_for_one,
	  .size = 32,
	  .nested_size = 32,
	  .refused = 1 },
};

#define ROOM_FOR_ONE 3
#define SCENARIOS ((int)(sizeof(scenarios) / sizeof(scenarios[0])))

START_TEST(every_boundary)
{
	const struct nest_scenario *scenario = &scenarios[_i];
	struct nest_sum sum;

	sum = nest_enumerate(&target_fixed, scenario, BUDGET_NS);
	if (scenario->prepare != prepare_lost)
		return;
	/* Where the nested writer took the count that the interrupted one was about to tell, that one tells 0. */
	ck_assert_uint_gt(sum.zero_lost, 0);
	ck_assert_uint_lt(sum.zero_lost, sum.runs);
}
END_TEST

/* Every boundary of the write, and in each, every one of the nested write, struck in its turn. */
START_TEST(every_pair)
{
	static struct nest_order outer, inner;
	unsigned long long pairs = 0;
	struct nest_sum sum = { .runs = 0 };
	unsigned struck = 0;
	uint64_t end;

	nest_enumerate(&target_fixed, &small, BUDGET_NS);
	end = nest_now_ns() + BUDGET_PAIRS_NS;
	nest_order(&target_fixed, &small, 0, &outer);
	for (unsigned i = 0; i < outer.accesses && (sum.runs < PAIRS_LEAST || nest_now_ns() < end); i++) {
		nest_order(&target_fixed, &small, outer.at[i], &inner);
		pairs += inner.accesses;
		for (unsigned k = 0; k < inner.accesses && (sum.runs < PAIRS_LEAST || nest_now_ns() < end); k++) {
			struct nest_run run = nest_once(&target_fixed, &small, outer.at[i], inner.at[k], -1);

			nest_sum_add(&sum, &run);
		}
		struck++;
	}
	suite_note("fixed, %s: %u of %llu pairs of accesses struck, behind %u of %u accesses\n", small.name, sum.runs,
		   pairs, struck, outer.accesses);
	ck_assert_uint_ge(sum.runs, PAIRS_LEAST);
}
END_TEST

/* ---- the proof that this test can see ---- */

static void expect(const struct nest_sum *sum, uint32_t expected, uint32_t allowed)
{
	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		if (expected & VIOLATION_BIT(kind))
			ck_assert_msg(sum->with[kind], "no %s in %u runs", violation_name(kind), sum->runs);
		else if (!(allowed & VIOLATION_BIT(kind)))
			ck_assert_msg(!sum->with[kind], "%s in %u of %u runs", violation_name(kind), sum->with[kind],
				      sum->runs);
	}
}

START_TEST(legacy_is_caught)
{
	struct nest_sum sum;

	sum = nest_enumerate(&target_legacy, &small, 0);
	expect(&sum, target_legacy.expected[TIER_STEP], target_legacy.allowed);
	/* Between two of its instructions, not anywhere. */
	ck_assert_uint_lt(sum.with[HEAD_BACKWARD], sum.runs / 2);
}
END_TEST

/* Every writer publishes its own head. */
NRB_STEP void publish_alone(struct nrb_ring *ring)
{
	struct nrb_writer *w = ring->writer;

	nrb_local_store(&w->nest, nrb_local_load(&w->nest) - 1);
	nrb_store_release(&ring->control->data_head, nrb_local_load(&w->head));
}

/* The check for records that came meanwhile is missing. */
NRB_STEP void publish_once(struct nrb_ring *ring)
{
	struct nrb_writer *w = ring->writer;
	uint32_t nest = nrb_local_load(&w->nest);

	nrb_local_fence();
	if (nest == 1)
		nrb_store_release(&ring->control->data_head, nrb_local_load(&w->head));
	nrb_local_fence();
	nrb_local_store(&w->nest, nest - 1);
}

/* Space is looked at only once, and the record put where head is by then. */
NRB_STEP int reserve_unchecked(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;
	uint64_t head = nrb_local_load(&w->head);

	if (!nrb_has_space(ring, head, r->size)) {
		nrb_local_add(&w->lost, 1);
		return -ENOSPC;
	}
	while (!nrb_local_cas(&w->head, &head, head + r->size))
		;
	r->position = head;
	return 0;
}

#define BROKEN(name_, reserve_, publish_)                                                                              \
	static const struct nrb_steps name_##_steps = {                                                                \
		.begin = nrb_begin, .reserve = reserve_, .copy = nrb_copy, .publish = publish_, .end = nrb_end         \
	};                                                                                                             \
	RING_TARGET_WRITE_PATH(name_, name_##_steps)                                                                   \
	static const struct target target_##name_ = { .name = #name_,                                                  \
						      .claim = CLAIM_CONTROL,                                          \
						      RING_TARGET_COMMON,                                              \
						      .write = name_##_write,                                          \
						      .reserve = name_##_reserve,                                      \
						      .commit = name_##_commit };

BROKEN(publish_alone, nrb_reserve_space, publish_alone)
BROKEN(publish_once, nrb_reserve_space, publish_once)
BROKEN(reserve_unchecked, reserve_unchecked, nrb_publish)

START_TEST(broken_ones_are_caught)
{
	struct nest_sum sum;

	sum = nest_enumerate(&target_publish_alone, &small, 0);
	/* A record that is covered but not yet written: whatever old bytes stand there. */
	ck_assert_uint_gt(sum.with[BAD_RECORD] + sum.with[TORN_RECORD], 0);
	sum = nest_enumerate(&target_publish_once, &small, 0);
	expect(&sum, VIOLATION_BIT(STUCK_HEAD), 0);
	sum = nest_enumerate(&target_reserve_unchecked, &scenarios[ROOM_FOR_ONE], 0);
	ck_assert_uint_gt(sum.with[OVERRUN], 0);
}
END_TEST

/* ---- real signals, raised between reserve and commit ---- */

#define DEEPEST 12

static struct {
	struct nrb_ring *ring;
	struct nrb_reader *reader;
	const int *signals; /* what strikes at each depth */
	unsigned depth, deepest;
	uint64_t sequence[LEVELS];
	unsigned published_early;
} tower;

/* Reserve, let the next signal strike, fill, commit. */
static void build(int signal)
{
	unsigned depth = tower.depth++, level = depth % LEVELS;
	uint64_t sequence = tower.sequence[level]++;
	struct nrb_reservation r;

	(void)signal;
	if (nrb_reserve(tower.ring, &r, 9, 16 + 8 * depth))
		abort();
	if (tower.depth < tower.deepest)
		raise(tower.signals[tower.depth]);
	payload_fill(r.payload, 16 + 8 * depth, NEST_STREAM, level, sequence);
	tower.published_early += nrb_reader_head(tower.reader) != NEST_START;
	nrb_commit(tower.ring, &r);
}

static void check_tower(const int *signals, unsigned deepest, int flags)
{
	struct sigaction action = { .sa_handler = build, .sa_flags = flags };
	uint64_t next[LEVELS] = { 0 }, sequence, head;
	struct nrb_record record;
	unsigned level;

	memset(&tower, 0, sizeof(tower));
	tower.signals = signals;
	tower.deepest = deepest;
	tower.ring = ring_make(65536, NEST_START);
	tower.reader = reader_make(tower.ring);
	for (unsigned depth = 1; depth < deepest; depth++)
		ck_assert_int_eq(sigaction(signals[depth], &action, NULL), 0);
	build(0);
	ck_assert_uint_eq(tower.depth, deepest);
	ck_assert_uint_eq(tower.published_early, 0);
	ck_assert_int_gt(nrb_reader_poll(tower.reader, &head), 0);
	ck_assert(head == nrb_reserved_head(tower.ring));
	for (unsigned depth = 0; depth < deepest; depth++) {
		ck_assert_int_eq(nrb_reader_next(tower.reader, &record), 1);
		ck_assert_uint_eq(record.size, 16 + 8 * depth);
		ck_assert(payload_verify(record.payload, record.size, NEST_STREAM, &level, &sequence));
		ck_assert_uint_eq(level, depth % LEVELS);
		ck_assert_uint_eq(sequence, next[level]++);
	}
	ck_assert_int_eq(nrb_reader_next(tower.reader, &record), 0);
	nrb_reader_close(tower.reader);
	nrb_destroy(tower.ring);
}

START_TEST(signals)
{
	static const int distinct[] = { 0, SIGUSR1, SIGUSR2, SIGHUP, SIGWINCH, SIGURG };
	int same[DEEPEST];

	for (unsigned i = 0; i < DEEPEST; i++)
		same[i] = SIGUSR1;
	for (unsigned deepest = 1; deepest <= sizeof(distinct) / sizeof(distinct[0]); deepest++)
		check_tower(distinct, deepest, 0);
	for (unsigned deepest = 1; deepest <= DEEPEST; deepest++)
		check_tower(same, deepest, SA_NODEFER);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("nesting");
	TCase *steps = suite_case(suite, "steps");
	TCase *raised = suite_case(suite, "signals");
	const char *missing = stepper_missing();

	if (missing)
		suite_add(steps, every_boundary, missing);
	else
		tcase_add_loop_test(steps, every_boundary, 0, SCENARIOS);
	suite_add(steps, every_pair, missing);
	suite_add(steps, legacy_is_caught, missing);
	suite_add(steps, broken_ones_are_caught, missing);
	tcase_add_test(raised, signals);
	return suite;
}
