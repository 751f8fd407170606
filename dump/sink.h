/* SPDX-License-Identifier: MIT */
/*
 * sink.h - forms in which a ring is told
 */
#ifndef DUMP_SINK_H
#define DUMP_SINK_H

#include <stdio.h>

#include "record.h"

struct dump_options;

struct sink {
	FILE *out;
	const char *path;
	const struct dump_options *options;
	struct nrb_attr attr;
	const char *reason; /* why the last record was left out */
	/* perf.data: */
	bool piped;
	uint64_t written; /* bytes */
	uint64_t told;    /* records */
};

/* What stdio says of @out is looked at by the caller; here nothing fails, but end() of perf.data, which seeks. */
struct sink_format {
	void (*begin)(struct sink *sink);
	/* Return: whether it was told; if not, @reason says why it cannot be. */
	bool (*record)(struct sink *sink, const struct dump_record *record);
	/* NULL: standard error is enough. */
	void (*trouble)(struct sink *sink, const struct trouble *trouble);
	void (*end)(struct sink *sink, const struct dump_summary *summary);
};

extern const struct sink_format sink_text, sink_json, sink_perf;

#endif /* DUMP_SINK_H */
