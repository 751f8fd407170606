/* SPDX-License-Identifier: MIT */
/*
 * sound.c - a ring of slots that handlers may write into at any instruction of a write
 *
 *     cc -O2 -g -fPIC -shared sound.c -o sound.so && nrb-stress ./sound.so
 */
#include <errno.h>
#include <nrb_plugin.h>
#include <stdatomic.h>
#include <string.h>

#define PAYLOAD_MAX 120u
/* What broken.c changes. One thread writes, and its handlers: what is between them would not do between threads. */
#ifndef NAME
#define NAME "sound"
#define LOOKS_AGAIN 1
#define FLAGS 0
#endif

/* Between this thread and its handlers: one indivisible access, in the order in which it is written. */
#define local_load(p) atomic_load_explicit(p, memory_order_relaxed)
#define local_store(p, v) (atomic_store_explicit(p, v, memory_order_relaxed), atomic_signal_fence(memory_order_seq_cst))

struct slot {
	uint64_t size;
	unsigned char payload[PAYLOAD_MAX];
};

struct ring {
	_Atomic uint64_t reserved, nest, lost;   /* the writer's */
	_Alignas(64) _Atomic uint64_t published; /* by the writer, for the reader */
	_Alignas(64) _Atomic uint64_t consumed;  /* by the reader, for the writer */
	uint64_t slots;
	_Alignas(64) struct slot slot[];
};

static void *ring_open(const struct nrb_plugin_host *host, size_t data_size)
{
	uint64_t slots = data_size / sizeof(struct slot);
	struct ring *ring = host->alloc(host, sizeof(*ring) + slots * sizeof(struct slot));

	if (ring)
		ring->slots = slots;
	return ring;
}

static void ring_close(void *ring)
{
	(void)ring; /* its memory is the harness's */
}

/* A handler that strikes in here moves @reserved, so the exchange fails. */
static int reserve(struct ring *ring, uint64_t *at)
{
	*at = local_load(&ring->reserved);
	do {
		/* acquire: what the reader had to copy, it has. */
		if (*at - atomic_load_explicit(&ring->consumed, memory_order_acquire) >= ring->slots)
			return -ENOSPC;
	} while (!atomic_compare_exchange_weak(&ring->reserved, at, *at + 1));
	return 0;
}

/* The outermost writer publishes for all, until nobody has struck since it looked. */
static void publish(struct ring *ring)
{
	uint64_t end = local_load(&ring->reserved);

	while (local_load(&ring->nest) == 1) {
		/* release: with the position come the slots below it. */
		atomic_store_explicit(&ring->published, end, memory_order_release);
		local_store(&ring->nest, 0);
		if (!LOOKS_AGAIN || local_load(&ring->reserved) == end)
			return;
		local_store(&ring->nest, 1);
		end = local_load(&ring->reserved);
	}
	local_store(&ring->nest, local_load(&ring->nest) - 1);
}

static int ring_write(void *opaque, const void *payload, size_t size)
{
	struct ring *ring = opaque;
	uint64_t at;
	int rc;

	local_store(&ring->nest, local_load(&ring->nest) + 1);
	rc = reserve(ring, &at);
	if (rc) {
		atomic_fetch_add(&ring->lost, 1);
	} else {
		ring->slot[at % ring->slots].size = size;
		memcpy(ring->slot[at % ring->slots].payload, payload, size);
	}
	publish(ring); /* also what handlers have written while we were refused */
	return rc;
}

static int64_t ring_read(void *opaque, void *payload, size_t size)
{
	struct ring *ring = opaque;
	uint64_t at = local_load(&ring->consumed);
	const struct slot *slot = &ring->slot[at % ring->slots];

	if (at == atomic_load_explicit(&ring->published, memory_order_acquire))
		return 0;
	if (slot->size > size || slot->size > PAYLOAD_MAX)
		return -EBADMSG;
	memcpy(payload, slot->payload, slot->size);
	size = slot->size;
	atomic_store_explicit(&ring->consumed, at + 1, memory_order_release);
	return (int64_t)size;
}

static uint64_t ring_head(const void *ring)
{
	return atomic_load_explicit(&((struct ring *)ring)->published, memory_order_acquire);
}

static uint64_t ring_reserved(const void *ring)
{
	return local_load(&((struct ring *)ring)->reserved);
}

static uint64_t ring_lost(const void *ring)
{
	return local_load(&((struct ring *)ring)->lost);
}

const struct nrb_plugin nrb_plugin = {
	.version = NRB_PLUGIN_VERSION,
	.struct_size = sizeof(struct nrb_plugin),
	.name = NAME,
	.summary = "slots; the outermost writer publishes for all",
	.claim = NRB_PLUGIN_SOUND,
	.max_payload = PAYLOAD_MAX,
	.flags = FLAGS,
	.open = ring_open,
	.close = ring_close,
	.write = ring_write,
	.read = ring_read,
	.head = ring_head,
	.reserved_head = ring_reserved,
	.lost = ring_lost,
};
