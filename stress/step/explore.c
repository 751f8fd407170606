/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "step/explorer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "order.h"

/* Instructions between two looks at the clock. */
#define STEPS_PER_LOOK 256u

/* ---- following a write ---- */

static bool is_stopped(const struct explorer *x)
{
	return x->stopped || x->stage.error;
}

static void look_at_clock(struct explorer *x)
{
	if (x->result->counts.steps % STEPS_PER_LOOK == 0)
		x->stopped |= clock_ns() > x->plan->deadline_ns || (x->plan->stop && nrb_load_relaxed(x->plan->stop));
}

/* The write has returned. Return: violations, a bit each. */
static uint32_t finish(struct explorer *x, struct write *write, unsigned path_before)
{
	bool taken;
	uint32_t kinds = stage_finish(&x->stage, &write->at, &taken);

	x->result->counts.taken += taken;
	write->kinds |= kinds;
	if (write->at.level)
		found_outcome(x, write, path_before, taken);
	else
		found_way(x);
	return kinds;
}

static struct summary *explore_write(struct explorer *x, unsigned level, uint64_t blocked);

/* Whether a strike of the next level is to come before the next instruction. */
static bool is_open(const struct explorer *x, const struct write *write)
{
	if (write->at.level >= x->plan->depth || (!write->at.level && write->at.boundary < x->plan->from))
		return false;
	return stage_open_here(&x->stage, &write->at);
}

static void follow(struct explorer *x, struct write *write, unsigned strikes, unsigned path_before);

static struct hash state_hash(struct hash machine, struct hash world, unsigned strikes)
{
	struct hash hash = machine;

	hash_words(&hash, world.a, world.b);
	hash_words(&hash, strikes, 0);
	return hash;
}

/*
 * Put @image in the world's place, with the strikes of @path, if any, made; and follow the write to its end, with so
 * many strikes to come at most. Return: the state that it goes on from; 0 without memory.
 */
static uint32_t branch(struct explorer *x, struct write *write, const struct world_image *image,
		       const struct path *path, struct hash machine, unsigned strikes, unsigned path_before)
{
	struct hash hash = state_hash(machine, image->hash, strikes);
	uint32_t known = x->plan->accelerations & EXPLORE_STATES ? states_find(write->states, hash) : 0;
	struct checkpoint *checkpoint;

	if (known)
		return known;
	checkpoint = aligned_alloc(_Alignof(struct checkpoint), sizeof(*checkpoint));
	if (!checkpoint || !checkpoint_keep(x, checkpoint, write)) {
		free(checkpoint);
		explorer_out_of_memory(x);
		return 0;
	}
	world_put_back(&x->world, image);
	if (path) {
		memcpy(x->path.strike + x->path.count, path->strike, path->count * sizeof(path->strike[0]));
		x->path.count += path->count;
	}
	known = states_add(write->states, hash, x->stage.scene.target->head(x->stage.scene.reader));
	write->state = known;
	write->first = known;
	write->branched = true;
	if (known)
		follow(x, write, strikes, path_before);
	else
		explorer_out_of_memory(x);
	checkpoint_go_back(x, checkpoint, write);
	free(checkpoint->image);
	free(checkpoint);
	return known;
}

/* Strike once, so that the nested write leaves @outcome. */
static void strike(struct explorer *x, struct write *write, const struct outcome *outcome, struct hash machine,
		   unsigned strikes, unsigned path_before)
{
	uint32_t kinds = write->kinds, state;

	write->kinds |= outcome->kinds;
	state = branch(x, write, outcome->image, &outcome->path, machine, strikes - 1, path_before);
	write->kinds = kinds;
	if (!write->at.level && !outcome->path.count && state) {
		uint32_t before = write->state;

		write->state = state;
		found_boundary(x, write, outcome, !write->branched);
		x->result->counts.twice += strikes > 1 ? states_left(write->states, state) : 0;
		write->state = before;
	}
}

static bool add_strike(struct explorer *x, const struct write *write, bool release)
{
	if (x->path.count == WITNESS_STRIKES)
		return false;
	x->path.strike[x->path.count++] = (struct witness_strike) { .level = write->at.level,
								    .boundary = write->at.boundary,
								    .pc = stage_pc(&x->stage, &write->at),
								    .release = release };
	return true;
}

/* On another CPU the consumer may release what it has read before any instruction, of any level. */
static void release_here(struct explorer *x, struct write *write, unsigned strikes, unsigned path_before)
{
	struct scene *scene = &x->stage.scene;
	struct world_image *before, *after;
	struct path path = x->path;

	if (!scene->scenario->releases || scene->observer.released || !add_strike(x, write, true))
		return;
	before = world_keep(&x->world);
	scene_release(scene);
	after = world_keep(&x->world);
	if (before && after) {
		world_put_back(&x->world, before);
		branch(x, write, after, NULL, checkpoint_hash(x, write), strikes, path_before);
	} else {
		explorer_out_of_memory(x);
	}
	free(before);
	free(after);
	x->path = path;
}

static void free_summary(struct summary *summary)
{
	while (summary->outcomes) {
		struct outcome *outcome = summary->outcomes;

		summary->outcomes = outcome->next;
		free(outcome->image);
		free(outcome);
	}
	free(summary);
}

/* All that a write depends on. */
static struct hash summary_key(struct explorer *x, unsigned level, uint64_t blocked)
{
	struct hash key = world_hash(&x->world);

	hash_words(&key, level, blocked);
	return key;
}

/* Let the next level strike before the next instruction. */
static void strike_here(struct explorer *x, struct write *write, unsigned strikes, unsigned path_before)
{
	struct hash key = summary_key(x, stage_next_level(&x->stage, &write->at), write->at.machine.blocked);
	bool keeps = x->plan->accelerations & EXPLORE_SUMMARIES;
	struct summary *nested = write->nested;
	struct path path = x->path;
	struct hash machine;

	if (!add_strike(x, write, false))
		return;
	if (!nested || !hash_same(nested->key, key)) {
		nested = explore_write(x, stage_next_level(&x->stage, &write->at), write->at.machine.blocked);
		if (!nested || is_stopped(x))
			goto out;
	}
	/* Kept, they are all freed in the end; else it is this call's, since a second strike has one of its own. */
	write->nested = keeps ? nested : NULL;
	if (x->map && boundaries_get(x->map, stage_pc(&x->stage, &write->at)))
		boundaries_get(x->map, stage_pc(&x->stage, &write->at))->strikes[TIER_STEP]++;
	if (!write->branched) {
		write->summary->tuples[1]++;
		for (unsigned k = 1; k + 1 < LEVELS; k++)
			write->summary->tuples[k + 1] += nested->tuples[k];
	}
	machine = checkpoint_hash(x, write);
	for (const struct outcome *o = nested->outcomes; o && !is_stopped(x); o = o->next)
		strike(x, write, o, machine, strikes, path_before);
out:
	if (nested && !keeps)
		free_summary(nested);
	x->path = path;
}

/* The write goes on after a strike: add where it is now. Return: whether it was there before. */
static bool arrive(struct explorer *x, struct write *write, unsigned strikes, uint32_t kinds)
{
	struct hash hash = state_hash(checkpoint_hash(x, write), world_hash(&x->world), strikes);
	bool fast = x->plan->accelerations & EXPLORE_STATES;
	uint32_t known = fast ? states_find(write->states, hash) : 0;
	uint32_t now =
		known ? known : states_add(write->states, hash, x->stage.scene.target->head(x->stage.scene.reader));

	if (!now) {
		explorer_out_of_memory(x);
		return true;
	}
	/* All that were followed before have come to their end: this one is still on its way, and comes by again. */
	if (known && known >= write->first && x->stage.scene.target->file) {
		found_violations(x, write, stage_end(&x->stage, &write->at, HANG, 0, stage_pc(&x->stage, &write->at)));
		return true;
	}
	if (known && known >= write->first) {
		stage_fail(&x->stage, -ETIME, "%s, %s: a write of level %u, once struck, does not come to an end",
			   x->stage.scene.target->name, x->stage.scene.scenario->name, write->at.level);
		return true;
	}
	write->states->at[write->state].kinds |= kinds;
	write->states->at[write->state].next = now;
	write->state = now;
	return known;
}

/* Go on to the end, with so many strikes still to come at most, or to a state that is known. */
static void follow(struct explorer *x, struct write *write, unsigned strikes, unsigned path_before)
{
	bool struck = write->branched;
	uint32_t kinds;

	while (!is_stopped(x)) {
		release_here(x, write, strikes, path_before);
		if (strikes && is_open(x, write))
			strike_here(x, write, strikes, path_before);
		else if (strikes && !write->at.level)
			found_masked(x, write, struck);
		if (!write->at.level && !struck)
			x->result->done++;
		look_at_clock(x);
		kinds = stage_step(&x->stage, &write->at);
		x->result->counts.steps++;
		if (x->stage.ended)
			found_violations(x, write, kinds);
		if (is_stopped(x))
			return;
		if (stage_returned(&x->stage, &write->at)) {
			kinds |= finish(x, write, path_before);
			if (struck)
				write->states->at[write->state].kinds |= kinds;
			else
				write->summary->boundaries = write->at.boundary;
			found_violations(x, write, kinds);
			return;
		}
		write->kinds |= kinds;
		if (kinds)
			found_violations(x, write, kinds);
		if (struck && arrive(x, write, strikes, kinds))
			return;
	}
}

static struct summary *find_summary(const struct explorer *x, struct hash key)
{
	struct summary *summary = x->bucket[key.a % SUMMARY_BUCKETS];

	while (summary && !hash_same(summary->key, key))
		summary = summary->next;
	return summary;
}

/* A write of @level from here, with all strikes into it; the world is then as it was. Return: NULL without memory. */
static struct summary *explore_write(struct explorer *x, unsigned level, uint64_t blocked)
{
	struct hash key = summary_key(x, level, blocked);
	struct summary *summary = x->plan->accelerations & EXPLORE_SUMMARIES ? find_summary(x, key) : NULL;
	struct summary **bucket = &x->bucket[key.a % SUMMARY_BUCKETS];
	struct world_image *image;
	struct states states;
	struct path path = x->path;
	struct write *write;

	if (summary)
		return summary;
	summary = calloc(1, sizeof(*summary));
	write = aligned_alloc(_Alignof(struct write), sizeof(*write));
	image = world_keep(&x->world);
	if (!summary || !write || !image || states_open(&states)) {
		explorer_out_of_memory(x);
		free(summary);
		free(write);
		free(image);
		return NULL;
	}
	summary->key = key;
	if (x->plan->accelerations & EXPLORE_SUMMARIES) {
		summary->next = *bucket;
		*bucket = summary;
	}
	x->result->counts.strikes += level != 0;
	memset(write, 0, sizeof(*write));
	stage_begin(&x->stage, &write->at, level, blocked);
	write->summary = summary;
	write->states = &states;
	follow(x, write, level < x->plan->depth ? x->plan->strikes : 0, x->path.count);
	summary->complete = !is_stopped(x);
	x->result->counts.states += states.count;
	states_close(&states);
	world_put_back(&x->world, image);
	free(image);
	free(write);
	x->path = path;
	return summary;
}

/* ---- setting up ---- */

static void explore_scene(struct explorer *x)
{
	struct summary *summary = explore_write(x, 0, 0);

	if (!summary)
		return;
	x->result->counts.boundaries = summary->boundaries;
	memcpy(x->result->counts.tuples, summary->tuples, sizeof(summary->tuples));
	x->result->complete = summary->complete;
	if (!(x->plan->accelerations & EXPLORE_SUMMARIES))
		free_summary(summary);
}

static void free_summaries(struct explorer *x)
{
	for (unsigned i = 0; i < SUMMARY_BUCKETS; i++) {
		while (x->bucket[i]) {
			struct summary *summary = x->bucket[i];

			x->bucket[i] = summary->next;
			free_summary(summary);
		}
	}
}

void explore(const struct target *target, const struct scenario *scenario, const struct explore_plan *plan,
	     struct explore_result *result, struct boundaries *map)
{
	static const struct world_image unchanged;
	struct explorer *x = calloc(1, sizeof(*x));
	uint64_t start = clock_ns();

	if (!x) {
		result->error = -ENOMEM;
		return;
	}
	x->plan = plan;
	x->result = result;
	x->map = map;
	if (!stage_open(&x->stage, plan->stepper, target, scenario)) {
		if (stage_world(&x->stage, &x->world))
			explorer_out_of_memory(x);
		else
			explore_scene(x);
	}
	/* That it ended is a finding, and no error; what it left halfway is put back, so that it can be closed. */
	if (x->stage.ended)
		world_put_back(&x->world, &unchanged);
	result->error = x->stage.ended ? 0 : x->stage.error;
	snprintf(result->message, sizeof(result->message), "%s", x->stage.message);
	free_summaries(x);
	world_close(&x->world);
	stage_close(&x->stage);
	free(x);
	result->counts.ns = clock_ns() - start;
}
