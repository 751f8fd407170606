/* SPDX-License-Identifier: MIT */
/*
 * late-mark - an overwrite ring whose mark is stored behind the record that it is to warn of
 *
 * The reservation is made elsewhere, and what readers take for the mark follows with the publish. Who takes a snapshot
 * while a record is copied over the oldest one finds nothing that says so.
 */
#define NRB_STEPS_SECTION nrb_path_late_mark
#include "modes.h"

#include "ring_target.h"

/* Where reservations are made, out of the readers' sight. */
NRB_STEP uint64_t *hidden_head(struct nrb_ring *ring)
{
	return &ring->writer->reserved_too[0];
}

NRB_STEP int reserve_hidden(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;
	uint64_t head = nrb_local_load(hidden_head(ring));

	while (!nrb_local_cas(hidden_head(ring), &head, head + r->size))
		;
	r->position = w->start + head;
	nrb_note_boundary(ring, r->position, r->position + r->size);
	return 0;
}

/* The mark, and what is published up to there. */
NRB_STEP void publish_with_mark(struct nrb_ring *ring)
{
	struct nrb_writer *w = ring->writer;

	nrb_local_store(&w->head, w->start + nrb_local_load(hidden_head(ring)));
	nrb_local_fence();
	nrb_publish(ring);
}

static const struct nrb_steps late_mark = {
	.begin = nrb_begin_in_mode,
	.reserve = reserve_hidden,
	.copy = nrb_copy_in_mode,
	.publish = publish_with_mark,
	.end = nrb_end_in_mode,
	.trailer = nrb_trailer_in_mode,
	.frame = nrb_frame_in_mode,
};

RING_TARGET_WRITE_PATH(late_mark, late_mark)
RING_TARGET_OPEN(late_mark, .flags = NRB_OVERWRITE)

const struct target target_late_mark = {
	.name = "late-mark",
	.summary = "an overwrite ring that tells readers of a reservation only when it is published: torn snapshots",
	.claim = CLAIM_CONTROL,
	.expected = { [TIER_STEP] = VIOLATION_BIT(TORN_RECORD) },
	.allowed = VIOLATIONS_UNFINISHED | VIOLATIONS_STALE,
	RING_TARGET_FUNCTIONS,
	RING_TARGET_OVERWRITTEN,
	.open = late_mark_open,
	.text = late_mark_text,
	.write = late_mark_write,
	.reserve = late_mark_reserve,
	.commit = late_mark_commit,
};
