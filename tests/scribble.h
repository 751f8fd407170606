/* SPDX-License-Identifier: MIT */
/*
 * scribble.h - the parts of hostile.c: who scribbles, and who has to live with it, a process each
 */
#ifndef TESTS_SCRIBBLE_H
#define TESTS_SCRIBBLE_H

#include <stdio.h>
#include <stdlib.h>

#include "ring.h"

/* Between the processes of a case; no part of any ring. */
struct shared {
	uint64_t seed, duration_ns;
	uint64_t progress;  /* steps of the one that is watched */
	uint64_t scribbles; /* stores by the neighbour */
	uint64_t taken;     /* writes that succeeded, or records that were read */
	uint64_t refused;   /* writes that were refused, or calls that gave an error */
	int fd, writer_fd;  /* what the neighbour is given */
};

/* Ends the process, and says why. */
#define insist(condition)                                                                                              \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			printf("# %s:%d: insisted: %s: %m\n", __FILE__, __LINE__, #condition);                         \
			fflush(stdout);                                                                                \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

/* Neighbours; they scribble until they are killed. */
void scribble_as_reader(struct shared *shared);
void scribble_as_writer(struct shared *shared);

/* The writer: with guards round its memory; for the time given, nested; afterwards with an honest reader. */
void victim_begin(struct shared *shared, const struct nrb_attr *attr);
void victim_write(struct shared *shared);
void victim_recover(struct shared *shared);

/* The reader, of the ring at @path. */
void read_on(struct shared *shared, const char *path);

#endif /* TESTS_SCRIBBLE_H */
