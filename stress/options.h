/* SPDX-License-Identifier: MIT */
/*
 * options.h - what the command line asks for
 */
#ifndef STRESS_OPTIONS_H
#define STRESS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "placement.h"
#include "step/step_result.h"
#include "targets/target.h"

#define OPTIONS_TARGETS 32
#define OPTIONS_OUTPUTS 16

enum output_format { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_KTAP, OUTPUT_WITNESS };

struct stepper;

struct output_request {
	enum output_format format;
	const char *path; /* NULL: standard output */
};

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
	const struct target *target[OPTIONS_TARGETS]; /* controls first */
	unsigned targets;
	enum tier tier[TIERS]; /* ways to interrupt, in the order given; each once */
	unsigned tiers;
	bool tiers_asked;              /* and not chosen by us */
	unsigned depth;                /* step tier: writes that nest below the outermost */
	unsigned strikes;              /* step tier: on each write, at most */
	bool exhaustive;               /* step tier: controls to the end as well */
	unsigned left_out;             /* step tier: shortcuts that are not to be taken, EXPLORE_... */
	const struct stepper *stepper; /* NULL: the first that works */
	const char *replay;            /* file to replay; may be NULL */
	uint64_t duration_ns;          /* of the whole run; 0: as long as it takes */
	uint64_t data_size;            /* bytes of each ring */
	unsigned writers;              /* 0: as the machine suggests */
	unsigned readers;              /* 0: one consumer a writer, and a poller on each free SMT sibling */
	const char *cpus;              /* a CPU list, or NULL: all that we may use */
	enum placement_policy placement;
	uint64_t rate_hz;        /* interrupts per second and level; 0: steered */
	double progress;         /* share of its time that the base writer keeps */
	double slow_motion;      /* share of interrupts followed by slow motion */
	double min_exposure;     /* weighed exposed strikes that a sound target needs */
	bool drop;               /* the base writer does not wait for room */
	uint64_t swap_ns;        /* rings are replaced at this interval, where a target can do that; 0: never */
	bool swap_asked;         /* and not chosen by us */
	bool kernel_breakpoints; /* kernel tier: strike its code at every instruction, too */
	uint64_t seed;
	int skip_status; /* exit status of SKIP */
	bool own_code;   /* step: plug-ins are struck in their own code alone */
	bool list;
	bool quiet;
	bool verbose;
	bool map;
	enum color_choice color;
	struct output_request output[OPTIONS_OUTPUTS];
	unsigned outputs;
	int argc; /* the command line, for reports */
	char **argv;
};

/*
 * options_parse - read the command line
 *
 * Does not return for --help, --version, --usage (status 0) and for a bad option (a message and status 2).
 */
void options_parse(struct options *options, int argc, char **argv);

#endif /* STRESS_OPTIONS_H */
