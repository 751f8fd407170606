/* SPDX-License-Identifier: MIT */
/*
 * write.c - the installed write path: the steps of steps.h as they stand there
 */
#include "steps.h"

static const struct nrb_steps fixed = NRB_STEPS_FIXED;

NRB_WRITE_PATH int nrb_write(struct nrb_ring *ring, uint32_t type, const void *payload, size_t size)
{
	return nrb_write_by(&fixed, ring, type, payload, size);
}

NRB_WRITE_PATH int nrb_reserve(struct nrb_ring *ring, struct nrb_reservation *reservation, uint32_t type, size_t size)
{
	return nrb_reserve_by(&fixed, ring, reservation, type, size);
}

NRB_WRITE_PATH void nrb_commit(struct nrb_ring *ring, struct nrb_reservation *reservation)
{
	nrb_commit_by(&fixed, ring, reservation);
}
