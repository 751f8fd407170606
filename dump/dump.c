/* SPDX-License-Identifier: MIT */
/*
 * dump.c - from source to sink, record by record; and what that comes to
 */
#define _GNU_SOURCE
#include "dump.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "guard.h"
#include "output_files.h"
#include "ring.h"
#include "sink.h"
#include "source.h"

/* Following: how long a look may take, so that a signal which comes just before it is not waited out. */
#define LOOK_NS (50 * (int64_t)NS_PER_MS)
/* Following: room is given back after so many records, so that the writer gets it while we still print. */
#define RELEASE_RECORDS 64
#define LEFT_OUT_TOLD 10

struct dump {
	const struct dump_options *options;
	const struct sink_format *format;
	FILE *messages;
	struct sink sink;
	struct dump_summary summary;
	struct trouble trouble;
	int status;
	struct source source;
};

static void tell(struct dump *dump, const struct trouble *trouble)
{
	fprintf(dump->messages, "nrb-dump: %s", dump->sink.path);
	if (trouble->has_offset)
		fprintf(dump->messages, ", byte %" PRIu64, trouble->offset);
	if (trouble->has_position)
		fprintf(dump->messages, " (position 0x%" PRIx64 ")", trouble->position);
	fprintf(dump->messages, ": %s\n", trouble->text);
}

/* Damage: told here and, where the form has a place for it, there. */
static void tell_damage(struct dump *dump)
{
	dump->status = DUMP_DAMAGED;
	dump->summary.errors++;
	tell(dump, &dump->trouble);
	if (dump->format->trouble)
		dump->format->trouble(&dump->sink, &dump->trouble);
}

static void tell_left_out(struct dump *dump, const struct dump_record *record)
{
	struct trouble trouble = { .has_offset = true, .has_position = true };

	dump->status = DUMP_DAMAGED;
	if (dump->summary.left_out++ >= LEFT_OUT_TOLD)
		return;
	trouble.offset = record->offset;
	trouble.position = record->position;
	snprintf(trouble.text, sizeof(trouble.text), "left out: type %u, %u bytes: %s", record->type, record->size,
		 dump->sink.reason);
	tell(dump, &trouble);
}

static bool is_enough(const struct dump *dump)
{
	const struct dump_options *options = dump->options;

	return (options->count && dump->summary.records >= options->count) || (options->stop && *options->stop);
}

/* Printed before it is given back: whoever comes after us finds what was not. Return: 0, or -1 after an error. */
static int hand_over(struct dump *dump)
{
	if (!dump->options->follow)
		return ferror(dump->sink.out) ? -1 : 0;
	if (fflush(dump->sink.out) || ferror(dump->sink.out))
		return -1;
	if (!source_release(&dump->source, &dump->trouble))
		return 0;
	tell_damage(dump);
	return -1;
}

/* What the last poll found. Return: 0, or -1: it ends here. */
static int dump_batch(struct dump *dump)
{
	struct dump_record record;
	unsigned since = 0;
	int rc;

	while (!is_enough(dump)) {
		rc = source_next(&dump->source, &record, &dump->trouble);
		if (rc <= 0) {
			if (!rc)
				break;
			tell_damage(dump);
			if (rc != -EBADMSG)
				return -1;
			dump->summary.skipped += source_skip(&dump->source);
			break;
		}
		if (record.type == NRB_RECORD_LOST) {
			dump->summary.lost_records++;
			dump->summary.lost += record.lost.lost;
		} else {
			dump->summary.records++;
		}
		if (!dump->format->record(&dump->sink, &record))
			tell_left_out(dump, &record);
		if (++since % RELEASE_RECORDS == 0 && hand_over(dump))
			return -1;
	}
	return hand_over(dump);
}

/* Whether nobody reads what we write; found out before there is anything more to be written. */
static bool is_closed(FILE *out)
{
	struct pollfd end = { .fd = fileno(out) };

	return poll(&end, 1, 0) > 0 && end.revents & (POLLERR | POLLHUP);
}

/* Return: 1: go on, 0: the end, negative: the end, told or to be told. */
static int look(struct dump *dump, uint64_t deadline)
{
	int64_t wait = 0;
	uint64_t now;
	int rc;

	if (dump->options->follow) {
		now = clock_ns();
		if (now >= deadline)
			return 0;
		wait = deadline - now < (uint64_t)LOOK_NS ? (int64_t)(deadline - now) : LOOK_NS;
	}
	rc = source_poll(&dump->source, wait, &dump->trouble);
	if (rc == -EINTR)
		return 1;
	if (rc < 0) {
		tell_damage(dump);
		if (rc == -EACCES)
			dump->status = DUMP_UNUSABLE;
		return rc;
	}
	if (rc)
		return dump_batch(dump) ? -1 : dump->options->follow;
	if (is_closed(dump->sink.out))
		return 0;
	if (dump->options->follow && source_check_size(&dump->source, &dump->trouble)) {
		tell_damage(dump);
		return -1;
	}
	return dump->options->follow;
}

static void dump_records(struct dump *dump)
{
	const uint64_t duration = dump->options->duration_ns, now = clock_ns();
	const uint64_t deadline = duration && duration < UINT64_MAX - now ? now + duration : UINT64_MAX;

	while (!is_enough(dump) && look(dump, deadline) > 0)
		;
	if (!dump->options->follow && source_check_size(&dump->source, &dump->trouble))
		tell_damage(dump);
}

static void summarise_writer(const struct dump *dump)
{
	const struct dump_summary *s = &dump->summary;
	const char *path = dump->sink.path;

	if (!s->writer_known) {
		fprintf(dump->messages,
			"nrb-dump: %s: what was reserved but never published, and lost since, is not known: %s\n", path,
			s->writer_reason);
		return;
	}
	if (s->lost_since)
		fprintf(dump->messages,
			"nrb-dump: %s: %" PRIu64 " more writes were lost since, and no LOST record tells\n", path,
			s->lost_since);
	if (s->reserved)
		fprintf(dump->messages,
			"nrb-dump: %s: %" PRIu64 " bytes were reserved by a write that never published them\n", path,
			s->reserved);
}

static void summarise(const struct dump *dump)
{
	const struct dump_summary *s = &dump->summary;
	const char *path = dump->sink.path;
	FILE *out = dump->messages;

	fprintf(out, "nrb-dump: %s: %" PRIu64 " records; %" PRIu64 " writes lost, as %" PRIu64 " LOST records tell\n",
		path, s->records, s->lost, s->lost_records);
	summarise_writer(dump);
	if (s->missed)
		fprintf(out, "nrb-dump: %s: %" PRIu64 " bytes were overwritten before they could be read\n", path,
			s->missed);
	if (s->consumed)
		fprintf(out, "nrb-dump: %s: %" PRIu64 " bytes were consumed by another reader meanwhile\n", path,
			s->consumed);
	if (s->skipped)
		fprintf(out, "nrb-dump: %s: %" PRIu64 " bytes were skipped for what is no record\n", path, s->skipped);
	if (s->left_out)
		fprintf(out, "nrb-dump: %s: %" PRIu64 " records were left out: LOST records stand in their place\n",
			path, s->left_out);
}

static int finish(struct dump *dump)
{
	FILE *out = dump->sink.out;

	if (source_residue(&dump->source, &dump->summary, &dump->trouble))
		tell_damage(dump);
	dump->format->end(&dump->sink, &dump->summary);
	errno = 0;
	if (fflush(out) || ferror(out)) {
		/* Who closes the pipe has seen enough. The error may be one of long ago, so look again. */
		if (errno == EPIPE || is_closed(out))
			return dump->status;
		fprintf(dump->messages, "nrb-dump: cannot write: %s\n",
			errno ? strerror(errno) : "an error while records were written");
		return DUMP_UNUSABLE;
	}
	if (!dump->options->quiet)
		summarise(dump);
	return dump->status;
}

/* Whether @a and @b are the same file; one that is missing is none. */
static bool is_same(const char *a, const char *b)
{
	struct stat of_a, of_b;

	return !stat(a, &of_a) && !stat(b, &of_b) && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

/* After the ring, so that nothing is emptied for a ring that is none. Return: 0, or DUMP_UNUSABLE after a message. */
static int open_output(struct dump *dump)
{
	const char *name = dump->options->output;
	char writer[PATH_MAX + sizeof(NRB_WRITER_SUFFIX)];

	if (!name)
		return 0;
	snprintf(writer, sizeof(writer), "%s" NRB_WRITER_SUFFIX, dump->sink.path);
	if (is_same(name, dump->sink.path) || is_same(name, writer)) {
		fprintf(dump->messages, "nrb-dump: %s is the ring itself: name another file to write to\n", name);
		return DUMP_UNUSABLE;
	}
	dump->sink.out = fopen(name, "we");
	if (dump->sink.out)
		return 0;
	fprintf(dump->messages, "nrb-dump: cannot write %s: %s%s\n", name, strerror(errno), output_remedy(errno));
	return DUMP_UNUSABLE;
}

/* Return: @status, or DUMP_UNUSABLE after a message. */
static int close_output(struct dump *dump, int status)
{
	if (!dump->options->output || !dump->sink.out || !fclose(dump->sink.out) || errno == EPIPE)
		return status;
	fprintf(dump->messages, "nrb-dump: cannot write %s: %s%s\n", dump->options->output, strerror(errno),
		output_remedy(errno));
	return DUMP_UNUSABLE;
}

static int dump_opened(struct dump *dump)
{
	int status = open_output(dump);

	if (status)
		return status;
	dump->sink.attr = dump->source.attr;
	dump->format->begin(&dump->sink);
	dump_records(dump);
	return close_output(dump, finish(dump));
}

int dump_file(const char *path, const struct dump_options *options, FILE *out, FILE *messages)
{
	static const struct sink_format *const formats[] = { &sink_text, &sink_json, &sink_perf };
	struct dump *dump = calloc(1, sizeof(*dump));
	struct sigaction old;
	int status;

	if (!dump)
		return DUMP_UNUSABLE;
	dump->options = options;
	dump->format = formats[options->format];
	dump->messages = messages;
	dump->sink.out = options->output ? NULL : out;
	dump->sink.path = path;
	dump->sink.options = options;
	guard_begin(&old);
	status = source_open(&dump->source, path, options->follow, &dump->trouble);
	if (status)
		tell(dump, &dump->trouble);
	else
		status = dump_opened(dump);
	source_close(&dump->source);
	guard_end(&old);
	free(dump);
	return status;
}
