/* SPDX-License-Identifier: MIT */
/*
 * masked_steps.h - the steps of a write around which signals are blocked, which then need not nest
 *
 * After NRB_STEPS_SECTION and steps.h. Who includes it blocks what it wants to: begin_masked() with a set of signals.
 */
#ifndef STRESS_MASKED_STEPS_H
#define STRESS_MASKED_STEPS_H

#include <errno.h>
#include <signal.h>
#include <string.h>

_Static_assert(sizeof(sigset_t) <= sizeof(((struct nrb_reservation *)0)->restore), "it fits");

NRB_STEP void begin_masked(struct nrb_ring *ring, struct nrb_reservation *r, const sigset_t *blocked)
{
	sigset_t old;

	pthread_sigmask(SIG_BLOCK, blocked, &old);
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

#endif /* STRESS_MASKED_STEPS_H */
