/* SPDX-License-Identifier: MIT */
/*
 * memcpy-publish - limit-publish with the C library's memcpy, called: what one gets who writes the obvious
 */
#include "limit.h"

/* The size is known at run time only, so this is a call. */
LIMIT_INLINE void copy_by_call(void *to, const void *from, size_t size)
{
	memcpy(to, from, size);
}

static int memcpy_publish_write(struct bench_ring *ring, const void *payload, size_t size)
{
	return limit_publish(ring, payload, size, copy_by_call);
}

const struct contestant contestant_memcpy_publish = {
	.name = "memcpy-publish",
	.summary = "limit-publish with a call of memcpy",
	.traits = CONTESTANT_LIMIT,
	.open = limit_open,
	.close = limit_close,
	.write = memcpy_publish_write,
	.take = limit_take,
	.next = limit_next,
	.release = limit_release,
};
