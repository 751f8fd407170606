/* SPDX-License-Identifier: MIT */
#include "exposure.h"

#include <string.h>

static bool is_known(const struct exposure *exposure, unsigned count, uint64_t pc)
{
	for (unsigned i = 0; i < count; i++)
		if (exposure->boundary[i].pc == pc)
			return true;
	return false;
}

static void add_exposed(struct exposure *exposure, const struct boundary *boundary)
{
	struct exposure_boundary *known = (struct exposure_boundary *)exposure_find(exposure, boundary->pc);

	if (known) {
		known->decreasing |= boundary->decreasing;
		return;
	}
	if (exposure->count == EXPOSURE_MAX)
		return;
	/* What is only aimed at comes behind, and is gathered anew. */
	exposure->boundary[exposure->count++] =
		(struct exposure_boundary) { .pc = boundary->pc, .decreasing = boundary->decreasing };
}

static void add_aim(struct exposure *exposure, uint64_t pc)
{
	if (exposure->aims < EXPOSURE_MAX && !is_known(exposure, exposure->aims, pc))
		exposure->boundary[exposure->aims++] = (struct exposure_boundary) { .pc = pc };
}

void exposure_take(struct exposure *exposure, const struct boundaries *map)
{
	struct exposure_boundary aim[EXPOSURE_MAX];
	unsigned aims = exposure->aims > exposure->count ? exposure->aims - exposure->count : 0;

	memcpy(aim, exposure->boundary + exposure->count, aims * sizeof(aim[0]));
	for (unsigned i = 0; i < BOUNDARIES_MAX; i++)
		if (map->at[i].pc && map->at[i].exposed)
			add_exposed(exposure, &map->at[i]);
	exposure->aims = exposure->count;
	for (unsigned i = 0; i < aims; i++)
		add_aim(exposure, aim[i].pc);
	for (unsigned i = 0; i < BOUNDARIES_MAX; i++)
		if (map->at[i].pc && map->at[i].violations)
			add_aim(exposure, map->at[i].pc);
}

void exposure_aim_anywhere(struct exposure *exposure, const struct boundaries *map)
{
	if (exposure_aims(exposure).count)
		return;
	for (unsigned i = 0; i < BOUNDARIES_MAX; i++)
		if (map->at[i].pc && !map->at[i].masked)
			add_aim(exposure, map->at[i].pc);
}

void exposure_add(struct exposure *exposure, uint64_t pc)
{
	unsigned aims = exposure->aims > exposure->count ? exposure->aims : exposure->count;

	if (aims == EXPOSURE_MAX || is_known(exposure, exposure->count, pc))
		return;
	/* What is only aimed at comes behind. */
	exposure->boundary[aims] = exposure->boundary[exposure->count];
	exposure->boundary[exposure->count++] = (struct exposure_boundary) { .pc = pc, .landing = true };
	exposure->aims = aims + 1;
}

void exposure_aim_at(struct exposure *exposure, const struct exposure *bare)
{
	struct exposure_list list = exposure_aims(bare);

	exposure->aims = exposure_aims(exposure).count;
	for (unsigned i = 0; i < list.count; i++)
		add_aim(exposure, list.boundary[i].pc);
}

static void give(const struct exposure_boundary *known, bool exposed, struct boundaries *map)
{
	struct boundary *boundary = boundaries_get(map, known->pc);

	if (!boundary)
		return;
	boundary->exposed |= exposed;
	boundary->decreasing |= known->decreasing;
}

void exposure_give(const struct exposure *exposure, struct boundaries *map)
{
	for (unsigned i = 0; i < exposure->aims; i++)
		give(&exposure->boundary[i], i < exposure->count, map);
}
