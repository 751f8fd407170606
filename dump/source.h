/* SPDX-License-Identifier: MIT */
/*
 * source.h - a named ring as nrb-dump reads it: record by record, each one copied and checked
 *
 * Everything in the files may be hostile, and may change or vanish under us.
 */
#ifndef DUMP_SOURCE_H
#define DUMP_SOURCE_H

#include <limits.h>
#include <sys/types.h>

#include "record.h"

struct source {
	const char *path;
	bool follow;
	struct nrb_reader *reader;
	struct nrb_attr attr;
	int fd, writer_fd;       /* of PATH and PATH.writer; -1: not open */
	uint64_t file_size;      /* bytes, when it was opened */
	char writer_reason[256]; /* why the writer's page cannot be read; "": it can */
	uint64_t until;          /* up to where the first poll found it published */
	uint64_t edge;           /* what is on the near side of it has been told */
	uint64_t consumed;       /* bytes that another reader took away meanwhile */
	unsigned reopened;
	/* The call that is guarded, its arguments and results. */
	int64_t timeout_ns, found;
	struct nrb_record raw;
	struct dump_record *record;
	struct dump_summary *summary;
	_Alignas(8) unsigned char buffer[NRB_RECORD_MAX];
};

/*
 * source_open - open the ring at @path
 * @follow: to consume it; else read only
 *
 * source_close() is due in any case. Return: 0, or a dump_status, with @trouble.
 */
int source_open(struct source *source, const char *path, bool follow, struct trouble *trouble);
void source_close(struct source *source);

/*
 * source_poll - look what there is
 * @timeout_ns: wait so long until there is anything
 *
 * Return: 1: there may be records, 0: none, -EINTR, or a negative number with @trouble: it ends here.
 */
int source_poll(struct source *source, int64_t timeout_ns, struct trouble *trouble);

/*
 * source_next - the next record of those that the last poll found, valid until the next call
 *
 * Return: 1 with a record, 0: no more; -EBADMSG with @trouble: there is no record there, see source_skip(); another
 * negative number with @trouble: it ends here.
 */
int source_next(struct source *source, struct dump_record *record, struct trouble *trouble);

/* Give up what the last poll found and is left, after -EBADMSG. Return: bytes. */
uint64_t source_skip(struct source *source);

/* Give the room of all records told back to the writer. Return: 0, or -EFAULT with @trouble. */
int source_release(struct source *source, struct trouble *trouble);

/* Whether the file is still as long as it was. Return: 0, or -EFAULT with @trouble. */
int source_check_size(const struct source *source, struct trouble *trouble);

/* What the writer's page tells into @summary. Return: 0, or a negative number with @trouble: it is damaged. */
int source_residue(struct source *source, struct dump_summary *summary, struct trouble *trouble);

/* Where @position lies in the file, bytes. */
uint64_t source_offset(const struct source *source, uint64_t position);

/* diagnose.c: why the file cannot be read as a ring; @error is what the library said. Return: a dump_status. */
int diagnose(int fd, int error, struct trouble *trouble);

#endif /* DUMP_SOURCE_H */
