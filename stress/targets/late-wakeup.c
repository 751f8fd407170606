/* SPDX-License-Identifier: MIT */
/*
 * late-wakeup - what the wakeup stood at is read once nest is raised: Linux until today
 *
 * Who strikes in between finds nest raised and does not wake the reader, and the writer that it interrupted takes what
 * it has noted for old. So the reader sleeps on until the watermark is reached again.
 */
#define NRB_STEPS_SECTION nrb_path_late_wakeup
#include "modes.h"

#include "ring_target.h"

NRB_STEP void begin_and_read(struct nrb_ring *ring, struct nrb_reservation *r)
{
	nrb_begin(ring, r);
	/* The window is just before. */
	r->wakeup = nrb_local_load(&ring->writer->wakeup);
}

static const struct nrb_steps late_wakeup = {
	.begin = begin_and_read,
	.reserve = nrb_reserve_in_mode,
	.copy = nrb_copy_in_mode,
	.publish = nrb_publish,
	.end = nrb_end_in_mode,
	.trailer = nrb_trailer_in_mode,
	.frame = nrb_frame_in_mode,
};

RING_TARGET_WRITE_PATH(late_wakeup, late_wakeup)
RING_TARGET_OPEN(late_wakeup, .flags = NRB_WAKE_WATERMARK, .wakeup = 256)

const struct target target_late_wakeup = {
	.name = "late-wakeup",
	.summary = "the wakeup is read once nest is raised (Linux): one that a nested writer notes before that is lost",
	.claim = CLAIM_CONTROL,
	.expected = { [TIER_STEP] = VIOLATION_BIT(MISSED_WAKEUP) },
	.allowed = VIOLATION_BIT(MISSED_WAKEUP),
	RING_TARGET_FUNCTIONS,
	RING_TARGET_WOKEN(256),
	.open = late_wakeup_open,
	.text = late_wakeup_text,
	.write = late_wakeup_write,
	.reserve = late_wakeup_reserve,
	.commit = late_wakeup_commit,
};
