/* SPDX-License-Identifier: MIT */
/*
 * reader_set.h - a set's sources, one for each channel, and their stages, one for each ring in turn (private)
 *
 * The set's lock is over the lists and the flags in them. Only the reader takes anything out, so it goes through them
 * without the lock, and calls whoever it reads for with none held.
 *
 * Context: thread, all of it.
 */
#ifndef NRB_READER_SET_H
#define NRB_READER_SET_H

#include "nrb_channel.h"

struct nrb_source;
struct nrb_stage;

/* A source for a channel. Return: it, or NULL and errno. */
struct nrb_source *nrb_source_make(struct nrb_set *set, uint64_t id, void *cookie);

/* The channel is no more; all its stages are retired. */
void nrb_source_depart(struct nrb_set *set, struct nrb_source *source);

/* A stage for @ring, opened for reading. Return: it, or NULL and errno. nrb_stage_free() leaves the ring alone. */
struct nrb_stage *nrb_stage_make(struct nrb_ring *ring);
void nrb_stage_free(struct nrb_stage *stage);

/* @stage is what comes after those that @source has. Before anybody writes into its ring. */
void nrb_stage_push(struct nrb_set *set, struct nrb_source *source, struct nrb_stage *stage);

/* Nobody writes into the ring of @stage any more: it is the set's, which destroys it. */
void nrb_stage_retire(struct nrb_set *set, struct nrb_stage *stage);

#endif /* NRB_READER_SET_H */
