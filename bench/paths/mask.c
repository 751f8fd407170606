/* SPDX-License-Identifier: MIT */
/*
 * mask - all signals are blocked around each write, which then need not nest: what people do without such a buffer
 *
 * Two system calls a record. Whoever knows which signals write could block those only; that costs the same.
 */
#define _GNU_SOURCE
#define NRB_STEPS_SECTION bench_path_mask
#include "steps_path.h"

#include "targets/masked_steps.h"

NRB_STEP void begin(struct nrb_ring *ring, struct nrb_reservation *r)
{
	sigset_t all;

	sigfillset(&all);
	begin_masked(ring, r, &all);
}

static const struct nrb_steps mask = {
	.begin = begin,
	.reserve = reserve_masked,
	.copy = nrb_copy,
	.publish = publish_masked,
	.end = end_masked,
};

NRB_WRITE_PATH static int mask_write(struct bench_ring *ring, const void *payload, size_t size)
{
	return nrb_write_by(&mask, ring->ring, NRB_RECORD_SAMPLE, payload, size);
}

/* A signal that comes while the record is being written is pending until it is done. */
static int mask_write_around(struct bench_ring *ring, const void *payload, size_t size, void (*within)(void *),
			     void *arg)
{
	int rc = mask_write(ring, payload, size);

	if (!rc)
		within(arg);
	return rc;
}

const struct contestant contestant_mask = {
	.name = "mask",
	.summary = "all signals blocked around each write: what people do without such a ring",
	.traits = CONTESTANT_PATH | CONTESTANT_NESTS,
	.open = path_open_plain,
	.close = path_close,
	.write = mask_write,
	.write_around = mask_write_around,
	PATH_CONSUMED,
};
