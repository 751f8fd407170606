/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "options.h"

#include <argp.h>
#include <string.h>

#include "argument.h"
#include "config.h"

struct command_line {
	struct dump_options *options;
	const char **path;
};

static const struct argp_option argp_options[] = {
	{ "output", 'o', "FORMAT[:FILE]", 0, "text (default), json or perf, to FILE or standard output", 0 },
	{ "full", 'x', NULL, 0, "text: whole payloads, as a hexadecimal dump", 0 },
	{ "follow", 'f', NULL, 0, "Consume the ring, and go on with what is written to it", 0 },
	{ "duration", 'd', "TIME", 0, "With --follow: for so long: 10, 1.5s, 500ms, 10m, 1h", 0 },
	{ "count", 'n', "N", 0, "Stop after N records, LOST ones not counted", 0 },
	{ "quiet", 'q', NULL, 0, "No summary on standard error", 0 },
	{ 0 }
};

static void take_output(struct dump_options *options, const char *argument, struct argp_state *state)
{
	static const char *const names[] = { "text", "json", "perf", NULL };

	options->format =
		(enum dump_format)argument_output(state, argument, names, &options->output,
						  "text, json or perf, or one of these with a file: perf:perf.data");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct command_line *line = state->input;
	struct dump_options *options = line->options;

	switch (key) {
	case 'o': take_output(options, argument, state); break;
	case 'x': options->full = true; break;
	case 'f': options->follow = true; break;
	case 'q': options->quiet = true; break;
	case 'd':
		options->duration_ns = argument_ns(state, "--duration", argument, 1, UINT64_MAX,
						   "a time above 0, such as 10, 1.5s or 500ms");
		break;
	case 'n':
		options->count = argument_number(state, "--count", argument, 1, UINT64_MAX, "a number from 1 on");
		break;
	case ARGP_KEY_ARG:
		if (*line->path)
			argp_error(state, "one file at a time: %s, or %s", *line->path, argument);
		*line->path = argument;
		break;
	case ARGP_KEY_END:
		if (!*line->path)
			argp_error(state, "which file? Give the path that the ring was made with");
		if (options->duration_ns && !options->follow)
			argp_error(state, "--duration is for --follow");
		if (options->full && options->format != DUMP_TEXT)
			argp_error(state, "--full is for text: the other formats hold whole payloads anyway");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void options_parse_dump(struct dump_options *options, const char **path, int argc, char **argv)
{
	static const struct argp argp = {
		.options = argp_options,
		.parser = parse,
		.args_doc = "FILE",
		.doc = "Tell what is in the ring in FILE: its records, what was lost, and what was reserved but never "
		       "published. The process that wrote it may be running, or have died at any instant."
		       "\vExit status: 0 all is told, 1 something is damaged or was left out, and the messages say "
		       "what, 2 no ring, cannot be opened, or the output cannot be written.",
	};
	struct command_line line = { .options = options, .path = path };

	memset(options, 0, sizeof(*options));
	*path = NULL;
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &line);
}
