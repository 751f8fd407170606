/* SPDX-License-Identifier: MIT */
/*
 * ck_ring.c - Concurrency Kit's ring for one consumer: with one producer and, as MPSC, with several
 *
 * It says nothing of handlers. To the first a nested write is a second producer, which it must not have: max_depth is
 * 1, and the harness nests all the same and shows what that does. Does it help to have the other, which takes several?
 *
 *     cc -O2 -g -fPIC -shared ck_ring.c -o ck_ring.so && nrb-stress ./ck_ring.so
 *     cc -O2 -g -fPIC -shared -DMPSC ck_ring.c -o ck_ring_mpsc.so && nrb-stress ./ck_ring_mpsc.so
 */
#include <ck_ring.h>
#include <errno.h>
#include <nrb_plugin.h>
#include <stdbool.h>
#include <string.h>

#define PAYLOAD_MAX 120u
#ifdef MPSC
#define NAME "ck_ring_mpsc"
#define DEPTH 0
#define ENQUEUE CK_RING_ENQUEUE_MPSC
#define DEQUEUE CK_RING_DEQUEUE_MPSC
#else
#define NAME "ck_ring"
#define DEPTH 1
#define ENQUEUE CK_RING_ENQUEUE_SPSC
#define DEQUEUE CK_RING_DEQUEUE_SPSC
#endif

struct record {
	uint64_t size;
	unsigned char payload[PAYLOAD_MAX];
};

CK_RING_PROTOTYPE(record, record)

struct adapter {
	struct ck_ring ring;
	_Alignas(64) struct record slot[];
};

static void *adapter_open(const struct nrb_plugin_host *host, size_t data_size)
{
	/* A power of two, one of which stays free. */
	unsigned slots = (unsigned)(data_size / sizeof(struct record));
	struct adapter *adapter = host->alloc(host, sizeof(*adapter) + slots * sizeof(struct record));

	if (adapter)
		ck_ring_init(&adapter->ring, slots);
	return adapter;
}

static void adapter_close(void *opaque)
{
	(void)opaque; /* its memory is the harness's */
}

static int adapter_write(void *opaque, const void *payload, size_t size)
{
	struct adapter *adapter = opaque;
	struct record record = { .size = size };

	memcpy(record.payload, payload, size);
	return ENQUEUE(record, &adapter->ring, adapter->slot, &record) ? 0 : -ENOSPC;
}

static int64_t adapter_read(void *opaque, void *payload, size_t size)
{
	struct adapter *adapter = opaque;
	struct record record;

	if (!DEQUEUE(record, &adapter->ring, adapter->slot, &record))
		return 0;
	if (record.size > size || record.size > PAYLOAD_MAX)
		return -EBADMSG;
	memcpy(payload, record.payload, record.size);
	return (int64_t)record.size;
}

/* Of 32 bits: good for 2^32 records. */
static uint64_t adapter_head(const void *opaque)
{
	unsigned head = ck_pr_load_uint(&((struct adapter *)opaque)->ring.p_tail);

	ck_pr_fence_acquire();
	return head;
}

const struct nrb_plugin nrb_plugin = {
	.version = NRB_PLUGIN_VERSION,
	.struct_size = sizeof(struct nrb_plugin),
	.name = NAME,
	.summary = "Concurrency Kit's ring",
	.claim = NRB_PLUGIN_SOUND,
	.max_depth = DEPTH,
	.max_payload = PAYLOAD_MAX,
	.open = adapter_open,
	.close = adapter_close,
	.write = adapter_write,
	.read = adapter_read,
	.head = adapter_head,
};
