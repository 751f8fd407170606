/* SPDX-License-Identifier: MIT */
/*
 * trailer.h - the sample_id trailer as perf has it: which fields, how long, what they tell (private)
 */
#ifndef NRB_TRAILER_H
#define NRB_TRAILER_H

#include "nrb.h"

/* Bytes of a trailer with these fields. */
uint32_t nrb_trailer_size(uint64_t sample_id);

/* Whether a ring may have them: 0, or -EPROTOTYPE, see nrb_create(). */
int nrb_trailer_check(uint64_t sample_id, uint64_t sample_type);

void nrb_trailer_parse(const void *trailer, uint64_t sample_id, struct nrb_sample_id *id);

#endif /* NRB_TRAILER_H */
