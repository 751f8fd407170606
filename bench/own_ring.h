/* SPDX-License-Identifier: MIT */
/*
 * own_ring.h - a ring of libnrb's and its reader, as the paths and the limits hold one
 */
#ifndef BENCH_OWN_RING_H
#define BENCH_OWN_RING_H

#include "contestant.h"
#include "nrb.h"

/* In whichever mode @attr asks for. Return: 0, or -1 with errno; then both are NULL. */
int own_ring_open(const struct bench_attr *attr, struct nrb_ring **ring, struct nrb_reader **reader);
/* Either may be NULL. errno stays what it is. */
void own_ring_close(struct nrb_ring *ring, struct nrb_reader *reader);

/* Of struct contestant. */
uint64_t own_ring_take(struct nrb_reader *reader, uint64_t least);
int own_ring_next(struct nrb_reader *reader, const void **payload, size_t *size);

#endif /* BENCH_OWN_RING_H */
