/* SPDX-License-Identifier: MIT */
/*
 * reader_state.h - the ring as a reader holds it (private)
 */
#ifndef NRB_READER_STATE_H
#define NRB_READER_STATE_H

#include <stdbool.h>

#include "control.h"
#include "mapping.h"
#include "nrb.h"
#include "ring.h"

struct nrb_reader {
	struct nrb_control *control;
	const unsigned char *data;
	uint64_t data_size; /* checked once; the page's own copy may change under us, and so may what follows */
	uint64_t sample_id;
	uint32_t flags;
	uint32_t trailer; /* bytes */
	uint32_t samples_trailed;
	uint32_t readonly;
	uint64_t position; /* of a plain ring the next record to look at; else see batch.h */
	uint64_t released; /* data_tail as we stored it last */
	uint64_t head;     /* published up to here at the last poll */
	uint64_t missed;   /* bytes overwritten before we came to them */

	/* Of an overwrite or backward ring, what the last poll found: see batch.h. */
	uint64_t low;                /* position of the first byte of the batch */
	uint64_t top;                /* backward: position behind its last byte */
	uint32_t records, delivered; /* records in it, and those that are through */
	uint32_t rewound;            /* the next batch begins with the oldest record */
	uint32_t stopped;            /* there was something in it that is no record: */
	uint64_t bad;                /* here */
	/* From here on constant: what does not change is not compared. */
	uint32_t *record;                /* where they begin, from @low, in words */
	unsigned char *copy;             /* of an overwrite ring, data_size bytes from @low on */
	const struct nrb_writer *writer; /* NULL: opened without it */
	struct nrb_attr attr;
	struct nrb_mapping pages;
	struct nrb_mapping private_page;
	int wakeup_fd; /* -1: none */
};

/*
 * nrb_record_at - what stands at @at, where @left bytes of whole records are
 *
 * Context: consumer. Return: bytes of the record, or 0: it is none. @record: receives it, all but its position.
 */
uint32_t nrb_record_at(const struct nrb_reader *reader, const unsigned char *at, uint64_t left,
		       struct nrb_record *record);

#endif /* NRB_READER_STATE_H */
