/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "told.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "fuzz.h"
#include "nrb.h"

#define PERF_MAGIC 0x32454c4946524550ull /* "PERFILE2" */
#define PERF_HEADER 104u
#define PERF_OWN_TYPES 64u /* from there on perf's own, at the beginning of a pipe */

/* What was put out: records, by the form's own account. */
struct count {
	uint64_t records, lost, errors;
};

static unsigned char kept[TOLD_MAX];
static char said[TOLD_MAX + 1];

void told_begin(struct told *told, bool seekable, void (*turn)(void))
{
	memset(told, 0, sizeof(*told));
	told->seekable = seekable;
	told->turn = turn;
}

static ssize_t put_out(void *cookie, const char *bytes, size_t size)
{
	struct told *told = cookie;

	if (told->room && told->at + size > told->room) {
		told->failed = true;
		errno = ENOSPC;
		return 0;
	}
	fuzz_require(told->at + size <= TOLD_MAX);
	memcpy(kept + told->at, bytes, size);
	told->at += size;
	if (told->at > told->size)
		told->size = told->at;
	if (told->size > TOLD_ENOUGH)
		told->stop = 1;
	told->turn();
	return (ssize_t)size;
}

static int seek(void *cookie, off64_t *offset, int whence)
{
	struct told *told = cookie;
	uint64_t base = 0;

	if (whence != SEEK_SET)
		base = whence == SEEK_CUR ? told->at : told->size;
	/* Behind the end only who was told that it is full: what he wrote counts for him. */
	fuzz_require(told->failed || base + (uint64_t)*offset <= told->size);
	told->at = base + (uint64_t)*offset;
	*offset = (off64_t)told->at;
	return 0;
}

static ssize_t put_message(void *cookie, const char *bytes, size_t size)
{
	struct told *told = cookie;

	fuzz_require(told->messages_size + size <= TOLD_MAX);
	memcpy(said + told->messages_size, bytes, size);
	told->messages_size += size;
	return (ssize_t)size;
}

FILE *told_out(struct told *told)
{
	cookie_io_functions_t calls = { .write = put_out, .seek = told->seekable ? seek : NULL };

	return fopencookie(told, "w", calls);
}

FILE *told_messages(struct told *told)
{
	cookie_io_functions_t calls = { .write = put_message };

	return fopencookie(told, "w", calls);
}

/* Neither escape sequences nor anything else that a terminal obeys. Whole lines. */
static void check_printable(const void *text, uint64_t size)
{
	const unsigned char *bytes = text;

	for (uint64_t i = 0; i < size; i++)
		fuzz_require((bytes[i] >= ' ' && bytes[i] < 0x7f) || bytes[i] == '\n');
	fuzz_require(!size || bytes[size - 1] == '\n');
}

/* The length of the line at @at, its end included. */
static size_t line_length(uint64_t at, uint64_t size)
{
	const unsigned char *end = memchr(kept + at, '\n', size - at);

	fuzz_require(end);
	return (size_t)(end - (kept + at)) + 1;
}

/* Records begin with their positions; behind them, by more than a space, comes "lost". */
static struct count count_text(uint64_t size)
{
	struct count count = { 0 };

	for (uint64_t at = 0; at < size; at += line_length(at, size)) {
		if (kept[at] == '#' || kept[at] == ' ')
			continue;
		fuzz_require(!memcmp(kept + at, "0x", 2));
		if (memcmp(kept + at + 20, "lost ", 5))
			count.records++;
		else
			count.lost++;
	}
	return count;
}

static uint64_t number_of(const json_t *line, const char *name)
{
	const json_t *value = json_object_get(line, name);

	fuzz_require(json_is_integer(value));
	return (uint64_t)json_integer_value(value);
}

static struct count count_json(uint64_t size)
{
	struct count count = { 0 };
	bool ended = false;
	size_t length;

	for (uint64_t at = 0; at < size; at += length) {
		json_t *line;
		const char *kind;

		length = line_length(at, size);
		line = json_loadb((const char *)kept + at, length, JSON_REJECT_DUPLICATES, NULL);
		fuzz_require(line && !ended);
		kind = json_string_value(json_object_get(line, "kind"));
		fuzz_require(kind && (at == 0) == !strcmp(kind, "ring"));
		count.records += !strcmp(kind, "sample") || !strcmp(kind, "record");
		count.lost += !strcmp(kind, "lost");
		count.errors += !strcmp(kind, "error");
		ended = !strcmp(kind, "summary");
		fuzz_require(!ended || number_of(line, "records") == count.records);
		fuzz_require(!ended || number_of(line, "lost_records") == count.lost);
		fuzz_require(!ended || number_of(line, "errors") == count.errors);
		json_decref(line);
	}
	fuzz_require(ended || !size);
	return count;
}

static uint64_t word_at(uint64_t at)
{
	uint64_t word;

	memcpy(&word, kept + at, sizeof(word));
	return word;
}

/* Return: records from @at to @end, those of a pipe's beginning apart. */
static uint64_t walk(uint64_t at, uint64_t end, bool piped)
{
	struct nrb_header header;
	uint64_t records = 0;

	for (; at != end; at += header.size) {
		fuzz_require(end - at >= sizeof(header));
		memcpy(&header, kept + at, sizeof(header));
		fuzz_require(header.size >= sizeof(header) && header.size % 8 == 0 && header.size <= end - at);
		fuzz_require(header.type && (header.type < PERF_OWN_TYPES || (piped && !records)));
		records += header.type < PERF_OWN_TYPES;
	}
	return records;
}

/* LOST records stand for what is left out, too, so only all of them can be counted. */
static struct count count_perf(const struct told *told)
{
	struct count count = { 0 };
	uint64_t data, end, at;

	if (!told->size)
		return count;
	fuzz_require(told->size >= 16 && word_at(0) == PERF_MAGIC);
	if (!told->seekable) {
		fuzz_require(word_at(8) == 16);
		count.records = walk(16, told->size, true);
		return count;
	}
	fuzz_require(told->size > PERF_HEADER && word_at(8) == PERF_HEADER);
	data = word_at(40);
	end = data + word_at(48);
	fuzz_require(word_at(24) + word_at(32) == data && end > PERF_HEADER && end < told->size);
	count.records = walk(data, end, false);
	at = end + 16 * (uint64_t)__builtin_popcountll(word_at(72));
	for (; end != at; end += 16)
		fuzz_require(word_at(end) >= at && word_at(end) + word_at(end + 8) <= told->size);
	return count;
}

/* What the summary says, if it is there. */
static bool find_summary(const char *path, struct count *count)
{
	char begin[256];
	const char *at = said;

	snprintf(begin, sizeof(begin), "nrb-dump: %s: ", path);
	while ((at = strstr(at, begin))) {
		at += strlen(begin);
		if (sscanf(at, "%" SCNu64 " records; %*u writes lost, as %" SCNu64 " LOST", &count->records,
			   &count->lost) == 2)
			return true;
	}
	return false;
}

void told_check(const struct told *told, const struct dump_options *options, const char *path)
{
	struct count count = { 0 }, summary;

	said[told->messages_size] = '\0';
	check_printable(said, told->messages_size);
	/* Cut off where it was full, or elsewhere. */
	if (told->failed || options->output)
		return;
	if (options->format != DUMP_PERF)
		check_printable(kept, told->size);
	switch (options->format) {
	case DUMP_TEXT: count = count_text(told->size); break;
	case DUMP_JSON: count = count_json(told->size); break;
	case DUMP_PERF: count = count_perf(told); break;
	}
	if (!find_summary(path, &summary)) {
		fuzz_require(options->quiet || !told->size);
		return;
	}
	fuzz_require(!options->quiet && count.records + count.lost == summary.records + summary.lost);
	fuzz_require(options->format == DUMP_PERF || count.lost == summary.lost);
}
