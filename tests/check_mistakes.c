/* SPDX-License-Identifier: MIT */
/*
 * check_mistakes.c - mistakes that are easily made in such a ring, each beside its sound twin: all of them are caught,
 * by what they are known to bring about
 */
#define NRB_STEPS_SECTION nrb_path_mistakes
#include "steps.h"

#include "stepping.h"
#include "suite.h"
#include "twins.h"

/* ---- refusals ---- */

/* The losses to be told are taken before it is known whether there is room, and forgotten when there is none. */
NRB_STEP int reserve_lost_early(struct nrb_ring *ring, struct nrb_reservation *r, bool sound)
{
	uint64_t lost = nrb_local_take(&ring->writer->lost);
	int rc = nrb_reserve_space(ring, r);

	if (sound || !rc)
		nrb_local_add(&ring->writer->lost, lost);
	return rc;
}

RESERVE_TWINS(lost_early);

/* A refused write goes away and leaves nest up. */
NRB_STEP int reserve_nest_up(struct nrb_ring *ring, struct nrb_reservation *r, bool sound)
{
	uint32_t *nest = &ring->writer->nest;
	int rc = nrb_reserve_space(ring, r);

	if (rc && !sound)
		nrb_local_store(nest, nrb_local_load(nest) + 1);
	return rc;
}

RESERVE_TWINS(nest_up);

/* A refused write lowers nest and goes away: what nested into it meanwhile relied on it to be published. */
NRB_STEP int write_leaving(struct target_ring *target_ring, const void *payload, size_t size, bool sound)
{
	struct nrb_ring *ring = ring_of(target_ring);
	struct nrb_reservation r;
	int rc;

	nrb_begin(ring, &r);
	r.record = (uint32_t)(sizeof(struct nrb_header) + size);
	r.size = r.record + (r.lost_pending ? NRB_LOST_SIZE : 0);
	rc = nrb_reserve_space(ring, &r);
	if (rc && !sound) {
		nrb_local_store(&ring->writer->nest, nrb_local_load(&ring->writer->nest) - 1);
		return rc;
	}
	if (!rc) {
		nrb_put_headers(ring, &r, NRB_RECORD_SAMPLE);
		nrb_copy(ring, &r, payload, size);
	}
	nrb_publish(ring);
	return rc;
}

NRB_WRITE_PATH static int leaving_write(struct target_ring *ring, const void *payload, size_t size)
{
	return write_leaving(ring, payload, size, false);
}

NRB_WRITE_PATH static int leaving_twin_write(struct target_ring *ring, const void *payload, size_t size)
{
	return write_leaving(ring, payload, size, true);
}

TARGET_TEXT(leaving, NRB_STEPS_SECTION);
static const struct target target_leaving = {
	.name = "leaving", .claim = CLAIM_SOUND, RING_TARGET_COMMON, .text = leaving_text, .write = leaving_write
};
static const struct target target_leaving_twin = { .name = "leaving_twin",
						   .claim = CLAIM_SOUND,
						   RING_TARGET_COMMON,
						   .text = leaving_text,
						   .write = leaving_twin_write };

START_TEST(refusals)
{
	explored_twins(&target_lost_early, &target_lost_early_twin, &stepper_trap, 1, VIOLATION_BIT(LOST_MISMATCH));
	explored_twins(&target_nest_up, &target_nest_up_twin, &stepper_trap, 1, VIOLATION_BIT(STUCK_HEAD));
	explored_twins(&target_leaving, &target_leaving_twin, &stepper_trap, 1, VIOLATION_BIT(STUCK_HEAD));
}
END_TEST

/* ---- reservations ---- */

/* Where the record goes is worked out before the swap, and not again when that had to be repeated. */
NRB_STEP int reserve_stale_place(struct nrb_ring *ring, struct nrb_reservation *r, bool sound)
{
	uint64_t place = nrb_local_load(&ring->writer->head);
	int rc;

	nrb_local_fence();
	rc = nrb_reserve_space(ring, r);
	if (!rc && !sound)
		r->position = place;
	return rc;
}

RESERVE_TWINS(stale_place);

/* Reserved first, and put back when there is no room: with it goes who got room behind it meanwhile. */
NRB_STEP int reserve_undone(struct nrb_ring *ring, struct nrb_reservation *r, bool sound)
{
	struct nrb_writer *w = ring->writer;

	if (sound)
		return nrb_reserve_space(ring, r);
	r->position = nrb_local_add(&w->head, r->size);
	if (nrb_has_space(ring, r->position, r->size))
		return 0;
	nrb_local_fence();
	nrb_local_store(&w->head, r->position);
	nrb_local_add(&w->lost, 1);
	return -ENOSPC;
}

RESERVE_TWINS(undone);

/* Across the last byte, and there alone, more is taken than the header says; the twin has it say so. */
NRB_STEP int reserve_rounded(struct nrb_ring *ring, struct nrb_reservation *r, bool sound)
{
	uint64_t at = nrb_local_load(&ring->writer->head) & (ring->data_size - 1);

	if (!sound && at + r->size > ring->data_size)
		r->size = (r->size + 15) & ~15u;
	return nrb_reserve_space(ring, r);
}

RESERVE_TWINS(rounded);

START_TEST(reservations)
{
	explored_twins(&target_stale_place, &target_stale_place_twin, &stepper_trap, 1, VIOLATIONS_STALE);
	explored_twins(&target_undone, &target_undone_twin, &stepper_trap, 1, VIOLATION_ALL);
	explored_twins(&target_rounded, &target_rounded_twin, &stepper_trap, 1, VIOLATIONS_STALE);
}
END_TEST

/* ---- the cached tail ---- */

/* "The ring is empty, so the tail is where we are": where this write is about to be, or one that has struck since. */
NRB_STEP int reserve_empty_ring(struct nrb_ring *ring, struct nrb_reservation *r, bool sound)
{
	struct nrb_writer *w = ring->writer;
	uint64_t tail = nrb_load_acquire(&ring->control->data_tail);

	if (nrb_load_relaxed(&ring->control->data_head) == tail)
		nrb_local_store(&w->tail_cache, sound ? tail : nrb_local_load(&w->head));
	return nrb_reserve_space(ring, r);
}

RESERVE_TWINS(empty_ring);

/* The consumer's position is looked at once, and taken again for the next try, whatever the head has become by then. */
NRB_STEP int reserve_one_look(struct nrb_ring *ring, struct nrb_reservation *r, bool sound)
{
	struct nrb_writer *w = ring->writer;
	uint64_t head = nrb_local_load(&w->head);
	bool fits = nrb_has_space(ring, head, r->size);

	do {
		if (sound)
			fits = nrb_has_space(ring, head, r->size);
		if (!fits) {
			nrb_local_add(&w->lost, 1);
			return -ENOSPC;
		}
	} while (!nrb_local_cas(&w->head, &head, head + r->size));
	r->position = head;
	return 0;
}

RESERVE_TWINS(one_look);

START_TEST(the_cached_tail)
{
	const uint32_t kinds = VIOLATIONS_STALE | VIOLATION_BIT(OVERRUN);

	explored_twins(&target_empty_ring, &target_empty_ring_twin, &stepper_trap, 1, kinds);
	explored_twins(&target_one_look, &target_one_look_twin, &stepper_trap, 1, kinds);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("mistakes");
	TCase *tcase = suite_case(suite, "mistakes");
	const char *missing = stepping_missing(&stepper_trap);

	suite_add(tcase, refusals, missing);
	suite_add(tcase, reservations, missing);
	suite_add(tcase, the_cached_tail, missing);
	return suite;
}
