/* SPDX-License-Identifier: MIT */
/*
 * output.c - where reports go
 *
 * A regular file is written under a name of its own beside its final place, and renamed once it is whole; the name is
 * taken before the run, so that a wrong one costs a second and not the run. What is no regular file (a terminal, a
 * pipe, /dev/null) is written as it is: it must not be replaced.
 */
#define _GNU_SOURCE
#include "report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "witness_file.h"

struct output {
	enum output_format format;
	const char *name; /* as asked for; NULL: standard output */
	char *path;       /* symbolic links followed; NULL: nothing to be renamed */
	char *temporary;  /* NULL: nothing to be removed */
	int fd;           /* -1: none */
};

struct outputs {
	bool color; /* on standard output */
	bool color_always;
	unsigned count;
	struct output output[OPTIONS_OUTPUTS + 1];
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

/* ---- messages ---- */

/* What to do about it; the cause alone is often not enough. */
static const char *remedy(int error)
{
	switch (error) {
	case ENOENT: return ": make the directory first";
	case ENOTDIR: return ": a part of the path is a file";
	case EISDIR: return ": name a file in it";
	case EACCES:
	case EPERM: return ": name a file that you may write, in a directory that you may write to";
	case EROFS: return ": name a file elsewhere";
	case ENOSPC:
	case EDQUOT: return ": make room there, or name a file elsewhere";
	case ENAMETOOLONG: return ": choose a shorter one";
	case EEXIST: return ": two outputs have this name";
	default: return "";
	}
}

/* Return: @error as it is, so that callers can pass it on. */
static int complain(const struct output *output, int error)
{
	const char *name = output->name ? output->name : "standard output";

	if (error == -EEXIST)
		fprintf(stderr, "nrb-stress: cannot write %s%s\n", name, remedy(-error));
	else
		fprintf(stderr, "nrb-stress: cannot write %s: %s%s\n", name, strerror(-error), remedy(-error));
	return error;
}

/* ---- before the run ---- */

static bool is_standard_output(const struct stat *file)
{
	struct stat standard;

	return !fstat(STDOUT_FILENO, &standard) && standard.st_dev == file->st_dev && standard.st_ino == file->st_ino;
}

/* Whether @name is a file that is open already, under a name of the kernel's: /dev/stderr, /dev/fd/3. */
static bool is_descriptor(const char *name)
{
	return !strncmp(name, "/dev/std", 8) || !strncmp(name, "/dev/fd/", 8) || !strncmp(name, "/proc/self/fd/", 14);
}

/* The place of a file that may not be there yet: its directory, symbolic links followed, and its name. */
static int find_place(struct output *output)
{
	const char *slash = strrchr(output->name, '/');
	char *directory, *real;
	int rc;

	if (!output->name[0])
		return -EINVAL;
	if (slash && !slash[1])
		return -EISDIR;
	directory = slash ? strndup(output->name, (size_t)(slash - output->name) + 1) : strdup(".");
	if (!directory)
		return -ENOMEM;
	real = realpath(directory, NULL);
	rc = real ? 0 : -errno;
	free(directory);
	if (rc)
		return rc;
	if (asprintf(&output->path, "%s/%s", real, slash ? slash + 1 : output->name) < 0) {
		output->path = NULL;
		rc = -ENOMEM;
	}
	free(real);
	return rc;
}

/* A file beside output->path. Its name is short, so that no path gets too long by it. */
static int open_temporary(struct output *output)
{
	int directory = (int)(strrchr(output->path, '/') - output->path);
	mode_t mask;

	if (asprintf(&output->temporary, "%.*s/.nrb-stress-XXXXXX", directory, output->path) < 0) {
		output->temporary = NULL;
		return -ENOMEM;
	}
	output->fd = mkostemp(output->temporary, O_CLOEXEC);
	if (output->fd < 0) {
		int error = -errno;

		free(output->temporary);
		output->temporary = NULL;
		return error;
	}
	/* mkostemp makes it private; the report gets the permissions of any other file. */
	mask = umask(0);
	umask(mask);
	return fchmod(output->fd, 0666 & ~mask) ? -errno : 0;
}

/* Open what @output names; output->path stays NULL where nothing is to be renamed. */
static int open_file(struct output *output)
{
	struct stat file;
	int rc;

	if (stat(output->name, &file)) {
		if (errno != ENOENT)
			return -errno;
		rc = find_place(output);
		return rc ? rc : open_temporary(output);
	}
	if (S_ISDIR(file.st_mode))
		return -EISDIR;
	/* /dev/stdout, or the file that the shell sends standard output to: that one keeps its place and its end. */
	if (is_standard_output(&file)) {
		output->name = NULL;
		return 0;
	}
	if (!S_ISREG(file.st_mode) || is_descriptor(output->name)) {
		output->fd = open(output->name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
		return output->fd < 0 ? -errno : 0;
	}
	/* A rename would replace what somebody has made read-only. */
	if (access(output->name, W_OK))
		return -errno;
	output->path = realpath(output->name, NULL);
	return output->path ? open_temporary(output) : -errno;
}

/* Whether an output before @last has the same place: one of the two would be lost. */
static bool is_taken(const struct outputs *outputs, const struct output *last)
{
	for (const struct output *output = outputs->output; output < last; output++)
		if (output->path && last->path && !strcmp(output->path, last->path))
			return true;
	return false;
}

static bool color_wanted(enum color_choice choice)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (choice != COLOR_AUTO)
		return choice == COLOR_ALWAYS;
	return !(no_color && no_color[0]) && term && strcmp(term, "dumb") && isatty(STDOUT_FILENO);
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
	if (!options->outputs) {
		outputs->output[0] = (struct output) { .format = OUTPUT_TEXT, .fd = -1 };
		outputs->count = 1;
	}
	for (unsigned i = 0; i < options->outputs; i++) {
		struct output *output = &outputs->output[i];
		int rc;

		*output = (struct output) { .format = options->output[i].format,
					    .name = options->output[i].path,
					    .fd = -1 };
		outputs->count++;
		rc = output->name ? open_file(output) : 0;
		if (!rc && is_taken(outputs, output))
			rc = -EEXIST;
		if (!rc)
			continue;
		complain(output, rc);
		outputs_close(outputs);
		return NULL;
	}
	return outputs;
}

/* ---- after it ---- */

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t written = write(fd, text, size);

		if (written >= 0) {
			text += written;
			size -= (size_t)written;
		} else if (errno == EAGAIN) {
			/* Somebody who shares our standard output has made it non-blocking. */
			poll(&(struct pollfd) { .fd = fd, .events = POLLOUT }, 1, -1);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* Print in memory first: so write(2) itself says what went wrong, and formats need not look for it. */
static int print(const struct outputs *outputs, const struct output *output, const struct report *report)
{
	/* --quiet and a terminal's colours are for who watches; a file that was asked for is for who reads later. */
	struct text_style style = {
		.color = output->name ? outputs->color_always : outputs->color,
		.quiet = report->options->quiet && !output->name,
		.verbose = report->options->verbose,
		.map = report->options->map,
	};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int rc;

	if (!out)
		return -ENOMEM;
	rc = formats[output->format](report, out, &style);
	if (fclose(out) && !rc)
		rc = -ENOMEM;
	if (!rc && !output->name && fflush(stdout))
		rc = -errno;
	if (!rc)
		rc = write_all(output->name ? output->fd : STDOUT_FILENO, text, size);
	free(text);
	return rc;
}

static void remove_temporary(struct output *output)
{
	if (output->temporary)
		unlink(output->temporary);
	free(output->temporary);
	output->temporary = NULL;
}

static int write_file(const struct outputs *outputs, struct output *output, const struct report *report)
{
	int rc = print(outputs, output, report);

	/* Some file systems tell only now that there was no room. */
	if (close(output->fd) && !rc)
		rc = -errno;
	output->fd = -1;
	if (rc || !output->temporary)
		return rc;
	if (rename(output->temporary, output->path))
		return -errno;
	free(output->temporary);
	output->temporary = NULL;
	return 0;
}

int outputs_write(struct outputs *outputs, const struct report *report)
{
	int first = 0;

	for (int standard = 0; standard < 2; standard++) {
		for (unsigned i = 0; i < outputs->count; i++) {
			struct output *output = &outputs->output[i];
			int rc;

			if ((output->name == NULL) != standard)
				continue;
			rc = output->name ? write_file(outputs, output, report) : print(outputs, output, report);
			/* The others may still get theirs; a file that is not whole goes at once. */
			if (!rc)
				continue;
			remove_temporary(output);
			complain(output, rc);
			if (!first)
				first = rc;
		}
	}
	return first;
}

void outputs_close(struct outputs *outputs)
{
	if (!outputs)
		return;
	for (unsigned i = 0; i < outputs->count; i++) {
		struct output *output = &outputs->output[i];

		remove_temporary(output);
		free(output->path);
		if (output->fd >= 0)
			close(output->fd);
	}
	free(outputs);
}
