/* SPDX-License-Identifier: MIT */
#include "step/play.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct player {
	struct stage stage;
	struct world world;
	const struct witness *witness;
	unsigned next; /* strike of it */
	void (*tell)(const struct play_event *event, void *context);
	void *context;
	struct play_result *result;
};

static void tell(struct player *player, struct play_event event)
{
	const struct scene *scene = &player->stage.scene;

	for (unsigned i = 0; i < scene->last.count; i++) {
		unsigned kind = scene->last.at[i].kind;

		if (event.kinds & VIOLATION_BIT(kind) && !(player->result->kinds & VIOLATION_BIT(kind)))
			player->result->seen[kind] = scene->last.at[i];
	}
	player->result->kinds |= event.kinds;
	if (!player->tell)
		return;
	event.head = scene->target->head(scene->reader);
	event.tail = scene->target->tail(scene->reader);
	event.reserved = scene->target->reserved_head(scene->ring);
	event.records = scene->observer.stream.records + scene->observer.stream.lost_records;
	player->tell(&event, player->context);
}

static void play_write(struct player *player, unsigned level, uint64_t blocked);

/* All strikes of the list that come before the next instruction. */
static void strike(struct player *player, struct stage_write *write)
{
	const struct witness *witness = player->witness;

	while (player->next < witness->count && witness->strike[player->next].level == write->level &&
	       witness->strike[player->next].boundary == write->boundary) {
		player->result->strayed |= witness->strike[player->next].pc &&
					   witness->strike[player->next].pc != stage_pc(&player->stage, write);
		if (witness->strike[player->next++].release) {
			player->result->struck += scene_release(&player->stage.scene);
			tell(player, (struct play_event) { .what = PLAY_RELEASE,
							   .level = write->level,
							   .boundary = write->boundary,
							   .pc = stage_pc(&player->stage, write) });
			continue;
		}
		if (stage_masked(&player->stage, write))
			continue;
		player->result->struck++;
		tell(player, (struct play_event) { .what = PLAY_STRIKE,
						   .level = stage_next_level(&player->stage, write),
						   .boundary = write->boundary,
						   .pc = stage_pc(&player->stage, write) });
		play_write(player, stage_next_level(&player->stage, write), write->machine.blocked);
	}
}

static void play_write(struct player *player, unsigned level, uint64_t blocked)
{
	struct stage_write *write = aligned_alloc(_Alignof(struct stage_write), sizeof(*write));
	struct stage *stage = &player->stage;
	bool taken = false;

	if (!write) {
		stage_fail(stage, -ENOMEM, "no memory");
		return;
	}
	stage_begin(stage, write, level, blocked);
	while (!stage->error && !stage_returned(stage, write)) {
		struct play_event event = { .what = PLAY_STEP, .level = level };

		strike(player, write);
		if (stage->error)
			break;
		event.boundary = write->boundary;
		event.pc = stage_pc(stage, write);
		event.open = stage_open_here(stage, write);
		event.kinds = stage_step(stage, write);
		player->result->steps++;
		tell(player, event);
	}
	if (!stage->error) {
		uint32_t kinds = stage_finish(stage, write, &taken);

		player->result->taken += taken;
		tell(player, (struct play_event) { .what = PLAY_RETURN,
						   .level = level,
						   .boundary = write->boundary,
						   .pc = stage_pc(stage, write),
						   .taken = taken,
						   .kinds = kinds });
	}
	if (level)
		player->result->inner = write->boundary;
	else
		player->result->boundaries = write->boundary;
	free(write);
}

void play(const struct target *target, const struct scenario *scenario, const struct stepper *stepper,
	  const struct witness *witness, void (*tell_event)(const struct play_event *event, void *context),
	  void *context, struct play_result *result)
{
	static const struct world_image unchanged;
	struct player player = { .witness = witness, .tell = tell_event, .context = context, .result = result };

	memset(result, 0, sizeof(*result));
	if (!stage_open(&player.stage, stepper, target, scenario)) {
		if (stage_world(&player.stage, &player.world))
			stage_fail(&player.stage, -ENOMEM, "no memory");
		play_write(&player, 0, 0);
		result->world = world_hash(&player.world);
		if (player.stage.ended)
			world_put_back(&player.world, &unchanged);
		world_close(&player.world);
	}
	result->error = player.stage.ended ? 0 : player.stage.error;
	snprintf(result->message, sizeof(result->message), "%s", player.stage.message);
	stage_close(&player.stage);
}
