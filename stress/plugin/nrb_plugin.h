/* SPDX-License-Identifier: MIT */
/*
 * nrb_plugin.h - put a ring buffer of your own under nrb-stress, as a shared object
 *
 * The object exports one symbol, nrb_plugin, a table of functions; `nrb-stress ./my-ring.so` does the rest. It links
 * nothing of nrb. A ring has one writing thread, or several where it claims so, whose signal handlers may write at any
 * instruction of a write, and one consumer, on another thread. Payloads are the harness's: it verifies what it reads.
 *
 * All code of a plug-in runs in processes of its own: one that crashes, loops or deadlocks is told as such.
 * doc/plugins.md leads from an empty file to a verdict.
 */
#ifndef NRB_PLUGIN_H
#define NRB_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface: nrb_plugin.version. One that nrb-stress does not know is refused. */
#define NRB_PLUGIN_VERSION 1u

/* The payloads that the harness writes are of 16 bytes at least, 2048 at most, and a multiple of 8. */
#define NRB_PLUGIN_PAYLOAD_MIN 16u

/* What can be wrong with a ring: nrb_plugin.expected and .allowed. nrb-stress(1) tells what each means. */
#define NRB_PLUGIN_HEAD_BACKWARD (1u << 0)
#define NRB_PLUGIN_HEAD_BELOW_TAIL (1u << 1)
#define NRB_PLUGIN_TORN_RECORD (1u << 2)
#define NRB_PLUGIN_BAD_RECORD (1u << 3)
#define NRB_PLUGIN_SEQUENCE_GAP (1u << 4)
#define NRB_PLUGIN_SEQUENCE_REPEAT (1u << 5)
#define NRB_PLUGIN_OVERRUN (1u << 6)
#define NRB_PLUGIN_LOST_MISMATCH (1u << 7)
#define NRB_PLUGIN_STUCK_HEAD (1u << 8)
#define NRB_PLUGIN_CRASH (1u << 10)
#define NRB_PLUGIN_HANG (1u << 11)

/* nrb_plugin.claim */
enum nrb_plugin_claim {
	NRB_PLUGIN_SOUND = 0,  /* nothing is ever wrong: a violation is a FAIL */
	NRB_PLUGIN_CONTROL = 1 /* broken on purpose: what is @expected must be seen */
};

/* nrb_plugin.flags */
/* head(), tail() and reserved_head() count bytes, all of them in one unit; else they count records. */
#define NRB_PLUGIN_BYTES (1u << 0)
/* Writes block the signals that interrupt them. */
#define NRB_PLUGIN_MASKS_SIGNALS (1u << 1)
/* Several threads may write at the same time, each with its handlers: the harness has two do so where it strikes at
 * full speed. attach() and detach() are called by each. */
#define NRB_PLUGIN_SHARED_WRITERS (1u << 2)

/* What the harness gives a ring. */
struct nrb_plugin_host {
	uint32_t version;
	uint32_t reserved;
	/*
	 * alloc - zeroed memory for a ring, aligned to 64 bytes, for open() alone; it is given back after close()
	 *
	 * A ring that has all of its memory from here (and in its own static variables) is stepped fast: the harness
	 * can keep its state and put it back. Any other is stepped in a process for each way.
	 *
	 * Return: NULL: there is no more.
	 */
	void *(*alloc)(const struct nrb_plugin_host *host, size_t size);
};

/* A record between reserve() and commit(). */
struct nrb_plugin_reservation {
	void *payload;      /* set by reserve(): where the harness fills it in */
	uint64_t state[28]; /* the plug-in's own */
};

/* Memory that writing or reading changes. */
struct nrb_plugin_region {
	void *address;
	size_t size; /* bytes, a multiple of 8 */
};

/*
 * The table. Functions of which nothing else is said are mandatory; those that are optional may be NULL. @ring is what
 * open() gave. "writer" is a writing thread and, nested at any instruction, its handlers. Functions return 0 or a
 * negative errno.
 */
struct nrb_plugin {
	uint32_t version;     /* NRB_PLUGIN_VERSION */
	uint32_t struct_size; /* sizeof(struct nrb_plugin) */
	const char *name;     /* in reports: letters, digits, '-', '_' */
	const char *summary;  /* one line */

	uint32_t claim;       /* enum nrb_plugin_claim */
	uint32_t expected;    /* a control: of these at least one must be seen */
	uint32_t allowed;     /* and these may come along with it */
	uint32_t max_depth;   /* writes that may nest, the outermost included: 0 any number, 1 none at all. Where none
				 may, the harness nests all the same, and shows what comes of it */
	uint32_t max_payload; /* bytes that a record holds at most, a multiple of 8; 0: 2048 */
	uint32_t flags;       /* NRB_PLUGIN_BYTES, ... */

	/* A ring with room for about @data_size bytes of records, a power of two. Return: NULL and errno. Context:
	 * thread. */
	void *(*open)(const struct nrb_plugin_host *host, size_t data_size);
	void (*close)(void *ring);

	/* Write one record. Return: 0, -ENOSPC when there is no room now; any other errno is a failure. Context:
	 * writer. */
	int (*write)(void *ring, const void *payload, size_t size);

	/*
	 * Take the next record: copy its payload, @size bytes at most, to @payload. Its room is free then, unless there
	 * is a release(). Never waits. Return: bytes of it; 0: there is none; negative: what stands there is none.
	 * Context: consumer.
	 */
	int64_t (*read)(void *ring, void *payload, size_t size);

	/*
	 * Up to where records are published, as a reader sees it (an acquire load): it only goes up, from whatever it
	 * is at first, and wraps at 2^64. Optional: a queue without a position that readers see has only its records
	 * judged. Context: any thread, and writer.
	 */
	uint64_t (*head)(const void *ring);

	/* ---- all below is optional ---- */

	/* Up to where the consumer has given room back. Context: any thread. */
	uint64_t (*tail)(const void *ring);
	/* Give back the room of all that read() has given. Without it, read() does so itself. Context: consumer. */
	void (*release)(void *ring);
	/* Up to where writers have reserved: at rest this is head(). Context: writer. */
	uint64_t (*reserved_head)(const void *ring);
	/* Writes refused since open(). Context: writer, consumer. */
	uint64_t (*lost)(const void *ring);
	/* Write in two halves: what is between them is interrupted, too. Both or none. Context: writer. */
	int (*reserve)(void *ring, struct nrb_plugin_reservation *reservation, size_t size);
	void (*commit)(void *ring, struct nrb_plugin_reservation *reservation);
	/* The calling thread is a writer from now on, and no longer. */
	int (*attach)(void *ring);
	void (*detach)(void *ring);
	/*
	 * All memory that writing and reading change beyond what alloc() gave and the object's own static variables;
	 * @most at most. In memory that is MAP_SHARED, where it is to be stepped by ptrace. Return: how many.
	 */
	unsigned (*regions)(void *ring, struct nrb_plugin_region *region, unsigned most);
};

/* What the object exports. */
extern const struct nrb_plugin nrb_plugin __attribute__((visibility("default")));

#ifdef __cplusplus
}
#endif

#endif /* NRB_PLUGIN_H */
