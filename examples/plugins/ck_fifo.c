/* SPDX-License-Identifier: MIT */
/*
 * ck_fifo.c - Concurrency Kit's lock-free queue for several producers and consumers, by double-width compare-and-swap
 *
 * Nobody waits for anybody, so handlers may enqueue. Nodes that are free lie on a stack of the same library: a handler
 * must not call malloc(). The node just freed is the next one to be used, which makes it hard for a queue that tells
 * nodes by their address. Readers see no position, so there is no head().
 *
 *     cc -O2 -g -fPIC -shared ck_fifo.c -o ck_fifo.so && nrb-stress ./ck_fifo.so
 */
#include <ck_fifo.h>
#include <ck_stack.h>
#include <errno.h>
#include <nrb_plugin.h>
#include <stdbool.h>
#include <string.h>

#if !defined(CK_F_FIFO_MPMC) || !defined(CK_F_STACK_PUSH_MPMC) || !defined(CK_F_STACK_POP_MPMC)
#error "libck has no compare-and-swap of two pointers for this processor: it has one for x86-64"
#endif

#define PAYLOAD_MAX 80u

struct node {
	struct ck_fifo_mpmc_entry queued; /* first: what a dequeue frees is the node */
	/* Apart from the queue's link: who was interrupted in an enqueue may still look at that of a node that is free. */
	struct ck_stack_entry freed;
	uint64_t size;
	unsigned char payload[PAYLOAD_MAX];
};

struct adapter {
	_Alignas(64) struct ck_fifo_mpmc fifo;
	_Alignas(64) struct ck_stack freed;
	_Alignas(64) struct node node[];
};

CK_STACK_CONTAINER(struct node, freed, node_of)

static void *adapter_open(const struct nrb_plugin_host *host, size_t data_size)
{
	/* One more: the queue's stub. */
	size_t nodes = data_size / sizeof(struct node) + 1;
	struct adapter *adapter = host->alloc(host, sizeof(*adapter) + nodes * sizeof(struct node));

	if (!adapter)
		return NULL;
	ck_fifo_mpmc_init(&adapter->fifo, &adapter->node[0].queued);
	ck_stack_init(&adapter->freed);
	while (--nodes)
		ck_stack_push_spnc(&adapter->freed, &adapter->node[nodes].freed);
	return adapter;
}

static void adapter_close(void *opaque)
{
	(void)opaque; /* its memory is the harness's */
}

static int adapter_write(void *opaque, const void *payload, size_t size)
{
	struct adapter *adapter = opaque;
	struct ck_stack_entry *freed = ck_stack_pop_mpmc(&adapter->freed);
	struct node *node;

	if (!freed)
		return -ENOSPC;
	node = node_of(freed);
	node->size = size;
	memcpy(node->payload, payload, size);
	ck_fifo_mpmc_enqueue(&adapter->fifo, &node->queued, node);
	return 0;
}

/* An enqueue that was interrupted halfway is finished here, not waited for. */
static int64_t adapter_read(void *opaque, void *payload, size_t size)
{
	struct adapter *adapter = opaque;
	struct ck_fifo_mpmc_entry *garbage;
	const struct node *node;
	int64_t length;

	if (!ck_fifo_mpmc_dequeue(&adapter->fifo, &node, &garbage))
		return 0;
	/* This node is the stub now; the one that was it is free. */
	length = node->size <= size && node->size <= PAYLOAD_MAX ? (int64_t)node->size : -EBADMSG;
	if (length > 0)
		memcpy(payload, node->payload, node->size);
	ck_stack_push_mpmc(&adapter->freed, &((struct node *)garbage)->freed);
	return length;
}

const struct nrb_plugin nrb_plugin = {
	.version = NRB_PLUGIN_VERSION,
	.struct_size = sizeof(struct nrb_plugin),
	.name = "ck_fifo",
	.summary = "Concurrency Kit's lock-free queue, nodes from a stack of its own",
	.claim = NRB_PLUGIN_SOUND,
	.max_payload = PAYLOAD_MAX,
	.flags = NRB_PLUGIN_SHARED_WRITERS,
	.open = adapter_open,
	.close = adapter_close,
	.write = adapter_write,
	.read = adapter_read,
};
