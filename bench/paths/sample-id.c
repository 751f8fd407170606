/* SPDX-License-Identifier: MIT */
/*
 * sample-id - nrb_write() into a ring whose records end in the time (NRB_SAMPLE_TIME, CLOCK_MONOTONIC through the vDSO)
 */
#include "path.h"

#include <errno.h>

static struct bench_ring *sample_id_open(const struct bench_attr *attr)
{
	if (attr->stamped)
		return path_open(attr);
	errno = EOPNOTSUPP;
	return NULL;
}

static int sample_id_write(struct bench_ring *ring, const void *payload, size_t size)
{
	return nrb_write(ring->ring, NRB_RECORD_SAMPLE, payload, size);
}

const struct contestant contestant_sample_id = {
	.name = "sample-id",
	.summary = "nrb_write() with the time behind each record",
	.traits = CONTESTANT_PATH | CONTESTANT_NESTS | CONTESTANT_OVERWRITES | CONTESTANT_STAMPS | CONTESTANT_STAMPED,
	.open = sample_id_open,
	.close = path_close,
	.write = sample_id_write,
	.write_around = path_write_around,
	PATH_CONSUMED,
};
