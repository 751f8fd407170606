/* SPDX-License-Identifier: MIT */
/*
 * text_map.c - the boundary map as text: a line for each instruction of a write path, and what struck before it
 */
#define _GNU_SOURCE
#include "report/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "listing.h"
#include "number.h"
#include "symbol.h"

/* Columns; longer instructions are cut. */
#define PLACE_WIDTH 20
#define OFFSET_WIDTH 9 /* of a large program offsets are longer, so a blank follows in any case */
#define INSTRUCTION_WIDTH 34
#define STRIKES_WIDTH 8

/* One map being printed. */
struct map {
	FILE *out;
	const struct listing *listing;
	bool ran[TIERS];
	char function[96]; /* of the line before, without offset */
	char place[128];
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void put_head(const struct map *map)
{
	fprintf(map->out, "    %-*s%-*s %-*s", PLACE_WIDTH, "source", OFFSET_WIDTH, "offset", INSTRUCTION_WIDTH,
		map->listing->disassembled ? "instruction" : "");
	for (unsigned tier = 0; tier < TIERS; tier++)
		if (map->ran[tier])
			fprintf(map->out, "%*s", STRIKES_WIDTH, tier_name(tier));
	fputc('\n', map->out);
}

/* What is known of a boundary. */
static void put_marks(const struct map *map, const struct boundary *boundary)
{
	const struct {
		bool set;
		const char *name;
	} marks[] = {
		{ !listing_strikes(boundary), "not reached" },
		{ boundary && boundary->exposed, "exposed" },
		{ boundary && boundary->decreasing, "decreasing" },
		{ boundary && boundary->masked, "masked" },
	};
	const char *separator = "  ";

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (!marks[i].set)
			continue;
		fprintf(map->out, "%s%s", separator, marks[i].name);
		separator = ", ";
	}
	fputc('\n', map->out);
}

/* What followed strikes there, on a line of its own. */
static void put_followed(const struct map *map, const struct boundary *boundary)
{
	uint64_t followed = 0;

	if (!boundary || !boundary->violations)
		return;
	for (unsigned tier = 0; tier < TIERS; tier++)
		followed += boundary->followed[tier];
	fprintf(map->out, "    %*s%s followed by", PLACE_WIDTH + OFFSET_WIDTH + 1, "", number_grouped(followed).text);
	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		if (boundary->violations & VIOLATION_BIT(kind))
			fprintf(map->out, " %s", violation_name(kind));
	fputc('\n', map->out);
}

static void put_strikes(const struct map *map, const struct boundary *boundary)
{
	for (unsigned tier = 0; tier < TIERS; tier++) {
		if (!map->ran[tier])
			continue;
		/* A nought would be hard to tell from the rest at a glance. */
		fprintf(map->out, "%*s", STRIKES_WIDTH,
			boundary && boundary->strikes[tier] ? number_short(boundary->strikes[tier]).text : ".");
	}
}

/* File and line where they change; of a long name the end, which has the line. */
static const char *new_place(struct map *map, const struct symbol *symbol)
{
	const char *place = base_name(symbol->place);
	size_t length = strlen(place);

	if (!strcmp(map->place, symbol->place))
		return "";
	snprintf(map->place, sizeof(map->place), "%s", symbol->place);
	return length < PLACE_WIDTH ? place : place + length - (PLACE_WIDTH - 1);
}

static void put_listed(struct map *map, const struct listed *listed)
{
	const char *offset;
	struct symbol symbol;
	int length;

	symbol_find(listed->pc, &symbol);
	offset = strrchr(symbol.function, '+');
	/* A bare address has none. */
	length = (int)(offset ? offset - symbol.function : 0);
	if (strncmp(map->function, symbol.function, (size_t)length) || map->function[length]) {
		snprintf(map->function, sizeof(map->function), "%.*s", length, symbol.function);
		if (length)
			fprintf(map->out, "  %s%s\n", map->function, listed->outside ? ", called from there" : "");
		map->place[0] = '\0';
	}
	fprintf(map->out, "    %-*s%-*s %-*.*s", PLACE_WIDTH, new_place(map, &symbol), OFFSET_WIDTH,
		offset ? offset : symbol.function, INSTRUCTION_WIDTH, INSTRUCTION_WIDTH - 1, listed->text);
	put_strikes(map, listed->boundary);
	put_marks(map, listed->boundary);
	put_followed(map, listed->boundary);
}

static void put_summary(const struct map *map, const struct boundaries *boundaries, const char *name)
{
	const struct listing *listing = map->listing;
	struct line line = { .at = 0 };
	unsigned exposed = 0, reached = 0;
	uint64_t elsewhere = 0;
	char head[64];

	for (unsigned i = 0; i < listing->count; i++) {
		exposed += listing->at[i].boundary && listing->at[i].boundary->exposed;
		reached += !listing->at[i].outside && listing_strikes(listing->at[i].boundary);
	}
	for (unsigned tier = 0; tier < TIERS; tier++)
		elsewhere += boundaries->elsewhere[tier];
	if (listing->disassembled)
		line_add(&line, "%u of %u boundaries struck", reached, listing->within);
	else
		line_add(&line,
			 "%u boundaries struck, of an unknown number: without a disassembler only those of "
			 "which something is known are listed",
			 reached);
	line_add(&line, ", %u exposed; %u struck in what it calls; %s strike%s elsewhere", exposed,
		 listing->reached - reached, number_grouped(elsewhere).text, plural(elsewhere));
	snprintf(head, sizeof(head), "map of %.40s: ", name);
	line_put(&line, map->out, head, 2, 1);
}

static void put_map(const struct report *report, unsigned target, FILE *out)
{
	const struct boundaries *boundaries = &report->boundaries[target];
	struct listing *listing = listing_make(report->options->target[target]->text, boundaries);
	struct map map = { .out = out, .listing = listing };

	if (!listing)
		return;
	for (size_t i = 0; i < report->count; i++)
		map.ran[report->results[i].tier] = true;
	put_summary(&map, boundaries, report->options->target[target]->name);
	put_head(&map);
	for (unsigned i = 0; i < listing->count; i++)
		put_listed(&map, &listing->at[i]);
	fputc('\n', out);
	free(listing);
}

void text_map(const struct report *report, FILE *out)
{
	for (unsigned i = 0; report->boundaries && i < report->options->targets; i++)
		if (report->options->target[i]->driver == DRIVER_HARNESS)
			put_map(report, i, out);
}
