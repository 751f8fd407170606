/* SPDX-License-Identifier: MIT */
/*
 * no-nest - every writer publishes head by itself: what commit ef60777c9abd (2009) guards against
 *
 * Lost: only the outermost writer publishes. A writer that strikes between the reservation and the end of the copy
 * publishes past the interrupted record, which is not written yet: readers find there whatever stood in its place. One
 * that strikes between the load of head and the store of data_head is covered by an older head: data_head goes
 * backwards, and stays there until the next write.
 */
#define NRB_STEPS_SECTION nrb_path_no_nest
#include "steps.h"

#include "ring_target.h"

NRB_STEP void publish_no_nest(struct nrb_ring *ring)
{
	struct nrb_writer *w = ring->writer;

	nrb_local_store(&w->nest, nrb_local_load(&w->nest) - 1);
	nrb_local_fence();
	nrb_store_release(&ring->control->data_head, nrb_local_load(&w->head));
}

static const struct nrb_steps no_nest = {
	.begin = nrb_begin,
	.reserve = nrb_reserve_space,
	.copy = nrb_copy,
	.publish = publish_no_nest,
	.end = nrb_end,
};

RING_TARGET_WRITE_PATH(no_nest, no_nest)

const struct target target_no_nest = {
	.name = "no-nest",
	.summary = "every writer publishes (before ef60777c9abd): data_head covers a record still being written",
	.claim = CLAIM_CONTROL,
	.expected = EXPECTED_IN_EVERY_TIER(VIOLATIONS_UNFINISHED),
	.allowed = VIOLATIONS_STALE | VIOLATION_BIT(HEAD_BACKWARD) | VIOLATION_BIT(HEAD_BELOW_TAIL) |
		   VIOLATION_BIT(STUCK_HEAD),
	RING_TARGET_COMMON,
	.text = no_nest_text,
	.write = no_nest_write,
	.reserve = no_nest_reserve,
	.commit = no_nest_commit,
};
