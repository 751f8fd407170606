/* SPDX-License-Identifier: MIT */
/*
 * check_unfit.c - what the step tier makes of targets that it cannot explore, or not believe; and signals from without
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NRB_STEPS_SECTION nrb_path_unfit
#include "steps.h"

#include "clock.h"
#include "stepping.h"
#include "steppers.h"
#include "suite.h"
#include "step/explore.h"
#include "step/scenario.h"
#include "twins.h"
#include "verdict.h"

/* ---- memory that no region tells of ---- */

static uint64_t calls;

/* Once in the life of the process; no way leads there again. The twin keeps a count as well, and it does no harm. */
NRB_STEP void publish_once(struct nrb_ring *ring, bool sound)
{
	/* Of a write that nests, so one that is stepped. */
	if (nrb_local_load(&ring->writer->nest) > 1 && nrb_local_add(&calls, 1) == 10 && !sound)
		nrb_store_release(&ring->control->data_head, nrb_local_load(&ring->writer->head) - 65536);
	nrb_publish(ring);
}

PUBLISH_TWINS(once);

static struct target_result results[2], beside;
static struct judgement judgements[2];

/* What stepping makes of one, as a run would have it. */
static void step_into(struct target_result *result, const struct target *target)
{
	memset(result, 0, sizeof(*result));
	result->name = target->name;
	result->claim = target->claim;
	result->tier = TIER_STEP;
	result->expected = target->expected[TIER_STEP];
	result->allowed = target->allowed;
	result->first_violation_ns = UINT64_MAX;
	target_result_add_step(result, explored_target(target, &stepper_trap, 1, 1));
}

/* The control that stands beside each target here: once for all of them. */
static void step_legacy(void)
{
	step_into(&beside, &target_legacy);
}

/* What a run of a control and @target comes to. */
static enum verdict judge_beside_legacy(const struct target *target)
{
	const struct verdict_limits limits = { .min_exposure = 5 };
	struct run_judgement run;

	results[0] = beside;
	step_into(&results[1], target);
	verdict_run(results, 2, &limits, judgements, &run);
	return run.verdict;
}

START_TEST(what_cannot_be_shown_again_is_an_error)
{
	ck_assert_int_eq(judge_beside_legacy(&target_once), VERDICT_ERROR);
	ck_assert_int_eq(results[1].step.error, -EPROTO);
	ck_assert(!results[1].step.confirmed && explored_found(&results[1].step));
	ck_assert_int_eq(judgements[0].verdict, VERDICT_PASS);
	ck_assert_int_eq(judgements[1].verdict, VERDICT_ERROR);
	ck_assert_int_eq(judge_beside_legacy(&target_once_twin), VERDICT_PASS);
}
END_TEST

/* ---- targets that lack something ---- */

static void expect_skipped(const struct target *target, const char *words)
{
	ck_assert_int_eq(judge_beside_legacy(target), VERDICT_SKIP);
	ck_assert_int_eq(results[1].step.error, -ENOTSUP);
	ck_assert(results[1].skipped && !results[1].failed);
	ck_assert_int_eq(judgements[1].verdict, VERDICT_SKIP);
	ck_assert_msg(strstr(results[1].message, words), "%s", results[1].message);
	ck_assert_uint_eq(explored_found(&results[1].step), 0);
}

START_TEST(without_regions)
{
	struct target target = target_fixed;

	target.regions = NULL;
	expect_skipped(&target, "fixed does not tell what memory");
}
END_TEST

/* Its interrupts are not the harness's to make, even if all of its memory is known. */
START_TEST(whose_interrupts_are_its_own)
{
	struct target target = target_fixed;

	target.driver = DRIVER_SELF;
	expect_skipped(&target, "fixed is interrupted by its own environment");
	target.regions = NULL;
	target.write = NULL;
	expect_skipped(&target, "fixed");
}
END_TEST

START_TEST(without_reserve)
{
	struct target sound = target_fixed, broken = target_legacy;

	sound.reserve = NULL;
	sound.commit = NULL;
	broken.claim = CLAIM_SOUND;
	broken.reserve = NULL;
	broken.commit = NULL;
	explored_twins(&broken, &sound, &stepper_trap, 1, VIOLATION_BIT(HEAD_BACKWARD));
}
END_TEST

/* ---- signals from without ---- */

/* To all of this process's group, so to a stepped process as well: a window changes its size, a shell gives the
 * terminal back, somebody ends the run. Return: the sender. */
static pid_t disturb(void)
{
	static const int signals[] = { SIGWINCH, SIGCONT, SIGTERM };
	sigset_t blocked;
	pid_t sender;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
	ck_assert_int_eq(getpgrp(), getpid());
	sender = fork();
	ck_assert_int_ge(sender, 0);
	if (sender)
		return sender;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned i = 0;; i++) {
		kill(0, signals[i % 3]);
		usleep(100);
	}
}

/* One scenario, to the end. */
static void explore_one(const struct stepper *stepper, const struct target *target, struct explore_result *explored)
{
	const struct explore_plan plan = { .stepper = stepper,
					   .depth = 1,
					   .strikes = 1,
					   .accelerations = EXPLORE_FAST,
					   .deadline_ns = clock_ns() + 100 * NS_PER_S };

	memset(explored, 0, sizeof(*explored));
	explore(target, scenario_find("empty"), &plan, explored, NULL);
	ck_assert_msg(!explored->error && explored->complete, "%s", explored->message);
}

START_TEST(signals_from_without)
{
	static struct explore_result quiet, disturbed;
	pid_t sender;

	explore_one(steppers[_i], &target_fixed, &quiet);
	sender = disturb();
	for (unsigned time = 0; time < 3; time++) {
		explore_one(steppers[_i], &target_fixed, &disturbed);
		for (unsigned kind = 0; kind < VIOLATIONS; kind++)
			ck_assert_uint_eq(disturbed.found[kind], 0);
		ck_assert_uint_eq(disturbed.counts.steps, quiet.counts.steps);
		ck_assert_uint_eq(disturbed.counts.states, quiet.counts.states);
		explore_one(steppers[_i], &target_legacy, &disturbed);
		ck_assert_uint_gt(disturbed.found[HEAD_BACKWARD], 0);
	}
	kill(sender, SIGKILL);
	ck_assert_int_eq(waitpid(sender, NULL, 0), sender);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("unfit");
	TCase *tcase = suite_case(suite, "unfit");
	const char *missing = stepping_missing(&stepper_trap), *missing_each[STEPPERS];

	if (!missing)
		tcase_add_unchecked_fixture(tcase, step_legacy, NULL);
	suite_add(tcase, what_cannot_be_shown_again_is_an_error, missing);
	suite_add(tcase, without_regions, missing);
	suite_add(tcase, whose_interrupts_are_its_own, missing);
	suite_add(tcase, without_reserve, missing);
	steppers_missing(missing_each);
	steppers_add(tcase, signals_from_without, missing_each);
	return suite;
}
