/* SPDX-License-Identifier: MIT */
/*
 * perf_data.c - a perf.data file, or perf's pipe format
 *
 * A ring with a sample_type holds perf's own records: they are copied. Without one payloads are the user's own, and
 * become raw data of samples: NRB_RECORD_SAMPLE of the event nrb-sample; any other type, with its header before it, of
 * the event nrb-record. IDENTIFIER tells the two apart. TID, CPU and the rest are there if the ring has them; TIME is
 * always there, because readers want to sort: of a ring that has none each record's number.
 *
 * File: header, ids, attributes, records, features. Pipe: short header, attributes and features as records, records.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/utsname.h>

#include "config.h"
#include "dump.h"
#include "sink.h"

#define MAGIC 0x32454c4946524550ull /* "PERFILE2" */
/* Of all versions of struct perf_event_attr the longest that perf takes from 5.x to today. */
#define ATTR_SIZE 128u
#define RECORD_MAX UINT16_MAX
#define TYPE_ATTR 64u
#define TYPE_UPDATE 78u
#define UPDATE_NAME 2u
#define TYPE_FEATURE 80u
#define NAME_SIZE 64u

enum { FEATURE_HOSTNAME = 3, FEATURE_OSRELEASE, FEATURE_VERSION, FEATURE_ARCH, FEATURE_EVENTS = 12 };
static const unsigned feature_numbers[] = { FEATURE_HOSTNAME, FEATURE_OSRELEASE, FEATURE_VERSION, FEATURE_ARCH,
					    FEATURE_EVENTS };
#define FEATURES (sizeof(feature_numbers) / sizeof(feature_numbers[0]))

struct section {
	uint64_t offset, size;
};

struct file_header {
	uint64_t magic, size, attr_size;
	struct section attrs, data, event_types;
	uint64_t features[4];
};

_Static_assert(sizeof(struct file_header) == 104, "as perf reads it");

/* Bytes being put together. Large enough for each use; those that depend on the ring are checked before. */
struct piece {
	size_t size;
	unsigned char bytes[RECORD_MAX + 1];
};

static void add(struct piece *piece, const void *bytes, size_t size)
{
	memcpy(piece->bytes + piece->size, bytes, size);
	piece->size += size;
}

static void add_word(struct piece *piece, uint64_t word)
{
	add(piece, &word, sizeof(word));
}

static void add_pair(struct piece *piece, uint32_t first, uint32_t second)
{
	add(piece, &first, sizeof(first));
	add(piece, &second, sizeof(second));
}

/* As perf stores strings: length, and zeros up to it. */
static void add_string(struct piece *piece, const char *text)
{
	char name[NAME_SIZE + 1] = { 0 };
	const uint32_t size = sizeof(name) + 3;

	snprintf(name, sizeof(name), "%s", text);
	add(piece, &size, sizeof(size));
	add(piece, name, sizeof(name));
	add(piece, "\0\0", 3);
}

static void put(struct sink *sink, const void *bytes, size_t size)
{
	sink->written += fwrite(bytes, 1, size, sink->out);
}

/* ---- attributes ---- */

static bool is_opaque(const struct sink *sink)
{
	return !sink->attr.sample_type;
}

static unsigned events(const struct sink *sink)
{
	return is_opaque(sink) ? 2 : 1;
}

static const char *event_name(unsigned event)
{
	return event ? "nrb-record" : "nrb-sample";
}

/* The ring's own id is the first event's. The second one's may be any other but 0, which perf takes for the first. */
static uint64_t event_id(const struct sink *sink, unsigned event)
{
	uint64_t id = sink->attr.id + event;

	return event && !id ? 1 : id;
}

/* The fields of opaque samples that trailers have too. */
static uint64_t id_fields(const struct sink *sink)
{
	return sink->attr.sample_id | (is_opaque(sink) ? NRB_SAMPLE_TIME | NRB_SAMPLE_IDENTIFIER : 0);
}

static uint64_t sample_type(const struct sink *sink)
{
	if (!is_opaque(sink))
		return sink->attr.sample_type;
	/* IP, although there is none: perf script asks for it. */
	return PERF_SAMPLE_IP | PERF_SAMPLE_RAW | id_fields(sink);
}

static void add_attr(struct piece *piece, const struct sink *sink)
{
	unsigned char bytes[ATTR_SIZE] = { 0 };
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = ATTR_SIZE };

	attr.sample_type = sample_type(sink);
	attr.config = attr.sample_type & PERF_SAMPLE_RAW ? PERF_COUNT_SW_BPF_OUTPUT : PERF_COUNT_SW_DUMMY;
	attr.sample_id_all = is_opaque(sink) || sink->attr.sample_id;
	attr.sample_period = 1;
	if (sink->attr.sample_id & NRB_SAMPLE_TIME) {
		attr.use_clockid = 1;
		attr.clockid = sink->attr.clock;
	}
	memcpy(bytes, &attr, sizeof(attr) < sizeof(bytes) ? sizeof(attr) : sizeof(bytes));
	add(piece, bytes, sizeof(bytes));
}

/* ---- features: where it was made, which perf data convert asks for; and the events' names ---- */

static void add_feature(struct piece *piece, const struct sink *sink, unsigned number)
{
	struct utsname host = { 0 };

	uname(&host);
	switch (number) {
	case FEATURE_HOSTNAME: add_string(piece, host.nodename); break;
	case FEATURE_OSRELEASE: add_string(piece, host.release); break;
	case FEATURE_VERSION: add_string(piece, "nrb " PACKAGE_VERSION); break;
	case FEATURE_ARCH: add_string(piece, host.machine); break;
	default:
		add_pair(piece, events(sink), ATTR_SIZE);
		for (unsigned event = 0; event < events(sink); event++) {
			const uint32_t ids = 1;

			add_attr(piece, sink);
			add(piece, &ids, sizeof(ids));
			add_string(piece, event_name(event));
			add_word(piece, event_id(sink, event));
		}
	}
}

static void put_features(struct sink *sink)
{
	static struct piece table, body;
	uint64_t offset = sink->written + FEATURES * sizeof(struct section);

	table.size = body.size = 0;
	for (unsigned i = 0; i < FEATURES; i++) {
		size_t before = body.size;

		add_feature(&body, sink, feature_numbers[i]);
		add_word(&table, offset + before);
		add_word(&table, body.size - before);
	}
	put(sink, table.bytes, table.size);
	put(sink, body.bytes, body.size);
}

/* ---- the beginning ---- */

static void put_header(struct sink *sink, uint64_t data_end)
{
	const unsigned count = events(sink);
	const uint64_t attrs = sizeof(struct file_header) + count * sizeof(uint64_t);
	const uint64_t entry = ATTR_SIZE + sizeof(struct section);
	struct file_header header = { .magic = MAGIC, .size = sizeof(header), .attr_size = entry };

	header.attrs = (struct section) { attrs, count * entry };
	header.data.offset = attrs + header.attrs.size;
	header.data.size = data_end ? data_end - header.data.offset : 0;
	for (unsigned i = 0; data_end && i < FEATURES; i++)
		header.features[0] |= 1ull << feature_numbers[i];
	put(sink, &header, sizeof(header));
}

static void begin_file(struct sink *sink)
{
	static struct piece piece;

	/* Once more at the end, with sizes; perf knows what to do about a file that was not ended. */
	put_header(sink, 0);
	piece.size = 0;
	for (unsigned event = 0; event < events(sink); event++)
		add_word(&piece, event_id(sink, event));
	for (unsigned event = 0; event < events(sink); event++) {
		add_attr(&piece, sink);
		add_word(&piece, sizeof(struct file_header) + event * sizeof(uint64_t));
		add_word(&piece, sizeof(uint64_t));
	}
	put(sink, piece.bytes, piece.size);
}

/* A record whose body is put together in @piece, behind room for the header. */
static void put_record(struct sink *sink, struct piece *piece, uint32_t type, uint16_t misc)
{
	struct nrb_header header = { .type = type, .misc = misc };

	while (piece->size % 8)
		piece->bytes[piece->size++] = 0;
	header.size = (uint16_t)piece->size;
	memcpy(piece->bytes, &header, sizeof(header));
	put(sink, piece->bytes, piece->size);
}

static void begin_pipe(struct sink *sink)
{
	static struct piece piece;
	const uint64_t header[2] = { MAGIC, sizeof(header) };

	put(sink, header, sizeof(header));
	for (unsigned event = 0; event < events(sink); event++) {
		piece.size = sizeof(struct nrb_header);
		add_attr(&piece, sink);
		add_word(&piece, event_id(sink, event));
		put_record(sink, &piece, TYPE_ATTR, 0);
	}
	/* The features tell names too, but too late for a perf that has made up one for a warning. */
	for (unsigned event = 0; event < events(sink); event++) {
		piece.size = sizeof(struct nrb_header);
		add_word(&piece, UPDATE_NAME);
		add_word(&piece, event_id(sink, event));
		add(&piece, event_name(event), strlen(event_name(event)) + 1);
		put_record(sink, &piece, TYPE_UPDATE, 0);
	}
	for (unsigned i = 0; i < FEATURES; i++) {
		piece.size = sizeof(struct nrb_header);
		add_word(&piece, feature_numbers[i]);
		add_feature(&piece, sink, feature_numbers[i]);
		put_record(sink, &piece, TYPE_FEATURE, 0);
	}
}

static void begin(struct sink *sink)
{
	int flags = fcntl(fileno(sink->out), F_GETFL);

	sink->piped = ftello(sink->out) != 0 || (flags >= 0 && flags & O_APPEND);
	sink->written = 0;
	if (sink->piped)
		begin_pipe(sink);
	else
		begin_file(sink);
}

/* ---- records ---- */

static uint64_t time_of(const struct sink *sink, const struct nrb_sample_id *id)
{
	return sink->attr.sample_id & NRB_SAMPLE_TIME ? id->time : sink->told;
}

/* What identifies a sample, in the order of samples; at the end of other records the order is another. */
static void add_sample_id(struct piece *piece, const struct sink *sink, const struct dump_record *record,
			  unsigned event)
{
	const uint64_t fields = id_fields(sink);
	const struct nrb_sample_id *id = &record->id;

	add_word(piece, event_id(sink, event));
	add_word(piece, 0);
	if (fields & NRB_SAMPLE_TID)
		add_pair(piece, id->pid, id->tid);
	if (fields & NRB_SAMPLE_TIME)
		add_word(piece, time_of(sink, id));
	if (fields & NRB_SAMPLE_ID)
		add_word(piece, event_id(sink, event));
	if (fields & NRB_SAMPLE_STREAM_ID)
		add_word(piece, id->stream_id);
	if (fields & NRB_SAMPLE_CPU)
		add_pair(piece, id->cpu, 0);
}

static void add_trailer(struct piece *piece, const struct sink *sink, const struct nrb_sample_id *id)
{
	const uint64_t fields = id_fields(sink);

	if (fields & NRB_SAMPLE_TID)
		add_pair(piece, id->pid, id->tid);
	if (fields & NRB_SAMPLE_TIME)
		add_word(piece, time_of(sink, id));
	if (fields & NRB_SAMPLE_ID)
		add_word(piece, id->id);
	if (fields & NRB_SAMPLE_STREAM_ID)
		add_word(piece, id->stream_id);
	if (fields & NRB_SAMPLE_CPU)
		add_pair(piece, id->cpu, 0);
	if (fields & NRB_SAMPLE_IDENTIFIER)
		add_word(piece, event_id(sink, 0));
}

/* A record of perf's own kind, with the trailer that the attributes promise. */
static void put_plain(struct sink *sink, const struct dump_record *record, const void *payload, uint32_t size)
{
	static struct piece piece;

	piece.size = sizeof(struct nrb_header);
	add(&piece, payload, size);
	if (record->type != NRB_RECORD_SAMPLE)
		add_trailer(&piece, sink, &record->id);
	/* Rings are written in user space. */
	put_record(sink, &piece, record->type, record->type == NRB_RECORD_SAMPLE ? PERF_RECORD_MISC_USER : 0);
}

/* In the place of a record that is left out, so that who reads the file knows of it. */
static bool leave_out(struct sink *sink, const struct dump_record *record, const char *reason)
{
	struct dump_record instead = *record;
	const struct nrb_lost lost = { .id = sink->attr.id, .lost = 1 };

	instead.type = NRB_RECORD_LOST;
	put_plain(sink, &instead, &lost, sizeof(lost));
	sink->reason = reason;
	return false;
}

/* A payload of the user's own. */
static bool put_raw(struct sink *sink, const struct dump_record *record)
{
	static struct piece piece;
	const unsigned event = record->type != NRB_RECORD_SAMPLE;
	const struct nrb_header inner = { .type = record->type, .size = (uint16_t)(sizeof(inner) + record->size) };
	const uint32_t raw = record->size + (event ? (uint32_t)sizeof(inner) : 0);

	piece.size = sizeof(struct nrb_header);
	add_sample_id(&piece, sink, record, event);
	if (piece.size + sizeof(raw) + raw + 4 > RECORD_MAX)
		return leave_out(sink, record, "longer than a record of perf can be, with what perf adds to it");
	add(&piece, &raw, sizeof(raw));
	if (event)
		add(&piece, &inner, sizeof(inner));
	add(&piece, record->payload, record->size);
	put_record(sink, &piece, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER);
	return true;
}

/* Whether a payload is as long as @type, a sample_type, says; as far as its fields tell how long they are. */
static bool is_sample(const struct dump_record *record, uint64_t type)
{
	const uint64_t fixed = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
			       PERF_SAMPLE_ADDR | PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU |
			       PERF_SAMPLE_PERIOD | PERF_SAMPLE_READ;
	uint64_t at = 8ull * (unsigned)__builtin_popcountll(type & fixed), chain;
	uint32_t raw;

	if (type & PERF_SAMPLE_CALLCHAIN && at + sizeof(chain) <= record->size) {
		memcpy(&chain, record->payload + at, sizeof(chain));
		if (chain > record->size / 8)
			return false;
		at += 8 * chain;
	}
	at += type & PERF_SAMPLE_CALLCHAIN ? sizeof(chain) : 0;
	if (type & PERF_SAMPLE_RAW && at + sizeof(raw) <= record->size) {
		memcpy(&raw, record->payload + at, sizeof(raw));
		at += raw;
	}
	at += type & PERF_SAMPLE_RAW ? sizeof(raw) : 0;
	return at <= record->size;
}

static bool record(struct sink *sink, const struct dump_record *record)
{
	sink->told++;
	if (record->type != NRB_RECORD_LOST && is_opaque(sink))
		return put_raw(sink, record);
	if (record->type == NRB_RECORD_SAMPLE && !is_sample(record, sink->attr.sample_type))
		return leave_out(sink, record, "not laid out as the ring's sample_type says");
	/* From there on perf has numbers for its own use in files. */
	if (record->type == 0 || record->type >= TYPE_ATTR)
		return leave_out(sink, record, "of a type that perf takes for something else");
	put_plain(sink, record, record->payload, record->size);
	return true;
}

static void end(struct sink *sink, const struct dump_summary *summary)
{
	const uint64_t data_end = sink->written;
	uint64_t all;

	(void)summary;
	if (sink->piped)
		return;
	put_features(sink);
	all = sink->written;
	if (fflush(sink->out) || fseeko(sink->out, 0, SEEK_SET))
		return;
	put_header(sink, data_end);
	fseeko(sink->out, (off_t)all, SEEK_SET);
}

const struct sink_format sink_perf = { .begin = begin, .record = record, .end = end };
