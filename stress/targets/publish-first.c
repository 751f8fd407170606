/* SPDX-License-Identifier: MIT */
/*
 * publish-first - data_head is stored before the data: B is missing, as before commit bf378d341e48
 *
 * Lost: the order of the data before data_head. A CPU that reorders stores may do it; here it is done in program order,
 * so that it shows on a machine that does not (x86-64). No strike is needed, but one between the early publish and the
 * end of the copy makes the window as long as its handler: readers find what stood there before.
 */
#define NRB_STEPS_SECTION nrb_path_publish_first
#include "steps.h"

#include "ring_target.h"

NRB_STEP int reserve_publish_first(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;
	int rc = nrb_reserve_space(ring, r);

	/* The outermost writer only, and with nest up: so it is never older than what has been seen. */
	if (!rc && nrb_local_load(&w->nest) == 1)
		nrb_store_release(&ring->control->data_head, nrb_local_load(&w->head));
	return rc;
}

static const struct nrb_steps publish_first = {
	.begin = nrb_begin,
	.reserve = reserve_publish_first,
	.copy = nrb_copy,
	.publish = nrb_publish,
	.end = nrb_end,
};

RING_TARGET_WRITE_PATH(publish_first, publish_first)

const struct target target_publish_first = {
	.name = "publish-first",
	.summary = "data_head is stored before the data (before bf378d341e48): torn records",
	.claim = CLAIM_CONTROL,
	.expected = EXPECTED_IN_EVERY_TIER(VIOLATIONS_UNFINISHED),
	.allowed = VIOLATIONS_STALE,
	RING_TARGET_COMMON,
	.text = publish_first_text,
	.write = publish_first_write,
	.reserve = publish_first_reserve,
	.commit = publish_first_commit,
};
