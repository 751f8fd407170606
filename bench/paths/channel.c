/* SPDX-License-Identifier: MIT */
/*
 * channel - nrb_channel_write(): the ring may be replaced under its writer, so each write enters an RCU read section
 */
#include <errno.h>

#include "../limits/copy.h"
#include "path.h"

static struct bench_ring *channel_open(const struct bench_attr *attr)
{
	struct bench_ring *ring = path_open(attr);

	if (!ring)
		return NULL;
	ring->channel = nrb_channel_create(NULL, 0, NULL);
	if (ring->channel && !nrb_channel_replace(ring->channel, ring->ring, NULL))
		return ring;
	nrb_channel_destroy(ring->channel);
	path_close(ring);
	return NULL;
}

static void channel_close(struct bench_ring *ring)
{
	/* It has gone to the channel. */
	ring->ring = NULL;
	nrb_channel_leave(ring->channel);
	nrb_channel_destroy(ring->channel);
	path_close(ring);
}

/* Who consumes is attached as well, but there is one writer: who writes first has joined. Return: 0 or -errno. */
static __attribute__((cold, noinline)) int channel_join(struct bench_ring *ring)
{
	return nrb_channel_join(ring->channel);
}

static void channel_detach(struct bench_ring *ring)
{
	nrb_channel_leave(ring->channel);
}

static int channel_write(struct bench_ring *ring, const void *payload, size_t size)
{
	int rc = nrb_channel_write(ring->channel, NRB_RECORD_SAMPLE, payload, size);

	if (__builtin_expect(rc == -ENXIO, 0)) {
		rc = channel_join(ring);
		if (!rc)
			rc = nrb_channel_write(ring->channel, NRB_RECORD_SAMPLE, payload, size);
	}
	return rc;
}

static int channel_write_around(struct bench_ring *ring, const void *payload, size_t size, void (*within)(void *),
				void *arg)
{
	struct nrb_reservation r;
	int rc = nrb_channel_reserve(ring->channel, &r, NRB_RECORD_SAMPLE, size);

	if (__builtin_expect(rc == -ENXIO, 0)) {
		rc = channel_join(ring);
		if (!rc)
			rc = nrb_channel_reserve(ring->channel, &r, NRB_RECORD_SAMPLE, size);
	}
	if (rc)
		return rc;
	limit_copy(r.payload, payload, size);
	within(arg);
	nrb_channel_commit(ring->channel, &r);
	return 0;
}

const struct contestant contestant_channel = {
	.name = "channel",
	.summary = "nrb_channel_write(): the ring may be replaced meanwhile",
	.traits = CONTESTANT_PATH | CONTESTANT_NESTS | CONTESTANT_OVERWRITES | CONTESTANT_STAMPS,
	.open = channel_open,
	.close = channel_close,
	.detach = channel_detach,
	.write = channel_write,
	.write_around = channel_write_around,
	PATH_CONSUMED,
};
