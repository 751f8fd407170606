/* SPDX-License-Identifier: MIT */
#include "step/world.h"

#include <errno.h>
#include <stdlib.h>

int world_open(struct world *world, const struct target_region *region, unsigned regions)
{
	size_t at = 0;

	memset(world, 0, sizeof(*world));
	world->regions = regions;
	for (unsigned i = 0; i < regions; i++) {
		world->region[i] = region[i];
		world->size += region[i].size;
	}
	world->base = malloc(world->size);
	world->changed = calloc(world->size / WORLD_LINE + regions, sizeof(*world->changed));
	if (!world->base || !world->changed) {
		world_close(world);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < regions; i++) {
		memcpy(world->base + at, region[i].address, region[i].size);
		at += region[i].size;
	}
	return 0;
}

void world_close(struct world *world)
{
	free(world->base);
	free(world->changed);
	memset(world, 0, sizeof(*world));
}

static size_t line_size(const struct target_region *region, size_t at)
{
	return region->size - at < WORLD_LINE ? region->size - at : WORLD_LINE;
}

/* Gather what differs from the base in world->changed. Return: how many lines. */
static unsigned gather(struct world *world, struct hash *hash)
{
	unsigned number = 0, count = 0;
	const unsigned char *base = world->base;

	*hash = HASH_INIT;
	for (unsigned i = 0; i < world->regions; i++) {
		const struct target_region *region = &world->region[i];
		const unsigned char *now = region->address;

		for (size_t at = 0; at < region->size; at += WORLD_LINE, number++) {
			size_t size = line_size(region, at);

			if (memcmp(now + at, base + at, size) != 0) {
				world->changed[count].number = number;
				memcpy(world->changed[count++].bytes, now + at, size);
				if (region->derived)
					continue;
				hash_words(hash, number, size);
				hash_bytes(hash, now + at, size);
			}
		}
		base += region->size;
	}
	return count;
}

struct hash world_hash(struct world *world)
{
	struct hash hash;

	gather(world, &hash);
	return hash;
}

struct world_image *world_keep(struct world *world)
{
	struct hash hash;
	unsigned lines = gather(world, &hash);
	struct world_image *image = malloc(sizeof(*image) + lines * sizeof(image->line[0]));

	if (!image)
		return NULL;
	image->hash = hash;
	image->lines = lines;
	memcpy(image->line, world->changed, lines * sizeof(image->line[0]));
	return image;
}

void world_put_back(struct world *world, const struct world_image *image)
{
	const unsigned char *base = world->base;
	unsigned number = 0, next = 0;

	for (unsigned i = 0; i < world->regions; i++) {
		const struct target_region *region = &world->region[i];
		unsigned char *now = region->address;

		memcpy(now, base, region->size);
		for (size_t at = 0; at < region->size; at += WORLD_LINE, number++) {
			if (next == image->lines || image->line[next].number != number)
				continue;
			memcpy(now + at, image->line[next++].bytes, line_size(region, at));
		}
		base += region->size;
	}
}
