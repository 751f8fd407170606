/* SPDX-License-Identifier: MIT */
/*
 * early-wakeup - the reader is woken before it has anything to find
 *
 * It looks, finds data_head where it was, and goes to sleep again: the wakeup is spent.
 */
#define NRB_STEPS_SECTION nrb_path_early_wakeup
#include "modes.h"

#include "ring_target.h"

NRB_STEP void copy_and_wake(struct nrb_ring *ring, struct nrb_reservation *r, const void *payload, size_t size)
{
	struct nrb_writer *w = ring->writer;

	nrb_copy_in_mode(ring, r, payload, size);
	if (nrb_local_load(&w->wakeup) == r->wakeup || nrb_local_load(&w->nest) > 1)
		return;
	nrb_local_add(&w->wakeups, 1);
	nrb_wakeup_signal(ring->wakeup_fd);
}

static const struct nrb_steps early_wakeup = {
	.begin = nrb_begin_in_mode,
	.reserve = nrb_reserve_in_mode,
	.copy = copy_and_wake,
	.publish = nrb_publish,
	.end = nrb_end,
	.trailer = nrb_trailer_in_mode,
	.frame = nrb_frame_in_mode,
};

RING_TARGET_WRITE_PATH(early_wakeup, early_wakeup)
RING_TARGET_OPEN(early_wakeup, .flags = NRB_WAKE_WATERMARK, .wakeup = 256)

const struct target target_early_wakeup = {
	.name = "early-wakeup",
	.summary = "the reader is woken before the publish: it finds nothing and sleeps on",
	.claim = CLAIM_CONTROL,
	.expected = { [TIER_STEP] = VIOLATION_BIT(MISSED_WAKEUP) },
	.allowed = VIOLATION_BIT(MISSED_WAKEUP),
	RING_TARGET_FUNCTIONS,
	RING_TARGET_WOKEN(256),
	.open = early_wakeup_open,
	.text = early_wakeup_text,
	.write = early_wakeup_write,
	.reserve = early_wakeup_reserve,
	.commit = early_wakeup_commit,
};
