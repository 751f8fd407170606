/* SPDX-License-Identifier: MIT */
/*
 * request.h - what the command line asks for
 */
#ifndef BENCH_REQUEST_H
#define BENCH_REQUEST_H

#include "plan.h"

#define REQUEST_OUTPUTS 8

enum output_form { FORM_TEXT, FORM_JSON, FORM_SVG, FORMS };

struct output_wish {
	enum output_form form;
	const char *path; /* NULL: standard output */
};

struct request {
	struct plan_wish wish; /* what was not asked for is 0 of it */
	bool quick;
	bool list;
	bool stamped;
	uint32_t processes;
	uint32_t repetitions;
	uint64_t time_ns;     /* of a repetition */
	uint64_t duration_ns; /* of the whole run, about */
	uint64_t steady_ns;   /* 0: not asked for */
	uint64_t interval_ns;
	uint64_t loop_ns;
	uint64_t seed;
	const char *cpus; /* a CPU list, or NULL: all that we may use */
	enum placement_policy placement;
	const char *compare; /* file of a report, or NULL */
	double tolerance;
	int process; /* descriptor, or -1 */
	struct output_wish output[REQUEST_OUTPUTS];
	unsigned outputs;
	int argc; /* the command line, for reports */
	char **argv;
};

/*
 * request_parse - read the command line
 *
 * Does not return for --help, --version, --usage (status 0) and for a bad option (a message and status 2).
 */
void request_parse(struct request *request, int argc, char **argv);

/* NRB_BENCH_SLOW=CONTESTANT:PERCENT of the environment, into @plan. Return: 0, or -EINVAL after a message. */
int request_plant(struct plan *plan);

#endif /* BENCH_REQUEST_H */
