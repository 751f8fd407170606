/* SPDX-License-Identifier: MIT */
/*
 * sample-id - records with trailers, LOST ones too; the time is the harness's own, so that a write can be repeated
 */
#define NRB_STEPS_SECTION nrb_path_sample_id
#include "modes.h"

#include "ring_target.h"

/* What goes on with the ring is the only clock here. */
NRB_STEP void stamp_by_head(struct nrb_ring *ring, uint64_t *time, uint32_t *cpu)
{
	*time = nrb_local_load(&ring->writer->head);
	*cpu = 0;
}

NRB_STEP void frame_by_head(struct nrb_ring *ring, struct nrb_reservation *r, uint32_t type)
{
	nrb_frame_stamped(ring, r, type, stamp_by_head);
}

static const struct nrb_steps sample_id = {
	.begin = nrb_begin_in_mode,
	.reserve = nrb_reserve_in_mode,
	.copy = nrb_copy_in_mode,
	.publish = nrb_publish,
	.end = nrb_end_in_mode,
	.trailer = nrb_trailer_in_mode,
	.frame = frame_by_head,
};

RING_TARGET_WRITE_PATH(sample_id, sample_id)
RING_TARGET_OPEN(sample_id, .sample_id = NRB_SAMPLE_TID | NRB_SAMPLE_TIME | NRB_SAMPLE_CPU)

const struct target target_sample_id = {
	.name = "sample-id",
	.summary = "libnrb with a sample_id trailer behind each record",
	.claim = CLAIM_SOUND,
	RING_TARGET_FUNCTIONS,
	.checks = VIOLATION_ALL & ~VIOLATION_BIT(MISSED_WAKEUP),
	.open = sample_id_open,
	.text = sample_id_text,
	.write = sample_id_write,
	.reserve = sample_id_reserve,
	.commit = sample_id_commit,
};
