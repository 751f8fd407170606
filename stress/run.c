/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "clock.h"
#include "event.h"
#include "inject/inject.h"
#include "kernel/kernel.h"
#include "order.h"
#include "plugin/contain.h"
#include "random.h"
#include "session.h"
#include "slice.h"

#define SLICE_MAX_NS (1 * NS_PER_S)
#define SURVEY_NS (2 * NS_PER_S)

/* Stepping is exact and soon done; what is left to chance needs the time. */
#define STEP_ONE_OF 5

/*
 * In one round in so many the consumer keeps the ring almost full and the base does not wait: so that writes are
 * refused, and space and losses accounted for, under stress as well. Not in more, since a nested write that is refused
 * exposes nothing.
 */
#define TIGHT_ONE_IN 5

uint64_t run_step_ns(uint64_t duration_ns, bool alone)
{
	return alone ? duration_ns : duration_ns / STEP_ONE_OF;
}

void run_plan(uint64_t duration_ns, unsigned slots, uint64_t *slice_ns, unsigned *rounds)
{
	uint64_t slice = duration_ns / (2 * slots);

	/* At least two rounds, so that each target runs both early and late. */
	if (slice > SLICE_MAX_NS)
		slice = SLICE_MAX_NS;
	*rounds = (unsigned)((duration_ns + slice * slots - 1) / (slice * slots));
	*slice_ns = duration_ns / ((uint64_t)*rounds * slots);
}

/* Index of a result's target in options->target. */
static unsigned target_of(const struct run *run, const struct target_result *result)
{
	unsigned i = 0;

	while (i + 1 < run->options->targets && run->options->target[i]->name != result->name)
		i++;
	return i;
}

static void tell_progress(void *context)
{
	const struct session *session = context;
	const struct run *run = session->run;
	struct run_progress progress = { .target = session->target_name,
					 .elapsed_ns = clock_ns() - session->start_ns,
					 .duration_ns = run->options->duration_ns };

	if (!run->progress)
		return;
	for (unsigned i = 0; i < run->results; i++)
		progress.violations[target_of(run, &run->result[i])] += run->result[i].events;
	progress.violations[session->target] += nrb_load_relaxed(&session->shared->slice.events);
	run->progress(&progress);
}

static int run_survey(struct session *session)
{
	struct run *run = session->run;
	pid_t child = child_start(&session->children);
	int status;

	if (!child) {
		survey_run(run->options, run->placement->writer[0].cpu, &session->shared->survey);
		_exit(0);
	}
	status = child < 0 ? child
			   : child_wait(&session->children, child,
					SURVEY_NS + run->options->targets * survey_target_ns(run->options));
	if (!status && session->shared->survey.done)
		return 0;
	if (status == -ETIME)
		snprintf(run->message, sizeof(run->message), "stepping through the targets did not come to an end");
	else if (status > 0 && WIFSIGNALED(status))
		snprintf(run->message, sizeof(run->message), "stepping through the targets ended with signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(run->message, sizeof(run->message), "cannot start a process: %s",
			 strerror(status < 0 ? -status : EIO));
	return status < 0 ? status : -EIO;
}

/* Positions at which arithmetic goes wrong if it does: the start, 2^32, 2^64; and somewhere. */
static uint64_t pick_start(struct random *random, unsigned number)
{
	uint64_t below = 8 * (uint64_t)random_below(random, 1u << 20);

	switch (number % 4) {
	case 0: return 0;
	case 1: return (1ull << 32) - 8 - below;
	case 2: return 0 - 8 - below;
	default: return random_next(random) & ~7ull;
	}
}

/* Making and filling in pages takes its time where rings are many and large. */
static uint64_t set_up_ns(const struct slice_config *config)
{
	return 2 * config->data_size * config->placement->writers;
}

/* Looks at a writer and at a reader of others' code that are late, before it is said that they hang. */
static uint64_t late_ns(const struct slice_config *config)
{
	return config->target->file ? CONTAIN_LATE_NS : 0;
}

static void run_slice(struct session *session, struct target_result *sum, unsigned round)
{
	struct run *run = session->run;
	struct slice_result *result = &session->shared->slice;
	unsigned index = target_of(run, sum);
	uint64_t seed = run->options->seed;
	struct random random = random_stream(seed, ((uint64_t)round << 32) + 0x51ce);
	bool tight = round % TIGHT_ONE_IN == TIGHT_ONE_IN - 1;
	struct slice_config config = {
		.options = run->options,
		.placement = run->placement,
		.target = run->options->target[index],
		.injector = injector_of(sum->tier),
		.exposure = &session->shared->survey.exposure[index],
		.boundaries = &run->boundaries[index],
		.signal_cost_ns = session->shared->survey.summary.signal_cost_ns,
		/* A write that blocks signals would have its mask changed under it where slow motion begins or ends. */
		.slow_motion = session->shared->survey.summary.slow_motion && run->options->slow_motion > 0 &&
			       !run->options->target[index]->masks_signals,
		/* The same for all targets and tiers of a round: they get the same sizes, intervals and positions. */
		.start = pick_start(&random, round),
		.seed = random_next(&random),
		.data_size = run->options->data_size,
		.tight = tight,
		.drop = tight || run->options->drop,
		.duration_ns = run->slice_ns,
		.stop = &session->shared->stop,
	};
	uint64_t started = clock_ns();
	int status;
	pid_t child;

	memset(result, 0, sizeof(*result));
	memset(&session->shared->ended, 0, sizeof(session->shared->ended));
	result->first_violation_ns = UINT64_MAX;
	session->target = index;
	session->target_name = config.target->name;
	child = child_start(&session->children);
	if (!child) {
		if (config.target->file) {
			contain_into = &session->shared->ended;
			contain_crashes();
		}
		if (sum->tier == TIER_KERNEL)
			kernel_slice_run(&config, round, result, &session->shared->kernel);
		else
			slice_run(&config, result);
		/* Flushes what a profiler or a sanitizer has to say. */
		exit(0);
	}
	status = child < 0 ? child
			   : child_wait(&session->children, child,
					config.duration_ns + SESSION_GRACE_NS + set_up_ns(&config) + late_ns(&config));
	if (config.target->file && child > 0 && (session->shared->ended.any || result->end == SLICE_UNFINISHED) &&
	    contain_take_status(&session->shared->ended, status ? status : CONTAIN_EXITED)) {
		event_report_end(result, &session->shared->ended, clock_ns() - started);
	} else if (status || result->end == SLICE_UNFINISHED) {
		result->end = SLICE_UNFINISHED;
		child_explain(result->message, sizeof(result->message), status);
	}
	target_result_add(sum, result, (uint64_t)sum->slices * run->slice_ns);
}

/* One more result, for options->target[index] in @tier: nothing counted yet. */
struct target_result *session_add_result(struct session *session, enum tier tier, unsigned index)
{
	struct run *run = session->run;
	const struct target *target = run->options->target[index];
	struct target_result *result = &run->result[run->results++];

	result->name = target->name;
	result->summary = target->summary;
	result->claim = target->claim;
	result->tier = tier;
	result->expected = target->expected[tier];
	result->allowed = target->allowed;
	result->boundaries = run->survey->exposure[index].count;
	result->everywhere = target->file && !result->boundaries;
	result->masked = target->masks_signals;
	result->shared = target->shared && tier != TIER_STEP;
	result->restarts = target->bare != NULL;
	result->boundaries_complete = run->survey->exposure[index].complete;
	result->first_violation_ns = UINT64_MAX;
	return result;
}

static bool has_tier(const struct options *options, enum tier tier)
{
	for (unsigned i = 0; i < options->tiers; i++)
		if (options->tier[i] == tier)
			return true;
	return false;
}

/* Whether a tier that aims has nothing to aim at, by the target's nature. */
static bool is_idle(const struct session *session, unsigned index, enum tier tier)
{
	const struct exposure *exposure = &session->run->survey->exposure[index];

	return tier != TIER_KERNEL && injector_of(tier)->aims && exposure->complete && !exposure_aims(exposure).count;
}

/* Why there can be no slice of @index in @tier, in result->message; empty: there can. */
static void tell_obstacle(const struct session *session, unsigned index, struct target_result *result)
{
	const struct survey *survey = session->run->survey;
	const struct target *target = session->run->options->target[index];
	const char *missing = target->missing ? target->missing() : NULL;

	if (result->tier == TIER_KERNEL)
		snprintf(result->message, sizeof(result->message), "%s", session->kernel_obstacle);
	else if (missing)
		snprintf(result->message, sizeof(result->message), "%s: %.200s", result->name, missing);
	else if (survey->obstacle[result->tier][0])
		snprintf(result->message, sizeof(result->message), "%s: %s", tier_name(result->tier),
			 survey->obstacle[result->tier]);
	else if (injector_of(result->tier)->aims && !exposure_aims(&survey->exposure[index]).count)
		snprintf(result->message, sizeof(result->message),
			 "%s: no boundary of %s is known to be exposed, so there is nothing to aim at",
			 tier_name(result->tier), result->name);
}

/* Results of the tiers that run in slices. Return: how many of them can. */
static unsigned begin_sampled(struct session *session)
{
	const struct options *options = session->run->options;
	const struct survey *survey = session->run->survey;
	unsigned able = 0;

	for (unsigned t = 0; t < options->tiers; t++) {
		for (unsigned i = 0; i < options->targets && options->tier[t] != TIER_STEP; i++) {
			struct target_result *result;

			if (!session_is_in_tier(options->target[i], options->tier[t]))
				continue;
			result = session_add_result(session, options->tier[t], i);
			tell_obstacle(session, i, result);
			result->idle = is_idle(session, i, result->tier) && !survey->obstacle[result->tier][0];
			result->skipped = !result->idle && result->message[0];
			able += !result->skipped && !result->idle;
		}
	}
	return able;
}

/* Where the kernel is all that would be judged, and cannot be, there is nothing to measure its readers for. */
static bool kernel_is_missing(struct session *session, unsigned first)
{
	struct run *run = session->run;
	bool judged = false;

	for (unsigned i = first; i < run->results; i++)
		judged |= run->result[i].claim != CLAIM_CONTROL && !run->result[i].skipped;
	if (judged || !session->kernel_obstacle[0])
		return false;
	/* That its control did not run is no news. */
	run->result[first] = run->result[run->results - 1];
	memset(&run->result[first + 1], 0, (run->results - first - 1) * sizeof(*run->result));
	run->results = first + 1;
	return true;
}

/* Tiers alternate within each round, as targets do: so that they compare. */
static void run_sampled(struct session *session, uint64_t duration_ns)
{
	struct run *run = session->run;
	unsigned first = run->results, rounds, able = begin_sampled(session);

	if (!able || kernel_is_missing(session, first))
		return;
	run_plan(duration_ns, able, &run->slice_ns, &rounds);
	run->target_ns = rounds * run->slice_ns;
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = first; i < run->results; i++) {
			if (session->children.stopped_by)
				return;
			/* What cannot exist now will not the next time either. */
			if (run->result[i].skipped || run->result[i].idle)
				continue;
			run_slice(session, &run->result[i], round);
			if (run->result[i].failed)
				return;
		}
	}
}

/* What must be known before the first slice. Return: 0, or -errno with a message. */
static int prepare_sampled(struct session *session)
{
	struct run *run = session->run;
	int rc = run_survey(session);

	for (unsigned i = 0; i < run->options->targets && !rc; i++) {
		/* What the survey has found is in the map whether anything strikes there or not; and what the step
		 * tier has found in other states of the ring is known to the sampled tiers. */
		exposure_give(&run->survey->exposure[i], &run->boundaries[i]);
		exposure_take(&run->survey->exposure[i], &run->boundaries[i]);
	}
	return rc;
}

static int run_tiers(struct session *session)
{
	const struct options *options = session->run->options;
	uint64_t start = clock_ns(), used = 0, budget = session_step_ns(options), left;
	int rc;

	if (has_tier(options, TIER_STEP)) {
		session_run_step(session);
		used = clock_ns() - start;
		if (options->tiers == 1 || session->children.stopped_by)
			return 0;
	}
	/* One that took longer than it may takes nothing from the others. */
	left = options->duration_ns - (used < budget ? used : budget);
	start = clock_ns();
	rc = prepare_sampled(session);
	if (rc)
		return rc;
	if (has_tier(options, TIER_KERNEL) &&
	    kernel_prepare(&session->shared->kernel, options->kernel_breakpoints, session->kernel_obstacle,
			   sizeof(session->kernel_obstacle)) &&
	    !session->kernel_obstacle[0])
		snprintf(session->kernel_obstacle, sizeof(session->kernel_obstacle), "cannot be prepared");
	/* The survey is part of the run, so that a busy machine does not make that longer; half is for the slices. */
	used = clock_ns() - start;
	run_sampled(session, left - (used < left / 2 ? used : left / 2));
	return 0;
}

/* Memory, all zero, that children share with us; or NULL. */
static void *allocate_shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

int run_all(struct run *run)
{
	struct session session = { .run = run, .target_name = "" };
	int rc;

	session.shared = allocate_shared(sizeof(*session.shared));
	run->boundaries = allocate_shared(run->options->targets * sizeof(*run->boundaries));
	run->result = calloc((size_t)run->options->targets * run->options->tiers, sizeof(*run->result));
	if (!session.shared || !run->boundaries || !run->result) {
		snprintf(run->message, sizeof(run->message), "cannot allocate memory for results");
		return -ENOMEM;
	}
	run->survey = &session.shared->survey;
	run->kernel = &session.shared->kernel;
	session.children =
		(struct children) { .stop = &session.shared->stop, .tell = tell_progress, .context = &session };
	children_open(&session.children);
	session.start_ns = clock_ns();
	rc = run_tiers(&session);
	run->stopped_by = session.children.stopped_by;
	run->wall_ns = clock_ns() - session.start_ns;
	return rc;
}

void run_free(struct run *run)
{
	free(run->result);
	if (run->boundaries)
		munmap(run->boundaries, run->options->targets * sizeof(*run->boundaries));
	if (run->survey)
		munmap((char *)run->survey - offsetof(struct shared, survey), sizeof(struct shared));
}
