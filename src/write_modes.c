/* SPDX-License-Identifier: MIT */
/*
 * write_modes.c - the write path of rings that do more than the plain one
 */
#define NRB_STEPS_SECTION nrb_write_modes
#include "modes.h"
#include "write_modes.h"

static const struct nrb_steps in_mode = NRB_STEPS_IN_MODE;

NRB_WRITE_PATH int nrb_write_in_mode(struct nrb_ring *ring, uint32_t type, const void *payload, size_t size)
{
	return nrb_write_by(&in_mode, ring, type, payload, size);
}

NRB_WRITE_PATH int nrb_begin_write_in_mode(struct nrb_ring *ring, struct nrb_reservation *reservation, uint32_t type,
					   size_t size)
{
	return nrb_reserve_by(&in_mode, ring, reservation, type, size);
}

NRB_WRITE_PATH void nrb_commit_in_mode(struct nrb_ring *ring, struct nrb_reservation *reservation)
{
	nrb_commit_by(&in_mode, ring, reservation);
}
