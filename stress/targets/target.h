/* SPDX-License-Identifier: MIT */
/*
 * target.h - what is put under stress, as a table of functions
 *
 * Nothing above this table knows which ring it holds. A target is a ring with one writer thread, which its own
 * interrupts may nest into, a consumer, and any number of watchers. Functions give 0 or -errno, pointers NULL and
 * errno. Positions count up, whichever way the ring itself counts them.
 */
#ifndef STRESS_TARGET_H
#define STRESS_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "words.h"

struct target_ring;   /* the writing side; the target's own type */
struct target_reader; /* the reading side */

/* Who makes the interrupts that nest. */
enum driver {
	DRIVER_HARNESS, /* the harness's injectors strike, and their handlers write */
	DRIVER_SELF     /* the target's own environment does, as the kernel */
};

struct target;

struct target_attr {
	const struct target *target; /* which is to be opened: one function may serve several */
	uint64_t data_size;          /* bytes */
	uint64_t start;              /* position of the first byte */
	uint64_t id;
};

/* A reservation between reserve and commit; @payload is set by the target, the rest is its own business. */
struct target_reservation {
	void *payload;
	_Alignas(16) unsigned char state[240];
};

struct target_record {
	uint32_t type;
	uint32_t size; /* bytes of payload */
	uint64_t position;
	const void *payload;
};

/* Machine code, from the first byte to the one behind the last. */
struct text_range {
	const void *start, *end;
};

/* A piece of memory that is part of what a ring, and its reading side, remember. */
struct target_region {
	void *address;
	size_t size;  /* bytes, a multiple of 8 */
	bool derived; /* what it holds follows from the others: it is put back with them, and not compared */
};

#define TARGET_REGIONS 12

struct target {
	const char *name;
	const char *summary; /* one line */

	/* What it claims. */
	enum claim claim;
	uint32_t expected
		[TIERS];    /* control: the violations of which one must be seen in this tier; 0: cannot show there */
	uint32_t allowed;   /* control: violations that come along with these */
	uint32_t checks;    /* the violations that can be told for this target at all */
	unsigned max_depth; /* writes that may nest, the outermost included; 0: unlimited; 1: it masks the others */
	bool masks_signals; /* its writes block the harness's signals */
	bool in_thread;   /* it keeps something in the writing thread's own memory, which no other process can share */
	bool overwrites;  /* no write is refused, and a reader who is late misses the oldest records */
	bool consumes;    /* to read a record gives its room back: where a ring is to be full, nothing is read yet */
	bool shared;      /* several threads may write at a time, each with handlers of its own that nest */
	bool foreign;     /* records are not laid out as perf's, nor all to be had that its positions tell of */
	bool own_code;    /* steps strike in @text alone, not in what it calls elsewhere */
	const char *file; /* a plug-in's, which nobody vouches for: how it ends is a finding. NULL: one of ours */
	uint32_t max_payload; /* bytes that a record holds at most; 0: as many as the harness writes */
	uint64_t watermark;   /* with wakeups: so many bytes at most may be left unread without one */
	enum driver driver;
	/* Why it cannot exist on this machine, in one line that names the remedy; NULL: it can. May be NULL. */
	const char *(*missing)(void);
	/*
	 * Where a strike makes code of it begin anew, restartable sequences: the same code without that. What is harmed
	 * there is aimed at, and a strike is told at the address that the kernel goes on from. NULL: there are none.
	 */
	const struct target *bare;
	const struct text_range *text; /* its write path, what it calls elsewhere left out; a NULL start ends them */

	/* The writing side. Context: thread. */
	struct target_ring *(*open)(const struct target_attr *attr);
	void (*close)(struct target_ring *ring);
	int (*attach)(struct target_ring *ring);  /* this thread is the writer from now on; may be NULL */
	void (*detach)(struct target_ring *ring); /* may be NULL */

	/* Context: writer, and nested in its handlers. @size is a multiple of 8. -ENOSPC: refused and counted. */
	int (*write)(struct target_ring *ring, const void *payload, size_t size);
	int (*reserve)(struct target_ring *ring, struct target_reservation *reservation, size_t size); /* may be NULL */
	void (*commit)(struct target_ring *ring, struct target_reservation *reservation);
	uint64_t (*reserved_head)(const struct target_ring *ring);
	uint64_t (*lost)(const struct target_ring *ring);
	uint64_t (*wakeups)(const struct target_ring *ring); /* how often its reader has been woken; NULL: never is */

	/*
	 * Where what is written into can be replaced: do so, and wait until no write into the one before is in
	 * progress.
	 * Context: a thread that is not the writer. Return: 0, or -EAGAIN: too many are still being read.
	 * swap_begin and swap_end are the two halves, for who steps the writer; swap_end once its write has returned.
	 */
	int (*swap)(struct target_ring *ring);
	void (*swap_begin)(struct target_ring *ring);
	void (*swap_end)(struct target_ring *ring);

	/* Of each thread that reads or watches, before and after that; may be NULL. Return: 0 or -errno. */
	int (*watch)(void);
	void (*unwatch)(void);

	/*
	 * The reading side. head and tail: any thread, acquire loads; the others: the one consumer. Where it
	 * overwrites, nobody consumes, and tail is head.
	 */
	struct target_reader *(*reader_open)(struct target_ring *ring);
	void (*reader_close)(struct target_reader *reader);
	uint64_t (*head)(const struct target_reader *reader);
	uint64_t (*tail)(const struct target_reader *reader);
	/* Load data_head into @head. Return: bytes that next may go through, or -EPROTO: nothing to be read now. */
	int64_t (*poll)(struct target_reader *reader, uint64_t *head);
	/* Return: 1 with a record, 0 none, -EBADMSG with record->position: what stands there is none. */
	int (*next)(struct target_reader *reader, struct target_record *record);
	void (*release)(struct target_reader *reader);
	uint64_t (*skip)(struct target_reader *reader);
	/* Where it overwrites: bytes that came and went unread; and to begin again with the oldest record there is. */
	uint64_t (*missed)(const struct target_reader *reader);
	void (*rewind)(struct target_reader *reader);

	/*
	 * All memory that writing and reading change, shared with forked processes where writing changes it: so that a
	 * state can be kept and put back. Return: how many regions; at most TARGET_REGIONS. May be NULL.
	 */
	unsigned (*regions)(struct target_ring *ring, struct target_reader *reader, struct target_region *region);
};

/* What of a payload of @size bytes a record of it holds. */
static inline uint32_t target_payload(const struct target *target, uint32_t size)
{
	return target->max_payload && size > target->max_payload ? target->max_payload : size;
}

/* All targets, in the order of --list; NULL ends them. */
extern const struct target *const target_table[];

/* What readers see of the decreases that a control makes is the measure of what they would see of a sound target's. */
bool target_is_measure(const struct target *target);

/* Return: the target of that name, or NULL. */
const struct target *target_find(const char *name);

#endif /* STRESS_TARGET_H */
