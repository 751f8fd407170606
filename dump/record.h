/* SPDX-License-Identifier: MIT */
/*
 * record.h - what sources give and sinks take: plain data
 */
#ifndef DUMP_RECORD_H
#define DUMP_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "nrb.h"

/* A record, copied out of the ring. */
struct dump_record {
	uint64_t position; /* in the ring */
	uint64_t offset;   /* bytes from the start of the file */
	uint32_t type;
	uint32_t size; /* bytes of @payload */
	const unsigned char *payload;
	bool has_id; /* it had a trailer: @id */
	struct nrb_sample_id id;
	struct nrb_lost lost; /* of an NRB_RECORD_LOST */
};

/* What is wrong, and where. */
struct trouble {
	char text[512];
	uint64_t offset, position;
	bool has_offset, has_position;
};

/* What a dump comes to. */
struct dump_summary {
	uint64_t records, lost_records; /* LOST ones apart from the others */
	uint64_t lost;                  /* told by them */
	uint64_t errors, skipped;       /* what is no record, and the bytes given up for it */
	uint64_t missed;                /* bytes of an overwrite ring, overwritten before they were read */
	uint64_t consumed;              /* bytes that another reader took away meanwhile */
	uint64_t left_out;              /* records that the output format cannot hold */
	/* From the writer's page. */
	bool writer_known;
	char writer_reason[256];        /* why not */
	uint64_t lost_since;            /* lost, and not told by any LOST record */
	uint64_t reserved, in_progress; /* bytes reserved and not published, by so many writes */
};

#endif /* DUMP_RECORD_H */
