/* SPDX-License-Identifier: MIT */
/*
 * kernel_slice.h - what the parts of a kernel slice share: the slice itself, its readers, and what is made of it
 */
#ifndef STRESS_KERNEL_SLICE_H
#define STRESS_KERNEL_SLICE_H

#include "kernel/breakpoints.h"
#include "kernel/events.h"
#include "kernel/kernel.h"
#include "kernel/steer.h"
#include "kernel/watch.h"
#include "kernel/writer.h"

struct kernel_ring {
	struct kernel_events events;
	struct kernel_writer writer;
	struct kernel_sweep sweep;
	struct kernel_watch watch; /* the consumer's */
	uint64_t settled_head;     /* everything up to there has been read, and the writer rests */
	uint32_t settled;
};

struct kernel_reader {
	struct kernel_slice *slice;
	unsigned index, cpu;
	const struct placed_reader *placed;
	struct kernel_watch *poll; /* a poller's own */
	pthread_t thread;
	bool running, displaced;
	uint64_t first_violation_ns;
};

struct kernel_slice {
	const struct slice_config *config;
	struct slice_result *result;
	struct kernel_result *sum;
	struct kernel_ring *ring;
	struct kernel_reader *reader;
	unsigned rings, readers;
	bool backward, sweeps;
	uint64_t start_ns;
	struct kernel_steer steer;
	uint32_t settle, stop; /* orders to readers: tell when nothing is left; and end */
};

/* The slice cannot go on: @what, and why. Return: @error. */
int kernel_slice_fail(struct kernel_slice *slice, int error, const char *what);

/* ---- reader.c ---- */

/* Start reader number @index, pinned. Return: 0, or -errno and the slice has failed. */
int kernel_reader_start(struct kernel_slice *slice, unsigned index);

/* Report what @reader found of ring number @ring, and forget it. */
void kernel_slice_tell(struct kernel_reader *reader, unsigned ring, struct findings *findings);

/* ---- collect.c ---- */

/*
 * kernel_slice_collect - everybody has ended: what must hold at rest, and what it all came to
 * @rested: everything was read first
 */
void kernel_slice_collect(struct kernel_slice *slice, bool rested);

#endif /* STRESS_KERNEL_SLICE_H */
