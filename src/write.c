/* SPDX-License-Identifier: MIT */
/*
 * write.c - the installed write path: of plain rings the steps of steps.h, of the others those of modes.h
 */
#include "steps.h"
#include "write_modes.h"

static const struct nrb_steps fixed = NRB_STEPS_FIXED;

NRB_WRITE_PATH int nrb_write(struct nrb_ring *ring, uint32_t type, const void *payload, size_t size)
{
	if (ring->in_mode)
		return nrb_write_in_mode(ring, type, payload, size);
	return nrb_write_by(&fixed, ring, type, payload, size);
}

NRB_WRITE_PATH int nrb_reserve(struct nrb_ring *ring, struct nrb_reservation *reservation, uint32_t type, size_t size)
{
	if (ring->in_mode)
		return nrb_begin_write_in_mode(ring, reservation, type, size);
	return nrb_reserve_by(&fixed, ring, reservation, type, size);
}

NRB_WRITE_PATH void nrb_commit(struct nrb_ring *ring, struct nrb_reservation *reservation)
{
	if (ring->in_mode)
		nrb_commit_in_mode(ring, reservation);
	else if (ring->payload_limit) /* else a child that was forked in the middle of it */
		nrb_commit_by(&fixed, ring, reservation);
}
