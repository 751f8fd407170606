/* SPDX-License-Identifier: MIT */
/*
 * check_exact.c - the step tier's shortcuts leave nothing out: with them and without, and played one by one from the
 * beginning, the same violations at the same boundaries
 *
 * A small write is explored in every way that there is. What takes longer, the registered targets, is compared for as
 * long as there is time, another one first in each run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "step/explore.h"
#include "step/play.h"
#include "step/scenario.h"
#include "step/step.h"
#include "stepping.h"
#include "suite.h"
#include "targets/ring_target.h"

#include "order.h"
#include "ring.h"

/* Comparisons begin within this time, a case; what takes longer than the limit is not compared. */
#define BUDGET_NS ((suite_full() ? 350 : 150) * NS_PER_MS)
#define LIMIT_NS NS_PER_S

/* ---- one way of exploring ---- */

struct explored {
	struct explore_result result;
	struct boundaries map;
	uint32_t kinds;
};

/* Return: whether it came to its end in time. */
static bool explore_by(unsigned accelerations, const struct target *target, const struct scenario *scenario,
		       unsigned depth, unsigned strikes, struct explored *explored)
{
	const struct explore_plan plan = { .stepper = &stepper_trap,
					   .depth = depth,
					   .strikes = strikes,
					   .accelerations = accelerations,
					   .deadline_ns = clock_ns() + LIMIT_NS };

	memset(explored, 0, sizeof(*explored));
	explore(target, scenario, &plan, &explored->result, &explored->map);
	ck_assert_msg(!explored->result.error, "%s, %s: %s", target->name, scenario->name, explored->result.message);
	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		if (explored->result.found[kind])
			explored->kinds |= VIOLATION_BIT(kind);
	return explored->result.complete;
}

/* @all: shortcuts save no strikes. */
static void compare_maps(const struct boundaries *one, const struct boundaries *other, bool all)
{
	require(one->count == other->count);
	for (unsigned i = 0; i < BOUNDARIES_MAX; i++) {
		const struct boundary *a = &one->at[i], *b;

		if (!a->pc)
			continue;
		b = boundaries_find(other, a->pc);
		require(b);
		require(a->exposed == b->exposed && a->decreasing == b->decreasing && a->masked == b->masked);
		require(a->violations == b->violations);
		require(!all || a->strikes[TIER_STEP] == b->strikes[TIER_STEP]);
		require(a->followed[TIER_STEP] == b->followed[TIER_STEP]);
	}
}

static void compare(const struct explored *slow, const struct explored *fast, const char *name, bool once)
{
	const struct step_counts *a = &slow->result.counts, *b = &fast->result.counts;

	ck_assert_msg(slow->kinds == fast->kinds, "%s: %#x, and with shortcuts %#x", name, slow->kinds, fast->kinds);
	ck_assert_uint_eq(a->boundaries, b->boundaries);
	ck_assert_uint_eq(a->masked, b->masked);
	ck_assert_int_eq(memcmp(a->tuples, b->tuples, sizeof(a->tuples)), 0);
	ck_assert_uint_eq(a->twice, b->twice);
	ck_assert_uint_ge(a->steps, b->steps);
	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		ck_assert_uint_eq(slow->result.witness[kind].count, fast->result.witness[kind].count);
	compare_maps(&slow->map, &fast->map, once);
}

/* That way, and with all shortcuts. Return: whether there was time for it. */
static bool compare_way(unsigned way, const struct target *target, const struct scenario *scenario, unsigned depth,
			unsigned strikes)
{
	static struct explored fast, slow;

	if (!explore_by(EXPLORE_FAST, target, scenario, depth, strikes, &fast) ||
	    !explore_by(way, target, scenario, depth, strikes, &slow)) {
		suite_note("%s, %s, depth %u, %u strikes, shortcuts %u: out of time\n", target->name, scenario->name,
			   depth, strikes, way);
		return false;
	}
	compare(&slow, &fast, target->name, depth == 1 && strikes == 1);
	return true;
}

/* ---- a small write, which has all that can go wrong ---- */

/* Reserves by a load and a store, and publishes its own head: for records of 16 bytes that fit. */
static int tiny_write(struct target_ring *ring, const void *payload, size_t size)
{
	struct nrb_ring *r = ring_of(ring);
	struct nrb_writer *w = r->writer;
	uint64_t head = nrb_local_load(&w->head);
	uint64_t *at = (uint64_t *)(void *)(r->data + (head & (SCENE_DATA_SIZE - 1)));

	(void)size;
	nrb_local_store(&w->head, head + 24);
	at[0] = (24ull << 48) | NRB_RECORD_SAMPLE;
	at[1] = ((const uint64_t *)payload)[0];
	at[2] = ((const uint64_t *)payload)[1];
	nrb_local_fence();
	nrb_store_release(&r->control->data_head, head + 24);
	return 0;
}

static struct target tiny(void)
{
	struct target target = target_fixed;

	target.name = "tiny";
	target.write = tiny_write;
	target.reserve = NULL;
	target.commit = NULL;
	return target;
}

START_TEST(small_write)
{
	static const struct {
		unsigned depth, strikes;
	} pass[] = { { 1, 1 }, { 1, 2 }, { 2, 1 } };
	static const char *const names[] = { "empty", "ends at the last byte" };
	uint64_t end = clock_ns() + 2 * BUDGET_NS;
	struct target target = tiny();
	bool done = true;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]) && done; i++)
		for (unsigned k = 0; k < sizeof(pass) / sizeof(pass[0]) && done; k++)
			for (unsigned way = 0; way < EXPLORE_FAST && done && clock_ns() < end; way++)
				done = compare_way(way, &target, scenario_find(names[i]), pass[k].depth,
						   pass[k].strikes);
}
END_TEST

/* ---- the registered targets ---- */

static unsigned targets(void)
{
	unsigned count = 0;

	while (target_table[count])
		count++;
	return count;
}

/* Each in another state of the ring, from another target on. */
static void compare_targets(bool states_only)
{
	uint64_t start = clock_ns(), end = start + BUDGET_NS;
	unsigned count = targets(), first = (unsigned)(start / NS_PER_MS % count), done = 0, in_time = 0;

	for (; done < count && clock_ns() < end; done++) {
		const struct target *target = target_table[(first + done) % count];
		const struct scenario *scenario = &scenarios[(first + done) % scenario_count];

		if (states_only)
			in_time += compare_way(EXPLORE_SUMMARIES, target, scenario, 1, 1);
		else
			in_time += compare_way(0, target, scenario, 1, 1) &&
				   compare_way(EXPLORE_STATES, target, scenario, 1, 1);
	}
	suite_note("%s: %u of %u targets, from %s on\n", states_only ? "states" : "all shortcuts", in_time, count,
		   target_table[first]->name);
	ck_assert_uint_gt(done, 0);
}

START_TEST(every_target)
{
	compare_targets(_i);
}
END_TEST

/* Two levels deep the plain way takes minutes; which states are told apart is what can still be compared. */
START_TEST(deeper)
{
	compare_way(EXPLORE_SUMMARIES, &target_legacy, scenario_find("full"), 2, 1);
}
END_TEST

/* ---- played from the beginning ---- */

static void play_it(const struct target *target, const struct scenario *scenario, const struct witness *witness,
		    struct play_result *played)
{
	play(target, scenario, &stepper_trap, witness, NULL, NULL, played);
	ck_assert_msg(!played->error, "%s, %s: %s", target->name, scenario->name, played->message);
}

static const struct {
	const struct target *target;
	const char *scenario;
} played_ones[] = {
	{ &target_legacy, "empty" },
	{ &target_lost_race, "loss, room for one" },
	{ &target_fixed, "room for nested" },
	{ &target_no_nest, "across the last byte" },
	{ &target_mask, "full" },
	{ &target_plain_reserve, "reserve and commit" },
};

#define PLAYED ((int)(sizeof(played_ones) / sizeof(played_ones[0])))

/* One strike at each boundary; where time is short, at boundaries spread over all. */
START_TEST(one_by_one)
{
	const struct target *target = played_ones[_i].target;
	const struct scenario *scenario = scenario_find(played_ones[_i].scenario);
	static struct explored explored;
	struct witness witness = { .count = 1 };
	uint64_t end = clock_ns() + BUDGET_NS / PLAYED;
	struct play_result played;
	unsigned done = 0, struck = 0, all;
	uint32_t kinds = 0;

	if (!explore_by(EXPLORE_FAST, target, scenario, 1, 1, &explored))
		return;
	all = (unsigned)explored.result.counts.boundaries;
	for (unsigned at = 0; done < all && (done < 10 || clock_ns() < end); done++) {
		witness.strike[0].boundary = at;
		play_it(target, scenario, &witness, &played);
		kinds |= played.kinds;
		struck += played.struck;
		ck_assert_msg(!(kinds & ~explored.kinds), "%s: %#x when played, %#x when explored", target->name, kinds,
			      explored.kinds);
		/* 7919 is a prime: each comes once. */
		at = (at + 7919) % all;
	}
	suite_note("%s, %s: %u of %u boundaries played\n", target->name, scenario->name, done, all);
	if (done < all)
		return;
	ck_assert_uint_eq(kinds, explored.kinds);
	/* More of an instruction that repeats itself. */
	ck_assert_uint_ge(struck, explored.result.counts.tuples[1]);
	ck_assert_uint_eq(struck + explored.result.counts.masked, all);
}
END_TEST

/* Pairs of strikes at random: nothing that was not found; and each of those found leads there. */
static void play_pairs(const struct target *target, const struct scenario *scenario, bool nested)
{
	static struct explored explored;
	uint64_t random = 0x2545f491u, end = clock_ns() + BUDGET_NS / 8;
	struct witness witness = { .count = 2, .strike[1].level = nested };
	struct play_result played;
	unsigned all, both = 0;

	if (!explore_by(EXPLORE_FAST, target, scenario, 1 + nested, 2 - nested, &explored))
		return;
	all = (unsigned)explored.result.counts.boundaries;
	for (unsigned i = 0; i < 1000 && (both < 5 || clock_ns() < end); i++) {
		uint32_t first = (uint32_t)(suite_random(&random) % all),
			 second = (uint32_t)(suite_random(&random) % all);

		witness.strike[0].boundary = nested || first < second ? first : second;
		witness.strike[1].boundary = nested || first < second ? second : first;
		play_it(target, scenario, &witness, &played);
		both += played.struck == 2;
		ck_assert_msg(!(played.kinds & ~explored.kinds), "%s struck at %u, %u: %#x when played, %#x explored",
			      target->name, first, second, played.kinds, explored.kinds);
	}
	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		if (!explored.result.witness[kind].known)
			continue;
		play_it(target, scenario, &explored.result.witness[kind], &played);
		ck_assert_uint_eq(played.struck, explored.result.witness[kind].count);
		ck_assert(played.kinds & VIOLATION_BIT(kind));
	}
	suite_note("%s, %s: %u pairs played\n", target->name, nested ? "nested" : "twice", both);
	ck_assert_uint_ge(both, 5);
}

#define PAIRED 4

START_TEST(pairs)
{
	static const struct target *const paired[PAIRED] = { &target_legacy, &target_fixed, &target_no_nest,
							     &target_late_inc };
	struct target small = tiny();

	if (_i < PAIRED)
		play_pairs(paired[_i], scenario_find("empty"), _i < 2);
	else
		play_pairs(&small, scenario_find("empty"), _i == PAIRED);
}
END_TEST

struct told {
	unsigned steps, strikes, returns;
	uint32_t boundary;
	bool taken;
	uint64_t head, reserved;
};

static void count_event(const struct play_event *event, void *context)
{
	struct told *told = context;

	told->steps += event->what == PLAY_STEP;
	told->strikes += event->what == PLAY_STRIKE;
	told->returns += event->what == PLAY_RETURN;
	told->boundary = event->boundary;
	told->taken = event->taken;
	told->head = event->head;
	told->reserved = event->reserved;
}

START_TEST(unstruck)
{
	const struct witness nothing = { .count = 0 };
	static struct explored explored;

	for (unsigned i = 0; i < scenario_count; i++) {
		struct play_result played;
		struct told told = { .steps = 0 };
		const char *name = scenarios[i].name;
		bool full = !strncmp(name, "full", 4) || !strcmp(name, "room for nested") ||
			    !strcmp(name, "loss, then released");

		play(&target_legacy, &scenarios[i], &stepper_trap, &nothing, count_event, &told, &played);
		ck_assert_msg(!played.error, "%s", played.message);
		ck_assert_uint_eq(played.kinds + played.struck + played.inner, 0);
		ck_assert_uint_eq(played.steps, played.boundaries);
		ck_assert_uint_eq(told.steps, played.steps);
		ck_assert_uint_eq(told.boundary, played.boundaries);
		ck_assert(told.strikes == 0 && told.returns == 1 && told.taken == !full);
		ck_assert(told.head == told.reserved);
		if (i % 4 == 0 && explore_by(EXPLORE_FAST, &target_legacy, &scenarios[i], 1, 1, &explored))
			ck_assert_uint_eq(explored.result.counts.boundaries, played.boundaries);
	}
}
END_TEST

/* ---- memory that a target does not tell of ---- */

static unsigned calls, odd_call;

/* Once in its life data_head goes back a word, and forth. */
static int forgetful_write(struct target_ring *ring, const void *payload, size_t size)
{
	struct nrb_control *control = ring_of(ring)->control;
	int rc = target_fixed.write(ring, payload, size);

	if (++calls == odd_call) {
		uint64_t head = nrb_load_relaxed(&control->data_head);

		nrb_store_release(&control->data_head, head - 8);
		nrb_store_release(&control->data_head, head);
	}
	return rc;
}

static unsigned forgotten;

static unsigned all_but_one_region(struct target_ring *ring, struct target_reader *reader, struct target_region *region)
{
	unsigned count = target_fixed.regions(ring, reader, region);

	memmove(region + forgotten, region + forgotten + 1, (count - forgotten - 1) * sizeof(*region));
	return count - 1;
}

static void run_step(const struct target *target, struct step_result *result)
{
	const struct step_config config = { .target = target, .depth = 1, .strikes = 1, .duration_ns = 60 * NS_PER_S };

	memset(result, 0, sizeof(*result));
	step_run(&config, result, NULL);
	ck_assert(result->done && !result->missing);
}

/* So that one violation is enough. */
static void be_known_for_all(struct target *target)
{
	target->claim = CLAIM_CONTROL;
	target->expected[TIER_STEP] = target->checks;
}

START_TEST(hidden_state_is_an_error_where_it_matters)
{
	static struct step_result result;
	struct target target = target_fixed;

	target.name = "forgetful";
	target.reserve = NULL;
	target.commit = NULL;
	target.write = forgetful_write;
	/* It never comes to that: a counter that nobody looks at harms nobody. */
	odd_call = UINT32_MAX;
	run_step(&target, &result);
	ck_assert_msg(!result.error && result.confirmed, "%s", result.message);
	/* In the first scenario, and never again. */
	be_known_for_all(&target);
	calls = 0;
	odd_call = 2;
	run_step(&target, &result);
	ck_assert_uint_gt(result.found[HEAD_BACKWARD], 0);
	ck_assert(!result.confirmed);
	ck_assert_int_eq(result.error, -EPROTO);
	ck_assert_msg(strstr(result.message, "head_backward") && strstr(result.message, "\"empty\""), "%s",
		      result.message);
}
END_TEST

START_TEST(a_forgotten_region_is_an_error)
{
	static struct step_result result;
	struct target target = target_fixed;

	target.name = "forgetful";
	target.regions = all_but_one_region;
	forgotten = (unsigned)_i;
	be_known_for_all(&target);
	run_step(&target, &result);
	ck_assert_msg(result.error == -EPROTO, "%d %s", result.error, result.message);
	ck_assert(!result.confirmed);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("exact");
	TCase *shortcuts = suite_case(suite, "shortcuts");
	TCase *plays = suite_case(suite, "plays");
	TCase *hidden = suite_case(suite, "hidden");
	const char *missing = stepping_missing(&stepper_trap);

	suite_add(shortcuts, small_write, missing);
	suite_add(shortcuts, deeper, missing);
	suite_add(plays, unstruck, missing);
	suite_add(hidden, hidden_state_is_an_error_where_it_matters,
		  SANITIZED ? "this build's instructions are too many to step to the end" : missing);
	if (missing) {
		suite_add(shortcuts, every_target, missing);
		suite_add(plays, one_by_one, missing);
		suite_add(plays, pairs, missing);
		suite_add(hidden, a_forgotten_region_is_an_error, missing);
		return suite;
	}
	tcase_add_loop_test(shortcuts, every_target, 0, 2);
	tcase_add_loop_test(plays, one_by_one, 0, PLAYED);
	tcase_add_loop_test(plays, pairs, 0, PAIRED + 2);
	tcase_add_loop_test(hidden, a_forgotten_region_is_an_error, 0, 4);
	return suite;
}
