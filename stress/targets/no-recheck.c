/* SPDX-License-Identifier: MIT */
/*
 * no-recheck - P5 is missing: head is not checked again; of the same family as early-check
 *
 * Lost: whoever found nest raised gets published. A writer that strikes anywhere between the load of head and the drop
 * of nest leaves publishing to us: its record stays invisible until the next write.
 */
#define NRB_STEPS_SECTION nrb_path_no_recheck
#include "steps.h"

#include "ring_target.h"

NRB_STEP void publish_no_recheck(struct nrb_ring *ring)
{
	struct nrb_writer *w = ring->writer;
	uint32_t nest = nrb_local_load(&w->nest);

	nrb_local_fence();
	/* The window: from the load of head to the store of nest. */
	if (nest == 1)
		nrb_store_release(&ring->control->data_head, nrb_local_load(&w->head));
	nrb_local_fence();
	nrb_local_store(&w->nest, nest - 1);
}

static const struct nrb_steps no_recheck = {
	.begin = nrb_begin,
	.reserve = nrb_reserve_space,
	.copy = nrb_copy,
	.publish = publish_no_recheck,
	.end = nrb_end,
};

RING_TARGET_WRITE_PATH(no_recheck, no_recheck)

const struct target target_no_recheck = {
	.name = "no-recheck",
	.summary = "head is not checked again once nest is down: a record stays invisible until the next write",
	.claim = CLAIM_CONTROL,
	.expected = EXPECTED_IN_EVERY_TIER(VIOLATION_BIT(STUCK_HEAD)),
	.allowed = VIOLATION_BIT(STUCK_HEAD),
	RING_TARGET_COMMON,
	.text = no_recheck_text,
	.write = no_recheck_write,
	.reserve = no_recheck_reserve,
	.commit = no_recheck_commit,
};
