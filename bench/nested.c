/* SPDX-License-Identifier: MIT */
/*
 * nested.c - a write that is interrupted by a write, and so on
 *
 * Called, where a signal handler would be: a signal costs a thousand times what the write in it does, and nothing of
 * that is the ring's.
 */
#include "repetition.h"

struct level {
	const struct writing *writing;
	uint32_t below; /* levels that are still to be written within */
	int rc;
};

static int write_level(struct level *level);

static void within(void *argument)
{
	struct level *outer = argument;
	struct level level = { .writing = outer->writing, .below = outer->below - 1 };

	outer->rc = write_level(&level);
}

static int write_level(struct level *level)
{
	const struct writing *writing = level->writing;
	int rc;

	if (!level->below)
		return writing->contestant->write(writing->ring, writing->payload, writing->size);
	rc = writing->contestant->write_around(writing->ring, writing->payload, writing->size, within, level);
	return rc ? rc : level->rc;
}

int write_nested(const struct writing *writing)
{
	struct level level = { .writing = writing, .below = writing->depth };

	return write_level(&level);
}
