/* SPDX-License-Identifier: MIT */
/*
 * witness_file.h - witnesses as a file: written by a run, replayed by the same build
 *
 * JSON. Where to strike is told as instructions run, and as an offset in the program or library, so that a file that
 * does not fit is noticed: another compiler, or the C library's memcpy for another CPU.
 */
#ifndef STRESS_WITNESS_FILE_H
#define STRESS_WITNESS_FILE_H

#include <stdio.h>

#include "report/report.h"

/* Write those of all targets. Return: 0 or -ENOMEM. */
int witness_file_write(const struct report *report, FILE *out);

struct filed_witness {
	const struct target *target;
	struct witness witness;
};

struct witness_file {
	unsigned count;
	struct filed_witness *at;
};

/*
 * witness_file_read - read @path
 * @message: receives, on error, what is wrong with it and what to do
 *
 * Nothing in the file is trusted. Return: 0; -EINVAL: not understood; -ESTALE: of another build; or what opening gave.
 */
int witness_file_read(const char *path, struct witness_file *file, char *message, size_t size);
void witness_file_free(struct witness_file *file);

#endif /* STRESS_WITNESS_FILE_H */
