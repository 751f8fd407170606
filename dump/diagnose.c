/* SPDX-License-Identifier: MIT */
/*
 * diagnose.c - which bytes of a file keep it from being read as a ring
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "dump.h"
#include "ring.h"
#include "source.h"
#include "trailer.h"

static int at(struct trouble *trouble, int status, uint64_t offset, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int at(struct trouble *trouble, int status, uint64_t offset, const char *format, ...)
{
	va_list list;

	trouble->offset = offset;
	trouble->has_offset = true;
	va_start(list, format);
	vsnprintf(trouble->text, sizeof(trouble->text), format, list);
	va_end(list);
	return status;
}

static int no_file_of_a_ring(const struct stat *st, struct trouble *trouble)
{
	const char *kind = "not a regular file";

	if (S_ISDIR(st->st_mode))
		kind = "a directory";
	else if (S_ISREG(st->st_mode))
		kind = "too short";
	snprintf(trouble->text, sizeof(trouble->text),
		 "not a ring: %s (%lld bytes; a ring has at least %zu); give the path that it was made with", kind,
		 (long long)st->st_size, 2 * nrb_page_size());
	return DUMP_UNUSABLE;
}

static int no_magic(const struct nrb_control *control, struct trouble *trouble)
{
	return at(trouble, DUMP_UNUSABLE, offsetof(struct nrb_control, magic),
		  "not a ring, or not complete: 0x%016llx in place of 0x%016llx", (unsigned long long)control->magic,
		  (unsigned long long)NRB_CONTROL_MAGIC);
}

static int bad_header(const struct nrb_control *c, const struct stat *st, struct trouble *trouble)
{
	const uint64_t page = nrb_page_size();

	if (c->data_offset != page)
		return at(trouble, DUMP_DAMAGED, offsetof(struct nrb_control, data_offset),
			  "data_offset is %llu, not %llu: damaged, or made where pages have another size",
			  (unsigned long long)c->data_offset, (unsigned long long)page);
	if (c->data_size < page || c->data_size & (c->data_size - 1))
		return at(trouble, DUMP_DAMAGED, offsetof(struct nrb_control, data_size),
			  "data_size is %llu: no power of two from %llu on", (unsigned long long)c->data_size,
			  (unsigned long long)page);
	if (c->data_size != (uint64_t)st->st_size - page)
		return at(trouble, DUMP_DAMAGED, offsetof(struct nrb_control, data_size),
			  "data_size is %llu, so the file should have %llu bytes, but it has %lld",
			  (unsigned long long)c->data_size, (unsigned long long)c->data_size + page,
			  (long long)st->st_size);
	if (c->start % 8)
		return at(trouble, DUMP_DAMAGED, offsetof(struct nrb_control, start),
			  "start is 0x%llx: no multiple of 8", (unsigned long long)c->start);
	return at(trouble, DUMP_DAMAGED, offsetof(struct nrb_control, sample_id),
		  "sample_id 0x%llx and sample_type 0x%llx: no ring has these", (unsigned long long)c->sample_id,
		  (unsigned long long)c->sample_type);
}

int diagnose(int fd, int error, struct trouble *trouble)
{
	_Alignas(8) unsigned char page[sizeof(struct nrb_control)] = { 0 };
	const struct nrb_control *control = (const struct nrb_control *)(const void *)page;
	struct stat st;

	ssize_t got = pread(fd, page, sizeof(page), 0);
	uint64_t first;

	memcpy(&first, page, sizeof(first));
	if (first == NRB_WRITER_MAGIC)
		return at(trouble, DUMP_UNUSABLE, 0,
			  "not a ring, but the page of its writer: give the path without " NRB_WRITER_SUFFIX);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size < 2 * nrb_page_size())
		return no_file_of_a_ring(&st, trouble);
	if (got != (ssize_t)sizeof(page)) {
		snprintf(trouble->text, sizeof(trouble->text), "cannot read: %s", strerror(errno));
		return DUMP_UNUSABLE;
	}
	switch (error) {
	case EMEDIUMTYPE: return no_magic(control, trouble);
	case EOPNOTSUPP:
		return at(trouble, DUMP_UNUSABLE, offsetof(struct nrb_control, flags),
			  "flags 0x%x: made by a newer library, or damaged; use its nrb-dump", control->flags);
	case EBADMSG: return bad_header(control, &st, trouble);
	case EPROTO:
		return at(trouble, DUMP_DAMAGED, offsetof(struct nrb_control, data_head),
			  "data_head 0x%llx and data_tail 0x%llx (at byte %zu) contradict each other, data_size 0x%llx",
			  (unsigned long long)control->data_head, (unsigned long long)control->data_tail,
			  offsetof(struct nrb_control, data_tail), (unsigned long long)control->data_size);
	case EFAULT: return at(trouble, DUMP_DAMAGED, 0, "the file was made shorter while it was being opened");
	default:
		snprintf(trouble->text, sizeof(trouble->text), "cannot read: %s", strerror(error));
		return DUMP_UNUSABLE;
	}
}
