/* SPDX-License-Identifier: MIT */
#include "path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"
#include "own_ring.h"

struct bench_ring *path_open(const struct bench_attr *attr)
{
	struct bench_ring *ring = aligned_alloc(64, sizeof(*ring));

	if (!ring)
		return NULL;
	memset(ring, 0, sizeof(*ring));
	if (!own_ring_open(attr, &ring->ring, &ring->reader))
		return ring;
	path_close(ring);
	return NULL;
}

struct bench_ring *path_open_plain(const struct bench_attr *attr)
{
	if (!attr->overwrite && !attr->stamped)
		return path_open(attr);
	errno = EOPNOTSUPP;
	return NULL;
}

void path_close(struct bench_ring *ring)
{
	int saved = errno;

	own_ring_close(ring->ring, ring->reader);
	free(ring);
	errno = saved;
}

uint64_t path_take(struct bench_ring *ring, uint64_t least)
{
	return own_ring_take(ring->reader, least);
}

int path_next(struct bench_ring *ring, const void **payload, size_t *size)
{
	return own_ring_next(ring->reader, payload, size);
}

void path_release(struct bench_ring *ring)
{
	nrb_reader_release(ring->reader);
}

/* What the loop's functions know. */
struct looping {
	const uint32_t *stop;
	int64_t records;
};

static int count_record(void *context, const struct nrb_record *record)
{
	struct looping *looping = context;

	/* The ring's own word is none of the writer's records. */
	looping->records += record->type != NRB_RECORD_LOST;
	return 0;
}

static int look_for_stop(void *context, int64_t bytes)
{
	const struct looping *looping = context;

	(void)bytes;
	return nrb_load_relaxed(looping->stop) ? -ECANCELED : 0;
}

int64_t path_loop(struct bench_ring *ring, uint64_t latency_ns, const uint32_t *stop)
{
	struct looping looping = { .stop = stop };
	struct nrb_loop loop = NRB_LOOP_INIT;
	int rc;

	loop.latency_ns = latency_ns;
	loop.record = count_record;
	loop.looked = look_for_stop;
	loop.context = &looping;
	rc = nrb_reader_loop(ring->reader, &loop);
	return rc == -ECANCELED ? looping.records : rc;
}
