/* SPDX-License-Identifier: MIT */
/*
 * json.c - an object a line, for programs: the ring, its records, what is wrong where, the summary
 *
 * Written by hand, since records come by the million. Positions and ids use all 64 bits, and times more than a double
 * holds, so they are text; counts are numbers. Payloads are hexadecimal.
 */
#include <inttypes.h>
#include <string.h>

#include "dump.h"
#include "sink.h"

/* JSON is UTF-8, and a file name may be anything. */
static void put_string(FILE *out, const char *text)
{
	putc('"', out);
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (*at == '"' || *at == '\\')
			fprintf(out, "\\%c", *at);
		else if (*at < 0x20 || *at == 0x7f)
			fprintf(out, "\\u%04x", *at);
		else
			putc(*at < 0x80 ? *at : '?', out);
	}
	putc('"', out);
}

static void put_hex(FILE *out, const char *name, uint64_t value)
{
	fprintf(out, ",\"%s\":\"0x%" PRIx64 "\"", name, value);
}

static void put_count(FILE *out, const char *name, uint64_t value)
{
	/* Integers are signed in many a reader; what does not fit says "as many as can be said". */
	fprintf(out, ",\"%s\":%" PRIu64, name, value > INT64_MAX ? (uint64_t)INT64_MAX : value);
}

static void begin(struct sink *sink)
{
	const struct nrb_attr *attr = &sink->attr;
	FILE *out = sink->out;

	fputs("{\"kind\":\"ring\",\"format\":1,\"file\":", out);
	put_string(out, sink->path);
	put_count(out, "data_size", attr->data_size);
	put_hex(out, "start", attr->start);
	put_hex(out, "id", attr->id);
	fprintf(out, ",\"overwrite\":%s,\"backward\":%s,\"clock\":%d", attr->flags & NRB_OVERWRITE ? "true" : "false",
		attr->flags & NRB_BACKWARD ? "true" : "false", attr->clock);
	put_hex(out, "sample_id", attr->sample_id);
	put_hex(out, "sample_type", attr->sample_type);
	fputs("}\n", out);
}

static void put_id(FILE *out, uint64_t fields, const struct nrb_sample_id *id)
{
	if (fields & NRB_SAMPLE_TID)
		fprintf(out, ",\"pid\":%u,\"tid\":%u", id->pid, id->tid);
	if (fields & NRB_SAMPLE_TIME)
		fprintf(out, ",\"time\":\"%" PRIu64 ".%09" PRIu64 "\"", id->time / 1000000000u, id->time % 1000000000u);
	if (fields & NRB_SAMPLE_ID)
		put_hex(out, "id", id->id);
	if (fields & NRB_SAMPLE_STREAM_ID)
		put_hex(out, "stream_id", id->stream_id);
	if (fields & NRB_SAMPLE_CPU)
		fprintf(out, ",\"cpu\":%u", id->cpu);
	if (fields & NRB_SAMPLE_IDENTIFIER)
		put_hex(out, "identifier", id->identifier);
}

static void put_payload(FILE *out, const unsigned char *payload, uint32_t size)
{
	static const char digit[] = "0123456789abcdef";
	char piece[1024];
	size_t used = 0;

	fputs(",\"payload\":\"", out);
	for (uint32_t i = 0; i < size; i++) {
		piece[used++] = digit[payload[i] >> 4];
		piece[used++] = digit[payload[i] & 15];
		if (used == sizeof(piece) || i + 1 == size) {
			fwrite(piece, 1, used, out);
			used = 0;
		}
	}
	putc('"', out);
}

static bool record(struct sink *sink, const struct dump_record *record)
{
	const char *kind = "record";
	FILE *out = sink->out;

	if (record->type == NRB_RECORD_SAMPLE)
		kind = "sample";
	if (record->type == NRB_RECORD_LOST)
		kind = "lost";
	fprintf(out, "{\"kind\":\"%s\",\"type\":%u", kind, record->type);
	put_hex(out, "position", record->position);
	put_count(out, "offset", record->offset);
	put_count(out, "size", record->size);
	if (record->has_id)
		put_id(out, sink->attr.sample_id, &record->id);
	if (record->type == NRB_RECORD_LOST) {
		put_hex(out, "lost_id", record->lost.id);
		put_count(out, "lost", record->lost.lost);
	} else {
		put_payload(out, record->payload, record->size);
	}
	fputs("}\n", out);
	return true;
}

static void trouble(struct sink *sink, const struct trouble *trouble)
{
	FILE *out = sink->out;

	fputs("{\"kind\":\"error\",\"message\":", out);
	put_string(out, trouble->text);
	if (trouble->has_offset)
		put_count(out, "offset", trouble->offset);
	if (trouble->has_position)
		put_hex(out, "position", trouble->position);
	fputs("}\n", out);
}

static void end(struct sink *sink, const struct dump_summary *summary)
{
	FILE *out = sink->out;

	fprintf(out, "{\"kind\":\"summary\",\"records\":%" PRIu64, summary->records);
	put_count(out, "lost_records", summary->lost_records);
	put_count(out, "lost", summary->lost);
	put_count(out, "errors", summary->errors);
	put_count(out, "skipped_bytes", summary->skipped);
	put_count(out, "missed_bytes", summary->missed);
	put_count(out, "consumed_bytes", summary->consumed);
	if (summary->writer_known) {
		put_count(out, "lost_since", summary->lost_since);
		put_count(out, "reserved_bytes", summary->reserved);
		put_count(out, "writes_in_progress", summary->in_progress);
	} else {
		fputs(",\"lost_since\":null,\"reserved_bytes\":null,\"writes_in_progress\":null,\"unknown\":", out);
		put_string(out, summary->writer_reason);
	}
	fputs("}\n", out);
}

const struct sink_format sink_json = { .begin = begin, .record = record, .trouble = trouble, .end = end };
