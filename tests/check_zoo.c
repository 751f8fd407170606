/* SPDX-License-Identifier: MIT */
/*
 * check_zoo.c - every target, struck at every instruction boundary: the controls fail as they are known to, by name,
 * and the sound ones do not
 *
 * A control is shown in the ring state that it needs; in all the others it must show nothing that it is not known for.
 * An observer looks after every instruction. Where time does not suffice for every boundary (-O0, sanitizers), those
 * right before an access to the ring's memory are struck, and as many of the others as there is time for; and under a
 * sanitizer a control is shown in its own state alone. How many were struck is told on standard error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "levels.h"
#include "nesting.h"
#include "payload.h"
#include "stepper.h"
#include "suite.h"

/* Time for boundaries that do not stand before an access: where a target is shown, and elsewhere. */
#define BUDGET_OWN_NS 150000000ull
#define BUDGET_ELSEWHERE_NS 20000000ull
#define BUDGET_TWICE_NS 600000000ull

/* ---- the states that a ring may be in ---- */

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

/* Room for one of the two: whoever reserves first. */
static void prepare_room_for_one(struct nest_run *run)
{
	fill_but(run, 40);
}

/* A loss to be told, and room for the interrupted write with its LOST record, but for nothing else. */
static void prepare_loss(struct nest_run *run)
{
	fill_but(run, 0);
	nest_write(run, 0, 16, false, false);
	nest_observe(run);
	run->target->release(run->reader);
	/* The first of these tells that loss, so lose again. */
	fill_but(run, 24 + 40 + 24);
	nest_write(run, 0, 200, false, false);
}

enum { EMPTY, ACROSS, IN_PLACE, ROOM_FOR_ONE, LOSS, FULL, STATES };

static const struct nest_scenario states[STATES] = {
	[EMPTY] = { .name = "empty", .size = 16, .nested_size = 16 },
	/* The interrupted record reaches across 2^64, where the lower half of a position wraps as at any 2^32. */
	[ACROSS] = { .name = "across 2^64", .size = 64, .nested_size = 40 },
	[IN_PLACE] = { .name = "reserve and commit", .size = 24, .nested_size = 16, .in_place = true },
	[ROOM_FOR_ONE] = { .name = "room for one",
			   .prepare = prepare_room_for_one,
			   .size = 32,
			   .nested_size = 32,
			   .refused = 1 },
	[LOSS] = { .name = "loss and room for one",
		   .prepare = prepare_loss,
		   .size = 32,
		   .nested_size = 32,
		   .refused = 2 },
	[FULL] = { .name = "full", .prepare = prepare_full, .size = 16, .nested_size = 16, .refused = 3 },
};

/* How each control is shown. */
static const struct {
	const char *name;
	int state;
	bool twice; /* two strikes on one write */
} shown[] = {
	{ "legacy", EMPTY, false },        { "late-inc", EMPTY, true },
	{ "early-check", EMPTY, false },   { "no-recheck", EMPTY, false },
	{ "no-nest", EMPTY, false },       { "publish-first", EMPTY, false },
	{ "no-tail-check", FULL, false },  { "hoisted-space", ROOM_FOR_ONE, false },
	{ "plain-reserve", EMPTY, false }, { "torn-head", ACROSS, false },
	{ "lost-race", LOSS, false },      { "plain-nest-reload", EMPTY, false },
};

#define SHOWN ((int)(sizeof(shown) / sizeof(shown[0])))

static const char *const sound[] = { "fixed", "fixed-lock", "mask" };

#define SOUND ((int)(sizeof(sound) / sizeof(sound[0])))

/* ---- one write of level 0, struck once or twice by level 1 ---- */

struct zoo_run {
	struct nest_run nest; /* strikes are ours: its own are not used */
	unsigned at[2];       /* the boundaries to strike at, from 1, ascending; 0: none */
	unsigned struck;
};

static void take(struct nest_run *run, const struct findings *findings)
{
	for (unsigned i = 0; i < findings->count; i++) {
		run->violations[findings->at[i].kind]++;
		if (!run->first_step) {
			run->first = findings->at[i];
			run->first_step = run->step[0];
		}
	}
}

/* A slow reader looks at data_head alone, and at the records in the end: what is stored over them meanwhile shows. */
static void look(struct nest_run *run)
{
	struct findings findings = { .count = 0 };
	uint64_t tail, head;

	if (run->scenario != &states[FULL]) {
		nest_observe(run);
		return;
	}
	tail = run->target->tail(run->reader);
	head = run->target->head(run->reader);
	oracle_head(&run->watch, tail, head, &findings);
	oracle_fill(&run->stream, head, tail, &findings);
	take(run, &findings);
}

/* Whether a signal of level 1 would have to wait: then it strikes where it is let through. */
static bool is_masked(void)
{
	sigset_t set;

	pthread_sigmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, level_signal(1));
}

static void on_boundary(void *context, uint64_t pc)
{
	struct zoo_run *run = context;
	unsigned step = ++run->nest.step[0];

	(void)pc;
	/* A write path that never ends. */
	if (step >= NEST_BOUNDARIES)
		abort();
	look(&run->nest);
	if (run->struck == 2 || !run->at[run->struck] || step < run->at[run->struck])
		return;
	if (run->nest.target->masks_signals && is_masked())
		return;
	run->struck++;
	nest_write(&run->nest, 1, run->nest.scenario->nested_size, false, false);
	look(&run->nest);
}

/* Word for word as in nesting.c, so that a boundary has the same number here and in what nest_order() finds. */
struct call {
	struct nest_run *run;
	const void *payload;
	size_t size;
	int rc;
};

static void call_write(void *argument)
{
	struct call *call = argument;

	call->rc = call->run->target->write(call->run->ring, call->payload, call->size);
}

static void call_in_place(void *argument)
{
	struct call *call = argument;
	const struct target *target = call->run->target;
	struct target_reservation reservation;

	call->rc = target->reserve(call->run->ring, &reservation, call->size);
	if (call->rc)
		return;
	memcpy(reservation.payload, call->payload, call->size);
	target->commit(call->run->ring, &reservation);
}

static void write_stepped(struct zoo_run *run)
{
	struct nest_run *nest = &run->nest;
	unsigned char payload[512];
	struct call call = { .run = nest, .payload = payload, .size = nest->scenario->size };

	payload_fill(payload, call.size, NEST_STREAM, 0, nest->rest.attempts[0]++);
	stepper_run(nest->scenario->in_place ? call_in_place : call_write, &call, on_boundary, run);
	if (call.rc == -ENOSPC)
		nest->rest.failed[0]++;
	else if (call.rc)
		abort();
}

static void zoo_open(struct nest_run *run)
{
	const struct target_attr attr = { .data_size = NEST_DATA_SIZE, .start = NEST_START, .id = NEST_STREAM };

	run->ring = run->target->open(&attr);
	ck_assert_msg(run->ring, "%m");
	run->reader = run->target->reader_open(run->ring);
	ck_assert_msg(run->reader, "%m");
	run->seen = NEST_START;
	oracle_stream_init(&run->stream, NEST_STREAM, NEST_DATA_SIZE);
	if (run->scenario->prepare)
		run->scenario->prepare(run);
	look(run);
}

static void zoo_close(struct nest_run *run)
{
	struct findings findings = { .count = 0 };
	uint64_t head;

	nest_observe(run);
	/* As the harness's consumer: what cannot be read is passed over, and counts say nothing from then on. */
	if (run->target->poll(run->reader, &head) < 0)
		run->stream.resynced = true;
	run->rest.published_head = run->target->head(run->reader);
	run->rest.reserved_head = run->target->reserved_head(run->ring);
	run->rest.residual_lost = run->target->lost(run->ring);
	oracle_rest(&run->stream, &run->rest, &findings);
	take(run, &findings);
	run->target->reader_close(run->reader);
	run->target->close(run->ring);
}

static struct zoo_run zoo_once(const struct target *target, const struct nest_scenario *state, unsigned first,
			       unsigned second)
{
	struct zoo_run run = { .nest = { .target = target, .scenario = state, .profile = -1 },
			       .at = { first, second } };

	zoo_open(&run.nest);
	write_stepped(&run);
	zoo_close(&run.nest);
	return run;
}

/* ---- all of them ---- */

/* A run more: nothing but what is expected, or comes along. For a sound target that is nothing at all. */
static void judge(struct nest_sum *sum, const struct zoo_run *run)
{
	const struct target *target = run->nest.target;
	uint32_t known = target->expected[TIER_STEP] | target->allowed;

	sum->runs++;
	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		if (!run->nest.violations[kind])
			continue;
		sum->with[kind]++;
		if (!(known & VIOLATION_BIT(kind)))
			ck_abort_msg("%s, %s, struck at boundary %u, %u: %s; first %s after step %u: %#llx, then %#llx",
				     target->name, run->nest.scenario->name, run->at[0], run->at[1],
				     violation_name(kind), violation_name(run->nest.first.kind), run->nest.first_step,
				     (unsigned long long)run->nest.first.before,
				     (unsigned long long)run->nest.first.after);
	}
}

/* Sound ones have nothing to be caught for. */
static bool caught(const struct target *target, const struct nest_sum *sum)
{
	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		if (sum->with[kind] && target->expected[TIER_STEP] & VIOLATION_BIT(kind))
			return true;
	return target->claim == CLAIM_SOUND;
}

static void tell(const struct target *target, const struct nest_scenario *state, const char *strikes,
		 const struct nest_sum *sum, const struct nest_order *order)
{
	char names[256] = "";
	size_t at = 0;

	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		if (sum->with[kind])
			at += (size_t)snprintf(names + at, sizeof(names) - at, " %s %u", violation_name(kind),
					       sum->with[kind]);
	suite_note("%s, %s: %u runs, %s, %u boundaries, %u accesses:%s\n", target->name, state->name, sum->runs,
		   strikes, order->count, order->accesses, at ? names : " clean");
}

/* In which order to strike; all boundaries alike where the numbers are not those of nest_order(). */
static void find_order(const struct target *target, const struct nest_scenario *state, struct nest_order *order)
{
	unsigned count = zoo_once(target, state, 0, 0).nest.step[0];

	nest_order(target, state, 0, order);
	if (count == order->count)
		return;
	/* A control must be shown, however long it takes; a sound one is tried for as long as there is time. */
	order->count = count;
	order->accesses = target->claim == CLAIM_CONTROL ? count : 0;
	for (unsigned i = 0; i < count; i++)
		order->at[i] = i + 1;
}

/* One strike, at each boundary: before accesses first, then as far as @budget_ns goes. */
static struct nest_sum strike_once(const struct target *target, const struct nest_scenario *state, uint64_t budget_ns)
{
	static struct nest_order order;
	struct nest_sum sum = { .runs = 0 };
	uint64_t end;

	find_order(target, state, &order);
	end = nest_now_ns() + budget_ns;
	for (unsigned i = 0; i < order.count && (i < order.accesses || nest_now_ns() < end); i++) {
		struct zoo_run run = zoo_once(target, state, order.at[i], 0);

		/* The last boundaries lie in what steps, not in the write. */
		if (!run.struck)
			ck_assert_uint_ge(order.at[i] + 16, order.count);
		judge(&sum, &run);
	}
	tell(target, state, "one strike each", &sum, &order);
	return sum;
}

/*
 * Two strikes: the first before each access, the second at each later boundary. The latest first, because it is the
 * publish that goes back when it was struck. A control is looked at until it is caught, whatever the time.
 */
static struct nest_sum strike_twice(const struct target *target, const struct nest_scenario *state, uint64_t budget_ns)
{
	static struct nest_order order;
	struct nest_sum sum = { .runs = 0 };
	uint64_t end;

	find_order(target, state, &order);
	end = nest_now_ns() + budget_ns;
	for (unsigned i = order.accesses; i-- > 0 && (!caught(target, &sum) || nest_now_ns() < end);) {
		/* A strike may send it on a longer way. */
		unsigned last = zoo_once(target, state, order.at[i], 0).nest.step[0];

		for (unsigned second = last; second > order.at[i] && (!caught(target, &sum) || nest_now_ns() < end);
		     second--) {
			struct zoo_run run = zoo_once(target, state, order.at[i], second);

			judge(&sum, &run);
		}
	}
	tell(target, state, "two strikes each", &sum, &order);
	return sum;
}

static const struct target *find(const char *name)
{
	const struct target *target = target_find(name);

	ck_assert_msg(target, "no target %s", name);
	return target;
}

START_TEST(controls)
{
	const struct target *target = find(shown[_i].name);
	struct nest_sum sum;

	ck_assert(target->claim == CLAIM_CONTROL);
	for (int state = 0; state < STATES; state++) {
		if (!SANITIZED && (state != shown[_i].state || shown[_i].twice))
			strike_once(target, &states[state], BUDGET_ELSEWHERE_NS);
		if (state != shown[_i].state)
			continue;
		if (shown[_i].twice)
			sum = strike_twice(target, &states[state], BUDGET_TWICE_NS);
		else
			sum = strike_once(target, &states[state], BUDGET_OWN_NS);
		ck_assert_msg(caught(target, &sum), "%s, %s: not caught in %u runs", target->name, states[state].name,
			      sum.runs);
	}
}
END_TEST

START_TEST(sound_ones)
{
	const struct target *target = find(sound[_i]);

	ck_assert(target->claim == CLAIM_SOUND);
	for (int state = 0; state < STATES; state++)
		strike_once(target, &states[state], BUDGET_OWN_NS / 2);
	strike_twice(target, &states[EMPTY], BUDGET_TWICE_NS / 2);
}
END_TEST

/* Whoever adds a target says how it is shown. */
START_TEST(all_are_here)
{
	int here = 0, registered = 0;

	for (int i = 0; i < SHOWN; i++)
		here += find(shown[i].name)->claim == CLAIM_CONTROL;
	for (int i = 0; i < SOUND; i++)
		here += find(sound[i])->claim == CLAIM_SOUND;
	for (const struct target *const *t = target_table; *t; t++)
		registered += (*t)->driver == DRIVER_HARNESS;
	ck_assert_int_eq(here, registered);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("zoo");
	TCase *strikes = suite_case(suite, "strikes");
	const char *missing = stepper_missing();

	tcase_add_test(strikes, all_are_here);
	if (missing) {
		suite_add(strikes, controls, missing);
		suite_add(strikes, sound_ones, missing);
		return suite;
	}
	tcase_add_loop_test(strikes, controls, 0, SHOWN);
	tcase_add_loop_test(strikes, sound_ones, 0, SOUND);
	return suite;
}
