/* SPDX-License-Identifier: MIT */
/*
 * ck-ring - Concurrency Kit's ring for one producer and one consumer: the queue of fixed slots that C programs pick
 *
 * Fair to it: what is filled is the slot itself, by ck's reserve and commit, with the limits' copy and of the payload's
 * own size, not the slot's, so that nothing is copied twice or in vain. ck knows the size of its elements when it is
 * compiled, this slot has one that is known when it is opened: so ck's elements are bytes, which nobody touches, and
 * the number of the one that it hands out is that of the slot. It takes elements one by one, with a store of its
 * position for each; we give back many with one such store, by ck's own primitives, or else it would look slower than
 * its design is. A signal handler must not write into it.
 */
#include "config.h"
#include "peer.h"

#define CK_RING_NAME "ck-ring"
#define CK_RING_SUMMARY "Concurrency Kit's ring, one producer and one consumer, fixed slots; nothing may nest"
#define CK_RING_TRAITS CONTESTANT_SLOTS

#ifdef HAVE_CK
#include <ck_pr.h>
#include <ck_ring.h>

struct element {
	unsigned char byte;
};

CK_RING_PROTOTYPE(element, element)

struct bench_ring {
	_Alignas(64) struct ck_ring ring;
	/* Constant. */
	unsigned char *memory;
	struct element *elements;
	struct slots slots;
	/* The consumer's: slots gone through and not yet given back. */
	_Alignas(64) uint32_t gone;
};

static void ck_close(struct bench_ring *ring)
{
	free(ring->elements);
	free(ring->memory);
	free(ring);
}

static struct bench_ring *ck_open(const struct bench_attr *attr)
{
	struct slots slots;
	int rc = slots_plan(&slots, attr, sizeof(uint64_t));
	struct bench_ring *ring = rc ? NULL : aligned_alloc(64, sizeof(*ring));

	if (!ring) {
		errno = rc ? -rc : ENOMEM;
		return NULL;
	}
	memset(ring, 0, sizeof(*ring));
	ring->slots = slots;
	ring->memory = peer_memory((size_t)slots.count * slots.bytes);
	ring->elements = calloc(slots.count, sizeof(struct element));
	if (!ring->memory || !ring->elements) {
		ck_close(ring);
		errno = ENOMEM;
		return NULL;
	}
	ck_ring_init(&ring->ring, slots.count);
	return ring;
}

static int ck_write(struct bench_ring *ring, const void *payload, size_t size)
{
	const struct element *element = ck_ring_enqueue_reserve_spsc_element(&ring->ring, ring->elements);
	unsigned char *slot;
	uint64_t bytes = size;

	if (__builtin_expect(!element, 0))
		return -ENOSPC;
	slot = ring->memory + (size_t)(element - ring->elements) * ring->slots.bytes;
	memcpy(slot, &bytes, sizeof(bytes));
	limit_copy(slot + sizeof(bytes), payload, size);
	ck_ring_enqueue_commit_spsc(&ring->ring);
	return 0;
}

static void give_back(struct bench_ring *ring, uint32_t slots)
{
	ck_pr_fence_release();
	ck_pr_store_uint(&ring->ring.c_head, ring->ring.c_head + slots);
}

static uint64_t ck_take(struct bench_ring *ring, uint64_t least)
{
	uint32_t slots = ck_ring_size(&ring->ring);

	if (!slots || slots * ring->slots.share < least)
		return 0;
	give_back(ring, slots);
	return slots * ring->slots.share;
}

static int ck_next(struct bench_ring *ring, const void **payload, size_t *size)
{
	const unsigned char *slot;
	uint64_t bytes;

	if (ck_ring_size(&ring->ring) == ring->gone)
		return 0;
	ck_pr_fence_acquire();
	slot = ring->memory + (size_t)((ring->ring.c_head + ring->gone++) & ring->ring.mask) * ring->slots.bytes;
	memcpy(&bytes, slot, sizeof(bytes));
	*payload = slot + sizeof(bytes);
	*size = bytes;
	return 1;
}

static void ck_release(struct bench_ring *ring)
{
	give_back(ring, ring->gone);
	ring->gone = 0;
}

const struct contestant contestant_ck_ring = {
	.name = CK_RING_NAME,
	.summary = CK_RING_SUMMARY,
	.traits = CK_RING_TRAITS,
	.open = ck_open,
	.close = ck_close,
	.write = ck_write,
	.take = ck_take,
	.next = ck_next,
	.release = ck_release,
};
#else
PEER_ABSENT(ck_ring, CK_RING_NAME, CK_RING_SUMMARY, CK_RING_TRAITS,
	    "not built in: install libck-dev and configure again")
#endif
