/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "request.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "argument.h"
#include "clock.h"
#include "config.h"
#include "contestant.h"
#include "number.h"

const char *argp_program_version = "nrb-bench (nrb) " PACKAGE_VERSION;

#define DATA_SIZE_MAX (64ull << 20)
#define PAYLOAD_MAX 4096u

enum {
	KEY_CPUS = 256,
	KEY_PLACEMENT,
	KEY_PROCESSES,
	KEY_PROCESS,
	KEY_QUICK,
	KEY_STEADY,
	KEY_COMPARE,
	KEY_TOLERANCE,
	KEY_WRITERS,
	KEY_DEPTH,
	KEY_RATE,
	KEY_WAIT,
	KEY_STAMPED,
	KEY_SEED,
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "What is measured:", 1 },
	{ "contestant", 'c', "LIST", 0, "Contestants, separated by commas (default: all that are here)", 1 },
	{ "mode", 'm', "LIST", 0, "Modes (default: see below); --list names both", 1 },
	{ "payload", 'p', "LIST", 0, "Bytes of payload of a record, 8 to 4096 (default 8,40,120,248)", 1 },
	{ "size", 's', "LIST", 0, "Bytes of a ring, powers of two from 64K to 64M (default 1M)", 1 },
	{ "depth", KEY_DEPTH, "N", 0, "Mode nested: nested writes, up to so deep (default 3)", 1 },
	{ "writers", KEY_WRITERS, "N", 0, "Mode writers: up to so many (default: all cores)", 1 },
	{ "rate", KEY_RATE, "N", 0, "Mode latency: records a second (default 100000)", 1 },
	{ "wait", KEY_WAIT, "TIME", 0, "Mode loop: how long a record may wait for the reader (default 1ms)", 1 },
	{ "stamped", KEY_STAMPED, NULL, 0, "Time stamps in all rings that can have them", 1 },
	{ "list", 'l', NULL, 0, "List contestants and modes", 1 },
	{ NULL, 0, NULL, 0, "How:", 2 },
	{ "quick", KEY_QUICK, NULL, 0, "Fewer and shorter repetitions: under a minute in all", 2 },
	{ "duration", 'd', "TIME", 0, "How long all of it takes, about (default 170s, quick 36s)", 2 },
	{ "processes", KEY_PROCESSES, "N", 0, "Processes, 1 to 256 (default 10)", 2 },
	{ "repetitions", 'r', "N", 0, "Repetitions in each process, at most, 1 to 1000 (default 25, quick 9)", 2 },
	{ "time", 't', "TIME", 0, "Length of a repetition, 100us to 10s (default 2ms, quick 1ms)", 2 },
	{ "steady", KEY_STEADY, "TIME", 0, "One contestant in one mode in this process, so long: for perf", 2 },
	{ "cpus", KEY_CPUS, "LIST", 0, "Keep to these CPUs, such as 0-3,6", 2 },
	{ "placement", KEY_PLACEMENT, "near|far|smt", 0, "The reader's place to the writer (default near)", 2 },
	{ "seed", KEY_SEED, "N", 0, "Decides order and payloads", 2 },
	{ "process", KEY_PROCESS, "FD", OPTION_HIDDEN, NULL, 2 },
	{ NULL, 0, NULL, 0, "What is told:", 3 },
	{ "output", 'o', "FORM[:FILE]", 0, "text, json or svg, on standard output or to FILE; may be repeated", 3 },
	{ "compare", KEY_COMPARE, "FILE", 0, "Tell what has changed since an earlier run's JSON", 3 },
	{ "tolerance", KEY_TOLERANCE, "SHARE", 0, "No smaller change is one (default 5%)", 3 },
	{ 0 }
};

static void add_contestant(struct request *request, struct argp_state *state, const char *name)
{
	struct plan_wish *wish = &request->wish;

	for (uint32_t i = 0; contestant_table[i]; i++) {
		if (strcmp(contestant_table[i]->name, name))
			continue;
		if (contestant_table[i]->absent && contestant_table[i]->absent())
			argp_error(state, "%s cannot be measured here: %s", name, contestant_table[i]->absent());
		for (unsigned c = 0; c < wish->contestants; c++)
			if (wish->contestant[c] == i)
				return;
		wish->contestant[wish->contestants++] = i;
		return;
	}
	argp_error(state, "there is no contestant '%s': --list names those there are", name);
}

static void add_mode(struct request *request, struct argp_state *state, const char *name)
{
	struct plan_wish *wish = &request->wish;
	enum bench_mode mode = mode_find(name, strlen(name));

	if (mode == MODES)
		argp_error(state, "there is no mode '%s': --list names those there are", name);
	for (unsigned m = 0; m < wish->modes; m++)
		if (wish->mode[m] == (uint32_t)mode)
			return;
	wish->mode[wish->modes++] = mode;
}

static void add_payload(struct request *request, struct argp_state *state, const char *text)
{
	struct plan_wish *wish = &request->wish;

	if (wish->payloads == PLAN_PAYLOADS)
		argp_error(state, "--payload: more than %u of them", PLAN_PAYLOADS);
	wish->payload[wish->payloads++] =
		(uint32_t)argument_number(state, "--payload", text, 8, PAYLOAD_MAX, "numbers from 8 to 4096");
}

static void add_size(struct request *request, struct argp_state *state, const char *text)
{
	struct plan_wish *wish = &request->wish;

	if (wish->sizes == PLAN_SIZES)
		argp_error(state, "--size: more than %u of them", PLAN_SIZES);
	wish->size[wish->sizes++] =
		argument_size(state, "--size", text, 64 << 10, DATA_SIZE_MAX, "powers of two from 64K to 64M");
}

/* @list: names or numbers, separated by commas. */
static void take_list(struct request *request, struct argp_state *state, const char *list,
		      void (*add)(struct request *, struct argp_state *, const char *))
{
	char *copy = strdup(list), *rest = copy, *part;

	if (!copy)
		argp_failure(state, 2, 0, "no memory");
	while ((part = strsep(&rest, ",")))
		add(request, state, part);
	free(copy);
}

static void take_output(struct request *request, const char *argument, struct argp_state *state)
{
	static const char *const names[] = { "text", "json", "svg", NULL };
	struct output_wish *wish = &request->output[request->outputs];

	if (request->outputs == REQUEST_OUTPUTS)
		argp_error(state, "--output: more than %d of them", REQUEST_OUTPUTS);
	wish->form = (enum output_form)argument_output(state, argument, names, &wish->path,
						       "text, json or svg, or one of these with a file: json:run.json");
	request->outputs++;
}

/* Numbers and times. */
static error_t parse_number(int key, char *argument, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case 'd':
		request->duration_ns = argument_ns(state, "--duration", argument, 100 * NS_PER_MS, 86400 * NS_PER_S,
						   "a time from 100ms to 24h");
		break;
	case 'r':
		request->repetitions = (uint32_t)argument_number(state, "--repetitions", argument, 1, PLAN_REPETITIONS,
								 "a number from 1 to 1000");
		break;
	case 't':
		request->time_ns = argument_ns(state, "--time", argument, 100 * NS_PER_US, 10 * NS_PER_S,
					       "a time from 100us to 10s");
		break;
	case KEY_STEADY:
		request->steady_ns =
			argument_ns(state, "--steady", argument, NS_PER_MS, 86400 * NS_PER_S, "a time from 1ms to 24h");
		break;
	case KEY_WAIT:
		request->loop_ns = argument_ns(state, "--wait", argument, NS_PER_US, NS_PER_S, "a time from 1us to 1s");
		break;
	case KEY_PROCESSES:
		request->processes = (uint32_t)argument_number(state, "--processes", argument, 1, STATISTICS_MAX,
							       "a number from 1 to 256");
		break;
	case KEY_DEPTH:
		request->wish.depth =
			(uint32_t)argument_number(state, "--depth", argument, 0, PLAN_DEPTH, "a number from 0 to 16");
		break;
	case KEY_WRITERS:
		request->wish.writers = (uint32_t)argument_number(state, "--writers", argument, 1, PLAN_WRITERS,
								  "a number from 1 to 64");
		break;
	case KEY_RATE:
		request->interval_ns = NS_PER_S / argument_number(state, "--rate", argument, 100, 5000000,
								  "a number from 100 to 5000000");
		break;
	case KEY_SEED:
		request->seed = argument_number(state, "--seed", argument, 0, UINT64_MAX, "a number, such as 0x1234");
		break;
	case KEY_PROCESS:
		request->process =
			(int)argument_number(state, "--process", argument, 0, 1 << 20, "nothing: it is not for you");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Without what it takes it would measure something else than was meant. */
static void check_steady(const struct request *request, struct argp_state *state)
{
	const struct plan_wish *wish = &request->wish;

	if (request->steady_ns && (wish->contestants != 1 || wish->modes != 1 || wish->payloads > 1 || wish->sizes > 1))
		argp_error(state,
			   "--steady: name one --contestant and one --mode, and at most one --payload and --size");
	if (request->steady_ns && (request->compare || request->outputs))
		argp_error(state, "--steady prints one line: there is nothing to --compare or to --output");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case 'c': take_list(request, state, argument, add_contestant); break;
	case 'm': take_list(request, state, argument, add_mode); break;
	case 'p': take_list(request, state, argument, add_payload); break;
	case 's': take_list(request, state, argument, add_size); break;
	case 'l': request->list = true; break;
	case 'o': take_output(request, argument, state); break;
	case KEY_QUICK: request->quick = true; break;
	case KEY_STAMPED: request->stamped = true; break;
	case KEY_CPUS: request->cpus = argument; break;
	case KEY_PLACEMENT:
		request->placement = (enum placement_policy)argument_word(state, "--placement", argument,
									  placement_policies, "near, far or smt");
		break;
	case KEY_COMPARE: request->compare = argument; break;
	case KEY_TOLERANCE:
		request->tolerance = argument_share(state, "--tolerance", argument, 0, 1, "a share such as 2% or 0.02");
		break;
	case ARGP_KEY_ARG: add_contestant(request, state, argument); break;
	case ARGP_KEY_END: check_steady(request, state); break;
	default: return parse_number(key, argument, state);
	}
	return 0;
}

/* What was not asked for. */
static void fill_in(struct request *request)
{
	static const uint32_t payloads[] = { 8, 40, 120, 248 };

	if (!request->time_ns)
		request->time_ns = (request->quick ? 1 : 2) * NS_PER_MS;
	if (!request->repetitions)
		request->repetitions = request->quick ? 9 : 25;
	if (!request->duration_ns)
		request->duration_ns = (request->quick ? 36 : 170) * NS_PER_S;
	if (!request->wish.payloads && request->steady_ns) {
		request->wish.payload[0] = 40;
		request->wish.payloads = 1;
	}
	for (unsigned i = 0; !request->wish.payloads && i < 4; i++)
		request->wish.payload[i] = payloads[i];
	if (!request->wish.payloads)
		request->wish.payloads = 4;
	if (!request->wish.sizes) {
		request->wish.size[0] = 1 << 20;
		request->wish.sizes = 1;
	}
}

void request_parse(struct request *request, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[CONTESTANT...]",
		.doc = "Measure what a record costs, beside what a user would pick instead and beside what is possible."
		       "\vWithout --mode: alone, polled and loop; lossless, writers, nested and latency of a few. "
		       "Ratios are to limit-publish, repetition by repetition, with intervals at 95 % over the "
		       "processes.\n\n"
		       "Exit status: 0 when measured, whatever the figures; 2 when not; of a signal that ended it.",
	};

	*request = (struct request) {
		.wish = { .depth = 3, .writers = PLAN_WRITERS },
		.processes = 10,
		.interval_ns = NS_PER_S / 100000,
		.loop_ns = NS_PER_MS,
		.seed = 0x6e7262,
		.tolerance = 0.05,
		.process = -1,
		.argc = argc,
		.argv = argv,
	};
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, request);
	fill_in(request);
}

int request_plant(struct plan *plan)
{
	const char *text = getenv("NRB_BENCH_SLOW"), *colon = text ? strrchr(text, ':') : NULL;
	uint64_t percent = 0;

	if (!text || !*text)
		return 0;
	for (uint32_t i = 0; colon && contestant_table[i]; i++) {
		const char *name = contestant_table[i]->name;

		if (strlen(name) != (size_t)(colon - text) || strncmp(name, text, strlen(name)))
			continue;
		if (number_parse(colon + 1, 1, 1000, &percent))
			break;
		plan->slow_contestant = i;
		plan->slow_percent = (uint32_t)percent;
		return 0;
	}
	fprintf(stderr, "nrb-bench: NRB_BENCH_SLOW=%s: give CONTESTANT:PERCENT, such as fixed:10\n", text);
	return -EINVAL;
}
