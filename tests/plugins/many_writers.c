/* SPDX-License-Identifier: MIT */
/*
 * many_writers.c - a ring of slots that threads and their handlers share, with all that a table may tell of it; sound,
 * but for what FAULT names: each is good for one thread and its handlers
 */
#include <errno.h>
#include <nrb_plugin.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

enum { NONE, PLAIN_RESERVE, PLAIN_LOST };

#ifndef FAULT
#define FAULT NONE
#endif
#ifndef UNIT
#define UNIT 1u /* of positions, for each record */
#endif

#define PAYLOAD_MAX 104u

struct slot {
	_Atomic uint64_t ready; /* the number of the record that it holds, and 1 */
	uint64_t size;
	unsigned char payload[PAYLOAD_MAX];
	uint64_t unused;
};

struct ring {
	_Atomic uint64_t reserved, head, lost;
	_Alignas(64) _Atomic uint64_t tail;
	uint64_t read, slots;
	_Alignas(64) struct slot slot[];
};

/* As *@at does where nothing but a handler can come in between: one instruction, and not for other CPUs. */
static bool local_cas(_Atomic uint64_t *at, uint64_t *old, uint64_t new)
{
	bool done;

	__asm__ volatile("cmpxchgq %3, %1" : "=@ccz"(done), "+m"(*at), "+a"(*old) : "r"(new) : "memory");
	return done;
}

static bool swap(bool plain, _Atomic uint64_t *at, uint64_t *old, uint64_t new)
{
	return plain ? local_cas(at, old, new) : atomic_compare_exchange_weak(at, old, new);
}

static void *ring_open(const struct nrb_plugin_host *host, size_t data_size)
{
	uint64_t slots = data_size / sizeof(struct slot);
	struct ring *ring = host->alloc(host, sizeof(*ring) + slots * sizeof(struct slot));

	if (ring)
		ring->slots = slots;
	return ring;
}

static void ring_close(void *opaque)
{
	(void)opaque; /* its memory is the harness's */
}

static int refuse(struct ring *ring)
{
	uint64_t lost = atomic_load(&ring->lost);

	while (!swap(FAULT == PLAIN_LOST, &ring->lost, &lost, lost + 1))
		;
	return -ENOSPC;
}

/* The record @at is complete. Past it and all that is ready behind it, unless one before it is not: who completes that
 * goes past this one. */
static void publish(struct ring *ring, uint64_t at)
{
	uint64_t head;

	atomic_store(&ring->slot[at % ring->slots].ready, at + 1);
	head = atomic_load(&ring->head);
	while (atomic_load(&ring->slot[head % ring->slots].ready) == head + 1)
		if (atomic_compare_exchange_weak(&ring->head, &head, head + 1))
			head++;
}

static int ring_write(void *opaque, const void *payload, size_t size)
{
	struct ring *ring = opaque;
	uint64_t at = atomic_load(&ring->reserved);
	struct slot *slot;

	do {
		if ((int64_t)(at - atomic_load(&ring->tail)) >= (int64_t)ring->slots)
			return refuse(ring);
	} while (!swap(FAULT == PLAIN_RESERVE, &ring->reserved, &at, at + 1));
	slot = &ring->slot[at % ring->slots];
	slot->size = size;
	memcpy(slot->payload, payload, size);
	publish(ring, at);
	return 0;
}

static int64_t ring_read(void *opaque, void *payload, size_t size)
{
	struct ring *ring = opaque;
	const struct slot *slot = &ring->slot[ring->read % ring->slots];

	if (ring->read == atomic_load(&ring->head))
		return 0;
	if (slot->size > size || slot->size > PAYLOAD_MAX)
		return -EBADMSG;
	memcpy(payload, slot->payload, slot->size);
	ring->read++;
	return (int64_t)slot->size;
}

static void ring_release(void *opaque)
{
	struct ring *ring = opaque;

	atomic_store(&ring->tail, ring->read);
}

static uint64_t ring_head(const void *opaque)
{
	return atomic_load(&((const struct ring *)opaque)->head) * UNIT;
}

static uint64_t ring_tail(const void *opaque)
{
	return atomic_load(&((const struct ring *)opaque)->tail) * UNIT;
}

static uint64_t ring_reserved(const void *opaque)
{
	return atomic_load(&((const struct ring *)opaque)->reserved) * UNIT;
}

static uint64_t ring_lost(const void *opaque)
{
	return atomic_load(&((const struct ring *)opaque)->lost);
}

const struct nrb_plugin nrb_plugin = {
	.version = NRB_PLUGIN_VERSION,
	.struct_size = sizeof(struct nrb_plugin),
	.name = "many-writers",
	.max_payload = PAYLOAD_MAX,
	.flags = NRB_PLUGIN_SHARED_WRITERS | (UNIT > 1 ? NRB_PLUGIN_BYTES : 0),
	.open = ring_open,
	.close = ring_close,
	.write = ring_write,
	.read = ring_read,
	.head = ring_head,
	.tail = ring_tail,
	.release = ring_release,
	.reserved_head = ring_reserved,
	.lost = ring_lost,
};
