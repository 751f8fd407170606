/* SPDX-License-Identifier: MIT */
/*
 * reports.h - what a run found, in the forms that were asked for
 */
#ifndef BENCH_REPORT_REPORTS_H
#define BENCH_REPORT_REPORTS_H

#include <jansson.h>
#include <stdio.h>

#include "environment.h"
#include "request.h"
#include "summary.h"

struct comparison;

struct bench_report {
	const struct request *request;
	const struct plan *plan;
	const struct measured *measured;
	const struct environment *environment;
	const struct topology *topology;
	const struct comparison *comparison; /* NULL: not asked for */
	struct stolen_time stolen;
};

/* Each prints to @out, whose errors are its owner's to find. Return: 0 or -errno. */
int report_table(const struct bench_report *report, FILE *out);
int report_to_json(const struct bench_report *report, FILE *out);
int report_svg(const struct bench_report *report, FILE *out);

/* ---- svg.c ---- */

/* Return: 0, or -ENOENT: there is no gnuplot. */
int svg_possible(void);

/* ---- compare.c ---- */

/* One contestant at one place, then and now: with all sizes of payload, or with one of them. */
struct compared {
	unsigned cell; /* the first of them */
	enum place place;
	unsigned payloads;      /* sizes that are taken together */
	bool apart;             /* from what changed for all; else as it is: there are too few others */
	struct estimate change; /* now over then: of its time apart from the others', or of its ratio */
	bool differs;
};

/* What all of one mode, ring and place have in common. */
struct compared_all {
	unsigned cell; /* one of them */
	enum place place;
	unsigned contestants;
	struct estimate change; /* of their times; NaN: too few for that */
	bool differs;
};

struct comparison {
	char started[40]; /* when the earlier run was */
	char revision[80];
	double tolerance, confidence; /* of each interval, so that all of them hold together */
	unsigned count;               /* that both runs have */
	unsigned differences;
	unsigned blocks;
	struct compared *compared;
	struct compared_all *all;
};

/*
 * comparison_load - read an earlier run's report
 *
 * Return: it, or NULL after a message.
 */
json_t *comparison_load(const char *path);

/* Hold @measured against it. Return: 0 or -ENOMEM. */
int comparison_make(struct comparison *comparison, const json_t *earlier, const struct measured *measured,
		    double tolerance);
void comparison_free(struct comparison *comparison);

/* ---- files.c: where reports go ---- */

struct files;

/* Before the run, so that a wrong name costs a second. Return: NULL after a message. */
struct files *files_open(const struct request *request);
/* Return: 0, or -errno after a message. A reader of ours who has gone away is no error. */
int files_write(struct files *files, const struct bench_report *report);
/* What was not written is removed. */
void files_close(struct files *files);

#endif /* BENCH_REPORT_REPORTS_H */
