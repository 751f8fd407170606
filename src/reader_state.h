/* SPDX-License-Identifier: MIT */
/*
 * reader_state.h - the ring as a reader holds it (private)
 */
#ifndef NRB_READER_STATE_H
#define NRB_READER_STATE_H

#include "control.h"
#include "mapping.h"
#include "nrb.h"

struct nrb_reader {
	struct nrb_control *control;
	const unsigned char *data;
	uint64_t data_size; /* checked once; the page's own copy may change under us */
	uint64_t position;  /* next record to look at */
	uint64_t released;  /* data_tail as we stored it last */
	uint64_t head;      /* published up to here at the last poll */
	struct nrb_mapping pages;
};

#endif /* NRB_READER_STATE_H */
