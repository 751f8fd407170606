/* SPDX-License-Identifier: MIT */
/*
 * reader.c - the reading side; everything that it finds in the mapped pages may be hostile
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "nrb.h"
#include "order.h"
#include "reader_state.h"

#define PAIR_TRIES 1000

/* Whether a head can be true, seen from what was consumed: not behind, within the ring, on a record boundary. */
static int check_head(const struct nrb_reader *reader, uint64_t head)
{
	return head - reader->released < reader->data_size && (int64_t)(head - reader->position) >= 0 && head % 8 == 0;
}

/* Check the control page and map the ring it describes. */
static int map_ring(struct nrb_reader *reader, int fd)
{
	uint64_t page = nrb_page_size();
	struct nrb_mapping first = { .fd = -1 };
	const struct nrb_control *control;
	uint64_t data_size, data_offset;
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size < 2 * page)
		return -EMEDIUMTYPE;
	rc = nrb_mapping_map(&first, fd, page);
	if (rc)
		return rc;
	control = (const struct nrb_control *)first.address;
	/* Pairs with the release store at the end of nrb_create(): with the magic comes the rest. */
	rc = nrb_load_acquire(&control->magic) == NRB_CONTROL_MAGIC ? 0 : -EMEDIUMTYPE;
	data_size = nrb_load_relaxed(&control->data_size);
	data_offset = nrb_load_relaxed(&control->data_offset);
	nrb_mapping_release(&first);
	if (rc)
		return rc;
	if (data_offset != page || data_size < page || (data_size & (data_size - 1)) ||
	    data_size != (uint64_t)st.st_size - page)
		return -EBADMSG;
	rc = nrb_mapping_reserve(&reader->pages, page + 2 * data_size);
	if (!rc)
		rc = nrb_mapping_map_mirrored(&reader->pages, fd, page, data_size, false);
	if (rc)
		return rc;
	reader->control = (struct nrb_control *)reader->pages.address;
	reader->data = reader->pages.address + page;
	reader->data_size = data_size;
	return 0;
}

/*
 * data_tail and a data_head that belong together: by the time the head is loaded the tail may be an old one, and the
 * two would seem further apart than the ring is large. Bounded, since the consumer may keep moving it.
 *
 * Return: whether the tail stood still meanwhile; if not, the two say nothing about each other.
 */
static bool load_pair(const struct nrb_reader *reader, uint64_t *tail, uint64_t *head)
{
	for (unsigned tries = 0; tries < PAIR_TRIES; tries++) {
		*tail = nrb_reader_tail(reader);
		*head = nrb_reader_head(reader);
		if (nrb_reader_tail(reader) == *tail)
			return true;
	}
	return false;
}

struct nrb_reader *nrb_reader_open_fd(int fd)
{
	struct nrb_reader *reader = calloc(1, sizeof(*reader));
	uint64_t head;
	bool settled;
	int rc;

	if (!reader)
		return NULL;
	reader->pages.fd = -1;
	rc = map_ring(reader, fd);
	if (!rc) {
		settled = load_pair(reader, &reader->position, &head);
		reader->released = reader->position;
		reader->head = reader->position;
		if (reader->position % 8 || (settled && !check_head(reader, head)))
			rc = -EPROTO;
	}
	if (rc) {
		nrb_reader_close(reader);
		errno = -rc;
		return NULL;
	}
	return reader;
}

struct nrb_reader *nrb_reader_open(const struct nrb_ring *ring)
{
	return nrb_reader_open_fd(nrb_fd(ring));
}

struct nrb_reader *nrb_reader_open_path(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct nrb_reader *reader;
	int saved;

	if (fd < 0)
		return NULL;
	reader = nrb_reader_open_fd(fd);
	saved = errno;
	close(fd);
	errno = saved;
	return reader;
}

void nrb_reader_close(struct nrb_reader *reader)
{
	if (!reader)
		return;
	nrb_mapping_release(&reader->pages);
	free(reader);
}

uint64_t nrb_reader_head(const struct nrb_reader *reader)
{
	/* poll:C  pairs with publish:B: the records below this head are complete. */
	return nrb_load_acquire(&reader->control->data_head);
}

uint64_t nrb_reader_tail(const struct nrb_reader *reader)
{
	/* Acquire, so that a data_head loaded after it is no older: needed to tell data_head < data_tail. */
	return nrb_load_acquire(&reader->control->data_tail);
}

int64_t nrb_reader_poll(struct nrb_reader *reader, uint64_t *head)
{
	uint64_t now = nrb_reader_head(reader);

	if (head)
		*head = now;
	if (!check_head(reader, now))
		return -EPROTO;
	reader->head = now;
	return (int64_t)(now - reader->position);
}

int nrb_reader_next(struct nrb_reader *reader, struct nrb_record *record)
{
	uint64_t left = reader->head - reader->position;
	const unsigned char *at = reader->data + (reader->position & (reader->data_size - 1));
	struct nrb_header header;
	uint64_t raw;

	if (!left)
		return 0;
	/* In one access, and only once: what was checked is what is used, whoever writes to the page meanwhile. */
	raw = nrb_load_relaxed((const uint64_t *)at);
	memcpy(&header, &raw, sizeof(header));
	record->position = reader->position;
	if (header.size < sizeof(header) || header.size % 8 || header.size > left)
		return -EBADMSG;
	if (header.type == NRB_RECORD_LOST && header.size != sizeof(header) + sizeof(struct nrb_lost))
		return -EBADMSG;
	record->type = header.type;
	record->size = header.size - (uint32_t)sizeof(header);
	record->payload = at + sizeof(header);
	reader->position += header.size;
	return 1;
}

void nrb_reader_release(struct nrb_reader *reader)
{
	if (reader->position == reader->released)
		return;
	reader->released = reader->position;
	/* release:D  pairs with reserve:A: all loads of the data are done before the writer may store over it. */
	nrb_store_release(&reader->control->data_tail, reader->position);
}

uint64_t nrb_reader_skip(struct nrb_reader *reader)
{
	uint64_t skipped = reader->head - reader->position;

	reader->position = reader->head;
	nrb_reader_release(reader);
	return skipped;
}
