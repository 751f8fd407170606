/* SPDX-License-Identifier: MIT */
/*
 * steps.h - the write path: its steps, and how they make up a write (private)
 *
 * The steps below are the fixed protocol, that of Linux's perf ring buffer since commit 1b038c6e05ff (2019). A variant
 * is a struct nrb_steps that names another function for one of them or more; what is identical comes from here.
 * Everything is inlined into each variant's entry points, where the table is a constant and vanishes.
 *
 * Writers of one ring are a thread and its signal handlers, so they nest: whoever interrupts runs to its end before the
 * interrupted goes on. Two kinds of order are needed, and order.h spells them apart: nrb_local_* and nrb_local_fence()
 * against nested writers, acquire and release against the reader on another CPU.
 *
 * Pairs (W: writer, R: reader; all against another CPU):
 *
 *   reserve:A  W load-acquire data_tail    ... store data        with  release:D
 *   publish:B  W store data ...   store-release data_head        with  poll:C
 *   poll:C     R load-acquire data_head    ... load data         with  publish:B
 *   release:D  R load data ...    store-release data_tail        with  reserve:A
 *
 * A and D: the writer stores over data only after the reader has loaded it. B and C: the reader sees data no younger
 * than the head that covers it. doc/memory-order.md has the reasoning, and what each would break by its absence.
 */
#ifndef NRB_STEPS_H
#define NRB_STEPS_H

#include <errno.h>
#include <string.h>

#include "order.h"
#include "ring.h"

/*
 * Where the write path's machine code goes: a section of its own, so that who puts it under stress can tell which
 * instructions are meant. A name that is a C identifier has the linker tell its bounds. Whoever includes this for a
 * variant gives another name first. Steps carry it too, although they are inlined: a compiler that does not optimise
 * calls them through the table, and then there are copies of them.
 */
#ifndef NRB_STEPS_SECTION
#define NRB_STEPS_SECTION nrb_write_path
#endif
#define NRB_SECTION_(name) __attribute__((section(#name)))
#define NRB_SECTION(name) NRB_SECTION_(name)
#define NRB_WRITE_PATH NRB_SECTION(NRB_STEPS_SECTION)

#define NRB_STEP static inline __attribute__((always_inline)) NRB_WRITE_PATH

/* Bytes of a whole LOST record. */
#define NRB_LOST_SIZE (sizeof(struct nrb_header) + sizeof(struct nrb_lost))

/* One write path. Each step runs in writer context and is async-signal-safe. */
struct nrb_steps {
	/* Enter: from here on nested writers leave publishing to this one. */
	void (*begin)(struct nrb_ring *ring, struct nrb_reservation *r);
	/* Take r->size bytes and set r->position; or count the write as lost and return -ENOSPC. */
	int (*reserve)(struct nrb_ring *ring, struct nrb_reservation *r);
	/* Fill the payload. */
	void (*copy)(struct nrb_ring *ring, struct nrb_reservation *r, const void *payload, size_t size);
	/* Leave: the outermost writer makes everything reserved so far visible. */
	void (*publish)(struct nrb_ring *ring);
	/* Whatever remains to be done once the record is visible. */
	void (*end)(struct nrb_ring *ring, struct nrb_reservation *r);
	/* Bytes of the trailer of a record of @type. NULL: there are no trailers. */
	uint32_t (*trailer)(const struct nrb_ring *ring, uint32_t type);
	/* Lay out all but the payload, and set r->payload. NULL: nrb_put_headers(). */
	void (*frame)(struct nrb_ring *ring, struct nrb_reservation *r, uint32_t type);
};

NRB_STEP void nrb_begin(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;

	/* Before nest is raised, as in perf: a nested writer that strikes here drains the count itself, and then the
	 * LOST record of this write says 0, which is harmless and legal. */
	r->lost_pending = nrb_local_load(&w->lost);
	/* A load and a store, not one atomic step: a nested writer in between leaves nest as it found it. */
	nrb_local_store(&w->nest, nrb_local_load(&w->nest) + 1);
	/* nest is up before head moves, so that whoever nests from here on leaves publishing to us. */
	nrb_local_fence();
}

/* Whether @size bytes fit between @head and the consumer's position; one byte always stays free, as in perf. */
NRB_STEP bool nrb_has_space(const struct nrb_ring *ring, uint64_t head, uint64_t size)
{
	struct nrb_writer *w = ring->writer;

	if (head + size - nrb_local_load(&w->tail_cache) < ring->data_size)
		return true;
	/*
	 * reserve:A  pairs with release:D. Acquire, because the stores to the data must not be done before this load
	 * has shown that the reader is through with it; a branch alone would not hold a compiler back. Only when the
	 * cached value says "full", so that the usual write does not touch the reader's line.
	 *
	 * The value is the consumer's and may be anything. Nonsense makes the unsigned difference either large, so
	 * that we refuse to write, or small, so that we overwrite what that consumer could have read: never more.
	 *
	 * A nested writer may load a newer tail between this load and the store: then an older value replaces a newer
	 * one, which only means that it is loaded again.
	 */
	nrb_local_store(&w->tail_cache, nrb_load_acquire(&ring->control->data_tail));
	return head + size - nrb_local_load(&w->tail_cache) < ring->data_size;
}

NRB_STEP int nrb_reserve_space(struct nrb_ring *ring, struct nrb_reservation *r)
{
	struct nrb_writer *w = ring->writer;
	uint64_t head = nrb_local_load(&w->head);

	do {
		/* Again after each failure: the nested writer that moved head took space as well. */
		if (!nrb_has_space(ring, head, r->size)) {
			nrb_local_add(&w->lost, 1);
			return -ENOSPC;
		}
		/* A nested writer that strikes here moves head, and the swap fails. Bounded by the strikes. */
	} while (!nrb_local_cas(&w->head, &head, head + r->size));
	r->position = head;
	return 0;
}

NRB_STEP void nrb_copy(struct nrb_ring *ring, struct nrb_reservation *r, const void *payload, size_t size)
{
	(void)ring;
	/* A nested writer that strikes here writes behind our reservation, never into it. */
	if (size)
		memcpy(r->payload, payload, size);
}

NRB_STEP void nrb_publish(struct nrb_ring *ring)
{
	struct nrb_writer *w = ring->writer;
	uint32_t nest = nrb_local_load(&w->nest);
	uint64_t head;

	/* What this write did to the ring and to head is done before nest goes down. */
	nrb_local_fence();
	/* P1, nest down: not the outermost writer. The one that we interrupted publishes for us. */
	if (nest > 1) {
		nrb_local_store(&w->nest, nest - 1);
		return;
	}
	for (;;) {
		/* P2, load head: everything below it is complete, since whoever nested until now has returned. */
		head = nrb_local_load(&w->head);
		/*
		 * P3, publish:B  pairs with poll:C. Release is enough: the reader needs the data below head, all of it
		 * stored before in this thread, and nothing that comes after.
		 *
		 * A nested writer that strikes between P2 and P4 finds nest raised and does not publish, so what we
		 * store is never older than what a reader has seen. The legacy order, P4 before P3, is what let
		 * data_head go backwards.
		 */
		nrb_store_release(&ring->control->data_head, head);
		nrb_local_fence();
		/* P4, nest down: who strikes from here on publishes for itself. */
		nrb_local_store(&w->nest, 0);
		nrb_local_fence();
		/* P5, check again: who struck between P2 and P4 left its record unpublished. Each further round needs
		 * another interrupt within these few instructions. */
		if (nrb_local_load(&w->head) == head)
			return;
		nrb_local_store(&w->nest, 1);
		nrb_local_fence();
	}
}

NRB_STEP void nrb_end(struct nrb_ring *ring, struct nrb_reservation *r)
{
	(void)ring;
	(void)r;
	/* Nothing is left to do in this protocol: a variant that took something in begin puts it back here. */
}

/* The fixed protocol. */
#define NRB_STEPS_FIXED                                                                                                \
	{                                                                                                              \
		.begin = nrb_begin, .reserve = nrb_reserve_space, .copy = nrb_copy, .publish = nrb_publish,            \
		.end = nrb_end                                                                                         \
	}

/* Lay out the LOST record, if there is one, and the header; the payload comes behind. */
NRB_STEP void nrb_put_headers(struct nrb_ring *ring, struct nrb_reservation *r, uint32_t type)
{
	unsigned char *at = ring->data + (r->position & (ring->data_size - 1));

	if (r->lost_pending) {
		struct nrb_header header = { .type = NRB_RECORD_LOST, .size = NRB_LOST_SIZE };
		struct nrb_lost body = { .id = ring->id, .lost = nrb_local_take(&ring->writer->lost) };

		memcpy(at, &header, sizeof(header));
		memcpy(at + sizeof(header), &body, sizeof(body));
		at += NRB_LOST_SIZE;
	}
	struct nrb_header header = { .type = type, .size = (uint16_t)r->record };

	memcpy(at, &header, sizeof(header));
	/* Zeros where the rounding ends; the payload covers the rest of the word. */
	if (r->record > sizeof(header))
		memset(at + r->record - 8, 0, 8);
	r->payload = at + sizeof(header);
}

NRB_STEP int nrb_reserve_by(const struct nrb_steps *steps, struct nrb_ring *ring, struct nrb_reservation *r,
			    uint32_t type, size_t size)
{
	int rc;

	r->quick = NULL;
	/* 0: in a child that was forked the ring is no writer's. */
	if (size >= ring->payload_limit)
		return ring->payload_limit ? -EMSGSIZE : -EPERM;
	if (type == NRB_RECORD_LOST || type == NRB_RECORD_PADDING)
		return -EINVAL;
	/* Before nest is raised, as in perf: there is nothing to publish. */
	if (nrb_load_relaxed(&ring->control->paused)) {
		nrb_local_add(&ring->writer->lost, 1);
		return -ENOSPC;
	}
	steps->begin(ring, r);
	r->record = (uint32_t)(sizeof(struct nrb_header) + ((size + 7) & ~(size_t)7));
	r->size = r->lost_pending ? NRB_LOST_SIZE : 0;
	if (steps->trailer) {
		r->record += steps->trailer(ring, type);
		r->size += r->lost_pending ? steps->trailer(ring, NRB_RECORD_LOST) : 0;
	}
	r->size += r->record;
	rc = steps->reserve(ring, r);
	if (rc) {
		/* Even so: records that nested in meanwhile rely on us to publish them. */
		steps->publish(ring);
		steps->end(ring, r);
		return rc;
	}
	if (steps->frame)
		steps->frame(ring, r, type);
	else
		nrb_put_headers(ring, r, type);
	return 0;
}

NRB_STEP void nrb_commit_by(const struct nrb_steps *steps, struct nrb_ring *ring, struct nrb_reservation *r)
{
	steps->publish(ring);
	steps->end(ring, r);
}

NRB_STEP int nrb_write_by(const struct nrb_steps *steps, struct nrb_ring *ring, uint32_t type, const void *payload,
			  size_t size)
{
	struct nrb_reservation r;
	int rc = nrb_reserve_by(steps, ring, &r, type, size);

	if (rc)
		return rc;
	steps->copy(ring, &r, payload, size);
	nrb_commit_by(steps, ring, &r);
	return 0;
}

#endif /* NRB_STEPS_H */
