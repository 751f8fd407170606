/* SPDX-License-Identifier: MIT */
/*
 * reserve-commit - nrb_reserve(), the payload written in place by the limits' copy, nrb_commit()
 *
 * For records that are put together where they are to lie; here both are copied, so that it compares with the others.
 */
#include "../limits/copy.h"
#include "path.h"

static int reserve_commit_write(struct bench_ring *ring, const void *payload, size_t size)
{
	struct nrb_reservation r;
	int rc = nrb_reserve(ring->ring, &r, NRB_RECORD_SAMPLE, size);

	if (rc)
		return rc;
	limit_copy(r.payload, payload, size);
	nrb_commit(ring->ring, &r);
	return 0;
}

int path_write_around(struct bench_ring *ring, const void *payload, size_t size, void (*within)(void *), void *arg)
{
	struct nrb_reservation r;
	int rc = nrb_reserve(ring->ring, &r, NRB_RECORD_SAMPLE, size);

	if (rc)
		return rc;
	limit_copy(r.payload, payload, size);
	within(arg);
	nrb_commit(ring->ring, &r);
	return 0;
}

const struct contestant contestant_reserve_commit = {
	.name = "reserve-commit",
	.summary = "nrb_reserve(), filled in place, nrb_commit()",
	.traits = CONTESTANT_PATH | CONTESTANT_NESTS | CONTESTANT_OVERWRITES | CONTESTANT_STAMPS,
	.open = path_open,
	.close = path_close,
	.write = reserve_commit_write,
	.write_around = path_write_around,
	PATH_CONSUMED,
};
