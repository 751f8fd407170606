/* SPDX-License-Identifier: MIT */
/*
 * run_step.c - the step tier's part of a run: one target after the other, each in a process of its own
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "order.h"
#include "session.h"
#include "step/forked.h"
#include "step/step.h"

/* As good as none, and far from overflowing. */
#define STEP_NO_LIMIT_NS (10000ull * 3600 * NS_PER_S)

uint64_t session_step_ns(const struct options *options)
{
	return run_step_ns(options->duration_ns, options->tiers == 1);
}

/* Step through it in a process of its own. Return: its wait status, or what child_wait() gives else. */
static int step_apart(struct session *session, const struct step_config *config, unsigned index, uint64_t patience_ns)
{
	struct step_result *result = &session->shared->step;
	struct contained *ended = &session->shared->ended;
	pid_t child;

	memset(result, 0, sizeof(*result));
	memset(ended, 0, sizeof(*ended));
	child = child_start(&session->children);
	if (child)
		return child < 0 ? child : child_wait(&session->children, child, patience_ns);
	/* A stepped write has a signal mask of its own, and Ctrl-C is sent to all of us. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (config->target->file) {
		contain_into = ended;
		contain_crashes();
	}
	step_run(config, result, &session->run->boundaries[index]);
	exit(0);
}

/* One target in the step tier, for @duration_ns at most. */
static void run_step(struct session *session, unsigned index, uint64_t duration_ns)
{
	struct run *run = session->run;
	struct target_result *sum = session_add_result(session, TIER_STEP, index);
	struct step_result *result = &session->shared->step;
	uint64_t start = clock_ns(), used;
	struct step_config config = {
		.target = run->options->target[index],
		.stepper = run->options->stepper,
		.depth = run->options->depth,
		.strikes = run->options->strikes,
		.duration_ns = duration_ns,
		.exhaustive = run->options->exhaustive,
		.left_out = run->options->left_out,
		.stop = &session->shared->stop,
	};
	int status;

	if (config.target->missing && config.target->missing()) {
		sum->skipped = true;
		snprintf(sum->message, sizeof(sum->message), "%s: %.200s", sum->name, config.target->missing());
		return;
	}
	session->target = index;
	session->target_name = config.target->name;
	status = step_apart(session, &config, index,
			    duration_ns + (config.target->file ? FORKED_WAY_NS : 0) + SESSION_GRACE_NS);
	if (config.target->file && !result->done) {
		/* What was put back may have been too little, and that our doing: once more, without. */
		used = clock_ns() - start;
		config.duration_ns = used < duration_ns ? duration_ns - used : 0;
		config.forks = true;
		memset(&run->boundaries[index], 0, sizeof(run->boundaries[index]));
		status = step_apart(session, &config, index, config.duration_ns + FORKED_WAY_NS + SESSION_GRACE_NS);
		if (!result->done && contain_take_status(&session->shared->ended, status ? status : CONTAIN_EXITED))
			step_take_end(result, &session->shared->ended);
	}
	if ((status || !result->done) && !result->error)
		child_explain(result->message, sizeof(result->message), status);
	target_result_add_step(sum, result);
}

/* Where a tier that nobody asked for cannot exist, its results are no news; why there are none, is told. */
static void drop_missing(struct session *session)
{
	struct run *run = session->run;

	if (run->options->tiers_asked || !run->results || !run->result[0].skipped)
		return;
	snprintf(run->step_missing, sizeof(run->step_missing), "%s", run->result[0].message);
	memset(run->result, 0, run->results * sizeof(*run->result));
	run->results = 0;
}

/* The step tier: not run in slices, but to its end. Adds results of its own. */
void session_run_step(struct session *session)
{
	struct run *run = session->run;
	uint64_t duration = session_step_ns(run->options);
	uint64_t deadline = clock_ns() + duration;

	for (unsigned i = 0; i < run->options->targets && !session->children.stopped_by; i++) {
		uint64_t now = clock_ns(), left = deadline > now ? deadline - now : 0;

		if (!session_is_in_tier(run->options->target[i], TIER_STEP))
			continue;
		run_step(session, i, duration ? left / (run->options->targets - i) : STEP_NO_LIMIT_NS);
		if (run->result[run->results - 1].step.missing)
			break;
	}
	drop_missing(session);
}
