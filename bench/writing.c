/* SPDX-License-Identifier: MIT */
/*
 * writing.c - the loop that is timed
 */
#include "repetition.h"

#include <errno.h>

#include "clock.h"
#include "order.h"

#define BURST_NS (40 * NS_PER_US)
#define BURST_MAX 65536u
/* A ring that stays full for so long will stay so for ever. */
#define PATIENCE_NS (2 * NS_PER_S)
/* Tries between two looks at the clock. */
#define TRIES 256u

static int write_one(const struct writing *writing)
{
	if (writing->depth)
		return write_nested(writing);
	return writing->contestant->write(writing->ring, writing->payload, writing->size);
}

/* Get the record that was refused into the ring after all. Return: 0 or -errno. */
static int insist(struct writing *writing)
{
	uint64_t start = clock_ns();
	int rc = -ENOSPC;

	for (unsigned tries = 1; rc == -ENOSPC; tries++) {
		const bool takes = writing->when_full == FULL_TAKE;

		/* Half a ring first; if there is no half, what there is. */
		if (!takes || !writing->contestant->take(writing->ring, tries == 1 ? writing->least : 1))
			nrb_cpu_relax();
		rc = write_one(writing);
		if (rc == -ENOSPC && tries % TRIES == 0 && clock_ns() - start > PATIENCE_NS)
			rc = -ETIME;
	}
	if (writing->when_full == FULL_WAIT_OUT)
		writing->waited_ns += clock_ns() - start;
	return rc;
}

/* Return: 0 or -errno. */
static int refused(struct writing *writing, int rc)
{
	if (rc != -ENOSPC)
		return rc;
	if (writing->when_full == FULL_DROP) {
		writing->refused++;
		return 0;
	}
	if (writing->when_full == FULL_TAKE && !writing->contestant->take)
		return -EOPNOTSUPP;
	return insist(writing);
}

/* The loops themselves: a call for each record, the same for all contestants. */
static int write_plain(struct writing *writing)
{
	int (*const write)(struct bench_ring *, const void *, size_t) = writing->contestant->write;
	struct bench_ring *const ring = writing->ring;
	const unsigned char *const payload = writing->payload;
	const size_t size = writing->size;

	/* A jump less for each: it is part of what is measured, and of no contestant's. */
#pragma GCC unroll 8
	for (uint32_t i = writing->burst; i; i--) {
		int rc = write(ring, payload, size);

		if (__builtin_expect(rc, 0)) {
			rc = refused(writing, rc);
			if (rc)
				return rc;
		}
	}
	return 0;
}

static int write_stacks(struct writing *writing)
{
	int rc = 0;

	for (uint32_t i = 0; i < writing->burst && !rc; i++) {
		rc = write_nested(writing);
		rc = rc ? refused(writing, rc) : 0;
	}
	return rc;
}

static int write_burst(struct writing *writing)
{
	int rc = writing->depth ? write_stacks(writing) : write_plain(writing);

	if (!rc)
		writing->records += writing->burst;
	return rc;
}

/* What is planted: so many percent of what the last burst took, once more. */
static uint64_t linger(const struct writing *writing, uint64_t before, uint64_t now)
{
	uint64_t until = now + (now - before) * writing->slow_percent / 100;

	while (writing->slow_percent && now < until)
		now = clock_ns();
	return now;
}

int writing_run(struct writing *writing, uint64_t ns)
{
	uint64_t start = clock_ns(), now = start, before = start;
	int rc = 0;

	while (!rc && now - start < ns) {
		rc = write_burst(writing);
		now = linger(writing, before, clock_ns());
		before = now;
	}
	writing->elapsed_ns += now - start;
	return rc;
}

int writing_find_burst(struct writing *writing)
{
	for (writing->burst = 8;; writing->burst *= 2) {
		uint64_t start = clock_ns();
		int rc = write_burst(writing);

		if (rc || clock_ns() - start > BURST_NS / 2 || writing->burst >= BURST_MAX)
			return rc;
	}
}

struct writing writing_of(const struct repetition *repetition, struct bench_ring *ring)
{
	static const enum when_full when_full[MODES] = {
		[MODE_POLLED] = FULL_WAIT,   [MODE_LOOP] = FULL_WAIT,     [MODE_PACED] = FULL_WAIT_OUT,
		[MODE_LOSSLESS] = FULL_WAIT, [MODE_DROPPING] = FULL_DROP, [MODE_LATENCY] = FULL_WAIT,
	};
	const struct cell *cell = repetition->cell;
	const struct plan *plan = repetition->plan;

	return (struct writing) {
		.contestant = repetition->contestant,
		.ring = ring,
		.payload = repetition->payload,
		.size = cell->payload,
		.depth = cell->depth,
		.when_full = when_full[cell->mode],
		.least = cell->data_size / 2,
		.burst = repetition->burst,
		.slow_percent = plan->slow_contestant == cell->contestant ? plan->slow_percent : 0,
	};
}

void sample_fill(struct sample *sample, const struct writing *writing, const struct counted *counted)
{
	/* A nested write is a record as well. */
	double records = (double)writing->records * (writing->depth + 1);

	sample->ns = (double)(writing->elapsed_ns - writing->waited_ns) / records;
	sample->dropped = (double)writing->refused / (double)writing->records;
	sample->instructions = counted->instructions / records;
	sample->cycles = counted->cycles / records;
}
