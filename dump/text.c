/* SPDX-License-Identifier: MIT */
/*
 * text.c - a record a line, for people
 */
#include <ctype.h>
#include <inttypes.h>

#include "dump.h"
#include "sink.h"

#define PREVIEW 24u
#define LINE 16u

static void begin(struct sink *sink)
{
	const struct nrb_attr *attr = &sink->attr;

	fprintf(sink->out,
		"# ring of %" PRIu64 " bytes%s%s, id 0x%" PRIx64 ", sample_id 0x%" PRIx64 ", sample_type 0x%" PRIx64
		"\n",
		attr->data_size, attr->flags & NRB_OVERWRITE ? ", overwrite" : "",
		attr->flags & NRB_BACKWARD ? ", backward" : "", attr->id, attr->sample_id, attr->sample_type);
	fprintf(sink->out, "# position, type, bytes of payload, what its trailer tells, payload\n");
}

static void put_bytes(FILE *out, const unsigned char *bytes, uint32_t count, uint32_t width)
{
	for (uint32_t i = 0; i < width; i++) {
		if (i < count)
			fprintf(out, "%02x", bytes[i]);
		else
			fputs("  ", out);
		if (i % 8 == 7)
			putc(' ', out);
	}
	putc('|', out);
	/* Neither escape sequences nor anything else that a terminal obeys. */
	for (uint32_t i = 0; i < count; i++)
		putc(bytes[i] < 0x80 && isprint(bytes[i]) ? bytes[i] : '.', out);
	putc('|', out);
}

static void put_id(FILE *out, uint64_t fields, const struct nrb_sample_id *id)
{
	if (fields & NRB_SAMPLE_TIME)
		fprintf(out, "  %" PRIu64 ".%09" PRIu64, id->time / 1000000000u, id->time % 1000000000u);
	if (fields & NRB_SAMPLE_TID)
		fprintf(out, "  pid %u tid %u", id->pid, id->tid);
	if (fields & NRB_SAMPLE_CPU)
		fprintf(out, "  cpu %u", id->cpu);
	if (fields & NRB_SAMPLE_ID)
		fprintf(out, "  id 0x%" PRIx64, id->id);
	if (fields & NRB_SAMPLE_STREAM_ID)
		fprintf(out, "  stream 0x%" PRIx64, id->stream_id);
	if (fields & NRB_SAMPLE_IDENTIFIER)
		fprintf(out, "  identifier 0x%" PRIx64, id->identifier);
}

static bool record(struct sink *sink, const struct dump_record *record)
{
	const bool lost = record->type == NRB_RECORD_LOST;
	char type[16] = "lost";
	FILE *out = sink->out;

	if (record->type == NRB_RECORD_SAMPLE)
		snprintf(type, sizeof(type), "sample");
	else if (!lost)
		snprintf(type, sizeof(type), "%u", record->type);
	fprintf(out, "0x%016" PRIx64 "  %-6s  %5u", record->position, type, record->size);
	if (record->has_id)
		put_id(out, sink->attr.sample_id, &record->id);
	if (lost) {
		fprintf(out, "  %" PRIu64 " writes were lost, id 0x%" PRIx64, record->lost.lost, record->lost.id);
	} else if (!sink->options->full) {
		fputs("  ", out);
		put_bytes(out, record->payload, record->size < PREVIEW ? record->size : PREVIEW, PREVIEW);
		fputs(record->size > PREVIEW ? "..." : "", out);
	}
	putc('\n', out);
	if (lost || !sink->options->full)
		return true;
	for (uint32_t at = 0; at < record->size; at += LINE) {
		uint32_t left = record->size - at;

		fprintf(out, "    %04x  ", at);
		put_bytes(out, record->payload + at, left < LINE ? left : LINE, LINE);
		putc('\n', out);
	}
	return true;
}

static void end(struct sink *sink, const struct dump_summary *summary)
{
	/* On standard error it is told in any case. */
	(void)sink;
	(void)summary;
}

const struct sink_format sink_text = { .begin = begin, .record = record, .end = end };
