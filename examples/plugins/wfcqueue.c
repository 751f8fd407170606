/* SPDX-License-Identifier: MIT */
/*
 * wfcqueue.c - liburcu's queue with a wait-free enqueue, in which handlers may well enqueue
 *
 * Nodes come from a pool: a handler must not call malloc(). Readers see no position, so there is no head().
 *
 *     cc -O2 -g -fPIC -shared wfcqueue.c -o wfcqueue.so -lurcu-common && nrb-stress ./wfcqueue.so
 */
#include <errno.h>
#include <nrb_plugin.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <urcu/wfcqueue.h>

#define PAYLOAD_MAX 104u

struct node {
	struct cds_wfcq_node link;
	_Atomic uint64_t busy; /* set by who enqueues it, cleared by who dequeued it */
	uint64_t size;
	unsigned char payload[PAYLOAD_MAX];
};

struct adapter {
	struct __cds_wfcq_head head; /* the consumer's */
	_Alignas(64) struct cds_wfcq_tail tail;
	_Atomic uint64_t taken; /* nodes, ever */
	uint64_t nodes;
	_Alignas(64) struct node node[];
};

static void *adapter_open(const struct nrb_plugin_host *host, size_t data_size)
{
	uint64_t nodes = data_size / sizeof(struct node);
	struct adapter *adapter = host->alloc(host, sizeof(*adapter) + nodes * sizeof(struct node));

	if (!adapter)
		return NULL;
	__cds_wfcq_init(&adapter->head, &adapter->tail);
	adapter->nodes = nodes;
	return adapter;
}

static void adapter_close(void *opaque)
{
	(void)opaque; /* its memory is the harness's */
}

/* The next one of the pool, unless it is still queued. */
static struct node *take(struct adapter *adapter)
{
	uint64_t at = atomic_load(&adapter->taken);
	struct node *node;

	do {
		node = &adapter->node[at % adapter->nodes];
		if (atomic_load(&node->busy))
			return NULL;
	} while (!atomic_compare_exchange_weak(&adapter->taken, &at, at + 1));
	/* A thread that was kept from here while others went once round the pool finds it taken. */
	return atomic_exchange(&node->busy, 1) ? NULL : node;
}

static int adapter_write(void *opaque, const void *payload, size_t size)
{
	struct adapter *adapter = opaque;
	struct node *node = take(adapter);

	if (!node)
		return -ENOSPC;
	cds_wfcq_node_init(&node->link);
	node->size = size;
	memcpy(node->payload, payload, size);
	cds_wfcq_enqueue(&adapter->head, &adapter->tail, &node->link);
	return 0;
}

/* Never waits for an enqueue that was interrupted halfway: what is behind it comes when that goes on. */
static int64_t adapter_read(void *opaque, void *payload, size_t size)
{
	struct adapter *adapter = opaque;
	struct cds_wfcq_node *link = __cds_wfcq_dequeue_nonblocking(&adapter->head, &adapter->tail);
	struct node *node = (struct node *)link;
	int64_t length;

	if (!link || link == CDS_WFCQ_WOULDBLOCK)
		return 0;
	length = node->size <= size && node->size <= PAYLOAD_MAX ? (int64_t)node->size : -EBADMSG;
	if (length > 0)
		memcpy(payload, node->payload, node->size);
	atomic_store(&node->busy, 0);
	return length;
}

const struct nrb_plugin nrb_plugin = {
	.version = NRB_PLUGIN_VERSION,
	.struct_size = sizeof(struct nrb_plugin),
	.name = "wfcqueue",
	.summary = "liburcu's wait-free concurrent queue, nodes from a pool",
	.claim = NRB_PLUGIN_SOUND,
	.max_payload = PAYLOAD_MAX,
	.flags = NRB_PLUGIN_SHARED_WRITERS,
	.open = adapter_open,
	.close = adapter_close,
	.write = adapter_write,
	.read = adapter_read,
};
