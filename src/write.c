/* SPDX-License-Identifier: MIT */
/*
 * write.c - the installed write path: of plain rings the sections of section.h or the steps of steps.h, of the others
 *           the steps of modes.h
 */
#include "section.h"
#include "steps.h"
#include "write_modes.h"

/* What nrb.h offers inline calls this one. */
#undef nrb_commit

static const struct nrb_steps fixed = NRB_STEPS_FIXED;

/*
 * Whether to refuse a write before nest is raised, since there is no room. To go on would be to publish once more, as
 * the outermost writer has to: and a writer that tries again and again until there is room takes the line away each
 * time from the reader, who would make that room. Nobody has nested into us yet, so there is nothing to publish.
 *
 * Who nests in here finds nest as it was, and publishes. It may take room, or reload data_tail; so what we found is as
 * true as it was when we looked.
 */
NRB_STEP bool refuse_early(struct nrb_ring *ring, uint32_t type, size_t size)
{
	struct nrb_writer *w = ring->writer;
	uint64_t need = sizeof(struct nrb_header) + ((size + 7) & ~(uint64_t)7);

	/* What can never be written is not lost; and that the ring is paused is found out elsewhere. */
	if (size >= ring->payload_limit || type == NRB_RECORD_LOST || type == NRB_RECORD_PADDING ||
	    nrb_local_load(&w->nest) || nrb_load_relaxed(&ring->control->paused))
		return false;
	need += nrb_local_load(&w->lost) ? NRB_LOST_SIZE : 0;
	if (nrb_has_space(ring, nrb_local_load(&w->head), need))
		return false;
	nrb_local_add(&w->lost, 1);
	return true;
}

/* Not inlined: what it needs is not to be saved and restored by those who do not come here. */
static __attribute__((noinline)) NRB_WRITE_PATH int write_by_nest(struct nrb_ring *ring, uint32_t type,
								  const void *payload, size_t size)
{
	if (ring->in_mode)
		return nrb_write_in_mode(ring, type, payload, size);
	if (refuse_early(ring, type, size))
		return -ENOSPC;
	return nrb_write_by(&fixed, ring, type, payload, size);
}

NRB_WRITE_PATH int nrb_write(struct nrb_ring *ring, uint32_t type, const void *payload, size_t size)
{
#ifdef NRB_HAVE_SECTIONS
	if (!NRB_SELDOM(size >= ring->section_limit))
		return nrb_write_in_section(ring, type, payload, size, write_by_nest);
#endif
	return write_by_nest(ring, type, payload, size);
}

static __attribute__((noinline)) NRB_WRITE_PATH int reserve_by_nest(struct nrb_ring *ring,
								    struct nrb_reservation *reservation, uint32_t type,
								    size_t size)
{
	if (ring->in_mode)
		return nrb_begin_write_in_mode(ring, reservation, type, size);
	if (refuse_early(ring, type, size))
		return -ENOSPC;
	return nrb_reserve_by(&fixed, ring, reservation, type, size);
}

NRB_WRITE_PATH int nrb_reserve(struct nrb_ring *ring, struct nrb_reservation *reservation, uint32_t type, size_t size)
{
#ifdef NRB_HAVE_SECTIONS
	if (!NRB_SELDOM(size >= ring->section_limit) && nrb_reserve_in_section(ring, reservation, type, size))
		return 0;
#endif
	return reserve_by_nest(ring, reservation, type, size);
}

NRB_WRITE_PATH void nrb_commit(struct nrb_ring *ring, struct nrb_reservation *reservation)
{
	if (ring->in_mode)
		nrb_commit_in_mode(ring, reservation);
	else if (ring->payload_limit) /* else a child that was forked in the middle of it */
		nrb_commit_by(&fixed, ring, reservation);
}
