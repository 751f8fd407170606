/* SPDX-License-Identifier: MIT */
#include "own_ring.h"

#include <errno.h>

int own_ring_open(const struct bench_attr *attr, struct nrb_ring **ring, struct nrb_reader **reader)
{
	struct nrb_attr mode = NRB_ATTR_INIT;

	mode.data_size = attr->data_size;
	mode.flags = attr->overwrite ? NRB_OVERWRITE : 0;
	mode.sample_id = attr->stamped ? NRB_SAMPLE_TIME : 0;
	*ring = nrb_create(&mode);
	*reader = *ring ? nrb_reader_open(*ring) : NULL;
	if (*reader)
		return 0;
	own_ring_close(*ring, NULL);
	*ring = NULL;
	return -1;
}

void own_ring_close(struct nrb_ring *ring, struct nrb_reader *reader)
{
	int saved = errno;

	nrb_reader_close(reader);
	nrb_destroy(ring);
	errno = saved;
}

uint64_t own_ring_take(struct nrb_reader *reader, uint64_t least)
{
	/* Negative when data_head went back, as under legacy: a later look finds it mended. */
	int64_t published = nrb_reader_poll(reader, NULL);

	return published > 0 && (uint64_t)published >= least ? nrb_reader_skip(reader) : 0;
}

int own_ring_next(struct nrb_reader *reader, const void **payload, size_t *size)
{
	struct nrb_record record;

	do {
		if (nrb_reader_next(reader, &record) == 1)
			continue;
		if (nrb_reader_poll(reader, NULL) <= 0 || nrb_reader_next(reader, &record) != 1)
			return 0;
		/* The ring's own word on what was refused is none of the writer's records. */
	} while (record.type == NRB_RECORD_LOST);
	*payload = record.payload;
	*size = record.size;
	return 1;
}
