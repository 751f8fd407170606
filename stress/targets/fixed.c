/* SPDX-License-Identifier: MIT */
/*
 * fixed - the installed write path, called as a user calls it: the very object code of the library
 */
#include "ring_target.h"

static int fixed_write(struct target_ring *ring, const void *payload, size_t size)
{
	return nrb_write(ring_of(ring), NRB_RECORD_SAMPLE, payload, size);
}

static int fixed_reserve(struct target_ring *ring, struct target_reservation *reservation, size_t size)
{
	int rc = nrb_reserve(ring_of(ring), reservation_of(reservation), NRB_RECORD_SAMPLE, size);

	reservation->payload = reservation_of(reservation)->payload;
	return rc;
}

static void fixed_commit(struct target_ring *ring, struct target_reservation *reservation)
{
	nrb_commit(ring_of(ring), reservation_of(reservation));
}

const struct target target_fixed = {
	.name = "fixed",
	.summary = "libnrb as installed: publish, then drop nest, then check again (Linux since 2019)",
	.claim = CLAIM_SOUND,
	RING_TARGET_COMMON,
	.write = fixed_write,
	.reserve = fixed_reserve,
	.commit = fixed_commit,
};
