/* SPDX-License-Identifier: MIT */
/*
 * peer.h - what contestants by others share: fixed slots, and what stands for one that was not built in
 *
 * Queues of elements of one size hold records of any size up to a limit in slots of that limit, each with the size in
 * front, in place of a ring's header. They get as much memory as the rings, in a power of two of slots.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../limits/copy.h"
#include "contestant.h"

struct slots {
	uint32_t count; /* a power of two */
	uint32_t bytes; /* of each, a multiple of 8 */
	uint64_t share; /* bytes of data_size that each stands for */
};

/*
 * How many slots of payload_max bytes and @more in front @attr->data_size bytes are. Return: 0, or -EOPNOTSUPP: none of
 * them overwrites or stamps; -EMSGSIZE: fewer than two, in which nothing can be queued.
 */
static inline int slots_plan(struct slots *slots, const struct bench_attr *attr, size_t more)
{
	uint64_t bytes = (more + attr->payload_max + 7) & ~(uint64_t)7;

	if (attr->overwrite || attr->stamped)
		return -EOPNOTSUPP;
	if (attr->data_size / bytes < 2 || attr->data_size / bytes > UINT32_MAX / 4)
		return -EMSGSIZE;
	slots->count = 2;
	while ((uint64_t)slots->count * 2 * bytes <= attr->data_size)
		slots->count *= 2;
	slots->bytes = (uint32_t)bytes;
	slots->share = attr->data_size / slots->count;
	return 0;
}

/* Memory of whole pages, each touched, so that no write faults: rings have theirs allocated, too. */
static inline void *peer_memory(size_t size)
{
	void *memory = aligned_alloc(4096, (size + 4095) & ~(size_t)4095);

	if (memory)
		memset(memory, 0, size);
	return memory;
}

/* contestant_ID when it is not there: @why says what to do. */
#define PEER_ABSENT(id, title, about, what, why)                                                                       \
	static const char *id##_absent(void)                                                                           \
	{                                                                                                              \
		return (why);                                                                                          \
	}                                                                                                              \
	const struct contestant contestant_##id = {                                                                    \
		.name = (title), .summary = (about), .traits = (what), .absent = id##_absent                           \
	};

#endif /* BENCH_PEER_H */
