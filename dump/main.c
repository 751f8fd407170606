/* SPDX-License-Identifier: MIT */
/*
 * main.c - nrb-dump: options, output, signals
 */
#define _GNU_SOURCE
#include <argp.h>
#include <stdio.h>
#include <unistd.h>

#include "config.h"
#include "options.h"

const char *argp_program_version = "nrb-dump (nrb) " PACKAGE_VERSION;

static volatile sig_atomic_t stop;

static void on_stop(int number)
{
	(void)number;
	stop = 1;
}

static void handle_signals(bool follow)
{
	struct sigaction action = { .sa_handler = SIG_IGN };

	/* A closed pipe is an error of write(2), so that nothing is taken from the ring that nobody has read. */
	sigaction(SIGPIPE, &action, NULL);
	if (!follow)
		return;
	action.sa_handler = on_stop;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int main(int argc, char **argv)
{
	struct dump_options options;
	const char *path;

	options_parse_dump(&options, &path, argc, argv);
	if (options.format == DUMP_PERF && !options.output && isatty(STDOUT_FILENO)) {
		fprintf(stderr,
			"nrb-dump: perf.data is not for a terminal: --output=perf:FILE, or a pipe into perf -i -\n");
		return DUMP_UNUSABLE;
	}
	handle_signals(options.follow);
	options.stop = &stop;
	return dump_file(path, &options, stdout, stderr);
}
