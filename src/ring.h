/* SPDX-License-Identifier: MIT */
/*
 * ring.h - the ring as its writer holds it (private)
 */
#ifndef NRB_RING_H
#define NRB_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "mapping.h"
#include "nrb.h"

/* The file of the writer's page stands beside the ring's. */
#define NRB_WRITER_SUFFIX ".writer"

/* What readers are told of; and what concerns nobody but the writer. */
#define NRB_FLAGS_KNOWN (NRB_OVERWRITE | NRB_BACKWARD | NRB_WAKE_WATERMARK | NRB_WAKE_RECORDS)
#define NRB_FLAGS_WRITER NRB_NO_RSEQ

#define NRB_WRITER_MAGIC 0x746972772062726eull /* "nrb writ" */

/* Parts of an overwritten ring whose records' ends are noted, and how many of them: two laps, see boundary below. */
#define NRB_PARTS 64u
#define NRB_BOUNDARIES (2 * NRB_PARTS)

/*
 * What only the writer writes. It lies outside the pages that readers map, so that no reader can damage it:
 * a page of its own, for a named ring the file PATH.writer, from which it can be told after a crash what was reserved
 * and never published.
 *
 * All of it belongs to the writing thread and its handlers: no other CPU, hence the local primitives of order.h. But
 * who takes snapshots of an overwrite ring maps it for reading, and loads head and boundary: see nrb_reserve_in_mode().
 */
struct nrb_writer {
	uint64_t magic;
	uint64_t data_size;
	uint64_t start;
	uint64_t token; /* random: the control page that has the same belongs to this one */
	uint64_t reserved_[4];
	/* One cache line that every write touches. */
	uint64_t head;       /* reserved up to here, published or not */
	uint64_t tail_cache; /* data_tail as last loaded; never ahead of it, so a stale one only refuses too early */
	uint64_t lost;       /* failed writes not yet told by a LOST record */
	uint32_t nest;       /* writes in progress: the interrupted ones and the running one */
	uint32_t unused;
	uint64_t wakeup;  /* changes when the reader is to be woken: a position by watermark, a count by records */
	uint64_t records; /* since it was woken for want of room, where so many of them wake it */
	uint64_t wakeups; /* how often it has been woken */
	uint64_t reserved_too[1];
	/*
	 * Of a ring that is overwritten, where to begin: for each 64th of the data, the end of the first record that
	 * ends in it, once that record was reserved. Without it nobody could tell where in the oldest data a record
	 * begins. Of two laps: when a part is entered again, the record that begins where it was entered before may
	 * still be whole, and the only one that is.
	 */
	uint64_t boundary[NRB_BOUNDARIES];
};

_Static_assert(offsetof(struct nrb_writer, head) == 64, "the hot fields begin a cache line");
#ifdef NRB_AT_HEAD
_Static_assert(offsetof(struct nrb_writer, head) == NRB_AT_HEAD, "what nrb_commit_inline() goes by");
_Static_assert(offsetof(struct nrb_writer, nest) == NRB_AT_NEST, "what nrb_commit_inline() goes by");
_Static_assert(offsetof(struct nrb_control, data_head) == NRB_AT_DATA_HEAD, "what nrb_commit_inline() goes by");
#endif
_Static_assert(offsetof(struct nrb_writer, boundary) == 128, "and fill one");
_Static_assert(sizeof(struct nrb_writer) <= 4096, "it fits into the smallest page");

/*
 * What a write needs. Constant once made, so that handlers may read it at any time; but for pid and tid. In memory that
 * a forked child finds zeroed: there payload_limit is 0, and no write gets beyond that.
 */
struct nrb_ring {
	struct nrb_control *control;
	unsigned char *data; /* data_size bytes, and the same bytes once more behind them */
	struct nrb_writer *writer;
	uint64_t data_size;
	uint64_t mask;          /* data_size - 1 */
	uint64_t section_limit; /* bytes: smaller payloads may be written in sections, see section.h; 0: none */
	int64_t rseq;           /* where a thread's struct rseq is, from its thread pointer */
	uint64_t payload_limit; /* bytes: a payload is smaller than this */
	uint64_t id;
	uint32_t in_mode; /* whether it does more than the plain ring: modes.h */
	uint32_t flags;
	uint64_t wakeup;          /* after so many bytes or records */
	uint64_t sample_id;       /* fields of the trailer */
	uint32_t trailer;         /* bytes of it */
	uint32_t samples_trailed; /* whether records of type SAMPLE have it, too */
	uint32_t boundary_shift;  /* log2 of the bytes that each of writer->boundary is for */
	int32_t clock;
	uint32_t pid, tid;  /* of the writer; 0: not known yet */
	int32_t wakeup_fd;  /* eventfd, or -1 */
	uint32_t wide_copy; /* whether there are registers of 32 bytes to copy with */
};

_Static_assert(offsetof(struct nrb_ring, control) == 0, "as in nrb.h");
_Static_assert(offsetof(struct nrb_ring, payload_limit) < 64, "what each write needs lies in one cache line");

/* What else belongs to a ring, in the page before it, which a forked child keeps: so that it can let go of all that. */
struct nrb_home {
	struct nrb_mapping pages;
	struct nrb_mapping private_page;
	int wakeup_fd;
	bool attached; /* to a channel, or a set's that it was handed to: see channel.c */
};

struct nrb_home *nrb_home(const struct nrb_ring *ring);

#endif /* NRB_RING_H */
