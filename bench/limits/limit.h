/* SPDX-License-Identifier: MIT */
/*
 * limit.h - what the limits share: the least that a writer of perf's records has to do
 *
 * One writer, nobody nests: no nest counter, no compare-and-swap, no LOST records, no second position. What is left is
 * what no ring of this layout can do without: a header, the payload, and a test for room against a cached data_tail,
 * which is loaded again only when the cached one says "full". libnrb's own ring, so that memory, mapping and reader are
 * those of the paths.
 *
 * Payloads come by the copy routine in @copy, a constant that is inlined.
 */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include <errno.h>
#include <string.h>

#include "contestant.h"
#include "copy.h"
#include "order.h"
#include "ring.h"

struct bench_ring {
	/* What each write touches: one cache line. */
	_Alignas(64) uint64_t head; /* the writer's position */
	uint64_t tail_cache;        /* data_tail as last loaded */
	uint64_t mask;              /* data_size - 1 */
	unsigned char *data;
	struct nrb_control *control;
	struct nrb_ring *ring;
	/* The consumer's. */
	_Alignas(64) struct nrb_reader *reader;
};

struct bench_ring *limit_open(const struct bench_attr *attr);
void limit_close(struct bench_ring *ring);
uint64_t limit_take(struct bench_ring *ring, uint64_t least);
int limit_next(struct bench_ring *ring, const void **payload, size_t *size);
void limit_release(struct bench_ring *ring);

/* Bytes of a record with @size bytes of payload. */
LIMIT_INLINE uint64_t limit_record(size_t size)
{
	return sizeof(struct nrb_header) + ((size + 7) & ~(uint64_t)7);
}

/* Header and payload at @head. */
LIMIT_INLINE void limit_put(struct bench_ring *ring, uint64_t head, uint64_t record, const void *payload, size_t size,
			    void (*copy)(void *, const void *, size_t))
{
	const struct nrb_header header = { .type = NRB_RECORD_SAMPLE, .size = (uint16_t)record };
	unsigned char *at = ring->data + (head & ring->mask);

	memcpy(at, &header, sizeof(header));
	/* Zeros where the rounding ends, if it does round. */
	if (size % 8)
		memset(at + record - 8, 0, 8);
	copy(at + sizeof(header), payload, size);
}

/* Whether @record bytes fit at @head; one byte always stays free, as in perf. */
LIMIT_INLINE bool limit_has_room(struct bench_ring *ring, uint64_t head, uint64_t record)
{
	if (__builtin_expect(head + record - ring->tail_cache <= ring->mask, 1))
		return true;
	/* reserve:A  pairs with release:D, as in nrb_has_space(). */
	ring->tail_cache = nrb_load_acquire(&ring->control->data_tail);
	return head + record - ring->tail_cache <= ring->mask;
}

LIMIT_INLINE int limit_publish(struct bench_ring *ring, const void *payload, size_t size,
			       void (*copy)(void *, const void *, size_t))
{
	uint64_t head = ring->head, record = limit_record(size);

	if (!limit_has_room(ring, head, record))
		return -ENOSPC;
	limit_put(ring, head, record, payload, size, copy);
	ring->head = head + record;
	/* publish:B  pairs with poll:C. */
	nrb_store_release(&ring->control->data_head, head + record);
	return 0;
}

#endif /* BENCH_LIMIT_H */
