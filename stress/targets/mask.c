/* SPDX-License-Identifier: MIT */
/*
 * mask - signals are blocked around every write, and nothing else is done: what people do without such a buffer
 *
 * Sound because nothing nests, at the price of two system calls a record. Only the harness's levels are blocked: a trap
 * under a mask would kill the process.
 */
#define _GNU_SOURCE
#include <signal.h>

#define NRB_STEPS_SECTION nrb_path_mask
#include "steps.h"

#include "levels.h"
#include "ring_target.h"

_Static_assert(sizeof(sigset_t) <= sizeof(((struct nrb_reservation *)0)->restore), "it fits");

NRB_STEP void begin_masked(struct nrb_ring *ring, struct nrb_reservation *r)
{
	sigset_t levels, old;

	level_signals(&levels, LEVELS - 1);
	pthread_sigmask(SIG_BLOCK, &levels, &old);
	memcpy(r->restore, &old, sizeof(old));
	r->lost_pending = nrb_local_load(&ring->writer->lost);
}

NRB_STEP int reserve_masked(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;
	uint64_t head = nrb_local_load(&w->head);

	if (!nrb_has_space(ring, head, r->size)) {
		nrb_local_store(&w->lost, nrb_local_load(&w->lost) + 1);
		return -ENOSPC;
	}
	nrb_local_store(&w->head, head + r->size);
	r->position = head;
	return 0;
}

NRB_STEP void publish_masked(struct nrb_ring *ring)
{
	/* publish:B  pairs with poll:C. */
	nrb_store_release(&ring->control->data_head, nrb_local_load(&ring->writer->head));
}

NRB_STEP void end_masked(struct nrb_ring *ring, struct nrb_reservation *r)
{
	sigset_t old;

	(void)ring;
	memcpy(&old, r->restore, sizeof(old));
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static const struct nrb_steps mask = {
	.begin = begin_masked,
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
