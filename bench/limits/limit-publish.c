/* SPDX-License-Identifier: MIT */
/*
 * limit-publish - copy, then one release store of data_head: one writer that nothing may interrupt
 *
 * What is above it is what nesting, losses that are told and a ring that may be paused cost.
 */
#include "limit.h"

/* Apart, so that short records have no call on their way and nothing to save for it. */
static __attribute__((noinline)) int publish_long(struct bench_ring *ring, const void *payload, size_t size)
{
	return limit_publish(ring, payload, size, limit_copy);
}

static int limit_publish_write(struct bench_ring *ring, const void *payload, size_t size)
{
	if (__builtin_expect(size > LIMIT_SHORT, 0))
		return publish_long(ring, payload, size);
	return limit_publish(ring, payload, size, limit_copy_short);
}

const struct contestant contestant_limit_publish = {
	.name = "limit-publish",
	.summary = "limit: copy and one store of data_head; nothing may nest",
	.traits = CONTESTANT_LIMIT,
	.open = limit_open,
	.close = limit_close,
	.write = limit_publish_write,
	.take = limit_take,
	.next = limit_next,
	.release = limit_release,
};
