/* SPDX-License-Identifier: MIT */
/*
 * lost-race - the count of lost writes is read and cleared in two steps, where the kernel has local_xchg
 *
 * Lost: every failed write is told exactly once. A writer that strikes between the two steps and fails is forgotten;
 * one that strikes there and succeeds tells the same loss a second time. Either way the accounts do not add up. It
 * needs a loss still to be told, and room for the interrupted writer only.
 */
#define NRB_STEPS_SECTION nrb_path_lost_race
#include "steps.h"

#include "ring_target.h"

NRB_STEP int reserve_lost_race(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;
	int rc = nrb_reserve_space(ring, r);
	uint64_t lost;

	if (rc || !r->lost_pending)
		return rc;
	/* The LOST record's header takes what w->lost holds, in one step; here that is made to be what was read. */
	lost = nrb_local_load(&w->lost);
	/* The window. */
	nrb_local_fence();
	nrb_local_store(&w->lost, lost);
	return 0;
}

static const struct nrb_steps lost_race = {
	.begin = nrb_begin,
	.reserve = reserve_lost_race,
	.copy = nrb_copy,
	.publish = nrb_publish,
	.end = nrb_end,
};

RING_TARGET_WRITE_PATH(lost_race, lost_race)

const struct target target_lost_race = {
	.name = "lost-race",
	.summary = "the lost count is read and cleared in two steps (no local_xchg): losses do not add up",
	.claim = CLAIM_CONTROL,
	/* It takes a loss at one of a few instructions: it cannot be expected to show in a sampled run. */
	.expected = { [TIER_STEP] = VIOLATION_BIT(LOST_MISMATCH) },
	.allowed = VIOLATION_BIT(LOST_MISMATCH) | VIOLATION_BIT(SEQUENCE_GAP),
	RING_TARGET_COMMON,
	.text = lost_race_text,
	.write = lost_race_write,
	.reserve = lost_race_reserve,
	.commit = lost_race_commit,
};
