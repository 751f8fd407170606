/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump.h"
#include "guard.h"
#include "order.h"
#include "reader_state.h"

#define REOPEN_MAX 1000
#define PAIR_TRIES 1000

uint64_t source_offset(const struct source *source, uint64_t position)
{
	return nrb_page_size() + (position & (source->attr.data_size - 1));
}

/* Something in the file vanished at address @gone. */
static int tell_gone(const struct source *source, const void *gone, struct trouble *trouble)
{
	const struct nrb_reader *reader = source->reader;
	uint64_t offset = (uint64_t)((uintptr_t)gone - (uintptr_t)reader->pages.address);
	struct stat st = { 0 };

	memset(trouble, 0, sizeof(*trouble));
	if (reader->private_page.address &&
	    (uintptr_t)gone - (uintptr_t)reader->private_page.address < nrb_page_size()) {
		snprintf(trouble->text, sizeof(trouble->text),
			 "%s" NRB_WRITER_SUFFIX " was made shorter while it was being read", source->path);
		return -EFAULT;
	}
	/* The data are mapped twice. */
	if (offset >= source->file_size)
		offset -= source->attr.data_size;
	fstat(source->fd, &st);
	trouble->offset = offset;
	trouble->has_offset = true;
	snprintf(trouble->text, sizeof(trouble->text),
		 "gone: the file was cut from %llu to %lld bytes while it was being read, or the disk cannot be read",
		 (unsigned long long)source->file_size, (long long)st.st_size);
	return -EFAULT;
}

static int guarded(struct source *source, int (*function)(void *source), struct trouble *trouble)
{
	const void *gone;
	int rc = guard_call(function, source, &gone);

	return rc == -EFAULT ? tell_gone(source, gone, trouble) : rc;
}

int source_check_size(const struct source *source, struct trouble *trouble)
{
	struct stat st;

	if (fstat(source->fd, &st) < 0 || (uint64_t)st.st_size >= source->file_size)
		return 0;
	memset(trouble, 0, sizeof(*trouble));
	trouble->offset = (uint64_t)st.st_size;
	trouble->has_offset = true;
	snprintf(trouble->text, sizeof(trouble->text),
		 "the file was cut here while it was being read, from %llu bytes; do not trust what lay behind",
		 (unsigned long long)source->file_size);
	return -EFAULT;
}

/* ---- opening ---- */

static void open_writer_file(struct source *source)
{
	char name[PATH_MAX];
	int length = snprintf(name, sizeof(name), "%s" NRB_WRITER_SUFFIX, source->path);

	if (length > 0 && (size_t)length < sizeof(name))
		source->writer_fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	else
		errno = ENAMETOOLONG;
	if (source->writer_fd < 0)
		snprintf(source->writer_reason, sizeof(source->writer_reason),
			 "cannot open its " NRB_WRITER_SUFFIX " file: %s", strerror(errno));
}

static int open_file(struct source *source, struct trouble *trouble)
{
	const int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

	source->fd = open(source->path, (source->follow ? O_RDWR : O_RDONLY) | flags);
	/* An overwrite ring is followed without storing anything; whether it is one is known later. */
	if (source->fd < 0 && source->follow)
		source->fd = open(source->path, O_RDONLY | flags);
	if (source->fd >= 0)
		return 0;
	snprintf(trouble->text, sizeof(trouble->text), "cannot open: %s%s", strerror(errno),
		 errno == EACCES ? "; run as who may read it" : "");
	return DUMP_UNUSABLE;
}

static int open_reader(void *argument)
{
	struct source *source = argument;

	source->reader = nrb_reader_open_fds(source->fd, source->writer_fd);
	if (!source->reader && source->writer_fd >= 0 && errno == ESTALE) {
		/* Without it, rather than not at all. */
		snprintf(source->writer_reason, sizeof(source->writer_reason),
			 "its " NRB_WRITER_SUFFIX " file is that of another ring, or damaged");
		source->reader = nrb_reader_open_fds(source->fd, -1);
	}
	return source->reader ? 0 : -errno;
}

/* What a ring must be, to be read in this way. */
static int check_use(const struct source *source, struct trouble *trouble)
{
	if (source->follow && source->reader->readonly && !(source->attr.flags & NRB_OVERWRITE)) {
		snprintf(trouble->text, sizeof(trouble->text),
			 "cannot follow: no leave to write to the file, so the writer would not get its room back; "
			 "run as who may, or do without --follow");
		return DUMP_UNUSABLE;
	}
	return 0;
}

int source_open(struct source *source, const char *path, bool follow, struct trouble *trouble)
{
	const void *gone;
	struct stat st;
	int rc;

	memset(trouble, 0, sizeof(*trouble));
	source->path = path;
	source->follow = follow;
	source->reader = NULL;
	source->fd = -1;
	source->writer_fd = -1;
	source->writer_reason[0] = '\0';
	source->consumed = 0;
	source->reopened = 0;
	rc = open_file(source, trouble);
	if (rc)
		return rc;
	open_writer_file(source);
	source->file_size = fstat(source->fd, &st) ? 0 : (uint64_t)st.st_size;
	rc = guard_call(open_reader, source, &gone);
	if (rc)
		return diagnose(source->fd, -rc, trouble);
	source->attr = nrb_reader_attr(source->reader);
	return check_use(source, trouble);
}

void source_close(struct source *source)
{
	nrb_reader_close(source->reader);
	source->reader = NULL;
	if (source->fd >= 0)
		close(source->fd);
	if (source->writer_fd >= 0)
		close(source->writer_fd);
	source->fd = -1;
	source->writer_fd = -1;
}

/* ---- reading ---- */

static int do_poll(void *argument)
{
	struct source *source = argument;

	source->edge = source->reader->position;
	source->found = nrb_reader_wait(source->reader, source->timeout_ns, &source->until);
	return 0;
}

static int tell_poll(const struct source *source, struct trouble *trouble)
{
	const struct nrb_reader *reader = source->reader;

	memset(trouble, 0, sizeof(*trouble));
	if (source->found == -EACCES) {
		snprintf(trouble->text, sizeof(trouble->text),
			 "an overwrite ring cannot be read without the writer's page, and %s; run as the ring's owner",
			 source->writer_reason);
	} else {
		trouble->offset = offsetof(struct nrb_control, data_head);
		trouble->has_offset = true;
		snprintf(trouble->text, sizeof(trouble->text),
			 "data_head is 0x%llx, which no writer stores: read up to 0x%llx, data_size 0x%llx",
			 (unsigned long long)source->until, (unsigned long long)reader->position,
			 (unsigned long long)source->attr.data_size);
	}
	return (int)source->found;
}

/* Whether somebody else stores data_tail. */
static int check_alone(void *argument)
{
	const struct source *source = argument;

	return source->attr.flags & NRB_OVERWRITE || nrb_reader_tail(source->reader) == source->reader->released;
}

int source_poll(struct source *source, int64_t timeout_ns, struct trouble *trouble)
{
	int rc;

	source->timeout_ns = timeout_ns;
	rc = guarded(source, do_poll, trouble);
	if (rc)
		return rc;
	if (source->found == -EINTR)
		return -EINTR;
	if (source->found < 0)
		return tell_poll(source, trouble);
	rc = source->follow ? guarded(source, check_alone, trouble) : 1;
	if (rc < 0)
		return rc;
	if (!rc) {
		memset(trouble, 0, sizeof(*trouble));
		trouble->offset = offsetof(struct nrb_control, data_tail);
		trouble->has_offset = true;
		snprintf(trouble->text, sizeof(trouble->text),
			 "data_tail was moved by somebody else: a ring has one consumer at a time; stop the other");
		return -EBUSY;
	}
	return source->found > 0;
}

/* Whether another reader has given away what lies at @position, so that it may be overwritten by now. */
static bool is_consumed(const struct source *source, uint64_t position)
{
	uint64_t tail;

	if (source->follow || source->attr.flags & NRB_OVERWRITE)
		return false;
	/* The copy is made before this load; if a newer record was copied, a tail that made room for it is seen. */
	nrb_fence_acquire();
	tail = nrb_reader_tail(source->reader);
	return source->attr.flags & NRB_BACKWARD ? (int64_t)(position - tail) >= 0 : (int64_t)(tail - position) > 0;
}

static int do_next(void *argument)
{
	struct source *source = argument;
	struct dump_record *record = source->record;
	const struct nrb_record *raw = &source->raw;
	int rc = nrb_reader_next(source->reader, &source->raw);

	if (!rc)
		return 0;
	if (rc == 1) {
		memcpy(source->buffer, raw->payload, raw->size);
		record->position = raw->position;
		record->offset = source_offset(source, raw->position);
		record->type = raw->type;
		record->size = raw->size;
		record->payload = source->buffer;
		record->has_id = !nrb_reader_sample_id(source->reader, raw, &record->id);
		if (record->type == NRB_RECORD_LOST)
			memcpy(&record->lost, source->buffer, sizeof(record->lost));
	}
	if (is_consumed(source, raw->position))
		return -ESTALE;
	source->edge = raw->position;
	return rc;
}

/* What stands where no record is. */
static int peek(void *argument)
{
	struct source *source = argument;
	const uint64_t *at = (const uint64_t *)(const void *)(source->reader->data +
							      (source->raw.position & (source->attr.data_size - 1)));
	uint64_t word = nrb_load_relaxed(at);

	memcpy(source->buffer, &word, sizeof(word));
	return 0;
}

static int tell_bad_record(struct source *source, struct trouble *trouble)
{
	struct nrb_header header;
	int rc = guarded(source, peek, trouble);

	if (rc)
		return rc;
	memcpy(&header, source->buffer, sizeof(header));
	memset(trouble, 0, sizeof(*trouble));
	trouble->position = source->raw.position;
	trouble->offset = source_offset(source, source->raw.position);
	trouble->has_offset = trouble->has_position = true;
	snprintf(trouble->text, sizeof(trouble->text), "no record: its header says type %u, %u bytes", header.type,
		 header.size);
	return -EBADMSG;
}

/* Anew, with what its consumer left. Return: 0, or -EIO with @trouble: it is not the ring any more that it was. */
static int reopen(struct source *source, struct trouble *trouble)
{
	const void *gone;
	struct nrb_attr attr;
	int rc;

	nrb_reader_close(source->reader);
	source->reader = NULL;
	memset(trouble, 0, sizeof(*trouble));
	rc = guard_call(open_reader, source, &gone);
	if (rc) {
		/* Not the library's -EBADMSG, which here says that one record is none. */
		diagnose(source->fd, -rc, trouble);
		return -EIO;
	}
	attr = nrb_reader_attr(source->reader);
	if (!memcmp(&attr, &source->attr, sizeof(attr)))
		return 0;
	trouble->offset = offsetof(struct nrb_control, flags);
	trouble->has_offset = true;
	snprintf(trouble->text, sizeof(trouble->text),
		 "somebody stored another header while the ring was being read: it now has %llu bytes, flags 0x%x",
		 (unsigned long long)attr.data_size, attr.flags);
	nrb_reader_close(source->reader);
	source->reader = NULL;
	return -EIO;
}

/*
 * Another reader consumed the record that we were at. Begin again with what it left, as long as that is part of what
 * there was when we began.
 */
static int begin_again(struct source *source, struct trouble *trouble)
{
	const bool backward = source->attr.flags & NRB_BACKWARD;
	/* Backward, a record reaches down to its position: what was told last, and not what we were at. */
	const uint64_t until = source->until, at = backward ? source->edge : source->raw.position;
	uint64_t now;
	int rc = reopen(source, trouble);

	if (rc)
		return rc;
	now = source->reader->position;
	/* Beyond what we were to tell, or without end: then that was it. */
	if ((backward ? (int64_t)(until - now) : (int64_t)(now - until)) >= 0 || ++source->reopened > REOPEN_MAX) {
		source->consumed += backward ? at - until : until - at;
		return 0;
	}
	source->consumed += backward ? at - now : now - at;
	rc = source_poll(source, 0, trouble);
	source->until = until;
	return rc;
}

int source_next(struct source *source, struct dump_record *record, struct trouble *trouble)
{
	int rc;

	source->record = record;
	for (;;) {
		rc = guarded(source, do_next, trouble);
		if (rc == -EBADMSG)
			return tell_bad_record(source, trouble);
		if (rc != -ESTALE)
			return rc;
		rc = begin_again(source, trouble);
		if (rc <= 0)
			return rc;
	}
}

static int do_skip(void *argument)
{
	struct source *source = argument;

	source->found = (int64_t)nrb_reader_skip(source->reader);
	return 0;
}

uint64_t source_skip(struct source *source)
{
	struct trouble ignored;

	source->found = 0;
	guarded(source, do_skip, &ignored);
	return (uint64_t)source->found;
}

static int do_release(void *argument)
{
	struct source *source = argument;

	nrb_reader_release(source->reader);
	return 0;
}

int source_release(struct source *source, struct trouble *trouble)
{
	return source->follow ? guarded(source, do_release, trouble) : 0;
}

/* ---- the writer's page ---- */

static int do_residue(void *argument)
{
	struct source *source = argument;
	const struct nrb_reader *reader = source->reader;
	struct dump_summary *summary = source->summary;
	uint64_t published, reserved;

	/* data_head first: the reservations loaded after it are no older. And a pair that belongs together. */
	for (unsigned tries = 0;; tries++) {
		published = nrb_reader_head(reader);
		reserved = nrb_load_relaxed(&reader->writer->head);
		summary->lost_since = nrb_load_relaxed(&reader->writer->lost);
		summary->in_progress = nrb_load_relaxed(&reader->writer->nest);
		if (nrb_reader_head(reader) == published)
			break;
		if (tries == PAIR_TRIES)
			return -EAGAIN;
	}
	summary->reserved = source->attr.flags & NRB_BACKWARD ? published - reserved : reserved - published;
	if (summary->reserved % 8 || (int64_t)summary->reserved < 0 ||
	    (!(source->attr.flags & NRB_OVERWRITE) && summary->reserved >= source->attr.data_size)) {
		source->until = reserved;
		return -EPROTO;
	}
	return 0;
}

int source_residue(struct source *source, struct dump_summary *summary, struct trouble *trouble)
{
	int rc = -ENOENT;

	summary->missed = source->reader ? nrb_reader_missed(source->reader) : 0;
	summary->consumed = source->consumed;
	snprintf(summary->writer_reason, sizeof(summary->writer_reason), "%s", source->writer_reason);
	source->summary = summary;
	if (source->reader && source->reader->writer)
		rc = guarded(source, do_residue, trouble);
	summary->writer_known = !rc;
	if (rc == -EAGAIN)
		snprintf(summary->writer_reason, sizeof(summary->writer_reason), "it is being written without pause");
	if (rc == -EFAULT)
		snprintf(summary->writer_reason, sizeof(summary->writer_reason), "%.255s", trouble->text);
	if (rc != -EPROTO)
		return rc == -EFAULT ? rc : 0;
	memset(trouble, 0, sizeof(*trouble));
	snprintf(trouble->text, sizeof(trouble->text),
		 "%s" NRB_WRITER_SUFFIX ", byte %zu: reserved up to 0x%llx, which contradicts data_head 0x%llx",
		 source->path, offsetof(struct nrb_writer, head), (unsigned long long)source->until,
		 (unsigned long long)nrb_reader_head(source->reader));
	snprintf(summary->writer_reason, sizeof(summary->writer_reason), "its " NRB_WRITER_SUFFIX " file is damaged");
	return rc;
}
