/* SPDX-License-Identifier: MIT */
/*
 * mask - signals are blocked around every write, and nothing else is done: what people do without such a buffer
 *
 * Sound because nothing nests, at the price of two system calls a record. Only the harness's levels are blocked: a trap
 * under a mask would kill the process.
 */
#define _GNU_SOURCE
#define NRB_STEPS_SECTION nrb_path_mask
#include "steps.h"

#include "levels.h"
#include "masked_steps.h"
#include "ring_target.h"

NRB_STEP void begin(struct nrb_ring *ring, struct nrb_reservation *r)
{
	sigset_t levels;

	level_signals(&levels, LEVELS - 1);
	begin_masked(ring, r, &levels);
}

static const struct nrb_steps mask = {
	.begin = begin,
	.reserve = reserve_masked,
	.copy = nrb_copy,
	.publish = publish_masked,
	.end = end_masked,
};

RING_TARGET_WRITE_PATH(mask, mask)

const struct target target_mask = {
	.name = "mask",
	.summary = "signals are blocked around every write: what people do without such a buffer",
	.claim = CLAIM_SOUND,
	.max_depth = 1,
	.masks_signals = true,
	RING_TARGET_COMMON,
	.text = mask_text,
	.write = mask_write,
	.reserve = mask_reserve,
	.commit = mask_commit,
};
