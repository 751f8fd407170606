/* SPDX-License-Identifier: MIT */
#include "limit.h"

#include <stdlib.h>

#ifdef NRB_HAVE_SECTIONS
struct nrb_ring limit_ring;

static __attribute__((constructor)) void look_at_cpu(void)
{
	limit_ring.wide_copy = __builtin_cpu_supports("avx2") != 0;
}
#endif

struct bench_ring *limit_open(const struct bench_attr *attr)
{
	struct nrb_attr plain = NRB_ATTR_INIT;
	struct bench_ring *ring;

	if (attr->overwrite || attr->stamped) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	ring = aligned_alloc(64, sizeof(*ring));
	if (!ring)
		return NULL;
	memset(ring, 0, sizeof(*ring));
	plain.data_size = attr->data_size;
	ring->ring = nrb_create(&plain);
	ring->reader = ring->ring ? nrb_reader_open(ring->ring) : NULL;
	if (!ring->reader) {
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

	nrb_reader_close(ring->reader);
	nrb_destroy(ring->ring);
	free(ring);
	errno = saved;
}

uint64_t limit_take(struct bench_ring *ring, uint64_t least)
{
	int64_t published = nrb_reader_poll(ring->reader, NULL);

	return published > 0 && (uint64_t)published >= least ? nrb_reader_skip(ring->reader) : 0;
}

int limit_next(struct bench_ring *ring, const void **payload, size_t *size)
{
	struct nrb_record record;

	if (nrb_reader_next(ring->reader, &record) != 1 &&
	    (nrb_reader_poll(ring->reader, NULL) <= 0 || nrb_reader_next(ring->reader, &record) != 1))
		return 0;
	*payload = record.payload;
	*size = record.size;
	return 1;
}

void limit_release(struct bench_ring *ring)
{
	nrb_reader_release(ring->reader);
}
