/* SPDX-License-Identifier: MIT */
/*
 * plain-reserve - head is moved by a load and a store: what local_t, an interrupt-atomic step, buys the kernel
 *
 * Lost: the reservation is one step. A writer that strikes between the load and the store gets the same place, and what
 * it wrote is written over when it has returned: its record is missing, and no loss accounts for it. When it also told
 * a loss, that is missing too.
 */
#define NRB_STEPS_SECTION nrb_path_plain_reserve
#include "steps.h"

#include "ring_target.h"

NRB_STEP int reserve_plain(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;
	uint64_t head = nrb_local_load(&w->head);

	if (!nrb_has_space(ring, head, r->size)) {
		nrb_local_add(&w->lost, 1);
		return -ENOSPC;
	}
	/* The window: since the load of head. */
	nrb_local_store(&w->head, head + r->size);
	r->position = head;
	return 0;
}

static const struct nrb_steps plain_reserve = {
	.begin = nrb_begin,
	.reserve = reserve_plain,
	.copy = nrb_copy,
	.publish = nrb_publish,
	.end = nrb_end,
};

RING_TARGET_WRITE_PATH(plain_reserve, plain_reserve)

const struct target target_plain_reserve = {
	.name = "plain-reserve",
	.summary = "head is moved by a load and a store (no local_t): two records share a place, one is gone",
	.claim = CLAIM_CONTROL,
	.expected = EXPECTED_IN_EVERY_TIER(VIOLATION_BIT(SEQUENCE_GAP)),
	.allowed = VIOLATION_BIT(SEQUENCE_GAP) | VIOLATION_BIT(LOST_MISMATCH),
	RING_TARGET_COMMON,
	.text = plain_reserve_text,
	.write = plain_reserve_write,
	.reserve = plain_reserve_reserve,
	.commit = plain_reserve_commit,
};
