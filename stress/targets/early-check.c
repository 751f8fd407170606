/* SPDX-License-Identifier: MIT */
/*
 * early-check - head is checked again before nest drops: what the comment that 1b038c6e05ff added warns of
 *
 * Lost: whoever found nest raised gets published. A writer that strikes between the check and the drop leaves
 * publishing to us, and nobody looks any more: its record stays invisible until the next write, so with all writers at
 * rest data_head is not the reserved head.
 */
#define NRB_STEPS_SECTION nrb_path_early_check
#include "steps.h"

#include "ring_target.h"

NRB_STEP void publish_early_check(struct nrb_ring *ring)
{
	struct nrb_writer *w = ring->writer;
	uint32_t nest = nrb_local_load(&w->nest);
	uint64_t head;

	nrb_local_fence();
	if (nest > 1) {
		nrb_local_store(&w->nest, nest - 1);
		return;
	}
	do {
		head = nrb_local_load(&w->head);
		nrb_store_release(&ring->control->data_head, head);
		nrb_local_fence();
	} while (nrb_local_load(&w->head) != head);
	/* The window: nest is still 1, and the check is over. */
	nrb_local_fence();
	nrb_local_store(&w->nest, 0);
}

static const struct nrb_steps early_check = {
	.begin = nrb_begin,
	.reserve = nrb_reserve_space,
	.copy = nrb_copy,
	.publish = publish_early_check,
	.end = nrb_end,
};

RING_TARGET_WRITE_PATH(early_check, early_check)

const struct target target_early_check = {
	.name = "early-check",
	.summary = "head is checked again before nest drops (a comment in 1b038c6e05ff): a record stays invisible",
	.claim = CLAIM_CONTROL,
	.expected = EXPECTED_IN_EVERY_TIER(VIOLATION_BIT(STUCK_HEAD)),
	.allowed = VIOLATION_BIT(STUCK_HEAD),
	RING_TARGET_COMMON,
	.text = early_check_text,
	.write = early_check_write,
	.reserve = early_check_reserve,
	.commit = early_check_commit,
};
