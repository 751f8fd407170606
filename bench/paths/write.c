/* SPDX-License-Identifier: MIT */
/*
 * write - nrb_write(), as installed: what most users call
 */
#include "path.h"

static int write_write(struct bench_ring *ring, const void *payload, size_t size)
{
	return nrb_write(ring->ring, NRB_RECORD_SAMPLE, payload, size);
}

const struct contestant contestant_write = {
	.name = "write",
	.summary = "nrb_write(), as installed",
	.traits = CONTESTANT_PATH | CONTESTANT_NESTS | CONTESTANT_OVERWRITES | CONTESTANT_STAMPS,
	.open = path_open,
	.close = path_close,
	.write = write_write,
	.write_around = path_write_around,
	PATH_CONSUMED,
};
