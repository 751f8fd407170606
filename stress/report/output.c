/* SPDX-License-Identifier: MIT */
/*
 * output.c - the forms that reports have, and who gets which
 */
#define _GNU_SOURCE
#include "report/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output_files.h"
#include "witness_file.h"

_Static_assert(OPTIONS_OUTPUTS <= OUTPUT_FILES_MAX, "there is a file for each");

struct outputs {
	bool color; /* on standard output */
	bool color_always;
	enum output_format format[OPTIONS_OUTPUTS];
	struct output_files *files;
};

/* ---- formats ---- */

static int write_text(const struct report *report, FILE *out, const struct text_style *style)
{
	report_text(report, out, style);
	return 0;
}

static int write_json(const struct report *report, FILE *out, const struct text_style *style)
{
	(void)style;
	return report_json(report, out);
}

static int write_ktap(const struct report *report, FILE *out, const struct text_style *style)
{
	(void)style;
	report_ktap(report, out);
	return 0;
}

static int write_witness(const struct report *report, FILE *out, const struct text_style *style)
{
	(void)style;
	return witness_file_write(report, out);
}

static int (*const formats[])(const struct report *report, FILE *out, const struct text_style *style) = {
	[OUTPUT_TEXT] = write_text,
	[OUTPUT_JSON] = write_json,
	[OUTPUT_KTAP] = write_ktap,
	[OUTPUT_WITNESS] = write_witness,
};

/* ---- before the run ---- */

static bool color_wanted(enum color_choice choice)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (choice != COLOR_AUTO)
		return choice == COLOR_ALWAYS;
	return !(no_color && no_color[0]) && term && strcmp(term, "dumb") && isatty(STDOUT_FILENO);
}

static int add_files(struct outputs *outputs, const struct options *options)
{
	int rc = 0;

	if (!options->outputs)
		return output_files_add(outputs->files, NULL);
	for (unsigned i = 0; i < options->outputs && !rc; i++) {
		outputs->format[i] = options->output[i].format;
		rc = output_files_add(outputs->files, options->output[i].path);
	}
	return rc;
}

struct outputs *outputs_open(const struct options *options)
{
	struct outputs *outputs = calloc(1, sizeof(*outputs));

	if (!outputs) {
		fprintf(stderr, "nrb-stress: out of memory\n");
		return NULL;
	}
	outputs->color = color_wanted(options->color);
	outputs->color_always = options->color == COLOR_ALWAYS;
	outputs->files = output_files_new("nrb-stress");
	if (outputs->files && !add_files(outputs, options))
		return outputs;
	outputs_close(outputs);
	return NULL;
}

/* ---- after it ---- */

struct printing {
	const struct outputs *outputs;
	const struct report *report;
};

static int print(const void *context, unsigned index, FILE *out)
{
	const struct printing *printing = context;
	const struct outputs *outputs = printing->outputs;
	const struct options *options = printing->report->options;
	const bool standard = output_files_is_standard(outputs->files, index);
	/* --quiet and a terminal's colours are for who watches; a file that was asked for is for who reads later. */
	const struct text_style style = {
		.color = standard ? outputs->color : outputs->color_always,
		.quiet = options->quiet && standard,
		.verbose = options->verbose,
		.map = options->map,
	};

	return formats[outputs->format[index]](printing->report, out, &style);
}

int outputs_write(struct outputs *outputs, const struct report *report)
{
	return output_files_write(outputs->files, print, &(struct printing) { outputs, report });
}

void outputs_close(struct outputs *outputs)
{
	if (!outputs)
		return;
	output_files_close(outputs->files);
	free(outputs);
}
