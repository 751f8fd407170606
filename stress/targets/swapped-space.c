/* SPDX-License-Identifier: MIT */
/*
 * swapped-space - the space left in a backward ring is counted from the wrong side
 *
 * CIRC_SPACE(head, tail) where (tail, head) was meant: what is free is taken for used, so that an almost empty ring
 * refuses, and a full one takes what overruns the reader.
 */
#define NRB_STEPS_SECTION nrb_path_swapped_space
#include "modes.h"

#include "ring_target.h"

NRB_STEP int reserve_swapped(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;
	uint64_t head = nrb_local_load(&w->head), space;

	do {
		space = (nrb_load_acquire(&ring->control->data_tail) - head - 1) & (ring->data_size - 1);
		if (space < r->size) {
			nrb_local_add(&w->lost, 1);
			return -ENOSPC;
		}
	} while (!nrb_local_cas(&w->head, &head, head - r->size));
	r->position = head - r->size;
	return 0;
}

static const struct nrb_steps swapped_space = {
	.begin = nrb_begin_in_mode,
	.reserve = reserve_swapped,
	.copy = nrb_copy_in_mode,
	.publish = nrb_publish,
	.end = nrb_end_in_mode,
	.trailer = nrb_trailer_in_mode,
	.frame = nrb_frame_in_mode,
};

RING_TARGET_WRITE_PATH(swapped_space, swapped_space)
RING_TARGET_OPEN(swapped_space, .flags = NRB_BACKWARD)

const struct target target_swapped_space = {
	.name = "swapped-space",
	.summary = "a backward ring with the operands of its space check swapped: overrun",
	.claim = CLAIM_CONTROL,
	.expected = { [TIER_STEP] = VIOLATION_BIT(OVERRUN) },
	.allowed = VIOLATION_BIT(OVERRUN) | VIOLATIONS_UNFINISHED | VIOLATIONS_STALE,
	RING_TARGET_FUNCTIONS,
	.checks = VIOLATION_ALL & ~VIOLATION_BIT(MISSED_WAKEUP),
	.open = swapped_space_open,
	.text = swapped_space_text,
	.write = swapped_space_write,
	.reserve = swapped_space_reserve,
	.commit = swapped_space_commit,
};
