/* SPDX-License-Identifier: MIT */
/*
 * main.c - options, plan, run, verdict, report
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "die_by.h"
#include "environment.h"
#include "inject/steer.h"
#include "kernel/kernel.h"
#include "progress.h"
#include "replay.h"
#include "report/report.h"
#include "run.h"
#include "symbol.h"
#include "topology.h"
#include "verdict.h"

/* Everything that main's parts share. */
struct session {
	struct options options;
	struct environment environment;
	struct topology topology;
	struct placement placement;
	struct run run;
	struct run_judgement verdict;
	struct judgement judgement[RUN_RESULTS_MAX];
	struct stolen_time stolen;
};

static int list_targets(void)
{
	for (const struct target *const *t = target_table; *t; t++)
		printf("%-18s %-8s %s\n", (*t)->name, claim_name((*t)->claim), (*t)->summary);
	printf("%-18s %-8s %s\n", kernel_target.name, claim_name(kernel_target.claim), kernel_target.summary);
	return fflush(stdout) ? 2 : 0;
}

static int replay(const struct options *options)
{
	int rc = replay_file(options->replay, options->stepper, stdout);

	symbol_close();
	return fflush(stdout) || rc ? 2 : 0;
}

/* The run cannot take place: its verdict, and why. */
static int give_up(struct session *session, enum verdict verdict, const char *reason)
{
	session->verdict.verdict = verdict;
	snprintf(session->verdict.reason, sizeof(session->verdict.reason), "%s", reason);
	return -1;
}

static int plan(struct session *session)
{
	const struct options *options = &session->options;
	char message[256];
	int rc;

	rc = topology_read(&session->topology, options->cpus, message, sizeof(message));
	if (rc)
		return give_up(session, VERDICT_ERROR, message);
	/* The step tier needs one CPU, and any will do. */
	if (options->tiers == 1 && options->tier[0] == TIER_STEP)
		return 0;
	rc = placement_make(&session->placement, &session->topology, options->placement, options->writers,
			    options->readers);
	switch (rc) {
	case 0: return 0;
	case -ENODEV:
		return give_up(session, VERDICT_SKIP,
			       "only one CPU may be used, and a reader must run while the writer does: two are needed "
			       "(taskset, cpuset, --cpus)");
	case -ENOENT: return give_up(session, VERDICT_SKIP, "--placement=smt: these CPUs have no SMT siblings");
	default: return give_up(session, VERDICT_ERROR, "too many threads");
	}
}

static void count_stolen(struct session *session, struct stolen_time *stolen)
{
	unsigned cpus[PLACEMENT_MAX];

	for (unsigned i = 0; i < session->topology.cpus; i++)
		cpus[i] = session->topology.cpu[i].cpu;
	stolen_time_read(stolen, cpus, session->topology.cpus);
}

static void run_and_judge(struct session *session)
{
	struct run *run = &session->run;
	struct verdict_limits limits = { .min_exposure = session->options.min_exposure };
	struct stolen_time before;

	run->options = &session->options;
	run->placement = &session->placement;
	run->progress = progress_wanted(&session->options) ? progress_tell : NULL;
	count_stolen(session, &before);
	if (run_all(run)) {
		give_up(session, VERDICT_ERROR, run->message);
		return;
	}
	count_stolen(session, &session->stolen);
	session->stolen.steal_ns -= before.steal_ns;
	session->stolen.throttled_ns -= before.throttled_ns;
	limits.interrupted = run->stopped_by != 0;
	limits.steps_alone = session->options.tiers == 1 && session->options.tier[0] == TIER_STEP;
	verdict_run(run->result, run->results, &limits, session->judgement, &session->verdict);
}

/* The rate that was granted where the one asked for was too high; else 0. */
static uint64_t rate_limit_hz(const struct options *options)
{
	struct steer steer;

	if (!options->rate_hz)
		return 0;
	steer_init(&steer, LEVELS - 1, options->rate_hz, options->progress);
	return steer.interval_ns > 1000000000u / options->rate_hz ? 1000000000u / steer.interval_ns : 0;
}

static int report(struct session *session, struct outputs *outputs)
{
	static const struct survey_summary nothing;
	const struct run *run = &session->run;
	int status = verdict_exit_status(session->verdict.verdict, session->options.skip_status);
	struct report report = {
		.options = &session->options,
		.environment = &session->environment,
		.topology = &session->topology,
		.placement = &session->placement,
		.survey = run->survey ? &run->survey->summary : &nothing,
		.results = run->result,
		.judgements = session->judgement,
		/* Without a verdict of its own there are no results either. */
		.count = run->result && !run->message[0] ? run->results : 0,
		.kernel = run->kernel,
		.boundaries = run->boundaries && !run->message[0] ? run->boundaries : NULL,
		.run = &session->verdict,
		.slice_ns = run->slice_ns,
		.target_ns = run->target_ns,
		.wall_ns = run->wall_ns,
		.rate_limit_hz = rate_limit_hz(&session->options),
		.step_missing = run->step_missing,
		.stopped_by = run->stopped_by,
		.stolen = session->stolen,
		.exit_status = status,
	};

	progress_clear();
	return outputs_write(outputs, &report) ? 2 : status;
}

static int run_session(struct session *session)
{
	struct outputs *outputs = outputs_open(&session->options);
	int status;

	if (!outputs)
		return 2;
	environment_read(&session->environment);
	if (!plan(session))
		run_and_judge(session);
	status = report(session, outputs);
	outputs_close(outputs);
	symbol_close();
	if (session->run.stopped_by)
		die_by(session->run.stopped_by);
	run_free(&session->run);
	return status;
}

int main(int argc, char **argv)
{
	struct session *session = calloc(1, sizeof(*session));
	int status;

	if (!session) {
		fprintf(stderr, "nrb-stress: no memory\n");
		return 2;
	}
	options_parse(&session->options, argc, argv);
	if (session->options.list)
		status = list_targets();
	else if (session->options.replay)
		status = replay(&session->options);
	else
		status = run_session(session);
	free(session);
	return status;
}
