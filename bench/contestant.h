/* SPDX-License-Identifier: MIT */
/*
 * contestant.h - what is measured, as a table of functions: libnrb's write paths, the limits, what a user would pick
 *                instead
 *
 * A contestant is a ring with one writer thread and one consumer. Nothing above this table knows which one it holds,
 * and all are called through it alike, so that the call costs each the same. Functions give 0 or -errno, pointers
 * NULL and errno. Sizes are bytes, and known at run time only.
 */
#ifndef BENCH_CONTESTANT_H
#define BENCH_CONTESTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_ring; /* the writing side; the contestant's own type */

/* What a contestant is, and so what may be asked of it. */
#define CONTESTANT_NESTS 0x1u      /* handlers may write at any instruction of a write */
#define CONTESTANT_SLOTS 0x2u      /* fixed slots: records are as large as the ring was opened for, or smaller */
#define CONTESTANT_OVERWRITES 0x4u /* can be opened with overwrite; and with CONTESTANT_KEEPS_NOT only so */
#define CONTESTANT_KEEPS_NOT 0x8u
#define CONTESTANT_STAMPS 0x10u  /* can be opened with stamped */
#define CONTESTANT_STAMPED 0x20u /* cannot be opened without */
#define CONTESTANT_LIMIT 0x40u   /* not a ring that anybody could use: a bound of what is possible */
#define CONTESTANT_PATH                                                                                                \
	0x80u /* one of libnrb's own ways to write: it has a loop, and the nest path can be told apart */

struct bench_attr {
	uint64_t data_size;   /* bytes, a power of two */
	uint32_t payload_max; /* bytes: no record will be larger */
	bool overwrite;       /* the newest records are kept, and nobody consumes */
	bool stamped;         /* each record gets a time stamp */
};

struct contestant {
	const char *name;
	const char *summary; /* one line */
	unsigned traits;     /* CONTESTANT_... */

	/* Why it cannot be measured here: not built in, not installed, no permission. NULL: it can. May be NULL. */
	const char *(*absent)(void);

	/* Context: thread, not yet the writer. May start other processes. -EOPNOTSUPP: not in this mode. */
	struct bench_ring *(*open)(const struct bench_attr *attr);
	void (*close)(struct bench_ring *ring);
	/* Context: the thread that writes or consumes from now on, before and after. May be NULL. */
	int (*attach)(struct bench_ring *ring);
	void (*detach)(struct bench_ring *ring);

	/*
	 * Context: writer; nested in its handlers where CONTESTANT_NESTS. A record of @size bytes of payload.
	 * Return: 0, or -ENOSPC: no room now; nothing was written.
	 */
	int (*write)(struct bench_ring *ring, const void *payload, size_t size);
	/* The same with the writer's handler called while the record is being written, or NULL: see --mode=nested. */
	int (*write_around)(struct bench_ring *ring, const void *payload, size_t size, void (*within)(void *),
			    void *arg);

	/*
	 * Context: the one consumer. Look at what is published and give all of its room back, but only once that is
	 * @least bytes (of slots: their share of data_size). Records are not looked into, where that can be avoided.
	 * Return: bytes given back, or 0. NULL: nobody can consume.
	 */
	uint64_t (*take)(struct bench_ring *ring, uint64_t least);
	/*
	 * Context: consumer. The next published record; valid until release, which gives back all those gone through.
	 * Return: 1 with a record, or 0: none now. For latency. NULL: as above.
	 */
	int (*next)(struct bench_ring *ring, const void **payload, size_t *size);
	void (*release)(struct bench_ring *ring);
	/*
	 * Context: consumer. The ring's own read loop, until *@stop is not 0: it decides when to look and when to give
	 * room back; a published record waits at most @latency_ns. NULL: it has none.
	 * Return: records read, or -errno.
	 */
	int64_t (*loop)(struct bench_ring *ring, uint64_t latency_ns, const uint32_t *stop);
};

/* All contestants, in the order of --list; NULL ends them. */
extern const struct contestant *const contestant_table[];

/* Return: the contestant of that name, or NULL. */
const struct contestant *contestant_find(const char *name);

#endif /* BENCH_CONTESTANT_H */
