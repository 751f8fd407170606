/* SPDX-License-Identifier: MIT */
/*
 * limit-copy - header and payload into the ring, and nothing else: no test for room, nothing published
 *
 * Less than this no writer of such records can do. Nobody can read it, so it overwrites.
 */
#include "limit.h"

static struct bench_ring *limit_copy_open(const struct bench_attr *attr)
{
	struct bench_attr plain = *attr;

	plain.overwrite = !attr->overwrite;
	return limit_open(&plain);
}

LIMIT_INLINE int put(struct bench_ring *ring, const void *payload, size_t size,
		     void (*copy)(void *, const void *, size_t))
{
	uint64_t head = ring->head, record = limit_record(size);

	limit_put(ring, head, record, payload, size, copy);
	ring->head = head + record;
	return 0;
}

/* Apart, so that short records have no call on their way and nothing to save for it. */
static __attribute__((noinline)) int put_long(struct bench_ring *ring, const void *payload, size_t size)
{
	return put(ring, payload, size, limit_copy);
}

static int limit_copy_write(struct bench_ring *ring, const void *payload, size_t size)
{
	if (__builtin_expect(size > LIMIT_SHORT, 0))
		return put_long(ring, payload, size);
	return put(ring, payload, size, limit_copy_short);
}

const struct contestant contestant_limit_copy = {
	.name = "limit-copy",
	.summary = "limit: header and payload into the ring, nothing else; nobody can read it",
	.traits = CONTESTANT_LIMIT | CONTESTANT_OVERWRITES | CONTESTANT_KEEPS_NOT,
	.open = limit_copy_open,
	.close = limit_close,
	.write = limit_copy_write,
};
