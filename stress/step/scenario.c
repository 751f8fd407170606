/* SPDX-License-Identifier: MIT */
/*
 * scenario.c - the states of a ring in which a write goes another way
 */
#include <string.h>

#include "step/scenario.h"

#define HEADER 8u
#define LOST (HEADER + 16u)
/* A ring is full with this many bytes in it: sizes are multiples of 8, and one byte stays free. */
#define FULL (SCENE_DATA_SIZE - 8)

/* What a ring takes that is laid out as nobody here knows, at most. */
#define FOREIGN_WRITES_MAX 1024u

static bool write_one(struct scene *scene, uint32_t size)
{
	unsigned char payload[SCENE_PAYLOAD_MAX];
	int rc;

	size = target_payload(scene->target, size);
	scene_fill(scene, 0, payload, size);
	rc = scene->target->write(scene->ring, payload, size);
	scene_written(scene, 0, rc);
	return !rc;
}

/* Records of @size bytes until one is refused; then there is room for so many of these. */
static void fill_but(struct scene *scene, uint32_t size, unsigned room)
{
	unsigned writes = 0;

	while (writes < FOREIGN_WRITES_MAX && write_one(scene, size))
		writes++;
	if (room)
		scene_take(scene, room);
}

/* Records of level 0 until there are @bytes in the ring; @used are already. */
static void fill_up_to(struct scene *scene, uint64_t used, uint64_t bytes)
{
	for (uint64_t left = bytes - used; left;) {
		uint64_t record = left > 1000 ? 408 : left > 408 ? left / 16 * 8 : left;

		write_one(scene, (uint32_t)(record - HEADER));
		left -= record;
	}
}

static void release_all(struct scene *scene)
{
	scene_look(scene);
	scene->target->release(scene->reader);
}

static void full(struct scene *scene)
{
	if (scene->target->foreign) {
		fill_but(scene, 16, 0);
		return;
	}
	fill_up_to(scene, 0, FULL);
}

/* For a write of 32 bytes and nothing else: whoever reserves first. */
static void room_for_one(struct scene *scene)
{
	if (scene->target->foreign) {
		fill_but(scene, 32, 1);
		return;
	}
	fill_up_to(scene, 0, FULL - (HEADER + 32));
}

/* For a nested write of 16 bytes that tells a loss, not for the one of 64 that it interrupts. */
static void room_for_nested(struct scene *scene)
{
	if (scene->target->foreign) {
		fill_but(scene, 16, 1);
		return;
	}
	fill_up_to(scene, 0, FULL - (HEADER + 16 + LOST));
}

static void lose(struct scene *scene)
{
	full(scene);
	for (unsigned i = 0; i < 3; i++)
		write_one(scene, 16);
	release_all(scene);
}

/* The first record tells the loss before; so another is lost. */
static void lose_and_room_for_one(struct scene *scene)
{
	lose(scene);
	if (scene->target->foreign) {
		fill_but(scene, 32, 1);
		return;
	}
	fill_up_to(scene, LOST, FULL - (LOST + HEADER + 32));
	write_one(scene, 200);
}

/* The next record wakes the reader; where there are no wakeups, half full, as with the usual watermark. */
static void at_watermark(struct scene *scene)
{
	if (scene->target->foreign) {
		for (unsigned i = 0; i < SCENE_DATA_SIZE / 64; i++)
			write_one(scene, 16);
		return;
	}
	fill_up_to(scene, 0, scene->target->wakeups ? scene->target->watermark : SCENE_DATA_SIZE / 2 - 8);
}

const struct scenario scenarios[] = {
	{ .name = "empty", .size = 16, .nested_size = 16 },
	{ .name = "reserve and commit", .size = 24, .nested_size = 16, .in_place = true },
	{ .name = "consumer keeps up", .size = 16, .nested_size = 24, .drains = true },
	{ .name = "ends at the last byte", .before_end = HEADER + 16, .size = 16, .nested_size = 16 },
	{ .name = "across the last byte", .before_end = 16, .size = 64, .nested_size = 40 },
	{ .name = "across 2^32", .start = (1ull << 32) - 16, .size = 16, .nested_size = 40 },
	{ .name = "across 2^64", .start = 0 - 16ull, .size = 40, .nested_size = 16 },
	{ .name = "full", .prepare = full, .size = 16, .nested_size = 16 },
	{ .name = "room for one", .prepare = room_for_one, .size = 32, .nested_size = 32 },
	{ .name = "room for nested", .prepare = room_for_nested, .size = 64, .nested_size = 16 },
	{ .name = "loss to be told", .prepare = lose, .size = 16, .nested_size = 16 },
	{ .name = "loss, room for one", .prepare = lose_and_room_for_one, .size = 32, .nested_size = 32 },
	{ .name = "full, then released", .prepare = full, .size = 32, .nested_size = 16, .releases = true },
	{ .name = "room for one, then released",
	  .prepare = room_for_one,
	  .size = 32,
	  .nested_size = 32,
	  .releases = true },
	{ .name = "loss, then released",
	  .prepare = lose_and_room_for_one,
	  .size = 64,
	  .nested_size = 32,
	  .releases = true },
	{ .name = "at the watermark", .prepare = at_watermark, .size = 16, .nested_size = 16 },
	{ .name = "long records", .size = 504, .nested_size = 256 },
};

const unsigned scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);

const struct scenario *scenario_find(const char *name)
{
	for (unsigned i = 0; i < scenario_count; i++)
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	return NULL;
}
