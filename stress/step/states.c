/* SPDX-License-Identifier: MIT */
#include "step/states.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_ROOM 256u

int states_open(struct states *states)
{
	states->room = FIRST_ROOM;
	states->slots = 2 * FIRST_ROOM;
	/* Number 0 is taken, so that it can mean none. */
	states->count = 1;
	states->at = calloc(states->room, sizeof(states->at[0]));
	states->slot = calloc(states->slots, sizeof(states->slot[0]));
	if (states->at && states->slot)
		return 0;
	states_close(states);
	return -ENOMEM;
}

void states_close(struct states *states)
{
	free(states->at);
	free(states->slot);
	states->at = NULL;
	states->slot = NULL;
}

/* Where it is, or would be. */
static uint32_t *find_slot(const struct states *states, struct hash hash)
{
	uint32_t at = (uint32_t)hash.a & (states->slots - 1);

	while (states->slot[at] && !hash_same(states->at[states->slot[at]].hash, hash))
		at = (at + 1) & (states->slots - 1);
	return &states->slot[at];
}

uint32_t states_find(const struct states *states, struct hash hash)
{
	return *find_slot(states, hash);
}

static int grow(struct states *states)
{
	struct state *at = realloc(states->at, 2ul * states->room * sizeof(*at));
	uint32_t *slot;

	if (!at)
		return -ENOMEM;
	states->at = at;
	slot = calloc(2ul * states->slots, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(states->slot);
	states->slot = slot;
	states->room *= 2;
	states->slots *= 2;
	for (uint32_t i = 1; i < states->count; i++)
		*find_slot(states, states->at[i].hash) = i;
	return 0;
}

uint32_t states_add(struct states *states, struct hash hash, uint64_t head)
{
	struct state *state;

	if (states->count == states->room && grow(states))
		return 0;
	state = &states->at[states->count];
	*state = (struct state) { .hash = hash, .head = head };
	*find_slot(states, hash) = states->count;
	return states->count++;
}

uint64_t states_left(const struct states *states, uint32_t state)
{
	uint64_t left = 0;

	for (; state; state = states->at[state].next)
		left++;
	return left;
}
