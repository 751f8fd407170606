/* SPDX-License-Identifier: MIT */
/*
 * reader.h - threads that watch data_head, and consume: they feed the oracle and keep what it finds
 */
#ifndef STRESS_READER_H
#define STRESS_READER_H

#include <pthread.h>

#include "oracle.h"
#include "writer.h"

/* A ring as one reader sees it. */
struct view {
	struct writer *writer;
	struct oracle_watch watch;
	struct oracle_stream stream; /* consumers only */
	uint64_t missed;             /* bytes that were overwritten before they were read */
	bool consumer;
	bool rested;          /* the last check, with the writer at rest, is done */
	struct counts counts; /* what this reader found on this ring */
};

struct reader {
	const struct slice_config *config;
	struct slice_result *result; /* violations go there at once */
	unsigned index;
	unsigned cpu;
	uint64_t start_ns;
	pthread_t thread;
	struct view *view;
	unsigned views;
	bool ended;                  /* by returning, and not within code of others */
	bool displaced;              /* not on its CPU any more when it ended */
	uint64_t first_violation_ns; /* since start_ns; UINT64_MAX: none */
	_Alignas(64) uint32_t stop;  /* asked by the slice's main thread, after all writers have finished */
};

/* The thread. @argument: its struct reader. */
void *reader_main(void *argument);

#endif /* STRESS_READER_H */
