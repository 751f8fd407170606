/* SPDX-License-Identifier: MIT */
/*
 * mask - all signals are blocked around each write, which then need not nest: what people do without such a buffer
 *
 * Two system calls a record. Whoever knows which signals write could block those only; that costs the same.
 */
#define _GNU_SOURCE
#include <signal.h>

#define NRB_STEPS_SECTION bench_path_mask
#include "steps_path.h"

_Static_assert(sizeof(sigset_t) <= sizeof(((struct nrb_reservation *)0)->restore), "it fits");

NRB_STEP void begin_masked(struct nrb_ring *ring, struct nrb_reservation *r)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
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

NRB_WRITE_PATH static int mask_write(struct bench_ring *ring, const void *payload, size_t size)
{
	return nrb_write_by(&mask, ring->ring, NRB_RECORD_SAMPLE, payload, size);
}

/* A signal that comes while the record is being written is pending until it is done. */
static int mask_write_around(struct bench_ring *ring, const void *payload, size_t size, void (*within)(void *),
			     void *arg)
{
	int rc = mask_write(ring, payload, size);

	if (!rc)
		within(arg);
	return rc;
}

const struct contestant contestant_mask = {
	.name = "mask",
	.summary = "all signals blocked around each write: what people do without such a ring",
	.traits = CONTESTANT_PATH | CONTESTANT_NESTS,
	.open = path_open_plain,
	.close = path_close,
	.write = mask_write,
	.write_around = mask_write_around,
	PATH_CONSUMED,
};
