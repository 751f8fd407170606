/* SPDX-License-Identifier: MIT */
/*
 * legacy - nest drops before the publish: Linux from 2010 until commit 1b038c6e05ff (2019)
 *
 * A writer that nests in between L2 and L3 finds nest 0, so it publishes its own, newer head; then L3 stores the older
 * one over it, and a reader sees data_head go backwards. L4 notices and publishes again: the end state is right.
 */
#define NRB_STEPS_SECTION nrb_path_legacy
#include "steps.h"

#include "ring_target.h"

NRB_STEP void publish_legacy(struct nrb_ring *ring)
{
	struct nrb_writer *w = ring->writer;
	uint64_t head;
	uint32_t nest;

	for (;;) {
		/* L1, load head. */
		head = nrb_local_load(&w->head);
		nrb_local_fence();
		/* L2, nest down. */
		nest = nrb_local_load(&w->nest) - 1;
		nrb_local_store(&w->nest, nest);
		nrb_local_fence();
		if (nest)
			return;
		/* L3, publish:B  pairs with poll:C. The window: who strikes since L2 publishes for itself. */
		nrb_store_release(&ring->control->data_head, head);
		nrb_local_fence();
		/* L4, check again: who struck since L1 may have been left unpublished. */
		if (nrb_local_load(&w->head) == head)
			return;
		nrb_local_store(&w->nest, nrb_local_load(&w->nest) + 1);
		nrb_local_fence();
	}
}

static const struct nrb_steps legacy = {
	.begin = nrb_begin,
	.reserve = nrb_reserve_space,
	.copy = nrb_copy,
	.publish = publish_legacy,
	.end = nrb_end,
};

RING_TARGET_WRITE_PATH(legacy, legacy)

const struct target target_legacy = {
	.name = "legacy",
	.summary = "nest drops before the publish (Linux 2010 to 2019): data_head goes backwards",
	.claim = CLAIM_CONTROL,
	.expected = { [TIER_STEP] = VIOLATION_BIT(HEAD_BACKWARD),
		      [TIER_AIM] = VIOLATION_BIT(HEAD_BACKWARD),
		      [TIER_TIMER] = VIOLATION_BIT(HEAD_BACKWARD),
		      [TIER_KICK] = VIOLATION_BIT(HEAD_BACKWARD) },
	.allowed = VIOLATION_BIT(HEAD_BELOW_TAIL),
	RING_TARGET_COMMON,
	.text = legacy_text,
	.write = legacy_write,
	.reserve = legacy_reserve,
	.commit = legacy_commit,
};
