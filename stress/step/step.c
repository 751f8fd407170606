/* SPDX-License-Identifier: MIT */
#include "step/step.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "order.h"
#include "plugin/contain.h"
#include "step/explore.h"
#include "step/forked.h"
#include "step/play.h"
#include "step/scenario.h"

/* Each takes its time, and there is no end of them. */
#define HANGS_MAX 2

struct run {
	const struct step_config *config;
	const struct stepper *stepper;
	struct step_result *result;
	struct boundaries *map;
	uint64_t deadline_ns;
	/* By scenario: boundaries of the write, as the first pass finds them. */
	uint32_t *boundaries;
};

/* The one asked for, or the first that works. Return: NULL with the reason in @result. */
static const struct stepper *choose_stepper(const struct step_config *config, struct step_result *result)
{
	const struct stepper *stepper = config->stepper;

	if (stepper) {
		result->error = stepper->open(result->message, sizeof(result->message));
		if (!result->error)
			stepper->close();
		else
			stepper = NULL;
	} else {
		stepper = stepper_choose(result->message, sizeof(result->message));
		result->error = stepper ? 0 : -ENOTSUP;
	}
	if (stepper)
		result->message[0] = '\0';
	result->missing = !stepper;
	snprintf(result->stepper, sizeof(result->stepper), "%s", stepper ? stepper->name : "");
	return stepper;
}

static void add_pass(struct step_result *result, unsigned depth, unsigned strikes)
{
	result->pass[result->passes].depth = (uint8_t)depth;
	result->pass[result->passes++].strikes = (uint8_t)strikes;
}

/* Shallow first, so that the shortest way to a violation is found first, and little time is spent well. */
static void plan_passes(const struct step_config *config, struct step_result *result)
{
	/* Some controls show with two strikes on one write only. */
	bool control = config->target->claim == CLAIM_CONTROL;
	unsigned strikes = control ? 2 : config->strikes;

	for (unsigned depth = 1; depth <= config->depth; depth++) {
		add_pass(result, depth, 1);
		if (strikes > 1 && depth > 1)
			add_pass(result, depth - 1, 2);
	}
	if (strikes > 1 && config->depth == 1)
		add_pass(result, 1, 2);
}

/* A control of which no more is asked. */
static bool is_caught(const struct run *run)
{
	const struct target *target = run->config->target;

	if (target->claim != CLAIM_CONTROL || run->config->exhaustive)
		return false;
	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		if (target->expected[TIER_STEP] & VIOLATION_BIT(kind) && run->result->found[kind])
			return true;
	return false;
}

static bool is_over(const struct run *run)
{
	return run->result->found[HANG] >= HANGS_MAX || run->result->error || clock_ns() > run->deadline_ns ||
	       (run->config->stop && nrb_load_relaxed(run->config->stop));
}

static void add_counts(struct step_counts *sum, const struct step_counts *counts)
{
	/* Nothing but counters of 64 bits in there. */
	const uint64_t *in = (const uint64_t *)counts;
	uint64_t *out = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		out[i] += in[i];
}

/* Whether a control needs no more of this pass. */
static bool has_enough(const struct run *run, const struct step_pass *pass)
{
	bool in_full = pass->depth == 1 && pass->strikes == 1;

	return !in_full && is_caught(run);
}

/* A way that was explored, played without shortcuts, ends in the same state: so nothing that matters goes untold. */
static void check_sample(struct run *run, const struct scenario *scenario, const struct explore_sample *sample)
{
	struct step_result *result = run->result;
	struct play_result played;

	if (!sample->way.known)
		return;
	play(run->config->target, scenario, run->stepper, &sample->way, NULL, NULL, &played);
	if (!played.error && played.struck == sample->way.count && hash_same(played.world, sample->world))
		return;
	result->error = -EPROTO;
	snprintf(
		result->message, sizeof(result->message),
		"%s, %s: played step by step, a write ends in another state than when it was explored: is there memory "
		"that its regions() do not tell?",
		run->config->target->name, scenario->name);
}

static void run_pass(struct run *run, struct step_pass *pass)
{
	struct step_result *result = run->result;
	struct explore_result *one = calloc(1, sizeof(*one));
	struct explore_plan plan = {
		.stepper = run->stepper,
		.depth = pass->depth,
		.strikes = pass->strikes,
		.accelerations = EXPLORE_FAST & ~run->config->left_out,
		.deadline_ns = run->deadline_ns,
		.stop = run->config->stop,
	};

	if (!one) {
		result->error = -ENOMEM;
		return;
	}
	for (unsigned i = 0; i < scenario_count && !is_over(run) && !has_enough(run, pass); i++) {
		memset(one, 0, sizeof(*one));
		memcpy(one->witness, result->witness, sizeof(one->witness));
		result->scenario = i;
		explore(run->config->target, &scenarios[i], &plan, one, run->map);
		memcpy(result->witness, one->witness, sizeof(one->witness));
		for (unsigned kind = 0; kind < VIOLATIONS; kind++)
			result->found[kind] += one->found[kind];
		add_counts(&pass->counts, &one->counts);
		if (!one->error)
			check_sample(run, &scenarios[i], &one->sample);
		if (one->error) {
			result->error = one->error;
			snprintf(result->message, sizeof(result->message), "%s", one->message);
		} else if (one->complete) {
			pass->scenarios++;
			run->boundaries[i] = (uint32_t)one->counts.boundaries;
		} else {
			pass->partial_done = (uint32_t)one->done;
			pass->partial_total = run->boundaries[i];
		}
	}
	free(one);
}

/* The engine is believed only when the plain way leads there as well. */
static void confirm(struct run *run)
{
	struct step_result *result = run->result;
	struct play_result played;

	result->confirmed = true;
	for (unsigned kind = 0; kind < VIOLATIONS && !result->error; kind++) {
		const struct witness *witness = &result->witness[kind];

		if (!witness->known)
			continue;
		play(run->config->target, &scenarios[witness->scenario], run->stepper, witness, NULL, NULL, &played);
		if (played.kinds & VIOLATION_BIT(kind) && played.struck == witness->count)
			continue;
		result->confirmed = false;
		result->error = -EPROTO;
		snprintf(result->message, sizeof(result->message),
			 "%s, which was found in scenario \"%s\", did not show again when that was played step by step",
			 violation_name(kind), scenarios[witness->scenario].name);
	}
}

/*
 * A plug-in's states were kept and put back in vain where it has memory that it did not tell of: then what was seen may
 * be our own doing, and each way takes a process of its own.
 */
static bool must_fork(const struct run *run)
{
	const struct target *target = run->config->target;

	return target->file && (run->config->forks || !target->regions || run->result->error == -EPROTO);
}

static void go_through(struct run *run)
{
	struct step_result *result = run->result;

	for (unsigned i = 0; i < result->passes && !is_over(run); i++)
		if (!i || !is_caught(run))
			run_pass(run, &result->pass[i]);
	if (!result->error)
		confirm(run);
}

static void fork_ways(struct run *run)
{
	struct step_result *result = run->result;

	result->error = 0;
	result->message[0] = '\0';
	memset(result->found, 0, sizeof(result->found));
	memset(result->witness, 0, sizeof(result->witness));
	memset(run->map, 0, sizeof(*run->map));
	forked_run(run->config, run->stepper, run->deadline_ns, result, run->map);
}

void step_run(const struct step_config *config, struct step_result *result, struct boundaries *map)
{
	struct run run = { .config = config,
			   .result = result,
			   .map = map,
			   .deadline_ns = clock_ns() + config->duration_ns,
			   .boundaries = calloc(scenario_count, sizeof(run.boundaries[0])) };

	result->scenarios = scenario_count;
	plan_passes(config, result);
	run.stepper = choose_stepper(config, result);
	if (!run.boundaries)
		result->error = -ENOMEM;
	if (!must_fork(&run))
		go_through(&run);
	if (run.stepper && must_fork(&run))
		fork_ways(&run);
	free(run.boundaries);
	result->done = true;
}

void step_take_end(struct step_result *result, const struct contained *ended)
{
	struct witness *witness = &result->witness[ended->kind];

	result->found[ended->kind]++;
	*witness = (struct witness) { .known = true,
				      .kind = ended->kind,
				      .scenario = result->scenario,
				      .before = contain_before(ended),
				      .after = ended->pc };
	result->error = 0;
	result->done = result->confirmed = true;
}
