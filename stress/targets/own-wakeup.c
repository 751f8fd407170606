/* SPDX-License-Identifier: MIT */
/*
 * own-wakeup - each writer wakes the reader for what it has reserved itself, and for nothing else
 *
 * Who nests leaves publishing to the outermost writer, and so it must leave the wakeup: it cannot wake for what is not
 * published. Nobody does it then.
 */
#define NRB_STEPS_SECTION nrb_path_own_wakeup
#include "modes.h"

#include "ring_target.h"

NRB_STEP int reserve_and_note(struct nrb_ring *ring, struct nrb_reservation *r)
{
	uint64_t before = nrb_local_load(&ring->writer->wakeup);
	int rc = nrb_reserve_in_mode(ring, r);

	/* Not what it was when the write began, but just before this record. */
	r->restore[0] = !rc && nrb_local_load(&ring->writer->wakeup) != before;
	return rc;
}

NRB_STEP void end_with_own(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;

	if (!r->restore[0] || nrb_local_load(&w->nest))
		return;
	nrb_local_add(&w->wakeups, 1);
	nrb_wakeup_signal(ring->wakeup_fd);
}

static const struct nrb_steps own_wakeup = {
	.begin = nrb_begin_in_mode,
	.reserve = reserve_and_note,
	.copy = nrb_copy_in_mode,
	.publish = nrb_publish,
	.end = end_with_own,
	.trailer = nrb_trailer_in_mode,
	.frame = nrb_frame_in_mode,
};

RING_TARGET_WRITE_PATH(own_wakeup, own_wakeup)
RING_TARGET_OPEN(own_wakeup, .flags = NRB_WAKE_WATERMARK, .wakeup = 256)

const struct target target_own_wakeup = {
	.name = "own-wakeup",
	.summary = "the outermost writer wakes for its own record only: a nested one's wakeup is lost",
	.claim = CLAIM_CONTROL,
	.expected = EXPECTED_IN_EVERY_TIER(VIOLATION_BIT(MISSED_WAKEUP)),
	.allowed = VIOLATION_BIT(MISSED_WAKEUP),
	RING_TARGET_FUNCTIONS,
	RING_TARGET_WOKEN(256),
	.open = own_wakeup_open,
	.text = own_wakeup_text,
	.write = own_wakeup_write,
	.reserve = own_wakeup_reserve,
	.commit = own_wakeup_commit,
};
