/* SPDX-License-Identifier: MIT */
/*
 * wfcqueue - liburcu's wait-free concurrent queue: a linked list that any number of threads may append to
 *
 * Fair to it: its calls inlined, as the licence allows; nodes are not allocated for each record but come from a pool,
 * in its order, and come back to it in the same order once they were dequeued, so that the next one is always known. A
 * node is reused only then; when there is none left the queue is full. The consumer takes whole batches by a splice,
 * which costs the same for any number of nodes; and until there is a batch it looks at nothing that the writer touches
 * for each record, since an append is one locked instruction, which would wait for that line each time. Other threads
 * and handlers could append as well; the pool, which knows one writer, could not serve them.
 */
#define _LGPL_SOURCE
#include <urcu/wfcqueue.h>

#include "order.h"
#include "peer.h"

struct node {
	struct cds_wfcq_node node;
	uint32_t size;   /* of the payload, which follows */
	uint32_t number; /* in the order of writing; of the lap before, until it is written into */
};

struct bench_ring {
	/* The writer's, and where it appends. */
	_Alignas(64) struct cds_wfcq_tail tail;
	uint64_t taken;       /* nodes from the pool so far */
	uint64_t freed_cache; /* freed as last loaded */
	/* Constant; both look here. */
	_Alignas(64) unsigned char *pool;
	struct slots slots;
	/* The consumer's. */
	_Alignas(64) struct __cds_wfcq_head head;
	uint64_t gone;  /* nodes dequeued so far */
	uint64_t freed; /* nodes that are the pool's again; loaded by the writer */
};

static struct node *node_at(const struct bench_ring *ring, uint64_t number)
{
	return (struct node *)(void *)(ring->pool + (number & (ring->slots.count - 1)) * ring->slots.bytes);
}

static void wfcq_close(struct bench_ring *ring)
{
	free(ring->pool);
	free(ring);
}

static struct bench_ring *wfcq_open(const struct bench_attr *attr)
{
	struct slots slots;
	int rc = slots_plan(&slots, attr, sizeof(struct node));
	struct bench_ring *ring = rc ? NULL : aligned_alloc(64, sizeof(*ring));

	if (!ring) {
		errno = rc ? -rc : ENOMEM;
		return NULL;
	}
	memset(ring, 0, sizeof(*ring));
	ring->slots = slots;
	ring->pool = peer_memory((size_t)slots.count * slots.bytes);
	if (!ring->pool) {
		wfcq_close(ring);
		errno = ENOMEM;
		return NULL;
	}
	for (uint32_t i = 0; i < slots.count; i++)
		node_at(ring, i)->number = i - slots.count;
	__cds_wfcq_init(&ring->head, &ring->tail);
	return ring;
}

static int wfcq_write(struct bench_ring *ring, const void *payload, size_t size)
{
	struct node *node;

	if (__builtin_expect(ring->taken - ring->freed_cache == ring->slots.count, 0)) {
		/* Pairs with wfcq_release(): the node is not written into before it was read. */
		ring->freed_cache = nrb_load_acquire(&ring->freed);
		if (ring->taken - ring->freed_cache == ring->slots.count)
			return -ENOSPC;
	}
	node = node_at(ring, ring->taken);
	node->size = (uint32_t)size;
	limit_copy(node + 1, payload, size);
	cds_wfcq_node_init(&node->node);
	nrb_store_relaxed(&node->number, (uint32_t)ring->taken++);
	cds_wfcq_enqueue(&ring->head, &ring->tail, &node->node);
	return 0;
}

static void wfcq_release(struct bench_ring *ring)
{
	/* Pairs with the load in wfcq_write(). */
	nrb_store_release(&ring->freed, ring->gone);
}

static uint64_t wfcq_take(struct bench_ring *ring, uint64_t least)
{
	uint64_t freed = ring->freed, nodes = (least + ring->slots.share - 1) / ring->slots.share;
	uint64_t end = freed + (nodes ? nodes : 1);
	struct cds_wfcq_tail last;
	struct __cds_wfcq_head batch;

	/* The last one of so many is about to be appended, if it is not there yet. */
	if (nrb_load_relaxed(&node_at(ring, end - 1)->number) != (uint32_t)(end - 1))
		return 0;
	__cds_wfcq_init(&batch, &last);
	if (__cds_wfcq_splice_nonblocking(&batch, &last, &ring->head, &ring->tail) == CDS_WFCQ_RET_DEST_EMPTY)
		ring->gone += (uint32_t)(caa_container_of(last.p, struct node, node)->number + 1 - ring->gone);
	/* Else again, when it is. */
	if (ring->gone < end)
		return 0;
	wfcq_release(ring);
	return (ring->gone - freed) * ring->slots.share;
}

static int wfcq_next(struct bench_ring *ring, const void **payload, size_t *size)
{
	struct cds_wfcq_node *first = __cds_wfcq_dequeue_nonblocking(&ring->head, &ring->tail);
	const struct node *node;

	if (!first || first == CDS_WFCQ_WOULDBLOCK)
		return 0;
	node = caa_container_of(first, struct node, node);
	ring->gone++;
	*payload = node + 1;
	*size = node->size;
	return 1;
}

const struct contestant contestant_wfcqueue = {
	.name = "wfcqueue",
	.summary = "liburcu's wait-free queue, its nodes from a pool; nothing may nest",
	.traits = CONTESTANT_SLOTS,
	.open = wfcq_open,
	.close = wfcq_close,
	.write = wfcq_write,
	.take = wfcq_take,
	.next = wfcq_next,
	.release = wfcq_release,
};
