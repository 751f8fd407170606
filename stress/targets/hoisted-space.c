/* SPDX-License-Identifier: MIT */
/*
 * hoisted-space - space is tested once, outside the loop that moves head: reasoning on commit 1af61adb3a23
 *
 * Lost: the space tested is the space taken. A writer that strikes between the test and the swap takes it, and then the
 * interrupted one reserves beyond what the reader has released: data_head runs more than the ring ahead of data_tail.
 * It needs a ring with room for one of the two, but not for both.
 */
#define NRB_STEPS_SECTION nrb_path_hoisted_space
#include "steps.h"

#include "ring_target.h"

NRB_STEP int reserve_hoisted_space(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;
	uint64_t head = nrb_local_load(&w->head);

	if (!nrb_has_space(ring, head, r->size)) {
		nrb_local_add(&w->lost, 1);
		return -ENOSPC;
	}
	/* The window: a failed swap does not test again. */
	while (!nrb_local_cas(&w->head, &head, head + r->size))
		;
	r->position = head;
	return 0;
}

static const struct nrb_steps hoisted_space = {
	.begin = nrb_begin,
	.reserve = reserve_hoisted_space,
	.copy = nrb_copy,
	.publish = nrb_publish,
	.end = nrb_end,
};

RING_TARGET_WRITE_PATH(hoisted_space, hoisted_space)

const struct target target_hoisted_space = {
	.name = "hoisted-space",
	.summary =
		"space is tested once, outside the reserve loop (cf. 1af61adb3a23): a nested writer takes it: overrun",
	.claim = CLAIM_CONTROL,
	/* In a sampled run only a round in which the ring is kept almost full can show it: nothing to rely on. */
	.expected = { [TIER_STEP] = VIOLATION_BIT(OVERRUN) },
	.allowed = VIOLATION_BIT(OVERRUN) | VIOLATIONS_UNFINISHED | VIOLATIONS_STALE,
	RING_TARGET_COMMON,
	.text = hoisted_space_text,
	.write = hoisted_space_write,
	.reserve = hoisted_space_reserve,
	.commit = hoisted_space_commit,
};
