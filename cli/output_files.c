/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "output_files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct output_file {
	const char *name; /* as asked for; NULL: standard output */
	char *path;       /* symbolic links followed; NULL: nothing to be renamed */
	char *temporary;  /* NULL: nothing to be removed */
	int fd;           /* -1: none */
};

struct output_files {
	const char *program;
	unsigned count;
	struct output_file file[OUTPUT_FILES_MAX];
};

/* ---- messages ---- */

/* The cause alone is often not enough. */
const char *output_remedy(int error)
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
	default: return "";
	}
}

/* Return: @error as it is, so that callers can pass it on. */
static int complain(const struct output_files *files, const struct output_file *file, int error)
{
	fprintf(stderr, "%s: cannot write %s: %s%s\n", files->program, file->name ? file->name : "standard output",
		error == -EEXIST ? "two outputs have this name" : strerror(-error), output_remedy(-error));
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
static int find_place(struct output_file *file)
{
	const char *slash = strrchr(file->name, '/');
	char *directory, *real;
	int rc;

	if (!file->name[0])
		return -EINVAL;
	if (slash && !slash[1])
		return -EISDIR;
	directory = slash ? strndup(file->name, (size_t)(slash - file->name) + 1) : strdup(".");
	if (!directory)
		return -ENOMEM;
	real = realpath(directory, NULL);
	rc = real ? 0 : -errno;
	free(directory);
	if (rc)
		return rc;
	if (asprintf(&file->path, "%s/%s", real, slash ? slash + 1 : file->name) < 0) {
		file->path = NULL;
		rc = -ENOMEM;
	}
	free(real);
	return rc;
}

/* A file beside file->path. Its name is short, so that no path gets too long by it. */
static int open_temporary(struct output_file *file, const char *program)
{
	int directory = (int)(strrchr(file->path, '/') - file->path);
	mode_t mask;

	if (asprintf(&file->temporary, "%.*s/.%s-XXXXXX", directory, file->path, program) < 0) {
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

/* Open what @file names; file->path stays NULL where nothing is to be renamed. */
static int open_file(struct output_file *file, const char *program)
{
	struct stat status;
	int rc;

	if (stat(file->name, &status)) {
		if (errno != ENOENT)
			return -errno;
		rc = find_place(file);
		return rc ? rc : open_temporary(file, program);
	}
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	/* /dev/stdout, or the file that the shell sends standard output to: that one keeps its place and its end. */
	if (is_standard_output(&status)) {
		file->name = NULL;
		return 0;
	}
	if (!S_ISREG(status.st_mode) || is_descriptor(file->name)) {
		file->fd = open(file->name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
		return file->fd < 0 ? -errno : 0;
	}
	/* A rename would replace what somebody has made read-only. */
	if (access(file->name, W_OK))
		return -errno;
	file->path = realpath(file->name, NULL);
	return file->path ? open_temporary(file, program) : -errno;
}

/* Whether a file before @last has the same place: one of the two would be lost. */
static bool is_taken(const struct output_files *files, const struct output_file *last)
{
	for (const struct output_file *file = files->file; file < last; file++)
		if (file->path && last->path && !strcmp(file->path, last->path))
			return true;
	return false;
}

struct output_files *output_files_new(const char *program)
{
	struct output_files *files = calloc(1, sizeof(*files));

	if (!files) {
		fprintf(stderr, "%s: out of memory\n", program);
		return NULL;
	}
	files->program = program;
	return files;
}

int output_files_add(struct output_files *files, const char *name)
{
	struct output_file *file = &files->file[files->count];
	int rc;

	assert(files->count < OUTPUT_FILES_MAX);
	files->count++;
	*file = (struct output_file) { .name = name, .fd = -1 };
	rc = name ? open_file(file, files->program) : 0;
	if (!rc && is_taken(files, file))
		rc = -EEXIST;
	return rc ? complain(files, file, rc) : 0;
}

bool output_files_is_standard(const struct output_files *files, unsigned index)
{
	return !files->file[index].name;
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

/* What an output is to hold, in memory first: so write(2) itself says what went wrong. To be freed. */
static int print_text(int (*print)(const void *, unsigned, FILE *), const void *context, unsigned index, char **text,
		      size_t *size)
{
	FILE *out = open_memstream(text, size);
	int rc;

	if (!out)
		return -ENOMEM;
	rc = print(context, index, out);
	return fclose(out) && !rc ? -ENOMEM : rc;
}

static int write_standard(const char *text, size_t size)
{
	int rc = fflush(stdout) ? -errno : write_all(STDOUT_FILENO, text, size);

	return rc == -EPIPE ? 0 : rc;
}

/* @rc: what went wrong with it so far. */
static int write_file(struct output_file *file, const char *text, size_t size, int rc)
{
	if (!rc)
		rc = write_all(file->fd, text, size);
	/* Some file systems tell only now that there was no room. */
	if (close(file->fd) && !rc)
		rc = -errno;
	file->fd = -1;
	if (rc || !file->temporary)
		return rc;
	if (rename(file->temporary, file->path))
		return -errno;
	free(file->temporary);
	file->temporary = NULL;
	return 0;
}

static void remove_temporary(struct output_file *file)
{
	if (file->temporary)
		unlink(file->temporary);
	free(file->temporary);
	file->temporary = NULL;
}

static int write_one(struct output_files *files, unsigned index,
		     int (*print)(const void *context, unsigned index, FILE *out), const void *context)
{
	struct output_file *file = &files->file[index];
	char *text = NULL;
	size_t size = 0;
	int rc = print_text(print, context, index, &text, &size);

	if (file->name)
		rc = write_file(file, text, size, rc);
	else if (!rc)
		rc = write_standard(text, size);
	free(text);
	/* The others may still get theirs; a file that is not whole goes at once. */
	if (rc) {
		remove_temporary(file);
		complain(files, file, rc);
	}
	return rc;
}

int output_files_write(struct output_files *files, int (*print)(const void *context, unsigned index, FILE *out),
		       const void *context)
{
	int first = 0;

	for (int standard = 0; standard < 2; standard++) {
		for (unsigned i = 0; i < files->count; i++) {
			int rc = 0;

			if (output_files_is_standard(files, i) == standard)
				rc = write_one(files, i, print, context);
			first = first ? first : rc;
		}
	}
	return first;
}

void output_files_close(struct output_files *files)
{
	if (!files)
		return;
	for (unsigned i = 0; i < files->count; i++) {
		struct output_file *file = &files->file[i];

		remove_temporary(file);
		free(file->path);
		if (file->fd >= 0)
			close(file->fd);
	}
	free(files);
}
