/* SPDX-License-Identifier: MIT */
/*
 * json_step.c - what the step tier went through, and the shortest way to what it found, in the JSON report
 */
#define _GNU_SOURCE
#include "report/json_value.h"

#include "step/scenario.h"
#include "symbol.h"

static json_t *pack_tuples(const struct step_counts *counts)
{
	json_t *array = json_array();

	for (unsigned depth = 1; depth < LEVELS; depth++)
		array = append(array, count(counts->tuples[depth]));
	return array;
}

static json_t *pack_step_counts(const struct step_counts *counts)
{
	return pack_fields((struct field[]) {
		{ "boundaries", count(counts->boundaries) },
		{ "masked", count(counts->masked) },
		{ "tuples_by_depth", pack_tuples(counts) },
		{ "twice", count(counts->twice) },
		{ "strikes", count(counts->strikes) },
		{ "taken", count(counts->taken) },
		{ "steps", count(counts->steps) },
		{ "states", count(counts->states) },
		{ "elapsed_ns", count(counts->ns) },
		{ NULL, NULL },
	});
}

static json_t *pack_passes(const struct step_result *step)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < step->passes && i < STEP_PASSES; i++) {
		const struct step_pass *pass = &step->pass[i];

		array = append(array, pack_fields((struct field[]) {
					      { "depth", count(pass->depth) },
					      { "strikes", count(pass->strikes) },
					      { "scenarios", count(pass->scenarios) },
					      { "partial_done", count(pass->partial_done) },
					      { "partial_total", count(pass->partial_total) },
					      { "counts", pack_step_counts(&pass->counts) },
					      { NULL, NULL },
				      }));
	}
	return array;
}

static json_t *pack_found(const uint64_t *found)
{
	json_t *object = json_object();

	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		if (json_object_set_new(object, violation_name(kind), count(found[kind]))) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *pack_witness_strike(const struct witness_strike *strike)
{
	struct symbol symbol;

	symbol_find(strike->pc, &symbol);
	return pack_fields((struct field[]) {
		{ "level", count(strike->level) },
		{ "boundary", count(strike->boundary) },
		{ "release", json_boolean(strike->release) },
		{ "pc", hex(strike->pc) },
		{ "function", text(symbol.function) },
		{ "inlined", text_or_null(symbol.inlined) },
		{ "place", text_or_null(symbol.place) },
		{ NULL, NULL },
	});
}

static json_t *pack_witness(const struct witness *witness)
{
	json_t *strikes = json_array();

	for (unsigned i = 0; i < witness->count && i < WITNESS_STRIKES; i++)
		strikes = append(strikes, pack_witness_strike(&witness->strike[i]));
	return pack_fields((struct field[]) {
		{ "kind", text(witness->kind < VIOLATIONS ? violation_name(witness->kind) : "unknown") },
		{ "scenario",
		  text(witness->scenario < scenario_count ? scenarios[witness->scenario].name : "unknown") },
		{ "strikes", strikes },
		{ "level", count(witness->level) },
		{ "boundary", count(witness->boundary) },
		{ "before", hex(witness->before) },
		{ "after", hex(witness->after) },
		{ NULL, NULL },
	});
}

static json_t *pack_witnesses(const struct step_result *step)
{
	json_t *array = json_array();

	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		if (step->witness[kind].known)
			array = append(array, pack_witness(&step->witness[kind]));
	return array;
}

json_t *json_step(const struct target_result *result)
{
	const struct step_result *step = &result->step;

	if (result->tier != TIER_STEP)
		return json_null();
	return pack_fields((struct field[]) {
		{ "stepper", text_or_null(step->stepper) },
		{ "confirmed", json_boolean(step->confirmed) },
		{ "scenarios", count(step->scenarios) },
		{ "passes", pack_passes(step) },
		{ "found", pack_found(step->found) },
		{ "witnesses", pack_witnesses(step) },
		{ NULL, NULL },
	});
}
