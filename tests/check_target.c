/* SPDX-License-Identifier: MIT */
/*
 * check_target.c - every registered target, through its table: what it claims, and that undisturbed it is a ring
 *
 * Undisturbed even a control must work: it is known for what it does under interrupts, and nothing else.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "oracle.h"
#include "payload.h"
#include "stepping.h"
#include "suite.h"
#include "targets/target.h"

#define STREAM 9
#define DATA_SIZE 65536u

static const uint64_t starts[] = { 0, (1ull << 32) - 64, UINT64_MAX - 63 };

START_TEST(table)
{
	unsigned sound = 0, controls = 0;

	for (const struct target *const *t = target_table; *t; t++) {
		const struct target *target = *t;
		bool shows = false;

		ck_assert(target->name && target->name[0] && target->summary && target->summary[0]);
		ck_assert_msg(!strpbrk(target->name, " \t\n,:="), "\"%s\" is not a word", target->name);
		ck_assert_msg(!strchr(target->summary, '\n'), "%s: more than one line", target->name);
		ck_assert_msg(target_find(target->name) == target, "%s: a name twice", target->name);
		ck_assert(target->open && target->close && target->write && target->reserved_head && target->lost);
		ck_assert(target->reader_open && target->reader_close && target->head && target->tail);
		ck_assert(target->poll && target->next && target->release && target->skip);
		ck_assert(!target->reserve == !target->commit);
		ck_assert(target->checks && !(target->checks & ~VIOLATION_ALL));
		for (unsigned tier = 0; tier < TIERS; tier++) {
			/* What cannot be told for it cannot be expected of it. */
			ck_assert(!(target->expected[tier] & ~target->checks));
			shows |= target->expected[tier] != 0;
		}
		ck_assert_msg(shows == (target->claim == CLAIM_CONTROL), "%s: expectations against its claim",
			      target->name);
		ck_assert(target->claim == CLAIM_CONTROL || !target->allowed);
		sound += target->claim == CLAIM_SOUND;
		controls += target->claim == CLAIM_CONTROL;
	}
	ck_assert(sound && controls);
	ck_assert_ptr_null(target_find(""));
	ck_assert_ptr_null(target_find("legac"));
	ck_assert_ptr_null(target_find("legacyy"));
}
END_TEST

/* The two that a run without arguments needs, and how legacy is known to fail. */
START_TEST(known)
{
	const struct target *fixed = target_find("fixed"), *legacy = target_find("legacy");

	ck_assert(fixed && legacy);
	ck_assert(fixed->claim == CLAIM_SOUND && legacy->claim == CLAIM_CONTROL);
	for (unsigned tier = 0; tier < TIER_KERNEL; tier++)
		ck_assert_uint_eq(legacy->expected[tier], VIOLATION_BIT(HEAD_BACKWARD));
	ck_assert_uint_eq(legacy->allowed, VIOLATION_BIT(HEAD_BELOW_TAIL));
}
END_TEST

/* ---- as a ring ---- */

struct fixture {
	const struct target *target;
	struct target_ring *ring;
	struct target_reader *reader;
	struct oracle_watch watch;
	struct oracle_stream stream;
	struct observed_rest rest;
	struct findings findings;
};

static void fixture_open(struct fixture *f, const struct target *target, uint64_t start)
{
	const struct target_attr attr = { .data_size = DATA_SIZE, .start = start, .id = STREAM };

	memset(f, 0, sizeof(*f));
	f->target = target;
	f->ring = target->open(&attr);
	ck_assert_msg(f->ring, "%s: %m", target->name);
	if (target->attach)
		ck_assert_int_eq(target->attach(f->ring), 0);
	f->reader = target->reader_open(f->ring);
	ck_assert_msg(f->reader, "%s: %m", target->name);
	oracle_stream_init(&f->stream, STREAM, DATA_SIZE);
	ck_assert(target->reserved_head(f->ring) == target->head(f->reader));
	ck_assert(target->tail(f->reader) == target->head(f->reader));
}

/* Read everything, and let the oracle judge it. */
static void drain(struct fixture *f)
{
	const struct target *target = f->target;
	struct target_record record;
	uint64_t head, before = target->tail(f->reader);
	int rc;

	oracle_head(&f->watch, before, target->head(f->reader), &f->findings);
	ck_assert_int_ge(target->poll(f->reader, &head), 0);
	oracle_fill(&f->stream, head, before, &f->findings);
	while ((rc = target->next(f->reader, &record)) == 1) {
		const struct observed_record seen = {
			.type = record.type, .size = record.size, .position = record.position, .payload = record.payload
		};

		oracle_record(&f->stream, &seen, &f->findings);
	}
	ck_assert_int_eq(rc, 0);
	oracle_batch(&f->stream, &f->findings);
	ck_assert(target->tail(f->reader) == before);
	target->release(f->reader);
	ck_assert(target->tail(f->reader) == head);
	ck_assert_int_eq(target->poll(f->reader, NULL), 0);
}

static void fixture_close(struct fixture *f)
{
	drain(f);
	f->rest.published_head = f->target->head(f->reader);
	f->rest.reserved_head = f->target->reserved_head(f->ring);
	f->rest.residual_lost = f->target->lost(f->ring);
	oracle_rest(&f->stream, &f->rest, &f->findings);
	for (unsigned i = 0; i < f->findings.count; i++)
		ck_abort_msg("%s: %s, undisturbed", f->target->name, violation_name(f->findings.at[i].kind));
	f->target->reader_close(f->reader);
	if (f->target->detach)
		f->target->detach(f->ring);
	f->target->close(f->ring);
}

static int put(struct fixture *f, unsigned level, size_t size, bool in_place)
{
	static unsigned char payload[DATA_SIZE];
	struct target_reservation reservation;
	int rc;

	payload_fill(payload, size, STREAM, level, f->rest.attempts[level]++);
	if (in_place) {
		rc = f->target->reserve(f->ring, &reservation, size);
		if (!rc) {
			memcpy(reservation.payload, payload, size);
			f->target->commit(f->ring, &reservation);
		}
	} else {
		rc = f->target->write(f->ring, payload, size);
	}
	ck_assert(rc == 0 || rc == -ENOSPC);
	f->rest.failed[level] += rc != 0;
	return rc;
}

/*
 * Space is what the first gets wrong: it takes one record at a time, and overruns what is full. The second's section
 * begins anew also when the CPU is given to another process in the middle of it.
 */
static bool fails_undisturbed(const struct target *target)
{
	return !strcmp(target->name, "swapped-space") || !strcmp(target->name, "rseq-early-commit");
}

START_TEST(round_trip)
{
	for (const struct target *const *t = target_table; *t; t++) {
		struct fixture f;

		if ((*t)->driver != DRIVER_HARNESS || fails_undisturbed(*t))
			continue;
		fixture_open(&f, *t, starts[_i]);
		/* Several laps. */
		for (unsigned i = 0; i < 2000; i++) {
			ck_assert_int_eq(put(&f, i % LEVELS, PAYLOAD_MIN + i % 50 * 8, (*t)->reserve && i & 1), 0);
			if (i % 64 == 63)
				drain(&f);
		}
		drain(&f);
		ck_assert_uint_eq(f.stream.records, 2000);
		ck_assert_uint_eq((*t)->lost(f.ring), 0);
		fixture_close(&f);
	}
}
END_TEST

/* Stores before it tests: so it fails whenever the ring is full, interrupts or not. */
static bool fails_when_full(const struct target *target)
{
	return !strcmp(target->name, "no-tail-check");
}

START_TEST(losses)
{
	for (const struct target *const *t = target_table; *t; t++) {
		struct fixture f;

		if ((*t)->driver != DRIVER_HARNESS || fails_when_full(*t) || fails_undisturbed(*t) || (*t)->overwrites)
			continue;
		fixture_open(&f, *t, starts[_i]);
		for (unsigned lap = 0; lap < 3; lap++) {
			while (!put(&f, 0, 1000, false))
				;
			put(&f, 1, 1000, (*t)->reserve);
			ck_assert_uint_eq((*t)->lost(f.ring), 2);
			drain(&f);
			ck_assert_int_eq(put(&f, 2, 16, false), 0);
			ck_assert_uint_eq((*t)->lost(f.ring), 0);
			drain(&f);
			ck_assert_uint_eq(f.stream.lost, 2 * (lap + 1));
		}
		/* And some that nothing in the ring tells any more. */
		while (!put(&f, 0, 4000, false))
			;
		fixture_close(&f);
	}
}
END_TEST

/* Where nothing is refused: after several laps the newest are there, and what is missing was missed. */
START_TEST(overwritten)
{
	for (const struct target *const *t = target_table; *t; t++) {
		struct fixture f;

		if (!(*t)->overwrites)
			continue;
		fixture_open(&f, *t, starts[_i]);
		for (unsigned i = 0; i < 1000; i++)
			ck_assert_int_eq(put(&f, i % LEVELS, 1000, (*t)->reserve && i & 1), 0);
		oracle_missed(&f.stream);
		drain(&f);
		ck_assert_uint_gt((*t)->missed(f.reader), 0);
		ck_assert_uint_ge(f.stream.records, DATA_SIZE / 1008 * 3 / 4);
		ck_assert_uint_eq(f.stream.records + f.stream.missed, 1000);
		fixture_close(&f);
	}
}
END_TEST

/* However many laps a ring has come to when it is replaced, what follows it lies beyond. */
START_TEST(swapped)
{
	for (const struct target *const *t = target_table; *t; t++) {
		const struct target *target = *t;
		struct fixture f;
		uint64_t tail, head;

		if (!target->swap)
			continue;
		fixture_open(&f, target, starts[_i]);
		for (unsigned swaps = 0; swaps < 10; swaps++) {
			for (unsigned i = 0; i < 320; i++) {
				ck_assert_int_eq(put(&f, i % LEVELS, 1000, i & 1), 0);
				if (i % 64 == 63)
					drain(&f);
			}
			ck_assert_int_eq(target->swap(f.ring), 0);
			tail = target->tail(f.reader);
			ck_assert_int_eq(target->poll(f.reader, &head), 0);
			oracle_head(&f.watch, tail, head, &f.findings);
		}
		ck_assert_uint_eq(f.stream.records, 3200);
		fixture_close(&f);
	}
}
END_TEST

/* One poll comes to what there is, past rings that nobody wrote into. */
START_TEST(swapped_unused)
{
	for (const struct target *const *t = target_table; *t; t++) {
		const struct target *target = *t;
		struct target_record record;
		struct fixture f;

		if (!target->swap)
			continue;
		fixture_open(&f, target, starts[_i]);
		for (unsigned swaps = 0; swaps < 3; swaps++)
			ck_assert_int_eq(target->swap(f.ring), 0);
		put(&f, 0, 16, false);
		ck_assert_int_gt(target->poll(f.reader, NULL), 0);
		ck_assert_int_eq(target->next(f.reader, &record), 1);
		target->release(f.reader);
		ck_assert_int_eq(target->poll(f.reader, NULL), 0);
		f.stream.resynced = true;
		fixture_close(&f);
	}
}
END_TEST

START_TEST(reservations)
{
	for (const struct target *const *t = target_table; *t; t++) {
		struct target_reservation outer, inner;
		const struct target *target = *t;
		struct fixture f;
		uint64_t before;

		/* Two writes at a time. */
		if (target->driver != DRIVER_HARNESS || !target->reserve || target->max_depth == 1 ||
		    fails_undisturbed(target))
			continue;
		fixture_open(&f, target, starts[_i]);
		before = target->head(f.reader);
		ck_assert_int_eq(target->reserve(f.ring, &outer, 32), 0);
		ck_assert_int_eq(target->reserve(f.ring, &inner, 40), 0);
		payload_fill(inner.payload, 40, STREAM, 1, f.rest.attempts[1]++);
		target->commit(f.ring, &inner);
		payload_fill(outer.payload, 32, STREAM, 0, f.rest.attempts[0]++);
		if (target->claim == CLAIM_SOUND)
			ck_assert(target->head(f.reader) == before);
		/* What is told of late is just this. */
		ck_assert(target->reserved_head(f.ring) != before || !strcmp(target->name, "late-mark"));
		target->commit(f.ring, &outer);
		drain(&f);
		ck_assert_uint_eq(f.stream.records, 2);
		fixture_close(&f);
	}
}
END_TEST

START_TEST(skip)
{
	for (const struct target *const *t = target_table; *t; t++) {
		const struct target *target = *t;
		struct target_record record;
		struct fixture f;
		uint64_t start, head;

		if (target->driver != DRIVER_HARNESS || fails_undisturbed(target))
			continue;
		fixture_open(&f, target, starts[_i]);
		start = target->head(f.reader);
		for (unsigned i = 0; i < 3; i++)
			put(&f, 0, 16, false);
		ck_assert_int_gt(target->poll(f.reader, &head), 0);
		ck_assert_int_eq(target->next(f.reader, &record), 1);
		ck_assert(record.position == start);
		ck_assert_uint_gt(target->skip(f.reader), 0);
		ck_assert(target->tail(f.reader) == head);
		ck_assert_int_eq(target->next(f.reader, &record), 0);
		/* As the harness tells the oracle. */
		f.stream.resynced = true;
		fixture_close(&f);
	}
}
END_TEST

/* ---- where its code lies ---- */

static bool in_text(const struct target *target, uint64_t pc)
{
	for (const struct text_range *range = target->text; range->start; range++)
		if (pc >= (uintptr_t)range->start && pc < (uintptr_t)range->end)
			return true;
	return false;
}

START_TEST(text)
{
	for (const struct target *const *t = target_table; *t; t++) {
		ck_assert((*t)->text && (*t)->text->start);
		ck_assert(in_text(*t, (uintptr_t)(*t)->write));
		ck_assert(in_text(*t, (uintptr_t)(*t)->reserve) && in_text(*t, (uintptr_t)(*t)->commit));
		/* Nothing but the write path. */
		ck_assert(!in_text(*t, (uintptr_t)(*t)->open) && !in_text(*t, (uintptr_t)(*t)->next));
		for (const struct text_range *range = (*t)->text; range->start; range++)
			ck_assert(range->start < range->end);
		for (const struct target *const *other = target_table; *other; other++)
			ck_assert_msg(other == t || !in_text(*other, (uintptr_t)(*t)->write), "%s has code of %s",
				      (*other)->name, (*t)->name);
	}
}
END_TEST

struct walk {
	struct fixture fixture;
	uint64_t first; /* program counter within the text */
	unsigned within;
};

static void step_put(void *argument)
{
	struct walk *walk = argument;

	put(&walk->fixture, 0, 16, false);
}

static void look(void *argument, uint64_t pc)
{
	struct walk *walk = argument;

	if (!in_text(walk->fixture.target, pc))
		return;
	if (!walk->within++)
		walk->first = pc;
}

/* It is this code that a write runs, from its first instruction on. */
START_TEST(text_is_what_runs)
{
	for (const struct target *const *t = target_table; *t; t++) {
		struct walk walk = { .within = 0 };

		fixture_open(&walk.fixture, *t, 0);
		stepping_run(step_put, &walk, look, &walk);
		ck_assert_msg(walk.first == (uintptr_t)(*t)->write, "%s begins elsewhere", (*t)->name);
		ck_assert_uint_ge(walk.within, 20);
		fixture_close(&walk.fixture);
	}
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("target");
	TCase *claims = suite_case(suite, "claims");
	TCase *rings = suite_case(suite, "rings");

	tcase_add_test(claims, table);
	tcase_add_test(claims, known);
	tcase_add_test(claims, text);
	suite_add(claims, text_is_what_runs, stepping_missing(&stepper_trap));
	tcase_add_loop_test(rings, round_trip, 0, 3);
	tcase_add_loop_test(rings, losses, 0, 3);
	tcase_add_loop_test(rings, overwritten, 0, 3);
	tcase_add_loop_test(rings, swapped, 0, 3);
	tcase_add_loop_test(rings, swapped_unused, 0, 3);
	tcase_add_loop_test(rings, reservations, 0, 3);
	tcase_add_loop_test(rings, skip, 0, 3);
	return suite;
}
