/* SPDX-License-Identifier: MIT */
/*
 * perf_layout.c - libnrb's own ring as somebody else's: a plug-in with all that is optional, and memory that the
 * harness does not know
 */
#include <errno.h>
#include <nrb.h>
#include <nrb_plugin.h>
#include <stdlib.h>
#include <string.h>

struct adapter {
	struct nrb_ring *ring;
	struct nrb_reader *reader;
	uint64_t told; /* losses, in band */
	int attached;
};

static void adapter_close(void *opaque)
{
	struct adapter *adapter = opaque;

	nrb_reader_close(adapter->reader);
	nrb_destroy(adapter->ring);
	free(adapter);
}

static void *adapter_open(const struct nrb_plugin_host *host, size_t data_size)
{
	struct adapter *adapter = calloc(1, sizeof(*adapter));
	struct nrb_attr attr = NRB_ATTR_INIT;

	(void)host;
	if (!adapter)
		return NULL;
	attr.data_size = data_size;
	adapter->ring = nrb_create(&attr);
	adapter->reader = adapter->ring ? nrb_reader_open(adapter->ring) : NULL;
	if (adapter->reader)
		return adapter;
	adapter_close(adapter);
	return NULL;
}

static int adapter_attach(void *opaque)
{
	((struct adapter *)opaque)->attached++;
	return 0;
}

static void adapter_detach(void *opaque)
{
	((struct adapter *)opaque)->attached--;
}

static int adapter_write(void *opaque, const void *payload, size_t size)
{
	struct adapter *adapter = opaque;

	if (adapter->attached != 1)
		return -ENXIO;
	return nrb_write(adapter->ring, NRB_RECORD_SAMPLE, payload, size);
}

static int adapter_reserve(void *opaque, struct nrb_plugin_reservation *reservation, size_t size)
{
	struct nrb_reservation *r = (struct nrb_reservation *)(void *)reservation->state;
	int rc = nrb_reserve(((struct adapter *)opaque)->ring, r, NRB_RECORD_SAMPLE, size);

	reservation->payload = r->payload;
	return rc;
}

static void adapter_commit(void *opaque, struct nrb_plugin_reservation *reservation)
{
	nrb_commit(((struct adapter *)opaque)->ring, (struct nrb_reservation *)(void *)reservation->state);
}

_Static_assert(sizeof(struct nrb_reservation) <= sizeof(((struct nrb_plugin_reservation *)0)->state), "it fits");

static int64_t adapter_read(void *opaque, void *payload, size_t size)
{
	struct adapter *adapter = opaque;
	struct nrb_record record;
	int rc;

	nrb_reader_poll(adapter->reader, NULL);
	while ((rc = nrb_reader_next(adapter->reader, &record)) == 1 && record.type == NRB_RECORD_LOST)
		adapter->told += ((const struct nrb_lost *)record.payload)->lost;
	if (rc <= 0)
		return rc;
	if (record.size > size)
		return -EMSGSIZE;
	memcpy(payload, record.payload, record.size);
	return record.size;
}

static void adapter_release(void *opaque)
{
	nrb_reader_release(((struct adapter *)opaque)->reader);
}

static uint64_t adapter_head(const void *opaque)
{
	return nrb_reader_head(((const struct adapter *)opaque)->reader);
}

static uint64_t adapter_tail(const void *opaque)
{
	return nrb_reader_tail(((const struct adapter *)opaque)->reader);
}

static uint64_t adapter_reserved_head(const void *opaque)
{
	return nrb_reserved_head(((const struct adapter *)opaque)->ring);
}

const struct nrb_plugin nrb_plugin = {
	.version = NRB_PLUGIN_VERSION,
	.struct_size = sizeof(struct nrb_plugin),
	.name = "perf-layout",
	.claim = NRB_PLUGIN_SOUND,
	.max_depth = DEPTH,
	.flags = NRB_PLUGIN_BYTES,
	.open = adapter_open,
	.close = adapter_close,
	.write = adapter_write,
	.read = adapter_read,
	.head = adapter_head,
	.tail = adapter_tail,
	.release = adapter_release,
	.reserved_head = adapter_reserved_head,
	.reserve = adapter_reserve,
	.commit = adapter_commit,
	.attach = adapter_attach,
	.detach = adapter_detach,
};
