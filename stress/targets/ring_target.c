/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "ring_target.h"

#include <sys/mman.h>

#include "reader_state.h"
#include "ring.h"

/* The harness's positions count up: those of a backward ring are told as what is left to 2^64. */
static uint64_t upward(uint32_t flags, uint64_t position)
{
	return flags & NRB_BACKWARD ? 0 - position : position;
}

struct target_ring *ring_open_as(const struct target_attr *attr, const struct nrb_attr *mode)
{
	struct nrb_attr as = *mode;
	struct nrb_ring *ring;

	as.data_size = attr->data_size;
	as.start = upward(mode->flags, attr->start);
	as.id = attr->id;
	ring = nrb_create(&as);
	/* A process that steps writes for us is forked, and writes into the ring. */
	if (ring)
		madvise(ring, nrb_page_size(), MADV_KEEPONFORK);
	return (struct target_ring *)ring;
}

struct target_ring *ring_open(const struct target_attr *attr)
{
	const struct nrb_attr plain = NRB_ATTR_INIT;

	return ring_open_as(attr, &plain);
}

void ring_close(struct target_ring *ring)
{
	nrb_destroy(ring_of(ring));
}

uint64_t ring_reserved_head(const struct target_ring *ring)
{
	const struct nrb_ring *r = (const struct nrb_ring *)ring;

	return upward(r->flags, nrb_reserved_head(r));
}

uint64_t ring_lost(const struct target_ring *ring)
{
	return nrb_lost((const struct nrb_ring *)ring);
}

uint64_t ring_wakeups(const struct target_ring *ring)
{
	return nrb_wakeups((const struct nrb_ring *)ring);
}

struct target_reader *ring_reader_open(struct target_ring *ring)
{
	struct nrb_reader *reader = nrb_reader_open(ring_of(ring));

	/* A look from here on tells what is missed: of what came before it is opened nobody expects that. */
	if (reader && reader->flags & NRB_OVERWRITE)
		nrb_reader_poll(reader, NULL);
	return (struct target_reader *)reader;
}

void ring_reader_close(struct target_reader *reader)
{
	nrb_reader_close((struct nrb_reader *)reader);
}

uint64_t ring_head(const struct target_reader *reader)
{
	const struct nrb_reader *r = (const struct nrb_reader *)reader;

	return upward(r->flags, nrb_reader_head(r));
}

uint64_t ring_tail(const struct target_reader *reader)
{
	const struct nrb_reader *r = (const struct nrb_reader *)reader;

	return r->flags & NRB_OVERWRITE ? ring_head(reader) : upward(r->flags, nrb_reader_tail(r));
}

int64_t ring_poll(struct target_reader *reader, uint64_t *head)
{
	struct nrb_reader *r = (struct nrb_reader *)reader;
	int64_t available = nrb_reader_poll(r, head);

	if (head)
		*head = upward(r->flags, *head);
	return available;
}

int ring_next(struct target_reader *reader, struct target_record *record)
{
	const uint32_t flags = ((const struct nrb_reader *)reader)->flags;
	struct nrb_record found;
	int rc = nrb_reader_next((struct nrb_reader *)reader, &found);

	record->position = upward(flags, found.position);
	if (rc == 1) {
		/* Of a backward ring's record that is where it ends, counted up. */
		record->position -= flags & NRB_BACKWARD ? sizeof(struct nrb_header) + found.size : 0;
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

uint64_t ring_missed(const struct target_reader *reader)
{
	return nrb_reader_missed((const struct nrb_reader *)reader);
}

void ring_rewind(struct target_reader *reader)
{
	nrb_reader_rewind((struct nrb_reader *)reader);
}

unsigned ring_regions(struct target_ring *ring, struct target_reader *reader, struct target_region *region)
{
	struct nrb_ring *r = ring_of(ring);
	struct nrb_writer *w = r->writer;

	/* Of the control page only the two positions ever change. The data come last: they are the most. */
	region[0] = (struct target_region) { .address = &r->control->data_head, .size = 2 * sizeof(uint64_t) };
	region[1] =
		(struct target_region) { .address = &w->head, .size = sizeof(*w) - offsetof(struct nrb_writer, head) };
	/* Between pointers, which are constant, and not the same in another process or at another time. */
	region[2] = (struct target_region) { .address = &((struct nrb_reader *)reader)->position,
					     .size = offsetof(struct nrb_reader, record) -
						     offsetof(struct nrb_reader, position) };
	region[3] = (struct target_region) { .address = r->data, .size = r->data_size };
	return 4;
}
