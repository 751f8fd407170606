/* SPDX-License-Identifier: MIT */
/*
 * reader.c - the reading side; everything that it finds in the mapped pages may be hostile
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch.h"
#include "order.h"
#include "reader_state.h"
#include "trailer.h"

#define PAIR_TRIES 1000

/* Whether a head can be true, seen from what was consumed: not behind, within the ring, on a record boundary. */
static bool check_head(const struct nrb_reader *reader, uint64_t head)
{
	return head - reader->released < reader->data_size && (int64_t)(head - reader->position) >= 0 && head % 8 == 0;
}

/* Take over from the control page what the ring is. Constant since it was made; anything, if a stranger did. */
static int take_attr(struct nrb_reader *reader, const struct nrb_control *control)
{
	const struct nrb_attr initial = NRB_ATTR_INIT;
	struct nrb_attr *attr = &reader->attr;

	*attr = initial;
	attr->mode = 0;
	attr->data_size = nrb_load_relaxed(&control->data_size);
	attr->start = nrb_load_relaxed(&control->start);
	attr->id = nrb_load_relaxed(&control->id);
	attr->flags = nrb_load_relaxed(&control->flags);
	attr->clock = nrb_load_relaxed(&control->clock);
	attr->wakeup = nrb_load_relaxed(&control->wakeup);
	attr->sample_id = nrb_load_relaxed(&control->sample_id);
	attr->sample_type = nrb_load_relaxed(&control->sample_type);
	reader->data_size = attr->data_size;
	reader->flags = attr->flags;
	reader->sample_id = attr->sample_id;
	reader->trailer = nrb_trailer_size(attr->sample_id);
	reader->samples_trailed = !attr->sample_type;
	/* Of a newer library: nobody here knows how its records lie, nor what else means another thing. */
	if (attr->flags & ~NRB_FLAGS_KNOWN)
		return -EOPNOTSUPP;
	return attr->start % 8 || nrb_trailer_check(attr->sample_id, attr->sample_type) ? -EBADMSG : 0;
}

/* Check the control page and map the ring it describes. */
static int map_ring(struct nrb_reader *reader, int fd)
{
	uint64_t page = nrb_page_size();
	struct nrb_mapping first = { .fd = -1 };
	const struct nrb_control *control;
	uint64_t data_offset;
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size < 2 * page)
		return -EMEDIUMTYPE;
	rc = nrb_mapping_map_readonly(&first, fd, page);
	if (rc)
		return rc;
	control = (const struct nrb_control *)(const void *)first.address;
	/* Pairs with the release store at the end of nrb_create(): with the magic comes the rest. */
	rc = nrb_load_acquire(&control->magic) == NRB_CONTROL_MAGIC ? take_attr(reader, control) : -EMEDIUMTYPE;
	data_offset = nrb_load_relaxed(&control->data_offset);
	nrb_mapping_release(&first);
	if (rc)
		return rc;
	if (data_offset != page || reader->data_size < page || (reader->data_size & (reader->data_size - 1)) ||
	    reader->data_size != (uint64_t)st.st_size - page)
		return -EBADMSG;
	rc = nrb_mapping_reserve(&reader->pages, page + 2 * reader->data_size);
	if (!rc)
		rc = nrb_mapping_map_mirrored(&reader->pages, fd, page, reader->data_size, false, !reader->readonly);
	if (rc)
		return rc;
	reader->control = (struct nrb_control *)(void *)reader->pages.address;
	reader->data = reader->pages.address + page;
	return 0;
}

/* The writer's own page: to be read, never written. */
static int map_writer(struct nrb_reader *reader, int fd)
{
	const struct nrb_writer *writer;
	uint64_t page = nrb_page_size();
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != page)
		return -ESTALE;
	rc = nrb_mapping_map_readonly(&reader->private_page, fd, page);
	if (rc)
		return rc;
	writer = (const struct nrb_writer *)(const void *)reader->private_page.address;
	/* With the control page's magic, which was loaded before, comes this page as well. */
	if (nrb_load_relaxed(&writer->magic) != NRB_WRITER_MAGIC ||
	    nrb_load_relaxed(&writer->data_size) != reader->data_size ||
	    nrb_load_relaxed(&writer->start) != reader->attr.start ||
	    nrb_load_relaxed(&writer->token) != nrb_load_relaxed(&reader->control->token))
		return -ESTALE;
	reader->writer = writer;
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

/* Where reading begins. Return: 0 or -EPROTO. */
static int find_beginning(struct nrb_reader *reader)
{
	uint64_t head;
	bool settled;

	if (reader->flags & NRB_OVERWRITE) {
		/* There is no tail: with the oldest there is. */
		nrb_reader_rewind(reader);
		return 0;
	}
	settled = load_pair(reader, &reader->position, &head);
	reader->released = reader->position;
	reader->head = reader->position;
	nrb_batch_forget(reader);
	/* What a backward ring was read up to is above its head. */
	if (reader->flags & NRB_BACKWARD)
		head = 2 * reader->position - head;
	return reader->position % 8 || (settled && !check_head(reader, head)) ? -EPROTO : 0;
}

static struct nrb_reader *open_reader(int fd, int writer_fd, bool readonly)
{
	struct nrb_reader *reader = calloc(1, sizeof(*reader));
	int rc;

	if (!reader)
		return NULL;
	reader->pages.fd = -1;
	reader->private_page.fd = -1;
	reader->wakeup_fd = -1;
	reader->readonly = readonly;
	rc = map_ring(reader, fd);
	if (!rc && writer_fd >= 0)
		rc = map_writer(reader, writer_fd);
	if (!rc && nrb_is_batched(reader))
		rc = nrb_batch_open(reader);
	if (!rc)
		rc = find_beginning(reader);
	if (rc) {
		nrb_reader_close(reader);
		errno = -rc;
		return NULL;
	}
	return reader;
}

struct nrb_reader *nrb_reader_open_fds(int fd, int writer_fd)
{
	int access = fcntl(fd, F_GETFL);

	return access < 0 ? NULL : open_reader(fd, writer_fd, (access & O_ACCMODE) == O_RDONLY);
}

struct nrb_reader *nrb_reader_open_fd(int fd)
{
	return nrb_reader_open_fds(fd, -1);
}

struct nrb_reader *nrb_reader_open(const struct nrb_ring *ring)
{
	struct nrb_reader *reader = nrb_reader_open_fds(nrb_fd(ring), nrb_writer_fd(ring));
	int rc, fd = nrb_wakeup_fd(ring);

	if (!reader || fd < 0)
		return reader;
	rc = nrb_reader_set_wakeup_fd(reader, fd);
	if (!rc)
		return reader;
	nrb_reader_close(reader);
	errno = -rc;
	return NULL;
}

/*
 * PATH.writer. It is the writer's, and only its owner may open it; and somebody may have copied PATH alone. Who is
 * refused for another reason, for want of descriptors say, is not to find out by a snapshot that is refused later.
 *
 * Return: the descriptor, -1: to go on without it, or another -errno.
 */
static int open_writer_file(const char *path)
{
	char name[PATH_MAX];
	int fd, length = snprintf(name, sizeof(name), "%s" NRB_WRITER_SUFFIX, path);

	if (length < 0 || (size_t)length >= sizeof(name))
		return -1;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	return errno == EACCES || errno == EPERM || errno == ENOENT || errno == ENAMETOOLONG ? -1 : -errno;
}

struct nrb_reader *nrb_reader_open_path(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK), writer_fd, saved;
	struct nrb_reader *reader;

	if (fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	writer_fd = open_writer_file(path);
	errno = -writer_fd;
	reader = writer_fd < -1 ? NULL : nrb_reader_open_fds(fd, writer_fd);
	saved = errno;
	close(fd);
	if (writer_fd >= 0)
		close(writer_fd);
	errno = saved;
	return reader;
}

void nrb_reader_close(struct nrb_reader *reader)
{
	if (!reader)
		return;
	nrb_mapping_release(&reader->pages);
	nrb_mapping_release(&reader->private_page);
	nrb_batch_close(reader);
	if (reader->wakeup_fd >= 0)
		close(reader->wakeup_fd);
	free(reader);
}

struct nrb_attr nrb_reader_attr(const struct nrb_reader *reader)
{
	return reader->attr;
}

int nrb_reader_wakeup_fd(const struct nrb_reader *reader)
{
	return reader->wakeup_fd < 0 ? -EOPNOTSUPP : reader->wakeup_fd;
}

int nrb_reader_set_wakeup_fd(struct nrb_reader *reader, int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (own < 0)
		return -errno;
	if (reader->wakeup_fd >= 0)
		close(reader->wakeup_fd);
	reader->wakeup_fd = own;
	return 0;
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
	if (nrb_is_batched(reader))
		return nrb_batch_poll(reader, now);
	if (!check_head(reader, now))
		return -EPROTO;
	reader->head = now;
	return (int64_t)(now - reader->position);
}

uint32_t nrb_record_at(const struct nrb_reader *reader, const unsigned char *at, uint64_t left,
		       struct nrb_record *record)
{
	struct nrb_header header;
	uint32_t trailer;
	uint64_t raw;

	/* In one access, and only once: what was checked is what is used, whoever writes to the page meanwhile. */
	raw = nrb_load_relaxed((const uint64_t *)(const void *)at);
	memcpy(&header, &raw, sizeof(header));
	trailer = header.type == NRB_RECORD_SAMPLE && !reader->samples_trailed ? 0 : reader->trailer;
	/* It was a record of any kind. */
	if (header.type == NRB_RECORD_PADDING)
		trailer = 0;
	if (header.size < sizeof(header) + trailer || header.size % 8 || header.size > left)
		return 0;
	if (header.type == NRB_RECORD_LOST && header.size != sizeof(header) + sizeof(struct nrb_lost) + trailer)
		return 0;
	record->type = header.type;
	record->size = header.size - (uint32_t)sizeof(header) - trailer;
	record->payload = at + sizeof(header);
	record->trailer = trailer ? at + header.size - trailer : NULL;
	return header.size;
}

int nrb_reader_next(struct nrb_reader *reader, struct nrb_record *record)
{
	uint64_t left;
	uint32_t size;

	if (nrb_is_batched(reader))
		return nrb_batch_next(reader, record);
	for (left = reader->head - reader->position; left; left -= size) {
		record->position = reader->position;
		size = nrb_record_at(reader, reader->data + (reader->position & (reader->data_size - 1)), left, record);
		if (!size)
			return -EBADMSG;
		reader->position += size;
		if (record->type != NRB_RECORD_PADDING)
			return 1;
	}
	return 0;
}

int nrb_reader_sample_id(const struct nrb_reader *reader, const struct nrb_record *record, struct nrb_sample_id *id)
{
	if (!record->trailer)
		return -ENODATA;
	nrb_trailer_parse(record->trailer, reader->sample_id, id);
	return 0;
}

/* Store data_tail, if we may. */
static void release_up_to(struct nrb_reader *reader, uint64_t position)
{
	if (position == reader->released || reader->flags & NRB_OVERWRITE)
		return;
	reader->released = position;
	/* release:D  pairs with reserve:A: all loads of the data are done before the writer may store over it. */
	if (!reader->readonly)
		nrb_store_release(&reader->control->data_tail, position);
}

void nrb_reader_release(struct nrb_reader *reader)
{
	release_up_to(reader, nrb_is_batched(reader) ? nrb_batch_through(reader) : reader->position);
}

uint64_t nrb_reader_skip(struct nrb_reader *reader)
{
	uint64_t skipped;

	if (nrb_is_batched(reader))
		return nrb_batch_skip(reader);
	skipped = reader->head - reader->position;
	reader->position = reader->head;
	nrb_reader_release(reader);
	return skipped;
}

void nrb_reader_rewind(struct nrb_reader *reader)
{
	/* In an overwrite ring the beginning is as good as any place that is no more. */
	reader->position = reader->flags & NRB_OVERWRITE ? reader->attr.start : reader->released;
	reader->head = reader->position;
	reader->rewound = 1;
	nrb_batch_forget(reader);
}

uint64_t nrb_reader_missed(const struct nrb_reader *reader)
{
	return reader->missed;
}

static int set_paused(struct nrb_reader *reader, uint32_t paused)
{
	if (reader->readonly)
		return -EACCES;
	nrb_store_relaxed(&reader->control->paused, paused);
	return 0;
}

int nrb_reader_pause(struct nrb_reader *reader)
{
	return set_paused(reader, 1);
}

int nrb_reader_resume(struct nrb_reader *reader)
{
	return set_paused(reader, 0);
}
