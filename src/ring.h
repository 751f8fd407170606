/* SPDX-License-Identifier: MIT */
/*
 * ring.h - the ring as its writer holds it (private)
 */
#ifndef NRB_RING_H
#define NRB_RING_H

#include <stdint.h>

#include "control.h"
#include "mapping.h"
#include "nrb.h"

#define NRB_WRITER_MAGIC 0x746972772062726eull /* "nrb writ" */

/*
 * What only the writer reads and writes. It lies outside the pages that readers map, so that no reader can damage it:
 * a page of its own, for a named ring the file PATH.writer, from which it can be told after a crash what was reserved
 * and never published.
 *
 * All of it belongs to the writing thread and its handlers: no other CPU, hence the local primitives of order.h.
 */
struct nrb_writer {
	uint64_t magic;
	uint64_t data_size;
	uint64_t start;
	uint64_t reserved_[5];
	/* One cache line that every write touches. */
	uint64_t head;       /* reserved up to here, published or not */
	uint64_t tail_cache; /* data_tail as last loaded; never ahead of it, so a stale one only refuses too early */
	uint64_t lost;       /* failed writes not yet told by a LOST record */
	uint32_t nest;       /* writes in progress: the interrupted ones and the running one */
	uint32_t unused;
};

_Static_assert(offsetof(struct nrb_writer, head) == 64, "the hot fields begin a cache line");

/* Constant once made, so that handlers may read it at any time. */
struct nrb_ring {
	struct nrb_control *control;
	unsigned char *data; /* data_size bytes, and the same bytes once more behind them */
	struct nrb_writer *writer;
	uint64_t data_size;
	uint64_t payload_max;
	uint64_t id;
	struct nrb_mapping pages;
	struct nrb_mapping private_page;
};

#endif /* NRB_RING_H */
