/* SPDX-License-Identifier: MIT */
/*
 * ring.c - making and unmaking a ring: the thread side, nothing of it runs in a handler
 */
#define _GNU_SOURCE
#include "ring.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "order.h"

#define WRITER_SUFFIX ".writer"

static int check_attr(const struct nrb_attr *attr)
{
	uint64_t page = nrb_page_size();

	if (!attr || attr->struct_size != sizeof(*attr) || attr->start % 8)
		return -EINVAL;
	if (attr->data_size < page)
		return -ERANGE;
	if (attr->data_size & (attr->data_size - 1))
		return -EDOM;
	/* The control page, and the data twice, in one piece. */
	if (attr->data_size > (SIZE_MAX - page) / 2 || attr->data_size > (uint64_t)INT64_MAX - page)
		return -EOVERFLOW;
	return 0;
}

static uint64_t payload_max(uint64_t data_size)
{
	/* The byte that stays free costs a whole unit of 8; a LOST record must always find room beside the record. */
	uint64_t max = data_size - 8 - (sizeof(struct nrb_header) + sizeof(struct nrb_lost));

	if (max > NRB_RECORD_MAX)
		max = NRB_RECORD_MAX;
	return max - sizeof(struct nrb_header);
}

static void lay_out(struct nrb_ring *ring, const struct nrb_attr *attr, uint64_t page)
{
	struct nrb_control *control = ring->control;
	struct nrb_writer *writer = ring->writer;

	writer->magic = NRB_WRITER_MAGIC;
	writer->data_size = attr->data_size;
	writer->start = attr->start;
	writer->head = attr->start;
	writer->tail_cache = attr->start;

	control->start = attr->start;
	control->id = attr->id;
	control->data_head = attr->start;
	control->data_tail = attr->start;
	control->data_offset = page;
	control->data_size = attr->data_size;
	/* Last, so that a process which opens the file early finds either no ring or a whole one.
	 * Pairs with the acquire load in map_ring(). */
	nrb_store_release(&control->magic, NRB_CONTROL_MAGIC);
}

static int open_files(struct nrb_ring *ring, const struct nrb_attr *attr, const char *writer_path, uint64_t page)
{
	int rc;

	rc = nrb_mapping_reserve(&ring->pages, page + 2 * attr->data_size);
	if (rc)
		return rc;
	rc = nrb_mapping_create(&ring->private_page, writer_path, 0600, page);
	if (rc)
		return rc;
	/* Whatever the umask. */
	fchmod(ring->private_page.fd, 0600);
	rc = nrb_mapping_create(&ring->pages, attr->path, attr->mode, page + attr->data_size);
	if (!rc) {
		rc = nrb_mapping_map_mirrored(&ring->pages, ring->pages.fd, page, attr->data_size, true);
		if (!rc)
			rc = nrb_mapping_map(&ring->private_page, ring->private_page.fd, page);
		if (rc && attr->path)
			unlink(attr->path);
	}
	if (rc && writer_path)
		unlink(writer_path);
	return rc;
}

/* "PATH.writer" into @buffer. Return: 0 or -ENAMETOOLONG. */
static int name_writer_file(char buffer[PATH_MAX], const char *path)
{
	int length = snprintf(buffer, PATH_MAX, "%s" WRITER_SUFFIX, path);

	return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

struct nrb_ring *nrb_create(const struct nrb_attr *attr)
{
	uint64_t page = nrb_page_size();
	char writer_path[PATH_MAX];
	struct nrb_ring *ring = NULL;
	int rc;

	rc = check_attr(attr);
	if (!rc && attr->path)
		rc = name_writer_file(writer_path, attr->path);
	if (rc)
		goto fail;
	ring = calloc(1, sizeof(*ring));
	if (!ring) {
		rc = -ENOMEM;
		goto fail;
	}
	ring->pages.fd = -1;
	ring->private_page.fd = -1;
	rc = open_files(ring, attr, attr->path ? writer_path : NULL, page);
	if (rc)
		goto fail;
	ring->control = (struct nrb_control *)ring->pages.address;
	ring->data = ring->pages.address + page;
	ring->writer = (struct nrb_writer *)ring->private_page.address;
	ring->data_size = attr->data_size;
	ring->payload_max = payload_max(attr->data_size);
	ring->id = attr->id;
	lay_out(ring, attr, page);
	return ring;
fail:
	nrb_destroy(ring);
	errno = -rc;
	return NULL;
}

void nrb_destroy(struct nrb_ring *ring)
{
	if (!ring)
		return;
	nrb_mapping_release(&ring->pages);
	nrb_mapping_release(&ring->private_page);
	free(ring);
}

int nrb_fd(const struct nrb_ring *ring)
{
	return ring->pages.fd;
}

size_t nrb_payload_max(const struct nrb_ring *ring)
{
	return ring->payload_max;
}

uint64_t nrb_reserved_head(const struct nrb_ring *ring)
{
	return nrb_local_load(&ring->writer->head);
}

uint64_t nrb_lost(const struct nrb_ring *ring)
{
	return nrb_local_load(&ring->writer->lost);
}
