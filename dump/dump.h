/* SPDX-License-Identifier: MIT */
/*
 * dump.h - tell what is in a named ring: as text, JSON lines or perf.data
 */
#ifndef DUMP_DUMP_H
#define DUMP_DUMP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum dump_format { DUMP_TEXT, DUMP_JSON, DUMP_PERF };

/* Exit statuses. */
enum dump_status {
	DUMP_FINE,
	DUMP_DAMAGED, /* something in the ring is not as it must be, or could not be told; the rest was */
	DUMP_UNUSABLE /* no ring, cannot be opened, or the output cannot be written */
};

struct dump_options {
	enum dump_format format;
	const char *output;                /* file to write to; NULL: standard output */
	bool follow;                       /* consume what comes, until told to stop */
	bool full;                         /* text: whole payloads */
	bool quiet;                        /* no summary on @messages */
	uint64_t count;                    /* stop after so many records; 0: no limit */
	uint64_t duration_ns;              /* follow for so long; 0: no limit */
	const volatile sig_atomic_t *stop; /* not 0: come to an end; NULL: nobody asks for it */
};

/**
 * dump_file - tell what is in the ring at @path
 * @path: the ring's file; PATH.writer beside it is read where that may be
 * @options: how
 * @out: where to, unless the options name a file. A perf.data file if it can be sought in and nothing was written to it
 *       yet, else perf's pipe format
 * @messages: errors, and the summary
 *
 * Without follow, nothing in the ring is changed. SIGBUS has a handler meanwhile, see guard.h.
 *
 * Context: thread; one at a time in a process. Return: enum dump_status.
 */
int dump_file(const char *path, const struct dump_options *options, FILE *out, FILE *messages);

#endif /* DUMP_DUMP_H */
