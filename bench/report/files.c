/* SPDX-License-Identifier: MIT */
/*
 * files.c - where reports go
 *
 * A file is written under another name beside its final place, taken before the run, and renamed once it is whole. What
 * is no regular file is written as it is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports.h"

struct file {
	enum output_form form;
	const char *name; /* NULL: standard output */
	char *temporary;  /* NULL: nothing to be renamed */
	char *place;      /* what it is renamed to: @name, or where that leads */
	int fd;
};

struct files {
	unsigned count;
	struct file file[REQUEST_OUTPUTS];
};

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
	default: return "";
	}
}

static int complain(const struct file *file, int error)
{
	fprintf(stderr, "nrb-bench: cannot write %s: %s%s\n", file->name ? file->name : "standard output",
		strerror(-error), remedy(-error));
	return error;
}

static int open_temporary(struct file *file)
{
	const char *slash = strrchr(file->place, '/');
	mode_t mask;

	if (asprintf(&file->temporary, "%.*s.nrb-bench-XXXXXX", slash ? (int)(slash - file->place) + 1 : 0,
		     file->place) < 0) {
		file->temporary = NULL;
		return -ENOMEM;
	}
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	if (file->fd < 0) {
		int error = -errno;

		free(file->temporary);
		file->temporary = NULL;
		return error;
	}
	/* mkostemp makes it private; the report gets the permissions of any other file. */
	mask = umask(0);
	umask(mask);
	return fchmod(file->fd, 0666 & ~mask) ? -errno : 0;
}

static int open_file(struct file *file)
{
	struct stat status;

	if (stat(file->name, &status)) {
		if (errno != ENOENT)
			return -errno;
		file->place = strdup(file->name);
		return file->place ? open_temporary(file) : -ENOMEM;
	}
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	if (!S_ISREG(status.st_mode) || !strncmp(file->name, "/dev/", 5) || !strncmp(file->name, "/proc/", 6)) {
		file->fd = open(file->name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
		return file->fd < 0 ? -errno : 0;
	}
	/* A rename would replace what somebody has made read-only. */
	if (access(file->name, W_OK))
		return -errno;
	file->place = realpath(file->name, NULL);
	return file->place ? open_temporary(file) : -errno;
}

struct files *files_open(const struct request *request)
{
	static const struct output_wish standard = { .form = FORM_TEXT };
	struct files *files = calloc(1, sizeof(*files));

	if (!files) {
		fprintf(stderr, "nrb-bench: no memory\n");
		return NULL;
	}
	/* Whoever reads from us may go away; that ends the printing, not us. */
	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < request->outputs || !i; i++) {
		const struct output_wish *wish = request->outputs ? &request->output[i] : &standard;
		struct file *file = &files->file[files->count++];
		int rc;

		*file = (struct file) { .form = wish->form, .name = wish->path, .fd = -1 };
		if (wish->form == FORM_SVG && svg_possible()) {
			fprintf(stderr, "nrb-bench: --output=svg: charts are drawn by gnuplot, which is not here: "
					"install gnuplot-nox\n");
			files_close(files);
			return NULL;
		}
		rc = file->name ? open_file(file) : 0;
		if (rc) {
			complain(file, rc);
			files_close(files);
			return NULL;
		}
	}
	return files;
}

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t written = write(fd, text, size);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			text += written;
			size -= (size_t)written;
		}
	}
	return 0;
}

/* In memory first: so write(2) itself says what went wrong. */
static int print(const struct file *file, const struct bench_report *report)
{
	static int (*const forms[FORMS])(const struct bench_report *, FILE *) = { report_table, report_to_json,
										  report_gnuplot };
	int fd = file->name ? file->fd : STDOUT_FILENO, rc;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -ENOMEM;
	rc = forms[file->form](report, out);
	if (fclose(out) && !rc)
		rc = -ENOMEM;
	if (!rc)
		rc = file->form == FORM_SVG ? svg_draw(text, size, fd) : write_all(fd, text, size);
	free(text);
	/* head(1) has seen enough. */
	return rc == -EPIPE && !file->name ? 0 : rc;
}

static int write_file(struct file *file, const struct bench_report *report)
{
	int rc = print(file, report);

	if (!file->name)
		return rc;
	/* Some file systems tell only now that there was no room. */
	if (close(file->fd) && !rc)
		rc = -errno;
	file->fd = -1;
	if (rc || !file->temporary)
		return rc;
	if (rename(file->temporary, file->place))
		return -errno;
	free(file->temporary);
	file->temporary = NULL;
	return 0;
}

int files_write(struct files *files, const struct bench_report *report)
{
	int first = 0;

	for (unsigned i = 0; i < files->count; i++) {
		int rc = write_file(&files->file[i], report);

		if (rc)
			complain(&files->file[i], rc);
		first = first ? first : rc;
	}
	return first;
}

void files_close(struct files *files)
{
	for (unsigned i = 0; i < files->count; i++) {
		struct file *file = &files->file[i];

		if (file->temporary)
			unlink(file->temporary);
		free(file->temporary);
		free(file->place);
		if (file->fd >= 0)
			close(file->fd);
	}
	free(files);
}
