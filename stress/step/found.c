/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "step/explorer.h"
#include "step/scenario.h"

void found_violations(struct explorer *x, const struct write *write, uint32_t kinds)
{
	const struct findings *last = &x->stage.scene.last;

	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		struct witness *witness = &x->result->witness[kind];

		if (!(kinds & VIOLATION_BIT(kind)))
			continue;
		x->result->found[kind]++;
		if (witness->known && witness->count <= x->path.count)
			continue;
		memset(witness, 0, sizeof(*witness));
		witness->known = true;
		witness->kind = kind;
		witness->scenario = (uint32_t)(x->stage.scene.scenario - scenarios);
		witness->count = x->path.count;
		memcpy(witness->strike, x->path.strike, sizeof(witness->strike));
		witness->level = write->at.level;
		witness->boundary = write->at.boundary;
		for (unsigned i = 0; i < last->count; i++) {
			if (last->at[i].kind != (enum violation)kind)
				continue;
			witness->before = last->at[i].before;
			witness->after = last->at[i].after;
		}
	}
}

static void keep_path(const struct explorer *x, struct outcome *outcome, unsigned path_before)
{
	outcome->path.count = x->path.count - path_before;
	memcpy(outcome->path.strike, x->path.strike + path_before, outcome->path.count * sizeof(x->path.strike[0]));
}

void found_outcome(struct explorer *x, const struct write *write, unsigned path_before, bool taken)
{
	struct summary *summary = write->summary;
	struct outcome *outcome = calloc(1, sizeof(*outcome));

	if (outcome)
		outcome->image = world_keep(&x->world);
	if (!outcome || !outcome->image) {
		free(outcome);
		explorer_out_of_memory(x);
		return;
	}
	for (struct outcome *o = summary->outcomes; o; o = o->next) {
		if (!hash_same(o->image->hash, outcome->image->hash))
			continue;
		o->kinds |= write->kinds;
		/* Told by the shortest way. */
		if (x->path.count - path_before < o->path.count)
			keep_path(x, o, path_before);
		free(outcome->image);
		free(outcome);
		return;
	}
	outcome->kinds = write->kinds;
	keep_path(x, outcome, path_before);
	outcome->head = x->stage.scene.target->head(x->stage.scene.reader);
	outcome->reserved = x->stage.scene.target->reserved_head(x->stage.scene.ring);
	outcome->taken = taken;
	outcome->next = summary->outcomes;
	summary->outcomes = outcome;
}

void found_way(struct explorer *x)
{
	struct explore_sample *sample = &x->result->sample;
	uint64_t number = ++sample->number;

	if (number & (number - 1))
		return;
	sample->way.known = true;
	sample->way.count = x->path.count;
	memcpy(sample->way.strike, x->path.strike, sizeof(x->path.strike));
	sample->world = world_hash(&x->world);
}

void found_boundary(struct explorer *x, const struct write *write, const struct outcome *outcome, bool first)
{
	uint64_t pc = stage_pc(&x->stage, &write->at);
	struct boundary *boundary = x->map ? boundaries_get(x->map, pc) : NULL;
	/* Also what showed before the interrupted write went on. */
	uint32_t kinds = outcome->kinds;
	bool decided = false;

	if (!boundary)
		return;
	for (uint32_t at = write->state; at; at = write->states->at[at].next) {
		const struct state *state = &write->states->at[at];

		kinds |= state->kinds;
		if (decided || state->head == outcome->head)
			continue;
		decided = true;
		if (!outcome->taken)
			continue;
		boundary->exposed |= (int64_t)(state->head - outcome->reserved) < 0;
		boundary->decreasing |= (int64_t)(state->head - outcome->head) < 0;
	}
	boundary->violations |= kinds;
	boundary->followed[TIER_STEP] += first && kinds;
}

void found_masked(struct explorer *x, const struct write *write, bool struck)
{
	struct boundary *boundary;

	if (!stage_masked(&x->stage, &write->at))
		return;
	x->result->counts.masked += !struck;
	boundary = x->map ? boundaries_get(x->map, stage_pc(&x->stage, &write->at)) : NULL;
	if (boundary)
		boundary->masked = true;
}
