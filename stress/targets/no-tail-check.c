/* SPDX-License-Identifier: MIT */
/*
 * no-tail-check - data is stored before the test for space: A is missing (see commit c7f2e3cd6c1f)
 *
 * Lost: the order of the load of data_tail before the data. No CPU at hand does it, so stores of zeros ahead of the
 * test stand for the early stores of the data. When the ring is full they hit what the reader has not consumed yet: no
 * strike is needed, and undisturbed it fails as well. When it is not full, a writer that strikes between the load of
 * head and the stores gets that place first, and has its record wiped out: this is what sampled runs show.
 */
#define NRB_STEPS_SECTION nrb_path_no_tail_check
#include "steps.h"

#include "ring_target.h"

NRB_STEP int reserve_no_tail_check(struct nrb_ring *ring, struct nrb_reservation *r)
{
	uint64_t head = nrb_local_load(&ring->writer->head);

	memset(ring->data + (head & (ring->data_size - 1)), 0, r->size);
	return nrb_reserve_space(ring, r);
}

static const struct nrb_steps no_tail_check = {
	.begin = nrb_begin,
	.reserve = reserve_no_tail_check,
	.copy = nrb_copy,
	.publish = nrb_publish,
	.end = nrb_end,
};

RING_TARGET_WRITE_PATH(no_tail_check, no_tail_check)

const struct target target_no_tail_check = {
	.name = "no-tail-check",
	.summary = "data is stored before the test for space (missing A, c7f2e3cd6c1f): unread data is overwritten",
	.claim = CLAIM_CONTROL,
	.expected = EXPECTED_IN_EVERY_TIER(VIOLATIONS_UNFINISHED),
	.allowed = VIOLATIONS_STALE,
	RING_TARGET_COMMON,
	.text = no_tail_check_text,
	.write = no_tail_check_write,
	.reserve = no_tail_check_reserve,
	.commit = no_tail_check_commit,
};
