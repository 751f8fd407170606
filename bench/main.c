/* SPDX-License-Identifier: MIT */
/*
 * bench - what a record costs: contestants side by side, in turn, again and again
 *
 * On a shared machine only ratios within one run mean much: so the contestants alternate, each repetition gives one
 * ratio to the first of them, and the median is told.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "measure.h"
#include "number.h"
#include "topology.h"

#define CONTESTANTS_MAX 8
#define REPETITIONS_MAX 1001

const char *argp_program_version = "nrb-bench (nrb) " PACKAGE_VERSION;

struct bench {
	const struct target *contestant[CONTESTANTS_MAX];
	unsigned contestants;
	unsigned repetitions;
	struct bench_setup setup;
	bool may_poll; /* there is a second CPU for the reader */
	double ns[CONTESTANTS_MAX][REPETITIONS_MAX];
	double ratio[CONTESTANTS_MAX][REPETITIONS_MAX];
};

static void take_contestant(struct bench *bench, const char *name, struct argp_state *state)
{
	const struct target *target = target_find(name);

	if (!target)
		argp_error(state, "there is no contestant '%s'", name);
	else if (bench->contestants == CONTESTANTS_MAX)
		argp_error(state, "more than %d contestants", CONTESTANTS_MAX);
	else
		bench->contestant[bench->contestants++] = target;
}

static uint64_t take_number(struct argp_state *state, const char *option, const char *argument, uint64_t min,
			    uint64_t max)
{
	uint64_t value = min;

	if (number_parse(argument, min, max, &value))
		argp_error(state, "--%s=%s: give a number from %llu to %llu", option, argument, (unsigned long long)min,
			   (unsigned long long)max);
	return value;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct bench *bench = state->input;

	switch (key) {
	case 'p': bench->setup.payload = (uint32_t)take_number(state, "payload", argument, 8, 4096) & ~7u; break;
	case 'r': bench->repetitions = (unsigned)take_number(state, "repetitions", argument, 3, REPETITIONS_MAX); break;
	case 't':
		if (number_parse_ns(argument, &bench->setup.duration_ns) || bench->setup.duration_ns < NS_PER_MS ||
		    bench->setup.duration_ns > 60 * NS_PER_S)
			argp_error(state, "--time=%s: give a time from 1ms to 60s", argument);
		break;
	case ARGP_KEY_ARG: take_contestant(bench, argument, state); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int measure_mode(struct bench *bench, enum bench_mode mode)
{
	bench->setup.mode = mode;
	for (unsigned r = 0; r < bench->repetitions; r++) {
		for (unsigned c = 0; c < bench->contestants; c++) {
			double ns = bench_measure(bench->contestant[c], &bench->setup);

			if (ns < 0) {
				fprintf(stderr, "nrb-bench: cannot measure %s: %s\n", bench->contestant[c]->name,
					strerror(-(int)ns));
				return -1;
			}
			bench->ns[c][r] = ns;
			bench->ratio[c][r] = ns / bench->ns[0][r];
		}
	}
	return 0;
}

static void print_mode(struct bench *bench, const char *mode)
{
	for (unsigned c = 0; c < bench->contestants; c++) {
		double ns = bench_median(bench->ns[c], bench->repetitions);
		double ratio = bench_median(bench->ratio[c], bench->repetitions);

		printf("%-22s  %-10s  %8.2f  %11s  %9.2f\n", mode, bench->contestant[c]->name, ns,
		       number_short((uint64_t)(1e9 / ns)).text, ratio);
	}
}

/* Two CPUs as near as can be, or one. Return: 0, or 2 after a message. */
static int choose_cpus(struct bench *bench)
{
	static struct topology topology;
	static struct placement placement;
	char message[256];

	if (topology_read(&topology, NULL, message, sizeof(message)) || !topology.cpus) {
		fprintf(stderr, "nrb-bench: %s\n", message);
		return 2;
	}
	bench->setup.writer_cpu = topology.cpu[0].cpu;
	if (!placement_make(&placement, &topology, PLACEMENT_NEAR, 1, 1)) {
		bench->setup.writer_cpu = placement.writer[0].cpu;
		bench->setup.reader_cpu = placement.reader[0].cpu;
		bench->may_poll = true;
	}
	return 0;
}

static int run(struct bench *bench)
{
	if (choose_cpus(bench))
		return 2;
	printf("%u repetitions of %s each, %u bytes of payload, a ring of %s bytes; medians\n\n", bench->repetitions,
	       number_duration(bench->setup.duration_ns).text, bench->setup.payload,
	       number_grouped(bench->setup.data_size).text);
	printf("%-22s  %-10s  %8s  %11s  %9s\n", "mode", "contestant", "ns", "records/s", "ratio");
	if (measure_mode(bench, MODE_ALONE))
		return 2;
	print_mode(bench, "no reader");
	if (!bench->may_poll) {
		printf("one polling reader      not measured: it needs a second CPU\n");
	} else if (measure_mode(bench, MODE_POLLED)) {
		return 2;
	} else {
		print_mode(bench, "one polling reader");
	}
	if (fflush(stdout) || ferror(stdout)) {
		perror("nrb-bench: cannot write the table");
		return 2;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "payload", 'p', "BYTES", 0, "Payload of each record, 8 to 4096 (default 40)", 0 },
		{ "repetitions", 'r', "N", 0, "Repetitions of each contestant, in turn (default 15)", 0 },
		{ "time", 't', "TIME", 0, "Length of one repetition (default 100ms)", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[CONTESTANT...]",
		.doc = "Measure what a record costs: without a reader, and with one that polls. Without CONTESTANT: "
		       "fixed "
		       "and legacy. Ratios are to the first."
		       "\vExit status: 0 when measured, 2 when not.",
	};
	static struct bench bench = {
		.repetitions = 15,
		.setup = { .data_size = 1 << 20, .payload = 40, .duration_ns = 100 * NS_PER_MS },
	};

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &bench);
	if (!bench.contestants) {
		bench.contestant[bench.contestants++] = target_find("fixed");
		bench.contestant[bench.contestants++] = target_find("legacy");
	}
	return run(&bench);
}
