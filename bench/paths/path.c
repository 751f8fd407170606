/* SPDX-License-Identifier: MIT */
#include "path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"

struct bench_ring *path_open(const struct bench_attr *attr)
{
	struct nrb_attr mode = NRB_ATTR_INIT;
	struct bench_ring *ring = aligned_alloc(64, sizeof(*ring));

	if (!ring)
		return NULL;
	memset(ring, 0, sizeof(*ring));
	mode.data_size = attr->data_size;
	mode.flags = attr->overwrite ? NRB_OVERWRITE : 0;
	mode.sample_id = attr->stamped ? NRB_SAMPLE_TIME : 0;
	ring->ring = nrb_create(&mode);
	ring->reader = ring->ring ? nrb_reader_open(ring->ring) : NULL;
	if (ring->reader)
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

	nrb_reader_close(ring->reader);
	nrb_destroy(ring->ring);
	free(ring);
	errno = saved;
}

uint64_t path_take(struct bench_ring *ring, uint64_t least)
{
	/* Negative when data_head went back, as under legacy: a later look finds it mended. */
	int64_t published = nrb_reader_poll(ring->reader, NULL);

	return published > 0 && (uint64_t)published >= least ? nrb_reader_skip(ring->reader) : 0;
}

int path_next(struct bench_ring *ring, const void **payload, size_t *size)
{
	struct nrb_record record;

	do {
		if (nrb_reader_next(ring->reader, &record) == 1)
			continue;
		if (nrb_reader_poll(ring->reader, NULL) <= 0 || nrb_reader_next(ring->reader, &record) != 1)
			return 0;
		/* The ring's own word on what was refused is none of the writer's records. */
	} while (record.type == NRB_RECORD_LOST);
	*payload = record.payload;
	*size = record.size;
	return 1;
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
