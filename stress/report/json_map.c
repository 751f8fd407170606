/* SPDX-License-Identifier: MIT */
/*
 * json_map.c - the boundary maps in the JSON report
 */
#define _GNU_SOURCE
#include "report/json_value.h"

#include "listing.h"
#include "symbol.h"

static json_t *pack_by_tier(const uint64_t *counts)
{
	json_t *object = json_object();

	for (unsigned tier = 0; tier < TIER_KERNEL; tier++) {
		if (json_object_set_new(object, tier_name(tier), count(counts[tier]))) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *pack_listed(const struct listed *listed)
{
	static const struct boundary nothing;
	const struct boundary *boundary = listed->boundary ? listed->boundary : &nothing;
	struct symbol symbol;

	symbol_find(listed->pc, &symbol);
	return pack_fields((struct field[]) {
		{ "pc", hex(listed->pc) },
		{ "function", text(symbol.function) },
		{ "inlined", text_or_null(symbol.inlined) },
		{ "place", text_or_null(symbol.place) },
		{ "instruction", text_or_null(listed->text) },
		{ "length_bytes", count_or_null(listed->length, listed->length) },
		{ "within", json_boolean(!listed->outside) },
		{ "reached", json_boolean(listing_strikes(boundary) > 0) },
		{ "strikes", pack_by_tier(boundary->strikes) },
		{ "followed", pack_by_tier(boundary->followed) },
		{ "violations", pack_mask(boundary->violations) },
		{ "exposed", json_boolean(boundary->exposed) },
		{ "decreasing", json_boolean(boundary->decreasing) },
		{ "masked", json_boolean(boundary->masked) },
		{ NULL, NULL },
	});
}

static json_t *pack_map(const struct target *target, const struct boundaries *boundaries)
{
	struct listing *listing = listing_make(target->text, boundaries);
	json_t *array = listing ? json_array() : NULL;
	json_t *map;

	for (unsigned i = 0; listing && i < listing->count; i++)
		array = append(array, pack_listed(&listing->at[i]));
	map = pack_fields((struct field[]) {
		{ "target", text(target->name) },
		{ "disassembled", json_boolean(listing && listing->disassembled) },
		{ "elsewhere", pack_by_tier(boundaries->elsewhere) },
		{ "boundaries", array },
		{ NULL, NULL },
	});
	free(listing);
	return map;
}

json_t *json_maps(const struct report *report)
{
	json_t *array = json_array();

	for (unsigned i = 0; report->boundaries && i < report->options->targets; i++)
		if (report->options->target[i]->driver == DRIVER_HARNESS)
			array = append(array, pack_map(report->options->target[i], &report->boundaries[i]));
	return array;
}
