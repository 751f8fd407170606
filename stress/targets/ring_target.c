/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "ring_target.h"

#include <sys/mman.h>

#include "reader_state.h"
#include "ring.h"

/* A process that steps writes for us is forked, and writes into the ring. */
static struct target_ring *ring_keep_on_fork(struct nrb_ring *ring)
{
	if (ring)
		madvise(ring, nrb_page_size(), MADV_KEEPONFORK);
	return (struct target_ring *)ring;
}

struct target_ring *ring_open(const struct target_attr *attr)
{
	struct nrb_attr ring = NRB_ATTR_INIT;

	ring.data_size = attr->data_size;
	ring.start = attr->start;
	ring.id = attr->id;
	return ring_keep_on_fork(nrb_create(&ring));
}

void ring_close(struct target_ring *ring)
{
	nrb_destroy(ring_of(ring));
}

uint64_t ring_reserved_head(const struct target_ring *ring)
{
	return nrb_reserved_head((const struct nrb_ring *)ring);
}

uint64_t ring_lost(const struct target_ring *ring)
{
	return nrb_lost((const struct nrb_ring *)ring);
}

struct target_reader *ring_reader_open(struct target_ring *ring)
{
	return (struct target_reader *)nrb_reader_open(ring_of(ring));
}

void ring_reader_close(struct target_reader *reader)
{
	nrb_reader_close((struct nrb_reader *)reader);
}

uint64_t ring_head(const struct target_reader *reader)
{
	return nrb_reader_head((const struct nrb_reader *)reader);
}

uint64_t ring_tail(const struct target_reader *reader)
{
	return nrb_reader_tail((const struct nrb_reader *)reader);
}

int64_t ring_poll(struct target_reader *reader, uint64_t *head)
{
	return nrb_reader_poll((struct nrb_reader *)reader, head);
}

int ring_next(struct target_reader *reader, struct target_record *record)
{
	struct nrb_record found;
	int rc = nrb_reader_next((struct nrb_reader *)reader, &found);

	record->position = found.position;
	if (rc == 1) {
		record->type = found.type;
		record->size = found.size;
		record->payload = found.payload;
	}
	return rc;
}

void ring_release(struct target_reader *reader)
{
	nrb_reader_release((struct nrb_reader *)reader);
}

uint64_t ring_skip(struct target_reader *reader)
{
	return nrb_reader_skip((struct nrb_reader *)reader);
}

unsigned ring_regions(struct target_ring *ring, struct target_reader *reader, struct target_region *region)
{
	struct nrb_ring *r = ring_of(ring);
	struct nrb_writer *w = r->writer;

	/* Of the control page only the two positions ever change. The data come last: they are the most. */
	region[0] = (struct target_region) { &r->control->data_head, 2 * sizeof(uint64_t) };
	region[1] = (struct target_region) { &w->head, sizeof(*w) - offsetof(struct nrb_writer, head) };
	region[2] = (struct target_region) { reader, offsetof(struct nrb_reader, record) };
	region[3] = (struct target_region) { r->data, r->data_size };
	return 4;
}
