/* SPDX-License-Identifier: MIT */
/*
 * plain-nest-reload - nest is a plain variable: "you just lost the volatile qualifier", on v2 of the 2019 series
 *
 * Lost: nest is up in memory before head moves. A compiler may keep a plain variable in a register; those at hand do
 * not, so it is spelled out: the load is done early, in begin, and the store sinks below the reservation. A writer that
 * strikes between the two finds nest 0 and publishes past the interrupted record, which is not written yet.
 */
#define NRB_STEPS_SECTION nrb_path_plain_nest_reload
#include "steps.h"

#include "ring_target.h"

NRB_STEP void begin_plain_nest(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;

	r->lost_pending = nrb_local_load(&w->lost);
	r->restore[0] = nrb_local_load(&w->nest);
}

NRB_STEP int reserve_plain_nest(struct nrb_ring *ring, struct nrb_reservation *r)
{
	int rc = nrb_reserve_space(ring, r);

	/* The window: head has moved, nest has not. */
	nrb_local_fence();
	nrb_local_store(&ring->writer->nest, (uint32_t)r->restore[0] + 1);
	nrb_local_fence();
	return rc;
}

static const struct nrb_steps plain_nest_reload = {
	.begin = begin_plain_nest,
	.reserve = reserve_plain_nest,
	.copy = nrb_copy,
	.publish = nrb_publish,
	.end = nrb_end,
};

RING_TARGET_WRITE_PATH(plain_nest_reload, plain_nest_reload)

const struct target target_plain_nest_reload = {
	.name = "plain-nest-reload",
	.summary = "nest is kept in a register for too long (v2 of the 2019 series): torn records",
	.claim = CLAIM_CONTROL,
	.expected = EXPECTED_IN_EVERY_TIER(VIOLATIONS_UNFINISHED),
	.allowed = VIOLATIONS_STALE,
	RING_TARGET_COMMON,
	.text = plain_nest_reload_text,
	.write = plain_nest_reload_write,
	.reserve = plain_nest_reload_reserve,
	.commit = plain_nest_reload_commit,
};
