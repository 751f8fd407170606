/* SPDX-License-Identifier: MIT */
/*
 * latency.c - how long from when a record was due until a reader has it
 *
 * Records are due at a fixed rate, and each holds the time when it was. A writer that was held up writes those that are
 * late at once, each with the time when it should have been: so what the writer was held up counts for all of them, and
 * nothing is left out where it is worst (coordinated omission).
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "order.h"
#include "repetition.h"

#define PATIENCE_NS (2 * NS_PER_S)
#define TRIES 256u

static int send(const struct writing *writing, uint64_t due)
{
	unsigned char record[4096];
	uint64_t start = 0;
	int rc;

	memcpy(record, writing->payload, writing->size);
	memcpy(record, &due, sizeof(due));
	for (unsigned tries = 1;; tries++) {
		rc = writing->contestant->write(writing->ring, record, writing->size);
		if (rc != -ENOSPC)
			return rc;
		if (tries % TRIES == 0) {
			start = start ? start : clock_ns();
			if (clock_ns() - start > PATIENCE_NS)
				return -ETIME;
		}
		nrb_cpu_relax();
	}
}

int latency_write(struct repetition *repetition, struct bench_ring *ring)
{
	const struct writing writing = writing_of(repetition, ring);
	uint64_t due = clock_ns() + repetition->plan->interval_ns, end = due + repetition->time_ns;

	for (; due < end; due += repetition->plan->interval_ns) {
		int rc;

		while (clock_ns() < due)
			nrb_cpu_relax();
		rc = send(&writing, due);
		if (rc)
			return rc;
	}
	return 0;
}

void latency_read(const struct repetition *repetition, const uint32_t *stop, struct histogram *histogram)
{
	const struct contestant *contestant = repetition->contestant;
	struct bench_ring *ring = repetition->ring[0];
	const void *payload;
	size_t size;

	/* Once more after the last was written. */
	for (bool last = false; !last;) {
		last = nrb_load_acquire(stop);
		while (contestant->next(ring, &payload, &size) == 1) {
			uint64_t due, now = clock_ns();

			memcpy(&due, payload, sizeof(due));
			histogram_add(histogram, now > due ? now - due : 0);
		}
		contestant->release(ring);
	}
}
