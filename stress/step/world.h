/* SPDX-License-Identifier: MIT */
/*
 * world.h - all memory that writes share, and what their observer remembers: kept, put back, and told apart
 *
 * An image is what differs from a base, line by line: a write changes a few of a ring's lines.
 */
#ifndef STRESS_STEP_WORLD_H
#define STRESS_STEP_WORLD_H

#include "step/hash.h"
#include "targets/target.h"

#define WORLD_REGIONS (TARGET_REGIONS + 1)
#define WORLD_LINE 64u

struct world_line {
	uint32_t number;
	unsigned char bytes[WORLD_LINE];
};

struct world_image {
	struct hash hash;
	unsigned lines;
	struct world_line line[];
};

struct world {
	struct target_region region[WORLD_REGIONS];
	unsigned regions;
	unsigned char *base; /* all regions as they were, one behind the other */
	size_t size;
	struct world_line *changed; /* room for all lines */
};

/* Take the regions as they are now for the base. Return: 0 or -ENOMEM. */
int world_open(struct world *world, const struct target_region *region, unsigned regions);
void world_close(struct world *world);

/* What the world is now; images of the same world have the same. */
struct hash world_hash(struct world *world);

/* Return: an image of the world, for the caller to free; NULL without memory. */
struct world_image *world_keep(struct world *world);
void world_put_back(struct world *world, const struct world_image *image);

#endif /* STRESS_STEP_WORLD_H */
