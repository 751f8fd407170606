/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "step/explorer.h"

struct hash checkpoint_hash(struct explorer *x, const struct write *write)
{
	const struct machine *machine = &write->at.machine;
	unsigned char *bottom;
	size_t used = stage_stack_used(&x->stage, &write->at, &bottom);
	struct hash hash = HASH_INIT;

	hash_bytes(&hash, machine->registers, sizeof(machine->registers));
	hash_bytes(&hash, machine->vector, machine->vector_size & ~7u);
	hash_words(&hash, machine->blocked, used);
	hash_bytes(&hash, bottom, used);
	return hash;
}

bool checkpoint_keep(struct explorer *x, struct checkpoint *checkpoint, const struct write *write)
{
	unsigned char *bottom;

	checkpoint->write = *write;
	checkpoint->path = x->path;
	checkpoint->stack_used = stage_stack_used(&x->stage, &write->at, &bottom);
	memcpy(checkpoint->stack, bottom, checkpoint->stack_used);
	checkpoint->image = world_keep(&x->world);
	if (!checkpoint->image)
		explorer_out_of_memory(x);
	return checkpoint->image;
}

void checkpoint_go_back(struct explorer *x, const struct checkpoint *checkpoint, struct write *write)
{
	struct summary *nested = write->nested;

	*write = checkpoint->write;
	write->nested = nested;
	x->path = checkpoint->path;
	stage_put_stack(&x->stage, checkpoint->write.at.level, checkpoint->stack, checkpoint->stack_used);
	world_put_back(&x->world, checkpoint->image);
}
