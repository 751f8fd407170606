/* SPDX-License-Identifier: MIT */
/*
 * write_modes.h - nrb_write(), nrb_reserve() and nrb_commit() for rings that do more than the plain one (private)
 */
#ifndef NRB_WRITE_MODES_H
#define NRB_WRITE_MODES_H

#include "nrb.h"

int nrb_write_in_mode(struct nrb_ring *ring, uint32_t type, const void *payload, size_t size);
int nrb_begin_write_in_mode(struct nrb_ring *ring, struct nrb_reservation *reservation, uint32_t type, size_t size);
void nrb_commit_in_mode(struct nrb_ring *ring, struct nrb_reservation *reservation);

#endif /* NRB_WRITE_MODES_H */
