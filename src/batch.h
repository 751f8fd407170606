/* SPDX-License-Identifier: MIT */
/*
 * batch.h - reading rings in which one cannot go from record to record in place: overwritten or backward ones (private)
 *
 * A poll takes a batch: of an overwrite ring a copy, of which is kept what was not overwritten meanwhile; of a backward
 * ring that is not overwritten the data as they lie there. All record headers in it are gone through once, so that
 * records can be given in the order in which they were reserved, whichever way they lie.
 *
 * reader->position is where the next batch joins on: forward the end of this one, backward its beginning.
 */
#ifndef NRB_BATCH_H
#define NRB_BATCH_H

#include "reader_state.h"

static inline bool nrb_is_batched(const struct nrb_reader *reader)
{
	return reader->flags & (NRB_OVERWRITE | NRB_BACKWARD);
}

/* Room for batches. Return: 0 or -ENOMEM. */
int nrb_batch_open(struct nrb_reader *reader);
void nrb_batch_close(struct nrb_reader *reader);

/* As nrb_reader_poll(); @head is data_head as it was loaded. */
int64_t nrb_batch_poll(struct nrb_reader *reader, uint64_t head);
/* Whether the last poll found something that was not given yet: then the next one does not look for more. */
bool nrb_batch_is_left(const struct nrb_reader *reader);
/* As nrb_reader_next(). */
int nrb_batch_next(struct nrb_reader *reader, struct nrb_record *record);
/* Position up to which, forward, or down to which, backward, all records of the batch have been given. */
uint64_t nrb_batch_through(const struct nrb_reader *reader);
/* Give up what is left of the batch. skip: it counts as consumed. Return: bytes. */
uint64_t nrb_batch_skip(struct nrb_reader *reader);
void nrb_batch_forget(struct nrb_reader *reader);

#endif /* NRB_BATCH_H */
