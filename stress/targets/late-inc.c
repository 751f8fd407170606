/* SPDX-License-Identifier: MIT */
/*
 * late-inc - head is loaded before nest is raised again: the 2019 series before commit 3f9fbe9bd86c
 *
 * Lost: whoever nests after the load of head leaves publishing to us. On the way back from P5 head is loaded first and
 * nest raised afterwards, so a writer that strikes in between publishes its own, newer head, and then the older one is
 * stored over it. It takes two strikes on one write: one between P2 and P4, which causes the second round, and one in
 * the new window. (Loading head early in begin does no harm: the swap in reserve fails.)
 */
#define NRB_STEPS_SECTION nrb_path_late_inc
#include "steps.h"

#include "ring_target.h"

NRB_STEP void publish_late_inc(struct nrb_ring *ring)
{
	struct nrb_writer *w = ring->writer;
	uint32_t nest = nrb_local_load(&w->nest);
	uint64_t head, again;

	nrb_local_fence();
	if (nest > 1) {
		nrb_local_store(&w->nest, nest - 1);
		return;
	}
	head = nrb_local_load(&w->head);
	for (;;) {
		nrb_store_release(&ring->control->data_head, head);
		nrb_local_fence();
		nrb_local_store(&w->nest, 0);
		nrb_local_fence();
		again = nrb_local_load(&w->head);
		if (again == head)
			return;
		/* The window: nest is 0, so who strikes here publishes, and we go on with the older head. */
		nrb_local_fence();
		nrb_local_store(&w->nest, 1);
		nrb_local_fence();
		head = again;
	}
}

static const struct nrb_steps late_inc = {
	.begin = nrb_begin,
	.reserve = nrb_reserve_space,
	.copy = nrb_copy,
	.publish = publish_late_inc,
	.end = nrb_end,
};

RING_TARGET_WRITE_PATH(late_inc, late_inc)

const struct target target_late_inc = {
	.name = "late-inc",
	.summary = "head is loaded before nest is raised again (before 3f9fbe9bd86c): data_head goes backwards",
	.claim = CLAIM_CONTROL,
	/* Two interrupts on one publish, each within a few instructions: not to be expected in a sampled run. */
	.expected = { [TIER_STEP] = VIOLATION_BIT(HEAD_BACKWARD) },
	.allowed = VIOLATION_BIT(HEAD_BACKWARD) | VIOLATION_BIT(HEAD_BELOW_TAIL),
	RING_TARGET_COMMON,
	.text = late_inc_text,
	.write = late_inc_write,
	.reserve = late_inc_reserve,
	.commit = late_inc_commit,
};
