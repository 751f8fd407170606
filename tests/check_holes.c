/* SPDX-License-Identifier: MIT */
/*
 * check_holes.c - broken targets that an earlier step tier passed, each beside its sound twin: the same code but for
 * the one thing that is wrong
 *
 * Each claims to be sound, so that nothing stops at the first finding.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>

#define NRB_STEPS_SECTION nrb_path_holes
#include "steps.h"

#include "clock.h"
#include "levels.h"
#include "step/explore.h"
#include "step/scenario.h"
#include "stepping.h"
#include "steppers.h"
#include "suite.h"
#include "targets/masked_steps.h"
#include "twins.h"

/* ---- writes that do not come to an end ---- */

/* Who is struck waits until what struck it is gone, which never comes to pass; the twin looks anew. */
NRB_STEP void wait_at(struct nrb_ring *ring, uint32_t nest, bool sound)
{
	struct nrb_writer *w = ring->writer;
	uint64_t head = nrb_local_load(&w->head), now;

	nrb_local_fence();
	if (nrb_local_load(&w->nest) != nest)
		return;
	while ((now = nrb_local_load(&w->head)) != head) {
		nrb_cpu_relax();
		if (sound)
			head = now;
	}
}

NRB_STEP void publish_spin(struct nrb_ring *ring, bool sound)
{
	wait_at(ring, 1, sound);
	nrb_publish(ring);
}

PUBLISH_TWINS(spin);

NRB_STEP void publish_nested_spin(struct nrb_ring *ring, bool sound)
{
	wait_at(ring, 2, sound);
	nrb_publish(ring);
}

PUBLISH_TWINS(nested_spin);

START_TEST(endless_writes)
{
	uint64_t start = clock_ns();
	const struct step_result *result = explored_target(&target_spin, &stepper_trap, 1, 1);

	ck_assert_int_eq(result->error, -ETIME);
	ck_assert(!result->confirmed);
	ck_assert_msg(strstr(result->message, "does not come to an end"), "%s", result->message);
	require(clock_ns() - start < 60 * NS_PER_S);
	explored_expect_clean(&target_spin_twin, &stepper_trap, 1, 1);
}
END_TEST

/* Two levels deep, in one scenario. */
static const struct explore_result *explore_deeper(const struct target *target)
{
	static struct explore_result explored;
	const struct explore_plan plan = { .stepper = &stepper_trap,
					   .depth = 2,
					   .strikes = 1,
					   .accelerations = EXPLORE_FAST,
					   .deadline_ns = clock_ns() + 60 * NS_PER_S };

	memset(&explored, 0, sizeof(explored));
	explore(target, scenario_find("empty"), &plan, &explored, NULL);
	return &explored;
}

START_TEST(endless_nested_writes)
{
	ck_assert_int_eq(explore_deeper(&target_nested_spin)->error, -ETIME);
	ck_assert_msg(explore_deeper(&target_nested_spin_twin)->complete, "the sound one is not through");
}
END_TEST

/* ---- what a write leaves behind ---- */

/* nest stays up once it had to publish so many times: the next write is not published. */
NRB_STEP void publish_and_leave(struct nrb_ring *ring, unsigned limit)
{
	struct nrb_writer *w = ring->writer;
	uint32_t nest = nrb_local_load(&w->nest);
	unsigned rounds = 0;
	uint64_t head;

	nrb_local_fence();
	if (nest > 1) {
		nrb_local_store(&w->nest, nest - 1);
		return;
	}
	for (;;) {
		head = nrb_local_load(&w->head);
		nrb_store_release(&ring->control->data_head, head);
		nrb_local_fence();
		nrb_local_store(&w->nest, 0);
		nrb_local_fence();
		if (nrb_local_load(&w->head) == head)
			break;
		nrb_local_store(&w->nest, 1);
		nrb_local_fence();
		rounds++;
	}
	if (rounds >= limit)
		nrb_local_store(&w->nest, 1);
}

NRB_STEP void publish_leaky(struct nrb_ring *ring, bool sound)
{
	publish_and_leave(ring, sound ? UINT32_MAX : 1);
}

PUBLISH_TWINS(leaky);

NRB_STEP void publish_leaky_twice(struct nrb_ring *ring, bool sound)
{
	publish_and_leave(ring, sound ? UINT32_MAX : 2);
}

PUBLISH_TWINS(leaky_twice);

START_TEST(leaves_nest_up)
{
	struct target control = target_leaky_twice;
	const struct step_result *result;

	explored_twins(&target_leaky, &target_leaky_twin, &stepper_trap, 1, VIOLATION_BIT(STUCK_HEAD));
	/* Of two strikes on each write there are many, so let it end when it is caught. */
	control.claim = CLAIM_CONTROL;
	control.expected[TIER_STEP] = VIOLATION_BIT(STUCK_HEAD);
	result = explored_twins(&control, &target_leaky_twice_twin, &stepper_trap, 2, VIOLATION_BIT(STUCK_HEAD));
	ck_assert_uint_eq(result->witness[STUCK_HEAD].count, 2);
}
END_TEST

/* A write that was struck at its very end takes the reserved head for the consumer's position. */
NRB_STEP void publish_cache(struct nrb_ring *ring, bool sound)
{
	struct nrb_writer *w = ring->writer;
	uint64_t head = nrb_local_load(&w->head);

	nrb_local_fence();
	nrb_publish(ring);
	if (nrb_local_load(&w->head) == head || nrb_local_load(&w->nest))
		return;
	nrb_local_store(&w->tail_cache, sound ? nrb_load_acquire(&ring->control->data_tail) : nrb_local_load(&w->head));
}

PUBLISH_TWINS(cache);

START_TEST(leaves_a_wrong_tail_behind)
{
	explored_twins(&target_cache, &target_cache_twin, &stepper_trap, 1,
		       VIOLATIONS_STALE | VIOLATION_BIT(OVERRUN) | VIOLATION_BIT(STUCK_HEAD));
}
END_TEST

/* A refused nested write stores over what was published; the twin over what is its own. */
NRB_STEP int reserve_scribble(struct nrb_ring *ring, struct nrb_reservation *r, bool sound)
{
	int rc = nrb_reserve_space(ring, r);
	uint64_t at = rc ? nrb_local_load(&ring->writer->head) : r->position;

	if (!rc == sound && nrb_local_load(&ring->writer->nest) > 1)
		memset(ring->data + (at & (ring->data_size - 1)), 0, r->size);
	return rc;
}

RESERVE_TWINS(scribble);

START_TEST(stores_over_what_was_read)
{
	explored_twins(&target_scribble, &target_scribble_twin, &stepper_trap, 1, VIOLATIONS_UNFINISHED);
}
END_TEST

/* ---- the consumer's position ---- */

/* Goes wrong when the consumer releases while a write looks for room. */
NRB_STEP int reserve_tail_race(struct nrb_ring *ring, struct nrb_reservation *r, bool sound)
{
	uint64_t tail = nrb_load_acquire(&ring->control->data_tail);
	uint64_t *cache = &ring->writer->tail_cache;
	int rc;

	nrb_local_fence();
	rc = nrb_reserve_space(ring, r);
	if (!rc && nrb_local_load(cache) != tail &&
	    nrb_local_load(cache) == nrb_load_acquire(&ring->control->data_tail) && r->position - tail > 3000 && !sound)
		nrb_store_release(&ring->control->data_head, tail - 64);
	return rc;
}

RESERVE_TWINS(tail_race);

START_TEST(consumer_releases_within_a_write)
{
	explored_twins(&target_tail_race, &target_tail_race_twin, &stepper_trap, 1,
		       VIOLATION_BIT(HEAD_BACKWARD) | VIOLATION_BIT(HEAD_BELOW_TAIL));
}
END_TEST

/* For a moment the tail is ahead of the head, which does not move meanwhile; the twin stores what stands there. */
NRB_STEP int reserve_tail_ahead(struct nrb_ring *ring, struct nrb_reservation *r, bool sound)
{
	uint64_t tail = nrb_load_acquire(&ring->control->data_tail);
	uint64_t head = nrb_load_relaxed(&ring->control->data_head);

	if (!sound)
		nrb_store_release(&ring->control->data_tail, head + 64);
	nrb_local_fence();
	if (!sound)
		nrb_store_release(&ring->control->data_tail, tail);
	nrb_local_fence();
	return nrb_reserve_space(ring, r);
}

RESERVE_TWINS(tail_ahead);

/* A full ring is emptied by its writer. */
NRB_STEP int reserve_tail_moved(struct nrb_ring *ring, struct nrb_reservation *r, bool sound)
{
	uint64_t head = nrb_load_relaxed(&ring->control->data_head);

	if (!sound && !nrb_has_space(ring, nrb_local_load(&ring->writer->head), r->size))
		nrb_store_release(&ring->control->data_tail, head);
	return nrb_reserve_space(ring, r);
}

RESERVE_TWINS(tail_moved);

START_TEST(stores_the_tail)
{
	explored_twins(&target_tail_ahead, &target_tail_ahead_twin, &stepper_trap, 1, VIOLATION_BIT(HEAD_BELOW_TAIL));
	explored_twins(&target_tail_moved, &target_tail_moved_twin, &stepper_trap, 1, VIOLATION_ALL);
}
END_TEST

/* ---- what masks ---- */

/* Signals of all levels but the deepest are blocked, and nothing else is done. */
NRB_STEP void begin_most(struct nrb_ring *ring, struct nrb_reservation *r)
{
	sigset_t levels;

	level_signals(&levels, LEVELS - 2);
	begin_masked(ring, r, &levels);
}

NRB_STEP void begin_all(struct nrb_ring *ring, struct nrb_reservation *r)
{
	sigset_t levels;

	level_signals(&levels, LEVELS - 1);
	begin_masked(ring, r, &levels);
}

static const struct nrb_steps most_steps = TWIN_STEPS_END(begin_most, reserve_masked, publish_masked, end_masked);
RING_TARGET_WRITE_PATH(most, most_steps)
static const struct target target_most = STEPPED_TARGET(most);
static const struct nrb_steps all_steps = TWIN_STEPS_END(begin_all, reserve_masked, publish_masked, end_masked);
RING_TARGET_WRITE_PATH(all, all_steps)
static const struct target target_all = STEPPED_TARGET(all);

START_TEST(a_level_is_not_blocked)
{
	explored_twins(&target_most, &target_all, &stepper_trap, 1, VIOLATION_ALL);
}
END_TEST

#ifdef __x86_64__

NRB_STEP void publish_later(struct nrb_ring *ring)
{
	(void)ring;
}

/* The store is the instruction right behind the system call that lets signals through: who strikes there is newer. */
NRB_STEP void end_late(struct nrb_ring *ring, struct nrb_reservation *r)
{
	register long r10 __asm__("r10") = 8;
	register uint64_t r8 __asm__("r8") = nrb_local_load(&ring->writer->head);
	/* cppcheck-suppress constStatement */
	register uint64_t *r9 __asm__("r9") = &ring->control->data_head;
	long rc;

	__asm__ volatile("syscall\n\tmov %%r8, (%%r9)\n\t"
			 : "=a"(rc)
			 : "a"(14L), "D"((long)SIG_SETMASK), "S"(r->restore), "d"(0L), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
}

static const struct nrb_steps late_steps = TWIN_STEPS_END(begin_all, reserve_masked, publish_later, end_late);
RING_TARGET_WRITE_PATH(late, late_steps)
static const struct target target_late = STEPPED_TARGET(late);

START_TEST(a_boundary_behind_a_system_call)
{
	static struct explore_result explored;
	struct explore_plan plan = { .stepper = steppers[_i],
				     .depth = 1,
				     .strikes = 1,
				     .accelerations = EXPLORE_FAST,
				     .deadline_ns = UINT64_MAX };

	/* In one ring state: ptrace takes long. */
	explore(&target_late, &scenarios[0], &plan, &explored, NULL);
	ck_assert_msg(explored.complete && explored.found[HEAD_BACKWARD], "%s", explored.message);
	memset(&explored, 0, sizeof(explored));
	explore(&target_all, &scenarios[0], &plan, &explored, NULL);
	ck_assert_msg(explored.complete && !explored.found[HEAD_BACKWARD], "%s", explored.message);
}
END_TEST

#endif

Suite *suite_make(void)
{
	Suite *suite = suite_create("holes");
	TCase *tcase = suite_case(suite, "holes");
	const char *missing = stepping_missing(&stepper_trap);
#ifdef __x86_64__
	const char *missing_each[STEPPERS];
#endif

	suite_add(tcase, endless_writes, missing);
	suite_add(tcase, endless_nested_writes, missing);
	suite_add(tcase, leaves_nest_up, missing);
	suite_add(tcase, leaves_a_wrong_tail_behind, missing);
	suite_add(tcase, stores_over_what_was_read, missing);
	suite_add(tcase, consumer_releases_within_a_write, missing);
	suite_add(tcase, stores_the_tail, missing);
	suite_add(tcase, a_level_is_not_blocked, missing);
#ifdef __x86_64__
	steppers_missing(missing_each);
	steppers_add(tcase, a_boundary_behind_a_system_call, missing_each);
#endif
	return suite;
}
