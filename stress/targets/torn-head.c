/* SPDX-License-Identifier: MIT */
/*
 * torn-head - data_head is stored as two halves: what a compiler may do before commit 4d839dd9e435 (no WRITE_ONCE)
 *
 * Lost: data_head is one indivisible value. When a publish carries it over a multiple of 2^32, a reader that looks
 * between the two stores finds a head that never was, 4 GiB too small. No strike is needed; one between the two halves
 * makes it last. It needs a start position just below such a multiple.
 */
#define NRB_STEPS_SECTION nrb_path_torn_head
#include "steps.h"

#include "ring_target.h"

NRB_STEP void store_halves(uint64_t *p, uint64_t value)
{
	uint32_t *half = (uint32_t *)(void *)p;
	const unsigned low = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 1;

	nrb_store_release(&half[low], (uint32_t)value);
	/* The window. */
	nrb_store_release(&half[!low], (uint32_t)(value >> 32));
}

NRB_STEP void publish_torn_head(struct nrb_ring *ring)
{
	struct nrb_writer *w = ring->writer;
	uint32_t nest = nrb_local_load(&w->nest);
	uint64_t head;

	nrb_local_fence();
	if (nest > 1) {
		nrb_local_store(&w->nest, nest - 1);
		return;
	}
	for (;;) {
		head = nrb_local_load(&w->head);
		store_halves(&ring->control->data_head, head);
		nrb_local_fence();
		nrb_local_store(&w->nest, 0);
		nrb_local_fence();
		if (nrb_local_load(&w->head) == head)
			return;
		nrb_local_store(&w->nest, 1);
		nrb_local_fence();
	}
}

static const struct nrb_steps torn_head = {
	.begin = nrb_begin,
	.reserve = nrb_reserve_space,
	.copy = nrb_copy,
	.publish = publish_torn_head,
	.end = nrb_end,
};

RING_TARGET_WRITE_PATH(torn_head, torn_head)

const struct target target_torn_head = {
	.name = "torn-head",
	.summary = "data_head is stored as two halves (before 4d839dd9e435): near 2^32 a head that was never valid",
	.claim = CLAIM_CONTROL,
	/* A moment every 4 GiB: it cannot be expected to show in a sampled run. */
	.expected = { [TIER_STEP] = VIOLATION_BIT(HEAD_BACKWARD) },
	.allowed = VIOLATION_BIT(HEAD_BACKWARD) | VIOLATION_BIT(HEAD_BELOW_TAIL) | VIOLATION_BIT(OVERRUN),
	RING_TARGET_COMMON,
	.text = torn_head_text,
	.write = torn_head_write,
	.reserve = torn_head_reserve,
	.commit = torn_head_commit,
};
