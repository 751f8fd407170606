/* SPDX-License-Identifier: MIT */
/*
 * output_files.h - where reports go: to files, which appear whole or not at all, and to standard output
 *
 * A regular file is written under a name of its own beside its final place, and renamed once it is whole; the name is
 * taken before the run, so that a wrong one costs a second and not the run. What is no regular file (a terminal, a
 * pipe, /dev/null) is written as it is: it must not be replaced.
 */
#ifndef CLI_OUTPUT_FILES_H
#define CLI_OUTPUT_FILES_H

#include <stdbool.h>
#include <stdio.h>

#define OUTPUT_FILES_MAX 16

struct output_files;

/* @program: the name that messages begin with, and hidden files; it is not copied. Return: NULL after a message. */
struct output_files *output_files_new(const char *program);

/*
 * output_files_add - one output more, numbered from 0 on; OUTPUT_FILES_MAX at most
 * @name: its file, or NULL: standard output; not copied
 *
 * Return: 0, or -errno after a message that names the file, the cause and what to do.
 */
int output_files_add(struct output_files *files, const char *name);

/* Whether that output goes where standard output goes, by whatever name. */
bool output_files_is_standard(const struct output_files *files, unsigned index);

/*
 * output_files_write - have @print print each output to @out, whose errors are not its own to find
 *
 * Files come first and standard output last, so that a reader who has gone away costs nothing else; and since that one
 * has seen enough, it is no error. Who does not ignore SIGPIPE ends by it.
 *
 * Return: 0, or the first -errno, each after a message. The others have been written nevertheless.
 */
int output_files_write(struct output_files *files, int (*print)(const void *context, unsigned index, FILE *out),
		       const void *context);

/* What was begun and not written is removed. @files may be NULL. */
void output_files_close(struct output_files *files);

/* What to do where a file cannot be written, by errno: ": make the directory first"; "" where that is plain. */
const char *output_remedy(int error);

#endif /* CLI_OUTPUT_FILES_H */
