/* SPDX-License-Identifier: MIT */
/*
 * report.h - a finished run, as every report format sees it
 *
 * A format is one file with one function that prints a struct report to a stream; output.c holds their table.
 */
#ifndef STRESS_REPORT_H
#define STRESS_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "boundary.h"
#include "environment.h"
#include "kernel/kernel_result.h"
#include "options.h"
#include "placement.h"
#include "result.h"
#include "verdict.h"

/* What was found out before the first slice. */
struct survey_summary {
	bool slow_motion;             /* available here */
	char slow_motion_reason[128]; /* why not */
	uint64_t signal_cost_ns;      /* calibrated: entry and exit of one timer signal */
};

struct report {
	const struct options *options;
	const struct environment *environment;
	const struct topology *topology;
	const struct placement *placement;
	const struct survey_summary *survey;
	const struct target_result *results; /* @count of them, in the order they ran */
	const struct judgement *judgements;  /* one each */
	size_t count;
	const struct kernel_result *kernel;  /* what its tier found out; NULL: nothing */
	const struct boundaries *boundaries; /* of options->target[], in this order; NULL: not known */
	const struct run_judgement *run;
	uint64_t slice_ns;         /* length of a slice as planned; 0: there are none */
	uint64_t target_ns;        /* of all slices of one target in one tier */
	uint64_t wall_ns;          /* of the whole run */
	uint64_t rate_limit_hz;    /* the rate asked for was cut to this one, per level; 0: it was not */
	const char *step_missing;  /* why there is no step tier, where nobody asked for it; empty: there is */
	int stopped_by;            /* signal that ended the run early; 0: none */
	struct stolen_time stolen; /* during the run */
	int exit_status;
};

/* ---- formats: print @report to @out; colour and width are the caller's business ---- */

struct text_style {
	bool color;
	bool quiet;   /* the verdict line alone */
	bool map;     /* also the boundary map */
	bool verbose; /* also rates, depths, steering, memory, each kept event */
};

void report_text(const struct report *report, FILE *out, const struct text_style *style);
/* Return: 0 or -ENOMEM. */
int report_json(const struct report *report, FILE *out);
void report_ktap(const struct report *report, FILE *out);

/* ---- output.c: where reports go ---- */

struct outputs;

/*
 * outputs_open - make sure before the run that every file asked for can be written
 * @options: whose outputs
 *
 * A file is written beside its final place and renamed, so that it appears whole or not at all.
 *
 * Return: NULL after a message on standard error that names the file and the cause.
 */
struct outputs *outputs_open(const struct options *options);

/* Write all; files first, standard output last, so that a reader that has gone away costs nothing else.
 * Return: 0, or -errno after a message on standard error. */
int outputs_write(struct outputs *outputs, const struct report *report);

/* Remove what was begun and not written. Safe after outputs_write(). */
void outputs_close(struct outputs *outputs);

#endif /* STRESS_REPORT_H */
