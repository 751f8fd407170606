/* SPDX-License-Identifier: MIT */
/*
 * lttng_ust.c - LTTng-UST's ring buffer: a tracepoint writes, as in applications, and who reads is a consumer
 *
 * The buffer is in discard mode. Where nothing is left to read, the part that is being written is ended early, as a
 * live timer does. lttng_session.c and lttng_channel.c stand for the daemons that there would be. One ring at a time: a
 * tracepoint writes into all that there are.
 *
 *     cc -O2 -g -fPIC -shared lttng_ust.c lttng_session.c lttng_channel.c -o lttng_ust.so \
 *         -llttng-ust-ctl -llttng-ust-common -lurcu && nrb-stress ./lttng_ust.so --writers=1
 */
#define _GNU_SOURCE
#define LTTNG_UST_TRACEPOINT_DEFINE
#define LTTNG_UST_TRACEPOINT_PROBE_DYNAMIC_LINKAGE
#include "lttng_session.h"

#include <errno.h>
#include <lttng/tracepoint.h>
#include <lttng/ust-ringbuffer-context.h>
#include <nrb_plugin.h>
#include <string.h>

#include <lttng/urcu/static/urcu-ust.h>
#include <lttng/urcu/urcu-ust.h>

#define DEPTH 4u          /* LTTng-UST refuses what is nested deeper */
#define PACKET_HEADER 84u /* bytes in front of a part's records */

struct adapter {
	struct lttng_session *session;
	uint64_t part;                 /* that is to be read next, ever */
	const unsigned char *at, *end; /* of the one that is being read */
};

/* ---- the tracepoint, and its probe: by hand, as LTTng's macros would not say whether a record was lost ---- */

#pragma GCC diagnostic ignored "-Wunused-function" /* the macro's own */
/* cppcheck-suppress unknownMacro */
LTTNG_UST_TRACEPOINT_EVENT(nrb, record, LTTNG_UST_TP_ARGS(const void *, payload, size_t, size, int *, rc),
			   LTTNG_UST_TP_FIELDS())

/* This thread's. Not on the stack: LTTng-UST notes where they are, and the same write is to leave the same behind. */
static __thread __attribute__((tls_model("initial-exec"))) struct {
	struct lttng_ust_ring_buffer_ctx context[DEPTH];
	uint64_t depth;
} own;

static void record(void *data, const void *payload, size_t size, int *rc)
{
	struct lttng_ust_event_recorder *recorder = ((struct lttng_ust_event_common *)data)->child;
	const struct lttng_ust_channel_buffer_ops *ops = recorder->chan->ops;
	uint64_t depth = __atomic_load_n(&own.depth, __ATOMIC_RELAXED); /* handlers leave it as it was */
	struct lttng_ust_ring_buffer_ctx *ctx = &own.context[depth];
	uint16_t length = (uint16_t)size;

	if (depth >= DEPTH) {
		*rc = -EPERM;
		return;
	}
	__atomic_store_n(&own.depth, depth + 1, __ATOMIC_RELAXED);
	lttng_ust_ring_buffer_ctx_init(ctx, recorder, sizeof(length) + size, 1, NULL);
	*rc = ops->event_reserve(ctx);
	if (!*rc) {
		ops->event_write(ctx, &length, sizeof(length), 1);
		ops->event_write(ctx, payload, size, 1);
		ops->event_commit(ctx);
	}
	__atomic_store_n(&own.depth, depth, __ATOMIC_RELAXED);
}

static const struct lttng_ust_probe_desc probe;

static struct lttng_ust_tracepoint_class class = {
	.struct_size = sizeof(class),
	.probe_callback = (void (*)(void))record,
	.probe_desc = &probe,
};

static const struct lttng_ust_event_desc event = {
	.struct_size = sizeof(event),
	.event_name = "record",
	.probe_desc = &probe,
	.tp_class = &class,
};

static const struct lttng_ust_event_desc *const events[] = { &event };

static const struct lttng_ust_probe_desc probe = {
	.struct_size = sizeof(probe),
	.provider_name = "nrb",
	.event_desc = events,
	.nr_events = 1,
	.major = LTTNG_UST_PROVIDER_MAJOR,
	.minor = LTTNG_UST_PROVIDER_MINOR,
};

static void *adapter_open(const struct nrb_plugin_host *host, size_t data_size)
{
	struct adapter *adapter = host->alloc(host, sizeof(*adapter));
	struct lttng_session *session;

	class.signature = lttng_ust_tracepoint_nrb___record.signature;
	session = adapter ? lttng_session_get(&probe, "nrb:record", data_size) : NULL;
	if (!session)
		return NULL;
	adapter->session = session;
	/* A static variable, which the harness has put back as it was: that nobody wants to have it recorded. */
	if (lttng_ust_tracepoint_enabled(nrb, record))
		session->enabled = lttng_ust_tracepoint_nrb___record;
	else
		lttng_ust_tracepoint_nrb___record = session->enabled;
	session->used = lttng_ust_tracepoint_enabled(nrb, record);
	errno = ENOTCONN;
	return session->used ? adapter : NULL;
}

static void adapter_close(void *opaque)
{
	/* It is kept for the next ring. */
	((struct adapter *)opaque)->session->used = false;
}

/* What a thread would else do at its first tracepoint. */
static int adapter_attach(void *opaque)
{
	((struct adapter *)opaque)->session->init_thread();
	lttng_ust_urcu_read_lock();
	lttng_ust_urcu_read_unlock();
	return 0;
}

static void adapter_detach(void *opaque)
{
	(void)opaque; /* LTTng-UST sees to it when the thread ends */
}

static int adapter_write(void *opaque, const void *payload, size_t size)
{
	int rc = -ENOTCONN; /* where nobody records it */

	(void)opaque;
	lttng_ust_tracepoint(nrb, record, payload, size, &rc);
	/* -EIO: there would be room, but for a record in the part that is next which is not committed yet. */
	return rc == -ENOBUFS || rc == -EIO ? -ENOSPC : rc;
}

/* ---- reading ---- */

/*
 * Whether all of the next part is committed, and delivered. Were it not, who asks for it would wait up to 50 ms for
 * that. By the count that is asked then: these lie behind the ones that lttng-crash is told of, which are stored
 * without regard to other threads, so that they may stay behind for good.
 */
static bool is_whole(const struct adapter *adapter)
{
	const struct lttng_session *s = adapter->session;
	const unsigned char *delivered = s->memory + s->crash->commits + s->parts * s->crash->commits_stride;
	const unsigned char *own = delivered + adapter->part % s->parts * s->crash->commits_stride;
	uint64_t count = __atomic_load_n((const unsigned long *)own, __ATOMIC_ACQUIRE);

	return (int64_t)(count - (adapter->part / s->parts + 1) * s->part_size) >= 0;
}

/* Return: whether there is another part. */
static bool get_part(struct adapter *adapter)
{
	const struct lttng_session *s = adapter->session;
	const unsigned long *produced = (const unsigned long *)(s->memory + s->crash->produced);
	unsigned long offset;
	uint64_t bits;

	if (!is_whole(adapter) && __atomic_load_n(produced, __ATOMIC_ACQUIRE) / s->part_size == adapter->part)
		lttng_ust_ctl_flush_buffer(s->stream[0], 1);
	if (!is_whole(adapter) || lttng_ust_ctl_get_next_subbuf(s->stream[0]))
		return false;
	lttng_ust_ctl_get_mmap_read_offset(s->stream[0], &offset);
	lttng_ust_ctl_get_content_size(s->stream[0], &bits);
	adapter->at = (const unsigned char *)lttng_ust_ctl_get_mmap_base(s->stream[0]) + offset;
	adapter->end = adapter->at + bits / 8;
	adapter->at += PACKET_HEADER;
	return true;
}

static void put_part(struct adapter *adapter)
{
	lttng_ust_ctl_put_next_subbuf(adapter->session->stream[0]);
	adapter->part++;
	adapter->at = adapter->end = NULL;
}

static int64_t adapter_read(void *opaque, void *payload, size_t size)
{
	struct adapter *adapter = opaque;
	uint16_t length;

	/* The first part may be ended before there is a record in it. */
	while (adapter->at == adapter->end) {
		if (adapter->at)
			put_part(adapter);
		if (!get_part(adapter))
			return 0;
	}
	/* The event's number, and when; where the clock's lower bits do not tell when, both in full. */
	adapter->at += (*adapter->at & 31) == 31 ? 1 + sizeof(uint32_t) + sizeof(uint64_t) : sizeof(uint32_t);
	memcpy(&length, adapter->at, sizeof(length));
	adapter->at += sizeof(length);
	if (length > size || length > adapter->end - adapter->at) {
		put_part(adapter);
		return -EBADMSG;
	}
	memcpy(payload, adapter->at, length);
	adapter->at += length;
	/* Its room is free once all of it was read. */
	if (adapter->at == adapter->end)
		put_part(adapter);
	return length;
}

/* What writing and reading change. */
static unsigned adapter_regions(void *opaque, struct nrb_plugin_region *region, unsigned most)
{
	const struct lttng_session *s = ((struct adapter *)opaque)->session;
	struct nrb_plugin_region all[4] = { { .address = s->memory, .size = s->memory_size },
					    { .address = &own, .size = sizeof(own) } };
	unsigned count = 2;

	if (lttng_session_own(&all[count].address, &all[count].size))
		count++;
	if (URCU_TLS(lttng_ust_urcu_reader))
		all[count++] =
			(struct nrb_plugin_region) { &URCU_TLS(lttng_ust_urcu_reader)->ctr, sizeof(unsigned long) };
	count = count < most ? count : most;
	memcpy(region, all, count * sizeof(all[0]));
	return count;
}

const struct nrb_plugin nrb_plugin = {
	.version = NRB_PLUGIN_VERSION,
	.struct_size = sizeof(struct nrb_plugin),
	.name = "lttng-ust",
	.summary = "LTTng-UST's ring buffer, written to by a tracepoint",
	.claim = NRB_PLUGIN_SOUND,
	.max_depth = DEPTH,
	.flags = NRB_PLUGIN_SHARED_WRITERS,
	.open = adapter_open,
	.close = adapter_close,
	.write = adapter_write,
	.read = adapter_read,
	.attach = adapter_attach,
	.detach = adapter_detach,
	.regions = adapter_regions,
};
