/* SPDX-License-Identifier: MIT */
/*
 * overwrite - nrb_write() into an NRB_OVERWRITE ring, the flight recorder: nobody consumes, nothing is refused
 */
#include "path.h"

#include <errno.h>

static struct bench_ring *overwrite_open(const struct bench_attr *attr)
{
	if (attr->overwrite)
		return path_open(attr);
	errno = EOPNOTSUPP;
	return NULL;
}

static int overwrite_write(struct bench_ring *ring, const void *payload, size_t size)
{
	return nrb_write(ring->ring, NRB_RECORD_SAMPLE, payload, size);
}

const struct contestant contestant_overwrite = {
	.name = "overwrite",
	.summary = "nrb_write() into a flight recorder (NRB_OVERWRITE)",
	.traits = CONTESTANT_PATH | CONTESTANT_NESTS | CONTESTANT_OVERWRITES | CONTESTANT_KEEPS_NOT | CONTESTANT_STAMPS,
	.open = overwrite_open,
	.close = path_close,
	.write = overwrite_write,
	.write_around = path_write_around,
};
