/* SPDX-License-Identifier: MIT */
/*
 * fixed-lock - the fixed protocol with the atomics that C11 gives: on x86-64 head and lost move by locked instructions
 *
 * Nothing is lost but time; it shows that the fixed protocol does not hang on the missing lock prefix.
 */
#define NRB_STEPS_SECTION nrb_path_fixed_lock
#include "steps.h"

#include "ring_target.h"

NRB_STEP int reserve_locked(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;
	uint64_t head = nrb_local_load(&w->head);

	do {
		if (!nrb_has_space(ring, head, r->size)) {
			nrb_add_relaxed(&w->lost, 1);
			return -ENOSPC;
		}
	} while (!nrb_cas_relaxed(&w->head, &head, head + r->size));
	r->position = head;
	return 0;
}

static const struct nrb_steps fixed_lock = {
	.begin = nrb_begin,
	.reserve = reserve_locked,
	.copy = nrb_copy,
	.publish = nrb_publish,
	.end = nrb_end,
};

RING_TARGET_WRITE_PATH(fixed_lock, fixed_lock)

const struct target target_fixed_lock = {
	.name = "fixed-lock",
	.summary = "the fixed protocol with C11's atomics (a bus lock on x86-64)",
	.claim = CLAIM_SOUND,
	RING_TARGET_COMMON,
	.text = fixed_lock_text,
	.write = fixed_lock_write,
	.reserve = fixed_lock_reserve,
	.commit = fixed_lock_commit,
};
