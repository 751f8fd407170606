/* SPDX-License-Identifier: MIT */
#include "limit.h"

#include <stdlib.h>

#include "own_ring.h"

#ifdef NRB_HAVE_SECTIONS
struct nrb_ring limit_ring;

static __attribute__((constructor)) void look_at_cpu(void)
{
	limit_ring.wide_copy = __builtin_cpu_supports("avx2") != 0;
}
#endif

struct bench_ring *limit_open(const struct bench_attr *attr)
{
	struct bench_ring *ring;

	if (attr->overwrite || attr->stamped) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	ring = aligned_alloc(64, sizeof(*ring));
	if (!ring)
		return NULL;
	memset(ring, 0, sizeof(*ring));
	if (own_ring_open(attr, &ring->ring, &ring->reader)) {
		limit_close(ring);
		return NULL;
	}
	ring->mask = attr->data_size - 1;
	ring->data = ring->ring->data;
	ring->control = ring->ring->control;
	return ring;
}

void limit_close(struct bench_ring *ring)
{
	int saved = errno;

	own_ring_close(ring->ring, ring->reader);
	free(ring);
	errno = saved;
}

uint64_t limit_take(struct bench_ring *ring, uint64_t least)
{
	return own_ring_take(ring->reader, least);
}

int limit_next(struct bench_ring *ring, const void **payload, size_t *size)
{
	return own_ring_next(ring->reader, payload, size);
}

void limit_release(struct bench_ring *ring)
{
	nrb_reader_release(ring->reader);
}
