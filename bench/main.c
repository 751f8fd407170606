/* SPDX-License-Identifier: MIT */
/*
 * bench - what a record costs: contestants side by side, in turn, again and again, in process after process
 *
 * On a shared machine only ratios within moments mean much. So contestants take turns, each repetition gives one ratio
 * to the limit beside it, and medians of these are told, with how far they can be trusted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "contestant.h"
#include "die_by.h"
#include "report/reports.h"
#include "topology.h"

static int list(void)
{
	printf("contestants:\n");
	for (const struct contestant *const *c = contestant_table; *c; c++) {
		const char *why = (*c)->absent ? (*c)->absent() : NULL;

		printf("  %-16s %s%s%s%s\n", (*c)->name, (*c)->summary, why ? " (not here: " : "", why ? why : "",
		       why ? ")" : "");
	}
	printf("modes:\n");
	for (unsigned mode = 0; mode < MODES; mode++)
		printf("  %-16s %s\n", mode_table[mode].name, mode_table[mode].summary);
	if (fflush(stdout) || ferror(stdout)) {
		perror("nrb-bench: cannot write the list");
		return 2;
	}
	return 0;
}

/* Writer and reader first, then cores that have no thread yet, then the rest. */
static void order_cpus(struct plan *plan, const struct topology *topology, const struct placement *placement)
{
	plan->cpu[plan->cpus++] = placement->writer[0].cpu;
	plan->cpu[plan->cpus++] = placement->reader[0].cpu;
	for (int others = 0; others < 2; others++) {
		for (unsigned i = 0; i < topology->cpus && plan->cpus < PLACEMENT_MAX; i++) {
			bool taken = false, core = false;

			for (unsigned c = 0; c < plan->cpus; c++) {
				taken |= plan->cpu[c] == topology->cpu[i].cpu;
				for (unsigned j = 0; j < topology->cpus; j++)
					core |= topology->cpu[j].cpu == plan->cpu[c] &&
						topology->cpu[j].core == topology->cpu[i].core;
			}
			if (!taken && (others || !core))
				plan->cpu[plan->cpus++] = topology->cpu[i].cpu;
		}
	}
}

/* Return: 0, or 2 after a message. */
static int choose_cpus(struct plan *plan, struct topology *topology, const struct request *request)
{
	static struct placement placement;
	char message[256];
	int rc;

	if (topology_read(topology, request->cpus, message, sizeof(message)) || !topology->cpus) {
		fprintf(stderr, "nrb-bench: %s\n", message);
		return 2;
	}
	rc = placement_make(&placement, topology, request->placement, 1, 1);
	if (!rc) {
		order_cpus(plan, topology, &placement);
		return 0;
	}
	if (rc != -ENODEV) {
		fprintf(stderr, "nrb-bench: --placement=smt: no core here has a second hardware thread\n");
		return 2;
	}
	plan->cpu[plan->cpus++] = topology->cpu[0].cpu;
	return 0;
}

/* Everything that is here, where nothing was named. */
static void complete_wish(struct plan_wish *wish)
{
	if (wish->contestants)
		return;
	for (uint32_t i = 0; i < PLAN_CONTESTANTS && contestant_table[i]; i++)
		wish->contestant[wish->contestants++] = i;
}

/* Return: 0, or 2 after a message. */
static int make_plan(struct plan *plan, const struct request *request)
{
	int rc;

	plan->processes = request->processes;
	plan->repetitions = request->repetitions;
	plan->time_ns = request->time_ns;
	plan->budget_ns = request->duration_ns / request->processes;
	plan->loop_ns = request->loop_ns;
	plan->interval_ns = request->interval_ns;
	plan->seed = request->seed;
	plan->stamped = request->stamped;
	if (request_plant(plan))
		return 2;
	rc = request->wish.modes ? plan_fill(plan, &request->wish) : plan_fill_default(plan, &request->wish);
	if (rc) {
		fprintf(stderr, "nrb-bench: that is more than %u measurements: name fewer of something\n", PLAN_CELLS);
		return 2;
	}
	if (!plan->cells) {
		fprintf(stderr, "nrb-bench: nothing of that can be measured here%s\n",
			plan->cpus < 2 ? ": what needs a reader or several writers takes two CPUs"
				       : ": these contestants do not know these modes");
		return 2;
	}
	return 0;
}

static void tell_progress(unsigned done, unsigned of)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%u of %u processes ", done, of);
}

/* Return: the exit status. */
static int steady(const struct plan *plan, const struct request *request)
{
	struct sample sample;
	unsigned cell = 0;
	int rc;

	/* The reference was added, and shallower or fewer writers come first: the last is what was asked for. */
	for (unsigned i = 0; i < plan->cells; i++)
		if (plan->cell[i].contestant == request->wish.contestant[0] &&
		    plan->cell[i].mode == request->wish.mode[0])
			cell = i;
	rc = worker_steady(plan, cell, request->steady_ns, &sample);
	if (rc) {
		fprintf(stderr, "nrb-bench: cannot measure %s: %s\n",
			contestant_table[plan->cell[cell].contestant]->name, strerror(-rc));
		return 2;
	}
	printf("%s, %s, %u B: %.2f ns a record\n", contestant_table[plan->cell[cell].contestant]->name,
	       mode_table[plan->cell[cell].mode].name, plan->cell[cell].payload, sample.ns);
	return fflush(stdout) ? 2 : 0;
}

/* Return: the exit status. */
static int measure(struct bench_report *report, const json_t *earlier, struct files *files)
{
	static struct comparison comparison;
	static struct measured measured;
	struct stolen_time before;
	int rc;

	stolen_time_read(&before, report->plan->cpu, report->plan->cpus);
	rc = measured_run(&measured, report->plan, tell_progress);
	stolen_time_read(&report->stolen, report->plan->cpu, report->plan->cpus);
	report->stolen.steal_ns -= before.steal_ns;
	report->stolen.throttled_ns -= before.throttled_ns;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%*s\r", 30, "");
	report->measured = &measured;
	if (!measured.processes) {
		fprintf(stderr, "nrb-bench: nothing was measured: %s\n",
			measured.stopped_by   ? "it was interrupted"
			: measured.message[0] ? measured.message
					      : strerror(-rc));
		rc = 2;
	} else {
		if (earlier && !comparison_make(&comparison, earlier, &measured, report->request->tolerance))
			report->comparison = &comparison;
		rc = files_write(files, report) ? 2 : 0;
		comparison_free(&comparison);
	}
	if (measured.stopped_by) {
		files_close(files);
		die_by(measured.stopped_by);
	}
	measured_free(&measured);
	return rc;
}

static int run(const struct request *request)
{
	static struct environment environment;
	static struct topology topology;
	static struct plan plan;
	struct bench_report report = {
		.request = request, .plan = &plan, .environment = &environment, .topology = &topology
	};
	json_t *earlier = NULL;
	struct files *files;
	int status;

	if (choose_cpus(&plan, &topology, request) || make_plan(&plan, request))
		return 2;
	if (request->steady_ns)
		return steady(&plan, request);
	if (request->compare && !(earlier = comparison_load(request->compare)))
		return 2;
	files = files_open(request);
	if (!files) {
		json_decref(earlier);
		return 2;
	}
	environment_read(&environment);
	status = measure(&report, earlier, files);
	files_close(files);
	json_decref(earlier);
	return status;
}

int main(int argc, char **argv)
{
	static struct request request;

	request_parse(&request, argc, argv);
	if (request.process >= 0)
		return worker_run(request.process);
	if (request.list)
		return list();
	complete_wish(&request.wish);
	return run(&request);
}
