/* SPDX-License-Identifier: MIT */
/*
 * files.c - the forms that reports have, and who gets which
 */
#include <signal.h>
#include <stdlib.h>

#include "output_files.h"
#include "reports.h"

_Static_assert(REQUEST_OUTPUTS <= OUTPUT_FILES_MAX, "there is a file for each");

struct files {
	enum output_form form[REQUEST_OUTPUTS];
	struct output_files *files;
};

static int add_file(struct files *files, unsigned index, const struct output_wish *wish)
{
	files->form[index] = wish->form;
	if (wish->form == FORM_SVG && svg_possible()) {
		fprintf(stderr, "nrb-bench: --output=svg: charts are drawn by gnuplot, which is not here: "
				"install gnuplot-nox\n");
		return -1;
	}
	return output_files_add(files->files, wish->path);
}

struct files *files_open(const struct request *request)
{
	static const struct output_wish standard = { .form = FORM_TEXT };
	struct files *files = calloc(1, sizeof(*files));
	int rc;

	if (!files) {
		fprintf(stderr, "nrb-bench: out of memory\n");
		return NULL;
	}
	/* Whoever reads from us may go away; that ends the printing, not us. */
	signal(SIGPIPE, SIG_IGN);
	files->files = output_files_new("nrb-bench");
	rc = !files->files;
	if (!rc && !request->outputs)
		rc = add_file(files, 0, &standard);
	for (unsigned i = 0; i < request->outputs && !rc; i++)
		rc = add_file(files, i, &request->output[i]);
	if (!rc)
		return files;
	files_close(files);
	return NULL;
}

struct printing {
	const struct files *files;
	const struct bench_report *report;
};

static int print(const void *context, unsigned index, FILE *out)
{
	static int (*const forms[FORMS])(const struct bench_report *, FILE *) = { report_table, report_to_json,
										  report_svg };
	const struct printing *printing = context;

	return forms[printing->files->form[index]](printing->report, out);
}

int files_write(struct files *files, const struct bench_report *report)
{
	return output_files_write(files->files, print, &(struct printing) { files, report });
}

void files_close(struct files *files)
{
	output_files_close(files->files);
	free(files);
}
