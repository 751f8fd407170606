/* SPDX-License-Identifier: MIT */
/*
 * rte-ring - DPDK's ring for one producer and one consumer: the queue of fixed slots of those who forward packets
 *
 * Fair to it: made by rte_ring_init() in memory of ours, which needs neither hugepages nor rte_eal_init(); compiled
 * with DPDK's own flags; its elements are the slots themselves, filled and read in place by its zero-copy calls, with
 * the limits' copy and of the payload's own size. The consumer takes any number of slots at once. A signal handler must
 * not write into it.
 */
#include "config.h"
#include "peer.h"

#define RTE_RING_NAME "rte-ring"
#define RTE_RING_SUMMARY "DPDK's ring, one producer and one consumer, fixed slots; nothing may nest"
#define RTE_RING_TRAITS CONTESTANT_SLOTS

#ifdef HAVE_DPDK
/* The zero-copy calls are what DPDK calls experimental: there since 20.11, and inline. */
#define ALLOW_EXPERIMENTAL_API
#include <rte_ring.h>
#include <rte_ring_peek_zc.h>

struct bench_ring {
	struct rte_ring *ring;
	struct slots slots;
	/* The consumer's: slots gone through and not yet given back. */
	_Alignas(64) uint32_t gone;
};

static void rte_close(struct bench_ring *ring)
{
	free(ring->ring);
	free(ring);
}

static struct bench_ring *rte_open(const struct bench_attr *attr)
{
	struct slots slots;
	int rc = slots_plan(&slots, attr, sizeof(uint64_t));
	struct bench_ring *ring = rc ? NULL : aligned_alloc(64, sizeof(*ring));
	ssize_t size = rc ? 0 : rte_ring_get_memsize_elem(slots.bytes, slots.count);

	if (!ring || size < 0) {
		free(ring);
		errno = rc ? -rc : ENOMEM;
		return NULL;
	}
	memset(ring, 0, sizeof(*ring));
	ring->slots = slots;
	ring->ring = peer_memory((size_t)size);
	rc = ring->ring ? rte_ring_init(ring->ring, "bench", slots.count, RING_F_SP_ENQ | RING_F_SC_DEQ) : -ENOMEM;
	if (!rc)
		return ring;
	rte_close(ring);
	errno = -rc;
	return NULL;
}

static int rte_write(struct bench_ring *ring, const void *payload, size_t size)
{
	struct rte_ring_zc_data slot;
	uint64_t bytes = size;

	if (!rte_ring_enqueue_zc_bulk_elem_start(ring->ring, ring->slots.bytes, 1, &slot, NULL))
		return -ENOSPC;
	memcpy(slot.ptr1, &bytes, sizeof(bytes));
	limit_copy((unsigned char *)slot.ptr1 + sizeof(bytes), payload, size);
	rte_ring_enqueue_zc_elem_finish(ring->ring, 1);
	return 0;
}

static uint64_t rte_take(struct bench_ring *ring, uint64_t least)
{
	struct rte_ring_zc_data slot;
	uint32_t slots = rte_ring_count(ring->ring);

	if (!slots || slots * ring->slots.share < least)
		return 0;
	slots = rte_ring_dequeue_zc_burst_elem_start(ring->ring, ring->slots.bytes, slots, &slot, NULL);
	rte_ring_dequeue_zc_elem_finish(ring->ring, slots);
	return slots * ring->slots.share;
}

static int rte_next(struct bench_ring *ring, const void **payload, size_t *size)
{
	struct rte_ring_zc_data slot;
	uint64_t bytes;

	if (!rte_ring_dequeue_zc_bulk_elem_start(ring->ring, ring->slots.bytes, 1, &slot, NULL))
		return 0;
	ring->gone++;
	memcpy(&bytes, slot.ptr1, sizeof(bytes));
	*payload = (const unsigned char *)slot.ptr1 + sizeof(bytes);
	*size = bytes;
	return 1;
}

static void rte_release(struct bench_ring *ring)
{
	rte_ring_dequeue_zc_elem_finish(ring->ring, ring->gone);
	ring->gone = 0;
}

const struct contestant contestant_rte_ring = {
	.name = RTE_RING_NAME,
	.summary = RTE_RING_SUMMARY,
	.traits = RTE_RING_TRAITS,
	.open = rte_open,
	.close = rte_close,
	.write = rte_write,
	.take = rte_take,
	.next = rte_next,
	.release = rte_release,
};
#else
PEER_ABSENT(rte_ring, RTE_RING_NAME, RTE_RING_SUMMARY, RTE_RING_TRAITS,
	    "not built in: install libdpdk-dev and configure again")
#endif
