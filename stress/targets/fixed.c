/* SPDX-License-Identifier: MIT */
/*
 * fixed - the installed write path, called as a user calls it: the very object code of the library
 */
#include "ring_target.h"

/* The calls; behind them the library's own, see NRB_STEPS_SECTION in steps.h. */
#define WRAPPER __attribute__((section("nrb_path_fixed")))

TEXT_DECLARE(nrb_path_fixed);
TEXT_DECLARE(nrb_write_path);
static const struct text_range fixed_text[] = {
	TEXT_RANGE(nrb_path_fixed),
	TEXT_RANGE(nrb_write_path),
	{ NULL, NULL },
};

WRAPPER static int fixed_write(struct target_ring *ring, const void *payload, size_t size)
{
	return nrb_write(ring_of(ring), NRB_RECORD_SAMPLE, payload, size);
}

WRAPPER static int fixed_reserve(struct target_ring *ring, struct target_reservation *reservation, size_t size)
{
	int rc = nrb_reserve(ring_of(ring), reservation_of(reservation), NRB_RECORD_SAMPLE, size);

	reservation->payload = reservation_of(reservation)->payload;
	return rc;
}

WRAPPER static void fixed_commit(struct target_ring *ring, struct target_reservation *reservation)
{
	nrb_commit(ring_of(ring), reservation_of(reservation));
}

const struct target target_fixed = {
	.name = "fixed",
	.summary = "libnrb as installed: publish, then drop nest, then check again (Linux since 2019)",
	.claim = CLAIM_SOUND,
	RING_TARGET_COMMON,
	.text = fixed_text,
	.write = fixed_write,
	.reserve = fixed_reserve,
	.commit = fixed_commit,
};
