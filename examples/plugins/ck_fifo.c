/* SPDX-License-Identifier: MIT */
/*
 * ck_fifo.c - Concurrency Kit's lock-free queue for several producers and consumers, by double-width compare-and-swap
 *
 * Nobody waits for anybody, so handlers may enqueue. Nodes that are free lie on a stack of the same library: a handler
 * must not call malloc(). The node just freed is the next one to be used, which makes it hard for a queue that tells
 * nodes by their address. Readers see no position, so there is no head().
 *
 *     cc -O2 -g -fPIC -shared ck_fifo.c -o ck_fifo.so && nrb-stress ./ck_fifo.so
 *
 * With -DSHARED it claims to be good for several threads as well. With nodes that are used again at once, it is not: an
 * enqueue begins by setting its node's generation to 0. Who has seen the last node's link, and is kept from the
 * exchange while that node is read, freed and taken by another writer, finds the same empty link again, and puts its
 * record behind a node that is not in the queue yet: there it stays until that one is, and younger ones overtake it.
 */
#include <ck_fifo.h>
#include <ck_stack.h>
#include <errno.h>
#include <nrb_plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define PAYLOAD_MAX 80u
#ifdef SHARED
#define NAME "ck_fifo_shared"
#define FLAGS NRB_PLUGIN_SHARED_WRITERS
#else
#define NAME "ck_fifo"
#define FLAGS 0
#endif

struct node {
	struct ck_fifo_mpmc_entry queued; /* first: what a dequeue frees is the node */
	/* Apart from the queue's link: who was interrupted in an enqueue may still look at that of a free node. */
	struct ck_stack_entry freed;
	uint64_t size;
	unsigned char payload[PAYLOAD_MAX];
};

struct adapter {
	_Alignas(64) struct ck_fifo_mpmc fifo;
	_Alignas(64) struct ck_stack freed;
	_Alignas(64) struct node node[];
};

static struct node *node_of(struct ck_stack_entry *freed)
{
	return (struct node *)((unsigned char *)freed - offsetof(struct node, freed));
}

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
	.name = NAME,
	.summary = "Concurrency Kit's lock-free queue, nodes from a stack of its own",
	.claim = NRB_PLUGIN_SOUND,
	.max_payload = PAYLOAD_MAX,
	.flags = FLAGS,
	.open = adapter_open,
	.close = adapter_close,
	.write = adapter_write,
	.read = adapter_read,
};
